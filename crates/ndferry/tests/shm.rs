//! Arrays through shared memory.
#![cfg(all(feature = "shm", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use ndferry::{
    Array, Codec, Dtype, Filter, Item, LazyArray, OpenOptions, Order, Packing, Received, Receiver,
    RecvOptions, Result, SegmentPool, SendOptions, Sent, Source, Target, send,
};

/// Segments belong to the whole process, and some of the tests count them, so only one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn bytes(shape: &[usize], order: Order) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size).map(|n| (n / 7 % 256) as u8).collect();
    Array::contiguous(Dtype::parse("|u1").unwrap(), shape, order, bytes).unwrap()
}

fn through(url: &str, array: &Array, packing: Packing) -> (Result<Sent>, Result<Received>) {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(20);
    let mut receiver = Receiver::bind(url, options).unwrap();
    let url = receiver.url();
    let mut options = SendOptions::default();
    options.timeout = Duration::from_secs(20);
    options.packing = packing;
    let lazy = LazyArray::from(array.clone());
    let (name, array) = ("", &lazy);
    thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        let sent = send(&url, &[Item { name, array }], &options, &());
        (sent, received.join().unwrap())
    })
}

#[test]
fn arrays_of_all_sizes_arrive_packed_and_not() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("shm://{}/s", folder.path().display());
    let shapes: [&[usize]; 6] = [
        &[],
        &[0, 3],
        &[300, 300],
        &[1000, 300],
        &[3, 1 << 20],
        &[5000, 7001],
    ];
    let packed = Packing {
        codec: Codec::Lz4,
        filter: Filter::None,
    };
    for url in [&path, "shm://127.0.0.1:0"] {
        for shape in shapes {
            for order in [Order::C, Order::F] {
                let array = bytes(shape, order);
                for packing in [Packing::default(), packed] {
                    let (sent, received) = through(url, &array, packing);
                    let sent = sent.unwrap();
                    assert!(sent.acknowledged);
                    if packing == Packing::default() {
                        assert_eq!(
                            sent.blocks,
                            u64::from(array.nbytes() > 0),
                            "it is one block"
                        );
                    }
                    let back = received.unwrap().arrays.remove(0).array.unwrap();
                    assert_eq!((back.shape(), back.order()), (array.shape(), array.order()));
                    let elements = |array: &Array| array.view().to_bytes(Order::C).unwrap();
                    assert!(
                        elements(&back) == elements(&array),
                        "{url} {shape:?} {order:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_array_in_memory_that_is_lent_outlives_the_transfer_and_its_segment_is_used_again() {
    let _alone = ALONE.lock();
    // Of other tests.
    SegmentPool::shared().clear();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("shm://{}/s", folder.path().display());
    let array = bytes(&[3, 1 << 20], Order::C);
    let arrived = || {
        let (sent, received) = through(&url, &array, Packing::default());
        sent.unwrap();
        received.unwrap().arrays.remove(0).array.unwrap()
    };
    let held: Vec<Array> = (0..3).map(|_| arrived()).collect();
    let maps = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.matches("memfd:ndferry").count()
    };
    assert!(maps() >= 3, "they lie in memory that was lent");
    assert!(held.iter().all(|back| back.bytes() == array.bytes()));
    drop(held);
    for _ in 0..50 {
        drop(arrived());
    }
    let (segments, _) = SegmentPool::shared().size();
    assert!(segments <= 64 && maps() <= 8, "{segments} {}", maps());
}

#[test]
fn files_get_blocks_of_the_usual_size() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("shm://{}/s", folder.path().display());
    let (array, path) = (bytes(&[40, 1 << 20], Order::C), folder.path().join("a.npb"));
    let mut receiver = Receiver::bind(&url, RecvOptions::default()).unwrap();
    let lazy = LazyArray::from(array.clone());
    let (name, array) = ("", &lazy);
    let sent = thread::scope(|scope| {
        let target = Target::File(path.clone());
        let receiving = scope.spawn(move || receiver.recv(&target, &()).unwrap());
        let sent = send(&url, &[Item { name, array }], &SendOptions::default(), &()).unwrap();
        assert_eq!(receiving.join().unwrap().wire_nbytes, sent.wire_nbytes);
        sent
    });
    assert_eq!(sent.blocks, 40);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let back = source.array(None).unwrap().load().unwrap();
    assert!(back.bytes() == lazy.load().unwrap().bytes());
}

/// A block without a checksum is for memory, where it stays; what goes into a file is checked first.
#[test]
fn a_file_takes_no_block_without_a_checksum() {
    use ndferry_io::{Framing, LinkOptions};
    use ndferry_npb::{Block, HEAD_NBYTES, Head, Hello, Kind, Limits};

    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("shm://{}/s", folder.path().display());
    let array = LazyArray::from(bytes(&[1 << 20], Order::C));
    let item = Item {
        name: "",
        array: &array,
    };
    let mut file = Vec::new();
    let mut options = ndferry::SaveOptions::default();
    options.format = Some(ndferry::Format::Npb);
    options.packing.codec = Codec::None;
    ndferry::save_to(&mut file, &[item], &options, &()).unwrap();
    for (name, takes) in [("a.npb", false), ("a.npy", false), ("", true)] {
        let target = match name {
            "" => Target::Memory,
            name => Target::File(folder.path().join(name)),
        };
        let mut options = RecvOptions::default();
        options.timeout = Duration::from_secs(20);
        let mut receiver = Receiver::bind(&url, options).unwrap();
        let received = thread::scope(|scope| {
            let receiving = scope.spawn(|| receiver.recv(&target, &()));
            let framing = Framing {
                head_nbytes: HEAD_NBYTES,
                frame_nbytes: |head| Ok(Head::parse(head).unwrap().message_nbytes()),
            };
            let url = url.parse().unwrap();
            let mut link = ndferry_io::connect(&url, &LinkOptions::new(framing)).unwrap();
            let hello = Hello::new(&[ndferry_npb::Codec::Raw], &Limits::PEER);
            link.send(&[&hello.message()]).unwrap();
            link.recv().unwrap();
            let mut at = 0;
            while at < file.len() {
                let Ok(head) = Head::parse(&file[at..]) else {
                    // Padding.
                    at += 1;
                    continue;
                };
                let end = at + head.message_nbytes() as usize;
                let body = &file[at + HEAD_NBYTES..end];
                match head.kind {
                    Kind::Data => {
                        let block = Block::parse(head.sequence, body).unwrap();
                        let head = block.head_of_lent(head.transfer);
                        assert!(link.lend(&[&head, block.payload]).unwrap());
                    }
                    Kind::Manifest | Kind::Header | Kind::End | Kind::Catalog => {
                        // It may have hung up.
                        let _ = link.send(&[&file[at..end]]);
                    }
                    _ => {}
                }
                at = end;
            }
            receiving.join().unwrap()
        });
        match received {
            Ok(_) => assert!(takes, "{name}"),
            Err(error) => {
                let text = error.to_string();
                assert!(!takes && text.contains("CRC-32"), "{name}: {text}");
                assert!(!folder.path().join(name).exists());
            }
        }
    }
}
