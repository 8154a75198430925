//! Long runs of real numbers in order, on all threads: first apart by their leading digits, then each part.
//!
//! Numbers are sorted as integers of the same order, which [`Keyed`] makes of them.

use std::cmp::{max, min};

use bytemuck::Pod;
use num_complex::Complex;
use rayon::prelude::*;

use crate::MathError;
use crate::arith::Arith;
use crate::feed::room_for;
use crate::sorting::compare;

/// Shorter runs are sorted at once.
const LONG: usize = 1 << 15;

/// Parts of a run.
const PARTS: usize = 2048;

/// What stands for an item while it is sorted.
trait Ordered: Copy + Ord + Send + Sync {
    /// Less of what comes first.
    fn key(self) -> u64;
}

macro_rules! ordered {
    ($($type:ty)*) => {$(
        impl Ordered for $type {
            fn key(self) -> u64 { self.into() }
        }
    )*};
}

ordered!(u8 u16 u32 u64);

/// An item's place, sorted by key and then by place: which makes a sort of places stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: u64,
    at: i64,
}

impl Ordered for Place {
    fn key(self) -> u64 {
        self.key
    }
}

/// Numbers that can be sorted as integers of their size.
trait Keyed: Pod + Send + Sync {
    type Key: Ordered + Pod;

    /// NaNs come last, a zero with a sign before one without.
    fn key(self) -> Self::Key;
    fn of(key: Self::Key) -> Self;
    /// That of a zero with a sign is that of one without.
    fn equal_key(self) -> Self::Key {
        self.key()
    }
}

macro_rules! integer {
    ($($signed:ty, $unsigned:ty;)*) => {$(
        impl Keyed for $signed {
            type Key = $unsigned;

            fn key(self) -> $unsigned { self as $unsigned ^ (1 << (<$unsigned>::BITS - 1)) }
            fn of(key: $unsigned) -> Self { (key ^ (1 << (<$unsigned>::BITS - 1))) as Self }
        }

        impl Keyed for $unsigned {
            type Key = $unsigned;

            fn key(self) -> $unsigned { self }
            fn of(key: $unsigned) -> Self { key }
        }
    )*};
}

macro_rules! float {
    ($($float:ty, $bits:ty;)*) => {$(
        impl Keyed for $float {
            type Key = $bits;

            fn key(self) -> $bits {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let bits = if self.is_nan() { <$float>::NAN.to_bits() & !SIGN } else { self.to_bits() };
                if bits & SIGN == 0 { bits | SIGN } else { !bits }
            }

            fn of(key: $bits) -> Self {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                Self::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
            }

            // A sum with 0 is never -0.
            fn equal_key(self) -> $bits { (self + 0.0).key() }
        }
    )*};
}

integer!(i8, u8; i16, u16; i32, u32; i64, u64;);
float!(f32, u32; f64, u64;);

/// Sorts keys in place.
///
/// # Errors
/// [`MathError::Memory`]: as much again is needed.
fn sort_keys<K: Ordered>(items: &mut [K]) -> Result<(), MathError> {
    let ends = |(least, greatest): (u64, u64), key: u64| (min(least, key), max(greatest, key));
    let (least, greatest) = items
        .par_chunks(LONG)
        .map(|items| {
            items
                .iter()
                .map(|item| item.key())
                .fold((u64::MAX, 0), ends)
        })
        .reduce(|| (u64::MAX, 0), |a, b| (min(a.0, b.0), max(a.1, b.1)));
    if least >= greatest {
        // Places lie in order already.
        return Ok(());
    }
    // Of keys less the least, the first digits tell the part.
    let bits = u64::BITS - (greatest - least).leading_zeros();
    let shift = bits.saturating_sub(PARTS.ilog2());
    let part_of = |item: K| ((item.key() - least) >> shift) as usize;
    let share = items.len().div_ceil(rayon::current_num_threads());
    let apart: Vec<Apart<K>> = items
        .par_chunks(share)
        .map(|items| Apart::new(items, part_of))
        .collect::<Result<_, _>>()?;
    let mut rest = items;
    let mut parts = Vec::with_capacity(PARTS);
    for part in 0..PARTS {
        let size = apart.iter().map(|apart| apart.part(part).len()).sum();
        let (this, others) = rest.split_at_mut(size);
        rest = others;
        parts.push(this);
    }
    parts
        .into_par_iter()
        .enumerate()
        .try_for_each(|(nth, part)| {
            let mut rest = &mut part[..];
            for apart in &apart {
                let from = apart.part(nth);
                let (this, others) = rest.split_at_mut(from.len());
                this.copy_from_slice(from);
                rest = others;
            }
            match shift {
                // All have the same key.
                0 => Ok(()),
                // What crowds in one part is taken apart once more.
                _ if part.len() > 8 * LONG => sort_keys(part),
                _ => {
                    part.sort_unstable();
                    Ok(())
                }
            }
        })
}

/// Items by parts.
struct Apart<K> {
    items: Vec<K>,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl<K: Ordered> Apart<K> {
    fn new(from: &[K], part_of: impl Fn(K) -> usize) -> Result<Self, MathError> {
        let mut ends = vec![0; PARTS];
        for item in from {
            ends[part_of(*item)] += 1;
        }
        let mut before = 0;
        for end in &mut ends {
            before += std::mem::replace(end, before);
        }
        let mut items = room_for(from.len())?;
        items.extend_from_slice(from);
        for item in from {
            let next = &mut ends[part_of(*item)];
            items[*next] = *item;
            *next += 1;
        }
        Ok(Self { items, ends })
    }

    fn part(&self, nth: usize) -> &[K] {
        let start = if nth == 0 { 0 } else { self.ends[nth - 1] };
        &self.items[start..self.ends[nth]]
    }
}

fn sort_long<T: Keyed>(items: &mut [T]) -> Result<(), MathError> {
    items.par_chunks_mut(LONG).for_each(|items| {
        items
            .iter_mut()
            .for_each(|item| *item = bytemuck::cast(item.key()));
    });
    sort_keys::<T::Key>(bytemuck::cast_slice_mut(items))?;
    items.par_chunks_mut(LONG).for_each(|items| {
        items
            .iter_mut()
            .for_each(|item| *item = T::of(bytemuck::cast(*item)));
    });
    Ok(())
}

fn long_places<T: Keyed>(items: &[T]) -> Result<Vec<i64>, MathError> {
    let mut places: Vec<Place> = room_for(items.len())?;
    places.extend((0..).zip(items).map(|(at, item)| Place {
        key: item.equal_key().key(),
        at,
    }));
    sort_keys(&mut places)?;
    let mut order = room_for(items.len())?;
    order.extend(places.into_iter().map(|place| place.at));
    Ok(order)
}

/// Numbers that can be put in order.
pub(crate) trait Sorted: Arith {
    /// Sorts in place. Short lanes are sorted stably; in long ones a zero with a sign comes before one without.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    fn sort(lane: &mut [Self]) -> Result<(), MathError> {
        lane.par_sort_by(compare);
        Ok(())
    }

    /// The places of the items in order, the first of equal ones first.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    fn places(lane: &[Self]) -> Result<Vec<i64>, MathError> {
        let mut order: Vec<i64> = room_for(lane.len())?;
        order.extend(0..lane.len() as i64);
        order.par_sort_by(|a, b| compare(&lane[*a as usize], &lane[*b as usize]));
        Ok(order)
    }
}

impl Sorted for Complex<f32> {}
impl Sorted for Complex<f64> {}

macro_rules! sorted {
    ($($type:ty)*) => {$(
        impl Sorted for $type {
            fn sort(lane: &mut [Self]) -> Result<(), MathError> {
                if lane.len() >= LONG {
                    return sort_long(lane);
                }
                lane.sort_by(compare);
                Ok(())
            }

            fn places(lane: &[Self]) -> Result<Vec<i64>, MathError> {
                if lane.len() >= LONG {
                    return long_places(lane);
                }
                let mut order: Vec<i64> = (0..lane.len() as i64).collect();
                order.sort_by(|a, b| compare(&lane[*a as usize], &lane[*b as usize]));
                Ok(order)
            }
        }
    )*};
}

sorted!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

#[cfg(test)]
mod tests {
    use super::{LONG, Sorted, compare};

    fn chance(at: usize) -> u64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    fn check<T: Sorted + std::fmt::Debug>(of: impl Fn(u64) -> T) {
        let items: Vec<T> = (0..3 * LONG + 7).map(|at| of(chance(at))).collect();
        let mut stable: Vec<i64> = (0..items.len() as i64).collect();
        stable.sort_by(|a, b| compare(&items[*a as usize], &items[*b as usize]));
        assert_eq!(T::places(&items).expect("memory"), stable);
        let mut sorted = items.clone();
        T::sort(&mut sorted).expect("memory");
        for (sorted, place) in sorted.iter().zip(stable) {
            assert!(compare(sorted, &items[place as usize]).is_eq());
        }
    }

    #[test]
    fn long_lanes_are_in_the_order_of_a_stable_sort() {
        check(|bits| bits as i8);
        check(|bits| bits as u8);
        check(|bits| bits as i16);
        check(|bits| bits as u16);
        check(|bits| bits as i32);
        check(|bits| bits as u32);
        check(|bits| bits as i64);
        check(|bits| bits);
        // NaNs of both signs and infinities among them.
        check(f64::from_bits);
        check(|bits| f32::from_bits(bits as u32));
        check(|bits| num_complex::Complex::new((bits % 7) as f64, (bits % 5) as f64));
    }

    #[test]
    fn crowds_and_equals_are_sorted_as_well() {
        check(|_| 7u16);
        check(|bits| bits % 3);
        check(|bits| {
            if bits % 1000 == 0 {
                1e300
            } else {
                bits as f64 / 1e30
            }
        });
        check(|bits| [0.0, -0.0, f64::NAN, -f64::NAN, 1.0][(bits % 5) as usize]);
        // Nearly all in one part, and far more than a part may have.
        let mut crowd: Vec<f64> = (0..20 * LONG)
            .map(|at| 1.0 + chance(at) as f64 / 1e21)
            .collect();
        crowd[5] = -1e300;
        f64::sort(&mut crowd).expect("memory");
        assert!(crowd.is_sorted());
        assert_eq!(crowd[0], -1e300);
    }

    #[test]
    fn zeros_of_long_lanes_keep_their_signs() {
        let mut lane = vec![0.0; LONG];
        lane[9] = -0.0;
        f64::sort(&mut lane).expect("memory");
        assert!(lane[0].is_sign_negative() && lane[1].is_sign_positive());
    }
}
