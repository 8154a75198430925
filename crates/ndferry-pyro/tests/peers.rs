//! Real Pyros at the other end: their clients call our daemon, and we call their daemons.
//!
//! `NDFERRY_PYRO_PEERS` names them: `pyro4=/path/to/python pyro5=/path/to/python`, any number of each. Without it nothing is
//! tested, and said so.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndferry_array::{Array, Dtype, Indexing, Order};
use ndferry_io::Interrupt;
use ndferry_pyro::{
    Announcer, Answer, Daemon, DaemonOptions, Dialect, ErrorKind, Exception, Metadata, NameServer,
    NameTable, Outcome, Proxy, ProxyOptions, Pyro3, Returned, Serializer, Served, Uri, Value,
};

struct Peer {
    dialect: Dialect,
    python: String,
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
        let module = if self.dialect == Dialect::Pyro4 {
            "Pyro4"
        } else {
            "Pyro5"
        };
        let code = format!(
            "import {module}, sys\ntry:\n import numpy; n = numpy.__version__\nexcept ImportError: n = 'none'\n\
             v = getattr({module}, '__version__', None) or __import__('{module}.constants').constants.VERSION\n\
             sys.stdout.write('{module} %s, Python %d.%d, NumPy %s' % ((v,) + sys.version_info[:2] + (n,)))"
        );
        self.says(&code)
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
            "pyro4" => Dialect::Pyro4,
            "pyro5" => Dialect::Pyro5,
            _ => panic!("{name}"),
        };
        use Serializer::{Json, Marshal, Msgpack, Pickle, Serpent};
        let mut peer = Peer {
            dialect,
            python: python.to_owned(),
            serializers: vec![Serpent, Json, Marshal],
        };
        if dialect == Dialect::Pyro4 {
            peer.serializers.push(Pickle);
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
    let mut child = Command::new(&peer.python)
        .args([&script("daemon"), peer.name(), serializer.name()])
        .args(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
            "echo", "add", "fail", "array", "total", "count", "endless", "note", "noted",
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
        scope.spawn(move || daemon.serve());
        work(&|| place.clone());
        interrupt.raise();
    });
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
                let n: usize = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap();
                println!("{} calls us, {serializer}: {n} checks", peer.told());
                total += n;
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
            let mut options = ProxyOptions::default();
            options.serializer = Some(serializer);
            let mut thing = Proxy::connect(&uri, &options).unwrap();
            assert_eq!(thing.dialect(), peer.dialect);
            let n = checks(&mut thing, &peer);
            println!("we call {}, {serializer}: {n} checks", peer.told());
            total += n;
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

fn checks(thing: &mut Proxy, peer: &Peer) -> usize {
    let serializer = thing.serializer();
    let mut done = 0;
    let mut echo = |thing: &mut Proxy, value: Value| {
        let back = thing.call("echo", vec![value.clone()]).unwrap();
        assert!(same(&value, &back), "{serializer}: {value:?} {back:?}");
        done += 1;
    };
    assert!(thing.metadata().methods.iter().any(|name| name == "echo"));
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
        Value::List(vec![
            1.into(),
            Value::Tuple(vec![2.into()]),
            Value::dict([("a", Value::None)]),
        ]),
        Value::Tuple(vec!["x".into(), Value::List(Vec::new())]),
        Value::dict([("a", 1.into()), ("b", Value::List(vec![1.5.into()]))]),
    ] {
        // Pyro4 of Python 2 does not know `long` in marshal.
        let is_long = matches!(value, Value::BigInt(_)) && serializer == Serializer::Marshal;
        if !is_long || !peer.told().contains("Python 2") {
            echo(thing, value);
        }
    }
    if serializer == Serializer::Pickle {
        for dtype in [
            "?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "U2", "M8[s]", "m8[D]",
            "V4",
        ] {
            let dtype = Dtype::parse(dtype).unwrap();
            let nbytes = 6 * dtype.itemsize();
            let bytes: Vec<u8> = (0..nbytes)
                .map(|i| {
                    if dtype.kind_code() == 'U' {
                        0
                    } else {
                        (i % 2) as u8
                    }
                })
                .collect();
            let array = Array::contiguous(dtype, &[2, 3], Order::C, bytes).unwrap();
            echo(thing, array.clone().into());
            echo(thing, array.reversed().into());
            echo(
                thing,
                Value::dict([("deep", Value::List(vec![array.into()]))]),
            );
        }
        let large = Array::from_elements(
            &[1 << 20],
            &(0..1 << 20).map(|i| i as u16).collect::<Vec<_>>(),
        )
        .unwrap();
        echo(thing, large.into());
    }
    // Exceptions, which leave the connection as it was.
    let error = thing.call("fail", vec!["wrong".into()]).unwrap_err();
    let ErrorKind::Remote(exception) = error.kind else {
        panic!("{error}");
    };
    assert!(exception.is("ValueError"));
    assert_eq!(exception.message(), "wrong, 7");
    assert!(exception.traceback().unwrap().contains("ValueError"));
    assert!(thing.call("missing", Vec::new()).unwrap_err().is_remote());
    assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
    let named = vec![("b".to_owned(), 5.into())];
    let Answer::Value(sum) = thing.invoke("add", vec![1.into()], named).unwrap() else {
        panic!("no value");
    };
    assert!(same(&sum, &6.into()));
    // Attributes.
    thing.set("value", 9.into()).unwrap();
    assert!(same(&thing.get("value").unwrap(), &9.into()));
    assert!(thing.get("secret").unwrap_err().is_remote());
    // One-way.
    thing.call("note", vec!["noted".into()]).unwrap();
    thing.ping().unwrap();
    let mut noted = Value::None;
    for _ in 0..100 {
        noted = thing.call("noted", Vec::new()).unwrap();
        if noted.as_items().unwrap().len() == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(same(&noted, &Value::list(["noted"])));
    done += 9;
    // Iterators; Pyro4 has them since 4.49, and before hangs up after what it cannot say.
    let has_iterators = !peer.told().contains("Pyro4 4.3");
    match has_iterators.then(|| thing.invoke("count", vec![3.into()], Vec::new())) {
        None => {}
        Some(Ok(Answer::Items(id))) => {
            for i in 0..3 {
                assert!(same(&thing.next_item(&id).unwrap().unwrap(), &i.into()));
            }
            assert!(thing.next_item(&id).unwrap().is_none());
            let Answer::Items(id) = thing.invoke("endless", Vec::new(), Vec::new()).unwrap() else {
                panic!("no iterator");
            };
            assert!(same(&thing.next_item(&id).unwrap().unwrap(), &0.into()));
            thing.close_items(&id).unwrap();
            done += 3;
        }
        Some(other) => panic!("{other:?}"),
    }
    // Batch; a wrapped exception is nothing that marshal can say.
    let calls = vec![("add", vec![1.into()]), ("echo", vec!["x".into()])];
    let results = thing.batch(calls).unwrap();
    assert!(same(results[0].as_ref().unwrap(), &3.into()));
    assert!(same(results[1].as_ref().unwrap(), &"x".into()));
    done += 2;
    if serializer != Serializer::Marshal {
        let calls = vec![
            ("add", vec![1.into()]),
            ("fail", vec!["x".into()]),
            ("add", vec![2.into()]),
        ];
        let results = thing.batch(calls).unwrap();
        assert_eq!(results.len(), 2);
        assert!(results[1].as_ref().unwrap_err().is("ValueError"));
        done += 1;
    }
    // An NPY in bytes.
    if serializer != Serializer::Json && !peer.told().contains("NumPy none") {
        let npy = thing.call("npy", vec![5.into()]).unwrap();
        let array = npy.to_array().unwrap().unwrap();
        assert_eq!(array.to_elements::<u16>().unwrap(), [0, 1, 2, 3, 4]);
        done += 1;
    }
    done
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
                Err(error) if tries == 100 => panic!("{error}"),
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
                Err(error) if tries == 50 => panic!("{error}"),
                Err(_) => tries += 1,
            }
        };
        assert_eq!(server.list("Pyro").unwrap().len(), 1);
        println!("{}: found its name server", peer.told());
    }
}

#[test]
fn objects_of_pyro_3_are_called() {
    let named = std::env::var("NDFERRY_PYRO_PEERS").unwrap_or_default();
    let python = named
        .split_whitespace()
        .find_map(|peer| peer.strip_prefix("pyro3="));
    let Some(python) = python else {
        println!("skipped: NDFERRY_PYRO_PEERS names no Python with Pyro 3");
        return;
    };
    for words in [&[][..], &["packed"], &["secret"]] {
        let mut child = Command::new(python)
            .arg(script("daemon3"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let _running = Running(child);
        let (uri, port) = line.trim().split_once(' ').unwrap();
        let local = format!("PYROLOC://127.0.0.1:{port}/thing");
        let mut options = ProxyOptions::default();
        if words == ["secret"] {
            let refused = Pyro3::connect(&local.parse().unwrap(), &options).unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Refused(_)), "{refused}");
            options.key = Some(b"secret".to_vec());
        }
        let mut n = 0;
        for uri in [uri, &local] {
            let mut thing = Pyro3::connect(&uri.parse().unwrap(), &options).unwrap();
            n += old_checks(&mut thing);
        }
        let unknown = format!("PYROLOC://127.0.0.1:{port}/nothing");
        let unknown = Pyro3::connect(&unknown.parse().unwrap(), &options).unwrap_err();
        assert!(unknown.is_remote(), "{unknown}");
        println!("we call Pyro 3, {words:?}: {} checks", n + 1);
    }
    // A newer Pyro is told from it, and a name server is asked.
    let (mut options, name) = (
        ProxyOptions::default(),
        "PYRONAME://127.0.0.1:PORT/lab.thing",
    );
    options.exchange.timeout = std::time::Duration::from_secs(5);
    with_our_daemon(None, |place| {
        let Uri::Tcp { port, .. } = place() else {
            panic!("no port");
        };
        let name = name.replace("PORT", &port.to_string());
        assert!(Pyro3::connect(&name.parse().unwrap(), &options).is_err());
    });
}

fn old_checks(thing: &mut Pyro3) -> usize {
    let mut done = 0;
    let mut echo = |value: Value| {
        let back = thing.call("echo", vec![value.clone()], Vec::new()).unwrap();
        assert!(same(&value, &back), "{value:?} {back:?}");
        done += 1;
    };
    for value in [
        Value::None,
        true.into(),
        1.into(),
        i64::MIN.into(),
        1.5.into(),
        "text \u{e4}\u{20ac}".into(),
        Value::Tuple(vec![
            "x".into(),
            Value::List(vec![Value::dict([("a", Value::None)])]),
        ]),
    ] {
        echo(value);
    }
    for dtype in [
        "?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "M8[s]", "V4",
    ] {
        let dtype = Dtype::parse(dtype).unwrap();
        let bytes: Vec<u8> = (0..6 * dtype.itemsize()).map(|i| (i % 2) as u8).collect();
        let array = Array::contiguous(dtype, &[2, 3], Order::C, bytes).unwrap();
        echo(array.clone().into());
        echo(array.reversed().into());
    }
    let large: Vec<u16> = (0..1 << 20).map(|i| (i % 1000) as u16).collect();
    let sum = large.iter().map(|n| i64::from(*n)).sum::<i64>();
    let large = Array::from_elements(&[1 << 20], &large).unwrap();
    let total = thing.call("total", vec![large.into()], Vec::new()).unwrap();
    assert_eq!(total.as_int(), Some(sum));
    let array = thing.call("array", vec!["<u2".into()], Vec::new()).unwrap();
    let array = array.to_array().unwrap().unwrap();
    assert_eq!(array.to_elements::<u16>().unwrap(), [0, 1, 2, 3, 4, 5]);
    let named = vec![("b".to_owned(), 5.into())];
    let sum = thing.call("add", vec![1.into()], named).unwrap();
    assert_eq!(sum.as_int(), Some(6));
    let error = thing
        .call("fail", vec!["wrong".into()], Vec::new())
        .unwrap_err();
    let ErrorKind::Remote(exception) = error.kind else {
        panic!("{error}");
    };
    assert!(exception.is("ValueError"));
    assert_eq!(exception.message(), "wrong, 7");
    assert!(exception.traceback().unwrap().contains("ValueError"));
    assert!(
        thing
            .call("missing", Vec::new(), Vec::new())
            .unwrap_err()
            .is_remote()
    );
    thing.set("value", 9.into()).unwrap();
    assert_eq!(thing.get("value").unwrap().as_int(), Some(9));
    done + 8
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
