//! Writing a store: all of it, or nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use ndferry_array::{Array, Order};
use ndferry_npb::{Span, Tile};
use tempfile::TempDir;

use super::codecs::Codecs;
use super::meta::{GROUP, Keys, Meta};
use super::{DESCRIPTION, dtype, open};
use crate::error::npb;
use crate::npb_plan::Plan;
use crate::stored::tile_overlap::Overlap;
use crate::{ByteOrder, Codec, ErrorKind, Format, Item, Packing, Progress, Result, SaveOptions};

/// Writes a folder beside `path` and renames it; gives the bytes of its files. A single array without a name is the root,
/// others are in a group under their names, whose slashes make groups.
pub(crate) fn save(
    path: &Path,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    let exists = path.symlink_metadata().is_ok();
    // What is replaced is removed with all that is in it: a store, nothing else.
    if exists && !(options.overwrite && open::is_store(path)) {
        return Err(ErrorKind::Exists.into());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let new = tempfile::Builder::new()
        .prefix(".ndferry-")
        .tempdir_in(parent)?;
    let mut store = Store {
        folder: new.path().join("new"),
        nbytes: 0,
        is_synced: !options.unsynced,
    };
    fs::create_dir(&store.folder)?;
    if let [item] = items
        && item.name.is_empty()
    {
        store.array(&store.folder.clone(), *item, options, progress)?;
    } else {
        store.groups(items, options, progress)?;
    }
    options.interrupt.check()?;
    replace(&new, path, exists)?;
    if store.is_synced {
        File::open(parent)?.sync_all()?;
    }
    Ok(store.nbytes)
}

/// Puts what is new at its place. The temporary folder goes with what was there.
fn replace(new: &TempDir, path: &Path, exists: bool) -> Result<()> {
    let (made, old) = (new.path().join("new"), new.path().join("old"));
    if exists {
        fs::rename(path, &old)?;
    }
    if let Err(error) = fs::rename(&made, path) {
        if exists {
            fs::rename(&old, path)?;
        }
        return Err(error.into());
    }
    Ok(())
}

/// What is being written.
struct Store {
    folder: PathBuf,
    nbytes: u64,
    is_synced: bool,
}

impl Store {
    fn groups(
        &mut self,
        items: &[Item<'_>],
        options: &SaveOptions,
        progress: &dyn Progress,
    ) -> Result<()> {
        self.file(&self.folder.join(DESCRIPTION), GROUP.as_bytes())?;
        for (i, item) in items.iter().enumerate() {
            let positional = format!("arr_{i}");
            let name = if item.name.is_empty() {
                &*positional
            } else {
                item.name
            };
            let mut folder = self.folder.clone();
            let words: Vec<&str> = name.split('/').collect();
            for (depth, word) in words.iter().enumerate() {
                if !is_name(word) {
                    return Err(cannot(format!("an array named {name:?}")));
                }
                folder.push(word);
                let is_array = depth + 1 == words.len();
                match fs::create_dir(&folder) {
                    Ok(()) if is_array => {}
                    Ok(()) => self.file(&folder.join(DESCRIPTION), GROUP.as_bytes())?,
                    // A group that an array before this one has made; never an array.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                        let is_group = fs::read(folder.join(DESCRIPTION))? == GROUP.as_bytes();
                        if is_array || !is_group {
                            return Err(cannot(format!("two arrays at {name:?}")));
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.array(&folder, *item, options, progress)?;
        }
        Ok(())
    }

    fn array(
        &mut self,
        folder: &Path,
        item: Item<'_>,
        options: &SaveOptions,
        progress: &dyn Progress,
    ) -> Result<()> {
        let array = &item.array.in_order(options.order)?;
        let mut planned = options.clone();
        let (codec, filter) = (Codec::None, crate::Filter::None);
        planned.packing = Packing { codec, filter };
        planned.growing = false;
        let plan = Plan::new(array, item.name, false, &planned)?;
        let ndim = array.shape().len();
        let in_array_axes = |extents: &[u64]| -> Vec<u64> {
            let mut extents = extents.to_vec();
            if plan.order == Order::F {
                extents.reverse();
            }
            extents
        };
        let meta = Meta {
            dtype: array.dtype().clone(),
            shape: in_array_axes(plan.grid.shape()),
            chunk: in_array_axes(plan.grid.tile_shape()),
            keys: Keys::DEFAULT,
            fill: vec![0; array.dtype().itemsize()],
            codecs: Codecs {
                axes: (plan.order == Order::F).then(|| (0..ndim).rev().collect()),
                endian: dtype::endian(array.dtype())?.map(|endian| match endian {
                    "big" => ByteOrder::Big,
                    _ => ByteOrder::Little,
                }),
                packings: Codecs::of_packing(options.packing.codec)?,
                shard: None,
            },
            attributes: array.attributes().clone(),
        };
        self.file(&folder.join(DESCRIPTION), meta.described()?.as_bytes())?;
        progress.start(item.name, Some(array.nbytes()));
        plan.tiles(array, &options.interrupt, &mut |number, elements| {
            progress.advance(elements.nbytes() as u64);
            self.chunk(folder, &plan, &meta, number, elements)
        })?;
        progress.finish();
        Ok(())
    }

    /// One chunk, made whole where it goes beyond the array. What is 0 throughout needs no file.
    fn chunk(
        &mut self,
        folder: &Path,
        plan: &Plan,
        meta: &Meta,
        number: u64,
        elements: Array,
    ) -> Result<()> {
        let part = plan.grid.tile(number).map_err(npb)?;
        let shape = plan.grid.tile_shape().to_vec();
        let mut raw = elements.view().to_bytes(Order::C)?;
        if raw.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if part.shape != shape {
            let itemsize = plan.grid.itemsize();
            let axes = part.start.iter().zip(&part.shape);
            let spans: Vec<Span> = axes
                .map(|(start, count)| Span {
                    start: *start,
                    step: 1,
                    count: *count,
                })
                .collect();
            let mut whole = vec![0; (shape.iter().product::<u64>() * itemsize) as usize];
            let tile = Tile {
                number,
                start: part.start.clone(),
                shape,
            };
            Overlap::new(&tile, &spans).copy_back(&raw, &mut whole, itemsize)?;
            raw = whole;
        }
        let axes = part.start.iter().zip(plan.grid.tile_shape());
        let mut place: Vec<u64> = axes.map(|(start, extent)| start / extent).collect();
        if plan.order == Order::F {
            place.reverse();
        }
        let path = folder.join(meta.keys.path(&place));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        self.file(&path, &meta.codecs.pack(raw)?)
    }

    fn file(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        if self.is_synced {
            file.sync_all()?;
        }
        self.nbytes += bytes.len() as u64;
        Ok(())
    }
}

/// Whether Zarr and the file system take it as the name of an array or a group.
fn is_name(word: &str) -> bool {
    let is_reserved =
        word.starts_with("__") || word == DESCRIPTION || word.chars().all(|c| c == '.');
    !is_reserved && !word.contains(['\\', '\0'])
}

fn cannot(what: String) -> crate::Error {
    let format = Format::Zarr;
    ErrorKind::CannotWrite { what, format }.into()
}
