//! [`check`]: is a file from elsewhere readable, safe and intact?

use std::fmt;
use std::path::Path;

use bytes::Bytes;

use crate::input::Input;
use crate::scan::scan_input;
use crate::{
    Error, ErrorClass, Format, Interrupt, OpenOptions, Policy, Progress, Result, Safety,
    ScanOptions, Source, source_name,
};

/// How to check.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Limits and interrupt.
    pub open: OpenOptions,
    /// Which names in pickles pass.
    pub policy: Policy,
}

/// Everything found about a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What it is, if that could be told.
    pub format: Option<Format>,
    /// The verdict on its pickles.
    pub safety: Safety,
    /// What is wrong with it; empty if nothing is. Of a file with more than [`Self::MAX_PROBLEMS`] the first ones.
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
        /// The member they are in; empty for the file itself.
        member: String,
        /// Where they begin, in bytes from the start of the file or of the unpacked member.
        offset: u64,
        /// How many there are.
        nbytes: u64,
    },
    /// Bytes that are no whole message of an NPB file.
    NoMessage {
        /// Where they begin.
        offset: u64,
        /// How many there are.
        nbytes: u64,
    },
    /// Its pickles are not clean.
    Unsafe(Safety),
}

impl Finding {
    /// How many problems are listed at most.
    pub const MAX_PROBLEMS: usize = 1000;

    /// Readable, safe and intact.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::TrailingBytes {
                member,
                offset,
                nbytes,
            } => {
                if !member.is_empty() {
                    write!(f, "{}: ", crate::error::Plain(member))?;
                }
                write!(f, "byte {offset}: {nbytes} bytes after the end")
            }
            Self::NoMessage { offset, nbytes } => {
                write!(f, "byte {offset}: {nbytes} bytes are no whole message")
            }
            Self::Unsafe(safety) => safety.fmt(f),
        }
    }
}

/// How a format looks at everything in a file that opening it does not.
pub(crate) trait Inspect: fmt::Debug + Send + Sync {
    /// Reads all of it and tells each problem. Fails only where [`check`] does.
    fn inspect(&self, report: &mut Report<'_>) -> Result<()>;
}

/// Where problems go.
pub(crate) struct Report<'a> {
    problems: Vec<Problem>,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) interrupt: &'a Interrupt,
}

impl Report<'_> {
    /// One more problem.
    pub(crate) fn tell(&mut self, problem: Problem) {
        push(&mut self.problems, problem);
    }

    /// Whether no more problems are listed.
    #[cfg(feature = "npb")]
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= Finding::MAX_PROBLEMS
    }

    /// An error that is the file's fault becomes a problem; others stop the check.
    pub(crate) fn fault(&mut self, error: Error) -> Result<()> {
        match error.class() {
            ErrorClass::System | ErrorClass::Interrupted => Err(error),
            _ => {
                self.tell(Problem::Unreadable(error));
                Ok(())
            }
        }
    }
}

/// Adds a problem, as long as there is room; missing tiles in a row are one problem.
pub(crate) fn push(problems: &mut Vec<Problem>, problem: Problem) {
    if let (Some(Problem::Unreadable(before)), Problem::Unreadable(error)) =
        (problems.last_mut(), &problem)
        && before.extend_missing(error)
    {
        return;
    }
    if problems.len() < Finding::MAX_PROBLEMS {
        problems.push(problem);
    }
}

/// Reads all of a file and says what is wrong with it: every checksum is compared, bytes that belong to nothing are
/// found, pickles are judged. Problems of the file are findings, not errors.
///
/// # Errors
/// [`crate::ErrorClass::System`], [`crate::ErrorKind::Interrupted`].
pub fn check(
    path: impl AsRef<Path>,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let path = path.as_ref();
    let name = source_name(path);
    #[cfg(feature = "zarr")]
    if crate::zarr::is_store(path) {
        return of_store(path, &name, options, progress);
    }
    let input = Input::of_source(path, &options.open);
    finding(
        input.map_err(|error| error.in_source(&name)),
        path,
        path.parent(),
        options,
        progress,
    )
}

/// As [`check`], of bytes in memory; `name` stands for the path in errors.
///
/// # Errors
/// [`crate::ErrorKind::Interrupted`].
pub fn check_bytes(
    name: &str,
    bytes: Bytes,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let input = Input::of_bytes(bytes);
    finding(Ok(input), Path::new(name), None, options, progress)
}

/// Of a Zarr store, in which nothing is pickled.
#[cfg(feature = "zarr")]
fn of_store(
    path: &Path,
    name: &str,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let mut report = Report {
        problems: Vec::new(),
        progress,
        interrupt: &options.open.interrupt,
    };
    let opened = Source::of_store(path, name, &options.open);
    let inspected = opened.and_then(|source| source.inspect(&mut report));
    if let Err(error) = inspected {
        report.fault(error.in_source(name))?;
    }
    Ok(Finding {
        format: Some(Format::Zarr),
        safety: Safety::NoPickle,
        problems: report.problems,
    })
}

fn finding(
    input: Result<Input>,
    path: &Path,
    folder: Option<&Path>,
    options: &CheckOptions,
    progress: &dyn Progress,
) -> Result<Finding> {
    let mut report = Report {
        problems: Vec::new(),
        progress,
        interrupt: &options.open.interrupt,
    };
    let input = match input {
        Ok(input) => input,
        Err(error) => {
            report.fault(error)?;
            return Ok(Finding {
                format: None,
                safety: Safety::NoPickle,
                problems: report.problems,
            });
        }
    };
    // By the opcodes alone, also where it cannot be read as a whole.
    let scan = ScanOptions {
        open: options.open.clone(),
        policy: options.policy.clone(),
    };
    let scanned = scan_input(&input, path, folder, &scan, &())?;
    let opened = Source::in_folder(&source_name(path), input, folder, &options.open);
    let source = match opened {
        Ok(source) => source,
        Err(error) => {
            report.fault(error)?;
            if !scanned.safety.is_safe() {
                report.tell(Problem::Unsafe(scanned.safety.clone()));
            }
            return Ok(Finding {
                format: scanned.format,
                safety: scanned.safety,
                problems: report.problems,
            });
        }
    };
    // The scan looks where nothing is read as well: into strings, behind the last pickle.
    let safety = match (scanned.safety, source.pickle()) {
        (Safety::NoPickle, Some(pickle)) => Safety::of(&pickle.globals, &options.policy),
        (safety, _) => safety,
    };
    if !safety.is_safe() {
        report.tell(Problem::Unsafe(safety.clone()));
    }
    if let Some((offset, nbytes)) = source.trailing() {
        report.tell(Problem::TrailingBytes {
            member: String::new(),
            offset,
            nbytes,
        });
    }
    source
        .inspect(&mut report)
        .map_err(|error| error.in_source(source.name()))?;
    if !report
        .problems
        .iter()
        .any(|problem| matches!(problem, Problem::Unreadable(_)))
    {
        for problem in scanned.problems {
            report.tell(Problem::Unreadable(problem));
        }
    }
    let in_source = |problem| match problem {
        Problem::Unreadable(error) => Problem::Unreadable(error.in_source(source.name())),
        other => other,
    };
    Ok(Finding {
        format: Some(source.format()),
        safety,
        problems: report.problems.into_iter().map(in_source).collect(),
    })
}
