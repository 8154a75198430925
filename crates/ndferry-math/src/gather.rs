//! Elements of a view in an array of their own: all, or some of each axis.

use ndferry_array::{Array, ArrayView, Layout, Order};

use crate::MathError;
use crate::room::Room;

/// The elements from `start` to before `end` of an axis, where they lie.
pub(crate) fn part<'a>(
    view: &ArrayView<'a>,
    axis: usize,
    start: usize,
    end: usize,
) -> Result<ArrayView<'a>, MathError> {
    let mut shape = view.shape().to_vec();
    shape[axis] = end - start;
    let strides = view.layout().strides();
    let offset = if shape.contains(&0) {
        0
    } else {
        view.layout().offset() as isize + start as isize * strides[axis]
    };
    laid(view, &shape, strides, offset)
}

/// These axes from the last element to the first, where they lie.
pub(crate) fn backwards<'a>(
    view: &ArrayView<'a>,
    axes: &[usize],
) -> Result<ArrayView<'a>, MathError> {
    let mut strides = view.layout().strides().to_vec();
    let mut offset = view.layout().offset() as isize;
    for axis in axes {
        if view.size() > 0 {
            offset += (view.shape()[*axis] - 1) as isize * strides[*axis];
        }
        strides[*axis] = strides[*axis].wrapping_neg();
    }
    laid(view, view.shape(), &strides, offset)
}

/// The same bytes in other axes.
pub(crate) fn laid<'a>(
    view: &ArrayView<'a>,
    shape: &[usize],
    strides: &[isize],
    offset: isize,
) -> Result<ArrayView<'a>, MathError> {
    let layout = Layout::strided(shape, strides, offset as usize)?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}

/// All of it, in an array of its own.
pub(crate) fn copied(view: &ArrayView<'_>) -> Result<Array, MathError> {
    let lists: Lists<'_> = (0..view.ndim()).map(|_| None).collect();
    gather(view, &lists)
}

/// Places along an axis, in the order in which their elements come; said one by one, whenever they are asked for.
pub(crate) struct Places<'p> {
    pub(crate) count: usize,
    pub(crate) each: Each<'p>,
}

/// Calls what it is given with every place.
type Each<'p> = Box<dyn Fn(&mut dyn FnMut(usize)) + 'p>;

impl<'p> Places<'p> {
    /// Of an iterator that ends after `count` places.
    pub(crate) fn new<I: Iterator<Item = usize>>(
        count: usize,
        places: impl Fn() -> I + 'p,
    ) -> Self {
        let each: Each<'p> = Box::new(move |f| places().for_each(f));
        Self { count, each }
    }
}

/// Which places of each axis are taken; `None`: all.
pub(crate) type Lists<'p> = Vec<Option<Places<'p>>>;

/// These places of one axis, all of the others.
pub(crate) fn along(ndim: usize, axis: usize, places: Places<'_>) -> Lists<'_> {
    let mut lists: Lists<'_> = (0..ndim).map(|_| None).collect();
    lists[axis] = Some(places);
    lists
}

/// The elements at these indexes of each axis (`a[numpy.ix_(…)]`).
pub(crate) fn gather(view: &ArrayView<'_>, lists: &Lists<'_>) -> Result<Array, MathError> {
    if view.dtype().has_object() {
        return Err(MathError::Array(ndferry_array::Error::NotBytes {
            dtype: view.dtype().str(),
        }));
    }
    let itemsize = view.dtype().itemsize();
    let extents = view.shape().iter().zip(lists);
    let shape: Vec<usize> = extents
        .map(|(extent, list)| list.as_ref().map_or(*extent, |list| list.count))
        .collect();
    let mut room = Room::for_shape(&shape, itemsize)?;
    let mut out = room.bytes_mut();
    let mut sink = |from: isize, nbytes: usize| {
        let (run, rest) = std::mem::take(&mut out).split_at_mut(nbytes);
        run.copy_from_slice(&view.bytes()[from as usize..][..nbytes]);
        out = rest;
    };
    if !shape.contains(&0) && itemsize > 0 {
        // Axes at the end that are taken whole and lie without gaps are one run.
        let (mut run, mut ndim) = (itemsize, view.ndim());
        while ndim > 0
            && lists[ndim - 1].is_none()
            && (view.layout().strides()[ndim - 1] == run as isize || shape[ndim - 1] == 1)
        {
            run *= shape[ndim - 1];
            ndim -= 1;
        }
        walk(
            view,
            &lists[..ndim],
            view.layout().offset() as isize,
            0,
            run,
            &mut sink,
        );
    }
    room.into_array(view.dtype(), &shape)
}

fn walk(
    view: &ArrayView<'_>,
    lists: &[Option<Places<'_>>],
    base: isize,
    axis: usize,
    run: usize,
    sink: &mut dyn FnMut(isize, usize),
) {
    let Some(list) = lists.get(axis) else {
        return sink(base, run);
    };
    let stride = view.layout().strides()[axis];
    let mut each = |at: usize| {
        let base = base + at as isize * stride;
        if axis + 1 == lists.len() {
            sink(base, run)
        } else {
            walk(view, lists, base, axis + 1, run, sink)
        }
    };
    match list {
        Some(list) => (list.each)(&mut each),
        None => (0..view.shape()[axis]).for_each(&mut each),
    }
}

/// An array in C order in another shape of as many elements.
pub(crate) fn reshaped(array: Array, shape: &[usize]) -> Result<Array, MathError> {
    let (dtype, bytes) = (array.dtype().clone(), array.bytes().clone());
    Ok(Array::contiguous(dtype, shape, Order::C, bytes)?)
}
