//! Sine, cosine, tangent.

use std::f64::consts::FRAC_2_PI;

use super::{Kernel, ROUNDER, fma, polynomial};

/// A quarter turn in three parts: products of the first two with numbers of 20 bits are exact.
const QUARTER: [f64; 3] = [
    1.570_796_326_734_125_6,
    6.077_100_506_303_966e-11,
    2.022_266_248_795_950_6e-21,
];

/// About 2^20 quarter turns.
const LIMIT: f64 = 1.6e6;

const SINE: [f64; 5] = [
    0.008_333_333_333_322_49,
    -0.000_198_412_698_298_579_5,
    2.755_731_370_707_006_8e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];
const SINE_CUBE: f64 = -0.166_666_666_666_666_32;

const COSINE: [f64; 6] = [
    0.041_666_666_666_666_6,
    -0.001_388_888_888_887_411,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];

/// x less whole quarter turns, in two parts, and their number as the low bits.
#[inline(always)]
fn turned<const FUSED: bool>(x: f64) -> (u64, f64, f64) {
    let rounded = fma::<FUSED>(x, FRAC_2_PI, ROUNDER);
    let k = rounded - ROUNDER;
    let first = x - k * QUARTER[0];
    let second = k * QUARTER[1];
    let r = first - second;
    // What this difference lost, whichever is larger.
    let part = r - first;
    let lost = (first - (r - part)) - (second + part);
    let low = lost - k * QUARTER[2];
    let high = r + low;
    (rounded.to_bits(), high, (r - high) + low)
}

/// Sine and cosine of a small angle in two parts.
#[inline(always)]
fn both<const FUSED: bool>(x: f64, low: f64) -> (f64, f64) {
    let z = x * x;
    let rest = polynomial::<FUSED, 5>(z, SINE);
    let cube = z * x;
    let sine = x - ((z * (0.5 * low - cube * rest) - low) - cube * SINE_CUBE);
    let rest = z * polynomial::<FUSED, 6>(z, COSINE);
    let half = 0.5 * z;
    let most = 1.0 - half;
    let cosine = most + (((1.0 - most) - half) + (z * rest - x * low));
    (sine, cosine)
}

/// The sine `ahead` quarter turns from here.
#[inline(always)]
fn sine<const FUSED: bool>(x: f64, ahead: u64) -> f64 {
    let (turns, high, low) = turned::<FUSED>(x);
    let turns = turns.wrapping_add(ahead);
    let (sine, cosine) = both::<FUSED>(high, low);
    let y = if turns & 1 == 0 { sine } else { cosine };
    f64::from_bits(y.to_bits() ^ (turns & 2) << 62)
}

/// Turns, sine and cosine to about 30 digits.
#[inline(always)]
fn rough<const FUSED: bool>(x: f64) -> (u64, f64, f64) {
    let rounded = fma::<FUSED>(x, FRAC_2_PI, ROUNDER);
    let k = rounded - ROUNDER;
    let r = fma::<FUSED>(-k, QUARTER[1], x - k * QUARTER[0]);
    let z = r * r;
    let [a, b, c, ..] = SINE;
    let sine = fma::<FUSED>(z * r, polynomial::<FUSED, 4>(z, [SINE_CUBE, a, b, c]), r);
    let [a, b, c, d, ..] = COSINE;
    let cosine = polynomial::<FUSED, 6>(z, [1.0, -0.5, a, b, c, d]);
    (rounded.to_bits(), sine, cosine)
}

#[inline(always)]
fn rough_sine<const FUSED: bool>(x: f64, ahead: u64) -> f64 {
    let (turns, sine, cosine) = rough::<FUSED>(x);
    let turns = turns.wrapping_add(ahead);
    let y = if turns & 1 == 0 { sine } else { cosine };
    f64::from_bits(y.to_bits() ^ (turns & 2) << 62)
}

pub(super) struct Sin;

impl Kernel for Sin {
    const LIMIT: f64 = LIMIT;

    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let y = sine::<FUSED>(x, 0);
        if x.abs() < 1e-9 { x } else { y }
    }

    fn scalar(x: f64) -> f64 {
        x.sin()
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let y = rough_sine::<FUSED>(x, 0);
        if x.abs() < 1e-5 { x } else { y }
    }
}

pub(super) struct Cos;

impl Kernel for Cos {
    const LIMIT: f64 = LIMIT;

    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        sine::<FUSED>(x, 1)
    }

    fn scalar(x: f64) -> f64 {
        x.cos()
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        rough_sine::<FUSED>(x, 1)
    }
}

pub(super) struct Tan;

impl Kernel for Tan {
    const LIMIT: f64 = LIMIT;

    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let (turns, high, low) = turned::<FUSED>(x);
        let (sine, cosine) = both::<FUSED>(high, low);
        let odd = turns & 1 == 1;
        let y = if odd { -cosine } else { sine } / if odd { sine } else { cosine };
        if x.abs() < 1e-9 { x } else { y }
    }

    fn scalar(x: f64) -> f64 {
        x.tan()
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let (turns, sine, cosine) = rough::<FUSED>(x);
        let odd = turns & 1 == 1;
        let y = if odd { -cosine } else { sine } / if odd { sine } else { cosine };
        if x.abs() < 1e-5 { x } else { y }
    }
}
