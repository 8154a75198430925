//! Where bytes come from: a path, an open file, a buffer.

use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use bytes::Bytes;
use ndferry::ReadAt;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

use crate::numpy_abi::exported;

/// What a user gives as a file.
pub(crate) enum Input {
    /// A file of this machine, or the address of one on a web server, which is read in parts.
    Path(PathBuf),
    /// What an open file, or a file of another machine, holds; and its name.
    Bytes(String, Bytes),
}

/// The same, if only parts of it are to be read.
pub(crate) enum Parts {
    Path(PathBuf),
    /// An open file in which parts can be found, and its name.
    File(String, PyFile),
    /// What one holds in which they cannot.
    Bytes(String, Bytes),
}

impl Input {
    /// From `str`, `os.PathLike`, a URL that fsspec knows, or an object with `read`, to be read
    /// whole.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        match Found::of(object)? {
            Found::Path(path) => Ok(Self::Path(path)),
            Found::File(name, file) => Ok(Self::Bytes(name, read(&file)?)),
            Found::Opened(name, file) => {
                let bytes = read(file.bind(py));
                file.call_method0(py, "close")?;
                Ok(Self::Bytes(name, bytes?))
            }
        }
    }
}

impl Parts {
    /// As [`Input::of`].
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let (name, file) = match Found::of(object)? {
            Found::Path(path) => return Ok(Self::Path(path)),
            Found::File(name, file) => (name, file),
            Found::Opened(name, file) => (name, file.into_bound(py)),
        };
        match PyFile::new(&file)? {
            Some(parts) => Ok(Self::File(name, parts)),
            None => Ok(Self::Bytes(name, read(&file)?)),
        }
    }
}

/// What was given.
enum Found<'py> {
    Path(PathBuf),
    /// Open, by the caller.
    File(String, Bound<'py, PyAny>),
    /// Open, by us.
    Opened(String, Py<PyAny>),
}

impl<'py> Found<'py> {
    fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Some(text) = url(object) {
            if is_web(&text) {
                return Ok(Found::Path(text.into()));
            }
            let opened = py.import("fsspec")?.call_method1("open", (&text, "rb"))?;
            let file = opened.call_method0("open")?;
            return Ok(Found::Opened(text, file.unbind()));
        }
        let name = |attribute| -> String {
            let name = object.getattr(attribute).ok();
            name.and_then(|name| name.extract().ok())
                .unwrap_or_default()
        };
        if object.hasattr("read")? {
            return Ok(Found::File(name("name"), object.clone()));
        }
        // What `fsspec.open` gives, before it is entered.
        if object.hasattr("full_name")? && object.hasattr("open")? {
            let file = object.call_method0("open")?;
            return Ok(Found::Opened(name("path"), file.unbind()));
        }
        path(object).map(Found::Path)
    }
}

/// An open file of Python's, from where it stands to its end. Its position moves.
pub(crate) struct PyFile {
    file: Py<PyAny>,
    start: u64,
    nbytes: u64,
    /// Between seeking and reading nobody else may seek.
    turn: Mutex<()>,
}

impl PyFile {
    /// `None` of one in which nobody can seek.
    fn new(file: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let is_seekable = |file: &Bound<'_, PyAny>| file.call_method0("seekable")?.is_truthy();
        if !is_seekable(file).unwrap_or(false) {
            return Ok(None);
        }
        let start: u64 = file.call_method0("tell")?.extract()?;
        file.call_method1("seek", (0, 2))?;
        let end: u64 = file.call_method0("tell")?.extract()?;
        file.call_method1("seek", (start,))?;
        Ok(Some(Self {
            file: file.clone().unbind(),
            start,
            nbytes: end.saturating_sub(start),
            turn: Mutex::default(),
        }))
    }
}

impl ReadAt for PyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Python::attach(|py| {
            let _turn = match self.turn.lock_py_attached(py) {
                Ok(turn) => turn,
                Err(poisoned) => poisoned.into_inner(),
            };
            let mut read = || -> PyResult<usize> {
                let file = self.file.bind(py);
                file.call_method1("seek", (self.start.saturating_add(offset),))?;
                let read = file.call_method1("read", (buf.len(),))?;
                let bytes = read.cast_into::<PyBytes>().map_err(|_| not_binary())?;
                let bytes = bytes.as_bytes();
                let nbytes = bytes.len().min(buf.len());
                buf[..nbytes].copy_from_slice(&bytes[..nbytes]);
                Ok(nbytes)
            };
            read().map_err(io::Error::other)
        })
    }

    fn nbytes(&self) -> io::Result<u64> {
        Ok(self.nbytes)
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// An address, in a `str`.
pub(crate) fn url(object: &Bound<'_, PyAny>) -> Option<String> {
    let text = object.cast::<PyString>().ok()?.to_str().ok()?;
    (text.contains("://") && !text.starts_with("file://")).then(|| text.to_owned())
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
    let bytes = read.cast_into::<PyBytes>().map_err(|_| not_binary())?;
    of_buffer(bytes.as_any())
}

fn not_binary() -> PyErr {
    PyTypeError::new_err("the file is not open in binary mode")
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
