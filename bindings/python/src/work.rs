//! [`Work`]: the library at work while other Python threads run, until it is done or somebody presses Ctrl-C.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndferry::{ErrorKind, Interrupt, Result};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{exception, ours};

/// How often Python is asked whether a signal has come.
const POLL: Duration = Duration::from_millis(50);

thread_local! {
    /// What this thread is doing. Only Python's main thread hears of signals; asking in another costs nothing.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

thread_local! {
    /// Who may stop it from another thread.
    static STOP: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Calls a function in this thread; ``set``, in any other, stops the long work in it.
#[pyclass(frozen, module = "ndferry._ndferry")]
#[derive(Default)]
pub(crate) struct Stop {
    flag: Arc<AtomicBool>,
}

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Calls it; work that is stopped raises ``KeyboardInterrupt``.
    fn run<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let before = STOP.replace(Some(Arc::clone(&self.flag)));
        let result = function.call(args, Some(kwargs));
        STOP.set(before);
        result
    }

    /// Stops it.
    fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }
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
        crate::log::begin(py);
        let before = RUNNING.replace(Some(running));
        let done = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
        crate::log::pass_on(py);
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
    let is_stopped = |stop: &Option<Arc<AtomicBool>>| {
        stop.as_ref()
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    };
    if STOP.with_borrow(is_stopped) {
        return true;
    }
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
    let checked = Python::attach(|py| {
        crate::log::pass_on(py);
        py.check_signals()
    });
    let Err(error) = checked else {
        return false;
    };
    RUNNING.with_borrow_mut(|running| {
        if let Some(running) = running {
            running.raised = Some(error);
        }
    });
    true
}
