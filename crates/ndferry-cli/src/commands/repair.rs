//! `ndferry repair`: what is whole in an NPB file, with an index.

use std::io::Write;

use ndferry::RepairOptions;

use crate::args::RepairArgs;
use crate::commands::check;
use crate::report::{Outcome, Session};
use crate::words::plain;
use crate::{output, size};

pub(crate) fn run(args: &RepairArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut options = RepairOptions::default();
    options.open = session.open_options(0);
    // Without another output the file itself is what is to be replaced.
    options.overwrite = args.force || args.output.is_none();
    let to = args.output.as_ref().unwrap_or(&args.path);
    let repaired = ndferry::repair(&args.path, to, &options, &session.bar)?;
    let mut out = output::styled();
    check::problems(&args.path, &repaired.problems, &mut out)?;
    let name = plain(&to.display().to_string());
    let (tiles, lost) = (size::counted(repaired.tiles, "tile"), repaired.lost);
    let more = match repaired.lost_arrays {
        true => "; there may have been more arrays",
        false => "",
    };
    writeln!(out, "{name}: {tiles}, {} lost{more}", size::count(lost))?;
    out.flush()?;
    Ok(Outcome::Yes)
}
