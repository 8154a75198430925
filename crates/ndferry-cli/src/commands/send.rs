//! `ndferry send`: arrays to a receiver.

use std::io::IsTerminal;
use std::time::Instant;

use anyhow::bail;
use ndferry::{Item, SendOptions, send};

use crate::args::SendArgs;
use crate::commands::convert::packing;
use crate::report::{Outcome, Session};
use crate::size;

pub(crate) fn run(args: &SendArgs, session: &Session) -> anyhow::Result<Outcome> {
    if args.url == "-" && std::io::stdout().is_terminal() {
        bail!("standard output is a terminal: pipe it into `ndferry recv --listen -`");
    }
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
    let started = Instant::now();
    let sent = send(&args.url, &items, &options, &session.bar)?;
    let peak = ndferry::peak_memory().map_or(String::new(), |peak| {
        format!(", peak memory {}", size::text(peak))
    });
    let stored = if sent.acknowledged {
        "stored and verified there"
    } else {
        "written to the pipe"
    };
    session.say(format_args!(
        "sent {}, {} in {}, {}{peak}: {stored}",
        size::counted(sent.arrays as u64, "array"),
        size::text(sent.nbytes),
        size::counted(sent.blocks, "block"),
        size::rate(sent.nbytes, started.elapsed()),
    ));
    Ok(Outcome::Yes)
}
