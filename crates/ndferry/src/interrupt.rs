//! [`Interrupt`]: a flag that stops long work between two blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, ErrorKind, Result};

/// Set from anywhere (a Ctrl-C handler, another thread) to stop loading, saving, sending and receiving; they end with
/// [`ErrorKind::Interrupted`] and leave nothing half done. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks all work that holds a clone to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::set`] was called.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`ErrorKind::Interrupted`] if it is set.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            return Err(Error::from(ErrorKind::Interrupted));
        }
        Ok(())
    }

    /// The flag itself, for code that polls it.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.0
    }
}
