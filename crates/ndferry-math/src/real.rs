//! [`Real`]: functions of floats. [`Analytic`]: those that complex numbers have as well.

use num_complex::Complex;

use crate::arith::{Arith, Divide};

/// Functions of `f32` and `f64`, each computed in its own precision.
pub(crate) trait Real: Arith + Divide {
    fn abs(self) -> Self;
    fn cbrt(self) -> Self;
    fn degrees(self) -> Self;
    fn radians(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn trunc(self) -> Self;
    fn rint(self) -> Self;
    fn is_inf(self) -> bool;
    fn is_finite(self) -> bool;
    fn signbit(self) -> bool;
    fn fraction(self) -> Self;
    fn mantissa(self) -> Self;
    fn exponent(self) -> i32;
    fn scaled(self, exponent: i64) -> Self;
    fn spacing(self) -> Self;
    fn atan2(self, x: Self) -> Self;
    fn hypot(self, y: Self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    fn next_after(self, towards: Self) -> Self;
    fn log_add_exp(self, other: Self) -> Self;
    fn log_add_exp2(self, other: Self) -> Self;
    fn heaviside(self, at_zero: Self) -> Self;
}

/// Functions of floats and complex numbers.
pub(crate) trait Analytic: Arith + Divide {
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn exp2(self) -> Self;
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    fn log2(self) -> Self;
    fn log10(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tan(self) -> Self;
    fn asin(self) -> Self;
    fn acos(self) -> Self;
    fn atan(self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
}

macro_rules! real {
    ($($type:ident: $nextafter:ident $frexp:ident $scalbn:ident $asinh:ident $acosh:ident $atanh:ident;)*) => {$(
        impl Real for $type {
            fn abs(self) -> Self { self.abs() }
            fn cbrt(self) -> Self { self.cbrt() }
            fn degrees(self) -> Self { self * (180.0 / std::$type::consts::PI) }
            fn radians(self) -> Self { self * (std::$type::consts::PI / 180.0) }
            fn floor(self) -> Self { self.floor() }
            fn ceil(self) -> Self { self.ceil() }
            fn trunc(self) -> Self { self.trunc() }
            fn rint(self) -> Self { self.round_ties_even() }
            fn is_inf(self) -> bool { self.is_infinite() }
            fn is_finite(self) -> bool { <$type>::is_finite(self) }
            fn signbit(self) -> bool { self.is_sign_negative() }
            fn fraction(self) -> Self {
                if self.is_infinite() { (0.0 as $type).copysign(self) } else { (self - self.trunc()).copysign(self) }
            }
            fn mantissa(self) -> Self { if self.is_finite() { libm::$frexp(self).0 } else { self } }
            fn exponent(self) -> i32 { if self.is_finite() { libm::$frexp(self).1 } else { 0 } }
            fn scaled(self, exponent: i64) -> Self { libm::$scalbn(self, exponent.clamp(-5000, 5000) as i32) }
            fn spacing(self) -> Self {
                if !self.is_finite() { return <$type>::NAN; }
                let next = if self < 0.0 { self.next_down() } else { self.next_up() };
                next - self
            }
            fn atan2(self, x: Self) -> Self { self.atan2(x) }
            fn hypot(self, y: Self) -> Self { self.hypot(y) }
            fn copysign(self, sign: Self) -> Self { self.copysign(sign) }
            fn next_after(self, towards: Self) -> Self { libm::$nextafter(self, towards) }
            fn log_add_exp(self, other: Self) -> Self {
                // Equal infinities have no difference.
                if self == other { return self + std::$type::consts::LN_2; }
                let gap = self - other;
                if gap > 0.0 { self + (-gap).exp().ln_1p() } else if gap <= 0.0 { other + gap.exp().ln_1p() } else { gap }
            }
            fn log_add_exp2(self, other: Self) -> Self {
                if self == other { return self + 1.0; }
                let log2_1p = |x: $type| x.ln_1p() * std::$type::consts::LOG2_E;
                let gap = self - other;
                if gap > 0.0 { self + log2_1p((-gap).exp2()) } else if gap <= 0.0 { other + log2_1p(gap.exp2()) } else { gap }
            }
            fn heaviside(self, at_zero: Self) -> Self {
                if self.is_nan() { self } else if self == 0.0 { at_zero } else { <$type>::from(u8::from(self > 0.0)) }
            }
        }

        impl Analytic for $type {
            fn sqrt(self) -> Self { self.sqrt() }
            fn exp(self) -> Self { self.exp() }
            fn exp2(self) -> Self { self.exp2() }
            fn exp_m1(self) -> Self { self.exp_m1() }
            fn ln(self) -> Self { self.ln() }
            fn log2(self) -> Self { self.log2() }
            fn log10(self) -> Self { self.log10() }
            fn ln_1p(self) -> Self { self.ln_1p() }
            fn sin(self) -> Self { self.sin() }
            fn cos(self) -> Self { self.cos() }
            fn tan(self) -> Self { self.tan() }
            fn asin(self) -> Self { self.asin() }
            fn acos(self) -> Self { self.acos() }
            fn atan(self) -> Self { self.atan() }
            fn sinh(self) -> Self { self.sinh() }
            fn cosh(self) -> Self { self.cosh() }
            fn tanh(self) -> Self { self.tanh() }
            // Rust's own lose digits near 0.
            fn asinh(self) -> Self { libm::$asinh(self) }
            fn acosh(self) -> Self { libm::$acosh(self) }
            fn atanh(self) -> Self { libm::$atanh(self) }
        }

        impl Analytic for Complex<$type> {
            fn sqrt(self) -> Self { Complex::sqrt(self) }
            fn exp(self) -> Self { Complex::exp(self) }
            fn exp2(self) -> Self { (self * std::$type::consts::LN_2).exp() }
            fn exp_m1(self) -> Self {
                let half = (self.im / 2.0).sin();
                Self::new(self.re.exp_m1() * self.im.cos() - 2.0 * half * half, self.re.exp() * self.im.sin())
            }
            fn ln(self) -> Self {
                let (x, y) = (self.re.abs(), self.im.abs());
                let size = x.hypot(y);
                // Near the unit circle the logarithm of the size loses all digits.
                let re = if (0.5..3.0).contains(&size) && x.min(y).is_normal() {
                    let (big, small) = if x > y { (x, y) } else { (y, x) };
                    ((big - 1.0) * (big + 1.0) + small * small).ln_1p() / 2.0
                } else {
                    size.ln()
                };
                Self::new(re, self.im.atan2(self.re))
            }
            fn log2(self) -> Self { Analytic::ln(self) * std::$type::consts::LOG2_E }
            fn log10(self) -> Self { Analytic::ln(self) * std::$type::consts::LOG10_E }
            fn ln_1p(self) -> Self {
                Self::new((self.re + 1.0).hypot(self.im).ln(), self.im.atan2(self.re + 1.0))
            }
            fn sin(self) -> Self { Complex::sin(self) }
            fn cos(self) -> Self { Complex::cos(self) }
            fn tan(self) -> Self { Complex::tan(self) }
            fn asin(self) -> Self { Complex::asin(self) }
            fn acos(self) -> Self { Complex::acos(self) }
            fn atan(self) -> Self { Complex::atan(self) }
            fn sinh(self) -> Self { Complex::sinh(self) }
            fn cosh(self) -> Self { Complex::cosh(self) }
            fn tanh(self) -> Self { Complex::tanh(self) }
            fn asinh(self) -> Self { Complex::asinh(self) }
            fn acosh(self) -> Self { Complex::acosh(self) }
            fn atanh(self) -> Self { Complex::atanh(self) }
        }
    )*};
}

real!(
    f32: nextafterf frexpf scalbnf asinhf acoshf atanhf;
    f64: nextafter frexp scalbn asinh acosh atanh;
);

/// The power of complex numbers; small whole exponents by multiplication, as NumPy.
pub(crate) fn complex_power(base: Complex<f64>, exponent: Complex<f64>) -> Complex<f64> {
    let one = Complex::new(1.0, 0.0);
    if exponent.re == 0.0 && exponent.im == 0.0 {
        return one;
    }
    if base.re == 0.0 && base.im == 0.0 {
        return if exponent.re > 0.0 {
            Complex::new(0.0, 0.0)
        } else {
            Complex::new(f64::NAN, f64::NAN)
        };
    }
    let whole = exponent.re as i32;
    if exponent.im != 0.0 || f64::from(whole) != exponent.re || whole.abs() >= 100 {
        return base.powc(exponent);
    }
    let (mut rest, mut square, mut out) = (whole.unsigned_abs(), base, one);
    while rest > 0 {
        if rest & 1 == 1 {
            out *= square;
        }
        square *= square;
        rest >>= 1;
    }
    if whole < 0 {
        Divide::divide(one, out)
    } else {
        out
    }
}
