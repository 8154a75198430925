//! Bit planes: bit 0 of the first byte of all numbers, then bit 1 … as Blosc and bitshuffle make them, over the first
//! `floor(n / 8) * 8` numbers; what follows stays as it is.
//!
//! Byte planes first; in each, the bits of 8 bytes at a time are transposed like an 8x8 matrix, and then the bytes of
//! these groups are parted as if they were numbers of 8 bytes.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};

use super::shuffle::{gather, scatter};

/// Bytes that are worked on at a time, so that they stay in the first-level cache.
const RUN_NBYTES: usize = 16 << 10;

/// Bit-shuffles numbers of `width` bytes.
pub(crate) fn bitshuffle(raw: &[u8], out: &mut [u8], width: usize) {
    let count = raw.len() / width / 8 * 8;
    let (numbers, rest) = raw.split_at(count * width);
    let (planes, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    let mut scratch = Vec::new();
    for run in runs(count, width) {
        let n = run.len();
        scratch.resize(n * width, 0);
        scatter(
            &numbers[run.start * width..run.end * width],
            &mut scratch,
            width,
            n,
            0,
        );
        dispatch!(Level::new(), simd => transpose(simd, &mut scratch));
        for (bytes, plane) in scratch.chunks_exact(n).zip(planes.chunks_exact_mut(count)) {
            scatter(bytes, plane, 8, count / 8, run.start / 8);
        }
    }
}

/// Undoes it.
pub(crate) fn unbitshuffle(shuffled: &[u8], out: &mut [u8], width: usize) {
    let count = shuffled.len() / width / 8 * 8;
    let (planes, rest) = shuffled.split_at(count * width);
    let (numbers, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    let mut scratch = Vec::new();
    for run in runs(count, width) {
        let n = run.len();
        scratch.resize(n * width, 0);
        for (bytes, plane) in scratch.chunks_exact_mut(n).zip(planes.chunks_exact(count)) {
            gather(plane, bytes, 8, count / 8, run.start / 8);
        }
        dispatch!(Level::new(), simd => transpose(simd, &mut scratch));
        gather(
            &scratch,
            &mut numbers[run.start * width..run.end * width],
            width,
            n,
            0,
        );
    }
}

/// Ranges of numbers, each a multiple of 8.
fn runs(count: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    let n = (RUN_NBYTES / width / 8 * 8).max(8);
    (0..count)
        .step_by(n)
        .map(move |start| start..count.min(start + n))
}

/// Transposes each 8 bytes as a matrix of 8x8 bits: bit `i` of byte `j` becomes bit `j` of byte `i`.
#[inline(always)]
fn transpose<S: Simd>(_simd: S, bytes: &mut [u8]) {
    for eight in bytes.as_chunks_mut::<8>().0 {
        // Blocks of 1x1, then 2x2, then 4x4 bits change places across the diagonal.
        let mut x = u64::from_le_bytes(*eight);
        for (shift, mask) in [
            (7, 0x00aa_00aa_00aa_00aa),
            (14, 0x0000_cccc_0000_cccc),
            (28, 0xf0f0_f0f0),
        ] {
            let t = (x ^ (x >> shift)) & mask;
            x ^= t ^ (t << shift);
        }
        *eight = x.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_planes_follow_one_another() {
        for (width, count) in [
            (1, 8),
            (1, 40000),
            (2, 16),
            (3, 80),
            (8, 7000),
            (16, 8),
            (40000, 16),
        ] {
            let raw: Vec<u8> = (0..count * width)
                .map(|i| (i * 31 + i / 253) as u8)
                .collect();
            let mut out = vec![0; raw.len()];
            bitshuffle(&raw, &mut out, width);
            let step = if width > 1000 { 997 } else { 1 };
            for j in (0..width).step_by(step) {
                for bit in 0..8 {
                    for i in 0..count {
                        let row = (j * 8 + bit) * count / 8;
                        let found = out[row + i / 8] >> (i % 8) & 1;
                        assert_eq!(
                            found,
                            raw[i * width + j] >> bit & 1,
                            "{width} {count} {j} {bit} {i}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_beyond_a_multiple_of_eight_stay() {
        let raw: Vec<u8> = (0..23).collect();
        let mut out = [0; 23];
        bitshuffle(&raw, &mut out, 2);
        assert_eq!(out[16..], raw[16..]);
        bitshuffle(&raw[..15], &mut out[..15], 2);
        assert_eq!(out[..15], raw[..15]);
    }
}
