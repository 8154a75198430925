//! How a chunk's elements become the bytes of its file, and back.

use std::io::{self, Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::dtype::named;
use super::{unsupported, wrong};
use crate::{ByteOrder, Codec, ErrorKind, Format, Result};

/// What a chunk goes through, as `codecs` lists it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Codecs {
    /// Which axis of the array comes first, second … in a chunk.
    pub(super) axes: Option<Vec<usize>>,
    /// The byte order of numbers, where one is given.
    pub(super) endian: Option<ByteOrder>,
    /// What packs the bytes, one after another.
    pub(super) packings: Vec<Pack>,
    /// Small chunks in one file.
    pub(super) shard: Option<Box<Shard>>,
}

/// The codec `sharding_indexed`: a file holds many chunks, and an index of where each is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shard {
    /// Extents of a chunk.
    pub(super) chunk: Vec<u64>,
    pub(super) codecs: Codecs,
    /// Bytes of checksums behind the index.
    pub(super) index_check: bool,
    /// Where the index is.
    pub(super) at_start: bool,
}

/// From bytes to fewer bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pack {
    Gzip(u32),
    Zstd { level: i32, checksum: bool },
    Crc32c,
}

impl Codecs {
    /// A list of codecs, for chunks of so many axes.
    pub(super) fn parse(list: &Value, ndim: usize) -> Result<Self> {
        Self::parse_within(list, ndim, true)
    }

    fn parse_within(list: &Value, ndim: usize, may_shard: bool) -> Result<Self> {
        let list = list
            .as_array()
            .ok_or_else(|| wrong("codecs that are no list"))?;
        let mut codecs = Self::default();
        let mut in_bytes = false;
        for codec in list {
            let (name, configuration) =
                named(codec).ok_or_else(|| wrong("a codec without a name"))?;
            let get = |key| configuration.and_then(|value| value.get(key));
            match (name, in_bytes) {
                ("transpose", false) => {
                    let order = get("order").and_then(|order| axes(order, ndim));
                    let order = order
                        .ok_or_else(|| wrong("a transpose codec without an order of all axes"))?;
                    codecs.axes = Some(match codecs.axes {
                        None => order,
                        Some(before) => order.iter().map(|axis| before[*axis]).collect(),
                    });
                    continue;
                }
                ("bytes", false) => {
                    codecs.endian = match get("endian").map(Value::as_str) {
                        None => None,
                        Some(Some("little")) => Some(ByteOrder::Little),
                        Some(Some("big")) => Some(ByteOrder::Big),
                        Some(_) => {
                            return Err(wrong("a byte order that is neither little nor big").into());
                        }
                    };
                    in_bytes = true;
                }
                ("sharding_indexed", false) if may_shard && codecs.axes.is_none() => {
                    codecs.shard = Some(Box::new(Shard::parse(&get, ndim)?));
                    in_bytes = true;
                }
                ("gzip", true) => {
                    let level = get("level").and_then(Value::as_u64).unwrap_or(5);
                    codecs.packings.push(Pack::Gzip(level.min(9) as u32));
                }
                ("zstd", true) => codecs.packings.push(Pack::Zstd {
                    level: get("level")
                        .and_then(Value::as_i64)
                        .unwrap_or(0)
                        .clamp(-7, 22) as i32,
                    checksum: get("checksum").and_then(Value::as_bool).unwrap_or(false),
                }),
                ("crc32c", true) => codecs.packings.push(Pack::Crc32c),
                ("blosc" | "numcodecs.blosc", _) => {
                    let what = "the codec blosc (its library is not safe with bytes from outside)";
                    return Err(unsupported(what).into());
                }
                (name, _) => {
                    let place = if in_bytes { "behind" } else { "before" };
                    return Err(unsupported(format!("the codec {name:?} {place} bytes")).into());
                }
            }
        }
        if !in_bytes {
            return Err(wrong("codecs without one that makes bytes of elements").into());
        }
        if codecs.shard.is_some() && !codecs.packings.is_empty() {
            return Err(unsupported("packing of whole shards").into());
        }
        Ok(codecs)
    }

    /// For writing: what users ask for.
    pub(super) fn of_packing(codec: Codec) -> Result<Vec<Pack>> {
        Ok(match codec {
            Codec::None => Vec::new(),
            Codec::Default => vec![Pack::Zstd {
                level: 1,
                checksum: false,
            }],
            Codec::Zstd(level) => vec![Pack::Zstd {
                level,
                checksum: false,
            }],
            Codec::Deflate(level) => vec![Pack::Gzip(level.min(9))],
            _ => {
                let what = "a codec other than zstd, deflate (as gzip) and none".to_owned();
                return Err(ErrorKind::CannotWrite {
                    what,
                    format: Format::Zarr,
                }
                .into());
            }
        })
    }

    /// As `codecs` lists them.
    pub(super) fn described(&self) -> Value {
        let mut list = Vec::new();
        if let Some(axes) = &self.axes {
            list.push(json!({ "name": "transpose", "configuration": { "order": axes } }));
        }
        list.push(match self.endian {
            Some(ByteOrder::Big) => {
                json!({ "name": "bytes", "configuration": { "endian": "big" } })
            }
            Some(ByteOrder::Little) => {
                json!({ "name": "bytes", "configuration": { "endian": "little" } })
            }
            _ => json!({ "name": "bytes" }),
        });
        list.extend(self.packings.iter().map(|pack| match pack {
            Pack::Gzip(level) => json!({ "name": "gzip", "configuration": { "level": level } }),
            Pack::Zstd { level, checksum } => {
                let configuration = json!({ "level": level, "checksum": checksum });
                json!({ "name": "zstd", "configuration": configuration })
            }
            Pack::Crc32c => json!({ "name": "crc32c" }),
        }));
        list.into()
    }

    /// What packs it, in a word for people.
    pub(super) fn name(&self) -> &'static str {
        if let Some(shard) = &self.shard {
            return shard.codecs.name();
        }
        let mut packs = self.packings.iter().filter(|pack| **pack != Pack::Crc32c);
        match packs.next_back() {
            None => "none",
            Some(Pack::Gzip(_)) => "gzip",
            Some(_) => "zstd",
        }
    }

    /// The most bytes that a file may have for a chunk of so many.
    pub(super) fn most(&self, nbytes: u64) -> u64 {
        match self.packings.is_empty() {
            true => nbytes,
            false => nbytes.saturating_add(nbytes / 8).saturating_add(1 << 16),
        }
    }

    /// The bytes of a chunk, which must be so many.
    pub(super) fn unpack(&self, mut bytes: Vec<u8>, nbytes: usize) -> Result<Vec<u8>> {
        for (i, pack) in self.packings.iter().enumerate().rev() {
            let most = if i == 0 {
                nbytes as u64
            } else {
                self.most(nbytes as u64)
            };
            bytes = pack.unpack(bytes, most)?;
        }
        match bytes.len() {
            n if n == nbytes => Ok(bytes),
            n => Err(wrong(format!("a chunk of {n} bytes, {nbytes} are expected")).into()),
        }
    }

    /// The bytes of a file.
    pub(super) fn pack(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        for pack in &self.packings {
            bytes = pack.pack(bytes)?;
        }
        Ok(bytes)
    }
}

/// Each axis once.
fn axes(order: &Value, ndim: usize) -> Option<Vec<usize>> {
    let axis = |axis: &Value| axis.as_u64().and_then(|axis| usize::try_from(axis).ok());
    let order: Vec<usize> = order.as_array()?.iter().map(axis).collect::<Option<_>>()?;
    let is_whole = order.len() == ndim && (0..ndim).all(|axis| order.contains(&axis));
    is_whole.then_some(order)
}

impl Shard {
    fn parse<'v>(get: &dyn Fn(&'static str) -> Option<&'v Value>, ndim: usize) -> Result<Self> {
        let chunk = get("chunk_shape").and_then(super::meta::extents);
        let chunk = chunk.filter(|chunk| chunk.len() == ndim && !chunk.contains(&0));
        let chunk = chunk.ok_or_else(|| wrong("a shard without the shape of its chunks"))?;
        let list = get("codecs").ok_or_else(|| wrong("a shard without codecs"))?;
        let codecs = Codecs::parse_within(list, ndim, false)?;
        let index =
            get("index_codecs").ok_or_else(|| wrong("a shard without codecs of its index"))?;
        let index = Codecs::parse_within(index, ndim + 1, false)?;
        let index_check = match (&index.packings[..], &index.axes, index.endian) {
            ([], None, Some(ByteOrder::Little)) => false,
            ([Pack::Crc32c], None, Some(ByteOrder::Little)) => true,
            _ => return Err(unsupported("a shard's index that is not little-endian").into()),
        };
        let at_start = match get("index_location").map(Value::as_str) {
            None | Some(Some("end")) => false,
            Some(Some("start")) => true,
            Some(_) => return Err(wrong("an index neither at the start nor at the end").into()),
        };
        Ok(Self {
            chunk,
            codecs,
            index_check,
            at_start,
        })
    }
}

impl Pack {
    /// At most so many bytes.
    fn unpack(self, mut bytes: Vec<u8>, most: u64) -> Result<Vec<u8>> {
        let limited = |from: &mut dyn Read| -> io::Result<Vec<u8>> {
            let mut out = Vec::new();
            from.take(most + 1).read_to_end(&mut out)?;
            Ok(out)
        };
        let out = match self {
            Self::Crc32c => {
                let sum = bytes.len().checked_sub(4).map(|at| bytes.split_off(at));
                let sum = sum.ok_or_else(|| wrong("a chunk shorter than its checksum"))?;
                if crc32c(&bytes).to_le_bytes() != sum[..] {
                    return Err(wrong("the checksum of a chunk does not agree").into());
                }
                return Ok(bytes);
            }
            Self::Gzip(_) => limited(&mut MultiGzDecoder::new(&bytes[..])),
            Self::Zstd { .. } => crate::wrapping::zstd::Reader::new(&bytes[..])
                .and_then(|mut from| limited(&mut from)),
        };
        let out = out.map_err(|error| wrong(format!("a chunk that does not unpack: {error}")))?;
        if out.len() as u64 > most {
            return Err(wrong(format!("a chunk of more than {most} bytes")).into());
        }
        Ok(out)
    }

    fn pack(self, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Crc32c => {
                let sum = crc32c(&bytes);
                bytes.extend(sum.to_le_bytes());
                bytes
            }
            Self::Gzip(level) => {
                let mut to = GzEncoder::new(Vec::new(), flate2::Compression::new(level));
                to.write_all(&bytes)?;
                to.finish()?
            }
            Self::Zstd { level, checksum } => {
                let failed = |code| io::Error::other(zstd_safe::get_error_name(code));
                let mut context = zstd_safe::CCtx::try_create()
                    .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
                let level = zstd_safe::CParameter::CompressionLevel(level);
                let checksum = zstd_safe::CParameter::ChecksumFlag(checksum);
                for parameter in [level, checksum] {
                    context.set_parameter(parameter).map_err(failed)?;
                }
                let mut out = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
                context.compress2(&mut out, &bytes).map_err(failed)?;
                out
            }
        })
    }
}

/// CRC-32C (Castagnoli), bit by bit over nibbles: chunks that have it are rare.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut crc, mut bit) = (i as u32, 0);
            while bit < 8 {
                crc = (crc >> 1) ^ (if crc & 1 == 1 { 0x82f6_3b78 } else { 0 });
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, byte| {
        (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[255; 32]), 0x62a8_ab43);
    }

    #[test]
    fn what_is_packed_unpacks_and_what_is_too_long_is_refused() {
        let bytes = vec![7; 100_000];
        for packings in [
            vec![],
            vec![Pack::Gzip(1)],
            vec![Pack::Zstd {
                level: 3,
                checksum: true,
            }],
            vec![
                Pack::Zstd {
                    level: 1,
                    checksum: false,
                },
                Pack::Crc32c,
            ],
            vec![Pack::Crc32c, Pack::Gzip(9)],
        ] {
            let codecs = Codecs {
                packings,
                ..Codecs::default()
            };
            let packed = codecs.pack(bytes.clone()).unwrap();
            assert_eq!(codecs.unpack(packed.clone(), 100_000).unwrap(), bytes);
            assert!(codecs.unpack(packed.clone(), 99_999).is_err());
            assert!(codecs.unpack(packed.clone(), 100_001).is_err());
            for cut in 0..packed.len().min(100) {
                assert!(codecs.unpack(packed[..cut].to_vec(), 100_000).is_err());
            }
        }
    }
}
