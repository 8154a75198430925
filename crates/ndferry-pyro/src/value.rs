//! [`Value`]: what is passed in calls, as data.

use std::fmt;

use bytes::Bytes;
use ndferry_array::{Array, Order};
use num_bigint::BigInt;

use crate::{ErrorKind, Result, Uri};

/// An object of Python as it comes and goes in a message. What is used twice is there twice.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Value {
    /// `None`
    #[default]
    None,
    /// `True` or `False`
    Bool(bool),
    /// `int` that fits.
    Int(i64),
    /// Any other `int`.
    BigInt(BigInt),
    /// `float`
    Float(f64),
    /// `complex`: real and imaginary part.
    Complex(f64, f64),
    /// `str`
    Str(String),
    /// `bytes` or `bytearray`
    Bytes(Bytes),
    /// Python 2's `str`: bytes or text.
    Py2Str(Bytes),
    /// `list`
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `set` or `frozenset`
    Set(Vec<Value>),
    /// `dict`, in its order.
    Dict(Vec<(Value, Value)>),
    /// NumPy's array, or `array.array`.
    Array(Box<Array>),
    /// A scalar of NumPy, as an array without axes.
    Scalar(Box<Array>),
    /// An exception.
    Exception(Box<Exception>),
    /// Where an object of Pyro is.
    Uri(Box<Uri>),
    /// A class or function by its name, as pickles refer to them.
    Global(Box<str>, Box<str>),
    /// Any other object, as data.
    Object(Box<Object>),
}

/// An exception, as data. Prints as Python does: class and message.
#[derive(Clone, Debug, Default)]
pub struct Exception {
    /// Module and name: `builtins.ValueError`.
    pub class: String,
    /// What it was made with.
    pub args: Vec<Value>,
    /// What was set on it; `_pyroTraceback` among it is where it was raised.
    pub attributes: Vec<(Value, Value)>,
}

/// An object of a class that we know nothing of, as a pickle describes it.
#[derive(Clone, Debug)]
pub struct Object {
    /// What makes it: a [`Value::Global`], in honest pickles.
    pub function: Value,
    /// What it is made with: a tuple, in honest pickles.
    pub args: Value,
    /// Keyword arguments.
    pub kwargs: Option<Value>,
    /// Whether `function.__new__(function, *args)` makes it, not `function(*args)`.
    pub is_new: bool,
    /// What is set on it then.
    pub state: Option<Value>,
    /// What is appended or added.
    pub items: Vec<Value>,
    /// What is set by key.
    pub pairs: Vec<(Value, Value)>,
}

impl Value {
    /// A text: also Python 2's `str`, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Py2Str(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// An `int` (or `bool`) that fits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The items of a list, tuple or set.
    pub fn as_items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a dict's key that is this text.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(pairs) => {
                let pair = pairs.iter().rev().find(|(k, _)| k.as_str() == Some(key));
                pair.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The array that this is: one of NumPy's, or an NPY in `bytes`, as peers send them whose serializers know no arrays.
    /// Of an NPY nothing is copied.
    ///
    /// # Errors
    /// An NPY that cannot be read.
    pub fn to_array(&self) -> Result<Option<Array>> {
        let bytes = match self {
            Self::Array(array) | Self::Scalar(array) => return Ok(Some(Array::clone(array))),
            Self::Bytes(bytes) | Self::Py2Str(bytes) => bytes,
            // What serpent of Python 2 makes of a `str`: each character stands for a byte.
            Self::Str(text) if text.starts_with("\u{93}NUMPY") => {
                let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).ok());
                match bytes.collect::<Option<Vec<u8>>>() {
                    Some(bytes) => &Bytes::from(bytes),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        if !bytes.starts_with(b"\x93NUMPY") {
            return Ok(None);
        }
        let (array, _) = ndferry_npy::parse(bytes, &ndferry_npy::Limits::default())
            .map_err(|error| ErrorKind::Npy(error).at(0))?;
        Ok(Some(array))
    }

    /// A list of these.
    pub fn list(items: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A dict with these keys.
    pub fn dict<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Dict(pairs.map(|(key, value)| (key.into(), value)).into())
    }

    /// What it is called in messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Complex(..) => "complex",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::Py2Str(_) => "str of Python 2",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Array(_) => "array",
            Self::Scalar(_) => "scalar",
            Self::Exception(_) => "exception",
            Self::Uri(_) => "URI",
            Self::Global(..) => "class or function",
            Self::Object(_) => "object",
        }
    }
}

/// Elements as nested lists of Python's numbers, as `tolist()` gives them.
///
/// # Errors
/// Elements that no such number is: [`ErrorKind::Unsupported`].
pub(crate) fn lists_of(array: &Array) -> Result<Value> {
    let plain = plain(array)?;
    let mut elements = numbers(&plain)?;
    Ok(nested(array.shape(), &mut elements))
}

fn nested(shape: &[usize], elements: &mut impl Iterator<Item = Value>) -> Value {
    match shape {
        [] => elements.next().unwrap_or_default(),
        [n, rest @ ..] => Value::List((0..*n).map(|_| nested(rest, elements)).collect()),
    }
}

/// An array as [`numbers`] takes it: little-endian and in C order, which most are already.
pub(crate) fn plain(array: &Array) -> Result<Array> {
    let array = array.clone().into_order(Order::C)?;
    Ok(array.into_byteorder(ndferry_array::ByteOrder::Little)?)
}

/// The elements of a [`plain`] array, one after another.
///
/// # Errors
/// As [`lists_of`].
pub(crate) fn numbers(plain: &Array) -> Result<Box<dyn Iterator<Item = Value> + '_>> {
    let (kind, itemsize) = (plain.dtype().kind_code(), plain.dtype().itemsize());
    let bytes = plain.view().run(Order::C).unwrap_or_default();
    let wide = |item: &[u8]| {
        let mut wide = [0; 8];
        wide[..item.len()].copy_from_slice(item);
        u64::from_le_bytes(wide)
    };
    let made = |value: fn(u64, u32) -> Value| {
        let unused = 64 - 8 * itemsize as u32;
        let items = bytes.chunks_exact(itemsize);
        Ok(Box::new(items.map(move |item| value(wide(item), unused))) as Box<_>)
    };
    match (kind, itemsize) {
        ('b', 1) => made(|bits, _| Value::Bool(bits != 0)),
        ('i', 1..=8) => made(|bits, unused| Value::Int((bits << unused) as i64 >> unused)),
        ('u', 1..=8) => made(|bits, _| match i64::try_from(bits) {
            Ok(value) => Value::Int(value),
            Err(_) => Value::BigInt(bits.into()),
        }),
        ('f', 4) => made(|bits, _| Value::Float(f64::from(f32::from_bits(bits as u32)))),
        ('f', 8) => made(|bits, _| Value::Float(f64::from_bits(bits))),
        _ => {
            let what = format!("{} as numbers", plain.dtype().str());
            Err(ErrorKind::Unsupported { what }.at(0))
        }
    }
}

impl Exception {
    /// A new one, with a message.
    pub fn new(class: &str, message: impl Into<String>) -> Self {
        Self {
            class: class.to_owned(),
            args: vec![Value::Str(message.into())],
            attributes: Vec::new(),
        }
    }

    /// What Python's `str()` of it would be, nearly.
    pub fn message(&self) -> String {
        let text = |value: &Value| match value {
            Value::None => "None".to_owned(),
            Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => format!("{value:?}"),
            value => match value.as_str() {
                Some(text) => text.to_owned(),
                None => format!("<{}>", value.type_name()),
            },
        };
        let parts: Vec<String> = self.args.iter().map(text).collect();
        parts.join(", ")
    }

    /// The lines of the remote traceback, if there is one.
    pub fn traceback(&self) -> Option<String> {
        let named = |(key, _): &&(Value, Value)| key.as_str() == Some("_pyroTraceback");
        let (_, lines) = self.attributes.iter().find(named)?;
        match lines.as_items() {
            Some(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
            None => lines.as_str().map(str::to_owned),
        }
    }

    /// Whether it is the class of this name, in whatever module Python 2 or 3 has it.
    pub fn is(&self, name: &str) -> bool {
        self.class.rsplit('.').next() == Some(name)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let builtin = ["builtins.", "exceptions."];
        let class = builtin
            .iter()
            .find_map(|module| self.class.strip_prefix(module));
        f.write_str(class.unwrap_or(&self.class))?;
        match self.message() {
            message if message.is_empty() => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

impl std::error::Error for Exception {}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Array> for Value {
    fn from(array: Array) -> Self {
        Self::Array(Box::new(array))
    }
}

impl From<Uri> for Value {
    fn from(uri: Uri) -> Self {
        Self::Uri(Box::new(uri))
    }
}

impl From<Exception> for Value {
    fn from(exception: Exception) -> Self {
        Self::Exception(Box::new(exception))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_small() {
        assert!(size_of::<Value>() <= 40, "{}", size_of::<Value>());
    }
}
