//! Arrays with more around them.

use ndferry_array::{Array, ArrayViewMut, Layout, Order};

use crate::gather::{Places, gather};
use crate::joining::{cast, value};
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

/// `numpy.pad` by `pad_width` (one number, two, or two for each axis); `mode` is `constant`, `edge`, `reflect`, `symmetric` or
/// `wrap`; the second operand is the constant, 0 without one.
pub(crate) fn pad(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "pad";
    let held = operands[0].own()?;
    let view = held.view();
    let given = options.ints("pad_width")?.unwrap_or_default();
    let widths: Option<Vec<usize>> = given
        .iter()
        .map(|width| usize::try_from(*width).ok())
        .collect();
    let widths = widths.ok_or_else(|| value(NAME, "index can't contain negative values"))?;
    let widths: Vec<(usize, usize)> = match widths[..] {
        [both] => vec![(both, both); view.ndim()],
        [before, after] => vec![(before, after); view.ndim()],
        _ if widths.len() == 2 * view.ndim() => {
            widths.chunks(2).map(|pair| (pair[0], pair[1])).collect()
        }
        _ => return Err(value(NAME, "pad_width does not go with the axes")),
    };
    let too_big = || MathError::Memory { nbytes: u128::MAX };
    let mut lists = Vec::new();
    let mut shape = Vec::new();
    let mode = options.text("mode")?.unwrap_or("constant");
    for (extent, (before, after)) in view.shape().iter().zip(&widths) {
        let total = before
            .checked_add(*after)
            .and_then(|width| width.checked_add(*extent))
            .ok_or_else(too_big)?;
        shape.push(total);
        if mode == "constant" {
            continue;
        }
        if *extent == 0 && total > 0 {
            return Err(value(
                NAME,
                "can't extend an empty axis using modes other than 'constant' or 'empty'",
            ));
        }
        if total > 0 {
            let first = reflected(-(*before as i64), *extent as i64, mode);
            first.ok_or_else(|| value(NAME, "mode is not supported"))?;
        }
        let (before, extent) = (*before as i64, *extent as i64);
        let place = move |at: usize| reflected(at as i64 - before, extent, mode);
        lists.push(Some(Places::new(total, move || {
            (0..total).filter_map(place)
        })));
    }
    if mode != "constant" {
        return gather(&view, &lists);
    }
    let dtype = view.dtype();
    if dtype.has_object() {
        return Err(MathError::Array(ndferry_array::Error::NotBytes {
            dtype: dtype.str(),
        }));
    }
    let mut room = Room::for_shape(&shape, dtype.itemsize())?;
    let whole = Layout::contiguous(&shape, dtype.itemsize(), Order::C)?;
    if let Some(constant) = operands.get(1) {
        let constant = constant.own()?;
        let constant = cast(&constant, dtype)?.view().to_bytes(Order::C)?;
        if constant.len() != dtype.itemsize() {
            return Err(value(NAME, "one constant is for all axes"));
        }
        if dtype.itemsize() > 0 {
            room.bytes_mut()
                .chunks_exact_mut(dtype.itemsize())
                .for_each(|item| item.copy_from_slice(&constant));
        }
    }
    if view.size() > 0 {
        let offset = widths
            .iter()
            .zip(whole.strides())
            .map(|((before, _), stride)| before * *stride as usize)
            .sum();
        let part = Layout::strided(view.shape(), whole.strides(), offset)?;
        ArrayViewMut::new(dtype.clone(), part, room.bytes_mut())?.assign(&view)?;
    }
    room.into_array(dtype, &shape)
}

/// Which element stands at a place outside.
fn reflected(at: i64, extent: i64, mode: &str) -> Option<usize> {
    let inside = match mode {
        "edge" => at.clamp(0, extent - 1),
        "wrap" => at.rem_euclid(extent),
        "symmetric" => {
            let turn = at.rem_euclid(2 * extent);
            turn.min(2 * extent - 1 - turn)
        }
        "reflect" if extent == 1 => 0,
        "reflect" => {
            let turn = at.rem_euclid(2 * (extent - 1));
            turn.min(2 * (extent - 1) - turn)
        }
        _ => return None,
    };
    usize::try_from(inside).ok()
}
