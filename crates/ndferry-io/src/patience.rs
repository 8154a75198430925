//! [`Patience`]: when to give up on a peer.

use std::io;
use std::time::{Duration, Instant};

use crate::{Error, Interrupt, Result};

/// A peer that moves fewer bytes than this each second is as good as silent; otherwise one byte a minute would hold a
/// connection for ever.
const MIN_BYTES_PER_SECOND: f64 = 256.0;

/// How long a peer may take. Clocks are monotonic.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    pub(crate) timeout: Duration,
    pub(crate) interrupt: Interrupt,
    deadline: Option<(Instant, Duration)>,
}

/// One wait: from its start, or from the last progress worth the name.
pub(crate) struct Wait<'a> {
    patience: &'a Patience,
    progress: Progress,
}

/// How far a wait is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    since: Instant,
    moved: u64,
    /// When bytes were last seen to have moved, and how many had by then.
    last: (Instant, u64),
}

impl Patience {
    pub(crate) fn new(timeout: Duration, interrupt: Interrupt) -> Self {
        Self {
            timeout,
            interrupt,
            deadline: None,
        }
    }

    pub(crate) fn set_deadline(&mut self, within: Option<Duration>) {
        self.deadline =
            within.and_then(|within| Some((Instant::now().checked_add(within)?, within)));
    }

    pub(crate) fn begin(&self) -> Wait<'_> {
        self.go_on(Progress::new())
    }

    /// A wait that was left for a while.
    pub(crate) fn go_on(&self, progress: Progress) -> Wait<'_> {
        Wait {
            patience: self,
            progress,
        }
    }
}

impl Progress {
    /// At the start.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            since: now,
            moved: 0,
            last: (now, 0),
        }
    }
}

impl Wait<'_> {
    /// Repeats a call that gives up now and then until it moves bytes (or says 0, at the end).
    pub(crate) fn until(&mut self, mut call: impl FnMut() -> io::Result<usize>) -> Result<usize> {
        loop {
            // It may be this process that was stopped meanwhile: what is there by now was no silence.
            let silent = match self.check() {
                Err(error @ Error::Silent(_)) => Some(error),
                checked => {
                    checked?;
                    None
                }
            };
            match (call(), silent) {
                (Ok(n), silent) => {
                    if silent.is_some() {
                        self.progress = Progress::new();
                    }
                    self.progress.moved += n as u64;
                    return Ok(n);
                }
                (Err(error), None) if is_no_end(&error) => {}
                (Err(error), Some(silent)) if is_no_end(&error) => return Err(silent),
                (Err(error), _) => return Err(error.into()),
            }
        }
    }

    /// How far it is, for [`Patience::go_on`].
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// So many bytes have moved.
    pub(crate) fn moved(&mut self, nbytes: usize) {
        self.progress.moved += nbytes as u64;
    }

    /// Whether it is time to give up.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Patience {
            timeout,
            interrupt,
            deadline,
        } = self.patience;
        interrupt.check()?;
        let now = Instant::now();
        if let Some((deadline, within)) = deadline
            && now >= *deadline
        {
            return Err(Error::Deadline(*within));
        }
        if self.progress.moved != self.progress.last.1 {
            self.progress.last = (now, self.progress.moved);
        }
        if now.duration_since(self.progress.since) >= *timeout {
            if self.progress.moved == 0 {
                return Err(Error::Silent(*timeout));
            }
            if (self.progress.moved as f64) < MIN_BYTES_PER_SECOND * timeout.as_secs_f64() {
                return Err(Error::Slow {
                    moved: self.progress.moved,
                    timeout: *timeout,
                });
            }
            self.progress.since = now;
            self.progress.moved = 0;
            self.progress.last.1 = 0;
        }
        // Much may have moved before that.
        if now.duration_since(self.progress.last.0) >= *timeout {
            return Err(Error::Silent(*timeout));
        }
        Ok(())
    }
}

/// Whether a call has only given up for now.
pub(crate) fn is_no_end(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dripping_is_no_progress_but_a_slow_line_is() {
        let timeout = Duration::from_millis(200);
        let patience = Patience::new(timeout, Interrupt::new());
        let drip = |nbytes: usize| {
            let mut wait = patience.begin();
            // For five time-outs at least.
            for _ in 0..200 {
                wait.until(|| {
                    std::thread::sleep(Duration::from_millis(5));
                    Ok(nbytes)
                })?;
            }
            Ok(())
        };
        assert!(matches!(drip(1), Err(Error::Slow { .. })));
        assert!(matches!(drip(10_000), Ok(())));
    }

    #[test]
    fn silence_counts_from_the_last_byte_that_moved() {
        let timeout = Duration::from_millis(1500);
        let patience = Patience::new(timeout, Interrupt::new());
        let took = || {
            let mut wait = patience.begin();
            let started = Instant::now();
            let mut speaks = true;
            let error = loop {
                let moved = wait.until(|| {
                    std::thread::sleep(Duration::from_millis(5));
                    match std::mem::take(&mut speaks) {
                        true => Ok(1 << 20),
                        false => Err(io::ErrorKind::WouldBlock.into()),
                    }
                });
                if let Err(error) = moved {
                    break error;
                }
            };
            assert!(matches!(error, Error::Silent(_)));
            started.elapsed()
        };
        // One of three: counted from anything else it always takes two time-outs, on a busy machine sometimes.
        assert!((0..3).any(|_| took() < timeout * 2));
    }

    #[test]
    fn who_was_stopped_itself_takes_what_has_come_meanwhile() {
        let timeout = Duration::from_millis(50);
        let patience = Patience::new(timeout, Interrupt::new());
        let mut answers = [Err(io::ErrorKind::WouldBlock.into()), Ok(5)].into_iter();
        let found = patience.begin().until(|| {
            let answer: io::Result<usize> = answers.next().unwrap();
            if answer.is_err() {
                std::thread::sleep(3 * timeout);
            }
            answer
        });
        assert_eq!(found.unwrap(), 5);
    }

    #[test]
    fn a_deadline_holds_whatever_moves_until_it_is_lifted() {
        let mut patience = Patience::new(Duration::MAX, Interrupt::new());
        patience.set_deadline(Some(Duration::from_millis(30)));
        let mut wait = patience.begin();
        let error = loop {
            match wait.until(|| Ok(1 << 20)) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Deadline(_)));
        patience.set_deadline(None);
        assert_eq!(patience.begin().until(|| Ok(1)).unwrap(), 1);
        patience.set_deadline(Some(Duration::MAX));
        assert_eq!(patience.begin().until(|| Ok(1)).unwrap(), 1);
    }
}
