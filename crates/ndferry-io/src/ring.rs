//! [`Ring`]: a little memory that this process shares with one other, which opens it by its path.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use rustix::fs::FallocateFlags;

use crate::segment::memory_file;
use crate::{Error, Result, mmap};

/// From this size on a copy through a map is faster than a system call.
const BY_MAP: usize = 16 << 10;

/// Memory for one connection to a process that cannot be handed a descriptor, such as a Java program: that opens it by
/// [`Self::path`], as only processes of the same user (and of root) can.
///
/// It is a memory file without a name, whose length is sealed: nothing is left behind however the two processes end, and
/// nobody can make it shorter under the other. Both may write to all of it at any time; who writes where is for them to agree
/// on, and what was read must be taken for what any byte could be.
#[derive(Debug)]
pub struct Ring {
    file: File,
    nbytes: u64,
    /// Made when it is first written to.
    map: Option<memmap2::MmapMut>,
}

impl Ring {
    /// Memory of so many bytes, all 0. It takes none before it is written to.
    ///
    /// # Errors
    /// [`Error::System`] without descriptors.
    pub fn create(nbytes: u64) -> Result<Self> {
        let (file, map) = (memory_file(nbytes)?, None);
        Ok(Self { file, nbytes, map })
    }

    /// Where another process finds it, for as long as this one has it, if both see the same processes.
    pub fn path(&self) -> String {
        let (process, descriptor) = (std::process::id(), self.file.as_raw_fd());
        format!("/proc/{process}/fd/{descriptor}")
    }

    /// How long it is.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// Writes to it.
    ///
    /// # Errors
    /// [`Error::TooShort`] beyond its end; [`Error::System`] without memory.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let needed = offset.saturating_add(bytes.len() as u64);
        if needed > self.nbytes {
            let end = self.nbytes;
            return Err(Error::TooShort { end, needed });
        }
        if bytes.len() < BY_MAP {
            return Ok(self.file.write_all_at(bytes, offset)?);
        }
        let map = match &mut self.map {
            Some(map) => map,
            none => none.insert(mapped(&self.file, self.nbytes)?),
        };
        map[offset as usize..needed as usize].copy_from_slice(bytes);
        Ok(())
    }

    /// What stands in it, now and later.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn reader(&self) -> Result<RingReader> {
        Ok(RingReader(mmap::map_ring(
            &self.file,
            self.nbytes as usize,
        )?))
    }
}

/// The bytes of a [`Ring`]. **The other process can change them at any time**: they are for those who take any value.
#[derive(Debug)]
pub struct RingReader(memmap2::Mmap);

impl Deref for RingReader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// All of it, with memory behind: without, this says so, where writing to the map would be the end.
fn mapped(file: &File, nbytes: u64) -> io::Result<memmap2::MmapMut> {
    rustix::fs::fallocate(file, FallocateFlags::empty(), 0, nbytes)?;
    mmap::map_own_segment(file, nbytes as usize)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn another_process_could_open_it_by_its_path_and_sees_what_is_written() {
        let mut ring = Ring::create(1 << 20).unwrap();
        let mut options = OpenOptions::new();
        let other = options.read(true).write(true).open(ring.path()).unwrap();
        assert_eq!(other.metadata().unwrap().len(), ring.nbytes());
        let large: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        ring.write_at(b"small", 7).unwrap();
        ring.write_at(&large, 5000).unwrap();
        let mut found = vec![0; large.len()];
        FileExt::read_exact_at(&other, &mut found[..5], 7).unwrap();
        assert_eq!(&found[..5], b"small");
        FileExt::read_exact_at(&other, &mut found, 5000).unwrap();
        assert!(found == large);
        other.write_all_at(b"answer", 0).unwrap();
        let reader = ring.reader().unwrap();
        assert_eq!(&reader[..6], b"answer");
        other.write_all_at(b"more", 1000).unwrap();
        assert_eq!(&reader[1000..1005], b"more\0");
        // Its length is what both rely on.
        assert!(other.set_len(0).is_err() && other.set_len(1 << 21).is_err());
        let path = ring.path();
        drop((ring, other));
        let gone = std::fs::metadata(path).map(|metadata| metadata.len());
        assert_ne!(gone.ok(), Some(1 << 20));
    }

    #[test]
    fn beyond_its_end_is_an_error() {
        let mut ring = Ring::create(65_536).unwrap();
        assert!(matches!(
            ring.write_at(&[1; 20_000], 50_000),
            Err(Error::TooShort {
                end: 65_536,
                needed: 70_000
            })
        ));
        assert!(ring.write_at(&[1], u64::MAX).is_err());
        assert_eq!(ring.reader().unwrap().len(), 65_536);
    }
}
