//! Damage is found wherever it is.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{
    Array, CheckOptions, Dtype, ErrorClass, Finding, Format, Item, LazyArray, Order, Problem,
    SaveOptions, check, check_bytes, save_to,
};

fn file(format: Format, shape: &[usize], tile: Option<Vec<u64>>) -> Vec<u8> {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u16).flat_map(u16::to_le_bytes).collect();
    let dtype = Dtype::parse("<u2").unwrap();
    let array = LazyArray::from(Array::contiguous(dtype, shape, Order::C, bytes).unwrap());
    let mut options = SaveOptions::default();
    options.format = Some(format);
    options.tile = tile;
    let mut out = Vec::new();
    let item = Item {
        name: "",
        array: &array,
    };
    save_to(&mut out, &[item], &options, &()).unwrap();
    out
}

fn checked(bytes: &[u8]) -> Finding {
    let bytes = bytes.to_vec().into();
    check_bytes("file", bytes, &CheckOptions::default(), &()).unwrap()
}

fn texts(finding: &Finding) -> Vec<String> {
    finding.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn whole_files_are_good() {
    for format in [Format::Npy, Format::Npz, Format::Npb] {
        for shape in [&[][..], &[0], &[5, 7], &[3, 40, 50]] {
            let finding = checked(&file(format, shape, None));
            assert!(finding.is_good(), "{format} {shape:?} {finding:?}");
            assert_eq!(finding.format, Some(format));
            assert_eq!(finding.safety.word(), "no-pickle");
        }
    }
}

#[test]
fn bytes_after_the_end_are_told() {
    let whole = file(Format::Npy, &[5, 7], None);
    let mut longer = whole.clone();
    longer.extend([1, 2, 3]);
    let finding = checked(&longer);
    assert!(matches!(
        &finding.problems[..],
        [Problem::TrailingBytes { member, offset, nbytes: 3 }]
            if member.is_empty() && *offset == whole.len() as u64
    ));
    for format in [Format::Npz, Format::Npb] {
        let mut longer = file(format, &[5, 7], None);
        longer.extend([1; 40]);
        assert!(!checked(&longer).is_good(), "{format}");
    }
}

#[test]
fn every_cut_is_found() {
    for format in [Format::Npy, Format::Npz, Format::Npb] {
        let whole = file(format, &[5, 7], Some(vec![2, 7]));
        for end in 0..whole.len() {
            let finding = checked(&whole[..end]);
            assert!(!finding.is_good(), "{format} {end}");
        }
    }
}

#[test]
fn every_flipped_bit_of_an_npb_file_is_found() {
    let whole = file(Format::Npb, &[5, 7], Some(vec![2, 7]));
    let mut unnoticed = Vec::new();
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[byte] ^= 1 << bit;
            if checked(&damaged).is_good() {
                unnoticed.push((byte, bit));
            }
        }
    }
    assert_eq!(unnoticed, []);
}

#[test]
fn every_flipped_bit_of_a_stored_members_elements_is_found() {
    let whole = file(Format::Npz, &[5, 7], None);
    let elements: Vec<u8> = (0..35u16).flat_map(u16::to_le_bytes).collect();
    let start = whole
        .windows(elements.len())
        .position(|window| window == elements)
        .unwrap();
    for byte in start..start + elements.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1;
        let finding = checked(&damaged);
        assert!(!finding.is_good(), "{byte}");
        assert!(
            texts(&finding)[0].starts_with("file:arr_0: "),
            "{finding:?}"
        );
    }
}

#[test]
fn each_damaged_tile_is_named() {
    let mut damaged = file(Format::Npb, &[6, 8], Some(vec![2, 8]));
    for row in [0u16, 4] {
        let tile: Vec<u8> = (row * 8..row * 8 + 16).flat_map(u16::to_le_bytes).collect();
        let at = damaged
            .windows(tile.len())
            .position(|window| window == tile)
            .unwrap();
        damaged[at] ^= 1;
    }
    let texts = texts(&checked(&damaged));
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("tile 0 [0:2, 0:8]"), "{texts:?}");
    assert!(texts[1].contains("tile 2 [4:6, 0:8]"), "{texts:?}");
}

#[test]
fn what_is_no_file_of_arrays_is_a_finding_and_no_file_an_error() {
    let finding = checked(b"II*\0 a TIFF");
    assert_eq!(finding.format, None);
    assert_eq!(finding.problems.len(), 1);
    let finding = checked(b"\x93NUMPY\x01\x00\xff\xff");
    assert_eq!(finding.format, Some(Format::Npy));
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.npy");
    let error = check(missing, &CheckOptions::default(), &()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::System);
}
