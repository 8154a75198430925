//! Memory that is lent to other processes, and borrowed from them: what `ndferry.multiprocessing` is made of.

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

    use ndferry::{Segment, SegmentPool};
    use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
    use pyo3::prelude::*;

    use crate::numpy_abi::{self, Memory};

    /// From this size on other threads run while elements are copied.
    const LONG: u64 = 1 << 20;

    /// Those that were made and not closed. A forked process has copies of them, which would keep segments from being used
    /// again.
    static UNDER_WAY: Mutex<Vec<Weak<Descriptor>>> = Mutex::new(Vec::new());

    type Descriptor = Mutex<Option<OwnedFd>>;

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A segment on its way to another process.
    #[pyclass(frozen, name = "Lease", module = "ndferry._ndferry")]
    pub(crate) struct PyLease(Arc<Descriptor>);

    #[pymethods]
    impl PyLease {
        /// The descriptor to be sent.
        fn fileno(&self) -> PyResult<i32> {
            let descriptor = lock(&self.0);
            let descriptor = descriptor.as_ref();
            let raw = descriptor.map(|descriptor| descriptor.as_fd().as_raw_fd());
            raw.ok_or_else(|| PyValueError::new_err("it was closed"))
        }

        /// Closes the descriptor; whoever it was sent to has one of its own.
        fn close(&self) {
            drop(lock(&self.0).take());
        }

        fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
            slf
        }

        fn __exit__(
            &self,
            _class: &Bound<'_, PyAny>,
            _error: &Bound<'_, PyAny>,
            _traceback: &Bound<'_, PyAny>,
        ) {
            self.close();
        }
    }

    /// Copies arrays, contiguous ones, to these offsets of a segment of so many bytes. None if there is no room, or with it
    /// more would be under way than that.
    #[pyfunction]
    pub(crate) fn lend(
        py: Python<'_>,
        arrays: Vec<Bound<'_, PyAny>>,
        offsets: Vec<u64>,
        nbytes: u64,
        under_way: u64,
    ) -> PyResult<Option<PyLease>> {
        let mut parts = Vec::with_capacity(arrays.len());
        for (array, offset) in arrays.iter().zip(offsets) {
            let raw = numpy_abi::raw(array).ok_or_else(|| PyTypeError::new_err("not an array"))?;
            let itemsize = numpy_abi::itemsize(&raw.descr)?;
            parts.push((raw.bytes(array, itemsize).0, offset));
        }
        // Without room, memory or descriptors, what was to be sent is pickled.
        let Ok(Some(mut filling)) = SegmentPool::shared().take(nbytes, under_way) else {
            return Ok(None);
        };
        let mut fill = || {
            let mut parts = parts.iter();
            parts.all(|(bytes, offset)| filling.write_at(bytes, *offset).is_ok())
        };
        let is_filled = match nbytes {
            LONG.. => py.detach(fill),
            _ => fill(),
        };
        if !is_filled {
            return Ok(None);
        }
        let Ok(lease) = filling.hand_over() else {
            return Ok(None);
        };
        let descriptor = Arc::new(Mutex::new(Some(lease.into())));
        let mut leases = lock(&UNDER_WAY);
        leases.retain(|other| other.strong_count() > 0);
        leases.push(Arc::downgrade(&descriptor));
        Ok(Some(PyLease(descriptor)))
    }

    /// The first bytes of a segment that came from another process. The descriptor belongs to it from here on.
    #[pyfunction]
    pub(crate) fn borrow(descriptor: i32, nbytes: u64) -> PyResult<Memory> {
        if descriptor < 0 {
            return Err(PyValueError::new_err("not a descriptor"));
        }
        // SAFETY: the caller has just received it with a message, and gives it away here: nobody else closes it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let map = || Segment::accept(descriptor)?.map(nbytes);
        let bytes = map().map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Memory::writable(bytes))
    }

    /// In a process that was just forked: what its parent was sending is not its own.
    #[pyfunction]
    pub(crate) fn forget_leases() {
        for descriptor in lock(&UNDER_WAY).drain(..) {
            if let Some(descriptor) = descriptor.upgrade() {
                drop(lock(&descriptor).take());
            }
        }
    }

    /// How much this process may keep in segments.
    #[pyfunction]
    pub(crate) fn set_pool_bytes(nbytes: u64) {
        SegmentPool::shared().set_nbytes(nbytes);
    }

    /// Lets go of all segments.
    #[pyfunction]
    pub(crate) fn clear_pool() {
        SegmentPool::shared().clear();
    }

    /// How many segments there are, and their bytes.
    #[pyfunction]
    pub(crate) fn pool_size() -> (usize, u64) {
        SegmentPool::shared().size()
    }

    pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_class::<PyLease>()?;
        module.add_function(wrap_pyfunction!(lend, module)?)?;
        module.add_function(wrap_pyfunction!(borrow, module)?)?;
        module.add_function(wrap_pyfunction!(forget_leases, module)?)?;
        module.add_function(wrap_pyfunction!(set_pool_bytes, module)?)?;
        module.add_function(wrap_pyfunction!(clear_pool, module)?)?;
        module.add_function(wrap_pyfunction!(pool_size, module)?)
    }
}

use pyo3::prelude::*;

/// Whether processes can lend each other memory here.
#[pyfunction]
fn shares_memory() -> bool {
    cfg!(target_os = "linux")
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(shares_memory, module)?)?;
    #[cfg(target_os = "linux")]
    linux::register(module)?;
    Ok(())
}
