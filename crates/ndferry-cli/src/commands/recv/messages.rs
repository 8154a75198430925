//! `ndferry recv --recipe`: messages of others, one a file.

use std::path::Path;

use anyhow::bail;
use ndferry::{
    ErrorClass, Format, Item, Message, MessageOptions, Messages, Recipe, SaveOptions, save,
};

use super::{can_save, free_name, is_of_sender, numbered};
use crate::args::RecvArgs;
use crate::report::{Outcome, Session};
use crate::size;
use crate::words::{dtype_text, plain, shape_text};

pub(crate) fn run(args: &RecvArgs, recipe: Recipe, session: &Session) -> anyhow::Result<Outcome> {
    let is_file = |output: &Path| output != Path::new("-") && !output.is_dir();
    if args.json || !args.output.as_deref().is_none_or(is_file) {
        bail!("--recipe stores messages in files: name one with -o, without --json");
    }
    if crate::token::is_set() && !args.insecure {
        bail!(
            "messages of --recipe cannot prove to know a token: --insecure takes them all the same"
        );
    }
    let mut options = MessageOptions::new(recipe);
    options.timeout = args.wait.timeout;
    options.limits = session.open_options(0).limits;
    options.insecure = args.insecure;
    options.interrupt = session.interrupt.clone();
    let format = args
        .to
        .or(args.output.as_deref().and_then(Format::of_extension));
    if let Some(output) = &args.output {
        can_save(output, format, args.force)?;
    }
    let mut messages = match &args.connect {
        Some(url) => Messages::connect(url, options)?,
        None => Messages::bind(&args.listen, options)?,
    };
    // Scripts wait for this line; it is there even when quiet.
    let at = if args.connect.is_some() {
        "connected to"
    } else {
        "listening on"
    };
    crate::report::line(format_args!("{at} {}", messages.url()));
    let mut number = 0;
    while args.count == 0 || number < args.count {
        let stored = messages.recv().and_then(|message| {
            store(&message, args, format, number + 1, session)?;
            messages.reply()
        });
        match stored {
            Ok(()) => number += 1,
            // There are others.
            Err(error) if args.count != 1 && is_of_sender(&error) => {
                if args.connect.is_some() && error.class() == ErrorClass::Protocol {
                    return Err(error.into());
                }
                crate::report::tell(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Outcome::Yes)
}

fn store(
    message: &Message,
    args: &RecvArgs,
    format: Option<Format>,
    number: u64,
    session: &Session,
) -> ndferry::Result<()> {
    let format = format.unwrap_or(Format::Npb);
    let output = match &args.output {
        Some(output) => numbered(output, number),
        None => free_name(format),
    };
    let items: Vec<Item<'_>> = message
        .arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut options = SaveOptions::default();
    options.format = Some(format);
    options.overwrite = args.force;
    options.interrupt = session.interrupt.clone();
    save(&output, &items, &options, &session.bar)?;
    for item in &items {
        let name = match item.name {
            "" => String::new(),
            name => format!("{}  ", plain(name)),
        };
        let (dtype, shape) = (
            dtype_text(item.array.dtype()),
            shape_text(item.array.shape()),
        );
        session.say(format_args!("{name}{dtype}  {shape}"));
    }
    if message.holds_more {
        session.say(format_args!(
            "the arrays of the pickle alone are stored; other values, and how they are nested, are left out"
        ));
    }
    let (nbytes, path) = (size::text(message.nbytes), output.display());
    session.say(format_args!("stored a message of {nbytes}: {path}"));
    Ok(())
}
