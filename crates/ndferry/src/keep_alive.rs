//! [`while_busy`]: the other side hears that this one is still there.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ndferry_io::Link;
use ndferry_npb::ping;

use crate::Result;

/// Often enough for every patience that makes sense.
const EVERY: Duration = Duration::from_secs(1);

/// A link that says PING when there is nothing else to say.
pub(crate) struct Kept<'a>(Mutex<&'a mut Link>);

impl<'a> Kept<'a> {
    /// For as long as one message takes.
    pub(crate) fn link(&self) -> MutexGuard<'_, &'a mut Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does something that takes long, such as packing or storing, during which the other side must not take this one for
/// dead: it is sent a PING every second. Over a pipe nobody waits for a word.
pub(crate) fn while_busy<R>(
    link: &mut Link,
    work: impl FnOnce(&Kept<'_>) -> Result<R>,
) -> Result<R> {
    let answers = link.answers();
    let kept = &Kept(Mutex::new(link));
    if !answers {
        return work(kept);
    }
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let pinging = thread::Builder::new().name("keep-alive".to_owned());
        pinging.spawn_scoped(scope, move || {
            while is_done.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                // Whoever has it is saying something.
                let Ok(mut link) = kept.0.try_lock() else {
                    continue;
                };
                if link.send(&[&ping()]).is_err() {
                    // The next message meets the same error.
                    return;
                }
            }
        })?;
        let result = work(kept);
        drop(done);
        result
    })
}
