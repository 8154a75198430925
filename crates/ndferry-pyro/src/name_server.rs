//! [`NameServer`]: who knows where objects are.

use crate::broadcast::locate;
use crate::codec::shape;
use crate::{ErrorKind, Proxy, ProxyOptions, Result, Uri, Value};

/// The object that every name server has.
pub(crate) const NAME_SERVER: &str = "Pyro.NameServer";

/// A name server of Pyro4 or Pyro5.
#[derive(Debug)]
pub struct NameServer(Proxy);

impl NameServer {
    /// Connects to the name server at this place; most are at port 9090.
    ///
    /// # Errors
    /// As [`Proxy::connect`].
    pub fn connect(host: &str, port: u16, options: &ProxyOptions) -> Result<Self> {
        let (object, host) = (NAME_SERVER.to_owned(), host.to_owned());
        let uri = Uri::Tcp { object, host, port };
        Ok(Self(Proxy::connect(&uri, options)?))
    }

    /// Connects to the name server that programs of Pyro would find: at this machine, or else the first one near that says
    /// where it is ([`ProxyOptions::broadcast`]).
    ///
    /// # Errors
    /// As [`Proxy::connect`].
    pub fn find(options: &ProxyOptions) -> Result<Self> {
        let here = Self::connect("localhost", crate::uri::NAME_SERVER_PORT, options);
        let (error, port) = match (here, options.broadcast) {
            (Err(error), Some(port)) if matches!(error.kind, ErrorKind::Io(_)) => (error, port),
            (other, _) => return other,
        };
        match locate(&options.broadcast_to, port, &options.exchange.interrupt)? {
            Some(uri) => Ok(Self(Proxy::connect(&uri, options)?)),
            None => Err(error),
        }
    }

    /// The server as any other object.
    pub fn proxy(&mut self) -> &mut Proxy {
        &mut self.0
    }

    /// Where the object of this name is.
    ///
    /// # Errors
    /// As [`Proxy::call`]: a `NamingError` for a name that is not known.
    pub fn lookup(&mut self, name: &str) -> Result<Uri> {
        Uri::of_value(&self.0.call("lookup", vec![name.into()])?)
    }

    /// All names that begin so, in their order, and where they are.
    ///
    /// # Errors
    /// As [`Proxy::call`].
    pub fn list(&mut self, prefix: &str) -> Result<Vec<(String, Uri)>> {
        let args = match prefix {
            "" => Vec::new(),
            prefix => vec![prefix.into()],
        };
        Self::names_of(&self.0.call("list", args)?)
    }

    /// The names in a server's answer to `list`, in their order, and where they are.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for what is no dict of names and addresses; [`ErrorKind::Uri`].
    pub fn names_of(answer: &Value) -> Result<Vec<(String, Uri)>> {
        let Value::Dict(pairs) = answer else {
            return Err(shape("the list of names"));
        };
        let mut names = Vec::new();
        for (name, place) in pairs {
            let name = name.as_str().ok_or_else(|| shape("a name"))?;
            names.push((name.to_owned(), Uri::of_value(place)?));
        }
        names.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(names)
    }

    /// Says where the object of this name is; `is_safe` refuses names that are taken.
    ///
    /// # Errors
    /// As [`Proxy::call`].
    pub fn register(&mut self, name: &str, uri: &Uri, is_safe: bool) -> Result<()> {
        let args = vec![name.into(), uri.to_string().into(), is_safe.into()];
        self.0.call("register", args).map(drop)
    }

    /// Forgets a name; whether it was known.
    ///
    /// # Errors
    /// As [`Proxy::call`].
    pub fn remove(&mut self, name: &str) -> Result<bool> {
        let removed = self.0.call("remove", vec![name.into()])?;
        Ok(removed.as_int().is_some_and(|n| n > 0))
    }
}
