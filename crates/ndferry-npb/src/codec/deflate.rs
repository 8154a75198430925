//! Deflate: one zlib stream (RFC 1950), which the standard libraries of Python and Java unpack.

use libdeflater::{CompressionLvl, Compressor, Decompressor};

use super::{Pack, Unpack};
use crate::pack::at_least;
use crate::{ElementType, ErrorKind};

/// Packs; keeps its tables.
pub(crate) struct Packer(Compressor);

impl Packer {
    /// With a level that [`Codec::levels`](crate::Codec::levels) has.
    pub(crate) fn new(level: i16) -> Self {
        let level = CompressionLvl::new(level.into()).unwrap_or_default();
        Self(Compressor::new(level))
    }
}

impl Pack for Packer {
    fn pack(&mut self, _element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        self.0.zlib_compress(bytes, at_least(out, bytes.len())).ok()
    }
}

/// Unpacks; keeps its tables.
pub(crate) struct Unpacker(Decompressor);

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self(Decompressor::new())
    }
}

impl Unpack for Unpacker {
    fn unpack(
        &mut self,
        _element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        let unpacked = self.0.zlib_decompress(payload, out);
        unpacked.map_err(|error| ErrorKind::Unpack {
            problem: format!("zlib: {error}"),
        })
    }
}
