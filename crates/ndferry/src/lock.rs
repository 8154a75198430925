//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io;

use crate::Result;

/// Keeps other writers away, for as long as the file is open.
pub(crate) fn lock(file: &File) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let (kind, what) = (
                io::ErrorKind::WouldBlock,
                "another process is writing to it",
            );
            Err(io::Error::new(kind, what).into())
        }
        // File systems that have no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
