//! `ndferry show`: values.

use std::io::Write;
use std::path::Path;

use ndferry::{Format, Indexing, Item, LazyArray, SaveOptions, save_to, write_atomically};

use crate::args::{Form, ShowArgs};
use crate::output;
use crate::report::{Outcome, Session};

pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (source, array) = session.array(&args.source)?;
    let selection = args
        .source
        .slice
        .clone()
        .unwrap_or_else(|| Indexing::new([]))
        .resolve(array.shape());
    let selection = selection.map_err(|error| {
        let member = array.path();
        ndferry::Error::from(error)
            .in_source(source.name())
            .in_member(member)
    })?;
    let picked = match args.source.slice {
        Some(_) => LazyArray::from(array.read(&selection)?),
        None => array,
    };
    match args.output.as_deref() {
        Some(path) if path != Path::new("-") => {
            write_atomically(path, args.force, &mut |to| {
                write(&picked, args, session, to)
            })?;
        }
        _ if matches!(args.to, Form::Npy | Form::Raw) => {
            let mut out = output::binary()?;
            write(&picked, args, session, &mut out)?;
            out.flush()?;
        }
        _ => {
            let mut out = output::stdout();
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
        Form::Csv | Form::Jsonl | Form::Repr => {
            return Err(ndferry::ErrorKind::NotBuilt { what: "text" }.into());
        }
    }
    Ok(())
}
