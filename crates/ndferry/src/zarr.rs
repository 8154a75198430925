//! Zarr, version 3: arrays in chunks, a folder of files each, described by `zarr.json`.
//!
//! Read and written here, not by `zarrs`: what a file claims must meet a limit before it meets an allocator. The
//! specification is <https://zarr-specs.readthedocs.io/en/latest/v3/core/>; `zarr-python` decides where it is silent.

mod chunks;
mod codecs;
mod dtype;
mod fill;
mod meta;
mod open;
mod save;

use crate::ErrorKind;

pub(crate) use open::{is_store, nbytes, open};
pub(crate) use save::save;

/// The file that describes an array or a group.
const DESCRIPTION: &str = "zarr.json";

/// What a description says wrongly.
fn wrong(problem: impl Into<String>) -> ErrorKind {
    let problem = problem.into();
    ErrorKind::Zarr { problem }
}

/// What a description says that is not read here.
fn unsupported(what: impl Into<String>) -> ErrorKind {
    let what = what.into();
    ErrorKind::Unsupported { what }
}
