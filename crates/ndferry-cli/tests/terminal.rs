//! The command on a terminal: a pseudo-terminal at whose other end the test sits.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use tempfile::TempDir;

/// A run on a terminal of so many columns (0: it does not know), 10 pixels each; exit status and what it showed.
fn on_terminal(
    folder: &Path,
    columns: u16,
    variables: &[(&str, &str)],
    args: &[&str],
) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    // Newlines as they are written.
    let mut modes = tcgetattr(&slave).unwrap();
    modes.output_modes.remove(OutputModes::OPOST);
    tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
    let size = Winsize {
        ws_row: columns.min(24),
        ws_col: columns,
        ws_xpixel: columns * 10,
        ws_ypixel: columns.min(24) * 20,
    };
    tcsetwinsize(&slave, size).unwrap();
    let end = || Stdio::from(slave.try_clone().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.args(args).current_dir(folder).env_clear();
    command.stdin(end()).stdout(end()).stderr(end());
    command.env("TERM", "xterm-256color");
    command.envs(variables.iter().copied());
    let mut child = command.spawn().unwrap();
    drop((command, slave));
    let mut shown = Vec::new();
    // When the last one has closed its end, reading fails instead of coming to an end.
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = File::from(master.try_clone().unwrap()).read(&mut bytes) {
        shown.extend_from_slice(&bytes[..n]);
    }
    let code = child.wait().unwrap().code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}

/// `a.npy`: 40 rows of 1000 columns, from dark to light.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..40_000).map(|i| (i % 1000 / 4) as u8).collect();
    let array = Array::contiguous(Dtype::U8, &[40, 1000], Order::C, bytes).unwrap();
    let array = LazyArray::from(array);
    let item = Item {
        name: "",
        array: &array,
    };
    let path = folder.path().join("a.npy");
    save(path, &[item], &SaveOptions::default(), &()).unwrap();
    folder
}

#[test]
fn bytes_go_to_a_terminal_only_by_force() {
    let folder = folder();
    for args in [
        &["show", "a.npy", "--to", "npy"][..],
        &["show", "a.npy", "--to", "raw", "-o", "-"],
        &["convert", "a.npy", "-o", "-", "--to", "npz"],
        &["recv", "-o", "-"],
        &["send", "a.npy", "-"],
    ] {
        let (code, shown) = on_terminal(folder.path(), 80, &[], args);
        assert_eq!(code, Some(2), "{args:?}: {shown}");
        assert!(
            shown.contains("standard output is a terminal"),
            "{args:?}: {shown}"
        );
        assert!(
            !shown.contains("NUMPY") && !shown.contains("listening"),
            "{args:?}: {shown}"
        );
    }
    let forced = ["show", "a.npy", "--to", "npy", "-s", "0, :9", "--force"];
    let (code, shown) = on_terminal(folder.path(), 80, &[], &forced);
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains("NUMPY") && shown.contains("'descr': '|u1'"),
        "{shown}"
    );
}

#[test]
fn text_on_a_terminal_needs_no_force() {
    let folder = folder();
    let show = ["show", "a.npy", "-s", "0, :9"];
    let (code, shown) = on_terminal(folder.path(), 80, &[], &show);
    assert_eq!((code, &*shown), (Some(0), "[0 0 0 0 1 1 1 1 2]\n"));
}

#[test]
fn a_picture_is_as_wide_as_the_terminal() {
    let folder = folder();
    for (columns, expected) in [(40, 40), (100, 100), (0, 80)] {
        let (code, shown) = on_terminal(folder.path(), columns, &[], &["view", "a.npy"]);
        assert_eq!(code, Some(0), "{shown}");
        for line in shown.lines() {
            assert_eq!(line.matches('▀').count(), expected, "{columns}: {line:?}");
        }
    }
}

#[test]
fn the_terminal_decides_how_a_picture_is_drawn() {
    let folder = folder();
    let view = |variables: &[(&str, &str)]| {
        let (code, shown) = on_terminal(folder.path(), 40, variables, &["view", "a.npy"]);
        assert_eq!(code, Some(0), "{variables:?}: {shown}");
        shown
    };
    assert!(view(&[("TERM", "xterm-kitty")]).starts_with("\x1b_G"));
    assert!(view(&[("TERM_PROGRAM", "iTerm.app")]).starts_with("\x1b]1337;"));
    let true_colours = view(&[("COLORTERM", "truecolor")]);
    assert!(true_colours.starts_with("\x1b[38;2;"), "{true_colours:?}");
    for plain in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let shown = view(&[plain]);
        assert!(
            !shown.contains('\x1b') && shown.contains('█'),
            "{plain:?}: {shown:?}"
        );
    }
    for variables in [
        &[("LC_ALL", "C")][..],
        &[("LANG", "POSIX"), ("NO_COLOR", "1")],
    ] {
        let shown = view(variables);
        assert!(
            shown.is_ascii() && shown.contains('@'),
            "{variables:?}: {shown:?}"
        );
    }
    // As many pixels as the columns have.
    let sixels = view(&[("TERM", "foot")]);
    assert!(sixels.starts_with("\x1bP"), "{sixels:?}");
    assert!(sixels.contains("\"1;1;400;16"), "{sixels:?}");
}

#[test]
fn tables_and_bars_are_ascii_where_nothing_else_is_shown() {
    let folder = folder();
    for (args, utf8, ascii) in [
        (["info", "a.npy"], "└ (array)", "+ (array)"),
        (["stats", "a.npy"], "█", "#"),
    ] {
        let (code, shown) = on_terminal(folder.path(), 100, &[("LC_CTYPE", "C.UTF-8")], &args);
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains(utf8), "{shown}");
        let (code, shown) = on_terminal(folder.path(), 100, &[("LC_ALL", "C")], &args);
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.is_ascii() && shown.contains(ascii), "{shown}");
    }
}
