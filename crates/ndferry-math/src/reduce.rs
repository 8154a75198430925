//! Sums, products, extremes and their like, over any axes.

use ndferry_array::{Array, ArrayView};
use num_complex::Complex;

use crate::arith::Arith;
use crate::astype::cast;
use crate::axes::axes;
use crate::code::{Code, no_loop};
use crate::extreme::Extreme;
use crate::fold::{Fold, fold};
use crate::map::halves;
use crate::number::Number;
use crate::options::Options;
use crate::real::Real;
use crate::widest::widest;
use crate::{MathError, Operand};

/// What many elements become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduce {
    Sum,
    Prod,
    Min,
    Max,
    Any,
    All,
    CountNonzero,
    Mean,
    Var,
    Std,
}

/// How NaNs count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nans {
    /// As all others: mostly, one makes the result NaN.
    Kept,
    /// Not at all (`numpy.nansum` and its like).
    Skipped,
}

/// Along the axes of `options`, all if there are none.
pub(crate) fn reduce(
    name: &'static str,
    what: Reduce,
    nans: Nans,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let refused = || no_loop(name, std::slice::from_ref(operand));
    let own = Code::of(view.dtype()).ok_or_else(refused)?;
    let skip = nans == Nans::Skipped && (own.is_float() || own.is_complex());
    // A number counts as an axis of one, but where NumPy counts its elements first.
    let counts = matches!(what, Reduce::Mean | Reduce::Var | Reduce::Std) && !skip;
    let single = view.ndim() == 0 && !counts && matches!(options.int("axis"), Ok(Some(0 | -1)));
    let call = Call {
        view: view.clone(),
        axes: if single {
            Vec::new()
        } else {
            axes(name, options, view.ndim())?
        },
        keepdims: options.flag("keepdims", false)?,
        skip,
    };
    let wanted = match options.dtype("dtype")? {
        Some(dtype) => Some(Code::of(&dtype).ok_or_else(refused)?),
        None => None,
    };
    match what {
        Reduce::Sum | Reduce::Prod => {
            let code = wanted.unwrap_or(match own {
                Code::Bool => Code::I64,
                code if code.is_signed() => Code::I64,
                code if code.is_int() => Code::U64,
                code => code,
            });
            call.cast(own, code)?.total(what, code)
        }
        Reduce::Min | Reduce::Max => call.extreme(what, own),
        Reduce::Any | Reduce::All => call.truth(what, own),
        Reduce::CountNonzero => call.nonzero(own),
        Reduce::Mean | Reduce::Var | Reduce::Std => {
            let code = spread_code(name, own, operand, options)?;
            let call = call.cast(own, code)?;
            if what == Reduce::Mean {
                return call.mean(code);
            }
            let found = call.var(code, ddof(options)?, what == Reduce::Std)?;
            match wanted {
                // Asked for complex numbers it gives some.
                Some(code) if code.is_complex() => cast(&found.view(), code),
                _ => Ok(found),
            }
        }
    }
}

/// What means and variances of such elements are computed as: the option `dtype`, of exact numbers f8, else as they are.
///
/// # Errors
/// [`MathError::NoLoop`] of a dtype that is not computed with; [`MathError::Type`] of integers.
pub(crate) fn spread_code(
    name: &'static str,
    own: Code,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Code, MathError> {
    let code = match options.dtype("dtype")? {
        Some(dtype) => {
            Code::of(&dtype).ok_or_else(|| no_loop(name, std::slice::from_ref(operand)))?
        }
        None if own == Code::Bool || own.is_int() => Code::F64,
        None => own,
    };
    if code == Code::Bool || code.is_int() {
        let problem = "a mean has no integer dtype here";
        return Err(MathError::Type {
            function: name,
            problem,
        });
    }
    Ok(code)
}

/// What is taken off the number of elements of a variance: the option `ddof`, or `correction`.
pub(crate) fn ddof(options: &Options) -> Result<f64, MathError> {
    match options.float("ddof")? {
        Some(ddof) => Ok(ddof),
        None => Ok(options.float("correction")?.unwrap_or(0.0)),
    }
}

struct Call<'a> {
    view: ArrayView<'a>,
    axes: Vec<usize>,
    keepdims: bool,
    skip: bool,
}

impl<'a> Call<'a> {
    /// The elements as `code`, where they do not fit into it as they are.
    fn cast(self, own: Code, code: Code) -> Result<Cast<'a>, MathError> {
        let narrowed = if own.promote(code) == code {
            None
        } else {
            Some(cast(&self.view, code)?)
        };
        Ok(Cast {
            call: self,
            narrowed,
        })
    }

    fn extreme(&self, what: Reduce, code: Code) -> Result<Array, MathError> {
        let reduced: usize = self
            .axes
            .iter()
            .map(|axis| self.view.shape()[*axis])
            .product();
        if reduced == 0 {
            return Err(MathError::Empty {
                function: if what == Reduce::Min {
                    "minimum"
                } else {
                    "maximum"
                },
            });
        }
        if code == Code::Bool {
            let what = if what == Reduce::Min {
                Reduce::All
            } else {
                Reduce::Any
            };
            return self.truth(what, code);
        }
        dispatch!(code, T => {
            let folded = match (what, self.skip) {
                (Reduce::Min, false) => self.fold::<T, _>(&Extreme::<false, false>)?,
                (Reduce::Min, true) => self.fold::<T, _>(&Extreme::<false, true>)?,
                (_, false) => self.fold::<T, _>(&Extreme::<true, false>)?,
                (_, true) => self.fold::<T, _>(&Extreme::<true, true>)?,
            };
            if code == Code::F16 {
                return folded.array(&code.dtype(), |state| half::f16::from_f64(to_f64(*state)).to_bits());
            }
            folded.array(&code.dtype(), |state| *state)
        })
    }

    fn fold<T: Number, F: Fold<T>>(
        &self,
        f: &F,
    ) -> Result<crate::fold::Folded<F::State>, MathError> {
        fold(&self.view, &self.axes, self.keepdims, f)
    }

    fn truth(&self, what: Reduce, code: Code) -> Result<Array, MathError> {
        dispatch!(code, T => {
            let folded = self.fold::<T, _>(&Truth { all: what == Reduce::All })?;
            folded.array(&Code::Bool.dtype(), |state| u8::from(*state))
        })
    }

    fn nonzero(&self, code: Code) -> Result<Array, MathError> {
        dispatch!(code, T => {
            let folded = self.fold::<T, _>(&Count)?;
            folded.array(&Code::I64.dtype(), |state| *state)
        })
    }
}

/// A real number as `f64`, of types that are f4 where this is asked.
fn to_f64<T: Number>(item: T) -> f64 {
    bytemuck::try_cast::<T, f32>(item).map_or(f64::NAN, f64::from)
}

/// A call whose elements fit what is computed with.
struct Cast<'a> {
    call: Call<'a>,
    narrowed: Option<Array>,
}

impl Cast<'_> {
    fn fold<T: Number, F: Fold<T>>(
        &self,
        f: &F,
    ) -> Result<crate::fold::Folded<F::State>, MathError> {
        let call = &self.call;
        match &self.narrowed {
            Some(array) => fold(&array.view(), &call.axes, call.keepdims, f),
            None => call.fold(f),
        }
    }

    fn total(&self, what: Reduce, code: Code) -> Result<Array, MathError> {
        if code == Code::Bool {
            let what = if what == Reduce::Sum {
                Reduce::Any
            } else {
                Reduce::All
            };
            return self.call.truth(what, code);
        }
        let skip = self.call.skip;
        dispatch!(code, T => {
            let folded = match what {
                Reduce::Sum => self.fold::<T, _>(&Sum { skip })?,
                _ => self.fold::<T, _>(&Product { skip })?,
            };
            if code == Code::F16 {
                return folded.array(&code.dtype(), |state| half::f16::from_f64(to_f64(*state)).to_bits());
            }
            folded.array(&code.dtype(), |state| *state)
        })
    }

    fn mean(&self, code: Code) -> Result<Array, MathError> {
        fn run<T: Summed>(cast: &Cast<'_>, code: Code) -> Result<Array, MathError> {
            let folded = cast.fold::<T, _>(&Sum {
                skip: cast.call.skip,
            })?;
            let counts = cast.counts::<T>(folded.states.len())?;
            let count = folded.count(&cast.call.view);
            if code == Code::F16 {
                let means: Vec<T> = folded
                    .states
                    .iter()
                    .enumerate()
                    .map(|(nth, sum)| {
                        sum.over(
                            counts
                                .as_ref()
                                .map_or(count as f64, |counts| counts[nth] as f64),
                        )
                    })
                    .collect();
                let bits = halves(bytemuck::cast_slice(&means));
                let folded = folded.with(bits);
                return folded.array(&code.dtype(), |bits| *bits);
            }
            let means = folded
                .states
                .iter()
                .enumerate()
                .map(|(nth, sum)| {
                    sum.over(
                        counts
                            .as_ref()
                            .map_or(count as f64, |counts| counts[nth] as f64),
                    )
                })
                .collect();
            folded.with(means).array(&code.dtype(), |mean: &T| *mean)
        }
        match code {
            Code::C128 => run::<Complex<f64>>(self, code),
            Code::C64 => run::<Complex<f32>>(self, code),
            Code::F64 => run::<f64>(self, code),
            _ => run::<f32>(self, code),
        }
    }

    /// How many elements of each result are not NaN, where those are not counted.
    fn counts<T: Summed>(&self, _results: usize) -> Result<Option<Vec<i64>>, MathError> {
        if !self.call.skip {
            return Ok(None);
        }
        Ok(Some(self.fold::<T, _>(&Numbers)?.states))
    }

    fn var(&self, code: Code, ddof: f64, root: bool) -> Result<Array, MathError> {
        fn run<T: Summed>(
            cast: &Cast<'_>,
            code: Code,
            ddof: f64,
            root: bool,
        ) -> Result<Array, MathError> {
            let skip = cast.call.skip;
            let folded = cast.fold::<T, _>(&Sum { skip })?;
            let counts = cast.counts::<T>(folded.states.len())?;
            let count = folded.count(&cast.call.view);
            let of = |nth: usize| {
                counts
                    .as_ref()
                    .map_or(count as f64, |counts| counts[nth] as f64)
            };
            let means: Vec<T> = folded
                .states
                .iter()
                .enumerate()
                .map(|(nth, sum)| sum.over(of(nth)))
                .collect();
            let squares = cast.fold::<T, _>(&Squares {
                means: &means,
                skip,
            })?;
            let values: Vec<T::Part> = squares
                .states
                .iter()
                .enumerate()
                .map(|(nth, sum)| {
                    // Too few elements give NaN or infinity, as in NumPy; where NaNs are skipped always NaN.
                    let free = of(nth) - ddof;
                    let var = if free > 0.0 {
                        sum.over(free)
                    } else if skip {
                        T::Part::from_f64(f64::NAN)
                    } else {
                        sum.over(0.0)
                    };
                    if root { var.root() } else { var }
                })
                .collect();
            let real = code.real();
            if real == Code::F16 {
                let bits = halves(bytemuck::cast_slice(&values));
                return squares.with(bits).array(&real.dtype(), |bits| *bits);
            }
            squares.with(values).array(&real.dtype(), |value| *value)
        }
        match code {
            Code::C128 => run::<Complex<f64>>(self, code, ddof, root),
            Code::C64 => run::<Complex<f32>>(self, code, ddof, root),
            Code::F64 => run::<f64>(self, code, ddof, root),
            _ => run::<f32>(self, code, ddof, root),
        }
    }
}

/// Whether any, or all, are not 0.
struct Truth {
    all: bool,
}

impl<T: Arith> Fold<T> for Truth {
    type State = bool;

    fn start(&self) -> bool {
        self.all
    }

    fn run(&self, _nth: usize, state: &mut bool, run: &[T]) {
        if self.all {
            *state = *state
                && run
                    .chunks(1024)
                    .all(|run| run.iter().fold(true, |all, item| all & item.is_true()));
        } else {
            *state = *state
                || run
                    .chunks(1024)
                    .any(|run| run.iter().fold(false, |any, item| any | item.is_true()));
        }
    }

    fn one(&self, _nth: usize, state: bool, item: T) -> bool {
        if self.all {
            state & item.is_true()
        } else {
            state | item.is_true()
        }
    }

    fn join(&self, left: bool, right: bool) -> bool {
        if self.all {
            left && right
        } else {
            left || right
        }
    }
}

/// How many are not 0.
struct Count;

impl<T: Arith> Fold<T> for Count {
    type State = i64;

    fn start(&self) -> i64 {
        0
    }

    fn run(&self, _nth: usize, state: &mut i64, run: &[T]) {
        *state += run
            .iter()
            .map(|item| i64::from(item.is_true()))
            .sum::<i64>();
    }

    fn one(&self, _nth: usize, state: i64, item: T) -> i64 {
        state + i64::from(item.is_true())
    }

    fn join(&self, left: i64, right: i64) -> i64 {
        left + right
    }
}

/// How many are no NaN.
struct Numbers;

impl<T: Arith> Fold<T> for Numbers {
    type State = i64;

    fn start(&self) -> i64 {
        0
    }

    fn run(&self, _nth: usize, state: &mut i64, run: &[T]) {
        *state += run
            .iter()
            .map(|item| i64::from(!item.is_nan()))
            .sum::<i64>();
    }

    fn one(&self, _nth: usize, state: i64, item: T) -> i64 {
        state + i64::from(!item.is_nan())
    }

    fn join(&self, left: i64, right: i64) -> i64 {
        left + right
    }
}

struct Sum {
    skip: bool,
}

impl<T: Arith> Fold<T> for Sum {
    type State = T;

    fn start(&self) -> T {
        T::from_u64(0)
    }

    fn run(&self, _nth: usize, state: &mut T, run: &[T]) {
        let zero = T::from_u64(0);
        let sum = if self.skip {
            pairwise(run, &|item: T| if item.is_nan() { zero } else { item })
        } else {
            pairwise(run, &|item| item)
        };
        *state = state.add(sum);
    }

    fn one(&self, _nth: usize, state: T, item: T) -> T {
        if self.skip && item.is_nan() {
            state
        } else {
            state.add(item)
        }
    }

    fn row(&self, _nth: usize, states: &mut [T], row: &[T]) {
        if self.skip {
            for (state, item) in states.iter_mut().zip(row) {
                *state = self.one(0, *state, *item);
            }
            return;
        }
        widest(
            #[inline(always)]
            |_| {
                for (state, item) in states.iter_mut().zip(row) {
                    *state = state.add(*item);
                }
            },
        );
    }

    fn join(&self, left: T, right: T) -> T {
        left.add(right)
    }
}

/// NumPy's pairwise summation: errors grow with the logarithm of the count, not with the count.
fn pairwise<T: Arith, S: Arith>(items: &[T], f: &impl Fn(T) -> S) -> S {
    if items.len() > 128 {
        let half = items.len() / 2;
        let (left, right) = items.split_at(half - half % 8);
        return pairwise(left, f).add(pairwise(right, f));
    }
    let (rows, rest) = items.as_chunks::<8>();
    let mut sum = S::from_u64(0);
    if let Some((first, rows)) = rows.split_first() {
        let mut lanes = first.map(f);
        for row in rows {
            for (lane, item) in lanes.iter_mut().zip(row) {
                *lane = lane.add(f(*item));
            }
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        sum = a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h)));
    }
    rest.iter().fold(sum, |sum, item| sum.add(f(*item)))
}

struct Product {
    skip: bool,
}

impl<T: Arith> Fold<T> for Product {
    type State = T;

    fn start(&self) -> T {
        T::from_u64(1)
    }

    fn run(&self, _nth: usize, state: &mut T, run: &[T]) {
        let one = T::from_u64(1);
        let mut lanes = [one; 8];
        let (rows, rest) = run.as_chunks::<8>();
        for row in rows {
            for (lane, item) in lanes.iter_mut().zip(row) {
                *lane = lane.mul(if self.skip && item.is_nan() {
                    one
                } else {
                    *item
                });
            }
        }
        let rest = rest.iter().map(|item| {
            if self.skip && item.is_nan() {
                one
            } else {
                *item
            }
        });
        *state = if rows.is_empty() {
            *state
        } else {
            lanes.into_iter().fold(*state, T::mul)
        };
        *state = rest.fold(*state, T::mul);
    }

    fn one(&self, _nth: usize, state: T, item: T) -> T {
        if self.skip && item.is_nan() {
            state
        } else {
            state.mul(item)
        }
    }

    fn join(&self, left: T, right: T) -> T {
        left.mul(right)
    }
}

/// Squared distances from the mean of each result.
struct Squares<'a, T> {
    means: &'a [T],
    skip: bool,
}

impl<T: Summed> Fold<T> for Squares<'_, T> {
    type State = T::Part;

    fn start(&self) -> T::Part {
        T::Part::from_u64(0)
    }

    fn run(&self, nth: usize, state: &mut T::Part, run: &[T]) {
        let mean = self.means[nth];
        let zero = T::Part::from_u64(0);
        let sum = if self.skip {
            pairwise(run, &|item: T| {
                if item.is_nan() {
                    zero
                } else {
                    item.sub(mean).square()
                }
            })
        } else {
            pairwise(run, &|item: T| item.sub(mean).square())
        };
        *state = state.add(sum);
    }

    fn one(&self, nth: usize, state: T::Part, item: T) -> T::Part {
        if self.skip && item.is_nan() {
            state
        } else {
            state.add(item.sub(self.means[nth]).square())
        }
    }

    fn join(&self, left: T::Part, right: T::Part) -> T::Part {
        left.add(right)
    }
}

/// Floats and complex numbers.
trait Summed: Arith {
    /// Itself, or a part of it.
    type Part: Real + Summed<Part = Self::Part>;

    fn over(self, count: f64) -> Self;
    /// Of the absolute value.
    fn square(self) -> Self::Part;
    fn root(self) -> Self;
}

macro_rules! summed {
    ($($type:ty)*) => {$(
        impl Summed for $type {
            type Part = Self;

            fn over(self, count: f64) -> Self { self / count as $type }
            fn square(self) -> Self { self * self }
            fn root(self) -> Self { self.sqrt() }
        }

        impl Summed for Complex<$type> {
            type Part = $type;

            fn over(self, count: f64) -> Self { self / count as $type }
            fn square(self) -> $type { self.re * self.re + self.im * self.im }
            fn root(self) -> Self { self.sqrt() }
        }
    )*};
}

summed!(f32 f64);

/// `numpy.ptp`: from the least to the greatest.
pub(crate) fn ptp(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let most = reduce("ptp", Reduce::Max, Nans::Kept, operand, options)?;
    let least = reduce("ptp", Reduce::Min, Nans::Kept, operand, options)?;
    let operands = [Operand::from(&most), Operand::from(&least)];
    crate::binary::binary(
        "subtract",
        crate::binary::Binary::Subtract,
        &operands,
        &Options::new(),
    )
}
