//! Why bytes are not an NPY or NPZ file that we read, and where.

use std::io;

/// What is wrong, and at which byte from the start of the input.
///
/// In an NPZ, what is wrong with the archive itself (its directory, a name, a checksum, the packed bytes) has its place
/// in the archive; what is wrong with a member's header or data has its place in the unpacked member.
#[derive(Debug, thiserror::Error)]
#[error("byte {offset}: {kind}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, in bytes from the start of the input.
    pub offset: u64,
}

/// What is wrong with an NPY or NPZ file, or with a request to read or write one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input does not start with NPY's magic.
    #[error("not an NPY file: it starts with {}", Hex(.found))]
    Magic {
        /// The first bytes, at most eight.
        found: Vec<u8>,
    },
    /// A version of the format that NumPy does not have.
    #[error("NPY version {major}.{minor} is not known, only 1.0, 2.0 and 3.0")]
    Version {
        /// The first number.
        major: u8,
        /// The second.
        minor: u8,
    },
    /// The input ends inside the header.
    #[error("the header needs {needed} bytes, but the input ends after {found}")]
    Truncated {
        /// How many bytes from the start of the input the header needs, as far as it is known.
        needed: u64,
        /// How many there are.
        found: u64,
    },
    /// A header longer than the limit.
    #[error("a header of {nbytes} bytes, more than the limit of {limit}")]
    HeaderTooLong {
        /// What it claims.
        nbytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The header is not the Python literal that it should be.
    #[error("the header is not a Python literal: {problem}")]
    Literal {
        /// What is wrong there.
        problem: &'static str,
    },
    /// A literal, but not a dict of exactly `descr`, `fortran_order` and `shape`, each of its type.
    #[error("the header's {key}: {problem}")]
    Key {
        /// Which key, or `dict`.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A dtype or shape that no array can have.
    #[error("{0}")]
    Array(#[from] ndferry_array::Error),
    /// The header promises more data than the input holds.
    #[error("shape {shape:?} of {descr} needs {needed} bytes, but {found} are left")]
    TooFewBytes {
        /// The shape.
        shape: Vec<usize>,
        /// The dtype.
        descr: String,
        /// Bytes of all elements.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// More data than the caller allows.
    #[error("{nbytes} bytes of data, more than the limit of {limit}")]
    TooMuchData {
        /// What the header promises.
        nbytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Memory of the caller's that has not the size of what is to be read.
    #[error("{needed} bytes are to be read, into memory of {given}")]
    Target {
        /// Bytes that would be read.
        needed: u64,
        /// Bytes of the memory.
        given: u64,
    },
    /// Elements are Python objects where plain bytes are wanted.
    #[error("the elements are Python objects: they are stored as a pickle")]
    Objects,
    /// A header that has no room for a longer axis.
    #[error("the header has no room for {extent} rows: it must be written anew")]
    NoRoom {
        /// The extent that does not fit.
        extent: u64,
    },
    /// An array that cannot have more rows in place.
    #[error("{problem}")]
    NoGrowing {
        /// Why not.
        problem: &'static str,
    },
    /// The archive's directory contradicts itself or the file.
    #[error("not a ZIP archive that can be trusted: {problem}")]
    Zip {
        /// What is wrong.
        problem: String,
    },
    /// Something wrong with one member of an archive.
    #[error("member {name:?}: {kind}")]
    Member {
        /// The member's name.
        name: String,
        /// What is wrong with it.
        kind: Box<ErrorKind>,
    },
    /// A member's name that cannot be a member's name.
    #[error("{problem}")]
    Name {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More members than the limit.
    #[error("more members than the limit of {limit}")]
    TooManyMembers {
        /// The limit.
        limit: u64,
    },
    /// A member that holds much more than its array.
    #[error("{nbytes} bytes follow the array")]
    Trailing {
        /// Bytes after the array.
        nbytes: u64,
    },
    /// An archive in which a member could not be written to its end.
    #[error("an earlier member was not written to its end")]
    Unfinished,
    /// A way to pack members other than stored and deflated.
    #[error("compression method {method} is not supported (stored and deflated are)")]
    Method {
        /// ZIP's number of the method.
        method: u16,
    },
    /// An encrypted member.
    #[error("the member is encrypted")]
    Encrypted,
    /// A member whose bytes are not those that were stored.
    #[error("damaged: CRC-32 is {found:08x}, the archive says {expected:08x}")]
    Crc {
        /// What the bytes have.
        found: u32,
        /// What the directory says.
        expected: u32,
    },
    /// A deflated member that does not inflate to what the directory says.
    #[error("damaged: the deflated data {problem}")]
    Deflate {
        /// What is wrong.
        problem: &'static str,
    },
    /// The system failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ErrorKind {
    /// With the place where it was found.
    pub fn at(self, offset: u64) -> Error {
        Error { kind: self, offset }
    }
}

impl Error {
    /// What a reader reports; an error of ours that went through `std::io` comes back as it was.
    pub(crate) fn from_io(error: io::Error, offset: u64) -> Self {
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => ErrorKind::Io(error).at(offset),
        }
    }

    /// The same, said of a member of an archive.
    pub(crate) fn in_member(self, name: &str) -> Self {
        if matches!(self.kind, ErrorKind::Member { .. } | ErrorKind::Io(_)) {
            return self;
        }
        let name = name.to_owned();
        let kind = Box::new(self.kind);
        ErrorKind::Member { name, kind }.at(self.offset)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Io(error) => error,
            _ => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Bytes as pairs of hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}
