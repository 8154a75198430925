//! Input that can be read only once (standard input, pipes, devices): into memory or a temporary file, but no further
//! than it makes sense.

use std::io::{self, Read, Write};

use bytes::Bytes;
use ndferry_npy::Header;
use ndferry_pickle::Machine;

use crate::input::Input;
use crate::npy_file::npy_limits;
use crate::npz_file::temporary_file;
use crate::{ErrorKind, Format, Limits, Result, sniff};

/// Bytes that are read before it is first asked whether they can be what they seem to be; then after twice as many, and
/// so on, so that the answers together take no longer than a reading or two.
const FIRST_LOOK: usize = 64 << 10;

/// Bytes after the end of what an NPY holds, so that whoever checks it sees that there are more.
const TRAILING_NBYTES: u64 = 64 << 10;

/// From here on arrays and archives go into a temporary file, so that memory does not grow with them. Pickles stay in
/// memory: where one ends is only known to who reads it.
const SPOOLED: u64 = 16 << 20;

/// What is copied at a time.
const STEP: usize = 1 << 20;

/// All of a stream, or its beginning if what follows cannot make sense of it: a device may have no end, and it may begin
/// with the magic of a format. What is wrong is found again, and said, by that format's own reader.
pub(crate) fn read(from: &mut dyn Read, limits: &Limits) -> Result<Input> {
    let mut bytes = Vec::new();
    let most = Format::SNIFF_NBYTES as u64;
    from.take(most).read_to_end(&mut bytes)?;
    let format = sniff(&bytes);
    if format.is_none() && !crate::compressed::is_known(&bytes) {
        return Ok(Input::of_bytes(bytes.into()));
    }
    let limit = limits.stream_nbytes;
    let mut next_look = FIRST_LOOK as u64;
    loop {
        let spooled = format != Some(Format::Pickle) && next_look > SPOOLED;
        if let Some(file) = spooled.then(temporary_file).and_then(io::Result::ok) {
            let end = match format {
                Some(Format::Npy) => next_look,
                _ => u64::MAX,
            };
            return spool(&bytes, from, end, limits.spooled_nbytes, file);
        }
        let end = next_look.min(limit.saturating_add(1));
        let wanted = end.saturating_sub(bytes.len() as u64);
        let n = from.take(wanted).read_to_end(&mut bytes)?;
        if (n as u64) < wanted {
            return Ok(Input::of_bytes(bytes.into()));
        }
        within(bytes.len() as u64, limit)?;
        next_look = match format {
            Some(Format::Npy) => match npy_end(&bytes, limits) {
                // It ends there, or is no NPY.
                Some(end) if end > bytes.len() as u64 => end,
                _ => return Ok(Input::of_bytes(bytes.into())),
            },
            Some(Format::Pickle) => {
                let all = Bytes::from(bytes);
                let may_go_on = may_go_on(&all, limits);
                if !may_go_on {
                    return Ok(Input::of_bytes(all));
                }
                // Gives the same memory back, since nobody else has it any more.
                bytes = all.into();
                2 * next_look
            }
            _ => 2 * next_look,
        };
    }
}

/// What was read and what follows, up to this end, in a temporary file.
fn spool(
    read: &[u8],
    from: &mut dyn Read,
    end: u64,
    limit: u64,
    mut file: std::fs::File,
) -> Result<Input> {
    file.write_all(read)?;
    let mut nbytes = read.len() as u64;
    let mut buffer = vec![0; STEP];
    while nbytes < end {
        let wanted = (end - nbytes).min(STEP as u64) as usize;
        match from.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(n) => {
                nbytes += n as u64;
                within(nbytes, limit)?;
                file.write_all(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Input::of_file(file, nbytes))
}

fn within(found: u64, limit: u64) -> Result<()> {
    if found <= limit {
        return Ok(());
    }
    let what = "bytes of a stream";
    Err(ErrorKind::Limit { what, found, limit }.into())
}

/// Where to stop reading an NPY whose header this holds.
fn npy_end(bytes: &[u8], limits: &Limits) -> Option<u64> {
    let header = match Header::parse_limited(bytes, &npy_limits(limits)) {
        Ok((header, start)) if !header.dtype.has_object() => Some((header, start)),
        // Objects are a pickle, whose length nobody knows.
        Ok(_) => return Some(2 * bytes.len() as u64),
        Err(error) => match error.kind {
            ndferry_npy::ErrorKind::Truncated { .. } => return Some(2 * bytes.len() as u64),
            _ => None,
        },
    };
    let (header, start) = header?;
    let end = (start as u64).checked_add(header.data_nbytes()?)?;
    end.checked_add(TRAILING_NBYTES)
}

/// Whether more bytes can make a pickle of these: they are whole pickles so far, and the last is cut off.
fn may_go_on(bytes: &Bytes, limits: &Limits) -> bool {
    let mut machine = Machine::open(
        std::sync::Arc::new(bytes.clone()),
        0,
        crate::pickle_file::pickle_limits(limits),
        Vec::new(),
    );
    while machine.offset() < bytes.len() as u64 {
        let start = machine.offset();
        let loaded = machine.load().or_else(|first| {
            machine.skip_to(start);
            // Perhaps one more of the same pickler.
            machine.load_on().map_err(|_| first)
        });
        match loaded {
            Ok(_) => {}
            Err(error) => {
                return matches!(error.kind, ndferry_pickle::ErrorKind::Truncated { .. });
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that begin so and never end, and how many of them were taken.
    struct Endless<'a> {
        head: &'a [u8],
        tail: u8,
        taken: u64,
    }

    impl Read for Endless<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let n = self.head.len().min(buf.len());
            buf[..n].copy_from_slice(&self.head[..n]);
            buf[n..].fill(self.tail);
            self.head = &self.head[n..];
            self.taken += buf.len() as u64;
            Ok(buf.len())
        }
    }

    #[test]
    fn what_has_no_end_is_left_when_it_makes_no_sense_or_at_the_limit() {
        let limits = Limits {
            stream_nbytes: 1 << 20,
            spooled_nbytes: 1 << 20,
            ..Limits::default()
        };
        let npy = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }          \n";
        for (head, tail) in [
            // Zeros are no opcode; a pickle, then zeros; a list that ends, then zeros; an NPY, then anything.
            (&b"\x80\x04"[..], 0),
            (b"\x80\x02N.", 0),
            (b"\x80\x02]q\x00(K\x01K\x02e.", 0xff),
            (npy, 7),
            (b"nothing known", 0),
        ] {
            let mut endless = Endless {
                head,
                tail,
                taken: 0,
            };
            let bytes = all(&read(&mut endless, &limits).unwrap());
            assert!(bytes.starts_with(head) && endless.taken < 300 << 10);
        }
        for (head, tail) in [
            (&b"\x80\x04("[..], b'N'),
            (b"PK\x03\x04", 0),
            // It claims a string longer than anything.
            (b"\x80\x04\x8e\0\0\0\0\0\0\0\x10", 0),
        ] {
            let mut endless = Endless {
                head,
                tail,
                taken: 0,
            };
            let error = read(&mut endless, &limits).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Limit {
                        limit: 0x10_0000,
                        ..
                    }
                ),
                "{error}"
            );
            assert!(endless.taken < 2 << 20);
        }
    }

    #[test]
    fn what_has_an_end_is_read_to_it() {
        let mut pickle = b"\x80\x04B\x00\x00\x10\x00".to_vec();
        pickle.extend(vec![1; 1 << 20]);
        pickle.extend(b".\x80\x04N.");
        for nbytes in [1, 7, FIRST_LOOK, FIRST_LOOK + 1, pickle.len()] {
            let input = read(&mut &pickle[..nbytes], &Limits::default()).unwrap();
            assert!(all(&input) == pickle[..nbytes]);
        }
    }

    /// Memory that is not needed for the first bytes is not taken for the others.
    #[test]
    fn large_arrays_go_into_a_temporary_file() {
        let npy = |count: u64| {
            let head = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({count},), }}");
            let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
            bytes.extend(format!("{head:117}\n").bytes());
            bytes
        };
        let limits = Limits {
            stream_nbytes: 32 << 20,
            spooled_nbytes: 80 << 20,
            ..Limits::default()
        };
        let endless = |count: u64| Endless {
            head: Box::leak(npy(count).into_boxed_slice()),
            tail: 7,
            taken: 0,
        };
        let mut stream = endless(8 << 20);
        let input = read(&mut stream, &limits).unwrap();
        let whole = 128 + (64 << 20);
        assert_eq!(input.nbytes(), whole + TRAILING_NBYTES);
        assert!(stream.taken < whole + (1 << 20));
        let mut end = [0; 9];
        input.read_exact_at(&mut end, whole - 9).unwrap();
        assert_eq!(end, [7; 9]);
        assert!(input.shared(0, whole).is_none(), "in memory");
        // It claims more than may be taken.
        let error = read(&mut endless(1 << 40), &limits).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Limit {
                    limit: 0x500_0000,
                    ..
                }
            ),
            "{error}"
        );
    }

    fn all(input: &Input) -> Vec<u8> {
        let mut bytes = vec![0; input.nbytes() as usize];
        input.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }
}
