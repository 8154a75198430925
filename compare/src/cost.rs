//! [`Cost`]: what a task took.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// CPU time of all threads, and time on the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

impl Cost {
    /// Of running this, as often as said, in one go.
    pub(crate) fn of<T>(
        times: u32,
        mut run: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let (cpu, wall) = (cpu()?, Instant::now());
        for _ in 0..times {
            std::hint::black_box(run()?);
        }
        let wall = wall.elapsed();
        Ok(Self {
            cpu: self::cpu()? - cpu,
            wall,
        })
    }

    /// The cheapest of so many, in CPU time and on the clock each for itself: two threads on one processor take least of the
    /// one and most of the other. Memory that the system, or what is below it, hands out for the first time costs several
    /// times as much as the rest of a large reading, and hits either side by chance.
    pub(crate) fn least<T>(
        readings: u32,
        mut run: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<Self> {
        let costs = (0..readings).map(|_| Self::of(1, &mut run));
        let costs = costs.collect::<anyhow::Result<Vec<_>>>()?;
        let least = costs.into_iter().reduce(|one, other| Self {
            cpu: one.cpu.min(other.cpu),
            wall: one.wall.min(other.wall),
        });
        Ok(least.unwrap_or_default())
    }

    /// One of so many.
    pub(crate) fn each(self, count: u32) -> Self {
        Self {
            cpu: self.cpu / count,
            wall: self.wall / count,
        }
    }

    /// Prints it with the peak memory of this process and what came out.
    pub(crate) fn tell(self, result: Value) {
        let peak = ndferry::peak_memory();
        println!("{}", self.line(peak, result));
    }

    pub(crate) fn line(self, peak: Option<u64>, result: Value) -> Value {
        json!({
            "cpu": self.cpu.as_secs_f64(),
            "wall": self.wall.as_secs_f64(),
            "peak": peak,
            "result": result,
        })
    }
}

/// CPU time of this process so far.
pub(crate) fn cpu() -> anyhow::Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    Ok(time.into())
}

/// CPU time and the largest peak of all children that were waited for, in bytes.
pub(crate) fn of_children() -> anyhow::Result<(Duration, u64)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: nix::sys::time::TimeVal| {
        Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)
    };
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    // Linux counts in KiB.
    Ok((cpu, usage.max_rss() as u64 * 1024))
}

/// The digest in hexadecimal digits, to compare results by.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
