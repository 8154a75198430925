//! [`Memo`]: numbers of the pickle that is read, numbers of the one that is written, and what is known of some values.

use std::collections::{HashMap, HashSet};

use super::tag::Tag;

/// Both memos. What is written may have two entries more, places to put things for a moment; later numbers move up.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    tags: HashMap<u64, Tag>,
    taken: Taken,
    /// The first extra entry's number in what is written.
    spare: Option<u64>,
}

/// How many extra entries there are.
pub(super) const SPARE: u64 = 2;

/// How an entry is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// As the next one.
    Next,
    /// Under this number.
    At(u64),
}

impl Memo {
    /// What is known of an entry; `None` if there is none.
    pub(super) fn get(&self, id: u64) -> Option<Tag> {
        match self.tags.get(&id) {
            Some(tag) => Some(tag.clone()),
            None => self.taken.contains(id).then_some(Tag::Other),
        }
    }

    /// The number in what is written.
    pub(super) fn written(&self, id: u64) -> u64 {
        match self.spare {
            Some(spare) if id >= spare => id + SPARE,
            _ => id,
        }
    }

    pub(super) fn put(&mut self, id: u64, tag: &Tag) {
        self.taken.insert(id);
        if tag.is_worth_keeping() {
            self.tags.insert(id, tag.clone());
        } else {
            self.tags.remove(&id);
        }
    }

    /// Of `MEMOIZE`, which counts the entries.
    pub(super) fn put_next(&mut self, tag: &Tag) -> Put {
        let id = self.taken.count;
        let written = self.written(id);
        let is_next = written == self.written_count();
        self.put(id, tag);
        match is_next {
            true => Put::Next,
            false => Put::At(written),
        }
    }

    fn written_count(&self) -> u64 {
        self.taken.count + self.spare.map_or(0, |_| SPARE)
    }

    /// Whether there are extra entries.
    pub(super) fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    /// The number, in what is written, of the first extra entry. Whoever asks first must fill all of them, since the
    /// entries are counted.
    pub(super) fn spare(&mut self) -> u64 {
        *self.spare.get_or_insert(self.taken.end())
    }
}

/// Which numbers are taken: mostly a run of them.
#[derive(Clone, Debug, Default)]
struct Taken {
    start: u64,
    end: u64,
    others: HashSet<u64>,
    most: u64,
    count: u64,
}

impl Taken {
    fn contains(&self, id: u64) -> bool {
        (self.start..self.end).contains(&id) || self.others.contains(&id)
    }

    fn insert(&mut self, id: u64) {
        if self.contains(id) {
            return;
        }
        self.count += 1;
        self.most = self.most.max(id);
        if self.start == self.end {
            // Python 2 counts from 1.
            (self.start, self.end) = (id, id + 1);
        } else if id == self.end {
            self.end += 1;
            while self.others.remove(&self.end) {
                self.end += 1;
            }
        } else {
            self.others.insert(id);
        }
    }

    /// A number after all of them.
    fn end(&self) -> u64 {
        match self.count {
            0 => 0,
            _ => self.most + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_after_the_extra_ones_move_up() {
        let mut memo = Memo::default();
        assert_eq!(memo.put_next(&Tag::None), Put::Next);
        assert_eq!(memo.put_next(&Tag::BitGenerator), Put::Next);
        assert_eq!(memo.spare(), 2);
        assert_eq!(memo.spare(), 2);
        assert_eq!(memo.put_next(&Tag::Wrapper), Put::Next);
        assert_eq!([0, 1, 2].map(|id| memo.written(id)), [0, 1, 4]);
        assert!(matches!(memo.get(2), Some(Tag::Wrapper)));
        assert!(matches!(memo.get(0), Some(Tag::Other)));
        assert!(memo.get(3).is_none());
    }

    #[test]
    fn numbers_may_come_in_any_order() {
        let mut memo = Memo::default();
        for id in [1, 2, 5, 4, 3, 0xffff_ffff, 5] {
            memo.put(id, &Tag::Other);
        }
        assert_eq!(memo.taken.count, 6);
        assert_eq!((memo.taken.start, memo.taken.end), (1, 6));
        assert_eq!(memo.spare(), 0x1_0000_0000);
        // The next by count is 6, but what is written counts two more.
        assert_eq!(memo.put_next(&Tag::Other), Put::At(6));
        assert!(memo.get(0).is_none() && memo.get(7).is_none());
    }
}
