//! `ndferry repickle`: pickles for the other NumPy.

use std::io::Write;
use std::path::Path;

use anyhow::bail;
use ndferry::{Era, RepickleOptions, Repickled, repickle, repickle_to};
use serde_json::json;

use crate::args::{OtherEraArg, RepickleArgs};
use crate::report::{Outcome, Session};
use crate::words::{number, plain};
use crate::{output, size};

pub(crate) fn run(args: &RepickleArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut options = RepickleOptions::default();
    options.open = session.open_options(0);
    options.overwrite = args.force;
    options.protocol = args.protocol;
    let era = match args.numpy {
        OtherEraArg::One => Era::One,
        OtherEraArg::Two => Era::Two,
    };
    if args.output == Path::new("-") {
        if args.json {
            bail!("--json and the pickle itself cannot both go to standard output");
        }
        let mut out = output::binary(args.force)?;
        let told = repickle_to(&args.input, &mut out, era, &options, &session.bar)?;
        out.flush()?;
        session.say(text(args, &told));
        return Ok(Outcome::Yes);
    }
    let told = repickle(&args.input, &args.output, era, &options, &session.bar)?;
    let mut out = output::styled_or_json(args.json);
    match args.json {
        true => writeln!(out, "{}", json(args, &told))?,
        false => writeln!(out, "{}", text(args, &told))?,
    }
    out.flush()?;
    Ok(Outcome::Yes)
}

fn text(args: &RepickleArgs, told: &Repickled) -> String {
    let numpy = args.numpy.number();
    let name = plain(&args.output.display().to_string());
    let mut parts = Vec::new();
    let mut part = |n: u64, what: &str, done: &str| {
        if n > 0 {
            parts.push(format!("{} {done}", size::counted(n, what)));
        }
    };
    part(told.globals, "name", "changed");
    part(told.arrays, "array", "with other axes rewritten");
    part(told.dtypes, "dtype", "rewritten");
    part(told.generators, "random generator", "rewritten");
    if let Some(protocol) = told.protocol {
        parts.push(format!("written in protocol {protocol}"));
    }
    let changes = match (told.pickles, parts.is_empty()) {
        (0, _) => "no pickle in it, copied".to_owned(),
        (_, true) => "nothing to change, copied".to_owned(),
        _ => parts.join(", "),
    };
    let bytes = size::text(told.file_nbytes);
    let mut text = format!("{name}: for NumPy {numpy}: {changes}; {bytes}");
    if !told.unknown.is_empty() {
        let names: Vec<_> = told.unknown.iter().map(|name| plain(name)).collect();
        text.push_str(&format!("; left as they are: {}", names.join(", ")));
    }
    text
}

fn json(args: &RepickleArgs, told: &Repickled) -> serde_json::Value {
    json!({
        "source": ndferry::source_name(&args.input),
        "output": args.output.display().to_string(),
        "numpy": args.numpy.number(),
        "changed": told.is_changed(),
        "pickles": number(told.pickles),
        "names": number(told.globals),
        "arrays": number(told.arrays),
        "dtypes": number(told.dtypes),
        "generators": number(told.generators),
        "protocol": told.protocol,
        "unknown": told.unknown,
        "nbytes": number(told.file_nbytes),
    })
}
