//! [`Scan`]: what a pickle refers to and how, by its opcodes alone.

mod names;
mod nested;
mod stack;
mod step;
mod window;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::input::ReadAt;
use crate::opcode as op;
use crate::{Error, ErrorKind, Limits, Result};

pub use names::{NameUse, Place, Use, Uses};
use nested::Nested;
use stack::{Memo, Stack, Tag};
use window::Window;

/// Everything that a pickle names, wherever it does: also behind `POP`, in a second pickle after `STOP`, in pickles
/// inside strings, and after what Python would stumble over.
///
/// Reads opcodes and short strings and steps over everything else, so that a file of arrays is scanned in the time that
/// its opcodes take; makes no values, and takes little memory whatever the pickle says.
///
/// ```
/// use ndferry_pickle::{Limits, Scan, Use};
///
/// let pickle = bytes::Bytes::from_static(b"cos\nsystem\n(S'ls'\ntR.");
/// let scan = Scan::new(std::sync::Arc::new(pickle), 0, &[], &Limits::default());
/// let name = &scan.names[0];
/// assert_eq!((&*name.module, &*name.name, name.offset), ("os", "system", 0));
/// assert!(name.uses.contains(Use::Reduce));
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scan {
    /// The highest protocol that was named, or that an opcode belongs to.
    pub protocol: u8,
    /// How many pickles come to their `STOP`, one after another, without those inside strings.
    pub pickles: usize,
    /// Classes and functions, extension codes and persistent ids, in the order of their bytes.
    pub names: Vec<NameUse>,
    /// What is wrong, as far as opcodes tell; the scan goes on where it can.
    pub errors: Vec<Error>,
    /// First byte after the last `STOP`.
    pub end: u64,
}

/// What lies between opcodes without being any, after the `BUILD` of an array that joblib wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Between {
    /// Elements, from the first byte after the opcode to the end of this range.
    Bytes(std::ops::Range<u64>),
    /// A whole pickle, which begins at this byte.
    Pickle(u64),
}

/// Problems that are kept.
const MAX_ERRORS: usize = 100;

/// Names that are kept one by one; after these, only those that are new.
const MAX_USES: usize = 10_000;

/// Different names that are kept.
const MAX_NAMES: usize = 100_000;

/// Entries of the stack and the memo together.
const MAX_ENTRIES: usize = 1 << 21;

/// How deep pickles in strings may lie inside one another.
const MAX_NESTED: u32 = 8;

impl Scan {
    /// Scans what begins at `offset`. `between` says where joblib put what is no opcode (`Machine::between`), in order.
    pub fn new(input: Arc<dyn ReadAt>, offset: u64, between: &[Between], limits: &Limits) -> Self {
        let end = input.len();
        let mut scanner = Scanner::new(input, offset, end, limits);
        scanner.between = between.to_vec();
        scanner.all(offset);
        let mut out = scanner.out;
        out.names.sort_by_key(|name| name.offset);
        out
    }

    /// Whether everything is as Python's pickler writes it, as far as opcodes tell.
    pub fn is_whole(&self) -> bool {
        self.errors.is_empty()
    }
}

/// A scan under way.
struct Scanner {
    input: Arc<dyn ReadAt>,
    /// First byte that is not part of what is scanned.
    end: u64,
    window: Window,
    limits: Limits,
    between: Vec<Between>,
    out: Scan,
    stack: Stack,
    memo: Memo,
    /// Stacks and memos of the pickles around the one in hand, if it lies between the opcodes of another.
    outer: Vec<(Stack, Memo)>,
    /// Text that is spelled with escapes.
    pool: Vec<u8>,
    /// Names that were kept, with the number of the last.
    seen: HashMap<(Arc<str>, Arc<str>), u32>,
    /// Where the opcode in hand is.
    place: Place,
    /// How many strings the pickle in hand lies in.
    depth: u32,
    /// Whether Python would have stopped before the opcode in hand.
    has_failed: bool,
    /// Byte of the opcode in hand.
    offset: u64,
    /// Strings that look as if they held pickles.
    nested: VecDeque<Nested>,
}

impl Scanner {
    fn new(input: Arc<dyn ReadAt>, start: u64, end: u64, limits: &Limits) -> Self {
        Self {
            window: Window::new(Arc::clone(&input), start, end),
            out: Scan {
                end: start,
                ..Scan::default()
            },
            input,
            end,
            limits: limits.clone(),
            between: Vec::new(),
            stack: Stack::default(),
            memo: Memo::default(),
            outer: Vec::new(),
            pool: Vec::new(),
            seen: HashMap::new(),
            place: Place::Pickle(0),
            depth: 0,
            has_failed: false,
            offset: start,
            nested: VecDeque::new(),
        }
    }

    /// All pickles, one after another, and those inside them.
    fn all(&mut self, start: u64) {
        let mut carried = Memo::default();
        loop {
            let at = self.out.end;
            let is_first = at == start && self.out.pickles == 0;
            if !is_first && self.window.left() == 0 {
                break;
            }
            self.place = Place::Pickle(self.out.pickles);
            let (names, errors) = (self.out.names.len(), self.out.errors.len());
            let done = self.one();
            if let Err(error) = done {
                if !is_first && !self.found_since(names) {
                    // What follows is something else than a pickle.
                    self.out.errors.truncate(errors);
                    self.forget(names);
                    break;
                }
                let from = error.offset;
                self.note(error);
                self.search(from);
                break;
            }
            let fresh = std::mem::take(&mut self.memo);
            if !is_first {
                // So it reads to a pickler that remembers the pickles before; to a new one as it was just read.
                let errors = self.out.errors.len();
                self.memo = std::mem::take(&mut carried);
                self.window = Window::new(Arc::clone(&self.input), at, self.end);
                let again = self.out.names.len();
                // Of the two ways of reading it, the honest one is without errors.
                if self.one().is_ok() {
                    self.out.errors.truncate(errors);
                }
                self.merge(names, again);
            }
            carried = if is_first {
                fresh
            } else {
                std::mem::take(&mut self.memo)
            };
            self.out.pickles += 1;
            self.out.end = self.window.offset();
        }
        self.all_nested();
    }

    /// Takes back the names from this one on.
    fn forget(&mut self, names: usize) {
        for name in self.out.names.split_off(names) {
            self.unsee(name, names);
        }
    }

    fn unsee(&mut self, name: NameUse, from: usize) {
        if let Entry::Occupied(listed) = self.seen.entry((name.module, name.name))
            && *listed.get() as usize >= from
        {
            listed.remove();
        }
    }

    /// Takes back those names from `again` on that are among those from `names` on.
    fn merge(&mut self, names: usize, again: usize) {
        let mut known: HashMap<u64, usize> = HashMap::new();
        for (i, name) in self.out.names[..again].iter().enumerate().skip(names) {
            known.insert(name.offset, i);
        }
        for name in self.out.names.split_off(again) {
            match known.get(&name.offset).map(|i| &mut self.out.names[*i]) {
                Some(first) if first.module == name.module && first.name == name.name => {
                    first.uses = first.uses.with(name.uses);
                    first.is_after_error &= name.is_after_error;
                    self.unsee(name, again);
                }
                _ => self.out.names.push(name),
            }
        }
    }

    /// Whether names were found that could be names.
    fn found_since(&self, names: usize) -> bool {
        self.out.names[names..].iter().any(NameUse::is_plausible)
    }

    /// One pickle to its `STOP`.
    fn one(&mut self) -> Result<()> {
        self.stack.clear();
        self.outer.clear();
        self.has_failed = false;
        loop {
            self.offset = self.window.offset();
            let opcode = self.window.byte()?;
            if opcode == op::STOP {
                match (self.stack.pop(), self.stack.left()) {
                    (Some(_), 0) => {}
                    (None, _) => self.wrong(ErrorKind::StackEmpty),
                    // Python does not mind.
                    (Some(_), _) => {}
                }
                match self.outer.pop() {
                    Some((stack, memo)) => (self.stack, self.memo) = (stack, memo),
                    None => return Ok(()),
                }
                continue;
            }
            self.step(opcode)?;
            let size = self.stack.size() + self.memo.size();
            if size > MAX_ENTRIES {
                return Err(self.limit("values that a scan has to remember", size, MAX_ENTRIES));
            }
        }
    }

    /// After `BUILD`: steps over what joblib has put there. False if there is nothing.
    fn skip_between(&mut self) -> Result<bool> {
        let at = self.window.offset();
        let start = |between: &Between| match between {
            Between::Bytes(range) => range.start,
            Between::Pickle(start) => *start,
        };
        let Ok(i) = self.between.binary_search_by_key(&at, start) else {
            return Ok(false);
        };
        match &self.between[i] {
            Between::Bytes(range) => self.window.skip(range.end - at)?,
            Between::Pickle(_) => {
                if self.outer.len() >= MAX_NESTED as usize {
                    return Err(self.limit(
                        "pickles inside pickles",
                        self.outer.len() + 1,
                        MAX_NESTED as usize,
                    ));
                }
                let stack = std::mem::take(&mut self.stack);
                let memo = std::mem::take(&mut self.memo);
                self.outer.push((stack, memo));
            }
        }
        Ok(true)
    }

    /// Notes what Python would stop at; the scan does not.
    fn wrong(&mut self, kind: ErrorKind) {
        let error = kind.at(self.offset);
        self.note(error);
    }

    fn note(&mut self, error: Error) {
        self.has_failed = true;
        let counts = self.depth == 0 || matches!(error.kind, ErrorKind::Limit { .. });
        if counts && self.out.errors.len() < MAX_ERRORS {
            self.out.errors.push(error);
        }
    }

    fn limit(&self, what: &'static str, found: usize, limit: usize) -> Error {
        let (found, limit) = (found as u64, limit as u64);
        ErrorKind::Limit { what, found, limit }.at(self.offset)
    }

    /// The next value.
    fn pop(&mut self) -> Tag {
        self.stack.pop().unwrap_or_else(|| {
            self.wrong(ErrorKind::StackEmpty);
            Tag::Other
        })
    }
}
