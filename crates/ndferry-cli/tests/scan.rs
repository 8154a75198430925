//! `ndferry scan`: exit codes, folders, policies, and where text goes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const CLEAN: &[u8] = b"\x80\x02cnumpy\nndarray\nq\x00.";
const SHELL: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";
const MODEL: &[u8] = b"\x80\x02cmylab\nScan\n)\x81.";

/// A folder with a file of each verdict, one of them below another folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("inner")).unwrap();
    fs::write(path.join("clean.pkl"), CLEAN).unwrap();
    fs::write(path.join("inner/shell.pkl"), SHELL).unwrap();
    fs::write(path.join("model.pkl"), MODEL).unwrap();
    fs::write(path.join("cut.pkl"), &CLEAN[..9]).unwrap();
    fs::write(path.join("notes.txt"), "nothing to see\n").unwrap();
    folder
}

fn scan(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .current_dir(folder)
        .arg("scan")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_folder_is_scanned_with_all_that_is_in_it() {
    let folder = folder();
    let (code, out, err) = scan(folder.path(), &["."]);
    assert_eq!(code, Some(1));
    let lines: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(lines.len(), 4, "{out}");
    assert_eq!(lines[0], "./clean.pkl clean numpy.ndarray");
    assert!(
        lines[1].starts_with("./cut.pkl unreadable: byte 9: "),
        "{out}"
    );
    assert_eq!(lines[2], "./model.pkl needs code: mylab.Scan");
    assert_eq!(
        lines[3],
        "./inner/shell.pkl dangerous: posix.system at byte 0 (REDUCE), not run"
    );
    assert_eq!(
        err,
        "5 files, 1 dangerous, 1 needing code, 1 unreadable, 1 without pickles\n"
    );
    let (_, _, err) = scan(folder.path(), &["-q", "."]);
    assert_eq!(err, "");
}

#[test]
fn exit_status_is_that_of_a_question() {
    let folder = folder();
    let code = |args: &[&str]| scan(folder.path(), args).0;
    assert_eq!(code(&["clean.pkl", "notes.txt"]), Some(0));
    assert_eq!(code(&["inner"]), Some(1));
    assert_eq!(code(&["cut.pkl"]), Some(1));
    assert_eq!(code(&["model.pkl"]), Some(1));
    assert_eq!(code(&["--allow", "mylab.Scan", "model.pkl"]), Some(0));
    assert_eq!(code(&["missing.pkl", "inner"]), Some(2));
    assert_eq!(code(&["--policy", "missing.txt", "clean.pkl"]), Some(2));
    assert_eq!(code(&[]), Some(2));
}

#[test]
fn a_policy_decides_what_passes() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("uuid.pkl"), b"\x80\x02cuuid\nUUID\n.").unwrap();
    fs::write(path.join("mine"), "# ours\nmylab.Scan\n").unwrap();
    fs::write(path.join("wild"), "mylab.*\n").unwrap();
    let code = |args: &[&str]| scan(path, args).0;
    assert_eq!(code(&["uuid.pkl"]), Some(0));
    assert_eq!(code(&["--policy", "arrays", "uuid.pkl"]), Some(1));
    assert_eq!(code(&["--policy", "mine", "model.pkl"]), Some(0));
    assert_eq!(code(&["--policy", "mine", "clean.pkl"]), Some(1));
    let (code, _, err) = scan(path, &["--policy", "wild", "model.pkl"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("line 1") && err.contains("mylab.*"), "{err}");
}

#[test]
fn names_are_shown_without_letters_that_look_like_others() {
    let folder = folder();
    fs::write(folder.path().join("a.pkl"), "cn\u{443}mpy\nndarray\n.").unwrap();
    let (_, out, _) = scan(folder.path(), &["a.pkl"]);
    assert_eq!(out, "a.pkl  needs code: n\\u{443}mpy.ndarray\n");
}

#[test]
fn every_name_is_listed_when_asked_for() {
    let folder = folder();
    let (_, out, _) = scan(folder.path(), &["-l", "inner/shell.pkl", "clean.pkl"]);
    assert!(
        out.contains("  posix.system at byte 0 (REDUCE)  dangerous\n"),
        "{out}"
    );
    assert!(out.contains("  numpy.ndarray at byte 2\n"), "{out}");
}

#[test]
fn sarif_names_each_place() {
    let folder = folder();
    let (code, out, _) = scan(folder.path(), &["--sarif", "."]);
    assert_eq!(code, Some(1));
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["artifacts"].as_array().unwrap().len(), 5);
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        // As the standard has it: what an index points to is what is named.
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let index = place["artifactLocation"]["index"].as_u64().unwrap() as usize;
        let artifact = &run["artifacts"][index]["location"]["uri"];
        assert_eq!(*artifact, place["artifactLocation"]["uri"]);
        assert!(place["region"]["byteOffset"].is_u64());
        assert!(result["message"]["text"].is_string());
    }
    let shell = results
        .iter()
        .find(|result| result["ruleId"] == "dangerous");
    assert_eq!(shell.unwrap()["level"], "error");
}
