//! One result for each index of an axis.

use ndferry_array::{Kind, Order};

use super::leaf::Leaf;
use super::sample::Sample;
use super::work::Job;
use super::{Stats, complex, wide};
use crate::{ErrorKind, Result};

/// Bytes read at once.
const RUN_NBYTES: usize = 1 << 20;

/// More results than this nobody reads.
const MAX_RESULTS: usize = 1 << 20;

/// The statistics of one leaf for each index of `axis`.
pub(super) fn stats(job: &Job<'_>, axis: isize) -> Result<Vec<Stats>> {
    let shape = job.array.shape();
    let ndim = shape.len();
    let wrong = || ErrorKind::Axis { axis, ndim };
    let at = if axis < 0 { axis + ndim as isize } else { axis };
    let at = usize::try_from(at).ok().filter(|at| *at < ndim);
    let at = at.ok_or_else(wrong)?;
    if shape[at] > MAX_RESULTS {
        let (what, found) = ("results along the axis", shape[at] as u64);
        let limit = MAX_RESULTS as u64;
        return Err(ErrorKind::Limit { what, found, limit }.into());
    }
    let inner = match job.array.order() {
        Order::C => &shape[at + 1..],
        Order::F => &shape[..at],
    };
    let along = Along {
        extent: shape[at],
        step: inner.iter().product::<usize>().max(1),
    };
    let leaf = job.leaf;
    match (leaf.dtype.kind(), leaf.dtype.itemsize()) {
        (Kind::Complex, _) => {
            let mut tallies = vec![complex::Tally::default(); along.extent];
            along.walk(job, complex::decode, |i, values| tallies[i].add(values))?;
            Ok(numbered(tallies.iter().map(|tally| tally.stats(leaf))))
        }
        (Kind::Bool | Kind::Uint, _) => of_type::<u64>(job, &along),
        (Kind::Float, _) => of_type::<f64>(job, &along),
        _ => of_type::<i64>(job, &along),
    }
}

fn of_type<T: Sample>(job: &Job<'_>, along: &Along) -> Result<Vec<Stats>> {
    let mut tallies = vec![wide::Tally::<T>::default(); along.extent];
    let has_nan = job.leaf.has_nan();
    along.walk(job, T::decode, |i, values| tallies[i].add(values, has_nan))?;
    Ok(numbered(tallies.iter().map(|tally| tally.stats(job.leaf))))
}

fn numbered(stats: impl Iterator<Item = Stats>) -> Vec<Stats> {
    let number = |(i, mut stats): (usize, Stats)| {
        stats.index = Some(i);
        stats
    };
    stats.enumerate().map(number).collect()
}

/// Where the elements of one index are among all in stored order.
struct Along {
    extent: usize,
    /// Elements from one index to the next.
    step: usize,
}

impl Along {
    /// Gives the numbers of each index to `add`, in pieces.
    fn walk<T>(
        &self,
        job: &Job<'_>,
        decode: impl Fn(&Leaf, &[u8], &mut Vec<T>),
        mut add: impl FnMut(usize, &mut Vec<T>),
    ) -> Result<()> {
        let itemsize = job.array.dtype().itemsize().max(1);
        let mut values = Vec::new();
        let mut runs = job.array.runs(RUN_NBYTES)?;
        while let Some(run) = runs.next_run()? {
            job.options.interrupt.check()?;
            let count = run.bytes.len() / itemsize;
            let start = run.start as usize;
            // A run touches the indexes from `first` on, or all of them.
            let first = start / self.step;
            let last = (start + count - 1) / self.step;
            for place in first..=last.min(first + self.extent - 1) {
                values.clear();
                let mut piece = place;
                while piece <= last {
                    let from = (piece * self.step).max(start) - start;
                    let until = ((piece + 1) * self.step - start).min(count);
                    decode(
                        job.leaf,
                        &run.bytes[from * itemsize..until * itemsize],
                        &mut values,
                    );
                    piece += self.extent;
                }
                add(place % self.extent, &mut values);
            }
            job.progress.advance(run.bytes.len() as u64);
        }
        Ok(())
    }
}
