//! Elements as the corpus writes them down, from their bytes and their dtype.

use half::f16;
use ndferry_array::{Array, ByteOrder, Dtype, Kind, Order};
use serde_json::{Value, json};

/// Beyond this, integers are written as text.
const EXACT: i128 = 1 << 53;

/// All elements in C order.
pub(crate) fn values(array: &Array) -> Vec<Value> {
    let bytes = array.view().to_bytes(Order::C).unwrap();
    elements(array.dtype(), &bytes)
}

fn elements(dtype: &Dtype, bytes: &[u8]) -> Vec<Value> {
    let each = bytes.chunks_exact(dtype.itemsize());
    each.map(|bytes| element(dtype, bytes)).collect()
}

fn element(dtype: &Dtype, bytes: &[u8]) -> Value {
    let little = match dtype.byteorder() {
        ByteOrder::Big => bytes.iter().rev().copied().collect(),
        _ => bytes.to_vec(),
    };
    match dtype.kind() {
        Kind::Bool => json!(bytes[0] != 0),
        Kind::Int | Kind::Uint => {
            let fill = match dtype.kind() {
                Kind::Int if little[little.len() - 1] > 127 => 0xff,
                _ => 0,
            };
            let mut wide = [fill; 16];
            wide[..little.len()].copy_from_slice(&little);
            let n = i128::from_le_bytes(wide);
            if n.abs() > EXACT {
                return json!({"int": n.to_string()});
            }
            json!(n as i64)
        }
        Kind::Float => json!({"float": hex_float(float(&little))}),
        Kind::Complex => {
            let (one, other) = little.split_at(little.len() / 2);
            let (re, im) = match dtype.byteorder() {
                ByteOrder::Big => (other, one),
                _ => (one, other),
            };
            json!({"complex": [hex_float(float(re)), hex_float(float(im))]})
        }
        Kind::Bytes => {
            let end = bytes.iter().rposition(|byte| *byte != 0);
            let text = &bytes[..end.map_or(0, |last| last + 1)];
            json!({"bytes": text.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
        Kind::Unicode => {
            let code = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
            let chars = bytes.chunks(4).map(|bytes| char::from_u32(code(bytes)));
            let text: String = chars.map(Option::unwrap).collect();
            json!(text.trim_end_matches('\0'))
        }
        Kind::Struct(fields) => {
            let mut pairs = Vec::new();
            for field in fields.fields() {
                let bytes = &bytes[field.offset..field.offset + field.dtype.itemsize()];
                pairs.push(json!([field.name, element(&field.dtype, bytes)]));
            }
            json!({"record": pairs})
        }
        Kind::Subarray(sub) => {
            json!({"subarray": {"shape": sub.shape(), "values": elements(sub.base(), bytes)}})
        }
        other => panic!("no values of {other:?} are in the corpus"),
    }
}

fn float(little: &[u8]) -> f64 {
    match little.len() {
        2 => f16::from_le_bytes(little.try_into().unwrap()).to_f64(),
        4 => f32::from_le_bytes(little.try_into().unwrap()).into(),
        _ => f64::from_le_bytes(little.try_into().unwrap()),
    }
}

/// As Python's `float.hex`.
fn hex_float(value: f64) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let bits = value.to_bits();
    let (exponent, mantissa) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    match (exponent, mantissa) {
        (0x7ff, 0) => format!("{sign}inf"),
        (0x7ff, _) => "nan".to_owned(),
        (0, 0) => format!("{sign}0x0.0p+0"),
        (0, _) => format!("{sign}0x0.{mantissa:013x}p-1022"),
        _ => format!("{sign}0x1.{mantissa:013x}p{:+}", exponent - 1023),
    }
}
