//! TLS over sockets: version 1.3 alone.

mod problem;
mod trust;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::net::{OverSocket, Socket, Wire};
use crate::patience::Patience;
use crate::stream::Stream;
use crate::{Error, LinkOptions, Pin, Result, TlsOptions, wait};

pub use problem::TlsProblem;

/// What of a record's bytes is read at a time, once there are many; until then, 4 KiB are.
const RAW: usize = 128 << 10;

/// How many bytes count as many. More than a greeting, so that a peer which has not been let in has no such buffer.
const MANY: u64 = 64 << 10;

/// Bytes that are encrypted at a time.
const WRITE: usize = 256 << 10;

/// Records without a byte for us, such as tickets, that are looked at in one go.
const IDLE_RECORDS: usize = 16;

/// RFC 9266, section 4.2.
const BINDING: &[u8] = b"EXPORTER-Channel-Binding";

/// A socket with TLS over it. The hand-shake goes on as it is read from, and comes before the first byte; never does a
/// call wait longer than one of the socket's.
#[derive(Debug)]
pub(crate) struct TlsSocket {
    socket: Socket,
    connection: Connection,
    /// Known from the end of the hand-shake on.
    binding: Option<[u8; 32]>,
    raw: Vec<u8>,
    /// What of it has not been looked at.
    start: usize,
    end: usize,
    taken: u64,
    is_finishing: bool,
}

impl TlsSocket {
    fn new(socket: Socket, mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(WRITE));
        Self {
            socket,
            connection,
            binding: None,
            raw: Vec::new(),
            start: 0,
            end: 0,
            taken: 0,
            is_finishing: false,
        }
    }

    /// Until both sides know each other.
    fn shake_hands(&mut self, options: &LinkOptions) -> Result<()> {
        let mut patience = Patience::new(options.timeout, options.interrupt.clone());
        patience.set_deadline(Some(options.greeting_timeout));
        let mut wait = patience.begin();
        while self.binding.is_none() {
            while wait.until(|| self.push())? > 0 {}
            wait.until(|| self.take())?;
        }
        while wait.until(|| self.push())? > 0 {}
        Ok(())
    }

    /// Looks at what has come, which it reads from the socket if there is nothing left; gives how many bytes these were, 0
    /// if no more can come.
    fn take(&mut self) -> io::Result<usize> {
        if self.start == self.end && self.taken < MANY {
            let n = self.connection.read_tls(&mut self.socket)?;
            self.taken += n as u64;
            return self.digest(n);
        }
        if self.start == self.end {
            self.raw.resize(RAW, 0);
            let n = self.socket.read(&mut self.raw)?;
            self.taken += n as u64;
            (self.start, self.end) = (0, n);
        }
        let mut left = &self.raw[self.start..self.end];
        let n = self.connection.read_tls(&mut left)?;
        self.start += n;
        self.digest(n)
    }

    fn digest(&mut self, n: usize) -> io::Result<usize> {
        let shaking = self.connection.is_handshaking();
        if let Err(error) = self.connection.process_new_packets() {
            // The other side is told why, if it still listens.
            let _ = self.connection.write_tls(&mut self.socket);
            return Err(TlsProblem::of(error, shaking).into());
        }
        if shaking && n == 0 {
            return Err(TlsProblem::HungUp.into());
        }
        if shaking && !self.connection.is_handshaking() {
            let binding = self
                .connection
                .export_keying_material([0; 32], BINDING, Some(&[]))
                .map_err(|error| io::Error::from(TlsProblem::of(error, false)))?;
            self.binding = Some(binding);
        }
        if self.connection.wants_write() {
            // What cannot be written now is later, and that the other side is gone is found by reading.
            let _ = self.connection.write_tls(&mut self.socket);
        }
        Ok(n)
    }

    /// Bytes that were decrypted and have not been read, or the end.
    fn is_told(&mut self) -> bool {
        self.connection.process_new_packets().map_or(true, |state| {
            state.plaintext_bytes_to_read() > 0 || state.peer_has_closed()
        })
    }
}

impl Read for TlsSocket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        let mut has_read = false;
        loop {
            if self.binding.is_some() && done < buf.len() {
                match self.connection.reader().read(&mut buf[done..]) {
                    Ok(0) => return Ok(done),
                    Ok(n) => done += n,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) if done > 0 => return Ok(done),
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                        return Err(TlsProblem::CutOff.into());
                    }
                    Err(error) => return Err(error),
                }
            }
            if done == buf.len() || self.start == self.end && done > 0 {
                return Ok(done);
            }
            if self.start == self.end {
                if has_read {
                    return Err(ErrorKind::WouldBlock.into());
                }
                has_read = true;
            }
            match self.take() {
                // It comes again next time.
                Err(_) if done > 0 => return Ok(done),
                taken => taken?,
            };
        }
    }
}

impl Write for TlsSocket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// Encrypts; [`Stream::push`] sends.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.connection.writer().write_vectored(parts)? {
            0 if parts.iter().any(|part| !part.is_empty()) => Err(ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for TlsSocket {
    fn has_input(&mut self) -> io::Result<bool> {
        for _ in 0..IDLE_RECORDS {
            if self.is_told() {
                return Ok(true);
            }
            if self.start == self.end && !wait::readable(self.socket.socket(), Duration::ZERO)? {
                return Ok(false);
            }
            // Reading tells what is wrong.
            match self.take() {
                Ok(0) => return Ok(true),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Ok(true),
                _ => {}
            }
        }
        Ok(self.is_told())
    }

    fn push(&mut self) -> io::Result<usize> {
        if !self.connection.wants_write() {
            return Ok(0);
        }
        match self.connection.write_tls(&mut self.socket)? {
            0 => Err(ErrorKind::WriteZero.into()),
            n => Ok(n),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.is_finishing {
            self.connection.send_close_notify();
            self.is_finishing = true;
        }
        while self.push()? > 0 {}
        self.socket.finish()
    }

    fn taken(&self) -> u64 {
        self.taken
    }

    fn peer(&self) -> String {
        self.socket.peer()
    }

    fn binding(&self) -> [u8; 32] {
        self.binding.unwrap_or_default()
    }
}

impl OverSocket for TlsSocket {
    fn socket(&self) -> &socket2::Socket {
        self.socket.socket()
    }

    fn plain(self: Box<Self>) -> std::result::Result<Socket, Wire> {
        Err(self)
    }
}

/// Who connects: what it wants of the other side's certificate.
pub(crate) struct Caller {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Caller {
    pub(crate) fn new(host: &str, pin: Option<Pin>, options: &TlsOptions) -> Result<Self> {
        let pin = match (pin, options.pin) {
            (Some(one), Some(other)) if one != other => return Err(TlsProblem::TwoPins.into()),
            (one, other) => one.or(other),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Url {
            url: host.to_owned(),
            problem: "its host is neither a name nor an address",
        })?;
        let config = trust::client_config(
            pin,
            options.authorities.as_deref(),
            options.identity.as_ref(),
        )?;
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    /// The hand-shake, within `greeting_timeout`.
    pub(crate) fn call(self, socket: Socket, options: &LinkOptions) -> Result<TlsSocket> {
        let connection = ClientConnection::new(self.config, self.name)
            .map_err(|error| TlsProblem::of(error, true))?;
        let mut socket = TlsSocket::new(socket, connection.into());
        socket.shake_hands(options)?;
        Ok(socket)
    }
}

/// Who listens: its certificate.
#[derive(Debug)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
    pin: Pin,
}

impl Acceptor {
    pub(crate) fn new(options: &TlsOptions) -> Result<Self> {
        let callers = options.client_authorities.as_deref();
        let (config, pin) = trust::server_config(options.identity.as_ref(), callers)?;
        Ok(Self {
            config: Arc::new(config),
            pin,
        })
    }

    /// What its certificate is known by.
    pub(crate) fn pin(&self) -> Pin {
        self.pin
    }

    /// The hand-shake is still to come.
    pub(crate) fn accept(&self, socket: Socket) -> Result<TlsSocket> {
        let connection = ServerConnection::new(Arc::clone(&self.config))
            .map_err(|error| TlsProblem::of(error, true))?;
        Ok(TlsSocket::new(socket, connection.into()))
    }
}
