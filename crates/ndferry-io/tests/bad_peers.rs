//! Peers that are slow, broken or malicious.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::{BUSY, SECOND, frame, options, pair, plain_pair, port, turns_away};
use ndferry_io::{Error, current_memory};

#[test]
fn frames_that_come_one_byte_at_a_time_are_whole() {
    let (mut plain, mut link) = plain_pair();
    let sender = thread::spawn(move || {
        for i in 0..20 {
            for byte in frame(usize::from(i) * 7, i) {
                plain.write_all(&[byte]).unwrap();
            }
        }
    });
    for i in 0..20 {
        assert_eq!(link.recv().unwrap().unwrap(), frame(usize::from(i) * 7, i));
    }
    sender.join().unwrap();
    assert!(link.recv().unwrap().is_none());
}

#[test]
fn a_dripping_peer_is_given_up_although_bytes_move() {
    let (mut plain, mut link) = plain_pair();
    link.set_timeout(SECOND);
    let dripper = thread::spawn(move || {
        // A byte each 10 ms, of a frame that would take half an hour.
        for byte in frame(180_000, 1) {
            if plain.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    });
    let started = Instant::now();
    assert!(matches!(link.recv(), Err(Error::Slow { .. })));
    assert!(started.elapsed() < SECOND + BUSY);
    drop(link);
    dripper.join().unwrap();
}

#[test]
fn a_greeting_must_be_whole_in_time_however_fast_it_comes() {
    let (mut plain, mut link) = plain_pair();
    let endless = thread::spawn(move || while plain.write_all(&frame(1000, 1)).is_ok() {});
    link.set_deadline(Some(SECOND / 2));
    let started = Instant::now();
    let error = loop {
        match link.recv() {
            Ok(frame) => assert!(frame.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Deadline(_)), "{error}");
    assert!(started.elapsed() < BUSY);
    link.set_deadline(None);
    assert!(link.recv().unwrap().is_some());
    drop(link);
    endless.join().unwrap();
}

#[test]
fn cuts_resets_and_ends_are_told_apart() {
    // A clean end between two frames.
    let (mut plain, mut link) = plain_pair();
    plain.write_all(&frame(3, 1)).unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    assert!(link.recv().unwrap().is_some());
    assert!(link.recv().unwrap().is_none());
    // Half close: the other direction still works.
    link.send(&[&frame(2, 2)]).unwrap();
    let mut answer = [0; 10];
    plain.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..], frame(2, 2));

    // An end within a frame, at each byte of it.
    let whole = frame(3, 1);
    for cut in 1..whole.len() {
        let (mut plain, mut link) = plain_pair();
        plain.write_all(&whole[..cut]).unwrap();
        drop(plain);
        let error = link.recv().unwrap_err();
        assert!(
            matches!(error, Error::Closed { received, .. } if received == cut as u64),
            "{cut}: {error}"
        );
    }

    // A reset: the peer closes without having read what we sent.
    let (plain, mut link) = plain_pair();
    link.send(&[&frame(1 << 16, 1)]).unwrap();
    drop(plain);
    let error = link.recv().unwrap_err();
    assert!(
        matches!(&error, Error::System(error) if error.kind() == ErrorKind::ConnectionReset),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn lying_lengths_cost_no_memory() {
    for claimed in [1 << 30, 1 << 40, 1 << 62, u64::MAX - 8] {
        let (mut plain, mut link) = plain_pair();
        let before = current_memory().unwrap();
        plain.write_all(&claimed.to_le_bytes()).unwrap();
        plain.write_all(&[1; 1000]).unwrap();
        drop(plain);
        let error = link.recv().unwrap_err();
        assert!(
            matches!(error, Error::Closed { .. } | Error::FrameTooLong { .. }),
            "{error}"
        );
        assert!(current_memory().unwrap() < before + (32 << 20));
    }
    let (mut plain, mut link) = plain_pair();
    link.set_max_frame(4096);
    plain.write_all(&frame(4089, 1)).unwrap();
    assert!(matches!(
        link.recv(),
        Err(Error::FrameTooLong {
            claimed: 4097,
            limit: 4096
        })
    ));
}

#[test]
fn a_refusal_is_heard_even_after_sending_has_failed() {
    for url in ["tcp://127.0.0.1:0", "unix"] {
        let folder = tempfile::tempdir().unwrap();
        let path = format!("unix://{}/s", folder.path().display());
        if url == "unix" && cfg!(windows) {
            continue;
        }
        let (mut client, mut server, _listener) = pair(if url == "unix" { &path } else { url });
        let refuser = thread::spawn(move || {
            server.recv().unwrap();
            server.send(&[&frame(6, 7)]).unwrap();
            server.drain(SECOND / 10, 1 << 20);
        });
        client.send(&[&frame(1, 1)]).unwrap();
        refuser.join().unwrap();
        // A sender that does not look at the back channel runs into a closed socket,
        let mut sent = 0;
        while client.send(&[&frame(1 << 20, 1)]).is_ok() {
            sent += 1;
            assert!(sent < 64);
        }
        // but the sentence is there.
        let heard = client.recv().map(|frame| frame.map(<[u8]>::to_vec));
        assert_eq!(heard.unwrap(), Some(frame(6, 7)), "{url}");
    }
}

#[test]
fn draining_ends_in_time_and_within_its_bytes() {
    // A peer that sends for ever.
    let (mut plain, mut link) = plain_pair();
    let endless = thread::spawn(move || {
        let mut sent = 0;
        while plain.write_all(&frame(1 << 16, 1)).is_ok() {
            sent += 1;
        }
        sent
    });
    link.drain(SECOND * 60, 4 << 20);
    drop(link);
    let sent = endless.join().unwrap();
    assert!(sent >= 64, "{sent}");
    // A peer that says nothing.
    let (plain, mut link) = plain_pair();
    let started = Instant::now();
    link.drain(SECOND / 2, 4 << 20);
    assert!((SECOND / 2..BUSY).contains(&started.elapsed()));
    drop(plain);
}

#[test]
fn a_good_peer_is_served_beside_hundreds_of_bad_ones() {
    const BAD: usize = 400;
    let mut lasting = options();
    // None of the silent ones is given up before they are counted.
    lasting.greeting_timeout = 6 * BUSY;
    let mut listener =
        ndferry_io::Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap(), lasting).unwrap();
    let address = ("127.0.0.1", port(&listener));
    let memory = current_memory();
    let bad = thread::spawn(move || {
        (0..BAD)
            .map(|i| {
                let mut plain = TcpStream::connect(address).unwrap();
                match i % 5 {
                    0 => {}
                    1 => plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(),
                    2 => plain.shutdown(Shutdown::Both).unwrap(),
                    3 => plain.write_all(&frame(5000, 1)).unwrap(),
                    _ => plain.write_all(&[8, 0, 0, 0]).unwrap(),
                }
                plain
            })
            .collect::<Vec<_>>()
    });
    let url = listener.url().clone();
    let good = thread::spawn(move || {
        let mut answers = Vec::new();
        for _ in 0..20 {
            thread::sleep(SECOND / 100);
            let started = Instant::now();
            let mut link = ndferry_io::connect(&url, &options()).unwrap();
            link.send(&[&frame(4, 42)]).unwrap();
            answers.push(link.recv().unwrap().map(<[u8]>::to_vec));
            assert!(started.elapsed() < BUSY);
        }
        answers
    });
    for _ in 0..20 {
        let mut link = listener.accept(BUSY).unwrap().unwrap();
        assert_eq!(link.recv().unwrap(), Some(&frame(4, 42)[..]));
        link.send(&[&frame(1, 43)]).unwrap();
    }
    assert_eq!(good.join().unwrap(), vec![Some(frame(1, 43)); 20]);
    while !bad.is_finished() {
        assert!(listener.accept(SECOND / 10).unwrap().is_none());
    }
    let bad = bad.join().unwrap();
    // All but those who are silent, or in the middle of their first frame.
    turns_away(&mut listener, BAD as u64 * 3 / 5);
    if let (Some(before), Some(after)) = (memory, current_memory()) {
        assert!(after < before + (32 << 20), "{before} {after}");
    }
    drop(bad);
    turns_away(&mut listener, BAD as u64);
}

#[test]
fn a_silent_guest_is_sent_away_in_time() {
    let mut options = options();
    options.greeting_timeout = SECOND / 4;
    let mut listener =
        ndferry_io::Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", port(&listener))).unwrap();
    plain.write_all(&[1]).unwrap();
    let waiter = thread::spawn(move || {
        plain.set_read_timeout(Some(2 * BUSY)).unwrap();
        let started = Instant::now();
        // The byte that nobody wanted makes it a reset.
        let gone = match plain.read(&mut [0]) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        (gone, started.elapsed())
    });
    turns_away(&mut listener, 1);
    let (gone, after) = waiter.join().unwrap();
    assert!(gone && after < BUSY, "{after:?}");
}
