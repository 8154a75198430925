//! `ndferry recv`: waits for one transfer and stores it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use ndferry::{
    ErrorKind, Format, Item, LazyArray, Received, Receiver, RecvOptions, SaveOptions, Source,
    Target, save,
};
use serde_json::json;

use crate::args::RecvArgs;
use crate::report::{Outcome, Session};
use crate::words::{dtype_json, dtype_text, number, order_text, plain, shape_text};
use crate::{output, size};

pub(crate) fn run(args: &RecvArgs, session: &Session) -> anyhow::Result<Outcome> {
    let output = args.output.clone().unwrap_or_else(free_name);
    let to_stdout = output == Path::new("-");
    if args.resume && (to_stdout || args.listen == "-") {
        bail!("--resume needs a file to keep, and a sender that hears what is in it");
    }
    if to_stdout && args.json {
        bail!("standard output cannot take both what arrives and --json: name a file with -o");
    }
    if to_stdout {
        // Only the check that it is no terminal.
        drop(output::binary(args.force)?);
    }
    let direct = args.resume
        || matches!(
            Format::of_extension(&output),
            Some(Format::Npb | Format::Npy)
        );
    let folder; // Holds what goes on from there.
    let stored = if direct {
        output.clone()
    } else {
        folder = tempfile::tempdir()?;
        folder.path().join("received.npb")
    };
    let mut options = RecvOptions::default();
    options.timeout = args.wait.timeout;
    options.threads = args.threads.jobs;
    options.overwrite = args.force;
    options.resume = args.resume;
    options.interrupt = session.interrupt.clone();
    let target = Target::File(stored.clone());
    if !args.resume {
        target.check(args.force)?;
    }
    if args.resume || !direct && !to_stdout {
        can_save(&output, args.force)?;
    }
    let mut receiver = Receiver::bind(&args.listen, options)?;
    let url = receiver.url();
    // Scripts wait for this line; it is there even when quiet.
    crate::report::line(format_args!("listening on {url}"));
    if url != "-" {
        session.say(format_args!("on the other side: ndferry send FILE {url}"));
    }
    let received = receiver.recv_then(&target, &session.bar, &mut || {
        if direct {
            Ok(())
        } else if to_stdout {
            Ok(copy_out(&stored)?)
        } else {
            save_as(&stored, &output, args.force, session)
        }
    })?;
    let name = if to_stdout {
        Path::new(STDOUT)
    } else {
        &output
    };
    tell(&received, name, args, session)?;
    Ok(Outcome::Yes)
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
