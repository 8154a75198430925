//! [`PyLive`] and [`PyWatcher`]: frames of a camera to others, and from others.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ndferry::{Attributes, Live, LiveFrame, LiveOptions, LivePolicy, RecvOptions, Watcher};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arrays::{self, Share};
use crate::channel::{seconds, token};
use crate::dtypes::Dtypes;
use crate::errors::ours;
use crate::numpy_abi;
use crate::work::Work;
use crate::writer::dtype_of;

/// Sends frames to all who watch; they come and go as they like.
#[pyclass(frozen, name = "Live", module = "ndferry")]
pub(crate) struct PyLive {
    /// `None` once it is closed.
    live: Mutex<Option<Live>>,
    url: String,
}

/// How to send, as keywords say it.
#[derive(FromPyObject)]
pub(crate) struct Sending {
    #[pyo3(item)]
    policy: String,
    #[pyo3(item)]
    buffer: usize,
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    attrs: Option<Py<PyAny>>,
    #[pyo3(item)]
    store: Option<PathBuf>,
    #[pyo3(item)]
    overwrite: bool,
    #[pyo3(item)]
    timeout: f64,
    #[pyo3(item)]
    token: Option<Py<PyAny>>,
    #[pyo3(item)]
    insecure: bool,
}

/// Listens for who wants to watch.
#[pyfunction]
#[pyo3(signature = (url, shape, dtype, sending))]
pub(crate) fn live(
    url: &str,
    shape: Vec<usize>,
    dtype: &Bound<'_, PyAny>,
    sending: Sending,
) -> PyResult<PyLive> {
    let py = dtype.py();
    let work = Work::new();
    let mut options = LiveOptions::default();
    options.policy = match &*sending.policy {
        "newest" => LivePolicy::Newest,
        "every" => LivePolicy::Every,
        other => {
            let message = format!("policy={other:?}: it is 'newest' or 'every'");
            return Err(PyValueError::new_err(message));
        }
    };
    options.buffer = sending.buffer;
    options.name = sending.name;
    if let Some(attrs) = sending.attrs {
        options.attributes = crate::save::attributes(attrs.bind(py))?;
    }
    options.store = sending.store;
    options.overwrite = sending.overwrite;
    options.timeout = seconds(sending.timeout)?;
    options.token = token(py, sending.token.as_ref().map(|token| token.bind(py)))?;
    options.insecure = sending.insecure;
    // Asks whichever thread pushes at the time.
    options.interrupt = work.interrupt();
    let dtype = dtype_of(dtype)?;
    let live = work.run(py, || Live::bind(url, dtype, &shape, options))?;
    Ok(PyLive {
        url: live.url().to_owned(),
        live: Mutex::new(Some(live)),
    })
}

impl PyLive {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Live) -> ndferry::Result<T> + Send,
    ) -> PyResult<T> {
        let done = Work::new().run(py, || {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.as_mut().map(work).transpose()
        })?;
        done.ok_or_else(|| ours(py, "UsageError", "the stream is closed", None))
    }
}

/// An array of this dtype, if no value becomes another one by that; otherwise of the dtype that it has.
fn as_dtype<'py>(
    frame: &Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = frame.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (frame,))?;
    let own = array.getattr("dtype")?;
    let is_array = numpy_abi::is_array(frame).1;
    if is_array
        && !numpy
            .call_method1("can_cast", (&own, dtype, "safe"))?
            .is_truthy()?
    {
        return Ok(array);
    }
    let cast = numpy.call_method1("asarray", (frame, dtype))?;
    // Numbers of Python and lists of them have no dtype of their own.
    match is_array
        || numpy
            .call_method1("array_equal", (&array, &cast))?
            .is_truthy()?
    {
        true => Ok(cast),
        false => Ok(array),
    }
}

#[pymethods]
impl PyLive {
    /// Where it listens, with the real port.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// How many watch now.
    #[getter]
    fn watchers(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |live| Ok(live.watchers()))
    }

    /// Waits until so many watch; says whether they do.
    fn wait_for(&self, py: Python<'_>, watchers: usize, timeout: f64) -> PyResult<bool> {
        let timeout = seconds(timeout)?;
        self.with(py, |live| live.wait_for(watchers, timeout))
    }

    /// Sends a frame to all who watch; gives its number.
    fn push(&self, py: Python<'_>, frame: &Bound<'_, PyAny>) -> PyResult<u64> {
        let mut dtypes = Dtypes::default();
        let frame = match numpy_abi::is_there(py) {
            false => arrays::in_memory(&mut dtypes, frame)?,
            true => {
                let dtype = self.with(py, |live| Ok(live.dtype().clone()))?;
                let array = as_dtype(frame, &dtypes.numpy(py, &dtype)?)?;
                arrays::in_memory(&mut dtypes, &array)?
            }
        };
        self.with(py, |live| live.push(&frame.view()))
    }

    /// Ends the stream; doing it again changes nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        Work::new().run(py, || {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.take().map(Live::finish).transpose().map(|_| ())
        })
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// After an exception the stream is broken off, and whoever watches hears that.
    fn __exit__(
        &self,
        py: Python<'_>,
        class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if class.is_none() {
            return self.close(py);
        }
        py.detach(|| {
            self.live
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
        });
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<ndferry.Live at {}>", self.url)
    }
}

/// Takes frames, from the newest one on. Iterating gives pairs: the number of a frame, and the frame.
#[pyclass(frozen, name = "Watcher", module = "ndferry")]
pub(crate) struct PyWatcher {
    /// `None` once it is closed.
    watcher: Mutex<Option<Watcher>>,
    url: String,
    name: String,
    attributes: Attributes,
    shape: Vec<usize>,
    dtype: ndferry::Dtype,
    first: u64,
}

/// Connects to a live stream.
#[pyfunction]
#[pyo3(signature = (url, timeout, secret))]
pub(crate) fn watch(
    py: Python<'_>,
    url: &str,
    timeout: f64,
    secret: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyWatcher> {
    let work = Work::new();
    let mut options = RecvOptions::default();
    options.timeout = seconds(timeout)?;
    options.token = token(py, secret)?;
    options.interrupt = work.interrupt();
    let watcher = work.run(py, || Watcher::connect(url, &options))?;
    Ok(PyWatcher {
        url: url.to_owned(),
        name: watcher.name().to_owned(),
        attributes: watcher.attributes().clone(),
        shape: watcher.shape().to_vec(),
        dtype: watcher.dtype().clone(),
        first: watcher.first(),
        watcher: Mutex::new(Some(watcher)),
    })
}

#[pymethods]
impl PyWatcher {
    /// Where the frames come from.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// What the array is called.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The shape of a frame.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    /// What its elements are.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match numpy_abi::is_there(py) {
            true => Dtypes::default().numpy(py, &self.dtype),
            false => crate::array::dtype_as_data(py, &self.dtype),
        }
    }

    /// What else the sender says of the array.
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = py.import("json")?;
        json.call_method1("loads", (self.attributes.to_string(),))
    }

    /// The number of the first frame that could come.
    #[getter]
    fn first(&self) -> u64 {
        self.first
    }

    /// How many frames from the first one on did not come, because this side was too slow.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = watcher.as_ref().map(Watcher::missed);
        missed.ok_or_else(|| ours(py, "UsageError", "the watcher is closed", None))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(u64, Bound<'py, PyAny>)>> {
        let taken = Work::new().run(py, || {
            let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
            watcher.as_mut().map(Watcher::recv).transpose()
        })?;
        let frame = taken.ok_or_else(|| ours(py, "UsageError", "the watcher is closed", None))?;
        let Some(LiveFrame { number, array, .. }) = frame else {
            return Ok(None);
        };
        let array = arrays::to_python(py, &mut Dtypes::default(), array, Share::Never)?;
        Ok(Some((number, array)))
    }

    /// Goes; the sender does not mind.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            self.watcher
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
        });
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        format!("<ndferry.Watcher of {}>", self.url)
    }
}
