//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::Duration;

use crate::Result;

/// How often, and how long each time, a lock is waited for: a process that is just being started holds those of its
/// parent for a moment.
const TRIES: (u32, Duration) = (25, Duration::from_millis(10));

/// Keeps other writers away, for as long as the file is open.
pub(crate) fn lock(file: &File) -> Result<()> {
    let mut tries = 1..TRIES.0;
    let locked = loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if tries.next().is_some() => thread::sleep(TRIES.1),
            other => break other,
        }
    };
    match locked {
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
