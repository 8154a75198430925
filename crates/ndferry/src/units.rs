//! [`Units`]: which bytes of a gapless array a selection touches, in ascending order.

use ndferry_array::{Index, Indexing, Order, OutAxis, Selection};

use crate::Result;

/// A selection of an array that is stored without gaps, as runs of bytes.
///
/// The runs (*units*) all have the same length, ascend in the file, and fill a dense array of the selected elements
/// from its first byte to its last. Axes with a negative step are read forwards; [`Units::place`] turns them afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    /// Bytes of one unit.
    pub(crate) nbytes: u64,
    /// How many units there are.
    pub(crate) count: u64,
    /// First byte of the first unit, from the array's first byte.
    start: u64,
    /// Outermost first: how many, and bytes from one to the next.
    axes: Vec<(u64, u64)>,
    order: Order,
}

impl Units {
    /// Of an array of this shape, order and itemsize, whose byte count is known to fit `u64`.
    pub(crate) fn new(
        shape: &[usize],
        order: Order,
        itemsize: usize,
        selection: &Selection,
    ) -> Self {
        let ranges = selection.ranges();
        let stored: Vec<usize> = match order {
            Order::C => (0..shape.len()).collect(),
            Order::F => (0..shape.len()).rev().collect(),
        };
        let mut units = Self {
            nbytes: itemsize as u64,
            count: 1,
            start: 0,
            axes: Vec::new(),
            order,
        };
        if ranges.iter().any(|range| range.count == 0) || itemsize == 0 {
            units.count = 0;
            return units;
        }
        let mut stride = itemsize as u64;
        for axis in stored.into_iter().rev() {
            let range = ranges[axis];
            let step = if range.count == 1 {
                1
            } else {
                range.step.unsigned_abs() as u64
            };
            let first = if range.step < 0 {
                range.start as u64 - step * (range.count as u64 - 1)
            } else {
                range.start as u64
            };
            units.start += first * stride;
            let count = range.count as u64;
            // A unit grows as long as what was picked so far follows itself without a gap.
            if units.axes.is_empty() && step == 1 && units.nbytes == stride {
                units.nbytes *= count;
            } else if count > 1 {
                units.axes.insert(0, (count, step * stride));
                units.count *= count;
            }
            stride *= shape[axis] as u64;
        }
        units
    }

    /// The order in which the array is stored.
    #[cfg(feature = "npb")]
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// Where each unit begins, ascending, in bytes from the array's first.
    pub(crate) fn offsets(&self) -> Offsets<'_> {
        Offsets {
            units: self,
            index: vec![0; self.axes.len()],
            next: (self.count > 0).then_some(self.start),
        }
    }

    /// Where the only unit begins, if there is only one.
    pub(crate) fn single(&self) -> Option<u64> {
        (self.count == 1).then_some(self.start)
    }

    /// First byte after the last unit.
    pub(crate) fn end(&self) -> u64 {
        if self.count == 0 {
            return 0;
        }
        let reach: u64 = self
            .axes
            .iter()
            .map(|(count, step)| (count - 1) * step)
            .sum();
        self.start + reach + self.nbytes
    }

    /// What turns the dense array of shape [`Selection::source_shape`] into what was asked for: axes of a negative step
    /// reversed, integer-indexed ones dropped, new ones added.
    pub(crate) fn place(selection: &Selection) -> Result<Selection> {
        let ranges = selection.ranges();
        let mut items = Vec::with_capacity(ranges.len());
        let mut axis = 0;
        let drop_until = |axis: &mut usize, until: usize, items: &mut Vec<Index>| {
            while *axis < until {
                items.push(Index::At(0));
                *axis += 1;
            }
        };
        for out in selection.out_axes() {
            match out {
                OutAxis::New => items.push(Index::NewAxis),
                OutAxis::Source(source) => {
                    drop_until(&mut axis, *source, &mut items);
                    let step = (ranges[*source].step < 0).then_some(-1);
                    items.push(Index::Slice {
                        start: None,
                        stop: None,
                        step,
                    });
                    axis += 1;
                }
            }
        }
        drop_until(&mut axis, ranges.len(), &mut items);
        Ok(Indexing::new(items).resolve(&selection.source_shape())?)
    }
}

/// See [`Units::offsets`].
#[derive(Debug)]
pub(crate) struct Offsets<'a> {
    units: &'a Units,
    index: Vec<u64>,
    next: Option<u64>,
}

impl Iterator for Offsets<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let here = self.next?;
        let mut there = here;
        self.next = None;
        for (i, (count, step)) in self.units.axes.iter().enumerate().rev() {
            self.index[i] += 1;
            if self.index[i] < *count {
                self.next = Some(there + step);
                break;
            }
            self.index[i] = 0;
            there -= (count - 1) * step;
        }
        Some(here)
    }
}

/// Boxes of an array that follow each other in an order and hold at most so many bytes each (or one element).
///
/// Each is whole in its inner axes, one index in its outer axes and a range in one between, so that its elements are
/// consecutive when the array is counted in that order.
#[derive(Clone, Debug)]
pub(crate) struct Boxes {
    shape: Vec<usize>,
    /// Axes, slowest first.
    axes: Vec<usize>,
    /// Which of `axes` is cut.
    cut: usize,
    /// Extent of a box along it.
    step: usize,
    /// Index of the next box along `axes[..=cut]`; `None` when done.
    next: Option<Vec<usize>>,
}

impl Boxes {
    pub(crate) fn new(shape: &[usize], order: Order, itemsize: usize, max_nbytes: usize) -> Self {
        let axes: Vec<usize> = match order {
            Order::C => (0..shape.len()).collect(),
            Order::F => (0..shape.len()).rev().collect(),
        };
        let mut inner = itemsize.max(1);
        let mut cut = axes.len();
        let mut step = 1;
        for (i, axis) in axes.iter().enumerate().rev() {
            cut = i;
            step = (max_nbytes / inner).clamp(1, shape[*axis].max(1));
            if step < shape[*axis] {
                break;
            }
            inner = inner.saturating_mul(shape[*axis].max(1));
        }
        let empty = shape.contains(&0) || itemsize == 0;
        let next = (!empty).then(|| vec![0; (cut + 1).min(axes.len())]);
        Self {
            shape: shape.to_vec(),
            axes,
            cut,
            step,
            next,
        }
    }
}

impl Iterator for Boxes {
    /// For each axis of the array: first index and how many.
    type Item = Vec<(usize, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut index = self.next.take()?;
        let mut here: Vec<(usize, usize)> = self.shape.iter().map(|extent| (0, *extent)).collect();
        for (i, start) in index.iter().enumerate() {
            let axis = self.axes[i];
            let count = if i == self.cut {
                self.step.min(self.shape[axis] - start)
            } else {
                1
            };
            here[axis] = (*start, count);
        }
        for i in (0..index.len()).rev() {
            index[i] += if i == self.cut { self.step } else { 1 };
            if index[i] < self.shape[self.axes[i]] {
                self.next = Some(index);
                break;
            }
            index[i] = 0;
        }
        Some(here)
    }
}

/// A box as a selection.
pub(crate) fn box_selection(shape: &[usize], region: &[(usize, usize)]) -> Result<Selection> {
    let items: Vec<Index> = region
        .iter()
        .map(|(start, count)| Index::Slice {
            start: Some(*start as isize),
            stop: Some((start + count) as isize),
            step: None,
        })
        .collect();
    Ok(Indexing::new(items).resolve(shape)?)
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Dtype};
    use proptest::prelude::*;

    use super::*;

    fn numbers(shape: &[usize], order: Order) -> Array {
        let size: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..size as u16).flat_map(u16::to_le_bytes).collect();
        Array::contiguous(Dtype::parse("<u2").unwrap(), shape, order, bytes).unwrap()
    }

    fn through_units(array: &Array, order: Order, selection: &Selection) -> Array {
        let units = Units::new(array.shape(), order, 2, selection);
        let mut dense = Vec::new();
        let mut last = None;
        for offset in units.offsets() {
            assert!(last.is_none_or(|last| offset >= last), "units ascend");
            last = Some(offset + units.nbytes);
            let range = offset as usize..(offset + units.nbytes) as usize;
            dense.extend_from_slice(&array.bytes()[range]);
        }
        assert_eq!(last.unwrap_or(0), units.end());
        let shape = selection.source_shape();
        let dense = Array::contiguous(array.dtype().clone(), &shape, order, dense).unwrap();
        dense.select(&Units::place(selection).unwrap()).unwrap()
    }

    #[test]
    fn whole_planes_are_one_unit() {
        let all = Units::new(&[4, 5, 6], Order::C, 2, &Selection::all(&[4, 5, 6]));
        assert_eq!((all.nbytes, all.count), (240, 1));
        let plane = "2"
            .parse::<Indexing>()
            .unwrap()
            .resolve(&[4, 5, 6])
            .unwrap();
        let plane = Units::new(&[4, 5, 6], Order::C, 2, &plane);
        assert_eq!((plane.nbytes, plane.count, plane.start), (60, 1, 120));
    }

    fn item(extent: usize) -> impl Strategy<Value = Index> {
        let n = extent as isize;
        let edge = proptest::option::of(-n - 2..n + 2);
        let slice = (edge.clone(), edge, prop_oneof![-3isize..0, 1isize..4]).prop_map(
            |(start, stop, step)| Index::Slice {
                start,
                stop,
                step: Some(step),
            },
        );
        if extent == 0 {
            slice.boxed()
        } else {
            prop_oneof![4 => slice, 1 => (0..n).prop_map(Index::At)].boxed()
        }
    }

    proptest! {
        #[test]
        fn units_fetch_what_a_view_selects(
            (shape, items) in proptest::collection::vec(0usize..5, 0..4).prop_flat_map(|shape| {
                let items: Vec<_> = shape.iter().map(|extent| item(*extent)).collect();
                (Just(shape), items)
            }),
            new_axis in 0usize..4,
        ) {
            let mut items: Vec<Index> = items;
            if new_axis <= items.len() {
                items.insert(new_axis, Index::NewAxis);
            }
            let selection = Indexing::new(items).resolve(&shape).unwrap();
            for order in [Order::C, Order::F] {
                let array = numbers(&shape, order);
                let direct = array.select(&selection).unwrap();
                let fetched = through_units(&array, order, &selection);
                prop_assert_eq!(direct.shape(), fetched.shape());
                prop_assert_eq!(direct.to_elements::<u16>().unwrap(), fetched.to_elements::<u16>().unwrap());
            }
        }

        #[test]
        fn boxes_cover_everything_in_order(
            shape in proptest::collection::vec(0usize..6, 0..4),
            max_nbytes in 0usize..80,
        ) {
            for order in [Order::C, Order::F] {
                let array = numbers(&shape, order);
                let mut seen = Vec::new();
                for region in Boxes::new(&shape, order, 2, max_nbytes) {
                    let part = array.select(&box_selection(&shape, &region).unwrap()).unwrap();
                    prop_assert!(part.nbytes() <= max_nbytes.max(2));
                    seen.extend_from_slice(&part.view().to_bytes(order).unwrap());
                }
                prop_assert_eq!(&seen[..], &array.bytes()[..]);
            }
        }
    }
}
