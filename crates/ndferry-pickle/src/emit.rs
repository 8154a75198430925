//! [`Emitter`]: opcodes out, as CPython's own C pickler would choose and frame them.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use crate::opcode as op;

/// What Python has only once, so that a second use refers to the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shared {
    Global(&'static str, &'static str),
    Text(String),
    Bytes(&'static [u8]),
    Dtype(ndferry_array::Dtype),
}

/// Writes opcodes of one protocol, numbers what may be referred to, and puts frames around what is small.
pub(crate) struct Emitter<W: Write> {
    out: W,
    protocol: u8,
    memo: HashMap<Shared, u32>,
    /// Numbers given so far.
    numbered: u32,
    /// The frame that is being filled, from protocol 4 on; otherwise bytes not yet written.
    frame: Vec<u8>,
}

/// A frame is closed when it is this long, and strings of this length lie outside of frames (`Modules/_pickle.c`).
const FRAME_NBYTES: usize = 64 << 10;

/// Shorter frames are not worth their head.
const MIN_FRAME_NBYTES: usize = 4;

/// Items of a dict that are set by one opcode.
pub(crate) const BATCH: usize = 1000;

impl<W: Write> Emitter<W> {
    pub(crate) fn new(mut out: W, protocol: u8) -> io::Result<Self> {
        if protocol >= 2 {
            out.write_all(&[op::PROTO, protocol])?;
        }
        Ok(Self {
            out,
            protocol,
            memo: HashMap::new(),
            numbered: 0,
            frame: Vec::new(),
        })
    }

    pub(crate) fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Writes `STOP` and what is left.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.opcode(op::STOP);
        self.close_frame()?;
        self.out.flush()?;
        Ok(self.out)
    }

    pub(crate) fn opcode(&mut self, opcode: u8) {
        self.frame.push(opcode);
    }

    fn close_frame(&mut self) -> io::Result<()> {
        if self.protocol >= 4 && self.frame.len() >= MIN_FRAME_NBYTES {
            self.out.write_all(&[op::FRAME])?;
            self.out
                .write_all(&(self.frame.len() as u64).to_le_bytes())?;
        }
        self.out.write_all(&self.frame)?;
        self.frame.clear();
        Ok(())
    }

    /// Before each object: where a frame may end.
    fn boundary(&mut self) -> io::Result<()> {
        if self.frame.len() >= FRAME_NBYTES {
            self.close_frame()?;
        }
        Ok(())
    }

    /// Gives the next number to the object just written.
    pub(crate) fn put(&mut self) -> u32 {
        let number = self.numbered;
        self.numbered += 1;
        match (self.protocol, u8::try_from(number)) {
            (0, _) => self.line(op::PUT, number),
            (4.., _) => self.opcode(op::MEMOIZE),
            (_, Ok(number)) => self.frame.extend([op::BINPUT, number]),
            _ => {
                self.opcode(op::LONG_BINPUT);
                self.frame.extend(number.to_le_bytes());
            }
        }
        number
    }

    pub(crate) fn put_shared(&mut self, shared: Shared) {
        let number = self.put();
        self.memo.insert(shared, number);
    }

    /// Refers to what was written before; false if it was not.
    pub(crate) fn get(&mut self, shared: &Shared) -> io::Result<bool> {
        let Some(number) = self.memo.get(shared).copied() else {
            return Ok(false);
        };
        self.get_number(number)?;
        Ok(true)
    }

    /// Refers to the object that was given this number.
    pub(crate) fn get_number(&mut self, number: u32) -> io::Result<()> {
        self.boundary()?;
        match (self.protocol, u8::try_from(number)) {
            (0, _) => self.line(op::GET, number),
            (_, Ok(number)) => self.frame.extend([op::BINGET, number]),
            _ => {
                self.opcode(op::LONG_BINGET);
                self.frame.extend(number.to_le_bytes());
            }
        }
        Ok(())
    }

    fn line(&mut self, opcode: u8, content: impl std::fmt::Display) {
        self.opcode(opcode);
        self.frame.extend(content.to_string().as_bytes());
        self.frame.push(b'\n');
    }

    pub(crate) fn none(&mut self) -> io::Result<()> {
        self.boundary()?;
        self.opcode(op::NONE);
        Ok(())
    }

    pub(crate) fn bool(&mut self, value: bool) -> io::Result<()> {
        self.boundary()?;
        match (self.protocol, value) {
            (0 | 1, true) => self.line(op::INT, "01"),
            (0 | 1, false) => self.line(op::INT, "00"),
            (_, true) => self.opcode(op::NEWTRUE),
            (_, false) => self.opcode(op::NEWFALSE),
        }
        Ok(())
    }

    pub(crate) fn int(&mut self, value: i64) -> io::Result<()> {
        self.boundary()?;
        match (self.protocol, i32::try_from(value)) {
            (0, Ok(value)) => self.line(op::INT, value),
            (_, Ok(value)) => match (u8::try_from(value), u16::try_from(value)) {
                (Ok(value), _) => self.frame.extend([op::BININT1, value]),
                (_, Ok(value)) => {
                    self.opcode(op::BININT2);
                    self.frame.extend(value.to_le_bytes());
                }
                _ => {
                    self.opcode(op::BININT);
                    self.frame.extend(value.to_le_bytes());
                }
            },
            (0 | 1, Err(_)) => self.line(op::LONG, format_args!("{value}L")),
            (_, Err(_)) => {
                let bytes = value.to_le_bytes();
                // As few bytes as keep the sign.
                let sign = if value < 0 { 0xff } else { 0 };
                let mut n = 8;
                while n > 1 && bytes[n - 1] == sign && (bytes[n - 2] ^ sign) < 0x80 {
                    n -= 1;
                }
                self.frame.extend([op::LONG1, n as u8]);
                self.frame.extend(&bytes[..n]);
            }
        }
        Ok(())
    }

    /// A `str` that nothing else refers to.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.text_opcode(text)?;
        self.put();
        Ok(())
    }

    /// A `str` that Python keeps once.
    pub(crate) fn interned(&mut self, text: &str) -> io::Result<()> {
        let shared = Shared::Text(text.to_owned());
        if !self.get(&shared)? {
            self.text_opcode(text)?;
            self.put_shared(shared);
        }
        Ok(())
    }

    fn text_opcode(&mut self, text: &str) -> io::Result<()> {
        self.boundary()?;
        if self.protocol == 0 {
            self.opcode(op::UNICODE);
            for c in text.chars() {
                escape(u32::from(c), &mut self.frame);
            }
            self.frame.push(b'\n');
            return Ok(());
        }
        let head = self.text_head(text.len() as u64);
        self.stream(
            head,
            text.len() as u64,
            &mut text.as_bytes(),
            |chunk, out| out.extend(chunk),
        )
    }

    fn text_head(&mut self, nbytes: u64) -> usize {
        self.head(
            op::SHORT_BINUNICODE,
            op::BINUNICODE,
            op::BINUNICODE8,
            4,
            nbytes,
        )
    }

    /// The shortest of three opcodes that this protocol has for a string of this length; returns its length.
    fn head(&mut self, short: u8, plain: u8, long: u8, short_since: u8, nbytes: u64) -> usize {
        match (u8::try_from(nbytes), u32::try_from(nbytes)) {
            (Ok(n), _) if self.protocol >= short_since => {
                self.frame.extend([short, n]);
                2
            }
            (_, Ok(n)) => {
                self.opcode(plain);
                self.frame.extend(n.to_le_bytes());
                5
            }
            _ => {
                self.opcode(long);
                self.frame.extend(nbytes.to_le_bytes());
                9
            }
        }
    }

    pub(crate) fn global(&mut self, module: &'static str, name: &'static str) -> io::Result<()> {
        let shared = Shared::Global(module, name);
        if self.get(&shared)? {
            return Ok(());
        }
        self.boundary()?;
        if self.protocol >= 4 {
            self.interned(module)?;
            self.interned(name)?;
            self.opcode(op::STACK_GLOBAL);
        } else {
            self.line(op::GLOBAL, format_args!("{module}\n{name}"));
        }
        self.put_shared(shared);
        Ok(())
    }

    /// Before the items of a tuple of this length.
    pub(crate) fn begin_tuple(&mut self, len: usize) -> io::Result<()> {
        self.boundary()?;
        let needs_mark = match self.protocol {
            0 => true,
            1 => len > 0,
            _ => len > 3,
        };
        if needs_mark {
            self.opcode(op::MARK);
        }
        Ok(())
    }

    /// After them. The empty tuple gets no number.
    pub(crate) fn end_tuple(&mut self, len: usize) -> Option<u32> {
        match (self.protocol, len) {
            (1.., 0) => self.opcode(op::EMPTY_TUPLE),
            (2.., 1) => self.opcode(op::TUPLE1),
            (2.., 2) => self.opcode(op::TUPLE2),
            (2.., 3) => self.opcode(op::TUPLE3),
            _ => self.opcode(op::TUPLE),
        }
        (len > 0).then(|| self.put())
    }

    /// An empty dict, to be filled by [`Self::begin_item`] and [`Self::end_item`].
    pub(crate) fn begin_dict(&mut self) -> io::Result<()> {
        self.boundary()?;
        match self.protocol {
            0 => self.frame.extend([op::MARK, op::DICT]),
            _ => self.opcode(op::EMPTY_DICT),
        }
        self.put();
        Ok(())
    }

    /// Before the key of item `i` of `len`.
    pub(crate) fn begin_item(&mut self, i: usize, len: usize) {
        if self.protocol > 0 && len > 1 && i.is_multiple_of(BATCH) {
            self.opcode(op::MARK);
        }
    }

    /// After its value.
    pub(crate) fn end_item(&mut self, i: usize, len: usize) {
        if self.protocol == 0 || len == 1 {
            self.opcode(op::SETITEM);
        } else if (i + 1).is_multiple_of(BATCH) || i + 1 == len {
            self.opcode(op::SETITEMS);
        }
    }

    /// Short `bytes` that Python keeps once.
    pub(crate) fn shared_bytes(&mut self, bytes: &'static [u8]) -> io::Result<()> {
        let shared = Shared::Bytes(bytes);
        if self.get(&shared)? {
            return Ok(());
        }
        self.bytes_opcodes(bytes)?;
        self.put_shared(shared);
        Ok(())
    }

    /// `bytes` that nothing else refers to.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes_opcodes(bytes)?;
        self.put();
        Ok(())
    }

    fn bytes_opcodes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut from = bytes;
        let wide = wide(bytes);
        self.payload(bytes.len() as u64, wide, &mut from)
    }

    /// `bytes` from a stream, not numbered yet. `wide` says how many are 128 or more, which matters where protocols 1 and
    /// 2 spell them as UTF-8.
    pub(crate) fn payload(
        &mut self,
        nbytes: u64,
        wide: u64,
        from: &mut dyn Read,
    ) -> io::Result<()> {
        self.boundary()?;
        if self.protocol >= 3 {
            let head = self.head(op::SHORT_BINBYTES, op::BINBYTES, op::BINBYTES8, 3, nbytes);
            return self.stream(head, nbytes, from, |chunk, out| out.extend(chunk));
        }
        if nbytes == 0 {
            self.global("__builtin__", "bytes")?;
            self.begin_tuple(0)?;
            self.end_tuple(0);
            self.opcode(op::REDUCE);
            return Ok(());
        }
        self.global("_codecs", "encode")?;
        self.begin_tuple(2)?;
        if self.protocol == 0 {
            self.opcode(op::UNICODE);
            self.stream(1, nbytes, from, |chunk, out| {
                for byte in chunk {
                    escape(u32::from(*byte), out);
                }
            })?;
            self.opcode(b'\n');
        } else {
            let head = self.text_head(nbytes + wide);
            self.stream(head, nbytes, from, |chunk, out| {
                for byte in chunk {
                    match byte {
                        0..0x80 => out.push(*byte),
                        _ => out.extend([0xc0 | byte >> 6, 0x80 | byte & 0x3f]),
                    }
                }
            })?;
        }
        self.put();
        self.interned("latin1")?;
        self.end_tuple(2);
        self.opcode(op::REDUCE);
        Ok(())
    }

    /// `bytearray` from a stream, in protocol 5; not numbered yet.
    pub(crate) fn bytearray(&mut self, nbytes: u64, from: &mut dyn Read) -> io::Result<()> {
        self.boundary()?;
        self.opcode(op::BYTEARRAY8);
        self.frame.extend(nbytes.to_le_bytes());
        self.stream(9, nbytes, from, |chunk, out| out.extend(chunk))
    }

    /// What follows a head of `head_nbytes` that was just written. Long strings leave the frame together with their head.
    fn stream(
        &mut self,
        head_nbytes: usize,
        nbytes: u64,
        from: &mut dyn Read,
        spell: impl Fn(&[u8], &mut Vec<u8>),
    ) -> io::Result<()> {
        let mut chunk = vec![0; nbytes.min(FRAME_NBYTES as u64 * 4) as usize];
        let unframed = nbytes >= FRAME_NBYTES as u64;
        if unframed && self.protocol >= 4 {
            let head = self.frame.split_off(self.frame.len() - head_nbytes);
            self.close_frame()?;
            self.out.write_all(&head)?;
        }
        let mut left = nbytes;
        while left > 0 {
            let n = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            from.read_exact(&mut chunk[..n])?;
            left -= n as u64;
            spell(&chunk[..n], &mut self.frame);
            if unframed {
                self.out.write_all(&self.frame)?;
                self.frame.clear();
            }
        }
        Ok(())
    }
}

/// How many bytes are two in UTF-8.
pub(crate) fn wide(bytes: &[u8]) -> u64 {
    bytes
        .chunks(1 << 15)
        .map(|part| {
            let count = part
                .iter()
                .fold(0u16, |count, byte| count + u16::from(byte >> 7));
            u64::from(count)
        })
        .sum()
}

/// One character of a line of protocol 0.
fn escape(code: u32, out: &mut Vec<u8>) {
    match code {
        0 | 0x0a | 0x0d | 0x1a | 0x5c | 0x100..=0xffff => {
            out.extend(format!("\\u{code:04x}").bytes())
        }
        0..=0xff => out.push(code as u8),
        _ => out.extend(format!("\\U{code:08x}").bytes()),
    }
}
