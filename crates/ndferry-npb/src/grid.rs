//! [`TileGrid`]: which tile holds what. Integers only.

use std::ops::Range;

use crate::{Error, ErrorKind};

/// An array's shape cut into tiles, counted in C order over *stored* axes. Edge tiles are clipped, not padded.
///
/// A growing grid has no end along axis 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileGrid {
    shape: Vec<u64>,
    tile: Vec<u64>,
    /// Tiles along each axis; for a growing axis 0 as many as the final shape needs.
    counts: Vec<u64>,
    itemsize: u64,
    growing: bool,
}

/// One tile: a region of the array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its number, which is its DATA message's sequence.
    pub number: u64,
    /// Its first index along each stored axis.
    pub start: Vec<u64>,
    /// Its extent along each stored axis.
    pub shape: Vec<u64>,
}

/// Which indexes of an axis are wanted: `start`, `start + step`, … (`count` of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first index.
    pub start: u64,
    /// From one to the next; may be negative.
    pub step: i64,
    /// How many.
    pub count: u64,
}

impl Span {
    /// All indexes of an axis.
    pub fn all(extent: u64) -> Self {
        Self {
            start: 0,
            step: 1,
            count: extent,
        }
    }

    /// The lowest and the highest index; the span must not be empty.
    fn bounds(self) -> (u64, u64) {
        let reach = (self.count - 1).wrapping_mul(self.step.unsigned_abs());
        match self.step {
            0.. => (self.start, self.start + reach),
            _ => (self.start - reach, self.start),
        }
    }

    /// Whether any index lies in this range.
    fn touches(self, range: &Range<u64>) -> bool {
        let (low, high) = self.bounds();
        let (from, to) = (low.max(range.start), high.min(range.end - 1));
        let step = self.step.unsigned_abs().max(1);
        from <= to && low + (from - low).div_ceil(step) * step <= to
    }
}

impl TileGrid {
    /// A grid of tiles of this shape.
    ///
    /// # Errors
    /// Different numbers of axes, a tile extent of 0, or numbers that overflow.
    pub fn new(shape: &[u64], tile: &[u64], itemsize: u64, growing: bool) -> Result<Self, Error> {
        let wrong = |problem| Error::from(ErrorKind::Grid { problem });
        if shape.len() != tile.len() {
            return Err(wrong("shape and tile have different numbers of axes"));
        }
        if tile.contains(&0) {
            return Err(wrong("a tile extent of 0"));
        }
        if growing && shape.is_empty() {
            return Err(wrong("an array without axes cannot grow"));
        }
        let product = |of: &[u64]| of.iter().try_fold(1u64, |n, extent| n.checked_mul(*extent));
        let counts: Vec<u64> = shape
            .iter()
            .zip(tile)
            .map(|(n, t)| n.div_ceil(*t))
            .collect();
        // As far as NumPy goes: the extents that are not 0 must have a product.
        let nonzero: Vec<u64> = shape
            .iter()
            .map(|n| (*n).max(1))
            .chain([itemsize.max(1)])
            .collect();
        let fits = product(&nonzero).is_some_and(|n| i64::try_from(n).is_ok());
        let clipped: Vec<u64> = (0..tile.len())
            .map(|i| {
                if growing && i == 0 {
                    tile[0]
                } else {
                    tile[i].min(shape[i].max(1))
                }
            })
            .chain([itemsize.max(1)])
            .collect();
        if !fits || product(&clipped).is_none() {
            return Err(wrong("too large to count"));
        }
        Ok(Self {
            shape: shape.to_vec(),
            tile: tile.to_vec(),
            counts,
            itemsize,
            growing,
        })
    }

    /// Flat tiles (1, …, 1, r, whole trailing axes) of at most `block_nbytes` bytes, or one element.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn flat(
        shape: &[u64],
        itemsize: u64,
        block_nbytes: u64,
        growing: bool,
    ) -> Result<Self, Error> {
        let mut tile = vec![1; shape.len()];
        let mut room = (block_nbytes / itemsize.max(1)).max(1);
        for (axis, extent) in shape.iter().enumerate().rev() {
            if growing && axis == 0 {
                tile[axis] = room.max(1);
                break;
            }
            tile[axis] = room.min((*extent).max(1));
            if tile[axis] < *extent {
                break;
            }
            room /= tile[axis];
        }
        Self::new(shape, &tile, itemsize, growing)
    }

    /// The extents of the array.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The extents of a whole tile.
    pub fn tile_shape(&self) -> &[u64] {
        &self.tile
    }

    /// Bytes per element.
    pub fn itemsize(&self) -> u64 {
        self.itemsize
    }

    /// Whether there is no end along axis 0 yet.
    pub fn is_growing(&self) -> bool {
        self.growing
    }

    /// The same grid with this many indexes along axis 0, grown no further.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn grown_to(&self, extent: u64) -> Result<Self, Error> {
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = extent;
        }
        Self::new(&shape, &self.tile, self.itemsize, false)
    }

    /// Number of tiles: none if there are no bytes, one for an array without axes. Of a growing grid: those known.
    pub fn len(&self) -> u64 {
        if self.itemsize == 0 {
            return 0;
        }
        // No tile has less than one element, so this is at most the checked number of elements.
        self.counts.iter().product()
    }

    /// Whether there are no tiles.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tiles per step along axis 0.
    pub fn tiles_per_row(&self) -> u64 {
        self.counts.iter().skip(1).product()
    }

    /// Whether this tile can exist; without end if the grid is growing.
    pub fn contains(&self, number: u64) -> bool {
        if self.growing {
            return self.itemsize > 0 && self.tiles_per_row() > 0;
        }
        number < self.len()
    }

    /// The tile with this number.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchTile`].
    pub fn tile(&self, number: u64) -> Result<Tile, Error> {
        if !self.contains(number) {
            return Err(ErrorKind::NoSuchTile {
                number,
                tiles: self.len(),
            }
            .into());
        }
        let (mut start, mut shape) = (vec![0; self.shape.len()], vec![0; self.shape.len()]);
        let mut rest = number;
        for axis in (0..self.shape.len()).rev() {
            let endless = self.growing && axis == 0;
            let at = if endless {
                rest
            } else {
                rest % self.counts[axis]
            };
            rest = if endless { 0 } else { rest / self.counts[axis] };
            start[axis] = at.checked_mul(self.tile[axis]).ok_or(ErrorKind::Grid {
                problem: "too large to count",
            })?;
            shape[axis] = if endless {
                self.tile[axis]
            } else {
                self.tile[axis].min(self.shape[axis] - start[axis])
            };
        }
        Ok(Tile {
            number,
            start,
            shape,
        })
    }

    /// Bytes of a tile; of a growing grid's last one at most this many.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchTile`].
    pub fn nbytes(&self, number: u64) -> Result<u64, Error> {
        let tile = self.tile(number)?;
        Ok(tile.shape.iter().product::<u64>() * self.itemsize)
    }

    /// Bytes of the largest tile.
    pub fn max_nbytes(&self) -> u64 {
        let clip = |axis: usize| {
            if self.growing && axis == 0 {
                return self.tile[0];
            }
            self.tile[axis].min(self.shape[axis].max(1))
        };
        (0..self.tile.len()).map(clip).product::<u64>() * self.itemsize
    }

    /// Whether every tile is one run of bytes of the stored array.
    pub fn is_flat(&self) -> bool {
        // Past the first axis with more than one index per tile, tiles must be whole.
        let mut inside = false;
        (0..self.tile.len()).all(|axis| {
            let whole = self.tile[axis] >= self.shape[axis] && !(self.growing && axis == 0);
            let fits = !inside || whole;
            inside |= self.tile[axis] > 1 && (self.shape[axis] > 1 || (self.growing && axis == 0));
            fits
        })
    }

    /// Where a tile of a flat grid lies in the stored array, in bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchTile`].
    pub fn run(&self, number: u64) -> Result<Range<u64>, Error> {
        let tile = self.tile(number)?;
        let mut first = 0u64;
        for (axis, start) in tile.start.iter().enumerate() {
            let extent = if self.growing && axis == 0 {
                1
            } else {
                self.shape[axis]
            };
            first = first.wrapping_mul(extent).wrapping_add(*start);
        }
        let first = first.checked_mul(self.itemsize).ok_or(ErrorKind::Grid {
            problem: "too large to count",
        })?;
        let nbytes = tile.shape.iter().product::<u64>() * self.itemsize;
        Ok(first..first.saturating_add(nbytes))
    }

    /// The tiles that hold any of these indexes, in order of number. One span per stored axis.
    pub fn covering<'a>(&'a self, spans: &'a [Span]) -> impl Iterator<Item = u64> + 'a {
        let empty = self.itemsize == 0
            || spans.len() != self.shape.len()
            || spans.iter().any(|span| span.count == 0)
            || self.counts.contains(&0);
        // The lowest and highest tile along each axis.
        let bounds: Vec<(u64, u64)> = spans
            .iter()
            .zip(&self.tile)
            .filter(|_| !empty)
            .map(|(span, tile)| {
                let (low, high) = span.bounds();
                (low / tile, high / tile)
            })
            .collect();
        let mut next = (!empty).then(|| bounds.iter().map(|bound| bound.0).collect::<Vec<u64>>());
        std::iter::from_fn(move || {
            let at = next.as_mut()?;
            let number = at
                .iter()
                .zip(&self.counts)
                .fold(0, |n, (i, count)| n * count + i);
            // Like the digits of a number: the last axis first, over tiles that are touched.
            let mut axis = at.len();
            loop {
                if axis == 0 {
                    next = None;
                    break;
                }
                axis -= 1;
                let tile = self.tile[axis];
                let following = (at[axis] + 1..=bounds[axis].1).find(|i| {
                    spans[axis].touches(&(i * tile..i.saturating_add(1).saturating_mul(tile)))
                });
                match following {
                    Some(i) => {
                        at[axis] = i;
                        break;
                    }
                    None => at[axis] = bounds[axis].0,
                }
            }
            Some(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edge_tiles_are_clipped() {
        let grid = TileGrid::new(&[5, 7], &[2, 4], 8, false).unwrap();
        assert_eq!(grid.len(), 6);
        assert_eq!(
            grid.tile(5).unwrap(),
            Tile {
                number: 5,
                start: vec![4, 4],
                shape: vec![1, 3]
            }
        );
        assert_eq!(grid.nbytes(5), Ok(24));
        assert!(grid.tile(6).is_err());
    }

    #[test]
    fn odd_arrays_have_the_right_number_of_tiles() {
        assert_eq!(TileGrid::flat(&[], 8, 1024, false).unwrap().len(), 1);
        assert_eq!(TileGrid::flat(&[3, 0], 8, 1024, false).unwrap().len(), 0);
        assert_eq!(TileGrid::flat(&[3], 0, 1024, false).unwrap().len(), 0);
        assert_eq!(
            TileGrid::flat(&[1 << 40], 1, 1 << 20, false).unwrap().len(),
            1 << 20
        );
        assert!(TileGrid::new(&[u64::MAX, 2], &[1, 1], 1, false).is_err());
        assert!(TileGrid::new(&[2], &[0], 1, false).is_err());
    }

    #[test]
    fn a_growing_grid_has_no_end() {
        let grid = TileGrid::flat(&[0, 10], 4, 200, true).unwrap();
        assert_eq!(grid.tile_shape(), [5, 10]);
        assert_eq!(grid.run(3).unwrap(), 600..800);
        let end = grid.grown_to(17).unwrap();
        assert_eq!((end.len(), end.nbytes(3).unwrap()), (4, 80));
    }

    proptest! {
        #[test]
        fn flat_tiles_are_the_array_in_order(shape in prop::collection::vec(0u64..6, 0..4), block in 1u64..200) {
            let grid = TileGrid::flat(&shape, 4, block, false).unwrap();
            prop_assert!(grid.is_flat());
            let mut at = 0;
            for number in 0..grid.len() {
                let run = grid.run(number).unwrap();
                prop_assert_eq!(run.start, at);
                at = run.end;
            }
            prop_assert_eq!(at, shape.iter().product::<u64>() * 4);
        }

        #[test]
        fn covering_finds_exactly_the_tiles_that_are_touched(
            axes in prop::collection::vec((1u64..12, 1u64..5, 0u64..12, -4i64..5, 0u64..12), 1..4),
        ) {
            let shape: Vec<u64> = axes.iter().map(|a| a.0).collect();
            let tile: Vec<u64> = axes.iter().map(|a| a.1).collect();
            let spans: Vec<Span> = axes.iter().map(|&(extent, _, start, step, count)| {
                let (start, step) = (start % extent, if step == 0 { 1 } else { step });
                let most = if step > 0 { (extent - 1 - start) / step as u64 + 1 } else { start / step.unsigned_abs() + 1 };
                Span { start, step, count: count.min(most) }
            }).collect();
            let grid = TileGrid::new(&shape, &tile, 1, false).unwrap();
            let touched: Vec<u64> = (0..grid.len()).filter(|number| {
                let tile = grid.tile(*number).unwrap();
                spans.iter().enumerate().all(|(axis, span)| (0..span.count).any(|i| {
                    let index = (span.start as i64 + span.step * i as i64) as u64;
                    (tile.start[axis]..tile.start[axis] + tile.shape[axis]).contains(&index)
                }))
            }).collect();
            prop_assert_eq!(grid.covering(&spans).collect::<Vec<_>>(), touched);
        }
    }
}
