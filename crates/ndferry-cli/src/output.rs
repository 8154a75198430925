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
    check()?;
    Ok(stdout())
}

/// Standard output for text that may hold anything: on a terminal control characters are escaped, so that a file from
/// elsewhere cannot speak to it; with `force` they are not.
pub(crate) fn text(force: bool) -> io::BufWriter<Closing<Tame<io::StdoutLock<'static>>>> {
    let tame = Tame {
        to: io::stdout().lock(),
        is_tame: io::stdout().is_terminal() && !force,
    };
    io::BufWriter::with_capacity(1 << 16, Closing(tame))
}

/// Escapes control characters, except for newlines and tabs.
#[derive(Debug)]
pub(crate) struct Tame<W> {
    to: W,
    is_tame: bool,
}

impl<W: Write> Write for Tame<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.is_tame {
            return self.to.write(buf);
        }
        let mut rest = buf;
        while !rest.is_empty() {
            let is_wild = |i: usize| match rest[i] {
                b'\n' | b'\t' => false,
                // The second byte of U+0080 to U+009F, which some terminals obey.
                0x80..=0x9f => i > 0 && rest[i - 1] == 0xc2,
                byte => byte.is_ascii_control(),
            };
            match (0..rest.len()).find(|i| is_wild(*i)) {
                None => {
                    self.to.write_all(rest)?;
                    break;
                }
                Some(i) if rest[i] >= 0x80 => {
                    self.to.write_all(&rest[..i - 1])?;
                    write!(self.to, "\\x{:02x}", rest[i])?;
                    rest = &rest[i + 1..];
                }
                Some(i) => {
                    self.to.write_all(&rest[..i])?;
                    write!(self.to, "{}", rest[i].escape_ascii())?;
                    rest = &rest[i + 1..];
                }
            }
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        for (text, shown) in [
            ("a,b\n1,\t2\n", "a,b\n1,\t2\n"),
            ("\x1b[31mred\x07\0", r"\x1b[31mred\x07\x00"),
            ("größe…\u{9b}31m", r"größe…\x9b31m"),
            ("\r\x7f", r"\r\x7f"),
        ] {
            let (to, is_tame) = (Vec::new(), true);
            let mut tame = Tame { to, is_tame };
            tame.write_all(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(tame.to).unwrap(), shown);
        }
    }
}

/// Names standard output in errors, and turns a broken pipe into [`ClosedStdout`].
#[derive(Debug)]
pub(crate) struct Closing<W>(W);

/// What errors of standard output say. The reason is part of that, not its source, since peers are sent the text alone.
#[derive(Debug)]
struct OfStdout(io::Error);

impl std::fmt::Display for OfStdout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "standard output: {}", self.0)
    }
}

impl std::error::Error for OfStdout {}

/// Names standard output as what failed.
pub(crate) fn mark(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::other(ClosedStdout),
        kind => io::Error::new(kind, OfStdout(error)),
    }
}

/// Fails where standard output was closed from the beginning.
pub(crate) fn check() -> io::Result<()> {
    if crate::closed::stdout() {
        let error = io::Error::other("it is closed");
        return Err(io::Error::other(OfStdout(error)));
    }
    Ok(())
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        check()?;
        self.0.write(buf).map_err(mark)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(mark)
    }
}
