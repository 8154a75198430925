//! NPZ archives of large members.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ndferry::{Array, Codec, Item, LazyArray, OpenOptions, Packing, SaveOptions, Source};
use serde_json::json;

use crate::cost::{Cost, sha256};

/// Readings in one go, of which the cheapest counts.
const READINGS: u32 = 2;

/// Loads all members, on so many threads.
pub(crate) fn read(path: &str, threads: usize) -> anyhow::Result<()> {
    let mut loaded = Vec::new();
    let cost = Cost::least(READINGS, || {
        // The memory of the reading before is given back first.
        loaded.clear();
        loaded = load(path, threads)?;
        Ok(())
    })?;
    let digests = loaded.iter().map(|(name, array)| {
        let digest = sha256([array.bytes().as_ref()]);
        json!([name, array.shape(), digest])
    });
    cost.tell(digests.collect());
    Ok(())
}

fn load(path: &str, threads: usize) -> anyhow::Result<Vec<(String, Array)>> {
    let source = Source::open(path, &OpenOptions::default())?;
    let arrays: Vec<LazyArray> = source.arrays().collect();
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(usize, Array)>> {
        let mut loaded = Vec::new();
        while let Some((i, array)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            arrays.get(i).map(|array| (i, array))
        } {
            loaded.push((i, array.load()?));
        }
        Ok(loaded)
    };
    let mut loaded = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut loaded = work()?;
        for other in others {
            loaded.extend(other.join().map_err(|_| anyhow::anyhow!("panic"))??);
        }
        anyhow::Ok(loaded)
    })?;
    loaded.sort_by_key(|(i, _)| *i);
    let named = loaded.into_iter();
    Ok(named
        .map(|(i, array)| (arrays[i].path().to_owned(), array))
        .collect())
}

/// Writes the members of one archive, which are in memory by then, deflated into another.
pub(crate) fn write(from: &str, to: &str, threads: usize) -> anyhow::Result<()> {
    let arrays: Vec<(String, LazyArray)> = load(from, threads)?
        .into_iter()
        .map(|(name, array)| (name, LazyArray::from(array)))
        .collect();
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut options = SaveOptions::default();
    options.packing = Packing {
        codec: Codec::Deflate(6),
        ..Packing::default()
    };
    options.threads = threads;
    options.overwrite = true;
    let cost = Cost::of(1, || Ok(ndferry::save(to, &items, &options, &())?))?;
    cost.tell(json!(fs::metadata(to)?.len()));
    Ok(())
}
