//! [`AtomicFile`]: a file that appears whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::reserve::Reserve;
use crate::{Error, Result};

/// A file under its final name only after [`Self::commit`]; dropped before, it leaves nothing.
///
/// Until then it has no name at all, so that even a killed process leaves nothing behind, or a temporary one in the same
/// folder where the file system knows no files without names.
///
/// A symbolic link is followed: what it points to is replaced. What is not a regular file (`/dev/null`, a FIFO) is
/// written to directly. A new file gets the permissions that the umask leaves; a replaced one keeps its own.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    place: Place,
    /// The file's.
    position: u64,
    reserve: Reserve,
    target: PathBuf,
    overwrite: bool,
    permissions: Option<fs::Permissions>,
}

#[derive(Debug)]
enum Place {
    /// In the target's folder, without a name.
    #[cfg(target_os = "linux")]
    Nameless,
    /// Beside the target.
    Temporary(TempPath),
    /// The target itself.
    Direct,
}

impl AtomicFile {
    /// Begins to write `path`.
    ///
    /// # Errors
    /// [`Error::Exists`] unless `overwrite`; the folder does not exist or is not writable.
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<Self> {
        let path = path.as_ref();
        let existing = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
            }
            Ok(metadata) if !metadata.is_file() => {
                return Ok(Self {
                    file: OpenOptions::new().write(true).open(path)?,
                    place: Place::Direct,
                    position: 0,
                    reserve: Reserve::default(),
                    target: path.to_owned(),
                    overwrite,
                    permissions: None,
                });
            }
            Ok(_) if !overwrite => return Err(Error::Exists(path.to_owned())),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let target = follow(path)?;
        let (file, place) = begin(&target)?;
        Ok(Self {
            file,
            place,
            position: 0,
            reserve: Reserve::default(),
            target,
            overwrite,
            permissions: existing.map(|metadata| metadata.permissions()),
        })
    }

    /// Begins to write a file in this folder that gets its name later, by [`Self::commit_as`].
    ///
    /// # Errors
    /// The folder does not exist or is not writable.
    pub fn create_in(folder: impl AsRef<Path>) -> Result<Self> {
        let target = folder.as_ref().join("unnamed");
        let (file, place) = begin(&target)?;
        Ok(Self {
            file,
            place,
            position: 0,
            reserve: Reserve::default(),
            target,
            overwrite: false,
            permissions: None,
        })
    }

    /// The file that is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether it can be sought in, read again, and written by position. Devices and pipes cannot.
    pub fn is_seekable(&self) -> bool {
        !matches!(self.place, Place::Direct)
    }

    /// Writes all of `buf` at `offset`, wherever the file's position is; several threads may do so at once.
    ///
    /// # Errors
    /// What the system says; always if it is not [seekable](Self::is_seekable).
    pub fn write_all_at(&self, buf: &[u8], offset: u64) -> Result<()> {
        if !self.is_seekable() {
            return Err(io::Error::from(io::ErrorKind::NotSeekable).into());
        }
        self.reserve
            .before(&self.file, offset.saturating_add(buf.len() as u64));
        let mut done = 0;
        while done < buf.len() {
            let at = offset
                .checked_add(done as u64)
                .ok_or(io::Error::from(io::ErrorKind::FileTooLarge))?;
            match write_at(&self.file, &buf[done..], at) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Syncs the file, gives it its name, and syncs the folder.
    ///
    /// # Errors
    /// [`Error::Exists`] if somebody else made it meanwhile; what the system says. Nothing has changed then.
    pub fn commit(self) -> Result<()> {
        self.commit_with(true)
    }

    /// As [`Self::commit`], but does not wait for the disk unless `sync`: then a killed process still leaves the whole file
    /// or none, a power cut may leave anything.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_with(mut self, sync: bool) -> Result<()> {
        if matches!(self.place, Place::Direct) {
            return Ok(());
        }
        self.reserve.give_back(&self.file)?;
        if let Some(permissions) = self.permissions.take() {
            self.file.set_permissions(permissions)?;
        }
        if sync {
            self.file.sync_all()?;
        }
        let target = self.target.clone();
        let folder = Folder::open(folder(&target))?;
        let overwrite = self.overwrite;
        self.name(&target, overwrite)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists(target.clone()),
                _ => error.into(),
            })?;
        match sync {
            true => folder.sync(),
            false => Ok(()),
        }
    }

    /// As [`Self::commit`], under the first of these names, in the same folder, that nobody has yet; or under the first one
    /// if it may be replaced. A symbolic link of that name is not followed. Gives the path.
    ///
    /// # Errors
    /// What the system says.
    pub fn commit_as(
        mut self,
        overwrite: bool,
        names: &mut dyn FnMut() -> String,
    ) -> Result<PathBuf> {
        self.reserve.give_back(&self.file)?;
        self.file.sync_all()?;
        let folder_path = folder(&self.target).to_owned();
        let folder = Folder::open(&folder_path)?;
        loop {
            let path = folder_path.join(names());
            match self.name(&path, overwrite) {
                Ok(()) => {
                    folder.sync()?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !overwrite => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the file this name; if that fails, it can be given another.
    fn name(&mut self, target: &Path, overwrite: bool) -> io::Result<()> {
        match std::mem::replace(&mut self.place, Place::Direct) {
            Place::Direct => Ok(()),
            #[cfg(target_os = "linux")]
            Place::Nameless => {
                self.place = Place::Nameless;
                nameless::name(&self.file, target, overwrite)
            }
            Place::Temporary(path) => {
                let named = match overwrite {
                    true => path.persist(target),
                    false => path.persist_noclobber(target),
                };
                named.map_err(|failed| {
                    self.place = Place::Temporary(failed.path);
                    failed.error
                })
            }
        }
    }
}

/// Syncs a file that has a name already, gives it another one, and syncs the folder. For what should outlive a process
/// that is killed, as an [`AtomicFile`] does not.
///
/// # Errors
/// [`Error::Exists`] if the target is there, unless `overwrite`; what the system says. Nothing has changed then.
pub fn rename_synced(file: &File, from: &Path, to: &Path, overwrite: bool) -> Result<()> {
    let target = follow(to)?;
    match fs::metadata(&target) {
        Ok(_) if !overwrite => return Err(Error::Exists(to.to_owned())),
        Ok(metadata) => file.set_permissions(metadata.permissions())?,
        Err(_) => {}
    }
    file.sync_all()?;
    let folder = Folder::open(folder(&target))?;
    // `tempfile` knows how each system renames without replacing anything.
    let named = TempPath::try_from_path(from)?;
    let renamed = match overwrite {
        true => named.persist(&target),
        false => named.persist_noclobber(&target),
    };
    if let Err(mut failed) = renamed {
        // What was to be renamed is no temporary file.
        failed.path.disable_cleanup(true);
        return Err(match failed.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(to.to_owned()),
            _ => failed.error.into(),
        });
    }
    folder.sync()
}

/// Opens the file that will become `target`.
fn begin(target: &Path) -> Result<(File, Place)> {
    #[cfg(target_os = "linux")]
    if let Some(file) = nameless::create(folder(target))? {
        return Ok((file, Place::Nameless));
    }
    begin_named(target)
}

fn begin_named(target: &Path) -> Result<(File, Place)> {
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(target);
    builder.prefix(&prefix).suffix(".part");
    // As any program creates files: the system takes away what the umask forbids.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, path) = builder.tempfile_in(folder(target))?.into_parts();
    Ok((file, Place::Temporary(path)))
}

/// How a temporary file's name begins. Names have at most 255 bytes.
fn prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{}.", name.chars().take(32).collect::<String>())
}

/// Files without a name (`O_TMPFILE`), which the system removes when their last descriptor is closed, however that
/// comes about.
#[cfg(target_os = "linux")]
mod nameless {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags};
    use rustix::io::Errno;

    /// `None` where the file system has no such files, or where they could not get a name later.
    pub(super) fn create(folder: &Path) -> io::Result<Option<File>> {
        if !Path::new("/proc/self/fd").exists() {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, folder, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => Ok(Some(file.into())),
            // `man 2 open`: file systems or kernels that do not have it.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file its name.
    pub(super) fn name(file: &File, target: &Path, overwrite: bool) -> io::Result<()> {
        match link(file, target) {
            Err(error) if overwrite && error.kind() == io::ErrorKind::AlreadyExists => {
                // A link never replaces a file, but a rename does.
                let folder = super::folder(target);
                tempfile::Builder::new()
                    .prefix(&super::prefix(target))
                    .suffix(".part")
                    .make_in(folder, |path| link(file, path))?
                    .into_temp_path()
                    .persist(target)
                    .map_err(|failed| failed.error)
            }
            other => other,
        }
    }

    fn link(file: &File, path: &Path) -> io::Result<()> {
        // As `man 2 open` shows for O_TMPFILE; without /proc it would need a capability.
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, from, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
    }
}

/// The file that a path means: the end of a chain of symbolic links, which need not be there yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows (`man 7 path_resolution`).
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder(&path).join(next),
            // Not a link, or not there yet.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(unix)]
fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, buf, offset)
}

#[cfg(windows)]
fn write_at(file: &File, buf: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, buf, offset)
}

impl AtomicFile {
    /// Before so many bytes are written where the file's position is.
    fn before_writing(&mut self, nbytes: usize) {
        if self.is_seekable() {
            let end = self.position.saturating_add(nbytes as u64);
            self.reserve.before(&self.file, end);
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.before_writing(buf.len());
        let n = self.file.write(buf)?;
        self.position += n as u64;
        Ok(n)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.before_writing(parts.iter().map(|part| part.len()).sum());
        let n = self.file.write_vectored(parts)?;
        self.position += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for AtomicFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A folder, opened before anything is changed in it. A new name is on the disk only when its folder is.
struct Folder(Option<File>);

impl Folder {
    fn open(path: &Path) -> Result<Self> {
        if cfg!(windows) {
            return Ok(Self(None));
        }
        match File::open(path) {
            Ok(folder) => Ok(Self(Some(folder))),
            // One may write into a folder that one may not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(self) -> Result<()> {
        use io::ErrorKind::{InvalidInput, Unsupported};
        match self.0.map_or(Ok(()), |folder| folder.sync_all()) {
            // Some file systems cannot sync folders.
            Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
            other => Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// As [`AtomicFile::create`], and as it works where files need names.
    type Create = fn(&Path, bool) -> Result<AtomicFile>;
    const WAYS: [Create; 2] = [
        |path, overwrite| AtomicFile::create(path, overwrite),
        |path, overwrite| {
            let mut file = AtomicFile::create(path, overwrite)?;
            (file.file, file.place) = begin_named(&file.target)?;
            Ok(file)
        },
    ];

    #[test]
    fn appears_only_when_committed() {
        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("a.npy");
            let mut file = create(&target, false).unwrap();
            file.write_all(b"world").unwrap();
            file.write_all_at(b"W", 0).unwrap();
            file.write_all(b"!").unwrap();
            assert!(!target.exists());
            file.commit().unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"World!");
            assert_eq!(names(folder.path()), ["a.npy"]);
        }
    }

    #[test]
    fn a_name_that_comes_late_is_one_that_nobody_has() {
        let in_folder: [fn(&Path) -> Result<AtomicFile>; 2] = [
            |folder| AtomicFile::create_in(folder),
            |folder| {
                let mut file = AtomicFile::create_in(folder)?;
                (file.file, file.place) = begin_named(&file.target)?;
                Ok(file)
            },
        ];
        for create in in_folder {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::write(path("a-1"), b"old").unwrap();
            fs::create_dir(path("a-2")).unwrap();
            for (overwrite, given) in [(false, "a-3"), (false, "a-4"), (true, "a-1")] {
                let mut file = create(folder.path()).unwrap();
                file.write_all(b"new").unwrap();
                let mut numbers = 1..;
                let mut names = || format!("a-{}", numbers.next().unwrap());
                assert_eq!(file.commit_as(overwrite, &mut names).unwrap(), path(given));
                assert_eq!(fs::read(path(given)).unwrap(), b"new");
            }
            drop(create(folder.path()).unwrap());
            assert_eq!(names(folder.path()), ["a-1", "a-2", "a-3", "a-4"]);
            #[cfg(unix)]
            {
                std::os::unix::fs::symlink(path("elsewhere"), path("b")).unwrap();
                let mut said = ["c", "b"].into_iter().rev().map(str::to_owned);
                let mut names = || said.next().unwrap();
                let given = create(folder.path()).unwrap().commit_as(false, &mut names);
                assert_eq!(given.unwrap(), path("c"));
                let mut names = || "b".to_owned();
                create(folder.path())
                    .unwrap()
                    .commit_as(true, &mut names)
                    .unwrap();
                assert!(!path("elsewhere").exists());
                assert!(!path("b").is_symlink());
            }
        }
    }

    #[test]
    fn leaves_nothing_and_changes_nothing_when_dropped() {
        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("a.npy");
            fs::write(&target, b"old").unwrap();
            let mut file = create(&target, true).unwrap();
            file.write_all(b"new").unwrap();
            drop(file);
            assert_eq!(fs::read(&target).unwrap(), b"old");
            assert_eq!(names(folder.path()), ["a.npy"]);
        }
    }

    #[test]
    fn replaces_only_with_leave_asked_at_the_start_and_at_the_end() {
        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("a.npy");
            let late = create(&target, false).unwrap();
            fs::write(&target, b"somebody else's").unwrap();
            assert!(matches!(late.commit(), Err(Error::Exists(_))));
            assert!(matches!(create(&target, false), Err(Error::Exists(_))));
            assert_eq!(fs::read(&target).unwrap(), b"somebody else's");
            let mut file = create(&target, true).unwrap();
            file.write_all(b"ours").unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"ours");
            assert_eq!(names(folder.path()), ["a.npy"]);
        }
    }

    #[test]
    fn names_may_be_as_long_as_names_can_be() {
        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("\u{1F98B}".repeat(63));
            create(&target, false).unwrap().commit().unwrap();
            create(&target, true).unwrap().commit().unwrap();
            assert_eq!(names(folder.path()).len(), 1);
        }
    }

    #[test]
    fn folders_and_missing_folders_are_errors() {
        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            assert!(create(folder.path(), true).is_err());
            assert!(create(&folder.path().join("no/a.npy"), true).is_err());
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_even_if_they_lead_nowhere_yet() {
        use std::os::unix::fs::symlink;

        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::create_dir(at("data")).unwrap();
            symlink("data/real.npy", at("link.npy")).unwrap();
            symlink("link.npy", at("link2.npy")).unwrap();
            for (overwrite, text) in [(false, b"one"), (true, b"two")] {
                let mut file = create(&at("link2.npy"), overwrite).unwrap();
                file.write_all(text).unwrap();
                file.commit().unwrap();
                assert_eq!(fs::read(at("data/real.npy")).unwrap(), text);
                assert!(at("link2.npy").is_symlink());
            }
            symlink("loop.npy", at("loop.npy")).unwrap();
            assert!(create(&at("loop.npy"), true).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn permissions_follow_the_umask_or_the_file_that_is_replaced() {
        use std::os::unix::fs::PermissionsExt;

        for create in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
            fs::write(at("plain"), b"").unwrap();
            create(&at("new"), false).unwrap().commit().unwrap();
            assert_eq!(mode("new"), mode("plain"));
            for bits in [0o640, 0o666] {
                fs::set_permissions(at("new"), PermissionsExt::from_mode(bits)).unwrap();
                create(&at("new"), true).unwrap().commit().unwrap();
                assert_eq!(mode("new"), bits);
            }
        }
    }

    #[test]
    fn a_file_with_a_name_gets_another_one_or_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.part"), b"new").unwrap();
        fs::write(at("a"), b"old").unwrap();
        let file = File::open(at("a.part")).unwrap();
        let error = rename_synced(&file, &at("a.part"), &at("a"), false).unwrap_err();
        assert!(matches!(error, Error::Exists(path) if path == at("a")));
        let nowhere = at("nowhere").join("a");
        assert!(rename_synced(&file, &at("a.part"), &nowhere, true).is_err());
        assert_eq!(names(folder.path()), ["a", "a.part"]);
        rename_synced(&file, &at("a.part"), &at("b"), false).unwrap();
        rename_synced(&file, &at("b"), &at("a"), true).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(at("a")).unwrap(), b"new");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_are_written_straight_and_tell_when_they_are_full() {
        let mut null = AtomicFile::create("/dev/null", false).unwrap();
        assert!(!null.is_seekable());
        assert!(null.write_all_at(b"x", 0).is_err());
        null.write_all(b"x").unwrap();
        null.commit().unwrap();
        let mut full = AtomicFile::create("/dev/full", false).unwrap();
        let error = full.write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
