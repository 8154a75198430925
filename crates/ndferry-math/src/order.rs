//! Numbers in NumPy's order: real ones as integers of the same order, which [`Keyed`] makes of them, by [`radix`](crate::radix).

use bytemuck::Pod;
use num_complex::Complex;
use rayon::prelude::*;

use crate::MathError;
use crate::arith::Arith;
use crate::map::MANY;
use crate::radix::{Ordered, Table, sort_into};
use crate::sorting::compare;

/// Longer lanes are sorted on all threads, each by itself; shorter ones many at a time.
const LONG: usize = 1 << 16;

/// Numbers that can be sorted as integers of their size.
trait Keyed: Pod + Send + Sync {
    type Key: Ordered;

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

/// Numbers that can be put in order.
pub(crate) trait Sorted: Arith {
    /// The lanes of so many items, each in order. Zeros with a sign come before those without.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    fn sort(lanes: &[Self], length: usize, out: &mut [Self]) -> Result<(), MathError>;

    /// The places of each lane's items in order, the first of equal ones first.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    fn places(lanes: &[Self], length: usize, out: &mut [i64]) -> Result<(), MathError>;
}

/// Each lane of `from` and its room in `out`: one after the other if they are long, else many at a time.
fn each_lane<T: Sync, O: Send, S: Send>(
    from: &[T],
    length: usize,
    out: &mut [O],
    scratch: impl Fn() -> S + Sync + Send,
    lane: impl Fn(&mut S, &[T], &mut [O]) -> Result<(), MathError> + Sync + Send,
) -> Result<(), MathError> {
    let length = length.max(1);
    if length > LONG || from.len() < MANY {
        let mut scratch = scratch();
        let mut lanes = from.chunks(length).zip(out.chunks_mut(length));
        return lanes.try_for_each(|(from, out)| lane(&mut scratch, from, out));
    }
    let lanes = from.par_chunks(length).zip(out.par_chunks_mut(length));
    lanes.try_for_each_init(scratch, |scratch, (from, out)| lane(scratch, from, out))
}

/// Sorts lanes of what `item` makes of items and their places; `done` makes of each what is stored.
fn sort_lanes<T: Copy + Sync, K: Ordered, O: Send>(
    from: &[T],
    length: usize,
    out: &mut [O],
    item: impl Fn(usize, T) -> K + Sync + Send,
    done: impl Fn(K) -> O + Sync + Send,
) -> Result<(), MathError> {
    each_lane(from, length, out, Table::default, |table, from, out| {
        if length > LONG {
            return sort_into(from, &item, out, &done);
        }
        let sorted = table.sorted(from.iter().enumerate().map(|(at, from)| item(at, *from)));
        out.iter_mut()
            .zip(sorted)
            .for_each(|(out, item)| *out = done(*item));
        Ok(())
    })
}

macro_rules! real {
    ($($type:ty)*) => {$(
        impl Sorted for $type {
            fn sort(lanes: &[Self], length: usize, out: &mut [Self]) -> Result<(), MathError> {
                sort_lanes(lanes, length, out, |_, item| item.key(), Self::of)
            }

            fn places(lanes: &[Self], length: usize, out: &mut [i64]) -> Result<(), MathError> {
                // A key and a place in as few bits as they need, which makes the order stable.
                if size_of::<Self>() <= 4 && u32::try_from(length).is_ok() {
                    let item = |at: usize, item: Self| u64::from(item.equal_key()) << 32 | at as u64;
                    return sort_lanes(lanes, length, out, item, |item| i64::from(item as u32));
                }
                let item = |at: usize, item: Self| u128::from(item.equal_key()) << 64 | at as u128;
                sort_lanes(lanes, length, out, item, |item| item as i64)
            }
        }
    )*};
}

real!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64);

macro_rules! complex {
    ($($part:ty)*) => {$(
        impl Sorted for Complex<$part> {
            fn sort(lanes: &[Self], length: usize, out: &mut [Self]) -> Result<(), MathError> {
                each_lane(lanes, length, out, || (), |(), from, out| {
                    out.copy_from_slice(from);
                    out.par_sort_by(compare);
                    Ok(())
                })
            }

            fn places(lanes: &[Self], length: usize, out: &mut [i64]) -> Result<(), MathError> {
                each_lane(lanes, length, out, || (), |(), from, out| {
                    out.iter_mut().zip(0..).for_each(|(out, at)| *out = at);
                    out.par_sort_by(|a, b| compare(&from[*a as usize], &from[*b as usize]));
                    Ok(())
                })
            }
        }
    )*};
}

complex!(f32 f64);

#[cfg(test)]
mod tests {
    use super::{LONG, Sorted, compare};

    fn chance(at: usize) -> u64 {
        let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }

    fn sort<T: Sorted>(items: &[T], length: usize) -> Vec<T> {
        let mut sorted = items.to_vec();
        T::sort(items, length, &mut sorted).expect("memory");
        sorted
    }

    fn check<T: Sorted + std::fmt::Debug>(of: impl Fn(u64) -> T) {
        let items: Vec<T> = (0..3 * LONG + 7).map(|at| of(chance(at))).collect();
        let mut stable: Vec<i64> = (0..items.len() as i64).collect();
        stable.sort_by(|a, b| compare(&items[*a as usize], &items[*b as usize]));
        let mut places = vec![0; items.len()];
        T::places(&items, items.len(), &mut places).expect("memory");
        assert_eq!(places, stable);
        let sorted = sort(&items, items.len());
        for (sorted, place) in sorted.iter().zip(&stable) {
            assert!(compare(sorted, &items[*place as usize]).is_eq());
        }
        // Lanes of many lengths, each as if it were alone.
        for length in [1, 2, 7, 8, 13, 64, 65, 100, 1000, 30_000] {
            let lanes = &items[..items.len() / length * length];
            let sorted = sort(lanes, length);
            let mut places = vec![0; lanes.len()];
            T::places(lanes, length, &mut places).expect("memory");
            for ((lane, sorted), places) in lanes
                .chunks(length)
                .zip(sorted.chunks(length))
                .zip(places.chunks(length))
            {
                let mut stable: Vec<i64> = (0..length as i64).collect();
                stable.sort_by(|a, b| compare(&lane[*a as usize], &lane[*b as usize]));
                assert_eq!(places, stable);
                let same =
                    |(sorted, place): (&T, &i64)| compare(sorted, &lane[*place as usize]).is_eq();
                assert!(sorted.iter().zip(places).all(same));
            }
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
        let crowd = sort(&crowd, crowd.len());
        assert!(crowd.is_sorted());
        assert_eq!(crowd[0], -1e300);
    }

    #[test]
    fn zeros_with_a_sign_come_first() {
        for length in [10, 100, 2 * LONG] {
            let mut lane = vec![0.0_f64; length];
            lane[9] = -0.0;
            let sorted = sort(&lane, length);
            assert!(sorted[0].is_sign_negative() && sorted[1].is_sign_positive());
        }
    }
}
