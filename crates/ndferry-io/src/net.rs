//! Sockets: [`connect`] and [`Listener`].

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};

use crate::stream::{POLL, Stream};
use crate::{Error, Framing, Interrupt, Result, StreamTransport, Url};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// How long an idle listener sleeps.
const NAP: Duration = Duration::from_millis(5);

/// A connected socket, TCP or Unix.
#[derive(Debug)]
pub struct Socket(socket2::Socket);

/// Frames over a socket.
pub type SocketTransport = StreamTransport<Socket>;

impl Socket {
    fn new(socket: socket2::Socket, is_tcp: bool) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(POLL))?;
        socket.set_write_timeout(Some(POLL))?;
        if is_tcp {
            // Small messages at the end of a transfer must not wait for more.
            socket.set_tcp_nodelay(true)?;
        }
        Ok(Self(socket))
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Socket {
    fn has_input(&mut self) -> io::Result<bool> {
        self.0.set_nonblocking(true)?;
        let peeked = self.0.peek(&mut [MaybeUninit::uninit()]);
        self.0.set_nonblocking(false)?;
        match peeked {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                Ok(false)
            }
            // A reset: reading will report it.
            Err(_) => Ok(true),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.0.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

/// Connects to a peer that listens.
///
/// # Errors
/// [`Error::System`]; [`Error::NotBuilt`] for Unix sockets where the system has none.
pub fn connect(
    url: &Url,
    framing: Framing,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<SocketTransport> {
    interrupt.check()?;
    let (socket, is_tcp) = match url {
        Url::Tcp { host, port } => (connect_tcp(host, *port, timeout)?, true),
        Url::Unix(path) => {
            let socket = unix_socket()?;
            socket.connect(&SockAddr::unix(path)?)?;
            (socket, false)
        }
    };
    Ok(StreamTransport::new(
        Socket::new(socket, is_tcp)?,
        framing,
        timeout,
        interrupt.clone(),
    ))
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> Result<socket2::Socket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        match socket.connect_timeout(&address.into(), timeout) {
            Ok(()) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn unix_socket() -> Result<socket2::Socket> {
    if cfg!(unix) {
        Ok(socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?)
    } else {
        Err(Error::NotBuilt { scheme: "unix" })
    }
}

/// Waits for peers.
#[derive(Debug)]
pub struct Listener {
    socket: socket2::Socket,
    url: Url,
    /// The socket's file, removed in the end.
    path: Option<PathBuf>,
}

impl Listener {
    /// Listens at `url`. A Unix socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// [`Error::System`], for instance if the address is in use.
    pub fn bind(url: &Url) -> Result<Self> {
        let (socket, url, path) = match url {
            Url::Tcp { host, port } => {
                let (socket, port) = bind_tcp(host, *port)?;
                (
                    socket,
                    Url::Tcp {
                        host: host.clone(),
                        port,
                    },
                    None,
                )
            }
            Url::Unix(path) => {
                remove_stale(path)?;
                let socket = unix_socket()?;
                socket.bind(&SockAddr::unix(path)?)?;
                (socket, url.clone(), Some(path.clone()))
            }
        };
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, url, path })
    }

    /// Where it listens, with the real port.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Waits for a peer; `None` if none came in time.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::System`].
    pub fn accept(
        &self,
        framing: Framing,
        wait: Duration,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<Option<SocketTransport>> {
        let started = Instant::now();
        loop {
            interrupt.check()?;
            match self.socket.accept() {
                Ok((socket, _)) => {
                    let socket = Socket::new(socket, matches!(self.url, Url::Tcp { .. }))?;
                    return Ok(Some(StreamTransport::new(
                        socket,
                        framing,
                        timeout,
                        interrupt.clone(),
                    )));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if started.elapsed() >= wait {
                        return Ok(None);
                    }
                    std::thread::sleep(NAP.min(wait));
                }
                // A peer that went away while it waited.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind_tcp(host: &str, port: u16) -> Result<(socket2::Socket, u16)> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // Otherwise a port stays taken for minutes after its last connection; on Windows it would allow stealing it.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        match socket.bind(&address.into()) {
            Ok(()) => {
                let bound = socket.local_addr()?.as_socket();
                return Ok((socket, bound.map_or(port, |bound| bound.port())));
            }
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// Removes the file of a Unix socket that nobody listens at.
fn remove_stale(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let is_socket =
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if is_socket
            && unix_socket()?
                .connect(&SockAddr::unix(path)?)
                .is_err_and(refused)
        {
            std::fs::remove_file(path)?;
        }
    }
    let _ = path;
    Ok(())
}
