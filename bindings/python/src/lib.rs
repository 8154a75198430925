//! The Python package `ndferry`: `python/ndferry` is what users see, this crate is its private half, `ndferry._ndferry`.
//!
//! It converts in, calls one library function, converts out.

mod array;
mod arrays;
mod dtypes;
mod errors;
mod index;
mod input;
mod lazy;
mod load;
#[expect(
    unsafe_code,
    reason = "NumPy's C interface and buffers; see the module's notes"
)]
mod numpy_abi;
mod progress;
mod save;
mod values;
mod work;

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
    array::register(module)
}
