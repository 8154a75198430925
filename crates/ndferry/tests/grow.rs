//! NPB files that are filled and grow, whatever happens meanwhile.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ndferry::{
    Array, ArrayView, CheckOptions, Codec, CreateOptions, Dtype, ErrorClass, ErrorKind, Index,
    Indexing, Item, Layout, LazyArray, NpbFile, OpenOptions, Order, RepairOptions, SaveOptions,
    Source, append, repair, verify,
};
use proptest::prelude::*;

fn dtype() -> Dtype {
    Dtype::parse("<u2").unwrap()
}

/// Elements that differ, in C order.
fn numbers(shape: &[usize], first: u16) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size)
        .flat_map(|n| (n as u16).wrapping_add(first).to_le_bytes())
        .collect();
    Array::contiguous(dtype(), shape, Order::C, bytes).unwrap()
}

fn options(order: Order, tile: &[u64], codec: Codec) -> CreateOptions {
    let mut options = CreateOptions::default();
    options.order = order;
    options.tile = Some(tile.to_vec());
    options.packing.codec = codec;
    options.sync = false;
    options.threads = 2;
    options
}

fn bytes(array: &Array) -> Vec<u8> {
    array.view().to_bytes(Order::C).unwrap()
}

fn loaded(path: &Path) -> Array {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    source.array(None).unwrap().load().unwrap()
}

fn is_good(path: &Path) {
    let finding = verify(path, &CheckOptions::default(), &()).unwrap();
    let problems: Vec<String> = finding.problems.iter().map(ToString::to_string).collect();
    assert!(finding.is_good(), "{problems:?}");
}

/// What the file should hold, in C order.
#[derive(Clone, Debug)]
struct Model {
    shape: Vec<usize>,
    elements: Vec<u8>,
}

impl Model {
    fn zeros(shape: &[usize]) -> Self {
        Self {
            shape: shape.to_vec(),
            elements: vec![0; shape.iter().product::<usize>() * 2],
        }
    }

    fn view(&self) -> ArrayView<'_> {
        let layout = Layout::contiguous(&self.shape, 2, Order::C).unwrap();
        ArrayView::new(dtype(), layout, &self.elements).unwrap()
    }

    fn assign(&mut self, region: &Indexing, source: &Array) {
        let layout = Layout::contiguous(&self.shape, 2, Order::C).unwrap();
        let shape = self.shape.clone();
        let mut target = ndferry::ArrayViewMut::new(dtype(), layout, &mut self.elements).unwrap();
        let selection = region.resolve(&shape).unwrap();
        target
            .select(&selection)
            .unwrap()
            .assign(&source.view())
            .unwrap();
    }

    fn append(&mut self, axis: usize, rows: &Array) {
        let mut grown = self.shape.clone();
        grown[axis] += rows.shape()[axis];
        let before = self.view().to_array(Order::C).unwrap();
        let old = self.shape[axis];
        *self = Self::zeros(&grown);
        self.assign(&part(&grown, axis, 0, old), &before);
        self.assign(&part(&grown, axis, old, grown[axis]), rows);
    }
}

/// All of the other axes.
fn part(shape: &[usize], axis: usize, start: usize, stop: usize) -> Indexing {
    let all = |n: usize| (0, n);
    let ranges = shape.iter().enumerate();
    let items: Vec<Index> = ranges
        .map(|(i, n)| if i == axis { (start, stop) } else { all(*n) })
        .map(|(start, stop)| Index::Slice {
            start: Some(start as isize),
            stop: Some(stop as isize),
            step: None,
        })
        .collect();
    Indexing::new(items)
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Assign(Vec<(usize, usize, isize)>),
    Flush,
    Reopen,
    /// As if the process were killed: neither END nor a last index.
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..6).prop_map(Step::Append),
        4 => prop::collection::vec((0usize..8, 1usize..8, prop_oneof![-2isize..0, 1isize..3]), 3).prop_map(Step::Assign),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        1 => Just(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_writes_reads_back(
        extents in prop::collection::vec(1usize..7, 1..4),
        tile in prop::collection::vec(1u64..5, 3),
        fortran: bool,
        growing: bool,
        codec in prop::sample::select(vec![Codec::None, Codec::Lz4, Codec::Zstd(1), Codec::Pco]),
        small_buffer: bool,
        steps in prop::collection::vec(step(), 0..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npb");
        let order = if fortran { Order::F } else { Order::C };
        let axis = if fortran { extents.len() - 1 } else { 0 };
        let mut options = options(order, &tile[..extents.len()], codec);
        if small_buffer {
            options.buffer_nbytes = 60;
        }
        let mut shape: Vec<Option<usize>> = extents.iter().copied().map(Some).collect();
        let mut model = Model::zeros(&extents);
        if growing {
            shape[axis] = None;
            let mut empty = extents.clone();
            empty[axis] = 0;
            model = Model::zeros(&empty);
        }
        let mut file = NpbFile::create(&path, dtype(), &shape, options.clone()).unwrap();
        for (i, step) in steps.into_iter().enumerate() {
            let first = (i * 1000 + 1) as u16;
            match step {
                Step::Append(count) => {
                    let mut shape = extents.clone();
                    shape[axis] = count;
                    let rows = numbers(&shape, first);
                    let appended = file.append(&rows.view());
                    prop_assert_eq!(appended.is_ok(), growing, "{:?}", appended);
                    if growing {
                        model.append(axis, &rows);
                    }
                }
                Step::Assign(ranges) => {
                    let items: Vec<Index> = ranges.iter().take(extents.len()).map(|(start, count, step)| {
                        let (low, high) = (*start as isize, (start + count) as isize);
                        let (start, stop) = if *step > 0 { (low, high) } else { (high, low) };
                        Index::Slice { start: Some(start), stop: Some(stop), step: Some(*step) }
                    }).collect();
                    let index = Indexing::new(items);
                    let selection = index.resolve(&model.shape).unwrap();
                    let source = numbers(&selection.shape(), first);
                    file.assign(&selection, &source.view()).unwrap();
                    model.assign(&index, &source);
                }
                Step::Flush => {
                    file.flush().unwrap();
                    prop_assert_eq!(bytes(&loaded(&path)), &model.elements[..]);
                }
                Step::Reopen => {
                    file.finish().unwrap();
                    is_good(&path);
                    prop_assert_eq!(bytes(&loaded(&path)), &model.elements[..]);
                    file = NpbFile::open(&path, None, options.clone()).unwrap();
                }
                Step::Drop => {
                    file.flush().unwrap();
                    drop(file);
                    file = NpbFile::open(&path, None, options.clone()).unwrap();
                }
            }
            prop_assert_eq!(file.shape(), model.shape.clone());
        }
        let saved = file.finish().unwrap();
        prop_assert_eq!(saved.file_nbytes, std::fs::metadata(&path).unwrap().len());
        let back = loaded(&path);
        prop_assert_eq!(back.shape(), &model.shape[..]);
        prop_assert_eq!(bytes(&back), model.elements);
        is_good(&path);
    }
}

/// A file of rows that are all their own number, flushed now and then.
fn rows(path: &Path, count: u16) {
    let mut file = NpbFile::create(
        path,
        dtype(),
        &[None, Some(5)],
        options(Order::C, &[4, 3], Codec::Lz4),
    )
    .unwrap();
    for i in 0..count {
        file.append(&row(i).view()).unwrap();
        if i % 7 == 3 {
            file.flush().unwrap();
        }
    }
    file.finish().unwrap();
}

fn row(i: u16) -> Array {
    let bytes = i.to_le_bytes().repeat(5);
    Array::contiguous(dtype(), &[1, 5], Order::C, bytes).unwrap()
}

/// How many rows there are; each is its own number.
fn counted(path: &Path) -> usize {
    let array = loaded(path);
    for (i, row) in array.to_elements::<u16>().unwrap().chunks(5).enumerate() {
        assert_eq!(row, [i as u16; 5]);
    }
    array.shape()[0]
}

#[test]
fn every_cut_leaves_the_rows_before_and_can_be_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, path) = (folder.path().join("a.npb"), folder.path().join("b.npb"));
    let repaired = folder.path().join("c.npb");
    rows(&whole, 20);
    let file = std::fs::read(&whole).unwrap();
    let (mut last, mut opened) = (0, 0);
    for cut in 1..=file.len() {
        std::fs::write(&path, &file[..cut]).unwrap();
        let Ok(source) = Source::open(&path, &OpenOptions::default()) else {
            assert_eq!(last, 0, "cut at {cut}");
            continue;
        };
        drop(source);
        let count = counted(&path);
        assert!(count >= last, "cut at {cut}: {count} rows after {last}");
        last = count;
        opened += 1;
        if cut % 9 == 0 {
            let mut options = RepairOptions::default();
            options.overwrite = true;
            assert_eq!(repair(&path, &repaired, &options, &()).unwrap().lost, 0);
            is_good(&repaired);
            assert_eq!(counted(&repaired), count);
        }
        if cut % 5 == 0 {
            let options = options(Order::C, &[], Codec::Default);
            let mut file = NpbFile::open(&path, None, options).unwrap();
            assert_eq!(file.shape(), [count, 5]);
            for i in 0..6 {
                file.append(&row(count as u16 + i).view()).unwrap();
            }
            file.finish().unwrap();
            assert_eq!(counted(&path), count + 6);
            is_good(&path);
        }
    }
    assert_eq!(last, 20);
    assert!(opened > file.len() * 3 / 4);
}

const CHILD: &str = "NDFERRY_TEST_GROW";

/// What the killed processes do.
#[test]
#[ignore = "run by the test of killed processes"]
fn child() {
    let path = std::env::var_os(CHILD).map(PathBuf::from).unwrap();
    let open = || NpbFile::open(&path, None, options(Order::C, &[], Codec::Default));
    let create = || {
        let options = options(Order::C, &[40, 3], Codec::Default);
        NpbFile::create(&path, dtype(), &[None, Some(5)], options)
    };
    // It does not outlive the test, whatever becomes of that.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let mut file = open().or_else(|_| create()).unwrap();
    for i in file.shape()[0].. {
        file.append(&row(i as u16).view()).unwrap();
        if i % 11 == 0 {
            file.flush().unwrap();
        }
    }
}

/// A process that appends to this file, until it is killed.
struct Appending(std::process::Child);

impl Appending {
    fn start(path: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored"])
            .env(CHILD, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        // It may have ended.
        let _ = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn killed_processes_lose_nothing_that_was_flushed() {
    const ROUNDS: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let repaired = folder.path().join("b.npb");
    let nbytes = || std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let (mut last, mut during, mut grown, mut repairs) = (0, 0, 0, 0);
    for round in 0..ROUNDS {
        let before = nbytes();
        let mut child = Appending::start(&path);
        if round % 3 == 0 {
            // Anywhere: also before the first write.
            std::thread::sleep(Duration::from_micros(977 * (round % 17)));
        } else {
            // Once it has written something, and before it is done.
            let wanted = before + 1 + (round * 613) % 4000;
            while nbytes() < wanted {
                assert!(child.is_running(), "no more to write after {last} rows");
                std::thread::sleep(Duration::from_micros(100));
            }
            during += 1;
        }
        child.kill();
        if Source::open(&path, &OpenOptions::default()).is_err() {
            // Killed before the header was there.
            assert_eq!(last, 0);
            let _ = std::fs::remove_file(&path);
            continue;
        }
        let count = counted(&path);
        assert!(count >= last, "{count} rows after {last}");
        grown += usize::from(count > last);
        last = count;
        if round % 3 == 0 {
            let mut options = RepairOptions::default();
            options.overwrite = true;
            assert_eq!(repair(&path, &repaired, &options, &()).unwrap().lost, 0);
            is_good(&repaired);
            assert_eq!(counted(&repaired), count);
            repairs += 1;
        }
    }
    println!(
        "{ROUNDS} processes killed, {during} of them surely between their first and their last write; {grown} times there \
         were more rows than before, {last} at the end, none lost; repaired and verified {repairs} times"
    );
    assert!(during >= ROUNDS / 2 && grown as u64 > ROUNDS / 4, "{grown}");
}

#[test]
fn a_second_process_reads_while_a_first_one_appends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let mut child = Appending::start(&path);
    let (mut last, mut grown, mut reads) = (0, 0, 0);
    let started = std::time::Instant::now();
    while grown < 40 {
        assert!(
            started.elapsed() < Duration::from_secs(240),
            "{grown} times"
        );
        assert!(child.is_running());
        // Until the header is there.
        if Source::open(&path, &OpenOptions::default()).is_err() {
            assert_eq!(last, 0);
            continue;
        }
        let count = counted(&path);
        assert!(count >= last, "{count} rows after {last}");
        grown += usize::from(count > last);
        reads += 1;
        last = count;
    }
    child.kill();
    println!("read {reads} times, with more rows than before {grown} times, {last} at the end");
}

#[test]
fn arrays_are_added_to_a_file_or_it_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    rows(&path, 9);
    let before = std::fs::read(&path).unwrap();
    let second = LazyArray::from(numbers(&[3, 4], 7));
    let named = |name| Item {
        name,
        array: &second,
    };
    let options = SaveOptions::default();
    append(&path, &[named("second"), named("third")], &options, &()).unwrap();
    is_good(&path);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let names: Vec<&str> = source
        .members()
        .iter()
        .map(|member| &member.path[..])
        .collect();
    assert_eq!(names, ["", "second", "third"]);
    assert_eq!(
        source.array(Some("")).unwrap().load().unwrap().shape(),
        [9, 5]
    );
    assert_eq!(
        bytes(&source.array(Some("third")).unwrap().load().unwrap()),
        bytes(&numbers(&[3, 4], 7))
    );
    let after = std::fs::read(&path).unwrap();
    assert_eq!(after[..before.len()], before);
    // A name that is taken, an interrupt.
    let error = append(&path, &[named("second")], &options, &()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exists));
    options.interrupt.set();
    let error = append(&path, &[named("fourth")], &options, &()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Interrupted);
    assert!(std::fs::read(&path).unwrap() == after);
    // The first array grows on.
    let mut file = NpbFile::open(&path, Some(""), CreateOptions::default()).unwrap();
    file.append(&row(9).view()).unwrap();
    file.finish().unwrap();
    is_good(&path);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(
        source.array(Some("")).unwrap().load().unwrap().shape(),
        [10, 5]
    );
    assert_eq!(
        source.array(Some("third")).unwrap().load().unwrap().shape(),
        [3, 4]
    );
}

#[test]
fn a_second_writer_and_what_does_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let create = || CreateOptions::default();
    let mut file = NpbFile::create(&path, dtype(), &[None, Some(5)], create()).unwrap();
    assert!(matches!(
        NpbFile::create(&path, dtype(), &[Some(1)], create())
            .unwrap_err()
            .kind(),
        ErrorKind::Exists
    ));
    file.append(&row(0).view()).unwrap();
    file.flush().unwrap();
    let error = NpbFile::open(&path, None, create()).unwrap_err();
    assert_eq!(error.class(), ErrorClass::System);
    assert_eq!(counted(&path), 1);
    let wide = numbers(&[1, 6], 0);
    let other = Array::contiguous(Dtype::parse(">u2").unwrap(), &[1, 5], Order::C, vec![0; 10]);
    for wrong in [wide, other.unwrap(), numbers(&[5], 0)] {
        let error = file.append(&wrong.view()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Misfit { .. }), "{error}");
    }
    // It has refused, not failed.
    file.append(&row(1).view()).unwrap();
    file.finish().unwrap();
    assert_eq!(counted(&path), 2);
    let inner = NpbFile::create(
        folder.path().join("b.npb"),
        dtype(),
        &[Some(5), None],
        create(),
    );
    assert!(matches!(
        inner.unwrap_err().kind(),
        ErrorKind::Unsupported { .. }
    ));
}
