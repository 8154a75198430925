//! Memory that is offered with a call: taken, declined, misused, and left by a peer that dies.
#![cfg(all(feature = "imagej", feature = "shm", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use ndferry::{
    Answer, Array, FrameOptions, Item, LazyArray, Peer, PeerOptions, Result, from_frames, to_frames,
};
use ndferry_npb::{Ack, Codec, HEAD_NBYTES, Head, Hello, Kind, Limits, message};
use serde_json::Value;

const CALL: Kind = Kind::Skippable(160);
const ANSWER: Kind = Kind::Skippable(161);
const LENT: Kind = Kind::Skippable(162);
const RETURNED: Kind = Kind::Skippable(163);

const PATIENCE: Duration = Duration::from_secs(20);

/// The other side, as ImageJ's plugin is.
struct Other {
    stream: TcpStream,
    memory: Option<File>,
    taken: u64,
}

impl Other {
    fn say(&mut self, message: &[u8]) {
        // The one that is tested may have given up.
        let _ = self.stream.write_all(message);
    }

    fn hear(&mut self) -> Option<(Head, Vec<u8>)> {
        let mut bytes = vec![0; HEAD_NBYTES];
        self.stream.read_exact(&mut bytes).ok()?;
        let head = Head::parse(&bytes).unwrap();
        bytes.resize(HEAD_NBYTES + head.body_nbytes as usize, 0);
        self.stream.read_exact(&mut bytes[HEAD_NBYTES..]).ok()?;
        Some((head, bytes))
    }

    fn answer(&mut self, number: u64, json: &str) {
        self.say(&message(ANSWER, 0, number, json.as_bytes()));
    }

    /// The next call, whose memory is opened if it offers one that is what it says.
    fn call(&mut self) -> (u64, Value) {
        loop {
            let (head, bytes) = self.hear().unwrap();
            if head.kind != CALL {
                continue;
            }
            let call: Value = serde_json::from_slice(&bytes[HEAD_NBYTES..]).unwrap();
            if let Some(offer) = call.get("share") {
                let path = offer["path"].as_str().unwrap();
                let file = OpenOptions::new().read(true).write(true).open(path);
                let file = file.unwrap();
                assert_eq!(file.metadata().unwrap().len(), offer["nbytes"]);
                let mut proof = [0; 32];
                file.read_exact_at(&mut proof, 0).unwrap();
                let proof: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(offer["proof"], proof);
                self.memory = Some(file);
            }
            return (head.sequence, call);
        }
    }

    /// A whole transfer; gives its array, and how many of its messages lay in the memory.
    fn take(&mut self) -> (Array, u64) {
        let mut frames: Vec<bytes::Bytes> = Vec::new();
        let (mut lent, mut blocks) = (0, 0);
        loop {
            let (head, mut bytes) = self.hear().unwrap();
            match head.kind {
                LENT => {
                    let number = |at| u64::from_le_bytes(*bytes[at..].first_chunk().unwrap());
                    let (offset, nbytes) = (number(HEAD_NBYTES), number(HEAD_NBYTES + 8));
                    bytes.resize(nbytes as usize, 0);
                    let memory = self.memory.as_ref().unwrap();
                    memory.read_exact_at(&mut bytes, offset).unwrap();
                    let inside = Head::parse(&bytes).unwrap();
                    assert_eq!((inside.kind, inside.body_crc), (Kind::Data, 0));
                    // Frames are checked where they are put together.
                    let body = &bytes[HEAD_NBYTES..];
                    let (transfer, number) = (inside.transfer, inside.sequence);
                    frames.push(message(Kind::Data, transfer, number, body).into());
                    (lent, blocks) = (lent + 1, blocks + 1);
                    self.taken += 1;
                    self.say(&message(RETURNED, 0, self.taken, &[]));
                }
                Kind::Manifest | Kind::Header | Kind::Data | Kind::End => {
                    blocks += u64::from(head.kind == Kind::Data);
                    frames.push(bytes.into());
                    if head.kind == Kind::End {
                        self.say(&Ack { blocks }.message(head.transfer));
                        return (from_frames(&frames).unwrap(), lent);
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends an array with its blocks in the memory, one after the other in two places.
    fn give(&mut self, array: &LazyArray) {
        let mut options = FrameOptions::default();
        options.block_nbytes = Some(100_000);
        let frames = to_frames(array, &options).unwrap().concat();
        let mut rest = &frames[..];
        let (mut lent, mut returned) = (0_u64, 0);
        while !rest.is_empty() {
            let head = Head::parse(rest).unwrap();
            let (one, more) = rest.split_at(head.message_nbytes() as usize);
            rest = more;
            if head.kind != Kind::Data {
                self.say(one);
                continue;
            }
            while lent - returned == 2 {
                let (head, _) = self.hear().unwrap();
                if head.kind == RETURNED {
                    returned = head.sequence;
                }
            }
            let offset = lent % 2 * 200_000;
            self.memory
                .as_ref()
                .unwrap()
                .write_all_at(one, offset)
                .unwrap();
            self.lend(offset, one.len() as u64);
            lent += 1;
        }
        while self.hear().unwrap().0.kind != Kind::Ack {}
    }

    fn lend(&mut self, offset: u64, nbytes: u64) {
        let body = [offset.to_le_bytes(), nbytes.to_le_bytes()].concat();
        self.say(&message(LENT, 0, 0, &body));
    }
}

/// A peer of one that does `work`.
fn with<T: Send + 'static>(
    shares_memory: bool,
    work: impl FnOnce(Other) -> T + Send + 'static,
) -> (Peer, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let working = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (memory, taken) = (None, 0);
        let mut other = Other {
            stream,
            memory,
            taken,
        };
        assert_eq!(other.hear().unwrap().0.kind, Kind::Hello);
        let hello = Hello::new(&[Codec::Raw], &Limits::PEER);
        other.say(&hello.message());
        work(other)
    });
    let mut options = PeerOptions::default();
    options.timeout = PATIENCE;
    options.shares_memory = shares_memory;
    (Peer::connect(&url, options).unwrap(), working)
}

/// Neighbours differ, and so do blocks.
fn array(count: u32) -> LazyArray {
    let elements: Vec<u32> = (0..count).map(|i| i.wrapping_mul(2_654_435_761)).collect();
    Array::from_elements(&[count as usize], &elements)
        .unwrap()
        .into()
}

fn bytes_of(array: &LazyArray) -> Vec<u8> {
    array.in_memory().unwrap().bytes().to_vec()
}

fn show(peer: &mut Peer, array: &LazyArray) -> Result<Answer> {
    let item = Item { name: "", array };
    peer.ask(
        "{\"call\": \"show\", \"sum\": 0.30000000000000004}",
        &[item],
        PATIENCE,
        &(),
    )
}

#[test]
fn blocks_lie_in_the_memory_that_the_other_side_took_and_more_than_once_round() {
    let sent = array(5_000_000);
    let expected = bytes_of(&sent);
    let (mut peer, working) = with(true, |mut other| {
        let (number, call) = other.call();
        assert_eq!(
            (&call["call"], &call["sum"]),
            (&"show".into(), &0.300_000_000_000_000_04.into())
        );
        other.answer(number, "{\"go\": true, \"shared\": true}");
        let first = other.take();
        other.answer(number, "{\"image\": 1}");
        // What both have needs no new offer.
        let (number, call) = other.call();
        assert!(call.get("share").is_none());
        other.answer(number, "{\"go\": true}");
        let second = other.take();
        other.answer(number, "{}");
        (first, second)
    });
    assert!(!peer.shares_memory());
    assert_eq!(show(&mut peer, &sent).unwrap().text, "{\"image\": 1}");
    assert!(peer.shares_memory());
    show(&mut peer, &sent).unwrap();
    let (first, second) = working.join().unwrap();
    for (arrived, lent) in [first, second] {
        assert!(arrived.bytes()[..] == expected[..]);
        assert!(lent >= 19, "{lent} of 20 blocks");
    }
}

#[test]
fn an_array_comes_back_through_the_same_memory() {
    let (mut peer, working) = with(true, |mut other| {
        let (number, call) = other.call();
        assert_eq!(call["call"], "pull");
        other.answer(number, "{\"arrays\": true, \"shared\": true}");
        other.give(&array(700_001));
    });
    let answer = peer.ask("{\"call\":\"pull\"}", &[], PATIENCE, &()).unwrap();
    let arrived = answer.arrays[0].array.clone().unwrap();
    assert!(arrived.bytes()[..] == bytes_of(&array(700_001))[..]);
    working.join().unwrap();
}

#[test]
fn who_declines_gets_it_through_the_connection_and_small_arrays_are_not_worth_an_offer() {
    for (count, shares, offered) in [
        (800_000, true, true),
        (800_000, false, false),
        (1000, true, false),
    ] {
        let sent = array(count);
        let expected = bytes_of(&sent);
        let (mut peer, working) = with(shares, move |mut other| {
            let (number, call) = other.call();
            other.answer(number, "{\"go\": true}");
            let (arrived, lent) = other.take();
            other.answer(number, "{}");
            assert!(arrived.bytes()[..] == expected[..]);
            (lent, call.get("share").is_some())
        });
        show(&mut peer, &sent).unwrap();
        assert!(!peer.shares_memory());
        assert_eq!(working.join().unwrap(), (0, offered));
    }
}

#[test]
fn what_makes_no_sense_about_the_memory_is_an_error_in_time() {
    let end = u64::MAX;
    for (offset, nbytes) in [
        (0, 10),
        (0, 1 << 40),
        (end, 100),
        (end - 50, 100),
        (8 << 20, 1 << 20),
        (0, end),
    ] {
        let (mut peer, working) = with(true, move |mut other| {
            let (number, _) = other.call();
            other.answer(number, "{\"arrays\": true, \"shared\": true}");
            other.lend(offset, nbytes);
            while other.hear().is_some() {}
        });
        let error = peer
            .ask("{\"call\":\"pull\"}", &[], PATIENCE, &())
            .unwrap_err();
        assert!(error.to_string().contains("shared memory"), "{error}");
        drop(peer);
        working.join().unwrap();
    }
    // Memory that was never offered, or not agreed on; a message that is none, or no DATA; more returned than lent.
    type Nonsense = (&'static str, fn(&mut Other));
    let all: [Nonsense; 5] = [
        ("{\"arrays\": true}", |other| other.lend(0, 100)),
        ("{\"arrays\": true, \"shared\": true}", |other| {
            other.lend(0, 100)
        }),
        ("{\"arrays\": true, \"shared\": true}", |other| {
            let ping = ndferry_npb::ping();
            other
                .memory
                .as_ref()
                .unwrap()
                .write_all_at(&ping, 0)
                .unwrap();
            other.lend(0, ping.len() as u64);
        }),
        ("{\"arrays\": true, \"shared\": true}", |other| {
            other.say(&message(RETURNED, 0, 1, &[]));
        }),
        ("{\"arrays\": true, \"shared\": true}", |other| {
            other.say(&message(LENT, 0, 0, &[1; 15]));
        }),
    ];
    for (answer, nonsense) in all {
        let (mut peer, working) = with(true, move |mut other| {
            let (number, _) = other.call();
            other.answer(number, answer);
            nonsense(&mut other);
            while other.hear().is_some() {}
        });
        let error = peer
            .ask("{\"call\":\"pull\"}", &[], PATIENCE, &())
            .unwrap_err();
        assert!(error.to_string().contains("shared memory"), "{error}");
        drop(peer);
        working.join().unwrap();
    }
    let (mut peer, working) = with(false, |mut other| {
        let (number, _) = other.call();
        other.answer(number, "{\"go\": true, \"shared\": true}");
    });
    assert!(show(&mut peer, &array(1000)).is_err());
    working.join().unwrap();
}

#[test]
fn a_peer_that_dies_or_refuses_with_messages_in_the_memory_hangs_nobody() {
    for refuses in [false, true] {
        let (mut peer, working) = with(true, move |mut other| {
            let (number, _) = other.call();
            other.answer(number, "{\"go\": true, \"shared\": true}");
            while other.hear().unwrap().0.kind != LENT {}
            if refuses {
                let refuse = ndferry_npb::Refuse {
                    code: ndferry_npb::RefuseCode::Storage,
                    reason: "no room".to_owned(),
                };
                other.say(&refuse.message(0));
                while other.hear().is_some() {}
            }
        });
        let error = show(&mut peer, &array(5_000_000)).unwrap_err();
        assert_eq!(error.to_string().contains("no room"), refuses, "{error}");
        drop(peer);
        working.join().unwrap();
    }
}
