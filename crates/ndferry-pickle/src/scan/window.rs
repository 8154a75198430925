//! [`Window`]: the bytes of a pickle one after another, of which only those that are asked for are read.

use std::sync::Arc;

use bytes::Bytes;

use crate::input::ReadAt;
use crate::{ErrorKind, Result};

/// Bytes read at once.
const STEP_NBYTES: usize = 64 << 10;

/// Walks over a part of an input.
pub(super) struct Window {
    input: Arc<dyn ReadAt>,
    /// First byte that is not part of it.
    end: u64,
    bytes: Bytes,
    /// Offset of the first of `bytes`.
    start: u64,
    /// Where in `bytes` we are.
    at: usize,
}

impl Window {
    pub(super) fn new(input: Arc<dyn ReadAt>, start: u64, end: u64) -> Self {
        let end = end.min(input.len());
        let start = start.min(end);
        let whole = input.shared(start..end);
        Self {
            input,
            end,
            bytes: whole.unwrap_or_default(),
            start,
            at: 0,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    pub(super) fn left(&self) -> u64 {
        self.end - self.offset()
    }

    /// The next `n` bytes without going on; fewer only at the end.
    pub(super) fn peek(&mut self, n: usize) -> Result<&[u8]> {
        if self.bytes.len() - self.at < n {
            self.fill(n)?;
        }
        let rest = &self.bytes[self.at..];
        Ok(&rest[..rest.len().min(n)])
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        if let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            return Ok(*byte);
        }
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.peek(N)?;
        let Ok(out) = bytes.try_into() else {
            return Err(self.truncated(N as u64));
        };
        self.at += N;
        Ok(out)
    }

    pub(super) fn skip(&mut self, nbytes: u64) -> Result<()> {
        if nbytes > self.left() {
            return Err(self.truncated(nbytes));
        }
        let in_window = (self.bytes.len() - self.at) as u64;
        if nbytes <= in_window {
            self.at += nbytes as usize;
        } else {
            self.start = self.offset() + nbytes;
            self.bytes = Bytes::new();
            self.at = 0;
        }
        Ok(())
    }

    /// Steps over a line, and gives the bytes of it without its end if they are at most `most`; always its length.
    pub(super) fn line(&mut self, most: usize) -> Result<(Option<&[u8]>, u64)> {
        let near = self.peek(most + 2)?;
        if let Some(n) = near.iter().position(|byte| *byte == b'\n') {
            let line = self.at..self.at + n;
            self.at += n + 1;
            let line = &self.bytes[line];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            return Ok((Some(line), line.len() as u64));
        }
        let mut nbytes = 0;
        loop {
            let part = self.peek(STEP_NBYTES)?;
            if part.is_empty() {
                return Err(self.truncated(1));
            }
            let found = part.iter().position(|byte| *byte == b'\n');
            let n = found.unwrap_or(part.len());
            self.at += n + usize::from(found.is_some());
            nbytes += n as u64;
            if found.is_some() {
                return Ok((None, nbytes));
            }
        }
    }

    fn truncated(&self, needed: u64) -> crate::Error {
        let found = self.left();
        ErrorKind::Truncated { needed, found }.at(self.offset())
    }

    fn fill(&mut self, n: usize) -> Result<()> {
        let offset = self.offset();
        let most = usize::try_from(self.left()).unwrap_or(usize::MAX);
        let nbytes = n.max(STEP_NBYTES).min(most);
        if nbytes <= self.bytes.len() - self.at {
            return Ok(());
        }
        self.bytes = read(&*self.input, offset, nbytes)?;
        self.start = offset;
        self.at = 0;
        Ok(())
    }
}

/// These bytes; fewer if the input has become shorter.
pub(super) fn read(input: &dyn ReadAt, offset: u64, nbytes: usize) -> Result<Bytes> {
    if let Some(shared) = input.shared(offset..offset + nbytes as u64) {
        return Ok(shared);
    }
    let mut buf = vec![0; nbytes];
    let mut filled = 0;
    while filled < nbytes {
        let n = input
            .read_at(&mut buf[filled..], offset + filled as u64)
            .map_err(|error| ErrorKind::Io(error).at(offset))?;
        if n == 0 {
            break;
        }
        filled += n;
    }
    buf.truncate(filled);
    Ok(buf.into())
}
