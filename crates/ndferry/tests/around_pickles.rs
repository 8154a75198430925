//! Files around pickles: what joblib and PyTorch write, packed in all ways, against what they say is in them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(feature = "compressed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ndferry::{
    ByteOrder, Era, ErrorKind, Format, OpenOptions, Order, RepickleOptions, Source, repickle,
};
use serde_json::Value;

/// The corpus, if it is there: its root, its entries of a family, and what they must hold.
fn corpus(family: &str) -> Option<(PathBuf, Vec<Value>, Value)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle");
    let Ok(manifest) = fs::read_to_string(root.join("manifest.json")) else {
        println!("skipped: no corpus at {}", root.display());
        return None;
    };
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let expected = fs::read_to_string(root.join("expected.json")).unwrap();
    let entries = manifest["entries"].as_array().unwrap().iter();
    let ours = entries.filter(|entry| entry["family"] == family && entry["role"] != "companion");
    Some((
        root,
        ours.cloned().collect(),
        serde_json::from_str(&expected).unwrap(),
    ))
}

/// Kind, itemsize, shape and digest of each array of numbers that must be there.
fn expected(value: &Value, out: &mut Vec<String>) {
    if value["t"] == "ndarray" && value["le_sha256"].is_string() {
        let dtype = &value["dtype"];
        out.push(format!(
            "{} {} {} {}",
            dtype["kind"].as_str().unwrap(),
            dtype["itemsize"],
            value["shape"],
            value["le_sha256"].as_str().unwrap()
        ));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| expected(item, out)),
        Value::Object(pairs) => pairs.values().for_each(|item| expected(item, out)),
        _ => {}
    }
}

/// The same of a list of `[dtype, shape, is Fortran, digest]`.
fn listed(arrays: &Value, out: &mut Vec<String>) {
    for array in arrays.as_array().unwrap() {
        let (dtype, digest) = (array[0].as_str().unwrap(), array[3].as_str());
        if let Some(digest) = digest {
            out.push(format!(
                "{} {} {} {digest}",
                &dtype[1..2],
                &dtype[2..],
                array[1]
            ));
        }
    }
}

fn found(source: &Source) -> Vec<String> {
    use sha2::Digest;
    let arrays = source.arrays().filter(|array| !array.dtype().has_object());
    arrays
        .map(|array| {
            let dtype = array.dtype().clone();
            let loaded = array.load().unwrap();
            let loaded = loaded.into_byteorder(ByteOrder::Little).unwrap();
            let bytes = loaded.view().to_bytes(Order::C).unwrap();
            let digest: String = sha2::Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let kind = dtype.str().chars().nth(1).unwrap();
            let shape = serde_json::to_string(array.shape()).unwrap();
            format!("{kind} {} {shape} {digest}", dtype.itemsize())
        })
        .collect()
}

fn open(path: &Path) -> Source {
    Source::open(path, &OpenOptions::default()).unwrap()
}

/// The files of a folder of the corpus, without what lies beside them.
fn files(root: &Path, entries: &[Value]) -> Vec<PathBuf> {
    let files = entries
        .iter()
        .map(|entry| root.join(entry["file"].as_str().unwrap()));
    files.collect()
}

#[test]
fn joblib_files_of_all_ages_hold_what_joblib_finds_in_them() {
    let Some((root, entries, all)) = corpus("joblib") else {
        return;
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (entry, path) in entries.iter().zip(files(&root, &entries)) {
        let source = open(&path);
        assert_eq!(source.format(), Format::Joblib, "{}", path.display());
        let mut wanted = Vec::new();
        match entry["expected"].as_str() {
            Some(value) => expected(&all[value], &mut wanted),
            None if entry["arrays"].is_array() => listed(&entry["arrays"], &mut wanted),
            // joblib itself could not load it in that Python.
            None => continue,
        }
        assert!(wanted.len() >= 3, "{}", path.display());
        let mut found = found(&source);
        for array in wanted {
            let at = found.iter().position(|found| *found == array);
            let at = at.unwrap_or_else(|| panic!("{}: {array} not in {found:?}", path.display()));
            found.swap_remove(at);
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = name.rsplit('.').next().unwrap().to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    println!("{counts:?}");
    assert!(counts.len() >= 6);
}

#[test]
fn tensors_come_out_of_pytorch_files_of_both_kinds() {
    let Some((root, entries, _)) = corpus("torch_pt") else {
        return;
    };
    let kinds = [
        ("float64", "<f8"),
        ("float32", "<f4"),
        ("float16", "<f2"),
        ("bfloat16", "|V2"),
        ("int64", "<i8"),
        ("int32", "<i4"),
        ("int16", "<i2"),
        ("int8", "|i1"),
        ("uint8", "|u1"),
        ("bool", "|b1"),
    ];
    let mut digests: BTreeMap<String, String> = BTreeMap::new();
    for (entry, path) in entries.iter().zip(files(&root, &entries)) {
        let source = open(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(source.format(), Format::Torch, "{name}");
        assert_eq!(source.safety().word(), "clean", "{name}");
        let [member] = source.members() else {
            panic!("{name} has {} tensors", source.members().len());
        };
        let kind = name.split('_').nth(1).unwrap();
        let dtype = kinds.iter().find(|(of, _)| *of == kind).unwrap().1;
        assert_eq!(
            (&*member.dtype.str(), &member.shape[..]),
            (dtype, &[4][..]),
            "{name}"
        );
        let digest = found(&source)
            .remove(0)
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned();
        if let Some(storages) = entry["storages"].as_object() {
            let stored = storages.values().next().unwrap()[1].as_str().unwrap();
            assert_eq!(digest, stored, "{name}");
        }
        // The old kind and the new one hold the same.
        let first = digests
            .entry(kind.to_owned())
            .or_insert_with(|| digest.clone());
        assert_eq!(*first, digest, "{name}");
    }
    assert_eq!(digests.len(), kinds.len());
}

/// A file of PyTorch before 1.6 with a storage of six floats, and this for an object.
fn legacy(object: &[u8]) -> Bytes {
    let mut out = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    out.extend(b"\x80\x02M\xe9\x03.\x80\x02}.\x80\x02");
    out.extend(object);
    out.extend(b".\x80\x02]X\x01\0\0\0sa.");
    out.extend(6_u64.to_le_bytes());
    (0..6).for_each(|i| out.extend((i as f32).to_le_bytes()));
    out.into()
}

fn tensor(start: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    [
        &b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0sX\x03\0\0\0cpuK\x06NtQ"[..],
        start,
        shape,
        stride,
        b"\x89}tR",
    ]
    .concat()
}

fn values(source: &Source, path: &str) -> Vec<f32> {
    let array = source.array(Some(path)).unwrap().load().unwrap();
    let bytes = array.view().to_bytes(Order::C).unwrap();
    let floats = bytes.chunks_exact(4);
    floats
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

#[test]
fn tensors_are_views_of_their_storage() {
    let parts: [&[u8]; 7] = [
        b"}(X\x01\0\0\0a",
        &tensor(b"K\0", b"K\x02K\x03\x86", b"K\x03K\x01\x86"),
        b"X\x01\0\0\0b",
        &tensor(b"K\0", b"K\x03K\x02\x86", b"K\x01K\x03\x86"),
        b"X\x01\0\0\0cctorch._utils\n_rebuild_parameter\n(",
        &tensor(b"K\x01", b"K\x02K\x02\x86", b"K\x02K\0\x86"),
        b"\x88}tRu",
    ];
    let source =
        Source::from_bytes("x.pt", legacy(&parts.concat()), &OpenOptions::default()).unwrap();
    let paths: Vec<_> = source
        .members()
        .iter()
        .map(|member| &*member.path)
        .collect();
    assert_eq!(paths, ["a", "b", "c"]);
    assert_eq!(values(&source, "a"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values(&source, "b"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(values(&source, "c"), [1.0, 1.0, 3.0, 3.0]);
    assert_eq!(source.members()[1].order, Order::F);
}

#[test]
fn tensors_beyond_their_storage_are_refused() {
    for (start, shape, stride) in [
        (
            &b"K\x01"[..],
            &b"K\x02K\x03\x86"[..],
            &b"K\x03K\x01\x86"[..],
        ),
        (b"K\0", b"K\x03\x85", b"K\x03\x85"),
        (b"J\xff\xff\xff\xff", b"K\x01\x85", b"K\x01\x85"),
        (
            b"K\0",
            b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
            b"K\0K\0K\0\x87",
        ),
        (b"K\0", b"K\x02K\x02\x86", b"K\x01\x85"),
        (b"\x8a\x08\0\0\0\0\0\0\0\x40", b"K\x02\x85", b"K\x01\x85"),
    ] {
        let file = legacy(&tensor(start, shape, stride));
        let opened = Source::from_bytes("x.pt", file, &OpenOptions::default());
        assert!(opened.is_err(), "{shape:?} {stride:?}");
    }
}

#[test]
fn a_cut_storage_is_told() {
    let whole = legacy(&tensor(b"K\0", b"K\x06\x85", b"K\x01\x85"));
    for n in 1..40 {
        let cut = whole.slice(..whole.len() - n);
        let opened = Source::from_bytes("x.pt", cut, &OpenOptions::default());
        assert!(opened.is_err(), "{n} bytes less");
    }
}

#[test]
fn names_of_files_beside_a_pickle_do_not_leave_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}\n";
    let head = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..]].concat();
    let npy = [&head, header.as_bytes(), &[7, 8]].concat();
    for path in [folder.path().join("a.npy"), inner.join("a.npy")] {
        fs::write(path, &npy).unwrap();
    }
    let wrapper = |name: &str| {
        let name = [&(name.len() as u32).to_le_bytes()[..], name.as_bytes()].concat();
        [
            &b"\x80\x02cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}X\x08\0\0\0filenameX"[..],
            &name,
            b"sb.",
        ]
        .concat()
    };
    let pickle = inner.join("x.pkl");
    let opened = |name: &str| {
        fs::write(&pickle, wrapper(name)).unwrap();
        Source::open(&pickle, &OpenOptions::default())
    };
    let source = opened("a.npy").unwrap();
    assert_eq!(
        source.array(None).unwrap().load().unwrap().bytes()[..],
        [7, 8]
    );
    let above = folder.path().join("a.npy").display().to_string();
    for name in ["../a.npy", &above, "", "..", "./a.npy", "../inner/a.npy"] {
        let error = opened(name).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Pickle(_)),
            "{name}: {error}"
        );
    }
    assert!(opened("b.npy").is_err());
    // Nobody knows where bytes in memory came from.
    let bytes = Bytes::from(wrapper("a.npy"));
    assert!(Source::from_bytes("x", bytes, &OpenOptions::default()).is_err());
}

#[test]
fn rewritten_files_hold_the_same_arrays_packed_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut changed = 0;
    for family in ["joblib", "torch_pt", "numpy_objarr_npy"] {
        let Some((root, entries, _)) = corpus(family) else {
            return;
        };
        for path in files(&root, &entries) {
            let name = path.file_name().unwrap();
            // Its arrays stay beside it.
            if name.to_str().unwrap().contains("0.9.") {
                continue;
            }
            for era in [Era::One, Era::Two] {
                let out = folder.path().join(name);
                let mut options = RepickleOptions::default();
                options.overwrite = true;
                let told = repickle(&path, &out, era, &options, &()).unwrap();
                let (before, after) = (fs::read(&path).unwrap(), fs::read(&out).unwrap());
                assert_eq!(told.is_changed(), before != after, "{}", path.display());
                assert_eq!(before[..1], after[..1], "{}", path.display());
                changed += usize::from(told.is_changed());
                let (before, after) = (open(&path), open(&out));
                assert_eq!(found(&before), found(&after), "{}", path.display());
                assert_eq!(before.format(), after.format());
            }
        }
    }
    assert!(changed > 30, "{changed}");
}
