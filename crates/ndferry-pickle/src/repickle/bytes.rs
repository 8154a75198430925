//! [`Bytes`]: the pickle that is read, one argument after another.

use std::sync::Arc;

use crate::{ErrorKind, ReadAt, Result};

/// Bytes held at a time.
const WINDOW_NBYTES: usize = 256 << 10;

/// Walks over an input through a window. Lengths are compared with what is left before anything is read.
pub(super) struct Bytes {
    input: Arc<dyn ReadAt>,
    end: u64,
    window: Vec<u8>,
    /// Offset of the window's first byte.
    start: u64,
    at: usize,
}

impl Bytes {
    pub(super) fn new(input: Arc<dyn ReadAt>, offset: u64) -> Self {
        Self {
            end: input.len(),
            input,
            window: Vec::new(),
            start: offset,
            at: 0,
        }
    }

    /// The same input from where this one is.
    pub(super) fn again(&self) -> Self {
        Self::new(Arc::clone(&self.input), self.offset())
    }

    pub(super) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.offset())
    }

    pub(super) fn check(&self, needed: u64) -> Result<()> {
        let found = self.left();
        if needed > found {
            return Err(ErrorKind::Truncated { needed, found }.at(self.offset()));
        }
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// The next bytes, at most as many as the window has.
    pub(super) fn take(&mut self, n: usize) -> Result<&[u8]> {
        if self.window.len() - self.at < n {
            self.check(n as u64)?;
            self.fill()?;
            if self.window.len() < n {
                // The input has become shorter.
                let (needed, found) = (n as u64, self.window.len() as u64);
                return Err(ErrorKind::Truncated { needed, found }.at(self.start));
            }
        }
        let bytes = &self.window[self.at..self.at + n];
        self.at += n;
        Ok(bytes)
    }

    /// Some of the next bytes, at most `most` of them; none only at the end.
    pub(super) fn some(&mut self, most: u64) -> Result<&[u8]> {
        if self.at == self.window.len() && self.left() > 0 {
            self.fill()?;
        }
        let n = (self.window.len() - self.at).min(usize::try_from(most).unwrap_or(usize::MAX));
        let bytes = &self.window[self.at..self.at + n];
        self.at += n;
        Ok(bytes)
    }

    /// Steps over bytes without reading them.
    pub(super) fn skip(&mut self, nbytes: u64) -> Result<()> {
        self.check(nbytes)?;
        let here = (self.window.len() - self.at) as u64;
        if nbytes <= here {
            self.at += nbytes as usize;
        } else {
            self.start = self.offset() + nbytes;
            self.window.clear();
            self.at = 0;
        }
        Ok(())
    }

    /// A line with its newline, of at most `limit` bytes.
    pub(super) fn line(&mut self, what: &'static str, limit: usize) -> Result<Vec<u8>> {
        let offset = self.offset();
        let mut line = Vec::new();
        loop {
            let byte = self.byte()?;
            line.push(byte);
            if byte == b'\n' {
                return Ok(line);
            }
            if line.len() > limit {
                let (found, limit) = (line.len() as u64, limit as u64);
                return Err(ErrorKind::Limit { what, found, limit }.at(offset));
            }
        }
    }

    /// The next part of a line, and whether its newline is the last byte of it.
    pub(super) fn line_part(&mut self) -> Result<(&[u8], bool)> {
        if self.at == self.window.len() {
            self.check(1)?;
            self.fill()?;
        }
        let rest = &self.window[self.at..];
        let newline = rest.iter().position(|byte| *byte == b'\n');
        let n = newline.map_or(rest.len(), |at| at + 1);
        self.at += n;
        Ok((&self.window[self.at - n..self.at], newline.is_some()))
    }

    /// Makes the window begin here.
    fn fill(&mut self) -> Result<()> {
        let offset = self.offset();
        self.window.drain(..self.at);
        self.start = offset;
        self.at = 0;
        let mut filled = self.window.len();
        let wanted = (WINDOW_NBYTES as u64).min(self.end.saturating_sub(offset)) as usize;
        self.window.resize(wanted.max(filled), 0);
        while filled < self.window.len() {
            let more = self
                .input
                .read_at(&mut self.window[filled..], offset + filled as u64)
                .map_err(|error| ErrorKind::Io(error).at(offset))?;
            if more == 0 {
                break;
            }
            filled += more;
        }
        self.window.truncate(filled);
        if filled == 0 {
            let (needed, found) = (1, 0);
            return Err(ErrorKind::Truncated { needed, found }.at(offset));
        }
        Ok(())
    }
}
