//! [`Manifest`]: the first message of an array.

use crate::cursor::Cursor;
use crate::{Codec, ElementType, Error, ErrorKind, Filter, Kind, Limits, TileGrid, What};

/// What follows, and all that this layer needs to know of the array: how many header and data blocks, how they are
/// packed, and how the array is cut into tiles. Axes are the *stored* ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// HEADER messages that follow.
    pub header_blocks: u32,
    /// DATA messages that follow; `None` if not known yet.
    pub data_blocks: Option<u64>,
    /// How most blocks are packed; each block says it for itself.
    pub codec: Codec,
    /// The filter before the codec.
    pub filter: Filter,
    /// The codec's level.
    pub level: i16,
    /// What the elements are.
    pub element: ElementType,
    /// The array's extents; 0 along a growing axis 0.
    pub shape: Vec<u64>,
    /// The tiles' extents.
    pub tile: Vec<u64>,
    /// Axis 0 has no end yet.
    pub growing: bool,
    /// The array is the bytes of a pickle.
    pub bytes: bool,
    /// One of several arrays: a CATALOG follows the last.
    pub cataloged: bool,
    /// A stream that is watched: whole rows of tiles may be missing, and those that come, come in order.
    pub live: bool,
}

const GROWING: u16 = 1;
const BYTES: u16 = 2;
const CATALOGED: u16 = 4;
const LIVE: u16 = 8;

impl Manifest {
    /// Its body.
    pub fn encode(&self) -> Vec<u8> {
        let flag = |on: bool, bit| if on { bit } else { 0 };
        let flags = flag(self.growing, GROWING)
            | flag(self.bytes, BYTES)
            | flag(self.cataloged, CATALOGED)
            | flag(self.live, LIVE);
        let mut out = Vec::with_capacity(32 + 16 * self.shape.len());
        out.extend_from_slice(&self.header_blocks.to_le_bytes());
        out.extend_from_slice(&self.data_blocks.unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(&[self.codec as u8, self.filter as u8]);
        out.extend_from_slice(&self.level.to_le_bytes());
        out.extend_from_slice(&[self.element.kind as u8, self.element.endian as u8]);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&self.element.width.to_le_bytes());
        out.extend_from_slice(&self.element.itemsize.to_le_bytes());
        out.extend_from_slice(&(self.shape.len() as u32).to_le_bytes());
        for n in self.shape.iter().chain(&self.tile) {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out
    }

    /// Parses a body and checks all that it claims against the limits.
    ///
    /// # Errors
    /// A field that cannot be, a limit that is passed, a grid that contradicts itself.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Error> {
        let what = What {
            kind: Kind::Manifest,
            sequence: 0,
        };
        let mut fields = Cursor::new(body, 0, what);
        let header_blocks = fields.u32()?;
        let data_blocks = match fields.u64()? {
            u64::MAX => None,
            n => Some(n),
        };
        let (codec, filter) = (Codec::of(fields.u8()?)?, Filter::of(fields.u8()?)?);
        let level = fields.u16()? as i16;
        let (kind, endian, flags) = (fields.u8()?, fields.u8()?, fields.u16()?);
        let (width, itemsize) = (fields.u32()?, fields.u32()?);
        let element = ElementType::parse(kind, endian, width, itemsize)?;
        let ndim = fields.u32()? as usize;
        if flags & !(GROWING | BYTES | CATALOGED | LIVE) != 0 {
            return Err(ErrorKind::UnknownFlags { found: flags }.at(18));
        }
        let too = |nbytes, limit| ErrorKind::TooLarge {
            what,
            nbytes,
            limit,
        };
        if ndim > limits.ndim {
            return Err(ErrorKind::Field {
                field: "number of axes",
                found: ndim as u64,
            }
            .at(28));
        }
        if header_blocks == 0 || header_blocks > limits.header_blocks {
            return Err(ErrorKind::Field {
                field: "number of header blocks",
                found: header_blocks.into(),
            }
            .at(0));
        }
        let (shape, tile) = (fields.u64s(ndim)?, fields.u64s(ndim)?);
        fields.end()?;
        let manifest = Self {
            header_blocks,
            data_blocks,
            codec,
            filter,
            level,
            element,
            shape,
            tile,
            growing: flags & GROWING != 0,
            bytes: flags & BYTES != 0,
            cataloged: flags & CATALOGED != 0,
            live: flags & LIVE != 0,
        };
        let grid = manifest.grid()?;
        if manifest.live
            && (!manifest.growing
                || manifest.bytes
                || manifest.tile.first() != Some(&1)
                || manifest.element.itemsize == 0
                || grid.tiles_per_row() == 0)
        {
            return Err(ErrorKind::UnknownFlags { found: flags }.at(18));
        }
        if grid.max_nbytes() > limits.block_nbytes {
            return Err(too(grid.max_nbytes(), limits.block_nbytes).into());
        }
        if grid.len() > limits.tiles {
            return Err(ErrorKind::Field {
                field: "number of tiles",
                found: grid.len(),
            }
            .into());
        }
        match data_blocks {
            Some(n) if !manifest.growing && n < grid.len() => Err(ErrorKind::Field {
                field: "number of data blocks",
                found: n,
            }
            .at(4)),
            _ => Ok(manifest),
        }
    }

    /// The array cut into tiles.
    ///
    /// # Errors
    /// As [`TileGrid::new`].
    pub fn grid(&self) -> Result<TileGrid, Error> {
        TileGrid::new(
            &self.shape,
            &self.tile,
            self.element.itemsize.into(),
            self.growing,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ElementKind, Endian};

    pub(crate) fn example() -> Manifest {
        Manifest {
            header_blocks: 2,
            data_blocks: Some(6),
            codec: Codec::Zstd,
            filter: Filter::Shuffle,
            level: -3,
            element: ElementType {
                kind: ElementKind::Unsigned,
                endian: Endian::Little,
                width: 2,
                itemsize: 2,
            },
            shape: vec![5, 7],
            tile: vec![2, 4],
            growing: false,
            bytes: false,
            cataloged: true,
            live: false,
        }
    }

    #[test]
    fn manifests_come_back() {
        let body = example().encode();
        assert_eq!(body.len(), 32 + 2 * 16);
        assert_eq!(Manifest::parse(&body, &Limits::PEER), Ok(example()));
        for n in 0..body.len() {
            assert!(Manifest::parse(&body[..n], &Limits::PEER).is_err());
        }
    }

    #[test]
    fn a_live_array_grows_row_by_row() {
        let live = Manifest {
            shape: vec![0, 7],
            tile: vec![1, 4],
            data_blocks: None,
            growing: true,
            cataloged: false,
            live: true,
            ..example()
        };
        assert_eq!(
            Manifest::parse(&live.encode(), &Limits::PEER),
            Ok(live.clone())
        );
        let fixed = Manifest {
            growing: false,
            ..live.clone()
        };
        let bytes = Manifest {
            bytes: true,
            ..live.clone()
        };
        let two = Manifest {
            tile: vec![2, 4],
            ..live.clone()
        };
        let nothing = Manifest {
            shape: vec![0, 0],
            ..live
        };
        for wrong in [fixed, bytes, two, nothing] {
            assert!(Manifest::parse(&wrong.encode(), &Limits::PEER).is_err());
        }
    }

    #[test]
    fn claims_meet_the_limits() {
        let huge = Manifest {
            shape: vec![1 << 40],
            tile: vec![1 << 40],
            data_blocks: Some(1),
            ..example()
        };
        assert!(Manifest::parse(&huge.encode(), &Limits::PEER).is_err());
        let many = Manifest {
            shape: vec![1 << 40],
            tile: vec![1],
            data_blocks: None,
            ..example()
        };
        assert!(Manifest::parse(&many.encode(), &Limits::PEER).is_err());
    }
}
