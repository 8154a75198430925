//! [`ArrayView`] and [`ArrayViewMut`]: borrowed arrays.

use crate::byteswap::Swaps;
use crate::copy::copy;
use crate::{Array, ByteOrder, Dtype, Element, Error, Indexing, Kind, Layout, Order, Selection};

/// An array over borrowed bytes. Slicing and transposing move nothing.
#[derive(Clone, Debug)]
pub struct ArrayView<'a> {
    dtype: Dtype,
    layout: Layout,
    bytes: &'a [u8],
}

impl<'a> ArrayView<'a> {
    /// `layout` over `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`] if any element would lie outside.
    pub fn new(dtype: Dtype, layout: Layout, bytes: &'a [u8]) -> Result<Self, Error> {
        layout.check(dtype.itemsize(), bytes.len())?;
        Ok(Self {
            dtype,
            layout,
            bytes,
        })
    }

    /// For layouts that are known to fit: derived from one that was checked.
    pub(crate) fn trusted(dtype: Dtype, layout: Layout, bytes: &'a [u8]) -> Self {
        Self {
            dtype,
            layout,
            bytes,
        }
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

    /// Bytes of all elements together (`numpy.ndarray.nbytes`), whatever lies between them.
    pub fn nbytes(&self) -> usize {
        self.size() * self.dtype.itemsize()
    }

    /// The bytes that the layout indexes; they may hold more than this array.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The elements as one run of bytes without gaps, if they lie so in C or F order.
    pub fn contiguous_bytes(&self) -> Option<(Order, &'a [u8])> {
        let order = self.layout.order(self.dtype.itemsize())?;
        let bytes = if self.nbytes() == 0 {
            &[]
        } else {
            &self.bytes[self.layout.offset()..][..self.nbytes()]
        };
        Some((order, bytes))
    }

    /// C, F or neither, as `numpy.ndarray.flags` says.
    pub fn order(&self) -> Option<Order> {
        self.layout.order(self.dtype.itemsize())
    }

    /// The part that NumPy's basic indexing picks.
    ///
    /// # Errors
    /// As [`Indexing::resolve`].
    pub fn index(&self, indexing: &Indexing) -> Result<Self, Error> {
        self.select(&indexing.resolve(self.shape())?)
    }

    /// The part that a selection for this shape picks.
    ///
    /// # Errors
    /// As [`Layout::select`].
    pub fn select(&self, selection: &Selection) -> Result<Self, Error> {
        Ok(Self {
            layout: self.layout.select(selection)?,
            ..self.clone()
        })
    }

    /// The axes in another order (`numpy.transpose`).
    ///
    /// # Errors
    /// [`Error::Axes`] if `axes` is not a permutation.
    pub fn transposed(&self, axes: &[usize]) -> Result<Self, Error> {
        Ok(Self {
            layout: self.layout.transposed(axes)?,
            ..self.clone()
        })
    }

    /// The axes reversed (`numpy.ndarray.T`).
    pub fn reversed(&self) -> Self {
        Self {
            layout: self.layout.reversed(),
            ..self.clone()
        }
    }

    /// The same elements in C order under another shape; one extent may be -1.
    ///
    /// # Errors
    /// [`Error::Reshape`] if the sizes differ, [`Error::ReshapeNeedsCopy`] if the strides do not allow it.
    pub fn reshaped(&self, shape: &[isize]) -> Result<Self, Error> {
        let layout = reshape(&self.layout, self.dtype.itemsize(), shape)?;
        Ok(Self {
            layout,
            ..self.clone()
        })
    }

    /// One field of a structured array; a subarray field adds its axes (`a["name"]`).
    ///
    /// # Errors
    /// [`Error::NoField`].
    pub fn field(&self, name: &str) -> Result<Self, Error> {
        let (dtype, layout) = field(&self.dtype, &self.layout, name)?;
        Ok(Self {
            dtype,
            layout,
            bytes: self.bytes,
        })
    }

    /// The elements in one run of bytes, copied in this order. Objects are refused since their bytes mean nothing.
    ///
    /// # Errors
    /// [`Error::NotBytes`].
    pub fn to_bytes(&self, order: Order) -> Result<Vec<u8>, Error> {
        self.require_bytes()?;
        if let Some(bytes) = self.run(order) {
            return Ok(bytes.to_vec());
        }
        let mut out = vec![0; self.nbytes()];
        self.copy_to(&mut out, order);
        Ok(out)
    }

    /// The elements without gaps as one borrowed run, if they lie so in this order.
    pub fn run(&self, order: Order) -> Option<&'a [u8]> {
        let contiguous = self.layout.is_contiguous(self.dtype.itemsize(), order);
        contiguous.then(|| {
            if self.nbytes() == 0 {
                &[][..]
            } else {
                &self.bytes[self.layout.offset()..][..self.nbytes()]
            }
        })
    }

    /// A copy in this order, in bytes of its own.
    ///
    /// # Errors
    /// [`Error::NotBytes`].
    pub fn to_array(&self, order: Order) -> Result<Array, Error> {
        let layout = Layout::contiguous(self.shape(), self.dtype.itemsize(), order)?;
        Array::new(self.dtype.clone(), layout, self.to_bytes(order)?)
    }

    /// A copy with every number in `byteorder`; F order stays, anything else becomes C order.
    ///
    /// # Errors
    /// [`Error::NotBytes`], [`Error::OverlapSwap`].
    pub fn to_byteorder(&self, byteorder: ByteOrder) -> Result<Array, Error> {
        let order = self.order().unwrap_or(Order::C);
        let mut bytes = self.to_bytes(order)?;
        if !bytes.is_empty() {
            Swaps::to(&self.dtype, byteorder)?.apply(&mut bytes);
        }
        let layout = Layout::contiguous(self.shape(), self.dtype.itemsize(), order)?;
        Array::new(self.dtype.with_byteorder(byteorder), layout, bytes)
    }

    /// Hands all elements to `sink` in this order, as runs of whole elements of at most `max_nbytes` bytes (or one element), without
    /// ever holding more than that. Runs are borrowed from the array where they lie without gaps.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn for_each_run<E>(
        &self,
        order: Order,
        max_nbytes: usize,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let itemsize = self.dtype.itemsize();
        if self.nbytes() == 0 {
            return Ok(());
        }
        if let Some(bytes) = self.run(order) {
            return bytes
                .chunks((max_nbytes / itemsize).max(1) * itemsize)
                .try_for_each(sink);
        }
        let view = match order {
            Order::C => self.clone(),
            Order::F => self.reversed(),
        };
        let mut scratch = Vec::new();
        view.gather_runs(max_nbytes, &mut scratch, &mut sink)
    }

    /// In C order: splits along axis 0 until the parts fit.
    fn gather_runs<E>(
        &self,
        max_nbytes: usize,
        scratch: &mut Vec<u8>,
        sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let row = self.nbytes() / self.shape().first().copied().unwrap_or(1);
        if self.nbytes() <= max_nbytes || self.ndim() == 0 {
            scratch.resize(self.nbytes(), 0);
            self.copy_to(scratch, Order::C);
            return sink(scratch);
        }
        let rows = (max_nbytes / row).max(1);
        for start in (0..self.shape()[0]).step_by(rows) {
            let count = rows.min(self.shape()[0] - start);
            let part = self.rows(start, count);
            if row > max_nbytes {
                part.without_first_axis()
                    .gather_runs(max_nbytes, scratch, sink)?;
            } else {
                scratch.resize(part.nbytes(), 0);
                part.copy_to(scratch, Order::C);
                sink(scratch)?;
            }
        }
        Ok(())
    }

    /// `count` indexes of axis 0 from `start`.
    fn rows(&self, start: usize, count: usize) -> Self {
        let mut shape = self.shape().to_vec();
        shape[0] = count;
        let offset = self.layout.offset() as isize + start as isize * self.layout.strides()[0];
        self.relaid(&shape, self.layout.strides(), offset as usize)
    }

    /// Drops axis 0, whose extent is 1.
    fn without_first_axis(&self) -> Self {
        self.relaid(
            &self.shape()[1..],
            &self.layout.strides()[1..],
            self.layout.offset(),
        )
    }

    fn relaid(&self, shape: &[usize], strides: &[isize], offset: usize) -> Self {
        // One stride per axis and no more axes than before, so this cannot fail.
        let layout =
            Layout::strided(shape, strides, offset).unwrap_or_else(|_| self.layout.clone());
        Self {
            layout,
            ..self.clone()
        }
    }

    /// Copies into bytes of exactly the right length.
    fn copy_to(&self, out: &mut [u8], order: Order) {
        if let Ok(layout) = Layout::contiguous(self.shape(), self.dtype.itemsize(), order) {
            copy(
                out,
                &layout,
                self.bytes,
                &self.layout,
                self.dtype.itemsize(),
            );
        }
    }

    /// The elements in C order as a Rust type, byte order converted.
    ///
    /// # Errors
    /// [`Error::DtypeMismatch`] if the dtype is not `T`'s, in either byte order.
    pub fn to_elements<T: Element>(&self) -> Result<Vec<T>, Error> {
        T::require(&self.dtype)?;
        let swapped = !self.dtype.is_native();
        let mut out = Vec::with_capacity(self.size());
        let gathered: Result<(), Error> = self.for_each_run(Order::C, 1 << 20, |run| {
            out.extend(
                run.chunks_exact(self.dtype.itemsize())
                    .map(|item| T::from_bytes(item, swapped)),
            );
            Ok(())
        });
        gathered.map(|()| out)
    }

    /// The elements in C order without a copy, if they lie so, in this machine's byte order and aligned for `T`.
    pub fn as_elements<T: Element + bytemuck::Pod>(&self) -> Option<&'a [T]> {
        T::require(&self.dtype).ok()?;
        if !self.dtype.is_native() {
            return None;
        }
        bytemuck::try_cast_slice(self.run(Order::C)?).ok()
    }

    fn require_bytes(&self) -> Result<(), Error> {
        if self.dtype.has_object() {
            return Err(Error::NotBytes {
                dtype: self.dtype.str(),
            });
        }
        Ok(())
    }
}

/// An array over bytes that may be changed.
#[derive(Debug)]
pub struct ArrayViewMut<'a> {
    dtype: Dtype,
    layout: Layout,
    bytes: &'a mut [u8],
}

impl<'a> ArrayViewMut<'a> {
    /// `layout` over `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBytes`] if any element would lie outside.
    pub fn new(dtype: Dtype, layout: Layout, bytes: &'a mut [u8]) -> Result<Self, Error> {
        layout.check(dtype.itemsize(), bytes.len())?;
        Ok(Self {
            dtype,
            layout,
            bytes,
        })
    }

    /// To read what is there.
    pub fn view(&self) -> ArrayView<'_> {
        ArrayView::trusted(self.dtype.clone(), self.layout.clone(), self.bytes)
    }

    /// The bytes that the layout indexes; they may hold more than this array.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// The part that a selection for this shape picks.
    ///
    /// # Errors
    /// As [`Layout::select`].
    pub fn select(&mut self, selection: &Selection) -> Result<ArrayViewMut<'_>, Error> {
        Ok(ArrayViewMut {
            dtype: self.dtype.clone(),
            layout: self.layout.select(selection)?,
            bytes: self.bytes,
        })
    }

    /// Copies all elements of `source` here; same dtype (to the byte order) and same shape.
    ///
    /// # Errors
    /// [`Error::DtypeMismatch`], [`Error::ShapeMismatch`], [`Error::NotBytes`].
    pub fn assign(&mut self, source: &ArrayView<'_>) -> Result<(), Error> {
        if self.dtype != source.dtype {
            return Err(Error::DtypeMismatch {
                left: self.dtype.str(),
                right: source.dtype.str(),
            });
        }
        if self.layout.shape() != source.shape() {
            let (left, right) = (self.layout.shape().to_vec(), source.shape().to_vec());
            return Err(Error::ShapeMismatch { left, right });
        }
        source.require_bytes()?;
        copy(
            self.bytes,
            &self.layout,
            source.bytes,
            &source.layout,
            self.dtype.itemsize(),
        );
        Ok(())
    }
}

pub(crate) fn reshape(layout: &Layout, itemsize: usize, shape: &[isize]) -> Result<Layout, Error> {
    let wrong = || Error::Reshape {
        from: layout.shape().to_vec(),
        to: shape.to_vec(),
    };
    let known = shape.iter().filter(|extent| **extent != -1);
    let known = known
        .map(|extent| usize::try_from(*extent).ok())
        .try_fold(1usize, |n, extent| n.checked_mul(extent?))
        .ok_or_else(wrong)?;
    let inferred = match shape.iter().filter(|extent| **extent == -1).count() {
        0 => 0,
        1 if known > 0 && layout.size().is_multiple_of(known) => layout.size() / known,
        _ => return Err(wrong()),
    };
    let full: Vec<usize> = shape
        .iter()
        .map(|extent| {
            if *extent == -1 {
                inferred
            } else {
                *extent as usize
            }
        })
        .collect();
    // The product is checked here; with -1 it equals the size by construction.
    if full
        .iter()
        .try_fold(1usize, |n, extent| n.checked_mul(*extent))
        != Some(layout.size())
    {
        return Err(wrong());
    }
    layout
        .reshaped(itemsize, &full, Order::C)
        .ok_or_else(|| Error::ReshapeNeedsCopy {
            from: layout.shape().to_vec(),
            to: full,
        })
}

pub(crate) fn field(dtype: &Dtype, layout: &Layout, name: &str) -> Result<(Dtype, Layout), Error> {
    let missing = || Error::NoField {
        name: name.to_owned(),
        dtype: dtype.str(),
    };
    let field = dtype
        .fields()
        .and_then(|fields| fields.field(name))
        .ok_or_else(missing)?;
    let layout = layout.moved(field.offset);
    match field.dtype.kind() {
        Kind::Subarray(sub) => Ok((
            sub.base().clone(),
            layout.extended(sub.shape(), sub.base().itemsize())?,
        )),
        _ => Ok((field.dtype.clone(), layout)),
    }
}
