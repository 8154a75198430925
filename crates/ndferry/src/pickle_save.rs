//! Pickles out of what holds pickles: everything in it, not its arrays alone.

use std::io::{self, Write};
use std::path::Path;

use ndferry_io::AtomicFile;
use ndferry_pickle::{Id, Tree, TreeWriter};

use crate::error::{from_io, outside, pickle, to_io};
use crate::pickle_file::Pickled;
use crate::save::pickle_options;
use crate::{ErrorKind, Format, Objects, Progress, Result, SaveOptions, Saved, Source, Storage};

/// Bytes that are collected before they are written.
const BUFFER_NBYTES: usize = 1 << 20;

impl Source {
    /// Whether [`Self::save_pickle`] can write it, or this member of it: pickles and what joblib dumps, and arrays of
    /// objects in those, in NPY, NPZ and NPB files.
    pub fn holds_pickle(&self, member: Option<&str>) -> bool {
        let is_pickle = matches!(self.format(), Format::Pickle | Format::Joblib);
        match member {
            None if is_pickle => true,
            None => {
                let is_alone = matches!(self.format(), Format::Npy | Format::Npb);
                is_alone && self.objects_at(None).is_some()
            }
            _ => self
                .member_info(member)
                .is_ok_and(|info| info.storage == Storage::Objects),
        }
    }

    /// Writes all that a pickle holds, or an array of objects, as a pickle: values that are no arrays, how they are nested,
    /// and which of them are one object. Protocol and NumPy are those of `options`; arrays are streamed, so memory does not
    /// grow with them. Classes are neither imported nor needed.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] unless `options.overwrite`; [`ErrorKind::CannotWrite`] where [`Self::holds_pickle`] is false;
    /// [`ErrorKind::Pickle`] for what that protocol or NumPy cannot say; [`crate::ErrorClass::System`].
    pub fn save_pickle(
        &self,
        path: impl AsRef<Path>,
        member: Option<&str>,
        options: &SaveOptions,
        progress: &dyn Progress,
    ) -> Result<Saved> {
        let path = path.as_ref();
        let written = || {
            let mut file = AtomicFile::create(path, options.overwrite).map_err(outside)?;
            let saved = self.save_pickle_to(&mut file, member, options, progress)?;
            options.interrupt.check()?;
            file.commit_with(!options.unsynced).map_err(outside)?;
            Ok(saved)
        };
        written().map_err(|error: crate::Error| error.in_path(path))
    }

    /// As [`Self::save_pickle`], into a stream.
    ///
    /// # Errors
    /// As [`Self::save_pickle`].
    pub fn save_pickle_to(
        &self,
        to: &mut dyn Write,
        member: Option<&str>,
        options: &SaveOptions,
        progress: &dyn Progress,
    ) -> Result<Saved> {
        if !self.holds_pickle(member) {
            let what = "what is no pickle".to_owned();
            let format = Format::Pickle;
            return Err(ErrorKind::CannotWrite { what, format }.into());
        }
        let found = self
            .pickled(member)
            .map_err(|error| error.in_source(self.name()));
        let (pickled, roots) = found?;
        progress.start(member.unwrap_or_default(), None);
        let file_nbytes = write(pickled.tree(), &roots, self.name(), to, options, progress)?;
        progress.finish();
        let arrays = match member {
            None => self.members().iter().collect(),
            Some(_) => vec![self.member_info(member)?],
        };
        Ok(Saved {
            arrays: arrays.len(),
            nbytes: arrays.iter().map(|info| info.nbytes).sum(),
            file_nbytes,
        })
    }
}

/// Writes the pickle of an array of objects; gives its length.
pub(crate) fn pickle_objects(
    objects: &Objects,
    to: &mut dyn Write,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    write(&objects.tree, &[objects.root], "", to, options, progress)
}

/// Writes these values, a pickle each; gives the number of bytes. Errors of the values name their source.
fn write(
    tree: &Tree,
    roots: &[Id],
    source: &str,
    to: &mut dyn Write,
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<u64> {
    let mut counted = Watched {
        to,
        nbytes: 0,
        options,
        progress,
    };
    let mut buffered = io::BufWriter::with_capacity(BUFFER_NBYTES, &mut counted);
    let written = TreeWriter::new(tree, pickle_options(options)).and_then(|mut writer| {
        roots
            .iter()
            .try_for_each(|root| writer.write(*root, &mut buffered).map(|_| ()))
    });
    let flushed = buffered.flush().map_err(from_io);
    // What could not be written is not tried again.
    drop(buffered.into_parts());
    written.map_err(|error| pickle(error).in_source(source))?;
    flushed?;
    Ok(counted.nbytes)
}

impl Source {
    /// The pickle that a source or a member of it is, and the values in it that are meant.
    fn pickled(&self, member: Option<&str>) -> Result<(Pickled, Vec<Id>)> {
        let (input, options) = (self.input(), self.options());
        match self.format() {
            Format::Npy => {
                let (_, start) = crate::npy_file::header(input, &options.limits)?;
                let pickled = Pickled::parse(input, start as u64, 1, options)?;
                pickled.at(member.unwrap_or_default(), options)
            }
            Format::Npz => {
                let path = member.unwrap_or_default();
                let path = self.member_info(Some(path))?.path.as_str();
                let (name, pickled) = crate::npz_file::objects_of(input, path, options)?;
                let inner = path[name.len()..].trim_start_matches('.');
                pickled.at(inner, options)
            }
            #[cfg(feature = "npb")]
            Format::Npb => {
                if let Some(objects) = self.objects_at(member) {
                    return Ok((Pickled::of(objects), vec![objects.root]));
                }
                let array = self.array(member)?;
                let objects = array
                    .objects()
                    .ok_or_else(|| array.place(ErrorKind::Objects))?;
                Ok((Pickled::of(objects), vec![objects.root]))
            }
            _ => {
                let unpacked = crate::compressed::unpacked_input(input, options)?;
                let input = unpacked.as_ref().unwrap_or(input);
                let pickled = Pickled::parse(input, 0, options.limits.members, options)?;
                match member {
                    None => {
                        let roots = pickled.roots().to_vec();
                        Ok((pickled, roots))
                    }
                    Some(path) => pickled.at(path, options),
                }
            }
        }
    }
}

/// Counts what is written, and looks whether to go on.
struct Watched<'a> {
    to: &'a mut dyn Write,
    nbytes: u64,
    options: &'a SaveOptions,
    progress: &'a dyn Progress,
}

impl Write for Watched<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.options.interrupt.check().map_err(to_io)?;
        // Little enough that it can be stopped soon.
        let n = self.to.write(&buf[..buf.len().min(8 << 20)])?;
        self.nbytes += n as u64;
        self.progress.advance(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
