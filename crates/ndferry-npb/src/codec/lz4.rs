//! LZ4: one bare block, without a length before it.

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

use super::{Pack, Unpack};
use crate::pack::at_least;
use crate::{ElementType, ErrorKind};

/// Packs; keeps its table.
pub(crate) struct Packer(CompressTable);

impl Packer {
    pub(crate) fn new() -> Self {
        Self(CompressTable::default())
    }
}

impl Pack for Packer {
    fn pack(&mut self, _element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        // It wants room for the worst case before it begins.
        let out = at_least(out, get_maximum_output_size(bytes.len()));
        compress_into_with_table(bytes, out, &mut self.0).ok()
    }
}

/// Unpacks.
pub(crate) struct Unpacker;

impl Unpack for Unpacker {
    fn unpack(
        &mut self,
        _element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        decompress_into(payload, out).map_err(|error| ErrorKind::Unpack {
            problem: format!("lz4: {error}"),
        })
    }
}
