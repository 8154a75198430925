//! Real pickles, written again in every protocol and for every NumPy, mean the same as before; so do mutants of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ndferry_pickle::Machine;
use ndferry_testkit::properties::pickle_write_then_read_is_identity;
use ndferry_testkit::{Mutation, Rng, mutant};

/// Family and bytes of each pickle of the corpus, if it is there. Some files hold pickles inside of something else.
fn pickles() -> Vec<(String, Vec<u8>)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle");
    let Ok(manifest) = std::fs::read_to_string(root.join("manifest.json")) else {
        println!("skipped: no corpus at {}", root.display());
        return Vec::new();
    };
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let entries = manifest["entries"].as_array().unwrap().iter();
    let read = entries.map(|entry| {
        let bytes = std::fs::read(root.join(entry["file"].as_str().unwrap())).unwrap();
        (entry["id"].as_str().unwrap().to_owned(), bytes)
    });
    read.filter(|(_, bytes)| Machine::new(bytes.clone()).load().is_ok())
        .collect()
}

fn miss(bytes: &[u8]) -> Option<String> {
    let again = || pickle_write_then_read_is_identity(bytes);
    let panic = catch_unwind(AssertUnwindSafe(again)).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn real_pickles_mean_the_same_when_written_again() {
    let mut families: BTreeMap<String, usize> = BTreeMap::new();
    let mut misses = Vec::new();
    for (id, bytes) in pickles() {
        match miss(&bytes) {
            None => {
                let family = id.split('/').next().unwrap_or_default();
                *families.entry(family.to_owned()).or_default() += 1;
            }
            Some(what) => misses.push(format!("{id}: {what}")),
        }
    }
    for (family, right) in &families {
        println!("{family:28} {right:5} the same in 6 protocols for 3 NumPys");
    }
    assert!(misses.is_empty(), "{} misses: {misses:#?}", misses.len());
}

#[test]
fn mutants_that_are_pickles_mean_the_same_when_written_again() {
    let pickles = pickles();
    let files: Vec<_> = pickles.into_iter().map(|(_, bytes)| bytes).collect();
    let small: Vec<_> = files
        .into_iter()
        .filter(|bytes| bytes.len() < 4096)
        .collect();
    if small.is_empty() {
        return;
    }
    let (mut read, mut misses) = (0, Vec::new());
    let count = std::env::var("NDFERRY_MUTANTS").ok();
    let count = count.and_then(|n| n.parse().ok()).unwrap_or(4000);
    for seed in 0..count {
        let mut rng = Rng::new(seed);
        let (file, donor) = (rng.pick(&small), rng.pick(&small));
        let mutation = *rng.pick(&Mutation::SAMPLED);
        let bytes = mutant(&mut rng, file, donor, mutation);
        if Machine::new(bytes.clone()).load().is_ok() {
            read += 1;
            misses.extend(miss(&bytes).map(|what| format!("mutant {seed}: {what}")));
        }
    }
    println!("mutants: {read} of those that could be read are the same");
    assert!(misses.is_empty(), "{} misses: {misses:#?}", misses.len());
    assert!(read > count / 8);
}
