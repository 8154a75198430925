//! A sender and a receiver, real processes, with a proxy between them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, Item, LazyArray, OpenOptions, Order, SaveOptions, Source, check, save,
};
use ndferry_testkit::Rng;
use tempfile::TempDir;

/// The array: rows of 2 KiB, in 8 blocks of 64 KiB.
pub(crate) const ROWS: u64 = 256;
const BLOCK: &str = "65536";

/// `--timeout` of both sides, in seconds.
pub(crate) const TIMEOUT: u64 = 3;

/// The longest that anything may take: the time-out once for each thing to wait for, a farewell, and a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(2 * TIMEOUT + 20);

const TOKEN: &str = "correct horse";

/// What the two sides have agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    None,
    /// Both know a token.
    Token,
    /// `--resume` on both sides.
    Resume,
}

/// The array that is sent.
pub(crate) struct Truth {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Truth {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let words = (0..ROWS * 256).flat_map(|_| rng.bits().to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        let dtype = Dtype::parse("<u2").unwrap();
        let array = Array::contiguous(dtype, &[ROWS as usize, 1024], Order::C, bytes.clone());
        let array = LazyArray::from(array.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let item = Item {
            name: "",
            array: &array,
        };
        let path = folder.path().join("a.npy");
        save(path, &[item], &SaveOptions::default(), &()).unwrap();
        Self { folder, bytes }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.npy")
    }
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    said: String,
}

impl Ended {
    /// What is not right about how it failed.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.status.success() {
            return None;
        }
        let errors = self.said.lines().filter(|line| line.starts_with("error: "));
        let is_clear = self.status.code() == Some(2) && errors.count() == 1;
        (!is_clear || self.said.contains("panicked"))
            .then(|| format!("an unclear end, {}: {}", self.status, self.said))
    }

    pub(crate) fn said(&self) -> &str {
        &self.said
    }
}

/// A process whose words are listened to.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: Option<thread::JoinHandle<()>>,
}

impl Process {
    fn start(command: &mut Command, secrets: Secrets) -> Self {
        match secrets {
            Secrets::Token => command.env("NDFERRY_TOKEN", TOKEN),
            _ => command.env_remove("NDFERRY_TOKEN"),
        };
        command.args(["--timeout", &TIMEOUT.to_string()]);
        if secrets == Secrets::Resume {
            command.arg("--resume");
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (mut stderr, own) = (
            BufReader::new(child.stderr.take().unwrap()),
            Arc::clone(&said),
        );
        let listener = thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|n| n > 0) {
                own.lock().unwrap().push_str(&line);
                line.clear();
            }
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        Self {
            child,
            said,
            listener: Some(listener),
        }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.said.lock().unwrap().contains(words)
    }

    /// Waits for it to end by itself; `None` if it does not.
    pub(crate) fn end(
        &mut self,
        within: Duration,
        give_up: impl Fn(&Self) -> bool,
    ) -> Option<Ended> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.listener.take().unwrap().join().unwrap();
                let said = self.said();
                return Some(Ended { status, said });
            }
            if started.elapsed() > within || give_up(self) {
                return None;
            }
            thread::sleep(Duration::from_millis(3));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A receiver, and the folder that it stores in.
pub(crate) struct Pair {
    folder: TempDir,
    secrets: Secrets,
    pub(crate) receiver: Process,
    pub(crate) url: String,
}

fn ndferry() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ndferry"))
}

impl Pair {
    /// A receiver that listens; `Err` says why there is none.
    pub(crate) fn new(scheme: &str, secrets: Secrets) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let url = match scheme {
            "unix" | "zmq+ipc" => format!("{scheme}://{}", folder.path().join("socket").display()),
            _ => format!("{scheme}://127.0.0.1:0"),
        };
        let mut command = ndferry();
        command
            .args(["recv", "--listen", &url, "-o"])
            .arg(folder.path().join("out/a.npb"));
        command.env("NDFERRY_LOG", "ndferry::recv=debug");
        let mut receiver = Process::start(&mut command, secrets);
        let started = Instant::now();
        let url = loop {
            let said = receiver.said();
            // The whole line must be there.
            let lines = said
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let mut urls = lines.filter_map(|line| line.trim().strip_prefix("listening on "));
            if let Some(url) = urls.next() {
                break url.to_owned();
            }
            if let Some(ended) = receiver.end(Duration::ZERO, |_| true) {
                return Err(ended.said);
            }
            assert!(started.elapsed() < LIMIT, "{said}");
            thread::sleep(Duration::from_millis(3));
        };
        Ok(Self {
            folder,
            secrets,
            receiver,
            url,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn sender(&self, truth: &Truth, url: &str) -> Process {
        let mut command = ndferry();
        command
            .arg("send")
            .arg(truth.path())
            .args([url, "--block", BLOCK]);
        command.env_remove("NDFERRY_LOG");
        Process::start(&mut command, self.secrets)
    }

    /// Whether the file is there, whole and equal to one of these; `Err` tells of another one, or of litter.
    pub(crate) fn file(&self, truths: &[&Truth]) -> Result<bool, String> {
        let entries = fs::read_dir(self.folder.path().join("out")).unwrap();
        let mut is_there = false;
        for entry in entries {
            let entry = entry.unwrap();
            match entry.file_name().to_str().unwrap() {
                "a.npb" => is_there = true,
                "a.npb.part" if self.secrets == Secrets::Resume => {}
                name => return Err(format!("litter: {name}")),
            }
        }
        if is_there {
            let path = self.folder.path().join("out/a.npb");
            let finding =
                check(&path, &Default::default(), &()).map_err(|error| error.to_string())?;
            let source = Source::open(&path, &OpenOptions::default());
            let array = source.and_then(|source| source.array(None)?.load());
            let array = array.map_err(|error| error.to_string())?;
            let is_one = truths
                .iter()
                .any(|truth| array.bytes()[..] == truth.bytes[..]);
            if !finding.is_good() || !is_one {
                return Err("a half file, or another one".to_owned());
            }
        }
        Ok(is_there)
    }

    /// Whether a sender without a fault is served.
    pub(crate) fn serves(&mut self, truth: &Truth) -> Result<(), String> {
        let sent = self.sender(truth, &self.url).end(LIMIT, |_| false);
        let sent = sent.ok_or("the next sender hangs")?;
        if !sent.status.success() {
            return Err(format!("the next sender is not served: {}", sent.said));
        }
        let received = self.receiver.end(LIMIT, |_| false);
        let received = received.ok_or("the receiver hangs after the next sender")?;
        match received.status.success() && self.file(&[truth])? {
            true => Ok(()),
            false => Err("the next sender's file is not there".to_owned()),
        }
    }
}
