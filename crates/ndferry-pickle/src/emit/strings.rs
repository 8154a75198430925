//! Strings of all kinds, of any length, from a stream.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use super::{Emitter, FRAME_NBYTES, Shared};
use crate::opcode as op;

/// Bytes that are spelled at a time: what fits a core's cache.
const STEP_NBYTES: usize = 32 << 10;

impl<W: Write> Emitter<W> {
    /// A `str` that nothing else refers to.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.text_from(text.len() as u64, &mut text.as_bytes())?;
        self.put();
        Ok(())
    }

    /// A `str` that Python keeps once.
    pub(crate) fn interned(&mut self, text: impl Into<Cow<'static, str>>) -> io::Result<()> {
        let shared = Shared::Text(text.into());
        if !self.get(&shared)? {
            let Shared::Text(text) = &shared else {
                return Ok(());
            };
            self.text_from(text.len() as u64, &mut text.as_bytes())?;
            self.put_shared(shared);
        }
        Ok(())
    }

    /// A `str` from the bytes of its UTF-8, in which halves of surrogate pairs may occur; not numbered yet.
    pub(crate) fn text_from(&mut self, nbytes: u64, from: &mut dyn BufRead) -> io::Result<()> {
        self.boundary()?;
        if self.protocol > 0 {
            let head = self.text_head(nbytes);
            return self.raw(head, nbytes, from);
        }
        self.opcode(op::UNICODE);
        let mut char = Utf8::default();
        self.spelled(1, nbytes, from, |chunk, out| {
            for byte in chunk {
                if let Some(code) = char.push(*byte) {
                    escape(code, out);
                }
            }
        })?;
        self.opcode(b'\n');
        Ok(())
    }

    fn text_head(&mut self, nbytes: u64) -> usize {
        self.head(
            op::SHORT_BINUNICODE,
            op::BINUNICODE,
            op::BINUNICODE8,
            4,
            nbytes,
        )
    }

    /// The shortest of three opcodes that this protocol has for a string of this length; returns its length.
    fn head(&mut self, short: u8, plain: u8, long: u8, short_since: u8, nbytes: u64) -> usize {
        match (u8::try_from(nbytes), u32::try_from(nbytes)) {
            (Ok(n), _) if self.protocol >= short_since => {
                self.frame.extend([short, n]);
                2
            }
            (_, Ok(n)) => {
                self.opcode(plain);
                self.frame.extend(n.to_le_bytes());
                5
            }
            _ => {
                self.opcode(long);
                self.frame.extend(nbytes.to_le_bytes());
                9
            }
        }
    }

    /// Short `bytes` that Python keeps once.
    pub(crate) fn shared_bytes(&mut self, bytes: &'static [u8]) -> io::Result<()> {
        let shared = Shared::Bytes(bytes);
        if self.get(&shared)? {
            return Ok(());
        }
        self.bytes_opcodes(bytes)?;
        self.put_shared(shared);
        Ok(())
    }

    /// `bytes` that nothing else refers to.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes_opcodes(bytes)?;
        self.put();
        Ok(())
    }

    fn bytes_opcodes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut from = bytes;
        let wide = wide(bytes);
        self.payload(bytes.len() as u64, wide, &mut from)
    }

    /// `bytes` from a stream, not numbered yet. `wide` says how many are 128 or more, which matters where protocols 1 and
    /// 2 spell them as UTF-8.
    pub(crate) fn payload(
        &mut self,
        nbytes: u64,
        wide: u64,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        self.boundary()?;
        if self.protocol >= 3 {
            let head = self.head(op::SHORT_BINBYTES, op::BINBYTES, op::BINBYTES8, 3, nbytes);
            return self.raw(head, nbytes, from);
        }
        if nbytes == 0 {
            self.global("__builtin__", "bytes")?;
            self.begin_tuple(0)?;
            self.end_tuple(0);
            self.opcode(op::REDUCE);
            return Ok(());
        }
        self.encoded(|emit| {
            if emit.protocol == 0 {
                emit.opcode(op::UNICODE);
                emit.spelled(1, nbytes, from, |chunk, out| {
                    for byte in chunk {
                        escape(u32::from(*byte), out);
                    }
                })?;
                emit.opcode(b'\n');
                return Ok(());
            }
            let head = emit.text_head(nbytes + wide);
            emit.spelled(head, nbytes, from, utf8)
        })
    }

    /// The same for protocols 1 and 2, from bytes that are spelled as UTF-8 already.
    pub(crate) fn payload_of_text(
        &mut self,
        nbytes: u64,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        self.boundary()?;
        self.encoded(|emit| {
            let head = emit.text_head(nbytes);
            emit.raw(head, nbytes, from)
        })
    }

    /// `_codecs.encode(text, 'latin1')`.
    fn encoded(&mut self, text: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.global("_codecs", "encode")?;
        self.begin_tuple(2)?;
        self.boundary()?;
        text(self)?;
        self.put();
        self.interned("latin1")?;
        self.end_tuple(2);
        self.opcode(op::REDUCE);
        Ok(())
    }

    /// Python 2's `str`, not numbered yet; of less than 2 GiB.
    pub(crate) fn py2_str(&mut self, nbytes: u64, from: &mut dyn BufRead) -> io::Result<()> {
        self.boundary()?;
        if self.protocol == 0 {
            self.frame.extend([op::STRING, b'\'']);
            self.spelled(2, nbytes, from, |chunk, out| {
                for byte in chunk {
                    quote(*byte, out);
                }
            })?;
            self.frame.extend(b"'\n");
            return Ok(());
        }
        let head = match u8::try_from(nbytes) {
            Ok(n) => {
                self.frame.extend([op::SHORT_BINSTRING, n]);
                2
            }
            Err(_) => {
                let n = i32::try_from(nbytes).map_err(|_| io::ErrorKind::InvalidInput)?;
                self.opcode(op::BINSTRING);
                self.frame.extend(n.to_le_bytes());
                5
            }
        };
        self.raw(head, nbytes, from)
    }

    /// `bytearray` from a stream, in protocol 5; not numbered yet.
    pub(crate) fn bytearray(&mut self, nbytes: u64, from: &mut dyn BufRead) -> io::Result<()> {
        self.boundary()?;
        self.opcode(op::BYTEARRAY8);
        self.frame.extend(nbytes.to_le_bytes());
        self.raw(9, nbytes, from)
    }

    /// What follows a head of `head_nbytes` that was just written, as it is.
    fn raw(&mut self, head_nbytes: usize, nbytes: u64, from: &mut dyn BufRead) -> io::Result<()> {
        let unframed = self.leave_frame(head_nbytes, nbytes)?;
        if unframed {
            self.out.write_all(&self.frame)?;
            self.frame.clear();
        }
        let (out, frame) = (&mut self.out, &mut self.frame);
        chunks(nbytes, usize::MAX, from, |chunk| {
            if unframed {
                return out.write_all(chunk);
            }
            frame.extend_from_slice(chunk);
            Ok(())
        })
    }

    /// The same, each byte spelled in another way.
    fn spelled(
        &mut self,
        head_nbytes: usize,
        nbytes: u64,
        from: &mut dyn BufRead,
        mut spell: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> io::Result<()> {
        let unframed = self.leave_frame(head_nbytes, nbytes)?;
        let (out, frame) = (&mut self.out, &mut self.frame);
        chunks(nbytes, STEP_NBYTES, from, |chunk| {
            spell(chunk, frame);
            if unframed {
                out.write_all(frame)?;
                frame.clear();
            }
            Ok(())
        })
    }

    /// Long strings leave the frame together with their head.
    fn leave_frame(&mut self, head_nbytes: usize, nbytes: u64) -> io::Result<bool> {
        let unframed = nbytes >= FRAME_NBYTES as u64;
        if unframed && self.protocol >= 4 {
            let head = self.frame.split_off(self.frame.len() - head_nbytes);
            self.close_frame()?;
            self.out.write_all(&head)?;
        }
        Ok(unframed)
    }
}

/// The next `nbytes` of a stream, at most `step` at a time.
fn chunks(
    nbytes: u64,
    step: usize,
    from: &mut dyn BufRead,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = nbytes;
    while left > 0 {
        let chunk = match from.fill_buf() {
            Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(step);
        let n = chunk.len().min(most);
        each(&chunk[..n])?;
        from.consume(n);
        left -= n as u64;
    }
    Ok(())
}

/// How many bytes are two in UTF-8.
pub(crate) fn wide(bytes: &[u8]) -> u64 {
    bytes
        .chunks(1 << 15)
        .map(|part| {
            let count = part
                .iter()
                .fold(0u16, |count, byte| count + u16::from(byte >> 7));
            u64::from(count)
        })
        .sum()
}

/// Latin-1 as UTF-8. Which bytes are wide is random in numbers, so nothing branches on it.
pub(crate) fn utf8(chunk: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 2 * chunk.len(), 0);
    let mut at = start;
    for byte in chunk {
        let is_wide = byte >> 7;
        let lead = 0xc0 | byte >> 6;
        let pair = [if is_wide == 1 { lead } else { *byte }, 0x80 | byte & 0x3f];
        out[at..at + 2].copy_from_slice(&pair);
        at += 1 + usize::from(is_wide);
    }
    out.truncate(at);
}

/// One character of a line of protocol 0.
fn escape(code: u32, out: &mut Vec<u8>) {
    match code {
        0 | 0x0a | 0x0d | 0x1a | 0x5c | 0x100..=0xffff => {
            out.extend(format!("\\u{code:04x}").bytes())
        }
        0..=0xff => out.push(code as u8),
        _ => out.extend(format!("\\U{code:08x}").bytes()),
    }
}

/// One byte of a string literal of Python 2.
fn quote(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\'' | b'\\' => out.extend([b'\\', byte]),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        b'\t' => out.extend(b"\\t"),
        b' '..=b'~' => out.push(byte),
        _ => out.extend(format!("\\x{byte:02x}").bytes()),
    }
}

/// Characters from the bytes of UTF-8 that was checked before.
#[derive(Default)]
struct Utf8 {
    code: u32,
    left: u8,
}

impl Utf8 {
    fn push(&mut self, byte: u8) -> Option<u32> {
        (self.code, self.left) = match byte {
            0..0x80 => return Some(u32::from(byte)),
            0x80..0xc0 => (
                self.code << 6 | u32::from(byte & 0x3f),
                self.left.saturating_sub(1),
            ),
            0xc0..0xe0 => (u32::from(byte & 0x1f), 1),
            0xe0..0xf0 => (u32::from(byte & 0x0f), 2),
            _ => (u32::from(byte & 0x07), 3),
        };
        (self.left == 0).then_some(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_is_spelled_as_text() {
        let all: Vec<u8> = (0..=255).collect();
        let mut out = b"x".to_vec();
        utf8(&all, &mut out);
        let expected: String = std::iter::once('x')
            .chain(all.iter().map(|b| char::from(*b)))
            .collect();
        assert_eq!(out, expected.as_bytes());
        assert_eq!(wide(&all), 128);
    }

    #[test]
    fn characters_come_out_of_their_bytes() {
        let text = "a\u{7f}\u{80}é日\u{1f40d}";
        let mut chars = Utf8::default();
        let codes: Vec<u32> = text.bytes().filter_map(|byte| chars.push(byte)).collect();
        assert_eq!(codes, text.chars().map(u32::from).collect::<Vec<_>>());
        // Half of a surrogate pair, as Python writes it.
        let half: Vec<u32> = [0xed, 0xa0, 0x80]
            .into_iter()
            .filter_map(|byte| chars.push(byte))
            .collect();
        assert_eq!(half, [0xd800]);
    }
}
