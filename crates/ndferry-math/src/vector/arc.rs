//! Inverse functions of sine, cosine and tangent.

use super::pairs::{Pairs, pairs};
use super::{Kernel, polynomial};

const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
/// What is left of it.
const HALF_PI_LOW: f64 = 6.123_233_995_736_766e-17;

/// Of the ratio that approximates (arcsin(x) - x) / x in x².
const ABOVE: [f64; 6] = [
    0.166_666_666_666_666_66,
    -0.325_565_818_622_400_9,
    0.201_212_532_134_862_93,
    -0.040_055_534_500_679_41,
    0.000_791_534_994_289_814_5,
    3.479_331_075_960_212e-5,
];
const BELOW: [f64; 5] = [
    1.0,
    -2.403_394_911_734_414,
    2.020_945_760_233_505_7,
    -0.688_283_971_605_453_3,
    0.077_038_150_555_901_94,
];

const TANGENT: [f64; 11] = [
    0.333_333_333_333_329_3,
    -0.199_999_999_998_764_83,
    0.142_857_142_725_034_66,
    -0.111_111_104_054_623_56,
    0.090_908_871_334_365_07,
    -0.076_918_762_050_448_3,
    0.066_610_731_373_875_31,
    -0.058_335_701_337_905_735,
    0.049_768_779_946_159_324,
    -0.036_531_572_744_216_916,
    0.016_285_820_115_365_782,
];

#[inline(always)]
fn ratio<const FUSED: bool>(z: f64) -> f64 {
    z * polynomial::<FUSED, 6>(z, ABOVE) / polynomial::<FUSED, 5>(z, BELOW)
}

/// Of a size above a half: the square root of (1 - size) / 2, what is missing from it, and the arcsine of both together
/// less the root.
#[inline(always)]
fn far<const FUSED: bool>(size: f64) -> (f64, f64, f64) {
    let z = (1.0 - size) * 0.5;
    let root = z.sqrt();
    let head = f64::from_bits(root.to_bits() & (0xffff_ffff << 32));
    let missing = (z - head * head) / (root + head);
    (
        head,
        if z > 0.0 { missing } else { z },
        root * ratio::<FUSED>(z),
    )
}

pub(super) struct Arcsin;

impl Kernel for Arcsin {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let near = size + size * ratio::<FUSED>(size * size);
        let (head, missing, more) = far::<FUSED>(size);
        let quarter = 0.5 * HALF_PI;
        let rest = 2.0 * more - (HALF_PI_LOW - 2.0 * missing) - (quarter - 2.0 * head);
        let y = if size < 0.5 { near } else { quarter - rest };
        // NaNs, and what is beyond 1, fail every comparison.
        let y = if size <= 1.0 { y } else { f64::NAN };
        if size < 1e-9 { x } else { y.copysign(x) }
    }
}

pub(super) struct Arccos;

impl Kernel for Arccos {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let size = x.abs();
        let near = HALF_PI - (x - (HALF_PI_LOW - x * ratio::<FUSED>(x * x)));
        let (head, missing, more) = far::<FUSED>(size);
        let low = more + missing;
        let above = 2.0 * (head + low);
        let below = 2.0 * (HALF_PI - (head + (low - HALF_PI_LOW)));
        let y = if size < 0.5 {
            near
        } else if x > 0.0 {
            above
        } else {
            below
        };
        if size <= 1.0 { y } else { f64::NAN }
    }
}

/// arctan of a number that is not negative.
#[inline(always)]
fn arctan<const FUSED: bool>(size: f64) -> f64 {
    // From the nearest of these whose arctangent is known: 0, 1/2, 1, 3/2, infinity.
    type Known = (f64, f64, f64, f64);
    let from = |least: f64, then: Known, other: Known| if size < least { other } else { then };
    let known = (0.0, 0.0, size, 1.0);
    let half = (0.463_647_609_000_806_1, 2.269_877_745_296_168_7e-17);
    let known = from(
        0.4375,
        (half.0, half.1, 2.0 * size - 1.0, 2.0 + size),
        known,
    );
    let known = from(
        0.6875,
        (0.5 * HALF_PI, 0.5 * HALF_PI_LOW, size - 1.0, size + 1.0),
        known,
    );
    let more = (0.982_793_723_247_329, 1.390_331_103_123_099_8e-17);
    let known = from(
        1.1875,
        (more.0, more.1, size - 1.5, 1.0 + 1.5 * size),
        known,
    );
    let (high, low, above, below) = from(2.4375, (HALF_PI, HALF_PI_LOW, -1.0, size), known);
    let t = above / below;
    let z = t * t;
    let rest = t * z * polynomial::<FUSED, 11>(z, TANGENT);
    high - ((rest - low) - t)
}

pub(super) struct Arctan;

impl Kernel for Arctan {
    #[inline(always)]
    fn at<const FUSED: bool>(x: f64) -> f64 {
        let y = arctan::<FUSED>(x.abs());
        if x.abs() < 1e-9 { x } else { y.copysign(x) }
    }
}

pub(super) struct Arctan2;

impl Pairs for Arctan2 {
    #[inline(always)]
    fn plain(y: f64, x: f64) -> bool {
        // Neither 0 nor infinite, and not so far apart that the ratio is.
        let bounded = |part: f64| (part.abs() > 1e-140) & (part.abs() < 1e140);
        bounded(x) & bounded(y)
    }

    #[inline(always)]
    fn at(y: f64, x: f64) -> f64 {
        let (width, height) = (x.abs(), y.abs());
        let steep = height > width;
        let ratio = if steep { width } else { height } / if steep { height } else { width };
        let angle = arctan::<true>(ratio);
        let angle = if steep {
            HALF_PI - (angle - HALF_PI_LOW)
        } else {
            angle
        };
        let angle = if x < 0.0 {
            2.0 * HALF_PI - (angle - 2.0 * HALF_PI_LOW)
        } else {
            angle
        };
        angle.copysign(y)
    }
}

/// `numpy.arctan2`.
pub(crate) fn angles(y: &[f64], x: &[f64], out: &mut [f64]) {
    pairs::<Arctan2, _>(y, x, out, f64::atan2);
}

pub(crate) fn angles_single(y: &[f32], x: &[f32], out: &mut [f32]) {
    pairs::<Arctan2, _>(y, x, out, f32::atan2);
}
