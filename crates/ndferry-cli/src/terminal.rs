//! What the terminal can show, as far as it says so itself.

use std::io::{self, IsTerminal, Write};

use crate::shades::Protocol;

/// Pixels of a character where the terminal does not say: those of the VT340, which invented sixels.
const CELL: (usize, usize) = (10, 20);

/// How a picture gets to the eye, if nobody asked for a way.
pub(crate) fn protocol() -> Protocol {
    let is_plain = anstream::AutoStream::choice(&io::stdout()) == anstream::ColorChoice::Never;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    choose(is_plain, io::stdout().is_terminal(), &variable)
}

fn choose(is_plain: bool, is_terminal: bool, variable: &dyn Fn(&str) -> String) -> Protocol {
    let is = |name: &str, values: &[&str]| {
        let value = variable(name).to_ascii_lowercase();
        values.iter().any(|known| value.contains(known))
    };
    // Inside a multiplexer the outer terminal's protocols do not get through.
    let is_inside = !variable("TMUX").is_empty() || is("TERM", &["screen", "tmux"]);
    if is_plain && is_utf8(variable) {
        Protocol::Shades
    } else if is_plain || (is_terminal && !is_utf8(variable)) {
        Protocol::Ascii
    } else if is_inside || !is_terminal {
        Protocol::Blocks
    } else if is("TERM", &["kitty", "ghostty"]) || !variable("KITTY_WINDOW_ID").is_empty() {
        Protocol::Kitty
    } else if is("TERM_PROGRAM", &["iterm", "wezterm"]) {
        Protocol::Iterm
    } else if is("TERM", &["foot", "mlterm", "yaft", "contour", "sixel"])
        || is("TERM_PROGRAM", &["mintty", "contour"])
        // Konsole has drawn sixels since 22.04.
        || variable("KONSOLE_VERSION").parse().is_ok_and(|version: u32| version >= 220_400)
    {
        Protocol::Sixel
    } else {
        Protocol::Blocks
    }
}

/// Whether the locale has more characters than ASCII's; one that says nothing has.
fn is_utf8(variable: &dyn Fn(&str) -> String) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let mut values = names.iter().map(|name| variable(name).to_ascii_lowercase());
    values
        .find(|value| !value.is_empty())
        .is_none_or(|locale| locale.contains("utf-8") || locale.contains("utf8"))
}

/// Columns; 80 where there is no terminal or one that does not know its size.
pub(crate) fn columns() -> usize {
    let size = terminal_size::terminal_size();
    size.map_or(80, |(width, _)| usize::from(width.0)).max(2)
}

/// Pixels of one character, across and down.
pub(crate) fn cell() -> (usize, usize) {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) {
        let pixels = |all: u16, parts: u16| usize::from(all.checked_div(parts).unwrap_or(0));
        let cell = (
            pixels(size.ws_xpixel, size.ws_col),
            pixels(size.ws_ypixel, size.ws_row),
        );
        if cell.0 > 0 && cell.1 > 0 {
            return cell;
        }
    }
    CELL
}

/// Whether what is drawn must be made of ASCII.
pub(crate) fn wants_ascii() -> bool {
    io::stdout().is_terminal() && !is_utf8(&|name| std::env::var(name).unwrap_or_default())
}

/// Frames, bars and blocks, as what comes nearest in ASCII where the terminal has no others. Everything else goes
/// through as it is.
#[derive(Debug)]
pub(crate) struct Drawn<W> {
    to: W,
    is_ascii: bool,
}

impl<W: Write> Drawn<W> {
    pub(crate) fn new(to: W) -> Self {
        let is_ascii = wants_ascii();
        Self { to, is_ascii }
    }
}

impl<W: Write> Write for Drawn<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if !self.is_ascii {
            return self.to.write(buf);
        }
        // The buffer in front of this one gives every text whole.
        match std::str::from_utf8(buf) {
            Ok(text) => self.to.write_all(ascii(text).as_bytes())?,
            Err(_) => self.to.write_all(buf)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn ascii(text: &str) -> String {
    let one = |c| match c {
        '├' | '└' => '+',
        '│' => '|',
        '─' | '━' | '╸' => '-',
        '▁' | '▂' => '.',
        '▃' | '▄' | '▅' => ':',
        '▆' | '▇' | '█' | '▓' => '#',
        '░' | '▒' => ':',
        other => other,
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(is_plain: bool, is_terminal: bool, variables: &[(&str, &str)]) -> Protocol {
        choose(is_plain, is_terminal, &|name| {
            let mut named = variables.iter().filter(|(key, _)| *key == name);
            named
                .next()
                .map_or(String::new(), |(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn terminals_are_known_by_what_they_say_of_themselves() {
        for (variables, protocol) in [
            (&[("TERM", "xterm-kitty")][..], Protocol::Kitty),
            (&[("TERM_PROGRAM", "iTerm.app")], Protocol::Iterm),
            (&[("TERM_PROGRAM", "WezTerm")], Protocol::Iterm),
            (&[("TERM", "foot-extra")], Protocol::Sixel),
            (&[("TERM", "mlterm")], Protocol::Sixel),
            (&[("KONSOLE_VERSION", "230803")], Protocol::Sixel),
            (&[("KONSOLE_VERSION", "200401")], Protocol::Blocks),
            (&[("TERM", "xterm-256color")], Protocol::Blocks),
            (
                &[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x")],
                Protocol::Blocks,
            ),
            (&[("TERM", "xterm-kitty"), ("LC_ALL", "C")], Protocol::Ascii),
            (&[], Protocol::Blocks),
        ] {
            assert_eq!(chosen(false, true, variables), protocol, "{variables:?}");
        }
    }

    #[test]
    fn without_colours_there_are_shades_or_letters() {
        let latin = [("LANG", "de_DE.ISO-8859-1")];
        assert_eq!(chosen(true, true, &[]), Protocol::Shades);
        assert_eq!(chosen(true, true, &[("LANG", "C.UTF-8")]), Protocol::Shades);
        assert_eq!(chosen(true, true, &latin), Protocol::Ascii);
        // The first that is set counts, even against the others.
        let both = [("LC_ALL", "en_US.utf8"), ("LANG", "C")];
        assert_eq!(chosen(true, true, &both), Protocol::Shades);
        // Escape sequences were asked for into a pipe.
        assert_eq!(chosen(false, false, &[("TERM", "foot")]), Protocol::Blocks);
    }

    #[test]
    fn what_is_drawn_survives_in_ascii_and_the_rest_as_it_is() {
        let mut drawn = Drawn {
            to: Vec::new(),
            is_ascii: true,
        };
        drawn.write_all("├ größe █▁│\n".as_bytes()).unwrap();
        drawn.write_all(b"\xff\n").unwrap();
        let found = String::from_utf8_lossy(&drawn.to).into_owned();
        assert_eq!(found, "+ größe #.|\n\u{fffd}\n");
    }
}
