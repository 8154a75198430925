//! [`Head`]: what each message begins with, of both Pyros.

use crate::{Error, ErrorKind, Result};

/// Which Pyro is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Pyro4 since 4.26: protocol 48 of its messages.
    Pyro4,
    /// Pyro5: protocol 502.
    Pyro5,
}

impl Dialect {
    /// Bytes that tell which it is.
    pub const TOLD_NBYTES: usize = 6;

    /// The number in each head (`constants.PROTOCOL_VERSION`).
    pub fn version(self) -> u16 {
        match self {
            Self::Pyro4 => 48,
            Self::Pyro5 => 502,
        }
    }

    /// Bytes of a head.
    pub fn head_nbytes(self) -> usize {
        match self {
            Self::Pyro4 => 24,
            Self::Pyro5 => 40,
        }
    }

    /// Which Pyro a message is of, by its first [`Self::TOLD_NBYTES`] bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Magic`], [`ErrorKind::Version`], [`ErrorKind::Truncated`].
    pub fn tell(start: &[u8]) -> Result<Self> {
        let Some((magic, rest)) = start.split_first_chunk::<4>() else {
            return Err(truncated(Self::TOLD_NBYTES, start.len()));
        };
        if magic != b"PYRO" {
            return Err(ErrorKind::Magic { found: *magic }.at(0));
        }
        let Some(version) = rest.first_chunk::<2>() else {
            return Err(truncated(Self::TOLD_NBYTES, start.len()));
        };
        match u16::from_be_bytes(*version) {
            48 => Ok(Self::Pyro4),
            502 => Ok(Self::Pyro5),
            found => Err(ErrorKind::Version { found }.at(4)),
        }
    }

    /// The module that its own classes are in.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Pyro4 => "Pyro4",
            Self::Pyro5 => "Pyro5",
        }
    }

    /// Bytes of an annotation's name and length.
    pub(crate) fn annotation_prefix(self) -> usize {
        match self {
            Self::Pyro4 => 6,
            Self::Pyro5 => 8,
        }
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// The first message of a client.
    Connect = 1,
    /// The client is let in.
    ConnectOk = 2,
    /// It is not; the data is why.
    ConnectFail = 3,
    /// A call.
    Invoke = 4,
    /// What came out of it.
    Result = 5,
    /// Are you there? Yes.
    Ping = 6,
}

impl MessageKind {
    fn parse(number: u16, offset: u64) -> Result<Self> {
        Ok(match number {
            1 => Self::Connect,
            2 => Self::ConnectOk,
            3 => Self::ConnectFail,
            4 => Self::Invoke,
            5 => Self::Result,
            6 => Self::Ping,
            found => {
                let expected = "1 to 6";
                return Err(ErrorKind::MessageKind { found, expected }.at(offset));
            }
        })
    }
}

/// What is special about a message. Bits that we do not know mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent bits")]
pub struct Flags {
    /// The data is an exception.
    pub exception: bool,
    /// The data is compressed by zlib.
    pub compressed: bool,
    /// Nobody waits for an answer.
    pub oneway: bool,
    /// Several calls, or their results.
    pub batch: bool,
    /// Pyro4: metadata come with the hand-shake.
    pub metadata: bool,
    /// The result is an iterator, whose items are asked for one by one.
    pub stream: bool,
    /// The arguments are passed on as they came.
    pub keep_serialized: bool,
    /// Pyro5: there is a correlation id.
    pub correlation: bool,
}

impl Flags {
    const PYRO4: [u16; 8] = [1, 2, 4, 8, 0x10, 0x20, 0x40, 0];
    const PYRO5: [u16; 8] = [1, 2, 4, 8, 0, 0x10, 0x20, 0x40];

    fn masks(dialect: Dialect) -> [u16; 8] {
        match dialect {
            Dialect::Pyro4 => Self::PYRO4,
            Dialect::Pyro5 => Self::PYRO5,
        }
    }

    /// From the bits of a head.
    pub fn parse(dialect: Dialect, bits: u16) -> Self {
        let [
            exception,
            compressed,
            oneway,
            batch,
            metadata,
            stream,
            keep,
            correlation,
        ] = Self::masks(dialect).map(|mask| bits & mask != 0);
        Self {
            exception,
            compressed,
            oneway,
            batch,
            metadata,
            stream,
            keep_serialized: keep,
            correlation,
        }
    }

    /// As the bits of a head.
    pub fn bits(self, dialect: Dialect) -> u16 {
        let set = [
            self.exception,
            self.compressed,
            self.oneway,
            self.batch,
            self.metadata,
            self.stream,
            self.keep_serialized,
            self.correlation,
        ];
        let masks = Self::masks(dialect);
        set.iter()
            .zip(masks)
            .filter(|(is_set, _)| **is_set)
            .fold(0, |bits, (_, mask)| bits | mask)
    }
}

/// What a message begins with.
///
/// ```
/// use ndferry_pyro::{Dialect, Flags, Head, MessageKind};
///
/// let ping = Head {
///     dialect: Dialect::Pyro5,
///     kind: MessageKind::Ping,
///     serializer: 42,
///     flags: Flags::default(),
///     seq: 1,
///     data_nbytes: 4,
///     annotations_nbytes: 0,
///     correlation: [0; 16],
/// };
/// assert_eq!(ping.to_bytes().len(), 40);
/// assert_eq!(Head::parse(&ping.to_bytes())?, ping);
/// # Ok::<(), ndferry_pyro::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which Pyro's message it is.
    pub dialect: Dialect,
    /// What it is for.
    pub kind: MessageKind,
    /// The number of the serializer of its data, which another dialect numbers otherwise; 42 in a ping.
    pub serializer: u8,
    /// What is special about it.
    pub flags: Flags,
    /// Counts calls; an answer has its question's.
    pub seq: u16,
    /// Bytes of its data.
    pub data_nbytes: u32,
    /// Bytes of its annotations, with their names.
    pub annotations_nbytes: u32,
    /// Pyro5: tells what belongs to one activity; zeros for none. Pyro4 has an annotation `CORR` for it.
    pub correlation: [u8; 16],
}

/// Added to the sum that is the check of Pyro4's heads.
const CHECK_PYRO4: u16 = 0x34e9;

/// What ends the heads of Pyro5.
const CHECK_PYRO5: u16 = 0x4dc5;

impl Head {
    /// Reads a head; what follows it is not looked at.
    ///
    /// # Errors
    /// What [`Dialect::tell`] says; [`ErrorKind::Truncated`], [`ErrorKind::Check`], [`ErrorKind::MessageKind`];
    /// [`ErrorKind::Limit`] for more than the dialect allows.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let dialect = Dialect::tell(bytes)?;
        let Some(head) = bytes.get(..dialect.head_nbytes()) else {
            return Err(truncated(dialect.head_nbytes(), bytes.len()));
        };
        let half = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let parsed = match dialect {
            Dialect::Pyro4 => {
                let serializer = u8::try_from(half(16)).map_err(|_| {
                    let id = half(16);
                    ErrorKind::Serializer { id }.at(16)
                })?;
                // The length is signed there.
                let (found, limit) = (u64::from(word(12)), i32::MAX as u64);
                if found > limit {
                    let what = "bytes of data";
                    return Err(ErrorKind::Limit { what, found, limit }.at(12));
                }
                Self {
                    dialect,
                    kind: MessageKind::parse(half(6), 6)?,
                    serializer,
                    flags: Flags::parse(dialect, half(8)),
                    seq: half(10),
                    data_nbytes: word(12),
                    annotations_nbytes: u32::from(half(18)),
                    correlation: [0; 16],
                }
            }
            Dialect::Pyro5 => {
                let mut correlation = [0; 16];
                correlation.copy_from_slice(&head[20..36]);
                Self {
                    dialect,
                    kind: MessageKind::parse(u16::from(head[6]), 6)?,
                    serializer: head[7],
                    flags: Flags::parse(dialect, half(8)),
                    seq: half(10),
                    data_nbytes: word(12),
                    annotations_nbytes: word(16),
                    correlation,
                }
            }
        };
        let at = dialect.head_nbytes() - 2;
        let (expected, found) = (parsed.check(half(8)), half(at));
        if expected != found {
            return Err(ErrorKind::Check { expected, found }.at(at as u64));
        }
        Ok(parsed)
    }

    /// The bytes of the head.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bits = self.flags.bits(self.dialect);
        let mut out = Vec::with_capacity(40);
        out.extend_from_slice(b"PYRO");
        out.extend_from_slice(&self.dialect.version().to_be_bytes());
        match self.dialect {
            Dialect::Pyro4 => out.extend_from_slice(&(self.kind as u16).to_be_bytes()),
            Dialect::Pyro5 => out.extend_from_slice(&[self.kind as u8, self.serializer]),
        }
        out.extend_from_slice(&bits.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.data_nbytes.to_be_bytes());
        match self.dialect {
            Dialect::Pyro4 => {
                out.extend_from_slice(&u16::from(self.serializer).to_be_bytes());
                out.extend_from_slice(&(self.annotations_nbytes as u16).to_be_bytes());
            }
            Dialect::Pyro5 => {
                out.extend_from_slice(&self.annotations_nbytes.to_be_bytes());
                out.extend_from_slice(&self.correlation);
            }
        }
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.check(bits).to_be_bytes());
        out
    }

    /// Bytes that follow the head.
    pub fn rest_nbytes(&self) -> u64 {
        u64::from(self.data_nbytes) + u64::from(self.annotations_nbytes)
    }

    /// `bits` are those of the head, which may have some that we do not know.
    fn check(&self, bits: u16) -> u16 {
        match self.dialect {
            Dialect::Pyro4 => {
                let data = self.data_nbytes as u16;
                let parts = [
                    self.kind as u16,
                    self.dialect.version(),
                    data,
                    self.annotations_nbytes as u16,
                    bits,
                    u16::from(self.serializer),
                    self.seq,
                ];
                parts
                    .iter()
                    .fold(CHECK_PYRO4, |sum, n| sum.wrapping_add(*n))
            }
            Dialect::Pyro5 => CHECK_PYRO5,
        }
    }
}

fn truncated(needed: usize, found: usize) -> Error {
    let (needed, found) = (needed as u64, found as u64);
    ErrorKind::Truncated { needed, found }.at(found)
}
