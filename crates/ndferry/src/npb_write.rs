//! [`NpbWriter`]: messages of arrays into a file, with the index that makes it random access.

use std::collections::BTreeMap;
use std::io::{IoSlice, Write};

use ndferry_npb::{
    Block, Catalog, CatalogEntry, End, Extent, HEAD_NBYTES, IndexPart, Kind as MessageKind,
    Manifest, PART_TILES, Place, Root, SUBHEAD_NBYTES, TAIL_NBYTES, Tail, TileGrid,
};

use crate::error::npb;
use crate::{ErrorKind, Result};

/// Raw payloads begin at multiples of this.
const ALIGN: u64 = 16;

/// Writes the messages of one array after the other, then their indexes, then a catalog if there are several, then the
/// tail. Needs some fifty bytes of memory for each tile.
#[derive(Debug)]
pub(crate) struct NpbWriter<W> {
    to: W,
    at: u64,
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
}

impl<W: Write> NpbWriter<W> {
    pub(crate) fn new(to: W) -> Self {
        Self {
            to,
            at: 0,
            current: None,
            done: Vec::new(),
            cataloged: false,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes)?;
        self.at += bytes.len() as u64;
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
        });
        Ok(())
    }

    /// One tile.
    pub(crate) fn block(&mut self, block: &Block<'_>) -> Result<()> {
        let start = self.at + (HEAD_NBYTES + SUBHEAD_NBYTES) as u64;
        let padding = (start.next_multiple_of(ALIGN) - start) as usize;
        self.write(&[0; ALIGN as usize][..padding])?;
        let Some(current) = &mut self.current else {
            return Err(ErrorKind::BrokenOff {
                expected: "a MANIFEST",
            }
            .into());
        };
        let nbytes = (SUBHEAD_NBYTES + block.payload.len()) as u32;
        let offset = self.at;
        current
            .places
            .insert(block.number, Place { offset, nbytes });
        current.blocks += 1;
        let head = block.head(current.transfer);
        let mut parts = [IoSlice::new(&head), IoSlice::new(block.payload)];
        self.at += (head.len() + block.payload.len()) as u64;
        write_all_vectored(&mut self.to, &mut parts)
    }

    /// A tile that was there once and is not any more.
    pub(crate) fn lost(&mut self, number: u64) {
        if let Some(current) = &mut self.current {
            current.places.insert(number, Place::LOST);
        }
    }

    /// Ends the array: its final extent along stored axis 0 is `extent`.
    pub(crate) fn end(&mut self, extent: u64) -> Result<()> {
        let Some(current) = self.current.take() else {
            return Err(ErrorKind::BrokenOff {
                expected: "a MANIFEST",
            }
            .into());
        };
        let (transfer, blocks) = (current.transfer, current.blocks);
        self.write(&End { blocks, extent }.message(transfer))?;
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
            let place = |number| current.places.get(&number).copied().unwrap_or_default();
            let places = numbers.map(place).collect();
            parts.push(self.message(&IndexPart { first, places }.message(transfer))?);
        }
        let root = Root {
            manifest: current.manifest,
            shape,
            headers: current.headers,
            tiles,
            parts,
        };
        let root = self.message(&root.message(transfer))?;
        let (name, manifest) = (current.name, current.manifest_at);
        self.done.push(CatalogEntry {
            name,
            transfer,
            manifest,
            root,
        });
        Ok(())
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
        let target = match &self.done[..] {
            [only] if !self.cataloged => (only.root, MessageKind::Index),
            _ => {
                let entries = self.done.clone();
                (
                    self.message(&Catalog { entries }.message())?,
                    MessageKind::Catalog,
                )
            }
        };
        let tail = Tail {
            offset: self.at,
            target: target.0,
            kind: target.1,
        }
        .message();
        debug_assert_eq!(tail.len(), TAIL_NBYTES);
        self.write(&tail)?;
        self.to.flush()?;
        Ok((self.to, self.at))
    }
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
