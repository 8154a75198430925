//! [`send`]: arrays to another process, in checked blocks.

use std::time::Duration;

use crate::{ErrorKind, Interrupt, Item, Packing, Progress, Result};

/// How to send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendOptions {
    /// How blocks are packed; not at all by default.
    pub packing: Packing,
    /// Raw bytes of one block.
    pub block_nbytes: usize,
    /// How long the other side may be silent.
    pub timeout: Duration,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Stops the transfer.
    pub interrupt: Interrupt,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            packing: Packing::default(),
            block_nbytes: 1 << 20,
            timeout: Duration::from_secs(60),
            threads: 0,
            interrupt: Interrupt::new(),
        }
    }
}

/// What was sent, and stored by the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Arrays.
    pub arrays: usize,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes on the wire.
    pub wire_nbytes: u64,
}

/// Sends arrays as one transfer to `url` (`tcp://host:port`, `unix:///path`). Returns only after the receiver has said
/// that everything is stored and verified.
///
/// # Errors
/// Whatever reading the arrays brings; [`crate::ErrorClass::Protocol`] if the peer refuses, breaks off or falls silent;
/// [`ErrorKind::Interrupted`].
pub fn send(
    url: &str,
    items: &[Item<'_>],
    options: &SendOptions,
    progress: &dyn Progress,
) -> Result<Sent> {
    let _ = (items, options, progress);
    Err(crate::Error::from(ErrorKind::NotBuilt { what: "sending" }).in_source(url))
}
