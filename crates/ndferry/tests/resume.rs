//! Transfers that break off go on where they were, with the same source or not at all.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ndferry::{
    Array, Codec, Dtype, ErrorKind, Fingerprint, Item, LazyArray, OpenOptions, Order, Received,
    Receiver, RecvOptions, Result, SendOptions, Sent, Source, Target, send,
};

/// Bytes of a block of these tests.
const BLOCK: usize = 1000;

fn numbers(shape: &[usize], order: Order) -> LazyArray {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u32)
        .flat_map(|n| ((n.wrapping_mul(2_654_435_761) >> 16) as u16).to_le_bytes())
        .collect();
    let dtype = Dtype::parse("<u2").unwrap();
    Array::contiguous(dtype, shape, order, bytes)
        .unwrap()
        .into()
}

fn receiver(url: &str) -> Receiver {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(20);
    options.resume = true;
    Receiver::bind(url, options).unwrap()
}

fn send_options(source: Option<&[u8]>) -> SendOptions {
    let mut options = SendOptions::default();
    options.block_nbytes = BLOCK;
    options.timeout = Duration::from_secs(20);
    options.resume = source.map(Fingerprint::of_bytes);
    options
}

/// One transfer through a relay that lets so many bytes through to the receiver and then hangs up on both.
fn transfer(
    items: &[Item<'_>],
    target: &Path,
    options: &SendOptions,
    most: Option<u64>,
) -> (Result<Sent>, Result<Received>) {
    let mut receiver = receiver("tcp://127.0.0.1:0");
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = match most {
        Some(_) => format!("tcp://{}", relay.local_addr().unwrap()),
        None => receiver.url(),
    };
    let to = receiver.url().strip_prefix("tcp://").unwrap().to_owned();
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::File(target.to_owned()), &()));
        if let Some(most) = most {
            scope.spawn(move || {
                let (mut from, _) = relay.accept().unwrap();
                let mut to = TcpStream::connect(to).unwrap();
                let (mut answers, mut back) = (to.try_clone().unwrap(), from.try_clone().unwrap());
                let answering = thread::spawn(move || io::copy(&mut answers, &mut back));
                let _ = io::copy(&mut Read::by_ref(&mut from).take(most), &mut to);
                // All that got through is looked at before the link is seen to be broken.
                to.shutdown(Shutdown::Write).unwrap();
                let _ = answering.join();
                let _ = from.shutdown(Shutdown::Both);
            });
        }
        let sent = send(&url, items, options, &());
        (sent, received.join().unwrap())
    })
}

fn unnamed(array: &LazyArray) -> [Item<'_>; 1] {
    [Item { name: "", array }]
}

fn elements(path: &Path, name: Option<&str>) -> Vec<u8> {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    let array = source.array(name).unwrap().load().unwrap();
    array.view().to_bytes(Order::C).unwrap()
}

fn truth(array: &LazyArray) -> Vec<u8> {
    array.load().unwrap().view().to_bytes(Order::C).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn part(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

#[test]
fn only_what_was_missing_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let array = numbers(&[50, 20, 50], Order::C);
    let total = array.nbytes();
    for (ending, codec) in [
        ("npb", Codec::None),
        ("npy", Codec::None),
        ("npz", Codec::None),
        ("npb", Codec::Lz4),
    ] {
        let target = folder.path().join("out").with_extension(ending);
        let mut options = send_options(Some(b"a"));
        options.packing.codec = codec;
        let mut held = 0;
        for most in [30_000, 20_000, 25_000] {
            let (sent, received) = transfer(&unnamed(&array), &target, &options, Some(most));
            sent.unwrap_err();
            received.unwrap_err();
            assert!(!target.exists());
            let nbytes = fs::metadata(part(&target)).unwrap().len();
            assert!(
                nbytes > held + most * 9 / 10,
                "{most}: {held}, then {nbytes}"
            );
            held = nbytes;
        }
        let (sent, received) = transfer(&unnamed(&array), &target, &options, None);
        let (sent, received) = (sent.unwrap(), received.unwrap());
        assert!(sent.acknowledged);
        assert_eq!(elements(&target, None), truth(&array));
        assert_eq!(names(folder.path()), [format!("out.{ending}")]);
        assert_eq!((sent.blocks, sent.nbytes), (100, total));
        assert_eq!((received.blocks, received.nbytes), (100, total));
        assert_eq!(sent.held, Some(received.held));
        if codec == Codec::None {
            assert!((68..=75).contains(&received.held), "{}", received.held);
            // The blocks that were missing, each with its head, and a greeting, manifest, header and end.
            let missing = 100 - received.held;
            let expected = missing * (BLOCK as u64 + 48);
            let wire = received.wire_nbytes;
            assert!(
                (expected..expected + 600).contains(&wire),
                "{wire} for {missing}"
            );
        }
        fs::remove_file(&target).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn unix_sockets_resume_too() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npb");
    let array = numbers(&[20, 500], Order::C);
    let (_, received) = transfer(
        &unnamed(&array),
        &target,
        &send_options(Some(b"a")),
        Some(9000),
    );
    received.unwrap_err();
    let url = format!("unix://{}", folder.path().join("socket").display());
    let mut receiver = receiver(&url);
    let sent = thread::scope(|scope| {
        let to = Target::File(target.clone());
        let received = scope.spawn(move || receiver.recv(&to, &()));
        let sent = send(&url, &unnamed(&array), &send_options(Some(b"a")), &()).unwrap();
        assert_eq!(Some(received.join().unwrap().unwrap().held), sent.held);
        sent
    });
    assert!((7..=8).contains(&sent.held.unwrap()));
    assert!(sent.wire_nbytes < 20 * 1048 - 7 * 1048 + 600);
    assert_eq!(elements(&target, None), truth(&array));
}

#[test]
fn several_arrays_are_resumed_wherever_they_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [
        ("a", numbers(&[4, 500], Order::C)),
        ("none", numbers(&[0, 3], Order::C)),
        ("f", numbers(&[500, 3], Order::F)),
        ("scalar", numbers(&[], Order::C)),
    ];
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let options = send_options(Some(b"a"));
    let whole = folder.path().join("whole.npb");
    let (sent, _) = transfer(&items, &whole, &options, None);
    let total = sent.unwrap().wire_nbytes;
    let target = folder.path().join("out.npb");
    // Who has not said HELLO is nobody.
    let mut most = 80;
    while most < total {
        let (sent, _) = transfer(&items, &target, &options, Some(most));
        sent.unwrap_err();
        let (sent, received) = transfer(&items, &target, &options, None);
        assert_eq!(
            (sent.unwrap().arrays, received.unwrap().arrays.len()),
            (4, 4)
        );
        for (name, array) in &arrays {
            assert_eq!(
                elements(&target, Some(name)),
                truth(array),
                "{name} after {most}"
            );
        }
        // Also as a stream: what follows an END belongs to the next array.
        let file = fs::read(&target).unwrap();
        assert_eq!(stream_arrays(&file), 4, "after {most}");
        fs::remove_file(&target).unwrap();
        most += 97;
    }
    assert_eq!(names(folder.path()), ["whole.npb"]);
}

/// How many arrays a reader of streams finds.
fn stream_arrays(file: &[u8]) -> usize {
    use ndferry_npb::{Decoder, Event, Head, Limits, Repeats};
    let mut decoder = Decoder::new(Limits::PEER, Repeats::Replace);
    let (mut rest, mut arrays) = (file, 0);
    while !rest.is_empty() {
        let padding = rest.iter().take(15).take_while(|byte| **byte == 0).count();
        rest = &rest[padding..];
        let nbytes = Head::parse(rest).unwrap().message_nbytes() as usize;
        let event = decoder.feed(&rest[..nbytes]).unwrap();
        arrays += usize::from(matches!(event, Event::End(_)));
        rest = &rest[nbytes..];
    }
    assert!(decoder.is_done());
    arrays
}

#[test]
fn a_part_that_is_cut_or_damaged_anywhere_is_used_as_far_as_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npb");
    let array = numbers(&[5, 500], Order::C);
    let options = send_options(Some(b"a"));
    let (_, received) = transfer(&unnamed(&array), &target, &options, Some(4500));
    received.unwrap_err();
    let whole = fs::read(part(&target)).unwrap();
    let mut rounds = 0;
    let mut again = |bytes: &[u8], held: std::ops::RangeInclusive<u64>| {
        fs::write(part(&target), bytes).unwrap();
        let (sent, received) = transfer(&unnamed(&array), &target, &options, None);
        let (sent, _) = (sent.unwrap(), received.unwrap());
        assert!(
            held.contains(&sent.held.unwrap()),
            "{:?} of {held:?}",
            sent.held
        );
        assert_eq!(elements(&target, None), truth(&array));
        fs::remove_file(&target).unwrap();
        rounds += 1;
    };
    again(&whole, 3..=4);
    for cut in (0..whole.len()).step_by(41) {
        again(&whole[..cut], 0..=4);
        let mut flipped = whole.clone();
        // Not the magic: without it the file is somebody else's.
        flipped[cut.max(4)] ^= 16;
        again(&flipped, 0..=3);
        // What a lost write may leave.
        let mut zeros = whole.clone();
        zeros[cut.max(4)..].fill(0);
        again(&zeros, 0..=3);
    }
    assert!(rounds > 250);
}

#[test]
fn another_source_is_refused_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npb");
    let array = numbers(&[5, 500], Order::C);
    let (_, received) = transfer(
        &unnamed(&array),
        &target,
        &send_options(Some(b"a")),
        Some(4500),
    );
    received.unwrap_err();
    let before = fs::read(part(&target)).unwrap();
    let mut other_blocks = send_options(Some(b"a"));
    other_blocks.block_nbytes = 500;
    for options in [send_options(Some(b"b")), other_blocks, send_options(None)] {
        let (sent, received) = transfer(&unnamed(&array), &target, &options, None);
        let sent = sent.unwrap_err();
        assert!(
            matches!(sent.kind(), ErrorKind::Refused { reason } if reason.contains("another source")),
            "{sent}"
        );
        let received = received.unwrap_err();
        assert!(
            matches!(received.kind(), ErrorKind::AnotherSource),
            "{received}"
        );
        assert_eq!(fs::read(part(&target)).unwrap(), before);
    }
    let (sent, _) = transfer(&unnamed(&array), &target, &send_options(Some(b"a")), None);
    assert!(sent.unwrap().held.unwrap() >= 3);
}

#[test]
fn a_file_of_another_kind_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npb");
    let array = numbers(&[5], Order::C);
    for content in [&b"my notes"[..], b"\x93NUMPY"] {
        fs::write(part(&target), content).unwrap();
        let mut receiver = receiver("tcp://127.0.0.1:0");
        let error = receiver
            .recv(&Target::File(target.clone()), &())
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotPart), "{error}");
        assert_eq!(fs::read(part(&target)).unwrap(), content);
    }
    fs::remove_file(part(&target)).unwrap();
    fs::write(&target, b"mine").unwrap();
    let error = receiver("tcp://127.0.0.1:0").recv(&Target::File(target.clone()), &());
    assert!(matches!(error.unwrap_err().kind(), ErrorKind::Exists));
    let error = receiver("tcp://127.0.0.1:0").recv(&Target::Memory, &());
    assert!(matches!(
        error.unwrap_err().kind(),
        ErrorKind::Unsupported { .. }
    ));
    let error = send("-", &unnamed(&array), &send_options(Some(b"a")), &());
    assert!(matches!(
        error.unwrap_err().kind(),
        ErrorKind::Unsupported { .. }
    ));
    assert_eq!(names(folder.path()), ["out.npb"]);
}

#[test]
fn without_a_sender_that_resumes_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out.npb");
    let array = numbers(&[5, 500], Order::C);
    let (_, received) = transfer(&unnamed(&array), &target, &send_options(None), Some(4500));
    received.unwrap_err();
    assert!(names(folder.path()).is_empty());
    let (sent, received) = transfer(&unnamed(&array), &target, &send_options(None), None);
    assert_eq!((sent.unwrap().held, received.unwrap().held), (None, 0));
    assert_eq!(elements(&target, None), truth(&array));
    assert_eq!(names(folder.path()), ["out.npb"]);
}

#[test]
fn a_source_that_changes_while_it_is_sent_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::write(&source, b"1").unwrap();
    let array = numbers(&[5, 500], Order::C);
    let mut options = send_options(None);
    options.resume = Some(Fingerprint::of_file(&source).unwrap());
    thread::sleep(Duration::from_millis(30));
    fs::write(&source, b"2").unwrap();
    let target = folder.path().join("out.npb");
    let (sent, received) = transfer(&unnamed(&array), &target, &options, None);
    let sent = sent.unwrap_err();
    assert!(matches!(sent.kind(), ErrorKind::Changed), "{sent}");
    received.unwrap_err();
    assert!(!target.exists());
    options.resume = Some(Fingerprint::of_file(&source).unwrap());
    let (sent, _) = transfer(&unnamed(&array), &target, &options, None);
    assert!(matches!(
        sent.unwrap_err().kind(),
        ErrorKind::Refused { .. }
    ));
}

#[test]
fn a_receiver_that_claims_tiles_of_nowhere_is_not_believed() {
    use ndferry_npb::{HEAD_NBYTES, Head, Hello, Kind, Limits, Resume};
    for held in [vec![(5, 1)], vec![(0, 6)], vec![(u64::MAX - 1, 1)]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let array = numbers(&[5, 500], Order::C);
        let error = thread::scope(|scope| {
            scope.spawn(move || {
                let (mut peer, _) = listener.accept().unwrap();
                let mut hello = Hello::new(&ndferry_npb::Codec::ALL, &Limits::PEER);
                hello.resumes = true;
                peer.write_all(&hello.message()).unwrap();
                let mut transfer = 0;
                for _ in 0..3 {
                    let mut head = [0; HEAD_NBYTES];
                    peer.read_exact(&mut head).unwrap();
                    let head = Head::parse(&head).unwrap();
                    let mut body = vec![0; head.body_nbytes as usize];
                    peer.read_exact(&mut body).unwrap();
                    assert_ne!(head.kind, Kind::Data);
                    transfer = head.transfer;
                }
                peer.write_all(&Resume { held }.message(transfer)).unwrap();
                let _ = io::copy(&mut peer, &mut io::sink());
            });
            send(&url, &unnamed(&array), &send_options(Some(b"a")), &()).unwrap_err()
        });
        assert!(
            matches!(error.kind(), ErrorKind::WrongMessage { .. }),
            "{error}"
        );
    }
}
