//! What the tests over sockets share.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ndferry_io::{Framing, Link, LinkOptions, Listener, Url, connect};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Eight bytes of length, then so many bytes.
pub(crate) const FRAMING: Framing = Framing {
    head_nbytes: 8,
    frame_nbytes: |head| {
        let nbytes = u64::from_le_bytes(head.try_into().map_err(|_| "head")?);
        nbytes.checked_add(8).ok_or("too long".to_owned())
    },
};

/// What a busy machine may take for anything that takes no time by itself.
pub(crate) const BUSY: Duration = Duration::from_secs(20);

/// As much patience as a busy machine needs.
pub(crate) fn options() -> LinkOptions {
    let mut options = LinkOptions::new(FRAMING);
    options.timeout = BUSY;
    options.greeting_timeout = BUSY;
    options
}

/// One second of patience, for those who are given up.
pub(crate) fn hasty() -> LinkOptions {
    let mut options = options();
    options.timeout = SECOND;
    options
}

pub(crate) fn listen(url: &str) -> Listener {
    Listener::bind(&url.parse().unwrap(), options()).unwrap()
}

/// Does it up to three times, until once all is as it should be: a machine that is busy may keep a peer from speaking in
/// time. Only for what never succeeds where it is wrong.
pub(crate) fn one_of_three(work: impl Fn()) {
    for _ in 0..2 {
        if catch_unwind(AssertUnwindSafe(&work)).is_ok() {
            return;
        }
    }
    work();
}

/// Both ends of a connection, after the greeting.
pub(crate) fn pair(url: &str) -> (Link, Link, Listener) {
    let mut listener = listen(url);
    let url = listener.url().clone();
    // Over TLS, connecting needs somebody who answers.
    let connecting = std::thread::spawn(move || {
        let mut client = connect(&url, &options()).unwrap();
        client.send(&[&frame(2, 0)]).unwrap();
        client
    });
    let mut server = listener.accept(BUSY).unwrap().unwrap();
    let client = connecting.join().unwrap();
    assert_eq!(server.recv().unwrap(), Some(&frame(2, 0)[..]));
    (client, server, listener)
}

/// A plain socket of ours, and the link at its other end, after the greeting.
pub(crate) fn plain_pair() -> (TcpStream, Link) {
    let mut listener = listen("tcp://127.0.0.1:0");
    let mut plain = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
    plain.set_nodelay(true).unwrap();
    plain.write_all(&frame(2, 0)).unwrap();
    let mut link = listener.accept(BUSY).unwrap().unwrap();
    assert_eq!(link.recv().unwrap(), Some(&frame(2, 0)[..]));
    (plain, link)
}

/// Lets nobody in until so many have been turned away.
pub(crate) fn turns_away(listener: &mut Listener, count: u64) {
    let started = Instant::now();
    while listener.turned_away() < count {
        assert!(listener.accept(SECOND / 20).unwrap().is_none());
        let away = listener.turned_away();
        assert!(started.elapsed() < BUSY, "{away} of {count}");
    }
    assert_eq!(listener.turned_away(), count);
}

pub(crate) fn port(listener: &Listener) -> u16 {
    match listener.url() {
        Url::Tcp { port, .. } | Url::Tls { port, .. } => *port,
        other => panic!("{other} has no port"),
    }
}

pub(crate) fn frame(nbytes: usize, byte: u8) -> Vec<u8> {
    [&(nbytes as u64).to_le_bytes()[..], &vec![byte; nbytes]].concat()
}
