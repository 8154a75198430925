//! Running sums and products.

use ndferry_array::Array;
use rayon::prelude::*;

use crate::arith::Arith;
use crate::astype::cast;
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::map::MANY;
use crate::number::Number;
use crate::options::Options;
use crate::room::Room;
use crate::sorting::{along, array_of, number};
use crate::{MathError, Operand};

/// Elements that are copied at once where they do not lie one after the other.
const PIECE: usize = 8192;

/// `numpy.cumsum` and `numpy.cumprod`.
pub(crate) fn cumulate(
    name: &'static str,
    product: bool,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let (held, mut flat) = (operand.own()?, None);
    let view = held.view();
    let (view, axis) = along(&view, options, None, true, &mut flat)?;
    let own = number(name, operand, &view)?;
    let code = match options.dtype("dtype")? {
        Some(dtype) => {
            Code::of(&dtype).ok_or_else(|| no_loop(name, std::slice::from_ref(operand)))?
        }
        None if own == Code::Bool || own.is_signed() => Code::I64,
        None if own.is_int() => Code::U64,
        None => own,
    };
    let narrowed;
    let view = if own.promote(code) == code {
        view
    } else {
        narrowed = cast(&view, code)?;
        narrowed.view()
    };
    let shape = view.shape().to_vec();
    dispatch!(code, T => {
        let run = Run {
            feed: &Feed::new(&view)?,
            length: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        };
        let half = code == Code::F16;
        let step = |sum: T, item: T| {
            let next = if product { sum.mul(item) } else { sum.add(item) };
            if half { rounded(next) } else { next }
        };
        if T::CODE == code {
            let mut room = Room::for_shape(&shape, size_of::<T>())?;
            run.fill(room.items_mut(), step);
            return room.into_array(&code.dtype(), &shape);
        }
        let mut items = room_for(view.size())?;
        items.resize(view.size(), T::from_u64(0));
        run.fill(&mut items, step);
        array_of(&items, code, &shape)
    })
}

/// To the digits of f2, where every step is stored as such.
fn rounded<T: Number>(item: T) -> T {
    match bytemuck::try_cast::<T, f32>(item) {
        Ok(single) => T::from_f64(half::f16::from_f32(single).to_f64()),
        Err(_) => item,
    }
}

/// Along an axis of elements in C order.
struct Run<'a> {
    feed: &'a Feed<'a>,
    /// Of the axis.
    length: usize,
    /// Elements from one along the axis to the next.
    inner: usize,
}

impl Run<'_> {
    fn fill<T: Arith>(&self, out: &mut [T], step: impl Fn(T, T) -> T + Sync) {
        let size = self.length * self.inner;
        if size == 0 {
            return;
        }
        let block = |(nth, out): (usize, &mut [T])| match self.inner {
            1 => self.lane(nth * size, out, &step),
            _ => self.rows(nth * size, out, &step),
        };
        if out.len() >= MANY {
            out.par_chunks_mut(size).enumerate().for_each(block);
        } else {
            out.chunks_mut(size).enumerate().for_each(block);
        }
    }

    /// Each element and the one before it.
    fn lane<T: Arith>(&self, start: usize, out: &mut [T], step: &impl Fn(T, T) -> T) {
        let mut scratch = Vec::new();
        let mut before = None;
        for (nth, out) in out.chunks_mut(PIECE).enumerate() {
            let items = self
                .feed
                .piece(start + nth * PIECE, out.len(), &mut scratch);
            let ([first, items @ ..], [first_out, out @ ..]) = (items, out) else {
                return;
            };
            // The first of all stays as it is, also if it is a -0.
            let mut sum = before.map_or(*first, |before| step(before, *first));
            *first_out = sum;
            for (out, item) in out.iter_mut().zip(items) {
                sum = step(sum, *item);
                *out = sum;
            }
            before = Some(sum);
        }
    }

    /// Each row and the one before it.
    fn rows<T: Arith>(&self, start: usize, out: &mut [T], step: &impl Fn(T, T) -> T) {
        let mut scratch = Vec::new();
        for at in 0..self.length {
            let (before, out) = out.split_at_mut(at * self.inner);
            for from in (0..self.inner).step_by(PIECE) {
                let count = PIECE.min(self.inner - from);
                let out = &mut out[from..][..count];
                let items = self
                    .feed
                    .piece(start + at * self.inner + from, count, &mut scratch);
                if at == 0 {
                    out.copy_from_slice(items);
                    continue;
                }
                let before = &before[(at - 1) * self.inner + from..][..count];
                for ((out, before), item) in out.iter_mut().zip(before).zip(items) {
                    *out = step(*before, *item);
                }
            }
        }
    }
}
