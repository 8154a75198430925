//! [`Channel`]: whole messages over a connection; [`Received`]: one that has come.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use ndferry_io::Exchange;

use crate::codec::{into_exception, read_pickle, shape};
use crate::hmac_sha1;
use crate::incoming::{Incoming, Line};
use crate::{
    Annotations, Body, Decoding, Dialect, Error, ErrorKind, Exception, Head, Limits, Message,
    Result, Serializer, Value,
};

/// Data that is shorter is not worth packing (`SerializerBase.__compressdata`).
const PACKED_NBYTES: u64 = 200;

/// From this size on, data is made values while it comes, so that it is never there as a whole beside them.
const STREAMED_NBYTES: u32 = 1 << 20;

/// What is spelled while it goes is sent when so many bytes of it are there.
const SPELLED_NBYTES: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Channel {
    line: Line,
    /// Which Pyro the peer speaks, once that is known.
    dialect: Option<Dialect>,
    key: Option<Vec<u8>>,
    /// Whether pickles are wanted.
    takes_pickles: bool,
    limits: Limits,
}

/// A message that has come.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: Head,
    pub(crate) annotations: Annotations,
    /// Its data, unpacked; of what is a value already the first bytes.
    pub(crate) data: Bytes,
    /// What was made of it while it came.
    value: Option<Result<Value>>,
}

impl Received {
    /// The value that it is, once.
    pub(crate) fn value(&mut self, decoding: &Decoding) -> Result<Value> {
        match self.value.take() {
            Some(value) => value,
            None => decoding.value(&self.data),
        }
    }

    /// The same where an exception is due.
    pub(crate) fn exception(&mut self, decoding: &Decoding) -> Result<Exception> {
        into_exception(self.value(decoding)?).ok_or_else(|| shape("the exception"))
    }
}

impl Channel {
    pub(crate) fn new(exchange: Exchange, key: Option<Vec<u8>>, limits: Limits) -> Self {
        Self {
            line: Line::new(exchange),
            dialect: None,
            key,
            takes_pickles: true,
            limits,
        }
    }

    /// Pickles are not looked at while they come, since nobody will want what they are.
    pub(crate) fn refuse_pickles(&mut self) {
        self.takes_pickles = false;
    }

    /// Waits until something has come or the other side has closed.
    pub(crate) fn wait_for_input(&mut self, at_most: Duration) -> Result<bool> {
        Ok(self.line.lock().wait_for_input(Some(at_most))?)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The peer has this dialect and no other from now on.
    pub(crate) fn settle(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
    }

    /// The next message; `None` if the other side has closed. All of it must come within this time, if there is one.
    pub(crate) fn recv(&mut self) -> Result<Option<Received>> {
        let limit = self.limits.message_nbytes;
        self.recv_up_to(limit)
    }

    /// The first message of somebody that nobody knows.
    pub(crate) fn recv_greeting(&mut self, within: Duration) -> Result<Option<Received>> {
        self.line.lock().set_deadline(Some(within));
        let limit = self.limits.greeting_nbytes;
        let message = self.recv_up_to(limit)?;
        self.line.lock().set_deadline(None);
        Ok(message)
    }

    fn recv_up_to(&mut self, limit: u64) -> Result<Option<Received>> {
        let mut head = [0; 40];
        let (start, rest) = head.split_at_mut(Dialect::TOLD_NBYTES);
        let mut exchange = self.line.lock();
        if !exchange.read(start)? {
            return Ok(None);
        }
        let dialect = Dialect::tell(start)?;
        if self.dialect.is_some_and(|known| known != dialect) {
            return Err(ErrorKind::Dialect.at(4));
        }
        let nbytes = dialect.head_nbytes();
        if !exchange.read(&mut rest[..nbytes - Dialect::TOLD_NBYTES])? {
            let (needed, found) = (nbytes as u64, Dialect::TOLD_NBYTES as u64);
            return Err(ErrorKind::Truncated { needed, found }.at(found));
        }
        let head = Head::parse(&head[..nbytes])?;
        let found = head.rest_nbytes();
        if found > limit {
            let what = "bytes of a message";
            return Err(ErrorKind::Limit { what, found, limit }.at(12));
        }
        if self.is_streamed(&head) {
            let annotations = exchange.read_bytes(head.annotations_nbytes.into())?;
            drop(exchange);
            return self.recv_streamed(head, &annotations).map(Some);
        }
        let rest = exchange.read_bytes(found)?;
        let message = Message::parse(head, rest, self.key.as_deref(), &self.limits)?;
        Ok(Some(Received {
            head: message.head,
            annotations: message.annotations,
            data: message.data,
            value: None,
        }))
    }

    /// Whether it is a large pickle as it is.
    fn is_streamed(&self, head: &Head) -> bool {
        let serializer = Serializer::of_id(head.dialect, head.serializer);
        self.takes_pickles
            && head.data_nbytes >= STREAMED_NBYTES
            && !head.flags.compressed
            && serializer.is_ok_and(Serializer::is_pickle)
    }

    /// Makes a value of data as it comes. Who signs must have signed all of it before anybody sees that value.
    fn recv_streamed(&self, head: Head, annotations: &Bytes) -> Result<Received> {
        let start = head.dialect.head_nbytes() as u64;
        let annotations = Annotations::parse(head.dialect, annotations, start)?;
        let signature = hmac_sha1::expected(self.key.as_deref(), &annotations)?;
        let nbytes = head.data_nbytes.into();
        let incoming = Incoming::new(self.line.clone(), nbytes, signature);
        let value = read_pickle(incoming.clone(), nbytes, &self.limits);
        let start = incoming.finish(&annotations)?;
        Ok(Received {
            head,
            annotations,
            data: start.into(),
            value: Some(value),
        })
    }

    /// Sends a message; the lengths in its head are filled in.
    pub(crate) fn send(&mut self, head: Head, annotations: Annotations, body: &Body) -> Result<()> {
        let start = Message::start(head, annotations, body, self.key.as_deref())?;
        send(&mut self.line.lock(), &start, body)
    }
}

/// Sends the bytes before a body, and the body.
pub(crate) fn send(exchange: &mut Exchange, start: &[u8], body: &Body) -> Result<()> {
    if let Some(parts) = body.shared() {
        let parts = parts.iter().map(|part| &part[..]);
        return Ok(exchange.write(std::iter::once(start).chain(parts))?);
    }
    let mut ready = start.to_vec();
    let mut write = |parts: [&[u8]; 2]| exchange.write(parts).map_err(io::Error::other);
    body.each(&mut |part| {
        if ready.len() + part.len() < SPELLED_NBYTES {
            ready.extend_from_slice(part);
            return Ok(());
        }
        write([&ready, part])?;
        ready.clear();
        Ok(())
    })
    .map_err(Error::from)?;
    write([&ready, &[]]).map_err(Error::from)
}

/// The same data, packed by zlib, if that is shorter.
pub(crate) fn pack(body: &Body) -> Option<Body> {
    if body.nbytes() < PACKED_NBYTES {
        return None;
    }
    let level = flate2::Compression::fast();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    // Into memory.
    body.each(&mut |part| zlib.write_all(part)).ok()?;
    let packed = zlib.finish().ok()?;
    let is_shorter = (packed.len() as u64) < body.nbytes();
    is_shorter.then(|| Body::from(bytes::Bytes::from(packed)))
}
