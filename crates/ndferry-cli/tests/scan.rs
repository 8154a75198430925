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

/// Names of members that the standard (OASIS SARIF 2.1.0, section 3) has for an object, and those that it must have.
type Members = (&'static [&'static str], &'static [&'static str]);

/// What an object may hold, by its place in the log; a star is any number.
const SARIF: &[(&str, Members)] = &[
    ("", (&["$schema", "version", "runs"], &["version", "runs"])),
    (
        "runs.*",
        (&["tool", "columnKind", "artifacts", "results"], &["tool"]),
    ),
    ("runs.*.tool", (&["driver"], &["driver"])),
    (
        "runs.*.tool.driver",
        (&["name", "version", "informationUri", "rules"], &["name"]),
    ),
    (
        "runs.*.tool.driver.rules.*",
        (&["id", "shortDescription", "defaultConfiguration"], &["id"]),
    ),
    (
        "runs.*.tool.driver.rules.*.shortDescription",
        (&["text"], &["text"]),
    ),
    (
        "runs.*.tool.driver.rules.*.defaultConfiguration",
        (&["level"], &[]),
    ),
    ("runs.*.artifacts.*", (&["location"], &[])),
    ("runs.*.artifacts.*.location", (&["uri"], &[])),
    (
        "runs.*.results.*",
        (
            &["ruleId", "ruleIndex", "level", "message", "locations"],
            &["message"],
        ),
    ),
    ("runs.*.results.*.message", (&["text"], &["text"])),
    (
        "runs.*.results.*.locations.*",
        (&["physicalLocation", "logicalLocations"], &[]),
    ),
    (
        "runs.*.results.*.locations.*.physicalLocation",
        (&["artifactLocation", "region"], &["artifactLocation"]),
    ),
    (
        "runs.*.results.*.locations.*.physicalLocation.artifactLocation",
        (&["uri", "index"], &[]),
    ),
    (
        "runs.*.results.*.locations.*.physicalLocation.region",
        (&["byteOffset", "byteLength"], &[]),
    ),
    (
        "runs.*.results.*.locations.*.logicalLocations.*",
        (&["name", "kind"], &[]),
    ),
];

/// Compares each object with [`SARIF`], and each value with the type that the standard has for its member.
fn fits_sarif(place: &str, name: &str, value: &Value) {
    let inner = |name: &str| match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    };
    match value {
        Value::Object(members) => {
            let row = SARIF.iter().find(|(at, _)| *at == place);
            let (_, (may, must)) = row.unwrap_or_else(|| panic!("{place} is no object"));
            for name in *must {
                assert!(members.contains_key(*name), "{place} has no {name}");
            }
            for (name, value) in members {
                assert!(may.contains(&&**name), "{place}.{name} is not known");
                fits_sarif(&inner(name), name, value);
            }
        }
        Value::Array(items) => {
            let plural = ["runs", "rules", "artifacts", "results", "locations"];
            assert!(plural.contains(&name) || name == "logicalLocations");
            if name == "artifacts" || name == "rules" {
                let unique = (1..items.len()).all(|i| !items[..i].contains(&items[i]));
                assert!(unique, "{place} has something twice");
            }
            for item in items {
                fits_sarif(&inner("*"), "*", item);
            }
        }
        Value::Number(number) => {
            let integers = ["ruleIndex", "index", "byteOffset", "byteLength"];
            assert!(integers.contains(&name) && number.is_u64(), "{place}");
        }
        Value::String(text) => match name {
            "level" => assert!(["none", "note", "warning", "error"].contains(&&**text)),
            "columnKind" => assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&&**text)),
            "version" if place == "version" => assert_eq!(text, "2.1.0"),
            "uri" | "informationUri" | "$schema" => {
                let may = |c: char| c.is_ascii_alphanumeric() || "-._~/:%".contains(c);
                assert!(!text.is_empty() && text.chars().all(may), "{text}");
            }
            _ => assert!(!text.is_empty(), "{place}"),
        },
        other => panic!("{place}: {other}"),
    }
}

#[test]
fn sarif_has_what_the_standard_has_and_nothing_else() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("a b\u{fc}:#?.pkl"), SHELL).unwrap();
    let mut npz = std::fs::File::create(path.join("a.npz")).unwrap();
    std::io::Write::write_all(&mut npz, &zip_of("x.pkl", SHELL)).unwrap();
    let (_, out, _) = scan(path, &["--sarif", ".", "model.pkl", "model.pkl"]);
    let log: Value = serde_json::from_str(&out).unwrap();
    fits_sarif("", "", &log);
    assert!(out.contains("logicalLocations") && out.contains("a%20b%C3%BC%3A%23%3F.pkl"));
    let (_, out, _) = scan(path, &["--sarif", "notes.txt"]);
    let log: Value = serde_json::from_str(&out).unwrap();
    fits_sarif("", "", &log);
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
}

/// An archive of one stored member.
fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut common = b"\x14\0\0\0\0\0\0\0\x21\0".to_vec();
    let crc = bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    common.extend((!crc).to_le_bytes());
    common.extend((bytes.len() as u32).to_le_bytes().repeat(2));
    common.extend((name.len() as u32).to_le_bytes());
    let mut out = [b"PK\x03\x04", &common[..], name.as_bytes(), bytes].concat();
    let directory = out.len() as u32;
    let head = [&b"PK\x01\x02\x14\0"[..], &common, &[0; 14], name.as_bytes()].concat();
    out.extend(&head);
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend((head.len() as u32).to_le_bytes());
    out.extend(directory.to_le_bytes());
    out.extend([0, 0]);
    out
}
