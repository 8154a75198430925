//! [`connect`] and [`Listener`]: from an address to a [`Link`].

use std::collections::VecDeque;
use std::time::Duration;

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
    /// Stops whatever waits, within 200 ms.
    pub interrupt: Interrupt,
}

impl LinkOptions {
    /// 10 seconds to connect, 60 seconds of silence.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
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
    Socket(net::SocketListener),
    /// Peers that are there already.
    Waiting {
        url: Url,
        links: VecDeque<Link>,
    },
}

impl Listener {
    /// Listens at `url`; `-` is standard input, which is a single peer. A Unix socket that nobody listens at any more is
    /// replaced, and its file is removed when this is dropped.
    ///
    /// # Errors
    /// [`crate::Error::System`], for instance if the address is in use.
    pub fn bind(url: &Url, options: LinkOptions) -> Result<Self> {
        let kind = match url {
            Url::Tcp { .. } | Url::Unix(_) => Kind::Socket(net::SocketListener::bind(url)?),
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
            Kind::Socket(listener) => listener.url(),
            Kind::Waiting { url, .. } => url,
        }
    }

    /// Waits for a peer; `None` if none came in time, or if there can be no more.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`], [`crate::Error::System`].
    pub fn accept(&mut self, wait: Duration) -> Result<Option<Link>> {
        match &mut self.kind {
            Kind::Socket(listener) => {
                let link = listener.accept(wait, &self.options)?;
                Ok(link.map(|link| Box::new(link) as Link))
            }
            Kind::Waiting { links, .. } => Ok(links.pop_front()),
        }
    }
}
