//! Live streams: who is fast, slow, dead or late gets true frames, and nobody slows the camera who must not.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, ErrorKind, Item, LazyArray, Live, LiveOptions, LivePolicy, OpenOptions, Order,
    Receiver, RecvOptions, SendOptions, Source, Target, Until, Watcher, peak_memory, send, watch,
};

const SHAPE: [usize; 2] = [256, 256];
const FRAME: usize = 2 * 256 * 256;
/// Of a sender with those who take nothing; others may be late on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a busy machine may take for anything that takes no time by itself.
const BUSY: Duration = Duration::from_secs(20);

/// One of the tests measures this process, so only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn dtype() -> Dtype {
    Dtype::parse("<u2").unwrap()
}

fn frame_of(shape: &[usize], number: u64) -> Array {
    let size: usize = shape.iter().product();
    let element = |i: usize| (number as u16).wrapping_mul(7).wrapping_add(i as u16);
    let bytes: Vec<u8> = (0..size).flat_map(|i| element(i).to_le_bytes()).collect();
    Array::contiguous(dtype(), shape, Order::C, bytes).unwrap()
}

fn is_frame(array: &Array, number: u64) -> bool {
    let expected = frame_of(array.shape(), number);
    *array.dtype() == dtype() && array.bytes() == expected.bytes()
}

fn options(policy: LivePolicy) -> LiveOptions {
    let mut options = LiveOptions::default();
    options.policy = policy;
    options.timeout = PATIENCE;
    options
}

fn watching() -> RecvOptions {
    let mut options = RecvOptions::default();
    options.timeout = BUSY;
    options
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < BUSY, "waited for {what} in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Watches to the end, with a rest after each frame: the first number, how many came, how many did not.
fn watched(mut watcher: Watcher, rest: impl Fn()) -> (u64, u64, u64) {
    let (first, mut next, mut came, mut missed) = (watcher.first(), watcher.first(), 0, 0);
    while let Some(frame) = watcher.recv().unwrap() {
        assert_eq!(frame.number, next + frame.missed);
        assert!(
            is_frame(&frame.array, frame.number),
            "frame {}",
            frame.number
        );
        (next, came, missed) = (frame.number + 1, came + 1, missed + frame.missed);
        rest();
    }
    assert!(watcher.missed() >= missed);
    (first, came, watcher.missed())
}

#[test]
fn a_fast_a_slow_a_dead_and_a_late_watcher_and_a_camera_that_none_of_them_slows() {
    const FRAMES: u64 = 600;
    const PACE: Duration = Duration::from_millis(3);
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.npb");
    let mut options = options(LivePolicy::Newest);
    options.store = Some(path.clone());
    options.name = "camera".to_owned();
    let mut live = Live::bind("tcp://127.0.0.1:0", dtype(), &SHAPE, options).unwrap();
    let url = live.url().to_owned();
    let connect = || Watcher::connect(&url, &watching()).unwrap();
    let (fast, slow, _dead) = (connect(), connect(), connect());
    assert!(live.wait_for(3, BUSY).unwrap());
    assert_eq!(
        (fast.name(), fast.shape(), fast.first()),
        ("camera", &SHAPE[..], 0)
    );
    let before = peak_memory().unwrap_or(0);
    let (pushed, late_is_there) = (AtomicU64::new(0), AtomicBool::new(false));
    // Until there are ten more frames, or no more.
    let ten_frames = || {
        let then = (pushed.load(Ordering::SeqCst) + 10).min(FRAMES);
        wait_for("the camera", || pushed.load(Ordering::SeqCst) >= then);
    };
    thread::scope(|scope| {
        let fast = scope.spawn(|| watched(fast, || {}));
        let slow = scope.spawn(|| watched(slow, ten_frames));
        let mut late = None;
        let (started, mut longest) = (Instant::now(), Duration::ZERO);
        for number in 0..FRAMES {
            if number == FRAMES / 2 {
                late = Some(scope.spawn(|| {
                    let watcher = connect();
                    late_is_there.store(true, Ordering::SeqCst);
                    watched(watcher, || {})
                }));
                wait_for("the late one", || late_is_there.load(Ordering::SeqCst));
            }
            let frame = frame_of(&SHAPE, number);
            let begun = Instant::now();
            assert_eq!(live.push(&frame.view()).unwrap(), number);
            longest = longest.max(begun.elapsed());
            pushed.store(number + 1, Ordering::SeqCst);
            thread::sleep(PACE);
        }
        let took = started.elapsed();
        let broadcast = live.finish().unwrap();
        let (fast, slow) = (fast.join().unwrap(), slow.join().unwrap());
        let late = late.unwrap().join().unwrap();
        let grown = peak_memory().unwrap_or(0) - before;
        println!("who: first frame, frames that came, missed");
        println!("fast: {fast:?}\nslow: {slow:?}\nlate: {late:?}");
        for watched in &broadcast.watched {
            println!("{watched:?}");
        }
        println!(
            "{FRAMES} frames of {} KiB in {:.1} s, the longest push took {} ms, memory +{} MiB",
            FRAME >> 10,
            took.as_secs_f32(),
            longest.as_millis(),
            grown >> 20
        );
        for (first, came, missed) in [fast, slow, late] {
            assert_eq!(first + came + missed, FRAMES);
        }
        assert_eq!((broadcast.frames, broadcast.watched.len()), (FRAMES, 4));
        assert_eq!((fast.0, slow.0), (0, 0));
        assert_eq!(late.0, FRAMES / 2 - 1);
        assert!(slow.2 > FRAMES / 4 && fast.1 > slow.1);
        assert_eq!(
            broadcast
                .watched
                .iter()
                .filter(|one| one.problem.is_some())
                .count(),
            1
        );
        // Nobody waited for the dead one, which takes a while to be let go.
        assert!(longest < PATIENCE, "{longest:?}");
        assert!(grown < 64 << 20);
    });
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap();
    assert_eq!(array.shape(), [FRAMES as usize, SHAPE[0], SHAPE[1]]);
    let stored = array.load().unwrap();
    for (number, bytes) in (0..).zip(stored.bytes().chunks(FRAME)) {
        assert!(
            bytes == &frame_of(&SHAPE, number).bytes()[..],
            "frame {number}"
        );
    }
}

#[test]
fn with_every_frame_for_everybody_the_slowest_sets_the_pace_and_a_dead_one_does_not_stop_it() {
    const FRAMES: u64 = 150;
    let _alone = ALONE.lock();
    let mut live = Live::bind(
        "tcp://127.0.0.1:0",
        dtype(),
        &SHAPE,
        options(LivePolicy::Every),
    )
    .unwrap();
    let url = live.url().to_owned();
    let connect = || Watcher::connect(&url, &watching()).unwrap();
    let (fast, slow, _dead) = (connect(), connect(), connect());
    assert!(live.wait_for(3, BUSY).unwrap());
    thread::scope(|scope| {
        let fast = scope.spawn(|| watched(fast, || {}));
        let slow = scope.spawn(|| watched(slow, || thread::sleep(Duration::from_millis(10))));
        for number in 0..FRAMES {
            live.push(&frame_of(&SHAPE, number).view()).unwrap();
        }
        let broadcast = live.finish().unwrap();
        assert_eq!(fast.join().unwrap(), (0, FRAMES, 0));
        assert_eq!(slow.join().unwrap(), (0, FRAMES, 0));
        let gone: Vec<_> = broadcast
            .watched
            .iter()
            .filter(|one| one.problem.is_some())
            .collect();
        println!("{FRAMES} frames each for two watchers; let go: {gone:?}");
        assert!(matches!(&gone[..], [one] if one.problem.as_ref().unwrap().contains("silent")));
    });
}

#[test]
fn a_file_of_a_stream_that_left_frames_out_says_so() {
    // Frames of two blocks.
    const WIDE: [usize; 2] = [700, 1100];
    const FRAMES: u64 = 40;
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(LivePolicy::Newest);
    // Nobody is to be given up here.
    options.timeout = BUSY;
    let mut live = Live::bind("tcp://127.0.0.1:0", dtype(), &WIDE, options).unwrap();
    let url = live.url().to_owned();
    for number in 0..5 {
        live.push(&frame_of(&WIDE, number).view()).unwrap();
    }
    let path = folder.path().join("got.npb");
    let target = Target::File(path.clone());
    let pushed = AtomicU64::new(5);
    let slow = Slow(&pushed);
    let received = thread::scope(|scope| {
        let received = scope.spawn(|| {
            watch(
                &url,
                &target,
                &watching(),
                &Until::the_end(),
                &slow,
                &mut |_| Ok(()),
            )
        });
        assert!(live.wait_for(1, BUSY).unwrap());
        for number in 5..FRAMES {
            live.push(&frame_of(&WIDE, number).view()).unwrap();
            pushed.store(number + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
        }
        let broadcast = live.finish().unwrap();
        assert_eq!(broadcast.watched[0].problem, None);
        let received = received.join().unwrap().unwrap();
        assert_eq!(received.missed, broadcast.watched[0].missed);
        received
    });
    let info = &received.arrays[0];
    assert_eq!(info.attributes.get("first_row").unwrap(), 4);
    assert_eq!(info.shape, [FRAMES as usize - 4, WIDE[0], WIDE[1]]);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap();
    assert_eq!(array.attributes().get("first_row").unwrap(), 4);
    let (mut there, mut lost) = (0, 0);
    for row in 0..FRAMES - 4 {
        let index = ndferry::Indexing::new(vec![ndferry::Index::At(row as isize)]);
        let selection = index.resolve(array.shape()).unwrap();
        match array.read(&selection) {
            Ok(frame) => {
                assert!(is_frame(&frame, row + 4), "row {row}");
                there += 1;
            }
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::MissingTile { .. }),
                    "{error}"
                );
                lost += 1;
            }
        }
    }
    println!("{there} frames in the file are right, {lost} are told as lost");
    assert_eq!(
        (lost, there),
        (received.missed, FRAMES - 4 - received.missed)
    );
    assert!(lost > 0);
}

/// Somebody who does not go on before there are more frames than sockets take.
struct Slow<'a>(&'a AtomicU64);

impl ndferry::Progress for Slow<'_> {
    fn advance(&self, _: u64) {
        wait_for("many frames", || self.0.load(Ordering::SeqCst) >= 35);
    }
}

#[test]
fn who_comes_to_the_wrong_door_hears_which_one_it_is() {
    let _alone = ALONE.lock();
    let mut limited = options(LivePolicy::Newest);
    limited.watchers = 1;
    let mut live = Live::bind("tcp://127.0.0.1:0", dtype(), &[], limited).unwrap();
    let array = LazyArray::from(frame_of(&[3], 0));
    let item = [Item {
        name: "",
        array: &array,
    }];
    let error = send(live.url(), &item, &SendOptions::default(), &()).unwrap_err();
    assert!(
        error.to_string().contains("it sends a live stream"),
        "{error}"
    );
    let receiver = Receiver::bind("tcp://127.0.0.1:0", watching()).unwrap();
    let url = receiver.url();
    thread::scope(|scope| {
        let (mut receiver, target) = (receiver, Target::Memory);
        let received = scope.spawn(move || receiver.recv(&target, &()));
        let error = Watcher::connect(&url, &watching()).unwrap_err();
        assert!(error.to_string().contains("it receives"), "{error}");
        send(&url, &item, &SendOptions::default(), &()).unwrap();
        received.join().unwrap().unwrap();
    });
    let first = Watcher::connect(live.url(), &watching()).unwrap();
    let error = Watcher::connect(live.url(), &watching()).unwrap_err();
    assert!(error.to_string().contains("as many watchers"), "{error}");
    let wrong = frame_of(&[1], 0);
    assert!(matches!(
        live.push(&wrong.view()).unwrap_err().kind(),
        ErrorKind::Misfit { .. }
    ));
    // Frames of one number each.
    for number in 0..3 {
        live.push(&frame_of(&[], number).view()).unwrap();
    }
    let broadcast = thread::scope(|scope| {
        let seen = scope.spawn(|| watched(first, || {}));
        let broadcast = live.finish().unwrap();
        assert_eq!(seen.join().unwrap(), (0, 3, 0));
        broadcast
    });
    assert_eq!(broadcast.watched.len(), 1);
}
