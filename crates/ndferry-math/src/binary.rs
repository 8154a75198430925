//! Functions of two operands, element by element.

use ndferry_array::{Array, ArrayView, Casting, Order};
use num_complex::Complex;

use crate::arith::{Arith, Bits, Divide, Floor};
use crate::astype::cast;
use crate::code::{Code, no_loop, result_code, result_float};
use crate::feed::Feed;
use crate::map::{each2, map2};
use crate::operand::{Held, broadcast, broadcast_shapes};
use crate::options::Options;
use crate::real::{Real, complex_power};
use crate::vector;
use crate::{MathError, Operand};

/// A function of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Fmod,
    Power,
    FloatPower,
    Maximum,
    Minimum,
    Fmax,
    Fmin,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    LeftShift,
    RightShift,
    Gcd,
    Lcm,
    Arctan2,
    Hypot,
    Copysign,
    Nextafter,
    Logaddexp,
    Logaddexp2,
    Heaviside,
    Ldexp,
}

impl Binary {
    fn compares(self) -> bool {
        (Self::Equal as u8..=Self::GreaterEqual as u8).contains(&(self as u8))
    }

    /// Has no integers.
    fn is_float(self) -> bool {
        (Self::Arctan2 as u8..=Self::Heaviside as u8).contains(&(self as u8))
    }

    fn is_logical(self) -> bool {
        matches!(self, Self::LogicalAnd | Self::LogicalOr | Self::LogicalXor)
    }
}

/// Calls `f` for both operands; `name` is for errors.
pub(crate) fn binary(
    name: &'static str,
    f: Binary,
    operands: &[Operand<'_>; 2],
    options: &Options,
) -> Result<Array, MathError> {
    if f == Binary::Ldexp {
        return ldexp(name, operands);
    }
    if options.is_empty()
        && let Some(done) = plain(name, f, operands)
    {
        return done;
    }
    if f.compares() {
        if let Some(answer) = beyond(f, operands)? {
            return Ok(answer);
        }
        if let Some(answer) = signs(f, operands)? {
            return Ok(answer);
        }
    }
    // Any int is true or not, also one that has no room in the dtype of the other operand.
    let truths;
    let operands = if f.is_logical() {
        truths = operands.each_ref().map(|operand| match operand {
            Operand::Int(value) => Operand::Bool(*value != 0),
            other => other.clone(),
        });
        &truths
    } else {
        operands
    };
    let code = if f.is_float() {
        result_float(name, operands)?
    } else {
        result_code(name, operands)?
    };
    let refused = || no_loop(name, operands);
    let (mut loops, mut out) = signature(f, code).ok_or_else(refused)?;
    if let Some(wanted) = options.dtype("dtype")? {
        let wanted = Code::of(&wanted).ok_or_else(refused)?;
        if !ndferry_array::can_cast(&loops.dtype(), &wanted.dtype(), Casting::SameKind) {
            return Err(MathError::CannotCast {
                from: loops.name(),
                to: wanted.name(),
            });
        }
        (loops, out) = signature(f, wanted).ok_or_else(refused)?;
    }
    let held = [operands[0].held(loops)?, operands[1].held(loops)?];
    compute(f, loops, out, &held)
}

/// The most frequent call, without what all others need: arrays of the same dtype and shape whose elements lie in C order.
fn plain(
    name: &'static str,
    f: Binary,
    operands: &[Operand<'_>; 2],
) -> Option<Result<Array, MathError>> {
    let [Operand::Array(a), Operand::Array(b)] = operands else {
        return None;
    };
    let own = Code::of(a.dtype()).filter(|_| a.dtype().is_native() && a.dtype() == b.dtype())?;
    if a.shape() != b.shape() || a.size() == 0 {
        return None;
    }
    let (Some((Order::C, x)), Some((Order::C, y))) = (a.contiguous_bytes(), b.contiguous_bytes())
    else {
        return None;
    };
    let code = if f.is_float() { own.float() } else { own };
    let Some((loops, out)) = signature(f, code) else {
        return Some(Err(no_loop(name, operands)));
    };
    let call = Call {
        loops,
        out,
        shape: a.shape(),
        a: &Feed::plain(own, x, a.size()),
        b: &Feed::plain(own, y, a.size()),
    };
    Some(call.run(f))
}

/// Over both operands where they lie; in F order if all that have a whole shape do.
fn compute(f: Binary, loops: Code, out: Code, held: &[Held<'_>; 2]) -> Result<Array, MathError> {
    let (a, b) = (held[0].view(), held[1].view());
    let shape = broadcast_shapes([a.shape(), b.shape()].into_iter())?;
    let (a, b) = (broadcast(&a, &shape)?, broadcast(&b, &shape)?);
    let in_f = |view: &ArrayView<'_>| view.order() == Some(Order::F);
    let still = |view: &ArrayView<'_>| view.layout().strides().iter().all(|stride| *stride == 0);
    if shape.len() > 1 && (in_f(&a) && (in_f(&b) || still(&b)) || still(&a) && in_f(&b)) {
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let (a, b) = (a.reversed(), b.reversed());
        return Ok(over(f, loops, out, &reversed, [&a, &b])?.reversed());
    }
    over(f, loops, out, &shape, [&a, &b])
}

fn over(
    f: Binary,
    loops: Code,
    out: Code,
    shape: &[usize],
    [a, b]: [&ArrayView<'_>; 2],
) -> Result<Array, MathError> {
    let (a, b) = (narrowed(a, loops)?, narrowed(b, loops)?);
    let (a, b) = (a.view(), b.view());
    let call = Call {
        loops,
        out,
        shape,
        a: &Feed::new(&a)?,
        b: &Feed::new(&b)?,
    };
    call.run(f)
}

/// Elements that an explicit dtype has no room for, cast; all others as they are.
fn narrowed<'a>(view: &ArrayView<'a>, loops: Code) -> Result<Held<'a>, MathError> {
    let own = Code::of(view.dtype());
    if own.is_some_and(|own| own.promote(loops) == loops || loops.is_complex()) {
        return Ok(Held::Borrowed(view.clone()));
    }
    Ok(Held::Owned(cast(view, loops)?))
}

/// What is computed with, and what comes out; `None` if there is no such function of `code`.
fn signature(f: Binary, code: Code) -> Option<(Code, Code)> {
    use Binary as B;
    let is_bool = code == Code::Bool;
    let same = Some((code, code));
    match f {
        _ if f.compares() || f.is_logical() => Some((code, Code::Bool)),
        B::Add | B::Multiply | B::Maximum | B::Minimum | B::Fmax | B::Fmin => same,
        B::Subtract => same.filter(|_| !is_bool),
        B::Divide if is_bool || code.is_int() => Some((Code::F64, Code::F64)),
        B::Divide => same,
        B::FloatPower if code.is_complex() => Some((Code::C128, Code::C128)),
        B::FloatPower => Some((Code::F64, Code::F64)),
        B::Power | B::FloorDivide | B::Remainder | B::Fmod if is_bool => Some((Code::I8, Code::I8)),
        B::Power => same,
        B::FloorDivide | B::Remainder | B::Fmod => same.filter(|_| !code.is_complex()),
        B::BitwiseAnd | B::BitwiseOr | B::BitwiseXor => same.filter(|_| is_bool || code.is_int()),
        B::LeftShift | B::RightShift if is_bool => Some((Code::I8, Code::I8)),
        B::LeftShift | B::RightShift => same.filter(|_| code.is_int()),
        B::Gcd | B::Lcm => same.filter(|_| code.is_int()),
        _ => Some((code.float(), code.float())).filter(|_| !code.is_complex()),
    }
}

struct Call<'a> {
    loops: Code,
    out: Code,
    shape: &'a [usize],
    a: &'a Feed<'a>,
    b: &'a Feed<'a>,
}

impl Call<'_> {
    fn run(&self, f: Binary) -> Result<Array, MathError> {
        use Binary as B;
        let is_bool = self.loops == Code::Bool;
        match f {
            _ if f.compares() => self.compare(f),
            _ if f.is_logical() => self.logical(f),
            B::Add | B::BitwiseOr | B::Maximum | B::Fmax if is_bool => self.logical(B::LogicalOr),
            B::Multiply | B::BitwiseAnd | B::Minimum | B::Fmin if is_bool => {
                self.logical(B::LogicalAnd)
            }
            B::BitwiseXor if is_bool => self.logical(B::LogicalXor),
            B::Add | B::Subtract | B::Multiply | B::Maximum | B::Minimum | B::Fmax | B::Fmin => {
                self.arith(f)
            }
            B::Divide => self.divide(),
            B::FloorDivide | B::Remainder | B::Fmod => self.floor(f),
            B::Power | B::FloatPower => self.power(),
            B::BitwiseAnd
            | B::BitwiseOr
            | B::BitwiseXor
            | B::LeftShift
            | B::RightShift
            | B::Gcd
            | B::Lcm => self.bits(f),
            B::Arctan2 if self.loops == Code::F64 => {
                map2(self.out, self.shape, self.a, self.b, &vector::angles)
            }
            B::Arctan2 => map2(self.out, self.shape, self.a, self.b, &vector::angles_single),
            B::Nextafter if self.loops == Code::F16 => self.next_half(),
            _ => match self.loops {
                Code::F64 => self.real::<f64>(f),
                _ => self.real::<f32>(f),
            },
        }
    }

    fn compare(&self, f: Binary) -> Result<Array, MathError> {
        dispatch!(self.loops, T => {
            let f: fn(&[T], &[T], &mut [u8]) = match f {
                Binary::Equal => |x, y, out| each2(x, y, out, |x, y| u8::from(x == y)),
                Binary::NotEqual => |x, y, out| each2(x, y, out, |x, y| u8::from(x != y)),
                Binary::Less => |x, y, out| each2(x, y, out, |x, y| u8::from(Arith::lt(x, y))),
                Binary::LessEqual => |x, y, out| each2(x, y, out, |x, y| u8::from(Arith::le(x, y))),
                Binary::Greater => |x, y, out| each2(x, y, out, |x, y| u8::from(Arith::lt(y, x))),
                _ => |x, y, out| each2(x, y, out, |x, y| u8::from(Arith::le(y, x))),
            };
            map2::<T, u8>(self.out, self.shape, self.a, self.b, &f)
        })
    }

    fn logical(&self, f: Binary) -> Result<Array, MathError> {
        dispatch!(self.loops, T => {
            let f: fn(&[T], &[T], &mut [u8]) = match f {
                Binary::LogicalAnd => |x, y, out| each2(x, y, out, |x, y| u8::from(x.is_true() & y.is_true())),
                Binary::LogicalOr => |x, y, out| each2(x, y, out, |x, y| u8::from(x.is_true() | y.is_true())),
                _ => |x, y, out| each2(x, y, out, |x, y| u8::from(x.is_true() ^ y.is_true())),
            };
            map2::<T, u8>(Code::Bool, self.shape, self.a, self.b, &f)
        })
    }

    fn arith(&self, f: Binary) -> Result<Array, MathError> {
        dispatch!(self.loops, T => {
            let f: fn(&[T], &[T], &mut [T]) = match f {
                Binary::Add => |x, y, out| each2(x, y, out, Arith::add),
                Binary::Subtract => |x, y, out| each2(x, y, out, Arith::sub),
                Binary::Multiply => |x, y, out| each2(x, y, out, Arith::mul),
                Binary::Maximum => |x, y, out| each2(x, y, out, Arith::max),
                Binary::Minimum => |x, y, out| each2(x, y, out, Arith::min),
                Binary::Fmax => |x, y, out| each2(x, y, out, Arith::fmax),
                _ => |x, y, out| each2(x, y, out, Arith::fmin),
            };
            map2::<T, T>(self.out, self.shape, self.a, self.b, &f)
        })
    }

    fn divide(&self) -> Result<Array, MathError> {
        fn run<T: Divide>(call: &Call<'_>) -> Result<Array, MathError> {
            map2::<T, T>(call.out, call.shape, call.a, call.b, &|x, y, out| {
                each2(x, y, out, Divide::divide);
            })
        }
        match self.loops {
            Code::C128 => run::<Complex<f64>>(self),
            Code::C64 => run::<Complex<f32>>(self),
            Code::F64 => run::<f64>(self),
            _ => run::<f32>(self),
        }
    }

    fn floor(&self, f: Binary) -> Result<Array, MathError> {
        dispatch_real!(self.loops, T => {
            let f: fn(&[T], &[T], &mut [T]) = match f {
                Binary::FloorDivide => |x, y, out| each2(x, y, out, Floor::floor_divide),
                Binary::Remainder => |x, y, out| each2(x, y, out, Floor::remainder),
                _ => |x, y, out| each2(x, y, out, Floor::fmod),
            };
            map2::<T, T>(self.out, self.shape, self.a, self.b, &f)
        })
    }

    fn power(&self) -> Result<Array, MathError> {
        let args = (self.out, self.shape, self.a, self.b);
        match self.loops {
            Code::F64 => map2(args.0, args.1, args.2, args.3, &|x: &[f64], y, out| {
                // Squares are the most frequent power.
                match y.first() {
                    Some(two) if *two == 2.0 && y.iter().all(|y| *y == 2.0) => {
                        each2(x, y, out, |x, _| x * x);
                    }
                    _ => vector::powers(x, y, out),
                }
            }),
            Code::F16 | Code::F32 => map2(args.0, args.1, args.2, args.3, &|x: &[f32], y, out| {
                vector::powers_single(x, y, out);
            }),
            Code::C128 => map2(args.0, args.1, args.2, args.3, &|x,
                                                                 y,
                                                                 out: &mut [Complex<
                f64,
            >]| {
                each2(x, y, out, complex_power);
            }),
            Code::C64 => map2(args.0, args.1, args.2, args.3, &|x,
                                                                y,
                                                                out: &mut [Complex<
                f32,
            >]| {
                let wide = |z: Complex<f32>| Complex::new(f64::from(z.re), f64::from(z.im));
                each2(x, y, out, |x, y| {
                    let power = complex_power(wide(x), wide(y));
                    Complex::new(power.re as f32, power.im as f32)
                });
            }),
            _ => dispatch_ints!(self.loops, T => {
                let negative = std::sync::atomic::AtomicBool::new(false);
                let powers = map2::<T, T>(self.out, self.shape, self.a, self.b, &|x, y, out| {
                    if y.iter().any(|y| y.is_negative()) {
                        negative.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                    each2(x, y, out, Bits::power);
                })?;
                if negative.into_inner() {
                    return Err(MathError::Value {
                        function: "power",
                        problem: "Integers to negative integer powers are not allowed.",
                    });
                }
                Ok(powers)
            }),
        }
    }

    fn bits(&self, f: Binary) -> Result<Array, MathError> {
        dispatch_ints!(self.loops, T => {
            let f: fn(&[T], &[T], &mut [T]) = match f {
                Binary::BitwiseAnd => |x, y, out| each2(x, y, out, Bits::and),
                Binary::BitwiseOr => |x, y, out| each2(x, y, out, Bits::or),
                Binary::BitwiseXor => |x, y, out| each2(x, y, out, Bits::xor),
                Binary::LeftShift => |x, y, out| each2(x, y, out, Bits::shl),
                Binary::RightShift => |x, y, out| each2(x, y, out, Bits::shr),
                Binary::Gcd => |x, y, out| each2(x, y, out, Bits::gcd),
                _ => |x, y, out| each2(x, y, out, Bits::lcm),
            };
            map2::<T, T>(self.out, self.shape, self.a, self.b, &f)
        })
    }

    /// The neighbours of f2 are not those of f4.
    fn next_half(&self) -> Result<Array, MathError> {
        map2::<f32, f32>(self.out, self.shape, self.a, self.b, &|x, y, out| {
            each2(x, y, out, |x, y| {
                if x.is_nan() || y.is_nan() {
                    return f32::NAN;
                }
                let bits = half::f16::from_f32(x).to_bits();
                let next = if x == y {
                    return y;
                } else if x == 0.0 {
                    u16::from(y < 0.0) << 15 | 1
                } else if (x < y) == (x > 0.0) {
                    bits + 1
                } else {
                    bits - 1
                };
                half::f16::from_bits(next).to_f32()
            });
        })
    }

    fn real<T: Real>(&self, f: Binary) -> Result<Array, MathError> {
        let f: fn(&[T], &[T], &mut [T]) = match f {
            Binary::Hypot => |x, y, out| each2(x, y, out, Real::hypot),
            Binary::Copysign => |x, y, out| each2(x, y, out, Real::copysign),
            Binary::Nextafter => |x, y, out| each2(x, y, out, Real::next_after),
            Binary::Logaddexp => |x, y, out| each2(x, y, out, Real::log_add_exp),
            Binary::Logaddexp2 => |x, y, out| each2(x, y, out, Real::log_add_exp2),
            _ => |x, y, out| each2(x, y, out, Real::heaviside),
        };
        map2::<T, T>(self.out, self.shape, self.a, self.b, &f)
    }
}

/// Comparing integers with a Python int that they cannot be: it is on one side of them all.
fn beyond(f: Binary, operands: &[Operand<'_>; 2]) -> Result<Option<Array>, MathError> {
    let (view, value, int_first) = match operands {
        [Operand::Array(view), Operand::Int(value)] => (view, *value, false),
        [Operand::Int(value), Operand::Array(view)] => (view, *value, true),
        _ => return Ok(None),
    };
    let Some(code) = Code::of(view.dtype()).filter(|code| code.is_int()) else {
        return Ok(None);
    };
    if Operand::Int(value).held(code).is_ok() {
        return Ok(None);
    }
    let answer = match f {
        Binary::Equal => false,
        Binary::NotEqual => true,
        Binary::Less | Binary::LessEqual => (value > 0) != int_first,
        _ => (value < 0) != int_first,
    };
    let mut room = crate::room::Room::for_shape(view.shape(), 1)?;
    room.bytes_mut().fill(u8::from(answer));
    Ok(Some(room.into_array(&Code::Bool.dtype(), view.shape())?))
}

/// Comparing i8 with u8 exactly, which have no dtype in common: as if each were the other, where the sign allows.
fn signs(f: Binary, operands: &[Operand<'_>; 2]) -> Result<Option<Array>, MathError> {
    let [Operand::Array(a), Operand::Array(b)] = operands else {
        return Ok(None);
    };
    let codes = (Code::of(a.dtype()), Code::of(b.dtype()));
    let (Some(left), Some(right)) = codes else {
        return Ok(None);
    };
    let both_ints = left.is_int() && right.is_int();
    if !both_ints || left.promote(right) != Code::F64 {
        return Ok(None);
    }
    let shape = broadcast_shapes([a.shape(), b.shape()].into_iter())?;
    let (a, b) = (broadcast(a, &shape)?, broadcast(b, &shape)?);
    let (a, b) = (Feed::new(&a)?, Feed::new(&b)?);
    // Every integer is a value of one of both; `as` keeps all bits.
    let wide = |signed: bool, bits: u64| {
        if signed {
            i128::from(bits as i64)
        } else {
            i128::from(bits)
        }
    };
    map2::<u64, u8>(Code::Bool, &shape, &a, &b, &|x, y, out| {
        each2(x, y, out, |x, y| {
            let order = wide(left.is_signed(), x).cmp(&wide(right.is_signed(), y));
            u8::from(match f {
                Binary::Equal => order.is_eq(),
                Binary::NotEqual => order.is_ne(),
                Binary::Less => order.is_lt(),
                Binary::LessEqual => order.is_le(),
                Binary::Greater => order.is_gt(),
                _ => order.is_ge(),
            })
        });
    })
    .map(Some)
}

/// A float times a power of two.
fn ldexp(name: &'static str, operands: &[Operand<'_>; 2]) -> Result<Array, MathError> {
    let code = result_code(name, &operands[..1])?.float();
    let exponent = result_code(name, &operands[1..])?;
    let weak = matches!(operands[1], Operand::Int(_));
    if code.is_complex()
        || !(exponent.is_int() || exponent == Code::Bool || weak)
        || exponent == Code::U64
    {
        return Err(no_loop(name, operands));
    }
    fn run<T: Real>(
        out: Code,
        shape: &[usize],
        a: &ArrayView<'_>,
        b: &ArrayView<'_>,
    ) -> Result<Array, MathError> {
        let (a, b) = (Feed::new(a)?, Feed::new(b)?);
        crate::map::map3::<i64, T, T>(out, shape, [&b, &a, &a], &|exponent, x, _, out| {
            for ((out, x), exponent) in out.iter_mut().zip(x).zip(exponent) {
                *out = x.scaled(*exponent);
            }
        })
    }
    let held = [operands[0].held(code)?, operands[1].held(exponent)?];
    let (a, b) = (held[0].view(), held[1].view());
    let shape = broadcast_shapes([a.shape(), b.shape()].into_iter())?;
    let (a, b) = (broadcast(&a, &shape)?, broadcast(&b, &shape)?);
    match code {
        Code::F64 => run::<f64>(code, &shape, &a, &b),
        _ => run::<f32>(code, &shape, &a, &b),
    }
}
