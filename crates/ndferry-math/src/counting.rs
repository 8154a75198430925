//! How often values occur.

use ndferry_array::Array;

use crate::arith::Arith;
use crate::code::{Code, no_loop};
use crate::feed::{Feed, room_for};
use crate::options::Options;
use crate::room::Room;
use crate::sorting::array_of;
use crate::{MathError, Operand};

/// `numpy.histogram` into equal bins of `range`: counts (`f8` of densities) and edges.
pub(crate) fn histogram(
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<Vec<Array>, MathError> {
    const NAME: &str = "histogram";
    let value = |problem| MathError::Value {
        function: NAME,
        problem,
    };
    let held = operands[0].own()?;
    let view = held.view();
    let code = Code::of(view.dtype()).filter(|code| !code.is_complex());
    code.ok_or_else(|| no_loop(NAME, operands))?;
    let items = Feed::new(&view)?.to_vec::<f64>()?;
    let edges = match operands.get(1) {
        Some(Operand::Int(bins)) => {
            equal_edges(&items, i64::try_from(*bins).unwrap_or(-1), options)?
        }
        Some(edges) => {
            let edges = edges.own()?;
            let edges = Feed::new(&edges.view())?.to_vec::<f64>()?;
            if edges.windows(2).any(|pair| pair[0] > pair[1]) {
                return Err(value("`bins` must increase monotonically"));
            }
            edges
        }
        None => equal_edges(&items, 10, options)?,
    };
    if edges.len() < 2 {
        return Err(value("`bins` must be positive"));
    }
    let last = edges.len() - 1;
    let mut counts: Vec<i64> = room_for(last)?;
    counts.resize(last, 0);
    for item in items
        .iter()
        .filter(|item| (edges[0]..=edges[last]).contains(item))
    {
        let bin = edges.partition_point(|edge| edge <= item).min(last);
        // An item at the first edge has one edge at or below it.
        counts[bin.max(1) - 1] += 1;
    }
    let edges_array = array_of(&edges, Code::F64, &[edges.len()])?;
    if options.flag("density", false)? {
        let total = counts.iter().sum::<i64>() as f64;
        let widths = edges.windows(2).map(|pair| pair[1] - pair[0]);
        let densities: Vec<f64> = counts
            .iter()
            .zip(widths)
            .map(|(count, width)| *count as f64 / width / total)
            .collect();
        return Ok(vec![array_of(&densities, Code::F64, &[last])?, edges_array]);
    }
    Ok(vec![array_of(&counts, Code::I64, &[last])?, edges_array])
}

fn equal_edges(items: &[f64], bins: i64, options: &Options) -> Result<Vec<f64>, MathError> {
    let value = |problem| MathError::Value {
        function: "histogram",
        problem,
    };
    let bins = usize::try_from(bins)
        .ok()
        .filter(|bins| *bins > 0)
        .ok_or_else(|| value("`bins` must be positive"))?;
    let (mut low, mut high) = match (options.float("low")?, options.float("high")?) {
        (Some(low), Some(high)) => (low, high),
        _ if items.is_empty() => (0.0, 1.0),
        _ => items
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), item| {
                (Arith::min(low, *item), Arith::max(high, *item))
            }),
    };
    if !(low.is_finite() && high.is_finite()) {
        return Err(value("range is not finite"));
    }
    if low > high {
        return Err(value("max must be larger than min in range parameter."));
    }
    if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    linspace(low, high, bins + 1)
}

/// `count` numbers at equal distances, both ends among them.
pub(crate) fn linspace(start: f64, stop: f64, count: usize) -> Result<Vec<f64>, MathError> {
    let mut out = room_for(count)?;
    let gaps = count.saturating_sub(1) as f64;
    let step = (stop - start) / gaps;
    for at in 0..count {
        out.push(match at {
            _ if step == 0.0 => at as f64 / gaps * (stop - start) + start,
            at => at as f64 * step + start,
        });
    }
    if let Some(last) = out.last_mut().filter(|_| count > 1) {
        *last = stop;
    }
    Ok(out)
}

/// `numpy.bincount`: how often each whole number occurs, or the sum of its weights.
pub(crate) fn bincount(operands: &[Operand<'_>], options: &Options) -> Result<Array, MathError> {
    const NAME: &str = "bincount";
    let value = |problem| MathError::Value {
        function: NAME,
        problem,
    };
    let held = operands[0].own()?;
    let view = held.view();
    let code = Code::of(view.dtype()).ok_or_else(|| no_loop(NAME, operands))?;
    if view.ndim() != 1 {
        return Err(value("object too deep for desired array"));
    }
    if !(code.is_int() || code == Code::Bool) {
        return Err(no_loop(NAME, operands));
    }
    // What is too large for an i8 counts as negative, and is refused as such.
    let items = Feed::new(&view)?.to_vec::<i64>()?;
    if items.iter().any(|item| *item < 0) {
        return Err(value("'list' argument must have no negative elements"));
    }
    let least = options.int("minlength")?.unwrap_or(0);
    let least = usize::try_from(least).map_err(|_| value("'minlength' must not be negative"))?;
    let most = items
        .iter()
        .max()
        .map_or(0, |most| *most as usize + 1)
        .max(least);
    let mut room = Room::for_items(most, 8)?;
    if let Some(weights) = operands.get(1) {
        let weights = weights.own()?;
        let weights = Feed::new(&weights.view())?.to_vec::<f64>()?;
        if weights.len() != items.len() {
            return Err(value("The weights and list don't have the same length."));
        }
        let sums = room.items_mut::<f64>();
        items
            .iter()
            .zip(weights)
            .for_each(|(item, weight)| sums[*item as usize] += weight);
        return room.into_array(&Code::F64.dtype(), &[most]);
    }
    let counts = room.items_mut::<i64>();
    items.iter().for_each(|item| counts[*item as usize] += 1);
    room.into_array(&Code::I64.dtype(), &[most])
}
