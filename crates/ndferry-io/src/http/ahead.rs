//! [`Ahead`]: fetching more than is read at once, where the rest is wanted soon, so that there are few requests.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Parts that lie closer than this are fetched in one request.
const GAP: u64 = 16 << 10;

/// Who reads on so soon after the last piece walks through the file.
const NEAR: u64 = 64 << 10;

/// The most that one request for several parts brings.
const RUN: u64 = 4 << 20;

/// Runs that are remembered.
const RUNS: usize = 4096;

/// Runs that hold their bytes, until all of their parts were read or others need the room.
const HELD: usize = 8;

/// The first step of reading ahead of who reads one piece after the other, and the longest.
const WINDOW: Range<u64> = 64 << 10..4 << 20;

/// What was told to be read soon, and what one piece after another is about to read.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    runs: Mutex<VecDeque<Arc<Run>>>,
    straight: Mutex<Straight>,
}

/// Parts of the file that are fetched together.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) range: Range<u64>,
    /// Its bytes; the lock is held while they are fetched, so that the other readers wait for them.
    pub(super) bytes: Mutex<Option<Bytes>>,
    /// Bytes of its parts that were not read yet.
    left: Mutex<u64>,
}

/// Where the last piece ended, and what was fetched behind it.
#[derive(Debug, Default)]
struct Straight {
    next: u64,
    /// Two for each piece that began where the one before ended, one for each that began soon after it.
    streak: u32,
    start: u64,
    bytes: Bytes,
}

impl Ahead {
    /// Parts that will be read soon, in any order.
    pub(super) fn expect(&self, parts: &[Range<u64>]) {
        let mut parts: Vec<&Range<u64>> = parts.iter().filter(|part| !part.is_empty()).collect();
        parts.sort_by_key(|part| part.start);
        let mut joined: Vec<(Range<u64>, u64)> = Vec::new();
        for part in parts {
            match joined.last_mut() {
                Some((run, left))
                    if part.start <= run.end.saturating_add(GAP)
                        && part.end.max(run.end) - run.start <= RUN =>
                {
                    run.end = run.end.max(part.end);
                    *left += part.end - part.start;
                }
                _ => joined.push((part.clone(), part.end - part.start)),
            }
        }
        let mut runs = lock(&self.runs);
        let is_short = |(run, _): &(Range<u64>, u64)| run.end - run.start <= RUN;
        for (range, left) in joined.into_iter().filter(is_short) {
            if runs.len() == RUNS {
                runs.pop_front();
            }
            runs.push_back(Arc::new(Run {
                range,
                bytes: Mutex::new(None),
                left: Mutex::new(left),
            }));
        }
    }

    /// The run that holds these bytes, if they were told of.
    pub(super) fn run(&self, start: u64, nbytes: u64) -> Option<Arc<Run>> {
        let end = start.checked_add(nbytes)?;
        let runs = lock(&self.runs);
        let holds = |run: &&Arc<Run>| run.range.start <= start && end <= run.range.end;
        runs.iter().find(holds).map(Arc::clone)
    }

    /// So many bytes of a run were read: forgets it after the last.
    pub(super) fn used(&self, run: &Arc<Run>, nbytes: u64) {
        let mut left = lock(&run.left);
        *left = left.saturating_sub(nbytes);
        if *left == 0 {
            self.forget(run);
        }
    }

    /// Takes a run that was just fetched among those that hold bytes.
    pub(super) fn fetched(&self, run: &Arc<Run>) {
        let mut runs = lock(&self.runs);
        let holding: Vec<Arc<Run>> = runs
            .iter()
            // Who cannot be looked at is being fetched.
            .filter(|other| !Arc::ptr_eq(other, run))
            .filter(|other| other.bytes.try_lock().is_ok_and(|bytes| bytes.is_some()))
            .map(Arc::clone)
            .collect();
        let too_many = (holding.len() + 1).saturating_sub(HELD);
        runs.retain(|one| {
            let old = &holding[..too_many.min(holding.len())];
            !old.iter().any(|old| Arc::ptr_eq(old, one))
        });
    }

    fn forget(&self, run: &Arc<Run>) {
        lock(&self.runs).retain(|other| !Arc::ptr_eq(other, run));
    }

    /// Up to `buf.len()` bytes that were fetched before; 0 if there are none.
    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let mut straight = lock(&self.straight);
        let Some(skip) = offset.checked_sub(straight.start) else {
            return 0;
        };
        if skip >= straight.bytes.len() as u64 {
            return 0;
        }
        let there = &straight.bytes[skip as usize..];
        let n = there.len().min(buf.len());
        buf[..n].copy_from_slice(&there[..n]);
        straight.next = offset + n as u64;
        n
    }

    /// How many bytes to fetch where so many are read: more, if the read before ended here, or those before ended soon
    /// before the next.
    pub(super) fn window(&self, offset: u64, nbytes: u64) -> u64 {
        let mut straight = lock(&self.straight);
        straight.streak = match offset.checked_sub(straight.next) {
            Some(0) => straight.streak + 2,
            Some(..=NEAR) => straight.streak + 1,
            _ => 0,
        };
        straight.next = offset + nbytes;
        match straight.streak {
            0 | 1 => nbytes,
            streak => nbytes.max((WINDOW.start << (streak / 2 - 1).min(16)).min(WINDOW.end)),
        }
    }

    /// Keeps what was fetched beyond what was read.
    pub(super) fn keep(&self, start: u64, bytes: Bytes) {
        let mut straight = lock(&self.straight);
        (straight.start, straight.bytes) = (start, bytes);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(ahead: &Ahead) -> Vec<Range<u64>> {
        let runs = lock(&ahead.runs);
        runs.iter().map(|run| run.range.clone()).collect()
    }

    #[test]
    fn neighbours_are_one_run_and_what_is_too_long_is_none() {
        let ahead = Ahead::default();
        ahead.expect(&[
            50_000..60_000,
            0..10_000,
            10_000..20_000,
            30_000..31_000,
            9 << 20..14 << 20,
        ]);
        assert_eq!(ranges(&ahead), [0..31_000, 50_000..60_000]);
        let ahead = Ahead::default();
        let parts: Vec<_> = (0..10).map(|i| i << 20..(i + 1) << 20).collect();
        ahead.expect(&parts);
        assert_eq!(
            ranges(&ahead),
            [0..4 << 20, 4 << 20..8 << 20, 8 << 20..10 << 20]
        );
        assert!(ahead.run((3 << 20) + 5, 10).is_some());
        assert!(ahead.run((4 << 20) - 5, 10).is_none());
    }

    #[test]
    fn a_run_is_forgotten_when_all_of_its_parts_were_read() {
        let ahead = Ahead::default();
        ahead.expect(&[0..10, 20..30]);
        let run = ahead.run(20, 10).unwrap();
        ahead.used(&run, 10);
        assert!(ahead.run(0, 10).is_some());
        ahead.used(&run, 10);
        assert!(ahead.run(0, 10).is_none());
    }

    #[test]
    fn neither_runs_nor_their_bytes_pile_up() {
        let ahead = Ahead::default();
        for i in 0..200 {
            let at = i << 30;
            ahead.expect(&[at..at + 10, at + 20..at + 30]);
            let run = ahead.run(at, 10).unwrap();
            *lock(&run.bytes) = Some(Bytes::from(vec![0; 30]));
            ahead.fetched(&run);
            assert!(lock(&ahead.runs).len() <= HELD);
        }
        let ahead = Ahead::default();
        for i in 0..5000 {
            ahead.expect(&[i << 30..(i << 30) + 10, (i << 30) + 20..(i << 30) + 30]);
        }
        assert_eq!(lock(&ahead.runs).len(), RUNS);
    }

    #[test]
    fn the_window_grows_only_for_who_reads_on() {
        let ahead = Ahead::default();
        assert_eq!(ahead.window(500, 10), 10);
        assert_eq!(ahead.window(510, 10), 64 << 10);
        assert_eq!(ahead.window(520, 10), 128 << 10);
        assert_eq!(ahead.window(1 << 20, 10), 10);
        assert_eq!(ahead.window((1 << 20) + 99, 10), 10);
        assert_eq!(ahead.window((1 << 20) + 199, 10), 64 << 10);
        assert_eq!(ahead.window(900, 10), 10);
        for _ in 0..50 {
            let next = lock(&ahead.straight).next;
            assert!(ahead.window(next, 10) <= 4 << 20);
        }
    }
}
