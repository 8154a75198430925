//! [`NpbWriter`]: messages of arrays into a file, with the index that makes it random access.

use std::collections::BTreeMap;
use std::io::{IoSlice, Write};

use ndferry_npb::{
    Block, Catalog, CatalogEntry, End, Extent, HEAD_NBYTES, IndexPart, Kind as MessageKind,
    Manifest, PART_TILES, Place, Root, SUBHEAD_NBYTES, TAIL_NBYTES, Tail, TileGrid,
};

use crate::error::npb;
use crate::{Error, ErrorKind, Result};

/// Raw payloads begin at multiples of this.
const ALIGN: u64 = 16;

/// Writes the messages of one array after the other, then their indexes, then a catalog if there are several, then the
/// tail. Needs some fifty bytes of memory for each tile.
#[derive(Debug)]
pub(crate) struct NpbWriter<W> {
    to: W,
    at: u64,
    /// Where the last message that was written whole ends.
    whole: u64,
    current: Option<Current>,
    done: Vec<CatalogEntry>,
    /// A catalog follows the last array.
    cataloged: bool,
}

/// The array under way.
#[derive(Debug)]
struct Current {
    transfer: u64,
    name: String,
    manifest: Manifest,
    manifest_at: u64,
    headers: Vec<Vec<u8>>,
    places: BTreeMap<u64, Place>,
    blocks: u64,
    /// Parts of the index that are in the file and say what is true, with how many tiles each speaks of.
    parts: BTreeMap<u64, (Extent, u64)>,
    /// Where it stands among the arrays of the file, if it was there before.
    slot: Option<usize>,
}

/// An array that is in a file already and to which tiles are added.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) transfer: u64,
    pub(crate) name: String,
    pub(crate) manifest_at: u64,
    pub(crate) manifest: Manifest,
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) places: BTreeMap<u64, Place>,
    /// Which of the arrays that are complete it is, if it is one.
    pub(crate) slot: Option<usize>,
}

impl<W: Write> NpbWriter<W> {
    pub(crate) fn new(to: W) -> Self {
        Self::after(to, 0, Vec::new(), false)
    }

    /// After the `at` bytes of a file with these arrays.
    pub(crate) fn after(to: W, at: u64, done: Vec<CatalogEntry>, cataloged: bool) -> Self {
        Self {
            to,
            at,
            whole: at,
            current: None,
            done,
            cataloged,
        }
    }

    /// Goes on with one of the arrays of the file.
    pub(crate) fn resume(&mut self, array: Resumed) {
        self.cataloged |= array.manifest.cataloged;
        self.current = Some(Current {
            transfer: array.transfer,
            name: array.name,
            manifest: array.manifest,
            manifest_at: array.manifest_at,
            headers: array.headers,
            blocks: array.places.len() as u64,
            places: array.places,
            parts: BTreeMap::new(),
            slot: array.slot,
        });
    }

    /// The array under way.
    pub(crate) fn transfer(&self) -> Option<u64> {
        Some(self.current.as_ref()?.transfer)
    }

    /// Where a tile of the array under way is.
    pub(crate) fn place(&self, number: u64) -> Option<Place> {
        self.current.as_ref()?.places.get(&number).copied()
    }

    /// Where the last message ends that was written whole.
    pub(crate) fn whole_nbytes(&self) -> u64 {
        self.whole
    }

    /// Bytes of the file so far.
    pub(crate) fn nbytes(&self) -> u64 {
        self.at
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes)?;
        self.at += bytes.len() as u64;
        self.whole = self.at;
        Ok(())
    }

    /// Begins an array.
    pub(crate) fn begin(
        &mut self,
        transfer: u64,
        name: &str,
        manifest: &Manifest,
        headers: &[Vec<u8>],
    ) -> Result<()> {
        let manifest_at = self.at;
        self.cataloged |= manifest.cataloged;
        let body = manifest.encode();
        self.write(&ndferry_npb::message(
            MessageKind::Manifest,
            transfer,
            0,
            &body,
        ))?;
        for (number, header) in (0..).zip(headers) {
            self.write(&ndferry_npb::message(
                MessageKind::Header,
                transfer,
                number,
                header,
            ))?;
        }
        self.current = Some(Current {
            transfer,
            name: name.to_owned(),
            manifest: manifest.clone(),
            manifest_at,
            headers: headers.to_vec(),
            places: BTreeMap::new(),
            blocks: 0,
            parts: BTreeMap::new(),
            slot: None,
        });
        Ok(())
    }

    /// One tile.
    pub(crate) fn block(&mut self, block: &Block<'_>) -> Result<()> {
        let current = self.current.as_ref().ok_or_else(no_array)?;
        let head = block.head(current.transfer);
        self.data(block.number, &[&head, block.payload])
    }

    /// One tile in the message it came in, which is not checked again.
    #[cfg(feature = "transport")]
    pub(crate) fn arrived(&mut self, number: u64, message: &[u8]) -> Result<()> {
        self.data(number, &[message])
    }

    /// A DATA message in parts.
    fn data(&mut self, number: u64, parts: &[&[u8]]) -> Result<()> {
        let start = self.at + (HEAD_NBYTES + SUBHEAD_NBYTES) as u64;
        let padding = (start.next_multiple_of(ALIGN) - start) as usize;
        self.write(&[0; ALIGN as usize][..padding])?;
        let current = self.current.as_mut().ok_or_else(no_array)?;
        let message_nbytes: usize = parts.iter().map(|part| part.len()).sum();
        let nbytes = (message_nbytes - HEAD_NBYTES) as u32;
        let offset = self.at;
        current.places.insert(number, Place { offset, nbytes });
        current.parts.remove(&(number / PART_TILES));
        current.blocks += 1;
        self.at += message_nbytes as u64;
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        write_all_vectored(&mut self.to, &mut slices)?;
        self.whole = self.at;
        Ok(())
    }

    /// A tile that was there once and is not any more.
    pub(crate) fn lost(&mut self, number: u64) {
        if let Some(current) = &mut self.current {
            current.places.insert(number, Place::LOST);
            current.parts.remove(&(number / PART_TILES));
        }
    }

    /// Ends the array: its final extent along stored axis 0 is `extent`.
    pub(crate) fn end(&mut self, extent: u64) -> Result<()> {
        let mut current = self.take()?;
        let blocks = current.blocks;
        self.write(&End { blocks, extent }.message(current.transfer))?;
        let entry = self.index(&mut current, extent)?;
        match current.slot {
            Some(slot) if slot < self.done.len() => self.done[slot] = entry,
            _ => self.done.push(entry),
        }
        Ok(())
    }

    /// Writes index and tail as if the array ended here, and goes on with it after them.
    pub(crate) fn checkpoint(&mut self, extent: u64) -> Result<()> {
        let mut current = self.take()?;
        let entry = self.index(&mut current, extent)?;
        let mut entries = self.done.clone();
        match current.slot {
            Some(slot) if slot < entries.len() => entries[slot] = entry,
            _ => entries.push(entry),
        }
        self.current = Some(current);
        self.tail(entries)
    }

    fn take(&mut self) -> Result<Current> {
        self.current.take().ok_or_else(no_array)
    }

    /// Writes the parts of the index that changed, and its root.
    fn index(&mut self, current: &mut Current, extent: u64) -> Result<CatalogEntry> {
        let transfer = current.transfer;
        let mut shape = current.manifest.shape.clone();
        if current.manifest.growing
            && let Some(first) = shape.first_mut()
        {
            *first = extent;
        }
        let itemsize = current.manifest.element.itemsize.into();
        let tiles = TileGrid::new(&shape, &current.manifest.tile, itemsize, false)
            .map_err(npb)?
            .len();
        let mut parts = Vec::new();
        for first in (0..tiles).step_by(PART_TILES as usize) {
            let numbers = first..tiles.min(first + PART_TILES);
            let (part, count) = (first / PART_TILES, numbers.end - first);
            let written = current.parts.get(&part).filter(|(_, n)| *n == count);
            if let Some((extent, _)) = written {
                parts.push(*extent);
                continue;
            }
            let place = |number| current.places.get(&number).copied().unwrap_or_default();
            let places = numbers.map(place).collect();
            let extent = self.message(&IndexPart { first, places }.message(transfer))?;
            current.parts.insert(part, (extent, count));
            parts.push(extent);
        }
        let root = Root {
            manifest: current.manifest.clone(),
            shape,
            headers: current.headers.clone(),
            tiles,
            parts,
        };
        Ok(CatalogEntry {
            name: current.name.clone(),
            transfer,
            manifest: current.manifest_at,
            root: self.message(&root.message(transfer))?,
        })
    }

    /// A whole message; gives where it stands.
    fn message(&mut self, bytes: &[u8]) -> Result<Extent> {
        let extent = Extent {
            offset: self.at,
            nbytes: bytes.len() as u64,
        };
        self.write(bytes)?;
        Ok(extent)
    }

    /// Writes the catalog, if the manifests promise one, and the tail; gives the stream back, and how many bytes
    /// went there.
    pub(crate) fn finish(mut self) -> Result<(W, u64)> {
        self.tail_now()?;
        Ok((self.to, self.at))
    }

    /// The same, if nothing else is to be done with the stream.
    pub(crate) fn tail_now(&mut self) -> Result<()> {
        self.tail(self.done.clone())?;
        Ok(self.to.flush()?)
    }

    fn tail(&mut self, entries: Vec<CatalogEntry>) -> Result<()> {
        let (target, kind) = match &entries[..] {
            [only] if !self.cataloged => (only.root, MessageKind::Index),
            _ => (
                self.message(&Catalog { entries }.message())?,
                MessageKind::Catalog,
            ),
        };
        let offset = self.at;
        let tail = Tail {
            offset,
            target,
            kind,
        };
        let tail = tail.message();
        debug_assert_eq!(tail.len(), TAIL_NBYTES);
        self.write(&tail)
    }
}

/// Tiles come after a MANIFEST.
fn no_array() -> Error {
    let expected = "a MANIFEST";
    ErrorKind::BrokenOff { expected }.into()
}

fn write_all_vectored(to: &mut impl Write, mut parts: &mut [IoSlice<'_>]) -> Result<()> {
    while !parts.is_empty() {
        match to.write_vectored(parts) {
            Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into()),
            Ok(n) => IoSlice::advance_slices(&mut parts, n),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
