//! NumPy's files: NPY, a header and then bytes, and NPZ, NPYs in a ZIP.
//!
//! No I/O of its own: it reads and writes through `std::io` traits and [`ReadAt`].
#![forbid(unsafe_code)]

mod error;
mod header;
mod limits;
mod literal;
mod read;
mod write;

pub use error::{Error, ErrorKind};
pub use header::{Header, MAGIC, Version};
pub use limits::Limits;
pub use read::{parse, read, read_into};
pub use write::write;
