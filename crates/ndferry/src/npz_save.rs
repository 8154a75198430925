//! Writing NPZ archives: members copied as they are packed, deflated on several threads, or streamed.

use std::io::{Read, Write};
use std::thread;

use ndferry_npy::{Method, NpzWriter, Packed, deflate};

use crate::error::{npy, to_io};
use crate::lazy::Backing;
use crate::pickle_save::pickle_objects;
use crate::save::{RunsReader, header_and_runs, header_of};
use crate::{Codec, Item, Progress, Result, SaveOptions};

/// Members up to this size are deflated whole, several at once.
const MAX_WHOLE: u64 = 64 << 20;

/// A member as it is in another archive, of which all is known to be right.
pub(crate) struct PackedMember<'a> {
    pub(crate) packed: Packed,
    pub(crate) bytes: Box<dyn Read + 'a>,
}

pub(crate) fn write_npz<W: Write>(
    mut writer: NpzWriter<W>,
    items: &[Item<'_>],
    options: &SaveOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let threads = crate::threads::threads(options.threads, items.len() as u64);
    let numbered: Vec<(usize, &Item<'_>)> = items.iter().enumerate().collect();
    for batch in numbered.chunks(threads) {
        let ready = in_advance(batch, options)?;
        for ((i, item), ready) in batch.iter().zip(ready) {
            let positional = format!("arr_{i}");
            let name = if item.name.is_empty() {
                &positional
            } else {
                item.name
            };
            progress.start(name, Some(item.array.nbytes()));
            let file = format!("{name}.npy");
            if let Some((packed, bytes)) = ready {
                writer
                    .add_packed(&file, packed, &mut &bytes[..])
                    .map_err(npy)?;
                progress.advance(item.array.nbytes());
            } else if let Some(objects) = item.array.objects() {
                let header = header_of(item.array, options);
                let pickle = |to: &mut dyn Write| {
                    let written = pickle_objects(objects, to, options, progress);
                    written.map(|_| ()).map_err(to_io)
                };
                writer.add_objects(name, &header, pickle).map_err(npy)?;
            } else if let Some(mut member) = as_packed(item, options)? {
                writer
                    .add_packed(&file, member.packed, &mut member.bytes)
                    .map_err(npy)?;
                progress.advance(item.array.nbytes());
            } else {
                let (header, runs) = header_and_runs(**item, options)?;
                let mut reader = RunsReader::new(runs, options, progress);
                writer.add_reader(name, &header, &mut reader).map_err(npy)?;
            }
            progress.finish();
        }
    }
    writer.finish().map_err(npy)?;
    Ok(())
}

/// A member as it is put into an archive, and its bytes.
type Deflated = (Packed, Vec<u8>);

/// Deflates those of the next members that are small enough, each on a thread of its own.
fn in_advance(
    batch: &[(usize, &Item<'_>)],
    options: &SaveOptions,
) -> Result<Vec<Option<Deflated>>> {
    let level = match options.packing.codec {
        Codec::Deflate(level) if level > 0 && batch.len() > 1 => level.min(12) as u8,
        _ => return Ok(batch.iter().map(|_| None).collect()),
    };
    let one = |item: &Item<'_>| -> Result<Option<Deflated>> {
        options.interrupt.check()?;
        let array = item.array;
        if array.objects().is_some() || array.nbytes() > MAX_WHOLE || is_packed(item, options) {
            return Ok(None);
        }
        let mut loaded = array.load()?;
        if let Some(order) = options.order {
            loaded = loaded.into_order(order)?;
        }
        deflate(&loaded.view(), level).map(Some).map_err(npy)
    };
    thread::scope(|scope| {
        let one = &one;
        let workers: Vec<_> = batch
            .iter()
            .map(|(_, item)| scope.spawn(move || one(item)))
            .collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}

/// Whether the member of another archive can be taken as it is.
fn is_packed(item: &Item<'_>, options: &SaveOptions) -> bool {
    let order = options.order.unwrap_or(item.array.order());
    let Backing::Stored(stored) = item.array.backing() else {
        return false;
    };
    let wanted = |method| match options.packing.codec {
        Codec::Default => true,
        Codec::None | Codec::Deflate(0) => method == Method::Stored,
        Codec::Deflate(_) => method == Method::Deflated,
        _ => false,
    };
    order == item.array.order() && stored.packing().is_some_and(wanted)
}

/// The member of another archive, read to its end once, so that damage is not copied.
fn as_packed<'a>(item: &Item<'a>, options: &SaveOptions) -> Result<Option<PackedMember<'a>>> {
    let Backing::Stored(stored) = item.array.backing() else {
        return Ok(None);
    };
    if !is_packed(item, options) {
        return Ok(None);
    }
    stored.verify().map_err(|error| item.array.place(error))?;
    let member = stored.packed().transpose();
    member.map_err(|error| item.array.place(error))
}
