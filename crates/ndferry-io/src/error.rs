//! What goes wrong between us and the outside.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why bytes did not come or go.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system failed.
    #[error("{0}")]
    System(#[source] io::Error),
    /// The other side has closed the connection in the middle.
    #[error("the other side closed the connection after {received} bytes of a message of {needed}")]
    Closed {
        /// Bytes of the message that came.
        received: u64,
        /// Bytes that it has.
        needed: u64,
    },
    /// No byte moved for too long.
    #[error("the other side was silent for {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// So few bytes moved that it is no better than silence.
    #[error("the other side moved only {moved} bytes in {} s", .timeout.as_secs_f32())]
    Slow {
        /// Bytes that moved, either way.
        moved: u64,
        /// In how long.
        timeout: Duration,
    },
    /// Nobody answered a call.
    #[error("no connection within {} s", .0.as_secs_f32())]
    ConnectTimeout(Duration),
    /// The other side has not done in time what must come first.
    #[error("the other side did not finish its greeting within {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// A frame that is longer than we take.
    #[error("a message of {claimed} bytes, at most {limit} are accepted")]
    FrameTooLong {
        /// Bytes that its head claims.
        claimed: u64,
        /// Bytes that we take.
        limit: u64,
    },
    /// A stream that only goes the other way.
    #[error("{0} goes one way only")]
    OneWay(&'static str),
    /// A frame whose head makes no sense.
    #[error("{0}")]
    Frame(String),
    /// The caller's interrupt was raised.
    #[error("interrupted")]
    Interrupted,
    /// The file exists and must not be replaced.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// An address that is not one.
    #[error("not an address: {url:?}: {problem}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What should tell a certificate and does not.
    #[error("not the SHA-256 of a certificate, which has 64 hex digits: {text:?}")]
    Pin {
        /// What was given.
        text: String,
    },
    /// No connection that is encrypted and to whom it should be; or the wrong files for one.
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(#[from] crate::TlsProblem),
    /// Bytes of TLS on a connection without it.
    #[error("the other side speaks TLS")]
    SpeaksTls,
    /// A transport that this build does not have.
    #[error("{scheme}:// is not in this build")]
    NotBuilt {
        /// The address's scheme.
        scheme: &'static str,
    },
    /// What came as shared memory cannot be used as such.
    #[error("a segment of shared memory {0}")]
    Segment(&'static str),
    /// A peer with which ZeroMQ cannot be spoken.
    #[cfg(feature = "zmq")]
    #[error("{0}")]
    Zmq(#[from] crate::ZmqProblem),
    /// A file on a web server that cannot be read.
    #[cfg(feature = "http")]
    #[error("{0}")]
    Http(#[from] crate::HttpProblem),
    /// Fewer bytes than were promised.
    #[error("the input ends at byte {end}, byte {needed} is needed")]
    TooShort {
        /// Where it ends.
        end: u64,
        /// The byte after the last one that is needed.
        needed: u64,
    },
}

/// One of ours that went through a reader or a writer comes out as what it was.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::System)
    }
}

/// What comes back from the outside.
pub type Result<T> = std::result::Result<T, Error>;
