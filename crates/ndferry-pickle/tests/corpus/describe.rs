//! Arrays as the corpus writes them down, in one line each.

use ndferry_array::{Array, ArrayView, ByteOrder, Dtype, Kind, Layout, Order};
use ndferry_pickle::{Elements, PickledArray, Result, StoredOrder, Tree};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All arrays in an expected value.
pub(crate) fn theirs(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut stack = vec![value];
    while let Some(value) = stack.pop() {
        match value["t"].as_str() {
            Some("ndarray") => out.push(their_array(value)),
            // A singleton, whose data nobody pickles.
            Some("maskedarray") if value["class"] == "numpy.ma.core.MaskedConstant" => {}
            Some("maskedarray") => {
                out.push(their_array(&value["data"]));
                // `nomask` was written as a mask of zeros.
                if value["mask"]["dtype"].is_object() {
                    out.push(their_array(&value["mask"]));
                }
            }
            Some("array.array") => {
                let values = value["values"].as_array().unwrap();
                let values: Vec<&str> =
                    values.iter().map(|value| value.as_str().unwrap()).collect();
                out.push(array_array(value["itemsize"].as_u64().unwrap(), &values));
                continue;
            }
            _ => {}
        }
        match value {
            Value::Array(items) => stack.extend(items),
            Value::Object(fields) => stack.extend(fields.values()),
            _ => {}
        }
    }
    out
}

/// Lists of values do not say which size the writer's `l` had.
fn array_array(itemsize: u64, values: &[impl std::fmt::Debug]) -> String {
    format!(
        "array {} {values:?}",
        if itemsize == 8 { 4 } else { itemsize }
    )
}

/// An array in a manifest's short list: type string, shape, whether in F order, SHA-256. `None` for structs, of which
/// the list gives another sum.
pub(crate) fn short(value: &Value) -> Option<String> {
    let dtype = value[0]
        .as_str()
        .unwrap()
        .trim_start_matches(['<', '>', '|']);
    let shape: Vec<u64> = serde_json::from_value(value[1].clone()).unwrap();
    let order = if value[2] == true { "F" } else { "C" };
    let dtype = dtype.split('[').next().unwrap();
    match (dtype.chars().next(), value[3].as_str()) {
        (Some('V'), _) => None,
        (Some(kind), Some(sha256)) => {
            let size: usize = dtype[1..].parse().unwrap();
            let itemsize = if kind == 'U' { 4 * size } else { size };
            Some(format!("{kind}{itemsize} {shape:?} {order} {sha256}"))
        }
        _ => Some(format!("{dtype} {shape:?}")),
    }
}

fn their_array(value: &Value) -> String {
    let shape: Vec<u64> = value["shape"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap())
        .collect();
    let dtype = &value["dtype"];
    // NumPy before 1.10 said of a single row that it is in F order; it is in both.
    let is_one_way = shape.iter().filter(|extent| **extent > 1).count() < 2;
    let order = if value["fortran"] == true && !is_one_way {
        "F"
    } else {
        "C"
    };
    if let Some(fields) = value["field_arrays"].as_array() {
        let each = |(pair, field): (&Value, &Value)| {
            let (name, array) = (pair[0].as_str().unwrap(), their_array(&pair[1]));
            format!("{name}@{} {array}", field["offset"])
        };
        let described = dtype["fields"].as_array().unwrap();
        let fields: Vec<String> = fields.iter().zip(described).map(each).collect();
        return format!(
            "struct {} {shape:?} {order} [{}]",
            dtype["itemsize"],
            fields.join(", ")
        );
    }
    let (kind, itemsize) = (dtype["kind"].as_str().unwrap(), &dtype["itemsize"]);
    match value["le_sha256"].as_str() {
        Some(sha256) => format!("{kind}{itemsize} {shape:?} {order} {sha256}"),
        None => format!("{kind} {shape:?}"),
    }
}

/// `has_quads`: 16 bytes of a float are IEEE's quad, not x87's 10.
pub(crate) fn ours(tree: &Tree, pickled: &PickledArray, has_quads: bool) -> Result<String> {
    let PickledArray {
        dtype,
        shape,
        order,
        ..
    } = pickled;
    let bytes = match &pickled.elements {
        Elements::Bytes(payload) => payload.bytes(tree)?,
        Elements::Values(bytes) => bytes.clone(),
        _ => return Ok(objects(pickled)),
    };
    let array = match order {
        StoredOrder::C => Array::contiguous(dtype.clone(), shape, Order::C, bytes),
        StoredOrder::F => Array::contiguous(dtype.clone(), shape, Order::F, bytes),
        StoredOrder::Permuted(axes) => {
            let mut stored = vec![0; axes.len()];
            for (extent, axis) in shape.iter().zip(axes) {
                stored[*axis] = *extent;
            }
            let layout = Layout::contiguous(&stored, dtype.itemsize(), Order::C).unwrap();
            Array::new(dtype.clone(), layout, bytes).and_then(|array| array.transposed(axes))
        }
    };
    let array = array.unwrap();
    match pickled.is_array_array {
        true => Ok(array_array(dtype.itemsize() as u64, &values(&array))),
        false => Ok(described(&array.view(), has_quads)),
    }
}

fn objects(pickled: &PickledArray) -> String {
    let shape = &pickled.shape;
    match pickled.dtype.kind() {
        Kind::VariableString => format!("T {shape:?}"),
        Kind::Object => format!("O {shape:?}"),
        _ => format!("objects {shape:?}"),
    }
}

fn described(view: &ArrayView<'_>, has_quads: bool) -> String {
    let (dtype, shape) = (view.dtype(), view.shape());
    let is_c = view.layout().is_contiguous(dtype.itemsize(), Order::C);
    let is_f = view.layout().is_contiguous(dtype.itemsize(), Order::F);
    let order = if is_f && !is_c { "F" } else { "C" };
    if let Some(fields) = dtype.fields() {
        let each = |field: &ndferry_array::Field| {
            let part = view.field(&field.name).unwrap();
            format!(
                "{}@{} {}",
                field.name,
                field.offset,
                described(&part, has_quads)
            )
        };
        let fields: Vec<String> = fields.fields().iter().map(each).collect();
        return format!(
            "struct {} {shape:?} {order} [{}]",
            dtype.itemsize(),
            fields.join(", ")
        );
    }
    let little = view.to_byteorder(ByteOrder::Little).unwrap();
    let mut bytes = little.view().to_bytes(Order::C).unwrap();
    if !has_quads {
        zero_padding(dtype, &mut bytes);
    }
    format!(
        "{}{} {shape:?} {order} {}",
        dtype.kind_code(),
        dtype.itemsize(),
        sha256(&bytes)
    )
}

/// Of an x87 number, only 10 bytes count.
fn zero_padding(dtype: &Dtype, little: &mut [u8]) {
    let nbytes = match dtype.kind() {
        Kind::Float => dtype.itemsize(),
        Kind::Complex => dtype.itemsize() / 2,
        _ => return,
    };
    if matches!(nbytes, 12 | 16) {
        for number in little.chunks_mut(nbytes) {
            number[10..].fill(0);
        }
    }
}

fn values(array: &Array) -> Vec<String> {
    let little = array.view().to_byteorder(ByteOrder::Little).unwrap();
    let bytes = little.view().to_bytes(Order::C).unwrap();
    let one = |item: &[u8]| {
        let signed =
            item.last().is_some_and(|last| *last >= 0x80) && *array.dtype().kind() == Kind::Int;
        let mut wide = [if signed { 0xff } else { 0 }; 16];
        wide[..item.len()].copy_from_slice(item);
        let number = i128::from_le_bytes(wide);
        match (array.dtype().kind(), item.len()) {
            (Kind::Float, 4) => format!("{:?}", f32::from_bits(number as u32)),
            (Kind::Float, _) => format!("{:?}", f64::from_bits(number as u64)),
            (Kind::Unicode | Kind::Bytes, _) => char::from_u32(number as u32).unwrap().to_string(),
            _ => number.to_string(),
        }
    };
    bytes
        .chunks_exact(array.dtype().itemsize())
        .map(one)
        .collect()
}
