//! Choosing between elements: where, clip; and functions of one operand with two results.

use ndferry_array::Array;

use crate::arith::Arith;
use crate::code::{Code, no_loop, result_code};
use crate::feed::Feed;
use crate::map::{map1, map3};
use crate::number::Number;
use crate::operand::{broadcast, broadcast_shapes};
use crate::options::Options;
use crate::real::Real;
use crate::{MathError, Operand};

/// `numpy.where` of three operands: elements of the second where the first is true, of the third elsewhere.
pub(crate) fn choose(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    const NAME: &str = "where";
    let code = result_code(NAME, &operands[1..])?;
    let held = [
        operands[0].own()?,
        operands[1].held(code)?,
        operands[2].held(code)?,
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

/// `numpy.clip`: operand, least, most.
pub(crate) fn clip(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let code = result_code("clip", operands)?;
    if code == Code::Bool {
        return Err(no_loop("clip", operands));
    }
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

/// `numpy.round` to `decimals` digits; halves to even.
pub(crate) fn round(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let refused = || no_loop("round", std::slice::from_ref(operand));
    let code = Code::of(view.dtype()).ok_or_else(refused)?;
    let decimals = options.int("decimals")?.unwrap_or(0).clamp(-400, 400) as i32;
    let feed = Feed::new(&view)?;
    let shape = view.shape();
    fn run<T: Real>(
        code: Code,
        shape: &[usize],
        feed: &Feed<'_>,
        decimals: i32,
    ) -> Result<Array, MathError> {
        let scale = T::from_f64(10f64.powi(decimals.abs()));
        map1::<T, T>(code, shape, feed, &|x, out| {
            crate::map::each1(x, out, |x| match decimals {
                0 => x.rint(),
                1.. => x.mul(scale).rint().divide(scale),
                _ => x.divide(scale).rint().mul(scale),
            })
        })
    }
    match code {
        Code::Bool => crate::map::convert(&feed, Code::F16, shape),
        _ if code.is_int() && decimals >= 0 => crate::map::convert(&feed, code, shape),
        _ if code.is_int() => {
            let rounded = run::<f64>(Code::F64, shape, &feed, decimals)?;
            Ok(rounded
                .view()
                .to_dtype(&code.dtype(), ndferry_array::Casting::Unsafe)?)
        }
        Code::F64 => run::<f64>(code, shape, &feed, decimals),
        Code::F32 | Code::F16 => run::<f32>(code, shape, &feed, decimals),
        _ => Err(refused()),
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
                    let x = wide(x);
                    T::from_c128(num_complex::Complex::new(part(x.re), part(x.im)))
                });
            }))
        }
        _ => crate::map::convert(&feed, code, view.shape()),
    }
}

/// Complex numbers as those of f8.
fn wide<T: Number>(item: T) -> num_complex::Complex<f64> {
    match bytemuck::try_cast::<T, num_complex::Complex<f32>>(item) {
        Ok(single) => num_complex::Complex::new(single.re.into(), single.im.into()),
        Err(_) => bytemuck::try_cast(item).unwrap_or_default(),
    }
}
