//! A thousand strangers do not keep a receiver from serving who knows the token, and cost it next to nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry_npb::{Auth, Codec, Hello, Limits};

const STRANGERS: usize = 1000;
/// While they come.
const GOOD: usize = 10;
const TOKEN: &str = "correct horse";

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.args(line.split_whitespace()).current_dir(folder);
    command.env("NDFERRY_TOKEN", TOKEN);
    command
}

/// How many descriptors a process has open.
fn descriptors(child: &Child) -> usize {
    let folder = format!("/proc/{}/fd", child.id());
    fs::read_dir(folder).unwrap().count()
}

/// The most memory that it has had, in bytes.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// One of eight ways to waste a receiver's time; what keeps the connection open.
fn stranger(i: usize, address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut hello = Hello::new(&[Codec::Raw], &Limits::PEER);
    let plain = hello.message();
    hello.proves = true;
    let proves = hello.message();
    let answer = Auth::Answer {
        challenge: [1; 32],
        proof: [2; 32],
    };
    // They may be thrown out while they speak.
    let _ = match i % 8 {
        // Idle.
        0 => Ok(()),
        // Garbage.
        1 => stream.write_all(b"GET / HTTP/1.1\r\nHost: there\r\nAccept: everything\r\n\r\n"),
        // Closed early.
        2 => stream.shutdown(Shutdown::Both),
        // Partial.
        3 => stream.write_all(&proves[..50]),
        // A greeting, and then silence.
        4 => stream.write_all(&proves),
        // No token.
        5 => stream.write_all(&plain),
        // A wrong proof.
        6 => stream
            .write_all(&proves)
            .and_then(|()| stream.write_all(&answer.message())),
        // Too much.
        _ => stream.write_all(&[&proves[..], &[0x93; 5000]].concat()),
    };
    stream
}

/// Bytes of a greeting one after the other, for as long as there is anybody.
fn drip(address: &str, until: &AtomicBool) {
    let mut stream = TcpStream::connect(address).unwrap();
    let hello = Hello::new(&[Codec::Raw], &Limits::PEER).message();
    for byte in hello.iter().cycle() {
        if until.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_thousand_strangers_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let array = ndferry::Array::from_elements(&[1000], &vec![7i32; 1000]).unwrap();
    let array = ndferry::LazyArray::from(array);
    let item = ndferry::Item {
        name: "",
        array: &array,
    };
    let options = ndferry::SaveOptions::default();
    ndferry::save(folder.join("t.npy"), &[item], &options, &()).unwrap();
    let line = format!("recv --count {} -o there.npb", GOOD + 1);
    let mut child = command(folder, &line)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let reader = thread::spawn(move || stderr.lines().map_while(Result::ok).count());
    let url = first.trim().trim_start_matches("listening on ").to_owned();
    let address = url.trim_start_matches("tcp://").to_owned();
    // It opens its next output just after that line, and after each transfer.
    thread::sleep(Duration::from_millis(300));
    let (descriptors_before, peak_before) = (descriptors(&child), peak(&child));
    let send = || {
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        let sent = command(folder, &format!("send t.npy {url}")).output();
        let sent = sent.unwrap();
        assert!(sent.status.success(), "{sent:?}");
        started.elapsed()
    };
    let over = AtomicBool::new(false);
    let (strangers, slowest) = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drip(&address, &over));
        }
        let crowd = scope.spawn(|| {
            let come = (0..STRANGERS).map(|i| stranger(i, &address));
            come.collect::<Vec<_>>()
        });
        let slowest = (0..GOOD).map(|_| send()).max().unwrap();
        let strangers = crowd.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (strangers, slowest)
    });
    assert_eq!(strangers.len(), STRANGERS);
    let (most_descriptors, peak_after) = (descriptors(&child), peak(&child));
    drop(strangers);
    let started = Instant::now();
    while descriptors(&child) > descriptors_before + 1 {
        if started.elapsed() > Duration::from_secs(30) {
            let left = descriptors(&child);
            child.kill().unwrap();
            panic!("{left} descriptors, {descriptors_before} at first");
        }
        thread::sleep(Duration::from_millis(50));
    }
    let back = started.elapsed();
    let last = send();
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
    println!(
        "{STRANGERS} strangers: {} transfers, the slowest in {:.2} s, one afterwards in {:.2} s; peak memory {:.1} MiB \
         more; descriptors {descriptors_before}, {most_descriptors} with them, no more than one above {descriptors_before} after {:.2} s",
        GOOD + 1,
        slowest.as_secs_f64(),
        last.as_secs_f64(),
        (peak_after - peak_before) as f64 / (1 << 20) as f64,
        back.as_secs_f64(),
    );
    assert!(peak_after - peak_before < 64 << 20);
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}
