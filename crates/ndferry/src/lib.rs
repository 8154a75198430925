#![doc = include_str!("../README.md")]
//!
//! # Where to begin in the library
//!
//! [`Source::open`] tells what a file is by its first bytes and lists the arrays in it without reading them;
//! [`LazyArray`] reads what is asked for and no more; [`save()`] writes it in any format; [`send()`] and [`Receiver`] move it
//! between processes in checked blocks with bounded memory.
//!
//! Reading NPY, NPZ and pickles is always there. The features `npb` and `transport` add NPB files and sockets,
//! `images` writes TIFF and PNG, `zarr` reads and writes Zarr stores, `http` and `https` read parts of files on web servers, and `shm` sends through shared memory (Linux).
#![forbid(unsafe_code)]

mod address;
mod append_rows;
mod attributes;
mod check;
mod compressed;
mod diff;
mod digest;
mod elsewhere;
mod error;
#[cfg(feature = "transport")]
mod file_name;
#[cfg(feature = "transport")]
mod fingerprint;
mod format;
#[cfg(feature = "transport")]
mod frame_reader;
#[cfg(feature = "transport")]
mod frames;
#[cfg(feature = "transport")]
mod gaps;
#[cfg(feature = "images")]
mod image;
#[cfg(feature = "imagej")]
mod imagej;
#[cfg(feature = "transport")]
mod inbox;
mod input;
mod interrupt;
mod joblib_beside;
#[cfg(feature = "transport")]
mod keep_alive;
mod lazy;
mod limits;
#[cfg(feature = "transport")]
mod live;
#[cfg(feature = "transport")]
mod live_frame;
#[cfg(feature = "transport")]
mod live_watch;
mod lock;
mod member;
#[cfg(feature = "zmq")]
mod messages;
#[cfg(feature = "npb")]
mod npb_edit;
#[cfg(feature = "npb")]
mod npb_file;
#[cfg(feature = "npb")]
mod npb_objects;
#[cfg(feature = "npb")]
mod npb_plan;
#[cfg(feature = "npb")]
mod npb_resume;
#[cfg(feature = "npb")]
mod npb_rows;
#[cfg(feature = "npb")]
mod npb_write;
mod npy_file;
mod npy_grow;
mod npz_file;
mod npz_save;
mod number;
#[cfg(feature = "npb")]
mod object_array;
mod outline;
#[cfg(feature = "npb")]
mod pack_line;
mod packing;
#[cfg(feature = "transport")]
mod part;
#[cfg(feature = "imagej")]
mod peer;
mod persistent;
mod pickle_file;
mod pickle_save;
mod pickle_scan;
mod pickle_walk;
mod policy;
mod progress;
#[cfg(feature = "npb")]
mod recipe;
#[cfg(feature = "transport")]
mod recv;
mod remote;
#[cfg(feature = "npb")]
mod repair;
mod repickle;
#[cfg(all(feature = "imagej", feature = "shm", target_os = "linux"))]
mod ring_link;
mod runs;
mod safety;
mod save;
mod scan;
#[cfg(feature = "transport")]
mod send;
#[cfg(feature = "transport")]
mod session;
mod source;
mod stats;
#[cfg(feature = "transport")]
mod store;
mod stored;
mod stream;
mod text;
mod threads;
#[cfg(feature = "npb")]
mod tile_buffers;
#[cfg(feature = "npb")]
mod tile_plan;
#[cfg(feature = "transport")]
mod token;
mod torch_file;
mod units;
mod values;
#[cfg(feature = "transport")]
mod waiting_room;
#[cfg(feature = "transport")]
mod watcher;
mod wrapping;
#[cfg(feature = "zarr")]
mod zarr;

pub use address::Address;
pub use append_rows::append_rows;
pub use attributes::Attributes;
pub use check::{CheckOptions, Finding, Problem, check, check_bytes};
pub use diff::{DiffOptions, Difference, Pair, diff};
pub use error::{Error, ErrorClass, ErrorKind, Result, TokenProblem};
#[cfg(feature = "transport")]
pub use fingerprint::Fingerprint;
pub use format::{Format, foreign, sniff};
#[cfg(feature = "transport")]
pub use frame_reader::FrameReader;
#[cfg(feature = "transport")]
pub use frames::{FrameOptions, from_frames, to_frames};
#[cfg(feature = "transport")]
pub use gaps::{Cut, Until};
#[cfg(feature = "imagej")]
pub use imagej::{IMAGEJ_VERSION, ImageJ, running_imagejs};
pub use interrupt::Interrupt;
pub use lazy::LazyArray;
pub use limits::{Limits, OpenOptions};
#[cfg(feature = "transport")]
pub use live::{Broadcast, Live, LiveOptions, LivePolicy, Watched};
pub use member::{MemberInfo, Storage, escape_key, path_elements, unescape_key};
#[cfg(feature = "zmq")]
pub use messages::{Message, MessageOptions, MessageSender, Messages, Recipe};
pub use ndferry_array::{
    Array, ArrayView, ArrayViewMut, ByteOrder, Cast, Casting, Descr, DescrField, Dtype, Element,
    Error as ArrayError, Field, Index, Indexing, Kind, Layout, Order, PrintOptions, Selection,
    Struct, can_cast,
};
#[cfg(feature = "tls")]
pub use ndferry_io::TlsProblem;
#[cfg(feature = "zmq")]
pub use ndferry_io::ZmqSocket;
#[cfg(all(feature = "shm", target_os = "linux"))]
pub use ndferry_io::{Filling, Lease, Segment, SegmentMap, SegmentPool};
#[cfg(feature = "transport")]
pub use ndferry_io::{Pin, TlsIdentity, TlsOptions};
pub use ndferry_io::{ReadAt, peak_memory};
pub use ndferry_pickle::{Era, Place, Use, Uses};
#[cfg(feature = "npb")]
pub use npb_edit::{CreateOptions, NpbFile};
#[cfg(feature = "npb")]
pub use npb_resume::append;
pub use outline::OutlineOptions;
pub use packing::{Codec, Filter, Packing};
#[cfg(feature = "imagej")]
pub use peer::{Answer, Peer, PeerOptions, Word};
pub use persistent::PersistentLoad;
pub use policy::{Policy, PolicyError};
pub use progress::Progress;
#[cfg(feature = "transport")]
pub use recv::{Received, ReceivedArray, Receiver, RecvOptions, Target};
pub use remote::source_name;
#[cfg(feature = "npb")]
pub use repair::{RepairOptions, Repaired, repair, verify};
pub use repickle::{RepickleOptions, Repickled, repickle, repickle_to};
pub use runs::{Run, Runs};
pub use safety::{GlobalUse, Grade, Safety};
pub use save::{Item, NumpyEra, SaveOptions, Saved, save, save_to, saved_nbytes, write_atomically};
pub use scan::{ScanOptions, Scanned, scan, scan_bytes};
#[cfg(feature = "transport")]
pub use send::{SendOptions, Sent, send};
pub use source::{PickleInfo, Source, map};
pub use stats::{Histogram, Number, Stats, StatsOptions, stats};
pub use text::LazyMasked;
#[cfg(feature = "transport")]
pub use token::Token;
pub use values::{Objects, Opened, Values};
#[cfg(feature = "transport")]
pub use watcher::{LiveFrame, Watcher, watch};

/// The values of pickles.
pub mod pickle {
    pub use ndferry_pickle::{
        ArrayReader, Blob, Call, CallKind, Elements, Error, ErrorKind, Global, Id, Limits, Payload,
        PickledArray, Recognised, StoredOrder, Tree, Value,
    };
}

/// The examples of the guide run.
#[cfg(all(doctest, feature = "transport"))]
#[doc = include_str!("../../../docs/guide/rust.md")]
pub struct Guide;
