//! Pyro4 and Pyro5 without Python: calls to their objects, and objects that their programs call.
//!
//! [`Head`] and [`Annotations`] are what messages begin with, in both dialects; [`Encoding`] and [`Decoding`] turn
//! [`Value`]s into bodies and back, in each of Pyro's serializers. Pickles are read as data: nothing that a peer sends is
//! imported or called.
#![forbid(unsafe_code)]

mod body;
mod codec;
mod error;
mod hmac_sha1;
mod limits;
mod message;
mod uri;
mod value;

pub use body::{Body, BodyWriter};
pub use codec::{ArraysAs, Call, Decoding, Encoding, Serializer};
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use message::{Annotations, Dialect, Flags, Head, Message, MessageKind};
pub use uri::Uri;
pub use value::{Exception, Object, Value};
