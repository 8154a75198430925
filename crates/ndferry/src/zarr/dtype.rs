//! Data types as Zarr names them.

use serde_json::{Value, json};

use super::{unsupported, wrong};
use crate::{ByteOrder, Dtype, ErrorKind, Kind, Result, Struct};
use ndferry_array::{DateUnit, TimeUnit};

/// Structs within structs.
const DEPTH: u32 = 16;

/// A `data_type`, in little-endian order.
pub(super) fn parse(value: &Value) -> Result<Dtype> {
    parse_within(value, DEPTH)
}

fn parse_within(value: &Value, depth: u32) -> Result<Dtype> {
    let (name, configuration) = named(value).ok_or_else(|| wrong("a data type without a name"))?;
    let bytes = || {
        let nbytes = configuration.and_then(|value| value.get("length_bytes")?.as_u64());
        let nbytes = nbytes.and_then(|nbytes| usize::try_from(nbytes).ok());
        nbytes.ok_or_else(|| wrong(format!("data type {name} without length_bytes")))
    };
    let plain = |kind, nbytes| Ok(Dtype::new(kind, ByteOrder::NotApplicable, nbytes)?);
    let text = match name {
        "bool" => "|b1",
        "int8" => "|i1",
        "uint8" => "|u1",
        "int16" => "<i2",
        "int32" => "<i4",
        "int64" => "<i8",
        "uint16" => "<u2",
        "uint32" => "<u4",
        "uint64" => "<u8",
        "float16" => "<f2",
        "float32" => "<f4",
        "float64" => "<f8",
        "complex64" => "<c8",
        "complex128" => "<c16",
        "numpy.datetime64" => return time(configuration, Kind::Datetime),
        "numpy.timedelta64" => return time(configuration, Kind::Timedelta),
        "fixed_length_utf32" => {
            let nbytes = bytes()?;
            if !nbytes.is_multiple_of(4) {
                return Err(wrong(format!("characters of {nbytes} bytes")).into());
            }
            return Ok(Dtype::new(Kind::Unicode, ByteOrder::Little, nbytes)?);
        }
        "null_terminated_bytes" => return plain(Kind::Bytes, bytes()?),
        "raw_bytes" => return plain(Kind::Void, bytes()?),
        "struct" | "structured" if depth > 0 => return fields(configuration, depth - 1),
        name => {
            let bits = name
                .strip_prefix('r')
                .and_then(|bits| bits.parse::<usize>().ok());
            return match bits {
                Some(bits) if bits > 0 && bits.is_multiple_of(8) => plain(Kind::Void, bits / 8),
                _ => Err(unsupported(format!("Zarr's data type {name:?}")).into()),
            };
        }
    };
    Ok(Dtype::parse(text)?)
}

/// The name of an extension point, and how it is configured: `"bytes"`, or an object.
pub(super) fn named(value: &Value) -> Option<(&str, Option<&Value>)> {
    match value {
        Value::String(name) => Some((name, None)),
        value => Some((value.get("name")?.as_str()?, value.get("configuration"))),
    }
}

fn time(configuration: Option<&Value>, kind: fn(TimeUnit) -> Kind) -> Result<Dtype> {
    let get = |key| configuration.and_then(|value| value.get(key));
    let unit = get("unit").and_then(Value::as_str);
    let multiple = match get("scale_factor") {
        None => Some(1),
        Some(factor) => factor
            .as_i64()
            .and_then(|factor| i32::try_from(factor).ok()),
    };
    let (Some(unit), Some(multiple @ 1..)) = (unit, multiple) else {
        return Err(wrong("a time without unit and scale_factor").into());
    };
    let unit = match unit {
        "generic" => DateUnit::Generic,
        "μs" => DateUnit::Microsecond,
        unit => DateUnit::parse(unit)?,
    };
    let kind = kind(TimeUnit::new(unit, multiple));
    Ok(Dtype::new(kind, ByteOrder::Little, 8)?)
}

fn fields(configuration: Option<&Value>, depth: u32) -> Result<Dtype> {
    let fields = configuration.and_then(|value| value.get("fields")?.as_array());
    let fields = fields.ok_or_else(|| wrong("a struct without fields"))?;
    let field = |field: &Value| {
        // An older draft has pairs.
        let (name, dtype) = match field {
            Value::Array(pair) => (pair.first(), pair.get(1)),
            field => (field.get("name"), field.get("data_type")),
        };
        match (name.and_then(Value::as_str), dtype) {
            (Some(name), Some(dtype)) => Ok((name.to_owned(), parse_within(dtype, depth)?)),
            _ => Err(wrong("a field without name and data_type").into()),
        }
    };
    let fields: Vec<(String, Dtype)> = fields.iter().map(field).collect::<Result<_>>()?;
    Ok(Dtype::structured(Struct::packed(fields)?))
}

/// The `endian` of elements; `None` where they have none, an error where fields differ.
pub(super) fn endian(dtype: &Dtype) -> Result<Option<&'static str>> {
    let (little, big) = (
        dtype.with_byteorder(ByteOrder::Little),
        dtype.with_byteorder(ByteOrder::Big),
    );
    match (*dtype == little, *dtype == big) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some("little")),
        (false, true) => Ok(Some("big")),
        (false, false) => {
            let (what, format) = ("fields of both byte orders".to_owned(), crate::Format::Zarr);
            Err(ErrorKind::CannotWrite { what, format }.into())
        }
    }
}

/// The `data_type` and the `fill_value` of an array whose elements are 0 where nothing was written.
///
/// # Errors
/// [`ErrorKind::CannotWrite`].
pub(super) fn described(dtype: &Dtype) -> Result<(Value, Value)> {
    let sized = |name: &str, zero: Value| {
        let configuration = json!({ "length_bytes": dtype.itemsize() });
        (
            json!({ "name": name, "configuration": configuration }),
            zero,
        )
    };
    let time = |name: &str, unit: &TimeUnit| {
        let code = match unit.unit {
            DateUnit::Generic => "generic",
            unit => unit.code(),
        };
        let configuration = json!({ "unit": code, "scale_factor": unit.multiple });
        (
            json!({ "name": name, "configuration": configuration }),
            json!(0),
        )
    };
    let bits = 8 * dtype.itemsize();
    Ok(match (dtype.kind(), dtype.itemsize()) {
        (Kind::Bool, _) => (json!("bool"), json!(false)),
        (Kind::Int, 1 | 2 | 4 | 8) => (json!(format!("int{bits}")), json!(0)),
        (Kind::Uint, 1 | 2 | 4 | 8) => (json!(format!("uint{bits}")), json!(0)),
        (Kind::Float, 2 | 4 | 8) => (json!(format!("float{bits}")), json!(0.0)),
        (Kind::Complex, 8 | 16) => (json!(format!("complex{bits}")), json!([0.0, 0.0])),
        (Kind::Datetime(unit), _) => time("numpy.datetime64", unit),
        (Kind::Timedelta(unit), _) => time("numpy.timedelta64", unit),
        (Kind::Unicode, 1..) => sized("fixed_length_utf32", json!("")),
        (Kind::Bytes, 1..) => sized("null_terminated_bytes", json!("")),
        (Kind::Void, 1..) => sized(
            "raw_bytes",
            json!(super::fill::base64_zeros(dtype.itemsize())),
        ),
        (Kind::Struct(fields), _) if is_packed(fields) => {
            let mut types = Vec::new();
            let mut fill = serde_json::Map::new();
            for field in fields.fields() {
                let (data_type, zero) = described(&field.dtype)?;
                types.push(json!({ "name": field.name, "data_type": data_type }));
                fill.insert(field.name.clone(), zero);
            }
            let configuration = json!({ "fields": types });
            let data_type = json!({ "name": "struct", "configuration": configuration });
            (data_type, fill.into())
        }
        _ => {
            let (what, format) = (format!("dtype {}", dtype.str()), crate::Format::Zarr);
            return Err(ErrorKind::CannotWrite { what, format }.into());
        }
    })
}

/// Whether fields stand one after another, without gaps or titles.
fn is_packed(fields: &Struct) -> bool {
    let mut end = 0;
    let mut follows = |offset: usize, nbytes: usize| {
        let is_next = offset == end;
        end = offset + nbytes;
        is_next
    };
    let all = fields
        .fields()
        .iter()
        .all(|field| follows(field.offset, field.dtype.itemsize()) && field.title.is_none());
    all && end == fields.itemsize()
}
