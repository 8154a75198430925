//! `send --live` and `recv --live`: a file as a stream, and frames out of a pipe.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, Item, LazyArray, OpenOptions, Order, RecvOptions, SaveOptions, Source, Watcher,
    save,
};

const FRAME: [usize; 2] = [30, 40];

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.args(line.split_whitespace()).current_dir(folder);
    command.env_remove("NDFERRY_TOKEN").stdout(Stdio::null());
    command.stderr(Stdio::piped());
    command
}

fn listening(child: &mut Child) -> (String, BufReader<ChildStderr>) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first
        .trim()
        .strip_prefix("listening on ")
        .unwrap_or_else(|| panic!("{first}"));
    (url.to_owned(), stderr)
}

fn ended(mut child: Child, stderr: &mut impl Read) -> String {
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

fn bytes(frames: std::ops::Range<usize>) -> Vec<u8> {
    let size: usize = FRAME.iter().product();
    let elements = (frames.start * size..frames.end * size).map(|i| i as u16);
    elements.flat_map(u16::to_le_bytes).collect()
}

fn write(path: &Path, frames: usize) {
    let dtype = Dtype::parse("<u2").unwrap();
    let shape = [frames, FRAME[0], FRAME[1]];
    let array = Array::contiguous(dtype, &shape, Order::C, bytes(0..frames)).unwrap();
    let item = Item {
        name: "",
        array: &LazyArray::from(array),
    };
    save(path, &[item], &SaveOptions::default(), &()).unwrap();
}

fn load(path: &Path) -> Array {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    source.array(None).unwrap().load().unwrap()
}

#[test]
fn a_file_goes_to_two_who_watch_as_it_is() {
    for scheme in ["tcp", "zmq+tcp"] {
        to_two_who_watch(scheme);
    }
}

fn to_two_who_watch(scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("run.npy"), 50);
    let line = &format!(
        "send --live run.npy {scheme}://127.0.0.1:0 --policy every --watchers 2 --store kept.npb"
    );
    let mut sender = command(folder, line).spawn().unwrap();
    let (url, mut said) = listening(&mut sender);
    let watch = |out: &str| {
        command(folder, &format!("recv --live {url} -o {out}"))
            .spawn()
            .unwrap()
    };
    let (mut first, mut second) = (watch("a.npb"), watch("b.npy"));
    let said = ended(sender, &mut said);
    assert!(
        said.contains("50 frames") && said.contains("to 2 watchers"),
        "{said}"
    );
    for child in [&mut first, &mut second] {
        let mut stderr = child.stderr.take().unwrap();
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{said}");
        assert!(!said.contains("did not come"), "{said}");
    }
    for name in ["a.npb", "b.npy", "kept.npb"] {
        let array = load(&folder.join(name));
        assert_eq!(array.shape(), [50, FRAME[0], FRAME[1]]);
        assert!(array.bytes()[..] == bytes(0..50), "{name}");
    }
    let again = command(folder, line).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("kept.npb: it exists already"));
}

#[test]
fn whoever_watches_keeps_what_came_after_so_many_frames_ctrl_c_and_a_killed_camera() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("run.npy"), 2000);
    // A buffer for all of it: nobody misses a frame, however late.
    let line = "send --live run.npy tcp://127.0.0.1:0 --watchers 3 --fps 20 --buffer 2000";
    let mut sender = command(folder, line).spawn().unwrap();
    let (url, _) = listening(&mut sender);
    let watch = |rest: &str| {
        let line = format!("recv --live {url} -q --json {rest}");
        command(folder, &line)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let some = watch("-o some.npy --frames 5");
    let stopped = watch("-o stopped.npb");
    let mut orphan = watch("-o orphan.npb");
    let some = some.wait_with_output().unwrap();
    assert!(some.status.success());
    // The others have nearly as many, which is not yet in their files.
    thread::sleep(Duration::from_millis(1000));
    let asked = Command::new("kill")
        .args(["-INT", &stopped.id().to_string()])
        .status();
    assert!(asked.unwrap().success());
    let stopped = stopped.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{stopped:?}");
    sender.kill().unwrap();
    sender.wait().unwrap();
    let mut said = String::new();
    orphan
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let orphan = orphan.wait_with_output().unwrap();
    assert_eq!(orphan.status.code(), Some(2));
    assert!(said.contains("what had come is stored"), "{said}");
    for (run, cut, name) in [
        (some, "frames", "some.npy"),
        (stopped, "interrupted", "stopped.npb"),
        (orphan, "broken", "orphan.npb"),
    ] {
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(
            said.contains(&format!("\"cut\":\"{cut}\"")),
            "{name}: {said}"
        );
        let array = load(&folder.join(name));
        let rows = array.shape()[0];
        assert!(
            rows == 5 || (rows > 0 && name != "some.npy"),
            "{name}: {rows}"
        );
        assert!(array.bytes()[..] == bytes(0..rows), "{name}");
    }
}

#[test]
fn frames_out_of_a_pipe_have_the_numbers_that_they_were_written_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("none.npy"), 0);
    let line = "send --live - unix://socket --buffer 1000";
    let mut sender = command(folder, line).stdin(Stdio::piped()).spawn().unwrap();
    let mut camera = sender.stdin.take().unwrap();
    camera
        .write_all(&fs::read(folder.join("none.npy")).unwrap())
        .unwrap();
    let (_, mut said) = listening(&mut sender);
    camera.write_all(&bytes(0..20)).unwrap();
    camera.flush().unwrap();
    // Somebody who comes late begins with the newest frame, once that has come out of the pipe.
    let url = format!("unix://{}", folder.join("socket").display());
    let started = Instant::now();
    let mut watcher = loop {
        let watcher = Watcher::connect(&url, &RecvOptions::default()).unwrap();
        if watcher.first() == 19 {
            break watcher;
        }
        assert!(watcher.first() < 19 && started.elapsed() < Duration::from_secs(20));
        drop(watcher);
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(watcher.shape(), &FRAME[..]);
    camera.write_all(&bytes(20..60)).unwrap();
    drop(camera);
    for number in 19..60 {
        let frame = watcher.recv().unwrap().unwrap();
        assert_eq!((frame.number, frame.missed), (number as u64, 0));
        assert!(frame.array.bytes()[..] == bytes(number..number + 1));
    }
    assert!(watcher.recv().unwrap().is_none());
    let said = ended(sender, &mut said);
    assert!(
        said.contains("from frame 19 on 41 sent, 0 missed"),
        "{said}"
    );
    // A frame that was cut is an error.
    let mut cut = fs::read(folder.join("none.npy")).unwrap();
    cut.extend(&bytes(0..2)[..3000]);
    fs::write(folder.join("cut"), cut).unwrap();
    let mut sender = command(folder, "send --live - tcp://127.0.0.1:0");
    let run = sender
        .stdin(fs::File::open(folder.join("cut")).unwrap())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
}
