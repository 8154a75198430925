//! The names of an archive's members: how they are encoded, and which are refused.

/// The upper half of code page 437, in which names without the UTF-8 flag are written.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A name as Python's `zipfile` reads it; `None` if it says that it is UTF-8 but is not.
pub(crate) fn decode(raw: &[u8], utf8: bool) -> Option<String> {
    if utf8 || raw.is_ascii() {
        return String::from_utf8(raw.to_vec()).ok();
    }
    let upper: Vec<char> = CP437.chars().collect();
    let decode = |byte: &u8| match byte {
        0..128 => Some(char::from(*byte)),
        _ => upper.get(usize::from(*byte) - 128).copied(),
    };
    raw.iter().map(decode).collect()
}

/// What is wrong with a name, if anything is: one that would leave the folder it is unpacked in, or that plays tricks
/// on a terminal.
pub(crate) fn problem(name: &str) -> Option<&'static str> {
    // `w:0` is a name that TensorFlow gives; `C:\\` is not.
    let drive = matches!(
        name.as_bytes(),
        [b'A'..=b'Z' | b'a'..=b'z', b':', b'/' | b'\\', ..]
    );
    if name.is_empty() {
        Some("the name is empty")
    } else if name.chars().any(char::is_control) {
        Some("the name has control characters in it")
    } else if name.starts_with(['/', '\\']) || drive {
        Some("the name is an absolute path")
    } else if name.split(['/', '\\']).any(|part| part == "..")
        // The key of `...npy` is `..`, and keys become names of files too.
        || name.ends_with("/...npy") || name.ends_with("\\...npy") || name == "...npy"
    {
        Some("the name leads out of its folder")
    } else if name.len() > usize::from(u16::MAX) {
        Some("the name is too long")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_zipfile_reads_them() {
        assert_eq!(decode(b"a/b.npy", false).unwrap(), "a/b.npy");
        assert_eq!(decode("é".as_bytes(), true).unwrap(), "é");
        assert_eq!(decode("é".as_bytes(), false).unwrap(), "├⌐");
        assert_eq!(decode(b"\x80\xff", false).unwrap(), "Ç\u{a0}");
        assert_eq!(decode(b"\xff", true), None);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "",
            "../a",
            "a/../b",
            "a\\..\\b",
            "..",
            "/a",
            "\\a",
            "C:\\x",
            "a\0",
            "\x1b[2J",
            "a\nb",
            "...npy",
            "a/...npy",
            "a\\...npy",
        ] {
            assert!(problem(name).is_some(), "{name:?}");
        }
        for name in [
            "a", "a/b.npy", "a..b", "a...npy", ".a", "日本", "x y", "w:0",
        ] {
            assert_eq!(problem(name), None, "{name:?}");
        }
    }
}
