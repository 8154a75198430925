//! [`append_rows`]: an array in a file gets longer.

use std::path::Path;

use crate::format::sniff;
use crate::input::Input;
use crate::{Error, Format, LazyArray, Limits, Progress, Result, SaveOptions};

/// Adds rows to an array in a file, with bounded memory; gives the number of rows before and after. If anything fails the
/// file is as it was.
///
/// Of an NPY file: along the first axis. The rows are written behind the old ones and synced before the header says so:
/// whoever reads meanwhile, or after a crash, finds the old array or the new one. Of the options, `overwrite` lets bytes
/// behind the array go, as a killed call leaves them, and `interrupt` stops the writing.
///
/// Of an NPB file: along the axis on which the array grows, to the named array or the only one. See
/// [`crate::NpbFile`] about who reads meanwhile. `threads` and `interrupt` count.
///
/// # Errors
/// [`crate::ErrorKind::Array`] or [`crate::ErrorKind::Misfit`] if the rows have another shape, a dtype that is not safely
/// cast to the array's, or the array does not grow; [`crate::ErrorKind::Trailing`] for bytes behind the array of an NPY;
/// [`crate::ErrorKind::Npy`] for those that cannot get longer: in Fortran order, without axes, of objects, or with a header
/// without room (NumPy has left some since 1.23); [`crate::ErrorKind::NoMember`]; whatever reading the rows brings;
/// [`crate::ErrorKind::System`], also if another process is writing to the file.
pub fn append_rows(
    path: impl AsRef<Path>,
    member: Option<&str>,
    rows: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<(usize, usize)> {
    let path = path.as_ref();
    let appended = || {
        let input = Input::open(path, &Limits::default())?;
        let format = sniff(&input.head(Format::SNIFF_NBYTES)?);
        #[cfg(feature = "npb")]
        if format == Some(Format::Npb) {
            return crate::npb_rows::append(path, member, rows, options, progress);
        }
        if let (Some(wanted), Some(Format::Npy)) = (member, format) {
            let (wanted, present) = (wanted.to_owned(), vec![String::new()]);
            return Err(crate::ErrorKind::NoMember { wanted, present }.into());
        }
        crate::npy_grow::append(path, &input, rows, options, progress)
    };
    appended().map_err(|error: Error| error.in_path(path))
}
