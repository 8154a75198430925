//! Functions of one operand, element by element.

use ndferry_array::{Array, Order};
use num_complex::Complex;

use crate::arith::{Arith, Bits};
use crate::code::{Code, no_loop};
use crate::feed::Feed;
use crate::map::{convert, each1, map1, wide1};
use crate::number::Number;
use crate::options::Options;
use crate::real::{Analytic, Real};
use crate::vector;
use crate::{MathError, Operand};

/// A function of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Positive,
    Negative,
    Absolute,
    Fabs,
    Sign,
    Square,
    Reciprocal,
    Conjugate,
    Real,
    Imag,
    Angle,
    Sqrt,
    Cbrt,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Degrees,
    Radians,
    Floor,
    Ceil,
    Trunc,
    Rint,
    Isnan,
    Isinf,
    Isfinite,
    Signbit,
    Spacing,
    LogicalNot,
    Invert,
}

/// Calls `f` for the operand; `name` is for errors.
pub(crate) fn unary(
    name: &'static str,
    f: Unary,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    // Elements in F order are computed as they lie.
    if view.order() == Some(Order::F) {
        let reversed = Operand::Array(view.reversed());
        return Ok(unary(name, f, &reversed, options)?.reversed());
    }
    let refused = || no_loop(name, std::slice::from_ref(operand));
    let mut code = Code::of(view.dtype()).ok_or_else(refused)?;
    if let Some(wanted) = options.dtype("dtype")? {
        code = Code::of(&wanted).ok_or_else(refused)?;
    }
    let cast;
    let view = if Code::of(view.dtype()).is_some_and(|own| own.promote(code) != code) {
        cast = view.to_dtype(&code.dtype(), ndferry_array::Casting::SameKind)?;
        cast.view()
    } else {
        view
    };
    let shape = view.shape().to_vec();
    let call = Call {
        code,
        shape: &shape,
        feed: &Feed::new(&view)?,
    };
    call.run(f).unwrap_or_else(|| Err(refused()))
}

/// Which elements are not 0, as bools.
pub(crate) fn truth(feed: &Feed<'_>, code: Code, shape: &[usize]) -> Result<Array, MathError> {
    Call { code, shape, feed }.truth(|x| x)
}

struct Call<'a> {
    code: Code,
    shape: &'a [usize],
    feed: &'a Feed<'a>,
}

type Tried = Option<Result<Array, MathError>>;

impl Call<'_> {
    /// `None`: there is no such function of this dtype.
    fn run(&self, f: Unary) -> Tried {
        use Unary as U;
        let code = self.code;
        let is_bool = code == Code::Bool;
        match f {
            U::Positive | U::Negative | U::Sign if is_bool => None,
            U::Positive => Some(convert(self.feed, code, self.shape)),
            U::Absolute if is_bool => Some(convert(self.feed, code, self.shape)),
            U::Conjugate if is_bool => Some(convert(self.feed, Code::I8, self.shape)),
            U::Real if !code.is_complex() => Some(convert(self.feed, code, self.shape)),
            U::Conjugate if code.is_int() || code.is_float() => {
                Some(convert(self.feed, code, self.shape))
            }
            U::Floor | U::Ceil | U::Trunc if is_bool || code.is_int() => {
                Some(convert(self.feed, code, self.shape))
            }
            U::Square | U::Reciprocal if is_bool => Some(self.tiny(f)),
            U::Negative | U::Sign | U::Square | U::Reciprocal => Some(self.arith(f)),
            U::LogicalNot => Some(self.truth(|x| !x)),
            U::Invert if is_bool => Some(self.truth(|x| !x)),
            U::Invert => code.is_int().then(|| self.invert()),
            U::Isnan | U::Isinf | U::Isfinite if is_bool || code.is_int() => {
                let finite = u8::from(f == U::Isfinite);
                Some(map1::<u8, u8>(
                    Code::Bool,
                    self.shape,
                    self.feed,
                    &|_, out| out.fill(finite),
                ))
            }
            U::Isnan | U::Isinf | U::Isfinite => Some(self.finite(f)),
            U::Absolute if code.is_int() => Some(self.absolute()),
            U::Absolute if code.is_complex() => Some(self.parts(f)),
            U::Imag if !code.is_complex() => Some(dispatch!(code, T => {
                map1::<T, T>(code, self.shape, self.feed, &|_, out| out.fill(T::from_u64(0)))
            })),
            U::Angle if !code.is_complex() => Some(self.real(f)),
            U::Real | U::Imag | U::Angle | U::Conjugate => Some(self.parts(f)),
            U::Signbit => (!code.is_complex()).then(|| self.signbit()),
            U::Spacing if code.float() == Code::F16 => Some(self.half_spacing()),
            U::Absolute
            | U::Fabs
            | U::Cbrt
            | U::Degrees
            | U::Radians
            | U::Floor
            | U::Ceil
            | U::Trunc
            | U::Spacing => (!code.is_complex()).then(|| self.real(f)),
            U::Rint if !code.is_complex() => Some(self.real(f)),
            U::Rint => Some(self.parts(f)),
            _ => Some(self.analytic(f)),
        }
    }

    fn truth(&self, f: fn(bool) -> bool) -> Result<Array, MathError> {
        dispatch!(self.code, T => map1::<T, u8>(Code::Bool, self.shape, self.feed, &|x, out| {
            each1(x, out, |x| u8::from(f(x.is_true())));
        }))
    }

    fn arith(&self, f: Unary) -> Result<Array, MathError> {
        dispatch!(self.code, T => {
            let f: fn(&[T], &mut [T]) = match f {
                Unary::Negative => |x, out| each1(x, out, Arith::neg),
                Unary::Sign => |x, out| each1(x, out, Arith::sign),
                Unary::Square => |x, out| each1(x, out, |x| x.mul(x)),
                _ => |x, out| each1(x, out, Arith::reciprocal),
            };
            map1::<T, T>(self.code, self.shape, self.feed, &f)
        })
    }

    /// Bools are `i1` to functions that have integers but no bools.
    fn tiny(&self, f: Unary) -> Result<Array, MathError> {
        let code = Code::I8;
        Call { code, ..*self }.arith(f)
    }

    fn invert(&self) -> Result<Array, MathError> {
        dispatch_ints!(self.code, T => {
            map1::<T, T>(self.code, self.shape, self.feed, &|x, out| each1(x, out, Bits::not))
        })
    }

    fn absolute(&self) -> Result<Array, MathError> {
        dispatch_ints!(self.code, T => map1::<T, T>(self.code, self.shape, self.feed, &|x, out| {
            each1(x, out, |x| if x.is_negative() { x.neg() } else { x });
        }))
    }

    fn finite(&self, f: Unary) -> Result<Array, MathError> {
        fn run<T: Real>(call: &Call<'_>, f: Unary) -> Result<Array, MathError> {
            let f: fn(&[T], &mut [u8]) = match f {
                Unary::Isnan => |x, out| each1(x, out, |x| u8::from(x.is_nan())),
                Unary::Isinf => |x, out| each1(x, out, |x| u8::from(x.is_inf())),
                _ => |x, out| each1(x, out, |x| u8::from(x.is_finite())),
            };
            map1::<T, u8>(Code::Bool, call.shape, call.feed, &f)
        }
        fn pairs<T: Real>(call: &Call<'_>, f: Unary) -> Result<Array, MathError>
        where
            Complex<T>: Number,
        {
            let f: fn(&[Complex<T>], &mut [u8]) = match f {
                Unary::Isnan => {
                    |x, out| each1(x, out, |x| u8::from(x.re.is_nan() || x.im.is_nan()))
                }
                Unary::Isinf => {
                    |x, out| each1(x, out, |x| u8::from(x.re.is_inf() || x.im.is_inf()))
                }
                _ => |x, out| each1(x, out, |x| u8::from(x.re.is_finite() && x.im.is_finite())),
            };
            map1::<Complex<T>, u8>(Code::Bool, call.shape, call.feed, &f)
        }
        match self.code {
            Code::C64 => pairs::<f32>(self, f),
            Code::C128 => pairs::<f64>(self, f),
            Code::F64 => run::<f64>(self, f),
            _ => run::<f32>(self, f),
        }
    }

    fn signbit(&self) -> Result<Array, MathError> {
        match self.code.float() {
            Code::F64 => map1::<f64, u8>(Code::Bool, self.shape, self.feed, &|x, out| {
                each1(x, out, |x| u8::from(x.signbit()));
            }),
            _ => map1::<f32, u8>(Code::Bool, self.shape, self.feed, &|x, out| {
                each1(x, out, |x| u8::from(x.signbit()));
            }),
        }
    }

    /// Of complex numbers.
    fn parts(&self, f: Unary) -> Result<Array, MathError> {
        fn run<T: Real>(call: &Call<'_>, f: Unary) -> Result<Array, MathError>
        where
            Complex<T>: Number,
        {
            if matches!(f, Unary::Conjugate | Unary::Rint) {
                let f: fn(&[Complex<T>], &mut [Complex<T>]) = match f {
                    Unary::Conjugate => |x, out| each1(x, out, |x| Complex::new(x.re, x.im.neg())),
                    _ => |x, out| each1(x, out, |x| Complex::new(x.re.rint(), x.im.rint())),
                };
                return map1(call.code, call.shape, call.feed, &f);
            }
            let f: fn(&[Complex<T>], &mut [T]) = match f {
                Unary::Real => |x, out| each1(x, out, |x| x.re),
                Unary::Imag => |x, out| each1(x, out, |x| x.im),
                Unary::Absolute => |x, out| each1(x, out, |x| x.re.hypot(x.im)),
                _ => |x, out| each1(x, out, |x| x.im.atan2(x.re)),
            };
            map1(call.code.real(), call.shape, call.feed, &f)
        }
        match self.code {
            Code::C64 => run::<f32>(self, f),
            _ => run::<f64>(self, f),
        }
    }

    /// The neighbours of f2 are not those of f4. As `npy_half_spacing`, which gives no negative ones.
    fn half_spacing(&self) -> Result<Array, MathError> {
        map1::<f32, f32>(Code::F16, self.shape, self.feed, &|x, out| {
            each1(x, out, |x| {
                let bits = half::f16::from_f32(x).to_bits();
                let exponent = bits & 0x7c00;
                // Below a power of two neighbours are nearer.
                let nearer = u16::from(bits & 0x8000 != 0 && bits & 0x3ff == 0) << 10;
                let spacing = match exponent {
                    0x7c00 => return f32::NAN,
                    _ if bits == 0x7bff => return f32::INFINITY,
                    exponent if exponent > 0x2800 + nearer => exponent - 0x2800 - nearer,
                    exponent if exponent > 0x400 => 1 << (((exponent - nearer) >> 10) - 1),
                    _ => 1,
                };
                half::f16::from_bits(spacing).to_f32()
            });
        })
    }

    /// Of real numbers, as floats.
    fn real(&self, f: Unary) -> Result<Array, MathError> {
        fn run<T: Real>(call: &Call<'_>, out: Code, f: Unary) -> Result<Array, MathError> {
            let f: fn(&[T], &mut [T]) = match f {
                Unary::Absolute | Unary::Fabs => |x, out| each1(x, out, Real::abs),
                Unary::Angle => |x, out| each1(x, out, |x| T::from_u64(0).atan2(x)),
                Unary::Cbrt => |x, out| each1(x, out, Real::cbrt),
                Unary::Degrees => |x, out| each1(x, out, Real::degrees),
                Unary::Radians => |x, out| each1(x, out, Real::radians),
                Unary::Floor => |x, out| wide1(x, out, Real::floor),
                Unary::Ceil => |x, out| wide1(x, out, Real::ceil),
                Unary::Trunc => |x, out| wide1(x, out, Real::trunc),
                Unary::Spacing => |x, out| each1(x, out, Real::spacing),
                _ => |x, out| wide1(x, out, Real::rint),
            };
            map1(out, call.shape, call.feed, &f)
        }
        let out = match (f, self.code) {
            // `numpy.angle` is an arctan2 of the Python int 0, which makes ints of bools.
            (Unary::Angle, Code::Bool) => Code::F64,
            (_, code) => code.float(),
        };
        if let Some(done) = self.vectors(out, f) {
            return done;
        }
        match out {
            Code::F64 => run::<f64>(self, out, f),
            _ => run::<f32>(self, out, f),
        }
    }

    /// Of floats, by loops without branches.
    fn vectors(&self, out: Code, f: Unary) -> Tried {
        Some(match out {
            Code::F64 => map1(out, self.shape, self.feed, &vector::doubles(f)?),
            Code::F32 | Code::F16 => map1(out, self.shape, self.feed, &vector::singles(f)?),
            _ => return None,
        })
    }

    /// Of floats and complex numbers.
    fn analytic(&self, f: Unary) -> Result<Array, MathError> {
        fn run<T: Analytic>(call: &Call<'_>, out: Code, f: Unary) -> Result<Array, MathError> {
            use Unary as U;
            let f: fn(&[T], &mut [T]) = match f {
                U::Sqrt => |x, out| each1(x, out, Analytic::sqrt),
                U::Exp => |x, out| each1(x, out, Analytic::exp),
                U::Exp2 => |x, out| each1(x, out, Analytic::exp2),
                U::Expm1 => |x, out| each1(x, out, Analytic::exp_m1),
                U::Log => |x, out| each1(x, out, Analytic::ln),
                U::Log2 => |x, out| each1(x, out, Analytic::log2),
                U::Log10 => |x, out| each1(x, out, Analytic::log10),
                U::Log1p => |x, out| each1(x, out, Analytic::ln_1p),
                U::Sin => |x, out| each1(x, out, Analytic::sin),
                U::Cos => |x, out| each1(x, out, Analytic::cos),
                U::Tan => |x, out| each1(x, out, Analytic::tan),
                U::Arcsin => |x, out| each1(x, out, Analytic::asin),
                U::Arccos => |x, out| each1(x, out, Analytic::acos),
                U::Arctan => |x, out| each1(x, out, Analytic::atan),
                U::Sinh => |x, out| each1(x, out, Analytic::sinh),
                U::Cosh => |x, out| each1(x, out, Analytic::cosh),
                U::Tanh => |x, out| each1(x, out, Analytic::tanh),
                U::Arcsinh => |x, out| each1(x, out, Analytic::asinh),
                U::Arccosh => |x, out| each1(x, out, Analytic::acosh),
                _ => |x, out| each1(x, out, Analytic::atanh),
            };
            map1(out, call.shape, call.feed, &f)
        }
        let out = self.code.float();
        if let Some(done) = self.vectors(out, f) {
            return done;
        }
        match out {
            Code::C128 => run::<Complex<f64>>(self, out, f),
            Code::C64 => run::<Complex<f32>>(self, out, f),
            Code::F64 => run::<f64>(self, out, f),
            _ => run::<f32>(self, out, f),
        }
    }
}
