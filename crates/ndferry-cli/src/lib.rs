//! The `ndferry` command, as a library: the program is `main.rs`, and the Python package brings it as well.

mod args;
#[expect(
    unsafe_code,
    reason = "a function that runs before main; see the module's safety notes"
)]
mod closed;
mod commands;
mod graphics;
mod limits;
mod log;
mod output;
mod picture;
mod progress;
mod raster;
mod report;
mod shades;
mod size;
mod terminal;
mod token;
mod watch;
mod words;

use std::ffi::OsString;
use std::io::Write;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use report::{Outcome, Session};

/// Runs the command with these arguments, the first of which is its name; gives the exit status. Ctrl-C belongs to it from
/// then on. A shell that asks for completions in a wrong way ends the process.
pub fn main(args: Vec<OsString>) -> u8 {
    let status = status(args);
    // A process that is not Rust's own does not do this at its end.
    match std::io::stdout().flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => status.max(2),
        _ => status,
    }
}

fn status(args: Vec<OsString>) -> u8 {
    // Answers a shell that completes.
    let completed = clap_complete::CompleteEnv::with_factory(Cli::command)
        .try_complete(args.clone(), std::env::current_dir().ok().as_deref());
    match completed {
        Ok(false) => {}
        Ok(true) => return 0,
        Err(error) => error.exit(),
    }
    let cli = match Cli::try_parse_from(args::with_verb(args)) {
        Ok(cli) => cli,
        Err(error) => return report::usage(&error),
    };
    cli.color.write_global();
    if let Err(error) = log::begin(cli.verbose) {
        return report::failed(&error);
    }
    let session = match Session::new(cli.progress, cli.quiet, cli.limits) {
        Ok(session) => session,
        Err(error) => return report::failed(&error),
    };
    match run(cli.command, &session) {
        Ok(outcome) => outcome.status(),
        Err(error) => report::failed(&error),
    }
}

fn run(command: Command, session: &Session) -> anyhow::Result<Outcome> {
    match command {
        Command::Info(args) => commands::info::run(&args, session),
        Command::Show(args) => commands::show::run(&args, session),
        Command::Stats(args) => commands::stats::run(&args, session),
        Command::View(args) => commands::view::run(&args, session),
        Command::Convert(args) => commands::convert::run(&args, session),
        Command::Diff(args) => commands::diff::run(&args, session),
        Command::Check(args) => commands::check::run(&args, session),
        Command::Scan(args) => commands::scan::run(&args, session),
        Command::Verify(args) => commands::verify::run(&args, session),
        Command::Repair(args) => commands::repair::run(&args, session),
        Command::Repickle(args) => commands::repickle::run(&args, session),
        Command::Send(args) => commands::send::run(&args, session),
        Command::Recv(args) => commands::recv::run(&args, session),
        Command::Imagej(args) => commands::imagej::run(&args, session),
        #[cfg(feature = "pyro")]
        Command::Pyro(args) => commands::pyro::run(&args, session),
        Command::Demo(args) => commands::demo::run(&args, session),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    }
}
