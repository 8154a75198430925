//! [`Exchange`]: bytes over a socket, as many as are asked for, with a patience that ends.

use std::fmt;
use std::io::{self, IoSlice, Read};
use std::time::Duration;

use bytes::Bytes;

use crate::net::{self, SocketListener, Wire};
use crate::patience::{Patience, Progress, Wait, is_no_end};
use crate::stream::POLL;
use crate::{
    BigBuffer, Error, Framing, Interrupt, LinkOptions, Result, Stream, TlsOptions, Url, wait,
};

/// How to talk to a peer, byte by byte.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// How long connecting may take, name look-up and all.
    pub connect_timeout: Duration,
    /// How long a peer may be silent, or drip less than 256 bytes a second.
    pub timeout: Duration,
    /// Over `tls://`: whom to believe, and who this side is.
    pub tls: TlsOptions,
    /// Stops whatever waits, within 200 ms.
    pub interrupt: Interrupt,
}

impl Default for ExchangeOptions {
    /// 10 seconds to connect, then 60 seconds of silence.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            tls: TlsOptions::default(),
            interrupt: Interrupt::new(),
        }
    }
}

impl ExchangeOptions {
    /// There are no frames here.
    fn link(&self) -> LinkOptions {
        let framing = Framing {
            head_nbytes: 1,
            frame_nbytes: |_| Ok(1),
        };
        let mut options = LinkOptions::new(framing);
        options.connect_timeout = self.connect_timeout;
        options.timeout = self.timeout;
        options.greeting_timeout = self.connect_timeout;
        options.tls = self.tls.clone();
        options.interrupt = self.interrupt.clone();
        options
    }
}

/// A connected socket, for protocols that say themselves how much comes next. What is large comes into memory of its own,
/// and goes from where it lies.
pub struct Exchange {
    input: Input,
    patience: Patience,
}

/// What comes, a few KiB of it at a time where little is asked for: asking the system costs more than such a copy.
struct Input {
    stream: Wire,
    ahead: Vec<u8>,
    /// How much of that is used.
    used: usize,
}

/// Bytes that are read ahead.
const AHEAD_NBYTES: usize = 4 << 10;

impl Input {
    fn has_ahead(&self) -> bool {
        self.used < self.ahead.len()
    }

    /// Reads ahead, if nothing is there.
    fn look_ahead(&mut self) -> io::Result<()> {
        self.used = 0;
        self.ahead.resize(AHEAD_NBYTES, 0);
        let read = self.stream.read(&mut self.ahead);
        self.ahead.truncate(*read.as_ref().unwrap_or(&0));
        read.map(drop)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.has_ahead() {
            if buf.len() >= AHEAD_NBYTES {
                return self.stream.read(buf);
            }
            self.look_ahead()?;
        }
        let ready = &self.ahead[self.used..];
        let n = ready.len().min(buf.len());
        buf[..n].copy_from_slice(&ready[..n]);
        self.used += n;
        Ok(n)
    }
}

impl Exchange {
    /// Connects by TCP, by TLS or to a Unix socket.
    ///
    /// # Errors
    /// As [`crate::connect`]; [`Error::NotBuilt`] for other transports.
    pub fn connect(url: &Url, options: &ExchangeOptions) -> Result<Self> {
        options.interrupt.check()?;
        let link = options.link();
        let stream: Wire = match url {
            Url::Tcp { .. } | Url::Unix(_) => Box::new(net::connect(url, &link)?),
            #[cfg(feature = "tls")]
            Url::Tls { host, pin, .. } => {
                // What is wrong with the options is found before anybody is called.
                let caller = crate::tls::Caller::new(host, *pin, &link.tls)?;
                Box::new(caller.call(net::connect(url, &link)?, &link)?)
            }
            other => return Err(not_built(other)),
        };
        Ok(Self::over(stream, options))
    }

    fn over(stream: Wire, options: &ExchangeOptions) -> Self {
        let input = Input {
            stream,
            ahead: Vec::new(),
            used: 0,
        };
        Self {
            input,
            patience: Patience::new(options.timeout, options.interrupt.clone()),
        }
    }

    /// Fills `buf`. False if the other side has closed before the first byte.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Silent`], [`Error::Slow`], [`Error::Interrupted`], what the system says.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<bool> {
        let mut wait = self.patience.begin();
        let mut have = 0;
        while have < buf.len() {
            match wait.until(|| self.input.read(&mut buf[have..]))? {
                0 if have == 0 => return Ok(false),
                0 => {
                    let (received, needed) = (have as u64, buf.len() as u64);
                    return Err(Error::Closed { received, needed });
                }
                n => have += n,
            }
        }
        Ok(true)
    }

    /// So many bytes, in memory of their own that grows as they come.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_bytes(&mut self, nbytes: u64) -> Result<Bytes> {
        let mut patient = Patient {
            input: &mut self.input,
            wait: self.patience.begin(),
        };
        match BigBuffer::read_claimed(&mut patient, nbytes) {
            Ok(buffer) => Ok(buffer.into_bytes()),
            Err(Error::TooShort { end, needed }) => Err(Error::Closed {
                received: end,
                needed,
            }),
            Err(error) => Err(error),
        }
    }

    /// Some of the bytes that are due, at most as many as `buf` has room for; 0 if none are due any more.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_due(&mut self, due: &mut Due, buf: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(due.left()).unwrap_or(usize::MAX);
        let most = left.min(buf.len());
        if most == 0 {
            return Ok(0);
        }
        let mut wait = self.patience.go_on(due.progress);
        let n = wait.until(|| self.input.read(&mut buf[..most]))?;
        due.progress = wait.progress();
        if n == 0 {
            let (received, needed) = (due.received, due.nbytes);
            return Err(Error::Closed { received, needed });
        }
        due.received += n as u64;
        Ok(n)
    }

    /// Writes all parts, one after another.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn write<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.into_iter().map(IoSlice::new).collect();
        let mut left = &mut slices[..];
        // Leaves out empty parts, which would look like a closed stream.
        IoSlice::advance_slices(&mut left, 0);
        let mut wait = self.patience.begin();
        while !left.is_empty() {
            match wait.until(|| self.input.stream.write_vectored(left))? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                n => IoSlice::advance_slices(&mut left, n),
            }
            // What was encrypted goes out before more is.
            while wait.until(|| self.input.stream.push())? > 0 {}
        }
        Ok(())
    }

    /// Whether a read would not wait: something has come, or the other side has closed.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_input(&mut self) -> Result<bool> {
        Ok(self.input.has_ahead() || self.input.stream.has_input()?)
    }

    /// Waits until something has come or the other side has closed, however long; false if the time is over before.
    ///
    /// # Errors
    /// [`Error::Interrupted`], what the system says.
    pub fn wait_for_input(&mut self, at_most: Option<Duration>) -> Result<bool> {
        let started = std::time::Instant::now();
        loop {
            self.patience.interrupt.check()?;
            // Which gives up now and then, and is what is done next in any case.
            if self.input.has_ahead() {
                return Ok(true);
            }
            match self.input.look_ahead() {
                Ok(()) => return Ok(true),
                Err(error) if is_no_end(&error) => {}
                Err(error) => return Err(error.into()),
            }
            if at_most.is_some_and(|at_most| started.elapsed() >= at_most) {
                return Ok(false);
            }
        }
    }

    /// How long the other side may be silent from now on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.patience.timeout = timeout;
    }

    /// All that follows must be done within this time, whatever moves; `None` ends that.
    pub fn set_deadline(&mut self, within: Option<Duration>) {
        self.patience.set_deadline(within);
    }

    /// The other side, for people to read.
    pub fn peer(&self) -> String {
        self.input.stream.peer()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange with {}", self.peer())
    }
}

/// Bytes that are due next, to be read a few at a time: [`Exchange::read_due`].
#[derive(Clone, Debug)]
pub struct Due {
    nbytes: u64,
    received: u64,
    progress: Progress,
}

impl Due {
    /// So many, from now on.
    pub fn new(nbytes: u64) -> Self {
        Self {
            nbytes,
            received: 0,
            progress: Progress::new(),
        }
    }

    /// How many have not come yet.
    pub fn left(&self) -> u64 {
        self.nbytes - self.received
    }
}

/// A stream whose reads wait for as long as the patience lasts. Its errors are ours, inside of those of `std`.
struct Patient<'a> {
    input: &'a mut Input,
    wait: Wait<'a>,
}

impl Read for Patient<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.wait.until(|| self.input.read(buf));
        read.map_err(io::Error::other)
    }
}

fn not_built(url: &Url) -> Error {
    let scheme = match url {
        Url::Tls { .. } => "tls",
        _ => "this",
    };
    Error::NotBuilt { scheme }
}

/// Waits for peers that connect.
#[derive(Debug)]
pub struct ExchangeListener {
    listener: SocketListener,
    options: ExchangeOptions,
}

impl ExchangeListener {
    /// Listens at a TCP port, with TLS over it or not, or a Unix socket. A hand-shake of TLS is done when the peer is read
    /// from.
    ///
    /// # Errors
    /// As [`crate::Listener::bind`]; [`Error::NotBuilt`] for other transports.
    pub fn bind(url: &Url, options: ExchangeOptions) -> Result<Self> {
        match url {
            Url::Tcp { .. } | Url::Unix(_) => {}
            Url::Tls { .. } if cfg!(feature = "tls") => {}
            other => return Err(not_built(other)),
        }
        let listener = SocketListener::bind(url, &options.link())?;
        Ok(Self { listener, options })
    }

    /// Where it listens, with the real port.
    pub fn url(&self) -> &Url {
        self.listener.url()
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        self.listener.is_local()
    }

    /// The next peer; `None` if none has come in time.
    ///
    /// # Errors
    /// [`Error::Interrupted`], what the system says.
    pub fn accept(&mut self, at_most: Duration) -> Result<Option<Exchange>> {
        let started = std::time::Instant::now();
        let options = self.options.link();
        loop {
            self.options.interrupt.check()?;
            if let Some(stream) = self.listener.accept_now(0, &options)? {
                return Ok(Some(Exchange::over(stream, &self.options)));
            }
            let left = at_most.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            for socket in self.listener.sockets().take(1) {
                wait::readable(socket, left.min(POLL))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(timeout: Duration) -> (Exchange, Exchange) {
        let options = ExchangeOptions {
            timeout,
            ..ExchangeOptions::default()
        };
        let url = "tcp://127.0.0.1:0".parse().unwrap();
        let mut listener = ExchangeListener::bind(&url, options.clone()).unwrap();
        assert!(listener.is_local());
        let client = Exchange::connect(listener.url(), &options).unwrap();
        let server = listener.accept(Duration::from_secs(5)).unwrap().unwrap();
        (client, server)
    }

    #[test]
    fn bytes_come_as_they_went_however_many() {
        let (mut client, mut server) = pair(Duration::from_secs(10));
        let large: Vec<u8> = (0..9 << 20).map(|i| (i % 251) as u8).collect();
        let sent = large.clone();
        let sender = std::thread::spawn(move || {
            client.write([&b"head"[..], b"", &sent]).unwrap();
            client
        });
        let mut head = [0; 4];
        assert!(server.read(&mut head).unwrap());
        assert_eq!(&head, b"head");
        assert!(server.read_bytes(large.len() as u64).unwrap() == large);
        drop(sender.join().unwrap());
        assert!(server.wait_for_input(None).unwrap());
        assert!(!server.read(&mut head).unwrap());
    }

    #[test]
    fn what_is_due_comes_in_pieces_and_no_more_of_it() {
        let (mut client, mut server) = pair(Duration::from_secs(20));
        client.write([&b"abcdefghij"[..]]).unwrap();
        let (mut due, mut buf, mut all) = (Due::new(8), [0; 3], Vec::new());
        while due.left() > 0 {
            let n = server.read_due(&mut due, &mut buf).unwrap();
            all.extend_from_slice(&buf[..n]);
        }
        assert_eq!(all, b"abcdefgh");
        assert_eq!(server.read_due(&mut due, &mut buf).unwrap(), 0);
        server.set_timeout(Duration::from_millis(300));
        let mut due = Due::new(9);
        assert_eq!(server.read_due(&mut due, &mut buf).unwrap(), 2);
        let error = server.read_due(&mut due, &mut buf).unwrap_err();
        assert!(
            matches!(error, Error::Silent(_) | Error::Slow { .. }),
            "{error}"
        );
        server.set_timeout(Duration::from_secs(20));
        drop(client);
        let error = server.read_due(&mut Due::new(5), &mut buf).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Closed {
                    received: 0,
                    needed: 5
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn more_parts_than_the_system_takes_at_once_go_all_the_same() {
        let (mut client, mut server) = pair(Duration::from_secs(10));
        let parts: Vec<[u8; 3]> = (0..5000).map(|i| [i as u8, (i >> 8) as u8, 7]).collect();
        client.write(parts.iter().map(|part| &part[..])).unwrap();
        let read = server.read_bytes(15_000).unwrap();
        assert!(read == parts.concat());
    }

    #[test]
    fn those_who_close_or_are_silent_in_the_middle_are_errors() {
        let (mut client, mut server) = pair(Duration::from_secs(20));
        client.write([&b"abc"[..]]).unwrap();
        server.set_timeout(Duration::from_millis(300));
        let error = server.read_bytes(1 << 40).unwrap_err();
        assert!(
            matches!(error, Error::Silent(_) | Error::Slow { .. }),
            "{error}"
        );
        server.set_timeout(Duration::from_secs(20));
        client.write([&b"abc"[..]]).unwrap();
        drop(client);
        let error = server.read_bytes(1 << 40).unwrap_err();
        assert!(
            matches!(error, Error::Closed { received: 3, .. }),
            "{error}"
        );
    }
}
