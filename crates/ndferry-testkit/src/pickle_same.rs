//! Whether two pickles mean the same, whatever protocol, Python or NumPy they were written for.

use std::collections::{HashMap, HashSet};

use ndferry_array::{Array, ByteOrder, Dtype, Kind, Layout, Order};
use ndferry_pickle::{
    ArrayReader, Call, CallKind, Elements, Id, Limits, Payload, PickledArray, Recognised,
    StoredOrder, Tree, Value,
};

/// Compares two values with all that they hold, identities included: objects that are one in the first tree are one in the
/// second, and the other way round.
///
/// # Errors
/// What is not the same, in words.
pub fn same_values(ours: (&Tree, Id), theirs: (&Tree, Id)) -> Result<(), String> {
    let limits = Limits::default();
    let mut comparison = Comparison {
        trees: [ours.0, theirs.0],
        readers: [
            ArrayReader::new(ours.0, &limits),
            ArrayReader::new(theirs.0, &limits),
        ],
        pairs: HashMap::new(),
        back: HashMap::new(),
        seen: HashSet::new(),
        left: vec![(ours.1, theirs.1)],
    };
    while let Some((ours, theirs)) = comparison.left.pop() {
        comparison.compare(ours, theirs)?;
    }
    Ok(())
}

struct Comparison<'t> {
    trees: [&'t Tree; 2],
    readers: [ArrayReader<'t>; 2],
    /// Objects with an identity, and which they are on the other side.
    pairs: HashMap<Id, Id>,
    back: HashMap<Id, Id>,
    /// Pairs of others that were compared.
    seen: HashSet<(Id, Id)>,
    left: Vec<(Id, Id)>,
}

/// A value without the ways in which it can be spelled.
enum View<'t> {
    Atom(String),
    Number(f64),
    Text(Vec<u8>, Text),
    Global(String),
    Sequence(&'static str, Vec<Id>),
    Pairs(Vec<(Id, Id)>),
    Call(&'t Call),
    One(&'static str, Id),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Text {
    Str,
    Bytes,
    ByteArray,
    Py2Str,
}

impl<'t> Comparison<'t> {
    fn compare(&mut self, ours: Id, theirs: Id) -> Result<(), String> {
        // What joblib pickled by itself stands for its wrapper.
        let ours = resolved(self.trees[0], ours);
        let theirs = resolved(self.trees[1], theirs);
        if !self.seen.insert((ours, theirs)) {
            return Ok(());
        }
        let trees = self.trees;
        let differ = |what: String| {
            let (ours, theirs) = (trees[0].repr(ours), trees[1].repr(theirs));
            Err(format!("{what}: {ours} and {theirs}"))
        };
        if self.arrays(ours, theirs)? {
            return self.identify(ours, theirs);
        }
        let views = (view(self.trees[0], ours)?, view(self.trees[1], theirs)?);
        match views {
            (View::Atom(a), View::Atom(b)) if a == b => {}
            (View::Number(a), View::Number(b))
                if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) => {}
            (View::Text(a, kind), View::Text(b, other)) => {
                let is_same = match (kind, other) {
                    _ if kind == other => a == b,
                    // What was Python 2's is text or bytes by what it is for.
                    (Text::Py2Str, _) | (_, Text::Py2Str) => a == b,
                    (Text::Str, Text::Bytes) => latin1(&a) == Some(b),
                    (Text::Bytes, Text::ByteArray) | (Text::ByteArray, Text::Bytes) => a == b,
                    _ => false,
                };
                if !is_same {
                    return differ(format!("{kind:?} is not {other:?}"));
                }
            }
            (View::Global(a), View::Global(b)) if a == b => {}
            (View::Sequence(what, a), View::Sequence(other, b))
                if what == other && a.len() == b.len() =>
            {
                if matches!(what, "list" | "set") {
                    self.identify(ours, theirs)?;
                }
                self.left.extend(a.into_iter().zip(b));
            }
            (View::Pairs(a), View::Pairs(b)) if a.len() == b.len() => {
                self.identify(ours, theirs)?;
                for (a, b) in a.into_iter().zip(b) {
                    self.left.extend([(a.0, b.0), (a.1, b.1)]);
                }
            }
            (View::One(what, a), View::One(other, b)) if what == other => self.left.push((a, b)),
            (View::Call(a), View::Call(b)) => {
                self.identify(ours, theirs)?;
                if !self.calls(a, b)? {
                    return Err(format!(
                        "{} is called otherwise than {}",
                        self.trees[0].repr(ours),
                        self.trees[1].repr(theirs)
                    ));
                }
            }
            _ => return differ("other values".to_owned()),
        }
        Ok(())
    }

    fn identify(&mut self, ours: Id, theirs: Id) -> Result<(), String> {
        let before = self.pairs.insert(ours, theirs);
        let back = self.back.insert(theirs, ours);
        match (before, back) {
            (None, None) => Ok(()),
            (Some(before), Some(back)) if before == theirs && back == ours => Ok(()),
            _ => Err(format!("{} is not one object", self.trees[0].repr(ours))),
        }
    }

    /// What is called with what, and what is done with it.
    fn calls(&mut self, a: &'t Call, b: &'t Call) -> Result<bool, String> {
        let (ours, theirs) = (made(self.trees[0], a), made(self.trees[1], b));
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return Ok(false);
        };
        let is_same = ours.0 == theirs.0
            && ours.2.len() == theirs.2.len()
            && ours.3.is_some() == theirs.3.is_some()
            && a.items().len() == b.items().len()
            && a.pairs().len() == b.pairs().len()
            && a.states().len() == b.states().len();
        self.left.push((ours.1, theirs.1));
        self.left.extend(ours.2.into_iter().zip(theirs.2));
        self.left.extend(ours.3.zip(theirs.3));
        let all = |call: &'t Call| call.items().iter().chain(call.states());
        self.left.extend(all(a).copied().zip(all(b).copied()));
        for (a, b) in a.pairs().iter().zip(b.pairs()) {
            self.left.extend([(a.0, b.0), (a.1, b.1)]);
        }
        Ok(is_same)
    }

    /// Arrays, scalars and dtypes by what they are; whether they were.
    fn arrays(&mut self, ours: Id, theirs: Id) -> Result<bool, String> {
        let [left, right] = &mut self.readers;
        if !matches!(self.trees[0].get(ours), Value::Call(_)) {
            return Ok(false);
        }
        if let (Ok(a), Ok(b)) = (left.dtype(ours), right.dtype(theirs)) {
            return match a == b {
                true => Ok(true),
                false => Err(format!("dtype {a:?} is not {b:?}")),
            };
        }
        let read = (left.read(ours), right.read(theirs));
        let (Ok(Some(a)), Ok(Some(b))) = read else {
            return Ok(false);
        };
        match (a, b) {
            (Recognised::Array(a), Recognised::Array(b)) => self.array(&a, &b)?,
            (Recognised::Scalar(a), Recognised::Scalar(b)) => self.array(&a, &b)?,
            (
                Recognised::Masked {
                    data,
                    mask,
                    fill_value,
                },
                Recognised::Masked {
                    data: their_data,
                    mask: their_mask,
                    fill_value: their_fill,
                },
            ) => {
                self.array(&data, &their_data)?;
                self.array(&mask, &their_mask)?;
                self.left.push((fill_value, their_fill));
            }
            _ => return Err("an array is another kind of array".to_owned()),
        }
        Ok(true)
    }

    fn array(&mut self, a: &PickledArray, b: &PickledArray) -> Result<(), String> {
        if let (Elements::Objects(a), Elements::Objects(b)) = (&a.elements, &b.elements) {
            self.left.push((*a, *b));
        } else {
            let [ours, theirs] = [(a, self.trees[0]), (b, self.trees[1])].map(in_c_order);
            let (ours, theirs) = (ours?, theirs?);
            let wide = |bytes: &[u8], array: &PickledArray| {
                let numbers = numbers(bytes, &array.dtype);
                numbers.filter(|_| array.is_array_array)
            };
            let same_numbers = wide(&ours, a).is_some() && wide(&ours, a) == wide(&theirs, b);
            if ours != theirs && !same_numbers {
                return Err(format!("other elements of {}", a.dtype));
            }
        }
        let same_dtype = a.dtype == b.dtype || (a.is_array_array && b.is_array_array);
        match same_dtype && a.shape == b.shape {
            true => Ok(()),
            false => Err(format!(
                "{} {:?} is not {} {:?}",
                a.dtype, a.shape, b.dtype, b.shape
            )),
        }
    }
}

fn resolved(tree: &Tree, id: Id) -> Id {
    let mut id = id;
    while let Value::Call(call) = tree.get(id)
        && let Some(object) = call.raw_object()
    {
        id = object;
    }
    id
}

/// The items of an `array.array`: of integers, whose width may be that of another machine, or of floats, which text says
/// without the bits of a NaN.
fn numbers(bytes: &[u8], dtype: &Dtype) -> Option<Vec<u64>> {
    let n = dtype.itemsize();
    let is_signed = match dtype.kind() {
        Kind::Int => true,
        Kind::Uint => false,
        Kind::Float => {
            let items = bytes.chunks_exact(n).map(|item| match *item {
                [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
                [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
                _ => f64::NAN,
            });
            let bits = |item: f64| if item.is_nan() { 1 } else { item.to_bits() };
            return Some(items.map(bits).collect());
        }
        _ => return None,
    };
    let item = |item: &[u8]| {
        let sign = if is_signed && item[n - 1] >= 0x80 {
            0xff
        } else {
            0
        };
        let mut wide = [sign; 8];
        wide[..n].copy_from_slice(item);
        u64::from_le_bytes(wide)
    };
    Some(bytes.chunks_exact(n).map(item).collect())
}

fn in_c_order((array, tree): (&PickledArray, &Tree)) -> Result<Vec<u8>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let bytes = match &array.elements {
        Elements::Bytes(payload) => payload.bytes(tree).map_err(|e| text(&e))?,
        Elements::Values(bytes) => bytes.clone(),
        _ => return Ok(Vec::new()),
    };
    let itemsize = array.dtype.itemsize();
    let contiguous = |shape: &[usize], order| {
        let layout = Layout::contiguous(shape, itemsize, order)?;
        Array::new(array.dtype.clone(), layout, bytes.clone())
    };
    let made = match &array.order {
        StoredOrder::C => contiguous(&array.shape, Order::C),
        StoredOrder::F => contiguous(&array.shape, Order::F),
        StoredOrder::Permuted(axes) => {
            let mut stored = vec![0; axes.len()];
            for (extent, axis) in array.shape.iter().zip(axes) {
                stored[*axis] = *extent;
            }
            contiguous(&stored, Order::C).and_then(|array| array.transposed(axes))
        }
    };
    let made = made.and_then(|array| array.into_order(Order::C));
    // Of `array.array`, a list of items says no byte order.
    let made = match array.is_array_array {
        true => made.and_then(|array| array.into_byteorder(ByteOrder::Little)),
        false => made,
    };
    Ok(made.map_err(|e| text(&e))?.bytes().to_vec())
}

fn view(tree: &Tree, id: Id) -> Result<View<'_>, String> {
    let text = |blob, kind| {
        let bytes = tree.blob(&blob).map_err(|error| error.to_string())?;
        Ok(View::Text(bytes.into_owned(), kind))
    };
    Ok(match tree.get(id) {
        Value::Float(value) => View::Number(value),
        Value::Str(blob) => return text(blob, Text::Str),
        Value::Bytes(blob) => return text(blob, Text::Bytes),
        Value::ByteArray(blob) => return text(blob, Text::ByteArray),
        Value::Py2Str(blob) => return text(blob, Text::Py2Str),
        Value::Tuple(items) => View::Sequence("tuple", items.to_vec()),
        Value::List(items) => View::Sequence("list", items.to_vec()),
        Value::Set(items) => View::Sequence("set", items.to_vec()),
        Value::FrozenSet(items) => View::Sequence("frozenset", items.to_vec()),
        Value::Dict(pairs) => View::Pairs(pairs.to_vec()),
        Value::Global(global) => View::Global(name_of(&global.name).to_owned()),
        Value::Persistent(of) => View::One("persistent id", of),
        Value::Extension(code) => View::Atom(format!("extension {code}")),
        Value::Call(call) => return of_call(tree, id, call),
        Value::BigInt(value) => View::Atom(value.to_string()),
        _ => View::Atom(tree.repr(id)),
    })
}

/// Calls that only spell what has an opcode elsewhere.
fn of_call<'t>(tree: &'t Tree, id: Id, call: &'t Call) -> Result<View<'t>, String> {
    let is_bare = call.states().is_empty() && call.items().is_empty() && call.pairs().is_empty();
    let Some((_, (module, name), args)) = tree.call(id).filter(|_| is_bare) else {
        return Ok(View::Call(call));
    };
    let is_builtin = matches!(module, "builtins" | "__builtin__");
    let payload = || -> Result<Option<Vec<u8>>, String> {
        let payload = Payload::of(tree, id).map_err(|error| error.to_string())?;
        let bytes = payload.map(|payload| payload.bytes(tree)).transpose();
        Ok(bytes
            .map_err(|error| error.to_string())?
            .map(|bytes| bytes.to_vec()))
    };
    Ok(match (name, args) {
        ("encode", _) if module == "_codecs" => match payload()? {
            Some(bytes) => View::Text(bytes, Text::Bytes),
            None => View::Call(call),
        },
        ("bytes" | "bytearray", _) if is_builtin => match payload()? {
            Some(bytes) if name == "bytes" => View::Text(bytes, Text::Bytes),
            Some(bytes) => View::Text(bytes, Text::ByteArray),
            None => View::Call(call),
        },
        ("set" | "frozenset", [list]) if is_builtin => match tree.get(*list) {
            Value::List(items) if name == "set" => View::Sequence("set", items.to_vec()),
            Value::List(items) => View::Sequence("frozenset", items.to_vec()),
            _ => View::Call(call),
        },
        ("getattr", [_, inner]) if is_builtin => match tree.name(*inner) {
            Ok(Some(inner)) => View::Global(name_of(&inner).to_owned()),
            _ => View::Call(call),
        },
        _ => View::Call(call),
    })
}

/// The innermost name, which is the same in all Pythons and NumPys but for a few.
fn name_of(name: &str) -> &str {
    match name.rsplit('.').next().unwrap_or(name) {
        "xrange" => "range",
        "unicode" | "basestring" => "str",
        "unichr" => "chr",
        "long" => "int",
        "bool_" => "bool",
        inner => inner,
    }
}

/// How, what, with which arguments and which keyword arguments.
fn made(tree: &Tree, call: &Call) -> Option<(CallKind, Id, Vec<Id>, Option<Id>)> {
    let args = match tree.get(call.args) {
        Value::Tuple(args) => args.to_vec(),
        _ => vec![call.args],
    };
    let name = tree.global(call.function).map(|(_, name)| name);
    Some(match (name, &args[..]) {
        (Some("__newobj__"), [class, args @ ..]) => (CallKind::New, *class, args.to_vec(), None),
        (Some("__newobj_ex__"), [class, args, kwargs]) => {
            let args = tree.sequence(*args)?.to_vec();
            (CallKind::New, *class, args, Some(*kwargs))
        }
        _ => (call.kind, call.function, args, call.kwargs()),
    })
}

fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}
