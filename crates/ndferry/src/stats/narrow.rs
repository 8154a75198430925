//! Numbers of up to 16 bits: how often each occurs tells everything.

use ndferry_array::Kind;

use super::leaf::Leaf;
use super::work::Job;
use super::{Histogram, Moments, Number, Stats, percentiles};
use crate::Result;
use crate::number::float;

/// The statistics of one leaf.
pub(super) fn stats(job: &Job<'_>) -> Result<Stats> {
    let (leaf, options) = (job.leaf, job.options);
    let workers = job.pass(Counts::new, |counts, _, items| {
        for batch in leaf.batches(items) {
            counts.keys.clear();
            decode(leaf, batch, &mut counts.keys);
            counts.add_batch();
        }
    })?;
    let mut counts = vec![0; 1 << 16];
    for worker in &workers {
        for table in &worker.tables {
            counts
                .iter_mut()
                .zip(table)
                .for_each(|(all, some)| *all += some);
        }
    }
    // Ascending, and NaN at the ends.
    let present = || (0..=u16::MAX).filter(|key| counts[usize::from(*key)] > 0);
    let mut stats = Stats::new(leaf);
    let mut moments = Moments::default();
    let mut values = Vec::new();
    for key in present() {
        let (value, count) = (value(leaf, key), counts[usize::from(key)]);
        stats.n += count;
        if value.is_nan() {
            stats.nan += count;
            continue;
        }
        stats.inf += if value.is_infinite() { count } else { 0 };
        stats.zeros += if value == 0.0 { count } else { 0 };
        stats.min = stats.min.or(Some(number(leaf, value)));
        stats.max = Some(number(leaf, value));
        moments.merge(&Moments::of_same(value, count));
        values.push((value, count));
    }
    stats.set_moments(&moments);
    stats.percentiles = percentiles(&options.percentiles, stats.n - stats.nan, |rank| {
        let mut below = 0;
        let at = values.iter().find(|(_, count)| {
            below += count;
            rank < below
        });
        at.map_or(f64::NAN, |(value, _)| *value)
    });
    values.retain(|(value, _)| value.is_finite());
    if let (Some((min, _)), Some((max, _))) = (values.first(), values.last()) {
        stats.histogram = Histogram::empty(*min, *max, options.bins);
    }
    if let Some(histogram) = &mut stats.histogram {
        for (value, count) in values {
            histogram.add(value, count);
        }
    }
    Ok(stats)
}

/// Two tables, since a count that was just written is slow to be read again.
struct Counts {
    keys: Vec<u16>,
    tables: [Vec<u64>; 2],
}

impl Counts {
    fn new() -> Self {
        let table = || vec![0; 1 << 16];
        Self {
            keys: Vec::new(),
            tables: [table(), table()],
        }
    }

    fn add_batch(&mut self) {
        let [even, odd] = &mut self.tables;
        let (pairs, rest) = self.keys.as_chunks::<2>();
        for [a, b] in pairs {
            even[usize::from(*a)] += 1;
            odd[usize::from(*b)] += 1;
        }
        for key in rest {
            even[usize::from(*key)] += 1;
        }
    }
}

/// Keys ascend as the numbers do.
fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<u16>) {
    let swapped = leaf.swapped();
    let bits = move |bytes| {
        let bits = u16::from_ne_bytes(bytes);
        if swapped { bits.swap_bytes() } else { bits }
    };
    match (leaf.dtype.kind(), leaf.dtype.itemsize()) {
        (Kind::Bool, _) => leaf.each::<1, _>(items, out, |[byte]| (byte != 0).into()),
        (Kind::Int, 1) => leaf.each::<1, _>(items, out, |[byte]| (byte ^ 0x80).into()),
        (Kind::Uint, 1) => leaf.each::<1, _>(items, out, |[byte]| byte.into()),
        (Kind::Int, _) => leaf.each(items, out, |bytes| bits(bytes) ^ SIGN),
        (Kind::Float, _) => leaf.each(items, out, |bytes| {
            let bits = bits(bytes);
            if bits & SIGN == 0 { bits | SIGN } else { !bits }
        }),
        _ => leaf.each(items, out, bits),
    }
}

const SIGN: u16 = 1 << 15;

fn value(leaf: &Leaf, key: u16) -> f64 {
    match (leaf.dtype.kind(), leaf.dtype.itemsize()) {
        (Kind::Int, 1) => f64::from(key) - 128.0,
        (Kind::Int, _) => f64::from(key) - 32768.0,
        (Kind::Float, _) => {
            let bits = if key & SIGN == 0 { !key } else { key ^ SIGN };
            float(&bits.to_ne_bytes(), false)
        }
        _ => f64::from(key),
    }
}

fn number(leaf: &Leaf, value: f64) -> Number {
    match leaf.dtype.kind() {
        Kind::Int => Number::Int(value as i64),
        Kind::Float => Number::Float(value),
        _ => Number::Uint(value as u64),
    }
}
