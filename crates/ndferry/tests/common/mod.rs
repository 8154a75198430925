//! What tests share whose time-outs are short.

#![allow(dead_code, reason = "each test file uses its part")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use ndferry::Interrupt;

/// Does it up to three times, until once all is as it should be: a machine that is busy may keep a peer from speaking in
/// time. Only for what never succeeds where it is wrong.
pub(crate) fn one_of_three<T>(work: impl Fn() -> T) -> T {
    for _ in 0..2 {
        if let Ok(done) = catch_unwind(AssertUnwindSafe(&work)) {
            return done;
        }
    }
    work()
}

/// Ends a receiver when it is dropped, so that a test that fails does not wait for it.
pub(crate) struct Ends(pub(crate) Interrupt);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set();
    }
}
