//! serpent: Python's literals, after a line that says so (`serpent.py`).

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::text::{Text, lists};
use super::{Encoding, classes};
use crate::{ArraysAs, BodyWriter, ErrorKind, Limits, Result, Value};

/// What each begins with.
const FIRST_LINE: &str = "# serpent utf-8 python3.2\n";

/// Bytes that become one piece of base64.
const STEP: usize = 3 << 18;

pub(super) fn write(encoding: &Encoding, value: &Value, out: &mut BodyWriter) -> Result<()> {
    out.push(FIRST_LINE.as_bytes());
    literal(encoding, value, out)
}

fn literal(encoding: &Encoding, value: &Value, out: &mut BodyWriter) -> Result<()> {
    match value {
        Value::None => out.push(b"None"),
        Value::Bool(value) => out.push(if *value { b"True" } else { b"False" }),
        Value::Int(value) => out.push(value.to_string().as_bytes()),
        Value::BigInt(value) => out.push(value.to_string().as_bytes()),
        Value::Float(value) => out.push(float(*value).as_bytes()),
        Value::Complex(re, im) if re.is_nan() || im.is_nan() => {
            let (re, im) = (float(*re), float(*im));
            let text = format!("{{'__class__':'complex','real':{re},'imag':{im}}}");
            out.push(text.as_bytes());
        }
        Value::Complex(re, im) => {
            let plus = if im.is_sign_positive() { "+" } else { "" };
            out.push(format!("({}{plus}{}j)", float(*re), float(*im)).as_bytes());
        }
        Value::Str(text) => string(text, out),
        Value::Bytes(bytes) => {
            out.push(b"{'data':'");
            for piece in bytes.chunks(STEP) {
                out.push(BASE64_STANDARD.encode(piece).as_bytes());
            }
            out.push(b"','encoding':'base64'}");
        }
        // There is no literal of an empty set.
        Value::Set(items) if items.is_empty() => out.push(b"()"),
        Value::List(items) => row(encoding, items, "[", "]", out)?,
        Value::Set(items) => row(encoding, items, "{", "}", out)?,
        Value::Tuple(items) => {
            let end = if items.len() == 1 { ",)" } else { ")" };
            row(encoding, items, "(", end, out)?;
        }
        Value::Dict(pairs) => {
            out.push(b"{");
            for (i, (key, value)) in pairs.iter().enumerate() {
                out.push(if i > 0 { b"," } else { b"" });
                literal(encoding, key, out)?;
                out.push(b":");
                literal(encoding, value, out)?;
            }
            out.push(b"}");
        }
        Value::Array(array) if encoding.arrays == ArraysAs::Lists => {
            lists(array, b",", out, |number, out| {
                literal(encoding, number, out)
            })?;
        }
        other => literal(encoding, &encoding.other_words(other)?, out)?,
    }
    Ok(())
}

fn row(
    encoding: &Encoding,
    items: &[Value],
    start: &str,
    end: &str,
    out: &mut BodyWriter,
) -> Result<()> {
    out.push(start.as_bytes());
    for (i, item) in items.iter().enumerate() {
        out.push(if i > 0 { b"," } else { b"" });
        literal(encoding, item, out)?;
    }
    out.push(end.as_bytes());
    Ok(())
}

/// Infinity is a literal that is too large; there is none of what is no number.
fn float(value: f64) -> String {
    match value {
        value if value.is_nan() => "{'__class__':'float','value':'nan'}".to_owned(),
        f64::INFINITY => "1e30000".to_owned(),
        f64::NEG_INFINITY => "-1e30000".to_owned(),
        value => format!("{value:?}"),
    }
}

fn string(text: &str, out: &mut BodyWriter) {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            '\0'..' ' | '\x7f' => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            // Python 2 reads it as one character only where it has wide ones, as all that are around do.
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    out.push(quoted.as_bytes());
}

pub(super) fn read(data: &[u8], limits: &Limits) -> Result<Value> {
    let mut text = Text::new(data, limits)?;
    while text.peek() == Some(b'#') {
        text.up_to(b"\n");
        text.skip_space();
    }
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
        b'\'' | b'"' => Value::Str(quoted(text)?),
        b'u' | b'U' => {
            text.at += 1;
            Value::Str(quoted(text)?)
        }
        b'b' | b'B' => {
            text.at += 1;
            Value::Bytes(bytes(text)?)
        }
        b'[' => {
            text.at += 1;
            Value::List(text.items("]", any)?.0)
        }
        b'(' => {
            text.at += 1;
            let (mut items, ends_in_comma) = text.items(")", any)?;
            match items.pop() {
                // In brackets, but no tuple.
                Some(item) if items.is_empty() && !ends_in_comma => item,
                Some(item) => {
                    items.push(item);
                    Value::Tuple(items)
                }
                None => Value::Tuple(items),
            }
        }
        b'{' => {
            text.at += 1;
            braces(text)?
        }
        b'0'..=b'9' | b'+' | b'-' => number(text)?,
        _ if text.take("None") => Value::None,
        _ if text.take("True") => Value::Bool(true),
        _ if text.take("False") => Value::Bool(false),
        _ => return Err(text.due("a literal of Python")),
    })
}

/// A number, or a complex one, which is two with a `j` at the end.
fn number(text: &mut Text<'_>) -> Result<Value> {
    let real = |text: &mut Text<'_>| {
        let is_negative = text.take("-");
        let _ = is_negative || text.take("+");
        text.number(is_negative)
    };
    let as_float = |value: Value| match value {
        Value::Float(value) => Some(value),
        Value::Int(value) => Some(value as f64),
        _ => None,
    };
    let first = real(text)?;
    if text.take("j") {
        let im = as_float(first).ok_or_else(|| text.due("a shorter number"))?;
        return Ok(Value::Complex(0.0, im));
    }
    if !matches!(text.peek(), Some(b'+' | b'-')) {
        return Ok(first);
    }
    let second = real(text)?;
    if !text.take("j") {
        return Err(text.due("a j"));
    }
    match (as_float(first), as_float(second)) {
        (Some(re), Some(im)) => Ok(Value::Complex(re, im)),
        _ => Err(text.due("shorter numbers")),
    }
}

/// A dict, or a set.
fn braces(text: &mut Text<'_>) -> Result<Value> {
    let start = text.offset();
    let (items, _) = text.items("}", |text| {
        let key = any(text)?;
        text.skip_space();
        let value = match text.take(":") {
            true => Some(any(text)?),
            false => None,
        };
        Ok((key, value))
    })?;
    let n = items.iter().filter(|(_, value)| value.is_some()).count();
    if n == 0 && !items.is_empty() {
        return Ok(Value::Set(items.into_iter().map(|(key, _)| key).collect()));
    }
    if n < items.len() {
        let expected = "a set or a dict, not both,";
        return Err(ErrorKind::Syntax { expected }.at(start));
    }
    let pairs = items
        .into_iter()
        .map(|(key, value)| (key, value.unwrap_or_default()));
    let pairs: Vec<_> = pairs.collect();
    Ok(match of_base64(&pairs) {
        Some(bytes) => Value::Bytes(bytes),
        None => classes::of_dict(pairs),
    })
}

/// What `serpent.tobytes` makes bytes of.
fn of_base64(pairs: &[(Value, Value)]) -> Option<Bytes> {
    let [(first, data), (second, encoding)] = pairs else {
        return None;
    };
    let is_bytes = first.as_str() == Some("data")
        && second.as_str() == Some("encoding")
        && encoding.as_str() == Some("base64");
    let data = data.as_str().filter(|_| is_bytes)?;
    BASE64_STANDARD.decode(data).ok().map(Bytes::from)
}

/// One more character, or byte, of a literal.
enum Piece<'a> {
    Text(&'a str),
    /// Of `\x` and octal escapes, which are bytes in bytes.
    Small(u8),
    Char(char),
    Nothing,
}

fn quoted(text: &mut Text<'_>) -> Result<String> {
    let mut out = String::new();
    pieces(text, true, |piece| match piece {
        Piece::Text(part) => out.push_str(part),
        Piece::Small(byte) => out.push(byte.into()),
        Piece::Char(c) => out.push(c),
        Piece::Nothing => {}
    })?;
    Ok(out)
}

fn bytes(text: &mut Text<'_>) -> Result<Bytes> {
    let mut out = Vec::new();
    pieces(text, false, |piece| match piece {
        Piece::Text(part) => out.extend_from_slice(part.as_bytes()),
        Piece::Small(byte) => out.push(byte),
        // Only where escapes are asked for.
        Piece::Char(_) | Piece::Nothing => {}
    })?;
    Ok(out.into())
}

/// From the first quote to the last, with Python's escapes.
fn pieces(text: &mut Text<'_>, is_str: bool, mut take: impl FnMut(Piece<'_>)) -> Result<()> {
    let (quote, stops): (&str, &[u8]) = match text.peek() {
        Some(b'\'') => ("'", b"'\\\n"),
        Some(b'"') => ("\"", b"\"\\\n"),
        _ => return Err(text.due("a quote")),
    };
    text.at += 1;
    loop {
        let part = text.up_to(stops);
        if !is_str && !part.is_ascii() {
            return Err(text.due("ASCII in bytes"));
        }
        take(Piece::Text(part));
        if text.take(quote) {
            return Ok(());
        }
        if !text.take("\\") {
            return Err(text.due("the end of a text"));
        }
        let piece = escape(text, is_str)?;
        take(piece);
    }
}

fn escape<'a>(text: &mut Text<'a>, is_str: bool) -> Result<Piece<'a>> {
    let Some(c) = text.peek() else {
        return Err(text.due("an escape"));
    };
    text.at += 1;
    let small = |byte| Ok(Piece::Small(byte));
    match c {
        b'\n' => Ok(Piece::Nothing),
        b'\\' | b'\'' | b'"' => small(c),
        b'a' => small(7),
        b'b' => small(8),
        b'f' => small(12),
        b'n' => small(b'\n'),
        b'r' => small(b'\r'),
        b't' => small(b'\t'),
        b'v' => small(11),
        b'x' => Ok(Piece::Small(text.hex(2)? as u8)),
        b'0'..=b'7' => {
            let mut code = u32::from(c - b'0');
            for _ in 0..2 {
                if let Some(digit @ b'0'..=b'7') = text.peek() {
                    code = code * 8 + u32::from(digit - b'0');
                    text.at += 1;
                }
            }
            match u8::try_from(code) {
                Ok(byte) => small(byte),
                Err(_) if is_str => Ok(Piece::Char(char::from_u32(code).unwrap_or_default())),
                Err(_) => Err(text.due("a byte")),
            }
        }
        b'u' | b'U' if is_str => {
            let code = text.hex(if c == b'u' { 4 } else { 8 })?;
            let c = char::from_u32(code).ok_or_else(|| text.due("a whole character"))?;
            Ok(Piece::Char(c))
        }
        _ => Err(text.due("an escape of Python")),
    }
}
