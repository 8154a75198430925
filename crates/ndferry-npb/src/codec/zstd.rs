//! Zstandard: one frame that says how long it is, without a checksum of its own.

use zstd_safe::{CCtx, CParameter, DCtx, find_frame_compressed_size, get_error_name};

use super::{Pack, Unpack};
use crate::pack::at_least;
use crate::{ElementType, ErrorKind};

/// Packs; keeps its context.
pub(crate) struct Packer(CCtx<'static>);

impl Packer {
    /// With a level that [`Codec::levels`](crate::Codec::levels) has.
    pub(crate) fn new(level: i16) -> Result<Self, ErrorKind> {
        let mut context = CCtx::try_create().ok_or_else(|| problem("no memory"))?;
        let set = context.set_parameter(CParameter::CompressionLevel(level.into()));
        set.map_err(|code| problem(get_error_name(code)))?;
        Ok(Self(context))
    }
}

impl Pack for Packer {
    fn pack(&mut self, _element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        self.0.compress2(at_least(out, bytes.len()), bytes).ok()
    }
}

/// Unpacks; keeps its context.
pub(crate) struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub(crate) fn new() -> Result<Self, ErrorKind> {
        let context = DCtx::try_create().ok_or_else(|| problem("no memory"))?;
        Ok(Self(context))
    }
}

impl Unpack for Unpacker {
    fn unpack(
        &mut self,
        _element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        let fail = |code| problem(get_error_name(code));
        // Several frames in a row would be unpacked by some readers and not by others.
        if find_frame_compressed_size(payload).map_err(fail)? != payload.len() {
            return Err(problem("more than one frame"));
        }
        self.0.decompress(out, payload).map_err(fail)
    }
}

fn problem(what: &str) -> ErrorKind {
    let problem = format!("zstd: {what}");
    ErrorKind::Unpack { problem }
}
