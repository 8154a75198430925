//! [`Session`]: one client of a daemon, from its greeting to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::channel::{Channel, Received};
use crate::codec::{shape, wrapped};
use crate::daemon::{Shared, packed, random_id};
use crate::proxy::DAEMON;
use crate::served::{Items, no_attribute};
use crate::{
    Annotations, Body, Call, Decoding, Dialect, Encoding, ErrorKind, Exception, Flags, Head,
    MessageKind, Metadata, Outcome, Result, Returned, Served, Value,
};

/// What the object of each daemon can do.
const DAEMON_METHODS: [&str; 6] = [
    "registered",
    "ping",
    "info",
    "get_metadata",
    "get_next_stream_item",
    "close_stream",
];

/// How often one whose client says nothing looks whether all is over.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) struct Session<'a> {
    channel: Channel,
    shared: &'a Shared,
    dialect: Dialect,
    /// Iterators that this client has begun; nobody else can ask for their items, and they end with it.
    items: BTreeMap<String, Items>,
}

/// How to answer a message.
struct Reply {
    head: Head,
    encoding: Encoding,
}

impl<'a> Session<'a> {
    pub(crate) fn new(mut channel: Channel, shared: &'a Shared) -> Self {
        if !shared.options.serializers.iter().any(|one| one.is_pickle()) {
            channel.refuse_pickles();
        }
        Self {
            channel,
            shared,
            // Until the greeting says which it is.
            dialect: Dialect::Pyro5,
            items: BTreeMap::new(),
        }
    }

    /// # Errors
    /// What the client has done wrong, or the system.
    pub(crate) fn run(mut self) -> Result<()> {
        let within = self.shared.options.greeting_timeout;
        let Some(mut greeting) = self.channel.recv_greeting(within)? else {
            return Ok(());
        };
        self.dialect = greeting.head.dialect;
        self.channel.settle(self.dialect);
        let mut python2 = false;
        match self.greet(&mut greeting, &mut python2) {
            Ok(()) => {}
            Err(error) => {
                self.refuse(&greeting.head, &error.to_string())?;
                return Err(error);
            }
        }
        loop {
            while !self.channel.wait_for_input(LOOK)? {
                if self.shared.is_stopped() {
                    return Ok(());
                }
            }
            let Some(mut message) = self.channel.recv()? else {
                return Ok(());
            };
            let _begun = self.shared.begin_call();
            if self.shared.is_stopped() {
                return Ok(());
            }
            match message.head.kind {
                MessageKind::Ping => self.pong(message.head)?,
                MessageKind::Invoke => self.answer(&mut message, &mut python2)?,
                other => {
                    let (found, expected) = (other as u16, "a call or a ping");
                    return Err(ErrorKind::MessageKind { found, expected }.at(6));
                }
            }
        }
    }

    /// Lets a client in that has greeted properly.
    fn greet(&mut self, greeting: &mut Received, python2: &mut bool) -> Result<()> {
        let head = greeting.head;
        if head.kind != MessageKind::Connect {
            let (found, expected) = (head.kind as u16, "a greeting");
            return Err(ErrorKind::MessageKind { found, expected }.at(6));
        }
        let (mut reply, mut decoding) = self.words(&head)?;
        decoding.learn(&greeting.data);
        *python2 = decoding.python2;
        let said = greeting.value(&decoding)?;
        reply.encoding.python2 = decoding.python2;
        reply.encoding.learn(&greeting.data, &said);
        reply.encoding.learn_boast(&greeting.annotations);
        let hello = Value::from("hello");
        let with_metadata = head.dialect == Dialect::Pyro5 || head.flags.metadata;
        let answer = match with_metadata {
            false => hello,
            true => {
                let object = said.get("object").and_then(Value::as_str);
                let object = object.ok_or_else(|| shape("the greeting"))?;
                let metadata = self.metadata_of(object);
                let unknown = || ErrorKind::Refused("unknown object".to_owned()).at(0);
                let metadata = metadata.ok_or_else(unknown)?;
                Value::dict([("handshake", hello), ("meta", metadata.to_value())])
            }
        };
        let flags = Flags {
            metadata: with_metadata,
            ..Flags::default()
        };
        let body = reply.encoding.value(&answer)?;
        self.send(
            &reply,
            MessageKind::ConnectOk,
            flags,
            Annotations::new(),
            body,
        )
    }

    /// Says why not, in the serializer that all have (`Daemon._handshake`).
    fn refuse(&mut self, head: &Head, why: &str) -> Result<()> {
        let serializer = self.shared.takes(head.dialect, head.serializer);
        let serializer = serializer.unwrap_or(crate::Serializer::Marshal);
        let encoding = Encoding::new(head.dialect, serializer);
        let body = encoding.value(&why.into())?;
        let head = *head;
        let reply = Reply { head, encoding };
        let (kind, flags) = (MessageKind::ConnectFail, Flags::default());
        self.send(&reply, kind, flags, Annotations::new(), body)
    }

    /// How to read this message, and to answer it.
    fn words(&self, head: &Head) -> Result<(Reply, Decoding)> {
        let serializer = self.shared.takes(head.dialect, head.serializer)?;
        let mut encoding = Encoding::new(head.dialect, serializer);
        encoding.arrays = self.shared.options.arrays;
        let decoding = Decoding::new(serializer, self.shared.options.limits.clone());
        let head = *head;
        Ok((Reply { head, encoding }, decoding))
    }

    fn pong(&mut self, head: Head) -> Result<()> {
        let head = Head {
            flags: Flags::default(),
            ..head
        };
        let body = Body::from(Bytes::from_static(b"pong"));
        self.channel.send(head, Annotations::new(), &body)
    }

    fn answer(&mut self, message: &mut Received, python2: &mut bool) -> Result<()> {
        let head = message.head;
        let (mut reply, mut decoding) = match self.words(&head) {
            Ok(words) => words,
            Err(error) => {
                // In words that all have; the call cannot even be read.
                let encoding = Encoding::new(head.dialect, crate::Serializer::Marshal);
                let exception = self.error("SerializeError", &error.to_string());
                return self.raise(&Reply { head, encoding }, exception);
            }
        };
        decoding.python2 = *python2;
        decoding.learn(&message.data);
        *python2 |= decoding.python2;
        reply.encoding.python2 = *python2;
        let read = read_call(&decoding, message, &mut reply.encoding);
        *python2 |= reply.encoding.python2;
        let outcome = match read {
            Ok(call) if head.flags.batch => self.batch(call, &reply.encoding),
            Ok(call) => self.call(call),
            Err(error) => Err(self.error("SerializeError", &error.to_string())),
        };
        if head.flags.oneway {
            return Ok(());
        }
        match outcome {
            Ok(Returned::Value(value)) => {
                let flags = Flags {
                    batch: head.flags.batch,
                    ..Flags::default()
                };
                match reply.encoding.value(&value) {
                    Ok(body) => {
                        let (kind, none) = (MessageKind::Result, Annotations::new());
                        self.send(&reply, kind, flags, none, body)
                    }
                    Err(error) => {
                        self.raise(&reply, self.error("SerializeError", &error.to_string()))
                    }
                }
            }
            Ok(Returned::Items(items)) => self.begin(&reply, items),
            Err(exception) => self.raise(&reply, exception),
        }
    }

    /// Keeps an iterator, and answers with its id.
    fn begin(&mut self, reply: &Reply, items: Items) -> Result<()> {
        if self.items.len() >= self.shared.options.iterators {
            return self.raise(reply, self.error("PyroError", "too many iterators"));
        }
        let id = random_id();
        let mut annotations = Annotations::new();
        annotations.set(*b"STRM", id.clone().into_bytes());
        self.items.insert(id, items);
        let exception = self.error("ProtocolError", "result of call is an iterator");
        let body = reply.encoding.value(&exception.into())?;
        let flags = Flags {
            exception: true,
            stream: true,
            ..Flags::default()
        };
        self.send(reply, MessageKind::Result, flags, annotations, body)
    }

    fn raise(&mut self, reply: &Reply, mut exception: Exception) -> Result<()> {
        // Exceptions of one Pyro are those of the other.
        let ours = |package| exception.class.strip_prefix(package);
        if let Some(name) = ours("Pyro4.errors.").or_else(|| ours("Pyro5.errors.")) {
            exception.class = format!("{}.errors.{name}", self.dialect.package());
        }
        if exception.traceback().is_none() {
            let lines = [
                "Traceback (ndferry):\n".to_owned(),
                format!("{exception}\n"),
            ];
            let key = "_pyroTraceback".into();
            exception.attributes.push((key, Value::list(lines)));
        }
        let body = match reply.encoding.value(&exception.clone().into()) {
            Ok(body) => body,
            Err(_) => {
                let plain = self.error("PyroError", &exception.to_string());
                reply.encoding.value(&plain.into())?
            }
        };
        let flags = Flags {
            exception: true,
            ..Flags::default()
        };
        self.send(reply, MessageKind::Result, flags, Annotations::new(), body)
    }

    fn send(
        &mut self,
        reply: &Reply,
        kind: MessageKind,
        mut flags: Flags,
        annotations: Annotations,
        body: Body,
    ) -> Result<()> {
        let (body, is_packed) = packed(body, self.shared.options.compress);
        let dialect = reply.head.dialect;
        flags.compressed = is_packed;
        flags.correlation = dialect == Dialect::Pyro5 && reply.head.flags.correlation;
        let serializer = reply.encoding.serializer.id(dialect);
        let head = Head {
            kind,
            flags,
            serializer: serializer.ok_or_else(|| shape("the serializer"))?,
            ..reply.head
        };
        self.channel.send(head, annotations, &body)
    }

    fn call(&mut self, call: Call) -> Outcome<Returned> {
        if call.object == DAEMON {
            return self.daemon(&call);
        }
        let object = self.shared.object(&call.object);
        let object = object.ok_or_else(|| self.error("DaemonError", "unknown object"))?;
        call_object(&*object, call)
    }

    /// Several calls of one object; the first that raises something is the last.
    fn batch(&mut self, call: Call, encoding: &Encoding) -> Outcome<Returned> {
        let mut results = Vec::new();
        for one in call.args {
            let (Value::Tuple(parts) | Value::List(parts)) = one else {
                return Err(no_batch());
            };
            let parts = <[Value; 3]>::try_from(parts).map_err(|_| no_batch())?;
            let one = Call::of_parts(&call.object, parts).map_err(|_| no_batch())?;
            match self.call(one) {
                Ok(Returned::Value(value)) => results.push(value),
                Ok(Returned::Items(_)) => {
                    let class = "builtins.TypeError";
                    let exception = Exception::new(class, "an iterator as result of a batch");
                    results.push(wrapped(exception, encoding));
                    break;
                }
                Err(exception) => {
                    results.push(wrapped(exception, encoding));
                    break;
                }
            }
        }
        Ok(Value::List(results).into())
    }

    /// One of Pyro's own exceptions.
    fn error(&self, name: &str, message: &str) -> Exception {
        let class = format!("{}.errors.{name}", self.dialect.package());
        Exception::new(&class, message)
    }

    fn metadata_of(&self, object: &str) -> Option<Metadata> {
        if object == DAEMON {
            return Some(Metadata::new(&DAEMON_METHODS, &[]));
        }
        Some(self.shared.object(object)?.metadata())
    }

    /// What the object of the daemon itself does.
    fn daemon(&mut self, call: &Call) -> Outcome<Returned> {
        let text = |at: usize| call.args.get(at).and_then(Value::as_str);
        let missing = || Exception::new("builtins.TypeError", "a name is missing");
        Ok(match call.method.as_str() {
            "ping" => Value::None.into(),
            "registered" => Value::list(self.shared.names()).into(),
            "info" => {
                let n = self.shared.names().len();
                format!("ndferry at {}, {n} objects", self.shared.place).into()
            }
            "get_metadata" => {
                let object = text(0).or_else(|| {
                    let mut named = call.kwargs.iter();
                    let named = named.find(|(name, _)| name == "objectId");
                    named.and_then(|(_, value)| value.as_str())
                });
                let metadata = self.metadata_of(object.ok_or_else(missing)?);
                metadata
                    .ok_or_else(|| self.error("DaemonError", "unknown object"))?
                    .to_value()
                    .into()
            }
            "get_next_stream_item" => {
                let id = text(0).ok_or_else(missing)?;
                let Some(items) = self.items.get_mut(id) else {
                    return Err(self.error("PyroError", "item stream terminated"));
                };
                match items.next() {
                    Some(Ok(item)) => item.into(),
                    Some(Err(exception)) => {
                        self.items.remove(id);
                        return Err(exception);
                    }
                    None => {
                        self.items.remove(id);
                        return Err(Exception {
                            class: "builtins.StopIteration".to_owned(),
                            ..Exception::default()
                        });
                    }
                }
            }
            "close_stream" => {
                self.items.remove(text(0).ok_or_else(missing)?);
                Value::None.into()
            }
            other => return Err(no_attribute(other)),
        })
    }
}

/// A call; a blob that stays as it is has its object and method beside it (`Pyro5/server.py`, `__deserializeBlobArgs`).
fn read_call(decoding: &Decoding, message: &mut Received, encoding: &mut Encoding) -> Result<Call> {
    let value = message.value(decoding)?;
    encoding.learn(&message.data, &value);
    let mut call = Call::of_value(value)?;
    if message.head.flags.keep_serialized {
        let said = message.annotations.get(*b"BLBI");
        let said = said.ok_or_else(|| shape("the blob"))?;
        let marshal = Decoding::new(crate::Serializer::Marshal, decoding.limits.clone());
        let said = marshal.value(said)?;
        let Some([_, object, method]) = said.as_items() else {
            return Err(shape("the blob"));
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        call.object = text(object).ok_or_else(|| shape("the blob"))?;
        call.method = text(method).ok_or_else(|| shape("the blob"))?;
    }
    Ok(call)
}

fn call_object(object: &dyn Served, call: Call) -> Outcome<Returned> {
    let metadata = object.metadata();
    let knows = |names: &[String], name: &str| match names.iter().any(|other| other == name) {
        true => Ok(()),
        false => Err(no_attribute(name)),
    };
    match (call.method.as_str(), &call.args[..]) {
        ("__getattr__", [name]) => {
            let name = name.as_str().unwrap_or_default();
            knows(&metadata.attrs, name)?;
            Ok(object.get(name)?.into())
        }
        ("__setattr__", [name, value]) => {
            let name = name.as_str().unwrap_or_default();
            knows(&metadata.attrs, name)?;
            object.set(name, value.clone())?;
            Ok(Value::None.into())
        }
        (method, _) => {
            knows(&metadata.methods, method)?;
            object.call(method, call.args, call.kwargs)
        }
    }
}

fn no_batch() -> Exception {
    Exception::new("builtins.TypeError", "a batch is a list of calls")
}

/// Objects are shared by all connections.
const _: fn(Arc<dyn Served>) = |object| {
    fn is_shared<T: Send + Sync>(_: T) {}
    is_shared(object);
};
