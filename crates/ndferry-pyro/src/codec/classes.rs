//! Objects of classes as dicts with `__class__`, as all serializers but pickle have them (`SerializerBase.class_to_dict`).

use num_bigint::BigInt;

use super::Encoding;
use crate::{Dialect, Exception, Object, Uri, Value};

/// As `class_to_dict` makes it.
pub(super) fn of_exception(exception: &Exception) -> Value {
    Value::dict([
        ("__class__", exception.class.as_str().into()),
        ("__exception__", Value::Bool(true)),
        ("args", Value::Tuple(exception.args.clone())),
        ("attributes", Value::Dict(exception.attributes.clone())),
    ])
}

/// As `URI.__getstate__` has it: protocol, object, Unix socket, host, port.
pub(super) fn state_of_uri(uri: &Uri) -> Vec<Value> {
    let (protocol, path, host, port) = match uri {
        Uri::Tcp { host, port, .. } => ("PYRO", None, Some(host), Some(*port)),
        Uri::Unix { path, .. } => ("PYRO", Some(path), None, None),
        Uri::Name { server, .. } => {
            let server = server.as_ref();
            let host = server.map(|(host, _)| host);
            ("PYRONAME", None, host, server.map(|(_, port)| *port))
        }
    };
    let text = |text: Option<&String>| text.map_or(Value::None, |text| text.as_str().into());
    let port = port.map_or(Value::None, |port| Value::Int(port.into()));
    vec![
        protocol.into(),
        uri.object().into(),
        text(path),
        text(host),
        port,
    ]
}

pub(super) fn of_uri(uri: &Uri, dialect: Dialect) -> Value {
    let class = format!("{}.core.URI", dialect.package());
    let state = Value::Tuple(state_of_uri(uri));
    Value::dict([("__class__", class.into()), ("state", state)])
}

/// The address with this state; `None` if it is not one.
pub(super) fn uri_of_state(state: &[Value]) -> Option<Uri> {
    let [protocol, object, path, host, port] = state else {
        return None;
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (object, host) = (text(object)?, text(host));
    let port = port.as_int().and_then(|port| u16::try_from(port).ok());
    let uri = match (protocol.as_str()?, text(path)) {
        ("PYRO", Some(path)) => Uri::Unix { object, path },
        ("PYRO", None) => Uri::Tcp {
            object,
            host: host?,
            port: port?,
        },
        ("PYRONAME", None) => Uri::Name {
            name: object,
            server: host.map(|host| (host, port.unwrap_or(crate::uri::NAME_SERVER_PORT))),
        },
        _ => return None,
    };
    // Parts that would be another address as a text are those of none.
    (uri.to_string().parse::<Uri>().ok()? == uri).then_some(uri)
}

/// Where the object of a proxy is, which is the first of its state (`Proxy.__getstate__`): a client's own object comes as
/// that when it is passed to somebody.
fn uri_of_proxy(state: &Value) -> Option<Uri> {
    Uri::of_value(state.as_items()?.first()?).ok()
}

/// Whether a class is a wrapper around an exception among the results of a batch.
fn is_wrapper(class: &str) -> bool {
    matches!(
        class,
        "Pyro4.futures._ExceptionWrapper" | "Pyro5.core._ExceptionWrapper"
    )
}

/// A dict as what it stands for, if that is something that we know; otherwise as it is.
pub(super) fn of_dict(pairs: Vec<(Value, Value)>) -> Value {
    let dict = Value::Dict(pairs);
    let Some(class) = dict.get("__class__").and_then(Value::as_str) else {
        return dict;
    };
    let made = match class {
        // serpent's `nan`.
        "float" => dict
            .get("value")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .map(Value::Float),
        "complex" => match (dict.get("real"), dict.get("imag")) {
            (Some(Value::Float(re)), Some(Value::Float(im))) => Some(Value::Complex(*re, *im)),
            _ => None,
        },
        "Pyro4.core.URI" | "Pyro5.core.URI" => dict
            .get("state")
            .and_then(Value::as_items)
            .and_then(uri_of_state)
            .map(Value::from),
        "Pyro4.core.Proxy" | "Pyro5.client.Proxy" => {
            dict.get("state").and_then(uri_of_proxy).map(Value::from)
        }
        // `docs/peers/pyro5_arrays.py`
        "numpy.ndarray" => match dict.get("npy") {
            Some(npy @ (Value::Bytes(_) | Value::Py2Str(_))) => Some(npy.clone()),
            _ => None,
        },
        class if is_wrapper(class) => match dict.get("exception") {
            Some(exception @ Value::Exception(_)) => Some(exception.clone()),
            _ => None,
        },
        class if matches!(dict.get("__exception__"), Some(Value::Bool(true))) => {
            let args = dict.get("args").and_then(Value::as_items);
            let attributes = match dict.get("attributes") {
                Some(Value::Dict(pairs)) => Some(pairs.clone()),
                None => Some(Vec::new()),
                Some(_) => None,
            };
            args.zip(attributes).map(|(args, attributes)| {
                Value::from(Exception {
                    class: class.to_owned(),
                    args: args.to_vec(),
                    attributes,
                })
            })
        }
        _ => None,
    };
    made.unwrap_or(dict)
}

/// An object out of a pickle as what we know it to be; otherwise as it is.
pub(super) fn of_object(object: Object) -> Value {
    let Value::Global(module, name) = &object.function else {
        return Value::Object(Box::new(object));
    };
    let class = format!("{module}.{name}");
    // `copyreg._reconstructor(class, object, None)` is what old protocols make objects by.
    let class = match (class.as_str(), object.args.as_items()) {
        (
            "copy_reg._reconstructor" | "copyreg._reconstructor" | "copyreg.__newobj__",
            Some([Value::Global(module, name), ..]),
        ) => format!("{module}.{name}"),
        _ => class,
    };
    let state = object.state.as_ref();
    let made = match class.as_str() {
        "Pyro4.core.URI" => state
            .and_then(Value::as_items)
            .and_then(uri_of_state)
            .map(Value::from),
        "Pyro4.core.Proxy" => state.and_then(uri_of_proxy).map(Value::from),
        class if is_wrapper(class) => match state.and_then(|state| state.get("exception")).cloned()
        {
            Some(inner) => into_exception(inner).map(Value::from),
            None => None,
        },
        _ => None,
    };
    made.unwrap_or_else(|| Value::Object(Box::new(object)))
}

/// The exception that a value is, which is known to be one.
pub(crate) fn into_exception(value: Value) -> Option<Exception> {
    match value {
        Value::Exception(exception) => Some(*exception),
        Value::Object(object) => {
            let (Value::Global(module, name), Value::Tuple(args)) =
                (&object.function, &object.args)
            else {
                return None;
            };
            let attributes = match object.state {
                Some(Value::Dict(pairs)) => pairs,
                _ => Vec::new(),
            };
            Some(Exception {
                class: format!("{module}.{name}"),
                args: args.clone(),
                attributes,
            })
        }
        _ => None,
    }
}

/// An exception among the results of a batch, as Pyro's clients expect it there.
pub(crate) fn wrapped(exception: Exception, encoding: &Encoding) -> Value {
    let (module, class) = match encoding.dialect {
        Dialect::Pyro4 => ("Pyro4.futures", "_ExceptionWrapper"),
        Dialect::Pyro5 => ("Pyro5.core", "_ExceptionWrapper"),
    };
    let exception = ("exception", Value::from(exception));
    if encoding.serializer.is_pickle() {
        return Value::Object(Box::new(Object {
            function: Value::Global(module.into(), class.into()),
            args: Value::Tuple(Vec::new()),
            kwargs: None,
            is_new: true,
            state: Some(Value::dict([exception])),
            items: Vec::new(),
            pairs: Vec::new(),
        }));
    }
    let class = format!("{module}.{class}");
    Value::dict([("__class__", class.into()), exception])
}

/// The smallest of ours that holds it.
pub(super) fn int(value: BigInt) -> Value {
    match i64::try_from(&value) {
        Ok(small) => Value::Int(small),
        Err(_) => Value::BigInt(value),
    }
}
