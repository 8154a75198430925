//! Pickles, read as data and written for the peer's Python: the only serializers that know arrays.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Array, Order};
use ndferry_io::BigBuffer;
use ndferry_pickle::{
    ArrayHead, ArrayReader, Built, CallKind, Elements, Id, Inflow, Machine, Payload, ReadAt,
    Recognised, Standard, StoredOrder, Tree, TreeBuilder, TreeWriter, WriteOptions,
};

use super::{Encoding, classes, contiguous};
use crate::limits::Budget;
use crate::{Body, BodyWriter, ErrorKind, Limits, Object, Result, Value};

/// What is lent to a pickle whose protocol has no bytes is spelled while it goes, from this size on.
const SPELLED_NBYTES: u64 = 1 << 20;

/// From this size on `bytes` go from where they lie.
const LENT_NBYTES: usize = 64 << 10;

pub(super) fn read(data: &Bytes, limits: &Limits) -> Result<Value> {
    read_from(Arc::new(data.clone()), limits)
}

/// A pickle that comes in pieces: what is large in it is read into memory of its own.
pub(crate) fn read_stream(
    from: impl Read + Send + 'static,
    nbytes: u64,
    limits: &Limits,
) -> Result<Value> {
    read_from(
        Arc::new(Inflow::new(from, nbytes, BigBuffer::gather)),
        limits,
    )
}

fn read_from(input: Arc<dyn ReadAt>, limits: &Limits) -> Result<Value> {
    let mut pickle_limits = ndferry_pickle::Limits::default();
    pickle_limits.values = limits.values;
    pickle_limits.memo = limits.values;
    pickle_limits.digits = limits.digits;
    let nbytes = input.len();
    let mut machine = Machine::open(input, 0, pickle_limits.clone(), Vec::new());
    let root = machine.load()?;
    if machine.offset() != nbytes {
        return Err(ErrorKind::LeftOver.at(machine.offset()));
    }
    let tree = machine.into_tree();
    let mut reader = Reader {
        tree: &tree,
        arrays: ArrayReader::new(&tree, &pickle_limits),
        budget: Budget::new(limits, usize::try_from(nbytes).unwrap_or(usize::MAX)),
    };
    reader.value(root)
}

struct Reader<'t> {
    tree: &'t Tree,
    arrays: ArrayReader<'t>,
    budget: Budget,
}

impl Reader<'_> {
    /// What is used twice is there twice then, so each use counts.
    fn value(&mut self, id: Id) -> Result<Value> {
        use ndferry_pickle::Value as V;
        self.budget.value(0)?;
        let tree = self.tree;
        Ok(match tree.get(id) {
            V::None => Value::None,
            V::Bool(value) => Value::Bool(value),
            V::Int(value) => Value::Int(value),
            V::BigInt(value) => {
                self.budget.copy(value.bits() / 8, 0)?;
                Value::BigInt(value.clone())
            }
            V::Float(value) => Value::Float(value),
            V::Str(blob) => {
                let offset = blob.offset().unwrap_or(0);
                self.budget.copy(blob.nbytes(), offset)?;
                match String::from_utf8(tree.blob(&blob)?.into_owned()) {
                    Ok(text) => Value::Str(text),
                    Err(_) => {
                        let what = "text with halves of characters".to_owned();
                        return Err(ErrorKind::Unsupported { what }.at(offset));
                    }
                }
            }
            V::Bytes(blob) | V::ByteArray(blob) => {
                self.copies(blob.nbytes())?;
                Value::Bytes(tree.blob_bytes(&blob)?)
            }
            V::Py2Str(blob) => {
                self.copies(blob.nbytes())?;
                Value::Py2Str(tree.blob_bytes(&blob)?)
            }
            V::Tuple(items) => Value::Tuple(self.items(items)?),
            V::List(items) => Value::List(self.items(items)?),
            V::Set(items) | V::FrozenSet(items) => Value::Set(self.items(items)?),
            V::Dict(pairs) => Value::Dict(self.pairs(pairs)?),
            V::Global(global) => {
                let nbytes = (global.module.len() + global.name.len()) as u64;
                self.budget.copy(nbytes, global.offset)?;
                Value::Global((&*global.module).into(), (&*global.name).into())
            }
            V::Call(call) => self.object(id, call)?,
            other => {
                let what = other.type_name().to_owned();
                return Err(ErrorKind::Unsupported { what }.at(0));
            }
        })
    }

    /// Short strings are copied, long ones are shared.
    fn copies(&mut self, nbytes: u64) -> Result<()> {
        self.budget.copy(nbytes.min(4096), 0)
    }

    fn items(&mut self, items: &[Id]) -> Result<Vec<Value>> {
        self.budget.enter(0)?;
        let mut values = Vec::new();
        for item in items {
            values.push(self.value(*item)?);
        }
        self.budget.leave();
        Ok(values)
    }

    fn pairs(&mut self, pairs: &[(Id, Id)]) -> Result<Vec<(Value, Value)>> {
        self.budget.enter(0)?;
        let mut values = Vec::new();
        for (key, value) in pairs {
            values.push((self.value(*key)?, self.value(*value)?));
        }
        self.budget.leave();
        Ok(values)
    }

    fn object(&mut self, id: Id, call: &ndferry_pickle::Call) -> Result<Value> {
        match self.arrays.read(id)? {
            Some(Recognised::Array(array)) => {
                if let Some(array) = self.array(&array)? {
                    return Ok(Value::from(array));
                }
            }
            Some(Recognised::Scalar(scalar)) => {
                if let Some(scalar) = self.array(&scalar)? {
                    return Ok(Value::Scalar(Box::new(scalar)));
                }
            }
            // Masked arrays and their like stay objects, with arrays in them.
            _ => {}
        }
        let tree = self.tree;
        match tree.standard(id)? {
            Some(Standard::Complex { re, im }) => return Ok(Value::Complex(re, im)),
            Some(Standard::Bytes(payload) | Standard::ByteArray(payload)) => {
                self.budget.copy(payload.nbytes(), call.offset)?;
                return Ok(Value::Bytes(payload.bytes(tree)?));
            }
            Some(Standard::Set(items) | Standard::FrozenSet(items)) => {
                return Ok(Value::Set(self.items(items)?));
            }
            _ => {}
        }
        // How protocol 2 spells bytes.
        if let Some(payload) = Payload::of(tree, id)? {
            self.budget.copy(payload.nbytes(), call.offset)?;
            return Ok(Value::Bytes(payload.bytes(tree)?));
        }
        self.budget.enter(call.offset)?;
        let object = Object {
            function: self.value(call.function)?,
            args: self.value(call.args)?,
            kwargs: call.kwargs().map(|id| self.value(id)).transpose()?,
            is_new: call.kind == CallKind::New,
            state: call.state().map(|id| self.value(id)).transpose()?,
            items: self.items(call.items())?,
            pairs: self.pairs(call.pairs())?,
        };
        self.budget.leave();
        Ok(classes::of_object(object))
    }

    /// `None` for an array of objects.
    fn array(&mut self, array: &ndferry_pickle::PickledArray) -> Result<Option<Array>> {
        let bytes = match &array.elements {
            Elements::Bytes(payload) => {
                if payload.offset().is_none() {
                    self.budget.copy(payload.nbytes(), array.offset)?;
                }
                payload.bytes(self.tree)?
            }
            // Made anew out of numbers each time.
            Elements::Values(bytes) => {
                self.budget.copy(bytes.len() as u64, array.offset)?;
                bytes.clone()
            }
            _ => return Ok(None),
        };
        let dtype = array.dtype.clone();
        Ok(Some(match &array.order {
            StoredOrder::C => Array::contiguous(dtype, &array.shape, Order::C, bytes)?,
            StoredOrder::F => Array::contiguous(dtype, &array.shape, Order::F, bytes)?,
            StoredOrder::Permuted(axes) => {
                // Stored axis `axes[i]` is axis `i`.
                let mut stored = vec![0; axes.len()];
                for (axis, at) in axes.iter().enumerate() {
                    stored[*at] = array.shape[axis];
                }
                Array::contiguous(dtype, &stored, Order::C, bytes)?.transposed(axes)?
            }
        }))
    }
}

pub(super) fn body(encoding: &Encoding, value: &Value) -> Result<Body> {
    let mut out = BodyWriter::new();
    let mut builder = TreeBuilder::new();
    let root = build(encoding, value, &mut builder, &mut out)?;
    let (tree, root) = builder.finish(root)?;
    let options = WriteOptions {
        protocol: encoding.protocol,
        python2: encoding.python2,
        ..WriteOptions::default()
    };
    let has_bytes = encoding.protocol > 2 || encoding.python2;
    if has_bytes || out.lent_nbytes() < SPELLED_NBYTES {
        TreeWriter::new(&tree, options)?.write(root, &mut out)?;
        return Ok(out.finish());
    }
    // Each byte is a character there, of one byte or two: that would be all of an array once more.
    let counted = TreeWriter::new(&tree, options)?.write(root, Counter(0))?;
    Ok(Body::spelled(counted.0, move |to| {
        let written = TreeWriter::new(&tree, options).and_then(|mut writer| writer.write(root, to));
        match written {
            Ok(_) => Ok(()),
            Err(ndferry_pickle::Error {
                kind: ndferry_pickle::ErrorKind::Io(error),
                ..
            }) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }))
}

/// How many bytes were written.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn build(
    encoding: &Encoding,
    value: &Value,
    to: &mut TreeBuilder,
    out: &mut BodyWriter,
) -> Result<Built> {
    Ok(match value {
        Value::None => to.none(),
        Value::Bool(value) => to.bool(*value),
        Value::Int(value) => to.int(*value),
        Value::BigInt(value) => to.big_int(value),
        Value::Float(value) => to.float(*value),
        Value::Complex(re, im) => {
            let function = to.global("builtins", "complex");
            let parts = [to.float(*re), to.float(*im)];
            let args = to.tuple(&parts);
            to.call(CallKind::Reduce, function, args)
        }
        Value::Str(text) => to.text(text),
        Value::Bytes(bytes) if bytes.len() >= LENT_NBYTES => {
            out.lend(bytes.clone());
            to.bytes_from(Arc::new(bytes.clone()))
        }
        Value::Bytes(bytes) => to.bytes(bytes),
        Value::Py2Str(bytes) => to.py2_str(bytes),
        Value::List(items) => {
            let items = build_all(encoding, items, to, out)?;
            to.list(&items)
        }
        Value::Tuple(items) => {
            let items = build_all(encoding, items, to, out)?;
            to.tuple(&items)
        }
        Value::Set(items) => {
            let items = build_all(encoding, items, to, out)?;
            to.set(&items)
        }
        Value::Dict(pairs) => {
            let pairs = build_pairs(encoding, pairs, to, out)?;
            to.dict(&pairs)
        }
        Value::Array(array) => {
            let (order, elements) = contiguous(array)?;
            let head = ArrayHead {
                dtype: array.dtype(),
                shape: array.shape(),
                order,
            };
            out.lend(elements.clone());
            to.array(&head, elements)?
        }
        Value::Scalar(scalar) => {
            let function = to.global("numpy.core.multiarray", "scalar");
            let (_, elements) = contiguous(scalar)?;
            let parts = [to.dtype(scalar.dtype()), to.bytes(&elements)];
            let args = to.tuple(&parts);
            to.call(CallKind::Reduce, function, args)
        }
        Value::Exception(exception) => {
            let (module, name) = exception.class.rsplit_once('.').unwrap_or(("builtins", ""));
            let function = to.global(module, name);
            let args = build_all(encoding, &exception.args, to, out)?;
            let args = to.tuple(&args);
            let made = to.call(CallKind::Reduce, function, args);
            if !exception.attributes.is_empty() {
                let pairs = build_pairs(encoding, &exception.attributes, to, out)?;
                let state = to.dict(&pairs);
                to.state(made, state);
            }
            made
        }
        Value::Uri(uri) => {
            let function = to.global("Pyro4.core", "URI");
            let args = to.tuple(&[]);
            let made = to.call(CallKind::New, function, args);
            let state = build_all(encoding, &classes::state_of_uri(uri), to, out)?;
            let state = to.tuple(&state);
            to.state(made, state);
            made
        }
        Value::Global(module, name) => to.global(module, name),
        Value::Object(object) => {
            let function = build(encoding, &object.function, to, out)?;
            let args = build(encoding, &object.args, to, out)?;
            let made = match (&object.kwargs, object.is_new) {
                (Some(kwargs), _) => {
                    let kwargs = build(encoding, kwargs, to, out)?;
                    to.call_with(function, args, kwargs)
                }
                (None, true) => to.call(CallKind::New, function, args),
                (None, false) => to.call(CallKind::Reduce, function, args),
            };
            if !object.items.is_empty() {
                let items = build_all(encoding, &object.items, to, out)?;
                to.append(made, &items);
            }
            if !object.pairs.is_empty() {
                let pairs = build_pairs(encoding, &object.pairs, to, out)?;
                to.insert(made, &pairs);
            }
            if let Some(state) = &object.state {
                let state = build(encoding, state, to, out)?;
                to.state(made, state);
            }
            made
        }
    })
}

fn build_all(
    encoding: &Encoding,
    items: &[Value],
    to: &mut TreeBuilder,
    out: &mut BodyWriter,
) -> Result<Vec<Built>> {
    let built = items.iter().map(|item| build(encoding, item, to, out));
    built.collect()
}

fn build_pairs(
    encoding: &Encoding,
    pairs: &[(Value, Value)],
    to: &mut TreeBuilder,
    out: &mut BodyWriter,
) -> Result<Vec<(Built, Built)>> {
    let mut built = Vec::new();
    for (key, value) in pairs {
        let key = build(encoding, key, to, out)?;
        built.push((key, build(encoding, value, to, out)?));
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_made_of_numbers_costs_its_length_each_time() {
        let mut data = b"\x80\x02](carray\narray\nU\x01q](".to_vec();
        data.extend(b"K\x01".repeat(10_000));
        data.extend(b"e\x86Rq\0");
        let once = [&data[..], b"e."].concat();
        assert!(read(&once.into(), &Limits::default()).is_ok());
        data.extend(b"h\0".repeat(5000));
        data.extend(b"e.");
        let error = read(&data.into(), &Limits::default()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{error}");
    }
}
