//! [`HttpFile`]: a file on a web server, read in ranges.

use std::fmt;
use std::io::{self, Read};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ureq::http::{HeaderMap, Response};

use crate::{Interrupt, ReadAt, Result};

/// Bytes from the start that the first request brings, and keeps: headers are there, and formats are told by them.
const HEAD: u64 = 16 << 10;

/// Bytes at the end that are fetched together, and kept: directories and indexes are there.
const END: u64 = 64 << 10;

/// The most that one request asks for.
const AT_ONCE: usize = 8 << 20;

/// Attempts at a request whose connection broke.
const ATTEMPTS: u32 = 3;

/// A file behind `http://` (and `https://` with that feature), of which only the ranges asked for are fetched
/// (RFC 9110, section 14).
///
/// A server that ignores ranges and sends the whole file is refused, and so is one whose file changes while it is read.
/// Redirections and the environment's proxy are followed. Connections are reused.
pub struct HttpFile {
    url: String,
    agent: ureq::Agent,
    interrupt: Interrupt,
    nbytes: u64,
    /// What tells this version of the file from others.
    version: Version,
    head: Bytes,
    end: OnceLock<Bytes>,
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
    /// The server sends fewer bytes than it says.
    #[error("the connection ended {0} bytes too early")]
    Short(u64),
    /// No answer: the connection, the name look-up, TLS.
    #[error("{0}")]
    Failed(#[from] ureq::Error),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    /// A strong `ETag`.
    Tag(String),
    Modified(String),
    Unknown,
}

impl HttpFile {
    /// Asks for the first bytes, and so for the length. Gives up after `timeout` without an answer, or without a byte.
    ///
    /// # Errors
    /// [`crate::Error::Http`], [`crate::Error::Interrupted`].
    pub fn open(url: &str, timeout: Duration, interrupt: Interrupt) -> Result<Self> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
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
            nbytes: 0,
            version: Version::Unknown,
            head: Bytes::new(),
            end: OnceLock::new(),
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
        let mut have = 0;
        while have < buf.len() {
            self.interrupt.check()?;
            match body.read(&mut buf[have..]) {
                Ok(0) => return Err(HttpProblem::Short((buf.len() - have) as u64).into()),
                Ok(n) => {
                    have += n;
                    self.fetched.fetch_add(n as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(HttpProblem::from(ureq::Error::from(error)).into()),
            }
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

    /// The last bytes of the file, fetched when they are first wanted.
    fn end(&self) -> Result<&Bytes> {
        if let Some(end) = self.end.get() {
            return Ok(end);
        }
        let start = self.end_start();
        let mut end = vec![0; (self.nbytes - start) as usize];
        let mut have = 0;
        while have < end.len() {
            have += self.fetch(&mut end[have..], start + have as u64)?;
        }
        Ok(self.end.get_or_init(|| end.into()))
    }

    fn end_start(&self) -> u64 {
        self.nbytes.saturating_sub(END)
    }
}

impl ReadAt for HttpFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset < self.head.len() as u64 {
            return self.head.read_at(buf, offset);
        }
        if (buf.len() as u64) < END && offset >= self.end_start() {
            let end = self.end().map_err(io::Error::other)?;
            return end.read_at(buf, offset - self.end_start());
        }
        self.fetch(buf, offset).map_err(io::Error::other)
    }

    fn nbytes(&self) -> io::Result<u64> {
        Ok(self.nbytes)
    }
}

impl fmt::Debug for HttpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFile")
            .field("url", &self.url)
            .field("nbytes", &self.nbytes)
            .finish_non_exhaustive()
    }
}

/// Which part an answer holds: bytes `start..end` of `total`; `0..0` if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
    total: u64,
}

impl Span {
    /// From `Content-Range: bytes 0-99/1234`, or `bytes */1234` where there is no such part.
    fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get("content-range")?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
        let total = number(total)?;
        if range.trim() == "*" {
            return Some(Self {
                start: 0,
                end: 0,
                total,
            });
        }
        let (first, last) = range.split_once('-')?;
        let (start, last) = (number(first)?, number(last)?);
        (start <= last && last < total).then(|| Self {
            start,
            end: last + 1,
            total,
        })
    }
}

/// Digits only: no sign, no point.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Makes sure that an answer is what was asked for: it begins at `start` and does not go beyond `end`.
fn check(
    response: &Response<ureq::Body>,
    start: u64,
    end: u64,
) -> std::result::Result<Span, HttpProblem> {
    let headers = response.headers();
    match response.status().as_u16() {
        206 => {}
        200 => return Err(HttpProblem::NoRanges),
        412 => return Err(HttpProblem::Changed),
        status => return Err(HttpProblem::Status(status)),
    }
    if let Some(packed) = headers.get("content-encoding")
        && packed.as_bytes() != b"identity"
    {
        let packed = String::from_utf8_lossy(packed.as_bytes()).into_owned();
        return Err(HttpProblem::Packed(packed));
    }
    let span = Span::of(headers).filter(|span| {
        // The end of the file may come before the end that was asked for, but nothing else may.
        span.start == start && span.end > start && span.end == end.min(span.total)
    });
    span.ok_or_else(|| HttpProblem::OtherRange {
        start,
        end,
        got: headers
            .get("content-range")
            .map_or_else(String::new, |got| {
                String::from_utf8_lossy(got.as_bytes()).into_owned()
            }),
    })
}

impl Version {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        match (text("etag"), text("last-modified")) {
            // A weak tag is the same for files that only mean the same.
            (Some(tag), _) if !tag.starts_with("W/") => Self::Tag(tag),
            (_, Some(date)) => Self::Modified(date),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_as_the_standard_writes_them() {
        let span = |start, end, total| Some(Span { start, end, total });
        for (text, expected) in [
            ("bytes 0-99/1234", span(0, 100, 1234)),
            ("bytes 5-5/6", span(5, 6, 6)),
            ("bytes */0", span(0, 0, 0)),
            ("bytes 0-99/*", None),
            ("bytes 9-5/10", None),
            ("bytes 0-10/10", None),
            ("bytes -5/10", None),
            ("bytes +1-5/10", None),
            ("bytes 0-18446744073709551615/18446744073709551615", None),
            ("bytes 0-99999999999999999999/99999999999999999999", None),
            ("lines 0-9/10", None),
            ("", None),
        ] {
            assert_eq!(Span::parse(text), expected, "{text}");
        }
    }
}
