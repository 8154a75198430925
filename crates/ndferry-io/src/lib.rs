//! The outside: files, sockets, pipes. The only ndferry library that touches it.
//!
//! It moves bytes and whole frames and knows neither arrays nor NPB: a framing tells it how long a frame is.

mod atomic;
mod buffer;
mod error;
mod interrupt;
mod peak;
mod read_at;

pub use atomic::AtomicFile;
pub use buffer::{BigBuffer, read_claimed};
pub use error::{Error, Result};
pub use interrupt::Interrupt;
pub use peak::{current_memory, peak_memory};
pub use read_at::{Counted, ReadAt};
