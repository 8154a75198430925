//! Adding to an NPB file that is there: rows and regions to one of its arrays, or further arrays.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use ndferry_npb::{CatalogEntry, IndexPart, Kind as MessageKind, PART_TILES, Place, Scanner};

use crate::error::npb;
use crate::input::Input;
use crate::npb_edit::{CreateOptions, NpbFile, Resumable, lock};
use crate::npb_file::{Found, found_in_scan, header_of, indexed, message, npb_limits};
use crate::npb_write::{NpbWriter, Resumed};
use crate::recipe::Recipe;
use crate::stored::tiles::Places;
use crate::{Error, ErrorKind, Item, Limits, Packing, Progress, Result, SaveOptions, Saved};

/// A file that is open for adding to it.
struct Existing {
    file: File,
    input: Input,
    arrays: Vec<Found>,
    /// What the catalog says of them, or would say.
    entries: Vec<CatalogEntry>,
    /// Where to go on.
    end: u64,
}

impl NpbFile {
    /// Opens an array of a file to go on filling it: the named one, or the only one. A file of one array that a killed
    /// process left without an index is cut after its last whole message; one that is damaged must be repaired first
    /// ([`crate::repair()`]). Of the options, name, order, tile and `overwrite` do not matter; tiles are packed as they
    /// were unless `packing` says otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::NoMember`], [`ErrorKind::SeveralArrays`]; damage; [`ErrorKind::System`], also if another process is
    /// writing to it.
    pub fn open(
        path: impl AsRef<Path>,
        member: Option<&str>,
        options: CreateOptions,
    ) -> Result<Self> {
        let path = path.as_ref();
        let opened = || {
            let existing = Existing::open(path, &options)?;
            existing.resume(path, member, &options)
        };
        opened().map_err(|error: Error| error.in_path(path))
    }
}

/// Adds arrays to an NPB file. What is in it stays as it is; if anything fails, so does its end.
///
/// # Errors
/// [`ErrorKind::Exists`] for a name that is taken; whatever reading the arrays brings; damage; [`ErrorKind::System`], also
/// if another process is writing to the file.
pub fn append(
    path: impl AsRef<Path>,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<Saved> {
    let path = path.as_ref();
    let appended = || {
        let create = CreateOptions {
            interrupt: options.interrupt.clone(),
            ..CreateOptions::default()
        };
        let existing = Existing::open(path, &create)?;
        if existing.end != existing.input.nbytes() {
            return Err(existing.no_index());
        }
        for (i, item) in items.iter().enumerate() {
            let mut names = existing.entries.iter().map(|entry| &entry.name[..]);
            let mut before = items[..i].iter().map(|item| item.name);
            if names.any(|name| name == item.name) || before.any(|name| name == item.name) {
                return Err(Error::from(ErrorKind::Exists).in_member(item.name));
            }
            if item.array.dtype().has_object() && item.array.objects().is_none() {
                return Err(item.array.place(ErrorKind::Objects));
            }
        }
        let (end, file) = (existing.end, existing.file);
        let added = || {
            let at_end = at(&file, end)?;
            let mut writer = NpbWriter::after(at_end, end, existing.entries.clone(), true);
            for item in items {
                crate::save::write_npb_item(&mut writer, *item, true, options, progress)?;
            }
            options.interrupt.check()?;
            let (file, nbytes) = writer.finish()?;
            file.sync_all()?;
            Ok(nbytes)
        };
        let file_nbytes = added().inspect_err(|_: &Error| {
            // If that fails too, readers find the end of what is whole by themselves.
            let _ = file.set_len(end);
        })?;
        Ok(Saved {
            arrays: items.len(),
            nbytes: items.iter().map(|item| item.array.nbytes()).sum(),
            file_nbytes,
        })
    };
    appended().map_err(|error: Error| error.in_path(path))
}

impl Existing {
    fn open(path: &Path, options: &CreateOptions) -> Result<Self> {
        let file = FileOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let limits = Limits::default();
        let input = Input::open(path, &limits)?;
        let (arrays, end) = match indexed(&input, &npb_limits(&limits)) {
            Ok(arrays) => (arrays, input.nbytes()),
            Err(error) => {
                let mut scanner = Scanner::new(input.nbytes(), npb_limits(&limits));
                while let Some(need) = scanner.need() {
                    options.interrupt.check()?;
                    scanner.give(&input.bytes(need.offset, need.nbytes)?);
                }
                let scan = scanner.finish();
                let end = scan.end;
                let only_cut = scan.damaged.iter().all(|range| range.start >= end);
                let arrays = found_in_scan(scan);
                if !only_cut || arrays.len() != 1 {
                    return Err(error);
                }
                (arrays, end)
            }
        };
        let entries = arrays.iter().map(|found| CatalogEntry {
            name: found.name.clone().unwrap_or_default(),
            transfer: found.transfer,
            manifest: found.manifest_at,
            root: found.root,
        });
        Ok(Self {
            entries: entries.collect(),
            file,
            input,
            arrays,
            end,
        })
    }

    fn no_index(&self) -> Error {
        let (needed, found) = (self.input.nbytes() + 1, self.input.nbytes());
        ErrorKind::Truncated { needed, found }.at(self.end)
    }

    fn resume(
        mut self,
        path: &Path,
        member: Option<&str>,
        options: &CreateOptions,
    ) -> Result<NpbFile> {
        let slot = self.slot(member)?;
        let found = self.arrays.remove(slot);
        let header = header_of(
            &found.manifest,
            &found.headers,
            &found.shape,
            &Limits::default(),
        )?;
        if header.dtype.has_object() {
            return Err(ErrorKind::Objects.into());
        }
        let recipe = match options.packing {
            packing if packing == Packing::default() => Recipe {
                codec: found.manifest.codec,
                level: found.manifest.level,
                filter: found.manifest.filter,
            },
            packing => Recipe::new(packing, &found.manifest.element, || Ok(Vec::new()))?,
        };
        // What a killed process began to write, and an end that was one.
        self.file.set_len(self.end)?;
        let places = places(&self.input, found.places)?;
        let cataloged = self.entries.len() > 1 || found.manifest.cataloged;
        let (name, manifest_at) = match self.entries.get(slot) {
            Some(entry) => (entry.name.clone(), entry.manifest),
            None => Default::default(),
        };
        let to = at(&self.file, self.end)?;
        let mut options = options.clone();
        options.name = found.name.unwrap_or_default();
        let mut writer = NpbWriter::after(to, self.end, self.entries, cataloged);
        writer.resume(Resumed {
            transfer: found.transfer,
            name,
            manifest_at,
            manifest: found.manifest.clone(),
            headers: found.headers,
            places,
            slot: Some(slot),
        });
        let resumable = Resumable {
            writer,
            reader: self.file,
            dtype: header.dtype,
            order: header.order,
            manifest: found.manifest,
            shape: Some(found.shape),
            recipe,
        };
        NpbFile::of(path, resumable, options)
    }

    fn slot(&self, member: Option<&str>) -> Result<usize> {
        let names = || self.entries.iter().map(|entry| entry.name.clone());
        match (member, self.entries.len()) {
            (_, 0) => Err(ErrorKind::NoArrays.into()),
            (None, 1) => Ok(0),
            (None, count) => {
                let present = names().take(8).collect();
                Err(ErrorKind::SeveralArrays { count, present }.into())
            }
            (Some(wanted), _) => {
                let slot = self.entries.iter().position(|entry| entry.name == wanted);
                let (wanted, present) = (wanted.to_owned(), names().take(8).collect());
                Ok(slot.ok_or(ErrorKind::NoMember { wanted, present })?)
            }
        }
    }
}

/// The same file, to be written to from there on.
fn at(file: &File, nbytes: u64) -> Result<File> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(nbytes))?;
    Ok(file)
}

/// Where all tiles are.
fn places(input: &Input, places: Places) -> Result<BTreeMap<u64, Place>> {
    let parts = match places {
        Places::Known(places) => return Ok(places),
        Places::Indexed(parts) => parts,
    };
    let limits = npb_limits(&Limits::default());
    let mut places = BTreeMap::new();
    for (number, part) in (0..).zip(parts) {
        let (_, body) = message(input, part, MessageKind::Index, &limits)?;
        let part = IndexPart::parse(number, &body).map_err(npb)?;
        let numbered = (number * PART_TILES..).zip(part.places);
        places.extend(numbered.filter(|(_, place)| place.offset != 0));
    }
    Ok(places)
}
