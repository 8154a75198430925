//! Strings and the bytes of arrays, copied from where they lie.

use std::io::{BufRead, Read};

use super::*;
use crate::write::count_wide;

/// Bytes read from a file at a time.
const STEP_NBYTES: u64 = 256 << 10;

impl<'t, W: Write> Writing<'_, 't, W> {
    /// A `str`; or a Python 2 `str` that is ASCII, as text.
    pub(super) fn text(&mut self, id: Id, blob: Blob) -> Result<()> {
        self.check_nbytes(blob.nbytes(), self.tree.offset_of(id))?;
        let mut from = Reader::new(self.tree, &Payload::of_blob(blob));
        let written = self.emit.text_from(blob.nbytes(), &mut from);
        written.map_err(system)
    }

    /// Python 2's `str`.
    pub(super) fn py2_str(&mut self, id: Id, payload: Payload) -> Result<()> {
        let nbytes = payload.nbytes();
        if i32::try_from(nbytes).is_err() && self.protocol() > 0 {
            let what = format!("a str of Python 2 of {nbytes} bytes");
            return Err(self.unsupported(id, what));
        }
        let mut from = Reader::new(self.tree, &payload);
        let written = self.emit.py2_str(nbytes, &mut from);
        written.map_err(system)
    }

    pub(super) fn py2_text(&mut self, text: &str) -> io::Result<()> {
        self.emit.py2_str(text.len() as u64, &mut text.as_bytes())?;
        self.emit.put();
        Ok(())
    }

    /// `bytes`, in whatever way this protocol spells them.
    pub(super) fn bytes(&mut self, key: (Id, Position), blob: Blob) {
        let payload = Payload::of_blob(blob);
        self.then([Part::Payload(payload), Part::Put(Some(key))]);
    }

    pub(super) fn payload(&mut self, payload: &Payload) -> Result<()> {
        let nbytes = payload.nbytes();
        let offset = payload.offset().unwrap_or(0);
        if self.options.python2 && nbytes > 0 {
            if i32::try_from(nbytes).is_err() && self.protocol() > 0 {
                let what = format!("a str of Python 2 of {nbytes} bytes");
                return Err(ErrorKind::Unsupported { what }.at(offset));
            }
            let mut from = Reader::new(self.tree, payload);
            return self.emit.py2_str(nbytes, &mut from).map_err(system);
        }
        if let (1 | 2, Some(text)) = (self.protocol(), payload.text_nbytes())
            && nbytes > 0
        {
            self.check_nbytes(text, offset)?;
            let mut from = Reader::new(self.tree, &payload.as_text());
            return self.emit.payload_of_text(text, &mut from).map_err(system);
        }
        let wide = match self.protocol() {
            1 | 2 => count_wide(&mut Reader::new(self.tree, payload)).map_err(system)?,
            _ => 0,
        };
        self.check_nbytes(nbytes + wide, offset)?;
        let mut from = Reader::new(self.tree, payload);
        self.emit.payload(nbytes, wide, &mut from).map_err(system)
    }

    /// Lengths have four bytes in protocols 1 to 3.
    pub(super) fn check_nbytes(&self, nbytes: u64, offset: u64) -> Result<()> {
        if matches!(self.protocol(), 1..=3) && u32::try_from(nbytes).is_err() {
            let what = format!("{nbytes} bytes in protocol {}", self.protocol());
            return Err(ErrorKind::Unsupported { what }.at(offset));
        }
        Ok(())
    }

    /// `bytearray`: an opcode, or a call with bytes.
    pub(super) fn bytearray(&mut self, id: Id, blob: Blob) {
        let key = (id, Position::AsIs);
        let payload = Payload::of_blob(blob);
        if self.protocol() >= 5 {
            self.then([Part::Buffer(payload, false), Part::Put(Some(key))]);
            return;
        }
        let mut parts = vec![Part::Global(self.builtins(), "bytearray")];
        if payload.nbytes() == 0 {
            parts.extend([Part::BeginTuple(0), Part::EndTuple(0, None)]);
        } else {
            parts.extend([Part::BeginTuple(1), Part::Payload(payload), Part::Put(None)]);
            parts.push(Part::EndTuple(1, None));
        }
        parts.extend([Part::Op(op::REDUCE), Part::Put(Some(key))]);
        self.then(parts);
    }

    /// An array's bytes in protocol 5, in the pickle.
    pub(super) fn buffer(&mut self, payload: &Payload, is_readonly: bool) -> Result<()> {
        let mut from = Reader::new(self.tree, payload);
        let nbytes = payload.nbytes();
        match is_readonly {
            true => self.emit.payload(nbytes, 0, &mut from),
            false => self.emit.bytearray(nbytes, &mut from),
        }
        .map_err(system)
    }

    /// An array's bytes in protocol 5: taken by the caller, or in the pickle.
    pub(super) fn offered(&mut self, payload: Payload, is_readonly: bool) -> Result<Vec<Part<'t>>> {
        if let Some(take) = self.take_buffer.as_mut()
            && take(payload.bytes(self.tree)?, is_readonly)
        {
            let mut parts = vec![Part::Op(op::NEXT_BUFFER)];
            parts.extend(is_readonly.then_some(Part::Op(op::READONLY_BUFFER)));
            return Ok(parts);
        }
        Ok(vec![Part::Buffer(payload, is_readonly), Part::Put(None)])
    }
}

/// The bytes of a payload, one after another: those in memory as they are, others a little at a time.
struct Reader<'t> {
    tree: &'t Tree,
    blob: Blob,
    /// Whether each character stands for a byte.
    is_latin1: bool,
    /// Where in the blob the next bytes are.
    at: u64,
    ready: Ready<'t>,
    used: usize,
}

/// Bytes to be written, from where they lie if they can be.
enum Ready<'t> {
    Cow(Cow<'t, [u8]>),
    Shared(Bytes),
}

impl std::ops::Deref for Ready<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Cow(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl<'t> Reader<'t> {
    fn new(tree: &'t Tree, payload: &Payload) -> Self {
        let (blob, is_latin1) = payload.parts();
        Self {
            tree,
            blob,
            is_latin1: is_latin1 && !blob.is_ascii(),
            at: 0,
            ready: Ready::Cow(Cow::Borrowed(&[])),
            used: 0,
        }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buf.len());
        buf[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.ready.len() && self.at < self.blob.nbytes() {
            let end = (self.at + STEP_NBYTES).min(self.blob.nbytes());
            self.used = 0;
            if let (Some(part), false) = (
                self.tree.shared_part(&self.blob, self.at..end),
                self.is_latin1,
            ) {
                self.at = end;
                self.ready = Ready::Shared(part);
                return Ok(&self.ready);
            }
            let part = self
                .tree
                .part(&self.blob, self.at..end)
                .map_err(io::Error::other)?;
            if self.is_latin1 {
                let mut bytes = vec![0; part.len()];
                let (read, made) = crate::text::latin1(&part, &mut bytes);
                if read == 0 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                bytes.truncate(made);
                self.at += read as u64;
                self.ready = Ready::Cow(Cow::Owned(bytes));
            } else {
                self.at = end;
                self.ready = Ready::Cow(part);
            }
        }
        Ok(&self.ready[self.used..])
    }

    fn consume(&mut self, n: usize) {
        self.used += n;
    }
}
