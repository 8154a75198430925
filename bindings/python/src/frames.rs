//! `to_frames` and `from_frames`.

use bytes::Bytes;
use ndferry::{FrameOptions, LazyArray};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMemoryView};

use crate::arrays::{self, Share};
use crate::dtypes::Dtypes;
use crate::errors::exception;
use crate::input;
use crate::numpy_abi::Memory;
use crate::save::packing;
use crate::work::Work;

/// An array as a list of memoryviews.
#[pyfunction]
#[pyo3(signature = (array, codec, filter, block, threads))]
pub(crate) fn to_frames<'py>(
    array: &Bound<'py, PyAny>,
    codec: Option<&str>,
    filter: Option<&str>,
    block: Option<u64>,
    threads: usize,
) -> PyResult<Bound<'py, PyList>> {
    let py = array.py();
    let work = Work::new();
    let mut options = FrameOptions::default();
    options.packing = packing(py, codec, filter)?;
    options.block_nbytes = block;
    options.threads = threads;
    options.interrupt = work.interrupt();
    let array = arrays::from_python(&mut Dtypes::default(), array)?;
    let frames = work.run(py, || ndferry::to_frames(&array, &options))?;
    let views: PyResult<Vec<_>> = frames
        .into_iter()
        .map(|frame| PyMemoryView::from(Bound::new(py, Memory::new(frame))?.as_any()))
        .collect();
    PyList::new(py, views?)
}

/// The array that frames are.
#[pyfunction]
#[pyo3(signature = (frames, out, copy))]
pub(crate) fn from_frames<'py>(
    frames: &Bound<'py, PyAny>,
    out: Option<Bound<'py, PyAny>>,
    copy: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = frames.py();
    let mut shared: Vec<Bytes> = Vec::new();
    for frame in frames.try_iter()? {
        shared.push(input::shared(&frame?)?.0);
    }
    let work = Work::new();
    let array = work.run(py, || ndferry::from_frames(&shared))?;
    if let Some(out) = out {
        crate::lazy::into(py, &LazyArray::from(array), &out)?;
        return Ok(out);
    }
    drop(shared);
    let share = match copy {
        true => Share::Never,
        false => Share::ReadOnly,
    };
    if copy {
        // The frames' memory is not ours, whoever else holds it.
        let dense = py.detach(|| {
            array
                .view()
                .to_array(array.order().unwrap_or(ndferry::Order::C))
        });
        let dense = dense.map_err(|error| exception(py, &error.into()))?;
        return arrays::to_python(py, &mut Dtypes::default(), dense, share);
    }
    arrays::to_python(py, &mut Dtypes::default(), array, share)
}
