//! MessagePack, as `msgpack` writes it with `use_bin_type=True`, and the extensions that Pyro has for more types.

use bytes::{Buf, Bytes};
use num_bigint::BigInt;

use super::{Encoding, classes};
use crate::limits::Budget;
use crate::{BodyWriter, Error, ErrorKind, Limits, Object, Result, Value};

/// `complex`: two doubles, in the byte order of the machine; all that matter are little-endian.
const EXT_COMPLEX: u8 = 0x30;
/// `int` beyond 64 bits: decimal digits.
const EXT_LONG: u8 = 0x31;

/// What other extensions come as, and go.
const EXT_TYPE: (&str, &str) = ("msgpack", "ExtType");

pub(super) fn write(encoding: &Encoding, value: &Value, out: &mut BodyWriter) -> Result<()> {
    match value {
        Value::None => out.push(&[0xc0]),
        Value::Bool(value) => out.push(&[0xc2 + u8::from(*value)]),
        Value::Int(value) => int(*value, out),
        Value::BigInt(value) => match u64::try_from(value) {
            Ok(value) => {
                out.push(&[0xcf]);
                out.push(&value.to_be_bytes());
            }
            Err(_) => ext(EXT_LONG, value.to_string().as_bytes(), out),
        },
        Value::Float(value) => {
            out.push(&[0xcb]);
            out.push(&value.to_be_bytes());
        }
        Value::Complex(re, im) => {
            ext(
                EXT_COMPLEX,
                &[re.to_le_bytes(), im.to_le_bytes()].concat(),
                out,
            );
        }
        Value::Str(text) => {
            match u8::try_from(text.len()) {
                Ok(n @ 0..32) => out.push(&[0xa0 | n]),
                _ => head(encoding, value, text.len(), [0xd9, 0xda, 0xdb], out)?,
            }
            out.push(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            head(encoding, value, bytes.len(), [0xc4, 0xc5, 0xc6], out)?;
            out.share(bytes.clone());
        }
        Value::Array(array) => match encoding.as_npy(array)? {
            Some((start, elements)) => {
                let nbytes = start.len() + elements.len();
                head(encoding, value, nbytes, [0xc4, 0xc5, 0xc6], out)?;
                out.push(&start);
                out.share(elements);
            }
            None => write(encoding, &encoding.spelled(array)?, out)?,
        },
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            match u8::try_from(items.len()) {
                Ok(n @ 0..16) => out.push(&[0x90 | n]),
                _ => head(encoding, value, items.len(), [0xdc, 0xdc, 0xdd], out)?,
            }
            for item in items {
                write(encoding, item, out)?;
            }
        }
        Value::Dict(pairs) => {
            match u8::try_from(pairs.len()) {
                Ok(n @ 0..16) => out.push(&[0x80 | n]),
                _ => head(encoding, value, pairs.len(), [0xde, 0xde, 0xdf], out)?,
            }
            for (key, value) in pairs {
                write(encoding, key, out)?;
                write(encoding, value, out)?;
            }
        }
        Value::Object(object) => match (&object.function, object.args.as_items()) {
            (Value::Global(module, name), Some([Value::Int(code), Value::Bytes(data)]))
                if (&**module, &**name) == EXT_TYPE =>
            {
                ext(*code as u8, data, out);
            }
            _ => return Err(encoding.unsayable(value)),
        },
        other => write(encoding, &encoding.other_words(other)?, out)?,
    }
    Ok(())
}

fn int(value: i64, out: &mut BodyWriter) {
    match value {
        0..=127 => out.push(&[value as u8]),
        -32..0 => out.push(&[value as i8 as u8]),
        _ => match (u64::try_from(value), i32::try_from(value)) {
            (Ok(value), _) if u32::try_from(value).is_err() => {
                out.push(&[0xcf]);
                out.push(&value.to_be_bytes());
            }
            (Ok(value), _) => {
                out.push(&[0xce]);
                out.push(&(value as u32).to_be_bytes());
            }
            (_, Ok(value)) => {
                out.push(&[0xd2]);
                out.push(&value.to_be_bytes());
            }
            _ => {
                out.push(&[0xd3]);
                out.push(&value.to_be_bytes());
            }
        },
    }
}

/// The opcode for a length of one, two or four bytes, and the length. Where there is none of one byte, its place has that
/// of two.
fn head(
    encoding: &Encoding,
    value: &Value,
    n: usize,
    opcodes: [u8; 3],
    out: &mut BodyWriter,
) -> Result<()> {
    let Ok(n) = u32::try_from(n) else {
        return Err(encoding.unsayable(value));
    };
    match n {
        0..=0xff if opcodes[0] != opcodes[1] => out.push(&[opcodes[0], n as u8]),
        0..=0xffff => {
            out.push(&[opcodes[1]]);
            out.push(&(n as u16).to_be_bytes());
        }
        _ => {
            out.push(&[opcodes[2]]);
            out.push(&n.to_be_bytes());
        }
    }
    Ok(())
}

fn ext(code: u8, data: &[u8], out: &mut BodyWriter) {
    match data.len() {
        1 | 2 | 4 | 8 | 16 => out.push(&[0xd4 + data.len().ilog2() as u8]),
        n @ 0..=0xff => out.push(&[0xc7, n as u8]),
        n => {
            out.push(&[0xc9]);
            out.push(&(n as u32).to_be_bytes());
        }
    }
    out.push(&[code]);
    out.push(data);
}

pub(super) fn read(data: &Bytes, is_python2: bool, limits: &Limits) -> Result<Value> {
    let mut reader = Reader {
        is_python2,
        left: data.clone(),
        nbytes: data.len(),
        budget: Budget::new(limits, data.len()),
    };
    let value = reader.value()?;
    match reader.left.is_empty() {
        true => Ok(value),
        false => Err(reader.error(ErrorKind::LeftOver)),
    }
}

/// Whether Python 2 wrote this call or hand-shake: there, `str` goes as bytes.
pub(super) fn is_python2(data: &[u8]) -> bool {
    matches!(data, [0x94 | 0x80..=0x8f, 0xc4, ..])
}

struct Reader {
    is_python2: bool,
    left: Bytes,
    nbytes: usize,
    budget: Budget,
}

impl Reader {
    fn offset(&self) -> u64 {
        (self.nbytes - self.left.len()) as u64
    }

    fn error(&self, kind: ErrorKind) -> Error {
        kind.at(self.offset())
    }

    fn take(&mut self, n: usize) -> Result<Bytes> {
        if n > self.left.len() {
            let (needed, found) = (n as u64, self.left.len() as u64);
            return Err(self.error(ErrorKind::Truncated { needed, found }));
        }
        Ok(self.left.split_to(n))
    }

    /// An unsigned number of so many bytes.
    fn number(&mut self, nbytes: usize) -> Result<u64> {
        Ok(self.take(nbytes)?.get_uint(nbytes))
    }

    fn length(&mut self, nbytes: usize) -> Result<usize> {
        // Of 64 bits wherever messages are so long; elsewhere it is longer than all data.
        Ok(usize::try_from(self.number(nbytes)?).unwrap_or(usize::MAX))
    }

    fn value(&mut self) -> Result<Value> {
        let offset = self.offset();
        self.budget.value(offset)?;
        let opcode = self.number(1)? as u8;
        Ok(match opcode {
            0..=0x7f => Value::Int(i64::from(opcode)),
            0x80..=0x8f => self.dict(usize::from(opcode & 0xf), offset)?,
            0x90..=0x9f => self.list(usize::from(opcode & 0xf), offset)?,
            0xa0..=0xbf => self.text(usize::from(opcode & 0x1f))?,
            0xc0 => Value::None,
            0xc2 | 0xc3 => Value::Bool(opcode == 0xc3),
            0xc4..=0xc6 => {
                let n = self.length(1 << (opcode - 0xc4))?;
                let bytes = self.take(n)?;
                match self.is_python2 {
                    true => Value::Py2Str(bytes),
                    false => Value::Bytes(bytes),
                }
            }
            0xc7..=0xc9 => {
                let n = self.length(1 << (opcode - 0xc7))?;
                self.ext(n, offset)?
            }
            0xca => Value::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Value::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => classes::int(self.number(1 << (opcode - 0xcc))?.into()),
            0xd0..=0xd3 => {
                let nbytes = 1 << (opcode - 0xd0);
                Value::Int(self.take(nbytes)?.get_int(nbytes))
            }
            0xd4..=0xd8 => self.ext(1 << (opcode - 0xd4), offset)?,
            0xd9..=0xdb => {
                let n = self.length(1 << (opcode - 0xd9))?;
                self.text(n)?
            }
            0xdc | 0xdd => {
                let n = self.length(2 << (opcode - 0xdc))?;
                self.list(n, offset)?
            }
            0xde | 0xdf => {
                let n = self.length(2 << (opcode - 0xde))?;
                self.dict(n, offset)?
            }
            0xe0..=0xff => Value::Int(i64::from(opcode as i8)),
            0xc1 => {
                let expected = "a type of MessagePack";
                return Err(ErrorKind::Syntax { expected }.at(offset));
            }
        })
    }

    fn text(&mut self, n: usize) -> Result<Value> {
        let offset = self.offset();
        let bytes = self.take(n)?;
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(Value::Str(text)),
            Err(_) => {
                let expected = "text in UTF-8";
                Err(ErrorKind::Syntax { expected }.at(offset))
            }
        }
    }

    fn list(&mut self, n: usize, offset: u64) -> Result<Value> {
        self.budget.enter(offset)?;
        let mut items = Vec::new();
        for _ in 0..n {
            items.push(self.value()?);
        }
        self.budget.leave();
        Ok(Value::List(items))
    }

    fn dict(&mut self, n: usize, offset: u64) -> Result<Value> {
        self.budget.enter(offset)?;
        let mut pairs = Vec::new();
        for _ in 0..n {
            pairs.push((self.value()?, self.value()?));
        }
        self.budget.leave();
        Ok(classes::of_dict(pairs))
    }

    fn ext(&mut self, n: usize, offset: u64) -> Result<Value> {
        let code = self.number(1)? as u8;
        let data = self.take(n)?;
        let wrong = |expected| ErrorKind::Syntax { expected }.at(offset);
        Ok(match (code, &data[..]) {
            (EXT_COMPLEX, parts) => {
                let Some((re, im)) = parts.split_first_chunk::<8>() else {
                    return Err(wrong("two doubles of a complex number"));
                };
                let Ok(im) = <[u8; 8]>::try_from(im) else {
                    return Err(wrong("two doubles of a complex number"));
                };
                Value::Complex(f64::from_le_bytes(*re), f64::from_le_bytes(im))
            }
            (EXT_LONG, digits) => {
                let (found, limit) = (digits.len() as u64, self.budget.digits() as u64);
                if found > limit {
                    let what = "digits";
                    return Err(ErrorKind::Limit { what, found, limit }.at(offset));
                }
                let value = BigInt::parse_bytes(digits, 10);
                classes::int(value.ok_or_else(|| wrong("digits of an int"))?)
            }
            _ => {
                let (module, name) = EXT_TYPE;
                Value::Object(Box::new(Object {
                    function: Value::Global(module.into(), name.into()),
                    args: Value::Tuple(vec![Value::Int(i64::from(code as i8)), data.into()]),
                    kwargs: None,
                    is_new: true,
                    state: None,
                    items: Vec::new(),
                    pairs: Vec::new(),
                }))
            }
        })
    }
}
