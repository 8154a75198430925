//! NumPy's files: NPY, a header and then bytes, and NPZ, NPYs in a ZIP.
//!
//! No I/O of its own: it reads and writes through `std::io` traits and [`ReadAt`].
#![forbid(unsafe_code)]

mod directory;
mod error;
mod grow;
mod header;
mod limits;
mod literal;
mod member;
mod names;
mod npz;
mod npz_write;
mod read;
mod read_at;
mod write;
mod zip_record;

pub use error::{Error, ErrorKind};
pub use grow::grown_head;
pub use header::{Header, MAGIC, Version};
pub use limits::Limits;
pub use member::NpzReader;
pub use npz::{MemberKind, Method, Npz, NpzMember};
pub use npz_write::{NpzWriter, Packed, Packing, deflate};
pub use read::{Contents, Objects, parse, read, read_into};
pub use read_at::ReadAt;
pub use write::write;
