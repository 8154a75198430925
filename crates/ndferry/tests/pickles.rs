//! Pickles as sources of arrays: what is listed, under which path, and what is read.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use ndferry::{
    ByteOrder, Dtype, ErrorKind, Limits, OpenOptions, Order, PersistentLoad, Result, Safety, Source,
};

/// An array of two `<i2`, without the protocol before it and the stop after it.
fn array(first: u8) -> Vec<u8> {
    let mut out = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02i2K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89C\x04".to_vec();
    out.extend_from_slice(&[first, 0, 7, 0]);
    out.extend_from_slice(b"tb");
    out
}

fn open(parts: &[&[u8]]) -> Result<Source> {
    let mut options = OpenOptions::default();
    options.limits.depth = 100;
    Source::from_bytes("x.pkl", Bytes::from(parts.concat()), &options)
}

fn paths(source: &Source) -> Vec<&str> {
    source
        .members()
        .iter()
        .map(|member| &*member.path)
        .collect()
}

fn elements(source: &Source, path: &str) -> Vec<i16> {
    source
        .array(Some(path))
        .unwrap()
        .load()
        .unwrap()
        .to_elements()
        .unwrap()
}

#[test]
fn an_array_at_the_root_has_no_path() {
    let source = open(&[b"\x80\x03", &array(1), b"."]).unwrap();
    assert_eq!(paths(&source), [""]);
    assert_eq!(elements(&source, ""), [1, 7]);
    assert_eq!(source.safety(), &Safety::Clean);
    let info = source.pickle().unwrap();
    assert_eq!(info.protocol, 3);
    let names: Vec<_> = info
        .globals
        .iter()
        .map(|global| (&*global.name, global.offset))
        .collect();
    assert_eq!(names, [("_reconstruct", 2), ("ndarray", 38), ("dtype", 67)]);
}

#[test]
fn keys_and_indexes_make_the_path() {
    let pickle = [
        b"\x80\x03}(X\x01\0\0\0w".to_vec(),
        array(1),
        b"X\x03\0\0\0a.b]N".to_vec(),
        b"a".to_vec(),
        b"(".to_vec(),
        array(2),
        b"ed".to_vec(),
    ];
    // `{'w': array, 'a.b': [None, array]}`, the last `d` left out.
    let body = &pickle.concat()[..pickle.concat().len() - 1];
    let source = open(&[body, b"K\x07}U\x01x", &array(3), b"su."]).unwrap();
    assert_eq!(paths(&source), ["w", r"a\.b.1", "7.x"]);
    assert_eq!(elements(&source, "7.x"), [3, 7]);
}

#[test]
fn an_array_reached_twice_is_listed_once() {
    let source = open(&[b"\x80\x03", &array(1), b"q\0h\0]h\0a\x87."]).unwrap();
    assert_eq!(paths(&source), ["0"]);
}

#[test]
fn arrays_inside_unknown_objects_come_out() {
    let object = [
        b"\x80\x03csklearn.svm\nSVC\n)\x81}X\x05\0\0\0coef_".to_vec(),
        array(9),
        b"sb.".to_vec(),
    ];
    let source = open(&[&object.concat()]).unwrap();
    assert_eq!(paths(&source), ["coef_"]);
    assert_eq!(source.safety().word(), "needs-code");
}

#[test]
fn pickles_after_one_another_are_numbered() {
    let one = [b"\x80\x03".to_vec(), array(1), b".".to_vec()].concat();
    let source = open(&[&one, b"\x80\x02}U\x01k", &array(2), b"s."]).unwrap();
    assert_eq!(paths(&source), ["[0]", "[1].k"]);
    // What is no pickle is not read as one, and `check` tells of it.
    let source = open(&[&one, b"rubbish"]).unwrap();
    assert_eq!(paths(&source), [""]);
}

#[test]
fn what_more_than_arrays_is_in_it_is_known() {
    let holds_more = |parts: &[&[u8]]| open(parts).unwrap().pickle().unwrap().holds_more;
    let (x, y) = (array(1), array(2));
    assert!(!holds_more(&[&x, b"."]));
    assert!(!holds_more(&[b"\x80\x02](", &x, &y, b"e."]));
    assert!(!holds_more(&[
        b"\x80\x02}(U\x01a",
        &x,
        b"U\x03b.c",
        &y,
        b"u."
    ]));
    let more: [(&str, &[&[u8]]); 6] = [
        ("a number", &[b"}(U\x01a", &x, b"U\x01bK\x07u."]),
        ("nested", &[b"}(U\x01a](", &x, &y, b"eu."]),
        ("a key that is no str", &[b"}(K\x01", &x, b"u."]),
        ("a key without letters", &[b"}(U\0", &x, b"u."]),
        ("one array twice", &[b"}(U\x01a", &x, b"q\x01U\x01bh\x01u."]),
        ("two pickles", &[&x, b".", &y, b"."]),
    ];
    for (what, parts) in more {
        assert!(holds_more(parts), "{what}");
    }
}

#[test]
fn data_and_mask_of_a_masked_array_go_by_their_own_names() {
    // `numpy.ma.array([1, 7], mask=[False, True], dtype='<i2')`.
    let masked = b"cnumpy.ma.core\n_mareconstruct\n(cnumpy.ma.core\nMaskedArray\ncnumpy\nndarray\nK\0\x85U\x01btR(K\x01K\x02\x85cnumpy\ndtype\nU\x02i2K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89C\x04\x01\0\x07\0C\x02\0\x01Ntb";
    let source = open(&[masked, b"."]).unwrap();
    assert_eq!(paths(&source), ["data", "mask"]);
    assert_eq!(elements(&source, "data"), [1, 7]);
    assert!(source.array(None).is_err() && source.array(Some("")).is_err());
    assert!(source.pickle().unwrap().holds_more);
    let source = open(&[b"}U\x01x", masked, b"s."]).unwrap();
    assert_eq!(paths(&source), ["x.data", "x.mask"]);
}

#[test]
fn persistent_ids_are_not_clean() {
    for pickle in [&b"\x80\x02K\x01Q."[..], b"\x80\x02Pthing\n."] {
        let safety = open(&[pickle]).unwrap().safety().clone();
        assert_eq!(safety.to_string(), "needs code: pickle.persistent_load");
    }
}

#[test]
fn arrays_of_persistent_ids_come_from_whoever_has_them() {
    let own: &[u8] = &array(5);
    // {'a': persistent_load('here'), 'b': [persistent_load(7), persistent_load('there')], 'c': an array}
    let parts = [
        &b"\x80\x02}(U\x01aU\x04hereQU\x01b](K\x07QPthere\neU\x01c"[..],
        own,
        b"u.",
    ];
    let without = open(&parts).unwrap();
    assert_eq!(paths(&without), ["c"]);
    for (path, id) in [("a", "'here'"), ("b.0", "id 7 "), ("b.1", "'there'")] {
        let error = without.array(Some(path)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PersistentId { .. }));
        assert!(error.to_string().contains(id), "{error}");
    }
    let here = open(&[b"\x80\x02", &array(9), b"."]).unwrap();
    let here = here.array(None).unwrap().load().unwrap();
    let mut options = OpenOptions::default();
    options.persistent = Some(PersistentLoad::new(move |tree, id| {
        let is_name = tree.name(id).unwrap().as_deref() == Some("here");
        (is_name || tree.int(id) == Some(7)).then(|| here.clone())
    }));
    let source = Source::from_bytes("x.pkl", parts.concat().into(), &options).unwrap();
    assert_eq!(paths(&source), ["a", "b.0", "c"]);
    assert_eq!(elements(&source, "a"), [9, 7]);
    assert_eq!(elements(&source, "b.0"), [9, 7]);
    assert_eq!(elements(&source, "c"), [5, 7]);
    assert!(source.array(Some("b.1")).is_err());
    assert_eq!(
        source.safety().to_string(),
        "needs code: pickle.persistent_load"
    );
}

#[test]
fn names_after_the_stop_count_as_well() {
    let one = [b"\x80\x03".to_vec(), array(1), b".".to_vec()].concat();
    let source = open(&[&one, b"cos\nsystem\n"]).unwrap();
    assert_eq!(source.safety().word(), "dangerous");
}

#[test]
fn only_the_elements_asked_for_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.pkl");
    let nbytes = 8_000_000u32;
    let big = [
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01J".to_vec(),
        (nbytes / 8).to_le_bytes().to_vec(),
        b"\x85cnumpy\ndtype\nU\x02f8K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89B".to_vec(),
        nbytes.to_le_bytes().to_vec(),
        vec![0x40; nbytes as usize],
        b"tb.".to_vec(),
    ];
    std::fs::write(&path, big.concat()).unwrap();
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap();
    assert_eq!(
        (array.dtype(), array.shape()),
        (&Dtype::parse("<f8").unwrap(), &[1_000_000][..])
    );
    let selection = "500000:500010"
        .parse::<ndferry::Indexing>()
        .unwrap()
        .resolve(array.shape())
        .unwrap();
    let part = array.read(&selection).unwrap();
    assert_eq!(
        part.to_elements::<f64>().unwrap(),
        [f64::from_bits(0x4040_4040_4040_4040); 10]
    );
    assert!(
        source.touched() < 200_000,
        "{} bytes were read",
        source.touched()
    );
}

#[test]
fn arrays_that_lie_too_deep_are_refused() {
    let nested = |depth: usize| {
        [
            b"]".repeat(depth),
            array(1),
            b"a".repeat(depth),
            b".".to_vec(),
        ]
        .concat()
    };
    let source = open(&[&nested(100)]).unwrap();
    assert_eq!(paths(&source)[0].len(), 199);
    let error = open(&[&nested(102)]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Limit { limit: 100, .. }),
        "{error}"
    );
}

#[test]
fn an_error_names_the_path_and_the_byte() {
    let mut short = array(1);
    let at = short.len() - 7;
    assert_eq!(short[at], 4);
    short[at] = 3;
    short.remove(at + 1);
    let error = open(&[b"\x80\x03}U\x01k", &short, b"s."]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.pkl:k: byte 64: shape [2] of <i2 needs 4 bytes, 3 are there"
    );
}

#[test]
fn limits_reach_the_machine() {
    let mut options = OpenOptions::default();
    options.limits = Limits::default();
    options.limits.nodes = 10;
    let pickle = [b"N".repeat(11), b"\x87.".to_vec()].concat();
    let error = Source::from_bytes("x.pkl", pickle.into(), &options).unwrap_err();
    assert!(error.to_string().contains("limit of 10"), "{error}");
}

#[test]
fn the_demo_stacks_of_three_numpys_are_equal() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/demo");
    let mut loaded = Vec::new();
    for name in ["stack-numpy1.pkl", "stack-numpy2.pkl", "stack-python2.pkl"] {
        let source = Source::open(format!("{folder}/{name}"), &OpenOptions::default()).unwrap();
        let array = source.array(None).unwrap();
        assert_eq!(array.shape(), [6, 160, 200], "{name}");
        assert_eq!(array.order(), Order::C);
        assert_eq!(array.dtype(), &Dtype::parse("<u2").unwrap());
        loaded.push(array.load().unwrap().bytes().clone());
    }
    assert_eq!(loaded[0], loaded[1]);
    assert_eq!(loaded[0], loaded[2]);
}

#[test]
fn arrays_are_saved_and_come_back() {
    use ndferry::{Array, Item, LazyArray, NumpyEra, SaveOptions, save};
    let folder = tempfile::tempdir().unwrap();
    let c = Array::from_elements(&[2, 3], &[1i16, -2, 3, 200, 5, 6]).unwrap();
    let f = c.clone().into_order(Order::F).unwrap();
    let (c, f) = (LazyArray::from(c), LazyArray::from(f));
    let both = [
        Item {
            name: "c",
            array: &c,
        },
        Item {
            name: "f.1",
            array: &f,
        },
    ];
    let mut count = 0;
    for protocol in 0..=5 {
        for numpy in [NumpyEra::Any, NumpyEra::One, NumpyEra::Two] {
            let path = folder.path().join(format!("{protocol}{numpy:?}.pkl"));
            let mut options = SaveOptions::default();
            options.protocol = Some(protocol);
            options.numpy = numpy;
            let saved = save(&path, &both, &options, &()).unwrap();
            assert_eq!(saved.file_nbytes, std::fs::metadata(&path).unwrap().len());
            let source = Source::open(&path, &OpenOptions::default()).unwrap();
            assert_eq!(paths(&source), ["c", r"f\.1"]);
            assert_eq!(source.safety(), &Safety::Clean);
            assert_eq!(source.members()[1].order, Order::F);
            assert_eq!(elements(&source, "c"), [1, -2, 3, 200, 5, 6]);
            assert_eq!(elements(&source, r"f\.1"), [1, -2, 3, 200, 5, 6]);
            count += 1;
        }
    }
    assert_eq!(count, 18);
    // One array without a name is the root.
    let path = folder.path().join("root.pickle");
    save(
        &path,
        &[Item {
            name: "",
            array: &f,
        }],
        &SaveOptions::default(),
        &(),
    )
    .unwrap();
    let source = Source::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(paths(&source), [""]);
    assert_eq!(source.pickle().unwrap().protocol, 4);
    // A dict would keep only one of two.
    let twice = [
        Item {
            name: "c",
            array: &c,
        },
        Item {
            name: "c",
            array: &f,
        },
    ];
    let path = folder.path().join("twice.pkl");
    let error = save(&path, &twice, &SaveOptions::default(), &()).unwrap_err();
    assert!(error.to_string().contains("two arrays named"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_class_that_opens_files_may_be_named_but_not_called() {
    let verdict = |pickle: &[u8]| open(&[pickle]).unwrap().safety().to_string();
    let named = [
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nmemmap\n".as_slice(),
        &array(1)[b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n".len()..],
        b".",
    ];
    let source = open(&named).unwrap();
    assert_eq!(
        (paths(&source), source.safety()),
        (vec![""], &Safety::Clean)
    );
    let called =
        verdict(b"\x80\x03cnumpy\nmemmap\nX\x01\0\0\0fX\x05\0\0\0uint8X\x02\0\0\0w+\x87R.");
    assert_eq!(called, "dangerous: numpy.memmap at byte 2");
    // Thrown away before the end, given to something that calls it, made without being initialised.
    for pickle in [
        b"\x80\x03cnumpy\nmemmap\nX\x01\0\0\0f\x85R0N.".as_slice(),
        b"\x80\x03ccollections\ndefaultdict\ncnumpy\nmemmap\n\x85R.",
        b"\x80\x03cnumpy.core.memmap\nmemmap\nX\x01\0\0\0f\x85\x81.",
    ] {
        assert!(
            verdict(pickle).starts_with("dangerous: numpy"),
            "{}",
            verdict(pickle)
        );
    }
}

#[test]
fn extension_codes_may_stand_for_anything() {
    let source = open(&[b"\x80\x02\x82\x07)R."]).unwrap();
    assert_eq!(
        source.safety().to_string(),
        "needs code: copyreg.extension 7"
    );
}

#[test]
fn objects_in_an_npy_are_looked_into() {
    let header = b"\x93NUMPY\x01\0\x46\0{'descr': '|O', 'fortran_order': False, 'shape': (2,), }             \n";
    let objects = |second: &[u8]| {
        [
            b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](".as_slice(),
            &array(4),
            second,
            b"etb.",
        ]
        .concat()
    };
    let source = open(&[header, &objects(b"N")]).unwrap();
    assert_eq!(paths(&source), ["", "0"]);
    assert_eq!(elements(&source, "0"), [4, 7]);
    assert_eq!(source.safety(), &Safety::Clean);
    let source = open(&[header, &objects(b"cos\nsystem\n")]).unwrap();
    assert_eq!(source.safety().word(), "dangerous");
    // One object more than the header says.
    let error = open(&[header, &array(1), b"."]).unwrap_err();
    assert!(error.to_string().contains("do not agree"), "{error}");
}

#[test]
fn compressed_pickles_are_unpacked() {
    use std::io::Write;
    let pickle = [b"\x80\x03".to_vec(), array(5), b".".to_vec()].concat();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(&pickle).unwrap();
    let zlib = zlib.finish().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&pickle).unwrap();
    let gzip = gzip.finish().unwrap();
    for packed in [&zlib, &gzip] {
        let source = open(&[packed]).unwrap();
        assert_eq!(paths(&source), [""]);
        assert_eq!(elements(&source, ""), [5, 7]);
        assert_eq!(source.safety(), &Safety::Clean);
        // Cut off, and with its last bytes, which are a checksum, changed.
        for n in 0..packed.len() {
            assert!(open(&[&packed[..n]]).is_err(), "{n} bytes were enough");
        }
        let mut damaged = packed.clone();
        damaged[packed.len() - 6..].fill(0x55);
        assert!(
            open(&[&damaged])
                .unwrap_err()
                .to_string()
                .contains("compressed pickle")
        );
    }
    // Compressed text is still nothing that ndferry reads.
    let mut text = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    text.write_all(b"just some text, not a pickle").unwrap();
    let error = open(&[&text.finish().unwrap()]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::UnknownFormat { .. }),
        "{error}"
    );
    // A bomb meets the limit.
    let mut options = OpenOptions::default();
    options.limits.expanded_nbytes = 1 << 20;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    bomb.write_all(
        &[
            b"\x80\x04B\0\0\0\x01".to_vec(),
            vec![0; 16 << 20],
            b".".to_vec(),
        ]
        .concat(),
    )
    .unwrap();
    let error = Source::from_bytes("x", bomb.finish().unwrap().into(), &options).unwrap_err();
    assert!(error.to_string().contains("limit of 1048576"), "{error}");
}

#[test]
fn what_a_pickle_does_not_say_can_be_said() {
    // array.array('h', b'\x00\x01\x02\x03') as Jython and Python 2.6 spell it.
    let bytes = Bytes::from_static(b"carray\narray\n(U\x01hU\x04\x00\x01\x02\x03tR.");
    for (order, values) in [
        (ByteOrder::Big, [1, 0x0203]),
        (ByteOrder::Little, [0x100, 0x0302]),
    ] {
        let mut options = OpenOptions::default();
        options.array_order = order;
        let source = Source::from_bytes("a.pkl", bytes.clone(), &options).unwrap();
        let array = source.array(None).unwrap().load().unwrap();
        let native = array.view().to_byteorder(ByteOrder::Little).unwrap();
        let expected: Vec<u8> = values.iter().flat_map(|n: &i16| n.to_le_bytes()).collect();
        assert_eq!(native.bytes()[..], expected);
    }
    // The function that makes it is in the extension registry.
    let bytes = Bytes::from_static(b"\x80\x02\x82\x07U\x01BU\x02\x05\x06\x86R.");
    let source = Source::from_bytes("a.pkl", bytes.clone(), &OpenOptions::default()).unwrap();
    assert!(source.members().is_empty() && !matches!(source.safety(), Safety::Clean));
    let mut options = OpenOptions::default();
    options
        .extensions
        .insert(7, ("array".to_owned(), "array".to_owned()));
    let source = Source::from_bytes("a.pkl", bytes, &options).unwrap();
    assert_eq!(
        source.array(None).unwrap().load().unwrap().bytes()[..],
        [5, 6]
    );
    assert!(matches!(source.safety(), Safety::Clean));
    assert_eq!(source.pickle().unwrap().globals[0].offset, 2);
}

#[test]
fn elements_of_a_pickle_in_memory_are_not_copied() {
    let pickle = Bytes::from([b"\x80\x03", &*array(9), b"."].concat());
    let within = pickle.as_ptr_range();
    let source = Source::from_bytes("a.pkl", pickle.clone(), &OpenOptions::default()).unwrap();
    let array = source.array(None).unwrap().load().unwrap();
    let start = array.bytes().as_ptr();
    assert_eq!(array.bytes()[..], [9, 0, 7, 0]);
    assert!(within.contains(&start) && within.contains(&start.wrapping_add(3)));
}
