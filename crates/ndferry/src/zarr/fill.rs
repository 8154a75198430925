//! The value of elements that were never written.

use serde_json::Value;

use super::{unsupported, wrong};
use crate::{ByteOrder, Dtype, Kind, Result};

/// The bytes of a `fill_value`, in the byte order of the dtype.
pub(super) fn parse(value: &Value, dtype: &Dtype) -> Result<Vec<u8>> {
    let bytes = match dtype.kind() {
        Kind::Struct(fields) => return of_fields(value, dtype, fields),
        Kind::Complex => {
            let parts = value.as_array().filter(|parts| parts.len() == 2);
            let parts = parts.ok_or_else(|| no(value, dtype))?;
            let half = dtype.itemsize() / 2;
            let mut bytes = Vec::with_capacity(dtype.itemsize());
            for part in parts {
                let part = float(part, half).ok_or_else(|| no(value, dtype))?;
                bytes.extend(in_order(part, dtype));
            }
            return Ok(bytes);
        }
        Kind::Bool => value.as_bool().map(|it| vec![u8::from(it)]),
        Kind::Int => integer(value).and_then(|n| signed(n, dtype.itemsize())),
        Kind::Datetime(_) | Kind::Timedelta(_) => match value.as_str() {
            Some("NaT") => Some(i64::MIN.to_le_bytes().to_vec()),
            _ => integer(value).and_then(|n| signed(n, 8)),
        },
        Kind::Uint => integer(value).and_then(|n| {
            let bytes = u64::try_from(n).ok()?.to_le_bytes();
            let (own, above) = bytes.split_at(dtype.itemsize());
            above.iter().all(|byte| *byte == 0).then(|| own.to_vec())
        }),
        Kind::Float => float(value, dtype.itemsize()),
        Kind::Unicode => value.as_str().and_then(|text| {
            let mut bytes: Vec<u8> = text
                .chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect();
            if dtype.byteorder() == ByteOrder::Big {
                bytes.chunks_mut(4).for_each(<[u8]>::reverse);
            }
            padded(bytes, dtype.itemsize())
        }),
        Kind::Bytes | Kind::Void => match value {
            Value::Array(numbers) => {
                let byte = |n: &Value| n.as_u64().and_then(|n| u8::try_from(n).ok());
                numbers.iter().map(byte).collect::<Option<Vec<u8>>>()
            }
            value => value.as_str().and_then(base64),
        }
        .and_then(|bytes| padded(bytes, dtype.itemsize())),
        _ => return Err(unsupported(format!("fill values of dtype {dtype}")).into()),
    };
    let bytes = bytes.ok_or_else(|| no(value, dtype))?;
    Ok(match dtype.kind() {
        Kind::Unicode | Kind::Bytes | Kind::Void => bytes,
        _ => in_order(bytes, dtype),
    })
}

fn no(value: &Value, dtype: &Dtype) -> crate::Error {
    wrong(format!("{value} is no fill value of dtype {dtype}")).into()
}

fn in_order(mut bytes: Vec<u8>, dtype: &Dtype) -> Vec<u8> {
    if dtype.byteorder() == ByteOrder::Big {
        bytes.reverse();
    }
    bytes
}

fn of_fields(value: &Value, dtype: &Dtype, fields: &crate::Struct) -> Result<Vec<u8>> {
    if let Some(text) = value.as_str() {
        let bytes = base64(text).filter(|bytes| bytes.len() == dtype.itemsize());
        let is_zero = |bytes: &Vec<u8>| bytes.iter().all(|byte| *byte == 0);
        return match bytes {
            // Whether others are little-endian is not said.
            Some(bytes) if is_zero(&bytes) => Ok(bytes),
            Some(_) => Err(unsupported("a fill value of a struct in base 64").into()),
            None => Err(no(value, dtype)),
        };
    }
    let mut bytes = Vec::with_capacity(dtype.itemsize());
    for field in fields.fields() {
        let part = value.get(&field.name).ok_or_else(|| no(value, dtype))?;
        bytes.extend(parse(part, &field.dtype)?);
    }
    Ok(bytes)
}

fn padded(mut bytes: Vec<u8>, nbytes: usize) -> Option<Vec<u8>> {
    (bytes.len() <= nbytes).then(|| {
        bytes.resize(nbytes, 0);
        bytes
    })
}

/// A whole number, also one that is spelled with a point.
fn integer(value: &Value) -> Option<i128> {
    let whole = |n: &f64| n.fract() == 0.0 && n.abs() < 9e15;
    let of_float = || value.as_f64().filter(whole).map(|n| n as i128);
    let exact = value.as_i64().map(i128::from);
    exact
        .or_else(|| value.as_u64().map(i128::from))
        .or_else(of_float)
}

fn signed(n: i128, nbytes: usize) -> Option<Vec<u8>> {
    let n = i64::try_from(n).ok()?;
    let (own, above) = (n.to_le_bytes(), if n < 0 { 0xff } else { 0 });
    let fits = own[nbytes..].iter().all(|byte| *byte == above)
        && (nbytes == 8 || (own[nbytes - 1] >= 0x80) == (n < 0));
    fits.then(|| own[..nbytes].to_vec())
}

/// A number, a word for what JSON has no numbers for, or the bits as hexadecimal digits.
fn float(value: &Value, nbytes: usize) -> Option<Vec<u8>> {
    let number = match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(text) => {
            let digits = text.strip_prefix("0x")?;
            let is_whole =
                digits.len() == 2 * nbytes && digits.bytes().all(|c| c.is_ascii_hexdigit());
            let bits = is_whole.then(|| u64::from_str_radix(digits, 16).ok())??;
            return Some(bits.to_le_bytes()[..nbytes].to_vec());
        }
        None => value.as_f64()?,
    };
    Some(match nbytes {
        2 => half::f16::from_f64(number).to_le_bytes().to_vec(),
        4 => (number as f32).to_le_bytes().to_vec(),
        _ => number.to_le_bytes().to_vec(),
    })
}

/// RFC 4648, with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let text = text.as_bytes();
    let padding = text.iter().rev().take_while(|c| **c == b'=').count();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.chunks(4) {
        let mut four = four
            .iter()
            .map(|c| if *c == b'=' { Some(0) } else { digit(*c) });
        let bits = four.try_fold(0_u32, |bits, digit| Some(bits << 6 | u32::from(digit?)))?;
        bytes.extend(&bits.to_be_bytes()[1..]);
    }
    let has_padding_inside = text[..text.len() - padding].contains(&b'=');
    bytes.truncate(bytes.len() - padding);
    (!has_padding_inside).then_some(bytes)
}

/// So many bytes of 0.
pub(super) fn base64_zeros(nbytes: usize) -> String {
    let mut text = "A".repeat(nbytes.div_ceil(3) * 4);
    let padding = (3 - nbytes % 3) % 3;
    text.truncate(text.len() - padding);
    text + &"=".repeat(padding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(dtype: &str, value: Value) -> Option<Vec<u8>> {
        parse(&value, &Dtype::parse(dtype).unwrap()).ok()
    }

    #[test]
    fn fill_values_are_read_as_they_are_spelled() {
        for (dtype, value, expected) in [
            ("|b1", json!(true), Some(vec![1])),
            ("|i1", json!(-1), Some(vec![255])),
            ("|i1", json!(-128), Some(vec![128])),
            ("|i1", json!(128), None),
            ("<i2", json!(-300), Some(vec![0xd4, 0xfe])),
            (">i2", json!(-300), Some(vec![0xfe, 0xd4])),
            ("<u2", json!(65535), Some(vec![255, 255])),
            ("<u2", json!(65536), None),
            ("<u2", json!(-1), None),
            ("<u8", json!(u64::MAX), Some(vec![255; 8])),
            ("<f4", json!(1.5), Some(vec![0, 0, 0xc0, 0x3f])),
            (">f4", json!("0x7fc00001"), Some(vec![0x7f, 0xc0, 0, 1])),
            ("<f2", json!("Infinity"), Some(vec![0, 0x7c])),
            ("<f4", json!("0x7fc0"), None),
            ("<f4", json!("nan"), None),
            (
                ">c8",
                json!([1.0, 0.0]),
                Some(vec![0x3f, 0x80, 0, 0, 0, 0, 0, 0]),
            ),
            ("<c8", json!(1.0), None),
            ("<M8[s]", json!("NaT"), Some(vec![0, 0, 0, 0, 0, 0, 0, 128])),
            ("<U2", json!("a"), Some(vec![97, 0, 0, 0, 0, 0, 0, 0])),
            (">U1", json!("a"), Some(vec![0, 0, 0, 97])),
            ("<U1", json!("ab"), None),
            ("|S3", json!("eA=="), Some(vec![120, 0, 0])),
            ("|V2", json!("eHk="), Some(vec![120, 121])),
            ("|V2", json!([1, 2]), Some(vec![1, 2])),
            ("|S3", json!("e=A="), None),
            ("|S3", json!("eA"), None),
        ] {
            assert_eq!(filled(dtype, value.clone()), expected, "{dtype} {value}");
        }
    }

    #[test]
    fn zeros_are_spelled_in_base_64() {
        for nbytes in 0..10 {
            assert_eq!(base64(&base64_zeros(nbytes)), Some(vec![0; nbytes]));
        }
    }
}
