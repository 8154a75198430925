//! [`Plan`]: how an array becomes NPB messages.

use std::io::Read;
use std::thread;

use bytes::Bytes;
use ndferry_array::{Dtype, Kind};
use ndferry_npb::{Block, ElementType, Manifest, Ranges, Tile, TileGrid};
use ndferry_npy::Header;

use crate::error::{from_io, npb, npy};
use crate::lazy::Backing;
use crate::pack_line::PackLine;
use crate::recipe::Recipe;
use crate::tile_buffers::TileBuffers;
use crate::{
    Array, Attributes, ByteOrder, Codec, CreateOptions, ErrorKind, Interrupt, LazyArray, Order,
    Packing, Result, SaveOptions, Selection,
};

/// Rows of tiles up to this size are read at once and then cut up.
const BAND_NBYTES: u64 = 16 << 20;

/// Tiles of an array that grows are planned as if it had so many rows.
const ENDLESS: u64 = 1 << 40;

/// Where the best packing is to be found, so many pieces are tried out,
const PIECES: u64 = 8;

/// which are one part in so many of all,
const SAMPLED: u64 = 16;

/// but none smaller or larger than this.
const PIECE_NBYTES: (u64, u64) = (4 << 10, 64 << 10);

/// How an array becomes messages.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) transfer: u64,
    pub(crate) manifest: Manifest,
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) grid: TileGrid,
    pub(crate) recipe: Recipe,
    /// Tiles that are not handed out, since they are there.
    pub(crate) held: Ranges,
    /// The order in which elements are stored, as the header says it: what is contiguous in both is called C.
    pub(crate) order: Order,
}

impl Plan {
    /// For a file.
    pub(crate) fn new(
        array: &LazyArray,
        name: &str,
        cataloged: bool,
        options: &SaveOptions,
    ) -> Result<Self> {
        let (header, mut shape) = header_and_shape(array);
        if let (true, Some(first)) = (options.growing, shape.first_mut()) {
            *first = ENDLESS;
        }
        let itemsize = array.dtype().itemsize() as u64;
        let tile = match (&options.tile, options.block_nbytes) {
            (Some(tile), _) => {
                let mut tile = tile.clone();
                if header.order == Order::F {
                    tile.reverse();
                }
                tile
            }
            (None, Some(nbytes)) => {
                let grid = TileGrid::flat(&shape, itemsize, nbytes, false).map_err(no_grid)?;
                grid.tile_shape().to_vec()
            }
            (None, None) => crate::tile_plan::for_file(&shape, itemsize),
        };
        let planned = || {
            let mut plan = Self::with_tile(array, header, name, cataloged, tile, options.packing)?;
            if options.growing {
                plan.grow(array)?;
            }
            Ok(plan)
        };
        planned().map_err(|error: crate::Error| array.place(error))
    }

    /// For the pickle of an array of objects, whose header this is: runs of so many bytes.
    pub(crate) fn pickled(
        header: &Header,
        bytes: &LazyArray,
        name: &str,
        cataloged: bool,
        block_nbytes: u64,
        packing: Packing,
    ) -> Result<Self> {
        let mut plan = Self::flat(bytes, name, cataloged, block_nbytes, packing)?;
        plan.headers[0] = header.to_bytes().map_err(npy)?;
        plan.manifest.bytes = true;
        Ok(plan)
    }

    /// Lets the array grow along its first stored axis later; what there is of it now, END and the index say.
    fn grow(&mut self, array: &LazyArray) -> Result<()> {
        let mut shape = array.shape().to_vec();
        let axis = match self.order {
            Order::C => 0,
            Order::F => shape.len().saturating_sub(1),
        };
        let (Some(extent), Some(stored)) = (shape.get_mut(axis), self.manifest.shape.first_mut())
        else {
            let what = "growing without an axis".to_owned();
            return Err(ErrorKind::Unsupported { what }.into());
        };
        *extent = 0;
        *stored = 0;
        let header = Header {
            order: self.order,
            ..Header::new(array.dtype().clone(), &shape, self.order)
        };
        self.headers[0] = header.to_bytes().map_err(npy)?;
        self.manifest.growing = true;
        self.manifest.data_blocks = None;
        Ok(())
    }

    /// How many indexes there are along the first stored axis.
    pub(crate) fn extent(&self) -> u64 {
        self.grid.shape().first().copied().unwrap_or(0)
    }

    /// Flat tiles of at most this many bytes.
    pub(crate) fn flat(
        array: &LazyArray,
        name: &str,
        cataloged: bool,
        block_nbytes: u64,
        packing: Packing,
    ) -> Result<Self> {
        let (header, shape) = header_and_shape(array);
        let itemsize = array.dtype().itemsize() as u64;
        let grid = TileGrid::flat(&shape, itemsize, block_nbytes, false).map_err(no_grid)?;
        let tile = grid.tile_shape().to_vec();
        Self::with_tile(array, header, name, cataloged, tile, packing)
    }

    /// For an array without elements yet; `None` is where it grows.
    pub(crate) fn empty(
        dtype: Dtype,
        shape: &[Option<usize>],
        options: &CreateOptions,
    ) -> Result<Self> {
        let extents: Vec<usize> = shape.iter().map(|extent| extent.unwrap_or(0)).collect();
        // One that grows has no elements yet, but will.
        let order = match shape.contains(&None) && shape.len() > 1 {
            true => options.order,
            false => Header::new(dtype.clone(), &extents, options.order).order,
        };
        let mut stored = shape.to_vec();
        if order == Order::F {
            stored.reverse();
        }
        if stored.iter().skip(1).any(Option::is_none) {
            let what =
                "growing along another axis than the first one (order C) or the last (order F)";
            return Err(ErrorKind::Unsupported {
                what: what.to_owned(),
            }
            .into());
        }
        let growing = stored.first().is_some_and(Option::is_none);
        let packing = match options.packing.codec {
            Codec::Auto => Packing {
                codec: Codec::Default,
                ..options.packing
            },
            _ => options.packing,
        };
        let tile = match &options.tile {
            Some(tile) => {
                let mut tile = tile.clone();
                if order == Order::F {
                    tile.reverse();
                }
                tile
            }
            None => {
                let endless = |extent: &Option<usize>| extent.map_or(ENDLESS, |n| n as u64);
                let endless: Vec<u64> = stored.iter().map(endless).collect();
                crate::tile_plan::for_file(&endless, dtype.itemsize() as u64)
            }
        };
        let header = Header {
            order,
            ..Header::new(dtype, &extents, order)
        };
        let cataloged = !options.name.is_empty();
        let mut plan = Self::with_header(
            header,
            (&options.name, &options.attributes),
            cataloged,
            tile,
            growing,
            |manifest, _| Recipe::new(packing, &manifest.element, || Ok(Vec::new())),
        )?;
        plan.manifest.data_blocks = None;
        Ok(plan)
    }

    fn with_tile(
        array: &LazyArray,
        header: Header,
        name: &str,
        cataloged: bool,
        tile: Vec<u64>,
        packing: Packing,
    ) -> Result<Self> {
        let order = header.order;
        Self::with_header(
            header,
            (name, array.attributes()),
            cataloged,
            tile,
            false,
            |manifest, grid| {
                Recipe::new(packing, &manifest.element, || samples(array, order, grid))
            },
        )
    }

    fn with_header(
        header: Header,
        (name, attributes): (&str, &Attributes),
        cataloged: bool,
        tile: Vec<u64>,
        growing: bool,
        recipe: impl FnOnce(&Manifest, &TileGrid) -> Result<Recipe>,
    ) -> Result<Self> {
        let mut headers = vec![header.to_bytes().map_err(npy)?];
        if !name.is_empty() || !attributes.is_empty() {
            headers.push(attributes.header(name));
        }
        let mut manifest = Manifest {
            header_blocks: headers.len() as u32,
            data_blocks: None,
            codec: Recipe::RAW.codec,
            filter: Recipe::RAW.filter,
            level: Recipe::RAW.level,
            element: crate::npb_file::element_of(&header.dtype),
            shape: in_stored_order(&header.shape, header.order),
            tile,
            growing,
            bytes: false,
            cataloged,
            live: false,
        };
        let grid = manifest.grid().map_err(no_grid)?;
        manifest.data_blocks = Some(grid.len());
        let recipe = recipe(&manifest, &grid)?;
        manifest.codec = recipe.codec;
        manifest.filter = recipe.filter;
        manifest.level = recipe.level;
        let (codec, filter) = (manifest.codec, manifest.filter);
        tracing::debug!(
            array = name,
            shape = ?manifest.shape,
            tile = ?manifest.tile,
            tiles = grid.len(),
            ?codec,
            ?filter,
            level = manifest.level,
            "planned"
        );
        Ok(Self {
            transfer: new_transfer(),
            manifest,
            headers,
            grid,
            recipe,
            held: Ranges::default(),
            order: header.order,
        })
    }

    /// For a peer that cannot unpack such blocks.
    #[cfg(feature = "transport")]
    pub(crate) fn unpacked(&mut self) {
        self.recipe = Recipe::RAW;
        self.manifest.codec = Recipe::RAW.codec;
        self.manifest.filter = Recipe::RAW.filter;
        self.manifest.level = Recipe::RAW.level;
    }

    fn element(&self) -> &ElementType {
        &self.manifest.element
    }

    /// Hands out all blocks in order, packed on so many threads.
    pub(crate) fn blocks(
        &self,
        array: &LazyArray,
        threads: usize,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(&Block<'_>) -> Result<()>,
    ) -> Result<()> {
        thread::scope(|scope| {
            let (recipe, tiles) = (&self.recipe, self.grid.len());
            let mut line = PackLine::new(scope, recipe, self.element(), threads, tiles)?;
            self.tiles(
                array,
                interrupt,
                &mut |number, tile| match self.held.contains(number) {
                    true => Ok(()),
                    false => line.push(number, tile, sink),
                },
            )?;
            line.finish(sink)
        })
    }

    /// Hands out all tiles in order, elements in C order of their axes.
    pub(crate) fn tiles(
        &self,
        array: &LazyArray,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(u64, Array) -> Result<()>,
    ) -> Result<()> {
        match array.in_memory() {
            _ if self.grid.is_flat() => self.flat_tiles(array, interrupt, sink),
            Some(memory) => {
                for number in self.wanted() {
                    interrupt.check()?;
                    let tile = self.grid.tile(number).map_err(npb)?;
                    let order = self.order;
                    let selection = region_of(memory.shape(), order, &tile.start, &tile.shape)?;
                    sink(number, in_stored_axes(memory.select(&selection)?, order))?;
                }
                Ok(())
            }
            None => self.stored_tiles(array, interrupt, sink),
        }
    }

    /// Tiles that are to be handed out.
    fn wanted(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.grid.len()).filter(|number| !self.held.contains(*number))
    }

    /// Flat tiles are the array's bytes in their order, cut where rows end.
    fn flat_tiles(
        &self,
        array: &LazyArray,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(u64, Array) -> Result<()>,
    ) -> Result<()> {
        let order = self.order;
        let memory = array.in_memory().and_then(|memory| {
            let contiguous = memory
                .layout()
                .is_contiguous(memory.dtype().itemsize(), order);
            let start = memory.layout().offset();
            contiguous.then(|| memory.bytes().slice(start..start + memory.nbytes()))
        });
        if let Some(bytes) = memory {
            for number in self.wanted() {
                interrupt.check()?;
                let run = self.grid.run(number).map_err(npb)?;
                sink(
                    number,
                    plain(bytes.slice(run.start as usize..run.end as usize))?,
                )?;
            }
            return Ok(());
        }
        if let Backing::Stored(stored) = array.backing() {
            let mut stream = stored.stream().map_err(|e| array.place(e))?;
            let mut buffers = TileBuffers::default();
            for number in 0..self.grid.len() {
                interrupt.check()?;
                let nbytes = self.grid.nbytes(number).map_err(npb)? as usize;
                let tile = buffers.fill(nbytes, |tile| {
                    let read = stream.read_exact(tile);
                    read.map_err(|e| array.place(from_io(e)))
                })?;
                sink(number, plain(tile)?)?;
            }
            return Ok(());
        }
        let mut runs = array.runs(self.grid.max_nbytes().max(1) as usize)?;
        // What is left of a run that was not cut as tiles are.
        let mut left: Vec<u8> = Vec::new();
        for number in 0..self.grid.len() {
            interrupt.check()?;
            let nbytes = self.grid.nbytes(number).map_err(npb)? as usize;
            while left.len() < nbytes {
                if !runs.advance()? {
                    let what = "number of bytes";
                    return Err(array.place(ErrorKind::Disagree { what }));
                }
                left.extend_from_slice(runs.run().bytes);
            }
            let rest = left.split_off(nbytes);
            sink(number, plain(std::mem::replace(&mut left, rest).into())?)?;
        }
        Ok(())
    }

    /// Tiles of an array in a file, a row of tiles at a time unless that is too much.
    fn stored_tiles(
        &self,
        array: &LazyArray,
        interrupt: &Interrupt,
        sink: &mut dyn FnMut(u64, Array) -> Result<()>,
    ) -> Result<()> {
        let order = self.order;
        let mut band: Option<(u64, Array)> = None;
        let rows = self.grid.tile_shape()[0];
        let row_nbytes: u64 = self.grid.shape()[1..].iter().product::<u64>() * self.grid.itemsize();
        let in_bands = rows.saturating_mul(row_nbytes) <= BAND_NBYTES;
        for number in self.wanted() {
            interrupt.check()?;
            let tile = self.grid.tile(number).map_err(npb)?;
            if !in_bands {
                let part = array.read(&region(array, order, &tile.start, &tile.shape)?)?;
                sink(number, in_stored_axes(part, order))?;
                continue;
            }
            let mut start = tile.start;
            let row = std::mem::take(&mut start[0]);
            let band = match &band {
                Some((first, band)) if *first == row => band,
                _ => {
                    let mut extent = self.grid.shape().to_vec();
                    extent[0] = tile.shape[0];
                    let mut from = vec![0; extent.len()];
                    from[0] = row;
                    let rows = array.read(&region(array, order, &from, &extent)?)?;
                    &band.insert((row, rows)).1
                }
            };
            let selection = region_of(band.shape(), order, &start, &tile.shape)?;
            sink(number, in_stored_axes(band.select(&selection)?, order))?;
        }
        Ok(())
    }
}

/// Small pieces of tiles from all over the array: at most 512 KiB, so that trying them out costs little beside packing
/// all, however slow a codec is.
fn samples(array: &LazyArray, order: Order, grid: &TileGrid) -> Result<Vec<Vec<u8>>> {
    if grid.is_empty() {
        return Ok(Vec::new());
    }
    let (least, most) = PIECE_NBYTES;
    let nbytes = (array.nbytes() / SAMPLED / PIECES).clamp(least, most);
    let mut tiles = Vec::new();
    for i in 0..PIECES {
        // Of few tiles each gives several.
        let place = (2 * i + 1) * grid.len();
        let mut tile = grid.tile(place / (2 * PIECES)).map_err(npb)?;
        crop(&mut tile, grid.itemsize(), nbytes, place % (2 * PIECES));
        if !tiles.contains(&tile) {
            tiles.push(tile);
        }
    }
    let tiles = tiles.into_iter();
    let pieces: Result<Vec<Selection>> = tiles
        .map(|tile| region(array, order, &tile.start, &tile.shape))
        .collect();
    let pieces = array.read_parts(&pieces?)?.into_iter();
    pieces
        .map(|piece| Ok(piece.view().to_bytes(order)?))
        .collect()
}

/// Cuts a tile down to a piece of about so many bytes, the outermost axes first, from so many sixteenths on.
fn crop(tile: &mut Tile, itemsize: u64, nbytes: u64, sixteenths: u64) {
    for axis in 0..tile.shape.len() {
        let inner: u64 = tile.shape[axis + 1..].iter().product::<u64>() * itemsize;
        let extent = tile.shape[axis];
        if extent * inner <= nbytes {
            break;
        }
        let kept = (nbytes / inner.max(1)).clamp(1, extent);
        tile.start[axis] += (extent - kept) * sixteenths / (2 * PIECES - 1);
        tile.shape[axis] = kept;
    }
}

/// With the axes as they are stored, so that its C order is the stored one.
fn in_stored_axes(array: Array, order: Order) -> Array {
    match order {
        Order::C => array,
        Order::F => array.reversed(),
    }
}

/// Bytes without meaning.
pub(crate) fn plain(bytes: Bytes) -> Result<Array> {
    let dtype = Dtype::new(Kind::Uint, ByteOrder::NotApplicable, 1)?;
    let shape = [bytes.len()];
    Ok(Array::contiguous(dtype, &shape, Order::C, bytes)?)
}

/// An array's header, and its shape in stored axes.
/// Tiles that do not suit the array: it is about what is to be written, not about a byte that is there.
fn no_grid(error: ndferry_npb::Error) -> crate::Error {
    ErrorKind::Npb(error.kind).into()
}

fn header_and_shape(array: &LazyArray) -> (Header, Vec<u64>) {
    let header = Header::new(array.dtype().clone(), array.shape(), array.order());
    let shape = in_stored_order(array.shape(), header.order);
    (header, shape)
}

fn in_stored_order(shape: &[usize], order: Order) -> Vec<u64> {
    let mut shape: Vec<u64> = shape.iter().map(|extent| *extent as u64).collect();
    if order == Order::F {
        shape.reverse();
    }
    shape
}

fn region(array: &LazyArray, order: Order, start: &[u64], extent: &[u64]) -> Result<Selection> {
    region_of(array.shape(), order, start, extent)
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
