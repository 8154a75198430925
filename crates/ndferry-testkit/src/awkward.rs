//! Readers that are as awkward as the world: bytes drip, reads come short, signals interrupt.

use std::io::{self, ErrorKind, Read};

use crate::Rng;

/// How a reader misbehaves without breaking the contract of [`Read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// One byte at a time.
    Drips,
    /// A few bytes at a time, never more than seventeen; the same ones for the same seed.
    Short(u64),
    /// As [`Self::Short`], and every other call is interrupted by a signal.
    Interrupted(u64),
}

impl Habit {
    /// One of each.
    pub const ALL: [Self; 3] = [Self::Drips, Self::Short(1), Self::Interrupted(2)];
}

/// Gives `inner`'s bytes in an awkward way.
#[derive(Clone, Debug)]
pub struct Awkward<R> {
    inner: R,
    habit: Habit,
    rng: Rng,
    interrupted: bool,
}

impl<R: Read> Awkward<R> {
    /// The same bytes, less politely.
    pub fn new(inner: R, habit: Habit) -> Self {
        let seed = match habit {
            Habit::Drips => 0,
            Habit::Short(seed) | Habit::Interrupted(seed) => seed,
        };
        Self {
            inner,
            habit,
            rng: Rng::new(seed),
            interrupted: false,
        }
    }
}

impl<R: Read> Read for Awkward<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Habit::Interrupted(_) = self.habit {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
        }
        let most = match self.habit {
            Habit::Drips => 1,
            Habit::Short(_) | Habit::Interrupted(_) => 1 + self.rng.below(17),
        };
        let n = buf.len().min(most);
        self.inner.read(&mut buf[..n])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_gives_all_bytes_in_the_end() {
        let bytes: Vec<u8> = (0..=255).collect();
        for habit in Habit::ALL {
            let mut out = Vec::new();
            Awkward::new(&bytes[..], habit)
                .read_to_end(&mut out)
                .unwrap();
            assert_eq!(out, bytes, "{habit:?}");
        }
    }

    #[test]
    fn interruptions_and_short_reads_do_come() {
        let mut reader = Awkward::new(&[7u8; 64][..], Habit::Interrupted(3));
        let mut buf = [0; 64];
        let interrupted = reader.read(&mut buf).unwrap_err();
        assert_eq!(interrupted.kind(), ErrorKind::Interrupted);
        assert!(reader.read(&mut buf).unwrap() <= 17);
    }
}
