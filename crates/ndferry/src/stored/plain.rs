//! [`Plain`]: elements that lie in a file as they are: NPY, and stored members of an NPZ.

use std::io::{self, Read};

use bytes::Bytes;
use ndferry_array::Selection;

use crate::input::Input;
use crate::lazy::Stored;
use crate::units::Units;
use crate::{ErrorKind, Interrupt, Result};

/// Units closer than this are read together: the system reads whole pages anyway.
const GAP_NBYTES: u64 = 4096;

/// At most this much is read at once where units are gathered.
const SPAN_NBYTES: u64 = 1 << 20;

/// Units of at least this length are read straight into place.
const DIRECT_NBYTES: u64 = 32 << 10;

/// Elements from one byte of a file on, without gaps.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) input: Input,
    /// Byte of the first element.
    pub(crate) offset: u64,
    /// Bytes of all elements.
    pub(crate) nbytes: u64,
    pub(crate) interrupt: Interrupt,
}

impl Stored for Plain {
    fn read(&self, _: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        if units.nbytes >= DIRECT_NBYTES || units.count == 1 {
            let nbytes = units.nbytes as usize;
            for (offset, unit) in units.offsets().zip(out.chunks_mut(nbytes.max(1))) {
                self.read_in_steps(unit, self.offset + offset)?;
            }
            return Ok(());
        }
        let mut span = Vec::new();
        // Offsets within the span of the units that it holds; all have the same length.
        let mut starts: Vec<usize> = Vec::new();
        let mut span_start = 0;
        let mut filled = 0;
        let mut offsets = units.offsets().peekable();
        while let Some(offset) = offsets.next() {
            if starts.is_empty() {
                span_start = offset;
            }
            starts.push((offset - span_start) as usize);
            let end = offset + units.nbytes;
            let goes_on = offsets.peek().is_some_and(|next| {
                next - end <= GAP_NBYTES && next + units.nbytes - span_start <= SPAN_NBYTES
            });
            if goes_on {
                continue;
            }
            self.interrupt.check()?;
            span.resize((end - span_start) as usize, 0);
            self.input
                .read_exact_at(&mut span, self.offset + span_start)?;
            for start in starts.drain(..) {
                let nbytes = units.nbytes as usize;
                out[filled..filled + nbytes].copy_from_slice(&span[start..start + nbytes]);
                filled += nbytes;
            }
        }
        Ok(())
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        self.check_nbytes(self.nbytes)?;
        Ok(Box::new(PlainReader { plain: self, at: 0 }))
    }

    fn shared(&self, start: u64, nbytes: u64) -> Option<Bytes> {
        self.input.shared(self.offset + start, nbytes)
    }

    fn check_nbytes(&self, nbytes: u64) -> Result<()> {
        let found = self.input.nbytes().saturating_sub(self.offset);
        if found < nbytes {
            return Err(ErrorKind::Truncated {
                needed: nbytes,
                found,
            }
            .at(self.offset));
        }
        Ok(())
    }
}

impl Plain {
    /// In steps that let an interrupt through.
    fn read_in_steps(&self, out: &mut [u8], offset: u64) -> Result<()> {
        let mut at = offset;
        for part in out.chunks_mut(64 << 20) {
            self.interrupt.check()?;
            self.input.read_exact_at(part, at)?;
            at += part.len() as u64;
        }
        Ok(())
    }
}

struct PlainReader<'a> {
    plain: &'a Plain,
    at: u64,
}

impl Read for PlainReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.plain.nbytes - self.at;
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let plain = self.plain;
        let step = |out: &mut [u8], at| {
            plain.interrupt.check()?;
            plain.input.read_exact_at(out, plain.offset + at)
        };
        step(&mut out[..n], self.at).map_err(crate::error::to_io)?;
        self.at += n as u64;
        Ok(n)
    }
}
