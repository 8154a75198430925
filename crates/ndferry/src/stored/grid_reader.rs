//! [`GridReader`]: all elements of an array in tiles, one after another.

use std::io::{self, Read};

use ndferry_npb::{Span, TileGrid};

use crate::Result;

/// A stream unpacks so many bytes at a time, or one row of tiles.
const STREAM_NBYTES: u64 = 8 << 20;

/// An array that is cut into tiles.
pub(crate) trait Gridded: Sync {
    /// Where its tiles are, in stored axes.
    fn grid(&self) -> &TileGrid;

    /// The elements of ascending spans, over stored axes.
    fn read_spans(&self, spans: &[Span], out: &mut [u8]) -> Result<()>;
}

/// All elements in stored order, one row of tiles at a time.
pub(crate) struct GridReader<'a> {
    tiles: &'a dyn Gridded,
    /// Index along stored axis 0 of the next row of tiles.
    row: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'a> GridReader<'a> {
    pub(crate) fn new(tiles: &'a dyn Gridded) -> Self {
        Self {
            tiles,
            row: 0,
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// The next row of tiles; `false` after the last.
    fn fill(&mut self) -> Result<bool> {
        let grid = self.tiles.grid();
        let shape = grid.shape();
        let extent = shape.first().copied().unwrap_or(1);
        if self.row >= extent || grid.is_empty() {
            return Ok(false);
        }
        let tile = grid.tile_shape().first().copied().unwrap_or(1);
        let row_nbytes: u64 = shape.iter().skip(1).product::<u64>() * grid.itemsize();
        // Several rows of tiles at once, so that there is work for all threads.
        let most = STREAM_NBYTES / row_nbytes.max(1) / tile * tile;
        let rows = most.max(tile).min(extent - self.row);
        let mut spans: Vec<Span> = shape.iter().map(|extent| Span::all(*extent)).collect();
        if let Some(first) = spans.first_mut() {
            *first = Span {
                start: self.row,
                step: 1,
                count: rows,
            };
        }
        // The claim of a file that may hold nothing.
        let nbytes = usize::try_from(rows.saturating_mul(row_nbytes)).unwrap_or(usize::MAX);
        self.buffer.clear();
        let reserved = self.buffer.try_reserve_exact(nbytes);
        reserved.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        self.buffer.resize(nbytes, 0);
        self.tiles.read_spans(&spans, &mut self.buffer)?;
        self.row += rows;
        self.at = 0;
        Ok(true)
    }
}

impl Read for GridReader<'_> {
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
