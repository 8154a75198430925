//! Type strings: what `numpy.dtype("…")` accepts.

use crate::{ByteOrder, Dtype, Error, Kind, Struct, TimeUnit};

impl Dtype {
    /// Parses a type string as `numpy.dtype(text)` does: `<f4`, `float64`, `M8[25us]`, `i4,(2,3)f8`.
    ///
    /// Sizes of C types are those of 64-bit Linux and macOS (`l` is 8 bytes), whatever this machine is.
    ///
    /// # Errors
    /// [`Error::TypeString`], [`Error::Itemsize`], [`Error::TimeUnit`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        // One type never has a top-level comma; this keeps the common case quick.
        if let Some(dtype) = parse_one(text)? {
            return Ok(dtype);
        }
        parse_list(text)
    }
}

impl std::str::FromStr for Dtype {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// One type, or `None` if it is not the spelling of one.
fn parse_one(text: &str) -> Result<Option<Dtype>, Error> {
    let (byteorder, rest) = match text.as_bytes().first() {
        Some(b'<') => (ByteOrder::Little, &text[1..]),
        Some(b'>') => (ByteOrder::Big, &text[1..]),
        Some(b'=' | b'|') => (ByteOrder::NATIVE, &text[1..]),
        Some(_) => (ByteOrder::NATIVE, text),
        None => {
            return Err(Error::TypeString {
                text: String::new(),
            });
        }
    };
    let mut letters = rest.chars();
    let Some(code) = letters.next() else {
        return Ok(None);
    };
    let size = letters.as_str();
    if size.is_empty() {
        return Ok(one_letter(code, byteorder));
    }
    if size.bytes().all(|b| b.is_ascii_digit()) {
        let Ok(size) = size.parse::<usize>() else {
            return Err(Error::TypeString {
                text: text.to_owned(),
            });
        };
        return sized(code, size, byteorder);
    }
    if let Some(dtype) = datetime(rest, byteorder)? {
        return Ok(Some(dtype));
    }
    // Other names take no byte order.
    match rest {
        "datetime64" => Ok(one_letter('M', byteorder)),
        "timedelta64" => Ok(one_letter('m', byteorder)),
        _ if rest.len() == text.len() => named(text),
        _ => Ok(None),
    }
}

/// `f8`, `S10`: a kind and a size, in bytes but for `U`.
fn sized(code: char, size: usize, byteorder: ByteOrder) -> Result<Option<Dtype>, Error> {
    let kind = match code {
        'b' => Kind::Bool,
        'i' => Kind::Int,
        'u' => Kind::Uint,
        'f' => Kind::Float,
        'c' => Kind::Complex,
        'S' | 'a' => Kind::Bytes,
        'U' => Kind::Unicode,
        'V' => Kind::Void,
        'M' => Kind::Datetime(TimeUnit::GENERIC),
        'm' => Kind::Timedelta(TimeUnit::GENERIC),
        'O' => Kind::Object,
        // NumPy reads no size here; 16 is what it calls the dtype itself.
        'T' if size == 16 => Kind::VariableString,
        _ => return Ok(None),
    };
    let itemsize = match kind {
        Kind::Unicode => size.saturating_mul(4),
        // `O4` is what 32-bit machines wrote; pointers are as long as here all the same.
        Kind::Object if size == 4 => 8,
        _ => size,
    };
    Dtype::new(kind, byteorder, itemsize).map(Some)
}

/// `d`, `?`: the letters of C's types, as `numpy.dtype.char`.
fn one_letter(code: char, byteorder: ByteOrder) -> Option<Dtype> {
    let (kind, itemsize) = match code {
        '?' => (Kind::Bool, 1),
        'b' => (Kind::Int, 1),
        'h' => (Kind::Int, 2),
        'i' => (Kind::Int, 4),
        'l' | 'q' | 'p' | 'n' => (Kind::Int, 8),
        'B' => (Kind::Uint, 1),
        'H' => (Kind::Uint, 2),
        'I' => (Kind::Uint, 4),
        'L' | 'Q' | 'P' | 'N' => (Kind::Uint, 8),
        'e' => (Kind::Float, 2),
        'f' => (Kind::Float, 4),
        'd' => (Kind::Float, 8),
        'g' => (Kind::Float, 16),
        'F' => (Kind::Complex, 8),
        'D' => (Kind::Complex, 16),
        'G' => (Kind::Complex, 32),
        'S' | 'a' => (Kind::Bytes, 0),
        'c' => (Kind::Bytes, 1),
        'U' => (Kind::Unicode, 0),
        'V' => (Kind::Void, 0),
        'O' => (Kind::Object, 8),
        'M' => (Kind::Datetime(TimeUnit::GENERIC), 8),
        'm' => (Kind::Timedelta(TimeUnit::GENERIC), 8),
        'T' => (Kind::VariableString, 16),
        _ => return None,
    };
    Dtype::new(kind, byteorder, itemsize).ok()
}

/// `M8[us]`, `timedelta64[3D]`.
fn datetime(text: &str, byteorder: ByteOrder) -> Result<Option<Dtype>, Error> {
    let Some((base, unit)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) else {
        return Ok(None);
    };
    if unit.contains(']') {
        return Ok(None); // M8[s],M8[s]
    }
    let kind = match base {
        "M8" | "M" | "datetime64" => Kind::Datetime(TimeUnit::parse(unit)?),
        "m8" | "m" | "timedelta64" => Kind::Timedelta(TimeUnit::parse(unit)?),
        _ => return Ok(None),
    };
    Dtype::new(kind, byteorder, 8).map(Some)
}

/// `float64`, `str`: the names of NumPy's and Python's types.
fn named(name: &str) -> Result<Option<Dtype>, Error> {
    let code = match name {
        "bool" | "bool_" => "?",
        "int8" | "byte" => "b",
        "int16" | "short" => "h",
        "int32" | "intc" => "i",
        "int64" | "int" | "int_" | "intp" | "long" | "longlong" => "l",
        "uint8" | "ubyte" => "B",
        "uint16" | "ushort" => "H",
        "uint32" | "uintc" => "I",
        "uint64" | "uint" | "uintp" | "ulong" | "ulonglong" => "L",
        "float16" | "half" => "e",
        "float32" | "single" => "f",
        "float64" | "float" | "float_" | "double" => "d",
        "float128" | "longdouble" | "longfloat" => "g",
        "float96" => "f12",
        "complex64" | "csingle" | "singlecomplex" => "F",
        "complex128" | "complex" | "complex_" | "cdouble" | "cfloat" => "D",
        "complex256" | "clongdouble" | "clongfloat" | "longcomplex" => "G",
        "complex192" => "c24",
        "bytes" | "bytes_" | "string_" => "S",
        "str" | "str_" | "unicode" | "unicode_" => "U",
        "void" => "V",
        "object" | "object_" => "O",
        _ => return Ok(None),
    };
    parse_one(code)
}

/// `i4, (2,3)f8, 3S5`: fields f0, f1, …; a single repeated one is a subarray.
fn parse_list(text: &str) -> Result<Dtype, Error> {
    let wrong = || Error::TypeString {
        text: text.to_owned(),
    };
    let start = order(text).1;
    if !start.starts_with(|c: char| c.is_ascii_digit())
        && !start.starts_with("()")
        && !text.contains(',')
    {
        return Err(wrong());
    }
    let mut fields = Vec::new();
    let mut rest = text.trim();
    let mut comma = false;
    while !rest.is_empty() {
        let (base, shape, after) = item(rest).ok_or_else(wrong)?;
        let counted = !rest[..rest.len() - after.len()].contains('(');
        let base = parse_one(&base)?.ok_or_else(wrong)?;
        let dtype = match (base.kind(), &shape[..]) {
            // NumPy takes a count before text without a size for its size, and no shape.
            (Kind::Bytes | Kind::Unicode | Kind::Void, [count])
                if base.itemsize == 0 && counted =>
            {
                sized(base.kind_code(), *count, base.byteorder)?.ok_or_else(wrong)?
            }
            (Kind::Bytes | Kind::Unicode | Kind::Void, [_, ..]) if base.itemsize == 0 => {
                return Err(wrong());
            }
            _ => Dtype::subarray(base, &shape)?,
        };
        fields.push((format!("f{}", fields.len()), dtype));
        let after = after.trim_start();
        comma = after.starts_with(',');
        if !comma && !after.is_empty() {
            return Err(wrong());
        }
        rest = after.strip_prefix(',').unwrap_or("").trim_start();
    }
    match (fields.len(), comma) {
        (0, _) => Err(wrong()),
        (1, false) => fields.pop().map(|(_, dtype)| dtype).ok_or_else(wrong),
        _ => Ok(Dtype::structured(Struct::packed(fields)?)),
    }
}

/// The first type of a list, its repeats, and what follows it. The byte order may stand before the repeats or after
/// them, and here also before names (`numpy._core._internal._commastring`).
fn item(text: &str) -> Option<(String, Vec<usize>, &str)> {
    let (before, text) = order(text);
    let (shape, text) = repeat(text)?;
    let (after, text) = order(text);
    let order = match (before, after) {
        (one, None) | (None, one) => one,
        (one, other) => Some(one.filter(|_| one == other)?),
    };
    let word = text
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'?'));
    let mut end = word.count();
    if text[end..].starts_with('[') {
        end += text[end..].find(']')? + 1;
    }
    let order = order.filter(|order| *order != ByteOrder::NATIVE);
    let order = order
        .map(|order| order.code().to_string())
        .unwrap_or_default();
    Some((format!("{order}{}", &text[..end]), shape, &text[end..]))
}

/// A byte order, and what follows it.
fn order(text: &str) -> (Option<ByteOrder>, &str) {
    let order = match text.as_bytes().first() {
        Some(b'<') => ByteOrder::Little,
        Some(b'>') => ByteOrder::Big,
        Some(b'=' | b'|') => ByteOrder::NATIVE,
        _ => return (None, text),
    };
    (Some(order), &text[1..])
}

/// A repeat count before a type, `3` or `(2,3)`, and what follows it.
fn repeat(text: &str) -> Option<(Vec<usize>, &str)> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('(') {
        let (dims, rest) = inside.split_once(')')?;
        let dims = dims.trim();
        let dims = dims.strip_suffix(',').unwrap_or(dims);
        if dims.is_empty() {
            return Some((Vec::new(), rest.trim_start()));
        }
        let shape: Option<Vec<usize>> =
            dims.split(',').map(|dim| dim.trim().parse().ok()).collect();
        return Some((shape?, rest.trim_start()));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Some((Vec::new(), text));
    }
    // NumPy 1 took a repeat count of 1 for none.
    let shape = vec![text[..digits].parse().ok()?];
    Some((shape, text[digits..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_of_32_bit_machines_are_as_long_as_here_and_sized_strings_are_unknown() {
        for text in ["O4", "O8", "|O4"] {
            assert_eq!(Dtype::parse(text).unwrap().itemsize(), 8, "{text}");
        }
        assert_eq!(Dtype::parse("2O4").unwrap().itemsize(), 16);
        for text in ["O3", "O16", "T6", "T0"] {
            assert!(Dtype::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn type_strings_print_as_they_are_parsed() {
        for text in [
            "|b1",
            "|i1",
            "<i2",
            ">i4",
            "<i8",
            "|u1",
            ">u8",
            "<f2",
            "<f4",
            ">f8",
            "<f16",
            "<f12",
            "<c8",
            ">c16",
            "<c32",
            "|S0",
            "|S7",
            "<U3",
            ">U1",
            "|V5",
            "<M8[25us]",
            ">m8[D]",
            "<M8",
            "|O",
        ] {
            assert_eq!(Dtype::parse(text).unwrap().str(), text);
        }
    }

    #[test]
    fn names_and_letters_mean_what_numpy_says() {
        for (text, str) in [
            ("float", "<f8"),
            ("int32", "<i4"),
            ("d", "<f8"),
            ("b", "|i1"),
            ("?", "|b1"),
            ("l", "<i8"),
            ("a4", "|S4"),
            ("c", "|S1"),
            ("|i4", "<i4"),
            ("=i4", "<i4"),
            (">b1", "|b1"),
            ("datetime64[ns]", "<M8[ns]"),
            ("U", "<U0"),
            ("O8", "|O"),
            ("2i4", "|V8"),
            ("(2,3)<i2", "|V12"),
            ("1i4", "|V4"),
            ("()i4", "<i4"),
            (">datetime64", ">M8"),
            ("(3,)i4", "|V12"),
            (">2i4", "|V8"),
            ("2 >i4", "|V8"),
            ("<bool,", "|V1"),
            ("2S", "|S2"),
            ("(2)S3,", "|V6"),
            ("i4,", "|V4"),
        ] {
            assert_eq!(Dtype::parse(text).unwrap().str(), str, "{text}");
        }
    }

    #[test]
    fn commas_make_fields() {
        let dtype = Dtype::parse("<i2, (2,3)<u2,2S3").unwrap();
        let fields = dtype.fields().unwrap().fields();
        assert_eq!(
            fields
                .iter()
                .map(|f| (f.name.as_str(), f.offset))
                .collect::<Vec<_>>(),
            [("f0", 0), ("f1", 2), ("f2", 14)]
        );
        assert_eq!(dtype.itemsize(), 20);
        let times = Dtype::parse("M8[s],(2,)m8[3D]").unwrap();
        assert_eq!(times.itemsize(), 24);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "<",
            "x",
            "i3",
            "f5",
            "<<i4",
            "i4;",
            "(2",
            "(a)i4",
            ">2<i4",
            "i4 i4",
            "(2,)S,",
            "i4,object_",
            ">float,i4",
            "M8[",
            "M8[q]",
            "99999999999999999999i4",
            ">float",
            "S99999999999",
            "é",
        ] {
            assert!(Dtype::parse(text).is_err(), "{text}");
        }
    }
}
