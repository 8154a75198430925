//! [`export`]: arrays for other libraries, through DLPack. Unsafe, since its structs are C's and its memory is lent.
//!
//! Safety in one place: a capsule owns an [`Owner`], in which shape, strides and elements lie; it is freed once, by the
//! deleter, which whoever takes the tensor calls, or the capsule's destructor if nobody took it.

use std::ffi::{CStr, c_void};

use ndferry::{Array, Kind, Order};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

/// `kDLCPU`, and the only one of its kind.
pub(crate) const CPU: (i32, i32) = (1, 0);

const READ_ONLY: u64 = 1;
const IS_COPIED: u64 = 2;

const OLD: &CStr = c"dltensor";
const VERSIONED: &CStr = c"dltensor_versioned";

/// `DLTensor`; what the fields mean is said in dlpack.h of DLPack 1.0.
#[repr(C)]
struct Tensor {
    data: *mut c_void,
    device: (i32, i32),
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// `DLManagedTensor`, as it was before version 1.
#[repr(C)]
struct Managed {
    tensor: Tensor,
    owner: *mut Owner,
    deleter: unsafe extern "C" fn(*mut Managed),
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
struct ManagedVersioned {
    major: u32,
    minor: u32,
    owner: *mut Owner,
    deleter: unsafe extern "C" fn(*mut ManagedVersioned),
    flags: u64,
    tensor: Tensor,
}

/// What a tensor points into.
struct Owner {
    _array: Array,
    _shape: Vec<i64>,
    _strides: Vec<i64>,
}

/// What the keywords of `__dlpack__` ask for.
pub(crate) struct Wanted {
    pub(crate) max_version: Option<(u32, u32)>,
    pub(crate) copy: Option<bool>,
}

/// A capsule with the elements: lent read-only to those who understand that (version 1), otherwise copied.
///
/// # Errors
/// `BufferError` if DLPack has no such dtype, or if `copy=False` and they cannot be lent.
pub(crate) fn export<'py>(
    py: Python<'py>,
    array: &Array,
    wanted: &Wanted,
) -> PyResult<Bound<'py, PyAny>> {
    let (code, bits) = dtype(array)?;
    let is_versioned = wanted.max_version.is_some_and(|(major, _)| major >= 1);
    let must_copy = !is_versioned || !is_lendable(array);
    if must_copy && wanted.copy == Some(false) {
        let message = match is_versioned {
            false => "read-only elements need DLPack 1.0 or a copy",
            true => "its elements lie as DLPack cannot say",
        };
        return Err(PyBufferError::new_err(message));
    }
    let is_copied = must_copy || wanted.copy == Some(true);
    let array = match is_copied {
        true => {
            let copied = py.detach(|| array.view().to_array(Order::C));
            copied.map_err(|error| PyValueError::new_err(error.to_string()))?
        }
        false => array.clone(),
    };
    let itemsize = array.dtype().itemsize() as isize;
    let mut shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
    let strides = array.layout().strides().iter();
    let mut strides: Vec<i64> = strides.map(|n| (*n / itemsize) as i64).collect();
    let start = array.bytes().as_ptr();
    let data = start.wrapping_add(array.layout().offset()).cast_mut();
    let tensor = Tensor {
        data: data.cast(),
        device: CPU,
        ndim: shape.len() as i32,
        code,
        bits,
        lanes: 1,
        // The vectors' memory stays where it is when they are moved.
        shape: shape.as_mut_ptr(),
        strides: strides.as_mut_ptr(),
        byte_offset: 0,
    };
    let owner = Box::into_raw(Box::new(Owner {
        _array: array,
        _shape: shape,
        _strides: strides,
    }));
    let (managed, name, destructor): (*mut c_void, _, ffi::PyCapsule_Destructor) = if is_versioned {
        let managed = Box::into_raw(Box::new(ManagedVersioned {
            major: 1,
            minor: 0,
            owner,
            deleter: delete_versioned,
            flags: if is_copied { IS_COPIED } else { READ_ONLY },
            tensor,
        }));
        (managed.cast(), VERSIONED, destroy_versioned)
    } else {
        let managed = Box::into_raw(Box::new(Managed {
            tensor,
            owner,
            deleter: delete,
        }));
        (managed.cast(), OLD, destroy)
    };
    // SAFETY: the pointer is not null, the name lives for ever, the destructor fits what it points to.
    unsafe {
        let capsule = ffi::PyCapsule_New(managed, name.as_ptr(), Some(destructor));
        if capsule.is_null() {
            match is_versioned {
                true => delete_versioned(managed.cast()),
                false => delete(managed.cast()),
            }
        }
        Bound::from_owned_ptr_or_err(py, capsule)
    }
}

/// `DLDataTypeCode`, and bits.
fn dtype(array: &Array) -> PyResult<(u8, u8)> {
    let dtype = array.dtype();
    let code = match dtype.kind() {
        Kind::Int => 0,
        Kind::Uint => 1,
        Kind::Float => 2,
        Kind::Complex => 5,
        Kind::Bool => 6,
        _ => return Err(PyBufferError::new_err(format!("DLPack has no {dtype}"))),
    };
    if !dtype.is_native() {
        let message = format!("DLPack has no {dtype}, whose bytes are swapped");
        return Err(PyBufferError::new_err(message));
    }
    match u8::try_from(dtype.itemsize() * 8) {
        Ok(bits) => Ok((code, bits)),
        Err(_) => Err(PyBufferError::new_err(format!("DLPack has no {dtype}"))),
    }
}

/// Whether strides are whole elements, and each element lies where C wants it.
fn is_lendable(array: &Array) -> bool {
    let itemsize = array.dtype().itemsize();
    let alignment = match array.dtype().kind() {
        Kind::Complex => itemsize / 2,
        _ => itemsize,
    };
    let start = array.bytes().as_ptr() as usize + array.layout().offset();
    let mut strides = array.layout().strides().iter();
    start.is_multiple_of(alignment) && strides.all(|n| n.unsigned_abs().is_multiple_of(itemsize))
}

/// # Safety
/// `managed` is one that [`export`] made, and is not used again.
unsafe extern "C" fn delete(managed: *mut Managed) {
    // SAFETY: as the caller says; both were boxed.
    unsafe {
        let managed = Box::from_raw(managed);
        drop(Box::from_raw(managed.owner));
    }
}

/// # Safety
/// As for [`delete`].
unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    // SAFETY: as the caller says; both were boxed.
    unsafe {
        let managed = Box::from_raw(managed);
        drop(Box::from_raw(managed.owner));
    }
}

/// # Safety
/// For Python alone, with a capsule that [`export`] made.
unsafe extern "C" fn destroy(capsule: *mut ffi::PyObject) {
    // SAFETY: who takes the tensor renames the capsule; under its first name it is still ours.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, OLD.as_ptr()) != 0 {
            delete(ffi::PyCapsule_GetPointer(capsule, OLD.as_ptr()).cast());
        }
    }
}

/// # Safety
/// As for [`destroy`].
unsafe extern "C" fn destroy_versioned(capsule: *mut ffi::PyObject) {
    // SAFETY: as in `destroy`.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, VERSIONED.as_ptr()) != 0 {
            delete_versioned(ffi::PyCapsule_GetPointer(capsule, VERSIONED.as_ptr()).cast());
        }
    }
}
