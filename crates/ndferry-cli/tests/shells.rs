//! Completions and manual pages where they are used.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use tempfile::TempDir;

/// `run.npz` with `frames` and `t`, and `other.txt`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let array = Array::contiguous(Dtype::U8, &[2], Order::C, vec![1, 2]).unwrap();
    let array = &LazyArray::from(array);
    let items = ["frames", "t"].map(|name| Item { name, array });
    save(
        folder.path().join("run.npz"),
        &items,
        &SaveOptions::default(),
        &(),
    )
    .unwrap();
    std::fs::write(folder.path().join("other.txt"), "").unwrap();
    folder
}

fn ndferry(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// What bash offers for a line, the last word of which is being typed.
fn offered(folder: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"
        PATH="$(dirname "$NDFERRY"):$PATH"
        source <(ndferry completions bash) || exit 1
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
        run=$(complete -p ndferry | sed 's/.* -F \([^ ]*\) .*/\1/')
        "$run" ndferry "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .args(words)
        .current_dir(folder)
        .env("NDFERRY", env!("CARGO_BIN_EXE_ndferry"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn bash_completes_verbs_options_values_files_and_arrays_in_them() {
    if Command::new("bash").arg("-c").arg("true").output().is_err() {
        println!("skipped: no bash");
        return;
    }
    let folder = folder();
    for (words, expected) in [
        (&["ndferry", "conv"][..], &["convert"][..]),
        (&["ndferry", "view", "--prot"], &["--protocol"]),
        (&["ndferry", "view", "--protocol", "si"], &["sixel"]),
        (&["ndferry", "show", "run"], &["run.npz"]),
        (&["ndferry", "show", "run.npz:f"], &["run.npz:frames"]),
        (
            &["ndferry", "show", "run.npz:"],
            &["run.npz:frames", "run.npz:t"],
        ),
        (
            &["ndferry", "diff", "run.npz:t", "run.npz:f"],
            &["run.npz:frames"],
        ),
    ] {
        assert_eq!(offered(folder.path(), words), expected, "{words:?}");
    }
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (is_good, script) = ndferry(&["completions", shell]);
        assert!(
            is_good && script.contains("COMPLETE") && script.contains("ndferry"),
            "{shell}: {script}"
        );
    }
    assert!(!ndferry(&["completions", "tcsh"]).0);
}

#[test]
fn every_verb_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    assert!(ndferry(&["man", folder.path().to_str().unwrap()]).0);
    for verb in [
        "info", "show", "stats", "view", "convert", "diff", "check", "send", "recv",
    ] {
        let page =
            std::fs::read_to_string(folder.path().join(format!("ndferry-{verb}.1"))).unwrap();
        assert!(
            page.contains(".TH") && page.contains(&format!("ndferry\\-{verb}")),
            "{verb}: {page}"
        );
    }
    let (is_good, page) = ndferry(&["man"]);
    assert!(is_good && page.contains(".SH NAME"), "{page}");
}
