//! Progress of long work, told to a Python callable.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use ndferry::{Interrupt, Progress};
use pyo3::prelude::*;

use crate::work::{Raised, Work};

/// How often the callable is called.
const EVERY: Duration = Duration::from_millis(100);

/// Calls `callable(done_bytes, total_bytes)`; an exception in it stops the work.
struct Callable {
    callable: Py<PyAny>,
    interrupt: Interrupt,
    raised: Raised,
    state: Mutex<State>,
}

struct State {
    done: u64,
    total: Option<u64>,
    told: Option<Instant>,
}

/// What tells the callable, or nobody.
pub(crate) fn of(callable: Option<Py<PyAny>>, work: &Work) -> Box<dyn Progress + Send> {
    match callable {
        None => Box::new(()),
        Some(callable) => Box::new(Callable {
            callable,
            interrupt: work.interrupt(),
            raised: work.raised(),
            state: Mutex::new(State {
                done: 0,
                total: None,
                told: None,
            }),
        }),
    }
}

impl Callable {
    fn tell(&self, change: impl FnOnce(&mut State), always: bool) {
        let (done, total) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            if !always && state.told.is_some_and(|told| told.elapsed() < EVERY) {
                return;
            }
            state.told = Some(Instant::now());
            (state.done, state.total)
        };
        Python::attach(|py| {
            if let Err(error) = self.callable.call1(py, (done, total)) {
                let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
                raised.replace(error);
                self.interrupt.set();
            }
        });
    }
}

impl Progress for Callable {
    fn start(&self, _: &str, total: Option<u64>) {
        self.tell(
            |state| {
                state.done = 0;
                state.total = total;
            },
            false,
        );
    }

    fn advance(&self, nbytes: u64) {
        self.tell(|state| state.done += nbytes, false);
    }

    fn finish(&self) {
        self.tell(|_| {}, true);
    }
}
