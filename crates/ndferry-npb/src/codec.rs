//! [`Codec`]: how a block's bytes are packed.

use std::fmt;

use crate::{ElementType, ErrorKind};

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
    /// One Pco chunk.
    Pco = 3,
    /// One zlib stream.
    Deflate = 4,
}

/// Reversible step on a block's bytes before the codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Filter {
    /// As they are.
    #[default]
    None = 0,
    /// All first bytes of the numbers, then all second ones …
    Shuffle = 1,
    /// The same with bits.
    Bitshuffle = 2,
    /// Differences of neighbours, then shuffled.
    Delta = 3,
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
}

impl Filter {
    /// All filters, by number.
    pub const ALL: [Self; 4] = [Self::None, Self::Shuffle, Self::Bitshuffle, Self::Delta];

    /// The filter with this number.
    ///
    /// # Errors
    /// [`ErrorKind::NoFilter`].
    pub fn of(id: u8) -> Result<Self, ErrorKind> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(ErrorKind::NoFilter { id })
    }

    /// Its name in the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Shuffle => "shuffle",
            Self::Bitshuffle => "bitshuffle",
            Self::Delta => "delta",
        }
    }
}

/// Unpacks a block's payload into exactly the bytes of its tile.
///
/// # Errors
/// [`ErrorKind::NoCodec`] for what this build does not have; [`ErrorKind::Unpack`] if the payload does not give exactly
/// `out.len()` bytes.
pub fn unpack(
    codec: Codec,
    filter: Filter,
    element: &ElementType,
    payload: &[u8],
    out: &mut [u8],
) -> Result<(), ErrorKind> {
    let _ = element;
    match (codec, filter) {
        (Codec::Raw, Filter::None) if payload.len() == out.len() => {
            out.copy_from_slice(payload);
            Ok(())
        }
        (Codec::Raw, Filter::None) => {
            let problem = format!("{} bytes instead of {}", payload.len(), out.len());
            Err(ErrorKind::Unpack { problem })
        }
        (codec, _) => Err(ErrorKind::NoCodec {
            id: codec as u8,
            known: true,
        }),
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
