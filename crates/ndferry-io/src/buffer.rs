//! [`BigBuffer`]: memory for a large array.

use std::fmt;
use std::io::{self, Read};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::{Error, Result};

/// From this size on the memory is mapped, in huge pages where the system has them: a page fault for each 4 KiB costs
/// more than the copy that causes it.
const MAPPED: usize = 4 << 20;

/// The size of a huge page, nearly everywhere.
const HUGE: usize = 2 << 20;

/// Memory grows by at most this many bytes at a time, until they have really arrived.
const STEP: usize = 1 << 20;

/// Zeroed bytes that become [`Bytes`] without a copy.
pub struct BigBuffer(Memory);

enum Memory {
    Heap(Vec<u8>),
    Mapped(Map),
}

/// Whole huge pages, since the system puts only those where one can begin; of the last one what is wanted.
struct Map {
    pages: memmap2::MmapMut,
    nbytes: usize,
}

impl Map {
    fn new(nbytes: usize) -> io::Result<Self> {
        let whole = nbytes
            .checked_next_multiple_of(HUGE)
            .filter(|whole| isize::try_from(*whole).is_ok())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let pages = memmap2::MmapMut::map_anon(whole)?;
        #[cfg(target_os = "linux")]
        {
            // Only hints: without huge pages it is the same, slower. A last page that would be mostly empty is none.
            let end = if whole - nbytes > HUGE / 2 {
                whole - HUGE
            } else {
                whole
            };
            let _ = pages.advise_range(memmap2::Advice::HugePage, 0, end);
        }
        Ok(Self { pages, nbytes })
    }
}

/// Memory that was gathered into and is used no more, for the next that wants as much: to clear fresh pages takes longer than
/// to fill them.
static SPARE: Mutex<Option<Map>> = Mutex::new(None);

/// More than this is not kept for anybody.
const SPARE_NBYTES: usize = 64 << 20;

/// A map that becomes the spare one.
struct Gathered(Option<Map>);

impl Gathered {
    /// For at most so many bytes; what is in it may be anything.
    fn new(nbytes: usize) -> io::Result<Self> {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
        let spare =
            spare.filter(|map| Some(map.pages.len()) == nbytes.checked_next_multiple_of(HUGE));
        Ok(Self(Some(match spare {
            Some(map) => Map { nbytes, ..map },
            None => Map::new(nbytes)?,
        })))
    }

    fn bytes(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Some(map) => &mut map.pages[..map.nbytes],
            None => &mut [],
        }
    }
}

impl AsRef<[u8]> for Gathered {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], Map::as_ref)
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        let map = self.0.take();
        if let Some(map) = map.filter(|map| map.pages.len() <= SPARE_NBYTES) {
            *SPARE.lock().unwrap_or_else(PoisonError::into_inner) = Some(map);
        }
    }
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        &self.pages[..self.nbytes]
    }
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
        let map = Map::new(nbytes)?;
        Ok(Self(Memory::Mapped(map)))
    }

    /// `nbytes` bytes from a stream that claims to have them. Costs no more memory than what really comes, and a few
    /// MiB.
    ///
    /// # Errors
    /// [`Error::TooShort`] if the stream ends before; what it reports.
    pub fn read_claimed(from: &mut impl Read, nbytes: u64) -> Result<Self> {
        let too_short = |end: usize| Error::TooShort {
            end: end as u64,
            needed: nbytes,
        };
        // Linux gives memory only when it is written to. If it does not have even the address space, the claim is
        // most likely a lie, and the other way finds that out.
        let mapped = usize::try_from(nbytes)
            .ok()
            .filter(|nbytes| cfg!(target_os = "linux") && *nbytes >= MAPPED)
            .and_then(|nbytes| Self::zeroed(nbytes).ok());
        let Some(mut buffer) = mapped else {
            let mut heap = Vec::new();
            return if read_claimed(from, nbytes, &mut heap)? {
                Ok(Self(Memory::Heap(heap)))
            } else {
                Err(too_short(heap.len()))
            };
        };
        let mut have = 0;
        while have < buffer.len() {
            let end = buffer.len().min(have + STEP);
            match from.read(&mut buffer[have..end]) {
                Ok(0) => return Err(too_short(have)),
                Ok(n) => have += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(buffer)
    }

    /// At most `nbytes` bytes: what the function writes, call by call, until it says 0. It has room for 1 MiB each time, or
    /// for all that is left, in which anything may be. Costs no more memory than what really comes, and a few MiB; up to 64
    /// MiB stay for the next one when nobody uses them any more.
    ///
    /// # Errors
    /// What the function reports.
    pub fn gather(
        nbytes: u64,
        more: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Bytes> {
        // As in `read_claimed`.
        let mapped = usize::try_from(nbytes)
            .ok()
            .filter(|nbytes| cfg!(target_os = "linux") && *nbytes >= MAPPED)
            .and_then(|nbytes| Gathered::new(nbytes).ok());
        let mut have = 0;
        if let Some(mut mapped) = mapped {
            let room = mapped.bytes();
            while have < room.len() {
                let end = room.len().min(have + STEP);
                match more(&mut room[have..end])? {
                    0 => break,
                    n => have += n,
                }
            }
            return Ok(Bytes::from_owner(mapped).slice(..have));
        }
        let mut heap = Vec::new();
        while (have as u64) < nbytes {
            let step = (nbytes - have as u64).min(STEP as u64) as usize;
            heap.try_reserve(step)
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            heap.resize(have + step, 0);
            match more(&mut heap[have..])? {
                0 => break,
                n => have += n,
            }
        }
        heap.truncate(have);
        Ok(heap.into())
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
            Memory::Mapped(map) => map.as_ref(),
        }
    }
}

impl DerefMut for BigBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(heap) => heap,
            Memory::Mapped(map) => &mut map.pages[..map.nbytes],
        }
    }
}

impl fmt::Debug for BigBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BigBuffer of {} bytes", self.len())
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
        for nbytes in [0, 10, MAPPED, MAPPED + 1, MAPPED + HUGE - 1] {
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

    #[test]
    fn claimed_bytes_are_read_and_not_one_more() {
        for nbytes in [0, 5, STEP, STEP + 1, 3 * STEP, MAPPED, MAPPED + 1] {
            let data: Vec<u8> = (0..nbytes + 3).map(|i| (i % 251) as u8).collect();
            let mut rest = &data[..];
            let buffer = BigBuffer::read_claimed(&mut rest, nbytes as u64).unwrap();
            assert!(buffer[..] == data[..nbytes]);
            assert_eq!(rest.len(), 3);
        }
    }

    #[test]
    fn what_is_gathered_is_what_was_written_and_no_more() {
        for (claimed, real) in [
            (0, 0),
            (10, 10),
            (10, 3),
            (MAPPED, MAPPED),
            (9 * STEP, 5 * STEP + 7),
            (1 << 46, 3 * STEP),
            (1 << 62, 3 * STEP + 1),
        ] {
            let data: Vec<u8> = (0..real).map(|i| (i % 251) as u8).collect();
            let mut rest = &data[..];
            let gathered = BigBuffer::gather(claimed as u64, &mut |room| {
                assert!(room.len() >= rest.len().min(64 << 10));
                let n = rest.len().min(room.len()).min(300_001);
                room[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                Ok(n)
            });
            assert!(gathered.unwrap() == data, "{claimed}");
        }
        let failed = BigBuffer::gather(5, &mut |_| Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn memory_that_is_used_again_shows_only_what_was_written() {
        let gather = |nbytes: usize, real: usize, byte: u8| {
            let mut left = real;
            let gathered = BigBuffer::gather(nbytes as u64, &mut |room| {
                let n = left.min(room.len());
                room[..n].fill(byte);
                left -= n;
                Ok(n)
            });
            gathered.unwrap()
        };
        // Other tests may be quicker to take what is there.
        for round in 0..20 {
            let first = gather(MAPPED, MAPPED, 1);
            let second = gather(MAPPED, MAPPED - round, 2);
            assert!(first.len() == MAPPED && first.iter().all(|byte| *byte == 1));
            drop(first);
            let third = gather(MAPPED - 1, round, 3);
            assert!(second.len() == MAPPED - round && second.iter().all(|byte| *byte == 2));
            assert!(third.len() == round && third.iter().all(|byte| *byte == 3));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lying_claims_cost_no_memory() {
        for claimed in [100, 5 << 20, 1 << 36, 1 << 46, 1 << 62, u64::MAX] {
            let before = crate::current_memory().unwrap();
            let error = BigBuffer::read_claimed(&mut &b"0123456789"[..], claimed).unwrap_err();
            let after = crate::current_memory().unwrap();
            assert!(
                matches!(error, Error::TooShort { end: 10, needed } if needed == claimed),
                "{claimed}: {error}"
            );
            // Other tests run meanwhile.
            assert!(after < before + (64 << 20), "{before} {after}");
        }
        assert!(BigBuffer::zeroed(usize::MAX).is_err());
    }
}
