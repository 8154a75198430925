//! [`Search`]: the numbers of given ranks, found by their leading bits in passes over all of them.

use std::collections::BTreeMap;

/// Leading bits that the first pass counts.
const FIRST_BITS: u32 = 16;

/// Bits that every further pass adds.
const STEP_BITS: u32 = 12;

/// So many candidates are kept and sorted instead of being counted once more: 2 MiB.
pub(super) const MAX_KEPT: u64 = 1 << 18;

/// How many numbers have which leading 16 bits.
pub(super) struct Top(Vec<u64>);

impl Top {
    pub(super) fn new() -> Self {
        Self(vec![0; 1 << FIRST_BITS])
    }

    pub(super) fn add(&mut self, key: u64) {
        self.0[(key >> (64 - FIRST_BITS)) as usize] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }
}

/// Which keys hold the wanted ranks, as far as is known.
pub(super) struct Search {
    found: BTreeMap<u64, u64>,
    /// Ascending.
    groups: Vec<Group>,
    /// How many leading bits of the groups' keys are known.
    bits: u32,
}

/// Keys that begin with the same bits.
struct Group {
    prefix: u64,
    /// Keys that are less.
    below: u64,
    count: u64,
    /// Wanted ranks among them.
    ranks: Vec<u64>,
}

impl Search {
    /// For ranks that ascend and are less than the number of keys.
    pub(super) fn new(ranks: &[u64], top: &Top) -> Self {
        let cells = top.0.iter().enumerate().map(|(prefix, count)| Cell {
            prefix: prefix as u64,
            count: *count,
            range: None,
        });
        let mut search = Self {
            found: BTreeMap::new(),
            groups: Vec::new(),
            bits: FIRST_BITS,
        };
        search.groups = pick(0, ranks, cells, &mut search.found);
        search
    }

    pub(super) fn is_done(&self) -> bool {
        self.groups.is_empty()
    }

    /// The key of a rank that was asked for, when done.
    pub(super) fn key(&self, rank: u64) -> Option<u64> {
        self.found.get(&rank).copied()
    }

    /// For the next pass.
    pub(super) fn sieve(&self) -> Sieve {
        let mut first = vec![0; 1 << FIRST_BITS];
        for (i, group) in self.groups.iter().enumerate().rev() {
            first[(group.prefix >> (self.bits - FIRST_BITS)) as usize] = i as u32 + 1;
        }
        let candidates: u64 = self.groups.iter().map(|group| group.count).sum();
        let step = STEP_BITS.min(64 - self.bits);
        let held = |_: &Group| {
            if candidates <= MAX_KEPT {
                Held::Keys(Vec::new())
            } else {
                Held::Counts(vec![Count::default(); 1 << step])
            }
        };
        Sieve {
            first,
            prefixes: self.groups.iter().map(|group| group.prefix).collect(),
            bits: self.bits,
            step,
            held: self.groups.iter().map(held).collect(),
        }
    }

    /// Takes in what a pass has found.
    pub(super) fn narrow(&mut self, sieves: Vec<Sieve>) {
        let mut sieves = sieves.into_iter();
        let Some(mut all) = sieves.next() else { return };
        sieves.for_each(|sieve| all.merge(sieve));
        let mut groups = Vec::new();
        for (group, held) in self.groups.drain(..).zip(all.held) {
            match held {
                Held::Keys(mut keys) => {
                    keys.sort_unstable();
                    for rank in group.ranks {
                        self.found.insert(rank, keys[(rank - group.below) as usize]);
                    }
                }
                Held::Counts(counts) => {
                    let cells = counts.iter().enumerate().map(|(i, count)| Cell {
                        prefix: group.prefix << all.step | i as u64,
                        count: count.count,
                        range: Some((count.min, count.max)),
                    });
                    groups.extend(pick(group.below, &group.ranks, cells, &mut self.found));
                }
            }
        }
        self.groups = groups;
        self.bits = all.bits + all.step;
    }
}

/// Keys that begin with the same bits: how many, from which to which.
struct Cell {
    prefix: u64,
    count: u64,
    range: Option<(u64, u64)>,
}

/// The cells that hold a rank; where all keys of one are equal, its ranks are found.
fn pick(
    mut below: u64,
    mut ranks: &[u64],
    cells: impl Iterator<Item = Cell>,
    found: &mut BTreeMap<u64, u64>,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for cell in cells {
        let end = below + cell.count;
        let (inside, above) = ranks.split_at(ranks.partition_point(|rank| *rank < end));
        if !inside.is_empty() {
            match cell.range {
                Some((min, max)) if min == max => {
                    found.extend(inside.iter().map(|rank| (*rank, min)));
                }
                _ => groups.push(Group {
                    prefix: cell.prefix,
                    below,
                    count: cell.count,
                    ranks: inside.to_vec(),
                }),
            }
        }
        (below, ranks) = (end, above);
    }
    groups
}

/// What one thread finds among the candidates in one pass.
pub(super) struct Sieve {
    /// For each 16 leading bits the first group that begins so, from 1.
    first: Vec<u32>,
    prefixes: Vec<u64>,
    bits: u32,
    step: u32,
    held: Vec<Held>,
}

enum Held {
    Keys(Vec<u64>),
    Counts(Vec<Count>),
}

#[derive(Clone, Copy)]
struct Count {
    count: u64,
    min: u64,
    max: u64,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            count: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Sieve {
    pub(super) fn add(&mut self, key: u64) {
        let first = self.first[(key >> (64 - FIRST_BITS)) as usize];
        if first == 0 {
            return;
        }
        let prefix = key >> (64 - self.bits);
        for group in first as usize - 1..self.prefixes.len() {
            if self.prefixes[group] > prefix {
                return;
            }
            if self.prefixes[group] == prefix {
                match &mut self.held[group] {
                    Held::Keys(keys) => keys.push(key),
                    Held::Counts(counts) => {
                        let low = key >> (64 - self.bits - self.step) & ((1 << self.step) - 1);
                        let count = &mut counts[low as usize];
                        count.count += 1;
                        count.min = count.min.min(key);
                        count.max = count.max.max(key);
                    }
                }
                return;
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.held.iter_mut().zip(other.held) {
            match (mine, theirs) {
                (Held::Keys(mine), Held::Keys(theirs)) => mine.extend(theirs),
                (Held::Counts(mine), Held::Counts(theirs)) => {
                    for (mine, theirs) in mine.iter_mut().zip(theirs) {
                        mine.count += theirs.count;
                        mine.min = mine.min.min(theirs.min);
                        mine.max = mine.max.max(theirs.max);
                    }
                }
                // All sieves of one pass hold the same.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Finds by counting only, so that every pass is walked.
    fn search(keys: &[u64], ranks: &[u64]) -> Vec<u64> {
        let mut top = Top::new();
        keys.iter().for_each(|key| top.add(*key));
        let mut search = Search::new(ranks, &top);
        while !search.is_done() {
            let mut sieves = [search.sieve(), search.sieve()];
            for sieve in &mut sieves {
                for held in &mut sieve.held {
                    *held = Held::Counts(vec![Count::default(); 1 << sieve.step]);
                }
            }
            for (i, key) in keys.iter().enumerate() {
                sieves[i % 2].add(*key);
            }
            search.narrow(sieves.into());
        }
        ranks
            .iter()
            .map(|rank| search.key(*rank).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn ranks_are_found_bit_by_bit(
            keys in proptest::collection::vec(
                prop_oneof![any::<u64>(), 0u64..40, any::<u64>().prop_map(|x| x & 0x8001 | 7 << 50)], 1..60),
            wanted in proptest::collection::btree_set(0u64..60, 0..8),
        ) {
            let ranks: Vec<u64> = wanted.into_iter().filter(|rank| *rank < keys.len() as u64).collect();
            let found = search(&keys, &ranks);
            let mut sorted = keys;
            sorted.sort_unstable();
            let expected: Vec<u64> = ranks.iter().map(|rank| sorted[*rank as usize]).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
