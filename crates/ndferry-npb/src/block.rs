//! [`Block`]: the body of a DATA message.

use crate::cursor::Cursor;
use crate::{Codec, Error, Filter, HEAD_NBYTES, Head, Kind, What};

/// Bytes of a DATA body before its payload.
pub const SUBHEAD_NBYTES: usize = 8;

/// One tile as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// The tile's number.
    pub number: u64,
    /// How the payload is packed.
    pub codec: Codec,
    /// The filter before the codec.
    pub filter: Filter,
    /// Bytes of the tile when unpacked.
    pub raw_nbytes: u32,
    /// The packed bytes.
    pub payload: &'a [u8],
}

impl<'a> Block<'a> {
    /// All bytes of the message before the payload, so that the payload need not be copied.
    pub fn head(&self, transfer: u64) -> [u8; HEAD_NBYTES + SUBHEAD_NBYTES] {
        let sub = self.subhead();
        let head = Head::new(Kind::Data, transfer, self.number, &[&sub, self.payload]);
        joined(&head, &sub)
    }

    /// The same without the checksum, for a message that is not moved: see [`crate::Decoder::feed_lent`].
    pub fn head_of_lent(&self, transfer: u64) -> [u8; HEAD_NBYTES + SUBHEAD_NBYTES] {
        let sub = self.subhead();
        let mut head = Head::new(Kind::Data, transfer, self.number, &[]);
        head.body_nbytes = (sub.len() + self.payload.len()) as u64;
        head.body_crc = 0;
        joined(&head, &sub)
    }

    fn subhead(&self) -> [u8; SUBHEAD_NBYTES] {
        let mut sub = [0; SUBHEAD_NBYTES];
        sub[0] = self.codec as u8;
        sub[1] = self.filter as u8;
        sub[4..].copy_from_slice(&self.raw_nbytes.to_le_bytes());
        sub
    }

    /// Parses a body whose checksum has been checked.
    ///
    /// # Errors
    /// A body that is too short, a codec or filter that is not known, reserved bytes that are not 0.
    pub fn parse(number: u64, body: &'a [u8]) -> Result<Self, Error> {
        let what = What {
            kind: Kind::Data,
            sequence: number,
        };
        let mut fields = Cursor::new(body, HEAD_NBYTES as u64, what);
        let (codec, filter) = (fields.u8()?, fields.u8()?);
        if fields.u16()? != 0 {
            return Err(fields.wrong("reserved bytes that are not 0"));
        }
        let raw_nbytes = fields.u32()?;
        Ok(Self {
            number,
            codec: Codec::of(codec).map_err(|kind| kind.at(HEAD_NBYTES as u64))?,
            filter: Filter::of(filter).map_err(|kind| kind.at(HEAD_NBYTES as u64 + 1))?,
            raw_nbytes,
            payload: fields.rest(),
        })
    }
}

fn joined(head: &Head, sub: &[u8; SUBHEAD_NBYTES]) -> [u8; HEAD_NBYTES + SUBHEAD_NBYTES] {
    let mut out = [0; HEAD_NBYTES + SUBHEAD_NBYTES];
    out[..HEAD_NBYTES].copy_from_slice(&head.encode());
    out[HEAD_NBYTES..].copy_from_slice(sub);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let block = Block {
            number: 3,
            codec: Codec::Lz4,
            filter: Filter::Shuffle,
            raw_nbytes: 10,
            payload: b"packed",
        };
        let head = block.head(5);
        let body = [&head[HEAD_NBYTES..], block.payload].concat();
        let parsed = Head::parse(&head).unwrap();
        assert!(parsed.check(&body).is_ok());
        assert_eq!(
            (parsed.transfer, Block::parse(parsed.sequence, &body)),
            (5, Ok(block))
        );
    }
}
