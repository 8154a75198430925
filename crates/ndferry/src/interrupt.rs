//! [`Interrupt`]: a flag that stops long work between two blocks.

use std::time::{Duration, Instant};

use crate::Result;
use crate::error::outside;

/// How often one who does nothing looks at the flag.
const LOOK: Duration = Duration::from_millis(100);

/// Set from anywhere (a Ctrl-C handler, another thread) to stop loading, saving, sending and receiving; they end with
/// [`crate::ErrorKind::Interrupted`] and leave nothing half done. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(ndferry_io::Interrupt);

impl Interrupt {
    /// Not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Not set; besides, it counts as set whenever `poll` says so, which is asked each time that work looks at the flag:
    /// from any thread, and often. For hosts such as Python, where somebody has to look whether a signal has come.
    pub fn polling(poll: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(ndferry_io::Interrupt::polling(poll))
    }

    /// Asks all work that holds a clone to stop.
    pub fn set(&self) {
        self.0.raise();
    }

    /// Whether [`Self::set`] was called.
    pub fn is_set(&self) -> bool {
        self.0.is_raised()
    }

    /// # Errors
    /// [`crate::ErrorKind::Interrupted`] if it is set.
    pub fn check(&self) -> Result<()> {
        self.0.check().map_err(outside)
    }

    /// Does nothing for so long.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Interrupted`] as soon as it is set.
    pub fn wait(&self, time: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            self.check()?;
            match time.saturating_sub(started.elapsed()) {
                Duration::ZERO => return Ok(()),
                left => std::thread::sleep(left.min(LOOK)),
            }
        }
    }

    /// The same flag for what waits for the outside.
    #[cfg(any(feature = "transport", feature = "http"))]
    pub(crate) fn for_io(&self) -> ndferry_io::Interrupt {
        self.0.clone()
    }
}
