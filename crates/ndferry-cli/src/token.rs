//! Where the token of a transfer comes from: `--token-file`, `NDFERRY_TOKEN`, or whoever sits at the terminal. Never an
//! argument, which everybody on the machine could read.

use std::fs::File;
use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};
use ndferry::Token;

use crate::args::TokenArgs;

/// The variable of the environment that has it.
pub(crate) const VARIABLE: &str = "NDFERRY_TOKEN";

/// More of a file is not read.
const MOST: u64 = 64 << 10;

/// The token that was given; an empty variable is none.
pub(crate) fn given(args: &TokenArgs) -> anyhow::Result<Option<Token>> {
    if let Some(path) = &args.token_file {
        let read = || {
            let mut bytes = Vec::new();
            File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
            std::io::Result::Ok(bytes)
        };
        let bytes = read().with_context(|| path.display().to_string())?;
        let token = Token::new(bytes).map_err(|error| error.in_path(path))?;
        return Ok(Some(token));
    }
    match std::env::var_os(VARIABLE) {
        Some(text) if !text.is_empty() => {
            let token = Token::new(text.as_encoded_bytes());
            Ok(Some(token.map_err(|error| error.in_source(VARIABLE))?))
        }
        _ => Ok(None),
    }
}

/// Whether the environment has one.
pub(crate) fn is_set() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|text| !text.is_empty())
}

/// Asks for it on a terminal, where it is not shown; `None` if there is no terminal, or no answer.
pub(crate) fn asked() -> anyhow::Result<Option<Token>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    eprint!("token: ");
    let line = hidden::line();
    eprintln!();
    let line = line?;
    match line.trim().is_empty() {
        true => Ok(None),
        false => Ok(Some(Token::new(line)?)),
    }
}

#[cfg(unix)]
mod hidden {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// Shows what is typed again when it is dropped.
    struct Hidden(Termios);

    impl Drop for Hidden {
        fn drop(&mut self) {
            // The terminal may be gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    /// A line that is not shown.
    pub(super) fn line() -> io::Result<String> {
        let before = tcgetattr(io::stdin())?;
        let mut hiding = before.clone();
        hiding.local_modes.remove(LocalModes::ECHO);
        let _hidden = Hidden(before);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hiding)?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line)
    }
}

#[cfg(not(unix))]
mod hidden {
    use std::io;

    /// A line; here it is shown.
    pub(super) fn line() -> io::Result<String> {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line)
    }
}

/// For verbs over a pipe, where nobody can prove anything.
pub(crate) fn none_over_a_pipe(url: &str, args: &TokenArgs) -> anyhow::Result<()> {
    if url == "-" && args.token_file.is_some() {
        bail!("a pipe cannot answer: --token-file is of no use");
    }
    Ok(())
}
