//! Where things lie in a file: [`IndexPart`], [`Root`], [`Catalog`], [`Tail`]; and [`End`], which counts.

use crate::cursor::Cursor;
use crate::{Error, ErrorKind, HEAD_NBYTES, Head, Kind, Limits, Manifest, What, message};

/// The most tiles in one part of an index.
pub const PART_TILES: u64 = 65_536;

/// The sequence of an array's root INDEX.
pub const ROOT: u64 = u64::MAX;

/// Bytes of the TAIL message.
pub const TAIL_NBYTES: usize = 64;

/// Where one tile lies in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where its DATA message starts, in bytes; 0 if it was never written and reads as zeros.
    pub offset: u64,
    /// Bytes of the DATA message's body.
    pub nbytes: u32,
}

impl Place {
    /// A tile that was there once and is lost: reading it is an error.
    pub const LOST: Self = Self {
        offset: u64::MAX,
        nbytes: 0,
    };
}

/// The places of up to [`PART_TILES`] tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPart {
    /// The number of the first tile.
    pub first: u64,
    /// Where they are.
    pub places: Vec<Place>,
}

/// Where a message lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where its head starts, in bytes.
    pub offset: u64,
    /// Bytes of head and body.
    pub nbytes: u64,
}

/// All that a reader needs of one array before its tiles: repeats MANIFEST and HEADERs, so that damage to the first
/// messages of a file loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The array's manifest.
    pub manifest: Manifest,
    /// The final shape, in stored axes.
    pub shape: Vec<u64>,
    /// The header blocks.
    pub headers: Vec<Vec<u8>>,
    /// Tiles that the index speaks of.
    pub tiles: u64,
    /// Where the parts are, each for [`PART_TILES`] tiles.
    pub parts: Vec<Extent>,
}

/// One array in a [`Catalog`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Its name.
    pub name: String,
    /// Its transfer.
    pub transfer: u64,
    /// Where its MANIFEST starts, in bytes; 0 also in a stream.
    pub manifest: u64,
    /// Where its root INDEX is; zeros in a stream.
    pub root: Extent,
}

/// The arrays of a file or a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// In the order in which they were added.
    pub entries: Vec<CatalogEntry>,
}

/// The last message of a file: where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where it stands itself. If that is wrong, the file was cut or joined.
    pub offset: u64,
    /// Where the CATALOG or the root INDEX is.
    pub target: Extent,
    /// Which of the two it is.
    pub kind: Kind,
}

/// The last message of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// DATA messages that were sent.
    pub blocks: u64,
    /// The final extent of axis 0; 0 without axes.
    pub extent: u64,
}

const fn what(kind: Kind, sequence: u64) -> What {
    What { kind, sequence }
}

impl IndexPart {
    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(16 + 12 * self.places.len());
        body.extend_from_slice(&self.first.to_le_bytes());
        body.extend_from_slice(&(self.places.len() as u64).to_le_bytes());
        for place in &self.places {
            body.extend_from_slice(&place.offset.to_le_bytes());
            body.extend_from_slice(&place.nbytes.to_le_bytes());
        }
        message(Kind::Index, transfer, self.first / PART_TILES, &body)
    }

    /// Parses the body of part `part` of an array.
    ///
    /// # Errors
    /// Other tiles than this part's.
    pub fn parse(part: u64, body: &[u8]) -> Result<Self, Error> {
        let mut fields = Cursor::new(body, HEAD_NBYTES as u64, what(Kind::Index, part));
        let (first, count) = (fields.u64()?, fields.u64()?);
        if count > PART_TILES || part.checked_mul(PART_TILES) != Some(first) {
            return Err(fields.wrong("tiles of another part"));
        }
        let mut places = Vec::with_capacity(count.min(body.len() as u64 / 12) as usize);
        for _ in 0..count {
            places.push(Place {
                offset: fields.u64()?,
                nbytes: fields.u32()?,
            });
        }
        fields.end()?;
        Ok(Self { first, places })
    }
}

impl Root {
    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        let manifest = self.manifest.encode();
        let mut body = Vec::new();
        body.extend_from_slice(&(self.parts.len() as u32).to_le_bytes());
        body.extend_from_slice(&(self.headers.len() as u32).to_le_bytes());
        body.extend_from_slice(&self.tiles.to_le_bytes());
        for block in std::iter::once(&manifest).chain(&self.headers) {
            body.extend_from_slice(&(block.len() as u32).to_le_bytes());
            body.extend_from_slice(block);
        }
        for n in &self.shape {
            body.extend_from_slice(&n.to_le_bytes());
        }
        for part in &self.parts {
            body.extend_from_slice(&part.offset.to_le_bytes());
            body.extend_from_slice(&part.nbytes.to_le_bytes());
        }
        message(Kind::Index, transfer, ROOT, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// What contradicts itself or the limits.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut fields = Cursor::new(body, HEAD_NBYTES as u64, what(Kind::Index, ROOT));
        let (parts, header_count, tiles) = (fields.u32()?, fields.u32()?, fields.u64()?);
        let nbytes = fields.u32()? as usize;
        let manifest = Manifest::parse(fields.take(nbytes)?, limits)?;
        if header_count != manifest.header_blocks {
            return Err(fields.wrong("another number of headers than its manifest"));
        }
        let mut headers = Vec::new();
        for _ in 0..header_count {
            let nbytes = fields.u32()? as usize;
            headers.push(fields.take(nbytes)?.to_vec());
        }
        let shape = fields.u64s(manifest.shape.len())?;
        let fixed = usize::from(manifest.growing);
        if shape[fixed.min(shape.len())..] != manifest.shape[fixed.min(shape.len())..] {
            return Err(fields.wrong("another shape than its manifest"));
        }
        let grid = match manifest.growing {
            true => manifest.grid()?.grown_to(shape[0])?,
            false => manifest.grid()?,
        };
        if tiles != grid.len()
            || u64::from(parts) != tiles.div_ceil(PART_TILES)
            || tiles > limits.tiles
        {
            return Err(fields.wrong("another number of tiles than its shape"));
        }
        let extents = fields.u64s(2 * parts as usize)?;
        let parts = extents.as_chunks::<2>().0.iter();
        let parts = parts
            .map(|[offset, nbytes]| Extent {
                offset: *offset,
                nbytes: *nbytes,
            })
            .collect();
        fields.end()?;
        Ok(Self {
            manifest,
            shape,
            headers,
            tiles,
            parts,
        })
    }
}

impl Catalog {
    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        let mut body = (self.entries.len() as u64).to_le_bytes().to_vec();
        for entry in &self.entries {
            let name = entry.name.as_bytes();
            body.extend_from_slice(&(name.len() as u32).to_le_bytes());
            body.extend_from_slice(name);
            for n in [
                entry.transfer,
                entry.manifest,
                entry.root.offset,
                entry.root.nbytes,
            ] {
                body.extend_from_slice(&n.to_le_bytes());
            }
        }
        message(Kind::Catalog, 0, 0, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// More arrays than the limit, names that are not UTF-8.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut fields = Cursor::new(body, HEAD_NBYTES as u64, what(Kind::Catalog, 0));
        let count = fields.u64()?;
        if count > limits.arrays.into() {
            return Err(ErrorKind::Field {
                field: "number of arrays",
                found: count,
            }
            .at(fields.offset()));
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            let nbytes = fields.u32()? as usize;
            let name = std::str::from_utf8(fields.take(nbytes)?)
                .map_err(|_| fields.wrong("a name that is not UTF-8"))?;
            entries.push(CatalogEntry {
                name: name.to_owned(),
                transfer: fields.u64()?,
                manifest: fields.u64()?,
                root: Extent {
                    offset: fields.u64()?,
                    nbytes: fields.u64()?,
                },
            });
        }
        fields.end()?;
        Ok(Self { entries })
    }
}

impl Tail {
    /// Its message.
    pub fn message(&self) -> Vec<u8> {
        let nbytes = (self.target.nbytes << 8) | u64::from(self.kind.id());
        let body = [self.offset, self.target.offset, nbytes]
            .map(u64::to_le_bytes)
            .concat();
        message(Kind::Tail, 0, 0, &body)
    }

    /// Parses the last [`TAIL_NBYTES`] bytes of a file of `file_nbytes` bytes.
    ///
    /// # Errors
    /// No TAIL there, or one that speaks of another file: it was cut or joined and must be scanned.
    pub fn parse(bytes: &[u8], file_nbytes: u64) -> Result<Self, Error> {
        let head = Head::parse(bytes)?;
        if head.kind != Kind::Tail {
            return Err(ErrorKind::Unexpected {
                what: head.what(),
                expected: "TAIL",
            }
            .into());
        }
        head.check(&bytes[HEAD_NBYTES..])?;
        let mut fields = Cursor::new(&bytes[HEAD_NBYTES..], HEAD_NBYTES as u64, head.what());
        let (offset, target, nbytes) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let kind = match nbytes as u8 {
            3 => Kind::Index,
            5 => Kind::Catalog,
            _ => return Err(fields.wrong("it points at neither CATALOG nor INDEX")),
        };
        let target = Extent {
            offset: target,
            nbytes: nbytes >> 8,
        };
        if offset.checked_add(TAIL_NBYTES as u64) != Some(file_nbytes) {
            return Err(
                fields.wrong("it stands elsewhere than it says: the file was cut or joined")
            );
        }
        if target
            .offset
            .checked_add(target.nbytes)
            .is_none_or(|end| end > offset)
        {
            return Err(fields.wrong("it points outside the file"));
        }
        fields.end()?;
        Ok(Self {
            offset,
            target,
            kind,
        })
    }
}

impl End {
    /// Its message.
    pub fn message(&self, transfer: u64) -> Vec<u8> {
        let body = [self.blocks, self.extent].map(u64::to_le_bytes).concat();
        message(Kind::End, transfer, 0, &body)
    }

    /// Parses its body.
    ///
    /// # Errors
    /// Another length.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields = Cursor::new(body, HEAD_NBYTES as u64, what(Kind::End, 0));
        let end = Self {
            blocks: fields.u64()?,
            extent: fields.u64()?,
        };
        fields.end()?;
        Ok(end)
    }
}
