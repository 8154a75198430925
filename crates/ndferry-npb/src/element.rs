//! [`ElementType`]: as much of a dtype as codecs and filters need.

use crate::{Error, ErrorKind};

/// What the numbers in an element are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ElementKind {
    /// Bytes without meaning: strings, structs, pickles.
    Bytes = 0,
    /// Unsigned integers, booleans, code points.
    Unsigned = 1,
    /// Signed integers, times.
    Signed = 2,
    /// Floats.
    Float = 3,
    /// Pairs of floats.
    Complex = 4,
}

impl ElementKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Unsigned => "unsigned integers",
            Self::Signed => "signed integers",
            Self::Float => "floats",
            Self::Complex => "complex numbers",
        }
    }
}

/// The order of the bytes in each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Endian {
    /// One byte each, or bytes without meaning.
    None = 0,
    /// Least significant byte first.
    Little = 1,
    /// Most significant byte first.
    Big = 2,
}

/// Numbers of `width` bytes, `itemsize / width` of them in an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElementType {
    /// What they are.
    pub kind: ElementKind,
    /// The order of their bytes.
    pub endian: Endian,
    /// Bytes of one number; for [`ElementKind::Bytes`] of the whole element.
    pub width: u32,
    /// Bytes of one element.
    pub itemsize: u32,
}

impl ElementType {
    /// One byte each, without meaning.
    pub const BYTES: Self = Self {
        kind: ElementKind::Bytes,
        endian: Endian::None,
        width: 1,
        itemsize: 1,
    };

    pub(crate) fn parse(
        kind: u8,
        endian: u8,
        width: u32,
        itemsize: u32,
    ) -> Result<Self, ErrorKind> {
        let field = |field, found: u32| ErrorKind::Field {
            field,
            found: found.into(),
        };
        let kind = match kind {
            0 => ElementKind::Bytes,
            1 => ElementKind::Unsigned,
            2 => ElementKind::Signed,
            3 => ElementKind::Float,
            4 => ElementKind::Complex,
            other => return Err(field("element kind", other.into())),
        };
        let endian = match endian {
            0 => Endian::None,
            1 => Endian::Little,
            2 => Endian::Big,
            other => return Err(field("byte order", other.into())),
        };
        // An itemsize of 0 has no width either.
        let whole = if itemsize == 0 {
            width == 0
        } else {
            width > 0 && itemsize.is_multiple_of(width)
        };
        if !whole {
            return Err(field("element width", width));
        }
        Ok(Self {
            kind,
            endian,
            width,
            itemsize,
        })
    }
}

impl From<ErrorKind> for Error {
    /// Where the place is the start of the message.
    fn from(kind: ErrorKind) -> Self {
        kind.at(0)
    }
}
