//! Arrays of objects in NPB files: the pickle that an NPY would hold, in tiles.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bytes::Bytes;
use ndferry::{
    CheckOptions, Codec, CreateOptions, ErrorKind, Format, Item, LazyArray, NpbFile, OpenOptions,
    Problem, Safety, SaveOptions, ScanOptions, Source, append, check_bytes, save_to, scan_bytes,
    verify,
};

/// `{'o': [[1, 'two', None], [3.5, (4, 5), {'k': arange(4, '<i2')}]] as objects, 'n': arange(5, '<i4')}`, protocol 2.
const PICKLE: &[u8] = b"\x80\x02}(X\x01\0\0\0ocnumpy._core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nq\x01K\0\x85\
c_codecs\nencode\nq\x02X\x01\0\0\0bX\x06\0\0\0latin1q\x03\x86Rq\x04\x87R(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x05\
X\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](K\x01X\x03\0\0\0twoN\
G@\x0c\0\0\0\0\0\0K\x04K\x05\x86}X\x01\0\0\0kh\0h\x01K\0\x85h\x04\x87R(K\x01K\x04\x85h\x05X\x02\0\0\0i2\x89\x88\x87R\
(K\x03X\x01\0\0\0<q\x06NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89h\x02X\x08\0\0\0\0\0\x01\0\x02\0\x03\0h\x03\x86\
RtbsetbX\x01\0\0\0nh\0h\x01K\0\x85h\x04\x87R(K\x01K\x05\x85h\x05X\x02\0\0\0i4\x89\x88\x87R(K\x03h\x06NNN\
J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89h\x02X\x14\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0h\x03\x86\
Rtbu.";

/// An array of one object that calls `posix.system`.
const HOSTILE: &[u8] = b"\x80\x02cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85c_codecs\nencode\n\
X\x01\0\0\0bX\x06\0\0\0latin1\x86R\x87R(K\x01K\x01\x85cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNN\
J\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]cposix\nsystem\nX\x04\0\0\0true\x85Ratb.";

fn open(name: &str, bytes: impl Into<Bytes>) -> Source {
    Source::from_bytes(name, bytes.into(), &OpenOptions::default()).unwrap()
}

/// All of a source as an NPB, in blocks so small that the pickle has several.
fn npb(source: &Source, codec: Codec) -> Vec<u8> {
    let arrays: Vec<LazyArray> = source.outer_arrays().collect();
    let item = |array| Item {
        name: LazyArray::path(array),
        array,
    };
    let items: Vec<Item<'_>> = arrays.iter().map(item).collect();
    let mut options = SaveOptions::default();
    options.format = Some(Format::Npb);
    options.block_nbytes = Some(64);
    options.packing.codec = codec;
    let mut out = Vec::new();
    save_to(&mut out, &items, &options, &()).unwrap();
    out
}

fn pickle(source: &Source, member: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let options = SaveOptions::default();
    source
        .save_pickle_to(&mut out, member, &options, &())
        .unwrap();
    out
}

/// Where the first DATA of an array of objects is.
fn first_tile(file: &[u8]) -> usize {
    let at = file
        .windows(6)
        .position(|bytes| bytes == b"\x93NPB\x01\x02");
    at.unwrap()
}

#[test]
fn objects_come_back_as_they_were_with_every_codec() {
    let source = open("x.pkl", PICKLE);
    let paths: Vec<String> = source.outer_arrays().map(|a| a.path().to_owned()).collect();
    assert_eq!(paths, ["o", "n"]);
    for codec in [
        Codec::None,
        Codec::Lz4,
        Codec::Zstd(3),
        Codec::Deflate(6),
        Codec::Auto,
    ] {
        let back = open("x.npb", npb(&source, codec));
        let paths: Vec<&str> = back.members().iter().map(|member| &*member.path).collect();
        assert_eq!(paths, ["o", "o.5.k", "n"], "{codec:?}");
        assert_eq!(back.members()[0].shape, [2, 3]);
        assert!(back.members()[0].dtype.has_object());
        assert_eq!(pickle(&back, Some("o")), pickle(&source, Some("o")));
        let inner = back.array(Some("o.5.k")).unwrap().load().unwrap();
        assert_eq!(inner.to_elements::<i16>().unwrap(), [0, 1, 2, 3]);
        let numbers = back.array(Some("n")).unwrap().load().unwrap();
        assert_eq!(numbers.to_elements::<i32>().unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(back.safety(), &Safety::Clean);
    }
}

#[test]
fn an_array_alone_needs_no_name_and_goes_back_into_a_pickle() {
    let source = open("o.pkl", pickle(&open("x.pkl", PICKLE), Some("o")));
    let back = open("o.npb", npb(&source, Codec::None));
    assert!(back.holds_pickle(None));
    assert_eq!(pickle(&back, None), pickle(&source, None));
}

#[test]
fn names_in_the_pickle_are_judged_as_in_any_other() {
    let source = open("x.pkl", HOSTILE);
    let file: Bytes = npb(&source, Codec::Zstd(1)).into();
    assert!(matches!(
        open("x.npb", file.clone()).safety(),
        Safety::Dangerous(_)
    ));
    let scanned = scan_bytes("x.npb", file.clone(), &ScanOptions::default(), &()).unwrap();
    assert_eq!((scanned.verdict(), scanned.pickles), ("dangerous", 1));
    assert!(
        scanned
            .globals
            .iter()
            .any(|global| &*global.name == "system")
    );
    let finding = check_bytes("x.npb", file, &CheckOptions::default(), &()).unwrap();
    assert!(!finding.is_good());
    assert!(matches!(finding.safety, Safety::Dangerous(_)));
}

#[test]
fn a_damaged_tile_hides_the_objects_alone_and_never_makes_them_clean() {
    let source = open("x.pkl", PICKLE);
    let file = npb(&source, Codec::None);
    let mut damaged = file.clone();
    let at = first_tile(&file);
    damaged[at + 50] ^= 1;
    let back = open("x.npb", damaged.clone());
    assert_eq!(back.safety(), &Safety::NeedsCode(Vec::new()));
    assert!(back.array(Some("o")).is_ok());
    assert!(back.objects_at(Some("o")).is_none());
    let numbers = back.array(Some("n")).unwrap().load().unwrap();
    assert_eq!(numbers.to_elements::<i32>().unwrap(), [0, 1, 2, 3, 4]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npb");
    std::fs::write(&path, &damaged).unwrap();
    let finding = verify(&path, &CheckOptions::default(), &()).unwrap();
    let named = finding.problems.iter().any(|problem| {
        matches!(problem, Problem::Unreadable(error)
            if matches!(error.kind(), ErrorKind::DamagedTile { number: 0, region, .. } if region == "0:64"))
    });
    assert!(named, "{:?}", finding.problems);
    let scanned = scan_bytes("x.npb", damaged.into(), &ScanOptions::default(), &()).unwrap();
    assert_eq!(scanned.verdict(), "unreadable");
}

#[test]
fn a_file_cut_anywhere_never_shows_half_of_the_objects() {
    let source = open("x.pkl", PICKLE);
    let file = npb(&source, Codec::None);
    let (mut opened, mut whole) = (0, 0);
    for cut in 0..file.len() {
        let options = OpenOptions::default();
        let part = Bytes::copy_from_slice(&file[..cut]);
        let Ok(back) = Source::from_bytes("x.npb", part, &options) else {
            continue;
        };
        opened += 1;
        assert!(back.require_whole().is_err(), "{cut}");
        if back.objects_at(Some("o")).is_some() {
            whole += 1;
            assert_eq!(
                pickle(&back, Some("o")),
                pickle(&source, Some("o")),
                "{cut}"
            );
        } else if back.members().iter().any(|member| member.path == "o") {
            assert!(!back.safety().is_safe(), "{cut}");
        }
    }
    println!(
        "{} cuts, {opened} opened, {whole} with all objects",
        file.len()
    );
    assert!(opened > whole && whole > 0);
}

#[test]
fn memory_is_not_taken_for_a_pickle_beyond_the_limit() {
    let source = open("x.pkl", PICKLE);
    let file = npb(&source, Codec::None);
    let mut options = OpenOptions::default();
    options.limits.pickle_nbytes = 100;
    let error = Source::from_bytes("x.npb", file.into(), &options).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Limit { limit: 100, .. }),
        "{error}"
    );
}

#[test]
fn objects_are_appended_to_a_file_but_no_regions_of_them_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("x.npb");
    let source = open("x.pkl", PICKLE);
    let objects = source.array(Some("o")).unwrap();
    std::fs::write(path, npb(&source, Codec::None)).unwrap();
    let item = Item {
        name: "again",
        array: &objects,
    };
    append(path, &[item], &SaveOptions::default(), &()).unwrap();
    let back = Source::open(path, &OpenOptions::default()).unwrap();
    assert_eq!(pickle(&back, Some("again")), pickle(&source, Some("o")));
    let error = NpbFile::open(path, Some("again"), CreateOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Objects), "{error}");
    assert!(
        verify(path, &CheckOptions::default(), &())
            .unwrap()
            .is_good()
    );
}

#[test]
#[cfg(feature = "transport")]
fn objects_cross_a_socket_into_an_npb_or_npy_or_memory() {
    use ndferry::{Receiver, RecvOptions, SendOptions, Target, send};

    let source = open("x.pkl", PICKLE);
    let objects = source.array(Some("o")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let transfer = |target: &Target| {
        let mut receiver = Receiver::bind("tcp://127.0.0.1:0", RecvOptions::default()).unwrap();
        let url = receiver.url();
        let mut options = SendOptions::default();
        options.block_nbytes = 64;
        let item = Item {
            name: "",
            array: &objects,
        };
        std::thread::scope(|scope| {
            let received = scope.spawn(move || receiver.recv(target, &()));
            let sent = send(&url, &[item], &options, &());
            (sent, received.join().unwrap())
        })
    };
    for ending in ["npb", "npy"] {
        let path = folder.path().join(format!("x.{ending}"));
        let (sent, received) = transfer(&Target::File(path.clone()));
        let (sent, received) = (sent.unwrap(), received.unwrap());
        assert!(sent.acknowledged && sent.blocks > 3);
        assert_eq!(received.arrays[0].shape, [2, 3]);
        let back = Source::open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(pickle(&back, None), pickle(&source, Some("o")), "{ending}");
    }
    let (sent, received) = transfer(&Target::Memory);
    assert!(sent.unwrap().acknowledged);
    let mut received = received.unwrap();
    let array = received.arrays.remove(0);
    assert!(array.array.is_none());
    let back = array.objects.unwrap();
    assert_eq!(pickle(&back, None), pickle(&source, Some("o")));
    assert_eq!(back.array(Some("5.k")).unwrap().shape(), [4]);
}

/// The sender must not hear that what nobody can read is stored.
#[test]
#[cfg(feature = "transport")]
fn a_broken_pickle_that_comes_into_memory_is_refused() {
    use ndferry::{Receiver, RecvOptions, Target};
    use ndferry_npb::{HEAD_NBYTES, Head, Hello, Kind, Limits, message};
    use std::io::{Read, Write};

    let file = npb(&open("x.pkl", HOSTILE), Codec::None);
    let mut receiver = Receiver::bind("tcp://127.0.0.1:0", RecvOptions::default()).unwrap();
    let address = receiver.url()["tcp://".len()..].to_owned();
    std::thread::scope(|scope| {
        let received = scope.spawn(move || receiver.recv(&Target::Memory, &()));
        let mut peer = std::net::TcpStream::connect(address).unwrap();
        let hello = Hello::new(&[ndferry_npb::Codec::Raw], &Limits::PEER);
        peer.write_all(&hello.message()).unwrap();
        let mut at = 0;
        while let Ok(head) = Head::parse(&file[at..]) {
            let end = at + head.message_nbytes() as usize;
            let mut body = file[at + HEAD_NBYTES..end].to_vec();
            if head.kind == Kind::Data && head.sequence == 0 {
                // The first opcode, after codec, filter and length.
                body[8] = b'!';
            }
            let ours = [Kind::Manifest, Kind::Header, Kind::Data, Kind::End];
            if ours.contains(&head.kind) {
                let message = message(head.kind, head.transfer, head.sequence, &body);
                peer.write_all(&message).unwrap();
            }
            at = end;
        }
        let mut said = Vec::new();
        peer.read_to_end(&mut said).unwrap();
        let own = Head::parse(&said).unwrap();
        let answer = Head::parse(&said[own.message_nbytes() as usize..]).unwrap();
        assert_eq!(answer.kind, Kind::Refuse);
        let error = received.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("opcode"), "{error}");
    });
}
