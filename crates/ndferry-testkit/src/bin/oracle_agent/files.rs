//! Whole files through the facade, in memory: pickles, NPB; and the text of arrays.

use std::io::Cursor;

use bytes::Bytes;
use ndferry::{Format, Item, LazyArray, NumpyEra, OpenOptions, SaveOptions, Source, save_to};
use ndferry_array::PrintOptions;
use serde_json::{Value, json};

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

/// A part of an array, read out of the NPB file that it was written to.
pub(crate) fn part(request: &Value, file: Bytes) -> Result<Answer, Refusal> {
    let source = Source::from_bytes("oracle", file, &OpenOptions::default())?;
    let lazy = source.array(None)?;
    let indexing: ndferry::Indexing = request["index"].as_str().expect("a text").parse()?;
    array::answer(&lazy.index(&indexing)?)
}

/// `str` and `repr` of an array.
pub(crate) fn text(request: &Value, bytes: Bytes) -> Result<Answer, Refusal> {
    let array = steps::walked(request, bytes)?;
    let number = |name: &str| request[name].as_u64().expect("a number") as usize;
    let options = PrintOptions {
        threshold: number("threshold"),
        precision: number("precision"),
        ..PrintOptions::default()
    };
    let view = array.view();
    Ok((
        json!({ "str": view.str(&options)?, "repr": view.repr(&options)? }),
        Vec::new(),
    ))
}
