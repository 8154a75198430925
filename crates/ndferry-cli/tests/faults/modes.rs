//! What goes wrong, where, and what must come of it.

use std::time::Duration;

use ndferry_npb::{
    Ack, End, HEAD_NBYTES, Head, Kind, Limits, Manifest, Refuse, RefuseCode, credit, message, ping,
};
use ndferry_testkit::{Action, Direction, Place};

use crate::pair::Secrets;

/// What must come of it. Whatever is expected: a sender believes only in what is there, whole and equal; a file is whole
/// or not there; nobody hangs; who fails says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// All goes well on both sides.
    Whole,
    /// The sender fails, and there is no file; the receiver has not let it in, and serves the next one.
    Served,
    /// The sender fails, and there is no file.
    Nothing,
    /// The sender fails.
    Unheard,
    /// That alone.
    Sane,
}

/// One thing that goes wrong.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) spot: Spot,
    pub(crate) action: Action,
    /// For what goes to the receiver, and for what goes to the sender; `None` where there is nothing to try.
    pub(crate) expect: [Option<Expect>; 2],
}

/// Where, in the words of both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot {
    /// Before the first byte.
    Start,
    /// After so many bytes of HELLO.
    Hello(u64),
    /// After so many bytes of the third DATA; of the receiver's last message before its ACK, otherwise of that.
    Middle(u64),
    /// After so many bytes of END, or of ACK.
    End(u64),
    /// After the last byte of END, or of ACK.
    After,
    /// In a message that only one side sends.
    In(Kind, u64),
}

/// What can be seen of the messages on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    /// They are there as they are.
    Open,
    /// They are encrypted; so many bytes go each way in all.
    Closed([u64; 2]),
}

impl Spot {
    /// `None` if it cannot be found.
    pub(crate) fn place(self, direction: Direction, secrets: Secrets, wire: Wire) -> Option<Place> {
        match wire {
            Wire::Open => Some(self.message(direction, secrets)),
            Wire::Closed(nbytes) => self
                .byte(direction, nbytes[direction as usize])
                .map(Place::Byte),
        }
    }

    fn message(self, direction: Direction, secrets: Secrets) -> Place {
        let to_receiver = direction == Direction::ToReceiver;
        let (kind, number, at) = match self {
            Self::Start => return Place::Byte(0),
            Self::Hello(at) => (Kind::Hello, 1, at),
            Self::Middle(at) if to_receiver => (Kind::Data, 3, at),
            Self::Middle(at) => match secrets {
                Secrets::None => (Kind::Ack, 1, at),
                Secrets::Token => (Kind::Auth, 2, at),
                Secrets::Resume => (Kind::Resume, 1, at),
            },
            Self::After if to_receiver => (Kind::End, 1, 56),
            Self::After => (Kind::Ack, 1, 48),
            Self::End(at) if to_receiver => (Kind::End, 1, at),
            Self::End(at) => (Kind::Ack, 1, at),
            Self::In(kind, at) => (kind, 1, at),
        };
        Place::Message { kind, number, at }
    }

    /// The last record is a farewell of 24 bytes, after that of END or ACK with 16 + 6 bytes more than the message.
    fn byte(self, direction: Direction, nbytes: u64) -> Option<u64> {
        Some(match self {
            Self::Start => 0,
            Self::Hello(at) => at,
            Self::Middle(at) if direction == Direction::ToReceiver => nbytes / 2 + at,
            Self::Middle(_) | Self::End(_) => nbytes - 24 - 66,
            Self::After | Self::In(..) => return None,
        })
    }
}

const fn both(a: Expect, b: Expect) -> [Option<Expect>; 2] {
    [Some(a), Some(b)]
}

#[rustfmt::skip]
pub(crate) fn modes() -> Vec<Mode> {
    use Action::{Close, Edit, Garbage, HalfClose, Pause, Reset, Slow, Stall};
    use Expect::{Nothing, Sane, Served, Unheard, Whole};
    use Spot::{After, End, Hello, In, Middle, Start};
    let broken = both(Nothing, Unheard);
    let mode = |name, spot, action, expect| Mode { name, spot, action, expect };
    let edit = |name, spot, edit: fn(&[u8]) -> Vec<u8>, expect| {
        Mode { name, spot, action: Edit(1, edit), expect }
    };
    let say = |text: &[u8]| Action::Say(text.to_vec().into());
    let second = Duration::from_secs(1);
    vec![
        mode("reset before anything", Start, Reset, both(Served, Nothing)),
        mode("reset in HELLO", Hello(20), Reset, both(Served, Nothing)),
        mode("reset after HELLO", Hello(72), Reset, both(Nothing, Nothing)),
        mode("reset in the middle", Middle(20), Reset, broken),
        mode("reset in the middle, later", Middle(44), Reset, broken),
        mode("reset before the end", End(0), Reset, broken),
        mode("reset after the end", After, Reset, both(Sane, Sane)),
        mode("closed before anything", Start, Close, both(Served, Nothing)),
        mode("closed in HELLO", Hello(20), Close, both(Served, Nothing)),
        mode("closed in the middle", Middle(20), Close, broken),
        mode("closed before the end", End(0), Close, broken),
        mode("closed after the end", After, Close, both(Sane, Sane)),
        mode("half closed before anything", Start, HalfClose, both(Served, Nothing)),
        mode("half closed in the middle", Middle(20), HalfClose, broken),
        mode("half closed before the end", End(0), HalfClose, broken),
        mode("stalls before anything", Start, Stall, both(Served, Nothing)),
        mode("stalls in HELLO", Hello(20), Stall, both(Served, Nothing)),
        mode("stalls in the middle", Middle(20), Stall, broken),
        mode("stalls before the end", End(0), Stall, broken),
        mode("stalls in the end", End(45), Stall, broken),
        mode("pauses in HELLO", Hello(20), Pause(second), both(Whole, Whole)),
        mode("pauses in the middle", Middle(20), Pause(second), both(Whole, Whole)),
        mode("pauses in the end", End(20), Pause(second), both(Whole, Whole)),
        mode("byte by byte", Start, Slow(1, Duration::ZERO), both(Whole, Whole)),
        mode("17 KiB each 20 ms", Start, Slow(17 << 10, second / 50), both(Whole, Whole)),
        mode("drips, 100 bytes a second", In(Kind::Data, 60), Slow(1, second / 100), [Some(Nothing), None]),
        mode("drips from the end on", End(0), Slow(1, second / 100), both(Whole, Whole)),
        mode("noise from the start", Start, Garbage, both(Served, Nothing)),
        mode("noise from the middle", Middle(0), Garbage, broken),
        mode("noise in a message", Middle(44), Garbage, broken),
        mode("noise instead of the end", End(0), Garbage, broken),
        mode("speaks HTTP", Start, say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), both(Served, Nothing)),
        mode("speaks ZMTP", Start, say(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL"), both(Served, Nothing)),
        mode("only zeros", Start, Action::Say(vec![0; 1 << 20].into()), both(Served, Nothing)),
        edit("a bit of HELLO's head", Hello(0), |m| flip(m, 9), both(Served, Nothing)),
        edit("a bit of HELLO's length", Hello(0), |m| flip(m, 24), both(Served, Nothing)),
        edit("a bit of HELLO's body", Hello(0), |m| flip(m, 57), both(Served, Nothing)),
        edit("a bit of MANIFEST", In(Kind::Manifest, 0), |m| flip(m, 80), [Some(Nothing), None]),
        edit("a bit of HEADER", In(Kind::Header, 0), |m| flip(m, 100), [Some(Nothing), None]),
        edit("a bit of the middle's head", Middle(0), |m| flip(m, 18), broken),
        edit("a bit of the middle's length", Middle(0), |m| flip(m, 26), broken),
        edit("a bit of the middle's body", Middle(0), |m| flip(m, 41), broken),
        edit("a bit of the middle's last byte", Middle(0), |m| flip(m, m.len() - 1), broken),
        edit("a bit of the end's head", End(0), |m| flip(m, 30), broken),
        edit("a bit of the end's body", End(0), |m| flip(m, 40), broken),
        edit("a byte is lost", Middle(0), |m| m[1..].to_vec(), broken),
        edit("a byte of a body is lost", Middle(0), |m| [&m[..45], &m[46..]].concat(), broken),
        edit("4 KiB are lost", Middle(0), |m| m[m.len().min(4096)..].to_vec(), broken),
        edit("a message is lost", Middle(0), |_| Vec::new(), broken),
        edit("the end is lost", End(0), |_| Vec::new(), broken),
        edit("a byte comes twice", Middle(0), |m| [&m[..45], &m[44..]].concat(), both(Nothing, Sane)),
        edit("a message comes twice", Middle(0), |m| [m, m].concat(), both(Nothing, Sane)),
        edit("HELLO comes twice", Hello(0), |m| [m, m].concat(), both(Sane, Sane)),
        edit("the end comes twice", End(0), |m| [m, m].concat(), both(Sane, Whole)),
        mode("two blocks change places", In(Kind::Data, 0), Edit(2, swap), [Some(Whole), None]),
        mode("the end comes before a block", In(Kind::Data, 0), Edit(8, end_first), [Some(Nothing), None]),
        edit("bytes change places", Middle(0), |m| [&m[..32], &m[36..40], &m[32..36], &m[40..]].concat(), broken),
        edit("bytes of a body change places", Middle(0), shuffle, broken),
        edit("length too long", Middle(0), |m| head(m, |head| head.body_nbytes += 1), broken),
        edit("length too short", Middle(0), |m| head(m, |head| head.body_nbytes -= 1), broken),
        edit("length 0", Middle(0), |m| head(m, |head| head.body_nbytes = 0), broken),
        edit("length 2^40", Middle(0), |m| head(m, |head| head.body_nbytes = 1 << 40), broken),
        edit("length 2^64 - 1", Middle(0), |m| head(m, |head| head.body_nbytes = u64::MAX), broken),
        edit("HELLO of 2^62 bytes", Hello(0), |m| head(m, |head| head.body_nbytes = 1 << 62), both(Served, Nothing)),
        edit("version 2", Middle(0), |m| { let mut m = m.to_vec(); m[4] = 2; m }, broken),
        edit("an unknown kind", Middle(0), |m| head(m, |head| head.kind = Kind::Skippable(99)), broken),
        edit("unknown flags", Middle(0), |m| head(m, |head| head.flags = 1), broken),
        edit("another transfer", Middle(0), |m| head(m, |head| head.transfer ^= 1), broken),
        edit("another transfer at the end", End(0), |m| head(m, |head| head.transfer ^= 1), broken),
        edit("a tile that is not there", Middle(0), |m| head(m, |head| head.sequence = 1 << 50), both(Nothing, Sane)),
        edit("a tile for another", Middle(0), |m| head(m, |head| head.sequence = 1), both(Nothing, Sane)),
        edit("REFUSE in the middle", Middle(0), |m| before(m, &refuse()), both(Nothing, Unheard)),
        edit("REFUSE instead of HELLO", Hello(0), |_| refuse(), both(Served, Nothing)),
        edit("10,000 PINGs in between", In(Kind::Data, 0), |m| before(m, &ping().repeat(10_000)), [Some(Whole), None]),
        edit("10,000 PINGs before the end", End(0), |m| before(m, &ping().repeat(10_000)), both(Whole, Whole)),
        edit("messages to skip", End(0), |m| before(m, &message(Kind::Skippable(200), 5, 6, &[7; 1000])), both(Whole, Whole)),
        edit("CREDIT of 0 and of 2^64 - 1", End(0), |m| before(m, &[credit(0, 0), credit(0, u64::MAX)].concat()), both(Whole, Whole)),
        edit("ACK too early", Middle(0), |m| before(m, &Ack { blocks: 8 }.message(0)), both(Nothing, Unheard)),
        edit("ACK right after HELLO", Hello(0), |m| [m, &Ack { blocks: 8 }.message(0)].concat(), both(Nothing, Unheard)),
        edit("END too early", Middle(0), |m| before(m, &end(m, 2)), both(Nothing, Unheard)),
        edit("END that claims all, too early", Middle(0), |m| before(m, &end(m, 8)), both(Nothing, Unheard)),
        edit("one more at the end", End(0), |m| body(m, |body| body[0] += 1), broken),
        edit("none at the end", End(0), |m| body(m, |body| body[..8].fill(0)), broken),
        edit("HELLO of other versions", Hello(0), |m| body(m, |body| body[..2].fill(9)), both(Served, Nothing)),
        edit("HELLO that takes no codec", Hello(0), |m| body(m, |body| body[4..12].fill(0)), both(Sane, Sane)),
        edit("HELLO that takes tiles of 0 bytes", Hello(0), |m| body(m, |body| body[16..24].fill(0)), both(Sane, Sane)),
        edit("HELLO without its flags", Hello(0), |m| body(m, |body| body[2..4].fill(0)), both(Sane, Sane)),
        edit("HELLO with every flag", Hello(0), |m| body(m, |body| body[2..4].fill(255)), both(Sane, Sane)),
        edit("RESUME that holds everything", In(Kind::Resume, 0), |m| resume(m, &[(0, 8)]), [None, Some(Unheard)]),
        edit("RESUME that holds some", In(Kind::Resume, 0), |m| resume(m, &[(3, 2)]), [None, Some(Unheard)]),
        edit("RESUME beyond the array", In(Kind::Resume, 0), |m| resume(m, &[(0, 1 << 60)]), [None, Some(Unheard)]),
        edit("RESUME of 2^61 runs", In(Kind::Resume, 0), |m| body(m, |body| body[..8].copy_from_slice(&(1_u64 << 61).to_le_bytes())), [None, Some(Unheard)]),
        edit("a challenge for another", In(Kind::Auth, 0), |m| body(m, |body| body[9] ^= 1), both(Nothing, Nothing)),
        edit("a proof of zeros", In(Kind::Auth, 0), |m| body(m, |body| body[4..].fill(0)), both(Nothing, Nothing)),
        edit("MANIFEST of 2^40 rows", In(Kind::Manifest, 0), rows, [Some(Nothing), None]),
        edit("MANIFEST of 10,000 headers", In(Kind::Manifest, 0), |m| body(m, |body| body[..4].copy_from_slice(&10_000_u32.to_le_bytes())), [Some(Nothing), None]),
        edit("MANIFEST twice", In(Kind::Manifest, 0), |m| [m, m].concat(), [Some(Nothing), None]),
    ]
}

/// One bit is another one.
fn flip(message: &[u8], at: usize) -> Vec<u8> {
    let mut message = message.to_vec();
    let at = at.min(message.len() - 1);
    message[at] ^= 4;
    message
}

/// Another head, with the checksum that it ought to have.
fn head(message: &[u8], change: fn(&mut Head)) -> Vec<u8> {
    let Ok(mut head) = Head::parse(message) else {
        return flip(message, 7);
    };
    change(&mut head);
    [&head.encode(), &message[HEAD_NBYTES..]].concat()
}

/// Another body, with the checksums that it ought to have.
fn body(message: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let Ok(head) = Head::parse(message) else {
        return flip(message, 50);
    };
    let mut body = message[HEAD_NBYTES..].to_vec();
    change(&mut body);
    ndferry_npb::message(head.kind, head.transfer, head.sequence, &body)
}

fn before(message: &[u8], what: &[u8]) -> Vec<u8> {
    [what, message].concat()
}

fn refuse() -> Vec<u8> {
    let reason = "no room for arrays today".to_owned();
    let code = RefuseCode::Storage;
    Refuse { code, reason }.message(0)
}

/// An END for the transfer of this message.
fn end(message: &[u8], blocks: u64) -> Vec<u8> {
    let transfer = Head::parse(message).map_or(1, |head| head.transfer.max(1));
    End {
        blocks,
        extent: crate::pair::ROWS,
    }
    .message(transfer)
}

fn swap(two: &[u8]) -> Vec<u8> {
    let (first, second) = two.split_at(first_nbytes(two));
    [second, first].concat()
}

/// The last of the blocks is held back until an END has come.
fn end_first(blocks: &[u8]) -> Vec<u8> {
    let last = blocks.len() - first_nbytes(blocks);
    [&blocks[..last], &end(blocks, 8), &blocks[last..]].concat()
}

fn first_nbytes(messages: &[u8]) -> usize {
    let first = Head::parse(messages).map(|head| head.message_nbytes() as usize);
    first.unwrap_or(messages.len() / 2).min(messages.len())
}

/// The halves of the body the other way round.
fn shuffle(message: &[u8]) -> Vec<u8> {
    let (head, body) = message.split_at(HEAD_NBYTES.min(message.len()));
    let (a, b) = body.split_at(body.len() / 2 + 1);
    // Bodies of zeros would be the same again.
    [head, b, a]
        .concat()
        .iter()
        .zip(0_usize..)
        .map(|(byte, i)| byte ^ u8::from(i == message.len() - 1))
        .collect()
}

fn resume(message: &[u8], runs: &[(u64, u64)]) -> Vec<u8> {
    let transfer = Head::parse(message).map_or(1, |head| head.transfer);
    let mut body = (runs.len() as u64).to_le_bytes().to_vec();
    for (first, count) in runs {
        body.extend(first.to_le_bytes());
        body.extend(count.to_le_bytes());
    }
    ndferry_npb::message(Kind::Resume, transfer, 0, &body)
}

fn rows(message: &[u8]) -> Vec<u8> {
    let (Ok(head), Some(body)) = (Head::parse(message), message.get(HEAD_NBYTES..)) else {
        return flip(message, 50);
    };
    let Ok(mut manifest) = Manifest::parse(body, &Limits::PEER) else {
        return flip(message, 50);
    };
    manifest.shape[0] = 1 << 40;
    ndferry_npb::message(head.kind, head.transfer, head.sequence, &manifest.encode())
}
