//! `array.array` in the form that every Python loads which knows the protocol.

use ndferry_array::{Array, ByteOrder, Dtype, Kind, Order};

use super::*;
use crate::numpy::{Elements, Recognised};
use crate::value::Value;

/// Items of an `array.array`.
pub(super) struct Numbers {
    bytes: Bytes,
    dtype: Dtype,
}

impl<'t, W: Write> Writing<'_, 't, W> {
    /// Protocols up to 2 say `array(typecode, [item, …])`, later ones `_array_reconstructor(array, typecode, format,
    /// bytes)`. Whether it was written.
    pub(super) fn array_array(&mut self, id: Id, name: &str, args: &'t [Id]) -> Result<bool> {
        let tree = self.tree;
        let (typecode, is_list) = match (name, args) {
            ("array", [typecode, items]) => (*typecode, matches!(tree.get(*items), Value::List(_))),
            ("_array_reconstructor", [_, typecode, _, _]) => (*typecode, false),
            _ => return Ok(false),
        };
        let is_new = self.protocol() >= 3;
        // Python 2 and Jython take no typecode that is unicode, Python 3 takes either.
        let as_py2 = !is_new && self.options.numpy == Numpy::Any;
        let is_py2 = matches!(tree.get(typecode), Value::Py2Str(_));
        let stays = match is_new {
            true => name == "_array_reconstructor",
            false => is_list && (is_py2 || !as_py2),
        };
        let Some(code) = tree.name(typecode)? else {
            return Ok(false);
        };
        // Python 3 has no array of characters.
        if stays || (is_new && code == "c") {
            return Ok(false);
        }
        let Ok(Some(Recognised::Array(array))) = self.reader.read(id) else {
            return Ok(false);
        };
        let bytes = match &array.elements {
            Elements::Bytes(payload) => payload.bytes(tree)?,
            Elements::Values(bytes) => bytes.clone(),
            _ => return Ok(false),
        };
        let dtype = array.dtype;
        // Of another kind than its typecode, it is for Python to say what it is.
        let is_typed = match dtype.kind() {
            Kind::Int => matches!(&*code, "b" | "h" | "i" | "l" | "q"),
            Kind::Uint => matches!(&*code, "B" | "H" | "I" | "L" | "Q"),
            Kind::Float => matches!(&*code, "f" | "d"),
            Kind::Unicode => matches!(&*code, "u" | "w"),
            _ => code == "c",
        };
        if !is_typed {
            return Ok(false);
        }
        let key = (id, Position::AsIs);
        if is_new {
            let Some(format) = machine_format(&dtype) else {
                return Ok(false);
            };
            // Of another order than the machine's, CPython guesses the typecode: most are little-endian.
            let len = bytes.len() / dtype.itemsize();
            let bytes = Array::contiguous(dtype, &[len], Order::C, bytes)
                .and_then(|items| items.into_byteorder(ByteOrder::Little))
                .map_err(|error| ErrorKind::Array(error).at(array.offset))?
                .bytes()
                .clone();
            self.then([
                Part::Global("array", "_array_reconstructor"),
                Part::BeginTuple(4),
                Part::Global("array", "array"),
                Part::Interned(code.into_owned()),
                Part::Int(format),
                Part::Made(bytes),
                Part::Put(None),
                Part::EndTuple(4, None),
                Part::Op(op::REDUCE),
                Part::Put(Some(key)),
            ]);
            return Ok(true);
        }
        let typecode = match as_py2 {
            true => Part::Py2Text(code),
            false => Part::Interned(code.into_owned()),
        };
        self.then([
            Part::Global("array", "array"),
            Part::BeginTuple(2),
            typecode,
            Part::BeginList,
            Part::Numbers(Numbers { bytes, dtype }, 0),
            Part::EndTuple(2, None),
            Part::Op(op::REDUCE),
            Part::Put(Some(key)),
        ]);
        Ok(true)
    }

    /// One item after another, and what stands between them.
    pub(super) fn number_items(&mut self, numbers: Numbers, at: usize) -> io::Result<()> {
        let n = numbers.dtype.itemsize();
        let len = numbers.bytes.len() / n;
        for i in at..=len {
            if !self.batch(len, i, Adding::Exact, op::APPEND, op::APPENDS) {
                break;
            }
            let item = &numbers.bytes[i * n..(i + 1) * n];
            self.number_item(&numbers.dtype, item)?;
        }
        Ok(())
    }

    fn number_item(&mut self, dtype: &Dtype, item: &[u8]) -> io::Result<()> {
        let n = item.len();
        let mut wide = [0; 8];
        wide[..n].copy_from_slice(item);
        if dtype.byteorder() == ByteOrder::Big {
            wide[..n].reverse();
        }
        let raw = u64::from_le_bytes(wide);
        let spare = 64 - 8 * n as u32;
        match dtype.kind() {
            Kind::Int => self.emit.int((raw << spare) as i64 >> spare),
            Kind::Uint => match i64::try_from(raw) {
                Ok(value) => self.emit.int(value),
                Err(_) => self.emit.big_int(&raw.into()),
            },
            Kind::Float if n == 4 => self.emit.float(f32::from_bits(raw as u32).into()),
            Kind::Float => self.emit.float(f64::from_bits(raw)),
            Kind::Bytes => {
                self.emit.py2_str(1, &mut &item[..])?;
                self.emit.put();
                Ok(())
            }
            _ => {
                let c = char::from_u32(raw as u32).ok_or(io::ErrorKind::InvalidData)?;
                self.emit.interned(c.to_string())
            }
        }
    }
}

/// `array._array_reconstructor`'s number for little-endian items of this kind (`Modules/arraymodule.c`, `mformatdescriptors`).
fn machine_format(dtype: &Dtype) -> Option<i64> {
    Some(match (dtype.kind(), dtype.itemsize()) {
        (Kind::Uint, 1) => 0,
        (Kind::Int, 1) => 1,
        (Kind::Uint, 2) => 2,
        (Kind::Int, 2) => 4,
        (Kind::Uint, 4) => 6,
        (Kind::Int, 4) => 8,
        (Kind::Uint, 8) => 10,
        (Kind::Int, 8) => 12,
        (Kind::Float, 4) => 14,
        (Kind::Float, 8) => 16,
        (Kind::Unicode, 4) => 20,
        _ => return None,
    })
}
