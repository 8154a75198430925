//! Equations, inverses and determinants.

use faer::linalg::svd::ComputeSvdVectors;
use faer::{Mat, MatMut, MatRef};
use ndferry_array::{Array, ArrayView};

use super::factors::decompose;
use super::lu::Lu;
use super::{Field, Out, Stack, adjoint, by_field, is_finite, result, times};
use crate::code::Code;
use crate::feed::room_for;
use crate::operand::{broadcast, broadcast_shapes};
use crate::options::Options;
use crate::{MathError, Operand};

const SOLVE: &str = "linalg.solve";
const LSTSQ: &str = "linalg.lstsq";

/// `x` of `a x = b`; `b` is a vector if it has one axis, else matrices.
pub(crate) fn solve(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    fn run<T: Field>(
        a: &Stack<'_>,
        b: &Stack<'_>,
        code: Code,
        shape: &[usize],
    ) -> Result<Array, MathError> {
        let size = b.rows * b.columns;
        let mut scratch = room_for(size)?;
        let mut out = Out::<T>::new(shape.to_vec())?;
        let mut nth = 0;
        // Equations of nothing are solved, singular or not.
        if a.rows == 0 {
            return out.array(code);
        }
        a.each(|matrix: MatRef<'_, T>| {
            let factor = Lu::new(matrix);
            if factor.is_singular() {
                return Err(MathError::Singular);
            }
            let right = b.feed.piece(nth * size, size, &mut scratch);
            nth += 1;
            if size > 0 {
                let items = out.items(size);
                let rows = items.chunks_exact_mut(b.columns).zip(factor.order());
                rows.for_each(|(row, from)| {
                    row.copy_from_slice(&right[from * b.columns..][..b.columns])
                });
                factor.solve(MatMut::from_row_major_slice_mut(items, b.rows, b.columns));
            }
            Ok(())
        })?;
        out.array(code)
    }
    let held = [operands[0].own()?, operands[1].own()?];
    let (a, b) = (held[0].view(), held[1].view());
    let code = result(SOLVE, &a)?.promote(result(SOLVE, &b)?);
    let square = Stack::square(SOLVE, &a)?;
    let n = square.rows;
    let vector = b.ndim() == 1;
    let b = if vector {
        b.reshaped(&[-1, 1])
            .or_else(|_| b.reshaped(&[b.size() as isize, 1]))?
    } else {
        b
    };
    let right = Stack::new(SOLVE, &b)?;
    if right.rows != n {
        let (left, right) = (a.shape().to_vec(), b.shape().to_vec());
        return Err(MathError::NotAligned {
            function: SOLVE,
            left,
            right,
        });
    }
    let outer = broadcast_shapes([&square.outer[..], &right.outer].into_iter())?;
    let a = broadcast(&a, &[&outer[..], &[n, n]].concat())?;
    let b = broadcast(&b, &[&outer[..], &[n, right.columns]].concat())?;
    let mut shape = b.shape().to_vec();
    if vector {
        shape.pop();
    }
    let (a, b) = (Stack::new(SOLVE, &a)?, Stack::new(SOLVE, &b)?);
    by_field!(code, run(&a, &b, code, &shape))
}

/// The inverse.
pub(crate) fn inv(operand: &Operand<'_>) -> Result<Array, MathError> {
    inverse("linalg.inv", operand, false)
}

/// The inverse; `lenient`: of singular matrices NaNs.
pub(super) fn inverse(
    function: &'static str,
    operand: &Operand<'_>,
    lenient: bool,
) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code, lenient: bool) -> Result<Array, MathError> {
        let n = stack.rows;
        let mut out = Out::<T>::new(stack.shape(&[n, n]))?;
        if out.is_empty() {
            return out.array(code);
        }
        stack.each(|matrix: MatRef<'_, T>| {
            let factor = Lu::new(matrix);
            if factor.is_singular() {
                out.items(n * n).fill(T::of(f64::NAN));
                return if lenient {
                    Ok(())
                } else {
                    Err(MathError::Singular)
                };
            }
            // Column by column it is faster than as it will lie.
            let mut identity = Mat::<T>::zeros(n, n);
            for (row, from) in factor.order().iter().enumerate() {
                identity[(row, *from)] = T::of(1.0);
            }
            factor.solve(identity.as_mut());
            out.push(identity.as_ref());
            Ok(())
        })?;
        out.array(code)
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(function, &view)?;
    let stack = Stack::square(function, &view)?;
    by_field!(code, run(&stack, code, lenient))
}

/// The determinant of each matrix, its sign, and the logarithm of its size.
type Determinants<T> = (Out<T>, Out<T>, Out<f64>);

fn determinants<T: Field>(stack: &Stack<'_>) -> Result<Determinants<T>, MathError> {
    use crate::arith::Arith;
    let outer = || stack.shape(&[]);
    let (mut whole, mut signs) = (Out::<T>::new(outer())?, Out::<T>::new(outer())?);
    let mut logs = Out::<f64>::new(outer())?;
    if whole.is_empty() {
        return Ok((whole, signs, logs));
    }
    stack.each(|matrix: MatRef<'_, T>| {
        let factor = Lu::new(matrix);
        let first = if factor.is_odd() { -1.0 } else { 1.0 };
        let (mut determinant, mut sign, mut log) = (T::of(first), T::of(first), 0.0);
        for nth in 0..stack.rows {
            let item = factor.both()[(nth, nth)];
            let size = item.size();
            if size == 0.0 {
                (determinant, sign, log) = (T::of(0.0), T::of(0.0), f64::NEG_INFINITY);
                break;
            }
            determinant = Arith::mul(determinant, item);
            log += size.ln();
            sign = Arith::mul(sign, item.direction());
        }
        whole.items(1)[0] = determinant;
        signs.items(1)[0] = sign;
        logs.items(1)[0] = log;
        Ok(())
    })?;
    Ok((whole, signs, logs))
}

/// The determinant.
pub(crate) fn det(operand: &Operand<'_>) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Array, MathError> {
        determinants::<T>(stack)?.0.array(code)
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result("linalg.det", &view)?;
    let stack = Stack::square("linalg.det", &view)?;
    by_field!(code, run(&stack, code))
}

/// The sign of the determinant, the logarithm of its size.
pub(crate) fn slogdet(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Vec<Array>, MathError> {
        let (_, signs, logs) = determinants::<T>(stack)?;
        Ok(vec![signs.array(code)?, logs.array(code.real())?])
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result("linalg.slogdet", &view)?;
    let stack = Stack::square("linalg.slogdet", &view)?;
    by_field!(code, run(&stack, code))
}

/// `n` times itself; of the inverse if `n` is negative.
pub(crate) fn matrix_power(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "linalg.matrix_power";
    let held = operand.own()?;
    let view = held.view();
    let n = options.int("n")?.ok_or(MathError::OptionType {
        option: "n",
        wanted: "an integer",
    })?;
    let stack = Stack::square(NAME, &view)?;
    let mut square = if n < 0 {
        inv(operand)?
    } else {
        view.to_array(ndferry_array::Order::C)?
    };
    let mut rest = n.unsigned_abs();
    let mut out: Option<Array> = None;
    while rest > 0 {
        if rest & 1 == 1 {
            out = Some(match out {
                None => square.clone(),
                Some(out) => {
                    crate::products::matmul(NAME, &[Operand::from(&out), Operand::from(&square)])?
                }
            });
        }
        rest >>= 1;
        if rest > 0 {
            square =
                crate::products::matmul(NAME, &[Operand::from(&square), Operand::from(&square)])?;
        }
    }
    if let Some(out) = out {
        return Ok(out);
    }
    let code = Code::of(view.dtype()).unwrap_or(Code::F64);
    let size = stack.rows;
    let mut ones = Out::<f64>::new(stack.shape(&[size, size]))?;
    if !ones.is_empty() {
        for _ in 0..stack.count {
            let ones = ones.items(size * size);
            ones.iter_mut()
                .step_by(size + 1)
                .for_each(|item| *item = 1.0);
        }
    }
    ones.array(code)
}

/// Where singular values count as 0, beside the largest.
fn pseudo<T: Field>(
    function: &'static str,
    matrix: MatRef<'_, T>,
    rcond: f64,
) -> Result<(Mat<T>, Vec<f64>, usize), MathError> {
    let failed = MathError::NotConverged { function };
    if !is_finite(matrix) {
        return Err(failed);
    }
    let parts = decompose(function, matrix, ComputeSvdVectors::Thin)?;
    let (values, least) = (parts.s, matrix.nrows().min(matrix.ncols()));
    let cut = rcond * values.first().copied().unwrap_or(0.0);
    let rank = values.iter().filter(|value| **value > cut).count();
    // Vᴴ's columns over the values, times Uᴴ.
    let scaled = Mat::from_fn(matrix.ncols(), least, |i, j| {
        let item = parts.v[(i, j)];
        if values[j] > cut {
            item.divide(T::of(values[j]))
        } else {
            T::of(0.0)
        }
    });
    Ok((
        times(scaled.as_ref(), adjoint(parts.u.as_ref()).as_ref()),
        values,
        rank,
    ))
}

/// The pseudo-inverse; singular values of at most `rcond` of the largest count as 0.
pub(crate) fn pinv(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code, rcond: f64) -> Result<Array, MathError> {
        let mut out = Out::<T>::new(stack.shape(&[stack.columns, stack.rows]))?;
        if !out.is_empty() {
            stack.each(|matrix: MatRef<'_, T>| {
                out.push(pseudo("linalg.pinv", matrix, rcond)?.0.as_ref());
                Ok(())
            })?;
        }
        out.array(code)
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result("linalg.pinv", &view)?;
    let stack = Stack::new("linalg.pinv", &view)?;
    let rcond = match (options.float("rcond")?, options.float("rtol")?) {
        (Some(rcond), _) | (None, Some(rcond)) => rcond,
        _ => 1e-15,
    };
    by_field!(code, run(&stack, code, rcond))
}

/// The least-squares solution, the sums of squared residuals, the rank (i4), and the singular values.
pub(crate) fn lstsq(operands: &[Operand<'_>], options: &Options) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(
        a: &ArrayView<'_>,
        b: &ArrayView<'_>,
        code: Code,
        rcond: Option<f64>,
        vector: bool,
    ) -> Result<Vec<Array>, MathError> {
        let (left, right) = (Stack::new(LSTSQ, a)?, Stack::new(LSTSQ, b)?);
        let (m, n, k) = (left.rows, left.columns, right.columns);
        let epsilon = if code.real() == Code::F32 {
            f64::from(f32::EPSILON)
        } else {
            f64::EPSILON
        };
        let rcond = match rcond {
            Some(rcond) if rcond >= 0.0 => rcond,
            Some(_) => epsilon,
            None => epsilon * m.max(n) as f64,
        };
        let shape = if vector { vec![n] } else { vec![n, k] };
        let mut out = Out::<T>::new(shape)?;
        let (mut residuals, mut values, mut rank) = (Vec::new(), Vec::new(), 0);
        left.each(|matrix: MatRef<'_, T>| {
            let mut scratch = room_for(m * k)?;
            let items = right.feed.piece(0, m * k, &mut scratch);
            let wanted = MatRef::from_row_major_slice(items, m, k);
            let inverse;
            (inverse, values, rank) = pseudo(LSTSQ, matrix, rcond)?;
            let solution = times(inverse.as_ref(), wanted);
            if rank == n && m > n {
                let reached = times(matrix, solution.as_ref());
                residuals.extend((0..k).map(|j| {
                    (0..m)
                        .map(|i| {
                            crate::arith::Arith::sub(wanted[(i, j)], reached[(i, j)])
                                .size()
                                .powi(2)
                        })
                        .sum::<f64>()
                }));
            }
            out.push(solution.as_ref());
            Ok(())
        })?;
        let list = |items: &[f64]| {
            let mut out = Out::<f64>::new(vec![items.len()])?;
            out.items(items.len()).copy_from_slice(items);
            out.array(code.real())
        };
        Ok(vec![
            out.array(code)?,
            list(&residuals)?,
            crate::sorting::array_of(&[rank as i32], Code::I32, &[])?,
            list(&values)?,
        ])
    }
    let held = [operands[0].own()?, operands[1].own()?];
    let (a, b) = (held[0].view(), held[1].view());
    let code = result(LSTSQ, &a)?.promote(result(LSTSQ, &b)?);
    let vector = b.ndim() == 1;
    let b = if vector {
        b.reshaped(&[b.size() as isize, 1])?
    } else {
        b
    };
    if a.ndim() != 2 || b.ndim() != 2 {
        return Err(MathError::Matrix {
            function: LSTSQ,
            problem: "the arrays must be two-dimensional",
        });
    }
    if a.shape()[0] != b.shape()[0] {
        return Err(MathError::Matrix {
            function: LSTSQ,
            problem: "Incompatible dimensions",
        });
    }
    let rcond = options.float("rcond")?;
    by_field!(code, run(&a, &b, code, rcond, vector))
}
