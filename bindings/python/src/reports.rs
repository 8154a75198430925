//! `inspect`, `scan`, `check`, `diff` and `repickle`: what is said about files, as plain data that `_reports.py` shows.

use ndferry::{
    CheckOptions, DiffOptions, Difference, GlobalUse, OpenOptions, Order, RepickleOptions,
    ScanOptions, Source,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::arrays;
use crate::dtypes::Dtypes;
use crate::input::{Input, Parts};
use crate::load::policy;
use crate::work::Work;

type Global = (String, String, u64);

fn globals(globals: &[GlobalUse]) -> Vec<Global> {
    let global = |global: &GlobalUse| {
        (
            global.module.to_string(),
            global.name.to_string(),
            global.offset,
        )
    };
    globals.iter().map(global).collect()
}

fn open_options(work: &Work) -> OpenOptions {
    let mut options = OpenOptions::default();
    options.interrupt = work.interrupt();
    options
}

/// What `ndferry info --json` prints, without checksums.
#[pyfunction]
pub(crate) fn inspect<'py>(src: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = src.py();
    let work = Work::new();
    let options = open_options(&work);
    let source = match Parts::of(src)? {
        Parts::Path(path) => work.run(py, || Source::open(&path, &options))?,
        Parts::File(name, file) => work.run(py, || Source::from_read_at(&name, file, &options))?,
        Parts::Bytes(name, bytes) => work.run(py, || Source::from_bytes(&name, bytes, &options))?,
    };
    let info = PyDict::new(py);
    info.set_item("source", source.name())?;
    info.set_item("container", source.format().name())?;
    info.set_item("nbytes", source.nbytes())?;
    let members = PyList::empty(py);
    for member in source.members() {
        let about = PyDict::new(py);
        about.set_item("path", &*member.path)?;
        about.set_item("dtype", crate::array::dtype_as_data(py, &member.dtype)?)?;
        about.set_item("shape", PyTuple::new(py, &member.shape)?)?;
        let order = match member.order {
            Order::C => "C",
            Order::F => "F",
        };
        about.set_item("order", order)?;
        about.set_item("nbytes", member.nbytes)?;
        members.append(about)?;
    }
    info.set_item("members", members)?;
    let pickle = source.pickle();
    info.set_item("protocol", pickle.map(|pickle| pickle.protocol))?;
    info.set_item(
        "globals",
        pickle
            .map(|pickle| globals(&pickle.globals))
            .unwrap_or_default(),
    )?;
    info.set_item("safety", source.safety().word())?;
    Ok(info)
}

/// Every name that the pickles of a file refer to.
#[pyfunction]
#[pyo3(signature = (src, allow))]
pub(crate) fn scan<'py>(
    src: &Bound<'py, PyAny>,
    allow: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = src.py();
    let work = Work::new();
    let mut options = ScanOptions::default();
    options.open = open_options(&work);
    options.policy = named_policy(allow)?;
    let scanned = match source_of(src)? {
        Input::Path(path) => work.run(py, || ndferry::scan(&path, &options, &()))?,
        Input::Bytes(name, bytes) => {
            work.run(py, || ndferry::scan_bytes(&name, bytes, &options, &()))?
        }
    };
    let report = PyDict::new(py);
    report.set_item("verdict", scanned.verdict())?;
    report.set_item("globals", globals(&scanned.globals))?;
    report.set_item("container", scanned.format.map(|format| format.name()))?;
    report.set_item("pickles", scanned.pickles)?;
    report.set_item("protocol", scanned.protocol)?;
    let problems: Vec<String> = scanned.problems.iter().map(ToString::to_string).collect();
    report.set_item("problems", problems)?;
    Ok(report)
}

/// Reads all of a file and says what is wrong with it.
#[pyfunction]
#[pyo3(signature = (src, allow))]
pub(crate) fn check<'py>(
    src: &Bound<'py, PyAny>,
    allow: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = src.py();
    let work = Work::new();
    let mut options = CheckOptions::default();
    options.open = open_options(&work);
    options.policy = named_policy(allow)?;
    let finding = match source_of(src)? {
        Input::Path(path) => work.run(py, || ndferry::check(&path, &options, &()))?,
        Input::Bytes(name, bytes) => {
            work.run(py, || ndferry::check_bytes(&name, bytes, &options, &()))?
        }
    };
    let report = PyDict::new(py);
    report.set_item("container", finding.format.map(|format| format.name()))?;
    report.set_item("safety", finding.safety.word())?;
    let problems: Vec<String> = finding.problems.iter().map(ToString::to_string).collect();
    report.set_item("problems", problems)?;
    Ok(report)
}

/// A path, an open file, or bytes.
fn source_of(src: &Bound<'_, PyAny>) -> PyResult<Input> {
    match src.is_instance_of::<pyo3::types::PyBytes>() {
        true => Ok(Input::Bytes(String::new(), crate::input::of_buffer(src)?)),
        false => Input::of(src),
    }
}

fn named_policy(allow: &Bound<'_, PyAny>) -> PyResult<ndferry::Policy> {
    let message = "allow is \"arrays\", \"std\" or a list of names here: all is what it cannot be";
    policy(allow)?
        .0
        .ok_or_else(|| PyValueError::new_err(message))
}

/// Where two arrays differ.
#[pyfunction]
#[pyo3(signature = (left, right, rtol, atol, equal_nan, max_listed))]
pub(crate) fn diff<'py>(
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
    rtol: f64,
    atol: f64,
    equal_nan: bool,
    max_listed: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let py = left.py();
    let work = Work::new();
    let mut options = DiffOptions::default();
    options.rtol = rtol;
    options.atol = atol;
    options.equal_nan = equal_nan;
    options.max_listed = max_listed;
    options.interrupt = work.interrupt();
    let mut dtypes = Dtypes::default();
    let left = arrays::from_python(&mut dtypes, left)?;
    let right = arrays::from_python(&mut dtypes, right)?;
    let difference = work.run(py, || ndferry::diff(&left, &right, &options, &()))?;
    let report = PyDict::new(py);
    report.set_item("equal", difference.is_equal())?;
    let what = match &difference {
        Difference::Equal => "nothing",
        Difference::Dtype { .. } => "dtype",
        Difference::Shape { .. } => "shape",
        Difference::Elements { .. } => "elements",
        _ => "objects",
    };
    report.set_item("what", what)?;
    if let Difference::Elements {
        count, max, first, ..
    } = difference
    {
        report.set_item("count", count)?;
        report.set_item("max", max.as_ref().map(|(max, _)| *max))?;
        let indexes: PyResult<Vec<_>> = first
            .iter()
            .map(|pair| PyTuple::new(py, &pair.index))
            .collect();
        report.set_item("first", indexes?)?;
    }
    Ok(report)
}

/// Rewrites the pickles of a file for the other NumPy; gives how many places were changed.
#[pyfunction]
#[pyo3(signature = (src, dst, numpy, overwrite))]
pub(crate) fn repickle(
    src: &Bound<'_, PyAny>,
    dst: &Bound<'_, PyAny>,
    numpy: u8,
    overwrite: bool,
) -> PyResult<u64> {
    let py = src.py();
    let era = match numpy {
        1 => ndferry::Era::One,
        2 => ndferry::Era::Two,
        _ => {
            return Err(PyValueError::new_err(format!(
                "numpy={numpy}: expected 1 or 2"
            )));
        }
    };
    let (src, dst) = (crate::input::path(src)?, crate::input::path(dst)?);
    let work = Work::new();
    let mut options = RepickleOptions::default();
    options.open = open_options(&work);
    options.overwrite = overwrite;
    let done = work.run(py, || ndferry::repickle(&src, &dst, era, &options, &()))?;
    Ok(done.globals + done.arrays + done.dtypes + done.generators)
}
