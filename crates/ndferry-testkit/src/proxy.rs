//! [`Proxy`]: stands between a sender and a receiver, and does one thing wrong.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::Rng;
use crate::fault::{Action, Fault, Finder, Found, messages_nbytes};

/// Which way the bytes go that meet a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the one who connects, the sender of arrays.
    ToReceiver,
    /// From the one who listens.
    ToSender,
}

/// How long anything here waits at a time.
const POLL: Duration = Duration::from_millis(20);

/// When nothing more will come for now.
const QUIET: Duration = Duration::from_millis(60);

/// Bytes where there are no messages to [`Action::Edit`].
const PIECE: usize = 64;

/// How long a piece of that is waited for.
const PIECE_WITHIN: Duration = Duration::from_millis(500);

/// Passes on what it hears, over TCP or Unix sockets, until it comes to the fault. Each of its connections meets the
/// fault. Dropped, it hangs up on both sides.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    direction: Direction,
    fault: Option<Fault>,
    over: AtomicBool,
    hits: AtomicUsize,
    /// What came from the sender, and from the receiver.
    heard: [Mutex<Vec<u8>>; 2],
}

impl Proxy {
    /// Between the receiver at `to` and whoever connects. The address may have any scheme that is over TCP
    /// (`tcp://host:port`, `zmq+tcp://…`, `tls://…`) or over Unix sockets (`unix:///path`, `zmq+ipc://…`), whose socket here
    /// is in `folder`.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(
        to: &str,
        folder: &Path,
        direction: Direction,
        fault: Option<Fault>,
    ) -> io::Result<Self> {
        let (scheme, rest) = to.split_once("://").ok_or(ErrorKind::InvalidInput)?;
        let (listener, target, url);
        if matches!(scheme, "unix" | "zmq+ipc") {
            let path = folder.join("proxy");
            let address = SockAddr::unix(&path)?;
            listener = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            listener.bind(&address)?;
            target = SockAddr::unix(rest)?;
            url = format!("{scheme}://{}", path.display());
        } else {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, more) = rest.split_at(end);
            let address: std::net::SocketAddr = authority
                .parse()
                .map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
            listener = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            listener.bind(&std::net::SocketAddr::new(address.ip(), 0).into())?;
            target = address.into();
            let own = listener
                .local_addr()?
                .as_socket()
                .ok_or(ErrorKind::InvalidInput)?;
            url = format!("{scheme}://{own}{more}");
        }
        listener.listen(64)?;
        listener.set_nonblocking(true)?;
        let state = Arc::new(State {
            direction,
            fault,
            over: AtomicBool::new(false),
            hits: AtomicUsize::new(0),
            heard: Default::default(),
        });
        let own = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &target, &own));
        Ok(Self { url, state })
    }

    /// What senders are told to connect to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections have met the fault.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::Relaxed)
    }

    /// What has come from the sender, or from the receiver, over all connections.
    pub fn heard(&self, direction: Direction) -> Vec<u8> {
        lock(&self.state.heard[direction as usize]).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &Socket, target: &SockAddr, state: &Arc<State>) {
    while !state.is_over() {
        match listener.accept() {
            Ok((sender, _)) => {
                // A receiver that is gone: the sender finds the connection closed.
                let _ = serve(sender, target, state);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(POLL / 10),
            Err(_) => return,
        }
    }
}

fn serve(sender: Socket, target: &SockAddr, state: &Arc<State>) -> io::Result<()> {
    let receiver = Socket::new(target.domain(), Type::STREAM, None)?;
    receiver.connect(target)?;
    for socket in [&sender, &receiver] {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(POLL))?;
        socket.set_write_timeout(Some(POLL))?;
        if target.domain() != Domain::UNIX {
            socket.set_tcp_nodelay(true)?;
        }
    }
    let (sender, receiver) = (Arc::new(sender), Arc::new(receiver));
    let reset = Arc::new(AtomicBool::new(false));
    for direction in [Direction::ToReceiver, Direction::ToSender] {
        let (from, to) = match direction {
            Direction::ToReceiver => (Arc::clone(&sender), Arc::clone(&receiver)),
            Direction::ToSender => (Arc::clone(&receiver), Arc::clone(&sender)),
        };
        let pump = Pump {
            from,
            to,
            state: Arc::clone(state),
            direction,
            reset: Arc::clone(&reset),
        };
        thread::spawn(move || pump.run());
    }
    Ok(())
}

impl State {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// One direction of one connection.
struct Pump {
    from: Arc<Socket>,
    to: Arc<Socket>,
    state: Arc<State>,
    direction: Direction,
    /// Whether the connection is reset, so that nothing is closed in good order.
    reset: Arc<AtomicBool>,
}

impl Pump {
    /// Both sockets are closed when both directions are done.
    fn run(mut self) {
        // What was to be said is said as far as anybody listens.
        let _ = match self.state.fault.clone() {
            Some(fault) if self.direction == self.state.direction => self.with(&fault),
            _ => self.pass_on(),
        };
    }

    /// The next bytes; none at the end, or when all is over.
    fn hear(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        Ok(self.hear_within(buffer, Duration::MAX)?.unwrap_or(0))
    }

    /// As [`Self::hear`]; `None` if nothing came in time.
    fn hear_within(&self, buffer: &mut Vec<u8>, time: Duration) -> io::Result<Option<usize>> {
        let started = Instant::now();
        let mut room = vec![0; 64 << 10];
        while !self.is_over() {
            match (&*self.from).read(&mut room) {
                Ok(n) => {
                    buffer.extend_from_slice(&room[..n]);
                    lock(&self.state.heard[self.direction as usize]).extend_from_slice(&room[..n]);
                    return Ok(Some(n));
                }
                Err(error) if is_wait(&error) && started.elapsed() > time => return Ok(None),
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(0))
    }

    /// So many bytes, or fewer at the end.
    fn hear_at_least(&self, buffer: &mut Vec<u8>, nbytes: usize) -> io::Result<()> {
        while buffer.len() < nbytes && self.hear(buffer)? > 0 {}
        Ok(())
    }

    fn say(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.is_over() {
                return Err(ErrorKind::Interrupted.into());
            }
            match (&*self.to).write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.state.is_over() || self.reset.load(Ordering::Relaxed)
    }

    /// Nothing more goes on in this direction.
    fn end(&self) -> io::Result<()> {
        match self.is_over() {
            true => Ok(()),
            false => self.to.shutdown(Shutdown::Write),
        }
    }

    fn pass_on(&self) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.hear(&mut bytes)? == 0 {
                return self.end();
            }
            self.say(&bytes)?;
        }
    }

    fn with(&mut self, fault: &Fault) -> io::Result<()> {
        let (mut finder, mut bytes) = (Finder::new(fault.place), Vec::new());
        loop {
            let found = finder.look(&bytes);
            let (Found::Here(n) | Found::Later(n)) = found;
            self.say(&bytes[..n])?;
            bytes.drain(..n);
            if let Found::Here(_) = found {
                break;
            }
            // What looks like the beginning of a head may be the end of something else.
            match self.hear_within(&mut bytes, QUIET)? {
                Some(0) => {
                    self.say(&bytes)?;
                    return self.end();
                }
                None if !bytes.is_empty() => {
                    self.say(&bytes)?;
                    finder.gave_up(bytes.len());
                    bytes.clear();
                }
                _ => {}
            }
        }
        self.state.hits.fetch_add(1, Ordering::Relaxed);
        self.act(&fault.action, bytes)
    }

    /// At the place; `bytes` have come already.
    fn act(&mut self, action: &Action, mut bytes: Vec<u8>) -> io::Result<()> {
        match action {
            Action::Reset => {
                for socket in [&self.from, &self.to] {
                    // Unix sockets have no such option.
                    let _ = socket.set_linger(Some(Duration::ZERO));
                }
                // Ends the other direction, too; whichever is the last to let go of them resets.
                self.reset.store(true, Ordering::Relaxed);
                Ok(())
            }
            Action::Close => {
                let _ = self.from.shutdown(Shutdown::Both);
                self.to.shutdown(Shutdown::Both)
            }
            Action::HalfClose => {
                self.to.shutdown(Shutdown::Write)?;
                self.swallow()
            }
            Action::Stall => {
                self.wait(|| false);
                Ok(())
            }
            Action::Pause(time) => {
                let until = Instant::now() + *time;
                self.wait(|| Instant::now() >= until);
                self.say(&bytes)?;
                self.pass_on()
            }
            Action::Slow(nbytes, time) => loop {
                for piece in bytes.chunks(*nbytes) {
                    self.say(piece)?;
                    thread::sleep(*time);
                }
                bytes.clear();
                if self.hear(&mut bytes)? == 0 {
                    return self.end();
                }
            },
            Action::Garbage => {
                let mut rng = Rng::new(5);
                loop {
                    let noise: Vec<u8> = (0..512).flat_map(|_| rng.bits().to_le_bytes()).collect();
                    self.say(&noise)?;
                }
            }
            Action::Say(words) => {
                self.say(words)?;
                self.swallow()
            }
            Action::Edit(count, edit) => {
                let nbytes = loop {
                    if let Some(nbytes) = messages_nbytes(&bytes, *count) {
                        break nbytes;
                    }
                    // No messages: ciphers, or the end.
                    if self.hear_within(&mut bytes, PIECE_WITHIN)?.unwrap_or(0) == 0 {
                        break bytes.len().min(PIECE);
                    }
                };
                self.say(&edit(&bytes[..nbytes]))?;
                self.say(&bytes[nbytes..])?;
                self.pass_on()
            }
            Action::Flip(bits) => {
                self.hear_at_least(&mut bytes, 1)?;
                if let Some(first) = bytes.first_mut() {
                    *first ^= bits;
                }
                self.say(&bytes)?;
                self.pass_on()
            }
            Action::Replace(nbytes, others) => {
                self.hear_at_least(&mut bytes, *nbytes)?;
                bytes.splice(..(*nbytes).min(bytes.len()), others.iter().copied());
                self.say(&bytes)?;
                self.pass_on()
            }
            Action::Twice(nbytes) => {
                self.hear_at_least(&mut bytes, *nbytes)?;
                self.say(&bytes[..(*nbytes).min(bytes.len())])?;
                self.say(&bytes)?;
                self.pass_on()
            }
            Action::Cross(crossing) => {
                lock(&crossing.0).push(Arc::clone(&self.to));
                self.wait(|| lock(&crossing.0).len() == 2);
                let others = lock(&crossing.0).clone();
                let other = others.into_iter().find(|to| !Arc::ptr_eq(to, &self.to));
                self.to = other.ok_or(ErrorKind::Interrupted)?;
                self.say(&bytes)?;
                self.pass_on()
            }
        }
    }

    /// Reads what nobody gets to see.
    fn swallow(&self) -> io::Result<()> {
        let mut bytes = Vec::new();
        while self.hear(&mut bytes)? > 0 {
            bytes.clear();
        }
        self.wait(|| false);
        Ok(())
    }

    fn wait(&self, done: impl Fn() -> bool) {
        while !self.is_over() && !done() {
            thread::sleep(POLL / 4);
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
