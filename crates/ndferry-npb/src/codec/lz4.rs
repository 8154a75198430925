//! LZ4: one block, without a frame around it. Packed by `lz4_flex`; unpacked here, since that reader copies the long runs
//! of equal bytes that shuffled numbers have byte by byte (five times as slow, on sorted times).

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

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
        decode(payload, out).map_err(|problem| ErrorKind::Unpack {
            problem: format!("lz4: {problem}"),
        })
    }
}

/// Bytes that are copied at once where there is room for them, whether all are wanted or not.
const CHUNK: usize = 16;

/// Shortest match (`lz4_Block_format.md`).
const MIN_MATCH: usize = 4;

/// Unpacks a block; gives how many bytes came out.
fn decode(block: &[u8], out: &mut [u8]) -> Result<usize, &'static str> {
    let (mut from, mut to) = (0, 0);
    loop {
        let token = *block.get(from).ok_or(CUT)?;
        from += 1;
        let literals = length(usize::from(token >> 4), block, &mut from)?;
        match (chunk(block, from), chunk_mut(out, to)) {
            (Some(source), Some(target)) if literals <= CHUNK => *target = *source,
            _ => {
                let source = block.get(from..).and_then(|rest| rest.get(..literals));
                let target = out.get_mut(to..).and_then(|rest| rest.get_mut(..literals));
                let (source, target) = (source.ok_or(CUT)?, target.ok_or(TOO_LONG)?);
                target.copy_from_slice(source);
            }
        }
        from += literals;
        to += literals;
        // Only the last sequence has no match.
        if from == block.len() {
            return Ok(to);
        }
        let offset = block.get(from..from + 2).ok_or(CUT)?;
        let offset = usize::from(offset[0]) | usize::from(offset[1]) << 8;
        from += 2;
        let nbytes = MIN_MATCH + length(usize::from(token & 15), block, &mut from)?;
        if offset == 0 || offset > to {
            return Err("a match before the beginning");
        }
        if nbytes > out.len() - to {
            return Err(TOO_LONG);
        }
        repeat(out, to, offset, nbytes);
        to += nbytes;
    }
}

const CUT: &str = "it ends too early";
const TOO_LONG: &str = "more bytes than the tile has";

/// A length that goes on in further bytes if its four bits are full.
fn length(bits: usize, block: &[u8], from: &mut usize) -> Result<usize, &'static str> {
    if bits < 15 {
        return Ok(bits);
    }
    // At most 255 a byte of the block, which is in memory.
    let mut length = bits;
    loop {
        let more = *block.get(*from).ok_or(CUT)?;
        *from += 1;
        length += usize::from(more);
        if more < 255 {
            return Ok(length);
        }
    }
}

/// Writes `nbytes` that stand `offset` before `to`, which may be among those that are written.
fn repeat(out: &mut [u8], to: usize, offset: usize, nbytes: usize) {
    let start = to - offset;
    if offset >= CHUNK && nbytes <= 2 * CHUNK && out.len() - to >= 2 * CHUNK {
        out.copy_within(start..start + CHUNK, to);
        out.copy_within(start + CHUNK..start + 2 * CHUNK, to + CHUNK);
        return;
    }
    if offset == 1 {
        let byte = out[start];
        out[to..to + nbytes].fill(byte);
        return;
    }
    // What is there already is doubled until it is enough.
    let mut done = 0;
    while done < nbytes {
        let run = (offset + done).min(nbytes - done);
        out.copy_within(start..start + run, to + done);
        done += run;
    }
}

fn chunk(bytes: &[u8], at: usize) -> Option<&[u8; CHUNK]> {
    bytes.get(at..)?.first_chunk()
}

fn chunk_mut(bytes: &mut [u8], at: usize) -> Option<&mut [u8; CHUNK]> {
    bytes.get_mut(at..)?.first_chunk_mut()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs and repeats of all kinds.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let run = (any::<u8>(), 1..400usize).prop_map(|(byte, n)| vec![byte; n]);
        let period = (prop::collection::vec(0..4u8, 1..40), 1..30usize)
            .prop_map(|(bytes, times)| bytes.repeat(times));
        let noise = prop::collection::vec(any::<u8>(), 0..60);
        prop::collection::vec(prop_oneof![run, period, noise], 0..12)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_another_program_packs_comes_back(raw in bytes()) {
            let block = lz4_flex::block::compress(&raw);
            let mut out = vec![0xAA; raw.len()];
            prop_assert_eq!(decode(&block, &mut out), Ok(raw.len()));
            prop_assert_eq!(&out, &raw);
            // Too little room, or a block that was cut.
            if !raw.is_empty() {
                prop_assert!(decode(&block, &mut out[1..]).is_err());
                let cut = decode(&block[..block.len() - 1], &mut out);
                prop_assert!(cut.is_err() || cut.is_ok_and(|n| n < raw.len()));
            }
        }

        #[test]
        fn damaged_blocks_give_what_another_reader_gives(
            raw in bytes(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut block = lz4_flex::block::compress(&raw);
            for (at, byte) in changes {
                let at = at.index(block.len());
                block[at] = byte;
            }
            let (mut ours, mut theirs) = (vec![0; raw.len()], vec![0; raw.len()]);
            let theirs_nbytes = lz4_flex::block::decompress_into(&block, &mut theirs);
            let ours_nbytes = decode(&block, &mut ours);
            if let (Ok(theirs_nbytes), Ok(nbytes)) = (theirs_nbytes, ours_nbytes) {
                prop_assert_eq!(nbytes, theirs_nbytes);
                prop_assert_eq!(&ours[..nbytes], &theirs[..nbytes]);
            }
        }
    }
}
