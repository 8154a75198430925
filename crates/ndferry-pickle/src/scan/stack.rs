//! [`Tag`]: the little that a scan knows of a value; [`Stack`] and [`Memo`] hold such.

use std::collections::{HashMap, HashSet};

/// What is known of a value without making it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Nothing that a name could be made of or that could be called.
    Other,
    /// Text that may become a name.
    Text(Text),
    /// What a name stands for, by its number.
    Name(u32),
    /// What came of calling it.
    Made(u32),
    /// A tuple with names in it.
    Args(Args),
}

/// Where short text lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// In the input, or in the scan's own pool.
    pub(super) offset: u64,
    pub(super) nbytes: u16,
    pub(super) is_pooled: bool,
    /// Whether it begins with two underscores and is not `__new__`.
    pub(super) is_dunder: bool,
    /// Whether a name could be spelled so.
    pub(super) is_plain: bool,
}

/// The names in a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Args {
    /// That which comes first in it.
    pub(super) first: Option<Number>,
    /// Another one.
    pub(super) other: Option<Number>,
    /// Whether its last part is text that begins with two underscores.
    pub(super) ends_in_dunder: bool,
}

/// A name's number, one more than it is.
pub(super) type Number = std::num::NonZeroU32;

impl Args {
    pub(super) fn add(&mut self, tag: Tag, is_first: bool) {
        if let Tag::Name(i) = tag {
            let number = Number::MIN.saturating_add(i);
            if is_first {
                self.first = Some(number);
            } else {
                self.other = Some(number);
            }
        }
        self.ends_in_dunder = matches!(tag, Tag::Text(text) if text.is_dunder);
    }

    pub(super) fn tag(self) -> Tag {
        if self == Self::default() {
            return Tag::Other;
        }
        Tag::Args(self)
    }
}

/// Values, of which neighbours that are alike take the room of one.
#[derive(Debug, Default)]
pub(super) struct Stack {
    runs: Vec<(Tag, u32)>,
    len: u64,
    /// Lengths where `MARK` was.
    marks: Vec<u64>,
}

impl Stack {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How much memory it takes, in entries.
    pub(super) fn size(&self) -> usize {
        self.runs.len() + self.marks.len()
    }

    /// Values and marks.
    pub(super) fn left(&self) -> u64 {
        self.len + self.marks.len() as u64
    }

    pub(super) fn push(&mut self, tag: Tag) {
        self.len += 1;
        match self.runs.last_mut() {
            Some((last, count)) if *last == tag && *count < u32::MAX => *count += 1,
            _ => self.runs.push((tag, 1)),
        }
    }

    fn fence(&self) -> u64 {
        self.marks.last().copied().unwrap_or(0)
    }

    /// Whether nothing lies above the last mark.
    pub(super) fn is_at_mark(&self) -> bool {
        self.marks.last() == Some(&self.len)
    }

    pub(super) fn top(&self) -> Option<Tag> {
        let (tag, _) = self.runs.last().filter(|_| self.len > self.fence())?;
        Some(*tag)
    }

    pub(super) fn pop(&mut self) -> Option<Tag> {
        let tag = self.top()?;
        self.drop_one();
        Some(tag)
    }

    fn drop_one(&mut self) {
        self.len -= 1;
        if let Some((_, count)) = self.runs.last_mut() {
            *count -= 1;
            if *count == 0 {
                self.runs.pop();
            }
        }
    }

    pub(super) fn mark(&mut self) {
        self.marks.push(self.len);
    }

    pub(super) fn pop_only_mark(&mut self) -> bool {
        self.marks.pop().is_some()
    }

    /// What lies above the last mark and is a name or has some in it, with its place there and how often it follows.
    pub(super) fn named_above_mark(&self) -> Vec<(u64, Tag, u32)> {
        let (fence, mut at) = (self.fence(), self.len);
        let mut out = Vec::new();
        for (tag, count) in self.runs.iter().rev() {
            let start = at.saturating_sub(u64::from(*count)).max(fence);
            if matches!(tag, Tag::Name(_) | Tag::Args(_)) {
                out.push((start - fence, *tag, (at - start) as u32));
            }
            at = start;
            if at == fence {
                break;
            }
        }
        out
    }

    /// Takes everything above the last mark away: the names in it, its first part, and how many parts it had.
    pub(super) fn pop_mark(&mut self) -> Option<(Args, Option<Tag>, u64)> {
        let start = self.marks.pop()?;
        let count = self.len - start;
        let mut runs = self.runs.len();
        let mut left = count;
        while left > 0 {
            runs -= 1;
            left = left.saturating_sub(u64::from(self.runs[runs].1));
        }
        // The first of these runs may begin below the mark.
        let below: u64 = self.runs[runs..]
            .iter()
            .map(|(_, count)| u64::from(*count))
            .sum::<u64>()
            - count;
        let mut args = Args::default();
        let first = (count > 0).then(|| self.runs[runs].0);
        for (i, (tag, repeated)) in self.runs[runs..].iter().enumerate() {
            args.add(*tag, i == 0);
            let here = u64::from(*repeated) - if i == 0 { below } else { 0 };
            if here > 1 {
                args.add(*tag, false);
            }
        }
        self.runs.truncate(runs + usize::from(below > 0));
        if below > 0
            && let Some((_, count)) = self.runs.last_mut()
        {
            *count = below as u32;
        }
        self.len = start;
        Some((args, first, count))
    }
}

/// What a pickle remembers and may become part of a name. Everything else counts, but is not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    kept: HashMap<u64, Tag>,
    /// All numbers below this one are taken.
    dense: u64,
    /// Others that are.
    sparse: HashSet<u64>,
}

impl Memo {
    /// How much memory it takes, in entries.
    pub(super) fn size(&self) -> usize {
        self.kept.len() + self.sparse.len()
    }

    /// The number that `MEMOIZE` takes.
    pub(super) fn len(&self) -> u64 {
        self.dense + self.sparse.len() as u64
    }

    pub(super) fn put(&mut self, id: u64, tag: Tag) {
        if id == self.dense {
            self.dense += 1;
            while !self.sparse.is_empty() && self.sparse.remove(&self.dense) {
                self.dense += 1;
            }
        } else if id > self.dense {
            self.sparse.insert(id);
        }
        match tag {
            Tag::Other => self.kept.remove(&id),
            tag => self.kept.insert(id, tag),
        };
    }

    /// What it is; `None` if nothing was put there.
    pub(super) fn get(&self, id: u64) -> Option<Tag> {
        if let Some(tag) = self.kept.get(&id) {
            return Some(*tag);
        }
        (id < self.dense || self.sparse.contains(&id)).then_some(Tag::Other)
    }
}
