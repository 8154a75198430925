//! [`Array`]: an array that owns or shares its bytes.

use bytes::Bytes;

use crate::byteswap::Swaps;
use crate::view::{field, reshape};
use crate::{ArrayView, ByteOrder, Dtype, Element, Error, Indexing, Layout, Order, Selection};

/// An array over shared bytes: a `Vec`, a memory map, a part of a pickle, a Python or JVM buffer ([`bytes::Bytes`]).
///
/// Cloning, slicing and transposing copy nothing. The elements are read-only; a changed array is a new one.
#[derive(Clone, Debug)]
pub struct Array {
    dtype: Dtype,
    layout: Layout,
    bytes: Bytes,
}

impl Array {
    /// `layout` over `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`] if any element would lie outside.
    pub fn new(dtype: Dtype, layout: Layout, bytes: impl Into<Bytes>) -> Result<Self, Error> {
        let bytes = bytes.into();
        layout.check(dtype.itemsize(), bytes.len())?;
        Ok(Self {
            dtype,
            layout,
            bytes,
        })
    }

    /// Elements without gaps.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`] if there are too few bytes, [`Error::TooBig`].
    pub fn contiguous(
        dtype: Dtype,
        shape: &[usize],
        order: Order,
        bytes: impl Into<Bytes>,
    ) -> Result<Self, Error> {
        let layout = Layout::contiguous(shape, dtype.itemsize(), order)?;
        Self::new(dtype, layout, bytes)
    }

    /// A copy of Rust values in C order.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`] if `shape` asks for more elements than there are.
    pub fn from_elements<T: Element>(shape: &[usize], elements: &[T]) -> Result<Self, Error> {
        let mut bytes = Vec::with_capacity(size_of_val(elements));
        elements
            .iter()
            .for_each(|element| element.write(&mut bytes));
        Self::contiguous(T::dtype(), shape, Order::C, bytes)
    }

    /// What the elements are.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Shape, strides and offset into [`Self::bytes`].
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The extent of each axis.
    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.layout.ndim()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    /// Bytes of all elements together (`numpy.ndarray.nbytes`).
    pub fn nbytes(&self) -> usize {
        self.size() * self.dtype.itemsize()
    }

    /// The bytes that the layout indexes; they may hold more than this array.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// C, F or neither, as `numpy.ndarray.flags` says.
    pub fn order(&self) -> Option<Order> {
        self.layout.order(self.dtype.itemsize())
    }

    /// Borrowed, with all that [`ArrayView`] can do.
    pub fn view(&self) -> ArrayView<'_> {
        ArrayView::trusted(self.dtype.clone(), self.layout.clone(), &self.bytes)
    }

    /// The part that NumPy's basic indexing picks, sharing the bytes.
    ///
    /// # Errors
    /// As [`Indexing::resolve`].
    pub fn index(&self, indexing: &Indexing) -> Result<Self, Error> {
        self.select(&indexing.resolve(self.shape())?)
    }

    /// The part that a selection for this shape picks, sharing the bytes.
    ///
    /// # Errors
    /// As [`Layout::select`].
    pub fn select(&self, selection: &Selection) -> Result<Self, Error> {
        Ok(Self {
            layout: self.layout.select(selection)?,
            ..self.clone()
        })
    }

    /// The axes in another order, sharing the bytes.
    ///
    /// # Errors
    /// [`Error::Axes`] if `axes` is not a permutation.
    pub fn transposed(&self, axes: &[usize]) -> Result<Self, Error> {
        Ok(Self {
            layout: self.layout.transposed(axes)?,
            ..self.clone()
        })
    }

    /// The axes reversed (`numpy.ndarray.T`), sharing the bytes.
    pub fn reversed(&self) -> Self {
        Self {
            layout: self.layout.reversed(),
            ..self.clone()
        }
    }

    /// The same elements in C order under another shape, sharing the bytes; one extent may be -1.
    ///
    /// # Errors
    /// [`Error::Reshape`] if the sizes differ, [`Error::ReshapeNeedsCopy`] if the strides do not allow it.
    pub fn reshaped(&self, shape: &[isize]) -> Result<Self, Error> {
        Ok(Self {
            layout: reshape(&self.layout, self.dtype.itemsize(), shape)?,
            ..self.clone()
        })
    }

    /// One field of a structured array, sharing the bytes; a subarray field adds its axes.
    ///
    /// # Errors
    /// [`Error::NoField`].
    pub fn field(&self, name: &str) -> Result<Self, Error> {
        let (dtype, layout) = field(&self.dtype, &self.layout, name)?;
        Ok(Self {
            dtype,
            layout,
            bytes: self.bytes.clone(),
        })
    }

    /// Contiguous in this order: itself if it is so already, otherwise a copy.
    ///
    /// # Errors
    /// [`Error::NotBytes`] for objects.
    pub fn into_order(self, order: Order) -> Result<Self, Error> {
        if self.layout.is_contiguous(self.dtype.itemsize(), order) {
            return Ok(self);
        }
        self.view().to_array(order)
    }

    /// With every number in `byteorder`: itself if that changes nothing, otherwise a copy.
    ///
    /// # Errors
    /// [`Error::NotBytes`] for objects, [`Error::OverlapSwap`].
    pub fn into_byteorder(self, byteorder: ByteOrder) -> Result<Self, Error> {
        if Swaps::to(&self.dtype, byteorder)?.is_empty() {
            return Ok(Self {
                dtype: self.dtype.with_byteorder(byteorder),
                ..self
            });
        }
        self.view().to_byteorder(byteorder)
    }

    /// The elements in C order as a Rust type, byte order converted.
    ///
    /// # Errors
    /// [`Error::DtypeMismatch`] if the dtype is not `T`'s.
    pub fn to_elements<T: Element>(&self) -> Result<Vec<T>, Error> {
        self.view().to_elements()
    }
}
