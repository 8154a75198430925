//! What stands between the brackets of `array[…]`.

use ndferry::{Index, Indexing};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PySlice, PyTuple};

/// NumPy's basic indexing: integers, slices, `...` and `None`.
pub(crate) fn indexing(key: &Bound<'_, PyAny>) -> PyResult<Indexing> {
    let items: PyResult<Vec<Index>> = match key.cast::<PyTuple>() {
        Ok(items) => items.iter().map(|item| index(&item)).collect(),
        Err(_) => index(key).map(|item| vec![item]),
    };
    Ok(Indexing::new(items?))
}

fn index(item: &Bound<'_, PyAny>) -> PyResult<Index> {
    if item.is_none() {
        return Ok(Index::NewAxis);
    }
    if item.is_instance_of::<PyEllipsis>() {
        return Ok(Index::Ellipsis);
    }
    if item.is_instance_of::<PySlice>() {
        let part = |name: &str| -> PyResult<Option<isize>> {
            let value = item.getattr(name)?;
            match value.is_none() {
                true => Ok(None),
                false => integer(&value).map(Some),
            }
        };
        return Ok(Index::Slice {
            start: part("start")?,
            stop: part("stop")?,
            step: part("step")?,
        });
    }
    if item.is_instance_of::<PyBool>() || item.hasattr("__len__")? {
        let message = "only integers, slices, ... and None pick a part that can be read by itself; take the elements of what that gives";
        return Err(PyIndexError::new_err(message));
    }
    integer(item).map(Index::At)
}

/// Any integer; what is far out of bounds counts as the farthest.
fn integer(value: &Bound<'_, PyAny>) -> PyResult<isize> {
    let number = value
        .call_method0("__index__")
        .map_err(|_| PyIndexError::new_err(format!("{value} is no index")))?;
    match number.extract::<isize>() {
        Ok(number) => Ok(number),
        Err(_) if number.lt(0)? => Ok(isize::MIN),
        Err(_) => Ok(isize::MAX),
    }
}
