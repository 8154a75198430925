//! Products of vectors and matrices.

use faer::linalg::matmul::matmul as multiply;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, get_global_parallelism};
use ndferry_array::{Array, ArrayView};
use num_complex::Complex;

use crate::arith::Arith;
use crate::code::{Code, result_code};
use crate::feed::Feed;
use crate::map::convert;
use crate::operand::{broadcast, broadcast_shapes};
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

/// Numbers that matrices are multiplied of.
trait Entry: Arith {
    /// `out = a b`, of `m` by `k` and `k` by `n`.
    fn multiply(a: Matrix<'_, Self>, b: Matrix<'_, Self>, out: &mut [Self], size: Size);
}

/// Rows and columns of both factors.
#[derive(Clone, Copy)]
struct Size {
    m: usize,
    k: usize,
    n: usize,
}

/// A matrix row by row, or column by column.
#[derive(Clone, Copy)]
enum Matrix<'a, T> {
    Rows(&'a [T]),
    Columns(&'a [T]),
}

impl<'a, T> Matrix<'a, T> {
    fn reference(self, rows: usize, columns: usize) -> MatRef<'a, T> {
        match self {
            Self::Rows(items) => MatRef::from_row_major_slice(items, rows, columns),
            Self::Columns(items) => MatRef::from_column_major_slice(items, rows, columns),
        }
    }
}

fn by_faer<T: ComplexField>(a: Matrix<'_, T>, b: Matrix<'_, T>, out: &mut [T], size: Size) {
    let Size { m, k, n } = size;
    let out = MatMut::from_row_major_slice_mut(out, m, n);
    let (a, b) = (a.reference(m, k), b.reference(k, n));
    multiply(
        out,
        Accum::Replace,
        a,
        b,
        T::one_impl(),
        get_global_parallelism(),
    );
}

macro_rules! float_entry {
    ($($type:ty)*) => {$(
        impl Entry for $type {
            fn multiply(a: Matrix<'_, Self>, b: Matrix<'_, Self>, out: &mut [Self], size: Size) {
                by_faer(a, b, out, size);
            }
        }
    )*};
}

float_entry!(f32 f64 Complex<f32> Complex<f64>);

macro_rules! integer_entry {
    ($($type:ty)*) => {$(
        impl Entry for $type {
            fn multiply(a: Matrix<'_, Self>, b: Matrix<'_, Self>, out: &mut [Self], size: Size) {
                let Size { m, k, n } = size;
                if n == 0 { return; }
                let at = |matrix: Matrix<'_, Self>, rows: usize, columns: usize, i: usize, j: usize| match matrix {
                    Matrix::Rows(items) => items[i * columns + j],
                    Matrix::Columns(items) => items[j * rows + i],
                };
                for (i, row) in out.chunks_exact_mut(n).enumerate().take(m) {
                    for l in 0..k {
                        let factor = at(a, m, k, i, l);
                        match b {
                            Matrix::Rows(items) => {
                                for (out, item) in row.iter_mut().zip(&items[l * n..][..n]) {
                                    *out = out.wrapping_add(factor.wrapping_mul(*item));
                                }
                            }
                            Matrix::Columns(_) => {
                                for (j, out) in row.iter_mut().enumerate() {
                                    *out = out.wrapping_add(factor.wrapping_mul(at(b, k, n, l, j)));
                                }
                            }
                        }
                    }
                }
            }
        }
    )*};
}

integer_entry!(i8 i16 i32 i64 u8 u16 u32 u64);

/// `numpy.matmul`: matrices in the last two axes, the others broadcast; vectors count as a row or a column.
pub(crate) fn matmul(name: &'static str, operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let code = result_code(name, operands)?;
    let held = [operands[0].held(code)?, operands[1].held(code)?];
    let (a, b) = (held[0].view(), held[1].view());
    if a.ndim() == 0 || b.ndim() == 0 {
        let problem = "Input operand does not have enough dimensions";
        return Err(MathError::Value {
            function: name,
            problem,
        });
    }
    let (row, column) = (a.ndim() == 1, b.ndim() == 1);
    let a = if row { with_axis(&a, 0)? } else { a };
    let b = if column { with_axis(&b, 1)? } else { b };
    let (outer_a, outer_b) = (a.ndim() - 2, b.ndim() - 2);
    let size = Size {
        m: a.shape()[outer_a],
        k: a.shape()[outer_a + 1],
        n: b.shape()[outer_b + 1],
    };
    if size.k != b.shape()[outer_b] {
        let (left, right) = (
            held[0].view().shape().to_vec(),
            held[1].view().shape().to_vec(),
        );
        return Err(MathError::NotAligned {
            function: name,
            left,
            right,
        });
    }
    let batch = broadcast_shapes([&a.shape()[..outer_a], &b.shape()[..outer_b]].into_iter())?;
    let mut shape = batch.clone();
    shape.extend((!row).then_some(size.m));
    shape.extend((!column).then_some(size.n));
    let a = broadcast(&a, &[&batch[..], &[size.m, size.k]].concat())?;
    let b = broadcast(&b, &[&batch[..], &[size.k, size.n]].concat())?;
    if code == Code::Bool {
        // Sums of bools are true where any of them is.
        let counts = stacked::<i64>(&a, &b, size, &shape)?;
        return crate::unary::truth(&Feed::new(&counts.view())?, Code::I64, &shape);
    }
    dispatch!(code, T => {
        let product = stacked::<T>(&a, &b, size, &shape)?;
        if T::CODE_OF_LOOP == code {
            return Ok(product);
        }
        let view = product.view();
        convert(&Feed::new(&view)?, code, &shape)
    })
}

/// Which dtype a loop's results are of as they lie.
trait Loop {
    const CODE_OF_LOOP: Code;
}

impl<T: crate::number::Number> Loop for T {
    const CODE_OF_LOOP: Code = T::CODE;
}

fn stacked<T: Entry>(
    a: &ArrayView<'_>,
    b: &ArrayView<'_>,
    size: Size,
    shape: &[usize],
) -> Result<Array, MathError> {
    let Size { m, k, n } = size;
    let mut room = Room::for_shape(shape, size_of::<T>())?;
    let out: &mut [T] = room.items_mut();
    if !out.is_empty() && k > 0 {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let (whole_a, whole_b) = (columns(a)?, columns(b)?);
        let (feed_a, feed_b) = (Feed::new(a)?, Feed::new(b)?);
        for (nth, out) in out.chunks_exact_mut(m * n).enumerate() {
            let a = match whole_a {
                Some(items) => Matrix::Columns(items),
                None => Matrix::Rows(feed_a.piece(nth * m * k, m * k, &mut x)),
            };
            let b = match whole_b {
                Some(items) => Matrix::Columns(items),
                None => Matrix::Rows(feed_b.piece(nth * k * n, k * n, &mut y)),
            };
            T::multiply(a, b, out, size);
        }
    }
    room.into_array(&T::CODE.dtype(), shape)
}

/// One matrix that lies column by column.
fn columns<'a, T: Entry>(view: &ArrayView<'a>) -> Result<Option<&'a [T]>, MathError> {
    if view.ndim() != 2 {
        return Ok(None);
    }
    Ok(Feed::new(&view.reversed())?.whole())
}

fn with_axis<'a>(view: &ArrayView<'a>, at: usize) -> Result<ArrayView<'a>, MathError> {
    let (mut shape, mut strides) = (view.shape().to_vec(), view.layout().strides().to_vec());
    shape.insert(at, 1);
    strides.insert(at, 0);
    let layout = ndferry_array::Layout::strided(&shape, &strides, view.layout().offset())?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}

/// `numpy.dot`: over the last axis of the first operand and the last but one of the second.
pub(crate) fn dot(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let held = [operands[0].own()?, operands[1].own()?];
    let (a, b) = (held[0].view(), held[1].view());
    if a.ndim() == 0 || b.ndim() == 0 {
        let pair = [operands[0].clone(), operands[1].clone()];
        return crate::binary::binary(
            "multiply",
            crate::binary::Binary::Multiply,
            &pair,
            &Options::new(),
        );
    }
    if b.ndim() <= 2 && a.ndim() <= 2 {
        return matmul("dot", operands);
    }
    // The axis to sum over to the front, all others behind it in a row.
    let back = b.ndim().saturating_sub(2);
    let k = b.shape()[back];
    if a.shape()[a.ndim() - 1] != k {
        let (left, right) = (a.shape().to_vec(), b.shape().to_vec());
        return Err(MathError::NotAligned {
            function: "dot",
            left,
            right,
        });
    }
    let front = b.transposed(&crate::axes::moved(b.ndim(), back, 0))?;
    let (rows, columns) = (
        sized(&a.shape()[..a.ndim() - 1])?,
        sized(&front.shape()[1..])?,
    );
    let left = a
        .to_array(ndferry_array::Order::C)?
        .reshaped(&[rows, k as isize])?;
    let right = front
        .to_array(ndferry_array::Order::C)?
        .reshaped(&[k as isize, columns])?;
    let product = matmul("dot", &[Operand::from(&left), Operand::from(&right)])?;
    let shape: Vec<isize> = a.shape()[..a.ndim() - 1]
        .iter()
        .chain(&front.shape()[1..])
        .map(|extent| *extent as isize)
        .collect();
    Ok(product.reshaped(&shape)?)
}

fn sized(shape: &[usize]) -> Result<isize, MathError> {
    let size = ndferry_array::Layout::contiguous(shape, 1, ndferry_array::Order::C)?.size();
    Ok(size as isize)
}

/// `numpy.inner`: over the last axes of both.
pub(crate) fn inner(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let held = operands[1].own()?;
    let b = held.view();
    if b.ndim() < 2 || operands[0].own()?.view().ndim() == 0 {
        return dot(operands);
    }
    let mut order: Vec<usize> = (0..b.ndim()).collect();
    order.swap(b.ndim() - 1, b.ndim() - 2);
    // `dot` takes the last axis but one.
    let swapped = b.transposed(&order)?;
    let product = dot(&[operands[0].clone(), Operand::Array(swapped)])?;
    Ok(product)
}

/// `numpy.vdot`: of all elements in C order, the first operand conjugated.
pub(crate) fn vdot(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let held = [operands[0].own()?, operands[1].own()?];
    let (mut a, b) = (
        crate::axes::flat(&held[0].view())?,
        crate::axes::flat(&held[1].view())?,
    );
    if Code::of(a.dtype()).is_some_and(Code::is_complex) {
        let conjugate = crate::unary::Unary::Conjugate;
        a = crate::unary::unary("vdot", conjugate, &Operand::from(&a), &Options::new())?;
    }
    matmul("vdot", &[Operand::from(&a), Operand::from(&b)])
}

/// `numpy.outer` of all elements of both.
pub(crate) fn outer(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let held = [operands[0].own()?, operands[1].own()?];
    let (a, b) = (
        crate::axes::flat(&held[0].view())?,
        crate::axes::flat(&held[1].view())?,
    );
    let column = a.reshaped(&[a.size() as isize, 1])?;
    let pair = [Operand::from(&column), Operand::from(&b)];
    crate::binary::binary(
        "outer",
        crate::binary::Binary::Multiply,
        &pair,
        &Options::new(),
    )
}

/// `numpy.kron`: every element of the first operand times the whole second one.
pub(crate) fn kron(operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let held = [operands[0].own()?, operands[1].own()?];
    let (mut a, mut b) = (held[0].view(), held[1].view());
    while a.ndim() < b.ndim() {
        a = with_axis(&a, 0)?;
    }
    while b.ndim() < a.ndim() {
        b = with_axis(&b, 0)?;
    }
    let extents = a.shape().iter().zip(b.shape());
    let shape: Option<Vec<isize>> = extents
        .map(|(a, b)| a.checked_mul(*b)?.try_into().ok())
        .collect();
    let shape = shape.ok_or(MathError::Memory { nbytes: u128::MAX })?;
    for axis in 0..shape.len() {
        a = with_axis(&a, 2 * axis + 1)?;
        b = with_axis(&b, 2 * axis)?;
    }
    let pair = [Operand::Array(a), Operand::Array(b)];
    let product = crate::binary::binary(
        "kron",
        crate::binary::Binary::Multiply,
        &pair,
        &Options::new(),
    )?;
    Ok(product
        .into_order(ndferry_array::Order::C)?
        .reshaped(&shape)?)
}
