//! [`ProxyOptions`]: how to talk to objects of others.

use std::net::Ipv4Addr;

use ndferry_io::ExchangeOptions;

use crate::broadcast::BROADCAST_PORT;
use crate::{ArraysAs, Dialect, Limits, Serializer, Value};

/// How to talk to objects of others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProxyOptions {
    /// Which Pyro is there; if that is not said, it is found out.
    pub dialect: Option<Dialect>,
    /// How values go; if that is not said, Pyro4 gets pickles, which arrays need, or serpent where it refuses those, and
    /// Pyro5 gets serpent.
    pub serializer: Option<Serializer>,
    /// Pyro4: signs all messages, and takes only those that are signed with it.
    pub key: Option<Vec<u8>>,
    /// What arrays become where they are not known.
    pub arrays: ArraysAs,
    /// Whether to pack data by zlib.
    pub compress: bool,
    /// What the hand-shake says; `"hello"` unless a program wants something else.
    pub handshake: Value,
    /// Tells what belongs to one activity.
    pub correlation: Option<[u8; 16]>,
    /// The UDP port at which everybody near is asked for a name server where none is said and this machine has none.
    pub broadcast: Option<u16>,
    /// Who is asked there: at first everybody near, and this machine.
    pub broadcast_to: Vec<Ipv4Addr>,
    /// Whether connections by TCP are encrypted, as Pyro's are with `SSL`; no address says so. Whom to believe, and what to
    /// show to daemons that want a certificate of their clients, is in `exchange.tls`. Needs the feature `tls`.
    pub tls: bool,
    /// What an answer may ask for.
    pub limits: Limits,
    /// How to connect, and for how long to wait.
    pub exchange: ExchangeOptions,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            dialect: None,
            serializer: None,
            key: None,
            arrays: ArraysAs::default(),
            compress: false,
            handshake: "hello".into(),
            correlation: None,
            broadcast: Some(BROADCAST_PORT),
            broadcast_to: vec![Ipv4Addr::BROADCAST, Ipv4Addr::LOCALHOST],
            tls: false,
            limits: Limits::default(),
            exchange: ExchangeOptions::default(),
        }
    }
}
