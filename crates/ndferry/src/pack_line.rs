//! [`PackLine`]: tiles go in, packed blocks come out in the same order, packed on several threads.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use ndferry_array::{Array, ArrayViewMut, Layout, Order};
use ndferry_npb::{
    Block, Buffer, Codec as BlockCodec, ElementType, Filter as BlockFilter, Packed, Packer,
};

use crate::recipe::Recipe;
use crate::threads::threads;
use crate::{ErrorKind, Result};

/// Tiles under way for each thread: one that is packed, one that waits.
const PER_THREAD: usize = 2;

/// Packs tiles, on this thread and on others.
///
/// What comes out does not depend on the number of threads. At most two tiles a thread are under way, each with its
/// elements (unless they are in memory anyway) and its packed bytes, and each thread has room for a filtered one and the
/// codec's tables: `threads * (5 * tile + 1.5 MiB)` at most. `compare/run npb-memory` measures it.
pub(crate) struct PackLine {
    free: Vec<Job>,
    bench: Arc<Bench>,
    /// How many threads there are, this one counted.
    threads: usize,
    /// How many tiles were handed out, and how many came in.
    handed_out: u64,
    taken: u64,
    packer: Packer,
}

/// Where tiles lie before and after they are packed.
#[derive(Default)]
struct Bench {
    jobs: Mutex<Jobs>,
    more: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// By their place in the line.
    done: BTreeMap<u64, Job>,
    /// Nothing more comes: the line was dropped, or a thread has panicked.
    ended: bool,
}

/// A tile, and buffers that go round with it.
struct Job {
    /// Its place in the line.
    place: u64,
    number: u64,
    tile: Array,
    /// The tile's elements in C order, if they do not lie so in `tile`.
    gathered: Buffer,
    /// The packed bytes are at its start.
    out: Buffer,
    packed: Result<Packed>,
}

impl Bench {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.jobs().ended = true;
        self.more.notify_all();
        self.done.notify_all();
    }

    /// What the other threads do.
    fn work(&self, packer: &mut Packer) {
        let mut jobs = self.jobs();
        while !jobs.ended {
            let Some(mut job) = jobs.waiting.pop_front() else {
                jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(jobs);
            job.run(packer);
            jobs = self.jobs();
            jobs.done.insert(job.place, job);
            self.done.notify_one();
        }
    }
}

/// Ends the line if its thread panics: nobody waits for what will not come.
struct Ends<'a>(&'a Bench);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}

impl Drop for PackLine {
    fn drop(&mut self) {
        self.bench.end();
    }
}

impl PackLine {
    /// For an array of `tiles` tiles. Threads end when the line is dropped.
    pub(crate) fn new<'scope>(
        scope: &'scope Scope<'scope, '_>,
        recipe: &Recipe,
        element: &ElementType,
        wanted: usize,
        tiles: u64,
    ) -> Result<Self> {
        let threads = match recipe.codec {
            // Nothing to do but to copy.
            BlockCodec::Raw => 1,
            _ => threads(wanted, tiles),
        };
        let line = Self {
            free: Vec::new(),
            bench: Arc::default(),
            threads,
            handed_out: 0,
            taken: 0,
            packer: recipe.packer(element)?,
        };
        for _ in 1..threads {
            let mut packer = recipe.packer(element)?;
            let bench = Arc::clone(&line.bench);
            scope.spawn(move || {
                let ends = Ends(&bench);
                ends.0.work(&mut packer);
            });
        }
        Ok(line)
    }

    /// Takes a tile, elements in C order of its axes, and hands out one that is done if the line is full.
    pub(crate) fn push(
        &mut self,
        number: u64,
        tile: Array,
        sink: &mut dyn FnMut(&Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let place = self.taken;
        let mut job = match self.free.pop() {
            Some(job) => Job {
                place,
                number,
                tile,
                ..job
            },
            None => Job::new(place, number, tile),
        };
        if self.threads == 1 {
            job.run(&mut self.packer);
            return self.hand_out(job, sink);
        }
        if self.taken - self.handed_out == (PER_THREAD * self.threads) as u64 {
            self.pop(sink)?;
        }
        self.taken += 1;
        self.bench.jobs().waiting.push_back(job);
        self.bench.more.notify_one();
        Ok(())
    }

    /// Hands out all that is under way.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(&Block<'_>) -> Result<()>) -> Result<()> {
        while self.handed_out < self.taken {
            self.pop(sink)?;
        }
        Ok(())
    }

    /// Hands out the tile that came in first. Until it is done, this thread packs others.
    fn pop(&mut self, sink: &mut dyn FnMut(&Block<'_>) -> Result<()>) -> Result<()> {
        let mut jobs = self.bench.jobs();
        let job = loop {
            if let Some(job) = jobs.done.remove(&self.handed_out) {
                break job;
            }
            if jobs.ended {
                return Err(ended());
            }
            jobs = match jobs.waiting.pop_front() {
                Some(mut job) => {
                    drop(jobs);
                    job.run(&mut self.packer);
                    let mut jobs = self.bench.jobs();
                    jobs.done.insert(job.place, job);
                    jobs
                }
                None => (self.bench.done.wait(jobs)).unwrap_or_else(PoisonError::into_inner),
            };
        };
        drop(jobs);
        self.handed_out += 1;
        self.hand_out(job, sink)
    }

    fn hand_out(
        &mut self,
        mut job: Job,
        sink: &mut dyn FnMut(&Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let packed = std::mem::replace(&mut job.packed, Ok(UNPACKED))?;
        let raw = job.raw();
        sink(&Block {
            number: job.number,
            codec: packed.codec,
            filter: packed.filter,
            raw_nbytes: raw.len() as u32,
            payload: packed.payload(raw, &job.out),
        })?;
        self.free.push(job);
        Ok(())
    }
}

/// Before anything was done.
const UNPACKED: Packed = Packed {
    codec: BlockCodec::Raw,
    filter: BlockFilter::None,
    nbytes: 0,
};

impl Job {
    fn new(place: u64, number: u64, tile: Array) -> Self {
        Self {
            place,
            number,
            tile,
            gathered: Buffer::default(),
            out: Buffer::default(),
            packed: Ok(UNPACKED),
        }
    }

    fn run(&mut self, packer: &mut Packer) {
        self.packed = self.gather().map(|()| {
            packer.pack(
                self.tile.view().run(Order::C).unwrap_or(&self.gathered),
                &mut self.out,
            )
        });
    }

    fn gather(&mut self) -> Result<()> {
        let view = self.tile.view();
        if view.run(Order::C).is_some() {
            return Ok(());
        }
        let layout = Layout::contiguous(view.shape(), view.dtype().itemsize(), Order::C)?;
        self.gathered.resize(view.nbytes(), 0);
        Ok(ArrayViewMut::new(view.dtype().clone(), layout, &mut self.gathered)?.assign(&view)?)
    }

    /// The tile's elements, after [`Self::gather`].
    fn raw(&self) -> &[u8] {
        self.tile.view().run(Order::C).unwrap_or(&self.gathered)
    }
}

/// Cannot be: a thread ends only when the line does.
fn ended() -> crate::Error {
    ErrorKind::System(io::Error::other("a packing thread has ended")).into()
}
