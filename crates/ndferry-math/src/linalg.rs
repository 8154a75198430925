//! `numpy.linalg`: decompositions, solutions, norms, of one matrix or of stacks of them.

mod decompose;
mod norm;
mod solve;

use faer::traits::ComplexField;
use faer::{Mat, MatRef};
use ndferry_array::{Array, ArrayView, Casting};
use num_complex::Complex;

pub(crate) use decompose::{cholesky, eig, eigh, eigvals, eigvalsh, lu, qr, svd};
pub(crate) use norm::{cond, matrix_rank, norm};
pub(crate) use solve::{det, inv, lstsq, matrix_power, pinv, slogdet, solve};

use crate::arith::Divide;
use crate::code::Code;
use crate::feed::Feed;
use crate::sorting::array_of;
use crate::{MathError, Operand};

/// What matrices are decomposed of: f8 and c16. Others are computed as these and rounded, f4 more exactly than by NumPy.
trait Field: ComplexField<Real = f64> + Divide {
    fn of(re: f64) -> Self;
    fn size(self) -> f64;
    fn conjugated(self) -> Self;
    fn complex(self) -> Complex<f64>;
}

impl Field for f64 {
    fn of(re: f64) -> Self {
        re
    }

    fn size(self) -> f64 {
        self.abs()
    }

    fn conjugated(self) -> Self {
        self
    }

    fn complex(self) -> Complex<f64> {
        Complex::new(self, 0.0)
    }
}

impl Field for Complex<f64> {
    fn of(re: f64) -> Self {
        Self::new(re, 0.0)
    }

    fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn conjugated(self) -> Self {
        self.conj()
    }

    fn complex(self) -> Complex<f64> {
        self
    }
}

/// The dtype of results: f4, f8, c8 or c16.
fn result(function: &'static str, view: &ArrayView<'_>) -> Result<Code, MathError> {
    match Code::of(view.dtype()) {
        Some(Code::F16) | None => Err(MathError::Type {
            function,
            problem: "the array's dtype is unsupported in linalg",
        }),
        Some(code) if code.is_float() || code.is_complex() => Ok(code),
        Some(_) => Ok(Code::F64),
    }
}

/// Matrices in the last two axes.
struct Stack<'a> {
    feed: Feed<'a>,
    /// Of the stack.
    outer: Vec<usize>,
    count: usize,
    rows: usize,
    columns: usize,
}

impl<'a> Stack<'a> {
    fn new(function: &'static str, view: &ArrayView<'a>) -> Result<Self, MathError> {
        let Some(ndim) = view.ndim().checked_sub(2) else {
            return Err(MathError::Matrix {
                function,
                problem: "the array must be at least two-dimensional",
            });
        };
        let outer = view.shape()[..ndim].to_vec();
        Ok(Self {
            feed: Feed::new(view)?,
            count: outer.iter().product(),
            outer,
            rows: view.shape()[ndim],
            columns: view.shape()[ndim + 1],
        })
    }

    fn square(function: &'static str, view: &ArrayView<'a>) -> Result<Self, MathError> {
        let stack = Self::new(function, view)?;
        if stack.rows != stack.columns {
            return Err(MathError::Matrix {
                function,
                problem: "the last 2 dimensions of the array must be square",
            });
        }
        Ok(stack)
    }

    /// Each matrix, row by row; not of stacks without elements.
    fn each<T: Field>(
        &self,
        mut f: impl FnMut(MatRef<'_, T>) -> Result<(), MathError>,
    ) -> Result<(), MathError> {
        let size = self.rows * self.columns;
        let mut scratch = Vec::new();
        for nth in 0..self.count {
            let items = self.feed.piece(nth * size, size, &mut scratch);
            f(MatRef::from_row_major_slice(items, self.rows, self.columns))?;
        }
        Ok(())
    }

    /// The shape of a result that is `last` of each matrix.
    fn shape(&self, last: &[usize]) -> Vec<usize> {
        [&self.outer[..], last].concat()
    }
}

/// Appends the elements row by row.
fn append<T: Field>(out: &mut Vec<T>, matrix: MatRef<'_, T>) {
    for i in 0..matrix.nrows() {
        out.extend((0..matrix.ncols()).map(|j| matrix[(i, j)]));
    }
}

/// Whether there are neither infinities nor NaNs.
fn is_finite<T: Field>(matrix: MatRef<'_, T>) -> bool {
    (0..matrix.ncols()).all(|j| (0..matrix.nrows()).all(|i| matrix[(i, j)].size().is_finite()))
}

/// Results as `code`: rounded if that is f4 or c8.
fn rounded<T: Field>(items: &[T], code: Code, shape: &[usize]) -> Result<Array, MathError> {
    let exact = if T::CODE.is_complex() {
        Code::C128
    } else {
        Code::F64
    };
    let array = array_of(items, exact, shape)?;
    if exact == code {
        return Ok(array);
    }
    Ok(array.view().to_dtype(&code.dtype(), Casting::Unsafe)?)
}

/// Calls `$f::<f64>` or `$f::<Complex<f64>>`.
macro_rules! by_field {
    ($code:expr, $f:ident ( $($argument:expr),* )) => {
        if $code.is_complex() { $f::<Complex<f64>>($($argument),*) } else { $f::<f64>($($argument),*) }
    };
}

use by_field;

/// The conjugate transpose.
fn adjoint<T: Field>(matrix: MatRef<'_, T>) -> Mat<T> {
    Mat::from_fn(matrix.ncols(), matrix.nrows(), |i, j| {
        matrix[(j, i)].conjugated()
    })
}

/// `a b`.
fn times<T: Field>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Mat<T> {
    let mut out = Mat::<T>::zeros(a.nrows(), b.ncols());
    let one = T::of(1.0);
    faer::linalg::matmul::matmul(
        &mut out,
        faer::Accum::Replace,
        a,
        b,
        one,
        faer::get_global_parallelism(),
    );
    out
}

/// `numpy.trace`.
pub(crate) fn trace(operand: &Operand<'_>, options: &crate::Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let offset = options.int("offset")?.unwrap_or(0);
    let diagonal = crate::joining::diagonal_view("trace", &view, offset, options)?;
    let mut along = crate::Options::new().with("axis", crate::Setting::Int(-1));
    if let Some(dtype) = options.dtype("dtype")? {
        along.set("dtype", crate::Setting::Dtype(dtype));
    }
    let diagonal = Operand::Array(diagonal);
    crate::reduce::reduce(
        "trace",
        crate::reduce::Reduce::Sum,
        crate::reduce::Nans::Kept,
        &diagonal,
        &along,
    )
}
