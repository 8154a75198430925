//! Arrays put together: concatenate, stack and their like. Every dtype that is bytes can be moved.

use ndferry_array::{Array, ArrayView, ArrayViewMut, Dtype, Kind, Layout, Order};

use crate::astype::to_dtype;
use crate::axes::axis;
use crate::code::{Code, no_loop, result_code};
use crate::operand::Held;
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

pub(crate) fn value(function: &'static str, problem: &'static str) -> MathError {
    MathError::Value { function, problem }
}

/// The dtype that all of these can have.
fn common_dtype(function: &'static str, operands: &[Operand<'_>]) -> Result<Dtype, MathError> {
    if let Ok(code) = result_code(function, operands) {
        return Ok(code.dtype());
    }
    let mut common: Option<Dtype> = None;
    for operand in operands {
        let Operand::Array(view) = operand else {
            return Err(no_loop(function, operands));
        };
        let own = view.dtype();
        common = Some(match common {
            None => own.clone(),
            Some(before) if before == *own => before,
            // The longer text.
            Some(before)
                if before.kind() == own.kind()
                    && matches!(own.kind(), Kind::Bytes | Kind::Unicode) =>
            {
                if before.itemsize() < own.itemsize() {
                    own.clone()
                } else {
                    before
                }
            }
            Some(before)
                if before.with_byteorder(ndferry_array::ByteOrder::NATIVE)
                    == own.with_byteorder(ndferry_array::ByteOrder::NATIVE) =>
            {
                before.with_byteorder(ndferry_array::ByteOrder::NATIVE)
            }
            Some(_) => return Err(no_loop(function, operands)),
        });
    }
    common.ok_or_else(|| value(function, "need at least one array to concatenate"))
}

/// As `dtype`, copied only if it is another one.
pub(crate) fn cast<'a>(held: &'a Held<'_>, dtype: &Dtype) -> Result<Held<'a>, MathError> {
    let view = held.view();
    if view.dtype() == dtype {
        return Ok(Held::Borrowed(view));
    }
    Ok(Held::Owned(to_dtype(&view, dtype)?))
}

/// `numpy.concatenate` along `axis` (0 if there is none, `flat` for all elements in a row).
pub(crate) fn concatenate(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "concatenate";
    let dtype = common_dtype(NAME, operands)?;
    let held = owned(operands, &dtype)?;
    if options.flag("flat", false)? {
        let flat: Vec<Array> = held
            .iter()
            .map(|held| crate::axes::flat(&held.view()))
            .collect::<Result<_, _>>()?;
        return join(
            NAME,
            &flat.iter().map(Array::view).collect::<Vec<_>>(),
            0,
            &dtype,
        );
    }
    let views: Vec<ArrayView<'_>> = held.iter().map(Held::view).collect();
    let ndim = views.first().map_or(0, ArrayView::ndim);
    if ndim == 0 {
        return Err(value(
            NAME,
            "zero-dimensional arrays cannot be concatenated",
        ));
    }
    join(
        NAME,
        &views,
        axis(options.int("axis")?.unwrap_or(0), ndim)?,
        &dtype,
    )
}

fn owned<'a>(operands: &[Operand<'a>], dtype: &Dtype) -> Result<Vec<Held<'a>>, MathError> {
    let held = |operand: &Operand<'a>| match Code::of(dtype) {
        Some(code) => operand.held(code),
        None => operand.own(),
    };
    operands.iter().map(held).collect()
}

/// One after the other along an axis that they have.
fn join(
    name: &'static str,
    views: &[ArrayView<'_>],
    axis: usize,
    dtype: &Dtype,
) -> Result<Array, MathError> {
    let first = views
        .first()
        .ok_or_else(|| value(name, "need at least one array to concatenate"))?;
    let mut shape = first.shape().to_vec();
    shape[axis] = 0;
    for view in views {
        if view.ndim() != shape.len() {
            return Err(value(
                name,
                "all the input arrays must have same number of dimensions",
            ));
        }
        let same = view
            .shape()
            .iter()
            .zip(&shape)
            .enumerate()
            .all(|(at, (a, b))| at == axis || a == b);
        if !same {
            return Err(value(
                name,
                "all the input array dimensions except for the concatenation axis must match exactly",
            ));
        }
        shape[axis] = shape[axis]
            .checked_add(view.shape()[axis])
            .ok_or(MathError::Memory { nbytes: u128::MAX })?;
    }
    if dtype.has_object() {
        return Err(MathError::Array(ndferry_array::Error::NotBytes {
            dtype: dtype.str(),
        }));
    }
    let mut room = Room::for_shape(&shape, dtype.itemsize())?;
    let whole = Layout::contiguous(&shape, dtype.itemsize(), Order::C)?;
    let mut start = 0;
    for view in views {
        let offset = start * whole.strides()[axis] as usize;
        start += view.shape()[axis];
        if view.size() == 0 {
            continue;
        }
        let part = Layout::strided(view.shape(), whole.strides(), offset)?;
        let held = Held::Borrowed(view.clone());
        let cast = cast(&held, dtype)?;
        ArrayViewMut::new(dtype.clone(), part, room.bytes_mut())?.assign(&cast.view())?;
    }
    room.into_array(dtype, &shape)
}

/// With an axis of extent 1 at `at`.
pub(crate) fn with_axis<'a>(view: &ArrayView<'a>, at: usize) -> Result<ArrayView<'a>, MathError> {
    let (mut shape, mut strides) = (view.shape().to_vec(), view.layout().strides().to_vec());
    shape.insert(at, 1);
    strides.insert(at, 0);
    let layout = Layout::strided(&shape, &strides, view.layout().offset())?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}

/// `numpy.stack` along a new axis.
pub(crate) fn stack(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    let dtype = common_dtype("stack", operands)?;
    let held = owned(operands, &dtype)?;
    let views: Vec<ArrayView<'_>> = held.iter().map(Held::view).collect();
    let ndim = views.first().map_or(0, ArrayView::ndim);
    if views.iter().any(|view| view.shape() != views[0].shape()) {
        return Err(value("stack", "all input arrays must have the same shape"));
    }
    let at = axis(options.int("axis")?.unwrap_or(0), ndim + 1)?;
    let views: Vec<ArrayView<'_>> = views
        .iter()
        .map(|view| with_axis(view, at))
        .collect::<Result<_, _>>()?;
    join("stack", &views, at, &dtype)
}

/// `vstack`, `hstack`, `dstack` and `column_stack`, by how arrays of fewer axes get more.
pub(crate) fn pile(name: &'static str, operands: &[Operand<'_>]) -> Result<Array, MathError> {
    let dtype = common_dtype(name, operands)?;
    let held = owned(operands, &dtype)?;
    let mut views = Vec::with_capacity(held.len());
    for held in &held {
        let mut view = held.view();
        match (name, view.ndim()) {
            ("hstack", 0) => view = with_axis(&view, 0)?,
            ("vstack", 0) | ("column_stack", 0) => view = with_axis(&with_axis(&view, 0)?, 0)?,
            ("vstack", 1) => view = with_axis(&view, 0)?,
            ("column_stack", 1) => view = with_axis(&view, 1)?,
            ("dstack", 0) => view = with_axis(&with_axis(&with_axis(&view, 0)?, 0)?, 0)?,
            ("dstack", 1) => view = with_axis(&with_axis(&view, 0)?, 2)?,
            ("dstack", 2) => view = with_axis(&view, 2)?,
            _ => {}
        }
        views.push(view);
    }
    let axis = match name {
        "vstack" => 0,
        "hstack" => usize::from(views[0].ndim() > 1),
        "dstack" => 2,
        _ => 1,
    };
    join(name, &views, axis, &dtype)
}
