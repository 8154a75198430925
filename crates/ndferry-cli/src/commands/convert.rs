//! `ndferry convert`: arrays in another format.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use ndferry::{
    Address, Casting, Error, ErrorKind, Format, Item, LazyArray, NumpyEra, OpenOptions, Packing,
    SaveOptions, Saved, Source, append, append_rows, save, save_to, unescape_key,
};

use crate::args::{ConvertArgs, EraArg, PackingArgs};
use crate::report::{Outcome, Session};
use crate::{output, size};

/// Whether a pickle holds more than these, which are all its arrays.
fn leaves_out(source: &Source, arrays: &[(String, LazyArray)]) -> bool {
    let is_all = matches!(arrays, [(path, array)] if path.is_empty() && array.objects().is_some());
    !is_all && source.pickle().is_some_and(|pickle| pickle.holds_more)
}

/// Says so if the arrays of a whole pickle are not all that it holds.
pub(crate) fn tell_what_is_left_out(
    source: &Source,
    arrays: &[(String, LazyArray)],
    done: &str,
    session: &Session,
) {
    if leaves_out(source, arrays) {
        session.say(format_args!(
            "{}: its arrays alone are {done}; other values, and how they are nested, are left out",
            crate::words::plain(source.name()),
        ));
    }
}

pub(crate) fn run(args: &ConvertArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (source, arrays) = session.source_and_arrays(&args.source, args.threads.jobs, true)?;
    let member = Address::parse(&args.source.source).member;
    let is_whole = member.is_none();
    if let Some(saved) = whole_pickle(args, session, &source, member.as_deref())? {
        return Ok(saved);
    }
    // A pickle again, of the same names.
    let repickled = is_whole
        && matches!(source.format(), Format::Pickle | Format::Joblib)
        && target(args) == Some(Format::Pickle);
    if repickled && leaves_out(&source, &arrays) {
        let error = Error::from(ErrorKind::HoldsMore);
        return Err(error.in_source(source.name()).into());
    }
    if is_whole {
        tell_what_is_left_out(&source, &arrays, "written", session);
    }
    let arrays = arrays.into_iter().map(|(name, array)| {
        let name = match repickled {
            true => unescape_key(&name).into_owned(),
            false => name,
        };
        Ok((name, with_elements(array, args)?))
    });
    let arrays = arrays.collect::<anyhow::Result<Vec<_>>>()?;
    let items: Vec<Item<'_>> = match &arrays[..] {
        // The only array needs no name, unless the format is made of names.
        [(_, array)] if args.source.slice.is_some() || !(repickled || keeps_names(args)) => {
            vec![Item { name: "", array }]
        }
        several => several
            .iter()
            .map(|(name, array)| Item { name, array })
            .collect(),
    };
    let options = save_options(args, session);
    if let Some(format) = target(args) {
        let file = args.output.as_ref().or(args.append.as_ref());
        let named = |error: Error| match file {
            Some(file) => error.in_path(file),
            None => error,
        };
        options.check(format).map_err(named)?;
    }
    if let Some(file) = &args.append {
        return append_to(file, &items, &options, session);
    }
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    if output == Path::new("-") {
        if args.to.is_none() {
            bail!("say which format goes to standard output: --to npy");
        }
        let mut out = output::binary(args.force)?;
        save_to(&mut out, &items, &options, &session.bar)?;
        out.flush()?;
        return Ok(Outcome::Yes);
    }
    let saved = save(output, &items, &options, &session.bar)?;
    say_saved(output, &saved, session);
    Ok(Outcome::Yes)
}

/// Into a pickle goes all of a pickle, or an array of objects as it is, unless its elements are to be others.
fn whole_pickle(
    args: &ConvertArgs,
    session: &Session,
    source: &Source,
    member: Option<&str>,
) -> anyhow::Result<Option<Outcome>> {
    let changes = args.source.slice.is_some()
        || args.dtype.is_some()
        || args.append.is_some()
        || args.endian.byteorder().is_some()
        || args.order.order().is_some();
    if changes || target(args) != Some(Format::Pickle) || !source.holds_pickle(member) {
        return Ok(None);
    }
    let options = save_options(args, session);
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    if output == Path::new("-") {
        let mut out = output::binary(args.force)?;
        source.save_pickle_to(&mut out, member, &options, &session.bar)?;
        out.flush()?;
        return Ok(Some(Outcome::Yes));
    }
    let saved = source.save_pickle(output, member, &options, &session.bar)?;
    say_saved(output, &saved, session);
    Ok(Some(Outcome::Yes))
}

fn say_saved(output: &Path, saved: &Saved, session: &Session) {
    let s = if saved.arrays == 1 { "" } else { "s" };
    session.say(format_args!(
        "{}: {} array{s}, {} in {}",
        output.display(),
        saved.arrays,
        size::text(saved.nbytes),
        size::text(saved.file_nbytes),
    ));
}

fn save_options(args: &ConvertArgs, session: &Session) -> SaveOptions {
    let mut options = SaveOptions::default();
    options.format = args.to;
    options.packing = packing(&args.packing);
    options.tile.clone_from(&args.tile);
    options.block_nbytes = args.block;
    options.order = args.order.order();
    options.protocol = args.protocol;
    options.python2 = args.python2;
    options.numpy = match args.numpy {
        EraArg::Any => NumpyEra::Any,
        EraArg::One => NumpyEra::One,
        EraArg::Two => NumpyEra::Two,
    };
    options.threads = args.threads.jobs;
    options.overwrite = args.force;
    options.unsynced = args.no_sync;
    options.growing = args.growing;
    options.interrupt = session.interrupt.clone();
    options
}

/// Rows to an array that is in the file, other arrays to an NPB file.
fn append_to(
    file: &Path,
    items: &[Item<'_>],
    options: &SaveOptions,
    session: &Session,
) -> anyhow::Result<Outcome> {
    let address = Address::parse(file);
    let member = match (&address.member, items) {
        (None, [item]) => array_there(&address.path, item.name)?,
        (member, _) => member.clone(),
    };
    let rows_of_one = member.is_some() || Format::of_extension(&address.path) != Some(Format::Npb);
    if !rows_of_one {
        let saved = append(&address.path, items, options, &session.bar)?;
        session.say(format_args!("{}: {} more", file.display(), saved.arrays));
        return Ok(Outcome::Yes);
    }
    let [item] = items else {
        bail!("name one array: rows are added to one");
    };
    let (path, rows) = (&address.path, item.array);
    let (before, after) = append_rows(path, member.as_deref(), rows, options, &session.bar)?;
    session.say(format_args!(
        "{}: {} rows, {} before",
        file.display(),
        size::count(after as u64),
        size::count(before as u64),
    ));
    Ok(Outcome::Yes)
}

/// Which array of an NPB file rows of this name go to: the one of that name; without a name the only one.
fn array_there(path: &Path, name: &str) -> anyhow::Result<Option<String>> {
    if Format::of_extension(path) != Some(Format::Npb) {
        return Ok(None);
    }
    let source = Source::open(path, &OpenOptions::default())?;
    let found = match source.members() {
        [only] if name.is_empty() => Some(only),
        several => several.iter().find(|member| member.path == name),
    };
    Ok(found.map(|member| member.path.clone()))
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
    matches!(target(args), Some(Format::Npz | Format::Npb))
}

/// The format that is written.
fn target(args: &ConvertArgs) -> Option<Format> {
    let file = args.output.as_deref().or(args.append.as_deref());
    args.to.or_else(|| Format::of_extension(file?))
}

/// Codec and filter, the format's own where they were not named.
pub(crate) fn packing(args: &PackingArgs) -> Packing {
    Packing {
        codec: args.codec.unwrap_or_default(),
        filter: args.filter.unwrap_or_default(),
    }
}
