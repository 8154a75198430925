//! Python's `repr` of small values, for keys and messages.

use std::fmt::Write;

use crate::value::{Id, Tree, Value};

/// How deep tuples are followed, and after how many bytes the rest is left out.
const DEPTH: usize = 8;
const NBYTES: usize = 200;

impl Tree {
    /// What Python would print for a value, shortened where it is long, nested deeply, or an object.
    pub fn repr(&self, id: Id) -> String {
        let mut out = String::new();
        self.write_repr(id, DEPTH, &mut out);
        out
    }

    fn write_repr(&self, id: Id, depth: usize, out: &mut String) {
        if depth == 0 || out.len() > NBYTES {
            out.push('…');
            return;
        }
        match self.get(id) {
            Value::None => out.push_str("None"),
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Int(value) => drop(write!(out, "{value}")),
            // Printing takes quadratic time.
            Value::BigInt(value) if value.bits() < 4096 => drop(write!(out, "{value}")),
            Value::Float(value) => out.push_str(&float_repr(value)),
            Value::Str(blob) => {
                let text = self.short(&blob);
                quote(&String::from_utf8_lossy(&text), out);
            }
            Value::Bytes(blob) | Value::ByteArray(blob) | Value::Py2Str(blob) => {
                let is_py2 = matches!(self.get(id), Value::Py2Str(_));
                out.push_str(if is_py2 { "'" } else { "b'" });
                for byte in self.short(&blob) {
                    match byte {
                        b'\'' | b'\\' => drop(write!(out, "\\{}", char::from(byte))),
                        b' '..=b'~' => out.push(char::from(byte)),
                        b'\n' => out.push_str("\\n"),
                        b'\r' => out.push_str("\\r"),
                        b'\t' => out.push_str("\\t"),
                        _ => drop(write!(out, "\\x{byte:02x}")),
                    }
                }
                out.push('\'');
            }
            Value::Tuple(items) => {
                out.push('(');
                self.write_items(items, depth, out);
                out.push_str(if items.len() == 1 { ",)" } else { ")" });
            }
            Value::FrozenSet(items) => {
                out.push_str("frozenset({");
                self.write_items(items, depth, out);
                out.push_str("})");
            }
            Value::List(items) => {
                out.push('[');
                self.write_items(items, depth, out);
                out.push(']');
            }
            Value::Global(global) => drop(write!(out, "{}.{}", global.module, global.name)),
            Value::Call(call) => {
                match self.global(call.function) {
                    Some((module, name)) => drop(write!(out, "{module}.{name}")),
                    None => out.push_str("object"),
                }
                match self.sequence(call.args) {
                    Some(args) => {
                        out.push('(');
                        self.write_items(args, depth, out);
                        out.push(')');
                    }
                    None => out.push_str("(…)"),
                }
            }
            other => drop(write!(out, "<{}>", other.type_name())),
        }
    }

    fn write_items(&self, items: &[Id], depth: usize, out: &mut String) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if out.len() > NBYTES {
                out.push('…');
                return;
            }
            self.write_repr(*item, depth - 1, out);
        }
    }

    fn short(&self, blob: &crate::Blob) -> Vec<u8> {
        let nbytes = blob.nbytes().min(NBYTES as u64);
        self.part(blob, 0..nbytes)
            .map(|bytes| bytes.into_owned())
            .unwrap_or_default()
    }
}

fn quote(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => drop(write!(out, "\\{c}")),
            c if c.is_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// As Python prints it: shortest digits that come back the same, exponents from 1e16 on and below 1e-4.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (value, expected) in [
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1e300, "1e+300"),
            (3.0, "3.0"),
        ] {
            assert_eq!(float_repr(value), expected);
        }
    }

    #[test]
    fn reprs_are_short_whatever_is_in_them() {
        // 40 tuples, each holding the one before twice.
        let mut pickle = b"\x80\x02)".to_vec();
        for _ in 0..40 {
            pickle.extend_from_slice(b"2\x86");
        }
        pickle.push(b'.');
        let mut machine = crate::Machine::new(pickle);
        let root = machine.load().unwrap();
        assert!(machine.tree().repr(root).len() < 1000);
    }
}
