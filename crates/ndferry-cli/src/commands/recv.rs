//! `ndferry recv`: waits for transfers and stores them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ndferry::{
    Cut, ErrorClass, ErrorKind, Format, Item, LazyArray, Received, Receiver, RecvOptions,
    SaveOptions, Source, Target, TlsIdentity, Token, Until, save, save_to, watch,
};
use serde_json::json;

use crate::args::RecvArgs;
use crate::report::{Outcome, Session};
use crate::words::{dtype_json, dtype_text, number, order_text, plain, shape_text};
use crate::{output, size, token};

mod messages;

pub(crate) fn run(args: &RecvArgs, session: &Session) -> anyhow::Result<Outcome> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if let Some(recipe) = args.recipe {
        return messages::run(args, recipe.recipe(), session);
    }
    let folder = folder(args)?;
    if args.resume && (to_stdout || folder.is_some() || args.listen == "-") {
        bail!("--resume needs a file to keep, and a sender that hears what is in it");
    }
    if args.resume && args.to.is_some() {
        bail!("--resume takes the format from the name of the file, without --to");
    }
    if args.count != 1 && (args.resume || to_stdout || args.listen == "-") {
        bail!("--count takes transfers into files of their own, without --resume");
    }
    if to_stdout && args.json {
        bail!("standard output cannot take both what arrives and --json: name a file with -o");
    }
    if to_stdout {
        // Only the check that it is no terminal.
        drop(output::binary(args.force)?);
    }
    token::none_over_a_pipe(&args.listen, &args.token)?;
    let mut options = RecvOptions::default();
    options.timeout = args.wait.timeout;
    options.threads = args.threads.jobs;
    options.overwrite = args.force;
    options.resume = args.resume;
    options.insecure = args.insecure;
    options.interrupt = session.interrupt.clone();
    options.tls.identity = identity(args)?;
    if args.listen != "-" {
        options.token = match args.new_token {
            true => Some(Token::random()?),
            false => token::given(&args.token)?,
        };
    }
    let token = options.token.clone();
    let mut place = Place::new(args, folder.as_deref(), 1)?;
    place.check(args)?;
    if let Some(url) = &args.live {
        return watch_live(url, &options, &place, args, session);
    }
    let mut receiver = Receiver::bind(&args.listen, options)?;
    let url = receiver.url();
    // Scripts wait for this line; it is there even when quiet.
    crate::report::line(format_args!("listening on {url}"));
    if url != "-" {
        invite(&url, token.as_ref(), args, session);
    }
    let mut number = 0;
    while args.count == 0 || number < args.count {
        if number > 0 {
            place = Place::new(args, folder.as_deref(), number + 1)?;
        }
        let received = receiver.recv_then(&place.target, &session.bar, &mut |_| {
            place.pass_on(args, session)
        });
        match received {
            Ok(received) => {
                tell(&received, place.name(&received), args, session)?;
                number += 1;
            }
            // There are others.
            Err(error) if args.count != 1 && is_of_sender(&error) => {
                crate::report::tell(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Outcome::Yes)
}

/// Stores a live stream until it ends, enough has come, or Ctrl-C.
fn watch_live(
    url: &str,
    options: &RecvOptions,
    place: &Place,
    args: &RecvArgs,
    session: &Session,
) -> anyhow::Result<Outcome> {
    let mut until = Until::the_end();
    until.rows = args.frames;
    until.stop = session.stop_first();
    session.say(format_args!(
        "watching {url}; Ctrl-C ends it and keeps what has come"
    ));
    let received = watch(
        url,
        &place.target,
        options,
        &until,
        &session.bar,
        &mut |_| place.pass_on(args, session),
    );
    let received = received.inspect_err(|_| place.rescue(session))?;
    tell(&received, place.name(&received), args, session)?;
    match received.cut {
        Some(Cut::Broken(problem)) => {
            bail!("{url}: the stream broke off, and what had come is stored: {problem}")
        }
        _ => Ok(Outcome::Yes),
    }
}

/// Whether a transfer failed for reasons that need not be those of the next one. The sender has been told.
fn is_of_sender(error: &ndferry::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match error.kind() {
        ErrorKind::Outside(_) => true,
        ErrorKind::System(error) => matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof
        ),
        _ => !matches!(
            error.class(),
            ErrorClass::System | ErrorClass::Usage | ErrorClass::Interrupted
        ),
    }
}

/// The folder that transfers go into, if OUT is one; it is made if only its name says that it is one.
fn folder(args: &RecvArgs) -> anyhow::Result<Option<PathBuf>> {
    let Some(output) = &args.output else {
        return Ok(None);
    };
    let is_named = output
        .as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|last| std::path::is_separator(char::from(*last)));
    if is_named && !output.exists() {
        std::fs::create_dir(output).with_context(|| output.display().to_string())?;
    }
    Ok((is_named || output.is_dir()).then(|| output.clone()))
}

/// Where one transfer goes.
#[derive(Debug)]
struct Place {
    output: PathBuf,
    /// What is received into: the output itself, or a file that goes on from there.
    target: Target,
    format: Option<Format>,
    to_stdout: bool,
    /// Removes that file.
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    fn new(args: &RecvArgs, folder: Option<&Path>, number: u64) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            let format = args.to.unwrap_or(Format::Npb);
            return Ok(Self {
                output: folder.to_owned(),
                target: Target::Folder {
                    folder: folder.to_owned(),
                    format,
                },
                format: Some(format),
                to_stdout: false,
                _folder: None,
            });
        }
        let output = match &args.output {
            Some(output) => numbered(output, number),
            None => free_name(args.to.unwrap_or(Format::Npb)),
        };
        let to_stdout = output == Path::new("-");
        let told = Format::of_extension(&output);
        let format = args.to.or(told);
        let is_direct = args.resume
            || format == told
                && match format {
                    Some(Format::Npb) => true,
                    // Nobody knows yet how long a live stream is.
                    Some(Format::Npy) => args.live.is_none(),
                    _ => false,
                };
        let folder = match is_direct {
            true => None,
            false => Some(tempfile::tempdir()?),
        };
        let target = match &folder {
            Some(folder) => Target::File(folder.path().join("received.npb")),
            None => Target::File(output.clone()),
        };
        Ok(Self {
            output,
            target,
            format,
            to_stdout,
            _folder: folder,
        })
    }

    /// What to call it to people.
    fn name<'a>(&'a self, received: &'a Received) -> &'a Path {
        match (&received.path, &self.target) {
            _ if self.to_stdout => Path::new(STDOUT),
            (Some(path), Target::Folder { .. }) => path,
            _ => &self.output,
        }
    }

    /// What can be known before anybody has sent anything.
    fn check(&self, args: &RecvArgs) -> anyhow::Result<()> {
        if !args.resume {
            self.target.check(args.force)?;
        }
        if matches!(self.target, Target::Folder { .. }) {
            return Ok(());
        }
        if args.resume || self._folder.is_some() && !self.to_stdout {
            can_save(&self.output, self.format, args.force)?;
        }
        for number in 2..=args.count.min(1000) {
            if let (Some(output), false) = (&args.output, args.force) {
                can_save(&numbered(output, number), self.format, false)?;
            }
        }
        Ok(())
    }

    /// What has been received goes where it was to go, if it is not there yet.
    fn pass_on(&self, args: &RecvArgs, session: &Session) -> ndferry::Result<()> {
        match (&self.target, &self._folder) {
            (Target::File(stored), Some(_)) if self.to_stdout && args.to.is_none() => {
                Ok(copy_out(stored)?)
            }
            (Target::File(stored), Some(_)) => self.save_as(stored, args, session),
            _ => Ok(()),
        }
    }

    /// Keeps a live stream that could not become what it was to be, such as one with frames that did not come.
    fn rescue(&self, session: &Session) {
        let (Target::File(stored), Some(_), false) = (&self.target, &self._folder, self.to_stdout)
        else {
            return;
        };
        let kept = self.output.with_extension("npb");
        if stored.exists() && !kept.exists() && std::fs::copy(stored, &kept).is_ok() {
            session.say(format_args!("what came is kept in {}", kept.display()));
        }
    }

    /// Another format than those in which arrays are stored as they come.
    fn save_as(&self, stored: &Path, args: &RecvArgs, session: &Session) -> ndferry::Result<()> {
        let source = Source::open(stored, &session.open_options(0))?;
        let arrays: Vec<LazyArray> = source.arrays().collect();
        let items: Vec<Item<'_>> = arrays
            .iter()
            .map(|array| Item {
                name: array.path(),
                array,
            })
            .collect();
        let mut options = SaveOptions::default();
        options.format = self.format;
        options.overwrite = args.force;
        options.interrupt = session.interrupt.clone();
        if self.to_stdout {
            let mut out = output::stdout();
            save_to(&mut out, &items, &options, &session.bar)?;
            return Ok(out.flush()?);
        }
        save(&self.output, &items, &options, &session.bar)?;
        Ok(())
    }
}

/// The name of the first transfer, or `OUT-2.npb` and so on beside it.
pub(super) fn numbered(output: &Path, number: u64) -> PathBuf {
    if number == 1 {
        return output.to_owned();
    }
    let mut name = output.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = output.extension() {
        name.push(".");
        name.push(extension);
    }
    output.with_file_name(name)
}

/// Says what is to be run on the other side. A token that was made here must be read by somebody, even when quiet; one
/// that was given is not shown.
fn invite(url: &str, token: Option<&Token>, args: &RecvArgs, session: &Session) {
    let url = reachable(url);
    // Some shells see a pattern in #.
    let url = match url.contains('#') {
        true => format!("'{url}'"),
        false => url,
    };
    match token {
        None => session.say(format_args!("on the other side: ndferry send FILE {url}")),
        Some(token) if args.new_token => crate::report::line(format_args!(
            "on the other side: {}={} ndferry send FILE {url}",
            token::VARIABLE,
            token.reveal()
        )),
        Some(_) => session.say(format_args!(
            "on the other side: ndferry send FILE {url}, with the same token in {} or by --token-file",
            token::VARIABLE
        )),
    }
}

/// The certificate that was given.
fn identity(args: &RecvArgs) -> anyhow::Result<Option<TlsIdentity>> {
    let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    if !args.listen.starts_with("tls://") {
        bail!("--tls-cert is for addresses that begin with tls://");
    }
    Ok(Some(TlsIdentity {
        certificate: certificate.clone(),
        key: key.clone(),
    }))
}

/// The address as others write it, if it stands for any of this machine's.
fn reachable(url: &str) -> String {
    for any in ["://0.0.0.0:", "://[::]:"] {
        if let Some((scheme, port)) = url.split_once(any) {
            return format!("{scheme}://HOST:{port}");
        }
    }
    url.to_owned()
}

/// How errors call it.
const STDOUT: &str = "standard output";

/// What can be known before anything has come: whether the format is one, and whether the file is there.
pub(super) fn can_save(
    output: &Path,
    format: Option<Format>,
    overwrite: bool,
) -> anyhow::Result<()> {
    let problem = match format {
        None => ErrorKind::UnknownExtension,
        Some(_) if !overwrite && output.exists() => ErrorKind::Exists,
        Some(_) => return Ok(()),
    };
    Err(ndferry::Error::from(problem).in_path(output).into())
}

fn copy_out(stored: &Path) -> io::Result<()> {
    let mut out = output::stdout();
    io::copy(&mut File::open(stored)?, &mut out)?;
    out.flush()
}

/// `received.npb`, `received-2.npb`, … whichever is not there yet.
fn free_name(format: Format) -> PathBuf {
    let extension = match format {
        Format::Pickle => "pkl",
        format => format.name(),
    };
    let names = (1..).map(|n| match n {
        1 => PathBuf::from(format!("received.{extension}")),
        n => PathBuf::from(format!("received-{n}.{extension}")),
    });
    let mut free = names.filter(|name| !name.exists());
    free.next().unwrap_or_default()
}

/// What ended a live stream early, as a word.
fn cut_text(cut: &Cut) -> &'static str {
    match cut {
        Cut::Rows => "frames",
        Cut::Stopped => "interrupted",
        _ => "broken",
    }
}

fn tell(
    received: &Received,
    path: &Path,
    args: &RecvArgs,
    session: &Session,
) -> anyhow::Result<()> {
    let peak = ndferry::peak_memory();
    if args.json {
        let arrays = received.arrays.iter().map(|array| {
            json!({
                "path": array.name,
                "dtype": dtype_json(&array.dtype),
                "shape": array.shape,
                "order": order_text(array.order),
            })
        });
        let line = json!({
            "output": path.display().to_string(),
            "arrays": arrays.collect::<Vec<_>>(),
            "nbytes": number(received.nbytes),
            "blocks": number(received.blocks),
            "wire_nbytes": number(received.wire_nbytes),
            "held": number(received.held),
            "missed": number(received.missed),
            "cut": received.cut.as_ref().map(cut_text),
            "peak_memory": peak.map(number),
        });
        let mut out = output::stdout();
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    for array in &received.arrays {
        let name = if array.name.is_empty() {
            String::new()
        } else {
            format!("{}  ", plain(&array.name))
        };
        session.say(format_args!(
            "{name}{}  {}",
            dtype_text(&array.dtype),
            shape_text(&array.shape)
        ));
    }
    if received.missed > 0 {
        session.say(format_args!(
            "{} did not come: this side was too slow",
            size::counted(received.missed, "row")
        ));
    }
    let held = match received.held {
        0 => String::new(),
        held => format!(", {held} of them from before"),
    };
    let memory = peak.map_or(String::new(), |peak| {
        format!(", peak memory {}", size::text(peak))
    });
    session.say(format_args!(
        "stored {} in {}{held}, verified{memory}: {}",
        size::text(received.nbytes),
        size::counted(received.blocks, "block"),
        path.display(),
    ));
    Ok(())
}
