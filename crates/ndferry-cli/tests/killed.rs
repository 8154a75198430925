//! Receivers and senders that are killed (SIGKILL) while arrays cross between processes. On Linux, where one process can
//! see how much another one has written.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, CheckOptions, Dtype, Item, LazyArray, OpenOptions, Order, SaveOptions, Source, check,
    save,
};
use ndferry_testkit::Rng;
use tempfile::TempDir;

/// Bytes of the array, and of a block of it.
const NBYTES: usize = 4 << 20;
const BLOCK: usize = 64 << 10;

/// The longest wait for anything; only a broken build needs as much.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_killed_receiver_leaves_no_half_file_and_no_sender_that_believes_in_it() {
    let folder = Folder::new();
    let mut rng = Rng::new(50);
    let mut counts = Counts::default();
    for ending in ["npb", "npy"] {
        // Between the first write, which is seen, and the last one, whose bytes are withheld.
        for _ in 0..13 {
            let mut receiver = folder.receiver(ending);
            let before = written(&receiver.child);
            let nbytes = (1 << 20) + rng.below(NBYTES - (1 << 20));
            let relay = Relay::start(&receiver.url, nbytes);
            let sender = folder.sender(&relay.url);
            relay.wait();
            wait_for("the receiver's first write", || {
                written(&receiver.child) >= before + BLOCK as u64
            });
            assert!(receiver.child.try_wait().unwrap().is_none());
            receiver.child.kill().unwrap();
            counts.in_the_middle += 1;
            let received = ended(receiver.child);
            drop(relay);
            let sent = ended(sender);
            assert!(!received.success());
            assert!(!sent.success(), "a sender believes in what was killed");
            assert!(!folder.verdict(ending), "a file that cannot be whole");
            counts.absent += 1;
        }
        // At any moment: before anything came, while it comes, while it is synced, just after.
        let mut killed = 0;
        while killed < 12 {
            let mut receiver = folder.receiver(ending);
            let sender = folder.sender(&receiver.url);
            thread::sleep(Duration::from_micros(rng.below(40_000) as u64));
            receiver.child.kill().unwrap();
            let received = ended(receiver.child);
            let sent = ended(sender);
            let whole = folder.verdict(ending);
            assert!(whole || !sent.success(), "sent, but not stored");
            if received.success() {
                // It was done before it could be killed.
                assert!(whole);
                continue;
            }
            killed += 1;
            match whole {
                true => counts.whole += 1,
                false => counts.absent += 1,
            }
            counts.sent += u32::from(sent.success());
        }
        counts.at_random += killed;
    }
    println!(
        "receivers killed: {} between their first and last write, {} at random; {} files absent, {} whole and verified \
         (then {} senders had heard so), 0 half",
        counts.in_the_middle, counts.at_random, counts.absent, counts.whole, counts.sent
    );
    assert_eq!((counts.in_the_middle, counts.at_random), (26, 24));
}

#[test]
fn after_a_kill_only_what_was_missing_is_sent() {
    let folder = Folder::new();
    let mut rng = Rng::new(60);
    let (message, blocks) = (BLOCK as u64 + 48, (NBYTES / BLOCK) as u64);
    let mut counts = (0, 0, 0);
    for round in 0..16 {
        let ending = ["npb", "npy"][round / 2 % 2];
        let mut receiver = folder.receiver_with(ending, &["--resume"]);
        let before = written(&receiver.child);
        let nbytes = (1 << 20) + rng.below(NBYTES - (2 << 20));
        // A block that has come in part only does not count.
        let arrived = (nbytes as u64 - 1024) / message - 1;
        let relay = Relay::start(&receiver.url, nbytes);
        let mut sender = folder.sender_with(&relay.url, &["--resume"]);
        relay.wait();
        if round % 2 == 0 {
            wait_for("the receiver's writes", || {
                written(&receiver.child) >= before + arrived * message
            });
            receiver.child.kill().unwrap();
            counts.0 += 1;
        } else {
            sender.kill().unwrap();
            counts.1 += 1;
        }
        drop(relay);
        assert!(!ended(sender).success());
        assert!(!ended(receiver.child).success());
        assert_eq!(folder.names(), [format!("out.{ending}.part")]);
        let receiver = folder.receiver_with(ending, &["--resume", "--json"]);
        let sender = folder.sender_with(&receiver.url, &["--resume"]);
        assert!(ended(sender).success());
        let received = receiver.child.wait_with_output().unwrap();
        assert!(received.status.success());
        let told: serde_json::Value = serde_json::from_slice(&received.stdout).unwrap();
        let number = |key: &str| told[key].as_u64().unwrap();
        let (held, wire) = (number("held"), number("wire_nbytes"));
        assert!(held >= arrived && held < blocks, "{held} of {blocks}");
        let missing = (blocks - held) * message;
        assert!(
            (missing..missing + 1024).contains(&wire),
            "{wire} for {held}"
        );
        counts.2 += held;
        assert!(folder.verdict(ending));
    }
    println!(
        "resumed after {} killed receivers and {} killed senders: {} of {} blocks were not sent again, 0 of the others twice",
        counts.0,
        counts.1,
        counts.2,
        16 * blocks
    );
}

#[derive(Default)]
struct Counts {
    in_the_middle: u32,
    at_random: u32,
    absent: u32,
    whole: u32,
    sent: u32,
}

#[test]
fn a_killed_sender_leaves_nothing_at_the_receiver() {
    let folder = Folder::new();
    let mut rng = Rng::new(10);
    for _ in 0..10 {
        let receiver = folder.receiver("npb");
        let relay = Relay::start(&receiver.url, rng.below(NBYTES));
        let mut sender = folder.sender(&relay.url);
        relay.wait();
        sender.kill().unwrap();
        sender.wait().unwrap();
        drop(relay);
        assert_eq!(ended(receiver.child).code(), Some(2));
        assert!(!folder.verdict("npb"));
    }
}

/// Where files come and go.
struct Folder {
    source: TempDir,
    target: TempDir,
    truth: Vec<u8>,
}

/// A receiver that listens.
struct Receiver {
    child: Child,
    url: String,
}

impl Folder {
    fn new() -> Self {
        let mut rng = Rng::new(1);
        let truth: Vec<u8> = (0..NBYTES / 8)
            .flat_map(|_| rng.bits().to_le_bytes())
            .collect();
        let dtype = Dtype::parse("<u2").unwrap();
        let array = Array::contiguous(dtype, &[NBYTES / 2048, 1024], Order::C, truth.clone());
        let array = LazyArray::from(array.unwrap());
        let source = tempfile::tempdir().unwrap();
        let item = Item {
            name: "",
            array: &array,
        };
        let path = source.path().join("a.npy");
        save(path, &[item], &SaveOptions::default(), &()).unwrap();
        Self {
            source,
            target: tempfile::tempdir().unwrap(),
            truth,
        }
    }

    fn receiver(&self, ending: &str) -> Receiver {
        self.receiver_with(ending, &[])
    }

    fn receiver_with(&self, ending: &str, options: &[&str]) -> Receiver {
        let mut child = ndferry()
            .args(["recv", "--listen", "tcp://127.0.0.1:0", "-o"])
            .arg(self.target.path().join("out").with_extension(ending))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        // Goes on reading, so that the receiver never waits for us.
        thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Receiver { child, url }
    }

    fn sender(&self, url: &str) -> Child {
        self.sender_with(url, &[])
    }

    fn sender_with(&self, url: &str, options: &[&str]) -> Child {
        let block = BLOCK.to_string();
        let mut command = ndferry();
        command.arg("send").arg(self.source.path().join("a.npy"));
        command.args([url, "--block", &block]).args(options);
        command.stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Whether there is a whole file now, which is then removed; there is never a half one, nor litter.
    fn verdict(&self, ending: &str) -> bool {
        let path = self.target.path().join("out").with_extension(ending);
        let names = self.names();
        if names.is_empty() {
            return false;
        }
        assert_eq!(names, [format!("out.{ending}")]);
        self.check_whole(&path);
        fs::remove_file(&path).unwrap();
        true
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.target.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn check_whole(&self, path: &Path) {
        let finding = check(path, &CheckOptions::default(), &()).unwrap();
        assert!(finding.is_good(), "{finding:?}");
        let source = Source::open(path, &OpenOptions::default()).unwrap();
        let array = source.array(None).unwrap().load().unwrap();
        assert!(array.bytes()[..] == self.truth[..], "other elements");
    }
}

fn ndferry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Waits for a process to end by itself.
fn ended(mut child: Child) -> ExitStatus {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("a process did not end within {PATIENCE:?}");
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "waited for {what} in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Bytes that a process has written so far, to whatever; 0, which makes tests wait in vain, where nobody counts them.
fn written(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.map_or(0, |number| number.parse().unwrap())
}

/// Stands between a sender and a receiver, and lets only so many bytes through to the receiver. Dropped, it hangs up on
/// both.
struct Relay {
    url: String,
    reached: std::sync::mpsc::Receiver<()>,
    hung_up: Option<Sender<()>>,
}

impl Relay {
    fn start(to: &str, nbytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let to = to.strip_prefix("tcp://").unwrap().to_owned();
        let (tell, reached) = channel();
        let (hung_up, hang_up) = channel::<()>();
        thread::spawn(move || {
            let (mut sender, _) = listener.accept().unwrap();
            let mut receiver = TcpStream::connect(to).unwrap();
            let (mut answers, mut back) =
                (receiver.try_clone().unwrap(), sender.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let mut limited = Read::by_ref(&mut sender).take(nbytes as u64);
            std::io::copy(&mut limited, &mut receiver).unwrap();
            receiver.flush().unwrap();
            tell.send(()).unwrap();
            // Ends when the other end is dropped.
            let _ = hang_up.recv();
            // Whoever was killed has hung up before.
            let _ = receiver.shutdown(Shutdown::Both);
            let _ = sender.shutdown(Shutdown::Both);
        });
        Self {
            url,
            reached,
            hung_up: Some(hung_up),
        }
    }

    /// Until all that may pass has passed.
    fn wait(&self) {
        self.reached.recv_timeout(PATIENCE).unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.hung_up.take();
    }
}
