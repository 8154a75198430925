//! Archives of all kinds that other programs write, and of all kinds that nobody should.

use std::io::Read;

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Order};
use ndferry_npy::{
    Contents, Error, ErrorKind, Limits, MemberKind, Method, Npz, NpzWriter, Packing, ReadAt, write,
};

use crate::zip::{End, Entry, archive, archive_with_end};

/// An NPY file of `n` numbers.
fn npy(n: u32) -> Vec<u8> {
    let elements: Vec<u32> = (0..n).map(|i| i * 7).collect();
    let array = Array::from_elements(&[elements.len()], &elements).unwrap();
    let mut file = Vec::new();
    write(&mut file, &array.view()).unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Npz<&[u8]>, Error> {
    Npz::open(bytes, &Limits::default())
}

/// Names and element counts, read in every way there is.
fn contents(bytes: &[u8]) -> Result<Vec<(String, usize)>, Error> {
    let shared = Npz::open(Bytes::from(bytes.to_vec()), &Limits::default())?;
    let npz = open(bytes)?;
    let mut found = Vec::new();
    for (i, member) in npz.members().iter().enumerate() {
        let Contents::Array(array) = npz.read(i)? else {
            panic!("{member:?}");
        };
        let whole = npz.bytes(i)?;
        assert_eq!(shared.bytes(i)?, whole);
        let mut streamed = Vec::new();
        npz.reader(i)?.read_to_end(&mut streamed).map_err(error)?;
        assert_eq!(streamed, whole);
        let mut target = vec![1; whole.len()];
        npz.read_into(i, &mut target)?;
        assert_eq!(target, whole);
        let (header, start) = npz.header(i)?;
        assert_eq!(
            (&header.shape[..], &whole[start..]),
            (array.shape(), &array.bytes()[..])
        );
        if let Some(range) = npz.stored_range(i)? {
            assert_eq!(&bytes[range.start as usize..range.end as usize], &whole[..]);
        }
        found.push((member.name().to_owned(), array.size()));
    }
    Ok(found)
}

/// An error of ours that went through `std::io`.
fn error(error: std::io::Error) -> Error {
    error.downcast().expect("only our own errors here")
}

/// What is wrong with which member.
fn refused(bytes: &[u8]) -> (String, ErrorKind) {
    match contents(bytes).expect_err("accepted").kind {
        ErrorKind::Member { name, kind } => (name, *kind),
        other => (String::new(), other),
    }
}

fn problem(bytes: &[u8]) -> (String, String) {
    let (name, kind) = refused(bytes);
    (name, kind.to_string())
}

fn named(names: &[(&str, usize)]) -> Vec<(String, usize)> {
    let owned = |(name, size): &(&str, usize)| ((*name).to_owned(), *size);
    names.iter().map(owned).collect()
}

#[test]
fn stored_and_deflated_members_are_read() {
    let entries = [
        Entry::stored("a.npy", &npy(3)),
        Entry::deflated("b.npy", &npy(50_000)),
    ];
    let bytes = archive(&entries);
    assert_eq!(contents(&bytes).unwrap(), named(&[("a", 3), ("b", 50_000)]));
    let npz = open(&bytes).unwrap();
    let methods: Vec<Method> = npz.members().iter().map(|member| member.method()).collect();
    assert_eq!(methods, [Method::Stored, Method::Deflated]);
    assert_eq!(npz.stored_range(1).unwrap(), None);
}

#[test]
fn sizes_may_follow_the_data_or_have_64_bits() {
    let mut long = Entry::stored("c.npy", &npy(5));
    long.zip64 = true;
    let mut long_deflated = Entry::deflated("d.npy", &npy(6));
    long_deflated.zip64 = true;
    let entries = [
        Entry::stored("a.npy", &npy(3)).sized_behind(),
        Entry::deflated("b.npy", &npy(4)).sized_behind(),
        long,
        long_deflated,
    ];
    let all = named(&[("a", 3), ("b", 4), ("c", 5), ("d", 6)]);
    assert_eq!(contents(&archive(&entries)).unwrap(), all);
    let zip64 = || End {
        zip64: true,
        ..End::default()
    };
    let bytes = archive_with_end(&entries, zip64());
    assert_eq!(contents(&bytes).unwrap(), all);
    let behind_others = [&b"#!/bin/sh\n"[..], &bytes].concat();
    assert_eq!(contents(&behind_others).unwrap(), all);
}

#[test]
fn bytes_before_and_a_comment_after_change_nothing() {
    let entries = [
        Entry::stored("a.npy", &npy(3)),
        Entry::deflated("b.npy", &npy(4)),
    ];
    for comment in [0, 1, 1000, 65_535] {
        let end = End {
            comment: vec![b'c'; comment],
            ..End::default()
        };
        let bytes = archive_with_end(&entries, end);
        for prefix in [0, 1, 21, 100_000] {
            let bytes = [vec![b'#'; prefix], bytes.clone()].concat();
            let found = contents(&bytes).unwrap();
            assert_eq!(found, named(&[("a", 3), ("b", 4)]), "{prefix} {comment}");
            assert_eq!(open(&bytes).unwrap().end(), bytes.len() as u64);
            // More bytes than the comment says belong to something else.
            let longer = [&bytes[..], b"more"].concat();
            match open(&longer) {
                Ok(npz) => assert_eq!(npz.end(), bytes.len() as u64),
                // The end record is too far away to be searched for.
                Err(error) => assert!(comment == 65_535, "{error}"),
            }
        }
    }
}

#[test]
fn of_a_name_that_occurs_twice_the_last_is_found() {
    let bytes = archive(&[
        Entry::stored("a.npy", &npy(3)),
        Entry::stored("a.npy", &npy(4)),
        Entry::stored("a", &npy(5)),
        Entry::stored("b/c.npy", &npy(6)),
    ]);
    assert_eq!(
        contents(&bytes).unwrap(),
        named(&[("a", 3), ("a", 4), ("a", 5), ("b/c", 6)])
    );
    let npz = open(&bytes).unwrap();
    assert_eq!(npz.find("a.npy"), Some(1));
    // `numpy.load` tries file names first.
    assert_eq!(npz.find("a"), Some(2));
    assert_eq!(npz.find("b/c"), Some(3));
    assert_eq!(npz.find("c"), None);
}

#[test]
fn names_are_unicode_or_code_page_437() {
    let mut old = Entry::stored("x", &npy(2));
    old.name = b"\x82t\x82.npy".to_vec();
    old.local_name = old.name.clone();
    let bytes = archive(&[Entry::stored("日本/é.npy", &npy(1)), old]);
    assert_eq!(
        contents(&bytes).unwrap(),
        named(&[("日本/é", 1), ("été", 2)])
    );
}

#[test]
fn folders_and_other_files_are_bytes() {
    let bytes = archive(&[
        Entry::stored("a/", b""),
        Entry::deflated("a/read.me", b"hello hello hello hello"),
        Entry::stored("an array", &npy(3)),
    ]);
    let npz = open(&bytes).unwrap();
    let kinds: Vec<MemberKind> = npz.members().iter().map(|member| member.kind()).collect();
    assert_eq!(
        kinds,
        [MemberKind::Folder, MemberKind::Other, MemberKind::Other]
    );
    assert!(matches!(npz.read(0).unwrap(), Contents::Bytes(bytes) if bytes.is_empty()));
    let text = &b"hello hello hello hello"[..];
    assert!(matches!(npz.read(1).unwrap(), Contents::Bytes(bytes) if bytes == text));
    assert!(matches!(npz.read(2).unwrap(), Contents::Array(array) if array.size() == 3));
}

#[test]
fn an_empty_archive_has_no_members() {
    assert_eq!(contents(&archive(&[])).unwrap(), []);
    let nothing = NpzWriter::new(Vec::new(), Packing::Stored)
        .finish()
        .unwrap();
    assert_eq!(contents(&nothing).unwrap(), []);
}

#[test]
fn what_is_no_archive_says_so() {
    for bytes in [&b""[..], b"PK", b"PK\x03\x04", &npy(3), &[0; 100_000]] {
        assert!(
            matches!(open(bytes).unwrap_err().kind, ErrorKind::Zip { .. }),
            "{}",
            bytes.len()
        );
    }
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "../a.npy",
        "a/../../b.npy",
        "/etc/x.npy",
        "C:\\x.npy",
        "",
        "a\0b.npy",
        "\x1b[2Jx.npy",
    ] {
        let bytes = archive(&[
            Entry::stored("ok.npy", &npy(1)),
            Entry::stored(name, &npy(1)),
        ]);
        let (found, kind) = refused(&bytes);
        assert!(matches!(kind, ErrorKind::Name { .. }), "{name:?}: {kind}");
        assert_eq!(found, name);
    }
}

#[test]
fn encrypted_members_and_other_methods_are_not_supported() {
    let mut secret = Entry::stored("s.npy", &npy(1));
    secret.flags = 1;
    let (name, kind) = refused(&archive(&[secret]));
    assert!(matches!(kind, ErrorKind::Encrypted), "{kind}");
    assert_eq!(name, "s.npy");
    for method in [1, 9, 12, 14, 93, 99] {
        let mut other = Entry::stored("m.npy", &npy(1));
        (other.method, other.local_method) = (method, method);
        let (_, kind) = refused(&archive(&[other]));
        assert!(
            matches!(kind, ErrorKind::Method { method: found } if found == method),
            "{kind}"
        );
    }
}

#[test]
fn a_wrong_checksum_is_found_in_every_way_of_reading() {
    let (mut stored, mut deflated) = (
        Entry::stored("a.npy", &npy(9)),
        Entry::deflated("a.npy", &npy(9)),
    );
    stored.crc ^= 1;
    deflated.crc ^= 1;
    let behind = [
        stored.clone().sized_behind(),
        deflated.clone().sized_behind(),
    ];
    for entry in [stored, deflated].into_iter().chain(behind) {
        let bytes = archive(&[entry]);
        let npz = open(&bytes).unwrap();
        let is_crc = |error: Error| match error.kind {
            ErrorKind::Member { name, kind } => {
                name == "a.npy" && matches!(*kind, ErrorKind::Crc { .. })
            }
            _ => false,
        };
        assert!(is_crc(npz.read(0).unwrap_err()));
        assert!(is_crc(npz.bytes(0).unwrap_err()));
        let mut target = vec![0; npz.members()[0].nbytes() as usize];
        assert!(is_crc(npz.read_into(0, &mut target).unwrap_err()));
        let streamed = npz.reader(0).unwrap().read_to_end(&mut Vec::new());
        assert!(is_crc(error(streamed.unwrap_err())));
        let shared = Npz::open(Bytes::from(bytes.clone()), &Limits::default()).unwrap();
        assert!(is_crc(shared.read(0).unwrap_err()));
    }
}

#[test]
fn bombs_and_lies_about_sizes_are_refused() {
    // Longer than deflate can make it.
    let mut bomb = Entry::deflated("bomb.npy", &npy(3));
    bomb.nbytes = 1 << 40;
    bomb.zip64 = true;
    let (name, said) = problem(&archive(&[bomb]));
    assert_eq!(
        (name.as_str(), said.as_str()),
        (
            "bomb.npy",
            "damaged: the deflated data cannot be as long as the directory says"
        )
    );
    // Longer and shorter than it is.
    let honest = Entry::deflated("a.npy", &npy(3000));
    for nbytes in [honest.nbytes + 1, honest.nbytes - 1] {
        let lie = Entry {
            nbytes,
            ..honest.clone()
        };
        let bytes = archive(&[lie]);
        let npz = open(&bytes).unwrap();
        for error in [
            npz.read(0).unwrap_err(),
            npz.bytes(0).unwrap_err(),
            error(
                npz.reader(0)
                    .unwrap()
                    .read_to_end(&mut Vec::new())
                    .unwrap_err(),
            ),
        ] {
            assert!(error.to_string().contains("the directory says"), "{error}");
        }
    }
    // Stored, but with two sizes.
    let two = Entry {
        nbytes: 7,
        ..Entry::stored("a.npy", &npy(3))
    };
    assert!(matches!(refused(&archive(&[two])).1, ErrorKind::Zip { .. }));
    // A real bomb is cut off at the limit for data.
    let zeros = vec![0; 10 << 20];
    let bytes = archive(&[Entry::deflated("zeros", &zeros)]);
    let limits = Limits {
        data_nbytes: 1 << 20,
        ..Limits::default()
    };
    let npz = Npz::open(&bytes[..], &limits).unwrap();
    let error = npz.read(0).unwrap_err();
    assert!(error.to_string().contains("more than the limit"), "{error}");
}

#[test]
fn members_that_overlap_are_refused() {
    // Two names for the same bytes.
    let one = Entry::stored("a.npy", &npy(3));
    let other = Entry {
        local_at: Some(0),
        ..Entry::stored("b.npy", &npy(3))
    };
    let (name, kind) = refused(&archive(&[one.clone(), other]));
    assert!(matches!(kind, ErrorKind::Zip { .. }), "{name}: {kind}");
    // One member inside another's data.
    let inner = archive(std::slice::from_ref(&one));
    let outer = Entry::stored("outer.npy", &inner);
    let start = 30 + outer.name.len() as u64;
    let inside = Entry {
        local_at: Some(start),
        packed: Vec::new(),
        ..one.clone()
    };
    let (name, kind) = refused(&archive(&[outer, inside]));
    assert!(matches!(kind, ErrorKind::Zip { .. }), "{name}: {kind}");
    assert_eq!(name, "outer.npy");
    // Into the directory.
    let long = Entry {
        packed_nbytes: one.nbytes + 10,
        nbytes: one.nbytes + 10,
        ..one
    };
    let (name, kind) = refused(&archive(&[long]));
    assert!(matches!(kind, ErrorKind::Zip { .. }), "{kind}");
    assert_eq!(name, "a.npy");
}

#[test]
fn a_local_header_that_says_something_else_is_refused() {
    let honest = Entry::stored("a.npy", &npy(3));
    let name = Entry {
        local_name: b"b.npy".to_vec(),
        ..honest.clone()
    };
    let method = Entry {
        local_method: 8,
        ..honest.clone()
    };
    for (entry, said) in [
        (name, "another name"),
        (method, "another compression method"),
    ] {
        let (member, problem) = problem(&archive(&[entry]));
        assert!(problem.contains(said), "{problem}");
        assert_eq!(member, "a.npy");
    }
}

#[test]
fn an_end_record_that_contradicts_the_directory_is_refused() {
    let entries = [
        Entry::stored("a.npy", &npy(3)),
        Entry::stored("b.npy", &npy(4)),
    ];
    let ends = [
        End {
            count: Some(1),
            ..End::default()
        },
        End {
            count: Some(3),
            ..End::default()
        },
        End {
            directory_nbytes: Some(51),
            ..End::default()
        },
        End {
            directory_at: Some(0),
            ..End::default()
        },
        End {
            directory_at: Some(u32::MAX),
            ..End::default()
        },
    ];
    for (i, end) in ends.into_iter().enumerate() {
        let found = contents(&archive_with_end(&entries, end));
        assert!(found.is_err(), "{i}: {found:?}");
    }
}

#[test]
fn more_members_than_the_limit_are_refused() {
    let entries: Vec<Entry> = (0..11)
        .map(|i| Entry::stored(&i.to_string(), b""))
        .collect();
    let bytes = archive(&entries);
    let limits = |members| Limits {
        members,
        ..Limits::default()
    };
    assert!(Npz::open(&bytes[..], &limits(11)).is_ok());
    let error = Npz::open(&bytes[..], &limits(10)).unwrap_err();
    assert!(matches!(
        error.kind,
        ErrorKind::TooManyMembers { limit: 10 }
    ));
}

#[test]
fn more_than_an_array_in_a_member_is_refused_if_it_is_much() {
    let little = [npy(3), vec![0; 100]].concat();
    assert!(contents_of_one(&little).is_ok());
    let much = [npy(3), vec![0; 2 << 20]].concat();
    let error = contents_of_one(&much).unwrap_err();
    assert!(
        error.to_string().contains("bytes follow the array"),
        "{error}"
    );
}

fn contents_of_one(file: &[u8]) -> Result<Contents, Error> {
    open(&archive(&[Entry::deflated("a.npy", file)]))?.read(0)
}

#[test]
fn members_are_read_from_several_threads() {
    let entries: Vec<Entry> = (0..16)
        .map(|i| Entry::deflated(&format!("{i}.npy"), &npy(1000 + i)))
        .collect();
    let bytes = archive(&entries);
    let npz = open(&bytes).unwrap();
    std::thread::scope(|scope| {
        for i in 0..16 {
            let npz = &npz;
            scope.spawn(move || {
                let Contents::Array(array) = npz.read(i).unwrap() else {
                    panic!()
                };
                assert_eq!(array.size(), 1000 + i);
            });
        }
    });
}

/// Counts what is read.
struct Counting<'a>(&'a [u8], std::sync::atomic::AtomicUsize);

impl ReadAt for Counting<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let n = ReadAt::read_at(self.0, buf, offset)?;
        self.1.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        Ok(n)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

#[test]
fn a_header_is_read_without_the_data() {
    let big = Array::contiguous(
        Dtype::parse("<f8").unwrap(),
        &[1000, 1000],
        Order::C,
        vec![0; 8_000_000],
    )
    .unwrap();
    let mut writer = NpzWriter::new(Vec::new(), Packing::Stored);
    writer.add("big", &big.view()).unwrap();
    let bytes = writer.finish().unwrap();
    let npz = Npz::open(Counting(&bytes, 0.into()), &Limits::default()).unwrap();
    assert_eq!(npz.header(0).unwrap().0.shape, [1000, 1000]);
    let read = npz.get_ref().1.load(std::sync::atomic::Ordering::Relaxed);
    assert!(read < 300_000, "{read} bytes were read");
}
