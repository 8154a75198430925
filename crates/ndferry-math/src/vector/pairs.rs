//! Functions of two floats in loops without branches.

use super::{CHUNK, Float};
use crate::widest::widest;

/// A function without branches of most pairs, with multiplications and additions at once.
pub(super) trait Pairs {
    /// Whether [`Self::at`] is right for this pair.
    fn plain(x: f64, y: f64) -> bool;

    fn at(x: f64, y: f64) -> f64;
}

#[inline(always)]
fn run<P: Pairs, T: Float>(x: &[T], y: &[T], out: &mut [T], scalar: impl Fn(T, T) -> T) {
    let chunks = x.chunks(CHUNK).zip(y.chunks(CHUNK));
    for ((x, y), out) in chunks.zip(out.chunks_mut(CHUNK)) {
        let pairs = x.iter().zip(y);
        let plain = |(x, y): (&T, &T)| P::plain(x.wide(), y.wide());
        if pairs.clone().fold(true, |all, pair| all & plain(pair)) {
            for ((x, y), out) in pairs.zip(out) {
                *out = T::narrowed(P::at(x.wide(), y.wide()));
            }
        } else {
            each(x, y, out, &scalar);
        }
    }
}

fn each<T: Copy>(x: &[T], y: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    for ((x, y), out) in x.iter().zip(y).zip(out) {
        *out = f(*x, *y);
    }
}

/// `P` of all pairs; `scalar` of chunks in which it is not right, and on processors that cannot multiply and add at once,
/// where it is not faster.
pub(super) fn pairs<P: Pairs, T: Float>(
    x: &[T],
    y: &[T],
    out: &mut [T],
    scalar: impl Fn(T, T) -> T,
) {
    widest(
        #[inline(always)]
        |fused| {
            if fused {
                run::<P, T>(x, y, out, scalar);
            } else {
                each(x, y, out, scalar);
            }
        },
    );
}
