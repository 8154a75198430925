//! [`Scanner`]: finds what is whole in a file that was cut, or that has no index.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{
    Block, End, Extent, HEAD_NBYTES, Head, Kind, Limits, MAGIC, Manifest, Place, ROOT, Root,
    SUBHEAD_NBYTES, TileGrid,
};

/// Bytes that are asked for at a time where something is searched.
const WINDOW: u64 = 64 << 10;

/// Where a tile was skipped: enough for the next one's head, and for most other messages.
const STEP: u64 = 1 << 10;

/// Zero bytes that may stand before a head.
const MAX_PADDING: usize = 15;

/// What a scan found of one array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundArray {
    /// Its transfer.
    pub transfer: u64,
    /// Its manifest.
    pub manifest: Manifest,
    /// Where the MANIFEST stands, in bytes; `None` if it was taken from the index.
    pub manifest_offset: Option<u64>,
    /// Its header blocks, as far as they are there.
    pub headers: Vec<Vec<u8>>,
    /// Its tiles: the last place of each. Their bodies have not been looked at.
    pub places: BTreeMap<u64, Place>,
    /// Its END, if it is there.
    pub end: Option<End>,
    /// Tiles of a growing array that hold fewer rows than others: their bytes when unpacked.
    short: BTreeMap<u64, u32>,
    grid: TileGrid,
}

impl FoundArray {
    fn new(transfer: u64, manifest: Manifest, manifest_offset: Option<u64>) -> Option<Self> {
        let grid = manifest.grid().ok()?;
        Some(Self {
            transfer,
            manifest,
            manifest_offset,
            headers: Vec::new(),
            places: BTreeMap::new(),
            end: None,
            short: BTreeMap::new(),
            grid,
        })
    }

    /// The extents of what is there: for a growing array up to the last row of tiles that is whole, unless its END says
    /// how far.
    pub fn shape(&self) -> Vec<u64> {
        let mut shape = self.manifest.shape.clone();
        if self.manifest.growing
            && let Some(first) = shape.first_mut()
        {
            *first = self.end.map_or_else(|| self.reach(), |end| end.extent);
        }
        shape
    }

    fn reach(&self) -> u64 {
        let per_row = self.grid.tiles_per_row().max(1);
        let rows = self.grid.tile_shape().first().copied().unwrap_or(1);
        let mut counted = (0, 0);
        let last = self.places.keys().rev().find_map(|number| {
            let row = number / per_row;
            counted = match counted {
                (before, count) if before == row => (row, count + 1),
                _ => (row, 1),
            };
            (counted.1 == per_row).then_some(row)
        });
        let Some(last) = last else { return 0 };
        // Where some tiles were written again with more rows, those that were not yet decide.
        let short = self
            .short
            .range(last * per_row..=last * per_row + (per_row - 1));
        let held = short.map(|(number, nbytes)| {
            let whole = self.grid.nbytes(*number).unwrap_or(0).max(1);
            u64::from(*nbytes) * rows / whole
        });
        last.saturating_mul(rows)
            .saturating_add(held.min().unwrap_or(rows))
    }
}

/// What a scan found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The arrays, in order of their first message.
    pub arrays: Vec<FoundArray>,
    /// Bytes that are no whole message.
    pub damaged: Vec<Range<u64>>,
    /// Where the last whole message ends.
    pub end: u64,
}

/// Walks over a file from head to head, without reading the tiles, and finds the next head after damage.
///
/// No I/O: [`Self::need`] says which bytes to [`Self::give`] next.
#[derive(Debug)]
pub struct Scanner {
    file_nbytes: u64,
    limits: Limits,
    at: u64,
    /// Bytes that the message at `at` needs.
    nbytes: u64,
    /// Bytes to ask for if it needs fewer.
    window: u64,
    /// Where bytes began to make no sense.
    lost: Option<u64>,
    found: Scan,
}

impl Scanner {
    /// For a file of this many bytes.
    pub fn new(file_nbytes: u64, limits: Limits) -> Self {
        Self {
            file_nbytes,
            limits,
            at: 0,
            nbytes: WINDOW,
            window: WINDOW,
            lost: None,
            found: Scan::default(),
        }
    }

    /// Which bytes are needed next; `None` when the file has been walked over.
    pub fn need(&self) -> Option<Extent> {
        let left = self.file_nbytes - self.at;
        (left > 0).then(|| Extent {
            offset: self.at,
            nbytes: self.nbytes.max(self.window).min(left),
        })
    }

    /// What was found, once nothing more is needed.
    pub fn finish(mut self) -> Scan {
        if let Some(start) = self.lost {
            self.found.damaged.push(start..self.file_nbytes);
        }
        self.found
    }

    /// Takes the bytes that were needed.
    pub fn give(&mut self, bytes: &[u8]) {
        self.nbytes = 0;
        let mut rest = bytes;
        loop {
            let padding = match self.lost {
                None => rest
                    .iter()
                    .take(MAX_PADDING)
                    .take_while(|byte| **byte == 0)
                    .count(),
                Some(_) => 0,
            };
            let last = self.at + rest.len() as u64 == self.file_nbytes;
            let message = &rest[padding..];
            match self.step(message, self.at + padding as u64, last) {
                Step::More(nbytes) => {
                    self.nbytes = nbytes + padding as u64;
                    return;
                }
                Step::Skip(nbytes) => {
                    let nbytes = nbytes + padding as u64;
                    self.at = (self.at + nbytes).min(self.file_nbytes);
                    match rest.get(nbytes as usize..) {
                        Some(after) if !after.is_empty() => rest = after,
                        Some(_) => return,
                        None => {
                            // Past what was given: a large tile, and most likely another one.
                            self.window = STEP;
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Looks at what stands at `offset`.
    fn step(&mut self, bytes: &[u8], offset: u64, last: bool) -> Step {
        if bytes.len() < HEAD_NBYTES + SUBHEAD_NBYTES && !last {
            return Step::More((HEAD_NBYTES + SUBHEAD_NBYTES) as u64);
        }
        if bytes.is_empty() {
            return Step::Skip(0);
        }
        match Head::parse(bytes) {
            Ok(head) if self.fits(&head, offset) => {
                let nbytes = head.message_nbytes();
                // After damage only what is proved by its checksum counts; small messages are always read whole.
                let whole = self.lost.is_some() || head.kind != Kind::Data;
                if whole && (bytes.len() as u64) < nbytes {
                    return Step::More(nbytes);
                }
                let body = &bytes[HEAD_NBYTES..bytes.len().min(nbytes as usize)];
                if whole && head.check(body).is_err() || !self.take(&head, body, offset) {
                    return self.lose(bytes, offset);
                }
                if let Some(start) = self.lost.take() {
                    self.found.damaged.push(start..offset);
                }
                self.found.end = offset + nbytes;
                Step::Skip(nbytes)
            }
            _ => self.lose(bytes, offset),
        }
    }

    /// Goes on to the next magic.
    fn lose(&mut self, bytes: &[u8], offset: u64) -> Step {
        self.lost.get_or_insert(offset);
        self.window = WINDOW;
        let next = bytes
            .get(1..)
            .unwrap_or_default()
            .windows(MAGIC.len())
            .position(|window| window == MAGIC);
        // The magic may begin in the last bytes of the window.
        let skip = next.map_or(bytes.len().saturating_sub(MAGIC.len() - 1).max(1), |i| {
            i + 1
        });
        Step::Skip(skip as u64)
    }

    /// Whether the message can be part of this file. After damage only transfers that are known count, since arrays may
    /// hold NPB files themselves; if none is known yet, the first one found.
    fn fits(&self, head: &Head, offset: u64) -> bool {
        let end = offset.checked_add(head.message_nbytes());
        let known = head.transfer == 0 || self.array(head.transfer).is_some();
        head.body_nbytes <= self.limits.body_nbytes()
            && end.is_some_and(|end| end <= self.file_nbytes)
            && (self.lost.is_none() || known || self.found.arrays.is_empty())
    }

    fn array(&self, transfer: u64) -> Option<usize> {
        self.found
            .arrays
            .iter()
            .position(|array| array.transfer == transfer)
    }

    /// Notes what a whole message says; `false` if it cannot be part of this file.
    fn take(&mut self, head: &Head, body: &[u8], offset: u64) -> bool {
        let known = self.array(head.transfer);
        match (head.kind, known) {
            (Kind::Manifest, None) => {
                let Ok(manifest) = Manifest::parse(body, &self.limits) else {
                    return false;
                };
                let found = FoundArray::new(head.transfer, manifest, Some(offset));
                let room = self.found.arrays.len() < self.limits.arrays as usize;
                let fits = found.is_some() && room;
                self.found.arrays.extend(found.filter(|_| room));
                fits
            }
            (Kind::Index, None) if head.sequence == ROOT => {
                let Ok(root) = Root::parse(body, &self.limits) else {
                    return false;
                };
                if let Some(mut found) = FoundArray::new(head.transfer, root.manifest, None) {
                    found.headers = root.headers;
                    self.found.arrays.push(found);
                }
                true
            }
            (Kind::Header, Some(i)) => {
                let array = &mut self.found.arrays[i];
                if head.sequence == array.headers.len() as u64
                    && body.len() as u64 <= self.limits.header_nbytes
                {
                    array.headers.push(body.to_vec());
                }
                true
            }
            (Kind::Data, Some(i)) => {
                let array = &mut self.found.arrays[i];
                let number = head.sequence;
                let Ok(block) = Block::parse(number, body) else {
                    return false;
                };
                let fits = array.grid.nbytes(number).is_ok_and(|expected| {
                    let raw = u64::from(block.raw_nbytes);
                    raw == expected || array.manifest.growing && raw < expected
                });
                if fits {
                    array.places.insert(
                        number,
                        Place {
                            offset,
                            nbytes: head.body_nbytes as u32,
                        },
                    );
                    if array.manifest.growing {
                        // Rows were added after an earlier end.
                        array.end = None;
                        match array.grid.nbytes(number) {
                            Ok(whole) if u64::from(block.raw_nbytes) < whole => {
                                array.short.insert(number, block.raw_nbytes)
                            }
                            _ => array.short.remove(&number),
                        };
                    }
                }
                fits
            }
            (Kind::End, Some(i)) => match End::parse(body) {
                Ok(end) => {
                    self.found.arrays[i].end = Some(end);
                    true
                }
                Err(_) => false,
            },
            // Tiles of an array whose manifest is lost; the index may still bring it.
            (Kind::Header | Kind::Data | Kind::End, None) => true,
            _ => true,
        }
    }
}

/// How to go on.
enum Step {
    /// The message at this place needs so many bytes.
    More(u64),
    /// So many bytes are done with.
    Skip(u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, ElementType, Filter, message};

    fn file(payload: &[u8]) -> (Vec<u8>, Vec<Range<usize>>) {
        let manifest = Manifest {
            header_blocks: 1,
            data_blocks: Some(3),
            codec: Codec::Raw,
            filter: Filter::None,
            level: 0,
            element: ElementType::BYTES,
            shape: vec![3 * payload.len() as u64],
            tile: vec![payload.len() as u64],
            growing: false,
            bytes: false,
            cataloged: false,
            live: false,
        };
        let mut out = message(Kind::Manifest, 9, 0, &manifest.encode());
        out.extend(message(Kind::Header, 9, 0, b"header"));
        let mut tiles = Vec::new();
        for number in 0..3 {
            out.extend([0; 5]);
            let start = out.len();
            let raw_nbytes = payload.len() as u32;
            let block = Block {
                number,
                codec: Codec::Raw,
                filter: Filter::None,
                raw_nbytes,
                payload,
            };
            out.extend(block.head(9));
            out.extend(payload);
            tiles.push(start..out.len());
        }
        out.extend(
            End {
                blocks: 3,
                extent: 3 * payload.len() as u64,
            }
            .message(9),
        );
        (out, tiles)
    }

    fn scan(file: &[u8]) -> Scan {
        let mut scanner = Scanner::new(file.len() as u64, Limits::FILE);
        let mut asked = 0;
        while let Some(need) = scanner.need() {
            scanner.give(&file[need.offset as usize..(need.offset + need.nbytes) as usize]);
            asked += 1;
            assert!(asked < 100_000, "no progress");
        }
        scanner.finish()
    }

    #[test]
    fn a_whole_file_is_found_whole() {
        for payload in [&[7u8; 20][..], &vec![1; 200_000]] {
            let (file, tiles) = file(payload);
            let found = scan(&file);
            assert!(found.damaged.is_empty());
            assert_eq!(found.end, file.len() as u64);
            let places: Vec<usize> = found.arrays[0]
                .places
                .values()
                .map(|place| place.offset as usize)
                .collect();
            assert_eq!(
                places,
                tiles.iter().map(|tile| tile.start).collect::<Vec<_>>()
            );
            assert!(found.arrays[0].end.is_some());
        }
    }

    #[test]
    fn every_cut_leaves_every_whole_tile() {
        let (file, tiles) = file(&[7; 20]);
        for n in 0..file.len() {
            let whole = tiles.iter().filter(|tile| tile.end <= n).count();
            let found = scan(&file[..n]);
            assert_eq!(
                found.arrays.first().map_or(0, |array| array.places.len()),
                whole,
                "cut at {n}"
            );
        }
    }

    /// DATA of a growing array of one byte a row, two rows a tile and two tiles a row of tiles.
    fn growing(tiles: &[(u64, u32)]) -> Vec<u8> {
        let manifest = Manifest {
            header_blocks: 1,
            data_blocks: None,
            codec: Codec::Raw,
            filter: Filter::None,
            level: 0,
            element: ElementType::BYTES,
            shape: vec![0, 2],
            tile: vec![2, 1],
            growing: true,
            bytes: false,
            cataloged: false,
            live: false,
        };
        let mut out = message(Kind::Manifest, 9, 0, &manifest.encode());
        out.extend(message(Kind::Header, 9, 0, b"header"));
        for (number, raw_nbytes) in tiles {
            let payload = &[1, 2][..*raw_nbytes as usize];
            let (codec, filter) = (Codec::Raw, Filter::None);
            let block = Block {
                number: *number,
                codec,
                filter,
                raw_nbytes: *raw_nbytes,
                payload,
            };
            out.extend(block.head(9));
            out.extend(payload);
        }
        out
    }

    #[test]
    fn an_array_that_grows_reaches_as_far_as_its_whole_rows() {
        for (tiles, rows) in [
            (&[][..], 0),
            (&[(0, 2)], 0),
            (&[(0, 2), (1, 2)], 2),
            (&[(0, 1), (1, 1)], 1),
            (&[(0, 2), (1, 2), (2, 2)], 2),
            (&[(0, 2), (1, 2), (2, 1), (3, 1)], 3),
            // Killed while the last row was written again with more in it.
            (&[(0, 2), (1, 2), (2, 1), (3, 1), (2, 2)], 3),
            (&[(0, 2), (1, 2), (2, 1), (3, 1), (2, 2), (3, 2)], 4),
            // A gap is a tile that is missing, not an end.
            (&[(0, 2), (2, 2), (3, 2)], 4),
        ] {
            let found = scan(&growing(tiles));
            assert_eq!(found.arrays[0].shape(), [rows, 2], "{tiles:?}");
        }
    }

    #[test]
    fn rows_after_an_end_count() {
        let mut file = growing(&[(0, 1), (1, 1)]);
        file.extend(
            End {
                blocks: 2,
                extent: 1,
            }
            .message(9),
        );
        assert_eq!(scan(&file).arrays[0].shape(), [1, 2]);
        let head = growing(&[]).len();
        file.extend(&growing(&[(0, 2), (1, 2)])[head..]);
        assert_eq!(scan(&file).arrays[0].shape(), [2, 2]);
    }

    #[test]
    fn a_damaged_head_costs_its_tile_only() {
        // A payload that holds a whole NPB file must not be taken for messages.
        let (inner, _) = file(&[3; 20]);
        let (mut outer, tiles) = file(&inner);
        outer[tiles[1].start + 10] ^= 1;
        let found = scan(&outer);
        let numbers: Vec<u64> = found.arrays[0].places.keys().copied().collect();
        assert!(numbers.contains(&0) && numbers.contains(&2), "{numbers:?}");
        assert_eq!(
            found.damaged.first().map(|range| range.start),
            Some(tiles[1].start as u64)
        );
    }
}
