//! Pickles: one large array, very many small ones, a dict of numbers and arrays.

use std::fs;
use std::hint::black_box;

use anyhow::Context;
use bytes::Bytes;
use ndferry::{Array, OpenOptions, Source};
use ndferry_pickle::{ArrayReader, Elements, Limits, Machine, PickledArray, Recognised, Value};
use serde_json::json;

use crate::cost::{Cost, sha256};

/// Readings in one go, of which the cheapest counts.
const LARGE_READINGS: u32 = 2;
const SMALL_READINGS: u32 = 5;

/// One large array into memory.
pub(crate) fn read(path: &str) -> anyhow::Result<()> {
    let load = || -> anyhow::Result<Array> {
        Ok(Source::open(path, &OpenOptions::default())?
            .array(None)?
            .load()?)
    };
    let array = load()?;
    let result = json!([
        array.dtype().descr()?.to_string(),
        array.shape(),
        sha256([array.bytes().as_ref()])
    ]);
    drop(array);
    Cost::least(LARGE_READINGS, load)?.tell(result);
    Ok(())
}

/// A list of arrays: the file's bytes, the values in them, and of each array dtype, shape and elements.
pub(crate) fn many(path: &str) -> anyhow::Result<()> {
    let load = || -> anyhow::Result<Vec<(PickledArray, Bytes)>> {
        let mut machine = Machine::new(fs::read(path)?);
        let root = machine.load()?;
        let tree = machine.into_tree();
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        let items = tree.sequence(root).context("not a list")?;
        let mut arrays = Vec::with_capacity(items.len());
        for item in items {
            let Some(Recognised::Array(array)) = reader.read(*item)? else {
                anyhow::bail!("not an array");
            };
            let Elements::Bytes(payload) = array.elements else {
                anyhow::bail!("an array of objects");
            };
            let bytes = payload.bytes(&tree)?;
            arrays.push((array, bytes));
        }
        Ok(arrays)
    };
    let arrays = load()?;
    let shapes: usize = arrays.iter().map(|(array, _)| array.shape[0]).sum();
    let digest = sha256(arrays.iter().map(|(_, bytes)| &bytes[..]));
    let result = json!([arrays.len(), shapes, digest]);
    drop(arrays);
    Cost::least(SMALL_READINGS, load)?.tell(result);
    Ok(())
}

/// The same, as a source with a path for each array.
pub(crate) fn many_lazy(path: &str) -> anyhow::Result<()> {
    let load = || -> anyhow::Result<Vec<Array>> {
        let source = Source::open(path, &OpenOptions::default())?;
        let arrays = source.arrays().map(|array| Ok(array.load()?));
        arrays.collect()
    };
    let arrays = load()?;
    let shapes: usize = arrays.iter().map(|array| array.shape()[0]).sum();
    let digest = sha256(arrays.iter().map(|array| array.bytes().as_ref()));
    let result = json!([arrays.len(), shapes, digest]);
    drop(arrays);
    Cost::least(SMALL_READINGS, load)?.tell(result);
    Ok(())
}

/// What the values of a dict come to.
#[derive(Default)]
struct Entries {
    names: Vec<String>,
    floats: Vec<f64>,
    arrays: Vec<(PickledArray, Bytes)>,
}

/// A dict with names, numbers and arrays.
pub(crate) fn dict(path: &str) -> anyhow::Result<()> {
    let load = || -> anyhow::Result<Entries> {
        let mut machine = Machine::new(fs::read(path)?);
        let root = machine.load()?;
        let tree = machine.into_tree();
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        let Value::Dict(pairs) = tree.get(root) else {
            anyhow::bail!("not a dict");
        };
        let mut out = Entries::default();
        for (key, value) in pairs {
            let name = tree.name(*key)?.context("a key that is no text")?;
            out.names.push(name.into_owned());
            match tree.get(*value) {
                Value::Float(value) => out.floats.push(value),
                _ => {
                    let Some(Recognised::Array(array)) = reader.read(*value)? else {
                        anyhow::bail!("not an array");
                    };
                    let Elements::Bytes(payload) = array.elements else {
                        anyhow::bail!("an array of objects");
                    };
                    let bytes = payload.bytes(&tree)?;
                    out.arrays.push((array, bytes));
                }
            }
        }
        Ok(out)
    };
    let Entries {
        names,
        floats,
        arrays,
    } = load()?;
    let floats: Vec<u8> = floats
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let result = json!([
        sha256([names.join("\n").as_bytes()]),
        sha256([&floats[..]]),
        sha256(arrays.iter().map(|(_, bytes)| &bytes[..]))
    ]);
    drop((names, floats, arrays));
    Cost::least(SMALL_READINGS, || Ok(black_box(load()?)))?.tell(result);
    Ok(())
}
