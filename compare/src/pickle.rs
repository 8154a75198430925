//! Pickles: one large array, very many small ones, a dict of numbers and arrays.

use std::borrow::Cow;
use std::fs::File;
use std::hint::black_box;
use std::io::Read;

use anyhow::Context;
use bytes::Bytes;
use ndferry::{Array, Format, Item, LazyArray, NumpyEra, OpenOptions, SaveOptions, Source, save};
use ndferry_io::BigBuffer;
use ndferry_pickle::{
    ArrayReader, Elements, Limits, Machine, PickledArray, Recognised, Tree, Value,
};
use serde_json::json;
use sha2::Digest;

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

/// One large array from memory into a file, as NumPy 2 writes it.
pub(crate) fn write(from: &str, to: &str, protocol: u8) -> anyhow::Result<()> {
    let array = Source::open(from, &OpenOptions::default())?
        .array(None)?
        .load()?;
    let array = LazyArray::from(array);
    let mut options = SaveOptions::default();
    options.protocol = Some(protocol);
    options.numpy = NumpyEra::Two;
    options.format = Some(Format::Pickle);
    options.overwrite = true;
    // As `pickle.dump`.
    options.unsynced = true;
    let item = Item {
        name: "",
        array: &array,
    };
    let write = || -> anyhow::Result<()> {
        save(to, &[item], &options, &())?;
        Ok(())
    };
    write()?;
    let result = json!(sha256_of_file(to)?);
    Cost::least(LARGE_READINGS, write)?.tell(result);
    std::fs::remove_file(to)?;
    Ok(())
}

/// Of a file that is larger than what may be held.
fn sha256_of_file(path: &str) -> anyhow::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = sha2::Sha256::default();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => hasher.update(&chunk[..n]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The bytes of a file.
fn bytes(path: &str) -> anyhow::Result<Bytes> {
    let mut file = File::open(path)?;
    let nbytes = file.metadata()?.len();
    Ok(BigBuffer::read_claimed(&mut file, nbytes)?.into_bytes())
}

/// An array in a tree, and its elements, which stay where they are if they lie there as they are.
fn array<'t, 'a>(
    tree: &'t Tree,
    read: &'a Option<Recognised>,
) -> anyhow::Result<(&'a PickledArray, Cow<'t, [u8]>)> {
    let Some(Recognised::Array(array)) = read else {
        anyhow::bail!("not an array");
    };
    let Elements::Bytes(payload) = &array.elements else {
        anyhow::bail!("an array of objects");
    };
    Ok((array, payload.cow(tree)?))
}

/// A list of arrays: the values in it, and each array's dtype, shape and elements, one after the other.
pub(crate) fn many(path: &str) -> anyhow::Result<()> {
    let load = |each: &mut dyn FnMut(&PickledArray, &[u8])| -> anyhow::Result<Tree> {
        let mut machine = Machine::new(bytes(path)?);
        let root = machine.load()?;
        let tree = machine.into_tree();
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        for item in tree.sequence(root).context("not a list")? {
            let read = reader.read(*item)?;
            let (array, bytes) = array(&tree, &read)?;
            each(array, &bytes);
        }
        Ok(tree)
    };
    let (mut arrays, mut size, mut elements) = (0, 0, Vec::new());
    load(&mut |array, bytes| {
        arrays += 1;
        size += array.shape[0];
        elements.extend_from_slice(bytes);
    })?;
    let result = json!([arrays, size, sha256([&elements[..]])]);
    drop(elements);
    let cost = Cost::least(SMALL_READINGS, || {
        load(&mut |array, bytes| {
            black_box((array, bytes));
        })
    })?;
    cost.tell(result);
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

/// A dict with names, numbers and arrays: the values in it, and each name with what it stands for.
pub(crate) fn dict(path: &str) -> anyhow::Result<()> {
    let load = |each: &mut dyn FnMut(&str, Entry<'_>)| -> anyhow::Result<Tree> {
        let mut machine = Machine::new(bytes(path)?);
        let root = machine.load()?;
        let tree = machine.into_tree();
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        let Value::Dict(pairs) = tree.get(root) else {
            anyhow::bail!("not a dict");
        };
        for (key, value) in pairs {
            let name = tree.name(*key)?.context("a key that is no text")?;
            if let Value::Float(value) = tree.get(*value) {
                each(&name, Entry::Float(value));
                continue;
            }
            let read = reader.read(*value)?;
            let (array, bytes) = array(&tree, &read)?;
            each(&name, Entry::Array((array, &bytes)));
        }
        Ok(tree)
    };
    let (mut names, mut floats, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    load(&mut |name, entry| {
        names.push(name.to_owned());
        match entry {
            Entry::Float(value) => floats.extend(value.to_le_bytes()),
            Entry::Array((_, bytes)) => elements.extend_from_slice(bytes),
        }
    })?;
    let names = names.join("\n");
    let result = json!([names.as_bytes(), &floats[..], &elements[..]].map(|part| sha256([part])));
    drop((names, floats, elements));
    let cost = Cost::least(SMALL_READINGS, || {
        load(&mut |name, entry| {
            black_box((name, entry));
        })
    })?;
    cost.tell(result);
    Ok(())
}

/// What stands in the dict.
enum Entry<'a> {
    Float(f64),
    Array((&'a PickledArray, &'a [u8])),
}

/// Where a pickle names something, by its opcodes alone.
pub(crate) fn scan(path: &str) -> anyhow::Result<()> {
    let scan = || -> anyhow::Result<ndferry::Scanned> {
        Ok(ndferry::scan(path, &ndferry::ScanOptions::default(), &())?)
    };
    let offsets = scan()?.globals.into_iter().map(|global| global.offset);
    let result = json!(offsets.collect::<Vec<_>>());
    Cost::least(SMALL_READINGS, scan)?.tell(result);
    Ok(())
}
