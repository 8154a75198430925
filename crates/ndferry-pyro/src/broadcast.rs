//! Where the name server is, asked of everybody near and answered.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ndferry_io::{Datagrams, Interrupt};

use crate::name_server::NAME_SERVER;
use crate::{Result, Uri};

/// Where name servers listen for those who look for one.
pub(crate) const BROADCAST_PORT: u16 = 9091;

/// What is asked, in both Pyros.
const QUESTION: &[u8] = b"GET_NSURI";

/// Bytes of an answer, which is an address.
const ANSWER_NBYTES: usize = 1000;

/// How long somebody may take to answer; Pyro asks twice for 0.7 seconds.
const WITHIN: Duration = Duration::from_millis(700);

/// The first name server that says where it is; `None` if none does.
pub(crate) fn locate(whom: &[Ipv4Addr], port: u16, interrupt: &Interrupt) -> Result<Option<Uri>> {
    let socket = Datagrams::bind(Ipv4Addr::UNSPECIFIED, 0, interrupt.clone())?;
    for _ in 0..2 {
        let mut is_sent = false;
        for ip in whom {
            // A machine without a network still has itself.
            is_sent |= socket.send(QUESTION, (*ip, port).into()).is_ok();
        }
        if !is_sent {
            return Ok(None);
        }
        let started = Instant::now();
        let mut buf = [0; ANSWER_NBYTES];
        let left = || WITHIN.saturating_sub(started.elapsed());
        while let Some((n, _)) = socket.recv(&mut buf, left())? {
            if let Some(uri) = told(&buf[..n]) {
                return Ok(Some(uri));
            }
        }
    }
    Ok(None)
}

/// The name server that an answer tells of; anything else is none.
fn told(answer: &[u8]) -> Option<Uri> {
    let uri: Uri = std::str::from_utf8(answer).ok()?.parse().ok()?;
    let is_name_server = matches!(uri, Uri::Tcp { .. }) && uri.object() == NAME_SERVER;
    is_name_server.then_some(uri)
}

/// Tells everybody who asks where a name server is.
#[derive(Debug)]
pub struct Announcer {
    socket: Datagrams,
    uri: Uri,
}

impl Announcer {
    /// Listens at this UDP port, 9091 where programs of Pyro ask, for those who look for the name server at `uri`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`].
    pub fn bind(ip: Ipv4Addr, port: u16, uri: Uri, interrupt: Interrupt) -> Result<Self> {
        let socket = Datagrams::bind(ip, port, interrupt)?;
        Ok(Self { socket, uri })
    }

    /// The port.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`].
    pub fn port(&self) -> Result<u16> {
        Ok(self.socket.port()?)
    }

    /// Answers for so long.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]: interrupted, or what the system says.
    pub fn answer(&self, time: Duration) -> Result<()> {
        let started = Instant::now();
        let mut buf = [0; 100];
        let left = || time.saturating_sub(started.elapsed());
        while let Some((n, from)) = self.socket.recv(&mut buf, left())? {
            if &buf[..n] == QUESTION {
                let answer = self.uri_for(from).to_string();
                // Whoever asked may be out of reach again.
                let _ = self.socket.send(answer.as_bytes(), from);
            }
        }
        Ok(())
    }

    /// One that listens at all addresses is told by the one that the asker reaches.
    fn uri_for(&self, asker: SocketAddr) -> Uri {
        let mut uri = self.uri.clone();
        if let Uri::Tcp { host, .. } = &mut uri
            && host == "0.0.0.0"
            && let Ok(own) = Datagrams::address_towards(asker)
        {
            *host = own.to_string();
        }
        uri
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_name_servers_are_believed() {
        assert!(told(b"PYRO:Pyro.NameServer@host:9090").is_some());
        for answer in [
            &b""[..],
            b"GET_NSURI",
            b"PYRO:camera@host:9090",
            b"PYRONAME:Pyro.NameServer",
            b"PYRO:Pyro.NameServer@./u:/tmp/x",
            b"PYRO:Pyro.NameServer@\xff:1",
        ] {
            assert!(told(answer).is_none(), "{answer:?}");
        }
    }

    #[test]
    fn whoever_asks_is_told() {
        let uri: Uri = "PYRO:Pyro.NameServer@0.0.0.0:1234".parse().unwrap();
        let interrupt = Interrupt::new();
        let announcer = Announcer::bind(Ipv4Addr::LOCALHOST, 0, uri, interrupt.clone()).unwrap();
        let port = announcer.port().unwrap();
        // Nobody but this machine is bothered by a test.
        let ask = || locate(&[Ipv4Addr::LOCALHOST], port, &interrupt).unwrap();
        let (tell, told) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while told.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    announcer.answer(Duration::from_millis(20)).unwrap();
                }
            });
            // A machine that has much to do may not answer in time.
            let found = (0..20).find_map(|_| ask());
            drop(tell);
            let found = found.unwrap().to_string();
            assert_eq!(found, "PYRO:Pyro.NameServer@127.0.0.1:1234");
        });
        assert!(ask().is_none());
    }
}
