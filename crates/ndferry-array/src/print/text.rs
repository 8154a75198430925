//! Texts and bytes as Python's `repr` writes them.

/// `repr` of a Python 3 `str`, given its code points: NumPy also holds those that are no characters, as lone surrogates.
pub(crate) fn write_str(code_points: impl Iterator<Item = u32> + Clone, out: &mut String) {
    let has = |quote| code_points.clone().any(|point| point == quote as u32);
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.push(quote);
    for point in code_points {
        match char::from_u32(point) {
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c == quote => out.extend(['\\', c]),
            Some(c) if is_printable(c) => out.push(c),
            _ if point < 0x100 => out.push_str(&format!("\\x{point:02x}")),
            _ if point < 0x1_0000 => out.push_str(&format!("\\u{point:04x}")),
            _ => out.push_str(&format!("\\U{point:08x}")),
        }
    }
    out.push(quote);
}

/// `repr` of Python 3 `bytes`.
pub(crate) fn write_bytes(bytes: &[u8], out: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    out.push('b');
    out.push(char::from(quote));
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if *byte == quote => out.extend(['\\', char::from(quote)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(char::from(quote));
}

/// `str` of a `numpy.void`: every byte in hexadecimal.
pub(crate) fn write_void(bytes: &[u8], out: &mut String) {
    out.push_str("b'");
    for byte in bytes {
        out.push_str(&format!("\\x{byte:02X}"));
    }
    out.push('\'');
}

/// A Python tuple of ints.
pub(crate) fn tuple(items: &[usize]) -> String {
    let items: Vec<String> = items.iter().map(usize::to_string).collect();
    match items.as_slice() {
        [one] => format!("({one},)"),
        many => format!("({})", many.join(", ")),
    }
}

/// Without the NULs that pad it.
pub(crate) fn unpadded(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0);
    &bytes[..end.map_or(0, |last| last + 1)]
}

/// The code points of one `U` element, without the NULs that pad it.
pub(crate) fn code_points(bytes: &[u8], big: bool) -> impl Iterator<Item = u32> + Clone {
    let decode = move |unit: &[u8]| {
        let unit = [unit[0], unit[1], unit[2], unit[3]];
        if big {
            u32::from_be_bytes(unit)
        } else {
            u32::from_le_bytes(unit)
        }
    };
    let units = bytes.chunks_exact(4).map(decode);
    let len = units.clone().rposition(|point| point != 0);
    units.take(len.map_or(0, |last| last + 1))
}

/// Python's `str.isprintable` for one character; Rust's debug escapes follow the same Unicode categories. The letter
/// before it lets combining marks pass, which are escaped only at the start of a text.
fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'')
        || c.is_ascii_graphic()
        || ['a', c]
            .iter()
            .collect::<String>()
            .escape_debug()
            .skip(1)
            .eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_python_quotes_them() {
        for (text, repr) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("a\"'b", "'a\"\\'b'"),
            ("日😀", "'日😀'"),
            ("a\nb\x01", "'a\\nb\\x01'"),
            ("\u{ad}", "'\\xad'"),
            ("\u{200b}", "'\\u200b'"),
            ("e\u{301}", "'e\u{301}'"),
            ("\u{a0}", "'\\xa0'"),
            ("\u{e000}", "'\\ue000'"),
        ] {
            let mut out = String::new();
            write_str(text.chars().map(u32::from), &mut out);
            assert_eq!(out, repr);
        }
    }

    #[test]
    fn code_points_that_are_no_characters_are_escaped() {
        let mut out = String::new();
        write_str([0xd800, 0x11_0000].into_iter(), &mut out);
        assert_eq!(out, "'\\ud800\\U00110000'");
    }

    #[test]
    fn bytes_and_voids_have_their_own_escapes() {
        let mut out = String::new();
        write_bytes(b"it's\n\xff\\", &mut out);
        write_void(b"a\xff", &mut out);
        assert_eq!(out, "b\"it's\\n\\xff\\\\\"b'\\x61\\xFF'");
    }
}
