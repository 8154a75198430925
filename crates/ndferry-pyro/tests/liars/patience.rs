//! How long a peer may take, whatever it sends: what it announced has to come, and to be taken, at some speed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ndferry_pyro::{
    Daemon, DaemonOptions, ErrorKind, Flags, Head, Interrupt, Limits, MessageKind, Metadata,
    Outcome, Proxy, Returned, Served, Url, Value,
};

use crate::{Client, Ends, LIMIT, PYRO4, PYRO5, TIMEOUT, Way, a_call, greeting, is_silence};

/// How long after a byte the next one follows; 256 bytes a second are less than 4 ms each.
const DRIP: Duration = Duration::from_millis(40);

/// Says one byte after another until nobody listens any more, or all are said. Whether the other side hung up.
fn drips(peer: &mut TcpStream, bytes: &[u8]) -> bool {
    let started = Instant::now();
    for byte in bytes {
        if peer.write_all(&[*byte]).is_err() {
            return true;
        }
        assert!(started.elapsed() < LIMIT, "it is still listened to");
        thread::sleep(DRIP);
    }
    false
}

/// Says much or nothing.
struct Speaker;

impl Served for Speaker {
    fn metadata(&self) -> Metadata {
        Metadata::new(&["echo", "much"], &[])
    }

    fn call(&self, method: &str, args: Vec<Value>, _: Vec<(String, Value)>) -> Outcome<Returned> {
        Ok(match method {
            // More than the system keeps for a socket.
            "much" => Value::Bytes(vec![7; 48 << 20].into()).into(),
            _ => args.into_iter().next().unwrap_or_default().into(),
        })
    }
}

/// A daemon that has one connection at a time, while the work lasts.
fn with_daemon(timeout: Duration, limits: &Limits, work: impl FnOnce(&str)) {
    with_daemon_at("tcp://127.0.0.1:0", timeout, limits, |url| {
        work(&url.to_string().replace("tcp://", ""));
    });
}

fn with_daemon_at(at: &str, timeout: Duration, limits: &Limits, work: impl FnOnce(&Url)) {
    let interrupt = Interrupt::new();
    let mut options = DaemonOptions::default();
    options.connections = 1;
    options.limits = limits.clone();
    options.greeting_timeout = timeout;
    options.exchange.timeout = timeout;
    options.exchange.interrupt = interrupt.clone();
    let mut daemon = Daemon::bind(&at.parse().unwrap(), options).unwrap();
    daemon.register("thing", Arc::new(Speaker));
    let url = daemon.url().clone();
    thread::scope(|scope| {
        let _ends = Ends(interrupt);
        scope.spawn(move || daemon.serve());
        work(&url);
    });
}

/// A client that was let in, once the daemon has a connection left and does not find it late.
pub(crate) fn let_in(way: Way, address: &str) -> Client {
    let started = Instant::now();
    loop {
        let mut client = Client::connect(way, address);
        // It may have hung up already.
        let _ = client.peer.write_all(&greeting(way));
        if let Some((head, _)) = client.answer() {
            assert_eq!(head.kind, MessageKind::ConnectOk);
            return client;
        }
        assert!(started.elapsed() < LIMIT, "nobody is let in any more");
        thread::sleep(DRIP);
    }
}

/// Does it up to three times, until once all is as it should be: a machine that is busy may keep a client from speaking
/// in time. Only for what never succeeds where it is wrong.
fn one_of_three(work: impl Fn()) {
    for _ in 0..2 {
        if catch_unwind(AssertUnwindSafe(&work)).is_ok() {
            return;
        }
    }
    work();
}

fn invocation(way: Way, argument: Value) -> Vec<u8> {
    let call = a_call(way, "echo", Value::Tuple(vec![argument]));
    way.message(MessageKind::Invoke, Flags::default(), 1, call)
}

#[test]
fn clients_that_drip_do_not_keep_a_connection() {
    for way in [PYRO4, PYRO5] {
        with_daemon(TIMEOUT, &Limits::default(), |address| {
            let mut stranger = Client::connect(way, address);
            assert!(drips(&mut stranger.peer, &greeting(way)), "a greeting");
            // Of which the second is read while it comes, if it is a pickle.
            for (nbytes, whole) in [
                (64 << 10, 0),
                (64 << 10, way.0.head_nbytes()),
                (2 << 20, 1000),
            ] {
                let call = invocation(way, Value::Bytes(vec![7; nbytes].into()));
                let mut client = let_in(way, address);
                client.peer.write_all(&call[..whole]).unwrap();
                let is_let_go = drips(&mut client.peer, &call[whole..]);
                assert!(is_let_go, "{nbytes}, after {whole} bytes");
            }
            let_in(way, address);
        });
    }
}

#[cfg(feature = "tls")]
#[test]
fn clients_that_do_not_shake_hands_do_not_keep_a_connection() {
    with_daemon_at("tls://127.0.0.1:0", TIMEOUT, &Limits::default(), |url| {
        let Url::Tls { host, port, pin } = url else {
            panic!("{url}");
        };
        let address = format!("{host}:{port}");
        // The first bytes of a record that never ends.
        for start in [&b""[..], b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc"] {
            let mut silent = Client::connect(PYRO5, &address);
            silent.peer.write_all(start).unwrap();
            assert!(silent.is_let_go());
            let mut dripping = Client::connect(PYRO5, &address);
            dripping.peer.write_all(start).unwrap();
            assert!(drips(&mut dripping.peer, &vec![0; 16 << 10]));
        }
        let mut options = PYRO5.options();
        options.tls = true;
        options.exchange.tls.pin = *pin;
        options.exchange.timeout = LIMIT;
        let uri = format!("PYRO:thing@{address}").parse().unwrap();
        let started = Instant::now();
        while Proxy::connect(&uri, &options).is_err() {
            assert!(started.elapsed() < LIMIT, "nobody is let in any more");
            thread::sleep(DRIP);
        }
    });
}

#[test]
fn daemons_that_drip_are_given_up() {
    let dripping = |way: Way, whole: Vec<u8>, slow: Vec<u8>| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("PYRO:x@{}", listener.local_addr().unwrap());
        let daemon = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut said = [0; 1 << 16];
            let _ = peer.read(&mut said);
            if !whole.is_empty() {
                peer.write_all(&whole).unwrap();
                let _ = peer.read(&mut said);
            }
            drips(&mut peer, &slow)
        });
        let proxy = Proxy::connect(&uri.parse().unwrap(), &way.impatient());
        let error = match proxy {
            Ok(mut proxy) => proxy.call("x", Vec::new()).unwrap_err(),
            Err(error) => error,
        };
        assert!(is_silence(&error.kind), "{error}");
        assert!(daemon.join().unwrap(), "the client did not hang up");
    };
    for way in [PYRO4, PYRO5] {
        dripping(way, Vec::new(), way.welcome());
        for nbytes in [64 << 10, 2 << 20] {
            let body = way.body(&Value::Bytes(vec![7; nbytes].into()));
            dripping(way, way.welcome(), way.result(1, body));
        }
    }
}

#[test]
fn a_slow_line_is_waited_for_longer_than_a_time_out() {
    one_of_three(|| {
        let timeout = Duration::from_secs(3);
        with_daemon(timeout, &Limits::default(), |address| {
            let mut client = let_in(PYRO5, address);
            let call = invocation(PYRO5, Value::Bytes(vec![7; 8 << 10].into()));
            let started = Instant::now();
            for some in call.chunks(call.len() / 100) {
                client.peer.write_all(some).unwrap();
                thread::sleep(DRIP);
            }
            assert!(started.elapsed() > timeout);
            let (head, _) = client.answer().unwrap();
            assert!(head.kind == MessageKind::Result && !head.flags.exception);
        });
    });
}

#[test]
fn clients_that_do_not_take_their_answer_do_not_keep_a_connection() {
    for way in [PYRO4, PYRO5] {
        with_daemon(TIMEOUT, &Limits::default(), |address| {
            let mut client = let_in(way, address);
            let empty = Value::Tuple(Vec::new());
            client.say(Flags::default(), a_call(way, "much", empty));
            let_in(way, address);
            // All that the system had taken, and then nothing.
            let mut taken = Vec::new();
            let _ = client.peer.read_to_end(&mut taken);
            assert!(taken.len() < 48 << 20);
        });
    }
}

#[test]
fn what_is_announced_beyond_the_limit_is_not_waited_for() {
    let mut limits = Limits::default();
    limits.message_nbytes = 4000;
    for way in [PYRO4, PYRO5] {
        let large = way.result(1, way.body(&Value::Bytes(vec![7; 5000].into())));
        let mut options = way.options();
        options.limits = limits.clone();
        // Long enough for nobody to wait for it here.
        options.exchange.timeout = LIMIT;
        let head = large[..way.0.head_nbytes()].to_vec();
        let found = crate::called(&options, vec![way.welcome(), head.clone()]).unwrap_err();
        assert!(matches!(found, ErrorKind::Limit { .. }), "{found}");
        with_daemon(LIMIT, &limits, |address| {
            let mut call = Head::parse(&head).unwrap();
            call.kind = MessageKind::Invoke;
            let mut client = let_in(way, address);
            client.peer.write_all(&call.to_bytes()).unwrap();
            assert!(client.is_let_go());
            let mut client = let_in(way, address);
            let small = Value::Bytes(vec![7; 500].into());
            client.peer.write_all(&invocation(way, small)).unwrap();
            assert!(!client.answer().unwrap().0.flags.exception);
        });
    }
}
