//! [`Buffer`]: memory that is used again.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// How many buffers a thread keeps, and how long they may be.
const SPARES: usize = 3;
const SPARE_NBYTES: usize = 2 << 20;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Memory for blocks. When it is dropped its thread keeps it for the next one, up to three of 2 MiB: who packs one small
/// array after another would pay more for fresh memory than for packing. Holds anything at first.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

impl Default for Buffer {
    fn default() -> Self {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        Self(spare.ok().flatten().unwrap_or_default())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.capacity() == 0 || buffer.capacity() > SPARE_NBYTES {
            return;
        }
        // No longer there if the thread is ending.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARES {
                spare.push(buffer);
            }
        });
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_for_the_next_one_but_not_much_of_it() {
        let filled = |nbytes: usize| {
            let mut buffer = Buffer::default();
            *buffer = vec![1; nbytes];
            buffer
        };
        let first = filled(5000);
        let at = first.as_ptr();
        drop(first);
        assert_eq!(Buffer::default().as_ptr(), at);
        drop(filled(SPARE_NBYTES + 1));
        let many: Vec<Buffer> = (0..SPARES + 2).map(|_| filled(5000)).collect();
        drop(many);
        SPARE.with(|spare| {
            let spare = spare.borrow();
            assert_eq!(spare.len(), SPARES);
            assert!(spare.iter().all(|buffer| buffer.capacity() <= SPARE_NBYTES));
        });
    }
}
