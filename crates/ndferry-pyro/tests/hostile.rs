//! Peers that lie, hang, or are something else.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndferry_pyro::{
    Annotations, Daemon, DaemonOptions, Dialect, Encoding, ErrorKind, Flags, Head, Interrupt,
    Message, MessageKind, Metadata, Outcome, Proxy, ProxyOptions, Returned, Serializer, Served,
    Uri, Value,
};

/// What a busy machine may take for anything that takes no time by itself.
const BUSY: Duration = Duration::from_secs(20);

fn message(kind: MessageKind, seq: u16, value: &Value) -> Vec<u8> {
    let dialect = Dialect::Pyro5;
    let head = Head {
        dialect,
        kind,
        serializer: 1,
        flags: Flags::default(),
        seq,
        data_nbytes: 0,
        annotations_nbytes: 0,
        correlation: [0; 16],
    };
    let body = Encoding::new(dialect, Serializer::Serpent)
        .value(value)
        .unwrap();
    let start = Message::start(head, Annotations::new(), &body, None).unwrap();
    [&start[..], &body.to_bytes()].concat()
}

fn welcome() -> Vec<u8> {
    let empty = || Value::List(Vec::new());
    let meta = [
        ("methods", empty()),
        ("oneway", empty()),
        ("attrs", empty()),
    ];
    let said = [("handshake", "hello".into()), ("meta", Value::dict(meta))];
    message(MessageKind::ConnectOk, 0, &Value::dict(said))
}

/// What a call ends with, and after how long, if the other side answers so: to the greeting, and to the call.
fn called(answers: [Vec<u8>; 2], patience: Duration) -> (ErrorKind, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut said = [0; 4096];
        for answer in answers {
            let _ = peer.read(&mut said);
            let _ = peer.write_all(&answer);
        }
        // Until the client has gone.
        while peer.read(&mut said).unwrap_or(0) > 0 {}
    });
    let mut options = ProxyOptions::default();
    options.dialect = Some(Dialect::Pyro5);
    options.exchange.timeout = patience;
    let uri: Uri = format!("PYRO:x@127.0.0.1:{port}").parse().unwrap();
    let started = Instant::now();
    let error = Proxy::connect(&uri, &options)
        .and_then(|mut proxy| {
            let called = proxy.call("x", Vec::new());
            // Nothing more is said over a connection that has broken.
            assert!(proxy.call("x", Vec::new()).is_err());
            called
        })
        .unwrap_err();
    let took = started.elapsed();
    server.join().unwrap();
    (error.kind, took)
}

/// What a daemon says, for how long it is waited for, and what it must be found to be.
type Case = ([Vec<u8>; 2], Duration, fn(&ErrorKind) -> bool);

#[test]
fn daemons_that_lie_or_hang_are_errors_in_time() {
    let mut long = message(MessageKind::Result, 1, &1.into());
    long[12..16].copy_from_slice(&[0xff; 4]);
    let mut cut = message(MessageKind::Result, 1, &1.into());
    cut[12..16].copy_from_slice(&(1u32 << 29).to_be_bytes());
    // Those who hang are given up soon; those who lie may be late on a busy machine.
    let soon = Duration::from_millis(500);
    let cases: [Case; 7] = [
        ([Vec::new(), Vec::new()], soon, |kind| {
            matches!(kind, ErrorKind::Io(_))
        }),
        ([welcome(), Vec::new()], soon, |kind| {
            matches!(kind, ErrorKind::Io(_))
        }),
        ([welcome(), long], BUSY, |kind| {
            matches!(kind, ErrorKind::Limit { .. })
        }),
        // Memory is only taken as bytes come.
        ([welcome(), cut], soon, |kind| {
            matches!(kind, ErrorKind::Io(_))
        }),
        (
            [welcome(), message(MessageKind::Result, 9, &1.into())],
            BUSY,
            |kind| {
                matches!(
                    kind,
                    ErrorKind::Sequence {
                        expected: 1,
                        found: 9
                    }
                )
            },
        ),
        (
            [welcome(), message(MessageKind::Ping, 1, &1.into())],
            BUSY,
            |kind| matches!(kind, ErrorKind::MessageKind { .. }),
        ),
        (
            [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Vec::new()],
            BUSY,
            |kind| matches!(kind, ErrorKind::Magic { .. }),
        ),
    ];
    for (number, (answers, patience, is_right)) in cases.into_iter().enumerate() {
        let (kind, took) = called(answers, patience);
        assert!(is_right(&kind), "{number}: {kind}");
        assert!(took < BUSY, "{number}: {took:?}");
    }
}

struct Adder;

impl Served for Adder {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["add"], &[])
    }

    fn call(&self, _: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        Ok(args.iter().filter_map(Value::as_int).sum::<i64>().into())
    }
}

#[test]
fn clients_that_lie_or_hang_do_not_keep_others_from_being_served() {
    let interrupt = Interrupt::new();
    let mut options = DaemonOptions::default();
    options.exchange.interrupt = interrupt.clone();
    options.greeting_timeout = Duration::from_secs(2);
    options.connections = 60;
    let mut daemon = Daemon::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
    let uri = daemon.register("adder", Arc::new(Adder));
    let address = daemon.url().to_string().replace("tcp://", "");
    std::thread::scope(|scope| {
        scope.spawn(move || daemon.serve());
        let mut huge = message(MessageKind::Connect, 0, &"x".into());
        huge[12..16].copy_from_slice(&[0xff; 4]);
        let bad = [
            Vec::new(),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"PYRO\x01\xf6".to_vec(),
            huge,
            message(MessageKind::Invoke, 0, &"x".into()),
            message(MessageKind::Connect, 0, &"no greeting".into()),
        ];
        let silent: Vec<TcpStream> = (0..50)
            .map(|i| {
                let mut peer = TcpStream::connect(&address).unwrap();
                peer.write_all(&bad[i % bad.len()]).unwrap();
                peer
            })
            .collect();
        let started = Instant::now();
        // One of three: on a busy machine it may itself be too late with its greeting.
        let connect = |_| Proxy::connect(&uri, &ProxyOptions::default()).ok();
        let mut adder = (0..3).find_map(connect).unwrap();
        let sum = adder.call("add", vec![1.into(), 2.into()]).unwrap();
        assert_eq!(sum.as_int(), Some(3));
        assert!(started.elapsed() < BUSY);
        // All of them are let go, told why or not.
        for mut peer in silent {
            peer.set_read_timeout(Some(BUSY)).unwrap();
            let mut said = Vec::new();
            let end = peer.read_to_end(&mut said);
            let is_gone = match end {
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
            };
            assert!(is_gone);
        }
        interrupt.raise();
    });
}
