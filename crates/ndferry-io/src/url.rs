//! [`Url`]: where a peer is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

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
    /// `unix:///path`.
    Unix(PathBuf),
    /// `-`: standard input for those who listen, standard output for those who connect.
    Pipe,
}

/// Schemes of the format that this build does not have.
const PLANNED: [&str; 4] = ["tls", "zmq+tcp", "zmq+ipc", "shm"];

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
                let (host, port) = rest
                    .rsplit_once(':')
                    .ok_or_else(|| wrong("it has no port"))?;
                let host = match host.strip_prefix('[') {
                    Some(inside) => inside
                        .strip_suffix(']')
                        .ok_or_else(|| wrong("a bracket is missing"))?,
                    None if host.contains(':') => {
                        return Err(wrong("an IPv6 address needs brackets"));
                    }
                    None => host,
                };
                if host.is_empty() {
                    return Err(wrong("it has no host"));
                }
                let port = port
                    .parse()
                    .map_err(|_| wrong("its port is not a number up to 65535"))?;
                Ok(Self::Tcp {
                    host: host.to_owned(),
                    port,
                })
            }
            "unix" if rest.is_empty() => Err(wrong("it has no path")),
            "unix" => Ok(Self::Unix(rest.into())),
            _ => match PLANNED.iter().find(|planned| **planned == scheme) {
                Some(scheme) => Err(Error::NotBuilt { scheme }),
                None => Err(wrong("its scheme is not known")),
            },
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
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
            "unix:///tmp/a b",
            "-",
        ] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
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
        assert!(matches!(
            "tls://h:1".parse::<Url>(),
            Err(Error::NotBuilt { scheme: "tls" })
        ));
    }
}
