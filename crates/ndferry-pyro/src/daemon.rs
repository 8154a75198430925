//! [`Daemon`]: objects that programs of Pyro4 and Pyro5 call.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use ndferry_io::{Exchange, ExchangeListener, ExchangeOptions, Url};

use crate::channel::{Channel, pack};
use crate::proxy::DAEMON;
use crate::session::Session;
use crate::{ArraysAs, Dialect, Error, ErrorKind, Limits, Result, Serializer, Served, Uri};

/// How long a look at the listener lasts.
const ACCEPT: Duration = Duration::from_millis(100);

/// How often one who waits for the last answers looks whether they are out.
const LOOK: Duration = Duration::from_millis(5);

/// How objects are served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DaemonOptions {
    /// Pyro4: signs all messages, and takes only those that are signed with it. Pyro5, which cannot, is then refused.
    pub key: Option<Vec<u8>>,
    /// What is taken; all of them by default, since nothing in a message is ever run.
    pub serializers: Vec<Serializer>,
    /// What arrays become where they are not known.
    pub arrays: ArraysAs,
    /// Whether to pack answers by zlib.
    pub compress: bool,
    /// Connections at a time; more are closed at once.
    pub connections: usize,
    /// Iterators of one connection at a time.
    pub iterators: usize,
    /// What a call may ask for.
    pub limits: Limits,
    /// How long a peer may take to greet.
    pub greeting_timeout: Duration,
    /// How long a peer may be silent in the middle of a message, or send less of it, or take less of an answer, than 256 bytes a
    /// second: so a message has at most four such times, and a second for each 256 bytes that it announces. Between calls a
    /// client may be silent for ever. With `tls.client_authorities`, clients need a certificate. The interrupt ends serving.
    pub exchange: ExchangeOptions,
}

impl Default for DaemonOptions {
    /// 200 connections, as Pyro's own; 10 seconds to greet.
    fn default() -> Self {
        use Serializer::{Cloudpickle, Dill, Json, Marshal, Msgpack, Pickle, Serpent};
        Self {
            key: None,
            serializers: vec![Serpent, Json, Marshal, Pickle, Dill, Msgpack, Cloudpickle],
            arrays: ArraysAs::default(),
            compress: false,
            connections: 200,
            iterators: 100,
            limits: Limits::default(),
            greeting_timeout: Duration::from_secs(10),
            exchange: ExchangeOptions::default(),
        }
    }
}

/// Serves objects to programs of both Pyros.
///
/// Whoever reaches it may call them: it listens for this machine alone unless it is told otherwise.
///
/// ```no_run
/// use std::sync::Arc;
/// use ndferry_pyro::{Daemon, DaemonOptions, Exception, Metadata, Outcome, Returned, Served, Value};
///
/// struct Adder;
///
/// impl Served for Adder {
///     fn metadata(&self) -> Metadata {
///         Metadata::new(&["add"], &[])
///     }
///
///     fn call(&self, _: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
///         let sum = args.iter().map(Value::as_int).sum::<Option<i64>>();
///         let wrong = || Exception::new("builtins.TypeError", "these are no numbers");
///         Ok(sum.ok_or_else(wrong)?.into())
///     }
/// }
///
/// let url = "tcp://127.0.0.1:0".parse()?;
/// let mut daemon = Daemon::bind(&url, DaemonOptions::default())?;
/// println!("{}", daemon.register("adder", Arc::new(Adder)));
/// daemon.serve()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Daemon {
    listener: ExchangeListener,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Daemon at {}", self.listener.url())
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) options: DaemonOptions,
    pub(crate) place: Url,
    objects: RwLock<BTreeMap<String, Arc<dyn Served>>>,
    connections: AtomicUsize,
    /// Calls that have come and are not answered yet.
    calls: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Shared {
    pub(crate) fn object(&self, name: &str) -> Option<Arc<dyn Served>> {
        let objects = self.objects.read();
        let objects = objects.unwrap_or_else(std::sync::PoisonError::into_inner);
        objects.get(name).cloned()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let objects = self.objects.read();
        let objects = objects.unwrap_or_else(std::sync::PoisonError::into_inner);
        let names = std::iter::once(DAEMON.to_owned());
        names.chain(objects.keys().cloned()).collect()
    }

    /// Whether no more calls are taken.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// A call has come; it is answered once this is dropped.
    pub(crate) fn begin_call(&self) -> Begun<'_> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Begun(self)
    }

    pub(crate) fn takes(&self, dialect: Dialect, id: u8) -> Result<Serializer> {
        let serializer = Serializer::of_id(dialect, id)?;
        match self.options.serializers.contains(&serializer) {
            true => Ok(serializer),
            false => Err(ErrorKind::Serializer { id: id.into() }.at(0)),
        }
    }
}

impl Daemon {
    /// Listens at a TCP port (0: any), by TLS at one (`tls://`, with the feature of that name) or at a Unix socket.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn bind(url: &Url, options: DaemonOptions) -> Result<Self> {
        let listener = ExchangeListener::bind(url, options.exchange.clone())?;
        let shared = Arc::new(Shared {
            options,
            place: listener.url().clone(),
            objects: RwLock::default(),
            connections: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        });
        Ok(Self { listener, shared })
    }

    /// Serves an object under this name, instead of any that has it; where it is then.
    pub fn register(&self, name: &str, object: Arc<dyn Served>) -> Uri {
        let objects = self.shared.objects.write();
        let mut objects = objects.unwrap_or_else(std::sync::PoisonError::into_inner);
        objects.insert(name.to_owned(), object);
        self.uri(name)
    }

    /// Where an object of this name is.
    pub fn uri(&self, name: &str) -> Uri {
        uri_at(&self.shared.place, name)
    }

    /// Where it listens.
    pub fn url(&self) -> &Url {
        self.listener.url()
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        self.listener.is_local()
    }

    /// Ends [`Self::serve`] from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Serves until it is stopped, or the interrupt is raised. Peers that do something wrong are told so, if that can be, and lose their
    /// connection; no others notice.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: interrupted, or what the system says.
    pub fn serve(&mut self) -> Result<()> {
        while !self.shared.is_stopped() {
            if let Some(exchange) = self.listener.accept(ACCEPT)? {
                self.welcome(exchange)?;
            }
        }
        let options = &self.shared.options.exchange;
        let started = Instant::now();
        while self.shared.calls.load(Ordering::SeqCst) > 0 && started.elapsed() < options.timeout {
            options.interrupt.check().map_err(Error::from)?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn welcome(&self, exchange: Exchange) -> Result<()> {
        let guest = Guest(Arc::clone(&self.shared));
        let number = self.shared.connections.fetch_add(1, Ordering::SeqCst);
        if number >= self.shared.options.connections {
            return Ok(());
        }
        let spoken = std::thread::Builder::new().name("pyro".to_owned());
        let spoken = spoken.spawn(move || {
            let options = &guest.0.options;
            let channel = Channel::new(exchange, options.key.clone(), options.limits.clone());
            // What is wrong with a peer is its own business.
            let _ = Session::new(channel, &guest.0).run();
        });
        // No thread for it is the same as no connection left.
        match spoken {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(Error::from(error)),
        }
    }
}

/// Stops a [`Daemon`]: it takes no more calls, and ends once those that have come are answered.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl std::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stopper of the daemon at {}", self.0.place)
    }
}

impl Stopper {
    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }

    /// Stops it; this does not wait.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::SeqCst);
    }
}

/// A call that is not answered yet.
pub(crate) struct Begun<'a>(&'a Shared);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a connection until it ends.
struct Guest(Arc<Shared>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

fn uri_at(place: &Url, name: &str) -> Uri {
    let object = name.to_owned();
    match place {
        Url::Unix(path) => Uri::Unix {
            object,
            path: path.display().to_string(),
        },
        Url::Tcp { host, port } | Url::Tls { host, port, .. } => Uri::Tcp {
            object,
            host: host.clone(),
            port: *port,
        },
        // Nothing else is bound.
        other => Uri::Name {
            name: format!("{object}@{other}"),
            server: None,
        },
    }
}

/// A name for an iterator that nobody guesses.
pub(crate) fn random_id() -> String {
    // The keys of each state are random.
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

pub(crate) fn packed(body: crate::Body, compress: bool) -> (crate::Body, bool) {
    match compress.then(|| pack(&body)).flatten() {
        Some(packed) => (packed, true),
        None => (body, false),
    }
}
