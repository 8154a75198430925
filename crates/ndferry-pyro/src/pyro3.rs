//! [`Pyro3`]: an object of Pyro 3, as old programs on Python 2 and Jython serve them.
//!
//! Its messages have nothing in common with those of Pyro4 but the first four bytes (`Pyro/protocol.py` of Pyro 3.16): the
//! server speaks first, all is in pickles, and there are no metadata, serializers or annotations.

mod head;
mod uri;

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use ndferry_io::{Exchange, Url};

use self::head::{HEAD_NBYTES, Head, head};
pub use self::uri::Pyro3Uri;
use self::uri::{Kind, uri_of};
use crate::codec::{into_exception, shape};
use crate::message::unpack;
use crate::{
    Body, Decoding, Dialect, Encoding, Error, ErrorKind, Exception, Limits, ProxyOptions, Result,
    Serializer, Value,
};

/// What lets a client in, and what keeps it out; a digit follows that.
const GRANTED: &[u8; 7] = b"GRANTED";
const DENIED: &[u8; 6] = b"DENIED";

/// Bytes that a client has to make something of.
const CHALLENGE_NBYTES: usize = 16;

/// Arguments come as two: by position and by name (`RIF_VarargsAndKeywords`).
const BOTH: i64 = 3;

/// The object of each daemon that knows the names of the others.
const DAEMON: &str = "c0000000011000001000000010000001";

/// What name servers call themselves.
const NAME_SERVER: &str = ":Pyro.NameServer";

/// An object of a daemon of Pyro 3, over a connection of its own.
///
/// ```no_run
/// use ndferry_pyro::{ProxyOptions, Pyro3};
///
/// let uri = "PYROLOC://localhost:7766/camera".parse()?;
/// let mut camera = Pyro3::connect(&uri, &ProxyOptions::default())?;
/// let frame = camera.call("snap", vec![0.5.into()], Vec::new())?;
/// # Ok::<(), ndferry_pyro::Error>(())
/// ```
pub struct Pyro3 {
    exchange: Exchange,
    object: String,
    limits: Limits,
    /// Whether the connection can be used no more.
    is_broken: bool,
}

impl fmt::Debug for Pyro3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pyro3 object {} ({:?})", self.object, self.exchange)
    }
}

impl Pyro3 {
    /// Connects to an object. The options' key is the identification that the daemon wants, if it wants one.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], [`ErrorKind::Io`], [`ErrorKind::Remote`] for a name that is not known; a peer that is no Pyro 3.
    pub fn connect(uri: &Pyro3Uri, options: &ProxyOptions) -> Result<Self> {
        if options.tls {
            // Its `PYROLOCSSL` needed a library that is long gone.
            let what = "Pyro 3 over TLS".to_owned();
            return Err(ErrorKind::Unsupported { what }.at(0));
        }
        let found;
        let uri = match uri.kind {
            Kind::Name => {
                found = Self::find(uri, options)?;
                &found
            }
            _ => uri,
        };
        let url = Url::Tcp {
            host: uri.host.clone(),
            port: uri.port,
        };
        let exchange = Exchange::connect(&url, &options.exchange)?;
        let mut proxy = Self {
            exchange,
            object: uri.object.clone(),
            limits: options.limits.clone(),
            is_broken: false,
        };
        proxy.identify(options.key.as_deref())?;
        if uri.kind == Kind::Local {
            DAEMON.clone_into(&mut proxy.object);
            let id = proxy.call("ResolvePYROLOC", vec![name(&uri.object)], Vec::new())?;
            let id = id
                .as_str()
                .ok_or_else(|| shape("the number of an object"))?;
            id.clone_into(&mut proxy.object);
        }
        Ok(proxy)
    }

    /// Asks the name server of this address.
    fn find(uri: &Pyro3Uri, options: &ProxyOptions) -> Result<Pyro3Uri> {
        let server = Pyro3Uri {
            kind: Kind::Local,
            object: NAME_SERVER.to_owned(),
            ..uri.clone()
        };
        let mut server = Self::connect(&server, options)?;
        // As Pyro 3 itself does with names that are in no group.
        let full = match uri.object.starts_with(':') {
            true => uri.object.clone(),
            false => format!(":Default.{}", uri.object),
        };
        let found = server.call("resolve", vec![name(&full)], Vec::new())?;
        uri_of(&found).ok_or_else(|| shape("an address"))
    }

    /// The server asks who is there; most let everybody in.
    fn identify(&mut self, ident: Option<&[u8]>) -> Result<()> {
        let mut start = [0; GRANTED.len()];
        self.fill(&mut start)?;
        if let Some(why) = denied(&start) {
            return Err(why);
        }
        let challenge = self.rest_of_message(&start, CHALLENGE_NBYTES as u64)?;
        if challenge.len() != CHALLENGE_NBYTES {
            return Err(shape("the challenge"));
        }
        #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
        let mut token = Hmac::<Md5>::new_from_slice(&challenge).unwrap();
        if let Some(ident) = ident {
            token.update(&Md5::digest(ident));
        }
        let token = token.finalize().into_bytes();
        let hello = [&b"CONNECT"[..], &token].concat();
        self.send(&Body::from(Bytes::from(hello)))?;
        let mut answer = [0; GRANTED.len()];
        self.fill(&mut answer)?;
        match denied(&answer) {
            Some(why) => Err(why),
            None if answer == *GRANTED => Ok(()),
            None => Err(shape("the answer to a greeting")),
        }
    }

    /// Calls a method, with arguments by position and by name.
    ///
    /// # Errors
    /// [`ErrorKind::Remote`] if it raised an exception; [`ErrorKind::Io`] and what else can be wrong with messages, after which
    /// nothing more can be called; [`ErrorKind::Unsayable`].
    pub fn call(
        &mut self,
        method: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Result<Value> {
        let kwargs = kwargs.into_iter().map(|(key, value)| (name(&key), value));
        let args = [Value::Tuple(args), Value::Dict(kwargs.collect())];
        let call = Value::Tuple(vec![
            name(&self.object),
            name(method),
            BOTH.into(),
            Value::Tuple(args.into()),
        ]);
        let mut encoding = Encoding::new(Dialect::Pyro4, Serializer::Pickle);
        encoding.python2 = true;
        let body = encoding.value(&call)?;
        if self.is_broken {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        }
        self.is_broken = true;
        self.send(&body)?;
        let data = self.recv()?;
        self.is_broken = false;
        let decoding = Decoding::new(Serializer::Pickle, self.limits.clone());
        match raised(decoding.value(&data)?)? {
            Ok(value) => Ok(value),
            Err(exception) => Err(ErrorKind::Remote(Box::new(exception)).at(0)),
        }
    }

    /// An attribute.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn get(&mut self, attribute: &str) -> Result<Value> {
        self.call("_r_ga", vec![name(attribute)], Vec::new())
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn set(&mut self, attribute: &str, value: Value) -> Result<()> {
        let args = vec![name(attribute), value];
        self.call("_r_sa", args, Vec::new()).map(drop)
    }

    fn send(&mut self, body: &Body) -> Result<()> {
        let head = head(body.nbytes())?;
        crate::channel::send(&mut self.exchange, &head, body)
    }

    fn recv(&mut self) -> Result<Bytes> {
        let limit = self.limits.message_nbytes;
        self.rest_of_message(&[], limit)
    }

    /// The body of a message of which the beginning has come.
    fn rest_of_message(&mut self, start: &[u8], limit: u64) -> Result<Bytes> {
        let mut head = [0; HEAD_NBYTES];
        head[..start.len()].copy_from_slice(start);
        self.fill(&mut head[start.len()..])?;
        let head = Head::parse(&head)?;
        let (found, what) = (head.body_nbytes, "bytes of a message");
        if found > limit {
            return Err(ErrorKind::Limit { what, found, limit }.at(8));
        }
        let body = self.exchange.read_bytes(found)?;
        head.check(&body)?;
        match head.is_compressed() {
            false => Ok(body),
            true => unpack(&body, &self.limits),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        match self.exchange.read(bytes)? {
            true => Ok(()),
            false => {
                let (received, needed) = (0, bytes.len() as u64);
                Err(ndferry_io::Error::Closed { received, needed }.into())
            }
        }
    }
}

/// Names are Python 2's `str`.
fn name(text: &str) -> Value {
    Value::Py2Str(Bytes::copy_from_slice(text.as_bytes()))
}

/// Why a client is not let in, if it is not.
fn denied(answer: &[u8]) -> Option<Error> {
    let code = answer.strip_prefix(DENIED)?;
    let why = match code {
        b"1" => "the server is too busy",
        b"2" => "this machine is blocked",
        b"3" => "it wants another identification",
        _ => "it does not say why",
    };
    Some(ErrorKind::Refused(why.to_owned()).at(0))
}

/// What a call gave: exceptions come in a capsule.
fn raised(value: Value) -> Result<std::result::Result<Value, Exception>> {
    let Value::Object(object) = &value else {
        return Ok(Ok(value));
    };
    let is_capsule = matches!(&object.function, Value::Global(module, name)
        if (&**module, &**name) == ("Pyro.errors", "PyroExceptionCapsule"));
    let Some(state) = object.state.as_ref().filter(|_| is_capsule) else {
        return Ok(Ok(value));
    };
    let exception = state.get("excObj").cloned().and_then(into_exception);
    let mut exception = exception.ok_or_else(|| shape("the exception"))?;
    if let Some(lines) = state.get("args").filter(|lines| lines.as_items().is_some()) {
        let key = "_pyroTraceback".into();
        exception.attributes.push((key, lines.clone()));
    }
    Ok(Err(exception))
}
