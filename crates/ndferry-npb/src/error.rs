//! Why bytes are not the NPB message that should stand there.

use crate::{Codec, ElementKind, Filter, Kind};

/// What is wrong, and at which byte: from the start of the message, or of the file where a file is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {kind}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, in bytes.
    pub offset: u64,
}

/// What is wrong with a message, a sequence of messages or a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes do not start with the magic.
    #[error("not an NPB message: it starts with {}", Hex(.found))]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// A version that this reader does not know.
    #[error("NPB version {found} is not known, only 1")]
    Version {
        /// The version.
        found: u8,
    },
    /// The head does not match its checksum.
    #[error("the head is damaged: CRC-32 {found:08x}, not {expected:08x}")]
    HeadCrc {
        /// What the bytes have.
        found: u32,
        /// What the head says.
        expected: u32,
    },
    /// The body does not match its checksum.
    #[error("{what} is damaged: CRC-32 {found:08x}, not {expected:08x}")]
    BodyCrc {
        /// Which message: its kind and number.
        what: What,
        /// What the bytes have.
        found: u32,
        /// What the head says.
        expected: u32,
    },
    /// A kind that must be known.
    #[error("unknown kind of message {found}")]
    UnknownKind {
        /// The number.
        found: u8,
    },
    /// Flags that a reader must know.
    #[error("unknown flags {found:#06x}")]
    UnknownFlags {
        /// All flags.
        found: u16,
    },
    /// Fewer bytes than the message has.
    #[error("{what} is cut off: {needed} bytes are needed, {found} are there")]
    Truncated {
        /// Which message.
        what: What,
        /// Bytes that it has.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A message larger than the limit.
    #[error("{what} of {nbytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Which message.
        what: What,
        /// Its size.
        nbytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A body that does not have the fields of its kind.
    #[error("{what}: {problem}")]
    Body {
        /// Which message.
        what: What,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A field with a value that cannot be.
    #[error("{field} is {found}, which cannot be")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: u64,
    },
    /// A message that cannot come now.
    #[error("{what} cannot come here: {expected} is expected")]
    Unexpected {
        /// Which message came.
        what: What,
        /// What should have come.
        expected: &'static str,
    },
    /// A message of another transfer.
    #[error("{what} belongs to transfer {found:016x}, not {expected:016x}")]
    Transfer {
        /// Which message.
        what: What,
        /// Its transfer.
        found: u64,
        /// The one under way.
        expected: u64,
    },
    /// A tile outside the grid.
    #[error("tile {number} does not exist, the grid has {tiles}")]
    NoSuchTile {
        /// Its number.
        number: u64,
        /// Tiles of the grid.
        tiles: u64,
    },
    /// A tile with another length than its place in the grid gives.
    #[error("tile {number} holds {found} bytes, its place in the grid {expected}")]
    TileLength {
        /// Its number.
        number: u64,
        /// What the block says.
        found: u64,
        /// What the grid says.
        expected: u64,
    },
    /// A tile that came before.
    #[error("tile {number} came twice")]
    Duplicate {
        /// Its number.
        number: u64,
    },
    /// The transfer ended without all of its tiles.
    #[error("{missing} of {tiles} tiles are missing, the first is {first}")]
    Missing {
        /// How many.
        missing: u64,
        /// Of how many.
        tiles: u64,
        /// The first one.
        first: u64,
    },
    /// END counts other messages than came.
    #[error("END counts {expected} data messages, {found} came")]
    Count {
        /// What END says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A tile grid too large to count, or that contradicts itself.
    #[error("no tile grid: {problem}")]
    Grid {
        /// What is wrong.
        problem: &'static str,
    },
    /// A codec that this build does not have, or that nobody knows.
    #[error("codec {id} is not {}", if *known { "in this build" } else { "known" })]
    NoCodec {
        /// Its number.
        id: u8,
        /// Whether the format knows it.
        known: bool,
    },
    /// A filter that nobody knows.
    #[error("filter {id} is not known")]
    NoFilter {
        /// Its number.
        id: u8,
    },
    /// A codec or filter that cannot be used for such elements.
    #[error("{step} is not for {} of {width} bytes", kind.name())]
    Unsuited {
        /// The codec or the filter.
        step: &'static str,
        /// What the elements are.
        kind: ElementKind,
        /// Bytes of one number.
        width: u32,
    },
    /// A filter before a codec that takes none.
    #[error("{codec} takes no filter, {filter} is given")]
    Filtered {
        /// The codec.
        codec: Codec,
        /// The filter.
        filter: Filter,
    },
    /// A level that the codec does not have.
    #[error("{codec} has no level {level}, only {} to {}", codec.levels().start(), codec.levels().end())]
    Level {
        /// The codec.
        codec: Codec,
        /// The level.
        level: i16,
    },
    /// A payload that does not unpack to what the block says.
    #[error("the block does not unpack: {problem}")]
    Unpack {
        /// What is wrong.
        problem: String,
    },
    /// The file has no message where one is said to be.
    #[error("no {what} where {whence} says")]
    NotThere {
        /// What should be there.
        what: &'static str,
        /// What points there.
        whence: &'static str,
    },
}

/// A message by kind and number, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct What {
    /// Its kind.
    pub kind: Kind,
    /// Its sequence number.
    pub sequence: u64,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Data => write!(f, "tile {}", self.sequence),
            Kind::Header | Kind::Index => write!(f, "{} {}", self.kind.name(), self.sequence),
            kind => f.write_str(kind.name()),
        }
    }
}

impl ErrorKind {
    /// With the place where it was found.
    pub fn at(self, offset: u64) -> Error {
        Error { kind: self, offset }
    }
}

/// Bytes as `93 4e 50 42`.
struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}
