//! Choosing between elements: where, clip; and functions of one operand with two results.

use ndferry_array::Array;

use crate::arith::Arith;
use crate::astype::cast;
use crate::code::{Code, no_loop, result_code};
use crate::feed::Feed;
use crate::map::{map1, map3};
use crate::number::Number;
use crate::operand::{Held, broadcast, broadcast_shapes};
use crate::options::Options;
use crate::real::Real;
use crate::{MathError, Operand};

/// `numpy.where` of three operands: elements of the second where the first is true, of the third elsewhere.
pub(crate) fn choose(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    const NAME: &str = "where";
    let code = result_code(NAME, &operands[1..])?;
    let held = [
        operands[0].own()?,
        wrapped(&operands[1], code)?,
        wrapped(&operands[2], code)?,
    ];
    let views = held.each_ref().map(|held| held.view());
    let shape = broadcast_shapes(views.iter().map(|view| view.shape()))?;
    let condition = broadcast(&views[0], &shape)?;
    let (a, b) = (broadcast(&views[1], &shape)?, broadcast(&views[2], &shape)?);
    let own = Code::of(condition.dtype()).ok_or_else(|| no_loop(NAME, operands))?;
    let truth = crate::unary::truth(&Feed::new(&condition)?, own, &shape)?;
    let feeds = [&Feed::new(&truth.view())?, &Feed::new(&a)?, &Feed::new(&b)?];
    dispatch!(code, T => map3::<u8, T, T>(code, &shape, feeds, &|truth, a, b, out| {
        for (((out, truth), a), b) in out.iter_mut().zip(truth).zip(a).zip(b) {
            *out = if *truth != 0 { *a } else { *b };
        }
    }))
}

/// As `code`; of an int that has no room in it the last bits, which `numpy.where` alone takes without a word.
fn wrapped<'a>(operand: &Operand<'a>, code: Code) -> Result<Held<'a>, MathError> {
    match operand {
        Operand::Int(value) if code.is_int() || code == Code::Bool => {
            let bits = match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(signed), _) => signed,
                (_, Ok(unsigned)) => unsigned as i64,
                _ => return operand.held(code),
            };
            dispatch_ints!(code, T => {
                let array = crate::sorting::array_of(&[bits as T], code, &[])?;
                Ok(Held::Owned(array))
            })
        }
        _ => operand.held(code),
    }
}

/// `numpy.clip`: operand, least, most.
pub(crate) fn clip(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let code = result_code("clip", operands)?;
    if code == Code::Bool {
        return Err(no_loop("clip", operands));
    }
    let operands = bounded(operands, code);
    let held = [
        operands[0].held(code)?,
        operands[1].held(code)?,
        operands[2].held(code)?,
    ];
    let views = held.each_ref().map(|held| held.view());
    let shape = broadcast_shapes(views.iter().map(|view| view.shape()))?;
    let [a, low, high] = [
        broadcast(&views[0], &shape)?,
        broadcast(&views[1], &shape)?,
        broadcast(&views[2], &shape)?,
    ];
    let feeds = [&Feed::new(&a)?, &Feed::new(&low)?, &Feed::new(&high)?];
    dispatch!(code, T => map3::<T, T, T>(code, &shape, feeds, &|a, low, high, out| {
        for (((out, a), low), high) in out.iter_mut().zip(a).zip(low).zip(high) {
            *out = Arith::min(Arith::max(*a, *low), *high);
        }
    }))
}

/// The operands; an int that the array's dtype cannot pass anyway is no bound of the result either.
fn bounded<'a>(operands: &[Operand<'a>], result: Code) -> [Operand<'a>; 3] {
    let [a, mut low, mut high] = [0, 1, 2].map(|nth: usize| operands[nth].clone());
    if let Operand::Array(view) = &a
        && let Some(code) = Code::of(view.dtype()).filter(|code| code.is_int())
    {
        let (least, most) = code.bounds();
        let (below, above) = if result.is_int() {
            let (least, most) = result.bounds();
            (Operand::Int(least), Operand::Int(most))
        } else {
            (
                Operand::Float(f64::NEG_INFINITY),
                Operand::Float(f64::INFINITY),
            )
        };
        if matches!(low, Operand::Int(value) if value <= least) {
            low = below;
        }
        if matches!(high, Operand::Int(value) if value >= most) {
            high = above;
        }
    }
    [a, low, high]
}

/// `numpy.modf`: the fraction, the whole part.
pub(crate) fn modf(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    fn run<T: Real>(out: Code, shape: &[usize], feed: &Feed<'_>) -> Result<Vec<Array>, MathError> {
        Ok(vec![
            map1::<T, T>(out, shape, feed, &|x, out| {
                crate::map::each1(x, out, Real::fraction)
            })?,
            map1::<T, T>(out, shape, feed, &|x, out| {
                crate::map::each1(x, out, Real::trunc)
            })?,
        ])
    }
    floats("modf", operand, run::<f64>, run::<f32>)
}

/// `numpy.frexp`: mantissa in [0.5, 1), exponent of 2 (i4).
pub(crate) fn frexp(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    fn run<T: Real>(out: Code, shape: &[usize], feed: &Feed<'_>) -> Result<Vec<Array>, MathError> {
        Ok(vec![
            map1::<T, T>(out, shape, feed, &|x, out| {
                crate::map::each1(x, out, Real::mantissa)
            })?,
            map1::<T, i32>(Code::I32, shape, feed, &|x, out| {
                crate::map::each1(x, out, Real::exponent)
            })?,
        ])
    }
    floats("frexp", operand, run::<f64>, run::<f32>)
}

type Floats = fn(Code, &[usize], &Feed<'_>) -> Result<Vec<Array>, MathError>;

fn floats(
    name: &'static str,
    operand: &Operand<'_>,
    double: Floats,
    single: Floats,
) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let refused = || no_loop(name, std::slice::from_ref(operand));
    let code = Code::of(view.dtype())
        .filter(|code| !code.is_complex())
        .ok_or_else(refused)?
        .float();
    let feed = Feed::new(&view)?;
    match code {
        Code::F64 => double(code, view.shape(), &feed),
        _ => single(code, view.shape(), &feed),
    }
}

/// `numpy.round` to `decimals` digits; halves to even. Of complex numbers both parts.
pub(crate) fn round(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    fn run<T: Number>(
        code: Code,
        shape: &[usize],
        feed: &Feed<'_>,
        decimals: i32,
    ) -> Result<Array, MathError> {
        let scale = code.rounded(10f64.powf(f64::from(decimals).abs()));
        // Each step is rounded as NumPy's are; to f4 and f2 from f8, which is the same.
        let step = |x| code.rounded(x);
        let part = |x: f64| match decimals {
            0 => x.round_ties_even(),
            1.. => step(step(x * scale).round_ties_even() / scale),
            _ => step(step(x / scale).round_ties_even() * scale),
        };
        map1::<T, T>(code, shape, feed, &|x, out| {
            crate::map::each1(x, out, |x| {
                let x = x.to_c128();
                T::from_c128(num_complex::Complex::new(part(x.re), part(x.im)))
            });
        })
    }
    const NAME: &str = "round";
    let held = operand.own()?;
    let view = held.view();
    let refused = || no_loop(NAME, std::slice::from_ref(operand));
    let code = Code::of(view.dtype()).ok_or_else(refused)?;
    let given = options.int("decimals")?.unwrap_or(0);
    let decimals = i32::try_from(given).map_err(|_| MathError::IntBounds {
        value: given.into(),
        dtype: "int32".to_owned(),
    })?;
    let feed = Feed::new(&view)?;
    let shape = view.shape();
    match code {
        Code::Bool if decimals == 0 => crate::map::convert(&feed, Code::F16, shape),
        Code::Bool => Err(refused()),
        _ if code.is_int() && decimals >= 0 => crate::map::convert(&feed, code, shape),
        _ if code.is_int() => {
            let rounded = run::<f64>(Code::F64, shape, &feed, decimals)?;
            cast(&rounded.view(), code)
        }
        _ => dispatch!(code, T => run::<T>(code, shape, &feed, decimals)),
    }
}

/// `numpy.nan_to_num`: NaNs become `nan`, infinities the largest finite numbers, or what is said.
pub(crate) fn nan_to_num(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let code = Code::of(view.dtype())
        .ok_or_else(|| no_loop("nan_to_num", std::slice::from_ref(operand)))?;
    let feed = Feed::new(&view)?;
    let largest = match code.real() {
        Code::F16 => 65504.0,
        Code::F32 => f64::from(f32::MAX),
        _ => f64::MAX,
    };
    let nan = options.float("nan")?.unwrap_or(0.0);
    let high = options.float("posinf")?.unwrap_or(largest);
    let low = options.float("neginf")?.unwrap_or(-largest);
    let part = |x: f64| {
        if x.is_nan() {
            nan
        } else if x == f64::INFINITY {
            high
        } else if x == f64::NEG_INFINITY {
            low
        } else {
            x
        }
    };
    match code {
        Code::F64 => map1::<f64, f64>(code, view.shape(), &feed, &|x, out| {
            crate::map::each1(x, out, part)
        }),
        Code::F32 | Code::F16 => map1::<f32, f32>(code, view.shape(), &feed, &|x, out| {
            crate::map::each1(x, out, |x| part(f64::from(x)) as f32);
        }),
        Code::C64 | Code::C128 => {
            dispatch!(code, T => map1::<T, T>(code, view.shape(), &feed, &|x, out| {
                crate::map::each1(x, out, |x| {
                    let x = x.to_c128();
                    T::from_c128(num_complex::Complex::new(part(x.re), part(x.im)))
                });
            }))
        }
        _ => crate::map::convert(&feed, code, view.shape()),
    }
}
