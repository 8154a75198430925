//! [`ShmTransport`]: frames over a Unix socket, the large ones in shared memory.
//!
//! The head of a frame always goes through the socket. If a descriptor comes with it, the whole frame lies at the start of
//! that [`Segment`], and the rest is not sent; otherwise the rest follows, as over any socket. So both sides may do without
//! at any time: for small frames, without memory or descriptors, and while too much is under way.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use bytes::Bytes;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use crate::net::Socket;
use crate::{
    Duplex, Error, Frame, FrameSink, FrameSource, Link, Result, Segment, SegmentPool,
    StreamTransport,
};

/// Smaller frames go through the socket: that is one system call, a segment ten.
const BULK: usize = 128 << 10;

/// From this size on [`Duplex::recv_frame`] does not copy: mapping costs more than copying little.
const MAPPED: usize = 1 << 20;

/// What may be under way in segments; a frame that is alone may be larger.
const IN_FLIGHT: u64 = 16 << 20;

/// What a frame could not be, yet was.
const STRAY: Error = Error::Segment("came where none belongs");

/// Makes large frames go through shared memory, if this is a Unix socket.
pub(crate) fn over(mut stream: StreamTransport<Socket>) -> Link {
    use crate::net::OverSocket;
    let local = stream.get_ref().socket().local_addr().ok();
    if !local.is_some_and(|address| address.is_unix()) {
        return Box::new(stream);
    }
    let ahead = stream.ahead() as u64;
    stream.get_mut().take_descriptors(ahead);
    Box::new(ShmTransport {
        stream,
        frame: Vec::new(),
        sent: 0,
        received: 0,
    })
}

/// See the module.
struct ShmTransport {
    stream: StreamTransport<Socket>,
    /// The last frame that was copied out of a segment.
    frame: Vec<u8>,
    /// Bytes of frames that went, and came, in segments, but for their heads.
    sent: u64,
    received: u64,
}

impl ShmTransport {
    /// A frame in a segment, but for the descriptor; `None` if it has to go through the socket.
    fn fill(parts: &[&[u8]], nbytes: usize) -> Result<Option<crate::Lease>> {
        let Some(mut filling) = SegmentPool::shared().take(nbytes as u64, IN_FLIGHT)? else {
            return Ok(None);
        };
        let mut offset = 0;
        for part in parts {
            filling.write_at(part, offset)?;
            offset += part.len() as u64;
        }
        filling.hand_over().map(Some)
    }

    /// The segment that came with the next frame's head, which is there.
    fn segment(&mut self, head_nbytes: usize, nbytes: usize) -> Result<Option<Segment>> {
        let ahead = self.stream.ahead() as u64;
        let Some(descriptor) = self
            .stream
            .get_mut()
            .descriptor(ahead, head_nbytes as u64)?
        else {
            return Ok(None);
        };
        let segment = Segment::accept(descriptor)?;
        if segment.capacity() < nbytes as u64 {
            return Err(Error::Segment("is shorter than its message"));
        }
        Ok(Some(segment))
    }

    /// Copies a frame out of its segment: from here on nobody can change it.
    fn copied(&mut self, segment: &Segment, nbytes: usize) -> Result<()> {
        let more = nbytes.saturating_sub(self.frame.len());
        (self.frame.try_reserve(more)).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
        self.frame.resize(nbytes.max(self.frame.len()), 0);
        let head = self.stream.take_head();
        self.frame[..head.len()].copy_from_slice(head);
        let rest = head.len()..nbytes;
        segment.read_exact_at(&mut self.frame[rest.clone()], rest.start as u64)?;
        self.received += rest.len() as u64;
        Ok(())
    }
}

impl FrameSink for ShmTransport {
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        match self.lend(parts)? {
            true => Ok(()),
            false => self.stream.send(parts),
        }
    }

    fn queue(&mut self, parts: &[&[u8]]) -> Result<()> {
        match parts.iter().map(|part| part.len()).sum::<usize>() {
            ..BULK => self.stream.queue(parts),
            _ => self.send(parts),
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.stream.finish()
    }
}

impl FrameSource for ShmTransport {
    fn recv(&mut self) -> Result<Option<&[u8]>> {
        self.stream.write_queued()?;
        let Some(nbytes) = self.stream.head()? else {
            return Ok(None);
        };
        match self.segment(self.stream.head_nbytes(), nbytes)? {
            None => self.stream.body(nbytes).map(Some),
            Some(segment) => {
                self.copied(&segment, nbytes)?;
                Ok(Some(&self.frame[..nbytes]))
            }
        }
    }
}

impl Duplex for ShmTransport {
    fn lend(&mut self, parts: &[&[u8]]) -> Result<bool> {
        let nbytes: usize = parts.iter().map(|part| part.len()).sum();
        if nbytes < BULK {
            return Ok(false);
        }
        // Whatever keeps it from going in a segment, it can go without.
        let Ok(Some(lease)) = Self::fill(parts, nbytes) else {
            return Ok(false);
        };
        let bytes = parts.iter().flat_map(|part| part.iter().copied());
        let head: Vec<u8> = bytes.take(self.stream.head_nbytes()).collect();
        self.stream.send_with(&head, lease.as_fd())?;
        self.sent += (nbytes - head.len()) as u64;
        Ok(true)
    }

    fn recv_frame(&mut self) -> Result<Option<Frame<'_>>> {
        self.stream.write_queued()?;
        let Some(nbytes) = self.stream.head()? else {
            return Ok(None);
        };
        match self.segment(self.stream.head_nbytes(), nbytes)? {
            None => Ok(Some(Frame::Here(self.stream.body(nbytes)?))),
            Some(segment) if nbytes < MAPPED => {
                self.copied(&segment, nbytes)?;
                let frame = Bytes::copy_from_slice(&self.frame[..nbytes]);
                Ok(Some(Frame::Shared(frame)))
            }
            Some(segment) => {
                let frame = segment.map(nbytes as u64)?.into();
                self.received += (nbytes - self.stream.take_head().len()) as u64;
                Ok(Some(Frame::Shared(frame)))
            }
        }
    }

    fn has_input(&mut self) -> Result<bool> {
        self.stream.has_input()
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.stream.set_timeout(timeout);
    }

    fn set_deadline(&mut self, within: Option<Duration>) {
        self.stream.set_deadline(within);
    }

    fn set_max_frame(&mut self, nbytes: u64) {
        self.stream.set_max_frame(nbytes);
    }

    fn drain(&mut self, timeout: Duration, nbytes: u64) {
        self.stream.drain(timeout, nbytes);
    }

    fn shares(&self) -> bool {
        true
    }

    fn peer(&self) -> String {
        self.stream.peer()
    }

    fn sent_nbytes(&self) -> u64 {
        self.stream.sent_nbytes() + self.sent
    }

    fn received_nbytes(&self) -> u64 {
        self.stream.received_nbytes() + self.received
    }
}

impl fmt::Debug for ShmTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShmTransport").field(&self.stream).finish()
    }
}

/// Descriptors that came, each with the byte of the stream behind the last one that was read with it.
///
/// Linux ends a read behind the bytes that a descriptor was sent with (`unix_stream_read_generic`), so the last byte of that
/// read is one of these.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    waiting: Vec<(u64, OwnedFd)>,
    /// Bytes that were read so far.
    read: u64,
}

impl Descriptors {
    pub(crate) fn after(read: u64) -> Self {
        let waiting = Vec::new();
        Self { waiting, read }
    }

    /// Reads from a Unix socket.
    pub(crate) fn read(&mut self, socket: &socket2::Socket, buf: &mut [u8]) -> io::Result<usize> {
        // Room for two, so that a sender of more than one is found out; the system closes what does not fit.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [io::IoSliceMut::new(buf)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let nbytes = rustix::net::recvmsg(socket, &mut parts, &mut control, flags)?.bytes;
        self.read += nbytes as u64;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                let descriptors = descriptors.map(|descriptor| (self.read, descriptor));
                self.waiting.extend(descriptors);
            }
        }
        match self.waiting.len() {
            // A read ends at a descriptor, and no more is read before that one's frame is received.
            0..=4 => Ok(nbytes),
            _ => Err(io::Error::other("more descriptors than messages")),
        }
    }

    /// The one that came with the `nbytes` bytes that begin `ahead` bytes before the end of what was read.
    pub(crate) fn of(&mut self, ahead: u64, nbytes: u64) -> Result<Option<OwnedFd>> {
        let start = self.read - ahead.min(self.read);
        let Some((at, _)) = self.waiting.first() else {
            return Ok(None);
        };
        if *at > start + nbytes {
            return Ok(None);
        }
        let (at, descriptor) = self.waiting.remove(0);
        let next = self.waiting.first();
        if at <= start || next.is_some_and(|(next, _)| *next <= start + nbytes) {
            return Err(STRAY);
        }
        Ok(Some(descriptor))
    }
}

/// Sends bytes with a descriptor: all of them, or none.
pub(crate) fn send_with(
    socket: &socket2::Socket,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let parts = [IoSlice::new(bytes)];
    Ok(rustix::net::sendmsg(
        socket,
        &parts,
        &mut control,
        SendFlags::NOSIGNAL,
    )?)
}
