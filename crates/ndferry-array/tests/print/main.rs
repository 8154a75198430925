//! Arrays and what NumPy prints of them: `cases.jsonl`, made by `make_cases.py`, or the file that the environment
//! variable `NDFERRY_PRINT_CASES` names.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::{
    Array, ArrayView, Corners, Dtype, Error, Field, FloatMode, Form, Order, PrintOptions, Sign,
    Struct,
};
use serde_json::Value;

fn dtype(json: &Value) -> Dtype {
    let size = |value: &Value| value.as_u64().unwrap() as usize;
    if let Some(text) = json.as_str() {
        return Dtype::parse(text).unwrap();
    }
    if let Some(base) = json.get("base") {
        let shape: Vec<usize> = json["shape"].as_array().unwrap().iter().map(size).collect();
        return Dtype::subarray(dtype(base), &shape).unwrap();
    }
    let field = |field: &Value| Field {
        name: field[0].as_str().unwrap().to_owned(),
        title: field[1].as_str().map(str::to_owned),
        dtype: dtype(&field[2]),
        offset: size(&field[3]),
    };
    let fields = json["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(field)
        .collect();
    let aligned = json["aligned"].as_bool().unwrap();
    Dtype::structured(Struct::new(fields, size(&json["itemsize"]), aligned).unwrap())
}

fn array(case: &Value) -> Array {
    let dtype = dtype(&case["dtype"]);
    let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
    let hex = case["bytes"].as_str().unwrap();
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..][..2], 16).unwrap();
    let few = (0..hex.len() / 2).map(byte);
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = few.cycle().take(nbytes).collect();
    let whole = Array::contiguous(dtype, &shape, Order::C, bytes).unwrap();
    let indexed = whole
        .index(&case["index"].as_str().unwrap().parse().unwrap())
        .unwrap();
    if case["transpose"] == true {
        indexed.reversed()
    } else {
        indexed
    }
}

fn options(json: &Value) -> PrintOptions {
    let default = PrintOptions::default();
    let size = |name: &str, default| json[name].as_u64().map_or(default, |n| n as usize);
    PrintOptions {
        precision: size("precision", default.precision),
        threshold: size("threshold", default.threshold),
        edge: size("edgeitems", default.edge),
        line_width: size("linewidth", default.line_width),
        suppress: json["suppress"] == true,
        sign: match json["sign"].as_str() {
            Some("+") => Sign::Plus,
            Some(" ") => Sign::Space,
            _ => Sign::Minus,
        },
        float_mode: match json["floatmode"].as_str() {
            Some("fixed") => FloatMode::Fixed,
            Some("unique") => FloatMode::Unique,
            Some("maxprec_equal") => FloatMode::MaxPrecEqual,
            _ => FloatMode::MaxPrec,
        },
        ..default
    }
}

fn form(json: &Value) -> Form<'_> {
    let text = |name: &str| json[name].as_str().unwrap();
    match json.as_str() {
        Some("str") => Form::Str,
        Some("repr") => Form::Repr,
        _ => Form::Elements {
            separator: text("separator"),
            prefix: text("prefix"),
            suffix: text("suffix"),
        },
    }
}

/// From the array as it is, and from nothing but the elements that are printed.
fn texts(
    view: &ArrayView<'_>,
    form: Form<'_>,
    options: &PrintOptions,
) -> [Result<String, Error>; 2] {
    let mut whole = String::new();
    let push = |out: &mut String, text: &str| {
        out.push_str(text);
        Ok(())
    };
    let printed: Result<(), Error> = view.print(form, options, |text| push(&mut whole, text));
    let from_corners = || {
        let corners = Corners::of(view.shape(), options)?;
        let mut bytes =
            vec![0; corners.shape().iter().product::<usize>() * view.dtype().itemsize()];
        let layout =
            ndferry_array::Layout::contiguous(corners.shape(), view.dtype().itemsize(), Order::C)?;
        let mut kept = ndferry_array::ArrayViewMut::new(view.dtype().clone(), layout, &mut bytes)?;
        for (there, here) in corners.parts() {
            kept.select(&here)?.assign(&view.select(&there)?)?;
        }
        let mut out = String::new();
        corners.print(&kept.view(), form, options, |text| push(&mut out, text))?;
        Ok(out)
    };
    [printed.map(|()| whole), from_corners()]
}

#[test]
fn arrays_are_printed_as_numpy_prints_them() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/print/cases.jsonl");
    let path = std::env::var("NDFERRY_PRINT_CASES").unwrap_or_else(|_| default.to_owned());
    let cases = std::fs::read_to_string(path).unwrap();
    let (mut count, mut wrong) = (0, 0);
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let expected = case["text"].as_str().unwrap();
        let [whole, corners] = texts(
            &array(&case).view(),
            form(&case["form"]),
            &options(&case["options"]),
        );
        count += 1;
        if whole.as_deref() == Ok(expected) && corners.as_deref() == Ok(expected) {
            continue;
        }
        wrong += 1;
        if wrong <= 10 {
            let short: String = line.chars().take(600).collect();
            println!(
                "{short}\nexpected\n{expected}\nwhole\n{whole:?}\nfrom corners\n{corners:?}\n"
            );
        }
    }
    println!("{count} arrays printed, {wrong} of them wrong");
    assert!(
        count > 0 && wrong == 0,
        "{wrong} of {count} texts differ from NumPy's"
    );
}
