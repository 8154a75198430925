//! [`Tree`]: what a pickle describes, as data. [`Value`] is one node of it, [`Id`] its name.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use num_bigint::BigInt;

use crate::elements::Payload;
use crate::input::ReadAt;
use crate::lists::Lists;
use crate::node::{Node, Packed, Text};
use crate::role::Role;
use crate::text::Width;
use crate::{ErrorKind, Result};

/// Names a value in its [`Tree`]. Two uses of one object have the same `Id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(crate) u32);

impl Id {
    /// Of no value; the machine's limit keeps all others below.
    pub(crate) const NOTHING: Self = Self(u32::MAX);

    /// A number from 0 to [`Tree::len`] - 1, for tables beside the tree.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The values of one or more pickles: a flat arena, in which they name each other by [`Id`], so that sharing and cycles
/// are kept and nothing recurses, not even dropping it.
///
/// Long strings stay where they are; the tree only knows the place.
pub struct Tree {
    pub(crate) input: Arc<dyn ReadAt>,
    /// All of the input, if it is in memory.
    pub(crate) whole: Option<Bytes>,
    /// Short strings, and those that are spelled differently in the input.
    pub(crate) pool: Vec<u8>,
    pub(crate) buffers: Vec<Bytes>,
    pub(crate) nodes: Vec<Packed>,
    pub(crate) blobs: Vec<Blob>,
    /// Elements of tuples, frozensets, lists and sets.
    pub(crate) children: Lists<Id>,
    pub(crate) dicts: Lists<(Id, Id)>,
    pub(crate) ints: Vec<BigInt>,
    pub(crate) wide_ints: Vec<i64>,
    pub(crate) odd_floats: Vec<f64>,
    pub(crate) globals: Vec<Global>,
    /// What each of those is to this crate.
    pub(crate) roles: Vec<Role>,
    /// Module and name of each global, where they came as values.
    pub(crate) spelled: Vec<Option<(Id, Id)>>,
    pub(crate) calls: Vec<Call>,
    pub(crate) extensions: Vec<(u32, u64)>,
    pub(crate) persistent: Option<u64>,
    /// The highest protocol of the pickles.
    pub(crate) protocol: u8,
}

/// What is longer is no name.
const NAME_NBYTES: u64 = 64 << 10;

/// One value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// `int` that fits.
    Int(i64),
    /// Any other `int`.
    BigInt(&'a BigInt),
    /// `float`
    Float(f64),
    /// `str`: UTF-8, in which halves of surrogate pairs may occur.
    Str(Blob),
    /// `bytes`
    Bytes(Blob),
    /// `bytearray`
    ByteArray(Blob),
    /// Python 2's `str`: bytes, or Latin-1 text.
    Py2Str(Blob),
    /// `tuple`
    Tuple(&'a [Id]),
    /// `list`
    List(&'a [Id]),
    /// `set`, in the pickle's order.
    Set(&'a [Id]),
    /// `frozenset`, in the pickle's order.
    FrozenSet(&'a [Id]),
    /// `dict`, in the pickle's order; of equal keys the last counts.
    Dict(&'a [(Id, Id)]),
    /// A class or function, by name.
    Global(&'a Global),
    /// What calling something would have given.
    Call(&'a Call),
    /// An object that the pickle's reader must know, by its id.
    Persistent(Id),
    /// An entry of the `copyreg` extension registry, by its code.
    Extension(u32),
}

/// A class or function that the pickle refers to. Never imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// The module, as spelled.
    pub module: Arc<str>,
    /// The name in it; may have dots.
    pub name: Arc<str>,
    /// Byte of the opcode.
    pub offset: u64,
}

/// Something that Python would have called, and what it would then have done with the result. Never called.
#[derive(Debug)]
pub struct Call {
    /// How.
    pub kind: CallKind,
    /// What: a [`Value::Global`], in honest pickles.
    pub function: Id,
    /// The arguments: a [`Value::Tuple`], in honest pickles.
    pub args: Id,
    /// Byte of the opcode.
    pub offset: u64,
    /// What `BUILD` set first, or [`Id::NOTHING`]: nearly all that have a state have one.
    pub(crate) first_state: Id,
    pub(crate) more: Option<Box<More>>,
}

/// How something is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `function(*args)` (`REDUCE`).
    Reduce,
    /// `function.__new__(function, *args, **kwargs)` (`NEWOBJ`, `NEWOBJ_EX`).
    New,
    /// A class of Python 2 (`INST`, `OBJ`).
    Instance,
}

/// What few calls have.
#[derive(Debug, Default)]
pub(crate) struct More {
    pub(crate) kwargs: Option<Id>,
    /// All that `BUILD` set, if it is more than one.
    pub(crate) states: Vec<Id>,
    pub(crate) items: Vec<Id>,
    pub(crate) pairs: Vec<(Id, Id)>,
    pub(crate) raw: Option<Box<Raw>>,
}

/// What joblib put between the opcodes after an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw {
    Bytes(Blob),
    Object(Id),
}

impl Call {
    /// Keyword arguments: a [`Value::Dict`], in honest pickles.
    pub fn kwargs(&self) -> Option<Id> {
        self.more.as_ref()?.kwargs
    }

    /// What `BUILD` set; the last, if several did.
    pub fn state(&self) -> Option<Id> {
        self.states().last().copied()
    }

    /// What `BUILD` set, if it is all that was done.
    #[inline]
    pub(crate) fn only_state(&self) -> Option<Id> {
        (self.more.is_none() && self.first_state != Id::NOTHING).then_some(self.first_state)
    }

    /// All that `BUILD` set, one after another.
    pub fn states(&self) -> &[Id] {
        match &self.more {
            Some(more) if !more.states.is_empty() => &more.states,
            _ if self.first_state == Id::NOTHING => &[],
            _ => std::slice::from_ref(&self.first_state),
        }
    }

    pub(crate) fn push_state(&mut self, state: Id) {
        if self.first_state == Id::NOTHING {
            self.first_state = state;
            return;
        }
        let states = &mut self.more.get_or_insert_default().states;
        if states.is_empty() {
            states.push(self.first_state);
        }
        states.push(state);
    }

    pub(crate) fn raw(&self) -> Option<Raw> {
        self.more.as_ref()?.raw.as_deref().copied()
    }

    /// The array of objects that joblib pickled by itself after this object.
    pub fn raw_object(&self) -> Option<Id> {
        match self.raw()? {
            Raw::Object(id) => Some(id),
            Raw::Bytes(_) => None,
        }
    }

    /// What was appended or added.
    pub fn items(&self) -> &[Id] {
        self.more.as_ref().map_or(&[], |more| &more.items)
    }

    /// What was set by key.
    pub fn pairs(&self) -> &[(Id, Id)] {
        self.more.as_ref().map_or(&[], |more| &more.pairs)
    }
}

/// A string's place and length; [`Tree::blob`] gives its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Blob {
    pub(crate) place: Place,
    pub(crate) nbytes: u64,
    /// Characters, of a `str`.
    pub(crate) nchars: u64,
    pub(crate) width: Width,
}

/// Where a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Input(u64),
    Pool(u64),
    Buffer(u32),
}

impl Blob {
    pub(crate) const EMPTY: Self = Self {
        place: Place::Pool(0),
        nbytes: 0,
        nchars: 0,
        width: Width::Ascii,
    };

    /// Bytes, or ASCII.
    pub(crate) fn plain(place: Place, nbytes: u64) -> Self {
        Self {
            place,
            nbytes,
            nchars: nbytes,
            width: Width::Ascii,
        }
    }

    /// Its bytes; of a `str`, those of its UTF-8.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// Where they are in the input, if they are there as they are.
    pub fn offset(&self) -> Option<u64> {
        match self.place {
            Place::Input(offset) => Some(offset),
            Place::Pool(_) | Place::Buffer(_) => None,
        }
    }

    /// The characters of a `str` if all are Latin-1, so that each stands for a byte.
    pub fn latin1_nbytes(&self) -> Option<u64> {
        (self.width <= Width::Latin1).then_some(self.nchars)
    }

    /// Whether all characters of a `str` are ASCII.
    pub fn is_ascii(&self) -> bool {
        self.width == Width::Ascii
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("values", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

impl Tree {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All values, in the order in which they were made.
    pub fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        // Their number was checked to fit when they were made.
        (0..self.nodes.len() as u32).map(Id)
    }

    /// Every class and function that was referred to, in the order of the opcodes, each time.
    pub fn globals(&self) -> &[Global] {
        &self.globals
    }

    /// Every code of the extension registry that was referred to, and the byte of the opcode.
    pub fn extensions(&self) -> &[(u32, u64)] {
        &self.extensions
    }

    /// Byte of the first opcode that refers to an object by a persistent id, which only the program that wrote it can
    /// resolve. `pickle.load` refuses it.
    pub fn persistent(&self) -> Option<u64> {
        self.persistent
    }

    /// Everything that Python would have called, in the order of the opcodes, also what was thrown away afterwards.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    #[inline]
    pub(crate) fn node(&self, id: Id) -> Node {
        self.nodes[id.index()].node()
    }

    /// One value.
    #[inline]
    pub fn get(&self, id: Id) -> Value<'_> {
        let run = |start: u32, len: u16| self.children.run(start, usize::from(len));
        match self.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(value),
            Node::Int(value) => Value::Int(value),
            Node::WideInt(i) => Value::Int(self.wide_ints[i as usize]),
            Node::BigInt(i) => Value::BigInt(&self.ints[i as usize]),
            Node::Float(value) => Value::Float(value),
            Node::OddFloat(i) => Value::Float(self.odd_floats[i as usize]),
            Node::Short {
                kind,
                place,
                nbytes,
            } => string(kind, Blob::plain(place, u64::from(nbytes))),
            Node::String(kind, i) => string(kind, self.blobs[i as usize]),
            Node::Tuple { start, len } => Value::Tuple(run(start, len)),
            Node::FrozenSet { start, len } => Value::FrozenSet(run(start, len)),
            Node::LongTuple(i) => Value::Tuple(self.children.get(i)),
            Node::LongFrozenSet(i) => Value::FrozenSet(self.children.get(i)),
            Node::List(i) => Value::List(self.children.get(i)),
            Node::Set(i) => Value::Set(self.children.get(i)),
            Node::Dict(i) => Value::Dict(self.dicts.get(i)),
            Node::Global(i) => Value::Global(&self.globals[i as usize]),
            Node::Call(i) => Value::Call(&self.calls[i as usize]),
            Node::Persistent(id) => Value::Persistent(id),
            Node::Extension(code) => Value::Extension(code),
        }
    }

    /// What stands for a string, and for one that is long or not ASCII, its place in the table.
    pub(crate) fn string(&mut self, blob: Blob, kind: Text) -> Node {
        if blob.is_ascii()
            && let Some(node) = Node::short(kind, blob.place, blob.nbytes)
        {
            return node;
        }
        self.blobs.push(blob);
        Node::String(kind, self.blobs.len() as u32 - 1)
    }

    /// What a global is to this crate; [`Role::Other`] also of what is no global.
    #[inline]
    pub(crate) fn role(&self, id: Id) -> Role {
        match self.node(id) {
            Node::Global(i) => self.roles[i as usize],
            _ => Role::Other,
        }
    }

    /// The elements of a tuple.
    #[inline]
    pub(crate) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple { start, len } => Some(self.children.run(start, usize::from(len))),
            Node::LongTuple(i) => Some(self.children.get(i)),
            _ => None,
        }
    }

    /// Whether it makes an empty array, of the class that is its first argument: `_reconstruct`, wherever NumPy had it
    /// (`numpy/_core/src/multiarray/multiarraymodule.c`).
    pub fn is_reconstruct(&self, call: &Call) -> bool {
        self.role(call.function) == Role::Reconstruct
    }

    /// A call, what its function is to this crate, and the arguments.
    #[inline]
    pub(crate) fn role_call(&self, id: Id) -> Option<(&Call, Role, &[Id])> {
        let Node::Call(i) = self.node(id) else {
            return None;
        };
        let call = &self.calls[i as usize];
        let args = self.tuple(call.args)?;
        Some((call, self.role(call.function), args))
    }

    /// Bytes that are in the pool, or in an input that is in memory.
    #[inline]
    pub(crate) fn in_memory(&self, place: Place, nbytes: usize) -> Option<&[u8]> {
        match place {
            Place::Pool(start) => self.pool.get(start as usize..)?.get(..nbytes),
            Place::Input(start) => self.whole.as_ref()?.get(start as usize..)?.get(..nbytes),
            Place::Buffer(_) => None,
        }
    }

    /// A string's bytes; of a `str`, its UTF-8. Nothing is copied if the input is in memory.
    ///
    /// # Errors
    /// Reading the input; [`ErrorKind::NoBuffer`].
    #[inline]
    pub fn blob(&self, blob: &Blob) -> Result<Cow<'_, [u8]>> {
        let nbytes = blob.nbytes as usize;
        if let Some(bytes) = self.in_memory(blob.place, nbytes) {
            return Ok(Cow::Borrowed(bytes));
        }
        self.far_blob(blob)
    }

    fn far_blob(&self, blob: &Blob) -> Result<Cow<'_, [u8]>> {
        let nbytes = blob.nbytes as usize;
        match blob.place {
            Place::Pool(start) => Ok(Cow::Borrowed(&self.pool[start as usize..][..nbytes])),
            Place::Input(offset) => {
                let mut out = vec![0; nbytes];
                self.read_input(&mut out, offset)?;
                Ok(Cow::Owned(out))
            }
            Place::Buffer(index) => match self.buffers.get(index as usize) {
                Some(buffer) => Ok(Cow::Borrowed(buffer)),
                None => Err(ErrorKind::NoBuffer { index }.at(0)),
            },
        }
    }

    /// The same, shared where possible.
    ///
    /// # Errors
    /// As [`Self::blob`].
    pub fn blob_bytes(&self, blob: &Blob) -> Result<Bytes> {
        match (blob.place, &self.whole) {
            (Place::Input(offset), Some(whole)) => {
                Ok(whole.slice(offset as usize..(offset + blob.nbytes) as usize))
            }
            (Place::Buffer(index), _) if (index as usize) < self.buffers.len() => {
                Ok(self.buffers[index as usize].clone())
            }
            (Place::Input(offset), None) => match self.input.shared(offset..offset + blob.nbytes) {
                Some(bytes) => Ok(bytes),
                None => Ok(self.blob(blob)?.into_owned().into()),
            },
            _ => Ok(self.blob(blob)?.into_owned().into()),
        }
    }

    /// Text that came as one byte for each character, and was kept so.
    pub(crate) fn latin1(&self, blob: &Blob) -> Option<Bytes> {
        match blob.place {
            Place::Input(offset) => {
                let inflow = self.input.inflow()?;
                inflow.latin1(offset..offset + blob.nbytes)
            }
            _ => None,
        }
    }

    /// Some of a string's bytes, if they are in memory somewhere beside the tree.
    pub(crate) fn shared_part(&self, blob: &Blob, range: Range<u64>) -> Option<Bytes> {
        match (blob.place, &self.whole) {
            (Place::Input(offset), None) => {
                let range = offset + range.start..offset + range.end;
                self.input.shared(range)
            }
            _ => None,
        }
    }

    /// Some of a string's bytes.
    pub(crate) fn part(&self, blob: &Blob, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let place = match blob.place {
            Place::Input(offset) => Place::Input(offset + range.start),
            Place::Pool(start) => Place::Pool(start + range.start),
            Place::Buffer(index) => {
                let range = range.start as usize..range.end as usize;
                let part = self.buffers.get(index as usize);
                let part = part.and_then(|buffer| buffer.get(range));
                return part
                    .map(Cow::Borrowed)
                    .ok_or_else(|| ErrorKind::NoBuffer { index }.at(0));
            }
        };
        self.blob(&Blob {
            place,
            nbytes: range.end - range.start,
            ..*blob
        })
    }

    /// The number of the buffer that a string should be in and that was not given.
    pub(crate) fn missing_buffer(&self, blob: &Blob) -> Option<u32> {
        match blob.place {
            Place::Buffer(index) if self.buffers.len() <= index as usize => Some(index),
            _ => None,
        }
    }

    fn read_input(&self, out: &mut [u8], offset: u64) -> Result<()> {
        let mut filled = 0;
        while filled < out.len() {
            let at = offset + filled as u64;
            let n = self
                .input
                .read_at(&mut out[filled..], at)
                .map_err(|error| ErrorKind::Io(error).at(at))?;
            if n == 0 {
                let (needed, found) = (out.len() as u64, filled as u64);
                return Err(ErrorKind::Truncated { needed, found }.at(offset));
            }
            filled += n;
        }
        Ok(())
    }

    /// The text of a `str`, a Python 2 `str` or `bytes` (Latin-1), where one of those means a name; `None` for anything
    /// else, and for text that Rust cannot hold or that is longer than 64 KiB.
    ///
    /// # Errors
    /// Reading the input.
    #[inline]
    pub fn name(&self, id: Id) -> Result<Option<Cow<'_, str>>> {
        // ASCII, as nearly all names are.
        if let Node::Short {
            kind: Text::Str,
            place,
            nbytes,
        } = self.node(id)
            && let Some(bytes) = self.in_memory(place, usize::from(nbytes))
        {
            return Ok(std::str::from_utf8(bytes).ok().map(Cow::Borrowed));
        }
        self.any_name(id)
    }

    fn any_name(&self, id: Id) -> Result<Option<Cow<'_, str>>> {
        let (blob, is_text) = match self.get(id) {
            Value::Str(blob) => (blob, true),
            Value::Py2Str(blob) | Value::Bytes(blob) => (blob, false),
            // How Python 3 spells `bytes` before protocol 3.
            Value::Call(_) => {
                let payload = Payload::of(self, id)?;
                let Some(payload) = payload.filter(|payload| payload.nbytes() <= NAME_NBYTES)
                else {
                    return Ok(None);
                };
                let bytes = payload.bytes(self)?;
                return Ok(Some(bytes.iter().map(|byte| char::from(*byte)).collect()));
            }
            _ => return Ok(None),
        };
        if blob.nbytes > NAME_NBYTES {
            return Ok(None);
        }
        let bytes = self.blob(&blob)?;
        if is_text || bytes.is_ascii() {
            return Ok(match bytes {
                Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
                Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
            });
        }
        Ok(Some(bytes.iter().map(|byte| char::from(*byte)).collect()))
    }

    /// An `int` (or `bool`) that fits.
    pub fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(value) => Some(value),
            Node::Bool(value) => Some(i64::from(value)),
            Node::WideInt(i) => Some(self.wide_ints[i as usize]),
            // Those that fit are not in this table.
            _ => None,
        }
    }

    /// The elements of a tuple or list.
    #[inline]
    pub fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::List(i) => Some(self.children.get(i)),
            _ => self.tuple(id),
        }
    }

    /// A tuple of extents, or a single one.
    pub(crate) fn shape(&self, id: Id) -> Option<Vec<usize>> {
        let extent = |id: Id| self.int(id).and_then(|extent| usize::try_from(extent).ok());
        let Some(items) = self.sequence(id) else {
            return Some(vec![extent(id)?]);
        };
        if items.len() > ndferry_array::MAX_NDIM {
            return None;
        }
        let mut shape = Vec::with_capacity(items.len());
        for item in items {
            shape.push(extent(*item)?);
        }
        Some(shape)
    }

    /// Whether it is a shape, of at least one element.
    pub(crate) fn has_elements(&self, id: Id) -> bool {
        match self.tuple(id) {
            // What all have that NumPy writes needs no vector.
            Some([extent]) if self.int(*extent) == Some(0) => false,
            _ => self.shape(id).is_some_and(|shape| !shape.contains(&0)),
        }
    }

    /// Byte of the opcode that made it, as far as that is known.
    pub(crate) fn offset_of(&self, id: Id) -> u64 {
        match self.get(id) {
            Value::Call(call) => call.offset,
            Value::Global(global) => global.offset,
            Value::Str(blob) | Value::Bytes(blob) | Value::ByteArray(blob) => {
                blob.offset().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// The values that named a global, if values did.
    pub(crate) fn spelled_of(&self, id: Id) -> Option<(Id, Id)> {
        match self.node(id) {
            Node::Global(i) => self.spelled[i as usize],
            _ => None,
        }
    }

    /// The module and name of a global.
    pub fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.get(id) {
            Value::Global(global) => Some((&global.module, &global.name)),
            _ => None,
        }
    }

    /// A call of a global: its module and name, and the arguments.
    pub fn call(&self, id: Id) -> Option<(&Call, (&str, &str), &[Id])> {
        let Value::Call(call) = self.get(id) else {
            return None;
        };
        let Value::Tuple(args) = self.get(call.args) else {
            return None;
        };
        Some((call, self.global(call.function)?, args))
    }
}

fn string<'a>(kind: Text, blob: Blob) -> Value<'a> {
    match kind {
        Text::Str => Value::Str(blob),
        Text::Bytes => Value::Bytes(blob),
        Text::ByteArray => Value::ByteArray(blob),
        Text::Py2Str => Value::Py2Str(blob),
    }
}

impl Value<'_> {
    /// What Python calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::ByteArray(_) => "bytearray",
            Self::Py2Str(_) => "str of Python 2",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
            Self::Dict(_) => "dict",
            Self::Global(_) => "class or function",
            Self::Call(_) => "object",
            Self::Persistent(_) => "persistent id",
            Self::Extension(_) => "extension",
        }
    }
}
