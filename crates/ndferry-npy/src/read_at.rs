//! [`ReadAt`]: bytes at an offset, which is all that an archive needs.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Bytes that can be read at any offset, also from several threads at once.
///
/// A file implements it with one positioned read; memory is implemented here.
pub trait ReadAt {
    /// Reads some bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it without a copy, if it is in memory already. The range has been checked against [`Self::len`].
    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let _ = range;
        None
    }

    /// Fills all of `buf` from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are too few bytes, and what the system reports.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut have = 0;
        while have < buf.len() {
            let at = offset.saturating_add(have as u64);
            match self.read_at(&mut buf[have..], at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => have += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let n = buf.len().min(self.len() - start);
        buf[..n].copy_from_slice(&self[start..start + n]);
        Ok(n)
    }

    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
}

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        ReadAt::read_at(&self[..], buf, offset)
    }

    fn len(&self) -> u64 {
        Bytes::len(self) as u64
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let start = usize::try_from(range.start).ok()?;
        let end = usize::try_from(range.end).ok()?;
        (start <= end && end <= Bytes::len(self)).then(|| self.slice(start..end))
    }
}

macro_rules! by_reference {
    ($($pointer:ty),*) => {$(
        impl<T: ReadAt + ?Sized> ReadAt for $pointer {
            fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
                (**self).read_at(buf, offset)
            }

            fn len(&self) -> u64 {
                (**self).len()
            }

            fn shared(&self, range: Range<u64>) -> Option<Bytes> {
                (**self).shared(range)
            }
        }
    )*};
}

by_reference!(&T, Box<T>, Arc<T>);
