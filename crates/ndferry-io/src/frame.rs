//! [`FrameSink`] and [`FrameSource`]: whole frames between peers. A transport implements both.

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
    /// [`crate::Error::Silent`], [`crate::Error::Interrupted`], what the system says.
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
    /// [`crate::Error::Closed`] in the middle of a frame, [`crate::Error::Frame`], [`crate::Error::Silent`],
    /// [`crate::Error::Interrupted`], what the system says.
    fn recv(&mut self) -> Result<Option<&[u8]>>;
}

/// Frames both ways.
pub trait Duplex: FrameSink + FrameSource {
    /// Whether something has come (or the other side has finished), so that [`FrameSource::recv`] has work.
    ///
    /// # Errors
    /// What the system says.
    fn has_input(&mut self) -> Result<bool>;

    /// How long the other side may be silent from now on.
    fn set_timeout(&mut self, timeout: Duration);

    /// After a refusal: finishes sending and throws away what still comes, so that the other side reads why and is not
    /// cut off by a reset. Takes at most this long and this many bytes.
    fn drain(&mut self, timeout: Duration, nbytes: u64);
}
