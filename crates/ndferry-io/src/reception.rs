//! [`Reception`]: peers that have connected but not yet proved to be any good.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crate::link::over;
use crate::net::{SocketListener, Wire};
use crate::stream::{Arrived, POLL, Stream};
use crate::{Duplex, FrameSink, FrameSource, LinkOptions, Result, StreamTransport, wait};

/// Peers that may be in here at a time; when more come, those that have waited longest must go: first those that have
/// not said anything, then others.
const GUESTS: usize = 256;

/// How long one that was refused may take to read why, before it is cut off.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes that a peer may send beneath its frames until it is let in: for the hand-shake of TLS.
const BENEATH: u64 = 16 << 10;

/// How long an answer may take to be sent: it is short, and nothing was sent before it.
const ANSWER: Duration = Duration::from_millis(100);

/// Speaks with a peer until it is clear that somebody should. One for each peer; all are served at once.
pub trait Doorman: Send + fmt::Debug {
    /// What it says to the peer's next frame. `binding` is [`Duplex::binding`]'s, `peer` is [`Duplex::peer`]'s.
    fn hear(&mut self, frame: &[u8], binding: &[u8; 32], peer: &str) -> Verdict;
}

/// What a [`Doorman`] says. The bytes are whole frames, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The peer may come in; its frame is still to be received.
    Welcome,
    /// These bytes, then the peer may come in.
    Enter(Vec<u8>),
    /// These bytes, and the peer must say more.
    Stay(Vec<u8>),
    /// These bytes, and no more from either side.
    Leave(Vec<u8>),
}

/// Nobody: whoever has sent a whole frame is welcome.
impl Doorman for () {
    fn hear(&mut self, _: &[u8], _: &[u8; 32], _: &str) -> Verdict {
        Verdict::Welcome
    }
}

/// Waits for all peers at once, so that silent or dripping ones never keep a good one from being served.
#[derive(Debug)]
pub(crate) struct Reception<D> {
    guests: VecDeque<Guest<D>>,
    turned_away: u64,
}

#[derive(Debug)]
struct Guest<D> {
    link: StreamTransport<Wire>,
    until: Instant,
    stage: Stage<D>,
}

#[derive(Debug)]
enum Stage<D> {
    Silent(D),
    Speaking(D),
    Leaving,
}

/// What has become of a guest.
enum Now {
    Waits,
    Enters,
    IsGone,
}

impl<D: Doorman> Reception<D> {
    pub(crate) fn new() -> Self {
        Self {
            guests: VecDeque::new(),
            turned_away: 0,
        }
    }

    /// How many peers have left, sent garbage, were refused, or ran out of time.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// The first peer that its doorman lets in; `None` if there is none in time.
    pub(crate) fn next(
        &mut self,
        listener: &SocketListener,
        doorman: &dyn Fn() -> D,
        at_most: Duration,
        options: &LinkOptions,
    ) -> Result<Option<(StreamTransport<Wire>, D)>> {
        let started = Instant::now();
        loop {
            options.interrupt.check()?;
            let now = Instant::now();
            let before = self.guests.len();
            self.guests.retain(|guest| guest.until > now);
            self.turned_away += (before - self.guests.len()) as u64;
            let left = at_most.saturating_sub(started.elapsed());
            let next_deadline = self.guests.iter().map(|guest| guest.until - now).min();
            let nap = left.min(POLL).min(next_deadline.unwrap_or(POLL));
            let doors = listener.sockets().count();
            let sockets: Vec<_> = listener
                .sockets()
                .chain(
                    self.guests
                        .iter()
                        .map(|guest| guest.link.get_ref().socket()),
                )
                .collect();
            let ready = wait::which_readable(&sockets, nap)?;
            if let Some(entered) = self.listen_to(&ready[doors..], options) {
                return Ok(Some(entered));
            }
            for door in (0..doors).filter(|door| ready[*door]) {
                if let Some(wire) = listener.accept_now(door, options)? {
                    self.welcome(over(wire, options), doorman(), options);
                }
            }
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    fn welcome(&mut self, mut link: StreamTransport<Wire>, doorman: D, options: &LinkOptions) {
        #[cfg(feature = "zmq")]
        let is_limited = !options.zmq.parts;
        #[cfg(not(feature = "zmq"))]
        let is_limited = true;
        if is_limited {
            link.set_max_frame(options.greeting_nbytes);
        }
        if self.guests.len() == GUESTS {
            let useless = |guest: &Guest<D>| !matches!(guest.stage, Stage::Speaking(_));
            let at = self.guests.iter().position(useless).unwrap_or(0);
            self.guests.remove(at);
            self.turned_away += 1;
        }
        self.guests.push_back(Guest {
            link,
            until: Instant::now() + options.greeting_timeout.min(LONGEST),
            stage: Stage::Silent(doorman),
        });
    }

    /// Takes in what has come, and lets those go who have left or make no sense.
    fn listen_to(
        &mut self,
        ready: &[bool],
        options: &LinkOptions,
    ) -> Option<(StreamTransport<Wire>, D)> {
        for at in (0..ready.len()).rev().filter(|at| ready[*at]) {
            match self.guests[at].listen(options) {
                Now::Waits => {}
                Now::Enters => {
                    let mut guest = self.guests.remove(at)?;
                    guest.link.set_max_frame(u64::MAX);
                    guest.link.set_timeout(options.timeout);
                    match guest.stage {
                        Stage::Silent(doorman) | Stage::Speaking(doorman) => {
                            return Some((guest.link, doorman));
                        }
                        Stage::Leaving => {}
                    }
                }
                Now::IsGone => {
                    self.guests.remove(at);
                    self.turned_away += 1;
                }
            }
        }
        None
    }
}

impl<D: Doorman> Guest<D> {
    fn listen(&mut self, options: &LinkOptions) -> Now {
        loop {
            let now = self.listen_once(options);
            if !matches!(now, Now::Waits) || !self.link.get_ref().holds_input() {
                return now;
            }
        }
    }

    fn listen_once(&mut self, options: &LinkOptions) -> Now {
        let most = options.greeting_nbytes.saturating_add(BENEATH);
        if self.link.get_ref().taken() > most {
            return Now::IsGone;
        }
        match &self.stage {
            Stage::Leaving if self.link.throw_away() => Now::Waits,
            Stage::Leaving => Now::IsGone,
            Stage::Silent(_) | Stage::Speaking(_) => match self.link.take_in() {
                Ok(Arrived::Part | Arrived::Frame) if self.link.get_ref().is_let_in() => {
                    Now::Enters
                }
                Ok(Arrived::Part) => Now::Waits,
                Ok(Arrived::Frame) => self.hear(options).unwrap_or(Now::IsGone),
                Ok(Arrived::End) | Err(_) => Now::IsGone,
            },
        }
    }

    /// Hears all frames that are there.
    fn hear(&mut self, options: &LinkOptions) -> Result<Now> {
        if !self.link.answers() && self.link.arrived()?.is_some() {
            return Ok(Now::Enters);
        }
        let (binding, peer) = (self.link.binding(), self.link.peer());
        self.link.set_timeout(ANSWER);
        while let Some(frame) = self.link.arrived()? {
            let (Stage::Silent(doorman) | Stage::Speaking(doorman)) = &mut self.stage else {
                return Ok(Now::Waits);
            };
            let verdict = doorman.hear(frame, &binding, &peer);
            if verdict == Verdict::Welcome {
                return Ok(Now::Enters);
            }
            self.link.recv()?;
            match verdict {
                Verdict::Welcome => return Ok(Now::Enters),
                Verdict::Enter(bytes) => {
                    self.link.send(&[&bytes])?;
                    return Ok(Now::Enters);
                }
                Verdict::Stay(bytes) => {
                    self.link.send(&[&bytes])?;
                    let received = self.link.received_nbytes();
                    let left = options.greeting_nbytes.saturating_sub(received);
                    self.link.set_max_frame(left);
                }
                Verdict::Leave(bytes) => {
                    self.link.send(&[&bytes])?;
                    self.link.finish()?;
                    self.stage = Stage::Leaving;
                    self.until = self.until.min(Instant::now() + FAREWELL);
                    return Ok(Now::Waits);
                }
            }
            if let Stage::Silent(_) = self.stage
                && let Stage::Silent(doorman) = std::mem::replace(&mut self.stage, Stage::Leaving)
            {
                self.stage = Stage::Speaking(doorman);
            }
        }
        Ok(Now::Waits)
    }
}

/// More would be more than some clocks can count.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
