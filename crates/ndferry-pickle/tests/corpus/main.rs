//! Real pickles, from CPython, PyPy and Jython with many NumPys, against what those say is in them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod describe;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::Order;
use ndferry_pickle::{
    ArrayHead, ArrayReader, Elements, ErrorKind, Limits, Machine, Numpy, PickleWriter, Recognised,
    Result, StoredOrder, Tree, WriteOptions,
};
use serde_json::Value;

/// The corpus, if it is there.
fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle");
    if !root.join("manifest.json").is_file() {
        println!("skipped: no corpus at {}", root.display());
        return None;
    }
    Some(root)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All pickles of a file, and the arrays in them, described as the corpus describes them.
fn arrays(bytes: Bytes, buffers: Vec<Bytes>, has_quads: bool) -> Result<Vec<String>> {
    let len = bytes.len() as u64;
    let mut machine = Machine::open(Arc::new(bytes), 0, Limits::default(), buffers);
    machine.load()?;
    while machine.offset() < len {
        let start = machine.offset();
        if machine.load().is_err() {
            machine.skip_to(start);
            machine.load_on()?;
        }
    }
    let tree = machine.into_tree();
    listed(&tree, has_quads)
}

fn listed(tree: &Tree, has_quads: bool) -> Result<Vec<String>> {
    let mut reader = ArrayReader::new(tree, &Limits::default());
    let mut out = Vec::new();
    for id in tree.ids() {
        match reader.read(id)? {
            Some(Recognised::Array(array)) => out.push(describe::ours(tree, &array, has_quads)?),
            Some(Recognised::Masked { data, mask, .. }) => {
                out.push(describe::ours(tree, &data, has_quads)?);
                out.push(describe::ours(tree, &mask, has_quads)?);
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Each that is expected must be there; others may be, such as the arrays that a scalar or a fill value is made of.
fn missing(ours: &[String], theirs: &[String]) -> Vec<String> {
    let mut left = ours.to_vec();
    let mut missing = Vec::new();
    for expected in theirs {
        match left.iter().position(|found| found == expected) {
            Some(i) => drop(left.swap_remove(i)),
            None => missing.push(format!("{expected} not in {left:?}")),
        }
    }
    missing
}

#[derive(Default)]
struct Figures {
    right: usize,
    arrays: usize,
    survived: usize,
    missed: usize,
}

#[test]
fn arrays_are_what_numpy_says() {
    let Some(root) = corpus() else { return };
    let manifest = json(&root.join("manifest.json"));
    let expected = json(&root.join("expected.json"));
    let mut figures: BTreeMap<&str, Figures> = BTreeMap::new();
    // Why some are only to be survived.
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut misses = Vec::new();
    for entry in manifest["entries"].as_array().unwrap() {
        let family = entry["family"].as_str().unwrap();
        // Those are pickles inside other files.
        if matches!(family, "torch_pt" | "numpy_objarr_npy") {
            continue;
        }
        let file = entry["file"].as_str().unwrap();
        let bytes = fs::read(root.join(file)).unwrap();
        // Compressed, or one of the NPYs beside the pickles of old joblibs.
        if bytes.starts_with(b"\x1f\x8b") || (family == "joblib" && bytes[0] != 0x80) {
            continue;
        }
        let buffers = entry["buffers"].as_array().into_iter().flatten();
        let buffers =
            buffers.map(|name| fs::read(root.join(name.as_str().unwrap())).unwrap().into());
        let has_quads = entry["envs"][0] == "deb_np124_s390x";
        let ours = arrays(bytes.into(), buffers.collect(), has_quads);
        let figures = figures.entry(family).or_default();
        let hash = entry["expected"].as_str();
        let value = hash.map(|hash| &expected[hash]);
        let theirs = match (value, entry.get("arrays")) {
            (Some(value), _) if value["t"] == "reject_or_opaque" => None,
            (Some(value), _) => Some(describe::theirs(value)),
            (None, Some(arrays)) => {
                let arrays = arrays.as_array().unwrap();
                Some(arrays.iter().filter_map(describe::short).collect())
            }
            (None, None) => None,
        };
        match (ours, theirs) {
            (_, None) => {
                figures.survived += 1;
                let why = match (value, entry.get("policy"), entry["load_error"].as_str()) {
                    (Some(_), ..) => "it holds addresses of the process that wrote it",
                    (_, Some(_), _) => "it is hostile",
                    (_, _, Some(_)) => "NumPy itself does not load it",
                    _ => "nobody says what is in it",
                };
                *reasons.entry((family, why)).or_default() += 1;
            }
            // joblib before 0.10 put arrays into files beside the pickle.
            (Err(error), _) if matches!(error.kind, ErrorKind::Unsupported { .. }) => {
                assert!(file.contains("joblib_0.9"), "{file}: {error}");
                figures.survived += 1;
                *reasons
                    .entry((family, "its arrays are in files beside it"))
                    .or_default() += 1;
            }
            (Ok(ours), Some(theirs)) => {
                let missing = missing(&ours, &theirs);
                if missing.is_empty() {
                    figures.right += 1;
                    figures.arrays += theirs.len();
                } else {
                    figures.missed += 1;
                    misses.push(format!("{}: {}", entry["id"], missing[0]));
                }
            }
            (Err(error), Some(_)) => {
                figures.missed += 1;
                misses.push(format!("{}: {error}", entry["id"]));
            }
        }
    }
    for (
        family,
        Figures {
            right,
            arrays,
            survived,
            missed,
        },
    ) in &figures
    {
        println!(
            "{family:28} {right:5} right ({arrays} arrays), {survived:3} survived, {missed} missed"
        );
    }
    for ((family, why), count) in &reasons {
        println!("{family:28} {count:5} only survived: {why}");
    }
    let total = |of: fn(&Figures) -> usize| figures.values().map(of).sum::<usize>();
    let (right, missed) = (total(|f| f.right), total(|f| f.missed));
    println!(
        "corpus: {right} pickles right, {missed} missed, {} survived",
        total(|f| f.survived)
    );
    assert!(right > 3000);
    assert!(missed == 0, "{}", misses.join("\n"));
}

/// Whether a writer's dicts were in the order in which they were told.
fn keeps_order(env: &str) -> bool {
    !env.starts_with("py27") && env != "jython"
}

#[test]
fn values_are_what_python_says() {
    let Some(root) = corpus() else { return };
    let manifest = json(&root.join("manifest.json"));
    let expected = json(&root.join("expected.json"));
    let mut figures: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut misses = Vec::new();
    for entry in manifest["entries"].as_array().unwrap() {
        let family = entry["family"].as_str().unwrap();
        let theirs = entry["expected"].as_str().map(|hash| &expected[hash]);
        let Some(theirs) = theirs.filter(|theirs| theirs["t"] != "reject_or_opaque") else {
            continue;
        };
        if matches!(family, "torch_pt" | "numpy_objarr_npy" | "joblib") {
            continue;
        }
        let bytes = fs::read(root.join(entry["file"].as_str().unwrap())).unwrap();
        if bytes.starts_with(b"\x1f\x8b") {
            continue;
        }
        let buffers = entry["buffers"].as_array().into_iter().flatten();
        let buffers =
            buffers.map(|name| fs::read(root.join(name.as_str().unwrap())).unwrap().into());
        let mut machine = Machine::open(
            Arc::new(Bytes::from(bytes)),
            0,
            Limits::default(),
            buffers.collect(),
        );
        let right = figures.entry(family).or_default();
        // Several pickles in a file are told as a list.
        let theirs = match entry["variant"].as_str() {
            Some("stream" | "same") => theirs["items"].as_array().unwrap().iter().collect(),
            _ => vec![theirs],
        };
        let of_one_pickler = entry["variant"] == "same";
        let loaded: Result<Vec<_>> = (theirs.iter().enumerate())
            .map(|(i, _)| match i > 0 && of_one_pickler {
                true => machine.load_on(),
                false => machine.load(),
            })
            .collect();
        let outcome = match loaded {
            Err(error) => Err(error.to_string()),
            Ok(roots) => {
                let tree = machine.into_tree();
                let mut comparison = values::Comparison {
                    tree: &tree,
                    reader: ArrayReader::new(&tree, &Limits::default()),
                    seen: Default::default(),
                    any_order: !entry["envs"][0].as_str().is_some_and(keeps_order),
                };
                let mut pairs = theirs.iter().zip(roots);
                pairs.try_for_each(|(theirs, root)| comparison.same(theirs, root, "$"))
            }
        };
        match outcome {
            Ok(()) => right.0 += 1,
            Err(problem) => {
                right.1 += 1;
                misses.push(format!("{}: {problem}", entry["id"]));
            }
        }
    }
    for (family, (right, wrong)) in &figures {
        println!("{family:28} {right:5} right, {wrong} wrong");
    }
    assert!(figures.values().map(|(right, _)| right).sum::<usize>() > 3000);
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// What we make of the arrays of a file, if it holds nothing but one array of numbers, or a dict of such.
fn rewritten(bytes: Vec<u8>, protocol: u8, numpy: Numpy) -> Option<Vec<u8>> {
    let mut machine = Machine::new(bytes);
    let root = machine.load().ok()?;
    let tree = machine.into_tree();
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    let mut writer = PickleWriter::new(
        Vec::new(),
        WriteOptions {
            protocol,
            numpy,
            ..WriteOptions::default()
        },
    )
    .unwrap();
    let mut write = |writer: &mut PickleWriter<Vec<u8>>, id| {
        let Some(Recognised::Array(array)) = reader.read(id).ok()? else {
            return None;
        };
        let Elements::Bytes(payload) = array.elements else {
            return None;
        };
        let order = match array.order {
            StoredOrder::C => Order::C,
            StoredOrder::F => Order::F,
            StoredOrder::Permuted(_) => return None,
        };
        if array.is_array_array {
            return None;
        }
        let head = ArrayHead {
            dtype: &array.dtype,
            shape: &array.shape,
            order,
        };
        let bytes = payload.bytes(&tree).unwrap();
        writer
            .array(&head, &mut || Ok(Box::new(&bytes[..])))
            .unwrap();
        Some(())
    };
    match tree.get(root) {
        ndferry_pickle::Value::Dict(pairs) if !pairs.is_empty() => {
            writer.dict(pairs.len()).unwrap();
            for (key, value) in pairs {
                writer.key(&tree.name(*key).unwrap()?).unwrap();
                write(&mut writer, *value)?;
            }
        }
        _ => write(&mut writer, root)?,
    }
    Some(writer.finish().unwrap())
}

#[test]
fn arrays_are_written_as_cpython_writes_them() {
    let Some(root) = corpus() else { return };
    let manifest = json(&root.join("manifest.json"));
    let mut same: BTreeMap<(&str, u64), (usize, usize)> = BTreeMap::new();
    let mut others = Vec::new();
    for entry in manifest["entries"].as_array().unwrap() {
        let wrote = |env: &str| {
            let envs = entry["envs"].as_array().into_iter().flatten();
            envs.into_iter().any(|name| name == env)
        };
        let (era, numpy) = match (wrote("np126"), wrote("np24")) {
            (true, _) => ("NumPy 1.26", Numpy::One),
            (_, true) => ("NumPy 2.4", Numpy::Two),
            _ => continue,
        };
        let family = entry["family"].as_str().unwrap();
        if !matches!(family, "dtypes" | "layout") || entry["variant"] != "c" {
            continue;
        }
        let protocol = entry["protocol"].as_u64().unwrap();
        let theirs = fs::read(root.join(entry["file"].as_str().unwrap())).unwrap();
        let Some(ours) = rewritten(theirs.clone(), protocol as u8, numpy) else {
            continue;
        };
        let (equal, all) = same.entry((era, protocol)).or_default();
        *all += 1;
        if ours == theirs {
            *equal += 1;
        } else {
            others.push(entry["id"].as_str().unwrap());
        }
    }
    let (mut equal, mut all) = (0, 0);
    for ((era, protocol), (same, of)) in &same {
        println!("{era}, protocol {protocol}: {same} of {of} byte for byte");
        equal += same;
        all += of;
    }
    println!("written: {equal} of {all} byte for byte as CPython; not {others:?}");
    assert!(all > 500 && equal * 100 >= all * 95);
}

/// Reads a pickle and the bytes of every array in it.
fn touched(bytes: Vec<u8>) -> Result<usize> {
    let mut machine = Machine::new(bytes);
    machine.load()?;
    let tree = machine.into_tree();
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    let mut nbytes = 0;
    for id in tree.ids() {
        if let Some(Recognised::Array(array) | Recognised::Scalar(array)) = reader.read(id)?
            && let Elements::Bytes(payload) = array.elements
        {
            nbytes += payload.bytes(&tree)?.len();
        }
    }
    Ok(nbytes)
}

#[test]
fn mutants_neither_panic_nor_hang() {
    let Some(root) = corpus() else { return };
    let manifest = json(&root.join("manifest.json"));
    let entries = manifest["entries"].as_array().unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut read, mut refused) = (0, 0);
    let mut slowest = std::time::Duration::ZERO;
    for entry in entries.iter().step_by(23) {
        let seed = fs::read(root.join(entry["file"].as_str().unwrap())).unwrap();
        if seed.len() > 8192 || seed.is_empty() {
            continue;
        }
        for _ in 0..100 {
            let mut mutant = seed.clone();
            for _ in 0..=random(3) {
                let at = random(mutant.len());
                match random(4) {
                    0 => mutant[at] = random(256) as u8,
                    1 => mutant[at] ^= 1 << random(8),
                    2 => mutant.insert(at, b"(.2R\x85bae\x93t}"[random(11)]),
                    _ if mutant.len() > 1 => drop(mutant.remove(at)),
                    _ => {}
                }
            }
            let start = common::computed();
            match touched(mutant) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
            slowest = slowest.max(common::computed() - start);
        }
    }
    println!("mutants: {read} read, {refused} refused, the slowest in {slowest:?}");
    assert!(read > 100 && refused > 5000);
    assert!(slowest < std::time::Duration::from_secs(2));
}
