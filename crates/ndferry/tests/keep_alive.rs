//! Peers that are busy are not taken for dead ones.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Ends, one_of_three};
use ndferry::{
    Array, Dtype, ErrorKind, Item, LazyArray, Order, Progress, Received, Receiver, RecvOptions,
    Result, SendOptions, Target, send,
};
use ndferry_npb::{Codec, Hello, Limits, ping};

const PATIENCE: Duration = Duration::from_millis(2500);
const WORK: Duration = Duration::from_secs(5);

/// What a busy machine may take besides.
const BUSY: Duration = Duration::from_secs(20);

fn numbers() -> LazyArray {
    let bytes = vec![7; 3 << 20];
    LazyArray::from(
        Array::contiguous(Dtype::parse("u1").unwrap(), &[3 << 20], Order::C, bytes).unwrap(),
    )
}

fn receiver() -> (Receiver, Ends) {
    let mut options = RecvOptions::default();
    options.timeout = PATIENCE;
    let ends = Ends(options.interrupt.clone());
    let receiver = Receiver::bind("tcp://127.0.0.1:0", options).unwrap();
    (receiver, ends)
}

fn options() -> SendOptions {
    let mut options = SendOptions::default();
    options.timeout = PATIENCE;
    options
}

/// Sends to someone who receives like this, and gives how long that took.
fn transfer(receive: fn(Receiver) -> Result<Received>, progress: &dyn Progress) -> Duration {
    let (receiver, ends) = receiver();
    let url = receiver.url();
    let array = numbers();
    let item = Item {
        name: "",
        array: &array,
    };
    thread::scope(|scope| {
        let _ends = ends;
        let received = scope.spawn(move || receive(receiver));
        let started = Instant::now();
        let sent = send(&url, &[item], &options(), progress);
        let took = started.elapsed();
        assert!(sent.unwrap().acknowledged);
        received.join().unwrap().unwrap();
        took
    })
}

#[test]
fn a_receiver_may_store_for_longer_than_the_sender_would_wait_for_a_dead_one() {
    one_of_three(|| {
        let receive = |mut receiver: Receiver| {
            receiver.recv_then(&Target::Memory, &(), &mut |_| {
                thread::sleep(WORK);
                Ok(())
            })
        };
        transfer(receive, &());
    });
}

/// Work of the sender's that takes long, once, in the middle of an array.
struct Slow(AtomicBool);

impl Progress for Slow {
    fn advance(&self, _: u64) {
        if !self.0.swap(true, Ordering::Relaxed) {
            thread::sleep(WORK);
        }
    }
}

#[test]
fn a_sender_may_take_longer_for_a_block_than_the_receiver_would_wait_for_a_dead_one() {
    one_of_three(|| {
        let receive = |mut receiver: Receiver| receiver.recv(&Target::Memory, &());
        let slow = Slow(AtomicBool::new(false));
        assert!(transfer(receive, &slow) >= WORK);
    });
}

#[test]
fn dead_ones_are_still_found_in_time() {
    let (mut receiver, ends) = receiver();
    let url = receiver.url();
    thread::scope(|scope| {
        let _ends = ends;
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        let mut stream = TcpStream::connect(url.trim_start_matches("tcp://")).unwrap();
        let hello = Hello::new(&[Codec::Raw], &Limits::PEER);
        stream.write_all(&hello.message()).unwrap();
        stream.write_all(&ping()).unwrap();
        let started = Instant::now();
        let error = received.join().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Outside(_)), "{error}");
        // And two seconds in which it could read why.
        assert!(started.elapsed() < PATIENCE + Duration::from_secs(2) + BUSY);
    });
}
