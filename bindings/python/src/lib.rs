//! The Python package `ndferry`: `python/ndferry` is what users see, this crate is its private half, `ndferry._ndferry`.
//!
//! It converts in, calls one library function, converts out.

mod array;
mod arrays;
mod channel;
mod command;
#[expect(
    unsafe_code,
    reason = "C structs that are lent; see the module's notes"
)]
mod dlpack;
mod dtypes;
mod errors;
mod frames;
mod index;
mod input;
mod lazy;
mod live;
mod load;
mod log;
#[expect(
    unsafe_code,
    reason = "NumPy's C interface and buffers; see the module's notes"
)]
mod numpy_abi;
mod peer;
mod progress;
mod reports;
mod save;
#[expect(unsafe_code, reason = "descriptors that Python gives away")]
mod segments;
mod values;
mod work;
mod writer;

use pyo3::prelude::*;

/// The private half of the package `ndferry`.
#[pymodule(gil_used = false)]
fn _ndferry(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(load::load, module)?)?;
    module.add_function(wrap_pyfunction!(load::loads, module)?)?;
    module.add_function(wrap_pyfunction!(save::save, module)?)?;
    module.add_function(wrap_pyfunction!(save::dumps, module)?)?;
    module.add_function(wrap_pyfunction!(lazy::open_array, module)?)?;
    module.add_class::<lazy::PyLazyArray>()?;
    module.add_class::<writer::PyWriter>()?;
    module.add_class::<work::Stop>()?;
    module.add_class::<channel::PyChannel>()?;
    module.add_class::<channel::PyListener>()?;
    module.add_class::<peer::PyPeer>()?;
    module.add_function(wrap_pyfunction!(peer::running, module)?)?;
    module.add_function(wrap_pyfunction!(writer::create, module)?)?;
    module.add_class::<live::PyLive>()?;
    module.add_class::<live::PyWatcher>()?;
    module.add_function(wrap_pyfunction!(live::live, module)?)?;
    module.add_function(wrap_pyfunction!(live::watch, module)?)?;
    module.add_function(wrap_pyfunction!(channel::connect, module)?)?;
    module.add_function(wrap_pyfunction!(channel::listen, module)?)?;
    module.add_function(wrap_pyfunction!(frames::to_frames, module)?)?;
    module.add_function(wrap_pyfunction!(frames::from_frames, module)?)?;
    module.add_function(wrap_pyfunction!(reports::inspect, module)?)?;
    module.add_function(wrap_pyfunction!(reports::scan, module)?)?;
    module.add_function(wrap_pyfunction!(reports::check, module)?)?;
    module.add_function(wrap_pyfunction!(reports::diff, module)?)?;
    module.add_function(wrap_pyfunction!(reports::repickle, module)?)?;
    module.add_function(wrap_pyfunction!(command::command, module)?)?;
    segments::register(module)?;
    array::register(module)
}
