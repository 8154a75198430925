//! [`Digits`]: the decimal digits of a float, as Dragon4 generates them.
//!
//! Steele and White's algorithm as in `numpy/_core/src/multiarray/dragon4.c`, with its choices: ties to the even
//! digit, neighbours included where the mantissa is even, cut-offs that round the exact value.

use std::fmt::Write;

use num_bigint::BigUint;

use super::real::Finite;

/// `d.ddd…` times ten to the power of `exponent`, without sign; the digits are ASCII.
#[derive(Debug, PartialEq)]
pub(crate) struct Digits {
    pub(crate) digits: Vec<u8>,
    pub(crate) exponent: i32,
}

/// Where to stop: after so many digits in all, or after so many behind the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cutoff {
    Total,
    Fraction,
}

/// Which digits are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Stop as soon as the digits tell the number from its neighbours; otherwise when nothing is left.
    pub(crate) unique: bool,
    pub(crate) cutoff: Cutoff,
    /// At most so many.
    pub(crate) most: Option<i32>,
    /// At least so many, if `unique`.
    pub(crate) least: Option<i32>,
}

impl Wanted {
    /// The shortest digits that read back as the same number.
    pub(crate) const SHORTEST: Self = Self {
        unique: true,
        cutoff: Cutoff::Total,
        most: None,
        least: None,
    };
}

impl Digits {
    pub(crate) fn of(x: &Finite, wanted: &Wanted) -> Self {
        if x.is_zero() {
            return Self {
                digits: vec![b'0'],
                exponent: 0,
            };
        }
        // Right or one too low: see "Printing Floating-Point Numbers Quickly and Accurately", Burger and Dybvig.
        let estimate = (f64::from(x.magnitude()) * std::f64::consts::LOG10_2 - 0.69).ceil() as i32;
        let place = match (wanted.cutoff, wanted.most) {
            // The first digit that is wanted may lie far left of the first that is not 0.
            (Cutoff::Fraction, Some(most)) => estimate.max(1 - most),
            _ => estimate,
        };
        if Dragon::<u128>::has_room(x, place) {
            Dragon::<u128>::new(x, place).digits(place, wanted)
        } else {
            Dragon::<BigUint>::new(x, place).digits(place, wanted)
        }
    }

    /// Adds one to the last digit; nines before it vanish.
    fn round_up(&mut self) {
        while self.digits.last() == Some(&b'9') {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(digit) => *digit += 1,
            None => {
                self.digits.push(b'1');
                self.exponent += 1;
            }
        }
    }

    /// The digits before the point and those behind it.
    pub(crate) fn positional(&self) -> (String, String) {
        let text: String = self.digits.iter().map(|digit| char::from(*digit)).collect();
        let Ok(exponent) = usize::try_from(self.exponent) else {
            let zeros = (self.exponent + 1).unsigned_abs() as usize;
            return ("0".to_owned(), "0".repeat(zeros) + &text);
        };
        if text.len() <= exponent + 1 {
            return (
                format!("{text:0<width$}", width = exponent + 1),
                String::new(),
            );
        }
        let (whole, fraction) = text.split_at(exponent + 1);
        (whole.to_owned(), fraction.to_owned())
    }

    /// The first digit, those behind the point, and the exponent with its sign and at least `exponent_digits` digits.
    pub(crate) fn scientific(&self, exponent_digits: usize) -> (char, String, String) {
        let (first, rest) = self.digits.split_first().unwrap_or((&b'0', &[]));
        let fraction = rest.iter().map(|digit| char::from(*digit)).collect();
        let mut exponent = String::from(if self.exponent < 0 { '-' } else { '+' });
        // Writing into a String cannot fail.
        let _ = write!(
            exponent,
            "{:0exponent_digits$}",
            self.exponent.unsigned_abs()
        );
        (char::from(*first), fraction, exponent)
    }
}

/// Whole numbers that are large enough.
trait Natural: Clone + Ord + From<u128> {
    fn shifted(self, bits: u32) -> Self;
    fn times(self, factor: u32) -> Self;
    fn times_power_of_10(self, exponent: u32) -> Self;
    fn plus(self, other: &Self) -> Self;
    fn subtract(&mut self, other: &Self);
}

impl Natural for u128 {
    fn shifted(self, bits: u32) -> Self {
        self << bits
    }

    fn times(self, factor: u32) -> Self {
        self * u128::from(factor)
    }

    fn times_power_of_10(self, exponent: u32) -> Self {
        self * 10u128.pow(exponent)
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn subtract(&mut self, other: &Self) {
        *self -= other;
    }
}

impl Natural for BigUint {
    fn shifted(self, bits: u32) -> Self {
        self << bits
    }

    fn times(mut self, factor: u32) -> Self {
        self *= factor;
        self
    }

    fn times_power_of_10(self, exponent: u32) -> Self {
        self * BigUint::from(10u32).pow(exponent)
    }

    fn plus(self, other: &Self) -> Self {
        self + other
    }

    fn subtract(&mut self, other: &Self) {
        *self -= other;
    }
}

/// What is left of the number: `value / scale`, with half the distances to its neighbours in the same unit.
struct Dragon<N> {
    value: N,
    scale: N,
    below: N,
    /// The distance above, as a multiple of that below: 1 or 2.
    above: u32,
    is_even: bool,
}

impl Dragon<u128> {
    /// Whether nothing below can overflow.
    fn has_room(x: &Finite, place: i32) -> bool {
        let bits = 128 - x.mantissa.leading_zeros() + x.exponent.unsigned_abs() + 2;
        // Ten to the power of three has less than ten bits; ten times and three times that is computed.
        bits + 10 * (place.unsigned_abs() / 3 + 1) + 6 <= 128
    }
}

impl<N: Natural> Dragon<N> {
    /// The number divided by ten to the power of `place`.
    fn new(x: &Finite, place: i32) -> Self {
        let above = if x.lopsided { 2 } else { 1 };
        let (grow, shrink) = (x.exponent.max(0) as u32, x.exponent.min(0).unsigned_abs());
        // Units of half the distance to the number below: one bit more than the mantissa has, two if `lopsided`.
        let mut new = Self {
            value: N::from(x.mantissa).shifted(grow + above),
            scale: N::from(1).shifted(shrink + above),
            below: N::from(1).shifted(grow),
            above,
            is_even: x.mantissa.is_multiple_of(2),
        };
        let power = place.unsigned_abs();
        if place > 0 {
            new.scale = new.scale.times_power_of_10(power);
        } else if place < 0 {
            new.value = new.value.times_power_of_10(power);
            new.below = new.below.times_power_of_10(power);
        }
        new
    }

    /// The digits from the one before `place` on, an estimate that is right or one too low.
    fn digits(mut self, mut place: i32, wanted: &Wanted) -> Digits {
        if self.value >= self.scale {
            place += 1;
        } else {
            self.times_10();
        }
        let last = |count: i32| match wanted.cutoff {
            Cutoff::Total => place - count,
            Cutoff::Fraction => -count,
        };
        let stop = wanted.most.map(last);
        let may_stop = wanted.least.map_or(place, |least| last(least).min(place));
        let mut digits = Vec::with_capacity(24);
        let first = place - 1;
        let up = loop {
            place -= 1;
            let digit = self.take_digit();
            digits.push(b'0' + digit);
            let (low, high) = if wanted.unique {
                self.neighbours()
            } else {
                (false, false)
            };
            let is_enough = if wanted.unique {
                (low || high) && place <= may_stop
            } else {
                self.value == N::from(0)
            };
            if is_enough || Some(place) == stop {
                break if low == high {
                    self.is_nearer_above(digit)
                } else {
                    high
                };
            }
            self.times_10();
        };
        let mut out = Digits {
            digits,
            exponent: first,
        };
        if up {
            out.round_up();
        }
        out
    }

    fn times_10(&mut self) {
        self.value = self.value.clone().times(10);
        // Beyond the scale it only has to stay there: from then on both neighbours are far away.
        if self.below <= self.scale {
            self.below = self.below.clone().times(10);
        }
    }

    /// The whole part, 0 to 9, which is taken away.
    fn take_digit(&mut self) -> u8 {
        let mut digit = 0;
        while self.value >= self.scale {
            self.value.subtract(&self.scale);
            digit += 1;
        }
        digit
    }

    /// Whether the digits so far are closer to this number than to the one below, and one more in the last place
    /// closer than to the one above.
    fn neighbours(&self) -> (bool, bool) {
        let high = self.below.clone().times(self.above).plus(&self.value);
        if self.is_even {
            (self.value <= self.below, high >= self.scale)
        } else {
            (self.value < self.below, high > self.scale)
        }
    }

    /// Whether to round up after `digit`, ties to even.
    fn is_nearer_above(&self, digit: u8) -> bool {
        let twice = self.value.clone().times(2);
        twice > self.scale || (twice == self.scale && digit % 2 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::real::{Real, RealFormat};
    use proptest::prelude::*;

    fn finite(x: f64) -> Finite {
        match RealFormat::Double.decode(&x.to_le_bytes(), false) {
            Real::Finite(finite) => finite,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cutoffs_round_the_exact_value() {
        let fraction = |x, most| {
            let wanted = Wanted {
                cutoff: Cutoff::Fraction,
                most: Some(most),
                ..Wanted::SHORTEST
            };
            Digits::of(&finite(x), &wanted).positional()
        };
        let text = |whole: &str, fraction: &str| (whole.to_owned(), fraction.to_owned());
        assert_eq!(fraction(0.125, 2), text("0", "12"));
        assert_eq!(fraction(0.375, 2), text("0", "38"));
        assert_eq!(fraction(99.996, 2), text("100", ""));
        assert_eq!(fraction(1e-12, 8), text("0", "00000000"));
        assert_eq!(fraction(6e-9, 8), text("0", "00000001"));
    }

    #[test]
    fn of_two_shortest_the_even_one_is_taken() {
        // 145801411801286.625
        let digits = Digits::of(
            &finite(f64::from_bits(4_819_013_646_836_701_396)),
            &Wanted::SHORTEST,
        );
        assert_eq!(digits.digits, b"14580141180128662");
    }

    #[test]
    fn more_digits_than_needed_are_exact_ones() {
        let wanted = Wanted {
            least: Some(20),
            ..Wanted::SHORTEST
        };
        let digits = Digits::of(&finite(0.1), &wanted).digits;
        assert_eq!(digits, b"10000000000000000555");
    }

    proptest! {
        #[test]
        fn shortest_digits_are_those_of_the_standard_library(bits: u64) {
            let x = f64::from_bits(bits).abs();
            prop_assume!(x.is_finite());
            let digits = Digits::of(&finite(x), &Wanted::SHORTEST);
            let text: String = digits.digits.iter().map(|digit| char::from(*digit)).collect();
            let (first, rest) = text.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let (ours, theirs) = (format!("{first}{point}{rest}e{}", digits.exponent), format!("{x:e}"));
            // Of two that are equally near, NumPy takes the even one and the standard library the larger:
            // 145801411801286.625.
            let is_even = digits.digits.last().is_some_and(|digit| digit % 2 == 0);
            let is_as_short = is_even && ours.len() == theirs.len() && ours.parse() == Ok(x);
            prop_assert!(ours == theirs || is_as_short, "{ours} {theirs}");
        }

        #[test]
        fn small_and_large_integers_give_the_same_digits(
            mantissa in 1u64..1 << 53, exponent in -70i32..20, unique: bool, most in 0i32..40, least: bool,
        ) {
            let x = Finite { negative: false, mantissa: mantissa.into(), exponent, lopsided: mantissa == 1 << 52 };
            let least = least.then_some(most);
            let wanted = Wanted { unique, cutoff: Cutoff::Fraction, most: Some(most), least };
            let place = ((f64::from(x.magnitude()) * std::f64::consts::LOG10_2 - 0.69).ceil() as i32).max(1 - most);
            prop_assume!(Dragon::<u128>::has_room(&x, place));
            prop_assert_eq!(
                Dragon::<u128>::new(&x, place).digits(place, &wanted),
                Dragon::<BigUint>::new(&x, place).digits(place, &wanted)
            );
        }
    }
}
