//! `ndferry convert`: arrays in another format.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use ndferry::{Casting, Item, LazyArray, NumpyEra, Packing, SaveOptions, save, save_to};

use crate::args::{ConvertArgs, EraArg, PackingArgs};
use crate::report::{Outcome, Session};
use crate::{output, size};

pub(crate) fn run(args: &ConvertArgs, session: &Session) -> anyhow::Result<Outcome> {
    let arrays = session
        .arrays(&args.source, args.threads.jobs)?
        .into_iter()
        .map(|(name, array)| Ok((name, with_elements(array, args)?)));
    let arrays = arrays.collect::<anyhow::Result<Vec<_>>>()?;
    let items: Vec<Item<'_>> = match &arrays[..] {
        // The only array needs no name, unless the format is made of names.
        [(_, array)] if args.source.slice.is_some() || !keeps_names(args) => {
            vec![Item { name: "", array }]
        }
        several => several
            .iter()
            .map(|(name, array)| Item { name, array })
            .collect(),
    };
    let mut options = SaveOptions::default();
    options.format = args.to;
    options.packing = packing(&args.packing);
    options.tile.clone_from(&args.tile);
    options.block_nbytes = args.block;
    options.order = args.order.order();
    options.protocol = args.protocol;
    options.numpy = match args.numpy {
        EraArg::Any => NumpyEra::Any,
        EraArg::One => NumpyEra::One,
        EraArg::Two => NumpyEra::Two,
    };
    options.threads = args.threads.jobs;
    options.overwrite = args.force;
    options.interrupt = session.interrupt.clone();
    if args.output == Path::new("-") {
        if args.to.is_none() {
            bail!("say which format goes to standard output: --to npy");
        }
        let mut out = output::binary()?;
        save_to(&mut out, &items, &options, &session.bar)?;
        out.flush()?;
        return Ok(Outcome::Yes);
    }
    let saved = save(&args.output, &items, &options, &session.bar)?;
    let s = if saved.arrays == 1 { "" } else { "s" };
    session.say(format_args!(
        "{}: {} array{s}, {} in {}",
        args.output.display(),
        saved.arrays,
        size::text(saved.nbytes),
        size::text(saved.file_nbytes),
    ));
    Ok(Outcome::Yes)
}

/// With the elements that were asked for, made as they are read.
fn with_elements(array: LazyArray, args: &ConvertArgs) -> ndferry::Result<LazyArray> {
    let array = match &args.dtype {
        Some(dtype) => array.cast(dtype, args.casting.casting())?,
        None => array,
    };
    match args.endian.byteorder() {
        Some(byteorder) if !array.dtype().has_object() => {
            array.cast(&array.dtype().with_byteorder(byteorder), Casting::Safe)
        }
        _ => Ok(array),
    }
}

fn keeps_names(args: &ConvertArgs) -> bool {
    let format = args
        .to
        .or_else(|| ndferry::Format::of_extension(&args.output));
    matches!(format, Some(ndferry::Format::Npz | ndferry::Format::Npb))
}

/// Codec and filter, the format's own where they were not named.
pub(crate) fn packing(args: &PackingArgs) -> Packing {
    Packing {
        codec: args.codec.unwrap_or_default(),
        filter: args.filter.unwrap_or_default(),
    }
}
