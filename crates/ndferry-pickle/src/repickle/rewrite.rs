//! [`Rewriter`]: one opcode after another, with what is on the stack.

use std::cell::RefCell;
use std::rc::Rc;

use super::bytes::Bytes;
use super::memo::{Memo, Put};
use super::names::{Era, Renamed, known, rename};
use super::out::Out;
use super::tag::{Tag, WORD_NBYTES, WrapperState};
use super::{Repickled, Unknown};
use crate::opcode as op;
use crate::{Error, ErrorKind, Limits, Result};

/// Reads pickles and writes them for the other NumPy.
pub(super) struct Rewriter<'w> {
    pub(super) era: Era,
    pub(super) limits: Limits,
    pub(super) from: Bytes,
    pub(super) out: Out<'w>,
    pub(super) memo: Memo,
    pub(super) stack: Vec<Tag>,
    /// Lengths of the stack where `MARK` was.
    pub(super) marks: Vec<usize>,
    /// How many pickles are being read inside one another.
    pub(super) depth: usize,
    /// Byte of the opcode in hand.
    pub(super) offset: u64,
    /// Whether there are arrays between the opcodes whose place in the file matters.
    pub(super) is_aligned: bool,
    pub(super) told: Repickled,
}

impl Rewriter<'_> {
    /// One pickle, with the memo as it is.
    pub(super) fn pickle(&mut self) -> Result<()> {
        self.stack.clear();
        self.marks.clear();
        self.out.begin();
        loop {
            self.offset = self.from.offset();
            let opcode = self.from.byte()?;
            if opcode == op::STOP {
                break;
            }
            self.step(opcode)?;
        }
        match (self.stack.pop(), self.stack.len() + self.marks.len()) {
            (Some(_), 0) => {}
            (None, _) => return Err(self.error(ErrorKind::StackEmpty)),
            (_, left) => return Err(self.error(ErrorKind::LeftOver { left })),
        }
        self.out.op(op::STOP, &[])?;
        self.out.flush()
    }

    fn step(&mut self, opcode: u8) -> Result<()> {
        let Some(protocol) = op::protocol(opcode) else {
            return Err(self.error(ErrorKind::Opcode { opcode }));
        };
        self.out.protocol = self.out.protocol.max(protocol);
        match opcode {
            op::PROTO => {
                let found = self.from.byte()?;
                if found > 5 {
                    return Err(self.error(ErrorKind::Protocol { found }));
                }
                self.out.protocol = self.out.protocol.max(found);
                self.out.op(opcode, &[found])?;
            }
            op::FRAME => {
                let nbytes = u64::from_le_bytes(self.fixed()?);
                self.from.check(nbytes)?;
                self.out.frames()?;
            }

            op::NONE => self.none()?,
            op::NEWFALSE | op::NEWTRUE => self.push_op(opcode, &[], Tag::Other)?,
            op::BININT => {
                let argument: [u8; 4] = self.fixed()?;
                self.int(opcode, &argument, i64::from(i32::from_le_bytes(argument)))?;
            }
            op::BININT1 => {
                let argument: [u8; 1] = self.fixed()?;
                self.int(opcode, &argument, i64::from(argument[0]))?;
            }
            op::BININT2 => {
                let argument: [u8; 2] = self.fixed()?;
                self.int(opcode, &argument, i64::from(u16::from_le_bytes(argument)))?;
            }
            op::LONG1 => {
                let n = usize::from(self.from.byte()?);
                let digits = self.from.take(n)?.to_vec();
                self.int_of_bytes(&[&[n as u8], &digits[..]].concat(), &digits)?;
            }
            op::LONG4 => {
                let length: [u8; 4] = self.fixed()?;
                let nbytes = self.signed(length)?;
                self.out.blob(opcode, &length, nbytes, &mut self.from)?;
                self.push(Tag::Other)?;
            }
            op::INT | op::LONG => self.int_line(opcode)?,
            op::FLOAT => {
                self.out.line(opcode, &mut self.from, 0)?;
                self.push(Tag::Other)?;
            }
            op::BINFLOAT => {
                let argument: [u8; 8] = self.fixed()?;
                self.push_op(opcode, &argument, Tag::Other)?;
            }

            op::UNICODE | op::STRING => {
                let line = self.out.line(opcode, &mut self.from, WORD_NBYTES + 4)?;
                self.push(line.map_or(Tag::Other, |line| of_line(opcode, &line)))?;
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
                let n = self.from.byte()?;
                let text = self.from.take(usize::from(n))?;
                let tag = Tag::of_text(text);
                let argument = [&[n], text].concat();
                self.push_op(opcode, &argument, tag)?;
            }
            op::BINUNICODE | op::BINBYTES | op::BINSTRING => {
                let length: [u8; 4] = self.fixed()?;
                let nbytes = match opcode {
                    op::BINSTRING => self.signed(length)?,
                    _ => u64::from(u32::from_le_bytes(length)),
                };
                self.blob(opcode, &length, nbytes)?;
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => {
                let length: [u8; 8] = self.fixed()?;
                self.blob(opcode, &length, u64::from_le_bytes(length))?;
            }
            op::NEXT_BUFFER => self.push_op(opcode, &[], Tag::Other)?,
            op::READONLY_BUFFER => {
                self.below(1)?;
                self.out.op(opcode, &[])?;
            }

            op::MARK => {
                if self.marks.len() >= self.limits.depth {
                    let (found, limit) = (self.marks.len() as u64 + 1, self.limits.depth as u64);
                    let what = "marks";
                    return Err(self.error(ErrorKind::Limit { what, found, limit }));
                }
                self.marks.push(self.stack.len());
                self.out.op(opcode, &[])?;
            }
            op::POP => {
                // Of a mark that nothing was pushed after, it pops the mark.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
                self.out.op(opcode, &[])?;
            }
            op::POP_MARK => {
                let start = self.pop_mark()?;
                self.stack.truncate(start);
                self.out.op(opcode, &[])?;
            }
            op::DUP => {
                let top = self.top()?.clone();
                self.push_op(opcode, &[], top)?;
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT => {
                let id = self.memo_id(opcode)?;
                let top = self.top()?.clone();
                self.memo.put(id, &top);
                let id = self.memo.written(id);
                self.out.put(Put::At(id))?;
            }
            op::MEMOIZE => {
                let top = self.top()?.clone();
                let put = self.memo.put_next(&top);
                self.out.put(put)?;
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let id = self.memo_id(opcode)?;
                let Some(tag) = self.memo.get(id) else {
                    return Err(self.error(ErrorKind::NoMemo { id }));
                };
                let id = self.memo.written(id);
                self.out.get(id)?;
                self.push(tag)?;
            }
            _ => self.step_compound(opcode)?,
        }
        Ok(())
    }

    /// Text or bytes.
    fn blob(&mut self, opcode: u8, length: &[u8], nbytes: u64) -> Result<()> {
        self.from.check(nbytes)?;
        if nbytes > WORD_NBYTES as u64 {
            self.out.blob(opcode, length, nbytes, &mut self.from)?;
            return self.push(Tag::Other);
        }
        let text = self.from.take(nbytes as usize)?;
        let tag = Tag::of_text(text);
        let argument = [length, text].concat();
        self.push_op(opcode, &argument, tag)
    }

    fn int_line(&mut self, opcode: u8) -> Result<()> {
        let limit = self.limits.digits;
        let line = self.from.line("characters of a number", limit)?;
        let text = std::str::from_utf8(&line).unwrap_or_default().trim_end();
        let text = match opcode {
            op::LONG => text.trim_end_matches('L'),
            // `I00` and `I01` are false and true.
            _ if matches!(text, "00" | "01") => "",
            _ => text,
        };
        match text.parse() {
            Ok(value) => self.int(opcode, &line, value),
            Err(_) => self.push_op(opcode, &line, Tag::Other),
        }
    }

    fn int_of_bytes(&mut self, argument: &[u8], digits: &[u8]) -> Result<()> {
        let Some(last) = digits.last().filter(|_| digits.len() <= 8) else {
            let tag = if digits.is_empty() {
                Tag::Int(0)
            } else {
                Tag::Other
            };
            return self.push_op(op::LONG1, argument, tag);
        };
        let mut bytes = [if *last >= 0x80 { 0xff } else { 0 }; 8];
        bytes[..digits.len()].copy_from_slice(digits);
        self.int(op::LONG1, argument, i64::from_le_bytes(bytes))
    }

    fn memo_id(&mut self, opcode: u8) -> Result<u64> {
        match opcode {
            op::BINGET | op::BINPUT => Ok(u64::from(self.from.byte()?)),
            op::LONG_BINGET | op::LONG_BINPUT => Ok(u64::from(u32::from_le_bytes(self.fixed()?))),
            _ => {
                let line = self.from.line("characters of a number", 32)?;
                let text = std::str::from_utf8(&line).unwrap_or_default().trim_end();
                let expected = "a number of the memo";
                let id = text.parse().ok().filter(|id| *id < u64::MAX);
                id.ok_or_else(|| self.error(ErrorKind::Text { expected }))
            }
        }
    }

    /// A global that is spelled in two lines.
    pub(super) fn global_lines(&mut self) -> Result<(String, String)> {
        let limit = self.limits.name_nbytes;
        let mut line = || -> Result<String> {
            let offset = self.from.offset();
            let line = self.from.line("bytes of a name", limit)?;
            match std::str::from_utf8(&line) {
                Ok(name) => Ok(name
                    .strip_suffix('\n')
                    .unwrap_or(name)
                    .trim_end_matches('\r')
                    .to_owned()),
                Err(_) => Err(ErrorKind::Text { expected: "UTF-8" }.at(offset)),
            }
        };
        Ok((line()?, line()?))
    }

    /// What a global is called in the other NumPy; `None` if it is called the same.
    pub(super) fn renamed(&mut self, module: &str, name: &str) -> Result<Option<(String, String)>> {
        match rename(self.era, module, Some(name)) {
            Renamed::Same => Ok(None),
            Renamed::To(module, new) => {
                self.told.globals += 1;
                Ok(Some((module, new.unwrap_or(name).to_owned())))
            }
            Renamed::Lacking => Err(self.lacking(format!("{module}.{name}"))),
            Renamed::Unknown => {
                self.unknown(format!("{module}.{name}"));
                Ok(None)
            }
        }
    }

    pub(super) fn lacking(&self, what: String) -> Error {
        let numpy = match self.era {
            Era::One => 1,
            Era::Two => 2,
        };
        self.error(ErrorKind::NotInNumpy { what, numpy })
    }

    pub(super) fn unknown(&mut self, name: String) {
        const MOST: usize = 100;
        let (offset, unknown) = (self.offset, &mut self.told.unknown);
        if unknown.len() < MOST && unknown.iter().all(|other| other.name != name) {
            unknown.push(Unknown { name, offset });
        }
    }
}

/// The stack.
impl Rewriter<'_> {
    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        kind.at(self.offset)
    }

    pub(super) fn push(&mut self, tag: Tag) -> Result<()> {
        if self.stack.len() >= self.limits.values {
            let (found, limit) = (self.stack.len() as u64 + 1, self.limits.values as u64);
            let what = "values that wait";
            return Err(self.error(ErrorKind::Limit { what, found, limit }));
        }
        self.stack.push(tag);
        Ok(())
    }

    /// Writes an opcode that pushes a value.
    pub(super) fn push_op(&mut self, opcode: u8, argument: &[u8], tag: Tag) -> Result<()> {
        self.out.op(opcode, argument)?;
        self.push(tag)
    }

    pub(super) fn top(&self) -> Result<&Tag> {
        let start = self.below(1)?;
        Ok(&self.stack[start])
    }

    pub(super) fn pop(&mut self) -> Result<Tag> {
        self.below(1)?;
        Ok(self.stack.pop().unwrap_or_default())
    }

    /// Where the last `n` values begin; none of them lies below a mark.
    pub(super) fn below(&self, n: usize) -> Result<usize> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let start = self
            .stack
            .len()
            .checked_sub(n)
            .filter(|start| *start >= floor);
        start.ok_or_else(|| self.error(ErrorKind::StackEmpty))
    }

    pub(super) fn pop_mark(&mut self) -> Result<usize> {
        self.marks
            .pop()
            .ok_or_else(|| self.error(ErrorKind::NoMark))
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.from.take(N)?);
        Ok(out)
    }

    fn signed(&self, length: [u8; 4]) -> Result<u64> {
        let nbytes = i32::from_le_bytes(length);
        let expected = "a length";
        u64::try_from(nbytes).map_err(|_| self.error(ErrorKind::Text { expected }))
    }

    /// An empty dict, or one that holds the attributes of joblib's wrapper of an array.
    pub(super) fn new_dict(&self) -> Tag {
        match self.stack.last() {
            Some(Tag::Wrapper) => Tag::WrapperState(Rc::new(RefCell::new(WrapperState::default()))),
            _ => Tag::Other,
        }
    }
}

/// What a global is.
pub(super) fn tag_of_global(module: &str, name: &str) -> Tag {
    match known(module, name) {
        Some(known) => Tag::Global(known),
        None => Tag::AnyGlobal,
    }
}

/// What a line of text is.
fn of_line(opcode: u8, line: &[u8]) -> Tag {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.contains(&b'\\') {
        return Tag::Other;
    }
    match (opcode, line) {
        (op::STRING, [b'\'', text @ .., b'\''] | [b'"', text @ .., b'"']) => Tag::of_text(text),
        (op::STRING, _) => Tag::Other,
        // Latin-1, of which ASCII is all that matters.
        (_, text) if text.is_ascii() => Tag::of_text(text),
        _ => Tag::Other,
    }
}
