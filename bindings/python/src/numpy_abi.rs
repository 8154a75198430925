//! Arrays through NumPy's C interface: the only unsafe code of the package besides exporting buffers.
//!
//! Safety in one place: every pointer that is given to NumPy lies in memory that the array's base keeps alive, and was
//! checked against that memory's length; every pointer that is taken from an array is used only while the array is held.

use std::ffi::{c_int, c_void};

use bytes::Bytes;
#[cfg(target_os = "linux")]
use ndferry::SegmentMap;
use ndferry::{Array, Layout};
use numpy::npyffi::{
    self, NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, PyArray_Check, PyArray_CheckExact,
    PyArrayObject,
};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

/// Bytes of ours that arrays lie in; their base.
#[pyclass(frozen, weakref, module = "ndferry._ndferry")]
pub(crate) struct Memory {
    bytes: Bytes,
    is_writable: bool,
}

impl Memory {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let is_writable = false;
        Self { bytes, is_writable }
    }

    /// Of a private map that nobody else has.
    #[cfg(target_os = "linux")]
    pub(crate) fn writable(map: SegmentMap) -> Self {
        let (bytes, is_writable) = (map.into(), true);
        Self { bytes, is_writable }
    }
}

#[pymethods]
impl Memory {
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let Self { bytes, is_writable } = slf.get();
        let data = bytes.as_ptr().cast_mut().cast::<c_void>();
        // SAFETY: `view` is the caller's to fill; the bytes live as long as the object, to which it gets a reference, and
        // are lent read-only, or nothing in Rust reads them.
        let failed = unsafe {
            let len = bytes.len() as ffi::Py_ssize_t;
            let readonly = c_int::from(!is_writable);
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data, len, readonly, flags)
        };
        match failed {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// Whether NumPy can be imported.
pub(crate) fn is_there(py: Python<'_>) -> bool {
    PyModule::import(py, "numpy").is_ok()
}

/// From this size on other threads run while elements are copied.
const LONG: usize = 1 << 20;

/// A new array in NumPy's own memory, with a copy of `bytes`: its elements in C order, or in F order.
///
/// `descr` must have no objects and no subarray.
pub(crate) fn copied<'py>(
    py: Python<'py>,
    descr: &Bound<'py, PyAny>,
    shape: &[usize],
    is_fortran: bool,
    bytes: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let null = std::ptr::null_mut();
    let array = created(py, descr, shape, None, null, c_int::from(is_fortran))?;
    let raw = array.as_ptr().cast::<PyArrayObject>();
    // SAFETY: NumPy has just made this array; its extents are read from it.
    let (data, size) = unsafe {
        let extents = (*raw).fields.dimensions;
        let size: npyffi::npy_intp = (0..(*raw).fields.nd as usize)
            .map(|axis| *extents.add(axis))
            .product();
        ((*raw).fields.data as usize, size as usize)
    };
    if size * itemsize(descr)? != bytes.len() {
        let found = bytes.len();
        let message = format!("NumPy makes {size} elements of it, which are not {found} bytes");
        return Err(PyValueError::new_err(message));
    }
    let copy = || {
        // SAFETY: NumPy has allocated `bytes.len()` bytes at `data`, as was just checked, without gaps, as it makes arrays
        // without given memory; nobody else knows the array yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data as *mut u8, bytes.len()) }
    };
    if bytes.len() >= LONG {
        py.detach(copy);
    } else {
        copy();
    }
    Ok(array)
}

/// An array over bytes of ours, which it keeps alive. `writable` only if nobody else has them, and they are no map.
pub(crate) fn over<'py>(
    py: Python<'py>,
    descr: &Bound<'py, PyAny>,
    shape: &[usize],
    strides: &[isize],
    offset: usize,
    bytes: Bytes,
    writable: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let layout = Layout::strided(shape, strides, offset);
    let checked =
        layout.and_then(|layout| layout.check(itemsize(descr).unwrap_or(usize::MAX), bytes.len()));
    checked.map_err(|error| PyValueError::new_err(error.to_string()))?;
    // The layout was checked: every element lies within `bytes`.
    let data = bytes
        .as_ptr()
        .wrapping_add(offset)
        .cast_mut()
        .cast::<c_void>();
    let memory = Bound::new(py, Memory::new(bytes))?;
    debug_assert!(data.cast_const().cast::<u8>() >= memory.get().bytes.as_ptr());
    let flags = if writable { NPY_ARRAY_WRITEABLE } else { 0 };
    let array = created(py, descr, shape, Some(strides), data, flags)?;
    // SAFETY: `array` is an array that has no base yet. The call takes over the reference to `memory`.
    let failed = unsafe {
        PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), memory.into_any().into_ptr())
    };
    match failed {
        0 => Ok(array),
        _ => Err(PyErr::fetch(py)),
    }
}

/// `PyArray_NewFromDescr`; with memory, its flags, otherwise whether it is in F order.
fn created<'py>(
    py: Python<'py>,
    descr: &Bound<'py, PyAny>,
    shape: &[usize],
    strides: Option<&[isize]>,
    data: *mut c_void,
    flags: c_int,
) -> PyResult<Bound<'py, PyAny>> {
    let mut extents: Vec<npyffi::npy_intp> = shape.iter().map(|n| *n as npyffi::npy_intp).collect();
    let mut steps: Vec<npyffi::npy_intp> = strides.unwrap_or_default().to_vec();
    let steps = match strides {
        Some(_) => steps.as_mut_ptr(),
        None => std::ptr::null_mut(),
    };
    // SAFETY: `descr` is an instance of `numpy.dtype`, whose reference is given away; extents and strides outlive the
    // call, which copies them; `data` is null or lies in memory that the caller makes the array's base.
    unsafe {
        let subtype = npyffi::get_type_object(py, NpyTypes::PyArray_Type);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            subtype,
            descr.clone().into_ptr().cast(),
            shape.len() as c_int,
            extents.as_mut_ptr(),
            steps,
            data,
            flags,
            std::ptr::null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

pub(crate) fn itemsize(descr: &Bound<'_, PyAny>) -> PyResult<usize> {
    descr
        .getattr(pyo3::intern!(descr.py(), "itemsize"))?
        .extract()
}

/// What an array says of itself.
pub(crate) struct Raw<'py> {
    pub(crate) descr: Bound<'py, PyAny>,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<isize>,
    data: *const u8,
}

/// Whether it is a `numpy.ndarray`: of that very class, or of one derived from it.
pub(crate) fn is_array(object: &Bound<'_, PyAny>) -> (bool, bool) {
    let py = object.py();
    // An array exists only where NumPy was imported; looking must not import it.
    if !imported(py) {
        return (false, false);
    }
    // SAFETY: both look at the type of a live object only.
    unsafe {
        (
            PyArray_CheckExact(py, object.as_ptr()) != 0,
            PyArray_Check(py, object.as_ptr()) != 0,
        )
    }
}

fn imported(py: Python<'_>) -> bool {
    use pyo3::types::PyDict;
    use std::sync::atomic::{AtomicBool, Ordering};
    // Once it is there, it stays.
    static IMPORTED: AtomicBool = AtomicBool::new(false);
    if IMPORTED.load(Ordering::Relaxed) {
        return true;
    }
    let modules = || -> PyResult<bool> {
        let modules = PyModule::import(py, "sys")?.getattr("modules")?;
        let numpy = modules.cast_into::<PyDict>()?.get_item("numpy")?;
        Ok(numpy.is_some_and(|numpy| !numpy.is_none()))
    };
    let is_there = modules().unwrap_or(false);
    IMPORTED.store(is_there, Ordering::Relaxed);
    is_there
}

/// Dtype, shape and strides of a `numpy.ndarray`.
pub(crate) fn raw<'py>(array: &Bound<'py, PyAny>) -> Option<Raw<'py>> {
    let py = array.py();
    if !is_array(array).1 {
        return None;
    }
    let raw = array.as_ptr().cast::<PyArrayObject>();
    // SAFETY: it is an array, as was just checked, and held by the caller; NumPy keeps `nd` extents and strides in it, and
    // a descriptor, whose reference is borrowed and then owned.
    unsafe {
        let ndim = (*raw).fields.nd as usize;
        let axis = |from: *mut npyffi::npy_intp| -> Vec<isize> {
            (0..ndim).map(|axis| *from.add(axis)).collect()
        };
        let shape = axis((*raw).fields.dimensions);
        Some(Raw {
            descr: Bound::from_borrowed_ptr(py, (*raw).fields.descr.cast::<ffi::PyObject>()),
            shape: shape.into_iter().map(|extent| extent as usize).collect(),
            strides: axis((*raw).fields.strides),
            data: (*raw).fields.data.cast_const().cast(),
        })
    }
}

impl Raw<'_> {
    /// The bytes from the lowest to the highest element, and where among them the first one is.
    ///
    /// They are `array`'s, which stays alive as long as they do. Somebody who writes to it meanwhile is seen.
    pub(crate) fn bytes(&self, array: &Bound<'_, PyAny>, itemsize: usize) -> (Bytes, usize) {
        if self.shape.contains(&0) || itemsize == 0 {
            return (Bytes::new(), 0);
        }
        let (mut low, mut high) = (0isize, itemsize as isize);
        for (extent, stride) in self.shape.iter().zip(&self.strides) {
            let far = (*extent as isize - 1) * stride;
            if far < 0 {
                low += far;
            } else {
                high += far;
            }
        }
        let (start, nbytes) = (self.data.wrapping_offset(low), (high - low) as usize);
        if nbytes <= SMALL {
            // SAFETY: they span the elements of the array, which is alive.
            let bytes = unsafe { std::slice::from_raw_parts(start, nbytes) };
            return (Bytes::copy_from_slice(bytes), low.unsigned_abs());
        }
        let held = Held {
            start,
            nbytes,
            _pinned: pinned(array),
            _object: array.clone().unbind(),
        };
        (Bytes::from_owner(held), low.unsigned_abs())
    }
}

/// Keeps the memory of an array, and of what it is a view of, where it is: NumPy resizes no array that has weak references,
/// even if it is told not to count the others.
pub(crate) fn pinned(array: &Bound<'_, PyAny>) -> Vec<Py<PyWeakrefReference>> {
    let mut pins = Vec::new();
    let mut next = Some(array.clone());
    while let Some(array) = next.filter(|array| is_array(array).1) {
        // Arrays can be referred to weakly, all classes derived from them as well.
        pins.extend(PyWeakrefReference::new(&array).map(Bound::unbind).ok());
        next = array.getattr(pyo3::intern!(array.py(), "base")).ok();
    }
    pins
}

/// Up to this size elements are copied: that is cheaper than to hold the array.
const SMALL: usize = 4096;

/// Memory of a Python object, which is kept alive.
struct Held {
    start: *const u8,
    nbytes: usize,
    _pinned: Vec<Py<PyWeakrefReference>>,
    _object: Py<PyAny>,
}

// SAFETY: the memory belongs to no thread; the object is only dropped, which PyO3 defers until a thread is attached.
unsafe impl Send for Held {}
// SAFETY: as above; nothing is written through it.
unsafe impl Sync for Held {}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `start` and `nbytes` span the elements of an array that is alive, and NumPy does not move its memory
        // while there are other references to it, weak ones among them.
        unsafe { std::slice::from_raw_parts(self.start, self.nbytes) }
    }
}

/// Bytes of an object that exports a buffer, held until the bytes are dropped. Only for memory that nobody writes to
/// while it is read, or where it does not matter; Python lets nobody resize or free it meanwhile.
pub(crate) fn exported(buffer: PyUntypedBuffer) -> Bytes {
    struct Exported(PyUntypedBuffer);
    impl AsRef<[u8]> for Exported {
        fn as_ref(&self) -> &[u8] {
            if self.0.len_bytes() == 0 {
                return &[];
            }
            // SAFETY: it is contiguous (checked by those who call `exported`), and lives as long as the buffer is held.
            unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast::<u8>(), self.0.len_bytes()) }
        }
    }
    Bytes::from_owner(Exported(buffer))
}

/// The bytes of a buffer, to write to.
///
/// The caller holds `buffer` while it uses them, and has checked that it is contiguous and not read-only.
pub(crate) fn exported_mut(buffer: &mut PyUntypedBuffer) -> &mut [u8] {
    if buffer.len_bytes() == 0 {
        return &mut [];
    }
    // SAFETY: contiguous and writable, as the caller has checked; Python keeps the memory in place while it is exported.
    unsafe { std::slice::from_raw_parts_mut(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) }
}

/// A new `bytes` object that is being written.
pub(crate) struct BytesOut {
    object: Py<pyo3::types::PyBytes>,
    start: *mut u8,
    nbytes: usize,
    written: usize,
}

// SAFETY: the memory belongs to no thread, and only its one owner writes to it.
unsafe impl Send for BytesOut {}

impl BytesOut {
    /// For exactly this many bytes.
    pub(crate) fn new(py: Python<'_>, nbytes: usize) -> PyResult<Self> {
        let len = ffi::Py_ssize_t::try_from(nbytes)
            .map_err(|_| PyValueError::new_err("more bytes than there can be"))?;
        // SAFETY: without bytes to copy the call makes an object of `len` bytes of any value, or fails.
        let object = unsafe {
            let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), len);
            Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<pyo3::types::PyBytes>()
        };
        Ok(Self {
            start: object.as_bytes().as_ptr().cast_mut(),
            object: object.unbind(),
            nbytes,
            written: 0,
        })
    }

    /// The object, if all of it was written.
    pub(crate) fn finish(self, py: Python<'_>) -> Option<Bound<'_, pyo3::types::PyBytes>> {
        (self.written == self.nbytes).then(|| self.object.into_bound(py))
    }
}

impl std::io::Write for BytesOut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let nbytes = bytes.len().min(self.nbytes - self.written);
        // SAFETY: the object is new and nobody else has it yet; it has `nbytes` more bytes from here on.
        unsafe {
            let to = self.start.add(self.written);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, nbytes);
        }
        self.written += nbytes;
        Ok(nbytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The elements of an array of ours as the memory that NumPy may write to, if nobody else has them.
pub(crate) fn is_ours_alone(array: &Array) -> bool {
    array.bytes().is_unique()
}
