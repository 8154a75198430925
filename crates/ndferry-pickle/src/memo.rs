//! [`Memo`]: numbered values, which opcodes refer to.

use std::collections::HashMap;
use std::ops::Range;

use crate::value::Id;

/// Numbers are dense in all real pickles, so those are in a vector; a claim of a high number costs one map entry.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// [`Id::NOTHING`] where nothing was put.
    dense: Vec<Id>,
    sparse: HashMap<u64, Id>,
    /// How many numbers are taken: the next of `MEMOIZE`.
    taken: u64,
}

impl Memo {
    pub(crate) fn reserve(&mut self, more: usize) {
        self.dense.reserve(more);
    }

    /// How many numbers are taken.
    #[inline]
    pub(crate) fn len(&self) -> u64 {
        self.taken
    }

    #[inline]
    pub(crate) fn get(&self, id: u64) -> Option<Id> {
        match usize::try_from(id).ok().and_then(|i| self.dense.get(i)) {
            Some(value) if *value != Id::NOTHING => Some(*value),
            _ => self.sparse.get(&id).copied(),
        }
    }

    pub(crate) fn put(&mut self, id: u64, value: Id) {
        let len = self.dense.len() as u64;
        if id < len {
            let entry = &mut self.dense[id as usize];
            // What was put beyond the end before the vector grew there.
            let is_new = *entry == Id::NOTHING && self.sparse.remove(&id).is_none();
            *entry = value;
            self.taken += u64::from(is_new);
        } else if id <= len + 1 {
            // Python 2 counts from 1.
            if id > len {
                self.dense.push(Id::NOTHING);
            }
            let is_new = self.sparse.is_empty() || self.sparse.remove(&id).is_none();
            self.dense.push(value);
            self.taken += u64::from(is_new);
        } else if self.sparse.insert(id, value).is_none() {
            self.taken += 1;
        }
    }

    /// Whether the numbers taken are 0 and those that follow, so that the next is [`Self::len`] however it is given.
    #[inline]
    pub(crate) fn is_in_a_row(&self) -> bool {
        self.taken == self.dense.len() as u64 && self.sparse.is_empty()
    }

    /// Values that follow one another, under the next numbers of a memo [in a row](Self::is_in_a_row).
    pub(crate) fn put_row(&mut self, values: Range<u32>) {
        self.taken += u64::from(values.end - values.start);
        self.dense.extend(values.map(Id));
    }

    #[inline]
    pub(crate) fn put_next(&mut self, value: Id) {
        if self.is_in_a_row() {
            self.dense.push(value);
            self.taken += 1;
        } else {
            self.put(self.taken, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_come_in_any_order() {
        let mut memo = Memo::default();
        for (i, id) in [1, 2, 5, 4, 3, 0xffff_ffff, 6, 7, 5]
            .into_iter()
            .enumerate()
        {
            memo.put(id, Id(i as u32));
        }
        let found = |id| memo.get(id).map(|id| id.0);
        assert_eq!(found(5), Some(8));
        assert_eq!(found(0xffff_ffff), Some(5));
        assert_eq!(
            [1, 2, 3, 4, 6, 7].map(|id| found(id).unwrap()),
            [0, 1, 4, 3, 6, 7]
        );
        assert_eq!(found(0), None);
        assert_eq!(memo.taken, 8);
        assert!(memo.dense.len() < 10);
    }
}
