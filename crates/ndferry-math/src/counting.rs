//! How often whole numbers occur.

use ndferry_array::Array;

use crate::code::{Code, no_loop};
use crate::feed::Feed;
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

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
