//! Reading a store: a folder with a `zarr.json`, and those within it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DESCRIPTION;
use super::chunks::{All, Chunks};
use super::meta::Node;
use crate::lazy::{Backing, Stored};
use crate::source::Contents;
use crate::{Error, ErrorKind, Format, MemberInfo, OpenOptions, Result, Storage};

/// Groups within groups.
const DEPTH: usize = 64;

/// Whether a path is a folder with Zarr's description in it (of version 2 too, which is refused with a reason).
pub(crate) fn is_store(path: &Path) -> bool {
    let has = |name| path.join(name).is_file();
    path.is_dir() && [DESCRIPTION, ".zarray", ".zgroup"].into_iter().any(has)
}

/// The arrays of a store, by their paths: names of groups and of the array, joined by slashes.
pub(crate) fn open(folder: &Path, options: &OpenOptions) -> Result<Contents> {
    if !folder.join(DESCRIPTION).is_file() {
        let what = "version 2 of Zarr".to_owned();
        return Err(ErrorKind::Unsupported { what }.into());
    }
    let mut contents = Contents::new(Format::Zarr);
    let mut all = Vec::new();
    let mut waiting: Vec<(PathBuf, String, usize)> = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, path, depth)) = waiting.pop() {
        options.interrupt.check()?;
        let described = folder.join(DESCRIPTION);
        let place = |error: Error| error.in_path(&described);
        match Node::parse(&description(&described, options).map_err(place)?).map_err(place)? {
            Node::Array(meta) => {
                let found = contents.members.len() as u64 + 1;
                let (what, limit) = ("arrays", options.limits.members as u64);
                if found > limit {
                    return Err(ErrorKind::Limit { what, found, limit }.into());
                }
                let chunks = Arc::new(Chunks::new(folder, *meta, options).map_err(place)?);
                contents.push(
                    member(&path, &chunks).map_err(place)?,
                    Backing::Stored(Arc::clone(&chunks) as Arc<dyn Stored>),
                );
                all.push((path, chunks));
            }
            Node::Group if depth < DEPTH => {
                let mut inner =
                    inner(&folder).map_err(|error| Error::from(error).in_path(&folder))?;
                // The last one is looked at first.
                inner.sort_by(|a, b| b.cmp(a));
                for name in inner {
                    let slash = if path.is_empty() { "" } else { "/" };
                    waiting.push((
                        folder.join(&name),
                        format!("{path}{slash}{name}"),
                        depth + 1,
                    ));
                }
            }
            Node::Group => {
                let (what, found, limit) = ("groups within groups", depth as u64, DEPTH as u64);
                return Err(place(ErrorKind::Limit { what, found, limit }.into()));
            }
        }
    }
    contents.inspect = Some(Box::new(All(all)));
    Ok(contents)
}

/// Bytes of all files in a folder and those within it. What cannot be looked at counts nothing.
pub(crate) fn nbytes(folder: &Path) -> u64 {
    let mut sum = 0_u64;
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => waiting.push(entry.path()),
                Ok(metadata) => sum = sum.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    sum
}

/// The bytes of a `zarr.json`.
pub(super) fn description(path: &Path, options: &OpenOptions) -> Result<Vec<u8>> {
    let limit = options.limits.header_nbytes as u64;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    let found = bytes.len() as u64;
    match found > limit {
        true => Err(ErrorKind::Limit {
            what: "bytes of zarr.json",
            found,
            limit,
        }
        .into()),
        false => Ok(bytes),
    }
}

/// Folders with a description, in a group's folder. Links are not followed, so that nothing is met twice.
fn inner(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && entry.path().join(DESCRIPTION).is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    Ok(names)
}

fn member(path: &str, chunks: &Chunks) -> Result<MemberInfo> {
    let meta = chunks.meta();
    let too_large = || super::wrong("a shape that is too large to count");
    let extent = |extent: &u64| usize::try_from(*extent).map_err(|_| too_large());
    let shape: Vec<usize> = meta
        .shape
        .iter()
        .map(extent)
        .collect::<std::result::Result<_, _>>()?;
    let nbytes = meta
        .shape
        .iter()
        .try_fold(meta.dtype.itemsize() as u64, |n, extent| {
            n.checked_mul(*extent)
        });
    let (chunk, count) = chunks.parts();
    Ok(MemberInfo {
        path: path.to_owned(),
        dtype: meta.dtype.clone(),
        shape,
        order: chunks.order,
        nbytes: nbytes.ok_or_else(too_large)?,
        storage: Storage::Chunks {
            chunk,
            count,
            codec: meta.codecs.name().to_owned(),
        },
        attributes: meta.attributes.clone(),
    })
}
