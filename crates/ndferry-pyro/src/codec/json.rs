//! JSON, as Python's `json` writes and reads it: `NaN` and `Infinity` are numbers, an `int` is as long as it is.

use std::fmt::Write;

use super::text::{Text, lists};
use super::{Encoding, classes};
use crate::{BodyWriter, ErrorKind, Limits, Result, Value};

pub(super) fn write(encoding: &Encoding, value: &Value, out: &mut BodyWriter) -> Result<()> {
    match value {
        Value::None => out.push(b"null"),
        Value::Bool(value) => out.push(if *value { b"true" } else { b"false" }),
        Value::Int(value) => out.push(value.to_string().as_bytes()),
        Value::BigInt(value) => out.push(value.to_string().as_bytes()),
        Value::Float(value) => out.push(float(*value).as_bytes()),
        Value::Str(text) => string(text, out),
        // As Pyro does; there is nothing else.
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            out.push(b"[");
            for (i, item) in items.iter().enumerate() {
                out.push(if i > 0 { b", " } else { b"" });
                write(encoding, item, out)?;
            }
            out.push(b"]");
        }
        Value::Dict(pairs) => {
            out.push(b"{");
            for (i, (key, value)) in pairs.iter().enumerate() {
                out.push(if i > 0 { b", " } else { b"" });
                // `json.dumps` makes texts of numbers here, which then come back as texts.
                let key = key.as_str().ok_or_else(|| {
                    let what = format!("a dict with a key that is {}", key.type_name());
                    let serializer = encoding.serializer;
                    ErrorKind::Unsayable { what, serializer }.at(0)
                })?;
                string(key, out);
                out.push(b": ");
                write(encoding, value, out)?;
            }
            out.push(b"}");
        }
        Value::Array(array) => lists(array, b", ", out, |number, out| {
            write(encoding, number, out)
        })?,
        Value::Bytes(_) | Value::Complex(..) => return Err(encoding.unsayable(value)),
        other => write(encoding, &encoding.other_words(other)?, out)?,
    }
    Ok(())
}

fn float(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:?}"),
    }
}

fn string(text: &str, out: &mut BodyWriter) {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\0'..' ' => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    out.push(quoted.as_bytes());
}

pub(super) fn read(data: &[u8], limits: &Limits) -> Result<Value> {
    let mut text = Text::new(data, limits)?;
    let value = any(&mut text)?;
    text.end()?;
    Ok(value)
}

fn any(text: &mut Text<'_>) -> Result<Value> {
    text.skip_space();
    text.budget.value(text.offset())?;
    let Some(first) = text.peek() else {
        return Err(text.due("a value"));
    };
    Ok(match first {
        b'"' => {
            text.at += 1;
            Value::Str(quoted(text)?)
        }
        b'[' => {
            text.at += 1;
            match text.items("]", any)? {
                (items, false) => Value::List(items),
                (_, true) => return Err(text.due("a value after a comma")),
            }
        }
        b'{' => {
            text.at += 1;
            match text.items("}", pair)? {
                (pairs, false) => classes::of_dict(pairs),
                (_, true) => return Err(text.due("a key after a comma")),
            }
        }
        b'0'..=b'9' => text.number(false)?,
        b'-' => {
            text.at += 1;
            match text.take("Infinity") {
                true => Value::Float(f64::NEG_INFINITY),
                false => text.number(true)?,
            }
        }
        _ if text.take("null") => Value::None,
        _ if text.take("true") => Value::Bool(true),
        _ if text.take("false") => Value::Bool(false),
        _ if text.take("NaN") => Value::Float(f64::NAN),
        _ if text.take("Infinity") => Value::Float(f64::INFINITY),
        _ => return Err(text.due("a value of JSON")),
    })
}

fn pair(text: &mut Text<'_>) -> Result<(Value, Value)> {
    if !text.take("\"") {
        return Err(text.due("a key in quotes"));
    }
    let key = quoted(text)?;
    text.skip_space();
    if !text.take(":") {
        return Err(text.due("a colon"));
    }
    Ok((Value::Str(key), any(text)?))
}

/// After the first quote.
fn quoted(text: &mut Text<'_>) -> Result<String> {
    let mut out = String::new();
    loop {
        out.push_str(text.up_to(b"\"\\"));
        if text.take("\"") {
            return Ok(out);
        }
        if !text.take("\\") {
            return Err(text.due("the end of a text"));
        }
        let escape = text.peek();
        text.at += usize::from(escape.is_some());
        out.push(match escape {
            Some(c @ (b'"' | b'\\' | b'/')) => c.into(),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = text.hex(4)?;
                // Two halves make one character.
                if (0xd800..0xdc00).contains(&code) && text.take("\\u") {
                    let low = text.hex(4)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(text.due("the second half of a character"));
                    }
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                char::from_u32(code).ok_or_else(|| text.due("a whole character"))?
            }
            _ => return Err(text.due("an escape of JSON")),
        });
    }
}
