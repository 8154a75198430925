//! [`BigBuffer`]: memory for a large array.

use std::io::{self, Read};
use std::ops::{Deref, DerefMut};

use bytes::Bytes;

use crate::{Error, Result};

/// From this size on the memory is mapped, in huge pages where the system has them: a page fault for each 4 KiB costs
/// more than the copy that causes it.
const MAPPED: usize = 4 << 20;

/// Memory grows by at most this many bytes at a time, until they have really arrived.
const STEP: usize = 1 << 20;

/// Zeroed bytes that become [`Bytes`] without a copy.
#[derive(Debug)]
pub struct BigBuffer(Memory);

#[derive(Debug)]
enum Memory {
    Heap(Vec<u8>),
    Mapped(memmap2::MmapMut),
}

impl BigBuffer {
    /// `nbytes` zeros. The system gives the memory when it is written to.
    ///
    /// # Errors
    /// [`Error::System`] if there is not so much address space.
    pub fn zeroed(nbytes: usize) -> Result<Self> {
        if nbytes < MAPPED {
            let mut heap = Vec::new();
            heap.try_reserve_exact(nbytes)
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            heap.resize(nbytes, 0);
            return Ok(Self(Memory::Heap(heap)));
        }
        let map = memmap2::MmapMut::map_anon(nbytes)?;
        #[cfg(target_os = "linux")]
        // Only a hint: without huge pages it is the same, slower.
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self(Memory::Mapped(map)))
    }

    /// Shared, without a copy.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Memory::Heap(heap) => Bytes::from(heap),
            Memory::Mapped(map) => Bytes::from_owner(map),
        }
    }
}

impl Deref for BigBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(heap) => heap,
            Memory::Mapped(map) => map,
        }
    }
}

impl DerefMut for BigBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(heap) => heap,
            Memory::Mapped(map) => map,
        }
    }
}

/// Appends `nbytes` bytes from a stream that claims to have them; `false` if it ends before. Costs no more memory than
/// what really comes, and a step.
///
/// # Errors
/// What the stream reports.
pub fn read_claimed(from: &mut impl Read, nbytes: u64, into: &mut Vec<u8>) -> Result<bool> {
    let mut left = nbytes;
    while left > 0 {
        let have = into.len();
        let step = left.min(STEP as u64);
        into.try_reserve(step as usize)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let n = from.take(step).read_to_end(into).map_err(Error::from)?;
        debug_assert_eq!(into.len(), have + n);
        if (n as u64) < step {
            return Ok(false);
        }
        left -= step;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_buffers_are_zeroed_and_become_bytes() {
        for nbytes in [0, 10, MAPPED, MAPPED + 1] {
            let mut buffer = BigBuffer::zeroed(nbytes).unwrap();
            assert!(buffer.iter().all(|byte| *byte == 0));
            if let Some(last) = buffer.last_mut() {
                *last = 7;
            }
            let bytes = buffer.into_bytes();
            assert_eq!(
                (bytes.len(), bytes.last().copied()),
                (nbytes, (nbytes > 0).then_some(7))
            );
        }
    }

    #[test]
    fn a_lying_claim_costs_a_step() {
        let mut into = Vec::new();
        assert!(!read_claimed(&mut &b"abc"[..], 1 << 60, &mut into).unwrap());
        assert!(into.capacity() <= 2 * STEP && into == b"abc");
    }
}
