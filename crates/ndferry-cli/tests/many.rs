//! A million small messages over one connection, and ten thousand connections one after the other: neither side keeps
//! anything of them. On Linux, where one process can see what another one has.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, Item, LazyArray, Order, Receiver, RecvOptions, SaveOptions, SendOptions, Target,
    save, send,
};

const MESSAGES: usize = 1_000_000;
const CONNECTIONS: usize = 10_000;

/// Bytes of one small message's elements.
const SMALL: usize = 256;

/// Memory may differ by so much between the middle and the end: one message needs 300 bytes, a connection 16 KiB.
const FLAT: u64 = 4 << 20;

const PATIENCE: Duration = Duration::from_secs(300);

/// Each of the tests measures this machine, so only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What a process has: memory of its own in bytes, without files, and descriptors.
#[derive(Clone, Copy, Debug, Default)]
struct Has {
    memory: u64,
    descriptors: usize,
}

impl Has {
    fn of(process: &str) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.map_or("0", |line| line.trim().trim_end_matches(" kB"));
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
        let memory = kib.parse::<u64>().unwrap() * 1024;
        Self {
            memory,
            descriptors,
        }
    }

    /// Without what is only on its way out: the least of several looks.
    fn settled(process: &str) -> Self {
        let look = |number| {
            thread::sleep(Duration::from_millis(if number == 0 { 0 } else { 10 }));
            Self::of(process)
        };
        let least = |a: Self, b: Self| Self {
            memory: a.memory.min(b.memory),
            descriptors: a.descriptors.min(b.descriptors),
        };
        (0..10).map(look).reduce(least).unwrap_or_default()
    }

    fn text(self) -> String {
        format!(
            "{:.1} MiB and {} descriptors",
            self.memory as f64 / (1 << 20) as f64,
            self.descriptors
        )
    }
}

fn assert_flat(what: &str, [start, middle, end]: [Has; 3]) {
    println!(
        "{what}: {} at the start, {} in the middle, {} at the end",
        start.text(),
        middle.text(),
        end.text()
    );
    assert!(
        middle.memory > 0 && end.memory < middle.memory + FLAT,
        "{what}"
    );
    assert!(
        end.descriptors <= middle.descriptors && middle.descriptors <= start.descriptors + 1,
        "{what}"
    );
}

fn numbers(rows: usize) -> LazyArray {
    let bytes: Vec<u8> = (0..rows * SMALL).map(|i| (i / 7) as u8).collect();
    let array = Array::contiguous(Dtype::parse("u1").unwrap(), &[rows, SMALL], Order::C, bytes);
    LazyArray::from(array.unwrap())
}

#[test]
fn a_million_small_messages_leave_nothing_behind() {
    let _alone = ALONE.lock();
    for scheme in ["tcp", "zmq+tcp"] {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.npy");
        let array = numbers(MESSAGES);
        save(
            &source,
            &[Item {
                name: "",
                array: &array,
            }],
            &SaveOptions::default(),
            &(),
        )
        .unwrap();
        drop(array);
        let ndferry = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command
        };
        let url = format!("{scheme}://127.0.0.1:0");
        let target = folder.path().join("b.npy");
        let mut receiver = ndferry();
        receiver
            .args(["recv", "--json", "--listen", &url, "-o"])
            .arg(&target);
        let mut receiver = receiver.spawn().unwrap();
        let mut stderr = BufReader::new(receiver.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            println!("skipped: {scheme}: {line}");
            continue;
        };
        thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        let started = Instant::now();
        let mut sender = ndferry();
        sender
            .arg("send")
            .arg(&source)
            .args([url, "--block", &SMALL.to_string()]);
        let sender = sender.spawn().unwrap();
        let mut seen = [[Has::default(); 3]; 2];
        for (at, share) in [1, 5, 9].into_iter().enumerate() {
            let nbytes = (MESSAGES * SMALL / 10 * share) as u64;
            while written(&receiver) < nbytes {
                assert!(started.elapsed() < PATIENCE);
                thread::sleep(Duration::from_millis(5));
            }
            for (process, seen) in [&sender, &receiver].into_iter().zip(&mut seen) {
                seen[at] = Has::of(&process.id().to_string());
            }
        }
        let sent = sender.wait_with_output().unwrap();
        assert!(
            sent.status.success(),
            "{}",
            String::from_utf8_lossy(&sent.stderr)
        );
        let seconds = started.elapsed().as_secs_f64();
        let received = receiver.wait_with_output().unwrap();
        assert!(received.status.success());
        let told: serde_json::Value = serde_json::from_slice(&received.stdout).unwrap();
        assert_eq!(told["blocks"].as_u64(), Some(MESSAGES as u64));
        assert!(fs::read(&source).unwrap() == fs::read(&target).unwrap());
        println!(
            "{scheme}: {MESSAGES} messages of {SMALL} bytes in {seconds:.1} s, stored and verified"
        );
        let [at_sender, at_receiver] = seen;
        assert_flat("  the sender", at_sender);
        assert_flat("  the receiver", at_receiver);
    }
}

/// Bytes that a process has written so far, to whatever.
fn written(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.map_or(0, |number| number.parse().unwrap())
}

#[test]
fn ten_thousand_connections_leave_nothing_behind() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    for url in [
        "tcp://127.0.0.1:0",
        &format!("unix://{path}"),
        &format!("shm://{path}-shm"),
        "zmq+tcp://127.0.0.1:0",
    ] {
        let mut options = RecvOptions::default();
        options.timeout = Duration::from_secs(20);
        let mut receiver = match Receiver::bind(url, options) {
            Ok(receiver) => receiver,
            Err(error) => {
                println!("skipped: {error}");
                continue;
            }
        };
        let (url, array) = (receiver.url(), numbers(4));
        let started = Instant::now();
        let receiving = thread::spawn(move || {
            for _ in 0..CONNECTIONS {
                assert_eq!(
                    receiver.recv(&Target::Memory, &()).unwrap().nbytes,
                    4 * SMALL as u64
                );
            }
        });
        let mut seen = [Has::default(); 3];
        for i in 0..CONNECTIONS {
            let item = Item {
                name: "",
                array: &array,
            };
            assert!(
                send(&url, &[item], &SendOptions::default(), &())
                    .unwrap()
                    .acknowledged
            );
            let marks = [CONNECTIONS / 10, CONNECTIONS / 2, CONNECTIONS - 10];
            if let Some(at) = marks.iter().position(|mark| *mark == i) {
                // The receiver may still be closing the last one.
                thread::sleep(Duration::from_millis(100));
                seen[at] = Has::settled("self");
                let started = Instant::now();
                while at > 0
                    && seen[at].descriptors > seen[at - 1].descriptors
                    && started.elapsed() < Duration::from_secs(20)
                {
                    seen[at] = Has::settled("self");
                }
            }
        }
        receiving.join().unwrap();
        let seconds = started.elapsed().as_secs_f64();
        println!("{url}: {CONNECTIONS} transfers in {seconds:.1} s");
        assert_flat("  both ends", seen);
    }
}
