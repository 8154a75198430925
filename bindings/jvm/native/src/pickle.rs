//! Pickles as values of Java: [`Values`] go out as records, one for each value, and come in as such. `PickledValues.java` is
//! the other side.

use ndferry::pickle::{
    ArrayReader, Blob, Call, CallKind, Elements, Id, Limits, Payload, PickledArray, Recognised,
    StoredOrder, Tree, Value,
};
use ndferry::{Array, Layout, Opened, Order, Policy, Source, Values};
use ndferry_pickle::Standard;

use crate::failure::Failure;
use crate::packet::Packet;

/// What a record is.
#[derive(Clone, Copy)]
pub(crate) enum Tag {
    None,
    False,
    True,
    Int,
    BigInt,
    Float,
    Complex,
    Text,
    Utf16,
    Bytes,
    ByteArray,
    Tuple,
    List,
    Set,
    FrozenSet,
    Dict,
    Array,
    Objects,
    Masked,
    Decimal,
    Date,
    DateTime,
    Opaque,
}

/// Records and the arrays among them.
pub(crate) struct Written {
    pub(crate) records: Vec<u8>,
    pub(crate) arrays: Vec<Array>,
}

/// The first value of a file of pickles.
pub(crate) fn of_file(opened: Opened, opaque: bool) -> Result<Written, Failure> {
    match opened {
        Opened::Values(values) => of_values(&values, opaque),
        Opened::Arrays(_) => Err(Failure::Usage(
            "it holds arrays, not a pickle: LazyFile reads it".to_owned(),
        )),
    }
}

fn of_values(values: &Values, opaque: bool) -> Result<Written, Failure> {
    let policy = Policy::std();
    if let Some(refused) = policy.refused(values.globals()).first().filter(|_| !opaque) {
        return Err(Failure::Refused {
            offset: refused.offset,
            name: format!("{}.{}", refused.module, refused.name),
        });
    }
    let root = values
        .roots()
        .first()
        .ok_or_else(|| Failure::bug("a pickle without a value"))?;
    Writer::new(values.tree(), opaque).write(*root)
}

/// The Python objects of an array in a file, as the array that they are.
pub(crate) fn of_member(source: &Source, member: usize, opaque: bool) -> Result<Written, Failure> {
    let objects = source.objects(member).ok_or_else(|| {
        Failure::Usage("the array has no Python objects: read() reads it".to_owned())
    })?;
    Writer::new(&objects.tree, opaque).write(objects.root)
}

struct Writer<'t> {
    tree: &'t Tree,
    reader: ArrayReader<'t>,
    opaque: bool,
    packet: Packet,
    arrays: Vec<Array>,
    /// Number of each value, counted in the order in which they are met; 0 of none.
    numbers: Vec<u32>,
    met: u32,
}

/// What is left to do.
enum Step {
    Meet(Id),
    Write(Id, Record),
}

/// What is written once everything in it has been met.
enum Record {
    Items(Tag, Vec<Id>),
    Objects(Vec<usize>, Vec<Id>),
    Masked(usize, usize, Id),
    Opaque,
    Global,
    Persistent(Id),
}

impl<'t> Writer<'t> {
    fn new(tree: &'t Tree, opaque: bool) -> Self {
        Self {
            tree,
            reader: ArrayReader::new(tree, &Limits::default()),
            opaque,
            packet: Packet::default(),
            arrays: Vec::new(),
            numbers: vec![0; tree.len()],
            met: 0,
        }
    }

    fn write(mut self, root: Id) -> Result<Written, Failure> {
        let mut steps = vec![Step::Meet(root)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Meet(id) if self.numbers[id.index()] != 0 => {}
                Step::Meet(id) => {
                    self.met += 1;
                    self.numbers[id.index()] = self.met;
                    if let Some((record, parts)) = self.meet(id)? {
                        steps.push(Step::Write(id, record));
                        steps.extend(parts.into_iter().rev().map(Step::Meet));
                    }
                }
                Step::Write(id, record) => self.record(id, record)?,
            }
        }
        Ok(Written {
            records: self.packet.into_bytes(),
            arrays: self.arrays,
        })
    }

    /// Begins a record: its number and what it is.
    fn head(&mut self, id: Id, tag: Tag) {
        self.packet.count(self.numbers[id.index()] as usize);
        self.packet.u8(tag as u8);
    }

    fn refer(&mut self, id: Id) {
        self.packet.count(self.numbers[id.index()] as usize);
    }

    fn refer_all(&mut self, ids: &[Id]) {
        self.packet.count(ids.len());
        for id in ids {
            self.refer(*id);
        }
    }

    /// Writes what has no parts; gives the parts of what has.
    fn meet(&mut self, id: Id) -> Result<Option<(Record, Vec<Id>)>, Failure> {
        let items = |tag, of: Vec<Id>| Ok(Some((Record::Items(tag, of.clone()), of)));
        match self.tree.get(id) {
            Value::None => self.head(id, Tag::None),
            Value::Bool(false) => self.head(id, Tag::False),
            Value::Bool(true) => self.head(id, Tag::True),
            Value::Int(value) => {
                self.head(id, Tag::Int);
                self.packet.i64(value);
            }
            Value::BigInt(value) => {
                self.head(id, Tag::BigInt);
                self.packet.bytes(&value.to_signed_bytes_be());
            }
            Value::Float(value) => {
                self.head(id, Tag::Float);
                self.packet.f64(value);
            }
            Value::Str(blob) => self.text(id, &blob)?,
            Value::Py2Str(blob) => {
                let latin1 = self.tree.blob(&blob).map_err(of_pickle)?;
                let text: String = latin1.iter().map(|byte| char::from(*byte)).collect();
                self.head(id, Tag::Text);
                self.packet.text(&text);
            }
            Value::Bytes(blob) => self.bytes(id, Tag::Bytes, &blob)?,
            Value::ByteArray(blob) => self.bytes(id, Tag::ByteArray, &blob)?,
            Value::Tuple(of) => return items(Tag::Tuple, of.to_vec()),
            Value::List(of) => return items(Tag::List, of.to_vec()),
            Value::Set(of) => return items(Tag::Set, of.to_vec()),
            Value::FrozenSet(of) => return items(Tag::FrozenSet, of.to_vec()),
            Value::Dict(pairs) => return items(Tag::Dict, flat(pairs)),
            Value::Call(call) => return self.meet_call(id, call),
            Value::Global(_) => return Ok(Some((Record::Global, Vec::new()))),
            Value::Persistent(of) if self.opaque => {
                return Ok(Some((Record::Persistent(of), vec![of])));
            }
            _ => return Err(self.unknown(id)),
        }
        Ok(None)
    }

    fn meet_call(&mut self, id: Id, call: &'t Call) -> Result<Option<(Record, Vec<Id>)>, Failure> {
        match self.reader.read(id).map_err(of_pickle)? {
            Some(Recognised::Array(array)) => {
                if let Elements::Objects(list) = array.elements {
                    let parts = self.tree.sequence(list).unwrap_or_default().to_vec();
                    return Ok(Some((Record::Objects(array.shape, parts.clone()), parts)));
                }
                let number = self.array(&array)?;
                self.head(id, Tag::Array);
                self.packet.count(number);
                return Ok(None);
            }
            Some(Recognised::Scalar(array)) => {
                let number = self.array(&array)?;
                self.head(id, Tag::Array);
                self.packet.count(number);
                return Ok(None);
            }
            Some(Recognised::Masked {
                data,
                mask,
                fill_value,
            }) if !matches!(data.elements, Elements::Objects(_)) => {
                let (data, mask) = (self.array(&data)?, self.array(&mask)?);
                let record = Record::Masked(data, mask, fill_value);
                return Ok(Some((record, vec![fill_value])));
            }
            _ => {}
        }
        if matches!(self.tree.global(call.function), Some(("_codecs", "encode")))
            && let Some(payload) = Payload::of(self.tree, id).map_err(of_pickle)?
        {
            let bytes = payload.cow(self.tree).map_err(of_pickle)?;
            self.head(id, Tag::Bytes);
            self.packet.bytes(&bytes);
            return Ok(None);
        }
        if call.state().is_none()
            && let Some(standard) = self.tree.standard(id).map_err(of_pickle)?
            && let Some(found) = self.meet_standard(id, standard)?
        {
            return Ok(found);
        }
        let mut parts = vec![call.function, call.args];
        parts.extend(call.kwargs());
        parts.extend(call.state());
        parts.extend(call.items());
        parts.extend(flat(call.pairs()));
        Ok(Some((Record::Opaque, parts)))
    }

    /// What Java has a class for.
    #[expect(
        clippy::type_complexity,
        reason = "whether it is known, and then as `meet`"
    )]
    fn meet_standard(
        &mut self,
        id: Id,
        standard: Standard<'t>,
    ) -> Result<Option<Option<(Record, Vec<Id>)>>, Failure> {
        let items = |tag, of: Vec<Id>| Ok(Some(Some((Record::Items(tag, of.clone()), of))));
        match standard {
            Standard::Complex { re, im } => {
                self.head(id, Tag::Complex);
                self.packet.f64(re);
                self.packet.f64(im);
            }
            Standard::Bytes(payload) => {
                let bytes = payload.cow(self.tree).map_err(of_pickle)?;
                self.head(id, Tag::Bytes);
                self.packet.bytes(&bytes);
            }
            Standard::ByteArray(payload) => {
                let bytes = payload.cow(self.tree).map_err(of_pickle)?;
                self.head(id, Tag::ByteArray);
                self.packet.bytes(&bytes);
            }
            Standard::Set(of) => return items(Tag::Set, of.to_vec()),
            Standard::FrozenSet(of) => return items(Tag::FrozenSet, of.to_vec()),
            Standard::OrderedDict(pairs) => return items(Tag::Dict, flat(&pairs)),
            Standard::Decimal(text) if is_plain(&text) => {
                self.head(id, Tag::Decimal);
                self.packet.text(&text);
            }
            Standard::Date(date) => {
                self.head(id, Tag::Date);
                self.packet.text(&date.to_string());
            }
            Standard::DateTime(date, time, None) if !time.fold => {
                self.head(id, Tag::DateTime);
                self.packet.text(&format!("{date}T{time}"));
            }
            _ => return Ok(None),
        }
        Ok(Some(None))
    }

    fn record(&mut self, id: Id, record: Record) -> Result<(), Failure> {
        match record {
            Record::Items(tag, items) => {
                self.head(id, tag);
                self.refer_all(&items);
            }
            Record::Objects(shape, items) => {
                self.head(id, Tag::Objects);
                self.packet.count(shape.len());
                shape.iter().for_each(|extent| self.packet.count(*extent));
                self.refer_all(&items);
            }
            Record::Masked(data, mask, fill_value) => {
                self.head(id, Tag::Masked);
                self.packet.count(data);
                self.packet.count(mask);
                self.refer(fill_value);
            }
            Record::Global => {
                let Value::Global(global) = self.tree.get(id) else {
                    return Err(self.unknown(id));
                };
                self.opaque(id, "global", &global.module, &global.name, &[]);
            }
            Record::Persistent(of) => {
                self.opaque(id, "persistent", "pickle", "persistent_load", &[of]);
            }
            Record::Opaque => {
                let Value::Call(call) = self.tree.get(id) else {
                    return Err(self.unknown(id));
                };
                let Some((module, name)) = self.tree.global(call.function) else {
                    return Err(self.unknown(id));
                };
                let kind = match call.kind {
                    CallKind::Reduce => "call",
                    CallKind::New | CallKind::Instance => "new",
                };
                let (module, name) = (module.to_owned(), name.to_owned());
                self.opaque(id, kind, &module, &name, &[call.args]);
                self.refer_all(call.kwargs().as_slice());
                self.refer_all(call.state().as_slice());
                self.refer_all(call.items());
                self.refer_all(&flat(call.pairs()));
                return Ok(());
            }
        }
        Ok(())
    }

    fn opaque(&mut self, id: Id, kind: &str, module: &str, name: &str, args: &[Id]) {
        self.head(id, Tag::Opaque);
        self.packet.text(kind);
        self.packet.text(module);
        self.packet.text(name);
        self.refer_all(args);
        if kind == "global" || kind == "persistent" {
            (0..4).for_each(|_| self.packet.count(0));
        }
    }

    fn text(&mut self, id: Id, blob: &Blob) -> Result<(), Failure> {
        let bytes = self.tree.blob(blob).map_err(of_pickle)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                self.head(id, Tag::Text);
                self.packet.text(text);
            }
            Err(_) => {
                self.head(id, Tag::Utf16);
                self.packet.bytes(&utf16(&bytes));
            }
        }
        Ok(())
    }

    fn bytes(&mut self, id: Id, tag: Tag, blob: &Blob) -> Result<(), Failure> {
        let bytes = self.tree.blob(blob).map_err(of_pickle)?;
        self.head(id, tag);
        self.packet.bytes(&bytes);
        Ok(())
    }

    /// The place of an array among those that go along.
    fn array(&mut self, array: &PickledArray) -> Result<usize, Failure> {
        let bytes = match &array.elements {
            Elements::Bytes(payload) => payload.bytes(self.tree).map_err(of_pickle)?,
            Elements::Values(bytes) => bytes.clone(),
            _ => return Err(Failure::bug("an array of objects among plain ones")),
        };
        let (dtype, shape) = (array.dtype.clone(), &array.shape);
        let made = match &array.order {
            StoredOrder::C => Array::contiguous(dtype, shape, Order::C, bytes)?,
            StoredOrder::F => Array::contiguous(dtype, shape, Order::F, bytes)?,
            StoredOrder::Permuted(axes) => {
                let mut stored = vec![0; axes.len()];
                for (at, axis) in axes.iter().enumerate() {
                    stored[*axis] = shape[at];
                }
                let layout = Layout::contiguous(&stored, dtype.itemsize(), Order::C)?;
                Array::new(dtype, layout, bytes)?.transposed(axes)?
            }
        };
        self.arrays.push(made);
        Ok(self.arrays.len() - 1)
    }

    fn unknown(&self, id: Id) -> Failure {
        let offset = match self.tree.get(id) {
            Value::Call(call) => call.offset,
            Value::Global(global) => global.offset,
            _ => 0,
        };
        Failure::Unknown { offset }
    }
}

fn flat(pairs: &[(Id, Id)]) -> Vec<Id> {
    pairs
        .iter()
        .flat_map(|(key, value)| [*key, *value])
        .collect()
}

/// Whether Java's decimals can be this: no infinity or NaN, and an exponent that it holds.
fn is_plain(text: &str) -> bool {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let is_number = |text: &str, more: &[u8]| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        text.bytes().any(|byte| byte.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || more.contains(&byte))
    };
    let dots = digits.bytes().filter(|byte| *byte == b'.').count();
    is_number(digits, b".") && dots <= 1 && is_number(exponent, b"") && exponent.len() < 9
}

/// UTF-8 in which halves of surrogate pairs occur, as Java has text, least significant byte first.
fn utf16(bytes: &[u8]) -> Vec<u8> {
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
        units.extend(valid.encode_utf16());
        rest = &rest[valid.len()..];
        match rest {
            // A half, as three bytes: 1110_1101 10_1xxxxx 10_xxxxxx.
            [0xed, second, third, after @ ..] => {
                units.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
                rest = after;
            }
            [_, after @ ..] => {
                units.push(0xfffd);
                rest = after;
            }
            [] => {}
        }
    }
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn of_pickle(error: ndferry::pickle::Error) -> Failure {
    Failure::Ours(ndferry::ErrorKind::Pickle(error.kind).at(error.offset))
}
