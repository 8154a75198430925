//! Pickles that nobody writes by accident: each is refused or read, quickly and in little memory.

mod common;

use std::time::Duration;

use common::computed;
use ndferry_pickle::{ArrayReader, Elements, ErrorKind, Limits, Machine, Recognised, Result};

/// All that is done to a pickle: values, and every array in it.
fn read(pickle: &[u8]) -> Result<()> {
    let mut machine = Machine::new(pickle.to_vec());
    let root = machine.load()?;
    let tree = machine.into_tree();
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    for id in tree.ids() {
        reader.read(id)?;
    }
    assert!(tree.repr(root).len() < 2000);
    Ok(())
}

fn refused(pickle: &[u8]) -> ErrorKind {
    read(pickle).expect_err("it was read").kind
}

fn in_time<T>(what: impl FnOnce() -> T) -> T {
    let start = computed();
    let out = what();
    let took = computed() - start;
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    out
}

/// `numpy.ones((2, 3), 'i4')` as NumPy 1.26 pickles it with protocol 2, with its payload as bytes.
fn array() -> Vec<u8> {
    array_of(
        b"K\x02K\x03\x86",
        b"U\x02i4",
        b"C\x18\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0",
    )
}

fn array_of(shape: &[u8], dtype: &[u8], payload: &[u8]) -> Vec<u8> {
    let flags: &[u8] = if dtype.ends_with(b"O8") { b"?" } else { b"\0" };
    [
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01",
        shape,
        b"cnumpy\ndtype\n",
        dtype,
        b"K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK",
        flags,
        b"tb\x89",
        payload,
        b"tb.",
    ]
    .concat()
}

#[test]
fn the_array_that_is_spoilt_below_is_right() {
    read(&array()).unwrap();
}

#[test]
fn every_truncation_is_refused() {
    let pickle = array();
    for n in 0..pickle.len() {
        assert!(read(&pickle[..n]).is_err(), "{n} bytes were enough");
    }
}

#[test]
fn no_flip_panics_or_takes_long() {
    in_time(|| {
        let pickle = array();
        let mut refused = 0;
        for bit in 0..8 * pickle.len() {
            let mut flipped = pickle.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused += usize::from(read(&flipped).is_err());
        }
        assert!(refused > pickle.len(), "only {refused} were noticed");
    });
}

#[test]
fn claimed_lengths_meet_what_is_there() {
    for claim in [
        &b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff."[..],
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x96\0\0\0\0\0\x01\0\0.",
        b"B\xff\xff\xff\xff.",
        b"X\xff\xff\xff\xff.",
        b"T\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\x7f.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
    ] {
        let kind = refused(claim);
        assert!(
            matches!(kind, ErrorKind::Truncated { .. }),
            "{claim:x?}: {kind}"
        );
    }
}

#[test]
fn negative_lengths_are_refused() {
    for claim in [&b"T\xff\xff\xff\xff."[..], b"\x8b\xff\xff\xff\xff."] {
        assert!(matches!(refused(claim), ErrorKind::Text { .. }));
    }
}

#[test]
fn a_huge_memo_number_costs_nothing() {
    read(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff\x86.").unwrap();
    read(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.").unwrap();
    read(b"Np18446744073709551615\n0g18446744073709551615\n.").unwrap();
    assert!(matches!(
        refused(b"Np18446744073709551616\n."),
        ErrorKind::Text { .. }
    ));
    assert!(matches!(refused(b"h\x07."), ErrorKind::NoMemo { id: 7 }));
}

#[test]
fn deep_nesting_overflows_no_stack() {
    const DEPTH: usize = 1 << 20;
    in_time(|| {
        // Tuples in tuples, lists in lists, lists filled from the inside, and marks alone.
        let tuples = [b")".to_vec(), b"\x85".repeat(DEPTH), b".".to_vec()].concat();
        read(&tuples).unwrap();
        let lists = [b"]".repeat(DEPTH), b"a".repeat(DEPTH - 1), b".".to_vec()].concat();
        read(&lists).unwrap();
        let marks = [b"(".repeat(DEPTH), b"t".repeat(DEPTH), b".".to_vec()].concat();
        read(&marks).unwrap();
        let open = [b"(".repeat(DEPTH), b".".to_vec()].concat();
        assert!(matches!(refused(&open), ErrorKind::StackEmpty));
        let calls = [b"N".to_vec(), b")R".repeat(DEPTH), b".".to_vec()].concat();
        read(&calls).unwrap();
    });
}

#[test]
fn what_holds_itself_is_read_once() {
    read(b"]q\0h\0a.").unwrap();
    read(b"}q\0Nh\0s.").unwrap();
    // A dtype that is a field of itself.
    let inside = b"\x80\x02cnumpy\ndtype\nU\x02V8K\0K\x01\x87Rq\0(K\x03U\x01|NU\x01a\x85}U\x01ah\0K\0\x86sK\x08K\x01K\x10tb0h\0.";
    read(inside).unwrap();
    let mut machine = Machine::new(inside.to_vec());
    let root = machine.load().unwrap();
    let tree = machine.into_tree();
    let error = ArrayReader::new(&tree, &Limits::default())
        .dtype(root)
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Array(_)), "{error}");
}

#[test]
fn laughter_is_shared_not_repeated() {
    in_time(|| {
        let mut pickle = b"]".to_vec();
        for _ in 0..100_000 {
            pickle.extend_from_slice(b"2\x86");
        }
        pickle.push(b'.');
        read(&pickle).unwrap();
    });
}

#[test]
fn dtypes_that_double_are_counted() {
    // Each of 60 structs has two fields, both of the struct before: 2^60 fields altogether.
    let mut pickle = b"\x80\x02cnumpy\ndtype\nU\x02V0K\0K\x01\x87Rq\0".to_vec();
    for _ in 0..60 {
        pickle.extend_from_slice(
            b"cnumpy\ndtype\nU\x02V0K\0K\x01\x87R(K\x03U\x01|NU\x01aU\x01b\x86}(U\x01ah\0K\0\x86U\x01bh\0K\0\x86uK\0K\x01K\x10tbq\0",
        );
    }
    pickle.push(b'.');
    let mut machine = Machine::new(pickle);
    // The stack holds 61 of them.
    machine.load().unwrap_err();
    let tree = machine.into_tree();
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    let last = tree
        .ids()
        .filter(|id| tree.call(*id).is_some())
        .last()
        .unwrap();
    let error = in_time(|| reader.dtype(last)).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn long_numbers_in_text_are_refused() {
    let digits = |n: usize| [b"L".to_vec(), b"9".repeat(n), b"L\n.".to_vec()].concat();
    read(&digits(5000)).unwrap();
    assert!(matches!(
        in_time(|| refused(&digits(10_000_000))),
        ErrorKind::Limit { .. }
    ));
}

#[test]
fn numbers_that_could_be_octal_are_refused() {
    for number in ["I010\n.", "I-07\n.", "L010L\n.", "I08\n.", "I0x10\n."] {
        assert!(
            matches!(refused(number.as_bytes()), ErrorKind::Text { .. }),
            "{number:?}"
        );
    }
    for number in ["I0\n.", "I00\n.", "I01\n.", "L0L\n.", "I-10\n.", "I+5\n."] {
        read(number.as_bytes()).unwrap();
    }
}

#[test]
fn elements_fill_the_shape_exactly() {
    let short = array_of(b"K\x02K\x03\x86", b"U\x02i4", b"C\x04\x01\0\0\0");
    assert!(matches!(
        refused(&short),
        ErrorKind::ElementBytes {
            needed: 24,
            found: 4,
            ..
        }
    ));
    let huge = array_of(
        b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87",
        b"U\x02f8",
        b"C\0",
    );
    assert!(matches!(refused(&huge), ErrorKind::Array(_)));
    let negative = array_of(b"J\xff\xff\xff\xff\x85", b"U\x02i1", b"C\0");
    assert!(matches!(refused(&negative), ErrorKind::State { .. }));
    // Zero extents beside huge ones: no bytes.
    let none = array_of(b"K\0J\xff\xff\xff\x7f\x86", b"U\x02i4", b"C\0");
    read(&none).unwrap();
}

#[test]
fn bytes_are_never_objects() {
    let pointers = array_of(b"K\x01\x85", b"U\x02O8", b"C\x08AAAAAAAA");
    assert!(matches!(refused(&pointers), ErrorKind::State { .. }));
    let nested = array_of(b"K\x01\x85", b"U\x02O8", b"]Na");
    read(&nested).unwrap();
}

#[test]
fn times_without_a_unit_are_refused() {
    // NumPy crashes on dtype states of version 3 for them; those that it writes are of version 4.
    for dtype in [b"U\x02M8", b"U\x02m8"] {
        let times = array_of(b"K\x01\x85", dtype, b"C\x08\0\0\0\0\0\0\0\0");
        assert!(matches!(refused(&times), ErrorKind::State { .. }));
    }
}

#[test]
fn structs_have_no_order_of_bytes() {
    // NumPy would swap the little-endian field, as the order of the struct says, and then take it for little-endian.
    let of_order = |order: u8| {
        let field = b"cnumpy\ndtype\nU\x02i2K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb";
        [
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x01\x85cnumpy\ndtype\n".as_slice(),
            b"U\x02V2K\0K\x01\x87R(K\x03U\x01",
            &[order],
            b"NU\x01a\x85}U\x01a",
            field,
            b"K\0\x86sK\x02K\x01K\x10tb\x89C\x02\x01\0tb.",
        ]
        .concat()
    };
    read(&of_order(b'|')).unwrap();
    assert!(matches!(refused(&of_order(b'>')), ErrorKind::State { .. }));
}

#[test]
fn text_must_be_text() {
    assert!(matches!(
        refused(b"X\x02\0\0\0\xc3\x28."),
        ErrorKind::Text { .. }
    ));
    assert!(matches!(
        refused(b"X\x02\0\0\0\xed\xa0."),
        ErrorKind::Text { .. }
    ));
    for never in [
        b"\xc3\xa9\xc0\0",
        b"\xc3\xa9\0\xc1",
        b"\xc0\0\xc3\xa9",
        b"\xc1\x80\xc3\xa9",
    ] {
        let text = [b"X\x04\0\0\0".as_slice(), never, b"."].concat();
        assert!(
            matches!(refused(&text), ErrorKind::Text { .. }),
            "{never:x?}"
        );
    }
    // Half of a surrogate pair is, to Python.
    read(b"X\x03\0\0\0\xed\xa0\x80.").unwrap();
    assert!(matches!(refused(b"S'abc\n."), ErrorKind::Text { .. }));
    assert!(matches!(refused(b"V\\u12\n."), ErrorKind::Text { .. }));
}

#[test]
fn names_repeated_are_shared() {
    // 100,000 uses of one name of 1000 bytes.
    let mut pickle = b"\x80\x04X\xe8\x03\0\0".to_vec();
    pickle.extend_from_slice(&b"m".repeat(1000));
    pickle.extend_from_slice(b"\x940");
    for _ in 0..100_000 {
        pickle.extend_from_slice(b"h\0h\0\x930");
    }
    pickle.extend_from_slice(b"N.");
    let mut machine = Machine::new(pickle);
    in_time(|| machine.load()).unwrap();
    let globals = machine.tree().globals();
    assert_eq!(globals.len(), 100_000);
    assert!(std::sync::Arc::ptr_eq(
        &globals[0].module,
        &globals[99_999].name
    ));
}

#[test]
fn values_are_limited() {
    let mut limits = Limits::default();
    limits.values = 1000;
    let pickle = [b"N".repeat(1001), b".".to_vec()].concat();
    let input: std::sync::Arc<dyn ndferry_pickle::ReadAt> =
        std::sync::Arc::new(bytes::Bytes::from(pickle));
    let error = Machine::open(input, 0, limits, Vec::new())
        .load()
        .unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Limit { found: 1001, .. }),
        "{error}"
    );
    assert_eq!(error.offset, 1000);
}

/// An array of three `|u1` as joblib dumps it: a wrapper, and then bytes between the opcodes.
fn joblib(elements: &[u8], then: &[u8]) -> Vec<u8> {
    [
        b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0shapeK\x03\x85X\x05\0\0\0orderX\x01\0\0\0CX\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0u1K\0K\x01\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbX\x1b\0\0\0numpy_array_alignment_bytesK\x10ub".as_slice(),
        elements,
        then,
    ]
    .concat()
}

#[test]
fn bytes_between_opcodes_are_an_array() {
    // Two bytes of padding, then elements that look like opcodes.
    let mut machine = Machine::new(joblib(b"\x02\xff\xff...", b"N\x86."));
    let root = machine.load().unwrap();
    let tree = machine.into_tree();
    let wrapper = tree.sequence(root).unwrap()[0];
    let mut reader = ArrayReader::new(&tree, &Limits::default());
    let Some(Recognised::Array(array)) = reader.read(wrapper).unwrap() else {
        panic!("no array");
    };
    let Elements::Bytes(payload) = array.elements else {
        panic!("no bytes");
    };
    assert_eq!(
        (&array.shape[..], &payload.bytes(&tree).unwrap()[..]),
        (&[3][..], &b"..."[..])
    );
    let cut = refused(&joblib(b"\x02\xff\xff..", b""));
    assert!(
        matches!(
            cut,
            ErrorKind::Truncated {
                needed: 3,
                found: 2
            }
        ),
        "{cut}"
    );
}

#[test]
fn pickles_inside_pickles_are_counted() {
    // A wrapper of objects is followed by a pickle; here by one with a wrapper of objects, and so on.
    let wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0shapeK\x03\x85X\x05\0\0\0orderX\x01\0\0\0CX\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0O8K\0K\x01\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tbub";
    let kind = in_time(|| refused(&wrapper.repeat(10_000)));
    assert!(matches!(kind, ErrorKind::Limit { .. }), "{kind}");
}

#[test]
fn values_and_marks_that_nothing_takes_are_refused_early() {
    for opcode in [b'}', b'(', b'K'] {
        let bytes = vec![opcode; 4 << 20];
        let error = Machine::new(bytes).load().unwrap_err();
        assert!(
            matches!(
                error.kind,
                ErrorKind::Limit {
                    limit: 0x10_0000,
                    ..
                }
            ),
            "{error}"
        );
    }
    // A long list that was pickled without batches is no such thing.
    let long = [&b"("[..], &vec![b'}'; 3 << 20], b"l."].concat();
    assert!(Machine::new(long).load().is_ok());
}

#[test]
fn objects_as_bytes_are_refused() {
    // NumPy: cannot create an OBJECT array from memory buffer.
    let dtype = "cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb";
    let pickle = format!("cnumpy.core.numeric\n_frombuffer\n(S'12345678'\n{dtype}(I1\ntS'C'\ntR.");
    let mut machine = Machine::new(pickle.into_bytes());
    let root = machine.load().unwrap();
    let tree = machine.into_tree();
    let error = ArrayReader::new(&tree, &Limits::default())
        .read(root)
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::State { .. }), "{error}");
}

#[test]
fn pointers_of_32_bit_machines_get_the_room_they_have_here() {
    // What NumPy for i386 makes of numpy.dtype([('a', 'i4'), ('o', 'O'), ('p', 'O', 2), ('b', 'i4')]); NumPy for 64 bits
    // dies of it.
    let int = "cnumpy\ndtype\n(S'i4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb";
    let object = "cnumpy\ndtype\n(S'O4'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb";
    let pair =
        format!("cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR(I3\nS'|'\n({object}(I2\nttNNI8\nI4\nI27\ntb");
    let fields =
        format!("(S'a'\n({int}I0\ntS'o'\n({object}I4\ntS'p'\n({pair}I8\ntS'b'\n({int}I16\ntd");
    let dtype = format!(
        "cnumpy\ndtype\n(S'V20'\nI0\nI1\ntR(I3\nS'|'\nN(S'a'\nS'o'\nS'p'\nS'b'\nt{fields}I20\nI1\nI27\ntb"
    );
    let pickle = format!(
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nt{dtype}I00\n\
         (lp0\n(I5\nNNI6\ntatb."
    );
    let mut machine = Machine::new(pickle.into_bytes());
    let root = machine.load().unwrap();
    let tree = machine.into_tree();
    let read = ArrayReader::new(&tree, &Limits::default())
        .read(root)
        .unwrap();
    let Some(Recognised::Array(array)) = read else {
        panic!("{read:?}");
    };
    let fields = array.dtype.fields().unwrap();
    let offsets: Vec<_> = fields.fields().iter().map(|field| field.offset).collect();
    assert_eq!((offsets, array.dtype.itemsize()), (vec![0, 4, 12, 28], 32));
}

#[test]
fn a_long_pickle_can_be_stopped_on_its_way() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    // Numbers that are pushed and dropped.
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(b"K\x010".repeat(1_000_000));
    pickle.extend(b"N.");
    let mut machine = Machine::new(pickle.clone());
    let looks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&looks);
    machine.watch(move || match counted.fetch_add(1, Ordering::Relaxed) {
        0..4 => Ok(()),
        _ => Err(std::io::Error::other("enough")),
    });
    let error = machine.load().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Io(_)));
    assert!(error.offset < pickle.len() as u64 / 2);
    assert_eq!(looks.load(Ordering::Relaxed), 5);
    assert!(Machine::new(pickle).load().is_ok());
}
