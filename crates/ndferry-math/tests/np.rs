//! Functions of Rust are those of the table, by their names.

use ndferry_array::{Array, Dtype, Order};
use ndferry_math::np::*;
use ndferry_math::{MathError, Operand, Options, Pick, call, np};

type Result<T> = std::result::Result<T, MathError>;
/// A function, and its name in the table.
type Named = (&'static str, fn(&Array) -> Result<Array>);

macro_rules! named {
    ($prefix:literal: $($name:ident)* => $a:ident $call:tt) => {
        vec![$((concat!($prefix, stringify!($name)), (|$a| named!(@ $name $call)) as fn(&Array) -> Result<Array>),)*]
    };
    (@ $name:ident ($($arg:expr),*)) => { $name($($arg),*) };
}

fn table() -> Vec<Named> {
    let one: Vec<Named> = named!("": positive negative absolute abs fabs sign square reciprocal conj conjugate real imag angle
        sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
        degrees radians floor ceil trunc rint isnan isinf isfinite signbit spacing logical_not invert fliplr flipud unique trace
        => a (a));
    let two: Vec<Named> = named!("": add subtract multiply divide floor_divide remainder fmod power float_power maximum minimum
        fmax fmin equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or
        bitwise_xor left_shift right_shift gcd lcm arctan2 hypot copysign nextafter logaddexp logaddexp2 heaviside ldexp matmul
        dot inner outer vdot kron searchsorted
        => a (a, a));
    let along: Vec<Named> = named!("": sum prod mean var std min max ptp any all count_nonzero median argmin argmax cumsum
        cumprod nansum nanprod nanmean nanvar nanstd nanmin nanmax nanmedian nanargmin nanargmax flip
        => a (a, None));
    use np::linalg::{cholesky, cond, det, eigvals, eigvalsh, inv, matrix_rank, pinv};
    let matrices: Vec<Named> =
        named!("linalg.": inv det pinv cholesky eigvals eigvalsh cond matrix_rank => a (a));
    [one, two, along, matrices].concat()
}

fn matrix() -> Array {
    Array::from_elements(&[2, 2], &[4.0, 1.0, 1.0, 3.0]).expect("four elements")
}

#[test]
fn each_function_is_the_one_of_its_name() {
    let ints = Array::from_elements(&[2, 2], &[4i32, 1, 1, 3]).expect("four elements");
    let one_axis = Array::from_elements(&[3], &[1.0, 2.0, 5.0]).expect("three elements");
    let bytes = |array: &Array| array.view().to_bytes(Order::C).expect("bytes");
    let mut ran = 0;
    for (name, f) in table() {
        let function = ndferry_math::functions().find(|function| function.name() == name);
        let (fewest, _) = function.expect(name).arity();
        for a in [&matrix(), &ints, &one_axis] {
            let operands = vec![Operand::from(a); fewest];
            match (f(a), call(name, &operands, &Options::new())) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(bytes(&ours), bytes(&theirs[0]), "{name}");
                    assert_eq!(ours.shape(), theirs[0].shape(), "{name}");
                    ran += 1;
                }
                (Err(ours), Err(theirs)) => assert_eq!(ours, theirs, "{name}"),
                (ours, theirs) => panic!("{name}: {ours:?}, {theirs:?}"),
            }
        }
    }
    assert!(ran > 300, "{ran}");
}

#[test]
fn axes_are_none_one_or_several() -> Result<()> {
    let a = Array::from_elements(&[2, 3], &[1i64, 2, 3, 4, 5, 6])?;
    let ints = |array: Array| array.to_elements::<i64>();
    assert_eq!(ints(sum(&a, None)?)?, [21]);
    assert_eq!(ints(sum(&a, 0)?)?, [5, 7, 9]);
    assert_eq!(ints(sum(&a, -1)?)?, [6, 15]);
    assert_eq!(ints(sum(&a, [0, 1])?)?, [21]);
    assert_eq!(ints(argmax(&a, 1)?)?, [2, 2]);
    assert_eq!(ints(flip(&a, 1)?)?, [3, 2, 1, 6, 5, 4]);
    assert!(matches!(
        sum(&a, 2),
        Err(MathError::Axis { axis: 2, ndim: 2 })
    ));
    Ok(())
}

#[test]
fn numbers_of_rust_are_those_of_python() -> Result<()> {
    let a = Array::from_elements(&[2], &[1u8, 2])?;
    assert_eq!(add(&a, 1)?.to_elements::<u8>()?, [2, 3]);
    assert_eq!(multiply(0.5, &a)?.to_elements::<f64>()?, [0.5, 1.0]);
    assert_eq!(
        logical_and(&a, false)?.to_elements::<bool>()?,
        [false, false]
    );
    assert_eq!(where_(&a, 1.5, &a)?.to_elements::<f64>()?, [1.5, 1.5]);
    assert_eq!(clip(&a, 2, 7)?.to_elements::<u8>()?, [2, 2]);
    assert_eq!(
        add(&a, 256).err(),
        Some(MathError::IntBounds {
            value: 256,
            dtype: "uint8".to_owned()
        })
    );
    Ok(())
}

#[test]
fn elements_are_ordered_joined_and_turned() -> Result<()> {
    let a = Array::from_elements(&[2, 2], &[3.0, 1.0, 2.0, 1.0])?;
    let floats = |array: Array| array.to_elements::<f64>();
    assert_eq!(floats(sort(&a, None)?)?, [1.0, 1.0, 2.0, 3.0]);
    assert_eq!(floats(sort(&a, 0)?)?, [2.0, 1.0, 3.0, 1.0]);
    assert_eq!(argsort(&a, 1)?.to_elements::<i64>()?, [1, 0, 1, 0]);
    assert_eq!(floats(unique(&a)?)?, [1.0, 2.0, 3.0]);
    assert_eq!(
        floats(quantile(&a, 0.5, None)?)?,
        floats(percentile(&a, 50, None)?)?
    );
    let (counts, edges) = histogram(&a, 2)?;
    assert_eq!(
        (counts.to_elements::<i64>()?, floats(edges)?),
        (vec![2, 2], vec![1.0, 2.0, 3.0])
    );
    let both = [Operand::from(&a), Operand::from(&a)];
    assert_eq!(concatenate(&both, 1)?.shape(), [2, 4]);
    assert_eq!(concatenate(&both, None)?.shape(), [8]);
    assert_eq!(stack(&both, 0)?.shape(), [2, 2, 2]);
    assert_eq!(floats(split(&a, 2, 1)?.swap_remove(1))?, [1.0, 1.0]);
    assert_eq!(nonzero(&a)?.len(), 2);
    let first = Array::from_elements(&[1], &[1i64])?;
    assert_eq!(floats(take(&a, &first, 0)?)?, [2.0, 1.0]);
    assert_eq!(floats(roll(&a, 1, None)?)?, [1.0, 3.0, 1.0, 2.0]);
    assert_eq!(floats(rot90(&a, 1)?)?, [1.0, 1.0, 3.0, 2.0]);
    assert_eq!(tile(&a, &[1, 2])?.shape(), [2, 4]);
    assert_eq!(broadcast_to(&first, &[3, 1])?.shape(), [3, 1]);
    assert_eq!(floats(diag(&a, 0)?)?, [3.0, 1.0]);
    assert_eq!(floats(tril(&a, 0)?)?, [3.0, 0.0, 2.0, 1.0]);
    assert_eq!(floats(triu(&a, 1)?)?, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(floats(trace(&a)?)?, [4.0]);
    assert_eq!(floats(round(2.345, 1)?)?, [2.3]);
    Ok(())
}

#[test]
fn factors_make_the_matrix_again() -> Result<()> {
    let a = matrix();
    let same = |b: Array| -> Result<bool> {
        let apart = max(&abs(&subtract(&a, &b)?)?, None)?;
        Ok(apart.to_elements::<f64>()?[0] < 1e-12)
    };
    let (q, r) = linalg::qr(&a)?;
    assert!(same(matmul(&q, &r)?)?);
    let (u, sizes, v) = linalg::svd(&a)?;
    assert!(same(matmul(&multiply(&u, &sizes)?, &v)?)?);
    let (values, vectors) = linalg::eigh(&a)?;
    assert!(same(matmul(
        &multiply(&vectors, &values)?,
        &vectors.reversed()
    )?)?);
    let (values, vectors) = linalg::eig(&a)?;
    let back = matmul(&multiply(&vectors, &values)?, &linalg::inv(&vectors)?)?;
    assert!(same(real(&back)?)?);
    assert!(same(linalg::matrix_power(&linalg::inv(&a)?, -1)?)?);
    assert!(same(linalg::solve(
        &linalg::inv(&a)?,
        &Array::from_elements(&[2, 2], &[1.0, 0.0, 0.0, 1.0])?
    )?)?);
    let (sign, log) = linalg::slogdet(&a)?;
    let det = linalg::det(&a)?.to_elements::<f64>()?[0];
    assert!(
        (sign.to_elements::<f64>()?[0] * log.to_elements::<f64>()?[0].exp() - det).abs() < 1e-12
    );
    let [x, ..] = linalg::lstsq(&a, &matmul(&a, &a)?)?;
    assert!(same(x)?);
    assert_eq!(linalg::norm(&a, 0)?.shape(), [2]);
    let zeros = Array::from_elements(&[2, 2], &[0.0; 4])?;
    assert_eq!(linalg::solve(&zeros, &a).err(), Some(MathError::Singular));
    Ok(())
}

#[test]
fn masks_of_every_length_keep_what_they_say() {
    for size in [0, 1, 4095, 4096, 4097, 10_000] {
        let items: Vec<i64> = (0..size).collect();
        let mask: Vec<bool> = items.iter().map(|item| item * item % 7 < 3).collect();
        let right: Vec<i64> = items
            .iter()
            .copied()
            .filter(|item| mask[*item as usize])
            .collect();
        let a = Array::from_elements(&[items.len()], &items).expect("items");
        let mask = Array::from_elements(&[items.len()], &mask).expect("items");
        let kept = np::getitem(&a, &[Pick::Array(1)], &[Operand::from(&mask)]).expect("kept");
        assert_eq!(kept.to_elements::<i64>().expect("items"), right);
    }
}

#[test]
fn indices_count_from_the_end_and_the_first_wrong_one_is_told() {
    let a = Array::from_elements(&[3], &[1.5f32, 2.5, 3.5]).expect("items");
    let mut indices = vec![0i64; 20_000];
    indices[1..4].copy_from_slice(&[-1, 2, -3]);
    let by = |indices: &[i64]| {
        let indices = Array::from_elements(&[indices.len()], indices).expect("items");
        np::take(&a, &indices, None)?
            .to_elements::<f32>()
            .map_err(MathError::from)
    };
    assert_eq!(by(&indices).expect("taken")[..5], [1.5, 3.5, 3.5, 1.5, 1.5]);
    indices[19_000] = 4;
    indices[9_000] = -4;
    let wrong = MathError::Index {
        index: -4,
        axis: 0,
        size: 3,
    };
    assert_eq!(by(&indices), Err(wrong));
    assert!(by(&[i64::MIN]).is_err() && by(&[i64::MAX]).is_err());
}

#[test]
fn indices_of_every_size_take_the_same_elements() -> Result<()> {
    let a = Array::from_elements(&[12], &(0..12i16).collect::<Vec<_>>())?;
    let right = [7i16, 0, 3, 11, 5, 5, 2, 9];
    let wide = Array::from_elements(&[8], &right.map(i64::from))?;
    for dtype in ["<i8", "<i4", "<u2", "|u1", ">i4"] {
        let indices = np::astype(&wide, &Dtype::parse(dtype)?)?;
        let taken = np::take(&a, &indices, None)?;
        assert_eq!(taken.to_elements::<i16>()?, right, "{dtype}");
    }
    Ok(())
}
