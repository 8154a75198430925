//! Real NPY files, written by many NumPys, against what NumPy says they hold.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use ndferry_array::Order;
use ndferry_npy::{Header, Limits, parse};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where the corpus is, if it is there.
fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("npy");
    if root.join("manifest.json").exists() {
        return Some(root);
    }
    println!("skipped: no corpus at {}", root.display());
    None
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Checks an array entry; says what differs.
fn compare(bytes: &Bytes, entry: &Value) -> Result<(), String> {
    let (header, start) = Header::parse(bytes).map_err(|error| error.to_string())?;
    let shape: Vec<usize> =
        serde_json::from_value(entry["shape"].clone()).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    let mut same = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what}: {ours}, not {theirs}"));
        }
    };
    same("shape", format!("{:?}", header.shape), format!("{shape:?}"));
    same(
        "itemsize",
        header.dtype.itemsize().to_string(),
        entry["itemsize"].to_string(),
    );
    same(
        "data_offset",
        start.to_string(),
        entry["data_offset"].to_string(),
    );
    same(
        "object",
        header.dtype.has_object().to_string(),
        entry["object"].to_string(),
    );
    same(
        "order",
        (header.order == Order::F).to_string(),
        entry["header"]["fortran_order"].to_string(),
    );
    if let Some(expected) = entry["sha256_c"].as_str() {
        let (array, end) = parse(bytes, &Limits::default()).map_err(|error| error.to_string())?;
        let c = array
            .view()
            .to_bytes(Order::C)
            .map_err(|error| error.to_string())?;
        same("sha256", sha256(&c), expected.to_owned());
        let trailing = entry["trailing_bytes"].as_u64().unwrap_or(0);
        same(
            "trailing",
            (bytes.len() - end).to_string(),
            trailing.to_string(),
        );
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}

#[test]
fn every_npy_file_is_what_numpy_says() {
    let Some(root) = corpus() else { return };
    let manifest = fs::read_to_string(root.join("manifest.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&manifest).unwrap();
    let (mut right, mut refused, mut misses) = (0, 0, Vec::new());
    for entry in &entries {
        let path = entry["path"].as_str().unwrap();
        let bytes = Bytes::from(fs::read(root.join(path)).unwrap());
        match entry["expect"].as_str().unwrap() {
            "array" => match compare(&bytes, entry) {
                Ok(()) => right += 1,
                Err(why) => misses.push(format!("{path}: {why}")),
            },
            "either" => match parse(&bytes, &Limits::default()) {
                Ok(_) => match compare(&bytes, entry) {
                    Ok(()) => right += 1,
                    Err(why) => misses.push(format!("{path}: {why}")),
                },
                Err(_) => refused += 1,
            },
            "error" => match parse(&bytes, &Limits::default()) {
                Ok(_) => misses.push(format!("{path}: accepted")),
                Err(_) => refused += 1,
            },
            _ => {}
        }
    }
    println!(
        "NPY corpus: {right} right, {refused} refused as they should be, {} missed",
        misses.len()
    );
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
