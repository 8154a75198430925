//! [`Feed`]: the elements of a view in C order, piece by piece, as numbers of one type.

use std::borrow::Cow;

use ndferry_array::ArrayView;

use crate::MathError;
use crate::code::Code;
use crate::number::{Number, load};

/// A view whose axes have been joined where they lie one after the other.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    code: Code,
    swapped: bool,
    bytes: &'a [u8],
    offset: usize,
    /// Outermost first; never empty, no extent is 1 but of a single element.
    axes: Vec<(usize, isize)>,
    size: usize,
}

impl<'a> Feed<'a> {
    /// # Errors
    /// [`MathError::Type`] of dtypes that are not numbers.
    pub(crate) fn new(view: &ArrayView<'a>) -> Result<Self, MathError> {
        let code = Code::of(view.dtype()).ok_or(MathError::Type {
            function: "math",
            problem: "only bools, integers, floats and complex numbers are computed with",
        })?;
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(view.ndim().max(1));
        for (&extent, &stride) in view.shape().iter().zip(view.layout().strides()) {
            match axes.last_mut() {
                _ if extent == 1 => {}
                // A broadcast axis above another one is joined as well: 0 = 0 * extent.
                Some((outer, above)) if *above == stride * extent as isize => {
                    *outer *= extent;
                    *above = stride;
                }
                _ => axes.push((extent, stride)),
            }
        }
        if axes.is_empty() {
            axes.push((1, 0));
        }
        Ok(Self {
            code,
            swapped: !view.dtype().is_native(),
            bytes: view.bytes(),
            offset: view.layout().offset(),
            axes,
            size: view.size(),
        })
    }

    /// Elements in this machine's order that lie one after the other; `size` of them are in `bytes`.
    pub(crate) fn plain(code: Code, bytes: &'a [u8], size: usize) -> Self {
        Self {
            code,
            swapped: false,
            bytes,
            offset: 0,
            axes: vec![(size, code.itemsize() as isize)],
            size,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// All of it where it lies, if that is possible.
    pub(crate) fn whole<T: Number>(&self) -> Option<&'a [T]> {
        self.lying(0, self.size)
    }

    /// All of it, copied unless it lies so.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    pub(crate) fn items<T: Number>(&self) -> Result<Cow<'a, [T]>, MathError> {
        Ok(match self.whole() {
            Some(lying) => Cow::Borrowed(lying),
            None => Cow::Owned(self.to_vec()?),
        })
    }

    fn lying<T: Number>(&self, start: usize, count: usize) -> Option<&'a [T]> {
        let itemsize = size_of::<T>();
        let runs = count == 0
            || (self.axes.len() == 1 && (self.axes[0].1 == itemsize as isize || self.size == 1));
        if T::CODE != self.code || self.swapped || !runs {
            return None;
        }
        if count == 0 {
            return Some(&[]);
        }
        let bytes = &self.bytes[self.offset + start * itemsize..][..count * itemsize];
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// Elements `start..start + count`: where they lie, or copied into `scratch`.
    pub(crate) fn piece<'s, T: Number>(
        &self,
        start: usize,
        count: usize,
        scratch: &'s mut Vec<T>,
    ) -> &'s [T]
    where
        'a: 's,
    {
        if let Some(lying) = self.lying(start, count) {
            return lying;
        }
        if scratch.len() < count {
            scratch.resize(count, T::zeroed());
        }
        self.load(start, &mut scratch[..count]);
        &scratch[..count]
    }

    /// Copies elements from `start` on.
    pub(crate) fn load<T: Number>(&self, start: usize, out: &mut [T]) {
        if out.is_empty() {
            return;
        }
        let (inner, stride) = self.axes[self.axes.len() - 1];
        let outer = &self.axes[..self.axes.len() - 1];
        // The index of `start`, and how far it is from the first byte.
        let mut at = vec![0; outer.len()];
        let mut rest = start / inner;
        let mut base = self.offset as isize;
        for (index, (extent, stride)) in at.iter_mut().zip(outer).rev() {
            *index = rest % extent;
            rest /= extent;
            base += *index as isize * stride;
        }
        let mut column = start % inner;
        let mut out = out;
        loop {
            let count = out.len().min(inner - column);
            let (run, next) = out.split_at_mut(count);
            let offset = (base + column as isize * stride) as usize;
            load(self.code, self.swapped, self.bytes, offset, stride, run);
            out = next;
            if out.is_empty() {
                return;
            }
            column = 0;
            for (index, (extent, stride)) in at.iter_mut().zip(outer).rev() {
                *index += 1;
                base += stride;
                if *index < *extent {
                    break;
                }
                base -= *extent as isize * stride;
                *index = 0;
            }
        }
    }

    /// All of it, in C order.
    pub(crate) fn to_vec<T: Number>(&self) -> Result<Vec<T>, MathError> {
        let mut out = room_for(self.size)?;
        out.resize(self.size, T::zeroed());
        self.load(0, &mut out);
        Ok(out)
    }
}

/// An empty vector that will not have to grow.
///
/// # Errors
/// [`MathError::Memory`].
pub(crate) fn room_for<T>(count: usize) -> Result<Vec<T>, MathError> {
    let mut out = Vec::new();
    out.try_reserve_exact(count)
        .map_err(|_| MathError::Memory {
            nbytes: count as u128 * size_of::<T>() as u128,
        })?;
    Ok(out)
}
