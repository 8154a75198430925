//! NPY files: a large one, headers alone, many small ones.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ndferry::{Array, OpenOptions, Order, Source};
use ndferry_npy::Header;
use serde_json::json;

use crate::cost::{Cost, sha256};

/// Readings in one go, of which the cheapest counts.
const READINGS: u32 = 5;

/// How often each header is parsed.
const PARSINGS: u32 = 100_000;

/// No small file is longer.
const SMALL_NBYTES: usize = 4096;

fn load(path: &Path) -> anyhow::Result<Array> {
    Ok(Source::open(path, &OpenOptions::default())?
        .array(None)?
        .load()?)
}

/// All elements into memory.
pub(crate) fn read(path: &str) -> anyhow::Result<()> {
    let path = Path::new(path);
    let array = load(path)?;
    let result = json!([
        array.dtype().descr()?.to_string(),
        array.shape(),
        sha256([array.bytes().as_ref()])
    ]);
    drop(array);
    Cost::least(READINGS, || load(path))?.tell(result);
    Ok(())
}

/// Parses each header of a folder's files, in memory, many times.
pub(crate) fn headers(folder: &str) -> anyhow::Result<()> {
    let heads: Vec<Vec<u8>> = files(folder)?
        .iter()
        .map(fs::read)
        .collect::<Result<_, _>>()?;
    let mut result = Vec::new();
    for head in &heads {
        let (header, start) = Header::parse(head)?;
        let fortran = header.order == Order::F;
        let descr = header.dtype.descr()?.to_string();
        result.push(json!([descr, header.shape, fortran, start]));
    }
    let cost = Cost::of(PARSINGS, || {
        for head in &heads {
            std::hint::black_box(Header::parse(std::hint::black_box(head))?);
        }
        Ok(())
    })?;
    cost.each(PARSINGS * heads.len() as u32).tell(json!(result));
    Ok(())
}

/// Opens and loads each file of a folder.
pub(crate) fn small(folder: &str) -> anyhow::Result<()> {
    let paths = files(folder)?;
    let arrays: Vec<Array> = paths
        .iter()
        .map(|path| load(path))
        .collect::<Result<_, _>>()?;
    let result = sha256(arrays.iter().map(|array| array.bytes().as_ref()));
    drop(arrays);
    let cost = Cost::of(1, || {
        for path in &paths {
            std::hint::black_box(load(path)?);
        }
        Ok(())
    })?;
    cost.each(paths.len() as u32).tell(json!(result));
    Ok(())
}

/// Opens each file of a folder and reads it into one buffer, and no more than that.
pub(crate) fn open_pread(folder: &str) -> anyhow::Result<()> {
    let paths = files(folder)?;
    let mut buffer = vec![0; SMALL_NBYTES];
    let mut parts = Vec::new();
    for path in &paths {
        let n = File::open(path)?.read_at(&mut buffer, 0)?;
        // Where the data of a version 1 file starts.
        let start = 10 + usize::from(u16::from_le_bytes([buffer[8], buffer[9]]));
        parts.push(buffer[start..n].to_vec());
    }
    let result = sha256(parts.iter().map(Vec::as_slice));
    drop(parts);
    let cost = Cost::of(1, || {
        for path in &paths {
            std::hint::black_box(File::open(path)?.read_at(&mut buffer, 0)?);
        }
        Ok(())
    })?;
    cost.each(paths.len() as u32).tell(json!(result));
    Ok(())
}

/// The files of a folder in the order of their names.
fn files(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
