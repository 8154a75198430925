//! [`PyPeer`]: calls to a running ImageJ; `ndferry.imagej` is built on it.

use std::sync::{Mutex, PoisonError};

use ndferry::{Peer, PeerOptions, ReceivedArray, Result, running_imagejs};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arrays::{self, Share};
use crate::channel::{seconds, token};
use crate::dtypes::Dtypes;
use crate::errors::ours;
use crate::save::{items, named_arrays};
use crate::work::Work;

/// The ImageJs of this user whose server runs, the newest first.
#[pyfunction]
pub(crate) fn running(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for imagej in running_imagejs() {
        let dict = PyDict::new(py);
        dict.set_item("pid", imagej.pid)?;
        dict.set_item("url", imagej.url())?;
        dict.set_item("version", imagej.version)?;
        dict.set_item("plugin", &imagej.plugin)?;
        dict.set_item("imagej", &imagej.imagej)?;
        dict.set_item("token", imagej.token.reveal())?;
        list.append(dict)?;
    }
    Ok(list)
}

/// A connection to a program that answers calls; for one thread at a time.
#[pyclass(frozen, name = "Peer", module = "ndferry._ndferry")]
pub(crate) struct PyPeer {
    /// `None` once it is closed.
    peer: Mutex<Option<Peer>>,
}

impl PyPeer {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Peer) -> Result<T> + Send,
    ) -> PyResult<T> {
        let done = Work::new().run(py, || {
            let mut peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner);
            peer.as_mut().map(work).transpose()
        })?;
        done.ok_or_else(|| ours(py, "UsageError", "the connection is closed", None))
    }
}

fn list<'py>(py: Python<'py>, received: Vec<ReceivedArray>) -> PyResult<Bound<'py, PyList>> {
    let mut dtypes = Dtypes::default();
    let list = PyList::empty(py);
    for array in received.into_iter().filter_map(|received| received.array) {
        list.append(arrays::to_python(py, &mut dtypes, array, Share::Never)?)?;
    }
    Ok(list)
}

#[pymethods]
impl PyPeer {
    #[new]
    fn new(
        py: Python<'_>,
        url: &str,
        timeout: f64,
        secret: Option<&Bound<'_, PyAny>>,
        shared_memory: bool,
    ) -> PyResult<Self> {
        let work = Work::new();
        let mut options = PeerOptions::default();
        options.timeout = seconds(timeout)?;
        options.token = token(py, secret)?;
        options.shares_memory = shared_memory;
        options.interrupt = work.interrupt();
        let peer = work.run(py, || Peer::connect(url, options))?;
        Ok(Self {
            peer: Mutex::new(Some(peer)),
        })
    }

    /// Calls; gives the answer and the arrays that came with it.
    fn ask<'py>(
        &self,
        py: Python<'py>,
        json: &str,
        array: Option<&Bound<'_, PyAny>>,
        patience: f64,
    ) -> PyResult<(String, Bound<'py, PyList>)> {
        let patience = seconds(patience)?;
        let named = array.map(named_arrays).transpose()?.unwrap_or_default();
        let items = items(&named);
        let answer = self.with(py, |peer| peer.ask(json, &items, patience, &()))?;
        Ok((answer.text, list(py, answer.arrays)?))
    }

    /// What the other side says next: whether it is a call, its number, the JSON; ``None`` at the end.
    fn hear(&self, py: Python<'_>) -> PyResult<Option<(bool, u64, String)>> {
        let word = self.with(py, |peer| peer.hear(None))?;
        Ok(word.map(|word| (word.is_call, word.number, word.text)))
    }

    /// Answers a call, with an array if there is one.
    fn answer(
        &self,
        py: Python<'_>,
        number: u64,
        json: &str,
        array: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let named = array.map(named_arrays).transpose()?.unwrap_or_default();
        let items = items(&named);
        self.with(py, |peer| {
            peer.answer(number, json)?;
            match items.is_empty() {
                true => Ok(()),
                false => peer.send(&items, &()).map(|_| ()),
            }
        })
    }

    /// Whether arrays go through memory that both sides have.
    fn shares_memory(&self) -> bool {
        let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner);
        peer.as_ref().is_some_and(Peer::shares_memory)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            let mut peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner);
            *peer = None;
        });
    }
}
