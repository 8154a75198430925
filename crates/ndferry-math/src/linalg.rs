//! `numpy.linalg`: decompositions, solutions, norms, of one matrix or of stacks of them.

mod decompose;
mod factors;
mod lu;
mod norm;
mod solve;

use faer::traits::ComplexField;
use faer::{Mat, MatMut, MatRef, Par};
use ndferry_array::{Array, ArrayView, Casting};
use num_complex::Complex;

pub(crate) use decompose::{cholesky, eig, eigh, eigvals, eigvalsh, lu, qr, svd};
pub(crate) use norm::{cond, matrix_rank, norm};
pub(crate) use solve::{det, inv, lstsq, matrix_power, pinv, slogdet, solve};

use crate::arith::Divide;
use crate::code::Code;
use crate::feed::{Feed, room_for};
use crate::room::Room;
use crate::{MathError, Operand};

/// What matrices are decomposed of: f8 and c16. Others are computed as these and rounded, f4 more exactly than by NumPy.
trait Field: ComplexField<Real = f64> + Divide {
    fn of(re: f64) -> Self;
    fn size(self) -> f64;
    /// Of what is not 0: it, divided by its size; 1 of a real NaN.
    fn direction(self) -> Self;
    fn conjugated(self) -> Self;
    fn times(self, factor: f64) -> Self;
    fn complex(self) -> Complex<f64>;
}

impl Field for f64 {
    fn of(re: f64) -> Self {
        re
    }

    fn size(self) -> f64 {
        self.abs()
    }

    fn direction(self) -> Self {
        if self < 0.0 { -1.0 } else { 1.0 }
    }

    fn conjugated(self) -> Self {
        self
    }

    fn times(self, factor: f64) -> Self {
        self * factor
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

    fn direction(self) -> Self {
        Divide::divide(self, Self::of(self.size()))
    }

    fn conjugated(self) -> Self {
        self.conj()
    }

    fn times(self, factor: f64) -> Self {
        self * factor
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

    /// Each matrix, row by row, also those without elements.
    fn each<T: Field>(
        &self,
        mut f: impl FnMut(MatRef<'_, T>) -> Result<(), MathError>,
    ) -> Result<(), MathError> {
        let size = self.rows * self.columns;
        let mut scratch = room_for(size)?;
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

/// A result: matrices row by row, one after the other.
struct Out<T> {
    room: Room,
    shape: Vec<usize>,
    size: usize,
    at: usize,
    of: std::marker::PhantomData<T>,
}

impl<T: Field> Out<T> {
    /// # Errors
    /// [`MathError::Memory`]; [`MathError::Array`] of shapes that cannot be addressed.
    fn new(shape: Vec<usize>) -> Result<Self, MathError> {
        let room = Room::for_shape(&shape, size_of::<T>())?;
        let size = if shape.contains(&0) {
            0
        } else {
            shape.iter().product()
        };
        Ok(Self {
            room,
            shape,
            size,
            at: 0,
            of: std::marker::PhantomData,
        })
    }

    fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The next elements, zeros yet.
    fn items(&mut self, count: usize) -> &mut [T] {
        let start = self.at;
        self.at += count;
        &mut self.room.items_mut()[start..self.at]
    }

    /// The next matrix.
    fn matrix(&mut self, rows: usize, columns: usize) -> MatMut<'_, T> {
        MatMut::from_row_major_slice_mut(self.items(rows * columns), rows, columns)
    }

    fn push(&mut self, matrix: MatRef<'_, T>) {
        self.matrix(matrix.nrows(), matrix.ncols())
            .copy_from(matrix);
    }

    /// As `code`: rounded if that is f4 or c8.
    fn array(self, code: Code) -> Result<Array, MathError> {
        let array = self.room.into_array(&T::CODE.dtype(), &self.shape)?;
        if T::CODE == code {
            return Ok(array);
        }
        Ok(array.view().to_dtype(&code.dtype(), Casting::Unsafe)?)
    }
}

/// From this size on two threads are faster than one; LU, QR and eigenvalues of 1,000 rows still take longer on two.
const ALONE: usize = 2048;

fn parallel(size: usize) -> Par {
    if size < ALONE {
        Par::Seq
    } else {
        faer::get_global_parallelism()
    }
}

/// Whether there are neither infinities nor NaNs.
fn is_finite<T: Field>(matrix: MatRef<'_, T>) -> bool {
    (0..matrix.ncols()).all(|j| (0..matrix.nrows()).all(|i| matrix[(i, j)].size().is_finite()))
}

/// Calls `$f::<f64>` or `$f::<num_complex::Complex<f64>>`.
macro_rules! by_field {
    ($code:expr, $f:ident ( $($argument:expr),* )) => {
        if $code.is_complex() { $f::<num_complex::Complex<f64>>($($argument),*) } else { $f::<f64>($($argument),*) }
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
    let diagonal = crate::diagonal::diagonal_view("trace", &view, offset, options)?;
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
