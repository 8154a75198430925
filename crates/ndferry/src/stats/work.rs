//! [`Job`]: one pass over an array on several threads.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::StatsOptions;
use super::leaf::Leaf;
use crate::runs::Runs;
use crate::{LazyArray, Progress, Result};

/// Bytes that a thread reads at once.
const RUN_NBYTES: usize = 1 << 20;

/// Numbers that a thread works on at once: 32 KiB of doubles.
pub(super) const BATCH: usize = 4096;

/// What is worked on, and how.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) array: &'a LazyArray,
    pub(super) leaf: &'a Leaf,
    pub(super) options: &'a StatsOptions,
    pub(super) progress: &'a dyn Progress,
}

impl Job<'_> {
    /// Gives each run, its number, and one of the workers to `work`, on as many threads as pay. Which worker gets which
    /// run is left to chance.
    pub(super) fn pass<W: Send>(
        &self,
        new: impl Fn() -> W,
        work: impl Fn(&mut W, u64, &[u8]) + Sync,
    ) -> Result<Vec<W>> {
        let jobs = self.array.nbytes() / RUN_NBYTES as u64;
        let threads = crate::threads::threads(self.options.threads, jobs);
        let runs = Mutex::new(self.array.runs(RUN_NBYTES)?);
        let one = |mut worker: W| -> Result<W> {
            let mut buffer = Vec::new();
            while let Some((start, bytes)) = self.next(&runs, &mut buffer)? {
                work(&mut worker, start, bytes);
                self.progress.advance(bytes.len() as u64);
            }
            Ok(worker)
        };
        if threads == 1 {
            return Ok(vec![one(new())?]);
        }
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let worker = new();
                    scope.spawn(|| one(worker))
                })
                .collect();
            let joined = workers.into_iter().map(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        })
    }

    fn next<'b>(
        &self,
        runs: &'b Mutex<Runs<'_>>,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Option<(u64, &'b [u8])>> {
        self.options.interrupt.check()?;
        let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
        if !runs.advance()? {
            return Ok(None);
        }
        let start = runs.run().start;
        Ok(Some((start, runs.take(buffer))))
    }
}
