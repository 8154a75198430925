//! Encrypted transfers, and who sits between the two sides of one.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, ErrorClass, ErrorKind, Item, LazyArray, Pin, Receiver, RecvOptions, Result, SendOptions,
    Sent, Target, Token, TokenProblem, send,
};
use ndferry_io::{Framing, Link, LinkOptions, Listener};
use ndferry_npb::{HEAD_NBYTES, Head};

/// What a busy machine may take for anything that takes no time by itself.
const BUSY: Duration = Duration::from_secs(20);

const SECRET: &str = "what both sides know";

fn numbers() -> LazyArray {
    let values: Vec<u32> = (0..1_000_000).collect();
    LazyArray::from(Array::from_elements(&[1000, 1000], &values).unwrap())
}

fn receiver(url: &str, token: Option<&str>) -> Receiver {
    let mut options = RecvOptions::default();
    options.timeout = BUSY;
    options.token = token.map(|token| Token::new(token).unwrap());
    Receiver::bind(url, options).unwrap()
}

fn send_options(token: Option<&str>) -> SendOptions {
    let mut options = SendOptions::default();
    options.timeout = BUSY;
    options.token = token.map(|token| Token::new(token).unwrap());
    options
}

fn send_with(url: &str, options: &SendOptions) -> Result<Sent> {
    let array = numbers();
    let item = Item {
        name: "",
        array: &array,
    };
    send(url, &[item], options, &())
}

/// An address up to where its pin begins, and the pin.
fn parts(url: &str) -> (&str, Pin) {
    let (address, pin) = url.split_once('#').unwrap();
    (address, pin.parse().unwrap())
}

#[test]
fn arrays_arrive_with_a_token_and_without() {
    for token in [None, Some(SECRET)] {
        let mut receiver = receiver("tls://127.0.0.1:0", token);
        let url = receiver.url();
        thread::scope(|scope| {
            let received = scope.spawn(move || receiver.recv(&Target::Memory, &()).unwrap());
            assert!(send_with(&url, &send_options(token)).unwrap().acknowledged);
            let received = received.join().unwrap();
            let array = received.arrays[0].array.as_ref().unwrap();
            let expected: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
            assert!(*array.bytes() == expected);
        });
    }
}

#[test]
fn what_is_wrong_comes_with_a_hint_and_keeps_nobody_out() {
    let mut receiver = receiver("tls://127.0.0.1:0", None);
    let url = receiver.url();
    let (address, _) = parts(&url);
    let plain = address.replace("tls", "tcp");
    let another = format!("{address}#{}", Pin([1; 32]));
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()).unwrap());
        for (url, says, hint) in [
            (
                &*another,
                "another certificate",
                "the address that it says now",
            ),
            (address, "no authority that is trusted", "#sha256="),
            (&*plain, "speaks TLS", "tls://"),
        ] {
            let started = Instant::now();
            let error = send_with(url, &send_options(None)).unwrap_err();
            assert_eq!(error.class(), ErrorClass::Protocol);
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.hint().unwrap().contains(hint), "{error}");
            assert!(started.elapsed() < BUSY);
        }
        assert!(!received.is_finished());
        assert!(send_with(&url, &send_options(None)).unwrap().acknowledged);
        received.join().unwrap();
    });
    let mut receiver = self::receiver("tcp://127.0.0.1:0", None);
    let url = receiver.url().replace("tcp", "tls");
    thread::scope(|scope| {
        let plain = receiver.url();
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()).unwrap());
        let error = send_with(&url, &send_options(None)).unwrap_err();
        assert!(error.hint().unwrap().contains("tcp://"), "{error}");
        send_with(&plain, &send_options(None)).unwrap();
        received.join().unwrap();
    });
}

fn link_options() -> LinkOptions {
    let mut options = LinkOptions::new(Framing {
        head_nbytes: HEAD_NBYTES,
        frame_nbytes: |head| {
            let head = Head::parse(head).map_err(|error| error.to_string())?;
            Ok(head.message_nbytes())
        },
    });
    options.timeout = BUSY;
    options
}

/// Hands on what comes, both ways, until one side ends.
fn hand_on(near: &mut Link, far: &mut Link) {
    let pass = |from: &mut Link, to: &mut Link| {
        let Ok(true) = from.has_input() else {
            return true;
        };
        match from.recv() {
            Ok(Some(frame)) => to.send(&[frame]).is_ok(),
            _ => false,
        }
    };
    while pass(near, far) && pass(far, near) {
        thread::sleep(Duration::from_millis(1));
    }
    let _ = (near.finish(), far.finish());
}

/// A man in the middle: has a certificate of his own, which the sender was made to believe, decrypts everything, and
/// encrypts it again for the receiver. What comes of the sender's transfer.
fn through_a_middleman(token: Option<&str>) -> Result<Sent> {
    let mut receiver = receiver("tls://127.0.0.1:0", token);
    let url = receiver.url();
    let any = "tls://127.0.0.1:0".parse().unwrap();
    let mut middle = Listener::bind(&any, link_options()).unwrap();
    let to_middle = middle.url().to_string();
    thread::scope(|scope| {
        let there = url.clone();
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        scope.spawn(move || {
            let mut near = middle.accept(BUSY).unwrap().unwrap();
            let mut far = ndferry_io::connect(&there.parse().unwrap(), &link_options()).unwrap();
            assert_ne!(near.binding(), far.binding());
            hand_on(&mut near, &mut far);
        });
        let sent = send_with(&to_middle, &send_options(token));
        if sent.is_err() {
            assert!(!received.is_finished());
            send_with(&url, &send_options(token)).unwrap();
        }
        received.join().unwrap().unwrap();
        sent
    })
}

#[test]
fn who_relays_between_two_encrypted_connections_is_found_out_by_the_token() {
    let error = through_a_middleman(Some(SECRET)).unwrap_err();
    let ErrorKind::Token(problem) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(*problem, TokenProblem::Wrong);
    // He is good at it: without a token nobody notices.
    assert!(through_a_middleman(None).unwrap().acknowledged);
}
