//! A matrix as a product of simpler ones.

use faer::linalg::svd::ComputeSvdVectors;
use faer::{MatRef, Side};
use ndferry_array::Array;
use num_complex::Complex;

use super::factors::{Qr, decompose, eigen_complex, eigen_real, eigen_self_adjoint};
use super::lu::Lu;
use super::{Field, Out, Stack, adjoint, by_field, is_finite, result};
use crate::code::Code;
use crate::options::Options;
use crate::{MathError, Operand};

const CHOLESKY: &str = "linalg.cholesky";
const QR: &str = "linalg.qr";
const SVD: &str = "linalg.svd";
const LU: &str = "linalg.lu";

/// The lower triangle `L` of `A = L Lᴴ`, or with `upper` the upper one of `A = Uᴴ U`.
pub(crate) fn cholesky(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code, upper: bool) -> Result<Array, MathError> {
        let n = stack.rows;
        let mut out = Out::<T>::new(stack.shape(&[n, n]))?;
        if out.is_empty() {
            return out.array(code);
        }
        stack.each(|matrix: MatRef<'_, T>| {
            let side = if upper { Side::Upper } else { Side::Lower };
            let problem = "Matrix is not positive definite";
            let refused = MathError::Matrix {
                function: CHOLESKY,
                problem,
            };
            let factor = matrix.llt(side).map_err(|_| refused.clone())?;
            let lower = factor.L();
            // What is no number is not below 0 either.
            if (0..n).any(|nth| lower[(nth, nth)].size().is_nan()) {
                return Err(refused);
            }
            if upper {
                out.push(adjoint(lower).as_ref());
            } else {
                out.push(lower);
            }
            Ok(())
        })?;
        out.array(code)
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(CHOLESKY, &view)?;
    let stack = Stack::square(CHOLESKY, &view)?;
    by_field!(code, run(&stack, code, options.flag("upper", false)?))
}

/// `Q` and `R` of `A = Q R`; `mode` is `reduced`, `complete` or `r`.
pub(crate) fn qr(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code, mode: &str) -> Result<Vec<Array>, MathError> {
        let (m, n) = (stack.rows, stack.columns);
        let inner = if mode == "complete" { m } else { m.min(n) };
        let columns = if mode == "r" { 0 } else { inner };
        let mut q = Out::<T>::new(stack.shape(&[m, columns]))?;
        let mut r = Out::<T>::new(stack.shape(&[inner, n]))?;
        if !(q.is_empty() && r.is_empty()) {
            stack.each(|matrix: MatRef<'_, T>| {
                let factor = Qr::new(matrix)?;
                if mode != "r" {
                    q.push(factor.q(columns)?.as_ref());
                }
                let mut upper = r.matrix(inner, n);
                for i in 0..inner.min(n) {
                    (i..n).for_each(|j| upper[(i, j)] = factor.r(i, j));
                }
                Ok(())
            })?;
        }
        let r = r.array(code)?;
        if mode == "r" {
            return Ok(vec![r]);
        }
        Ok(vec![q.array(code)?, r])
    }
    let held = operand.own()?;
    let view = held.view();
    let mode = options.text("mode")?.unwrap_or("reduced");
    if !matches!(mode, "reduced" | "complete" | "r") {
        return Err(MathError::Value {
            function: QR,
            problem: "unrecognized mode",
        });
    }
    let code = result(QR, &view)?;
    let stack = Stack::new(QR, &view)?;
    by_field!(code, run(&stack, code, mode))
}

/// `U`, the singular values in falling order, and `Vᴴ`; with `compute_uv` false the values alone.
pub(crate) fn svd(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(
        stack: &Stack<'_>,
        code: Code,
        full: bool,
        wanted: bool,
    ) -> Result<Vec<Array>, MathError> {
        let (m, n) = (stack.rows, stack.columns);
        let least = m.min(n);
        let (vectors, columns, rows) = match (wanted, full) {
            (false, _) => (ComputeSvdVectors::No, 0, 0),
            (_, false) => (ComputeSvdVectors::Thin, least, least),
            (_, true) => (ComputeSvdVectors::Full, m, n),
        };
        let mut u = Out::<T>::new(stack.shape(&[m, columns]))?;
        let mut s = Out::<f64>::new(stack.shape(&[least]))?;
        let mut vh = Out::<T>::new(stack.shape(&[rows, n]))?;
        if !(u.is_empty() && s.is_empty() && vh.is_empty()) {
            stack.each(|matrix: MatRef<'_, T>| {
                if !is_finite(matrix) {
                    return Err(MathError::NotConverged { function: SVD });
                }
                let parts = decompose(SVD, matrix, vectors)?;
                u.push(parts.u.as_ref());
                s.items(least).copy_from_slice(&parts.s);
                vh.push(adjoint(parts.v.as_ref()).as_ref());
                Ok(())
            })?;
        }
        let s = s.array(code.real())?;
        if !wanted {
            return Ok(vec![s]);
        }
        Ok(vec![u.array(code)?, s, vh.array(code)?])
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(SVD, &view)?;
    let stack = Stack::new(SVD, &view)?;
    let (full, vectors) = (
        options.flag("full_matrices", true)?,
        options.flag("compute_uv", true)?,
    );
    by_field!(code, run(&stack, code, full, vectors))
}

/// In falling order.
pub(super) fn singular_values<T: Field>(
    function: &'static str,
    matrix: MatRef<'_, T>,
) -> Result<Vec<f64>, MathError> {
    if !is_finite(matrix) {
        return Err(MathError::NotConverged { function });
    }
    Ok(decompose(function, matrix, ComputeSvdVectors::No)?.s)
}

/// `P`, `L` and `U` of `A = P L U`, as `scipy.linalg.lu`.
pub(crate) fn lu(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Vec<Array>, MathError> {
        let (m, n) = (stack.rows, stack.columns);
        let least = m.min(n);
        let mut p = Out::<T>::new(stack.shape(&[m, m]))?;
        let mut l = Out::<T>::new(stack.shape(&[m, least]))?;
        let mut u = Out::<T>::new(stack.shape(&[least, n]))?;
        if !(p.is_empty() && u.is_empty()) {
            stack.each(|matrix: MatRef<'_, T>| {
                let factor = Lu::new(matrix);
                let both = factor.both();
                let mut permutation = p.matrix(m, m);
                for (to, from) in factor.order().iter().enumerate() {
                    permutation[(*from, to)] = T::of(1.0);
                }
                let mut lower = l.matrix(m, least);
                for i in 0..m {
                    (0..least.min(i)).for_each(|j| lower[(i, j)] = both[(i, j)]);
                    if i < least {
                        lower[(i, i)] = T::of(1.0);
                    }
                }
                let mut upper = u.matrix(least, n);
                for i in 0..least {
                    (i..n).for_each(|j| upper[(i, j)] = both[(i, j)]);
                }
                Ok(())
            })?;
        }
        Ok(vec![p.array(code)?, l.array(code)?, u.array(code)?])
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(LU, &view)?;
    let stack = Stack::new(LU, &view)?;
    by_field!(code, run(&stack, code))
}

/// Eigenvalues and, in columns, eigenvectors of length 1; real if all are.
pub(crate) fn eig(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    eigen("linalg.eig", operand, true)
}

/// The eigenvalues alone.
pub(crate) fn eigvals(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    eigen("linalg.eigvals", operand, false)
}

fn eigen(
    function: &'static str,
    operand: &Operand<'_>,
    vectors: bool,
) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let code = result(function, &view)?;
    let stack = Stack::square(function, &view)?;
    let n = stack.rows;
    let mut values = Out::<Complex<f64>>::new(stack.shape(&[n]))?;
    let mut columns = Out::<Complex<f64>>::new(stack.shape(&[n, if vectors { n } else { 0 }]))?;
    let mut real = !code.is_complex();
    let mut found = |(own, vectors): (Vec<Complex<f64>>, faer::Mat<Complex<f64>>)| {
        real &= own.iter().all(|value| value.im == 0.0);
        values.items(n).copy_from_slice(&own);
        unit_columns(columns.items(n * vectors.ncols()), vectors.as_ref());
        Ok(())
    };
    let finite = |finite: bool| {
        let problem = "Array must not contain infs or NaNs";
        if finite {
            Ok(())
        } else {
            Err(MathError::Matrix { function, problem })
        }
    };
    if n == 0 {
        // No matrix has a value.
    } else if code.is_complex() {
        stack.each(|matrix: MatRef<'_, Complex<f64>>| {
            finite(is_finite(matrix))?;
            found(eigen_complex(function, matrix, vectors)?)
        })?;
    } else {
        stack.each(|matrix: MatRef<'_, f64>| {
            finite(is_finite(matrix))?;
            found(eigen_real(function, matrix, vectors)?)
        })?;
    }
    let wide = match code {
        _ if real => code,
        Code::F32 | Code::C64 => Code::C64,
        _ => Code::C128,
    };
    let of = |out: Out<Complex<f64>>| -> Result<Array, MathError> {
        let array = out.array(if real { Code::C128 } else { wide })?;
        if !real {
            return Ok(array);
        }
        let part = crate::unary::unary(
            function,
            crate::unary::Unary::Real,
            &Operand::from(&array),
            &Options::new(),
        )?;
        Ok(part
            .view()
            .to_dtype(&code.dtype(), ndferry_array::Casting::Unsafe)?)
    };
    let values = of(values)?;
    if !vectors {
        return Ok(vec![values]);
    }
    Ok(vec![values, of(columns)?])
}

/// Columns of length 1, the largest element of each real, as LAPACK has them.
fn unit_columns(out: &mut [Complex<f64>], vectors: MatRef<'_, Complex<f64>>) {
    let n = vectors.nrows();
    let mut scales = Vec::with_capacity(n);
    for j in 0..vectors.ncols() {
        let column = (0..n).map(|i| vectors[(i, j)]);
        let length = column
            .clone()
            .map(|item| item.norm_sqr())
            .sum::<f64>()
            .sqrt();
        let is_real = column.clone().all(|item| item.im == 0.0);
        let largest = column
            .max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()))
            .unwrap_or_default();
        scales.push(if is_real || largest.norm() == 0.0 {
            Complex::new(1.0 / length, 0.0)
        } else {
            largest.conj() / largest.norm() / length
        });
    }
    for (i, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
        for (j, item) in row.iter_mut().enumerate() {
            *item = vectors[(i, j)] * scales[j];
        }
    }
}

/// Eigenvalues in rising order and, in columns, eigenvectors of a matrix that is its own conjugate transpose; `UPLO` says
/// which triangle is read.
pub(crate) fn eigh(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    self_adjoint("linalg.eigh", operand, options, true)
}

/// The eigenvalues alone.
pub(crate) fn eigvalsh(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    self_adjoint("linalg.eigvalsh", operand, options, false)
}

fn self_adjoint(
    function: &'static str,
    operand: &Operand<'_>,
    options: &Options,
    vectors: bool,
) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(
        function: &'static str,
        stack: &Stack<'_>,
        code: Code,
        side: Side,
        vectors: bool,
    ) -> Result<Vec<Array>, MathError> {
        let n = stack.rows;
        let mut values = Out::<f64>::new(stack.shape(&[n]))?;
        let mut columns = Out::<T>::new(stack.shape(&[n, if vectors { n } else { 0 }]))?;
        if n > 0 {
            stack.each(|matrix: MatRef<'_, T>| {
                if !is_finite(matrix) {
                    return Err(MathError::NotConverged { function });
                }
                let (own, vectors) = eigen_self_adjoint(function, matrix, side, vectors)?;
                values.items(n).copy_from_slice(&own);
                columns.push(vectors.as_ref());
                Ok(())
            })?;
        }
        let mut out = vec![values.array(code.real())?];
        if vectors {
            out.push(columns.array(code)?);
        }
        Ok(out)
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(function, &view)?;
    let stack = Stack::square(function, &view)?;
    let side = match options.text("UPLO")?.unwrap_or("L") {
        "L" | "l" => Side::Lower,
        "U" | "u" => Side::Upper,
        _ => {
            return Err(MathError::Value {
                function,
                problem: "UPLO argument must be 'L' or 'U'",
            });
        }
    };
    by_field!(code, run(function, &stack, code, side, vectors))
}
