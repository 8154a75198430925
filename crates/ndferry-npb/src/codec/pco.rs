//! Pco: numbers packed as numbers. The payload is one Pco file of one chunk, as `pco` 1.x writes it.
//!
//! Pco's own reader trusts two claims before it has seen the bytes behind them: the length of a dictionary and the
//! size of a window for repeated values, up to 256 MiB each. [`Prefix`] reads these claims first and refuses those
//! that are larger than the tile. What the reader allocates beyond that is bounded by tables of 2^14 entries.

use ::pco::ChunkConfig;
use ::pco::data_types::Number;
use ::pco::errors::PcoError;
use ::pco::standalone::{DecompressorItem, FileCompressor, FileDecompressor};
use half::f16;

use super::{Pack, Unpack};
use crate::{ElementKind, ElementType, Endian, ErrorKind};

/// Numbers that a chunk can hold.
const MAX_COUNT: usize = 1 << 24;

/// Numbers that are unpacked at a time: a multiple of Pco's batches of 256.
const RUN: usize = 1024;

/// Packs and unpacks.
pub(crate) struct Pco {
    /// 0 to 12, for packing.
    pub(crate) level: i16,
}

/// Calls a function for the type of number that the elements are.
macro_rules! by_type {
    ($element:expr, $function:ident($($argument:expr),*), $otherwise:expr) => {{
        use ElementKind::{Complex, Float, Signed, Unsigned};
        let big = $element.endian == Endian::Big;
        match ($element.kind, $element.width) {
            (Unsigned, 1) => $function::<u8, 1>(big, $($argument),*),
            (Unsigned, 2) => $function::<u16, 2>(big, $($argument),*),
            (Unsigned, 4) => $function::<u32, 4>(big, $($argument),*),
            (Unsigned, 8) => $function::<u64, 8>(big, $($argument),*),
            (Signed, 1) => $function::<i8, 1>(big, $($argument),*),
            (Signed, 2) => $function::<i16, 2>(big, $($argument),*),
            (Signed, 4) => $function::<i32, 4>(big, $($argument),*),
            (Signed, 8) => $function::<i64, 8>(big, $($argument),*),
            (Float | Complex, 2) => $function::<f16, 2>(big, $($argument),*),
            (Float | Complex, 4) => $function::<f32, 4>(big, $($argument),*),
            (Float | Complex, 8) => $function::<f64, 8>(big, $($argument),*),
            // `Codec::suits` has said so before.
            _ => $otherwise,
        }
    }};
}

impl Pack for Pco {
    fn pack(&mut self, element: &ElementType, bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let level = usize::try_from(self.level).ok()?;
        by_type!(element, pack_as(level, bytes, out), None)
    }
}

impl Unpack for Pco {
    fn unpack(
        &mut self,
        element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        by_type!(
            element,
            unpack_as(payload, out),
            Err(wrong("elements that Pco does not have"))
        )
    }
}

fn pack_as<T: Plain<W>, const W: usize>(
    big: bool,
    level: usize,
    raw: &[u8],
    out: &mut Vec<u8>,
) -> Option<usize> {
    let (numbers, []) = raw.as_chunks::<W>() else {
        return None;
    };
    if numbers.is_empty() || numbers.len() > MAX_COUNT {
        return None;
    }
    let numbers: Vec<T> = numbers
        .iter()
        .map(|bytes| T::from_bytes(*bytes, big))
        .collect();
    let config = ChunkConfig::default()
        .with_compression_level(level)
        .with_enable_8_bit(true);
    let mut packed = std::io::Cursor::new(out);
    let file = FileCompressor::default().with_n_hint(numbers.len());
    file.write_header(&mut packed).ok()?;
    file.chunk_compressor(&numbers, &config)
        .ok()?
        .write(&mut packed)
        .ok()?;
    file.write_footer(&mut packed).ok()?;
    usize::try_from(packed.position()).ok()
}

fn unpack_as<T: Plain<W>, const W: usize>(
    big: bool,
    payload: &[u8],
    out: &mut [u8],
) -> Result<usize, ErrorKind> {
    let nbytes = out.len();
    let (numbers, []) = out.as_chunks_mut::<W>() else {
        return Err(wrong("a part of a number"));
    };
    Prefix(payload).check(numbers.len(), 8 * W as u64)?;
    let (file, rest) = FileDecompressor::new(payload).map_err(problem)?;
    let DecompressorItem::Chunk(mut chunk) =
        file.chunk_decompressor::<T, _>(rest).map_err(problem)?
    else {
        return Err(wrong("no chunk"));
    };
    let mut run = [T::default(); RUN];
    for numbers in numbers.chunks_mut(RUN) {
        let progress = chunk.read(&mut run[..]).map_err(problem)?;
        if progress.n_processed != numbers.len() {
            return Err(wrong("another number of numbers"));
        }
        for (bytes, number) in numbers.iter_mut().zip(run) {
            *bytes = number.to_bytes(big);
        }
    }
    match file
        .chunk_decompressor::<T, _>(chunk.into_src())
        .map_err(problem)?
    {
        DecompressorItem::EndOfData([]) => Ok(nbytes),
        _ => Err(wrong("bytes after its chunk")),
    }
}

fn wrong(what: &str) -> ErrorKind {
    let problem = format!("pco: {what}");
    ErrorKind::Unpack { problem }
}

fn problem(error: PcoError) -> ErrorKind {
    ErrorKind::Unpack {
        problem: error.to_string(),
    }
}

/// The start of a Pco file, up to the claims that have to be checked.
///
/// The layout is that of `pco` format 4 in a standalone file of version 3: magic, version, type, a hint of the length;
/// format version; the chunk's type and length; and then, in bits from the lowest, the mode and the delta encoding.
struct Prefix<'a>(&'a [u8]);

impl Prefix<'_> {
    /// Checks what it claims against the tile.
    fn check(&self, count: usize, number_nbits: u64) -> Result<(), ErrorKind> {
        if !self.0.starts_with(b"pco!\x03") {
            return Err(wrong("not a Pco file of version 3"));
        }
        let hint_nbits = 6 + 1 + self.bits(6 * 8, 6)?;
        let version = 6 * 8 + hint_nbits.next_multiple_of(8);
        if self.bits(version, 8)? != 4 {
            return Err(wrong("not format version 4"));
        }
        let chunk = version + 2 * 8;
        if self.bits(chunk + 8, 24)? + 1 != count as u64 {
            return Err(wrong("another number of numbers"));
        }
        let mode = chunk + 4 * 8;
        let delta = match self.bits(mode, 4)? {
            // Two parts: a multiple of a base, and the rest.
            1 | 2 => mode + 4 + number_nbits,
            // Two parts: some bits each.
            3 => mode + 4 + 8,
            // A dictionary.
            4 => {
                let len = self.bits(mode + 4, 25)?;
                if len > count as u64 {
                    return Err(wrong("a dictionary longer than the tile"));
                }
                mode + 32 + len * number_nbits
            }
            _ => mode + 4,
        };
        // Repeated values in a window.
        if self.bits(delta, 4)? == 2 {
            let window = 1u64 << (1 + self.bits(delta + 4, 5)?);
            if window > (count as u64).next_power_of_two().max(16) {
                return Err(wrong("a window larger than the tile"));
            }
        }
        Ok(())
    }

    /// Up to 25 bits from bit `at` on.
    fn bits(&self, at: u64, count: u32) -> Result<u64, ErrorKind> {
        let first = usize::try_from(at / 8).map_err(|_| wrong("cut off"))?;
        let rest = self.0.get(first..).unwrap_or_default();
        let mut bytes = [0; 8];
        let len = rest.len().min(4);
        bytes[..len].copy_from_slice(&rest[..len]);
        if at % 8 + u64::from(count) > 8 * len as u64 {
            return Err(wrong("cut off"));
        }
        Ok(u64::from_le_bytes(bytes) >> (at % 8) & ((1 << count) - 1))
    }
}

/// A number that Pco packs, as bytes.
trait Plain<const W: usize>: Number + Default + Copy {
    fn from_bytes(bytes: [u8; W], big: bool) -> Self;
    fn to_bytes(self, big: bool) -> [u8; W];
}

macro_rules! plain {
    ($($number:ty, $width:literal);*) => {$(
        impl Plain<$width> for $number {
            fn from_bytes(bytes: [u8; $width], big: bool) -> Self {
                if big { Self::from_be_bytes(bytes) } else { Self::from_le_bytes(bytes) }
            }

            fn to_bytes(self, big: bool) -> [u8; $width] {
                if big { self.to_be_bytes() } else { self.to_le_bytes() }
            }
        }
    )*};
}

plain!(u8, 1; u16, 2; u32, 4; u64, 8; i8, 1; i16, 2; i32, 4; i64, 8; f16, 2; f32, 4; f64, 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_larger_than_the_tile_are_refused() {
        // A header, then a chunk of 4 numbers that claims a dictionary of 2^24 numbers, then one that claims a window.
        let start = [b"pco!\x03\x00".as_slice(), &[0; 1], &[4, 1], &[4, 3, 0, 0]].concat();
        let refused = |meta: u32| {
            let payload = [start.as_slice(), &meta.to_le_bytes(), &[0; 64]].concat();
            unpack_as::<i64, 8>(false, &payload, &mut [0; 32]).unwrap_err()
        };
        let problem = |text: &str| ErrorKind::Unpack {
            problem: text.to_owned(),
        };
        assert_eq!(
            refused(4 | 1 << 28),
            problem("pco: a dictionary longer than the tile")
        );
        assert_eq!(
            refused(2 << 4 | 23 << 8),
            problem("pco: a window larger than the tile")
        );
    }

    #[test]
    fn the_prefix_of_what_pco_writes_is_understood() {
        let repeated: Vec<i64> = (0..20_000)
            .map(|i| (i % 1000) * 7_919 % 65_537 * 1_000_003)
            .collect();
        let multiples: Vec<i64> = (0..20_000i64)
            .map(|i| (i * i % 1009) * 60_000_000)
            .collect();
        for numbers in [repeated, multiples] {
            let raw: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
            let (mut out, mut back) = (Vec::new(), vec![0; raw.len()]);
            let nbytes = pack_as::<i64, 8>(false, 8, &raw, &mut out).unwrap();
            unpack_as::<i64, 8>(false, &out[..nbytes], &mut back).unwrap();
            assert_eq!(back, raw);
        }
    }
}
