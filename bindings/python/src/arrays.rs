//! Arrays of ours as arrays of NumPy, and the other way round.

use ndferry::{Array, Dtype, Kind, Layout, LazyArray, OpenOptions, Order, Source};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::dtypes::Dtypes;
use crate::errors::ours;
use crate::numpy_abi;

/// Whose the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// A copy, unless the elements were read for this array alone.
    Never,
    /// The bytes themselves where they are aligned: nobody else has any of them, and they are no map of a file.
    Ours,
    /// The bytes themselves where they are aligned; all arrays are read-only.
    ReadOnly,
}

/// Arrays up to this size are copied: that is cheaper than an owner of their own.
const SMALL: usize = 4096;

/// A `numpy.ndarray`, or an [`crate::array::PyArray`] where there is no NumPy.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    dtypes: &mut Dtypes,
    array: Array,
    share: Share,
) -> PyResult<Bound<'py, PyAny>> {
    let array = flattened(array)?;
    check_long_doubles(py, &array)?;
    if !numpy_abi::is_there(py) {
        return Ok(Bound::new(py, crate::array::PyArray::new(array))?.into_any());
    }
    let descr = dtypes.numpy(py, array.dtype())?;
    let nbytes = array.nbytes();
    let is_aligned = || alignment_fits(&array);
    let shares = match share {
        Share::Never => nbytes > SMALL && numpy_abi::is_ours_alone(&array) && is_aligned(),
        Share::Ours => nbytes > SMALL && is_aligned(),
        Share::ReadOnly => nbytes > 0 && is_aligned(),
    };
    if shares {
        let layout = array.layout();
        return numpy_abi::over(
            py,
            &descr,
            layout.shape(),
            layout.strides(),
            layout.offset(),
            array.bytes().clone(),
            share != Share::ReadOnly,
        );
    }
    let order = match array.order() {
        Some(Order::F) => Order::F,
        _ => Order::C,
    };
    let shape = array.shape().to_vec();
    let copied = match array.view().run(order) {
        Some(bytes) => numpy_abi::copied(py, &descr, &shape, order == Order::F, bytes)?,
        None => {
            let dense = py.detach(|| array.into_order(order)).map_err(wrong)?;
            let (layout, bytes) = (dense.layout().clone(), dense.bytes().clone());
            drop(dense);
            let (strides, offset) = (layout.strides(), layout.offset());
            numpy_abi::over(py, &descr, &shape, strides, offset, bytes, true)?
        }
    };
    if share == Share::ReadOnly {
        copied.getattr("flags")?.setattr("writeable", false)?;
    }
    Ok(copied)
}

fn wrong(error: ndferry::ArrayError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// NumPy would take another machine's long doubles for its own.
fn check_long_doubles(py: Python<'_>, array: &Array) -> PyResult<()> {
    if cfg!(not(target_arch = "x86_64")) || !has_swapped_long_doubles(array.dtype()) {
        return Ok(());
    }
    let bytes = array.view().to_bytes(Order::C).map_err(wrong)?;
    match are_ours(array.dtype(), &bytes) {
        true => Ok(()),
        false => {
            let message = "long doubles of a machine whose are not this one's; `ndferry convert --dtype f8` makes doubles of them";
            Err(ours(py, "UnsupportedError", message, None))
        }
    }
}

/// Itself, or in a field however deep.
fn has_swapped_long_doubles(dtype: &Dtype) -> bool {
    match (dtype.kind(), dtype.itemsize()) {
        (Kind::Float, 16) | (Kind::Complex, 32) => !dtype.is_native(),
        (Kind::Subarray(sub), _) => has_swapped_long_doubles(sub.base()),
        (Kind::Struct(fields), _) => {
            let mut dtypes = fields.fields().iter().map(|field| &field.dtype);
            dtypes.any(has_swapped_long_doubles)
        }
        _ => false,
    }
}

/// Whether such elements could be of this machine: 80 bits of x87, swapped, stand behind six bytes of padding, which are
/// zero; 128 bits of IEEE stand everywhere.
fn are_ours(dtype: &Dtype, bytes: &[u8]) -> bool {
    let each = |nbytes: usize, are_ours: &dyn Fn(&[u8]) -> bool| {
        nbytes == 0 || bytes.chunks_exact(nbytes).all(are_ours)
    };
    match (dtype.kind(), dtype.itemsize()) {
        (Kind::Float, 16) | (Kind::Complex, 32) if !dtype.is_native() => {
            each(16, &|number| number.iter().take(6).all(|byte| *byte == 0))
        }
        (Kind::Subarray(sub), _) => are_ours(sub.base(), bytes),
        (Kind::Struct(fields), itemsize) => {
            let fields = fields.fields().iter();
            let swapped: Vec<_> = fields
                .filter(|field| has_swapped_long_doubles(&field.dtype))
                .collect();
            each(itemsize, &|item| {
                swapped.iter().all(|field| {
                    let part = item.get(field.offset..field.offset + field.dtype.itemsize());
                    part.is_some_and(|part| are_ours(&field.dtype, part))
                })
            })
        }
        _ => true,
    }
}

/// The axes of a subarray dtype become axes of the array, as in NumPy.
fn flattened(array: Array) -> PyResult<Array> {
    let Kind::Subarray(sub) = array.dtype().kind() else {
        return Ok(array);
    };
    let base = sub.base().clone();
    let inner = Layout::contiguous(sub.shape(), base.itemsize(), Order::C).map_err(wrong)?;
    let layout = array.layout();
    let shape = [layout.shape(), inner.shape()].concat();
    let strides = [layout.strides(), inner.strides()].concat();
    let layout = Layout::strided(&shape, &strides, layout.offset()).map_err(wrong)?;
    Array::new(base, layout, array.bytes().clone()).map_err(wrong)
}

/// Whether each number lies where this machine likes it.
fn alignment_fits(array: &Array) -> bool {
    let alignment = alignment(array.dtype());
    let start = array.bytes().as_ptr() as usize + array.layout().offset();
    let strides = array.layout().strides().iter();
    start.is_multiple_of(alignment)
        && strides
            .map(|stride| stride.unsigned_abs())
            .all(|stride| stride.is_multiple_of(alignment))
}

fn alignment(dtype: &Dtype) -> usize {
    match dtype.kind() {
        Kind::Unicode => 4,
        Kind::Complex => dtype.itemsize() / 2,
        // The fields of a packed struct lie anyhow, and NumPy knows.
        Kind::Struct(_) | Kind::Bytes | Kind::Void => 1,
        _ => dtype.itemsize().max(1),
    }
    .min(16)
    .next_power_of_two()
}

/// The elements of whatever is like an array, without a copy where that can be.
pub(crate) fn from_python(dtypes: &mut Dtypes, object: &Bound<'_, PyAny>) -> PyResult<LazyArray> {
    if let Ok(lazy) = object.cast::<crate::lazy::PyLazyArray>() {
        return lazy.get().array(object.py());
    }
    Ok(LazyArray::from(in_memory(dtypes, object)?))
}

/// The same to be saved: arrays of objects, and of strings of any length, as Python pickles them.
pub(crate) fn to_save(dtypes: &mut Dtypes, object: &Bound<'_, PyAny>) -> PyResult<LazyArray> {
    let py = object.py();
    let asarray;
    let array = match numpy_abi::is_array(object) {
        (true, _) => object,
        // Of ours, or of a class that `in_memory` judges.
        (false, true) => return from_python(dtypes, object),
        _ if object.cast::<crate::lazy::PyLazyArray>().is_ok()
            || object.cast::<crate::array::PyArray>().is_ok()
            || !numpy_abi::is_there(py) =>
        {
            return from_python(dtypes, object);
        }
        _ => {
            asarray = PyModule::import(py, "numpy")?.call_method1("asarray", (object,))?;
            &asarray
        }
    };
    let descr = array.getattr(pyo3::intern!(py, "dtype"))?;
    let is_pickled = descr.getattr(pyo3::intern!(py, "hasobject"))?.is_truthy()?;
    if !is_pickled {
        return from_python(dtypes, array);
    }
    let pickled = py.import("pickle")?.call_method1("dumps", (array, 5))?;
    let pickled = crate::input::of_buffer(&pickled)?;
    let work = crate::work::Work::new();
    let mut options = OpenOptions::default();
    options.interrupt = work.interrupt();
    work.run(py, || {
        let source = Source::from_bytes("", pickled, &options)?;
        source.array(Some(""))
    })
}

/// The same, in memory.
pub(crate) fn in_memory(dtypes: &mut Dtypes, object: &Bound<'_, PyAny>) -> PyResult<Array> {
    let py = object.py();
    if let Ok(array) = object.cast::<crate::array::PyArray>() {
        return Ok(array.get().array().clone());
    }
    let asarray;
    let array = match numpy_abi::is_array(object) {
        (true, _) => object,
        (false, true) if is_masked(object)? => {
            let message = "a masked array: its mask would be lost; save .data, or .filled()";
            return Err(ours(py, "UnsupportedError", message, None));
        }
        (false, true) => object,
        _ if !numpy_abi::is_there(py) => return crate::array::of_buffer(object),
        _ => {
            asarray = PyModule::import(py, "numpy")?.call_method1("asarray", (object,))?;
            &asarray
        }
    };
    let raw = numpy_abi::raw(array).ok_or_else(|| PyTypeError::new_err("not an array"))?;
    let dtype = dtypes.ours(&raw.descr)?;
    if dtype.has_object() {
        let message = "it holds Python objects, not numbers; only files in format \"pickle\", \"npy\" or \"npz\" can keep them";
        return Err(ours(py, "UnsupportedError", message, None));
    }
    let (bytes, offset) = raw.bytes(array, dtype.itemsize());
    let layout = match bytes.is_empty() {
        true => Layout::contiguous(&raw.shape, dtype.itemsize(), Order::C),
        false => Layout::strided(&raw.shape, &raw.strides, offset),
    };
    Array::new(dtype, layout.map_err(wrong)?, bytes).map_err(wrong)
}

fn is_masked(array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class = PyModule::import(array.py(), "numpy.ma")?.getattr("MaskedArray")?;
    array.is_instance(&class)
}
