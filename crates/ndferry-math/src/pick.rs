//! Elements that one array of bools or integers picks out of elements that lie one after the other: the frequent case of
//! [`crate::indexing`], on all threads.

use bytemuck::Pod;
use ndferry_array::{Array, ArrayView, Order};
use rayon::prelude::*;

use crate::code::Code;
use crate::options::Pick;
use crate::room::Room;
use crate::{MathError, Operand};

/// Elements that are picked from, or picked, at once.
const PIECE: usize = 4096;

/// `a[mask]` with a mask for all axes, `a[indices]` of one axis; `None` of everything else.
pub(crate) fn picked(
    view: &ArrayView<'_>,
    picks: &[Pick],
    operands: &[Operand<'_>],
) -> Result<Option<Array>, MathError> {
    let [Pick::Array(number)] = picks else {
        return Ok(None);
    };
    let Some(Operand::Array(by)) = operands.get(*number) else {
        return Ok(None);
    };
    match Code::of(by.dtype()) {
        Some(Code::Bool) if by.shape() == view.shape() && by.ndim() > 0 => masked(view, by),
        Some(Code::I64) => taken(view, by),
        _ => Ok(None),
    }
}

/// The body with `$T` for items of this size.
macro_rules! of_size {
    ($itemsize:expr, $T:ident => $body:expr) => {
        match $itemsize {
            1 => {
                type $T = u8;
                $body
            }
            2 => {
                type $T = u16;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            8 => {
                type $T = u64;
                $body
            }
            16 => {
                type $T = [u64; 2];
                $body
            }
            _ => return Ok(None),
        }
    };
}

/// The elements of a view as they lie, if they do so in C order.
fn lying<'a, T: Pod>(view: &ArrayView<'a>) -> Option<&'a [T]> {
    bytemuck::try_cast_slice(view.run(Order::C)?).ok()
}

fn masked(view: &ArrayView<'_>, mask: &ArrayView<'_>) -> Result<Option<Array>, MathError> {
    let Some(mask) = mask.run(Order::C) else {
        return Ok(None);
    };
    of_size!(view.dtype().itemsize(), T => {
        let Some(items) = lying::<T>(view) else {
            return Ok(None);
        };
        let room = kept(items, mask)?;
        let count = room.as_ref().len() / size_of::<T>();
        room.into_array(view.dtype(), &[count]).map(Some)
    })
}

/// The items whose byte in `mask` is not 0.
fn kept<T: Pod + Send + Sync>(items: &[T], mask: &[u8]) -> Result<Room, MathError> {
    let count = |mask: &[u8]| {
        mask.iter()
            .map(|byte| usize::from(*byte != 0))
            .sum::<usize>()
    };
    let counts: Vec<usize> = mask.par_chunks(PIECE).map(count).collect();
    let mut room = Room::for_items(counts.iter().sum(), size_of::<T>())?;
    let mut rest = room.items_mut::<T>();
    let mut outs = Vec::with_capacity(counts.len());
    for count in counts {
        let (out, others) = rest.split_at_mut(count);
        outs.push(out);
        rest = others;
    }
    let pieces = outs
        .into_par_iter()
        .zip(items.par_chunks(PIECE))
        .zip(mask.par_chunks(PIECE));
    pieces.for_each_init(
        || vec![T::zeroed(); PIECE],
        |scratch, ((out, items), mask)| {
            // Each is written, and overwritten by the next one unless it counts: chance makes branches slow.
            let mut at = 0;
            for (item, byte) in items.iter().zip(mask) {
                scratch[at] = *item;
                at += usize::from(*byte != 0);
            }
            out.copy_from_slice(&scratch[..out.len()]);
        },
    );
    Ok(room)
}

/// `a[indices]` of an array with one axis; `None` if it, or the indices, do not lie in order.
///
/// # Errors
/// [`MathError::Index`] of the first index that there is not.
pub(crate) fn taken(
    view: &ArrayView<'_>,
    indices: &ArrayView<'_>,
) -> Result<Option<Array>, MathError> {
    if view.ndim() != 1 || !indices.dtype().is_native() || view.dtype().has_object() {
        return Ok(None);
    }
    // The bytes of shorter ones would be read as other indices.
    if Code::of(indices.dtype()) != Some(Code::I64) {
        return Ok(None);
    }
    let Some(wanted) = lying::<i64>(indices) else {
        return Ok(None);
    };
    of_size!(view.dtype().itemsize(), T => {
        let Some(items) = lying::<T>(view) else {
            return Ok(None);
        };
        let size = items.len();
        let mut room = Room::for_items(wanted.len(), size_of::<T>())?;
        let pieces = room.items_mut::<T>().par_chunks_mut(PIECE).zip(wanted.par_chunks(PIECE));
        let wrong = pieces.find_map_first(|(out, wanted)| {
            for (out, index) in out.iter_mut().zip(wanted) {
                let counted = if *index < 0 { index.wrapping_add(size as i64) } else { *index };
                match usize::try_from(counted).ok().and_then(|at| items.get(at)) {
                    Some(item) => *out = *item,
                    None => return Some(*index),
                }
            }
            None
        });
        match wrong {
            Some(index) => Err(MathError::Index { index, axis: 0, size }),
            None => room.into_array(view.dtype(), indices.shape()).map(Some),
        }
    })
}
