//! What hostile peers send, over real connections: pickles that would run programs, wrong signatures, lengths that lie, batches in
//! batches, iterators without an end, name servers that answer something else, and silence at every stage.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ndferry_pyro::{
    Annotations, Answer, Body, Daemon, DaemonOptions, Decoding, Dialect, Encoding, ErrorKind,
    Flags, Head, Interrupt, Limits, Message, MessageKind, Metadata, NameServer, Outcome, Proxy,
    ProxyOptions, Returned, Serializer, Served, Uri, Value,
};

#[path = "liars/patience.rs"]
mod patience;

/// How long either side is silent before it is given up, where giving up is what is tested.
const TIMEOUT: Duration = Duration::from_millis(400);

/// Nobody may take longer, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(20);

/// How a conversation goes.
#[derive(Clone, Copy)]
struct Way(Dialect, Serializer);

const PYRO4: Way = Way(Dialect::Pyro4, Serializer::Pickle);
const PYRO5: Way = Way(Dialect::Pyro5, Serializer::Serpent);

impl Way {
    fn body(self, value: &Value) -> Bytes {
        let body = Encoding::new(self.0, self.1).value(value).unwrap();
        body.to_bytes()
    }

    fn head(self, kind: MessageKind, flags: Flags, seq: u16) -> Head {
        Head {
            dialect: self.0,
            kind,
            serializer: self.1.id(self.0).unwrap(),
            flags,
            seq,
            data_nbytes: 0,
            annotations_nbytes: 0,
            correlation: [0; 16],
        }
    }

    fn message(self, kind: MessageKind, flags: Flags, seq: u16, body: Bytes) -> Vec<u8> {
        self.signed(kind, flags, seq, body, None)
    }

    fn signed(
        self,
        kind: MessageKind,
        flags: Flags,
        seq: u16,
        body: Bytes,
        key: Option<&[u8]>,
    ) -> Vec<u8> {
        let body = Body::from(body);
        let head = self.head(kind, flags, seq);
        let start = Message::start(head, Annotations::new(), &body, key).unwrap();
        [start, body.to_bytes().to_vec()].concat()
    }

    fn welcome(self) -> Vec<u8> {
        let names = |names: &[&str]| Value::list(names.iter().copied());
        let meta = Value::dict([
            ("methods", names(&["x", "lookup", "list"])),
            ("oneway", names(&[])),
            ("attrs", names(&[])),
        ]);
        let said = Value::dict([("handshake", "hello".into()), ("meta", meta)]);
        let flags = Flags {
            metadata: true,
            ..Flags::default()
        };
        self.message(MessageKind::ConnectOk, flags, 0, self.body(&said))
    }

    fn result(self, seq: u16, body: Bytes) -> Vec<u8> {
        self.message(MessageKind::Result, Flags::default(), seq, body)
    }

    fn options(self) -> ProxyOptions {
        let mut options = ProxyOptions::default();
        options.dialect = Some(self.0);
        options.serializer = Some(self.1);
        options.exchange.timeout = LIMIT;
        options
    }

    /// Of a client that soon gives up.
    fn impatient(self) -> ProxyOptions {
        let mut options = self.options();
        options.exchange.timeout = TIMEOUT;
        options
    }
}

/// A daemon that gives each client these answers, one for each message, and is silent then. It ends with the test.
fn fake(answers: Vec<Vec<u8>>) -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for peer in listener.incoming() {
            let (mut peer, answers) = (peer.unwrap(), answers.clone());
            thread::spawn(move || {
                let mut said = [0; 1 << 16];
                for answer in answers {
                    if peer.read(&mut said).unwrap_or(0) == 0 || peer.write_all(&answer).is_err() {
                        return;
                    }
                }
                // Until the client is gone.
                while peer.read(&mut said).unwrap_or(0) > 0 {}
            });
        }
    });
    format!("PYRO:x@127.0.0.1:{port}").parse().unwrap()
}

/// What a call of our client's ends with.
fn called(options: &ProxyOptions, answers: Vec<Vec<u8>>) -> Result<Value, ErrorKind> {
    let mut proxy = Proxy::connect(&fake(answers), options).map_err(|error| error.kind)?;
    proxy.call("x", Vec::new()).map_err(|error| error.kind)
}

/// What it has, anything.
struct Thing;

impl Served for Thing {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["echo", "endless"], &["value"])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        Ok(match method {
            "endless" => Returned::Items(Box::new((0..).map(|n: i64| Ok(n.into())))),
            _ => args.into_iter().next().unwrap_or_default().into(),
        })
    }
}

/// Our daemon, while the work lasts: with its address.
fn with_daemon(key: Option<&[u8]>, work: impl FnOnce(&str, &Uri)) {
    // Who waits for it to give up waits in vain.
    with_patience(2 * LIMIT, key, work);
}

/// The same, with so much patience for its clients.
fn with_patience(patience: Duration, key: Option<&[u8]>, work: impl FnOnce(&str, &Uri)) {
    let interrupt = Interrupt::new();
    let mut options = DaemonOptions::default();
    options.key = key.map(<[u8]>::to_vec);
    options.greeting_timeout = patience;
    options.exchange.timeout = patience;
    options.exchange.interrupt = interrupt.clone();
    let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
    let uri = daemon.register("thing", Arc::new(Thing));
    let address = daemon.url().to_string().replace("tcp://", "");
    thread::scope(|scope| {
        let _ends = Ends(interrupt);
        scope.spawn(move || daemon.serve());
        work(&address, &uri);
    });
}

/// Ends a daemon, whether the work is done or has failed.
struct Ends(Interrupt);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// A client that says whatever it likes.
struct Client {
    way: Way,
    peer: TcpStream,
}

impl Client {
    fn connect(way: Way, address: &str) -> Self {
        let peer = TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        Self { way, peer }
    }

    /// One that was let in.
    fn greeted(way: Way, address: &str) -> Self {
        let mut client = Self::connect(way, address);
        client.peer.write_all(&greeting(way)).unwrap();
        let (head, _) = client.answer().unwrap();
        assert_eq!(head.kind, MessageKind::ConnectOk);
        client
    }

    fn say(&mut self, flags: Flags, body: Bytes) {
        let message = self.way.message(MessageKind::Invoke, flags, 1, body);
        self.peer.write_all(&message).unwrap();
    }

    /// The next message; `None` if the daemon has hung up.
    fn answer(&mut self) -> Option<(Head, Value)> {
        let mut head = vec![0; self.way.0.head_nbytes()];
        self.peer.read_exact(&mut head).ok()?;
        let head = Head::parse(&head).unwrap();
        let mut rest = vec![0; head.rest_nbytes() as usize];
        self.peer.read_exact(&mut rest).ok()?;
        let limits = Limits::default();
        let message = Message::parse(head, rest.into(), None, &limits).unwrap();
        let serializer = Serializer::of_id(head.dialect, head.serializer).unwrap();
        let decoding = Decoding::new(serializer, limits);
        Some((head, decoding.value(&message.data).unwrap()))
    }

    /// Whether it hangs up in time, without a word or after some.
    fn is_let_go(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.peer.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

fn greeting(way: Way) -> Vec<u8> {
    let said = Value::dict([("handshake", "hello".into()), ("object", "thing".into())]);
    let flags = Flags {
        metadata: true,
        ..Flags::default()
    };
    way.message(MessageKind::Connect, flags, 0, way.body(&said))
}

fn a_call(way: Way, method: &str, args: Value) -> Bytes {
    let call = vec!["thing".into(), method.into(), args, Value::Dict(Vec::new())];
    way.body(&Value::Tuple(call))
}

/// Pickles that run a program where Pyro reads them, which makes a file; without the last opcode.
fn programs(file: &str) -> Vec<Vec<u8>> {
    let touch = format!("touch {file}");
    let n = touch.len() as u8;
    vec![
        format!("cos\nsystem\n(S'{touch}'\ntR").into_bytes(),
        format!("(S'{touch}'\nios\nsystem\n").into_bytes(),
        [
            &b"\x80\x02cposix\nsystem\nX"[..],
            &[n, 0, 0, 0],
            touch.as_bytes(),
            b"\x85R",
        ]
        .concat(),
        [
            &b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"[..],
            &[n],
            touch.as_bytes(),
            b"\x85R",
        ]
        .concat(),
        format!("cbuiltins\neval\n(S'__import__(\"os\").system(\"{touch}\")'\ntR").into_bytes(),
        format!("csubprocess\nPopen\n((lS'touch'\naS'{file}'\natR").into_bytes(),
    ]
}

#[test]
fn pickles_that_would_run_a_program_are_data_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made").display().to_string();
    let (mut to_client, mut to_daemon) = (0, 0);
    with_daemon(None, |address, _| {
        for program in programs(&file) {
            let result = [&program[..], b"."].concat();
            let answers = vec![PYRO4.welcome(), PYRO4.result(1, result.into())];
            // Data that is no array, or an error.
            if let Ok(value) = called(&PYRO4.options(), answers) {
                assert!(value.to_array().unwrap().is_none());
            }
            // An exception is data as well.
            let flags = Flags {
                exception: true,
                ..Flags::default()
            };
            let raised = [&program[..], b"."].concat();
            let raised = PYRO4.message(MessageKind::Result, flags, 1, raised.into());
            assert!(called(&PYRO4.options(), vec![PYRO4.welcome(), raised]).is_err());
            to_client += 2;
            // As the call, and as its argument.
            let mut client = Client::greeted(PYRO4, address);
            client.say(Flags::default(), [&program[..], b"."].concat().into());
            let (head, _) = client.answer().unwrap();
            assert!(head.flags.exception);
            let start = b"(S'thing'\nS'echo'\n(";
            let call = [&start[..], &program, b"t(dt."].concat();
            client.say(Flags::default(), call.into());
            // It comes back as what it was, or is refused.
            client.answer().unwrap();
            to_daemon += 2;
        }
    });
    assert!(!std::path::Path::new(&file).exists());
    println!("{to_client} pickles to a client, {to_daemon} to a daemon: nothing was run");
}

#[test]
fn wrong_signatures_are_refused_on_both_sides() {
    let (key, other) = (&b"secret"[..], &b"other"[..]);
    let mut options = PYRO4.options();
    options.key = Some(key.to_vec());
    let one = PYRO4.body(&1.into());
    let message = |kind, key| PYRO4.signed(kind, Flags::default(), 1, one.clone(), key);
    let said = Value::dict([("handshake", "hello".into())]);
    let hello = PYRO4.body(&said);
    let welcome = |key| {
        PYRO4.signed(
            MessageKind::ConnectOk,
            Flags::default(),
            0,
            hello.clone(),
            key,
        )
    };
    let is_hmac = |kind: &ErrorKind| matches!(kind, ErrorKind::Hmac(_));
    for wrong in [None, Some(other)] {
        let kind = called(&options, vec![welcome(wrong)]).unwrap_err();
        assert!(is_hmac(&kind), "{kind}");
        // Right at first: metadata are asked for, and then the call.
        let answers = vec![welcome(Some(key)), message(MessageKind::Result, wrong)];
        let kind = called(&options, answers).unwrap_err();
        assert!(is_hmac(&kind), "{kind}");
    }
    // Any bit of a signed message.
    let whole = welcome(Some(key));
    let mut told = 0;
    for at in 24..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x20;
        let head = Head::parse(&changed[..24]).unwrap();
        let rest = Bytes::copy_from_slice(&changed[24..]);
        assert!(
            Message::parse(head, rest, Some(key), &Limits::default()).is_err(),
            "{at}"
        );
        told += 1;
    }
    with_daemon(Some(key), |address, _| {
        for wrong in [None, Some(other)] {
            let body = PYRO4.body(&said);
            let greeting = PYRO4.signed(MessageKind::Connect, Flags::default(), 0, body, wrong);
            let mut client = Client::connect(PYRO4, address);
            client.peer.write_all(&greeting).unwrap();
            assert!(client.is_let_go());
        }
    });
    println!("{told} changed bytes of a signed message: all told");
}

#[test]
fn lengths_that_lie_are_errors_on_both_sides() {
    for way in [PYRO4, PYRO5] {
        let result = way.result(1, way.body(&"abc".into()));
        let head = Head::parse(&result).unwrap();
        let with = |edit: &dyn Fn(&mut Head)| {
            let mut head = head;
            edit(&mut head);
            [&head.to_bytes(), &result[head.to_bytes().len()..]].concat()
        };
        let lies = [
            // Of the data: more than ever comes, and less than there is.
            with(&|head| head.data_nbytes = 1 << 29),
            with(&|head| head.data_nbytes = i32::MAX as u32),
            with(&|head| head.data_nbytes -= 1),
            with(&|head| head.data_nbytes = 0),
            // Of the annotations: the data is taken for some.
            with(&|head| head.annotations_nbytes = 3),
            with(&|head| head.annotations_nbytes = 0xffff),
            with(&|head| (head.annotations_nbytes, head.data_nbytes) = (head.data_nbytes, 0)),
        ];
        with_daemon(None, |address, _| {
            for (number, lie) in lies.iter().enumerate() {
                let answers = vec![way.welcome(), lie.clone()];
                let kind = called(&way.impatient(), answers).unwrap_err();
                let is_told = !kind.to_string().is_empty();
                assert!(
                    is_told && !matches!(kind, ErrorKind::Remote(_)),
                    "{number}: {kind}"
                );
                let mut client = Client::greeted(way, address);
                let mut call = lie.clone();
                let mut head = Head::parse(&call).unwrap();
                head.kind = MessageKind::Invoke;
                let start = head.to_bytes();
                call.splice(..start.len(), start);
                client.peer.write_all(&call).unwrap();
                // It is told what is wrong if that can be, and others are served.
                let _ = client.peer.shutdown(std::net::Shutdown::Write);
                assert!(client.is_let_go());
            }
            Client::greeted(way, address);
        });
    }
}

#[test]
fn batches_in_batches_and_what_is_no_batch_are_exceptions() {
    let batch = Flags {
        batch: true,
        ..Flags::default()
    };
    let one = |method: &str, args: Value| {
        Value::Tuple(vec![method.into(), args, Value::Dict(Vec::new())])
    };
    let empty = || Value::Tuple(Vec::new());
    let inner = Value::List(vec![one("echo", Value::Tuple(vec![1.into()]))]);
    let mut deep = inner.clone();
    for _ in 0..60 {
        deep = Value::List(vec![one("<batch>", deep)]);
    }
    let cases = [
        (Flags::default(), "<batch>", inner.clone()),
        (batch, "<batch>", Value::List(vec![one("<batch>", inner)])),
        (batch, "<batch>", deep),
        (batch, "<batch>", Value::List(vec![1.into(), 2.into()])),
        (
            batch,
            "<batch>",
            Value::List(vec![Value::List(vec!["echo".into()])]),
        ),
        (batch, "<batch>", Value::List(vec![one("endless", empty())])),
        (batch, "<batch>", Value::Dict(Vec::new())),
        (batch, "echo", Value::Tuple(vec!["x".into()])),
    ];
    for way in [PYRO4, PYRO5] {
        with_daemon(None, |address, _| {
            for (number, (flags, method, args)) in cases.iter().enumerate() {
                let mut client = Client::greeted(way, address);
                client.say(*flags, a_call(way, method, args.clone()));
                let (head, value) = client.answer().unwrap();
                // Of the batch, or of the one call in it.
                let is_wrapped = value
                    .as_items()
                    .is_some_and(|items| matches!(items, [Value::Exception(_)]));
                assert!(head.flags.exception || is_wrapped, "{number}: {value:?}");
                // The connection is as good as before.
                client.say(
                    Flags::default(),
                    a_call(way, "echo", Value::Tuple(vec![7.into()])),
                );
                let (_, value) = client.answer().unwrap();
                assert_eq!(value.as_int(), Some(7));
            }
        });
    }
}

#[test]
fn iterators_without_an_end_give_what_is_asked_for_and_no_more() {
    for way in [PYRO4, PYRO5] {
        with_daemon(None, |_, uri| {
            let mut thing = Proxy::connect(uri, &way.options()).unwrap();
            // Who wants a value gets none, and the iterator is closed.
            let error = thing.call("endless", Vec::new()).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::NoStream), "{error}");
            let endless = thing.invoke("endless", Vec::new(), Vec::new()).unwrap();
            let Answer::Items(id) = endless else {
                panic!("no iterator");
            };
            for n in 0..500 {
                assert_eq!(thing.next_item(&id).unwrap().unwrap().as_int(), Some(n));
            }
            thing.close_items(&id).unwrap();
            assert!(thing.next_item(&id).unwrap_err().is_remote());
            // Nor are there any number of them.
            let mut begun = 0;
            let error = loop {
                match thing.invoke("endless", Vec::new(), Vec::new()) {
                    Ok(_) => begun += 1,
                    Err(error) => break error,
                }
            };
            assert!(error.is_remote() && begun == 100, "{begun}: {error}");
        });
    }
}

#[test]
fn name_servers_that_answer_something_else_are_errors() {
    let bad: Vec<Value> = vec![
        Value::None,
        5.into(),
        "".into(),
        "http://localhost".into(),
        "PYRO:@host:1".into(),
        "PYRO:x@host:99999".into(),
        Value::List(Vec::new()),
        Value::dict([("__class__", "Pyro5.core.URI".into())]),
        Value::dict([
            ("__class__", "Pyro5.core.URI".into()),
            ("state", Value::Tuple(vec!["PYRO".into(), "a b".into()])),
        ]),
    ];
    let mut told = 0;
    for way in [PYRO4, PYRO5] {
        for answer in &bad {
            let answers = vec![way.welcome(), way.result(1, way.body(answer))];
            let Uri::Tcp { host, port, .. } = fake(answers.clone()) else {
                panic!("no port");
            };
            let mut server = NameServer::connect(&host, port, &way.options()).unwrap();
            let error = server.lookup("lab.camera").unwrap_err();
            let is_told = matches!(error.kind, ErrorKind::Shape { .. } | ErrorKind::Uri { .. });
            assert!(is_told, "{answer:?}: {error}");
            let mut server = NameServer::connect(&host, port, &way.options()).unwrap();
            // No dict, or one of something else.
            assert!(server.list("").is_err() || matches!(answer, Value::Dict(_)));
            let names = vec![
                way.welcome(),
                way.result(1, way.body(&Value::dict([("a", answer.clone())]))),
            ];
            let Uri::Tcp { host, port, .. } = fake(names) else {
                panic!("no port");
            };
            let mut server = NameServer::connect(&host, port, &way.options()).unwrap();
            assert!(server.list("").is_err(), "{answer:?}");
            told += 2;
        }
        // A name that leads to itself.
        let answers = |place: &str| vec![way.welcome(), way.result(1, way.body(&place.into()))];
        let Uri::Tcp { port, .. } = fake(answers("PYRONAME:lab.camera")) else {
            panic!("no port");
        };
        let name: Uri = format!("PYRONAME:lab.camera@127.0.0.1:{port}")
            .parse()
            .unwrap();
        let started = Instant::now();
        let error = Proxy::connect(&name, &way.options()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Shape { .. }), "{error}");
        assert!(started.elapsed() < LIMIT);
        told += 1;
    }
    println!("{told} wrong answers of name servers: all told");
}

/// Silence after so many of these bytes.
fn stages(whole: &[u8], head_nbytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    let body = (head_nbytes + whole.len()) / 2;
    [
        ("before anything", 0),
        ("in the magic", 3),
        ("in the head", head_nbytes / 2),
        ("after the head", head_nbytes),
        ("in the body", body),
        ("before the last byte", whole.len() - 1),
    ]
    .map(|(place, n)| (place, whole[..n].to_vec()))
    .into()
}

#[test]
fn peers_that_hang_at_any_stage_are_given_up_in_time() {
    let mut given_up = 0;
    for way in [PYRO4, PYRO5] {
        let head_nbytes = way.0.head_nbytes();
        let (welcome, result) = (way.welcome(), way.result(1, way.body(&"abc".into())));
        let greetings = stages(&welcome, head_nbytes).into_iter();
        let mut hanging: Vec<_> = greetings.map(|(place, some)| (place, vec![some])).collect();
        let results = stages(&result, head_nbytes).into_iter();
        hanging.extend(results.map(|(place, some)| (place, vec![welcome.clone(), some])));
        // All at once: they do nothing but wait.
        thread::scope(|scope| {
            for (place, answers) in &hanging {
                scope.spawn(move || {
                    let started = Instant::now();
                    let kind = called(&way.impatient(), answers.clone()).unwrap_err();
                    assert!(is_silence(&kind), "{place} of {}: {kind}", answers.len());
                    assert!(started.elapsed() < LIMIT);
                });
            }
        });
        given_up += hanging.len();
        with_patience(TIMEOUT, None, |address, _| {
            let call = a_call(way, "echo", Value::Tuple(vec![7.into()]));
            let call = way.message(MessageKind::Invoke, Flags::default(), 1, call);
            let greetings = stages(&greeting(way), head_nbytes);
            let silent = greetings.into_iter().map(|(place, some)| {
                let mut client = Client::connect(way, address);
                client.peer.write_all(&some).unwrap();
                (place, client)
            });
            let in_calls = stages(&call, head_nbytes).into_iter();
            // Between calls anybody may be silent.
            let in_calls = in_calls
                .filter(|(_, some)| !some.is_empty())
                .map(|(place, some)| {
                    let mut client = patience::let_in(way, address);
                    client.peer.write_all(&some).unwrap();
                    (place, client)
                });
            for (place, mut client) in silent.chain(in_calls).collect::<Vec<_>>() {
                let started = Instant::now();
                assert!(client.is_let_go(), "{place}");
                assert!(started.elapsed() < LIMIT, "{place}");
                given_up += 1;
            }
        });
    }
    println!("{given_up} silent peers: all given up");
}

fn is_silence(kind: &ErrorKind) -> bool {
    use ndferry_io::Error::{Silent, Slow};
    matches!(kind, ErrorKind::Io(Silent(_) | Slow { .. }))
}

/// A port where nobody ever answers: its queue is full.
#[cfg(target_os = "linux")]
#[test]
fn who_cannot_be_connected_to_is_given_up_in_time() {
    use socket2::{Domain, SockAddr, Socket, Type};

    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address: SockAddr = listener.local_addr().unwrap();
    let full: Vec<Socket> = (0..8)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // It is on its way, or has come.
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    let port = address.as_socket().unwrap().port();
    let uri: Uri = format!("PYRO:x@127.0.0.1:{port}").parse().unwrap();
    for way in [PYRO4, PYRO5] {
        let mut options = way.options();
        options.exchange.connect_timeout = TIMEOUT;
        let started = Instant::now();
        let error = Proxy::connect(&uri, &options).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Io(_)), "{error}");
        assert!(started.elapsed() < LIMIT);
    }
    drop(full);
}
