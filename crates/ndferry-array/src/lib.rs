//! What a NumPy array is: a [`Dtype`], a [`Layout`] (shape and strides in bytes) and bytes.
//!
//! No I/O and no file format: those are `ndferry-npy`, `ndferry-pickle` and `ndferry-npb`. Terms are
//! NumPy's: **strides are bytes**, `order` is C (last index fastest) or F (first index fastest).
//!
//! ```
//! use ndferry_array::{Array, Dtype};
//!
//! let a = Array::from_elements(&[2, 3], &[1i16, 2, 3, 4, 5, 6])?;
//! let column = a.index(&"::-1, 1".parse()?)?;
//! assert_eq!(a.dtype(), &Dtype::parse("<i2")?);
//! assert_eq!(column.shape(), [2]);
//! assert_eq!(column.to_elements::<i16>()?, [5, 2]);
//! # Ok::<(), ndferry_array::Error>(())
//! ```
#![forbid(unsafe_code)]

mod array;
mod byteswap;
mod cast;
mod copy;
mod datetime;
mod descr;
mod dtype;
mod element;
mod error;
mod index;
mod layout;
#[cfg(feature = "ndarray")]
mod ndarray;
mod parse;
mod print;
mod structured;
mod view;

pub use array::Array;
pub use cast::{Cast, Casting, can_cast};
pub use datetime::{DateUnit, NAT, TimeUnit};
pub use descr::{Descr, DescrField};
pub use dtype::{ByteOrder, Dtype, Kind};
pub use element::Element;
pub use error::{Error, FieldProblem};
pub use index::{AxisRange, Index, Indexing, OutAxis, Selection};
pub use layout::{Layout, MAX_NDIM, Order};
pub use print::{Corners, FloatMode, Form, LongDouble, PrintOptions, Sign, masked_words};
pub use structured::{Field, Struct, Subarray};
pub use view::{ArrayView, ArrayViewMut};
