//! Files whose arrays are read when somebody asks.

use std::path::Path;

use ndferry::{ArrayViewMut, Indexing, Layout, LazyArray, OpenOptions, Order, Source};

use crate::failure::Failure;
use crate::handles::{Held, get, hold};
use crate::memory::spelled;
use crate::packet::Packet;

/// Bytes that are read at a time.
const RUN_NBYTES: usize = 1 << 20;

/// Opens a file of whatever format.
pub(crate) fn open(path: &str) -> Result<i64, Failure> {
    let source = Source::open(Path::new(path), &OpenOptions::default())?;
    Ok(hold(Held::File(Box::new(source))))
}

/// What arrays are in it; those with Python objects are named, without a dtype that Java would know.
pub(crate) fn members(number: i64) -> Result<Vec<u8>, Failure> {
    let held = get(number)?;
    let source = file(&held)?;
    let mut packet = Packet::default();
    packet.count(source.members().len());
    for member in source.members() {
        packet.text(&member.path);
        packet.text(&match member.dtype.has_object() {
            true => "|O".to_owned(),
            false => spelled(&member.dtype)?,
        });
        packet.u8(u8::from(member.order == Order::F));
        packet.count(member.shape.len());
        member.shape.iter().for_each(|extent| packet.count(*extent));
    }
    Ok(packet.into_bytes())
}

/// One array of it, or the part that an index picks.
pub(crate) fn part(number: i64, member: usize, index: &str) -> Result<LazyArray, Failure> {
    let held = get(number)?;
    let array = file(&held)?.arrays().nth(member);
    let array = array.ok_or_else(|| Failure::bug("a file without that member"))?;
    if index.is_empty() {
        return Ok(array);
    }
    let indexing: Indexing = index.parse()?;
    Ok(array.part(&indexing.resolve(array.shape())?)?)
}

/// The file that it is.
pub(crate) fn file(held: &Held) -> Result<&Source, Failure> {
    match held {
        Held::File(source) => Ok(source),
        Held::Memory { .. } => Err(Failure::bug("a number of something else")),
    }
}

/// Its elements in C order, into exactly as many bytes.
pub(crate) fn read_into(array: &LazyArray, out: &mut [u8]) -> Result<(), Failure> {
    if let Some(memory) = array.in_memory() {
        let layout = Layout::contiguous(array.shape(), array.dtype().itemsize(), Order::C)?;
        let mut view = ArrayViewMut::new(array.dtype().clone(), layout, out)?;
        view.assign(&memory.view())?;
        return Ok(());
    }
    let mut at = 0;
    let mut runs = array.runs_in(Order::C, RUN_NBYTES)?;
    while let Some(run) = runs.next_run()? {
        let to = out.get_mut(at..at + run.bytes.len());
        let to = to.ok_or_else(|| Failure::bug("more elements than the shape has"))?;
        to.copy_from_slice(run.bytes);
        at += run.bytes.len();
    }
    Ok(())
}
