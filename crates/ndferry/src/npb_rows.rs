//! Rows that are added to an array of an NPB file, a piece at a time.

use std::path::Path;

use ndferry_array::{Casting, Index, Indexing};

use crate::{CreateOptions, LazyArray, NpbFile, Progress, Result, SaveOptions};

/// So much is in memory at a time, or one row.
const PIECE_NBYTES: u64 = 8 << 20;

/// Adds all rows, or none.
pub(crate) fn append(
    path: &Path,
    member: Option<&str>,
    rows: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<(usize, usize)> {
    let create = CreateOptions {
        packing: options.packing,
        threads: options.threads,
        sync: !options.unsynced,
        interrupt: options.interrupt.clone(),
        ..CreateOptions::default()
    };
    let mut file = NpbFile::open(path, member, create)?;
    let end = file.end();
    let added = add(&mut file, rows, options, progress);
    match added {
        Ok(rows) => file.finish().map(|_| rows),
        Err(error) => {
            // If this fails too, readers find the end of what is whole by themselves.
            let _ = file.undo(end);
            Err(error)
        }
    }
}

fn add(
    file: &mut NpbFile,
    rows: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<(usize, usize)> {
    let rows = rows.cast(file.dtype(), Casting::Safe)?;
    let axis = file.axis_of_rows(rows.dtype(), rows.shape())?;
    let count = rows.shape()[axis];
    let before = file.shape()[axis];
    let step = PIECE_NBYTES / (rows.nbytes() / count.max(1) as u64).max(1);
    let step = usize::try_from(step)
        .unwrap_or(usize::MAX)
        .clamp(1, count.max(1));
    progress.start(rows.path(), Some(rows.nbytes()));
    for start in (0..count).step_by(step) {
        options.interrupt.check()?;
        let piece = rows.index(&along(axis, start, count.min(start + step)))?;
        file.append(&piece.view())?;
        progress.advance(piece.nbytes() as u64);
    }
    progress.finish();
    Ok((before, before + count))
}

/// `[:, …, start:stop]`, where the last slice is of this axis.
fn along(axis: usize, start: usize, stop: usize) -> Indexing {
    let all = Index::Slice {
        start: None,
        stop: None,
        step: None,
    };
    let mut items = vec![all; axis];
    items.push(Index::Slice {
        start: Some(start as isize),
        stop: Some(stop as isize),
        step: None,
    });
    Indexing::new(items)
}
