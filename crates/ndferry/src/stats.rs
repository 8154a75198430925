//! [`stats`]: what the numbers of an array are like.

mod axis;
mod complex;
mod histogram;
mod leaf;
mod moments;
mod narrow;
mod sample;
mod search;
mod wide;
mod work;

use ndferry_array::{Dtype, Kind};

pub use histogram::Histogram;
use leaf::Leaf;
use moments::Moments;

use crate::{ErrorKind, Interrupt, LazyArray, Progress, Result};

/// What to find out beyond counts, range, mean and standard deviation.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StatsOptions {
    /// Percentiles from 0 to 100, as `numpy.percentile` takes them (`method="linear"`).
    pub percentiles: Vec<f64>,
    /// How many bins the histogram has; none is made for 0.
    pub bins: usize,
    /// One result for each index of this axis (over all other axes), instead of one for all; without percentiles and
    /// histogram. Negative counts from the last.
    pub axis: Option<isize>,
    /// Threads; 0 takes as many as the machine has.
    pub threads: usize,
    /// Stops the work.
    pub interrupt: Interrupt,
}

/// What the numbers of an array, or of one of its fields, are like.
///
/// NaN (and NaT) are counted and otherwise left out, as `numpy.nanmean` and its kin do; infinities take part. All sums
/// are made in double precision, whatever the dtype: `numpy.nanmean(a, dtype="f8")`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The path of the field in a structured array (`pos.x`), otherwise empty.
    pub field: String,
    /// Which index of [`StatsOptions::axis`].
    pub index: Option<usize>,
    /// What one number is. Datetimes and timedeltas are counted in its ticks below.
    pub dtype: Dtype,
    /// How many numbers there are, with the following.
    pub n: u64,
    /// How many are NaN or NaT; of complex numbers, in either part.
    pub nan: u64,
    /// How many are infinite, of either sign, and not NaN.
    pub inf: u64,
    /// How many are zero.
    pub zeros: u64,
    /// The smallest; `None` where all are NaN, and for complex numbers.
    pub min: Option<Number>,
    /// The largest.
    pub max: Option<Number>,
    /// The arithmetic mean; `None` where all are NaN.
    pub mean: Option<Number>,
    /// The standard deviation of the population (`ddof=0`).
    pub std: Option<f64>,
    /// Percentiles in the order in which they were asked for; empty where there are none.
    pub percentiles: Vec<(f64, f64)>,
    /// Of all finite numbers.
    pub histogram: Option<Histogram>,
}

/// A number without loss.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// Of a signed integer, a datetime or a timedelta.
    Int(i64),
    /// Of an unsigned integer or a bool.
    Uint(u64),
    /// Of a float.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
}

/// Reads all of an array, in pieces, and says what its numbers are like; of a structured array, those of each field.
///
/// An array of up to 16-bit numbers, or of up to a quarter of a million, is read once. For percentiles or a histogram
/// of others it is read again: once for the histogram, and once to four times to find the exact percentiles by their
/// leading bits. Memory stays at a few MiB a thread, whatever the array.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for text and bytes; [`ErrorKind::Objects`]; [`ErrorKind::Percentile`];
/// [`ErrorKind::Axis`]; whatever reading brings.
pub fn stats(
    array: &LazyArray,
    options: &StatsOptions,
    progress: &dyn Progress,
) -> Result<Vec<Stats>> {
    if let Some(value) = options
        .percentiles
        .iter()
        .find(|value| !(0.0..=100.0).contains(*value))
    {
        return Err(ErrorKind::Percentile { value: *value }.into());
    }
    let leaves = Leaf::all(array.dtype()).map_err(|e| array.place(e))?;
    let mut out = Vec::new();
    for leaf in &leaves {
        progress.start(array.path(), Some(array.nbytes()));
        let job = work::Job {
            array,
            leaf,
            options,
            progress,
        };
        match (options.axis, leaf.dtype.kind()) {
            (Some(axis), _) => out.extend(axis::stats(&job, axis)?),
            (None, Kind::Complex) => out.push(complex::stats(&job)?),
            (None, _) if leaf.dtype.itemsize() <= 2 => out.push(narrow::stats(&job)?),
            (None, Kind::Uint) => out.push(wide::stats::<u64>(&job)?),
            (None, Kind::Float) => out.push(wide::stats::<f64>(&job)?),
            (None, _) => out.push(wide::stats::<i64>(&job)?),
        }
        progress.finish();
    }
    Ok(out)
}

impl Stats {
    /// Of no numbers yet.
    fn new(leaf: &Leaf) -> Self {
        Self {
            field: leaf.path.clone(),
            index: None,
            dtype: leaf.dtype.clone(),
            n: 0,
            nan: 0,
            inf: 0,
            zeros: 0,
            min: None,
            max: None,
            mean: None,
            std: None,
            percentiles: Vec::new(),
            histogram: None,
        }
    }

    fn set_moments(&mut self, moments: &Moments) {
        self.mean = moments.mean().map(Number::Float);
        self.std = moments.std();
    }
}

impl Number {
    /// The nearest double; the real part of a complex number.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Uint(n) => n as f64,
            Self::Float(x) | Self::Complex(x, _) => x,
        }
    }
}

/// The values of the wanted percentiles of `size` numbers, of which `at` gives the one of a rank.
fn percentiles(wanted: &[f64], size: u64, mut at: impl FnMut(u64) -> f64) -> Vec<(f64, f64)> {
    if size == 0 {
        return Vec::new();
    }
    let mut value = |percentile: f64| {
        let (below, above, part) = ranks(percentile, size);
        let (a, b) = (at(below), at(above));
        // As numpy/lib/_function_base_impl.py, _lerp; but without inf - inf where nothing lies between.
        if part == 0.0 || a == b {
            a
        } else if part >= 0.5 {
            b - (b - a) * (1.0 - part)
        } else {
            a + (b - a) * part
        }
    };
    wanted.iter().map(|p| (*p, value(*p))).collect()
}

/// Between which two ranks a percentile lies, and how far from the first to the second.
fn ranks(percentile: f64, size: u64) -> (u64, u64, f64) {
    let last = size - 1;
    let place = (percentile / 100.0) * last as f64;
    let below = (place as u64).min(last);
    (below, (below + 1).min(last), place - below as f64)
}

#[cfg(test)]
mod tests;
