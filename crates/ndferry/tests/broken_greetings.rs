//! Connections that break while the two sides still greet each other: at every stage, either way, in every manner.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Ends, one_of_three};
use ndferry::{
    Array, ErrorKind, Item, LazyArray, Receiver, RecvOptions, Result, SendOptions, Sent, Target,
    Token, send,
};

const TIMEOUT: Duration = Duration::from_secs(1);

/// What a busy machine may take besides.
const LATE: Duration = Duration::from_secs(12);

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
    // Nothing takes longer, unless nobody is there any more.
    from.set_read_timeout(Some(PATIENT)).unwrap();
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
        break;
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
        true => (up + 220, down + 500),
        false => (up, down),
    }
}

/// All that can happen to a greeting of so many bytes, one way.
fn faults(way: Way, nbytes: usize) -> impl Iterator<Item = (Fault, Way, usize)> {
    let places: Vec<_> = (0..nbytes)
        .step_by((nbytes / 8).max(1))
        .chain([1, 5, nbytes - 1])
        .collect();
    FAULTS
        .into_iter()
        .flat_map(move |fault| places.clone().into_iter().map(move |at| (fault, way, at)))
}

/// What has become of broken greetings.
#[derive(Debug, Default)]
struct Outcome {
    errors: usize,
    /// Bytes that were changed where nobody looks: the version in the head of a record of TLS that is not encrypted yet.
    unnoticed: usize,
    wrong: Vec<String>,
}

/// Does all of them, many at a time; each should be an error in time.
fn break_all(url: &str, token: Option<&str>, all: &[(Fault, Way, usize)]) -> Outcome {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcome = Outcome::default();
        while let Some((fault, way, at)) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
            let started = Instant::now();
            let sent = broken(url, *fault, *way, *at, token);
            let took = started.elapsed();
            match (&sent, fault) {
                (Err(_), _) if took <= TIMEOUT + LATE => outcome.errors += 1,
                (Ok(_), Fault::Flip) if url.starts_with("tls://") => outcome.unnoticed += 1,
                _ => {
                    let wrong = format!("{fault:?} {way:?} at {at}: {took:?}: {sent:?}");
                    outcome.wrong.push(wrong);
                }
            }
        }
        outcome
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..24).map(|_| scope.spawn(work)).collect();
        let outcomes = workers.into_iter().map(|worker| worker.join().unwrap());
        outcomes.fold(Outcome::default(), |mut all, one| {
            all.errors += one.errors;
            all.unnoticed += one.unnoticed;
            all.wrong.extend(one.wrong);
            all
        })
    })
}

/// Receives while these greetings break, and a good transfer afterwards; gives how many others were stored, how many broke
/// off once they had been let in, and what the senders say.
fn receive_while(
    mut receiver: Receiver,
    ends: Ends,
    token: Option<&str>,
    all: &[(Fault, Way, usize)],
) -> (usize, usize, Outcome) {
    let url = receiver.url();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (is_over, _ends) = (&is_over, ends);
        let received = scope.spawn(move || {
            let (mut stored, mut broken_off) = (0, 0);
            loop {
                match receiver.recv(&Target::Memory, &()) {
                    Ok(_) if is_over.load(Ordering::SeqCst) => return (stored, broken_off),
                    Ok(_) => stored += 1,
                    // This test has failed.
                    Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => {
                        return (stored, broken_off);
                    }
                    Err(_) => broken_off += 1,
                }
            }
        });
        let outcome = break_all(&url, token, all);
        is_over.store(true, Ordering::SeqCst);
        // Until one is served, or the test takes for ever.
        let good = (0..9).find_map(|_| send_one(&url, token, PATIENT).ok());
        assert!(good.is_some_and(|sent| sent.acknowledged), "{outcome:?}");
        let (stored, broken_off) = received.join().unwrap();
        (stored, broken_off, outcome)
    })
}

#[test]
fn a_greeting_that_breaks_anywhere_is_an_error_in_time_and_keeps_nobody_out() {
    let (mut errors, mut unnoticed, mut broken_off) = (0, 0, 0);
    for (scheme, token) in [
        ("tcp", None),
        ("tcp", Some("what both sides know")),
        ("tls", None),
        ("tls", Some("what both sides know")),
    ] {
        let receiver = || {
            let mut options = RecvOptions::default();
            options.timeout = TIMEOUT;
            options.token = token.map(|token| Token::new(token).unwrap());
            let ends = Ends(options.interrupt.clone());
            let receiver = Receiver::bind(&format!("{scheme}://127.0.0.1:0"), options).unwrap();
            (receiver, ends)
        };
        let (up, down) = lengths(scheme == "tls", token.is_some());
        for (way, nbytes) in [(Way::Up, up), (Way::Down, down)] {
            let all: Vec<_> = faults(way, nbytes).collect();
            let (stored, gone, outcome) = one_of_three(|| {
                let (receiver, ends) = receiver();
                let (stored, gone, outcome) = receive_while(receiver, ends, token, &all);
                let what = format!("{scheme} {token:?} {way:?}");
                assert!(outcome.wrong.is_empty(), "{what}: {:#?}", outcome.wrong);
                assert_eq!(stored, outcome.unnoticed, "{what}");
                // Who has not said all that it must is not let in. Who has, and goes then, is an error for the receiver too.
                assert!(gone == 0 || way == Way::Down, "{what}: {gone}");
                (stored, gone, outcome)
            });
            errors += outcome.errors;
            unnoticed += stored;
            broken_off += gone;
        }
    }
    println!(
        "{errors} greetings broken, each an error in time for the sender, {broken_off} of them for the receiver too; \
         {unnoticed} changed bytes that mean nothing; 8 good senders served in between"
    );
    assert!(errors > 380 && unnoticed < 9, "{errors} {unnoticed}");
}
