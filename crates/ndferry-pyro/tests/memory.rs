//! What large arrays cost at either end: their own memory and a little; and many clients: nothing that stays.
//!
//! Each end that is measured is a process of its own, the other one is this, which speaks as Pyro4 does of Python 2 and 3.
//! `NDFERRY_PYRO_MIB` is how large the arrays are, `NDFERRY_PYRO_CALLS` how many small calls there are.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Order};
use ndferry_io::{current_memory, peak_memory};
use ndferry_pyro::{
    Annotations, Body, Call, Daemon, DaemonOptions, Decoding, Dialect, Encoding, ErrorKind,
    Exception, Flags, Head, Limits, Message, MessageKind, Metadata, Outcome, Proxy, ProxyOptions,
    Returned, Serializer, Served, Uri, Value,
};

const KEY: &[u8] = b"secret";

/// What a process may use beside the array.
const BESIDE_MIB: f64 = 16.0;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Numbers of which half of the bytes are two in UTF-8.
fn array(mib: usize) -> Array {
    let mut state = 1u64;
    let mut elements = vec![0; mib << 20];
    for eight in elements.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        eight.copy_from_slice(&state.to_le_bytes());
    }
    let dtype = Dtype::parse("<u2").unwrap();
    Array::contiguous(dtype, &[mib, 512, 1024], Order::C, Bytes::from(elements)).unwrap()
}

fn mib(nbytes: u64) -> f64 {
    nbytes as f64 / f64::from(1 << 20)
}

/// How one who calls or is called writes.
#[derive(Clone, Copy)]
struct Way {
    protocol: u8,
    python2: bool,
    is_signed: bool,
}

impl Way {
    const ALL: [Self; 5] = [
        Self::new(5, false, false),
        Self::new(5, false, true),
        Self::new(2, false, false),
        Self::new(2, false, true),
        Self::new(2, true, false),
    ];

    const fn new(protocol: u8, python2: bool, is_signed: bool) -> Self {
        Self {
            protocol,
            python2,
            is_signed,
        }
    }

    fn key(self) -> Option<&'static [u8]> {
        self.is_signed.then_some(KEY)
    }

    fn encoding(self) -> Encoding {
        let mut encoding = Encoding::new(Dialect::Pyro4, Serializer::Pickle);
        encoding.protocol = self.protocol;
        encoding.python2 = self.python2;
        encoding
    }

    fn told(self) -> String {
        format!(
            "protocol {} of Python {}{}",
            self.protocol,
            if self.python2 { 2 } else { 3 },
            if self.is_signed { ", signed" } else { "" }
        )
    }
}

/// The end that is not measured.
struct Plain {
    stream: TcpStream,
    way: Way,
    seq: u16,
}

impl Plain {
    fn send(&mut self, kind: MessageKind, value: &Value) {
        let body = self.way.encoding().value(value).unwrap();
        self.send_body(kind, &body);
    }

    fn send_body(&mut self, kind: MessageKind, body: &Body) {
        let flags = Flags {
            metadata: matches!(kind, MessageKind::Connect | MessageKind::ConnectOk),
            ..Flags::default()
        };
        let head = Head {
            dialect: Dialect::Pyro4,
            kind,
            serializer: 4,
            flags,
            seq: self.seq,
            data_nbytes: 0,
            annotations_nbytes: 0,
            correlation: [0; 16],
        };
        let start = Message::start(head, Annotations::new(), body, self.way.key()).unwrap();
        self.stream.write_all(&start).unwrap();
        body.each(&mut |part| self.stream.write_all(part)).unwrap();
    }

    fn recv(&mut self) -> Message {
        let mut head = [0; 24];
        self.stream.read_exact(&mut head).unwrap();
        let head = Head::parse(&head).unwrap();
        let mut rest = vec![0; head.rest_nbytes() as usize];
        self.stream.read_exact(&mut rest).unwrap();
        self.seq = head.seq;
        Message::parse(head, rest.into(), self.way.key(), &Limits::default()).unwrap()
    }

    fn value(&mut self) -> Value {
        let message = self.recv();
        assert!(!message.head.flags.exception);
        let decoding = Decoding::new(Serializer::Pickle, Limits::default());
        decoding.value(&message.data).unwrap()
    }

    fn called(&mut self) -> Call {
        let message = self.recv();
        let decoding = Decoding::new(Serializer::Pickle, Limits::default());
        decoding.call(&message.data).unwrap()
    }

    fn greet(&mut self) {
        let hello = [("handshake", "hello".into()), ("object", "store".into())];
        self.send(MessageKind::Connect, &Value::dict(self.texts(hello)));
        let said = self.value();
        assert!(said.get("meta").is_some(), "{said}");
    }

    fn welcome(&mut self) {
        self.recv();
        let empty = || Value::List(Vec::new());
        let meta = [
            ("methods", empty()),
            ("oneway", empty()),
            ("attrs", empty()),
        ];
        let said = [("handshake", "hello".into()), ("meta", Value::dict(meta))];
        self.send(MessageKind::ConnectOk, &Value::dict(self.texts(said)));
    }

    /// Texts of Python 2 are `str`.
    fn texts<const N: usize>(
        &self,
        mut pairs: [(&'static str, Value); N],
    ) -> [(&'static str, Value); N] {
        for (_, value) in &mut pairs {
            if let (Value::Str(text), true) = (&*value, self.way.python2) {
                *value = Value::Py2Str(text.clone().into());
            }
        }
        pairs
    }

    fn call(&mut self, method: &str, args: Vec<Value>) -> Value {
        let parts = [
            ("", "store".into()),
            ("", method.into()),
            ("", Value::Tuple(args)),
            ("", Value::Dict(Vec::new())),
        ];
        let parts = self.texts(parts).map(|(_, value)| value);
        self.send(MessageKind::Invoke, &Value::Tuple(parts.into()));
        self.value()
    }
}

/// A process that ends with the test; what it says, line by line.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(role: &str, arguments: &[&str], way: Way) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "the_end_that_is_measured", "--nocapture"])
            .env("NDFERRY_PYRO_ROLE", role)
            .env("NDFERRY_PYRO_ARGUMENTS", arguments.join(" "))
            .stdout(Stdio::piped());
        if way.is_signed {
            command.env("NDFERRY_PYRO_SIGNED", "1");
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that is no report of the test harness.
    fn says(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
            // Which does not end its own line before.
            if let Some((_, said)) = line.split_once("! ") {
                return said.trim().to_owned();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A daemon that is measured, and where it is.
struct Measured {
    uri: Uri,
    way: Way,
    _running: Running,
}

impl Measured {
    fn daemon(mib: usize, way: Way) -> Self {
        let mut running = Running::start("daemon", &[&mib.to_string()], way);
        Self {
            uri: running.says().parse().unwrap(),
            way,
            _running: running,
        }
    }

    fn connect(&self) -> Plain {
        let Uri::Tcp { host, port, .. } = &self.uri else {
            panic!("{}", self.uri);
        };
        let mut plain = Plain {
            stream: TcpStream::connect((host.as_str(), *port)).unwrap(),
            way: self.way,
            seq: 0,
        };
        plain.greet();
        plain
    }
}

/// Not a test of its own: what the others start as a process.
#[test]
fn the_end_that_is_measured() {
    let Ok(role) = std::env::var("NDFERRY_PYRO_ROLE") else {
        return;
    };
    let arguments = std::env::var("NDFERRY_PYRO_ARGUMENTS").unwrap();
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let key = std::env::var("NDFERRY_PYRO_SIGNED")
        .ok()
        .map(|_| KEY.to_vec());
    match role.as_str() {
        "daemon" => {
            let mut options = DaemonOptions::default();
            options.key = key;
            let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
            let array = array(arguments[0].parse().unwrap());
            println!("! {}", daemon.register("store", Arc::new(Store { array })));
            daemon.serve().unwrap();
        }
        _ => {
            let mut options = ProxyOptions::default();
            options.dialect = Some(Dialect::Pyro4);
            options.key = key;
            let mut proxy = Proxy::connect(&arguments[0].parse().unwrap(), &options).unwrap();
            let value = match role.as_str() {
                "receives" => proxy.call("array", Vec::new()).unwrap(),
                _ => {
                    let value = Value::from(array(arguments[1].parse().unwrap()));
                    proxy.call("put", vec![value.clone()]).unwrap();
                    value
                }
            };
            println!("! {} {}", peak_memory().unwrap(), sum(&value));
        }
    }
}

struct Store {
    array: Array,
}

/// What elements are, in one number.
fn sum(value: &Value) -> i64 {
    let array = value.to_array().unwrap().unwrap();
    let words = array.bytes().chunks_exact(8);
    words.fold(0i64, |sum, word| {
        let word = i64::from_le_bytes(word.try_into().unwrap());
        sum.rotate_left(3).wrapping_add(word)
    })
}

impl Served for Store {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["array", "put", "add", "peak", "uses"], &[])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        let int = |n: u64| Value::Int(n as i64);
        Ok(match (method, &args[..]) {
            ("array", []) => Value::from(self.array.clone()).into(),
            ("put", [array]) => Value::Int(sum(array)).into(),
            ("add", [Value::Int(a), Value::Int(b)]) => (a + b).into(),
            ("peak", []) => int(peak_memory().unwrap()).into(),
            ("uses", []) => {
                let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
                let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
                let uses = [
                    int(current_memory().unwrap()),
                    int(descriptors as u64),
                    int(threads as u64),
                ];
                Value::Tuple(uses.into()).into()
            }
            _ => return Err(Exception::new("builtins.TypeError", method)),
        })
    }
}

fn check(what: &str, way: Way, peak: u64, arrays: usize) {
    let peak = mib(peak);
    let beside = peak - arrays as f64;
    println!(
        "{what}, {}: {arrays} MiB of arrays, peak {peak:.1}, {beside:.1} beside them",
        way.told()
    );
    assert!(beside <= BESIDE_MIB, "{what}, {}", way.told());
}

#[test]
fn a_client_needs_the_memory_of_its_array_and_little_more() {
    let size = number("NDFERRY_PYRO_MIB", 32);
    let array = Value::from(array(size));
    let expected = sum(&array);
    for way in Way::ALL {
        for role in ["receives", "sends"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let uri = format!("PYRO:store@{}", listener.local_addr().unwrap());
            let mut client = Running::start(role, &[&uri, &size.to_string()], way);
            let (stream, _) = listener.accept().unwrap();
            let mut plain = Plain {
                stream,
                way,
                seq: 0,
            };
            plain.welcome();
            let call = plain.called();
            if role == "receives" {
                plain.send(MessageKind::Result, &array);
            } else {
                assert_eq!(sum(&call.args[0]), expected, "{}", way.told());
                plain.send(MessageKind::Result, &Value::None);
            }
            let said = client.says();
            let (peak, sum) = said.split_once(' ').unwrap();
            assert_eq!(sum.parse::<i64>().unwrap(), expected, "{}", way.told());
            check(
                &format!("a client {role}"),
                way,
                peak.parse().unwrap(),
                size,
            );
        }
    }
}

#[test]
fn a_daemon_needs_the_memory_of_its_arrays_and_little_more() {
    let size = number("NDFERRY_PYRO_MIB", 32);
    let array = Value::from(array(size));
    let expected = sum(&array);
    for way in Way::ALL {
        let daemon = Measured::daemon(size, way);
        let mut plain = daemon.connect();
        let came = plain.call("array", Vec::new());
        assert_eq!(sum(&came), expected, "{}", way.told());
        let peak = plain.call("peak", Vec::new()).as_int().unwrap();
        check("a daemon sends", way, peak as u64, size);
        let put = plain.call("put", vec![array.clone()]);
        assert_eq!(put.as_int(), Some(expected), "{}", way.told());
        let peak = plain.call("peak", Vec::new()).as_int().unwrap();
        check("a daemon receives one more", way, peak as u64, 2 * size);
    }
}

/// What a client makes of this answer to a call, and whether the next call is answered.
fn answered(start: &[u8], body: &[u8]) -> (Result<i64, ErrorKind>, bool) {
    answered_within(Duration::from_secs(60), start, body)
}

/// The same, with so much patience.
fn answered_within(
    patience: Duration,
    start: &[u8],
    body: &[u8],
) -> (Result<i64, ErrorKind>, bool) {
    let way = Way::new(5, false, true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("PYRO:store@{}", listener.local_addr().unwrap());
    let mut options = ProxyOptions::default();
    options.dialect = Some(Dialect::Pyro4);
    options.key = Some(KEY.to_vec());
    options.exchange.timeout = patience;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut plain = Plain {
                stream,
                way,
                seq: 0,
            };
            plain.welcome();
            plain.called();
            plain.stream.write_all(start).unwrap();
            // It may have hung up in the middle.
            let _ = plain.stream.write_all(body);
            let mut more = [0; 4096];
            if plain.stream.read(&mut more).is_ok_and(|n| n > 0) {
                plain.seq = 2;
                plain.send(MessageKind::Result, &7.into());
            }
        });
        let mut proxy = Proxy::connect(&uri.parse().unwrap(), &options).unwrap();
        let value = proxy.call("array", Vec::new());
        let next = proxy.call("next", Vec::new());
        let next = next.is_ok_and(|value| value.as_int() == Some(7));
        (
            value.map(|value| sum(&value)).map_err(|error| error.kind),
            next,
        )
    })
}

/// Head and annotations of an answer to the first call, signed with this key.
fn signed(body: &Bytes, key: Option<&[u8]>) -> Vec<u8> {
    let head = Head {
        dialect: Dialect::Pyro4,
        kind: MessageKind::Result,
        serializer: 4,
        flags: Flags::default(),
        seq: 1,
        data_nbytes: 0,
        annotations_nbytes: 0,
        correlation: [0; 16],
    };
    Message::start(head, Annotations::new(), &body.clone().into(), key).unwrap()
}

#[test]
fn a_large_pickle_is_a_value_only_with_the_right_signature() {
    let value = Value::from(array(2));
    let expected = sum(&value);
    let encoding = Way::new(5, false, true).encoding();
    let body = encoding.value(&value).unwrap().to_bytes();
    let good = signed(&body, Some(KEY));
    let (found, next) = answered(&good, &body);
    assert_eq!((found.unwrap(), next), (expected, true));

    let is_refused = |start: &[u8], body: &[u8]| {
        let (found, next) = answered(start, body);
        assert!(matches!(found, Err(ErrorKind::Hmac(_))), "{found:?}");
        assert!(!next, "nothing more is taken from one who lies");
    };
    for at in [0, 1, 200, body.len() / 2, body.len() - 1] {
        let mut wrong = body.to_vec();
        wrong[at] ^= 1;
        is_refused(&good, &wrong);
    }
    is_refused(&signed(&body, Some(b"another")), &body);
    is_refused(&signed(&body, None), &body);

    let soon = Duration::from_secs(3);
    let (found, _) = answered_within(soon, &good, &body[..body.len() - 1]);
    assert!(
        matches!(found, Err(ErrorKind::Io(ndferry_io::Error::Silent(_)))),
        "{found:?}"
    );
}

#[test]
fn a_large_pickle_that_is_none_leaves_the_connection_as_it_was() {
    let value = Value::from(array(2));
    let encoding = Way::new(5, false, true).encoding();
    let body = encoding.value(&value).unwrap().to_bytes();
    for at in [0, 20, body.len() - 1] {
        let mut wrong = body.to_vec();
        wrong[at] = 0xff;
        let wrong = Bytes::from(wrong);
        let (found, next) = answered(&signed(&wrong, Some(KEY)), &wrong);
        assert!(matches!(found, Err(ErrorKind::Pickle(_))), "{found:?}");
        assert!(next, "byte {at}");
    }
    let more = Bytes::from([&body[..], &body[..]].concat());
    let (found, next) = answered(&signed(&more, Some(KEY)), &more);
    assert!(matches!(found, Err(ErrorKind::LeftOver)), "{found:?}");
    assert!(next);

    // And the other way.
    let daemon = Measured::daemon(1, Way::ALL[0]);
    let mut plain = daemon.connect();
    for at in [0, 20] {
        let mut wrong = body.to_vec();
        wrong[at] = 0xff;
        plain.send_body(MessageKind::Invoke, &Bytes::from(wrong).into());
        let answer = plain.recv();
        assert!(answer.head.flags.exception);
        let sum = plain.call("add", vec![1.into(), 2.into()]);
        assert_eq!(sum.as_int(), Some(3), "byte {at}");
    }
}

#[test]
fn a_hundred_clients_leave_nothing_behind() {
    let calls = number("NDFERRY_PYRO_CALLS", 20_000);
    let (clients, rounds) = (100, 5);
    let each = calls / clients / rounds;
    let daemon = Measured::daemon(1, Way::ALL[0]);
    let mut options = ProxyOptions::default();
    options.dialect = Some(Dialect::Pyro4);
    let uses = || {
        let mut proxy = Proxy::connect(&daemon.uri, &options).unwrap();
        let uses = proxy.call("uses", Vec::new()).unwrap();
        let uses = uses.as_items().unwrap().iter();
        let uses: Vec<i64> = uses.map(|n| n.as_int().unwrap()).collect();
        (uses[0], uses[1], uses[2])
    };
    let (_, descriptors, threads) = uses();
    let mut after = Vec::new();
    for _ in 0..rounds {
        std::thread::scope(|scope| {
            for client in 0..clients as i64 {
                let (uri, options) = (&daemon.uri, &options);
                scope.spawn(move || {
                    let mut proxy = Proxy::connect(uri, options).unwrap();
                    for i in 0..each as i64 {
                        let sum = proxy.call("add", vec![client.into(), i.into()]).unwrap();
                        assert_eq!(sum.as_int(), Some(client + i));
                    }
                });
            }
        });
        // That they have gone is noticed one after another.
        let started = Instant::now();
        let mut now = uses();
        while (now.1, now.2) != (descriptors, threads) {
            assert!(started.elapsed() < Duration::from_secs(30), "{now:?}");
            std::thread::sleep(Duration::from_millis(20));
            now = uses();
        }
        after.push(now.0 as u64);
        println!(
            "{clients} clients, {each} calls of each: {:.1} MiB, {descriptors} descriptors, {threads} threads",
            mib(now.0 as u64)
        );
    }
    println!("{} calls", rounds * clients * each);
    let grown = mib(after[rounds - 1]) - mib(after[0]);
    assert!(grown < 4.0, "{grown} MiB more after {rounds} rounds");
}
