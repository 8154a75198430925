//! What Java holds by a number. Numbers are never used again, so one that is freed, from whichever thread, is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use bytes::Bytes;
use ndferry::Source;

use crate::failure::Failure;

/// What there is.
#[derive(Debug)]
pub(crate) enum Held {
    /// Elements that direct buffers of Java show.
    Memory {
        _bytes: Bytes,
    },
    File(Box<Source>),
}

static HELD: LazyLock<RwLock<HashMap<i64, Arc<Held>>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicI64 = AtomicI64::new(1);

/// A number for it.
pub(crate) fn hold(held: Held) -> i64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut all = HELD.write().unwrap_or_else(PoisonError::into_inner);
    all.insert(number, Arc::new(held));
    number
}

/// Forgets it; whoever works with it at this time ends first. Whether it was there.
pub(crate) fn free(number: i64) -> bool {
    let mut all = HELD.write().unwrap_or_else(PoisonError::into_inner);
    let freed = all.remove(&number);
    drop(all);
    freed.is_some()
}

/// How many there are.
pub(crate) fn count() -> usize {
    let all = HELD.read().unwrap_or_else(PoisonError::into_inner);
    all.len()
}

/// What has this number.
pub(crate) fn get(number: i64) -> Result<Arc<Held>, Failure> {
    let all = HELD.read().unwrap_or_else(PoisonError::into_inner);
    all.get(&number).cloned().ok_or(Failure::Closed)
}
