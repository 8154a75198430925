//! [`Channel`]: whole messages over a connection.

use std::io::Write;
use std::time::Duration;

use ndferry_io::Exchange;

use crate::{Annotations, Body, Dialect, ErrorKind, Head, Limits, Message, Result};

/// Data that is shorter is not worth packing (`SerializerBase.__compressdata`).
const PACKED_NBYTES: u64 = 200;

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) exchange: Exchange,
    /// Which Pyro the peer speaks, once that is known.
    dialect: Option<Dialect>,
    key: Option<Vec<u8>>,
    limits: Limits,
}

impl Channel {
    pub(crate) fn new(exchange: Exchange, key: Option<Vec<u8>>, limits: Limits) -> Self {
        Self {
            exchange,
            dialect: None,
            key,
            limits,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The peer has this dialect and no other from now on.
    pub(crate) fn settle(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
    }

    /// The next message; `None` if the other side has closed. All of it must come within this time, if there is one.
    pub(crate) fn recv(&mut self) -> Result<Option<Message>> {
        let limit = self.limits.message_nbytes;
        self.recv_up_to(limit)
    }

    /// The first message of somebody that nobody knows.
    pub(crate) fn recv_greeting(&mut self, within: Duration) -> Result<Option<Message>> {
        self.exchange.set_deadline(Some(within));
        let limit = self.limits.greeting_nbytes;
        let message = self.recv_up_to(limit)?;
        self.exchange.set_deadline(None);
        Ok(message)
    }

    fn recv_up_to(&mut self, limit: u64) -> Result<Option<Message>> {
        let mut head = [0; 40];
        let (start, rest) = head.split_at_mut(Dialect::TOLD_NBYTES);
        if !self.exchange.read(start)? {
            return Ok(None);
        }
        let dialect = Dialect::tell(start)?;
        if self.dialect.is_some_and(|known| known != dialect) {
            return Err(ErrorKind::Dialect.at(4));
        }
        let nbytes = dialect.head_nbytes();
        if !self
            .exchange
            .read(&mut rest[..nbytes - Dialect::TOLD_NBYTES])?
        {
            let (needed, found) = (nbytes as u64, Dialect::TOLD_NBYTES as u64);
            return Err(ErrorKind::Truncated { needed, found }.at(found));
        }
        let head = Head::parse(&head[..nbytes])?;
        let found = head.rest_nbytes();
        if found > limit {
            let what = "bytes of a message";
            return Err(ErrorKind::Limit { what, found, limit }.at(12));
        }
        let rest = self.exchange.read_bytes(found)?;
        Message::parse(head, rest, self.key.as_deref(), &self.limits).map(Some)
    }

    /// Sends a message; the lengths in its head are filled in.
    pub(crate) fn send(&mut self, head: Head, annotations: Annotations, body: &Body) -> Result<()> {
        let start = Message::start(head, annotations, body, self.key.as_deref())?;
        let parts = std::iter::once(&start[..]).chain(body.parts());
        Ok(self.exchange.write(parts)?)
    }
}

/// The same data, packed by zlib, if that is shorter.
pub(crate) fn pack(body: &Body) -> Option<Body> {
    if body.nbytes() < PACKED_NBYTES {
        return None;
    }
    let level = flate2::Compression::fast();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    for part in body.parts() {
        // Into memory.
        zlib.write_all(part).ok()?;
    }
    let packed = zlib.finish().ok()?;
    let is_shorter = (packed.len() as u64) < body.nbytes();
    is_shorter.then(|| Body::from(bytes::Bytes::from(packed)))
}
