//! [`NameUse`]: a name in a pickle, and what the pickle does with it.

use std::sync::Arc;

use super::stack::{Number, Tag, Text};
use super::{MAX_NAMES, MAX_USES, Scanner, window};
use crate::role::Role;
use crate::{ErrorKind, Result};

/// A class or function that a pickle names, once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameUse {
    /// The module. `?` where only running the pickle would tell.
    pub module: Arc<str>,
    /// The name in it; with dots, it is looked up in parts.
    pub name: Arc<str>,
    /// Byte of the opcode, from the start of the input; of the string that it is in, where that is not spelled as it is.
    pub offset: u64,
    /// What is done with it.
    pub uses: Uses,
    /// Where it is.
    pub place: Place,
    /// Whether Python would have stopped before it.
    pub is_after_error: bool,
}

/// Where in a file a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a pickle of the file, of this number.
    Pickle(usize),
    /// In a pickle inside a string, whose opcode is at this byte. Nothing reads it unless something else makes it so.
    String(u64),
    /// In bytes that are no pickle, or no more of it, where it looks like one.
    Search,
}

/// What a pickle does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Use {
    /// Calls it: `REDUCE`.
    Reduce,
    /// Makes an object of it: `NEWOBJ` or `NEWOBJ_EX`.
    NewObj,
    /// Makes an object of it: `OBJ`.
    Obj,
    /// Names it and makes an object of it: `INST`.
    Inst,
    /// Sets attributes of the class or function itself: `BUILD`.
    Build,
    /// Appends to it, or sets items of it.
    Fill,
    /// Gives it to `_reconstruct` as the class of an array.
    AsType,
    /// Gives it to any other call.
    Argument,
    /// Puts it into a list or set, makes it a key, or puts its tuple into another value.
    Inside,
    /// Calls what came of calling it.
    ResultCalled,
    /// Calls it with text that begins with two underscores: `getattr(x, '__class__')`.
    Dunder,
    /// Throws it away.
    Pop,
}

/// All [`Use`]s of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u16);

impl Use {
    const ALL: [Self; 12] = [
        Self::Reduce,
        Self::NewObj,
        Self::Obj,
        Self::Inst,
        Self::Build,
        Self::Fill,
        Self::AsType,
        Self::Argument,
        Self::Inside,
        Self::ResultCalled,
        Self::Dunder,
        Self::Pop,
    ];

    /// One word: the opcode, where there is one.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reduce => "REDUCE",
            Self::NewObj => "NEWOBJ",
            Self::Obj => "OBJ",
            Self::Inst => "INST",
            Self::Build => "BUILD",
            Self::Fill => "filled",
            Self::AsType => "type",
            Self::Argument => "argument",
            Self::Inside => "inside",
            Self::ResultCalled => "result-called",
            Self::Dunder => "dunder",
            Self::Pop => "POP",
        }
    }
}

impl Uses {
    /// Whether this is among them.
    pub fn contains(self, one: Use) -> bool {
        self.0 & 1 << one as u8 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Use> {
        Use::ALL.into_iter().filter(move |one| self.contains(*one))
    }

    /// Whether it is only named.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn add(&mut self, one: Use) {
        self.0 |= 1 << one as u8;
    }
}

impl NameUse {
    /// Whether Python could import it: rubbish that only looks like an opcode names other things.
    pub fn is_plausible(&self) -> bool {
        is_dotted(&self.module) && is_dotted(&self.name)
    }
}

/// Names with dots in between.
pub(super) fn is_dotted(name: &str) -> bool {
    let is_identifier = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
            && chars.all(|c| c == '_' || c.is_alphanumeric())
    };
    name.split('.').all(is_identifier)
}

/// Stands for a part of a name that only running the pickle would tell.
pub(super) const UNKNOWN: &str = "?";

impl Scanner {
    /// A name, found at the opcode in hand.
    pub(super) fn found(&mut self, module: Arc<str>, name: Arc<str>) -> Result<Tag> {
        let key = (Arc::clone(&module), Arc::clone(&name));
        let listed = self.seen.get(&key).copied();
        if let Some(i) = listed
            && self.out.names.len() >= MAX_USES
        {
            // What is done with it is told of the last that is listed.
            return Ok(Tag::Name(i));
        }
        if self.seen.len() >= MAX_NAMES {
            return Err(self.limit("names in a pickle", self.seen.len() + 1, MAX_NAMES));
        }
        let i = self.out.names.len() as u32;
        self.seen.insert(key, i);
        self.out.names.push(NameUse {
            module,
            name,
            offset: self.offset,
            uses: Uses::default(),
            place: self.place,
            is_after_error: self.has_failed,
        });
        Ok(Tag::Name(i))
    }

    /// Something is done with a value; only what is done with names is told.
    pub(super) fn used(&mut self, tag: Tag, one: Use) {
        if let Tag::Name(i) = tag
            && let Some(name) = self.out.names.get_mut(i as usize)
        {
            name.uses.add(one);
        }
    }

    /// A call: what it makes.
    pub(super) fn called(&mut self, function: Tag, args: Tag, how: Use) -> Tag {
        let i = match function {
            Tag::Name(i) => i,
            Tag::Made(i) => {
                self.used(Tag::Name(i), Use::ResultCalled);
                i
            }
            _ => {
                let (expected, found) = ("something to call", "nothing of that kind");
                self.wrong(ErrorKind::Kind { expected, found });
                return Tag::Other;
            }
        };
        self.used(function, how);
        let mut made = Tag::Made(i);
        if let Tag::Args(args) = args {
            let role = match how {
                Use::Reduce => self.role(i),
                _ => Role::Other,
            };
            // What is made is an object of the class that comes first, or (of masked arrays) of that and the next.
            let wraps = |number: Number| {
                matches!(
                    self.role(number.get() - 1),
                    Role::ArrayWrapper | Role::ArrayInFile
                )
            };
            let (first_use, other_use) = match role {
                Role::Reconstruct => (Use::AsType, Use::Argument),
                Role::MaskedArray => (Use::Argument, Use::AsType),
                Role::Reconstructor if args.first.is_some_and(wraps) => {
                    (Use::AsType, Use::Argument)
                }
                _ => (Use::Argument, Use::Argument),
            };
            for (number, how) in [(args.first, first_use), (args.other, other_use)] {
                if let Some(number) = number {
                    self.used(Tag::Name(number.get() - 1), how);
                }
            }
            if args.ends_in_dunder {
                self.used(Tag::Name(i), Use::Dunder);
            }
            if let (Role::Reconstructor, Some(class)) = (role, args.first)
                && self.role(class.get() - 1) == Role::ArrayWrapper
            {
                made = Tag::Made(class.get() - 1);
            }
        } else if let Tag::Name(_) = args {
            self.used(args, Use::Argument);
        }
        made
    }

    /// What the name of this number means.
    fn role(&self, number: u32) -> Role {
        let name = self.out.names.get(number as usize);
        name.map_or(Role::Other, |name| Role::of(&name.module, &name.name))
    }

    /// Whether it is a wrapper of joblib's, after whose state the elements of an array come.
    pub(super) fn is_wrapper(&self, tag: Tag) -> bool {
        matches!(tag, Tag::Made(i) if self.role(i) == Role::ArrayWrapper)
    }

    /// Something is put where it is no argument by itself, and from where a call may have it as one all the same.
    pub(super) fn put_inside(&mut self, tag: Tag) {
        match tag {
            Tag::Args(args) => {
                for number in [args.first, args.other].into_iter().flatten() {
                    self.used(Tag::Name(number.get() - 1), Use::Inside);
                }
            }
            tag => self.used(tag, Use::Inside),
        }
    }

    /// The text that a value is, if it is known.
    pub(super) fn name_of(&mut self, tag: Tag) -> Result<Arc<str>> {
        let Tag::Text(text) = tag else {
            let (expected, found) = ("a name", "something that is made while it is read");
            self.wrong(ErrorKind::Kind { expected, found });
            return Ok(UNKNOWN.into());
        };
        let bytes = self.text_bytes(text)?;
        Ok(match std::str::from_utf8(&bytes) {
            Ok(name) => name.into(),
            // Python 2's `str` is of no encoding.
            Err(_) => bytes
                .iter()
                .map(|byte| char::from(*byte))
                .collect::<String>()
                .into(),
        })
    }

    fn text_bytes(&self, text: Text) -> Result<bytes::Bytes> {
        let nbytes = usize::from(text.nbytes);
        if text.is_pooled {
            let start = text.offset as usize;
            let bytes = self.pool.get(start..start + nbytes).unwrap_or_default();
            return Ok(bytes::Bytes::copy_from_slice(bytes));
        }
        window::read(&*self.input, text.offset, nbytes)
    }
}
