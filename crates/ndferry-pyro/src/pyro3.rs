//! [`Pyro3`]: an object of Pyro 3, as old programs on Python 2 and Jython serve them.
//!
//! Its messages have nothing in common with those of Pyro4 but the first four bytes (`Pyro/protocol.py` of Pyro 3.16): the
//! server speaks first, all is in pickles, and there are no metadata, serializers or annotations.

use std::fmt;
use std::str::FromStr;

use bytes::{Buf, Bytes};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use ndferry_io::{Exchange, Url};

use crate::codec::{into_exception, shape};
use crate::message::unpack;
use crate::{
    Body, Decoding, Dialect, Encoding, Error, ErrorKind, Exception, Limits, ProxyOptions, Result,
    Serializer, Value,
};

/// Magic, protocol, bytes of the head, bytes of the body, flags, checksum.
const HEAD_NBYTES: usize = 18;

const MAGIC: &[u8; 4] = b"PYRO";
const PROTOCOL: u16 = 5;

/// Flags of messages.
const COMPRESSED: u16 = 1;
const CHECKSUM: u16 = 2;
const XML: u16 = 4;

/// What lets a client in, and what keeps it out; a digit follows that.
const GRANTED: &[u8; 7] = b"GRANTED";
const DENIED: &[u8; 6] = b"DENIED";

/// Bytes that a client has to make something of.
const CHALLENGE_NBYTES: usize = 16;

/// Arguments come as two: by position and by name (`RIF_VarargsAndKeywords`).
const BOTH: i64 = 3;

/// The object of each daemon that knows the names of the others.
const DAEMON: &str = "c0000000011000001000000010000001";

/// Where name servers listen.
const NAME_SERVER_PORT: u16 = 9090;
/// Where daemons listen.
const DAEMON_PORT: u16 = 7766;
/// What name servers call themselves.
const NAME_SERVER: &str = ":Pyro.NameServer";

/// Where an object of Pyro 3 is. Prints as it parses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pyro3Uri {
    kind: Kind,
    host: String,
    port: u16,
    object: String,
}

/// How the object is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// By its number: `PYRO://host:port/id`.
    Id,
    /// By the name that its daemon knows: `PYROLOC://host:port/name`.
    Local,
    /// By the name that a name server knows: `PYRONAME://host:port/name`.
    Name,
}

impl Kind {
    fn protocol(self) -> &'static str {
        match self {
            Self::Id => "PYRO",
            Self::Local => "PYROLOC",
            Self::Name => "PYRONAME",
        }
    }
}

impl FromStr for Pyro3Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem| {
            let text = text.to_owned();
            ErrorKind::Uri { text, problem }.at(0)
        };
        let (protocol, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("it has no ://, as those of Pyro 3 have"))?;
        let kind = [Kind::Id, Kind::Local, Kind::Name]
            .into_iter()
            .find(|kind| kind.protocol() == protocol)
            .ok_or_else(|| wrong("it begins with none of PYRO://, PYROLOC:// and PYRONAME://"))?;
        let (place, object) = match (rest.split_once('/'), kind) {
            (Some((place, object)), _) => (place, object),
            (None, Kind::Name) => ("localhost", rest),
            (None, _) => return Err(wrong("it names no object")),
        };
        let default = match kind {
            Kind::Name => NAME_SERVER_PORT,
            _ => DAEMON_PORT,
        };
        let (host, port) = match place.split_once(':') {
            None => (place, default),
            Some((host, port)) => (
                host,
                port.parse().map_err(|_| wrong("its port is no number"))?,
            ),
        };
        if object.is_empty() || host.is_empty() {
            return Err(wrong("it names no object"));
        }
        Ok(Self {
            kind,
            host: host.to_owned(),
            port,
            object: object.to_owned(),
        })
    }
}

impl fmt::Display for Pyro3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, host, port) = (self.kind.protocol(), &self.host, self.port);
        write!(f, "{protocol}://{host}:{port}/{}", self.object)
    }
}

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
        match head.flags & COMPRESSED {
            0 => Ok(body),
            _ => unpack(&body, &self.limits),
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

/// The numbers of a head.
struct Head {
    body_nbytes: u64,
    flags: u16,
    checksum: u32,
}

impl Head {
    fn parse(bytes: &[u8; HEAD_NBYTES]) -> Result<Self> {
        let mut left = &bytes[..];
        let mut found = [0; 4];
        left.copy_to_slice(&mut found);
        if found != *MAGIC {
            return Err(ErrorKind::Magic { found }.at(0));
        }
        let found = left.get_u16();
        if found != PROTOCOL {
            return Err(ErrorKind::Version { found }.at(4));
        }
        if usize::from(left.get_u16()) != HEAD_NBYTES {
            return Err(shape("the length of a head"));
        }
        let body_nbytes = left.get_i32();
        let body_nbytes =
            u64::try_from(body_nbytes).map_err(|_| shape("the length of a message"))?;
        let flags = left.get_u16();
        if flags & XML != 0 {
            let what = "a pickle in XML".to_owned();
            return Err(ErrorKind::Unsupported { what }.at(12));
        }
        Ok(Self {
            body_nbytes,
            flags,
            checksum: left.get_u32(),
        })
    }

    /// Adler-32 of the body as it is sent.
    fn check(&self, body: &[u8]) -> Result<()> {
        match self.flags & CHECKSUM == 0 || adler32(body) == self.checksum {
            true => Ok(()),
            false => Err(ErrorKind::Zlib.at(HEAD_NBYTES as u64)),
        }
    }
}

/// A head without flags.
fn head(body_nbytes: u64) -> Result<[u8; HEAD_NBYTES]> {
    let (what, limit) = ("bytes of a message", i32::MAX as u64);
    let found = body_nbytes;
    let nbytes = i32::try_from(found).map_err(|_| ErrorKind::Limit { what, found, limit }.at(8))?;
    let mut head = [0; HEAD_NBYTES];
    head[..4].copy_from_slice(MAGIC);
    head[4..6].copy_from_slice(&PROTOCOL.to_be_bytes());
    head[6..8].copy_from_slice(&(HEAD_NBYTES as u16).to_be_bytes());
    head[8..12].copy_from_slice(&nbytes.to_be_bytes());
    Ok(head)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1, 0);
    // So many additions fit into 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    b << 16 | a
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

/// `PyroURI`, as name servers give it.
fn uri_of(value: &Value) -> Option<Pyro3Uri> {
    let Value::Object(object) = value else {
        return None;
    };
    let state = object.state.as_ref()?;
    let port = state.get("port")?.as_int()?;
    Some(Pyro3Uri {
        kind: Kind::Id,
        host: state.get("address")?.as_str()?.to_owned(),
        port: u16::try_from(port).ok()?,
        object: state.get("objectID")?.as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_parse() {
        for text in [
            "PYRO://localhost:7766/7f000101",
            "PYROLOC://10.0.0.1:7000/camera",
            "PYRONAME://localhost:9090/lab.camera",
        ] {
            assert_eq!(text.parse::<Pyro3Uri>().unwrap().to_string(), text);
        }
        let short: Pyro3Uri = "PYRONAME://camera".parse().unwrap();
        assert_eq!(short.to_string(), "PYRONAME://localhost:9090/camera");
        let short: Pyro3Uri = "PYROLOC://host/camera".parse().unwrap();
        assert_eq!(short.to_string(), "PYROLOC://host:7766/camera");
        for wrong in [
            "PYRO:a@b:1",
            "PYRO://host",
            "PYROLOC://host:x/a",
            "HTTP://a/b",
            "PYRO:///a",
        ] {
            assert!(wrong.parse::<Pyro3Uri>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn heads_are_refused_that_lie() {
        let good = head(5).unwrap();
        assert_eq!(Head::parse(&good).unwrap().body_nbytes, 5);
        for (at, byte) in [(0, b'X'), (5, 4), (7, 19), (8, 0x80), (13, XML as u8)] {
            let mut wrong = good;
            wrong[at] = byte;
            assert!(Head::parse(&wrong).is_err(), "{at}");
        }
        assert!(head(1 << 31).is_err());
    }

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(
            adler32(&vec![0xff; 100_000]),
            zlib_says(&vec![0xff; 100_000])
        );
    }

    /// The last four bytes of what zlib writes.
    fn zlib_says(bytes: &[u8]) -> u32 {
        use std::io::Write;
        let level = flate2::Compression::fast();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(bytes).unwrap();
        let packed = zlib.finish().unwrap();
        u32::from_be_bytes(packed.last_chunk().copied().unwrap())
    }
}
