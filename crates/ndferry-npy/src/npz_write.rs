//! [`NpzWriter`]: archives as `numpy.savez` and `numpy.savez_compressed` write them.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use libdeflater::{CompressionLvl, Compressor};
use ndferry_array::{ArrayView, Order};

use crate::npz::{Method, NpzMember};
use crate::write::PIECE;
use crate::zip_record::{Record, end};
use crate::{Error, ErrorKind, Header, names};

/// Arrays up to this size are deflated in one go: twice as fast, but in memory.
const WHOLE_NBYTES: u64 = 64 << 20;

/// How members are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As they are (`numpy.savez`).
    Stored,
    /// Deflated (`numpy.savez_compressed`).
    Deflated {
        /// 1 (fast) to 12 (small); 6 makes what zlib's 6 makes, within a few percent.
        level: u8,
    },
}

impl Packing {
    /// As `numpy.savez_compressed` packs.
    pub const DEFLATED: Self = Self::Deflated { level: 6 };
}

/// What an archive says of packed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packed {
    /// How they are packed.
    pub method: Method,
    /// CRC-32 of the unpacked bytes.
    pub crc: u32,
    /// How many packed bytes there are.
    pub packed_nbytes: u64,
    /// How many they become.
    pub nbytes: u64,
}

impl From<&NpzMember> for Packed {
    fn from(member: &NpzMember) -> Self {
        Self {
            method: member.method(),
            crc: member.crc(),
            packed_nbytes: member.packed_nbytes(),
            nbytes: member.nbytes(),
        }
    }
}

/// Writes an NPZ archive, one member after another, to any stream.
///
/// What [`Self::seekable`] or, of stored arrays, [`Self::new`] writes is byte for byte what `numpy.savez` writes.
#[derive(Debug)]
pub struct NpzWriter<W> {
    to: W,
    /// How to write over what was written, if `to` can.
    patch: Option<Patch<W>>,
    packing: Packing,
    /// Bytes written.
    at: u64,
    records: Vec<Record>,
    files: HashSet<String>,
    /// A member was begun and not ended.
    broken: bool,
}

/// Hands on what is written to it.
struct Pieces<'a> {
    sink: &'a mut dyn FnMut(&[u8]) -> Result<(), Error>,
    /// Why that did not go, which an [`io::Error`] cannot say as well.
    failed: Option<Error>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match (self.sink)(buf) {
            Ok(()) => Ok(buf.len()),
            Err(error) => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Patch<W> = fn(&mut W, back: u64, bytes: &[u8]) -> io::Result<()>;

impl<W: Write + Seek> NpzWriter<W> {
    /// An archive in something that can be written over, such as a file: sizes always stand before the data.
    pub fn seekable(to: W, packing: Packing) -> Self {
        let patch: Patch<W> = |to, back, bytes| {
            let end = to.stream_position()?;
            // `back` bytes were written before.
            to.seek(SeekFrom::Start(end.saturating_sub(back)))?;
            to.write_all(bytes)?;
            to.seek(SeekFrom::Start(end)).map(|_| ())
        };
        Self {
            patch: Some(patch),
            ..Self::new(to, packing)
        }
    }
}

impl<W: Write> NpzWriter<W> {
    /// An archive in a stream. Where a size is not known before its data is written, it stands after it.
    pub fn new(to: W, packing: Packing) -> Self {
        Self {
            to,
            patch: None,
            packing,
            at: 0,
            records: Vec::new(),
            files: HashSet::new(),
            broken: false,
        }
    }

    /// Adds an array as `name.npy`.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with [`ErrorKind::Objects`] or with what is wrong with the name; what the writer reports.
    pub fn add(&mut self, name: &str, array: &ArrayView<'_>) -> Result<(), Error> {
        let file = format!("{name}.npy");
        let (order, head) = head_of(array).map_err(|error| error.in_member(&file))?;
        let nbytes = (head.len() + array.nbytes()) as u64;
        match self.packing {
            Packing::Stored if self.patch.is_none() => {
                let mut crc = crc32fast::Hasher::new();
                crc.update(&head);
                array.for_each_run(order, PIECE, |run| {
                    crc.update(run);
                    Ok::<(), Error>(())
                })?;
                let packed = Packed {
                    method: Method::Stored,
                    crc: crc.finalize(),
                    packed_nbytes: nbytes,
                    nbytes,
                };
                self.begin(file, packed, false)?;
                self.write(&head)?;
                array.for_each_run(order, PIECE, |run| self.write(run))?;
                self.end_of_member(packed)
            }
            Packing::Deflated { level } if nbytes <= WHOLE_NBYTES => {
                let (packed, bytes) = deflate_whole(&head, array, order, level)?;
                self.add_packed(&file, packed, &mut &bytes[..])
            }
            _ => self.add_streamed(file, |sink| {
                sink(&head)?;
                array.for_each_run(order, PIECE, sink)
            }),
        }
    }

    /// Adds an array as `name.npy` whose elements come from a stream, in the order that the header says.
    ///
    /// # Errors
    /// As [`Self::add`]; [`ErrorKind::TooFewBytes`] if the stream ends early; what the stream reports.
    pub fn add_reader(
        &mut self,
        name: &str,
        header: &Header,
        from: &mut impl Read,
    ) -> Result<(), Error> {
        let file = format!("{name}.npy");
        if header.dtype.has_object() {
            return Err(ErrorKind::Objects.at(0).in_member(&file));
        }
        let head = header.to_bytes().map_err(|error| error.in_member(&file))?;
        let nbytes = header.data_nbytes().unwrap_or(u64::MAX);
        let too_few = |left: u64| {
            let found = usize::try_from(nbytes - left).unwrap_or(usize::MAX);
            crate::read::too_few(header, head.len(), found).in_member(&file)
        };
        self.add_streamed(file.clone(), |sink| {
            sink(&head)?;
            let mut piece = vec![0; usize::try_from(nbytes).unwrap_or(PIECE).min(PIECE)];
            let mut left = nbytes;
            while left > 0 {
                let n = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match from.read(&mut piece[..n]) {
                    Ok(0) => return Err(too_few(left)),
                    Ok(n) => {
                        sink(&piece[..n])?;
                        left -= n as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(Error::from_io(error, nbytes - left)),
                }
            }
            Ok(())
        })
    }

    /// Adds an array of objects as `name.npy`: the header, and the pickle that `pickle` writes.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong with the name; what `pickle` and the writer report.
    pub fn add_objects(
        &mut self,
        name: &str,
        header: &Header,
        pickle: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        let file = format!("{name}.npy");
        let head = header.to_bytes().map_err(|error| error.in_member(&file))?;
        let start = self.at;
        self.add_streamed(file, |sink| {
            sink(&head)?;
            let mut pieces = io::BufWriter::with_capacity(PIECE, Pieces { sink, failed: None });
            let written = pickle(&mut pieces).and_then(|()| pieces.flush());
            if let Some(error) = pieces.get_mut().failed.take() {
                return Err(error);
            }
            // What it could not write is not written when it is dropped either.
            drop(pieces.into_parts());
            written.map_err(|error| Error::from_io(error, start))
        })
    }

    /// Adds a member that is packed already: one of another archive ([`crate::Npz::packed`]), or one that [`deflate`]
    /// packed on another thread. `file` is its whole name, with `.npy`. The bytes are not looked into.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong with the name or, [`ErrorKind::Truncated`], if `from` ends early; what
    /// the streams report.
    pub fn add_packed(
        &mut self,
        file: &str,
        packed: Packed,
        from: &mut impl Read,
    ) -> Result<(), Error> {
        self.begin(file.to_owned(), packed, false)?;
        let mut left = packed.packed_nbytes;
        let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        while left > 0 {
            let n = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match from.read(&mut piece[..n]) {
                Ok(0) => {
                    let (needed, found) = (packed.packed_nbytes, packed.packed_nbytes - left);
                    let error = ErrorKind::Truncated { needed, found }.at(found);
                    return Err(error.in_member(file));
                }
                Ok(n) => {
                    self.write(&piece[..n])?;
                    left -= n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_io(error, self.at)),
            }
        }
        self.end_of_member(packed)
    }

    /// Writes the directory; gives the stream back.
    ///
    /// # Errors
    /// [`ErrorKind::Unfinished`] if a member could not be written; what the writer reports.
    pub fn finish(mut self) -> Result<W, Error> {
        if self.broken {
            return Err(ErrorKind::Unfinished.at(self.at));
        }
        let directory_at = self.at;
        let mut bytes = Vec::new();
        for i in 0..self.records.len() {
            self.records[i].central(&mut bytes);
            if bytes.len() >= PIECE {
                self.write(&bytes)?;
                bytes.clear();
            }
        }
        self.write(&bytes)?;
        let directory_nbytes = self.at - directory_at;
        self.write(&end(
            self.records.len() as u64,
            directory_at,
            directory_nbytes,
        ))?;
        self.to
            .flush()
            .map_err(|error| Error::from_io(error, self.at))?;
        Ok(self.to)
    }

    /// Adds a member whose checksum and packed size are known only at its end.
    fn add_streamed(
        &mut self,
        file: String,
        body: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let method = match self.packing {
            Packing::Stored => Method::Stored,
            Packing::Deflated { .. } => Method::Deflated,
        };
        let mut packed = Packed {
            method,
            crc: 0,
            packed_nbytes: 0,
            nbytes: 0,
        };
        self.begin(file, packed, self.patch.is_none())?;
        let start = self.at;
        let mut crc = crc32fast::Hasher::new();
        let nbytes = &mut packed.nbytes;
        let mut count = |run: &[u8]| {
            crc.update(run);
            *nbytes += run.len() as u64;
        };
        match self.packing {
            Packing::Stored => body(&mut |run| {
                count(run);
                self.write(run)
            })?,
            Packing::Deflated { level } => {
                let level = Compression::new(u32::from(level.min(9)));
                let mut encoder = DeflateEncoder::new(Sink(self), level);
                body(&mut |run| {
                    count(run);
                    encoder
                        .write_all(run)
                        .map_err(|error| Error::from_io(error, start))
                })?;
                encoder
                    .finish()
                    .map_err(|error| Error::from_io(error, start))?;
            }
        }
        packed.crc = crc.finalize();
        packed.packed_nbytes = self.at - start;
        self.end_of_member(packed)
    }

    fn begin(&mut self, file: String, packed: Packed, sized_behind: bool) -> Result<(), Error> {
        let problem = if self.broken {
            return Err(ErrorKind::Unfinished.at(self.at));
        } else if self.files.contains(&file) {
            Some("the name occurs twice")
        } else {
            names::problem(&file)
        };
        if let Some(problem) = problem {
            return Err(ErrorKind::Name { problem }.at(self.at).in_member(&file));
        }
        self.broken = true;
        self.files.insert(file.clone());
        let record = Record {
            file,
            method: packed.method,
            sized_behind,
            crc: packed.crc,
            packed_nbytes: packed.packed_nbytes,
            nbytes: packed.nbytes,
            local_at: self.at,
        };
        let local = record.local();
        self.records.push(record);
        self.write(&local)
    }

    fn end_of_member(&mut self, packed: Packed) -> Result<(), Error> {
        let Some(record) = self.records.last_mut() else {
            return Ok(());
        };
        let known = (record.crc, record.packed_nbytes, record.nbytes)
            == (packed.crc, packed.packed_nbytes, packed.nbytes);
        record.crc = packed.crc;
        record.packed_nbytes = packed.packed_nbytes;
        record.nbytes = packed.nbytes;
        let back = self.at - record.local_at;
        if record.sized_behind {
            let descriptor = record.descriptor();
            self.write(&descriptor)?;
        } else if !known && let Some(patch) = self.patch {
            let local = record.local();
            patch(&mut self.to, back, &local).map_err(|error| Error::from_io(error, self.at))?;
        }
        self.broken = false;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.to
            .write_all(bytes)
            .map_err(|error| Error::from_io(error, self.at))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// Where an encoder writes to, so that the bytes are counted.
struct Sink<'a, W>(&'a mut NpzWriter<W>);

impl<W: Write> Write for Sink<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packs an array for [`NpzWriter::add_packed`], for instance on another thread. Needs memory for the array twice.
///
/// `level` is 1 (fast) to 12 (small).
///
/// # Errors
/// [`ErrorKind::Objects`].
pub fn deflate(array: &ArrayView<'_>, level: u8) -> Result<(Packed, Vec<u8>), Error> {
    let (order, head) = head_of(array)?;
    deflate_whole(&head, array, order, level)
}

fn deflate_whole(
    head: &[u8],
    array: &ArrayView<'_>,
    order: Order,
    level: u8,
) -> Result<(Packed, Vec<u8>), Error> {
    let mut whole = Vec::with_capacity(head.len() + array.nbytes());
    whole.extend_from_slice(head);
    array.for_each_run(order, PIECE, |run| {
        whole.extend_from_slice(run);
        Ok::<(), Error>(())
    })?;
    // Levels from 1 to 12 exist.
    let level = CompressionLvl::new(i32::from(level.clamp(1, 12))).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut bytes = vec![0; compressor.deflate_compress_bound(whole.len())];
    let n = compressor
        .deflate_compress(&whole, &mut bytes)
        .map_err(|_| ErrorKind::Io(io::ErrorKind::OutOfMemory.into()).at(0))?;
    bytes.truncate(n);
    let packed = Packed {
        method: Method::Deflated,
        crc: crc32fast::hash(&whole),
        packed_nbytes: n as u64,
        nbytes: whole.len() as u64,
    };
    Ok((packed, bytes))
}

/// The order in which an array is written, and its head.
fn head_of(array: &ArrayView<'_>) -> Result<(Order, Vec<u8>), Error> {
    if array.dtype().has_object() {
        return Err(ErrorKind::Objects.at(0));
    }
    let order = array.order().unwrap_or(Order::C);
    let head = Header::new(array.dtype().clone(), array.shape(), order).to_bytes()?;
    Ok((order, head))
}
