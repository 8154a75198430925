//! Connections that break while the two sides still greet each other: at every stage, either way, in every manner.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, ErrorClass, Item, LazyArray, Receiver, RecvOptions, Result, SendOptions, Sent, Target,
    Token, send,
};

const TIMEOUT: Duration = Duration::from_secs(2);

/// For a good sender, which may have to wait until the receiver has given up another one.
const PATIENT: Duration = Duration::from_secs(20);

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Both sides are reset.
    Reset,
    /// Both sides are closed.
    Close,
    /// Nothing more comes, this way.
    Stall,
    /// This way ends, the other does not.
    HalfClose,
    /// This byte has another value.
    Flip,
}

const FAULTS: [Fault; 5] = [
    Fault::Reset,
    Fault::Close,
    Fault::Stall,
    Fault::HalfClose,
    Fault::Flip,
];

/// Which way the fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Copies bytes, and does `fault` before the byte numbered `at`.
fn copy(mut from: &TcpStream, mut to: &TcpStream, fault: Option<(Fault, usize)>) {
    let mut passed = 0;
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..n];
        let (fault, at) = match fault {
            Some((fault, at)) if (passed..passed + n).contains(&at) => (fault, at - passed),
            _ => {
                passed += n;
                if to.write_all(bytes).is_err() {
                    break;
                }
                continue;
            }
        };
        passed += n;
        if let Fault::Flip = fault {
            bytes[at] ^= 0x20;
            let _ = to.write_all(bytes);
            continue;
        }
        let _ = to.write_all(&bytes[..at]);
        match fault {
            Fault::Reset => {
                for socket in [from, to] {
                    let socket = socket2::SockRef::from(socket);
                    let _ = socket.set_linger(Some(Duration::ZERO));
                    // Whoever has the other half of it stops reading.
                    let _ = socket.shutdown(Shutdown::Read);
                }
                return;
            }
            Fault::Close => {
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                return;
            }
            Fault::HalfClose => {
                let _ = to.shutdown(Shutdown::Write);
            }
            Fault::Stall | Fault::Flip => {}
        }
        // The rest is swallowed.
        while let Ok(1..) = from.read(&mut buffer) {}
        return;
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A sender whose connection to `to` breaks.
fn broken(to: &str, fault: Fault, way: Way, at: usize, token: Option<&str>) -> Result<Sent> {
    let (scheme, rest) = to.split_once("://").unwrap();
    let (address, pin) = rest.split_once('#').unwrap_or((rest, ""));
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut url = format!("{scheme}://{}", relay.local_addr().unwrap());
    if !pin.is_empty() {
        url = format!("{url}#{pin}");
    }
    thread::scope(|scope| {
        scope.spawn(move || {
            let (near, _) = relay.accept().unwrap();
            let far = TcpStream::connect(address).unwrap();
            let fault = |this| (way == this).then_some((fault, at));
            thread::scope(|scope| {
                scope.spawn(|| copy(&near, &far, fault(Way::Up)));
                scope.spawn(|| copy(&far, &near, fault(Way::Down)));
            });
        });
        send_one(&url, token, TIMEOUT)
    })
}

fn send_one(url: &str, token: Option<&str>, timeout: Duration) -> Result<Sent> {
    let mut options = SendOptions::default();
    options.timeout = timeout;
    options.token = token.map(|token| Token::new(token).unwrap());
    let array = Array::from_elements(&[1000], &[7_i32; 1000]).unwrap();
    let array = LazyArray::from(array);
    let item = Item {
        name: "",
        array: &array,
    };
    send(url, &[item], &options, &())
}

/// How far the greeting goes at least, up and down: HELLO, AUTH, and TLS before them.
fn lengths(is_tls: bool, has_token: bool) -> (usize, usize) {
    const HELLO: usize = 40 + 32;
    let (up, down) = match has_token {
        true => (HELLO + 40 + 4 + 64, HELLO + 2 * (40 + 4 + 32)),
        false => (HELLO, HELLO),
    };
    match is_tls {
        true => (up + 220, down + 700),
        false => (up, down),
    }
}

/// All that can happen to a greeting of so many bytes, one way.
fn faults(way: Way, nbytes: usize) -> impl Iterator<Item = (Fault, Way, usize)> {
    let places: Vec<_> = (0..nbytes)
        .step_by((nbytes / 9).max(1))
        .chain([1, 5, nbytes - 1])
        .collect();
    FAULTS
        .into_iter()
        .flat_map(move |fault| places.clone().into_iter().map(move |at| (fault, way, at)))
}

/// Does all of them, many at a time; each must be an error in time.
fn break_all(url: &str, token: Option<&str>, all: &[(Fault, Way, usize)]) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((fault, way, at)) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
            let started = Instant::now();
            let what = format!("{url} {token:?}: {fault:?} {way:?} at {at}");
            let error = broken(url, *fault, *way, *at, token).expect_err(&what);
            let took = started.elapsed();
            assert!(took < 3 * TIMEOUT, "{what}: {took:?}: {error}");
            assert_ne!(error.class(), ErrorClass::Interrupted, "{what}: {error}");
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..24).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn a_greeting_that_breaks_anywhere_is_an_error_in_time_and_keeps_nobody_out() {
    let (mut cases, mut broken_off) = (0, 0);
    for (scheme, token) in [
        ("tcp", None),
        ("tcp", Some("what both sides know")),
        ("tls", None),
        ("tls", Some("what both sides know")),
    ] {
        let mut options = RecvOptions::default();
        options.timeout = TIMEOUT;
        options.token = token.map(|token| Token::new(token).unwrap());
        let mut receiver = Receiver::bind(&format!("{scheme}://127.0.0.1:0"), options).unwrap();
        let url = receiver.url();
        let (up, down) = lengths(scheme == "tls", token.is_some());
        thread::scope(|scope| {
            let received = scope.spawn(|| receiver.recv(&Target::Memory, &()));
            // Who has not said all that it must is not let in.
            let all: Vec<_> = faults(Way::Up, up).collect();
            break_all(&url, token, &all);
            assert!(!received.is_finished(), "{scheme} {token:?}");
            cases += all.len();
            assert!(send_one(&url, token, PATIENT).unwrap().acknowledged);
            received.join().unwrap().unwrap();
        });
        thread::scope(|scope| {
            // Who has said all is let in, and breaks off before its first array: an error in time, for this one.
            let received = scope.spawn(|| {
                let mut errors = 0;
                while receiver.recv(&Target::Memory, &()).is_err() {
                    errors += 1;
                }
                errors
            });
            let all: Vec<_> = faults(Way::Down, down).collect();
            break_all(&url, token, &all);
            cases += all.len();
            assert!(send_one(&url, token, PATIENT).unwrap().acknowledged);
            broken_off += received.join().unwrap();
        });
    }
    println!(
        "{cases} greetings broken, each an error in time, {broken_off} of them for the receiver too; 8 good senders served"
    );
    assert!(cases > 400);
}
