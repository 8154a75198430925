//! [`Runs`]: an array in flat pieces of bounded size.

use std::fmt;
use std::io::Read;

use ndferry_array::{Array, ArrayView, ArrayViewMut, Cast, Dtype, Layout, Order};

use crate::lazy::Backing;
use crate::units::{Boxes, box_selection};
use crate::{ErrorKind, LazyArray, Result};

/// Consecutive elements of an array.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Number of the first one, counted in the order of the runs.
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

/// Hands out all elements of an array, in runs of bounded size; made by [`LazyArray::runs`].
///
/// Not an [`Iterator`], since a run borrows the one buffer that all runs share (or the array's own memory).
#[derive(Debug)]
pub struct Runs<'a> {
    array: &'a LazyArray,
    order: Order,
    max_nbytes: usize,
    /// Bytes handed out before the current run.
    done: u64,
    /// Bytes of the current run.
    current: usize,
    buffer: Vec<u8>,
    from: From<'a>,
}

/// Where the elements come from.
enum From<'a> {
    /// Memory, in this order: nothing is copied.
    Memory(&'a [u8]),
    /// A file, in this order.
    Stream(Box<dyn Read + Send + 'a>),
    /// Memory with other strides, box by box.
    Strided(&'a Array, Boxes),
    /// A file in the other order, box by box.
    Boxes(Boxes),
    /// Another array's elements, and what they become.
    Cast(Box<Runs<'a>>, &'a Cast),
}

impl fmt::Debug for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::Stream(_) => "Stream",
            Self::Strided(..) => "Strided",
            Self::Boxes(_) => "Boxes",
            Self::Cast(..) => "Cast",
        })
    }
}

impl<'a> Runs<'a> {
    pub(crate) fn new(array: &'a LazyArray, order: Order, max_nbytes: usize) -> Result<Self> {
        let itemsize = array.dtype().itemsize();
        let boxes = |max_nbytes| Boxes::new(array.shape(), order, itemsize, max_nbytes);
        let one_way = array.shape().iter().filter(|extent| **extent != 1).count() < 2;
        let from = match array.backing() {
            Backing::Objects(_) => return Err(array.place(ErrorKind::Objects)),
            Backing::Memory(memory) => match contiguous(memory, order) {
                Some(bytes) => From::Memory(bytes),
                None => From::Strided(memory, boxes(max_nbytes)),
            },
            Backing::Stored(stored) if order == array.order() || one_way => {
                From::Stream(stored.stream().map_err(|e| array.place(e))?)
            }
            Backing::Stored(stored) => {
                // All elements are read, so all are checked, though box by box.
                stored.verify().map_err(|e| array.place(e))?;
                From::Boxes(boxes(max_nbytes))
            }
            Backing::Part(..) => From::Boxes(boxes(max_nbytes)),
            Backing::Cast(whole, cast) => {
                let count = max_nbytes.min(1 << 20) / itemsize.max(whole.dtype().itemsize()).max(1);
                let nbytes = count * whole.dtype().itemsize();
                From::Cast(Box::new(Self::new(whole, order, nbytes)?), cast)
            }
        };
        Ok(Self {
            array,
            order,
            max_nbytes: (max_nbytes / itemsize.max(1)).max(1) * itemsize.max(1),
            done: 0,
            current: 0,
            buffer: Vec::new(),
            from,
        })
    }

    /// The next run; `None` after the last one.
    ///
    /// # Errors
    /// Damage in what is read.
    pub fn next_run(&mut self) -> Result<Option<Run<'_>>> {
        Ok(self.advance()?.then(|| self.run()))
    }

    /// Steps to the next run, which [`Self::run`] then gives; false after the last one.
    ///
    /// # Errors
    /// Damage in what is read.
    pub fn advance(&mut self) -> Result<bool> {
        self.done += self.current as u64;
        self.current = 0;
        let left = self.array.nbytes() - self.done;
        if left == 0 {
            return Ok(false);
        }
        let nbytes = self
            .max_nbytes
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let itemsize = self.array.dtype().itemsize();
        match &mut self.from {
            From::Memory(_) => self.current = nbytes,
            From::Stream(stream) => {
                self.buffer.resize(nbytes, 0);
                stream
                    .read_exact(&mut self.buffer)
                    .map_err(|e| self.array.place(crate::error::from_io(e)))?;
                self.current = nbytes;
            }
            From::Cast(whole, cast) => {
                if !whole.advance()? {
                    return Ok(false);
                }
                self.buffer.clear();
                cast.apply(whole.run().bytes, &mut self.buffer)
                    .map_err(|error| self.array.place(error))?;
                self.current = self.buffer.len();
            }
            From::Strided(memory, boxes) => {
                let Some(region) = boxes.next() else {
                    return Ok(false);
                };
                let selection = box_selection(memory.shape(), &region)?;
                let part = memory.view().select(&selection)?;
                let layout = Layout::contiguous(part.shape(), itemsize, self.order)?;
                self.buffer.resize(part.nbytes(), 0);
                ArrayViewMut::new(memory.dtype().clone(), layout, &mut self.buffer)?
                    .assign(&part)?;
                self.current = self.buffer.len();
            }
            From::Boxes(boxes) => {
                let Some(region) = boxes.next() else {
                    return Ok(false);
                };
                let selection = box_selection(self.array.shape(), &region)?;
                let part = self.array.read(&selection)?;
                let layout = Layout::contiguous(part.shape(), itemsize, self.order)?;
                self.buffer.resize(part.nbytes(), 0);
                ArrayViewMut::new(part.dtype().clone(), layout, &mut self.buffer)?
                    .assign(&part.view())?;
                self.current = self.buffer.len();
            }
        }
        Ok(true)
    }

    /// The bytes of the current run out of the way of the next one: in memory, or swapped into `buffer`.
    pub(crate) fn take<'b>(&mut self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        'a: 'b,
    {
        match &self.from {
            From::Memory(bytes) => &bytes[self.done as usize..][..self.current],
            _ => {
                std::mem::swap(&mut self.buffer, buffer);
                &buffer[..self.current]
            }
        }
    }

    /// The current run; empty before the first [`Self::advance`] and after the last.
    pub fn run(&self) -> Run<'_> {
        let dtype = self.array.dtype();
        let bytes = match &self.from {
            From::Memory(bytes) => &bytes[self.done as usize..][..self.current],
            _ => &self.buffer[..self.current],
        };
        Run {
            start: self.done / dtype.itemsize().max(1) as u64,
            bytes,
            dtype,
        }
    }
}

fn contiguous(array: &Array, order: Order) -> Option<&[u8]> {
    let itemsize = array.dtype().itemsize();
    if !array.layout().is_contiguous(itemsize, order) {
        return None;
    }
    if array.nbytes() == 0 {
        return Some(&[]);
    }
    Some(&array.bytes()[array.layout().offset()..][..array.nbytes()])
}
