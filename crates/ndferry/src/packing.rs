//! [`Packing`]: how blocks are made smaller, as users spell it.

use std::str::FromStr;

use crate::{Error, ErrorKind};

/// Which codec packs blocks: `none|lz4|zstd[:L]|deflate[:L]|pco|auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// What suits: zstd level 1 in files, none over a local connection.
    #[default]
    Default,
    /// Blocks as they are.
    None,
    /// LZ4 blocks.
    Lz4,
    /// Zstandard with a level, 1 if not given.
    Zstd(i32),
    /// zlib streams with a level, 6 if not given.
    Deflate(u32),
    /// Pcodec, without a filter; elements that are not numbers of 1 to 8 bytes are packed as by default.
    Pco,
    /// Zstandard level 1, after the filter that packs a few pieces of the array best; at most twice the default's time.
    Auto,
}

/// What is done to a block's bytes before the codec: `none|shuffle|bitshuffle|delta`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Shuffle where numbers are wider than a byte; Pco takes none.
    #[default]
    Default,
    /// Nothing.
    None,
    /// Byte planes.
    Shuffle,
    /// Bit planes.
    Bitshuffle,
    /// Differences, then byte planes; byte planes only of elements that are not numbers of 1 to 8 bytes.
    Delta,
}

/// Codec and filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// Packs the block.
    pub codec: Codec,
    /// Prepares the block.
    pub filter: Filter,
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::from(ErrorKind::CodecText {
                text: text.to_owned(),
            })
        };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level.parse::<i32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        match (name, level) {
            ("none" | "raw", None) => Ok(Self::None),
            ("lz4", None) => Ok(Self::Lz4),
            ("pco", None) => Ok(Self::Pco),
            ("auto", None) => Ok(Self::Auto),
            ("zstd", level) if (-7..=22).contains(&level.unwrap_or(1)) => {
                Ok(Self::Zstd(level.unwrap_or(1)))
            }
            ("deflate", level) => match u32::try_from(level.unwrap_or(6)) {
                Ok(level @ 0..=12) => Ok(Self::Deflate(level)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "none" => Ok(Self::None),
            "shuffle" => Ok(Self::Shuffle),
            "bitshuffle" => Ok(Self::Bitshuffle),
            "delta" => Ok(Self::Delta),
            _ => Err(ErrorKind::FilterText {
                text: text.to_owned(),
            }
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_parse_as_users_spell_them() {
        assert_eq!("none".parse::<Codec>().unwrap(), Codec::None);
        assert_eq!("zstd".parse::<Codec>().unwrap(), Codec::Zstd(1));
        assert_eq!("zstd:19".parse::<Codec>().unwrap(), Codec::Zstd(19));
        assert_eq!("deflate:9".parse::<Codec>().unwrap(), Codec::Deflate(9));
        for wrong in [
            "zstd:",
            "zstd:23",
            "lz4:1",
            "deflate:-1",
            "gzip",
            "",
            "zstd:1:2",
        ] {
            assert!(wrong.parse::<Codec>().is_err(), "{wrong}");
        }
    }
}
