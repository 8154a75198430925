//! [`Ranges`]: which tiles there are, as runs of numbers.

use std::collections::BTreeMap;

/// A set of numbers that costs memory for its gaps only, so that nobody can make a reader allocate by claiming many
/// tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First number of each run, and the first one after it.
    runs: BTreeMap<u64, u64>,
    count: u64,
}

impl Ranges {
    /// Adds a number; says whether it is new.
    pub fn insert(&mut self, number: u64) -> bool {
        let before = self
            .runs
            .range(..=number)
            .next_back()
            .map(|(first, end)| (*first, *end));
        if before.is_some_and(|(_, end)| number < end) {
            return false;
        }
        let first = match before {
            Some((first, end)) if end == number => first,
            _ => number,
        };
        let end = self.runs.remove(&(number + 1)).unwrap_or(number + 1);
        self.runs.insert(first, end);
        self.count += 1;
        true
    }

    /// Whether this number is in it.
    pub fn contains(&self, number: u64) -> bool {
        self.runs
            .range(..=number)
            .next_back()
            .is_some_and(|(_, end)| number < *end)
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The lowest number that is not in it.
    pub fn first_gap(&self) -> u64 {
        match self.runs.first_key_value() {
            Some((0, end)) => *end,
            _ => 0,
        }
    }

    /// The runs: first number, and how many.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|(first, end)| (*first, end - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(0u64..40, 0..60)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), set.insert(number));
            }
            prop_assert_eq!(ranges.count(), set.len() as u64);
            prop_assert_eq!(ranges.first_gap(), (0..).find(|n| !set.contains(n)).unwrap());
            prop_assert_eq!(ranges.runs().flat_map(|(first, n)| first..first + n).collect::<BTreeSet<_>>(), set);
        }
    }
}
