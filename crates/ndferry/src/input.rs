//! [`Input`]: the bytes of a source, wherever they are, with a count of those that were read.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::{ErrorKind, Result};

/// Bytes at an offset. Clones share the file and the count.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    from: From,
    nbytes: u64,
    touched: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum From {
    File(Arc<File>),
    Memory(Bytes),
}

impl Input {
    /// Opens a regular file; anything else (a pipe, a device) is read to its end.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let nbytes = file.metadata()?.len();
        Ok(Self {
            from: From::File(Arc::new(file)),
            nbytes,
            touched: Arc::default(),
        })
    }

    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self {
            nbytes: bytes.len() as u64,
            from: From::Memory(bytes),
            touched: Arc::default(),
        }
    }

    pub(crate) fn nbytes(&self) -> u64 {
        self.nbytes
    }

    pub(crate) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// Up to `out.len()` bytes from `offset`; fewer only at the end.
    pub(crate) fn read_at(&self, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let n = match &self.from {
            From::Memory(bytes) => {
                let start = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let n = out.len().min(bytes.len() - start);
                out[..n].copy_from_slice(&bytes[start..start + n]);
                n
            }
            From::File(file) => {
                use std::os::unix::fs::FileExt;
                let mut n = 0;
                while n < out.len() {
                    match file.read_at(&mut out[n..], offset + n as u64) {
                        Ok(0) => break,
                        Ok(more) => n += more,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                n
            }
        };
        self.touched.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    /// Exactly these bytes.
    pub(crate) fn read_exact_at(&self, out: &mut [u8], offset: u64) -> Result<()> {
        let n = self.read_at(out, offset)?;
        if n < out.len() {
            let needed = out.len() as u64;
            let found = n as u64;
            return Err(ErrorKind::Truncated { needed, found }.at(offset));
        }
        Ok(())
    }

    /// The bytes if they are in memory.
    pub(crate) fn memory(&self) -> Option<&Bytes> {
        match &self.from {
            From::Memory(bytes) => Some(bytes),
            From::File(_) => None,
        }
    }

    /// The first bytes, at most `nbytes`.
    pub(crate) fn head(&self, nbytes: usize) -> Result<Vec<u8>> {
        let mut head = vec![0; nbytes.min(usize::try_from(self.nbytes).unwrap_or(usize::MAX))];
        let n = self.read_at(&mut head, 0)?;
        head.truncate(n);
        Ok(head)
    }
}
