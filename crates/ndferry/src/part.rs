//! [`Part`]: what has arrived of a transfer that may break off and be resumed, in a file under a name of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndferry_npb::{
    CatalogEntry, Decoder, Event, Extent, HEAD_NBYTES, Head, Kind as MessageKind, MAGIC, Manifest,
    Place, ROOT, Ranges, Repeats,
};

use crate::error::outside;
use crate::input::Input;
use crate::lock::lock;
use crate::npb_write::{NpbWriter, Resumed};
use crate::recv::{Incoming, ReceivedArray};
use crate::{
    Error, ErrorKind, Format, Interrupt, Item, LazyArray, OpenOptions, Result, SaveOptions, Source,
};

/// Zero bytes that may stand before a head.
const MAX_PADDING: u64 = 15;

/// `OUT.part`: the messages of a transfer as they came. Killed at any moment, it keeps what was whole.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    target: PathBuf,
    format: Format,
    overwrite: bool,
    interrupt: Interrupt,
    file: File,
    writer: Option<Box<NpbWriter<File>>>,
    /// What an earlier transfer began, in order.
    begun: Vec<Begun>,
    /// How many arrays this transfer has begun.
    arrays: usize,
    /// The array under way was complete before.
    is_done: bool,
}

/// An array of an earlier transfer.
#[derive(Debug)]
struct Begun {
    transfer: u64,
    manifest: Manifest,
    headers: Vec<Vec<u8>>,
    manifest_at: u64,
    places: BTreeMap<u64, Place>,
    /// Its root INDEX, if it is complete.
    root: Option<Extent>,
}

impl Part {
    /// Opens what is there, or begins anew. Everything in it is read and compared with its checksums; it is cut before
    /// the first thing that is not whole.
    ///
    /// # Errors
    /// [`ErrorKind::NotPart`] for a file of other origin; [`ErrorKind::Exists`] if the target is there, unless
    /// `overwrite`; [`ErrorKind::UnknownExtension`]; another process receives into it; [`crate::ErrorClass::System`].
    pub(crate) fn open(
        target: &Path,
        overwrite: bool,
        limits: &ndferry_npb::Limits,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let refused = |kind: ErrorKind| Err(Error::from(kind).in_path(target));
        let Some(format) = Format::of_extension(target) else {
            return refused(ErrorKind::UnknownExtension);
        };
        if !overwrite && target.exists() {
            return refused(ErrorKind::Exists);
        }
        let path = part_path(target);
        let opened = || {
            let mut options = FileOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(&path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(ErrorKind::NotPart.into());
            }
            lock(&file)?;
            let input = Input::of_file(file.try_clone()?, metadata.len());
            let (begun, end) = read(&input, limits, interrupt)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            let done: Vec<CatalogEntry> = begun.iter().filter_map(Begun::entry).collect();
            let cataloged = begun.first().is_some_and(|first| first.manifest.cataloged);
            let writer = NpbWriter::after(file.try_clone()?, end, done, cataloged);
            Ok(Self {
                path: path.clone(),
                target: target.to_owned(),
                format,
                overwrite,
                interrupt: interrupt.clone(),
                file,
                writer: Some(Box::new(writer)),
                begun,
                arrays: 0,
                is_done: false,
            })
        };
        opened().map_err(|error: Error| error.in_path(&path))
    }

    /// Whether nothing has arrived yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// The error for a sender of something else.
    pub(crate) fn another_source(&self) -> Error {
        Error::from(ErrorKind::AnotherSource).in_path(&self.path)
    }

    /// Begins the next array; gives the tiles of it that are here already.
    pub(crate) fn begin(
        &mut self,
        transfer: u64,
        info: &ReceivedArray,
        array: &Incoming,
    ) -> Result<Ranges> {
        if array.manifest.growing {
            let what = "resuming an array that grows".to_owned();
            return Err(ErrorKind::Unsupported { what }.into());
        }
        if self.arrays > 0 && self.format == Format::Npy {
            let (what, format) = ("several arrays".to_owned(), Format::Npy);
            return Err(ErrorKind::CannotWrite { what, format }.into());
        }
        let slot = self.arrays;
        self.arrays += 1;
        self.is_done = false;
        let Some(begun) = self.begun.get(slot) else {
            let writer = self.writer()?;
            writer.begin(transfer, &info.name, &array.manifest, &array.headers)?;
            return Ok(Ranges::default());
        };
        let same = (begun.transfer, &begun.manifest, &begun.headers)
            == (transfer, &array.manifest, &array.headers);
        if !same {
            return Err(self.another_source());
        }
        let mut held = Ranges::default();
        for number in begun.places.keys() {
            held.insert(*number);
        }
        self.is_done = begun.root.is_some();
        if !self.is_done {
            let resumed = Resumed {
                transfer,
                name: info.name.clone(),
                manifest_at: begun.manifest_at,
                manifest: begun.manifest.clone(),
                headers: begun.headers.clone(),
                places: begun.places.clone(),
                slot: None,
            };
            self.writer()?.resume(resumed);
        }
        Ok(held)
    }

    /// A tile in the message it came in, which has been checked.
    pub(crate) fn block(&mut self, number: u64, message: &[u8]) -> Result<()> {
        let writer = self.writer.as_mut().ok_or(ErrorKind::NoArrays)?;
        writer.arrived(number, message)
    }

    pub(crate) fn end(&mut self, extent: u64) -> Result<()> {
        match self.is_done {
            true => Ok(()),
            false => self.writer()?.end(extent),
        }
    }

    /// All has arrived: the target appears, whole, and the part is gone.
    pub(crate) fn commit(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        if self.format == Format::Npb {
            let renamed =
                ndferry_io::rename_synced(&self.file, &self.path, &self.target, self.overwrite);
            return renamed.map_err(outside);
        }
        let options = OpenOptions {
            interrupt: self.interrupt.clone(),
            ..OpenOptions::default()
        };
        let source = Source::open(&self.path, &options)?;
        let arrays: Vec<LazyArray> = source.arrays().collect();
        let item = |array| Item {
            name: LazyArray::path(array),
            array,
        };
        let items: Vec<Item<'_>> = arrays.iter().map(item).collect();
        let options = SaveOptions {
            overwrite: self.overwrite,
            interrupt: self.interrupt.clone(),
            ..SaveOptions::default()
        };
        crate::save(&self.target, &items, &options, &())?;
        Ok(fs::remove_file(&self.path)?)
    }

    /// The transfer broke off. What has arrived stays, unless that is nothing.
    pub(crate) fn leave(&self) {
        if self
            .writer
            .as_ref()
            .is_some_and(|writer| writer.nbytes() == 0)
        {
            // An empty file does no harm either.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn writer(&mut self) -> Result<&mut NpbWriter<File>> {
        // Taken by `commit` alone, after which nothing comes.
        Ok(self.writer.as_mut().ok_or(ErrorKind::NoArrays)?)
    }
}

impl Begun {
    /// What the catalog says of it, once it is complete.
    fn entry(&self) -> Option<CatalogEntry> {
        let name = self.headers.get(1);
        Some(CatalogEntry {
            name: name.map_or(String::new(), |json| crate::npb_file::attribute_name(json)),
            transfer: self.transfer,
            manifest: self.manifest_at,
            root: self.root?,
        })
    }
}

/// `OUT.part`.
fn part_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The arrays of a part, and where what is whole ends.
fn read(
    input: &Input,
    limits: &ndferry_npb::Limits,
    interrupt: &Interrupt,
) -> Result<(Vec<Begun>, u64)> {
    let nbytes = input.nbytes();
    let magic = input.bytes(0, nbytes.min(MAGIC.len() as u64))?;
    if !MAGIC.starts_with(&magic) {
        return Err(ErrorKind::NotPart.into());
    }
    let mut decoder = Decoder::new(limits.clone(), Repeats::Replace);
    let mut begun: Vec<Begun> = Vec::new();
    // Of the array under way, until its last HEADER.
    let mut first: Option<Begun> = None;
    let (mut at, mut end, mut ended) = (0, 0, false);
    loop {
        interrupt.check()?;
        let ahead = input.bytes(at, (nbytes - at).min(MAX_PADDING + HEAD_NBYTES as u64))?;
        let zeros = ahead.iter().take(MAX_PADDING as usize);
        let padding = zeros.take_while(|byte| **byte == 0).count();
        let Ok(head) = Head::parse(&ahead[padding..]) else {
            break;
        };
        let offset = at + padding as u64;
        let fits =
            head.message_nbytes() <= nbytes - offset && head.body_nbytes <= limits.body_nbytes();
        if !fits || matches!(head.kind, MessageKind::Catalog | MessageKind::Tail) {
            break;
        }
        let message = input.bytes(offset, head.message_nbytes())?;
        let Ok(event) = decoder.feed(&message) else {
            break;
        };
        at = offset + head.message_nbytes();
        match event {
            Event::Manifest(manifest) => {
                ended = false;
                first = Some(Begun {
                    transfer: head.transfer,
                    manifest: manifest.clone(),
                    headers: Vec::new(),
                    manifest_at: offset,
                    places: BTreeMap::new(),
                    root: None,
                });
            }
            Event::Header(_, bytes) => {
                let Some(mut array) = first.take() else { break };
                array.headers.push(bytes.to_vec());
                match array.headers.len() == array.manifest.header_blocks as usize {
                    true => {
                        begun.push(array);
                        end = at;
                    }
                    false => first = Some(array),
                }
            }
            Event::Block(block) => {
                let Some(array) = begun.last_mut() else { break };
                let nbytes = head.body_nbytes as u32;
                array.places.insert(block.number, Place { offset, nbytes });
                end = at;
            }
            Event::End(_) => ended = true,
            // Without its root INDEX an array ends again.
            Event::Skipped if head.kind == MessageKind::Index && head.sequence == ROOT && ended => {
                let Some(array) = begun.last_mut() else { break };
                let nbytes = head.message_nbytes();
                array.root = Some(Extent { offset, nbytes });
                end = at;
            }
            _ => {}
        }
    }
    Ok((begun, end))
}
