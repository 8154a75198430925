//! [`Runs`]: an array in flat pieces of bounded size.

use ndferry_array::{ArrayView, Dtype, Layout, Order};

use crate::{LazyArray, Result};

/// Consecutive elements of an array in its stored order.
#[derive(Debug)]
pub struct Run<'a> {
    /// Number of the first one, counted in stored order.
    pub start: u64,
    /// The elements without gaps.
    pub bytes: &'a [u8],
    /// What each is.
    pub dtype: &'a Dtype,
}

impl<'a> Run<'a> {
    /// As a 1-d array.
    ///
    /// # Errors
    /// None in practice: the bytes are whole elements.
    pub fn view(&self) -> Result<ArrayView<'a>> {
        let itemsize = self.dtype.itemsize();
        let size = self.bytes.len().checked_div(itemsize).unwrap_or(0);
        let layout = Layout::contiguous(&[size], itemsize, Order::C)?;
        Ok(ArrayView::new(self.dtype.clone(), layout, self.bytes)?)
    }
}

/// Hands out all elements of an array in stored order, in runs of bounded size; made by [`LazyArray::runs`].
///
/// Not an [`Iterator`], since a run borrows the one buffer that all runs share (or the array's own memory).
#[derive(Debug)]
pub struct Runs<'a> {
    pub(crate) array: &'a LazyArray,
    pub(crate) max_nbytes: usize,
    /// Bytes handed out so far.
    pub(crate) done: u64,
    pub(crate) buffer: Vec<u8>,
}
