//! Arrays as text: as NumPy prints them, CSV, JSON Lines; and as bare bytes.

mod csv;
mod json;
mod objects;

use std::io::Write;

use ndferry_array::{
    Array, ArrayView, ArrayViewMut, Corners, Dtype, Form, Layout, PrintOptions, masked_words,
};

use crate::{ErrorKind, Interrupt, LazyArray, Order, Progress, Result};

/// Bytes that are read at a time.
const RUN_NBYTES: usize = 1 << 20;

impl LazyArray {
    /// Writes the text that `numpy.array2string` gives. Of a long array only the corners are read.
    ///
    /// # Errors
    /// Damage in what is read; [`crate::ErrorKind::Objects`]; whatever `to` says.
    pub fn write_text(&self, to: &mut dyn Write, options: &PrintOptions) -> Result<()> {
        let corners = Corners::of(self.shape(), options)?;
        let kept = self.corners(&corners)?;
        let form = Form::Elements {
            separator: " ",
            prefix: "",
            suffix: "",
        };
        corners.print(&kept.view(), form, options, |text| {
            Ok(to.write_all(text.as_bytes())?)
        })
    }

    /// The elements that are printed.
    fn corners(&self, corners: &Corners) -> Result<Array> {
        if self.dtype().has_object() {
            return Err(self.place(ErrorKind::Objects));
        }
        let layout = Layout::contiguous(corners.shape(), self.dtype().itemsize(), Order::C)?;
        let mut bytes = vec![0; layout.size() * self.dtype().itemsize()];
        let mut kept = ArrayViewMut::new(self.dtype().clone(), layout.clone(), &mut bytes)?;
        let (there, here): (Vec<_>, Vec<_>) = corners.parts().unzip();
        for (part, here) in self.read_parts(&there)?.iter().zip(&here) {
            kept.select(here)?.assign(&part.view())?;
        }
        Ok(Array::new(self.dtype().clone(), layout, bytes)?)
    }

    /// Writes the elements in C order, without gaps (`numpy.ndarray.tobytes`).
    ///
    /// # Errors
    /// Damage in what is read; [`crate::ErrorKind::Objects`]; [`crate::ErrorKind::Interrupted`]; whatever `to` says.
    pub fn write_raw(
        &self,
        to: &mut dyn Write,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<()> {
        self.each_run(interrupt, progress, &mut |bytes| Ok(to.write_all(bytes)?))
    }

    /// Writes one or two axes as comma-separated values (RFC 4180), floats with as many digits as tell them apart.
    /// Records have a first line with the names of their fields.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unsupported`] for more axes and for fields of several values; otherwise as [`Self::write_raw`].
    pub fn write_csv(
        &self,
        to: &mut dyn Write,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut rows = csv::Rows::new(self.dtype(), self.shape())?;
        rows.begin(to)?;
        let itemsize = self.dtype().itemsize();
        self.each_element(itemsize, interrupt, progress, &mut |bytes| {
            rows.element(bytes, to)
        })
    }

    /// Writes each entry of the first axis as one line of JSON: numbers (integers beyond 2^53 and what JSON has no
    /// number for as strings), complex numbers as pairs, byte strings as Latin-1, records as objects, axes as lists.
    ///
    /// # Errors
    /// As [`Self::write_raw`].
    pub fn write_jsonl(
        &self,
        to: &mut dyn Write,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut lines = json::Lines::new(self.dtype(), self.shape());
        lines.begin(to)?;
        let itemsize = self.dtype().itemsize();
        self.each_element(itemsize, interrupt, progress, &mut |bytes| {
            lines.element(bytes, to)
        })
    }

    fn each_run(
        &self,
        interrupt: &Interrupt,
        progress: &dyn Progress,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut runs = self.runs_in(Order::C, RUN_NBYTES)?;
        progress.start(self.path(), Some(self.nbytes()));
        while runs.advance()? {
            interrupt.check()?;
            let bytes = runs.run().bytes;
            take(bytes)?;
            progress.advance(bytes.len() as u64);
        }
        progress.finish();
        Ok(())
    }

    fn each_element(
        &self,
        itemsize: usize,
        interrupt: &Interrupt,
        progress: &dyn Progress,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if itemsize == 0 {
            // Elements without bytes make no run; they are all the same.
            for _ in 0..self.size() {
                take(&[])?;
            }
            return Ok(());
        }
        self.each_run(interrupt, progress, &mut |bytes| {
            bytes.chunks_exact(itemsize).try_for_each(&mut *take)
        })
    }
}

/// A masked array in a source: its data, also what the mask hides, and where the mask is true.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LazyMasked {
    /// The elements.
    pub data: LazyArray,
    /// Of the same shape, a `bool` for each element, or for each field of each.
    pub mask: LazyArray,
}

impl LazyMasked {
    /// Writes the text that NumPy gives, `[1.0 -- 3.0]`: each element as the Python object that it becomes. Only the
    /// corners of a long array are read, and what is left out is always told by `...`; NumPy prints 100 rows of an array
    /// with more of them as if they were all, if they have few elements.
    ///
    /// # Errors
    /// As [`LazyArray::write_text`].
    pub fn write_text(&self, to: &mut dyn Write, options: &PrintOptions) -> Result<()> {
        let corners = Corners::of(self.data.shape(), options)?;
        let (data, mask) = (self.data.corners(&corners)?, self.mask.corners(&corners)?);
        let words = masked_words(&data.view(), &mask.view())?;
        corners.print_words(&words, [" ", "", ""], options, |text| {
            Ok(to.write_all(text.as_bytes())?)
        })
    }
}

/// One element as `str` of the NumPy scalar.
pub(crate) fn scalar_text(dtype: &Dtype, bytes: &[u8]) -> Result<String> {
    let layout = Layout::contiguous(&[], dtype.itemsize(), Order::C)?;
    let view = ArrayView::new(dtype.clone(), layout, bytes)?;
    Ok(view.str(&PrintOptions::default())?)
}
