//! Files on web servers: which paths are their addresses, what such a file is called, and how it opens.

use std::borrow::Cow;
use std::path::Path;

use crate::input::Input;
use crate::{OpenOptions, Result};

/// Whether it is the address of a file on a web server, not a path.
pub(crate) fn is_url(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|text| after_scheme(text).is_some())
}

/// What a source is called in errors and reports: its path; of an address neither the name and password nor the query,
/// which may hold a key.
pub fn source_name(path: impl AsRef<Path>) -> String {
    public(&path.as_ref().display().to_string()).into_owned()
}

/// The same of what is text already.
pub(crate) fn public(text: &str) -> Cow<'_, str> {
    let Some(at) = after_scheme(text) else {
        return text.into();
    };
    let (scheme, rest) = text.split_at(at);
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host_end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path_end = path.find(['?', '#']).unwrap_or(path.len());
    match host.len() == authority.len() && path_end == path.len() {
        true => text.into(),
        false => format!("{scheme}{host}{}", &path[..path_end]).into(),
    }
}

/// Byte after `http://` or `https://`.
pub(crate) fn after_scheme(text: &str) -> Option<usize> {
    let schemes = ["http://", "https://"].into_iter();
    let mut lengths = schemes.filter_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    });
    lengths.next()
}

/// Opens it; reads a few requests' worth of bytes.
#[cfg(feature = "http")]
pub(crate) fn open(url: &str, options: &OpenOptions) -> Result<Input> {
    use crate::error::outside;
    if cfg!(not(feature = "https")) && url.len() > 5 && url[..6].eq_ignore_ascii_case("https:") {
        let what = "reading from servers behind https";
        return Err(crate::ErrorKind::NotBuilt { what }.into());
    }
    // What stands behind a '#' is no part of the file's address.
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let interrupt = options.interrupt.for_io();
    let file = ndferry_io::HttpFile::open(url, options.timeout, interrupt).map_err(outside)?;
    Input::of_read_at(file)
}

/// Without the feature `http`.
#[cfg(not(feature = "http"))]
pub(crate) fn open(_: &str, _: &OpenOptions) -> Result<Input> {
    let what = "reading from web servers";
    Err(crate::ErrorKind::NotBuilt { what }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_secrets() {
        for (text, expected) in [
            ("a.npb", "a.npb"),
            ("http://host/a.npb", "http://host/a.npb"),
            ("HTTPS://host:8080/a:b.npz", "HTTPS://host:8080/a:b.npz"),
            ("http://u:p@host/a@b.npb", "http://host/a@b.npb"),
            ("http://u:p@x@[::1]:80/a", "http://[::1]:80/a"),
            ("https://host/a.npb?key=secret#x", "https://host/a.npb"),
            ("https://u:p@host?secret", "https://host"),
            ("odd?key", "odd?key"),
        ] {
            assert_eq!(source_name(text), expected);
        }
    }
}
