//! Two hosts with a slow cable between them that is pulled: network namespaces, a veth pair, a rate limit. Needs Linux, root
//! and iproute2; says so where it has to be left out.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{Array, Dtype, Item, LazyArray, OpenOptions, Order, SaveOptions, Source, save};
use ndferry_testkit::Rng;

/// Bytes of the array: 200 MiB in blocks of 1 MiB.
const NBYTES: u64 = 200 << 20;
const BLOCK: u64 = 1 << 20;
/// Of a block with its heads.
const MESSAGE: u64 = BLOCK + 48;
/// What the cable carries: all of it takes some seventeen seconds, so that it is out well before, however busy the machine.
const RATE: &str = "100mbit";

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Addresses for documents, which are nobody's; inside the namespaces alone.
const SENDER: &str = "192.0.2.1/24";
const RECEIVER: &str = "192.0.2.2";

#[test]
fn a_transfer_survives_a_cable_that_is_out_for_ten_seconds() {
    let Some(net) = Net::new("survives") else {
        return;
    };
    let source = source();
    let folder = tempfile::tempdir().unwrap();
    let receiver = net.receiver(folder.path(), &["--json"]);
    let started = Instant::now();
    let sender = net.sender(source.path(), &receiver.url, &[]);
    wait_for("a quarter of it", || written(&receiver.child) > NBYTES / 4);
    net.link("down");
    // What was there by then is written, too.
    thread::sleep(Duration::from_secs(1));
    let before = written(&receiver.child);
    thread::sleep(Duration::from_secs(9));
    let during = written(&receiver.child) - before;
    assert!(during < NBYTES / 4, "{during} bytes came without a cable");
    net.link("up");
    let sent = ended(sender);
    let took = started.elapsed();
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let told = receiver.ended();
    assert_eq!((told.blocks, told.held), (NBYTES / BLOCK, 0));
    check(&folder.path().join("a.npb"));
    println!(
        "200 MiB at {RATE}: the cable was out for 10 s after {} MiB, {} MiB came meanwhile; stored and verified after {:.1} s, {} bytes on \
         the wire, nothing twice",
        before >> 20,
        during >> 20,
        took.as_secs_f64(),
        told.wire,
    );
}

#[test]
fn a_cable_that_stays_out_and_a_sender_that_is_killed_cost_only_what_was_missing() {
    let Some(net) = Net::new("resumes") else {
        return;
    };
    let source = source();
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("a.npb.part");
    let options = ["--resume", "--timeout", "3", "--json"];
    // The cable is out for longer than the time-out: both sides give up, and say so.
    let receiver = net.receiver(folder.path(), &options);
    let sender = net.sender(source.path(), &receiver.url, &options[..3]);
    wait_for("a quarter of it", || written(&receiver.child) > NBYTES / 4);
    net.link("down");
    let out = Instant::now();
    let (sent, received) = thread::scope(|scope| {
        let sent = scope.spawn(|| (ended(sender), out.elapsed()));
        let received = (ended(receiver.child), out.elapsed());
        (sent.join().unwrap(), received)
    });
    for (ended, after) in [&sent, &received] {
        assert_eq!(ended.status.code(), Some(2));
        // And a farewell of two seconds, and what has come is synced.
        assert!(*after < Duration::from_secs(3 + 2 + 25), "{after:?}");
    }
    let said = text(&sent.0.stderr);
    // The few bytes of the last answers may have come within these seconds, or before.
    assert!(
        said.contains("silent for 3 s") || said.contains("bytes in 3 s"),
        "{said}"
    );
    let first = fs::metadata(&part).unwrap().len() / MESSAGE;
    assert!(!folder.path().join("a.npb").exists());
    net.link("up");
    // Then the sender is killed.
    let receiver = net.receiver(folder.path(), &options);
    let before = written(&receiver.child);
    let mut sender = net.sender(source.path(), &receiver.url, &options[..3]);
    wait_for("a quarter more", || {
        written(&receiver.child) > before + NBYTES / 4
    });
    sender.kill().unwrap();
    sender.wait().unwrap();
    assert_eq!(ended(receiver.child).status.code(), Some(2));
    let second = fs::metadata(&part).unwrap().len() / MESSAGE;
    // What is left.
    let receiver = net.receiver(folder.path(), &options);
    let resumed = ended(net.sender(source.path(), &receiver.url, &options[..3]));
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    let told = receiver.ended();
    check(&folder.path().join("a.npb"));
    let blocks = NBYTES / BLOCK;
    assert_eq!((told.blocks, told.held), (blocks, second));
    // The last block may have come in part.
    assert!(0 < first && first + 49 <= second && second < blocks);
    let missing = (blocks - second) * MESSAGE;
    assert!(
        (missing..missing + 4096).contains(&told.wire),
        "{}",
        told.wire
    );
    println!(
        "200 MiB at {RATE}: {first} of {blocks} blocks until the cable was out, then the sender gave up after {:.1} s and the receiver \
         after {:.1} s with --timeout 3; {} more until the sender was killed; the other {} blocks came in {} bytes, nothing twice",
        sent.1.as_secs_f64(),
        received.1.as_secs_f64(),
        second - first,
        blocks - second,
        told.wire,
    );
}

/// Two namespaces and the cable; gone when dropped.
struct Net {
    near: String,
    far: String,
}

impl Net {
    /// `None`, and a line among what was skipped, where it cannot be had.
    fn new(name: &str) -> Option<Self> {
        let id = std::process::id();
        let net = Self {
            near: format!("ndferry-{name}-a-{id}"),
            far: format!("ndferry-{name}-b-{id}"),
        };
        match net.set_up() {
            Ok(()) => Some(net),
            Err(problem) => {
                println!("skipped: {name}: no network namespaces here: {problem}");
                if let Some(list) = std::env::var_os("NDFERRY_SKIPPED") {
                    let list = fs::OpenOptions::new().create(true).append(true).open(list);
                    writeln!(list.unwrap(), "namespaces: {name}: {problem}").unwrap();
                }
                None
            }
        }
    }

    fn set_up(&self) -> Result<(), String> {
        let (near, far) = (&self.near, &self.far);
        ip(&format!("netns add {near}"))?;
        ip(&format!("netns add {far}"))?;
        // What comes now can only fail for reasons that are none of the machine's.
        let then = [
            format!("link add wire netns {near} type veth peer name wire netns {far}"),
            format!("-n {near} addr add {SENDER} dev wire"),
            format!("-n {far} addr add {RECEIVER}/24 dev wire"),
            format!("-n {near} link set wire up"),
            format!("-n {far} link set wire up"),
        ];
        for words in then {
            ip(&words)?;
        }
        let limit =
            format!("-n {near} qdisc add dev wire root tbf rate {RATE} burst 256kb latency 100ms");
        run(Command::new("tc").args(limit.split(' ')))
    }

    /// `up` or `down`.
    fn link(&self, state: &str) {
        ip(&format!("-n {} link set wire {state}", self.far)).unwrap();
    }

    fn ndferry(&self, namespace: &str) -> Command {
        let mut command = Command::new("ip");
        // It becomes the program, so that it can be killed.
        command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_ndferry")]);
        command
            .env("NDFERRY_TOKEN", "correct horse")
            .env_remove("NDFERRY_LOG");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn receiver(&self, folder: &Path, options: &[&str]) -> Receiver {
        let mut command = self.ndferry(&self.far);
        command.args(["recv", "--listen", &format!("tcp://{RECEIVER}:0"), "-o"]);
        command.arg(folder.join("a.npb")).args(options);
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        // Goes on reading, so that the receiver never waits for us.
        thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        Receiver { child, url }
    }

    fn sender(&self, source: &Path, url: &str, options: &[&str]) -> Child {
        let mut command = self.ndferry(&self.near);
        command
            .arg("send")
            .arg(source)
            .args([url, "--block", &BLOCK.to_string()]);
        command.args(options).spawn().unwrap()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            // It may not have been made.
            let _ = ip(&format!("netns del {namespace}"));
        }
    }
}

struct Receiver {
    child: Child,
    url: String,
}

/// What `recv --json` tells.
struct Told {
    blocks: u64,
    held: u64,
    wire: u64,
}

impl Receiver {
    fn ended(self) -> Told {
        let ended = ended(self.child);
        assert!(ended.status.success());
        let told: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let number = |key: &str| told[key].as_u64().unwrap();
        let (blocks, held, wire) = (number("blocks"), number("held"), number("wire_nbytes"));
        Told { blocks, held, wire }
    }
}

fn ip(words: &str) -> Result<(), String> {
    run(Command::new("ip").args(words.split(' ')))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", text(&output.stderr).trim())),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn truth() -> Vec<u8> {
    let mut rng = Rng::new(80);
    (0..NBYTES / 8)
        .flat_map(|_| rng.bits().to_le_bytes())
        .collect()
}

fn source() -> Sent {
    let dtype = Dtype::parse("<u2").unwrap();
    let shape = [(NBYTES >> 11) as usize, 1024];
    let array = LazyArray::from(Array::contiguous(dtype, &shape, Order::C, truth()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let item = Item {
        name: "",
        array: &array,
    };
    save(&path, &[item], &SaveOptions::default(), &()).unwrap();
    Sent {
        path,
        _folder: folder,
    }
}

/// The file that is sent; it goes with this.
struct Sent {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sent {
    fn path(&self) -> &Path {
        &self.path
    }
}

fn check(path: &Path) {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap().load().unwrap();
    assert!(array.bytes()[..] == truth()[..], "other elements");
}

/// Waits for a process to end by itself.
fn ended(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("a process did not end within {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "waited for {what} in vain");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes that a process has written so far, to whatever.
fn written(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.map_or(0, |number| number.parse().unwrap())
}
