//! `ndferry send --live`: frames to all who watch.

use std::ffi::OsStr;
use std::io::{self, BufReader, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::bail;
use ndferry::{
    Array, Broadcast, Dtype, FrameReader, Index, Indexing, LazyArray, Live, LiveOptions,
};

use crate::args::SendArgs;
use crate::commands::convert::packing;
use crate::report::{Outcome, Session};
use crate::{size, token};

/// How long to wait at a time for somebody to watch.
const LOOK: Duration = Duration::from_secs(1);

/// Where frames come from.
enum Frames {
    Array { array: LazyArray, next: usize },
    Input(FrameReader<BufReader<io::StdinLock<'static>>>),
}

pub(crate) fn run(args: &SendArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut frames = Frames::open(args, session)?;
    let mut options = LiveOptions::default();
    options.policy = args.policy.policy();
    options.buffer = args.buffer;
    options.store.clone_from(&args.store);
    options.overwrite = args.force;
    options.packing = packing(&args.packing);
    options.timeout = args.wait.timeout;
    options.insecure = args.insecure;
    options.interrupt = session.interrupt.clone();
    options.token = token::given(&args.token)?;
    if let Frames::Array { array, .. } = &frames {
        array.path().clone_into(&mut options.name);
        options.attributes = array.attributes().clone();
    }
    let mut live = Live::bind(&args.url, frames.dtype().clone(), frames.shape(), options)?;
    // Scripts wait for this line; it is there even when quiet.
    crate::report::line(format_args!("listening on {}", live.url()));
    session.say(format_args!(
        "on the other side: ndferry recv --live {}",
        live.url()
    ));
    // A file would be over before anybody has come; a camera does not wait.
    let awaited = args.watchers.unwrap_or(match frames {
        Frames::Array { .. } => 1,
        Frames::Input(_) => 0,
    });
    while !live.wait_for(awaited, LOOK)? {}
    let started = Instant::now();
    let mut number = 0;
    while let Some(frame) = frames.next()? {
        if let Some(fps) = args.fps {
            let due = Duration::from_secs_f64(number as f64 / fps);
            session
                .interrupt
                .wait(due.saturating_sub(started.elapsed()))?;
        }
        number = live.push(&frame.view())? + 1;
    }
    tell(&live.finish()?, started, session);
    Ok(Outcome::Yes)
}

fn tell(broadcast: &Broadcast, started: Instant, session: &Session) {
    for watched in &broadcast.watched {
        let problem = match &watched.problem {
            None => String::new(),
            Some(problem) => format!("; then {problem}"),
        };
        session.say(format_args!(
            "{}: from frame {} on {} sent, {} missed{problem}",
            watched.peer, watched.first, watched.sent, watched.missed
        ));
    }
    let per_second = broadcast.frames as f64 / started.elapsed().as_secs_f64();
    session.say(format_args!(
        "{}, {per_second:.1} a second, to {}",
        size::counted(broadcast.frames, "frame"),
        size::counted(broadcast.watched.len() as u64, "watcher"),
    ));
}

impl Frames {
    fn open(args: &SendArgs, session: &Session) -> anyhow::Result<Self> {
        if args.source.source != OsStr::new("-") {
            let array = session.array(&args.source)?;
            if array.shape().is_empty() {
                bail!("--live sends frames along the first axis, and this array has no axes");
            }
            return Ok(Self::Array { array, next: 0 });
        }
        if io::stdin().is_terminal() {
            bail!("standard input is a terminal: pipe an NPY header and frames into it");
        }
        let limits = session.open_options(0).limits;
        let input = BufReader::with_capacity(1 << 20, io::stdin().lock());
        Ok(Self::Input(FrameReader::new(input, &limits)?))
    }

    fn dtype(&self) -> &Dtype {
        match self {
            Self::Array { array, .. } => array.dtype(),
            Self::Input(reader) => reader.dtype(),
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Array { array, .. } => &array.shape()[1..],
            Self::Input(reader) => reader.shape(),
        }
    }

    fn next(&mut self) -> anyhow::Result<Option<Array>> {
        let (array, next) = match self {
            Self::Input(reader) => return Ok(reader.frame()?),
            Self::Array { array, next } => (array, next),
        };
        if *next == array.shape()[0] {
            return Ok(None);
        }
        let index = Indexing::new(vec![Index::At(*next as isize)]);
        *next += 1;
        Ok(Some(array.read(&index.resolve(array.shape())?)?))
    }
}
