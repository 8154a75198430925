//! [`Frame`]: one frame of a live stream, checked once however many watch.

use bytes::Bytes;
use ndferry_npb::{Block, Codec, Filter, HEAD_NBYTES, Head, SUBHEAD_NBYTES, TileGrid};

use crate::Result;
use crate::error::npb;

/// Its elements in C order, and what goes before each of its tiles.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    bytes: Bytes,
    tiles: Vec<Tile>,
}

#[derive(Debug)]
struct Tile {
    head: Head,
    sub: [u8; SUBHEAD_NBYTES],
    start: usize,
    end: usize,
}

impl Frame {
    /// In the tiles of this grid, which is flat.
    pub(crate) fn new(bytes: impl Into<Bytes>, grid: &TileGrid) -> Result<Self> {
        let bytes = bytes.into();
        let tile = |number| {
            let run = grid.run(number).map_err(npb)?;
            let (start, end) = (run.start as usize, run.end as usize);
            let payload = &bytes[start..end];
            let block = Block {
                number,
                codec: Codec::Raw,
                filter: Filter::None,
                raw_nbytes: payload.len() as u32,
                payload,
            };
            let message = block.head(1);
            let mut sub = [0; SUBHEAD_NBYTES];
            sub.copy_from_slice(&message[HEAD_NBYTES..]);
            let head = Head::parse(&message).map_err(npb)?;
            Ok(Tile {
                head,
                sub,
                start,
                end,
            })
        };
        let tiles: Result<Vec<Tile>> = (0..grid.len()).map(tile).collect();
        Ok(Self {
            number: 0,
            tiles: tiles?,
            bytes,
        })
    }

    /// How many tiles it has.
    pub(crate) fn tiles(&self) -> u64 {
        self.tiles.len() as u64
    }

    /// Its DATA messages as row `row` of the array of one watcher: what goes before each payload, and the payload.
    pub(crate) fn messages(
        &self,
        transfer: u64,
        row: u64,
    ) -> impl Iterator<Item = ([u8; HEAD_NBYTES + SUBHEAD_NBYTES], &[u8])> {
        let first = row * self.tiles();
        (first..).zip(&self.tiles).map(move |(sequence, tile)| {
            let head = Head {
                transfer,
                sequence,
                ..tile.head
            };
            let mut out = [0; HEAD_NBYTES + SUBHEAD_NBYTES];
            out[..HEAD_NBYTES].copy_from_slice(&head.encode());
            out[HEAD_NBYTES..].copy_from_slice(&tile.sub);
            (out, &self.bytes[tile.start..tile.end])
        })
    }
}
