//! [`Url`]: where a peer is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, Pin};

/// The address of a peer. Prints as it parses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Url {
    /// `tcp://host:port`; an IPv6 address stands in brackets. Port 0 takes any free one.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `tls://host:port` or `tls://host:port#sha256=…`: the same, encrypted.
    Tls {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// The certificate of who listens there.
        pin: Option<Pin>,
    },
    /// `unix:///path`.
    Unix(PathBuf),
    /// `shm:///path`: a Unix socket, with large frames in shared memory.
    Shm(PathBuf),
    /// `shm://host:port`: the same if the host is this machine, TCP otherwise.
    ShmOrTcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `zmq+tcp://host:port`: ZeroMQ. The host `*` is any address of this machine.
    #[cfg(feature = "zmq")]
    ZmqTcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `zmq+ipc:///path`: ZeroMQ over a Unix socket.
    #[cfg(feature = "zmq")]
    ZmqIpc(PathBuf),
    /// `-`: standard input for those who listen, standard output for those who connect.
    Pipe,
}

/// Schemes of the format that this build does not have.
const PLANNED: [&str; 3] = ["tls", "zmq+tcp", "zmq+ipc"];

impl Url {
    /// Whether ZeroMQ is spoken there.
    pub fn is_zmq(&self) -> bool {
        #[cfg(feature = "zmq")]
        return matches!(self, Self::ZmqTcp { .. } | Self::ZmqIpc(_));
        #[cfg(not(feature = "zmq"))]
        false
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem| Error::Url {
            url: text.to_owned(),
            problem,
        };
        if text == "-" {
            return Ok(Self::Pipe);
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("it has no scheme such as tcp://"))?;
        match scheme {
            "tcp" => {
                let (host, port) = host_and_port(rest).map_err(wrong)?;
                Ok(Self::Tcp { host, port })
            }
            "tls" if cfg!(feature = "tls") => {
                let (rest, pin) = match rest.split_once('#') {
                    Some((rest, pin)) if pin.starts_with("sha256=") => (rest, Some(pin.parse()?)),
                    Some(_) => return Err(wrong("what follows # is not sha256=…")),
                    None => (rest, None),
                };
                let (host, port) = host_and_port(rest).map_err(wrong)?;
                Ok(Self::Tls { host, port, pin })
            }
            "shm" if !cfg!(all(feature = "shm", target_os = "linux")) => {
                Err(Error::NotBuilt { scheme: "shm" })
            }
            "shm" if rest.starts_with('/') => Ok(Self::Shm(rest.into())),
            "shm" => {
                let (host, port) = host_and_port(rest).map_err(wrong)?;
                Ok(Self::ShmOrTcp { host, port })
            }
            "unix" if rest.is_empty() => Err(wrong("it has no path")),
            "unix" => Ok(Self::Unix(rest.into())),
            #[cfg(feature = "zmq")]
            "zmq+tcp" => {
                let (host, port) = host_and_port(rest).map_err(wrong)?;
                let host = if host == "*" { "0.0.0.0" } else { &host }.to_owned();
                Ok(Self::ZmqTcp { host, port })
            }
            #[cfg(feature = "zmq")]
            "zmq+ipc" if rest.is_empty() => Err(wrong("it has no path")),
            #[cfg(feature = "zmq")]
            "zmq+ipc" => Ok(Self::ZmqIpc(rest.into())),
            _ => match PLANNED.iter().find(|planned| **planned == scheme) {
                Some(scheme) => Err(Error::NotBuilt { scheme }),
                None => Err(wrong("its scheme is not known")),
            },
        }
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']').ok_or("a bracket is missing")?,
        None if host.contains(':') => return Err("an IPv6 address needs brackets"),
        None => host,
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    let port = port
        .parse()
        .map_err(|_| "its port is not a number up to 65535")?;
    Ok((host.to_owned(), port))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |f: &mut fmt::Formatter<'_>, scheme, host: &str, port| match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        };
        match self {
            Self::Tcp { host, port } => at(f, "tcp", host, port),
            Self::Tls { host, port, pin } => {
                at(f, "tls", host, port)?;
                pin.map_or(Ok(()), |pin| write!(f, "#{pin}"))
            }
            Self::ShmOrTcp { host, port } => at(f, "shm", host, port),
            Self::Shm(path) => write!(f, "shm://{}", path.display()),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            #[cfg(feature = "zmq")]
            Self::ZmqTcp { host, port } => at(f, "zmq+tcp", host, port),
            #[cfg(feature = "zmq")]
            Self::ZmqIpc(path) => write!(f, "zmq+ipc://{}", path.display()),
            Self::Pipe => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_parse() {
        for text in [
            "tcp://127.0.0.1:0",
            "tcp://[::1]:7447",
            "tcp://host.example:65535",
            #[cfg(feature = "tls")]
            "tls://[::1]:7447",
            #[cfg(feature = "tls")]
            "tls://host:1#sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "unix:///tmp/a b",
            #[cfg(feature = "zmq")]
            "zmq+tcp://[::1]:5555",
            #[cfg(feature = "zmq")]
            "zmq+ipc:///tmp/a",
            "-",
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
    }

    #[cfg(all(feature = "shm", target_os = "linux"))]
    #[test]
    fn addresses_of_shared_memory_are_paths_or_hosts() {
        for text in ["shm:///tmp/a b", "shm://[::1]:7447", "shm://host:0"] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
        for text in ["shm://", "shm://name", "shm://host:port"] {
            assert!(matches!(text.parse::<Url>(), Err(Error::Url { .. })));
        }
    }

    #[test]
    fn others_say_what_is_wrong() {
        for text in [
            "",
            "tcp://",
            "tcp://host",
            "tcp://:1",
            "tcp://h:65536",
            "tcp://::1:5",
            "tcp://[::1:5",
            "unix://",
            "ftp://x",
            "host:1",
        ] {
            assert!(
                matches!(text.parse::<Url>(), Err(Error::Url { .. })),
                "{text}"
            );
        }
        #[cfg(not(feature = "tls"))]
        assert!(matches!(
            "tls://h:1".parse::<Url>(),
            Err(Error::NotBuilt { scheme: "tls" })
        ));
        #[cfg(feature = "tls")]
        for text in [
            "tls://h",
            "tls://h:1#",
            "tls://h:1#md5=0",
            "tls://:1#sha256=00",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
