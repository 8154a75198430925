//! How much memory it takes to find out that a peer lies: measured, in a process that does nothing else.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use ndferry_io::{current_memory, peak_memory};
use ndferry_pyro::{
    Decoding, Dialect, Encoding, ErrorKind, Flags, Head, Limits, Message, MessageKind, Serializer,
    Value,
};

const MIB: u64 = 1 << 20;

/// What lengths that lie may cost.
const OF_LIES: u64 = 16 * MIB;

/// What 4 million values take, which is the most that a message may have, and room for a vector that grows.
const OF_BOMBS: u64 = 512 * MIB;

/// How much more memory was used at some time during this than before it.
fn cost(work: impl FnOnce()) -> u64 {
    // Forgets the most so far (`man 5 proc`, clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = current_memory().unwrap();
    work();
    peak_memory().unwrap().saturating_sub(before)
}

fn told(serializer: Serializer, data: &[u8]) -> Option<ErrorKind> {
    let decoding = Decoding::new(serializer, Limits::default());
    let data = Bytes::copy_from_slice(data);
    decoding.value(&data).err().map(|error| error.kind)
}

/// Bodies of a few bytes that claim to be of gigabytes.
fn lies() -> Vec<(Serializer, Vec<u8>)> {
    use Serializer::{Json, Marshal, Msgpack, Pickle, Serpent};
    let long = |start: &[u8], n: &[u8]| [start, n, b"abc"].concat();
    let mut lies = Vec::new();
    for opcode in [b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"] {
        lies.push((Msgpack, long(opcode, b"\xff\xff\xff\xff")));
        lies.push((Msgpack, long(opcode, b"\x3f\xff\xff\xff")));
    }
    for opcode in [
        b"[", b"(", b"<", b">", b"s", b"u", b"t", b"a", b"l", b"r", b"R",
    ] {
        lies.push((Marshal, long(opcode, b"\xff\xff\xff\x7f")));
        lies.push((Marshal, long(opcode, b"\0\0\0\x80")));
    }
    for (opcode, n) in [
        (&b"\x80\x05\x96"[..], &b"\0\0\0\0\x01\0\0\0"[..]),
        (b"\x80\x05\x8e", b"\0\0\0\0\x01\0\0\0"),
        (b"\x80\x04\x8d", b"\xff\xff\xff\xff\xff\xff\xff\x7f"),
        (b"\x80\x02X", b"\xff\xff\xff\x7f"),
        (b"\x80\x02T", b"\xff\xff\xff\x7f"),
        (b"\x80\x02\x8b", b"\xff\xff\xff\x7f"),
        (b"\x80\x03r", b"\xff\xff\xff\x7f"),
    ] {
        lies.push((Pickle, long(opcode, n)));
    }
    lies.push((Serpent, b"1e99999999999999999999[".to_vec()));
    lies.push((Json, b"[1e999999999999999999999".to_vec()));
    lies
}

/// Bodies that are more than they look like.
fn bombs() -> Vec<(&'static str, Serializer, Vec<u8>)> {
    use Serializer::{Json, Marshal, Msgpack, Pickle, Serpent};
    let mut bombs: Vec<(&str, Serializer, Vec<u8>)> = Vec::new();
    let n = 2_000_000;
    bombs.push(("lists in lists", Msgpack, vec![0x91; n]));
    bombs.push(("lists in lists", Marshal, b"[\x01\0\0\0".repeat(n)));
    bombs.push(("lists in lists", Json, b"[".repeat(n)));
    bombs.push(("tuples in tuples", Serpent, b"(".repeat(n)));
    bombs.push(("lists in lists", Pickle, b"]".repeat(n)));
    let many = 5_000_000u32;
    let values = [
        &b"\xdd"[..],
        &many.to_be_bytes(),
        &vec![0xc0; many as usize],
    ]
    .concat();
    bombs.push(("5 million values", Msgpack, values));
    let values = [&b"["[..], &many.to_le_bytes(), &vec![b'N'; many as usize]].concat();
    bombs.push(("5 million values", Marshal, values));
    bombs.push((
        "5 million values",
        Json,
        [b"[", &b"1,".repeat(many as usize)[..]].concat(),
    ));
    bombs.push((
        "5 million values",
        Serpent,
        [b"[", &b"1,".repeat(many as usize)[..]].concat(),
    ));
    // Each list holds the one before twice.
    let mut marshal = b"[\x1e\0\0\0\xdb\x01\0\0\0N".to_vec();
    let mut pickle = b"\x80\x02(]q\0".to_vec();
    for k in 0..29u8 {
        marshal.extend(b"\xdb\x02\0\0\0");
        marshal.extend([b'r', k, 0, 0, 0, b'r', k, 0, 0, 0]);
        pickle.extend([b']', b'q', k + 1, b'(', b'h', k, b'h', k, b'e']);
    }
    pickle.extend(b"l.");
    bombs.push(("each twice the one before", Marshal, marshal));
    bombs.push(("each twice the one before", Pickle, pickle));
    // A text of a mebibyte, a million times.
    let text = [
        &b"\xf5"[..],
        &(1u32 << 20).to_le_bytes(),
        &vec![b'a'; 1 << 20],
    ]
    .concat();
    let again = b"r\x01\0\0\0".repeat(1_000_000);
    let marshal = [&b"\xdb"[..], &1_000_001u32.to_le_bytes(), &text, &again].concat();
    bombs.push(("a text a million times", Marshal, marshal));
    bombs.push(("digits", Json, vec![b'9'; 4 << 20]));
    bombs.push(("digits", Serpent, vec![b'9'; 4 << 20]));
    bombs
}

// One test, for the memory is that of the process.
#[test]
fn what_lies_and_bombs_cost_is_bounded() {
    lengths_that_lie();
    bodies_that_are_more_than_they_look_like();
    data_that_unpacks_to_more_than_the_limit();
    messages_that_are_what_they_say();
}

fn lengths_that_lie() {
    let all = lies();
    let mut most = 0;
    for (serializer, lie) in &all {
        let spent = cost(|| assert!(told(*serializer, lie).is_some(), "{serializer}: {lie:?}"));
        assert!(spent < OF_LIES, "{serializer}: {lie:?}: {spent}");
        most = most.max(spent);
    }
    println!(
        "{} lengths that lie: at most {} KiB each",
        all.len(),
        most >> 10
    );
}

fn bodies_that_are_more_than_they_look_like() {
    for (what, serializer, bomb) in bombs() {
        let mut said = String::new();
        let spent = cost(|| {
            let kind = told(serializer, &bomb);
            let kind = kind.unwrap_or_else(|| panic!("{what}, {serializer}"));
            said = kind.to_string();
        });
        println!(
            "{what}, {serializer}, {} KiB: {} MiB: {said}",
            bomb.len() >> 10,
            spent / MIB
        );
        assert!(spent < OF_BOMBS, "{what}, {serializer}: {spent}");
    }
}

fn data_that_unpacks_to_more_than_the_limit() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..512 {
        zlib.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let packed = Bytes::from(zlib.finish().unwrap());
    assert!(packed.len() < 1 << 20);
    let mut limits = Limits::default();
    limits.unpacked_nbytes = 16 * MIB;
    for dialect in [Dialect::Pyro4, Dialect::Pyro5] {
        let flags = Flags {
            compressed: true,
            ..Flags::default()
        };
        let head = Head {
            dialect,
            kind: MessageKind::Result,
            serializer: 1,
            flags,
            seq: 1,
            data_nbytes: packed.len() as u32,
            annotations_nbytes: 0,
            correlation: [0; 16],
        };
        let spent = cost(|| {
            let error = Message::parse(head, packed.clone(), None, &limits).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{error}");
        });
        println!(
            "512 MiB in {} KiB, of which 16 MiB are allowed: {} MiB",
            packed.len() >> 10,
            spent / MIB
        );
        assert!(spent < 64 * MIB, "{spent}");
    }
}

/// What is not read while it comes, of each serializer, as it is and packed: as it came, unpacked, perhaps as text, and as a value.
fn messages_that_are_what_they_say() {
    use Serializer::{Json, Marshal, Msgpack, Pickle, Serpent};
    let mut state = 1u64;
    // Which zlib cannot make much shorter.
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(24 << 20)
    .collect();
    let bytes = Bytes::from(bytes);
    for (serializer, value) in [
        (Msgpack, Value::Bytes(bytes.clone())),
        (Marshal, Value::Bytes(bytes.clone())),
        (Serpent, Value::Bytes(bytes.clone())),
        (Pickle, Value::Bytes(bytes.clone())),
        (Json, Value::from("spelt out ".repeat(2 << 20))),
    ] {
        let encoding = Encoding::new(Dialect::Pyro4, serializer);
        let plain = encoding.value(&value).unwrap().to_bytes();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let packed = Bytes::from(zlib.finish().unwrap());
        for (compressed, data) in [(false, &plain), (true, &packed)] {
            let head = Head {
                dialect: Dialect::Pyro4,
                kind: MessageKind::Result,
                serializer: serializer.id(Dialect::Pyro4).unwrap(),
                flags: Flags {
                    compressed,
                    ..Flags::default()
                },
                seq: 1,
                data_nbytes: data.len() as u32,
                annotations_nbytes: 0,
                correlation: [0; 16],
            };
            let limits = Limits::default();
            // The message as it comes is a part of it.
            let spent = cost(|| {
                let rest = Bytes::from(data.to_vec());
                let message = Message::parse(head, rest, None, &limits).unwrap();
                let decoding = Decoding::new(serializer, limits);
                let found = decoding.value(&message.data).unwrap();
                assert!(same(&found, &value), "{serializer}");
            });
            let most = 4 * plain.len() as u64;
            println!(
                "{} MiB of {serializer}, {} MiB on the wire: {} MiB",
                plain.len() >> 20,
                data.len() >> 20,
                spent / MIB
            );
            assert!(
                spent < most,
                "{serializer}, {compressed}: {spent} of {most}"
            );
        }
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Bytes(one), Value::Bytes(other)) => one == other,
        (one, other) => one.as_str().is_some() && one.as_str() == other.as_str(),
    }
}
