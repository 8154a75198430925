//! `ndferry show`: values.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use ndferry::{
    Address, ErrorKind, Format, Item, LazyArray, LazyMasked, Opened, OutlineOptions, PrintOptions,
    SaveOptions, Source, Values, save_to, write_atomically,
};

use crate::args::{Form, ShowArgs};
use crate::output;
use crate::report::{Outcome, Session, cut};

/// What is shown.
enum Picked {
    Array(Box<LazyArray>),
    Masked(Box<LazyMasked>),
    /// As text, which is made before it is known whether there is one.
    Objects(Vec<u8>),
}

pub(crate) fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<Outcome> {
    let opened = session.open(&args.source.source, 0);
    let special = match &opened {
        Ok((source, member)) if args.to == Form::Repr => {
            special(args, session, source, member.as_deref())?
        }
        _ => None,
    };
    let array = || {
        let (source, member) = opened?;
        session.array_in(&source, member.as_deref(), &args.source)
    };
    let picked = match special {
        Some(picked) => picked,
        None => match array() {
            Ok(array) if !array.dtype().has_object() => Picked::Array(Box::new(array)),
            // What is no array of numbers is shown as a tree, if a pickle says what it is.
            picked => match outline(args, session)? {
                true => return Ok(Outcome::Yes),
                false => Picked::Array(Box::new(picked?)),
            },
        },
    };
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

/// Masked arrays and arrays of objects, as NumPy prints them.
fn special(
    args: &ShowArgs,
    session: &Session,
    source: &Source,
    member: Option<&str>,
) -> anyhow::Result<Option<Picked>> {
    if let Some(masked) = source.masked(member) {
        let mut masked = masked;
        masked.data = cut(masked.data, &args.source, source)?;
        masked.mask = cut(masked.mask, &args.source, source)?;
        // What the data hold if they are objects is left to the tree.
        let is_bytes = !masked.data.dtype().has_object();
        return Ok(is_bytes.then(|| Picked::Masked(Box::new(masked))));
    }
    let is_numbers = |array: LazyArray| !array.dtype().has_object();
    if source.array(member).is_ok_and(is_numbers) {
        return Ok(None);
    }
    let mut text = Vec::new();
    let (slice, options) = (args.source.slice.as_ref(), print_options(args));
    let is_text = match source.objects_at(member) {
        Some(objects) => objects.write_text(slice, &mut text, &options),
        None => match values(&args.source.source, session) {
            Some(values) => match values.objects(member.unwrap_or_default()) {
                Ok(Some(objects)) => objects.write_text(slice, &mut text, &options),
                // Said by who looks for an array.
                Ok(None) | Err(_) => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    let place = |error: ndferry::Error| {
        error
            .in_source(source.name())
            .in_member(member.unwrap_or_default())
    };
    Ok(is_text.map_err(place)?.then_some(Picked::Objects(text)))
}

/// What a file holds, if it is a pickle; whatever is wrong with it is told by who opened it before.
fn values(source: &OsStr, session: &Session) -> Option<Values> {
    let address = Address::parse(source);
    if address.path.as_os_str() == "-" {
        return None;
    }
    match Opened::open(&address.path, &session.open_options(1)) {
        Ok(Opened::Values(values)) => Some(values),
        _ => None,
    }
}

/// Shows the values of a pickle; false if it is none, or if something else than its text is wanted.
fn outline(args: &ShowArgs, session: &Session) -> anyhow::Result<bool> {
    let address = Address::parse(&args.source.source);
    let is_plain = args.to == Form::Repr && args.source.slice.is_none() && args.output.is_none();
    if !is_plain {
        return Ok(false);
    }
    let Some(values) = values(&args.source.source, session) else {
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
    picked: &Picked,
    args: &ShowArgs,
    session: &Session,
    to: &mut dyn Write,
) -> ndferry::Result<()> {
    let array = match picked {
        Picked::Array(array) => array,
        Picked::Masked(masked) => {
            masked.write_text(to, &print_options(args))?;
            return Ok(writeln!(to)?);
        }
        Picked::Objects(text) => {
            to.write_all(text)?;
            return Ok(writeln!(to)?);
        }
    };
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
