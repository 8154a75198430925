//! The outside: files, sockets, pipes. The only ndferry library that touches it.
//!
//! It moves bytes and whole frames and knows neither arrays nor NPB: a [`Framing`] tells it how long a frame is.

mod atomic;
mod buffer;
mod datagram;
mod error;
mod exchange;
mod frame;
#[cfg(feature = "http")]
mod http;
mod interrupt;
mod link;
#[expect(unsafe_code, reason = "memory maps; see the type's documentation")]
mod mmap;
mod net;
mod patience;
mod peak;
mod pin;
mod pipe;
mod read_at;
mod reception;
mod reserve;
#[cfg(all(feature = "shm", target_os = "linux"))]
mod ring;
#[cfg(all(feature = "shm", target_os = "linux"))]
mod segment;
#[cfg(all(feature = "shm", target_os = "linux"))]
mod shm;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod wait;
#[cfg(feature = "zmq")]
mod zmq;
#[cfg(feature = "zmq")]
mod zmtp;

pub use atomic::{AtomicFile, rename_synced};
pub use buffer::{BigBuffer, read_claimed};
pub use datagram::Datagrams;
pub use error::{Error, Result};
pub use exchange::{Due, Exchange, ExchangeListener, ExchangeOptions};
pub use frame::{Duplex, Frame, FrameSink, FrameSource, Framing, Link};
#[cfg(feature = "http")]
pub use http::{HttpFile, HttpProblem};
pub use interrupt::Interrupt;
pub use link::{LinkOptions, Listener, connect};
pub use mmap::MappedFile;
pub use net::Socket;
pub use peak::{current_memory, peak_memory};
pub use pin::{Pin, TlsIdentity, TlsOptions};
pub use pipe::{frames_from, frames_to};
pub use read_at::{Counted, ReadAt};
pub use reception::{Doorman, Verdict};
#[cfg(all(feature = "shm", target_os = "linux"))]
pub use ring::{Ring, RingReader};
#[cfg(all(feature = "shm", target_os = "linux"))]
pub use segment::{Filling, Lease, Segment, SegmentMap, SegmentPool};
pub use stream::{Stream, StreamTransport};
#[cfg(feature = "tls")]
pub use tls::TlsProblem;
pub use url::Url;
#[cfg(feature = "zmq")]
pub use zmtp::{ZMQ_PARTS, ZmqOptions, ZmqProblem, ZmqSocket};
