//! Complex numbers: they have a mean and a distance from it, but no order.

use super::leaf::Leaf;
use super::work::Job;
use super::{Moments, Number, Stats};
use crate::Result;
use crate::number::float;

/// The statistics of one leaf.
pub(super) fn stats(job: &Job<'_>) -> Result<Stats> {
    let leaf = job.leaf;
    let workers = job.pass(Tally::default, |tally, start, items| {
        for batch in leaf.batches(items) {
            tally.values.clear();
            decode(leaf, batch, &mut tally.values);
            let mut values = std::mem::take(&mut tally.values);
            tally.add(&mut values);
            tally.values = values;
        }
        let moments = std::mem::take(&mut tally.moments);
        tally.parts.push((start, moments));
    })?;
    let mut all = Tally::default();
    for worker in workers {
        all.n += worker.n;
        all.nan += worker.nan;
        all.inf += worker.inf;
        all.zeros += worker.zeros;
        all.parts.extend(worker.parts);
    }
    all.parts.sort_unstable_by_key(|(start, _)| *start);
    for (_, [re, im]) in &all.parts {
        all.moments[0].merge(re);
        all.moments[1].merge(im);
    }
    Ok(all.stats(leaf))
}

/// Counts and moments so far.
#[derive(Clone, Default)]
pub(super) struct Tally {
    n: u64,
    nan: u64,
    inf: u64,
    zeros: u64,
    /// Of the real and of the imaginary parts.
    moments: [Moments; 2],
    values: Vec<[f64; 2]>,
    parts: Vec<(u64, [Moments; 2])>,
}

impl Tally {
    /// Takes in these numbers, of which it removes NaN.
    pub(super) fn add(&mut self, values: &mut Vec<[f64; 2]>) {
        self.n += values.len() as u64;
        let before = values.len();
        values.retain(|[re, im]| !re.is_nan() && !im.is_nan());
        self.nan += (before - values.len()) as u64;
        for [re, im] in &*values {
            self.inf += u64::from(re.is_infinite() || im.is_infinite());
            self.zeros += u64::from(*re == 0.0 && *im == 0.0);
        }
        for (i, moments) in self.moments.iter_mut().enumerate() {
            let part: Vec<f64> = values.iter().map(|value| value[i]).collect();
            moments.merge(&Moments::of(&part));
        }
    }

    pub(super) fn stats(&self, leaf: &Leaf) -> Stats {
        let mut stats = Stats::new(leaf);
        (stats.n, stats.nan) = (self.n, self.nan);
        (stats.inf, stats.zeros) = (self.inf, self.zeros);
        let [re, im] = &self.moments;
        if let (Some(a), Some(b)) = (re.mean(), im.mean()) {
            stats.mean = Some(Number::Complex(a, b));
        }
        if let (Some(a), Some(b)) = (re.variance(), im.variance()) {
            stats.std = Some((a + b).sqrt());
        }
        stats
    }
}

/// Reads the numbers of whole items.
pub(super) fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<[f64; 2]>) {
    let swapped = leaf.swapped();
    match leaf.dtype.itemsize() {
        8 => leaf.each::<8, _>(items, out, |bytes| {
            [float(&bytes[..4], swapped), float(&bytes[4..], swapped)]
        }),
        _ => leaf.each::<16, _>(items, out, |bytes| {
            [float(&bytes[..8], swapped), float(&bytes[8..], swapped)]
        }),
    }
}
