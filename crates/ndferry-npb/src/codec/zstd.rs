//! Zstandard: one frame that says how long it is, without a checksum of its own.

use zstd_safe::{
    CCtx, CParameter, DCtx, compress_bound, find_frame_compressed_size, get_error_name,
};

use super::{Pack, Unpack};
use crate::{ElementType, ErrorKind, Filter};

/// The longest block that Zstandard has.
const MAX_BLOCK_NBYTES: usize = 128 << 10;

/// Below this the bytes that say how a block is packed are more than a block of its own gains.
const MIN_PLANE_NBYTES: usize = 2 << 10;

/// Up to each of these Zstandard's first level has other parameters than for more.
const TINY_NBYTES: usize = 16 << 10;
const SMALL_NBYTES: usize = 128 << 10;
const MEDIUM_NBYTES: usize = 256 << 10;

/// Packs; keeps its context.
///
/// A filter leaves planes behind: all first bytes of the numbers, then all second ones. What is in them has little in
/// common, and a block has one table for how often each byte comes. So blocks end where planes end: times in
/// nanoseconds, as differences, become 12 % smaller so, in three quarters of the time.
pub(crate) struct Packer {
    context: CCtx<'static>,
    first_level: bool,
    delta: bool,
    planes: usize,
    /// For packing so many bytes.
    set_for: usize,
}

impl Packer {
    /// With a level that [`Codec::levels`](crate::Codec::levels) has, for what this filter leaves of these elements.
    pub(crate) fn new(
        level: i16,
        filter: Filter,
        element: &ElementType,
    ) -> Result<Self, ErrorKind> {
        let mut context = CCtx::try_create().ok_or_else(|| problem("no memory"))?;
        let set = context.set_parameter(CParameter::CompressionLevel(level.into()));
        set.map_err(|code| problem(get_error_name(code)))?;
        Ok(Self {
            context,
            first_level: level == 1,
            delta: filter == Filter::Delta,
            planes: match filter {
                Filter::None => 1,
                _ => element.width.max(1) as usize,
            },
            set_for: 0,
        })
    }

    fn set(&mut self, nbytes: usize) -> Option<()> {
        let block = block_nbytes(nbytes, self.planes);
        let set = self.context.set_parameter(CParameter::MaxBlockSize(block));
        set.ok()?;
        if self.first_level && self.planes > 1 {
            // As Zstandard's first level is for as many bytes as a plane has; 0 is what it does for all of them. With
            // differences shorter matches make it larger.
            let plane = nbytes / self.planes;
            let (least, hash) = if nbytes <= TINY_NBYTES || plane > MEDIUM_NBYTES {
                (0, 0)
            } else if plane <= SMALL_NBYTES {
                (6, 13)
            } else {
                (6, 0)
            };
            let least = if self.delta { 0 } else { least };
            let parameters = [CParameter::MinMatch(least), CParameter::HashLog(hash)];
            for parameter in parameters {
                self.context.set_parameter(parameter).ok()?;
            }
        }
        self.set_for = nbytes;
        Some(())
    }
}

/// How long blocks are, so that each plane has whole ones; 0 for what Zstandard does by itself.
fn block_nbytes(nbytes: usize, planes: usize) -> u32 {
    let plane = nbytes / planes;
    match plane {
        _ if planes == 1 => 0,
        0..MIN_PLANE_NBYTES => 0,
        _ => plane.div_ceil(plane.div_ceil(MAX_BLOCK_NBYTES)) as u32,
    }
}

impl Pack for Packer {
    fn pack(&mut self, _element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if bytes.len() != self.set_for {
            self.set(bytes.len())?;
        }
        // Not zeroed before, and touched only as far as it is filled. Always with room for the worst case, so that what
        // comes out does not depend on what was there.
        out.clear();
        out.reserve(compress_bound(bytes.len()));
        self.context.compress2(out, bytes).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ElementKind, Endian};

    #[test]
    fn blocks_end_where_planes_end() {
        assert_eq!(block_nbytes(512 << 10, 8), 64 << 10);
        assert_eq!(block_nbytes(1 << 20, 4), 128 << 10);
        assert_eq!(block_nbytes(600 << 10, 2), 100 << 10);
        assert_eq!(block_nbytes(600 << 10, 1), 0);
        assert_eq!(block_nbytes(8 << 10, 8), 0);
    }

    #[test]
    fn planes_have_tables_of_their_own() {
        let element = ElementType {
            kind: ElementKind::Signed,
            endian: Endian::Little,
            width: 2,
            itemsize: 2,
        };
        // A plane of bytes that all come equally often, and one of sixteen different ones.
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let noise: Vec<u8> = (0..32 << 10).map(|_| random()).collect();
        let calm = (0..32 << 10).map(|_| random() >> 4).collect();
        let planes = [noise, calm].concat();
        let packed = |filter| {
            let mut packer = Packer::new(1, filter, &element).unwrap();
            let mut out = Vec::new();
            packer.pack(&element, &planes, &mut out).unwrap()
        };
        let (apart, together) = (packed(Filter::Shuffle), packed(Filter::None));
        // 8 and 4 bits, and hardly more.
        assert!(apart < (49 << 10), "{apart}");
        assert!(together > (51 << 10), "{together}");
    }
}
