//! [`FrameSink`] and [`FrameSource`]: whole frames between peers. A transport implements both.

use std::fmt;
use std::time::Duration;

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

/// Frames both ways, with a patience that ends.
pub trait Duplex: FrameSink + FrameSource + Send + fmt::Debug {
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
