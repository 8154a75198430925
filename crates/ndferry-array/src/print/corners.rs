//! [`Corners`]: which elements of a large array are printed.

use crate::{
    Array, ArrayView, ArrayViewMut, AxisRange, Error, Layout, Order, PrintOptions, Selection,
};

/// The elements of an array that are printed: all, or those near its corners if there are more than
/// [`PrintOptions::threshold`].
///
/// Who holds an array somewhere else than in memory fetches these [`parts`](Self::parts), puts them together in an
/// array of [`shape`](Self::shape) and prints that:
///
/// ```
/// use ndferry_array::{Array, ArrayViewMut, Corners, Layout, Order, PrintOptions};
///
/// let options = PrintOptions::default();
/// let far_away = Array::from_elements(&[2000], &(0..2000).collect::<Vec<i64>>())?;
///
/// let corners = Corners::of(&[2000], &options)?;
/// assert_eq!(corners.shape(), [6]);
/// let mut bytes = vec![0; 6 * 8];
/// let layout = Layout::contiguous(corners.shape(), 8, Order::C)?;
/// let mut fetched = ArrayViewMut::new(far_away.dtype().clone(), layout, &mut bytes)?;
/// for (there, here) in corners.parts() {
///     fetched.select(&here)?.assign(&far_away.select(&there)?.view())?;
/// }
/// assert_eq!(corners.str(&fetched.view(), &options)?, "[   0    1    2 ... 1997 1998 1999]");
/// # Ok::<(), ndferry_array::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corners {
    full: Vec<usize>,
    kept: Vec<usize>,
    /// Items kept at the start of each axis that is cut.
    edge: usize,
    /// Whether `...` stands for anything.
    is_cut: bool,
}

impl Corners {
    /// The most elements that the corners of an array may have: those of ten long axes are not for anyone's eyes.
    pub const LIMIT: usize = 1 << 24;

    /// Of an array of this shape.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`], [`Error::TooBig`] for shapes that no array has; [`Error::TooManyToPrint`].
    pub fn of(shape: &[usize], options: &PrintOptions) -> Result<Self, Error> {
        // Refuses shapes whose product overflows.
        let size = Layout::contiguous(shape, 1, Order::C)?.size();
        let edge = options.edge;
        let is_cut = size > options.threshold;
        let keep = |extent: &usize| {
            if is_cut && is_long(*extent, edge) {
                // NumPy prints the last item even if no edge items are wanted.
                edge + edge.max(1)
            } else {
                *extent
            }
        };
        let kept: Vec<usize> = shape.iter().map(keep).collect();
        let count = if size == 0 { 0 } else { kept.iter().product() };
        if is_cut && count > Self::LIMIT {
            return Err(Error::TooManyToPrint {
                count,
                limit: Self::LIMIT,
            });
        }
        Ok(Self {
            full: shape.to_vec(),
            kept,
            edge,
            is_cut,
        })
    }

    /// The shape of the whole array.
    pub fn full_shape(&self) -> &[usize] {
        &self.full
    }

    /// The shape of an array of the elements that are printed.
    pub fn shape(&self) -> &[usize] {
        &self.kept
    }

    /// Whether something is left out.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Items of this axis before the `...`, if it has one.
    pub(crate) fn leading(&self, axis: usize) -> Option<usize> {
        (self.is_cut && is_long(self.full[axis], self.edge)).then_some(self.edge)
    }

    /// The boxes that are printed: where each lies in the whole array, and where in one of [`Self::shape`].
    ///
    /// One box if nothing is left out; at most two to the number of axes. None for an array without elements.
    pub fn parts(&self) -> impl Iterator<Item = (Selection, Selection)> + '_ {
        // Each axis is one piece or two: (start in the whole, start here, count).
        let pieces: Vec<Vec<(usize, usize, usize)>> = (0..self.full.len())
            .map(|axis| {
                let (full, kept) = (self.full[axis], self.kept[axis]);
                match self.leading(axis) {
                    Some(leading) => [
                        (0, 0, leading),
                        (full - (kept - leading), leading, kept - leading),
                    ]
                    .into_iter()
                    .filter(|(_, _, count)| *count > 0)
                    .collect(),
                    None => vec![(0, 0, full)],
                }
            })
            .collect();
        let is_empty = self.full.contains(&0);
        let mut next: Option<Vec<usize>> = (!is_empty).then(|| vec![0; pieces.len()]);
        std::iter::from_fn(move || {
            let at = next.take()?;
            let chosen = || at.iter().zip(&pieces).map(|(i, axis)| axis[*i]);
            let there = ranges(chosen().map(|(start, _, count)| (start, count)));
            let here = ranges(chosen().map(|(_, start, count)| (start, count)));
            // The next combination, last axis fastest.
            let mut following = at.clone();
            for axis in (0..following.len()).rev() {
                if following[axis] + 1 < pieces[axis].len() {
                    following[axis] += 1;
                    next = Some(following);
                    break;
                }
                following[axis] = 0;
            }
            Some((there, here))
        })
    }

    /// An array of the elements that are printed, taken from the whole one.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for an array of another shape.
    pub fn gather(&self, view: &ArrayView<'_>) -> Result<Array, Error> {
        let dtype = view.dtype();
        let layout = Layout::contiguous(&self.kept, dtype.itemsize(), Order::C)?;
        let mut bytes = vec![0; layout.size() * dtype.itemsize()];
        let mut out = ArrayViewMut::new(dtype.clone(), layout.clone(), &mut bytes)?;
        for (there, here) in self.parts() {
            out.select(&here)?.assign(&view.select(&there)?)?;
        }
        Array::new(dtype.clone(), layout, bytes)
    }
}

/// Whether an axis has more than its edge items.
fn is_long(extent: usize, edge: usize) -> bool {
    extent.saturating_sub(edge) > edge
}

fn ranges(axes: impl Iterator<Item = (usize, usize)>) -> Selection {
    Selection::of_ranges(axes.map(|(start, count)| AxisRange {
        start,
        step: 1,
        count,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_array_is_one_part() {
        let corners = Corners::of(&[10, 100], &PrintOptions::default()).unwrap();
        let all = Selection::all(&[10, 100]);
        assert_eq!(corners.parts().collect::<Vec<_>>(), [(all.clone(), all)]);
    }

    #[test]
    fn only_long_axes_are_cut() {
        let corners = Corners::of(&[6, 7, 100], &PrintOptions::default()).unwrap();
        assert_eq!(corners.shape(), [6, 6, 6]);
        let starts: Vec<Vec<usize>> = corners
            .parts()
            .map(|(there, _)| there.ranges().iter().map(|range| range.start).collect())
            .collect();
        assert_eq!(starts, [[0, 0, 0], [0, 0, 97], [0, 4, 0], [0, 4, 97]]);
    }

    #[test]
    fn no_elements_no_parts() {
        let corners = Corners::of(&[0, 5000], &PrintOptions::default()).unwrap();
        assert_eq!(corners.parts().count(), 0);
    }
}
