//! Text as pickles spell it: UTF-8 with lone surrogates, Python's string literals, and lines with `\u` escapes.

/// What was found in UTF-8 text, fed in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextScan {
    /// Characters.
    pub(crate) nchars: u64,
    /// The widest of them.
    pub(crate) width: Width,
}

/// What the characters of a text have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Width {
    /// All below 128.
    #[default]
    Ascii,
    /// All below 256.
    Latin1,
    /// Anything that Rust's `str` may hold.
    Unicode,
    /// Also halves of surrogate pairs, as Python's `str` may hold.
    Surrogates,
}

impl TextScan {
    /// Scans a piece and returns how much of it was whole characters; of the last piece, all must be.
    ///
    /// # Errors
    /// Where it is not UTF-8 even with surrogates.
    pub(crate) fn feed(&mut self, bytes: &[u8], is_last: bool) -> Result<usize, usize> {
        if bytes.is_ascii() {
            self.nchars += bytes.len() as u64;
            return Ok(bytes.len());
        }
        let mut at = 0;
        loop {
            if self.width <= Width::Latin1 {
                at += self.latin1(&bytes[at..]);
            }
            let rest = &bytes[at..];
            let (valid, stop) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            self.count(&rest[..valid]);
            at += valid;
            match (stop, &bytes[at..]) {
                (None, _) => return Ok(at),
                (_, [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]) => {
                    self.nchars += 1;
                    self.width = Width::Surrogates;
                    at += 3;
                }
                // What may become a character with the next piece.
                (Some(None), _) | (_, [0xed] | [0xed, 0xa0..=0xbf]) if !is_last => return Ok(at),
                _ => return Err(at),
            }
        }
    }

    /// Steps over leading pieces that are Latin-1 altogether, many bytes at a time: so is spelled every array that Python
    /// 3 pickles in protocols 1 and 2.
    fn latin1(&mut self, bytes: &[u8]) -> usize {
        const PIECE: usize = 4096;
        let mut at = 0;
        while at < bytes.len() {
            let piece = &bytes[at..bytes.len().min(at + PIECE)];
            // A character that is cut off belongs to the next piece.
            let whole = piece.len() - usize::from(piece[piece.len() - 1] >= 0xc0);
            let piece = &piece[..whole];
            let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
                break;
            };
            let follows = |byte: u8| byte & 0xc0 == 0x80;
            let leads = |byte: u8| byte == 0xc2 || byte == 0xc3;
            // 0xc0 and 0xc1 are in no UTF-8.
            let other = |byte: u8| (byte > 0xc3) | (byte & 0xfe == 0xc0);
            // Each byte that follows has one that leads before it, and the other way round.
            // What was cut off begins a character, so none may be open before it.
            let mut wrong = follows(*first) | other(*first) | leads(*last);
            for pair in piece.windows(2) {
                wrong |= (leads(pair[0]) != follows(pair[1])) | other(pair[1]);
            }
            if wrong {
                break;
            }
            self.count(piece);
            at += whole;
        }
        at
    }

    fn count(&mut self, valid: &[u8]) {
        let starts = valid.chunks(1 << 15).map(|part| {
            let (mut starts, mut widest) = (0u16, 0);
            for byte in part {
                starts += u16::from(byte & 0xc0 != 0x80);
                widest = widest.max(*byte);
            }
            (u64::from(starts), widest)
        });
        for (count, widest) in starts {
            self.nchars += count;
            self.width = self.width.max(match widest {
                0..0x80 => Width::Ascii,
                0x80..=0xc3 => Width::Latin1,
                _ => Width::Unicode,
            });
        }
    }
}

/// Appends one character, surrogates included, as UTF-8 would spell it. False if there is no such character.
pub(crate) fn push_char(code: u32, out: &mut Vec<u8>) -> bool {
    if let Some(c) = char::from_u32(code) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return true;
    }
    if code > 0xffff {
        return false;
    }
    out.extend_from_slice(&[
        0xed,
        0x80 | (code >> 6 & 0x3f) as u8,
        0x80 | (code & 0x3f) as u8,
    ]);
    true
}

/// A Python 2 string literal with its quotes, as `STRING` lines hold it.
pub(crate) fn unquote(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let line = line.trim_ascii();
    let quote = *line
        .first()
        .filter(|quote| matches!(**quote, b'\'' | b'"'))?;
    let inner = line.get(1..line.len().checked_sub(1)?)?;
    if line.last() != Some(&quote) {
        return None;
    }
    let mut rest = inner;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        let simple = match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'\\' | b'\'' | b'"' => escape,
            b'\n' => continue,
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                hex(digits)? as u8
            }
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|b| matches!(b, b'0'..=b'7'));
                let more = more.count();
                let digits = &rest[..more];
                rest = &rest[more..];
                let first = u32::from(escape - b'0');
                let value = digits
                    .iter()
                    .fold(first, |value, digit| value * 8 + u32::from(digit - b'0'));
                value as u8
            }
            // Python keeps the backslash of what is no escape.
            other => {
                out.push(b'\\');
                other
            }
        };
        out.push(simple);
    }
    out.extend_from_slice(rest);
    Some(())
}

/// Python's `raw-unicode-escape`, as `UNICODE` lines hold it: Latin-1 bytes, and `\u` and `\U` escapes.
///
/// A byte of 128 or more stands for the character of that number; reading it as UTF-8 would spoil every array that
/// Python 3 pickled with protocol 0.
pub(crate) fn raw_unicode_escape(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = line;
    loop {
        let plain = rest
            .iter()
            .position(|byte| *byte == b'\\' || *byte >= 0x80)
            .unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let Some(byte) = rest.first() else {
            return Some(());
        };
        let digits = match (byte, rest.get(1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // Of several backslashes, only an odd last one begins an escape.
            (b'\\', Some(b'\\')) => {
                out.extend_from_slice(b"\\\\");
                rest = &rest[2..];
                continue;
            }
            (b'\\', _) => {
                out.push(b'\\');
                rest = &rest[1..];
                continue;
            }
            _ => {
                push_char(u32::from(*byte), out);
                rest = &rest[1..];
                continue;
            }
        };
        let digits = std::str::from_utf8(rest.get(2..2 + digits)?).ok()?;
        rest = &rest[2 + digits.len()..];
        if !push_char(hex(digits)?, out) {
            return None;
        }
    }
}

/// Hexadecimal digits and nothing else (Rust's own parser takes a sign).
fn hex(digits: &str) -> Option<u32> {
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| all)
}

/// Bytes of text that are narrowed at once.
const STEP: usize = 32;

/// Characters that a few bytes of Latin-1 text, spelled as UTF-8, end.
struct Narrow {
    /// Those, and anything after them.
    bytes: [u8; STEP],
    len: usize,
}

impl Narrow {
    /// `before` is the byte before these.
    fn of(before: u8, text: &[u8; STEP]) -> Self {
        let mut befores = [before; STEP];
        befores[1..].copy_from_slice(&text[..STEP - 1]);
        let (mut ends, mut values) = ([0u8; STEP], [0u8; STEP]);
        for i in 0..STEP {
            let follows = u8::from(text[i] & 0xc0 == 0x80).wrapping_neg();
            values[i] = (befores[i] << 6 & follows & 0xc0) | (text[i] & (!follows | 0x3f));
            ends[i] = u8::from(text[i] < 0xc0);
        }
        // A byte that leads is written too, and then overwritten by what the next makes of it.
        let (mut bytes, mut len) = ([0u8; STEP], 0);
        for i in 0..STEP {
            bytes[len % STEP] = values[i];
            len += usize::from(ends[i]);
        }
        Self { bytes, len }
    }
}

/// Latin-1 text, spelled as UTF-8, as the bytes it stands for; returns how many bytes of `text` were used. Stops early
/// where `out` is full, a character is cut off, or one is not Latin-1.
pub(crate) fn latin1(text: &[u8], out: &mut [u8]) -> (usize, usize) {
    let (mut used, mut made) = (0, 0);
    // In bulk without a branch, since random data would spoil every guess. `text` was checked when it was stepped over.
    let mut before = 0u8;
    while used < text.len() {
        let rest = &text[used..];
        let (narrow, n) = match rest.first_chunk() {
            Some(part) => (Narrow::of(before, part), STEP),
            None => {
                // Zeros stand for characters, which are taken off again.
                let mut part = [0; STEP];
                part[..rest.len()].copy_from_slice(rest);
                let mut narrow = Narrow::of(before, &part);
                narrow.len -= STEP - rest.len();
                (narrow, rest.len())
            }
        };
        let place = &mut out[made..];
        if let Some(place) = place.first_chunk_mut() {
            *place = narrow.bytes;
        } else if narrow.len <= place.len() {
            place[..narrow.len].copy_from_slice(&narrow.bytes[..narrow.len]);
        } else {
            break;
        }
        before = rest[n - 1];
        used += n;
        made += narrow.len;
    }
    // A character that the end cuts off is left to the caller.
    used -= usize::from(before >= 0xc0);
    while let Some(place) = out.get_mut(made)
        && let Some(byte) = text.get(used)
    {
        match *byte {
            0xc2..=0xc3 if used + 1 < text.len() => {
                let second = text[used + 1];
                *place = *byte << 6 | second & 0x3f;
                used += 2;
            }
            0..0x80 => {
                *place = *byte;
                used += 1;
            }
            _ => break,
        }
        made += 1;
    }
    (used, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(bytes: &[u8]) -> Vec<u8> {
        bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
            .into_bytes()
    }

    #[test]
    fn text_is_what_is_utf_8() {
        for (a, b) in (0..=255u8).flat_map(|a| (0..=255u8).map(move |b| (a, b))) {
            for bytes in [[0xc3, 0xa9, a, b], [a, b, 0xc3, 0xa9], [0x41, a, b, 0x41]] {
                let found = TextScan::default().feed(&bytes, true).is_ok();
                assert_eq!(found, std::str::from_utf8(&bytes).is_ok(), "{bytes:x?}");
            }
        }
    }

    #[test]
    fn a_character_that_is_never_ended_is_wrong_wherever_it_lies() {
        for before in (0..20).chain(4080..4110).chain(65_520..65_550) {
            for after in [&b"\xc3\xa9"[..], b"\xe3\x81\x82", b"\xf0\x9f\x90\x8d", b"a"] {
                let mut text = vec![b'a'; before];
                text.push(0xc3);
                text.extend_from_slice(after);
                let found = TextScan::default().feed(&text, true);
                assert_eq!(found, Err(before), "{before} {after:x?}");
            }
        }
    }

    #[test]
    fn latin1_comes_back_however_cut() {
        let bytes: Vec<u8> = (0..20_000u32).map(|i| (i * i / 7) as u8).collect();
        let text = spelled(&bytes);
        for step in [2, 3, 7, 4095, 4096, 4097, 50_000] {
            let (mut scan, mut at, mut out, mut made, mut used) =
                (TextScan::default(), 0, vec![0; bytes.len()], 0, 0);
            while at < text.len() {
                let end = (at + step).min(text.len());
                at += scan.feed(&text[at..end], end == text.len()).unwrap();
            }
            while used < text.len() {
                let end = (used + step).min(text.len());
                let (more, n) = latin1(&text[used..end], &mut out[made..]);
                assert!(more > 0);
                (used, made) = (used + more, made + n);
            }
            assert_eq!((scan.nchars, scan.width), (20_000, Width::Latin1), "{step}");
            assert!(out == bytes, "{step}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_found_wherever_it_is() {
        let text = spelled(&vec![0xe9; 6000]);
        for at in [0, 1, 2, 4094, 4095, 4096, 4097, 8190, 11_999] {
            let mut broken = text.clone();
            broken[at] = 0xff;
            assert!(TextScan::default().feed(&broken, true).is_err(), "{at}");
            broken[at] = b'a';
            assert!(TextScan::default().feed(&broken, true).is_err(), "{at}");
        }
    }
}
