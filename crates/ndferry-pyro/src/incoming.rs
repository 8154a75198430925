//! [`Incoming`]: the data of a message while it comes, read by whoever makes values of it.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndferry_io::{Due, Exchange};

use crate::hmac_sha1::Signature;
use crate::{Annotations, Result};

/// Bytes that are read at once where nobody wants them.
const SKIPPED_NBYTES: usize = 64 << 10;

/// One end of a connection, which lends itself to who reads from it.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<Mutex<Exchange>>);

impl Line {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self(Arc::new(Mutex::new(exchange)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The data of a message, in order and once. All that hold it are at the same byte.
#[derive(Clone)]
pub(crate) struct Incoming(Arc<Mutex<Arriving>>);

struct Arriving {
    line: Line,
    due: Due,
    signature: Option<Signature>,
    /// The first bytes, as many as have come.
    start: Vec<u8>,
    /// Why there will be no more.
    failed: Option<ndferry_io::Error>,
}

impl Incoming {
    /// So many bytes, which are signed if there is a signature to make.
    pub(crate) fn new(line: Line, nbytes: u64, signature: Option<Signature>) -> Self {
        Self(Arc::new(Mutex::new(Arriving {
            line,
            due: Due::new(nbytes),
            signature,
            start: Vec::new(),
            failed: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Arriving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the rest of it pass, and checks the signature of all; how it began.
    ///
    /// # Errors
    /// What went wrong with the connection, now or before; [`crate::ErrorKind::Hmac`].
    pub(crate) fn finish(&self, annotations: &Annotations) -> Result<Vec<u8>> {
        let mut arriving = self.lock();
        let mut skipped = Vec::new();
        while arriving.failed.is_none() && arriving.due.left() > 0 {
            skipped.resize(SKIPPED_NBYTES, 0);
            arriving.read(&mut skipped);
        }
        if let Some(error) = arriving.failed.take() {
            return Err(error.into());
        }
        if let Some(signature) = arriving.signature.take() {
            signature.check(annotations)?;
        }
        Ok(std::mem::take(&mut arriving.start))
    }
}

impl Arriving {
    /// Some more bytes; 0 at the end and after what went wrong.
    fn read(&mut self, buf: &mut [u8]) -> usize {
        if self.failed.is_some() {
            return 0;
        }
        let read = self.line.lock().read_due(&mut self.due, buf);
        match read {
            Ok(n) => {
                if let Some(signature) = &mut self.signature {
                    signature.update(&buf[..n]);
                }
                if self.start.len() < 2 {
                    self.start.extend_from_slice(&buf[..n.min(2)]);
                }
                n
            }
            Err(error) => {
                self.failed = Some(error);
                0
            }
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.lock().read(buf))
    }
}
