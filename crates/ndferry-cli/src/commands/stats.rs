//! `ndferry stats`: what the numbers are like.

use std::io::Write;

use ndferry::{Dtype, ErrorClass, Histogram, Number, Stats, StatsOptions, stats};
use serde_json::{Map, Value, json};

use crate::args::{SourceArgs, StatsArgs};
use crate::report::{self, Outcome, Session};
use crate::words::{number, plain, time_text};
use crate::{output, size};

pub(crate) fn run(args: &StatsArgs, session: &Session) -> anyhow::Result<Outcome> {
    let sources = report::sources(&args.sources, "stats")?;
    let is_single = sources.len() == 1;
    let mut options = StatsOptions::default();
    options.percentiles.clone_from(&args.percentiles);
    options.bins = args.hist.into();
    options.axis = args.axis;
    options.threads = args.threads.jobs;
    options.interrupt = session.interrupt.clone();
    let mut out = output::styled_or_json(args.json);
    report::each(sources, session, &mut out, |source, out| {
        let part = SourceArgs {
            source,
            slice: args.slice.clone(),
        };
        let (source, arrays) = session.source_and_arrays(&part, args.threads.jobs, false)?;
        let is_single = is_single && arrays.len() == 1;
        let is_among = arrays.len() > 1;
        for (path, array) in &arrays {
            let found = match stats(array, &options, &session.bar) {
                // The others have some; this one was not asked for by name.
                Err(error) if is_among && error.class() == ErrorClass::Unsupported => {
                    out.flush()?;
                    session.say(format_args!("left out: {error}"));
                    continue;
                }
                found => found?,
            };
            one(source.name(), path, &found, is_single, args, out)?;
        }
        Ok(())
    })
}

/// The statistics of one array, or of each of its fields.
fn one(
    source: &str,
    path: &str,
    found: &[Stats],
    is_single: bool,
    args: &StatsArgs,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if args.json {
        for stats in found {
            writeln!(out, "{}", line(source, path, stats))?;
        }
        return Ok(());
    }
    let is_named = !is_single || found.iter().any(|stats| !stats.field.is_empty());
    for group in found.chunk_by(|a, b| a.field == b.field) {
        if is_named {
            writeln!(out, "{}", heading(source, path, &group[0].field, is_single))?;
        }
        if args.axis.is_some() {
            table(group, out)?;
        } else {
            group.iter().try_for_each(|stats| human(stats, out))?;
        }
    }
    Ok(())
}

/// `FILE:ARRAY FIELD`, as much of it as there is; the only array needs no name.
fn heading(source: &str, path: &str, field: &str, is_single: bool) -> String {
    let address = match (is_single, path) {
        (true, path) => plain(path),
        (false, "") => plain(source),
        (false, path) => format!("{}:{}", plain(source), plain(path)),
    };
    let words = [address, plain(field)];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Two lines and a histogram.
fn human(stats: &Stats, out: &mut impl Write) -> anyhow::Result<()> {
    let value = |value: Option<Number>| value_text(value, &stats.dtype);
    writeln!(
        out,
        "n {}  nan {}  inf {}  zeros {}   min {}  max {}  mean {}  std {}",
        size::count(stats.n),
        size::count(stats.nan),
        size::count(stats.inf),
        share(stats.zeros, stats.n),
        value(stats.min),
        value(stats.max),
        mean_text(stats),
        stats.std.map_or("-".to_owned(), short),
    )?;
    if !stats.percentiles.is_empty() {
        let words: Vec<String> = stats
            .percentiles
            .iter()
            .map(|(percentile, value)| format!("p{percentile} {}", place(*value, &stats.dtype)))
            .collect();
        writeln!(out, "{}", words.join("  "))?;
    }
    if let Some(histogram) = &stats.histogram {
        let edge = |i: usize| place(histogram.edges[i], &stats.dtype);
        let last = histogram.edges.len() - 1;
        writeln!(out, "{} {} {}", edge(0), bars(histogram), edge(last))?;
    }
    Ok(())
}

/// One line for each index.
fn table(found: &[Stats], out: &mut impl Write) -> anyhow::Result<()> {
    let heads = [
        "index", "n", "nan", "inf", "zeros", "min", "max", "mean", "std",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    for stats in found {
        let value = |value: Option<Number>| value_text(value, &stats.dtype);
        rows.push([
            stats.index.unwrap_or(0).to_string(),
            size::count(stats.n),
            size::count(stats.nan),
            size::count(stats.inf),
            size::count(stats.zeros),
            value(stats.min),
            value(stats.max),
            mean_text(stats),
            stats.std.map_or("-".to_owned(), short),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  "))?;
    }
    Ok(())
}

fn line(source: &str, path: &str, stats: &Stats) -> Value {
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    set("source", source.into());
    set("path", path.into());
    if !stats.field.is_empty() {
        set("field", stats.field.clone().into());
    }
    if let Some(index) = stats.index {
        set("index", index.into());
    }
    set("dtype", stats.dtype.str().into());
    set("n", number(stats.n));
    set("nan", number(stats.nan));
    set("inf", number(stats.inf));
    set("zeros", number(stats.zeros));
    set("min", stats.min.map_or(Value::Null, exact));
    set("max", stats.max.map_or(Value::Null, exact));
    set("mean", stats.mean.map_or(Value::Null, exact));
    set("std", stats.std.map_or(Value::Null, double));
    if stats.index.is_none() {
        let percentiles = stats.percentiles.iter();
        let pair = |(p, value): &(f64, f64)| (p.to_string(), double(*value));
        set(
            "percentiles",
            Value::Object(percentiles.map(pair).collect()),
        );
        let histogram = stats.histogram.as_ref().map_or(Value::Null, |histogram| {
            let edges: Vec<Value> = histogram.edges.iter().map(|edge| double(*edge)).collect();
            let counts: Vec<Value> = histogram.counts.iter().map(|n| number(*n)).collect();
            json!({"edges": edges, "counts": counts})
        });
        set("histogram", histogram);
    }
    Value::Object(object)
}

fn exact(value: Number) -> Value {
    match value {
        Number::Int(n) if n.unsigned_abs() <= 1 << 53 => n.into(),
        Number::Int(n) => n.to_string().into(),
        Number::Uint(n) => number(n),
        Number::Complex(re, im) => json!([double(re), double(im)]),
        other => double(other.to_f64()),
    }
}

/// JSON has no NaN and no infinity.
fn double(value: f64) -> Value {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        value.into()
    }
}

fn value_text(value: Option<Number>, dtype: &Dtype) -> String {
    match value {
        None => "-".to_owned(),
        Some(Number::Int(ticks)) => time_text(ticks, dtype).unwrap_or_else(|| ticks.to_string()),
        Some(Number::Uint(n)) => n.to_string(),
        Some(Number::Complex(re, im)) => format!(
            "{}{}{}j",
            short(re),
            if im < 0.0 { "" } else { "+" },
            short(im)
        ),
        Some(other) => short(other.to_f64()),
    }
}

fn mean_text(stats: &Stats) -> String {
    match stats.mean {
        Some(Number::Float(mean)) => place(mean, &stats.dtype),
        mean => value_text(mean, &stats.dtype),
    }
}

/// A place between numbers; between times, the nearest tick.
fn place(value: f64, dtype: &Dtype) -> String {
    time_text(value.round() as i64, dtype).unwrap_or_else(|| short(value))
}

/// Six digits, as `%g` in C.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string().to_lowercase();
    }
    let scientific = format!("{value:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 {
        return "0".to_owned();
    }
    if (-5..6).contains(&exponent) {
        let text = format!("{value:.*}", (5 - exponent).max(0) as usize);
        return trimmed(&text).to_owned();
    }
    format!("{}e{exponent}", trimmed(digits))
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// `1.2 %` of many, otherwise how many.
fn share(count: u64, all: u64) -> String {
    let percent = count as f64 / all.max(1) as f64 * 100.0;
    if all < 1000 || percent < 0.05 {
        return size::count(count);
    }
    format!("{percent:.1} %")
}

/// A bar for each bin; only those without numbers are empty.
fn bars(histogram: &Histogram) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = histogram.counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| match *count as f64 / most as f64 {
        0.0 => BARS[0],
        part => BARS[((part * 8.0).round() as usize).clamp(1, 8)],
    };
    histogram.counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (4095.0, "4095"),
            (212.43219, "212.432"),
            (-0.5, "-0.5"),
            (1e-7, "1e-7"),
            (123456789.0, "1.23457e8"),
            (999999.7, "1e6"),
            (0.00012, "0.00012"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn few_are_counted_and_many_are_shared_out() {
        assert_eq!(share(3, 10), "3");
        assert_eq!(share(12, 1000), "1.2 %");
        assert_eq!(share(1, 1_000_000), "1");
        assert_eq!(share(0, 0), "0");
    }

    #[test]
    fn json_keeps_what_doubles_cannot() {
        assert_eq!(
            exact(Number::Int(-(1 << 53) - 1)),
            json!("-9007199254740993")
        );
        assert_eq!(exact(Number::Float(f64::INFINITY)), json!("Infinity"));
        assert_eq!(exact(Number::Complex(1.0, f64::NAN)), json!([1.0, "NaN"]));
    }
}
