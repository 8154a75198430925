//! [`PyWriter`], in Python `ndferry.Writer`: an array in an NPB file that is filled and grows.

use std::sync::{Mutex, PoisonError};

use ndferry::{CreateOptions, NpbFile};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arrays;
use crate::dtypes::Dtypes;
use crate::errors::{exception, ours};
use crate::index::indexing;
use crate::numpy_abi;
use crate::save::{order, packing};
use crate::work::Work;

/// An array in a new NPB file. Rows are appended, regions assigned in any order; what was not written is zero.
///
/// Whatever happens to the process, what was flushed can be read.
#[pyclass(frozen, name = "Writer", module = "ndferry")]
pub(crate) struct PyWriter {
    /// `None` once it is closed.
    file: Mutex<Option<NpbFile>>,
}

/// How to create, as keywords say it.
#[derive(FromPyObject)]
pub(crate) struct Creating {
    #[pyo3(item)]
    codec: Option<String>,
    #[pyo3(item)]
    filter: Option<String>,
    #[pyo3(item)]
    tile: Option<Vec<u64>>,
    #[pyo3(item)]
    order: String,
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    attrs: Option<Py<PyAny>>,
    #[pyo3(item)]
    threads: usize,
    #[pyo3(item)]
    overwrite: bool,
    #[pyo3(item)]
    sync: bool,
}

/// Creates a file with one array in it.
#[pyfunction]
#[pyo3(signature = (dst, dtype, shape, creating))]
pub(crate) fn create(
    dst: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    shape: Vec<Option<usize>>,
    creating: Creating,
) -> PyResult<PyWriter> {
    let py = dst.py();
    let dtype = dtype_of(dtype)?;
    let work = Work::new();
    let mut options = CreateOptions::default();
    options.packing = packing(py, creating.codec.as_deref(), creating.filter.as_deref())?;
    options.tile = creating.tile;
    options.order = order(&creating.order)?;
    options.name = creating.name;
    if let Some(attrs) = creating.attrs {
        options.attributes = crate::save::attributes(attrs.bind(py))?;
    }
    options.threads = creating.threads;
    options.overwrite = creating.overwrite;
    options.sync = creating.sync;
    options.interrupt = work.interrupt();
    let path = crate::input::path(dst)?;
    let file = work.run(py, || NpbFile::create(&path, dtype, &shape, options))?;
    Ok(PyWriter {
        file: Mutex::new(Some(file)),
    })
}

/// What NumPy takes as a dtype; without NumPy, a type string.
pub(crate) fn dtype_of(object: &Bound<'_, PyAny>) -> PyResult<ndferry::Dtype> {
    let py = object.py();
    if numpy_abi::is_there(py) {
        let descr = py.import("numpy")?.getattr("dtype")?.call1((object,))?;
        return Dtypes::default().ours(&descr);
    }
    let text: String = object.extract()?;
    ndferry::Dtype::parse(&text).map_err(|error| exception(py, &error.into()))
}

impl PyWriter {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut NpbFile) -> ndferry::Result<T> + Send,
    ) -> PyResult<T> {
        let done = Work::new().run(py, || {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.as_mut().map(work).transpose()
        })?;
        done.ok_or_else(|| ours(py, "UsageError", "the file is closed", None))
    }

    /// Elements in this file's dtype, of a shape; without NumPy they must be so already.
    fn elements<'py>(
        &self,
        value: &Bound<'py, PyAny>,
        shape: Option<&[usize]>,
    ) -> PyResult<ndferry::Array> {
        let py = value.py();
        let mut dtypes = Dtypes::default();
        if !numpy_abi::is_there(py) {
            return arrays::in_memory(&mut dtypes, value);
        }
        let dtype = self.with(py, |file| Ok(file.dtype().clone()))?;
        let numpy = py.import("numpy")?;
        let keywords = PyDict::new(py);
        keywords.set_item("dtype", dtypes.numpy(py, &dtype)?)?;
        let mut array = numpy.call_method("asarray", (value,), Some(&keywords))?;
        if let Some(shape) = shape {
            array = numpy.call_method1("broadcast_to", (array, PyTuple::new(py, shape)?))?;
        }
        arrays::in_memory(&mut dtypes, &array)
    }
}

#[pymethods]
impl PyWriter {
    /// The extent of each axis, as far as it has grown.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let shape = self.with(py, |file| Ok(file.shape()))?;
        PyTuple::new(py, shape)
    }

    /// What its elements are.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dtype = self.with(py, |file| Ok(file.dtype().clone()))?;
        match numpy_abi::is_there(py) {
            true => Dtypes::default().numpy(py, &dtype),
            false => crate::array::dtype_as_data(py, &dtype),
        }
    }

    /// Adds rows at the end of the axis that grows.
    fn append(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = self.elements(rows, None)?;
        self.with(py, |file| file.append(&rows.view()))
    }

    /// Writes into a region of the array as it is now.
    fn __setitem__(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let indexing = indexing(key)?;
        let shape = self.with(py, |file| Ok(file.shape()))?;
        let region = indexing.resolve(&shape);
        let region = region.map_err(|error| exception(py, &error.into()))?;
        let value = self.elements(value, Some(&region.shape()))?;
        self.with(py, |file| file.assign(&region, &value.view()))
    }

    /// Writes an index after all that there is, so that others can read it from now on.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, NpbFile::flush)
    }

    /// Ends the array and the file; doing it again changes nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let work = Work::new();
        work.run(py, || {
            let file = self
                .file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            file.map(NpbFile::finish).transpose().map(|_| ())
        })
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let shape = self.with(py, |file| Ok(file.shape()))?;
        let first = shape.first().copied();
        first.ok_or_else(|| PyTypeError::new_err("an array without axes has no length"))
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// What was written so far stays, whatever happened.
    fn __exit__(
        &self,
        py: Python<'_>,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.close(py)
    }
}
