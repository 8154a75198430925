//! What is whole in a cut or damaged NPB file comes out of its repair, and nothing else.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::Range;
use std::path::Path;

use ndferry::{
    Array, CheckOptions, Dtype, ErrorKind, Format, Item, LazyArray, OpenOptions, Order, Problem,
    RepairOptions, Repaired, Result, SaveOptions, Source, repair, save_to, verify,
};

fn numbers(shape: &[usize], order: Order) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u16)
        .flat_map(|n| (n + 1).to_le_bytes())
        .collect();
    Array::contiguous(Dtype::parse("<u2").unwrap(), shape, order, bytes).unwrap()
}

/// Two arrays of 6 and 4 tiles.
fn file(names: [&str; 2]) -> Vec<u8> {
    let arrays = [numbers(&[9, 10], Order::C), numbers(&[8, 10], Order::F)].map(LazyArray::from);
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npb);
    options.tile = Some(vec![4, 5]);
    let items: Vec<Item<'_>> = names
        .iter()
        .zip(&arrays)
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut out = Vec::new();
    save_to(&mut out, &items, &options, &()).unwrap();
    out
}

/// Kind and bytes of each message.
fn messages(file: &[u8]) -> Vec<(u8, Range<usize>)> {
    let (mut messages, mut at) = (Vec::new(), 0);
    while at < file.len() {
        if file[at] == 0 {
            at += 1;
            continue;
        }
        let nbytes = u64::from_le_bytes(file[at + 24..][..8].try_into().unwrap()) as usize;
        messages.push((file[at + 5], at..at + 40 + nbytes));
        at += 40 + nbytes;
    }
    messages
}

fn repaired(bytes: &[u8], folder: &Path) -> Result<Repaired> {
    let (from, to) = (folder.join("damaged.npb"), folder.join("repaired.npb"));
    std::fs::write(&from, bytes).unwrap();
    let mut options = RepairOptions::default();
    options.overwrite = true;
    repair(&from, &to, &options, &())
}

/// Whether each array's tiles are what they were, or an error.
fn tiles(path: &Path) -> Vec<Vec<bool>> {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    let arrays = source.arrays().map(|array| {
        let whole = numbers(array.shape(), array.order());
        let mut tiles = Vec::new();
        for row in 0..array.shape()[0].div_ceil(4) {
            for column in 0..array.shape()[1].div_ceil(5) {
                let (rows, columns) = (array.shape()[0].min(4 * row + 4), 5 * column + 5);
                let text = format!("{}:{rows}, {}:{columns}", 4 * row, 5 * column);
                let index: ndferry::Indexing = text.parse().unwrap();
                let selection = index.resolve(array.shape()).unwrap();
                match array.read(&selection) {
                    Ok(part) => {
                        let expected = whole.select(&selection).unwrap();
                        let bytes = |array: &Array| array.view().to_bytes(Order::C).unwrap();
                        assert_eq!(bytes(&part), bytes(&expected), "{text}");
                        tiles.push(true);
                    }
                    Err(error) => {
                        assert!(
                            matches!(error.kind(), ErrorKind::MissingTile { .. }),
                            "{error}"
                        );
                        tiles.push(false);
                    }
                }
            }
        }
        tiles
    });
    arrays.collect()
}

/// The repaired file has no damage but tiles that are said to be lost.
fn verified(path: &Path, lost: u64) {
    let finding = verify(path, &CheckOptions::default(), &()).unwrap();
    let told = finding.problems.iter().map(|problem| match problem {
        Problem::Unreadable(error) => match error.kind() {
            ErrorKind::MissingTile { .. } => 1,
            ErrorKind::MissingTiles { first, last, .. } => last - first + 1,
            _ => panic!("{error}"),
        },
        _ => panic!("{problem}"),
    });
    assert_eq!(told.sum::<u64>(), lost);
}

#[test]
fn a_whole_file_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for names in [["first", "second"], ["", ""]] {
        let bytes = file(names);
        let report = repaired(&bytes, folder.path()).unwrap();
        assert_eq!((report.arrays, report.tiles, report.lost), (2, 10, 0));
        assert!(report.problems.is_empty());
        let path = folder.path().join("repaired.npb");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), report.file_nbytes);
        assert_eq!(tiles(&path), [vec![true; 6], vec![true; 4]]);
        verified(&path, 0);
        let source = Source::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.members()[1].path, names[1]);
    }
}

#[test]
fn every_cut_leaves_every_whole_tile() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = file(["first", "second"]);
    let path = folder.path().join("repaired.npb");
    let mut counted = 0;
    for cut in (0..bytes.len()).step_by(3) {
        let data = messages(&bytes);
        let data = data.iter().filter(|(kind, _)| *kind == 2);
        let whole = data.filter(|(_, range)| range.end <= cut).count();
        match repaired(&bytes[..cut], folder.path()) {
            Ok(report) => {
                assert_eq!(report.tiles, whole as u64, "cut at {cut}");
                let found: Vec<bool> = tiles(&path).concat();
                assert_eq!(
                    found.iter().filter(|there| **there).count(),
                    whole,
                    "cut at {cut}"
                );
                assert_eq!(
                    found.len() as u64 - report.lost,
                    report.tiles,
                    "cut at {cut}"
                );
                if counted % 10 == 0 {
                    verified(&path, report.lost);
                }
                counted += 1;
            }
            Err(error) => {
                assert_eq!(whole, 0, "cut at {cut}: {error}");
            }
        }
    }
    assert!(counted > 300, "{counted}");
}

#[test]
fn each_damaged_tile_is_named_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = file(["first", "second"]);
    let path = folder.path().join("repaired.npb");
    let data = messages(&bytes);
    let data = data.iter().filter(|(kind, _)| *kind == 2);
    for (number, (_, range)) in data.enumerate() {
        for at in [
            range.start,
            range.start + 20,
            range.start + 45,
            range.end - 1,
        ] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            let report = repaired(&damaged, folder.path()).unwrap();
            assert_eq!((report.tiles, report.lost), (9, 1));
            let found = tiles(&path).concat();
            let gone: Vec<usize> = (0..10).filter(|i| !found[*i]).collect();
            // The second array is in Fortran order: of its tiles, the two axes change places.
            let expected = [0, 1, 2, 3, 4, 5, 6, 8, 7, 9][number];
            assert_eq!(gone, [expected]);
            verified(&path, 1);
            let text: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
            let wanted = format!("tile {}", number % 6);
            assert!(text.iter().any(|line| line.contains(&wanted)), "{text:?}");
        }
    }
}

#[test]
fn every_flip_of_a_bit_is_seen_by_verify_and_undone_or_told_by_repair() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = file(["first", "second"]);
    let (from, path) = (
        folder.path().join("damaged.npb"),
        folder.path().join("repaired.npb"),
    );
    for at in (0..bytes.len()).step_by(11) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&from, &damaged).unwrap();
        let finding = verify(&from, &CheckOptions::default(), &()).unwrap();
        assert!(!finding.is_good(), "byte {at}");
        match repaired(&damaged, folder.path()) {
            Ok(report) => {
                assert!(report.lost <= 6, "byte {at}");
                tiles(&path);
                verified(&path, report.lost);
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
}

#[test]
fn a_file_can_be_repaired_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let bytes = file(["", ""]);
    std::fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let mut options = RepairOptions::default();
    let error = repair(&path, &path, &options, &()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exists));
    options.overwrite = true;
    assert_eq!(repair(&path, &path, &options, &()).unwrap().lost, 0);
    verified(&path, 0);
}

#[test]
fn other_formats_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let array = LazyArray::from(numbers(&[4], Order::C));
    let item = Item {
        name: "",
        array: &array,
    };
    ndferry::save(&path, &[item], &SaveOptions::default(), &()).unwrap();
    let to = folder.path().join("b.npb");
    let error = repair(&path, &to, &RepairOptions::default(), &()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }));
    assert!(verify(&path, &CheckOptions::default(), &()).is_err());
    assert!(!to.exists());
}
