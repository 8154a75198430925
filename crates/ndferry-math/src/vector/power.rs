//! Powers and cube roots.

use super::exp::{LN2_HIGH, LN2_LOW, exp};
use super::pairs::{Pairs, pairs};
use super::{Kernel, ROUNDER, exponent, fma, log, polynomial};

/// A sum and what it lost.
#[inline(always)]
fn sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let part = s - a;
    (s, (a - (s - part)) + (b - part))
}

/// A product and what it lost.
#[inline(always)]
fn product(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    (p, a.mul_add(b, -p))
}

/// ln of a normal positive number, in two parts of together some 68 digits.
#[inline(always)]
fn ln_of(x: f64) -> (f64, f64) {
    /// 2 / (2n + 3) from n = 1 on, of the series of ln((1 + s) / (1 - s)) after 2s and 2/3 s³.
    const SERIES: [f64; 9] = [
        2.0 / 5.0,
        2.0 / 7.0,
        2.0 / 9.0,
        2.0 / 11.0,
        2.0 / 13.0,
        2.0 / 15.0,
        2.0 / 17.0,
        2.0 / 19.0,
        2.0 / 21.0,
    ];
    const TWO_THIRDS: (f64, f64) = (2.0 / 3.0, 3.700_743_415_417_188e-17);
    let (k, m) = log::parted(x);
    // m - 1 is exact; s is the ratio in two parts.
    let f = m - 1.0;
    let (below, below_low) = sum(m, 1.0);
    let s = f / below;
    let s_low = ((-s).mul_add(below, f) - s * below_low) / below;
    let (z, z_low) = product(s, s);
    let z_low = 2.0 * s * s_low + z_low;
    let (cube, cube_low) = product(z, s);
    let cube_low = z_low * s + z * s_low + cube_low;
    let (third, third_low) = product(cube, TWO_THIRDS.0);
    let third_low = cube_low * TWO_THIRDS.0 + cube * TWO_THIRDS.1 + third_low;
    let rest = cube * z * polynomial::<true, 9>(z, SERIES);
    // k ln 2 + 2s + 2/3 s³ + …, the largest first.
    let (a, a_low) = sum(k * LN2_HIGH, 2.0 * s);
    let (b, b_low) = sum(a, third);
    let low = k.mul_add(LN2_LOW, 2.0 * s_low + third_low + rest) + a_low + b_low;
    sum(b, low)
}

/// `x` to the power of `y`, of normal positive x, where nothing is infinite.
#[inline(always)]
fn power(x: f64, y: f64) -> f64 {
    let (high, low) = ln_of(x);
    let (t, t_low) = product(high, y);
    let t_low = low.mul_add(y, t_low);
    exp::<true>(t, t_low)
}

pub(super) struct Power;

impl Pairs for Power {
    #[inline(always)]
    fn plain(x: f64, y: f64) -> bool {
        (f64::MIN_POSITIVE..f64::INFINITY).contains(&x) & (y.abs() < 1e15)
    }

    #[inline(always)]
    fn at(x: f64, y: f64) -> f64 {
        power(x, y)
    }
}

/// `x` to the power of `y`.
pub(crate) fn powers(x: &[f64], y: &[f64], out: &mut [f64]) {
    pairs::<Power, _>(x, y, out, f64::powf);
}

pub(crate) fn powers_single(x: &[f32], y: &[f32], out: &mut [f32]) {
    pairs::<Power, _>(x, y, out, f32::powf);
}

pub(super) struct Cbrt;

impl Kernel for Cbrt {
    /// A polynomial, one of Halley's steps, which has three times as many digits, and one of Newton's by what is left.
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        /// Of the cube root of 1 + f for f from -0.293 to 0.415, to 5 digits.
        const ROOT: [f64; 5] = [
            1.000_006_91,
            0.333_243_1,
            -0.111_731_12,
            0.065_347_33,
            -0.035_991_91,
        ];
        let size = x.abs();
        let (k, m) = log::parted_any(size);
        // k = 3q + r with r from -1 to 1.
        let third = fma::<FUSED>(k, 1.0 / 3.0, ROUNDER);
        let r = k - 3.0 * (third - ROUNDER);
        let two = if r > 0.0 {
            1.259_921_049_894_873_2
        } else {
            1.0
        };
        let two = if r < 0.0 {
            0.793_700_525_984_099_8
        } else {
            two
        };
        let guess = two * polynomial::<FUSED, 5>(m - 1.0, ROOT);
        let m = m * exponent(r + ROUNDER);
        let cube = guess * guess * guess;
        let t = guess * fma::<FUSED>(2.0, m, cube) / fma::<FUSED>(2.0, cube, m);
        let square = t * t;
        let t = t - fma::<FUSED>(square, t, -m) / (3.0 * square);
        let y = t * exponent(third);
        let y = if size < f64::INFINITY { y } else { size };
        if x == 0.0 { x } else { y.copysign(x) }
    }
}
