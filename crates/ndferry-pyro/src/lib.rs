//! Pyro4 and Pyro5 without Python: calls to their objects, and objects that their programs call.
//!
//! [`Head`] and [`Annotations`] are what messages begin with, in both dialects; [`Encoding`] and [`Decoding`] turn
//! [`Value`]s into bodies and back, in each of Pyro's serializers. Pickles are read as data: nothing that a peer sends is
//! imported or called. [`Pyro3`] calls objects of older programs.
#![forbid(unsafe_code)]

mod body;
mod broadcast;
mod channel;
mod codec;
mod daemon;
mod error;
mod hmac_sha1;
mod incoming;
mod limits;
mod message;
mod metadata;
mod name_server;
mod name_table;
mod print;
mod proxy;
mod pyro3;
mod served;
mod session;
mod uri;
mod value;

pub use body::{Body, BodyWriter};
pub use broadcast::Announcer;
pub use codec::{ArraysAs, Call, Decoding, Encoding, Serializer};
pub use daemon::{Daemon, DaemonOptions, Stopper};
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use message::{Annotations, Dialect, Flags, Head, Message, MessageKind};
pub use metadata::Metadata;
pub use name_server::NameServer;
pub use name_table::NameTable;
pub use ndferry_array::Array;
pub use ndferry_io::{ExchangeOptions, Interrupt, Url};
pub use proxy::{Answer, Proxy, ProxyOptions};
pub use pyro3::{Pyro3, Pyro3Uri};
pub use served::{Items, Outcome, Returned, Served};
pub use uri::Uri;
pub use value::{Exception, Object, Value};
