//! Which axes a function goes along, and lanes along one of them.

use std::borrow::Cow;

use ndferry_array::{Array, ArrayView};

use crate::MathError;
use crate::feed::Feed;
use crate::number::Number;
use crate::options::Options;

/// An axis as Python counts them: from the end if negative.
///
/// # Errors
/// [`MathError::Axis`].
pub(crate) fn axis(given: i64, ndim: usize) -> Result<usize, MathError> {
    let out_of_bounds = MathError::Axis { axis: given, ndim };
    let axis = if given < 0 {
        given + ndim as i64
    } else {
        given
    };
    usize::try_from(axis)
        .ok()
        .filter(|axis| *axis < ndim)
        .ok_or(out_of_bounds)
}

/// The axes of the option `axis`, in order; all if there is none.
///
/// # Errors
/// [`MathError::Axis`]; [`MathError::Value`] if one is named twice.
pub(crate) fn axes(
    function: &'static str,
    options: &Options,
    ndim: usize,
) -> Result<Vec<usize>, MathError> {
    let Some(given) = options.ints("axis")? else {
        return Ok((0..ndim).collect());
    };
    let mut axes = Vec::with_capacity(given.len());
    for given in given {
        let axis = axis(given, ndim)?;
        if axes.contains(&axis) {
            return Err(MathError::Value {
                function,
                problem: "duplicate value in 'axis'",
            });
        }
        axes.push(axis);
    }
    axes.sort_unstable();
    Ok(axes)
}

/// The elements of an array in lanes along one axis, each without gaps.
pub(crate) struct Lanes<'a, T: Number> {
    /// Lane by lane.
    pub(crate) items: Cow<'a, [T]>,
    /// Elements of a lane.
    pub(crate) length: usize,
    /// Of the lanes: the array's without the axis.
    pub(crate) outer: Vec<usize>,
    axis: usize,
}

impl<'a, T: Number> Lanes<'a, T> {
    /// Copies once, if they do not lie so.
    pub(crate) fn new(view: &ArrayView<'a>, axis: usize) -> Result<Self, MathError> {
        let mut order: Vec<usize> = (0..view.ndim()).filter(|other| *other != axis).collect();
        order.push(axis);
        let last = view.transposed(&order)?;
        Ok(Self {
            items: Feed::new(&last)?.items()?,
            length: view.shape()[axis],
            outer: last.shape()[..last.ndim() - 1].to_vec(),
            axis,
        })
    }

    /// The lanes; as many as `outer` says, also of lanes without elements.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[T]> {
        let count: usize = self.outer.iter().product();
        (0..count).map(|nth| &self.items[nth * self.length..][..self.length])
    }

    /// The shape with lanes of so many elements, the axis last; [`Self::back`] puts it where it was.
    pub(crate) fn shape(&self, length: usize) -> Vec<usize> {
        let mut shape = self.outer.clone();
        shape.push(length);
        shape
    }

    /// An array whose last axis is that of the lanes, with the axis where it was.
    pub(crate) fn back(&self, array: &Array) -> Result<Array, MathError> {
        Ok(array.transposed(&moved(array.ndim(), array.ndim() - 1, self.axis))?)
    }
}

/// The order of axes that takes one of them somewhere else.
pub(crate) fn moved(ndim: usize, from: usize, to: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ndim).filter(|axis| *axis != from).collect();
    order.insert(to.min(order.len()), from);
    order
}

/// The view and the axis of it that the options name; without one the axis of all its elements, which `flat` then holds, and
/// so it is of one number if that counts as an axis: `single`.
pub(crate) fn axis_or_flat<'a>(
    view: ArrayView<'a>,
    options: &Options,
    single: bool,
    flat: &'a mut Option<Array>,
) -> Result<(ArrayView<'a>, usize), MathError> {
    match options.int("axis")? {
        Some(given) if !(single && view.ndim() == 0 && matches!(given, 0 | -1)) => {
            let at = axis(given, view.ndim())?;
            Ok((view, at))
        }
        _ => Ok((flat_view(view, flat)?, 0)),
    }
}

/// A view as one axis of all elements in C order: where they lie, or the copy that `held` then holds.
pub(crate) fn flat_view<'a>(
    view: ArrayView<'a>,
    held: &'a mut Option<Array>,
) -> Result<ArrayView<'a>, MathError> {
    match view.reshaped(&[view.size() as isize]) {
        Ok(flat) => Ok(flat),
        Err(_) => Ok(held.insert(flat(&view)?).view()),
    }
}

/// A view as one axis of all elements in C order; copied if they do not lie so.
pub(crate) fn flat(view: &ArrayView<'_>) -> Result<Array, MathError> {
    Ok(view
        .to_array(ndferry_array::Order::C)?
        .reshaped(&[-1])
        .or_else(|_| {
            // Without elements nothing can be inferred.
            view.to_array(ndferry_array::Order::C)?
                .reshaped(&[view.size() as isize])
        })?)
}
