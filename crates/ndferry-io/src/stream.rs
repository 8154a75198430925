//! [`StreamTransport`]: frames over a byte stream.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

use crate::{Duplex, Error, FrameSink, FrameSource, Framing, Interrupt, Result};

/// The longest that a blocking call sleeps before it looks at the interrupt again.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Memory grows by at most this many bytes at a time, until they have really arrived.
const STEP: usize = 1 << 20;

/// A byte stream whose calls return [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`] after [`POLL`].
pub trait Stream: Read + Write + Send {
    /// Whether a read would not wait.
    ///
    /// # Errors
    /// What the system says.
    fn has_input(&mut self) -> io::Result<bool>;

    /// Nothing more will be written.
    ///
    /// # Errors
    /// What the system says.
    fn finish(&mut self) -> io::Result<()>;
}

/// Frames over a byte stream, with one reused buffer for what comes. What goes is not copied.
#[derive(Debug)]
pub struct StreamTransport<S> {
    stream: S,
    framing: Framing,
    timeout: Duration,
    interrupt: Interrupt,
    /// As long as the longest frame so far.
    buffer: Vec<u8>,
    sent: u64,
    received: u64,
}

/// Waits for one byte after the other to move.
struct Patience<'a> {
    moved: Instant,
    timeout: Duration,
    interrupt: &'a Interrupt,
}

impl<'a> Patience<'a> {
    fn new(timeout: Duration, interrupt: &'a Interrupt) -> Self {
        Self {
            moved: Instant::now(),
            timeout,
            interrupt,
        }
    }

    /// Repeats a call until it moves bytes.
    fn until(&mut self, mut call: impl FnMut() -> io::Result<usize>) -> Result<usize> {
        loop {
            self.interrupt.check()?;
            match call() {
                Ok(n) => {
                    self.moved = Instant::now();
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if self.moved.elapsed() >= self.timeout {
                        return Err(Error::Silent(self.timeout));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<S: Stream> StreamTransport<S> {
    /// Frames over `stream`; gives up when no byte moves for `timeout`.
    pub fn new(stream: S, framing: Framing, timeout: Duration, interrupt: Interrupt) -> Self {
        Self {
            stream,
            framing,
            timeout,
            interrupt,
            buffer: Vec::new(),
            sent: 0,
            received: 0,
        }
    }

    /// Bytes sent so far.
    pub fn sent_nbytes(&self) -> u64 {
        self.sent
    }

    /// Bytes received so far.
    pub fn received_nbytes(&self) -> u64 {
        self.received
    }

    /// Fills `buffer[from..to]`; gives how far it came before the stream ended.
    fn fill(&mut self, from: usize, to: usize) -> Result<usize> {
        let mut patience = Patience::new(self.timeout, &self.interrupt);
        let mut at = from;
        while at < to {
            let end = to.min(at + STEP);
            if self.buffer.len() < end {
                let more = end - self.buffer.len();
                self.buffer
                    .try_reserve(more)
                    .map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
                self.buffer.resize(end, 0);
            }
            let (stream, buffer) = (&mut self.stream, &mut self.buffer[at..end]);
            match patience.until(|| stream.read(buffer))? {
                0 => break,
                n => at += n,
            }
        }
        self.received += (at - from) as u64;
        Ok(at)
    }
}

impl<S: Stream> FrameSink for StreamTransport<S> {
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = &mut slices[..];
        // Leaves out empty parts, which would look like a closed stream.
        IoSlice::advance_slices(&mut left, 0);
        let mut patience = Patience::new(self.timeout, &self.interrupt);
        while !left.is_empty() {
            let n = patience.until(|| self.stream.write_vectored(left))?;
            if n == 0 {
                return Err(io::Error::from(ErrorKind::WriteZero).into());
            }
            self.sent += n as u64;
            IoSlice::advance_slices(&mut left, n);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.stream.flush()?;
        Ok(self.stream.finish()?)
    }
}

impl<S: Stream> FrameSource for StreamTransport<S> {
    fn recv(&mut self) -> Result<Option<&[u8]>> {
        let head = self.framing.head_nbytes;
        let closed = |received: usize, needed| {
            Err(Error::Closed {
                received: received as u64,
                needed,
            })
        };
        match self.fill(0, head)? {
            0 => return Ok(None),
            n if n < head => return closed(n, head as u64),
            _ => {}
        }
        let nbytes = (self.framing.frame_nbytes)(&self.buffer[..head]).map_err(Error::Frame)?;
        let whole = usize::try_from(nbytes)
            .map_err(|_| Error::Frame(format!("a frame of {nbytes} bytes")))?;
        let got = self.fill(head, whole)?;
        if got < whole {
            return closed(got, nbytes);
        }
        Ok(Some(&self.buffer[..whole]))
    }
}

impl<S: Stream> Duplex for StreamTransport<S> {
    fn has_input(&mut self) -> Result<bool> {
        Ok(self.stream.has_input()?)
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    fn drain(&mut self, timeout: Duration, nbytes: u64) {
        let started = Instant::now();
        let mut left = nbytes;
        if self.stream.finish().is_err() {
            return;
        }
        self.buffer.resize(self.buffer.len().max(STEP), 0);
        while started.elapsed() < timeout && left > 0 && !self.interrupt.is_raised() {
            match self.stream.read(&mut self.buffer) {
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
        StreamTransport::new(stream, FRAMING, Duration::from_millis(20), Interrupt::new())
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
            Err(Error::Silent(_))
        ));
        assert!(matches!(
            transport(stream(b"\xff", false)).recv(),
            Err(Error::Frame(_))
        ));
        let mut interrupted = transport(stream(b"", true));
        interrupted.interrupt.raise();
        assert!(matches!(interrupted.recv(), Err(Error::Interrupted)));
    }
}
