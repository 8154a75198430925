//! [`Machine`]: opcodes to values. Imports nothing, calls nothing.

mod arguments;
mod compound;
mod joblib;
mod rows;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};
use std::{fmt, io};

use bytes::Bytes;
use num_bigint::BigInt;

use crate::dtype::Dtypes;
use crate::input::{Cursor, ReadAt};
use crate::lists::Lists;
use crate::memo::Memo;
use crate::node::{EMPTY, Node, Packed, Text};
use crate::opcode as op;
use crate::role::Role;
use crate::scan::Between;
use crate::text::{TextScan, raw_unicode_escape, unquote};
use crate::value::{Blob, Call, CallKind, Global, Id, More, Place, Tree, Value};
use crate::{Error, ErrorKind, Limits, Result};
use arguments::{parse_float, with_scan};

/// Reads pickles that follow one another in an input, into one [`Tree`].
///
/// ```
/// use ndferry_pickle::{Machine, Value};
///
/// let mut machine = Machine::new(b"\x80\x02K\x01K\x02\x86.".as_slice());
/// let root = machine.load()?;
/// let Value::Tuple(items) = machine.tree().get(root) else { unreachable!() };
/// assert_eq!(machine.tree().int(items[1]), Some(2));
/// # Ok::<(), ndferry_pickle::Error>(())
/// ```
#[derive(Debug)]
pub struct Machine {
    tree: Tree,
    cursor: Cursor,
    limits: Limits,
    memo: Memo,
    stack: Vec<Id>,
    /// Lengths of the stack where `MARK` was.
    marks: Vec<usize>,
    /// Values pushed so far, over all pickles.
    pushed: usize,
    next_buffer: u32,
    /// What the codes of the extension registry stand for.
    extensions: BTreeMap<u32, (Arc<str>, Arc<str>)>,
    /// All modules and names, each once.
    names: HashSet<Arc<str>>,
    /// The global named last that makes empty arrays, or [`Id::NOTHING`].
    reconstruct: Id,
    /// Keys and values on their way from the stack into a dict.
    pairs: Vec<(Id, Id)>,
    /// Dtypes of arrays whose bytes lie between the opcodes.
    dtypes: Dtypes,
    /// What joblib put between the opcodes.
    between: Vec<Between>,
    /// How many pickles are being read inside one another.
    depth: usize,
    /// Byte of the opcode in hand.
    offset: u64,
    watch: Option<Watch>,
    /// The byte from which on it is asked whether to go on.
    look_at: u64,
    /// How many arrays were made at once; `None` if no row of opcodes shall be.
    #[cfg(test)]
    rows: Option<usize>,
}

/// Says whether to go on.
struct Watch(Box<dyn Fn() -> io::Result<()> + Send + Sync>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// Bytes of opcodes that are read between two looks whether to go on: some milliseconds.
const LOOK_EVERY: u64 = 1 << 18;

/// Strings up to this length are kept in the tree, so that reading them costs no access to the file.
const POOLED_NBYTES: u64 = 4096;

/// Numbers that need no node of their own: 0 to this, exclusive.
const SHARED_INTS: u32 = 256;

const NONE: Id = Id(0);
const FALSE: Id = Id(1);
const TRUE: Id = Id(2);
const EMPTY_TUPLE: Id = Id(3);
const ZERO: u32 = 4;

/// Those that all trees begin with.
static FIRST: LazyLock<Vec<Packed>> = LazyLock::new(|| {
    let mut nodes = vec![Node::None, Node::Bool(false), Node::Bool(true)];
    nodes.push(Node::Tuple { start: 0, len: 0 });
    nodes.extend((0..SHARED_INTS).map(|value| Node::Int(i64::from(value))));
    nodes.into_iter().map(Packed::from).collect()
});

impl Machine {
    /// For pickles in memory.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self::open(Arc::new(bytes.into()), 0, Limits::default(), Vec::new())
    }

    /// For pickles from `offset` on; `buffers` are those that were pickled out of band.
    pub fn open(input: Arc<dyn ReadAt>, offset: u64, limits: Limits, buffers: Vec<Bytes>) -> Self {
        Self {
            cursor: Cursor::new(Arc::clone(&input), offset),
            tree: Tree {
                whole: input.shared(0..input.len()),
                input,
                pool: Vec::new(),
                buffers,
                nodes: FIRST.clone(),
                blobs: Vec::new(),
                children: Lists::default(),
                dicts: Lists::default(),
                ints: Vec::new(),
                wide_ints: Vec::new(),
                odd_floats: Vec::new(),
                globals: Vec::new(),
                roles: Vec::new(),
                spelled: Vec::new(),
                calls: Vec::new(),
                extensions: Vec::new(),
                persistent: None,
                protocol: 0,
            },
            limits: Limits {
                // Tables are indexed by `u32`, and those of lists become six times as long as what is in them.
                values: limits.values.min(1 << 29),
                ..limits
            },
            memo: Memo::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            pushed: 0,
            next_buffer: 0,
            extensions: BTreeMap::new(),
            names: HashSet::new(),
            reconstruct: Id::NOTHING,
            pairs: Vec::new(),
            dtypes: Dtypes::default(),
            between: Vec::new(),
            depth: 0,
            offset,
            watch: None,
            look_at: u64::MAX,
            #[cfg(test)]
            rows: Some(0),
        }
    }

    /// Asks `watch` now and then whether to go on; its error ends the reading, as [`ErrorKind::Io`].
    pub fn watch(&mut self, watch: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
        self.watch = Some(Watch(Box::new(watch)));
        self.look_at = 0;
    }

    #[cold]
    fn look(&mut self) -> Result<()> {
        self.look_at = self.offset.saturating_add(LOOK_EVERY);
        match &self.watch {
            Some(Watch(watch)) => watch().map_err(|error| self.error(ErrorKind::Io(error))),
            None => Ok(()),
        }
    }

    /// Says which class or function a code of the `copyreg` extension registry stands for, as the program that wrote the
    /// pickle had it. Other codes stay [`Value::Extension`].
    pub fn add_extension(&mut self, code: u32, module: &str, name: &str) {
        self.extensions.insert(code, (module.into(), name.into()));
    }

    /// The values so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The values, when all pickles are read.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// The highest protocol that was named, or that an opcode so far belongs to.
    pub fn protocol(&self) -> u8 {
        self.tree.protocol
    }

    /// Where the next pickle would begin.
    pub fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// Where joblib has put bytes and pickles between the opcodes so far, in the order of their bytes.
    pub fn between(&self) -> &[Between] {
        &self.between
    }

    /// Goes on at another byte, where something else than a pickle lies between.
    pub fn skip_to(&mut self, offset: u64) {
        self.cursor = Cursor::new(Arc::clone(&self.tree.input), offset);
    }

    /// Reads one pickle, as a fresh `pickle.load` would, and returns its value.
    ///
    /// # Errors
    /// Whatever is wrong with it. The globals up to there are in the tree all the same.
    pub fn load(&mut self) -> Result<Id> {
        let before = std::mem::take(&mut self.memo);
        let loaded = self.load_on();
        if loaded.is_err() {
            // So that it can be tried as one more of the same pickler.
            self.memo = before;
        }
        loaded
    }

    /// Reads one more pickle of the same pickler, which may refer to objects of those before (but not to those of a
    /// failed [`Self::load`]).
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_on(&mut self) -> Result<Id> {
        self.stack.clear();
        self.marks.clear();
        self.reserve();
        loop {
            self.offset = self.cursor.offset();
            if self.offset >= self.look_at {
                self.look()?;
            }
            let opcode = self.cursor.byte()?;
            if opcode == op::STOP {
                break;
            }
            self.step(opcode)?;
        }
        match (self.stack.pop(), self.stack.len() + self.marks.len()) {
            (Some(root), 0) => Ok(root),
            (None, _) => Err(self.error(ErrorKind::StackEmpty)),
            (_, left) => Err(self.error(ErrorKind::LeftOver { left })),
        }
    }

    fn step(&mut self, opcode: u8) -> Result<()> {
        let Some(protocol) = op::protocol(opcode) else {
            return Err(self.error(ErrorKind::Opcode { opcode }));
        };
        // A branch that is nearly never taken costs less than a store that the next opcode waits for.
        if protocol > self.tree.protocol {
            self.tree.protocol = protocol;
        }
        match opcode {
            op::PROTO => {
                let found = self.cursor.byte()?;
                if found > 5 {
                    return Err(self.error(ErrorKind::Protocol { found }));
                }
                self.tree.protocol = self.tree.protocol.max(found);
            }
            op::FRAME => {
                // Advisory, but a frame that is cut off means that the pickle is.
                let nbytes = u64::from_le_bytes(self.cursor.array()?);
                self.cursor.check(nbytes)?;
            }

            op::NONE => self.push(NONE)?,
            op::NEWFALSE => self.push(FALSE)?,
            op::NEWTRUE => self.push(TRUE)?,
            op::BININT => {
                let value = i32::from_le_bytes(self.cursor.array()?);
                self.push_int(i64::from(value))?;
            }
            op::BININT1 => {
                let value = self.cursor.byte()?;
                self.push_int(i64::from(value))?;
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.cursor.array()?);
                self.push_int(i64::from(value))?;
            }
            op::INT | op::LONG => self.int_line(opcode)?,
            op::LONG1 => {
                let nbytes = u64::from(self.cursor.byte()?);
                self.long(nbytes)?;
            }
            op::LONG4 => {
                let nbytes = self.signed_length()?;
                self.long(nbytes)?;
            }
            op::FLOAT => {
                let line = self.cursor.line("characters of a float", 4096)?;
                let Some(value) = parse_float(line) else {
                    return Err(self.error(ErrorKind::Text {
                        expected: "a float",
                    }));
                };
                self.push_float(value)?;
            }
            op::BINFLOAT => {
                let value = f64::from_be_bytes(self.cursor.array()?);
                self.push_float(value)?;
            }

            op::UNICODE => self.text_line()?,
            op::SHORT_BINUNICODE if self.memoized_name()? => {}
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => {
                let nbytes = self.length(opcode)?;
                let blob = self.text(nbytes)?;
                self.push_blob(blob, Text::Str)?;
            }
            op::STRING => self.string_line()?,
            op::SHORT_BINSTRING | op::BINSTRING => {
                let nbytes = match opcode {
                    op::BINSTRING => self.signed_length()?,
                    _ => self.length(opcode)?,
                };
                let blob = self.bytes(nbytes)?;
                self.push_blob(blob, Text::Py2Str)?;
            }
            op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 => {
                let nbytes = self.length(opcode)?;
                let blob = self.bytes(nbytes)?;
                self.push_blob(blob, Text::Bytes)?;
            }
            op::BYTEARRAY8 => {
                let nbytes = self.length(opcode)?;
                let blob = self.bytes(nbytes)?;
                self.push_blob(blob, Text::ByteArray)?;
            }
            op::NEXT_BUFFER => {
                let index = self.next_buffer;
                self.next_buffer += 1;
                let nbytes = self.tree.buffers.get(index as usize).map_or(0, Bytes::len);
                let blob = Blob::plain(Place::Buffer(index), nbytes as u64);
                self.push_blob(blob, Text::ByteArray)?;
            }
            op::READONLY_BUFFER => {
                self.top()?;
            }

            op::MARK => {
                if self.marks.len() >= self.limits.depth {
                    return Err(self.too_deep(self.marks.len()));
                }
                self.marks.push(self.stack.len());
            }
            op::POP => {
                // Of a mark that nothing was pushed after, it pops the mark (so does `pickle`).
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            op::POP_MARK => {
                let start = self.pop_mark()?;
                self.stack.truncate(start);
            }
            op::DUP => {
                let top = self.top()?;
                self.push(top)?;
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT => {
                let id = self.memo_id(opcode)?;
                let top = self.top()?;
                self.check_memo()?;
                self.memo.put(id, top);
            }
            op::MEMOIZE => {
                let top = self.top()?;
                self.check_memo()?;
                self.memo.put_next(top);
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let id = self.memo_id(opcode)?;
                match self.memo.get(id) {
                    Some(value) if value == self.reconstruct && self.plain_array(value) => {}
                    Some(value) => self.push(value)?,
                    None => return Err(self.error(ErrorKind::NoMemo { id })),
                }
            }
            _ => self.step_compound(opcode)?,
        }
        Ok(())
    }
}
