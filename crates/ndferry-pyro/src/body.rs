//! [`Body`]: the data of a message that goes out: large parts of it shared, or spelled while it goes.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;

/// From this size on, bytes are sent from where they lie.
const SHARED_NBYTES: usize = 16 << 10;

/// Bytes to be sent one after another.
#[derive(Clone, Debug)]
pub struct Body {
    parts: Parts,
    nbytes: u64,
}

#[derive(Clone)]
enum Parts {
    /// They lie where they are.
    Shared(Vec<Bytes>),
    /// Whoever wants them gets them spelled.
    Spelled(Arc<Spell>),
}

/// Writes the same bytes each time.
type Spell = dyn Fn(&mut dyn Write) -> io::Result<()> + Send + Sync;

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared(parts) => write!(f, "{} parts", parts.len()),
            Self::Spelled(_) => f.write_str("spelled"),
        }
    }
}

impl Default for Body {
    /// Empty.
    fn default() -> Self {
        Self {
            parts: Parts::Shared(Vec::new()),
            nbytes: 0,
        }
    }
}

impl Body {
    /// What is written anew each time it is wanted, since it is large and nowhere as it goes: so many bytes.
    pub(crate) fn spelled(
        nbytes: u64,
        spell: impl Fn(&mut dyn Write) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let parts = Parts::Spelled(Arc::new(spell));
        Self { parts, nbytes }
    }

    /// How many bytes there are.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// The parts, if they lie somewhere.
    pub fn shared(&self) -> Option<&[Bytes]> {
        match &self.parts {
            Parts::Shared(parts) => Some(parts),
            Parts::Spelled(_) => None,
        }
    }

    /// Gives all bytes to a function, some at a time.
    ///
    /// # Errors
    /// Those of the function.
    pub fn each(&self, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match &self.parts {
            Parts::Shared(parts) => parts.iter().try_for_each(|part| each(part)),
            Parts::Spelled(spell) => spell(&mut Each(each)),
        }
    }

    /// All parts joined.
    pub fn to_bytes(&self) -> Bytes {
        if let Some([part]) = self.shared() {
            return part.clone();
        }
        let mut all = Vec::new();
        // Into memory; what can be wrong with the values was found out when they were counted.
        let _ = self.each(&mut |part| {
            all.extend_from_slice(part);
            Ok(())
        });
        all.into()
    }
}

/// A function as a writer.
struct Each<'a>(&'a mut dyn FnMut(&[u8]) -> io::Result<()>);

impl Write for Each<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0(buf)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Bytes> for Body {
    fn from(part: Bytes) -> Self {
        let nbytes = part.len() as u64;
        Self {
            parts: Parts::Shared(vec![part]),
            nbytes,
        }
    }
}

/// Gathers a [`Body`]. What is written is copied, unless it lies in an array.
#[derive(Debug, Default)]
pub struct BodyWriter {
    parts: Vec<Bytes>,
    nbytes: u64,
    open: Vec<u8>,
    lent: Vec<Bytes>,
}

impl BodyWriter {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes were written.
    pub(crate) fn nbytes(&self) -> u64 {
        self.nbytes + self.open.len() as u64
    }

    /// Copies a few bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
    }

    /// Bytes that are shared if they are many.
    pub fn share(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_NBYTES {
            self.push(&bytes);
            return;
        }
        self.close();
        self.nbytes += bytes.len() as u64;
        self.parts.push(bytes);
    }

    /// Says that parts of these bytes may be written, which are then shared.
    pub(crate) fn lend(&mut self, bytes: Bytes) {
        if bytes.len() >= SHARED_NBYTES {
            self.lent.push(bytes);
        }
    }

    /// How many bytes were lent.
    pub(crate) fn lent_nbytes(&self) -> u64 {
        self.lent.iter().map(|lent| lent.len() as u64).sum()
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.nbytes += self.open.len() as u64;
            self.parts.push(std::mem::take(&mut self.open).into());
        }
    }

    /// All that was written.
    pub fn finish(mut self) -> Body {
        self.close();
        Body {
            parts: Parts::Shared(self.parts),
            nbytes: self.nbytes,
        }
    }

    /// Shares the part of what was lent; with the part before it, if that ends where it begins.
    fn share_of(&mut self, lent: usize, buf: &[u8]) {
        let lent = &self.lent[lent];
        let mut part = lent.slice_ref(buf);
        if self.open.is_empty()
            && let Some(last) = self.parts.last()
            && holds(lent, last)
            && last.as_ptr_range().end == part.as_ptr()
        {
            let start = last.as_ptr() as usize - lent.as_ptr() as usize;
            self.nbytes -= last.len() as u64;
            part = lent.slice(start..start + last.len() + part.len());
            self.parts.pop();
        }
        self.share(part);
    }
}

impl Write for BodyWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let shared = match buf.len() >= SHARED_NBYTES {
            true => self.lent.iter().position(|lent| holds(lent, buf)),
            false => None,
        };
        match shared {
            Some(lent) => self.share_of(lent, buf),
            None => self.push(buf),
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the one lies in the other.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_bytes_are_shared_and_others_copied() {
        let large = Bytes::from(vec![7; SHARED_NBYTES + 5]);
        let mut writer = BodyWriter::new();
        writer.lend(large.clone());
        writer.write_all(b"head").unwrap();
        writer.write_all(&large[5..]).unwrap();
        writer.write_all(&vec![7; SHARED_NBYTES]).unwrap();
        let body = writer.finish();
        assert_eq!(body.nbytes(), 4 + 2 * SHARED_NBYTES as u64);
        let parts = body.shared().unwrap();
        assert_eq!(parts[0], b"head"[..]);
        assert_eq!(parts[1].as_ptr(), large[5..].as_ptr());
        assert_ne!(parts[2].as_ptr(), large.as_ptr());
        assert_eq!(body.to_bytes().len() as u64, body.nbytes());
    }

    #[test]
    fn what_lies_together_is_one_part() {
        let large = Bytes::from(vec![7; 5 * SHARED_NBYTES]);
        let mut writer = BodyWriter::new();
        writer.lend(large.clone());
        writer.write_all(b"head").unwrap();
        for step in [0, 1, 3, 4] {
            let start = step * SHARED_NBYTES;
            let part = &large[start..start + SHARED_NBYTES];
            writer.write_all(part).unwrap();
        }
        let body = writer.finish();
        let parts = body.shared().unwrap();
        let nbytes: Vec<_> = parts.iter().map(Bytes::len).collect();
        assert_eq!(nbytes, [4, 2 * SHARED_NBYTES, 2 * SHARED_NBYTES]);
        assert_eq!(body.nbytes(), 4 + 4 * SHARED_NBYTES as u64);
    }
}
