//! [`ReadAt`]: bytes at an offset.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::{Error, Result};

/// Something that gives bytes at any offset, to several threads at once.
pub trait ReadAt: Send + Sync {
    /// Reads at most `buf.len()` bytes from `offset`; 0 at the end. May read fewer.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are now.
    ///
    /// # Errors
    /// What the system says.
    fn nbytes(&self) -> io::Result<u64>;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// [`Error::TooShort`] if the input ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match self.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => {
                    let (end, needed) = (offset + done as u64, offset + buf.len() as u64);
                    return Err(Error::TooShort { end, needed });
                }
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        // Moves the file's own position, which nobody here uses.
        match std::os::windows::fs::FileExt::seek_read(self, buf, offset) {
            // ERROR_HANDLE_EOF
            Err(error) if error.raw_os_error() == Some(38) => Ok(0),
            other => other,
        }
    }

    fn nbytes(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..));
        let rest = rest.unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn nbytes(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl<R: ReadAt + ?Sized> ReadAt for Arc<R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn nbytes(&self) -> io::Result<u64> {
        (**self).nbytes()
    }
}

/// Counts the bytes that are read through it.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    touched: AtomicU64,
}

impl<R: ReadAt> Counted<R> {
    /// Counts from 0.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            touched: AtomicU64::new(0),
        }
    }

    /// Bytes that were read so far, those read twice counted twice.
    pub fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// What it counts for.
    pub fn inner(&self) -> &R {
        &self.inner
    }
}

impl<R: ReadAt> ReadAt for Counted<R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = self.inner.read_at(buf, offset)?;
        self.touched.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn nbytes(&self) -> io::Result<u64> {
        self.inner.nbytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn files_and_memory_read_alike_and_are_counted() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let memory = Bytes::from_static(b"0123456789");
        for source in [Arc::new(file) as Arc<dyn ReadAt>, Arc::new(memory)] {
            let counted = Counted::new(source);
            let mut buf = [0; 4];
            counted.read_exact_at(&mut buf, 3).unwrap();
            assert_eq!(
                (&buf, counted.touched(), counted.nbytes().unwrap()),
                (b"3456", 4, 10)
            );
            let error = counted.read_exact_at(&mut buf, 8).unwrap_err();
            assert!(matches!(
                error,
                Error::TooShort {
                    end: 10,
                    needed: 12
                }
            ));
            assert_eq!(counted.read_at(&mut buf, u64::MAX / 2).unwrap_or(0), 0);
        }
    }
}
