//! Reading fields without forgetting where they were.

use crate::{Error, ErrorKind, What};

/// What is left of a body, and where it stands in the message.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    offset: u64,
    what: What,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], offset: u64, what: What) -> Self {
        Self {
            rest: bytes,
            offset,
            what,
        }
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| {
            let (needed, found) = (n as u64, self.rest.len() as u64);
            ErrorKind::Truncated {
                what: self.what,
                needed,
                found,
            }
            .at(self.offset)
        })?;
        self.rest = rest;
        self.offset += n as u64;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        // `take` gives exactly N bytes.
        self.take(N).map(|bytes| bytes.try_into().unwrap_or([0; N]))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// `n` numbers, after looking whether they can be there.
    pub(crate) fn u64s(&mut self, n: usize) -> Result<Vec<u64>, Error> {
        let bytes = self.take(n.saturating_mul(8))?;
        Ok(bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|chunk| u64::from_le_bytes(*chunk))
            .collect())
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// An error here.
    pub(crate) fn wrong(&self, problem: &'static str) -> Error {
        ErrorKind::Body {
            what: self.what,
            problem,
        }
        .at(self.offset)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.wrong("bytes after the last field"))
    }
}
