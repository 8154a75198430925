//! [`Encoding`] and [`Decoding`]: values and calls as the data of messages, in each of Pyro's serializers.

mod call;
mod classes;
mod json;
mod marshal;
mod msgpack;
mod pickle;
mod serializer;
mod serpent;
mod text;

use bytes::Bytes;
use ndferry_array::{Array, Order};

pub use self::call::Call;
pub(crate) use self::classes::{into_exception, wrapped};
pub(crate) use self::pickle::read_stream as read_pickle;
pub use self::serializer::Serializer;
use crate::value::lists_of;
use crate::{Annotations, Body, BodyWriter, Dialect, ErrorKind, Limits, Result, Value};

/// The newest protocol of pickles.
const NEWEST_PICKLE: u8 = 5;

/// The annotation of one byte that says which protocol of pickles the other side reads.
const PICKLES: [u8; 4] = *b"PKLP";

/// What arrays become in serializers that do not know them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArraysAs {
    /// `bytes` of an NPY, for `numpy.load(io.BytesIO(...))`; JSON, which has no bytes, gets lists.
    #[default]
    Npy,
    /// Nested lists of numbers, as `tolist()` gives.
    Lists,
}

/// How to write for a peer.
///
/// ```
/// use ndferry_pyro::{Decoding, Dialect, Encoding, Limits, Serializer, Value};
///
/// let body = Encoding::new(Dialect::Pyro5, Serializer::Serpent).value(&Value::list([1i64, 2]))?;
/// assert_eq!(&body.to_bytes()[..], b"# serpent utf-8 python3.2\n[1,2]");
/// let back = Decoding::new(Serializer::Serpent, Limits::default()).value(&body.to_bytes())?;
/// assert_eq!(back.as_items().map(<[Value]>::len), Some(2));
/// # Ok::<(), ndferry_pyro::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoding {
    /// In this serializer.
    pub serializer: Serializer,
    /// For this Pyro.
    pub dialect: Dialect,
    /// Whether the peer's Python is 2, as far as that is known.
    pub python2: bool,
    /// The protocol of pickles, 0 to 5.
    pub protocol: u8,
    /// How arrays go where they are not known.
    pub arrays: ArraysAs,
}

impl Encoding {
    /// Says beside a greeting which pickles are read here; others than us do not know this annotation.
    pub(crate) fn boast(&self, annotations: &mut Annotations) {
        if self.serializer.is_pickle() {
            annotations.set(PICKLES, vec![NEWEST_PICKLE]);
        }
    }

    /// A greeting is in a pickle that all read, which does not say what the greeter reads; this may.
    pub(crate) fn learn_boast(&mut self, annotations: &Annotations) {
        if let Some([protocol]) = annotations.get(PICKLES).map(|bytes| &bytes[..])
            && self.serializer.is_pickle()
            && !self.python2
        {
            self.protocol = (*protocol).clamp(2, NEWEST_PICKLE);
        }
    }

    /// For a peer of which nothing is known yet: pickles are of protocol 2, which all read.
    pub fn new(dialect: Dialect, serializer: Serializer) -> Self {
        Self {
            serializer,
            dialect,
            python2: false,
            protocol: 2,
            arrays: ArraysAs::default(),
        }
    }

    /// Learns from data that the peer wrote what it can read.
    pub fn learn(&mut self, data: &[u8], value: &Value) {
        self.python2 = self.python2 || has_py2_str(value);
        if self.serializer.is_pickle() {
            self.protocol = match data {
                [0x80, protocol, ..] => (*protocol).clamp(2, NEWEST_PICKLE),
                _ => 2,
            };
        }
        if self.python2 {
            self.protocol = self.protocol.min(2);
        }
    }

    /// One value.
    ///
    /// # Errors
    /// [`ErrorKind::Unsayable`] for what this serializer cannot say.
    pub fn value(&self, value: &Value) -> Result<Body> {
        let mut out = BodyWriter::new();
        match self.serializer {
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => {
                return pickle::body(self, value);
            }
            Serializer::Serpent => serpent::write(self, value, &mut out)?,
            Serializer::Json => json::write(self, value, &mut out)?,
            Serializer::Marshal => marshal::write(self, value, &mut out)?,
            Serializer::Msgpack => msgpack::write(self, value, &mut out)?,
        }
        Ok(out.finish())
    }

    /// A call.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn call(&self, call: &Call) -> Result<Body> {
        let args = call.args.clone();
        let kwargs = call.kwargs.iter();
        let kwargs = kwargs.map(|(name, value)| (name.as_str().into(), value.clone()));
        let (object, method) = (call.object.as_str(), call.method.as_str());
        let kwargs = Value::Dict(kwargs.collect());
        self.value(&match self.serializer {
            Serializer::Json => Value::dict([
                ("object", object.into()),
                ("method", method.into()),
                ("params", Value::List(args)),
                ("kwargs", kwargs),
            ]),
            _ => {
                let args = Value::Tuple(args);
                Value::Tuple(vec![object.into(), method.into(), args, kwargs])
            }
        })
    }

    /// An array, where the serializer has none.
    fn spelled(&self, array: &Array) -> Result<Value> {
        if self.arrays == ArraysAs::Lists {
            return lists_of(array);
        }
        let (mut npy, elements) = npy(array)?;
        npy.extend_from_slice(&elements);
        Ok(Value::Bytes(npy.into()))
    }

    /// An array as an NPY in two parts, of which the second is shared, where serializers have raw bytes.
    fn as_npy(&self, array: &Array) -> Result<Option<(Vec<u8>, Bytes)>> {
        match self.arrays {
            ArraysAs::Npy => npy(array).map(Some),
            ArraysAs::Lists => Ok(None),
        }
    }

    /// A value in other words, where this serializer does not have it: all of them but pickle use these.
    fn other_words(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::Array(array) => self.spelled(array)?,
            Value::Scalar(scalar) => lists_of(scalar)?,
            Value::Py2Str(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => Value::Bytes(bytes.clone()),
            },
            Value::Exception(exception) => classes::of_exception(exception),
            Value::Uri(uri) => classes::of_uri(uri, self.dialect),
            other => return Err(self.unsayable(other)),
        })
    }

    fn unsayable(&self, value: &Value) -> crate::Error {
        let what = value.type_name().to_owned();
        let serializer = self.serializer;
        ErrorKind::Unsayable { what, serializer }.at(0)
    }
}

/// An array as an NPY: header and elements.
fn npy(array: &Array) -> Result<(Vec<u8>, Bytes)> {
    let wrong = |error| ErrorKind::Npy(error).at(0);
    if array.dtype().has_object() {
        return Err(wrong(ndferry_npy::Error {
            kind: ndferry_npy::ErrorKind::Objects,
            offset: 0,
        }));
    }
    let (order, elements) = contiguous(array)?;
    let header = ndferry_npy::Header::new(array.dtype().clone(), array.shape(), order);
    Ok((header.to_bytes().map_err(wrong)?, elements))
}

/// An array's elements in one of the two orders, without a copy where they lie so.
fn contiguous(array: &Array) -> Result<(Order, Bytes)> {
    let view = array.view();
    Ok(match view.contiguous_bytes() {
        Some((order, elements)) => (order, array.bytes().slice_ref(elements)),
        None => (Order::C, view.to_bytes(Order::C)?.into()),
    })
}

fn has_py2_str(value: &Value) -> bool {
    match value {
        Value::Py2Str(_) => true,
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            items.iter().any(has_py2_str)
        }
        Value::Dict(pairs) => pairs
            .iter()
            .any(|(key, value)| has_py2_str(key) || has_py2_str(value)),
        Value::Exception(exception) => exception.args.iter().any(has_py2_str),
        _ => false,
    }
}

/// How to read what a peer wrote.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decoding {
    /// In this serializer.
    pub serializer: Serializer,
    /// Whether the peer's Python is known to be 2: then what `marshal` and `msgpack` have as bytes is its `str`.
    pub python2: bool,
    /// What one message may ask for.
    pub limits: Limits,
}

impl Decoding {
    /// In this serializer.
    pub fn new(serializer: Serializer, limits: Limits) -> Self {
        Self {
            serializer,
            python2: false,
            limits,
        }
    }

    /// One value, which is all of the data.
    ///
    /// # Errors
    /// Data that is none; [`ErrorKind::Limit`]; [`ErrorKind::Unsupported`] for compiled code and the like.
    pub fn value(&self, data: &Bytes) -> Result<Value> {
        match self.serializer {
            Serializer::Serpent => serpent::read(data, &self.limits),
            Serializer::Json => json::read(data, &self.limits),
            Serializer::Marshal => marshal::read(data, self.python2, &self.limits),
            Serializer::Msgpack => msgpack::read(data, self.python2, &self.limits),
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => {
                pickle::read(data, &self.limits)
            }
        }
    }

    /// A value that is an exception, as those of messages with that flag are.
    ///
    /// # Errors
    /// As [`Self::value`]; [`ErrorKind::Shape`] for another value.
    pub fn exception(&self, data: &Bytes) -> Result<crate::Exception> {
        classes::into_exception(self.value(data)?).ok_or_else(|| shape("the exception"))
    }

    /// Learns from a call, or from what is said in a hand-shake, whether the peer's Python is 2.
    pub fn learn(&mut self, data: &[u8]) {
        self.python2 |= match self.serializer {
            Serializer::Marshal => marshal::is_python2(data),
            Serializer::Msgpack => msgpack::is_python2(data),
            // The others tell texts from bytes.
            _ => false,
        };
    }

    /// A call.
    ///
    /// # Errors
    /// As [`Self::value`]; [`ErrorKind::Shape`] for what is no call.
    pub fn call(&self, data: &Bytes) -> Result<Call> {
        let mut decoding = self.clone();
        decoding.learn(data);
        Call::of_value(decoding.value(data)?)
    }
}

pub(crate) fn shape(what: &'static str) -> crate::Error {
    ErrorKind::Shape { what }.at(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greeters_who_read_newer_pickles_say_so() {
        let mut annotations = Annotations::new();
        let ours = Encoding::new(Dialect::Pyro4, Serializer::Pickle);
        let hello = ours.value(&"hello".into()).unwrap().to_bytes();
        assert_eq!(hello[..2], [0x80, 2]);
        ours.boast(&mut annotations);
        let mut theirs = ours;
        theirs.learn(&hello, &"hello".into());
        assert_eq!(theirs.protocol, 2);
        theirs.learn_boast(&annotations);
        assert_eq!(theirs.protocol, 5);
        // From the answer the greeter learns the same.
        let answer = theirs.value(&"hello".into()).unwrap().to_bytes();
        let mut ours = ours;
        ours.learn(&answer, &"hello".into());
        assert_eq!(ours.protocol, 5);
        for lie in [&[][..], &[0], &[200], &[5, 5]] {
            annotations.set(PICKLES, lie.to_vec());
            theirs.learn_boast(&annotations);
            assert!((2..=5).contains(&theirs.protocol));
        }
        let mut none = Annotations::new();
        Encoding::new(Dialect::Pyro5, Serializer::Serpent).boast(&mut none);
        assert_eq!(none, Annotations::new());
    }
}
