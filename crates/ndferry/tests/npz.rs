//! Archives are read as NumPy reads them: by the members' bytes, not by their names.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{
    Array, Casting, CheckOptions, Format, Indexing, Item, LazyArray, OpenOptions, Packing,
    PrintOptions, SaveOptions, ScanOptions, Source, check_bytes, save_to, scan_bytes,
};

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A ZIP archive of stored members, with any names.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc(bytes).to_le_bytes());
        common.extend([(bytes.len() as u32).to_le_bytes(); 2].concat());
        common.extend((name.len() as u32).to_le_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
    }
    let (at, count) = (out.len() as u32, members.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(); 2].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

fn npy(value: u8) -> Vec<u8> {
    let array = LazyArray::from(Array::from_elements(&[1], &[value]).unwrap());
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npy);
    let mut out = Vec::new();
    let item = Item {
        name: "",
        array: &array,
    };
    save_to(&mut out, &[item], &options, &()).unwrap();
    out
}

/// An array of one object whose pickle calls `os.system`.
fn evil() -> Vec<u8> {
    let text = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
    let mut out = b"\x93NUMPY\x01\0\x76\0".to_vec();
    out.extend(format!("{text:117}\n").as_bytes());
    out.extend(b"cos\nsystem\n(S'true'\ntR.");
    out
}

fn open(bytes: Vec<u8>) -> Source {
    Source::from_bytes("x.npz", bytes.into(), &OpenOptions::default()).unwrap()
}

fn is_good(bytes: Vec<u8>) -> bool {
    check_bytes("x.npz", bytes.into(), &CheckOptions::default(), &())
        .unwrap()
        .is_good()
}

#[test]
fn an_array_without_npy_in_its_name_is_an_array() {
    for name in ["x", "x.NPY", "x.txt"] {
        let source = open(zip(&[(name, &npy(7))]));
        let array = source.array(Some(name)).unwrap().load().unwrap();
        assert_eq!(array.to_elements::<u8>().unwrap(), [7], "{name}");
    }
}

#[test]
fn objects_without_npy_in_their_name_are_judged() {
    assert!(is_good(zip(&[("a.npy", &npy(1)), ("x", b"text")])));
    for name in ["x", "x.NPY", "a"] {
        let bytes = zip(&[("a.npy", &npy(1)), (name, &evil())]);
        assert!(!is_good(bytes), "{name}");
    }
}

#[test]
fn the_key_of_two_members_gives_the_one_that_numpy_gives() {
    let bytes = zip(&[("a.npy", &npy(1)), ("a", &npy(2))]);
    let source = open(bytes);
    for (key, value) in [("a", 2), ("a.npy", 1)] {
        let array = source.array(Some(key)).unwrap().load().unwrap();
        assert_eq!(array.to_elements::<u8>().unwrap(), [value], "{key}");
    }
}

#[test]
fn two_members_of_one_name_are_not_good() {
    assert!(!is_good(zip(&[("a.npy", &npy(1)), ("a.npy", &npy(2))])));
}

fn deflated(shape: &[usize], elements: &[u32]) -> Vec<u8> {
    let array = LazyArray::from(Array::from_elements(shape, elements).unwrap());
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npz);
    options.packing = Packing {
        codec: "deflate".parse().unwrap(),
        ..Packing::default()
    };
    let mut out = Vec::new();
    let item = Item {
        name: "a",
        array: &array,
    };
    save_to(&mut out, &[item], &options, &()).unwrap();
    out
}

#[test]
fn a_deflated_member_gives_the_same_however_often_parts_are_read() {
    let shape = [300, 200];
    let elements: Vec<u32> = (0..60_000).collect();
    let source = open(deflated(&shape, &elements));
    let array = source.array(Some("a")).unwrap();
    for column in (0..200).rev() {
        let indexing: Indexing = format!(":, {column}").parse().unwrap();
        let part = array.read(&indexing.resolve(&shape).unwrap()).unwrap();
        let expected: Vec<u32> = (0..300).map(|row| row * 200 + column).collect();
        assert_eq!(part.to_elements::<u32>().unwrap(), expected);
    }
}

#[test]
fn a_deflated_member_is_inflated_once_for_its_corners_and_no_further_than_a_part_needs() {
    let shape = [50, 100, 80];
    // Numbers that do not deflate.
    let elements: Vec<u32> = (0..400_000u32)
        .map(|i| i.wrapping_mul(2_654_435_761) ^ i << 7)
        .collect();
    let bytes = deflated(&shape, &elements);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let open = || Source::open(file.path(), &OpenOptions::default()).unwrap();

    let plain = LazyArray::from(Array::from_elements(&shape, &elements).unwrap());
    let text = |array: &LazyArray| {
        let mut text = Vec::new();
        let options = PrintOptions::default();
        array.write_text(&mut text, &options).unwrap();
        text
    };
    let source = open();
    assert_eq!(text(&source.array(Some("a")).unwrap()), text(&plain));
    assert!(source.touched() < bytes.len() as u64 * 5 / 4);

    let to = "<f8".parse().unwrap();
    let cast = |array: &LazyArray| text(&array.cast(&to, Casting::Safe).unwrap());
    let source = open();
    assert_eq!(cast(&source.array(Some("a")).unwrap()), cast(&plain));
    assert!(source.touched() < bytes.len() as u64 * 5 / 4);

    let source = open();
    let indexing: Indexing = "1, ::2".parse().unwrap();
    let part = indexing.resolve(&shape).unwrap();
    let array = source.array(Some("a")).unwrap();
    let found = array.part(&part).unwrap().load().unwrap();
    let expected = plain.load().unwrap().select(&part).unwrap();
    assert_eq!(
        found.to_elements::<u32>().unwrap(),
        expected.to_elements::<u32>().unwrap()
    );
    // Two planes of fifty, and what is read ahead.
    assert!(source.touched() < bytes.len() as u64 / 25 + (300 << 10));
}

#[cfg(unix)]
#[test]
fn a_device_without_end_is_refused_by_its_first_bytes() {
    let error = Source::open("/dev/zero", &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("00 00"), "{error}");
}

#[test]
fn a_member_that_nobody_can_look_into_is_said_to_be_so() {
    let plain = zip(&[("x.npy", &npy(7)), ("notes", b"c\x80secret")]);
    let local = plain.windows(5).position(|bytes| bytes == b"notes");
    let local = local.unwrap() - 30;
    let record = plain.windows(4).rposition(|bytes| bytes == b"PK\x01\x02");
    let record = record.unwrap();
    for (at, value, what) in [
        (6, 1, "the member is encrypted"),
        (8, 12, "compression method 12"),
    ] {
        let mut bytes = plain.clone();
        (bytes[local + at], bytes[record + at + 2]) = (value, value);
        let opened = Source::from_bytes("x.npz", bytes.clone().into(), &OpenOptions::default());
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("notes"), "{error}");
        let checked = check_bytes("x.npz", bytes.clone().into(), &CheckOptions::default(), &());
        let checked = checked.unwrap();
        let problem = checked.problems[0].to_string();
        assert!(!checked.is_good() && problem.contains(what), "{problem}");
        let scanned = scan_bytes("x.npz", bytes.into(), &ScanOptions::default(), &()).unwrap();
        let problem = scanned.problems[0].to_string();
        assert!(!scanned.is_good() && problem.contains(what), "{problem}");
    }
    // Another program's folder holds nothing.
    assert_eq!(
        open(zip(&[("a/", b""), ("x.npy", &npy(7))]))
            .members()
            .len(),
        1
    );
}
