//! Real Pyros at the other end: their clients call our daemon, and we call their daemons.
//!
//! `NDFERRY_PYRO_PEERS` names them: `pyro4=/path/to/python pyro5=/path/to/python`, any number of each. Without it nothing is
//! tested, and said so.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndferry_array::{Array, Dtype, Indexing, Order};
use ndferry_io::Interrupt;
use ndferry_pyro::{
    Announcer, Answer, Daemon, DaemonOptions, Dialect, ErrorKind, Exception, Metadata, NameServer,
    NameTable, Outcome, Proxy, ProxyOptions, Returned, Serializer, Served, Uri, Value,
};

#[path = "peers/pyro3.rs"]
mod pyro3;
#[cfg(feature = "tls")]
#[path = "peers/tls.rs"]
mod tls;

struct Peer {
    dialect: Dialect,
    python: String,
    is_jython: bool,
    /// What it is, once it was asked.
    told: std::cell::OnceCell<String>,
    /// What it can load.
    serializers: Vec<Serializer>,
}

impl Peer {
    fn name(&self) -> &'static str {
        match self.dialect {
            Dialect::Pyro4 => "pyro4",
            Dialect::Pyro5 => "pyro5",
        }
    }

    /// What Pyro, Python and NumPy these are, for the report.
    fn told(&self) -> String {
        let module = match self.dialect {
            Dialect::Pyro4 => "Pyro4",
            Dialect::Pyro5 => "Pyro5",
        };
        let code = format!(
            "import {module}, sys\ntry:\n import numpy; n = numpy.__version__\nexcept ImportError: n = 'none'\n\
             v = getattr({module}, '__version__', None) or __import__('{module}.constants').constants.VERSION\n\
             p = 'Jython' if sys.platform.startswith('java') else 'Python'\n\
             sys.stdout.write('{module} %s, %s %d.%d, NumPy %s' % ((v, p) + sys.version_info[:2] + (n,)))"
        );
        self.told.get_or_init(|| self.says(&code)).clone()
    }

    fn is_python2(&self) -> bool {
        self.told().contains("Python 2") || self.is_jython
    }

    fn says(&self, code: &str) -> String {
        let out = Command::new(&self.python)
            .args(["-c", code])
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    }
}

fn peers() -> Vec<Peer> {
    let Ok(named) = std::env::var("NDFERRY_PYRO_PEERS") else {
        println!("skipped: NDFERRY_PYRO_PEERS names no Python with Pyro");
        return Vec::new();
    };
    let named = named
        .split_whitespace()
        .map(|peer| peer.split_once('=').unwrap());
    let peers = named.filter(|(name, _)| *name != "pyro3").map(|(name, python)| {
        let dialect = match name {
            "pyro4" | "jython" => Dialect::Pyro4,
            "pyro5" => Dialect::Pyro5,
            _ => panic!("{name}"),
        };
        use Serializer::{Json, Marshal, Msgpack, Pickle, Serpent};
        let mut peer = Peer {
            dialect,
            python: python.to_owned(),
            is_jython: name == "jython",
            told: std::cell::OnceCell::new(),
            serializers: vec![Serpent, Json, Marshal],
        };
        if dialect == Dialect::Pyro4 {
            peer.serializers.push(Pickle);
        }
        // It takes seconds to start; what is slow there is done with these alone.
        if peer.is_jython {
            peer.serializers = vec![Pickle, Serpent, Json];
            return peer;
        }
        let has_msgpack = match dialect {
            Dialect::Pyro4 => "import Pyro4.util as u\nimport sys\nsys.stdout.write(str(hasattr(u, 'MsgpackSerializer')))",
            Dialect::Pyro5 => "import sys\ntry:\n import msgpack\n sys.stdout.write('True')\nexcept ImportError: pass",
        };
        if peer.says(has_msgpack) == "True" {
            peer.serializers.push(Msgpack);
        }
        peer
    });
    peers.collect()
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn script(name: &str) -> String {
    format!("{}/tests/peers/{name}.py", env!("CARGO_MANIFEST_DIR"))
}

/// Their daemon, and where its object is.
fn their_daemon(peer: &Peer, serializer: Serializer, key: Option<&str>) -> (Running, Uri) {
    let mut command = Command::new(&peer.python);
    command.args([&script("daemon"), peer.name(), serializer.name()]);
    command.args(key);
    started(command)
}

/// A daemon that writes where its object is.
fn started(mut command: Command) -> (Running, Uri) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    (Running(child), line.trim().parse().unwrap())
}

/// The same object as `peers/daemon.py` has.
#[derive(Default)]
struct Thing {
    value: Mutex<Value>,
    noted: Mutex<Vec<Value>>,
}

fn wrong(message: &str) -> Exception {
    Exception::new("builtins.TypeError", message)
}

impl Served for Thing {
    fn metadata(&self) -> Metadata {
        let methods = [
            "echo",
            "again",
            "add",
            "fail",
            "array",
            "total",
            "count",
            "endless",
            "note",
            "noted",
            "call_back",
        ];
        let mut metadata = Metadata::new(&methods, &["value"]);
        metadata.oneway.push("note".to_owned());
        metadata
    }

    fn call(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Outcome<Returned> {
        let first = args.first().cloned().unwrap_or_default();
        let number = |value: &Value| value.as_int().ok_or_else(|| wrong("no int"));
        Ok(match method {
            "echo" => first.into(),
            // Read and written anew, however it came.
            "again" => match first.to_array() {
                Ok(Some(array)) => Value::from(array).into(),
                _ => return Err(wrong("no array")),
            },
            "call_back" => {
                let place = Uri::of_value(&first).map_err(|error| wrong(&error.to_string()))?;
                let mut options = ProxyOptions::default();
                options.serializer = Some(Serializer::Serpent);
                let mut own =
                    Proxy::connect(&place, &options).map_err(|error| wrong(&error.to_string()))?;
                let pushed = own.call("push", vec![args[1].clone()]);
                pushed.map_err(|error| wrong(&error.to_string()))?.into()
            }
            "add" => {
                let second = args.get(1).or(kwargs.first().map(|(_, value)| value));
                let second = second.map_or(Ok(2), number)?;
                (number(&first)? + second).into()
            }
            "fail" => {
                let mut exception = Exception::new("builtins.ValueError", "");
                exception.args = vec![first, 7.into()];
                return Err(exception);
            }
            "array" => {
                let dtype = Dtype::parse(first.as_str().unwrap()).unwrap();
                assert_eq!(dtype.str(), "<u2");
                Value::from(Array::from_elements(&[2, 3], &[0u16, 1, 2, 3, 4, 5]).unwrap()).into()
            }
            "total" => {
                let array = first.to_array().unwrap().unwrap();
                let elements = array.to_elements::<u16>().unwrap();
                elements.into_iter().map(i64::from).sum::<i64>().into()
            }
            "count" => {
                let n = number(&first)?;
                Returned::Items(Box::new((0..n).map(|i| Ok(i.into()))))
            }
            "endless" => Returned::Items(Box::new((0..).map(|i: i64| Ok(i.into())))),
            "note" => {
                self.noted.lock().unwrap().push(first);
                Value::None.into()
            }
            "noted" => Value::List(self.noted.lock().unwrap().clone()).into(),
            other => return Err(wrong(other)),
        })
    }

    fn get(&self, _: &str) -> Outcome<Value> {
        Ok(self.value.lock().unwrap().clone())
    }

    fn set(&self, _: &str, value: Value) -> Outcome<()> {
        *self.value.lock().unwrap() = value;
        Ok(())
    }
}

/// Our daemon, while the work lasts.
fn with_our_daemon(key: Option<&str>, work: impl FnOnce(&dyn Fn() -> Uri)) {
    let interrupt = Interrupt::new();
    let mut options = DaemonOptions::default();
    options.key = key.map(|key| key.as_bytes().to_vec());
    options.exchange.interrupt = interrupt.clone();
    let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
    daemon.register("thing", Arc::new(Thing::default()));
    let place = daemon.uri("thing");
    std::thread::scope(|scope| {
        let _ends = Ends(interrupt);
        scope.spawn(move || daemon.serve());
        work(&|| place.clone());
    });
}

/// Ends a daemon, whether the work is done or has failed.
struct Ends(Interrupt);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.raise();
    }
}

#[test]
fn their_clients_call_our_daemon() {
    let mut total = 0;
    for peer in peers() {
        for serializer in peer.serializers.clone() {
            with_our_daemon(None, |place| {
                let out = Command::new(&peer.python)
                    .args([&script("client"), peer.name(), serializer.name()])
                    .arg(place().to_string())
                    .output()
                    .unwrap();
                let errors = String::from_utf8_lossy(&out.stderr);
                assert!(
                    out.status.success(),
                    "{} {serializer}: {errors}",
                    peer.told()
                );
                let row = Row::parse(String::from_utf8_lossy(&out.stdout).trim());
                total += row.tell("their client, our daemon", &peer, serializer);
            });
        }
    }
    println!("{total} checks of their clients");
}

#[test]
fn we_call_their_daemons() {
    let mut total = 0;
    for peer in peers() {
        for serializer in peer.serializers.clone() {
            let (_running, uri) = their_daemon(&peer, serializer, None);
            let row = checks(&uri, serializer, &peer);
            total += row.tell("our client, their daemon", &peer, serializer);
        }
    }
    println!("{total} checks of their daemons");
}

/// Whether two values are the same; `kinder` forgives lists that were tuples.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(_) | Value::Tuple(_), Value::List(_) | Value::Tuple(_)) => {
            let (one, other) = (one.as_items().unwrap(), other.as_items().unwrap());
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Dict(one), Value::Dict(other)) => {
            let has = |key: &Value, value: &Value| {
                other.iter().any(|(k, v)| same(k, key) && same(v, value))
            };
            one.len() == other.len() && one.iter().all(|(key, value)| has(key, value))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.shape() == other.shape()
                && one
                    .view()
                    .to_byteorder(ndferry_array::ByteOrder::Little)
                    .unwrap()
                    .view()
                    .to_bytes(Order::C)
                    .unwrap()
                    == other
                        .view()
                        .to_byteorder(ndferry_array::ByteOrder::Little)
                        .unwrap()
                        .view()
                        .to_bytes(Order::C)
                        .unwrap()
        }
        (Value::Str(one), other) => other.as_str() == Some(one),
        (one, other) => format!("{one:?}") == format!("{other:?}"),
    }
}

/// What is exchanged, as in the matrix, and more.
const KINDS: [&str; 9] = [
    "scalar",
    "nested",
    "array",
    "exception",
    "one-way",
    "batch",
    "iterator",
    "attribute",
    "callback",
];

/// Checks of each kind; and why Pyro itself cannot do one.
#[derive(Default)]
struct Row(BTreeMap<String, (usize, Option<String>)>);

impl Row {
    /// As `client.py` writes it.
    fn parse(line: &str) -> Self {
        let mut row = Self::default();
        for cell in line.split_whitespace() {
            let (name, rest) = cell.split_once('=').unwrap();
            let (n, why) = match rest.split_once('!') {
                Some((n, why)) => (n, Some(why.replace('-', " "))),
                None => (rest, None),
            };
            row.0.insert(name.to_owned(), (n.parse().unwrap(), why));
        }
        row
    }

    fn add(&mut self, kind: &str, n: usize) {
        self.0.entry(kind.to_owned()).or_default().0 += n;
    }

    fn cannot(&mut self, kind: &str, why: &str) {
        self.0.entry(kind.to_owned()).or_default().1 = Some(why.to_owned());
    }

    /// Prints it, and adds it to the table that `NDFERRY_PYRO_MATRIX` is; gives how many checks there were.
    fn tell(&self, which: &str, peer: &Peer, serializer: Serializer) -> usize {
        let (told, serializer) = (peer.told(), serializer.name());
        let mut line = format!("{told:50} {which:25} {serializer:8} ");
        let known = self.0.keys().all(|kind| KINDS.contains(&&**kind));
        assert!(known, "{line}: {:?}", self.0);
        let mut whys = Vec::new();
        for kind in KINDS {
            let cell = match self.0.get(kind) {
                Some((0, Some(why))) => {
                    whys.push(format!("{kind}: {why}"));
                    "-".to_owned()
                }
                Some((n, _)) => n.to_string(),
                None => panic!("{line}: no {kind}"),
            };
            line += &format!("{cell:>10}");
        }
        if !whys.is_empty() {
            line += &format!("  ({})", whys.join("; "));
        }
        println!("{line}");
        if let Ok(path) = std::env::var("NDFERRY_PYRO_MATRIX") {
            let mut table = std::fs::OpenOptions::new();
            let mut table = table.append(true).create(true).open(path).unwrap();
            writeln!(table, "{line}").unwrap();
        }
        self.count()
    }

    fn count(&self) -> usize {
        self.0.values().map(|(n, _)| n).sum()
    }
}

fn connected(uri: &Uri, serializer: Serializer) -> Proxy {
    let mut options = ProxyOptions::default();
    options.serializer = Some(serializer);
    Proxy::connect(uri, &options).unwrap()
}

fn checks(uri: &Uri, serializer: Serializer, peer: &Peer) -> Row {
    let mut row = Row::default();
    let mut thing = connected(uri, serializer);
    assert_eq!(thing.dialect(), peer.dialect);
    assert!(thing.metadata().methods.iter().any(|name| name == "echo"));
    let told = peer.told();
    let echo = |thing: &mut Proxy, value: Value| {
        let back = thing.call("echo", vec![value.clone()]).unwrap();
        assert!(
            same(&value, &back),
            "{told} {serializer}: {value:?} {back:?}"
        );
        1
    };
    for value in [
        Value::None,
        true.into(),
        1.into(),
        (-5).into(),
        (1 << 40).into(),
        i64::MIN.into(),
        1.5.into(),
        "text \u{e4}\u{20ac}".into(),
        "".into(),
        Value::BigInt("-123456789012345678901234567890".parse().unwrap()),
    ] {
        // Pyro4 of Python 2 does not know `long` in marshal.
        let is_long = matches!(value, Value::BigInt(_)) && serializer == Serializer::Marshal;
        if !is_long || !peer.is_python2() {
            row.add("scalar", echo(&mut thing, value));
        }
    }
    for value in [
        Value::List(vec![
            1.into(),
            Value::Tuple(vec![2.into()]),
            Value::dict([("a", Value::None)]),
        ]),
        Value::Tuple(vec!["x".into(), Value::List(Vec::new())]),
        Value::dict([("a", 1.into()), ("b", Value::List(vec![1.5.into()]))]),
    ] {
        row.add("nested", echo(&mut thing, value));
    }
    let named = vec![("b".to_owned(), 5.into())];
    let Answer::Value(sum) = thing.invoke("add", vec![1.into()], named).unwrap() else {
        panic!("no value");
    };
    assert!(same(&sum, &6.into()));
    assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
    row.add("nested", 2);
    arrays(&mut thing, uri, peer, &mut row);
    // Exceptions, which leave the connection as it was.
    let error = thing.call("fail", vec!["wrong".into()]).unwrap_err();
    let ErrorKind::Remote(exception) = error.kind else {
        panic!("{error}");
    };
    assert!(exception.is("ValueError"));
    assert_eq!(exception.message(), "wrong, 7");
    assert!(exception.traceback().unwrap().contains("ValueError"));
    assert!(thing.call("missing", Vec::new()).unwrap_err().is_remote());
    row.add("exception", 4);
    // Attributes.
    thing.set("value", 9.into()).unwrap();
    assert!(same(&thing.get("value").unwrap(), &9.into()));
    assert!(thing.get("secret").unwrap_err().is_remote());
    row.add("attribute", 2);
    // One-way.
    thing.call("note", vec!["noted".into()]).unwrap();
    thing.ping().unwrap();
    let mut noted = Value::None;
    for _ in 0..500 {
        noted = thing.call("noted", Vec::new()).unwrap();
        if noted.as_items().unwrap().len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(same(&noted, &Value::list(["noted"])));
    row.add("one-way", 1);
    iterators(&mut thing, uri, peer, &mut row);
    // Batch; a wrapped exception is nothing that marshal can say.
    let calls = vec![("add", vec![1.into()]), ("echo", vec!["x".into()])];
    let results = thing.batch(calls).unwrap();
    assert!(same(results[0].as_ref().unwrap(), &3.into()));
    assert!(same(results[1].as_ref().unwrap(), &"x".into()));
    row.add("batch", 2);
    if serializer != Serializer::Marshal {
        let calls = vec![
            ("add", vec![1.into()]),
            ("fail", vec!["x".into()]),
            ("add", vec![2.into()]),
        ];
        let results = thing.batch(calls).unwrap();
        assert_eq!(results.len(), 2);
        assert!(results[1].as_ref().unwrap_err().is("ValueError"));
        row.add("batch", 1);
    }
    // An object of ours that they call, by its address as a text.
    with_our_daemon(None, |place| {
        let args = vec![place().to_string().into(), 5.into()];
        let sum = thing.call("call_back", args).unwrap();
        assert!(same(&sum, &6.into()));
        row.add("callback", 1);
        // As an address, which Pyro's marshal, and Pyro4's msgpack, take for a dict.
        let is_address = match serializer {
            Serializer::Pickle | Serializer::Serpent | Serializer::Json => true,
            Serializer::Msgpack => peer.dialect == Dialect::Pyro5,
            _ => false,
        };
        if is_address {
            let args = vec![place().into(), 5.into()];
            assert!(same(&thing.call("call_back", args).unwrap(), &6.into()));
            row.add("callback", 1);
        }
    });
    row
}

/// Iterators; Pyro4 has them since 4.49, and before hangs up after what it cannot say.
fn iterators(thing: &mut Proxy, uri: &Uri, peer: &Peer, row: &mut Row) {
    if peer.told().contains("Pyro4 4.3") {
        assert!(thing.invoke("count", vec![3.into()], Vec::new()).is_err());
        row.cannot("iterator", "older than 4.49");
        *thing = connected(uri, thing.serializer());
        return;
    }
    let count = thing.invoke("count", vec![3.into()], Vec::new()).unwrap();
    let Answer::Items(id) = count else {
        panic!("no iterator");
    };
    for i in 0..3 {
        assert!(same(&thing.next_item(&id).unwrap().unwrap(), &i.into()));
    }
    assert!(thing.next_item(&id).unwrap().is_none());
    let endless = thing.invoke("endless", Vec::new(), Vec::new()).unwrap();
    let Answer::Items(id) = endless else {
        panic!("no iterator");
    };
    assert!(same(&thing.next_item(&id).unwrap().unwrap(), &0.into()));
    thing.close_items(&id).unwrap();
    assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
    row.add("iterator", 6);
}

const DTYPES: [&str; 14] = [
    "?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "U2", "M8[s]", "m8[D]", "V4",
];

/// What Jython's numpy has.
const JYTHON_DTYPES: [&str; 7] = ["?", "i1", ">i2", "<i4", "u8", "<f4", ">f8"];

fn each_dtype(peer: &Peer) -> Vec<Array> {
    let dtypes = match peer.is_jython {
        true => &JYTHON_DTYPES[..],
        false => &DTYPES,
    };
    let array = |dtype: &&str| {
        let dtype = Dtype::parse(dtype).unwrap();
        let nbytes = 6 * dtype.itemsize();
        let is_text = dtype.kind_code() == 'U';
        let byte = |i: usize| if is_text { 0 } else { (i % 2) as u8 };
        let bytes: Vec<u8> = (0..nbytes).map(byte).collect();
        Array::contiguous(dtype, &[2, 3], Order::C, bytes).unwrap()
    };
    dtypes.iter().map(array).collect()
}

/// Arrays where there are some, NPYs in bytes otherwise, lists in JSON.
fn arrays(thing: &mut Proxy, uri: &Uri, peer: &Peer, row: &mut Row) {
    let serializer = thing.serializer();
    let has_numpy = !peer.told().contains("NumPy none");
    for array in each_dtype(peer) {
        let dtype = array.dtype().clone();
        if serializer == Serializer::Json {
            if !"biuf".contains(dtype.kind_code()) || dtype.str() == "<f2" {
                let unsayable = thing.call("echo", vec![array.into()]).unwrap_err();
                let is_told = matches!(unsayable.kind, ErrorKind::Unsupported { .. });
                assert!(is_told, "{unsayable}");
            } else {
                let lists = thing.call("echo", vec![array.into()]).unwrap();
                assert_eq!(lists.as_items().unwrap().len(), 2);
            }
            row.add("array", 1);
            continue;
        }
        let whole = Value::from(array.clone());
        for sent in [array.clone(), array.reversed()] {
            if serializer != Serializer::Pickle
                && peer.is_python2()
                && serializer == Serializer::Serpent
            {
                // Bytes are texts there; see below for what comes.
                continue;
            }
            let back = thing.call("echo", vec![sent.clone().into()]).unwrap();
            let back = back.to_array().unwrap().unwrap();
            assert_eq!(back.dtype().kind_code(), dtype.kind_code());
            assert!(same(&sent.into(), &back.into()), "{dtype:?}");
            row.add("array", 1);
        }
        if serializer == Serializer::Pickle {
            let deep = Value::dict([("deep", Value::List(vec![whole.clone()]))]);
            let back = thing.call("echo", vec![deep.clone()]).unwrap();
            assert!(same(&deep, &back));
            row.add("array", 1);
        }
        // NumPy there has what was sent.
        if has_numpy && !peer.is_jython {
            let described = thing.call("described", vec![whole]).unwrap();
            let little = array
                .view()
                .to_byteorder(ndferry_array::ByteOrder::Little)
                .unwrap();
            let bytes = little.view().to_bytes(Order::C).unwrap();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let dtype = dtype.str();
            let dtype = dtype.trim_start_matches(['<', '>', '=', '|']);
            let expected = Value::List(vec![
                dtype.into(),
                Value::List(vec![2.into(), 3.into()]),
                hex.into(),
            ]);
            let described = texts(described);
            assert!(same(&expected, &described), "{serializer}: {described:?}");
            row.add("array", 1);
        }
    }
    match serializer {
        Serializer::Pickle => {
            let large: Vec<u16> = (0..1 << 20).map(|i| i as u16).collect();
            let large = Value::from(Array::from_elements(&[1 << 20], &large).unwrap());
            let back = thing.call("echo", vec![large.clone()]).unwrap();
            assert!(same(&large, &back));
            row.add("array", 1);
        }
        // Pyro itself cannot say an array, and tells so, or hangs up.
        _ if has_numpy && !peer.is_jython => {
            let array = thing.call("array", vec!["<u2".into()]);
            if let Err(error) = &array {
                assert!(!error.to_string().is_empty());
                // Some hang up after they have told.
                *thing = connected(uri, serializer);
            }
            row.add("array", 1);
        }
        _ => {}
    }
    // An NPY in bytes.
    if serializer != Serializer::Json && has_numpy && !peer.is_jython {
        let npy = thing.call("npy", vec![5.into()]).unwrap();
        let array = npy.to_array().unwrap().unwrap();
        assert_eq!(array.to_elements::<u16>().unwrap(), [0, 1, 2, 3, 4]);
        row.add("array", 1);
    }
    if row.0.get("array").is_none_or(|(n, _)| *n == 0) {
        let why = match peer.is_jython {
            true => "bytes are texts in Python 2",
            false => "no NumPy there",
        };
        row.cannot("array", why);
    }
}

/// Python 2 has texts that may be bytes.
fn texts(value: Value) -> Value {
    match value {
        Value::List(items) | Value::Tuple(items) => {
            Value::List(items.into_iter().map(texts).collect())
        }
        value => match value.as_str().map(str::to_owned) {
            Some(text) => text.into(),
            None => value,
        },
    }
}

#[test]
fn signed_messages_go_both_ways_and_others_are_refused() {
    for peer in peers().iter().filter(|peer| peer.dialect == Dialect::Pyro4) {
        let (_running, uri) = their_daemon(peer, Serializer::Json, Some("secret"));
        let mut options = ProxyOptions::default();
        options.serializer = Some(Serializer::Json);
        options.key = Some(b"secret".to_vec());
        let mut thing = Proxy::connect(&uri, &options).unwrap();
        assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
        for key in [None, Some(b"other".to_vec())] {
            options.key = key;
            options.dialect = Some(Dialect::Pyro4);
            assert!(Proxy::connect(&uri, &options).is_err());
        }
        with_our_daemon(Some("secret"), |place| {
            let call = |key: &str| {
                Command::new(&peer.python)
                    .args([
                        &script("client"),
                        peer.name(),
                        "json",
                        &place().to_string(),
                        key,
                    ])
                    .output()
                    .unwrap()
            };
            let out = call("secret");
            assert!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            assert!(!call("other").status.success());
        });
        println!("{}: signed", peer.told());
    }
}

#[test]
fn name_servers_are_asked_and_told() {
    for peer in peers() {
        let module = if peer.dialect == Dialect::Pyro4 {
            "Pyro4.naming"
        } else {
            "Pyro5.nameserver"
        };
        let port = free_port();
        let child = Command::new(&peer.python)
            .args([
                "-m",
                module,
                "-n",
                "127.0.0.1",
                "-x",
                "-p",
                &port.to_string(),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let _running = Running(child);
        let options = ProxyOptions::default();
        let mut tries = 0;
        let mut server = loop {
            match NameServer::connect("127.0.0.1", port, &options) {
                Ok(server) => break server,
                Err(error) if tries == 600 => panic!("{error}"),
                Err(_) => tries += 1,
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        };
        let uri: Uri = "PYRO:thing@127.0.0.1:9".parse().unwrap();
        server.register("lab.thing", &uri, true).unwrap();
        assert!(
            server
                .register("lab.thing", &uri, true)
                .unwrap_err()
                .is_remote()
        );
        assert_eq!(server.lookup("lab.thing").unwrap(), uri);
        assert_eq!(
            server.list("lab.").unwrap(),
            [("lab.thing".to_owned(), uri)]
        );
        assert!(server.list("").unwrap().len() == 2);
        assert!(server.remove("lab.thing").unwrap());
        assert!(!server.remove("lab.thing").unwrap());
        let ErrorKind::Remote(error) = server.lookup("lab.thing").unwrap_err().kind else {
            panic!("no exception");
        };
        assert!(error.is("NamingError"));
        // Through a name.
        let (_daemon, uri) = their_daemon(&peer, Serializer::Serpent, None);
        server.register("lab.thing", &uri, false).unwrap();
        let name: Uri = format!("PYRONAME:lab.thing@127.0.0.1:{port}")
            .parse()
            .unwrap();
        let mut thing = Proxy::connect(&name, &options).unwrap();
        assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
        println!("{}: its name server", peer.told());
    }
}

/// Any port of 127.0.0.1 that was free.
fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

#[test]
fn their_programs_use_our_name_server() {
    let local = std::net::Ipv4Addr::LOCALHOST;
    let mut total = 0;
    for peer in peers() {
        let interrupt = Interrupt::new();
        let mut options = DaemonOptions::default();
        options.exchange.interrupt = interrupt.clone();
        let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
        let table = Arc::new(NameTable::new());
        let uri = daemon.register(NameTable::OBJECT, Arc::<NameTable>::clone(&table));
        table.register(NameTable::OBJECT, uri.clone()).unwrap();
        let announcer = Announcer::bind(local, 0, uri.clone(), interrupt.clone()).unwrap();
        let udp = announcer.port().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || daemon.serve());
            // Until it is interrupted.
            scope.spawn(move || announcer.answer(Duration::from_secs(600)));
            let Uri::Tcp { port, .. } = uri else {
                panic!("{uri}")
            };
            for serializer in peer.serializers.clone() {
                let out = Command::new(&peer.python)
                    .args([&script("names"), peer.name(), serializer.name()])
                    .args([port, udp, free_port()].map(|port| port.to_string()))
                    .output()
                    .unwrap();
                let errors = String::from_utf8_lossy(&out.stderr);
                assert!(
                    out.status.success(),
                    "{} {serializer}: {errors}",
                    peer.told()
                );
                let n: usize = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap();
                println!(
                    "{} asks us for names, {serializer}: {n} checks",
                    peer.told()
                );
                total += n;
            }
            interrupt.raise();
        });
    }
    println!("{total} checks of names");
}

#[test]
fn their_name_servers_are_found_by_asking_everybody() {
    if std::net::TcpStream::connect("localhost:9090").is_ok() {
        println!("skipped: there is something at port 9090, which is found first");
        return;
    }
    for peer in peers() {
        let module = match peer.dialect {
            Dialect::Pyro4 => "Pyro4.naming",
            Dialect::Pyro5 => "Pyro5.nameserver",
        };
        let (port, udp) = (free_port(), free_port());
        let mut command = Command::new(&peer.python);
        // One for this machine alone does not answer those who ask everybody.
        command.args(["-m", module, "-n", "0.0.0.0", "-p", &port.to_string()]);
        command.args(["--bchost", "127.0.0.1", "--bcport", &udp.to_string()]);
        let _running = Running(command.stdout(Stdio::null()).spawn().unwrap());
        let mut options = ProxyOptions::default();
        options.broadcast = Some(udp);
        // Nobody but this machine is bothered by a test.
        options.broadcast_to = vec![std::net::Ipv4Addr::LOCALHOST];
        let mut tries = 0;
        let mut server = loop {
            match NameServer::find(&options) {
                Ok(server) => break server,
                Err(error) if tries == 100 => panic!("{error}"),
                Err(_) => tries += 1,
            }
        };
        assert_eq!(server.list("Pyro").unwrap().len(), 1);
        println!("{}: found its name server", peer.told());
    }
}

#[test]
fn arrays_come_as_a_script_of_ours_sends_them_through_pyro5() {
    let peers = peers();
    let Some(peer) = peers.iter().find(|peer| peer.dialect == Dialect::Pyro5) else {
        return;
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/peers");
    let mut child = Command::new(&peer.python)
        .args([&script("beside"), folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut uri = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut uri).unwrap();
    let _running = Running(child);
    for serializer in [Serializer::Serpent, Serializer::Msgpack] {
        let mut options = ProxyOptions::default();
        options.serializer = Some(serializer);
        let mut thing = Proxy::connect(&uri.trim().parse().unwrap(), &options).unwrap();
        let came = thing.call("array", vec![6.into()]).unwrap();
        let array = &came.get("deep").unwrap().as_items().unwrap()[0];
        let expected = Array::from_elements(&[3, 2], &[0u16, 1, 2, 3, 4, 5]).unwrap();
        let expected = Value::from(expected);
        assert!(same(&array.to_array().unwrap().unwrap().into(), &expected));
        assert!(matches!(
            thing.call("frame", vec![6.into()]),
            Ok(Value::None)
        ));
        let beside = thing.response_annotations().get(*b"NPYA").unwrap().clone();
        let beside = Value::Bytes(beside).to_array().unwrap().unwrap();
        assert!(same(&beside.into(), &expected));
        let total = thing.call("total", vec![expected]).unwrap();
        assert_eq!(total.as_int(), Some(15));
        assert!(matches!(
            thing.call("itself", Vec::new()),
            Ok(Value::Bool(true))
        ));
        println!("{}, docs/peers/pyro5_arrays.py, {serializer}", peer.told());
    }
}

#[test]
fn parts_of_arrays_are_arrays() {
    // Not of other processes: what goes out of an array that does not lie in one piece.
    let array = Array::from_elements(&[4, 4], &(0..16u16).collect::<Vec<_>>()).unwrap();
    let part = array
        .index(&"::2, 1:".parse::<Indexing>().unwrap())
        .unwrap();
    with_our_daemon(None, |place| {
        for serializer in [Serializer::Pickle, Serializer::Msgpack] {
            let mut options = ProxyOptions::default();
            options.dialect = Some(Dialect::Pyro4);
            options.serializer = Some(serializer);
            let mut thing = Proxy::connect(&place(), &options).unwrap();
            let back = thing.call("echo", vec![part.clone().into()]).unwrap();
            let back = back.to_array().unwrap().unwrap();
            assert_eq!(
                back.to_elements::<u16>().unwrap(),
                part.to_elements::<u16>().unwrap()
            );
        }
    });
}
