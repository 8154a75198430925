//! Arrays as JSON and bytes: dtype, shape, strides and offset over the bytes of a request, elements in C order back.

use bytes::Bytes;
use ndferry_array::{Array, Layout, Order};
use serde_json::{Value, json};

use crate::{Answer, Refusal, dtype};

/// A list of whole numbers.
pub(crate) fn numbers<T: TryFrom<i64>>(value: &Value) -> Vec<T> {
    let number = |item: &Value| T::try_from(item.as_i64()?).ok();
    let list = value.as_array().expect("a list");
    list.iter()
        .map(|item| number(item).expect("a number"))
        .collect()
}

/// The array that a request describes, over its bytes.
pub(crate) fn from_request(value: &Value, bytes: Bytes) -> Result<Array, Refusal> {
    let offset = value["offset"].as_u64().expect("an offset") as usize;
    let layout = Layout::strided(
        &numbers::<usize>(&value["shape"]),
        &numbers::<isize>(&value["strides"]),
        offset,
    )?;
    Ok(Array::new(
        dtype::from_json(&value["dtype"])?,
        layout,
        bytes,
    )?)
}

/// What there is to say of an array, without its elements.
pub(crate) fn describe(array: &Array) -> Value {
    let itemsize = array.dtype().itemsize();
    json!({
        "dtype": dtype::to_json(array.dtype()),
        "shape": array.shape(),
        "strides": array.layout().strides(),
        "offset": array.layout().offset(),
        "c": array.layout().is_contiguous(itemsize, Order::C),
        "f": array.layout().is_contiguous(itemsize, Order::F),
    })
}

/// An array, its elements in C order.
pub(crate) fn answer(array: &Array) -> Result<Answer, Refusal> {
    Ok((describe(array), array.view().to_bytes(Order::C)?))
}
