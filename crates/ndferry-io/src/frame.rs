//! [`FrameSink`] and [`FrameSource`]: whole frames between peers. A transport implements both.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;

use crate::Result;

/// How long a frame is, told from its first bytes. Made by who knows the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// Bytes that are needed to tell.
    pub head_nbytes: usize,
    /// Bytes of the whole frame, head and all; or what is wrong with the head.
    pub frame_nbytes: fn(&[u8]) -> std::result::Result<u64, String>,
}

/// Where whole frames go.
pub trait FrameSink {
    /// Sends the parts joined as one frame, without copying them first.
    ///
    /// # Errors
    /// [`crate::Error::Silent`], [`crate::Error::Slow`], [`crate::Error::Interrupted`], what the system says. After an
    /// error [`FrameSource::recv`] may still have what the other side said before it closed.
    fn send(&mut self, parts: &[&[u8]]) -> Result<()>;

    /// As [`Self::send`], but a small frame may wait until there are others, or [`Self::send`], [`Self::finish`] or
    /// [`FrameSource::recv`] is called.
    ///
    /// # Errors
    /// As [`Self::send`].
    fn queue(&mut self, parts: &[&[u8]]) -> Result<()> {
        self.send(parts)
    }

    /// No more frames follow; what was sent is still delivered.
    ///
    /// # Errors
    /// What the system says.
    fn finish(&mut self) -> Result<()>;
}

/// Where whole frames come from.
pub trait FrameSource {
    /// The next frame, valid until the next call; `None` if the other side has finished.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] in the middle of a frame, [`crate::Error::Frame`], [`crate::Error::FrameTooLong`],
    /// [`crate::Error::Silent`], [`crate::Error::Slow`], [`crate::Error::Interrupted`], what the system says.
    fn recv(&mut self) -> Result<Option<&[u8]>>;
}

/// A frame as [`Duplex::recv_frame`] gives it.
#[derive(Debug)]
pub enum Frame<'a> {
    /// In the link's memory, until the next call.
    Here(&'a [u8]),
    /// The same in memory that both sides have: on its way nothing could be damaged, but as for [`Self::Shared`], the other
    /// side could change it.
    Local(&'a [u8]),
    /// In memory that another process has lent, for as long as the bytes live, or a copy of it. **It could change them meanwhile**: they
    /// are for those who take any value, not for a parser.
    Shared(Bytes),
}

impl Deref for Frame<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Here(bytes) | Self::Local(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Frames both ways, with a patience that ends.
pub trait Duplex: FrameSink + FrameSource + Send + fmt::Debug {
    /// As [`FrameSource::recv`], but a large frame may stay in memory that the other side has lent.
    ///
    /// # Errors
    /// As [`FrameSource::recv`].
    fn recv_frame(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(self.recv()?.map(Frame::Here))
    }

    /// Sends the parts as one frame if the other side can have it in memory that it is lent; otherwise nothing, and says so.
    ///
    /// # Errors
    /// As [`FrameSink::send`].
    fn lend(&mut self, parts: &[&[u8]]) -> Result<bool> {
        let _ = parts;
        Ok(false)
    }

    /// Whether [`Self::recv_frame`] may lend large frames, so that an array had better be one.
    fn shares(&self) -> bool {
        false
    }

    /// Whether [`Self::lend`] takes one block after the other, as large as any.
    fn lends_blocks(&self) -> bool {
        false
    }

    /// Whether something has come (or the other side has finished), so that [`FrameSource::recv`] has work.
    ///
    /// # Errors
    /// What the system says.
    fn has_input(&mut self) -> Result<bool>;

    /// How long the other side may be silent, or drip less than 256 bytes a second, from now on.
    fn set_timeout(&mut self, timeout: Duration);

    /// All that follows must be done within this time, whatever moves; `None` ends that. For hand-shakes.
    fn set_deadline(&mut self, within: Option<Duration>);

    /// The longest frame that is received, from its head on. Without a limit at first.
    fn set_max_frame(&mut self, nbytes: u64);

    /// After a refusal: finishes sending and throws away what still comes, so that the other side reads why and is not
    /// cut off by a reset. Takes at most this long and this many bytes.
    fn drain(&mut self, timeout: Duration, nbytes: u64);

    /// Whether the other side can answer. Pipes only go one way.
    fn answers(&self) -> bool {
        true
    }

    /// Whether frames that the other side has not taken yet are queued by their number, whatever they hold, so that who
    /// sends must look how much is under way.
    fn counts_messages(&self) -> bool {
        false
    }

    /// The other side, for people to read.
    fn peer(&self) -> String;

    /// What both ends of an encrypted connection know and nobody else does, which tells it from any other (RFC 9266).
    /// Zeros without encryption.
    fn binding(&self) -> [u8; 32] {
        [0; 32]
    }

    /// Bytes that were sent so far.
    fn sent_nbytes(&self) -> u64;

    /// Bytes of frames that were received so far.
    fn received_nbytes(&self) -> u64;
}

/// A connection of whatever kind [`crate::connect`] or [`crate::Listener::accept`] made.
pub type Link = Box<dyn Duplex>;
