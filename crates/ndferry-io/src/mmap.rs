//! [`MappedFile`]: a file as memory, for those who ask for it.

use std::fs::File;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::{ReadAt, Result};

/// A file mapped into memory, read-only: parts of it are [shared](ReadAt::shared) without a copy, and read from the disk
/// when they are first looked at.
///
/// **Nobody may cut the file while this, or any part of it, is alive**: the system then ends the process by a signal
/// (SIGBUS). Nor may anybody change it: parts that are looked at twice could differ. Reading a [`File`] by position has
/// neither danger, and is what ndferry does unless it is told otherwise.
#[derive(Clone, Debug)]
pub struct MappedFile(Bytes);

impl MappedFile {
    /// Maps all of a file as it is now. What is appended later is not seen.
    ///
    /// # Errors
    /// What the system says; pipes and folders cannot be mapped.
    pub fn map(file: &File) -> Result<Self> {
        if file.nbytes()? == 0 {
            return Ok(Self(Bytes::new()));
        }
        if !file.metadata()?.is_file() {
            return Err(io::Error::from(io::ErrorKind::Unsupported).into());
        }
        // SAFETY: the map is only ever read, through `&[u8]`, and unmapped when the last `Bytes` that owns it is dropped;
        // its length comes from the file. That nobody truncates or writes to the file meanwhile cannot be proven here:
        // it is the documented condition under which a user asks for a map at all.
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(Self(Bytes::from_owner(map)))
    }

    /// All of it.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// The first bytes of a segment that another process has lent, writable, but what is written stays here.
#[cfg(all(feature = "shm", target_os = "linux"))]
pub(crate) fn map_segment(file: &File, nbytes: usize) -> io::Result<memmap2::MmapMut> {
    // SAFETY: `Segment` has seen that the file is sealed against shrinking and at least `nbytes` long, so no access faults.
    // That the sender does not write to it meanwhile cannot be proven: one of ours waits until the lock that this map
    // keeps is released. One that means harm could; therefore the bytes go only to checksums and to those who take any
    // value, never to a parser.
    unsafe { memmap2::MmapOptions::new().len(nbytes).map_copy(file) }
}

/// The first bytes of a segment of our own, to write to: those that have memory. Page by page it would cost more.
#[cfg(all(feature = "shm", target_os = "linux"))]
pub(crate) fn map_own_segment(file: &File, nbytes: usize) -> io::Result<memmap2::MmapMut> {
    // SAFETY: `SegmentPool` or `Ring` has made the file with at least this length and sealed it, so no access faults. Both
    // write through the map only, and never read. A pool writes below what has memory already, and only while nobody else
    // holds the file's lock; receivers that read on after they gave that up read what we write next, which is their loss.
    // What the other process of a ring does to it meanwhile spoils what it gets, and nothing here.
    unsafe {
        memmap2::MmapOptions::new()
            .len(nbytes)
            .populate()
            .map_mut(file)
    }
}

/// All of a ring of our own, to read what the other process has written there.
#[cfg(all(feature = "shm", target_os = "linux"))]
pub(crate) fn map_ring(file: &File, nbytes: usize) -> io::Result<memmap2::Mmap> {
    // SAFETY: `Ring` has made the file with this length and sealed it, so no access faults; the map is only ever read. That
    // the other process does not write meanwhile to what it says that it has written cannot be proven: the plugin does not
    // before it is told that we have read it. One that means harm could; therefore the bytes go only to those who take any
    // value: elements are copied, and each field before them is checked after it was read once.
    unsafe { memmap2::MmapOptions::new().len(nbytes).map(file) }
}

impl ReadAt for MappedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn nbytes(&self) -> io::Result<u64> {
        self.0.nbytes()
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        self.0.shared(range)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_mapped_file_reads_as_the_file_and_outlives_its_handle() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(MappedFile::map(&file).unwrap().nbytes().unwrap(), 0);
        file.write_all(b"0123456789").unwrap();
        let map = MappedFile::map(&file).unwrap();
        drop(file);
        let mut buf = [0; 4];
        map.read_exact_at(&mut buf, 6).unwrap();
        assert_eq!(&buf, b"6789");
        let part = map.shared(2..5).unwrap();
        drop(map);
        assert_eq!(part, "234");
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_pipes_cannot_be_mapped() {
        assert!(MappedFile::map(&File::open(".").unwrap()).is_err());
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        assert!(MappedFile::map(&pipe).is_err());
    }
}
