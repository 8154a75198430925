//! Order: sort, argsort, unique, searchsorted.

use std::cmp::Ordering;

use ndferry_array::{Array, ArrayView};
use rayon::prelude::*;

use crate::arith::Arith;
use crate::axes::{self, Lanes};
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::map::{MANY, convert};
use crate::number::Number;
use crate::options::Options;
use crate::order::Sorted;
use crate::room::Room;
use crate::{MathError, Operand};

/// NumPy's order: NaNs last; complex numbers with one by the part that is none, those with a real part first.
pub(crate) fn compare<T: Arith>(a: &T, b: &T) -> Ordering {
    if a.lt(*b) {
        return Ordering::Less;
    }
    if b.lt(*a) {
        return Ordering::Greater;
    }
    match (a.is_nan(), b.is_nan()) {
        (true, true) => {
            let (a, b) = (a.to_c128(), b.to_c128());
            let parts = |value: num_complex::Complex<f64>| (value.re.is_nan(), value.im.is_nan());
            let known = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            let kinds = parts(a).cmp(&parts(b));
            kinds.then(known(a.re, b.re)).then(known(a.im, b.im))
        }
        (a, b) => a.cmp(&b),
    }
}

/// The view that an axis function works on, and its axis: flat if `axis` is None and that means so, or of one number.
pub(crate) fn along<'a>(
    view: &ArrayView<'a>,
    options: &Options,
    unsaid: Option<i64>,
    single: bool,
    flat: &'a mut Option<Array>,
) -> Result<(ArrayView<'a>, usize), MathError> {
    // `axis=None` cannot be told from no axis here; faces say `flat`.
    let given = match options.int("axis")? {
        Some(axis) => Some(axis),
        None if options.flag("flat", false)? => None,
        None => unsaid,
    };
    // A number counts as an axis of one.
    let given = given.filter(|axis| !single || view.ndim() > 0 || !matches!(axis, 0 | -1));
    match given {
        Some(axis) => Ok((view.clone(), axes::axis(axis, view.ndim())?)),
        None => Ok((axes::flat_view(view.clone(), flat)?, 0)),
    }
}

pub(crate) fn number(
    function: &'static str,
    operand: &Operand<'_>,
    view: &ArrayView<'_>,
) -> Result<Code, MathError> {
    Code::of(view.dtype()).ok_or_else(|| no_loop(function, std::slice::from_ref(operand)))
}

/// Items of a type that loops run over, as an array of `code`, which f2 and bool are not the type of.
pub(crate) fn array_of<T: Number>(
    items: &[T],
    code: Code,
    shape: &[usize],
) -> Result<Array, MathError> {
    array_in::<T>(Room::of(items)?, code, shape)
}

/// Where items already lie as such.
fn array_in<T: Number>(room: Room, code: Code, shape: &[usize]) -> Result<Array, MathError> {
    let array = room.into_array(&T::CODE.dtype(), shape)?;
    if T::CODE == code {
        return Ok(array);
    }
    let view = array.view();
    convert(&Feed::new(&view)?, code, shape)
}

/// `numpy.sort`; stable, but for zeros of both signs.
pub(crate) fn sort(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let (held, mut flat) = (operand.own()?, None);
    let view = held.view();
    let (view, axis) = along(&view, options, Some(-1), false, &mut flat)?;
    let code = number("sort", operand, &view)?;
    dispatch!(code, T => {
        let lanes = Lanes::<T>::new(&view, axis)?;
        let mut room = Room::for_items(lanes.items.len(), size_of::<T>())?;
        T::sort(&lanes.items, lanes.length, room.items_mut())?;
        lanes.back(&array_in::<T>(room, code, &lanes.shape(lanes.length))?)
    })
}

/// `numpy.argsort`; always stable.
pub(crate) fn argsort(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let (held, mut flat) = (operand.own()?, None);
    let view = held.view();
    let (view, axis) = along(&view, options, Some(-1), true, &mut flat)?;
    let code = number("argsort", operand, &view)?;
    dispatch!(code, T => {
        let lanes = Lanes::<T>::new(&view, axis)?;
        let mut room = Room::for_items(lanes.items.len(), size_of::<i64>())?;
        T::places(&lanes.items, lanes.length, room.items_mut())?;
        lanes.back(&array_in::<i64>(room, Code::I64, &lanes.shape(lanes.length))?)
    })
}

/// `numpy.unique` of all elements: the values, then, where asked for, indices of the first, the inverse, the counts.
pub(crate) fn unique(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let code = number("unique", operand, &view)?;
    let shape = view.shape().to_vec();
    dispatch!(code, T => {
        let items = Feed::new(&view)?.items::<T>()?;
        let flag = |option| options.flag(option, false);
        let (index, inverse, counts) = (flag("return_index")?, flag("return_inverse")?, flag("return_counts")?);
        if !(index || inverse || counts) {
            let mut room = Room::for_items(items.len(), size_of::<T>())?;
            T::sort(&items, items.len(), room.items_mut())?;
            return Ok(vec![distinct::<T>(room, code)?]);
        }
        let mut room = Room::for_items(items.len(), size_of::<i64>())?;
        T::places(&items, items.len(), room.items_mut())?;
        let order: &[i64] = room.items_mut();
        let (mut firsts, mut which, mut sizes) = (Vec::new(), room_for::<i64>(items.len())?, Vec::<i64>::new());
        which.resize(items.len(), 0);
        for &at in order {
            let item = items[at as usize];
            let known = firsts.last().is_some_and(|first: &i64| compare(&items[*first as usize], &item).is_eq());
            if !known {
                firsts.push(at);
                sizes.push(0);
            }
            which[at as usize] = firsts.len() as i64 - 1;
            if let Some(size) = sizes.last_mut() {
                *size += 1;
            }
        }
        let values: Vec<T> = firsts.iter().map(|at| items[*at as usize]).collect();
        let count = [values.len()];
        let mut out = vec![array_of(&values, code, &count)?];
        if index {
            out.push(array_of(&firsts, Code::I64, &count)?);
        }
        if inverse {
            out.push(array_of(&which, Code::I64, &shape)?);
        }
        if counts {
            out.push(array_of(&sizes, Code::I64, &count)?);
        }
        Ok(out)
    })
}

/// The first of each run of equal items.
fn distinct<T: Sorted>(mut room: Room, code: Code) -> Result<Array, MathError> {
    let items: &mut [T] = room.items_mut();
    let is_new = |at: usize| at == 0 || compare(&items[at - 1], &items[at]).is_ne();
    let share = items.len().div_ceil(rayon::current_num_threads()).max(MANY);
    let shares: Vec<_> = (0..items.len())
        .step_by(share)
        .map(|start| start..items.len().min(start + share))
        .collect();
    let counts: Vec<usize> = shares
        .par_iter()
        .map(|share| share.clone().filter(|at| is_new(*at)).count())
        .collect();
    let count = counts.iter().sum();
    if count == items.len() {
        return array_in::<T>(room, code, &[count]);
    }
    let mut found = Room::for_items(count, size_of::<T>())?;
    let mut rest: &mut [T] = found.items_mut();
    let mut places = Vec::with_capacity(shares.len());
    for (share, count) in shares.into_iter().zip(counts) {
        let (this, others) = std::mem::take(&mut rest).split_at_mut(count);
        rest = others;
        places.push((share, this));
    }
    places.into_par_iter().for_each(|(share, out)| {
        let new = share.filter(|at| is_new(*at)).map(|at| items[at]);
        out.iter_mut().zip(new).for_each(|(out, item)| *out = item);
    });
    array_in::<T>(found, code, &[count])
}

/// `numpy.searchsorted`: where values would go into a sorted axis; `side` is `left` or `right`.
pub(crate) fn searchsorted(
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<Array, MathError> {
    // Numbers of Python are arrays here: one that the dtype cannot hold has its place as well.
    let held = [operands[0].own()?, operands[1].own()?];
    let both = held.each_ref().map(|held| Operand::Array(held.view()));
    let code = crate::code::result_code("searchsorted", &both)?;
    let (sorted, values) = (both[0].held(code)?, both[1].held(code)?);
    let (sorted, values) = (sorted.view(), values.view());
    if sorted.ndim() != 1 {
        return Err(MathError::Value {
            function: "searchsorted",
            problem: "object too deep for desired array",
        });
    }
    let right = match options.text("side")? {
        None | Some("left" | "l") => false,
        Some("right" | "r") => true,
        Some(_) => {
            return Err(MathError::Value {
                function: "searchsorted",
                problem: "side must be 'left' or 'right'",
            });
        }
    };
    dispatch!(code, T => {
        let sorted = Feed::new(&sorted)?.items::<T>()?;
        let found = Feed::new(&values)?.items::<T>()?;
        let at = |value: &T| sorted.partition_point(|item| {
            let order = compare(item, value);
            order.is_lt() || (right && order.is_eq())
        }) as i64;
        let found: Vec<i64> = if found.len() >= MANY {
            found.par_iter().map(at).collect()
        } else {
            found.iter().map(at).collect()
        };
        array_of(&found, Code::I64, values.shape())
    })
}
