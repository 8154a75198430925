//! [`Address`]: `PATH[:MEMBER]` as users write it.

use std::path::Path;

/// A file, and perhaps an array in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The file; `-` is standard input.
    pub path: String,
    /// The array in it, as [`crate::MemberInfo::path`] spells it.
    pub member: Option<String>,
}

impl Address {
    /// Splits at the first `:` before which an existing file ends; a text that names a file as a whole has no member.
    ///
    /// Without any such file the last `:` splits, unless what is left of it is a single letter (a Windows drive).
    pub fn parse(text: &str) -> Self {
        Self::parse_with(text, |path| path == "-" || Path::new(path).exists())
    }

    fn parse_with(text: &str, exists: impl Fn(&str) -> bool) -> Self {
        let whole = || Self {
            path: text.to_owned(),
            member: None,
        };
        if exists(text) {
            return whole();
        }
        let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
        let at = colons.iter().find(|at| exists(&text[..**at])).or(colons
            .iter()
            .rfind(|at| **at > 1 && !text[**at..].starts_with("://")));
        match at {
            None => whole(),
            Some(at) => Self {
                path: text[..*at].to_owned(),
                member: Some(text[at + 1..].to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, files: &[&str]) -> (String, Option<String>) {
        let address = Address::parse_with(text, |path| files.contains(&path));
        (address.path, address.member)
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
