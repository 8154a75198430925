//! Every flipped bit and every cut of ten small NPB files, and many of larger ones: all are told, none panics, and what is
//! read of a damaged file is right.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{
    Array, Attributes, CheckOptions, Codec, Dtype, Filter, Format, Item, LazyArray, OpenOptions,
    Order, Packing, Problem, SaveOptions, Source, check_bytes, save_to,
};

fn numbers(dtype: &str, shape: &[usize], order: Order) -> LazyArray {
    let dtype = Dtype::parse(dtype).unwrap();
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u64)
        .flat_map(|n| (n / 3 + 1).to_le_bytes()[..dtype.itemsize()].to_vec())
        .collect();
    Array::contiguous(dtype, shape, order, bytes)
        .unwrap()
        .into()
}

fn file(items: &[(&str, LazyArray)], change: impl FnOnce(&mut SaveOptions)) -> Vec<u8> {
    let item = |(name, array)| Item { name, array };
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|(name, array)| item((*name, array)))
        .collect();
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npb);
    change(&mut options);
    let mut out = Vec::new();
    save_to(&mut out, &items, &options, &()).unwrap();
    out
}

fn packed(codec: Codec, filter: Filter) -> impl FnOnce(&mut SaveOptions) {
    move |options| {
        options.packing = Packing { codec, filter };
        options.tile = Some(vec![4, 5]);
    }
}

/// What the test is about: each kind of message, codec, filter and array.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let plain = || vec![("", numbers("<u2", &[9, 10], Order::C))];
    let json = r#"{"axes": "YX", "unit": "µm"}"#;
    let noted = plain()[0]
        .1
        .clone()
        .with_attributes(Attributes::parse(json).unwrap());
    let two = [
        ("first", numbers("<i8", &[9, 10], Order::C)),
        ("second", numbers("<u4", &[8, 10], Order::F)),
    ];
    vec![
        ("raw", file(&plain(), packed(Codec::None, Filter::None))),
        ("lz4", file(&plain(), packed(Codec::Lz4, Filter::Shuffle))),
        (
            "zstd",
            file(&plain(), packed(Codec::Zstd(1), Filter::Bitshuffle)),
        ),
        (
            "delta",
            file(&plain(), packed(Codec::Zstd(1), Filter::Delta)),
        ),
        (
            "deflate",
            file(&plain(), packed(Codec::Deflate(6), Filter::Shuffle)),
        ),
        ("pco", file(&plain(), packed(Codec::Pco, Filter::Default))),
        (
            "several",
            file(&two, packed(Codec::Default, Filter::Default)),
        ),
        (
            "growing",
            file(&plain(), |options| {
                options.growing = true;
                options.tile = Some(vec![4, 5]);
            }),
        ),
        ("attributes", file(&[("", noted)], |_| {})),
        (
            "no axes",
            file(&[("", numbers("<f8", &[], Order::C))], |_| {}),
        ),
    ]
}

/// Bytes of messages: all but what pads them apart.
fn in_messages(file: &[u8]) -> Vec<bool> {
    let (mut inside, mut at) = (vec![false; file.len()], 0);
    while at < file.len() {
        if file[at] == 0 {
            at += 1;
            continue;
        }
        let nbytes = u64::from_le_bytes(file[at + 24..][..8].try_into().unwrap()) as usize;
        inside[at..at + 40 + nbytes].fill(true);
        at += 40 + nbytes;
    }
    inside
}

/// What can be read, each array whole: where it says so, it is what it was.
fn read(bytes: &[u8], whole: &Source) -> usize {
    let Ok(source) = Source::from_bytes("damaged", bytes.to_vec().into(), &OpenOptions::default())
    else {
        return 0;
    };
    let mut right = 0;
    for array in source.arrays() {
        let Ok(found) = array.load() else { continue };
        let wanted = whole.array(Some(array.path())).unwrap().load().unwrap();
        assert_eq!(found.dtype(), wanted.dtype());
        let bytes = |array: &Array| array.view().to_bytes(Order::C).unwrap();
        let (found_bytes, mut wanted_bytes) = (bytes(&found), bytes(&wanted));
        if source.require_whole().is_err() && found.shape() != wanted.shape() {
            // Of an array that grows, what is left are the first rows.
            assert_eq!(found.shape()[1..], wanted.shape()[1..]);
            assert!(found.shape()[0] < wanted.shape()[0]);
            wanted_bytes.truncate(found_bytes.len());
        }
        assert!(found_bytes == wanted_bytes, "{}", array.path());
        right += 1;
    }
    right
}

/// Whether `check` sees it, and names a tile with its region.
fn told(bytes: &[u8]) -> (bool, bool) {
    let finding = check_bytes(
        "damaged",
        bytes.to_vec().into(),
        &CheckOptions::default(),
        &(),
    )
    .unwrap();
    let text: Vec<String> = finding.problems.iter().map(Problem::to_string).collect();
    let names_tile = text
        .iter()
        .any(|line| line.contains("tile") && line.contains('['));
    (!finding.is_good(), names_tile)
}

#[test]
fn every_flip_and_every_cut_of_ten_small_files_is_told() {
    let files = files();
    assert_eq!(files.len(), 10);
    for (name, bytes) in &files {
        let whole =
            Source::from_bytes(name, bytes.clone().into(), &OpenOptions::default()).unwrap();
        assert_eq!(told(bytes), (false, false), "{name}");
        let (inside, mut tiles, mut harmless, mut arrays) = (in_messages(bytes), 0, 0, 0);
        let mut flips = 0;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let (is_told, names_tile) = told(&damaged);
                assert!(is_told || !inside[at], "{name}: byte {at}, bit {bit}");
                flips += 1;
                tiles += usize::from(names_tile);
                harmless += usize::from(!is_told);
                if bit == 0 {
                    arrays += read(&damaged, &whole);
                }
            }
        }
        for nbytes in 0..bytes.len() {
            assert!(told(&bytes[..nbytes]).0, "{name}: cut to {nbytes}");
            read(&bytes[..nbytes], &whole);
        }
        let cuts = bytes.len();
        println!(
            "{name:10} {flips:6} flips told, {tiles:5} name a tile, {harmless:2} in padding; {cuts:5} cuts told; \
             {arrays:5} arrays read right all the same"
        );
    }
}

#[test]
fn flips_and_cuts_of_larger_files_are_told() {
    const SAMPLED: usize = 2_000;
    let array = || numbers("<u2", &[40, 50, 60], Order::C);
    let grown = |options: &mut SaveOptions| {
        options.growing = true;
        options.tile = Some(vec![4, 25, 30]);
    };
    let several = [("a", array()), ("b", numbers(">f4", &[100, 200], Order::F))];
    let small = |codec, filter| {
        move |options: &mut SaveOptions| {
            options.packing = Packing { codec, filter };
            options.tile = Some(vec![8, 25, 30]);
        }
    };
    let files = [
        file(&[("", array())], small(Codec::None, Filter::None)),
        file(&[("", array())], small(Codec::Lz4, Filter::Shuffle)),
        file(&[("", array())], small(Codec::Zstd(1), Filter::Shuffle)),
        file(&[("", array())], grown),
        file(&several, |options| options.block_nbytes = Some(4096)),
    ];
    // A generator that gives the same places each time (Knuth's constants).
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut counts = [0; 3];
    for bytes in &files {
        let whole =
            Source::from_bytes("whole", bytes.clone().into(), &OpenOptions::default()).unwrap();
        let inside = in_messages(bytes);
        for i in 0..2 * SAMPLED {
            let at = next(bytes.len());
            let mut damaged = bytes.clone();
            match i % 2 {
                0 => damaged[at] ^= 1 << next(8),
                _ => damaged.truncate(at),
            }
            let is_cut = damaged.len() < bytes.len();
            assert!(told(&damaged).0 || !is_cut && !inside[at], "{at}: {is_cut}");
            counts[usize::from(is_cut)] += 1;
            if i % 20 < 2 {
                counts[2] += read(&damaged, &whole);
            }
        }
    }
    let [flips, cuts, arrays] = counts;
    println!("{flips} flips and {cuts} cuts told; {arrays} arrays read right all the same");
}
