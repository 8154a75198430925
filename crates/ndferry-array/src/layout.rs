//! [`Layout`]: where each element of an array lies.

use smallvec::SmallVec;

use crate::{Error, Selection};

/// The most axes an array may have (NumPy 2; NumPy 1 stops at 32).
pub const MAX_NDIM: usize = 64;

/// Which index varies fastest in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The last index (row-major).
    C,
    /// The first index (column-major, Fortran).
    F,
}

/// Shape, strides in bytes, and where element (0, 0, …) starts.
///
/// A layout says nothing about how many bytes there are: [`Self::check`] does that once, when layout and bytes meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    shape: SmallVec<[usize; 4]>,
    strides: SmallVec<[isize; 4]>,
    offset: usize,
}

impl Layout {
    /// Elements of `itemsize` bytes without gaps, from byte 0.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`]; [`Error::TooBig`] if the product of the extents (those that are not 0, as in NumPy) and
    /// the itemsize overflows `isize`.
    pub fn contiguous(shape: &[usize], itemsize: usize, order: Order) -> Result<Self, Error> {
        if shape.len() > MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: shape.len() });
        }
        let too_big = || Error::TooBig {
            shape: shape.to_vec(),
            itemsize,
        };
        let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(0, shape.len());
        let mut step = itemsize;
        let mut fill = |axis: usize| -> Result<(), Error> {
            strides[axis] = isize::try_from(step).map_err(|_| too_big())?;
            if shape[axis] > 0 {
                step = step.checked_mul(shape[axis]).ok_or_else(too_big)?;
            }
            Ok(())
        };
        match order {
            Order::C => (0..shape.len()).rev().try_for_each(&mut fill)?,
            Order::F => (0..shape.len()).try_for_each(&mut fill)?,
        }
        isize::try_from(step).map_err(|_| too_big())?;
        // With itemsize 0 the product above stays 0; the number of elements must fit all the same.
        shape
            .iter()
            .try_fold(1usize, |n, extent| n.checked_mul((*extent).max(1)))
            .ok_or_else(too_big)?;
        Ok(Self {
            shape: shape.into(),
            strides,
            offset: 0,
        })
    }

    /// Any strides, element (0, 0, …) at byte `offset`.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`]; [`Error::ShapeMismatch`] if there is not one stride per axis.
    pub fn strided(shape: &[usize], strides: &[isize], offset: usize) -> Result<Self, Error> {
        if shape.len() > MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: shape.len() });
        }
        if shape.len() != strides.len() {
            return Err(Error::ShapeMismatch {
                left: vec![shape.len()],
                right: vec![strides.len()],
            });
        }
        Ok(Self {
            shape: shape.into(),
            strides: strides.into(),
            offset,
        })
    }

    /// The extent of each axis (`numpy.ndarray.shape`).
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes to step over to reach the next element along each axis (`numpy.ndarray.strides`).
    ///
    /// One entry per axis, outermost first. In bytes, not elements. Negative along a reversed axis, zero along a
    /// broadcast one.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// Where element (0, 0, …) starts, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements; 1 for a 0-d array.
    pub fn size(&self) -> usize {
        // A zero extent first, since the other extents' product may be large.
        if self.shape.contains(&0) {
            0
        } else {
            self.shape.iter().product()
        }
    }

    /// Whether the elements lie without gaps in this order. An axis of extent 1 may have any stride, and an array
    /// without elements is contiguous in both orders, as in NumPy.
    pub fn is_contiguous(&self, itemsize: usize, order: Order) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut expected = itemsize as isize;
        let mut fits = |axis: usize| {
            let (extent, stride) = (self.shape[axis], self.strides[axis]);
            let ok = extent == 1 || stride == expected;
            expected = expected.wrapping_mul(extent as isize);
            ok
        };
        match order {
            Order::C => (0..self.shape.len()).rev().all(&mut fits),
            Order::F => (0..self.shape.len()).all(&mut fits),
        }
    }

    /// C if C-contiguous, otherwise F if F-contiguous, otherwise `None`.
    pub fn order(&self, itemsize: usize) -> Option<Order> {
        [Order::C, Order::F]
            .into_iter()
            .find(|order| self.is_contiguous(itemsize, *order))
    }

    /// Checks that every element lies within `nbytes` bytes.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`], [`Error::TooBig`].
    pub fn check(&self, itemsize: usize, nbytes: usize) -> Result<(), Error> {
        let size = self
            .shape
            .iter()
            .try_fold(1usize, |n, extent| n.checked_mul((*extent).max(1)));
        if size.is_none() {
            return Err(Error::TooBig {
                shape: self.shape.to_vec(),
                itemsize,
            });
        }
        if self.shape.contains(&0) || itemsize == 0 {
            return Ok(());
        }
        let (mut low, mut high) = (self.offset as i128, self.offset as i128 + itemsize as i128);
        for (extent, stride) in self.shape.iter().zip(&self.strides) {
            // |extent * stride| < 2^127, and there are at most 64 axes whose product of extents fits usize.
            let reach = (*extent as i128 - 1) * *stride as i128;
            if reach < 0 {
                low += reach
            } else {
                high += reach
            }
        }
        if low < 0 || high > nbytes as i128 {
            return Err(Error::OutOfBytes {
                shape: self.shape.to_vec(),
                strides: self.strides.to_vec(),
                itemsize,
                offset: self.offset,
                nbytes,
            });
        }
        Ok(())
    }

    /// The axes in another order; axis `i` of the result is axis `axes[i]` of this one (`numpy.transpose`).
    ///
    /// # Errors
    /// [`Error::Axes`] if `axes` is not a permutation.
    pub fn transposed(&self, axes: &[usize]) -> Result<Self, Error> {
        let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, self.ndim());
        let permutes = axes.len() == self.ndim()
            && axes
                .iter()
                .all(|axis| *axis < self.ndim() && !std::mem::replace(&mut seen[*axis], true));
        if !permutes {
            return Err(Error::Axes {
                axes: axes.to_vec(),
                ndim: self.ndim(),
            });
        }
        Ok(Self {
            shape: axes.iter().map(|axis| self.shape[*axis]).collect(),
            strides: axes.iter().map(|axis| self.strides[*axis]).collect(),
            offset: self.offset,
        })
    }

    /// The axes reversed (`numpy.ndarray.T`).
    pub fn reversed(&self) -> Self {
        Self {
            shape: self.shape.iter().rev().copied().collect(),
            strides: self.strides.iter().rev().copied().collect(),
            offset: self.offset,
        }
    }

    /// The elements that a selection picks; made by [`crate::Indexing::resolve`] for this shape.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`] if the selection adds too many.
    ///
    /// # Panics
    /// If the selection was resolved for another number of axes.
    pub fn select(&self, selection: &Selection) -> Result<Self, Error> {
        assert_eq!(
            selection.ranges().len(),
            self.ndim(),
            "a selection for another array"
        );
        let mut offset = self.offset as isize;
        for (range, stride) in selection.ranges().iter().zip(&self.strides) {
            // An empty range starts at 0, so that the offset stays inside.
            offset += range.start as isize * stride;
        }
        let shape = selection.shape();
        if shape.len() > MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: shape.len() });
        }
        let strides = selection.out_axes().iter().map(|axis| match axis.source() {
            Some(axis) => self.strides[axis].wrapping_mul(selection.ranges()[axis].step),
            None => 0,
        });
        Ok(Self {
            strides: strides.collect(),
            shape: shape.into(),
            offset: offset as usize,
        })
    }

    /// The same elements in the same order under another shape, without moving any; `None` where that needs a copy.
    ///
    /// `order` is the order in which elements are counted. The sizes must be equal.
    pub fn reshaped(&self, itemsize: usize, shape: &[usize], order: Order) -> Option<Self> {
        let contiguous = Self::contiguous(shape, itemsize, order).ok()?;
        if contiguous.size() != self.size() {
            return None;
        }
        if self.is_contiguous(itemsize, order) {
            return Some(Self {
                offset: self.offset,
                ..contiguous
            });
        }
        match order {
            Order::C => self.regroup(shape),
            Order::F => {
                let reversed: SmallVec<[usize; 4]> = shape.iter().rev().copied().collect();
                self.reversed()
                    .regroup(&reversed)
                    .map(|layout| layout.reversed())
            }
        }
    }

    /// Reshape in C order by matching groups of axes with equal products (no zero extents here: those are contiguous).
    fn regroup(&self, shape: &[usize]) -> Option<Self> {
        let old: SmallVec<[(usize, isize); 4]> = self
            .shape
            .iter()
            .copied()
            .zip(self.strides.iter().copied())
            .filter(|(extent, _)| *extent != 1)
            .collect();
        let mut strides: SmallVec<[isize; 4]> = SmallVec::from_elem(0, shape.len());
        let (mut i, mut j) = (0, 0);
        while i < old.len() && j < shape.len() {
            let (i0, j0) = (i, j);
            let (mut have, mut want) = (old[i].0, shape[j]);
            (i, j) = (i + 1, j + 1);
            while have != want {
                if have < want {
                    have *= old.get(i)?.0;
                    i += 1;
                } else {
                    want *= *shape.get(j)?;
                    j += 1;
                }
            }
            // The old axes of this group must step through memory evenly.
            if (i0..i - 1).any(|k| old[k].1 != old[k + 1].1.wrapping_mul(old[k + 1].0 as isize)) {
                return None;
            }
            let mut step = old[i - 1].1;
            for k in (j0..j).rev() {
                strides[k] = step;
                step = step.wrapping_mul(shape[k] as isize);
            }
        }
        (i == old.len() && shape[j..].iter().all(|extent| *extent == 1)).then(|| Self {
            shape: shape.into(),
            strides,
            offset: self.offset,
        })
    }

    /// The same elements seen `bytes` further on: a field of each item.
    pub(crate) fn moved(&self, bytes: usize) -> Self {
        Self {
            offset: self.offset + bytes,
            ..self.clone()
        }
    }

    /// With the subarray axes of a field appended.
    pub(crate) fn extended(&self, shape: &[usize], itemsize: usize) -> Result<Self, Error> {
        let inner = Self::contiguous(shape, itemsize, Order::C)?;
        let mut out = self.clone();
        out.shape.extend_from_slice(&inner.shape);
        out.strides.extend_from_slice(&inner.strides);
        if out.ndim() > MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: out.ndim() });
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_bytes_in_either_order() {
        assert_eq!(
            Layout::contiguous(&[2, 3, 4], 8, Order::C)
                .unwrap()
                .strides(),
            [96, 32, 8]
        );
        assert_eq!(
            Layout::contiguous(&[2, 3, 4], 8, Order::F)
                .unwrap()
                .strides(),
            [8, 16, 48]
        );
    }

    #[test]
    fn overflowing_shapes_are_refused_even_with_a_zero() {
        assert!(Layout::contiguous(&[usize::MAX, 2], 1, Order::C).is_err());
        assert!(Layout::contiguous(&[0, usize::MAX, 2], 1, Order::C).is_err());
        assert!(Layout::contiguous(&[usize::MAX, 2], 0, Order::C).is_err());
        assert!(Layout::contiguous(&[1; 65], 1, Order::C).is_err());
    }

    #[test]
    fn bytes_outside_are_found_on_both_sides() {
        let layout = Layout::strided(&[3], &[-4], 8).unwrap();
        assert!(layout.check(4, 12).is_ok());
        assert!(layout.check(4, 11).is_err());
        assert!(
            Layout::strided(&[3], &[-4], 7)
                .unwrap()
                .check(4, 12)
                .is_err()
        );
        assert!(
            Layout::strided(&[2, 2], &[isize::MAX, isize::MAX], 0)
                .unwrap()
                .check(1, 100)
                .is_err()
        );
    }

    #[test]
    fn extents_of_one_do_not_spoil_contiguity() {
        let layout = Layout::strided(&[1, 3], &[999, 4], 0).unwrap();
        assert!(layout.is_contiguous(4, Order::C) && layout.is_contiguous(4, Order::F));
        assert_eq!(layout.order(4), Some(Order::C));
    }

    #[test]
    fn reshape_splits_and_joins_where_strides_allow() {
        let every_second = Layout::strided(&[4, 6], &[96, 8], 0).unwrap();
        assert_eq!(
            every_second
                .reshaped(8, &[4, 2, 3], Order::C)
                .unwrap()
                .strides(),
            [96, 24, 8]
        );
        assert!(every_second.reshaped(8, &[24], Order::C).is_none());
        let fortran = Layout::contiguous(&[2, 3], 4, Order::F).unwrap();
        assert!(fortran.reshaped(4, &[6], Order::C).is_none());
        assert_eq!(fortran.reshaped(4, &[6], Order::F).unwrap().strides(), [4]);
    }
}
