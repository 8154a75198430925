//! [`Receiver`]: waits for arrays from another process.

use std::path::PathBuf;
use std::time::Duration;

use ndferry_array::{Array, Dtype, Order};

use crate::{ErrorKind, Interrupt, Limits, Progress, Result};

/// How to receive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecvOptions {
    /// How long a peer may be silent once it is connected.
    pub timeout: Duration,
    /// What a peer may claim.
    pub limits: Limits,
    /// Threads for unpacking; 0 takes as many as the machine has.
    pub threads: usize,
    /// Replaces a file that exists.
    pub overwrite: bool,
    /// Stops the transfer; nothing is left behind.
    pub interrupt: Interrupt,
}

impl Default for RecvOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            limits: Limits::default(),
            threads: 0,
            overwrite: false,
            interrupt: Interrupt::new(),
        }
    }
}

/// Where received arrays go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A file; its extension tells the format (`.npb` or `.npy`; several arrays need `.npb` or `.npz`).
    File(PathBuf),
    /// Memory: [`ReceivedArray::array`] holds the elements.
    Memory,
}

/// One array that arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedArray {
    /// Its name at the sender; empty if it had none.
    pub name: String,
    /// What its elements are.
    pub dtype: Dtype,
    /// The extent of each axis.
    pub shape: Vec<usize>,
    /// The order in which they were stored.
    pub order: Order,
    /// The elements, with [`Target::Memory`].
    pub array: Option<Array>,
}

/// A whole transfer, stored and verified.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Received {
    /// The arrays.
    pub arrays: Vec<ReceivedArray>,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes on the wire.
    pub wire_nbytes: u64,
}

/// Listens for one transfer after the other.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    options: RecvOptions,
}

impl Receiver {
    /// Listens at `url`; port 0 takes any free one.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Usage`] for a bad address, [`crate::ErrorClass::System`].
    pub fn bind(url: &str, options: RecvOptions) -> Result<Self> {
        let _ = &options;
        Err(crate::Error::from(ErrorKind::NotBuilt { what: "receiving" }).in_source(url))
    }

    /// Where it listens, with the real port.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Waits for a sender and takes one transfer. The sender hears that all is well only after everything is verified,
    /// synced and renamed; on an error it is told why, and nothing is left behind.
    ///
    /// # Errors
    /// [`crate::ErrorClass::Protocol`], [`crate::ErrorClass::Limit`], [`ErrorKind::Exists`], [`ErrorKind::Interrupted`],
    /// [`crate::ErrorClass::System`].
    pub fn recv(&self, target: &Target, progress: &dyn Progress) -> Result<Received> {
        let _ = (target, progress, &self.options);
        Err(ErrorKind::NotBuilt { what: "receiving" }.into())
    }
}
