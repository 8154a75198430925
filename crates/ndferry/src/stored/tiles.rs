//! [`Tiles`]: elements in the tiles of an NPB file.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ndferry_array::{
    ArrayView, ArrayViewMut, AxisRange, Dtype, Index, Indexing, Kind, Layout, Order, Selection,
};
use ndferry_npb::{
    Block, ElementType, Extent, HEAD_NBYTES, IndexPart, Kind as MessageKind, Limits, PART_TILES,
    Place, Span, Tile, TileGrid,
};

use crate::check::Report;
use crate::error::npb;
use crate::input::Input;
use crate::lazy::Stored;
use crate::npb_file::message;
use crate::units::Units;
use crate::{ByteOrder, ErrorKind, Interrupt, Result};

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
        let mut raw = Vec::new();
        for number in 0..self.grid.len() {
            report.interrupt.check()?;
            match self.unpack(number, &mut raw) {
                Ok(()) => report.progress.advance(raw.len() as u64),
                Err(error) => report.fault(error.in_member(name))?,
            }
            if report.is_full() {
                break;
            }
        }
        Ok(())
    }

    fn missing(&self, number: u64) -> crate::Error {
        ErrorKind::MissingTile {
            number,
            region: self.region(number),
        }
        .into()
    }

    /// A tile's region as an index, for errors.
    fn region(&self, number: u64) -> String {
        let Ok(tile) = self.grid.tile(number) else {
            return String::new();
        };
        let axes = tile.start.iter().zip(&tile.shape);
        let axes: Vec<String> = axes
            .map(|(start, extent)| format!("{start}:{}", start + extent))
            .collect();
        axes.join(", ")
    }

    /// The elements of a tile into `raw`, which becomes exactly as long.
    fn unpack(&self, number: u64, raw: &mut Vec<u8>) -> Result<()> {
        self.interrupt.check()?;
        let nbytes = self.grid.nbytes(number).map_err(npb)? as usize;
        let place = self.place(number)?;
        if place.offset == 0 {
            // Never written.
            raw.clear();
            raw.resize(nbytes, 0);
            return Ok(());
        }
        let at = Extent {
            offset: place.offset,
            nbytes: u64::from(place.nbytes) + HEAD_NBYTES as u64,
        };
        let damaged = |error: crate::Error| {
            let region = self.region(number);
            let problem = error.kind().to_string();
            ErrorKind::DamagedTile {
                number,
                region,
                problem,
            }
            .at(error.offset().unwrap_or(place.offset))
        };
        let (head, body) =
            message(&self.input, at, MessageKind::Data, &self.limits).map_err(damaged)?;
        let block = Block::parse(head.sequence, &body)
            .map_err(npb)
            .map_err(damaged)?;
        if head.transfer != self.transfer
            || head.sequence != number
            || block.raw_nbytes as usize != nbytes
        {
            let whence = "the file's index";
            let kind = ErrorKind::Npb(ndferry_npb::ErrorKind::NotThere {
                what: "such tile",
                whence,
            });
            return Err(damaged(kind.at(place.offset)));
        }
        raw.resize(nbytes, 0);
        let unpacked =
            ndferry_npb::unpack(block.codec, block.filter, &self.element, block.payload, raw);
        unpacked.map_err(|kind| damaged(ErrorKind::Npb(kind).at(place.offset)))
    }

    /// Indexes of the selection that lie in the tile, along one axis: first, how many, and the first one's place in the tile.
    fn overlap(span: Span, start: u64, extent: u64) -> (u64, u64, u64) {
        let step = span.step.unsigned_abs().max(1);
        let first = start.saturating_sub(span.start).div_ceil(step);
        let end = (start + extent)
            .saturating_sub(span.start)
            .div_ceil(step)
            .min(span.count);
        (
            first,
            end.saturating_sub(first),
            span.start + first * step - start,
        )
    }

    /// Copies what is wanted of a tile to its place among the selected elements.
    fn put(
        &self,
        tile: &Tile,
        raw: &[u8],
        spans: &[Span],
        out: &mut ArrayViewMut<'_>,
        dtype: &Dtype,
    ) -> Result<()> {
        let overlaps: Vec<(u64, u64, u64)> = (0..spans.len())
            .map(|axis| Self::overlap(spans[axis], tile.start[axis], tile.shape[axis]))
            .collect();
        let shape: Vec<usize> = tile.shape.iter().map(|extent| *extent as usize).collect();
        let layout = Layout::contiguous(&shape, dtype.itemsize(), Order::C)?;
        let items: Vec<Index> = overlaps
            .iter()
            .zip(spans)
            .map(|((_, count, at), span)| range(*at, *count, span.step.unsigned_abs().max(1)))
            .collect();
        let source = ArrayView::new(dtype.clone(), layout, raw)?;
        let source = source.index(&Indexing::new(items))?;
        let items: Vec<Index> = overlaps
            .iter()
            .map(|(first, count, _)| range(*first, *count, 1))
            .collect();
        let target = Indexing::new(items).resolve(out.view().shape())?;
        Ok(out.select(&target)?.assign(&source)?)
    }
}

/// `start : start + count * step : step`.
fn range(start: u64, count: u64, step: u64) -> Index {
    Index::Slice {
        start: Some(start as isize),
        stop: Some((start + (count.max(1) - 1) * step + u64::from(count > 0)) as isize),
        step: Some(step as isize),
    }
}

/// A range of an axis, read forwards.
fn forwards(range: &AxisRange) -> Span {
    let step = if range.count > 1 {
        range.step.unsigned_abs() as u64
    } else {
        1
    };
    let reach = step * (range.count as u64).saturating_sub(1);
    let start = if range.step < 0 {
        range.start as u64 - reach
    } else {
        range.start as u64
    };
    Span {
        start,
        step: step as i64,
        count: range.count as u64,
    }
}

impl Stored for Tiles {
    fn read(&self, selection: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        let _ = units;
        let dtype = Dtype::new(
            Kind::Void,
            ByteOrder::NotApplicable,
            self.element.itemsize as usize,
        )?;
        let mut spans: Vec<Span> = selection.ranges().iter().map(forwards).collect();
        if units.order() == Order::F {
            spans.reverse();
        }
        let shape: Vec<usize> = spans.iter().map(|span| span.count as usize).collect();
        let layout = Layout::contiguous(&shape, dtype.itemsize(), Order::C)?;
        let mut out = ArrayViewMut::new(dtype.clone(), layout, out)?;
        let mut raw = Vec::new();
        for number in self.grid.covering(&spans) {
            self.unpack(number, &mut raw)?;
            let tile = self.grid.tile(number).map_err(npb)?;
            self.put(&tile, &raw, &spans, &mut out, &dtype)?;
        }
        Ok(())
    }

    fn stream(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(TilesReader {
            tiles: self,
            row: 0,
            buffer: Vec::new(),
            at: 0,
        }))
    }

    fn check_nbytes(&self, _: u64) -> Result<()> {
        // A damaged or hostile index cannot claim more than its grid, and memory is only touched as tiles are read.
        Ok(())
    }
}

/// All elements in stored order, one row of tiles at a time.
struct TilesReader<'a> {
    tiles: &'a Tiles,
    /// Index along stored axis 0 of the next row of tiles.
    row: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl TilesReader<'_> {
    /// The next row of tiles; `false` after the last.
    fn fill(&mut self) -> Result<bool> {
        let grid = &self.tiles.grid;
        let shape = grid.shape();
        let extent = shape.first().copied().unwrap_or(1);
        if self.row >= extent || grid.is_empty() {
            return Ok(false);
        }
        let rows = grid
            .tile_shape()
            .first()
            .copied()
            .unwrap_or(1)
            .min(extent - self.row);
        let mut spans: Vec<Span> = shape.iter().map(|extent| Span::all(*extent)).collect();
        if let Some(first) = spans.first_mut() {
            *first = Span {
                start: self.row,
                step: 1,
                count: rows,
            };
        }
        let dtype = Dtype::new(
            Kind::Void,
            ByteOrder::NotApplicable,
            grid.itemsize() as usize,
        )?;
        let shape: Vec<usize> = spans.iter().map(|span| span.count as usize).collect();
        let layout = Layout::contiguous(&shape, dtype.itemsize(), Order::C)?;
        self.buffer.resize(layout.size() * dtype.itemsize(), 0);
        let mut out = ArrayViewMut::new(dtype.clone(), layout, &mut self.buffer)?;
        let mut raw = Vec::new();
        for number in grid.covering(&spans) {
            self.tiles.unpack(number, &mut raw)?;
            let tile = grid.tile(number).map_err(npb)?;
            self.tiles.put(&tile, &raw, &spans, &mut out, &dtype)?;
        }
        self.row += rows;
        self.at = 0;
        Ok(true)
    }
}

impl Read for TilesReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() && !self.fill().map_err(crate::error::to_io)? {
            return Ok(0);
        }
        let n = out.len().min(self.buffer.len() - self.at);
        out[..n].copy_from_slice(&self.buffer[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
