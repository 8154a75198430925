//! [`Error`]: what is wrong with a message, a peer or a call.

use std::fmt;

use crate::{Exception, Serializer};

/// Short for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong ([`Self::kind`]) and at which byte.
#[derive(Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bytes from the start of the message for its head and annotations, from the start of its data (unpacked) for what is
    /// in there; 0 where no byte is to blame.
    pub offset: u64,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not Pyro at all.
    #[error("not a message of Pyro: it starts with {found:02x?}")]
    Magic {
        /// The first bytes.
        found: [u8; 4],
    },
    /// A protocol that is neither Pyro4's nor Pyro5's.
    #[error("protocol {found} of Pyro is not known; Pyro4 has 48, Pyro5 502")]
    Version {
        /// What the head says.
        found: u16,
    },
    /// A head whose sum or mark is not right.
    #[error("the head's check is {found:#06x}, it should be {expected:#06x}")]
    Check {
        /// What the fields give.
        expected: u16,
        /// What the head says.
        found: u16,
    },
    /// A type of message that does not exist, or not here.
    #[error("a message of type {found} where {expected} is due")]
    MessageKind {
        /// What the head says.
        found: u16,
        /// What can be here.
        expected: &'static str,
    },
    /// A message of the other Pyro in the middle of a conversation.
    #[error("the other side went over to another version of Pyro")]
    Dialect,
    /// Annotations that do not fit into their length, or whose name is no four letters.
    #[error("annotations: {0}")]
    Annotation(&'static str),
    /// An answer to another question.
    #[error("the answer has number {found}, the question had {expected}")]
    Sequence {
        /// The question's.
        expected: u16,
        /// The answer's.
        found: u16,
    },
    /// A serializer that Pyro does not have, or not this one.
    #[error("serializer {id} is not known")]
    Serializer {
        /// Its number.
        id: u16,
    },
    /// An answer in another serializer than the question's.
    #[error("the answer is in serializer {found}, the question was in {expected}")]
    OtherSerializer {
        /// The question's.
        expected: u8,
        /// The answer's.
        found: u8,
    },
    /// A signature that is not right.
    #[error("{0}")]
    Hmac(&'static str),
    /// Compressed data that cannot be unpacked.
    #[error("its compressed data is damaged")]
    Zlib,
    /// A claim beyond a limit.
    #[error("{what}: {found} is more than the limit of {limit}")]
    Limit {
        /// What was claimed.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// Data that ends too early.
    #[error("{needed} bytes are needed here, {found} are left")]
    Truncated {
        /// Bytes that should be here.
        needed: u64,
        /// Bytes that are.
        found: u64,
    },
    /// More bytes after the value.
    #[error("the value ends here, the data does not")]
    LeftOver,
    /// Something else than what must be here.
    #[error("{expected} is due here")]
    Syntax {
        /// What.
        expected: &'static str,
    },
    /// Something that a serializer knows and we do not read: code, other types.
    #[error("{what} is not read")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// A value that cannot be said in this serializer.
    #[error("{what} cannot be sent with {serializer}")]
    Unsayable {
        /// What it is.
        what: String,
        /// Where it cannot be said.
        serializer: Serializer,
    },
    /// A message whose value is not what its type needs.
    #[error("{what} is not what Pyro sends")]
    Shape {
        /// The value.
        what: &'static str,
    },
    /// In a pickle.
    #[error(transparent)]
    Pickle(ndferry_pickle::ErrorKind),
    /// An array that cannot be.
    #[error(transparent)]
    Array(#[from] ndferry_array::Error),
    /// An NPY in bytes.
    #[error("{0}")]
    Npy(#[from] ndferry_npy::Error),
    /// The transport.
    #[error(transparent)]
    Io(#[from] ndferry_io::Error),
    /// Text that is no address.
    #[error("not an address of Pyro: {text:?}: {problem}")]
    Uri {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The other side does not want to talk.
    #[error("the other side refused the connection: {0}")]
    Refused(String),
    /// The remote object raised an exception.
    #[error("{0}")]
    Remote(Box<Exception>),
    /// An iterator of the other side that can give nothing.
    #[error("the result is an iterator, and the other side does not allow streaming")]
    NoStream,
}

impl ErrorKind {
    /// At this byte.
    pub fn at(self, offset: u64) -> Error {
        Error { kind: self, offset }
    }
}

impl Error {
    /// Whether it is an exception of the remote object, so that the connection is as good as before.
    pub fn is_remote(&self) -> bool {
        matches!(self.kind, ErrorKind::Remote(_))
    }
}

impl From<ndferry_io::Error> for Error {
    fn from(error: ndferry_io::Error) -> Self {
        ErrorKind::Io(error).at(0)
    }
}

impl From<ndferry_pickle::Error> for Error {
    fn from(error: ndferry_pickle::Error) -> Self {
        ErrorKind::Pickle(error.kind).at(error.offset)
    }
}

impl From<ndferry_array::Error> for Error {
    fn from(error: ndferry_array::Error) -> Self {
        ErrorKind::Array(error).at(0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ErrorKind::{Io, NoStream, Refused, Remote, Unsayable, Uri};
        match &self.kind {
            // No byte of a message is to blame.
            kind @ (Io(_) | NoStream | Refused(_) | Remote(_) | Unsayable { .. } | Uri { .. }) => {
                write!(f, "{kind}")
            }
            kind => write!(f, "byte {}: {kind}", self.offset),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}
