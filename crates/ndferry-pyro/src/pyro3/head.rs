//! [`Head`]: what each message of Pyro 3 begins with.

use bytes::Buf;

use crate::codec::shape;
use crate::{ErrorKind, Result};

/// Magic, protocol, bytes of the head, bytes of the body, flags, checksum.
pub(super) const HEAD_NBYTES: usize = 18;

const MAGIC: &[u8; 4] = b"PYRO";
const PROTOCOL: u16 = 5;

/// Flags of messages.
const COMPRESSED: u16 = 1;
const CHECKSUM: u16 = 2;
const XML: u16 = 4;

/// The numbers of a head.
pub(super) struct Head {
    pub(super) body_nbytes: u64,
    flags: u16,
    checksum: u32,
}

impl Head {
    pub(super) fn parse(bytes: &[u8; HEAD_NBYTES]) -> Result<Self> {
        let mut left = &bytes[..];
        let mut found = [0; 4];
        left.copy_to_slice(&mut found);
        if found != *MAGIC {
            return Err(ErrorKind::Magic { found }.at(0));
        }
        let found = left.get_u16();
        if found != PROTOCOL {
            return Err(ErrorKind::Version { found }.at(4));
        }
        if usize::from(left.get_u16()) != HEAD_NBYTES {
            return Err(shape("the length of a head"));
        }
        let body_nbytes = left.get_i32();
        let body_nbytes =
            u64::try_from(body_nbytes).map_err(|_| shape("the length of a message"))?;
        let flags = left.get_u16();
        if flags & XML != 0 {
            let what = "a pickle in XML".to_owned();
            return Err(ErrorKind::Unsupported { what }.at(12));
        }
        Ok(Self {
            body_nbytes,
            flags,
            checksum: left.get_u32(),
        })
    }

    /// Whether the body is packed.
    pub(super) fn is_compressed(&self) -> bool {
        self.flags & COMPRESSED != 0
    }

    /// Adler-32 of the body as it is sent.
    pub(super) fn check(&self, body: &[u8]) -> Result<()> {
        match self.flags & CHECKSUM == 0 || adler32(body) == self.checksum {
            true => Ok(()),
            false => Err(ErrorKind::Zlib.at(HEAD_NBYTES as u64)),
        }
    }
}

/// A head without flags.
pub(super) fn head(body_nbytes: u64) -> Result<[u8; HEAD_NBYTES]> {
    let (what, limit) = ("bytes of a message", i32::MAX as u64);
    let found = body_nbytes;
    let nbytes = i32::try_from(found).map_err(|_| ErrorKind::Limit { what, found, limit }.at(8))?;
    let mut head = [0; HEAD_NBYTES];
    head[..4].copy_from_slice(MAGIC);
    head[4..6].copy_from_slice(&PROTOCOL.to_be_bytes());
    head[6..8].copy_from_slice(&(HEAD_NBYTES as u16).to_be_bytes());
    head[8..12].copy_from_slice(&nbytes.to_be_bytes());
    Ok(head)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1, 0);
    // So many additions fit into 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_refused_that_lie() {
        let good = head(5).unwrap();
        assert_eq!(Head::parse(&good).unwrap().body_nbytes, 5);
        for (at, byte) in [(0, b'X'), (5, 4), (7, 19), (8, 0x80), (13, XML as u8)] {
            let mut wrong = good;
            wrong[at] = byte;
            assert!(Head::parse(&wrong).is_err(), "{at}");
        }
        assert!(head(1 << 31).is_err());
    }

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(
            adler32(&vec![0xff; 100_000]),
            zlib_says(&vec![0xff; 100_000])
        );
    }

    /// The last four bytes of what zlib writes.
    fn zlib_says(bytes: &[u8]) -> u32 {
        use std::io::Write;
        let level = flate2::Compression::fast();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(bytes).unwrap();
        let packed = zlib.finish().unwrap();
        u32::from_be_bytes(packed.last_chunk().copied().unwrap())
    }
}
