//! What receivers answer, and how duplex streams begin.

use crate::cursor::Cursor;
use crate::{Codec, Error, Filter, HEAD_NBYTES, Kind, Limits, Ranges, What, message};

/// The first message of both sides of a duplex stream: what this side can take. Fields that a later version adds
/// follow these; readers ignore what they do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The lowest version of NPB it speaks.
    pub lowest: u8,
    /// The highest.
    pub highest: u8,
    /// A receiver says which tiles it holds, with RESUME after the HEADERs of each array; a sender that also says so
    /// waits for it.
    pub resumes: bool,
    /// It has a token: AUTH follows, and without it nothing else.
    pub proves: bool,
    /// The connecting side wants to be sent what the listening side has, a live stream; otherwise it sends.
    pub watches: bool,
    /// A bit for each codec's number.
    pub codecs: u32,
    /// A bit for each filter's number.
    pub filters: u32,
    /// Bytes of the largest tile it takes.
    pub block_nbytes: u64,
    /// Bytes that may be on the way to it; all ones: as many as the transport takes.
    pub window: u64,
}

/// How two sides prove to each other that they know the same token, which is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// The listening side's first: random bytes.
    Challenge([u8; 32]),
    /// The connecting side's: random bytes of its own, and its proof.
    Answer {
        /// Random bytes.
        challenge: [u8; 32],
        /// See `docs/formats/npb.md`.
        proof: [u8; 32],
    },
    /// The listening side's second: its proof.
    Proof([u8; 32]),
}

/// Why a receiver refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// Which kind of reason.
    pub code: RefuseCode,
    /// The reason in a sentence.
    pub reason: String,
}

/// Kinds of reasons to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RefuseCode {
    /// Anything else.
    Other = 0,
    /// The messages broke the protocol or are damaged.
    Protocol = 1,
    /// A limit of the receiver's.
    Limit = 2,
    /// The receiver could not store it.
    Storage = 3,
    /// The token is wrong or missing.
    Token = 4,
    /// A codec, dtype or version that the receiver does not have.
    Unsupported = 5,
    /// The source is not the one that was begun.
    Changed = 6,
    /// The receiver was interrupted.
    Interrupted = 7,
}

/// All is stored and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// DATA messages that were stored.
    pub blocks: u64,
}

/// Which tiles a receiver holds already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// First tile and how many, in order.
    pub held: Vec<(u64, u64)>,
}

fn fields(kind: Kind, body: &[u8]) -> Cursor<'_> {
    Cursor::new(body, HEAD_NBYTES as u64, What { kind, sequence: 0 })
}

fn bytes32(fields: &mut Cursor<'_>) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(fields.take(32)?);
    Ok(bytes)
}

impl Hello {
    /// This version, with these codecs, all filters, and no window.
    pub fn new(codecs: &[Codec], limits: &Limits) -> Self {
        Self {
            lowest: 1,
            highest: 1,
            resumes: false,
            proves: false,
            watches: false,
            codecs: codecs
                .iter()
                .fold(0, |bits, codec| bits | 1 << *codec as u8),
            filters: Filter::ALL
                .iter()
                .fold(0, |bits, filter| bits | 1 << *filter as u8),
            block_nbytes: limits.block_nbytes,
            window: u64::MAX,
        }
    }

    /// Whether this side takes blocks packed so.
    pub fn takes(&self, codec: Codec, filter: Filter) -> bool {
        self.codecs >> codec as u8 & 1 == 1 && self.filters >> filter as u8 & 1 == 1
    }

    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        let flags =
            u8::from(self.resumes) | u8::from(self.proves) << 1 | u8::from(self.watches) << 2;
        let mut body = vec![self.lowest, self.highest, flags, 0];
        body.extend_from_slice(&self.codecs.to_le_bytes());
        body.extend_from_slice(&self.filters.to_le_bytes());
        body.extend_from_slice(&0u32.to_le_bytes());
        body.extend_from_slice(&self.block_nbytes.to_le_bytes());
        body.extend_from_slice(&self.window.to_le_bytes());
        message(Kind::Hello, 0, 0, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// No version in common, too few bytes.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(Kind::Hello, body);
        let (lowest, highest) = (fields.u8()?, fields.u8()?);
        if lowest > 1 || highest < 1 {
            return Err(fields.wrong("no version in common: this side speaks version 1"));
        }
        let flags = fields.u16()?;
        let (codecs, filters, _) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (block_nbytes, window) = (fields.u64()?, fields.u64()?);
        Ok(Self {
            lowest,
            highest,
            resumes: flags & 1 == 1,
            proves: flags >> 1 & 1 == 1,
            watches: flags >> 2 & 1 == 1,
            codecs,
            filters,
            block_nbytes,
            window,
        })
    }
}

impl Auth {
    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        let (step, parts): (u8, [&[u8]; 2]) = match self {
            Self::Challenge(challenge) => (1, [challenge, &[]]),
            Self::Answer { challenge, proof } => (2, [challenge, proof]),
            Self::Proof(proof) => (3, [proof, &[]]),
        };
        let body = [&[step, 0, 0, 0][..], parts[0], parts[1]].concat();
        message(Kind::Auth, 0, 0, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// A step that there is not, another length.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(Kind::Auth, body);
        let step = fields.u8()?;
        fields.take(3)?;
        let auth = match step {
            1 => Self::Challenge(bytes32(&mut fields)?),
            2 => Self::Answer {
                challenge: bytes32(&mut fields)?,
                proof: bytes32(&mut fields)?,
            },
            3 => Self::Proof(bytes32(&mut fields)?),
            _ => return Err(fields.wrong("a step that there is not")),
        };
        fields.end()?;
        Ok(auth)
    }
}

impl Refuse {
    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        let mut body = (self.code as u32).to_le_bytes().to_vec();
        body.extend_from_slice(self.reason.as_bytes());
        message(Kind::Refuse, transfer, 0, &body)
    }

    /// Parses its body; unknown codes become [`RefuseCode::Other`], text that is not UTF-8 is mended.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(Kind::Refuse, body);
        let code = match fields.u32()? {
            1 => RefuseCode::Protocol,
            2 => RefuseCode::Limit,
            3 => RefuseCode::Storage,
            4 => RefuseCode::Token,
            5 => RefuseCode::Unsupported,
            6 => RefuseCode::Changed,
            7 => RefuseCode::Interrupted,
            _ => RefuseCode::Other,
        };
        let text = fields.rest();
        let reason = String::from_utf8_lossy(&text[..text.len().min(4096)]).into_owned();
        Ok(Self { code, reason })
    }
}

impl Ack {
    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        message(Kind::Ack, transfer, 0, &self.blocks.to_le_bytes())
    }

    /// Parses its body.
    ///
    /// # Errors
    /// Another length.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(Kind::Ack, body);
        let blocks = fields.u64()?;
        fields.end()?;
        Ok(Self { blocks })
    }
}

impl Resume {
    /// What `ranges` holds.
    pub fn of(ranges: &Ranges) -> Self {
        Self {
            held: ranges.runs().collect(),
        }
    }

    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        let mut body = (self.held.len() as u64).to_le_bytes().to_vec();
        for (first, count) in &self.held {
            body.extend_from_slice(&first.to_le_bytes());
            body.extend_from_slice(&count.to_le_bytes());
        }
        message(Kind::Resume, transfer, 0, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// Runs that overlap or are out of order.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(Kind::Resume, body);
        let count = fields.u64()?;
        let mut held = Vec::new();
        let mut end = 0u64;
        for _ in 0..count {
            let (first, count) = (fields.u64()?, fields.u64()?);
            let next = first
                .checked_add(count)
                .filter(|_| first >= end && count > 0);
            end = next.ok_or_else(|| fields.wrong("runs that overlap or are out of order"))?;
            held.push((first, count));
        }
        fields.end()?;
        Ok(Self { held })
    }
}

/// CREDIT: how many more bytes the receiver takes.
pub fn credit(transfer: u64, nbytes: u64) -> Vec<u8> {
    message(Kind::Credit, transfer, 0, &nbytes.to_le_bytes())
}

/// The longest NAME, in bytes.
const NAME_NBYTES: usize = 1024;

/// NAME: what the sender calls the transfer, cut to the most that there may be.
pub fn name(text: &str) -> Vec<u8> {
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=text.len().min(NAME_NBYTES))
        .rev()
        .find(fits)
        .unwrap_or(0);
    message(Kind::Name, 0, 0, &text.as_bytes()[..end])
}

/// The body of a NAME.
pub(crate) fn parse_name(body: &[u8]) -> Result<&str, Error> {
    let fields = fields(Kind::Name, body);
    match std::str::from_utf8(body) {
        Ok(text) if text.len() <= NAME_NBYTES => Ok(text),
        Ok(_) => Err(fields.wrong("more than 1024 bytes")),
        Err(_) => Err(fields.wrong("what is not UTF-8")),
    }
}

/// PING: still here.
pub fn ping() -> Vec<u8> {
    message(Kind::Ping, 0, 0, &[])
}
