//! NPB, NumPy arrays in blocks: messages, tiles, codecs. No I/O and no arrays.
//!
//! The format's document is `docs/formats/npb.md`.
#![forbid(unsafe_code)]

mod block;
mod buffer;
mod codec;
mod cursor;
mod decoder;
mod element;
mod error;
mod filter;
mod grid;
mod index;
mod limits;
mod manifest;
mod message;
mod pack;
mod ranges;
mod scan;
mod session;

pub use block::{Block, SUBHEAD_NBYTES};
pub use buffer::Buffer;
pub use codec::Codec;
pub use decoder::{Decoder, Event, Repeats};
pub use element::{ElementKind, ElementType, Endian};
pub use error::{Error, ErrorKind, What};
pub use filter::Filter;
pub use grid::{Span, Tile, TileGrid};
pub use index::{
    Catalog, CatalogEntry, End, Extent, IndexPart, PART_TILES, Place, ROOT, Root, TAIL_NBYTES, Tail,
};
pub use limits::Limits;
pub use manifest::Manifest;
pub use message::{HEAD_NBYTES, Head, Kind, MAGIC, message};
pub use pack::{Packed, Packer, Unpacker, unpack};
pub use ranges::Ranges;
pub use scan::{FoundArray, Scan, Scanner};
pub use session::{Ack, Auth, Hello, Refuse, RefuseCode, Resume, credit, name, ping};
