//! ZeroMQ as others speak it, well and badly.
#![cfg(feature = "zmq")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::{BUSY, SECOND, frame, hasty, listen, options, turns_away};
use ndferry_io::{Error, Link, Listener, Url, ZmqProblem, ZmqSocket, connect, current_memory};

const ANY: &str = "zmq+tcp://127.0.0.1:0";

/// Greeting of ZMTP 3.1, as libzmq 4.3 sends it.
fn greeting() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[8], bytes[9], bytes[10], bytes[11]) = (0xFF, 1, 0x7F, 3, 1);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// READY with an identity beside it, as libzmq sends it.
fn ready(socket: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0".to_vec();
    body.push(socket.len() as u8);
    body.extend(socket.as_bytes());
    body.extend(b"\x08Identity\0\0\0\0");
    [&[4, body.len() as u8][..], &body].concat()
}

/// A message of these parts.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        bytes.push(2 | u8::from(number + 1 < parts.len()));
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

fn plain(listener: &Listener) -> TcpStream {
    let Url::ZmqTcp { port, .. } = listener.url() else {
        panic!("another address");
    };
    let plain = TcpStream::connect(("127.0.0.1", *port)).unwrap();
    plain.set_nodelay(true).unwrap();
    plain.set_read_timeout(Some(2 * BUSY)).unwrap();
    plain
}

/// Whatever comes until this does.
fn read_until(plain: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut all, mut byte) = (Vec::new(), [0]);
    while !all.ends_with(end) {
        assert_eq!(plain.read(&mut byte).unwrap(), 1, "ended after {all:?}");
        all.push(byte[0]);
    }
    all
}

/// A socket of that kind at the other end of a link, with its first message sent and received.
fn peer(socket: &str) -> (TcpStream, Link) {
    let mut listener = listen(ANY);
    let mut plain = plain(&listener);
    plain
        .write_all(&[greeting(), ready(socket), message(&[&frame(2, 0)])].concat())
        .unwrap();
    let mut link = listener.accept(BUSY).unwrap().unwrap();
    assert_eq!(link.recv().unwrap(), Some(&frame(2, 0)[..]));
    (plain, link)
}

/// Both ends of a connection, after the greeting: for which both must be there.
fn pair(url: &str) -> (Link, Link, Listener) {
    let mut listener = listen(url);
    let mut client = connect(listener.url(), &options()).unwrap();
    let sender = thread::spawn(move || {
        client.send(&[&frame(2, 0)]).unwrap();
        client
    });
    let mut server = listener.accept(BUSY).unwrap().unwrap();
    assert_eq!(server.recv().unwrap(), Some(&frame(2, 0)[..]));
    (sender.join().unwrap(), server, listener)
}

#[test]
fn frames_go_both_ways_over_tcp_and_unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let ipc = format!("zmq+ipc://{}", folder.path().join("s").display());
    for url in [ANY, &ipc] {
        let (mut client, mut server, _listener) = pair(url);
        assert!(client.answers() && server.answers());
        for nbytes in [0, 1, 200, 255, 256, 70_000, 3 << 20] {
            let sent = frame(nbytes, 7);
            thread::scope(|scope| {
                // In parts, one of which is empty.
                scope.spawn(|| client.send(&[&sent[..8], &[], &sent[8..]]).unwrap());
                assert_eq!(server.recv().unwrap(), Some(&sent[..]));
            });
            thread::scope(|scope| {
                scope.spawn(|| server.send(&[&sent]).unwrap());
                assert_eq!(client.recv().unwrap(), Some(&sent[..]));
            });
        }
        client.finish().unwrap();
        assert_eq!(server.recv().unwrap(), None);
    }
}

#[test]
fn a_peer_may_cut_everything_into_single_bytes_and_many_parts() {
    let mut listener = listen(ANY);
    let mut plain = plain(&listener);
    let (one, two) = (frame(300, 1), frame(5, 2));
    // Parts that are empty or hold halves of a frame, and two frames in one message.
    let messages = [
        message(&[&[], &one[..3], &[], &one[3..]]),
        message(&[&one, &two]),
        message(&[&two]),
    ];
    let sender = thread::spawn(move || {
        for byte in [greeting(), ready("DEALER"), messages.concat()].concat() {
            plain.write_all(&[byte]).unwrap();
        }
        plain
    });
    let mut link = listener.accept(BUSY).unwrap().unwrap();
    for expected in [&one, &one, &two, &two] {
        assert_eq!(link.recv().unwrap(), Some(&expected[..]));
    }
    let plain = sender.join().unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    assert_eq!(link.recv().unwrap(), None);
}

#[test]
fn a_ping_is_answered_between_messages_and_is_no_message() {
    let (mut plain, mut link) = peer("DEALER");
    plain.write_all(b"\x04\x0a\x04PING\x00\x01abc").unwrap();
    let until = Instant::now() + SECOND;
    while Instant::now() < until {
        // Nobody must wait for a message because of it.
        assert!(!link.has_input().unwrap());
        thread::sleep(Duration::from_millis(50));
    }
    link.send(&[&frame(4, 4)]).unwrap();
    read_until(&mut plain, b"\x04\x08\x04PONGabc");
    read_until(&mut plain, &frame(4, 4));
    // Endless ones are as good as silence, and cost nothing.
    let before = current_memory().unwrap();
    let flood =
        thread::spawn(move || while plain.write_all(b"\x04\x0a\x04PING\x00\x01abc").is_ok() {});
    link.set_timeout(SECOND);
    assert!(matches!(link.recv(), Err(Error::Silent(_))));
    assert!(current_memory().unwrap() < before + (64 << 20));
    drop(link);
    flood.join().unwrap();
}

#[test]
fn who_does_not_speak_it_is_turned_away_and_told_if_it_can_be() {
    let mut other_version = greeting();
    other_version[10] = 1;
    let mut curve = greeting();
    curve[12..17].copy_from_slice(b"CURVE");
    let strange = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(500, 9),
        other_version,
        curve,
        [greeting(), message(&[b"too early"])].concat(),
        [greeting(), ready("PULL")].concat(),
        [greeting(), ready("REQ")].concat(),
        [greeting(), ready("STREAM")].concat(),
        [greeting(), b"\x04\x05\x05READ".to_vec()].concat(),
        [greeting(), b"\x06\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec()].concat(),
        [greeting(), ready("DEALER"), ready("DEALER")].concat(),
        [greeting(), ready("DEALER"), vec![0x80; 4]].concat(),
        [greeting(), ready("DEALER"), message(&[&[0xFF; 30]])].concat(),
    ];
    let mut listener = listen(ANY);
    let mut told = 0;
    for (number, bytes) in (1..).zip(&strange) {
        let mut plain = plain(&listener);
        plain.write_all(bytes).unwrap();
        turns_away(&mut listener, number);
        let mut said = Vec::new();
        // A reset may come instead of an end, where bytes were left unread.
        let _ = plain.read_to_end(&mut said);
        told += u64::from(said.windows(6).any(|bytes| bytes == b"\x05ERROR"));
    }
    assert_eq!(told, 3, "PULL, REQ and STREAM");
}

#[test]
fn silent_and_dripping_hand_shakes_do_not_disturb_others() {
    let others = |listener: &Listener| -> Vec<TcpStream> {
        let other = |number: usize| {
            let mut plain = plain(listener);
            let bytes = [greeting(), ready("DEALER")].concat();
            plain.write_all(&bytes[..number * 2 % bytes.len()]).unwrap();
            plain
        };
        (0..50).map(other).collect()
    };
    let mut listener = listen(ANY);
    let waiting = others(&listener);
    let mut client = connect(listener.url(), &options()).unwrap();
    let sender = thread::spawn(move || {
        client.send(&[&frame(2, 1)]).unwrap();
        client
    });
    assert!(listener.accept(BUSY).unwrap().is_some());
    // And not only when they had been given up.
    assert!(listener.turned_away() < 50);
    drop(sender.join().unwrap());
    drop(waiting);
    turns_away(&mut listener, 50);
    // Nor are they waited for longer than they may take.
    let mut options = options();
    options.greeting_timeout = SECOND;
    let mut listener = Listener::bind(&ANY.parse().unwrap(), options).unwrap();
    let waiting = others(&listener);
    turns_away(&mut listener, 50);
    drop(waiting);
}

#[test]
fn who_only_sends_is_let_in_unless_that_is_not_wanted() {
    for socket in ["PUSH", "PUB", "XPUB"] {
        let (mut plain, link) = peer(socket);
        assert!(!link.answers());
        if socket != "PUSH" {
            // It would send nothing otherwise.
            read_until(&mut plain, &[0, 1, 1]);
        }
    }
    let mut options = options();
    options.zmq.one_way = false;
    let mut listener = Listener::bind(&ANY.parse().unwrap(), options).unwrap();
    let mut plain = plain(&listener);
    plain
        .write_all(&[greeting(), ready("PUSH"), message(&[&frame(2, 0)])].concat())
        .unwrap();
    turns_away(&mut listener, 1);
}

/// Somebody who listens, and says this to the first who connects; gives what came until the end.
fn server(says: Vec<u8>) -> (Url, thread::JoinHandle<Vec<u8>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("zmq+tcp://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut plain, _) = listener.accept().unwrap();
        plain.set_read_timeout(Some(2 * BUSY)).unwrap();
        plain.write_all(&says).unwrap();
        let mut all = Vec::new();
        let _ = plain.read_to_end(&mut all);
        all
    });
    (url.parse().unwrap(), served)
}

#[test]
fn a_side_that_connects_says_why_it_cannot_go_on() {
    let problem = |says: Vec<u8>| {
        let options = if says.is_empty() { hasty() } else { options() };
        let (url, served) = server(says);
        let mut link = connect(&url, &options).unwrap();
        let error = link.send(&[&frame(2, 0)]).unwrap_err();
        drop(link);
        served.join().unwrap();
        error
    };
    let zmq = |error| match error {
        Error::Zmq(problem) => problem,
        other => panic!("{other}"),
    };
    assert_eq!(
        zmq(problem(b"SSH-2.0-OpenSSH\r\n".to_vec())),
        ZmqProblem::NotZmq
    );
    let error = zmq(problem([greeting(), ready("SUB")].concat()));
    assert_eq!(
        error.to_string(),
        "the other side is a SUB socket, which does not go with DEALER"
    );
    let said = b"\x04\x0c\x05ERROR\x05no!\n.".to_vec();
    let error = zmq(problem([greeting(), said].concat()));
    assert_eq!(error.to_string(), "the other side says: no!?.");
    // One that says nothing is given up in time.
    let started = Instant::now();
    assert!(matches!(problem(Vec::new()), Error::Silent(_)));
    assert!(started.elapsed() < BUSY);
}

#[test]
fn nothing_is_published_before_somebody_subscribes_to_everything() {
    let by_message = [&[0, 4, 1][..], b"abc", &[0, 1, 1]].concat();
    let by_command = b"\x04\x0a\x09SUBSCRIBE".to_vec();
    for subscription in [by_message, by_command] {
        let (url, served) = server([greeting(), ready("SUB"), subscription].concat());
        let mut options = options();
        options.zmq.socket = ZmqSocket::Pub;
        let mut link = connect(&url, &options).unwrap();
        link.send(&[&frame(3, 3)]).unwrap();
        link.finish().unwrap();
        drop(link);
        assert!(served.join().unwrap().ends_with(&frame(3, 3)));
    }
    // To some topic only: nothing comes, and the time-out holds.
    let (url, served) = server([greeting(), ready("SUB"), vec![0, 2, 1, b'x']].concat());
    let mut options = hasty();
    options.zmq.socket = ZmqSocket::Pub;
    let mut link = connect(&url, &options).unwrap();
    assert!(matches!(link.send(&[&frame(3, 3)]), Err(Error::Silent(_))));
    drop(link);
    assert!(!served.join().unwrap().ends_with(&frame(3, 3)));
}

#[test]
fn a_frame_that_is_promised_and_does_not_come_costs_what_has_come() {
    let (mut plain, mut link) = peer("DEALER");
    let before = current_memory().unwrap();
    let mut head = vec![2];
    head.extend((1u64 << 40).to_be_bytes());
    head.extend(((1u64 << 40) - 8).to_le_bytes());
    plain.write_all(&head).unwrap();
    link.set_timeout(SECOND);
    let error = link.recv().unwrap_err();
    assert!(
        matches!(error, Error::Silent(_) | Error::Slow { .. }),
        "{error}"
    );
    assert!(current_memory().unwrap() < before + (64 << 20));
    link.set_max_frame(1 << 20);
    assert!(matches!(link.recv(), Err(Error::FrameTooLong { .. })));
}
