//! [`Out`]: opcodes into a pickle, in frames where the one that is read has frames.

use std::io::Write;

use super::bytes::Bytes;
use super::memo::{Memo, Put, SPARE};
use crate::opcode as op;
use crate::{ErrorKind, Result};

/// What a frame holds at least, and what lies outside of frames (`pickle._Framer._FRAME_SIZE_TARGET`).
const FRAME_NBYTES: usize = 64 << 10;

/// Shorter frames are not worth one (`_FRAME_SIZE_MIN`).
const MIN_FRAME_NBYTES: usize = 4;

/// Writes opcodes. Without a target it only counts.
pub(super) struct Out<'w> {
    to: Option<&'w mut dyn Write>,
    buffer: Vec<u8>,
    /// Bytes before those in the buffer.
    nbytes: u64,
    is_framed: bool,
    /// The highest protocol so far: what is put in is spelled as in that one.
    pub(super) protocol: u8,
}

impl<'w> Out<'w> {
    pub(super) fn new(to: Option<&'w mut dyn Write>) -> Self {
        Self {
            to,
            buffer: Vec::new(),
            nbytes: 0,
            is_framed: false,
            protocol: 0,
        }
    }

    /// Bytes so far.
    pub(super) fn nbytes(&self) -> u64 {
        self.nbytes + self.buffer.len() as u64
    }

    /// Another pickle begins.
    pub(super) fn begin(&mut self) {
        self.protocol = 0;
        self.is_framed = false;
    }

    /// From here on there are frames.
    pub(super) fn frames(&mut self) -> Result<()> {
        if !self.is_framed {
            self.flush()?;
            self.is_framed = true;
        }
        Ok(())
    }

    /// An opcode and its argument.
    pub(super) fn op(&mut self, opcode: u8, argument: &[u8]) -> Result<()> {
        self.buffer.push(opcode);
        self.buffer.extend_from_slice(argument);
        if self.buffer.len() >= FRAME_NBYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// An opcode, its length, and as many bytes.
    pub(super) fn blob(
        &mut self,
        opcode: u8,
        length: &[u8],
        nbytes: u64,
        from: &mut Bytes,
    ) -> Result<()> {
        if nbytes < FRAME_NBYTES as u64 {
            let bytes = from.take(nbytes as usize)?;
            self.buffer.push(opcode);
            self.buffer.extend_from_slice(length);
            return self.op_end(bytes);
        }
        self.flush()?;
        self.buffer.push(opcode);
        self.buffer.extend_from_slice(length);
        self.raw(nbytes, from)
    }

    fn op_end(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= FRAME_NBYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Bytes that no frame holds, after those in the buffer.
    pub(super) fn raw(&mut self, nbytes: u64, from: &mut Bytes) -> Result<()> {
        from.check(nbytes)?;
        let offset = from.offset();
        self.pass()?;
        if self.to.is_none() {
            self.nbytes += nbytes;
            return from.skip(nbytes);
        }
        let mut left = nbytes;
        while left > 0 {
            let bytes = from.some(left)?;
            left -= bytes.len() as u64;
            self.nbytes += bytes.len() as u64;
            if let Some(to) = &mut self.to {
                to.write_all(bytes)
                    .map_err(|error| ErrorKind::Io(error).at(offset))?;
            }
        }
        Ok(())
    }

    /// An opcode and a line, which may be long. Returns the line, if it is shorter than `keep` bytes.
    pub(super) fn line(
        &mut self,
        opcode: u8,
        from: &mut Bytes,
        keep: usize,
    ) -> Result<Option<Vec<u8>>> {
        // Opcodes with lines are older than frames; one of unknown length lies in none.
        if self.is_framed {
            self.flush()?;
        }
        self.buffer.push(opcode);
        let mut kept = Some(Vec::new());
        loop {
            let (part, is_last) = from.line_part()?;
            self.buffer.extend_from_slice(part);
            if let Some(line) = &mut kept {
                match line.len() + part.len() <= keep {
                    true => line.extend_from_slice(part),
                    false => kept = None,
                }
            }
            if self.buffer.len() >= FRAME_NBYTES || (is_last && self.is_framed) {
                self.pass()?;
            }
            if is_last {
                return Ok(kept);
            }
        }
    }

    /// Padding such that what comes after it begins at a multiple of `alignment` bytes: their number, and so many of
    /// 0xff (joblib since 1.2, for memory maps).
    pub(super) fn pad(&mut self, alignment: i64) -> Result<()> {
        let alignment = alignment.clamp(1, 255) as u64;
        let at = self.nbytes() + 1;
        let padding = alignment - at % alignment;
        self.buffer.push(padding as u8);
        self.buffer
            .resize(self.buffer.len() + padding as usize, 0xff);
        self.pass()
    }

    /// A pickle inside this one begins; its frames are its own.
    pub(super) fn suspend(&mut self) -> (bool, u8) {
        (self.is_framed, self.protocol)
    }

    /// It has ended.
    pub(super) fn resume(&mut self, (is_framed, protocol): (bool, u8)) {
        self.is_framed = is_framed;
        self.protocol = protocol;
    }

    /// Everything so far leaves the buffer, as a frame where there are frames.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.is_framed && self.buffer.len() >= MIN_FRAME_NBYTES {
            let mut frame = [op::FRAME, 0, 0, 0, 0, 0, 0, 0, 0];
            frame[1..].copy_from_slice(&(self.buffer.len() as u64).to_le_bytes());
            self.write(&frame)?;
        }
        self.pass()
    }

    /// The buffer as it is.
    fn pass(&mut self) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.nbytes += bytes.len() as u64;
        match &mut self.to {
            Some(to) => to
                .write_all(bytes)
                .map_err(|error| ErrorKind::Io(error).at(0)),
            None => Ok(()),
        }
    }
}

/// What the rewriter puts in, spelled with opcodes that the protocol has.
impl Out<'_> {
    pub(super) fn pop(&mut self) -> Result<()> {
        self.op(op::POP, &[])
    }

    pub(super) fn int(&mut self, value: i64) -> Result<()> {
        if self.protocol == 0 {
            return self.op(op::INT, format!("{value}\n").as_bytes());
        }
        if let Ok(byte) = u8::try_from(value) {
            return self.op(op::BININT1, &[byte]);
        }
        if let Ok(word) = i32::try_from(value) {
            return self.op(op::BININT, &word.to_le_bytes());
        }
        match self.protocol {
            1 => self.op(op::LONG, format!("{value}L\n").as_bytes()),
            _ => self.op(op::LONG1, &[&[8], &value.to_le_bytes()[..]].concat()),
        }
    }

    /// ASCII text, without backslashes and newlines, of less than 256 bytes.
    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        match self.protocol {
            0 => self.op(op::UNICODE, format!("{text}\n").as_bytes()),
            1..=3 => {
                let length = (text.len() as u32).to_le_bytes();
                self.op(op::BINUNICODE, &[&length, text.as_bytes()].concat())
            }
            _ => self.op(
                op::SHORT_BINUNICODE,
                &[&[text.len() as u8], text.as_bytes()].concat(),
            ),
        }
    }

    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<()> {
        self.op(op::GLOBAL, format!("{module}\n{name}\n").as_bytes())
    }

    pub(super) fn empty_dict(&mut self) -> Result<()> {
        match self.protocol {
            0 => self.op(op::MARK, &[op::DICT]),
            _ => self.op(op::EMPTY_DICT, &[]),
        }
    }

    /// What the top of the stack is put under in the memo.
    pub(super) fn put(&mut self, put: Put) -> Result<()> {
        match put {
            Put::Next => self.op(op::MEMOIZE, &[]),
            Put::At(id) => self.memo(id, [op::PUT, op::BINPUT, op::LONG_BINPUT]),
        }
    }

    pub(super) fn get(&mut self, id: u64) -> Result<()> {
        self.memo(id, [op::GET, op::BINGET, op::LONG_BINGET])
    }

    /// As one of three opcodes: with a line, a byte, four bytes.
    fn memo(&mut self, id: u64, [line, short, long]: [u8; 3]) -> Result<()> {
        match (u8::try_from(id), u32::try_from(id)) {
            (Ok(byte), _) if self.protocol > 0 => self.op(short, &[byte]),
            (_, Ok(word)) if self.protocol > 0 => self.op(long, &word.to_le_bytes()),
            _ => self.op(line, format!("{id}\n").as_bytes()),
        }
    }

    /// Takes the top of the stack away for a moment, to the first or second place for that.
    pub(super) fn stash(&mut self, memo: &mut Memo, place: u64) -> Result<()> {
        let is_new = !memo.has_spare();
        let spare = memo.spare();
        match is_new {
            true => (0..SPARE).try_for_each(|place| self.put(Put::At(spare + place)))?,
            false => self.put(Put::At(spare + place))?,
        }
        self.pop()
    }

    /// And puts it back.
    pub(super) fn unstash(&mut self, memo: &mut Memo, place: u64) -> Result<()> {
        let spare = memo.spare();
        self.get(spare + place)
    }

    /// A tuple of small numbers.
    pub(super) fn ints(&mut self, values: &[u64]) -> Result<()> {
        self.op(op::MARK, &[])?;
        for value in values {
            self.int(*value as i64)?;
        }
        self.op(op::TUPLE, &[])
    }
}
