//! `save` and `dumps`.

use std::io::{self, Write};

use ndferry::{Codec, Format, Item, LazyArray, NumpyEra, Packing, Progress, SaveOptions, save_to};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};

use crate::arrays;
use crate::dtypes::Dtypes;
use crate::errors::exception;
use crate::work::Work;

/// How to write, as keywords say it.
#[derive(FromPyObject)]
pub(crate) struct Writing {
    #[pyo3(item)]
    format: Option<String>,
    #[pyo3(item)]
    codec: Option<String>,
    #[pyo3(item)]
    filter: Option<String>,
    #[pyo3(item)]
    tile: Option<Vec<u64>>,
    #[pyo3(item)]
    block: Option<u64>,
    #[pyo3(item)]
    order: Option<String>,
    #[pyo3(item)]
    pickle_protocol: Option<u8>,
    #[pyo3(item)]
    numpy_compat: Py<PyAny>,
    #[pyo3(item)]
    threads: usize,
    #[pyo3(item)]
    overwrite: bool,
}

/// Codec and filter as users spell them.
pub(crate) fn packing(
    py: Python<'_>,
    codec: Option<&str>,
    filter: Option<&str>,
) -> PyResult<Packing> {
    let parsed = || -> ndferry::Result<Packing> {
        Ok(Packing {
            codec: codec.map_or(Ok(Codec::Default), str::parse)?,
            filter: filter.map_or(Ok(ndferry::Filter::Default), str::parse)?,
        })
    };
    parsed().map_err(|error| exception(py, &error))
}

impl Writing {
    pub(crate) fn options(&self, py: Python<'_>, work: &Work) -> PyResult<SaveOptions> {
        let mut options = SaveOptions::default();
        let format = self.format.as_deref().map(str::parse::<Format>);
        options.format = format
            .transpose()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        options.packing = packing(py, self.codec.as_deref(), self.filter.as_deref())?;
        options.tile = self.tile.clone();
        options.block_nbytes = self.block;
        options.order = self.order.as_deref().map(order).transpose()?;
        options.protocol = self.pickle_protocol;
        options.numpy = era(self.numpy_compat.bind(py))?;
        options.threads = self.threads;
        options.overwrite = self.overwrite;
        options.interrupt = work.interrupt();
        Ok(options)
    }
}

/// `"C"` or `"F"`.
pub(crate) fn order(text: &str) -> PyResult<ndferry::Order> {
    match text {
        "C" => Ok(ndferry::Order::C),
        "F" => Ok(ndferry::Order::F),
        _ => Err(PyValueError::new_err(format!(
            "order={text:?}: expected \"C\" or \"F\""
        ))),
    }
}

fn era(value: &Bound<'_, PyAny>) -> PyResult<NumpyEra> {
    match value.str()?.to_str()? {
        "any" => Ok(NumpyEra::Any),
        "1" => Ok(NumpyEra::One),
        "2" => Ok(NumpyEra::Two),
        _ => Err(PyValueError::new_err(format!(
            "numpy_compat={value}: expected \"any\", 1 or 2"
        ))),
    }
}

/// The arrays that an object is: itself, or those of a mapping with their names.
pub(crate) fn named_arrays(object: &Bound<'_, PyAny>) -> PyResult<Vec<(String, LazyArray)>> {
    let mut dtypes = Dtypes::default();
    let is_mapping = object.is_instance_of::<PyDict>() || object.cast::<PyMapping>().is_ok();
    if !is_mapping {
        return Ok(vec![(
            String::new(),
            arrays::from_python(&mut dtypes, object)?,
        )]);
    }
    let mut named = Vec::new();
    for item in object.cast::<PyMapping>()?.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = name
            .cast_into::<PyString>()
            .map_err(|_| PyTypeError::new_err("the arrays of a mapping are named by str"))?;
        let array = arrays::from_python(&mut dtypes, &value)?;
        named.push((name.to_str()?.to_owned(), array));
    }
    Ok(named)
}

/// As the library wants them.
pub(crate) fn items(named: &[(String, LazyArray)]) -> Vec<Item<'_>> {
    let item = |(name, array)| Item { name, array };
    named
        .iter()
        .map(|(name, array)| item((name, array)))
        .collect()
}

/// Writes a file; gives the number of its bytes.
#[pyfunction]
#[pyo3(signature = (dst, obj, writing, progress))]
pub(crate) fn save(
    dst: &Bound<'_, PyAny>,
    obj: &Bound<'_, PyAny>,
    writing: Writing,
    progress: Option<Py<PyAny>>,
) -> PyResult<u64> {
    let py = dst.py();
    let work = Work::new();
    let options = writing.options(py, &work)?;
    let named = named_arrays(obj)?;
    let progress = crate::progress::of(progress, &work);
    let progress: &dyn Progress = &*progress;
    if dst.hasattr("write")? {
        let file = dst.clone().unbind();
        let saved = work.run(py, || {
            let mut out = io::BufWriter::with_capacity(1 << 20, FileObject { file });
            save_to(&mut out, &items(&named), &options, progress)
        })?;
        return Ok(saved.file_nbytes);
    }
    let path = crate::input::path(dst)?;
    let saved = work.run(py, || {
        ndferry::save(&path, &items(&named), &options, progress)
    })?;
    Ok(saved.file_nbytes)
}

/// The bytes of a file.
#[pyfunction]
#[pyo3(signature = (obj, writing))]
pub(crate) fn dumps<'py>(
    obj: &Bound<'py, PyAny>,
    writing: Writing,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = obj.py();
    let work = Work::new();
    let options = writing.options(py, &work)?;
    let named = named_arrays(obj)?;
    let bytes = work.run(py, || {
        let nbytes: u64 = named.iter().map(|(_, array)| array.nbytes()).sum();
        let mut out = Vec::new();
        if options.packing.codec == Codec::None || options.format != Some(Format::Npb) {
            // A guess that saves moving; if it is too much, it was not meant to be.
            let _ = out.try_reserve(usize::try_from(nbytes).unwrap_or(0).saturating_add(4096));
        }
        save_to(&mut out, &items(&named), &options, &())?;
        Ok(out)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// An open file of Python's.
struct FileObject {
    file: Py<PyAny>,
}

impl Write for FileObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let written = self
                .file
                .call_method1(py, "write", (PyBytes::new(py, bytes),));
            let written = written.and_then(|written| written.extract::<Option<usize>>(py));
            match written {
                // Not every object that has `write` says how much it took.
                Ok(written) => Ok(written.unwrap_or(bytes.len()).min(bytes.len())),
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
