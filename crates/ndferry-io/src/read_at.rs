//! [`ReadAt`]: bytes at an offset.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;
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

    /// A part without a copy, if it is in memory already; `None` also if it is not all there.
    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let _ = range;
        None
    }

    /// Whether each read is a request to somebody far away, so that few large ones are better than many.
    fn is_remote(&self) -> bool {
        false
    }

    /// Says that these parts will be read soon, each as a whole, so that what has to fetch them from afar can fetch
    /// neighbours together.
    fn expect(&self, parts: &[Range<u64>]) {
        let _ = parts;
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// [`Error::TooShort`] if the input ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match self.read_at(&mut buf[done..], offset.saturating_add(done as u64)) {
                Ok(0) => {
                    return Err(Error::TooShort {
                        end: offset.saturating_add(done as u64),
                        needed: offset.saturating_add(buf.len() as u64),
                    });
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
        if offset.saturating_add(buf.len() as u64) > i64::MAX as u64 {
            // The system takes no such offset, and no file is so long.
            return Ok(0);
        }
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
        let metadata = self.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            return Ok(metadata.len());
        }
        // A block device has no length but an end; a pipe has neither, and says so.
        let mut file = self;
        file.seek(SeekFrom::End(0))
    }
}

impl ReadAt for [u8] {
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

impl ReadAt for Bytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self[..].read_at(buf, offset)
    }

    fn nbytes(&self) -> io::Result<u64> {
        self[..].nbytes()
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let start = usize::try_from(range.start).ok()?;
        let end = usize::try_from(range.end).ok()?;
        (start <= end && end <= self.len()).then(|| self.slice(start..end))
    }
}

macro_rules! by_reference {
    ($($pointer:ty),*) => {$(
        impl<R: ReadAt + ?Sized> ReadAt for $pointer {
            fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
                (**self).read_at(buf, offset)
            }

            fn nbytes(&self) -> io::Result<u64> {
                (**self).nbytes()
            }

            fn shared(&self, range: Range<u64>) -> Option<Bytes> {
                (**self).shared(range)
            }

            fn is_remote(&self) -> bool {
                (**self).is_remote()
            }

            fn expect(&self, parts: &[Range<u64>]) {
                (**self).expect(parts);
            }

            fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
                (**self).read_exact_at(buf, offset)
            }
        }
    )*};
}

by_reference!(&R, Box<R>, Arc<R>);

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

    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }

    fn expect(&self, parts: &[Range<u64>]) {
        self.inner.expect(parts);
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let bytes = self.inner.shared(range)?;
        self.touched
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Some(bytes)
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
            for beyond in [10, u64::MAX / 2, u64::MAX] {
                assert_eq!(counted.read_at(&mut buf, beyond).unwrap(), 0);
                assert!(counted.read_exact_at(&mut buf, beyond).is_err());
            }
        }
    }

    /// Gives one byte at a time, and a spurious interruption before each.
    struct Dripping(Bytes, AtomicU64);

    impl ReadAt for Dripping {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            if self.1.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = buf.len().min(1);
            self.0.read_at(&mut buf[..n], offset)
        }

        fn nbytes(&self) -> io::Result<u64> {
            self.0.nbytes()
        }
    }

    #[test]
    fn exact_reads_put_pieces_together_and_survive_interruptions() {
        let source = Dripping(Bytes::from_static(b"0123456789"), AtomicU64::new(0));
        let mut buf = [0; 5];
        source.read_exact_at(&mut buf, 3).unwrap();
        assert_eq!(&buf, b"34567");
    }

    #[test]
    fn shared_parts_are_not_copied_and_never_outside() {
        let source = Counted::new(Bytes::from_static(b"0123456789"));
        let part = source.shared(2..5).unwrap();
        assert_eq!((&part[..], source.touched()), (&b"234"[..], 3));
        assert_eq!(part.as_ptr(), source.inner[2..].as_ptr());
        let (start, end) = (5, 4);
        for outside in [5..11, start..end, 11..11, u64::MAX..u64::MAX] {
            assert!(source.shared(outside).is_none());
        }
    }

    #[test]
    fn a_file_that_shrinks_gives_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        assert_eq!(file.nbytes().unwrap(), 10);
        file.set_len(4).unwrap();
        let error = file.read_exact_at(&mut [0; 8], 0).unwrap_err();
        assert!(matches!(error, Error::TooShort { end: 4, needed: 8 }));
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_pipes_have_no_length() {
        let folder = File::open(".").unwrap();
        assert!(ReadAt::nbytes(&folder).is_err());
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        assert!(ReadAt::nbytes(&pipe).is_err());
    }
}
