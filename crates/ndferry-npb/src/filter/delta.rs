//! Differences of neighbours, wrapping, and then byte planes: for times, sorted keys, smooth signals.
//!
//! The first number stays as it is. Differences have the byte order of the numbers.

use fearless_simd::{Level, Simd, dispatch};

use super::shuffle::{gather, scatter};
use crate::Endian;

/// Bytes that are worked on at a time, so that they stay in the first-level cache.
const RUN_NBYTES: usize = 8 << 10;

/// Takes differences of numbers of 1, 2, 4 or 8 bytes and shuffles them.
pub(crate) fn delta(raw: &[u8], out: &mut [u8], width: usize, endian: Endian) {
    let count = raw.len() / width;
    let (numbers, rest) = raw.split_at(count * width);
    let (planes, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    let mut scratch = [0; RUN_NBYTES];
    let mut last = 0;
    for (run, numbers) in numbers.chunks(RUN_NBYTES).enumerate() {
        let run_out = &mut scratch[..numbers.len()];
        last = match (width, endian) {
            (1, _) => dispatch!(Level::new(), simd => differences_1(simd, numbers, last, run_out)),
            (2, Endian::Big) => {
                dispatch!(Level::new(), simd => differences_2_big(simd, numbers, last, run_out))
            }
            (2, _) => dispatch!(Level::new(), simd => differences_2(simd, numbers, last, run_out)),
            (4, Endian::Big) => {
                dispatch!(Level::new(), simd => differences_4_big(simd, numbers, last, run_out))
            }
            (4, _) => dispatch!(Level::new(), simd => differences_4(simd, numbers, last, run_out)),
            (_, Endian::Big) => {
                dispatch!(Level::new(), simd => differences_8_big(simd, numbers, last, run_out))
            }
            (_, _) => dispatch!(Level::new(), simd => differences_8(simd, numbers, last, run_out)),
        };
        scatter(run_out, planes, width, count, run * RUN_NBYTES / width);
    }
}

/// Undoes it.
pub(crate) fn undelta(filtered: &[u8], out: &mut [u8], width: usize, endian: Endian) {
    let count = filtered.len() / width;
    let (planes, rest) = filtered.split_at(count * width);
    let (numbers, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    let mut last = 0;
    for (run, numbers) in numbers.chunks_mut(RUN_NBYTES).enumerate() {
        gather(planes, numbers, width, count, run * RUN_NBYTES / width);
        last = match (width, endian) {
            (1, _) => sums_1(numbers, last),
            (2, Endian::Big) => sums_2_big(numbers, last),
            (2, _) => sums_2(numbers, last),
            (4, Endian::Big) => sums_4_big(numbers, last),
            (4, _) => sums_4(numbers, last),
            (_, Endian::Big) => sums_8_big(numbers, last),
            (_, _) => sums_8(numbers, last),
        };
    }
}

/// For one type of number: the differences in `numbers`, whose left neighbour is `last`, and their running sums in
/// place. Both give the last number, for the next run.
macro_rules! number {
    ($differences:ident, $sums:ident, $int:ty, $nbytes:literal, $from:ident, $to:ident) => {
        #[inline(always)]
        fn $differences<S: Simd>(_simd: S, numbers: &[u8], last: u64, out: &mut [u8]) -> u64 {
            let numbers = numbers.as_chunks::<$nbytes>().0;
            let out = out.as_chunks_mut::<$nbytes>().0;
            let ([first, ..], [first_out, rest_out @ ..]) = (numbers, out) else {
                return last;
            };
            *first_out = <$int>::$from(*first).wrapping_sub(last as $int).$to();
            for ((out, right), left) in rest_out.iter_mut().zip(&numbers[1..]).zip(numbers) {
                *out = <$int>::$from(*right)
                    .wrapping_sub(<$int>::$from(*left))
                    .$to();
            }
            numbers
                .last()
                .map_or(last, |last| <$int>::$from(*last).into())
        }

        fn $sums(numbers: &mut [u8], last: u64) -> u64 {
            let mut sum = last as $int;
            for number in numbers.as_chunks_mut::<$nbytes>().0 {
                sum = sum.wrapping_add(<$int>::$from(*number));
                *number = sum.$to();
            }
            sum.into()
        }
    };
}

number!(differences_1, sums_1, u8, 1, from_le_bytes, to_le_bytes);
number!(differences_2, sums_2, u16, 2, from_le_bytes, to_le_bytes);
number!(differences_4, sums_4, u32, 4, from_le_bytes, to_le_bytes);
number!(differences_8, sums_8, u64, 8, from_le_bytes, to_le_bytes);
number!(
    differences_2_big,
    sums_2_big,
    u16,
    2,
    from_be_bytes,
    to_be_bytes
);
number!(
    differences_4_big,
    sums_4_big,
    u32,
    4,
    from_be_bytes,
    to_be_bytes
);
number!(
    differences_8_big,
    sums_8_big,
    u64,
    8,
    from_be_bytes,
    to_be_bytes
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_wrap_and_run_on_across_runs() {
        let numbers: Vec<u16> = (0..9000u32).map(|i| (i * i) as u16).collect();
        for endian in [Endian::Little, Endian::Big] {
            let bytes = |n: u16| {
                if endian == Endian::Big {
                    n.to_be_bytes()
                } else {
                    n.to_le_bytes()
                }
            };
            let raw: Vec<u8> = numbers.iter().flat_map(|n| bytes(*n)).collect();
            let mut out = vec![0; raw.len()];
            delta(&raw, &mut out, 2, endian);
            for (i, number) in numbers.iter().enumerate() {
                let left = if i == 0 { 0 } else { numbers[i - 1] };
                assert_eq!(
                    [out[i], out[9000 + i]],
                    bytes(number.wrapping_sub(left)),
                    "{i}"
                );
            }
        }
    }
}
