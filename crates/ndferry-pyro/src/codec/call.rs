//! [`Call`]: which method of which object, with what.

use super::shape;
use crate::{Result, Value};

/// A call of a method of an object.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The object's name in its daemon.
    pub object: String,
    /// The method's.
    pub method: String,
    /// Arguments by position.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Vec<(String, Value)>,
}

impl Call {
    /// The call that this value is.
    pub(crate) fn of_value(value: Value) -> Result<Self> {
        let wrong = || shape("the call");
        let parts = match value {
            Value::Tuple(parts) | Value::List(parts) => <[Value; 4]>::try_from(parts).ok(),
            Value::Dict(pairs) => {
                let mut parts = [const { None }; 4];
                for (key, value) in pairs {
                    let names = ["object", "method", "params", "kwargs"];
                    let at = names.iter().position(|name| key.as_str() == Some(name));
                    parts[at.ok_or_else(wrong)?] = Some(value);
                }
                match parts {
                    [Some(a), Some(b), Some(c), Some(d)] => Some([a, b, c, d]),
                    _ => None,
                }
            }
            _ => None,
        };
        let [object, method, args, kwargs] = parts.ok_or_else(wrong)?;
        Self::of_parts(object.as_str().ok_or_else(wrong)?, [method, args, kwargs])
    }

    /// From method, arguments by position and by name.
    pub(crate) fn of_parts(object: &str, [method, args, kwargs]: [Value; 3]) -> Result<Self> {
        let wrong = || shape("the call");
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        let args = match args {
            Value::Tuple(args) | Value::List(args) => args,
            // What is passed on as it came needs not be a tuple.
            Value::None => Vec::new(),
            other => vec![other],
        };
        let kwargs = match kwargs {
            Value::None => Vec::new(),
            Value::Dict(pairs) => {
                let named = pairs.into_iter();
                let named = named.map(|(key, value)| Ok((text(&key)?, value)));
                named.collect::<Result<_>>()?
            }
            _ => return Err(wrong()),
        };
        Ok(Self {
            object: object.to_owned(),
            method: text(&method)?,
            args,
            kwargs,
        })
    }
}
