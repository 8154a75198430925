//! Real pickles, read and written again: byte for byte as CPython wrote them, and in every other protocol with the same
//! values.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndferry_pickle::{Machine, Numpy, Result, TreeWriter, WriteOptions};
use serde_json::Value;

/// The corpus, if it is there.
fn corpus() -> Option<(PathBuf, Value)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle");
    let Ok(manifest) = fs::read_to_string(root.join("manifest.json")) else {
        println!("skipped: no corpus at {}", root.display());
        return None;
    };
    Some((root, serde_json::from_str(&manifest).unwrap()))
}

fn rewritten(pickle: Vec<u8>, protocol: u8, numpy: Numpy) -> Result<Vec<u8>> {
    let mut machine = Machine::new(pickle);
    let root = machine.load()?;
    let tree = machine.into_tree();
    let options = WriteOptions {
        protocol,
        numpy,
        ..WriteOptions::default()
    };
    TreeWriter::new(&tree, options)?.write(root, Vec::new())
}

/// Entries that CPython 3.11 wrote with one of two NumPys, with their bytes.
fn entries<'m>(root: &Path, manifest: &'m Value) -> Vec<(&'m Value, &'static str, Numpy, Vec<u8>)> {
    let mut out = Vec::new();
    for entry in manifest["entries"].as_array().unwrap() {
        let family = entry["family"].as_str().unwrap();
        if !matches!(family, "dtypes" | "layout" | "containers") || entry["variant"] != "c" {
            continue;
        }
        let envs: Vec<_> = entry["envs"].as_array().into_iter().flatten().collect();
        let bytes = fs::read(root.join(entry["file"].as_str().unwrap())).unwrap();
        for (env, era, numpy) in [
            ("np126", "NumPy 1.26", Numpy::One),
            ("np24", "NumPy 2.4", Numpy::Two),
        ] {
            if envs.iter().any(|name| *name == env) {
                out.push((entry, era, numpy, bytes.clone()));
            }
        }
    }
    out
}

#[test]
fn whole_pickles_are_written_as_cpython_writes_them() {
    let Some((root, manifest)) = corpus() else {
        return;
    };
    let mut same: BTreeMap<(&str, u64), (usize, usize)> = BTreeMap::new();
    let mut others = Vec::new();
    for (entry, era, numpy, theirs) in entries(&root, &manifest) {
        let protocol = entry["protocol"].as_u64().unwrap();
        let ours = rewritten(theirs.clone(), protocol as u8, numpy);
        let (equal, all) = same.entry((era, protocol)).or_default();
        *all += 1;
        match ours {
            Ok(ours) if ours == theirs => *equal += 1,
            Ok(ours) => {
                let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
                others.push(format!("{} from byte {at:?}", entry["id"]));
            }
            Err(error) => others.push(format!("{}: {error}", entry["id"])),
        }
    }
    let (mut equal, mut all) = (0, 0);
    for ((era, protocol), (same, of)) in &same {
        println!("{era}, protocol {protocol}: {same} of {of} byte for byte");
        equal += same;
        all += of;
    }
    println!("rewritten: {equal} of {all} byte for byte as CPython; not {others:#?}");
    for (name, (same, of)) in &same {
        assert!(same * 100 >= of * 95, "{name:?}: {same} of {of}");
    }
    assert!(all > 1000);
}
