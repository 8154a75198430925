//! No more bytes are under way than a receiver takes, whatever it says.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::one_of_three;
use ndferry::{Array, Dtype, ErrorKind, Item, LazyArray, Order, Result, SendOptions, Sent, send};
use ndferry_npb::{Ack, Codec, HEAD_NBYTES, Head, Hello, Kind, Limits, credit};

const BLOCK: usize = 1000;
const MESSAGE: u64 = (HEAD_NBYTES + 8 + BLOCK) as u64;
const BLOCKS: usize = 20;

/// Whoever sends too much does so at once.
const A_WHILE: Duration = Duration::from_millis(100);

/// What a busy machine may take for anything that takes no time by itself.
const BUSY: Duration = Duration::from_secs(20);

/// The other end of a sender of twenty blocks, with this window.
struct Receiver(TcpStream);

impl Receiver {
    /// The next message but PINGs.
    fn next(&mut self) -> Head {
        let mut head = [0; HEAD_NBYTES];
        self.0.read_exact(&mut head).unwrap();
        let head = Head::parse(&head).unwrap();
        let mut body = vec![0; head.body_nbytes as usize];
        self.0.read_exact(&mut body).unwrap();
        match head.kind {
            Kind::Ping => self.next(),
            _ => head,
        }
    }

    /// So many DATA messages come.
    fn data(&mut self, count: u64) {
        for number in 0..count {
            let kind = self.next().kind;
            assert_eq!(kind, Kind::Data, "{number} of {count}");
        }
    }

    /// That nothing comes for a while but PINGs.
    fn silence(&mut self) {
        self.0.set_read_timeout(Some(A_WHILE)).unwrap();
        loop {
            let mut head = [0; HEAD_NBYTES];
            match self.0.peek(&mut head) {
                Ok(0) => break,
                Ok(n) if n < HEAD_NBYTES => {}
                Ok(_) => {
                    let kind = Head::parse(&head).unwrap().kind;
                    assert_eq!(kind, Kind::Ping, "it has no credit for that");
                    self.0.read_exact(&mut head).unwrap();
                }
                Err(error) if error.kind() == Io::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.0.set_read_timeout(Some(BUSY)).unwrap();
    }

    fn say(&mut self, message: &[u8]) {
        self.0.write_all(message).unwrap();
    }
}

fn with_window(window: u64, receive: impl FnOnce(&mut Receiver) + Send) -> Result<Sent> {
    with_patience(BUSY, window, receive)
}

fn with_patience(
    timeout: Duration,
    window: u64,
    receive: impl FnOnce(&mut Receiver) + Send,
) -> Result<Sent> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let bytes = vec![7; BLOCK * BLOCKS];
    let dtype = Dtype::parse("u1").unwrap();
    let array = Array::contiguous(dtype, &[BLOCK * BLOCKS], Order::C, bytes).unwrap();
    let array = LazyArray::from(array);
    thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(BUSY)).unwrap();
            let mut receiver = Receiver(stream);
            assert_eq!(receiver.next().kind, Kind::Hello);
            let hello = Hello {
                window,
                ..Hello::new(&[Codec::Raw], &Limits::PEER)
            };
            receiver.say(&hello.message());
            assert_eq!(receiver.next().kind, Kind::Manifest);
            assert_eq!(receiver.next().kind, Kind::Header);
            receive(&mut receiver);
        });
        let mut options = SendOptions::default();
        options.block_nbytes = BLOCK;
        options.timeout = timeout;
        let item = Item {
            name: "",
            array: &array,
        };
        send(&url, &[item], &options, &())
    })
}

/// END comes, and is answered.
fn acknowledge(receiver: &mut Receiver) {
    let end = receiver.next();
    assert_eq!(end.kind, Kind::End);
    let blocks = BLOCKS as u64;
    receiver.say(&Ack { blocks }.message(end.transfer));
}

#[test]
fn a_sender_goes_on_as_far_as_it_has_credit() {
    let sent = with_window(3 * MESSAGE + 10, |receiver| {
        receiver.data(3);
        receiver.silence();
        // A byte too little.
        receiver.say(&credit(1, MESSAGE - 11));
        receiver.silence();
        receiver.say(&credit(1, 1));
        receiver.data(1);
        receiver.silence();
        for _ in 0..5 {
            receiver.say(&credit(1, 3 * MESSAGE));
            receiver.data(3);
            receiver.silence();
        }
        receiver.say(&credit(1, 3 * MESSAGE));
        receiver.data(1);
        acknowledge(receiver);
    });
    assert!(sent.unwrap().acknowledged);
}

#[test]
fn a_window_smaller_than_a_message_lets_one_through_at_a_time() {
    let sent = with_window(0, |receiver| {
        for _ in 0..BLOCKS - 1 {
            receiver.data(1);
            receiver.silence();
            receiver.say(&credit(1, MESSAGE));
        }
        receiver.data(1);
        acknowledge(receiver);
    });
    assert!(sent.unwrap().acknowledged);
}

#[test]
fn credit_for_more_than_was_sent_ends_the_transfer() {
    for lie in [2 * MESSAGE + 1, u64::MAX] {
        let sent = with_window(2 * MESSAGE, |receiver| {
            receiver.data(2);
            receiver.silence();
            receiver.say(&credit(1, lie));
            receiver.silence();
        });
        let error = sent.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::WrongMessage { .. }),
            "{error}"
        );
    }
}

#[test]
fn without_credit_a_sender_gives_up_in_time() {
    one_of_three(|| {
        let started = Instant::now();
        let sent = with_patience(Duration::from_secs(2), 2 * MESSAGE, |receiver| {
            receiver.data(2);
            // Until it has hung up.
            let _ = receiver.0.read_to_end(&mut Vec::new());
        });
        let error = sent.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Outside(_)), "{error}");
        assert!(started.elapsed() < BUSY);
    });
}

#[test]
fn without_a_window_credit_means_nothing() {
    let sent = with_window(u64::MAX, |receiver| {
        receiver.say(&credit(1, u64::MAX));
        receiver.data(BLOCKS as u64);
        acknowledge(receiver);
    });
    assert!(sent.unwrap().acknowledged);
}
