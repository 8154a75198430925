//! [`Store`]: where a receiver puts arrays as their tiles come.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ndferry_array::{Array, ArrayView, ArrayViewMut, Dtype, Index, Indexing, Kind, Layout, Order};
use ndferry_io::{AtomicFile, BigBuffer};
use ndferry_npb::{Ranges, Tile};

use crate::error::{npb, npy, outside};
use crate::inbox::{Inbox, Last};
use crate::npb_write::NpbWriter;
use crate::part::Part;
use crate::recv::{Incoming, Received, ReceivedArray, Target};
use crate::{ByteOrder, ErrorKind, Format, Interrupt, Limits, OpenOptions, Result, Source};

/// Bytes of blocks of an NPY that are written with one call.
const TOGETHER: usize = 64 << 10;

/// Nothing of it is to be seen before [`Self::commit`].
#[derive(Debug)]
pub(crate) enum Store {
    /// Messages as they come.
    Npb(Option<Box<NpbWriter<AtomicFile>>>),
    /// Elements where they belong.
    Npy(NpyFile),
    /// Messages as they come, kept if no more do.
    Part(Box<Part>),
    /// A file in a folder.
    Inbox(Box<Inbox>),
    /// Elements in memory.
    Memory {
        current: Option<Coming>,
        done: Vec<Came>,
    },
}

/// An array on its way into memory.
#[derive(Debug)]
pub(crate) struct Coming {
    elements: Elements,
    /// What an NPY says before the pickle of an array of objects, whose bytes the elements are.
    npy_header: Option<Vec<u8>>,
}

/// One that is there.
#[derive(Debug)]
pub(crate) enum Came {
    Elements(Bytes),
    Objects(Box<Source>),
}

/// The elements of an array that comes into memory.
#[derive(Debug)]
pub(crate) enum Elements {
    /// So many bytes, of which none has come.
    Awaited(usize),
    Copied(BigBuffer),
    /// All of them, in memory of the sender.
    Lent(Bytes),
}

#[derive(Debug)]
pub(crate) struct NpyFile {
    /// Small blocks are written together.
    file: Option<BufWriter<AtomicFile>>,
    path: PathBuf,
    /// Where the elements start; `None` before the header is written.
    start: Option<u64>,
    at: u64,
}

impl Store {
    /// # Errors
    /// The file exists, or its folder is not writable.
    pub(crate) fn new(target: &Target, overwrite: bool) -> Result<Self> {
        let path = match target {
            Target::Memory => {
                return Ok(Self::Memory {
                    current: None,
                    done: Vec::new(),
                });
            }
            Target::Folder { folder, format } => {
                let (interrupt, last) = (Interrupt::new(), Last::default());
                let inbox = Inbox::new(folder, *format, overwrite, &interrupt, last)?;
                return Ok(Self::Inbox(Box::new(inbox)));
            }
            Target::File(path) => path,
        };
        let format = Format::of_extension(path).ok_or(ErrorKind::UnknownExtension);
        let create = || AtomicFile::create(path, overwrite).map_err(outside);
        let store = match format {
            Ok(Format::Npb) => create().map(|file| Self::Npb(Some(Box::new(NpbWriter::new(file))))),
            Ok(Format::Npy) => create().map(|file| Self::Npy(NpyFile::new(file, path))),
            Ok(format) => Err(ErrorKind::CannotWrite {
                what: "a transfer".to_owned(),
                format,
            }
            .into()),
            Err(kind) => Err(kind.into()),
        };
        store.map_err(|error| error.in_path(path))
    }

    /// As [`Self::new`], with nothing left behind.
    pub(crate) fn check(target: &Target, overwrite: bool) -> Result<()> {
        if let Target::File(path) = target
            && path
                .metadata()
                .is_ok_and(|data| !data.is_file() && !data.is_dir())
        {
            // Whoever reads a pipe would take opening and closing it for its end.
            return Ok(());
        }
        Self::new(target, overwrite).map(drop)
    }

    /// Begins an array; gives the tiles of it that are there from an earlier transfer.
    pub(crate) fn begin(
        &mut self,
        transfer: u64,
        info: &ReceivedArray,
        array: &Incoming,
    ) -> Result<Ranges> {
        match self {
            Self::Part(part) => part.begin(transfer, info, array),
            Self::Inbox(inbox) => inbox.begin(transfer, info, array),
            _ => (self.begin_anew(transfer, info, array)).map(|()| Ranges::default()),
        }
    }

    fn begin_anew(&mut self, transfer: u64, info: &ReceivedArray, array: &Incoming) -> Result<()> {
        let growing = |where_to: &str| {
            let what = format!("a growing array {where_to}");
            Err(ErrorKind::Unsupported { what }.into())
        };
        match self {
            Self::Npb(Some(writer)) => {
                writer.begin(transfer, &info.name, &array.manifest, &array.headers)
            }
            Self::Npb(None) | Self::Part(_) | Self::Inbox(_) => Ok(()),
            Self::Npy(_) if array.manifest.growing => growing("in an .npy"),
            Self::Npy(npy) => npy.begin(array),
            Self::Memory { .. } if array.manifest.growing => growing("in memory"),
            Self::Memory { current, .. } => {
                *current = Some(Coming::new(array)?);
                Ok(())
            }
        }
    }

    /// A tile: the checked message it came in, and its elements.
    pub(crate) fn block(
        &mut self,
        number: u64,
        message: &[u8],
        raw: &[u8],
        array: &Incoming,
    ) -> Result<()> {
        match self {
            Self::Npb(Some(writer)) => writer.arrived(number, message),
            Self::Part(part) => part.block(number, message),
            Self::Inbox(inbox) => inbox.block(number, message, raw, array),
            Self::Npy(npy) => npy.block(number, raw, array),
            Self::Memory {
                current: Some(Coming { elements, .. }),
                ..
            } => {
                let target = elements.copied()?;
                if array.grid.is_flat() {
                    let run = array.grid.run(number).map_err(npb)?;
                    target[run.start as usize..run.end as usize].copy_from_slice(raw);
                    return Ok(());
                }
                let tile = array.grid.tile(number).map_err(npb)?;
                put(
                    &tile,
                    raw,
                    array.grid.shape(),
                    array.grid.itemsize(),
                    target,
                )
            }
            Self::Npb(None) | Self::Memory { current: None, .. } => Ok(()),
        }
    }

    /// As [`Self::block`], for elements that lie in memory of the sender, and may stay there if they are a whole array.
    pub(crate) fn lent(
        &mut self,
        number: u64,
        message: &[u8],
        raw: &[u8],
        array: &Incoming,
        lent: &Bytes,
    ) -> Result<()> {
        match self {
            Self::Memory {
                current:
                    Some(Coming {
                        elements: elements @ Elements::Awaited(_),
                        ..
                    }),
                ..
            } if elements.nbytes() == raw.len() && array.grid.is_flat() => {
                *elements = Elements::Lent(lent.slice_ref(raw));
                Ok(())
            }
            _ => self.block(number, message, raw, array),
        }
    }

    pub(crate) fn end(&mut self, extent: u64) -> Result<()> {
        match self {
            Self::Npb(Some(writer)) => writer.end(extent),
            Self::Part(part) => part.end(extent),
            Self::Inbox(inbox) => inbox.end(extent),
            Self::Memory { current, done } => {
                if let Some(coming) = current.take() {
                    done.push(coming.came()?);
                }
                Ok(())
            }
            Self::Npb(None) | Self::Npy(_) => Ok(()),
        }
    }

    /// A tile that did not come and will not.
    pub(crate) fn lost(&mut self, number: u64) {
        match self {
            Self::Npb(Some(writer)) => writer.lost(number),
            Self::Inbox(inbox) => inbox.lost(number),
            Self::Npb(None) | Self::Npy(_) | Self::Part(_) | Self::Memory { .. } => {}
        }
    }

    /// What the sender calls the transfer.
    pub(crate) fn named(&mut self, said: &str) {
        if let Self::Inbox(inbox) = self {
            inbox.named(said);
        }
    }

    /// Makes it last: synced and renamed.
    pub(crate) fn commit(&mut self) -> Result<()> {
        match self {
            Self::Part(part) => part.commit(),
            Self::Inbox(inbox) => inbox.commit(),
            _ => match self.take_file()? {
                Some(file) => file.commit().map_err(outside),
                None => Ok(()),
            },
        }
    }

    /// The file that all is written to, complete but without its name.
    pub(crate) fn take_file(&mut self) -> Result<Option<AtomicFile>> {
        match self {
            Self::Npb(writer) => {
                let finished = writer.take().map(|writer| writer.finish());
                Ok(finished.transpose()?.map(|(file, _)| file))
            }
            Self::Npy(npy) => {
                let file = npy.file.take().map(BufWriter::into_inner).transpose();
                Ok(file.map_err(|error| error.into_error())?)
            }
            Self::Part(_) | Self::Inbox(_) | Self::Memory { .. } => Ok(None),
        }
    }

    /// Gives the name of the file that was chosen here.
    pub(crate) fn deliver(self, received: &mut Received) -> Option<Last> {
        let Self::Inbox(inbox) = self else {
            return None;
        };
        let last;
        (received.path, last) = inbox.delivered();
        Some(last)
    }

    /// Gives the arrays that are in memory.
    pub(crate) fn deliver_memory(&mut self, received: &mut Received) -> Result<()> {
        let Self::Memory { done, .. } = self else {
            return Ok(());
        };
        for (info, came) in received.arrays.iter_mut().zip(std::mem::take(done)) {
            match came {
                Came::Elements(bytes) => {
                    let (dtype, shape) = (info.dtype.clone(), &info.shape);
                    info.array = Some(Array::contiguous(dtype, shape, info.order, bytes)?);
                }
                Came::Objects(source) => info.objects = Some(source.into()),
            }
        }
        Ok(())
    }
}

impl Coming {
    /// Memory is taken as elements arrive, not as they are promised.
    fn new(array: &Incoming) -> Result<Self> {
        let limits = Limits::default();
        let header = array.header(&limits)?;
        if !array.manifest.bytes {
            let nbytes = header.data_nbytes().and_then(|n| usize::try_from(n).ok());
            return Ok(Self {
                elements: Elements::Awaited(nbytes.unwrap_or(usize::MAX)),
                npy_header: None,
            });
        }
        let found = array.grid.shape().iter().product();
        let limit = limits.pickle_nbytes.min(crate::npb_objects::MAX_PICKLE);
        if found > limit {
            let what = "bytes of a pickle";
            return Err(ErrorKind::Limit { what, found, limit }.into());
        }
        Ok(Self {
            elements: Elements::Awaited(found as usize),
            npy_header: array.headers.first().cloned(),
        })
    }

    /// Before the sender hears that all is well.
    fn came(self) -> Result<Came> {
        let bytes = self.elements.into_bytes()?;
        let Some(mut npy) = self.npy_header else {
            return Ok(Came::Elements(bytes));
        };
        npy.extend_from_slice(&bytes);
        let source = Source::from_bytes("", npy.into(), &OpenOptions::default())?;
        Ok(Came::Objects(Box::new(source)))
    }
}

impl Elements {
    fn nbytes(&self) -> usize {
        match self {
            Self::Awaited(nbytes) => *nbytes,
            Self::Copied(buffer) => buffer.len(),
            Self::Lent(bytes) => bytes.len(),
        }
    }

    fn copied(&mut self) -> Result<&mut [u8]> {
        match self {
            Self::Copied(_) => {}
            Self::Awaited(nbytes) => {
                *self = Self::Copied(BigBuffer::zeroed(*nbytes).map_err(outside)?);
            }
            Self::Lent(bytes) => {
                let mut buffer = BigBuffer::zeroed(bytes.len()).map_err(outside)?;
                buffer.copy_from_slice(bytes);
                *self = Self::Copied(buffer);
            }
        }
        match self {
            Self::Copied(buffer) => Ok(buffer),
            Self::Awaited(_) | Self::Lent(_) => Ok(&mut []),
        }
    }

    fn into_bytes(self) -> Result<Bytes> {
        match self {
            Self::Copied(buffer) => Ok(buffer.into_bytes()),
            Self::Lent(bytes) => Ok(bytes),
            // An array without elements, or a sparse one of which none came.
            Self::Awaited(nbytes) => {
                let zeros = BigBuffer::zeroed(nbytes).map_err(outside)?;
                Ok(zeros.into_bytes())
            }
        }
    }
}

impl NpyFile {
    pub(crate) fn new(file: AtomicFile, path: &Path) -> Self {
        Self {
            file: Some(BufWriter::with_capacity(TOGETHER, file)),
            path: path.to_owned(),
            start: None,
            at: 0,
        }
    }

    fn file(&mut self) -> Result<&mut BufWriter<AtomicFile>> {
        let path: &Path = &self.path;
        let gone = || crate::Error::from(ErrorKind::NoArrays).in_path(path);
        self.file.as_mut().ok_or_else(gone)
    }

    fn begin(&mut self, array: &Incoming) -> Result<()> {
        if self.start.is_some() {
            let what = "several arrays".to_owned();
            return Err(ErrorKind::CannotWrite {
                what,
                format: Format::Npy,
            }
            .into());
        }
        let header = array.header(&Limits::default())?;
        let head = header.to_bytes().map_err(npy)?;
        self.file()?.write_all(&head)?;
        self.start = Some(head.len() as u64);
        self.at = head.len() as u64;
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let offset = self.start.unwrap_or(0) + offset;
        let seek = offset != self.at;
        self.at = offset + bytes.len() as u64;
        let file = self.file()?;
        if seek {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(file.write_all(bytes)?)
    }

    fn block(&mut self, number: u64, raw: &[u8], array: &Incoming) -> Result<()> {
        if array.grid.is_flat() {
            let run = array.grid.run(number).map_err(npb)?;
            return self.write(run.start, raw);
        }
        // Along the last axis elements lie together.
        let tile = array.grid.tile(number).map_err(npb)?;
        let (shape, itemsize) = (array.grid.shape(), array.grid.itemsize());
        let row = (tile.shape.last().copied().unwrap_or(1) * itemsize).max(1);
        for (i, bytes) in (0..).zip(raw.chunks(row as usize)) {
            let mut rest: u64 = i;
            let mut element = tile.start.last().copied().unwrap_or(0);
            let mut stride = shape.last().copied().unwrap_or(1);
            for axis in (0..shape.len().saturating_sub(1)).rev() {
                element += (tile.start[axis] + rest % tile.shape[axis]) * stride;
                rest /= tile.shape[axis];
                stride *= shape[axis];
            }
            self.write(element * itemsize, bytes)?;
        }
        Ok(())
    }
}

/// Copies a tile to its place in an array of this shape, in stored axes.
fn put(tile: &Tile, raw: &[u8], shape: &[u64], itemsize: u64, target: &mut [u8]) -> Result<()> {
    let dtype = Dtype::new(Kind::Void, ByteOrder::NotApplicable, itemsize as usize)?;
    let extents = |shape: &[u64]| {
        shape
            .iter()
            .map(|extent| *extent as usize)
            .collect::<Vec<_>>()
    };
    let layout = |shape: &[usize]| Layout::contiguous(shape, itemsize as usize, Order::C);
    let whole = extents(shape);
    let items: Vec<Index> = tile
        .start
        .iter()
        .zip(&tile.shape)
        .map(|(start, extent)| Index::Slice {
            start: Some(*start as isize),
            stop: Some((start + extent) as isize),
            step: None,
        })
        .collect();
    let selection = Indexing::new(items).resolve(&whole)?;
    let source = ArrayView::new(dtype.clone(), layout(&extents(&tile.shape))?, raw)?;
    let mut target = ArrayViewMut::new(dtype, layout(&whole)?, target)?;
    Ok(target.select(&selection)?.assign(&source)?)
}
