//! Every dtype, codec, filter and tile comes back from an NPB file, and over a connection.
#![cfg(feature = "transport")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::thread;

use ndferry::{
    Array, Codec, Dtype, Filter, Format, Indexing, Item, LazyArray, OpenOptions, Order, Packing,
    Receiver, RecvOptions, SaveOptions, SendOptions, Source, Storage, Target, save_to, send,
};

const DTYPES: [&str; 18] = [
    "|b1", "|u1", "|i1", "<u2", ">u2", "<i4", ">i8", "<u8", "<f2", "<f4", ">f8", "<c8", ">c16",
    "|S5", "<U3", "|V7", "<M8[ns]", ">m8[s]",
];
const CODECS: [Codec; 8] = [
    Codec::Default,
    Codec::None,
    Codec::Lz4,
    Codec::Zstd(-3),
    Codec::Zstd(9),
    Codec::Deflate(1),
    Codec::Pco,
    Codec::Auto,
];
const FILTERS: [Filter; 5] = [
    Filter::Default,
    Filter::None,
    Filter::Shuffle,
    Filter::Bitshuffle,
    Filter::Delta,
];

/// Numbers that go up slowly, so that there is something to pack.
fn array(dtype: &str, shape: &[usize], order: Order) -> Array {
    let dtype = Dtype::parse(dtype).unwrap();
    let size: usize = shape.iter().product();
    let width = dtype.itemsize();
    let mut bytes = Vec::with_capacity(size * width);
    for i in 0..size as u64 {
        let number = (i / 3).to_le_bytes();
        bytes.extend((0..width).map(|b| if b < 2 { number[b] } else { (i % 5) as u8 }));
    }
    Array::contiguous(dtype, shape, order, bytes).unwrap()
}

fn saved(array: &LazyArray, change: impl FnOnce(&mut SaveOptions)) -> Vec<u8> {
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npb);
    change(&mut options);
    let mut out = Vec::new();
    save_to(&mut out, &[Item { name: "", array }], &options, &()).unwrap();
    out
}

fn opened(file: &[u8]) -> Source {
    Source::from_bytes("file", file.to_vec().into(), &OpenOptions::default()).unwrap()
}

#[test]
fn all_dtypes_codecs_filters_and_tiles_come_back() {
    let shape = [7, 20, 30];
    let selection = "1:6:2, ::-3, 4"
        .parse::<Indexing>()
        .unwrap()
        .resolve(&shape)
        .unwrap();
    for dtype in DTYPES {
        for (i, codec) in CODECS.into_iter().enumerate() {
            for (j, filter) in FILTERS.into_iter().enumerate() {
                let order = if (i + j) % 2 == 0 { Order::C } else { Order::F };
                let array = array(dtype, &shape, order);
                let lazy = LazyArray::from(array.clone());
                let file = saved(&lazy, |options| {
                    options.packing = Packing { codec, filter };
                    match (i + j) % 3 {
                        0 => options.tile = Some(vec![2, 7, 30]),
                        1 => options.block_nbytes = Some(1500),
                        _ => {}
                    }
                });
                let source = opened(&file);
                let back = source.array(None).unwrap();
                let what = format!("{dtype} {codec:?} {filter:?} {order:?}");
                assert_eq!(back.dtype(), array.dtype(), "{what}");
                let (whole, part) = (back.load().unwrap(), back.read(&selection).unwrap());
                assert!(
                    whole.view().to_bytes(Order::C) == array.view().to_bytes(Order::C),
                    "{what}"
                );
                let expected = array.select(&selection).unwrap();
                assert_eq!(
                    part.view().to_bytes(Order::C),
                    expected.view().to_bytes(Order::C),
                    "{what}"
                );
                // Of single bytes the messages around the tiles weigh more than what is saved.
                if array.dtype().itemsize() >= 4 && filter == Filter::Default {
                    let packs = !matches!(codec, Codec::None);
                    assert_eq!(file.len() < array.nbytes(), packs, "{what}");
                }
            }
        }
    }
}

#[test]
fn files_are_the_same_for_any_number_of_threads() {
    for order in [Order::C, Order::F] {
        let lazy = LazyArray::from(array("<u2", &[40, 100, 120], order));
        for tile in [Some(vec![1_u64, 30, 50]), None] {
            let file = |threads| {
                saved(&lazy, |options| {
                    options.threads = threads;
                    options.tile = tile.clone();
                    options.block_nbytes = tile.is_none().then_some(5000);
                })
            };
            let (one, three) = (file(1), file(3));
            assert!(messages(&one).len() > 70);
            assert!(messages(&one) == messages(&three));
        }
    }
}

/// Kind, sequence and body of each message; transfers are random.
fn messages(file: &[u8]) -> Vec<(u8, [u8; 8], &[u8])> {
    let (mut messages, mut at) = (Vec::new(), 0);
    while at < file.len() {
        if file[at] == 0 {
            at += 1;
            continue;
        }
        let nbytes = u64::from_le_bytes(file[at + 24..][..8].try_into().unwrap()) as usize;
        let sequence = file[at + 16..][..8].try_into().unwrap();
        messages.push((file[at + 5], sequence, &file[at + 40..][..nbytes]));
        at += 40 + nbytes;
    }
    messages
}

#[test]
fn files_say_how_they_are_packed() {
    let lazy = LazyArray::from(array("<i4", &[100, 100], Order::C));
    for (codec, filter, expected) in [
        (Codec::Default, Filter::Default, ("zstd", "shuffle")),
        (Codec::Pco, Filter::Default, ("pco", "none")),
        (Codec::Lz4, Filter::Bitshuffle, ("lz4", "bitshuffle")),
        (Codec::None, Filter::Delta, ("none", "none")),
    ] {
        let file = saved(&lazy, |options| options.packing = Packing { codec, filter });
        let Storage::Tiles { codec, filter, .. } = opened(&file).members()[0].storage.clone()
        else {
            panic!("tiles expected");
        };
        assert_eq!((&codec[..], &filter[..]), expected);
    }
}

#[test]
fn other_files_are_packed_tile_by_tile() {
    let folder = tempfile::tempdir().unwrap();
    for order in [Order::C, Order::F] {
        let array = array("<f4", &[30, 200, 210], order);
        let lazy = LazyArray::from(array.clone());
        for format in [Format::Npy, Format::Npz, Format::Npb] {
            let path = folder.path().join(format!("{order:?}.{format}"));
            let mut options = SaveOptions::default();
            if format == Format::Npz {
                options.packing.codec = Codec::Deflate(1);
            }
            let item = Item {
                name: "",
                array: &lazy,
            };
            ndferry::save(&path, &[item], &options, &()).unwrap();
            let source = Source::open(&path, &OpenOptions::default()).unwrap();
            for tile in [vec![1, 64, 64], vec![4, 50, 210], vec![30, 200, 1]] {
                let stored = source.array(None).unwrap();
                let file = saved(&stored, |options| options.tile = Some(tile.clone()));
                let back = opened(&file).array(None).unwrap().load().unwrap();
                assert!(back.bytes() == array.bytes(), "{format} {order:?} {tile:?}");
            }
        }
    }
}

#[test]
fn packed_blocks_arrive_in_memory_and_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let array = array(">i8", &[50, 40, 30], Order::F);
    for codec in CODECS {
        for name in ["", "a.npb", "a.npy"] {
            let target = match name {
                "" => Target::Memory,
                name => Target::File(folder.path().join(name)),
            };
            let mut options = RecvOptions::default();
            options.overwrite = true;
            let mut receiver = Receiver::bind("tcp://127.0.0.1:0", options).unwrap();
            let url = receiver.url();
            let lazy = LazyArray::from(array.clone());
            let sender = thread::spawn(move || {
                let mut options = SendOptions::default();
                options.packing.codec = codec;
                options.block_nbytes = 10_000;
                options.threads = 2;
                send(
                    &url,
                    &[Item {
                        name: "",
                        array: &lazy,
                    }],
                    &options,
                    &(),
                )
            });
            let received = receiver.recv(&target, &()).unwrap();
            let sent = sender.join().unwrap().unwrap();
            let packs = !matches!(codec, Codec::Default | Codec::None);
            assert_eq!(sent.wire_nbytes < sent.nbytes, packs, "{codec:?}");
            let back = match &target {
                Target::File(path) => {
                    let source = Source::open(path, &OpenOptions::default()).unwrap();
                    source.array(None).unwrap().load().unwrap()
                }
                _ => received.arrays[0].array.clone().unwrap(),
            };
            assert!(
                back.view().to_bytes(Order::F).unwrap() == array.bytes()[..],
                "{codec:?} {name}"
            );
        }
    }
}

#[test]
fn threads_and_kept_tiles_change_nothing_but_the_bytes_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npb");
    for order in [Order::C, Order::F] {
        let array = array("<f8", &[6, 500, 300], order);
        let lazy = LazyArray::from(array.clone());
        let mut options = SaveOptions::default();
        options.tile = Some(vec![2, 70, 90]);
        options.overwrite = true;
        let item = Item {
            name: "",
            array: &lazy,
        };
        ndferry::save(&path, &[item], &options, &()).unwrap();
        for threads in [1, 3] {
            let mut open = OpenOptions::default();
            open.threads = threads;
            for text in ["...", "1, ...", "::-1, 3:, ::2", "..., 7", "5, 499, 299"] {
                let selection = text
                    .parse::<Indexing>()
                    .unwrap()
                    .resolve(array.shape())
                    .unwrap();
                let expected = array
                    .select(&selection)
                    .unwrap()
                    .view()
                    .to_bytes(Order::C)
                    .unwrap();
                let source = Source::open(&path, &open).unwrap();
                let stored = source.array(None).unwrap();
                let read = || {
                    stored
                        .read(&selection)
                        .unwrap()
                        .view()
                        .to_bytes(Order::C)
                        .unwrap()
                };
                assert!(read() == expected, "{text} {threads}");
                let touched = source.touched();
                assert!(read() == expected, "{text} {threads}");
                // Tiles of which only a part was wanted are kept.
                let again = source.touched() - touched;
                assert_eq!(again == 0, text != "...", "{text} {threads}: {again} bytes");
            }
        }
    }
}

#[test]
fn what_is_contiguous_in_both_orders_and_called_fortran_comes_back() {
    for shape in [[1, 5], [5, 1], [0, 3]] {
        let array = array("<u2", &shape, Order::C);
        let header = format!(
            "{{'descr': '<u2', 'fortran_order': True, 'shape': ({}, {}), }}",
            shape[0], shape[1]
        );
        let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        npy.extend(format!("{header:117}\n").bytes());
        npy.extend_from_slice(array.bytes());
        let source = Source::from_bytes("a.npy", npy.into(), &OpenOptions::default()).unwrap();
        let stored = source.array(None).unwrap();
        assert_eq!(stored.order(), Order::F);
        for tile in [None, Some(vec![1, 2])] {
            let file = saved(&stored, |options| options.tile = tile);
            let back = opened(&file).array(None).unwrap().load().unwrap();
            assert_eq!(back.shape(), shape);
            assert_eq!(back.bytes(), array.bytes());
        }
    }
}
