//! A receiver whose output is full, or no place for a transfer at all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};

fn ndferry(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Sends an array to `recv -o output`; gives what both of them say on standard error. Both must end with 2.
fn both_fail(folder: &Path, output: &str) -> [String; 2] {
    let bytes = vec![7; 4 << 20];
    let dtype = Dtype::parse("|u1").unwrap();
    let array = LazyArray::from(Array::contiguous(dtype, &[4 << 20], Order::C, bytes).unwrap());
    let item = Item {
        name: "",
        array: &array,
    };
    save(folder.join("a.npy"), &[item], &SaveOptions::default(), &()).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut receiver = ndferry(folder)
        .args(["recv", "-q", "-o", output])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(receiver.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first.trim().strip_prefix("listening on ").unwrap();
    let sender = ndferry(folder)
        .args(["send", "--codec", "none", "a.npy", url])
        .output()
        .unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(receiver.wait().unwrap().code(), Some(2), "{rest}");
    let said = String::from_utf8(sender.stderr).unwrap();
    assert_eq!(sender.status.code(), Some(2), "{said}");
    [rest, said]
}

#[test]
fn a_sender_hears_that_standard_output_did_not_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let [receiver, sender] = both_fail(folder.path(), "-");
    let what = "standard output: No space left";
    assert!(receiver.contains(what), "{receiver}");
    assert!(sender.contains(what), "{sender}");
}

#[test]
fn a_full_disk_names_the_file_and_not_the_peer() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("x.npb")).unwrap();
    let [receiver, _] = both_fail(folder.path(), "x.npb");
    assert!(
        receiver.starts_with("error: x.npb: No space left"),
        "{receiver}"
    );
}

#[test]
fn a_receiver_looks_at_its_output_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["x.txt", "missing/x.npb"] {
        let run = ndferry(folder.path())
            .args(["recv", "-o", output])
            .output()
            .unwrap();
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.starts_with(&format!("error: {output}: ")),
            "{stderr}"
        );
    }
}
