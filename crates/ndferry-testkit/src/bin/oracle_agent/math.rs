//! Functions of arrays by name.

use bytes::Bytes;
use ndferry_array::{Array, Order};
use ndferry_math::{Operand, Options};
use serde_json::{Value, json};

use crate::{Answer, Refusal, array};

/// Calls one with the operands of a request: arrays over its bytes, and numbers of Python as texts.
pub(crate) fn call(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let given = request["operands"].as_array().expect("operands");
    let arrays: Vec<Option<Array>> = given
        .iter()
        .map(|operand| match operand.get("shape") {
            Some(_) => array::from_request(operand, bytes.clone()).map(Some),
            None => Ok(None),
        })
        .collect::<Result<_, _>>()?;
    let operands: Vec<Operand<'_>> = given
        .iter()
        .zip(&arrays)
        .map(|(operand, array)| match array {
            Some(array) => Operand::from(array),
            None => number(operand),
        })
        .collect();
    let name = request["name"].as_str().expect("a name");
    let options = Options::from_json(&request["options"].to_string())?;
    let results = ndferry_math::call(name, &operands, &options)
        .map_err(|error| format!("{}: {error}", error.kind().exception()))?;
    let mut elements = Vec::new();
    for result in &results {
        elements.extend(result.view().to_bytes(Order::C)?);
    }
    let arrays: Vec<Value> = results.iter().map(array::describe).collect();
    Ok((json!({ "arrays": arrays }), elements))
}

fn number(operand: &Value) -> Operand<'static> {
    let float = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    let read = || {
        Some(match operand.as_object()?.iter().next()? {
            (kind, value) if kind == "bool" => Operand::Bool(value.as_bool()?),
            (kind, value) if kind == "int" => Operand::Int(value.as_str()?.parse().ok()?),
            (kind, value) if kind == "float" => Operand::Float(float(value)?),
            (_, value) => Operand::Complex(float(&value[0])?, float(&value[1])?),
        })
    };
    read().expect("a number of Python")
}

/// All there are, with the fewest operands and the most.
pub(crate) fn functions() -> Value {
    let all = ndferry_math::functions()
        .map(|function| json!([function.name(), function.arity().0, function.options()]));
    json!({ "functions": all.collect::<Vec<_>>() })
}
