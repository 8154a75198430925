//! Only who knows the token is served, and nobody who does not know it is sent anything.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, Error, ErrorKind, Item, LazyArray, Order, Receiver, RecvOptions, Result,
    SendOptions, Sent, Target, Token, TokenProblem, send,
};
use ndferry_npb::{Auth, Codec, Hello, Kind, Limits, message};

const SECRET: &str = "a secret that must not cross the wire";

fn numbers() -> LazyArray {
    let bytes: Vec<u8> = (0..1000u16).flat_map(u16::to_le_bytes).collect();
    LazyArray::from(
        Array::contiguous(Dtype::parse("<u2").unwrap(), &[1000], Order::C, bytes).unwrap(),
    )
}

fn receiver(url: &str, token: Option<&str>) -> Result<Receiver> {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(20);
    options.token = token.map(|token| Token::new(token).unwrap());
    Receiver::bind(url, options)
}

fn send_with(url: &str, token: Option<&str>) -> Result<Sent> {
    let mut options = SendOptions::default();
    options.timeout = Duration::from_secs(20);
    options.token = token.map(|token| Token::new(token).unwrap());
    let array = numbers();
    let item = Item {
        name: "",
        array: &array,
    };
    send(url, &[item], &options, &())
}

fn problem(error: &Error) -> TokenProblem {
    match error.kind() {
        ErrorKind::Token(problem) => *problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn others_are_refused_and_do_not_disturb() {
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix://{}", folder.path().join("s").display());
    for url in ["tcp://127.0.0.1:0", &unix] {
        let mut receiver = receiver(url, Some(SECRET)).unwrap();
        let url = receiver.url();
        thread::scope(|scope| {
            let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
            let wrong = send_with(&url, Some("another secret")).unwrap_err();
            assert_eq!(problem(&wrong), TokenProblem::Wrong);
            let none = send_with(&url, None).unwrap_err();
            assert_eq!(problem(&none), TokenProblem::Needed);
            assert!(!received.is_finished());
            assert!(send_with(&url, Some(SECRET)).unwrap().acknowledged);
            assert_eq!(received.join().unwrap().unwrap().nbytes, 2000);
        });
    }
}

#[test]
fn a_sender_with_a_token_goes_on_with_nobody_who_has_none() {
    let mut receiver = receiver("tcp://127.0.0.1:0", None).unwrap();
    let url = receiver.url();
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        let error = send_with(&url, Some(SECRET)).unwrap_err();
        assert_eq!(problem(&error), TokenProblem::Missing);
        assert!(send_with(&url, None).unwrap().acknowledged);
        received.join().unwrap().unwrap();
    });
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    let error = receiver("tcp://0.0.0.0:0", None).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Open), "{error}");
    receiver("tcp://0.0.0.0:0", Some(SECRET)).unwrap();
    let mut options = RecvOptions::default();
    options.insecure = true;
    Receiver::bind("tcp://0.0.0.0:0", options).unwrap();
}

/// Passes everything on between a sender and a receiver, and keeps it.
fn relay(to: String) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    thread::spawn(move || {
        let (near, _) = listener.accept().unwrap();
        let far = TcpStream::connect(to.trim_start_matches("tcp://")).unwrap();
        let copies = [(&near, &far), (&far, &near)].map(|(from, to)| {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let seen = Arc::clone(&kept);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = from.read(&mut buffer) {
                    seen.lock().unwrap().extend_from_slice(&buffer[..n]);
                    if to.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Write);
            })
        });
        for copy in copies {
            copy.join().unwrap();
        }
    });
    (url, seen)
}

#[test]
fn the_token_is_never_sent() {
    let mut receiver = receiver("tcp://127.0.0.1:0", Some(SECRET)).unwrap();
    let (url, seen) = relay(receiver.url());
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        send_with(&url, Some(SECRET)).unwrap();
        received.join().unwrap().unwrap();
    });
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 2000);
    let holds = |needle: &[u8]| seen.windows(needle.len()).any(|bytes| bytes == needle);
    assert!(holds(b"\x93NUMPY") && !holds(SECRET.as_bytes()));
}

/// A listener that does not know the token, and what it hears.
fn impostor(
    says: impl FnOnce(&mut TcpStream, &mut Vec<u8>) + Send + 'static,
) -> (String, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        says(&mut stream, &mut heard);
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    (url, thread)
}

/// Reads that many bytes.
fn hear(stream: &mut TcpStream, heard: &mut Vec<u8>, nbytes: usize) {
    let mut bytes = vec![0; nbytes];
    stream.read_exact(&mut bytes).unwrap();
    heard.extend(bytes);
}

fn hello(proves: bool) -> Vec<u8> {
    let mut hello = Hello::new(&[Codec::Raw], &Limits::PEER);
    hello.proves = proves;
    hello.message()
}

const HELLO_NBYTES: usize = 40 + 32;
const ANSWER_NBYTES: usize = 40 + 4 + 64;

#[test]
fn a_listener_that_does_not_know_it_hears_no_array() {
    // It says that it has none; makes a proof up; hands back the sender's own.
    let (url, heard) = impostor(|stream, heard| {
        hear(stream, heard, HELLO_NBYTES);
        stream.write_all(&hello(false)).unwrap();
    });
    let error = send_with(&url, Some(SECRET)).unwrap_err();
    assert_eq!(problem(&error), TokenProblem::Missing);
    assert_eq!(heard.join().unwrap().len(), HELLO_NBYTES);
    for reflects in [false, true] {
        let (url, heard) = impostor(move |stream, heard| {
            hear(stream, heard, HELLO_NBYTES);
            stream.write_all(&hello(true)).unwrap();
            stream
                .write_all(&Auth::Challenge([7; 32]).message())
                .unwrap();
            hear(stream, heard, ANSWER_NBYTES);
            let mut proof = [7; 32];
            if reflects {
                proof.copy_from_slice(&heard[heard.len() - 32..]);
            }
            stream.write_all(&Auth::Proof(proof).message()).unwrap();
        });
        let error = send_with(&url, Some(SECRET)).unwrap_err();
        assert_eq!(problem(&error), TokenProblem::Wrong);
        assert_eq!(heard.join().unwrap().len(), HELLO_NBYTES + ANSWER_NBYTES);
    }
}

#[test]
fn no_more_than_4_kib_are_taken_before_the_proof() {
    let mut receiver = receiver("tcp://127.0.0.1:0", Some(SECRET)).unwrap();
    let url = receiver.url();
    let long = message(Kind::Skippable(200), 0, 0, &[0; 4096 - 40]);
    let then_long = [&hello(true), &long[..]].concat();
    let too_long = message(Kind::Hello, 0, 0, &[0; 4096]);
    let not_hello = message(Kind::Manifest, 1, 0, &[0; 100]);
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        for (name, bytes) in [
            ("a second message beyond it", &then_long),
            ("a first message beyond it", &too_long),
            ("a MANIFEST", &not_hello),
        ] {
            let started = Instant::now();
            let mut stream = TcpStream::connect(url.trim_start_matches("tcp://")).unwrap();
            stream.write_all(bytes).unwrap();
            let mut said = Vec::new();
            match stream.read_to_end(&mut said) {
                Ok(_) => {}
                Err(error) if error.kind() == IoErrorKind::ConnectionReset => {}
                Err(error) => panic!("{name}: {error}"),
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{name}");
        }
        assert!(!received.is_finished());
        send_with(&url, Some(SECRET)).unwrap();
        received.join().unwrap().unwrap();
    });
}
