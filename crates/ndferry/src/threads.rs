//! How many threads to use.

use std::thread;

/// `wanted` threads, as many as the machine has for 0, but no more than there are jobs, and at least one.
pub(crate) fn threads(wanted: usize, jobs: u64) -> usize {
    let most = match wanted {
        0 => thread::available_parallelism().map_or(1, usize::from),
        wanted => wanted,
    };
    let threads = most.min(usize::try_from(jobs).unwrap_or(usize::MAX)).max(1);
    tracing::debug!(threads, jobs, "threads");
    threads
}
