//! Files are written and read back by parts.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{
    Array, Attributes, ByteOrder, CreateOptions, Dtype, Format, Indexing, Item, LazyArray, NpbFile,
    OpenOptions, Order, Packing, SaveOptions, Source, save,
};

fn numbers(shape: &[usize], order: Order) -> Array {
    let size: usize = shape.iter().product();
    let bytes: Vec<u8> = (0..size as u32)
        .flat_map(|n| (n as u16).to_le_bytes())
        .collect();
    Array::contiguous(Dtype::parse("<u2").unwrap(), shape, order, bytes).unwrap()
}

fn options(format: Format) -> SaveOptions {
    let mut options = SaveOptions::default();
    options.format = Some(format);
    options
}

#[test]
fn what_is_saved_is_read_back_by_parts() {
    let folder = tempfile::tempdir().unwrap();
    let shapes: [&[usize]; 7] = [
        &[],
        &[0],
        &[3, 0, 2],
        &[7],
        &[5, 6],
        &[4, 30, 40],
        &[3, 700, 800],
    ];
    for shape in shapes {
        for order in [Order::C, Order::F] {
            let array = numbers(shape, order);
            let lazy = LazyArray::from(array.clone());
            for format in [Format::Npy, Format::Npz, Format::Npb] {
                for tile in [
                    None,
                    Some(
                        shape
                            .iter()
                            .map(|n| (*n as u64 / 2).max(1))
                            .collect::<Vec<_>>(),
                    ),
                ] {
                    let path = folder.path().join(format!(
                        "{}-{order:?}-{}.{format}",
                        shape.len(),
                        tile.is_some()
                    ));
                    let mut options = options(format);
                    options.tile = tile;
                    options.overwrite = true;
                    let item = Item {
                        name: "",
                        array: &lazy,
                    };
                    let saved = save(&path, &[item], &options, &()).unwrap();
                    assert_eq!(
                        saved.file_nbytes,
                        std::fs::metadata(&path).unwrap().len(),
                        "{}",
                        path.display()
                    );
                    let source = Source::open(&path, &OpenOptions::default()).unwrap();
                    let back = source.array(None).unwrap();
                    assert_eq!((back.shape(), back.dtype()), (array.shape(), array.dtype()));
                    let whole = back.load().unwrap();
                    assert_eq!(
                        whole.view().to_bytes(Order::C),
                        array.view().to_bytes(Order::C),
                        "{}",
                        path.display()
                    );
                    assert_eq!(whole.order(), array.order());
                    for text in [
                        "...",
                        "::-1, ...",
                        "..., ::3",
                        "..., 1:-1",
                        "0, ...",
                        "..., ::-2",
                        "None, ..., -1",
                    ] {
                        let indexing: Indexing = text.parse().unwrap();
                        let Ok(selection) = indexing.resolve(shape) else {
                            continue;
                        };
                        let (ours, theirs) = (
                            back.read(&selection).unwrap(),
                            array.select(&selection).unwrap(),
                        );
                        assert_eq!(ours.shape(), theirs.shape());
                        assert_eq!(
                            ours.view().to_bytes(Order::C),
                            theirs.view().to_bytes(Order::C),
                            "{text} {}",
                            path.display()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_plane_of_an_npb_file_touches_little_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npb");
    let array = LazyArray::from(numbers(&[20, 300, 300], Order::C));
    save(
        &path,
        &[Item {
            name: "",
            array: &array,
        }],
        &options(Format::Npb),
        &(),
    )
    .unwrap();
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let plane = "7"
        .parse::<Indexing>()
        .unwrap()
        .resolve(&[20, 300, 300])
        .unwrap();
    source.array(None).unwrap().read(&plane).unwrap();
    assert!(source.touched() < 190_000, "{}", source.touched());
}

#[test]
fn several_arrays_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (
        LazyArray::from(numbers(&[3], Order::C)),
        LazyArray::from(numbers(&[2, 2], Order::F)),
    );
    let items = [
        Item {
            name: "a",
            array: &a,
        },
        Item {
            name: "b \"quoted\"",
            array: &b,
        },
    ];
    for format in [Format::Npz, Format::Npb] {
        let path = folder.path().join(format.name());
        let mut options = options(format);
        if format == Format::Npz {
            options.packing = Packing {
                codec: "deflate:6".parse().unwrap(),
                ..Packing::default()
            };
        }
        save(&path, &items, &options, &()).unwrap();
        let source = Source::open(&path, &OpenOptions::default()).unwrap();
        let paths: Vec<&str> = source
            .members()
            .iter()
            .map(|member| member.path.as_str())
            .collect();
        assert_eq!(paths, ["a", "b \"quoted\""]);
        let back = source.array(Some("b \"quoted\"")).unwrap().load().unwrap();
        assert_eq!(back.to_elements::<u16>().unwrap(), [0, 2, 1, 3]);
        assert!(source.array(None).is_err() && source.array(Some("c")).is_err());
    }
}

#[test]
fn every_cut_of_an_npb_file_gives_its_whole_tiles_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    let array = numbers(&[4, 5], Order::C);
    let lazy = LazyArray::from(array.clone());
    let mut options = options(Format::Npb);
    options.tile = Some(vec![1, 5]);
    save(
        &path,
        &[Item {
            name: "",
            array: &lazy,
        }],
        &options,
        &(),
    )
    .unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut rows_seen = 0;
    for n in 0..whole.len() {
        let cut = bytes::Bytes::copy_from_slice(&whole[..n]);
        let Ok(source) = Source::from_bytes("cut", cut, &OpenOptions::default()) else {
            continue;
        };
        for row in 0..4 {
            let selection = Indexing::new([ndferry::Index::At(row)])
                .resolve(&[4, 5])
                .unwrap();
            if let Ok(part) = source.array(None).and_then(|array| array.read(&selection)) {
                assert_eq!(
                    part.to_elements::<u16>().unwrap(),
                    array
                        .select(&selection)
                        .unwrap()
                        .to_elements::<u16>()
                        .unwrap()
                );
                rows_seen += 1;
            }
        }
    }
    assert!(rows_seen > 4 * 100, "{rows_seen}");
}

#[test]
fn every_flip_of_an_npb_file_is_found_or_harmless() {
    let array = numbers(&[4, 5], Order::C)
        .into_byteorder(ByteOrder::Big)
        .unwrap();
    let lazy = LazyArray::from(array.clone());
    let mut options = options(Format::Npb);
    options.tile = Some(vec![2, 3]);
    let mut whole = Vec::new();
    ndferry::save_to(
        &mut whole,
        &[Item {
            name: "",
            array: &lazy,
        }],
        &options,
        &(),
    )
    .unwrap();
    let (mut refused, mut right) = (0, 0);
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let source = Source::from_bytes("flipped", flipped.into(), &OpenOptions::default());
        match source.and_then(|source| source.array(None)?.load()) {
            Ok(back) => {
                assert_eq!((back.dtype(), back.shape()), (array.dtype(), array.shape()));
                assert_eq!(
                    back.view().to_bytes(Order::C),
                    array.view().to_bytes(Order::C),
                    "bit {bit}"
                );
                right += 1;
            }
            Err(_) => refused += 1,
        }
    }
    println!("{refused} flips refused, {right} harmless (repeated or padding)");
    assert!(refused > 0 && right > 0);
}

#[test]
fn nothing_is_overwritten_without_leave() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let lazy = LazyArray::from(numbers(&[2], Order::C));
    let item = [Item {
        name: "",
        array: &lazy,
    }];
    save(&path, &item, &SaveOptions::default(), &()).unwrap();
    let error = save(&path, &item, &SaveOptions::default(), &()).unwrap_err();
    assert!(matches!(error.kind(), ndferry::ErrorKind::Exists));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn all_of_a_damaged_npz_member_is_refused_however_it_is_read() {
    use ndferry::Codec;
    let array = LazyArray::from(numbers(&[40, 50], Order::C));
    for codec in [Codec::None, Codec::Deflate(6)] {
        let mut options = options(Format::Npz);
        options.packing = Packing {
            codec,
            ..Packing::default()
        };
        let mut file = Vec::new();
        let item = Item {
            name: "w",
            array: &array,
        };
        ndferry::save_to(&mut file, &[item], &options, &()).unwrap();
        // In the middle of the member's elements.
        let at = file.len() / 2;
        file[at] ^= 4;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.npz");
        std::fs::write(&path, &file).unwrap();
        let open = OpenOptions::default();
        for source in [
            Source::open(&path, &open),
            Source::from_bytes("x", file.into(), &open),
        ] {
            let array = source.unwrap().array(Some("w")).unwrap();
            let error = array.load().unwrap_err();
            assert_eq!(error.member(), Some("w"));
            let mut runs = array.runs(1000).unwrap();
            let streamed = loop {
                match runs.advance() {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            assert!(streamed.is_err(), "{codec:?}");
        }
    }
}

#[test]
fn arrays_of_bytes_in_memory_share_them() {
    let array = LazyArray::from(numbers(&[10, 2000], Order::C));
    let item = Item {
        name: "",
        array: &array,
    };
    for format in [Format::Npy, Format::Npz] {
        let mut file = Vec::new();
        ndferry::save_to(&mut file, &[item], &options(format), &()).unwrap();
        let bytes = bytes::Bytes::from(file);
        let within = bytes.as_ptr_range();
        let source = Source::from_bytes("x", bytes.clone(), &OpenOptions::default()).unwrap();
        let lazy = source.arrays().next().unwrap();
        let rows = "3:7"
            .parse::<Indexing>()
            .unwrap()
            .resolve(&[10, 2000])
            .unwrap();
        for loaded in [lazy.load().unwrap(), lazy.read(&rows).unwrap()] {
            assert!(within.contains(&loaded.bytes().as_ptr()), "{format}");
        }
    }
}

#[test]
fn a_part_of_a_file_is_what_the_array_gives() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..4 * 5 * 6 * 2u32).map(|i| (i % 253) as u8).collect();
    for order in [Order::C, Order::F] {
        let dtype = Dtype::parse("<u2").unwrap();
        let array = Array::contiguous(dtype, &[4, 5, 6], order, bytes.clone()).unwrap();
        let lazy = LazyArray::from(array.clone());
        let item = [Item {
            name: "x",
            array: &lazy,
        }];
        for name in ["a.npy", "a.npz", "a.npb"] {
            let path = folder.path().join(format!("{order:?}{name}"));
            save(&path, &item, &SaveOptions::default(), &()).unwrap();
            let source = Source::open(&path, &OpenOptions::default()).unwrap();
            for (first, second) in [
                ("1:3, ::-2", "::-1, 1:"),
                ("2", "..., ::3"),
                ("None, :, 3, ::-1", "0, 1:3, None, 2"),
                ("3:1", "..."),
                ("..., -1", "::2, 4"),
            ] {
                let (first, second): (Indexing, Indexing) =
                    (first.parse().unwrap(), second.parse().unwrap());
                let stored = source.array(None).unwrap();
                let part = stored
                    .part(&first.resolve(stored.shape()).unwrap())
                    .unwrap();
                let part = part.part(&second.resolve(part.shape()).unwrap()).unwrap();
                let expected = array.index(&first).unwrap().index(&second).unwrap();
                assert_eq!(part.shape(), expected.shape());
                assert_eq!(
                    part.load().unwrap().view().to_bytes(Order::C).unwrap(),
                    expected.view().to_bytes(Order::C).unwrap(),
                    "{name} {order:?} {first:?} {second:?}"
                );
                let saved = LazyArray::from(expected);
                let digest = |array: &LazyArray| array.sha256(&Default::default(), &()).unwrap();
                assert_eq!(digest(&part), digest(&saved));
            }
        }
    }
}

#[test]
fn members_of_an_npz_are_copied_as_they_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let numbers: Vec<u32> = (0..50_000).map(|n| n % 1000).collect();
    let arrays: Vec<LazyArray> = (0..3)
        .map(|i| {
            Array::from_elements(&[50_000 - i], &numbers[i..])
                .unwrap()
                .into()
        })
        .collect();
    let names = ["a", "b", "c"];
    let items: Vec<Item<'_>> = names
        .iter()
        .zip(&arrays)
        .map(|(name, array)| Item { name, array })
        .collect();
    let mut options = SaveOptions::default();
    options.packing.codec = ndferry::Codec::Deflate(9);
    options.threads = 2;
    save(path("x.npz"), &items, &options, &()).unwrap();
    let source = Source::open(path("x.npz"), &OpenOptions::default()).unwrap();
    let member = source.array(Some("b")).unwrap();
    let copy = [Item {
        name: "b",
        array: &member,
    }];
    save(path("y.npz"), &copy, &SaveOptions::default(), &()).unwrap();
    let (x, y) = (
        std::fs::read(path("x.npz")).unwrap(),
        std::fs::read(path("y.npz")).unwrap(),
    );
    // All between the local header (30 bytes and a name of 5) and the directory was taken over.
    let info = source
        .members()
        .iter()
        .find(|member| member.path == "b")
        .unwrap();
    let ndferry::Storage::Deflated { packed_nbytes } = info.storage else {
        panic!("{info:?}");
    };
    let packed = &y[y.len() - 22 - 46 - 5 - packed_nbytes as usize..][..packed_nbytes as usize];
    assert!(x.windows(packed.len()).any(|part| part == packed));
    let again = Source::open(path("y.npz"), &OpenOptions::default()).unwrap();
    let loaded = again.array(Some("b")).unwrap().load().unwrap();
    assert_eq!(loaded.to_elements::<u32>().unwrap(), numbers[1..]);
    // Damage is not taken over.
    let mut x = x;
    let middle = x.len() / 2;
    x[middle] ^= 1;
    std::fs::write(path("z.npz"), x).unwrap();
    let source = Source::open(path("z.npz"), &OpenOptions::default()).unwrap();
    let member = source.array(Some("b")).unwrap();
    let copy = [Item {
        name: "b",
        array: &member,
    }];
    assert!(save(path("w.npz"), &copy, &SaveOptions::default(), &()).is_err());
    assert!(!path("w.npz").exists());
}

#[test]
fn attributes_go_with_an_array_from_file_to_file_and_over_a_wire() {
    let json = r#"{"axes":"YX","spacing":[0.50, 1e-3],"big":98765432109876543210}"#;
    let attributes = Attributes::parse(json).unwrap();
    let array = LazyArray::from(numbers(&[4, 6], Order::F)).with_attributes(attributes.clone());
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "cells"] {
        let first = folder.path().join(format!("first{name}.npb"));
        let item = [Item {
            name,
            array: &array,
        }];
        save(&first, &item, &SaveOptions::default(), &()).unwrap();
        let source = Source::open(&first, &OpenOptions::default()).unwrap();
        assert_eq!(source.members()[0].attributes, attributes);
        let again = source.array(None).unwrap();
        assert_eq!(
            (again.path(), again.attributes().to_string()),
            (name, json.to_owned())
        );
        let selection = "1:".parse::<Indexing>().unwrap().resolve(again.shape());
        let part = again.part(&selection.unwrap()).unwrap();
        assert!(part.attributes().is_empty());
        // Under another name, and in another order.
        for order in [None, Some(Order::C), Some(Order::F)] {
            let second = folder.path().join(format!("second{name}{order:?}.npb"));
            let item = [Item {
                name: "other",
                array: &again,
            }];
            let mut options = SaveOptions::default();
            options.order = order;
            save(&second, &item, &options, &()).unwrap();
            let source = Source::open(&second, &OpenOptions::default()).unwrap();
            let other = source.array(Some("other")).unwrap();
            assert_eq!(other.order(), order.unwrap_or(Order::F));
            assert_eq!(other.attributes(), &attributes);
        }
    }
    let mut options = CreateOptions::default();
    options.attributes = attributes.clone();
    let path = folder.path().join("grown.npb");
    let file = NpbFile::create(
        &path,
        Dtype::parse("u1").unwrap(),
        &[None, Some(3)],
        options,
    );
    file.unwrap().finish().unwrap();
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.members()[0].attributes, attributes);
}

#[test]
fn arrays_may_have_more_rows_than_32_bits_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.npb");
    let (rows, at) = (5_000_000_000usize, 4_294_967_290usize);
    let dtype = Dtype::parse("u1").unwrap();
    let mut file = NpbFile::create(&path, dtype, &[Some(rows)], CreateOptions::default()).unwrap();
    let bytes: Vec<u8> = (1..=20).collect();
    let part = Array::contiguous(Dtype::parse("u1").unwrap(), &[20], Order::C, bytes.clone());
    let region: Indexing = format!("{at}:{}", at + 20).parse().unwrap();
    let region = region.resolve(&[rows]).unwrap();
    file.assign(&region, &part.unwrap().view()).unwrap();
    file.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap();
    assert_eq!(array.shape(), [rows]);
    let read = |text: String| array.index(&text.parse().unwrap()).unwrap();
    let back = read(format!("{}:{}", at - 2, at + 22));
    assert_eq!(
        back.to_elements::<u8>().unwrap(),
        [&[0, 0], &bytes[..], &[0, 0]].concat()
    );
    let last = read("-1".to_owned());
    assert_eq!(last.to_elements::<u8>().unwrap(), [0]);
    assert!(source.touched() < 3 << 20);
}
