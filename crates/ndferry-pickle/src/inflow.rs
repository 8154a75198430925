//! [`Inflow`]: a pickle that comes only once; its large strings get memory of their own, of the rest a little is kept.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::emit::utf8;
use crate::input::ReadAt;
use crate::text::{TextScan, Width, latin1};
use crate::{ErrorKind, Result};

/// Gathers at most so many bytes in memory of their own: what the function writes, call by call, until it says 0. It gives it
/// room for 64 KiB at least, or for all that is left. That many are claimed is no reason to believe that they come.
pub type Gather = fn(u64, &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Bytes>;

/// Bytes of text that are decoded at a time; what fits a core's cache.
const PIECE_NBYTES: usize = 64 << 10;

/// A pickle from a stream, for [`Machine::open`](crate::Machine::open): the values that come out may be used for as long as
/// they are wanted, the stream only until the pickle is read.
///
/// Strings of more than 4 KiB are read straight into memory that nothing else uses. Text of Latin-1, as which Python 3 spells
/// the bytes of arrays in protocols 1 and 2, is made bytes on its way, so it is never there as text.
///
/// ```
/// use std::io::Read;
/// use std::sync::Arc;
/// use ndferry_pickle::{Inflow, Limits, Machine};
///
/// let pickle = b"\x80\x02K\x01K\x02\x86.";
/// let inflow = Inflow::new(pickle.as_slice(), pickle.len() as u64, |nbytes, more| {
///     let mut bytes = vec![0; nbytes as usize]; // never so for what strangers claim
///     let mut have = 0;
///     while have < bytes.len() {
///         match more(&mut bytes[have..])? {
///             0 => break,
///             n => have += n,
///         }
///     }
///     bytes.truncate(have);
///     Ok(bytes.into())
/// });
/// let mut machine = Machine::open(Arc::new(inflow), 0, Limits::default(), Vec::new());
/// let root = machine.load()?;
/// assert_eq!(machine.tree().get(root).type_name(), "tuple");
/// # Ok::<(), ndferry_pickle::Error>(())
/// ```
pub struct Inflow {
    nbytes: u64,
    gather: Gather,
    state: Mutex<State>,
}

struct State {
    from: Box<dyn Read + Send>,
    /// How many bytes have come.
    at: u64,
    /// In the order of their places.
    kept: Vec<Kept>,
}

/// A string that was kept.
struct Kept {
    range: Range<u64>,
    bytes: Bytes,
    /// Whether there is one byte for each character, which is not ASCII.
    is_latin1: bool,
}

impl fmt::Debug for Inflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inflow of {} bytes", self.nbytes)
    }
}

impl Inflow {
    /// The next `nbytes` of a stream, and how to get memory for some of them.
    pub fn new(from: impl Read + Send + 'static, nbytes: u64, gather: Gather) -> Self {
        Self {
            nbytes,
            gather,
            state: Mutex::new(State {
                from: Box::new(from),
                at: 0,
                kept: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a string that begins at this byte, with what of it has come already.
    pub(crate) fn keep(&self, offset: u64, nbytes: u64, ready: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut pieces = Pieces::new(&mut state, nbytes, ready);
        let bytes = (self.gather)(nbytes, &mut |out| pieces.read(out))?;
        if bytes.len() as u64 != nbytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        state.kept.push(Kept {
            range: offset..offset + nbytes,
            bytes,
            is_latin1: false,
        });
        Ok(())
    }

    /// The same for text, of which it says what is in it.
    pub(crate) fn keep_text(&self, offset: u64, nbytes: u64, ready: &[u8]) -> Result<TextScan> {
        let mut state = self.state();
        let mut text = Text {
            nbytes,
            pieces: Pieces::new(&mut state, nbytes, ready),
            scan: TextScan::default(),
            piece: Vec::new(),
            whole: 0,
            problem: None,
        };
        let gathered = text.gather(self.gather);
        let (scan, problem) = (text.scan, text.problem);
        let (bytes, is_latin1) = gathered.map_err(|error| match problem {
            Some(at) => ErrorKind::Text { expected: "UTF-8" }.at(offset + at),
            None => ErrorKind::Io(error).at(offset),
        })?;
        state.kept.push(Kept {
            range: offset..offset + nbytes,
            bytes,
            is_latin1,
        });
        Ok(scan)
    }

    /// Text that was kept as one byte for each character.
    pub(crate) fn latin1(&self, range: Range<u64>) -> Option<Bytes> {
        let state = self.state();
        let kept = state.find(range.start)?;
        (kept.is_latin1 && kept.range == range).then(|| kept.bytes.clone())
    }
}

impl State {
    /// What holds this byte.
    fn find(&self, offset: u64) -> Option<&Kept> {
        let i = self.kept.partition_point(|kept| kept.range.end <= offset);
        self.kept.get(i).filter(|kept| kept.range.contains(&offset))
    }
}

impl ReadAt for Inflow {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        if offset == state.at {
            let nbytes = (buf.len() as u64).min(self.nbytes.saturating_sub(offset));
            let mut pieces = Pieces::new(&mut state, nbytes, &[]);
            let mut have = 0;
            while (have as u64) < nbytes {
                match pieces.read(&mut buf[have..])? {
                    0 => break,
                    n => have += n,
                }
            }
            return Ok(have);
        }
        let Some(kept) = state.find(offset) else {
            // It was not kept.
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let start = (offset - kept.range.start) as usize;
        if !kept.is_latin1 {
            let rest = &kept.bytes[start..];
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            return Ok(n);
        }
        // Nobody wants it as text who wants it for an array, so this may take long.
        let (mut text, mut at) = (Vec::new(), 0);
        for part in kept.bytes.chunks(PIECE_NBYTES) {
            text.clear();
            utf8(part, &mut text);
            if at + text.len() > start {
                let rest = &text[start - at..];
                let n = rest.len().min(buf.len());
                buf[..n].copy_from_slice(&rest[..n]);
                return Ok(n);
            }
            at += text.len();
        }
        Ok(0)
    }

    fn len(&self) -> u64 {
        self.nbytes
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let state = self.state();
        let kept = state.find(range.start)?;
        let start = usize::try_from(range.start - kept.range.start).ok()?;
        let end = usize::try_from(range.end.checked_sub(kept.range.start)?).ok()?;
        let is_there = !kept.is_latin1 && start <= end && end <= kept.bytes.len();
        is_there.then(|| kept.bytes.slice(start..end))
    }

    fn inflow(&self) -> Option<&Inflow> {
        Some(self)
    }
}

/// The bytes of one string as they come: first those that have.
struct Pieces<'a> {
    state: &'a mut State,
    ready: &'a [u8],
    left: u64,
}

impl<'a> Pieces<'a> {
    fn new(state: &'a mut State, nbytes: u64, ready: &'a [u8]) -> Self {
        Self {
            state,
            ready,
            left: nbytes,
        }
    }

    /// Some of them; 0 if there are no more, or there is no room.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(out.len());
        let out = &mut out[..most];
        if out.is_empty() {
            return Ok(0);
        }
        let n = if self.ready.is_empty() {
            let n = loop {
                match self.state.from.read(out) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.state.at += n as u64;
            n
        } else {
            let n = self.ready.len().min(out.len());
            out[..n].copy_from_slice(&self.ready[..n]);
            self.ready = &self.ready[n..];
            n
        };
        self.left -= n as u64;
        Ok(n)
    }
}

/// Text as it comes, piece by piece.
struct Text<'a> {
    nbytes: u64,
    pieces: Pieces<'a>,
    scan: TextScan,
    /// What was read last, not used yet.
    piece: Vec<u8>,
    /// How much of that are whole characters, looked at already.
    whole: usize,
    /// Where it is no text.
    problem: Option<u64>,
}

impl Text<'_> {
    /// All of it: as bytes while it is Latin-1, otherwise as it is.
    fn gather(&mut self, gather: Gather) -> io::Result<(Bytes, bool)> {
        let nbytes = self.nbytes;
        let narrow = gather(nbytes, &mut |out| self.narrow(out))?;
        if self.whole == 0 {
            if self.pieces.left > 0 || narrow.len() as u64 != self.scan.nchars {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok((narrow, self.scan.width == Width::Latin1));
        }
        // There are other characters in it: once more from the start, of which this is what it was.
        let mut parts = narrow.chunks(PIECE_NBYTES / 2);
        let (mut text, mut used) = (Vec::new(), 0);
        let all = gather(nbytes, &mut |out| {
            if used == text.len()
                && let Some(part) = parts.next()
            {
                text.clear();
                used = 0;
                utf8(part, &mut text);
            }
            if used == text.len() {
                return self.as_it_is(out);
            }
            let n = out.len().min(text.len() - used);
            out[..n].copy_from_slice(&text[used..used + n]);
            used += n;
            Ok(n)
        })?;
        match all.len() as u64 == nbytes {
            true => Ok((all, false)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The next piece as bytes; 0 also if it is not Latin-1, and then stays where it is.
    fn narrow(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.whole == 0 && self.next()? {}
        if self.whole == 0 || self.scan.width > Width::Latin1 {
            return Ok(0);
        }
        let (used, made) = latin1(&self.piece[..self.whole], out);
        if used != self.whole {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.use_up(used);
        Ok(made)
    }

    fn as_it_is(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.whole == 0 && self.next()? {}
        let n = self.whole.min(out.len());
        out[..n].copy_from_slice(&self.piece[..n]);
        self.use_up(n);
        Ok(n)
    }

    fn use_up(&mut self, nbytes: usize) {
        self.piece.drain(..nbytes);
        self.whole -= nbytes;
    }

    /// Reads a piece, behind a character that the last one has cut off. False at the end.
    fn next(&mut self) -> io::Result<bool> {
        if self.pieces.left == 0 {
            return Ok(false);
        }
        let have = self.piece.len();
        self.piece.resize(PIECE_NBYTES, 0);
        let n = self.pieces.read(&mut self.piece[have..]);
        self.piece.truncate(have + *n.as_ref().unwrap_or(&0));
        n?;
        let is_last = self.pieces.left == 0;
        match self.scan.feed(&self.piece, is_last) {
            Ok(whole) => {
                self.whole = whole;
                Ok(true)
            }
            Err(at) => {
                let start = self.nbytes - self.pieces.left - self.piece.len() as u64;
                self.problem = Some(start + at as u64);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }
}
