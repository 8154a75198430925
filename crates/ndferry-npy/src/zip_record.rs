//! The records of a ZIP archive as Python's `zipfile` writes them for `numpy.savez`, byte for byte.
//!
//! `rawzip` could write archives too, but puts the sizes behind each member, changes names, and cannot write what is
//! packed already with its sizes in front, which programs that read archives as streams need.

use crate::npz::Method;

/// Above this `zipfile` writes sizes and offsets of the directory with 64 bits (`ZIP64_LIMIT`).
const LIMIT: u64 = (1 << 31) - 1;
/// The version needed to read zip64.
const VERSION: u16 = 45;
/// The archive was made on Unix, which the permissions below are for.
const UNIX: u16 = 3;
/// `rw-------`, as `zipfile` sets it.
const PERMISSIONS: u32 = 0o600 << 16;
/// The first of January 1980, as NumPy has it: two archives of the same arrays are equal.
const DATE: u16 = 0x21;
/// Sizes and checksum follow the data.
const SIZED_BEHIND: u16 = 1 << 3;
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;

/// One member as the records describe it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) file: String,
    pub(crate) method: Method,
    pub(crate) sized_behind: bool,
    pub(crate) crc: u32,
    pub(crate) packed_nbytes: u64,
    pub(crate) nbytes: u64,
    pub(crate) local_at: u64,
}

impl Record {
    fn flags(&self) -> u16 {
        let utf8 = if self.file.is_ascii() { 0 } else { UTF8 };
        utf8 | if self.sized_behind { SIZED_BEHIND } else { 0 }
    }

    /// The same in the local header and the directory: from the flags to the checksum.
    fn common(&self, out: &mut Vec<u8>, crc: u32) {
        for field in [self.flags(), self.method.number(), 0, DATE] {
            out.extend(field.to_le_bytes());
        }
        out.extend(crc.to_le_bytes());
    }

    /// Before the data. NumPy asks for zip64 always, since it writes before it knows the sizes.
    pub(crate) fn local(&self) -> Vec<u8> {
        let (crc, packed, nbytes) = if self.sized_behind {
            (0, 0, 0)
        } else {
            (self.crc, self.packed_nbytes, self.nbytes)
        };
        let mut out = b"PK\x03\x04".to_vec();
        out.extend(VERSION.to_le_bytes());
        self.common(&mut out, crc);
        out.extend([0xff; 8]);
        out.extend(name_nbytes(&self.file).to_le_bytes());
        out.extend(20u16.to_le_bytes());
        out.extend(self.file.as_bytes());
        zip64(&mut out, &[nbytes, packed]);
        out
    }

    /// After the data, if the sizes were not known before.
    pub(crate) fn descriptor(&self) -> Vec<u8> {
        let mut out = b"PK\x07\x08".to_vec();
        out.extend(self.crc.to_le_bytes());
        out.extend(self.packed_nbytes.to_le_bytes());
        out.extend(self.nbytes.to_le_bytes());
        out
    }

    /// In the directory.
    pub(crate) fn central(&self, out: &mut Vec<u8>) {
        let mut long = Vec::new();
        let sizes = if self.nbytes > LIMIT || self.packed_nbytes > LIMIT {
            long.extend([self.nbytes, self.packed_nbytes]);
            [u32::MAX; 2]
        } else {
            [self.packed_nbytes as u32, self.nbytes as u32]
        };
        let local_at = if self.local_at > LIMIT {
            long.push(self.local_at);
            u32::MAX
        } else {
            self.local_at as u32
        };
        out.extend(b"PK\x01\x02");
        out.extend((UNIX << 8 | VERSION).to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        self.common(out, self.crc);
        sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
        let extra_nbytes = if long.is_empty() {
            0
        } else {
            4 + 8 * long.len() as u16
        };
        for field in [name_nbytes(&self.file), extra_nbytes, 0, 0, 0] {
            out.extend(field.to_le_bytes());
        }
        out.extend(PERMISSIONS.to_le_bytes());
        out.extend(local_at.to_le_bytes());
        out.extend(self.file.as_bytes());
        if !long.is_empty() {
            zip64(out, &long);
        }
    }
}

/// After the directory: where it starts, and how much there is.
pub(crate) fn end(count: u64, directory_at: u64, directory_nbytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if count > u64::from(u16::MAX) || directory_at > LIMIT || directory_nbytes > LIMIT {
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend([VERSION.to_le_bytes(); 2].concat());
        out.extend([0; 8]);
        for field in [count, count, directory_nbytes, directory_at] {
            out.extend(field.to_le_bytes());
        }
        out.extend(b"PK\x06\x07");
        out.extend([0; 4]);
        out.extend((directory_at + directory_nbytes).to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    let short = count.min(u16::MAX.into()) as u16;
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend([short.to_le_bytes(); 2].concat());
    for field in [directory_nbytes, directory_at] {
        out.extend((field.min(u32::MAX.into()) as u32).to_le_bytes());
    }
    out.extend([0; 2]);
    out
}

/// The extra field with sizes and offsets of 64 bits.
fn zip64(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(1u16.to_le_bytes());
    out.extend((8 * values.len() as u16).to_le_bytes());
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

/// Names longer than this are refused before they come here.
fn name_nbytes(file: &str) -> u16 {
    u16::try_from(file.len()).unwrap_or(u16::MAX)
}
