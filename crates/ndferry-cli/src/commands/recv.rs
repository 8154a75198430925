//! `ndferry recv`: waits for one transfer and stores it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ndferry::{Received, Receiver, RecvOptions, Target};
use serde_json::json;

use crate::args::RecvArgs;
use crate::report::{Outcome, Session};
use crate::words::{dtype_json, dtype_text, number, order_text, plain, shape_text};
use crate::{output, size};

pub(crate) fn run(args: &RecvArgs, session: &Session) -> anyhow::Result<Outcome> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let folder; // Removes the file that goes on to standard output.
    let path = if to_stdout {
        drop(output::binary()?);
        folder = tempfile::tempdir()?;
        folder.path().join("received.npb")
    } else {
        args.output.clone().unwrap_or_else(free_name)
    };
    let mut options = RecvOptions::default();
    options.timeout = args.wait.timeout;
    options.threads = args.threads.jobs;
    options.overwrite = args.force;
    options.interrupt = session.interrupt.clone();
    let target = Target::File(path.clone());
    target.check(args.force)?;
    let mut receiver = Receiver::bind(&args.listen, options)?;
    let url = receiver.url();
    // Scripts wait for this line; it is there even when quiet.
    anstream::eprintln!("listening on {url}");
    if url != "-" {
        session.say(format_args!("on the other side: ndferry send FILE {url}"));
    }
    let received = receiver.recv_then(&target, &session.bar, &mut || {
        if to_stdout {
            pass_on(&path)
                .map_err(|error| ndferry::Error::from(error).in_source("standard output"))?;
        }
        Ok(())
    })?;
    let name = if to_stdout {
        Path::new("standard output")
    } else {
        &path
    };
    tell(&received, name, args, session)?;
    Ok(Outcome::Yes)
}

/// Copies the file to standard output.
fn pass_on(path: &Path) -> io::Result<()> {
    let mut out = output::stdout();
    io::copy(&mut File::open(path)?, &mut out)?;
    out.flush()
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
    let memory = peak.map_or(String::new(), |peak| {
        format!(", peak memory {}", size::text(peak))
    });
    session.say(format_args!(
        "stored {} in {}, verified{memory}: {}",
        size::text(received.nbytes),
        size::counted(received.blocks, "block"),
        path.display(),
    ));
    Ok(())
}
