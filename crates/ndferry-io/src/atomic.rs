//! [`AtomicFile`]: a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::{Error, Result};

/// A file under its final name only after [`Self::commit`]. Until then it is a temporary file in the same folder, which
/// is removed when this is dropped.
///
/// What is not a regular file (`/dev/null`, a FIFO) is written to directly.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    place: Place,
    target: PathBuf,
    overwrite: bool,
}

#[derive(Debug)]
enum Place {
    /// Beside the target.
    Temporary(TempPath),
    /// The target itself.
    Direct,
}

impl AtomicFile {
    /// Begins to write `path`. A symbolic link is followed, so that what it points to is replaced.
    ///
    /// # Errors
    /// [`Error::Exists`] unless `overwrite`; the folder does not exist or is not writable.
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<Self> {
        let path = path.as_ref();
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = fs::metadata(&target).ok();
        if existing.as_ref().is_some_and(|metadata| metadata.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if existing
            .as_ref()
            .is_some_and(|metadata| !metadata.is_file())
        {
            let file = OpenOptions::new().write(true).open(&target)?;
            return Ok(Self {
                file,
                place: Place::Direct,
                target,
                overwrite,
            });
        }
        if existing.is_some() && !overwrite {
            return Err(Error::Exists(path.to_owned()));
        }
        let mut builder = tempfile::Builder::new();
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{}.", name.chars().take(64).collect::<String>());
        builder.prefix(&prefix).suffix(".part");
        let permissions = match &existing {
            Some(metadata) => Some(metadata.permissions()),
            None => new_file_permissions(),
        };
        if let Some(permissions) = permissions {
            // As any program creates files: the system takes away what the umask forbids.
            builder.permissions(permissions);
        }
        let (file, place) = builder.tempfile_in(folder(&target))?.into_parts();
        Ok(Self {
            file,
            place: Place::Temporary(place),
            target,
            overwrite,
        })
    }

    /// The file that is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file, gives it its name, and syncs the folder.
    ///
    /// # Errors
    /// [`Error::Exists`] if somebody else made it meanwhile; what the system says. Nothing is left behind then.
    pub fn commit(self) -> Result<()> {
        match self.place {
            Place::Direct => Ok(()),
            Place::Temporary(path) => {
                self.file.sync_all()?;
                let persisted = match self.overwrite {
                    true => path.persist(&self.target),
                    false => path.persist_noclobber(&self.target),
                };
                persisted.map_err(|failed| match failed.error.kind() {
                    io::ErrorKind::AlreadyExists => Error::Exists(self.target.clone()),
                    _ => failed.error.into(),
                })?;
                sync_folder(&folder(&self.target))
            }
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.file.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for AtomicFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read(buf)
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(unix)]
fn new_file_permissions() -> Option<fs::Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn new_file_permissions() -> Option<fs::Permissions> {
    None
}

/// The new name is on the disk only when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems cannot sync folders.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        other => Ok(other?),
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_appears_at_its_commit_or_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let mut file = AtomicFile::create(&path, false).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());
        let mut file = AtomicFile::create(&path, false).unwrap();
        file.write_all(b"whole").unwrap();
        file.commit().unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(folder.path()).len()),
            (b"whole".to_vec(), 1)
        );
    }

    #[test]
    fn nothing_is_replaced_without_leave() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let first = AtomicFile::create(&path, false).unwrap();
        AtomicFile::create(&path, false).unwrap().commit().unwrap();
        assert!(matches!(first.commit(), Err(Error::Exists(_))));
        assert!(matches!(
            AtomicFile::create(&path, false),
            Err(Error::Exists(_))
        ));
        let mut third = AtomicFile::create(&path, true).unwrap();
        third.write_all(b"3").unwrap();
        third.commit().unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(folder.path()).len()),
            (b"3".to_vec(), 1)
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link, true).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mut null = AtomicFile::create("/dev/null", false).unwrap();
        null.write_all(b"x").unwrap();
        null.commit().unwrap();
        let mut full = AtomicFile::create("/dev/full", false).unwrap();
        assert!(full.write_all(b"x").is_err());
    }
}
