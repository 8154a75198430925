//! Messages as real Pyros sent them, and messages that lie.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;

use bytes::Bytes;
use ndferry_pyro::{
    Annotations, Body, Call, Dialect, Encoding, ErrorKind, Flags, Head, Limits, Message,
    MessageKind, Serializer,
};

/// What Pyro4 and Pyro5 said when `adder.add(1, 2)` was called, with the serializer `json`.
const CAPTURED: &str = include_str!("messages.txt");

fn unhex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn captured() -> Vec<Bytes> {
    CAPTURED.lines().map(unhex).collect()
}

fn parse(bytes: &Bytes, key: Option<&[u8]>) -> ndferry_pyro::Result<Message> {
    let head = Head::parse(bytes)?;
    let rest = bytes.slice(head.dialect.head_nbytes()..);
    Message::parse(head, rest, key, &Limits::default())
}

/// The bytes of the hexdump of this name in the document.
fn shown(name: &str) -> Bytes {
    let document = include_str!("../../../docs/formats/pyro.md");
    let start = format!("```hexdump {name}\n");
    let after = document.split_once(&start).expect("a hexdump").1;
    let lines = after.lines().take_while(|line| *line != "```");
    lines
        .flat_map(|line| line[10..58].split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
fn the_document_shows_calls_as_we_make_them() {
    for (name, dialect, at) in [("pyro4", Dialect::Pyro4, 2), ("pyro5", Dialect::Pyro5, 6)] {
        assert_eq!(shown(name), captured()[at]);
        let call = Call {
            object: "adder".to_owned(),
            method: "add".to_owned(),
            args: vec![1.into(), 2.into()],
            kwargs: Vec::new(),
        };
        let body = Encoding::new(dialect, Serializer::Json)
            .call(&call)
            .unwrap();
        let mut head = head(dialect);
        head.serializer = Serializer::Json.id(dialect).unwrap();
        head.seq = 1;
        let start = Message::start(head, Annotations::new(), &body, None).unwrap();
        assert_eq!(shown(name), [&start[..], &body.to_bytes()].concat());
    }
}

#[test]
fn messages_of_real_pyros_are_read_and_written_again() {
    let kinds: Vec<MessageKind> = captured()
        .iter()
        .map(|bytes| {
            let message = parse(bytes, None).unwrap();
            let body = Body::from(message.data.clone());
            let mut again = Message::start(message.head, message.annotations, &body, None).unwrap();
            again.extend_from_slice(&message.data);
            assert_eq!(&again[..], &bytes[..]);
            message.head.kind
        })
        .collect();
    use MessageKind::{Connect, ConnectOk, Invoke, Result};
    let each = [Connect, ConnectOk, Invoke, Result];
    assert_eq!(kinds, [each, each].concat());
}

#[test]
fn a_message_cut_anywhere_is_truncated_and_a_changed_head_is_seen() {
    let mut seen = (0, 0);
    for bytes in captured() {
        for end in 0..bytes.len() {
            let error = parse(&bytes.slice(..end), None).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::Truncated { .. }),
                "{end}: {error}"
            );
            assert!(error.offset <= end as u64);
        }
        let nbytes = Head::parse(&bytes).unwrap().dialect.head_nbytes();
        for at in 0..nbytes {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x55;
            match parse(&changed.into(), None) {
                Ok(_) => seen.1 += 1,
                Err(_) => seen.0 += 1,
            }
        }
    }
    // Pyro5 has no sum in its heads: flags, number and correlation may be anything there.
    println!("{} changes seen, {} not", seen.0, seen.1);
    assert_eq!(seen.1, 4 * (1 + 2 + 2 + 16 + 2) + 4 * 2);
}

#[test]
fn annotations_that_lie_are_refused() {
    for dialect in [Dialect::Pyro4, Dialect::Pyro5] {
        let mut annotations = Annotations::new();
        annotations.set(*b"STRM", Bytes::from_static(b"id"));
        annotations.set(*b"XYZW", Bytes::new());
        let good = Bytes::from(annotations.to_bytes(dialect));
        assert_eq!(Annotations::parse(dialect, &good, 0).unwrap(), annotations);
        for end in 1..good.len() {
            let cut = Annotations::parse(dialect, &good.slice(..end), 100);
            let first = if dialect == Dialect::Pyro4 { 8 } else { 10 };
            assert_eq!(cut.is_err(), end != first, "{end}");
        }
        let mut odd = good.to_vec();
        odd[0] = 0xff;
        let error = Annotations::parse(dialect, &odd.into(), 24).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Annotation(_)));
        assert_eq!(error.offset, 24);
    }
}

fn head(dialect: Dialect) -> Head {
    Head {
        dialect,
        kind: MessageKind::Invoke,
        serializer: 4,
        flags: Flags::default(),
        seq: 7,
        data_nbytes: 0,
        annotations_nbytes: 0,
        correlation: [0; 16],
    }
}

fn packed(data: &[u8]) -> Bytes {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(data).unwrap();
    zlib.finish().unwrap().into()
}

#[test]
fn compressed_data_is_unpacked_up_to_the_limit() {
    let mut head = head(Dialect::Pyro5);
    head.flags.compressed = true;
    let body = packed(&vec![0; 1 << 20]);
    head.data_nbytes = body.len() as u32;
    let mut limits = Limits::default();
    let message = Message::parse(head, body.clone(), None, &limits).unwrap();
    assert_eq!(message.data.len(), 1 << 20);
    limits.unpacked_nbytes = (1 << 20) - 1;
    let error = Message::parse(head, body.clone(), None, &limits).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Limit { .. }));
    head.data_nbytes -= 1;
    let error = Message::parse(head, body.slice(1..), None, &limits).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Zlib));
}

#[test]
fn signatures_are_made_and_checked_as_pyro4_does() {
    // hmac.new(b"secret", b"data" + b"1" + b"2", hashlib.sha1), annotations AAAA and BBBB.
    let expected = unhex(include_str!("hmac.txt").trim());
    let mut annotations = Annotations::new();
    annotations.set(*b"BBBB", Bytes::from_static(b"2"));
    annotations.set(*b"AAAA", Bytes::from_static(b"1"));
    let data = Bytes::from_static(b"data");
    let body = Body::from(data.clone());
    let start = Message::start(head(Dialect::Pyro4), annotations, &body, Some(b"secret")).unwrap();
    let message = Bytes::from([&start[..], &data].concat());
    let parsed = parse(&message, Some(b"secret")).unwrap();
    assert_eq!(parsed.annotations.get(*b"HMAC"), Some(&expected));
    for key in [None, Some(&b"other"[..])] {
        let error = parse(&message, key).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Hmac(_)), "{error}");
    }
    let mut changed = message.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert!(parse(&changed.into(), Some(b"secret")).is_err());
    let unsigned = Message::start(head(Dialect::Pyro4), Annotations::new(), &body, None).unwrap();
    let unsigned = Bytes::from([&unsigned[..], &data].concat());
    assert!(parse(&unsigned, Some(b"secret")).is_err());
}

#[test]
fn lengths_that_a_dialect_cannot_say_are_refused() {
    let mut annotations = Annotations::new();
    annotations.set(*b"BIGG", vec![0; 1 << 16]);
    let body = Body::default();
    let error = Message::start(head(Dialect::Pyro4), annotations.clone(), &body, None).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Limit { .. }));
    assert!(Message::start(head(Dialect::Pyro5), annotations, &body, None).is_ok());
    // Pyro4's length is signed.
    let mut bytes = head(Dialect::Pyro4).to_bytes();
    bytes[12] = 0x80;
    assert!(matches!(
        Head::parse(&bytes).unwrap_err().kind,
        ErrorKind::Limit { .. }
    ));
}

#[test]
fn others_are_not_pyro() {
    for (bytes, magic) in [(&b"GET / HTTP/1.1\r\n"[..], true), (b"PYRO\0\x05", false)] {
        let error = Head::parse(bytes).unwrap_err();
        match error.kind {
            ErrorKind::Magic { found } => assert!(magic && found == *b"GET "),
            ErrorKind::Version { found } => assert!(!magic && found == 5),
            _ => panic!("{error}"),
        }
    }
}
