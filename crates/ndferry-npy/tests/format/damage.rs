//! Every way to cut or flip small files: an error or the truth, never a panic, never much memory.

use std::io::{self, Read};

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Field, Order, Struct};
use ndferry_npy::{Contents, Error, Header, Limits, Npz, NpzWriter, Packing, write};

/// What all damaged files together may cost, in bytes of resident memory.
const MEMORY: usize = 64 << 20;

/// A stream that gives one byte at a time, as slow peers do.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(1);
        self.0.read(&mut buf[..n])
    }
}

fn array(dtype: Dtype, shape: &[usize], order: Order) -> Array {
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = (0..nbytes).map(|i| (i * 37) as u8).collect();
    Array::contiguous(dtype, shape, order, bytes).unwrap()
}

fn record() -> Dtype {
    let inner = Struct::packed([("z".to_owned(), Dtype::parse(">f8").unwrap())]).unwrap();
    let sub = Dtype::subarray(Dtype::parse("<i2").unwrap(), &[2, 3]).unwrap();
    let fields = vec![
        Field::new("a'b", Dtype::U8, 1),
        Field::new("日", sub, 2),
        Field::new("in", Dtype::structured(inner), 16),
    ];
    Dtype::structured(Struct::new(fields, 27, false).unwrap())
}

fn seeds() -> Vec<Array> {
    vec![
        array(Dtype::parse("<f4").unwrap(), &[2, 3], Order::C),
        array(Dtype::parse(">i8").unwrap(), &[3, 2, 2], Order::F),
        array(Dtype::parse("<U3").unwrap(), &[4], Order::C),
        array(Dtype::parse("<M8[25s]").unwrap(), &[], Order::C),
        array(Dtype::BOOL, &[0, 3], Order::C),
        array(record(), &[2], Order::C),
    ]
}

fn npy(array: &Array) -> Vec<u8> {
    let mut file = Vec::new();
    write(&mut file, &array.view()).unwrap();
    file
}

fn npz(packing: Packing) -> Vec<u8> {
    let mut writer = NpzWriter::new(Vec::new(), packing);
    for (i, array) in seeds().iter().enumerate().skip(3) {
        writer.add(&format!("é{i}"), &array.view()).unwrap();
    }
    // Sizes that follow the data.
    let header = Header::new(Dtype::U8, &[40], Order::C);
    writer
        .add_reader("last", &header, &mut &[7; 40][..])
        .unwrap();
    writer.finish().unwrap()
}

/// Reads in every way there is; says what an NPY file holds.
fn read_npy(bytes: &[u8]) -> Result<(Contents, usize), Error> {
    let limits = Limits::default();
    let whole = Contents::parse(&Bytes::from(bytes.to_vec()), &limits);
    let dripped = Contents::read(&mut Dripping(bytes), &limits);
    assert_eq!(whole.is_ok(), dripped.is_ok(), "{whole:?} {dripped:?}");
    if let (Ok((Contents::Array(one), _)), Ok(Contents::Array(other))) = (&whole, &dripped) {
        assert_eq!((one.dtype(), one.shape()), (other.dtype(), other.shape()));
        assert_eq!(one.bytes(), other.bytes());
    }
    whole
}

/// Reads all members in every way there is; those that can be read.
fn read_npz(bytes: &[u8]) -> Vec<Result<Bytes, Error>> {
    let limits = Limits::default();
    let (Ok(npz), Ok(shared)) = (
        Npz::open(bytes, &limits),
        Npz::open(Bytes::from(bytes.to_vec()), &limits),
    ) else {
        return Vec::new();
    };
    let members = 0..npz.members().len();
    let read = |i| {
        let whole = npz.bytes(i);
        let mut streamed = Vec::new();
        let dripped = npz.reader(i).and_then(|mut reader| {
            let read = reader.read_to_end(&mut streamed);
            read.map_err(|error| error.downcast().unwrap())
        });
        assert_eq!(whole.is_ok(), dripped.is_ok(), "{whole:?} {dripped:?}");
        assert_eq!(whole.is_ok(), shared.bytes(i).is_ok());
        let _ = (npz.header(i), npz.read(i), npz.stored_range(i));
        let whole = whole?;
        assert_eq!(whole, streamed);
        Ok(whole)
    };
    members.map(read).collect()
}

/// Peak resident memory of this process so far, in bytes, where the system says.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<usize>()
        .ok()
        .map(|kib| kib << 10)
}

fn bounded(before: Option<usize>) {
    let (Some(before), Some(after)) = (before, peak()) else {
        println!("skipped: the system does not say how much memory was used");
        return;
    };
    assert!(after - before < MEMORY, "{} MiB", (after - before) >> 20);
}

/// All versions of `seed` with one bit flipped.
fn flips(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..seed.len() * 8).map(|bit| {
        let mut flipped = seed.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn an_npy_file_cut_anywhere_is_an_error_that_says_where() {
    for array in seeds() {
        let seed = npy(&array);
        for n in 0..seed.len() {
            let error = read_npy(&seed[..n]).unwrap_err();
            assert_eq!(error.offset, n as u64, "{error}");
        }
        let (Contents::Array(back), end) = read_npy(&seed).unwrap() else {
            panic!("not an array");
        };
        assert_eq!(
            (back.dtype(), back.shape(), end),
            (array.dtype(), array.shape(), seed.len())
        );
        assert_eq!(back.bytes(), array.bytes());
    }
}

#[test]
fn an_npy_file_with_a_flipped_bit_is_read_or_refused() {
    let before = peak();
    let (mut read, mut refused) = (0, 0);
    for array in seeds() {
        for flipped in flips(&npy(&array)) {
            match read_npy(&flipped) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    println!("NPY with a flipped bit: {read} read, {refused} refused");
    assert!(read > 0 && refused > 0);
    bounded(before);
}

#[test]
fn an_archive_cut_anywhere_is_an_error() {
    for packing in [Packing::Stored, Packing::DEFLATED] {
        let seed = npz(packing);
        for n in 0..seed.len() {
            assert!(Npz::open(&seed[..n], &Limits::default()).is_err(), "{n}");
            // Its front missing: what remains may be found, but not what is gone.
            let intact = read_npz(&seed[n..])
                .iter()
                .filter(|read| read.is_ok())
                .count();
            assert!(n == 0 || intact < 4, "{n}");
        }
        assert_eq!(
            read_npz(&seed).iter().filter(|read| read.is_ok()).count(),
            4
        );
    }
}

#[test]
fn an_archive_with_a_flipped_bit_never_gives_other_bytes() {
    let before = peak();
    let (mut read, mut refused) = (0, 0);
    for packing in [Packing::Stored, Packing::DEFLATED] {
        let seed = npz(packing);
        let truth: Vec<Bytes> = read_npz(&seed).into_iter().map(Result::unwrap).collect();
        for (bit, flipped) in flips(&seed).enumerate() {
            let found = read_npz(&flipped);
            assert!(found.is_empty() || found.len() == truth.len(), "{bit}");
            for (found, truth) in found.iter().zip(&truth) {
                match found {
                    Ok(found) => assert_eq!(found, truth, "{bit}"),
                    Err(_) => refused += 1,
                }
            }
            match found.is_empty() {
                true => refused += 1,
                false => read += 1,
            }
        }
    }
    println!("NPZ with a flipped bit: {read} opened, {refused} members or archives refused");
    assert!(read > 0 && refused > 0);
    bounded(before);
}
