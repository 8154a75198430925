//! [`Chunks`]: the elements of a Zarr array in the files of its chunks.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ndferry_array::{ArrayView, Kind, Layout, Order, Selection};
use ndferry_io::ReadAt;
use ndferry_npb::{Span, Tile, TileGrid};

use super::codecs::{Codecs, crc32c};
use super::meta::Meta;
use super::{unsupported, wrong};
use crate::check::{Inspect, Report};
use crate::error::{npb, outside};
use crate::lazy::Stored;
use crate::stored::grid_reader::{GridReader, Gridded};
use crate::stored::tile_cache::TileCache;
use crate::stored::tile_overlap::{Overlap, stored_spans};
use crate::units::Units;
use crate::{ByteOrder, Dtype, Error, ErrorKind, Interrupt, OpenOptions, Result};

/// Indexes of shards that are kept, in bytes.
const INDEXES_NBYTES: usize = 16 << 20;

/// An array in chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    folder: PathBuf,
    meta: Meta,
    /// Axes as chunks have them, if they are just the other way round: then they are the stored ones.
    pub(super) order: Order,
    /// Of the smallest parts that unpack alone, in stored axes.
    grid: TileGrid,
    nbytes: usize,
    cache: TileCache,
    indexes: Mutex<HashMap<PathBuf, Arc<[u8]>>>,
    interrupt: Interrupt,
}

impl Chunks {
    pub(super) fn new(folder: PathBuf, meta: Meta, options: &OpenOptions) -> Result<Self> {
        let ndim = meta.shape.len();
        let axes = match &meta.codecs.shard {
            Some(shard) => &shard.codecs.axes,
            None => &meta.codecs.axes,
        };
        let is_reversed = |axes: &Vec<usize>| axes.iter().copied().eq((0..ndim).rev());
        let order = match axes {
            Some(axes) if ndim > 1 && is_reversed(axes) => Order::F,
            _ => Order::C,
        };
        let chunk = match &meta.codecs.shard {
            Some(shard) => &shard.chunk,
            None => &meta.chunk,
        };
        if meta
            .chunk
            .iter()
            .zip(chunk)
            .any(|(outer, inner)| !outer.is_multiple_of(*inner))
        {
            return Err(wrong("chunks that do not fill their shard").into());
        }
        let stored = |extents: &[u64]| -> Vec<u64> {
            let mut extents = extents.to_vec();
            if order == Order::F {
                extents.reverse();
            }
            extents
        };
        let itemsize = meta.dtype.itemsize() as u64;
        let chunk_nbytes = chunk
            .iter()
            .try_fold(itemsize, |n, extent| n.checked_mul(*extent));
        let (found, limit) = (
            chunk_nbytes.unwrap_or(u64::MAX),
            options.limits.message_nbytes,
        );
        if found > limit {
            let what = "bytes of a chunk";
            return Err(ErrorKind::Limit { what, found, limit }.into());
        }
        let grid =
            TileGrid::new(&stored(&meta.shape), &stored(chunk), itemsize, false).map_err(npb)?;
        Ok(Self {
            folder,
            order,
            grid,
            nbytes: found as usize,
            cache: TileCache::new(options.cache_nbytes),
            indexes: Mutex::default(),
            interrupt: options.interrupt.clone(),
            meta,
        })
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Extents of the smallest part that unpacks alone, and how many there are.
    pub(super) fn parts(&self) -> (Vec<u64>, u64) {
        let mut chunk = self.grid.tile_shape().to_vec();
        if self.order == Order::F {
            chunk.reverse();
        }
        (chunk, self.grid.len())
    }

    /// The elements of a chunk, all of them, in stored axes; `None` if it was never written.
    fn chunk(&self, start: &[u64]) -> Result<Option<Vec<u8>>> {
        let mut start = start.to_vec();
        if self.order == Order::F {
            start.reverse();
        }
        let place: Vec<u64> = start
            .iter()
            .zip(&self.meta.chunk)
            .map(|(at, n)| at / n)
            .collect();
        let path = self.folder.join(self.meta.keys.path(&place));
        let raw = || {
            let (codecs, bytes) = match &self.meta.codecs.shard {
                Some(shard) => (&shard.codecs, self.in_shard(&path, shard, &start)?),
                None => (&self.meta.codecs, self.whole(&path)?),
            };
            let Some(bytes) = bytes else {
                return Ok(None);
            };
            let raw = codecs.unpack(bytes, self.nbytes)?;
            self.in_stored_axes(raw, codecs).map(Some)
        };
        raw().map_err(|error: Error| error.in_path(&path))
    }

    fn whole(&self, path: &std::path::Path) -> Result<Option<Vec<u8>>> {
        let Some((file, nbytes)) = opened(path)? else {
            return Ok(None);
        };
        let limit = self.meta.codecs.most(self.nbytes as u64);
        if nbytes > limit {
            let (what, found) = ("bytes of a packed chunk", nbytes);
            return Err(ErrorKind::Limit { what, found, limit }.into());
        }
        let mut bytes = Vec::new();
        file.take(nbytes).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// One chunk of the file of many.
    fn in_shard(
        &self,
        path: &std::path::Path,
        shard: &super::codecs::Shard,
        start: &[u64],
    ) -> Result<Option<Vec<u8>>> {
        let Some((file, nbytes)) = opened(path)? else {
            return Ok(None);
        };
        let axes = self.meta.chunk.iter().zip(&shard.chunk).zip(start);
        let (mut number, mut count) = (0_u64, 1_u64);
        for ((outer, inner), at) in axes {
            let along = outer / inner;
            number = number * along + at % outer / inner;
            count = count.saturating_mul(along);
        }
        let index = self.index(path, &file, nbytes, shard, count)?;
        let entry = |i: usize| {
            index
                .get(i..i + 8)
                .and_then(|word| word.try_into().ok())
                .map(u64::from_le_bytes)
        };
        let at = number as usize * 16;
        let (Some(offset), Some(packed)) = (entry(at), entry(at + 8)) else {
            return Err(wrong("a shard's index that is too short").into());
        };
        if (offset, packed) == (u64::MAX, u64::MAX) {
            return Ok(None);
        }
        let limit = shard.codecs.most(self.nbytes as u64);
        if packed > limit {
            let (what, found) = ("bytes of a packed chunk", packed);
            return Err(ErrorKind::Limit { what, found, limit }.at(offset));
        }
        let found = nbytes.saturating_sub(offset);
        if packed > found {
            return Err(ErrorKind::Truncated {
                needed: packed,
                found,
            }
            .at(offset));
        }
        let mut bytes = vec![0; packed as usize];
        file.read_exact_at(&mut bytes, offset).map_err(outside)?;
        Ok(Some(bytes))
    }

    /// Offset and length of each chunk of a shard.
    fn index(
        &self,
        path: &std::path::Path,
        file: &File,
        nbytes: u64,
        shard: &super::codecs::Shard,
        count: u64,
    ) -> Result<Arc<[u8]>> {
        let lock = || self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = lock().get(path) {
            return Ok(Arc::clone(index));
        }
        let sum = if shard.index_check { 4 } else { 0 };
        let needed = count.saturating_mul(16).saturating_add(sum);
        if needed > nbytes {
            return Err(ErrorKind::Truncated {
                needed,
                found: nbytes,
            }
            .at(0));
        }
        let offset = if shard.at_start { 0 } else { nbytes - needed };
        let mut index = vec![0; needed as usize];
        file.read_exact_at(&mut index, offset).map_err(outside)?;
        if shard.index_check {
            let sum = index.split_off(index.len() - 4);
            if crc32c(&index).to_le_bytes() != sum[..] {
                return Err(wrong("the checksum of a shard's index does not agree").at(offset));
            }
        }
        let index: Arc<[u8]> = index.into();
        let mut indexes = lock();
        if indexes.values().map(|index| index.len()).sum::<usize>() + index.len() > INDEXES_NBYTES {
            indexes.clear();
        }
        indexes.insert(path.to_owned(), Arc::clone(&index));
        Ok(index)
    }

    fn in_stored_axes(&self, raw: Vec<u8>, codecs: &Codecs) -> Result<Vec<u8>> {
        let axes = match &codecs.axes {
            Some(axes) if self.order == Order::C => axes,
            _ => return Ok(raw),
        };
        let itemsize = self.meta.dtype.itemsize();
        let chunk = self.grid.tile_shape();
        let shape: Vec<usize> = axes.iter().map(|axis| chunk[*axis] as usize).collect();
        let mut back = vec![0; axes.len()];
        for (i, axis) in axes.iter().enumerate() {
            back[*axis] = i;
        }
        let dtype = Dtype::new(Kind::Void, ByteOrder::NotApplicable, itemsize)?;
        let view = ArrayView::new(dtype, Layout::contiguous(&shape, itemsize, Order::C)?, &raw)?;
        Ok(view.transposed(&back)?.to_bytes(Order::C)?)
    }

    /// The chunk as it would be if somebody had written it.
    fn filled(&self) -> Vec<u8> {
        match self.meta.fill.iter().all(|byte| *byte == 0) {
            true => vec![0; self.nbytes],
            false => self
                .meta
                .fill
                .repeat(self.nbytes / self.meta.fill.len().max(1)),
        }
    }

    fn start(&self, number: u64) -> Result<Vec<u64>> {
        Ok(self.grid.tile(number).map_err(npb)?.start)
    }
}

/// A chunk's file and its length; `None` if it is not there.
fn opened(path: &std::path::Path) -> Result<Option<(File, u64)>> {
    // A pipe would be waited for.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !metadata.is_file() {
        return Err(unsupported("a chunk that is no file").into());
    }
    let file = File::open(path)?;
    let nbytes = file.metadata()?.len();
    Ok(Some((file, nbytes)))
}

impl Gridded for Chunks {
    fn grid(&self) -> &TileGrid {
        &self.grid
    }

    fn read_spans(&self, spans: &[Span], out: &mut [u8]) -> Result<()> {
        let itemsize = self.grid.itemsize();
        for number in self.grid.covering(spans) {
            self.interrupt.check()?;
            let start = self.start(number)?;
            let raw = match self.cache.get(number) {
                Some(raw) => raw,
                None => Bytes::from(self.chunk(&start)?.unwrap_or_else(|| self.filled())),
            };
            // Chunks are whole also where they go beyond the array.
            let shape = self.grid.tile_shape().to_vec();
            let tile = Tile {
                number,
                start,
                shape,
            };
            let overlap = Overlap::new(&tile, spans);
            match overlap.run(itemsize) {
                Some(run) => out[run].copy_from_slice(&raw),
                None => overlap.copy(&raw, out, itemsize)?,
            }
            if !overlap.is_all() && self.cache.takes(raw.len() as u64) {
                self.cache.put(number, raw);
            }
        }
        Ok(())
    }
}

impl Stored for Chunks {
    fn read(&self, selection: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        self.read_spans(&stored_spans(selection, units.order()), out)
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(GridReader::new(self)))
    }

    fn check_nbytes(&self, _: u64) -> Result<()> {
        // What was never written takes no room in files.
        Ok(())
    }
}

/// All arrays of a store.
#[derive(Debug)]
pub(super) struct All(pub(super) Vec<(String, Arc<Chunks>)>);

impl Inspect for All {
    fn inspect(&self, report: &mut Report<'_>) -> Result<()> {
        for (name, chunks) in &self.0 {
            report.progress.start(name, Some(chunks.grid.len()));
            for number in 0..chunks.grid.len() {
                report.interrupt.check()?;
                if let Err(error) = chunks.start(number).and_then(|start| chunks.chunk(&start)) {
                    report.fault(error.in_member(name))?;
                }
                report.progress.advance(1);
                if report.is_full() {
                    break;
                }
            }
            report.progress.finish();
        }
        Ok(())
    }
}
