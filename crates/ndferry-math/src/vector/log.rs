//! Logarithms and what is made of them.

use std::f64::consts::{LN_2, LOG10_E};

use super::exp::{LN2_HIGH, LN2_LOW};
use super::{Kernel, fma, polynomial};

/// Of the series in s² that is left of log((1 + s) / (1 - s)) after 2s, each over s.
const SERIES: [f64; 7] = [
    0.666_666_666_666_673_5,
    0.399_999_999_994_094_2,
    0.285_714_287_436_623_9,
    0.222_221_984_321_497_84,
    0.181_835_721_616_180_5,
    0.153_138_376_992_093_73,
    0.147_981_986_051_165_86,
];

/// x = 2^k m, with m around 1, of normal positive numbers: k, m.
#[inline(always)]
pub(super) fn parted(x: f64) -> (f64, f64) {
    /// The bits of about the square root of a half, from which on m is.
    const LEAST: u64 = 0x3fe6_a09e << 32;
    let moved = x.to_bits().wrapping_add((0x3ff0_0000 << 32) - LEAST);
    // A float of 2^52 has integers as its low bits.
    let k =
        f64::from_bits((moved >> 52) | (0x4330_0000 << 32)) - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits((moved & 0x000f_ffff_ffff_ffff).wrapping_add(LEAST));
    (k, m)
}

/// The same of all positive numbers: subnormal ones are made larger first.
#[inline(always)]
pub(super) fn parted_any(x: f64) -> (f64, f64) {
    let tiny = x < f64::MIN_POSITIVE;
    let (k, m) = parted(if tiny {
        x * 1.801_439_850_948_198_4e16
    } else {
        x
    });
    (if tiny { k - 54.0 } else { k }, m)
}

/// log(1 + f) = f - f²/2 + s (f²/2 + R): f²/2 and s (f²/2 + R).
#[inline(always)]
fn terms<const FUSED: bool>(f: f64) -> (f64, f64) {
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = z * polynomial::<FUSED, 7>(z, SERIES);
    let half = 0.5 * f * f;
    (half, s * (half + rest))
}

/// Of what is no positive finite number; `y` of all others.
#[inline(always)]
fn total(x: f64, y: f64) -> f64 {
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f64::NAN } else { y };
    // Infinities and NaNs.
    if x < f64::INFINITY { y } else { x }
}

#[inline(always)]
fn ln<const FUSED: bool>(x: f64) -> f64 {
    let (k, m) = parted_any(x);
    let f = m - 1.0;
    let (half, more) = terms::<FUSED>(f);
    let y = fma::<FUSED>(k, LN2_LOW, more) - half + f;
    total(x, fma::<FUSED>(k, LN2_HIGH, y))
}

/// log(1 + x).
#[inline(always)]
fn ln_1p<const FUSED: bool>(x: f64) -> f64 {
    let u = 1.0 + x;
    let (k, m) = parted_any(u);
    // What was lost in the sum, over it; nothing if x is so large that 1 is.
    let lost = if k >= 2.0 {
        1.0 - (u - x)
    } else {
        x - (u - 1.0)
    };
    let lost = if k < 54.0 { lost / u } else { 0.0 };
    let near = k == 0.0;
    let f = if near { x } else { m - 1.0 };
    let (half, more) = terms::<FUSED>(f);
    let low = fma::<FUSED>(k, LN2_LOW, if near { 0.0 } else { lost });
    let y = total(u, fma::<FUSED>(k, LN2_HIGH, more + low - half + f));
    if x.abs() < 1e-17 { x } else { y }
}

/// ln(x) to about 34 digits, of what is 0 or normal.
#[inline(always)]
fn rough<const FUSED: bool>(x: f64) -> f64 {
    const SERIES: [f64; 6] = [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0];
    let (k, m) = parted(x);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    total(
        x,
        fma::<FUSED>(k, LN_2, s * polynomial::<FUSED, 6>(s * s, SERIES)),
    )
}

/// A logarithm to another base: ln(2^k (1 + f)) over ln of it, with parts that keep whole powers exact.
#[inline(always)]
fn to_base<const FUSED: bool>(x: f64, [high, low]: [f64; 2], [two_high, two_low]: [f64; 2]) -> f64 {
    let (k, m) = parted_any(x);
    let f = m - 1.0;
    let (half, more) = terms::<FUSED>(f);
    let head = f64::from_bits((f - half).to_bits() & (0xffff_ffff << 32));
    let tail = f - head - half + more;
    let whole = k * two_high;
    let part = head * high;
    let rest = fma::<FUSED>(k, two_low, fma::<FUSED>(tail + head, low, tail * high));
    let sum = whole + part;
    total(x, rest + ((whole - sum) + part) + sum)
}

pub(super) struct Log;

impl Kernel for Log {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        ln::<FUSED>(x)
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        rough::<FUSED>(x)
    }
}

pub(super) struct Log2;

impl Kernel for Log2 {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let over = [1.442_695_040_721_446_3, 1.675_171_316_488_651_2e-10];
        to_base::<FUSED>(x, over, [1.0, 0.0])
    }
}

pub(super) struct Log10;

impl Kernel for Log10 {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let over = [0.434_294_481_878_168_9, 2.508_294_671_164_527_5e-11];
        let two = [0.301_029_995_663_611_77, 3.694_239_077_158_931e-13];
        to_base::<FUSED>(x, over, two)
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        rough::<FUSED>(x) * LOG10_E
    }
}

pub(super) struct Log1p;

impl Kernel for Log1p {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        ln_1p::<FUSED>(x)
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let y = rough::<FUSED>(1.0 + x);
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}

pub(super) struct Arcsinh;

impl Kernel for Arcsinh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let square = size * size;
        let near = ln_1p::<FUSED>(size + square / (1.0 + (1.0 + square).sqrt()));
        let y = if size > 1e8 {
            ln::<FUSED>(size) + LN_2
        } else {
            near
        };
        if size < 1e-17 { x } else { y.copysign(x) }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let y = rough::<FUSED>(size + (size * size + 1.0).sqrt()).copysign(x);
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}

pub(super) struct Arccosh;

impl Kernel for Arccosh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let t = x - 1.0;
        let near = ln_1p::<FUSED>(t + (t * t + 2.0 * t).sqrt());
        let y = if x > 1e8 { ln::<FUSED>(x) + LN_2 } else { near };
        if x < 1.0 { f64::NAN } else { y }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let y = rough::<FUSED>(x + (x * x - 1.0).sqrt());
        if x < 1.0 { f64::NAN } else { y }
    }
}

pub(super) struct Arctanh;

impl Kernel for Arctanh {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let twice = 2.0 * size;
        let near = twice + twice * size / (1.0 - size);
        let far = 2.0 * (size / (1.0 - size));
        let y = 0.5 * ln_1p::<FUSED>(if size < 0.5 { near } else { far });
        if size < 1e-17 { x } else { y.copysign(x) }
    }

    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        let y = 0.5 * rough::<FUSED>((1.0 + x) / (1.0 - x));
        // Nearer to 0 the difference has no digits, and the first one is enough.
        if x.abs() < 1e-8 { x } else { y }
    }
}
