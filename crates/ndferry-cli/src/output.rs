//! Standard output: data only, and a quiet end when nobody reads it any more.

use std::io::{self, IsTerminal, Write};

use crate::terminal::Drawn;

/// Standard output was closed by its reader.
#[derive(Debug)]
pub(crate) struct ClosedStdout;

impl std::fmt::Display for ClosedStdout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for ClosedStdout {}

/// Standard output, buffered.
pub(crate) fn stdout() -> io::BufWriter<Closing<io::StdoutLock<'static>>> {
    io::BufWriter::with_capacity(1 << 16, Closing(io::stdout().lock()))
}

/// Standard output for text with colours, which are left out where they are not wanted.
pub(crate) fn styled()
-> io::BufWriter<Closing<Drawn<anstream::AutoStream<io::StdoutLock<'static>>>>> {
    io::BufWriter::with_capacity(1 << 16, Closing(Drawn::new(anstream::stdout().lock())))
}

/// [`styled`], or for JSON everything as it is: leaving out colours also leaves out control characters inside of texts.
pub(crate) fn styled_or_json(
    json: bool,
) -> io::BufWriter<Closing<Drawn<anstream::AutoStream<io::StdoutLock<'static>>>>> {
    if !json {
        return styled();
    }
    let stdout = anstream::AutoStream::always_ansi(io::stdout().lock());
    io::BufWriter::with_capacity(1 << 16, Closing(Drawn::new(stdout)))
}

/// Standard output for bytes that are no text; a terminal only with `force`.
pub(crate) fn binary(
    force: bool,
) -> anyhow::Result<io::BufWriter<Closing<io::StdoutLock<'static>>>> {
    if io::stdout().is_terminal() && !force {
        anyhow::bail!("standard output is a terminal: name a file, or pipe it, or --force it");
    }
    Ok(stdout())
}

/// Turns a broken pipe into [`ClosedStdout`].
#[derive(Debug)]
pub(crate) struct Closing<W>(W);

fn mark(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        io::Error::other(ClosedStdout)
    } else {
        error
    }
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf).map_err(mark)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(mark)
    }
}
