//! What happens inside, on standard error: `NDFERRY_LOG` and `-v`.

use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Says what is to be told: a level (`error`, `warn`, `info`, `debug`, `trace`), or levels of parts of the program
/// (`ndferry::input=trace,ndferry=debug`).
const VARIABLE: &str = "NDFERRY_LOG";

/// Begins to tell. `-v` is `debug`, `-vv` is `trace`; `NDFERRY_LOG` is more exact and wins.
pub(crate) fn begin(verbose: u8) -> anyhow::Result<()> {
    let wanted = std::env::var_os(VARIABLE).filter(|wanted| !wanted.is_empty());
    let targets = match (wanted, verbose) {
        (Some(wanted), _) => {
            let wanted = wanted.to_str().context(VARIABLE)?;
            // A word that is no level is taken for the name of a part, of which nothing would ever be told.
            let is_level = |word: &str| word.contains('=') || word.parse::<Level>().is_ok();
            let wrong =
                || anyhow!("{VARIABLE}: {wanted:?} is no level: error, warn, info, debug or trace");
            match wanted {
                "off" | "0" => return Ok(()),
                wanted if wanted.split(',').all(is_level) => {
                    wanted.parse::<Targets>().map_err(|_| wrong())?
                }
                _ => return Err(wrong()),
            }
        }
        (None, 0) => return Ok(()),
        (None, 1) => Targets::new().with_default(Level::DEBUG),
        (None, _) => Targets::new().with_default(Level::TRACE),
    };
    let is_coloured = std::io::stderr().is_terminal()
        && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_timer(uptime())
        .with_ansi(is_coloured);
    // Only one is ever set.
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .try_init();
    Ok(())
}
