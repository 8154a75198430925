//! Hostile files through the command: refused with exit code 2 and a reason, at once, and nothing is written.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use ndferry_testkit::bombs;

/// How long one command may take, on a busy machine and in a slow build.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn bombs_end_with_two_and_a_reason_and_nothing_is_written() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b/c");
    fs::create_dir_all(&folder).unwrap();
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    for bomb in bombs() {
        let path = folder.join(bomb.name);
        fs::write(&path, &bomb.bytes).unwrap();
        let mut run = |args: &[&str]| {
            let started = Instant::now();
            let output = run(&folder, args);
            slowest = slowest.max(started.elapsed());
            assert!(started.elapsed() < PATIENCE, "{args:?}");
            output
        };
        run(&["info", bomb.name]);
        for to in ["out.npz", "out.npb"] {
            let output = run(&["convert", bomb.name, "-o", to]);
            if bomb.refused {
                refused += 1;
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{} {said}", bomb.name);
                assert!(said.starts_with("error: "), "{} {said}", bomb.name);
            } else {
                let _ = fs::remove_file(folder.join(to));
            }
            assert!(output.stdout.is_empty());
            assert_eq!(
                files(outer.path()),
                std::slice::from_ref(&path),
                "{}",
                bomb.name
            );
        }
        let checked = run(&["check", bomb.name]);
        if bomb.refused {
            assert_eq!(checked.status.code(), Some(1), "{}", bomb.name);
        }
        fs::remove_file(&path).unwrap();
    }
    println!("{refused} commands refused, the slowest took {slowest:?}");
    assert!(refused > 40);
}

/// Runs the command; whatever it says, it has not panicked and was not ended by a signal.
fn run(folder: &Path, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(matches!(code, Some(0..=2)), "{args:?} {code:?} {said}");
    assert!(!said.contains("panicked"), "{args:?} {said}");
    output
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn limits_can_be_given_and_are_named_when_they_are_met() {
    let folder = tempfile::tempdir().unwrap();
    // Three lists of three names.
    fs::write(
        folder.path().join("names.pkl"),
        b"(cos\na\ncos\nb\ncos\nc\nl.",
    )
    .unwrap();
    // One list, remembered thrice.
    fs::write(folder.path().join("memo.pkl"), b"\x80\x04]\x94\x94\x94.").unwrap();
    fs::write(folder.path().join("digits.pkl"), b"\x80\x02L123456L\n.").unwrap();
    for (args, what) in [
        (
            ["info", "names.pkl", "--limit-globals", "2"],
            "names in a pickle",
        ),
        (
            ["--limit-values", "3", "info", "names.pkl"],
            "values in a pickle",
        ),
        (
            ["info", "memo.pkl", "--limit-memo", "2"],
            "values that a pickle remembers",
        ),
        (
            ["info", "digits.pkl", "--limit-digits", "5"],
            "digits of an int",
        ),
    ] {
        let output = run(folder.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?} {said}");
        assert!(said.contains(what) && said.contains("limit of"), "{said}");
        let plenty = args.map(|arg| {
            if arg.parse::<u8>().is_ok() {
                "100"
            } else {
                arg
            }
        });
        assert_eq!(
            run(folder.path(), &plenty).status.code(),
            Some(0),
            "{plenty:?}"
        );
    }
}
