//! [`PackLine`]: tiles go in, packed blocks come out in the same order, packed on several threads.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use ndferry_array::{Array, ArrayViewMut, Layout, Order};
use ndferry_npb::{Block, Codec as BlockCodec, ElementType, Filter as BlockFilter, Packed, Packer};

use crate::recipe::Recipe;
use crate::threads::threads;
use crate::{ErrorKind, Result};

/// Tiles under way for each thread: one that is packed, one that waits.
const PER_THREAD: usize = 2;

/// Packs tiles, on this thread or on others.
///
/// What comes out does not depend on the number of threads. At most two tiles a thread are under way, each with its
/// elements (unless they are in memory anyway) and its packed bytes, and each thread has room for a filtered one and the
/// codec's tables: `threads * (5 * tile + 1.5 MiB)` at most. `compare/run npb-memory` measures it.
pub(crate) struct PackLine {
    free: Vec<Job>,
    workers: Vec<Worker>,
    /// Which workers have jobs, in the order of the tiles.
    under_way: VecDeque<usize>,
    next: usize,
    /// Packs here if there are no workers.
    packer: Packer,
}

/// Another thread.
struct Worker {
    to: SyncSender<Job>,
    from: Receiver<Job>,
}

/// A tile, and buffers that go round with it.
struct Job {
    number: u64,
    tile: Array,
    /// The tile's elements in C order, if they do not lie so in `tile`.
    gathered: Vec<u8>,
    /// The packed bytes are at its start.
    out: Vec<u8>,
    packed: Result<Packed>,
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
        let count = match recipe.codec {
            // Nothing to do but to copy.
            BlockCodec::Raw => 1,
            _ => threads(wanted, tiles),
        };
        let mut workers = Vec::new();
        for _ in 0..if count > 1 { count } else { 0 } {
            let mut packer = recipe.packer(element)?;
            let (to, jobs) = sync_channel::<Job>(PER_THREAD);
            let (done, from) = sync_channel::<Job>(PER_THREAD);
            scope.spawn(move || {
                for mut job in jobs {
                    job.run(&mut packer);
                    if done.send(job).is_err() {
                        break;
                    }
                }
            });
            workers.push(Worker { to, from });
        }
        Ok(Self {
            free: Vec::new(),
            workers,
            under_way: VecDeque::new(),
            next: 0,
            packer: recipe.packer(element)?,
        })
    }

    /// Takes a tile, elements in C order of its axes, and hands out one that is done if the line is full.
    pub(crate) fn push(
        &mut self,
        number: u64,
        tile: Array,
        sink: &mut dyn FnMut(&Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut job = match self.free.pop() {
            Some(job) => Job {
                number,
                tile,
                ..job
            },
            None => Job::new(number, tile),
        };
        if self.workers.is_empty() {
            job.run(&mut self.packer);
            return self.hand_out(job, sink);
        }
        if self.under_way.len() == PER_THREAD * self.workers.len() {
            self.pop(sink)?;
        }
        self.workers[self.next].to.send(job).map_err(|_| ended())?;
        self.under_way.push_back(self.next);
        self.next = (self.next + 1) % self.workers.len();
        Ok(())
    }

    /// Hands out all that is under way.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(&Block<'_>) -> Result<()>) -> Result<()> {
        while !self.under_way.is_empty() {
            self.pop(sink)?;
        }
        Ok(())
    }

    fn pop(&mut self, sink: &mut dyn FnMut(&Block<'_>) -> Result<()>) -> Result<()> {
        let Some(worker) = self.under_way.pop_front() else {
            return Ok(());
        };
        let job = self.workers[worker].from.recv().map_err(|_| ended())?;
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
    fn new(number: u64, tile: Array) -> Self {
        Self {
            number,
            tile,
            gathered: Vec::new(),
            out: Vec::new(),
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
