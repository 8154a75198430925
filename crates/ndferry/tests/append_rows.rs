//! NPY files that get longer in place, whatever happens meanwhile.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ndferry::{
    Array, Dtype, ErrorClass, ErrorKind, Item, LazyArray, OpenOptions, Order, SaveOptions, Source,
    append_rows, save,
};

const WHERE: &str = "NDFERRY_TEST_APPEND_TO";

/// Rows of two numbers that go on counting.
fn rows(first: u32, count: u32) -> LazyArray {
    let numbers: Vec<u32> = (2 * first..2 * (first + count)).collect();
    Array::from_elements(&[count as usize, 2], &numbers)
        .unwrap()
        .into()
}

fn write(path: &Path, array: &LazyArray) {
    let mut options = SaveOptions::default();
    options.overwrite = true;
    save(path, &[Item { name: "", array }], &options, &()).unwrap();
}

fn read(path: &Path) -> Array {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    source.array(None).unwrap().load().unwrap()
}

fn over() -> SaveOptions {
    let mut options = SaveOptions::default();
    options.overwrite = true;
    options
}

#[test]
fn rows_are_added_and_nothing_else_moves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write(&path, &rows(0, 3));
    let before = std::fs::read(&path).unwrap();
    let grown = append_rows(&path, None, &rows(3, 1000), &SaveOptions::default(), &()).unwrap();
    assert_eq!(grown, (3, 1003));
    let after = std::fs::read(&path).unwrap();
    assert_eq!(after[128..128 + 24], before[128..]);
    write(&path, &rows(0, 1003));
    let at_once = std::fs::read(&path).unwrap();
    assert_eq!(after, at_once, "byte for byte as if it had been written so");
}

#[test]
fn a_file_can_be_added_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write(&path, &rows(0, 2));
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    append_rows(&path, None, &source.array(None).unwrap(), &over(), &()).unwrap();
    assert_eq!(
        read(&path).to_elements::<u32>().unwrap(),
        [0, 1, 2, 3, 0, 1, 2, 3]
    );
}

#[test]
fn safe_casts_are_made_and_others_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let wide = Array::from_elements(&[1, 2], &[1i64, 2]).unwrap();
    write(&path, &wide.clone().into());
    append_rows(&path, None, &rows(5, 1), &over(), &()).unwrap();
    assert_eq!(read(&path).to_elements::<i64>().unwrap(), [1, 2, 10, 11]);
    write(&path, &rows(0, 1));
    let before = std::fs::read(&path).unwrap();
    let refused = append_rows(&path, None, &wide.into(), &over(), &()).unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Usage);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_cannot_grow_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let fortran = rows(0, 3).load().unwrap().into_order(Order::F).unwrap();
    let scalar = Array::contiguous(Dtype::U8, &[], Order::C, vec![1]).unwrap();
    let other_rows = Array::from_elements(&[1, 3], &[1u32, 2, 3]).unwrap();
    for array in [fortran, scalar, other_rows] {
        write(&path, &array.into());
        let before = std::fs::read(&path).unwrap();
        assert!(append_rows(&path, None, &rows(0, 1), &over(), &()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn bytes_behind_the_array_are_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write(&path, &rows(0, 1));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"another array, perhaps");
    std::fs::write(&path, &bytes).unwrap();
    let refused = append_rows(&path, None, &rows(1, 1), &SaveOptions::default(), &()).unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::Trailing { nbytes: 22 }),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    append_rows(&path, None, &rows(1, 1), &over(), &()).unwrap();
    assert_eq!(read(&path).to_elements::<u32>().unwrap(), [0, 1, 2, 3]);
}

/// Adds rows again and again.
#[test]
fn child() {
    let Some(path) = std::env::var_os(WHERE) else {
        return;
    };
    for _ in 0..10_000 {
        let have = read(Path::new(&path)).shape()[0] as u32;
        append_rows(&path, None, &rows(have, 5000), &over(), &()).unwrap();
        // It would become too large to be read so often.
        if have > 50_000 {
            write(Path::new(&path), &rows(0, 7));
        }
    }
}

#[test]
fn a_killed_process_leaves_the_old_length_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write(&path, &rows(0, 7));
    let (mut rounds, mut left_over) = (0, 0);
    // What comes between the rows and the header takes long enough to be met by one of 200.
    while rounds < 200 || (left_over == 0 && rounds < 2000) {
        let round = rounds;
        rounds += 1;
        let nbytes = || std::fs::metadata(&path).unwrap().len();
        let before = nbytes();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(WHERE, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It may be killed before it has begun, too.
        let wait = Duration::from_micros(2000 + 331 * (round % 60));
        std::thread::sleep(wait);
        let started = Instant::now();
        while round % 2 == 0 && nbytes() == before && started.elapsed() < 50 * wait {
            std::thread::sleep(Duration::from_micros(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let array = read(&path);
        let count = array.shape()[0] as u32;
        assert_eq!(count % 5000, 7, "round {round}: no length in between");
        let expected: Vec<u32> = (0..2 * count).collect();
        assert!(
            array.to_elements::<u32>().unwrap() == expected,
            "round {round}"
        );
        left_over += u64::from(nbytes() > 128 + 8 * u64::from(count));
    }
    assert!(
        left_over > 0,
        "no kill came between the rows and the header"
    );
}

#[cfg(feature = "npb")]
mod npb {
    use super::*;

    fn write_growing(path: &Path, name: &str, array: &LazyArray) {
        let mut options = SaveOptions::default();
        options.growing = true;
        save(path, &[Item { name, array }], &options, &()).unwrap();
    }

    #[test]
    fn a_growing_array_gets_longer_and_nothing_that_was_there_moves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npb");
        write_growing(&path, "", &rows(0, 3));
        assert_eq!(
            read(&path).to_elements::<u32>().unwrap(),
            [0, 1, 2, 3, 4, 5]
        );
        let before = std::fs::read(&path).unwrap();
        let added = append_rows(&path, None, &rows(3, 100_000), &SaveOptions::default(), &());
        assert_eq!(added.unwrap(), (3, 100_003));
        let after = std::fs::read(&path).unwrap();
        assert_eq!(after[..before.len()], before);
        let all: Vec<u32> = (0..200_006).collect();
        assert_eq!(read(&path).to_elements::<u32>().unwrap(), all);
    }

    #[test]
    fn in_fortran_order_the_last_axis_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npb");
        let columns = |first: u32, count: u32| -> LazyArray {
            rows(first, count).load().unwrap().reversed().into()
        };
        write_growing(&path, "", &columns(0, 3));
        let added = append_rows(&path, None, &columns(3, 4), &SaveOptions::default(), &());
        assert_eq!(added.unwrap(), (3, 7));
        let read = read(&path);
        assert_eq!((read.shape(), read.order()), (&[2, 7][..], Some(Order::F)));
        let expected = columns(0, 7).load().unwrap();
        assert_eq!(
            read.to_elements::<u32>().unwrap(),
            expected.to_elements::<u32>().unwrap()
        );
    }

    #[test]
    fn what_does_not_fit_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (fixed, growing) = (folder.path().join("f.npb"), folder.path().join("g.npb"));
        write(&fixed, &rows(0, 3));
        write_growing(&growing, "frames", &rows(0, 3));
        let wide: LazyArray = Array::from_elements(&[1, 3], &[1u32, 2, 3]).unwrap().into();
        let long: LazyArray = Array::from_elements(&[1, 2], &[1u64, 2]).unwrap().into();
        let one = rows(3, 1);
        for (path, member, rows) in [
            (&fixed, None, &one),
            (&growing, Some("x"), &one),
            (&growing, None, &wide),
            (&growing, Some("frames"), &long),
        ] {
            let before = std::fs::read(path).unwrap();
            let refused = append_rows(path, member, rows, &SaveOptions::default(), &());
            assert!(refused.is_err(), "{member:?}");
            assert_eq!(std::fs::read(path).unwrap(), before);
        }
    }
}
