//! `ndferry recv`: waits for transfers and stores them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use ndferry::{
    ErrorKind, Format, Item, LazyArray, Received, Receiver, RecvOptions, SaveOptions, Source,
    Target, Token, save,
};
use serde_json::json;

use crate::args::RecvArgs;
use crate::report::{Outcome, Session};
use crate::words::{dtype_json, dtype_text, number, order_text, plain, shape_text};
use crate::{output, size, token};

pub(crate) fn run(args: &RecvArgs, session: &Session) -> anyhow::Result<Outcome> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if args.resume && (to_stdout || args.listen == "-") {
        bail!("--resume needs a file to keep, and a sender that hears what is in it");
    }
    if args.count > 1 && (args.resume || to_stdout || args.listen == "-") {
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
    if args.listen != "-" {
        options.token = match args.new_token {
            true => Some(Token::random()?),
            false => token::given(&args.token)?,
        };
    }
    let token = options.token.clone();
    let mut place = Place::new(args, 1)?;
    place.check(args)?;
    let mut receiver = Receiver::bind(&args.listen, options)?;
    let url = receiver.url();
    // Scripts wait for this line; it is there even when quiet.
    crate::report::line(format_args!("listening on {url}"));
    if url != "-" {
        invite(&url, token.as_ref(), args, session);
    }
    for number in 1..=args.count {
        if number > 1 {
            place = Place::new(args, number)?;
        }
        let stored = Target::File(place.stored.clone());
        let received = receiver.recv_then(&stored, &session.bar, &mut || {
            if place.is_direct() {
                Ok(())
            } else if place.to_stdout {
                Ok(copy_out(&place.stored)?)
            } else {
                save_as(&place.stored, &place.output, args.force, session)
            }
        })?;
        let name = if to_stdout {
            Path::new(STDOUT)
        } else {
            &place.output
        };
        tell(&received, name, args, session)?;
    }
    Ok(Outcome::Yes)
}

/// Where one transfer goes.
#[derive(Debug)]
struct Place {
    output: PathBuf,
    /// What is received into: the output itself, or a file that goes on from there.
    stored: PathBuf,
    to_stdout: bool,
    /// Removes that file.
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    fn new(args: &RecvArgs, number: u64) -> anyhow::Result<Self> {
        let output = match &args.output {
            Some(output) => numbered(output, number),
            None => free_name(),
        };
        let to_stdout = output == Path::new("-");
        let is_direct = args.resume
            || matches!(
                Format::of_extension(&output),
                Some(Format::Npb | Format::Npy)
            );
        let folder = match is_direct {
            true => None,
            false => Some(tempfile::tempdir()?),
        };
        let stored = match &folder {
            Some(folder) => folder.path().join("received.npb"),
            None => output.clone(),
        };
        Ok(Self {
            output,
            stored,
            to_stdout,
            _folder: folder,
        })
    }

    fn is_direct(&self) -> bool {
        self._folder.is_none()
    }

    /// What can be known before anybody has sent anything.
    fn check(&self, args: &RecvArgs) -> anyhow::Result<()> {
        if !args.resume {
            Target::File(self.stored.clone()).check(args.force)?;
        }
        if args.resume || !self.is_direct() && !self.to_stdout {
            can_save(&self.output, args.force)?;
        }
        for number in 2..=args.count.min(1000) {
            if let (Some(output), false) = (&args.output, args.force) {
                can_save(&numbered(output, number), false)?;
            }
        }
        Ok(())
    }
}

/// The name of the first transfer, or `OUT-2.npb` and so on beside it.
fn numbered(output: &Path, number: u64) -> PathBuf {
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
    let anywhere = ["tcp://0.0.0.0:", "tcp://[::]:"];
    let port = anywhere.iter().find_map(|any| url.strip_prefix(any));
    let url = port.map_or(url.to_owned(), |port| format!("tcp://HOST:{port}"));
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

/// How errors call it.
const STDOUT: &str = "standard output";

/// What can be known before anything has come: whether the format is one, and whether the file is there.
fn can_save(output: &Path, overwrite: bool) -> anyhow::Result<()> {
    let problem = match Format::of_extension(output) {
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

/// Another format than those in which arrays are stored as they come.
fn save_as(
    stored: &Path,
    output: &Path,
    overwrite: bool,
    session: &Session,
) -> ndferry::Result<()> {
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
    options.overwrite = overwrite;
    options.interrupt = session.interrupt.clone();
    save(output, &items, &options, &session.bar)?;
    Ok(())
}

/// `received.npb`, `received-2.npb`, … whichever is not there yet.
fn free_name() -> PathBuf {
    let names = (1..).map(|n| match n {
        1 => PathBuf::from("received.npb"),
        n => PathBuf::from(format!("received-{n}.npb")),
    });
    let mut free = names.filter(|name| !name.exists());
    free.next().unwrap_or_else(|| PathBuf::from("received.npb"))
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
