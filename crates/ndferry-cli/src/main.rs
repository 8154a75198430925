//! The `ndferry` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ndferry_cli::main(std::env::args_os().collect()).into()
}
