//! [`FloatStyle`]: how all floats of an array are written alike (`FloatingFormat` in NumPy's `arrayprint.py`).

use super::digits::{Cutoff, Digits, Wanted};
use super::real::{Finite, Real, RealFormat};
use super::{FloatMode, PrintOptions, Sign};

/// Chosen after looking at every number that is printed.
#[derive(Clone, Debug)]
pub(crate) struct FloatStyle {
    is_scientific: bool,
    wanted: Wanted,
    /// Zeros behind the last digit stay.
    keeps_zeros: bool,
    /// `+` before numbers that are not negative.
    plus: bool,
    /// Columns left of the point, and right of it.
    left: usize,
    right: usize,
    exponent_digits: usize,
}

/// What has been seen of the numbers.
struct Seen {
    largest: Option<Finite>,
    smallest: Option<Finite>,
    any_finite: bool,
    any_other: bool,
    any_negative: bool,
    any_negative_infinity: bool,
}

impl FloatStyle {
    /// `each` hands all numbers to what it is given; it is called twice.
    pub(crate) fn of(
        each: impl Fn(&mut dyn FnMut(Real)),
        format: RealFormat,
        options: &PrintOptions,
        sign: Sign,
    ) -> Self {
        let seen = Seen::of(&each);
        let most = (options.float_mode != FloatMode::Unique)
            .then(|| i32::try_from(options.precision).unwrap_or(i32::MAX));
        let mut style = Self {
            is_scientific: seen.is_scientific(format, options.suppress),
            wanted: Wanted {
                unique: options.float_mode != FloatMode::Fixed,
                cutoff: Cutoff::Fraction,
                most,
                least: None,
            },
            keeps_zeros: options.float_mode == FloatMode::Fixed,
            plus: sign == Sign::Plus,
            left: 0,
            right: 0,
            exponent_digits: 2,
        };
        if seen.any_finite {
            style.fit(&each, options.float_mode);
        } else {
            style.wanted.unique = true;
            style.keeps_zeros = false;
        }
        if sign == Sign::Space && !seen.any_negative {
            style.left += 1;
        }
        if seen.any_other {
            let signed = sign != Sign::Minus || seen.any_negative_infinity;
            let width = "inf".len() + usize::from(signed);
            style.left = style.left.max(width.saturating_sub(style.right + 1));
        }
        style
    }

    /// Writes all numbers once to see how wide they get.
    fn fit(&mut self, each: &impl Fn(&mut dyn FnMut(Real)), mode: FloatMode) {
        let (mut left, mut right, mut exponent_digits) = (0, 0, 0);
        each(&mut |real| {
            let Real::Finite(x) = real else { return };
            let (whole, fraction, exponent) = self.parts(&x);
            left = left.max(whole.len());
            right = right.max(fraction.len());
            exponent_digits = exponent_digits.max(exponent.len().saturating_sub(1));
        });
        self.left = left;
        self.right = right;
        if self.is_scientific || matches!(mode, FloatMode::Fixed | FloatMode::MaxPrecEqual) {
            self.wanted.most = Some(right as i32);
            self.wanted.least = Some(right as i32);
            self.keeps_zeros = true;
        } else {
            self.wanted.least = Some(0);
        }
        if self.is_scientific {
            self.exponent_digits = exponent_digits;
            // Only for the width of nan and inf: "e", the exponent's sign and its digits.
            self.right += exponent_digits + 2;
        }
    }

    /// What stands before the point (with its sign), behind it, and after the `e`.
    fn parts(&self, x: &Finite) -> (String, String, String) {
        let mut before = String::new();
        if x.negative {
            before.push('-');
        } else if self.plus {
            before.push('+');
        }
        let mut fraction;
        let mut after = String::new();
        if self.is_scientific {
            // Here the digit before the point counts too.
            let count = |digits: Option<i32>| digits.map(|digits| digits.saturating_add(1));
            let wanted = Wanted {
                cutoff: Cutoff::Total,
                most: count(self.wanted.most),
                least: count(self.wanted.least),
                ..self.wanted
            };
            let first;
            (first, fraction, after) = Digits::of(x, &wanted).scientific(self.exponent_digits);
            before.push(first);
        } else {
            let whole;
            (whole, fraction) = Digits::of(x, &self.wanted).positional();
            before.push_str(&whole);
        }
        if self.keeps_zeros {
            let width = self.wanted.most.map_or(0, |most| most.max(0) as usize);
            fraction = format!("{fraction:0<width$}");
        } else {
            fraction.truncate(fraction.trim_end_matches('0').len());
        }
        (before, fraction, after)
    }

    /// Appends one number.
    pub(crate) fn write(&self, real: &Real, out: &mut String) {
        let (negative, word) = match real {
            Real::Finite(x) => {
                let (before, fraction, exponent) = self.parts(x);
                pad(out, self.left, before.len());
                out.push_str(&before);
                out.push('.');
                out.push_str(&fraction);
                if self.is_scientific {
                    out.push('e');
                    out.push_str(&exponent);
                } else {
                    pad(out, self.right, fraction.len());
                }
                return;
            }
            Real::Nan { .. } => (false, "nan"),
            Real::Infinite { negative } => (*negative, "inf"),
        };
        let sign = if negative {
            "-"
        } else if self.plus {
            "+"
        } else {
            ""
        };
        pad(out, self.left + self.right + 1, sign.len() + word.len());
        out.push_str(sign);
        out.push_str(word);
    }
}

impl Seen {
    fn of(each: &impl Fn(&mut dyn FnMut(Real))) -> Self {
        let mut seen = Self {
            largest: None,
            smallest: None,
            any_finite: false,
            any_other: false,
            any_negative: false,
            any_negative_infinity: false,
        };
        each(&mut |real| match real {
            Real::Finite(x) => {
                seen.any_finite = true;
                seen.any_negative |= x.negative;
                if x.is_zero() {
                    return;
                }
                if seen
                    .largest
                    .is_none_or(|largest| x.cmp_abs(&largest).is_gt())
                {
                    seen.largest = Some(x);
                }
                if seen
                    .smallest
                    .is_none_or(|smallest| x.cmp_abs(&smallest).is_lt())
                {
                    seen.smallest = Some(x);
                }
            }
            Real::Infinite { negative } => {
                seen.any_other = true;
                seen.any_negative_infinity |= negative;
            }
            Real::Nan { .. } => seen.any_other = true,
        });
        seen
    }

    /// Whether the numbers are too large, too small or too far apart to be written out.
    fn is_scientific(&self, format: RealFormat, suppress: bool) -> bool {
        let (Some(largest), Some(smallest)) = (self.largest, self.smallest) else {
            return false;
        };
        largest.cmp_abs(&format.first_too_large()).is_ge()
            || !suppress
                && (smallest.cmp_abs(&format.one_ten_thousandth()).is_lt()
                    || largest.is_over_1000_times(&smallest, format.precision()))
    }
}

impl RealFormat {
    /// From here on numbers are written with an exponent: `10 ** min(8, numpy.finfo(dtype).precision)`.
    fn first_too_large(self) -> Finite {
        Finite::whole(match self {
            Self::Half => 1000,
            Self::Single => 1_000_000,
            _ => 100_000_000,
        })
    }

    /// 0.0001 as NumPy compares it with an array's numbers: rounded to their dtype, but from a double.
    fn one_ten_thousandth(self) -> Finite {
        let bits: &[u8] = match self {
            Self::Half => &half::f16::from_f64(0.0001).to_le_bytes(),
            Self::Single => &0.0001f32.to_le_bytes(),
            _ => &0.0001f64.to_le_bytes(),
        };
        let format = match self {
            Self::Half | Self::Single => self,
            _ => Self::Double,
        };
        match format.decode(bits, false) {
            Real::Finite(x) => x,
            // It is finite in each of them.
            Real::Nan { .. } | Real::Infinite { .. } => Finite::whole(0),
        }
    }
}

/// How NumPy writes one float on its own (`str(numpy.float64(…))`); `trim` also drops a trailing `.0`.
pub(crate) fn alone(real: &Real, format: RealFormat, trim: bool, plus: bool) -> String {
    let sign = |negative| match (negative, plus) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let x = match real {
        Real::Nan { .. } => return format!("{}nan", sign(false)),
        Real::Infinite { negative } => return format!("{}inf", sign(*negative)),
        Real::Finite(x) => x,
    };
    let digits = Digits::of(x, &Wanted::SHORTEST);
    let limit = match format {
        RealFormat::Half => 1000,
        RealFormat::Single => 1_000_000,
        _ => 10_000_000_000_000_000,
    };
    let is_positional = x.is_zero()
        || x.cmp_abs(&Finite::whole(limit)).is_lt()
            && x.cmp_abs(&RealFormat::Double.one_ten_thousandth()).is_ge();
    let mut out = sign(x.negative).to_owned();
    if is_positional {
        let (whole, fraction) = digits.positional();
        out.push_str(&whole);
        match (fraction.is_empty(), trim) {
            (true, true) => {}
            (true, false) => out.push_str(".0"),
            (false, _) => {
                out.push('.');
                out.push_str(&fraction);
            }
        }
    } else {
        let (first, fraction, exponent) = digits.scientific(2);
        out.push(first);
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(&fraction);
        }
        out.push('e');
        out.push_str(&exponent);
    }
    out
}

fn pad(out: &mut String, width: usize, len: usize) {
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(len)));
}
