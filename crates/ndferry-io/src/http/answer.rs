//! What a server answers: which part ([`Span`]), of which version of the file ([`Version`]).

use ureq::http::{HeaderMap, Response};

use crate::HttpProblem;

/// What tells one version of a file from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// A strong `ETag`.
    Tag(String),
    Modified(String),
    Unknown,
}

/// Which part an answer holds: bytes `start..end` of `total`; `0..0` if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) total: u64,
}

impl Span {
    /// From `Content-Range: bytes 0-99/1234`, or `bytes */1234` where there is no such part.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
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
pub(super) fn check(
    response: &Response<ureq::Body>,
    start: u64,
    end: u64,
) -> Result<Span, HttpProblem> {
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
    let span = span.ok_or_else(|| HttpProblem::OtherRange {
        start,
        end,
        got: headers
            .get("content-range")
            .map_or_else(String::new, |got| {
                String::from_utf8_lossy(got.as_bytes()).into_owned()
            }),
    })?;
    let said = headers
        .get("content-length")
        .and_then(|said| said.to_str().ok());
    match said.and_then(number) {
        Some(said) if said != span.end - span.start => Err(HttpProblem::Length {
            said,
            part: span.end - span.start,
        }),
        _ => Ok(span),
    }
}

impl Version {
    pub(super) fn of(headers: &HeaderMap) -> Self {
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
