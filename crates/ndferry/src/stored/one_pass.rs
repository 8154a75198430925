//! Several parts of an array out of one stream of its elements.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::slice::ChunksMut;

use ndferry_array::Selection;

use crate::Result;
use crate::error::from_io;
use crate::units::{Offsets, Units};

/// Bytes that are thrown away at a time.
const PIECE: usize = 64 << 10;

/// A part of an array, and the memory for its elements: dense, in stored order.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) selection: &'a Selection,
    pub(crate) units: &'a Units,
    pub(crate) out: &'a mut [u8],
}

/// Fills all of them from the elements in stored order, and reads no further than the last one needs. Parts may lie
/// between each other, but not share elements. Gives the number of bytes that were read.
pub(crate) fn fill(parts: &mut [Wanted<'_>], from: &mut impl Read) -> Result<u64> {
    let mut rests: Vec<Rest<'_>> = parts.iter_mut().map(Rest::of).collect();
    let next = |rest: &mut Rest<'_>, i: usize| Some(Reverse((rest.offsets.next()?, i)));
    let mut heap: BinaryHeap<_> = (0..rests.len())
        .filter_map(|i| next(&mut rests[i], i))
        .collect();
    let mut at = 0;
    while let Some(Reverse((offset, i))) = heap.pop() {
        skip(from, offset - at)?;
        let rest = &mut rests[i];
        if let Some(unit) = rest.out.next() {
            from.read_exact(unit).map_err(from_io)?;
        }
        at = offset + rest.nbytes;
        heap.extend(next(rest, i));
    }
    Ok(at)
}

/// The units of one part that are still to come.
struct Rest<'a> {
    nbytes: u64,
    offsets: Offsets<'a>,
    out: ChunksMut<'a, u8>,
}

impl<'a> Rest<'a> {
    fn of(part: &'a mut Wanted<'_>) -> Self {
        let nbytes = part.units.nbytes;
        Self {
            nbytes,
            offsets: part.units.offsets(),
            out: part.out.chunks_mut((nbytes as usize).max(1)),
        }
    }
}

/// Reads so many bytes and throws them away.
pub(crate) fn skip(from: &mut impl Read, nbytes: u64) -> Result<()> {
    let mut left = nbytes;
    let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
    while left > 0 {
        let n = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        from.read_exact(&mut piece[..n]).map_err(from_io)?;
        left -= n as u64;
    }
    Ok(())
}
