//! The messages shown in `docs/formats/npb.md` are those that the code makes.
//!
//! With `NDFERRY_BLESS=1` the document is rewritten instead.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write;

use ndferry_npb::{
    Ack, Auth, Block, Catalog, CatalogEntry, Codec, ElementKind, ElementType, End, Endian, Extent,
    Filter, Head, Hello, IndexPart, Kind, Limits, Manifest, Place, Refuse, RefuseCode, Resume,
    Root, Tail, credit, message, name, ping,
};

const DOCUMENT: &str = include_str!("../../../docs/formats/npb.md");
/// The answer to a challenge of 32 bytes of 1, with the token `correct horse`, a challenge of 32 bytes of 2, without TLS,
/// after the HELLO that the document shows from both sides with the flag PROVES; the library's tests compute it.
const AUTH: Auth = Auth::Answer {
    challenge: [2; 32],
    proof: [
        0x8f, 0xea, 0x90, 0x81, 0x02, 0xee, 0xba, 0x40, 0xa9, 0xaa, 0x71, 0x17, 0x18, 0xed, 0x12,
        0xf0, 0xf4, 0x6f, 0xc8, 0xeb, 0x37, 0xdb, 0xc3, 0x5a, 0x13, 0xb8, 0x9a, 0xd2, 0x04, 0x04,
        0x16, 0x8a,
    ],
};
const TRANSFER: u64 = 0x1122_3344_5566_7788;

/// A (3, 4) array of uint16 in tiles of two rows.
fn manifest() -> Manifest {
    Manifest {
        header_blocks: 2,
        data_blocks: Some(2),
        codec: Codec::Raw,
        filter: Filter::None,
        level: 0,
        element: ElementType {
            kind: ElementKind::Unsigned,
            endian: Endian::Little,
            width: 2,
            itemsize: 2,
        },
        shape: vec![3, 4],
        tile: vec![2, 4],
        growing: false,
        bytes: false,
        cataloged: false,
        live: false,
    }
}

fn data() -> Vec<u8> {
    let payload: Vec<u8> = (0..8u16).flat_map(u16::to_le_bytes).collect();
    let block = Block {
        number: 0,
        codec: Codec::Raw,
        filter: Filter::None,
        raw_nbytes: 16,
        payload: &payload,
    };
    [&block.head(TRANSFER)[..], &payload].concat()
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let attributes = br#"{"name": "cells"}"#;
    let extent = |offset, nbytes| Extent { offset, nbytes };
    let places = vec![
        Place {
            offset: 300,
            nbytes: 24,
        },
        Place {
            offset: 364,
            nbytes: 16,
        },
    ];
    let root = Root {
        manifest: manifest(),
        shape: vec![3, 4],
        headers: vec![b"(NPY header)".to_vec(), attributes.to_vec()],
        tiles: 2,
        parts: vec![extent(476, 80)],
    };
    let entry = CatalogEntry {
        name: "cells".into(),
        transfer: TRANSFER,
        manifest: 0,
        root: extent(556, 221),
    };
    vec![
        (
            "manifest",
            message(Kind::Manifest, TRANSFER, 0, &manifest().encode()),
        ),
        ("header", message(Kind::Header, TRANSFER, 1, attributes)),
        ("data", data()),
        (
            "end",
            End {
                blocks: 2,
                extent: 3,
            }
            .message(TRANSFER),
        ),
        (
            "index-part",
            IndexPart { first: 0, places }.message(TRANSFER),
        ),
        ("index-root", root.message(TRANSFER)),
        (
            "catalog",
            Catalog {
                entries: vec![entry],
            }
            .message(),
        ),
        (
            "tail",
            Tail {
                offset: 777,
                target: extent(556, 221),
                kind: Kind::Index,
            }
            .message(),
        ),
        (
            "hello",
            Hello::new(&[Codec::Raw, Codec::Deflate], &Limits::PEER).message(),
        ),
        ("auth", AUTH.message()),
        ("resume", Resume { held: vec![(0, 1)] }.message(TRANSFER)),
        ("credit", credit(TRANSFER, 1 << 20)),
        ("ack", Ack { blocks: 2 }.message(TRANSFER)),
        (
            "refuse",
            Refuse {
                code: RefuseCode::Storage,
                reason: "disk full".into(),
            }
            .message(TRANSFER),
        ),
        ("ping", ping()),
        ("name", name("cells.npy")),
    ]
}

/// As `hexdump -C` prints.
fn hexdump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (i, row) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = row
            .iter()
            .map(|byte| {
                if (32..127).contains(byte) {
                    char::from(*byte)
                } else {
                    '.'
                }
            })
            .collect();
        writeln!(out, "{:08x}  {:<47}  |{text}|", i * 16, hex.join(" ")).unwrap();
    }
    out
}

#[test]
fn the_document_shows_real_messages() {
    let mut document = DOCUMENT.to_owned();
    for (name, bytes) in messages() {
        assert!(
            Head::parse(&bytes).unwrap().check(&bytes[40..]).is_ok(),
            "{name}"
        );
        let fence = format!("```hexdump {name}\n");
        let start = document
            .find(&fence)
            .unwrap_or_else(|| panic!("no {fence}"))
            + fence.len();
        let end = start + document[start..].find("```").unwrap();
        document.replace_range(start..end, &hexdump(&bytes));
    }
    assert_eq!(document.matches("```hexdump").count(), messages().len());
    if std::env::var_os("NDFERRY_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/npb.md");
        std::fs::write(path, document).unwrap();
    } else {
        assert!(
            document == DOCUMENT,
            "docs/formats/npb.md shows other messages; see the top of this test"
        );
    }
}
