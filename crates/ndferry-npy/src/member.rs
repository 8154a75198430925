//! Reading one member of an archive: its packed bytes, inflated and checked.

use std::io::{self, BufReader, Read};
use std::ops::Range;

use flate2::bufread::DeflateDecoder;
use libdeflater::{DecompressionError, Decompressor};

use crate::npz::{Method, NpzMember};
use crate::{Error, ErrorKind, ReadAt};

/// Deflate's best: 258 bytes in two bits.
const MAX_RATIO: u64 = 1032;

/// Packed members up to this size are inflated in one go, which is faster but needs the packed bytes in memory too.
const WHOLE_NBYTES: u64 = 64 << 20;

/// A part of an archive as a stream.
#[derive(Debug)]
pub(crate) struct Piece<'a, R> {
    reader: &'a R,
    range: Range<u64>,
}

impl<'a, R: ReadAt> Piece<'a, R> {
    pub(crate) fn new(reader: &'a R, range: Range<u64>) -> Self {
        Self { reader, range }
    }
}

impl<R: ReadAt> Read for Piece<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end.saturating_sub(self.range.start);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.reader.read_at(&mut buf[..n], self.range.start)?;
        self.range.start += n as u64;
        Ok(n)
    }
}

/// An unpacked member as a stream; made by [`crate::Npz::reader`].
#[derive(Debug)]
pub struct NpzReader<'a, R> {
    source: Source<'a, R>,
    member: &'a NpzMember,
    packed_at: u64,
    crc: crc32fast::Hasher,
    left: u64,
}

#[derive(Debug)]
enum Source<'a, R> {
    Stored(Piece<'a, R>),
    Deflated(Box<DeflateDecoder<BufReader<Piece<'a, R>>>>),
}

impl<'a, R: ReadAt> NpzReader<'a, R> {
    pub(crate) fn new(
        reader: &'a R,
        member: &'a NpzMember,
        packed: Range<u64>,
        piece_nbytes: usize,
    ) -> Result<Self, Error> {
        let packed_at = packed.start;
        let piece = Piece::new(reader, packed);
        let source = match member.method {
            Method::Stored => Source::Stored(piece),
            _ => {
                check_ratio(member, packed_at)?;
                let piece = BufReader::with_capacity(piece_nbytes, piece);
                Source::Deflated(Box::new(DeflateDecoder::new(piece)))
            }
        };
        Ok(Self {
            source,
            member,
            packed_at,
            crc: crc32fast::Hasher::new(),
            left: member.nbytes,
        })
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    fn wrong(&self, kind: ErrorKind) -> io::Error {
        kind.at(self.packed_at).in_member(&self.member.file).into()
    }

    fn inflate(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Stored(piece) => piece.read(buf),
            Source::Deflated(decoder) => decoder.read(buf).map_err(|error| {
                // What flate2 says of bytes that it cannot inflate; other errors are the reader's.
                let problem = match error.kind() {
                    io::ErrorKind::InvalidInput => "are not deflate",
                    io::ErrorKind::UnexpectedEof => "have no end",
                    _ => return error,
                };
                let kind = ErrorKind::Deflate { problem };
                kind.at(self.packed_at).in_member(&self.member.file).into()
            }),
        }
    }

    /// After the last byte: nothing more comes, and the checksum is right.
    fn finish(&mut self) -> io::Result<()> {
        if matches!(self.source, Source::Deflated(_)) && self.inflate(&mut [0])? > 0 {
            let problem = "are longer than the directory says";
            return Err(self.wrong(ErrorKind::Deflate { problem }));
        }
        let found = self.crc.clone().finalize();
        check_crc(self.member, found, self.packed_at).map_err(io::Error::from)
    }
}

impl<R: ReadAt> Read for NpzReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = usize::try_from(self.left).unwrap_or(usize::MAX);
        let n = n.min(buf.len());
        if n == 0 {
            // An empty member has a checksum too.
            if self.member.nbytes == 0 && !buf.is_empty() {
                self.finish()?;
            }
            return Ok(0);
        }
        let n = self.inflate(&mut buf[..n])?;
        if n == 0 {
            let problem = "end before the length that the directory says";
            return Err(self.wrong(ErrorKind::Deflate { problem }));
        }
        self.crc.update(&buf[..n]);
        self.left -= n as u64;
        if self.left == 0 {
            self.finish()?;
        }
        Ok(n)
    }
}

/// No deflated data becomes longer than this; a claim beyond it is a lie.
fn check_ratio(member: &NpzMember, packed_at: u64) -> Result<(), Error> {
    let most = member.packed_nbytes.saturating_mul(MAX_RATIO);
    if member.method == Method::Deflated && member.nbytes > most {
        let problem = "cannot be as long as the directory says";
        let error = ErrorKind::Deflate { problem }.at(packed_at);
        return Err(error.in_member(&member.file));
    }
    Ok(())
}

pub(crate) fn check_crc(member: &NpzMember, found: u32, packed_at: u64) -> Result<(), Error> {
    if found == member.crc {
        return Ok(());
    }
    let expected = member.crc;
    let error = ErrorKind::Crc { found, expected }.at(packed_at);
    Err(error.in_member(&member.file))
}

/// Memory for the unpacked member. The system gives it page by page as it is written to, so that a member which turns
/// out shorter has cost nothing.
pub(crate) fn zeroed(member: &NpzMember, packed_at: u64) -> Result<Vec<u8>, Error> {
    check_ratio(member, packed_at)?;
    let no_memory = || {
        let error = io::Error::from(io::ErrorKind::OutOfMemory);
        ErrorKind::Io(error).at(packed_at)
    };
    let nbytes = usize::try_from(member.nbytes).map_err(|_| no_memory())?;
    // `vec!` would abort, and a reserved `Vec` would have to be written to; so ask first.
    Vec::<u8>::new()
        .try_reserve_exact(nbytes)
        .map_err(|_| no_memory())?;
    Ok(vec![0; nbytes])
}

/// Unpacks and checks a member into exactly its bytes.
pub(crate) fn fill<R: ReadAt>(
    reader: &R,
    member: &NpzMember,
    packed: Range<u64>,
    piece_nbytes: usize,
    target: &mut [u8],
) -> Result<(), Error> {
    let packed_at = packed.start;
    if member.method == Method::Deflated && member.packed_nbytes <= WHOLE_NBYTES {
        check_ratio(member, packed_at)?;
        inflate(reader, member, packed, target)?;
        return check_crc(member, crc32fast::hash(target), packed_at);
    }
    if target.is_empty() {
        return check_crc(member, 0, packed_at);
    }
    // The last read checks length and checksum.
    NpzReader::new(reader, member, packed, piece_nbytes)?
        .read_exact(target)
        .map_err(|error| Error::from_io(error, packed_at).in_member(&member.file))
}

fn inflate<R: ReadAt>(
    reader: &R,
    member: &NpzMember,
    packed: Range<u64>,
    target: &mut [u8],
) -> Result<(), Error> {
    let packed_at = packed.start;
    let wrong = |problem| {
        let error = ErrorKind::Deflate { problem }.at(packed_at);
        error.in_member(&member.file)
    };
    let inflated = match reader.shared(packed.clone()) {
        Some(bytes) => Decompressor::new().deflate_decompress(&bytes, target),
        None => {
            // At most WHOLE_NBYTES, and the directory was found behind them.
            let mut bytes = vec![0; member.packed_nbytes as usize];
            reader
                .read_exact_at(&mut bytes, packed_at)
                .map_err(|error| Error::from_io(error, packed_at).in_member(&member.file))?;
            Decompressor::new().deflate_decompress(&bytes, target)
        }
    };
    match inflated {
        Ok(n) if n == target.len() => Ok(()),
        Ok(_) => Err(wrong("end before the length that the directory says")),
        Err(DecompressionError::InsufficientSpace) => {
            Err(wrong("are longer than the directory says"))
        }
        Err(DecompressionError::BadData) => Err(wrong("are not deflate")),
    }
}
