//! [`Inbox`]: a folder in which each transfer becomes a file of its own.

use std::path::{Path, PathBuf};

use ndferry_io::AtomicFile;
use ndferry_npb::Ranges;

use crate::error::outside;
use crate::file_name;
use crate::input::Input;
use crate::npb_write::NpbWriter;
use crate::recv::{Incoming, ReceivedArray};
use crate::store::{NpyFile, Store};
use crate::{
    ErrorKind, Format, Interrupt, Item, LazyArray, OpenOptions, Result, SaveOptions, Source,
};

/// One transfer on its way into a folder. Its file gets its name at the end, so that no two transfers ever want the same.
#[derive(Debug)]
pub(crate) struct Inbox {
    folder: PathBuf,
    format: Format,
    overwrite: bool,
    interrupt: Interrupt,
    /// What to call the file, once anybody has said it.
    stem: Option<String>,
    /// Where it is stored meanwhile: `None` before the first array.
    store: Option<Store>,
    last: Last,
    path: Option<PathBuf>,
}

/// The name that was given last, and its number: a thousand transfers of one name need not look at all before them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last {
    path: PathBuf,
    number: u64,
}

impl Inbox {
    /// # Errors
    /// A format that nothing is received in; the folder is not there or not writable.
    pub(crate) fn new(
        folder: &Path,
        format: Format,
        overwrite: bool,
        interrupt: &Interrupt,
        last: Last,
    ) -> Result<Self> {
        let is_one = matches!(
            format,
            Format::Npb | Format::Npy | Format::Npz | Format::Pickle
        );
        if !is_one {
            let what = "a transfer".to_owned();
            return Err(ErrorKind::CannotWrite { what, format }.into());
        }
        if let Err(error) = AtomicFile::create_in(folder) {
            return Err(outside(error).in_path(folder));
        }
        Ok(Self {
            folder: folder.to_owned(),
            format,
            overwrite,
            interrupt: interrupt.clone(),
            stem: None,
            store: None,
            last,
            path: None,
        })
    }

    /// What the sender calls the transfer.
    pub(crate) fn named(&mut self, said: &str) {
        self.stem = Some(file_name::stem(said));
    }

    pub(crate) fn begin(
        &mut self,
        transfer: u64,
        info: &ReceivedArray,
        array: &Incoming,
    ) -> Result<Ranges> {
        if self.stem.is_none() {
            self.named(&info.name);
        }
        let store = match &mut self.store {
            Some(store) => store,
            None => {
                let file = AtomicFile::create_in(&self.folder).map_err(outside)?;
                let is_direct = self.format == Format::Npy && !array.manifest.growing;
                self.store.insert(match is_direct {
                    true => Store::Npy(NpyFile::new(file, &self.folder)),
                    false => Store::Npb(Some(Box::new(NpbWriter::new(file)))),
                })
            }
        };
        store.begin(transfer, info, array)
    }

    pub(crate) fn block(
        &mut self,
        number: u64,
        message: &[u8],
        raw: &[u8],
        array: &Incoming,
    ) -> Result<()> {
        let store = self.store.as_mut().ok_or(ErrorKind::NoArrays)?;
        store.block(number, message, raw, array)
    }

    pub(crate) fn lost(&mut self, number: u64) {
        if let Some(store) = &mut self.store {
            store.lost(number);
        }
    }

    pub(crate) fn end(&mut self, extent: u64) -> Result<()> {
        let store = self.store.as_mut().ok_or(ErrorKind::NoArrays)?;
        store.end(extent)
    }

    /// The file appears, under a name that no other has.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let is_npy = matches!(self.store, Some(Store::Npy(_)));
        // A transfer of no arrays at all becomes a file of none.
        let file = match self.store.take() {
            None => {
                let file = AtomicFile::create_in(&self.folder).map_err(outside)?;
                Some(NpbWriter::new(file).finish()?.0)
            }
            Some(mut store) => store.take_file()?,
        };
        let Some(file) = file else {
            return Err(ErrorKind::NoArrays.into());
        };
        let stem = self.stem.clone().unwrap_or_else(|| file_name::stem(""));
        let extension = match self.format {
            Format::Pickle => "pkl",
            format => format.name(),
        };
        let wanted = self.folder.join(format!("{stem}.{extension}"));
        let mut number = match self.last.path == wanted && !self.overwrite {
            true => self.last.number,
            false => 0,
        };
        let mut name = || {
            number += 1;
            match number {
                1 => format!("{stem}.{extension}"),
                _ => format!("{stem}-{number}.{extension}"),
            }
        };
        let path = match self.format {
            Format::Npb => file.commit_as(self.overwrite, &mut name).map_err(outside)?,
            _ if is_npy => file.commit_as(self.overwrite, &mut name).map_err(outside)?,
            _ => self.save_as(&file, &mut name)?,
        };
        self.last = Last {
            path: wanted,
            number,
        };
        self.path = Some(path);
        Ok(())
    }

    /// Another format than those in which arrays are stored as they come.
    fn save_as(&self, file: &AtomicFile, name: &mut dyn FnMut() -> String) -> Result<PathBuf> {
        let file = file.file().try_clone()?;
        let nbytes = file.metadata()?.len();
        let options = OpenOptions {
            interrupt: self.interrupt.clone(),
            ..OpenOptions::default()
        };
        let source = Source::of_input("a transfer", Input::of_file(file, nbytes), &options)?;
        let arrays: Vec<LazyArray> = source.arrays().collect();
        let item = |array| Item {
            name: LazyArray::path(array),
            array,
        };
        let items: Vec<Item<'_>> = arrays.iter().map(item).collect();
        let options = SaveOptions {
            format: Some(self.format),
            overwrite: self.overwrite,
            interrupt: self.interrupt.clone(),
            ..SaveOptions::default()
        };
        loop {
            let path = self.folder.join(name());
            if !self.overwrite && path.symlink_metadata().is_ok() {
                continue;
            }
            match crate::save(&path, &items, &options, &()) {
                // Somebody else was faster.
                Err(error) if matches!(error.kind(), ErrorKind::Exists) => {}
                saved => return saved.map(|_| path),
            }
        }
    }

    /// Where the file is, and which name the next one goes on after.
    pub(crate) fn delivered(self) -> (Option<PathBuf>, Last) {
        (self.path, self.last)
    }
}
