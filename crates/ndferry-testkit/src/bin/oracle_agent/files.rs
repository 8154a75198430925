//! Whole files through the facade, in memory: pickles, NPB; the text of arrays, and statistics.

use std::io::Cursor;

use bytes::Bytes;
use ndferry::{
    Format, Item, LazyArray, Number, NumpyEra, OpenOptions, SaveOptions, Source, StatsOptions,
    save_to,
};
use ndferry_array::{FloatMode, PrintOptions, Sign};
use ndferry_pickle::{Machine, Numpy, TreeWriter, WriteOptions};
use serde_json::{Map, Value, json};

use crate::{Answer, Refusal, array, steps};

/// All arrays of a file, their elements one after another.
pub(crate) fn open(file: Bytes) -> Result<Answer, Refusal> {
    let source = Source::from_bytes("oracle", file, &OpenOptions::default())?;
    let (mut members, mut all) = (Vec::new(), Vec::new());
    for lazy in source.arrays() {
        let (mut said, bytes) = array::answer(&lazy.load()?)?;
        said["path"] = lazy.path().into();
        said["nbytes"] = bytes.len().into();
        members.push(said);
        all.extend(bytes);
    }
    Ok((json!({ "members": members }), all))
}

/// The file that holds one array.
pub(crate) fn save(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let array = LazyArray::from(steps::walked(request, bytes)?);
    let mut options = SaveOptions::default();
    let format = request["format"].as_str().expect("a format");
    options.format = Some(format.parse::<Format>()?);
    options.protocol = request["protocol"].as_u64().map(|protocol| protocol as u8);
    options.numpy = match request["numpy"].as_str() {
        Some("1") => NumpyEra::One,
        Some("2") => NumpyEra::Two,
        _ => NumpyEra::Any,
    };
    let mut file = Cursor::new(Vec::new());
    let item = Item {
        name: "",
        array: &array,
    };
    save_to(&mut file, &[item], &options, &())?;
    Ok((json!({}), file.into_inner()))
}

/// All of a pickle, in another protocol or for another NumPy.
pub(crate) fn pickle_again(request: &Value, file: Bytes) -> Result<Answer, Refusal> {
    let mut machine = Machine::new(file);
    let root = machine.load()?;
    let tree = machine.into_tree();
    let options = WriteOptions {
        protocol: request["protocol"].as_u64().expect("a number") as u8,
        numpy: match request["numpy"].as_str() {
            Some("1") => Numpy::One,
            Some("2") => Numpy::Two,
            _ => Numpy::Any,
        },
        python2: request["python2"] == true,
    };
    let written = TreeWriter::new(&tree, options)?.write(root, Vec::new())?;
    Ok((json!({}), written))
}

/// A part of an array, read out of the NPB file that it was written to.
pub(crate) fn part(request: &Value, file: Bytes) -> Result<Answer, Refusal> {
    let source = Source::from_bytes("oracle", file, &OpenOptions::default())?;
    let lazy = source.array(None)?;
    let indexing: ndferry::Indexing = request["index"].as_str().expect("a text").parse()?;
    array::answer(&lazy.index(&indexing)?)
}

/// `str` and `repr` of an array, with the options that the request names as `numpy.set_printoptions` does.
pub(crate) fn text(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let array = steps::walked(request, bytes)?;
    let number = |name: &str| request[name].as_u64().map(|number| number as usize);
    let default = PrintOptions::default();
    let options = PrintOptions {
        precision: number("precision").unwrap_or(default.precision),
        threshold: number("threshold").unwrap_or(default.threshold),
        edge: number("edgeitems").unwrap_or(default.edge),
        line_width: number("linewidth").unwrap_or(default.line_width),
        suppress: request["suppress"].as_bool().unwrap_or(false),
        sign: match request["sign"].as_str() {
            Some("+") => Sign::Plus,
            Some(" ") => Sign::Space,
            _ => Sign::Minus,
        },
        float_mode: match request["floatmode"].as_str() {
            Some("fixed") => FloatMode::Fixed,
            Some("unique") => FloatMode::Unique,
            Some("maxprec_equal") => FloatMode::MaxPrecEqual,
            _ => FloatMode::MaxPrec,
        },
        ..default
    };
    let view = array.view();
    Ok((
        json!({ "str": view.str(&options)?, "repr": view.repr(&options)? }),
        Vec::new(),
    ))
}

/// What the numbers of an array are like; the request's percentiles and bins.
pub(crate) fn stats(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let array = LazyArray::from(steps::walked(request, bytes)?);
    let mut options = StatsOptions::default();
    options.bins = request["bins"].as_u64().expect("bins") as usize;
    let percentiles = request["percentiles"].as_array().expect("percentiles");
    options.percentiles = percentiles.iter().filter_map(Value::as_f64).collect();
    options.threads = 1;
    let found = ndferry::stats(&array, &options, &())?;
    let [found] = &found[..] else {
        return Err("several fields".into());
    };
    // As text, which has room for infinities.
    let floats = |values: &[f64]| -> Vec<String> { values.iter().map(f64::to_string).collect() };
    let number = |number: Option<Number>| match number {
        Some(Number::Int(n)) => json!(n),
        Some(Number::Uint(n)) => json!(n),
        Some(Number::Float(x)) => json!(x.to_string()),
        Some(Number::Complex(re, im)) => json!(floats(&[re, im])),
        _ => Value::Null,
    };
    let pair =
        |(percentile, value): &(f64, f64)| (percentile.to_string(), value.to_string().into());
    let percentiles: Map<String, Value> = found.percentiles.iter().map(pair).collect();
    let histogram = found.histogram.as_ref();
    let answer = json!({
        "n": found.n,
        "nan": found.nan,
        "inf": found.inf,
        "zeros": found.zeros,
        "min": number(found.min),
        "max": number(found.max),
        "mean": number(found.mean),
        "std": found.std.map(|std| std.to_string()),
        "percentiles": percentiles,
        "histogram": histogram.map(|it| json!({ "edges": floats(&it.edges), "counts": it.counts })),
    });
    Ok((answer, Vec::new()))
}
