//! [`Error`]: what is wrong with a pickle, and where.

use std::fmt;

/// Short for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong ([`Self::kind`]) and at which byte.
#[derive(Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bytes from the start of the input: of the opcode that cannot be, or of the one that made the value that is wrong.
    pub offset: u64,
}

/// What is wrong with a pickle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It ends before it should.
    #[error("{needed} bytes are needed here, {found} are left")]
    Truncated {
        /// Bytes that should be here.
        needed: u64,
        /// Bytes that are.
        found: u64,
    },
    /// A byte that is no opcode.
    #[error("{opcode:#04x} is not an opcode of pickles")]
    Opcode {
        /// The byte.
        opcode: u8,
    },
    /// A protocol that does not exist yet.
    #[error("protocol {found} is newer than 5")]
    Protocol {
        /// What `PROTO` says.
        found: u8,
    },
    /// An opcode that takes a value where there is none.
    #[error("the stack is empty")]
    StackEmpty,
    /// An opcode that takes everything up to a mark that nobody set.
    #[error("no mark is set")]
    NoMark,
    /// `STOP` while there are still marks, or more than one value.
    #[error("{left} values are left when it stops")]
    LeftOver {
        /// Values besides the result.
        left: usize,
    },
    /// A memo entry that was never made.
    #[error("nothing was memoised as {id}")]
    NoMemo {
        /// Its number.
        id: u64,
    },
    /// A line that does not hold what its opcode says.
    #[error("not {expected}")]
    Text {
        /// What should be there.
        expected: &'static str,
    },
    /// Keys without a value.
    #[error("an odd number of keys and values")]
    OddPairs,
    /// A value of the wrong kind.
    #[error("{expected} is needed, it is {found}")]
    Kind {
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: &'static str,
    },
    /// An array, scalar or dtype whose state NumPy would refuse as well.
    #[error("{what}: {problem}")]
    State {
        /// What it should be, e.g. `dtype`.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Elements that are more or fewer than the shape says.
    #[error("shape {shape:?} of {dtype} needs {needed} bytes, {found} are there")]
    ElementBytes {
        /// The shape.
        shape: Vec<usize>,
        /// The dtype's type string.
        dtype: String,
        /// What they need.
        needed: u64,
        /// What there is.
        found: u64,
    },
    /// A dtype or layout that cannot be.
    #[error(transparent)]
    Array(#[from] ndferry_array::Error),
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
    /// Something that makes sense and is not read.
    #[error("{what} is not supported")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// Something that a pickle is to be rewritten for a NumPy without it.
    #[error("NumPy {numpy} has no {what}")]
    NotInNumpy {
        /// What it is.
        what: String,
        /// 1 or 2.
        numpy: u8,
    },
    /// A buffer that was pickled out of band and not given.
    #[error("its buffer {index} was pickled out of band and is not here")]
    NoBuffer {
        /// Its number, from 0.
        index: u32,
    },
    /// From whatever is read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ErrorKind {
    /// At this byte of the input.
    pub fn at(self, offset: u64) -> Error {
        Error { kind: self, offset }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}
