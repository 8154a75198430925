//! [`Text`]: what JSON and serpent have in common, read from left to right.

use num_bigint::BigInt;

use ndferry_array::Array;

use super::classes;
use crate::limits::Budget;
use crate::value::{numbers, plain};
use crate::{BodyWriter, Error, ErrorKind, Limits, Result, Value};

/// What an array may become as text: as much as a Pyro5 that is not told otherwise takes in a message.
const LISTS_NBYTES: u64 = 1 << 30;

/// An array as nested lists, each number as `write` has it. Text alone is made, since a list of values takes forty times the
/// memory of an array of bytes.
pub(super) fn lists(
    array: &Array,
    comma: &[u8],
    out: &mut BodyWriter,
    mut write: impl FnMut(&Value, &mut BodyWriter) -> Result<()>,
) -> Result<()> {
    let plain = plain(array)?;
    let mut elements = numbers(&plain)?;
    let most = out.nbytes() + LISTS_NBYTES;
    let mut element = |out: &mut BodyWriter| {
        let value = elements.next().unwrap_or_default();
        write(&value, out)
    };
    list(array.shape(), comma, most, out, &mut element)
}

fn list(
    shape: &[usize],
    comma: &[u8],
    most: u64,
    out: &mut BodyWriter,
    element: &mut dyn FnMut(&mut BodyWriter) -> Result<()>,
) -> Result<()> {
    let [n, rest @ ..] = shape else {
        return element(out);
    };
    out.push(b"[");
    for i in 0..*n {
        out.push(if i > 0 { comma } else { b"" });
        list(rest, comma, most, out, element)?;
        if out.nbytes() > most {
            let what = "bytes of an array as text";
            let (found, limit) = (out.nbytes(), LISTS_NBYTES);
            return Err(ErrorKind::Limit { what, found, limit }.at(0));
        }
    }
    out.push(b"]");
    Ok(())
}

pub(super) struct Text<'a> {
    text: &'a [u8],
    pub(super) at: usize,
    pub(super) budget: Budget,
}

impl<'a> Text<'a> {
    /// # Errors
    /// What is not UTF-8.
    pub(super) fn new(text: &'a [u8], limits: &Limits) -> Result<Self> {
        if let Err(error) = std::str::from_utf8(text) {
            let expected = "text in UTF-8";
            return Err(ErrorKind::Syntax { expected }.at(error.valid_up_to() as u64));
        }
        Ok(Self {
            text,
            at: 0,
            budget: Budget::new(limits, text.len()),
        })
    }

    pub(super) fn offset(&self) -> u64 {
        self.at as u64
    }

    pub(super) fn due(&self, expected: &'static str) -> Error {
        ErrorKind::Syntax { expected }.at(self.offset())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this text if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.text[self.at..].starts_with(text.as_bytes());
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes everything up to one of these, or to the end. They are ASCII, so what is between is UTF-8 as well.
    pub(super) fn up_to(&mut self, stops: &[u8]) -> &'a str {
        let rest = &self.text[self.at..];
        let n = rest.iter().position(|byte| stops.contains(byte));
        let part = &rest[..n.unwrap_or(rest.len())];
        self.at += part.len();
        // All of it was found to be UTF-8.
        std::str::from_utf8(part).unwrap_or_default()
    }

    /// So many hexadecimal digits.
    pub(super) fn hex(&mut self, digits: usize) -> Result<u32> {
        let text = self.text.get(self.at..self.at + digits);
        let text = text.filter(|text| text.iter().all(u8::is_ascii_hexdigit));
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        let value = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        let value = value.ok_or_else(|| self.due("hexadecimal digits"))?;
        self.at += digits;
        Ok(value)
    }

    /// Nothing more but space.
    pub(super) fn end(mut self) -> Result<()> {
        self.skip_space();
        match self.at == self.text.len() {
            true => Ok(()),
            false => Err(ErrorKind::LeftOver.at(self.offset())),
        }
    }

    /// A number without a sign before it: an `int`, or a `float` if there is a point or an exponent.
    pub(super) fn number(&mut self, is_negative: bool) -> Result<Value> {
        let start = self.at;
        let mut is_float = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'0'..=b'9' => {}
                b'.' | b'e' | b'E' => is_float = true,
                b'+' | b'-' if matches!(self.text[self.at - 1], b'e' | b'E') => {}
                _ => break,
            }
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        let wrong = || {
            let expected = "a number";
            ErrorKind::Syntax { expected }.at(start as u64)
        };
        let starts_right = digits.starts_with(|c: char| c.is_ascii_digit());
        if is_float {
            let value: Option<f64> = digits.parse().ok().filter(|_| starts_right);
            let value = value.ok_or_else(wrong)?;
            return Ok(Value::Float(if is_negative { -value } else { value }));
        }
        let (found, limit) = (digits.len() as u64, self.budget.digits() as u64);
        if found > limit {
            let what = "digits";
            return Err(ErrorKind::Limit { what, found, limit }.at(start as u64));
        }
        let value = BigInt::parse_bytes(digits.as_bytes(), 10);
        let value = value.filter(|_| starts_right).ok_or_else(wrong)?;
        Ok(classes::int(if is_negative { -value } else { value }))
    }

    /// Items with commas between them, after the bracket that begins them, up to the one that ends them; and whether the
    /// last thing was a comma.
    pub(super) fn items<T>(
        &mut self,
        end: &str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<(Vec<T>, bool)> {
        self.budget.enter(self.offset())?;
        let (mut items, mut has_comma) = (Vec::new(), true);
        loop {
            self.skip_space();
            if self.take(end) {
                break;
            }
            if !has_comma {
                return Err(self.due("a comma"));
            }
            items.push(item(self)?);
            self.skip_space();
            has_comma = self.take(",");
        }
        self.budget.leave();
        let ends_in_comma = has_comma && !items.is_empty();
        Ok((items, ends_in_comma))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_a_limit_also_without_elements() {
        for shape in [[1 << 40, 0], [2, 1 << 40]] {
            let mut out = BodyWriter::new();
            let mut element = |out: &mut BodyWriter| {
                out.push(b"0");
                Ok(())
            };
            let error = list(&shape, b",", 1000, &mut out, &mut element).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{error}");
            assert!(out.nbytes() < 1010);
        }
    }
}
