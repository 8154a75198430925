//! [`Dtypes`]: `numpy.dtype` to [`Dtype`] and back.

use std::collections::HashMap;

use ndferry::{Dtype, Field, Kind, Struct};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::errors::ours;

/// Remembers what it has found out, since arrays share dtypes.
#[derive(Default)]
pub(crate) struct Dtypes {
    out: HashMap<Dtype, Py<PyAny>>,
    /// By address; the object is kept, so that the address stays its own.
    back: HashMap<usize, (Py<PyAny>, Dtype)>,
}

impl Dtypes {
    /// The `numpy.dtype`. Of a subarray, that of its elements: [`extended`] gives the shape.
    pub(crate) fn numpy<'py>(
        &mut self,
        py: Python<'py>,
        dtype: &Dtype,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(found) = self.out.get(dtype) {
            return Ok(found.bind(py).clone());
        }
        let made = to_numpy(py, dtype)?;
        let itemsize: usize = made.getattr("itemsize")?.extract()?;
        if itemsize != dtype.itemsize() && *dtype.kind() != Kind::Object {
            let message = format!("NumPy here has no {dtype} of {} bytes", dtype.itemsize());
            return Err(ours(py, "UnsupportedError", &message, None));
        }
        self.out.insert(dtype.clone(), made.clone().unbind());
        Ok(made)
    }

    /// What a `numpy.dtype` is.
    pub(crate) fn ours(&mut self, descr: &Bound<'_, PyAny>) -> PyResult<Dtype> {
        let address = descr.as_ptr() as usize;
        if let Some((_, dtype)) = self.back.get(&address) {
            return Ok(dtype.clone());
        }
        let dtype = from_numpy(descr, 0)?;
        self.back
            .insert(address, (descr.clone().unbind(), dtype.clone()));
        Ok(dtype)
    }
}

fn numpy_dtype<'py>(py: Python<'py>, of: impl IntoPyObject<'py>) -> PyResult<Bound<'py, PyAny>> {
    let class = PyModule::import(py, "numpy")?.getattr("dtype")?;
    class.call1((of,))
}

fn to_numpy<'py>(py: Python<'py>, dtype: &Dtype) -> PyResult<Bound<'py, PyAny>> {
    let unsupported = |error: PyErr| match error.is_instance_of::<PyTypeError>(py) {
        true => ours(
            py,
            "UnsupportedError",
            &format!("NumPy here has no {dtype}: {error}"),
            None,
        ),
        false => error,
    };
    match dtype.kind() {
        Kind::VariableString => {
            let dtypes = PyModule::import(py, "numpy")?.getattr("dtypes");
            let class = dtypes.and_then(|dtypes| dtypes.getattr("StringDType"));
            match class {
                Ok(class) => class.call0(),
                Err(_) => {
                    let message = "NumPy before 2.0 has no StringDType";
                    Err(ours(py, "UnsupportedError", message, None))
                }
            }
        }
        Kind::Struct(fields) => structured(py, fields).map_err(unsupported),
        Kind::Subarray(sub) => {
            let shape = PyTuple::new(py, sub.shape())?;
            numpy_dtype(py, (to_numpy(py, sub.base())?, shape))
        }
        _ => numpy_dtype(py, dtype.str()).map_err(unsupported),
    }
}

fn structured<'py>(py: Python<'py>, fields: &Struct) -> PyResult<Bound<'py, PyAny>> {
    let names = fields.fields().iter().map(|field| &*field.name);
    let formats: PyResult<Vec<_>> = fields
        .fields()
        .iter()
        .map(|field| to_numpy(py, &field.dtype))
        .collect();
    let offsets = fields.fields().iter().map(|field| field.offset);
    let description = PyDict::new(py);
    description.set_item("names", PyList::new(py, names.collect::<Vec<_>>())?)?;
    description.set_item("formats", PyList::new(py, formats?)?)?;
    description.set_item("offsets", PyList::new(py, offsets.collect::<Vec<_>>())?)?;
    description.set_item("itemsize", fields.itemsize())?;
    if fields.fields().iter().any(|field| field.title.is_some()) {
        let titles = fields.fields().iter().map(|field| field.title.as_deref());
        description.set_item("titles", PyList::new(py, titles.collect::<Vec<_>>())?)?;
    }
    if fields.is_aligned() {
        let aligned = description.copy()?;
        aligned.set_item("aligned", true)?;
        // One that only claims to be aligned comes without the claim.
        if let Ok(made) = numpy_dtype(py, aligned) {
            return Ok(made);
        }
    }
    numpy_dtype(py, description)
}

fn from_numpy(descr: &Bound<'_, PyAny>, depth: usize) -> PyResult<Dtype> {
    let wrong = |error: ndferry::ArrayError| PyValueError::new_err(error.to_string());
    if depth > Dtype::MAX_DEPTH {
        return Err(PyValueError::new_err("a dtype that is nested too deep"));
    }
    let subdtype = descr.getattr("subdtype")?;
    if !subdtype.is_none() {
        let (base, shape): (Bound<'_, PyAny>, Vec<usize>) = subdtype.extract()?;
        return Dtype::subarray(from_numpy(&base, depth + 1)?, &shape).map_err(wrong);
    }
    let names = descr.getattr("names")?;
    if names.is_none() {
        let text: String = descr.getattr("str")?.extract()?;
        return Dtype::parse(&text).map_err(|_| {
            let message = format!("{descr} is not a dtype that can be stored");
            ours(descr.py(), "UnsupportedError", &message, None)
        });
    }
    let table = descr.getattr("fields")?;
    let mut fields = Vec::new();
    for name in names.try_iter()? {
        let name = name?;
        let parts = table.get_item(&name)?.cast_into::<PyTuple>()?;
        let title = match parts.get_item(2) {
            Ok(title) => title
                .cast::<PyString>()
                .ok()
                .map(|title| title.to_string_lossy().into_owned()),
            Err(_) => None,
        };
        fields.push(Field {
            name: name.extract()?,
            title,
            dtype: from_numpy(&parts.get_item(0)?, depth + 1)?,
            offset: parts.get_item(1)?.extract()?,
        });
    }
    let itemsize = descr.getattr("itemsize")?.extract()?;
    let aligned = descr.getattr("isalignedstruct")?.extract()?;
    Struct::new(fields, itemsize, aligned)
        .map(Dtype::structured)
        .map_err(wrong)
}
