//! [`Input`]: the bytes of a source, wherever they are, with a count of those that were read.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ndferry_io::ReadAt;

use crate::error::outside;
use crate::{ErrorKind, Limits, OpenOptions, Result, remote};

/// Bytes at an offset. Clones share the file and the count.
#[derive(Clone)]
pub(crate) struct Input {
    from: From,
    nbytes: u64,
    /// The first bytes, read once for all.
    head: Bytes,
    /// `None` once everything was read.
    touched: Option<Arc<AtomicU64>>,
}

#[derive(Clone)]
enum From {
    Outside(Arc<dyn ReadAt>),
    Memory(Bytes),
}

/// The first bytes of a file that are read at once; most small files and nearly all headers are within.
const HEAD_NBYTES: usize = 4096;

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("nbytes", &self.nbytes)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// Opens what a user names: a path, or the address of a file on a web server.
    pub(crate) fn of_source(path: &Path, options: &OpenOptions) -> Result<Self> {
        match path.to_str() {
            Some(url) if remote::is_url(path) => remote::open(url, options),
            _ => Self::open(path, &options.limits),
        }
    }

    /// Opens a regular file; anything else (`-` for standard input, a pipe, a device) is read to its end.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::of_stream(&mut io::stdin().lock(), limits);
        }
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if !metadata.is_file() {
            return Self::of_stream(&mut file, limits);
        }
        let nbytes = metadata.len();
        Self::with_head(file, nbytes)
    }

    /// Bytes that are somewhere else, and do not change.
    pub(crate) fn of_read_at(from: impl ReadAt + 'static) -> Result<Self> {
        let nbytes = from.nbytes()?;
        Self::with_head(from, nbytes)
    }

    fn with_head(from: impl ReadAt + 'static, nbytes: u64) -> Result<Self> {
        let mut head = vec![0; HEAD_NBYTES.min(usize::try_from(nbytes).unwrap_or(usize::MAX))];
        let n = read_up_to(&from, &mut head, 0)?;
        head.truncate(n);
        let head = Bytes::from(head);
        if n as u64 == nbytes {
            return Ok(Self {
                touched: None,
                ..Self::of_bytes(head)
            });
        }
        Ok(Self {
            from: From::Outside(Arc::new(from)),
            nbytes,
            head,
            touched: Some(Arc::new(AtomicU64::new(n as u64))),
        })
    }

    fn of_stream(from: &mut dyn io::Read, limits: &Limits) -> Result<Self> {
        Ok(Self {
            touched: None,
            ..crate::stream::read(from, limits)?
        })
    }

    /// A file of our own, of this length.
    pub(crate) fn of_file(file: File, nbytes: u64) -> Self {
        Self {
            from: From::Outside(Arc::new(file)),
            nbytes,
            head: Bytes::new(),
            touched: Some(Arc::default()),
        }
    }

    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self {
            nbytes: bytes.len() as u64,
            head: bytes.slice(..bytes.len().min(HEAD_NBYTES)),
            from: From::Memory(bytes),
            touched: Some(Arc::default()),
        }
    }

    /// A part of another input, in which it is the whole.
    pub(crate) fn part(&self, start: u64, nbytes: u64) -> Self {
        if let Some(bytes) = self.shared(start, nbytes) {
            return Self::of_bytes(bytes);
        }
        Self {
            from: From::Outside(Arc::new(Part {
                whole: self.clone(),
                start,
                nbytes,
            })),
            nbytes,
            head: Bytes::new(),
            touched: Some(Arc::default()),
        }
    }

    pub(crate) fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// Whether nothing need be read and copied.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.from, From::Memory(_))
    }

    /// Whether each read is a request to somebody far away.
    #[cfg(feature = "npb")]
    pub(crate) fn is_remote(&self) -> bool {
        matches!(&self.from, From::Outside(file) if file.is_remote())
    }

    pub(crate) fn touched(&self) -> u64 {
        match &self.touched {
            Some(touched) => touched.load(Ordering::Relaxed),
            None => self.nbytes,
        }
    }

    fn touch(&self, nbytes: u64) {
        if let Some(touched) = &self.touched {
            touched.fetch_add(nbytes, Ordering::Relaxed);
        }
    }

    /// Up to `out.len()` bytes from `offset`; fewer only at the end.
    pub(crate) fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let from: &dyn ReadAt = match &self.from {
            From::Outside(file) => file,
            From::Memory(bytes) => bytes,
        };
        let n = read_up_to(from, out, offset)?;
        tracing::trace!(offset, nbytes = n, "read");
        self.touch(n as u64);
        Ok(n)
    }

    /// Says that these parts will be read soon, each as a whole; neighbours may then be fetched together.
    #[cfg(feature = "npb")]
    pub(crate) fn expect(&self, parts: &[Range<u64>]) {
        if let From::Outside(file) = &self.from {
            file.expect(parts);
        }
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

    /// These bytes, after a look whether they can be there.
    pub(crate) fn bytes(&self, offset: u64, nbytes: u64) -> Result<Bytes> {
        let found = self.nbytes.saturating_sub(offset);
        if nbytes > found {
            return Err(ErrorKind::Truncated {
                needed: nbytes,
                found,
            }
            .at(offset));
        }
        if let Some(shared) = self.shared(offset, nbytes) {
            return Ok(shared);
        }
        let mut buffer = ndferry_io::BigBuffer::zeroed(nbytes as usize).map_err(outside)?;
        self.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into_bytes())
    }

    /// The same, if nothing need be read and copied for it.
    pub(crate) fn shared(&self, offset: u64, nbytes: u64) -> Option<Bytes> {
        let end = offset.checked_add(nbytes)?;
        match &self.from {
            From::Memory(bytes) if end <= self.nbytes => {
                self.touch(nbytes);
                Some(bytes.slice(offset as usize..end as usize))
            }
            _ => None,
        }
    }

    /// The first bytes, at most `nbytes`.
    pub(crate) fn head(&self, nbytes: usize) -> Result<Bytes> {
        if nbytes <= self.head.len() || self.head.len() as u64 == self.nbytes {
            return Ok(self.head.slice(..nbytes.min(self.head.len())));
        }
        self.bytes(0, self.nbytes.min(nbytes as u64))
    }
}

/// See [`Input::part`].
struct Part {
    whole: Input,
    start: u64,
    nbytes: u64,
}

impl ReadAt for Part {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.nbytes.saturating_sub(offset);
        let n = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.whole
            .read_at(&mut buf[..n], self.start + offset.min(self.nbytes))
    }

    fn nbytes(&self) -> io::Result<u64> {
        Ok(self.nbytes)
    }
}

/// Fills `out`, unless the end comes first.
fn read_up_to(from: &dyn ReadAt, out: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut n = 0;
    while n < out.len() {
        match from.read_at(&mut out[n..], offset + n as u64) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

impl ndferry_npy::ReadAt for Input {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Input::read_at(self, buf, offset)
    }

    fn len(&self) -> u64 {
        self.nbytes
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        self.shared(range.start, range.end.checked_sub(range.start)?)
    }
}
