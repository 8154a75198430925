//! [`RingLink`]: a connection to a program of this machine that puts its blocks into memory that both have.
//!
//! `docs/formats/imagej.md` says how: LENT stands for a DATA message, which lies in the memory; RETURNED tells how many of
//! those have been taken. Without such memory it is the connection that it was.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ndferry_io::{
    Duplex, Error, Frame, FrameSink, FrameSource, Link, Result, Ring, RingReader, Url,
};
use ndferry_npb::{HEAD_NBYTES, Head, Kind, message};
use serde_json::json;

use crate::token;

/// The kinds of message that `docs/formats/imagej.md` gives a meaning.
const LENT: Kind = Kind::Skippable(162);
const RETURNED: Kind = Kind::Skippable(163);

/// Where one message lies: that of a block of the usual length, and it begins at a page.
const SLOT: u64 = (1 << 20) + 4096;

/// Enough that neither side waits for the other's every step, and little enough for the processor's caches.
const SLOTS: u64 = 8;

/// Smaller messages go through the socket.
const BULK: usize = 64 << 10;

/// What makes no sense.
const WRONG: Error = Error::Segment("is not used as it was agreed");

/// The memory of one connection, and whether the other side has it too.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// Whether the other side is on this machine, as far as its address tells: at the end of a tunnel it is not.
    is_here: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    ring: Option<Ring>,
    is_shared: bool,
}

impl Memory {
    /// Prepares a connection for it.
    pub(crate) fn over(link: Link, address: &Url) -> (Link, Self) {
        let is_here = match address {
            Url::Tcp { host, .. } | Url::Tls { host, .. } => {
                let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
                host == "localhost" || address.is_ok_and(|address| address.is_loopback())
            }
            other => matches!(other, Url::Unix(_)),
        };
        let memory = Self {
            is_here,
            state: Arc::default(),
        };
        let link = RingLink {
            link,
            memory: memory.clone(),
            lent: 0,
            returned: 0,
            taken: 0,
            owed: false,
            reader: None,
            said: None,
            frame: Vec::new(),
            sent_nbytes: 0,
            received_nbytes: 0,
        };
        (Box::new(link), memory)
    }

    /// What a call offers; `None` if the other side has the memory already, or is elsewhere, or without means.
    pub(crate) fn offer(&self) -> Option<String> {
        let mut state = self.lock();
        if !self.is_here || state.is_shared {
            return None;
        }
        let proof = token::random().ok()?;
        if state.ring.is_none() {
            state.ring = Ring::create(SLOT * SLOTS).ok();
        }
        let ring = state.ring.as_mut()?;
        ring.write_at(&proof, 0).ok()?;
        let proof: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
        let offer = json!({"path": ring.path(), "nbytes": ring.nbytes(), "proof": proof});
        Some(offer.to_string())
    }

    /// The other side has it.
    pub(crate) fn agreed(&self) -> Result<()> {
        let mut state = self.lock();
        state.is_shared = state.ring.is_some();
        match state.is_shared {
            true => Ok(()),
            false => Err(WRONG),
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.lock().is_shared
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, parts: &[&[u8]], mut offset: u64) -> Result<()> {
        let mut state = self.lock();
        let ring = state.ring.as_mut().ok_or(WRONG)?;
        for part in parts {
            ring.write_at(part, offset)?;
            offset += part.len() as u64;
        }
        Ok(())
    }

    /// All of it, once the other side has it too.
    fn reader(&self) -> Result<RingReader> {
        let state = self.lock();
        let ring = state.ring.as_ref().filter(|_| state.is_shared);
        ring.ok_or(WRONG)?.reader()
    }
}

/// Where a message lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    nbytes: u64,
}

/// What a frame of the socket means here.
enum Meaning {
    Lent(Place),
    Returned(u64),
    Other,
}

impl Meaning {
    fn of(frame: &[u8]) -> Result<Self> {
        let (head, body) = frame.split_at(frame.len().min(HEAD_NBYTES));
        let Ok(head) = Head::parse(head) else {
            return Ok(Self::Other); // who takes it says what is wrong
        };
        match head.kind {
            LENT => {
                head.check(body).map_err(|_| WRONG)?;
                let number = |at: usize| Some(u64::from_le_bytes(*body.get(at..)?.first_chunk()?));
                let place = number(0).zip(number(8)).filter(|_| body.len() == 16);
                let (offset, nbytes) = place.ok_or(WRONG)?;
                Ok(Self::Lent(Place { offset, nbytes }))
            }
            RETURNED => {
                head.check(body).map_err(|_| WRONG)?;
                Ok(Self::Returned(head.sequence))
            }
            _ => Ok(Self::Other),
        }
    }
}

/// See the module.
struct RingLink {
    link: Link,
    memory: Memory,
    /// Messages that were put into the memory, and how many of them the other side has taken out.
    lent: u64,
    returned: u64,
    /// Messages that were taken out of it, and whether the other side has yet to hear of the last one.
    taken: u64,
    owed: bool,
    reader: Option<RingReader>,
    /// What came while this side waited for room, and what of it was given last.
    said: Option<Vec<u8>>,
    frame: Vec<u8>,
    sent_nbytes: u64,
    received_nbytes: u64,
}

impl RingLink {
    fn give_back(&mut self) -> Result<()> {
        match std::mem::take(&mut self.owed) {
            true => self.link.send(&[&message(RETURNED, 0, self.taken, &[])]),
            false => Ok(()),
        }
    }

    fn returned(&mut self, count: u64) -> Result<()> {
        if count < self.returned || count > self.lent {
            return Err(WRONG);
        }
        self.returned = count;
        Ok(())
    }

    /// Waits until there is room; without, the other side has said something else, which comes first.
    fn has_room(&mut self) -> Result<bool> {
        while self.lent - self.returned >= SLOTS {
            if self.said.is_some() {
                return Ok(false);
            }
            let (received, needed) = (0, HEAD_NBYTES as u64);
            let cut = Error::Closed { received, needed };
            let frame = self.link.recv()?.ok_or(cut)?;
            match Meaning::of(frame)? {
                Meaning::Returned(count) => self.returned(count)?,
                Meaning::Lent(_) => return Err(WRONG),
                Meaning::Other => {
                    let is_ping = Head::parse(frame).is_ok_and(|head| head.kind == Kind::Ping);
                    self.said = (!is_ping).then(|| frame.to_vec());
                }
            }
        }
        Ok(true)
    }
}

impl FrameSink for RingLink {
    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        self.link.send(parts)
    }

    fn queue(&mut self, parts: &[&[u8]]) -> Result<()> {
        self.link.queue(parts)
    }

    fn finish(&mut self) -> Result<()> {
        self.link.finish()
    }
}

impl FrameSource for RingLink {
    fn recv(&mut self) -> Result<Option<&[u8]>> {
        match self.recv_frame()? {
            Some(Frame::Here(frame) | Frame::Local(frame)) => Ok(Some(frame)),
            Some(Frame::Shared(_)) => Err(WRONG),
            None => Ok(None),
        }
    }
}

impl Duplex for RingLink {
    fn recv_frame(&mut self) -> Result<Option<Frame<'_>>> {
        self.give_back()?;
        if let Some(said) = self.said.take() {
            self.frame = said;
            return Ok(Some(Frame::Here(&self.frame)));
        }
        let Some(frame) = self.link.recv()? else {
            return Ok(None);
        };
        let place = match Meaning::of(frame)? {
            Meaning::Lent(place) => place,
            Meaning::Returned(count) if count < self.returned || count > self.lent => {
                return Err(WRONG);
            }
            Meaning::Returned(count) => {
                self.returned = count;
                return Ok(Some(Frame::Here(frame)));
            }
            Meaning::Other => return Ok(Some(Frame::Here(frame))),
        };
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.memory.reader()?),
        };
        let end = place.offset.checked_add(place.nbytes);
        let range = place.offset as usize..end.ok_or(WRONG)? as usize;
        let frame = reader.get(range).ok_or(WRONG)?;
        if Head::parse(frame).map_or(true, |head| head.kind != Kind::Data) {
            return Err(WRONG);
        }
        self.taken += 1;
        self.owed = true;
        self.received_nbytes += place.nbytes;
        Ok(Some(Frame::Local(frame)))
    }

    fn lend(&mut self, parts: &[&[u8]]) -> Result<bool> {
        let nbytes: usize = parts.iter().map(|part| part.len()).sum();
        if !self.lends_blocks() || nbytes < BULK || nbytes as u64 > SLOT || !self.has_room()? {
            return Ok(false);
        }
        let offset = self.lent % SLOTS * SLOT;
        // Without memory behind it the block goes through the socket.
        if self.memory.write(parts, offset).is_err() {
            return Ok(false);
        }
        let body = [offset.to_le_bytes(), (nbytes as u64).to_le_bytes()].concat();
        self.link.send(&[&message(LENT, 0, self.lent, &body)])?;
        self.lent += 1;
        self.sent_nbytes += nbytes as u64;
        Ok(true)
    }

    fn lends_blocks(&self) -> bool {
        self.memory.is_shared()
    }

    fn has_input(&mut self) -> Result<bool> {
        Ok(self.said.is_some() || self.link.has_input()?)
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.link.set_timeout(timeout);
    }

    fn set_deadline(&mut self, within: Option<Duration>) {
        self.link.set_deadline(within);
    }

    fn set_max_frame(&mut self, nbytes: u64) {
        self.link.set_max_frame(nbytes);
    }

    fn drain(&mut self, timeout: Duration, nbytes: u64) {
        self.link.drain(timeout, nbytes);
    }

    fn answers(&self) -> bool {
        self.link.answers()
    }

    fn counts_messages(&self) -> bool {
        self.link.counts_messages()
    }

    fn peer(&self) -> String {
        self.link.peer()
    }

    fn binding(&self) -> [u8; 32] {
        self.link.binding()
    }

    fn sent_nbytes(&self) -> u64 {
        self.link.sent_nbytes() + self.sent_nbytes
    }

    fn received_nbytes(&self) -> u64 {
        self.link.received_nbytes() + self.received_nbytes
    }
}

impl fmt::Debug for RingLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RingLink").field(&self.link).finish()
    }
}
