//! Pickles rewritten for the other NumPy. Real NumPys load them in the oracle's tests; here are what lies between, what is
//! wrong, and whole corpora.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ndferry_pickle::{
    ArrayReader, Era, ErrorKind, Limits, Machine, ReadAt, Recognised, Repickled, Result, repickle,
};
use sha2::{Digest, Sha256};

fn rewritten(pickle: &[u8], era: Era) -> Result<(Vec<u8>, Repickled)> {
    let input: Arc<dyn ReadAt> = Arc::new(Bytes::copy_from_slice(pickle));
    let mut out = Vec::new();
    let told = repickle(&input, 0, &mut out, era, &Limits::default())?;
    Ok((out, told))
}

fn text(pickle: &[u8]) -> String {
    let mut machine = Machine::new(pickle.to_vec());
    let root = machine.load().unwrap();
    machine.tree().repr(root)
}

/// `numpy.arange(8, dtype='u1').reshape(2, 2, 2).transpose(1, 0, 2)` in protocol 5, as NumPy 2.4 pickles it.
fn turned() -> Vec<u8> {
    let body = [
        &b"\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94"[..],
        b"(\x96\x08\0\0\0\0\0\0\0\x00\x01\x02\x03\x04\x05\x06\x07\x94",
        b"\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94",
        b"(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94b",
        b"K\x02K\x02K\x02\x87\x94\x8c\x01K\x94K\x01K\0K\x02\x87\x94t\x94R\x94.",
    ]
    .concat();
    let mut out = b"\x80\x05\x95".to_vec();
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(body);
    out
}

#[test]
fn what_needs_no_change_is_copied_byte_for_byte() {
    for pickle in [
        &b"\x80\x02cnumpy\ndtype\nq\0(U\x02f8K\0K\x01tR."[..],
        // A long way to say a memo number, and a frame that ends early.
        b"\x80\x04\x95\x01\0\0\0\0\0\0\0Nr\x05\0\0\0.",
        b"N.N.and more that is no pickle",
        b"I01\n.",
    ] {
        let (out, told) = rewritten(pickle, Era::One).unwrap();
        assert_eq!(out, pickle);
        assert!(!told.is_changed());
    }
}

#[test]
fn a_text_stays_what_it_is_though_it_is_also_the_name_of_a_module() {
    // [module, module's class, module], where all three are one object in the memo.
    let pickle = b"\x80\x04](\x8c\x16numpy._core.multiarray\x94h\0\x8c\x06scalar\x94\x93h\0h\x01e.";
    let (out, told) = rewritten(pickle, Era::One).unwrap();
    assert_eq!(told.globals, 1);
    assert_eq!(
        text(&out),
        "['numpy._core.multiarray', numpy.core.multiarray.scalar, 'numpy._core.multiarray', 'scalar']"
    );
}

#[test]
fn a_name_in_no_table_is_kept_beside_its_new_module() {
    let pickle = b"\x80\x04\x8c\x11numpy._core.umath\x94\x8c\x03sin\x94\x93\x94h\x01h\x02\x87.";
    let (out, told) = rewritten(pickle, Era::One).unwrap();
    assert_eq!(told.globals, 1);
    let mut machine = Machine::new(out);
    machine.load().unwrap();
    let global = machine.tree().globals()[0].clone();
    assert_eq!(
        (&*global.module, &*global.name),
        ("numpy.core.umath", "sin")
    );
}

#[test]
fn numbers_that_look_like_flags_stay_where_they_are_no_flags() {
    // (3, '|', None, ('a',), {}, 16, 8, 144), but for no dtype.
    let pickle = b"\x80\x04(K\x03\x8c\x01|N\x8c\x01a\x85}K\x10K\x08K\x90t.";
    let (out, told) = rewritten(pickle, Era::One).unwrap();
    assert!(!told.is_changed());
    assert_eq!(out, pickle);
}

#[test]
fn a_module_that_nobody_knows_is_told_and_left() {
    let pickle = b"\x80\x02cnumpy._core.brand_new\nthing\n.";
    let (out, told) = rewritten(pickle, Era::One).unwrap();
    assert_eq!(out, pickle);
    assert_eq!(told.unknown[0].name, "numpy._core.brand_new.thing");
    assert_eq!(told.unknown[0].offset, 2);
}

#[test]
fn what_numpy_1_has_not_is_refused_with_its_byte() {
    let pickle = b"\x80\x02]cnumpy._core._internal\n_convert_to_stringdtype_kwargs\n(\x88tRa.";
    let error = rewritten(pickle, Era::One).unwrap_err();
    assert_eq!(error.offset, 3);
    assert!(matches!(error.kind, ErrorKind::NotInNumpy { numpy: 1, .. }));
    assert!(rewritten(pickle, Era::Two).is_ok());
}

#[test]
fn a_turned_array_is_made_with_strides() {
    let (out, told) = rewritten(&turned(), Era::One).unwrap();
    assert_eq!((told.arrays, told.globals), (1, 1));
    let mut machine = Machine::new(out);
    machine.load().unwrap();
    let names: Vec<_> = machine
        .tree()
        .globals()
        .iter()
        .map(|global| format!("{}.{}", global.module, global.name))
        .collect();
    assert_eq!(
        names,
        [
            "numpy.core.numeric._frombuffer",
            "numpy.dtype",
            "numpy.ndarray"
        ]
    );
}

#[test]
fn every_truncation_is_refused() {
    let pickle = turned();
    for n in 0..pickle.len() {
        assert!(rewritten(&pickle[..n], Era::One).is_err(), "{n} bytes");
    }
}

#[test]
fn a_wrong_bit_never_ends_in_a_panic() {
    let pickle = turned();
    for i in 0..pickle.len() {
        for bit in 0..8 {
            let mut wrong = pickle.clone();
            wrong[i] ^= 1 << bit;
            for era in [Era::One, Era::Two] {
                let _ = rewritten(&wrong, era);
            }
        }
    }
}

#[test]
fn arguments_below_a_mark_are_not_those_of_the_function_there() {
    // `_frombuffer ( ( … K axes t`: the function waits for another tuple.
    let pickle = b"\x80\x05\x8c\x13numpy._core.numeric\x8c\x0b_frombuffer\x93((NNK\x01K\x02\x86\x8c\x01KK\x01K\0\x86ttR.";
    let (out, _) = rewritten(pickle, Era::One).unwrap();
    assert!(text(&out).contains("'K'"), "{}", text(&out));
}

#[test]
fn long_claims_cost_nothing() {
    for pickle in [
        &b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."[..],
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
        b"\x8b\xff\xff\xff\x7f.",
        b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xfe.",
    ] {
        assert!(rewritten(pickle, Era::One).is_err());
    }
    assert!(rewritten(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.", Era::One).is_ok());
}

/// The corpus, if it is there.
fn corpus() -> Option<(PathBuf, serde_json::Value)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("pickle");
    let Ok(manifest) = fs::read_to_string(root.join("manifest.json")) else {
        println!("skipped: no corpus at {}", root.display());
        return None;
    };
    Some((root, serde_json::from_str(&manifest).unwrap()))
}

/// All arrays of all pickles of a file: dtype, shape, and elements as they lie.
fn arrays(bytes: Vec<u8>) -> Result<Vec<String>> {
    let len = bytes.len() as u64;
    let mut machine = Machine::new(bytes);
    machine.load()?;
    while machine.offset() < len {
        let start = machine.offset();
        if machine.load().is_err() {
            machine.skip_to(start);
            if machine.load_on().is_err() {
                break;
            }
        }
    }
    let tree = machine.into_tree();
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    let mut out = Vec::new();
    let mut list = |array: &ndferry_pickle::PickledArray| {
        let elements = match &array.elements {
            ndferry_pickle::Elements::Bytes(payload) => {
                format!("{:?}", Sha256::digest(payload.bytes(&tree)?))
            }
            other => format!("{:?}", std::mem::discriminant(other)),
        };
        let (dtype, shape, order) = (array.dtype.str(), &array.shape, &array.order);
        out.push(format!("{dtype} {shape:?} {order:?} {elements}"));
        Ok::<(), ndferry_pickle::Error>(())
    };
    for id in tree.ids() {
        match reader.read(id) {
            Ok(Some(Recognised::Array(array))) => list(&array)?,
            Ok(Some(Recognised::Masked { data, mask, .. })) => {
                list(&data)?;
                list(&mask)?;
            }
            _ => {}
        }
    }
    Ok(out)
}

fn is_bomb(path: &Path) -> bool {
    path.to_string_lossy().contains("malicious")
}

#[test]
fn real_pickles_hold_the_same_arrays_afterwards_and_do_not_change_again() {
    let Some((root, manifest)) = corpus() else {
        return;
    };
    let (mut changed, mut same, mut refused, mut unreadable) = (0, 0, 0, 0);
    for entry in manifest["entries"].as_array().unwrap() {
        let path = root.join(entry["file"].as_str().unwrap());
        let pickle = fs::read(&path).unwrap();
        for era in [Era::One, Era::Two] {
            let (out, told) = match rewritten(&pickle, era) {
                Ok(done) => done,
                Err(error) if matches!(error.kind, ErrorKind::NotInNumpy { .. }) => {
                    refused += 1;
                    continue;
                }
                Err(_) => {
                    unreadable += 1;
                    assert!(
                        is_bomb(&path) || arrays(pickle.clone()).is_err(),
                        "{}",
                        path.display()
                    );
                    continue;
                }
            };
            if told.is_changed() {
                changed += 1;
            } else {
                same += 1;
                assert_eq!(out, pickle, "{}", path.display());
            }
            let (again, told) = rewritten(&out, era).unwrap();
            assert!(!told.is_changed() && again == out, "{}", path.display());
            if let Ok(before) = arrays(pickle.clone()) {
                assert_eq!(arrays(out).unwrap(), before, "{}", path.display());
            }
        }
    }
    println!(
        "{changed} changed, {same} as they were, {refused} refused, {unreadable} not readable"
    );
    assert!(
        changed > 500 && same > 500,
        "{changed} changed, {same} as they were"
    );
}
