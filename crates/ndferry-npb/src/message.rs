//! [`Head`]: the forty bytes before every body.

use crate::cursor::Cursor;
use crate::{Error, ErrorKind, What};

/// What every message starts with.
pub const MAGIC: [u8; 4] = *b"\x93NPB";

/// Bytes of a head.
pub const HEAD_NBYTES: usize = 40;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 0: the first message of an array.
    Manifest,
    /// 1: a header block: 0 is NPY's header, 1 the attributes.
    Header,
    /// 2: one tile.
    Data,
    /// 3: where the tiles lie in a file.
    Index,
    /// 4: the last message of an array.
    End,
    /// 5: the arrays of a file or stream.
    Catalog,
    /// 6: the last message of a file.
    Tail,
    /// 16: what the receiver holds already.
    Resume,
    /// 17: how much the receiver will take.
    Credit,
    /// 18: all is stored and verified.
    Ack,
    /// 19: no, and why.
    Refuse,
    /// 32: the first message on a duplex stream.
    Hello,
    /// 33: proof of knowing the token.
    Auth,
    /// 34: still here.
    Ping,
    /// 128: what the sender calls the transfer.
    Name,
    /// 128-255: what a reader may skip.
    Skippable(u8),
}

const KINDS: [(Kind, u8, &str); 15] = [
    (Kind::Manifest, 0, "MANIFEST"),
    (Kind::Header, 1, "HEADER"),
    (Kind::Data, 2, "DATA"),
    (Kind::Index, 3, "INDEX"),
    (Kind::End, 4, "END"),
    (Kind::Catalog, 5, "CATALOG"),
    (Kind::Tail, 6, "TAIL"),
    (Kind::Resume, 16, "RESUME"),
    (Kind::Credit, 17, "CREDIT"),
    (Kind::Ack, 18, "ACK"),
    (Kind::Refuse, 19, "REFUSE"),
    (Kind::Hello, 32, "HELLO"),
    (Kind::Auth, 33, "AUTH"),
    (Kind::Ping, 34, "PING"),
    (Kind::Name, 128, "NAME"),
];

impl Kind {
    /// Its number on the wire.
    pub fn id(self) -> u8 {
        match self {
            Self::Skippable(id) => id,
            kind => KINDS
                .iter()
                .find(|row| row.0 == kind)
                .map_or(0, |row| row.1),
        }
    }

    /// Its name in the format's document.
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|row| row.0 == self)
            .map_or("a message to skip", |row| row.2)
    }

    fn of(id: u8) -> Option<Self> {
        let known = KINDS.iter().find(|row| row.1 == id).map(|row| row.0);
        known.or((id >= 128).then_some(Self::Skippable(id)))
    }

    /// Whether its transfer is 0: it belongs to no one array.
    fn is_of_no_array(self) -> bool {
        matches!(
            self,
            Self::Catalog | Self::Tail | Self::Hello | Self::Auth | Self::Ping
        )
    }
}

/// The head of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the message is.
    pub kind: Kind,
    /// The high byte may be ignored; none of the low byte is used yet.
    pub flags: u16,
    /// The same in every message of one array; 0 where a message belongs to none.
    pub transfer: u64,
    /// DATA: tile number. HEADER: block number. INDEX: part.
    pub sequence: u64,
    /// Bytes of the body.
    pub body_nbytes: u64,
    /// CRC-32 (IEEE) of the body.
    pub body_crc: u32,
}

impl Head {
    /// The head of a body that is the parts joined.
    pub fn new(kind: Kind, transfer: u64, sequence: u64, parts: &[&[u8]]) -> Self {
        Self {
            kind,
            flags: 0,
            transfer,
            sequence,
            body_nbytes: parts.iter().map(|part| part.len() as u64).sum(),
            body_crc: crc(parts),
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; HEAD_NBYTES] {
        let mut out = [0; HEAD_NBYTES];
        out[..4].copy_from_slice(&MAGIC);
        out[4] = 1;
        out[5] = self.kind.id();
        out[6..8].copy_from_slice(&self.flags.to_le_bytes());
        out[8..16].copy_from_slice(&self.transfer.to_le_bytes());
        out[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        out[24..32].copy_from_slice(&self.body_nbytes.to_le_bytes());
        out[32..36].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32fast::hash(&out[..36]);
        out[36..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Parses the first [`HEAD_NBYTES`] bytes.
    ///
    /// # Errors
    /// Too few bytes; a wrong magic or version; a damaged head; a kind or flags that a reader must know and this one
    /// does not.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some((head, _)) = bytes.split_first_chunk::<HEAD_NBYTES>() else {
            let what = What {
                kind: Kind::Skippable(255),
                sequence: 0,
            };
            let (needed, found) = (HEAD_NBYTES as u64, bytes.len() as u64);
            return Err(ErrorKind::Truncated {
                what,
                needed,
                found,
            }
            .at(found));
        };
        if head[..4] != MAGIC {
            let found = [head[0], head[1], head[2], head[3]];
            return Err(ErrorKind::Magic { found }.at(0));
        }
        if head[4] != 1 {
            return Err(ErrorKind::Version { found: head[4] }.at(4));
        }
        let mut fields = Cursor::new(
            &head[5..],
            5,
            What {
                kind: Kind::Skippable(255),
                sequence: 0,
            },
        );
        let kind = fields.u8()?;
        let flags = fields.u16()?;
        let (transfer, sequence, body_nbytes) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let (body_crc, expected) = (fields.u32()?, fields.u32()?);
        let found = crc32fast::hash(&head[..36]);
        if found != expected {
            return Err(ErrorKind::HeadCrc { found, expected }.at(36));
        }
        let kind = Kind::of(kind).ok_or_else(|| ErrorKind::UnknownKind { found: kind }.at(5))?;
        if flags & 0xff != 0 {
            return Err(ErrorKind::UnknownFlags { found: flags }.at(6));
        }
        let none = kind.is_of_no_array();
        if none != (transfer == 0)
            && !matches!(
                kind,
                Kind::Ack | Kind::Refuse | Kind::Credit | Kind::Name | Kind::Skippable(_)
            )
        {
            return Err(ErrorKind::Field {
                field: "transfer",
                found: transfer,
            }
            .at(8));
        }
        Ok(Self {
            kind,
            flags,
            transfer,
            sequence,
            body_nbytes,
            body_crc,
        })
    }

    /// The message in words, for errors.
    pub fn what(&self) -> What {
        What {
            kind: self.kind,
            sequence: self.sequence,
        }
    }

    /// Bytes of head and body.
    pub fn message_nbytes(&self) -> u64 {
        self.body_nbytes.saturating_add(HEAD_NBYTES as u64)
    }

    /// Checks the body's length and checksum.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`], [`ErrorKind::BodyCrc`].
    pub fn check(&self, body: &[u8]) -> Result<(), Error> {
        self.check_nbytes(body)?;
        let what = self.what();
        let (found, expected) = (crc32fast::hash(body), self.body_crc);
        if found != expected {
            return Err(ErrorKind::BodyCrc {
                what,
                found,
                expected,
            }
            .at(HEAD_NBYTES as u64));
        }
        Ok(())
    }

    pub(crate) fn check_nbytes(&self, body: &[u8]) -> Result<(), Error> {
        let what = self.what();
        if body.len() as u64 != self.body_nbytes {
            let (needed, found) = (self.body_nbytes, body.len() as u64);
            return Err(ErrorKind::Truncated {
                what,
                needed,
                found,
            }
            .at(HEAD_NBYTES as u64 + found));
        }
        Ok(())
    }
}

/// A whole small message: head and body.
pub fn message(kind: Kind, transfer: u64, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_NBYTES + body.len());
    out.extend_from_slice(&Head::new(kind, transfer, sequence, &[body]).encode());
    out.extend_from_slice(body);
    out
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back() {
        let head = Head::new(Kind::Data, 7, 9, &[b"ab", b"c"]);
        let bytes = head.encode();
        assert_eq!(Head::parse(&bytes), Ok(head));
        assert!(
            head.check(b"abc").is_ok() && head.check(b"abd").is_err() && head.check(b"ab").is_err()
        );
    }

    #[test]
    fn every_flip_in_a_head_is_found() {
        let bytes = Head::new(Kind::Manifest, 1, 0, &[b"x"]).encode();
        for bit in 0..HEAD_NBYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::parse(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn unknown_kinds_are_errors_unless_they_may_be_skipped() {
        let mut head = Head::new(Kind::Skippable(200), 0, 0, &[]);
        head.flags = 0x0100;
        assert_eq!(Head::parse(&head.encode()), Ok(head));
        head.kind = Kind::Skippable(99);
        assert!(matches!(
            Head::parse(&head.encode()),
            Err(Error {
                kind: ErrorKind::UnknownKind { found: 99 },
                ..
            })
        ));
    }
}
