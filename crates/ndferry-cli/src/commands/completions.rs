//! `ndferry completions`: what a shell can offer, also inside files.

use std::ffi::OsStr;
use std::io::Write;

use anyhow::Context;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::Shells;
use ndferry::{OpenOptions, Source};

use crate::args::CompletionsArgs;
use crate::output;
use crate::report::Outcome;

/// More arrays than this are not offered.
const MAX_OFFERED: usize = 1000;

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).context("no such shell")?;
    let mut out = output::stdout();
    if args.shell == "bash" {
        // FILE:ARRAY is one word.
        writeln!(out, "COMP_WORDBREAKS=${{COMP_WORDBREAKS//:}}")?;
    }
    shell.write_registration("COMPLETE", "ndferry", "ndferry", "ndferry", &mut out)?;
    out.flush()?;
    Ok(Outcome::Yes)
}

/// Files, and behind `FILE:` the arrays in it.
pub(crate) fn sources(current: &OsStr) -> Vec<CompletionCandidate> {
    if let Some((path, _)) = current.to_str().and_then(|text| text.split_once(':'))
        && let Ok(source) = Source::open(path, &OpenOptions::default())
    {
        let named = source
            .members()
            .iter()
            .filter(|member| !member.path.is_empty());
        return named
            .take(MAX_OFFERED)
            .map(|member| format!("{path}:{}", member.path))
            .filter(|whole| whole.as_bytes().starts_with(current.as_encoded_bytes()))
            .map(CompletionCandidate::new)
            .collect();
    }
    PathCompleter::file().complete(current)
}
