//! Where bytes come from: a path, an open file, a buffer.

use std::path::PathBuf;

use bytes::Bytes;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

use crate::numpy_abi::exported;

/// What a user gives as a file.
pub(crate) enum Input {
    /// A file of this machine, or the address of one on a web server, which is read in parts.
    Path(PathBuf),
    /// What an open file, or a file of another machine, holds; and its name.
    Bytes(String, Bytes),
}

impl Input {
    /// From `str`, `os.PathLike`, a URL that fsspec knows, or an object with `read`.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Ok(text) = object.cast::<PyString>()
            && let Ok(text) = text.to_str()
            && text.contains("://")
            && !text.starts_with("file://")
        {
            if is_web(text) {
                return Ok(Self::Path(text.into()));
            }
            let opened = py.import("fsspec")?.call_method1("open", (text, "rb"))?;
            let file = opened.call_method0("__enter__")?;
            let bytes = read(&file);
            let none = py.None();
            opened.call_method1("__exit__", (&none, &none, &none))?;
            return Ok(Self::Bytes(text.to_owned(), bytes?));
        }
        if object.hasattr("read")? {
            let name = object
                .getattr("name")
                .ok()
                .and_then(|name| name.extract().ok());
            return Ok(Self::Bytes(name.unwrap_or_default(), read(object)?));
        }
        path(object).map(Self::Path)
    }
}

/// Whether it is the address of a file on a web server.
pub(crate) fn is_web(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// A path as Python spells paths.
pub(crate) fn path(object: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    object.extract::<PathBuf>().map_err(|_| {
        let class = object.get_type();
        PyTypeError::new_err(format!("a path or an open file is needed, not {class}"))
    })
}

fn read(file: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let read = file.call_method0("read")?;
    let bytes = read
        .cast_into::<PyBytes>()
        .map_err(|_| PyTypeError::new_err("the file is not open in binary mode"))?;
    of_buffer(bytes.as_any())
}

/// The bytes of a buffer: `bytes` are shared, what somebody may write to is copied.
pub(crate) fn of_buffer(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let buffer = contiguous(object)?;
    if object.is_instance_of::<PyBytes>() {
        return Ok(exported(buffer));
    }
    let bytes = exported(buffer);
    Ok(object.py().detach(|| Bytes::copy_from_slice(&bytes)))
}

/// The bytes of a buffer that the caller promises not to write to: pickles' out-of-band buffers, frames.
pub(crate) fn shared(object: &Bound<'_, PyAny>) -> PyResult<(Bytes, bool)> {
    let buffer = contiguous(object)?;
    let is_writable = !buffer.readonly();
    Ok((exported(buffer), is_writable))
}

/// A buffer without gaps.
pub(crate) fn contiguous(object: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    // Some objects, ZeroMQ's frames among them, leave out strides; a view of them has them.
    let view = PyMemoryView::from(object)?;
    let buffer = PyUntypedBuffer::get(&view)?;
    if !buffer.is_c_contiguous() && !buffer.is_fortran_contiguous() {
        return Err(PyBufferError::new_err("the buffer has gaps in it"));
    }
    Ok(buffer)
}
