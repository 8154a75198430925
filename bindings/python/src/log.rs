//! What happens inside, for `logging.getLogger("ndferry")`.
//!
//! What the library says is kept until its thread, or one that looks for signals, has the interpreter again: a thread of
//! the library never waits for Python.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// The level from which on somebody listens, as numbers of Python.
static LEVEL: AtomicI64 = AtomicI64::new(NOBODY);

const NOBODY: i64 = i64::MAX;

/// What was said and not passed on yet: level and text.
static SAID: Mutex<Vec<(i64, String)>> = Mutex::new(Vec::new());

/// What more was said than is kept.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Messages that are kept at most.
const KEPT: usize = 1 << 14;

/// Finds out who listens. A program that never imported `logging` pays for one look-up.
pub(crate) fn begin(py: Python<'_>) {
    static ONCE: Once = Once::new();
    // Whoever cannot be asked does not listen.
    let level = level(py).ok().flatten().unwrap_or(NOBODY);
    LEVEL.store(level, Ordering::Relaxed);
    if level <= number(Level::ERROR) {
        // A program may have one of its own.
        ONCE.call_once(|| drop(tracing::subscriber::set_global_default(Told)));
    }
}

fn level(py: Python<'_>) -> PyResult<Option<i64>> {
    let modules = PyModule::import(py, "sys")?.getattr("modules")?;
    let Some(logging) = modules.cast::<PyDict>()?.get_item("logging")? else {
        return Ok(None);
    };
    let logger = logging.call_method1("getLogger", ("ndferry",))?;
    let level: i64 = logger.call_method0("getEffectiveLevel")?.extract()?;
    Ok(Some(level))
}

/// Passes on what was said.
pub(crate) fn pass_on(py: Python<'_>) {
    if LEVEL.load(Ordering::Relaxed) == NOBODY {
        return;
    }
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    let dropped = DROPPED.swap(0, Ordering::Relaxed);
    let tell = || -> PyResult<()> {
        let logging = PyModule::import(py, "logging")?;
        let logger = logging.call_method1("getLogger", ("ndferry",))?;
        for (level, text) in said {
            logger.call_method1("log", (level, text))?;
        }
        if dropped > 0 {
            let text = format!("{dropped} messages more were not kept");
            logger.call_method1("log", (number(Level::WARN), text))?;
        }
        Ok(())
    };
    // `logging` deals with what goes wrong in handlers; work does not fail because of what is told of it.
    if let Err(error) = tell() {
        error.write_unraisable(py, None);
    }
}

/// As `logging` numbers them; it has nothing below DEBUG.
fn number(level: Level) -> i64 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

/// Keeps what is told.
struct Told;

impl Subscriber for Told {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Levels change.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) >= LEVEL.load(Ordering::Relaxed)
            && metadata.target().starts_with("ndferry")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < KEPT {
            said.push((number(*event.metadata().level()), text.0));
        } else {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    // The library has no spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// `message name=value name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = match field.name() {
            "message" => {
                // Fields are visited in the order in which they are written, the message last or first.
                self.0.insert_str(0, &format!("{value:?}"));
                return;
            }
            name => write!(self.0, " {name}={value:?}"),
        };
        // Strings take whatever there is memory for.
        text.unwrap_or_default();
    }
}
