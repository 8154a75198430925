//! Byte planes: all first bytes of the numbers, then all second ones, as Blosc and numcodecs shuffle them.
//!
//! Widths of 2, 4, 8 and 16 go through vector registers: `width` vectors of consecutive bytes are parted into even and
//! odd bytes, and those again, until each vector holds bytes of one plane.

use fearless_simd::{Level, dispatch, prelude::*};

/// Elements that are moved plane by plane while they are in the cache, where the width has no vector code.
const RUN: usize = 256;

/// Shuffles numbers of `width` bytes; what is left of a part of one stays at the end.
pub(crate) fn shuffle(raw: &[u8], out: &mut [u8], width: usize) {
    let count = raw.len() / width;
    let (numbers, rest) = raw.split_at(count * width);
    let (planes, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    scatter(numbers, planes, width, count, 0);
}

/// Undoes it.
pub(crate) fn unshuffle(shuffled: &[u8], out: &mut [u8], width: usize) {
    let count = shuffled.len() / width;
    let (planes, rest) = shuffled.split_at(count * width);
    let (numbers, tail) = out.split_at_mut(count * width);
    tail.copy_from_slice(rest);
    gather(planes, numbers, width, count, 0);
}

/// Puts the bytes of some numbers into planes of `count` bytes each, from place `at` of each plane on.
pub(crate) fn scatter(numbers: &[u8], planes: &mut [u8], width: usize, count: usize, at: usize) {
    let level = Level::new();
    match width {
        1 => planes[at..at + numbers.len()].copy_from_slice(numbers),
        2 => dispatch!(level, simd => scatter_wide(simd, numbers, planes, count, at, planes_2)),
        4 => dispatch!(level, simd => scatter_wide(simd, numbers, planes, count, at, planes_4)),
        8 => dispatch!(level, simd => scatter_wide(simd, numbers, planes, count, at, planes_8)),
        16 => dispatch!(level, simd => scatter_wide(simd, numbers, planes, count, at, planes_16)),
        _ => scatter_any(numbers, planes, width, count, at),
    }
}

/// Takes the bytes of some numbers out of planes of `count` bytes each, from place `at` of each plane on.
pub(crate) fn gather(planes: &[u8], numbers: &mut [u8], width: usize, count: usize, at: usize) {
    let level = Level::new();
    match width {
        1 => numbers.copy_from_slice(&planes[at..at + numbers.len()]),
        2 => dispatch!(level, simd => gather_wide(simd, planes, numbers, count, at, numbers_2)),
        4 => dispatch!(level, simd => gather_wide(simd, planes, numbers, count, at, numbers_4)),
        8 => dispatch!(level, simd => gather_wide(simd, planes, numbers, count, at, numbers_8)),
        16 => dispatch!(level, simd => gather_wide(simd, planes, numbers, count, at, numbers_16)),
        _ => gather_any(planes, numbers, width, count, at),
    }
}

fn scatter_any(numbers: &[u8], planes: &mut [u8], width: usize, count: usize, at: usize) {
    for (run, numbers) in numbers.chunks(RUN * width).enumerate() {
        let (start, len) = (at + run * RUN, numbers.len() / width);
        for j in 0..width {
            let plane = &mut planes[j * count + start..][..len];
            for (byte, number) in plane.iter_mut().zip(numbers.chunks_exact(width)) {
                *byte = number[j];
            }
        }
    }
}

fn gather_any(planes: &[u8], numbers: &mut [u8], width: usize, count: usize, at: usize) {
    for (run, numbers) in numbers.chunks_mut(RUN * width).enumerate() {
        let (start, len) = (at + run * RUN, numbers.len() / width);
        for j in 0..width {
            let plane = &planes[j * count + start..][..len];
            for (byte, number) in plane.iter().zip(numbers.chunks_exact_mut(width)) {
                number[j] = *byte;
            }
        }
    }
}

#[inline(always)]
fn scatter_wide<S: Simd, const W: usize>(
    simd: S,
    numbers: &[u8],
    planes: &mut [u8],
    count: usize,
    at: usize,
    part: impl Fn([S::u8s; W]) -> [S::u8s; W],
) {
    let lanes = S::u8s::LEN;
    let mut start = at;
    let mut chunks = numbers.chunks_exact(W * lanes);
    for chunk in &mut chunks {
        let vectors =
            std::array::from_fn(|j| S::u8s::from_slice(simd, &chunk[j * lanes..][..lanes]));
        for (j, plane) in part(vectors).iter().enumerate() {
            plane.store_slice(&mut planes[j * count + start..][..lanes]);
        }
        start += lanes;
    }
    scatter_any(chunks.remainder(), planes, W, count, start);
}

#[inline(always)]
fn gather_wide<S: Simd, const W: usize>(
    simd: S,
    planes: &[u8],
    numbers: &mut [u8],
    count: usize,
    at: usize,
    join: impl Fn([S::u8s; W]) -> [S::u8s; W],
) {
    let lanes = S::u8s::LEN;
    let mut start = at;
    let mut chunks = numbers.chunks_exact_mut(W * lanes);
    for chunk in &mut chunks {
        let vectors = std::array::from_fn(|j| {
            S::u8s::from_slice(simd, &planes[j * count + start..][..lanes])
        });
        for (j, vector) in join(vectors).iter().enumerate() {
            vector.store_slice(&mut chunk[j * lanes..][..lanes]);
        }
        start += lanes;
    }
    gather_any(planes, chunks.into_remainder(), W, count, start);
}

/// Vectors of one plane each from vectors of consecutive bytes of numbers two bytes wide.
#[inline(always)]
pub(crate) fn planes_2<S: Simd, V: SimdBase<S>>([a, b]: [V; 2]) -> [V; 2] {
    a.deinterleave(b).into()
}

#[inline(always)]
fn planes_4<S: Simd, V: SimdBase<S>>([a, b, c, d]: [V; 4]) -> [V; 4] {
    let ((even_0, odd_0), (even_1, odd_1)) = (a.deinterleave(b), c.deinterleave(d));
    let ([p0, p2], [p1, p3]) = (planes_2([even_0, even_1]), planes_2([odd_0, odd_1]));
    [p0, p1, p2, p3]
}

#[inline(always)]
pub(crate) fn planes_8<S: Simd, V: SimdBase<S>>(v: [V; 8]) -> [V; 8] {
    let pairs: [(V, V); 4] = std::array::from_fn(|k| v[2 * k].deinterleave(v[2 * k + 1]));
    let even = planes_4(pairs.map(|pair| pair.0));
    let odd = planes_4(pairs.map(|pair| pair.1));
    std::array::from_fn(|j| if j % 2 == 0 { even[j / 2] } else { odd[j / 2] })
}

#[inline(always)]
fn planes_16<S: Simd, V: SimdBase<S>>(v: [V; 16]) -> [V; 16] {
    let pairs: [(V, V); 8] = std::array::from_fn(|k| v[2 * k].deinterleave(v[2 * k + 1]));
    let even = planes_8(pairs.map(|pair| pair.0));
    let odd = planes_8(pairs.map(|pair| pair.1));
    std::array::from_fn(|j| if j % 2 == 0 { even[j / 2] } else { odd[j / 2] })
}

/// Vectors of consecutive bytes of numbers two bytes wide from vectors of one plane each.
#[inline(always)]
fn numbers_2<S: Simd, V: SimdBase<S>>([p0, p1]: [V; 2]) -> [V; 2] {
    p0.interleave(p1).into()
}

#[inline(always)]
fn numbers_4<S: Simd, V: SimdBase<S>>([p0, p1, p2, p3]: [V; 4]) -> [V; 4] {
    let ([even_0, even_1], [odd_0, odd_1]) = (numbers_2([p0, p2]), numbers_2([p1, p3]));
    let ((a, b), (c, d)) = (even_0.interleave(odd_0), even_1.interleave(odd_1));
    [a, b, c, d]
}

#[inline(always)]
pub(crate) fn numbers_8<S: Simd, V: SimdBase<S>>(p: [V; 8]) -> [V; 8] {
    let even = numbers_4(std::array::from_fn(|k| p[2 * k]));
    let odd = numbers_4(std::array::from_fn(|k| p[2 * k + 1]));
    let pairs: [(V, V); 4] = std::array::from_fn(|k| even[k].interleave(odd[k]));
    std::array::from_fn(|j| {
        if j % 2 == 0 {
            pairs[j / 2].0
        } else {
            pairs[j / 2].1
        }
    })
}

#[inline(always)]
fn numbers_16<S: Simd, V: SimdBase<S>>(p: [V; 16]) -> [V; 16] {
    let even = numbers_8(std::array::from_fn(|k| p[2 * k]));
    let odd = numbers_8(std::array::from_fn(|k| p[2 * k + 1]));
    let pairs: [(V, V); 8] = std::array::from_fn(|k| even[k].interleave(odd[k]));
    std::array::from_fn(|j| {
        if j % 2 == 0 {
            pairs[j / 2].0
        } else {
            pairs[j / 2].1
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_follow_one_another() {
        for width in [1, 2, 3, 4, 8, 16, 20] {
            for count in [0, 1, 31, 64, 1000] {
                let raw: Vec<u8> = (0..count * width + width - 1)
                    .map(|i| (i * 7 + i / 251) as u8)
                    .collect();
                let mut out = vec![0; raw.len()];
                shuffle(&raw, &mut out, width);
                for i in 0..count {
                    for j in 0..width {
                        assert_eq!(
                            out[j * count + i],
                            raw[i * width + j],
                            "{width} {count} {i} {j}"
                        );
                    }
                }
                assert_eq!(out[count * width..], raw[count * width..]);
            }
        }
    }
}
