//! `ndferry show`: values.

use std::io::Write;
use std::path::Path;

use ndferry::{Format, Item, LazyArray, PrintOptions, SaveOptions, save_to, write_atomically};

use crate::args::{Form, ShowArgs};
use crate::output;
use crate::report::{Outcome, Session};

pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Outcome> {
    let picked = session.array(&args.source)?;
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
