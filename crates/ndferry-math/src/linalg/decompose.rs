//! A matrix as a product of simpler ones.

use faer::{Mat, MatRef, Side};
use ndferry_array::Array;
use num_complex::Complex;

use super::{Field, Stack, adjoint, append, by_field, is_finite, result, rounded};
use crate::arith::Arith;
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
        let mut out = Vec::new();
        stack.each(|matrix: MatRef<'_, T>| {
            let side = if upper { Side::Upper } else { Side::Lower };
            let problem = "Matrix is not positive definite";
            let factor = matrix.llt(side).map_err(|_| MathError::Matrix {
                function: CHOLESKY,
                problem,
            })?;
            if upper {
                append(&mut out, adjoint(factor.L()).as_ref());
            } else {
                append(&mut out, factor.L());
            }
            Ok(())
        })?;
        rounded(&out, code, &stack.shape(&[stack.rows, stack.columns]))
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
        let (mut q, mut r) = (Vec::new(), Vec::new());
        stack.each(|matrix: MatRef<'_, T>| {
            let factor = matrix.qr();
            match mode {
                "complete" => append(&mut q, factor.compute_Q().as_ref()),
                "reduced" => append(&mut q, factor.compute_thin_Q().as_ref()),
                _ => {}
            }
            let upper = factor.R();
            for i in 0..inner {
                r.extend((0..n).map(|j| {
                    if j < i || i >= upper.nrows() {
                        T::of(0.0)
                    } else {
                        upper[(i, j)]
                    }
                }));
            }
            Ok(())
        })?;
        let r = rounded(&r, code, &stack.shape(&[inner, n]))?;
        if mode == "r" {
            return Ok(vec![r]);
        }
        Ok(vec![rounded(&q, code, &stack.shape(&[m, inner]))?, r])
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
        vectors: bool,
    ) -> Result<Vec<Array>, MathError> {
        let (m, n) = (stack.rows, stack.columns);
        let least = m.min(n);
        let (mut u, mut s, mut vh) = (Vec::new(), Vec::new(), Vec::new());
        stack.each(|matrix: MatRef<'_, T>| {
            if !vectors {
                s.extend(singular_values(SVD, matrix)?);
                return Ok(());
            }
            let failed = |_| MathError::NotConverged { function: SVD };
            if !is_finite(matrix) {
                return Err(MathError::NotConverged { function: SVD });
            }
            let parts = if full {
                matrix.svd()
            } else {
                matrix.thin_svd()
            }
            .map_err(failed)?;
            append(&mut u, parts.U());
            s.extend((0..least).map(|nth| parts.S()[nth].size()));
            append(&mut vh, adjoint(parts.V()).as_ref());
            Ok(())
        })?;
        let s = rounded(&s, code.real(), &stack.shape(&[least]))?;
        if !vectors {
            return Ok(vec![s]);
        }
        let (columns, rows) = if full { (m, n) } else { (least, least) };
        let u = rounded(&u, code, &stack.shape(&[m, columns]))?;
        Ok(vec![u, s, rounded(&vh, code, &stack.shape(&[rows, n]))?])
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
    matrix
        .singular_values()
        .map_err(|_| MathError::NotConverged { function })
}

/// `P`, `L` and `U` of `A = P L U`, as `scipy.linalg.lu`.
pub(crate) fn lu(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    fn run<T: Field>(stack: &Stack<'_>, code: Code) -> Result<Vec<Array>, MathError> {
        let (m, n) = (stack.rows, stack.columns);
        let least = m.min(n);
        let (mut p, mut l, mut u) = (Vec::new(), Vec::new(), Vec::new());
        stack.each(|matrix: MatRef<'_, T>| {
            let (order, both) = eliminated(matrix);
            let mut permutation = vec![T::of(0.0); m * m];
            for (to, from) in order.iter().enumerate() {
                permutation[from * m + to] = T::of(1.0);
            }
            p.extend(permutation);
            for i in 0..m {
                l.extend((0..least).map(|j| match i.cmp(&j) {
                    std::cmp::Ordering::Less => T::of(0.0),
                    std::cmp::Ordering::Equal => T::of(1.0),
                    std::cmp::Ordering::Greater => both[(i, j)],
                }));
            }
            for i in 0..least {
                u.extend((0..n).map(|j| if j < i { T::of(0.0) } else { both[(i, j)] }));
            }
            Ok(())
        })?;
        Ok(vec![
            rounded(&p, code, &stack.shape(&[m, m]))?,
            rounded(&l, code, &stack.shape(&[m, least]))?,
            rounded(&u, code, &stack.shape(&[least, n]))?,
        ])
    }
    let held = operand.own()?;
    let view = held.view();
    let code = result(LU, &view)?;
    let stack = Stack::new(LU, &view)?;
    by_field!(code, run(&stack, code))
}

/// The rows in the order of the pivots, and both triangles in one matrix.
fn eliminated<T: Field>(matrix: MatRef<'_, T>) -> (Vec<usize>, Mat<T>) {
    let factor = matrix.partial_piv_lu();
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let (lower, upper) = (factor.L(), factor.U());
    let both = Mat::from_fn(rows, columns, |i, j| {
        if i > j { lower[(i, j)] } else { upper[(i, j)] }
    });
    if is_finite(both.as_ref()) || !is_finite(matrix) {
        return (factor.P().arrays().0.to_vec(), both);
    }
    // A pivot was 0 and something was divided by it: once more, column by column, leaving out those.
    let (mut both, mut order) = (matrix.to_owned(), (0..rows).collect::<Vec<_>>());
    for k in 0..rows.min(columns) {
        let largest =
            (k..rows).max_by(|a, b| both[(*a, k)].size().total_cmp(&both[(*b, k)].size()));
        let pivot = largest.unwrap_or(k);
        if both[(pivot, k)].size() == 0.0 {
            continue;
        }
        order.swap(k, pivot);
        for j in 0..columns {
            (both[(k, j)], both[(pivot, j)]) = (both[(pivot, j)], both[(k, j)]);
        }
        for i in k + 1..rows {
            let factor = both[(i, k)].divide(both[(k, k)]);
            both[(i, k)] = factor;
            for j in k + 1..columns {
                both[(i, j)] = Arith::sub(both[(i, j)], Arith::mul(factor, both[(k, j)]));
            }
        }
    }
    (order, both)
}

/// Eigenvalues and, in columns, eigenvectors of length 1; real if all are.
pub(crate) fn eig(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    eigen("linalg.eig", operand, true)
}

/// The eigenvalues alone.
pub(crate) fn eigvals(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    eigen("linalg.eigvals", operand, false)
}

/// Eigenvalues, and the eigenvectors of them.
type Eigen = (Vec<Complex<f64>>, Vec<Complex<f64>>);

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
    let failed = || MathError::NotConverged { function };
    let finite = |finite: bool| {
        let problem = "Array must not contain infs or NaNs";
        if finite {
            Ok(())
        } else {
            Err(MathError::Matrix { function, problem })
        }
    };
    let mut found: Eigen = (Vec::new(), Vec::new());
    if code.is_complex() {
        stack.each(|matrix: MatRef<'_, Complex<f64>>| {
            finite(is_finite(matrix))?;
            if vectors {
                let parts = matrix.eigen().map_err(|_| failed())?;
                found.0.extend((0..n).map(|nth| parts.S()[nth]));
                unit_columns(&mut found.1, parts.U());
            } else {
                found.0.extend(matrix.eigenvalues().map_err(|_| failed())?);
            }
            Ok(())
        })?;
    } else {
        stack.each(|matrix: MatRef<'_, f64>| {
            finite(is_finite(matrix))?;
            if vectors {
                let parts = matrix.eigen().map_err(|_| failed())?;
                found.0.extend((0..n).map(|nth| parts.S()[nth]));
                unit_columns(&mut found.1, parts.U());
            } else {
                found.0.extend(matrix.eigenvalues().map_err(|_| failed())?);
            }
            Ok(())
        })?;
    }
    let real = !code.is_complex() && found.0.iter().all(|value| value.im == 0.0);
    let mut out = Vec::new();
    for (items, last) in [(found.0, vec![n]), (found.1, vec![n, n])] {
        if last.len() == 2 && !vectors {
            continue;
        }
        let shape = stack.shape(&last);
        out.push(if real {
            let items: Vec<f64> = items.iter().map(|item| item.re).collect();
            rounded(&items, code, &shape)?
        } else {
            let code = if code.real() == Code::F32 {
                Code::C64
            } else {
                Code::C128
            };
            rounded(&items, code, &shape)?
        });
    }
    Ok(out)
}

/// Columns of length 1, the largest element of each real, as LAPACK has them.
fn unit_columns(out: &mut Vec<Complex<f64>>, vectors: MatRef<'_, Complex<f64>>) {
    let n = vectors.nrows();
    let mut scales = Vec::with_capacity(n);
    for j in 0..n {
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
    for i in 0..n {
        out.extend((0..n).map(|j| vectors[(i, j)] * scales[j]));
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
        let (mut values, mut columns) = (Vec::new(), Vec::new());
        stack.each(|matrix: MatRef<'_, T>| {
            let failed = || MathError::NotConverged { function };
            if !is_finite(matrix) {
                return Err(failed());
            }
            if vectors {
                let parts = matrix.self_adjoint_eigen(side).map_err(|_| failed())?;
                values.extend((0..n).map(|nth| parts.S()[nth].complex().re));
                append(&mut columns, parts.U());
            } else {
                values.extend(
                    matrix
                        .self_adjoint_eigenvalues(side)
                        .map_err(|_| failed())?,
                );
            }
            Ok(())
        })?;
        let mut out = vec![rounded(&values, code.real(), &stack.shape(&[n]))?];
        if vectors {
            out.push(rounded(&columns, code, &stack.shape(&[n, n]))?);
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
