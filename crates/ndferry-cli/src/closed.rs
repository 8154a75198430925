//! Whether standard output was closed when the program began (`>&-` in a shell).
//!
//! Before `main` the standard library opens `/dev/null` in the place of a closed standard stream, which is then like any
//! other `/dev/null`: everything would be written, and lost without a word. What runs before that can still see it.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether there is no standard output. Not known outside of Linux.
pub(crate) fn stdout() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
extern "C" fn look() {
    let is_closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err();
    IS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// The loader calls what this section lists before it calls `main`.
// SAFETY: a pointer to a C function is what belongs there (System V ABI, "Initialization and Termination Functions"), and
// `look` makes one system call and stores to a static, for which nothing of Rust's runtime needs to be ready.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;
