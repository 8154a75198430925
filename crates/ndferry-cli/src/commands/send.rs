//! `ndferry send`: arrays to a receiver.

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::bail;
use ndferry::{Address, ErrorKind, Fingerprint, Item, SendOptions, TokenProblem, send};

use crate::args::SendArgs;
use crate::commands::convert::packing;
use crate::report::{Outcome, Session};
use crate::{output, size};

pub(crate) fn run(args: &SendArgs, session: &Session) -> anyhow::Result<Outcome> {
    if args.url == "-" {
        output::check()?;
    }
    if args.url == "-" && std::io::stdout().is_terminal() {
        bail!("standard output is a terminal: pipe it into `ndferry recv --listen -`");
    }
    // Taken before anything is read: a change in between makes it another source.
    let source = args.resume.then(|| fingerprint(args)).transpose()?;
    let arrays = session.arrays(&args.source, args.threads.jobs)?;
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut options = SendOptions::default();
    options.packing = packing(&args.packing);
    options.block_nbytes = usize::try_from(args.block).unwrap_or(usize::MAX);
    options.timeout = args.wait.timeout;
    options.threads = args.threads.jobs;
    options.interrupt = session.interrupt.clone();
    options.resume = source;
    crate::token::none_over_a_pipe(&args.url, &args.token)?;
    if args.url != "-" {
        options.token = crate::token::given(&args.token)?;
    }
    let mut started = Instant::now();
    let sent = match send(&args.url, &items, &options, &session.bar) {
        Err(error) if is_token_needed(&error) => match crate::token::asked()? {
            Some(token) => {
                options.token = Some(token);
                started = Instant::now();
                send(&args.url, &items, &options, &session.bar)?
            }
            None => return Err(error.into()),
        },
        sent => sent?,
    };
    let peak = ndferry::peak_memory().map_or(String::new(), |peak| {
        format!(", peak memory {}", size::text(peak))
    });
    let stored = if sent.acknowledged {
        "stored and verified there"
    } else {
        "written to the pipe"
    };
    let held = match sent.held {
        Some(blocks) if blocks > 0 => format!(", {blocks} of them held there"),
        None if args.resume => ", the receiver does not resume".to_owned(),
        _ => String::new(),
    };
    session.say(format_args!(
        "sent {}, {} in {}{held}, {}{peak}: {stored}",
        size::counted(sent.arrays as u64, "array"),
        size::text(sent.nbytes),
        size::counted(sent.blocks, "block"),
        size::rate(sent.nbytes, started.elapsed()),
    ));
    Ok(Outcome::Yes)
}

/// Whether the receiver has asked for a token, before anything was sent.
fn is_token_needed(error: &ndferry::Error) -> bool {
    matches!(error.kind(), ErrorKind::Token(TokenProblem::Needed))
}

/// Of the file and of which part of it is sent.
fn fingerprint(args: &SendArgs) -> anyhow::Result<Fingerprint> {
    let path = Address::parse(&args.source.source).path;
    if path.as_os_str() == "-" {
        bail!("--resume needs a file: standard input cannot be read again");
    }
    let part = format!("{:?}", args.source.slice);
    Ok(Fingerprint::of_file(path)?.and(part.as_bytes()))
}
