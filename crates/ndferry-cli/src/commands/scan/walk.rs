//! Files, and what lies in folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ndferry::source_name;

use crate::report::Session;

/// A file to look at.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// As it is shown.
    pub(super) name: String,
    /// Whether it was named, not found in a folder.
    pub(super) is_named: bool,
}

/// All files, those of a folder in the order of their names; and the folders that cannot be read. Links to folders are
/// not followed, so that nothing is met twice.
pub(super) fn files(
    paths: &[PathBuf],
    session: &Session,
) -> anyhow::Result<(Vec<File>, Vec<anyhow::Error>)> {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let is_folder = path != Path::new("-") && path.is_dir();
        if !is_folder {
            files.push(file(path.clone(), true));
            continue;
        }
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            if session.interrupt.is_set() {
                return Err(ndferry::Error::from(ndferry::ErrorKind::Interrupted).into());
            }
            let mut entries = match entries(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            entries.sort();
            let mut inner = Vec::new();
            for (path, is_folder) in entries {
                match is_folder {
                    true => inner.push(path),
                    // A link is looked through; pipes and devices may have no end.
                    false if path.is_file() => files.push(file(path, false)),
                    false => {}
                }
            }
            folders.extend(inner.into_iter().rev());
        }
    }
    Ok((files, errors))
}

fn entries(folder: &Path) -> anyhow::Result<Vec<(PathBuf, bool)>> {
    let context = || folder.display().to_string();
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let is_folder = entry.file_type().with_context(context)?.is_dir();
        out.push((entry.path(), is_folder));
    }
    Ok(out)
}

fn file(path: PathBuf, is_named: bool) -> File {
    File {
        name: source_name(&path),
        path,
        is_named,
    }
}
