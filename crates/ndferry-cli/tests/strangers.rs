//! A thousand strangers do not keep a receiver from serving who knows the token, and cost it next to nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::any::Any;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry_io::{Framing, LinkOptions};
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

/// The same once it is at rest.
fn settled(child: &Child) -> usize {
    let (mut last, mut same) = (descriptors(child), 0);
    while same < 20 {
        thread::sleep(Duration::from_millis(25));
        let now = descriptors(child);
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// The most memory that it has had, in bytes.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

/// Where a receiver listens.
#[derive(Debug)]
struct There {
    url: String,
    /// Host and port.
    address: String,
    /// Over TLS: how a hand-shake begins.
    client_hello: Option<Vec<u8>>,
    /// Strangers that got as far as to say something there.
    heard: AtomicUsize,
}

impl There {
    fn new(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let address = rest.split_once('#').map_or(rest, |(address, _)| address);
        Self {
            url: url.to_owned(),
            address: address.to_owned(),
            client_hello: (scheme == "tls").then(client_hello),
            heard: AtomicUsize::new(0),
        }
    }

    fn stream(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Sends bytes where messages are expected, after the hand-shake of TLS if there is one; what keeps the connection.
    fn say(&self, bytes: &[u8]) -> Box<dyn Any + Send> {
        let options = link_options();
        // They may be thrown out while they speak.
        match ndferry_io::connect(&self.url.parse().unwrap(), &options) {
            Ok(mut link) => {
                self.heard.fetch_add(1, Ordering::Relaxed);
                let _ = link.send(&[bytes]);
                Box::new(link)
            }
            Err(_) => Box::new(()),
        }
    }
}

fn link_options() -> LinkOptions {
    LinkOptions::new(Framing {
        head_nbytes: 40,
        frame_nbytes: |_| Ok(40),
    })
}

/// The first message of a TLS client.
fn client_hello() -> Vec<u8> {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://{}", server.local_addr().unwrap());
    let client = thread::spawn(move || {
        let connected = ndferry_io::connect(&url.parse().unwrap(), &link_options());
        assert!(connected.is_err());
    });
    let mut bytes = vec![0; 4096];
    let (mut stream, _) = server.accept().unwrap();
    let n = stream.read(&mut bytes).unwrap();
    bytes.truncate(n);
    drop(stream);
    client.join().unwrap();
    assert!(n > 150, "{n}");
    bytes
}

/// One of ten ways to waste a receiver's time; what keeps the connection open.
fn stranger(i: usize, there: &There) -> Box<dyn Any + Send> {
    let mut hello = Hello::new(&[Codec::Raw], &Limits::PEER);
    let plain = hello.message();
    hello.proves = true;
    let proves = hello.message();
    let answer = Auth::Answer {
        challenge: [1; 32],
        proof: [2; 32],
    };
    let beneath = |bytes: &[u8]| -> Box<dyn Any + Send> {
        let mut stream = there.stream();
        let _ = stream.write_all(bytes);
        Box::new(stream)
    };
    let first = there.client_hello.as_deref().unwrap_or(&proves);
    match i % 10 {
        // Idle.
        0 => Box::new(there.stream()),
        // Garbage.
        1 => beneath(b"GET / HTTP/1.1\r\nHost: there\r\nAccept: everything\r\n\r\n"),
        // Closed early.
        2 => {
            let stream = there.stream();
            let _ = stream.shutdown(Shutdown::Both);
            Box::new(stream)
        }
        // Partial.
        3 => beneath(&first[..50]),
        // The first word, and then silence.
        4 => beneath(first),
        // The first word, and then garbage, much of it.
        5 => beneath(&[first, &[0x93; 40_000]].concat()),
        // A greeting, and then silence.
        6 => there.say(&proves),
        // No token.
        7 => there.say(&plain),
        // A wrong proof.
        8 => there.say(&[proves, answer.message()].concat()),
        // Too much.
        _ => there.say(&[&proves[..], &[0x93; 5000]].concat()),
    }
}

/// Bytes of a greeting one after the other, for as long as there is anybody.
fn drip(there: &There, until: &AtomicBool) {
    let mut stream = there.stream();
    let hello = Hello::new(&[Codec::Raw], &Limits::PEER).message();
    let bytes = there.client_hello.as_ref().unwrap_or(&hello);
    for byte in bytes.iter().cycle() {
        if until.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn a_thousand_strangers_keep_nobody_out() {
    a_thousand_strangers("tcp://127.0.0.1:0");
}

#[test]
fn nor_do_they_over_tls() {
    a_thousand_strangers("tls://127.0.0.1:0");
}

fn a_thousand_strangers(listen: &str) {
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
    let line = format!("recv --listen {listen} --count {} -o there.npb", GOOD + 1);
    let mut child = command(folder, &line)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let reader = thread::spawn(move || stderr.lines().map_while(Result::ok).count());
    let there = There::new(first.trim().trim_start_matches("listening on "));
    // It opens its next output just after that line, and after each transfer.
    let descriptors_before = settled(&child);
    let peak_before = peak(&child);
    let is_again = AtomicBool::new(false);
    // One of all may have to be tried again, on a machine that has to serve so many.
    let send = || loop {
        thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        let sent = command(folder, &format!("send t.npy {}", there.url)).output();
        let sent = sent.unwrap();
        if sent.status.success() {
            break started.elapsed();
        }
        assert!(!is_again.swap(true, Ordering::Relaxed), "{sent:?}");
    };
    let over = AtomicBool::new(false);
    let (strangers, slowest) = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drip(&there, &over));
        }
        let crowd = scope.spawn(|| {
            let come = (0..STRANGERS).map(|i| stranger(i, &there));
            come.collect::<Vec<_>>()
        });
        let mut took: Vec<_> = (0..GOOD).map(|_| send()).collect();
        took.sort();
        // But one.
        let slowest = took[GOOD - 2];
        let strangers = crowd.join().unwrap();
        over.store(true, Ordering::Relaxed);
        (strangers, slowest)
    });
    assert_eq!(strangers.len(), STRANGERS);
    // Four in ten speak as peers do.
    let heard = there.heard.load(Ordering::Relaxed);
    assert!(heard > STRANGERS * 3 / 10, "{heard}");
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
        "{STRANGERS} strangers at {listen}: {} transfers, the slowest but one in {:.2} s, one afterwards in {:.2} s; peak memory {:.1} MiB \
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
