//! [`Limits`]: how much a peer may ask for.

use crate::{ErrorKind, Result};

/// What one message may ask for before it is refused.
///
/// A large pickle that is not compressed is made values while it comes, and needs the memory of these. Any other message is there
/// as a whole first, unpacked a second time, and then as values: less than four times `message_nbytes`, or what it unpacks to.
/// Each connection has one at a time; who serves many that nobody knows lowers both, if what they ask is short.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of data and annotations of one message.
    pub message_nbytes: u64,
    /// Bytes that compressed data may become.
    pub unpacked_nbytes: u64,
    /// Bytes of the first message of a peer that nobody knows yet.
    pub greeting_nbytes: u64,
    /// Values in one message, each use of a shared one counted; and never more than 65536 and 16 for each of its bytes.
    pub values: usize,
    /// Bytes of texts, names and long numbers in one message, beyond four times those of the message itself: what a shared
    /// one costs that is used many times.
    pub copied_nbytes: usize,
    /// Containers inside one another.
    pub depth: usize,
    /// Digits of an `int` that is spelled in decimal; parsing them takes quadratic time.
    pub digits: usize,
}

impl Default for Limits {
    /// 1 GiB a message, as Pyro5; 4 million values; 200 levels.
    fn default() -> Self {
        Self {
            message_nbytes: 1 << 30,
            unpacked_nbytes: 1 << 30,
            greeting_nbytes: 64 << 10,
            values: 1 << 22,
            copied_nbytes: 1 << 20,
            depth: 200,
            digits: 10_000,
        }
    }
}

/// What is left of the limits while one message is read.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    most_values: usize,
    values: usize,
    copied: usize,
    depth: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, input_nbytes: usize) -> Self {
        let each = input_nbytes.saturating_mul(16).saturating_add(1 << 16);
        let most_values = limits.values.min(each);
        Self {
            most_values,
            values: most_values,
            copied: limits
                .copied_nbytes
                .saturating_add(input_nbytes.saturating_mul(4)),
            depth: 0,
            limits: limits.clone(),
        }
    }

    pub(crate) fn digits(&self) -> usize {
        self.limits.digits
    }

    /// One more value.
    pub(crate) fn value(&mut self, offset: u64) -> Result<()> {
        let limit = self.most_values;
        self.values = self.values.checked_sub(1).ok_or_else(|| {
            let what = "values";
            let (found, limit) = (limit as u64 + 1, limit as u64);
            ErrorKind::Limit { what, found, limit }.at(offset)
        })?;
        Ok(())
    }

    /// So many bytes more that are copied.
    pub(crate) fn copy(&mut self, nbytes: u64, offset: u64) -> Result<()> {
        let left = usize::try_from(nbytes).ok();
        let left = left.and_then(|nbytes| self.copied.checked_sub(nbytes));
        self.copied = left.ok_or_else(|| {
            let (what, limit) = ("bytes of texts and numbers", self.copied as u64);
            let found = nbytes;
            ErrorKind::Limit { what, found, limit }.at(offset)
        })?;
        Ok(())
    }

    /// Into a container; [`Self::leave`] goes out again.
    pub(crate) fn enter(&mut self, offset: u64) -> Result<()> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            let what = "levels of nesting";
            let (found, limit) = (self.depth as u64, self.limits.depth as u64);
            return Err(ErrorKind::Limit { what, found, limit }.at(offset));
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
