//! Transfers become files in a folder, and senders wait for their turn.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use common::one_of_three;
use ndferry::{
    Array, Dtype, ErrorKind, Format, Item, LazyArray, OpenOptions, Order, Receiver, RecvOptions,
    SendOptions, Source, Target, send,
};

const PATIENCE: Duration = Duration::from_millis(2500);

fn numbers(size: usize, first: u8) -> LazyArray {
    let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8 ^ first).collect();
    let dtype = Dtype::parse("u1").unwrap();
    LazyArray::from(Array::contiguous(dtype, &[size], Order::C, bytes).unwrap())
}

fn receiver() -> Receiver {
    let mut options = RecvOptions::default();
    options.timeout = PATIENCE;
    Receiver::bind("tcp://127.0.0.1:0", options).unwrap()
}

fn options(name: &str) -> SendOptions {
    let mut options = SendOptions::default();
    options.timeout = PATIENCE;
    options.name = name.to_owned();
    options
}

fn inbox(folder: &Path, format: Format) -> Target {
    Target::Folder {
        folder: folder.to_owned(),
        format,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn each_transfer_becomes_a_file_of_its_own_inside_the_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let mut receiver = receiver();
    let url = receiver.url();
    let array = numbers(1000, 0);
    let said = [
        // What the sender says, the array's name, the format, the file.
        ("cells.npy", "", Format::Npb, "cells.npb"),
        ("cells.npz", "", Format::Npb, "cells-2.npb"),
        ("cells", "w", Format::Npb, "cells-3.npb"),
        ("cells.npy", "", Format::Npy, "cells.npy"),
        ("cells.npy", "w", Format::Npz, "cells.npz"),
        ("cells.npy", "", Format::Npz, "cells-2.npz"),
        ("cells.npy", "", Format::Pickle, "cells.pkl"),
        ("", "layer.0", Format::Npy, "layer.0.npy"),
        ("", "", Format::Npb, "received.npb"),
        ("../out.npy", "", Format::Npb, "_out.npb"),
        ("/etc/passwd", "", Format::Npb, "_etc_passwd.npb"),
        ("nul\n.npy", "", Format::Npb, "nul_.npb"),
    ];
    for (name, array_name, format, file) in said {
        let item = Item {
            name: array_name,
            array: &array,
        };
        let received = thread::scope(|scope| {
            let (receiver, target) = (&mut receiver, inbox(&folder, format));
            let received = scope.spawn(move || receiver.recv(&target, &()));
            assert!(
                send(&url, &[item], &options(name), &())
                    .unwrap()
                    .acknowledged
            );
            received.join().unwrap().unwrap()
        });
        let path = folder.join(file);
        assert_eq!(received.path.as_deref(), Some(&*path));
        let source = Source::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.format(), format);
        let back = source.array(None).unwrap().load().unwrap();
        assert_eq!(
            back.view().to_bytes(Order::C),
            array.load().unwrap().view().to_bytes(Order::C)
        );
    }
    assert_eq!(names(&folder).len(), said.len());
    assert_eq!(names(outer.path()), ["in"]);
}

#[test]
fn what_cannot_be_stored_leaves_nothing_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = receiver();
    let url = receiver.url();
    let array = numbers(1000, 0);
    let item = |name| Item {
        name,
        array: &array,
    };
    let (sent, received) = thread::scope(|scope| {
        let (receiver, target) = (&mut receiver, inbox(folder.path(), Format::Npy));
        let received = scope.spawn(move || receiver.recv(&target, &()));
        let sent = send(&url, &[item("a"), item("b")], &options("two"), &());
        (sent, received.join().unwrap())
    });
    assert!(matches!(
        sent.unwrap_err().kind(),
        ErrorKind::Refused { .. }
    ));
    assert!(matches!(
        received.unwrap_err().kind(),
        ErrorKind::CannotWrite { .. }
    ));
    assert!(names(folder.path()).is_empty());
    let target = inbox(folder.path(), Format::Tiff);
    assert!(receiver.recv(&target, &()).is_err());
    assert!(
        inbox(&folder.path().join("none"), Format::Npb)
            .check(false)
            .is_err()
    );
    assert!(inbox(folder.path(), Format::Npb).check(false).is_ok());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn senders_wait_for_their_turn_longer_than_for_a_dead_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let mut options_here = RecvOptions::default();
    options_here.timeout = PATIENCE;
    // Nobody waits for a sender that has failed.
    let failed = options_here.interrupt.clone();
    let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options_here).unwrap();
    let url = receiver.url();
    // More than sockets take by themselves.
    const NBYTES: usize = 12 << 20;
    const SENDERS: u8 = 4;
    let started = Instant::now();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|i| {
                let (url, failed) = (&url, failed.clone());
                scope.spawn(move || {
                    let array = numbers(NBYTES, i);
                    let item = [Item {
                        name: "",
                        array: &array,
                    }];
                    let sent = send(url, &item, &options(&format!("{i}.npy")), &());
                    sent.inspect_err(|_| failed.set()).unwrap()
                })
            })
            .collect();
        // They come as they like.
        let mut paths = Vec::new();
        for _ in 0..SENDERS {
            let target = inbox(folder.path(), Format::Npb);
            let received = receiver.recv_then(&target, &(), &mut |_| {
                thread::sleep(PATIENCE + Duration::from_millis(500));
                Ok(())
            });
            // Looked at later: nobody tells those who wait meanwhile that they are not forgotten.
            paths.push(received.unwrap().path.unwrap());
        }
        paths.sort();
        assert_eq!(paths.len(), usize::from(SENDERS));
        for (i, path) in (0..).zip(paths) {
            assert_eq!(path, folder.path().join(format!("{i}.npb")));
            let source = Source::open(&path, &OpenOptions::default()).unwrap();
            let back = source.array(None).unwrap().load().unwrap();
            assert_eq!(
                back.to_elements::<u8>().unwrap(),
                numbers(NBYTES, i)
                    .load()
                    .unwrap()
                    .to_elements::<u8>()
                    .unwrap()
            );
        }
        assert!(
            senders
                .into_iter()
                .all(|sender| sender.join().unwrap().acknowledged)
        );
    });
    println!(
        "{SENDERS} senders of {} MiB stored in turn within {:.1} s, each would have given up a dead receiver after {:.1} s",
        NBYTES >> 20,
        started.elapsed().as_secs_f32(),
        PATIENCE.as_secs_f32()
    );
}

#[test]
fn who_waits_in_vain_is_told() {
    one_of_three(|| {
        let mut receiver = receiver();
        let url = receiver.url();
        let array = numbers(100, 0);
        let item = [Item {
            name: "",
            array: &array,
        }];
        let (has_come, come) = channel();
        let (url, item) = (&url, &item);
        thread::scope(|scope| {
            let first = scope.spawn(move || send(url, item, &options(""), &()));
            let second = scope.spawn(move || {
                come.recv().unwrap();
                send(url, item, &options(""), &())
            });
            // The second one does not wait for what has failed.
            let wait = &mut move |_: &mut ndferry::Received| {
                has_come.send(()).unwrap();
                thread::sleep(Duration::from_secs(3));
                Ok(())
            };
            receiver.recv_then(&Target::Memory, &(), wait).unwrap();
            drop(receiver);
            assert!(first.join().unwrap().unwrap().acknowledged);
            let error = second.join().unwrap().unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Refused { reason } if reason.contains("all that it was to take")),
                "{error}"
            );
        });
    });
}
