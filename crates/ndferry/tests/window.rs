//! No more bytes are under way than a receiver takes, whatever it says.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{Array, Dtype, ErrorKind, Item, LazyArray, Order, Result, SendOptions, Sent, send};
use ndferry_npb::{Ack, Codec, HEAD_NBYTES, Head, Hello, Kind, Limits, credit};

const BLOCK: usize = 1000;
const MESSAGE: u64 = (HEAD_NBYTES + 8 + BLOCK) as u64;
const BLOCKS: usize = 20;

/// The other end of a sender of twenty blocks, with this window.
struct Receiver(TcpStream);

impl Receiver {
    /// The next message; `None` if none comes for a time.
    fn next(&mut self) -> Option<Head> {
        let mut head = [0; HEAD_NBYTES];
        match self.0.read_exact(&mut head) {
            Err(error) if matches!(error.kind(), Io::WouldBlock | Io::UnexpectedEof) => {
                return None;
            }
            other => other.unwrap(),
        }
        let head = Head::parse(&head).unwrap();
        let mut body = vec![0; head.body_nbytes as usize];
        self.0.read_exact(&mut body).unwrap();
        match head.kind {
            Kind::Ping => self.next(),
            _ => Some(head),
        }
    }

    /// How many DATA messages come until there is silence, and the other message that came, if one did.
    fn data(&mut self) -> (u64, Option<Head>) {
        let mut count = 0;
        loop {
            match self.next() {
                Some(head) if head.kind == Kind::Data => count += 1,
                other => return (count, other),
            }
        }
    }

    fn say(&mut self, message: &[u8]) {
        self.0.write_all(message).unwrap();
    }
}

fn with_window(window: u64, receive: impl FnOnce(&mut Receiver) + Send) -> Result<Sent> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let bytes = vec![7; BLOCK * BLOCKS];
    let dtype = Dtype::parse("u1").unwrap();
    let array = Array::contiguous(dtype, &[BLOCK * BLOCKS], Order::C, bytes).unwrap();
    let array = LazyArray::from(array);
    thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let wait = Some(Duration::from_millis(300));
            stream.set_read_timeout(wait).unwrap();
            let mut receiver = Receiver(stream);
            assert_eq!(receiver.next().unwrap().kind, Kind::Hello);
            let hello = Hello {
                window,
                ..Hello::new(&[Codec::Raw], &Limits::PEER)
            };
            receiver.say(&hello.message());
            assert_eq!(receiver.next().unwrap().kind, Kind::Manifest);
            assert_eq!(receiver.next().unwrap().kind, Kind::Header);
            receive(&mut receiver);
        });
        let mut options = SendOptions::default();
        options.block_nbytes = BLOCK;
        options.timeout = Duration::from_secs(2);
        let item = Item {
            name: "",
            array: &array,
        };
        send(&url, &[item], &options, &())
    })
}

fn acknowledge(receiver: &mut Receiver, transfer: u64) {
    let blocks = BLOCKS as u64;
    receiver.say(&Ack { blocks }.message(transfer));
}

#[test]
fn a_sender_goes_on_as_far_as_it_has_credit() {
    let sent = with_window(3 * MESSAGE + 10, |receiver| {
        assert_eq!(receiver.data(), (3, None));
        receiver.say(&credit(1, MESSAGE - 11));
        assert_eq!(receiver.data(), (0, None), "a byte too little");
        receiver.say(&credit(1, 1));
        assert_eq!(receiver.data(), (1, None));
        receiver.say(&credit(1, 3 * MESSAGE));
        assert_eq!(receiver.data(), (3, None));
        for _ in 0..4 {
            receiver.say(&credit(1, 3 * MESSAGE));
            let (count, end) = receiver.data();
            assert!(count == 3 || end.is_some());
        }
        receiver.say(&credit(1, 3 * MESSAGE));
        let (count, end) = receiver.data();
        assert_eq!((count, end.as_ref().unwrap().kind), (1, Kind::End));
        acknowledge(receiver, end.unwrap().transfer);
    });
    assert!(sent.unwrap().acknowledged);
}

#[test]
fn a_window_smaller_than_a_message_lets_one_through_at_a_time() {
    let sent = with_window(0, |receiver| {
        for _ in 0..BLOCKS - 1 {
            assert_eq!(receiver.data(), (1, None));
            receiver.say(&credit(1, MESSAGE));
        }
        let (count, end) = receiver.data();
        assert_eq!((count, end.as_ref().unwrap().kind), (1, Kind::End));
        acknowledge(receiver, end.unwrap().transfer);
    });
    assert!(sent.unwrap().acknowledged);
}

#[test]
fn credit_for_more_than_was_sent_ends_the_transfer() {
    for lie in [2 * MESSAGE + 1, u64::MAX] {
        let sent = with_window(2 * MESSAGE, |receiver| {
            assert_eq!(receiver.data(), (2, None));
            receiver.say(&credit(1, lie));
            assert_eq!(receiver.data(), (0, None));
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
    let started = Instant::now();
    let sent = with_window(2 * MESSAGE, |receiver| {
        assert_eq!(receiver.data(), (2, None));
        thread::sleep(Duration::from_secs(4));
    });
    let error = sent.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Outside(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[test]
fn without_a_window_credit_means_nothing() {
    let sent = with_window(u64::MAX, |receiver| {
        receiver.say(&credit(1, u64::MAX));
        let (count, end) = receiver.data();
        assert_eq!(count, BLOCKS as u64);
        acknowledge(receiver, end.unwrap().transfer);
    });
    assert!(sent.unwrap().acknowledged);
}
