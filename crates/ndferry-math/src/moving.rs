//! Arrays taken apart, turned and repeated: split, roll, flip, tile, take and their like. Every dtype that is bytes can be
//! moved.

use ndferry_array::{Array, Order};

use crate::axes::{axis, axis_or_flat};
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::gather::{Places, along, backwards, copied, gather, laid, part, reshaped};
use crate::joining::{value, with_axis};
use crate::operand::broadcast_shapes;
use crate::options::Options;
use crate::pick::taken;
use crate::{MathError, Operand};

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

/// `numpy.roll` by `shift` along `axis`, over all elements if there is none.
pub(crate) fn roll(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let shifts = options.ints("shift")?.ok_or(MathError::OptionType {
        option: "shift",
        wanted: "an integer or integers",
    })?;
    let shifted = |extent: usize, shift: i128| {
        let start = (-shift).rem_euclid((extent as i128).max(1)) as usize;
        Places::new(extent, move || (start..extent).chain(0..start.min(extent)))
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
    let total = total.ok_or(MathError::Memory { nbytes: u128::MAX })?;
    let places = || (0..extent).flat_map(|nth| std::iter::repeat_n(nth, count(nth)));
    gather(&view, &along(view.ndim(), at, Places::new(total, places)))
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
    let places = Places::new(list.len(), || list.iter().copied());
    let taken = gather(&view, &along(view.ndim(), at, places))?;
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
    let left = kept.iter().filter(|kept| **kept).count();
    let places = Places::new(left, || (0..size).filter(|nth| kept[*nth]));
    gather(&view, &along(view.ndim(), at, places))
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
    copied(&wide)
}
