//! `ndferry show`: values.

use std::io::Write;
use std::path::Path;

use ndferry::{
    Address, ErrorKind, Format, Item, LazyArray, Opened, OutlineOptions, PrintOptions, SaveOptions,
    save_to, write_atomically,
};

use crate::args::{Form, ShowArgs};
use crate::output;
use crate::report::{Outcome, Session};

pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Outcome> {
    let picked = match session.array(&args.source) {
        Ok(array) if !array.dtype().has_object() => Ok(array),
        // What is no array of numbers is shown as a tree, if a pickle says what it is.
        picked => match outline(args, session)? {
            true => return Ok(Outcome::Yes),
            false => picked,
        },
    }?;
    match args.output.as_deref() {
        Some(path) if path != Path::new("-") => {
            write_atomically(path, args.force, &mut |to| {
                write(&picked, args, session, to)
            })?;
        }
        _ if matches!(args.to, Form::Npy | Form::Raw) => {
            let mut out = output::binary(args.force)?;
            write(&picked, args, session, &mut out)?;
            out.flush()?;
        }
        _ => {
            let mut out = output::text(args.force);
            write(&picked, args, session, &mut out)?;
            out.flush()?;
        }
    }
    Ok(Outcome::Yes)
}

/// Shows the values of a pickle; false if it is none, or if something else than its text is wanted.
fn outline(args: &ShowArgs, session: &Session) -> anyhow::Result<bool> {
    let address = Address::parse(&args.source.source);
    let is_plain = args.to == Form::Repr && args.source.slice.is_none() && args.output.is_none();
    if !is_plain || address.path.as_os_str() == "-" {
        return Ok(false);
    }
    // Whatever is wrong with it has been told by then.
    let Ok(Opened::Values(values)) = Opened::open(&address.path, &session.open_options(1)) else {
        return Ok(false);
    };
    let mut options = OutlineOptions::default();
    if args.all {
        (options.depth, options.items, options.lines) = (usize::MAX, usize::MAX, usize::MAX);
    }
    let mut out = output::stdout();
    let path = address.member.unwrap_or_default();
    match values.write_outline(&path, &mut out, &options) {
        Err(error) if matches!(error.kind(), ErrorKind::NoMember { .. }) => return Ok(false),
        other => other?,
    }
    out.flush()?;
    Ok(true)
}

fn write(
    array: &LazyArray,
    args: &ShowArgs,
    session: &Session,
    to: &mut dyn Write,
) -> ndferry::Result<()> {
    match args.to {
        Form::Npy => {
            let mut options = SaveOptions::default();
            options.format = Some(Format::Npy);
            options.interrupt = session.interrupt.clone();
            save_to(to, &[Item { name: "", array }], &options, &session.bar)?;
        }
        Form::Raw => array.write_raw(to, &session.interrupt, &session.bar)?,
        Form::Csv => array.write_csv(to, &session.interrupt, &session.bar)?,
        Form::Jsonl => array.write_jsonl(to, &session.interrupt, &session.bar)?,
        Form::Repr => {
            array.write_text(to, &print_options(args))?;
            writeln!(to)?;
        }
    }
    Ok(())
}

fn print_options(args: &ShowArgs) -> PrintOptions {
    let mut options = PrintOptions {
        precision: args.precision,
        edge: args.edge,
        suppress: args.suppress,
        ..PrintOptions::default()
    };
    if args.all {
        options.threshold = usize::MAX;
    }
    options
}
