//! [`Plan`]: how an array becomes NPB messages.

use ndferry_npb::{Codec as BlockCodec, Filter as BlockFilter, Manifest, TileGrid};
use ndferry_npy::Header;

use crate::error::{npb, npy};
use crate::{Array, Codec, ErrorKind, Interrupt, LazyArray, Order, Result, SaveOptions, Selection};

/// Rows of tiles up to this size are read at once and then cut up.
const BAND_NBYTES: u64 = 64 << 20;

/// How an array becomes messages.
pub(crate) struct Plan {
    pub(crate) transfer: u64,
    pub(crate) manifest: Manifest,
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) grid: TileGrid,
}

impl Plan {
    /// For a file.
    pub(crate) fn new(
        array: &LazyArray,
        name: &str,
        cataloged: bool,
        options: &SaveOptions,
    ) -> Result<Self> {
        if !matches!(options.packing.codec, Codec::Default | Codec::None) {
            return Err(ErrorKind::NotBuilt { what: "this codec" }.into());
        }
        let shape = stored_shape(array);
        let itemsize = array.dtype().itemsize() as u64;
        let tile = match (&options.tile, options.block_nbytes) {
            (Some(tile), _) => {
                let mut tile = tile.clone();
                if array.order() == Order::F {
                    tile.reverse();
                }
                tile
            }
            (None, Some(nbytes)) => {
                let grid = TileGrid::flat(&shape, itemsize, nbytes, false).map_err(npb)?;
                grid.tile_shape().to_vec()
            }
            (None, None) => crate::tile_plan::for_file(&shape, itemsize),
        };
        Self::with_tile(array, name, cataloged, tile)
    }

    /// Flat tiles of at most this many bytes, for sending.
    #[cfg(feature = "transport")]
    pub(crate) fn flat(
        array: &LazyArray,
        name: &str,
        cataloged: bool,
        block_nbytes: u64,
    ) -> Result<Self> {
        let shape = stored_shape(array);
        let itemsize = array.dtype().itemsize() as u64;
        let grid = TileGrid::flat(&shape, itemsize, block_nbytes, false).map_err(npb)?;
        Self::with_tile(array, name, cataloged, grid.tile_shape().to_vec())
    }

    fn with_tile(array: &LazyArray, name: &str, cataloged: bool, tile: Vec<u64>) -> Result<Self> {
        let header = Header::new(array.dtype().clone(), array.shape(), array.order());
        let mut headers = vec![header.to_bytes().map_err(npy)?];
        if !name.is_empty() {
            headers.push(serde_json::json!({ "name": name }).to_string().into_bytes());
        }
        let mut manifest = Manifest {
            header_blocks: headers.len() as u32,
            data_blocks: None,
            codec: BlockCodec::Raw,
            filter: BlockFilter::None,
            level: 0,
            element: crate::npb_file::element_of(array.dtype()),
            shape: stored_shape(array),
            tile,
            growing: false,
            bytes: false,
            cataloged,
        };
        let grid = manifest.grid().map_err(npb)?;
        manifest.data_blocks = Some(grid.len());
        Ok(Self {
            transfer: new_transfer(),
            manifest,
            headers,
            grid,
        })
    }

    /// Hands out all tiles in order.
    pub(crate) fn tiles(
        &self,
        array: &LazyArray,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.grid.is_flat() {
            // Flat tiles are the array's bytes in their order, cut where rows end.
            let mut runs = array.runs(self.grid.max_nbytes().max(1) as usize)?;
            let mut left: Vec<u8> = Vec::new();
            for number in 0..self.grid.len() {
                interrupt.check()?;
                let nbytes = self.grid.nbytes(number).map_err(npb)? as usize;
                loop {
                    if left.len() >= nbytes {
                        sink(number, &left[..nbytes])?;
                        left.drain(..nbytes);
                        break;
                    }
                    if !runs.advance()? {
                        return Err(array.place(ErrorKind::Disagree {
                            what: "number of bytes",
                        }));
                    }
                    let run = runs.run().bytes;
                    // The usual case: runs are cut as tiles are.
                    if left.is_empty() && run.len() == nbytes {
                        sink(number, run)?;
                        break;
                    }
                    left.extend_from_slice(run);
                }
            }
            return Ok(());
        }
        let mut band: Option<(u64, Array)> = None;
        let rows = self.grid.tile_shape()[0];
        let row_nbytes: u64 = self.grid.shape()[1..].iter().product::<u64>() * self.grid.itemsize();
        let in_bands = rows.saturating_mul(row_nbytes) <= BAND_NBYTES;
        for number in 0..self.grid.len() {
            interrupt.check()?;
            let tile = self.grid.tile(number).map_err(npb)?;
            let mut start = tile.start.clone();
            let part = if in_bands {
                if band.as_ref().is_none_or(|(first, _)| *first != start[0]) {
                    let mut extent = self.grid.shape().to_vec();
                    extent[0] = tile.shape[0];
                    let zero: Vec<u64> = start
                        .iter()
                        .enumerate()
                        .map(|(i, s)| if i == 0 { *s } else { 0 })
                        .collect();
                    band = Some((start[0], array.read(&region(array, &zero, &extent)?)?));
                }
                start[0] = 0;
                match &band {
                    Some((_, band)) => band.select(&region_of(
                        band.shape(),
                        array.order(),
                        &start,
                        &tile.shape,
                    )?)?,
                    None => continue,
                }
            } else {
                array.read(&region(array, &start, &tile.shape)?)?
            };
            sink(number, &part.view().to_bytes(array.order())?)?;
        }
        Ok(())
    }
}

fn stored_shape(array: &LazyArray) -> Vec<u64> {
    let mut shape: Vec<u64> = array.shape().iter().map(|extent| *extent as u64).collect();
    if array.order() == Order::F {
        shape.reverse();
    }
    shape
}

fn region(array: &LazyArray, start: &[u64], extent: &[u64]) -> Result<Selection> {
    region_of(array.shape(), array.order(), start, extent)
}

/// A box in stored axes as a selection of an array of this shape.
fn region_of(shape: &[usize], order: Order, start: &[u64], extent: &[u64]) -> Result<Selection> {
    let mut axes: Vec<(usize, usize)> = start
        .iter()
        .zip(extent)
        .map(|(s, e)| (*s as usize, *e as usize))
        .collect();
    if order == Order::F {
        axes.reverse();
    }
    crate::units::box_selection(shape, &axes)
}

/// A number that no other transfer has.
fn new_transfer() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds each of these from the system's randomness.
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
        .max(1)
}
