//! Reading NPB files.

use std::sync::Arc;

use bytes::Bytes;
use ndferry_npb::{
    Catalog, CatalogEntry, ElementKind, ElementType, Endian, Extent, HEAD_NBYTES, Head,
    Kind as MessageKind, Manifest, ROOT, Root, Scan, Scanner, TAIL_NBYTES, Tail, TileGrid,
};
use ndferry_npy::Header;

use crate::check::{Inspect, Problem, Report};
use crate::error::{npb, npy};
use crate::input::Input;
use crate::lazy::Backing;
use crate::npy_file::{member, npy_limits};
use crate::source::Contents;
use crate::stored::tile_cache::TileCache;
use crate::stored::tiles::{Places, Tiles};
use crate::{
    Attributes, Dtype, Error, ErrorKind, Format, Kind, Limits, OpenOptions, Order, Result, Storage,
};

/// What a pickle is made of.
pub(crate) const BYTE: ElementType = ElementType {
    kind: ElementKind::Bytes,
    endian: Endian::None,
    width: 1,
    itemsize: 1,
};

/// One array of a file as its index or a scan tells it.
pub(crate) struct Found {
    pub(crate) transfer: u64,
    pub(crate) name: Option<String>,
    pub(crate) manifest: Manifest,
    /// Where the MANIFEST stands, as far as that is known.
    pub(crate) manifest_at: u64,
    /// Where the root INDEX is; nowhere if it was found without one.
    pub(crate) root: Extent,
    /// Final extents, in stored axes.
    pub(crate) shape: Vec<u64>,
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) places: Places,
    present: u64,
}

impl Found {
    fn storage(&self, order: Order, packed_nbytes: u64) -> Result<Storage> {
        let mut tile = self.manifest.tile.clone();
        if order == Order::F {
            tile.reverse();
        }
        Ok(Storage::Tiles {
            tile,
            count: self.grid()?.len(),
            present: self.present,
            grows: self.manifest.growing,
            codec: self.manifest.codec.name().to_owned(),
            filter: self.manifest.filter.name().to_owned(),
            packed_nbytes,
        })
    }

    fn grid(&self) -> Result<TileGrid> {
        let itemsize = self.manifest.element.itemsize.into();
        TileGrid::new(&self.shape, &self.manifest.tile, itemsize, false).map_err(npb)
    }
}

pub(crate) fn open(input: &Input, options: &OpenOptions) -> Result<Contents> {
    let limits = npb_limits(&options.limits);
    let mut contents = Contents::new(Format::Npb);
    contents.end = Some(input.nbytes());
    let (found, index) = arrays(input, options)?;
    let single = found.len() == 1;
    let mut arrays = Vec::new();
    let mut are_known = true;
    for array in found {
        let (name, tiles, is_known) = push(&mut contents, input, array, single, options)?;
        arrays.push((name, tiles));
        are_known &= is_known;
    }
    if !are_known && contents.safety.is_safe() {
        contents.safety = crate::Safety::NeedsCode(Vec::new());
    }
    contents.incomplete.clone_from(&index);
    contents.inspect = Some(Box::new(Messages {
        input: input.clone(),
        limits,
        index,
        arrays,
    }));
    Ok(contents)
}

/// The arrays, and why the index is of no use.
fn arrays(input: &Input, options: &OpenOptions) -> Result<(Vec<Found>, Option<Arc<Error>>)> {
    let limits = npb_limits(&options.limits);
    match indexed(input, &limits) {
        Ok(found) => Ok((found, None)),
        // Cut off, joined or damaged at its end: what is whole is still there.
        Err(error) => Ok((scanned(input, &limits, options)?, Some(Arc::new(error)))),
    }
}

/// The pickles of the arrays of objects, with the arrays' names.
pub(crate) fn pickles(
    input: &Input,
    options: &OpenOptions,
) -> Result<Vec<(String, Result<Input>)>> {
    let (found, _) = arrays(input, options)?;
    let found = found.into_iter().filter(|array| array.manifest.bytes);
    let pickle = |array: Found| {
        let name = array.name.clone().unwrap_or_default();
        let pickle = tiles(input, array, options)
            .and_then(|tiles| crate::npb_objects::pickle(&tiles, options));
        (name, pickle)
    };
    Ok(found.map(pickle).collect())
}

/// All messages of a file.
#[derive(Debug)]
struct Messages {
    input: Input,
    limits: ndferry_npb::Limits,
    /// Why the index is of no use.
    index: Option<Arc<Error>>,
    arrays: Vec<(String, Arc<Tiles>)>,
}

impl Inspect for Messages {
    fn inspect(&self, report: &mut Report<'_>) -> Result<()> {
        if let Some(error) = &self.index {
            let problem = error.kind().to_string();
            report.fault(ErrorKind::Incomplete { problem }.at(error.offset().unwrap_or(0)))?;
        }
        let mut scanner = Scanner::new(self.input.nbytes(), self.limits.clone());
        while let Some(need) = scanner.need() {
            report.interrupt.check()?;
            scanner.give(&self.input.bytes(need.offset, need.nbytes)?);
        }
        for range in scanner.finish().damaged {
            report.tell(Problem::NoMessage {
                offset: range.start,
                nbytes: range.end - range.start,
            });
        }
        for (name, tiles) in &self.arrays {
            report.progress.start(name, tiles.nbytes());
            tiles.inspect(name, report)?;
            report.progress.finish();
        }
        Ok(())
    }
}

pub(crate) fn npb_limits(limits: &Limits) -> ndferry_npb::Limits {
    ndferry_npb::Limits {
        block_nbytes: limits.message_nbytes,
        header_nbytes: limits.header_nbytes as u64,
        arrays: u32::try_from(limits.members).unwrap_or(u32::MAX),
        ..ndferry_npb::Limits::FILE
    }
}

/// By TAIL, CATALOG and root INDEX.
pub(crate) fn indexed(input: &Input, limits: &ndferry_npb::Limits) -> Result<Vec<Found>> {
    let tail_at = input.nbytes().saturating_sub(TAIL_NBYTES as u64);
    let tail = input.bytes(tail_at, TAIL_NBYTES as u64)?;
    let tail = Tail::parse(&tail, input.nbytes()).map_err(|mut error| {
        error.offset += tail_at;
        npb(error)
    })?;
    if tail.kind == MessageKind::Index {
        return Ok(vec![rooted(input, tail.target, None, limits)?]);
    }
    let (_, body) = message(input, tail.target, MessageKind::Catalog, limits)?;
    let catalog = Catalog::parse(&body, limits).map_err(npb)?;
    let entries = catalog.entries.into_iter();
    entries
        .map(|entry| rooted(input, entry.root, Some(entry), limits))
        .collect()
}

fn rooted(
    input: &Input,
    at: Extent,
    entry: Option<CatalogEntry>,
    limits: &ndferry_npb::Limits,
) -> Result<Found> {
    let (head, body) = message(input, at, MessageKind::Index, limits)?;
    if head.sequence != ROOT
        || entry
            .as_ref()
            .is_some_and(|entry| entry.transfer != head.transfer)
    {
        let (what, whence) = ("the array's root INDEX", "the CATALOG or TAIL");
        return Err(
            ErrorKind::Npb(ndferry_npb::ErrorKind::NotThere { what, whence }).at(at.offset),
        );
    }
    let root = Root::parse(&body, limits).map_err(npb)?;
    Ok(Found {
        transfer: head.transfer,
        manifest_at: entry.as_ref().map_or(0, |entry| entry.manifest),
        root: at,
        name: entry.map(|entry| entry.name),
        manifest: root.manifest,
        shape: root.shape,
        headers: root.headers,
        present: root.tiles,
        places: Places::Indexed(root.parts),
    })
}

/// A whole message of this kind, its checksum compared.
pub(crate) fn message(
    input: &Input,
    at: Extent,
    kind: MessageKind,
    limits: &ndferry_npb::Limits,
) -> Result<(Head, Bytes)> {
    if at.nbytes > limits.body_nbytes() + HEAD_NBYTES as u64 {
        return Err(elsewhere().at(at.offset));
    }
    let bytes = input.bytes(at.offset, at.nbytes)?;
    let (head, _) = checked(&bytes, at, kind, limits)?;
    Ok((head, bytes.slice(HEAD_NBYTES..)))
}

/// The same, of a message that is in memory.
pub(crate) fn checked<'a>(
    message: &'a [u8],
    at: Extent,
    kind: MessageKind,
    limits: &ndferry_npb::Limits,
) -> Result<(Head, &'a [u8])> {
    let place = |mut error: ndferry_npb::Error| {
        error.offset += at.offset;
        npb(error)
    };
    let head = Head::parse(message).map_err(place)?;
    if head.kind != kind
        || head.message_nbytes() != at.nbytes
        || head.body_nbytes > limits.body_nbytes()
    {
        let (what, whence) = (kind.name(), "the file's index");
        let kind = ErrorKind::Npb(ndferry_npb::ErrorKind::NotThere { what, whence });
        return Err(kind.at(at.offset));
    }
    let body = &message[HEAD_NBYTES..];
    head.check(body).map_err(place)?;
    Ok((head, body))
}

/// An index that points at something else than the tile.
pub(crate) fn elsewhere() -> ErrorKind {
    let (what, whence) = ("such tile", "the file's index");
    ErrorKind::Npb(ndferry_npb::ErrorKind::NotThere { what, whence })
}

/// By walking over the file.
fn scanned(
    input: &Input,
    limits: &ndferry_npb::Limits,
    options: &OpenOptions,
) -> Result<Vec<Found>> {
    let mut scanner = Scanner::new(input.nbytes(), limits.clone());
    while let Some(need) = scanner.need() {
        options.interrupt.check()?;
        scanner.give(&input.bytes(need.offset, need.nbytes)?);
    }
    let scan = scanner.finish();
    let found = found_in_scan(scan);
    if found.is_empty() {
        let found = input.nbytes();
        return Err(ErrorKind::Truncated {
            needed: found + 1,
            found,
        }
        .at(found));
    }
    Ok(found)
}

/// The arrays of which at least the header is there.
pub(crate) fn found_in_scan(scan: Scan) -> Vec<Found> {
    let whole = scan
        .arrays
        .into_iter()
        .filter(|array| !array.headers.is_empty());
    whole
        .map(|array| Found {
            transfer: array.transfer,
            name: array.headers.get(1).map(|json| attribute_name(json)),
            manifest_at: array.manifest_offset.unwrap_or(0),
            root: Extent {
                offset: 0,
                nbytes: 0,
            },
            shape: array.shape(),
            present: array.places.len() as u64,
            manifest: array.manifest,
            headers: array.headers,
            places: Places::Known(array.places),
        })
        .collect()
}

/// Adds an array; gives its name and tiles, and whether its pickle, if it is one, can be read.
fn push(
    contents: &mut Contents,
    input: &Input,
    found: Found,
    single: bool,
    options: &OpenOptions,
) -> Result<(String, Arc<Tiles>, bool)> {
    let name = found.name.clone().unwrap_or_default();
    let path = if single && name.is_empty() { "" } else { &name };
    let limits = &options.limits;
    let header = header_of(&found.manifest, &found.headers, &found.shape, limits)?;
    let storage = match found.manifest.bytes {
        true => Storage::Objects,
        false => found.storage(header.order, input.nbytes())?,
    };
    let mut info = member(path, &header, storage);
    if let Some(json) = found.headers.get(1) {
        info.attributes = Attributes::with_name(json)
            .map_err(|error| error.in_member(path))?
            .1;
    }
    let is_pickle = found.manifest.bytes;
    let tiles = Arc::new(tiles(input, found, options)?);
    if !is_pickle {
        contents.push(info, Backing::Stored(Arc::clone(&tiles) as _));
        return Ok((path.to_owned(), tiles, true));
    }
    let pushed = crate::npb_objects::push(contents, &tiles, info, &header, options);
    let is_known = pushed.map_err(|error| error.in_member(path))?;
    Ok((path.to_owned(), tiles, is_known))
}

fn tiles(input: &Input, found: Found, options: &OpenOptions) -> Result<Tiles> {
    Ok(Tiles {
        input: input.clone(),
        transfer: found.transfer,
        element: found.manifest.element,
        grid: found.grid()?,
        places: found.places,
        limits: npb_limits(&options.limits),
        interrupt: options.interrupt.clone(),
        threads: options.threads,
        growing: found.manifest.growing,
        cache: TileCache::new(options.cache_nbytes),
        scratches: Default::default(),
        parts: Default::default(),
    })
}

/// The NPY header of an array with its final shape, after a look whether the manifest says the same.
pub(crate) fn header_of(
    manifest: &Manifest,
    headers: &[impl AsRef<[u8]>],
    shape: &[u64],
    limits: &Limits,
) -> Result<Header> {
    let first = headers.first().map(AsRef::as_ref).unwrap_or_default();
    let (mut header, end) = Header::parse_limited(first, &npy_limits(limits)).map_err(npy)?;
    let disagree = |what| Err(ErrorKind::Disagree { what }.into());
    if end != first.len() {
        return disagree("length of the header");
    }
    if manifest.bytes != header.dtype.has_object() {
        return disagree("kind of elements");
    }
    if manifest.bytes {
        // The elements are a pickle, of which the shape in the header says nothing.
        return match manifest.element == BYTE && manifest.shape.len() == 1 {
            true => Ok(header),
            false => disagree("dtype"),
        };
    }
    if manifest.element != element_of(&header.dtype) {
        return disagree("dtype");
    }
    let stored = |shape: &[usize]| {
        let mut stored: Vec<u64> = shape.iter().map(|extent| *extent as u64).collect();
        if header.order == Order::F {
            stored.reverse();
        }
        stored
    };
    if stored(&header.shape) != manifest.shape {
        return disagree("shape");
    }
    let extents: Option<Vec<usize>> = shape
        .iter()
        .map(|extent| usize::try_from(*extent).ok())
        .collect();
    header.shape = extents.ok_or(ErrorKind::Disagree { what: "shape" })?;
    if header.order == Order::F {
        header.shape.reverse();
    }
    header.layout()?;
    Ok(header)
}

/// The attribute `name` of a HEADER 1.
pub(crate) fn attribute_name(json: &[u8]) -> String {
    let attributes: Option<serde_json::Value> = serde_json::from_slice(json).ok();
    let name = attributes
        .as_ref()
        .and_then(|attributes| attributes.get("name")?.as_str());
    name.unwrap_or_default().to_owned()
}

/// As much of a dtype as codecs and filters need.
pub(crate) fn element_of(dtype: &Dtype) -> ElementType {
    let itemsize = dtype.itemsize() as u32;
    let (kind, width) = match dtype.kind() {
        Kind::Bool | Kind::Uint => (ElementKind::Unsigned, itemsize),
        Kind::Int | Kind::Datetime(_) | Kind::Timedelta(_) => (ElementKind::Signed, itemsize),
        Kind::Float => (ElementKind::Float, itemsize),
        Kind::Complex => (ElementKind::Complex, itemsize / 2),
        Kind::Unicode => (ElementKind::Unsigned, 4.min(itemsize)),
        _ => (ElementKind::Bytes, itemsize),
    };
    let endian = match dtype.byteorder() {
        _ if kind == ElementKind::Bytes => Endian::None,
        crate::ByteOrder::Little => Endian::Little,
        crate::ByteOrder::Big => Endian::Big,
        crate::ByteOrder::NotApplicable => Endian::None,
    };
    ElementType {
        kind,
        endian,
        width,
        itemsize,
    }
}
