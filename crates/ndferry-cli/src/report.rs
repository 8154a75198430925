//! How a run ends: exit status, errors with a hint; and what all verbs share.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::limits::LimitArgs;
use anyhow::{Context, bail};
use ndferry::{Address, ErrorClass, ErrorKind, Interrupt, LazyArray, OpenOptions, Source};

use crate::args::{SourceArgs, When};
use crate::output::{self, ClosedStdout};
use crate::progress::Bar;

/// A run that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Yes, done, clean.
    Yes,
    /// A negative answer: they differ, it is damaged.
    No,
    /// Some of the sources could not be read; the errors have been told.
    Failed,
}

impl Outcome {
    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        match self {
            Outcome::Yes => 0,
            Outcome::No => 1,
            Outcome::Failed => 2,
        }
    }
}

/// Exit status after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// How long an orderly end may take after Ctrl-C. Nothing is left half done either way.
const PATIENCE: Duration = Duration::from_secs(2);

/// What all verbs share.
#[derive(Debug)]
pub(crate) struct Session {
    /// Set by Ctrl-C.
    pub(crate) interrupt: Interrupt,
    /// Drawn on a terminal.
    pub(crate) bar: Bar,
    /// Whether remarks on standard error are unwanted.
    pub(crate) quiet: bool,
    /// What files may ask for.
    limits: LimitArgs,
    /// What the first Ctrl-C raises instead, if there is something to be kept.
    stop: Arc<OnceLock<Interrupt>>,
}

impl Session {
    /// Catches Ctrl-C: the first one asks for an orderly end, and what cannot hear that (it waits for standard input, or
    /// for who reads standard output) is ended soon after; the second one ends at once.
    pub(crate) fn new(progress: When, quiet: bool, limits: LimitArgs) -> anyhow::Result<Self> {
        let interrupt = Interrupt::new();
        let flag = interrupt.clone();
        let stop = Arc::new(OnceLock::<Interrupt>::new());
        let first = Arc::clone(&stop);
        ctrlc::set_handler(move || {
            if let Some(stop) = first.get()
                && !stop.is_set()
            {
                return stop.set();
            }
            if flag.is_set() {
                std::process::exit(INTERRUPTED.into());
            }
            flag.set();
            std::thread::spawn(|| {
                std::thread::sleep(PATIENCE);
                std::process::exit(INTERRUPTED.into());
            });
        })
        .context("cannot catch Ctrl-C")?;
        let bar = Bar::new(progress, quiet);
        Ok(Self {
            interrupt,
            bar,
            quiet,
            limits,
            stop,
        })
    }

    /// From now on the first Ctrl-C raises this, and the next one is the first.
    pub(crate) fn stop_first(&self) -> Interrupt {
        self.stop.get_or_init(Interrupt::new).clone()
    }

    /// A remark on standard error.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            line(text);
        }
    }

    pub(crate) fn open_options(&self, threads: usize) -> OpenOptions {
        let mut options = OpenOptions::default();
        options.interrupt = self.interrupt.clone();
        options.threads = threads;
        self.limits.apply(&mut options);
        options
    }

    /// Opens `PATH[:MEMBER]`; gives the member too, if one was named.
    pub(crate) fn open(
        &self,
        source: &OsStr,
        threads: usize,
    ) -> anyhow::Result<(Source, Option<String>)> {
        let address = Address::parse(source);
        let opened = Source::open(&address.path, &self.open_options(threads))?;
        Ok((opened, address.member))
    }

    /// The arrays that were asked for, each cut to the slice, with the names under which they are stored.
    pub(crate) fn arrays(
        &self,
        args: &SourceArgs,
        threads: usize,
    ) -> anyhow::Result<Vec<(String, LazyArray)>> {
        Ok(self.source_and_arrays(args, threads, true)?.1)
    }

    /// As [`Self::arrays`], with the source that they are in; arrays inside arrays of objects are listed too, unless those
    /// are to be taken whole.
    pub(crate) fn source_and_arrays(
        &self,
        args: &SourceArgs,
        threads: usize,
        whole: bool,
    ) -> anyhow::Result<(Source, Vec<(String, LazyArray)>)> {
        let (source, member) = self.open(&args.source, threads)?;
        source.require_whole()?;
        let arrays: Vec<LazyArray> = match member {
            Some(member) => vec![source.array(Some(&member))?],
            None if whole => source.outer_arrays().collect(),
            None => source.arrays().collect(),
        };
        let parts = arrays.into_iter().map(|array| {
            let name = array.path().to_owned();
            Ok((name, cut(array, args, &source)?))
        });
        let parts = parts.collect::<anyhow::Result<Vec<_>>>()?;
        Ok((source, parts))
    }

    /// As [`Self::arrays`], for what takes one only.
    pub(crate) fn array(&self, args: &SourceArgs) -> anyhow::Result<LazyArray> {
        let (source, member) = self.open(&args.source, 0)?;
        self.array_in(&source, member.as_deref(), args)
    }

    /// The array that was asked for, in a source that is open.
    pub(crate) fn array_in(
        &self,
        source: &Source,
        member: Option<&str>,
        args: &SourceArgs,
    ) -> anyhow::Result<LazyArray> {
        // Parts can be read of what is whole in a file.
        if args.slice.is_none() {
            source.require_whole()?;
        }
        cut(source.array(member)?, args, source)
    }
}

/// The part of an array that `-s` names, if it is there.
pub(crate) fn cut(
    array: LazyArray,
    args: &SourceArgs,
    source: &Source,
) -> anyhow::Result<LazyArray> {
    let Some(slice) = &args.slice else {
        return Ok(array);
    };
    let selection = slice.resolve(array.shape()).map_err(|error| {
        let error = ndferry::Error::from(error).in_source(source.name());
        error.in_member(array.path())
    })?;
    Ok(array.part(&selection)?)
}

/// What a verb over many sources was given; standard input if nothing, unless that is a terminal.
pub(crate) fn sources(given: &[OsString], verb: &str) -> anyhow::Result<Vec<OsString>> {
    match given {
        [] if io::stdin().is_terminal() => bail!("name a file: ndferry {verb} FILE"),
        [] => Ok(vec!["-".into()]),
        given => Ok(given.to_vec()),
    }
}

/// Does the same with each; what fails is told and does not keep the others from being looked at.
pub(crate) fn each<T, W: Write>(
    items: Vec<T>,
    session: &Session,
    out: &mut W,
    mut one: impl FnMut(T, &mut W) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let is_single = items.len() == 1;
    let mut outcome = Outcome::Yes;
    for item in items {
        match one(item, out) {
            Ok(()) => {}
            Err(error) if is_single || is_closed_stdout(&error) || session.interrupt.is_set() => {
                return Err(error);
            }
            Err(error) => {
                out.flush()?;
                tell(&error);
                outcome = Outcome::Failed;
            }
        }
    }
    out.flush()?;
    Ok(outcome)
}

/// Prints help, the version, or what is wrong with the command line; the exit status that goes with it.
pub(crate) fn usage(error: &clap::Error) -> u8 {
    let is_answer = !error.use_stderr();
    let printed = match is_answer {
        true => output::check().and_then(|()| error.print().map_err(output::mark)),
        false => error.print(),
    };
    match printed {
        Err(failure) if is_answer => failed(&failure.into()),
        _ if is_answer => 0,
        _ => 2,
    }
}

/// Tells the error and what to do about it; the exit status that goes with it.
pub(crate) fn failed(error: &anyhow::Error) -> u8 {
    if is_closed_stdout(error) {
        return 0;
    }
    tell(error);
    let class = error
        .downcast_ref::<ndferry::Error>()
        .map(ndferry::Error::class);
    match class {
        Some(ErrorClass::Interrupted) => INTERRUPTED,
        _ => 2,
    }
}

/// A line on standard error. If nobody can read it, what was done and the exit code are the same.
pub(crate) fn line(text: impl std::fmt::Display) {
    // All of it at once: whoever looks meanwhile sees no half of it.
    let _ = anstream::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Tells the error and what to do about it.
pub(crate) fn tell(error: &anyhow::Error) {
    line(format_args!("{ERROR}error:{ERROR:#} {error:#}"));
    let hint = error
        .downcast_ref::<ndferry::Error>()
        .and_then(ndferry::Error::hint);
    if let Some(hint) = hint {
        line(format_args!("hint: {hint}"));
    }
}

const ERROR: clap::builder::styling::Style =
    clap::builder::styling::Style::new().bold().fg_color(Some(
        clap::builder::styling::Color::Ansi(clap::builder::styling::AnsiColor::Red),
    ));

/// Whoever read our standard output has seen enough.
pub(crate) fn is_closed_stdout(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| {
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<ClosedStdout>())
    };
    match error
        .downcast_ref::<ndferry::Error>()
        .map(ndferry::Error::kind)
    {
        Some(ErrorKind::System(error)) => closed(error),
        _ => error.downcast_ref::<io::Error>().is_some_and(closed),
    }
}
