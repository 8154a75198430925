//! NumPy's arithmetic, by name: [`call`] takes views of arrays and numbers of Python, and gives arrays.
//!
//! Dtypes are promoted as in NumPy 2, shapes broadcast, integers wrap around, and division by zero gives what NumPy gives
//! (without its warnings). Bools, integers of 1 to 8 bytes, f2, f4, f8, c8 and c16 are computed with; everything else is
//! refused by functions that compute, while those that only move elements take every dtype.
//!
//! Each has a function of Rust in [`np`], with the options that are needed most.
//!
//! ```
//! use ndferry_array::Array;
//! use ndferry_math::{Operand, Options, call};
//!
//! let column = Array::from_elements(&[2, 1], &[1u8, 255])?;
//! let row = Array::from_elements(&[3], &[0i16, 1, 2])?;
//! let sum = call("add", &[Operand::from(&column), Operand::from(&row)], &Options::new())?;
//! assert_eq!(sum[0].shape(), [2, 3]);
//! assert_eq!(sum[0].to_elements::<i16>()?, [1, 2, 3, 255, 256, 257]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where it is not NumPy 2
//!
//! Real NumPy 2.4 is asked about every function in `oracle/`; what differs, differs on purpose:
//!
//! * Times, text, records and long doubles are moved but not computed with.
//! * No warnings. An axis beyond 32 bits is an `AxisError`, `split` into 0 sections a `ValueError`, as is `tril` of a number.
//! * Floats of sums, products and functions may differ in the last digits; which NaN it is, and the sign of a 0 of complex
//!   numbers, is not kept.
//! * `1 / 0` of integers is what NumPy gives on this processor only sometimes: the least number.
//! * `nanquantile` with an array of ranks has the same dtype also if the first lane is nothing but NaNs.
//! * Matrices with NaNs or infinities: `eigh`, `eigvalsh` and `cholesky` refuse them, as NumPy's `svd` and `eig` do; what
//!   `solve`, `inv` and `det` make of them is not finite, where NumPy's depends on its LAPACK. `qr` gives NaNs where NumPy gives them.
//! * `linalg.lu` is SciPy's. Matrices of f4 and c8 are decomposed as f8 and c16 and rounded.
#![forbid(unsafe_code)]

#[macro_use]
mod dispatch;

mod arith;
mod astype;
mod axes;
mod binary;
mod code;
mod counting;
mod cumulate;
mod diagonal;
mod error;
mod extreme;
mod feed;
mod fold;
mod gather;
mod histogram;
mod indexing;
mod joining;
mod linalg;
mod map;
mod masked;
mod moving;
mod names;
pub mod np;
mod number;
mod operand;
mod options;
mod order;
mod padding;
mod pick;
mod products;
mod quantile;
mod radix;
mod ranked;
mod real;
mod reduce;
mod room;
mod select;
mod sorting;
mod table;
mod unary;
mod vector;
mod widest;

pub use error::{ErrorKind, MathError};
pub use indexing::assign;
pub use operand::Operand;
pub use options::{Options, Pick, Setting};
pub use table::{Function, call, functions};

/// The examples of the guide run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/arithmetic.md")]
pub struct Guide;
