//! Quantiles and medians, rounded step by step as NumPy rounds them.

use ndferry_array::Array;
use num_complex::Complex;

use crate::arith::Arith;
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::number::Number;
use crate::options::Options;
use crate::ranked::{Lane, Reduced};
use crate::reduce::{Nans, Reduce, reduce};
use crate::sorting::array_of;
use crate::{MathError, Operand};

/// `numpy.quantile` of `q` in 0 to `most`, by linear interpolation; `skip`: without NaNs.
pub(crate) fn quantile(
    name: &'static str,
    operands: &[Operand<'_>],
    most: f64,
    skip: bool,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operands[0].own()?;
    let view = held.view();
    let own = Code::of(view.dtype())
        .filter(|code| !code.is_complex())
        .ok_or_else(|| no_loop(name, operands))?;
    let ranks = Ranks::new(name, operands, most)?;
    if skip && view.size() == 0 {
        return reduce(name, Reduce::Mean, Nans::Skipped, &operands[0], options);
    }
    let lanes = Reduced::new(name, &view, options)?;
    if lanes.length == 0 && !ranks.values.is_empty() {
        return Err(MathError::Indexing {
            problem: "there is no quantile of nothing",
        });
    }
    let shape = [&ranks.shape[..], &lanes.out].concat();
    let out = ranks.result(own).ok_or_else(|| no_loop(name, operands))?;
    let width = ranks.values.len();
    let count = lanes.count.saturating_mul(width);
    dispatch_real!(own, T => {
        if ranks.whole {
            let mut exact = room_for::<T>(count)?;
            exact.resize(count, T::from_u64(0));
            let places = |size: usize, places: &mut Vec<usize>| {
                places.extend(ranks.values.iter().map(|rank| (*rank * (size - 1) as f64) as usize));
            };
            lanes.each::<T, T>(skip, &places, (&mut exact, width), &|lane, exact| {
                for (exact, rank) in exact.iter_mut().zip(&ranks.values) {
                    let place = (*rank * lane.size.saturating_sub(1) as f64) as usize;
                    *exact = lane.nan.or(lane.at(place)).unwrap_or(*exact);
                }
            })?;
            return array_of(&rank_by_rank(exact, width), own, &shape);
        }
        let mut found = room_for(count)?;
        found.resize(count, f64::NAN);
        let places = |size: usize, places: &mut Vec<usize>| {
            for rank in &ranks.values {
                let place = ranks.place(size, *rank);
                places.push(place.low);
                places.extend(place.inside.then_some(place.low + 1));
            }
        };
        lanes.each::<T, f64>(skip, &places, (&mut found, width), &|lane, found| {
            for (found, rank) in found.iter_mut().zip(&ranks.values) {
                if lane.nan.is_none() && lane.size > 0 {
                    *found = ranks.between(lane, *rank, own, out).unwrap_or(f64::NAN);
                }
            }
        })?;
        of_doubles(&rank_by_rank(found, width), out, &shape)
    })
}

/// All lanes of the first rank, then all of the next one, where it was all ranks of each lane.
fn rank_by_rank<T: Copy>(found: Vec<T>, width: usize) -> Vec<T> {
    if width < 2 {
        return found;
    }
    (0..width)
        .flat_map(|rank| found.iter().skip(rank).step_by(width).copied())
        .collect()
}

/// `numpy.median`, of complex numbers too; `skip`: without NaNs.
pub(crate) fn median(
    name: &'static str,
    operand: &Operand<'_>,
    skip: bool,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let own = Code::of(view.dtype()).ok_or_else(|| no_loop(name, std::slice::from_ref(operand)))?;
    let out = if own.is_float() || own.is_complex() {
        own
    } else {
        Code::F64
    };
    let lanes = Reduced::new(name, &view, options)?;
    // Sums of f2 are those of f4.
    let step = match out {
        Code::F16 | Code::F32 | Code::C64 => Code::F32,
        _ => Code::F64,
    };
    let nan = Complex::new(f64::NAN, f64::NAN);
    let mut found = room_for(lanes.count)?;
    found.resize(lanes.count, nan);
    let places = |size: usize, places: &mut Vec<usize>| {
        places.extend(size.is_multiple_of(2).then(|| size / 2 - 1));
        places.push(size / 2);
    };
    let mean = |part: f64| step.rounded(step.rounded(part) / 2.0);
    dispatch!(own, T => lanes.each::<T, Complex<f64>>(skip, &places, (&mut found, 1), &|lane, found| {
        let half = lane.size / 2;
        let upper = lane.nan.or(lane.at(half)).map(Number::to_c128);
        found[0] = match (upper, lane.size % 2) {
            (Some(upper), 0) if lane.nan.is_none() => {
                let lower = lane.at(half.wrapping_sub(1)).map_or(nan, Number::to_c128);
                let sum = lower + upper;
                Complex::new(mean(sum.re), mean(sum.im))
            }
            (upper, _) => upper.unwrap_or(nan),
        };
    }))?;
    if out.is_complex() {
        let array = array_of(&found, Code::C128, &lanes.out)?;
        return Ok(array
            .view()
            .to_dtype(&out.dtype(), ndferry_array::Casting::Unsafe)?);
    }
    let found: Vec<f64> = found.iter().map(|value| value.re).collect();
    of_doubles(&found, out, &lanes.out)
}

/// Doubles that `code` can hold, as such.
fn of_doubles(items: &[f64], code: Code, shape: &[usize]) -> Result<Array, MathError> {
    if matches!(code, Code::F32 | Code::F16) {
        let singles: Vec<f32> = items.iter().map(|value| *value as f32).collect();
        return array_of(&singles, code, shape);
    }
    array_of(items, code, shape)
}

/// Which parts of the whole are asked for.
struct Ranks {
    values: Vec<f64>,
    shape: Vec<usize>,
    /// What they are computed in; `None`: a number of Python, which goes with the array.
    code: Option<Code>,
    /// Only 0 and 1, as integers: elements, without anything in between.
    whole: bool,
}

impl Ranks {
    fn new(name: &'static str, operands: &[Operand<'_>], most: f64) -> Result<Self, MathError> {
        let q = operands[1].own()?;
        let q = q.view();
        let own = Code::of(q.dtype())
            .filter(|code| !code.is_complex())
            .ok_or_else(|| no_loop(name, operands))?;
        let code = if own.is_float() { own } else { Code::F64 };
        let mut values = Feed::new(&q)?.to_vec::<f64>()?;
        if most != 1.0 {
            let part = |value: &mut f64| *value = code.rounded(*value / most);
            values.iter_mut().for_each(part);
        }
        if values.is_empty() && q.ndim() != 1 {
            return Err(MathError::Empty {
                function: "minimum",
            });
        }
        if values.iter().any(|rank| !(0.0..=1.0).contains(rank)) {
            return Err(MathError::Value {
                function: name,
                problem: "quantiles must be in the range from 0 to the whole",
            });
        }
        let weak = matches!(operands[1], Operand::Int(_) | Operand::Float(_));
        Ok(Self {
            values,
            shape: q.shape().to_vec(),
            code: (!weak).then_some(code),
            whole: most == 1.0 && !own.is_float(),
        })
    }

    /// The dtype of quantiles of an array of dtype `own`; `None`: there are none.
    fn result(&self, own: Code) -> Option<Code> {
        match self.code {
            _ if self.whole => Some(own),
            _ if own == Code::Bool => None,
            Some(code) => Some(own.promote(code)),
            None if own.is_float() => Some(own),
            None => Some(Code::F64),
        }
    }

    /// Where the rank lies in a lane of so many elements, each step rounded as NumPy rounds it.
    fn place(&self, size: usize, rank: f64) -> Place {
        let code = self.code.unwrap_or(Code::F64);
        let last = size - 1;
        let at = code.rounded(code.rounded(last as f64) * rank);
        // From the last on NumPy counts from -1, which makes no difference but to infinities.
        let inside = at < last as f64;
        let part = if inside { at - at.floor() } else { at + 1.0 };
        Place {
            low: if inside { at.floor() as usize } else { last },
            inside,
            part: code.rounded(part),
        }
    }

    /// Between the two elements that the rank lies between.
    fn between<T: Gap>(&self, lane: &Lane<'_, T>, rank: f64, own: Code, out: Code) -> Option<f64> {
        let code = self.code.unwrap_or(Code::F64);
        let Place { low, inside, part } = self.place(lane.size, rank);
        let a = lane.at(low)?;
        let b = if inside { lane.at(low + 1)? } else { a };
        let gap = out.rounded(own.rounded(T::gap(a, b)));
        let (a, b) = (out.rounded(a.to_c128().re), out.rounded(b.to_c128().re));
        Some(if part >= 0.5 {
            let rest = out.rounded(code.rounded(1.0 - part));
            out.rounded(b - out.rounded(gap * rest))
        } else {
            out.rounded(a + out.rounded(gap * out.rounded(part)))
        })
    }
}

/// The element below a rank, whether there is one above it, and how near that is.
struct Place {
    low: usize,
    inside: bool,
    part: f64,
}

/// How far the larger one is from the smaller one; of integers exactly.
trait Gap: Arith {
    fn gap(low: Self, high: Self) -> f64;
}

macro_rules! gap {
    ($wide:ident: $($type:ty)*) => {$(
        impl Gap for $type {
            fn gap(low: Self, high: Self) -> f64 { ($wide::from(high) - $wide::from(low)) as f64 }
        }
    )*};
}

gap!(i128: i8 i16 i32 i64 u8 u16 u32 u64);
gap!(f64: f32 f64);
