//! Diagonals of matrices, and what is on one side of them.

use ndferry_array::{Array, ArrayView, ArrayViewMut, Layout, Order};

use crate::axes::axis;
use crate::gather::copied;
use crate::joining::value;
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

/// `numpy.tril` and `numpy.triu`: zeros above, or below, diagonal `k`.
pub(crate) fn triangle(
    name: &'static str,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let lower = name == "tril";
    if view.ndim() == 0 {
        return Err(value(name, "input must have an axis"));
    }
    let square;
    let view = if view.ndim() == 1 {
        square = crate::operand::broadcast(&view, &[view.size(), view.size()])?;
        square
    } else {
        view
    };
    let k = options.int("k")?.unwrap_or(0);
    let [rows, columns] = [view.shape()[view.ndim() - 2], view.shape()[view.ndim() - 1]];
    let itemsize = view.dtype().itemsize();
    // A row may become as many of them.
    Operand::Array(view.clone()).check()?;
    let mut bytes = view.to_bytes(Order::C)?;
    for (nth, row) in bytes
        .chunks_exact_mut((columns * itemsize).max(1))
        .enumerate()
    {
        let cut = ((nth % rows.max(1)) as i64)
            .saturating_add(k)
            .saturating_add(i64::from(lower));
        let cut = cut.clamp(0, columns as i64) as usize * itemsize;
        if lower {
            row[cut..].fill(0)
        } else {
            row[..cut].fill(0)
        }
    }
    Ok(Array::contiguous(
        view.dtype().clone(),
        view.shape(),
        Order::C,
        bytes,
    )?)
}

/// `numpy.diagonal` of `axis1` and `axis2`, `offset` above the main one; of one axis `numpy.diag`.
pub(crate) fn diagonal(
    name: &'static str,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let offset = match options.int("offset")? {
        Some(offset) => offset,
        None => options.int("k")?.unwrap_or(0),
    };
    if name == "diag" && view.ndim() == 1 {
        let size = view
            .size()
            .checked_add(offset.unsigned_abs() as usize)
            .ok_or(MathError::Memory { nbytes: u128::MAX })?;
        let mut room = Room::for_shape(&[size, size], view.dtype().itemsize())?;
        let step = ((size + 1) * view.dtype().itemsize()) as isize;
        let start = if offset < 0 {
            offset.unsigned_abs() as usize * size
        } else {
            offset as usize
        };
        if view.size() > 0 {
            let layout = Layout::strided(view.shape(), &[step], start * view.dtype().itemsize())?;
            ArrayViewMut::new(view.dtype().clone(), layout, room.bytes_mut())?.assign(&view)?;
        }
        return room.into_array(view.dtype(), &[size, size]);
    }
    if name == "diag" && view.ndim() != 2 {
        return Err(value(name, "Input must be 1- or 2-d."));
    }
    let taken = diagonal_view(name, &view, offset, options)?;
    copied(&taken)
}

/// The diagonal as the last axis, without a copy.
pub(crate) fn diagonal_view<'a>(
    name: &'static str,
    view: &ArrayView<'a>,
    offset: i64,
    options: &Options,
) -> Result<ArrayView<'a>, MathError> {
    if view.ndim() < 2 {
        return Err(value(
            name,
            "diag requires an array of at least two dimensions",
        ));
    }
    let first = axis(options.int("axis1")?.unwrap_or(0), view.ndim())?;
    let second = axis(options.int("axis2")?.unwrap_or(1), view.ndim())?;
    if first == second {
        return Err(value(name, "axis1 and axis2 cannot be the same"));
    }
    let (rows, columns) = (view.shape()[first], view.shape()[second]);
    let strides = view.layout().strides();
    let away = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let (count, stride) = if offset < 0 {
        (rows.saturating_sub(away).min(columns), strides[first])
    } else {
        (columns.saturating_sub(away).min(rows), strides[second])
    };
    let kept: Vec<usize> = (0..view.ndim())
        .filter(|axis| *axis != first && *axis != second)
        .collect();
    let mut shape: Vec<usize> = kept.iter().map(|axis| view.shape()[*axis]).collect();
    let mut steps: Vec<isize> = kept.iter().map(|axis| strides[*axis]).collect();
    shape.push(count);
    steps.push(strides[first] + strides[second]);
    let start = if count == 0 {
        0
    } else {
        view.layout().offset() as isize + away as isize * stride
    };
    let layout = Layout::strided(&shape, &steps, start as usize)?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}
