//! [`HttpFile`]: a file on a web server, read in ranges.

mod ahead;
mod answer;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ureq::http::Response;

use crate::patience::Patience;
use crate::{Interrupt, ReadAt, Result};
use ahead::{Ahead, lock};
use answer::{Span, Version, check};

/// Bytes from the start that the first request brings, and keeps: headers are there, and formats are told by them.
const HEAD: u64 = 16 << 10;

/// Bytes at the end that are fetched together, and kept: directories and indexes are there.
const END: u64 = 64 << 10;

/// The most that one request asks for.
const AT_ONCE: usize = 8 << 20;

/// Attempts at a request whose connection broke.
const ATTEMPTS: u32 = 3;

/// How often a server may send elsewhere for one answer.
const REDIRECTS: u32 = 5;

/// A file behind `http://` (and `https://` with that feature), of which only the ranges asked for are fetched
/// (RFC 9110, section 14).
///
/// A server that ignores ranges and sends the whole file is refused, and so is one whose file changes while it is read.
/// Up to five redirections are followed, though never from `https://` to `http://`; so is the environment's proxy.
/// Connections are reused. A name and a password in the address are sent as basic authentication, to its host alone.
///
/// Few requests are made: the first one brings 16 KiB, a look at the end the last 64 KiB. Who reads one piece after
/// the other is read ahead of, and parts that were told of ([`ReadAt::expect`]) come together with their neighbours.
pub struct HttpFile {
    url: String,
    agent: ureq::Agent,
    interrupt: Interrupt,
    timeout: Duration,
    nbytes: u64,
    /// What tells this version of the file from others.
    version: Version,
    head: Bytes,
    end: OnceLock<Bytes>,
    ahead: Ahead,
    fetched: AtomicU64,
    requests: AtomicU64,
}

/// Why a file on a web server cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpProblem {
    /// The server answers otherwise than with bytes.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// The server sends the whole file whatever part is asked for.
    #[error("the server ignores ranges: it cannot be read in parts")]
    NoRanges,
    /// The file is not the one that was opened.
    #[error("the file has changed on the server while it was read")]
    Changed,
    /// The server sends another part than was asked for.
    #[error("bytes {start} to {end} were asked for, the server sends {got:?}")]
    OtherRange {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Its `Content-Range`.
        got: String,
    },
    /// The server packs what it sends.
    #[error("the server sends content packed as {0:?}")]
    Packed(String),
    /// The server says two lengths.
    #[error("the server sends {said} bytes for a part of {part}")]
    Length {
        /// Its `Content-Length`.
        said: u64,
        /// Bytes of its `Content-Range`.
        part: u64,
    },
    /// The server sends fewer bytes than it says.
    #[error("the connection ended {0} bytes too early")]
    Short(u64),
    /// Not an address of a file on a web server. It is not told again, since there may be a password in it.
    #[error("not an address of a file on a web server")]
    Address,
    /// A redirection from `https://` to `http://`.
    #[error("the server sends elsewhere, where the line is not encrypted")]
    Downgrade,
    /// No answer: the connection, the name look-up, TLS.
    #[error("{0}")]
    Failed(ureq::Error),
}

impl From<ureq::Error> for HttpProblem {
    fn from(error: ureq::Error) -> Self {
        match error {
            // Both would print the address.
            ureq::Error::BadUri(_) => Self::Address,
            ureq::Error::RequireHttpsOnly(_) => Self::Downgrade,
            error => Self::Failed(error),
        }
    }
}

impl HttpFile {
    /// Asks for the first bytes, and so for the length. Gives up after `timeout` without an answer, or without a byte.
    ///
    /// # Errors
    /// [`crate::Error::Http`], [`crate::Error::Interrupted`].
    pub fn open(url: &str, timeout: Duration, interrupt: Interrupt) -> Result<Self> {
        let is_encrypted = url
            .get(..8)
            .is_some_and(|it| it.eq_ignore_ascii_case("https://"));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .https_only(is_encrypted)
            .max_redirects(REDIRECTS)
            .user_agent(concat!("ndferry/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .build();
        let mut file = Self {
            url: url.to_owned(),
            agent: config.into(),
            interrupt,
            timeout,
            nbytes: 0,
            version: Version::Unknown,
            head: Bytes::new(),
            end: OnceLock::new(),
            ahead: Ahead::default(),
            fetched: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        };
        let response = file.ask(0, HEAD)?;
        if response.status() == 416
            && Span::of(response.headers()).is_some_and(|span| span.total == 0)
        {
            // An empty file has no first byte to ask for.
            return Ok(file);
        }
        let span = check(&response, 0, HEAD)?;
        file.nbytes = span.total;
        file.version = Version::of(response.headers());
        let mut head = vec![0; (span.end - span.start) as usize];
        file.take(response, &mut head)?;
        file.head = head.into();
        Ok(file)
    }

    /// The address that was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Bytes of the file that came over the line so far.
    pub fn fetched_nbytes(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Requests made so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The answer to a request for bytes `start..end`. Broken connections are tried again: asking changes nothing.
    fn ask(&self, start: u64, end: u64) -> Result<Response<ureq::Body>> {
        let mut attempt = 1;
        loop {
            self.interrupt.check()?;
            let mut request = self
                .agent
                .get(&self.url)
                .header("Range", format!("bytes={start}-{}", end - 1))
                .header("Accept-Encoding", "identity");
            match &self.version {
                Version::Tag(tag) => request = request.header("If-Match", tag),
                Version::Modified(date) => request = request.header("If-Unmodified-Since", date),
                Version::Unknown => {}
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            match request.call() {
                Ok(response) => return Ok(response),
                Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed) if attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Err(error) => return Err(HttpProblem::from(error).into()),
            }
        }
    }

    /// Fills `buf` with a body.
    fn take(&self, response: Response<ureq::Body>, buf: &mut [u8]) -> Result<()> {
        let mut body = response.into_body().into_reader();
        let patience = Patience::new(self.timeout, self.interrupt.clone());
        let mut wait = patience.begin();
        let mut have = 0;
        while have < buf.len() {
            let n = wait.until(|| body.read(&mut buf[have..]));
            let n = n.map_err(|error| match error {
                crate::Error::System(error) => HttpProblem::from(ureq::Error::from(error)).into(),
                other => other,
            })?;
            if n == 0 {
                return Err(HttpProblem::Short((buf.len() - have) as u64).into());
            }
            have += n;
            self.fetched.fetch_add(n as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Fetches as much of `buf` from `start` as the file has, and at most [`AT_ONCE`].
    fn fetch(&self, buf: &mut [u8], start: u64) -> Result<usize> {
        let left = self.nbytes.saturating_sub(start);
        let n = (buf.len().min(AT_ONCE) as u64).min(left) as usize;
        if n == 0 {
            return Ok(0);
        }
        let end = start + n as u64;
        let response = self.ask(start, end)?;
        let span = check(&response, start, end)?;
        if span.total != self.nbytes || Version::of(response.headers()) != self.version {
            return Err(HttpProblem::Changed.into());
        }
        let n = (span.end - span.start) as usize;
        self.take(response, &mut buf[..n])?;
        Ok(n)
    }

    /// All of a range of the file.
    fn bytes(&self, range: Range<u64>) -> Result<Bytes> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let mut have = 0;
        while have < bytes.len() {
            match self.fetch(&mut bytes[have..], range.start + have as u64)? {
                0 => return Err(HttpProblem::Short((bytes.len() - have) as u64).into()),
                n => have += n,
            }
        }
        Ok(bytes.into())
    }

    /// The last bytes of the file, fetched when they are first wanted.
    fn end(&self) -> Result<&Bytes> {
        if let Some(end) = self.end.get() {
            return Ok(end);
        }
        let end = self.bytes(self.end_start()..self.nbytes)?;
        Ok(self.end.get_or_init(|| end))
    }

    fn end_start(&self) -> u64 {
        self.nbytes.saturating_sub(END)
    }

    /// From a run of parts that somebody said would be read; `None` if it is in none.
    fn expected(&self, buf: &mut [u8], offset: u64) -> Option<Result<usize>> {
        let nbytes = buf.len() as u64;
        let run = self.ahead.run(offset, nbytes)?;
        let mut bytes = lock(&run.bytes);
        if bytes.is_none() {
            match self.bytes(run.range.clone()) {
                Ok(fetched) => *bytes = Some(fetched),
                Err(error) => return Some(Err(error)),
            }
            self.ahead.fetched(&run);
        }
        let from = (offset - run.range.start) as usize;
        buf.copy_from_slice(&bytes.as_ref()?[from..from + buf.len()]);
        drop(bytes);
        self.ahead.used(&run, nbytes);
        Some(Ok(buf.len()))
    }

    /// What is read, and more of it if that is one piece after the other.
    fn read_on(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let left = self.nbytes.saturating_sub(offset);
        let nbytes = (buf.len() as u64).min(left);
        let window = self.ahead.window(offset, nbytes).min(left);
        if window <= nbytes {
            return self.fetch(buf, offset);
        }
        let bytes = self.bytes(offset..offset + window)?;
        let n = nbytes as usize;
        buf[..n].copy_from_slice(&bytes[..n]);
        self.ahead.keep(offset, bytes);
        Ok(n)
    }
}

impl ReadAt for HttpFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if offset < self.head.len() as u64 {
            return self.head.read_at(buf, offset);
        }
        if (buf.len() as u64) < END && offset >= self.end_start() {
            let end = self.end().map_err(io::Error::other)?;
            return end.read_at(buf, offset - self.end_start());
        }
        if let Some(read) = self.expected(buf, offset) {
            return read.map_err(io::Error::other);
        }
        match self.ahead.read(buf, offset) {
            0 => self.read_on(buf, offset).map_err(io::Error::other),
            n => Ok(n),
        }
    }

    fn nbytes(&self) -> io::Result<u64> {
        Ok(self.nbytes)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn expect(&self, parts: &[Range<u64>]) {
        let start = self.head.len() as u64;
        let inside: Vec<Range<u64>> = parts
            .iter()
            .filter(|part| part.start >= start && part.end <= self.nbytes)
            .cloned()
            .collect();
        self.ahead.expect(&inside);
    }
}

impl fmt::Debug for HttpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFile")
            // Not the address: there may be a password in it.
            .field("nbytes", &self.nbytes)
            .finish_non_exhaustive()
    }
}
