//! Numbers of Python that an array's dtype has no room for, and f2, whose steps are its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::{Array, Dtype, Index, Order};
use ndferry_math::{ErrorKind, MathError, Operand, Options, Pick, Setting, call};

fn one(name: &str, operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    call(name, operands, options).map(|mut results| results.remove(0))
}

#[test]
fn searchsorted_finds_the_place_of_what_the_dtype_cannot_hold() {
    let bytes = Array::from_elements(&[2], &[1u8, 2]).unwrap();
    let right = Options::new().with("side", Setting::Text("right".to_owned()));
    for (value, place) in [(300, 2), (-1, 0), (1, 1)] {
        let operands = [Operand::from(&bytes), Operand::Int(value)];
        let found = one("searchsorted", &operands, &right).unwrap();
        assert_eq!(found.to_elements::<i64>().unwrap(), [place], "{value}");
    }
    // The f4 nearest to 0.1 is larger than the f8.
    let singles = Array::from_elements(&[1], &[0.1f32]).unwrap();
    let operands = [Operand::from(&singles), Operand::Float(0.1)];
    let found = one("searchsorted", &operands, &right).unwrap();
    assert_eq!(found.to_elements::<i64>().unwrap(), [0]);
}

#[test]
fn floats_become_integers_only_where_there_is_room() {
    let index = Setting::Index(vec![Pick::Basic(Index::At(0))]);
    let options = Options::new().with("index", index);
    let bytes = Array::from_elements(&[1], &[7u8]).unwrap();
    let set = |value| {
        let operands = [Operand::from(&bytes), Operand::Float(value)];
        one("setitem", &operands, &options)
    };
    assert_eq!(set(255.9).unwrap().to_elements::<u8>().unwrap(), [255]);
    assert_eq!(set(-0.5).unwrap().to_elements::<u8>().unwrap(), [0]);
    for value in [256.0, -1.0, 1e300, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(set(value).unwrap_err().is(ErrorKind::Overflow), "{value}");
    }
    assert!(set(f64::NAN).unwrap_err().is(ErrorKind::Value));
}

#[test]
fn steps_of_halves_are_those_of_numpy() {
    // `numpy.spacing` of NumPy 2.4, both as bits.
    let known: [(u16, u16); 9] = [
        (0x3c00, 0x1400),
        (0x4000, 0x1800),
        (0xbc00, 0x1000),
        (0, 1),
        (0x7bff, 0x7c00),
        (0x0002, 1),
        (0x0c00, 4),
        (0x8c00, 2),
        (0xfbff, 0x5000),
    ];
    let bytes: Vec<u8> = known.iter().flat_map(|(x, _)| x.to_le_bytes()).collect();
    let dtype = Dtype::parse("<f2").unwrap();
    let halves = Array::contiguous(dtype, &[known.len()], Order::C, bytes).unwrap();
    let found = one("spacing", &[Operand::from(&halves)], &Options::new()).unwrap();
    let found = found.view().to_bytes(Order::C).unwrap();
    let found = found.as_chunks::<2>().0.iter();
    let found: Vec<u16> = found.map(|bytes| u16::from_ne_bytes(*bytes)).collect();
    let wanted: Vec<u16> = known.iter().map(|(_, spacing)| *spacing).collect();
    assert_eq!(found, wanted);
}

#[test]
fn tiles_and_modes_that_there_are_not_are_refused() {
    let numbers = Array::from_elements(&[2], &[1i64, 2]).unwrap();
    let reps = Options::new().with("reps", Setting::Int(-1));
    let refused = one("tile", &[Operand::from(&numbers)], &reps).unwrap_err();
    assert!(refused.is(ErrorKind::Value));
    let mode = Options::new().with("mode", Setting::Text("other".to_owned()));
    let operands = [Operand::from(&numbers), Operand::Int(0)];
    let refused = one("take", &operands, &mode).unwrap_err();
    assert!(refused.is(ErrorKind::Value));
}
