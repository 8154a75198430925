//! [`Interrupt`]: how a caller stops what is under way.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// A flag that long work looks at, at least every 200 ms while it waits. Clones share it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    raised: AtomicBool,
    /// Asked besides the flag.
    poll: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt")
            .field(&self.0.raised.load(Ordering::SeqCst))
            .finish()
    }
}

impl Interrupt {
    /// Not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Not raised; besides, it counts as raised whenever `poll` says so, which is asked each time that the flag is looked
    /// at: from any thread, and often. For hosts where somebody has to look whether a signal has come.
    pub fn polling(poll: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            raised: AtomicBool::new(false),
            poll: Some(Box::new(poll)),
        }))
    }

    /// Asks all who hold a clone to stop.
    pub fn raise(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
    }

    /// Whether it has been raised.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst) || self.0.poll.as_ref().is_some_and(|poll| poll())
    }

    /// # Errors
    /// [`Error::Interrupted`] once it has been raised.
    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_by_hand_or_by_what_the_poll_says() {
        let signal = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&signal);
        let interrupt = Interrupt::polling(move || seen.load(Ordering::SeqCst));
        let clone = interrupt.clone();
        assert!(!clone.is_raised());
        signal.store(true, Ordering::SeqCst);
        assert!(clone.check().is_err());
        signal.store(false, Ordering::SeqCst);
        assert!(!clone.is_raised());
        interrupt.raise();
        assert!(clone.is_raised());
    }
}
