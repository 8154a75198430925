//! `save` and `dumps`.

use std::collections::HashSet;
use std::io::{self, Write};

use bytes::Bytes;
use ndferry::{
    Attributes, Codec, Format, Item, LazyArray, NumpyEra, OpenOptions, Packing, Progress,
    SaveOptions, Source, save_to,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};

use crate::arrays;
use crate::dtypes::Dtypes;
use crate::errors::exception;
use crate::numpy_abi::BytesOut;
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

/// The arrays that an object is, to be sent: itself, or those of a mapping with their names.
pub(crate) fn named_arrays(object: &Bound<'_, PyAny>) -> PyResult<Vec<(String, LazyArray)>> {
    named(object, arrays::to_save)
}

/// How an object becomes an array.
type ToArray = fn(&mut Dtypes, &Bound<'_, PyAny>) -> PyResult<LazyArray>;

fn named(object: &Bound<'_, PyAny>, to_array: ToArray) -> PyResult<Vec<(String, LazyArray)>> {
    let mut dtypes = Dtypes::default();
    let is_mapping = object.is_instance_of::<PyDict>() || object.cast::<PyMapping>().is_ok();
    if !is_mapping {
        return Ok(vec![(String::new(), to_array(&mut dtypes, object)?)]);
    }
    let mut named = Vec::new();
    for item in object.cast::<PyMapping>()?.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = name
            .cast_into::<PyString>()
            .map_err(|_| PyTypeError::new_err("the arrays of a mapping are named by str"))?;
        let array = to_array(&mut dtypes, &value)?;
        named.push((name.to_str()?.to_owned(), array));
    }
    Ok(named)
}

/// Gives the only array these attributes.
pub(crate) fn attach(named: &mut [(String, LazyArray)], attrs: &Bound<'_, PyAny>) -> PyResult<()> {
    let attributes = attributes(attrs)?;
    let [(_, array)] = named else {
        let message = "attrs belong to one array, and there are several";
        return Err(PyValueError::new_err(message));
    };
    *array = array.clone().with_attributes(attributes);
    Ok(())
}

/// As the library wants them.
pub(crate) fn items(named: &[(String, LazyArray)]) -> Vec<Item<'_>> {
    let item = |(name, array)| Item { name, array };
    named
        .iter()
        .map(|(name, array)| item((name, array)))
        .collect()
}

/// What is to be written.
enum What {
    Arrays(Vec<(String, LazyArray)>),
    /// A pickle of everything, as Python makes it.
    Pickle(Bytes),
}

impl What {
    /// Arrays, unless it is for a pickle and is, or holds, anything else.
    fn of(
        object: &Bound<'_, PyAny>,
        format: Option<Format>,
        attrs: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if format == Some(Format::Pickle) && !is_arrays(object)? {
            let py = object.py();
            let pickled = py.import("pickle")?.call_method1("dumps", (object, 5))?;
            return crate::input::of_buffer(&pickled).map(Self::Pickle);
        }
        let to_array: ToArray = match format {
            Some(Format::Npy | Format::Npz | Format::Npb) => arrays::to_save,
            _ => arrays::from_python,
        };
        let mut named = named(object, to_array)?;
        if let Some(attrs) = attrs {
            attach(&mut named, attrs)?;
        }
        Ok(Self::Arrays(named))
    }

    fn write(
        &self,
        to: &mut dyn Write,
        options: &SaveOptions,
        progress: &dyn Progress,
    ) -> ndferry::Result<u64> {
        let saved = match self {
            Self::Arrays(named) => save_to(to, &items(named), options, progress)?,
            Self::Pickle(bytes) => source(bytes)?.save_pickle_to(to, None, options, progress)?,
        };
        Ok(saved.file_nbytes)
    }
}

fn source(pickle: &Bytes) -> ndferry::Result<Source> {
    Source::from_bytes("", pickle.clone(), &OpenOptions::default())
}

/// Whether it is an array without objects, or a dict of such.
fn is_arrays(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_array = |object: &Bound<'_, PyAny>| -> PyResult<bool> {
        if object.is_instance_of::<crate::lazy::PyLazyArray>()
            || object.is_instance_of::<crate::array::PyArray>()
        {
            return Ok(true);
        }
        let has_objects = || object.getattr("dtype")?.getattr("hasobject")?.is_truthy();
        Ok(crate::numpy_abi::is_array(object).0 && !has_objects()?)
    };
    let Ok(dict) = object.cast_exact::<PyDict>() else {
        return is_array(object);
    };
    let mut seen = HashSet::new();
    for (name, value) in dict.iter() {
        let is_named = name.cast_exact::<PyString>().is_ok() && name.is_truthy()?;
        // One that is there twice is to stay one.
        let is_new = seen.insert(value.as_ptr() as usize);
        if !is_named || !is_new || !is_array(&value)? {
            return Ok(false);
        }
    }
    Ok(!dict.is_empty())
}

/// A mapping as JSON.
pub(crate) fn attributes(attrs: &Bound<'_, PyAny>) -> PyResult<Attributes> {
    let py = attrs.py();
    let dict = PyDict::new(py);
    dict.update(attrs.cast::<PyMapping>()?)?;
    let json: String = py
        .import("json")?
        .call_method1("dumps", (dict,))?
        .extract()?;
    Attributes::parse(&json).map_err(|error| exception(py, &error))
}

/// Writes a file; gives the number of its bytes.
#[pyfunction]
#[pyo3(signature = (dst, obj, writing, attrs, progress))]
pub(crate) fn save(
    dst: &Bound<'_, PyAny>,
    obj: &Bound<'_, PyAny>,
    writing: Writing,
    attrs: Option<&Bound<'_, PyAny>>,
    progress: Option<Py<PyAny>>,
) -> PyResult<u64> {
    let py = dst.py();
    let work = Work::new();
    let options = writing.options(py, &work)?;
    let progress = crate::progress::of(progress, &work);
    let progress: &dyn Progress = &*progress;
    if dst.hasattr("write")? {
        let what = What::of(obj, options.format, attrs)?;
        let file = dst.clone().unbind();
        return work.run(py, || {
            let mut out = io::BufWriter::with_capacity(1 << 20, FileObject { file });
            let nbytes = what.write(&mut out, &options, progress)?;
            out.flush()?;
            Ok(nbytes)
        });
    }
    let path = crate::input::path(dst)?;
    let what = What::of(obj, options.format.or(Format::of_extension(&path)), attrs)?;
    let saved = work.run(py, || match &what {
        What::Arrays(named) => ndferry::save(&path, &items(named), &options, progress),
        What::Pickle(bytes) => source(bytes)?.save_pickle(&path, None, &options, progress),
    })?;
    Ok(saved.file_nbytes)
}

/// The bytes of a file.
#[pyfunction]
#[pyo3(signature = (obj, writing, attrs))]
pub(crate) fn dumps<'py>(
    obj: &Bound<'py, PyAny>,
    writing: Writing,
    attrs: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = obj.py();
    let work = Work::new();
    let options = writing.options(py, &work)?;
    let what = What::of(obj, options.format, attrs)?;
    if let What::Arrays(named) = &what
        && let Some(nbytes) = work.run(py, || ndferry::saved_nbytes(&items(named), &options))?
    {
        // Straight into the object.
        let mut out = BytesOut::new(py, usize::try_from(nbytes).unwrap_or(usize::MAX))?;
        let out = work.run(py, || what.write(&mut out, &options, &()).map(|_| out))?;
        if let Some(bytes) = out.finish(py) {
            return Ok(bytes);
        }
    }
    let bytes = work.run(py, || {
        let mut out = Vec::new();
        what.write(&mut out, &options, &())?;
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
