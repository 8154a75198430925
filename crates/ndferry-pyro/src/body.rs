//! [`Body`]: the data of a message that goes out, large parts of it shared.

use std::io::{self, Write};

use bytes::Bytes;

/// From this size on, bytes are sent from where they lie.
const SHARED_NBYTES: usize = 16 << 10;

/// Bytes in parts, to be sent one after another.
#[derive(Clone, Debug, Default)]
pub struct Body {
    parts: Vec<Bytes>,
    nbytes: u64,
}

impl Body {
    /// How many bytes there are.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// The parts.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(|part| &part[..])
    }

    /// All parts joined.
    pub fn to_bytes(&self) -> Bytes {
        match &self.parts[..] {
            [] => Bytes::new(),
            [part] => part.clone(),
            parts => parts.concat().into(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(part: Bytes) -> Self {
        let nbytes = part.len() as u64;
        Self {
            parts: vec![part],
            nbytes,
        }
    }
}

/// Gathers a [`Body`]. What is written is copied, unless it lies in an array.
#[derive(Debug, Default)]
pub struct BodyWriter {
    body: Body,
    open: Vec<u8>,
    lent: Vec<Bytes>,
}

impl BodyWriter {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
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
        self.body.nbytes += bytes.len() as u64;
        self.body.parts.push(bytes);
    }

    /// Says that parts of these bytes may be written, which are then shared.
    pub(crate) fn lend(&mut self, bytes: Bytes) {
        if bytes.len() >= SHARED_NBYTES {
            self.lent.push(bytes);
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.body.nbytes += self.open.len() as u64;
            self.body.parts.push(std::mem::take(&mut self.open).into());
        }
    }

    /// All that was written.
    pub fn finish(mut self) -> Body {
        self.close();
        self.body
    }
}

impl Write for BodyWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let shared = match buf.len() >= SHARED_NBYTES {
            true => self.lent.iter().find(|lent| holds(lent, buf)),
            false => None,
        };
        match shared {
            Some(lent) => {
                let part = lent.slice_ref(buf);
                self.share(part);
            }
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
        let parts: Vec<_> = body.parts().collect();
        assert_eq!(parts[0], b"head");
        assert_eq!(parts[1].as_ptr(), large[5..].as_ptr());
        assert_ne!(parts[2].as_ptr(), large.as_ptr());
        assert_eq!(body.to_bytes().len() as u64, body.nbytes());
    }
}
