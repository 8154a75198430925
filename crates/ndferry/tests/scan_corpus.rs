//! Scans of real and malicious pickles: none of the latter is clean, none of the former dangerous.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use ndferry::{ScanOptions, Scanned, scan};

/// Files of the malicious families that hold no malice; they are there to catch those who cry wolf.
const HARMLESS: &[&str] = &[
    "benign",
    "object_array",
    "int_array",
    "pytorch_model.bin",
    "new_pytorch",
    "not_a_pickle",
    "bad_pytorch",
];

/// Families that hold nothing but arrays and builtin values.
const CLEAN: &[&str] = &["dtypes", "layout", "masked", "array_array", "torch_pt"];

fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let files = PathBuf::from(root).join("pickle/files");
    if files.is_dir() {
        return Some(files);
    }
    println!("skipped: no corpus at {}", files.display());
    None
}

fn scanned(path: &Path) -> Scanned {
    scan(path, &ScanOptions::default(), &()).unwrap()
}

/// Whether it is packed in a way that this build does not read.
fn is_not_built(problem: &ndferry::Error) -> bool {
    !cfg!(feature = "compressed") && matches!(problem.kind(), ndferry::ErrorKind::NotBuilt { .. })
}

#[test]
fn scans_fit_the_corpus() {
    let Some(root) = corpus() else {
        return;
    };
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let (mut wrong, mut skipped) = (Vec::new(), 0);
    for family in fs::read_dir(&root).unwrap() {
        let family = family.unwrap();
        let name = family.file_name().into_string().unwrap();
        for file in fs::read_dir(family.path()).unwrap() {
            let path = file.unwrap().path();
            // Elements alone, which pickles beside them name.
            if path
                .extension()
                .is_some_and(|end| end.to_string_lossy().starts_with("buf"))
            {
                continue;
            }
            let found = scanned(&path);
            if found.problems.iter().any(is_not_built) {
                skipped += 1;
                continue;
            }
            let verdict = found.verdict();
            *counts.entry((name.clone(), verdict)).or_default() += 1;
            let file = path.file_name().unwrap().to_str().unwrap();
            let is_harmless = HARMLESS.iter().any(|start| file.starts_with(start));
            let is_malicious = name.starts_with("malicious") && !is_harmless;
            let fits = match verdict {
                "clean" | "no-pickle" => !is_malicious,
                "dangerous" => is_malicious,
                "needs-code" => !CLEAN.contains(&&*name),
                // What needs a password, and what is no pickle though it is named as one.
                _ => name.starts_with("malicious"),
            };
            if !fits {
                let (safety, problems) = (&found.safety, &found.problems);
                wrong.push(format!("{name}/{file}: {verdict}: {safety}, {problems:?}"));
            }
        }
    }
    for ((family, verdict), count) in &counts {
        println!("{family:28} {verdict:12} {count:5}");
    }
    if skipped > 0 {
        println!("skipped: {skipped} files that need the feature compressed");
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let families: HashSet<&String> = counts.keys().map(|(family, _)| family).collect();
    assert!(families.len() > 10);
}
