//! Dtypes, shapes and names as people and JSON readers see them.

use ndferry::{Array, ByteOrder, Descr, Dtype, Order, PrintOptions};
use serde_json::{Value, json};

/// Largest integer that every JSON reader keeps exact.
const MAX_EXACT: u64 = 1 << 53;

/// A number, or its digits as a string where a JSON reader that thinks in doubles would round it.
pub(crate) fn number(n: u64) -> Value {
    if n > MAX_EXACT {
        n.to_string().into()
    } else {
        n.into()
    }
}

/// `dtype.str`, or the list of fields; a dictionary of names, formats and offsets where a list cannot say it.
pub(crate) fn dtype_json(dtype: &Dtype) -> Value {
    if dtype.fields().is_none() {
        return dtype.str().into();
    }
    match dtype.descr() {
        Ok(descr) => descr_json(&descr),
        Err(_) => fields_json(dtype),
    }
}

fn descr_json(descr: &Descr) -> Value {
    match descr {
        Descr::Str(text) => text.clone().into(),
        Descr::Subarray(base, shape) => json!([descr_json(base), shape]),
        Descr::Fields(fields) => fields
            .iter()
            .map(|field| {
                let name = match &field.title {
                    Some(title) => json!([title, field.name]),
                    None => field.name.clone().into(),
                };
                match &field.shape {
                    Some(shape) => json!([name, descr_json(&field.descr), shape]),
                    None => json!([name, descr_json(&field.descr)]),
                }
            })
            .collect(),
    }
}

fn fields_json(dtype: &Dtype) -> Value {
    let fields = dtype
        .fields()
        .map(|fields| fields.fields())
        .unwrap_or_default();
    let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
    let formats: Vec<Value> = fields
        .iter()
        .map(|field| dtype_json(&field.dtype))
        .collect();
    let offsets: Vec<usize> = fields.iter().map(|field| field.offset).collect();
    json!({"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize()})
}

/// Columns that the fields of a struct may take in a table.
const FIELDS_COLUMNS: usize = 32;

/// NumPy's name (`float32`); of a struct the descr, its fields' names, or their number, as much as fits a table.
pub(crate) fn dtype_text(dtype: &Dtype) -> String {
    if let Some(fields) = dtype.fields() {
        let fields = fields.fields();
        let descr = dtype.descr().map(|descr| plain(&descr.to_string())).ok();
        let names: Vec<String> = fields.iter().map(|field| plain(&field.name)).collect();
        let names = format!("struct ({})", names.join(", "));
        let fits = |text: &String| text.chars().count() <= FIELDS_COLUMNS;
        let short = descr.filter(fits).or(Some(names).filter(fits));
        return short.unwrap_or_else(|| format!("struct of {} fields", fields.len()));
    }
    if let Some(name) = dtype.name() {
        return name;
    }
    let text = dtype.str();
    match dtype.kind_code() {
        'M' => format!(
            "datetime64{}",
            text.split_once('[')
                .map_or(String::new(), |(_, unit)| format!("[{unit}"))
        ),
        'm' => format!(
            "timedelta64{}",
            text.split_once('[')
                .map_or(String::new(), |(_, unit)| format!("[{unit}"))
        ),
        'T' => "StringDType".to_owned(),
        'S' | 'V' => text.trim_start_matches('|').to_owned(),
        _ => text.trim_start_matches(['<', '>', '|', '=']).to_owned(),
    }
}

/// `little` or `big`, where it makes a difference.
pub(crate) fn byteorder_text(dtype: &Dtype) -> Option<&'static str> {
    match dtype.byteorder() {
        ByteOrder::Little => Some("little"),
        ByteOrder::Big => Some("big"),
        _ => None,
    }
}

/// A date or a span of time, if that is what the dtype counts.
pub(crate) fn time_text(ticks: i64, dtype: &Dtype) -> Option<String> {
    if !matches!(dtype.kind_code(), 'M' | 'm') {
        return None;
    }
    let dtype = dtype.with_byteorder(ByteOrder::NATIVE);
    let bytes = ticks.to_ne_bytes().to_vec();
    let array = Array::contiguous(dtype, &[], Order::C, bytes).ok()?;
    array.view().str(&PrintOptions::default()).ok()
}

/// `(2, 3)`, `(2,)`, `()`.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    match &extents[..] {
        [one] => format!("({one},)"),
        several => format!("({})", several.join(", ")),
    }
}

/// `C` or `F`.
pub(crate) fn order_text(order: Order) -> &'static str {
    match order {
        Order::C => "C",
        Order::F => "F",
    }
}

/// A text from outside on a terminal: control characters escaped.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`plain`], with everything beyond ASCII spelled out: of names, letters that look like others matter.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || !c.is_ascii() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
