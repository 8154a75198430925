//! Element by element, in pieces that stay in the cache, on all threads if there is much to do.

use bytemuck::Pod;
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use ndferry_array::Array;
use rayon::prelude::*;

use crate::MathError;
use crate::code::Code;
use crate::feed::Feed;
use crate::number::Number;
use crate::room::Room;
use crate::widest::widest;

/// Elements that are computed at once.
const PIECE: usize = 8192;

/// From so many elements on it is worth to wake another thread.
pub(crate) const MANY: usize = 1 << 15;

/// Calls `fill(start, piece of the result)` for all pieces; `R` is `f32` of results of f2.
fn pieces<R: Pod + Send>(
    out: Code,
    shape: &[usize],
    fill: &(dyn Fn(usize, &mut [R]) + Sync),
) -> Result<Array, MathError> {
    let itemsize = out.itemsize();
    let mut room = Room::for_shape(shape, itemsize)?;
    let piece = |(nth, bytes): (usize, &mut [u8])| {
        let start = nth * PIECE;
        if out != Code::F16 {
            return fill(start, bytemuck::cast_slice_mut(bytes));
        }
        let halves: &mut [u16] = bytemuck::cast_slice_mut(bytes);
        let mut wide = vec![R::zeroed(); halves.len()];
        fill(start, &mut wide);
        let singles: &[f32] = bytemuck::cast_slice(&wide);
        let halves: &mut [f16] = halves.reinterpret_cast_mut();
        halves.convert_from_f32_slice(singles);
    };
    let bytes = room.bytes_mut();
    if bytes.len() / itemsize >= MANY {
        bytes
            .par_chunks_mut(PIECE * itemsize)
            .enumerate()
            .for_each(piece);
    } else {
        bytes
            .chunks_mut(PIECE * itemsize)
            .enumerate()
            .for_each(piece);
    }
    room.into_array(&out.dtype(), shape)
}

/// A function of one operand.
pub(crate) fn map1<T: Number, R: Pod + Send>(
    out: Code,
    shape: &[usize],
    a: &Feed<'_>,
    f: &(dyn Fn(&[T], &mut [R]) + Sync),
) -> Result<Array, MathError> {
    pieces(out, shape, &|start, out| {
        f(a.piece(start, out.len(), &mut Vec::new()), out);
    })
}

/// What happens to a piece of two operands, to one of three.
type Piece2<'f, T, R> = &'f (dyn Fn(&[T], &[T], &mut [R]) + Sync);
type Piece3<'f, S, T, R> = &'f (dyn Fn(&[S], &[T], &[T], &mut [R]) + Sync);

/// A function of two.
pub(crate) fn map2<T: Number, R: Pod + Send>(
    out: Code,
    shape: &[usize],
    a: &Feed<'_>,
    b: &Feed<'_>,
    f: Piece2<'_, T, R>,
) -> Result<Array, MathError> {
    pieces(out, shape, &|start, out| {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let count = out.len();
        f(
            a.piece(start, count, &mut x),
            b.piece(start, count, &mut y),
            out,
        );
    })
}

/// A function of three, the first of another type.
pub(crate) fn map3<S: Number, T: Number, R: Pod + Send>(
    out: Code,
    shape: &[usize],
    [a, b, c]: [&Feed<'_>; 3],
    f: Piece3<'_, S, T, R>,
) -> Result<Array, MathError> {
    pieces(out, shape, &|start, out| {
        let (mut x, mut y, mut z) = (Vec::new(), Vec::new(), Vec::new());
        let count = out.len();
        f(
            a.piece(start, count, &mut x),
            b.piece(start, count, &mut y),
            c.piece(start, count, &mut z),
            out,
        );
    })
}

/// `f` of each element.
pub(crate) fn each1<T: Copy, R>(x: &[T], out: &mut [R], f: impl Fn(T) -> R) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}

/// The same by the widest vectors there are: for what the narrow ones of every processor have no instruction for.
pub(crate) fn wide1<T: Copy, R>(x: &[T], out: &mut [R], f: impl Fn(T) -> R) {
    widest(
        #[inline(always)]
        |_| {
            for (out, x) in out.iter_mut().zip(x) {
                *out = f(*x);
            }
        },
    );
}

/// `f` of each pair.
pub(crate) fn each2<T: Copy, R>(x: &[T], y: &[T], out: &mut [R], f: impl Fn(T, T) -> R) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = f(*x, *y);
    }
}

/// The elements as another dtype that can hold them, in C order.
pub(crate) fn convert(feed: &Feed<'_>, out: Code, shape: &[usize]) -> Result<Array, MathError> {
    fn to<T: Number>(feed: &Feed<'_>, out: Code, shape: &[usize]) -> Result<Array, MathError> {
        pieces::<T>(out, shape, &|start, out| feed.load(start, out))
    }
    if out == Code::Bool {
        return pieces::<u8>(out, shape, &|start, out| feed.load(start, out));
    }
    dispatch!(out, T => to::<T>(feed, out, shape))
}

/// Elements of f4 as f2.
pub(crate) fn halves(singles: &[f32]) -> Vec<u16> {
    singles
        .iter()
        .map(|single| f16::from_f32(*single).to_bits())
        .collect()
}
