//! `ndferry info`: what is in a file.

use std::ffi::OsStr;
use std::io::Write;

use ndferry::{Format, LazyArray, MemberInfo, Order, Safety, Source, Storage};
use serde_json::{Map, Value, json};

use crate::args::InfoArgs;
use crate::report::{self, Outcome, Session};
use crate::words::{dtype_json, dtype_text, hex, number, order_text, plain, shape_text};
use crate::{output, size};

/// How many names a line about a pickle holds.
const LISTED: usize = 6;

pub(crate) fn run(args: &InfoArgs, session: &Session) -> anyhow::Result<Outcome> {
    let sources = report::sources(&args.sources, "info")?;
    let mut out = output::styled_or_json(args.json);
    report::each(sources, session, &mut out, |name, out| {
        one(&name, args, session, out)
    })
}

fn one(
    name: &OsStr,
    args: &InfoArgs,
    session: &Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (source, wanted) = session.open(name, 0)?;
    let wanted = match wanted {
        Some(member) => Some(source.array(Some(&member))?.path().to_owned()),
        None => None,
    };
    let members: Vec<(&MemberInfo, LazyArray)> = source
        .members()
        .iter()
        .zip(source.arrays())
        .filter(|(member, _)| wanted.as_ref().is_none_or(|wanted| *wanted == member.path))
        .collect();
    let mut digests = Vec::with_capacity(members.len());
    for (member, array) in &members {
        digests.push(if args.sha256 && member.storage != Storage::Objects {
            Some(hex(&array.sha256(&session.interrupt, &session.bar)?))
        } else {
            None
        });
    }
    if args.json {
        let members = members.iter().zip(&digests);
        let members = members
            .map(|((member, _), digest)| member_json(member, digest.as_deref(), args.sha256));
        let line = source_json(&source, members.collect());
        writeln!(out, "{line}")?;
    } else {
        let members: Vec<&MemberInfo> = members.iter().map(|(member, _)| *member).collect();
        human(&source, &members, &digests, args, out)?;
    }
    if let Err(error) = source.require_whole() {
        out.flush()?;
        return Err(error.into());
    }
    Ok(())
}

/// The object of one source, as the contract has it.
fn source_json(source: &Source, members: Vec<Value>) -> Value {
    let mut object = Map::new();
    object.insert("source".into(), source.name().into());
    object.insert("container".into(), source.format().name().into());
    object.insert("nbytes".into(), number(source.nbytes()));
    if let Some((_, nbytes)) = source.trailing() {
        object.insert("trailing_nbytes".into(), number(nbytes));
    }
    object.insert("members".into(), Value::Array(members));
    if let Some(pickle) = source.pickle() {
        let globals = pickle.globals.iter();
        let globals =
            globals.map(|global| json!([global.module, global.name, number(global.offset)]));
        let globals: Vec<Value> = globals.collect();
        object.insert(
            "pickle".into(),
            json!({"protocol": pickle.protocol, "globals": globals}),
        );
    }
    object.insert("safety".into(), source.safety().word().into());
    Value::Object(object)
}

fn member_json(member: &MemberInfo, digest: Option<&str>, with_digest: bool) -> Value {
    let mut object = Map::new();
    let shape: Vec<Value> = member
        .shape
        .iter()
        .map(|extent| number(*extent as u64))
        .collect();
    object.insert("path".into(), member.path.clone().into());
    object.insert("dtype".into(), dtype_json(&member.dtype));
    object.insert("shape".into(), shape.into());
    object.insert("order".into(), order_text(member.order).into());
    object.insert("nbytes".into(), number(member.nbytes));
    if with_digest {
        object.insert("sha256".into(), digest.into());
    }
    if !member.attributes.is_empty() {
        // It is JSON already; numbers beyond those of Rust are rounded.
        let attributes = serde_json::from_str(&member.attributes.to_string());
        object.insert("attributes".into(), attributes.unwrap_or_default());
    }
    match &member.storage {
        Storage::Plain { offset } => {
            object.insert("offset".into(), number(*offset));
        }
        Storage::Deflated { packed_nbytes } => {
            object.insert("packed_nbytes".into(), number(*packed_nbytes));
        }
        Storage::Chunks {
            chunk,
            count,
            codec,
        } => {
            let chunk: Vec<Value> = chunk.iter().map(|extent| number(*extent)).collect();
            object.insert("chunk".into(), chunk.into());
            object.insert("chunks".into(), number(*count));
            object.insert("codec".into(), codec.clone().into());
        }
        Storage::Tiles {
            tile,
            count,
            present,
            grows,
            codec,
            filter,
            packed_nbytes,
        } => {
            let tile: Vec<Value> = tile.iter().map(|extent| number(*extent)).collect();
            object.insert("tile".into(), tile.into());
            object.insert("tiles".into(), number(*count));
            object.insert("tiles_present".into(), number(*present));
            object.insert("grows".into(), (*grows).into());
            object.insert("codec".into(), codec.clone().into());
            object.insert("filter".into(), filter.clone().into());
            object.insert("packed_nbytes".into(), number(*packed_nbytes));
        }
        _ => {}
    }
    Value::Object(object)
}

fn human(
    source: &Source,
    members: &[&MemberInfo],
    digests: &[Option<String>],
    args: &InfoArgs,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    write!(out, "{}  {}", plain(source.name()), headline(source))?;
    match source.safety() {
        Safety::NoPickle => writeln!(out)?,
        safety => writeln!(out, "  {}", verdict(safety))?,
    }
    let rows: Vec<[String; 4]> = members
        .iter()
        .map(|member| {
            let path = if member.path.is_empty() {
                "(array)".to_owned()
            } else {
                plain(&member.path)
            };
            [
                path,
                dtype_text(&member.dtype),
                shape_text(&member.shape),
                storage_text(member),
            ]
        })
        .collect();
    let width = |column: usize, most: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= most).max().unwrap_or(0)
    };
    let widths = [width(0, 24), width(1, 16), width(2, 24)];
    for (i, (row, digest)) in rows.iter().zip(digests).enumerate() {
        let branch = if i + 1 == rows.len() { "└" } else { "├" };
        let [path, dtype, shape, storage] = row;
        let (w0, w1, w2) = (widths[0], widths[1], widths[2]);
        writeln!(
            out,
            "{branch} {path:w0$}  {dtype:w1$}  {shape:w2$}  {storage}"
        )?;
        let rail = if i + 1 == rows.len() { " " } else { "│" };
        if let Some(digest) = digest {
            writeln!(out, "{rail}   sha256 {digest}")?;
        }
        if args.long {
            writeln!(out, "{rail}   {}", details(members[i]))?;
            if !members[i].attributes.is_empty() {
                writeln!(
                    out,
                    "{rail}   {}",
                    plain(&members[i].attributes.to_string())
                )?;
            }
            if let Some(Ok(descr)) = member_descr(members[i]) {
                writeln!(out, "{rail}   {}", plain(&descr.to_string()))?;
            }
        }
    }
    if let Some(pickle) = source.pickle()
        && args.long
    {
        for global in &pickle.globals {
            let (module, name) = (plain(&global.module), plain(&global.name));
            writeln!(out, "  byte {}: {module}.{name}", global.offset)?;
        }
    }
    Ok(())
}

/// What kind of file, how large, and what is said of the whole.
fn headline(source: &Source) -> String {
    let mut words = vec![match source.format() {
        Format::Npz => "npz".to_owned(),
        Format::Pickle => match source.pickle() {
            Some(pickle) => format!("pickle protocol {}", pickle.protocol),
            None => "pickle".to_owned(),
        },
        other => other.name().to_owned(),
    }];
    let members = source.members();
    if members.len() != 1 || source.format() != Format::Npy {
        let s = if members.len() == 1 { "" } else { "s" };
        words.push(format!("{} array{s}", members.len()));
    }
    words.push(size::text(source.nbytes()));
    let decoded: u64 = members
        .iter()
        .fold(0, |sum, member| sum.saturating_add(member.nbytes));
    if decoded > source.nbytes().saturating_add(source.nbytes() / 50) {
        words.push(format!("{} decoded", size::text(decoded)));
    }
    if let Some((_, nbytes)) = source.trailing() {
        words.push(format!("{} after the end", size::text(nbytes)));
    }
    words.join(", ")
}

fn verdict(safety: &Safety) -> String {
    match safety {
        Safety::NeedsCode(globals) if globals.len() > LISTED => {
            let names = globals.iter().take(LISTED);
            let names: Vec<String> = names
                .map(|global| format!("{}.{}", global.module, global.name))
                .collect();
            let more = globals.len() - LISTED;
            plain(&format!("needs code: {} and {more} more", names.join(", ")))
        }
        safety => plain(&safety.to_string()),
    }
}

fn storage_text(member: &MemberInfo) -> String {
    let mut words = vec![order_text(member.order).to_owned()];
    if let Some(order) = crate::words::byteorder_text(&member.dtype) {
        words.push(order.to_owned());
    }
    match &member.storage {
        Storage::Deflated { packed_nbytes } => {
            words.push(format!("deflate{}", ratio(member.nbytes, *packed_nbytes)))
        }
        Storage::Objects => words.push("Python objects".to_owned()),
        Storage::Chunks { codec, .. } if codec != "none" => words.push(codec.clone()),
        Storage::Tiles {
            codec,
            filter,
            packed_nbytes,
            count,
            present,
            ..
        } => {
            if codec != "none" {
                let filter = if filter == "none" {
                    String::new()
                } else {
                    format!("+{filter}")
                };
                let ratio = ratio(member.nbytes, *packed_nbytes);
                words.push(format!("{codec}{filter}{ratio}"));
            }
            if present < count {
                words.push(format!("{present} of {count} tiles"));
            }
        }
        _ => {}
    }
    words.join("  ")
}

/// How many times smaller it is packed; nothing where it is not.
fn ratio(nbytes: u64, packed: u64) -> String {
    let ratio = nbytes as f64 / packed.max(1) as f64;
    if ratio < 1.05 {
        return String::new();
    }
    format!(" {ratio:.1}x")
}

/// The fields of a struct, which may be too many for its line.
fn member_descr(member: &MemberInfo) -> Option<Result<ndferry::Descr, impl std::error::Error>> {
    member.dtype.fields().map(|_| member.dtype.descr())
}

fn details(member: &MemberInfo) -> String {
    let elements = size::count(
        member
            .shape
            .iter()
            .fold(1u64, |n, extent| n.saturating_mul(*extent as u64)),
    );
    let nbytes = size::text(member.nbytes);
    let place = match &member.storage {
        Storage::Plain { offset } => format!(", at byte {offset}"),
        Storage::Deflated { packed_nbytes } => format!(", {} deflated", size::text(*packed_nbytes)),
        Storage::Chunks { chunk, count, .. } => {
            let s = if *count == 1 { "" } else { "s" };
            let chunk: Vec<usize> = chunk.iter().map(|n| *n as usize).collect();
            format!(", {count} chunk{s} of {}", shape_text(&chunk))
        }
        Storage::Tiles {
            tile, count, grows, ..
        } => {
            let s = if *count == 1 { "" } else { "s" };
            let tile: Vec<usize> = tile
                .iter()
                .map(|extent| usize::try_from(*extent).unwrap_or(usize::MAX))
                .collect();
            let grows = if *grows { ", can grow" } else { "" };
            format!(", {count} tile{s} of {}{grows}", shape_text(&tile))
        }
        _ => String::new(),
    };
    let order = match member.order {
        Order::C => "last index fastest",
        Order::F => "first index fastest",
    };
    format!("{elements} elements, {nbytes}, {order}{place}")
}
