//! [`stem`]: a file's name out of what a stranger said.

use crate::Format;

/// The longest name, in bytes: file systems take 255, a number and an extension follow, and temporary names are longer.
const MOST: usize = 120;

/// Who said nothing that can be a name.
const NAMELESS: &str = "received";

/// Names that are devices on Windows, whatever follows a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The name of a file without its extension, safe in any folder of any system: no separators, nothing that leads out of the
/// folder, not hidden, no option of a command, no device, nothing that a terminal obeys or that reads otherwise than it is.
pub(crate) fn stem(said: &str) -> String {
    let said = match said.rsplit_once('.') {
        Some((stem, extension)) if Format::of_extension(format!("_.{extension}")).is_some() => stem,
        _ => said,
    };
    let safe: String = said
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let mut stem = safe
        .trim_start_matches(['.', ' '])
        .trim_end_matches(['.', ' '])
        .to_owned();
    if stem.starts_with('-') || is_device(&stem) {
        stem.insert(0, '_');
    }
    let fits = |end: &usize| stem.is_char_boundary(*end);
    let end = (0..=stem.len().min(MOST)).rev().find(fits).unwrap_or(0);
    stem.truncate(end);
    match stem.trim_end_matches(['.', ' ']) {
        "" => NAMELESS.to_owned(),
        stem => stem.to_owned(),
    }
}

fn is_plain(c: char) -> bool {
    let is_invisible = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}'
    );
    !(c.is_control() || is_invisible || "/\\:*?\"<>|".contains(c))
}

/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>
fn is_device(stem: &str) -> bool {
    let first = stem.split('.').next().unwrap_or_default();
    let first = first.trim_end().to_lowercase();
    let numbered = |name: &str| {
        let rest = first.strip_prefix(name)?;
        let mut digits = rest.chars();
        Some(
            digits
                .next()
                .is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
                && digits.next().is_none(),
        )
    };
    DEVICES.contains(&&*first) || numbered("com") == Some(true) || numbered("lpt") == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_say_stays_as_it_is() {
        for (said, name) in [
            ("cells.npy", "cells"),
            ("run 7.2.npz", "run 7.2"),
            ("größe-2", "größe-2"),
            ("細胞.NPB", "細胞"),
            ("a.b", "a.b"),
            ("console.pkl", "console"),
            ("com10.npy", "com10"),
        ] {
            assert_eq!(stem(said), name);
        }
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for (said, name) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("C:\\Windows\\x.npy", "C__Windows_x"),
            ("..", "received"),
            ("", "received"),
            (" . ", "received"),
            (".npy", "received"),
            (".bashrc", "bashrc"),
            ("-rf.npy", "_-rf"),
            ("a\0b\n\x1b[31m", "a_b__[31m"),
            ("cod\u{202e}ypn.npy", "cod_ypn"),
            ("NUL.npy", "_NUL"),
            ("nul .x.npy", "_nul .x"),
            ("Com1.a.npy", "_Com1.a"),
            ("LPT³", "_LPT³"),
            ("CONIN$", "_CONIN$"),
            ("a. .npy", "a"),
        ] {
            assert_eq!(stem(said), name, "{said:?}");
        }
        assert_eq!(stem(&"ä".repeat(200)), "ä".repeat(60));
    }

    proptest! {
        #[test]
        fn whatever_is_said_it_is_one_name(said in "(\\PC|[./\\\\: \\x00-\\x1f~-]|con|aux|npy){0,60}") {
            let name = stem(&said);
            prop_assert!(!name.is_empty() && name.len() <= MOST);
            prop_assert!(!name.starts_with(['.', ' ', '-']) && !name.ends_with(['.', ' ']));
            prop_assert!(name.chars().all(is_plain) && !is_device(&name), "{name:?}");
            let path = std::path::Path::new(&name);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert_eq!(path.file_name(), Some(std::ffi::OsStr::new(&name)));
        }
    }
}
