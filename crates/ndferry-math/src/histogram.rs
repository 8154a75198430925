//! Histograms: how many elements lie in each bin.

use ndferry_array::Array;
use rayon::prelude::*;

use crate::arith::Arith;
use crate::astype::cast;
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::map::MANY;
use crate::options::Options;
use crate::sorting::array_of;
use crate::widest::widest;
use crate::{MathError, Operand};

const NAME: &str = "histogram";

/// Elements whose bins are looked for at once.
const PIECE: usize = 4096;

/// Of so few bins there are several counts at a time: one that was just changed is slow to be changed again.
const FEW: usize = 1 << 10;

/// Counts at a time.
const COUNTS: usize = 4;

/// `numpy.histogram`: counts (`f8` of densities) and edges of so many equal bins of the range, or of bins with given edges.
pub(crate) fn histogram(
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<Vec<Array>, MathError> {
    let held = operands[0].own()?;
    let view = held.view();
    let code = Code::of(view.dtype())
        .filter(|code| !code.is_complex())
        .ok_or_else(|| no_loop(NAME, operands))?;
    let feed = Feed::new(&view)?;
    let (bins, edges) = match operands.get(1) {
        None => even(&feed, code, 10, options)?,
        Some(Operand::Int(bins)) => even(&feed, code, i64::try_from(*bins).unwrap_or(-1), options)?,
        Some(edges) => {
            let edges = edges.own()?;
            if edges.view().ndim() != 1 {
                return Err(value("`bins` must be 1d, when an array"));
            }
            let edges = cast(
                &edges.view(),
                Code::of(edges.view().dtype()).unwrap_or(Code::F64),
            )?;
            let bins = Bins {
                edges: Feed::new(&edges.view())?.to_vec()?,
                even: None,
            };
            if bins.edges.windows(2).any(|pair| pair[0] > pair[1]) {
                return Err(value("`bins` must increase monotonically"));
            }
            if bins.count() == 0 {
                return Err(value("`bins` must be positive"));
            }
            (bins, edges)
        }
    };
    let counts = bins.counts(&feed)?;
    if !options.flag("density", false)? {
        return Ok(vec![array_of(&counts, Code::I64, &[counts.len()])?, edges]);
    }
    let total = counts.iter().sum::<i64>() as f64;
    // With the digits of the edges.
    let digits = Code::of(edges.dtype()).unwrap_or(Code::F64);
    let widths = bins.edges.windows(2);
    let widths = widths.map(|pair| digits.rounded(pair[1] - pair[0]));
    let densities: Vec<f64> = counts
        .iter()
        .zip(widths)
        .map(|(count, width)| *count as f64 / width / total)
        .collect();
    Ok(vec![
        array_of(&densities, Code::F64, &[counts.len()])?,
        edges,
    ])
}

fn value(problem: &'static str) -> MathError {
    MathError::Value {
        function: NAME,
        problem,
    }
}

/// So many bins of the same width from `low` to `high`, or from the least to the greatest element; and their edges, as floats
/// of the elements' dtype if they are floats.
fn even(
    feed: &Feed<'_>,
    code: Code,
    bins: i64,
    options: &Options,
) -> Result<(Bins, Array), MathError> {
    let count = usize::try_from(bins)
        .ok()
        .filter(|bins| *bins > 0)
        .ok_or_else(|| value("`bins` must be positive"))?;
    let out = if code.is_float() { code } else { Code::F64 };
    // A range is of floats of Python, which compute as f8.
    let (mut low, mut high, steps) = match (options.float("low")?, options.float("high")?) {
        (Some(low), Some(high)) => (low, high, Code::F64),
        _ if feed.size() == 0 => (0.0, 1.0, Code::F64),
        _ => {
            let (low, high) = ends(feed);
            (low, high, out)
        }
    };
    if !(low.is_finite() && high.is_finite()) {
        return Err(value("range is not finite"));
    }
    if low > high {
        return Err(value("max must be larger than min in range parameter."));
    }
    if low == high {
        (low, high) = (steps.rounded(low - 0.5), steps.rounded(high + 0.5));
    }
    let mut edges = linspace(low, high, count + 1, steps)?;
    edges.iter_mut().for_each(|edge| *edge = out.rounded(*edge));
    if edges
        .windows(2)
        .any(|pair| pair[0] >= pair[1] || !pair[0].is_finite())
    {
        return Err(value(
            "too many bins for the range: some would have no width",
        ));
    }
    let array = match out {
        Code::F64 => array_of(&edges, out, &[edges.len()])?,
        _ => {
            let singles: Vec<f32> = edges.iter().map(|edge| *edge as f32).collect();
            array_of(&singles, out, &[edges.len()])?
        }
    };
    let even = Even::new(out.rounded(low), out.rounded(high), &edges)?;
    Ok((Bins { edges, even }, array))
}

/// The least and the greatest element; a NaN if there is one.
fn ends(feed: &Feed<'_>) -> (f64, f64) {
    let ends = |(low, high): (f64, f64), items: &[f64]| {
        widest(
            #[inline(always)]
            |_| {
                let (mut least, mut greatest) = ([low; 8], [high; 8]);
                let mut nans = false;
                let (eights, rest) = items.as_chunks::<8>();
                for eight in eights {
                    for (at, item) in eight.iter().enumerate() {
                        least[at] = if *item < least[at] { *item } else { least[at] };
                        greatest[at] = if *item > greatest[at] {
                            *item
                        } else {
                            greatest[at]
                        };
                        nans |= item.is_nan();
                    }
                }
                for item in rest {
                    least[0] = if *item < least[0] { *item } else { least[0] };
                    greatest[0] = if *item > greatest[0] {
                        *item
                    } else {
                        greatest[0]
                    };
                    nans |= item.is_nan();
                }
                if nans {
                    return (f64::NAN, f64::NAN);
                }
                let low = least.into_iter().fold(f64::INFINITY, Arith::min);
                (
                    low,
                    greatest.into_iter().fold(f64::NEG_INFINITY, Arith::max),
                )
            },
        )
    };
    let both = |a: (f64, f64), b: (f64, f64)| (Arith::min(a.0, b.0), Arith::max(a.1, b.1));
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let share = |part: Range| {
        let mut scratch = Vec::new();
        part.pieces().fold(none, |all, (start, count)| {
            both(all, ends(none, feed.piece(start, count, &mut scratch)))
        })
    };
    shares(feed.size(), 4 * rayon::current_num_threads())
        .into_par_iter()
        .map(share)
        .reduce(|| none, both)
}

/// Elements that one thread looks at.
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    /// Where pieces start, and how many elements they have.
    fn pieces(self) -> impl Iterator<Item = (usize, usize)> {
        (self.start..self.end)
            .step_by(PIECE)
            .map(move |start| (start, PIECE.min(self.end - start)))
    }
}

/// So many parts of the whole, if it is long.
fn shares(size: usize, count: usize) -> Vec<Range> {
    let length = if size < MANY {
        size
    } else {
        size.div_ceil(count)
    };
    (0..size)
        .step_by(length.max(1))
        .map(|start| Range {
            start,
            end: size.min(start + length),
        })
        .collect()
}

struct Bins {
    edges: Vec<f64>,
    even: Option<Even>,
}

impl Bins {
    fn count(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }

    /// How many elements each bin has.
    fn counts(&self, feed: &Feed<'_>) -> Result<Vec<i64>, MathError> {
        let threads = rayon::current_num_threads();
        let parts = match self.count() {
            ..=FEW => 4 * threads,
            // Not more counts than elements.
            count if count.saturating_mul(threads) <= feed.size() => threads,
            _ => 1,
        };
        let mut parts = shares(feed.size(), parts);
        if parts.is_empty() {
            parts.push(Range { start: 0, end: 0 });
        }
        parts
            .into_par_iter()
            .map(|part| self.counts_of(feed, part))
            .try_reduce_with(|mut all, more| {
                for (all, more) in all.iter_mut().zip(more) {
                    *all += more;
                }
                Ok(all)
            })
            .unwrap_or_else(|| Ok(Vec::new()))
    }

    fn counts_of(&self, feed: &Feed<'_>, part: Range) -> Result<Vec<i64>, MathError> {
        // The last bin is of what lies in none.
        let count = self.count() + 1;
        let each = if self.count() <= FEW { COUNTS } else { 1 };
        let mut counts: Vec<i64> = room_for(count * each)?;
        counts.resize(count * each, 0);
        let (mut scratch, mut places) = (Vec::new(), [0; PIECE]);
        for (start, length) in part.pieces() {
            let items = feed.piece(start, length, &mut scratch);
            match &self.even {
                Some(even) => even.add(items, &mut places[..length], &mut counts),
                None => items.iter().for_each(|item| counts[self.place(*item)] += 1),
            }
        }
        for nth in 1..each {
            let (sums, more) = counts.split_at_mut(nth * count);
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += *more;
            }
        }
        counts.truncate(self.count());
        Ok(counts)
    }

    /// The bin of an element; the last one has both its edges.
    fn place(&self, item: f64) -> usize {
        let last = self.count();
        if !(self.edges[0]..=self.edges[last]).contains(&item) {
            return last;
        }
        // An element at the first edge has one edge at or below it.
        let bin = self.edges.partition_point(|edge| *edge <= item).min(last);
        bin.max(1) - 1
    }
}

/// Bins of the same width, of which an element's can be computed, nearly: then its edges say whether it is the next one. So
/// NumPy does it.
struct Even {
    first: f64,
    last: f64,
    width: f64,
    count: i32,
    /// Below, it is in the bin before: of each bin and of what is in none; a NaN if there is none before.
    low: Vec<f64>,
    /// From there on it is in the next bin.
    high: Vec<f64>,
}

impl Even {
    /// `None` where bins cannot be computed: of ranges and numbers of them that are too large.
    fn new(first: f64, last: f64, edges: &[f64]) -> Result<Option<Self>, MathError> {
        let width = last - first;
        let bins = edges.len() - 1;
        let Some(count) = i32::try_from(bins).ok().filter(|_| width.is_finite()) else {
            return Ok(None);
        };
        let (mut low, mut high) = (room_for(bins + 1)?, room_for(bins + 1)?);
        low.push(f64::NAN);
        low.extend_from_slice(&edges[1..bins]);
        low.push(f64::NAN);
        high.extend_from_slice(&edges[1..bins]);
        high.extend([f64::NAN; 2]);
        Ok(Some(Self {
            first,
            last,
            width,
            count,
            low,
            high,
        }))
    }

    /// Counts elements, their places being as many as they are.
    fn add(&self, items: &[f64], places: &mut [i32], counts: &mut [i64]) {
        let (first, last, width, count) = (self.first, self.last, self.width, self.count);
        let bins = f64::from(count);
        widest(
            #[inline(always)]
            |_| {
                for (place, item) in places.iter_mut().zip(items) {
                    let about = ((item - first) / width * bins) as i32;
                    let inside = *item >= first && *item <= last;
                    *place = if inside {
                        Ord::min(about, count - 1)
                    } else {
                        count
                    };
                }
            },
        );
        let each = self.low.len();
        let several = counts.len() > each;
        for (nth, (place, item)) in places.iter().zip(items).enumerate() {
            let mut place = *place as usize;
            place -= usize::from(*item < self.low[place]);
            place += usize::from(*item >= self.high[place]);
            let which = if several { nth % COUNTS } else { 0 };
            counts[which * each + place] += 1;
        }
    }
}

/// `count` numbers at equal distances, both ends among them, computed with the digits of `code`.
fn linspace(start: f64, stop: f64, count: usize, code: Code) -> Result<Vec<f64>, MathError> {
    let mut out = room_for(count)?;
    let gaps = count.saturating_sub(1) as f64;
    let whole = code.rounded(stop - start);
    let step = code.rounded(whole / gaps);
    for at in 0..count {
        let at = code.rounded(at as f64);
        let far = if step == 0.0 {
            code.rounded(at / gaps) * whole
        } else {
            at * step
        };
        out.push(code.rounded(code.rounded(far) + start));
    }
    if let Some(last) = out.last_mut().filter(|_| count > 1) {
        *last = stop;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use ndferry_array::Array;

    use super::histogram;
    use crate::map::MANY;
    use crate::options::{Options, Setting};
    use crate::{MathError, Operand};

    fn chance(at: usize) -> u64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    /// The counts, and the edges by which they were counted once more, one element after the other.
    fn both(items: &[f64], bins: Operand<'_>, options: &Options) -> (Vec<i64>, Vec<i64>) {
        let array = Array::from_elements(&[items.len()], items).expect("an array");
        let found = histogram(&[Operand::from(&array), bins], options).expect("a histogram");
        let edges = found[1].to_elements::<f64>().expect("edges");
        let mut counts = vec![0; edges.len() - 1];
        let last = counts.len() - 1;
        for item in items {
            let at = edges
                .windows(2)
                .position(|pair| pair[0] <= *item && *item < pair[1]);
            match at {
                Some(at) => counts[at] += 1,
                None if *item == edges[last + 1] => counts[last] += 1,
                None => {}
            }
        }
        (found[0].to_elements().expect("counts"), counts)
    }

    #[test]
    fn elements_at_the_edges_and_beside_them_are_in_the_right_bins() {
        let next = |x: f64, by: i64| f64::from_bits((x.to_bits() as i64 + by) as u64);
        for (low, high, bins) in [
            (0.0, 1.0, 10),
            (0.1, 0.7, 7),
            (-3.3, 9.9, 64),
            (1e-300, 3e-300, 3),
            (-1e307, 1e308, 11),
        ] {
            let step = (high - low) / bins as f64;
            let mut items: Vec<f64> = (0..=bins).map(|at| low + at as f64 * step).collect();
            for at in 0..items.len() {
                items.extend([next(items[at], 1), next(items[at], -1), next(items[at], 2)]);
            }
            items.extend([
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                low - 1.0,
                high + 1.0,
            ]);
            let options = Options::new()
                .with("low", Setting::Float(low))
                .with("high", Setting::Float(high));
            let (found, right) = both(&items, Operand::Int(bins), &options);
            assert_eq!(found, right, "{low} to {high} in {bins}");
            assert!(found.iter().sum::<i64>() > 3 * bins as i64);
        }
    }

    #[test]
    fn long_arrays_are_counted_as_short_ones_are() {
        let items: Vec<f64> = (0..3 * MANY + 7)
            .map(|at| (chance(at) % 1_000_003) as f64 / 7.0)
            .collect();
        for bins in [1, 10, 1000, 2000] {
            let (found, right) = both(&items, Operand::Int(bins), &Options::new());
            assert_eq!(found, right, "{bins}");
            assert_eq!(found.iter().sum::<i64>(), items.len() as i64);
        }
        // More bins than elements.
        let array = Array::from_elements(&[items.len()], &items).expect("an array");
        let found = histogram(
            &[Operand::from(&array), Operand::Int(300_000)],
            &Options::new(),
        );
        let counts = found.expect("a histogram")[0]
            .to_elements::<i64>()
            .expect("counts");
        assert_eq!(counts.iter().sum::<i64>(), items.len() as i64);
        let edges = Array::from_elements(&[4], &[5.0, 70.0, 70.0, 1e5]).expect("edges");
        let (found, right) = both(&items, Operand::from(&edges), &Options::new());
        assert_eq!(found, right);
    }

    #[test]
    fn ranges_that_no_bin_can_have_are_refused() {
        let counted = |items: &[f64], bins: i128| {
            let array = Array::from_elements(&[items.len()], items).expect("an array");
            histogram(
                &[Operand::from(&array), Operand::Int(bins)],
                &Options::new(),
            )
        };
        for (items, bins) in [
            (&[1.0, f64::NAN][..], 10),
            (&[1.0, f64::INFINITY], 10),
            (&[1.0, 1.0 + f64::EPSILON], 10),
            (&[-f64::MAX, f64::MAX], 10),
            (&[1.0], 0),
        ] {
            let error = counted(items, bins).expect_err("no bins");
            assert!(
                matches!(error, MathError::Value { .. }),
                "{items:?}: {error}"
            );
        }
    }
}
