//! The least and the greatest of many elements, and where they are.

use ndferry_array::Array;
use num_complex::Complex;
use rayon::prelude::*;

use crate::arith::Arith;
use crate::axes::Lanes;
use crate::code::Code;
use crate::fold::Fold;
use crate::map::MANY;
use crate::options::Options;
use crate::sorting::{along, array_of, number};
use crate::widest::widest;
use crate::{MathError, Operand};

/// Elements of a lane that are looked at together.
const BLOCK: usize = 16384;

/// Elements that are compared without waiting for each other.
const LANES: usize = 64;

/// Numbers that have ends.
pub(crate) trait Ends: Arith {
    const LEAST: Self;
    const GREATEST: Self;
    /// NaN; of integers, which have none, 0.
    const NONE: Self;
}

macro_rules! ends {
    ($($type:ty)*) => {$(
        impl Ends for $type {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;
            const NONE: Self = 0;
        }
    )*};
}

macro_rules! float_ends {
    ($($type:ident)*) => {$(
        impl Ends for $type {
            const LEAST: Self = Self::NEG_INFINITY;
            const GREATEST: Self = Self::INFINITY;
            const NONE: Self = Self::NAN;
        }

        impl Ends for Complex<$type> {
            const LEAST: Self = Complex { re: $type::NEG_INFINITY, im: $type::NEG_INFINITY };
            const GREATEST: Self = Complex { re: $type::INFINITY, im: $type::INFINITY };
            const NONE: Self = Complex { re: $type::NAN, im: $type::NAN };
        }
    )*};
}

ends!(i8 i16 i32 i64 u8 u16 u32 u64);
float_ends!(f32 f64);

/// The greatest if `MOST`, else the least: the first NaN, or what is none if `SKIP`.
pub(crate) struct Extreme<const MOST: bool, const SKIP: bool>;

impl<const MOST: bool, const SKIP: bool> Extreme<MOST, SKIP> {
    /// What every element replaces, and that is no better than any.
    fn worst<T: Ends>() -> T {
        let has_nan = T::NONE.is_nan();
        match (SKIP && has_nan, MOST) {
            (true, _) => T::NONE,
            (false, true) => T::LEAST,
            (false, false) => T::GREATEST,
        }
    }

    #[inline(always)]
    fn better<T: Arith>(item: T, best: T) -> bool {
        if MOST { best.lt(item) } else { item.lt(best) }
    }

    #[inline(always)]
    fn pick<T: Arith>(best: T, item: T) -> T {
        let nan = if SKIP { best.is_nan() } else { item.is_nan() };
        if Self::better(item, best) | nan {
            item
        } else {
            best
        }
    }

    /// Of these and what was best before.
    fn best<T: Arith>(before: T, run: &[T]) -> T {
        widest(
            #[inline(always)]
            |_| {
                let mut lanes = [before; LANES];
                let (rows, rest) = run.as_chunks::<LANES>();
                for row in rows {
                    for (lane, item) in lanes.iter_mut().zip(row) {
                        *lane = Self::pick(*lane, *item);
                    }
                }
                let mut best = before;
                for item in lanes.iter().chain(rest) {
                    best = Self::pick(best, *item);
                }
                best
            },
        )
    }

    /// Where the best one is, or the first NaN; `None` if there is none that counts.
    fn place<T: Ends>(lane: &[T]) -> Option<usize> {
        let of_block = |block: &[T]| Self::best(Self::worst(), block);
        let bests: Vec<T> = if lane.len() >= MANY {
            lane.par_chunks(BLOCK).map(of_block).collect()
        } else {
            lane.chunks(BLOCK).map(of_block).collect()
        };
        let mut found: Option<(usize, T)> = None;
        for (nth, best) in bests.into_iter().enumerate() {
            if best.is_nan() {
                if SKIP {
                    continue;
                }
                found = Some((nth, best));
                break;
            }
            if found.is_none_or(|(_, before)| Self::better(best, before)) {
                found = Some((nth, best));
            }
        }
        let (nth, best) = found?;
        let start = nth * BLOCK;
        let is_it = |item: &T| item.is_nan() == best.is_nan() && !Self::better(best, *item);
        let at = lane[start..].iter().position(is_it)?;
        Some(start + at)
    }
}

impl<T: Ends, const MOST: bool, const SKIP: bool> Fold<T> for Extreme<MOST, SKIP> {
    type State = T;

    fn start(&self) -> T {
        Self::worst()
    }

    fn run(&self, _nth: usize, state: &mut T, run: &[T]) {
        *state = Self::best(*state, run);
    }

    fn one(&self, _nth: usize, state: T, item: T) -> T {
        Self::pick(state, item)
    }

    fn row(&self, _nth: usize, states: &mut [T], row: &[T]) {
        widest(
            #[inline(always)]
            |_| {
                for (state, item) in states.iter_mut().zip(row) {
                    *state = Self::pick(*state, *item);
                }
            },
        );
    }

    fn join(&self, left: T, right: T) -> T {
        Self::pick(left, right)
    }
}

fn place<T: Ends>(lane: &[T], most: bool, skip: bool) -> Option<i64> {
    let at = match (most, skip) {
        (true, false) => Extreme::<true, false>::place(lane),
        (true, true) => Extreme::<true, true>::place(lane),
        (false, false) => Extreme::<false, false>::place(lane),
        (false, true) => Extreme::<false, true>::place(lane),
    };
    at.map(|at| at as i64)
}

/// `numpy.argmin` and `numpy.argmax`, NaNs first; those of `nan…` skip them.
pub(crate) fn arg_extreme(
    name: &'static str,
    most: bool,
    skip: bool,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let (held, mut flat) = (operand.own()?, None);
    let whole = held.view();
    let ndim = whole.ndim();
    let (view, axis) = along(&whole, options, None, true, &mut flat)?;
    let code = number(name, operand, &view)?;
    if view.shape()[axis] == 0 {
        return Err(MathError::Value {
            function: name,
            problem: "attempt to get it of an empty sequence",
        });
    }
    dispatch!(code, T => {
        let lanes = Lanes::<T>::new(&view, axis)?;
        let found: Option<Vec<i64>> = lanes.iter().map(|lane| place(lane, most, skip)).collect();
        let found = found.ok_or(MathError::Value { function: name, problem: "All-NaN slice encountered" })?;
        let mut shape = whole.shape().to_vec();
        match (options.flag("keepdims", false)?, options.int("axis")?) {
            _ if ndim == 0 => {}
            (true, None) => shape = vec![1; ndim],
            (true, Some(_)) => shape[axis] = 1,
            (false, None) => shape.clear(),
            (false, Some(_)) => { shape.remove(axis); }
        }
        array_of(&found, Code::I64, &shape)
    })
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_first_of_equals_counts_in_whichever_block_it_is() {
        let mut lane = vec![1u8; 100_000];
        assert_eq!(place(&lane, true, false), Some(0));
        lane[70_000] = 9;
        lane[90_000] = 9;
        assert_eq!(place(&lane, true, false), Some(70_000));
        lane[33] = 0;
        lane[40_000] = 0;
        assert_eq!(place(&lane, false, false), Some(33));
    }

    #[test]
    fn zeros_of_either_sign_are_equal() {
        assert_eq!(place(&[-1.0, -0.0, 0.0, -0.0], true, false), Some(1));
        assert_eq!(place(&[1.0, 0.0, -0.0], false, false), Some(1));
    }

    #[test]
    fn the_first_nan_wins_unless_they_are_skipped() {
        let mut lane = vec![2.0; 100_000];
        lane[99_000] = f64::NAN;
        lane[98_000] = f64::NAN;
        lane[50_000] = 3.0;
        assert_eq!(place(&lane, true, false), Some(98_000));
        assert_eq!(place(&lane, true, true), Some(50_000));
        assert_eq!(place(&[f64::NAN; 70_000], false, true), None);
    }

    #[test]
    fn infinities_are_found_where_nothing_is_better() {
        assert_eq!(place(&[f64::NEG_INFINITY; 3], true, false), Some(0));
        let lane = [f64::NAN, f64::INFINITY];
        assert_eq!(place(&lane, false, true), Some(1));
        assert_eq!(place(&[i64::MIN, i64::MIN], true, false), Some(0));
    }
}
