//! [`Pyro3Uri`]: where an object of Pyro 3 is.

use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind, Result, Value};

/// Where name servers listen.
const NAME_SERVER_PORT: u16 = 9090;
/// Where daemons listen.
const DAEMON_PORT: u16 = 7766;
/// Where an object of Pyro 3 is. Prints as it parses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pyro3Uri {
    pub(super) kind: Kind,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) object: String,
}

/// How the object is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
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

/// `PyroURI`, as name servers give it.
pub(super) fn uri_of(value: &Value) -> Option<Pyro3Uri> {
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
}
