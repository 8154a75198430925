//! [`Recipe`]: how the tiles of one array are packed, once its elements are known.

use ndferry_npb::{Codec as BlockCodec, ElementType, Filter as BlockFilter, Packer};

use crate::{Codec, ErrorKind, Filter, Packing, Result};

/// What suits elements of any kind: Zstandard's fastest ordinary level.
const ZSTD_LEVEL: i16 = 1;

/// Codec, level and filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) codec: BlockCodec,
    pub(crate) level: i16,
    pub(crate) filter: BlockFilter,
}

impl Recipe {
    /// Tiles as they are.
    pub(crate) const RAW: Self = Self {
        codec: BlockCodec::Raw,
        level: 0,
        filter: BlockFilter::None,
    };

    /// What the user wants, where it suits the elements, and otherwise what suits any: Pco packs numbers only,
    /// differences are taken of numbers only. `samples` gives a few pieces of tiles if they are needed.
    pub(crate) fn new(
        packing: Packing,
        element: &ElementType,
        samples: impl FnOnce() -> Result<Vec<Vec<u8>>>,
    ) -> Result<Self> {
        if element.itemsize == 0 {
            return Ok(Self::RAW);
        }
        let (codec, level) = match packing.codec {
            Codec::None => return Ok(Self::RAW),
            Codec::Auto => return Self::smallest(packing.filter, element, &samples()?),
            Codec::Default => (BlockCodec::Zstd, ZSTD_LEVEL.into()),
            Codec::Zstd(level) => (BlockCodec::Zstd, level),
            Codec::Deflate(level) => (BlockCodec::Deflate, level.try_into().unwrap_or(i32::MAX)),
            Codec::Lz4 => (BlockCodec::Lz4, 0),
            Codec::Pco if BlockCodec::Pco.suits(element) => {
                (BlockCodec::Pco, BlockCodec::Pco.default_level().into())
            }
            Codec::Pco => (BlockCodec::Zstd, ZSTD_LEVEL.into()),
        };
        let recipe = Self {
            codec,
            level: i16::try_from(level).unwrap_or(i16::MAX),
            filter: match codec {
                BlockCodec::Pco => BlockFilter::None,
                _ => filter(packing.filter, element),
            },
        };
        // Says at once if there is no such level, or the codec was left out of this build.
        recipe.packer(element)?;
        Ok(recipe)
    }

    pub(crate) fn packer(&self, element: &ElementType) -> Result<Packer> {
        let packer = Packer::new(self.codec, self.level, self.filter, element);
        Ok(packer.map_err(ErrorKind::Npb)?)
    }

    /// What packs the samples best, once for all tiles: Zstandard after one filter or another.
    ///
    /// Not Pco: where it makes numbers smaller than all of these, as it does with floats that are multiples of
    /// something, it takes five to nine times as long, and at its lower levels hardly less.
    fn smallest(wanted: Filter, element: &ElementType, samples: &[Vec<u8>]) -> Result<Self> {
        let filters: &[BlockFilter] = match wanted {
            Filter::Default => &[
                BlockFilter::Shuffle,
                BlockFilter::Bitshuffle,
                BlockFilter::Delta,
                BlockFilter::None,
            ],
            given => &[filter(given, element)],
        };
        let total: usize = samples.iter().map(Vec::len).sum();
        let mut best = (total, Self::RAW);
        for filter in filters.iter().filter(|filter| filter.suits(element)) {
            let recipe = Self {
                codec: BlockCodec::Zstd,
                level: ZSTD_LEVEL,
                filter: *filter,
            };
            let nbytes = recipe.tried(element, samples)?;
            // The earlier ones are faster: a later one must gain something.
            if nbytes < best.0 - best.0 / 50 {
                best = (nbytes, recipe);
            }
        }
        Ok(best.1)
    }

    /// Bytes of these samples, packed.
    fn tried(&self, element: &ElementType, samples: &[Vec<u8>]) -> Result<usize> {
        let mut packer = self.packer(element)?;
        let mut out = Vec::new();
        let samples = samples.iter();
        Ok(samples.map(|raw| packer.pack(raw, &mut out).nbytes).sum())
    }
}

/// The filter for a codec that finds repeated bytes.
fn filter(wanted: Filter, element: &ElementType) -> BlockFilter {
    let shuffle = match element.width {
        0 | 1 => BlockFilter::None,
        _ => BlockFilter::Shuffle,
    };
    match wanted {
        Filter::Default => shuffle,
        Filter::None => BlockFilter::None,
        Filter::Shuffle => BlockFilter::Shuffle,
        Filter::Bitshuffle => BlockFilter::Bitshuffle,
        Filter::Delta if BlockFilter::Delta.suits(element) => BlockFilter::Delta,
        Filter::Delta => shuffle,
    }
}

#[cfg(test)]
mod tests {
    use ndferry_npb::{ElementKind, Endian};

    use super::*;

    fn element(kind: ElementKind, width: u32) -> ElementType {
        ElementType {
            kind,
            endian: Endian::Little,
            width,
            itemsize: width,
        }
    }

    fn recipe(codec: Codec, filter: Filter, element: &ElementType) -> (BlockCodec, BlockFilter) {
        let recipe = Recipe::new(Packing { codec, filter }, element, || Ok(Vec::new())).unwrap();
        (recipe.codec, recipe.filter)
    }

    #[test]
    fn what_does_not_suit_gives_way_to_what_does() {
        let (number, text) = (
            element(ElementKind::Signed, 8),
            element(ElementKind::Bytes, 7),
        );
        let byte = element(ElementKind::Unsigned, 1);
        let (zstd, shuffle) = (BlockCodec::Zstd, BlockFilter::Shuffle);
        let default = |element| recipe(Codec::Default, Filter::Default, element);
        assert_eq!(default(&number), (zstd, shuffle));
        assert_eq!(default(&text), (zstd, shuffle));
        assert_eq!(default(&byte), (zstd, BlockFilter::None));
        let pco = |element| recipe(Codec::Pco, Filter::Default, element);
        assert_eq!(pco(&number), (BlockCodec::Pco, BlockFilter::None));
        assert_eq!(pco(&text), (zstd, shuffle));
        let delta = |element| recipe(Codec::Lz4, Filter::Delta, element);
        assert_eq!(delta(&number), (BlockCodec::Lz4, BlockFilter::Delta));
        assert_eq!(delta(&text), (BlockCodec::Lz4, shuffle));
        let none = recipe(Codec::None, Filter::Shuffle, &number);
        assert_eq!(none, (BlockCodec::Raw, BlockFilter::None));
    }

    #[test]
    fn auto_takes_what_packs_the_samples_best() {
        let number = element(ElementKind::Signed, 8);
        let auto = |samples: Vec<Vec<u8>>| {
            let packing = Packing {
                codec: Codec::Auto,
                filter: Filter::Default,
            };
            Recipe::new(packing, &number, || Ok(samples)).unwrap()
        };
        let mut state = 1u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let noise: Vec<u8> = (0..4096).flat_map(|_| random().to_le_bytes()).collect();
        assert_eq!(auto(vec![noise]), Recipe::RAW);
        let mut time = 1_700_000_000_000u64;
        let times: Vec<u8> = (0..4096)
            .flat_map(|_| {
                time += 100_000 + random() % 1000 + random() % 1000 + random() % 1000;
                time.to_le_bytes()
            })
            .collect();
        let recipe = auto(vec![times]);
        let delta = (BlockCodec::Zstd, BlockFilter::Delta);
        assert_eq!((recipe.codec, recipe.filter), delta);
    }

    #[test]
    fn a_level_that_does_not_exist_is_refused() {
        let number = element(ElementKind::Signed, 8);
        for codec in [Codec::Zstd(23), Codec::Zstd(-70_000), Codec::Deflate(13)] {
            let packing = Packing {
                codec,
                filter: Filter::Default,
            };
            assert!(
                Recipe::new(packing, &number, || Ok(Vec::new())).is_err(),
                "{codec:?}"
            );
        }
    }
}
