//! `array.array`, in the spellings of CPython 2 and 3, PyPy and Jython.

use ndferry_array::{ByteOrder, Dtype, Kind};

use crate::elements::Payload;
use crate::numpy::{Elements, PickledArray, StoredOrder};
use crate::value::{Id, Tree, Value};
use crate::{Error, ErrorKind, Result};

/// `_array_reconstructor(class, typecode, format, bytes)`
pub(crate) fn reconstructed(tree: &Tree, offset: u64, args: &[Id]) -> Result<Option<PickledArray>> {
    let [_, typecode, format, bytes] = args else {
        return Ok(None);
    };
    let dtype = tree.int(*format).and_then(machine_format);
    let dtype = dtype.ok_or_else(|| wrong("its machine format is not 0 to 21", offset))?;
    typecode_of(tree, *typecode)?.ok_or_else(|| wrong("its typecode is none", offset))?;
    of_bytes(tree, offset, dtype, *bytes).map(Some)
}

/// `array(typecode, items)` or `array(typecode, bytes)`
///
/// Jython writes such bytes big-endian whatever the machine, Python up to 2.6 in its machine's order; nothing in the
/// pickle tells which, so `byteorder` does.
pub(crate) fn array(
    tree: &Tree,
    offset: u64,
    args: &[Id],
    byteorder: ByteOrder,
) -> Result<Option<PickledArray>> {
    let [typecode, items @ ..] = args else {
        return Ok(None);
    };
    let code =
        || typecode_of(tree, *typecode)?.ok_or_else(|| wrong("its typecode is none", offset));
    match items {
        [] => {
            let bytes = bytes::Bytes::new();
            Ok(Some(of_values(
                offset,
                item_dtype(code()?, ByteOrder::Little),
                0,
                bytes,
            )))
        }
        [items] => {
            let code = code()?;
            if let Value::List(items) = tree.get(*items) {
                let dtype = item_dtype(code, ByteOrder::Little);
                let bytes = pack(tree, &dtype, items).map_err(|Misfit(i)| {
                    wrong(&format!("item {i} does not fit {code:?}"), offset)
                })?;
                return Ok(Some(of_values(offset, dtype, items.len(), bytes.into())));
            }
            of_bytes(tree, offset, item_dtype(code, byteorder), *items).map(Some)
        }
        _ => Ok(None),
    }
}

fn wrong(problem: &str, offset: u64) -> Error {
    let (what, problem) = ("array.array", problem.to_owned());
    ErrorKind::State { what, problem }.at(offset)
}

fn of_values(offset: u64, dtype: Dtype, len: usize, bytes: bytes::Bytes) -> PickledArray {
    PickledArray {
        dtype,
        shape: vec![len],
        order: StoredOrder::C,
        elements: Elements::Values(bytes),
        is_array_array: true,
        offset,
    }
}

fn of_bytes(tree: &Tree, offset: u64, dtype: Dtype, bytes: Id) -> Result<PickledArray> {
    let payload =
        Payload::of(tree, bytes)?.ok_or_else(|| wrong("its items are not bytes", offset))?;
    let (nbytes, itemsize) = (payload.nbytes(), dtype.itemsize() as u64);
    if !nbytes.is_multiple_of(itemsize) {
        let problem = format!("{nbytes} bytes are no whole items of {itemsize}");
        return Err(wrong(&problem, offset));
    }
    Ok(PickledArray {
        dtype,
        shape: vec![(nbytes / itemsize) as usize],
        order: StoredOrder::C,
        elements: Elements::Bytes(payload),
        is_array_array: true,
        offset,
    })
}

fn typecode_of(tree: &Tree, id: Id) -> Result<Option<char>> {
    let name = tree.name(id)?.unwrap_or_default();
    let mut chars = name.chars();
    Ok(match (chars.next(), chars.next()) {
        (Some(code), None) if "bBuwhHiIlLqQfdc".contains(code) => Some(code),
        _ => None,
    })
}

/// What the items of a typecode are; `l` has 8 bytes, as on every 64-bit Unix and in Jython.
fn item_dtype(code: char, byteorder: ByteOrder) -> Dtype {
    let (kind, itemsize) = match code {
        'b' => (Kind::Int, 1),
        'B' => (Kind::Uint, 1),
        'h' => (Kind::Int, 2),
        'H' => (Kind::Uint, 2),
        'i' => (Kind::Int, 4),
        'I' => (Kind::Uint, 4),
        'l' | 'q' => (Kind::Int, 8),
        'L' | 'Q' => (Kind::Uint, 8),
        'f' => (Kind::Float, 4),
        'd' => (Kind::Float, 8),
        'c' => (Kind::Bytes, 1),
        _ => (Kind::Unicode, 4),
    };
    made(kind, byteorder, itemsize)
}

/// `array._array_reconstructor`'s numbers (`Modules/arraymodule.c`, `mformatdescriptors`).
fn machine_format(format: i64) -> Option<Dtype> {
    let (kind, itemsize) = match format {
        0 => (Kind::Uint, 1),
        1 => (Kind::Int, 1),
        2 | 3 => (Kind::Uint, 2),
        4 | 5 => (Kind::Int, 2),
        6 | 7 => (Kind::Uint, 4),
        8 | 9 => (Kind::Int, 4),
        10 | 11 => (Kind::Uint, 8),
        12 | 13 => (Kind::Int, 8),
        14 | 15 => (Kind::Float, 4),
        16 | 17 => (Kind::Float, 8),
        // UTF-16 has no dtype; its units are numbers.
        18 | 19 => (Kind::Uint, 2),
        20 | 21 => (Kind::Unicode, 4),
        _ => return None,
    };
    let byteorder = if format % 2 == 1 {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    Some(made(kind, byteorder, itemsize))
}

fn made(kind: Kind, byteorder: ByteOrder, itemsize: usize) -> Dtype {
    // All of the sizes above exist.
    Dtype::new(kind, byteorder, itemsize).unwrap_or(Dtype::U8)
}

/// The number of an item that is no item of its array.
struct Misfit(usize);

fn pack(tree: &Tree, dtype: &Dtype, items: &[Id]) -> std::result::Result<Vec<u8>, Misfit> {
    let mut out = Vec::with_capacity(items.len() * dtype.itemsize());
    for (i, item) in items.iter().enumerate() {
        push_item(tree, dtype, *item, &mut out).ok_or(Misfit(i))?;
    }
    Ok(out)
}

fn push_item(tree: &Tree, dtype: &Dtype, item: Id, out: &mut Vec<u8>) -> Option<()> {
    let n = dtype.itemsize();
    match (dtype.kind(), tree.get(item)) {
        (Kind::Float, value) => {
            let value = match value {
                Value::Float(value) => value,
                Value::Int(value) => value as f64,
                _ => return None,
            };
            if n == 4 {
                out.extend_from_slice(&(value as f32).to_le_bytes());
            } else {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        (Kind::Int, Value::Int(value)) => {
            let spare = 64 - 8 * n as u32;
            (value << spare >> spare == value)
                .then(|| out.extend_from_slice(&value.to_le_bytes()[..n]))?;
        }
        (Kind::Uint, Value::Int(value)) => {
            let value = u64::try_from(value).ok()?;
            (n == 8 || value >> (8 * n) == 0)
                .then(|| out.extend_from_slice(&value.to_le_bytes()[..n]))?;
        }
        (Kind::Uint, Value::BigInt(value)) if n == 8 => {
            out.extend_from_slice(&u64::try_from(value).ok()?.to_le_bytes());
        }
        (Kind::Unicode, Value::Str(_)) => {
            let text = tree.name(item).ok()??;
            let mut chars = text.chars();
            let (c, None) = (chars.next()?, chars.next()) else {
                return None;
            };
            out.extend_from_slice(&u32::from(c).to_le_bytes());
        }
        (Kind::Bytes, _) => {
            let bytes = Payload::of(tree, item).ok()??.cow(tree).ok()?.into_owned();
            (bytes.len() == 1).then(|| out.push(bytes[0]))?;
        }
        _ => return None,
    }
    Some(())
}
