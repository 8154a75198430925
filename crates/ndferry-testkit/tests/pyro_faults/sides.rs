//! Clients and daemons, ours and those of Python programs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ndferry_pyro::{
    Array, Daemon, DaemonOptions, Exception, Interrupt, Metadata, Outcome, Proxy, ProxyOptions,
    Returned, Served, Uri, Value,
};

use crate::{LIMIT, PATIENCE, TIMEOUT, Way, Whose};

const KEY: &str = "secret";

/// Python programs at a time.
const CLIENTS: usize = 8;

/// What there is of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Got {
    #[default]
    Nothing,
    Truth,
    Other,
}

impl Got {
    fn of(array: &Array, rows: usize) -> Self {
        let truth = truth(rows);
        let is_truth = array.shape() == truth.shape()
            && array.to_elements::<u16>().ok() == truth.to_elements::<u16>().ok();
        if is_truth { Self::Truth } else { Self::Other }
    }

    fn of_word(word: Option<i64>) -> Self {
        match word {
            Some(0) => Self::Nothing,
            Some(1) => Self::Truth,
            _ => Self::Other,
        }
    }
}

/// What a client makes of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Believed {
    pub(crate) is_put: bool,
    pub(crate) got: Got,
}

impl Believed {
    pub(crate) fn is_whole(self) -> bool {
        self.is_put && self.got == Got::Truth
    }
}

/// The same as in `daemon.py`.
fn truth(rows: usize) -> Array {
    let size = 200 * rows as u64;
    let elements: Vec<u16> = (0..size).map(|i| (i * i / 7) as u16).collect();
    Array::from_elements(&[rows, 200], &elements).unwrap()
}

/// Keeps arrays by number.
pub(crate) struct Store {
    rows: usize,
    kept: Mutex<BTreeMap<i64, Got>>,
}

impl Served for Store {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["put", "array"], &[])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        let wrong = || Exception::new("builtins.ValueError", "no number and array");
        Ok(match (method, &args[..]) {
            ("put", [Value::Int(number), array]) => {
                let array = array.to_array().ok().flatten().ok_or_else(wrong)?;
                self.kept
                    .lock()
                    .unwrap()
                    .insert(*number, Got::of(&array, self.rows));
                (*number).into()
            }
            ("array", []) => Value::from(truth(self.rows)).into(),
            _ => return Err(wrong()),
        })
    }
}

/// A process that ends with the test.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client and two daemons, one of which gives nobody up. `None` if there is no such Pyro.
pub(crate) fn start(way: Way) -> Option<(Client, Server)> {
    let name = format!("{:?}", way.dialect).to_lowercase();
    let python = match way.whose {
        Whose::BothOurs => None,
        _ => Some(python(&name)?),
    };
    let client = match (&python, way.whose) {
        (Some(python), Whose::OurDaemon) => Client::Theirs(Programs::start(way, python)),
        _ => Client::Ours(way),
    };
    let server = match (&python, way.whose) {
        (Some(python), Whose::OurClient) => Server::theirs(way, python),
        _ => Server::ours(way),
    };
    Some((client, server))
}

fn python(name: &str) -> Option<String> {
    let named = std::env::var("NDFERRY_PYRO_PEERS").ok()?;
    let mut named = named
        .split_whitespace()
        .filter_map(|peer| peer.split_once('='));
    let (_, python) = named.find(|(other, _)| *other == name)?;
    Some(python.to_owned())
}

fn command(way: Way, python: &str, script: &str) -> Command {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pyro_faults");
    let mut command = Command::new(python);
    command.args(["-B", &format!("{folder}/{script}.py")]);
    command.args([
        &*format!("{:?}", way.dialect).to_lowercase(),
        way.serializer.name(),
    ]);
    command.env("NDFERRY_PYRO_FAULT_ROWS", way.rows.to_string());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

pub(crate) enum Client {
    Ours(Way),
    Theirs(Programs),
}

impl Client {
    /// Puts an array and gets one; `None` if that does not end.
    pub(crate) fn talk(&self, url: &str, number: i64, timeout: Duration) -> Option<Believed> {
        match self {
            Self::Ours(way) => Some(ours(*way, url, number, timeout)),
            Self::Theirs(programs) => programs.talk(url, number, timeout),
        }
    }
}

fn uri(url: &str) -> String {
    format!("PYRO:store@{}", url.trim_start_matches("tcp://"))
}

fn connect(way: Way, url: &str, timeout: Duration) -> ndferry_pyro::Result<Proxy> {
    let mut options = ProxyOptions::default();
    options.dialect = Some(way.dialect);
    options.serializer = Some(way.serializer);
    options.key = way.is_signed.then(|| KEY.into());
    options.exchange.timeout = timeout;
    Proxy::connect(&uri(url).parse::<Uri>().unwrap(), &options)
}

fn ours(way: Way, url: &str, number: i64, timeout: Duration) -> Believed {
    let mut believed = Believed::default();
    let Ok(mut store) = connect(way, url, timeout) else {
        return believed;
    };
    let put = store.call("put", vec![number.into(), truth(way.rows).into()]);
    believed.is_put = put.is_ok_and(|answer| answer.as_int() == Some(number));
    if let Ok(answer) = store.call("array", Vec::new()) {
        believed.got = match answer.to_array() {
            Ok(Some(array)) => Got::of(&array, way.rows),
            // Whoever asks for an array sees that it is none.
            Ok(None) | Err(_) => Got::Nothing,
        };
    }
    believed
}

/// Python programs that talk when they are told.
pub(crate) struct Programs {
    way: Way,
    python: String,
    idle: Mutex<Vec<Program>>,
    some: (Mutex<usize>, std::sync::Condvar),
}

struct Program {
    _running: Running,
    orders: ChildStdin,
    lines: Receiver<String>,
}

impl Program {
    fn start(way: Way, python: &str) -> Self {
        let mut command = command(way, python, "client");
        command.arg("-").args(way.is_signed.then_some(KEY));
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let orders = child.stdin.take().unwrap();
        let (said, lines) = channel();
        thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { return };
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        let program = Self {
            _running: Running(child),
            orders,
            lines,
        };
        let ready = program.lines.recv_timeout(Duration::from_secs(60));
        assert_eq!(ready.as_deref(), Ok("ready"));
        program
    }
}

impl Programs {
    fn start(way: Way, python: &str) -> Self {
        let each = (0..CLIENTS).map(|_| {
            let python = python.to_owned();
            thread::spawn(move || Program::start(way, &python))
        });
        let each: Vec<_> = each.collect();
        Self {
            way,
            python: python.to_owned(),
            idle: Mutex::new(each.into_iter().map(|one| one.join().unwrap()).collect()),
            some: Default::default(),
        }
    }

    fn take(&self) -> Program {
        loop {
            if let Some(program) = self.idle.lock().unwrap().pop() {
                return program;
            }
            let free = self.some.0.lock().unwrap();
            // Whoever gives one back between the two lines above is noticed soon.
            drop(self.some.1.wait_timeout(free, Duration::from_millis(20)));
        }
    }

    fn talk(&self, url: &str, number: i64, timeout: Duration) -> Option<Believed> {
        let mut program = self.take();
        let seconds = timeout.as_secs_f64();
        writeln!(program.orders, "{} {number} {seconds}", uri(url)).unwrap();
        let said = program.lines.recv_timeout(timeout.max(LIMIT) * 2);
        let believed = said.ok().map(|line| {
            let mut words = line.split(' ').map(|word| word.parse::<i64>().ok());
            Believed {
                is_put: words.next() == Some(Some(1)),
                got: Got::of_word(words.next().flatten()),
            }
        });
        if believed.is_none() {
            program = Program::start(self.way, &self.python);
        }
        self.idle.lock().unwrap().push(program);
        self.some.1.notify_one();
        believed
    }
}

pub(crate) enum Server {
    Ours {
        store: Arc<Store>,
        urls: [String; 2],
        interrupt: Interrupt,
    },
    Theirs {
        way: Way,
        urls: [String; 2],
        _running: [Running; 2],
    },
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Ours { interrupt, .. } = self {
            interrupt.raise();
        }
    }
}

impl Server {
    fn ours(way: Way) -> Self {
        let interrupt = Interrupt::new();
        let store = Arc::new(Store {
            rows: way.rows,
            kept: Mutex::default(),
        });
        let urls = [TIMEOUT, PATIENCE].map(|timeout| {
            let mut options = DaemonOptions::default();
            options.key = way.is_signed.then(|| KEY.into());
            options.greeting_timeout = timeout;
            options.exchange.timeout = timeout;
            options.exchange.interrupt = interrupt.clone();
            let url = "tcp://127.0.0.1:0".parse().unwrap();
            let mut daemon = Daemon::bind(&url, options).unwrap();
            daemon.register("store", Arc::<Store>::clone(&store));
            let url = daemon.url().to_string();
            thread::spawn(move || daemon.serve());
            url
        });
        Self::Ours {
            store,
            urls,
            interrupt,
        }
    }

    fn theirs(way: Way, python: &str) -> Self {
        let mut running = Vec::new();
        let urls = [TIMEOUT, PATIENCE].map(|timeout| {
            let mut command = command(way, python, "daemon");
            command.arg(timeout.as_secs_f64().to_string());
            command.args(way.is_signed.then_some(KEY));
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            out.read_line(&mut line).unwrap();
            running.push(Running(child));
            format!("tcp://{}", line.trim().trim_start_matches("PYRO:store@"))
        });
        Self::Theirs {
            way,
            urls,
            _running: running.try_into().ok().unwrap(),
        }
    }

    /// Where the store is; `is_patient`: by the one that gives nobody up.
    pub(crate) fn url(&self, is_patient: bool) -> &str {
        let (Self::Ours { urls, .. } | Self::Theirs { urls, .. }) = self;
        &urls[usize::from(is_patient)]
    }

    /// What it has by this number, the one that is patient or the other.
    pub(crate) fn kept(&self, number: i64, is_patient: bool) -> Got {
        match self {
            Self::Ours { store, .. } => {
                let kept = store.kept.lock().unwrap();
                kept.get(&number).copied().unwrap_or_default()
            }
            Self::Theirs { way, .. } => {
                let ask = || {
                    let mut store = connect(*way, self.url(is_patient), PATIENCE).ok()?;
                    store.call("kept", vec![number.into()]).ok()
                };
                // The other one gives up those who are slow on a machine that has much to do.
                let kept = std::iter::repeat_with(ask).take(20).flatten().next();
                Got::of_word(kept.unwrap().as_int())
            }
        }
    }
}
