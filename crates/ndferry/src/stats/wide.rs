//! Numbers of more than 16 bits.

use std::collections::BTreeSet;

use super::leaf::Leaf;
use super::sample::Sample;
use super::search::{MAX_KEPT, Search, Sieve, Top};
use super::work::Job;
use super::{Histogram, Moments, Number, Stats, percentiles, ranks};
use crate::Result;

/// The statistics of one leaf.
pub(super) fn stats<T: Sample>(job: &Job<'_>) -> Result<Stats> {
    let (leaf, options) = (job.leaf, job.options);
    let size = job.array.size().saturating_mul(leaf.count() as u64);
    let is_small = size <= MAX_KEPT;
    let wants_ranks = !options.percentiles.is_empty();
    let new = || First::<T> {
        keys: (is_small && (wants_ranks || options.bins > 0)).then(Vec::new),
        top: (!is_small && wants_ranks).then(Top::new),
        ..First::default()
    };
    let workers = job.pass(new, |first, start, items| {
        for batch in leaf.batches(items) {
            first.values.clear();
            T::decode(leaf, batch, &mut first.values);
            first.add_batch(leaf);
        }
        let moments = std::mem::take(&mut first.tally.moments);
        first.parts.push((start, moments));
    })?;
    let mut workers = workers.into_iter();
    let mut first = workers.next().unwrap_or_default();
    workers.for_each(|other| first.merge(other));
    // In their own order, so that the rounding does not depend on which thread was faster.
    first.parts.sort_unstable_by_key(|(start, _)| *start);
    for (_, moments) in &first.parts {
        first.tally.moments.merge(moments);
    }
    let mut stats = first.tally.stats(leaf);
    let histogram = first
        .tally
        .finite
        .and_then(|(min, max)| Histogram::empty(min, max, options.bins));
    let count = stats.n - stats.nan;
    if let Some(mut keys) = first.keys {
        keys.sort_unstable();
        let at = |rank| T::from_key(keys[rank as usize]).to_f64();
        stats.percentiles = percentiles(&options.percentiles, count, at);
        stats.histogram = histogram;
        if let Some(histogram) = &mut stats.histogram {
            let values = keys.iter().map(|key| T::from_key(*key).to_f64());
            values
                .filter(|value| value.is_finite())
                .for_each(|value| histogram.add(value, 1));
        }
        return Ok(stats);
    }
    again::<T>(job, &mut stats, histogram, first.top.as_ref(), count)?;
    Ok(stats)
}

/// Further passes for the histogram and the percentiles.
fn again<T: Sample>(
    job: &Job<'_>,
    stats: &mut Stats,
    mut histogram: Option<Histogram>,
    top: Option<&Top>,
    count: u64,
) -> Result<()> {
    let wanted = &job.options.percentiles;
    let mut places = BTreeSet::new();
    if count > 0 {
        for percentile in wanted {
            let (below, above, _) = ranks(*percentile, count);
            places.extend([below, above]);
        }
    }
    let places: Vec<u64> = places.into_iter().collect();
    let mut search = top.map(|top| Search::new(&places, top));
    while histogram.is_some() || search.as_ref().is_some_and(|search| !search.is_done()) {
        let searching = search.as_ref().filter(|search| !search.is_done());
        let new = || Again::<T> {
            values: Vec::new(),
            sieve: searching.map(Search::sieve),
            histogram: histogram.clone(),
        };
        let workers = job.pass(new, |again, _, items| again.add(job.leaf, items))?;
        let mut sieves = Vec::new();
        let mut counted: Option<Histogram> = None;
        for worker in workers {
            sieves.extend(worker.sieve);
            match (&mut counted, worker.histogram) {
                (Some(all), Some(some)) => all.merge(&some),
                (None, some) => counted = some,
                (Some(_), None) => {}
            }
        }
        if counted.is_some() {
            (stats.histogram, histogram) = (counted, None);
        }
        if let Some(search) = &mut search {
            search.narrow(sieves);
        }
    }
    if let Some(search) = search {
        let at = |rank| {
            search
                .key(rank)
                .map_or(f64::NAN, |key| T::from_key(key).to_f64())
        };
        stats.percentiles = percentiles(wanted, count, at);
    }
    Ok(())
}

/// What one thread finds in the first pass.
struct First<T> {
    values: Vec<T>,
    tally: Tally<T>,
    /// First element of each run, and its moments.
    parts: Vec<(u64, Moments)>,
    /// All of them, if they are few.
    keys: Option<Vec<u64>>,
    top: Option<Top>,
}

impl<T: Sample> Default for First<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            tally: Tally::default(),
            parts: Vec::new(),
            keys: None,
            top: None,
        }
    }
}

impl<T: Sample> First<T> {
    fn add_batch(&mut self, leaf: &Leaf) {
        self.tally.add(&mut self.values, leaf.has_nan());
        if let Some(keys) = &mut self.keys {
            keys.extend(self.values.iter().map(|value| value.key()));
        }
        if let Some(top) = &mut self.top {
            self.values.iter().for_each(|value| top.add(value.key()));
        }
    }

    fn merge(&mut self, other: Self) {
        self.tally.merge(&other.tally);
        self.parts.extend(other.parts);
        if let (Some(mine), Some(theirs)) = (&mut self.keys, other.keys) {
            mine.extend(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.top, other.top) {
            mine.merge(&theirs);
        }
    }
}

/// What one thread finds in a further pass.
struct Again<T> {
    values: Vec<T>,
    sieve: Option<Sieve>,
    histogram: Option<Histogram>,
}

impl<T: Sample> Again<T> {
    fn add(&mut self, leaf: &Leaf, items: &[u8]) {
        for batch in leaf.batches(items) {
            self.values.clear();
            T::decode(leaf, batch, &mut self.values);
            if leaf.has_nan() {
                self.values.retain(|value| !value.is_nan());
            }
            if let Some(sieve) = &mut self.sieve {
                self.values.iter().for_each(|value| sieve.add(value.key()));
            }
            if let Some(histogram) = &mut self.histogram {
                let values = self.values.iter().map(|value| value.to_f64());
                values
                    .filter(|value| value.is_finite())
                    .for_each(|value| histogram.add(value, 1));
            }
        }
    }
}

/// Counts, range and moments so far.
#[derive(Clone)]
pub(super) struct Tally<T> {
    n: u64,
    nan: u64,
    inf: u64,
    zeros: u64,
    range: Option<(T, T)>,
    /// The smallest and the largest finite one.
    finite: Option<(f64, f64)>,
    moments: Moments,
    doubles: Vec<f64>,
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self {
            n: 0,
            nan: 0,
            inf: 0,
            zeros: 0,
            range: None,
            finite: None,
            moments: Moments::default(),
            doubles: Vec::new(),
        }
    }
}

impl<T: Sample> Tally<T> {
    /// Takes in these numbers, of which it removes NaN.
    pub(super) fn add(&mut self, values: &mut Vec<T>, has_nan: bool) {
        let before = values.len();
        if has_nan && values.iter().any(|value| value.is_nan()) {
            values.retain(|value| !value.is_nan());
        }
        self.n += before as u64;
        self.nan += (before - values.len()) as u64;
        let Some(any) = values.first().copied() else {
            return;
        };
        self.doubles.clear();
        self.doubles
            .extend(values.iter().map(|value| value.to_f64()));
        self.zeros += self
            .doubles
            .iter()
            .map(|x| u64::from(*x == 0.0))
            .sum::<u64>();
        let inf: u64 = self
            .doubles
            .iter()
            .map(|x| u64::from(x.is_infinite()))
            .sum();
        self.inf += inf;
        let (min, max) = range(values, any);
        self.range = Some(match self.range {
            Some((least, most)) => (lesser(least, min), greater(most, max)),
            None => (min, max),
        });
        let finite = if inf == 0 {
            Some((min.to_f64(), max.to_f64()))
        } else {
            let finite = self.doubles.iter().copied().filter(|x| x.is_finite());
            finite.map(|x| (x, x)).reduce(wider)
        };
        self.finite = self.finite.into_iter().chain(finite).reduce(wider);
        self.moments.merge(&Moments::of(&self.doubles));
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.nan += other.nan;
        self.inf += other.inf;
        self.zeros += other.zeros;
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((lesser(a.0, b.0), greater(a.1, b.1))),
            (a, b) => a.or(b),
        };
        self.finite = self.finite.into_iter().chain(other.finite).reduce(wider);
    }

    pub(super) fn stats(&self, leaf: &Leaf) -> Stats {
        let mut stats = Stats::new(leaf);
        (stats.n, stats.nan) = (self.n, self.nan);
        (stats.inf, stats.zeros) = (self.inf, self.zeros);
        let number = |value: T| -> Number { value.number() };
        stats.min = self.range.map(|(min, _)| number(min));
        stats.max = self.range.map(|(_, max)| number(max));
        stats.set_moments(&self.moments);
        stats
    }
}

fn lesser<T: PartialOrd>(a: T, b: T) -> T {
    if b < a { b } else { a }
}

fn greater<T: PartialOrd>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

fn wider(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// In eight lanes.
fn range<T: Sample>(values: &[T], any: T) -> (T, T) {
    let (eights, rest) = values.as_chunks::<8>();
    let (mut min, mut max) = ([any; 8], [any; 8]);
    for eight in eights {
        for i in 0..8 {
            min[i] = lesser(min[i], eight[i]);
            max[i] = greater(max[i], eight[i]);
        }
    }
    let least = min.into_iter().chain(rest.iter().copied()).reduce(lesser);
    let most = max.into_iter().chain(rest.iter().copied()).reduce(greater);
    (least.unwrap_or(any), most.unwrap_or(any))
}
