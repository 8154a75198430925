//! [`PyChannel`] and [`PyListener`]: arrays to and from other processes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ndferry::{
    Attributes, ErrorKind, LazyArray, Received, Receiver, RecvOptions, SendOptions, Target,
    TlsIdentity, TlsOptions, Token, ZmqSocket,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arrays::{self, Share};
use crate::dtypes::Dtypes;
use crate::errors::{exception, ours};
use crate::save::{attach, items, named_arrays, packing};
use crate::work::Work;

pub(crate) fn token(py: Python<'_>, token: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Token>> {
    let Some(token) = token else { return Ok(None) };
    let bytes = match token.extract::<String>() {
        Ok(text) => text.into_bytes(),
        Err(_) => token.extract::<Vec<u8>>()?,
    };
    let token = Token::new(bytes).map_err(|error| exception(py, &error))?;
    Ok(Some(token))
}

pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    let wrong = |_| PyValueError::new_err(format!("timeout={seconds}: seconds are needed"));
    Duration::try_from_secs_f64(seconds).map_err(wrong)
}

/// A call in another thread, to be awaited; cancelling it stops the work.
fn in_thread<'py>(
    function: Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let kwargs = kwargs.cloned().unwrap_or_else(|| PyDict::new(py));
    let module = py.import("ndferry._aio")?;
    module.call_method1("in_thread", (function, args, kwargs))
}

/// Sends arrays to a process that listens. Each ``send`` is a transfer of its own, which makes its own connection.
#[pyclass(frozen, name = "Channel", module = "ndferry")]
pub(crate) struct PyChannel {
    url: String,
    timeout: Duration,
    token: Option<Token>,
    tls: TlsOptions,
    zmq: ZmqSocket,
}

/// A channel to an address; nobody is called yet.
#[pyfunction]
#[pyo3(signature = (url, timeout, secret, tls_pin, tls_ca, zmq))]
pub(crate) fn connect(
    py: Python<'_>,
    url: String,
    timeout: f64,
    secret: Option<&Bound<'_, PyAny>>,
    tls_pin: Option<&str>,
    tls_ca: Option<&Bound<'_, PyAny>>,
    zmq: &str,
) -> PyResult<PyChannel> {
    let zmq = match zmq {
        "dealer" => ZmqSocket::Dealer,
        "push" => ZmqSocket::Push,
        "pub" => ZmqSocket::Pub,
        _ => {
            let message = format!("zmq={zmq:?}: expected 'dealer', 'push' or 'pub'");
            return Err(PyValueError::new_err(message));
        }
    };
    let (timeout, token) = (seconds(timeout)?, token(py, secret)?);
    let mut tls = TlsOptions::default();
    let pin = tls_pin.map(str::parse).transpose();
    tls.pin = pin.map_err(|error| exception(py, &ErrorKind::Outside(error).into()))?;
    tls.authorities = tls_ca.map(crate::input::path).transpose()?;
    Ok(PyChannel {
        url,
        timeout,
        token,
        tls,
        zmq,
    })
}

#[pymethods]
impl PyChannel {
    /// Where it sends to.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// Sends; gives the number of bytes that went over the wire.
    #[pyo3(signature = (obj, *, name="", attrs=None, codec=None, filter=None, block=1 << 20, threads=0, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn send(
        &self,
        obj: &Bound<'_, PyAny>,
        name: &str,
        attrs: Option<&Bound<'_, PyAny>>,
        codec: Option<&str>,
        filter: Option<&str>,
        block: usize,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        let py = obj.py();
        let work = Work::new();
        let mut options = SendOptions::default();
        options.packing = packing(py, codec, filter)?;
        options.block_nbytes = block;
        options.timeout = self.timeout;
        options.token.clone_from(&self.token);
        options.zmq = self.zmq;
        options.tls.clone_from(&self.tls);
        options.threads = threads;
        options.interrupt = work.interrupt();
        let mut named = named_arrays(obj)?;
        if let [(only, _)] = &mut named[..]
            && only.is_empty()
        {
            name.clone_into(only);
        }
        if let Some(attrs) = attrs {
            attach(&mut named, attrs)?;
        }
        let progress = crate::progress::of(progress, &work);
        let sent = work.run(py, || {
            ndferry::send(&self.url, &items(&named), &options, &*progress)
        })?;
        Ok(sent.wire_nbytes)
    }

    /// ``send`` on a thread of its own, to be awaited; cancelling it breaks the transfer off.
    #[pyo3(signature = (*args, **kwargs))]
    fn asend<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_thread(slf.getattr("send")?, args, kwargs)
    }

    /// A channel sends.
    #[pyo3(signature = (*_args, **_kwargs))]
    fn recv(
        &self,
        py: Python<'_>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let message = "a channel sends, one transfer a connection; listen() receives, and both ends may do both";
        Err(ours(py, "UsageError", message, None))
    }

    fn __repr__(&self) -> String {
        format!("<ndferry.Channel to {}>", self.url)
    }

    /// There is nothing to let go of between two transfers.
    fn close(&self) {}

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __exit__(
        &self,
        _class: &Bound<'_, PyAny>,
        _error: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) {
    }
}

/// Takes arrays that other processes send, one transfer after the other; iterating goes on for ever.
#[pyclass(frozen, name = "Listener", module = "ndferry")]
pub(crate) struct PyListener {
    /// `None` once it is closed.
    receiver: Mutex<Option<Receiver>>,
    url: String,
    /// What was said of the arrays of the last transfer, by their names.
    attributes: Mutex<Vec<(String, Attributes)>>,
}

/// Listens at an address.
#[pyfunction]
#[pyo3(signature = (url, timeout, overwrite, threads, secret, insecure, tls_cert, tls_key))]
#[expect(clippy::too_many_arguments, reason = "keywords of Python")]
pub(crate) fn listen(
    py: Python<'_>,
    url: &str,
    timeout: f64,
    overwrite: bool,
    threads: usize,
    secret: Option<&Bound<'_, PyAny>>,
    insecure: bool,
    tls_cert: Option<&Bound<'_, PyAny>>,
    tls_key: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyListener> {
    let work = Work::new();
    let mut options = RecvOptions::default();
    options.timeout = seconds(timeout)?;
    options.overwrite = overwrite;
    options.threads = threads;
    options.token = token(py, secret)?;
    options.insecure = insecure;
    options.tls.identity = match (tls_cert, tls_key) {
        (Some(certificate), Some(key)) => Some(TlsIdentity {
            certificate: crate::input::path(certificate)?,
            key: crate::input::path(key)?,
        }),
        (None, None) => None,
        _ => {
            let message = "tls_cert and tls_key belong together";
            return Err(ours(py, "UsageError", message, None));
        }
    };
    // Asks whichever thread receives at the time.
    options.interrupt = work.interrupt();
    let receiver = work.run(py, || Receiver::bind(url, options))?;
    Ok(PyListener {
        url: receiver.url(),
        receiver: Mutex::new(Some(receiver)),
        attributes: Mutex::default(),
    })
}

/// What has come into memory: the array, or a dict of several by their names; or `out`, if that takes it.
fn as_python<'py>(
    py: Python<'py>,
    received: &mut Received,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut dtypes = Dtypes::default();
    let is_single = matches!(&received.arrays[..], [array] if array.name.is_empty());
    let dict = PyDict::new(py);
    for received in &mut received.arrays {
        if out.is_some() && (!is_single || received.objects.is_some()) {
            let message = match is_single {
                true => "an array of objects came: out takes numbers",
                false => "several arrays came, or one with a name: out takes none of them",
            };
            return Err(ours(py, "UsageError", message, None));
        }
        let array = match (&received.objects, received.array.take(), out) {
            (Some(source), _, _) => crate::lazy::objects(py, source, 0)?,
            (None, Some(array), Some(out)) => {
                crate::lazy::into(py, &LazyArray::from(array), out)?;
                Some(out.clone())
            }
            (None, Some(array), None) => {
                Some(arrays::to_python(py, &mut dtypes, array, Share::Ours)?)
            }
            (None, None, _) => None,
        };
        match array {
            Some(array) if is_single => return Ok(array),
            Some(array) => dict.set_item(&received.name, array)?,
            None => {}
        }
    }
    Ok(dict.into_any())
}

impl PyListener {
    /// `then` sees what has come before the sender hears that all is well; what it raises the sender hears as a refusal.
    fn take(
        &self,
        py: Python<'_>,
        target: &Target,
        progress: Option<Py<PyAny>>,
        mut then: impl FnMut(Python<'_>, &mut Received) -> PyResult<()> + Send,
    ) -> PyResult<Received> {
        let work = Work::new();
        let progress = crate::progress::of(progress, &work);
        let taken = work.run(py, || {
            // Another thread that receives has it until its transfer has come.
            let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *receiver {
                Some(receiver) => receiver
                    .recv_then(target, &*progress, &mut |received| {
                        Python::attach(|py| then(py, received)).map_err(|raised| {
                            ErrorKind::System(std::io::Error::other(raised)).into()
                        })
                    })
                    .map(Some),
                None => Ok(None),
            }
        })?;
        let received =
            taken.ok_or_else(|| ours(py, "UsageError", "the listener is closed", None))?;
        let arrays = received.arrays.iter();
        let said = arrays.map(|array| (array.name.clone(), array.attributes.clone()));
        let mut attributes = (self.attributes.lock()).unwrap_or_else(PoisonError::into_inner);
        *attributes = said.collect();
        Ok(received)
    }
}

#[pymethods]
impl PyListener {
    /// Where it listens, with the real port.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// The attributes that came with the last transfer; of several arrays a dict of these, by name.
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let said = (self.attributes.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let json = py.import("json")?;
        let parsed =
            |attributes: &Attributes| json.call_method1("loads", (attributes.to_string(),));
        if let [(name, only)] = &said[..]
            && name.is_empty()
        {
            return parsed(only);
        }
        let dict = PyDict::new(py);
        for (name, attributes) in &said {
            dict.set_item(name, parsed(attributes)?)?;
        }
        Ok(dict.into_any())
    }

    /// A listener receives.
    #[pyo3(signature = (*_args, **_kwargs))]
    fn send(
        &self,
        py: Python<'_>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let message = "a listener receives; connect() sends, to whoever listens there";
        Err(ours(py, "UsageError", message, None))
    }

    /// Waits for a transfer and gives the array, or a dict of several by their names; elements go to ``out``, if given.
    ///
    /// The sender hears that all is well after everything was verified.
    #[pyo3(signature = (*, out=None, progress=None))]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let out = out.map(Bound::unbind);
        let mut came = None;
        self.take(py, &Target::Memory, progress, |py, received| {
            let out = out.as_ref().map(|out| out.bind(py));
            came = Some(as_python(py, received, out)?.unbind());
            Ok(())
        })?;
        came.map(|came| came.into_bound(py))
            .ok_or_else(|| ours(py, "UsageError", "nothing came", None))
    }

    /// Waits for a transfer and stores it in a file, which appears whole or not at all; gives the bytes of its elements.
    ///
    /// The extension of the file tells the format. The sender hears that all is well after the file is in its place.
    #[pyo3(signature = (dst, *, progress=None))]
    fn recv_to(&self, dst: &Bound<'_, PyAny>, progress: Option<Py<PyAny>>) -> PyResult<u64> {
        let py = dst.py();
        let target = Target::File(crate::input::path(dst)?);
        target.check(false).or_else(|error| match error.kind() {
            // Whether a file may be replaced was said to `listen`.
            ndferry::ErrorKind::Exists => Ok(()),
            _ => Err(exception(py, &error)),
        })?;
        Ok(self.take(py, &target, progress, |_, _| Ok(()))?.nbytes)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.recv(py, None, None)
    }

    /// ``recv`` on a thread of its own, to be awaited; cancelling it breaks the transfer off.
    #[pyo3(signature = (*args, **kwargs))]
    fn arecv<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        in_thread(slf.getattr("recv")?, args, kwargs)
    }

    fn __repr__(&self) -> String {
        format!("<ndferry.Listener at {}>", self.url)
    }

    /// Lets go of the address, when nobody receives any more.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            self.receiver
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
}
