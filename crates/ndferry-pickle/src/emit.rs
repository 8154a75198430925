//! [`Emitter`]: opcodes out, as CPython's own C pickler would choose and frame them.

mod strings;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use num_bigint::BigInt;

use crate::opcode as op;
use crate::repr::float_repr;
pub(crate) use strings::{utf8, wide};

/// What Python has only once, so that a second use refers to the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shared {
    Global(Cow<'static, str>, Cow<'static, str>),
    Text(Cow<'static, str>),
    Bytes(&'static [u8]),
    Dtype(ndferry_array::Dtype),
}

/// Writes opcodes of one protocol, numbers what may be referred to, and puts frames around what is small.
pub(crate) struct Emitter<W: Write> {
    out: W,
    protocol: u8,
    memo: HashMap<Shared, u32>,
    /// Numbers given so far.
    given: u32,
    /// The frame that is being filled, from protocol 4 on; otherwise bytes not yet written.
    frame: Vec<u8>,
}

/// A frame is closed when it is this long, and strings of this length lie outside of frames (`Modules/_pickle.c`).
const FRAME_NBYTES: usize = 64 << 10;

/// Shorter frames are not worth their head.
const MIN_FRAME_NBYTES: usize = 4;

/// Items of a list or dict that are added by one opcode.
pub(crate) const BATCH: usize = 1000;

impl<W: Write> Emitter<W> {
    pub(crate) fn new(mut out: W, protocol: u8) -> io::Result<Self> {
        if protocol >= 2 {
            out.write_all(&[op::PROTO, protocol])?;
        }
        Ok(Self::begun(out, protocol))
    }

    /// One that does not say its protocol.
    pub(crate) fn begun(out: W, protocol: u8) -> Self {
        Self {
            out,
            protocol,
            memo: HashMap::new(),
            given: 0,
            frame: Vec::new(),
        }
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

    /// An opcode that an object begins with.
    pub(crate) fn alone(&mut self, opcode: u8) -> io::Result<()> {
        self.boundary()?;
        self.opcode(opcode);
        Ok(())
    }

    /// An opcode with a length of eight bytes, and what follows it, outside of any frame.
    pub(crate) fn unframed(
        &mut self,
        opcode: u8,
        nbytes: u64,
        write: impl FnOnce(&mut W),
    ) -> io::Result<()> {
        self.close_frame()?;
        self.out.write_all(&[opcode])?;
        self.out.write_all(&nbytes.to_le_bytes())?;
        write(&mut self.out);
        Ok(())
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
    pub(crate) fn boundary(&mut self) -> io::Result<()> {
        if self.frame.len() >= FRAME_NBYTES {
            self.close_frame()?;
        }
        Ok(())
    }

    /// Gives the next number to the object just written.
    pub(crate) fn put(&mut self) -> u32 {
        let number = self.given;
        self.given += 1;
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

    /// The number of what Python has once, if it was written.
    pub(crate) fn number_of(&self, shared: &Shared) -> Option<u32> {
        self.memo.get(shared).copied()
    }

    pub(crate) fn put_shared(&mut self, shared: Shared) -> u32 {
        let number = self.put();
        self.memo.insert(shared, number);
        number
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
        self.get_here(number);
        Ok(())
    }

    /// The same in the middle of an object, where no frame may end.
    pub(crate) fn get_here(&mut self, number: u32) {
        match (self.protocol, u8::try_from(number)) {
            (0, _) => self.line(op::GET, number),
            (_, Ok(number)) => self.frame.extend([op::BINGET, number]),
            _ => {
                self.opcode(op::LONG_BINGET);
                self.frame.extend(number.to_le_bytes());
            }
        }
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

    pub(crate) fn big_int(&mut self, value: &BigInt) -> io::Result<()> {
        self.boundary()?;
        if self.protocol < 2 {
            self.line(op::LONG, format_args!("{value}L"));
            return Ok(());
        }
        let bytes = value.to_signed_bytes_le();
        match u8::try_from(bytes.len()) {
            Ok(n) => self.frame.extend([op::LONG1, n]),
            Err(_) => {
                let n = i32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
                self.opcode(op::LONG4);
                self.frame.extend(n.to_le_bytes());
            }
        }
        self.frame.extend(&bytes);
        Ok(())
    }

    pub(crate) fn float(&mut self, value: f64) -> io::Result<()> {
        self.boundary()?;
        if self.protocol == 0 {
            self.line(op::FLOAT, float_repr(value));
        } else {
            self.opcode(op::BINFLOAT);
            self.frame.extend(value.to_be_bytes());
        }
        Ok(())
    }

    /// A class or function.
    pub(crate) fn global(
        &mut self,
        module: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
    ) -> io::Result<()> {
        let (module, name) = (module.into(), name.into());
        let shared = Shared::Global(module.clone(), name.clone());
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

    /// An opcode with a number of this many bytes.
    pub(crate) fn numbered(&mut self, opcode: u8, number: u32, nbytes: usize) {
        self.opcode(opcode);
        self.frame.extend(&number.to_le_bytes()[..nbytes]);
    }

    /// `PERSID`: an id of one line.
    pub(crate) fn persistent_line(&mut self, id: &str) {
        self.line(op::PERSID, id);
    }

    /// `INST`: a module and a name, of one line each.
    pub(crate) fn instance_lines(&mut self, class: &str) {
        self.line(op::INST, class);
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

    /// An empty list, not numbered yet.
    pub(crate) fn begin_list(&mut self) -> io::Result<()> {
        self.boundary()?;
        match self.protocol {
            0 => self.frame.extend([op::MARK, op::LIST]),
            _ => self.opcode(op::EMPTY_LIST),
        }
        Ok(())
    }

    /// An empty dict, to be filled by [`Self::begin_item`] and [`Self::end_item`].
    pub(crate) fn begin_dict(&mut self) -> io::Result<u32> {
        self.boundary()?;
        match self.protocol {
            0 => self.frame.extend([op::MARK, op::DICT]),
            _ => self.opcode(op::EMPTY_DICT),
        }
        Ok(self.put())
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
}
