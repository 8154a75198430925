//! [`PyLazyArray`], in Python `ndferry.LazyArray`: an array in a file, of which only what is asked for is read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndferry::{
    ArrayViewMut, Dtype, Indexing, Layout, LazyArray, MemberInfo, OpenOptions, Order, Source,
    Storage, source_name,
};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyEllipsis, PySlice, PyTuple};

use crate::arrays::{self, Share};
use crate::dtypes::Dtypes;
use crate::errors::{exception, ours};
use crate::index::indexing;
use crate::input::{Parts, url};
use crate::numpy_abi;
use crate::work::Work;

/// An array in a file. What is not asked for is not read.
///
/// Index it as a NumPy array, by integers, slices, ``...`` and ``None``; ``numpy.asarray`` reads all of it.
#[pyclass(frozen, name = "LazyArray", module = "ndferry")]
pub(crate) struct PyLazyArray {
    /// `None` once it is closed.
    array: Mutex<Option<Opened>>,
    info: MemberInfo,
    /// What opens it again; an array that was opened from a buffer has none.
    place: Option<(PathBuf, String)>,
}

#[derive(Clone)]
struct Opened {
    array: LazyArray,
    source: Arc<Source>,
    number: usize,
}

/// Bytes that are read and written at a time.
const RUN_NBYTES: usize = 1 << 20;

/// Bytes of one part of an array that has no tiles of its own.
const PART_NBYTES: u64 = 8 << 20;

/// Opens one array of a file.
#[pyfunction]
#[pyo3(signature = (src, member, cache_bytes, threads))]
pub(crate) fn open_array(
    src: &Bound<'_, PyAny>,
    member: Option<&str>,
    cache_bytes: u64,
    threads: usize,
) -> PyResult<PyLazyArray> {
    let py = src.py();
    let work = Work::new();
    let mut options = OpenOptions::default();
    options.interrupt = work.interrupt();
    options.threads = threads;
    options.cache_nbytes = cache_bytes;
    let (source, path) = match Parts::of(src)? {
        Parts::Path(path) => (work.run(py, || Source::open(&path, &options))?, Some(path)),
        Parts::File(name, file) => {
            let opened = work.run(py, || Source::from_read_at(&name, file, &options))?;
            (opened, url(src).map(PathBuf::from))
        }
        Parts::Bytes(name, bytes) => {
            let opened = work.run(py, || Source::from_bytes(&name, bytes, &options))?;
            (opened, None)
        }
    };
    let array = source
        .array(member)
        .map_err(|error| exception(py, &error))?;
    let number = source
        .members()
        .iter()
        .rposition(|member| member.path == array.path())
        .unwrap_or(0);
    let info = source.members()[number].clone();
    let path = path.map(|path| match is_url(&path) {
        true => path,
        false => std::path::absolute(&path).unwrap_or(path),
    });
    Ok(PyLazyArray {
        place: path.map(|path| (path, array.path().to_owned())),
        info,
        array: Mutex::new(Some(Opened {
            array,
            source: Arc::new(source),
            number,
        })),
    })
}

/// The values of an array of objects, from closed tables of names; `None` if it is one of numbers.
pub(crate) fn objects<'py>(
    py: Python<'py>,
    source: &Source,
    number: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(objects) = source.objects(number) else {
        return Ok(None);
    };
    let globals = source.pickle().map(|pickle| &pickle.globals[..]);
    let options = crate::load::default_values()?;
    let policy = options.policy.as_ref();
    crate::values::refuse(py, source.name(), globals.unwrap_or_default(), policy)?;
    let mut builder = crate::values::Builder::new(py, &objects.tree, &options);
    builder.object(objects.root).map(Some)
}

impl PyLazyArray {
    fn opened(&self, py: Python<'_>) -> PyResult<Opened> {
        let array = self.array.lock().unwrap_or_else(PoisonError::into_inner);
        array
            .clone()
            .ok_or_else(|| ours(py, "UsageError", "the array is closed", None))
    }

    /// The array, to be saved or sent.
    pub(crate) fn array(&self, py: Python<'_>) -> PyResult<LazyArray> {
        Ok(self.opened(py)?.array)
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        indexing: Option<&Indexing>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let opened = self.opened(py)?;
        let mut dtypes = Dtypes::default();
        if let Some(objects) = objects(py, &opened.source, opened.number)? {
            return Ok(objects);
        }
        let read = Work::new().run(py, || match indexing {
            Some(indexing) => opened.array.index(indexing),
            None => opened.array.load(),
        })?;
        arrays::to_python(py, &mut dtypes, read, Share::Never)
    }

    fn tile_shape(&self) -> Vec<usize> {
        let shape = &self.info.shape;
        let storage = &self.info.storage;
        if let Storage::Tiles { tile, .. } | Storage::Chunks { chunk: tile, .. } = storage {
            return tile
                .iter()
                .map(|extent| (*extent).max(1) as usize)
                .collect();
        }
        // Runs of whole rows; of one row at least.
        let mut tile: Vec<usize> = shape.iter().map(|extent| (*extent).max(1)).collect();
        let axis = match self.info.order {
            Order::C => 0,
            Order::F => tile.len().saturating_sub(1),
        };
        if let Some(extent) = tile.get_mut(axis) {
            let row = self.info.nbytes / (*extent as u64);
            *extent = (PART_NBYTES / row.max(1)).clamp(1, *extent as u64) as usize;
        }
        tile
    }
}

#[pymethods]
impl PyLazyArray {
    /// The extent of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.info.shape)
    }

    /// The ``numpy.dtype``; without NumPy its type string, or the list of its fields.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if numpy_abi::is_there(py) {
            Dtypes::default().numpy(py, &self.info.dtype)
        } else {
            crate::array::dtype_as_data(py, &self.info.dtype)
        }
    }

    /// The number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.info.shape.len()
    }

    /// The number of elements.
    #[getter]
    fn size(&self) -> u128 {
        self.info
            .shape
            .iter()
            .map(|extent| *extent as u128)
            .product()
    }

    /// Bytes of all elements together.
    #[getter]
    fn nbytes(&self) -> u64 {
        self.info.nbytes
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> usize {
        self.info.dtype.itemsize()
    }

    /// ``"C"`` or ``"F"``: the order in which the elements are stored.
    #[getter]
    fn order(&self) -> &'static str {
        match self.info.order {
            Order::C => "C",
            Order::F => "F",
        }
    }

    /// The shape of the parts that are read best; those of an NPB file are packed and checked one by one.
    #[getter]
    fn tile<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tile_shape())
    }

    /// What packs it: ``"none"``, ``"deflate"``, or a codec of NPB.
    #[getter]
    fn codec(&self) -> &str {
        match &self.info.storage {
            Storage::Tiles { codec, .. } | Storage::Chunks { codec, .. } => codec,
            Storage::Deflated { .. } => "deflate",
            _ => "none",
        }
    }

    /// The file, as it was given, with its folder, or its address; ``None`` of a buffer.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let path = self.place.as_ref().map(|(path, _)| path);
        path.map(|path| match path.to_str() {
            // `pathlib` would make one slash of two.
            Some(url) if is_url(path) => Ok(url.into_pyobject(py)?.into_any()),
            _ => path.into_pyobject(py).map(Bound::into_any),
        })
        .transpose()
    }

    /// Where it is in the file; empty for the only array of one.
    #[getter]
    fn member(&self) -> &str {
        &self.info.path
    }

    /// What else was stored with it.
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = self.info.attributes.to_string();
        py.import("json")?.call_method1("loads", (json,))
    }

    /// Reads the part that an index picks.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if self
            .opened(py)?
            .source
            .objects(self.opened(py)?.number)
            .is_some()
        {
            return self.read(py, None)?.get_item(key);
        }
        let part = self.read(py, Some(&indexing(key)?))?;
        let is_element = part.getattr("ndim")?.extract::<usize>()? == 0 && !has_ellipsis(key);
        match is_element && numpy_abi::is_array(&part).1 {
            true => part.get_item(PyTuple::empty(py)),
            false => Ok(part),
        }
    }

    /// Reads all of it; into ``out``, if that is given.
    #[pyo3(signature = (*, out=None))]
    fn numpy<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match out {
            None => self.read(py, None),
            Some(out) => {
                self.read_into(py, &out, None)?;
                Ok(out)
            }
        }
    }

    /// Reads into memory of the caller's: all of it, or the part that ``key`` picks. Gives the number of bytes.
    #[pyo3(signature = (out, key=None))]
    fn read_into<'py>(
        &self,
        py: Python<'py>,
        out: &Bound<'py, PyAny>,
        key: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<usize> {
        let opened = self.opened(py)?;
        let place = |error: ndferry::ArrayError| exception(py, &error.into());
        let indexing = key.map(indexing).transpose()?.unwrap_or_default();
        let selection = indexing.resolve(&self.info.shape).map_err(place)?;
        let part = match selection.is_all(&self.info.shape) {
            true => opened.array.clone(),
            false => opened
                .array
                .part(&selection)
                .map_err(|error| exception(py, &error))?,
        };
        into(py, &part, out)
    }

    /// Goes through the array, a tile at a time: pairs of an index (a tuple of slices) and the elements there.
    fn tiles(slf: Bound<'_, Self>) -> Tiles {
        let this = slf.get();
        let tile = this.tile_shape();
        let shape = &this.info.shape;
        let counts = shape
            .iter()
            .zip(&tile)
            .map(|(extent, tile)| extent.div_ceil(*tile))
            .collect();
        Tiles {
            next: Mutex::new(Some(vec![0; shape.len()])),
            counts,
            tile,
            array: slf.unbind(),
        }
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(false) {
            return Err(PyValueError::new_err(
                "an array in a file cannot be had without a copy",
            ));
        }
        let array = self.read(py, None)?;
        match dtype {
            None => Ok(array),
            Some(dtype) => {
                let keywords = PyDict::new(py);
                keywords.set_item("copy", false)?;
                array.call_method("astype", (dtype,), Some(&keywords))
            }
        }
    }

    #[pyo3(signature = (**kwargs))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.read(py, None)?.call_method("__dlpack__", (), kwargs)
    }

    /// The CPU.
    fn __dlpack_device__(&self) -> (i32, i32) {
        (1, 0)
    }

    fn __len__(&self) -> PyResult<usize> {
        let first = self.info.shape.first().copied();
        first.ok_or_else(|| PyTypeError::new_err("an array without axes has no length"))
    }

    fn __repr__(&self) -> String {
        let place = match &self.place {
            Some((path, member)) if member.is_empty() => format!(" of {}", source_name(path)),
            Some((path, member)) => format!(" of {}:{member}", source_name(path)),
            None => String::new(),
        };
        let (shape, dtype) = (&self.info.shape, &self.info.dtype);
        format!("<ndferry.LazyArray{place} shape={shape:?} dtype={dtype}>")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let (Some(path), Some((_, member))) = (self.path(py)?, &self.place) else {
            let message = "an array of a buffer cannot be pickled: there is nothing to open again";
            return Err(PyTypeError::new_err(message));
        };
        let open = py.import("ndferry")?.getattr("open")?;
        let member = (!member.is_empty()).then_some(member);
        let args = (path, member).into_pyobject(py)?;
        (open, args).into_pyobject(py)
    }

    /// Lets go of the file.
    fn close(&self) {
        self.array
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
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

fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains("://"))
}

fn has_ellipsis(key: &Bound<'_, PyAny>) -> bool {
    match key.cast::<PyTuple>() {
        Ok(items) => items.iter().any(|item| item.is_instance_of::<PyEllipsis>()),
        Err(_) => key.is_instance_of::<PyEllipsis>(),
    }
}

/// All elements into memory of the caller's; in pieces.
pub(crate) fn into(py: Python<'_>, array: &LazyArray, out: &Bound<'_, PyAny>) -> PyResult<usize> {
    let mut buffer: PyUntypedBuffer = match PyUntypedBuffer::get(out) {
        Ok(buffer) => buffer,
        // NumPy exports no dates and times, which have no format there.
        Err(error) if numpy_abi::is_array(out).1 => match out.call_method1("view", ("u1",)) {
            Ok(view) => PyUntypedBuffer::get(&view)?,
            Err(_) => return Err(error),
        },
        Err(error) => return Err(error),
    };
    if buffer.readonly() {
        return Err(PyValueError::new_err("out is read-only"));
    }
    let order = match (buffer.is_c_contiguous(), buffer.is_fortran_contiguous()) {
        (true, _) => Order::C,
        (_, true) => Order::F,
        _ => {
            return Err(PyValueError::new_err(
                "out has gaps in it: give contiguous memory",
            ));
        }
    };
    check_out(array, out, &buffer)?;
    let nbytes = buffer.len_bytes();
    let work = Work::new();
    let interrupt = work.interrupt();
    // The buffer is held until the work is done, so that its memory stays where it is.
    let _pinned = numpy_abi::pinned(out);
    let target = numpy_abi::exported_mut(&mut buffer);
    work.run(py, || fill(array, order, target, &interrupt))?;
    Ok(nbytes)
}

fn fill(
    array: &LazyArray,
    order: Order,
    out: &mut [u8],
    interrupt: &ndferry::Interrupt,
) -> ndferry::Result<()> {
    if let Some(memory) = array.in_memory() {
        let layout = Layout::contiguous(array.shape(), array.dtype().itemsize(), order)?;
        let mut view = ArrayViewMut::new(array.dtype().clone(), layout, out)?;
        return Ok(view.assign(&memory.view())?);
    }
    let mut at = 0;
    let mut runs = array.runs_in(order, RUN_NBYTES)?;
    while let Some(run) = runs.next_run()? {
        interrupt.check()?;
        out[at..at + run.bytes.len()].copy_from_slice(run.bytes);
        at += run.bytes.len();
    }
    Ok(())
}

/// Whether the elements fit: an array of that dtype and shape, or as many bytes.
fn check_out(array: &LazyArray, out: &Bound<'_, PyAny>, buffer: &PyUntypedBuffer) -> PyResult<()> {
    if let Some(raw) = numpy_abi::raw(out) {
        let dtype: Dtype = Dtypes::default().ours(&raw.descr)?;
        if dtype != *array.dtype() || raw.shape != array.shape() {
            return Err(PyValueError::new_err(format!(
                "out is {:?} of {dtype}, the elements are {:?} of {}",
                raw.shape,
                array.shape(),
                array.dtype()
            )));
        }
        return Ok(());
    }
    if buffer.len_bytes() as u64 != array.nbytes() {
        return Err(PyValueError::new_err(format!(
            "out has {} bytes, the elements {}",
            buffer.len_bytes(),
            array.nbytes()
        )));
    }
    Ok(())
}

/// Iterates over an array's tiles, the last index fastest.
#[pyclass(frozen, module = "ndferry._ndferry")]
pub(crate) struct Tiles {
    array: Py<PyLazyArray>,
    tile: Vec<usize>,
    counts: Vec<usize>,
    /// Number of the next tile along each axis.
    next: Mutex<Option<Vec<usize>>>,
}

#[pymethods]
impl Tiles {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let place = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(place) = next.take() else {
                return Ok(None);
            };
            if self.counts.contains(&0) {
                return Ok(None);
            }
            *next = following(&place, &self.counts);
            place
        };
        let array = self.array.bind(py).get();
        let slices: PyResult<Vec<Bound<'py, PySlice>>> = (place.iter().zip(&self.tile))
            .zip(&array.info.shape)
            .map(|((number, tile), extent)| {
                let start = number * tile;
                let stop = (start + tile).min(*extent);
                Ok(PySlice::new(py, start as isize, stop as isize, 1))
            })
            .collect();
        let slices = PyTuple::new(py, slices?)?;
        let elements = array.read(py, Some(&indexing(slices.as_any())?))?;
        (slices, elements).into_pyobject(py).map(Some)
    }
}

fn following(place: &[usize], counts: &[usize]) -> Option<Vec<usize>> {
    let mut next = place.to_vec();
    for axis in (0..next.len()).rev() {
        next[axis] += 1;
        if next[axis] < counts[axis] {
            return Some(next);
        }
        next[axis] = 0;
    }
    None
}
