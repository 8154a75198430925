//! Arrays put together and taken apart: concatenate, stack, split, pad, roll, tile, repeat and their like. Every dtype that is
//! bytes can be moved.

use ndferry_array::{Array, ArrayView, ArrayViewMut, Dtype, Kind, Layout, Order};

use crate::astype::to_dtype;
use crate::axes::{axis, axis_or_flat};
use crate::code::{Code, no_loop, result_code};
use crate::feed::{Feed, room_for};
use crate::operand::{Held, broadcast_shapes};
use crate::options::Options;
use crate::pick::taken;
use crate::room::Room;
use crate::{MathError, Operand};

fn value(function: &'static str, problem: &'static str) -> MathError {
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
fn cast<'a>(held: &'a Held<'_>, dtype: &Dtype) -> Result<Held<'a>, MathError> {
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
fn with_axis<'a>(view: &ArrayView<'a>, at: usize) -> Result<ArrayView<'a>, MathError> {
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

/// `numpy.split` and `numpy.array_split` along `axis`: `sections` equal parts, or cut at `indices`.
pub(crate) fn split(
    name: &'static str,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let axis = axis(options.int("axis")?.unwrap_or(0), view.ndim())?;
    let extent = view.shape()[axis];
    let cuts: Vec<(usize, usize)> = if let Some(indices) = options.ints("indices")? {
        let clip = |index: i64| {
            if index < 0 {
                (index + extent as i64).max(0) as usize
            } else {
                (index as usize).min(extent)
            }
        };
        let mut starts = vec![0];
        starts.extend(indices.into_iter().map(clip));
        let ends = starts[1..].iter().copied().chain([extent]);
        starts
            .iter()
            .copied()
            .zip(ends)
            .map(|(start, end)| (start, end.max(start)))
            .collect()
    } else {
        let sections = options.int("sections")?.unwrap_or(0);
        let sections = usize::try_from(sections)
            .ok()
            .filter(|sections| *sections > 0);
        let sections =
            sections.ok_or_else(|| value(name, "number sections must be larger than 0."))?;
        if name == "split" && extent % sections != 0 {
            return Err(value(
                name,
                "array split does not result in an equal division",
            ));
        }
        let (each, more) = (extent / sections, extent % sections);
        let mut cuts = room_for(sections)?;
        let mut start = 0;
        for nth in 0..sections {
            let end = start + each + usize::from(nth < more);
            cuts.push((start, end));
            start = end;
        }
        cuts
    };
    cuts.into_iter()
        .map(|(start, end)| copied(&part(&view, axis, start, end)?))
        .collect()
}

/// The elements from `start` to before `end` of an axis, where they lie.
fn part<'a>(
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
fn backwards<'a>(view: &ArrayView<'a>, axes: &[usize]) -> Result<ArrayView<'a>, MathError> {
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
fn laid<'a>(
    view: &ArrayView<'a>,
    shape: &[usize],
    strides: &[isize],
    offset: isize,
) -> Result<ArrayView<'a>, MathError> {
    let layout = Layout::strided(shape, strides, offset as usize)?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}

/// All of it, in an array of its own.
fn copied(view: &ArrayView<'_>) -> Result<Array, MathError> {
    gather(view, &vec![None; view.ndim()])
}

/// Which indexes of each axis are taken; `None`: all.
type Lists = Vec<Option<Vec<usize>>>;

fn along(ndim: usize, axis: usize, list: Vec<usize>) -> Lists {
    let mut lists = vec![None; ndim];
    lists[axis] = Some(list);
    lists
}

/// The elements at these indexes of each axis (`a[numpy.ix_(…)]`).
fn gather(view: &ArrayView<'_>, lists: &Lists) -> Result<Array, MathError> {
    if view.dtype().has_object() {
        return Err(MathError::Array(ndferry_array::Error::NotBytes {
            dtype: view.dtype().str(),
        }));
    }
    let itemsize = view.dtype().itemsize();
    let extents = view.shape().iter().zip(lists);
    let shape: Vec<usize> = extents
        .map(|(extent, list)| list.as_ref().map_or(*extent, Vec::len))
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
    lists: &[Option<Vec<usize>>],
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
        Some(list) => list.iter().for_each(|at| each(*at)),
        None => (0..view.shape()[axis]).for_each(&mut each),
    }
}

/// `numpy.roll` by `shift` along `axis`, over all elements if there is none.
pub(crate) fn roll(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let shifts = options.ints("shift")?.ok_or(MathError::OptionType {
        option: "shift",
        wanted: "an integer or integers",
    })?;
    let shifted = |extent: usize, shift: i128| -> Vec<usize> {
        let start = (-shift).rem_euclid((extent as i128).max(1)) as usize;
        (start..extent).chain(0..start.min(extent)).collect()
    };
    let Some(axes) = options.ints("axis")? else {
        let flat = crate::axes::flat(&view)?;
        let rolled = gather(
            &flat.view(),
            &along(
                1,
                0,
                shifted(flat.size(), shifts.iter().copied().map(i128::from).sum()),
            ),
        )?;
        return Ok(Array::contiguous(
            view.dtype().clone(),
            view.shape(),
            Order::C,
            rolled.bytes().clone(),
        )?);
    };
    if shifts.len() != axes.len() && shifts.len() != 1 && axes.len() != 1 {
        return Err(value(
            "roll",
            "'shift' and 'axis' should be scalars or 1D sequences",
        ));
    }
    let mut total = vec![0i128; view.ndim()];
    let count = if shifts.is_empty() || axes.is_empty() {
        0
    } else {
        shifts.len().max(axes.len())
    };
    for nth in 0..count {
        let at = axis(axes[nth.min(axes.len() - 1)], view.ndim())?;
        total[at] += i128::from(shifts[nth.min(shifts.len() - 1)]);
    }
    let lists = total
        .iter()
        .zip(view.shape())
        .map(|(shift, extent)| (*shift != 0).then(|| shifted(*extent, *shift)));
    if view.size() == 0 {
        return copied(&view);
    }
    gather(&view, &lists.collect())
}

/// `numpy.flip` along `axis`, all if there is none.
pub(crate) fn flip(
    name: &'static str,
    operand: &Operand<'_>,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let axes = match name {
        "fliplr" if view.ndim() < 2 => return Err(value(name, "Input must be >= 2-d.")),
        "flipud" if view.ndim() < 1 => return Err(value(name, "Input must be >= 1-d.")),
        "fliplr" => vec![1],
        "flipud" => vec![0],
        _ => crate::axes::axes(name, options, view.ndim())?,
    };
    copied(&backwards(&view, &axes)?)
}

/// `numpy.rot90`: `k` quarter turns in the plane of `axes`.
pub(crate) fn rot90(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let axes = options.ints("axes")?.unwrap_or_else(|| vec![0, 1]);
    let &[a, b] = &axes[..] else {
        return Err(value("rot90", "len(axes) must be 2."));
    };
    if view.ndim() < 2 {
        return Err(value(
            "rot90",
            "Axes are out of range for an array with fewer than two axes.",
        ));
    }
    let outside = |_| value("rot90", "Axes are out of range for the array.");
    let (a, b) = (
        axis(a, view.ndim()).map_err(outside)?,
        axis(b, view.ndim()).map_err(outside)?,
    );
    if a == b {
        return Err(value("rot90", "Axes must be different."));
    }
    let turns = options.int("k")?.unwrap_or(1).rem_euclid(4);
    let mut order: Vec<usize> = (0..view.ndim()).collect();
    if turns % 2 == 1 {
        order.swap(a, b);
    }
    let turned = view.transposed(&order)?;
    let axes: &[usize] = match turns {
        0 => &[],
        1 => &[a],
        2 => &[a, b],
        _ => &[b],
    };
    copied(&backwards(&turned, axes)?)
}

/// `numpy.tile`: so many of it along each axis.
pub(crate) fn tile(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let mut view = held.view();
    let mut reps = options.ints("reps")?.unwrap_or_default();
    if reps.len() > ndferry_array::MAX_NDIM {
        return Err(ndferry_array::Error::TooManyAxes { ndim: reps.len() }.into());
    }
    while reps.len() < view.ndim() {
        reps.insert(0, 1);
    }
    while view.ndim() < reps.len() {
        view = with_axis(&view, 0)?;
    }
    // Before each axis one more, which goes nowhere; the two are one of the result.
    let (mut wide, mut strides, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    let axes = view.shape().iter().zip(view.layout().strides());
    for ((extent, stride), reps) in axes.zip(&reps) {
        let reps = usize::try_from(*reps)
            .map_err(|_| value("tile", "negative dimensions are not allowed"))?;
        if reps != 1 {
            wide.push(reps);
            strides.push(0);
        }
        wide.push(*extent);
        strides.push(*stride);
        let whole = extent.checked_mul(reps).ok_or(MathError::Memory {
            nbytes: extent.to_owned() as u128 * reps as u128,
        })?;
        shape.push(whole);
    }
    let offset = view.layout().offset() as isize;
    reshaped(copied(&laid(&view, &wide, &strides, offset)?)?, &shape)
}

/// An array in C order in another shape of as many elements.
fn reshaped(array: Array, shape: &[usize]) -> Result<Array, MathError> {
    let (dtype, bytes) = (array.dtype().clone(), array.bytes().clone());
    Ok(Array::contiguous(dtype, shape, Order::C, bytes)?)
}

/// `numpy.repeat`: each element `repeats` times along `axis`, in all elements if there is none.
pub(crate) fn repeat(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "repeat";
    let held = operand.own()?;
    let mut flat = None;
    let (view, at) = axis_or_flat(held.view(), options, true, &mut flat)?;
    let extent = view.shape()[at];
    let repeats = options.ints("repeats")?.unwrap_or_default();
    if extent > 0 && repeats.iter().any(|count| *count < 0) {
        return Err(value(NAME, "repeats may not contain negative values."));
    }
    if repeats.len() != 1 && repeats.len() != extent {
        return Err(MathError::Broadcast {
            shapes: vec![vec![extent], vec![repeats.len()]],
        });
    }
    if let [count] = repeats[..] {
        // Behind the axis one more, which goes nowhere.
        let count = usize::try_from(count).unwrap_or(0);
        let mut wide = view.shape().to_vec();
        let mut shape = wide.clone();
        shape[at] = extent.checked_mul(count).ok_or(MathError::Memory {
            nbytes: extent as u128 * count as u128,
        })?;
        wide.insert(at + 1, count);
        let mut strides = view.layout().strides().to_vec();
        strides.insert(at + 1, 0);
        let offset = view.layout().offset() as isize;
        return reshaped(copied(&laid(&view, &wide, &strides, offset)?)?, &shape);
    }
    let count = |nth: usize| repeats[nth] as usize;
    let total = (0..extent).try_fold(0usize, |total, nth| total.checked_add(count(nth)));
    let mut list = room_for(total.ok_or(MathError::Memory { nbytes: u128::MAX })?)?;
    (0..extent).for_each(|nth| list.extend(std::iter::repeat_n(nth, count(nth))));
    gather(&view, &along(view.ndim(), at, list))
}

/// `numpy.take` along `axis`, of all elements if there is none; `mode` is `raise`, `wrap` or `clip`.
pub(crate) fn take(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "take";
    let (held, indices) = (operands[0].own()?, operands[1].own()?);
    let indices = indices.view();
    let code = Code::of(indices.dtype()).filter(|code| code.is_int() || *code == Code::Bool);
    code.ok_or_else(|| no_loop(NAME, operands))?;
    let mut flat = None;
    let (view, at) = axis_or_flat(held.view(), options, true, &mut flat)?;
    let size = view.shape()[at];
    let mode = options.text("mode")?.unwrap_or("raise");
    if !matches!(mode, "raise" | "wrap" | "clip") {
        return Err(value(
            NAME,
            "clipmode must be one of 'clip', 'raise', or 'wrap'",
        ));
    }
    if mode == "raise"
        && size > 0
        && let Some(found) = taken(&view, &indices)?
    {
        return Ok(found);
    }
    let wanted = Feed::new(&indices)?.to_vec::<i64>()?;
    if size == 0 && !wanted.is_empty() {
        return Err(MathError::Indexing {
            problem: "cannot do a non-empty take from an empty axes.",
        });
    }
    let place = |index: i64| match mode {
        "wrap" => Ok(index.rem_euclid(size as i64) as usize),
        "clip" => Ok(index.clamp(0, size as i64 - 1) as usize),
        _ => axis(index, size).map_err(|_| MathError::Index {
            index,
            axis: at,
            size,
        }),
    };
    let list: Vec<usize> = wanted.into_iter().map(place).collect::<Result<_, _>>()?;
    let taken = gather(&view, &along(view.ndim(), at, list))?;
    let mut shape = view.shape().to_vec();
    shape.splice(at..=at, indices.shape().iter().copied());
    Ok(Array::contiguous(
        view.dtype().clone(),
        &shape,
        Order::C,
        taken.bytes().clone(),
    )?)
}

/// `numpy.delete` of `indices` along `axis`, of all elements if there is none.
pub(crate) fn delete(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let mut flat = None;
    let (view, at) = axis_or_flat(held.view(), options, false, &mut flat)?;
    let size = view.shape()[at];
    let mut kept: Vec<bool> = room_for(size)?;
    kept.resize(size, true);
    for index in options.ints("indices")?.unwrap_or_default() {
        kept[axis(index, size).map_err(|_| MathError::Index {
            index,
            axis: at,
            size,
        })?] = false;
    }
    let mut list = room_for(size)?;
    list.extend((0..size).filter(|nth| kept[*nth]));
    gather(&view, &along(view.ndim(), at, list))
}

/// `numpy.broadcast_to`, copied.
pub(crate) fn broadcast_to(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let shape = options.ints("shape")?.unwrap_or_default();
    let shape: Option<Vec<usize>> = shape
        .iter()
        .map(|extent| usize::try_from(*extent).ok())
        .collect();
    let shape = shape.ok_or_else(|| {
        value(
            "broadcast_to",
            "all elements of broadcast shape must be non-negative",
        )
    })?;
    let view = held.view();
    broadcast_shapes([view.shape(), &shape].into_iter())?;
    let wide = crate::operand::broadcast(&view, &shape)?;
    gather(&wide, &vec![None; shape.len()])
}

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
    let mut lists = Lists::new();
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
        let mut list = room_for(total)?;
        for at in 0..total {
            list.push(
                reflected(at as i64 - *before as i64, *extent as i64, mode)
                    .ok_or_else(|| value(NAME, "mode is not supported"))?,
            );
        }
        lists.push(Some(list));
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
    gather(&taken, &vec![None; taken.ndim()])
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
