//! Arrays and what NumPy prints of them: `cases.jsonl`, made by `make_cases.py`, or the file that the environment
//! variable `NDFERRY_PRINT_CASES` names.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::{
    Array, ArrayView, Corners, Dtype, Error, Field, FloatMode, Form, LongDouble, Order,
    PrintOptions, Sign, Struct,
};
use proptest::prelude::*;
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

fn plain(dtype: &str, bytes: &[u8]) -> Array {
    let dtype = Dtype::parse(dtype).unwrap();
    let count = bytes.len() / dtype.itemsize();
    Array::contiguous(dtype, &[count], Order::C, bytes.to_vec()).unwrap()
}

/// A double as an IEEE quad.
fn quad(x: f64) -> [u8; 16] {
    let bits = x.to_bits();
    let (sign, exponent) = (u128::from(bits >> 63), u128::from(bits >> 52 & 0x7ff));
    let fraction = u128::from(bits & ((1 << 52) - 1));
    let exponent = match exponent {
        0 => 0,
        0x7ff => 0x7fff,
        normal => normal + 16_383 - 1023,
    };
    (sign << 127 | exponent << 112 | fraction << 60).to_le_bytes()
}

#[test]
fn quads_are_told_from_x87_by_what_they_hold() {
    let doubles = [1.0, -2.5, 0.1, 0.0, f64::NAN, f64::INFINITY, 1e-300];
    let quads: Vec<u8> = doubles.iter().flat_map(|x| quad(*x)).collect();
    let as_doubles = Array::from_elements(&[doubles.len()], &doubles).unwrap();
    let options = PrintOptions::default();
    let text = plain("<f16", &quads).view().str(&options).unwrap();
    assert_eq!(text, as_doubles.view().str(&options).unwrap());

    // 1 and 2 of an x86, with what was in the padding: the address of some code.
    let rubbish = [0x77, 0x0c, 0x4e, 0x7f, 0, 0];
    let one = [&[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f][..], &rubbish].concat();
    let two = [&[0, 0, 0, 0, 0, 0, 0, 0x80, 0x00, 0x40][..], &rubbish].concat();
    let x87 = plain("<f16", &[one, two].concat());
    assert_eq!(x87.view().str(&options), Ok("[1. 2.]".to_owned()));
}

#[test]
fn rubbish_in_the_padding_of_x87_numbers_does_not_count() {
    // `numpy.longdouble` 0, 0.5, 1 and 3, padded with the upper halves of doubles, as computed arrays are.
    let mut bytes = Vec::new();
    for (exponent, leading) in [(0u16, 0u8), (0x3ffe, 0x80), (0x3fff, 0x80), (0x4000, 0xc0)] {
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, leading]);
        bytes.extend_from_slice(&exponent.to_le_bytes());
        bytes.extend_from_slice(&[0x0c, 0x93, 0x18, 0x2d, 0xf0, 0x3f]);
    }
    let text = plain("<f16", &bytes).view().str(&PrintOptions::default());
    assert_eq!(text.unwrap(), "[0.  0.5 1.  3. ]");
    let text = plain("<c32", &bytes).view().str(&PrintOptions::default());
    assert_eq!(text.unwrap(), "[0.+0.5j 1.+3.j ]");
}

#[test]
fn quads_have_as_many_digits_as_they_need() {
    // The quad next to 0.1, and the one after it; digits computed with fractions in Python.
    let tenth = 0x3ffb_9999_9999_9999_9999_9999_9999_999a_u128;
    let options = PrintOptions {
        float_mode: FloatMode::Unique,
        ..PrintOptions::default()
    };
    let text = |bits: u128| {
        plain("<f16", &bits.to_le_bytes())
            .view()
            .str(&options)
            .unwrap()
    };
    assert_eq!(text(tenth), "[0.1]");
    assert_eq!(text(tenth + 1), "[0.10000000000000000000000000000000002]");
    let big_endian = plain(">f16", &tenth.to_be_bytes());
    assert_eq!(big_endian.view().str(&options), Ok("[0.1]".to_owned()));
    // The largest and the smallest.
    let longest = |bits: u128| {
        let options = PrintOptions {
            long_double: LongDouble::Quad,
            ..options.clone()
        };
        plain("<f16", &bits.to_le_bytes())
            .view()
            .str(&options)
            .unwrap()
    };
    assert_eq!(
        longest((0x7fff << 112) - 1),
        "[1.189731495357231765085759326628007e+4932]"
    );
    assert_eq!(longest(1), "[6.e-4966]");
}

#[test]
fn ticks_without_a_unit_are_the_number() {
    // NumPy raises for them.
    let dates = plain(
        "<M8",
        &[5i64.to_le_bytes(), i64::MIN.to_le_bytes()].concat(),
    );
    let options = PrintOptions::default();
    assert_eq!(dates.view().str(&options), Ok("[  '5' 'NaT']".to_owned()));
}

#[test]
fn objects_are_refused() {
    for dtype in [Dtype::OBJECT, Dtype::VARIABLE_STRING] {
        let array = Array::contiguous(dtype, &[1], Order::C, vec![0; 16]).unwrap();
        let refused = array.view().str(&PrintOptions::default());
        assert!(matches!(refused, Err(Error::NotBytes { .. })));
    }
}

#[test]
fn elements_that_take_no_bytes_are_not_printed_for_ever() {
    let options = PrintOptions::default();
    let nothing = Dtype::parse("V0").unwrap();
    let refused = |dtype: Dtype, shape: &[usize]| {
        let array = Array::contiguous(dtype, shape, Order::C, Vec::new()).unwrap();
        let all = PrintOptions {
            threshold: usize::MAX,
            ..PrintOptions::default()
        };
        for options in [&options, &all] {
            let refused = array.view().str(options);
            assert!(
                matches!(refused, Err(Error::TooManyToPrint { .. })),
                "{refused:?}"
            );
        }
    };
    refused(nothing.clone(), &[7; 20]);
    let field = |dtype: Dtype| {
        let fields = vec![Field::new("a", dtype, 0)];
        Dtype::structured(Struct::new(fields, 0, false).unwrap())
    };
    let many = Dtype::subarray(nothing.clone(), &[1 << 40]).unwrap();
    refused(field(many.clone()), &[2]);
    let brackets = Dtype::subarray(Dtype::U8, &[1 << 30, 0]).unwrap();
    refused(field(brackets), &[2]);
    let nested = Dtype::subarray(field(many), &[1 << 40]).unwrap();
    assert!(
        Array::contiguous(field(nested), &[2], Order::C, Vec::new())
            .and_then(|array| array.view().str(&options))
            .is_err()
    );
    // The corners of many of them are few.
    let array = Array::contiguous(nothing, &[1 << 40], Order::C, Vec::new()).unwrap();
    let text = array.view().str(&options).unwrap();
    assert_eq!(text, "[b'' b'' b'' ... b'' b'' b'']");
}

#[test]
fn narrow_options_still_print_every_element() {
    let array = Array::from_elements(&[2, 2], &[1i32, 20, 300, -4]).unwrap();
    let options = PrintOptions {
        line_width: 0,
        ..PrintOptions::default()
    };
    let text = array.view().str(&options).unwrap();
    assert_eq!(text, "[[  1\n   20]\n [300\n   -4]]");
    let options = PrintOptions {
        threshold: 0,
        edge: 0,
        ..PrintOptions::default()
    };
    let text = array.view().str(&options).unwrap();
    assert_eq!(text, "[...\n [... -4]]");
}

proptest! {
    #[test]
    fn any_bytes_print_as_something(
        dtype in prop::sample::select(vec![
            "?", "<i2", ">u8", "<f2", ">f4", "<f8", "<f12", "<f16", ">f16", "<c8", ">c24", "<c32", "S5", "<U3", ">U2", "V3",
            "<M8[W]", ">M8[as]", "<m8[7D]", "<M8", "<i4,>f8,S3", "<f2,<U1",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 200),
        form in prop::sample::select(vec![Form::Str, Form::Repr]),
        precision in 0usize..30,
        float_mode in prop::sample::select(vec![
            FloatMode::Fixed, FloatMode::Unique, FloatMode::MaxPrec, FloatMode::MaxPrecEqual,
        ]),
    ) {
        let array = plain(dtype, &bytes);
        let options = PrintOptions { precision, float_mode, ..PrintOptions::default() };
        let [whole, corners] = texts(&array.view(), form, &options);
        prop_assert_eq!(&whole, &corners);
        prop_assert!(whole.unwrap().ends_with([']', ')']));
    }
}
