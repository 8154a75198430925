//! Arrays through shared memory.
#![cfg(all(feature = "shm", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;
use std::time::Duration;

use ndferry::{
    Array, Codec, Dtype, Filter, Item, LazyArray, Order, Packing, Received, Receiver, RecvOptions,
    Result, SendOptions, Sent, Target, send,
};

fn bytes(shape: &[usize], order: Order) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size).map(|n| (n / 7 % 256) as u8).collect();
    Array::contiguous(Dtype::parse("|u1").unwrap(), shape, order, bytes).unwrap()
}

fn through(url: &str, array: &Array, packing: Packing) -> (Result<Sent>, Result<Received>) {
    let mut options = RecvOptions::default();
    options.timeout = Duration::from_secs(5);
    let mut receiver = Receiver::bind(url, options).unwrap();
    let url = receiver.url();
    let mut options = SendOptions::default();
    options.timeout = Duration::from_secs(5);
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
    let folder = tempfile::tempdir().unwrap();
    let path = format!("shm://{}/s", folder.path().display());
    let shapes: [&[usize]; 5] = [&[], &[0, 3], &[1000, 300], &[3, 1 << 20], &[5000, 7001]];
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
                    assert!(sent.unwrap().acknowledged);
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
