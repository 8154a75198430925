//! [`SegmentPool`] and [`Segment`]: memory that is handed from process to process.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::{FlockOperation, MemfdFlags, SealFlags};
use rustix::io::Errno;

use crate::{Error, ReadAt, Result, mmap};

/// Segments that a pool keeps at most: each costs a descriptor.
const MOST: usize = 64;

/// The smallest segment.
const SMALLEST: u64 = 64 << 10;

/// Bytes behind the elements of a segment: [`IN_FLIGHT`] until it was received.
const MARK: u64 = 8;
const IN_FLIGHT: u64 = 1;
const RECEIVED: u64 = 0;

/// How long to wait for another thread to be done with the list of segments. One that was forked away never is.
const PATIENCE: Duration = Duration::from_millis(100);

/// From this size on a copy through a map is faster than a system call.
const BY_MAP: usize = 16 << 10;

/// Memory files (`man 2 memfd_create`) belong to this file system.
const TMPFS: u64 = 0x0102_1994;

/// Memory that is lent to other processes, in segments that are used again when nobody has them any more: pages that the
/// system gives for the first time cost more than what is copied to them.
///
/// A segment is a memory file without a name, whose length is sealed. Whoever is handed one is handed a descriptor with
/// a lock of its own (`man 2 flock`), which the system releases when the last copy of that descriptor, the last map
/// made from it and the last message that carries it are gone. So nothing is left behind and nothing is used too early,
/// however a process ends.
pub struct SegmentPool {
    nbytes: AtomicU64,
    state: Mutex<State>,
    /// Segments that are written to at the moment are not in the list; so many there are, of so many bytes.
    filling: AtomicUsize,
    filling_nbytes: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Whose segments these are: a forked process must not write to those of its parent.
    process: u32,
    /// Those that were used last stand last.
    segments: Vec<Own>,
}

/// A segment of this process.
struct Own {
    file: File,
    capacity: u64,
    /// So many bytes from the start on have memory behind them.
    filled: u64,
    map: Option<memmap2::MmapMut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    InFlight,
    Held,
}

/// A segment of which nobody else knows, to be written to.
pub struct Filling<'a> {
    pool: &'a SegmentPool,
    own: Option<Own>,
}

/// What all transfers of this process share.
static SHARED: LazyLock<SegmentPool> = LazyLock::new(|| SegmentPool::new(1 << 30));

impl SegmentPool {
    /// Keeps at most so many bytes, in use or not.
    pub fn new(nbytes: u64) -> Self {
        Self {
            nbytes: AtomicU64::new(nbytes),
            state: Mutex::default(),
            filling: AtomicUsize::new(0),
            filling_nbytes: AtomicU64::new(0),
        }
    }

    /// The one that all transfers of this process share: 1 GiB at first.
    pub fn shared() -> &'static Self {
        &SHARED
    }

    /// Keeps at most so many bytes from now on.
    pub fn set_nbytes(&self, nbytes: u64) {
        self.nbytes.store(nbytes, Ordering::Relaxed);
    }

    /// A segment for so many bytes; `None` if what is written now, or was sent and not received yet, would exceed `in_flight`
    /// (or what the pool may keep) together with it. What receivers hold is theirs and does not count; and one that is alone
    /// may be of any size.
    ///
    /// # Errors
    /// [`Error::System`] without descriptors or memory.
    pub fn take(&self, nbytes: u64, in_flight: u64) -> Result<Option<Filling<'_>>> {
        let most = self.nbytes.load(Ordering::Relaxed);
        let capacity = capacity(nbytes).ok_or(io::Error::from(ErrorKind::OutOfMemory))?;
        let Some(mut state) = self.lock() else {
            return Ok(None);
        };
        let filling = self.filling.load(Ordering::Relaxed);
        let filling_nbytes = self.filling_nbytes.load(Ordering::Relaxed);
        let (mut under_way, mut best) = (filling_nbytes, None::<(u64, usize)>);
        let mut uses = Vec::with_capacity(state.segments.len());
        for own in &state.segments {
            uses.push(own.in_use()?);
        }
        for (at, (own, used)) in state.segments.iter().zip(&uses).enumerate() {
            match used {
                Use::InFlight => under_way += own.capacity,
                Use::Held => {}
                // Among equals the last one: its memory may still be in the processor's caches.
                Use::Free => {
                    let fits = own.capacity >= nbytes && own.capacity / 8 <= capacity;
                    if fits && best.is_none_or(|(best, _)| own.capacity <= best) {
                        best = Some((own.capacity, at));
                    }
                }
            }
        }
        if under_way > 0 && under_way.saturating_add(capacity) > most.min(in_flight) {
            return Ok(None);
        }
        let own = match best {
            Some((_, at)) => state.segments.remove(at),
            None => {
                let segments = MOST.saturating_sub(filling + 1);
                state.make_room(
                    uses,
                    segments,
                    most.saturating_sub(filling_nbytes + capacity),
                );
                if state.segments.len() + filling >= MOST {
                    return Ok(None);
                }
                Own::create(capacity)?
            }
        };
        self.filling.fetch_add(1, Ordering::Relaxed);
        self.filling_nbytes
            .fetch_add(own.capacity, Ordering::Relaxed);
        Ok(Some(Filling {
            pool: self,
            own: Some(own),
        }))
    }

    /// Forgets all segments. What receivers hold they keep.
    pub fn clear(&self) {
        if let Some(mut state) = self.lock() {
            state.segments.clear();
        }
    }

    /// Puts a segment that was written to into the list again.
    fn put_back(&self, own: Own) {
        let state = self.lock();
        // Before the list is let go of: who takes one counts both. A forked process has begun at nothing.
        let fewer = |count: usize| Some(count.saturating_sub(1));
        let less = |nbytes: u64| Some(nbytes.saturating_sub(own.capacity));
        let _ = (self.filling).fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        let _ = (self.filling_nbytes).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if let Some(mut state) = state {
            state.segments.push(own);
        }
    }

    /// How many segments there are, and their bytes.
    pub fn size(&self) -> (usize, u64) {
        self.lock().map_or((0, 0), |state| {
            let nbytes = state.segments.iter().map(|own| own.capacity).sum();
            (state.segments.len(), nbytes)
        })
    }

    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        let started = Instant::now();
        let mut state = loop {
            match self.state.try_lock() {
                Ok(state) => break state,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::yield_now();
                }
                Err(TryLockError::WouldBlock) => return None,
            }
        };
        let process = std::process::id();
        if state.process != process {
            state.segments.clear();
            state.process = process;
            self.filling.store(0, Ordering::Relaxed);
            self.filling_nbytes.store(0, Ordering::Relaxed);
        }
        Some(state)
    }
}

impl State {
    /// Lets go of old segments, first of those that nobody has, until no more than so many, and so many bytes, are left.
    fn make_room(&mut self, mut uses: Vec<Use>, segments: usize, nbytes: u64) {
        for which in [Use::Free, Use::Held] {
            let mut at = 0;
            while at < self.segments.len() {
                let total: u64 = self.segments.iter().map(|own| own.capacity).sum();
                if total <= nbytes && self.segments.len() <= segments {
                    return;
                }
                if uses[at] == which {
                    self.segments.remove(at);
                    uses.remove(at);
                } else {
                    at += 1;
                }
            }
        }
    }
}

/// Sizes are rounded up by less than a quarter, so that similar messages find each other's segments.
fn capacity(nbytes: u64) -> Option<u64> {
    let nbytes = nbytes.max(SMALLEST);
    // The length of a file is signed.
    (nbytes <= 1 << 61).then(|| nbytes.next_multiple_of(nbytes.next_power_of_two() / 8))
}

/// A memory file without a name, whose length is sealed.
pub(crate) fn memory_file(nbytes: u64) -> Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match rustix::fs::memfd_create("ndferry", flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the last one.
        Err(Errno::INVAL) => rustix::fs::memfd_create("ndferry", flags),
        other => other,
    };
    let file = File::from(file.map_err(io::Error::from)?);
    file.set_len(nbytes)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals).map_err(io::Error::from)?;
    Ok(file)
}

impl Own {
    fn create(capacity: u64) -> Result<Self> {
        let file = memory_file(capacity + MARK)?;
        Ok(Self {
            file,
            capacity,
            filled: 0,
            map: None,
        })
    }

    fn in_use(&self) -> io::Result<Use> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                rustix::fs::flock(&self.file, FlockOperation::Unlock)?;
                Ok(Use::Free)
            }
            Err(Errno::WOULDBLOCK) => {
                let mut mark = [0; MARK as usize];
                FileExt::read_exact_at(&self.file, &mut mark, self.capacity)?;
                Ok(match u64::from_le_bytes(mark) {
                    RECEIVED => Use::Held,
                    _ => Use::InFlight,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        if end <= self.filled && bytes.len() >= BY_MAP {
            if (self.map.as_ref()).is_none_or(|map| (map.len() as u64) < self.filled) {
                // The old one first.
                self.map = None;
                self.map = Some(mmap::map_own_segment(&self.file, self.filled as usize)?);
            }
            if let Some(map) = &mut self.map {
                map[offset as usize..end as usize].copy_from_slice(bytes);
                return Ok(());
            }
        }
        // Cheaper than a page fault for each new page; and if there is no memory this says so, where a fault would be the end.
        self.file.write_all_at(bytes, offset)?;
        if offset <= self.filled {
            self.filled = self.filled.max(end);
        }
        Ok(())
    }
}

impl Filling<'_> {
    /// Writes to it.
    ///
    /// # Errors
    /// [`Error::System`] without memory; [`Error::TooShort`] beyond the segment's end.
    pub fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let Some(own) = &mut self.own else {
            return Ok(());
        };
        let needed = offset.saturating_add(bytes.len() as u64);
        if needed > own.capacity {
            let end = own.capacity;
            return Err(Error::TooShort { end, needed });
        }
        Ok(own.write(bytes, offset)?)
    }

    /// The descriptor for another process. The segment is used again when that, and all that comes of it, is gone.
    ///
    /// # Errors
    /// [`Error::System`] without descriptors, or where there is no `/proc`.
    pub fn hand_over(mut self) -> Result<Lease> {
        let Some(own) = self.own.take() else {
            return Err(io::Error::from(ErrorKind::NotFound).into());
        };
        let leased = lease(&own);
        self.pool.put_back(own);
        Ok(leased?)
    }
}

/// A new open file, not a copy of the descriptor, since locks belong to open files.
fn lease(own: &Own) -> io::Result<Lease> {
    own.file
        .write_all_at(&IN_FLIGHT.to_le_bytes(), own.capacity)?;
    let path = format!("/proc/self/fd/{}", own.file.as_raw_fd());
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared)?;
    Ok(Lease(file.into()))
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            self.pool.put_back(own);
        }
    }
}

/// A segment on its way: a descriptor to be sent to another process (`man 7 unix`, `SCM_RIGHTS`).
#[derive(Debug)]
pub struct Lease(OwnedFd);

impl AsFd for Lease {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Lease> for OwnedFd {
    fn from(lease: Lease) -> Self {
        lease.0
    }
}

/// A segment that another process has handed over. It uses it again when this, and all that was mapped of it, is dropped.
#[derive(Debug)]
pub struct Segment {
    file: File,
    capacity: u64,
}

impl Segment {
    /// Takes over the descriptor of a [`Lease`] from elsewhere.
    ///
    /// # Errors
    /// [`Error::Segment`] if it is anything else: a file that could shrink would end this process by a signal.
    pub fn accept(descriptor: OwnedFd) -> Result<Self> {
        let wrong = |problem| Err(Error::Segment(problem));
        let file = File::from(descriptor);
        // Memory files alone have seals, and those in huge pages are of another file system.
        match rustix::fs::fcntl_get_seals(&file) {
            Ok(seals) if seals.contains(SealFlags::SHRINK) => {}
            Ok(_) => return wrong("could shrink"),
            Err(_) => return wrong("is no memory"),
        }
        let system = rustix::fs::fstatfs(&file).map_err(io::Error::from)?;
        if system.f_type as u64 != TMPFS {
            return wrong("is in other pages");
        }
        let Some(capacity) = file.metadata()?.len().checked_sub(MARK) else {
            return wrong("is too short");
        };
        // Only the sender's accounts depend on it.
        let _ = file.write_at(&RECEIVED.to_le_bytes(), capacity);
        Ok(Self { file, capacity })
    }

    /// Bytes that it can hold.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Copies bytes out of it. Nobody can change the copy, so what is to be checked is checked there.
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::System`].
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        ReadAt::read_exact_at(&self.file, buf, offset)
    }

    /// Its first bytes, at least one, without a copy.
    ///
    /// # Errors
    /// [`Error::Segment`] if it is shorter; [`Error::System`].
    pub fn map(self, nbytes: u64) -> Result<SegmentMap> {
        match usize::try_from(nbytes) {
            Ok(nbytes) if nbytes as u64 <= self.capacity => {
                let map = mmap::map_segment(&self.file, nbytes.max(1))?;
                Ok(SegmentMap(map))
            }
            _ => Err(Error::Segment("is shorter than what it should hold")),
        }
    }
}

/// The bytes of a [`Segment`], which may be written to: nobody else sees that. **A sender that means harm could still change
/// those that were not written to**: they are only for who takes any value.
#[derive(Debug)]
pub struct SegmentMap(memmap2::MmapMut);

impl Deref for SegmentMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for SegmentMap {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl From<SegmentMap> for Bytes {
    fn from(map: SegmentMap) -> Self {
        Self::from_owner(map.0)
    }
}

impl fmt::Debug for SegmentPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segments, nbytes) = self.size();
        write!(f, "SegmentPool of {segments} segments, {nbytes} bytes")
    }
}

impl fmt::Debug for Filling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capacity = self.own.as_ref().map_or(0, |own| own.capacity);
        write!(f, "Filling of {capacity} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// Sends `bytes` through a segment, as far as the descriptor.
    fn lend(pool: &SegmentPool, bytes: &[u8]) -> Option<OwnedFd> {
        let mut filling = pool.take(bytes.len() as u64, u64::MAX).unwrap()?;
        filling.write_at(bytes, 0).unwrap();
        Some(filling.hand_over().unwrap().into())
    }

    fn arrived(descriptor: OwnedFd, nbytes: usize) -> Bytes {
        let segment = Segment::accept(descriptor).unwrap();
        segment.map(nbytes as u64).unwrap().into()
    }

    #[test]
    fn a_segment_is_used_again_when_all_that_came_of_it_is_gone() {
        let pool = SegmentPool::new(64 * MIB);
        let sent = vec![7; MIB as usize];
        let first = arrived(lend(&pool, &sent).unwrap(), sent.len());
        let part = first.slice(100..200);
        drop(first);
        // Held by the part alone, so this is another one.
        let second = lend(&pool, &vec![8; MIB as usize]).unwrap();
        assert_eq!(pool.size().0, 2);
        assert!(part.iter().all(|byte| *byte == 7));
        drop((part, second));
        for value in 0..20 {
            let sent = vec![value; MIB as usize - 1000];
            assert!(arrived(lend(&pool, &sent).unwrap(), sent.len())[..] == sent);
        }
        assert_eq!(pool.size(), (2, 2 * MIB));
    }

    #[test]
    fn what_is_under_way_is_bounded_and_what_was_received_does_not_count() {
        let pool = SegmentPool::new(4 * MIB);
        let sent = vec![1; MIB as usize];
        let under_way: Vec<_> = (0..4).map(|_| lend(&pool, &sent).unwrap()).collect();
        assert!(lend(&pool, &sent).is_none());
        let held: Vec<_> = under_way
            .into_iter()
            .map(|descriptor| arrived(descriptor, sent.len()))
            .collect();
        // Those that are held belong to their holder now.
        let more: Vec<_> = (0..4)
            .map(|_| lend(&pool, &[2; 1 << 20]).unwrap())
            .collect();
        assert_eq!(pool.size(), (4, 4 * MIB));
        assert!(held.iter().flatten().all(|byte| *byte == 1));
        drop(more);
        // One alone may be larger than the pool, and is not kept any longer than needed.
        let large = lend(&pool, &[3; 9 << 20]).unwrap();
        assert!(lend(&pool, &sent).is_none());
        drop(large);
        drop(lend(&pool, &sent).unwrap());
        assert!(pool.size().1 <= 4 * MIB);
    }

    #[test]
    fn segments_that_are_written_to_count() {
        let pool = SegmentPool::new(1 << 40);
        let sent: Vec<_> = (0..MOST - 2)
            .map(|_| lend(&pool, &[1; 10]).unwrap())
            .collect();
        let take = || pool.take(10, u64::MAX).unwrap();
        let both = (take().unwrap(), take().unwrap());
        assert!(take().is_none());
        drop(both);
        assert_eq!(pool.size().0, MOST);
        let both = (take().unwrap(), take().unwrap());
        assert!(take().is_none());
        // Bytes count, too: nothing is kept or begun beside two that are as large as the pool.
        drop((sent, both));
        pool.set_nbytes(2 * MIB);
        let both = [(); 2].map(|()| pool.take(MIB, u64::MAX).unwrap().unwrap());
        assert_eq!(pool.size(), (0, 0));
        assert!(take().is_none());
        drop(both);
        assert_eq!(pool.size(), (2, 2 * MIB));
    }

    #[test]
    fn writing_to_what_was_received_changes_nothing_elsewhere() {
        let pool = SegmentPool::new(MIB);
        let descriptor = lend(&pool, &[5; 100_000]).unwrap();
        let again = descriptor.try_clone().unwrap();
        let mut map = Segment::accept(descriptor).unwrap().map(100_000).unwrap();
        map[..50_000].fill(9);
        assert!(arrived(again, 100_000).iter().all(|byte| *byte == 5));
    }

    #[test]
    fn what_could_shrink_or_is_no_memory_is_refused() {
        let refused = |file: OwnedFd| match Segment::accept(file) {
            Err(Error::Segment(problem)) => problem,
            other => panic!("{other:?}"),
        };
        let unsealed = rustix::fs::memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(refused(unsealed), "could shrink");
        assert_eq!(
            refused(tempfile::tempfile().unwrap().into()),
            "is no memory"
        );
        let (pipe, _writer) = io::pipe().unwrap();
        assert_eq!(refused(pipe.into()), "is no memory");
        let short = rustix::fs::memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::fcntl_add_seals(&short, SealFlags::SHRINK).unwrap();
        assert_eq!(refused(short), "is too short");
        let pool = SegmentPool::new(MIB);
        let lent = lend(&pool, &[1; 10]).unwrap();
        assert!(rustix::fs::ftruncate(&lent, 0).is_err());
        let segment = Segment::accept(lent).unwrap();
        let capacity = segment.capacity();
        assert!(matches!(segment.map(capacity + 1), Err(Error::Segment(_))));
    }

    #[test]
    fn parts_in_any_order_and_again_arrive_as_they_were_written() {
        let pool = SegmentPool::new(8 * MIB);
        for round in 0..3_u8 {
            let mut filling = pool.take(3 * MIB, u64::MAX).unwrap().unwrap();
            let expected: Vec<u8> = (0..3 * MIB).map(|i| (i % 251) as u8 ^ round).collect();
            let (front, rest) = expected.split_at(48);
            let (middle, back) = rest.split_at(2 << 20);
            filling.write_at(back, 48 + (2 << 20)).unwrap();
            filling.write_at(front, 0).unwrap();
            filling.write_at(middle, 48).unwrap();
            assert!(filling.write_at(&expected, MIB).is_err());
            let segment = Segment::accept(filling.hand_over().unwrap().into()).unwrap();
            let mut copy = vec![0; expected.len()];
            segment.read_exact_at(&mut copy, 0).unwrap();
            assert!(copy == expected && segment.map(3 * MIB).unwrap()[..] == expected);
        }
        assert_eq!(pool.size().0, 1);
    }

    #[test]
    fn sizes_are_rounded_up_by_less_than_a_quarter() {
        for nbytes in [1, 65_536, 65_537, 100_000, 1 << 20, (1 << 28) + 1, 1 << 40] {
            let capacity = capacity(nbytes).unwrap();
            assert!(capacity >= nbytes && capacity <= SMALLEST.max(nbytes / 4 * 5 + 1));
        }
        assert_eq!(capacity(u64::MAX), None);
    }
}
