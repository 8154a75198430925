//! [`save`]: arrays into a file, whole or not at all.

use std::collections::HashSet;
use std::io::{self, BufRead, Read, Seek, Write};
use std::path::Path;

use ndferry_array::{Dtype, Kind};
use ndferry_io::AtomicFile;
use ndferry_npy::{Header, NpzWriter};
use ndferry_pickle::{ArrayHead, Numpy, PickleWriter, WriteOptions};

use crate::error::{npy, outside, pickle, to_io};
#[cfg(feature = "npb")]
use crate::npb_plan::Plan;
#[cfg(feature = "npb")]
use crate::object_array;
use crate::pickle_save::pickle_objects;
use crate::{
    Array, Codec, ErrorKind, Filter, Format, Interrupt, LazyArray, Order, Packing, Progress, Result,
};

/// An array and the name it gets in the file. NPY files hold one, whose name is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its name; empty is `arr_0` in an NPZ, the root in a pickle.
    pub name: &'a str,
    /// Its elements.
    pub array: &'a LazyArray,
}

/// Which NumPy a pickle is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumpyEra {
    /// One that every NumPy loads.
    #[default]
    Any,
    /// Byte for byte as NumPy 1.x writes.
    One,
    /// Byte for byte as NumPy 2.x writes.
    Two,
}

/// How to write a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SaveOptions {
    /// Which format; told by the extension if not given.
    pub format: Option<Format>,
    /// How NPB tiles are packed. In an NPZ only none and deflate exist; none is the default there. In a Zarr store there are
    /// none, zstd and deflate (as gzip); zstd is the default there.
    pub packing: Packing,
    /// Extents of one NPB tile, or of one Zarr chunk, in NumPy's axis order.
    pub tile: Option<Vec<u64>>,
    /// Raw bytes of one NPB block instead: runs of whole rows.
    pub block_nbytes: Option<u64>,
    /// Arrays of an NPB can grow later: along the first axis in C order, the last one in Fortran order.
    pub growing: bool,
    /// The order in which elements are written; as they are stored if not given.
    pub order: Option<Order>,
    /// The pickle protocol, 0 to 5; 4 if not given.
    pub protocol: Option<u8>,
    /// Which NumPy a pickle is for.
    pub numpy: NumpyEra,
    /// A pickle for Python 2 and Jython: bytes are its `str`, which older ones than Python 2.6, and readers without
    /// codecs, know alone. Of protocol 2 if none is given, and none above. Python 3 needs `encoding="latin1"` for it.
    pub python2: bool,
    /// Threads for packing; 0 takes as many as the machine has.
    pub threads: usize,
    /// Replaces a file that exists.
    pub overwrite: bool,
    /// Does not wait until the disk has it. A killed process still leaves the whole file or none, a power cut may not.
    pub unsynced: bool,
    /// Stops the writing; nothing is left behind.
    pub interrupt: Interrupt,
}

impl SaveOptions {
    /// Whether every option that is set means something to this format. [`save()`] itself leaves out what does not, so that
    /// one set of options serves several formats.
    ///
    /// # Errors
    /// [`ErrorKind::Pointless`].
    pub fn check(&self, format: Format) -> Result<()> {
        use Format::{Npb, Npz, Pickle, Png, Tiff, Zarr};
        let is_packed = !matches!(self.packing.codec, Codec::Default | Codec::None);
        let is_filtered = !matches!(self.packing.filter, Filter::Default | Filter::None);
        let pointless = [
            ("codec", is_packed && !matches!(format, Npb | Npz | Zarr)),
            ("filter", is_filtered && format != Npb),
            ("tile", self.tile.is_some() && !matches!(format, Npb | Zarr)),
            (
                "block",
                self.block_nbytes.is_some() && !matches!(format, Npb | Zarr),
            ),
            ("growing", self.growing && format != Npb),
            ("protocol", self.protocol.is_some() && format != Pickle),
            ("python2", self.python2 && format != Pickle),
            ("numpy", self.numpy != NumpyEra::Any && format != Pickle),
            (
                "order",
                self.order.is_some() && matches!(format, Tiff | Png),
            ),
        ];
        match pointless.into_iter().find(|(_, is_set)| *is_set) {
            Some((option, _)) => Err(ErrorKind::Pointless { option, format }.into()),
            None => Ok(()),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Arrays.
    pub arrays: usize,
    /// Bytes of their elements.
    pub nbytes: u64,
    /// Bytes of the file.
    pub file_nbytes: u64,
}

/// Bytes that are read and written at a time.
const RUN_NBYTES: usize = 1 << 20;

/// The same for what lies in memory as it is written: nothing is copied, and the system has less to do for longer pieces.
const MEMORY_RUN_NBYTES: usize = 16 << 20;

/// Writes arrays into a file: streaming, with bounded memory, atomically (a temporary file beside it is synced and
/// renamed).
///
/// # Errors
/// [`ErrorKind::Exists`] unless `overwrite`; [`ErrorKind::UnknownExtension`]; [`ErrorKind::CannotWrite`]; whatever
/// reading the arrays brings; [`ErrorKind::System`].
pub fn save(
    path: impl AsRef<Path>,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<Saved> {
    let path = path.as_ref();
    let format = options.format.or_else(|| Format::of_extension(path));
    let written = || {
        let format = format.ok_or(ErrorKind::UnknownExtension)?;
        check_items(items, format)?;
        #[cfg(feature = "zarr")]
        if format == Format::Zarr {
            let nbytes = crate::zarr::save(path, items, options, progress)?;
            return Ok(saved(items, nbytes));
        }
        let mut file = AtomicFile::create(path, options.overwrite).map_err(outside)?;
        let file_nbytes = match format {
            Format::Npz => {
                let writer = NpzWriter::seekable(&mut file, npz_packing(options)?);
                crate::npz_save::write_npz(writer, items, options, progress)?;
                file.stream_position()?
            }
            #[cfg(feature = "images")]
            Format::Tiff if file.is_seekable() => {
                crate::image::write_tiff(&mut file, items[0], options, progress)?;
                file.stream_position()?
            }
            _ => write_stream(&mut file, format, items, options, progress)?,
        };
        options.interrupt.check()?;
        file.commit_with(!options.unsynced).map_err(outside)?;
        let (arrays, format) = (items.len(), format.name());
        tracing::debug!(path = ?path, format, arrays, nbytes = file_nbytes, "written");
        Ok(saved(items, file_nbytes))
    };
    // What reading a source brings names that source already.
    written().map_err(|error: crate::Error| error.in_path(path))
}

/// Lets `write` fill a file that appears whole or not at all.
///
/// # Errors
/// [`ErrorKind::Exists`], [`crate::ErrorClass::System`], whatever `write` says.
pub fn write_atomically(
    path: impl AsRef<Path>,
    overwrite: bool,
    write: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let mut written = || {
        let file = AtomicFile::create(path, overwrite).map_err(outside)?;
        let mut buffered = io::BufWriter::with_capacity(RUN_NBYTES, file);
        write(&mut buffered)?;
        let file = buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.commit().map_err(outside)
    };
    written().map_err(|error: crate::Error| error.in_path(path))
}

/// Writes arrays into a stream (standard output, a pipe); `options.format` must be given.
///
/// # Errors
/// As [`save`].
pub fn save_to(
    to: &mut dyn Write,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<Saved> {
    let format = options.format.ok_or(ErrorKind::UnknownExtension)?;
    check_items(items, format)?;
    let mut counted = Counted { to, nbytes: 0 };
    match format {
        Format::Npz => {
            let writer = NpzWriter::new(&mut counted, npz_packing(options)?);
            crate::npz_save::write_npz(writer, items, options, progress)?;
        }
        _ => {
            write_stream(&mut counted, format, items, options, progress)?;
        }
    }
    counted.flush()?;
    Ok(saved(items, counted.nbytes))
}

/// How many bytes [`save_to`] will write, where that is known without reading elements: of NPY, and of pickles of protocol 3
/// and later.
///
/// # Errors
/// As [`save_to`], but for those of reading.
pub fn saved_nbytes(items: &[Item<'_>], options: &SaveOptions) -> Result<Option<u64>> {
    let format = options.format.ok_or(ErrorKind::UnknownExtension)?;
    check_items(items, format)?;
    match format {
        _ if items.iter().any(|item| item.array.objects().is_some()) => Ok(None),
        Format::Npy => {
            let array = items[0].array;
            let head = header_of(array, options).to_bytes().map_err(npy)?;
            Ok(Some(head.len() as u64 + array.nbytes()))
        }
        Format::Pickle if pickle_options(options).protocol >= 3 => {
            pickled(&mut io::sink(), items, options, &(), &|item, _| {
                let zeros = io::repeat(0).take(item.array.nbytes());
                Ok(Box::new(io::BufReader::with_capacity(1 << 16, zeros)))
            })
            .map(Some)
        }
        _ => Ok(None),
    }
}

fn saved(items: &[Item<'_>], file_nbytes: u64) -> Saved {
    Saved {
        arrays: items.len(),
        nbytes: items.iter().map(|item| item.array.nbytes()).sum(),
        file_nbytes,
    }
}

fn check_items(items: &[Item<'_>], format: Format) -> Result<()> {
    let cannot = |what: &str| {
        Err(ErrorKind::CannotWrite {
            what: what.to_owned(),
            format,
        }
        .into())
    };
    let is_single = matches!(format, Format::Npy | Format::Tiff | Format::Png);
    if is_single && items.len() > 1 {
        let present = items.iter().take(9).map(|item| item.name.to_owned());
        return Err(ErrorKind::OneOnly {
            count: items.len(),
            present: present.collect(),
            format,
        }
        .into());
    }
    if items.is_empty() && format != Format::Npz {
        return cannot("no array");
    }
    let cannot_be_pickled = |item: &&Item<'_>| {
        let objects_fit = matches!(format, Format::Npy | Format::Npz | Format::Npb)
            || format == Format::Pickle && matches!(items, [item] if item.name.is_empty());
        item.array.dtype().has_object() && !(objects_fit && item.array.objects().is_some())
    };
    match items.iter().find(cannot_be_pickled) {
        Some(item) => {
            let others = items
                .iter()
                .filter(|item| !item.name.is_empty() && !item.array.dtype().has_object())
                .take(9)
                .map(|item| item.name.to_owned())
                .collect::<Vec<_>>();
            Err(item.array.place(match others.is_empty() {
                true => ErrorKind::Objects,
                false => ErrorKind::ObjectsAmong { others },
            }))
        }
        #[cfg(feature = "images")]
        None if matches!(format, Format::Tiff | Format::Png) => {
            crate::image::check(&items[0], format)
        }
        None => Ok(()),
    }
}

/// Formats that are written from beginning to end; gives the number of bytes.
fn write_stream(
    to: &mut dyn Write,
    format: Format,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    match format {
        Format::Npy => write_npy(to, items[0], options, progress),
        Format::Pickle => write_pickle(to, items, options, progress),
        #[cfg(feature = "npb")]
        Format::Npb => write_npb(to, items, options, progress),
        #[cfg(feature = "images")]
        Format::Tiff | Format::Png => {
            let mut counted = Counted { to, nbytes: 0 };
            match format {
                Format::Png => crate::image::write_png(&mut counted, items[0], options, progress)?,
                _ => crate::image::stream_tiff(&mut counted, items[0], options, progress)?,
            }
            Ok(counted.nbytes)
        }
        #[cfg(not(feature = "images"))]
        Format::Tiff | Format::Png => Err(ErrorKind::NotBuilt {
            what: "TIFF and PNG images",
        }
        .into()),
        _ => Err(ErrorKind::CannotWrite {
            what: "a stream".to_owned(),
            format,
        }
        .into()),
    }
}

fn write_npy(
    to: &mut dyn Write,
    item: Item<'_>,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    if let Some(objects) = item.array.objects() {
        let head = header_of(item.array, options).to_bytes().map_err(npy)?;
        progress.start(item.name, None);
        to.write_all(&head)?;
        let nbytes = pickle_objects(objects, to, options, progress)?;
        progress.finish();
        return Ok(head.len() as u64 + nbytes);
    }
    let (header, mut runs) = header_and_runs(item, options)?;
    let head = header.to_bytes().map_err(npy)?;
    progress.start(item.name, Some(item.array.nbytes()));
    to.write_all(&head)?;
    while runs.advance()? {
        options.interrupt.check()?;
        let bytes = runs.run().bytes;
        to.write_all(bytes)?;
        progress.advance(bytes.len() as u64);
    }
    progress.finish();
    Ok(head.len() as u64 + item.array.nbytes())
}

pub(crate) fn pickle_options(options: &SaveOptions) -> WriteOptions {
    let mut out = WriteOptions {
        numpy: match options.numpy {
            NumpyEra::Any => Numpy::Any,
            NumpyEra::One => Numpy::One,
            NumpyEra::Two => Numpy::Two,
        },
        python2: options.python2,
        ..WriteOptions::default()
    };
    if options.python2 {
        out.protocol = 2;
    }
    if let Some(protocol) = options.protocol {
        out.protocol = protocol;
    }
    out
}

/// The array itself if it is one without a name, otherwise a dict of all; gives the number of bytes.
fn write_pickle<'a>(
    to: &mut dyn Write,
    items: &[Item<'a>],
    options: &'a SaveOptions,
    progress: &'a dyn Progress,
) -> Result<u64> {
    if let [item] = items
        && let Some(objects) = item.array.objects()
    {
        progress.start(item.name, None);
        let nbytes = pickle_objects(objects, to, options, progress)?;
        progress.finish();
        return Ok(nbytes);
    }
    pickled(to, items, options, progress, &|item, order| {
        Ok(Box::new(RunsReader {
            runs: runs(item.array, order).map_err(to_io)?,
            at: 0,
            options,
            progress,
        }))
    })
}

/// Gives an array's elements.
type OpenItem<'a> = dyn Fn(Item<'a>, Order) -> io::Result<Box<dyn BufRead + 'a>> + 'a;

fn pickled<'a>(
    to: &mut dyn Write,
    items: &[Item<'a>],
    options: &SaveOptions,
    progress: &dyn Progress,
    open: &OpenItem<'a>,
) -> Result<u64> {
    let counted = Counted { to, nbytes: 0 };
    let mut writer = PickleWriter::new(counted, pickle_options(options)).map_err(pickle)?;
    let is_root = matches!(items, [item] if item.name.is_empty());
    if !is_root {
        writer.dict(items.len()).map_err(pickle)?;
    }
    let mut names = HashSet::new();
    for (i, item) in items.iter().enumerate() {
        let positional = format!("arr_{i}");
        let name = match item.name {
            "" => &*positional,
            name => name,
        };
        if !names.insert(name.to_owned()) {
            let what = format!("two arrays named {name:?}");
            let format = Format::Pickle;
            return Err(ErrorKind::CannotWrite { what, format }.into());
        }
        if !is_root {
            writer.key(name).map_err(pickle)?;
        }
        progress.start(item.name, Some(item.array.nbytes()));
        let order = options.order.unwrap_or(item.array.order());
        let head = ArrayHead {
            dtype: item.array.dtype(),
            shape: item.array.shape(),
            order,
        };
        let mut elements = || open(*item, order);
        writer.array(&head, &mut elements).map_err(pickle)?;
        progress.finish();
    }
    Ok(writer.finish().map_err(pickle)?.nbytes)
}

pub(crate) fn header_and_runs<'a>(
    item: Item<'a>,
    options: &SaveOptions,
) -> Result<(Header, crate::Runs<'a>)> {
    let header = header_of(item.array, options);
    let runs = runs(item.array, header.order)?;
    Ok((header, runs))
}

/// What the NPY of an array begins with.
pub(crate) fn header_of(array: &LazyArray, options: &SaveOptions) -> Header {
    // Objects are pickled in the order that they have.
    let wanted = options.order.filter(|_| array.objects().is_none());
    let order = wanted.unwrap_or(array.order());
    let dtype = match array.dtype().kind() {
        // NumPy's headers know no strings of any length: the pickle says what they are.
        Kind::VariableString => Dtype::OBJECT,
        _ => array.dtype().clone(),
    };
    Header::new(dtype, array.shape(), order)
}

fn runs(array: &LazyArray, order: Order) -> Result<crate::Runs<'_>> {
    let itemsize = array.dtype().itemsize();
    let as_it_is = |memory: &Array| memory.layout().is_contiguous(itemsize, order);
    let max_nbytes = match array.in_memory().is_some_and(as_it_is) {
        true => MEMORY_RUN_NBYTES,
        false => RUN_NBYTES,
    };
    array.runs_in(order, max_nbytes)
}

fn npz_packing(options: &SaveOptions) -> Result<ndferry_npy::Packing> {
    match options.packing.codec {
        Codec::Default | Codec::None => Ok(ndferry_npy::Packing::Stored),
        Codec::Deflate(0) => Ok(ndferry_npy::Packing::Stored),
        Codec::Deflate(level) => Ok(ndferry_npy::Packing::Deflated {
            level: level.min(12) as u8,
        }),
        _ => {
            let what = "this codec".to_owned();
            Err(ErrorKind::CannotWrite {
                what,
                format: Format::Npz,
            }
            .into())
        }
    }
}

/// An array's elements as a stream.
pub(crate) struct RunsReader<'a> {
    runs: crate::Runs<'a>,
    /// Bytes of the current run that were read.
    at: usize,
    options: &'a SaveOptions,
    progress: &'a dyn Progress,
}

impl<'a> RunsReader<'a> {
    pub(crate) fn new(
        runs: crate::Runs<'a>,
        options: &'a SaveOptions,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            runs,
            at: 0,
            options,
            progress,
        }
    }
}

impl BufRead for RunsReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.runs.run().bytes.len() {
            self.options.interrupt.check().map_err(to_io)?;
            self.at = match self.runs.advance().map_err(to_io)? {
                true => 0,
                false => self.runs.run().bytes.len(),
            };
        }
        Ok(&self.runs.run().bytes[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
        self.progress.advance(n as u64);
    }
}

impl io::Read for RunsReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.fill_buf()?;
        let n = left.len().min(buf.len());
        buf[..n].copy_from_slice(&left[..n]);
        self.consume(n);
        Ok(n)
    }
}

/// Counts what is written.
struct Counted<'a> {
    to: &'a mut dyn Write,
    nbytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.to.write(buf)?;
        self.nbytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(feature = "npb")]
fn write_npb(
    to: &mut dyn Write,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    let cataloged = items.len() > 1 || items.iter().any(|item| !item.name.is_empty());
    let mut writer = crate::npb_write::NpbWriter::new(to);
    for item in items {
        write_npb_item(&mut writer, *item, cataloged, options, progress)?;
    }
    Ok(writer.finish()?.1)
}

/// One array into an NPB file.
#[cfg(feature = "npb")]
pub(crate) fn write_npb_item<W: Write>(
    writer: &mut crate::npb_write::NpbWriter<W>,
    item: Item<'_>,
    cataloged: bool,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    if item.array.dtype().has_object() {
        return write_npb_objects(writer, item, cataloged, options, progress);
    }
    progress.start(item.name, Some(item.array.nbytes()));
    let array = &item.array.in_order(options.order)?;
    let plan = Plan::new(array, item.name, cataloged, options)?;
    write_npb_plan(writer, item.name, &plan, array, options, progress)
}

/// An array of objects, as the pickle that an NPY would hold.
#[cfg(feature = "npb")]
fn write_npb_objects<W: Write>(
    writer: &mut crate::npb_write::NpbWriter<W>,
    item: Item<'_>,
    cataloged: bool,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    if options.growing {
        let what = "growing with objects".to_owned();
        return Err(item.array.place(ErrorKind::Unsupported { what }));
    }
    let header = header_of(item.array, options);
    let pickled = object_array::pickled(item.array, options)?;
    let (name, nbytes) = (item.name, options.block_nbytes.unwrap_or(1 << 20));
    let plan = Plan::pickled(&header, &pickled, name, cataloged, nbytes, options.packing)?;
    progress.start(name, Some(pickled.nbytes()));
    write_npb_plan(writer, name, &plan, &pickled, options, progress)
}

#[cfg(feature = "npb")]
fn write_npb_plan<W: Write>(
    writer: &mut crate::npb_write::NpbWriter<W>,
    name: &str,
    plan: &Plan,
    array: &LazyArray,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    writer.begin(plan.transfer, name, &plan.manifest, &plan.headers)?;
    plan.blocks(array, options.threads, &options.interrupt, &mut |block| {
        writer.block(block)?;
        progress.advance(block.raw_nbytes.into());
        Ok(())
    })?;
    writer.end(plan.extent())?;
    progress.finish();
    Ok(())
}
