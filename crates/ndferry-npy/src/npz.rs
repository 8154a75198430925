//! [`Npz`]: arrays in a ZIP archive.

use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use rawzip::{ZipArchive, ZipArchiveEntryWayfinder};

use crate::directory::{self, Shifted};
use crate::member::{self, NpzReader};
use crate::{Contents, Error, ErrorKind, Header, Limits, ReadAt, names};

/// Bytes after a member's array that are tolerated, as NumPy does; they are checked, not kept.
const MAX_TRAILING: u64 = 1 << 20;

/// What an archive is read through while only a header is wanted.
const HEADER_PIECE: usize = 4096;

/// What an archive is read through while all of a member is wanted.
const PIECE: usize = 256 << 10;

/// An open NPZ archive (`numpy.lib.npyio.NpzFile`). Opening reads its directory only; members are read one by one, in
/// any order, also from several threads.
///
/// ```
/// use ndferry_array::Array;
/// use ndferry_npy::{Contents, Limits, Npz, NpzWriter, Packing};
///
/// let mut archive = NpzWriter::new(Vec::new(), Packing::DEFLATED);
/// archive.add("x", &Array::from_elements(&[3], &[1.0, 2.0, 4.0])?.view())?;
/// let bytes = archive.finish()?;
///
/// let npz = Npz::open(&bytes[..], &Limits::default())?;
/// let x = npz.find("x").unwrap();
/// assert_eq!(npz.header(x)?.0.shape, [3]);
/// let Contents::Array(array) = npz.read(x)? else { panic!() };
/// assert_eq!(array.to_elements::<f64>()?, [1.0, 2.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Npz<R> {
    archive: ZipArchive<Shifted<R>>,
    members: Vec<NpzMember>,
    limits: Limits,
}

/// One entry of the directory. Its claims about sizes have been checked against the archive, not yet against the data.
#[derive(Clone, Debug)]
pub struct NpzMember {
    pub(crate) file: String,
    pub(crate) method: Method,
    pub(crate) encrypted: bool,
    /// Sizes and checksum follow the data, so the local header need not have them.
    pub(crate) sized_behind: bool,
    pub(crate) packed_nbytes: u64,
    pub(crate) nbytes: u64,
    pub(crate) crc: u32,
    pub(crate) local_at: u64,
    /// Where the next member or the directory starts.
    pub(crate) end: u64,
    pub(crate) wayfinder: ZipArchiveEntryWayfinder,
}

/// How a member's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// As they are (`numpy.savez`).
    Stored,
    /// Deflated (`numpy.savez_compressed`).
    Deflated,
    /// By a method that is not read, with ZIP's number.
    Other(u16),
}

impl Method {
    /// ZIP's number.
    pub fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Deflated => 8,
            Self::Other(number) => number,
        }
    }
}

/// What a member seems to be, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberKind {
    /// `….npy`: an array.
    Array,
    /// A folder without contents.
    Folder,
    /// Anything else. NumPy gives its bytes, or an array if they start as an NPY file does; so does [`Npz::read`].
    Other,
}

impl NpzMember {
    /// The key in `numpy.load`'s dictionary: the file name without `.npy`.
    pub fn name(&self) -> &str {
        self.file.strip_suffix(".npy").unwrap_or(&self.file)
    }

    /// The name in the archive.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What it seems to be.
    pub fn kind(&self) -> MemberKind {
        if self.file.ends_with(".npy") {
            MemberKind::Array
        } else if self.file.ends_with('/') && self.nbytes == 0 {
            MemberKind::Folder
        } else {
            MemberKind::Other
        }
    }

    /// How it is packed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Whether it cannot be read without a password; nothing here decrypts.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Bytes in the archive.
    pub fn packed_nbytes(&self) -> u64 {
        self.packed_nbytes
    }

    /// Bytes of the unpacked member, the NPY header included.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// CRC-32 of the unpacked member.
    pub fn crc(&self) -> u32 {
        self.crc
    }
}

impl<R: ReadAt> Npz<R> {
    /// Reads the directory, and checks that it agrees with itself and the file: no member overlaps another, all names
    /// can be file names.
    ///
    /// Bytes before the archive and a comment after it are allowed, as in Python's `zipfile`.
    ///
    /// # Errors
    /// [`ErrorKind::Zip`], [`ErrorKind::Member`] with the member's name, [`ErrorKind::TooManyMembers`].
    pub fn open(reader: R, limits: &Limits) -> Result<Self, Error> {
        let (archive, members) = directory::open(reader, limits)?;
        Ok(Self {
            archive,
            members,
            limits: limits.clone(),
        })
    }

    /// All members in the order of the directory. Names may occur twice.
    pub fn members(&self) -> &[NpzMember] {
        &self.members
    }

    /// The member that `numpy.load(…)[name]` reads: the last of those with this file name, else with this key.
    pub fn find(&self, name: &str) -> Option<usize> {
        let last = |test: &dyn Fn(&NpzMember) -> bool| self.members.iter().rposition(test);
        last(&|member| member.file == name).or_else(|| last(&|member| member.name() == name))
    }

    /// What the archive is read through.
    pub fn get_ref(&self) -> &R {
        &self.archive.get_ref().inner
    }

    /// First byte after the archive and its comment, from the start of the file.
    pub fn end(&self) -> u64 {
        let base = self.archive.get_ref().base;
        base.saturating_add(self.archive.end_offset())
    }

    /// The header of member `i` and where its data starts in the unpacked member, in bytes. Reads no more of it than
    /// that needs; the checksum, which is over all of it, is not checked.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong with the header or the packed bytes.
    pub fn header(&self, i: usize) -> Result<(Header, usize), Error> {
        let mut reader = self.reader_in_pieces(i, HEADER_PIECE)?;
        Header::read(&mut reader, &self.limits).map_err(|error| error.in_member(self.name(i)))
    }

    /// The bytes of the unpacked member from its start on, as a stream. The last read fails if the checksum is not that
    /// of the directory, or the length: who reads all of it has what was stored.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] if the member is encrypted, packed by another method, or not where the directory says.
    pub fn reader(&self, i: usize) -> Result<NpzReader<'_, R>, Error> {
        self.reader_in_pieces(i, PIECE)
    }

    fn reader_in_pieces(&self, i: usize, piece: usize) -> Result<NpzReader<'_, R>, Error> {
        let packed = self.packed_range(i)?;
        NpzReader::new(self.get_ref(), &self.members[i], packed, piece)
    }

    /// Member `i`: an array, objects, or bytes that are no NPY file; its checksum is checked.
    ///
    /// A stored member of an archive in memory ([`ReadAt::shared`]) is not copied.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong.
    pub fn read(&self, i: usize) -> Result<Contents, Error> {
        let name = self.name(i);
        let in_member = |error: Error| error.in_member(name);
        if self.members[i].nbytes > MAX_TRAILING {
            self.check_head(i)?;
        }
        let bytes = self.bytes(i)?;
        let is_npy = bytes.starts_with(&crate::MAGIC);
        if !is_npy && self.members[i].kind() != MemberKind::Array {
            return Ok(Contents::Bytes(bytes));
        }
        let (contents, _) = Contents::parse(&bytes, &self.limits).map_err(in_member)?;
        Ok(contents)
    }

    /// Before much memory is filled: is it what the header promises?
    fn check_head(&self, i: usize) -> Result<(), Error> {
        let member = &self.members[i];
        let (header, start) = match self.header(i) {
            Ok(found) => found,
            Err(_) if member.kind() == MemberKind::Other => return Ok(()),
            Err(error) => return Err(error),
        };
        if header.dtype.has_object() {
            return Ok(());
        }
        let needed = (start as u64).saturating_add(header.data_nbytes().unwrap_or(u64::MAX));
        let wrong = if needed > member.nbytes {
            crate::read::too_few(&header, start, (member.nbytes - start as u64) as usize)
        } else if member.nbytes - needed > MAX_TRAILING {
            let nbytes = member.nbytes - needed;
            ErrorKind::Trailing { nbytes }.at(needed)
        } else {
            return Ok(());
        };
        Err(wrong.in_member(&member.file))
    }

    /// The whole unpacked member, its checksum checked.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong.
    pub fn bytes(&self, i: usize) -> Result<Bytes, Error> {
        let member = &self.members[i];
        let packed = self.packed_range(i)?;
        if member.nbytes > self.limits.data_nbytes {
            let (nbytes, limit) = (member.nbytes, self.limits.data_nbytes);
            let error = ErrorKind::TooMuchData { nbytes, limit }.at(packed.start);
            return Err(error.in_member(&member.file));
        }
        if member.method == Method::Stored
            && let Some(bytes) = self.get_ref().shared(packed.clone())
        {
            member::check_crc(member, crc32fast::hash(&bytes), packed.start)?;
            return Ok(bytes);
        }
        let mut bytes = member::zeroed(member, packed.start)?;
        self.fill(member, packed, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Fills `target`, of exactly [`NpzMember::nbytes`] bytes, with the unpacked member; its checksum is checked.
    ///
    /// For memory of the caller's, such as huge pages. [`Header::parse`] says where the data starts in it.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] with what is wrong.
    pub fn read_into(&self, i: usize, target: &mut [u8]) -> Result<(), Error> {
        let member = &self.members[i];
        let packed = self.packed_range(i)?;
        if target.len() as u64 != member.nbytes {
            let (needed, given) = (member.nbytes, target.len() as u64);
            let error = ErrorKind::Target { needed, given }.at(packed.start);
            return Err(error.in_member(&member.file));
        }
        self.fill(member, packed, target)
    }

    fn fill(&self, member: &NpzMember, packed: Range<u64>, target: &mut [u8]) -> Result<(), Error> {
        member::fill(self.get_ref(), member, packed, PIECE, target)
    }

    /// Where the bytes of a stored member lie in the archive's file, header included, so that parts of its data can be
    /// read in place; `None` if it is packed. Parts cannot be checked against the checksum.
    ///
    /// # Errors
    /// [`ErrorKind::Member`] if it is not where the directory says.
    pub fn stored_range(&self, i: usize) -> Result<Option<Range<u64>>, Error> {
        if self.members[i].method != Method::Stored {
            return Ok(None);
        }
        self.packed_range(i).map(Some)
    }

    /// The bytes of a member as they lie in the archive, for [`crate::NpzWriter::add_packed`].
    ///
    /// # Errors
    /// [`ErrorKind::Member`] if it is not where the directory says.
    pub fn packed(&self, i: usize) -> Result<impl Read + '_, Error> {
        let range = self.packed_range(i)?;
        Ok(member::Piece::new(self.get_ref(), range))
    }

    fn name(&self, i: usize) -> &str {
        &self.members[i].file
    }

    /// Where the packed bytes lie in the archive's file, after the local header has been compared with the directory.
    fn packed_range(&self, i: usize) -> Result<Range<u64>, Error> {
        let member = &self.members[i];
        let base = self.archive.get_ref().base;
        let local_at = base.saturating_add(member.local_at);
        let wrong = |kind: ErrorKind| kind.at(local_at).in_member(&member.file);
        if member.encrypted {
            return Err(wrong(ErrorKind::Encrypted));
        }
        if let Method::Other(method) = member.method {
            return Err(wrong(ErrorKind::Method { method }));
        }
        let from_rawzip = |error| directory::from_rawzip(error, local_at).in_member(&member.file);
        let entry = self
            .archive
            .get_entry(member.wayfinder)
            .map_err(from_rawzip)?;
        // Name and extra fields, which are rarely long.
        let (mut few, mut many) = ([0; 512], Vec::new());
        let local = match entry.local_header(&mut few) {
            Ok(local) => local,
            Err(error) => match error.kind() {
                rawzip::ErrorKind::BufferTooSmall { required } => {
                    many.resize(*required, 0);
                    entry.local_header(&mut many).map_err(from_rawzip)?
                }
                _ => return Err(from_rawzip(error)),
            },
        };
        let lies = |problem: &str| {
            wrong(ErrorKind::Zip {
                problem: problem.to_owned(),
            })
        };
        let raw = local.file_path();
        if names::decode(raw.as_bytes(), local.flags().is_utf8()).as_deref() != Some(&member.file) {
            return Err(lies("its local header has another name"));
        }
        if local.compression_method().as_u16() != member.method.number() {
            return Err(lies("its local header has another compression method"));
        }
        if !member.sized_behind
            && (
                local.crc32(),
                local.compressed_size_hint(),
                local.uncompressed_size_hint(),
            ) != (member.crc, member.packed_nbytes, member.nbytes)
        {
            return Err(lies("its local header has other sizes"));
        }
        let (start, end) = entry.compressed_data_range();
        if end > member.end {
            return Err(lies("it reaches into what follows it"));
        }
        if member.method == Method::Stored && member.packed_nbytes != member.nbytes {
            return Err(lies("it is stored, but has two sizes"));
        }
        Ok(base.saturating_add(start)..base.saturating_add(end))
    }
}
