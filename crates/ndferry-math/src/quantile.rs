//! Quantiles, and how often values occur.

use ndferry_array::Array;

use crate::arith::Arith;
use crate::axes::{Lanes, axes};
use crate::code::{Code, no_loop};
use crate::feed::Feed;
use crate::options::Options;
use crate::sorting::array_of;
use crate::{MathError, Operand};

/// `numpy.quantile` of `q` in 0 to `most`, by linear interpolation; `skip`: without NaNs.
pub(crate) fn quantile(
    name: &'static str,
    operands: &[Operand<'_>],
    most: f64,
    skip: bool,
    options: &Options,
) -> Result<Array, MathError> {
    let held = operands[0].own()?;
    let q = match operands.get(1) {
        Some(q) => q.own()?,
        None => Operand::Float(0.5).own()?,
    };
    let (view, q) = (held.view(), q.view());
    let refused = || no_loop(name, operands);
    let own = Code::of(view.dtype())
        .filter(|code| !code.is_complex())
        .ok_or_else(refused)?;
    let mut code = if own.is_float() { own } else { Code::F64 };
    if let Some(Operand::Array(q)) = operands.get(1) {
        code = code.promote(
            Code::of(q.dtype())
                .filter(|code| code.is_float())
                .unwrap_or(code),
        );
    }
    let ranks: Vec<f64> = Feed::new(&q)?
        .to_vec::<f64>()?
        .into_iter()
        .map(|q| q / most)
        .collect();
    if ranks.iter().any(|rank| !(0.0..=1.0).contains(rank)) {
        return Err(MathError::Value {
            function: name,
            problem: "quantiles must be in the range from 0 to the whole",
        });
    }
    // The reduced axes become one, the last.
    let reduced = axes(name, options, view.ndim())?;
    let kept: Vec<usize> = (0..view.ndim())
        .filter(|axis| !reduced.contains(axis))
        .collect();
    let last = view
        .transposed(&[&kept[..], &reduced].concat())?
        .to_array(ndferry_array::Order::C)?;
    let length: usize = reduced.iter().map(|axis| view.shape()[*axis]).product();
    let mut shape: Vec<isize> = kept
        .iter()
        .map(|axis| view.shape()[*axis] as isize)
        .collect();
    shape.push(length as isize);
    let last = last.reshaped(&shape)?;
    let last = last.view();
    let mut lanes = Lanes::<f64>::new(&last, kept.len())?;
    let outer: usize = lanes.outer.iter().product();
    let mut found = vec![f64::NAN; ranks.len() * outer];
    let mut nth = 0;
    lanes.each_mut(|lane| {
        lane.sort_by(|a, b| a.total_cmp(b).then(std::cmp::Ordering::Equal));
        let nans = lane.iter().filter(|item| item.is_nan()).count();
        let mut numbers: Vec<f64> = Vec::new();
        let lane: &[f64] = if nans == 0 {
            lane
        } else {
            // NaNs of either sign lie at both ends.
            numbers.extend(lane.iter().filter(|item| !item.is_nan()));
            &numbers
        };
        for (at, rank) in ranks.iter().enumerate() {
            found[at * outer + nth] = match nans {
                0 => between(lane, *rank),
                _ if skip && !lane.is_empty() => between(lane, *rank),
                _ => f64::NAN,
            };
        }
        nth += 1;
    });
    let mut shape = q.shape().to_vec();
    let keepdims = options.flag("keepdims", false)?;
    shape.extend(
        (0..view.ndim()).filter_map(|axis| match (reduced.contains(&axis), keepdims) {
            (false, _) => Some(view.shape()[axis]),
            (true, true) => Some(1),
            (true, false) => None,
        }),
    );
    if code == Code::F32 || code == Code::F16 {
        let singles: Vec<f32> = found.iter().map(|value| *value as f32).collect();
        return array_of(&singles, code, &shape);
    }
    array_of(&found, code, &shape)
}

/// Between the two elements of a sorted lane that the rank lies between.
fn between(lane: &[f64], rank: f64) -> f64 {
    let at = rank * (lane.len() - 1) as f64;
    let (low, part) = (at.floor(), at - at.floor());
    let (a, b) = (lane[low as usize], lane[at.ceil() as usize]);
    let gap = b - a;
    if a == b {
        a
    } else if part >= 0.5 {
        b - gap * (1.0 - part)
    } else {
        a + gap * part
    }
}

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
    let mut counts = vec![0i64; last];
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
    let mut out = crate::feed::room_for(count)?;
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
    if !(code.is_int() || code == Code::Bool) || code == Code::U64 {
        return Err(no_loop(NAME, operands));
    }
    if view.ndim() != 1 {
        return Err(value("object too deep for desired array"));
    }
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
    let mut room = crate::room::Room::for_items(most, 8)?;
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
