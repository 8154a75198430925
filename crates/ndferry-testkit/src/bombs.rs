//! Small files that ask for much: memory, time, or a place outside their folder.

use ndferry_array::{Dtype, Order};
use ndferry_npb::{Codec, ElementType, Filter, Kind, Manifest};
use ndferry_npy::Header;

/// A hostile file.
#[derive(Clone, Debug)]
pub struct Bomb {
    /// What it does, with the extension of what it pretends to be.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it must be refused. What is not must cost nothing all the same.
    pub refused: bool,
}

/// All of them.
///
/// # Panics
/// A writer fails, which is a bug in it.
pub fn bombs() -> Vec<Bomb> {
    let mut bombs = npy_bombs();
    bombs.extend(npz_bombs());
    bombs.extend(npb_bombs());
    bombs.extend(pickle_bombs());
    bombs
}

fn refused(name: &'static str, bytes: Vec<u8>) -> Bomb {
    let refused = true;
    Bomb {
        name,
        bytes,
        refused,
    }
}

fn harmless(name: &'static str, bytes: Vec<u8>) -> Bomb {
    let refused = false;
    Bomb {
        name,
        bytes,
        refused,
    }
}

/// An NPY 2.0 file with this header, and 64 bytes of data.
fn npy(header: &str) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x02\x00".to_vec();
    file.extend((header.len() as u32 + 1).to_le_bytes());
    file.extend(header.bytes());
    file.push(b'\n');
    file.extend([0; 64]);
    file
}

fn npy_bombs() -> Vec<Bomb> {
    let shaped = |descr: &str, shape: &str| {
        npy(&format!(
            "{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
        ))
    };
    let mut endless = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    endless.extend([b' '; 64]);
    let nested = |open: &str, close: &str, n: usize| {
        let descr = format!("{}'<f8'{}", open.repeat(n), close.repeat(n));
        shaped(&descr, "(1,)")
    };
    vec![
        refused("2-to-60.npy", shaped("'<f8'", "(1152921504606846976,)")),
        refused(
            "overflow.npy",
            shaped("'<f8'", "(4294967296, 4294967296, 4294967297)"),
        ),
        refused(
            "zero-overflow.npy",
            shaped("'<f8'", "(0, 9223372036854775807, 9223372036854775807)"),
        ),
        refused("negative.npy", shaped("'<f8'", "(-8,)")),
        refused(
            "long-number.npy",
            shaped("'<f8'", &format!("({},)", "9".repeat(100_000))),
        ),
        refused(
            "many-axes.npy",
            shaped("'<f8'", &format!("({})", "1,".repeat(100_000))),
        ),
        refused("wide.npy", shaped("'<U2147483647'", "(1073741824,)")),
        refused("header-of-4-GiB.npy", endless),
        refused("brackets.npy", nested("[", "]", 100_000)),
        refused("parentheses.npy", nested("(", ")", 100_000)),
        refused("records.npy", nested("[('a', ", ")]", 10_000)),
        refused("subarrays.npy", nested("(", ", (65536,))", 200)),
        harmless(
            "nothing-often.npy",
            shaped("'|V0'", "(1099511627776, 1048576)"),
        ),
    ]
}

/// One file in an archive: its name, method, packed bytes, and what the directory says.
struct Entry {
    name: &'static str,
    method: u16,
    packed: Vec<u8>,
    /// Unpacked bytes, as the directory and the local header say.
    nbytes: u32,
    /// Where the local header is, if not where it is.
    offset: Option<u32>,
}

impl Entry {
    fn stored(name: &'static str, packed: Vec<u8>) -> Self {
        let nbytes = packed.len() as u32;
        Self {
            name,
            method: 0,
            packed,
            nbytes,
            offset: None,
        }
    }
}

/// A ZIP by hand. `claimed` is how many members its end says that there are.
fn zip(entries: &[Entry], claimed: u16) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(file.len() as u32);
        let mut common = 20u16.to_le_bytes().to_vec();
        common.extend([0; 2]);
        common.extend(entry.method.to_le_bytes());
        common.extend([0, 0, 0x21, 0]);
        // Nobody gets as far as the checksum.
        common.extend([0; 4]);
        common.extend((entry.packed.len() as u32).to_le_bytes());
        common.extend(entry.nbytes.to_le_bytes());
        common.extend((entry.name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        if entry.offset.is_none() {
            file.extend(b"PK\x03\x04");
            file.extend(&common);
            file.extend(entry.name.bytes());
            file.extend(&entry.packed);
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.bytes());
    }
    let (start, nbytes) = (file.len() as u32, directory.len() as u32);
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(claimed.to_le_bytes());
    file.extend(claimed.to_le_bytes());
    file.extend(nbytes.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    file
}

fn npz_bombs() -> Vec<Bomb> {
    let member = || npy("{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }");
    let same = |name, offset| Entry {
        offset,
        ..Entry::stored(name, member())
    };
    let lies = |nbytes| Entry {
        method: 8,
        nbytes,
        ..Entry::stored("a.npy", vec![0x4b; 200])
    };
    let overlapping: Vec<Entry> = std::iter::once(same("a.npy", None))
        .chain((0..1000).map(|_| same("a.npy", Some(0))))
        .collect();
    let inside = [
        same("a.npy", None),
        Entry {
            offset: Some(40),
            ..Entry::stored("b.npy", vec![0; 100])
        },
    ];
    vec![
        refused("ratio.npz", zip(&[lies(u32::MAX - 1)], 1)),
        refused("overlapping.npz", zip(&overlapping, 1001)),
        refused("inside.npz", zip(&inside, 2)),
        refused("directory.npz", zip(&[same("a.npy", None)], 65_534)),
        refused("thousandfold.npz", zip(&[thousandfold()], 1)),
        refused("escaping.npz", zip(&[same("../../escaped.npy", None)], 1)),
        refused("absolute.npz", zip(&[same("/tmp/escaped.npy", None)], 1)),
    ]
}

/// An array of eight numbers, and 64 MiB of zeros behind it, packed a thousandfold.
fn thousandfold() -> Entry {
    let array = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }");
    let nbytes = array.len() + (64 << 20);
    let mut unpacked = std::io::Read::chain(
        &array[..],
        std::io::Read::take(std::io::repeat(0), 64 << 20),
    );
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut unpacked, &mut packer).expect("memory does not fail");
    Entry {
        method: 8,
        nbytes: nbytes as u32,
        ..Entry::stored("a.npy", packer.finish().expect("memory does not fail"))
    }
}

fn npb_bombs() -> Vec<Bomb> {
    let claims = |shape: &[usize], tile: u64| {
        let header = Header::new(Dtype::U8, shape, Order::C);
        let manifest = Manifest {
            header_blocks: 1,
            data_blocks: None,
            codec: Codec::Raw,
            filter: Filter::None,
            level: 0,
            element: ElementType {
                itemsize: 1,
                width: 1,
                kind: ndferry_npb::ElementKind::Unsigned,
                endian: ndferry_npb::Endian::Little,
            },
            shape: shape.iter().map(|extent| *extent as u64).collect(),
            tile: vec![tile],
            growing: false,
            bytes: false,
            cataloged: false,
            live: false,
        };
        let mut file = ndferry_npb::message(Kind::Manifest, 9, 0, &manifest.encode());
        let header = header.to_bytes().expect("a small header");
        file.extend(ndferry_npb::message(Kind::Header, 9, 0, &header));
        file
    };
    let mut body = b"\x93NPB\r\n\x1a\n".to_vec();
    body.extend([0xff; 56]);
    vec![
        refused("2-to-40.npb", claims(&[1 << 40], 1 << 20)),
        refused("2-to-60.npb", claims(&[1 << 60], 1 << 28)),
        refused("tiles.npb", claims(&[1 << 60], 1)),
        refused("all-ones.npb", body),
    ]
}

fn pickle_bombs() -> Vec<Bomb> {
    let list = |opcodes: &[u8]| [b"\x80\x04", opcodes, b"."].concat();
    // x = [x, x]: forty times over, so 2^40 paths lead to the innermost list.
    let mut laughs = b"\x80\x04]\x94".to_vec();
    for i in 0..40 {
        laughs.extend([b'0', b'h', i, b'h', i, 0x86, 0x94]);
    }
    laughs.push(b'.');
    let claims = |opcode: u8, nbytes: &[u8]| list(&[&[opcode], nbytes].concat());
    let deep = [
        b"\x80\x04".to_vec(),
        vec![b']'; 200_000],
        vec![b'a'; 199_999],
        b".".to_vec(),
    ];
    vec![
        harmless("deep.pkl", deep.concat()),
        refused("marks.pkl", list(&vec![b'('; 1_000_000])),
        harmless("laughs.pkl", laughs),
        refused(
            "bytes-of-2-to-60.pkl",
            claims(0x8e, &(1u64 << 60).to_le_bytes()),
        ),
        refused(
            "text-of-2-to-60.pkl",
            claims(0x8d, &(1u64 << 60).to_le_bytes()),
        ),
        refused(
            "bytearray-of-2-to-60.pkl",
            claims(0x96, &(1u64 << 60).to_le_bytes()),
        ),
        refused(
            "integer-of-2-GiB.pkl",
            claims(0x8b, &(i32::MAX).to_le_bytes()),
        ),
        refused(
            "frame-of-2-to-60.pkl",
            claims(0x95, &(1u64 << 60).to_le_bytes()),
        ),
        harmless("memo.pkl", list(b"]r\xff\xff\xff\xff")),
        harmless(
            "digits.pkl",
            [&b"L"[..], &[b'9'; 1_000_000], b"L\n."].concat(),
        ),
    ]
}
