//! [`Tiles`]: elements in the tiles of an NPB file.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ndferry_array::Selection;
use ndferry_npb::{
    Block, Buffer, ElementType, Extent, HEAD_NBYTES, IndexPart, Kind as MessageKind, Limits,
    PART_TILES, Place, Span, TileGrid, Unpacker,
};

use crate::check::Report;
use crate::error::npb;
use crate::input::Input;
use crate::lazy::Stored;
use crate::npb_file::{checked, elsewhere, message};
use crate::stored::grid_reader::{GridReader, Gridded};
use crate::stored::tile_cache::TileCache;
use crate::stored::tile_overlap::{Overlap, step, stored_spans, within};
use crate::threads::threads;
use crate::units::Units;
use crate::{ErrorClass, ErrorKind, Interrupt, Result};

/// Less than this is read on one thread.
const PARALLEL_NBYTES: usize = 1 << 20;

/// Tiles that are told of before they are read.
const EXPECTED: usize = 1 << 16;

/// Where tiles are.
#[derive(Debug)]
pub(crate) enum Places {
    /// As the parts of the index say.
    Indexed(Vec<Extent>),
    /// As a scan found them.
    Known(BTreeMap<u64, Place>),
}

/// An array in tiles.
#[derive(Debug)]
pub(crate) struct Tiles {
    pub(crate) input: Input,
    pub(crate) transfer: u64,
    pub(crate) element: ElementType,
    pub(crate) grid: TileGrid,
    pub(crate) places: Places,
    pub(crate) limits: Limits,
    pub(crate) interrupt: Interrupt,
    /// For unpacking; 0 takes as many as the machine has.
    pub(crate) threads: usize,
    /// Axis 0 had no end when the array was begun.
    pub(crate) growing: bool,
    pub(crate) cache: TileCache,
    /// What is not in use.
    pub(crate) scratches: Mutex<Vec<Scratch>>,
    /// Parts of the index that were read.
    pub(crate) parts: Mutex<HashMap<u64, Arc<IndexPart>>>,
}

impl Tiles {
    fn place(&self, number: u64) -> Result<Place> {
        let parts = match &self.places {
            Places::Known(places) => {
                return places
                    .get(&number)
                    .copied()
                    .ok_or_else(|| self.missing(number));
            }
            Places::Indexed(parts) => parts,
        };
        let part = number / PART_TILES;
        let known = self
            .parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&part)
            .cloned();
        let index = match known {
            Some(index) => index,
            None => {
                let at = parts
                    .get(part as usize)
                    .ok_or_else(|| self.missing(number))?;
                let (_, body) = message(&self.input, *at, MessageKind::Index, &self.limits)?;
                let index = Arc::new(IndexPart::parse(part, &body).map_err(npb)?);
                let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts.insert(part, Arc::clone(&index));
                index
            }
        };
        let place = index.places.get((number % PART_TILES) as usize).copied();
        place.ok_or_else(|| self.missing(number))
    }

    /// Bytes of all elements, if that is a number.
    pub(crate) fn nbytes(&self) -> Option<u64> {
        let itemsize = self.grid.itemsize();
        self.grid
            .shape()
            .iter()
            .try_fold(itemsize, |nbytes, extent| nbytes.checked_mul(*extent))
    }

    /// Unpacks every tile that is there and tells which ones are damaged or missing.
    pub(crate) fn inspect(&self, name: &str, report: &mut Report<'_>) -> Result<()> {
        let mut scratch = self.scratch();
        let mut raw = Vec::new();
        for number in 0..self.grid.len() {
            report.interrupt.check()?;
            let nbytes = self.grid.nbytes(number).map_err(npb)?;
            match self.unpack(number, at_least(&mut raw, nbytes as usize), &mut scratch) {
                Ok(()) => report.progress.advance(nbytes),
                Err(error) => report.fault(error.in_member(name))?,
            }
            if report.is_full() {
                break;
            }
        }
        self.keep(scratch);
        Ok(())
    }

    /// All elements, in memory that is taken as tiles are unpacked. None may be missing, and there may be no tile that
    /// was never written.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] if there are more than `limit` bytes.
    pub(crate) fn bytes(&self, limit: u64) -> Result<Vec<u8>> {
        let found = self.nbytes().unwrap_or(u64::MAX);
        if found > limit {
            let what = "bytes of a pickle, unpacked";
            return Err(ErrorKind::Limit { what, found, limit }.into());
        }
        let mut scratch = self.scratch();
        let mut bytes = Vec::new();
        let mut raw = Vec::new();
        for number in 0..self.grid.len() {
            let nbytes = self.grid.nbytes(number).map_err(npb)? as usize;
            if self.place(number)?.offset == 0 {
                return Err(self.missing(number));
            }
            let tile = at_least(&mut raw, nbytes);
            self.unpack(number, tile, &mut scratch)?;
            bytes.extend_from_slice(tile);
        }
        self.keep(scratch);
        Ok(bytes)
    }

    fn missing(&self, number: u64) -> crate::Error {
        ErrorKind::MissingTile {
            number,
            region: self.region(number),
        }
        .into()
    }

    fn region(&self, number: u64) -> String {
        region(&self.grid, number)
    }

    /// The elements of a tile, into exactly as many bytes.
    fn unpack(&self, number: u64, out: &mut [u8], scratch: &mut Scratch) -> Result<()> {
        self.interrupt.check()?;
        let place = self.place(number)?;
        if place == Place::LOST {
            return Err(self.missing(number));
        }
        if place.offset == 0 {
            // Never written.
            out.fill(0);
            return Ok(());
        }
        let found = self.unpack_at(number, place, out, scratch);
        found.map_err(|error| match error.class() {
            ErrorClass::System | ErrorClass::Interrupted => error,
            _ => {
                let region = self.region(number);
                let problem = error.kind().to_string();
                ErrorKind::DamagedTile {
                    number,
                    region,
                    problem,
                }
                .at(error.offset().unwrap_or(place.offset))
            }
        })
    }

    fn unpack_at(
        &self,
        number: u64,
        place: Place,
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let at = Extent {
            offset: place.offset,
            nbytes: u64::from(place.nbytes) + HEAD_NBYTES as u64,
        };
        let shared;
        let message = match self.input.shared(at.offset, at.nbytes) {
            Some(bytes) => {
                shared = bytes;
                &shared[..]
            }
            None => {
                let most = self.limits.body_nbytes() + HEAD_NBYTES as u64;
                let left = self.input.nbytes().saturating_sub(at.offset);
                if at.nbytes > left.min(most) {
                    return Err(elsewhere().at(at.offset));
                }
                let buffer = at_least(&mut scratch.message, at.nbytes as usize);
                self.input.read_exact_at(buffer, at.offset)?;
                buffer
            }
        };
        let (head, body) = checked(message, at, MessageKind::Data, &self.limits)?;
        let block = Block::parse(head.sequence, body).map_err(npb)?;
        let raw_nbytes = block.raw_nbytes as usize;
        // The last tile of an array that grows may have been written again with more rows than the index knows of.
        let longer = self.growing && raw_nbytes > out.len() && self.is_longer(number, raw_nbytes);
        if head.transfer != self.transfer
            || head.sequence != number
            || raw_nbytes != out.len() && !longer
        {
            return Err(elsewhere().at(place.offset));
        }
        let mut unpack = |out: &mut [u8]| {
            let (codec, filter) = (block.codec, block.filter);
            let unpacked =
                (scratch.unpacker).unpack(codec, filter, &self.element, block.payload, out);
            unpacked.map_err(|kind| ErrorKind::Npb(kind).at(place.offset))
        };
        if !longer {
            return unpack(out);
        }
        let mut tile = vec![0; raw_nbytes];
        unpack(&mut tile)?;
        out.copy_from_slice(&tile[..out.len()]);
        Ok(())
    }

    /// Whether `raw_nbytes` can be this tile with more rows.
    fn is_longer(&self, number: u64, raw_nbytes: usize) -> bool {
        let (Ok(tile), Some(most)) = (self.grid.tile(number), self.grid.tile_shape().first())
        else {
            return false;
        };
        let row_nbytes = tile.shape.iter().skip(1).product::<u64>() * self.grid.itemsize();
        let raw_nbytes = raw_nbytes as u64;
        raw_nbytes.is_multiple_of(row_nbytes.max(1)) && raw_nbytes <= row_nbytes * most
    }

    fn read_tiles(&self, spans: &[Span], out: &mut [u8]) -> Result<()> {
        self.expect(spans)?;
        // Along the first axis that has more than one wanted index, each row of tiles fills bytes of its own.
        let axis = spans.iter().position(|span| span.count > 1).unwrap_or(0);
        let threads = match out.len() {
            ..PARALLEL_NBYTES => 1,
            _ => threads(self.threads, u64::MAX),
        };
        let (Some(along), 2..) = (spans.get(axis).copied(), threads) else {
            let mut scratch = self.scratch();
            self.read_slab(spans, out, &mut scratch)?;
            self.keep(scratch);
            return Ok(());
        };
        let nbytes = out.len() / (along.count as usize).max(1);
        let mut slabs = Vec::new();
        let (mut rest, mut done) = (out, 0);
        while done < along.count {
            let extent = self.grid.tile_shape()[axis];
            let row = (along.start + done * step(along)) / extent * extent;
            let (first, count) = within(along, row..row.saturating_add(extent));
            let (slab, after) = std::mem::take(&mut rest).split_at_mut(count as usize * nbytes);
            let mut spans = spans.to_vec();
            spans[axis].start += first * step(along);
            spans[axis].count = count;
            slabs.push((spans, slab));
            (rest, done) = (after, done + count);
        }
        let threads = threads.min(slabs.len());
        let slabs = Mutex::new(slabs.into_iter());
        let work = || {
            let mut scratch = self.scratch();
            loop {
                let next = slabs.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((spans, slab)) = next else {
                    self.keep(scratch);
                    return Ok(());
                };
                if let Err(error) = self.read_slab(&spans, slab, &mut scratch) {
                    // Nobody needs the others.
                    slabs
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .by_ref()
                        .for_each(drop);
                    return Err(error);
                }
            }
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut result = work();
            for other in others {
                let theirs = other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result = result.and(theirs);
            }
            result
        })
    }

    /// Says which tiles are about to be read, so that neighbours come together from afar.
    fn expect(&self, spans: &[Span]) -> Result<()> {
        if !self.input.is_remote() {
            return Ok(());
        }
        let mut parts = Vec::new();
        for number in self.grid.covering(spans).take(EXPECTED) {
            let place = self.place(number)?;
            if place != Place::LOST && place.offset != 0 && !self.cache.has(number) {
                let end = place.offset.saturating_add(u64::from(place.nbytes));
                parts.push(place.offset..end.saturating_add(HEAD_NBYTES as u64));
            }
        }
        self.input.expect(&parts);
        Ok(())
    }

    /// One tile after the other.
    fn read_slab(&self, spans: &[Span], out: &mut [u8], scratch: &mut Scratch) -> Result<()> {
        let itemsize = self.grid.itemsize();
        for number in self.grid.covering(spans) {
            let tile = self.grid.tile(number).map_err(npb)?;
            let overlap = Overlap::new(&tile, spans);
            let nbytes = tile.shape.iter().product::<u64>() * itemsize;
            if let Some(raw) = self.cache.get(number) {
                overlap.copy(&raw, out, itemsize)?;
            } else if let Some(run) = overlap.run(itemsize) {
                self.unpack(number, &mut out[run], scratch)?;
            } else if overlap.is_all() || !self.cache.takes(nbytes) {
                let mut raw = std::mem::take(&mut scratch.tile);
                let tile = at_least(&mut raw, nbytes as usize);
                self.unpack(number, tile, scratch)?;
                overlap.copy(tile, out, itemsize)?;
                scratch.tile = raw;
            } else {
                let mut raw = vec![0; nbytes as usize];
                self.unpack(number, &mut raw, scratch)?;
                overlap.copy(&raw, out, itemsize)?;
                self.cache.put(number, raw.into());
            }
        }
        Ok(())
    }

    fn scratch(&self) -> Scratch {
        let mut scratches = self
            .scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        scratches.pop().unwrap_or_default()
    }

    fn keep(&self, scratch: Scratch) {
        let mut scratches = self
            .scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        scratches.push(scratch);
    }
}

/// A tile's region as an index over stored axes, for errors.
pub(crate) fn region(grid: &TileGrid, number: u64) -> String {
    let Ok(tile) = grid.tile(number) else {
        return String::new();
    };
    let axes = tile.start.iter().zip(&tile.shape);
    let axes: Vec<String> = axes
        .map(|(start, extent)| format!("{start}:{}", start + extent))
        .collect();
    axes.join(", ")
}

/// What one thread needs to unpack tiles, kept for the next time.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    unpacker: Unpacker,
    message: Buffer,
    tile: Buffer,
}

/// The first `nbytes` of a buffer that is made longer if needed.
fn at_least(buffer: &mut Vec<u8>, nbytes: usize) -> &mut [u8] {
    if buffer.len() < nbytes {
        buffer.resize(nbytes, 0);
    }
    &mut buffer[..nbytes]
}

impl Gridded for Tiles {
    fn grid(&self) -> &TileGrid {
        &self.grid
    }

    fn read_spans(&self, spans: &[Span], out: &mut [u8]) -> Result<()> {
        self.read_tiles(spans, out)
    }
}

impl Stored for Tiles {
    fn read(&self, selection: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        self.read_spans(&stored_spans(selection, units.order()), out)
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(GridReader::new(self)))
    }

    fn check_nbytes(&self, _: u64) -> Result<()> {
        // A damaged or hostile index cannot claim more than its grid, and memory is only touched as tiles are read.
        Ok(())
    }
}
