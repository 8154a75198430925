//! Dtypes as `repr` of an array writes them (`numpy/_core/_dtype.py`, `dtype_short_repr` in `arrayprint.py`).

use super::text::{tuple, write_str};
use crate::{Dtype, Kind, Struct};

/// Whether NumPy takes the dtype for granted when it reads the elements: int64, float64, complex128, bool.
pub(crate) fn is_implied(dtype: &Dtype) -> bool {
    let itemsize = dtype.itemsize();
    let is_default = match dtype.kind() {
        Kind::Bool => true,
        Kind::Int | Kind::Float => itemsize == 8,
        Kind::Complex => itemsize == 16,
        _ => false,
    };
    is_default && dtype.is_native()
}

/// What stands after `dtype=` in the `repr` of an array.
pub(crate) fn short_repr(dtype: &Dtype) -> String {
    let bits = |stem: &str| format!("{stem}{}", 8 * dtype.itemsize());
    let name = match dtype.kind() {
        Kind::Struct(fields) => return struct_str(fields, true),
        Kind::Subarray(_) => return construction(dtype),
        Kind::Bytes | Kind::Unicode | Kind::Void => return format!("'{dtype}'"),
        _ if !dtype.is_native() => return format!("'{dtype}'"),
        Kind::Bool => "bool".to_owned(),
        Kind::Int => bits("int"),
        Kind::Uint => bits("uint"),
        Kind::Float => bits("float"),
        Kind::Complex => bits("complex"),
        Kind::Datetime(unit) => format!("datetime64{unit}"),
        Kind::Timedelta(unit) => format!("timedelta64{unit}"),
        Kind::Object => "object".to_owned(),
        Kind::VariableString => return "StringDType()".to_owned(),
    };
    if name.ends_with(']') {
        format!("'{name}'")
    } else {
        name
    }
}

/// A dtype inside another, as short as it goes.
fn construction(dtype: &Dtype) -> String {
    match dtype.kind() {
        Kind::Struct(fields) => struct_str(fields, false),
        Kind::Subarray(sub) => format!("({}, {})", construction(sub.base()), tuple(sub.shape())),
        Kind::Bool => "'?'".to_owned(),
        Kind::Object => "'O'".to_owned(),
        Kind::VariableString => "'T'".to_owned(),
        Kind::Bytes | Kind::Void | Kind::Unicode if dtype.itemsize() == 0 => {
            let order = Some(dtype.byteorder().code()).filter(|code| *code != '|');
            let order = order.map_or(String::new(), String::from);
            format!("'{order}{}'", dtype.kind_code())
        }
        _ => format!("'{}'", dtype.str().trim_start_matches('|')),
    }
}

/// As a list where that says all, otherwise as a dict.
fn struct_str(fields: &Struct, include_align: bool) -> String {
    let shows_align = include_align && fields.is_aligned();
    if !shows_align && is_packed(fields) {
        return list_str(fields);
    }
    let list = |item: &dyn Fn(&crate::Field) -> String| {
        let items: Vec<String> = fields.fields().iter().map(item).collect();
        items.join(", ")
    };
    let mut out = format!(
        "{{'names': [{}], 'formats': [{}], 'offsets': [{}]",
        list(&|field| python_str(&field.name)),
        list(&|field| construction(&field.dtype)),
        list(&|field| field.offset.to_string()),
    );
    if fields.fields().iter().any(|field| field.title.is_some()) {
        let title = |field: &crate::Field| {
            let title = field.title.as_deref();
            title.map_or("None".to_owned(), python_str)
        };
        out.push_str(&format!(", 'titles': [{}]", list(&title)));
    }
    out.push_str(&format!(", 'itemsize': {}", fields.itemsize()));
    out.push_str(if shows_align {
        ", 'aligned': True}"
    } else {
        "}"
    });
    out
}

fn list_str(fields: &Struct) -> String {
    let item = |field: &crate::Field| {
        let name = python_str(&field.name);
        let name = match &field.title {
            Some(title) => format!("({}, {name})", python_str(title)),
            None => name,
        };
        match field.dtype.kind() {
            Kind::Subarray(sub) => {
                let base = construction(sub.base());
                format!("({name}, {base}, {})", tuple(sub.shape()))
            }
            _ => format!("({name}, {})", construction(&field.dtype)),
        }
    };
    let items: Vec<String> = fields.fields().iter().map(item).collect();
    format!("[{}]", items.join(", "))
}

/// Whether the fields lie where NumPy would put them by itself.
fn is_packed(fields: &Struct) -> bool {
    let up_to = |offset: usize, alignment: usize| {
        if fields.is_aligned() {
            offset.next_multiple_of(alignment)
        } else {
            offset
        }
    };
    let mut end = 0;
    for field in fields.fields() {
        end = up_to(end, alignment(&field.dtype));
        if field.offset != end {
            return false;
        }
        end += field.dtype.itemsize();
    }
    up_to(end, struct_alignment(fields)) == fields.itemsize()
}

/// `numpy.dtype.alignment` on 64-bit x86 and ARM.
fn alignment(dtype: &Dtype) -> usize {
    match dtype.kind() {
        Kind::Bool | Kind::Bytes | Kind::Void => 1,
        Kind::Unicode => 4,
        Kind::Object | Kind::VariableString => 8,
        Kind::Int | Kind::Uint | Kind::Datetime(_) | Kind::Timedelta(_) => dtype.itemsize(),
        Kind::Float => float_alignment(dtype.itemsize()),
        Kind::Complex => float_alignment(dtype.itemsize() / 2),
        Kind::Subarray(sub) => alignment(sub.base()),
        Kind::Struct(fields) if fields.is_aligned() => struct_alignment(fields),
        Kind::Struct(_) => 1,
    }
}

fn struct_alignment(fields: &Struct) -> usize {
    let alignments = fields.fields().iter().map(|field| alignment(&field.dtype));
    alignments.max().unwrap_or(1)
}

fn float_alignment(itemsize: usize) -> usize {
    // The 12 bytes of 32-bit x86 are aligned to 4.
    if itemsize == 12 { 4 } else { itemsize }
}

fn python_str(text: &str) -> String {
    let mut out = String::new();
    write_str(text.chars().map(u32::from), &mut out);
    out
}
