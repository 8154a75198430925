//! [`Address`]: `PATH[:MEMBER]` as users write it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::remote::after_scheme;

/// A file, and perhaps an array in it.
///
/// The file may be on a web server: `http://HOST/PATH[:MEMBER]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The file, which need not have a name in UTF-8; `-` is standard input.
    pub path: PathBuf,
    /// The array in it, as [`crate::MemberInfo::path`] spells it.
    pub member: Option<String>,
}

impl Address {
    /// Splits an address on a web server at the first `:` behind the host; one that belongs to the file's path is written
    /// `%3A`. Splits anything else at the first `:` before which an existing file ends; a text that names a file as a whole has no member.
    ///
    /// Without any such file the last `:` splits, unless what is left of it is a single letter (a Windows drive).
    pub fn parse(text: impl AsRef<OsStr>) -> Self {
        let exists = |path: &OsStr| path == "-" || Path::new(path).exists();
        Self::parse_with(text.as_ref(), exists)
    }

    fn parse_with(text: &OsStr, exists: impl Fn(&OsStr) -> bool) -> Self {
        let whole = || Self {
            path: text.into(),
            member: None,
        };
        if let Some(at) = text.to_str().and_then(end_of_url) {
            return match split(text, at) {
                Some((path, member)) => Self {
                    path: path.into(),
                    member: Some(member.to_owned()),
                },
                None => whole(),
            };
        }
        if exists(text) {
            return whole();
        }
        let bytes = text.as_encoded_bytes();
        let colons = (0..bytes.len()).filter(|at| bytes[*at] == b':');
        let parts: Vec<(usize, &OsStr, &str)> = colons
            .filter_map(|at| split(text, at).map(|(path, member)| (at, path, member)))
            .collect();
        let named = parts.iter().find(|(_, path, _)| exists(path));
        let is_last = |at: usize| at > 1 && !bytes[at..].starts_with(b"://");
        match named.or(parts.iter().rfind(|(at, ..)| is_last(*at))) {
            None => whole(),
            Some((_, path, member)) => Self {
                path: path.into(),
                member: Some((*member).to_owned()),
            },
        }
    }
}

/// The byte after the file's address in a text that begins with one: that of a `:`, or of the end.
fn end_of_url(text: &str) -> Option<usize> {
    let host = after_scheme(text)?;
    let path = text[host..].find(['/', '?', '#']).map(|at| host + at);
    let colon = path.and_then(|path| text[path..].find(':').map(|at| path + at));
    Some(colon.unwrap_or(text.len()))
}

/// What is left and right of the colon at this byte; a member is always text.
fn split(text: &OsStr, at: usize) -> Option<(&OsStr, &str)> {
    if let Some(text) = text.to_str() {
        return Some((OsStr::new(&text[..at]), text.get(at + 1..)?));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = text.as_bytes();
        let member = std::str::from_utf8(&bytes[at + 1..]).ok()?;
        Some((OsStr::from_bytes(&bytes[..at]), member))
    }
    #[cfg(not(unix))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, files: &[&str]) -> (String, Option<String>) {
        let address = Address::parse_with(OsStr::new(text), |path| {
            files.iter().any(|file| path == *file)
        });
        (address.path.to_str().unwrap().to_owned(), address.member)
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_is_a_name() {
        use std::os::unix::ffi::OsStrExt;
        let file = OsStr::from_bytes(b"\xe4:1.npz");
        let parse = |text: &[u8]| Address::parse_with(OsStr::from_bytes(text), |path| path == file);
        let address = |path: &OsStr, member: Option<&str>| Address {
            path: path.into(),
            member: member.map(str::to_owned),
        };
        assert_eq!(parse(b"\xe4:1.npz"), address(file, None));
        assert_eq!(parse(b"\xe4:1.npz:w"), address(file, Some("w")));
        let missing = OsStr::from_bytes(b"\xff.npz");
        assert_eq!(parse(b"\xff.npz:w"), address(missing, Some("w")));
        // A member in no encoding is none.
        let odd = OsStr::from_bytes(b"\xff.npz:\xff");
        assert_eq!(parse(b"\xff.npz:\xff"), address(odd, None));
    }

    #[test]
    fn a_member_follows_an_address_behind_its_host() {
        let parts = |path: &str, member: Option<&str>| (path.to_owned(), member.map(str::to_owned));
        for (text, path, member) in [
            ("http://host:8080/a.npz", "http://host:8080/a.npz", None),
            (
                "http://host:8080/a.npz:w",
                "http://host:8080/a.npz",
                Some("w"),
            ),
            (
                "https://u:p@[::1]:80/a.pkl:k\\:1.x",
                "https://u:p@[::1]:80/a.pkl",
                Some("k\\:1.x"),
            ),
            (
                "http://host/a%3Ab.npz:w:v",
                "http://host/a%3Ab.npz",
                Some("w:v"),
            ),
            (
                "http://host/a.npz?key=1:w",
                "http://host/a.npz?key=1",
                Some("w"),
            ),
            ("http://host:80", "http://host:80", None),
            ("HTTP://host/a:", "HTTP://host/a", Some("")),
        ] {
            assert_eq!(parse(text, &["-"]), parts(path, member));
        }
    }

    #[test]
    fn a_member_follows_an_existing_file() {
        let files = ["a.npz", "odd:name.npy", "-"];
        let parts = |path: &str, member: Option<&str>| (path.to_owned(), member.map(str::to_owned));
        assert_eq!(parse("a.npz", &files), parts("a.npz", None));
        assert_eq!(parse("a.npz:w", &files), parts("a.npz", Some("w")));
        assert_eq!(
            parse(r"a.npz:k\:1.x", &files),
            parts("a.npz", Some(r"k\:1.x"))
        );
        assert_eq!(parse("odd:name.npy", &files), parts("odd:name.npy", None));
        assert_eq!(
            parse("odd:name.npy:w", &files),
            parts("odd:name.npy", Some("w"))
        );
        assert_eq!(parse("-:w", &files), parts("-", Some("w")));
        assert_eq!(
            parse("missing.npz:w", &files),
            parts("missing.npz", Some("w"))
        );
        assert_eq!(
            parse(r"C:\missing.npy", &files),
            parts(r"C:\missing.npy", None)
        );
    }
}
