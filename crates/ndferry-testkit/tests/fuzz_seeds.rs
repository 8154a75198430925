//! The inputs saved in `fuzz/seeds/`, and a few thousand mutants of them, through the fuzz bodies: what the fuzzer found
//! once stays found, on a stable toolchain.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ndferry_testkit::{Mutation, PROPERTIES, Rng, mutant};

/// Mutants of each property's inputs.
const MUTANTS: u64 = 3000;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn inputs(property: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("seeds").join(property);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn saved_inputs_and_their_mutants_keep_every_property() {
    for (name, property) in PROPERTIES {
        let inputs = inputs(name);
        assert!(inputs.len() >= 3, "{name}: too few inputs");
        for input in &inputs {
            property(input);
        }
        for seed in 0..MUTANTS {
            let mut rng = Rng::new(seed);
            let (file, donor) = (rng.pick(&inputs), rng.pick(&inputs));
            let mutation = *rng.pick(&Mutation::SAMPLED);
            property(&mutant(&mut rng, file, donor, mutation));
        }
        println!("{name}: {} saved inputs, {MUTANTS} mutants", inputs.len());
    }
}

#[test]
fn every_property_has_a_target_and_every_target_a_property() {
    let names: BTreeSet<String> = PROPERTIES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let targets: BTreeSet<String> = fs::read_dir(fuzz().join("fuzz_targets"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(targets, names);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
