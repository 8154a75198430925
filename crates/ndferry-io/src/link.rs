//! [`connect`] and [`Listener`]: from an address to a [`Link`].

use std::collections::VecDeque;
use std::time::Duration;

use crate::reception::Reception;
use crate::{Framing, Interrupt, Link, Result, Url, net, pipe};

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
    /// How long a peer that has connected may take for its first frame.
    pub greeting_timeout: Duration,
    /// How long that frame may be.
    pub greeting_nbytes: u64,
    /// Stops whatever waits, within 200 ms.
    pub interrupt: Interrupt,
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
        }
    }
}

/// Connects to a peer that listens; `-` is standard output.
///
/// # Errors
/// [`crate::Error::System`], [`crate::Error::ConnectTimeout`], [`crate::Error::Interrupted`];
/// [`crate::Error::NotBuilt`] for Unix sockets where the system has none.
pub fn connect(url: &Url, options: &LinkOptions) -> Result<Link> {
    options.interrupt.check()?;
    match url {
        Url::Tcp { .. } | Url::Unix(_) => Ok(Box::new(net::connect(url, options)?)),
        Url::Pipe => Ok(Box::new(pipe::stdout(
            options.framing,
            options.interrupt.clone(),
        )?)),
    }
}

/// Waits for peers.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    options: LinkOptions,
}

#[derive(Debug)]
enum Kind {
    Socket {
        listener: net::SocketListener,
        reception: Reception,
    },
    /// Peers that are there already.
    Waiting { url: Url, links: VecDeque<Link> },
}

impl Listener {
    /// Listens at `url`; `-` is standard input, which is a single peer. A Unix socket that nobody listens at any more is
    /// replaced, and its file is removed when this is dropped.
    ///
    /// # Errors
    /// [`crate::Error::System`], for instance if the address is in use.
    pub fn bind(url: &Url, options: LinkOptions) -> Result<Self> {
        let kind = match url {
            Url::Tcp { .. } | Url::Unix(_) => Kind::Socket {
                listener: net::SocketListener::bind(url)?,
                reception: Reception::default(),
            },
            Url::Pipe => {
                let stdin: Link =
                    Box::new(pipe::stdin(options.framing, options.interrupt.clone())?);
                Kind::Waiting {
                    url: url.clone(),
                    links: VecDeque::from([stdin]),
                }
            }
        };
        Ok(Self { kind, options })
    }

    /// Where it listens, with the real port.
    pub fn url(&self) -> &Url {
        match &self.kind {
            Kind::Socket { listener, .. } => listener.url(),
            Kind::Waiting { url, .. } => url,
        }
    }

    /// Waits for a peer that has said something: its first frame is there, [`crate::FrameSource::recv`] gives it at once.
    /// `None` if none came in time, or if there can be no more.
    ///
    /// So it is those who connect that speak first. Any number of others who are silent, drip, or send what is no frame
    /// are looked after meanwhile, and cost no more than 20 KiB each.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], [`crate::Error::System`].
    pub fn accept(&mut self, wait: Duration) -> Result<Option<Link>> {
        match &mut self.kind {
            Kind::Socket {
                listener,
                reception,
            } => {
                let link = reception.next(listener, wait, &self.options)?;
                Ok(link.map(|link| Box::new(link) as Link))
            }
            Kind::Waiting { links, .. } => Ok(links.pop_front()),
        }
    }

    /// How many peers have left, sent what is no frame, or run out of time before they had said anything.
    pub fn turned_away(&self) -> u64 {
        match &self.kind {
            Kind::Socket { reception, .. } => reception.turned_away(),
            Kind::Waiting { .. } => 0,
        }
    }
}
