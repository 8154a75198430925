//! Every transport carries every kind of array, of known shape and growing, and what arrives is what was sent: dtype, shape,
//! order, bytes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{
    Array, CreateOptions, Dtype, Field, Indexing, Item, LazyArray, NpbFile, OpenOptions, Order,
    Receiver, RecvOptions, SendOptions, Source, Struct, Target, send,
};
use ndferry_io::{Framing, LinkOptions};
use ndferry_npb::{Ack, Codec, HEAD_NBYTES, Head, Hello, Kind, Limits};
use ndferry_testkit::more_seeds;

/// How receivers may be reached; one more transport is one more line. Those that this build does not have are skipped.
const TRANSPORTS: [&str; 7] = [
    "tcp", "unix", "shm", "shm-host", "zmq+tcp", "zmq+ipc", "tls",
];

/// Bytes of the large array.
const LARGE: usize = 300 << 20;

fn url(transport: &str, folder: &Path) -> String {
    match transport {
        "unix" | "shm" | "zmq+ipc" => format!("{transport}://{}", folder.join("s").display()),
        "shm-host" => "shm://127.0.0.1:0".to_owned(),
        _ => format!("{transport}://127.0.0.1:0"),
    }
}

fn numbers(dtype: Dtype, shape: &[usize], order: Order) -> Array {
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = (0..nbytes).map(|i| (i * 37 + i / 256) as u8).collect();
    Array::contiguous(dtype, shape, order, bytes).unwrap()
}

fn structured() -> Dtype {
    let inner = Struct::packed([("z".to_owned(), Dtype::parse(">f8").unwrap())]).unwrap();
    let fields = vec![
        Field::new("a", Dtype::parse("<i2").unwrap(), 1),
        Field::new(
            "日",
            Dtype::subarray(Dtype::parse(">u4").unwrap(), &[2, 3]).unwrap(),
            3,
        ),
        Field::new("in", Dtype::structured(inner), 30),
        Field::new("text", Dtype::parse("<U3").unwrap(), 40),
    ];
    Dtype::structured(Struct::new(fields, 64, false).unwrap())
}

/// The kinds of arrays.
fn arrays() -> Vec<(&'static str, LazyArray)> {
    let u2 = || Dtype::parse("<u2").unwrap();
    let indexing: Indexing = "::-2, 3:50:3, 1".parse().unwrap();
    let objects = more_seeds()
        .into_iter()
        .find(|seed| seed.name == "npy-objects")
        .unwrap();
    let objects = Source::from_bytes("objects", objects.bytes, &OpenOptions::default()).unwrap();
    vec![
        ("C", numbers(u2(), &[60, 70, 3], Order::C).into()),
        (
            "F",
            numbers(Dtype::parse(">f4").unwrap(), &[60, 70, 3], Order::F).into(),
        ),
        (
            "strided",
            numbers(u2(), &[60, 70, 3], Order::C)
                .index(&indexing)
                .unwrap()
                .into(),
        ),
        (
            "structured",
            numbers(structured(), &[50, 7], Order::C).into(),
        ),
        ("object", objects.array(None).unwrap()),
        (
            "0-d",
            numbers(Dtype::parse("<c16").unwrap(), &[], Order::C).into(),
        ),
        ("empty", numbers(u2(), &[3, 0, 5], Order::C).into()),
        (
            "300 MiB",
            numbers(u2(), &[LARGE >> 11, 1024], Order::C).into(),
        ),
    ]
}

fn receiver(transport: &str, folder: &Path) -> Option<Receiver> {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(20);
    match Receiver::bind(&url(transport, folder), options) {
        Ok(receiver) => Some(receiver),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

fn check(name: &str, array: &LazyArray, path: &Path) {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    let back = source.array(None).unwrap();
    assert_eq!(back.dtype(), array.dtype(), "{name}");
    assert_eq!(
        (back.shape(), back.order()),
        (array.shape(), array.order()),
        "{name}"
    );
    let pickle = |array: &LazyArray| {
        let mut out = Vec::new();
        let item = Item { name: "", array };
        let mut options = ndferry::SaveOptions::default();
        options.format = Some(ndferry::Format::Npy);
        ndferry::save_to(&mut out, &[item], &options, &()).unwrap();
        out
    };
    if array.dtype().has_object() {
        assert!(pickle(&back) == pickle(array), "{name}: other objects");
        return;
    }
    let (back, array) = (back.load().unwrap(), array.load().unwrap());
    let order = array.order().unwrap_or(Order::C);
    assert!(same(&back, &array, order), "{name}: other elements");
}

fn same(a: &Array, b: &Array, order: Order) -> bool {
    a.order() == b.order() && a.bytes()[..] == b.bytes()[..]
        || a.view().to_bytes(order).unwrap() == b.view().to_bytes(order).unwrap()
}

#[test]
fn every_transport_carries_every_array() {
    let arrays = arrays();
    let mut counts = BTreeMap::new();
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let Some(mut receiver) = receiver(transport, folder.path()) else {
            continue;
        };
        let url = receiver.url();
        let mut count = [0; 2];
        for (name, array) in &arrays {
            let path = folder.path().join(format!("{name}.npb"));
            let started = Instant::now();
            let target = Target::File(path.clone());
            let sent = thread::scope(|scope| {
                let received = scope.spawn(|| receiver.recv(&target, &()));
                let item = Item { name: "", array };
                let sent = send(&url, &[item], &SendOptions::default(), &());
                (sent, received.join().unwrap())
            });
            let (sent, received) = (sent.0.unwrap(), sent.1.unwrap());
            if *name == "300 MiB" {
                let rate = LARGE as f64 / started.elapsed().as_secs_f64() / (1 << 20) as f64;
                println!("{transport}: 300 MiB stored and verified, {rate:.0} MiB/s");
            }
            assert!(sent.acknowledged, "{transport}, {name}");
            assert_eq!(sent.blocks, received.blocks, "{transport}, {name}");
            check(name, array, &path);
            std::fs::remove_file(&path).unwrap();
            count[0] += 1;
            let Some(file) = growing(name, array, folder.path()) else {
                continue;
            };
            let path = folder.path().join(format!("{name}-grown.npb"));
            let target = Target::File(path.clone());
            thread::scope(|scope| {
                let received = scope.spawn(|| receiver.recv(&target, &()));
                let blocks = send_messages(&url, &file);
                assert_eq!(received.join().unwrap().unwrap().blocks, blocks);
            });
            check(name, array, &path);
            std::fs::remove_file(&path).unwrap();
            count[1] += 1;
        }
        counts.insert(transport, count);
    }
    for (transport, [known, growing]) in &counts {
        println!(
            "{transport:8} {known} arrays of known shape, {growing} growing ones: the same dtype, shape, order, bytes"
        );
    }
    assert!(counts.len() >= 2);
    assert!(
        counts
            .values()
            .all(|[known, growing]| (*known, *growing) == (8, 5))
    );
}

/// The array as a file that grew row by row; `None` if it has no rows, or is of objects.
fn growing(name: &str, array: &LazyArray, folder: &Path) -> Option<Vec<u8>> {
    if array.shape().is_empty() || array.dtype().has_object() || name == "300 MiB" {
        return None;
    }
    let axis = match array.order() {
        Order::C => 0,
        Order::F => array.shape().len() - 1,
    };
    let mut shape: Vec<Option<usize>> = array.shape().iter().map(|n| Some(*n)).collect();
    let rows = shape[axis].take().unwrap();
    let mut options = CreateOptions::default();
    options.order = array.order();
    options.packing.codec = ndferry::Codec::None;
    let path = folder.join("growing.npb");
    let mut file = NpbFile::create(&path, array.dtype().clone(), &shape, options).unwrap();
    let array = array.load().unwrap();
    for first in (0..rows).step_by(7) {
        let range = format!("{first}:{}", rows.min(first + 7));
        let text = match axis {
            0 => range,
            _ => format!("..., {range}"),
        };
        let part = array.index(&text.parse().unwrap()).unwrap();
        file.append(&part.view()).unwrap();
    }
    file.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    Some(bytes)
}

/// Sends what is in a file, as a sender does that does not know how many rows will come; gives the number of blocks.
fn send_messages(url: &str, file: &[u8]) -> u64 {
    let framing = Framing {
        head_nbytes: HEAD_NBYTES,
        frame_nbytes: |head| match Head::parse(head) {
            Ok(head) => Ok(head.message_nbytes()),
            Err(error) => Err(error.to_string()),
        },
    };
    let mut link = ndferry_io::connect(&url.parse().unwrap(), &LinkOptions::new(framing)).unwrap();
    link.send(&[&Hello::new(&[Codec::Raw], &Limits::PEER).message()])
        .unwrap();
    let hello = link.recv().unwrap().unwrap();
    assert_eq!(Head::parse(hello).unwrap().kind, Kind::Hello);
    let (mut at, mut blocks) = (0, 0);
    while at < file.len() {
        let Ok(head) = Head::parse(&file[at..]) else {
            // Padding.
            at += 1;
            continue;
        };
        let end = at + head.message_nbytes() as usize;
        if matches!(
            head.kind,
            Kind::Manifest | Kind::Header | Kind::Data | Kind::End
        ) {
            link.send(&[&file[at..end]]).unwrap();
        }
        blocks += u64::from(head.kind == Kind::Data);
        at = end;
    }
    loop {
        let frame = link.recv().unwrap().unwrap();
        let (head, body) = (Head::parse(frame).unwrap(), &frame[HEAD_NBYTES..]);
        match head.kind {
            Kind::Ping | Kind::Credit => {}
            Kind::Ack => {
                assert_eq!(Ack::parse(body).unwrap().blocks, blocks);
                return blocks;
            }
            kind => panic!("{kind:?}: {}", String::from_utf8_lossy(body)),
        }
    }
}
