//! Arrays cross sockets whole or not at all.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use ndferry::{
    Array, Dtype, ErrorClass, ErrorKind, Item, LazyArray, OpenOptions, Order, Received, Receiver,
    RecvOptions, Result, SendOptions, Sent, Source, Target, send,
};

fn numbers(shape: &[usize], order: Order) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u32)
        .flat_map(|n| (n as u16).to_le_bytes())
        .collect();
    Array::contiguous(Dtype::parse("<u2").unwrap(), shape, order, bytes).unwrap()
}

fn options() -> RecvOptions {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(20);
    options
}

fn transfer(
    items: &[Item<'_>],
    target: &Target,
    block_nbytes: usize,
) -> (Result<Sent>, Result<Received>) {
    let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options()).unwrap();
    let url = receiver.url();
    let mut send_options = SendOptions::default();
    send_options.block_nbytes = block_nbytes;
    send_options.timeout = Duration::from_secs(20);
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(target, &()));
        let sent = send(&url, items, &send_options, &());
        (sent, received.join().unwrap())
    })
}

#[test]
fn arrays_arrive_in_memory_and_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let shapes: [&[usize]; 6] = [&[], &[0], &[3, 0], &[7], &[4, 30, 40], &[3, 400, 500]];
    for shape in shapes {
        for order in [Order::C, Order::F] {
            let array = numbers(shape, order);
            let lazy = LazyArray::from(array.clone());
            let item = [Item {
                name: "",
                array: &lazy,
            }];
            let file = |ending: &str| {
                Target::File(folder.path().join(format!(
                    "{}{order:?}{}.{ending}",
                    shape.len(),
                    array.size()
                )))
            };
            for target in [Target::Memory, file("npb"), file("npy")] {
                let (sent, received) = transfer(&item, &target, 1000);
                let (sent, received) = (sent.unwrap(), received.unwrap());
                assert!(sent.acknowledged);
                assert_eq!(
                    (sent.nbytes, sent.blocks),
                    (received.nbytes, received.blocks)
                );
                let back = match &target {
                    Target::File(path) => {
                        let source = Source::open(path, &OpenOptions::default()).unwrap();
                        source.array(None).unwrap().load().unwrap()
                    }
                    _ => received.arrays[0].array.clone().unwrap(),
                };
                assert_eq!((back.shape(), back.order()), (array.shape(), array.order()));
                assert_eq!(
                    back.view().to_bytes(Order::C),
                    array.view().to_bytes(Order::C)
                );
            }
        }
    }
}

#[test]
fn several_arrays_are_one_transfer() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (
        LazyArray::from(numbers(&[3], Order::C)),
        LazyArray::from(numbers(&[2, 2], Order::F)),
    );
    let items = [
        Item {
            name: "a",
            array: &a,
        },
        Item {
            name: "b.1",
            array: &b,
        },
    ];
    let path = folder.path().join("two.npb");
    let (sent, received) = transfer(&items, &Target::File(path.clone()), 4);
    assert_eq!(sent.unwrap().arrays, 2);
    let names: Vec<String> = received
        .unwrap()
        .arrays
        .into_iter()
        .map(|array| array.name)
        .collect();
    assert_eq!(names, ["a", "b.1"]);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let b = source.array(Some("b.1")).unwrap().load().unwrap();
    assert_eq!(b.to_elements::<u16>().unwrap(), [0, 2, 1, 3]);
    // The file is a stream of messages itself.
    let npy = Target::File(folder.path().join("two.npy"));
    let (sent, received) = transfer(&items, &npy, 4);
    assert!(
        matches!(sent.unwrap_err().kind(), ErrorKind::Refused { reason } if reason.contains("several arrays"))
    );
    assert!(received.is_err());
    assert_eq!(files(folder.path()), ["two.npb"]);
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn an_output_that_exists_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("there.npb");
    std::fs::write(&path, b"mine").unwrap();
    let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options()).unwrap();
    let error = receiver.recv(&Target::File(path.clone()), &()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exists));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[test]
fn garbage_silence_and_early_ends_leave_nothing_and_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let lazy = LazyArray::from(numbers(&[4, 30, 40], Order::C));
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n and some more bytes than a head has"[..],
        b"\x93NPB",
        b"",
    ] {
        for close in [true, false] {
            let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options()).unwrap();
            let url = receiver.url();
            let port = url.rsplit_once(':').unwrap().1.parse().unwrap();
            let target = Target::File(path.clone());
            let mut bad = TcpStream::connect(("127.0.0.1", port)).unwrap();
            bad.write_all(bytes).unwrap();
            let bad = (!close).then_some(bad);
            thread::scope(|scope| {
                let received = scope.spawn(|| receiver.recv(&target, &()));
                thread::sleep(Duration::from_millis(100));
                assert!(files(folder.path()).is_empty() && !received.is_finished());
                let item = Item {
                    name: "",
                    array: &lazy,
                };
                let sent = send(&url, &[item], &SendOptions::default(), &()).unwrap();
                assert!(sent.acknowledged);
                assert_eq!(received.join().unwrap().unwrap().nbytes, sent.nbytes);
            });
            drop(bad);
            assert_eq!(files(folder.path()), ["a.npb"]);
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn an_interrupted_receiver_tells_the_sender_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::File(folder.path().join("a.npb"));
    let options = options();
    let interrupt = options.interrupt.clone();
    let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options).unwrap();
    let url = receiver.url();
    let lazy = LazyArray::from(numbers(&[64, 512, 512], Order::C));
    let item = [Item {
        name: "",
        array: &lazy,
    }];
    /// Raises the receiver's interrupt once something has been sent.
    struct Raise(ndferry::Interrupt);
    impl ndferry::Progress for Raise {
        fn advance(&self, _: u64) {
            self.0.set();
        }
    }
    let (sent, received) = thread::scope(|scope| {
        let received = scope.spawn(|| receiver.recv(&target, &()));
        let sent = send(&url, &item, &SendOptions::default(), &Raise(interrupt));
        (sent, received.join().unwrap())
    });
    assert_eq!(received.unwrap_err().class(), ErrorClass::Interrupted);
    assert!(matches!(
        sent.unwrap_err().class(),
        ErrorClass::Protocol | ErrorClass::System
    ));
    assert!(files(folder.path()).is_empty());
}

#[test]
fn nobody_there_is_an_error_at_once() {
    let lazy = LazyArray::from(numbers(&[2], Order::C));
    let item = [Item {
        name: "",
        array: &lazy,
    }];
    let error = send("tcp://127.0.0.1:1", &item, &SendOptions::default(), &()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::System);
    assert!(send("nowhere", &item, &SendOptions::default(), &()).is_err());
}
