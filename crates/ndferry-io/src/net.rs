//! Sockets, TCP and Unix.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};

#[cfg(all(feature = "shm", target_os = "linux"))]
use crate::shm::Descriptors;
use crate::stream::{POLL, Stream};
#[cfg(feature = "tls")]
use crate::tls::Acceptor;
#[cfg(feature = "zmq")]
use crate::zmq::ZmqStream;
use crate::{Error, LinkOptions, Result, Url, wait};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// How long to wait for descriptors or memory to come back.
const SHORTAGE: Duration = Duration::from_millis(50);

/// A connected socket, TCP or Unix.
#[derive(Debug)]
pub struct Socket {
    socket: socket2::Socket,
    peer: String,
    /// Those that come with bytes; `None` has the system throw them away.
    #[cfg(all(feature = "shm", target_os = "linux"))]
    descriptors: Option<Descriptors>,
}

impl Socket {
    fn new(socket: socket2::Socket, peer: String) -> io::Result<Self> {
        let is_tcp = !socket.local_addr()?.is_unix();
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(POLL))?;
        socket.set_write_timeout(Some(POLL))?;
        if is_tcp {
            // Small messages at the end of a transfer must not wait for more.
            socket.set_tcp_nodelay(true)?;
        }
        Ok(Self {
            socket,
            peer,
            #[cfg(all(feature = "shm", target_os = "linux"))]
            descriptors: None,
        })
    }

    /// Keeps descriptors from here on; `ahead` bytes were read that are still to be looked at.
    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn take_descriptors(&mut self, ahead: u64) {
        self.descriptors = Some(Descriptors::after(ahead));
    }

    /// The descriptor that came with the `nbytes` bytes that begin `ahead` bytes before the end of what was read.
    #[cfg(all(feature = "shm", target_os = "linux"))]
    pub(crate) fn descriptor(
        &mut self,
        ahead: u64,
        nbytes: u64,
    ) -> Result<Option<std::os::fd::OwnedFd>> {
        match &mut self.descriptors {
            Some(descriptors) => descriptors.of(ahead, nbytes),
            None => Ok(None),
        }
    }
}

/// What is spoken over a socket.
pub(crate) trait OverSocket: Stream {
    /// The socket itself, to wait for.
    fn socket(&self) -> &socket2::Socket;

    /// Whether bytes have come that the next read works on without asking the socket.
    fn holds_input(&self) -> bool {
        false
    }

    /// Whether the peer is to be let in before it has sent a whole frame.
    fn is_let_in(&self) -> bool {
        false
    }

    /// The socket itself, if nothing else is spoken over it.
    fn plain(self: Box<Self>) -> std::result::Result<Socket, Wire>;
}

impl OverSocket for Socket {
    fn socket(&self) -> &socket2::Socket {
        &self.socket
    }

    fn plain(self: Box<Self>) -> std::result::Result<Socket, Wire> {
        Ok(*self)
    }
}

/// One of them.
pub(crate) type Wire = Box<dyn OverSocket>;

impl Stream for Wire {
    fn has_input(&mut self) -> io::Result<bool> {
        (**self).has_input()
    }

    fn push(&mut self) -> io::Result<usize> {
        (**self).push()
    }

    fn finish(&mut self) -> io::Result<()> {
        (**self).finish()
    }

    fn taken(&self) -> u64 {
        (**self).taken()
    }

    fn answers(&self) -> bool {
        (**self).answers()
    }

    fn counts_messages(&self) -> bool {
        (**self).counts_messages()
    }

    fn peer(&self) -> String {
        (**self).peer()
    }

    fn binding(&self) -> [u8; 32] {
        (**self).binding()
    }

    fn heads(&mut self, parts: &[&[u8]], bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
        (**self).heads(parts, bytes, ends);
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        #[cfg(all(feature = "shm", target_os = "linux"))]
        if let Some(descriptors) = &mut self.descriptors {
            return descriptors.read(&self.socket, buf);
        }
        self.socket.read(buf)
    }

    fn read_vectored(&mut self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        #[cfg(all(feature = "shm", target_os = "linux"))]
        if let (Some(_), Some(first)) = (&self.descriptors, parts.first_mut()) {
            return self.read(first);
        }
        self.socket.read_vectored(parts)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send_with_flags(buf, NO_SIGNAL)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let some = &parts[..parts.len().min(PARTS)];
        self.socket.send_vectored_with_flags(some, NO_SIGNAL)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The system takes no more parts at a time (`IOV_MAX`), or refuses all of them.
const PARTS: usize = 1024;

/// A peer that went away is an error, not a SIGPIPE that ends a program which has not asked to ignore it.
#[cfg(not(any(windows, target_vendor = "apple")))]
const NO_SIGNAL: i32 = rustix::net::SendFlags::NOSIGNAL.bits() as i32;
/// Windows has no such signal; on Apple's systems `socket2` sets `SO_NOSIGPIPE`.
#[cfg(any(windows, target_vendor = "apple"))]
const NO_SIGNAL: i32 = 0;

impl Stream for Socket {
    fn has_input(&mut self) -> io::Result<bool> {
        wait::readable(&self.socket, Duration::ZERO)
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.socket.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}

/// Connects. Name look-up and connecting may block for long, whatever the interrupt says; so they have a thread, which is
/// left behind when we give up and ends by itself.
pub(crate) fn connect(url: &Url, options: &LinkOptions) -> Result<Socket> {
    let timeout = options.connect_timeout;
    let (sender, receiver) = mpsc::channel();
    let to = url.clone();
    std::thread::Builder::new()
        .name("connect".to_owned())
        .spawn(move || {
            let connected = match &to {
                Url::Tcp { host, port } | Url::Tls { host, port, .. } => {
                    connect_tcp(host, *port, timeout)
                }
                Url::Unix(path) | Url::Shm(path) => connect_unix(path, timeout),
                #[cfg(feature = "zmq")]
                Url::ZmqTcp { host, port } => connect_tcp(host, *port, timeout),
                #[cfg(feature = "zmq")]
                Url::ZmqIpc(path) => connect_unix(path, timeout),
                Url::ShmOrTcp { host, port } => match connect_here(host, *port) {
                    Ok(Some(socket)) => Ok(socket),
                    Ok(None) => connect_tcp(host, *port, timeout),
                    Err(error) => Err(error),
                },
                Url::Pipe => Err(Error::OneWay("-")),
            };
            // Nobody listens if we have given up.
            let _ = sender.send(connected);
        })?;
    let started = Instant::now();
    let socket = loop {
        match receiver.recv_timeout(POLL) {
            Ok(connected) => break connected?,
            Err(RecvTimeoutError::Timeout) => {
                options.interrupt.check()?;
                if started.elapsed() >= timeout {
                    return Err(Error::ConnectTimeout(timeout));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the connecting thread ended early").into());
            }
        }
    };
    Ok(Socket::new(socket, url.to_string())?)
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> Result<socket2::Socket> {
    each_address(host, port, |address| {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.connect_timeout(&address.into(), timeout)?;
        Ok(socket)
    })
}

fn connect_unix(path: &Path, timeout: Duration) -> Result<socket2::Socket> {
    let socket = unix_socket()?;
    // Connecting waits while the listener's queue is full (`man 7 unix`).
    socket.set_write_timeout(Some(timeout))?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// Where a listener at this address of this machine can be reached by a Unix socket as well: a name that is no file, which
/// only processes of the same network namespace see (`man 7 unix`, abstract).
#[cfg(target_os = "linux")]
fn beside(address: SocketAddr) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    std::os::unix::net::SocketAddr::from_abstract_name(format!("ndferry/{address}"))
}

/// A Unix socket to the same listener that TCP would reach, if that is on this machine and has one, and belongs to the same
/// user: anybody else could have taken the name.
#[cfg(all(feature = "shm", target_os = "linux"))]
fn connect_here(host: &str, port: u16) -> Result<Option<socket2::Socket>> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

    for address in (host, port).to_socket_addrs()? {
        // Only addresses of its own can be bound.
        if UdpSocket::bind((address.ip(), 0)).is_err() {
            continue;
        }
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        for ip in [address.ip(), any] {
            let name = beside((ip, port).into())?;
            let Ok(stream) = std::os::unix::net::UnixStream::connect_addr(&name) else {
                continue;
            };
            let listener = rustix::net::sockopt::socket_peercred(&stream);
            if listener.is_ok_and(|listener| listener.uid == rustix::process::geteuid()) {
                return Ok(Some(stream.into()));
            }
        }
    }
    Ok(None)
}

#[cfg(not(all(feature = "shm", target_os = "linux")))]
fn connect_here(_: &str, _: u16) -> Result<Option<socket2::Socket>> {
    Ok(None)
}

/// The first address of a host that works, or the last one's error.
fn each_address<T>(
    host: &str,
    port: u16,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> Result<T> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match attempt(address) {
            Ok(done) => return Ok(done),
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

/// A socket that waits for peers.
#[derive(Debug)]
pub(crate) struct SocketListener {
    socket: socket2::Socket,
    url: Url,
    /// The socket's file, removed in the end.
    path: Option<PathBuf>,
    /// Where processes of this machine come in that have something to share.
    beside: Option<socket2::Socket>,
    #[cfg(feature = "tls")]
    tls: Option<Acceptor>,
}

impl SocketListener {
    pub(crate) fn bind(url: &Url, options: &LinkOptions) -> Result<Self> {
        #[cfg(feature = "tls")]
        let tls = match url {
            Url::Tls { .. } => Some(Acceptor::new(&options.tls)?),
            _ => None,
        };
        #[cfg(not(feature = "tls"))]
        let _ = options;
        let (socket, url, path) = match url {
            Url::Tcp { host, port } => {
                let (socket, port) = bind_tcp(host, *port)?;
                let host = host.clone();
                (socket, Url::Tcp { host, port }, None)
            }
            #[cfg(feature = "tls")]
            Url::Tls { host, port, .. } => {
                let (socket, port) = bind_tcp(host, *port)?;
                let (host, pin) = (host.clone(), tls.as_ref().map(Acceptor::pin));
                (socket, Url::Tls { host, port, pin }, None)
            }
            #[cfg(not(feature = "tls"))]
            Url::Tls { .. } => return Err(Error::NotBuilt { scheme: "tls" }),
            Url::ShmOrTcp { host, port } => {
                let (socket, port) = bind_tcp(host, *port)?;
                let host = host.clone();
                (socket, Url::ShmOrTcp { host, port }, None)
            }
            Url::Unix(path) | Url::Shm(path) => bind_unix(path, url)?,
            #[cfg(feature = "zmq")]
            Url::ZmqTcp { host, port } => {
                let (socket, port) = bind_tcp(host, *port)?;
                let host = host.clone();
                (socket, Url::ZmqTcp { host, port }, None)
            }
            #[cfg(feature = "zmq")]
            Url::ZmqIpc(path) => bind_unix(path, url)?,
            Url::Pipe => return Err(Error::OneWay("-")),
        };
        socket.listen(BACKLOG)?;
        // A peer that went away between poll and accept must not block us.
        socket.set_nonblocking(true)?;
        let beside = match url {
            // Without it everybody comes by TCP.
            Url::ShmOrTcp { .. } => listen_beside(&socket).ok(),
            _ => None,
        };
        Ok(Self {
            socket,
            url,
            path,
            beside,
            #[cfg(feature = "tls")]
            tls,
        })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What becomes readable when a peer has connected.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = &socket2::Socket> {
        std::iter::once(&self.socket).chain(&self.beside)
    }

    /// Whether it is a Unix socket, or an address of the loopback interface.
    pub(crate) fn is_local(&self) -> bool {
        let address = self.socket.local_addr().ok();
        match address.and_then(|address| address.as_socket()) {
            Some(address) => address.ip().to_canonical().is_loopback(),
            // A Unix socket.
            None => true,
        }
    }

    /// The next peer at one of its sockets, if there is one.
    pub(crate) fn accept_now(&self, at: usize, options: &LinkOptions) -> Result<Option<Wire>> {
        let Some(socket) = self.sockets().nth(at) else {
            return Ok(None);
        };
        match socket.accept() {
            // What goes wrong with a socket that is there concerns that peer alone: it may have left already.
            Ok((socket, address)) => Ok(self.welcome(socket, &address, options).ok()),
            Err(error) if is_shortage(&error) => {
                std::thread::sleep(SHORTAGE);
                Ok(None)
            }
            Err(error) if is_about_the_peer(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn welcome(
        &self,
        socket: socket2::Socket,
        address: &SockAddr,
        options: &LinkOptions,
    ) -> Result<Wire> {
        let peer = match (address.as_socket(), &self.url) {
            (Some(address), Url::Tls { .. }) => format!("tls://{address}"),
            (Some(address), url) if url.is_zmq() => format!("zmq+tcp://{address}"),
            (Some(address), _) => format!("tcp://{address}"),
            (None, url) => url.to_string(),
        };
        let socket = Socket::new(socket, peer)?;
        #[cfg(feature = "zmq")]
        if self.url.is_zmq() {
            return Ok(Box::new(ZmqStream::accepted(socket, &options.zmq)?));
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok(Box::new(tls.accept(socket)?));
        }
        let _ = options;
        Ok(Box::new(socket))
    }
}

#[cfg(target_os = "linux")]
fn listen_beside(tcp: &socket2::Socket) -> io::Result<socket2::Socket> {
    use std::os::unix::net::UnixListener;

    let address = tcp.local_addr()?.as_socket();
    let address = address.ok_or(io::ErrorKind::Unsupported)?;
    let socket = UnixListener::bind_addr(&beside(address)?)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(not(target_os = "linux"))]
fn listen_beside(_: &socket2::Socket) -> io::Result<socket2::Socket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Too many descriptors or too little memory: others will give some back.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(
            Errno::from_io_error(error),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS)
        )
}

/// Errors of a connection that broke before it was accepted; Linux passes them on here (`man 2 accept`).
fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, TimedOut, WouldBlock,
    };
    use rustix::io::Errno;
    matches!(
        error.kind(),
        WouldBlock
            | Interrupted
            | ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    ) || Errno::from_io_error(error) == Some(Errno::PROTO)
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind_tcp(host: &str, port: u16) -> Result<(socket2::Socket, u16)> {
    each_address(host, port, |address| {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // Otherwise a port stays taken for minutes after its last connection; on Windows it would allow stealing it.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        let bound = socket.local_addr()?.as_socket();
        Ok((socket, bound.map_or(port, |bound| bound.port())))
    })
}

fn bind_unix(path: &Path, url: &Url) -> Result<(socket2::Socket, Url, Option<PathBuf>)> {
    remove_stale(path)?;
    let socket = unix_socket()?;
    socket.bind(&SockAddr::unix(path)?)?;
    Ok((socket, url.clone(), Some(path.to_owned())))
}

/// Removes the file of a Unix socket that nobody listens at.
fn remove_stale(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let is_socket =
            std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
        if is_socket {
            let socket = unix_socket()?;
            // Somebody whose queue is full is there, too.
            socket.set_nonblocking(true)?;
            let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            if socket.connect(&SockAddr::unix(path)?).is_err_and(refused) {
                std::fs::remove_file(path)?;
            }
        }
    }
    let _ = path;
    Ok(())
}
