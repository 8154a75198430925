//! `marshal`, as every Python since 2.5 writes values with it (`Python/marshal.c`); compiled code is refused.
//!
//! What goes out uses only what all of them read, but for small tuples.

use bytes::{Buf, Bytes};
use num_bigint::{BigInt, Sign};

use super::{Encoding, classes};
use crate::limits::Budget;
use crate::{BodyWriter, Error, ErrorKind, Limits, Result, Value};

/// Bits of a digit of an `int`.
const DIGIT_BITS: usize = 15;

pub(super) fn write(encoding: &Encoding, value: &Value, out: &mut BodyWriter) -> Result<()> {
    let length = |n: usize| match i32::try_from(n) {
        Ok(n) => Ok(n.to_le_bytes()),
        Err(_) => Err(encoding.unsayable(value)),
    };
    let mut open = |opcode: u8, n: usize| {
        out.push(&[opcode]);
        length(n).map(|n| out.push(&n))
    };
    match value {
        Value::None => out.push(b"N"),
        Value::Bool(value) => out.push(if *value { b"T" } else { b"F" }),
        Value::Int(value) => match i32::try_from(*value) {
            Ok(value) => {
                out.push(b"i");
                out.push(&value.to_le_bytes());
            }
            // Python 2 has two kinds of `int`, and Pyro4 there knows only this one.
            Err(_) if encoding.python2 => {
                out.push(b"I");
                out.push(&value.to_le_bytes());
            }
            Err(_) => long(&BigInt::from(*value), out),
        },
        Value::BigInt(value) => long(value, out),
        Value::Float(value) => {
            out.push(b"g");
            out.push(&value.to_le_bytes());
        }
        Value::Complex(re, im) => {
            out.push(b"y");
            out.push(&re.to_le_bytes());
            out.push(&im.to_le_bytes());
        }
        Value::Str(text) => {
            open(b'u', text.len())?;
            out.push(text.as_bytes());
        }
        Value::Bytes(bytes) | Value::Py2Str(bytes) => {
            open(b's', bytes.len())?;
            out.share(bytes.clone());
        }
        Value::Array(array) => match encoding.as_npy(array)? {
            Some((start, elements)) => {
                open(b's', start.len() + elements.len())?;
                out.push(&start);
                out.share(elements);
            }
            None => write(encoding, &encoding.spelled(array)?, out)?,
        },
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            match (value, u8::try_from(items.len())) {
                (Value::List(_), _) => open(b'[', items.len())?,
                // By these, Python 3 is told from Python 2, which has none.
                (Value::Tuple(_), Ok(n)) if !encoding.python2 => out.push(&[b')', n]),
                (Value::Tuple(_), _) => open(b'(', items.len())?,
                _ => open(b'<', items.len())?,
            }
            for item in items {
                write(encoding, item, out)?;
            }
        }
        Value::Dict(pairs) => {
            out.push(b"{");
            for (key, value) in pairs {
                write(encoding, key, out)?;
                write(encoding, value, out)?;
            }
            out.push(b"0");
        }
        other => write(encoding, &encoding.other_words(other)?, out)?,
    }
    Ok(())
}

/// Digits of 15 bits, the least first; their number is negative for negative ones.
fn long(value: &BigInt, out: &mut BodyWriter) {
    let (sign, magnitude) = value.to_bytes_le();
    let bits = magnitude.len() * 8;
    let mut digits = Vec::with_capacity(bits / DIGIT_BITS + 1);
    for start in (0..bits).step_by(DIGIT_BITS) {
        let digit = (start..(start + DIGIT_BITS).min(bits)).fold(0u16, |digit, bit| {
            digit | u16::from(magnitude[bit / 8] >> (bit % 8) & 1) << (bit - start)
        });
        digits.push(digit);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let n = digits.len() as i32;
    out.push(b"l");
    out.push(&if sign == Sign::Minus { -n } else { n }.to_le_bytes());
    for digit in digits {
        out.push(&digit.to_le_bytes());
    }
}

pub(super) fn read(data: &Bytes, is_python2: bool, limits: &Limits) -> Result<Value> {
    let mut reader = Reader {
        whole: data.clone(),
        left: data.clone(),
        budget: Budget::new(limits, data.len()),
        refs: Vec::new(),
        interned: Vec::new(),
        is_again: false,
        is_python2,
    };
    let value = match reader.object()? {
        Some(value) => value,
        None => return Err(reader.syntax("a value", 0)),
    };
    match reader.left.is_empty() {
        true => Ok(value),
        false => Err(reader.error(ErrorKind::LeftOver)),
    }
}

/// Whether Python 2 wrote this call or hand-shake, whose `str` has the letter that `bytes` have in Python 3. Only Python 3 has
/// small tuples and short texts, which it always uses (since 3.4).
pub(super) fn is_python2(data: &[u8]) -> bool {
    matches!(data, [b'(', 4, 0, 0, 0, ..] | [b'{', b's' | b't', ..])
}

struct Reader {
    whole: Bytes,
    left: Bytes,
    budget: Budget,
    /// What may be referred to: where it begins, and whether it has ended. It is read again there, which costs as much as
    /// if it were there twice.
    refs: Vec<(usize, bool)>,
    /// Texts of Python 2 that are referred to by number.
    interned: Vec<Value>,
    /// Whether this was read before, so that all has its number.
    is_again: bool,
    is_python2: bool,
}

impl Reader {
    fn offset(&self) -> u64 {
        (self.whole.len() - self.left.len()) as u64
    }

    fn error(&self, kind: ErrorKind) -> Error {
        kind.at(self.offset())
    }

    fn syntax(&self, expected: &'static str, offset: u64) -> Error {
        ErrorKind::Syntax { expected }.at(offset)
    }

    fn take(&mut self, n: usize) -> Result<Bytes> {
        if n > self.left.len() {
            let (needed, found) = (n as u64, self.left.len() as u64);
            return Err(self.error(ErrorKind::Truncated { needed, found }));
        }
        Ok(self.left.split_to(n))
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn int(&mut self) -> Result<i32> {
        Ok(self.take(4)?.get_i32_le())
    }

    fn float(&mut self) -> Result<f64> {
        Ok(self.take(8)?.get_f64_le())
    }

    fn length(&mut self) -> Result<usize> {
        let offset = self.offset();
        let n = self.int()?;
        usize::try_from(n).map_err(|_| self.syntax("a length that is not negative", offset))
    }

    fn value(&mut self) -> Result<Value> {
        let offset = self.offset();
        match self.object()? {
            Some(value) => Ok(value),
            None => Err(self.syntax("a value", offset)),
        }
    }

    /// A value, or `None` for the end of a dict.
    fn object(&mut self) -> Result<Option<Value>> {
        let offset = self.offset();
        let code = self.byte()?;
        let (opcode, is_referred) = (code & 0x7f, code & 0x80 != 0);
        if opcode == b'0' {
            return Ok(None);
        }
        self.budget.value(offset)?;
        // A container has its number before its contents.
        let number = self.refs.len();
        let is_numbered = is_referred && !self.is_again;
        if is_numbered {
            self.refs.push((offset as usize, false));
        }
        let value = self.body(opcode, offset)?;
        if is_numbered {
            self.refs[number].1 = true;
        }
        Ok(Some(value))
    }

    fn body(&mut self, opcode: u8, offset: u64) -> Result<Value> {
        Ok(match opcode {
            b'N' => Value::None,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'i' => Value::Int(self.int()?.into()),
            b'I' => Value::Int(self.take(8)?.get_i64_le()),
            b'l' => self.long(offset)?,
            b'g' => Value::Float(self.float()?),
            b'y' => Value::Complex(self.float()?, self.float()?),
            b'f' => Value::Float(self.float_text()?),
            b'x' => Value::Complex(self.float_text()?, self.float_text()?),
            b's' => {
                let n = self.length()?;
                let bytes = self.take(n)?;
                match self.is_python2 {
                    true => Value::Py2Str(bytes),
                    false => Value::Bytes(bytes),
                }
            }
            b't' if self.is_python2 => {
                let n = self.length()?;
                let text = Value::Py2Str(self.take(n)?);
                self.interned.push(text.clone());
                text
            }
            b'R' => {
                let n = self.length()?;
                let text = self.interned.get(n).cloned();
                text.ok_or_else(|| self.syntax("a text that was there before", offset))?
            }
            b'u' | b't' | b'a' | b'A' => {
                let n = self.length()?;
                self.text(n, opcode)?
            }
            b'z' | b'Z' => {
                let n = self.byte()?.into();
                self.text(n, opcode)?
            }
            b'(' => {
                let n = self.length()?;
                Value::Tuple(self.items(n, offset)?)
            }
            b')' => {
                let n = self.byte()?.into();
                Value::Tuple(self.items(n, offset)?)
            }
            b'[' => {
                let n = self.length()?;
                Value::List(self.items(n, offset)?)
            }
            b'<' | b'>' => {
                let n = self.length()?;
                Value::Set(self.items(n, offset)?)
            }
            b'{' => {
                self.budget.enter(offset)?;
                let mut pairs = Vec::new();
                while let Some(key) = self.object()? {
                    pairs.push((key, self.value()?));
                }
                self.budget.leave();
                classes::of_dict(pairs)
            }
            b'r' => {
                let n = self.length()?;
                match self.refs.get(n) {
                    Some((start, true)) => self.again(*start, offset)?,
                    Some((_, false)) => {
                        let what = "an object inside itself".to_owned();
                        return Err(ErrorKind::Unsupported { what }.at(offset));
                    }
                    None => return Err(self.syntax("an object that was there before", offset)),
                }
            }
            b'.' | b'S' | b'c' | b':' => {
                let what = match opcode {
                    b'.' => "Ellipsis",
                    b'S' => "StopIteration",
                    b':' => "slice",
                    _ => "compiled code",
                };
                let what = what.to_owned();
                return Err(ErrorKind::Unsupported { what }.at(offset));
            }
            _ => return Err(self.syntax("a type of marshal", offset)),
        })
    }

    fn items(&mut self, n: usize, offset: u64) -> Result<Vec<Value>> {
        self.budget.enter(offset)?;
        let mut items = Vec::new();
        for _ in 0..n {
            items.push(self.value()?);
        }
        self.budget.leave();
        Ok(items)
    }

    /// UTF-8, or Latin-1 for those that say that they are ASCII.
    fn text(&mut self, n: usize, opcode: u8) -> Result<Value> {
        let offset = self.offset();
        let bytes = self.take(n)?;
        self.budget.copy(n as u64, offset)?;
        let is_ascii = opcode != b'u' && opcode != b't';
        if is_ascii && !bytes.is_ascii() {
            return Err(self.syntax("ASCII text", offset));
        }
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(Value::Str(text)),
            Err(_) => Err(self.syntax("text in UTF-8", offset)),
        }
    }

    fn float_text(&mut self) -> Result<f64> {
        let offset = self.offset();
        let n = self.byte()?.into();
        let text = self.take(n)?;
        let text = std::str::from_utf8(&text).ok();
        let value = text.and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.syntax("a float as text", offset))
    }

    fn long(&mut self, offset: u64) -> Result<Value> {
        let n = self.int()?;
        let digits = self.take((n.unsigned_abs() as usize).saturating_mul(2))?;
        // It is made anew wherever it is referred to.
        self.budget.copy(digits.len() as u64, offset)?;
        let mut bytes = vec![0u8; digits.len() * DIGIT_BITS / 16 + 2];
        for (i, digit) in digits.chunks_exact(2).enumerate() {
            let digit = u32::from(u16::from_le_bytes([digit[0], digit[1]]));
            if digit >> DIGIT_BITS != 0 {
                return Err(self.syntax("digits of 15 bits", offset));
            }
            let (byte, bit) = (i * DIGIT_BITS / 8, i * DIGIT_BITS % 8);
            let spread = (digit << bit).to_le_bytes();
            for (at, part) in spread.iter().enumerate().take(3) {
                if let Some(byte) = bytes.get_mut(byte + at) {
                    *byte |= part;
                }
            }
        }
        let sign = if n < 0 { Sign::Minus } else { Sign::Plus };
        Ok(classes::int(BigInt::from_bytes_le(sign, &bytes)))
    }

    /// What was read before, from there.
    fn again(&mut self, start: usize, offset: u64) -> Result<Value> {
        self.budget.enter(offset)?;
        let left = std::mem::replace(&mut self.left, self.whole.slice(start..));
        let was_again = std::mem::replace(&mut self.is_again, true);
        let value = self.value();
        (self.left, self.is_again) = (left, was_again);
        self.budget.leave();
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_many_times_counts_each_time() {
        // [a], then [a, a], then ... each twice as much as the one before.
        let mut data = b"[\x1a\0\0\0\xdb\x01\0\0\0N".to_vec();
        for n in 0..25u8 {
            data.extend(b"\xdb\x02\0\0\0");
            data.extend([b'r', n, 0, 0, 0, b'r', n, 0, 0, 0]);
        }
        let error = read(&data.into(), false, &Limits::default()).unwrap_err();
        assert!(matches!(
            error.kind,
            ErrorKind::Limit { what: "values", .. }
        ));
    }

    #[test]
    fn a_long_int_costs_its_length_each_time() {
        let digits = 100_000u32;
        let mut data = [&b"[\xe9\x03\0\0\xec"[..], &digits.to_le_bytes()].concat();
        data.extend([1; 200_000]);
        for _ in 0..1000 {
            data.extend(b"r\0\0\0\0");
        }
        let what = match read(&data.into(), false, &Limits::default())
            .unwrap_err()
            .kind
        {
            ErrorKind::Limit { what, .. } => what,
            other => panic!("{other}"),
        };
        assert_eq!(what, "bytes of texts and numbers");
    }

    #[test]
    fn ints_of_all_lengths_come_back() {
        let encoding = Encoding::new(crate::Dialect::Pyro5, crate::Serializer::Marshal);
        for bits in 0..200 {
            for delta in [-1, 0, 1] {
                for sign in [-1, 1] {
                    let value: BigInt = ((BigInt::from(1) << bits) + delta) * sign;
                    let mut out = BodyWriter::new();
                    write(&encoding, &classes::int(value.clone()), &mut out).unwrap();
                    let data = out.finish().to_bytes();
                    let back = match read(&data, false, &Limits::default()).unwrap() {
                        Value::Int(back) => back.into(),
                        Value::BigInt(back) => back,
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(back, value);
                }
            }
        }
    }
}
