//! `ndferry diff`: where two arrays, or all arrays of two files, differ.

use std::io::Write;

use ndferry::{DiffOptions, Difference, LazyArray, Pair, Source, diff};
use serde_json::{Value, json};

use crate::args::DiffArgs;
use crate::report::{Outcome, Session};
use crate::words::{number, plain, shape_text};
use crate::{output, size};

pub(crate) fn run(args: &DiffArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (left, left_member) = session.open(&args.left, 0)?;
    let (right, right_member) = session.open(&args.right, 0)?;
    let mut options = DiffOptions::default();
    (options.rtol, options.atol) = (args.rtol, args.atol);
    (options.equal_nan, options.headers_only) = (args.equal_nan, args.meta);
    options.max_listed = args.max;
    options.interrupt = session.interrupt.clone();

    let mut out = output::stdout();
    let mut outcome = Outcome::Yes;
    for source in [&left, &right] {
        if let Err(error) = source.require_whole() {
            crate::report::tell(&error.into());
            outcome = Outcome::No;
        }
    }
    let mut compare = |path: &str, a: &LazyArray, b: &LazyArray| -> anyhow::Result<()> {
        let difference = diff(a, b, &options, &session.bar)?;
        if !difference.is_equal() {
            outcome = Outcome::No;
        }
        tell(path, &difference, args, session, &mut out)
    };
    let is_single =
        |source: &Source, member: &Option<String>| member.is_some() || source.members().len() == 1;
    if is_single(&left, &left_member) && is_single(&right, &right_member) {
        let pair = (
            left.array(left_member.as_deref())?,
            right.array(right_member.as_deref())?,
        );
        compare("", &pair.0, &pair.1)?;
    } else if left_member.is_some() || right_member.is_some() {
        // One side names an array, the other does not say which of several it means.
        left.array(left_member.as_deref())?;
        right.array(right_member.as_deref())?;
    } else {
        for member in left.members() {
            if let Ok(other) = right.array(Some(&member.path)) {
                compare(&member.path, &left.array(Some(&member.path))?, &other)?;
            }
        }
        for (source, other) in [(&left, &right), (&right, &left)] {
            for member in source.members() {
                if !other
                    .members()
                    .iter()
                    .any(|theirs| theirs.path == member.path)
                {
                    outcome = Outcome::No;
                    only_in(&member.path, source.name(), args, &mut out)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn only_in(path: &str, source: &str, args: &DiffArgs, out: &mut impl Write) -> anyhow::Result<()> {
    if args.json {
        writeln!(
            out,
            "{}",
            json!({"path": path, "equal": false, "only_in": source})
        )?;
    } else {
        writeln!(out, "{}: only in {}", plain(path), plain(source))?;
    }
    Ok(())
}

fn tell(
    path: &str,
    difference: &Difference,
    args: &DiffArgs,
    session: &Session,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if args.json {
        writeln!(out, "{}", line(path, difference))?;
        return Ok(());
    }
    let prefix = if path.is_empty() {
        String::new()
    } else {
        format!("{}: ", plain(path))
    };
    match difference {
        Difference::Equal => {}
        Difference::Dtype { left, right } => {
            writeln!(out, "{prefix}differ: dtype {left} and {right}")?
        }
        Difference::Shape { left, right } => {
            writeln!(
                out,
                "{prefix}differ: shape {} and {}",
                shape_text(left),
                shape_text(right)
            )?;
        }
        Difference::Objects => writeln!(out, "{prefix}not compared: Python objects")?,
        Difference::Elements {
            count,
            size,
            max,
            nan,
            first,
        } => {
            write!(
                out,
                "{prefix}differ: {} of {} elements",
                size::count(*count),
                size::count(*size)
            )?;
            if let Some((distance, index)) = max {
                write!(out, ", max |a-b| {distance:.6e} at {}", shape_text(index))?;
            }
            writeln!(out)?;
            for Pair { index, left, right } in first {
                let (left, right) = (plain(left), plain(right));
                writeln!(
                    out,
                    "{prefix}  at {}: {left} and {right}",
                    shape_text(index)
                )?;
            }
            if *nan > 0 {
                out.flush()?;
                let nan = size::count(*nan);
                session.say(format_args!(
                    "hint: {prefix}{nan} of them are NaN or NaT in both; --equal-nan takes those as equal"
                ));
            }
        }
        _ => writeln!(out, "{prefix}differ")?,
    }
    Ok(())
}

fn line(path: &str, difference: &Difference) -> Value {
    match difference {
        Difference::Dtype { left, right } => {
            json!({"path": path, "equal": false, "dtype": [left, right]})
        }
        Difference::Shape { left, right } => {
            json!({"path": path, "equal": false, "shape": [left, right]})
        }
        Difference::Elements {
            count,
            size,
            max,
            nan,
            first,
        } => {
            let (distance, at) = max.as_ref().map(|(distance, at)| (distance, at)).unzip();
            let (count, size) = (number(*count), number(*size));
            let indexes: Vec<&[usize]> = first.iter().map(|pair| &*pair.index).collect();
            let values: Vec<_> = first.iter().map(|pair| [&pair.left, &pair.right]).collect();
            json!({"path": path, "equal": false, "count": count, "size": size, "max": distance, "max_at": at, "nan": number(*nan), "first": indexes, "values": values})
        }
        Difference::Objects => json!({"path": path, "equal": null, "not_compared": "objects"}),
        other => json!({"path": path, "equal": other.is_equal()}),
    }
}
