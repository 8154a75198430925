//! `ndferry man`: manual pages.

use std::io::Write;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::{Cli, ManArgs};
use crate::output;
use crate::report::Outcome;

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<Outcome> {
    let command = Cli::command();
    match &args.folder {
        Some(folder) => clap_mangen::generate_to(command, folder)
            .with_context(|| folder.display().to_string())?,
        None => {
            let mut out = output::stdout();
            clap_mangen::Man::new(command).render(&mut out)?;
            out.flush()?;
        }
    }
    Ok(Outcome::Yes)
}
