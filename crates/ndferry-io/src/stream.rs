//! [`StreamTransport`]: frames over a byte stream.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

use crate::patience::Patience;
use crate::{Duplex, Error, FrameSink, FrameSource, Framing, Interrupt, Result};

/// The longest that a blocking call sleeps before it looks at the interrupt again.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Memory grows by at most this many bytes at a time, until they have really arrived.
const STEP: usize = 1 << 20;

/// Bytes that are read beyond a frame, so that many small ones come with one call. What belongs to the next large frame
/// is moved to the buffer's start, so this must stay small beside a block.
const AHEAD: usize = 16 << 10;

/// Bytes that are kept of what the other side says while it takes nothing: some hours of a short word each second.
const HEARD: usize = 1 << 20;

/// Frames up to this size may wait for others, to be written with one call.
const SMALL: usize = 16 << 10;

/// Bytes of such frames that are written together.
const TOGETHER: usize = 64 << 10;

/// A byte stream whose calls return [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] after a tenth of a second, or
/// which never waits for long.
pub trait Stream: Read + Write + Send {
    /// Whether a read would not wait.
    ///
    /// # Errors
    /// What the system says.
    fn has_input(&mut self) -> io::Result<bool>;

    /// Sends once of what it has taken and not sent yet, as streams do that encrypt; gives how many bytes went, 0 if there
    /// were none. Whoever writes calls it until then.
    ///
    /// # Errors
    /// What the system says.
    fn push(&mut self) -> io::Result<usize> {
        Ok(0)
    }

    /// Bytes that have come beneath, if these are others than those that are read.
    fn taken(&self) -> u64 {
        0
    }

    /// Nothing more will be written. May have to be said again, after [`ErrorKind::WouldBlock`].
    ///
    /// # Errors
    /// What the system says.
    fn finish(&mut self) -> io::Result<()>;

    /// Whether it goes both ways.
    fn answers(&self) -> bool {
        true
    }

    /// See [`Duplex::counts_messages`].
    fn counts_messages(&self) -> bool {
        false
    }

    /// The other side, for people to read.
    fn peer(&self) -> String;

    /// See [`Duplex::binding`].
    fn binding(&self) -> [u8; 32] {
        [0; 32]
    }

    /// Appends to `bytes` what must be written before each part of the next frame, and to `ends` where that ends there,
    /// once a part; or neither. For streams that are cut into messages of their own.
    fn heads(&mut self, parts: &[&[u8]], bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
        let _ = (parts, bytes, ends);
    }
}

/// Frames over a byte stream, with one reused buffer for what comes. What goes is not copied.
pub struct StreamTransport<S> {
    stream: S,
    framing: Framing,
    max_frame: u64,
    patience: Patience,
    /// As long as the longest frame so far and what was read ahead; all of it was zeroed or filled once.
    buffer: Vec<u8>,
    /// The next frame starts here.
    start: usize,
    /// What has come ends here.
    end: usize,
    /// What is written before each part, and where that ends; see [`Stream::heads`].
    heads: (Vec<u8>, Vec<usize>),
    /// Small frames that are written together, with what stands before their parts.
    queued: Vec<u8>,
    sent: u64,
    received: u64,
}

impl<S: Stream> StreamTransport<S> {
    /// Frames over `stream`; gives up when no byte moves for `timeout`.
    pub fn new(stream: S, framing: Framing, timeout: Duration, interrupt: Interrupt) -> Self {
        Self {
            stream,
            framing,
            max_frame: u64::MAX,
            patience: Patience::new(timeout, interrupt),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            heads: Default::default(),
            queued: Vec::new(),
            sent: 0,
            received: 0,
        }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The same frames over what the stream is made into.
    pub(crate) fn over<T, E>(
        self,
        into: impl FnOnce(S) -> std::result::Result<T, E>,
    ) -> std::result::Result<StreamTransport<T>, Box<StreamTransport<E>>> {
        let (stream, without) = self.replace(());
        match into(stream) {
            Ok(stream) => Ok(without.replace(stream).1),
            Err(stream) => Err(Box::new(without.replace(stream).1)),
        }
    }

    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Bytes that have come and not been received yet.
    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn ahead(&self) -> usize {
        self.end - self.start
    }

    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn head_nbytes(&self) -> usize {
        self.framing.head_nbytes
    }

    /// Receives the head of a frame alone, after [`Self::head`].
    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn take_head(&mut self) -> &[u8] {
        let head = self.start..self.start + self.framing.head_nbytes;
        self.start = head.end;
        self.received += head.len() as u64;
        &self.buffer[head]
    }

    /// Waits for the head of the next frame, and says how long that is; `None` at the end of the stream.
    pub(crate) fn head(&mut self) -> Result<Option<usize>> {
        let needed = self.framing.head_nbytes;
        let got = self.fill(needed)?;
        match self.next_nbytes()? {
            Some(nbytes) => Ok(Some(nbytes)),
            None if got == 0 => Ok(None),
            None if is_tls(&self.buffer[self.start..self.end]) => Err(Error::SpeaksTls),
            None => Err(closed(got, needed)),
        }
    }

    /// Receives the whole frame, after [`Self::head`] has said how long it is.
    pub(crate) fn body(&mut self, nbytes: usize) -> Result<&[u8]> {
        let got = self.fill(nbytes)?;
        if got < nbytes {
            return Err(closed(got, nbytes));
        }
        let frame = self.start..self.start + nbytes;
        self.start = frame.end;
        self.received += nbytes as u64;
        Ok(&self.buffer[frame])
    }

    /// Reads until `nbytes` bytes of the next frame are there, and perhaps a little more; gives how many there are, fewer
    /// only if the stream has ended.
    fn fill(&mut self, nbytes: usize) -> Result<usize> {
        let mut wait = self.patience.begin();
        while self.end - self.start < nbytes {
            let room = make_room(&mut self.buffer, &mut self.start, &mut self.end, nbytes)?;
            // Part of a record has moved, too.
            let before = self.stream.taken();
            let mut came = None;
            wait.until(|| match self.stream.read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match self.stream.taken() - before {
                        0 => Err(error),
                        moved => Ok(moved as usize),
                    }
                }
                read => read.inspect(|n| came = Some(*n)),
            })?;
            match came {
                Some(0) => break,
                Some(n) => self.end += n,
                None => {}
            }
        }
        Ok(self.end - self.start)
    }

    /// Reads once, when something is known to be there, and says what has come so far.
    pub(crate) fn take_in(&mut self) -> Result<Arrived> {
        let have = self.end - self.start;
        let nbytes = self.next_nbytes()?.unwrap_or(self.framing.head_nbytes);
        if have < nbytes {
            let room = make_room(&mut self.buffer, &mut self.start, &mut self.end, nbytes)?;
            match self.stream.read(room) {
                Ok(0) => return Ok(Arrived::End),
                Ok(n) => self.end += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(match self.next_nbytes()? {
            Some(nbytes) if nbytes <= self.end - self.start => Arrived::Frame,
            _ => Arrived::Part,
        })
    }

    /// The parts of a frame, each behind what must stand before it.
    fn with_heads<'a>(
        &mut self,
        parts: &'a [&'a [u8]],
        heads: &'a mut Vec<u8>,
        ends: &'a mut Vec<usize>,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, S> {
        heads.clear();
        ends.clear();
        if !parts.is_empty() {
            self.stream.heads(parts, heads, ends);
        }
        let (heads, ends) = (&heads[..], &ends[..]);
        parts.iter().enumerate().flat_map(move |(number, part)| {
            let end = ends.get(number).copied().unwrap_or(0);
            let start = number.checked_sub(1).and_then(|before| ends.get(before));
            [&heads[start.copied().unwrap_or(0)..end], *part]
        })
    }

    pub(crate) fn write_queued(&mut self) -> Result<()> {
        match self.queued.is_empty() {
            true => Ok(()),
            false => self.send(&[]),
        }
    }

    /// The next frame, if all of it has come; [`FrameSource::recv`] gives it again.
    pub(crate) fn arrived(&self) -> Result<Option<&[u8]>> {
        let have = &self.buffer[self.start..self.end];
        Ok(self.next_nbytes()?.and_then(|nbytes| have.get(..nbytes)))
    }

    /// Takes in what the other side has said, while it takes nothing itself; gives how many bytes.
    fn hear(&mut self) -> usize {
        let have = self.end - self.start;
        if have >= HEARD || !self.stream.has_input().unwrap_or(false) {
            return 0;
        }
        let room = make_room(&mut self.buffer, &mut self.start, &mut self.end, have);
        // If the stream is broken, the next write says so.
        let n = room.map_or(0, |room| self.stream.read(room).unwrap_or(0));
        self.end += n;
        n
    }

    /// Reads once what is of no interest any more; whether there may be more.
    pub(crate) fn throw_away(&mut self) -> bool {
        (self.start, self.end) = (0, 0);
        match self.stream.read(&mut self.buffer) {
            Ok(n) => n > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// How long the next frame is, if its head has come.
    fn next_nbytes(&self) -> Result<Option<usize>> {
        let have = &self.buffer[self.start..self.end];
        let Some(head) = have.get(..self.framing.head_nbytes) else {
            return Ok(None);
        };
        let claimed = (self.framing.frame_nbytes)(head).map_err(|problem| match is_tls(head) {
            true => Error::SpeaksTls,
            false => Error::Frame(problem),
        })?;
        // A frame that no slice can hold is too long, whatever the limit is.
        let limit = self
            .max_frame
            .min(isize::MAX as u64 - (STEP + AHEAD) as u64);
        if claimed > limit {
            return Err(Error::FrameTooLong { claimed, limit });
        }
        Ok(Some(claimed as usize))
    }
}

impl<S> StreamTransport<S> {
    fn replace<T>(self, stream: T) -> (S, StreamTransport<T>) {
        let other = StreamTransport {
            stream,
            framing: self.framing,
            max_frame: self.max_frame,
            patience: self.patience,
            buffer: self.buffer,
            start: self.start,
            end: self.end,
            heads: self.heads,
            queued: self.queued,
            sent: self.sent,
            received: self.received,
        };
        (self.stream, other)
    }
}

/// What has come of the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// Nothing, or not all.
    Part,
    /// All of it.
    Frame,
    /// No more will come.
    End,
}

/// Whether bytes that are no frame begin an alert or a hand-shake of TLS.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 3, 0..=4, ..])
}

/// Moves what has come to the front, and gives the place behind it: for the rest of a frame, but only for a step of a
/// long one, and for a little more.
fn make_room<'a>(
    buffer: &'a mut Vec<u8>,
    start: &mut usize,
    end: &mut usize,
    nbytes: usize,
) -> Result<&'a mut [u8]> {
    if *start > 0 {
        buffer.copy_within(*start..*end, 0);
        *end -= *start;
        *start = 0;
    }
    // No overflow: frames are shorter than isize::MAX by as much as is added here.
    let to = nbytes.min(*end + STEP) + AHEAD;
    if buffer.len() < to {
        buffer
            .try_reserve(to - buffer.len())
            .map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
        buffer.resize(to, 0);
    }
    Ok(&mut buffer[*end..to])
}

fn closed(received: usize, needed: usize) -> Error {
    let (received, needed) = (received as u64, needed as u64);
    Error::Closed { received, needed }
}

impl<S: Stream> FrameSink for StreamTransport<S> {
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        let (mut heads, mut ends) = std::mem::take(&mut self.heads);
        let mut queued = std::mem::take(&mut self.queued);
        let mut slices = Vec::with_capacity(1 + 2 * parts.len());
        slices.push(IoSlice::new(&queued));
        for part in self.with_heads(parts, &mut heads, &mut ends) {
            slices.push(IoSlice::new(part));
        }
        let mut left = &mut slices[..];
        // Leaves out empty parts, which would look like a closed stream.
        IoSlice::advance_slices(&mut left, 0);
        let patience = self.patience.clone();
        let (mut wait, mut heard) = (patience.begin(), 0);
        let mut is_taken = false;
        while is_taken || !left.is_empty() {
            wait.check()?;
            let moved = match is_taken {
                true => self.stream.push(),
                false => self.stream.write_vectored(left),
            };
            match moved {
                Ok(0) if is_taken => is_taken = false,
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(n) if is_taken => wait.moved(n),
                Ok(n) => {
                    wait.moved(n);
                    self.sent += n as u64;
                    IoSlice::advance_slices(&mut left, n);
                    is_taken = true;
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) =>
                {
                    // It serves somebody else, and says so: that is not silence.
                    heard += self.hear();
                    if heard >= self.framing.head_nbytes {
                        (wait, heard) = (patience.begin(), 0);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        // Their memory is used again.
        self.heads = (heads, ends);
        queued.clear();
        self.queued = queued;
        Ok(())
    }

    fn queue(&mut self, parts: &[&[u8]]) -> Result<()> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > SMALL {
            return self.send(parts);
        }
        let (mut heads, mut ends) = std::mem::take(&mut self.heads);
        let mut queued = std::mem::take(&mut self.queued);
        for part in self.with_heads(parts, &mut heads, &mut ends) {
            queued.extend_from_slice(part);
        }
        self.heads = (heads, ends);
        self.queued = queued;
        match self.queued.len() >= TOGETHER {
            true => self.send(&[]),
            false => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.write_queued()?;
        self.stream.flush()?;
        let mut wait = self.patience.begin();
        wait.until(|| self.stream.finish().map(|()| 0))?;
        Ok(())
    }
}

impl<S: Stream> FrameSource for StreamTransport<S> {
    fn recv(&mut self) -> Result<Option<&[u8]>> {
        self.write_queued()?;
        match self.head()? {
            Some(nbytes) => self.body(nbytes).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(all(feature = "shm", target_os = "linux"))]
impl StreamTransport<crate::net::Socket> {
    /// Sends bytes with a descriptor, over a Unix socket.
    pub(crate) fn send_with(
        &mut self,
        bytes: &[u8],
        descriptor: std::os::fd::BorrowedFd<'_>,
    ) -> Result<()> {
        use crate::net::OverSocket;
        self.write_queued()?;
        let stream = &self.stream;
        let mut wait = self.patience.begin();
        let sent = wait.until(|| crate::shm::send_with(stream.socket(), bytes, descriptor))?;
        self.sent += sent as u64;
        self.send(&[&bytes[sent..]])
    }
}

impl<S: Stream> Duplex for StreamTransport<S> {
    fn has_input(&mut self) -> Result<bool> {
        Ok(self.start < self.end || self.stream.has_input()?)
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.patience.timeout = timeout;
    }

    fn set_deadline(&mut self, within: Option<Duration>) {
        self.patience.set_deadline(within);
    }

    fn set_max_frame(&mut self, nbytes: u64) {
        self.max_frame = nbytes;
    }

    fn drain(&mut self, timeout: Duration, nbytes: u64) {
        self.patience.timeout = self.patience.timeout.min(timeout);
        if self.finish().is_err() {
            return;
        }
        let started = Instant::now();
        let mut left = nbytes;
        let mut bin = vec![0; STEP];
        while started.elapsed() < timeout && left > 0 && !self.patience.interrupt.is_raised() {
            match self.stream.read(&mut bin) {
                Ok(0) => return,
                Ok(n) => left = left.saturating_sub(n as u64),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(_) => return,
            }
        }
    }

    fn answers(&self) -> bool {
        self.stream.answers()
    }

    fn counts_messages(&self) -> bool {
        self.stream.counts_messages()
    }

    fn peer(&self) -> String {
        self.stream.peer()
    }

    fn binding(&self) -> [u8; 32] {
        self.stream.binding()
    }

    fn sent_nbytes(&self) -> u64 {
        self.sent
    }

    fn received_nbytes(&self) -> u64 {
        self.received
    }
}

impl<S: Stream> fmt::Debug for StreamTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTransport")
            .field("peer", &self.stream.peer())
            .field("sent", &self.sent)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A stream that hands out one byte at a time and takes three.
    #[derive(Default)]
    struct Chopped {
        bytes: VecDeque<u8>,
        stall: bool,
    }

    impl Read for Chopped {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.bytes.pop_front() {
                Some(byte) => {
                    buf[0] = byte;
                    Ok(1)
                }
                None if self.stall => Err(ErrorKind::WouldBlock.into()),
                None => Ok(0),
            }
        }
    }

    impl Write for Chopped {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let n = buf.len().min(3);
            self.bytes.extend(&buf[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Chopped {
        fn has_input(&mut self) -> io::Result<bool> {
            Ok(!self.bytes.is_empty())
        }

        fn finish(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn peer(&self) -> String {
            "a test".to_owned()
        }
    }

    /// One byte of length, then so many bytes.
    const FRAMING: Framing = Framing {
        head_nbytes: 1,
        frame_nbytes: |head| match head[0] {
            255 => Err("not a frame".to_owned()),
            n => Ok(u64::from(n) + 1),
        },
    };

    fn transport(stream: Chopped) -> StreamTransport<Chopped> {
        // Whoever stalls is given up.
        let patience = Duration::from_secs(if stream.stall { 1 } else { 20 });
        StreamTransport::new(stream, FRAMING, patience, Interrupt::new())
    }

    #[test]
    fn chopped_frames_come_whole() {
        let mut both = transport(Chopped::default());
        both.send(&[&[5], b"", b"he", b"llo"]).unwrap();
        both.send(&[&[0]]).unwrap();
        assert_eq!(both.recv().unwrap(), Some(&b"\x05hello"[..]));
        assert_eq!(both.recv().unwrap(), Some(&[0][..]));
        assert_eq!(both.recv().unwrap(), None);
        assert_eq!((both.sent_nbytes(), both.received_nbytes()), (7, 7));
    }

    #[test]
    fn small_frames_wait_for_others_and_go_before_anything_else() {
        let mut both = transport(Chopped::default());
        both.queue(&[&[2], b"a", b"b"]).unwrap();
        assert_eq!(both.sent_nbytes(), 0);
        both.send(&[&[1], b"c"]).unwrap();
        both.queue(&[&[0]]).unwrap();
        for frame in [&b"\x02ab"[..], b"\x01c", b"\0"] {
            assert_eq!(both.recv().unwrap(), Some(frame));
        }
        for _ in 0..TOGETHER / 5 {
            both.queue(&[b"\x04last"]).unwrap();
        }
        assert!(both.sent_nbytes() < 10);
        both.finish().unwrap();
        assert_eq!(both.sent_nbytes() as usize, 6 + TOGETHER / 5 * 5);
        both.queue(&[b"\x04last"]).unwrap();
        both.queue(&[&[0; TOGETHER][..SMALL]]).unwrap();
        both.queue(&[&[0; TOGETHER][..SMALL]]).unwrap();
        both.queue(&[&[0; TOGETHER][..SMALL]]).unwrap();
        let before = both.sent_nbytes();
        both.queue(&[&[0; TOGETHER][..SMALL]]).unwrap();
        assert!(both.sent_nbytes() > before + TOGETHER as u64);
    }

    #[test]
    fn cut_silent_and_senseless_streams_are_told_apart() {
        let stream = |bytes: &[u8], stall| Chopped {
            bytes: bytes.iter().copied().collect(),
            stall,
        };
        assert!(matches!(
            transport(stream(b"\x05he", false)).recv(),
            Err(Error::Closed {
                received: 3,
                needed: 6
            })
        ));
        assert!(matches!(
            transport(stream(b"\x05he", true)).recv(),
            Err(Error::Slow { moved: 2, .. })
        ));
        assert!(matches!(
            transport(stream(b"", true)).recv(),
            Err(Error::Silent(_))
        ));
        assert!(matches!(
            transport(stream(b"\xff", false)).recv(),
            Err(Error::Frame(_))
        ));
        let mut interrupted = transport(stream(b"", true));
        interrupted.patience.interrupt.raise();
        assert!(matches!(interrupted.recv(), Err(Error::Interrupted)));
    }

    #[test]
    fn frames_too_long_are_refused_by_their_heads() {
        let mut both = transport(Chopped::default());
        both.send(&[b"\x03abc\x04abcd"]).unwrap();
        both.set_max_frame(4);
        assert_eq!(both.recv().unwrap(), Some(&b"\x03abc"[..]));
        let error = both.recv().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a message of 5 bytes, at most 4 are accepted"
        );
        assert_eq!(both.buffer.len(), 4 + AHEAD);
    }

    /// Hands out and takes bytes in pieces of these sizes, and waits now and then.
    struct Pieces {
        bytes: VecDeque<u8>,
        sizes: Vec<usize>,
        n: usize,
    }

    impl Pieces {
        fn next(&mut self) -> io::Result<usize> {
            self.n += 1;
            match self.sizes[self.n % self.sizes.len()] {
                0 => Err(ErrorKind::WouldBlock.into()),
                size => Ok(size),
            }
        }
    }

    impl Read for Pieces {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.next()?.min(buf.len());
            self.bytes.read(&mut buf[..n])
        }
    }

    impl Write for Pieces {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let n = self.next()?.min(buf.len());
            self.bytes.extend(&buf[..n]);
            Ok(n)
        }

        fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut left = self.next()?;
            let mut done = 0;
            for part in parts {
                let n = left.min(part.len());
                self.bytes.extend(&part[..n]);
                (left, done) = (left - n, done + n);
            }
            Ok(done)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Pieces {
        fn has_input(&mut self) -> io::Result<bool> {
            Ok(!self.bytes.is_empty())
        }

        fn finish(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn peer(&self) -> String {
            "a test".to_owned()
        }
    }

    /// Takes nothing for a while, and says a word of so many bytes each time it is asked.
    struct Busy {
        word: usize,
        words: usize,
    }

    impl Read for Busy {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.words -= 1;
            buf[..self.word].fill(0);
            Ok(self.word)
        }
    }

    impl Write for Busy {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(50));
            match self.words {
                0 => Ok(buf.len()),
                _ => Err(ErrorKind::WouldBlock.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Busy {
        fn has_input(&mut self) -> io::Result<bool> {
            Ok(self.words > 0)
        }

        fn finish(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn peer(&self) -> String {
            "a test".to_owned()
        }
    }

    #[test]
    fn who_says_whole_words_but_takes_nothing_is_busy_and_not_gone() {
        let framing = Framing {
            head_nbytes: 4,
            frame_nbytes: |_| Ok(4),
        };
        let patience = Duration::from_secs(1);
        let send = |word: usize| {
            let stream = Busy { word, words: 40 };
            let mut link = StreamTransport::new(stream, framing, patience, Interrupt::new());
            link.send(&[&[1; 9]])?;
            let mut heard = 0;
            while link.start < link.end {
                heard += link.recv()?.map_or(0, <[u8]>::len);
            }
            Ok(heard)
        };
        // One of three: all words together take longer than the patience, but on a busy machine each may.
        assert!((0..3).any(|_| matches!(send(4), Ok(160))));
        assert!(matches!(send(0), Err(Error::Silent(_))));
    }

    proptest::proptest! {
        #[test]
        fn frames_come_as_they_went_however_cut(
            lengths in proptest::collection::vec(
                proptest::prop_oneof![0_u32..50, 0_u32..40_000, 1_000_000_u32..1_200_000],
                1..12,
            ),
            mut sizes in proptest::collection::vec(0_usize..70_000, 1..20),
            split in 0_usize..100,
        ) {
            sizes.push(1 + split * 1000);
            let framing = Framing {
                head_nbytes: 4,
                frame_nbytes: |head| {
                    let head = head.try_into().map_err(|_| "head")?;
                    Ok(u64::from(u32::from_le_bytes(head)) + 4)
                },
            };
            let stream = Pieces { bytes: VecDeque::new(), sizes, n: 0 };
            let mut both =
                StreamTransport::new(stream, framing, Duration::from_secs(5), Interrupt::new());
            let frames: Vec<Vec<u8>> = lengths
                .iter()
                .map(|length| {
                    let body = (0..*length).map(|i| (i % 251) as u8 ^ (length % 256) as u8);
                    length.to_le_bytes().into_iter().chain(body).collect()
                })
                .collect();
            for frame in &frames {
                let (head, body) = frame.split_at(split.min(frame.len()));
                both.send(&[head, &[], body]).unwrap();
            }
            for frame in &frames {
                proptest::prop_assert!(both.has_input().unwrap());
                proptest::prop_assert!(both.recv().unwrap() == Some(&frame[..]));
            }
            proptest::prop_assert!(!both.has_input().unwrap());
            proptest::prop_assert_eq!(both.recv().unwrap(), None);
            proptest::prop_assert_eq!(both.sent_nbytes(), both.received_nbytes());
        }
    }
}
