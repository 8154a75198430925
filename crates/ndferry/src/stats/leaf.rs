//! [`Leaf`]: the numbers of one field, and where they are in an item.

use ndferry_array::{Dtype, Kind};

use crate::{ErrorKind, Result};

/// One kind of number in an item: the item itself, or a field without fields.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Names from the outermost field to it, joined by points.
    pub(super) path: String,
    /// What one number is.
    pub(super) dtype: Dtype,
    /// Its first byte in an item.
    offset: usize,
    /// Subarrays that it is in, outermost first: how many, and bytes from one to the next.
    axes: Vec<(usize, usize)>,
    /// Bytes of an item.
    itemsize: usize,
}

impl Leaf {
    /// All of an item.
    pub(super) fn all(dtype: &Dtype) -> Result<Vec<Self>> {
        let item = Self {
            path: String::new(),
            dtype: dtype.clone(),
            offset: 0,
            axes: Vec::new(),
            itemsize: dtype.itemsize(),
        };
        let mut out = Vec::new();
        item.collect(&mut out)?;
        Ok(out)
    }

    fn collect(self, out: &mut Vec<Self>) -> Result<()> {
        match self.dtype.kind().clone() {
            Kind::Struct(fields) => {
                for field in fields.fields() {
                    let dot = if self.path.is_empty() { "" } else { "." };
                    let leaf = Self {
                        path: format!("{}{dot}{}", self.path, field.name),
                        dtype: field.dtype.clone(),
                        offset: self.offset + field.offset,
                        ..self.clone()
                    };
                    // Fields of text in between do not keep the numbers from being looked at.
                    if !matches!(leaf.dtype.kind(), Kind::Bytes | Kind::Unicode | Kind::Void) {
                        leaf.collect(out)?;
                    }
                }
                Ok(())
            }
            Kind::Subarray(sub) => {
                let mut leaf = self;
                let size = sub.shape().iter().product();
                leaf.axes.push((size, sub.base().itemsize()));
                leaf.dtype = sub.base().clone();
                leaf.collect(out)
            }
            Kind::Object | Kind::VariableString => Err(ErrorKind::Objects.into()),
            Kind::Complex if self.dtype.itemsize() > 16 => self.refuse(),
            Kind::Bytes | Kind::Unicode | Kind::Void => self.refuse(),
            _ => {
                out.push(self);
                Ok(())
            }
        }
    }

    fn refuse(&self) -> Result<()> {
        let what = format!("statistics of dtype {}", self.dtype);
        Err(ErrorKind::Unsupported { what }.into())
    }

    /// How many numbers an item has.
    pub(super) fn count(&self) -> usize {
        self.axes.iter().map(|(count, _)| count).product()
    }

    /// Whether the bytes of each number are in the order that is not this machine's.
    pub(super) fn swapped(&self) -> bool {
        !self.dtype.is_native()
    }

    /// Whether there may be NaN or NaT.
    pub(super) fn has_nan(&self) -> bool {
        !matches!(self.dtype.kind(), Kind::Bool | Kind::Int | Kind::Uint)
    }

    /// Reads the numbers of `N` bytes each from whole items.
    pub(super) fn each<const N: usize, T>(
        &self,
        items: &[u8],
        out: &mut Vec<T>,
        read: impl Fn([u8; N]) -> T,
    ) {
        if self.itemsize == N {
            out.extend(items.as_chunks().0.iter().map(|bytes| read(*bytes)));
            return;
        }
        for item in items.chunks_exact(self.itemsize.max(1)) {
            nested(&item[self.offset..], &self.axes, &mut |bytes| {
                out.extend(bytes.first_chunk().map(|bytes| read(*bytes)));
            });
        }
    }

    /// Cuts whole items into batches of about as many numbers as the first cache holds.
    pub(super) fn batches<'a>(&self, items: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let step = (super::work::BATCH / self.count().max(1)).max(1);
        items.chunks(step * self.itemsize.max(1))
    }
}

/// Calls `each` with the bytes from each number on.
fn nested(bytes: &[u8], axes: &[(usize, usize)], each: &mut impl FnMut(&[u8])) {
    match axes {
        [] => each(bytes),
        [(count, step), inner @ ..] => {
            for i in 0..*count {
                nested(&bytes[i * step..], inner, each);
            }
        }
    }
}
