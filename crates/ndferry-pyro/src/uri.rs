//! [`Uri`]: where an object of Pyro is.

use std::fmt;
use std::str::FromStr;

use crate::codec::shape;
use crate::{Error, ErrorKind, Value};

/// `PYRO:object@host:port`, `PYRO:object@./u:path`, or a name that a name server knows. Prints as it parses.
///
/// ```
/// use ndferry_pyro::Uri;
///
/// let uri: Uri = "PYRO:camera@lab:9000".parse()?;
/// assert_eq!(uri.object(), "camera");
/// assert_eq!(uri.with_object("stage").to_string(), "PYRO:stage@lab:9000");
/// # Ok::<(), ndferry_pyro::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uri {
    /// `PYRO:object@host:port`; an IPv6 address stands in brackets.
    Tcp {
        /// The object's name in its daemon.
        object: String,
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `PYRO:object@./u:path`: a Unix socket.
    Unix {
        /// The object's name in its daemon.
        object: String,
        /// The socket.
        path: String,
    },
    /// `PYRONAME:name` or `PYRONAME:name@host:port`: a name server knows where it is.
    Name {
        /// The name.
        name: String,
        /// Where the name server is, if that is said; port 9090 unless another is.
        server: Option<(String, u16)>,
    },
}

/// Where name servers listen.
pub(crate) const NAME_SERVER_PORT: u16 = 9090;

impl Uri {
    /// The object's name, or the one that a name server knows.
    pub fn object(&self) -> &str {
        match self {
            Self::Tcp { object, .. } | Self::Unix { object, .. } => object,
            Self::Name { name, .. } => name,
        }
    }

    /// Where to connect to; `None` of a name.
    pub fn url(&self) -> Option<ndferry_io::Url> {
        match self {
            Self::Tcp { host, port, .. } => Some(ndferry_io::Url::Tcp {
                host: host.clone(),
                port: *port,
            }),
            Self::Unix { path, .. } => Some(ndferry_io::Url::Unix(path.into())),
            Self::Name { .. } => None,
        }
    }

    /// The address that a value is: name servers say it as an object or as its text.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another value; [`ErrorKind::Uri`].
    pub fn of_value(value: &Value) -> Result<Self, Error> {
        match value {
            Value::Uri(uri) => Ok(Self::clone(uri)),
            value => value.as_str().ok_or_else(|| shape("an address"))?.parse(),
        }
    }

    /// Another object at the same place; a name stays what it is.
    #[must_use]
    pub fn with_object(&self, other: &str) -> Self {
        let mut uri = self.clone();
        match &mut uri {
            Self::Tcp { object, .. } | Self::Unix { object, .. } => other.clone_into(object),
            Self::Name { .. } => {}
        }
        uri
    }
}

impl FromStr for Uri {
    type Err = Error;

    /// As `Pyro4.core.URI` and `Pyro5.core.URI` read them; `PYROMETA` is not.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem| {
            let text = text.to_owned();
            ErrorKind::Uri { text, problem }.at(0)
        };
        let (protocol, rest) = text
            .split_once(':')
            .ok_or_else(|| wrong("it does not begin with PYRO:"))?;
        let (object, location) = match rest.split_once('@') {
            Some((object, location)) => (object, Some(location)),
            None => (rest, None),
        };
        if object.is_empty() || object.contains(char::is_whitespace) {
            return Err(wrong("it names no object"));
        }
        let object = object.to_owned();
        match (protocol.to_ascii_uppercase().as_str(), location) {
            ("PYRO", None) => Err(wrong("it has no place after an @")),
            ("PYRO", Some(location)) => match location.strip_prefix("./u:") {
                Some("") => Err(wrong("it has no path")),
                Some(path) => Ok(Self::Unix {
                    object,
                    path: path.to_owned(),
                }),
                None => {
                    let (host, port) = place(location, None).map_err(wrong)?;
                    Ok(Self::Tcp { object, host, port })
                }
            },
            ("PYRONAME", location) => {
                let server = location.map(|location| place(location, Some(NAME_SERVER_PORT)));
                Ok(Self::Name {
                    name: object,
                    server: server.transpose().map_err(wrong)?,
                })
            }
            _ => Err(wrong("it begins with neither PYRO: nor PYRONAME:")),
        }
    }
}

fn place(text: &str, default: Option<u16>) -> Result<(String, u16), &'static str> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("a bracket is missing")?;
            let port = rest.strip_prefix(':');
            if port.is_none() && !rest.is_empty() {
                return Err("after the bracket is no port");
            }
            (host, port)
        }
        None => match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => return Err("an IPv6 address needs brackets"),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '[' | ']' | '/');
    if host.contains(is_odd) {
        return Err("no host is called like this");
    }
    let port = match port {
        Some(port) => port.parse().ok(),
        None => default,
    };
    let port = port.ok_or("it has no port that is a number up to 65535")?;
    Ok((host.to_owned(), port))
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |f: &mut fmt::Formatter<'_>, host: &str, port| match host.contains(':') {
            true => write!(f, "@[{host}]:{port}"),
            false => write!(f, "@{host}:{port}"),
        };
        match self {
            Self::Tcp { object, host, port } => {
                write!(f, "PYRO:{object}")?;
                at(f, host, *port)
            }
            Self::Unix { object, path } => write!(f, "PYRO:{object}@./u:{path}"),
            Self::Name { name, server } => {
                write!(f, "PYRONAME:{name}")?;
                match server {
                    Some((host, port)) => at(f, host, *port),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_parse() {
        for text in [
            "PYRO:camera@host:9000",
            "PYRO:obj_1a2b@[::1]:1",
            "PYRO:Pyro.NameServer@./u:/tmp/a b",
            "PYRONAME:camera",
            "PYRONAME:lab.camera@host:9090",
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), text);
        }
        let uri: Uri = "pyroname:camera@host".parse().unwrap();
        assert_eq!(uri.to_string(), "PYRONAME:camera@host:9090");
    }

    #[test]
    fn others_say_what_is_wrong() {
        for text in [
            "",
            "camera",
            "PYRO:camera",
            "PYRO:@host:1",
            "PYRO:a b@host:1",
            "PYRO:a@host",
            "PYRO:a@host:70000",
            "PYRO:a@::1:5",
            "PYRO:a@[::1:5",
            "PYRO:a@[::1]5",
            "PYRO:a@[[::1]:5",
            "PYRO:a@[./u]:5",
            "PYRO:a@b c:5",
            "PYRO:a@./u:",
            "PYROMETA:a,b",
            "http:a@b:1",
        ] {
            let error = text.parse::<Uri>().unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Uri { .. }), "{text}");
        }
    }
}
