//! How exact the loops are, held against the system's functions and those of `libm`, as vectors and without.

use super::{Kernel, arc, exp, log, power, run, trig};
use crate::unary::Unary;

/// Numbers between 0 and 1 by chance, the same each time.
fn chance(at: u64) -> f64 {
    let mixed = (at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 11) as f64 / (1u64 << 53) as f64
}

const RANGES: [f64; 9] = [1e-300, 1e-9, 1e-3, 0.1, 1.0, 8.0, 100.0, 800.0, 1e6];

/// Of every size and sign, then such as have broken some function somewhere.
fn arguments() -> Vec<f64> {
    let tiny = f64::MIN_POSITIVE;
    let pi = std::f64::consts::PI;
    let mut all = vec![
        0.0,
        1.0,
        0.5,
        0.9999999999999999,
        1.0000000000000002,
        5e-324,
        1e-310,
        tiny,
        1e-20,
        1e-17,
        1e-8,
        709.7,
        709.8,
        710.4,
        710.5,
        745.0,
        745.2,
        746.0,
        1023.9,
        1024.0,
        1074.0,
        1075.0,
        1022.5,
        pi,
        pi / 2.0,
        2.0 * pi,
        100.0 * pi,
        1e5,
        2e6,
        1e10,
        1e22,
        1e300,
        f64::MAX,
        1000.0,
        10.0,
        8.0,
        27.0,
        0.4375,
        0.6875,
        1.1875,
        2.4375,
        22.0,
        40.0,
        50.0,
        700.0,
        0.975,
        f64::INFINITY,
        f64::NAN,
    ];
    for range in RANGES {
        all.extend((0..2000).map(|at| range * chance(at)));
    }
    all.extend((0..4000).map(|at| f64::from_bits((chance(at) * 2f64.powi(63)) as u64 | at)));
    let negative: Vec<f64> = all.iter().map(|x| -x).collect();
    all.extend(negative);
    all
}

/// How far apart, in units of the last place of `right`.
fn ulps(given: f64, right: f64) -> f64 {
    if given.to_bits() == right.to_bits() || given.is_nan() && right.is_nan() {
        return 0.0;
    }
    if given == right {
        // Zeros of different signs.
        return f64::INFINITY;
    }
    (given - right).abs() / (right.abs().next_up() - right.abs())
}

fn close<K: Kernel>(name: &str, right: fn(f64) -> f64) {
    let x = arguments();
    let mut fused = vec![0.0; x.len()];
    let mut plain = fused.clone();
    run::<K, f64, true>(&x, &mut fused);
    run::<K, f64, false>(&x, &mut plain);
    for ((x, fused), plain) in x.iter().zip(fused).zip(plain) {
        let right = right(*x);
        for given in [fused, plain] {
            assert!(
                ulps(given, right) <= 4.0,
                "{name}({x:e}) = {right:e}, not {given:e}"
            );
        }
    }
}

/// That of `libm` gives numbers for some that are negative.
fn arccosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

#[test]
fn doubles_are_within_four_units_of_the_last_place() {
    close::<exp::Exp>("exp", f64::exp);
    close::<exp::Exp2>("exp2", f64::exp2);
    close::<exp::Expm1>("expm1", f64::exp_m1);
    close::<exp::Sinh>("sinh", f64::sinh);
    close::<exp::Cosh>("cosh", f64::cosh);
    close::<exp::Tanh>("tanh", f64::tanh);
    close::<log::Log>("log", f64::ln);
    close::<log::Log2>("log2", f64::log2);
    close::<log::Log10>("log10", f64::log10);
    close::<log::Log1p>("log1p", f64::ln_1p);
    // Rust's own lose digits.
    close::<log::Arcsinh>("arcsinh", libm::asinh);
    close::<log::Arccosh>("arccosh", arccosh);
    close::<log::Arctanh>("arctanh", libm::atanh);
    close::<trig::Sin>("sin", f64::sin);
    close::<trig::Cos>("cos", f64::cos);
    close::<trig::Tan>("tan", f64::tan);
    close::<arc::Arcsin>("arcsin", f64::asin);
    close::<arc::Arccos>("arccos", f64::acos);
    close::<arc::Arctan>("arctan", f64::atan);
    close::<power::Cbrt>("cbrt", f64::cbrt);
}

#[test]
fn singles_are_the_nearest_or_next_to_it() {
    let all = [
        (Unary::Exp, f64::exp as fn(f64) -> f64),
        (Unary::Exp2, f64::exp2),
        (Unary::Expm1, f64::exp_m1),
        (Unary::Sinh, f64::sinh),
        (Unary::Cosh, f64::cosh),
        (Unary::Tanh, f64::tanh),
        (Unary::Log, f64::ln),
        (Unary::Log2, f64::log2),
        (Unary::Log10, f64::log10),
        (Unary::Log1p, f64::ln_1p),
        (Unary::Arcsinh, libm::asinh),
        (Unary::Arccosh, arccosh),
        (Unary::Arctanh, libm::atanh),
        (Unary::Sin, f64::sin),
        (Unary::Cos, f64::cos),
        (Unary::Tan, f64::tan),
        (Unary::Arcsin, f64::asin),
        (Unary::Arccos, f64::acos),
        (Unary::Arctan, f64::atan),
        (Unary::Cbrt, f64::cbrt),
    ];
    let x: Vec<f32> = arguments().iter().map(|x| *x as f32).collect();
    for (f, right) in all {
        let mut given = vec![0.0; x.len()];
        super::singles(f).expect("a loop")(&x, &mut given);
        for (x, given) in x.iter().zip(given) {
            let right = right((*x).into());
            let nearest = right as f32;
            let same = given.to_bits() == nearest.to_bits() || given.is_nan() && nearest.is_nan();
            let next = given == nearest.next_up() || given == nearest.next_down();
            assert!(same || next, "{f:?}({x:e}) = {right:e}, not {given:e}");
        }
    }
}

#[test]
fn whole_powers_have_whole_logarithms() {
    let twos: Vec<f64> = (-1074..1024).map(|k| libm::scalbn(1.0, k)).collect();
    let mut out = vec![0.0; twos.len()];
    run::<log::Log2, f64, true>(&twos, &mut out);
    assert!(
        out.iter()
            .zip(-1074..1024)
            .all(|(log, k)| *log == f64::from(k))
    );
    let tens: Vec<f64> = (0..23).map(|k| 10f64.powi(k)).collect();
    let mut out = vec![0.0; tens.len()];
    run::<log::Log10, f64, true>(&tens, &mut out);
    assert!(
        out.iter().zip(0..23).all(|(log, k)| *log == f64::from(k)),
        "{out:?}"
    );
    let k: Vec<f64> = (-1074..1024).map(f64::from).collect();
    let mut out = vec![0.0; k.len()];
    run::<exp::Exp2, f64, true>(&k, &mut out);
    assert_eq!(out, twos);
}

/// Both operands by chance, and all pairs of what is not plain.
fn pairs(low: f64, x: f64, y: f64) -> (Vec<f64>, Vec<f64>) {
    let odd = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        -3.0,
        1e-320,
        1e308,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let plain = (0..20_000u64).map(|at| {
        (
            (low + (1.0 - low) * chance(at)) * x,
            (2.0 * chance(at + (1 << 40)) - 1.0) * y,
        )
    });
    let odd = odd.iter().flat_map(|x| odd.iter().map(|y| (*x, *y)));
    plain.chain(odd).unzip()
}

fn close_pairs(
    f: fn(&[f64], &[f64], &mut [f64]),
    right: fn(f64, f64) -> f64,
    (x, y): (Vec<f64>, Vec<f64>),
) {
    let mut out = vec![0.0; x.len()];
    f(&x, &y, &mut out);
    for ((x, y), given) in x.iter().zip(&y).zip(out) {
        let right = right(*x, *y);
        assert!(
            ulps(given, right) <= 3.0,
            "({x:e}, {y:e}): {right:e}, not {given:e}"
        );
    }
}

#[test]
fn powers_are_within_three_units_of_the_last_place() {
    for (x, y) in [
        (8.0, 8.0),
        (1000.0, 80.0),
        (2.0, 900.0),
        (1.0, 600.0),
        (1e300, 1.0),
        (1e-300, 1.0),
        (1.0, 1e-5),
    ] {
        close_pairs(super::powers, f64::powf, pairs(0.0, x, y));
    }
}

#[test]
fn angles_are_within_three_units_of_the_last_place() {
    for (x, y) in [(1.0, 1.0), (1.0, 100.0), (1000.0, 0.1), (1e100, 1e-100)] {
        close_pairs(super::angles, f64::atan2, pairs(-1.0, x, y));
    }
}
