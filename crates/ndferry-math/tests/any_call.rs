//! Any function, whatever its operands and options, gives arrays or an error: it does not panic, hang, or take memory that
//! is not there. `NDFERRY_CALLS=1000000` makes a million calls of it.

#![allow(
    clippy::unwrap_used,
    reason = "dtypes and layouts of the tables are good"
)]

use ndferry_array::{Array, ArrayView, ArrayViewMut, Dtype, Index, Layout, Order};
use ndferry_math::{ErrorKind, Function, Operand, Options, Pick, Setting, assign, call, functions};
use proptest::prelude::*;
use proptest::sample::{Index as Any, select};
use proptest::test_runner::{Config, TestRunner};

/// More bytes than a process can have on any machine of today, whatever the system promises.
const CLAIM: i64 = 1 << 48;

const DTYPES: &[&str] = &[
    "?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", ">u4", "<u8", "<f2", "<f4", "<f8", ">f8", ">f4",
    "<c8", "<c16", ">c16", "S3", "<U2", "<M8[s]", "V4", "O", "S0", "<f16",
];

const SHAPES: &[&[usize]] = &[
    &[],
    &[0],
    &[1],
    &[5],
    &[40],
    &[3, 4],
    &[4, 4],
    &[1, 1],
    &[2, 3, 3],
    &[2, 2, 3, 1],
    &[0, 3],
    &[3, 0],
    &[0, 0],
    &[2, 0, 0],
    &[1; 64],
    &[1 << 48, 0],
    &[0, 1 << 60],
    &[1 << 60, 0, 0],
    &[1 << 48],
    &[1 << 62],
    &[1 << 31, 1 << 31],
    &[3, 1 << 48],
    &[1 << 40, 2, 2],
];

const WORDS: &[&str] = &[
    "<f4",
    "?",
    "<i8",
    ">c16",
    "no dtype",
    "L",
    "U",
    "fro",
    "nuc",
    "complete",
    "r",
    "edge",
    "reflect",
    "symmetric",
    "wrap",
    "clip",
    "raise",
    "constant",
    "left",
    "right",
    "",
    "\u{1F980}",
    "f8,f8",
];

/// An operand, as a recipe.
#[derive(Clone, Debug)]
enum Given {
    Array {
        dtype: usize,
        shape: usize,
        lie: u8,
        fill: u64,
    },
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

impl Given {
    /// `bytes` is where its elements are.
    fn operand<'a>(&self, bytes: &'a mut Vec<u8>) -> Operand<'a> {
        match *self {
            Self::Array {
                dtype,
                shape,
                lie,
                fill,
            } => Operand::Array(view(DTYPES[dtype], SHAPES[shape], lie, fill, bytes)),
            Self::Bool(value) => Operand::Bool(value),
            Self::Int(value) => Operand::Int(value),
            Self::Float(value) => Operand::Float(value),
            Self::Complex(re, im) => Operand::Complex(re, im),
        }
    }
}

/// In C order, in F order, backwards, or all elements the same; what is too large for all of them the last.
fn view<'a>(
    dtype: &str,
    shape: &[usize],
    lie: u8,
    fill: u64,
    bytes: &'a mut Vec<u8>,
) -> ArrayView<'a> {
    let dtype = Dtype::parse(dtype).unwrap();
    let itemsize = dtype.itemsize();
    let size = shape
        .iter()
        .try_fold(1usize, |n, extent| n.checked_mul(*extent));
    let small = size.filter(|size| *size <= 4096);
    let order = if lie == 1 { Order::F } else { Order::C };
    let mut items = fill;
    bytes.extend((0..small.unwrap_or(1).max(1) * itemsize).map(|_| {
        items = items
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(fill | 1);
        // Small numbers, or any bytes.
        if fill.is_multiple_of(2) {
            (items >> 62) as u8
        } else {
            (items >> 56) as u8
        }
    }));
    let layout = match (small, Layout::contiguous(shape, itemsize, order)) {
        (Some(size), Ok(layout)) if lie == 2 && size > 0 => {
            let strides: Vec<isize> = layout.strides().iter().map(|stride| -stride).collect();
            let last = (size - 1) * itemsize;
            Layout::strided(shape, &strides, last).unwrap()
        }
        (Some(_), Ok(layout)) if lie != 3 => layout,
        _ => Layout::strided(shape, &vec![0; shape.len()], 0).unwrap(),
    };
    ArrayView::new(dtype, layout, bytes).unwrap()
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -5i64..=5,
        1 => 6i64..=20,
        1 => select(vec![i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, CLAIM, -CLAIM, 1 << 60, 1 << 53]),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    let some = [
        0.0, -0.0, 0.5, 1.0, 25.0, 100.5, -1.0, 1e-310, 1e308, -1e308,
    ];
    let none = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    select([&some[..], &none].concat())
}

fn given() -> impl Strategy<Value = Given> {
    let array = (0..DTYPES.len(), 0..SHAPES.len(), 0u8..4, any::<u64>());
    prop_oneof![
        12 => array.prop_map(|(dtype, shape, lie, fill)| Given::Array { dtype, shape, lie, fill }),
        1 => any::<bool>().prop_map(Given::Bool),
        1 => integer().prop_map(|value| Given::Int(value.into())),
        1 => select(vec![i128::MAX, i128::MIN, 1 << 64, (1 << 63) + 1]).prop_map(Given::Int),
        1 => float().prop_map(Given::Float),
        1 => (float(), float()).prop_map(|(re, im)| Given::Complex(re, im)),
    ]
}

fn index() -> impl Strategy<Value = Pick> {
    let part = || proptest::option::of(integer().prop_map(|at| at as isize));
    prop_oneof![
        integer().prop_map(|at| Pick::Basic(Index::At(at as isize))),
        (part(), part(), part()).prop_map(|(start, stop, step)| Pick::Basic(Index::Slice {
            start,
            stop,
            step
        })),
        Just(Pick::Basic(Index::NewAxis)),
        Just(Pick::Basic(Index::Ellipsis)),
        (0usize..4).prop_map(Pick::Array),
    ]
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        1 => Just(Setting::None),
        2 => any::<bool>().prop_map(Setting::Bool),
        4 => integer().prop_map(Setting::Int),
        4 => proptest::collection::vec(integer(), 0..6).prop_map(Setting::Ints),
        1 => proptest::collection::vec(0i64..2, 100).prop_map(Setting::Ints),
        2 => float().prop_map(Setting::Float),
        2 => select(WORDS).prop_map(|word| Setting::Text(word.to_owned())),
        2 => select(DTYPES).prop_map(|text| Setting::Dtype(Dtype::parse(text).unwrap())),
        3 => proptest::collection::vec(index(), 0..5).prop_map(Setting::Index),
    ]
}

/// Which function, its operands, how many of them it may take, and its options by number.
type Call = (Any, Vec<Given>, u8, Vec<(Any, Setting)>);

fn calls() -> impl Strategy<Value = Call> {
    let operands = proptest::collection::vec(given(), 4);
    let options = proptest::collection::vec((any::<Any>(), setting()), 0..4);
    (any::<Any>(), operands, 0u8..24, options)
}

fn made((which, operands, more, settings): &Call) -> Result<Vec<Array>, ndferry_math::MathError> {
    let all: Vec<&Function> = functions().collect();
    let function = all[which.index(all.len())];
    let (least, most) = function.arity();
    // Sometimes one more than the fewest, or a wrong number.
    let count = match more {
        0 => 0,
        1 => least + 1,
        2..=9 => most.min(least + 2),
        _ => least,
    };
    let mut bytes = [const { Vec::new() }; 4];
    let operands: Vec<Operand<'_>> = operands
        .iter()
        .zip(&mut bytes)
        .take(count)
        .map(|(given, bytes)| given.operand(bytes))
        .collect();
    let mut options = Options::new();
    for (name, setting) in settings {
        let names = function.options();
        if !names.is_empty() {
            options.set(names[name.index(names.len())], setting.clone());
        }
    }
    call(function.name(), &operands, &options)
}

fn count(unsaid: u32) -> u32 {
    let said = std::env::var("NDFERRY_CALLS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(unsaid)
}

#[test]
fn any_call_of_any_function_gives_arrays_or_an_error() {
    let config = Config {
        cases: count(20_000),
        failure_persistence: None,
        ..Config::default()
    };
    let (mut worked, mut refused) = (0u32, 0u32);
    let tally = std::cell::RefCell::new((&mut worked, &mut refused));
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    )
    .run(&calls(), |given| {
        let mut tally = tally.borrow_mut();
        match made(&given) {
            Ok(arrays) => {
                *tally.0 += 1;
                for array in arrays
                    .iter()
                    .filter(|array| array.nbytes() <= 1 << 20 && !array.dtype().has_object())
                {
                    let bytes = array.view().to_bytes(Order::C).unwrap();
                    prop_assert_eq!(bytes.len(), array.size() * array.dtype().itemsize());
                }
            }
            Err(error) => {
                *tally.1 += 1;
                prop_assert!(!error.to_string().is_empty());
            }
        }
        Ok(())
    })
    .unwrap();
    println!("{worked} calls gave arrays, {refused} an error");
    // Neither is so rare that the test would say nothing.
    assert!(worked > (worked + refused) / 10 && refused > (worked + refused) / 10);
}

#[test]
fn any_assignment_changes_the_target_or_nothing() {
    let target = (0..DTYPES.len(), 0usize..10, any::<u64>());
    let given = proptest::collection::vec(given(), 4);
    let picks = proptest::collection::vec(index(), 0..5);
    let config = Config {
        cases: count(5000),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(
            &(target, given, picks),
            |((dtype, shape, fill), given, picks)| {
                let (mut from, mut bytes) = (Vec::new(), [const { Vec::new() }; 4]);
                let view = view(DTYPES[dtype], SHAPES[shape], 0, fill, &mut from);
                let (dtype, layout) = (view.dtype().clone(), view.layout().clone());
                let before = from.clone();
                let operands: Vec<Operand<'_>> = given
                    .iter()
                    .zip(&mut bytes)
                    .map(|(given, bytes)| given.operand(bytes))
                    .collect();
                let mut target = ArrayViewMut::new(dtype, layout, &mut from).unwrap();
                if assign(&mut target, &picks, &operands[1..], &operands[0]).is_err() {
                    prop_assert_eq!(before, from);
                }
                Ok(())
            },
        )
        .unwrap();
}

#[test]
fn claims_beyond_all_memory_are_errors_at_once() {
    let array = Array::from_elements(&[2], &[1.0f64, 2.0]).unwrap();
    let many = Setting::Int(CLAIM);
    let list = |items: &[i64]| Setting::Ints(items.to_vec());
    let options = |name: &str, setting: Setting| Options::new().with(name, setting);
    let claims: Vec<(&str, Vec<Operand<'_>>, Options)> = vec![
        ("repeat", vec![], options("repeats", many.clone())),
        (
            "repeat",
            vec![],
            options("repeats", list(&[i64::MAX, i64::MAX])),
        ),
        ("tile", vec![], options("reps", many.clone())),
        ("tile", vec![], options("reps", list(&[1 << 31, 1 << 31]))),
        ("pad", vec![], options("pad_width", many.clone())),
        ("pad", vec![], options("pad_width", Setting::Int(i64::MAX))),
        (
            "pad",
            vec![],
            options("pad_width", many.clone()).with("mode", Setting::Text("wrap".into())),
        ),
        ("broadcast_to", vec![], options("shape", list(&[CLAIM, 2]))),
        (
            "broadcast_to",
            vec![],
            options("shape", list(&[1 << 40, 1 << 40, 2])),
        ),
        ("array_split", vec![], options("sections", many.clone())),
        ("diag", vec![], options("k", many.clone())),
        ("diag", vec![], options("k", Setting::Int(i64::MIN))),
        (
            "histogram",
            vec![Operand::Int(CLAIM.into())],
            Options::new(),
        ),
        (
            "histogram",
            vec![Operand::Int(i64::MAX.into())],
            Options::new(),
        ),
    ];
    for (name, more, options) in claims {
        let operands = [vec![Operand::from(&array)], more].concat();
        let error = call(name, &operands, &options).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Memory | ErrorKind::Value),
            "{name}: {error}"
        );
    }
    let counted = Array::from_elements(&[1], &[CLAIM]).unwrap();
    let error = call("bincount", &[Operand::from(&counted)], &Options::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory);
    let minlength = options("minlength", Setting::Int(i64::MAX));
    let counted = Array::from_elements(&[1], &[1i64]).unwrap();
    let error = call("bincount", &[Operand::from(&counted)], &minlength).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory);
}

#[test]
fn views_that_repeat_a_few_bytes_without_end_are_not_copied() {
    let item = [0u8; 16];
    for shape in [&[1usize << 50][..], &[1 << 31, 1 << 31], &[1 << 40, 3, 3]] {
        let layout = Layout::strided(shape, &vec![0; shape.len()], 0).unwrap();
        let endless = ArrayView::new(Dtype::parse("<f8").unwrap(), layout, &item).unwrap();
        for function in functions() {
            let operands = vec![Operand::Array(endless.clone()); function.arity().0];
            let result = call(function.name(), &operands, &Options::new());
            assert!(result.is_err(), "{} of {shape:?}", function.name());
        }
    }
}

#[test]
fn axes_that_there_are_not_are_axis_errors_for_every_function_with_axes() {
    let array = Array::from_elements(&[2, 2], &[1.0f64, 0.5, 0.25, 2.0]).unwrap();
    let mut asked = 0;
    for function in functions().filter(|function| function.options().contains(&"axis")) {
        let second = Operand::Float(0.5);
        let index = Array::from_elements(&[1], &[0i64]).unwrap();
        for axis in [3, -4, i64::MIN, i64::MAX] {
            let mut operands = vec![Operand::from(&array)];
            if function.arity().0 == 2 {
                operands.push(if function.name() == "take" {
                    Operand::from(&index)
                } else {
                    second.clone()
                });
            }
            let mut options = Options::new().with("axis", Setting::Int(axis));
            for (name, value) in [
                ("repeats", 1),
                ("sections", 1),
                ("shift", 1),
                ("indices", 0),
            ] {
                let split = function.name().ends_with("split");
                if function.options().contains(&name) && !(split && name == "indices") {
                    options.set(name, Setting::Int(value));
                }
            }
            let error = call(function.name(), &operands, &options).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Axis,
                "{} with axis {axis}: {error}",
                function.name()
            );
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}

#[cfg(feature = "json")]
#[test]
fn options_as_json_are_options_or_an_error() {
    let deep = 1_000_000;
    let wrong = [
        "[".repeat(deep),
        "{\"axis\":".repeat(deep),
        format!("{{\"axis\":{}", "[".repeat(deep)),
        format!("{{\"axis\":{}{}}}", "[".repeat(100), "]".repeat(100)),
        "{\"axis\":{}}".to_owned(),
        "{\"axis\":[1e400]}".to_owned(),
        "{\"index\":[{\"slice\":[1,2]}]}".to_owned(),
        "{\"index\":[9223372036854775808]}".to_owned(),
        "{\"index\":[{\"array\":-1}]}".to_owned(),
        "\u{0}".to_owned(),
        String::new(),
    ];
    for text in wrong {
        let error = Options::from_json(&text).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Type,
            "{}",
            &text[..text.len().min(40)]
        );
    }
    let array = Array::from_elements(&[2], &[1.0f64, 2.0]).unwrap();
    for (text, kind) in [
        ("{\"axis\":-9223372036854775808}", ErrorKind::Axis),
        ("{\"axis\":9223372036854775808}", ErrorKind::Type),
        ("{\"axis\":\"nan\"}", ErrorKind::Type),
        ("{\"no such\":1}", ErrorKind::Type),
    ] {
        let options = Options::from_json(text).unwrap();
        let error = call("sum", &[Operand::from(&array)], &options).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
    }
}
