//! An NPY file gets longer in place.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use ndferry_array::{Casting, Order};
use ndferry_npy::grown_head;

use crate::error::npy;
use crate::input::Input;
use crate::lock::lock;
use crate::{ErrorKind, LazyArray, Limits, Progress, Result, SaveOptions};

/// Bytes read and written at a time.
const RUN_NBYTES: usize = 1 << 20;

/// Adds rows to the array of an NPY file, along its first axis; see [`crate::append_rows()`].
pub(crate) fn append(
    path: &Path,
    input: &Input,
    rows: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<(usize, usize)> {
    let mut file = FileOptions::new().read(true).write(true).open(path)?;
    lock(&file)?;
    let (header, start) = crate::npy_file::header(input, &Limits::default())?;
    let head = input.head(start)?;
    let before = header.shape.first().copied().unwrap_or(0);
    // Whether it can get longer at all, before anything else is said.
    grown_head(&head, before).map_err(npy)?;
    if header.shape.len() != rows.shape().len() || header.shape[1..] != rows.shape()[1..] {
        let (left, right) = (header.shape.clone(), rows.shape().to_vec());
        return Err(rows.place(ndferry_array::Error::ShapeMismatch { left, right }));
    }
    let rows = rows.cast(&header.dtype, Casting::Safe)?;
    let after = before.checked_add(rows.shape()[0]);
    let after = after.ok_or_else(|| ndferry_array::Error::TooBig {
        shape: header.shape.clone(),
        itemsize: header.dtype.itemsize(),
    })?;
    let new_head = grown_head(&head, after).map_err(npy)?;
    let end = header
        .data_nbytes()
        .and_then(|nbytes| nbytes.checked_add(start as u64));
    let needed = end.unwrap_or(u64::MAX);
    let found = file.metadata()?.len();
    if found < needed {
        return Err(ErrorKind::Truncated { needed, found }.at(start as u64));
    }
    if found > needed && !options.overwrite {
        let nbytes = found - needed;
        return Err(ErrorKind::Trailing { nbytes }.at(needed));
    }
    let written = write_rows(&mut file, needed, &rows, options, progress)
        .and_then(|()| write_head(&mut file, &head, &new_head));
    if let Err(error) = written {
        // As it was; if even that fails, the old header still says what belongs to the array.
        let _ = file.set_len(needed);
        return Err(error);
    }
    Ok((before, after))
}

/// Writes all rows from byte `end` on, and lets nothing stand behind them.
fn write_rows(
    file: &mut File,
    end: u64,
    rows: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    progress.start(rows.path(), Some(rows.nbytes()));
    let mut runs = rows.runs_in(Order::C, RUN_NBYTES)?;
    while runs.advance()? {
        options.interrupt.check()?;
        let bytes = runs.run().bytes;
        file.write_all(bytes)?;
        progress.advance(bytes.len() as u64);
    }
    progress.finish();
    file.sync_data()?;
    Ok(())
}

/// Writes what differs of the head, in one piece.
fn write_head(file: &mut File, old: &[u8], new: &[u8]) -> Result<()> {
    let differs = |(a, b): (&u8, &u8)| a != b;
    let pairs = || old.iter().zip(new);
    let (Some(first), Some(last)) = (pairs().position(differs), pairs().rposition(differs)) else {
        return Ok(());
    };
    file.seek(SeekFrom::Start(first as u64))?;
    file.write_all(&new[first..=last])?;
    file.sync_data()?;
    Ok(())
}
