//! What is written, read back: every dtype, order, protocol and era.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::{Dtype, Order};
use ndferry_pickle::{
    ArrayHead, ArrayReader, Elements, Limits, Machine, Numpy, PickleWriter, PickledArray,
    Recognised, StoredOrder, Value, WriteOptions,
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
