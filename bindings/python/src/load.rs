//! `load`, `loads` and `load_all`.

use std::ffi::CString;

use ndferry::{ErrorKind, Format, LazyArray, OpenOptions, Opened, Policy, Source, Values};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::arrays::{self, Share};
use crate::dtypes::Dtypes;
use crate::errors::{exception, ours};
use crate::input::{self, Input, is_web};
use crate::values::{self, Builder};
use crate::work::Work;

/// What all ways of loading have in common.
#[derive(FromPyObject)]
pub(crate) struct Common<'py> {
    #[pyo3(item)]
    allow: Bound<'py, PyAny>,
    #[pyo3(item)]
    encoding: String,
    #[pyo3(item)]
    errors: String,
    #[pyo3(item)]
    max_bytes: Option<u64>,
}

/// `"arrays"`, `"std"`, `"opaque"` (no policy at all) or names, and whether there may be objects that stay opaque.
pub(crate) fn policy(allow: &Bound<'_, PyAny>) -> PyResult<(Option<Policy>, bool)> {
    if let Ok(word) = allow.cast::<PyString>() {
        return match word.to_str()? {
            "arrays" => Ok((Some(Policy::arrays()), false)),
            "std" => Ok((Some(Policy::std()), false)),
            "opaque" => Ok((None, true)),
            word => Err(PyValueError::new_err(format!(
                "allow={word:?}: expected \"arrays\", \"std\", \"opaque\" or a list of names as [\"module.Class\"]"
            ))),
        };
    }
    let names: Vec<String> = allow.extract().map_err(|_| {
        PyTypeError::new_err("allow is \"arrays\", \"std\", \"opaque\" or a list of names")
    })?;
    Ok((Some(Policy::std().allowing(names)), true))
}

impl Common<'_> {
    fn values(&self, share: Share) -> PyResult<values::Options> {
        let text = |text: &str| {
            CString::new(text).map_err(|_| PyValueError::new_err("an encoding with NUL in it"))
        };
        let (policy, opaque) = policy(&self.allow)?;
        Ok(values::Options {
            policy,
            opaque,
            encoding: match &*self.encoding {
                "bytes" => None,
                encoding => Some(text(encoding)?),
            },
            errors: text(&self.errors)?,
            share,
            is_far: false,
        })
    }

    fn open(&self, work: &Work) -> OpenOptions {
        let mut options = OpenOptions::default();
        options.interrupt = work.interrupt();
        if let Some(most) = self.max_bytes {
            options.limits.expanded_nbytes = most;
            options.limits.pickle_nbytes = most;
        }
        options
    }
}

/// Bytes of a ZIP without members.
const EMPTY_ZIP: u64 = 22;

/// What passes where nobody says.
pub(crate) fn default_values() -> PyResult<values::Options> {
    Ok(values::Options {
        policy: Some(Policy::std()),
        opaque: false,
        encoding: Some(c"latin1".to_owned()),
        errors: c"strict".to_owned(),
        share: Share::Never,
        is_far: false,
    })
}

/// The contents of a file; with `all`, of each of its pickles.
#[pyfunction]
#[pyo3(signature = (src, member, mmap, all, common))]
pub(crate) fn load<'py>(
    src: &Bound<'py, PyAny>,
    member: Option<&str>,
    mmap: bool,
    all: bool,
    common: Common<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = src.py();
    let work = Work::new();
    let options = common.open(&work);
    match Input::of(src)? {
        Input::Path(path) if mmap => {
            let name = path.display().to_string();
            let opened = work.run(py, || {
                let bytes = ndferry::map(&path)?;
                Opened::from_bytes(&name, bytes, &options)
            })?;
            let values = common.values(Share::ReadOnly)?;
            contents(py, &work, opened, member, all, &values, common.max_bytes)
        }
        Input::Path(path) => {
            let opened = work.run(py, || Opened::open(&path, &options))?;
            let mut values = common.values(Share::Never)?;
            values.is_far = path.to_str().is_some_and(is_web);
            contents(py, &work, opened, member, all, &values, common.max_bytes)
        }
        Input::Bytes(name, bytes) => {
            let opened = work.run(py, || Opened::from_bytes(&name, bytes, &options))?;
            let values = common.values(Share::Never)?;
            contents(py, &work, opened, member, all, &values, common.max_bytes)
        }
    }
}

/// The contents of bytes.
#[pyfunction]
#[pyo3(signature = (buffer, member, buffers, copy, common))]
pub(crate) fn loads<'py>(
    buffer: &Bound<'py, PyAny>,
    member: Option<&str>,
    buffers: Option<&Bound<'py, PyAny>>,
    copy: bool,
    common: Common<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = buffer.py();
    let work = Work::new();
    let mut options = common.open(&work);
    for buffer in buffers.into_iter().flat_map(|buffers| buffers.try_iter()) {
        for buffer in buffer {
            options.buffers.push(input::shared(&buffer?)?.0);
        }
    }
    let bytes = input::of_buffer(buffer)?;
    let share = match copy {
        true => Share::Never,
        false => Share::ReadOnly,
    };
    let opened = work.run(py, || Opened::from_bytes("", bytes, &options))?;
    let values = common.values(share)?;
    contents(py, &work, opened, member, false, &values, common.max_bytes)
}

fn contents<'py>(
    py: Python<'py>,
    work: &Work,
    opened: Opened,
    member: Option<&str>,
    all: bool,
    options: &values::Options,
    max_bytes: Option<u64>,
) -> PyResult<Bound<'py, PyAny>> {
    match opened {
        Opened::Values(values) => of_values(py, &values, member, all, options),
        Opened::Arrays(source) => {
            let whole = of_source(py, work, &source, member, options, max_bytes)?;
            match all {
                true => Ok(PyList::new(py, [whole])?.into_any()),
                false => Ok(whole),
            }
        }
    }
}

fn of_values<'py>(
    py: Python<'py>,
    values: &Values,
    member: Option<&str>,
    all: bool,
    options: &values::Options,
) -> PyResult<Bound<'py, PyAny>> {
    values::refuse(py, values.name(), values.globals(), options.policy.as_ref())?;
    let place = |error: PyErr| placed(py, error, values.name());
    let mut builder = Builder::new(py, values.tree(), options);
    if all {
        let list = PyList::empty(py);
        for root in values.roots() {
            list.append(builder.object(*root).map_err(place)?)?;
        }
        return Ok(list.into_any());
    }
    // There is one at least.
    let whole = builder.object(values.roots()[0]).map_err(place)?;
    match member {
        None => Ok(whole),
        Some(path) => member_of(py, whole, path),
    }
}

/// The value that keys and indexes lead to.
fn member_of<'py>(
    py: Python<'py>,
    whole: Bound<'py, PyAny>,
    path: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let mut value = whole;
    for element in ndferry::path_elements(path) {
        let key = &*element;
        let found = match (value.cast::<PyDict>(), key.parse::<usize>()) {
            (Ok(dict), index) => match (dict.get_item(key)?, index) {
                (Some(found), _) => Ok(found),
                (None, Ok(index)) => value.get_item(index),
                (None, Err(_)) => value.get_item(key),
            },
            (Err(_), Ok(index)) => value.get_item(index),
            (Err(_), Err(_)) => value.getattr(key),
        };
        value = found.map_err(|_| {
            let message = format!("nothing at {path:?} in it");
            ours(py, "MemberError", &message, None)
        })?;
    }
    Ok(value)
}

fn of_source<'py>(
    py: Python<'py>,
    work: &Work,
    source: &Source,
    member: Option<&str>,
    options: &values::Options,
    max_bytes: Option<u64>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut dtypes = Dtypes::default();
    let mut member_at = |i: usize, array: &LazyArray| -> PyResult<Bound<'py, PyAny>> {
        if let Some(objects) = source.objects(i) {
            let globals = source.pickle().map(|pickle| &pickle.globals[..]);
            values::refuse(
                py,
                source.name(),
                globals.unwrap_or_default(),
                options.policy.as_ref(),
            )?;
            let place = |error: PyErr| placed(py, error, source.name());
            let mut builder = Builder::new(py, &objects.tree, options);
            return builder.object(objects.root).map_err(place);
        }
        if max_bytes.is_some_and(|most| array.nbytes() > most) {
            let message = format!(
                "an array of {} bytes; max_bytes allows less",
                array.nbytes()
            );
            return Err(ours(py, "LimitError", &message, None));
        }
        let loaded = work.run(py, || array.load())?;
        arrays::to_python(py, &mut dtypes, loaded, options.share)
    };
    source
        .require_whole()
        .map_err(|error| exception(py, &error))?;
    // The pickle of a file of tensors is about all of them.
    if source.format() == Format::Torch
        && let Some(pickle) = source.pickle()
    {
        let policy = options.policy.as_ref();
        values::refuse(py, source.name(), &pickle.globals, policy)?;
    }
    let outer = || (0..source.members().len()).filter(|i| !source.is_inner(*i));
    let is_single = match source.format() {
        Format::Npz => false,
        _ => outer().count() == 1 && source.members()[0].path.is_empty(),
    };
    if let Some(wanted) = member {
        let array = source
            .array(Some(wanted))
            .map_err(|error| exception(py, &error))?;
        let found = outer().find(|i| source.members()[*i].path == array.path());
        return member_at(found.unwrap_or(usize::MAX), &array);
    }
    let arrays: Vec<LazyArray> = source.arrays().collect();
    if is_single {
        return member_at(0, &arrays[0]);
    }
    // An archive that is not empty, and not of arrays.
    if arrays.is_empty() && source.nbytes() > EMPTY_ZIP {
        return Err(exception(
            py,
            &ndferry::Error::from(ErrorKind::NoArrays).in_source(source.name()),
        ));
    }
    let dict = PyDict::new(py);
    for i in outer() {
        dict.set_item(&*source.members()[i].path, member_at(i, &arrays[i])?)?;
    }
    Ok(dict.into_any())
}

/// With the file's name, where an exception of ours has none yet.
fn placed(py: Python<'_>, error: PyErr, name: &str) -> PyErr {
    let value = error.value(py);
    let has_place = value.getattr("path").is_ok_and(|path| path.is_none());
    if name.is_empty() || !has_place {
        return error;
    }
    let named = || -> PyResult<()> {
        value.setattr("path", name)?;
        let message = format!("{name}: {}", value.str()?);
        value.setattr("args", (message,))
    };
    match named() {
        Ok(()) => error,
        Err(failed) => failed,
    }
}
