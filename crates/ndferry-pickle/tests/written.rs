//! What is written, read back: every dtype, order, protocol and era.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ndferry_array::{Dtype, Order};
use ndferry_pickle::{
    ArrayHead, ArrayReader, Elements, Limits, Machine, Numpy, PickleWriter, PickledArray, ReadAt,
    Recognised, StoredOrder, TreeBuilder, TreeWriter, Value, WriteOptions,
};

const ERAS: [Numpy; 3] = [Numpy::Any, Numpy::One, Numpy::Two];

fn bytes_of(nbytes: usize) -> Vec<u8> {
    // Every byte, also those that lines and text treat differently.
    (0..nbytes).map(|i| (i * 7 + i / 256) as u8).collect()
}

fn write(arrays: &[(&str, &str, &[usize], Order)], protocol: u8, numpy: Numpy) -> Vec<u8> {
    let options = WriteOptions {
        protocol,
        numpy,
        ..WriteOptions::default()
    };
    let mut writer = PickleWriter::new(Vec::new(), options).unwrap();
    let is_root = matches!(arrays, [("", ..)]);
    if !is_root {
        writer.dict(arrays.len()).unwrap();
    }
    for (name, dtype, shape, order) in arrays {
        if !is_root {
            writer.key(name).unwrap();
        }
        let dtype = Dtype::parse(dtype).unwrap();
        let bytes = bytes_of(shape.iter().product::<usize>() * dtype.itemsize());
        let head = ArrayHead {
            dtype: &dtype,
            shape,
            order: *order,
        };
        writer
            .array(&head, &mut || Ok(Box::new(&bytes[..])))
            .unwrap();
    }
    writer.finish().unwrap()
}

fn check(read: &PickledArray, tree: &ndferry_pickle::Tree, wrote: &(&str, &str, &[usize], Order)) {
    let (_, dtype, shape, order) = wrote;
    assert_eq!(read.dtype, Dtype::parse(dtype).unwrap());
    assert_eq!(read.shape, *shape);
    let one_way = shape.iter().filter(|extent| **extent > 1).count() < 2 || shape.contains(&0);
    let expected = if *order == Order::F && !one_way {
        StoredOrder::F
    } else {
        StoredOrder::C
    };
    assert_eq!(read.order, expected);
    let Elements::Bytes(payload) = read.elements else {
        panic!("objects");
    };
    let nbytes = shape.iter().product::<usize>() * read.dtype.itemsize();
    assert_eq!(payload.bytes(tree).unwrap(), bytes_of(nbytes));
}

#[test]
fn every_array_comes_back() {
    let dtypes = [
        "|b1",
        "|i1",
        "<i2",
        ">i4",
        "<i8",
        "|u1",
        ">u2",
        "<u4",
        "<u8",
        "<f2",
        "<f4",
        ">f8",
        "<f16",
        "<c8",
        ">c16",
        "|S5",
        "<U3",
        ">U2",
        "|V7",
        "<M8[25us]",
        ">m8[D]",
        "<M8",
    ];
    let shapes: [&[usize]; 7] = [&[], &[0], &[3], &[2, 3], &[3, 0, 2], &[1, 5], &[40, 60, 5]];
    let mut count = 0;
    for dtype in dtypes {
        for shape in shapes {
            for order in [Order::C, Order::F] {
                for (protocol, era) in (0..=5).flat_map(|p| ERAS.map(|era| (p, era))) {
                    let wrote = [("", dtype, shape, order)];
                    let pickle = write(&wrote, protocol, era);
                    let mut machine = Machine::new(pickle);
                    let root = machine.load().unwrap();
                    assert_eq!(machine.protocol(), protocol);
                    let tree = machine.into_tree();
                    let mut reader = ArrayReader::new(&tree, &Limits::default());
                    let Some(Recognised::Array(array)) = reader.read(root).unwrap() else {
                        panic!("no array");
                    };
                    check(&array, &tree, &wrote[0]);
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 22 * 7 * 2 * 18);
}

#[test]
fn a_dict_keeps_names_and_order() {
    // More than one batch of items, and keys that need escapes in lines.
    let names: Vec<String> = (0..2001).map(|i| format!("é\n\\{i}\u{1f40d}")).collect();
    let wrote: Vec<_> = names
        .iter()
        .map(|name| (&**name, "<i4", &[2][..], Order::C))
        .collect();
    for (protocol, era) in (0..=5).flat_map(|p| ERAS.map(|era| (p, era))) {
        let mut machine = Machine::new(write(&wrote, protocol, era));
        let root = machine.load().unwrap();
        let tree = machine.into_tree();
        let Value::Dict(pairs) = tree.get(root) else {
            panic!("no dict");
        };
        assert_eq!(pairs.len(), 2001);
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        for ((key, value), wrote) in pairs.iter().zip(&wrote) {
            assert_eq!(tree.name(*key).unwrap().unwrap(), wrote.0);
            let Some(Recognised::Array(array)) = reader.read(*value).unwrap() else {
                panic!("no array");
            };
            check(&array, &tree, wrote);
        }
    }
}

fn head(dtype: &Dtype) -> ArrayHead<'_> {
    ArrayHead {
        dtype,
        shape: &[2],
        order: Order::C,
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    assert!(
        PickleWriter::new(
            Vec::new(),
            WriteOptions {
                protocol: 6,
                ..WriteOptions::default()
            }
        )
        .is_err()
    );
    let mut writer = PickleWriter::new(Vec::new(), WriteOptions::default()).unwrap();
    let (object, byte) = (Dtype::OBJECT, Dtype::U8);
    let objects = writer.array(&head(&object), &mut || Ok(Box::new(&b""[..])));
    assert!(objects.unwrap_err().to_string().contains("objects"));
    let short = writer.array(&head(&byte), &mut || Ok(Box::new(&b"1"[..])));
    assert!(short.is_err());
    let mut writer = PickleWriter::new(Vec::new(), WriteOptions::default()).unwrap();
    writer.dict(2).unwrap();
    assert!(writer.finish().is_err());
}

/// An input that counts what is read of it.
struct Counted(Vec<u8>, Arc<AtomicU64>);

impl ReadAt for Counted {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let rest = &self.0[offset as usize..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

#[test]
fn a_tree_that_was_built_is_written_like_one_that_was_read() {
    let mut builder = TreeBuilder::new();
    let dtype = Dtype::parse("<u2").unwrap();
    let head = ArrayHead {
        dtype: &dtype,
        shape: &[2, 3],
        order: Order::F,
    };
    let inner = builder.array(&head, bytes_of(12)).unwrap();
    let touched = Arc::new(AtomicU64::new(0));
    let far = Counted(bytes_of(400_000), Arc::clone(&touched));
    let long = ArrayHead {
        dtype: &dtype,
        shape: &[200_000],
        order: Order::C,
    };
    let outer = builder.array_from(&long, Arc::new(far)).unwrap();
    let (key, number) = (builder.text("é"), builder.int(-70_000));
    let set = builder.set(&[key, number]);
    let knot = builder.list(&[inner, inner, outer, set]);
    let dict = builder.dict(&[(key, knot), (number, set)]);
    builder.append(knot, &[dict]);
    let objects = builder.object_array(&[2], &[knot, number]).unwrap();
    builder.append(knot, &[objects]);
    let (tree, root) = builder.finish(objects).unwrap();
    assert!(
        touched.load(Ordering::Relaxed) < 200_000,
        "the elements were read"
    );
    for protocol in 0..=5 {
        let options = WriteOptions {
            protocol,
            ..WriteOptions::default()
        };
        let written = TreeWriter::new(&tree, options)
            .unwrap()
            .write(root, Vec::new())
            .unwrap();
        let mut machine = Machine::new(written);
        let root = machine.load().unwrap();
        let tree = machine.into_tree();
        let mut reader = ArrayReader::new(&tree, &Limits::default());
        let Some(Recognised::Array(array)) = reader.read(root).unwrap() else {
            panic!("no array");
        };
        let Elements::Objects(list) = array.elements else {
            panic!("no objects");
        };
        let knot = tree.sequence(tree.sequence(list).unwrap()[0]).unwrap();
        assert_eq!(knot[0], knot[1]);
        assert_eq!(knot[5], root, "the knot is lost");
        check(
            &match reader.read(knot[0]).unwrap() {
                Some(Recognised::Array(array)) => array,
                _ => panic!("no array"),
            },
            &tree,
            &("", "<u2", &[2, 3], Order::F),
        );
    }
}

#[test]
fn elements_that_do_not_fit_are_refused_when_built() {
    let mut builder = TreeBuilder::new();
    let byte = Dtype::U8;
    assert!(builder.array(&head(&byte), vec![1]).is_err());
    assert!(builder.array(&head(&Dtype::OBJECT), vec![0; 16]).is_err());
    assert!(builder.object_array(&[3], &[]).is_err());
    let one = builder.int(1);
    builder.append(one, &[one]);
    assert!(builder.finish(one).is_err());
}

#[test]
fn buffers_are_given_to_whoever_takes_them() {
    let mut builder = TreeBuilder::new();
    let byte = Dtype::U8;
    let array = builder.array(&head(&byte), b"ab".as_slice()).unwrap();
    let (tree, root) = builder.finish(array).unwrap();
    for numpy in ERAS {
        let options = WriteOptions {
            protocol: 5,
            numpy,
            ..WriteOptions::default()
        };
        let taken = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let into = std::rc::Rc::clone(&taken);
        let take = move |bytes: bytes::Bytes, is_readonly: bool| {
            into.borrow_mut().push((bytes, is_readonly));
            true
        };
        let mut writer = TreeWriter::new(&tree, options)
            .unwrap()
            .with_buffers(Box::new(take));
        let written = writer.write(root, Vec::new()).unwrap();
        let [(bytes, false)] = &taken.borrow()[..] else {
            panic!("not taken");
        };
        assert_eq!(&bytes[..], b"ab");
        let input = Arc::new(bytes::Bytes::from(written));
        let mut machine = Machine::open(input, 0, Limits::default(), vec![bytes.clone()]);
        let root = machine.load().unwrap();
        let tree = machine.into_tree();
        let Some(Recognised::Array(array)) = ArrayReader::new(&tree, &Limits::default())
            .read(root)
            .unwrap()
        else {
            panic!("no array");
        };
        assert_eq!(array.shape, [2]);
    }
}
