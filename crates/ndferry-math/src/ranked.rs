//! Elements by their place in order, without putting the others in order.

use std::sync::Mutex;

use ndferry_array::{ArrayView, Order};
use num_complex::Complex;
use rayon::prelude::*;

use crate::MathError;
use crate::arith::Arith;
use crate::axes::axes;
use crate::feed::{Feed, room_for};
use crate::map::MANY;
use crate::options::Options;
use crate::sorting::compare;
use crate::widest::widest;

/// Lanes from this length on are looked through where they lie.
const LONG: usize = 1 << 16;

/// Elements of a long lane that tell where the others are, about.
const SAMPLE: usize = 1 << 14;

/// Elements that are looked at at once.
const PIECE: usize = 8192;

/// Numbers that have places in order.
pub(crate) trait Ranked: Arith {
    /// None is less than the first of these, none greater than the second. `None`: they are not looked for in long lanes.
    const ENDS: Option<(Self, Self)>;
}

macro_rules! ranked {
    ($($type:ty: $least:ident $greatest:ident;)*) => {$(
        impl Ranked for $type {
            const ENDS: Option<(Self, Self)> = Some((Self::$least, Self::$greatest));
        }
    )*};
}

ranked!(i8: MIN MAX; i16: MIN MAX; i32: MIN MAX; i64: MIN MAX; u8: MIN MAX; u16: MIN MAX; u32: MIN MAX; u64: MIN MAX;);
ranked!(f32: NEG_INFINITY INFINITY; f64: NEG_INFINITY INFINITY;);

impl Ranked for Complex<f32> {
    const ENDS: Option<(Self, Self)> = None;
}

impl Ranked for Complex<f64> {
    const ENDS: Option<(Self, Self)> = None;
}

/// The axes that become one value, as lanes of `length` elements.
pub(crate) struct Reduced<'a> {
    /// Those axes last.
    view: ArrayView<'a>,
    pub(crate) count: usize,
    pub(crate) length: usize,
    /// Shape of the result.
    pub(crate) out: Vec<usize>,
}

/// What is known of a lane.
pub(crate) struct Lane<'l, T> {
    /// How many elements it has, of those that are looked at.
    pub(crate) size: usize,
    /// A NaN that is the result.
    pub(crate) nan: Option<T>,
    places: &'l [usize],
    items: &'l [T],
}

impl<T: Copy> Lane<'_, T> {
    /// The element at one of the places that were asked for.
    pub(crate) fn at(&self, place: usize) -> Option<T> {
        let at = self.places.binary_search(&place).ok()?;
        Some(self.items[at])
    }
}

/// Says the places that are asked for of a lane of so many elements.
pub(crate) type Places<'p> = &'p (dyn Fn(usize, &mut Vec<usize>) + Sync);

impl<'a> Reduced<'a> {
    pub(crate) fn new(
        name: &'static str,
        view: &ArrayView<'a>,
        options: &Options,
    ) -> Result<Self, MathError> {
        let reduced = axes(name, options, view.ndim())?;
        let keepdims = options.flag("keepdims", false)?;
        let kept: Vec<usize> = (0..view.ndim())
            .filter(|axis| !reduced.contains(axis))
            .collect();
        let out = (0..view.ndim()).filter_map(|axis| match (reduced.contains(&axis), keepdims) {
            (false, _) => Some(view.shape()[axis]),
            (true, true) => Some(1),
            (true, false) => None,
        });
        let extents = |axes: &[usize]| axes.iter().map(|axis| view.shape()[*axis]).product();
        let lanes = match view.order() {
            // Of all elements together the order does not matter.
            Some(Order::F) if kept.is_empty() => view.reversed(),
            _ => view.transposed(&[&kept[..], &reduced].concat())?,
        };
        Ok(Self {
            view: lanes,
            count: extents(&kept),
            length: extents(&reduced),
            out: out.collect(),
        })
    }

    /// Calls `f` for each lane with its part of `out`, which has `width` items for each of them; `skip`: as if NaNs were not
    /// there.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    pub(crate) fn each<T: Ranked, R: Send>(
        &self,
        skip: bool,
        places: Places<'_>,
        (out, width): (&mut [R], usize),
        f: &(dyn Fn(&Lane<'_, T>, &mut [R]) + Sync),
    ) -> Result<(), MathError> {
        if out.is_empty() {
            return Ok(());
        }
        // Lanes that do not lie side by side are copied, all at once.
        let copy;
        let view = if self.count == 1 || self.view.order() == Some(Order::C) {
            self.view.clone()
        } else {
            copy = self.view.to_array(Order::C)?;
            copy.view()
        };
        let feed = Feed::new(&view)?;
        if let Some(ends) = T::ENDS.filter(|_| self.length >= LONG) {
            for (nth, out) in out.chunks_mut(width).enumerate() {
                let long = Long {
                    feed: &feed,
                    start: nth * self.length,
                    length: self.length,
                    ends,
                };
                long.find(skip, places, &mut |lane| f(lane, out))?;
            }
            return Ok(());
        }
        let lanes = (PIECE / self.length.max(1)).max(1);
        let problem = Mutex::new(None);
        let block = |(nth, out): (usize, &mut [R])| {
            let count = out.len() / width * self.length;
            let found = room_for::<T>(count).map(|mut items| {
                items.resize(count, T::zeroed());
                feed.load(nth * lanes * self.length, &mut items);
                let (mut wanted, mut found) = (Vec::new(), Vec::new());
                for (nth, out) in out.chunks_mut(width).enumerate() {
                    let lane = &mut items[nth * self.length..][..self.length];
                    let (lane, nan) = without_nans(lane, skip);
                    wanted.clear();
                    found.clear();
                    if nan.is_none() && !lane.is_empty() {
                        places(lane.len(), &mut wanted);
                        in_order(&mut wanted);
                        select(lane, &wanted, &mut found);
                    }
                    let lane = Lane {
                        size: lane.len(),
                        nan,
                        places: &wanted,
                        items: &found,
                    };
                    f(&lane, out);
                }
            });
            if let Err(error) = found
                && let Ok(mut problem) = problem.lock()
            {
                *problem = Some(error);
            }
        };
        let blocks = lanes * width;
        if self.count * self.length >= MANY {
            out.par_chunks_mut(blocks).enumerate().for_each(block);
        } else {
            out.chunks_mut(blocks).enumerate().for_each(block);
        }
        match problem.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

fn in_order(places: &mut Vec<usize>) {
    places.sort_unstable();
    places.dedup();
}

/// The elements at these places, which are in order; the lane's are put in another one.
fn select<T: Arith>(lane: &mut [T], places: &[usize], found: &mut Vec<T>) {
    let (mut rest, mut before) = (lane, 0);
    for place in places {
        let at = place - before;
        // One after the other it is the least that is left.
        let item = if at == 0 && before > 0 {
            let least = (1..rest.len()).fold(0, |least, at| {
                if compare(&rest[at], &rest[least]).is_lt() {
                    at
                } else {
                    least
                }
            });
            rest.swap(0, least);
            rest[0]
        } else {
            *rest.select_nth_unstable_by(at, compare).1
        };
        found.push(item);
        rest = &mut rest[at + 1..];
        before = place + 1;
    }
}

/// The lane, of `skip` without its NaNs; and a NaN that is the result, if one is.
fn without_nans<T: Arith>(lane: &mut [T], skip: bool) -> (&mut [T], Option<T>) {
    let nan = lane.iter().copied().find(|item| item.is_nan());
    if nan.is_none() || !skip {
        return (lane, nan);
    }
    let mut numbers = 0;
    for at in 0..lane.len() {
        if !lane[at].is_nan() {
            lane.swap(at, numbers);
            numbers += 1;
        }
    }
    let nan = nan.filter(|_| numbers == 0);
    (&mut lane[..numbers], nan)
}

/// A lane of many elements, which stay where they are: a sample tells between which two elements a place is, most likely;
/// one pass on all threads counts those below and collects those between.
struct Long<'f, 'a, T> {
    feed: &'f Feed<'a>,
    start: usize,
    length: usize,
    ends: (T, T),
}

/// Places between the same two elements.
struct Gap<T> {
    low: T,
    high: T,
    /// Of the sample.
    last: usize,
    places: Vec<usize>,
}

/// What a pass finds around a gap.
struct Tally<T> {
    below: usize,
    low: usize,
    between: Vec<T>,
    high: usize,
}

impl<T: Ranked> Long<'_, '_, T> {
    fn find(
        &self,
        skip: bool,
        places: Places<'_>,
        f: &mut dyn FnMut(&Lane<'_, T>),
    ) -> Result<(), MathError> {
        let nans = self.nans();
        let size = self.length - nans;
        let (mut wanted, mut items) = (Vec::new(), Vec::new());
        let nan = if nans > 0 && (!skip || size == 0) {
            self.first_nan()
        } else {
            places(size, &mut wanted);
            in_order(&mut wanted);
            items = self.items(size, &wanted)?;
            None
        };
        f(&Lane {
            size,
            nan,
            places: &wanted,
            items: &items,
        });
        Ok(())
    }

    /// Folds all pieces, on all threads.
    fn pieces<A: Send>(
        &self,
        new: impl Fn() -> A + Sync + Send,
        step: impl Fn(&mut A, &[T]) + Sync + Send,
        join: impl Fn(A, A) -> A + Sync + Send,
    ) -> A {
        let piece = |(mut all, mut scratch): (A, Vec<T>), nth: usize| {
            let at = nth * PIECE;
            let count = PIECE.min(self.length - at);
            step(
                &mut all,
                self.feed.piece(self.start + at, count, &mut scratch),
            );
            (all, scratch)
        };
        (0..self.length.div_ceil(PIECE))
            .into_par_iter()
            .fold(|| (new(), Vec::new()), piece)
            .map(|(all, _)| all)
            .reduce(&new, join)
    }

    fn nans(&self) -> usize {
        if !T::CODE.is_float() {
            return 0;
        }
        let count = |all: &mut usize, items: &[T]| {
            *all += widest(
                #[inline(always)]
                |_| {
                    items
                        .iter()
                        .map(|item| u32::from(item.is_nan()))
                        .sum::<u32>()
                },
            ) as usize;
        };
        self.pieces(|| 0, count, |a, b| a + b)
    }

    fn first_nan(&self) -> Option<T> {
        let mut scratch = Vec::new();
        (0..self.length).step_by(PIECE).find_map(|at| {
            let count = PIECE.min(self.length - at);
            let items: &[T] = self.feed.piece(self.start + at, count, &mut scratch);
            items.iter().copied().find(|item| item.is_nan())
        })
    }

    /// The elements at these places of `size` that are no NaNs.
    fn items(&self, size: usize, places: &[usize]) -> Result<Vec<T>, MathError> {
        let mut gaps = self.gaps(size, places);
        let new = || {
            let empty = |_: &Gap<T>| Tally {
                below: 0,
                low: 0,
                between: Vec::new(),
                high: 0,
            };
            gaps.iter().map(empty).collect::<Vec<_>>()
        };
        let step = |tallies: &mut Vec<Tally<T>>, items: &[T]| {
            for (tally, gap) in tallies.iter_mut().zip(&gaps) {
                tally.add(gap, items);
            }
        };
        let join = |mut all: Vec<Tally<T>>, more: Vec<Tally<T>>| {
            for (all, more) in all.iter_mut().zip(more) {
                all.below += more.below;
                all.low += more.low;
                all.high += more.high;
                all.between.extend(more.between);
            }
            all
        };
        let tallies = self.pieces(new, step, join);
        let mut found = Vec::with_capacity(places.len());
        for (gap, tally) in gaps.iter_mut().zip(tallies) {
            if !tally.select(gap, &mut found) {
                return self.all_items(size, places);
            }
        }
        Ok(found)
    }

    /// The same with a copy of all elements, where the sample has misled.
    fn all_items(&self, size: usize, places: &[usize]) -> Result<Vec<T>, MathError> {
        let mut items = room_for(self.length)?;
        items.resize(self.length, T::zeroed());
        self.feed.load(self.start, &mut items);
        let (numbers, _) = without_nans(&mut items, size < self.length);
        let mut found = Vec::with_capacity(places.len());
        select(numbers, places, &mut found);
        Ok(found)
    }

    fn gaps(&self, size: usize, places: &[usize]) -> Vec<Gap<T>> {
        let step = self.length / SAMPLE;
        let mut sample = vec![T::zeroed(); SAMPLE];
        for (nth, item) in sample.iter_mut().enumerate() {
            // Not at the same distance: what lies there may be all of one kind.
            let chance = (nth as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            let at = nth * step + chance as usize % step;
            self.feed.load(self.start + at, std::slice::from_mut(item));
        }
        sample.retain(|item| !item.is_nan());
        sample.sort_unstable_by(compare);
        // Four times what a place in a sample strays by.
        let stray = 2.0 * (sample.len() as f64).sqrt() + 4.0;
        let mut gaps: Vec<Gap<T>> = Vec::new();
        for place in places {
            let about = *place as f64 / size as f64 * sample.len() as f64;
            let first = (about - stray).floor();
            let last = (about + stray).ceil() as usize;
            let high = sample.get(last).copied().unwrap_or(self.ends.1);
            match gaps.last_mut() {
                Some(gap) if first <= gap.last as f64 => {
                    (gap.last, gap.high) = (last, high);
                    gap.places.push(*place);
                }
                _ => gaps.push(Gap {
                    low: match sample.get(first.max(0.0) as usize) {
                        Some(low) if first >= 0.0 => *low,
                        _ => self.ends.0,
                    },
                    high,
                    last,
                    places: vec![*place],
                }),
            }
        }
        gaps
    }
}

impl<T: Ranked> Tally<T> {
    fn add(&mut self, gap: &Gap<T>, items: &[T]) {
        let (low, high) = (gap.low, gap.high);
        let counts = widest(
            #[inline(always)]
            |_| {
                let mut counts = [0u32; 3];
                for item in items {
                    counts[0] += u32::from(item.lt(low));
                    counts[1] += u32::from(*item == low);
                    counts[2] += u32::from(*item == high);
                }
                counts
            },
        );
        self.below += counts[0] as usize;
        self.low += counts[1] as usize;
        self.high += counts[2] as usize;
        let mut kept = 0;
        let start = self.between.len();
        self.between.resize(start + items.len(), T::zeroed());
        let room = &mut self.between[start..];
        for item in items {
            // The next one takes its place unless it is kept.
            room[kept] = *item;
            kept += usize::from(low.lt(*item) & item.lt(high));
        }
        self.between.truncate(start + kept);
    }

    /// Appends the elements at the gap's places; whether they are there.
    fn select(mut self, gap: &Gap<T>, found: &mut Vec<T>) -> bool {
        let starts = [
            self.below,
            self.below + self.low,
            self.below + self.low + self.between.len(),
        ];
        let inside = |place: &&usize| (starts[1]..starts[2]).contains(*place);
        let places: Vec<usize> = gap
            .places
            .iter()
            .filter(inside)
            .map(|place| place - starts[1])
            .collect();
        let mut between = Vec::with_capacity(places.len());
        select(&mut self.between, &places, &mut between);
        let mut between = between.into_iter();
        for place in &gap.places {
            let high = if gap.low == gap.high { 0 } else { self.high };
            found.push(match *place {
                place if place < starts[0] => return false,
                place if place < starts[1] => gap.low,
                place if place < starts[2] => match between.next() {
                    Some(item) => item,
                    None => return false,
                },
                place if place < starts[2] + high => gap.high,
                _ => return false,
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Order};

    use super::{LONG, Ranked, Reduced};
    use crate::options::{Options, Setting};
    use crate::sorting::compare;

    fn chance(at: usize) -> u64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    /// All of some places against those of a sorted copy, of `lanes` lanes.
    fn check<T: Ranked + std::fmt::Debug>(lanes: usize, items: &[T], skip: bool) {
        let length = items.len() / lanes;
        let bytes = bytemuck::cast_slice(items).to_vec();
        let array = Array::contiguous(T::CODE.dtype(), &[lanes, length], Order::C, bytes);
        let array = array.expect("an array");
        let some = |size: usize| {
            let ends = [0, 1, 2, size / 2, size - 2, size - 1];
            let inside = (0..30).map(move |at| chance(at) as usize % size);
            ends.into_iter().chain(inside)
        };
        for view in [array.view(), array.reversed().view()] {
            let axis = usize::from(view.shape() == [lanes, length]);
            let options = Options::new().with("axis", Setting::Int(axis as i64));
            let reduced = Reduced::new("median", &view, &options).expect("lanes");
            let sorted: Vec<Vec<T>> = items
                .chunks(length)
                .map(|lane| {
                    let mut lane: Vec<T> =
                        lane.iter().copied().filter(|item| !item.is_nan()).collect();
                    lane.sort_by(compare);
                    lane
                })
                .collect();
            let with_nans = items
                .chunks(length)
                .map(|lane| lane.iter().any(|item| item.is_nan()));
            let with_nans: Vec<bool> = with_nans.collect();
            let mut numbers: Vec<usize> = (0..lanes).collect();
            reduced
                .each::<T, usize>(
                    skip,
                    &|size, places| places.extend(some(size)),
                    (&mut numbers, 1),
                    &|lane, nth| {
                        let sorted = &sorted[nth[0]];
                        let nan = with_nans[nth[0]] && (!skip || sorted.is_empty());
                        assert_eq!(lane.nan.is_some(), nan);
                        if nan {
                            return;
                        }
                        assert_eq!(lane.size, sorted.len());
                        for place in some(lane.size) {
                            let item = lane.at(place).expect("it was asked for");
                            assert!(compare(&item, &sorted[place]).is_eq(), "{place}: {item:?}");
                        }
                        nth[0] = usize::MAX;
                    },
                )
                .expect("memory");
            let nans = with_nans.iter().filter(|nan| **nan && !skip).count();
            let looked_at = numbers.iter().filter(|nth| **nth == usize::MAX).count();
            assert_eq!(looked_at + nans, lanes);
        }
    }

    #[test]
    fn long_lanes_have_the_elements_of_sorted_ones_at_their_places() {
        let count = 3 * LONG + 5;
        for lanes in [1, 2] {
            let count = count * lanes;
            let of = |f: fn(u64) -> f64| (0..count).map(|at| f(chance(at))).collect::<Vec<f64>>();
            check(lanes, &of(|bits| bits as f64), false);
            check(lanes, &of(|bits| f64::from_bits(bits & !(1 << 62))), false);
            // Half of all on one side of the middle.
            check(lanes, &of(|bits| (bits % 2) as f64), false);
            check(
                lanes,
                &of(|bits| [-0.0, 0.0, f64::INFINITY][bits as usize % 3]),
                false,
            );
            check(lanes, &of(|_| f64::NEG_INFINITY), false);
            let ordered: Vec<f64> = (0..count).map(|at| at as f64).collect();
            check(lanes, &ordered, false);
            let ints = |f: fn(u64) -> i64| (0..count).map(|at| f(chance(at))).collect::<Vec<i64>>();
            check(lanes, &ints(|bits| bits as i64), false);
            check(
                lanes,
                &ints(|bits| [i64::MIN, i64::MAX][bits as usize % 2]),
                false,
            );
            let small: Vec<u8> = (0..count).map(|at| chance(at) as u8).collect();
            check(lanes, &small, false);
        }
    }

    #[test]
    fn nans_of_long_lanes_are_the_result_or_are_not_there() {
        let count = 2 * LONG;
        let mut items: Vec<f32> = (0..count).map(|at| chance(at) as u32 as f32).collect();
        items[count - 3] = f32::NAN;
        check(1, &items, false);
        check(1, &items, true);
        check(2, &[&items[..], &items[..]].concat(), true);
        for (at, item) in items.iter_mut().enumerate().filter(|(at, _)| at % 2 == 0) {
            *item = if at % 4 == 0 { f32::NAN } else { -f32::NAN };
        }
        check(1, &items, true);
    }

    #[test]
    fn a_sample_that_misleads_costs_a_copy_only() {
        // What the sample sees is small, all else is large.
        let count = 4 * LONG;
        let step = count / super::SAMPLE;
        let mut items: Vec<f64> = (0..count).map(|at| 1e9 + chance(at) as f64).collect();
        for nth in 0..super::SAMPLE {
            let chance = (nth as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            items[nth * step + chance as usize % step] = nth as f64;
        }
        check(1, &items, false);
    }

    #[test]
    fn short_lanes_as_well() {
        for (lanes, length) in [(1, 9), (5000, 8), (40, 5000)] {
            let items: Vec<f64> = (0..lanes * length)
                .map(|at| (chance(at) % 1000) as f64)
                .collect();
            check(lanes, &items, false);
        }
    }
}
