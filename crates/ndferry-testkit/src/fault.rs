//! [`Fault`]: one thing that goes wrong on a wire, and where.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndferry_npb::{HEAD_NBYTES, Head, Kind, MAGIC};
use socket2::Socket;

/// What happens to the bytes of one direction of a connection once they have come to a place.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Up to here all goes well.
    pub place: Place,
    /// What happens then.
    pub action: Action,
}

/// A place in a stream of bytes.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// After so many bytes.
    Byte(u64),
    /// In a message of NPB, found by its head whatever stands between messages (as the frames of ZeroMQ do).
    Message {
        /// What it is.
        kind: Kind,
        /// Which of that kind, from 1 on.
        number: usize,
        /// After so many bytes of it.
        at: u64,
    },
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Action {
    /// Both connections are reset (a Unix socket is closed).
    Reset,
    /// Both connections are closed, in both directions.
    Close,
    /// This direction is closed; the other one lives on.
    HalfClose,
    /// Nothing goes on any more in this direction, and nothing is closed.
    Stall,
    /// So long, and then all goes on.
    Pause(Duration),
    /// So many bytes at a time, with so much time between.
    Slow(usize, Duration),
    /// Noise without an end instead of what comes.
    Garbage,
    /// These bytes instead of everything that comes.
    Say(Arc<Vec<u8>>),
    /// The next so many messages are something else; or, where there are no messages, the next bytes. All goes on after it.
    Edit(usize, fn(&[u8]) -> Vec<u8>),
    /// These bits of the next byte are others. All goes on after it.
    Flip(u8),
    /// So many bytes are these instead; fewer or more are lost ones or new ones. All goes on after it.
    Replace(usize, Arc<Vec<u8>>),
    /// So many bytes come twice. All goes on after it.
    Twice(usize),
    /// What comes goes to the receiver (or sender) of the other connection with the same crossing.
    Cross(Crossing),
}

/// Two connections that are taken for each other from some place on.
#[derive(Clone, Debug, Default)]
pub struct Crossing(pub(crate) Arc<Mutex<Vec<Arc<Socket>>>>);

/// Looks for a [`Place`] in bytes as they come.
#[derive(Debug)]
pub(crate) struct Finder {
    place: Place,
    /// Messages of that kind so far.
    met: usize,
    /// Bytes that have gone on.
    gone: u64,
    /// Where the message is in which the place is, once it has been met.
    message: Option<u64>,
}

/// What a [`Finder`] knows of the bytes that have not gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// So many may go on, and then it is there.
    Here(usize),
    /// So many may go on; more must come.
    Later(usize),
}

/// Bytes that tell a message and its kind: magic, version, kind.
const TELLING: usize = 6;

impl Finder {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            met: 0,
            gone: 0,
            message: None,
        }
    }

    /// Looks at what is there. What may go on must go on before the next call.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Found {
        let found = match (self.place, self.message) {
            (Place::Byte(at), _) => until(at, self.gone, bytes.len()),
            (Place::Message { at, .. }, Some(start)) => until(start + at, self.gone, bytes.len()),
            (Place::Message { kind, number, at }, None) => {
                match self.message(bytes, kind, number) {
                    Ok(start) => {
                        let start = self.gone + start as u64;
                        self.message = Some(start);
                        until(start + at, self.gone, bytes.len())
                    }
                    Err(seen) => Found::Later(seen),
                }
            }
        };
        let (Found::Here(n) | Found::Later(n)) = found;
        self.gone += n as u64;
        found
    }

    /// So many bytes of those that were held back have gone on all the same.
    pub(crate) fn gave_up(&mut self, nbytes: usize) {
        self.gone += nbytes as u64;
    }

    /// Where the message begins, or how many bytes are surely before it.
    fn message(&mut self, bytes: &[u8], kind: Kind, number: usize) -> Result<usize, usize> {
        let mut from = 0;
        while let Some(start) = next_head(&bytes[from..]).map(|at| from + at) {
            let Some(telling) = bytes[start..].get(..TELLING) else {
                return Err(start);
            };
            if telling[TELLING - 1] == kind.id() {
                self.met += 1;
                if self.met == number {
                    return Ok(start);
                }
            }
            from = start + TELLING;
        }
        // The beginning of a magic at the end.
        let tail = (1..MAGIC.len())
            .rev()
            .find(|n| bytes.ends_with(&MAGIC[..*n]));
        Err(bytes
            .len()
            .saturating_sub(tail.unwrap_or(0))
            .max(from.min(bytes.len())))
    }
}

fn until(at: u64, gone: u64, have: usize) -> Found {
    match usize::try_from(at.saturating_sub(gone)) {
        Ok(left) if left <= have => Found::Here(left),
        _ => Found::Later(have),
    }
}

/// Where the next head of a message begins, or may begin.
fn next_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MAGIC.len()).position(|four| four == MAGIC)
}

/// How many of these bytes are the first so many messages, heads and bodies, with what stands between them; `None` if not
/// all of them are there.
pub(crate) fn messages_nbytes(bytes: &[u8], count: usize) -> Option<usize> {
    let mut end = 0;
    for _ in 0..count {
        let start = end + next_head(bytes.get(end..)?)?;
        let head = Head::parse(bytes.get(start..start + HEAD_NBYTES)?).ok()?;
        end = start + usize::try_from(head.message_nbytes()).ok()?;
    }
    (end <= bytes.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndferry_npb::{message, ping};

    #[test]
    fn a_message_is_found_however_the_bytes_come() {
        let (data, end) = (
            message(Kind::Data, 7, 0, b"\x93NP"),
            message(Kind::End, 7, 0, b"xyz"),
        );
        let stream = [&data[..], b"\x93N", &ping(), &data, &end, &end].concat();
        let before = 2 * data.len() + 2 + ping().len();
        for step in 1..stream.len() {
            for (number, at) in [(1, 0), (1, 41), (2, 5)] {
                let place = Place::Message {
                    kind: Kind::End,
                    number,
                    at,
                };
                let mut finder = Finder::new(place);
                let (mut pending, mut gone, mut here) = (Vec::new(), 0, false);
                for piece in stream.chunks(step) {
                    pending.extend_from_slice(piece);
                    let found = finder.look(&pending);
                    let (Found::Here(n) | Found::Later(n)) = found;
                    pending.drain(..n);
                    gone += n;
                    if let Found::Here(_) = found {
                        here = true;
                        break;
                    }
                }
                let expected = before + (number - 1) * end.len() + at as usize;
                assert!(
                    here && gone == expected,
                    "{step} {number} {at}: {gone} {expected}"
                );
            }
        }
    }

    #[test]
    fn what_several_messages_are_is_known_once_they_are_there() {
        let one = message(Kind::Data, 7, 0, b"abc");
        let both = [&one[..], b"--", &one, b"more"].concat();
        assert_eq!(messages_nbytes(&both, 1), Some(one.len()));
        assert_eq!(messages_nbytes(&both, 2), Some(2 * one.len() + 2));
        for nbytes in 0..2 * one.len() + 2 {
            assert_eq!(messages_nbytes(&both[..nbytes], 2), None);
        }
    }
}
