//! From an address to a [`Proxy`] that has shaken hands: which Pyro is there, and in which serializer it is spoken to.

use ndferry_io::{Exchange, Url};

use super::{DAEMON, Proxy, ProxyOptions};
use crate::channel::Channel;
use crate::codec::shape;
use crate::{
    Annotations, Decoding, Dialect, Encoding, Error, ErrorKind, Flags, MessageKind, Metadata,
    NameServer, Result, Serializer, Uri, Value,
};

/// How one try to connect went wrong.
enum Failed {
    /// The other side has the other Pyro, most likely.
    Dialect(Error),
    /// It does not want to talk so.
    Refused(String),
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Proxy {
    /// Connects to an object, which a name server may have to find first.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], [`ErrorKind::Io`], [`ErrorKind::Remote`] from a name server; a peer that is no Pyro.
    pub fn connect(uri: &Uri, options: &ProxyOptions) -> Result<Self> {
        let found;
        let uri = match uri {
            Uri::Name { name, server } => {
                let mut server = match server {
                    Some((host, port)) => NameServer::connect(host, *port, options)?,
                    None => NameServer::find(options)?,
                };
                found = server.lookup(name)?;
                &found
            }
            uri => uri,
        };
        // Only Pyro4 signs.
        let signs = options.key.as_ref().map(|_| Dialect::Pyro4);
        let mut dialects = vec![Dialect::Pyro5, Dialect::Pyro4];
        if let Some(only) = options.dialect.or(signs) {
            dialects = vec![only];
        }
        if let Some(serializer) = options.serializer {
            dialects.retain(|dialect| serializer.id(*dialect).is_some());
        }
        let last = dialects.len().saturating_sub(1);
        for (number, dialect) in dialects.into_iter().enumerate() {
            match Self::connect_in(dialect, uri, options) {
                Err(Failed::Dialect(_)) if number < last => {}
                Err(Failed::Dialect(error) | Failed::Error(error)) => return Err(error),
                Err(Failed::Refused(why)) => return Err(ErrorKind::Refused(why).at(0)),
                Ok(proxy) => return Ok(proxy),
            }
        }
        let what = "anything in this Pyro".to_owned();
        let serializer = options.serializer.unwrap_or(Serializer::Serpent);
        Err(ErrorKind::Unsayable { what, serializer }.at(0))
    }

    fn connect_in(
        dialect: Dialect,
        uri: &Uri,
        options: &ProxyOptions,
    ) -> std::result::Result<Self, Failed> {
        match (options.serializer, dialect) {
            (Some(serializer), _) => Self::connect_with(dialect, serializer, uri, options),
            (None, Dialect::Pyro5) => {
                Self::connect_with(dialect, Serializer::Serpent, uri, options)
            }
            (None, Dialect::Pyro4) => {
                match Self::connect_with(dialect, Serializer::Pickle, uri, options) {
                    Err(Failed::Refused(why)) if why.contains("serializer") => {
                        Self::connect_with(dialect, Serializer::Serpent, uri, options)
                    }
                    other => other,
                }
            }
        }
    }

    fn connect_with(
        dialect: Dialect,
        serializer: Serializer,
        uri: &Uri,
        options: &ProxyOptions,
    ) -> std::result::Result<Self, Failed> {
        let mut url = uri.url().ok_or_else(|| shape("the address"))?;
        if let (true, Url::Tcp { host, port }) = (options.tls, &url) {
            let (host, port, pin) = (host.clone(), *port, None);
            url = Url::Tls { host, port, pin };
        }
        if serializer.id(dialect).is_none() {
            let what = "anything in this Pyro".to_owned();
            return Err(Failed::Error(
                ErrorKind::Unsayable { what, serializer }.at(0),
            ));
        }
        let exchange = Exchange::connect(&url, &options.exchange).map_err(Error::from)?;
        let mut encoding = Encoding::new(dialect, serializer);
        encoding.arrays = options.arrays;
        let mut channel = Channel::new(exchange, options.key.clone(), options.limits.clone());
        if !serializer.is_pickle() {
            channel.refuse_pickles();
        }
        let mut proxy = Self {
            channel,
            uri: uri.clone(),
            encoding,
            decoding: Decoding::new(serializer, options.limits.clone()),
            seq: 0,
            metadata: Metadata::default(),
            compress: options.compress,
            correlation: options.correlation,
            annotations: Annotations::new(),
            answered: Annotations::new(),
            is_broken: false,
        };
        proxy.shake_hands(&options.handshake)?;
        Ok(proxy)
    }

    fn shake_hands(&mut self, handshake: &Value) -> std::result::Result<(), Failed> {
        let hello = Value::dict([
            ("handshake", handshake.clone()),
            ("object", self.uri.object().into()),
        ]);
        let flags = Flags {
            metadata: true,
            ..Flags::default()
        };
        let body = self.encoding.value(&hello)?;
        self.encoding.boast(&mut self.annotations);
        let sent = self.send(MessageKind::Connect, flags, body);
        self.annotations = Annotations::new();
        let answer = match sent {
            Ok(()) => self.channel.recv(),
            Err(error) => Err(error),
        };
        let mut message = match answer {
            Ok(Some(message)) => message,
            // Whoever finds a message strange may hang up without a word.
            Ok(None) => {
                let (received, needed) = (0, Dialect::TOLD_NBYTES as u64);
                let error = ndferry_io::Error::Closed { received, needed };
                return Err(Failed::Dialect(error.into()));
            }
            Err(error) if is_reset(&error) => return Err(Failed::Dialect(error)),
            Err(error) => return Err(error.into()),
        };
        if message.head.dialect != self.encoding.dialect {
            let found = message.head.dialect.version();
            return Err(Failed::Dialect(ErrorKind::Version { found }.at(4)));
        }
        self.channel.settle(message.head.dialect);
        // A refusal may be in another serializer than ours.
        let serializer = Serializer::of_id(message.head.dialect, message.head.serializer)?;
        let mut decoding = Decoding::new(serializer, self.channel.limits().clone());
        decoding.learn(&message.data);
        let said = message.value(&decoding)?;
        match message.head.kind {
            MessageKind::ConnectOk => {}
            MessageKind::ConnectFail => {
                let why = match &said {
                    // Nothing tells Python 2's `str` from bytes here.
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    other => other.as_str().unwrap_or("it does not say why").to_owned(),
                };
                return Err(Failed::Refused(why));
            }
            other => {
                let (found, expected) = (other as u16, "the answer to a greeting");
                return Err(ErrorKind::MessageKind { found, expected }.at(6).into());
            }
        }
        self.decoding.python2 = decoding.python2;
        self.encoding.learn(&message.data, &said);
        self.answered = message.annotations;
        match said.get("meta") {
            Some(meta) => {
                self.metadata = Metadata::of(meta).ok_or_else(|| shape("the metadata"))?;
            }
            // Not asked for; older ones of Pyro4 have a method for it.
            None => {
                let object = self.uri.object().into();
                let asked = self.call_object(DAEMON, "get_metadata", vec![object]);
                self.metadata = match asked {
                    Ok(meta) => Metadata::of(&meta).unwrap_or_default(),
                    Err(error) if error.is_remote() => Metadata::default(),
                    Err(error) => return Err(error.into()),
                };
            }
        }
        Ok(())
    }
}

/// Whether the other side hung up in the middle.
fn is_reset(error: &Error) -> bool {
    use std::io::ErrorKind as Kind;
    match &error.kind {
        ErrorKind::Io(ndferry_io::Error::Closed { .. }) | ErrorKind::Truncated { .. } => true,
        #[cfg(feature = "tls")]
        ErrorKind::Io(ndferry_io::Error::Tls(ndferry_io::TlsProblem::CutOff)) => true,
        ErrorKind::Io(ndferry_io::Error::System(error)) => {
            matches!(error.kind(), Kind::ConnectionReset | Kind::BrokenPipe)
        }
        _ => false,
    }
}
