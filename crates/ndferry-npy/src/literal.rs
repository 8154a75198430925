//! The Python literals that a header may hold, and no others.
//!
//! Every byte is looked at a bounded number of times, whatever the nesting.

use crate::{Error, ErrorKind};

/// How deep brackets may be nested; NumPy's deepest real headers need one level per nested struct.
const MAX_DEPTH: usize = 200;

/// A Python value written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    None,
    Bool(bool),
    /// An integer that fits; [`Parser::number`] refuses others.
    Int(i64),
    Str(String),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    /// Keys and values in the order written.
    Dict(Vec<(Literal, Literal)>),
}

/// How bytes above 127 are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Versions 1 and 2.
    Latin1,
    /// Version 3.
    Utf8,
}

/// Parses the whole of `text`. Offsets in errors count from `base`, where the text starts in the input.
pub(crate) fn parse(text: &[u8], encoding: Encoding, base: u64) -> Result<Literal, Error> {
    let mut parser = Parser {
        text,
        at: 0,
        encoding,
        base,
    };
    // NumPy strips these before it parses; a newline there would be fine too.
    parser.space();
    let value = parser.value(0)?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.wrong("something follows the dictionary"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    encoding: Encoding,
    base: u64,
}

impl Parser<'_> {
    fn wrong(&self, problem: &'static str) -> Error {
        ErrorKind::Literal { problem }.at(self.base + self.at as u64)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Skips white space, line ends, comments and line continuations.
    fn space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' => self.at += 1,
                b'\\' if matches!(self.text.get(self.at + 1), Some(b'\n' | b'\r')) => self.at += 2,
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Literal, Error> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("brackets nested too deep"));
        }
        match self.peek() {
            None => Err(self.wrong("it ends where a value should be")),
            Some(b'{') => self.dict(depth),
            Some(b'(') => {
                self.at += 1;
                let (mut items, comma) = self.items(b')', depth)?;
                // Parentheses without a comma only group.
                match items.len() {
                    1 if !comma => Ok(items.remove(0)),
                    _ => Ok(Literal::Tuple(items)),
                }
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Literal::List(self.items(b']', depth)?.0))
            }
            Some(b'0'..=b'9' | b'+' | b'-') => self.number(),
            Some(b'\'' | b'"') => self.strings(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word(),
            Some(_) => Err(self.wrong("unexpected character")),
        }
    }

    /// Values up to `close`, and whether a comma stood after the last.
    fn items(&mut self, close: u8, depth: usize) -> Result<(Vec<Literal>, bool), Error> {
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            self.space();
            if self.take(close) {
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(self.wrong("a comma is missing"));
            }
            items.push(self.value(depth + 1)?);
            self.space();
            comma = self.take(b',');
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Literal, Error> {
        self.at += 1;
        let mut pairs = Vec::new();
        let mut comma = true;
        loop {
            self.space();
            if self.take(b'}') {
                return Ok(Literal::Dict(pairs));
            }
            if !comma {
                return Err(self.wrong("a comma is missing"));
            }
            let key = self.value(depth + 1)?;
            self.space();
            if !self.take(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            self.space();
            let value = self.value(depth + 1)?;
            self.space();
            comma = self.take(b',');
            pairs.push((key, value));
        }
    }

    /// `True`, `False`, `None`, or the prefix of a string.
    fn word(&mut self) -> Result<Literal, Error> {
        let rest = &self.text[self.at..];
        let end = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
            .unwrap_or(rest.len());
        let value = match &rest[..end] {
            b"True" => Literal::Bool(true),
            b"False" => Literal::Bool(false),
            b"None" => Literal::None,
            b"u" | b"U" | b"r" | b"R" if matches!(rest.get(end), Some(b'\'' | b'"')) => {
                return self.strings();
            }
            _ => return Err(self.wrong("a name that is not a literal")),
        };
        self.at += end;
        Ok(value)
    }

    /// An integer in any of Python's bases, with underscores, and Python 2's `L`.
    fn number(&mut self) -> Result<Literal, Error> {
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = self.peek() {
            negative ^= sign == b'-';
            self.at += 1;
            self.space();
        }
        let start = self.at;
        let radix = match self.text.get(start..start + 2) {
            Some([b'0', b'x' | b'X']) => 16,
            Some([b'0', b'o' | b'O']) => 8,
            Some([b'0', b'b' | b'B']) => 2,
            _ => 10,
        };
        self.at += if radix == 10 { 0 } else { 2 };
        let mut value = 0u64;
        let mut digits = 0usize;
        let mut underscore = radix != 10;
        while let Some(byte) = self.peek() {
            if byte == b'_' && (digits == 0 || !underscore || radix != 10) {
                if underscore && digits > 0 {
                    return Err(self.wrong("not a number"));
                }
                underscore = true;
            } else if let Some(digit) = char::from(byte).to_digit(radix) {
                value = value
                    .checked_mul(radix.into())
                    .and_then(|value| value.checked_add(digit.into()))
                    .ok_or_else(|| self.wrong("a number that is too large"))?;
                digits += 1;
                underscore = false;
            } else {
                break;
            }
            self.at += 1;
        }
        if digits == 0 || underscore {
            return Err(self.wrong("not a number"));
        }
        if radix == 10 && digits > 1 && self.text[start] == b'0' && value > 0 {
            return Err(self.wrong("a number with leading zeros"));
        }
        // Python 2 wrote long integers so.
        if matches!(self.peek(), Some(b'L' | b'l')) {
            self.at += 1;
        }
        if self
            .peek()
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'))
        {
            return Err(self.wrong("not an integer"));
        }
        let value = i64::try_from(value).map_err(|_| self.wrong("a number that is too large"))?;
        Ok(Literal::Int(if negative { -value } else { value }))
    }

    /// One or more adjacent strings, which Python joins.
    fn strings(&mut self) -> Result<Literal, Error> {
        let mut out = String::new();
        loop {
            let raw = match (self.peek(), self.text.get(self.at + 1)) {
                (Some(b'r' | b'R'), Some(b'\'' | b'"')) => {
                    self.at += 1;
                    true
                }
                (Some(b'u' | b'U'), Some(b'\'' | b'"')) => {
                    self.at += 1;
                    false
                }
                (Some(b'\'' | b'"'), _) => false,
                _ => return Ok(Literal::Str(out)),
            };
            self.string(raw, &mut out)?;
            self.space();
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Result<(), Error> {
        let quote = self.text[self.at];
        let triple = self.text[self.at..].starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        loop {
            let run = self.text[self.at..]
                .iter()
                .position(|b| *b == quote || matches!(b, b'\\' | b'\n' | 0))
                .ok_or_else(|| self.wrong("a string without an end"))?;
            let text = &self.text[self.at..self.at + run];
            self.push(text, out)?;
            self.at += run;
            match self.text[self.at] {
                b'\\' => {
                    self.at += 1;
                    if raw {
                        // Keeps the backslash, and the quote after it does not end the string.
                        out.push('\\');
                        if self.peek().is_some_and(|b| b == quote || b == b'\\') {
                            out.push(char::from(self.text[self.at]));
                            self.at += 1;
                        }
                    } else {
                        self.escape(out)?;
                    }
                }
                b'\n' if triple => {
                    out.push('\n');
                    self.at += 1;
                }
                b'\n' => return Err(self.wrong("a string without an end")),
                0 => return Err(self.wrong("a zero byte")),
                _ if !triple => {
                    self.at += 1;
                    return Ok(());
                }
                _ if self.text[self.at..].starts_with(&[quote; 3]) => {
                    self.at += 3;
                    return Ok(());
                }
                _ => {
                    out.push(char::from(quote));
                    self.at += 1;
                }
            }
        }
    }

    fn push(&self, text: &[u8], out: &mut String) -> Result<(), Error> {
        match self.encoding {
            Encoding::Latin1 => out.extend(text.iter().map(|b| char::from(*b))),
            Encoding::Utf8 => {
                out.push_str(std::str::from_utf8(text).map_err(|_| self.wrong("not UTF-8"))?);
            }
        }
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut String) -> Result<(), Error> {
        let Some(code) = self.peek() else {
            return Err(self.wrong("a string without an end"));
        };
        self.at += 1;
        let c = match code {
            b'\n' => return Ok(()),
            b'\\' | b'\'' | b'"' => char::from(code),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'a' => '\x07',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'v' => '\x0b',
            b'0'..=b'7' => {
                self.at -= 1;
                self.digits(8, 1, 3)?
            }
            b'x' => self.digits(16, 2, 2)?,
            b'u' => self.digits(16, 4, 4)?,
            b'U' => self.digits(16, 8, 8)?,
            b'N' => self.named()?,
            _ => {
                // Python keeps an unknown escape as it is.
                out.push('\\');
                self.at -= 1;
                return Ok(());
            }
        };
        out.push(c);
        Ok(())
    }

    fn digits(&mut self, radix: u32, least: usize, most: usize) -> Result<char, Error> {
        let mut value = 0;
        let mut count = 0;
        while count < most {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(radix));
            let Some(digit) = digit else { break };
            value = value * radix + digit;
            count += 1;
            self.at += 1;
        }
        if count < least {
            return Err(self.wrong("an escape that is cut off"));
        }
        char::from_u32(value).ok_or_else(|| self.wrong("an escape that is not a character"))
    }

    /// `\N{…}`.
    fn named(&mut self) -> Result<char, Error> {
        let wrong = self.wrong("not the name of a character");
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.iter().take(128).position(|b| *b == b'}');
        let name = match (rest.first(), end) {
            (Some(b'{'), Some(end)) => std::str::from_utf8(&rest[1..end]).ok(),
            _ => None,
        };
        let Some(name) = name else { return Err(wrong) };
        self.at += name.len() + 2;
        unicode_names2::character(name).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Literal {
        parse(text.as_bytes(), Encoding::Latin1, 0).unwrap()
    }

    #[test]
    fn python_spellings_mean_what_python_says() {
        use Literal::*;
        assert_eq!(
            ok("( 2L ,+3,0x_f, 1_2, 0o17,0b11)"),
            Tuple([2, 3, 15, 12, 15, 3].map(Int).to_vec())
        );
        assert_eq!(
            ok("((2), (2,), [], ())"),
            Tuple(vec![
                Int(2),
                Tuple(vec![Int(2)]),
                List(vec![]),
                Tuple(vec![])
            ])
        );
        assert_eq!(
            ok("u'a' r'\\n' \"\"\"b\"c\"\"\" '\\x41\\u0042\\103\\q'"),
            Str("a\\nb\"cABC\\q".into())
        );
        assert_eq!(
            ok("{'a': None, # why\n 'b' : True , \\\n}"),
            Dict(vec![(Str("a".into()), None), (Str("b".into()), Bool(true))])
        );
        assert_eq!(ok("'\\N{LATIN SMALL LETTER A}'"), Str("a".into()));
    }

    #[test]
    fn everything_else_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("(1 2)", 3),
            ("{'a' 1}", 5),
            ("'a", 1),
            ("f(1)", 0),
            ("1.5", 1),
            ("1e3", 1),
            ("b'x'", 0),
            ("1__2", 2),
            ("007", 3),
            ("99999999999999999999", 19),
            ("1 2", 2),
            ("'\\N{NO SUCH}'", 3),
        ] {
            let error = parse(text.as_bytes(), Encoding::Utf8, 10).unwrap_err();
            assert_eq!(error.offset, 10 + at, "{text}: {error}");
        }
    }

    #[test]
    fn nesting_is_bounded_and_linear() {
        let deep = "[".repeat(1_000_000);
        assert!(parse(deep.as_bytes(), Encoding::Latin1, 0).is_err());
        assert!(
            parse(
                &b"((((((((((((((((((((1))))))))))))))))))))"[..],
                Encoding::Latin1,
                0
            )
            .is_ok()
        );
    }
}
