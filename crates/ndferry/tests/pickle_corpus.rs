//! Real and malicious pickles as sources: none of the latter is called clean, none of the former dangerous.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ndferry::{OpenOptions, Source};

#[test]
fn verdicts_fit_the_corpus() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle/files");
    let Ok(families) = fs::read_dir(&root) else {
        println!("skipped: no corpus at {}", root.display());
        return;
    };
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for family in families {
        let family = family.unwrap();
        let name = family.file_name().into_string().unwrap();
        for file in fs::read_dir(family.path()).unwrap() {
            let path = file.unwrap().path();
            let verdict = match Source::open(&path, &OpenOptions::default()) {
                Ok(source) => source.safety().word(),
                Err(_) => "refused",
            };
            *counts.entry((name.clone(), verdict)).or_default() += 1;
            // Harmless files beside the others, to catch those who cry wolf.
            let file = path.file_name().unwrap().to_str().unwrap();
            let is_harmless = [
                "benign",
                "object_array",
                "int_array",
                "pytorch_model.bin",
                "new_pytorch",
            ];
            let is_harmless = is_harmless.iter().any(|start| file.starts_with(start));
            let is_malicious = name.starts_with("malicious") && !is_harmless;
            let fits = match (&*name, verdict) {
                // Of one, the only member needs a password.
                (_, "clean" | "no-pickle") => !is_malicious || file == "password_protected.zip",
                (name, "dangerous") => name.starts_with("malicious"),
                // Nothing but arrays and builtin values is in these.
                ("dtypes" | "layout" | "masked" | "array_array", "needs-code") => false,
                _ => true,
            };
            if !fits {
                wrong.push(format!("{}: {verdict}", path.display()));
            }
        }
    }
    for ((family, verdict), count) in &counts {
        println!("{family:28} {verdict:12} {count:5}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.len() > 10);
}
