//! [`Proxy`]: an object somewhere else, whose methods are called.

mod connect;
mod options;

use std::fmt;

use bytes::Bytes;

pub use self::options::ProxyOptions;
use crate::channel::{Channel, Received, pack};
use crate::codec::shape;
use crate::{
    Annotations, Body, Call, Decoding, Dialect, Encoding, Error, ErrorKind, Exception, Flags, Head,
    MessageKind, Metadata, Result, Serializer, Uri, Value,
};

/// The object of each daemon that knows of the others.
pub(crate) const DAEMON: &str = "Pyro.Daemon";

/// The serializer of a ping, which is none.
const PING: u8 = 42;

/// An object of a daemon of Pyro4 or Pyro5, over a connection of its own.
///
/// ```no_run
/// use ndferry_pyro::{Proxy, ProxyOptions};
///
/// let uri = "PYRO:camera@localhost:9000".parse()?;
/// let mut camera = Proxy::connect(&uri, &ProxyOptions::default())?;
/// let frame = camera.call("snap", vec![0.5.into()])?;
/// let array = frame.to_array()?.expect("a picture");
/// # Ok::<(), ndferry_pyro::Error>(())
/// ```
pub struct Proxy {
    channel: Channel,
    uri: Uri,
    encoding: Encoding,
    decoding: Decoding,
    seq: u16,
    metadata: Metadata,
    compress: bool,
    correlation: Option<[u8; 16]>,
    annotations: Annotations,
    answered: Annotations,
    /// Whether the connection can be used no more.
    is_broken: bool,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy of {} ({})", self.uri, self.encoding.serializer)
    }
}

/// What came out of a call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A value.
    Value(Value),
    /// An iterator, by its id: [`Proxy::next_item`].
    Items(String),
}

impl Proxy {
    /// Where the object is.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// What it has.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Which Pyro is there.
    pub fn dialect(&self) -> Dialect {
        self.encoding.dialect
    }

    /// How values go there.
    pub fn serializer(&self) -> Serializer {
        self.encoding.serializer
    }

    /// Bytes to send beside each call from now on.
    pub fn set_annotations(&mut self, annotations: Annotations) {
        self.annotations = annotations;
    }

    /// Bytes that came beside the last answer.
    pub fn response_annotations(&self) -> &Annotations {
        &self.answered
    }

    /// Calls a method, with arguments by position.
    ///
    /// # Errors
    /// [`ErrorKind::Remote`] if it raised an exception; [`ErrorKind::Io`] and what else can be wrong with messages, after
    /// which nothing more can be called; [`ErrorKind::Unsayable`]. [`ErrorKind::NoStream`] for an iterator: see
    /// [`Self::invoke`].
    pub fn call(&mut self, method: &str, args: Vec<Value>) -> Result<Value> {
        match self.invoke(method, args, Vec::new())? {
            Answer::Value(value) => Ok(value),
            Answer::Items(id) => {
                self.close_items(&id)?;
                Err(ErrorKind::NoStream.at(0))
            }
        }
    }

    /// Calls a method, whose result may be an iterator. Of those whose result nobody waits for it is `None`, at once.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn invoke(
        &mut self,
        method: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Result<Answer> {
        let flags = Flags {
            oneway: self.metadata.oneway.iter().any(|name| name == method),
            ..Flags::default()
        };
        self.ask(flags, &self.call_of(method, args, kwargs))
    }

    /// Calls a method without waiting for anything.
    ///
    /// # Errors
    /// As [`Self::call`], but no exceptions.
    pub fn oneway(&mut self, method: &str, args: Vec<Value>) -> Result<()> {
        let flags = Flags {
            oneway: true,
            ..Flags::default()
        };
        let call = self.call_of(method, args, Vec::new());
        self.ask(flags, &call).map(drop)
    }

    /// Calls several methods, one after another, with one message. After one that raises an exception no more are called, so
    /// that it is the last result.
    ///
    /// # Errors
    /// As [`Self::call`], but exceptions of the methods are among the results.
    pub fn batch(
        &mut self,
        calls: Vec<(&str, Vec<Value>)>,
    ) -> Result<Vec<std::result::Result<Value, Exception>>> {
        let flags = Flags {
            batch: true,
            ..Flags::default()
        };
        let calls = calls.into_iter().map(|(method, args)| {
            Value::Tuple(vec![
                method.into(),
                Value::Tuple(args),
                Value::Dict(Vec::new()),
            ])
        });
        let call = self.call_of("<batch>", calls.collect(), Vec::new());
        let results = match self.ask(flags, &call)? {
            Answer::Value(Value::List(results) | Value::Tuple(results)) => results,
            _ => return Err(shape("the results of a batch")),
        };
        let each = results.into_iter().map(|result| match result {
            Value::Exception(exception) => Err(*exception),
            value => Ok(value),
        });
        Ok(each.collect())
    }

    /// An attribute.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn get(&mut self, name: &str) -> Result<Value> {
        self.call("__getattr__", vec![name.into()])
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn set(&mut self, name: &str, value: Value) -> Result<()> {
        self.call("__setattr__", vec![name.into(), value]).map(drop)
    }

    /// The next item of an iterator; `None` at its end.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn next_item(&mut self, id: &str) -> Result<Option<Value>> {
        match self.call_object(DAEMON, "get_next_stream_item", vec![id.into()]) {
            Ok(value) => Ok(Some(value)),
            Err(error) => match &error.kind {
                ErrorKind::Remote(exception)
                    if exception.is("StopIteration") || exception.is("GeneratorExit") =>
                {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    /// Says that no more items of an iterator are wanted.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn close_items(&mut self, id: &str) -> Result<()> {
        let flags = Flags {
            oneway: true,
            ..Flags::default()
        };
        let mut call = self.call_of("close_stream", vec![id.into()], Vec::new());
        DAEMON.clone_into(&mut call.object);
        self.ask(flags, &call).map(drop)
    }

    /// Whether the daemon is there.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn ping(&mut self) -> Result<()> {
        self.usable()?;
        let body = Body::from(Bytes::from_static(b"ping"));
        let mut head = self.head(MessageKind::Ping, Flags::default());
        head.serializer = PING;
        self.transfer(|channel| {
            channel.send(head, Annotations::new(), &body)?;
            expect(channel.recv()?, MessageKind::Ping, "the answer to a ping")
        })
        .map(drop)
    }

    /// Calls a method of another object of the same daemon.
    pub(crate) fn call_object(
        &mut self,
        object: &str,
        method: &str,
        args: Vec<Value>,
    ) -> Result<Value> {
        let mut call = self.call_of(method, args, Vec::new());
        object.clone_into(&mut call.object);
        match self.ask(Flags::default(), &call)? {
            Answer::Value(value) => Ok(value),
            Answer::Items(_) => Err(shape("the answer")),
        }
    }

    fn call_of(&self, method: &str, args: Vec<Value>, kwargs: Vec<(String, Value)>) -> Call {
        Call {
            object: self.uri.object().to_owned(),
            method: method.to_owned(),
            args,
            kwargs,
        }
    }

    fn ask(&mut self, flags: Flags, call: &Call) -> Result<Answer> {
        self.usable()?;
        let body = self.encoding.call(call)?;
        self.seq = self.seq.wrapping_add(1);
        let (seq, serializer) = (self.seq, self.serializer_id());
        if let Err(error) = self.send(MessageKind::Invoke, flags, body) {
            self.is_broken = true;
            return Err(error);
        }
        if flags.oneway {
            return Ok(Answer::Value(Value::None));
        }
        let mut message = self.transfer(|channel| {
            let message = expect(channel.recv()?, MessageKind::Result, "a result")?;
            let found = message.head.seq;
            if found != seq {
                let expected = seq;
                return Err(ErrorKind::Sequence { expected, found }.at(10));
            }
            Ok(message)
        })?;
        let (expected, found) = (serializer, message.head.serializer);
        if expected != found {
            return Err(ErrorKind::OtherSerializer { expected, found }.at(0));
        }
        let head = message.head;
        self.answered = std::mem::take(&mut message.annotations);
        if head.flags.stream {
            let id = self.answered.get(*b"STRM");
            let id = id.and_then(|id| std::str::from_utf8(id).ok());
            let id = id.filter(|id| !id.is_empty());
            return match id {
                Some(id) => Ok(Answer::Items(id.to_owned())),
                None => Err(ErrorKind::NoStream.at(0)),
            };
        }
        if head.flags.exception {
            let exception = message.exception(&self.decoding)?;
            return Err(ErrorKind::Remote(Box::new(exception)).at(0));
        }
        Ok(Answer::Value(message.value(&self.decoding)?))
    }

    fn serializer_id(&self) -> u8 {
        let encoding = &self.encoding;
        // It was checked when connecting.
        encoding.serializer.id(encoding.dialect).unwrap_or(0)
    }

    fn head(&self, kind: MessageKind, mut flags: Flags) -> Head {
        let dialect = self.encoding.dialect;
        flags.correlation = self.correlation.is_some();
        Head {
            dialect,
            kind,
            serializer: self.serializer_id(),
            flags,
            seq: self.seq,
            data_nbytes: 0,
            annotations_nbytes: 0,
            correlation: self.correlation.unwrap_or_default(),
        }
    }

    fn send(&mut self, kind: MessageKind, mut flags: Flags, mut body: Body) -> Result<()> {
        if self.compress
            && let Some(packed) = pack(&body)
        {
            flags.compressed = true;
            body = packed;
        }
        let mut annotations = self.annotations.clone();
        if let (Some(id), Dialect::Pyro4) = (self.correlation, self.encoding.dialect) {
            annotations.set(*b"CORR", id.to_vec());
        }
        let head = self.head(kind, flags);
        self.channel.send(head, annotations, &body)
    }

    /// What goes wrong here leaves nobody knows what in the connection.
    fn transfer<T>(&mut self, work: impl FnOnce(&mut Channel) -> Result<T>) -> Result<T> {
        let done = work(&mut self.channel);
        self.is_broken |= done.is_err();
        done
    }

    fn usable(&self) -> Result<()> {
        match self.is_broken {
            true => Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into()),
            false => Ok(()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        ndferry_io::Error::from(error).into()
    }
}

fn expect(
    message: Option<Received>,
    kind: MessageKind,
    expected: &'static str,
) -> Result<Received> {
    let Some(message) = message else {
        let (received, needed) = (0, Dialect::TOLD_NBYTES as u64);
        return Err(ndferry_io::Error::Closed { received, needed }.into());
    };
    if message.head.kind != kind {
        let found = message.head.kind as u16;
        return Err(ErrorKind::MessageKind { found, expected }.at(6));
    }
    Ok(message)
}
