//! What numbers can do, as NumPy has them do it.

use num_complex::Complex;

use crate::number::Number;

/// Arithmetic of all numbers: integers wrap around.
pub(crate) trait Arith: Number {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;
    fn sign(self) -> Self;
    fn reciprocal(self) -> Self;
    fn is_true(self) -> bool;
    fn is_nan(self) -> bool;
    /// Complex numbers by their real parts, then by their imaginary ones.
    fn lt(self, other: Self) -> bool;
    fn le(self, other: Self) -> bool;

    /// The first NaN, or the larger one.
    fn max(self, other: Self) -> Self {
        if other.le(self) || self.is_nan() {
            self
        } else {
            other
        }
    }

    fn min(self, other: Self) -> Self {
        if self.le(other) || self.is_nan() {
            self
        } else {
            other
        }
    }

    /// The larger one, or what is no NaN.
    fn fmax(self, other: Self) -> Self {
        if other.le(self) || other.is_nan() {
            self
        } else {
            other
        }
    }

    fn fmin(self, other: Self) -> Self {
        if self.le(other) || other.is_nan() {
            self
        } else {
            other
        }
    }
}

macro_rules! integer_arith {
    ($($type:ty: $sign:expr;)*) => {$(
        impl Arith for $type {
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            fn neg(self) -> Self { self.wrapping_neg() }
            fn sign(self) -> Self { ($sign)(self) }
            fn reciprocal(self) -> Self { if self == 0 { Self::MIN } else { 1 / self } }
            fn is_true(self) -> bool { self != 0 }
            fn is_nan(self) -> bool { false }
            fn lt(self, other: Self) -> bool { self < other }
            fn le(self, other: Self) -> bool { self <= other }
        }
    )*};
}

integer_arith!(i8: i8::signum; i16: i16::signum; i32: i32::signum; i64: i64::signum;);
integer_arith!(u8: |x| u8::from(x > 0); u16: |x| u16::from(x > 0); u32: |x| u32::from(x > 0); u64: |x| u64::from(x > 0););

macro_rules! float_arith {
    ($($type:ty)*) => {$(
        impl Arith for $type {
            fn add(self, other: Self) -> Self { self + other }
            fn sub(self, other: Self) -> Self { self - other }
            fn mul(self, other: Self) -> Self { self * other }
            fn neg(self) -> Self { -self }
            fn sign(self) -> Self {
                if self > 0.0 { 1.0 } else if self < 0.0 { -1.0 } else if self == 0.0 { 0.0 } else { self }
            }
            fn reciprocal(self) -> Self { 1.0 / self }
            fn is_true(self) -> bool { self != 0.0 }
            fn is_nan(self) -> bool { <$type>::is_nan(self) }
            fn lt(self, other: Self) -> bool { self < other }
            fn le(self, other: Self) -> bool { self <= other }
        }

        impl Arith for Complex<$type> {
            fn add(self, other: Self) -> Self { self + other }
            fn sub(self, other: Self) -> Self { self - other }
            fn mul(self, other: Self) -> Self { self * other }
            fn neg(self) -> Self { -self }
            fn sign(self) -> Self {
                let size = self.re.hypot(self.im);
                if size == 0.0 {
                    Self::new(0.0, 0.0)
                } else if size.is_infinite() {
                    let part = |x: $type| if x.is_infinite() { x.signum() } else { 0.0 };
                    match (self.re.is_infinite(), self.im.is_infinite()) {
                        (true, true) => Self::new(<$type>::NAN, <$type>::NAN),
                        _ => Self::new(part(self.re), part(self.im)),
                    }
                } else {
                    Self::new(self.re / size, self.im / size)
                }
            }
            fn reciprocal(self) -> Self {
                let (re, im) = (self.re, self.im);
                if im.abs() <= re.abs() {
                    let ratio = im / re;
                    let scale = re + im * ratio;
                    Self::new(1.0 / scale, -ratio / scale)
                } else {
                    let ratio = re / im;
                    let scale = re * ratio + im;
                    Self::new(ratio / scale, -1.0 / scale)
                }
            }
            fn is_true(self) -> bool { self.re != 0.0 || self.im != 0.0 }
            fn is_nan(self) -> bool { self.re.is_nan() || self.im.is_nan() }
            fn lt(self, other: Self) -> bool {
                let (a, b) = (self, other);
                (a.re < b.re && !a.im.is_nan() && !b.im.is_nan()) || (a.re == b.re && a.im < b.im)
            }
            fn le(self, other: Self) -> bool {
                let (a, b) = (self, other);
                (a.re < b.re && !a.im.is_nan() && !b.im.is_nan()) || (a.re == b.re && a.im <= b.im)
            }
        }

        impl Divide for Complex<$type> {
            /// Smith's method, as NumPy.
            fn divide(self, other: Self) -> Self {
                let (a, b) = (self, other);
                if b.re.abs() >= b.im.abs() {
                    if b.re == 0.0 && b.im == 0.0 {
                        return Self::new(a.re / b.re.abs(), a.im / b.re.abs());
                    }
                    let ratio = b.im / b.re;
                    let scale = 1.0 / (b.re + b.im * ratio);
                    Self::new((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale)
                } else {
                    let ratio = b.re / b.im;
                    let scale = 1.0 / (b.im + b.re * ratio);
                    Self::new((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale)
                }
            }
        }

        impl Divide for $type {
            fn divide(self, other: Self) -> Self { self / other }
        }
    )*};
}

float_arith!(f32 f64);

/// True division.
pub(crate) trait Divide: Arith {
    fn divide(self, other: Self) -> Self;
}

/// Division that leaves a remainder, of integers and floats: as Python's.
pub(crate) trait Floor: Arith {
    fn floor_divide(self, other: Self) -> Self;
    fn remainder(self, other: Self) -> Self;
    fn fmod(self, other: Self) -> Self;
}

/// What integers alone can do.
pub(crate) trait Bits: Floor {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn shl(self, other: Self) -> Self;
    fn shr(self, other: Self) -> Self;
    fn power(self, exponent: Self) -> Self;
    fn gcd(self, other: Self) -> Self;
    fn is_negative(self) -> bool;

    fn lcm(self, other: Self) -> Self {
        let gcd = self.gcd(other);
        if !gcd.is_true() {
            return gcd;
        }
        // Of the absolute values, without a sign: what overflows may come out negative.
        let size = |x: Self| if x.is_negative() { x.neg() } else { x };
        size(self).floor_divide(gcd).mul(size(other))
    }
}

macro_rules! integer_bits {
    ($($type:ty: $is_negative:expr;)*) => {$(
        impl Floor for $type {
            fn floor_divide(self, other: Self) -> Self {
                if other == 0 { return 0; }
                let quotient = self.wrapping_div(other);
                let inexact = self.wrapping_rem(other) != 0;
                #[allow(unused_comparisons)]
                let below = inexact && ((self < 0) != (other < 0));
                quotient.wrapping_sub(<$type>::from(below))
            }
            fn remainder(self, other: Self) -> Self {
                if other == 0 { return 0; }
                let rest = self.wrapping_rem(other);
                #[allow(unused_comparisons)]
                if rest != 0 && ((rest < 0) != (other < 0)) { rest.wrapping_add(other) } else { rest }
            }
            fn fmod(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
        }

        impl Bits for $type {
                fn and(self, other: Self) -> Self { self & other }
            fn or(self, other: Self) -> Self { self | other }
            fn xor(self, other: Self) -> Self { self ^ other }
            fn not(self) -> Self { !self }
            fn shl(self, other: Self) -> Self {
                match u32::try_from(other) {
                    Ok(count) if count < <$type>::BITS => self << count,
                    _ => 0,
                }
            }
            fn shr(self, other: Self) -> Self {
                match u32::try_from(other) {
                    Ok(count) if count < <$type>::BITS => self >> count,
                    _ if self.is_negative() => !0,
                    _ => 0,
                }
            }
            fn power(self, exponent: Self) -> Self {
                let (mut base, mut exponent, mut out) = (self, exponent, 1 as $type);
                while exponent > 0 {
                    if exponent & 1 == 1 { out = out.wrapping_mul(base); }
                    base = base.wrapping_mul(base);
                    exponent >>= 1;
                }
                out
            }
            fn gcd(self, other: Self) -> Self {
                let (mut a, mut b) = (self, other);
                while b != 0 {
                    (a, b) = (b, a.wrapping_rem(b));
                }
                if a.is_negative() { a.wrapping_neg() } else { a }
            }
            fn is_negative(self) -> bool { ($is_negative)(self) }
        }
    )*};
}

integer_bits!(i8: i8::is_negative; i16: i16::is_negative; i32: i32::is_negative; i64: i64::is_negative;);
integer_bits!(u8: |_| false; u16: |_| false; u32: |_| false; u64: |_| false;);

macro_rules! float_floor {
    ($($type:ty)*) => {$(
        impl Floor for $type {
            fn floor_divide(self, other: Self) -> Self {
                let (a, b) = (self, other);
                if b == 0.0 { return a / b; }
                let mut rest = a % b;
                let mut quotient = (a - rest) / b;
                if rest != 0.0 && ((b < 0.0) != (rest < 0.0)) {
                    rest += b;
                    quotient -= 1.0;
                }
                if rest.is_nan() { return quotient; }
                if quotient == 0.0 { return (0.0 as $type).copysign(a / b); }
                let floor = quotient.floor();
                if quotient - floor > 0.5 { floor + 1.0 } else { floor }
            }
            fn remainder(self, other: Self) -> Self {
                let rest = self % other;
                if rest == 0.0 {
                    (0.0 as $type).copysign(other)
                } else if !rest.is_nan() && ((other < 0.0) != (rest < 0.0)) {
                    rest + other
                } else {
                    rest
                }
            }
            fn fmod(self, other: Self) -> Self { self % other }
        }
    )*};
}

float_floor!(f32 f64);
