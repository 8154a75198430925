//! `a[…]` with arrays of integers and bools among the indices, to get and to set.

use ndferry_array::{Array, ArrayView, ArrayViewMut, Index, Indexing, Order};

use crate::astype::to_dtype;
use crate::code::Code;
use crate::feed::{Feed, room_for};
use crate::operand::{Held, broadcast, broadcast_shapes};
use crate::options::{Options, Pick};
use crate::pick::picked;
use crate::room::Room;
use crate::{MathError, Operand};

/// The part of an array that indices pick: `index` of `options`, its arrays among the operands after the first.
pub(crate) fn getitem(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    let held = operands[0].own()?;
    let view = held.view();
    let picks = options.picks("index")?;
    if !view.dtype().has_object()
        && let Some(found) = picked(&view, picks, operands)?
    {
        return Ok(found);
    }
    let plan = Plan::new(&view, picks, operands)?;
    let itemsize = view.dtype().itemsize();
    if view.dtype().has_object() {
        return Err(not_bytes(&view));
    }
    let mut room = Room::for_shape(&plan.shape(), itemsize)?;
    let mut out = room.bytes_mut();
    plan.each_run(itemsize, &mut |from, nbytes| {
        let (run, rest) = std::mem::take(&mut out).split_at_mut(nbytes);
        run.copy_from_slice(&view.bytes()[from..][..nbytes]);
        out = rest;
    });
    room.into_array(view.dtype(), &plan.shape())
}

/// A copy of the first operand in which what `index` picks is the second one; see [`assign`].
pub(crate) fn setitem(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    let held = operands[0].own()?;
    let view = held.view();
    let mut bytes = view.to_bytes(Order::C)?;
    let layout =
        ndferry_array::Layout::contiguous(view.shape(), view.dtype().itemsize(), Order::C)?;
    let mut target = ArrayViewMut::new(view.dtype().clone(), layout.clone(), &mut bytes)?;
    set(&mut target, options.picks("index")?, operands, &operands[1])?;
    Ok(Array::new(view.dtype().clone(), layout, bytes)?)
}

/// `target[index] = value`: the value is broadcast and cast, whatever gets lost, as NumPy does. Where an element is picked
/// more than once the last value stays. [`Pick::Array`] is a number of `arrays`.
///
/// ```
/// use ndferry_array::{Array, ArrayViewMut, Dtype, Layout, Order};
/// use ndferry_math::{Operand, Pick, assign};
///
/// let mut bytes = [1u8, 2, 3, 4];
/// let layout = Layout::contiguous(&[4], 1, Order::C)?;
/// let mut target = ArrayViewMut::new(Dtype::U8, layout, &mut bytes)?;
/// let mask = Array::from_elements(&[4], &[true, false, true, false])?;
/// assign(&mut target, &[Pick::Array(0)], &[Operand::from(&mask)], &Operand::Int(9))?;
/// assert_eq!(bytes, [9, 2, 9, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Kind `Index` of indices that the target does not have; kind `Value` of shapes that do not fit; kind `Type` of dtypes
/// that cannot be cast; kind `Overflow` of Python ints and floats that have no room in an integer dtype. Then nothing was
/// changed.
pub fn assign(
    target: &mut ArrayViewMut<'_>,
    index: &[Pick],
    arrays: &[Operand<'_>],
    value: &Operand<'_>,
) -> Result<(), MathError> {
    set(target, index, arrays, value)
}

fn set(
    target: &mut ArrayViewMut<'_>,
    index: &[Pick],
    arrays: &[Operand<'_>],
    value: &Operand<'_>,
) -> Result<(), MathError> {
    value.check()?;
    arrays.iter().try_for_each(Operand::check)?;
    let view = target.view();
    let (dtype, itemsize) = (view.dtype().clone(), view.dtype().itemsize());
    if dtype.has_object() {
        return Err(not_bytes(&view));
    }
    let plan = Plan::new(&view, index, arrays)?;
    let value = match (Code::of(&dtype), value) {
        (_, Operand::Array(_)) => value.own()?,
        // A float may become an integer if that has room for it, a complex number may not become real.
        (Some(code), Operand::Int(_) | Operand::Bool(_)) => value.held(code)?,
        (Some(code), Operand::Float(value)) if code.is_int() => whole(*value)?.held(code)?,
        (Some(code), Operand::Complex(..)) if !code.is_complex() => {
            return Err(MathError::Type {
                function: "setitem",
                problem: "a complex number cannot become a real one",
            });
        }
        _ => value.own()?,
    };
    let value = value.view();
    let value = if *value.dtype() == dtype {
        Held::Borrowed(value)
    } else {
        Held::Owned(to_dtype(&value, &dtype)?)
    };
    let value = value.view();
    if plan.single && value.ndim() > 0 {
        let (function, problem) = ("setitem", "setting an array element with a sequence.");
        return Err(match Code::of(&dtype) {
            Some(code) if code.is_complex() => MathError::Type { function, problem },
            _ => MathError::Value { function, problem },
        });
    }
    // Leading axes of extent 1 are dropped, as in NumPy.
    let shape = plan.shape();
    let extra = value.ndim().saturating_sub(shape.len());
    if value.shape()[..extra].iter().any(|extent| *extent != 1) {
        return Err(MathError::Broadcast {
            shapes: vec![value.shape().to_vec(), shape],
        });
    }
    let tail: Vec<isize> = value.shape()[extra..]
        .iter()
        .map(|extent| *extent as isize)
        .collect();
    let squeezed;
    let value = if extra > 0 {
        squeezed = value.to_array(Order::C)?.reshaped(&tail)?;
        squeezed.view()
    } else {
        value
    };
    let value = broadcast(&value, &shape)?;
    Operand::Array(value.clone()).check()?;
    let value = value.to_array(Order::C)?;
    let value = value.view();
    let mut items = value.run(Order::C).unwrap_or_default();
    let bytes = target.bytes_mut();
    plan.each_run(itemsize, &mut |to, nbytes| {
        let (run, rest) = items.split_at(nbytes);
        bytes[to..][..nbytes].copy_from_slice(run);
        items = rest;
    });
    Ok(())
}

/// A float of Python as the int that it becomes there, which need not have room.
fn whole(value: f64) -> Result<Operand<'static>, MathError> {
    if value.is_nan() {
        return Err(MathError::Value {
            function: "setitem",
            problem: "cannot convert float NaN to integer",
        });
    }
    // What is beyond the largest ints becomes those.
    Ok(Operand::Int(value as i128))
}

fn not_bytes(view: &ArrayView<'_>) -> MathError {
    MathError::Array(ndferry_array::Error::NotBytes {
        dtype: view.dtype().str(),
    })
}

/// Which bytes indices pick, in the order of the result.
struct Plan {
    /// Axes before those of the arrays, of the arrays, and after them.
    before: Vec<(usize, isize)>,
    arrays: Option<Picked>,
    after: Vec<(usize, isize)>,
    start: isize,
    /// Nothing but integers, one for each axis: an element, not an array.
    single: bool,
}

/// The elements that arrays of integers pick together: how far each is from the start.
struct Picked {
    shape: Vec<usize>,
    offsets: Vec<isize>,
}

/// An index array along an axis of the source; of a single bool along none.
struct Along {
    axis: Option<usize>,
    indices: Array,
}

impl Plan {
    fn new(
        view: &ArrayView<'_>,
        picks: &[Pick],
        operands: &[Operand<'_>],
    ) -> Result<Self, MathError> {
        let mut arrays: Vec<Option<Held<'_>>> = Vec::with_capacity(picks.len());
        for pick in picks {
            arrays.push(match pick {
                Pick::Basic(_) => None,
                Pick::Array(number) => {
                    let operand = operands.get(*number);
                    let problem = "an index refers to an operand that there is not";
                    Some(operand.ok_or(MathError::Indexing { problem })?.own()?)
                }
            });
        }
        let advanced = arrays.iter().any(Option::is_some);
        let mut used = 0;
        for (pick, array) in picks.iter().zip(&arrays) {
            used += match (pick, array) {
                (Pick::Basic(Index::At(_) | Index::Slice { .. }), _) => 1,
                (_, Some(array)) => consumed(&array.view()),
                _ => 0,
            };
        }
        if used > view.ndim() {
            let (ndim, given) = (view.ndim(), used);
            return Err(ndferry_array::Error::TooManyIndices { ndim, given }.into());
        }
        if picks
            .iter()
            .filter(|pick| matches!(pick, Pick::Basic(Index::Ellipsis)))
            .count()
            > 1
        {
            return Err(ndferry_array::Error::TwoEllipses.into());
        }
        let mut walk = Walk {
            view,
            axis: 0,
            axes: Vec::new(),
            along: Vec::new(),
            start: view.layout().offset() as isize,
            places: Vec::new(),
            parted: false,
            apart: false,
        };
        let mut ellipsis = false;
        for (pick, array) in picks.iter().zip(&arrays) {
            match (pick, array) {
                (_, Some(array)) => walk.array(&array.view())?,
                (Pick::Basic(Index::Ellipsis), _) => {
                    ellipsis = true;
                    walk.parted = !walk.places.is_empty();
                    walk.whole(view.ndim() - used);
                }
                (Pick::Basic(Index::NewAxis), _) => walk.axes.push((1, 0)),
                (Pick::Basic(Index::At(at)), _) if advanced => walk.at(*at)?,
                (Pick::Basic(index), _) => walk.basic(*index)?,
                (Pick::Array(_), None) => {}
            }
        }
        if !ellipsis {
            walk.whole(view.ndim() - used);
        }
        let is_integer = |(pick, array): (&Pick, &Option<Held<'_>>)| match (pick, array) {
            (Pick::Basic(Index::At(_)), _) => true,
            (_, Some(array)) => consumed(&array.view()) == 1 && array.view().ndim() == 0,
            _ => false,
        };
        let single = !picks.is_empty()
            && picks.len() == view.ndim()
            && picks.iter().zip(&arrays).all(is_integer);
        Ok(Plan {
            single,
            ..walk.plan()?
        })
    }

    fn shape(&self) -> Vec<usize> {
        let extents =
            |axes: &[(usize, isize)]| axes.iter().map(|(extent, _)| *extent).collect::<Vec<_>>();
        let mut shape = extents(&self.before);
        shape.extend(self.arrays.iter().flat_map(|picked| &picked.shape));
        shape.extend(extents(&self.after));
        shape
    }

    /// Hands runs of picked bytes to `sink`: from where, how many.
    fn each_run(&self, itemsize: usize, sink: &mut dyn FnMut(usize, usize)) {
        // Axes at the end that lie without gaps are one run.
        let (mut run, mut axes) = (itemsize, &self.after[..]);
        while let Some(((extent, stride), outer)) = axes.split_last() {
            if *stride != run as isize && *extent != 1 {
                break;
            }
            run *= extent;
            axes = outer;
        }
        if run == 0 || self.shape().contains(&0) {
            return;
        }
        let before = distances(&self.before);
        let single = [0];
        let arrays = self
            .arrays
            .as_ref()
            .map_or(&single[..], |picked| &picked.offsets);
        let after = distances(axes);
        for outer in &before {
            for picked in arrays {
                for inner in &after {
                    sink((self.start + outer + picked + inner) as usize, run);
                }
            }
        }
    }
}

/// How far each element of these axes is from the first, in C order.
fn distances(axes: &[(usize, isize)]) -> Vec<isize> {
    let mut out = vec![0];
    for (extent, stride) in axes {
        out = out
            .iter()
            .flat_map(|base| (0..*extent as isize).map(move |at| base + at * stride))
            .collect();
    }
    out
}

/// How many axes an index array stands for.
fn consumed(array: &ArrayView<'_>) -> usize {
    if Code::of(array.dtype()) == Some(Code::Bool) {
        array.ndim()
    } else {
        1
    }
}

/// From the first index to the last.
struct Walk<'a> {
    view: &'a ArrayView<'a>,
    axis: usize,
    axes: Vec<(usize, isize)>,
    along: Vec<Along>,
    start: isize,
    /// Where in `axes` each of the arrays stands.
    places: Vec<usize>,
    /// Whether `...` came after an array; and an array after that, though it may stand for no axis.
    parted: bool,
    apart: bool,
}

impl Walk<'_> {
    fn whole(&mut self, count: usize) {
        let strides = self.view.layout().strides();
        for _ in 0..count {
            self.axes
                .push((self.view.shape()[self.axis], strides[self.axis]));
            self.axis += 1;
        }
    }

    fn basic(&mut self, index: Index) -> Result<(), MathError> {
        let (extent, stride) = (
            self.view.shape()[self.axis],
            self.view.layout().strides()[self.axis],
        );
        let selection = Indexing::new([index])
            .resolve(&[extent])
            .map_err(|error| match error {
                // The axis is the one that it is of the whole array.
                ndferry_array::Error::OutOfBounds { index, size, .. } => MathError::Index {
                    index: index as i64,
                    axis: self.axis,
                    size,
                },
                other => other.into(),
            })?;
        let range = selection.ranges()[0];
        self.start = self
            .start
            .wrapping_add((range.start as isize).wrapping_mul(stride));
        if !selection.out_axes().is_empty() {
            // Without elements nothing is there to be stepped over.
            self.axes
                .push((range.count, range.step.wrapping_mul(stride)));
        }
        self.axis += 1;
        Ok(())
    }

    fn at(&mut self, index: isize) -> Result<(), MathError> {
        self.integers(&Array::from_elements(&[], &[index as i64])?.view())
    }

    fn array(&mut self, array: &ArrayView<'_>) -> Result<(), MathError> {
        match Code::of(array.dtype()) {
            Some(Code::Bool) => self.mask(array),
            Some(code) if code.is_int() => self.integers(array),
            _ => Err(MathError::Indexing {
                problem: "arrays used as indices must be of integer (or boolean) type",
            }),
        }
    }

    fn integers(&mut self, array: &ArrayView<'_>) -> Result<(), MathError> {
        let size = self.view.shape()[self.axis];
        let mut indices = Feed::new(array)?.to_vec::<i64>()?;
        for index in &mut indices {
            let counted = if *index < 0 {
                *index + size as i64
            } else {
                *index
            };
            if counted < 0 || counted >= size as i64 {
                return Err(MathError::Index {
                    index: *index,
                    axis: self.axis,
                    size,
                });
            }
            *index = counted;
        }
        self.push(
            Some(self.axis),
            Array::from_elements(array.shape(), &indices)?,
        );
        self.axis += 1;
        Ok(())
    }

    fn mask(&mut self, mask: &ArrayView<'_>) -> Result<(), MathError> {
        for (nth, given) in mask.shape().iter().enumerate() {
            let axis = self.axis + nth;
            let size = self.view.shape()[axis];
            if *given != size {
                return Err(MathError::Mask {
                    axis,
                    size,
                    given: *given,
                });
            }
        }
        let columns = nonzero_indices(mask)?;
        if mask.ndim() == 0 {
            let count = Feed::new(mask)?.to_vec::<u8>()?[0] as usize;
            self.push(None, Array::from_elements(&[count], &vec![0i64; count])?);
            return Ok(());
        }
        for column in columns {
            self.push(
                Some(self.axis),
                Array::from_elements(&[column.len()], &column)?,
            );
            self.axis += 1;
        }
        Ok(())
    }

    fn push(&mut self, axis: Option<usize>, indices: Array) {
        self.along.push(Along { axis, indices });
        self.apart |= self.parted;
        self.places.push(self.axes.len());
    }

    fn plan(self) -> Result<Plan, MathError> {
        let Self {
            view,
            axes,
            along,
            start,
            places,
            apart,
            ..
        } = self;
        let Some(first) = places.first() else {
            return Ok(Plan {
                before: axes,
                arrays: None,
                after: Vec::new(),
                start,
                single: false,
            });
        };
        let shape =
            broadcast_shapes(along.iter().map(|along| along.indices.shape())).map_err(|_| {
                MathError::Indexing {
                    problem: "shape mismatch: indexing arrays could not be broadcast together",
                }
            })?;
        let count = ndferry_array::Layout::contiguous(&shape, 8, Order::C)?.size();
        let mut offsets: Vec<isize> = room_for(count)?;
        offsets.resize(count, 0);
        for Along { axis, indices } in &along {
            let Some(axis) = axis else { continue };
            let stride = view.layout().strides()[*axis];
            let wide = broadcast(&indices.view(), &shape)?;
            let indices = Feed::new(&wide)?.to_vec::<i64>()?;
            for (offset, index) in offsets.iter_mut().zip(indices) {
                *offset += index as isize * stride;
            }
        }
        let arrays = Some(Picked { shape, offsets });
        // Arrays that stand side by side stay where they are; others go to the front.
        let side_by_side = !apart && places.iter().all(|place| place == first);
        let cut = if side_by_side { *first } else { 0 };
        let (before, after) = axes.split_at(cut);
        Ok(Plan {
            before: before.to_vec(),
            arrays,
            after: after.to_vec(),
            start,
            single: false,
        })
    }
}

/// `numpy.nonzero`: an index along each axis of every element that is not 0.
fn nonzero_indices(view: &ArrayView<'_>) -> Result<Vec<Vec<i64>>, MathError> {
    let problem = "only numbers are 0 or not";
    let code = Code::of(view.dtype()).ok_or(MathError::Type {
        function: "nonzero",
        problem,
    })?;
    let truth = crate::unary::truth(&Feed::new(view)?, code, view.shape())?;
    let truth = truth.view();
    let truth = truth.run(Order::C).unwrap_or_default();
    let mut columns: Vec<Vec<i64>> = vec![Vec::new(); view.ndim()];
    for (at, _) in truth.iter().enumerate().filter(|(_, item)| **item != 0) {
        let mut rest = at;
        for (column, extent) in columns.iter_mut().zip(view.shape()).rev() {
            column.push((rest % extent) as i64);
            rest /= extent;
        }
    }
    Ok(columns)
}

/// `numpy.nonzero`, an array for each axis.
pub(crate) fn nonzero(operand: &Operand<'_>) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    if view.ndim() == 0 {
        let problem = "Calling nonzero on 0d arrays is not allowed";
        return Err(MathError::Value {
            function: "nonzero",
            problem,
        });
    }
    let columns = nonzero_indices(&view)?;
    columns
        .iter()
        .map(|column| Ok(Array::from_elements(&[column.len()], column)?))
        .collect()
}
