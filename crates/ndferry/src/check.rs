//! [`check`]: is a file from elsewhere readable, safe and intact?

use std::path::Path;

use crate::{Error, ErrorKind, Format, OpenOptions, Progress, Result, Safety};

/// How to check.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Limits and interrupt.
    pub open: OpenOptions,
    /// Names (`module.name`) that count as safe beyond the built-in list.
    pub allow: Vec<String>,
}

/// Everything found about a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is, if that could be told.
    pub format: Option<Format>,
    /// The verdict on its pickles.
    pub safety: Safety,
    /// What is wrong with it; empty if nothing is.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It cannot be read, or not all of it.
    Unreadable(Error),
    /// Bytes after the end of what the format describes.
    TrailingBytes {
        /// Where they begin.
        offset: u64,
        /// How many there are.
        nbytes: u64,
    },
    /// Its pickles are not clean.
    Unsafe(Safety),
}

impl Finding {
    /// Readable, safe and intact.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads all of a file and says what is wrong with it. Problems of the file are findings, not errors.
///
/// # Errors
/// [`crate::ErrorClass::System`], [`ErrorKind::Interrupted`].
pub fn check(
    path: impl AsRef<Path>,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let _ = (options, progress);
    Err(Error::from(ErrorKind::NotBuilt { what: "checking" }).in_path(path.as_ref()))
}
