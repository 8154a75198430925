//! Equations, inverses and determinants.

use faer::linalg::solvers::{PartialPivLu, Solve};
use faer::{Mat, MatRef};
use ndferry_array::{Array, ArrayView};
use num_complex::Complex;

use super::{Field, Stack, adjoint, append, by_field, is_finite, result, rounded, times};
use crate::code::Code;
use crate::operand::{broadcast, broadcast_shapes};
use crate::options::Options;
use crate::{MathError, Operand};

const SOLVE: &str = "linalg.solve";
const LSTSQ: &str = "linalg.lstsq";

/// The triangles, unless one has a 0 on its diagonal.
fn regular<T: Field>(matrix: MatRef<'_, T>) -> Result<PartialPivLu<T>, MathError> {
    let factor = matrix.partial_piv_lu();
    let upper = factor.U();
    if (0..matrix.nrows()).any(|nth| upper[(nth, nth)].size() == 0.0) {
        return Err(MathError::Singular);
    }
    Ok(factor)
}

/// `x` of `a x = b`; `b` is a vector if it has one axis, else matrices.
pub(crate) fn solve(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    fn run<T: Field>(
        a: &Stack<'_>,
        b: &Stack<'_>,
        code: Code,
        shape: &[usize],
    ) -> Result<Array, MathError> {
        let (size, mut scratch, mut out) = (b.rows * b.columns, Vec::new(), Vec::new());
        let mut nth = 0;
        a.each(|matrix: MatRef<'_, T>| {
            let items = b.feed.piece(nth * size, size, &mut scratch);
            nth += 1;
            let right = MatRef::from_row_major_slice(items, b.rows, b.columns);
            append(&mut out, regular(matrix)?.solve(right).as_ref());
            Ok(())
        })?;
        rounded(&out, code, shape)
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
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Array, MathError> {
        let mut out = Vec::new();
        stack.each(|matrix: MatRef<'_, T>| {
            let identity = Mat::<T>::identity(stack.rows, stack.rows);
            append(&mut out, regular(matrix)?.solve(&identity).as_ref());
            Ok(())
        })?;
        rounded(&out, code, &stack.shape(&[stack.rows, stack.rows]))
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result("linalg.inv", &view)?;
    let stack = Stack::square("linalg.inv", &view)?;
    by_field!(code, run(&stack, code))
}

/// The determinant of each matrix, its sign, and the logarithm of its size.
type Determinants<T> = (Vec<T>, Vec<T>, Vec<f64>);

fn determinants<T: Field>(stack: &Stack<'_>) -> Result<Determinants<T>, MathError> {
    let (mut whole, mut signs, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    stack.each(|matrix: MatRef<'_, T>| {
        let factor = matrix.partial_piv_lu();
        let (forward, _) = factor.P().arrays();
        let (mut determinant, mut log) = (T::of(1.0), 0.0);
        let mut sign = T::of(if is_odd(forward) { -1.0 } else { 1.0 });
        for nth in 0..stack.rows {
            let item = factor.U()[(nth, nth)];
            let size = item.size();
            if size == 0.0 {
                // Behind it nothing that was divided by it counts.
                (determinant, sign, log) = (T::of(0.0), T::of(0.0), f64::NEG_INFINITY);
                break;
            }
            determinant = crate::arith::Arith::mul(determinant, item);
            log += size.ln();
            let unit = item.divide(T::of(size));
            sign = crate::arith::Arith::mul(sign, unit);
        }
        if is_odd(forward) {
            determinant = crate::arith::Arith::neg(determinant);
        }
        whole.push(determinant);
        signs.push(sign);
        logs.push(log);
        Ok(())
    })?;
    Ok((whole, signs, logs))
}

/// Whether it takes an odd number of swaps.
fn is_odd(permutation: &[usize]) -> bool {
    let mut seen = vec![false; permutation.len()];
    let mut swaps = 0;
    for start in 0..permutation.len() {
        let mut at = start;
        while !seen[at] {
            seen[at] = true;
            at = permutation[at];
            swaps += usize::from(at != start);
        }
    }
    swaps % 2 == 1
}

/// The determinant.
pub(crate) fn det(operand: &Operand<'_>) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Array, MathError> {
        rounded(&determinants::<T>(stack)?.0, code, &stack.outer)
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
        Ok(vec![
            rounded(&signs, code, &stack.outer)?,
            rounded(&logs, code.real(), &stack.outer)?,
        ])
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
    let items: Vec<i64> = (0..size * size * stack.count)
        .map(|at| i64::from(at % (size * size) % (size + 1) == 0))
        .collect();
    let ones = crate::sorting::array_of(&items, Code::I64, &stack.shape(&[size, size]))?;
    Ok(ones
        .view()
        .to_dtype(&code.dtype(), ndferry_array::Casting::Unsafe)?)
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
    let parts = matrix.thin_svd().map_err(|_| failed)?;
    let least = matrix.nrows().min(matrix.ncols());
    let values: Vec<f64> = (0..least).map(|nth| parts.S()[nth].size()).collect();
    let cut = rcond * values.first().copied().unwrap_or(0.0);
    let rank = values.iter().filter(|value| **value > cut).count();
    // Vᴴ's columns over the values, times Uᴴ.
    let scaled = Mat::from_fn(matrix.ncols(), least, |i, j| {
        let item = parts.V()[(i, j)];
        if values[j] > cut {
            item.divide(T::of(values[j]))
        } else {
            T::of(0.0)
        }
    });
    Ok((
        times(scaled.as_ref(), adjoint(parts.U()).as_ref()),
        values,
        rank,
    ))
}

/// The pseudo-inverse; singular values of at most `rcond` of the largest count as 0.
pub(crate) fn pinv(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code, rcond: f64) -> Result<Array, MathError> {
        let mut out = Vec::new();
        stack.each(|matrix: MatRef<'_, T>| {
            append(&mut out, pseudo("linalg.pinv", matrix, rcond)?.0.as_ref());
            Ok(())
        })?;
        rounded(&out, code, &stack.shape(&[stack.columns, stack.rows]))
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
        let mut found = (Vec::new(), Vec::new(), Vec::new(), 0);
        left.each(|matrix: MatRef<'_, T>| {
            let mut scratch = Vec::new();
            let items = right.feed.piece(0, m * k, &mut scratch);
            let wanted = MatRef::from_row_major_slice(items, m, k);
            let (inverse, values, rank) = pseudo(LSTSQ, matrix, rcond)?;
            let solution = times(inverse.as_ref(), wanted);
            if rank == n && m > n {
                let reached = times(matrix, solution.as_ref());
                found.1.extend((0..k).map(|j| {
                    (0..m)
                        .map(|i| {
                            crate::arith::Arith::sub(wanted[(i, j)], reached[(i, j)])
                                .size()
                                .powi(2)
                        })
                        .sum::<f64>()
                }));
            }
            append(&mut found.0, solution.as_ref());
            found.2 = values;
            found.3 = rank as i32;
            Ok(())
        })?;
        let shape = if vector { vec![n] } else { vec![n, k] };
        Ok(vec![
            rounded(&found.0, code, &shape)?,
            rounded(&found.1, code.real(), &[found.1.len()])?,
            crate::sorting::array_of(&[found.3], Code::I32, &[])?,
            rounded(&found.2, code.real(), &[found.2.len()])?,
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
