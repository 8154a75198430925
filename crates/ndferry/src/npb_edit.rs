//! [`NpbFile`]: an array in an NPB file that is filled and grows.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions as FileOptions};
use std::path::{Path, PathBuf};
use std::{io, thread};

use ndferry_array::{ArrayView, ArrayViewMut, Dtype, Layout, Order, Selection};
use ndferry_io::ReadAt;
use ndferry_npb::{
    Block, Extent, HEAD_NBYTES, Kind as MessageKind, Limits, Place, Span, TileGrid, Unpacker,
};

use crate::error::{npb, outside};
pub(crate) use crate::lock::lock;
use crate::npb_file::checked;
use crate::npb_plan::{Plan, plain};
use crate::npb_write::NpbWriter;
use crate::pack_line::PackLine;
use crate::recipe::Recipe;
use crate::stored::tile_overlap::{Overlap, stored_spans};
use crate::{Attributes, Error, ErrorKind, Interrupt, Packing, Result, Saved};

/// How to create an array, and how to write to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreateOptions {
    /// Its name; empty for the only array of a file.
    pub name: String,
    /// What is attached to it.
    pub attributes: Attributes,
    /// The order in which elements are stored.
    pub order: Order,
    /// How tiles are packed. There are no elements yet to try out: `auto` is the default.
    pub packing: Packing,
    /// Extents of one tile, in NumPy's axis order.
    pub tile: Option<Vec<u64>>,
    /// Bytes of tiles that are kept in memory because they are not full yet.
    pub buffer_nbytes: u64,
    /// Whether [`NpbFile::flush`] and [`NpbFile::finish`] wait until the disk has it, so that it also survives a power
    /// cut. A killed process loses nothing that was written either way.
    pub sync: bool,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Empties a file that exists.
    pub overwrite: bool,
    /// Stops the writing between two tiles.
    pub interrupt: Interrupt,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            attributes: Attributes::default(),
            order: Order::C,
            packing: Packing::default(),
            tile: None,
            buffer_nbytes: 32 << 20,
            sync: true,
            threads: 0,
            overwrite: false,
            interrupt: Interrupt::new(),
        }
    }
}

/// An array in an NPB file, open for writing: regions are assigned in any order, rows are appended.
///
/// The file is only ever added to. Tiles go there when they are full, or when the buffer is; the others at
/// [`Self::flush`] and [`Self::finish`], which also write an index. Whatever happens to the process, all tiles that were
/// written can be read: other processes find what the last flush wrote, and [`crate::Source`] walks over a file that was
/// left without an index. Elements that were never written are zeros.
///
/// Nobody else can open the file for writing meanwhile; to read it is possible at any time.
#[derive(Debug)]
pub struct NpbFile {
    path: PathBuf,
    pub(crate) writer: NpbWriter<File>,
    reader: File,
    pub(crate) dtype: Dtype,
    order: Order,
    /// Of a growing array without end along axis 0.
    grid: TileGrid,
    element: ndferry_npb::ElementType,
    recipe: Recipe,
    /// Final so far, in stored axes.
    shape: Vec<u64>,
    /// Tiles that are not in the file as they are now, each as long as a whole one.
    dirty: BTreeMap<u64, Dirty>,
    dirty_nbytes: u64,
    now: u64,
    unpacker: Unpacker,
    options: CreateOptions,
    /// Something could not be written; what is in the file is still right.
    failed: bool,
}

#[derive(Debug)]
struct Dirty {
    raw: Vec<u8>,
    /// When it was last touched.
    used: u64,
}

impl NpbFile {
    /// Makes a file with one array in it. `None` is the axis along which it grows from nothing: the first one in C
    /// order, the last one in Fortran order.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] unless `overwrite`; [`ErrorKind::Unsupported`] for another growing axis;
    /// [`ErrorKind::Objects`]; [`ErrorKind::System`].
    pub fn create(
        path: impl AsRef<Path>,
        dtype: Dtype,
        shape: &[Option<usize>],
        options: CreateOptions,
    ) -> Result<Self> {
        let path = path.as_ref();
        let created = || {
            if dtype.has_object() {
                return Err(ErrorKind::Objects.into());
            }
            let plan = Plan::empty(dtype.clone(), shape, &options)?;
            let mut open = FileOptions::new();
            let file = match options.overwrite {
                true => open.create(true),
                false => open.create_new(true),
            };
            let file = file.read(true).write(true).open(path).map_err(exists)?;
            lock(&file)?;
            file.set_len(0)?;
            let mut writer = NpbWriter::new(file.try_clone()?);
            writer.begin(plan.transfer, &options.name, &plan.manifest, &plan.headers)?;
            let found = Resumable {
                writer,
                reader: file,
                dtype: dtype.clone(),
                order: plan.order,
                manifest: plan.manifest,
                shape: None,
                recipe: plan.recipe,
            };
            Self::of(path, found, options.clone())
        };
        created().map_err(|error: Error| error.in_path(path))
    }

    pub(crate) fn of(path: &Path, found: Resumable, options: CreateOptions) -> Result<Self> {
        let manifest = found.manifest;
        Ok(Self {
            path: path.to_owned(),
            writer: found.writer,
            reader: found.reader,
            dtype: found.dtype,
            order: found.order,
            grid: manifest.grid().map_err(npb)?,
            element: manifest.element,
            recipe: found.recipe,
            shape: found.shape.unwrap_or(manifest.shape),
            dirty: BTreeMap::new(),
            dirty_nbytes: 0,
            now: 0,
            unpacker: Unpacker::new(),
            options,
            failed: false,
        })
    }

    /// What its elements are.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// The extent of each axis, as far as it has grown.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape: Vec<usize> = self.shape.iter().map(|extent| *extent as usize).collect();
        if self.order == Order::F {
            shape.reverse();
        }
        shape
    }

    /// The axis along which it grows.
    pub fn growing_axis(&self) -> Option<usize> {
        let axis = match self.order {
            Order::C => 0,
            Order::F => self.shape.len() - 1,
        };
        self.grid.is_growing().then_some(axis)
    }

    /// Adds elements at the end of the growing axis; along the others the extents are the array's.
    ///
    /// # Errors
    /// [`ErrorKind::Misfit`] for another dtype or shape, or an array that does not grow; [`ErrorKind::Interrupted`];
    /// [`ErrorKind::System`].
    pub fn append(&mut self, rows: &ArrayView<'_>) -> Result<()> {
        let axis = self.axis_of_rows(rows.dtype(), rows.shape())?;
        let before = self.shape[0];
        let after = before + rows.shape()[axis] as u64;
        let grown = self.grid.grown_to(after).map_err(npb)?;
        let mut spans: Vec<Span> = grown.shape().iter().map(|n| Span::all(*n)).collect();
        spans[0] = Span {
            start: before,
            step: 1,
            count: after - before,
        };
        self.shape[0] = after;
        self.put(&grown, &spans, rows)
    }

    /// The axis along which rows of this dtype and shape are added, if they can be.
    pub(crate) fn axis_of_rows(&self, dtype: &Dtype, shape: &[usize]) -> Result<usize> {
        let Some(axis) = self.growing_axis() else {
            let (expected, found) = ("an array that grows".to_owned(), "a fixed one".to_owned());
            return Err(self.place(ErrorKind::Misfit { expected, found }));
        };
        let mut expected = self.shape();
        expected[axis] = shape.get(axis).copied().unwrap_or(0);
        self.check(dtype, shape, &expected)?;
        Ok(axis)
    }

    /// First byte after all that is written.
    pub(crate) fn end(&self) -> u64 {
        self.writer.nbytes()
    }

    /// Lets go what was written from byte `end` on.
    pub(crate) fn undo(self, end: u64) -> io::Result<()> {
        self.reader.set_len(end)
    }

    /// Writes elements into a region of the array as it is now: a selection of its [`Self::shape`]. The shape must be the
    /// region's.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn assign(&mut self, region: &Selection, elements: &ArrayView<'_>) -> Result<()> {
        self.check(elements.dtype(), elements.shape(), &region.shape())?;
        let order = self.order;
        // In the region's own axes and direction first, then as the array is stored.
        let mut dense = vec![0; elements.nbytes()];
        let shape = region.source_shape();
        let itemsize = self.dtype.itemsize();
        let layout = Layout::contiguous(&shape, itemsize, order)?;
        let mut target = ArrayViewMut::new(self.dtype.clone(), layout.clone(), &mut dense)?;
        let place = crate::units::Units::place(region)?;
        target.select(&place)?.assign(elements)?;
        let spans = stored_spans(region, order);
        let grid = match self.grid.is_growing() {
            true => self.grid.grown_to(self.shape[0]).map_err(npb)?,
            false => self.grid.clone(),
        };
        let dense = ArrayView::new(self.dtype.clone(), layout, &dense)?;
        self.put(&grid, &spans, &dense)
    }

    /// Writes an index after all that there is, so that others see it, and waits for the disk if `sync` was asked for.
    ///
    /// # Errors
    /// [`ErrorKind::System`].
    pub fn flush(&mut self) -> Result<()> {
        self.guarded(|this| {
            this.spill(0)?;
            let extent = this.shape.first().copied().unwrap_or(0);
            this.writer.checkpoint(extent)?;
            this.sync()
        })
    }

    /// Ends the array and the file.
    ///
    /// # Errors
    /// [`ErrorKind::System`].
    pub fn finish(mut self) -> Result<Saved> {
        self.guarded(|this| {
            this.spill(0)?;
            let extent = this.shape.first().copied().unwrap_or(0);
            this.writer.end(extent)?;
            this.writer.tail_now()?;
            this.sync()
        })?;
        let itemsize = self.dtype.itemsize() as u64;
        Ok(Saved {
            arrays: 1,
            nbytes: self.shape.iter().product::<u64>() * itemsize,
            file_nbytes: self.writer.nbytes(),
        })
    }

    fn sync(&self) -> Result<()> {
        if self.options.sync {
            self.reader.sync_data()?;
        }
        Ok(())
    }

    fn check(&self, dtype: &Dtype, shape: &[usize], expected: &[usize]) -> Result<()> {
        let misfit = |expected: String, found: String| {
            Err(self.place(ErrorKind::Misfit { expected, found }))
        };
        if *dtype != self.dtype {
            return misfit(self.dtype.to_string(), dtype.to_string());
        }
        if shape != expected {
            return misfit(format!("shape {expected:?}"), format!("{shape:?}"));
        }
        Ok(())
    }

    /// Elements of ascending spans.
    fn put(&mut self, grid: &TileGrid, spans: &[Span], elements: &ArrayView<'_>) -> Result<()> {
        let order = self.order;
        let copied;
        let wanted = match elements.run(order) {
            Some(bytes) => bytes,
            None => {
                copied = elements.to_bytes(order)?;
                &copied
            }
        };
        self.guarded(|this| {
            for number in grid.covering(spans) {
                this.options.interrupt.check()?;
                // Of a growing array whole, whatever it holds so far.
                let tile = this.grid.tile(number).map_err(npb)?;
                let overlap = Overlap::new(&tile, spans);
                let mut raw = match this.dirty.remove(&number) {
                    Some(dirty) => dirty.raw,
                    None => {
                        let nbytes = this.grid.nbytes(number).map_err(npb)?;
                        this.dirty_nbytes += nbytes;
                        let mut raw = vec![0; nbytes as usize];
                        if !overlap.is_all() {
                            this.load(number, &mut raw)?;
                        }
                        raw
                    }
                };
                overlap.copy_back(wanted, &mut raw, this.grid.itemsize())?;
                this.now += 1;
                let used = this.now;
                this.dirty.insert(number, Dirty { raw, used });
                if this.dirty_nbytes > this.options.buffer_nbytes {
                    this.spill(this.options.buffer_nbytes / 2)?;
                }
            }
            match this.grid.is_growing() {
                // What is full will not change any more, most likely.
                true => this.write_out(|this, number, _| this.is_full(number)),
                false => Ok(()),
            }
        })
    }

    /// Whether a tile of a growing array has all its rows.
    fn is_full(&self, number: u64) -> bool {
        let tile = self.grid.tile(number);
        tile.is_ok_and(|tile| tile.start[0] + tile.shape[0] <= self.shape[0])
    }

    /// Writes full tiles, then those touched longest ago, until no more than `nbytes` are left in memory.
    fn spill(&mut self, nbytes: u64) -> Result<()> {
        if self.grid.is_growing() {
            self.write_out(|this, number, _| this.is_full(number))?;
        }
        if self.dirty_nbytes <= nbytes {
            return Ok(());
        }
        let mut by_use: Vec<(u64, u64)> = self
            .dirty
            .values()
            .map(|dirty| (dirty.used, dirty.raw.len() as u64))
            .collect();
        by_use.sort_unstable();
        let mut left = self.dirty_nbytes;
        let mut until = 0;
        for (used, size) in by_use {
            if left <= nbytes {
                break;
            }
            (left, until) = (left - size, used);
        }
        self.write_out(|_, _, dirty| dirty.used <= until)
    }

    /// Packs and writes the tiles that are chosen, in order.
    fn write_out(&mut self, chosen: impl Fn(&Self, u64, &Dirty) -> bool) -> Result<()> {
        let dirty = self.dirty.iter();
        let numbers: Vec<u64> = dirty
            .filter(|(number, dirty)| chosen(self, **number, dirty))
            .map(|(number, _)| *number)
            .collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let (recipe, element, threads) = (self.recipe, self.element, self.options.threads);
        let growing = self.grid.is_growing();
        let mut tiles = Vec::new();
        for number in numbers {
            let Some(mut dirty) = self.dirty.remove(&number) else {
                continue;
            };
            self.dirty_nbytes -= dirty.raw.len() as u64;
            if growing {
                let tile = self.grid.tile(number).map_err(npb)?;
                let rows = (self.shape[0] - tile.start[0]).min(tile.shape[0]);
                let row = dirty.raw.len() / tile.shape[0] as usize;
                dirty.raw.truncate(row * rows as usize);
            }
            tiles.push((number, dirty.raw));
        }
        let (writer, interrupt) = (&mut self.writer, &self.options.interrupt);
        thread::scope(|scope| {
            let mut line = PackLine::new(scope, &recipe, &element, threads, tiles.len() as u64)?;
            let sink = &mut |block: &Block<'_>| writer.block(block);
            for (number, raw) in tiles {
                interrupt.check()?;
                line.push(number, plain(raw.into())?, sink)?;
            }
            line.finish(sink)
        })
    }

    /// What the file holds of a tile; a growing one may hold fewer rows.
    fn load(&mut self, number: u64, raw: &mut [u8]) -> Result<()> {
        let place = match self.writer.place(number) {
            None => return Ok(()),
            Some(Place::LOST) => {
                let region = crate::stored::tiles::region(&self.grid, number);
                return Err(ErrorKind::MissingTile { number, region }.into());
            }
            Some(place) if place.offset == 0 => return Ok(()),
            Some(place) => place,
        };
        let at = Extent {
            offset: place.offset,
            nbytes: u64::from(place.nbytes) + HEAD_NBYTES as u64,
        };
        let mut message = vec![0; at.nbytes as usize];
        self.reader
            .read_exact_at(&mut message, at.offset)
            .map_err(outside)?;
        let (head, body) = checked(&message, at, MessageKind::Data, &Limits::FILE)?;
        let block = Block::parse(number, body).map_err(npb)?;
        let nbytes = block.raw_nbytes as usize;
        let is_this = (self.writer.transfer(), number) == (Some(head.transfer), head.sequence);
        if !is_this || nbytes > raw.len() {
            return Err(crate::npb_file::elsewhere().at(at.offset));
        }
        let (codec, filter, element) = (block.codec, block.filter, &self.element);
        let raw = &mut raw[..nbytes];
        let unpacked = (self.unpacker).unpack(codec, filter, element, block.payload, raw);
        unpacked.map_err(|kind| ErrorKind::Npb(kind).at(at.offset))
    }

    /// After a failure nothing more is written, and what was half written is cut off.
    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.failed {
            let what = "an earlier write has failed: open the file again";
            return Err(self.place(ErrorKind::System(io::Error::other(what))));
        }
        let done = work(self);
        done.map_err(|error| {
            self.failed = true;
            // If that fails too, readers find the end of what is whole by themselves.
            let _ = self.reader.set_len(self.writer.whole_nbytes());
            self.place(error)
        })
    }

    fn place(&self, error: impl Into<Error>) -> Error {
        error
            .into()
            .in_member(&self.options.name)
            .in_path(&self.path)
    }
}

/// What [`NpbFile`] begins with.
pub(crate) struct Resumable {
    pub(crate) writer: NpbWriter<File>,
    pub(crate) reader: File,
    pub(crate) dtype: Dtype,
    pub(crate) order: Order,
    pub(crate) manifest: ndferry_npb::Manifest,
    /// As far as it has grown, in stored axes; the manifest's if not given.
    pub(crate) shape: Option<Vec<u64>>,
    pub(crate) recipe: Recipe,
}

fn exists(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => ErrorKind::Exists.into(),
        _ => error.into(),
    }
}
