//! Which tiles an array is cut into when nobody says.

/// Raw bytes of a tile in a file: small enough that a slice reads little else, large enough to pack well.
const TILE_NBYTES: u64 = 512 << 10;

/// A plane of at least this size is a tile of its own, so that planes of a stack are read alone.
const PLANE_NBYTES: u64 = 64 << 10;

/// Tiles for a file: blocks of the last two axes, one plane deep unless planes are small. In stored axes.
pub(crate) fn for_file(shape: &[u64], itemsize: u64) -> Vec<u64> {
    let mut tile = vec![1; shape.len()];
    let budget = (TILE_NBYTES / itemsize.max(1)).max(1);
    let extent = |axis: usize| shape[axis].max(1);
    let Some(last) = shape.len().checked_sub(1) else {
        return tile;
    };
    if last == 0 {
        tile[0] = budget.min(extent(0));
        return tile;
    }
    let (height, width) = (extent(last - 1), extent(last));
    let plane = height.saturating_mul(width);
    if plane > budget {
        let side = budget.isqrt().max(1);
        // A long narrow plane is cut along its length only.
        tile[last] = width.min(side.max(budget / height.min(side)));
        tile[last - 1] = height.min((budget / tile[last]).max(1));
        return tile;
    }
    (tile[last - 1], tile[last]) = (height, width);
    let mut room = match plane.saturating_mul(itemsize) {
        PLANE_NBYTES.. => 1,
        _ => budget / plane.max(1),
    };
    for axis in (0..last - 1).rev() {
        tile[axis] = room.min(extent(axis)).max(1);
        if tile[axis] < extent(axis) {
            break;
        }
        room /= tile[axis];
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_cut_plane_by_plane() {
        assert_eq!(for_file(&[128, 2048, 2048], 2), [1, 512, 512]);
        assert_eq!(for_file(&[6, 160, 200], 2), [6, 160, 200]);
        assert_eq!(for_file(&[100, 300, 300], 2), [1, 300, 300]);
        assert_eq!(for_file(&[1 << 30], 8), [65536]);
        assert_eq!(for_file(&[1 << 30, 3], 4), [43690, 3]);
        assert_eq!(for_file(&[], 8), Vec::<u64>::new());
        assert_eq!(for_file(&[0, 5], 8), [1, 5]);
    }
}
