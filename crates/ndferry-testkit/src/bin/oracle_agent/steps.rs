//! Operations on arrays, one after another: each step is a list of its name and its arguments.

use bytes::Bytes;
use ndferry_array::{Array, ByteOrder, Casting, Order};
use serde_json::Value;

use crate::array::{self, numbers};
use crate::{Answer, Refusal, dtype};

/// The array that is left after `steps`.
pub(crate) fn run(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    array::answer(&walked(request, bytes)?)
}

/// The request's array, taken through its steps.
pub(crate) fn walked(request: &Value, bytes: Bytes) -> Result<Array, Refusal> {
    let mut array = array::from_request(&request["array"], bytes)?;
    for item in request["steps"].as_array().expect("steps") {
        array = step(array, item)?;
    }
    Ok(array)
}

fn step(array: Array, item: &Value) -> Result<Array, Refusal> {
    let argument = &item[1];
    let text = || argument.as_str().expect("a text");
    Ok(match item[0].as_str().expect("the step's name") {
        "index" => array.index(&text().parse()?)?,
        "transpose" => array.transposed(&numbers(argument))?,
        "reverse_axes" => array.reversed(),
        "reshape" => array.reshaped(&numbers(argument))?,
        "field" => array.field(text())?,
        "copy" => array.view().to_array(order(text()))?,
        "into_order" => array.into_order(order(text()))?,
        "byteorder" => array.into_byteorder(match text() {
            "<" => ByteOrder::Little,
            ">" => ByteOrder::Big,
            other => panic!("no byte order {other}"),
        })?,
        "cast" => {
            let casting = match item[2].as_str() {
                Some("safe") => Casting::Safe,
                Some("same_kind") => Casting::SameKind,
                _ => Casting::Unsafe,
            };
            let to = dtype::from_json(argument)?;
            array.view().to_dtype(&to, casting)?
        }
        "runs" => gathered(&array, order(text()), &item[2])?,
        other => panic!("no step {other}"),
    })
}

fn order(text: &str) -> Order {
    match text {
        "C" => Order::C,
        "F" => Order::F,
        other => panic!("no order {other}"),
    }
}

/// A copy made of runs of at most so many bytes, as writers make it.
fn gathered(array: &Array, order: Order, max_nbytes: &Value) -> Result<Array, Refusal> {
    let max_nbytes = max_nbytes.as_u64().expect("bytes") as usize;
    let mut bytes = Vec::new();
    array.view().for_each_run(order, max_nbytes, |run| {
        assert!(run.len() <= max_nbytes.max(array.dtype().itemsize()));
        bytes.extend_from_slice(run);
        Ok::<(), Refusal>(())
    })?;
    let (dtype, shape) = (array.dtype().clone(), array.shape());
    Ok(Array::contiguous(dtype, shape, order, bytes)?)
}
