//! `ndferry repickle`: exit codes, where text goes, and what is left of outputs.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const DTYPE: &[u8] = b"\x80\x02cnumpy._core.multiarray\nscalar\n.";
const STRINGS: &[u8] = b"\x80\x02cnumpy.dtypes\nStringDType\n.";

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .current_dir(folder)
        .arg("repickle")
        .args(args)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), output.stdout, errors)
}

#[test]
fn it_says_what_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("a.pkl"), DTYPE).unwrap();
    let (code, out, _) = run(path, &["a.pkl", "b.pkl", "--numpy", "1"]);
    assert_eq!(code, Some(0));
    assert_eq!(out, b"b.pkl: for NumPy 1: 1 name changed; 33 B\n");
    let written = fs::read(path.join("b.pkl")).unwrap();
    assert_eq!(written, b"\x80\x02cnumpy.core.multiarray\nscalar\n.");

    let (code, out, _) = run(path, &["a.pkl", "c.pkl", "--numpy", "2", "--json"]);
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (code, &told["changed"], &told["names"]),
        (Some(0), &false.into(), &0.into())
    );
    assert_eq!(fs::read(path.join("c.pkl")).unwrap(), DTYPE);

    let (code, out, errors) = run(path, &["a.pkl", "-", "--numpy", "1"]);
    assert_eq!((code, out), (Some(0), written));
    assert!(
        errors.starts_with("-: for NumPy 1: 1 name changed"),
        "{errors}"
    );
}

#[test]
fn an_output_that_exists_stays_unless_it_is_forced_and_errors_leave_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("a.pkl"), DTYPE).unwrap();
    fs::write(path.join("s.pkl"), STRINGS).unwrap();
    let (code, _, errors) = run(path, &["s.pkl", "b.pkl", "--numpy", "1"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        errors,
        "error: s.pkl: byte 2: NumPy 1 has no numpy.dtypes.StringDType\n"
    );
    assert!(!path.join("b.pkl").exists());

    fs::write(path.join("b.pkl"), "mine").unwrap();
    let (code, _, _) = run(path, &["a.pkl", "b.pkl", "--numpy", "1"]);
    assert_eq!(code, Some(2));
    assert_eq!(fs::read(path.join("b.pkl")).unwrap(), b"mine");
    // Its own input may be the output.
    let (code, _, _) = run(path, &["a.pkl", "a.pkl", "--numpy", "1", "-f"]);
    assert_eq!(code, Some(0));
    assert_ne!(fs::read(path.join("a.pkl")).unwrap(), DTYPE);
}

#[test]
fn malformed_files_and_wrong_usage_are_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("cut.pkl"), &DTYPE[..20]).unwrap();
    fs::write(path.join("text.txt"), "hello\n").unwrap();
    for args in [
        &["cut.pkl", "b.pkl", "--numpy", "1"][..],
        &["text.txt", "b.pkl", "--numpy", "1"],
        &["nowhere.pkl", "b.pkl", "--numpy", "1"],
        &["cut.pkl", "b.pkl", "--numpy", "3"],
        &["cut.pkl", "b.pkl"],
        &["cut.pkl", "b.pkl", "--numpy", "1", "--protocol", "6"],
        &["cut.pkl", "-", "--numpy", "1", "--json"],
    ] {
        let (code, out, errors) = run(path, args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(
            out.is_empty() && errors.starts_with("error: "),
            "{args:?}: {errors}"
        );
        assert!(!path.join("b.pkl").exists());
    }
}
