//! ZMTP 3.0, what ZeroMQ sockets say to each other over a byte stream, with the NULL mechanism
//! (<https://rfc.zeromq.org/spec/23/>). No I/O.
//!
//! Our own, and not a crate around it: a frame of ours goes from the socket into the array, and how long it may be is said
//! before a byte of it is kept. A crate's messages are whole, in memory of its own; what is needed of ZMTP is this file.

use std::fmt;
use std::io;

use crate::Framing;

/// How to speak ZeroMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZmqOptions {
    /// What the side that connects is; the side that listens is what goes with that.
    pub socket: ZmqSocket,
    /// Whether a side that listens lets in those whom nobody can answer: PUSH, PUB and XPUB.
    pub one_way: bool,
    /// Whether a side that listens lets SUB and XSUB in, once they have subscribed to everything: it is PUB to them.
    pub publishes: bool,
    /// Whether a side that connects is what goes with the other side, as one that listens is. Both cannot wait for that.
    pub follows: bool,
    /// Each part of a message is a frame of its own when it is received, as [`ZMQ_PARTS`] says; REQ and PAIR are let in too,
    /// and everybody before there is a frame. Otherwise the parts, joined, are what the framing says they are.
    pub parts: bool,
}

/// Bytes before each part, with [`ZmqOptions::parts`].
pub(crate) const PART_HEAD_NBYTES: usize = 9;

/// The framing of [`ZmqOptions::parts`]: one byte of flags, bit 0 of which says that more parts of the same message follow,
/// eight of the length, big-endian, then the part.
pub const ZMQ_PARTS: Framing = Framing {
    head_nbytes: PART_HEAD_NBYTES,
    frame_nbytes: |head| match head.get(1..).and_then(<[u8]>::first_chunk) {
        Some(nbytes) => Ok(u64::from_be_bytes(*nbytes).saturating_add(PART_HEAD_NBYTES as u64)),
        None => Err("a part without its length".to_owned()),
    },
};

impl Default for ZmqOptions {
    /// DEALER; one-way peers that send are let in; frames are what the framing says.
    fn default() -> Self {
        Self {
            socket: ZmqSocket::Dealer,
            one_way: true,
            publishes: false,
            follows: false,
            parts: false,
        }
    }
}

/// The kinds of ZeroMQ's sockets that can be spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "ZeroMQ's names")]
#[non_exhaustive]
pub enum ZmqSocket {
    Dealer,
    Router,
    Push,
    Pull,
    Pub,
    XPub,
    Sub,
    XSub,
    Req,
    Rep,
    Pair,
}

impl ZmqSocket {
    const ALL: [(Self, &str); 11] = [
        (Self::Dealer, "DEALER"),
        (Self::Router, "ROUTER"),
        (Self::Push, "PUSH"),
        (Self::Pull, "PULL"),
        (Self::Pub, "PUB"),
        (Self::XPub, "XPUB"),
        (Self::Sub, "SUB"),
        (Self::XSub, "XSUB"),
        (Self::Req, "REQ"),
        (Self::Rep, "REP"),
        (Self::Pair, "PAIR"),
    ];

    fn parse(name: &[u8]) -> Option<Self> {
        let same = |known: &&(Self, &str)| known.1.as_bytes() == name;
        Self::ALL.iter().find(same).map(|(socket, _)| *socket)
    }

    fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(socket, _)| *socket == self);
        known.map_or("", |(_, name)| name)
    }

    /// What a side that listens for arrays is to such a peer.
    fn listener(self, options: &ZmqOptions) -> Option<Self> {
        match self {
            Self::Dealer => Some(Self::Router),
            Self::Push if options.one_way => Some(Self::Pull),
            Self::Pub | Self::XPub if options.one_way => Some(Self::Sub),
            Self::Sub | Self::XSub if options.publishes => Some(Self::Pub),
            Self::Req if options.parts => Some(Self::Rep),
            Self::Pair if options.parts => Some(Self::Pair),
            _ => None,
        }
    }

    fn goes_with(self, peer: Self) -> bool {
        match self {
            Self::Dealer => matches!(peer, Self::Router | Self::Dealer | Self::Rep),
            Self::Router => matches!(peer, Self::Dealer | Self::Req | Self::Router),
            Self::Push => peer == Self::Pull,
            Self::Pull => peer == Self::Push,
            Self::Pub | Self::XPub => matches!(peer, Self::Sub | Self::XSub),
            Self::Sub | Self::XSub => matches!(peer, Self::Pub | Self::XPub),
            Self::Req => matches!(peer, Self::Rep | Self::Router),
            Self::Rep => matches!(peer, Self::Req | Self::Dealer),
            Self::Pair => peer == Self::Pair,
        }
    }

    /// Whether it both sends and receives.
    pub fn answers(self) -> bool {
        matches!(
            self,
            Self::Dealer | Self::Router | Self::Req | Self::Rep | Self::Pair
        )
    }

    /// Whether it receives nothing before it has said that it wants to.
    pub(crate) fn subscribes(self) -> bool {
        matches!(self, Self::Sub | Self::XSub)
    }

    /// Whether it sends nothing before the other side has said that it wants to have it.
    pub(crate) fn is_subscribed_to(self) -> bool {
        matches!(self, Self::Pub | Self::XPub)
    }
}

impl fmt::Display for ZmqSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why ZeroMQ cannot be spoken with a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZmqProblem {
    /// Its first bytes are not ZeroMQ's.
    #[error("the other side does not speak ZeroMQ")]
    NotZmq,
    /// It speaks ZMTP 1 or 2.
    #[error("the other side speaks ZMTP {0}; ZeroMQ 4 or newer (ZMTP 3) is needed")]
    Version(u8),
    /// It wants a password or a key.
    #[error("the other side wants the security mechanism {0}; only NULL is spoken")]
    Mechanism(String),
    /// A socket that does not go with ours.
    #[error("the other side is a {peer} socket, which does not go with {own}")]
    Socket {
        /// The other side's.
        peer: String,
        /// Ours.
        own: String,
    },
    /// It says that something is wrong.
    #[error("the other side says: {0}")]
    Said(String),
    /// It breaks the protocol.
    #[error("the other side breaks ZMTP: {0}")]
    Broken(&'static str),
    /// It hung up before the hand-shake was over.
    #[error("the other side hung up during ZeroMQ's hand-shake")]
    Gone,
}

impl From<ZmqProblem> for io::Error {
    fn from(problem: ZmqProblem) -> Self {
        Self::new(io::ErrorKind::InvalidData, crate::Error::Zmq(problem))
    }
}

pub(crate) type Result<T> = std::result::Result<T, ZmqProblem>;

/// Bytes of a greeting.
pub(crate) const GREETING_NBYTES: usize = 64;

/// What both sides send first: signature, version 3.0, mechanism, and no server.
pub(crate) fn greeting() -> [u8; GREETING_NBYTES] {
    let mut bytes = [0; GREETING_NBYTES];
    (bytes[0], bytes[9], bytes[10]) = (0xFF, 0x7F, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// Checks as much of a greeting as has come.
pub(crate) fn check_greeting(bytes: &[u8]) -> Result<()> {
    let at = |i: usize| bytes.get(i).copied();
    if at(0).is_some_and(|byte| byte != 0xFF) || at(9).is_some_and(|byte| byte & 1 == 0) {
        return Err(ZmqProblem::NotZmq);
    }
    if let Some(version) = at(10).filter(|version| *version < 3) {
        return Err(ZmqProblem::Version(version));
    }
    match bytes.get(12..32) {
        Some(name) if name[..4] != *b"NULL" || name[4..].iter().any(|byte| *byte != 0) => {
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(20);
            Err(ZmqProblem::Mechanism(words(&name[..end])))
        }
        _ => Ok(()),
    }
}

/// Text of a peer's, made fit for a line.
fn words(bytes: &[u8]) -> String {
    let short = &bytes[..bytes.len().min(200)];
    let text = String::from_utf8_lossy(short);
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// More parts of the same message follow.
const MORE: u8 = 1;
/// The length has eight bytes, not one.
const LONG: u8 = 2;
/// Not a part of a message, but a command.
const COMMAND: u8 = 4;

/// Bytes of the longest command (or subscription) that is taken.
pub(crate) const COMMAND_NBYTES: usize = 1024;

/// What stands before a part of a message, or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) has_more: bool,
    pub(crate) is_command: bool,
    pub(crate) nbytes: u64,
}

impl FrameHead {
    /// The head at the front of these bytes and how many it has; `None` if not all of it is there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>> {
        let Some((flags, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if flags & !(MORE | LONG | COMMAND) != 0 || flags & (MORE | COMMAND) == MORE | COMMAND {
            return Err(ZmqProblem::Broken("a frame with unknown flags"));
        }
        let (nbytes, head) = match flags & LONG != 0 {
            true => (rest.first_chunk().map(|n| u64::from_be_bytes(*n)), 9),
            false => (rest.first().map(|n| u64::from(*n)), 2),
        };
        let Some(nbytes) = nbytes else {
            return Ok(None);
        };
        if nbytes > i64::MAX as u64 {
            return Err(ZmqProblem::Broken("a frame longer than any can be"));
        }
        let head_of = Self {
            has_more: flags & MORE != 0,
            is_command: flags & COMMAND != 0,
            nbytes,
        };
        Ok(Some((head_of, head)))
    }

    /// Appends it to what is written.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let flags = (u8::from(self.has_more) * MORE) | (u8::from(self.is_command) * COMMAND);
        match u8::try_from(self.nbytes) {
            Ok(nbytes) => out.extend([flags, nbytes]),
            Err(_) => {
                out.push(flags | LONG);
                out.extend(self.nbytes.to_be_bytes());
            }
        }
    }

    /// As a part's head is handed on, with [`ZmqOptions::parts`].
    pub(crate) fn handed_on(self) -> [u8; PART_HEAD_NBYTES] {
        let mut bytes = [u8::from(self.has_more); PART_HEAD_NBYTES];
        bytes[1..].copy_from_slice(&self.nbytes.to_be_bytes());
        bytes
    }
}

/// What a peer says beside messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Its kind of socket.
    Ready(Option<ZmqSocket>, String),
    /// It asks whether we are there.
    Ping(&'a [u8]),
    /// It wants messages that begin so.
    Subscribe(&'a [u8]),
    /// Anything else.
    Other,
}

impl<'a> Command<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self> {
        const CUT: ZmqProblem = ZmqProblem::Broken("a command that is cut short");
        let (length, rest) = body.split_first().ok_or(CUT)?;
        let (name, rest) = rest.split_at_checked((*length).into()).ok_or(CUT)?;
        match name {
            b"READY" => {
                let socket = property(rest, b"socket-type")?.unwrap_or_default();
                Ok(Self::Ready(ZmqSocket::parse(socket), words(socket)))
            }
            b"ERROR" => {
                let reason = rest.split_first().map_or(&[][..], |(_, reason)| reason);
                Err(ZmqProblem::Said(words(reason)))
            }
            // Two bytes say how long the peer waits.
            b"PING" => rest.get(2..).map(Self::Ping).ok_or(CUT),
            b"SUBSCRIBE" => Ok(Self::Subscribe(rest)),
            _ => Ok(Self::Other),
        }
    }
}

/// A property of READY; names have no case.
fn property<'a>(mut rest: &'a [u8], wanted: &[u8]) -> Result<Option<&'a [u8]>> {
    const CUT: ZmqProblem = ZmqProblem::Broken("properties that are cut short");
    let mut found = None;
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked((*length).into()).ok_or(CUT)?;
        let (length, after) = after.split_first_chunk().ok_or(CUT)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (value, after) = after.split_at_checked(length).ok_or(CUT)?;
        if name.eq_ignore_ascii_case(wanted) {
            found = Some(value);
        }
        rest = after;
    }
    Ok(found)
}

fn command(name: &str, rest: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = rest.iter().map(|part| part.len()).sum();
    let head = FrameHead {
        has_more: false,
        is_command: true,
        nbytes: (1 + name.len() + length) as u64,
    };
    head.write(out);
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    rest.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends READY, and what a subscriber says after it.
pub(crate) fn write_ready(own: ZmqSocket, out: &mut Vec<u8>) {
    let name = own.name().as_bytes();
    let length = (name.len() as u32).to_be_bytes();
    command("READY", &[b"\x0bSocket-Type", &length, name], out);
    if own.subscribes() {
        // To everything, as the messages of ZMTP 3.0 say it.
        out.extend([0, 1, 1]);
    }
}

/// Appends the answer to PING.
pub(crate) fn write_pong(context: &[u8], out: &mut Vec<u8>) {
    command("PONG", &[&context[..context.len().min(16)]], out);
}

/// Appends ERROR.
pub(crate) fn write_error(problem: &ZmqProblem, out: &mut Vec<u8>) {
    let text = problem.to_string();
    let reason = &text.as_bytes()[..text.len().min(255)];
    command("ERROR", &[&[reason.len() as u8], reason], out);
}

/// What this side is to a peer that is of this kind, or why it is nothing.
pub(crate) fn own_socket(
    is_listening: bool,
    peer: Option<ZmqSocket>,
    peer_name: &str,
    options: &ZmqOptions,
) -> Result<ZmqSocket> {
    let own = match is_listening {
        true => peer.and_then(|peer| peer.listener(options)),
        false => Some(options.socket).filter(|own| peer.is_some_and(|peer| own.goes_with(peer))),
    };
    own.ok_or_else(|| ZmqProblem::Socket {
        peer: peer_name.to_owned(),
        own: match (is_listening, options.one_way) {
            (true, true) => "ROUTER, PULL or SUB".to_owned(),
            (true, false) => "ROUTER".to_owned(),
            (false, _) => options.socket.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_frames_come_back_and_cut_ones_wait() {
        for nbytes in [0, 1, 255, 256, 1 << 20, i64::MAX as u64] {
            for (has_more, is_command) in [(false, false), (true, false), (false, true)] {
                let head = FrameHead {
                    has_more,
                    is_command,
                    nbytes,
                };
                let mut bytes = Vec::new();
                head.write(&mut bytes);
                assert_eq!(FrameHead::parse(&bytes), Ok(Some((head, bytes.len()))));
                for end in 0..bytes.len() {
                    assert_eq!(FrameHead::parse(&bytes[..end]), Ok(None));
                }
            }
        }
        for wrong in [
            &[8, 0][..],
            &[5, 0],
            &[0xFF; 9],
            &[2, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(FrameHead::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn greetings_are_told_from_what_is_none_as_soon_as_they_can_be() {
        let good = greeting();
        for end in 0..=good.len() {
            assert_eq!(check_greeting(&good[..end]), Ok(()));
        }
        assert_eq!(check_greeting(b"GET / HTTP/1.1"), Err(ZmqProblem::NotZmq));
        let mut other = good;
        other[10] = 1;
        assert_eq!(check_greeting(&other), Err(ZmqProblem::Version(1)));
        other = good;
        other[12..17].copy_from_slice(b"CURVE");
        assert_eq!(
            check_greeting(&other),
            Err(ZmqProblem::Mechanism("CURVE".to_owned()))
        );
    }

    #[test]
    fn commands_come_back_and_cut_ones_are_errors() {
        let mut bytes = Vec::new();
        write_ready(ZmqSocket::Push, &mut bytes);
        let ready = Command::Ready(Some(ZmqSocket::Push), "PUSH".to_owned());
        assert_eq!(Command::parse(&bytes[2..]), Ok(ready));
        for end in 2..bytes.len() {
            let cut = Command::parse(&bytes[2..end]);
            // Without any property it is a READY that says nothing.
            assert!(cut.is_err() || end == 8, "{end}: {cut:?}");
        }
        bytes.clear();
        write_error(&ZmqProblem::Gone, &mut bytes);
        let said = Err(ZmqProblem::Said(ZmqProblem::Gone.to_string()));
        assert_eq!(Command::parse(&bytes[2..]), said);
        assert_eq!(
            Command::parse(b"\x04PING\0\x01abc"),
            Ok(Command::Ping(b"abc"))
        );
    }

    #[test]
    fn a_listener_is_what_goes_with_its_peer() {
        let all = ZmqOptions {
            parts: true,
            ..ZmqOptions::default()
        };
        for (peer, name) in ZmqSocket::ALL {
            match own_socket(true, Some(peer), name, &all) {
                Ok(own) => assert!(own.goes_with(peer), "{own} {peer}"),
                Err(_) => assert!(!matches!(
                    name,
                    "DEALER" | "PUSH" | "PUB" | "XPUB" | "REQ" | "PAIR"
                )),
            }
        }
        let closed = ZmqOptions {
            one_way: false,
            ..ZmqOptions::default()
        };
        assert!(own_socket(true, Some(ZmqSocket::Push), "PUSH", &closed).is_err());
        assert!(own_socket(true, Some(ZmqSocket::Req), "REQ", &closed).is_err());
        assert!(own_socket(true, None, "STREAM", &all).is_err());
    }
}
