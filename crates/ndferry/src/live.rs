//! [`Live`]: an array that grows while others watch, such as a camera's frames.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ndferry_array::{Array, ArrayView, Dtype, Order};
use ndferry_io::{Listener, Url};
use ndferry_npb::{Limits, TileGrid};

use crate::error::{npb, outside};
use crate::live_frame::Frame;
use crate::live_watch::Watch;
use crate::npb_plan::Plan;
use crate::packing::{Codec, Filter, Packing};
use crate::session::{Greeting, Side, link_options};
use crate::{
    Attributes, CreateOptions, Error, ErrorKind, Interrupt, NpbFile, Result, TlsOptions, Token,
};

/// What becomes of a watcher that is slower than the frames come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LivePolicy {
    /// It misses frames and goes on with the newest one; nobody waits for it.
    #[default]
    Newest,
    /// It misses nothing: [`Live::push`] waits for the slowest, but not for one that takes nothing for
    /// [`LiveOptions::timeout`], which is let go.
    Every,
}

/// How to send a live stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveOptions {
    /// Whether watchers may miss frames.
    pub policy: LivePolicy,
    /// Frames that are kept for watchers that are behind, at least 1.
    pub buffer: usize,
    /// Watchers at a time; more are refused.
    pub watchers: usize,
    /// What the array is called; empty for no name.
    pub name: String,
    /// What else is said of it. `first_row` is set for each watcher.
    pub attributes: Attributes,
    /// All frames also go into this NPB file, which can be read while it grows: up to the last second, or to the last frame
    /// once the stream has ended, however that was. [`Live::push`] waits for it.
    pub store: Option<PathBuf>,
    /// Empties that file if it exists.
    pub overwrite: bool,
    /// How its tiles are packed; watchers are sent them as they are.
    pub packing: Packing,
    /// How long a watcher may take nothing.
    pub timeout: Duration,
    /// Over `tls://`: this side's certificate; otherwise one is made.
    pub tls: TlsOptions,
    /// What watchers must know too.
    pub token: Option<Token>,
    /// Listens without a token where other machines can connect.
    pub insecure: bool,
    /// Stops what waits.
    pub interrupt: Interrupt,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            policy: LivePolicy::Newest,
            buffer: 4,
            watchers: 64,
            name: String::new(),
            attributes: Attributes::default(),
            store: None,
            overwrite: false,
            packing: Packing::default(),
            timeout: Duration::from_secs(60),
            tls: TlsOptions::default(),
            token: None,
            insecure: false,
            interrupt: Interrupt::new(),
        }
    }
}

/// How it went with one watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watched {
    /// Who it is.
    pub peer: String,
    /// The first frame that it could get.
    pub first: u64,
    /// Frames that it was sent.
    pub sent: u64,
    /// Frames from the first one on that it was not.
    pub missed: u64,
    /// What went wrong; `None` if it has said that it has all that it was sent, or only subscribes (SUB of ZeroMQ) and was
    /// there to the end.
    pub problem: Option<String>,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broadcast {
    /// Frames that were pushed.
    pub frames: u64,
    /// The last 1,000 watchers that there were, those that left early first.
    pub watched: Vec<Watched>,
}

/// How often what waits looks at the interrupt.
const LOOK: Duration = Duration::from_millis(100);

/// Watchers of which it is told how it went.
const MOST_TOLD: usize = 1000;

/// How often what is stored is written so that it can be read, whatever happens then.
const FLUSH: Duration = Duration::from_secs(1);

/// Bytes of one block: small enough that watchers hear something often.
const BLOCK_NBYTES: u64 = 1 << 20;

/// Listens, and sends each frame that is pushed to all who watch. They may come and go at any time.
///
/// Memory: at most `buffer + watchers + 1` frames, `watchers` being those that are there. Dropped without
/// [`Self::finish`], it breaks the stream off.
#[derive(Debug)]
pub struct Live {
    url: String,
    dtype: Dtype,
    shape: Vec<usize>,
    grid: TileGrid,
    shared: Arc<Shared>,
    file: Option<NpbFile>,
    flushed: Instant,
    door: Option<JoinHandle<()>>,
    gone: Arc<AtomicBool>,
    options: LiveOptions,
}

/// What the one who pushes and the threads of the watchers share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The MANIFEST, HEADERs and tiles of what watchers get.
    pub(crate) plan: Plan,
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// The one who pushes is gone, or wants no more.
    pub(crate) interrupt: Interrupt,
    /// How long a watcher may take nothing.
    pub(crate) timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// The newest frames, in order.
    frames: VecDeque<Arc<Frame>>,
    /// How many have been pushed.
    next: u64,
    is_ended: bool,
    /// The next frame of each watcher that is there, by the number it came as.
    watching: Vec<(u64, u64)>,
    /// How many have come.
    came: u64,
    watched: Vec<Watched>,
}

/// What a watcher does next.
pub(crate) enum Turn {
    /// Sends this frame.
    Frame(Arc<Frame>),
    /// Nothing has come yet.
    Wait,
    /// So many frames there were in all.
    End(u64),
}

impl Live {
    /// Listens at `url` for who wants to watch frames of this dtype and shape. Port 0 takes any free one.
    ///
    /// # Errors
    /// [`ErrorKind::Objects`]; [`ErrorKind::Unsupported`] for frames without bytes and for `-`;
    /// [`ErrorKind::Open`]; [`ErrorKind::Exists`]; [`crate::ErrorClass::System`].
    pub fn bind(url: &str, dtype: Dtype, shape: &[usize], options: LiveOptions) -> Result<Self> {
        let bound = || {
            let plan = plan(&dtype, shape, &options)?;
            let grid = TileGrid::new(
                &plan.grid.shape()[1..],
                &plan.grid.tile_shape()[1..],
                dtype.itemsize() as u64,
                false,
            );
            let grid = grid.map_err(npb)?;
            let gone = Arc::new(AtomicBool::new(false));
            let (own, is_gone) = (options.interrupt.clone(), Arc::clone(&gone));
            let interrupt =
                Interrupt::polling(move || own.is_set() || is_gone.load(Ordering::Relaxed));
            let listener = listen(url, &options, &interrupt)?;
            let file = file(&dtype, shape, &options)?;
            let shared = Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
                plan,
                name: options.name.clone(),
                attributes: options.attributes.clone(),
                interrupt,
                timeout: options.timeout,
            });
            let url = listener.url().to_string();
            tracing::debug!(url, "live");
            let (at_door, most) = (Arc::clone(&shared), options.watchers);
            let door = thread::Builder::new().name("live".to_owned());
            let door = door.spawn(move || at_door.let_in(listener, most))?;
            Ok((url, grid, shared, file, door, gone))
        };
        let (url, grid, shared, file, door, gone) =
            bound().map_err(|error: Error| error.in_source(url))?;
        Ok(Self {
            url,
            dtype,
            shape: shape.to_vec(),
            grid,
            shared,
            file,
            flushed: Instant::now(),
            door: Some(door),
            gone,
            options,
        })
    }

    /// Where it listens, with the real port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the elements of a frame are.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// The shape of a frame.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many watch now.
    pub fn watchers(&self) -> usize {
        self.shared.state().watching.len()
    }

    /// Waits until so many watch; says whether they do.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`].
    pub fn wait_for(&self, watchers: usize, timeout: Duration) -> Result<bool> {
        let started = Instant::now();
        let mut state = self.shared.state();
        while state.watching.len() < watchers {
            self.options.interrupt.check()?;
            if started.elapsed() >= timeout {
                return Ok(false);
            }
            state = self.shared.wait(state);
        }
        Ok(true)
    }

    /// Sends a frame to all who watch, and gives its number, from 0 on. The elements are copied.
    ///
    /// # Errors
    /// [`ErrorKind::Misfit`] for another dtype or shape; [`ErrorKind::Interrupted`]; whatever the file says.
    pub fn push(&mut self, frame: &ArrayView<'_>) -> Result<u64> {
        if *frame.dtype() != self.dtype || frame.shape() != self.shape {
            let expected = format!("{} {:?}", self.dtype, self.shape);
            let found = format!("{} {:?}", frame.dtype(), frame.shape());
            return Err(ErrorKind::Misfit { expected, found }.into());
        }
        self.options.interrupt.check()?;
        let bytes = frame.to_bytes(Order::C)?;
        if let Some(file) = &mut self.file {
            let row: Vec<usize> = [1].into_iter().chain(self.shape.iter().copied()).collect();
            let row = Array::contiguous(self.dtype.clone(), &row, Order::C, bytes.clone())?;
            file.append(&row.view())?;
            if self.flushed.elapsed() >= FLUSH {
                file.flush()?;
                self.flushed = Instant::now();
            }
        }
        let mut frame = Frame::new(bytes, &self.grid)?;
        let most = self.options.buffer.max(1);
        let mut state = self.shared.state();
        while self.options.policy == LivePolicy::Every && state.is_behind(most) {
            self.options.interrupt.check()?;
            state = self.shared.wait(state);
        }
        let number = state.next;
        frame.number = number;
        state.frames.push_back(Arc::new(frame));
        if state.frames.len() > most {
            state.frames.pop_front();
        }
        state.next += 1;
        drop(state);
        self.shared.changed.notify_all();
        Ok(number)
    }

    /// Writes what has been pushed so far so that others can read it in the file, if there is one.
    ///
    /// # Errors
    /// [`crate::ErrorClass::System`].
    pub fn flush(&mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), NpbFile::flush)
    }

    /// Ends the stream: watchers get what is still kept for them, and say that they have it, within the time-out.
    ///
    /// # Errors
    /// What the file says; that something went wrong with a watcher is in [`Broadcast::watched`].
    pub fn finish(mut self) -> Result<Broadcast> {
        let finished = self.file.take().map(NpbFile::finish).transpose();
        self.shared.state().is_ended = true;
        self.shared.changed.notify_all();
        self.join();
        let mut state = self.shared.state();
        finished.map(|_| Broadcast {
            frames: state.next,
            watched: std::mem::take(&mut state.watched),
        })
    }

    fn join(&mut self) {
        if let Some(door) = self.door.take() {
            // It has nothing to say if it panicked.
            let _ = door.join();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        // What has been pushed is kept; what goes wrong with that has been said, or will be when it is read.
        let _ = self.file.take().map(NpbFile::finish);
        self.shared.state().is_ended = true;
        self.shared.changed.notify_all();
        self.join();
    }
}

impl State {
    /// Whether somebody still needs the oldest frame, and there is no room for another.
    fn is_behind(&self, most: usize) -> bool {
        let oldest = self.next - self.frames.len() as u64;
        self.frames.len() >= most && self.watching.iter().any(|(_, next)| *next <= oldest)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, LOOK);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Lets watchers in until the stream ends; then waits until they have all.
    fn let_in(self: &Arc<Self>, mut listener: Listener<Greeting>, most: usize) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        while !self.state().is_ended {
            let Ok(entered) = listener.admit(LOOK) else {
                break;
            };
            let Some((link, greeting)) = entered else {
                continue;
            };
            threads.retain(|thread| !thread.is_finished());
            let hello = greeting.into_hello();
            if threads.len() >= most {
                Watch::new(self, link, hello).refuse();
                continue;
            }
            let shared = Arc::clone(self);
            let thread = thread::Builder::new().name("watcher".to_owned());
            match thread.spawn(move || Watch::new(&shared, link, hello).run()) {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::warn!(%error, "no thread for a watcher"),
            }
        }
        drop(listener);
        for thread in threads {
            let _ = thread.join();
        }
    }

    /// Somebody watches from now on: its number, and its first frame, the newest one if there is any.
    pub(crate) fn come(&self) -> (u64, u64) {
        let mut state = self.state();
        let first = state.next.saturating_sub(1);
        let number = state.came;
        state.came += 1;
        state.watching.push((number, first));
        drop(state);
        self.changed.notify_all();
        (number, first)
    }

    /// What a watcher that wants frame `next` does.
    pub(crate) fn turn(&self, next: u64) -> Turn {
        let state = self.state();
        let oldest = state.next - state.frames.len() as u64;
        let found = match next >= oldest {
            true => state.frames.get((next - oldest) as usize),
            // It has missed some: what is newest counts.
            false => state.frames.back(),
        };
        match found {
            Some(frame) => Turn::Frame(Arc::clone(frame)),
            None if state.is_ended => Turn::End(state.next),
            None => {
                drop(self.wait(state));
                Turn::Wait
            }
        }
    }

    /// A watcher has got all before this frame.
    pub(crate) fn passed(&self, number: u64, next: u64) {
        let mut state = self.state();
        for own in state.watching.iter_mut().filter(|own| own.0 == number) {
            own.1 = next;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// A watcher goes.
    pub(crate) fn leave(&self, number: u64, watched: Watched) {
        let mut state = self.state();
        state.watching.retain(|own| own.0 != number);
        if state.watched.len() == MOST_TOLD {
            state.watched.remove(0);
        }
        state.watched.push(watched);
        drop(state);
        self.changed.notify_all();
    }
}

/// An endless array of rows of one frame each, in flat tiles.
fn plan(dtype: &Dtype, shape: &[usize], options: &LiveOptions) -> Result<Plan> {
    if dtype.has_object() {
        return Err(ErrorKind::Objects.into());
    }
    let extents: Vec<u64> = shape.iter().map(|extent| *extent as u64).collect();
    let itemsize = dtype.itemsize() as u64;
    let frame = TileGrid::flat(&extents, itemsize, BLOCK_NBYTES, false).map_err(npb)?;
    if frame.is_empty() {
        let what = "a live stream of frames without bytes".to_owned();
        return Err(ErrorKind::Unsupported { what }.into());
    }
    let tile = [1].into_iter().chain(frame.tile_shape().iter().copied());
    let create = CreateOptions {
        tile: Some(tile.collect()),
        packing: Packing {
            codec: Codec::None,
            filter: Filter::None,
        },
        ..CreateOptions::default()
    };
    let growing = std::iter::once(None).chain(shape.iter().copied().map(Some));
    let growing: Vec<Option<usize>> = growing.collect();
    let mut plan = Plan::empty(dtype.clone(), &growing, &create)?;
    plan.manifest.live = options.policy == LivePolicy::Newest;
    Ok(plan)
}

fn listen(url: &str, options: &LiveOptions, interrupt: &Interrupt) -> Result<Listener<Greeting>> {
    let address: Url = url.parse().map_err(outside)?;
    if url == "-" {
        let what = format!("a live stream over {url}");
        return Err(ErrorKind::Unsupported { what }.into());
    }
    #[allow(unused_mut, reason = "only ZeroMQ has options of its own")]
    let mut link_options = link_options(options.timeout, interrupt, &options.tls);
    #[cfg(feature = "zmq")]
    {
        // Who only subscribes can neither prove anything nor send.
        link_options.zmq.publishes = options.token.is_none();
        link_options.zmq.one_way = false;
    }
    let token = options.token.clone();
    let doorman =
        move || Greeting::new(Side::Listening, &Limits::PEER, false, token.as_ref()).watching();
    let listener = Listener::with_doorman(&address, link_options, doorman).map_err(outside)?;
    match listener.is_local() || options.insecure || options.token.is_some() {
        true => Ok(listener),
        false => Err(ErrorKind::Open.into()),
    }
}

fn file(dtype: &Dtype, shape: &[usize], options: &LiveOptions) -> Result<Option<NpbFile>> {
    let Some(path) = &options.store else {
        return Ok(None);
    };
    let create = CreateOptions {
        name: options.name.clone(),
        attributes: options.attributes.clone(),
        packing: options.packing,
        overwrite: options.overwrite,
        interrupt: options.interrupt.clone(),
        ..CreateOptions::default()
    };
    let growing = std::iter::once(None).chain(shape.iter().copied().map(Some));
    let growing: Vec<Option<usize>> = growing.collect();
    NpbFile::create(path, dtype.clone(), &growing, create).map(Some)
}
