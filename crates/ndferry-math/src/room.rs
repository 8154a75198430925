//! [`Room`]: memory for a result.

use bytemuck::Pod;
use bytes::Bytes;
use ndferry_array::{Array, Dtype, Layout, Order};

use crate::MathError;

/// From this size on results are mapped, in huge pages where the system has them, as NumPy does: a page fault for each
/// 4 KiB costs more than the arithmetic.
const MAPPED: usize = 4 << 20;

/// Zeros, aligned for every number, that become an array without a copy.
pub(crate) struct Room {
    memory: Memory,
    nbytes: usize,
}

enum Memory {
    Heap(Vec<u128>),
    #[cfg(not(target_family = "wasm"))]
    Mapped(memmap2::MmapMut),
}

impl Room {
    /// # Errors
    /// [`MathError::Memory`].
    pub(crate) fn new(nbytes: usize) -> Result<Self, MathError> {
        let none = || MathError::Memory {
            nbytes: nbytes as u128,
        };
        #[cfg(not(target_family = "wasm"))]
        if nbytes >= MAPPED {
            let whole = nbytes.checked_next_multiple_of(2 << 20).ok_or_else(none)?;
            if isize::try_from(whole).is_err() {
                return Err(none());
            }
            let map = memmap2::MmapMut::map_anon(whole).map_err(|_| none())?;
            // Only a hint: without huge pages it is the same, slower.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Ok(Self {
                memory: Memory::Mapped(map),
                nbytes,
            });
        }
        let mut heap = Vec::new();
        let words = nbytes.div_ceil(16);
        heap.try_reserve_exact(words).map_err(|_| none())?;
        heap.resize(words, 0);
        Ok(Self {
            memory: Memory::Heap(heap),
            nbytes,
        })
    }

    /// For `count` items of `itemsize` bytes.
    ///
    /// # Errors
    /// [`MathError::Memory`].
    pub(crate) fn for_items(count: usize, itemsize: usize) -> Result<Self, MathError> {
        let nbytes = count.checked_mul(itemsize).ok_or(MathError::Memory {
            nbytes: count as u128 * itemsize as u128,
        })?;
        Self::new(nbytes)
    }

    /// For an array of this shape.
    ///
    /// # Errors
    /// [`MathError::Memory`]; [`MathError::Array`] of shapes that cannot be addressed.
    pub(crate) fn for_shape(shape: &[usize], itemsize: usize) -> Result<Self, MathError> {
        let size = Layout::contiguous(shape, itemsize, Order::C)?.size();
        Self::for_items(size, itemsize)
    }

    /// A copy of these.
    pub(crate) fn of<T: Pod>(items: &[T]) -> Result<Self, MathError> {
        let mut room = Self::new(size_of_val(items))?;
        room.items_mut().copy_from_slice(items);
        Ok(room)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes = match &mut self.memory {
            Memory::Heap(words) => bytemuck::cast_slice_mut(words),
            #[cfg(not(target_family = "wasm"))]
            Memory::Mapped(map) => &mut map[..],
        };
        &mut bytes[..self.nbytes]
    }

    /// As numbers of at most 16 bytes' alignment, which all of ours have.
    pub(crate) fn items_mut<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.bytes_mut())
    }

    /// In C order.
    pub(crate) fn into_array(self, dtype: &Dtype, shape: &[usize]) -> Result<Array, MathError> {
        let bytes = Bytes::from_owner(self);
        Ok(Array::contiguous(dtype.clone(), shape, Order::C, bytes)?)
    }
}

impl AsRef<[u8]> for Room {
    fn as_ref(&self) -> &[u8] {
        let bytes = match &self.memory {
            Memory::Heap(words) => bytemuck::cast_slice(words),
            #[cfg(not(target_family = "wasm"))]
            Memory::Mapped(map) => &map[..],
        };
        &bytes[..self.nbytes]
    }
}
