//! Long runs in order, on all threads: first apart by their leading digits, then each part by its next ones within the cache of
//! a core, and only what is left side by side is compared.
//!
//! Hardly anything depends on a comparison that a processor would have to guess, which is what other sorts wait for.

use std::cmp::{max, min};

use bytemuck::Pod;
use rayon::prelude::*;

use crate::MathError;
use crate::room::Room;

/// What stands for an item while it is sorted.
pub(crate) trait Ordered: Pod + Ord + Send + Sync {
    /// Its first 64 bits: less of what comes first.
    fn leading(self) -> u64;
}

macro_rules! ordered {
    ($($type:ty)*) => {$(
        impl Ordered for $type {
            fn leading(self) -> u64 { self.into() }
        }
    )*};
}

ordered!(u8 u16 u32 u64);

impl Ordered for u128 {
    fn leading(self) -> u64 {
        (self >> 64) as u64
    }
}

/// The bits of leading digits.
const DIGITS: u32 = 16;

/// About so many parts are made.
const PARTS: usize = 1024;

/// A part of more items is taken apart once more, on all threads.
const CROWD: usize = 1 << 18;

/// A part of so few is sorted at once.
const FEW: usize = 64;

/// So many items with the same digits are put in order by [`neighbours`].
const NEAR: usize = 5;

/// Which digits of keys tell them apart.
#[derive(Clone, Copy)]
struct Digits {
    least: u64,
    shift: u32,
    bits: u32,
}

impl Digits {
    /// The first `bits` in which keys of this range differ.
    fn new((least, greatest): (u64, u64), bits: u32) -> Self {
        let differ = u64::BITS - (greatest - least).leading_zeros();
        Self {
            least,
            shift: differ.saturating_sub(bits),
            bits,
        }
    }

    fn count(self) -> usize {
        1 << self.bits
    }

    /// Less than [`Self::count`], which is said so that it need not be checked.
    fn of<K: Ordered>(self, item: K) -> usize {
        (item.leading().wrapping_sub(self.least) >> self.shift) as usize & (self.count() - 1)
    }
}

/// The least and the greatest of keys.
fn range(keys: impl Iterator<Item = u64>) -> (u64, u64) {
    keys.fold((u64::MAX, 0), |(least, greatest), key| {
        (min(least, key), max(greatest, key))
    })
}

/// Sorts what `item` makes of the items of `from`, which is told their place; `done` makes of each what is stored.
///
/// Equal keys stay in the order in which they come, unless the rest of the item says otherwise.
///
/// # Errors
/// [`MathError::Memory`]: room for all items is needed once, and for crowds (more than 2^18 of the leading 16 bits in which
/// any differ) once more.
pub(crate) fn sort_into<T: Copy + Sync, K: Ordered, O: Send>(
    from: &[T],
    item: impl Fn(usize, T) -> K + Sync,
    out: &mut [O],
    done: impl Fn(K) -> O + Sync,
) -> Result<(), MathError> {
    let share = from.len().div_ceil(rayon::current_num_threads()).max(1);
    let shares: Vec<Share<'_, T>> = from
        .chunks(share)
        .enumerate()
        .map(|(nth, items)| (nth * share, items))
        .collect();
    sort_shares(&shares, &item, out, &done)
}

/// What a thread looks at, and where that begins.
type Share<'a, T> = (usize, &'a [T]);

fn items<T: Copy, K>(
    (start, from): Share<'_, T>,
    item: &impl Fn(usize, T) -> K,
) -> impl Iterator<Item = K> {
    from.iter().zip(start..).map(|(from, at)| item(at, *from))
}

fn sort_shares<T: Copy + Sync, K: Ordered, O: Send>(
    shares: &[Share<'_, T>],
    item: &(impl Fn(usize, T) -> K + Sync),
    out: &mut [O],
    done: &(impl Fn(K) -> O + Sync),
) -> Result<(), MathError> {
    let range = shares
        .par_iter()
        .map(|share| range(items(*share, item).map(K::leading)))
        .reduce(|| (u64::MAX, 0), |a, b| (min(a.0, b.0), max(a.1, b.1)));
    if range.0 >= range.1 {
        let all = shares.iter().flat_map(|share| items(*share, item));
        out.iter_mut()
            .zip(all)
            .for_each(|(out, item)| *out = done(item));
        return Ok(());
    }
    let digits = Digits::new(range, DIGITS);
    let counts: Vec<Vec<usize>> = shares
        .par_iter()
        .map(|share| {
            let mut counts = vec![0; digits.count()];
            items(*share, item).for_each(|item| counts[digits.of(item)] += 1);
            counts
        })
        .collect();
    let parts = Parts::new(&counts, out.len());
    let mut apart: Vec<Room> = shares
        .par_iter()
        .zip(&parts.ends)
        .map(|(share, ends)| {
            let mut room = Room::for_items(share.1.len(), size_of::<K>())?;
            let apart: &mut [K] = room.items_mut();
            let mut next = vec![0];
            next.extend_from_slice(ends);
            for item in items(*share, item) {
                let next = &mut next[usize::from(parts.of[digits.of(item)])];
                apart[*next] = item;
                *next += 1;
            }
            Ok(room)
        })
        .collect::<Result<_, MathError>>()?;
    let apart: Vec<&[K]> = apart.iter_mut().map(|room| &*room.items_mut()).collect();
    parts.places(&apart, out).into_par_iter().try_for_each_init(
        Table::default,
        |table, (shares, out)| {
            if out.len() > CROWD {
                return sort_shares(&shares, &(same as fn(usize, K) -> K), out, done);
            }
            table.sort(&shares);
            out.iter_mut()
                .zip(&table.items)
                .for_each(|(out, item)| *out = done(*item));
            Ok(())
        },
    )
}

fn same<K>(_: usize, item: K) -> K {
    item
}

/// Which leading digits go together, so that no part is large unless one digit is.
struct Parts {
    /// Of each digit.
    of: Vec<u16>,
    /// Of each share: where its items of each part end, once they are apart.
    ends: Vec<Vec<usize>>,
}

impl Parts {
    /// Of the items of each digit in each share.
    fn new(counts: &[Vec<usize>], size: usize) -> Self {
        let enough = size.div_ceil(PARTS);
        let mut of = Vec::with_capacity(1 << DIGITS);
        let mut ends = vec![Vec::with_capacity(2 * PARTS); counts.len()];
        let mut ended = vec![0; counts.len()];
        let mut part = 0;
        let mut held = 0;
        for digit in 0..1 << DIGITS {
            let here: usize = counts.iter().map(|counts| counts[digit]).sum();
            if held > 0 && held + here > enough {
                ends.iter_mut()
                    .zip(&ended)
                    .for_each(|(ends, end)| ends.push(*end));
                part += 1;
                held = 0;
            }
            held += here;
            of.push(part);
            ended
                .iter_mut()
                .zip(counts)
                .for_each(|(end, counts)| *end += counts[digit]);
        }
        ends.iter_mut()
            .zip(&ended)
            .for_each(|(ends, end)| ends.push(*end));
        Self { of, ends }
    }

    /// Each part: its items in each share, and where they go.
    fn places<'a, 'o, K, O>(
        &self,
        apart: &[&'a [K]],
        out: &'o mut [O],
    ) -> Vec<(Vec<Share<'a, K>>, &'o mut [O])> {
        let mut starts = vec![0; apart.len()];
        let mut rest = out;
        let mut places = Vec::with_capacity(self.ends[0].len());
        for part in 0..self.ends[0].len() {
            let shares: Vec<Share<'a, K>> = apart
                .iter()
                .zip(&self.ends)
                .zip(&mut starts)
                .map(|((apart, ends), start)| {
                    (0, &apart[std::mem::replace(start, ends[part])..ends[part]])
                })
                .collect();
            let size = shares.iter().map(|share| share.1.len()).sum();
            let (this, others) = std::mem::take(&mut rest).split_at_mut(size);
            rest = others;
            places.push((shares, this));
        }
        places
    }
}

/// A part, or a short run, while it is sorted.
pub(crate) struct Table<K> {
    from: Vec<K>,
    items: Vec<K>,
    /// Where the items of each digit end.
    ends: Vec<u32>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            from: Vec::new(),
            items: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl<K: Ordered> Table<K> {
    /// A run of at most 2^18 items in order.
    pub(crate) fn sorted(&mut self, run: impl Iterator<Item = K>) -> &[K] {
        let mut from = std::mem::take(&mut self.from);
        from.clear();
        from.extend(run);
        self.sort(&[(0, &from)]);
        self.from = from;
        &self.items
    }

    fn sort(&mut self, from: &[Share<'_, K>]) {
        self.items.clear();
        from.iter()
            .for_each(|(_, from)| self.items.extend_from_slice(from));
        let items = &mut self.items[..];
        if items.len() <= FEW {
            return items.sort_unstable();
        }
        let range = range(items.iter().map(|item| item.leading()));
        if range.0 == range.1 {
            return;
        }
        // About a digit for each item.
        let digits = Digits::new(range, items.len().ilog2() + 1);
        self.ends.clear();
        self.ends.resize(digits.count(), 0);
        let all = || from.iter().flat_map(|(_, from)| *from);
        let ends = &mut self.ends[..digits.count()];
        all().for_each(|item| ends[digits.of(*item)] += 1);
        let mut before = 0;
        for end in &mut *ends {
            before += std::mem::replace(end, before);
        }
        for item in all() {
            let next = &mut ends[digits.of(*item)];
            items[*next as usize] = *item;
            *next += 1;
        }
        if digits.shift == 0 {
            return;
        }
        let mut start = 0;
        for end in ends {
            let end = *end as usize;
            if end - start > NEAR {
                items[start..end].sort_unstable();
            }
            start = end;
        }
        neighbours(items);
    }
}

/// Puts in order what is nowhere farther from its place than in a run of [`NEAR`]: such a run lies in one of the eights from
/// the start, or in one of those from the middle of the first.
fn neighbours<K: Ordered>(items: &mut [K]) {
    for start in [0, 8 - NEAR + 1] {
        let (eights, rest) = items[start..].as_chunks_mut();
        eights
            .iter_mut()
            .for_each(|eight| *eight = in_order(*eight));
        rest.sort_unstable();
    }
}

/// A network of 19 comparators.
#[inline(always)]
fn in_order<K: Ordered>(eight: [K; 8]) -> [K; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = eight;
    macro_rules! compare {
        ($($x:ident $y:ident),*) => {$(
            ($x, $y) = (min($x, $y), max($x, $y));
        )*};
    }
    compare!(a c, b d, e g, f h);
    compare!(a e, b f, c g, d h);
    compare!(a b, c d, e f, g h);
    compare!(c e, d f);
    compare!(b e, d g);
    compare!(b c, d e, f g);
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn the_network_sorts_whatever_is_zeros_and_ones_and_so_everything() {
        for bits in 0..256u32 {
            let eight = std::array::from_fn(|at| bits >> at & 1);
            assert!(in_order(eight).is_sorted());
        }
    }
}
