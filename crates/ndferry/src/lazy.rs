//! [`LazyArray`]: an array whose elements are read when they are asked for.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Array, Cast, Casting, Dtype, Indexing, Layout, Order, Selection};

use crate::stored::one_pass::Wanted;
use crate::units::Units;
use crate::{Attributes, Error, ErrorKind, MemberInfo, Objects, Result, Runs};

/// An array in a source: dtype and shape are known, elements are read on demand.
///
/// Cheap to clone; all clones share the open file.
#[derive(Clone, Debug)]
pub struct LazyArray {
    source: Arc<str>,
    path: String,
    dtype: Dtype,
    shape: Vec<usize>,
    order: Order,
    nbytes: u64,
    attributes: Attributes,
    backing: Backing,
}

/// Where the elements are.
#[derive(Clone, Debug)]
pub(crate) enum Backing {
    /// In memory already.
    Memory(Array),
    /// In a file, without gaps, in the array's order.
    Stored(Arc<dyn Stored>),
    /// A part of another array.
    Part(Arc<LazyArray>, Selection),
    /// Another array with other elements.
    Cast(Arc<LazyArray>, Arc<Cast>),
    /// Python objects, and where they are pickled as an array, if they are.
    Objects(Option<Objects>),
}

/// Elements in a file, counted in bytes from the array's first one, in its stored order.
pub(crate) trait Stored: fmt::Debug + Send + Sync {
    /// Fills `out` with the selected elements, dense, in stored order; `units` are the bytes that hold them.
    fn read(&self, selection: &Selection, units: &Units, out: &mut [u8]) -> Result<()>;

    /// The same for several parts that share no elements.
    fn read_parts(&self, parts: &mut [Wanted<'_>]) -> Result<()> {
        parts
            .iter_mut()
            .try_for_each(|part| self.read(part.selection, part.units, part.out))
    }

    /// All elements in stored order.
    fn stream(&self) -> Result<Box<dyn Read + Send + '_>>;

    /// All elements, where that goes better, or is checked better, than [`Self::read`].
    fn whole(&self) -> Option<Result<Bytes>> {
        None
    }

    /// This many bytes of the elements from `start` on, if they are in memory already.
    fn shared(&self, start: u64, nbytes: u64) -> Option<Bytes> {
        let _ = (start, nbytes);
        None
    }

    /// How it is packed, if it is a whole member of an NPZ.
    fn packing(&self) -> Option<ndferry_npy::Method> {
        None
    }

    /// That member, as it is.
    fn packed(&self) -> Option<Result<crate::npz_save::PackedMember<'_>>> {
        None
    }

    /// Whether any part can be read without what stands before it.
    fn is_seekable(&self) -> bool {
        true
    }

    /// Checks that there are at least this many bytes, before memory is asked for.
    fn check_nbytes(&self, nbytes: u64) -> Result<()>;

    /// Compares a checksum of all elements together, which [`Self::read`] of a part cannot.
    fn verify(&self) -> Result<()> {
        Ok(())
    }
}

impl LazyArray {
    pub(crate) fn new(source: Arc<str>, info: &MemberInfo, backing: Backing) -> Self {
        Self {
            source,
            path: info.path.clone(),
            dtype: info.dtype.clone(),
            shape: info.shape.clone(),
            order: info.order,
            nbytes: info.nbytes,
            attributes: info.attributes.clone(),
            backing,
        }
    }

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

    /// Number of elements.
    pub fn size(&self) -> u64 {
        // A zero extent first, since the other extents' product may be large.
        if self.shape.contains(&0) {
            0
        } else {
            self.shape.iter().map(|extent| *extent as u64).product()
        }
    }

    /// The order in which its elements are stored.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Bytes of all elements together.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// What is attached to it. A part of an array has none, since what is said of axes need not be true of it.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The same array with these attributes instead.
    #[must_use]
    pub fn with_attributes(self, attributes: Attributes) -> Self {
        Self { attributes, ..self }
    }

    /// The part that a selection for this shape picks ([`ndferry_array::Indexing::resolve`]). Reads only the bytes or
    /// tiles that hold it where the format allows; [`crate::Source::touched`] counts them. Checksums are compared for
    /// tiles of an NPB, and for a member of an NPZ that is read to its end.
    ///
    /// # Errors
    /// Damage in what is read; [`ErrorKind::Objects`].
    pub fn read(&self, selection: &Selection) -> Result<Array> {
        let stored = match &self.backing {
            Backing::Memory(array) => return Ok(array.select(selection)?),
            Backing::Part(whole, part) => {
                return match part.then(selection) {
                    Some(both) => whole.read(&both),
                    None => Ok(whole.read(part)?.select(selection)?),
                };
            }
            Backing::Cast(whole, cast) => {
                let part = whole.read(selection)?;
                return cast.array(&part.view()).map_err(|error| self.place(error));
            }
            Backing::Objects(_) => return Err(self.place(ErrorKind::Objects)),
            Backing::Stored(stored) => stored,
        };
        let itemsize = self.dtype.itemsize();
        let units = Units::new(&self.shape, self.order, itemsize, selection);
        stored
            .check_nbytes(units.end())
            .map_err(|e| self.place(e))?;
        let shape = selection.source_shape();
        let layout = Layout::contiguous(&shape, itemsize, self.order)?;
        // `contiguous` has checked that the product fits.
        let nbytes = layout.size() * itemsize;
        let ready = if selection.is_all(&self.shape) {
            stored.whole()
        } else {
            None
        };
        let ready = ready.or_else(|| Some(Ok(stored.shared(units.single()?, nbytes as u64)?)));
        let read = || {
            let mut bytes = ndferry_io::BigBuffer::zeroed(nbytes).map_err(crate::error::outside)?;
            stored.read(selection, &units, &mut bytes)?;
            Ok(bytes.into_bytes())
        };
        let bytes = ready.unwrap_or_else(read).map_err(|e| self.place(e))?;
        let dense = Array::new(self.dtype.clone(), layout, bytes)?;
        if selection.is_all(&self.shape) {
            return Ok(dense);
        }
        Ok(dense.select(&Units::place(selection)?)?)
    }

    /// Several parts that share no elements, in one pass where each would need what stands before it: out of a deflated
    /// member of an NPZ.
    pub(crate) fn read_parts(&self, parts: &[Selection]) -> Result<Vec<Array>> {
        let stored = match &self.backing {
            Backing::Stored(stored) if !stored.is_seekable() => stored,
            Backing::Cast(whole, cast) => {
                let parts = whole.read_parts(parts)?.into_iter();
                let cast = |part: Array| cast.array(&part.view());
                return parts
                    .map(|part| cast(part).map_err(|error| self.place(error)))
                    .collect();
            }
            _ => return parts.iter().map(|part| self.read(part)).collect(),
        };
        let itemsize = self.dtype.itemsize();
        let units: Vec<Units> = parts
            .iter()
            .map(|part| Units::new(&self.shape, self.order, itemsize, part))
            .collect();
        let end = units.iter().map(Units::end).max().unwrap_or(0);
        stored.check_nbytes(end).map_err(|e| self.place(e))?;
        let mut layouts = Vec::with_capacity(parts.len());
        let mut buffers = Vec::with_capacity(parts.len());
        for part in parts {
            let layout = Layout::contiguous(&part.source_shape(), itemsize, self.order)?;
            let buffer = ndferry_io::BigBuffer::zeroed(layout.size() * itemsize);
            buffers.push(buffer.map_err(|error| self.place(crate::error::outside(error)))?);
            layouts.push(layout);
        }
        let pairs = parts.iter().zip(&units).zip(&mut buffers);
        let mut wanted: Vec<Wanted<'_>> = pairs
            .map(|((selection, units), out)| Wanted {
                selection,
                units,
                out,
            })
            .collect();
        stored
            .read_parts(&mut wanted)
            .map_err(|error| self.place(error))?;
        let found = layouts.into_iter().zip(buffers).zip(parts);
        found
            .map(|((layout, buffer), part)| {
                let dense = Array::new(self.dtype.clone(), layout, buffer.into_bytes())?;
                Ok(dense.select(&Units::place(part)?)?)
            })
            .collect()
    }

    /// The part that an index picks, as `array[index]` in NumPy. Reads as [`Self::read`] does.
    ///
    /// # Errors
    /// [`ndferry_array::Error`] for an index that does not fit; as [`Self::read`].
    pub fn index(&self, indexing: &Indexing) -> Result<Array> {
        let selection = indexing.resolve(&self.shape);
        self.read(&selection.map_err(|error| self.place(error))?)
    }

    /// The part that a selection for this shape picks, not read yet (but of a deflated member of an NPZ). It has no path.
    ///
    /// Its order is the one that NumPy would save it in: F if a view of the whole would be contiguous that way only.
    ///
    /// # Errors
    /// [`ErrorKind::Objects`].
    pub fn part(&self, selection: &Selection) -> Result<Self> {
        if let Backing::Memory(array) = &self.backing {
            return Ok(Self {
                source: Arc::clone(&self.source),
                ..Self::from(array.select(selection)?)
            });
        }
        if matches!(self.backing, Backing::Objects(_)) {
            return Err(self.place(ErrorKind::Objects));
        }
        if matches!(&self.backing, Backing::Stored(stored) if !stored.is_seekable()) {
            // Read in pieces it would be unpacked from its start for each of them.
            return Ok(Self {
                source: Arc::clone(&self.source),
                ..Self::from(self.read(selection)?)
            });
        }
        if let Backing::Cast(whole, cast) = &self.backing {
            return whole.part(selection)?.with_cast(Arc::clone(cast));
        }
        let itemsize = self.dtype.itemsize();
        let whole = Layout::contiguous(&self.shape, itemsize, self.order)?;
        let layout = whole.select(selection)?;
        Ok(Self {
            source: Arc::clone(&self.source),
            path: String::new(),
            dtype: self.dtype.clone(),
            shape: layout.shape().to_vec(),
            order: layout.order(itemsize).unwrap_or(Order::C),
            nbytes: layout.size() as u64 * itemsize as u64,
            attributes: Attributes::default(),
            backing: Backing::Part(Arc::new(self.clone()), selection.clone()),
        })
    }

    /// The same array with elements of another dtype, which are made as they are read. See [`Cast`] about the values.
    ///
    /// # Errors
    /// [`ndferry_array::Error`] if `casting` forbids it or there is no way; [`ErrorKind::Objects`].
    pub fn cast(&self, dtype: &Dtype, casting: Casting) -> Result<Self> {
        if matches!(self.backing, Backing::Objects(_)) {
            return Err(self.place(ErrorKind::Objects));
        }
        let cast = Cast::new(&self.dtype, dtype, casting).map_err(|error| self.place(error))?;
        if cast.is_nothing() {
            return Ok(self.clone());
        }
        self.with_cast(Arc::new(cast))
    }

    fn with_cast(&self, cast: Arc<Cast>) -> Result<Self> {
        let itemsize = cast.target().itemsize() as u64;
        let nbytes = self.size().checked_mul(itemsize);
        let too_big = || ndferry_array::Error::TooBig {
            shape: self.shape.clone(),
            itemsize: cast.target().itemsize(),
        };
        Ok(Self {
            dtype: cast.target().clone(),
            nbytes: nbytes.ok_or_else(|| self.place(too_big()))?,
            backing: Backing::Cast(Arc::new(self.clone()), cast),
            ..self.clone()
        })
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// Damage; [`ErrorKind::Objects`].
    pub fn load(&self) -> Result<Array> {
        self.read(&Selection::all(&self.shape))
    }

    /// All elements in stored order, in runs of whole elements of at most `max_nbytes` bytes (or one element), with no
    /// more memory than that.
    ///
    /// # Errors
    /// [`ErrorKind::Objects`]; failing to open a member.
    pub fn runs(&self, max_nbytes: usize) -> Result<Runs<'_>> {
        self.runs_in(self.order, max_nbytes)
    }

    /// All elements in the given order. In the order that is not the stored one, pieces of a file are read out of
    /// sequence, and a deflated member is inflated into memory first.
    ///
    /// # Errors
    /// As [`Self::runs`].
    pub fn runs_in(&self, order: Order, max_nbytes: usize) -> Result<Runs<'_>> {
        Runs::new(self, order, max_nbytes)
    }

    /// The array if it is in memory already.
    pub fn in_memory(&self) -> Option<&Array> {
        match &self.backing {
            Backing::Memory(array) => Some(array),
            Backing::Stored(_) | Backing::Part(..) | Backing::Cast(..) | Backing::Objects(_) => {
                None
            }
        }
    }

    /// Its Python objects, which are pickled somewhere; `None` of numbers and text.
    pub fn objects(&self) -> Option<&Objects> {
        match &self.backing {
            Backing::Objects(objects) => objects.as_ref(),
            _ => None,
        }
    }

    /// The same array stored in this order; it is loaded if that is another one.
    #[cfg(feature = "npb")]
    pub(crate) fn in_order(&self, order: Option<Order>) -> Result<Self> {
        match order {
            Some(order) if order != self.order => Ok(Self {
                source: Arc::clone(&self.source),
                path: self.path.clone(),
                attributes: self.attributes.clone(),
                ..Self::from(self.load()?.into_order(order)?)
            }),
            _ => Ok(self.clone()),
        }
    }

    /// Bytes that stand for this array, under its name.
    #[cfg(feature = "npb")]
    pub(crate) fn with_bytes(&self, nbytes: u64, backing: Backing) -> Result<Self> {
        let extent = usize::try_from(nbytes).unwrap_or(usize::MAX);
        Ok(Self {
            source: Arc::clone(&self.source),
            path: self.path.clone(),
            dtype: Dtype::new(
                ndferry_array::Kind::Void,
                ndferry_array::ByteOrder::NotApplicable,
                1,
            )?,
            shape: vec![extent],
            order: Order::C,
            nbytes,
            attributes: self.attributes.clone(),
            backing,
        })
    }

    pub(crate) fn backing(&self) -> &Backing {
        &self.backing
    }

    /// Says whose fault it was.
    pub(crate) fn place(&self, error: impl Into<Error>) -> Error {
        let error = error.into().in_member(&self.path);
        if self.source.is_empty() {
            error
        } else {
            error.in_source(&self.source)
        }
    }
}

impl From<Array> for LazyArray {
    /// Keeps C and F order; other layouts count as C.
    fn from(array: Array) -> Self {
        Self {
            source: Arc::from(""),
            path: String::new(),
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            order: array.order().unwrap_or(Order::C),
            nbytes: array.nbytes() as u64,
            attributes: Attributes::default(),
            backing: if array.dtype().has_object() {
                Backing::Objects(None)
            } else {
                Backing::Memory(array)
            },
        }
    }
}
