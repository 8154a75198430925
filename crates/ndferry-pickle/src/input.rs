//! [`ReadAt`]: where a pickle is; [`Cursor`]: the bytes of it one after another, large ones only stepped over.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::text::TextScan;
use crate::{ErrorKind, Inflow, Result};

/// Bytes at an offset: what a pickle is read from.
pub trait ReadAt: Send + Sync {
    /// Fills `buf` from `offset` on; fewer bytes only at the end.
    ///
    /// # Errors
    /// From the system.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Bytes altogether.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These bytes, if they are in memory already.
    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let _ = range;
        None
    }

    /// The same, if its bytes come only once.
    #[doc(hidden)]
    fn inflow(&self) -> Option<&Inflow> {
        None
    }
}

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(start..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn len(&self) -> u64 {
        Bytes::len(self) as u64
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        (range.start <= range.end && range.end <= Bytes::len(self)).then(|| self.slice(range))
    }
}

/// Bytes read at once.
const STEP_NBYTES: u64 = 64 << 10;

/// The same of what comes only once, since large strings are read beside this.
const INFLOW_STEP_NBYTES: u64 = 8 << 10;

/// Walks over an input. Every length is compared with what is left before anything is read or allocated.
pub(crate) struct Cursor {
    input: Arc<dyn ReadAt>,
    nbytes: u64,
    window: Bytes,
    /// Offset of the window's first byte.
    start: u64,
    /// Where in the window we are.
    at: usize,
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor at byte {} of {}", self.offset(), self.nbytes)
    }
}

impl Cursor {
    pub(crate) fn new(input: Arc<dyn ReadAt>, offset: u64) -> Self {
        let nbytes = input.len();
        let whole = input.shared(offset.min(nbytes)..nbytes);
        Self {
            input,
            nbytes,
            window: whole.unwrap_or_default(),
            start: offset,
            at: 0,
        }
    }

    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.start + self.at as u64
    }

    pub(crate) fn left(&self) -> u64 {
        self.nbytes.saturating_sub(self.offset())
    }

    /// The bytes from here on that are in memory already.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.window[self.at..]
    }

    /// Goes on behind so many of [`Self::rest`].
    #[inline]
    pub(crate) fn step_over(&mut self, nbytes: usize) {
        self.at += nbytes;
    }

    /// The next `n` bytes; `n` is small or already known to be there.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> Result<&[u8]> {
        if self.window.len() - self.at < n {
            self.fill(n)?;
        }
        let bytes = &self.window[self.at..self.at + n];
        self.at += n;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8> {
        match self.window.get(self.at) {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => Ok(self.array::<1>()?[0]),
        }
    }

    /// That so many bytes are left.
    pub(crate) fn check(&self, needed: u64) -> Result<()> {
        let found = self.left();
        if needed > found {
            return Err(ErrorKind::Truncated { needed, found }.at(self.offset()));
        }
        Ok(())
    }

    /// Steps over bytes, which can be read later.
    pub(crate) fn skip(&mut self, nbytes: u64) -> Result<()> {
        self.check(nbytes)?;
        if let Some(inflow) = self.input.inflow() {
            let (offset, ready) = (self.offset(), self.ready(nbytes));
            inflow
                .keep(offset, nbytes, ready)
                .map_err(|error| ErrorKind::Io(error).at(offset))?;
        }
        self.pass(nbytes);
        Ok(())
    }

    /// Those of the next bytes that are in the window.
    fn ready(&self, nbytes: u64) -> &[u8] {
        let rest = self.rest();
        &rest[..rest
            .len()
            .min(usize::try_from(nbytes).unwrap_or(usize::MAX))]
    }

    /// Goes on behind so many bytes.
    fn pass(&mut self, nbytes: u64) {
        let in_window = (self.window.len() - self.at) as u64;
        if nbytes <= in_window {
            self.at += nbytes as usize;
        } else {
            self.start = self.offset() + nbytes;
            self.window = Bytes::new();
            self.at = 0;
        }
    }

    /// A line without its newline (and without the carriage return that a file in text mode puts before it).
    pub(crate) fn line(&mut self, what: &'static str, limit: usize) -> Result<&[u8]> {
        let mut searched = 0;
        let len = loop {
            let rest = &self.window[self.at..];
            let within = &rest[..rest.len().min(limit.saturating_add(1))];
            if let Some(n) = within[searched..].iter().position(|byte| *byte == b'\n') {
                break searched + n;
            }
            searched = within.len();
            if searched > limit {
                let (found, limit) = (searched as u64, limit as u64);
                return Err(ErrorKind::Limit { what, found, limit }.at(self.offset()));
            }
            let more = self.left() - searched as u64;
            if more == 0 {
                let (needed, found) = (searched as u64 + 1, searched as u64);
                return Err(ErrorKind::Truncated { needed, found }.at(self.offset()));
            }
            // Twice as much each time, so that a long line is not copied again and again.
            self.fill(searched + more.min((searched as u64).max(STEP_NBYTES)) as usize)?;
        };
        let line = &self.window[self.at..self.at + len];
        self.at += len + 1;
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Steps over text and says what is in it.
    pub(crate) fn scan_text(&mut self, nbytes: u64) -> Result<TextScan> {
        self.check(nbytes)?;
        if let Some(inflow) = self.input.inflow() {
            let scan = inflow.keep_text(self.offset(), nbytes, self.ready(nbytes))?;
            self.pass(nbytes);
            return Ok(scan);
        }
        let mut scan = TextScan::default();
        let mut left = nbytes;
        while left > 0 {
            if (self.window.len() - self.at) < left.min(4) as usize {
                self.fill(left.min(STEP_NBYTES) as usize)?;
            }
            let n = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.window.len() - self.at);
            let part = &self.window[self.at..self.at + n];
            let is_last = n as u64 == left;
            let used = scan.feed(part, is_last).map_err(|at| {
                ErrorKind::Text { expected: "UTF-8" }.at(self.offset() + at as u64)
            })?;
            self.at += used;
            left -= used as u64;
        }
        Ok(scan)
    }

    /// Makes the window hold at least `n` bytes from here on.
    fn fill(&mut self, n: usize) -> Result<()> {
        self.check(n as u64)?;
        let offset = self.offset();
        let step = match self.input.inflow() {
            Some(_) => INFLOW_STEP_NBYTES,
            None => STEP_NBYTES,
        };
        let nbytes = (n as u64).max(step).min(self.left()) as usize;
        let mut buf = vec![0; nbytes];
        let ready = self.ready(nbytes as u64);
        let mut filled = ready.len();
        buf[..filled].copy_from_slice(ready);
        while filled < nbytes {
            let more = self
                .input
                .read_at(&mut buf[filled..], offset + filled as u64)
                .map_err(|error| ErrorKind::Io(error).at(offset))?;
            if more == 0 {
                return Err(ErrorKind::Truncated {
                    needed: nbytes as u64,
                    found: filled as u64,
                }
                .at(offset));
            }
            filled += more;
        }
        self.window = Bytes::from(buf);
        self.start = offset;
        self.at = 0;
        Ok(())
    }
}
