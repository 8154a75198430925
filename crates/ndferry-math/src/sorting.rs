//! Order: sort, argsort, unique, searchsorted.

use std::cmp::Ordering;

use ndferry_array::{Array, ArrayView};

use crate::arith::Arith;
use crate::axes::{self, Lanes};
use crate::code::{Code, no_loop};
use crate::feed::room_for;
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
    let array = Room::of(items)?.into_array(&T::CODE.dtype(), shape)?;
    if T::CODE == code {
        return Ok(array);
    }
    let view = array.view();
    convert(&crate::feed::Feed::new(&view)?, code, shape)
}

/// `numpy.sort`; stable, but for zeros of both signs in long lanes.
pub(crate) fn sort(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let (held, mut flat) = (operand.own()?, None);
    let view = held.view();
    let (view, axis) = along(&view, options, Some(-1), false, &mut flat)?;
    let code = number("sort", operand, &view)?;
    dispatch!(code, T => {
        let mut lanes = Lanes::<T>::new(&view, axis)?;
        let mut done = Ok(());
        lanes.each_mut(|lane| done = std::mem::replace(&mut done, Ok(())).and_then(|()| T::sort(lane)));
        done?;
        lanes.back(&array_of(&lanes.items, code, &lanes.shape(lanes.length))?)
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
        let mut orders: Vec<i64> = room_for(lanes.items.len())?;
        for lane in lanes.iter().take(lanes.items.len()) {
            orders.extend(T::places(lane)?);
        }
        lanes.back(&array_of(&orders, Code::I64, &lanes.shape(lanes.length))?)
    })
}

/// `numpy.unique` of all elements: the values, then, where asked for, indices of the first, the inverse, the counts.
pub(crate) fn unique(operand: &Operand<'_>, options: &Options) -> Result<Vec<Array>, MathError> {
    let held = operand.own()?;
    let view = held.view();
    let code = number("unique", operand, &view)?;
    let shape = view.shape().to_vec();
    dispatch!(code, T => {
        let items = crate::feed::Feed::new(&view)?.to_vec::<T>()?;
        let wanted = ["return_index", "return_inverse", "return_counts"].map(|option| options.flag(option, false));
        let [index, inverse, counts] = [wanted[0].clone()?, wanted[1].clone()?, wanted[2].clone()?];
        if !(index || inverse || counts) {
            let mut items = items;
            T::sort(&mut items)?;
            items.dedup_by(|item, before| compare(before, item).is_eq());
            return Ok(vec![array_of(&items, code, &[items.len()])?]);
        }
        let order = T::places(&items)?;
        let (mut firsts, mut which, mut sizes) = (Vec::new(), room_for::<i64>(items.len())?, Vec::<i64>::new());
        which.resize(items.len(), 0);
        for at in order {
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
        let sorted = crate::feed::Feed::new(&sorted)?.to_vec::<T>()?;
        let found = crate::feed::Feed::new(&values)?.to_vec::<T>()?;
        let at = |value: &T| sorted.partition_point(|item| {
            let order = compare(item, value);
            order.is_lt() || (right && order.is_eq())
        }) as i64;
        let found: Vec<i64> = if found.len() >= MANY {
            use rayon::prelude::*;
            found.par_iter().map(at).collect()
        } else {
            found.iter().map(at).collect()
        };
        array_of(&found, Code::I64, values.shape())
    })
}
