//! Pyro4 and Pyro5 without Python: calls to their objects, and objects that their programs call.
//!
//! [`Head`] and [`Annotations`] are what messages begin with, in both dialects; [`Encoding`] and [`Decoding`] turn
//! [`Value`]s into bodies and back, in each of Pyro's serializers. Pickles are read as data: nothing that a peer sends is
//! imported or called. [`Pyro3`] calls objects of older programs.
//!
//! An object that is served, and called, here by the same program; each of the two may as well be one of Pyro4 or Pyro5:
//!
//! ```
//! use std::sync::Arc;
//! use ndferry_pyro::{
//!     Array, Daemon, DaemonOptions, Exception, Metadata, Outcome, Proxy, ProxyOptions, Returned, Served, Value,
//! };
//!
//! struct Camera;
//!
//! impl Served for Camera {
//!     fn metadata(&self) -> Metadata {
//!         Metadata::new(&["snap"], &[])
//!     }
//!
//!     fn call(&self, _: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
//!         let size = args.first().and_then(Value::as_int).and_then(|n| usize::try_from(n).ok());
//!         let size = size.ok_or_else(|| Exception::new("builtins.TypeError", "no size"))?;
//!         let frame = Array::from_elements(&[size, size], &vec![7u16; size * size]);
//!         let wrong = |_| Exception::new("builtins.ValueError", "too large");
//!         Ok(Value::from(frame.map_err(wrong)?).into())
//!     }
//! }
//!
//! let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse()?, DaemonOptions::default())?;
//! let uri = daemon.register("camera", Arc::new(Camera));
//! let stopper = daemon.stopper();
//! let serving = std::thread::spawn(move || daemon.serve());
//!
//! let mut camera = Proxy::connect(&uri, &ProxyOptions::default())?;
//! let frame = camera.call("snap", vec![2.into()])?;
//! let array = frame.to_array()?.expect("an array");
//! assert_eq!(array.to_elements::<u16>()?, [7; 4]);
//! let error = camera.call("snap", vec!["large".into()]).unwrap_err();
//! assert_eq!(error.to_string(), "TypeError: no size");
//! stopper.stop();
//! serving.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod body;
mod broadcast;
mod channel;
mod codec;
mod daemon;
mod error;
mod head;
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
pub use head::{Dialect, Flags, Head, MessageKind};
pub use limits::Limits;
pub use message::{Annotations, Message};
pub use metadata::Metadata;
pub use name_server::NameServer;
pub use name_table::NameTable;
pub use ndferry_array::Array;
pub use ndferry_io::{ExchangeOptions, Interrupt, Pin, TlsIdentity, TlsOptions, Url};
pub use proxy::{Answer, Proxy, ProxyOptions};
pub use pyro3::{Pyro3, Pyro3Uri};
pub use served::{Items, Outcome, Returned, Served};
pub use uri::Uri;
pub use value::{Exception, Object, Value};
