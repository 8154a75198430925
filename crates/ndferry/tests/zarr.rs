//! Zarr stores: what is written comes back, and what is wrong with one is told without harm.
#![cfg(feature = "zarr")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use ndferry::{
    Array, CheckOptions, Codec, Dtype, Error, ErrorClass, Item, LazyArray, OpenOptions, Order,
    SaveOptions, Source, check, save,
};

fn counted(dtype: &str, shape: &[usize], order: Order) -> LazyArray {
    let dtype = Dtype::parse(dtype).unwrap();
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = (0..nbytes).map(|i| (i * 7 % 251) as u8).collect();
    Array::contiguous(dtype, shape, order, bytes)
        .unwrap()
        .into()
}

fn write(path: &Path, items: &[(&str, &LazyArray)], options: &SaveOptions) -> Result<(), Error> {
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    save(path, &items, options, &()).map(|_| ())
}

fn open(path: &Path) -> Result<Source, Error> {
    Source::open(path, &OpenOptions::default())
}

/// All elements of the only array.
fn loaded(path: &Path) -> Result<Vec<u8>, Error> {
    Ok(open(path)?
        .array(None)?
        .load()?
        .into_order(Order::C)?
        .bytes()
        .to_vec())
}

#[test]
fn what_is_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    for (dtype, shape, order, tile) in [
        ("<u2", &[5, 7][..], Order::C, Some(&[2, 3][..])),
        (">f8", &[5, 7], Order::F, Some(&[9, 2])),
        ("|u1", &[], Order::C, None),
        ("<c16", &[3, 0, 2], Order::C, None),
        ("<M8[ms]", &[2, 3, 4], Order::F, Some(&[1, 3, 4])),
        ("|b1", &[100], Order::C, None),
    ] {
        for codec in [
            Codec::None,
            Codec::Default,
            Codec::Zstd(7),
            Codec::Deflate(1),
        ] {
            let array = counted(dtype, shape, order);
            let mut options = SaveOptions::default();
            options.packing.codec = codec;
            options.tile = tile.map(<[u64]>::to_vec);
            options.overwrite = true;
            write(&path, &[("", &array)], &options).unwrap();
            let source = open(&path).unwrap();
            let back = source.array(None).unwrap();
            assert_eq!((back.dtype(), back.shape()), (array.dtype(), array.shape()));
            let wanted = array.load().unwrap().into_order(Order::C).unwrap();
            assert!(loaded(&path).unwrap() == wanted.bytes()[..]);
            let finding = check(&path, &CheckOptions::default(), &()).unwrap();
            assert!(finding.is_good(), "{:?}", finding.problems);
            // Nothing is left beside it.
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}

#[test]
fn a_store_is_replaced_whole_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (
        counted("<u2", &[4], Order::C),
        counted("<u2", &[9], Order::C),
    );
    let path = folder.path().join("a.zarr");
    let mut options = SaveOptions::default();
    write(&path, &[("x", &a), ("deep/y", &b)], &options).unwrap();
    let error = write(&path, &[("", &b)], &options).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Usage);
    options.overwrite = true;
    // What cannot be written leaves the old one.
    let objects: LazyArray =
        Array::contiguous(Dtype::parse("<f16").unwrap(), &[1], Order::C, vec![0; 16])
            .unwrap()
            .into();
    assert!(write(&path, &[("", &a), ("z", &objects)], &options).is_err());
    let paths = |path: &Path| -> Vec<String> {
        let source = open(path).unwrap();
        source
            .members()
            .iter()
            .map(|member| member.path.clone())
            .collect()
    };
    assert_eq!(paths(&path), ["deep/y", "x"]);
    write(&path, &[("", &b)], &options).unwrap();
    assert_eq!(paths(&path), [""]);
    // A folder that is no store stays, whatever is asked for.
    let precious = folder.path().join("precious.zarr");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("thesis.txt"), "all of it").unwrap();
    assert!(write(&precious, &[("", &b)], &options).is_err());
    assert!(precious.join("thesis.txt").exists());
    for name in ["../up", "a//b", "__x", ".", "zarr.json", "c\\d"] {
        assert!(
            write(&folder.path().join("n.zarr"), &[(name, &a)], &options).is_err(),
            "{name}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A store of one array, with what is in a chunk, and what is said of it.
fn store(folder: &Path, change: impl Fn(String) -> String, chunk: &[u8]) -> std::path::PathBuf {
    let path = folder.join("h.zarr");
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(path.join("c")).unwrap();
    let text = r#"{"zarr_format": 3, "node_type": "array", "shape": [1000], "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1000]}},
        "chunk_key_encoding": {"name": "default"}, "fill_value": 3,
        "codecs": ["bytes", {"name": "gzip"}]}"#;
    fs::write(path.join("zarr.json"), change(text.to_owned())).unwrap();
    fs::write(path.join("c/0"), chunk).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

#[test]
fn chunks_that_lie_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = gzip(&[5; 1000]);
    let path = store(folder.path(), |text| text, &good);
    assert_eq!(loaded(&path).unwrap(), [5; 1000]);
    // Made bit by bit, so that the peak so far is below what it would unpack to.
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    for _ in 0..64 {
        to.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = to.finish().unwrap();
    let mut flips = 0;
    for (what, chunk) in [
        ("a short one", gzip(&[5; 999])),
        ("a long one", gzip(&[5; 1001])),
        ("a bomb", bomb),
        ("nothing", Vec::new()),
        ("no gzip", vec![5; 1000]),
        ("much", vec![5; 1 << 20]),
    ] {
        let path = store(folder.path(), |text| text, &chunk);
        let before = ndferry::peak_memory();
        let error = loaded(&path).unwrap_err();
        assert!(error.to_string().contains("c/0"), "{what}: {error}");
        assert_ne!(error.class(), ErrorClass::System, "{what}: {error}");
        let finding = check(&path, &CheckOptions::default(), &()).unwrap();
        assert_eq!(finding.problems.len(), 1, "{what}");
        if let (Some(before), Some(after)) = (before, ndferry::peak_memory()) {
            assert!(
                after - before < 16 << 20,
                "{what}: {} bytes",
                after - before
            );
        }
        flips += 1;
    }
    for cut in 0..good.len() {
        let path = store(folder.path(), |text| text, &good[..cut]);
        assert!(loaded(&path).is_err(), "{cut}");
        flips += 1;
    }
    println!("{flips} chunks that lie, each refused");
}

#[test]
fn claims_meet_a_limit_before_memory() {
    let folder = tempfile::tempdir().unwrap();
    let good = gzip(&[5; 1000]);
    for (from, to) in [
        (
            "\"chunk_shape\": [1000]",
            "\"chunk_shape\": [4611686018427387904]",
        ),
        ("\"shape\": [1000]", "\"shape\": [18446744073709551615]"),
        (
            "[1000], \"data_type\": \"uint8\"",
            "[1000], \"data_type\": {\"name\": \"raw_bytes\", \"configuration\": {\"length_bytes\": 9007199254740991}}",
        ),
        ("\"fill_value\": 3", "\"fill_value\": 1e400"),
        ("\"gzip\"", "\"blosc\""),
    ] {
        let changed = |text: String| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        };
        let path = store(folder.path(), changed, &good);
        let error = open(&path).unwrap_err();
        assert_ne!(error.class(), ErrorClass::System, "{to}: {error}");
    }
    // Never written: any shape is fine, and a part of it costs a part.
    let wide = |text: String| text.replace("\"shape\": [1000]", "\"shape\": [1000000000000]");
    let path = store(folder.path(), wide, &good);
    let array = open(&path).unwrap().array(None).unwrap();
    let index: ndferry::Indexing = "-3:".parse().unwrap();
    let part = array.read(&index.resolve(array.shape()).unwrap()).unwrap();
    assert_eq!(&part.bytes()[..], [3, 3, 3]);
    // Any description, cut anywhere, is an answer.
    let path = store(folder.path(), |text| text, &good);
    let text = fs::read(path.join("zarr.json")).unwrap();
    for cut in 0..text.len() - 1 {
        fs::write(path.join("zarr.json"), &text[..cut]).unwrap();
        assert!(open(&path).is_err(), "{cut}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_links_in_a_store_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = store(folder.path(), |text| text, &[]);
    fs::remove_file(path.join("c/0")).unwrap();
    fs::create_dir(path.join("c/0")).unwrap();
    assert!(loaded(&path).is_err());
    // A group that holds itself.
    let group = folder.path().join("g.zarr");
    fs::create_dir(&group).unwrap();
    fs::write(
        group.join("zarr.json"),
        r#"{"zarr_format": 3, "node_type": "group"}"#,
    )
    .unwrap();
    std::os::unix::fs::symlink(&group, group.join("again")).unwrap();
    assert_eq!(open(&group).unwrap().members().len(), 0);
}
