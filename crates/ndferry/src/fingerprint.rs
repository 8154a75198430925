//! [`Fingerprint`]: what tells a source from any other, and from itself after a change.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{ErrorKind, Result};

/// Stands for the bytes of a source without reading them, so that a transfer that broke off is resumed only with the
/// same ones: see [`crate::SendOptions::resume`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    sha256: [u8; 32],
    /// A file, and what it was like when this was taken.
    file: Option<(PathBuf, Vec<u8>)>,
}

impl Fingerprint {
    /// Of a file: its device, inode, size, and times of the last change of its bytes and of what the system knows of it.
    ///
    /// # Errors
    /// [`crate::ErrorClass::System`]; [`ErrorKind::Unsupported`] for what is no regular file.
    pub fn of_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let identity = || {
            let metadata = fs::metadata(path)?;
            match metadata.is_file() {
                true => Ok(identity(path, &metadata)),
                false => Err(ErrorKind::Unsupported {
                    what: "resuming what is not sent from a file".to_owned(),
                }
                .into()),
            }
        };
        let identity: Vec<u8> =
            identity().map_err(|error: crate::Error| error.in_path(path.to_owned()))?;
        Ok(Self {
            sha256: Sha256::digest(&identity).into(),
            file: Some((path.to_owned(), identity)),
        })
    }

    /// Of anything that is different whenever the elements are: a version, a checksum.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            sha256: Sha256::digest(bytes).into(),
            file: None,
        }
    }

    /// Also of this: which part of the file it is, for instance.
    #[must_use]
    pub fn and(mut self, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new_with_prefix(self.sha256);
        hash.update(bytes);
        self.sha256 = hash.finalize().into();
        self
    }

    /// The number of a transfer that carries this part of the source.
    pub(crate) fn transfer<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
        let mut hash = Sha256::new_with_prefix(self.sha256);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let first = digest.first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first).max(1)
    }

    /// # Errors
    /// [`ErrorKind::Changed`] if the file is not what it was.
    pub(crate) fn check(&self) -> Result<()> {
        let Some((path, before)) = &self.file else {
            return Ok(());
        };
        let now = fs::metadata(path).map(|metadata| identity(path, &metadata));
        match now {
            Ok(now) if now == *before => Ok(()),
            _ => Err(crate::Error::from(ErrorKind::Changed).in_path(path)),
        }
    }
}

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> Vec<u8> {
    use std::os::unix::fs::MetadataExt;
    // The time of the bytes can be set back by anybody; the other one cannot.
    let times = [
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ];
    let numbers = [metadata.dev(), metadata.ino(), metadata.size()];
    let numbers = numbers.into_iter().flat_map(u64::to_le_bytes);
    let times = times.into_iter().flat_map(i64::to_le_bytes);
    numbers.chain(times).collect()
}

#[cfg(not(unix))]
fn identity(path: &Path, metadata: &Metadata) -> Vec<u8> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let time = metadata.modified().ok().and_then(|time| {
        let since = time.duration_since(std::time::UNIX_EPOCH);
        since.ok().map(|since| since.as_nanos())
    });
    format!("{} {} {time:?}", path.display(), metadata.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_another_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"1234").unwrap();
        let first = Fingerprint::of_file(&path).unwrap();
        assert_eq!(Fingerprint::of_file(&path).unwrap(), first);
        first.check().unwrap();
        // The clock of file systems ticks every few milliseconds only.
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::write(&path, b"1235").unwrap();
        let second = Fingerprint::of_file(&path).unwrap();
        assert_ne!(second, first);
        assert!(matches!(
            first.check().unwrap_err().kind(),
            ErrorKind::Changed
        ));
        let transfer = |print: &Fingerprint, parts: &[&[u8]]| print.transfer(parts.to_vec());
        assert_ne!(transfer(&first, &[b"x"]), transfer(&second, &[b"x"]));
        assert_ne!(
            transfer(&first, &[b"x", b""]),
            transfer(&first, &[b"", b"x"])
        );
        let part = first.clone().and(b"0:3");
        assert_ne!(transfer(&first, &[b"x"]), transfer(&part, &[b"x"]));
        assert!(Fingerprint::of_file(folder.path()).is_err());
        fs::remove_file(&path).unwrap();
        assert!(second.check().is_err());
    }
}
