//! One opcode: what it does to tags, and over how many bytes it steps.

use std::sync::Arc;

use super::nested::Spelling;
use super::stack::{Args, Tag, Text};
use super::{Scanner, Use};
use crate::opcode as op;
use crate::text::{raw_unicode_escape, unquote};
use crate::{ErrorKind, Result};

/// Bytes of text that is spelled with escapes and may become a name, altogether.
const MAX_POOL: usize = 16 << 20;

impl Scanner {
    pub(super) fn step(&mut self, opcode: u8) -> Result<()> {
        let Some(protocol) = op::protocol(opcode) else {
            return Err(ErrorKind::Opcode { opcode }.at(self.offset));
        };
        if self.depth == 0 {
            self.out.protocol = self.out.protocol.max(protocol);
        }
        match opcode {
            op::PROTO => {
                let found = self.window.byte()?;
                if found > 5 {
                    self.wrong(ErrorKind::Protocol { found });
                } else if self.depth == 0 {
                    self.out.protocol = self.out.protocol.max(found);
                }
            }
            op::FRAME => {
                let needed = u64::from_le_bytes(self.window.array()?);
                let found = self.window.left();
                if needed > found {
                    self.wrong(ErrorKind::Truncated { needed, found });
                }
            }

            op::NONE | op::NEWTRUE | op::NEWFALSE => self.stack.push(Tag::Other),
            op::EMPTY_TUPLE | op::EMPTY_LIST | op::EMPTY_DICT | op::EMPTY_SET => {
                self.stack.push(Tag::Other);
            }
            op::NEXT_BUFFER => self.stack.push(Tag::Other),
            op::READONLY_BUFFER => self.need_top(),
            op::BININT1 => self.fixed(1)?,
            op::BININT2 => self.fixed(2)?,
            op::BININT => self.fixed(4)?,
            op::BINFLOAT => self.fixed(8)?,
            op::INT | op::LONG | op::FLOAT => self.number_line()?,
            op::LONG1 => {
                let nbytes = self.window.byte()?;
                self.fixed(u64::from(nbytes))?;
            }
            op::LONG4 => {
                let nbytes = self.signed_length()?;
                self.fixed(nbytes)?;
            }

            op::UNICODE => self.text_line(Spelling::RawUnicodeEscape)?,
            op::STRING => self.text_line(Spelling::Literal)?,
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => {
                let nbytes = self.length(opcode)?;
                self.payload(nbytes, Spelling::Utf8)?;
            }
            op::BINSTRING => {
                let nbytes = self.signed_length()?;
                self.payload(nbytes, Spelling::Plain)?;
            }
            op::SHORT_BINSTRING
            | op::SHORT_BINBYTES
            | op::BINBYTES
            | op::BINBYTES8
            | op::BYTEARRAY8 => {
                let nbytes = self.length(opcode)?;
                self.payload(nbytes, Spelling::Plain)?;
            }

            op::MARK => self.stack.mark(),
            op::POP => {
                if self.stack.is_at_mark() {
                    self.stack.pop_only_mark();
                } else {
                    let tag = self.pop();
                    self.used(tag, Use::Pop);
                }
            }
            op::POP_MARK => {
                for (_, tag, _) in self.stack.named_above_mark() {
                    self.used(tag, Use::Pop);
                }
                self.pop_mark();
            }
            op::DUP => {
                self.need_top();
                let top = self.stack.top().unwrap_or(Tag::Other);
                self.stack.push(top);
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT => {
                let id = self.memo_id(opcode)?;
                self.put(id);
            }
            op::MEMOIZE => {
                let id = self.memo.len();
                self.put(Some(id));
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let id = self.memo_id(opcode)?;
                let tag = match id.map(|id| (id, self.memo.get(id))) {
                    Some((_, Some(tag))) => tag,
                    Some((id, None)) => {
                        self.wrong(ErrorKind::NoMemo { id });
                        Tag::Other
                    }
                    None => Tag::Other,
                };
                self.stack.push(tag);
            }

            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let len = usize::from(opcode - op::TUPLE1) + 1;
                let mut parts = [Tag::Other; 3];
                for part in parts[..len].iter_mut().rev() {
                    *part = self.pop();
                }
                let mut args = Args::default();
                for (i, part) in parts[..len].iter().enumerate() {
                    args.add(*part, i == 0);
                    if let Tag::Args(_) = part {
                        self.put_inside(*part);
                    }
                }
                self.stack.push(args.tag());
            }
            op::TUPLE => {
                self.put_all_inside(|_, tag| matches!(tag, Tag::Args(_)));
                let (args, _, _) = self.pop_mark();
                self.stack.push(args.tag());
            }
            op::LIST | op::DICT | op::FROZENSET => {
                self.put_all_inside(|is_key, _| is_key || opcode != op::DICT);
                let (_, _, count) = self.pop_mark();
                if opcode == op::DICT && count % 2 == 1 {
                    self.wrong(ErrorKind::OddPairs);
                }
                self.stack.push(Tag::Other);
            }
            op::APPEND => {
                let item = self.pop();
                self.put_inside(item);
                self.fill();
            }
            op::SETITEM => {
                self.pop();
                let key = self.pop();
                self.put_inside(key);
                self.fill();
            }
            op::APPENDS | op::ADDITEMS | op::SETITEMS => {
                self.put_all_inside(|is_key, _| is_key || opcode != op::SETITEMS);
                let (_, _, count) = self.pop_mark();
                if opcode == op::SETITEMS && count % 2 == 1 {
                    self.wrong(ErrorKind::OddPairs);
                }
                self.fill();
            }
            _ => self.step_call(opcode)?,
        }
        Ok(())
    }

    fn step_call(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::GLOBAL => {
                let (module, name) = (self.name_line()?, self.name_line()?);
                let tag = self.found(module, name)?;
                self.stack.push(tag);
            }
            op::STACK_GLOBAL => {
                let name = self.pop();
                let module = self.pop();
                let (module, name) = (self.name_of(module)?, self.name_of(name)?);
                let tag = self.found(module, name)?;
                self.stack.push(tag);
            }
            op::INST => {
                let (module, name) = (self.name_line()?, self.name_line()?);
                let (args, _, _) = self.pop_mark();
                let tag = self.found(module, name)?;
                let made = self.called(tag, args.tag(), Use::Inst);
                self.stack.push(made);
            }
            op::OBJ => {
                let (args, first, _) = self.pop_mark();
                let Some(function) = first else {
                    self.wrong(ErrorKind::StackEmpty);
                    self.stack.push(Tag::Other);
                    return Ok(());
                };
                let args = Args {
                    first: None,
                    ..args
                };
                let made = self.called(function, args.tag(), Use::Obj);
                self.stack.push(made);
            }
            op::REDUCE | op::NEWOBJ | op::NEWOBJ_EX => {
                let kwargs = (opcode == op::NEWOBJ_EX).then(|| self.pop());
                let args = self.pop();
                let function = self.pop();
                let how = match opcode {
                    op::REDUCE => Use::Reduce,
                    _ => Use::NewObj,
                };
                if let Some(kwargs) = kwargs {
                    self.used(kwargs, Use::Argument);
                }
                let made = self.called(function, args, how);
                self.stack.push(made);
            }
            op::EXT1 | op::EXT2 | op::EXT4 => {
                let code = match opcode {
                    op::EXT1 => u32::from(self.window.byte()?),
                    op::EXT2 => u32::from(u16::from_le_bytes(self.window.array()?)),
                    _ => u32::from_le_bytes(self.window.array()?),
                };
                // It may stand for anything, which only the reading program knows.
                let tag = self.found("copyreg".into(), format!("extension {code}").into())?;
                self.stack.push(tag);
            }
            op::PERSID | op::BINPERSID => {
                if opcode == op::PERSID {
                    self.window.line(0)?;
                } else {
                    self.pop();
                }
                // So may this, which `pickle.load` refuses.
                self.found("pickle".into(), "persistent_load".into())?;
                self.stack.push(Tag::Other);
            }
            op::BUILD => {
                let state = self.pop();
                self.used(state, Use::Argument);
                self.need_top();
                let target = self.stack.top().unwrap_or(Tag::Other);
                self.used(target, Use::Build);
                let is_skipped = self.skip_between()?;
                if self.is_wrapper(target) && !is_skipped {
                    let problem = "where its elements end is not known".to_owned();
                    let what = "joblib's array";
                    // To `pickle.load` nothing is wrong with it.
                    let has_failed = self.has_failed;
                    self.wrong(ErrorKind::State { what, problem });
                    self.has_failed = has_failed;
                }
            }
            _ => return Err(ErrorKind::Opcode { opcode }.at(self.offset)),
        }
        Ok(())
    }

    fn fixed(&mut self, nbytes: u64) -> Result<()> {
        self.window.skip(nbytes)?;
        self.stack.push(Tag::Other);
        Ok(())
    }

    fn need_top(&mut self) {
        if self.stack.top().is_none() {
            self.wrong(ErrorKind::StackEmpty);
        }
    }

    fn fill(&mut self) {
        self.need_top();
        let target = self.stack.top().unwrap_or(Tag::Other);
        self.used(target, Use::Fill);
    }

    fn pop_mark(&mut self) -> (Args, Option<Tag>, u64) {
        self.stack.pop_mark().unwrap_or_else(|| {
            self.wrong(ErrorKind::NoMark);
            (Args::default(), None, 0)
        })
    }

    /// As [`Self::put_inside`], of those above the mark that are meant, by whether they are at the place of a key.
    fn put_all_inside(&mut self, is_meant: impl Fn(bool, Tag) -> bool) {
        for (at, tag, count) in self.stack.named_above_mark() {
            let is_key = at % 2 == 0 || count > 1;
            if is_meant(is_key, tag) {
                self.put_inside(tag);
            }
        }
    }

    fn put(&mut self, id: Option<u64>) {
        self.need_top();
        let tag = match self.stack.top() {
            // What could not be imported need not be remembered, of which there may be much.
            Some(Tag::Text(text)) if !text.is_plain => Tag::Other,
            tag => tag.unwrap_or(Tag::Other),
        };
        if let Some(id) = id {
            self.memo.put(id, tag);
        }
    }

    fn memo_id(&mut self, opcode: u8) -> Result<Option<u64>> {
        Ok(match opcode {
            op::BINPUT | op::BINGET => Some(u64::from(self.window.byte()?)),
            op::LONG_BINPUT | op::LONG_BINGET => {
                Some(u64::from(u32::from_le_bytes(self.window.array()?)))
            }
            _ => {
                let (line, _) = self.window.line(64)?;
                let text = std::str::from_utf8(line.unwrap_or_default()).unwrap_or_default();
                let id = text.trim().parse().ok();
                if id.is_none() {
                    let expected = "a memo number";
                    self.wrong(ErrorKind::Text { expected });
                }
                id
            }
        })
    }

    fn length(&mut self, opcode: u8) -> Result<u64> {
        Ok(match opcode {
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
                u64::from(self.window.byte()?)
            }
            op::BINUNICODE | op::BINBYTES => u64::from(u32::from_le_bytes(self.window.array()?)),
            _ => u64::from_le_bytes(self.window.array()?),
        })
    }

    fn signed_length(&mut self) -> Result<u64> {
        let nbytes = i32::from_le_bytes(self.window.array()?);
        let expected = "a length";
        u64::try_from(nbytes).map_err(|_| ErrorKind::Text { expected }.at(self.offset))
    }

    fn number_line(&mut self) -> Result<()> {
        let (line, _) = self.window.line(512)?;
        let is_number = line.is_none_or(|line| {
            let text = line.trim_ascii();
            let first = text.iter().find(|byte| !matches!(byte, b'-' | b'+'));
            // `inf` and `nan` too.
            first.is_some_and(|byte| byte.is_ascii_digit() || b".iInN".contains(byte))
        });
        if !is_number {
            let expected = "a number";
            self.wrong(ErrorKind::Text { expected });
        }
        self.stack.push(Tag::Other);
        Ok(())
    }

    /// A module or a name in it, on a line.
    fn name_line(&mut self) -> Result<Arc<str>> {
        let most = self.limits.name_nbytes;
        match self.window.line(most)? {
            (Some(line), _) => Ok(String::from_utf8_lossy(line).into()),
            (None, nbytes) => {
                let nbytes = usize::try_from(nbytes).unwrap_or(usize::MAX);
                Err(self.limit("bytes of a name", nbytes, most))
            }
        }
    }

    /// A string of so many bytes.
    fn payload(&mut self, nbytes: u64, spelling: Spelling) -> Result<()> {
        let offset = self.window.offset();
        let most = self.limits.name_nbytes.min(usize::from(u16::MAX)) as u64;
        let mut tag = Tag::Other;
        if nbytes > 0 && nbytes <= most {
            let bytes = self.window.peek(nbytes as usize)?;
            tag = Tag::Text(Text::of(offset, bytes, false));
        }
        self.consider(nbytes, spelling)?;
        self.window.skip(nbytes)?;
        self.stack.push(tag);
        Ok(())
    }

    /// A string on a line, spelled with escapes.
    fn text_line(&mut self, spelling: Spelling) -> Result<()> {
        let start = self.window.offset();
        let most = self.limits.name_nbytes;
        let pool_len = self.pool.len();
        let (line, nbytes) = self.window.line(most)?;
        let mut tag = Tag::Other;
        if let Some(line) = line
            && pool_len + line.len() <= MAX_POOL
        {
            let spelled = match spelling {
                Spelling::Literal => unquote(line, &mut self.pool),
                _ => raw_unicode_escape(line, &mut self.pool),
            };
            let text = &self.pool[pool_len..];
            if spelled.is_some() && !text.is_empty() && text.len() <= usize::from(u16::MAX) {
                let text = Text::of(pool_len as u64, text, true);
                tag = Tag::Text(text);
            } else if spelled.is_none() {
                let expected = "text with escapes";
                self.wrong(ErrorKind::Text { expected });
            }
            if tag == Tag::Other {
                self.pool.truncate(pool_len);
            }
        }
        self.consider_line(start, nbytes, spelling)?;
        self.stack.push(tag);
        Ok(())
    }
}

impl Text {
    fn of(offset: u64, bytes: &[u8], is_pooled: bool) -> Self {
        let could_be =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte) || *byte >= 0x80;
        Self {
            offset,
            nbytes: bytes.len() as u16,
            is_pooled,
            // Pickled by `copyreg` itself, of classes that take keyword arguments.
            is_dunder: bytes.starts_with(b"__") && bytes != b"__new__",
            is_plain: bytes.iter().all(could_be),
        }
    }
}
