//! What goes wrong, and where in the conversation.

use std::sync::Arc;
use std::time::Duration;

use ndferry_pyro::{Dialect, Flags, Head, MessageKind};
use ndferry_testkit::{Action, Direction};

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Mode {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    /// After so many bytes.
    pub(crate) at: u64,
    pub(crate) action: Action,
    pub(crate) nature: Nature,
}

/// What may come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// All comes, only later: everything must be as without it.
    Late,
    /// What arrives is right, or an error: something is missing, or a check tells.
    Told,
    /// Bytes are others: an error where that can be seen.
    Change,
}

/// A message of a conversation without a fault: where it begins and ends.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u64,
    head: Head,
    end: u64,
}

impl Part {
    fn body(&self) -> u64 {
        self.start + self.head.dialect.head_nbytes() as u64
    }

    fn middle(&self) -> u64 {
        (self.body() + self.end) / 2
    }

    fn nbytes(&self) -> usize {
        (self.end - self.start) as usize
    }
}

fn parts(heard: &[u8]) -> Vec<Part> {
    let (mut parts, mut start) = (Vec::new(), 0);
    while start < heard.len() {
        let head = Head::parse(&heard[start..]).unwrap();
        let end = start + head.dialect.head_nbytes() + head.rest_nbytes() as usize;
        parts.push(Part {
            start: start as u64,
            head,
            end: end as u64,
        });
        start = end;
    }
    parts
}

/// Everything, at the places of this conversation, by what is heard in this direction without a fault.
pub(crate) fn modes(direction: Direction, heard: &[u8]) -> Vec<Mode> {
    let parts = parts(heard);
    let greeting = parts[0];
    // The one with the array.
    let large = *parts.iter().max_by_key(|part| part.nbytes()).unwrap();
    // The small call, or the answer to the array that went.
    let small = parts[1..].iter().find(|part| part.start != large.start);
    let small = *small.unwrap();
    let end = heard.len() as u64;
    let mut modes = Vec::new();
    let mut mode = |nature, what: &str, place: &str, at, action| {
        modes.push(Mode {
            name: format!("{what} {place}"),
            direction,
            at,
            action,
            nature,
        });
    };
    let spots = [
        ("before anything", 0),
        ("in the greeting's head", 17),
        ("in the greeting", greeting.middle()),
        ("after the greeting", greeting.end),
        ("in the head", large.start + 11),
        ("after the head", large.body()),
        ("in the array", large.middle()),
        ("before the last byte", large.end - 1),
        ("in the small message", small.middle()),
        ("after the last byte", end),
    ];
    for (place, at) in spots {
        mode(Nature::Told, "reset", place, at, Action::Reset);
        mode(Nature::Told, "closed", place, at, Action::Close);
        mode(Nature::Told, "half closed", place, at, Action::HalfClose);
        mode(Nature::Told, "stalls", place, at, Action::Stall);
        if at < end {
            let pause = Action::Pause(Duration::from_millis(120));
            mode(Nature::Late, "pauses", place, at, pause);
            mode(Nature::Change, "noise", place, at, Action::Garbage);
        }
    }
    mode(
        Nature::Late,
        "byte by byte",
        "from the start",
        0,
        Action::Slow(1, Duration::ZERO),
    );
    mode(
        Nature::Late,
        "16 KiB each 2 ms",
        "from the start",
        0,
        Action::Slow(16 << 10, Duration::from_millis(2)),
    );
    // Who drips like this is given up by us, for there is no end of it.
    mode(
        Nature::Told,
        "drips",
        "in the array",
        large.middle(),
        Action::Slow(1, Duration::from_millis(10)),
    );
    for (what, words) in [
        (
            "speaks HTTP",
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("only zeros", vec![0; 1 << 16]),
        ("an echo", heard[..greeting.nbytes()].to_vec()),
        ("an empty head of the other Pyro", other(greeting.head)),
    ] {
        for (place, at) in [("instead of all", 0), ("instead of the array", large.start)] {
            mode(
                Nature::Change,
                what,
                place,
                at,
                Action::Say(Arc::new(words.clone())),
            );
        }
    }
    for (place, part) in [
        ("the greeting", greeting),
        ("the array's message", large),
        ("the small message", small),
    ] {
        for at in 0..part.head.dialect.head_nbytes() as u64 {
            let what = format!("a bit of byte {at} of the head of");
            let bits = 1 << (at % 8);
            // The heads of Pyro4 have a sum of all fields.
            let nature = match part.head.dialect {
                Dialect::Pyro4 => Nature::Told,
                Dialect::Pyro5 => Nature::Change,
            };
            mode(nature, &what, place, part.start + at, Action::Flip(bits));
        }
        for (what, at) in [
            ("a bit of the first byte of", part.body()),
            ("a bit of an early byte of", part.body() + 9),
            ("a bit in the middle of", part.middle()),
            ("a bit of the last byte of", part.end - 1),
        ] {
            mode(Nature::Change, what, place, at, Action::Flip(4));
        }
        for (what, at) in [
            ("in the head of", part.start + 9),
            ("of", part.middle()),
            ("at the end of", part.end - 1),
        ] {
            let none = Action::Replace(1, Arc::default());
            mode(
                Nature::Change,
                &format!("a byte lost {what}"),
                place,
                at,
                none,
            );
            mode(
                Nature::Change,
                &format!("a byte twice {what}"),
                place,
                at,
                Action::Twice(1),
            );
        }
        let nothing = Action::Replace(part.nbytes(), Arc::default());
        mode(Nature::Told, "lost:", place, part.start, nothing);
        mode(
            Nature::Change,
            "twice:",
            place,
            part.start,
            Action::Twice(part.nbytes()),
        );
        for (what, head) in edited(part.head) {
            let action = Action::Replace(head.to_bytes().len(), Arc::new(head.to_bytes()));
            mode(Nature::Change, what, place, part.start, action);
        }
    }
    modes
}

/// Heads that are right as such, and not for what follows.
fn edited(head: Head) -> Vec<(&'static str, Head)> {
    let with = |edit: fn(&mut Head)| {
        let mut head = head;
        edit(&mut head);
        head
    };
    let flag = |edit: fn(&mut Flags)| {
        let mut head = head;
        edit(&mut head.flags);
        head
    };
    vec![
        ("one byte more in", with(|head| head.data_nbytes += 1)),
        ("one byte less in", with(|head| head.data_nbytes -= 1)),
        ("no bytes in", with(|head| head.data_nbytes = 0)),
        ("2 GiB in", with(|head| head.data_nbytes = i32::MAX as u32)),
        (
            "longer annotations in",
            with(|head| head.annotations_nbytes += 4),
        ),
        ("another number of", with(|head| head.seq ^= 1)),
        (
            "another serializer of",
            with(|head| head.serializer = head.serializer % 4 + 1),
        ),
        (
            "a ping instead of",
            with(|head| head.kind = MessageKind::Ping),
        ),
        (
            "a call instead of",
            with(|head| {
                head.kind = match head.kind {
                    MessageKind::Invoke => MessageKind::Result,
                    _ => MessageKind::Invoke,
                }
            }),
        ),
        (
            "the flag of exceptions in",
            flag(|flags| flags.exception ^= true),
        ),
        (
            "the flag of packed data in",
            flag(|flags| flags.compressed ^= true),
        ),
        ("the flag of one-way in", flag(|flags| flags.oneway ^= true)),
        ("the flag of batches in", flag(|flags| flags.batch ^= true)),
        ("the flag of streams in", flag(|flags| flags.stream ^= true)),
        (
            "the flag of blobs in",
            flag(|flags| flags.keep_serialized ^= true),
        ),
    ]
}

fn other(head: Head) -> Vec<u8> {
    let dialect = match head.dialect {
        Dialect::Pyro4 => Dialect::Pyro5,
        Dialect::Pyro5 => Dialect::Pyro4,
    };
    let head = Head {
        dialect,
        data_nbytes: 0,
        annotations_nbytes: 0,
        ..head
    };
    head.to_bytes()
}
