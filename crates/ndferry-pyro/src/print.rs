//! Values as text, in Python's spelling; of arrays only what they are.

use std::fmt::{self, Write};

use crate::{Object, Value};

/// Prints as Python's `repr`, nearly: bytes are shown up to the first 40, arrays by their kind, objects by their class and what
/// they were made with, if that is all.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Self::Int(value) => write!(f, "{value}"),
            Self::BigInt(value) => write!(f, "{value}"),
            Self::Float(value) => float(*value, f),
            Self::Complex(re, im) => write!(f, "({re:?}{im:+?}j)"),
            Self::Str(text) => quoted(text, f),
            Self::Bytes(bytes) => raw("b", bytes, f),
            Self::Py2Str(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => quoted(text, f),
                Err(_) => raw("", bytes, f),
            },
            Self::List(items) => row("[", items, "]", f),
            Self::Tuple(items) if items.len() == 1 => row("(", items, ",)", f),
            Self::Tuple(items) => row("(", items, ")", f),
            Self::Set(items) if items.is_empty() => f.write_str("set()"),
            Self::Set(items) => row("{", items, "}", f),
            Self::Dict(pairs) => {
                f.write_str("{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{key}: {value}")?;
                }
                f.write_str("}")
            }
            Self::Array(array) | Self::Scalar(array) => {
                write!(f, "<array {} {:?}>", array.dtype().str(), array.shape())
            }
            Self::Exception(exception) => write!(f, "<{exception}>"),
            Self::Uri(uri) => write!(f, "{uri}"),
            Self::Global(module, name) => write!(f, "<{module}.{name}>"),
            Self::Object(object) => match &object.function {
                Self::Global(module, name) if object.is_plain() => {
                    write!(f, "{module}.{name}")?;
                    row("(", object.args.as_items().unwrap_or_default(), ")", f)
                }
                Self::Global(module, name) => write!(f, "<object of {module}.{name}>"),
                _ => f.write_str("<object>"),
            },
        }
    }
}

impl Object {
    /// Whether its arguments are all there is to it, as with an `Enum` or a `namedtuple`.
    fn is_plain(&self) -> bool {
        let has_args = matches!(self.args, Value::Tuple(_)) && self.kwargs.is_none();
        has_args && self.state.is_none() && self.items.is_empty() && self.pairs.is_empty()
    }
}

fn float(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        value if value.is_nan() => f.write_str("nan"),
        value => write!(f, "{value:?}"),
    }
}

fn row(start: &str, items: &[Value], end: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(start)?;
    for (i, item) in items.iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(end)
}

/// Control characters are escaped, so that a peer cannot speak to a terminal.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("'")?;
    for c in text.chars() {
        match c {
            '\'' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c if c.is_control() => write!(f, "\\x{:02x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("'")
}

fn raw(prefix: &str, bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{prefix}'")?;
    for byte in &bytes[..bytes.len().min(40)] {
        match byte {
            b'\'' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
            b' '..=b'~' => f.write_char((*byte).into())?,
            byte => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_str("'")?;
    match bytes.len() {
        0..=40 => Ok(()),
        n => write!(f, "... ({n} bytes)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_python_prints_them() {
        let value = Value::dict([
            ("a", Value::Tuple(vec![1.into()])),
            ("b", Value::List(vec![Value::None, true.into(), 1.5.into()])),
            ("c", "it's\n\x1b".into()),
            ("d", Value::Complex(1.0, -2.0)),
        ]);
        let text = r"{'a': (1,), 'b': [None, True, 1.5], 'c': 'it\'s\n\x1b', 'd': (1.0-2.0j)}";
        assert_eq!(value.to_string(), text);
        let mut roi = Object {
            function: Value::Global("microscope".into(), "ROI".into()),
            args: Value::Tuple(vec![0.into(), 512.into()]),
            kwargs: None,
            is_new: true,
            state: None,
            items: Vec::new(),
            pairs: Vec::new(),
        };
        let printed = |roi: &Object| Value::Object(Box::new(roi.clone())).to_string();
        assert_eq!(printed(&roi), "microscope.ROI(0, 512)");
        roi.state = Some(Value::None);
        assert_eq!(printed(&roi), "<object of microscope.ROI>");
        let bytes = Value::Bytes(vec![0; 50].into()).to_string();
        assert!(bytes.ends_with("... (50 bytes)") && bytes.starts_with(r"b'\x00"));
    }
}
