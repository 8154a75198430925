//! The directory of an archive: which members it has and where they lie, believed only where it agrees with the file.

use std::io;

use rawzip::{CompressionMethod, ReaderAt, ZipArchive, ZipFileHeaderRecord, ZipLocator};

use crate::npz::{Method, NpzMember};
use crate::{Error, ErrorKind, Limits, ReadAt, names};

/// The last record of an archive, without its comment.
const END_NBYTES: u64 = 22;
/// The record that points to zip64's end record.
const LOCATOR_NBYTES: u64 = 20;
/// Zip64's end record, as everybody writes it.
const END64_NBYTES: u64 = 56;
/// A member's local header, without name and extra fields.
const LOCAL_NBYTES: u64 = 30;
/// How far from the end the last record may start: it has a comment of at most 65,535 bytes.
const SEARCH_NBYTES: u64 = END_NBYTES + 65_535;

/// A [`ReadAt`] as `rawzip` wants it, starting at `base`.
#[derive(Debug)]
pub(crate) struct Shifted<R> {
    pub(crate) inner: R,
    /// Bytes before the archive that its own offsets do not count.
    pub(crate) base: u64,
}

impl<R: ReadAt> ReaderAt for Shifted<R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match offset.checked_add(self.base) {
            Some(offset) => self.inner.read_at(buf, offset),
            None => Ok(0),
        }
    }
}

/// An archive and its members, in the order of the directory.
type Opened<R> = (ZipArchive<Shifted<R>>, Vec<NpzMember>);

/// The reader, what is wrong, and where the last record starts if it was found.
type Refused<R> = (R, Error, Option<u64>);

/// Reads and checks the directory.
pub(crate) fn open<R: ReadAt>(reader: R, limits: &Limits) -> Result<Opened<R>, Error> {
    let (reader, error, end_at) = match open_at(reader, 0, limits) {
        Ok(found) => return Ok(found),
        Err((reader, error, Some(end_at))) => (reader, error, end_at),
        Err((_, error, None)) => return Err(error),
    };
    // A zip64 archive behind other bytes: `rawzip` finds only the short form there.
    let whole = Shifted {
        inner: &reader,
        base: 0,
    };
    let base = match looks_zip64(&whole, end_at) {
        true => zip64_prefix(&reader, end_at),
        false => None,
    };
    match base {
        Some(base) => open_at(reader, base, limits).map_err(|(_, error, _)| error),
        None => Err(error),
    }
}

fn open_at<R: ReadAt>(reader: R, base: u64, limits: &Limits) -> Result<Opened<R>, Refused<R>> {
    let len = reader.len().saturating_sub(base);
    // A single record fits, whatever it claims.
    let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let reader = Shifted {
        inner: reader,
        base,
    };
    let archive = ZipLocator::new()
        .max_search_space(SEARCH_NBYTES)
        .locate_in_reader(reader, &mut buffer, len)
        .map_err(|(reader, error)| {
            let end_at = error.eocd_offset();
            let offset = base.saturating_add(end_at.unwrap_or(len));
            (reader.inner, from_rawzip(error, offset), end_at)
        })?;
    match members(&archive, &mut buffer, base, limits) {
        Ok(members) => Ok((archive, members)),
        Err(error) => {
            let end_at = archive.eocd_offset();
            Err((archive.into_inner().inner, error, Some(end_at)))
        }
    }
}

/// How many bytes lie before a zip64 archive, if its locator points that much too low.
fn zip64_prefix<R: ReadAt>(reader: &R, end_at: u64) -> Option<u64> {
    let locator_at = end_at.checked_sub(LOCATOR_NBYTES)?;
    let mut locator = [0; LOCATOR_NBYTES as usize];
    reader.read_exact_at(&mut locator, locator_at).ok()?;
    let end64_at = locator_at.checked_sub(END64_NBYTES)?;
    let claimed = locator[8..16].try_into().ok().map(u64::from_le_bytes)?;
    end64_at.checked_sub(claimed).filter(|base| *base > 0)
}

/// Whether the bytes before the last record look like zip64's records.
fn looks_zip64(reader: &impl ReaderAt, end_at: u64) -> bool {
    let starts = |before: u64, signature: &[u8; 4]| {
        let mut bytes = [0; 4];
        let at = end_at.checked_sub(before);
        at.is_some_and(|at| reader.read_exact_at(&mut bytes, at).is_ok() && bytes == *signature)
    };
    starts(LOCATOR_NBYTES, b"PK\x06\x07") && starts(LOCATOR_NBYTES + END64_NBYTES, b"PK\x06\x06")
}

fn members<R: ReadAt>(
    archive: &ZipArchive<Shifted<R>>,
    buffer: &mut [u8],
    base: u64,
    limits: &Limits,
) -> Result<Vec<NpzMember>, Error> {
    let directory_at = archive.directory_offset();
    let mut end = directory_at;
    let mut members = Vec::new();
    let mut entries = archive.entries(buffer);
    while let Some(record) = entries
        .next_entry()
        .map_err(|error| from_rawzip(error, base.saturating_add(end)))?
    {
        if members.len() as u64 >= limits.members {
            let limit = limits.members;
            return Err(ErrorKind::TooManyMembers { limit }.at(base.saturating_add(end)));
        }
        end = record.central_directory_offset() + record_nbytes(&record);
        members.push(member(&record, base)?);
    }
    let records = members.len() as u64;
    check_end(archive, directory_at, end, records)
        .map_err(|kind| kind.at(base.saturating_add(archive.eocd_offset())))?;
    separate(&mut members, directory_at, base)?;
    Ok(members)
}

/// Bytes of a directory record.
fn record_nbytes(record: &ZipFileHeaderRecord<'_>) -> u64 {
    let extra = record.extra_fields().remaining_bytes().len();
    let text = record.file_path().as_bytes().len() + record.comment().as_bytes().len();
    46 + (text + extra) as u64
}

fn member(record: &ZipFileHeaderRecord<'_>, base: u64) -> Result<NpzMember, Error> {
    let raw = record.file_path();
    let offset = base.saturating_add(record.central_directory_offset());
    let at = |name: String, kind: ErrorKind| {
        let kind = Box::new(kind);
        ErrorKind::Member { name, kind }.at(offset)
    };
    let Some(file) = names::decode(raw.as_bytes(), record.flags().is_utf8()) else {
        let name = String::from_utf8_lossy(raw.as_bytes()).into_owned();
        let problem = "the name is not UTF-8";
        return Err(at(name, ErrorKind::Name { problem }));
    };
    if let Some(problem) = names::problem(&file) {
        return Err(at(file, ErrorKind::Name { problem }));
    }
    let method = match record.compression_method() {
        CompressionMethod::STORE => Method::Stored,
        CompressionMethod::DEFLATE => Method::Deflated,
        other => Method::Other(other.as_u16()),
    };
    Ok(NpzMember {
        file,
        method,
        encrypted: record.flags().is_encrypted() || record.flags().has_strong_encryption(),
        sized_behind: record.flags().has_data_descriptor(),
        packed_nbytes: record.compressed_size_hint(),
        nbytes: record.uncompressed_size_hint(),
        crc: record.crc32(),
        local_at: record.local_header_offset(),
        // Set when all members are known.
        end: 0,
        wayfinder: record.wayfinder(),
    })
}

/// The last records must agree with what the directory was found to be, or else other programs would read another one.
fn check_end<R: ReadAt>(
    archive: &ZipArchive<Shifted<R>>,
    directory_at: u64,
    end: u64,
    records: u64,
) -> Result<(), ErrorKind> {
    let wrong = |problem: &str| ErrorKind::Zip {
        problem: problem.to_owned(),
    };
    let end_at = archive.eocd_offset();
    let mut last = [0; END_NBYTES as usize];
    archive.get_ref().read_exact_at(&mut last, end_at)?;
    let short = |at: usize| u64::from(u16::from_le_bytes([last[at], last[at + 1]]));
    let zip64 = end_at.checked_sub(LOCATOR_NBYTES + END64_NBYTES) == Some(end);
    let (nbytes, count) = if zip64 {
        let mut end64 = [0; END64_NBYTES as usize];
        archive.get_ref().read_exact_at(&mut end64, end)?;
        let long = |at: usize| {
            let bytes = end64[at..at + 8].iter().rev();
            bytes.fold(0u64, |value, byte| value << 8 | u64::from(*byte))
        };
        (long(40), long(32))
    } else if end == end_at {
        if looks_zip64(archive.get_ref(), end_at) {
            return Err(wrong("it has a second end record inside the directory"));
        }
        let nbytes = u32::from_le_bytes([last[12], last[13], last[14], last[15]]);
        // Writers without zip64 let the count wrap around.
        let count = if short(10) == records & 0xffff {
            records
        } else {
            short(10)
        };
        (u64::from(nbytes), count)
    } else {
        return Err(wrong(
            "the directory does not end where the end record starts",
        ));
    };
    if short(4) != 0 || short(6) != 0 {
        return Err(wrong("it spans several disks"));
    }
    if nbytes != end - directory_at {
        return Err(wrong("the end record gives another size of the directory"));
    }
    if count != records {
        return Err(wrong(
            "the end record counts other members than the directory has",
        ));
    }
    Ok(())
}

/// Finds where each member must end, and that none reaches into the next or into the directory.
fn separate(members: &mut [NpzMember], directory_at: u64, base: u64) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|i| members[*i].local_at);
    let mut next = directory_at;
    let mut after: Option<usize> = None;
    for i in order.into_iter().rev() {
        let least = members[i]
            .local_at
            .checked_add(LOCAL_NBYTES)
            .and_then(|at| at.checked_add(members[i].packed_nbytes));
        if least.is_none_or(|least| least > next) {
            let problem = match after {
                Some(after) => format!("it reaches into member {:?}", members[after].file),
                None => "it reaches into the archive's directory".to_owned(),
            };
            let name = members[i].file.clone();
            let kind = Box::new(ErrorKind::Zip { problem });
            let offset = base.saturating_add(members[i].local_at);
            return Err(ErrorKind::Member { name, kind }.at(offset));
        }
        members[i].end = next;
        next = members[i].local_at;
        after = Some(i);
    }
    Ok(())
}

/// `rawzip`'s reasons, with a place.
pub(crate) fn from_rawzip(error: rawzip::Error, offset: u64) -> Error {
    let problem = match error.into_kind() {
        rawzip::ErrorKind::IO(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
            _ => return Error::from_io(error, offset),
        },
        rawzip::ErrorKind::Eof => "it is cut off".to_owned(),
        rawzip::ErrorKind::MissingEndOfCentralDirectory => "it has no end record".to_owned(),
        other => rawzip::Error::from(other).to_string(),
    };
    ErrorKind::Zip { problem }.at(offset)
}
