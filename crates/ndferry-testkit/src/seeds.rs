//! Small files of every format, from which mutants are made.

use bytes::Bytes;
use ndferry::{
    Array, Codec, Dtype, Filter, Format, Item, LazyArray, Order, Packing, SaveOptions, save_to,
};
use ndferry_array::{Field, Struct};
use ndferry_npy::{Header, NpzWriter};

/// A small file that is right.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its name in tables.
    pub name: &'static str,
    /// What it is.
    pub format: Format,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The named seeds whose every cut and every flipped bit is tried.
///
/// # Panics
/// A writer fails, which is a bug in it.
pub fn seeds() -> Vec<Seed> {
    vec![
        seed(
            "npy-matrix",
            Format::Npy,
            npy(&numbers("<f4", &[2, 3], Order::C)),
        ),
        seed("npy-record", Format::Npy, npy(&record())),
        seed("npy-python2", Format::Npy, python2_npy()),
        seed("npz-stored", Format::Npz, npz(Codec::None)),
        seed("npz-deflated", Format::Npz, npz(Codec::Deflate(6))),
        seed("npz-streamed", Format::Npz, streamed_npz()),
        seed("npb-raw", Format::Npb, npb(Codec::None)),
        seed("npb-zstd", Format::Npb, npb(Codec::Zstd(1))),
        held(
            "pickle-2",
            Format::Pickle,
            include_bytes!("../seeds/protocol-2.pkl"),
        ),
        held(
            "pickle-4",
            Format::Pickle,
            include_bytes!("../seeds/protocol-4.pkl"),
        ),
        held(
            "pickle-5",
            Format::Pickle,
            include_bytes!("../seeds/protocol-5.pkl"),
        ),
    ]
}

/// More of them, for mutants that are sampled.
///
/// # Panics
/// A writer fails, which is a bug in it.
pub fn more_seeds() -> Vec<Seed> {
    vec![
        held(
            "npy-objects",
            Format::Npy,
            include_bytes!("../seeds/objects.npy"),
        ),
        held(
            "joblib",
            Format::Joblib,
            include_bytes!("../seeds/joblib.joblib"),
        ),
        seed("npb-lz4", Format::Npb, npb(Codec::Lz4)),
        seed("npb-deflate", Format::Npb, npb(Codec::Deflate(6))),
        seed("npb-pco", Format::Npb, npb(Codec::Pco)),
        seed("npb-one", Format::Npb, one_npb()),
    ]
}

fn seed(name: &'static str, format: Format, bytes: Vec<u8>) -> Seed {
    Seed {
        name,
        format,
        bytes: bytes.into(),
    }
}

fn held(name: &'static str, format: Format, bytes: &'static [u8]) -> Seed {
    seed(name, format, bytes.to_vec())
}

/// An array whose bytes all differ from their neighbours.
fn numbers(dtype: &str, shape: &[usize], order: Order) -> Array {
    let dtype = Dtype::parse(dtype).expect("the callers here name dtypes");
    filled(dtype, shape, order)
}

fn filled(dtype: Dtype, shape: &[usize], order: Order) -> Array {
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = (0..nbytes).map(|i| (i * 37) as u8).collect();
    Array::contiguous(dtype, shape, order, bytes).expect("as many bytes as the shape has")
}

/// Nested, with a subarray, a gap and names that need quoting.
fn record() -> Array {
    let inner = Struct::packed([("z".to_owned(), Dtype::parse(">f8").expect("a dtype"))]);
    let sub = Dtype::subarray(Dtype::parse("<i2").expect("a dtype"), &[2, 3]);
    let fields = vec![
        Field::new("a'b", Dtype::U8, 1),
        Field::new("日", sub.expect("a small shape"), 2),
        Field::new("in", Dtype::structured(inner.expect("one field")), 16),
    ];
    let record = Struct::new(fields, 27, false).expect("fields that fit");
    filled(Dtype::structured(record), &[2], Order::C)
}

fn npy(array: &Array) -> Vec<u8> {
    let mut file = Vec::new();
    ndferry_npy::write(&mut file, &array.view()).expect("memory does not fail");
    file
}

/// As NumPy of Python 2 wrote it: padded to 16, long integers in the shape.
fn python2_npy() -> Vec<u8> {
    let dict = "{'descr': '>i8', 'fortran_order': True, 'shape': (3L, 2L, 2L), }";
    let padding = 16 - (10 + dict.len() + 1) % 16;
    let header = format!("{dict}{}\n", " ".repeat(padding));
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend((0..12u64).flat_map(|n| (n << 40 | n).to_be_bytes()));
    file
}

fn npz(codec: Codec) -> Vec<u8> {
    let (a, b) = (
        numbers("<u2", &[3, 5], Order::F).into(),
        numbers("|b1", &[0, 3], Order::C).into(),
    );
    save(&[("é", &a), ("b/c", &b)], Format::Npz, codec, None)
}

/// Sizes that follow the data, in ZIP64 records.
fn streamed_npz() -> Vec<u8> {
    let mut writer = NpzWriter::new(Vec::new(), ndferry_npy::Packing::DEFLATED);
    let header = Header::new(Dtype::U8, &[40], Order::C);
    let written = writer.add_reader("last", &header, &mut &[7; 40][..]);
    written.expect("memory does not fail");
    writer.finish().expect("memory does not fail")
}

fn npb(codec: Codec) -> Vec<u8> {
    let (a, b) = (
        numbers("<u4", &[5, 7], Order::C).into(),
        numbers(">f4", &[2, 3], Order::F).into(),
    );
    save(&[("a", &a), ("b", &b)], Format::Npb, codec, Some(64))
}

/// A single array without a name: no catalog.
fn one_npb() -> Vec<u8> {
    let array = numbers("<i2", &[5, 7], Order::C).into();
    save(&[("", &array)], Format::Npb, Codec::None, Some(14))
}

fn save(
    items: &[(&str, &LazyArray)],
    format: Format,
    codec: Codec,
    block_nbytes: Option<u64>,
) -> Vec<u8> {
    let mut options = SaveOptions::default();
    options.format = Some(format);
    options.packing = Packing {
        codec,
        filter: Filter::Default,
    };
    options.block_nbytes = block_nbytes;
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut file = Vec::new();
    save_to(&mut file, &items, &options, &()).expect("memory does not fail");
    file
}
