//! What writers refuse, and what they leave behind.

use std::io::{self, Write};

use ndferry_array::{Array, Dtype, Order};
use ndferry_npy::{
    Error, ErrorKind, Header, Limits, Method, Npz, NpzWriter, Packed, Packing, write,
};

fn numbers() -> Array {
    Array::from_elements(&[3], &[1u8, 2, 3]).unwrap()
}

fn objects() -> Array {
    Array::contiguous(Dtype::OBJECT, &[2], Order::C, vec![0; 16]).unwrap()
}

/// What is wrong with which member.
fn member(error: Error) -> (String, ErrorKind) {
    match error.kind {
        ErrorKind::Member { name, kind } => (name, *kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_are_refused_before_anything_is_written() {
    let mut file = Vec::new();
    let error = write(&mut file, &objects().view()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Objects), "{error}");
    assert_eq!(file, b"");
    let mut writer = NpzWriter::new(file, Packing::DEFLATED);
    let (name, kind) = member(writer.add("o", &objects().view()).unwrap_err());
    assert_eq!(name, "o.npy");
    assert!(matches!(kind, ErrorKind::Objects), "{kind}");
    let header = Header::new(Dtype::OBJECT, &[2], Order::C);
    assert!(writer.add_reader("o", &header, &mut &[0; 16][..]).is_err());
    // Nothing is left of them.
    writer.add("x", &numbers().view()).unwrap();
    let file = writer.finish().unwrap();
    let npz = Npz::open(&file[..], &Limits::default()).unwrap();
    assert_eq!(npz.members().len(), 1);
}

#[test]
fn names_that_readers_would_refuse_are_not_written() {
    let mut writer = NpzWriter::new(Vec::new(), Packing::Stored);
    writer.add("x", &numbers().view()).unwrap();
    let long = "n".repeat(70_000);
    for name in ["x", "../x", "/x", "a\nb", long.as_str()] {
        let (_, kind) = member(writer.add(name, &numbers().view()).unwrap_err());
        assert!(matches!(kind, ErrorKind::Name { .. }), "{kind}");
    }
    assert!(writer.finish().is_ok());
}

#[test]
fn an_archive_is_not_finished_after_half_a_member() {
    let header = Header::new(Dtype::U8, &[100], Order::C);
    for packing in [Packing::Stored, Packing::DEFLATED] {
        let mut writer = NpzWriter::new(Vec::new(), packing);
        let error = writer
            .add_reader("x", &header, &mut &[0; 99][..])
            .unwrap_err();
        let (name, kind) = member(error);
        assert_eq!(name, "x.npy");
        assert!(
            matches!(
                kind,
                ErrorKind::TooFewBytes {
                    needed: 100,
                    found: 99,
                    ..
                }
            ),
            "{kind}"
        );
        let error = writer.add("y", &numbers().view()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unfinished), "{error}");
        let error = writer.finish().unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Unfinished), "{error}");
    }
}

#[test]
fn packed_bytes_that_end_early_are_refused() {
    let packed = Packed {
        method: Method::Stored,
        crc: 0,
        packed_nbytes: 10,
        nbytes: 10,
    };
    let mut writer = NpzWriter::new(Vec::new(), Packing::Stored);
    let error = writer
        .add_packed("x", packed, &mut &[0; 9][..])
        .unwrap_err();
    let (name, kind) = member(error);
    assert_eq!(name, "x");
    assert!(
        matches!(
            kind,
            ErrorKind::Truncated {
                needed: 10,
                found: 9
            }
        ),
        "{kind}"
    );
    assert!(writer.finish().is_err());
}

/// A disk that is full after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.0.min(bytes.len());
        self.0 -= n;
        match n {
            0 => Err(io::ErrorKind::StorageFull.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_at_every_byte() {
    let full = |error: Error| matches!(&error.kind, ErrorKind::Io(error) if error.kind() == io::ErrorKind::StorageFull);
    let save = |disk: Full, packing| -> Result<(), Error> {
        let mut writer = NpzWriter::new(disk, packing);
        writer.add("x", &numbers().view())?;
        let header = Header::new(Dtype::U8, &[5], Order::C);
        writer.add_reader("y", &header, &mut &[0; 5][..])?;
        writer.finish().map(|_| ())
    };
    for packing in [Packing::Stored, Packing::DEFLATED] {
        let whole = (0..).find(|n| match save(Full(*n), packing) {
            Ok(()) => true,
            Err(error) => {
                assert!(full(error));
                false
            }
        });
        assert!(whole > Some(200), "{whole:?}");
    }
    for n in 0..131 {
        assert!(
            full(write(&mut Full(n), &numbers().view()).unwrap_err()),
            "{n}"
        );
    }
    write(&mut Full(131), &numbers().view()).unwrap();
}
