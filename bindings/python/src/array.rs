//! [`PyArray`], in Python `ndferry.Array`: an array in memory, for programs without NumPy.

use std::ffi::{CString, c_int, c_void};

use ndferry::{Array, ByteOrder, Dtype, Kind, Layout, Order};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::dlpack;
use crate::dtypes::Dtypes;
use crate::numpy_abi::{self, Memory};

/// An array in memory: what ``load`` gives where NumPy is not installed.
///
/// It exports the buffer protocol and ``__array_interface__``, both read-only and without a copy, so that NumPy and other
/// array libraries take it as it is.
#[pyclass(frozen, name = "Array", module = "ndferry")]
pub(crate) struct PyArray {
    array: Array,
    /// In the form that the buffer protocol lends.
    shape: Vec<ffi::Py_ssize_t>,
    strides: Vec<ffi::Py_ssize_t>,
    format: Option<CString>,
}

impl PyArray {
    pub(crate) fn new(array: Array) -> Self {
        Self {
            shape: array
                .shape()
                .iter()
                .map(|n| *n as ffi::Py_ssize_t)
                .collect(),
            strides: array.layout().strides().to_vec(),
            format: format(array.dtype()).and_then(|format| CString::new(format).ok()),
            array,
        }
    }

    pub(crate) fn array(&self) -> &Array {
        &self.array
    }

    fn data(&self) -> *const u8 {
        let bytes = self.array.bytes();
        bytes.as_ptr().wrapping_add(self.array.layout().offset())
    }
}

#[pymethods]
impl PyArray {
    /// The extent of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.shape())
    }

    /// The type string, as ``numpy.dtype.str``; of a struct, the list that ``numpy.dtype.descr`` gives.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        dtype_as_data(py, self.array.dtype())
    }

    /// Bytes from one element to the next, along each axis.
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array.layout().strides())
    }

    /// The number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.array.ndim()
    }

    /// The number of elements.
    #[getter]
    fn size(&self) -> usize {
        self.array.size()
    }

    /// Bytes of all elements together.
    #[getter]
    fn nbytes(&self) -> usize {
        self.array.nbytes()
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> usize {
        self.array.dtype().itemsize()
    }

    /// The elements as a ``numpy.ndarray``, read-only and without a copy.
    fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut dtypes = Dtypes::default();
        let descr = dtypes.numpy(py, self.array.dtype())?;
        let layout = self.array.layout();
        numpy_abi::over(
            py,
            &descr,
            layout.shape(),
            layout.strides(),
            layout.offset(),
            self.array.bytes().clone(),
            false,
        )
    }

    /// A copy of the elements, in C order.
    fn tobytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.array.view().to_bytes(Order::C);
        Ok(PyBytes::new(py, &bytes.map_err(wrong)?))
    }

    /// The part that an index picks, without a copy.
    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<Self> {
        let indexing = crate::index::indexing(key)?;
        let part = self.array.index(&indexing);
        part.map(Self::new)
            .map_err(|error| crate::errors::exception(key.py(), &error.into()))
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.array.shape().first().copied();
        first.ok_or_else(|| PyTypeError::new_err("an array without axes has no length"))
    }

    fn __repr__(&self) -> String {
        format!(
            "ndferry.Array(shape={:?}, dtype='{}')",
            self.array.shape(),
            self.array.dtype()
        )
    }

    #[getter]
    fn __array_interface__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (py, this) = (slf.py(), slf.get());
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", this.shape(py)?)?;
        interface.set_item("typestr", this.array.dtype().str())?;
        if let Some(descr) = descr(py, this.array.dtype())? {
            interface.set_item("descr", descr)?;
        }
        interface.set_item("strides", this.strides(py)?)?;
        interface.set_item("data", (this.data() as usize, true))?;
        Ok(interface)
    }

    /// The elements for other libraries: read-only without a copy where they know DLPack 1.0, otherwise copied.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if stream.is_some() {
            return Err(PyBufferError::new_err("memory of the CPU has no streams"));
        }
        if dl_device.is_some_and(|device| device != dlpack::CPU) {
            return Err(PyBufferError::new_err(
                "the elements are in memory of the CPU",
            ));
        }
        let wanted = dlpack::Wanted { max_version, copy };
        dlpack::export(py, &self.array, &wanted)
    }

    /// The CPU.
    fn __dlpack_device__(&self) -> (i32, i32) {
        dlpack::CPU
    }

    #[expect(unsafe_code, reason = "the buffer protocol; see numpy_abi")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let this = slf.get();
        let refuse = |why: &'static str| Err(PyBufferError::new_err(why));
        if view.is_null() {
            return refuse("no view was given");
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return refuse("an ndferry.Array is read-only");
        }
        let wants_strides = flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES;
        if !wants_strides && this.array.view().run(Order::C).is_none() {
            return refuse("its elements do not lie in C order");
        }
        let wants_format = flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT;
        if wants_format && this.format.is_none() {
            return refuse("the buffer protocol has no format for this dtype");
        }
        let has_shape = flags & ffi::PyBUF_ND == ffi::PyBUF_ND;
        // SAFETY: `view` was checked and is the caller's to fill. Shape, strides and format are never changed and live as
        // long as the object, to which the view gets a reference; the elements lie within the array's bytes, likewise.
        unsafe {
            (*view).buf = this.data().cast_mut().cast::<c_void>();
            (*view).len = this.array.nbytes() as ffi::Py_ssize_t;
            (*view).readonly = 1;
            (*view).itemsize = this.array.dtype().itemsize() as ffi::Py_ssize_t;
            (*view).ndim = if has_shape {
                this.array.ndim() as c_int
            } else {
                1
            };
            (*view).format = match &this.format {
                Some(format) if wants_format => format.as_ptr().cast_mut(),
                _ => std::ptr::null_mut(),
            };
            let lent = |numbers: &Vec<ffi::Py_ssize_t>, wanted| match wanted {
                true => numbers.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            };
            (*view).shape = lent(&this.shape, has_shape);
            (*view).strides = lent(&this.strides, wants_strides);
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }
}

fn wrong(error: ndferry::ArrayError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A dtype without NumPy: its type string, or the list of its fields.
pub(crate) fn dtype_as_data<'py>(py: Python<'py>, dtype: &Dtype) -> PyResult<Bound<'py, PyAny>> {
    match descr(py, dtype)? {
        Some(fields) => Ok(fields),
        None => Ok(dtype.str().into_pyobject(py)?.into_any()),
    }
}

/// `numpy.dtype.descr` of a struct.
fn descr<'py>(py: Python<'py>, dtype: &Dtype) -> PyResult<Option<Bound<'py, PyAny>>> {
    use ndferry::Descr;
    fn fields<'py>(py: Python<'py>, descr: &Descr) -> PyResult<Bound<'py, PyAny>> {
        match descr {
            Descr::Fields(list) => {
                let out = PyList::empty(py);
                for field in list {
                    let kind = fields(py, &field.descr)?;
                    let name = match &field.title {
                        Some(title) => (title, &field.name).into_pyobject(py)?.into_any(),
                        None => field.name.as_str().into_pyobject(py)?.into_any(),
                    };
                    match &field.shape {
                        Some(shape) => out.append((name, kind, PyTuple::new(py, shape)?))?,
                        None => out.append((name, kind))?,
                    }
                }
                Ok(out.into_any())
            }
            Descr::Subarray(base, shape) => {
                let base = fields(py, base)?;
                Ok((base, PyTuple::new(py, shape)?)
                    .into_pyobject(py)?
                    .into_any())
            }
            Descr::Str(text) => Ok(text.into_pyobject(py)?.into_any()),
        }
    }
    match (dtype.kind(), dtype.descr()) {
        (Kind::Struct(_), Ok(descr)) => fields(py, &descr).map(Some),
        _ => Ok(None),
    }
}

/// The format of PEP 3118, which is that of `struct`.
fn format(dtype: &Dtype) -> Option<String> {
    let code = match (dtype.kind(), dtype.itemsize()) {
        (Kind::Bool, 1) => "?",
        (Kind::Int, 1) => "b",
        (Kind::Int, 2) => "h",
        (Kind::Int, 4) => "i",
        (Kind::Int, 8) => "q",
        (Kind::Uint, 1) => "B",
        (Kind::Uint, 2) => "H",
        (Kind::Uint, 4) => "I",
        (Kind::Uint, 8) => "Q",
        (Kind::Float, 2) => "e",
        (Kind::Float, 4) => "f",
        (Kind::Float, 8) => "d",
        (Kind::Complex, 8) => "Zf",
        (Kind::Complex, 16) => "Zd",
        (Kind::Bytes, n) => return Some(format!("{n}s")),
        (Kind::Unicode, n) if dtype.is_native() => return Some(format!("{}w", n / 4)),
        _ => return None,
    };
    // Without a prefix it is native; `=` and `<` would be sizes that do not depend on the machine, which these are too.
    Some(match dtype.byteorder() {
        ByteOrder::Big if !dtype.is_native() => format!(">{code}"),
        ByteOrder::Little if !dtype.is_native() => format!("<{code}"),
        _ => code.to_owned(),
    })
}

/// The array that a buffer is, where there is no NumPy to say so.
pub(crate) fn of_buffer(object: &Bound<'_, PyAny>) -> PyResult<Array> {
    let buffer = PyUntypedBuffer::get(object)?;
    let text = buffer.format().to_string_lossy().into_owned();
    let unknown = || PyTypeError::new_err(format!("a buffer of {text:?} is no array"));
    let (order, code) = match text.as_bytes().first() {
        Some(b'<') => (ByteOrder::Little, &text[1..]),
        Some(b'>' | b'!') => (ByteOrder::Big, &text[1..]),
        Some(b'@' | b'=') => (ByteOrder::NATIVE, &text[1..]),
        _ => (ByteOrder::NATIVE, &*text),
    };
    let kind = match code {
        "?" => Kind::Bool,
        "b" | "h" | "i" | "l" | "q" => Kind::Int,
        "B" | "H" | "I" | "L" | "Q" | "c" => Kind::Uint,
        "e" | "f" | "d" => Kind::Float,
        "Zf" | "Zd" => Kind::Complex,
        _ => return Err(unknown()),
    };
    let dtype = Dtype::new(kind, order, buffer.item_size()).map_err(wrong)?;
    let shape = buffer.shape().to_vec();
    if !buffer.is_c_contiguous() {
        let message = "elements with gaps between them need NumPy";
        return Err(PyTypeError::new_err(message));
    }
    let layout = Layout::contiguous(&shape, dtype.itemsize(), Order::C).map_err(wrong)?;
    Array::new(dtype, layout, numpy_abi::exported(buffer)).map_err(wrong)
}

/// So that the class is known to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyArray>()?;
    module.add_class::<Memory>()
}
