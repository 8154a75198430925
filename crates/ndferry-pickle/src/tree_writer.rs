//! [`TreeWriter`]: a [`Tree`] as a pickle again, of any protocol and for any NumPy.
//!
//! What is to be written next is on a stack of [`Part`]s, so that nothing recurses. A value becomes the parts that CPython's
//! C pickler writes for it, in its order; [`call`] and [`mod@array`] exchange those that another protocol or NumPy spells
//! differently.

mod array;
mod call;
mod numbers;
mod payload;
mod value;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use bytes::Bytes;

use crate::elements::Payload;
use crate::emit::{BATCH, Emitter, Shared};
use crate::opcode as op;
use crate::value::{Blob, Id, Tree};
use crate::write::WriteOptions;
use crate::{ArrayReader, ErrorKind, Limits, Numpy, Result};

/// What is asked for each buffer of an array in protocol 5: its bytes, and whether it is read-only. True takes it: then the
/// pickle only says that a buffer is needed here.
pub type TakeBuffer<'a> = dyn FnMut(Bytes, bool) -> bool + 'a;

/// Writes values of a [`Tree`] as pickles, one value each.
///
/// Objects that are used twice are written once, cycles stay cycles, and long strings are copied from where they lie, a
/// little at a time. Arrays, dtypes and scalars are written so that the wanted NumPy loads them, whichever NumPy wrote them;
/// classes are named as the Python names them that the protocol is for.
///
/// ```
/// use ndferry_pickle::{Machine, TreeWriter, WriteOptions};
///
/// let mut machine = Machine::new(b"(lp0\nI1\nag0\na.".as_slice());
/// let root = machine.load()?;
/// let tree = machine.into_tree();
/// let options = WriteOptions { protocol: 2, ..WriteOptions::default() };
/// let out = TreeWriter::new(&tree, options)?.write(root, Vec::new())?;
/// assert_eq!(out, b"\x80\x02]q\0(K\x01h\0e.");
/// # Ok::<(), ndferry_pickle::Error>(())
/// ```
pub struct TreeWriter<'t> {
    tree: &'t Tree,
    options: WriteOptions,
    reader: ArrayReader<'t>,
    take_buffer: Option<Box<TakeBuffer<'t>>>,
}

impl std::fmt::Debug for TreeWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TreeWriter: {:?}", self.options)
    }
}

impl<'t> TreeWriter<'t> {
    /// For values of this tree.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`]; [`ErrorKind::Unsupported`] for Python 2 and a protocol that it does not know.
    pub fn new(tree: &'t Tree, options: WriteOptions) -> Result<Self> {
        options.check()?;
        Ok(Self {
            tree,
            options,
            reader: ArrayReader::new(tree, &Limits::default()),
            take_buffer: None,
        })
    }

    /// Offers each buffer of an array to `take` instead of writing it into the pickle (`pickle.dump`'s
    /// `buffer_callback`); only protocol 5 can.
    #[must_use]
    pub fn with_buffers(mut self, take: Box<TakeBuffer<'t>>) -> Self {
        self.take_buffer = Some(take);
        self
    }

    /// Writes one pickle and gives the writer back.
    ///
    /// # Errors
    /// Writing; reading the tree's input; [`ErrorKind::Unsupported`] for what this protocol or NumPy cannot say, at the byte
    /// where it was in the input.
    pub fn write<W: Write>(&mut self, root: Id, out: W) -> Result<W> {
        let emit = Emitter::new(out, self.options.protocol).map_err(system)?;
        let mut writing = Writing {
            tree: self.tree,
            options: self.options,
            reader: &mut self.reader,
            take_buffer: &mut self.take_buffer,
            emit,
            parts: vec![Part::Node(root, Position::AsIs)],
            numbers: vec![0; self.tree.len()],
            other_numbers: HashMap::new(),
            named: HashSet::new(),
            open: HashMap::new(),
        };
        while let Some(part) = writing.parts.pop() {
            writing.part(part)?;
        }
        writing.emit.finish().map_err(system)
    }
}

/// One pickle that is being written.
struct Writing<'w, 't, W: Write> {
    tree: &'t Tree,
    options: WriteOptions,
    reader: &'w mut ArrayReader<'t>,
    take_buffer: &'w mut Option<Box<TakeBuffer<'t>>>,
    emit: Emitter<W>,
    /// What is left to do, the next last.
    parts: Vec<Part<'t>>,
    /// By value: its number in the memo and one, 0 before it has one.
    numbers: Vec<u32>,
    /// The same of what is not written as it is.
    other_numbers: HashMap<(Id, Position), u32>,
    /// Numbers of values that are parts of names.
    named: HashSet<u32>,
    /// How often values that are numbered after their contents are being written.
    open: HashMap<(Id, Position), u8>,
}

/// What a value is to the one that holds it: some are spelled differently there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Position {
    AsIs,
    /// Bytes, whatever they are in the tree.
    Bytes,
    /// Text, also if it is a Python 2 `str`.
    Text,
    /// Arguments or a state whose parts have positions.
    ArrayState,
    MaskedState,
    ScalarArgs,
    DtypeArgs,
    DtypeState,
    DtypeFlags,
    TimeMetadata,
    /// A dict that NumPy 2 does without.
    NoMetadata,
    /// Arguments of which the first is bytes (`datetime.datetime`).
    BytesArgs,
}

/// One step of writing.
enum Part<'t> {
    Node(Id, Position),
    /// Items from that one on, one after another, as the position of what holds them says.
    Children(&'t [Id], usize, Position),
    /// Items that an opcode adds, in batches.
    Append(&'t [Id], usize, Adding),
    /// The same of keys and values; twice as many.
    Set(&'t [(Id, Id)], usize, Adding),
    /// Numbers that were bytes.
    Numbers(numbers::Numbers, usize),
    Op(u8),
    None,
    Bool(bool),
    Int(i64),
    Text(&'static str),
    Interned(String),
    Name(Id, String),
    Py2Text(Cow<'t, str>),
    Global(&'static str, &'static str),
    SharedBytes(&'static [u8]),
    /// A tuple of numbers.
    Ints(Vec<i64>),
    BeginTuple(usize),
    /// The length, and what the tuple is in the tree.
    EndTuple(usize, Option<(Id, Position)>),
    /// `FROZENSET`
    EndFrozenSet(Id),
    /// An opcode of calling something, and what comes out.
    Called(u8, (Id, Position)),
    /// `INST` of that class, and what comes out.
    Instance(String, (Id, Position)),
    BeginList,
    /// Numbers what was just written.
    PutShared(Shared, (Id, Position)),
    Put(Option<(Id, Position)>),
    /// Gives a value the number of another.
    Alias(Id, Id),
    Payload(Payload),
    Buffer(Payload, bool),
    Made(Bytes),
}

/// How items are added to what holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adding {
    /// To a list or dict.
    Exact,
    /// To a set.
    Set,
    /// To an object that is like a list or dict.
    Object,
}

/// So often, and no more, an object can be inside itself before it has a number: CPython writes such an object again,
/// finds that it has a number by then, and throws the first away.
const MAX_OPEN: u8 = 4;

impl<'t, W: Write> Writing<'_, 't, W> {
    fn part(&mut self, part: Part<'t>) -> Result<()> {
        match part {
            Part::Node(id, position) => self.node(id, position)?,
            Part::Children(items, at, position) => {
                if let Some(item) = items.get(at) {
                    self.parts.push(Part::Children(items, at + 1, position));
                    let position = value::position_of_child(self.tree, position, items, at);
                    self.parts.push(Part::Node(*item, position));
                }
            }
            Part::Append(items, at, adding) => self.append(items, at, adding),
            Part::Set(pairs, at, adding) => self.set(pairs, at, adding),
            Part::Numbers(numbers, at) => self.number_items(numbers, at).map_err(system)?,
            Part::Op(opcode) => self.emit.opcode(opcode),
            Part::None => self.emit.none().map_err(system)?,
            Part::Bool(value) => self.emit.bool(value).map_err(system)?,
            Part::Int(value) => self.emit.int(value).map_err(system)?,
            Part::Name(id, text) => self.name(id, text)?,
            Part::Interned(text) => self.emit.interned(text).map_err(system)?,
            Part::BeginList => {
                self.emit.begin_list().map_err(system)?;
                self.emit.put();
            }
            Part::PutShared(shared, key) => {
                let number = self.emit.put_shared(shared);
                self.set_number(key, number);
            }
            Part::Text(text) => self.emit.interned(text).map_err(system)?,
            Part::Py2Text(text) => self.py2_text(&text).map_err(system)?,
            Part::Global(module, name) => self.emit.global(module, name).map_err(system)?,
            Part::SharedBytes(bytes) => self.emit.shared_bytes(bytes).map_err(system)?,
            Part::Ints(values) => self.ints(&values).map_err(system)?,
            Part::BeginTuple(len) => self.emit.begin_tuple(len).map_err(system)?,
            Part::EndTuple(len, key) => self.end_tuple(len, key),
            Part::EndFrozenSet(id) => self.end_frozen_set(id),
            Part::Called(opcode, key) => {
                self.emit.opcode(opcode);
                self.called(key);
            }
            Part::Instance(name, key) => {
                self.emit.instance_lines(&name);
                self.called(key);
            }
            Part::Put(key) => {
                let number = self.emit.put();
                if let Some(key) = key {
                    self.set_number(key, number);
                }
            }
            Part::Alias(id, of) => {
                if let Some(number) = self.number((of, Position::AsIs)) {
                    self.set_number((id, Position::AsIs), number);
                }
            }
            Part::Payload(payload) => self.payload(&payload)?,
            Part::Buffer(payload, is_readonly) => self.buffer(&payload, is_readonly)?,
            Part::Made(bytes) => {
                let wide = crate::emit::wide(&bytes);
                self.check_nbytes(bytes.len() as u64 + wide, 0)?;
                let mut from = &bytes[..];
                let written = self.emit.payload(bytes.len() as u64, wide, &mut from);
                written.map_err(system)?;
            }
        }
        Ok(())
    }

    /// Puts parts on the stack so that they are done in this order.
    fn then(&mut self, parts: impl IntoIterator<Item = Part<'t>, IntoIter: DoubleEndedIterator>) {
        self.parts.extend(parts.into_iter().rev());
    }

    fn protocol(&self) -> u8 {
        self.options.protocol
    }

    fn number(&self, key: (Id, Position)) -> Option<u32> {
        let number = match key {
            (id, Position::AsIs) => self.numbers[id.index()],
            key => self.other_numbers.get(&key).copied().unwrap_or(0),
        };
        number.checked_sub(1)
    }

    fn set_number(&mut self, key: (Id, Position), number: u32) {
        match key {
            (id, Position::AsIs) => self.numbers[id.index()] = number + 1,
            key => drop(self.other_numbers.insert(key, number + 1)),
        }
    }

    /// Before the contents of what gets its number after them.
    fn open(&mut self, key: (Id, Position)) -> Result<()> {
        let times = self.open.entry(key).or_default();
        *times += 1;
        if *times > MAX_OPEN {
            let what = "an object inside itself, where no list or dict is in between,".to_owned();
            return Err(self.unsupported(key.0, what));
        }
        Ok(())
    }

    /// After them: whether it has got its number inside of itself. Then what is on the stack is to be thrown away.
    fn close(&mut self, key: (Id, Position)) -> Option<u32> {
        if let Some(times) = self.open.get_mut(&key) {
            *times -= 1;
            if *times == 0 {
                self.open.remove(&key);
            }
        }
        self.number(key)
    }

    fn end_tuple(&mut self, len: usize, key: Option<(Id, Position)>) {
        let Some(number) = key.and_then(|key| self.close(key)) else {
            let number = self.emit.end_tuple(len);
            if let (Some(key), Some(number)) = (key, number) {
                self.set_number(key, number);
            }
            return;
        };
        match self.protocol() {
            0 => self.pop(len + 1),
            2.. if len <= 3 => self.pop(len),
            _ => self.emit.opcode(op::POP_MARK),
        }
        self.emit.get_here(number);
    }

    fn end_frozen_set(&mut self, id: Id) {
        let key = (id, Position::AsIs);
        match self.close(key) {
            Some(number) => {
                self.emit.opcode(op::POP_MARK);
                self.emit.get_here(number);
            }
            None => {
                self.emit.opcode(op::FROZENSET);
                let number = self.emit.put();
                self.set_number(key, number);
            }
        }
    }

    /// A call's result, unless it is in the memo by now.
    fn called(&mut self, key: (Id, Position)) {
        match self.close(key) {
            Some(number) => {
                self.pop(1);
                self.emit.get_here(number);
            }
            None => {
                let number = self.emit.put();
                self.set_number(key, number);
            }
        }
    }

    fn pop(&mut self, times: usize) {
        for _ in 0..times {
            self.emit.opcode(op::POP);
        }
    }

    /// `Modules/_pickle.c`, `batch_list_exact`, `batch_list`, and the end of `save_set`.
    fn append(&mut self, items: &'t [Id], at: usize, adding: Adding) {
        let (one, many) = match adding {
            Adding::Set => (op::ADDITEMS, op::ADDITEMS),
            _ => (op::APPEND, op::APPENDS),
        };
        let step = self.batch(items.len(), at, adding, one, many);
        if step {
            self.parts.push(Part::Append(items, at + 1, adding));
            self.parts.push(Part::Node(items[at], Position::AsIs));
        }
    }

    /// `batch_dict_exact`, `batch_dict`.
    fn set(&mut self, pairs: &'t [(Id, Id)], at: usize, adding: Adding) {
        if at % 2 == 1 {
            self.parts.push(Part::Set(pairs, at + 1, adding));
            self.parts.push(Part::Node(pairs[at / 2].1, Position::AsIs));
            return;
        }
        let adding = match adding {
            // As a set, it finds out that nothing is left only after it has begun another batch.
            Adding::Exact => Adding::Set,
            other => other,
        };
        if self.batch(pairs.len(), at / 2, adding, op::SETITEM, op::SETITEMS) {
            self.parts.push(Part::Set(pairs, at + 1, adding));
            self.parts.push(Part::Node(pairs[at / 2].0, Position::AsIs));
        }
    }

    /// What stands before item `at` of `len`, or after the last; whether there is an item left.
    fn batch(&mut self, len: usize, at: usize, adding: Adding, one: u8, many: u8) -> bool {
        if self.protocol() == 0 {
            if at > 0 {
                self.emit.opcode(one);
            }
            return at < len;
        }
        let is_single = |start: usize| match adding {
            Adding::Object => start + 1 == len,
            Adding::Exact => len == 1,
            Adding::Set => len == 1 && one != many,
        };
        if at > 0 && (at.is_multiple_of(BATCH) || at == len) {
            let start = (at - 1) / BATCH * BATCH;
            self.emit.opcode(if is_single(start) { one } else { many });
        }
        if at == len {
            if adding == Adding::Set && len > 0 && len.is_multiple_of(BATCH) {
                self.emit.opcode(op::MARK);
                self.emit.opcode(many);
            }
            return false;
        }
        if at.is_multiple_of(BATCH) && !is_single(at) {
            self.emit.opcode(op::MARK);
        }
        true
    }

    fn ints(&mut self, values: &[i64]) -> io::Result<()> {
        self.emit.begin_tuple(values.len())?;
        for value in values {
            self.emit.int(*value)?;
        }
        self.emit.end_tuple(values.len());
        Ok(())
    }

    fn unsupported(&self, id: Id, what: String) -> crate::Error {
        let what = format!("{what} in protocol {}", self.protocol());
        ErrorKind::Unsupported { what }.at(self.tree.offset_of(id))
    }
}

/// What reading the tree said, or else that writing failed.
fn system(error: io::Error) -> crate::Error {
    error
        .downcast::<crate::Error>()
        .unwrap_or_else(|error| ErrorKind::Io(error).at(0))
}
