//! How `watch` ends before the stream does: what had come is there, in whole frames.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Cut, Dtype, Live, LiveOptions, LivePolicy, OpenOptions, Order, Progress, Received,
    RecvOptions, Source, Target, Until, watch,
};

const SHAPE: [usize; 2] = [256, 256];
const PATIENCE: Duration = Duration::from_secs(20);

fn dtype() -> Dtype {
    Dtype::parse("<u2").unwrap()
}

fn frame_of(shape: &[usize], number: u64) -> Array {
    let size: usize = shape.iter().product();
    let element = |i: usize| (number as u16).wrapping_mul(7).wrapping_add(i as u16);
    let bytes: Vec<u8> = (0..size).flat_map(|i| element(i).to_le_bytes()).collect();
    Array::contiguous(dtype(), shape, Order::C, bytes).unwrap()
}

/// Bytes of elements that have come.
#[derive(Debug, Default)]
struct Came(AtomicU64);

impl Progress for Came {
    fn advance(&self, nbytes: u64) {
        self.0.fetch_add(nbytes, Ordering::SeqCst);
    }
}

impl Came {
    fn wait_for(&self, nbytes: usize) {
        let begun = Instant::now();
        while self.0.load(Ordering::SeqCst) < nbytes as u64 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Watches into that file while so many frames are sent; the watcher is asked to stop if `stop`, and outlives the sender
/// otherwise, unless it has had enough.
fn stored(
    until: &Until,
    shape: &[usize],
    path: &Path,
    frames: u64,
    stop: bool,
) -> ndferry::Result<Received> {
    let mut options = LiveOptions::default();
    options.policy = LivePolicy::Every;
    let mut live = Live::bind("tcp://127.0.0.1:0", dtype(), shape, options).unwrap();
    let url = live.url().to_owned();
    let target = Target::File(path.to_owned());
    let came = Came::default();
    let enough = until.rows.map_or(frames, |rows| rows.min(frames));
    let enough = enough as usize * 2 * shape.iter().product::<usize>();
    thread::scope(|scope| {
        let stored = scope.spawn(|| {
            watch(
                &url,
                &target,
                &RecvOptions::default(),
                until,
                &came,
                &mut |_| Ok(()),
            )
        });
        assert!(live.wait_for(1, PATIENCE).unwrap());
        for number in 0..frames {
            live.push(&frame_of(shape, number).view()).unwrap();
        }
        came.wait_for(enough);
        if stop {
            until.stop.set();
        }
        if !stop && until.rows.is_none() {
            // Not an end: whoever sends has broken off.
            drop(live);
            return stored.join().unwrap();
        }
        stored.join().unwrap()
    })
}

#[test]
fn a_stream_whose_sender_goes_leaves_the_rows_that_had_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("got.npb");
    let nothing = stored(&Until::the_end(), &SHAPE, &path, 0, false);
    assert!(nothing.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let three = stored(&Until::the_end(), &SHAPE, &path, 3, false).unwrap();
    assert!(matches!(three.cut, Some(Cut::Broken(_))), "{three:?}");
    are_frames(&path, &SHAPE, 3);
}

/// The file has these frames.
fn are_frames(path: &Path, shape: &[usize], frames: u64) {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap().load().unwrap();
    assert_eq!(array.shape(), [&[frames as usize], shape].concat());
    let all = (0..frames).flat_map(|number| frame_of(shape, number).bytes().to_vec());
    assert!(array.bytes()[..] == all.collect::<Vec<u8>>()[..]);
}

#[test]
fn a_watcher_leaves_when_it_has_enough_or_is_asked_to_and_keeps_what_came() {
    let folder = tempfile::tempdir().unwrap();
    // Frames of one tile, and of several.
    for (name, shape) in [("small", &SHAPE[..]), ("large", &[3, 1200, 1000])] {
        let path = folder.path().join(format!("{name}.npb"));
        let mut until = Until::the_end();
        until.rows = Some(2);
        let two = stored(&until, shape, &path, 5, false).unwrap();
        assert_eq!(
            (two.cut, &two.arrays[0].shape[..1]),
            (Some(Cut::Rows), &[2][..])
        );
        are_frames(&path, shape, 2);
        let path = folder.path().join(format!("{name}-stopped.npb"));
        let all = stored(&Until::the_end(), shape, &path, 3, true).unwrap();
        assert_eq!(all.cut, Some(Cut::Stopped));
        are_frames(&path, shape, 3);
    }
}
