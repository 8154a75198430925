//! [`Real`]: one floating-point number of any width, exactly.

use std::cmp::Ordering;

use num_bigint::BigUint;

/// How the bytes of a float are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RealFormat {
    /// `f2`
    Half,
    /// `f4`
    Single,
    /// `f8`
    Double,
    /// The 80-bit `long double` of x86, in its first ten bytes.
    X87,
    /// The 128-bit `long double` of other machines.
    Quad,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Real {
    Nan {
        negative: bool,
        /// Its bits behind the point, the first one topmost.
        payload: u128,
    },
    Infinite {
        negative: bool,
    },
    Finite(Finite),
}

/// `mantissa` times two to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finite {
    pub(crate) negative: bool,
    pub(crate) mantissa: u128,
    pub(crate) exponent: i32,
    /// The next number towards zero is half as far as the one away from it: this is a power of two.
    pub(crate) lopsided: bool,
}

impl RealFormat {
    /// Bits of precision, the leading one included.
    pub(crate) fn precision(self) -> u32 {
        match self {
            Self::Half => 11,
            Self::Single => 24,
            Self::Double => 53,
            Self::X87 => 64,
            Self::Quad => 113,
        }
    }

    fn exponent_bits(self) -> u32 {
        match self {
            Self::Half => 5,
            Self::Single => 8,
            Self::Double => 11,
            Self::X87 | Self::Quad => 15,
        }
    }

    /// From as many bytes as the dtype has, least significant first unless `big`.
    pub(crate) fn decode(self, bytes: &[u8], big: bool) -> Real {
        let byte = |(i, byte): (usize, &u8)| u128::from(*byte) << (8 * i.min(15));
        let bits: u128 = if big {
            bytes.iter().rev().take(16).enumerate().map(byte).sum()
        } else {
            bytes.iter().take(16).enumerate().map(byte).sum()
        };
        let fraction_bits = self.precision() - 1;
        // The x87 format stores the leading bit.
        let stored_bits = fraction_bits + u32::from(self == Self::X87);
        let fraction = bits & ((1 << fraction_bits) - 1);
        let exponent_mask = (1 << self.exponent_bits()) - 1;
        let biased = (bits >> stored_bits) as i32 & exponent_mask;
        let negative = bits >> (stored_bits + self.exponent_bits()) & 1 == 1;
        // Without its leading bit, an x87 number that is not tiny is invalid, which x86 treats as NaN.
        let is_invalid = self == Self::X87 && biased != 0 && bits & (1 << fraction_bits) == 0;
        if is_invalid {
            // What the processor makes of it.
            return Real::Nan {
                negative: true,
                payload: 0,
            };
        }
        if biased == exponent_mask {
            return if fraction == 0 {
                Real::Infinite { negative }
            } else {
                let payload = fraction << (128 - fraction_bits);
                Real::Nan { negative, payload }
            };
        }
        let leading = match self {
            Self::X87 => bits & (1 << fraction_bits),
            _ if biased == 0 => 0,
            _ => 1 << fraction_bits,
        };
        Real::Finite(Finite {
            negative,
            mantissa: fraction | leading,
            exponent: biased.max(1) - exponent_mask / 2 - fraction_bits as i32,
            lopsided: fraction == 0 && biased > 1,
        })
    }

    /// The bits of the nearest number of this format, the even one of two.
    pub(crate) fn encode(self, real: &Real) -> u128 {
        let fraction_bits = self.precision() - 1;
        let leading = 1 << fraction_bits;
        let exponent_mask: i32 = (1 << self.exponent_bits()) - 1;
        let (negative, biased, significand) = match real {
            Real::Nan { negative, payload } => {
                let quiet = leading >> 1;
                let payload = payload >> (128 - fraction_bits);
                (*negative, exponent_mask, leading | quiet | payload)
            }
            Real::Infinite { negative } => (*negative, exponent_mask, leading),
            Real::Finite(x) if x.is_zero() => (x.negative, 0, 0),
            Real::Finite(x) => {
                // Of the last bit: there are none below those of the smallest number.
                let least = 1 - exponent_mask / 2 - fraction_bits as i32;
                let last = least.max(x.magnitude() - fraction_bits as i32);
                let mut significand = x.rounded(last);
                let mut biased = last - least + 1;
                if significand >> (fraction_bits + 1) != 0 {
                    significand >>= 1;
                    biased += 1;
                }
                if significand < leading {
                    biased = 0;
                }
                if biased >= exponent_mask {
                    (x.negative, exponent_mask, leading)
                } else {
                    (x.negative, biased, significand)
                }
            }
        };
        let keeps_leading = self == Self::X87;
        let stored_bits = fraction_bits + u32::from(keeps_leading);
        let stored = if keeps_leading {
            significand
        } else {
            significand & (leading - 1)
        };
        u128::from(negative) << (stored_bits + self.exponent_bits())
            | (biased as u128) << stored_bits
            | stored
    }
}

impl Finite {
    pub(crate) fn whole(mantissa: u128) -> Self {
        Self {
            negative: false,
            mantissa,
            exponent: 0,
            lopsided: false,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    /// The place of the leading bit: `floor(log2)`. Not for zero.
    pub(crate) fn magnitude(&self) -> i32 {
        127 - self.mantissa.leading_zeros() as i32 + self.exponent
    }

    /// How many times two to the power of `exponent` it is, without its sign: the nearest whole number, the even one of
    /// two.
    fn rounded(&self, exponent: i32) -> u128 {
        let shift = exponent - self.exponent;
        if shift <= 0 {
            return self.mantissa << shift.unsigned_abs();
        }
        let (whole, rest) = match shift {
            1..128 => (self.mantissa >> shift, self.mantissa << (128 - shift)),
            128 => (0, self.mantissa),
            _ => return 0,
        };
        let half = 1 << 127;
        whole + u128::from(rest > half || rest == half && whole & 1 == 1)
    }

    /// Compares without signs.
    pub(crate) fn cmp_abs(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        // With equal magnitudes, mantissas pushed to the left compare as the numbers do.
        let aligned = |x: &Self| x.mantissa << x.mantissa.leading_zeros();
        self.magnitude()
            .cmp(&other.magnitude())
            .then_with(|| aligned(self).cmp(&aligned(other)))
    }

    /// Whether the quotient with `smaller`, rounded to `precision` bits, is more than 1000: whether it is past the
    /// middle between 1000 and the next such number. Neither is zero.
    pub(crate) fn is_over_1000_times(&self, smaller: &Self, precision: u32) -> bool {
        // The numbers next to 1000 are 2^(10 - precision) apart; scaled up, so that all of this is whole.
        let scale = precision - 9;
        let limit = (BigUint::from(1000u32) << scale) + 1u32;
        let mut left = BigUint::from(self.mantissa) << scale;
        let mut right = BigUint::from(smaller.mantissa) * limit;
        let shift = self.exponent - smaller.exponent;
        if shift >= 0 {
            left <<= shift as u32;
        } else {
            right <<= shift.unsigned_abs();
        }
        left > right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(x: f64) -> Finite {
        match RealFormat::Double.decode(&x.to_le_bytes(), false) {
            Real::Finite(finite) => finite,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_double_is_its_mantissa_and_exponent() {
        for x in [1.0, -0.1, 5e-324, f64::MAX, 1e-310, 0.0] {
            let finite = double(x);
            // In two steps: 2^-1074 is the smallest double.
            let half = finite.exponent / 2;
            let value =
                finite.mantissa as f64 * 2f64.powi(half) * 2f64.powi(finite.exponent - half);
            assert_eq!(value, f64::abs(x));
            assert_eq!(finite.negative, x.is_sign_negative());
        }
        assert!(double(2.0).lopsided && !double(3.0).lopsided);
        assert!(!double(f64::MIN_POSITIVE).lopsided);
        let nan = RealFormat::Double.decode(&f64::NAN.to_be_bytes(), true);
        assert!(matches!(nan, Real::Nan { .. }));
    }

    #[test]
    fn an_x87_number_keeps_its_leading_bit() {
        // 1.0 as x86 stores it, with rubbish in the padding.
        let bytes = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f, 9, 9, 9, 9, 9, 9];
        let Real::Finite(one) = RealFormat::X87.decode(&bytes, false) else {
            panic!()
        };
        assert_eq!(one.cmp_abs(&double(1.0)), Ordering::Equal);
        assert!(one.lopsided);
        let without = [&[0; 7][..], &[0x40, 0xff, 0x3f], &[0; 6]].concat();
        assert!(matches!(
            RealFormat::X87.decode(&without, false),
            Real::Nan { .. }
        ));
    }

    #[test]
    fn a_number_is_encoded_as_the_processor_does_it() {
        let doubles = [
            1.0,
            -0.1,
            5e-324,
            f64::MAX,
            1e-310,
            -0.0,
            2.5e-45,
            1e-46,
            3.4028236e38,
        ];
        for x in doubles
            .into_iter()
            .chain([f64::NAN, f64::INFINITY, 65_519.9, 1.0 / 3.0])
        {
            let real = RealFormat::Double.decode(&x.to_le_bytes(), false);
            assert_eq!(RealFormat::Double.encode(&real), u128::from(x.to_bits()));
            let single = RealFormat::Single.encode(&real);
            assert_eq!(single, u128::from((x as f32).to_bits()), "{x}");
            for wider in [RealFormat::X87, RealFormat::Quad] {
                let bytes = wider.encode(&real).to_le_bytes();
                let back = wider.decode(&bytes, false);
                assert_eq!(RealFormat::Double.encode(&back), u128::from(x.to_bits()));
            }
        }
        let one = RealFormat::X87.encode(&Real::Finite(Finite::whole(1)));
        assert_eq!(one, 0x3fff_8000_0000_0000_0000);
    }

    #[test]
    fn every_half_survives_every_format() {
        for bits in 0..=u16::MAX {
            let real = RealFormat::Half.decode(&bits.to_le_bytes(), false);
            for format in [
                RealFormat::Half,
                RealFormat::Single,
                RealFormat::X87,
                RealFormat::Quad,
            ] {
                let back = format.decode(&format.encode(&real).to_le_bytes(), false);
                let found = RealFormat::Half.encode(&back);
                // A signaling NaN becomes a quiet one.
                let quiet = if bits & 0x7c00 == 0x7c00 && bits & 0x3ff != 0 {
                    0x200
                } else {
                    0
                };
                assert_eq!(found, u128::from(bits | quiet));
            }
        }
    }

    #[test]
    fn a_quotient_is_over_1000_only_after_rounding() {
        let one = double(1.0);
        assert!(!double(1000.0).is_over_1000_times(&one, 53));
        assert!(double(1000.0f64.next_up()).is_over_1000_times(&one, 53));
        assert!(!double(1000.25).is_over_1000_times(&one, 11));
        assert!(double(1000.3).is_over_1000_times(&one, 11));
        assert!(double(1e300).is_over_1000_times(&double(5e-324), 53));
    }
}
