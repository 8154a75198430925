//! Dtypes as JSON: a type string; `{"fields": [[name, title, dtype, offset]], "itemsize", "aligned"}`; or
//! `{"base", "shape"}`. Made by hand from `numpy.dtype`'s attributes, so that no parser of ours stands between.

use ndferry_array::{Dtype, Field, Kind, Struct};
use serde_json::{Value, json};

use crate::array::numbers;
use crate::{Answer, Refusal};

/// The dtype that a request speaks of.
pub(crate) fn from_json(value: &Value) -> Result<Dtype, Refusal> {
    if let Some(text) = value.as_str() {
        return Ok(Dtype::parse(text)?);
    }
    if let Some(base) = value.get("base") {
        return Ok(Dtype::subarray(
            from_json(base)?,
            &numbers(&value["shape"]),
        )?);
    }
    let fields = value["fields"].as_array().expect("fields");
    let fields: Result<Vec<Field>, Refusal> = fields
        .iter()
        .map(|field| {
            Ok(Field {
                name: field[0].as_str().expect("a name").to_owned(),
                title: field[1].as_str().map(str::to_owned),
                dtype: from_json(&field[2])?,
                offset: field[3].as_u64().expect("an offset") as usize,
            })
        })
        .collect();
    let itemsize = value["itemsize"].as_u64().expect("an itemsize") as usize;
    let aligned = value["aligned"].as_bool().expect("aligned");
    Ok(Dtype::structured(Struct::new(fields?, itemsize, aligned)?))
}

/// The same way back.
pub(crate) fn to_json(dtype: &Dtype) -> Value {
    match dtype.kind() {
        Kind::Subarray(sub) => json!({ "base": to_json(sub.base()), "shape": sub.shape() }),
        Kind::Struct(fields) => {
            let list = fields.fields().iter();
            let list = list.map(|f| json!([f.name, f.title, to_json(&f.dtype), f.offset]));
            let list: Vec<Value> = list.collect();
            json!({ "fields": list, "itemsize": fields.itemsize(), "aligned": fields.is_aligned() })
        }
        _ => dtype.str().into(),
    }
}

/// `dtype` in all spellings, and what its descr reads back as.
pub(crate) fn describe(request: &Value) -> Result<Answer, Refusal> {
    let dtype = from_json(&request["dtype"])?;
    let descr = dtype.descr()?;
    let swapped = |order| to_json(&dtype.with_byteorder(order));
    let answer = json!({
        "str": dtype.str(),
        "kind": dtype.kind_code().to_string(),
        "itemsize": dtype.itemsize(),
        "native": dtype.is_native(),
        "has_object": dtype.has_object(),
        "descr": descr.to_string(),
        "back": to_json(&Dtype::from_descr(&descr)?),
        "little": swapped(ndferry_array::ByteOrder::Little),
        "big": swapped(ndferry_array::ByteOrder::Big),
    });
    Ok((answer, Vec::new()))
}

/// What a type string means.
pub(crate) fn parse(request: &Value) -> Result<Answer, Refusal> {
    let dtype = Dtype::parse(request["text"].as_str().expect("a text"))?;
    Ok((json!({ "dtype": to_json(&dtype) }), Vec::new()))
}
