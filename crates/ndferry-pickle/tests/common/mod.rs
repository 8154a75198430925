//! What tests share that look at how long something takes.

use std::time::Duration;

/// What this thread has computed so far: how long work takes does not depend on what else the machine does.
#[cfg(unix)]
pub(crate) fn computed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time since the first call, where there is no such clock.
#[cfg(not(unix))]
pub(crate) fn computed() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
