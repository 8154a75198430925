//! Quantiles and medians, rounded step by step as NumPy rounds them.

use ndferry_array::{Array, ArrayView, Order};
use num_complex::Complex;

use crate::arith::Arith;
use crate::axes::{Lanes, axes};
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::number::Number;
use crate::options::Options;
use crate::reduce::{Nans, Reduce, reduce};
use crate::sorting::{array_of, compare};
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
    dispatch_real!(own, T => {
        let mut found = Vec::new();
        let count = lanes.count;
        let mut exact = room_for::<T>(if ranks.whole { count * ranks.values.len() } else { 0 })?;
        if ranks.whole {
            exact.resize(count * ranks.values.len(), T::from_u64(0));
        } else {
            found = room_for(count * ranks.values.len())?;
            found.resize(count * ranks.values.len(), f64::NAN);
        }
        lanes.each::<T>(|nth, lane| {
            let (lane, nan) = without_nans(lane, skip);
            for (at, rank) in ranks.values.iter().enumerate() {
                let place = at * count + nth;
                match (nan, ranks.whole) {
                    (Some(nan), true) => exact[place] = nan,
                    (Some(_), false) => {}
                    (None, _) if lane.is_empty() => {}
                    (None, true) => exact[place] = *kth(lane, (*rank * (lane.len() - 1) as f64) as usize),
                    (None, false) => found[place] = ranks.between(lane, *rank, own, out),
                }
            }
        })?;
        if ranks.whole {
            return array_of(&exact, own, &shape);
        }
        of_doubles(&found, out, &shape)
    })
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
    dispatch!(own, T => lanes.each::<T>(|nth, lane| {
        let (lane, nan) = without_nans(lane, skip);
        if let Some(nan) = nan {
            found[nth] = nan.to_c128();
        }
        if nan.is_some() || lane.is_empty() {
            return;
        }
        let half = lane.len() / 2;
        let upper = kth(lane, half).to_c128();
        found[nth] = if lane.len() % 2 == 1 {
            upper
        } else if let Some(lower) = largest(&lane[..half]) {
            let sum = lower.to_c128() + upper;
            let mean = |part: f64| step.rounded(step.rounded(part) / 2.0);
            Complex::new(mean(sum.re), mean(sum.im))
        } else {
            Complex::new(f64::NAN, f64::NAN)
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

    /// Between the two elements that the rank lies between, each step rounded as NumPy rounds it.
    fn between<T: Gap>(&self, lane: &mut [T], rank: f64, own: Code, out: Code) -> f64 {
        let code = self.code.unwrap_or(Code::F64);
        let last = lane.len() - 1;
        let at = code.rounded(code.rounded(last as f64) * rank);
        // From the last on NumPy counts from -1, which makes no difference but to infinities.
        let inside = at < last as f64;
        let low = if inside { at.floor() as usize } else { last };
        let part = if inside { at - at.floor() } else { at + 1.0 };
        let part = code.rounded(part);
        let a = *kth(lane, low);
        let b = smallest(&lane[low + 1..]).filter(|_| inside).unwrap_or(a);
        let gap = out.rounded(own.rounded(T::gap(a, b)));
        let (a, b) = (out.rounded(a.to_c128().re), out.rounded(b.to_c128().re));
        if part >= 0.5 {
            let rest = out.rounded(code.rounded(1.0 - part));
            out.rounded(b - out.rounded(gap * rest))
        } else {
            out.rounded(a + out.rounded(gap * out.rounded(part)))
        }
    }
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

/// The axes that become one value, side by side.
struct Reduced {
    whole: Array,
    count: usize,
    length: usize,
    /// Of the result.
    out: Vec<usize>,
}

impl Reduced {
    fn new(name: &'static str, view: &ArrayView<'_>, options: &Options) -> Result<Self, MathError> {
        let reduced = axes(name, options, view.ndim())?;
        let keepdims = options.flag("keepdims", false)?;
        let kept: Vec<usize> = (0..view.ndim())
            .filter(|axis| !reduced.contains(axis))
            .collect();
        let out = (0..view.ndim()).filter_map(|axis| match (reduced.contains(&axis), keepdims) {
            (false, _) => Some(view.shape()[axis]),
            (true, true) => Some(1),
            (true, false) => None,
        });
        let length = reduced.iter().map(|axis| view.shape()[*axis]).product();
        let count = kept
            .iter()
            .map(|axis| view.shape()[*axis])
            .product::<usize>();
        let whole = view
            .transposed(&[&kept[..], &reduced].concat())?
            .to_array(Order::C)?
            .reshaped(&[count as isize, length as isize])?;
        Ok(Self {
            whole,
            count,
            length,
            out: out.collect(),
        })
    }

    /// Calls `f` for the elements of each result, which it may put in another order.
    fn each<T: Arith>(&self, mut f: impl FnMut(usize, &mut [T])) -> Result<(), MathError> {
        let view = self.whole.view();
        let mut lanes = Lanes::<T>::new(&view, 1)?;
        let mut nth = 0;
        if self.length == 0 {
            (0..self.count).for_each(|nth| f(nth, &mut []));
        }
        lanes.each_mut(|lane| {
            f(nth, lane);
            nth += 1;
        });
        Ok(())
    }
}

/// The lane, of `skip` without its NaNs; and a NaN that is the result, if one is.
fn without_nans<T: Arith>(lane: &mut [T], skip: bool) -> (&mut [T], Option<T>) {
    let nan = lane.iter().copied().find(|item| item.is_nan());
    if nan.is_none() || !skip {
        return (lane, nan);
    }
    let mut numbers = 0;
    for at in 0..lane.len() {
        if !lane[at].is_nan() {
            lane.swap(at, numbers);
            numbers += 1;
        }
    }
    let nan = nan.filter(|_| numbers == 0);
    (&mut lane[..numbers], nan)
}

/// Element `k` in order; those before it are put before it, those after it after it.
fn kth<T: Arith>(lane: &mut [T], k: usize) -> &T {
    lane.select_nth_unstable_by(k, compare).1
}

fn smallest<T: Arith>(items: &[T]) -> Option<T> {
    items.iter().copied().min_by(compare)
}

fn largest<T: Arith>(items: &[T]) -> Option<T> {
    items.iter().copied().max_by(compare)
}
