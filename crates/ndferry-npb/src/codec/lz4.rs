//! LZ4: one bare block, without a length before it.

use lz4::block::{compress_bound, compress_to_buffer, decompress_to_buffer};

use super::{Pack, Unpack};
use crate::pack::at_least;
use crate::{ElementType, ErrorKind};

/// Packs.
pub(crate) struct Packer;

impl Pack for Packer {
    fn pack(&mut self, _element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        // With room for the worst case it need not look where it writes.
        let out = at_least(out, compress_bound(bytes.len()).ok()?);
        compress_to_buffer(bytes, None, false, out).ok()
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
        let wrong = |problem: String| ErrorKind::Unpack {
            problem: format!("lz4: {problem}"),
        };
        // The library counts in `int`, and checks only one of both.
        let (Ok(nbytes), Ok(_)) = (i32::try_from(out.len()), i32::try_from(payload.len())) else {
            return Err(wrong("more than 2 GiB at once".to_owned()));
        };
        decompress_to_buffer(payload, Some(nbytes), out).map_err(|error| wrong(error.to_string()))
    }
}
