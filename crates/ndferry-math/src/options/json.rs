//! Options as a JSON object (feature `json`).

use ndferry_array::Index;
use serde_json::Value;

use super::{Options, Pick, Setting};
use crate::MathError;

impl Options {
    /// From an object: `{"axis": [0, 2], "keepdims": true, "dtype": "<f4"}`.
    ///
    /// `index` is a list: an int, `null` for `newaxis`, `"..."`, `{"slice": [start, stop, step]}` with `null` for what is
    /// not said, `{"array": n}` for the operand of that number.
    ///
    /// # Errors
    /// [`MathError::Type`] of text that is no such object.
    pub fn from_json(text: &str) -> Result<Self, MathError> {
        let wrong = || MathError::Type {
            function: "options",
            problem: "not a JSON object of options",
        };
        let value: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let mut options = Self::new();
        for (name, value) in value.as_object().ok_or_else(wrong)? {
            let setting = if name == "index" && !value.is_null() {
                let items = value.as_array().ok_or_else(wrong)?;
                let picks: Option<Vec<Pick>> = items.iter().map(pick).collect();
                Setting::Index(picks.ok_or_else(wrong)?)
            } else {
                setting(value).ok_or_else(wrong)?
            };
            options.set(name, setting);
        }
        Ok(options)
    }
}

fn setting(value: &Value) -> Option<Setting> {
    Some(match value {
        Value::Null => Setting::None,
        Value::Bool(value) => Setting::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Setting::Int(value),
            None => Setting::Float(number.as_f64()?),
        },
        Value::String(text) => match text.as_str() {
            "inf" | "Infinity" => Setting::Float(f64::INFINITY),
            "-inf" | "-Infinity" => Setting::Float(f64::NEG_INFINITY),
            "nan" | "NaN" => Setting::Float(f64::NAN),
            text => Setting::Text(text.to_owned()),
        },
        Value::Array(values) => {
            Setting::Ints(values.iter().map(Value::as_i64).collect::<Option<_>>()?)
        }
        Value::Object(_) => return None,
    })
}

fn pick(value: &Value) -> Option<Pick> {
    if let Some(index) = value.as_i64() {
        return Some(Pick::Basic(Index::At(isize::try_from(index).ok()?)));
    }
    Some(match value {
        Value::Null => Pick::Basic(Index::NewAxis),
        Value::String(text) if text == "..." => Pick::Basic(Index::Ellipsis),
        Value::Object(object) => match (object.get("slice"), object.get("array")) {
            (Some(Value::Array(parts)), None) if parts.len() == 3 => {
                let part = |part: &Value| match part {
                    Value::Null => Some(None),
                    part => Some(Some(isize::try_from(part.as_i64()?).ok()?)),
                };
                Pick::Basic(Index::Slice {
                    start: part(&parts[0])?,
                    stop: part(&parts[1])?,
                    step: part(&parts[2])?,
                })
            }
            (None, Some(number)) => Pick::Array(usize::try_from(number.as_u64()?).ok()?),
            _ => return None,
        },
        _ => return None,
    })
}
