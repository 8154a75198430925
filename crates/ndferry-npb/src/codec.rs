//! [`Codec`]: how a block's bytes are packed.

#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "pco")]
mod pco;
mod raw;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::ops::RangeInclusive;

use crate::{ElementKind, ElementType, ErrorKind, Filter};

/// Packs and unpacks one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    #[default]
    Raw = 0,
    /// One LZ4 block.
    Lz4 = 1,
    /// One Zstandard frame.
    Zstd = 2,
    /// One Pco file of one chunk.
    Pco = 3,
    /// One zlib stream.
    Deflate = 4,
}

impl Codec {
    /// All codecs, by number.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Lz4, Self::Zstd, Self::Pco, Self::Deflate];

    /// The codec with this number.
    ///
    /// # Errors
    /// [`ErrorKind::NoCodec`].
    pub fn of(id: u8) -> Result<Self, ErrorKind> {
        let known = Self::ALL.get(usize::from(id)).copied();
        known.ok_or(ErrorKind::NoCodec { id, known: false })
    }

    /// Its name in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Pco => "pco",
            Self::Deflate => "deflate",
        }
    }

    /// Whether this build has it: each is a feature of this crate.
    pub fn is_built(self) -> bool {
        match self {
            Self::Raw => true,
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Pco => cfg!(feature = "pco"),
            Self::Deflate => cfg!(feature = "deflate"),
        }
    }

    /// Its levels, from the fastest to the smallest; the only one is 0 for a codec without.
    pub fn levels(self) -> RangeInclusive<i16> {
        match self {
            Self::Raw | Self::Lz4 => 0..=0,
            // Below -7 it hardly packs; above 22 there is nothing.
            Self::Zstd => -7..=22,
            Self::Pco | Self::Deflate => 0..=12,
        }
    }

    /// The level that suits most.
    pub fn default_level(self) -> i16 {
        match self {
            Self::Raw | Self::Lz4 => 0,
            Self::Zstd => 1,
            Self::Pco => 8,
            Self::Deflate => 6,
        }
    }

    /// Whether it can be used for such elements: Pco packs numbers of 1, 2, 4 or 8 bytes only.
    pub fn suits(self, element: &ElementType) -> bool {
        match (self, element.kind) {
            (Self::Pco, ElementKind::Bytes) => false,
            (Self::Pco, ElementKind::Unsigned | ElementKind::Signed) => {
                matches!(element.width, 1 | 2 | 4 | 8)
            }
            (Self::Pco, ElementKind::Float | ElementKind::Complex) => {
                matches!(element.width, 2 | 4 | 8)
            }
            _ => true,
        }
    }

    /// Its packing half, for what this filter leaves of these elements.
    ///
    /// # Errors
    /// [`ErrorKind::NoCodec`] if this build does not have it, [`ErrorKind::Level`] if it has no such level.
    #[cfg_attr(not(feature = "zstd"), expect(unused_variables))]
    pub(crate) fn pack(
        self,
        level: i16,
        filter: Filter,
        element: &ElementType,
    ) -> Result<Box<dyn Pack>, ErrorKind> {
        if !self.levels().contains(&level) {
            return Err(ErrorKind::Level { codec: self, level });
        }
        match self {
            Self::Raw => Ok(Box::new(raw::Raw)),
            #[cfg(feature = "lz4")]
            Self::Lz4 => Ok(Box::new(lz4::Packer)),
            #[cfg(feature = "zstd")]
            Self::Zstd => Ok(Box::new(zstd::Packer::new(level, filter, element)?)),
            #[cfg(feature = "pco")]
            Self::Pco => Ok(Box::new(pco::Pco { level })),
            #[cfg(feature = "deflate")]
            Self::Deflate => Ok(Box::new(deflate::Packer::new(level))),
            #[cfg(not(all(
                feature = "lz4",
                feature = "zstd",
                feature = "pco",
                feature = "deflate"
            )))]
            _ => Err(self.not_built()),
        }
    }

    /// Its unpacking half.
    ///
    /// # Errors
    /// [`ErrorKind::NoCodec`] if this build does not have it.
    pub(crate) fn unpack(self) -> Result<Box<dyn Unpack>, ErrorKind> {
        match self {
            Self::Raw => Ok(Box::new(raw::Raw)),
            #[cfg(feature = "lz4")]
            Self::Lz4 => Ok(Box::new(lz4::Unpacker)),
            #[cfg(feature = "zstd")]
            Self::Zstd => Ok(Box::new(zstd::Unpacker::new()?)),
            #[cfg(feature = "pco")]
            Self::Pco => Ok(Box::new(pco::Pco { level: 0 })),
            #[cfg(feature = "deflate")]
            Self::Deflate => Ok(Box::new(deflate::Unpacker::new())),
            #[cfg(not(all(
                feature = "lz4",
                feature = "zstd",
                feature = "pco",
                feature = "deflate"
            )))]
            _ => Err(self.not_built()),
        }
    }

    #[cfg(not(all(
        feature = "lz4",
        feature = "zstd",
        feature = "pco",
        feature = "deflate"
    )))]
    fn not_built(self) -> ErrorKind {
        let id = self as u8;
        ErrorKind::NoCodec { id, known: true }
    }

    /// # Errors
    /// [`ErrorKind::Unsuited`] if it cannot be used for such elements.
    pub(crate) fn check(self, element: &ElementType) -> Result<(), ErrorKind> {
        if self.suits(element) {
            Ok(())
        } else {
            Err(ErrorKind::Unsuited {
                step: self.name(),
                kind: element.kind,
                width: element.width,
            })
        }
    }
}

/// The packing half of a codec, with the tables it keeps from block to block.
pub(crate) trait Pack: Send {
    /// Packs into the start of `out`, which it makes as long as it needs but never shorter, and gives the number of
    /// bytes. `None` if it cannot, or not into fewer than `bytes` has.
    fn pack(&mut self, element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize>;
}

/// The unpacking half of a codec, with the tables it keeps from block to block.
pub(crate) trait Unpack: Send {
    /// Unpacks into `out` and gives the number of bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Unpack`] for a payload that is no such thing, and for one of more bytes than `out` has.
    fn unpack(
        &mut self,
        element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind>;
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
