//! Pickles inside strings, and what only looks like a name in bytes that are none.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::names::is_dotted;
use super::{MAX_NESTED, NameUse, Place, Scan, Scanner, Uses, window};
use crate::Result;
use crate::input::ReadAt;
use crate::opcode as op;
use crate::text::{raw_unicode_escape, unquote};

/// Strings that are looked into.
const MAX_STRINGS: usize = 10_000;

/// Bytes of a string that is spelled in another way than as it is, for it to be looked into.
const MAX_SPELLED: u64 = 64 << 20;

/// Bytes of a string, or of what follows a pickle, in which names are searched for.
const MAX_SEARCHED: usize = 1 << 20;

/// Bytes of one name that is searched for.
const MAX_NAME: usize = 100;

/// How the bytes of a string are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Plain,
    /// As characters of Latin-1, in UTF-8.
    Utf8,
    /// As a line of them, with escapes.
    RawUnicodeEscape,
    /// As a literal of Python 2.
    Literal,
}

/// A string that looks as if it held a pickle.
#[derive(Clone, Debug)]
pub(super) struct Nested {
    range: Range<u64>,
    spelling: Spelling,
    /// Byte of its opcode.
    offset: u64,
}

impl Scanner {
    /// Looks at the string of so many bytes that comes next.
    pub(super) fn consider(&mut self, nbytes: u64, spelling: Spelling) -> Result<()> {
        if nbytes < 4 {
            return Ok(());
        }
        let start = self.window.offset();
        let head = self.window.peek(nbytes.min(64) as usize)?;
        let head = match (spelling, head) {
            (Spelling::Utf8, [0xc2, rest @ ..]) => rest,
            (_, head) => head,
        };
        if looks_like_pickle(head) {
            self.queue(start..start.saturating_add(nbytes), spelling);
        }
        Ok(())
    }

    /// Looks at the string on the line that was just read.
    pub(super) fn consider_line(
        &mut self,
        start: u64,
        nbytes: u64,
        spelling: Spelling,
    ) -> Result<()> {
        if nbytes < 4 {
            return Ok(());
        }
        let head = window::read(&*self.input, start, nbytes.min(64) as usize)?;
        let looks = match head.contains(&b'\\') || spelling == Spelling::Literal {
            true => unspelled_head(&head, spelling).is_some_and(|head| looks_like_pickle(&head)),
            false => looks_like_pickle(&head),
        };
        if looks {
            self.queue(start..start + nbytes, spelling);
        }
        Ok(())
    }

    fn queue(&mut self, range: Range<u64>, spelling: Spelling) {
        if self.nested.len() < MAX_STRINGS {
            self.nested.push_back(Nested {
                range,
                spelling,
                offset: self.offset,
            });
        } else {
            let error = self.limit(
                "strings that look like pickles",
                MAX_STRINGS + 1,
                MAX_STRINGS,
            );
            self.note(error);
        }
    }

    /// Scans every string that was put aside.
    pub(super) fn all_nested(&mut self) {
        while let Some(nested) = self.nested.pop_front() {
            if self.depth >= MAX_NESTED {
                self.offset = nested.offset;
                let error = self.limit(
                    "pickles in strings",
                    self.depth as usize + 1,
                    MAX_NESTED as usize,
                );
                self.depth = 0;
                self.note(error);
                return;
            }
            if let Err(error) = self.one_nested(&nested) {
                self.note(error);
            }
        }
    }

    fn one_nested(&mut self, nested: &Nested) -> Result<()> {
        let Range { start, end } = nested.range;
        let (input, start, end, is_spelled) = match nested.spelling {
            Spelling::Plain => (Arc::clone(&self.input), start, end, false),
            spelling => {
                if end - start > MAX_SPELLED {
                    self.offset = nested.offset;
                    return Err(self.limit(
                        "bytes of a string that may be a pickle",
                        usize::try_from(end - start).unwrap_or(usize::MAX),
                        MAX_SPELLED as usize,
                    ));
                }
                let spelled = window::read(&*self.input, start, (end - start) as usize)?;
                let Some(bytes) = unspelled(&spelled, spelling) else {
                    return Ok(());
                };
                let nbytes = bytes.len() as u64;
                let input: Arc<dyn ReadAt> = Arc::new(Bytes::from(bytes));
                (input, 0, nbytes, true)
            }
        };
        let mut inner = Self::new(input, start, end, &self.limits);
        inner.depth = self.depth + 1;
        inner.all(start);
        let Scan {
            pickles,
            names,
            errors,
            ..
        } = inner.out;
        // Of data that only looks like a pickle, nothing is told.
        if pickles == 0 && !names.iter().any(NameUse::is_plausible) {
            return Ok(());
        }
        // A limit, not what is wrong with it.
        self.out.errors.extend(errors);
        for mut name in names {
            if is_spelled {
                name.offset = nested.offset;
            }
            if !matches!(name.place, Place::Search) {
                name.place = Place::String(nested.offset);
            }
            self.out.names.push(name);
        }
        Ok(())
    }

    /// Looks for names in what is no pickle, from a byte on.
    pub(super) fn search(&mut self, from: u64) {
        let nbytes = self.end.saturating_sub(from).min(MAX_SEARCHED as u64);
        let Ok(bytes) = window::read(&*self.input, from, nbytes as usize) else {
            return;
        };
        for (at, module, name) in names_in(&bytes).take(1000) {
            self.out.names.push(NameUse {
                module: module.into(),
                name: name.into(),
                offset: from + at as u64,
                uses: Uses::default(),
                place: Place::Search,
                is_after_error: true,
            });
        }
    }
}

/// What may be a pickle: protocols from 2 on say so, older ones begin with a name or a container.
fn looks_like_pickle(head: &[u8]) -> bool {
    match head {
        [op::PROTO, 2..=5, ..] => true,
        [b'c', rest @ ..] | [b'(', b'c' | b'i', rest @ ..] => name_line(rest).is_some(),
        [b'(', b'd' | b'l', b'p', b'0'..=b'9', ..] => true,
        [b'}' | b']' | b')' | b'(', b'q' | b'c' | b'(', ..] => true,
        _ => false,
    }
}

/// What the first bytes of a line stand for. The last of them may be part of an escape, which is left out.
fn unspelled_head(head: &[u8], spelling: Spelling) -> Option<Vec<u8>> {
    const ESCAPE_NBYTES: usize = 10;
    (0..ESCAPE_NBYTES.min(head.len())).find_map(|cut| {
        let part = &head[..head.len() - cut];
        if spelling != Spelling::Literal {
            return unspelled(part, spelling);
        }
        // The end of it is not here.
        let quote = *part.first()?;
        let whole = [part, &[quote]].concat();
        unspelled(part, spelling).or_else(|| unspelled(&whole, spelling))
    })
}

/// The bytes that a spelling stands for.
fn unspelled(spelled: &[u8], spelling: Spelling) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match spelling {
        Spelling::Plain => out.extend_from_slice(spelled),
        Spelling::Literal => unquote(spelled, &mut out)?,
        Spelling::Utf8 => return latin1(spelled),
        Spelling::RawUnicodeEscape => {
            let mut text = Vec::new();
            raw_unicode_escape(spelled, &mut text)?;
            return latin1(&text);
        }
    }
    Some(out)
}

/// The bytes of Latin-1 text, as far as it is such.
fn latin1(text: &[u8]) -> Option<Vec<u8>> {
    let valid = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).ok()?,
    };
    Some(valid.chars().map_while(|c| u8::try_from(c).ok()).collect())
}

/// What `GLOBAL`, `INST` and `STACK_GLOBAL` would name, wherever it stands.
fn names_in(bytes: &[u8]) -> impl Iterator<Item = (usize, &str, &str)> {
    (0..bytes.len()).filter_map(|at| {
        let rest = &bytes[at + 1..];
        let (module, name) = match bytes[at] {
            b'c' | b'i' => {
                let (module, rest) = name_line(rest)?;
                (module, name_line(rest)?.0)
            }
            op::SHORT_BINUNICODE | op::BINUNICODE => {
                let (module, rest) = short_text(&bytes[at..])?;
                let (name, rest) = short_text(rest)?;
                (*rest.first()? == op::STACK_GLOBAL).then_some((module, name))?
            }
            _ => return None,
        };
        Some((at, module, name))
    })
}

/// A line that could be a module or a name in it, and what follows.
fn name_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let most = bytes.len().min(MAX_NAME);
    let n = bytes[..most].iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..n].strip_suffix(b"\r").unwrap_or(&bytes[..n]);
    Some((name(line)?, &bytes[n + 1..]))
}

/// Text as `pickle` writes names, what puts it into the memo, and what follows.
fn short_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (nbytes, rest) = match bytes {
        [op::SHORT_BINUNICODE, n, rest @ ..] => (usize::from(*n), rest),
        [op::BINUNICODE, n, 0, 0, 0, rest @ ..] => (usize::from(*n), rest),
        _ => return None,
    };
    let text = name(rest.get(..nbytes)?)?;
    let rest = &rest[nbytes..];
    let rest = match rest {
        [op::MEMOIZE, rest @ ..] | [op::BINPUT, _, rest @ ..] => rest,
        [op::LONG_BINPUT, _, _, _, _, rest @ ..] => rest,
        _ => rest,
    };
    Some((text, rest))
}

fn name(bytes: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(bytes).ok()?;
    (name.len() >= 2 && name.is_ascii() && is_dotted(name)).then_some(name)
}
