//! [`Packer`]: blocks become smaller. [`Unpacker`]: and whole again.

use std::fmt;

use crate::codec::{Pack, Unpack};
use crate::{Buffer, Codec, ElementType, ErrorKind, Filter};

/// Packs the blocks of an array, one after another; keeps buffers and tables from block to block.
pub struct Packer {
    codec: Codec,
    filter: Filter,
    element: ElementType,
    pack: Box<dyn Pack>,
    filtered: Buffer,
}

/// How a block came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// How it is packed.
    pub codec: Codec,
    /// What was done to it before.
    pub filter: Filter,
    /// Bytes of the payload.
    pub nbytes: usize,
}

impl Packed {
    /// The payload: the start of what was packed, or the block itself where packing did not make it smaller.
    pub fn payload<'a>(&self, raw: &'a [u8], packed: &'a [u8]) -> &'a [u8] {
        match self.codec {
            Codec::Raw => raw,
            _ => &packed[..self.nbytes],
        }
    }
}

impl Packer {
    /// For blocks of such elements. The levels are those of [`Codec::levels`]; Pco and raw blocks take no filter.
    ///
    /// # Errors
    /// [`ErrorKind::NoCodec`] for a codec that this build does not have, [`ErrorKind::Unsuited`] if codec or filter
    /// cannot be used for such elements, [`ErrorKind::Level`] for a level that the codec does not have.
    pub fn new(
        codec: Codec,
        level: i16,
        filter: Filter,
        element: &ElementType,
    ) -> Result<Self, ErrorKind> {
        codec.check(element)?;
        filter.check(element)?;
        let filter = match codec {
            Codec::Raw | Codec::Pco => Filter::None,
            _ => filter.simplified(element),
        };
        Ok(Self {
            codec,
            filter,
            element: *element,
            pack: codec.pack(level, filter, element)?,
            filtered: Buffer::default(),
        })
    }

    /// Packs a block. [`Packed::payload`] gives the result: it is at the start of `out`, whose memory is used again, or it
    /// is `raw` itself if the block does not become smaller.
    pub fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Packed {
        match self.try_pack(raw, out) {
            Some(nbytes) if nbytes < raw.len() => Packed {
                codec: self.codec,
                filter: self.filter,
                nbytes,
            },
            _ => Packed {
                codec: Codec::Raw,
                filter: Filter::None,
                nbytes: raw.len(),
            },
        }
    }

    fn try_pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        if self.codec == Codec::Raw {
            return None;
        }
        if self.filter == Filter::None {
            return self.pack.pack(&self.element, raw, out);
        }
        let filtered = at_least(&mut self.filtered, raw.len());
        self.filter.apply(&self.element, raw, filtered).ok()?;
        self.pack.pack(&self.element, filtered, out)
    }
}

/// Unpacks blocks, of any array and any codec; keeps buffers and tables from block to block.
#[derive(Default)]
pub struct Unpacker {
    /// By the codec's number, made when the first such block comes.
    codecs: [Option<Box<dyn Unpack>>; Codec::ALL.len()],
    filtered: Buffer,
}

impl Unpacker {
    /// With nothing to keep yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Unpacks a block's payload into exactly the bytes of its tile. Memory beyond `out` is as much again for filters,
    /// and tables of at most a few MiB.
    ///
    /// # Errors
    /// [`ErrorKind::NoCodec`] for a codec that this build does not have, [`ErrorKind::Unsuited`] if codec or filter
    /// cannot be used for such elements, [`ErrorKind::Unpack`] if the payload does not give exactly `out.len()` bytes;
    /// what `out` holds then has no meaning.
    pub fn unpack(
        &mut self,
        codec: Codec,
        filter: Filter,
        element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        codec.check(element)?;
        filter.check(element)?;
        if codec == Codec::Pco && filter != Filter::None {
            return Err(ErrorKind::Filtered { codec, filter });
        }
        let unpack = match &mut self.codecs[codec as usize] {
            Some(unpack) => unpack,
            none => none.insert(codec.unpack()?),
        };
        let filter = filter.simplified(element);
        if filter == Filter::None {
            return exactly(unpack.unpack(element, payload, out)?, out.len());
        }
        let filtered = at_least(&mut self.filtered, out.len());
        exactly(unpack.unpack(element, payload, filtered)?, out.len())?;
        filter.undo(element, filtered, out)
    }
}

fn exactly(nbytes: usize, expected: usize) -> Result<(), ErrorKind> {
    if nbytes == expected {
        return Ok(());
    }
    let problem = format!("{nbytes} bytes instead of {expected}");
    Err(ErrorKind::Unpack { problem })
}

/// The first `nbytes` of a buffer that is made longer if needed.
pub(crate) fn at_least(buffer: &mut Vec<u8>, nbytes: usize) -> &mut [u8] {
    if buffer.capacity() < nbytes {
        // Zeros that the system has at hand; nothing of the old ones is wanted.
        *buffer = vec![0; nbytes];
    } else if buffer.len() < nbytes {
        buffer.resize(nbytes, 0);
    }
    &mut buffer[..nbytes]
}

/// Unpacks one block; who unpacks several keeps an [`Unpacker`].
///
/// # Errors
/// As [`Unpacker::unpack`].
pub fn unpack(
    codec: Codec,
    filter: Filter,
    element: &ElementType,
    payload: &[u8],
    out: &mut [u8],
) -> Result<(), ErrorKind> {
    Unpacker::new().unpack(codec, filter, element, payload, out)
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer")
            .field("codec", &self.codec)
            .field("filter", &self.filter)
            .field("element", &self.element)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ElementKind, Endian};

    /// All kinds and widths that are likely, and some that are not.
    fn elements() -> Vec<ElementType> {
        let mut all = vec![ElementType::BYTES];
        for (kind, widths) in [
            (ElementKind::Bytes, [3, 20, 64, 1000].as_slice()),
            (ElementKind::Unsigned, &[1, 2, 4, 8]),
            (ElementKind::Signed, &[1, 2, 4, 8]),
            (ElementKind::Float, &[2, 4, 8, 16]),
            (ElementKind::Complex, &[4, 8, 16]),
        ] {
            for width in widths {
                for endian in [Endian::Little, Endian::Big] {
                    let parts = if kind == ElementKind::Complex { 2 } else { 1 };
                    all.push(ElementType {
                        kind,
                        endian,
                        width: *width,
                        itemsize: width * parts,
                    });
                }
            }
        }
        all
    }

    /// Bytes that become smaller: slow waves in numbers of this width.
    fn waves(element: &ElementType, count: usize) -> Vec<u8> {
        let width = element.width as usize;
        let mut raw = Vec::with_capacity(count * element.itemsize as usize);
        for i in 0..count * element.itemsize as usize / width {
            let value = ((i as f64 / 50.0).sin() * 100.0 + i as f64) as u64;
            let mut bytes = value.to_le_bytes().to_vec();
            bytes.resize(width.max(8), 0);
            bytes.truncate(width);
            if element.endian == Endian::Big {
                bytes.reverse();
            }
            raw.extend(bytes);
        }
        raw
    }

    #[test]
    fn all_codecs_filters_and_elements_come_back() {
        let mut unpacker = Unpacker::new();
        let (mut out, mut smaller) = (Vec::new(), 0);
        for element in elements() {
            let raw = waves(&element, 3000);
            for codec in Codec::ALL.into_iter().filter(|codec| codec.is_built()) {
                for filter in Filter::ALL {
                    let packer = Packer::new(codec, codec.default_level(), filter, &element);
                    if !codec.suits(&element) || !filter.suits(&element) {
                        assert!(matches!(packer, Err(ErrorKind::Unsuited { .. })));
                        continue;
                    }
                    let packed = packer.unwrap().pack(&raw, &mut out);
                    let payload = packed.payload(&raw, &out);
                    let mut back = vec![0xaa; raw.len()];
                    let unpacked =
                        unpacker.unpack(packed.codec, packed.filter, &element, payload, &mut back);
                    assert_eq!(unpacked, Ok(()), "{codec} {filter} {element:?}");
                    assert!(back == raw, "{codec} {filter} {element:?}");
                    smaller += usize::from(payload.len() < raw.len());
                    // Other lengths are refused.
                    for len in [raw.len() - 1, raw.len() + 1, 0] {
                        let mut back = vec![0; len];
                        let unpacked = unpacker.unpack(
                            packed.codec,
                            packed.filter,
                            &element,
                            payload,
                            &mut back,
                        );
                        assert!(
                            matches!(unpacked, Err(ErrorKind::Unpack { .. })),
                            "{codec} {filter} {len}"
                        );
                    }
                }
            }
        }
        assert!(smaller > 300, "{smaller}");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(
            numbers in prop::collection::vec(any::<[u8; 8]>(), 0..600),
            repeat in 1usize..4,
            codec in prop::sample::select(Codec::ALL.to_vec()),
            filter in prop::sample::select(Filter::ALL.to_vec()),
            element in prop::sample::select(elements()),
            fast: bool,
        ) {
            prop_assume!(codec.is_built() && codec.suits(&element) && filter.suits(&element));
            let mut raw = numbers.as_flattened().repeat(repeat);
            raw.truncate(raw.len() / element.itemsize as usize * element.itemsize as usize);
            let level = if fast { *codec.levels().start() } else { codec.default_level() };
            let mut packer = Packer::new(codec, level, filter, &element).unwrap();
            let mut out = Vec::new();
            for raw in [&raw[..], &raw[..raw.len() / 2 / element.itemsize as usize * element.itemsize as usize]] {
                let packed = packer.pack(raw, &mut out);
                let mut back = vec![0; raw.len()];
                let payload = packed.payload(raw, &out);
                prop_assert!(payload.len() <= raw.len());
                unpack(packed.codec, packed.filter, &element, payload, &mut back).unwrap();
                prop_assert_eq!(&back[..], raw);
            }
        }
    }

    #[test]
    fn what_does_not_shrink_stays_raw() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..4096)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        for codec in Codec::ALL.into_iter().filter(|codec| codec.is_built()) {
            let element = ElementType {
                kind: ElementKind::Unsigned,
                ..ElementType::BYTES
            };
            let mut packer =
                Packer::new(codec, codec.default_level(), Filter::Shuffle, &element).unwrap();
            let mut out = Vec::new();
            for raw in [&noise[..], &[]] {
                let packed = packer.pack(raw, &mut out);
                assert_eq!((packed.codec, packed.filter), (Codec::Raw, Filter::None));
                assert_eq!(packed.payload(raw, &out), raw);
            }
        }
    }

    #[test]
    fn levels_are_checked() {
        for codec in Codec::ALL.into_iter().filter(|codec| codec.is_built()) {
            let element = ElementType {
                kind: ElementKind::Unsigned,
                ..ElementType::BYTES
            };
            for level in codec.levels() {
                assert!(Packer::new(codec, level, Filter::None, &element).is_ok());
            }
            let beyond = Packer::new(codec, codec.levels().end() + 1, Filter::None, &element);
            assert!(matches!(beyond, Err(ErrorKind::Level { .. })));
        }
    }
}
