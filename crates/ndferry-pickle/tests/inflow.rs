//! A pickle that comes only once says the same as one that lies in memory, however it is cut.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Dtype, Order};
use ndferry_pickle::{
    ArrayHead, ArrayReader, Elements, Error, Id, Inflow, Limits, Machine, Recognised, Tree,
    TreeBuilder, TreeWriter, Value, WriteOptions,
};

/// Gives so many bytes at a time, and an empty hand at the end.
struct Cut {
    bytes: Bytes,
    step: usize,
}

impl Read for Cut {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.step.min(buf.len()).min(self.bytes.len());
        buf[..n].copy_from_slice(&self.bytes.split_to(n));
        Ok(n)
    }
}

fn gather(nbytes: u64, more: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Bytes> {
    let mut bytes = vec![0; nbytes.min(1 << 20) as usize];
    let mut have = 0;
    while have < bytes.len() {
        match more(&mut bytes[have..])? {
            0 => break,
            n => have += n,
        }
    }
    bytes.truncate(have);
    Ok(bytes.into())
}

fn flowing(pickle: &Bytes, nbytes: u64, step: usize) -> Result<(Tree, Id), Error> {
    let bytes = pickle.clone();
    let inflow = Inflow::new(Cut { bytes, step }, nbytes, gather);
    let mut machine = Machine::open(Arc::new(inflow), 0, Limits::default(), Vec::new());
    let root = machine.load()?;
    Ok((machine.into_tree(), root))
}

fn at_hand(pickle: &Bytes) -> Result<(Tree, Id), Error> {
    let mut machine = Machine::new(pickle.clone());
    let root = machine.load()?;
    Ok((machine.into_tree(), root))
}

fn written(tree: &Tree, root: Id) -> Vec<u8> {
    let mut writer = TreeWriter::new(tree, WriteOptions::default()).unwrap();
    writer.write(root, Vec::new()).unwrap()
}

/// Bytes of which about one in three is two in UTF-8.
fn noise(nbytes: usize) -> Bytes {
    (0..nbytes).map(|i| (i * i / 7 % 191) as u8).collect()
}

const SIZES: [usize; 9] = [
    1, 4096, 4097, 8200, 65_535, 65_536, 65_537, 200_001, 300_000,
];

const STEPS: [usize; 4] = [1, 4099, 8 << 10, 1 << 20];

const STEPS_OF_TEXT: [usize; 4] = [61, 4099, 8 << 10, 1 << 20];

fn array(protocol: u8, python2: bool, elements: &Bytes) -> Bytes {
    let mut builder = TreeBuilder::new();
    let head = ArrayHead {
        dtype: &Dtype::parse("u1").unwrap(),
        shape: &[elements.len()],
        order: Order::C,
    };
    let array = builder.array(&head, elements.clone()).unwrap();
    let (before, again) = (builder.text("before"), builder.bytes(&elements[1..]));
    let list = builder.list(&[before, array, again, array]);
    let (tree, root) = builder.finish(list).unwrap();
    let options = WriteOptions {
        protocol,
        python2,
        ..WriteOptions::default()
    };
    let mut writer = TreeWriter::new(&tree, options).unwrap();
    writer.write(root, Vec::new()).unwrap().into()
}

#[test]
fn arrays_of_all_protocols_come_in_memory_of_their_own() {
    let mut seen = 0;
    for (protocol, python2) in [
        (0, false),
        (1, false),
        (2, false),
        (2, true),
        (3, false),
        (4, false),
        (5, false),
    ] {
        for nbytes in SIZES {
            let elements = noise(nbytes);
            let pickle = array(protocol, python2, &elements);
            let (tree, root) = at_hand(&pickle).unwrap();
            let expected = written(&tree, root);
            for step in STEPS {
                if step == 1 && nbytes > 10_000 {
                    continue;
                }
                let (tree, root) = flowing(&pickle, pickle.len() as u64, step).unwrap();
                let what = format!("protocol {protocol}, {nbytes} bytes, {step} at a time");
                let Value::List(items) = tree.get(root) else {
                    panic!("{what}");
                };
                let mut reader = ArrayReader::new(&tree, &Limits::default());
                let mut found = items
                    .iter()
                    .filter_map(|id| match reader.read(*id).unwrap() {
                        Some(Recognised::Array(array)) => match array.elements {
                            Elements::Bytes(payload) => Some(payload.bytes(&tree).unwrap()),
                            _ => panic!("{what}"),
                        },
                        _ => None,
                    });
                let (first, second) = (found.next().unwrap(), found.next().unwrap());
                assert!(first == elements, "{what}");
                if protocol > 0 && nbytes > 4096 {
                    assert_eq!(first.as_ptr(), second.as_ptr(), "{what}: it was copied");
                }
                assert!(written(&tree, root) == expected, "{what}");
                seen += 1;
            }
        }
    }
    println!("{seen} pickles in pieces");
}

/// One text and a number after it, in protocol 2.
fn text(utf8: &[u8]) -> Bytes {
    let mut pickle = b"\x80\x02X".to_vec();
    pickle.extend((utf8.len() as u32).to_le_bytes());
    pickle.extend(utf8);
    pickle.extend(b"K\x07\x86.");
    pickle.into()
}

#[test]
fn text_that_is_latin1_only_at_first_stays_text() {
    let latin1 = "aé".repeat(60_000);
    for odd in ["", "z", "é", "日", "\u{1f40d}", "日é", "é日"] {
        for at in [0, 1, 5000, 70_000, latin1.chars().count()] {
            let mut chars = latin1.chars();
            let mut whole: String = chars.by_ref().take(at).collect();
            whole.push_str(odd);
            whole.extend(chars);
            let pickle = text(whole.as_bytes());
            let (tree, root) = at_hand(&pickle).unwrap();
            let expected = written(&tree, root);
            for step in STEPS_OF_TEXT {
                let (tree, root) = flowing(&pickle, pickle.len() as u64, step).unwrap();
                assert!(written(&tree, root) == expected, "{odd} at {at}, by {step}");
            }
        }
    }
    // Half of a surrogate pair, as Python writes it.
    let mut half = latin1.into_bytes();
    half.extend([0xed, 0xa0, 0x80, b'.']);
    let pickle = text(&half);
    let (tree, root) = at_hand(&pickle).unwrap();
    let expected = written(&tree, root);
    let (tree, root) = flowing(&pickle, pickle.len() as u64, 1000).unwrap();
    assert!(written(&tree, root) == expected);
}

#[test]
fn what_is_no_text_is_wrong_at_the_same_byte() {
    let good = "aé".repeat(50_000).into_bytes();
    let mut seen = 0;
    for at in [0, 4097, 65_534, 65_535, 65_536, 100_000, good.len() - 1] {
        for wrong in [0xc0, 0xe3, 0xf8, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = wrong;
            let pickle = text(&bytes);
            let expected = at_hand(&pickle).unwrap_err().to_string();
            for step in STEPS_OF_TEXT {
                let error = flowing(&pickle, pickle.len() as u64, step).unwrap_err();
                assert_eq!(error.to_string(), expected, "{wrong:#x} at {at}, by {step}");
                seen += 1;
            }
        }
    }
    println!("{seen} texts that are none");
}

#[test]
fn a_stream_that_ends_early_is_an_error_at_every_byte() {
    for (protocol, python2) in [(2, false), (2, true), (5, false)] {
        let pickle = array(protocol, python2, &noise(5000));
        for nbytes in 0..pickle.len() {
            // It claims to be whole.
            let cut = pickle.slice(..nbytes);
            assert!(flowing(&cut, pickle.len() as u64, 1 << 20).is_err());
            // It is known to be cut.
            assert!(flowing(&cut, nbytes as u64, 1 << 20).is_err());
        }
    }
}
