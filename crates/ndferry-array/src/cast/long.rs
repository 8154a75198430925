//! Long doubles of x86 as other numbers, and other numbers as long doubles.

use num_bigint::BigUint;

use crate::print::real::{Finite, Real, RealFormat};
use crate::print::real_format;
use crate::{ArrayView, Dtype, Error, Kind, Layout, LongDouble, Order};

/// Decimal digits that can matter to the rounding of a long double; a half-way case has no more.
const MOST_DIGITS: usize = 12_000;

/// Whether there are long doubles in its elements.
pub(super) fn is_long(dtype: &Dtype) -> bool {
    match dtype.kind() {
        Kind::Float => dtype.itemsize() > 8,
        Kind::Complex => dtype.itemsize() > 16,
        _ => false,
    }
}

/// Whether its elements are numbers, or times, which are ticks here.
pub(super) fn is_number(dtype: &Dtype) -> bool {
    matches!(
        dtype.kind(),
        Kind::Bool
            | Kind::Int
            | Kind::Uint
            | Kind::Float
            | Kind::Complex
            | Kind::Datetime(_)
            | Kind::Timedelta(_)
    )
}

/// Appends each number as one of the other dtype.
pub(super) fn cast(
    source: &Dtype,
    target: &Dtype,
    values: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    refuse_quads(source, values)?;
    for bytes in values.chunks_exact(source.itemsize()) {
        put(&Number::decode(source, bytes), target, out);
    }
    Ok(())
}

/// NumPy names the 128-bit floats of other machines like the 80-bit ones of x86, and no file says which it holds.
pub(super) fn refuse_quads(source: &Dtype, values: &[u8]) -> Result<(), Error> {
    if !is_long(source) {
        return Ok(());
    }
    let count = values.len() / source.itemsize();
    let layout = Layout::contiguous(&[count], source.itemsize(), Order::C)?;
    let view = ArrayView::new(source.clone(), layout, values)?;
    match real_format(&view, LongDouble::Guess) {
        RealFormat::Quad => Err(Error::CastQuad {
            dtype: source.str(),
        }),
        _ => Ok(()),
    }
}

/// Appends what a text says: as `strtold` reads it, or Python's `complex`.
pub(super) fn parse(text: &str, target: &Dtype, out: &mut Vec<u8>) -> Option<()> {
    let number = if *target.kind() == Kind::Complex {
        let parts = super::parse::complex(text.trim())?;
        Number(parts.map(|part| RealFormat::Double.decode(&part.to_le_bytes(), false)))
    } else {
        Number([decimal(text.trim_start())?, ZERO])
    };
    put(&number, target, out);
    Some(())
}

const ZERO: Real = Real::Finite(Finite {
    negative: false,
    mantissa: 0,
    exponent: 0,
    lopsided: false,
});

/// Real and imaginary part.
struct Number([Real; 2]);

impl Number {
    fn decode(dtype: &Dtype, bytes: &[u8]) -> Self {
        let big = !dtype.is_native() ^ cfg!(target_endian = "big");
        let format = |nbytes| match nbytes {
            2 => RealFormat::Half,
            4 => RealFormat::Single,
            8 => RealFormat::Double,
            _ => RealFormat::X87,
        };
        let integer = |signed: bool| {
            let byte = |(i, byte): (usize, &u8)| i128::from(*byte) << (8 * i);
            let bits: i128 = if big {
                bytes.iter().rev().enumerate().map(byte).sum()
            } else {
                bytes.iter().enumerate().map(byte).sum()
            };
            let unused = 128 - 8 * bytes.len() as u32;
            whole(if signed {
                bits << unused >> unused
            } else {
                bits
            })
        };
        Self(match dtype.kind() {
            Kind::Bool => [whole(i128::from(bytes[0] != 0)), ZERO],
            Kind::Uint => [integer(false), ZERO],
            Kind::Float => [format(bytes.len()).decode(bytes, big), ZERO],
            Kind::Complex => {
                let (re, im) = bytes.split_at(bytes.len() / 2);
                [re, im].map(|part| format(part.len()).decode(part, big))
            }
            _ => [integer(true), ZERO],
        })
    }

    fn is_true(&self) -> bool {
        let is_zero = |real: &Real| matches!(real, Real::Finite(x) if x.is_zero());
        !self.0.iter().all(is_zero)
    }
}

fn whole(n: i128) -> Real {
    let mut x = Finite::whole(n.unsigned_abs());
    x.negative = n < 0;
    Real::Finite(x)
}

fn put(number: &Number, target: &Dtype, out: &mut Vec<u8>) {
    let big = !target.is_native() ^ cfg!(target_endian = "big");
    let mut put = |bits: u128, nbytes: usize| {
        let bytes = bits.to_le_bytes();
        if big {
            out.extend(bytes[..nbytes].iter().rev());
        } else {
            out.extend_from_slice(&bytes[..nbytes]);
        }
    };
    let [re, im] = &number.0;
    let nbytes = target.itemsize();
    match target.kind() {
        Kind::Bool => put(u128::from(number.is_true()), 1),
        Kind::Uint => put(u128::from(integer(re, nbytes, false)), nbytes),
        Kind::Float => put(float(re, nbytes), nbytes),
        Kind::Complex => {
            put(float(re, nbytes / 2), nbytes / 2);
            put(float(im, nbytes / 2), nbytes / 2);
        }
        _ => put(u128::from(integer(re, nbytes, true)), nbytes),
    }
}

fn float(real: &Real, nbytes: usize) -> u128 {
    match nbytes {
        2 => {
            // NumPy goes through single precision here.
            let single = RealFormat::Single.encode(real).to_le_bytes();
            RealFormat::Half.encode(&RealFormat::Single.decode(&single[..4], false))
        }
        4 => RealFormat::Single.encode(real),
        8 => RealFormat::Double.encode(real),
        _ => RealFormat::X87.encode(real),
    }
}

/// As compilers for x86-64 do it, with the instruction `fistp`, in the lowest bytes.
fn integer(real: &Real, nbytes: usize, signed: bool) -> u64 {
    const HALF: i128 = 1 << 63;
    let whole = truncated(real);
    match (nbytes, signed) {
        (1, _) | (2, true) => stored(whole, 16),
        (4, true) | (2, false) => stored(whole, 32),
        (8, false) => match whole {
            Some(whole) if whole >= HALF => stored(Some(whole - HALF), 64) ^ (1 << 63),
            None if matches!(real, Real::Infinite { negative: false }) => 0,
            None if matches!(real, Real::Finite(x) if !x.negative) => 0,
            whole => stored(whole, 64),
        },
        _ => stored(whole, 64),
    }
}

/// Rounded towards zero; `None` for what is no number or has more than 127 bits.
fn truncated(real: &Real) -> Option<i128> {
    let Real::Finite(x) = real else {
        return None;
    };
    if x.is_zero() {
        return Some(0);
    }
    if x.magnitude() >= 127 {
        return None;
    }
    let whole = if x.exponent >= 0 {
        x.mantissa << x.exponent
    } else {
        let lost = x.exponent.unsigned_abs();
        x.mantissa.checked_shr(lost).unwrap_or(0)
    };
    let whole = whole as i128;
    Some(if x.negative { -whole } else { whole })
}

/// `fistp` with so many bits: what does not fit is the least integer.
fn stored(whole: Option<i128>, bits: u32) -> u64 {
    let least = -(1i128 << (bits - 1));
    let fits = |whole: &i128| (least..-least).contains(whole);
    whole.filter(fits).unwrap_or(least) as u64
}

/// `[+-]` and digits with a point and an exponent, `inf`, `infinity` or `nan`, without spaces; rounded where that cannot
/// change what it is encoded as.
fn decimal(text: &str) -> Option<Real> {
    let (negative, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    match &*text.to_ascii_lowercase() {
        "inf" | "infinity" => return Some(Real::Infinite { negative }),
        "nan" => {
            return Some(Real::Nan {
                negative,
                payload: 0,
            });
        }
        _ => {}
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, small_integer(exponent)?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [before, after].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    // The value is 0.ddd… times ten to this power.
    let power = exponent + before.len() as i64 - (digits.len() - significant.len()) as i64;
    if significant.is_empty() || power < -5000 {
        return Some(Real::Finite(Finite {
            negative,
            ..Finite::whole(0)
        }));
    }
    if power > 5000 {
        return Some(Real::Infinite { negative });
    }
    Some(Real::Finite(Finite {
        negative,
        ..nearest(significant, power)
    }))
}

/// A decimal exponent; one that is absurd is only large.
fn small_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let n = digits.parse().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -n } else { n })
}

/// 0.ddd… times ten to a power, its last bit set where something is lost.
fn nearest(digits: &str, power: i64) -> Finite {
    let (kept, lost) = digits.split_at(digits.len().min(MOST_DIGITS));
    let mut kept = kept.to_owned();
    if lost.bytes().any(|digit| digit != b'0') {
        kept.push('1');
    }
    // Only digits, so there is a number.
    let number = BigUint::parse_bytes(kept.as_bytes(), 10).unwrap_or_default();
    let exponent = power - kept.len() as i64;
    let ten = |power: i64| BigUint::from(10u32).pow(power.unsigned_abs() as u32);
    let (mut top, mut bottom, mut binary) = if exponent >= 0 {
        (number * ten(exponent), BigUint::from(1u32), 0)
    } else {
        (number, ten(exponent), 0)
    };
    // So that the quotient has 120 or 121 bits.
    let shift = 120 + bottom.bits() as i64 - top.bits() as i64;
    if shift >= 0 {
        top <<= shift as u64;
    } else {
        bottom <<= shift.unsigned_abs();
    }
    binary -= shift;
    let quotient = &top / &bottom;
    let is_exact = &quotient * &bottom == top;
    let mantissa = quotient.iter_u64_digits().rev();
    let mantissa = mantissa.fold(0, |bits: u128, digit| bits << 64 | u128::from(digit));
    Finite {
        mantissa: mantissa | u128::from(!is_exact),
        exponent: binary as i32,
        ..Finite::whole(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the nearest double.
    fn double(text: &str) -> Option<f64> {
        let bits = RealFormat::Double.encode(&decimal(text)?);
        Some(f64::from_bits(bits as u64))
    }

    #[test]
    fn text_is_rounded_as_rust_rounds_it() {
        let half_way = format!("9007199254740993{}", "0".repeat(300));
        let above = format!("9007199254740993.{}1", "0".repeat(13_000));
        for text in [
            "0.1",
            "1e23",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "1.7976931348623157e308",
            "1.7976931348623159e308",
            "123456789012345678901234567890",
            ".5",
            "5.",
            "-0",
            "+3e+2",
            "8.5e-310",
            &half_way,
            &above,
        ] {
            assert_eq!(double(text), text.parse().ok(), "{text}");
        }
        for text in [
            "", ".", "e5", "1e", "1e+", "--1", "1_0", "0x1", "1 ", "infinit", "1..2", "é",
        ] {
            assert_eq!(double(text), None, "{text}");
        }
        assert_eq!(double("1e99999999999999999999"), Some(f64::INFINITY));
        assert_eq!(double("0e99999999999999999999"), Some(0.0));
        assert_eq!(double("1e-99999999999999999999"), Some(0.0));
    }

    #[test]
    fn the_range_of_a_long_double_is_used() {
        let bits = |text| RealFormat::X87.encode(&decimal(text).unwrap());
        assert_eq!(
            bits("1.189731495357231765e4932"),
            0x7ffe_ffff_ffff_ffff_ffff
        );
        assert_eq!(bits("1.19e4932"), 0x7fff_8000_0000_0000_0000);
        assert_eq!(bits("3.6451995318824746025e-4951"), 1);
        assert_eq!(bits("1.8e-4951"), 0);
        assert_eq!(bits("0.1"), 0x3ffb_cccc_cccc_cccc_cccd);
    }

    #[test]
    fn floats_beyond_integers_become_what_the_processor_makes_of_them() {
        let large = |text| decimal(text).unwrap();
        assert_eq!(integer(&large("70000"), 1, true) as u8, 0);
        assert_eq!(integer(&large("-70000"), 2, false) as u16, 61_072);
        assert_eq!(integer(&large("18446744073709551615"), 8, false), u64::MAX);
        assert_eq!(integer(&large("inf"), 8, false), 0);
        assert_eq!(integer(&large("1e4000"), 8, false), 0);
        assert_eq!(integer(&large("nan"), 8, false), 1 << 63);
        assert_eq!(
            integer(&large("-9223372036854775807"), 8, true),
            1 | 1 << 63
        );
        assert_eq!(integer(&large("1e-4000"), 8, true), 0);
    }
}
