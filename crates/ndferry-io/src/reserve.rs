//! [`Reserve`]: room on the disk ahead of what is written.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Files shorter than this get none.
const LEAST_NBYTES: u64 = 1 << 20;

/// How much is reserved beyond what is being written: a quarter of the file, within these.
const AHEAD_NBYTES: (u64, u64) = (4 << 20, 64 << 20);

/// Room for a file that is being written, reserved piece by piece.
///
/// File systems of Linux look for room page by page while a file grows, unless they have been asked for it: writing
/// 1 GiB into ext4 takes 0.6 of the CPU time with this. The file gets no longer by it, and wherever it does not work
/// (other file systems, little room) everything is as without it.
#[derive(Debug, Default)]
pub(crate) struct Reserve {
    /// How far there is room.
    until: AtomicU64,
    /// It did not work.
    given_up: AtomicBool,
}

impl Reserve {
    /// Before the file is written up to byte `end`.
    pub(crate) fn before(&self, file: &File, end: u64) {
        let until = self.until.load(Ordering::Relaxed);
        if end <= until || end < LEAST_NBYTES || self.given_up.load(Ordering::Relaxed) {
            return;
        }
        if until == 0 && is_memory(file) {
            self.given_up.store(true, Ordering::Relaxed);
            return;
        }
        let ahead = (end / 4).clamp(AHEAD_NBYTES.0, AHEAD_NBYTES.1);
        match allocate(file, until, end.saturating_add(ahead) - until) {
            // If two threads do so at once, there is room as far as either says.
            Ok(()) => _ = self.until.fetch_max(end + ahead, Ordering::Relaxed),
            Err(_) => self.given_up.store(true, Ordering::Relaxed),
        }
    }

    /// Returns what is left, when everything is written.
    pub(crate) fn give_back(&self, file: &File) -> io::Result<()> {
        match self.until.load(Ordering::Relaxed) {
            0 => Ok(()),
            // To the length that it has: what lies behind goes.
            _ => file.set_len(file.metadata()?.len()),
        }
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, offset: u64, nbytes: u64) -> io::Result<()> {
    let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
    Ok(rustix::fs::fallocate(file, flags, offset, nbytes)?)
}

/// Whether the file is in memory, where there is nothing to gain.
#[cfg(target_os = "linux")]
fn is_memory(file: &File) -> bool {
    // `man 2 statfs`.
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::fstatfs(file).is_ok_and(|system| system.f_type as u64 == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn is_memory(_: &File) -> bool {
    true
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn room_is_reserved_ahead_and_given_back() {
        let mut file = tempfile::tempfile().unwrap();
        let reserve = Reserve::default();
        let piece = vec![1; 1 << 20];
        for number in 1..=8 {
            reserve.before(&file, number << 20);
            file.write_all(&piece).unwrap();
            assert_eq!(file.metadata().unwrap().len(), number << 20);
        }
        let held = |file: &File| file.metadata().unwrap().blocks() * 512;
        if reserve.given_up.load(Ordering::Relaxed) {
            // This file system has no such thing.
            return;
        }
        assert!(held(&file) >= 9 << 20, "{}", held(&file));
        reserve.give_back(&file).unwrap();
        assert!(held(&file) < 9 << 20, "{}", held(&file));
        assert_eq!(file.metadata().unwrap().len(), 8 << 20);
    }

    #[test]
    fn small_files_and_files_that_cannot_have_any_are_left_alone() {
        let file = tempfile::tempfile().unwrap();
        let reserve = Reserve::default();
        reserve.before(&file, 1000);
        assert_eq!(file.metadata().unwrap().blocks(), 0);
        reserve.before(&file, u64::MAX);
        reserve.before(&file, u64::MAX);
        assert!(reserve.given_up.load(Ordering::Relaxed));
        reserve.give_back(&file).unwrap();
    }
}
