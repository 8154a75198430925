//! NPB: arrays packed in tiles in memory, unpacked again, and parts of large files.

use anyhow::Context;
use bytes::Bytes;
use ndferry::{
    Array, Codec, Filter, Format, Indexing, Item, LazyArray, OpenOptions, Order, SaveOptions,
    Source,
};
use serde_json::json;

use crate::cost::{Cost, sha256};

/// Readings in one go, of which the cheapest counts.
const READINGS: u32 = 4;

/// Packs an array that is in memory into memory. The result is the size.
pub(crate) fn pack(path: &str, codec: &str, tile: &str, threads: usize) -> anyhow::Result<()> {
    let array = LazyArray::from(loaded(path)?);
    let options = options(codec, tile, threads)?;
    let mut packed = Vec::new();
    let cost = Cost::least(READINGS, || pack_into(&array, &options, &mut packed))?;
    cost.tell(json!(packed.len()));
    Ok(())
}

/// Unpacks it again. The result is the digest of the elements.
pub(crate) fn unpack(path: &str, codec: &str, tile: &str, threads: usize) -> anyhow::Result<()> {
    let array = LazyArray::from(loaded(path)?);
    let options = options(codec, tile, threads)?;
    let mut packed = Vec::new();
    pack_into(&array, &options, &mut packed)?;
    drop(array);
    let packed = Bytes::from(packed);
    let mut open = OpenOptions::default();
    open.threads = threads;
    let mut unpacked = None;
    let cost = Cost::least(READINGS, || {
        // The memory of the reading before is given back first.
        unpacked = None;
        let source = Source::from_bytes("packed", packed.clone(), &open)?;
        unpacked = Some(source.array(None)?.load()?);
        Ok(())
    })?;
    let unpacked = unpacked.context("at least one reading")?;
    cost.tell(json!(sha256([unpacked.bytes().as_ref()])));
    Ok(())
}

/// Reads parts of an open file, no tile kept from one to the next. `parts` are indexes with `;` between. The result is
/// the digest of all.
pub(crate) fn parts(path: &str, parts: &str) -> anyhow::Result<()> {
    let mut open = OpenOptions::default();
    open.threads = 1;
    open.cache_nbytes = 0;
    let source = Source::open(path, &open)?;
    let array = source.array(None)?;
    let parts: Vec<Indexing> = parts.split(';').map(str::parse).collect::<Result<_, _>>()?;
    let bytes: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| Ok(array.index(part)?.view().to_bytes(Order::C)?))
        .collect::<anyhow::Result<_>>()?;
    let cost = Cost::least(READINGS, || {
        // As on the other side, nothing is kept.
        for part in &parts {
            std::hint::black_box(array.index(part)?);
        }
        Ok(())
    })?;
    let digest = sha256(bytes.iter().map(Vec::as_slice));
    cost.each(parts.len() as u32).tell(json!(digest));
    Ok(())
}

fn loaded(path: &str) -> anyhow::Result<Array> {
    let source = Source::open(path, &OpenOptions::default())?;
    Ok(source.array(None)?.load()?)
}

fn options(codec: &str, tile: &str, threads: usize) -> anyhow::Result<SaveOptions> {
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npb);
    options.packing.codec = codec.parse::<Codec>()?;
    options.packing.filter = Filter::Default;
    options.tile = Some(tile.split(',').map(str::parse).collect::<Result<_, _>>()?);
    options.threads = threads;
    Ok(options)
}

fn pack_into(array: &LazyArray, options: &SaveOptions, to: &mut Vec<u8>) -> anyhow::Result<()> {
    to.clear();
    ndferry::save_to(to, &[Item { name: "", array }], options, &())?;
    Ok(())
}
