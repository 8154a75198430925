//! [`Datagrams`]: short questions to everybody near by UDP, and answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::stream::POLL;
use crate::{Interrupt, Result, wait};

/// A UDP socket of IPv4 that may ask all machines of a network at once.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    interrupt: Interrupt,
}

impl Datagrams {
    /// At this address; port 0 is any that is free. The interrupt ends waiting, within 200 ms.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(ip: Ipv4Addr, port: u16, interrupt: Interrupt) -> Result<Self> {
        let socket = UdpSocket::bind((ip, port))?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, interrupt })
    }

    /// The port it has.
    ///
    /// # Errors
    /// What the system says.
    pub fn port(&self) -> Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Sends one; whether it arrives, nobody knows.
    ///
    /// # Errors
    /// What the system says: no network leads there.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) -> Result<()> {
        self.socket.send_to(bytes, to)?;
        Ok(())
    }

    /// The next one, and who sent it; what is longer than `buf` is cut off. `None` if none has come in time.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], what the system says.
    pub fn recv(&self, buf: &mut [u8], within: Duration) -> Result<Option<(usize, SocketAddr)>> {
        let started = Instant::now();
        loop {
            self.interrupt.check()?;
            match self.socket.recv_from(buf) {
                Ok(received) => return Ok(Some(received)),
                // What nobody took, of those that were sent: the system tells the next one who asks.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            let left = within.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            wait::readable(&self.socket, left.min(POLL))?;
        }
    }

    /// The address of this machine that one there reaches.
    ///
    /// # Errors
    /// What the system says: no network leads there.
    pub fn address_towards(peer: SocketAddr) -> Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Nothing is sent by this.
        socket.connect(peer)?;
        Ok(socket.local_addr()?.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_answered_and_silence_ends() {
        let local = Ipv4Addr::LOCALHOST;
        let bind = || Datagrams::bind(local, 0, Interrupt::new()).unwrap();
        let (one, other) = (bind(), bind());
        let place = SocketAddr::from((local, other.port().unwrap()));
        one.send(b"where?", place).unwrap();
        let mut buf = [0; 100];
        let patience = Duration::from_secs(10);
        let (n, from) = other.recv(&mut buf, patience).unwrap().unwrap();
        assert_eq!(&buf[..n], b"where?");
        assert_eq!(Datagrams::address_towards(from).unwrap(), IpAddr::V4(local));
        other.send(b"here", from).unwrap();
        let (n, _) = one.recv(&mut buf, patience).unwrap().unwrap();
        assert_eq!(&buf[..n], b"here");
        let silence = one.recv(&mut buf, Duration::from_millis(50)).unwrap();
        assert!(silence.is_none());
    }
}
