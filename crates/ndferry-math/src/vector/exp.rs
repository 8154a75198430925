//! The exponential function and its kin.

use std::f64::consts::{LN_2, LOG2_E};

use super::{Kernel, ROUNDER, exponent, fma, polynomial};

/// ln 2 in two parts, the first with so few digits that its products with exponents are exact.
pub(super) const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
pub(super) const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// (exp(r) - 1 - r) / r² for |r| up to half of ln 2: its Taylor series.
const SERIES: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// Within the bounds; NaNs stay.
#[inline(always)]
fn bounded(x: f64, low: f64, high: f64) -> f64 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// x = k ln 2 + r: k with [`ROUNDER`] added, k, r.
#[inline(always)]
fn parted<const FUSED: bool>(x: f64) -> (f64, f64, f64) {
    let rounded = fma::<FUSED>(x, LOG2_E, ROUNDER);
    let k = rounded - ROUNDER;
    let r = fma::<FUSED>(-k, LN2_LOW, fma::<FUSED>(-k, LN2_HIGH, x));
    (rounded, k, r)
}

/// exp(r) - 1 of a small r.
#[inline(always)]
fn small<const FUSED: bool>(r: f64) -> f64 {
    fma::<FUSED>(r * r, polynomial::<FUSED, 12>(r, SERIES), r)
}

/// `y` times 2^k in two steps, since 2^k alone may be too large or too small.
#[inline(always)]
fn scaled(y: f64, k: f64) -> f64 {
    let half = 0.5 * k + ROUNDER;
    let rest = k - (half - ROUNDER) + ROUNDER;
    y * exponent(half) * exponent(rest)
}

/// exp(x + low) for a `low` that is much smaller than x.
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f64, low: f64) -> f64 {
    let (_, k, r) = parted::<FUSED>(bounded(x, -746.0, 710.0));
    scaled(1.0 + small::<FUSED>(r + low), k)
}

/// exp(x) - 1.
#[inline(always)]
fn exp_m1<const FUSED: bool>(x: f64) -> f64 {
    let (rounded, _, r) = parted::<FUSED>(bounded(x, -50.0, 700.0));
    let power = exponent(rounded);
    let y = fma::<FUSED>(power, small::<FUSED>(r), power - 1.0);
    let y = if x > 700.0 { exp::<FUSED>(x, 0.0) } else { y };
    // With its sign, also of 0.
    if x.abs() < 1e-17 { x } else { y }
}

/// exp(x) to about 30 digits.
#[inline(always)]
fn rough<const FUSED: bool>(x: f64) -> f64 {
    let (rounded, _, r) = parted::<FUSED>(bounded(x, -700.0, 700.0));
    let [a, b, c, d, e, f, g, ..] = SERIES;
    exponent(rounded) * polynomial::<FUSED, 9>(r, [1.0, 1.0, a, b, c, d, e, f, g])
}

pub(super) struct Exp;

impl Kernel for Exp {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        exp::<FUSED>(x, 0.0)
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        rough::<FUSED>(x)
    }
}

pub(super) struct Exp2;

impl Kernel for Exp2 {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let x = bounded(x, -1080.0, 1025.0);
        let k = x + ROUNDER - ROUNDER;
        scaled(1.0 + small::<FUSED>((x - k) * LN_2), k)
    }
}

pub(super) struct Expm1;

impl Kernel for Expm1 {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        exp_m1::<FUSED>(x)
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let y = rough::<FUSED>(x) - 1.0;
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}

pub(super) struct Sinh;

impl Kernel for Sinh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let t = exp_m1::<FUSED>(bounded(size, 0.0, 40.0));
        let near = if size < 1.0 {
            2.0 * t - t * t / (t + 1.0)
        } else {
            t + t / (t + 1.0)
        };
        // Half of exp may be finite where exp is not.
        let half = exp::<FUSED>(0.5 * size, 0.0);
        let y = if size > 22.0 {
            0.5 * half * half
        } else {
            0.5 * near
        };
        if size < 1e-17 { x } else { y.copysign(x) }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let e = rough::<FUSED>(x);
        let y = 0.5 * (e - 1.0 / e);
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}

pub(super) struct Cosh;

impl Kernel for Cosh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let half = exp::<FUSED>(0.5 * x.abs(), 0.0);
        let far = 0.5 * half * half;
        let whole = exp::<FUSED>(bounded(x.abs(), 0.0, 40.0), 0.0);
        if x.abs() > 22.0 {
            far
        } else {
            0.5 * whole + 0.5 / whole
        }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let e = rough::<FUSED>(x);
        0.5 * (e + 1.0 / e)
    }
}

pub(super) struct Tanh;

impl Kernel for Tanh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let near = size < 1.0;
        let t = exp_m1::<FUSED>(bounded(
            if near { -2.0 * size } else { 2.0 * size },
            -2.0,
            50.0,
        ));
        let ratio = (if near { -t } else { 2.0 }) / (t + 2.0);
        let y = if near { ratio } else { 1.0 - ratio };
        if size < 1e-17 { x } else { y.copysign(x) }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let e = rough::<FUSED>(2.0 * x);
        let y = 1.0 - 2.0 / (e + 1.0);
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}
