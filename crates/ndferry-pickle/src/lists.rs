//! [`Lists`]: very many lists in one vector. The machine's limit of values keeps its length below `u32::MAX`.

use std::ops::Range;

/// Lists that may grow, and runs of fixed length, one after another.
#[derive(Debug)]
pub(crate) struct Lists<T> {
    items: Vec<T>,
    lists: Vec<List>,
}

/// Where a list is, and how much room it has there.
#[derive(Clone, Copy, Debug)]
struct List {
    start: u32,
    len: u32,
    room: u32,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            lists: Vec::new(),
        }
    }
}

impl<T: Copy> Lists<T> {
    pub(crate) fn reserve(&mut self, items: usize) {
        self.items.reserve(items);
    }

    /// Adds a run that will not grow, and says where it is.
    #[inline]
    pub(crate) fn push_run(&mut self, items: &[T]) -> Range<u32> {
        let start = self.items.len() as u32;
        match *items {
            // Most are so short that a call that copies them costs more than they do.
            [a] => self.items.push(a),
            [a, b] => self.items.extend([a, b]),
            [a, b, c] => self.items.extend([a, b, c]),
            _ => self.items.extend_from_slice(items),
        }
        start..self.items.len() as u32
    }

    #[inline]
    pub(crate) fn run(&self, start: u32, len: usize) -> &[T] {
        &self.items[start as usize..][..len]
    }

    /// Adds a list, and says its number.
    pub(crate) fn push(&mut self, items: &[T]) -> u32 {
        let run = self.push_run(items);
        let len = run.end - run.start;
        self.lists.push(List {
            start: run.start,
            len,
            room: len,
        });
        self.lists.len() as u32 - 1
    }

    /// The items of a list; none if there is no such list.
    pub(crate) fn get(&self, i: u32) -> &[T] {
        match self.lists.get(i as usize) {
            Some(list) => self.run(list.start, list.len as usize),
            None => &[],
        }
    }

    /// Appends to a list: in its place while there is room, else at the end, with as much room again.
    pub(crate) fn extend(&mut self, i: u32, more: &[T]) {
        let list = &mut self.lists[i as usize];
        let (start, len) = (list.start as usize, list.len as usize);
        let wanted = len + more.len();
        if start + len == self.items.len() {
            self.items.extend_from_slice(more);
            list.room = wanted as u32;
        } else if wanted <= list.room as usize {
            self.items[start + len..start + wanted].copy_from_slice(more);
        } else if let Some(filler) = more.first() {
            list.start = self.items.len() as u32;
            self.items.extend_from_within(start..start + len);
            self.items.extend_from_slice(more);
            self.items.resize(self.items.len() + wanted, *filler);
            list.room = 2 * wanted as u32;
        }
        list.len = wanted as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_grow_in_turn_keep_their_items_in_little_room() {
        let mut lists = Lists::default();
        let mut expected = vec![Vec::new(); 7];
        let numbers: Vec<u32> = expected.iter().map(|_| lists.push(&[])).collect();
        let mut runs = Vec::new();
        for i in 0..10_000u32 {
            let which = (i * i / 3 % 7) as usize;
            let more: Vec<u32> = (i..i + i % 4).collect();
            lists.extend(numbers[which], &more);
            expected[which].extend(more);
            if i % 100 == 0 {
                runs.push((i, lists.push_run(&[i, i + 1])));
            }
        }
        for (number, expected) in numbers.iter().zip(&expected) {
            assert_eq!(lists.get(*number), expected);
        }
        for (i, run) in runs {
            assert_eq!(lists.run(run.start, 2), [i, i + 1]);
        }
        let total: usize = expected.iter().map(Vec::len).sum();
        assert!(lists.items.len() < 5 * total, "{}", lists.items.len());
        assert!(lists.get(7).is_empty());
    }
}
