//! Folders at both ends: files that appear in one are sent and appear in the other.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(60);

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.args(line.split_whitespace()).current_dir(folder);
    command.env_remove("NDFERRY_TOKEN");
    command
}

fn run(folder: &Path, line: &str) -> Output {
    let run = command(folder, line).output().unwrap();
    assert!(
        run.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    run
}

fn begin(folder: &Path, line: &str) -> (Child, BufReader<ChildStderr>) {
    let mut command = command(folder, line);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr)
}

fn receiver(folder: &Path, line: &str) -> (Child, String, BufReader<ChildStderr>) {
    let (child, mut stderr) = begin(folder, line);
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first
        .trim()
        .strip_prefix("listening on ")
        .unwrap_or_else(|| panic!("{first}"));
    (child, url.to_owned(), stderr)
}

fn ended(mut child: Child, mut stderr: BufReader<ChildStderr>) -> (Option<i32>, String) {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

fn write(path: &Path, first: u16) {
    let bytes: Vec<u8> = (first..first + 5000).flat_map(u16::to_le_bytes).collect();
    let dtype = Dtype::parse("<u2").unwrap();
    let array = LazyArray::from(Array::contiguous(dtype, &[50, 100], Order::C, bytes).unwrap());
    let item = Item {
        name: if path.extension().unwrap() == "npz" {
            "x"
        } else {
            ""
        },
        array: &array,
    };
    save(path, &[item], &SaveOptions::default(), &()).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn several_senders_fill_a_folder_and_a_bad_one_does_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&folder.join("cells.npy"), 0);
    write(&folder.join("run.npz"), 7);
    let (child, url, stderr) = receiver(folder, "recv --count 4 -o in/");
    run(folder, &format!("send cells.npy {url}"));
    // One that breaks off in the middle.
    let address = url.strip_prefix("tcp://").unwrap();
    let mut broken = std::net::TcpStream::connect(address).unwrap();
    let hello = ndferry_npb::Hello::new(&[ndferry_npb::Codec::Raw], &ndferry_npb::Limits::PEER);
    std::io::Write::write_all(&mut broken, &hello.message()).unwrap();
    // It is let in, and greeted.
    broken.read_exact(&mut [0; 40]).unwrap();
    drop(broken);
    run(folder, &format!("send cells.npy {url}"));
    run(folder, &format!("send run.npz {url}"));
    run(folder, &format!("send run.npz:x {url}"));
    let (code, said) = ended(child, stderr);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert_eq!(
        names(&folder.join("in")),
        ["cells-2.npb", "cells.npb", "run-x.npb", "run.npb"]
    );
    for (ours, theirs) in [
        ("cells.npy", "in/cells.npb"),
        ("cells.npy", "in/cells-2.npb"),
        ("run.npz", "in/run.npb"),
        ("run.npz:x", "in/run-x.npb"),
    ] {
        run(folder, &format!("diff {ours} {theirs}"));
    }
    let (child, url, stderr) = receiver(folder, "recv -f --to npy -o in");
    run(folder, &format!("send cells.npy {url}"));
    assert_eq!(ended(child, stderr).0, Some(0));
    let (child, url, stderr) = receiver(folder, "recv --to npz -o odd.name");
    run(folder, &format!("send cells.npy {url}"));
    assert_eq!(ended(child, stderr).0, Some(0));
    run(folder, "diff cells.npy in/cells.npy");
    let info = run(folder, "info --json odd.name");
    assert!(String::from_utf8_lossy(&info.stdout).contains(r#""container":"npz""#));
}

#[test]
fn a_watched_folder_is_sent_file_by_file_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["out", "in"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let out = folder.join("out");
    write(&out.join("a.npy"), 1);
    fs::write(out.join("broken.npy"), b"\x93NUMPY and no more").unwrap();
    fs::write(out.join("notes.txt"), b"not an array").unwrap();
    let (receiving, url, receiver_said) = receiver(folder, "recv --count 4 -o in");
    let line = format!("send --watch out {url} --settle 1.5");
    let (watching, watcher_said) = begin(folder, &format!("{line} --count 3"));
    // Written in two pieces, with a pause.
    write(&folder.join("slow.npy"), 2);
    let bytes = fs::read(folder.join("slow.npy")).unwrap();
    fs::write(out.join("slow.npy"), &bytes[..500]).unwrap();
    thread::sleep(Duration::from_millis(300));
    fs::write(out.join("slow.npy"), &bytes).unwrap();
    // Renamed in.
    write(&folder.join("renamed.npz"), 3);
    fs::rename(folder.join("renamed.npz"), out.join("renamed.npz")).unwrap();
    let (code, said) = ended(watching, watcher_said);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(
        said.matches("stored and verified there").count(),
        3,
        "{said}"
    );
    assert_eq!(said.matches("error: broken.npy").count(), 1, "{said}");
    // Another run sends what is new, and tries again what could not be sent.
    write(&out.join("d.npy"), 4);
    write(&folder.join("whole.npy"), 5);
    fs::copy(folder.join("whole.npy"), out.join("broken.npy")).unwrap();
    fs::remove_file(out.join("d.npy")).unwrap();
    let (code, said) = {
        let (watching, watcher_said) = begin(folder, &format!("{line} --once"));
        ended(watching, watcher_said)
    };
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said.matches("stored and verified there").count(),
        1,
        "{said}"
    );
    let (code, said) = ended(receiving, receiver_said);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        names(&folder.join("in")),
        ["a.npb", "broken.npb", "renamed.npb", "slow.npb"]
    );
    for (ours, theirs) in [
        ("out/a.npy", "in/a.npb"),
        ("out/broken.npy", "in/broken.npb"),
        ("out/renamed.npz", "in/renamed.npb"),
        ("slow.npy", "in/slow.npb"),
    ] {
        run(folder, &format!("diff {ours} {theirs}"));
    }
    println!("5 files, one of them broken: 4 stored, 0 twice, 1 error told");
}

#[test]
fn a_watcher_waits_for_a_receiver_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("out")).unwrap();
    write(&folder.join("out/a.npy"), 1);
    // The port is kept for the receiver, without listening.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let url = format!("tcp://{address}");
    let line = format!("send --watch out {url} --settle 0.1 --once");
    assert_eq!(
        command(folder, &line).output().unwrap().status.code(),
        Some(2)
    );
    let line = format!("send --watch out {url} --settle 0.1 --count 1");
    let (watching, mut watcher_said) = begin(folder, &line);
    let mut said_first = String::new();
    while !said_first.contains("trying again") {
        assert_ne!(watcher_said.read_line(&mut said_first).unwrap(), 0);
    }
    drop(socket);
    let (receiving, _, receiver_said) = receiver(folder, &format!("recv --listen {url} -o in/"));
    let (code, said) = ended(watching, watcher_said);
    assert_eq!(code, Some(0), "{said_first}{said}");
    assert_eq!(ended(receiving, receiver_said).0, Some(0));
    run(folder, "diff out/a.npy in/a.npb");
    assert_eq!(names(&folder.join("out")), [".ndferry-sent", "a.npy"]);
}
