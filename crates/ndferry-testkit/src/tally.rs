//! [`Tally`]: how many mutants came to what end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::{Mutation, Outcome};

/// Counts per format and kind of mutation.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<(&'static str, Mutation), Counts>,
}

/// What became of mutants of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub mutants: u64,
    /// Every array in them could be read.
    pub read: u64,
    /// They were refused, or some array in them was.
    pub refused: u64,
    /// A check found nothing wrong with them.
    pub good: u64,
    /// Panics.
    pub panics: u64,
    /// Signals and other sudden ends.
    pub deaths: u64,
    /// Time-outs.
    pub timeouts: u64,
    /// Memory blow-ups.
    pub blown: u64,
    /// Elements other than the seed's, without an error, where there is a checksum.
    pub wrong: u64,
    /// The longest that one took.
    pub slowest: Duration,
    /// The most that an agent had grown.
    pub growth: u64,
}

impl Counts {
    /// How many of them must not be.
    pub fn bad(&self) -> u64 {
        self.panics + self.deaths + self.timeouts + self.blown + self.wrong
    }

    fn add(&mut self, other: &Self) {
        self.mutants += other.mutants;
        self.read += other.read;
        self.refused += other.refused;
        self.good += other.good;
        self.panics += other.panics;
        self.deaths += other.deaths;
        self.timeouts += other.timeouts;
        self.blown += other.blown;
        self.wrong += other.wrong;
        self.slowest = self.slowest.max(other.slowest);
        self.growth = self.growth.max(other.growth);
    }
}

impl Tally {
    /// Counts one mutant; `wrong` if its elements are not what they should be.
    pub fn count(
        &mut self,
        format: &'static str,
        mutation: Mutation,
        outcome: &Outcome,
        wrong: bool,
    ) {
        let counts = self.counts.entry((format, mutation)).or_default();
        counts.mutants += 1;
        counts.wrong += u64::from(wrong);
        match outcome {
            Outcome::Verdict(examined) => {
                let verdict = &examined.verdict;
                let read = verdict.refused.is_none() && verdict.unreadable == 0;
                counts.read += u64::from(read);
                counts.refused += u64::from(!read);
                counts.good += u64::from(verdict.good);
                counts.slowest = counts.slowest.max(examined.took);
                counts.growth = counts.growth.max(examined.growth);
            }
            Outcome::Panic(_) => counts.panics += 1,
            Outcome::Died(_) => counts.deaths += 1,
            Outcome::TimedOut => counts.timeouts += 1,
            Outcome::Blown(growth) => {
                counts.blown += 1;
                counts.growth = counts.growth.max(*growth);
            }
        }
    }

    /// Adds what another thread has counted.
    pub fn merge(&mut self, other: &Self) {
        for (kind, counts) in &other.counts {
            self.counts.entry(*kind).or_default().add(counts);
        }
    }

    /// All kinds together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|counts| total.add(counts));
        total
    }
}

/// A table, one line for each kind.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<18} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>8} {:>5} {:>5} {:>8} {:>6}",
            "format, mutation",
            "mutants",
            "read",
            "refused",
            "good",
            "panics",
            "signals",
            "timeouts",
            "blown",
            "wrong",
            "slowest",
            "grown"
        )?;
        for ((format, mutation), counts) in &self.counts {
            line(f, &format!("{format} {}", mutation.name()), counts)?;
        }
        line(f, "all", &self.total())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    let millis = counts.slowest.as_secs_f64() * 1e3;
    let mib = counts.growth as f64 / f64::from(1 << 20);
    let Counts {
        mutants,
        read,
        refused,
        good,
        panics,
        deaths,
        timeouts,
        blown,
        wrong,
        ..
    } = counts;
    writeln!(
        f,
        "{name:<18} {mutants:>7} {read:>7} {refused:>7} {good:>7} {panics:>6} {deaths:>7} {timeouts:>8} {blown:>5} \
         {wrong:>5} {millis:>5.1} ms {mib:>3.0} MiB"
    )
}
