//! Errors of the library as exceptions, by what they are and never by their text.

use ndferry::{Error, ErrorClass, ErrorKind, GlobalUse};
use pyo3::exceptions::{PyFileExistsError, PyIndexError, PyKeyboardInterrupt, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The names of the classes are those in `_errors.py`.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || -> PyResult<_> {
        Ok(PyModule::import(py, "ndferry._errors")?.unbind())
    })?;
    module.bind(py).getattr(name)
}

/// The exception for an error of the library.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    made(py, error).unwrap_or_else(|failed| failed)
}

fn made(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let name = match (error.class(), error.kind()) {
        (_, ErrorKind::Exists) => {
            let file = error.source_name().map(str::to_owned);
            return Ok(PyFileExistsError::new_err((
                17,
                "it exists already; overwrite=True replaces it",
                file,
            )));
        }
        (_, ErrorKind::System(system)) => {
            // What a Python file of the user raised.
            let inner = system
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<PyErr>());
            return Ok(match inner {
                Some(raised) => raised.clone_ref(py),
                None => os_error(error, system),
            });
        }
        (_, ErrorKind::NoMember { .. } | ErrorKind::SeveralArrays { .. } | ErrorKind::NoArrays) => {
            "MemberError"
        }
        (ErrorClass::Malformed, _) => "FormatError",
        (ErrorClass::Unsupported, _) => "UnsupportedError",
        (ErrorClass::Unsafe, _) => "UnsafePickle",
        (ErrorClass::Protocol, ErrorKind::Token(_)) => "TokenError",
        (ErrorClass::Protocol, _) => "TransferError",
        (ErrorClass::Limit, _) => "LimitError",
        (ErrorClass::Interrupted, _) => return Ok(PyKeyboardInterrupt::new_err(())),
        (ErrorClass::System, _) => return Ok(PyOSError::new_err(error.to_string())),
        (ErrorClass::Usage, ErrorKind::Array(array)) if is_index(array) => {
            return Ok(PyIndexError::new_err(array.to_string()));
        }
        _ => "UsageError",
    };
    let hint = error.hint();
    let message = match &hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    let exception = class(py, name)?.call1((message,))?;
    exception.setattr("path", error.source_name())?;
    exception.setattr("member", error.member())?;
    exception.setattr("offset", error.offset())?;
    exception.setattr("hint", hint)?;
    Ok(PyErr::from_value(exception))
}

fn is_index(error: &ndferry::ArrayError) -> bool {
    use ndferry::ArrayError as Array;
    matches!(
        error,
        Array::TooManyIndices { .. }
            | Array::OutOfBounds { .. }
            | Array::TwoEllipses
            | Array::ZeroStep
            | Array::IndexText { .. }
    )
}

/// `OSError(errno, text, file)`, of which Python makes `FileNotFoundError` and its like.
fn os_error(error: &Error, system: &std::io::Error) -> PyErr {
    let file = error.source_name().map(str::to_owned);
    match system.raw_os_error() {
        Some(number) => {
            let text = system.to_string();
            // Rust appends the number, as Python does.
            let text = text.split(" (os error").next().unwrap_or(&text).to_owned();
            PyOSError::new_err((number, text, file))
        }
        None => PyOSError::new_err(error.to_string()),
    }
}

/// `UnsafePickle` with what was refused.
pub(crate) fn unsafe_pickle(py: Python<'_>, name: &str, refused: &[GlobalUse]) -> PyErr {
    let exception = || -> PyResult<PyErr> {
        let mut names = Vec::<String>::new();
        for global in refused {
            let name = format!("{}.{}", global.module, global.name);
            if !names.contains(&name) && names.len() < 8 {
                names.push(name);
            }
        }
        let place = if name.is_empty() { "" } else { ": " };
        let message = format!(
            "{name}{place}byte {}: it refers to {}; nothing was imported (allow=\"opaque\" shows such objects as data)",
            refused.first().map_or(0, |global| global.offset),
            names.join(", ")
        );
        let exception = class(py, "UnsafePickle")?.call1((message,))?;
        let globals: Vec<_> = refused
            .iter()
            .map(|global| (&*global.module, &*global.name, global.offset))
            .collect();
        exception.setattr("globals", globals)?;
        exception.setattr("offset", refused.first().map(|global| global.offset))?;
        exception.setattr("path", (!name.is_empty()).then_some(name))?;
        Ok(PyErr::from_value(exception))
    };
    exception().unwrap_or_else(|failed| failed)
}

/// `FormatError` or another class of ours, about this byte.
pub(crate) fn ours(py: Python<'_>, name: &str, message: &str, offset: Option<u64>) -> PyErr {
    let exception = || -> PyResult<PyErr> {
        let message = match offset {
            Some(offset) => format!("byte {offset}: {message}"),
            None => message.to_owned(),
        };
        let exception = class(py, name)?.call1((message,))?;
        exception.setattr("offset", offset)?;
        Ok(PyErr::from_value(exception))
    };
    exception().unwrap_or_else(|failed| failed)
}
