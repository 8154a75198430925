//! [`connect`] and [`Listener`]: from an address to a [`Link`].

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::net::OverSocket;
use crate::reception::{Doorman, Reception};
use crate::{
    Framing, Interrupt, Link, Result, Socket, Stream, StreamTransport, TlsOptions, Url, net, pipe,
};

/// How to talk to a peer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkOptions {
    /// How long frames are.
    pub framing: Framing,
    /// How long connecting may take, name look-up and all.
    pub connect_timeout: Duration,
    /// How long a peer may be silent; see [`crate::Duplex::set_timeout`].
    pub timeout: Duration,
    /// How long a peer that has connected may take until it is let in.
    pub greeting_timeout: Duration,
    /// How many bytes it may send until then.
    pub greeting_nbytes: u64,
    /// Stops whatever waits, within 200 ms.
    pub interrupt: Interrupt,
    /// Over `tls://`: whom to believe, and who this side is.
    pub tls: TlsOptions,
    /// Over `zmq+tcp://` and `zmq+ipc://`: what this side is.
    #[cfg(feature = "zmq")]
    pub zmq: crate::ZmqOptions,
}

impl LinkOptions {
    /// 10 seconds to connect, 10 more for a first frame of at most 4 KiB, then 60 seconds of silence.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            greeting_timeout: Duration::from_secs(10),
            greeting_nbytes: 4096,
            interrupt: Interrupt::new(),
            tls: TlsOptions::default(),
            #[cfg(feature = "zmq")]
            zmq: crate::ZmqOptions::default(),
        }
    }
}

/// Frames over a stream, with the patience of `options`.
pub(crate) fn over<S: Stream>(stream: S, options: &LinkOptions) -> StreamTransport<S> {
    let interrupt = options.interrupt.clone();
    StreamTransport::new(stream, options.framing, options.timeout, interrupt)
}

/// Connects to a peer that listens; `-` is standard output.
///
/// # Errors
/// [`crate::Error::System`], [`crate::Error::ConnectTimeout`], [`crate::Error::Interrupted`]; over `tls://` a
/// `TlsProblem`, and [`crate::Error::Deadline`] if the hand-shake takes too long;
/// [`crate::Error::NotBuilt`] for Unix sockets where the system has none.
pub fn connect(url: &Url, options: &LinkOptions) -> Result<Link> {
    options.interrupt.check()?;
    match url {
        Url::Tcp { .. } | Url::Unix(_) => Ok(Box::new(over(net::connect(url, options)?, options))),
        #[cfg(feature = "tls")]
        Url::Tls { host, pin, .. } => {
            // Before anybody is called.
            let caller = crate::tls::Caller::new(host, *pin, &options.tls)?;
            let socket = caller.call(net::connect(url, options)?, options)?;
            Ok(Box::new(over(socket, options)))
        }
        #[cfg(not(feature = "tls"))]
        Url::Tls { .. } => Err(crate::Error::NotBuilt { scheme: "tls" }),
        Url::Shm(_) | Url::ShmOrTcp { .. } => {
            Ok(sharing(over(net::connect(url, options)?, options)))
        }
        #[cfg(feature = "zmq")]
        Url::ZmqTcp { .. } | Url::ZmqIpc(_) => {
            let socket = net::connect(url, options)?;
            let zmq = crate::zmq::ZmqStream::connecting(socket, &options.zmq);
            Ok(Box::new(over(zmq, options)))
        }
        Url::Pipe => Ok(Box::new(pipe::stdout(
            options.framing,
            options.interrupt.clone(),
        )?)),
    }
}

/// A link with large frames in shared memory, if the other side is on this machine.
fn sharing(stream: StreamTransport<Socket>) -> Link {
    #[cfg(all(feature = "shm", target_os = "linux"))]
    return crate::shm::over(stream);
    #[cfg(not(all(feature = "shm", target_os = "linux")))]
    return Box::new(stream);
}

/// Waits for peers, and lets those in that a [`Doorman`] of type `D` has nothing against.
pub struct Listener<D = ()> {
    kind: Kind<D>,
    options: LinkOptions,
    doorman: Box<dyn Fn() -> D + Send>,
}

#[derive(Debug)]
enum Kind<D> {
    Socket {
        listener: net::SocketListener,
        reception: Reception<D>,
    },
    /// Peers that are there already.
    Waiting { url: Url, links: VecDeque<Link> },
}

impl Listener {
    /// Listens at `url`; `-` is standard input, which is a single peer. A Unix socket that nobody listens at any more is
    /// replaced, and its file is removed when this is dropped. Every peer is let in that has sent a whole frame.
    ///
    /// # Errors
    /// [`crate::Error::System`], for instance if the address is in use.
    pub fn bind(url: &Url, options: LinkOptions) -> Result<Self> {
        Self::with_doorman(url, options, || ())
    }

    /// Waits for a peer that has said something: its first frame is there, [`crate::FrameSource::recv`] gives it at once.
    /// `None` if none came in time, or if there can be no more.
    ///
    /// So it is those who connect that speak first. Any number of others who are silent, drip, or send what is no frame
    /// are looked after meanwhile, and cost no more than 20 KiB each (40 over TLS).
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], [`crate::Error::System`].
    pub fn accept(&mut self, wait: Duration) -> Result<Option<Link>> {
        Ok(self.admit(wait)?.map(|(link, ())| link))
    }
}

impl<D: Doorman> Listener<D> {
    /// As [`Listener::bind`], with a doorman for each peer; but one that cannot answer is let in without.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn with_doorman(
        url: &Url,
        options: LinkOptions,
        doorman: impl Fn() -> D + Send + 'static,
    ) -> Result<Self> {
        let kind = match url {
            Url::Pipe => {
                let stdin: Link =
                    Box::new(pipe::stdin(options.framing, options.interrupt.clone())?);
                Kind::Waiting {
                    url: url.clone(),
                    links: VecDeque::from([stdin]),
                }
            }
            _ => Kind::Socket {
                listener: net::SocketListener::bind(url, &options)?,
                reception: Reception::new(),
            },
        };
        Ok(Self {
            kind,
            options,
            doorman: Box::new(doorman),
        })
    }

    /// Where it listens, with the real port, and the pin of its certificate if it has one.
    pub fn url(&self) -> &Url {
        match &self.kind {
            Kind::Socket { listener, .. } => listener.url(),
            Kind::Waiting { url, .. } => url,
        }
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match &self.kind {
            Kind::Socket { listener, .. } => listener.is_local(),
            Kind::Waiting { .. } => true,
        }
    }

    /// Waits for a peer that its doorman lets in. `None` if none came in time, or if there can be no more.
    ///
    /// All that come are spoken with at once; each costs no more than 20 KiB (40 over TLS).
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], [`crate::Error::System`].
    pub fn admit(&mut self, wait: Duration) -> Result<Option<(Link, D)>> {
        match &mut self.kind {
            Kind::Socket {
                listener,
                reception,
            } => {
                let entered = reception.next(listener, &*self.doorman, wait, &self.options)?;
                let shares = matches!(listener.url(), Url::Shm(_) | Url::ShmOrTcp { .. });
                Ok(entered.map(|(link, doorman)| {
                    let link = match shares {
                        true => link
                            .over(OverSocket::plain)
                            .map_or_else(|other| other as Link, sharing),
                        false => Box::new(link) as Link,
                    };
                    (link, doorman)
                }))
            }
            Kind::Waiting { links, .. } => {
                Ok(links.pop_front().map(|link| (link, (self.doorman)())))
            }
        }
    }

    /// How many peers have left, sent what is no frame, were refused, or ran out of time before they were let in.
    pub fn turned_away(&self) -> u64 {
        match &self.kind {
            Kind::Socket { reception, .. } => reception.turned_away(),
            Kind::Waiting { .. } => 0,
        }
    }
}

impl<D: fmt::Debug> fmt::Debug for Listener<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("kind", &self.kind)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
