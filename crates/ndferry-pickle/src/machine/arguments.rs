//! The parts of [`Machine`] that read arguments, and its stack.

use super::*;

impl Machine {
    #[cold]
    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        kind.at(self.offset)
    }

    pub(super) fn kind_error(&self, expected: &'static str, id: Id) -> Error {
        let found = self.tree.get(id).type_name();
        self.error(ErrorKind::Kind { expected, found })
    }

    #[inline]
    pub(super) fn push(&mut self, id: Id) -> Result<()> {
        // Only behind a mark may many values wait for what takes them.
        let is_deep = self.marks.is_empty() && self.stack.len() >= self.limits.depth;
        if is_deep || self.pushed >= self.limits.values {
            return Err(self.too_many());
        }
        self.pushed += 1;
        self.stack.push(id);
        Ok(())
    }

    #[cold]
    fn too_many(&self) -> Error {
        let limit = self.limits.values;
        if self.pushed < limit {
            return self.too_deep(self.stack.len());
        }
        self.error(ErrorKind::Limit {
            what: "values in a pickle",
            found: self.pushed as u64 + 1,
            limit: limit as u64,
        })
    }

    #[cold]
    pub(super) fn too_deep(&self, depth: usize) -> Error {
        self.error(ErrorKind::Limit {
            what: "depth of a pickle's stack",
            found: depth as u64 + 1,
            limit: self.limits.depth as u64,
        })
    }

    /// That one more value may be remembered.
    #[inline]
    pub(super) fn check_memo(&self) -> Result<()> {
        if self.memo.len() < self.limits.memo as u64 {
            return Ok(());
        }
        Err(self.memo_full())
    }

    #[cold]
    fn memo_full(&self) -> Error {
        self.error(ErrorKind::Limit {
            what: "values that a pickle remembers",
            found: self.memo.len() + 1,
            limit: self.limits.memo as u64,
        })
    }

    #[inline]
    pub(super) fn push_node(&mut self, node: impl Into<Packed>) -> Result<()> {
        let id = self.new_node(node)?;
        self.push(id)
    }

    #[inline]
    pub(super) fn new_node(&mut self, node: impl Into<Packed>) -> Result<Id> {
        let id = self.tree.nodes.len() as u32;
        if id == Id::NOTHING.0 {
            return Err(self.no_more_ids());
        }
        self.tree.nodes.push(node.into());
        Ok(Id(id))
    }

    #[cold]
    fn no_more_ids(&self) -> Error {
        self.error(ErrorKind::Limit {
            what: "values in a pickle",
            found: self.tree.nodes.len() as u64,
            limit: u64::from(u32::MAX),
        })
    }

    /// Makes room for as many values as a pickle of this length usually has, so that tables need not be moved while
    /// they grow. Memory that is not written to costs nothing.
    pub(super) fn reserve(&mut self) {
        let left = self.cursor.left().min(16 << 20) as usize;
        self.tree.nodes.reserve(left / 8);
        self.tree.children.reserve(left / 8);
        self.tree.dicts.reserve(left / 16);
        self.tree.calls.reserve(left / 64);
        self.memo.reserve(left / 8);
    }

    pub(super) fn push_int(&mut self, value: i64) -> Result<()> {
        match u32::try_from(value) {
            Ok(value) if value < SHARED_INTS => self.push(Id(ZERO + value)),
            _ if Node::INTS.contains(&value) => self.push_node(Node::Int(value)),
            _ => {
                let i = self.tree.wide_ints.len() as u32;
                self.tree.wide_ints.push(value);
                self.push_node(Node::WideInt(i))
            }
        }
    }

    #[inline]
    pub(super) fn push_float(&mut self, value: f64) -> Result<()> {
        if let Some(packed) = Packed::float(value) {
            return self.push_node(packed);
        }
        let i = self.tree.odd_floats.len() as u32;
        self.tree.odd_floats.push(value);
        self.push_node(Node::OddFloat(i))
    }

    pub(super) fn push_blob(&mut self, blob: Blob, kind: Text) -> Result<()> {
        let node = self.tree.string(blob, kind);
        self.push_node(node)
    }

    /// Where the topmost `len` values begin; those below the last mark are out of reach.
    #[inline]
    pub(super) fn below(&self, len: usize) -> Result<usize> {
        let fence = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(len) {
            Some(start) if start >= fence => Ok(start),
            _ => Err(self.error(ErrorKind::StackEmpty)),
        }
    }

    #[inline]
    pub(super) fn top(&self) -> Result<Id> {
        let at = self.below(1)?;
        Ok(self.stack[at])
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Where the values after the last mark begin.
    #[inline]
    pub(super) fn pop_mark(&mut self) -> Result<usize> {
        self.marks
            .pop()
            .ok_or_else(|| self.error(ErrorKind::NoMark))
    }

    pub(super) fn memo_id(&mut self, opcode: u8) -> Result<u64> {
        Ok(match opcode {
            op::BINPUT | op::BINGET => u64::from(self.cursor.byte()?),
            op::LONG_BINPUT | op::LONG_BINGET => {
                u64::from(u32::from_le_bytes(self.cursor.array()?))
            }
            _ => {
                let line = self.cursor.line("digits of a memo number", 64)?;
                let text = std::str::from_utf8(line).unwrap_or_default().trim();
                match text.parse::<u64>() {
                    Ok(id) => id,
                    Err(_) => {
                        let expected = "a memo number";
                        return Err(self.error(ErrorKind::Text { expected }));
                    }
                }
            }
        })
    }

    /// The length that an opcode of strings begins with.
    pub(super) fn length(&mut self, opcode: u8) -> Result<u64> {
        Ok(match opcode {
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
                u64::from(self.cursor.byte()?)
            }
            op::BINUNICODE | op::BINBYTES => u64::from(u32::from_le_bytes(self.cursor.array()?)),
            _ => u64::from_le_bytes(self.cursor.array()?),
        })
    }

    pub(super) fn signed_length(&mut self) -> Result<u64> {
        let nbytes = i32::from_le_bytes(self.cursor.array()?);
        u64::try_from(nbytes).map_err(|_| {
            let expected = "a length";
            self.error(ErrorKind::Text { expected })
        })
    }

    pub(super) fn bytes(&mut self, nbytes: u64) -> Result<Blob> {
        self.cursor.check(nbytes)?;
        let offset = self.cursor.offset();
        if self.tree.whole.is_none() && nbytes <= POOLED_NBYTES {
            let place = Place::Pool(self.tree.pool.len() as u64);
            let bytes = self.cursor.take(nbytes as usize)?;
            self.tree.pool.extend_from_slice(bytes);
            return Ok(Blob::plain(place, nbytes));
        }
        self.cursor.skip(nbytes)?;
        Ok(Blob::plain(Place::Input(offset), nbytes))
    }

    pub(super) fn text(&mut self, nbytes: u64) -> Result<Blob> {
        self.cursor.check(nbytes)?;
        if self.tree.whole.is_none() && nbytes <= POOLED_NBYTES {
            let offset = self.cursor.offset();
            let blob = self.bytes(nbytes)?;
            let bytes = &self.tree.pool[self.tree.pool.len() - nbytes as usize..];
            let mut scan = TextScan::default();
            let wrong = |at: usize| ErrorKind::Text { expected: "UTF-8" }.at(offset + at as u64);
            scan.feed(bytes, true).map_err(wrong)?;
            return Ok(with_scan(blob, scan));
        }
        let place = Place::Input(self.cursor.offset());
        let scan = self.cursor.scan_text(nbytes)?;
        Ok(with_scan(Blob::plain(place, nbytes), scan))
    }

    pub(super) fn pooled(&mut self, bytes: &[u8]) -> Blob {
        let place = Place::Pool(self.tree.pool.len() as u64);
        self.tree.pool.extend_from_slice(bytes);
        Blob::plain(place, bytes.len() as u64)
    }

    pub(super) fn text_line(&mut self) -> Result<()> {
        let line = self.cursor.line("bytes of a line", usize::MAX)?;
        let start = self.tree.pool.len();
        let done = raw_unicode_escape(line, &mut self.tree.pool);
        if done.is_none() {
            let expected = "raw-unicode-escape text";
            return Err(self.error(ErrorKind::Text { expected }));
        }
        let mut scan = TextScan::default();
        // A pair of escaped surrogates stays a pair, as in Python.
        if let Err(at) = scan.feed(&self.tree.pool[start..], true) {
            return Err(ErrorKind::Text { expected: "text" }.at(self.offset + at as u64));
        }
        let nbytes = self.tree.pool.len() - start;
        let blob = Blob::plain(Place::Pool(start as u64), nbytes as u64);
        self.push_blob(with_scan(blob, scan), Text::Str)
    }

    pub(super) fn string_line(&mut self) -> Result<()> {
        let line = self.cursor.line("bytes of a line", usize::MAX)?;
        let start = self.tree.pool.len();
        if unquote(line, &mut self.tree.pool).is_none() {
            let expected = "a string literal";
            return Err(self.error(ErrorKind::Text { expected }));
        }
        let nbytes = self.tree.pool.len() - start;
        let blob = Blob::plain(Place::Pool(start as u64), nbytes as u64);
        self.push_blob(blob, Text::Py2Str)
    }

    /// `INT` and `LONG`: decimal digits; `00` and `01` are False and True, a final `L` is Python 2's.
    pub(super) fn int_line(&mut self, opcode: u8) -> Result<()> {
        let line = self.cursor.line("digits of an int", self.limits.digits)?;
        match (opcode, line) {
            (op::INT, b"00") => return self.push(FALSE),
            (op::INT, b"01") => return self.push(TRUE),
            _ => {}
        }
        let text = std::str::from_utf8(line).unwrap_or_default().trim();
        let digits = text.strip_suffix('L').unwrap_or(text);
        let expected = "a decimal number";
        // CPython takes these for octal ones, or for none: `I010` is 8.
        let magnitude = digits.trim_start_matches(['+', '-']);
        if magnitude.starts_with('0') && magnitude.bytes().any(|digit| digit != b'0') {
            return Err(self.error(ErrorKind::Text { expected }));
        }
        if let Ok(value) = digits.parse::<i64>() {
            return self.push_int(value);
        }
        match digits.parse::<BigInt>() {
            Ok(value) => match i64::try_from(&value) {
                Ok(value) => self.push_int(value),
                Err(_) => self.push_bigint(value),
            },
            Err(_) => Err(self.error(ErrorKind::Text { expected })),
        }
    }

    /// Little-endian two's complement.
    pub(super) fn long(&mut self, nbytes: u64) -> Result<()> {
        self.cursor.check(nbytes)?;
        let bytes = self.cursor.take(nbytes as usize)?;
        if bytes.len() <= 8 {
            let sign = bytes.last().is_some_and(|last| *last >= 0x80);
            let mut wide = [if sign { 0xff } else { 0 }; 8];
            wide[..bytes.len()].copy_from_slice(bytes);
            return self.push_int(i64::from_le_bytes(wide));
        }
        let value = BigInt::from_signed_bytes_le(bytes);
        match i64::try_from(&value) {
            Ok(value) => self.push_int(value),
            Err(_) => self.push_bigint(value),
        }
    }

    fn push_bigint(&mut self, value: BigInt) -> Result<()> {
        let i = self.tree.ints.len() as u32;
        self.tree.ints.push(value);
        self.push_node(Node::BigInt(i))
    }
}

pub(super) fn with_scan(blob: Blob, scan: TextScan) -> Blob {
    Blob {
        nchars: scan.nchars,
        width: scan.width,
        ..blob
    }
}

/// What Python's `float()` takes, apart from underscores.
pub(super) fn parse_float(line: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(line).ok()?.trim();
    text.parse().ok()
}
