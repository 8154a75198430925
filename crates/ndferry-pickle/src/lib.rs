//! Python pickles, protocols 0 to 5, as data: nothing is imported, nothing is called.
//!
//! [`Machine`] turns opcodes into a [`Tree`] of [`Value`]s. What NumPy, `array.array` and the standard library pickle is
//! recognised in it by exact names; everything else stays a [`Call`] with arguments and state, so that arrays inside it
//! come out all the same.
#![forbid(unsafe_code)]

mod dtype;
mod elements;
mod emit;
mod error;
mod inflow;
mod input;
mod limits;
mod lists;
mod machine;
mod memo;
mod node;
mod numpy;
mod numpy_names;
mod opcode;
mod python_names;
mod repickle;
mod repr;
mod role;
mod scan;
mod standard;
mod stdlib;
mod text;
mod tree_builder;
mod tree_writer;
mod value;
mod write;

pub use elements::Payload;
pub use error::{Error, ErrorKind, Result};
pub use inflow::{Gather, Inflow};
pub use input::ReadAt;
pub use limits::Limits;
pub use machine::Machine;
pub use numpy::{ArrayReader, Elements, PickledArray, Recognised, StoredOrder};
pub use repickle::{Era, Repickled, Unknown, repickle};
pub use scan::{Between, NameUse, Place, Scan, Use, Uses};
pub use standard::{Date, Standard, Time, TimeDelta};
pub use tree_builder::{Built, TreeBuilder};
pub use tree_writer::{TakeBuffer, TreeWriter};
pub use value::{Blob, Call, CallKind, Global, Id, Tree, Value};
pub use write::{ArrayHead, Numpy, OpenElements, PickleWriter, WriteOptions};
