//! [`Work`]: the library at work while other Python threads run, until it is done or somebody presses Ctrl-C.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndferry::{ErrorKind, Interrupt, Result};
use pyo3::prelude::*;

use crate::errors::{exception, ours};

/// How often Python is asked whether a signal has come.
const POLL: Duration = Duration::from_millis(50);

thread_local! {
    /// What this thread is doing. Only Python's main thread hears of signals; asking in another costs nothing.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

struct Running {
    polled: Instant,
    /// What a signal handler raised.
    raised: Option<PyErr>,
}

/// Long work, which signals stop.
pub(crate) struct Work {
    interrupt: Interrupt,
    /// What a callback of the user raised.
    raised: Raised,
}

/// Where a callback leaves its exception.
pub(crate) type Raised = Arc<Mutex<Option<PyErr>>>;

impl Work {
    pub(crate) fn new() -> Self {
        Self {
            // Of whichever thread works at the time, so that what was opened here may be read elsewhere.
            interrupt: Interrupt::polling(has_signal),
            raised: Raised::default(),
        }
    }

    /// The flag to put into options.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Where a callback leaves its exception before it stops the work.
    pub(crate) fn raised(&self) -> Raised {
        Arc::clone(&self.raised)
    }

    /// Runs without the interpreter.
    pub(crate) fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> PyResult<T> {
        let running = Running {
            polled: Instant::now(),
            raised: None,
        };
        let before = RUNNING.replace(Some(running));
        let done = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
        let raised = RUNNING.replace(before).and_then(|running| running.raised);
        let raised = raised.or_else(|| {
            let mut slot = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
            slot.take()
        });
        match (done, raised) {
            (Ok(Ok(value)), _) => Ok(value),
            (Ok(Err(error)), Some(raised)) if matches!(error.kind(), ErrorKind::Interrupted) => {
                Err(raised)
            }
            (Ok(Err(error)), _) => Err(exception(py, &error)),
            (Err(_), _) => {
                let message = "a bug in ndferry: it panicked; please report what it was given";
                Err(ours(py, "FerryError", message, None))
            }
        }
    }
}

/// Whether a signal handler wants this thread's work to stop.
fn has_signal() -> bool {
    let is_due = RUNNING.with_borrow_mut(|running| match running {
        Some(running) if running.raised.is_some() => Some(true),
        Some(running) if running.polled.elapsed() >= POLL => {
            running.polled = Instant::now();
            None
        }
        _ => Some(false),
    });
    if let Some(known) = is_due {
        return known;
    }
    // A handler is Python code, which may come back here.
    let Err(error) = Python::attach(|py| py.check_signals()) else {
        return false;
    };
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running {
            running.raised = Some(error);
        }
    });
    true
}
