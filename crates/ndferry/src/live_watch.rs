//! [`Watch`]: one watcher of a live stream, at the side that sends.

use std::time::{Duration, Instant};

use ndferry_io::Link;
use ndferry_npb::{
    Decoder, End, Event, HEAD_NBYTES, Head, Hello, Kind, Limits, Refuse, RefuseCode, Repeats,
    message, ping,
};

use crate::error::{npb, outside};
use crate::live::{Shared, Turn, Watched};
use crate::{Error, ErrorKind, Result};

/// How often one who waits for a frame hears that there is none yet.
const WORD: Duration = Duration::from_secs(1);

/// How long one that is refused may take to hear it: others wait meanwhile.
const FAREWELL: Duration = Duration::from_millis(100);

/// What one who only subscribes may still say at the end, in bytes.
const LINGER_NBYTES: u64 = 1 << 20;

pub(crate) struct Watch<'a> {
    shared: &'a Shared,
    link: Link,
    hello: Option<Hello>,
    decoder: Decoder,
    watched: Watched,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(shared: &'a Shared, mut link: Link, hello: Option<Hello>) -> Self {
        link.set_max_frame(Limits::PEER.body_nbytes() + HEAD_NBYTES as u64);
        let watched = Watched {
            peer: link.peer(),
            first: 0,
            sent: 0,
            missed: 0,
            problem: None,
        };
        Self {
            shared,
            link,
            hello,
            decoder: Decoder::new(Limits::PEER, Repeats::Refuse),
            watched,
        }
    }

    /// There are enough.
    pub(crate) fn refuse(mut self) {
        let reason = "there are as many watchers as there may be".to_owned();
        self.say_no(RefuseCode::Limit, reason);
    }

    fn say_no(&mut self, code: RefuseCode, reason: String) {
        // It may be gone.
        let _ = self.link.send(&[&Refuse { code, reason }.message(0)]);
        self.link.drain(FAREWELL, 1 << 20);
    }

    /// From its first frame to its acknowledgement.
    pub(crate) fn run(mut self) {
        let (number, first) = self.shared.come();
        self.watched.first = first;
        tracing::debug!(peer = self.watched.peer, first, "watches");
        let result = self.stream(number);
        if let Err(error) = &result {
            tracing::debug!(peer = self.watched.peer, %error, "watches no more");
            self.watched.problem = Some(error.to_string());
        }
        self.shared.leave(number, self.watched);
    }

    fn stream(&mut self, number: u64) -> Result<()> {
        let plan = &self.shared.plan;
        let largest = plan.grid.max_nbytes();
        if self
            .hello
            .as_ref()
            .is_some_and(|hello| hello.block_nbytes < largest)
        {
            let reason = format!("it takes no blocks of {largest} bytes");
            self.say_no(RefuseCode::Limit, reason.clone());
            return Err(ErrorKind::Refused { reason }.into());
        }
        let first = self.watched.first;
        // Two of the same number would be one to a watcher that comes twice.
        let transfer = plan.transfer.wrapping_add(number).max(1);
        let mut manifest = plan.manifest.clone();
        manifest.header_blocks = 2;
        let attributes = self.shared.attributes.with("first_row", &first.into());
        let headers = [
            plan.headers[0].clone(),
            attributes.header(&self.shared.name),
        ];
        self.send(&message(Kind::Manifest, transfer, 0, &manifest.encode()))?;
        for (number, header) in (0..).zip(&headers) {
            self.send(&message(Kind::Header, transfer, number, header))?;
        }
        let (mut next, mut blocks, mut spoken) = (first, 0, Instant::now());
        let rows = loop {
            self.shared.interrupt.check()?;
            self.listen()?;
            match self.shared.turn(next) {
                Turn::Frame(frame) => {
                    self.watched.missed += frame.number - next;
                    for (head, payload) in frame.messages(transfer, frame.number - first) {
                        self.link.send(&[&head, payload]).map_err(outside)?;
                    }
                    self.watched.sent += 1;
                    blocks += frame.tiles();
                    next = frame.number + 1;
                    self.shared.passed(number, next);
                    spoken = Instant::now();
                }
                Turn::Wait if spoken.elapsed() >= WORD => {
                    self.send(&ping())?;
                    spoken = Instant::now();
                }
                Turn::Wait => {}
                Turn::End(frames) => break frames - first.min(frames),
            }
        };
        let extent = rows;
        self.send(&End { blocks, extent }.message(transfer))?;
        if !self.link.answers() {
            // What is still under way would be lost with the connection.
            self.link.drain(self.shared.timeout, LINGER_NBYTES);
            return Ok(());
        }
        while !self.answer(Some((transfer, blocks)))? {}
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.link.send(&[bytes]).map_err(outside)
    }

    /// Looks whether it has something to say.
    fn listen(&mut self) -> Result<()> {
        while self.link.has_input().map_err(outside)? {
            self.answer(None)?;
        }
        Ok(())
    }

    /// Its next message; whether that is the acknowledgement that is awaited.
    fn answer(&mut self, awaited: Option<(u64, u64)>) -> Result<bool> {
        let expected = match self.link.answers() {
            true => "its acknowledgement",
            false => "the end of the stream",
        };
        let wrong = |found| Error::from(ErrorKind::WrongMessage { found, expected });
        let frame = self.link.recv().map_err(outside)?;
        let frame = frame.ok_or(ErrorKind::BrokenOff { expected })?;
        let of = Head::parse(frame).map_err(npb)?.transfer;
        match self.decoder.feed(frame).map_err(npb)? {
            Event::Skipped | Event::Credit(_) => Ok(false),
            Event::Refuse(refuse) => {
                let reason = refuse.reason;
                Err(ErrorKind::Refused { reason }.into())
            }
            Event::Ack(ack) if awaited == Some((of, ack.blocks)) => Ok(true),
            Event::Ack(_) => Err(wrong("an acknowledgement of something else")),
            _ => Err(wrong("a message that senders send")),
        }
    }
}
