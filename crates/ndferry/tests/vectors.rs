//! The files of `corpus/npb`, which every implementation must read: this one, and `docs/npb_reader.py`.
#![cfg(feature = "npb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ndferry::{
    Array, CheckOptions, Codec, CreateOptions, Dtype, ErrorKind, Filter, Indexing, Item, LazyArray,
    NpbFile, OpenOptions, Order, Packing, SaveOptions, Source, append, save, verify,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One array as the table tells it.
#[derive(Debug, Default)]
struct Expected {
    member: String,
    dtype: String,
    shape: Vec<usize>,
    order: String,
    sha256: String,
}

/// Path and arrays of each NPB file in `corpus/index.toml`.
fn table() -> Vec<(String, Vec<Expected>)> {
    let text = std::fs::read_to_string(root().join("corpus/index.toml")).unwrap();
    let mut files: Vec<(String, Vec<Expected>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line, line.split_once(" = ")) {
            ("[[file]]", _) => files.push(Default::default()),
            ("[[file.array]]", _) => files.last_mut().unwrap().1.push(Expected::default()),
            (_, Some((key, value))) => {
                let (path, arrays) = files.last_mut().unwrap();
                let text = value.trim_matches('"').to_owned();
                match (key, arrays.last_mut()) {
                    ("path", None) => *path = text,
                    ("member", Some(array)) => array.member = text,
                    ("dtype", Some(array)) => array.dtype = text,
                    ("order", Some(array)) => array.order = text,
                    ("sha256", Some(array)) => array.sha256 = text,
                    ("shape", Some(array)) => {
                        let numbers = value.trim_matches(['[', ']']).split(", ");
                        let numbers = numbers.filter(|number| !number.is_empty());
                        array.shape = numbers.map(|number| number.parse().unwrap()).collect();
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    files.retain(|(path, _)| path.starts_with("npb/"));
    files
}

fn compare(expected: &Expected, array: &LazyArray, what: &str) {
    assert_eq!(array.dtype().to_string(), expected.dtype, "{what}");
    assert_eq!(array.shape(), expected.shape, "{what}");
    assert_eq!(format!("{:?}", array.order()), expected.order, "{what}");
    if expected.dtype == "|O" {
        // Their bytes mean nothing; the arrays among the objects have rows of their own.
        let error = array.load().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Objects),
            "{what}: {error}"
        );
        assert!(array.objects().is_some(), "{what}");
        return;
    }
    let whole = array.load().unwrap();
    let mut bytes = whole.view().to_bytes(Order::C).unwrap();
    let digest = sha256(&mut bytes);
    assert_eq!(digest, expected.sha256, "{what}");
}

fn sha256(bytes: &mut [u8]) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_vector_is_what_the_table_says() {
    let table = table();
    assert!(table.len() >= 18, "{}", table.len());
    for (path, arrays) in table {
        let file = root().join("corpus").join(&path);
        let source = Source::open(&file, &OpenOptions::default()).unwrap();
        assert_eq!(source.members().len(), arrays.len(), "{path}");
        for (expected, array) in arrays.iter().zip(source.arrays()) {
            assert_eq!(array.path(), expected.member, "{path}");
            compare(expected, &array, &path);
        }
        assert!(
            verify(&file, &CheckOptions::default(), &())
                .unwrap()
                .is_good(),
            "{path}"
        );
    }
}

#[test]
fn a_script_of_sixty_lines_reads_the_vectors_or_says_what_it_lacks() {
    let script = root().join("docs/npb_reader.py");
    assert!(std::fs::read_to_string(&script).unwrap().lines().count() <= 60);
    let python = ["python3", "python"].into_iter().find(|python| {
        let version = Command::new(python).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    });
    let Some(python) = python else {
        println!("skipped: no Python here");
        return;
    };
    let (mut read, mut lacking) = (0, 0);
    for (path, arrays) in table() {
        // The arrays among objects are in what comes out for all of them.
        let objects = arrays.first().is_some_and(|array| array.dtype == "|O");
        for expected in arrays {
            let mut command = Command::new(python);
            command.arg(&script).arg(root().join("corpus").join(&path));
            if !expected.member.is_empty() && !objects {
                command.arg(&expected.member);
            }
            let output = command.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let lacks = ["lz4", "pco", "zstd", "bitshuffle", "delta"]
                .into_iter()
                .filter(|name| path.contains(name) && told.contains(name));
            if lacks.count() > 0 {
                lacking += 1;
                continue;
            }
            assert!(output.status.success(), "{path}: {told}");
            let open = OpenOptions::default();
            let npy = Source::from_bytes(&path, output.stdout.into(), &open).unwrap();
            let member = objects.then_some(&expected.member[..]);
            compare(&expected, &npy.array(member).unwrap(), &path);
            read += 1;
        }
    }
    println!("{read} arrays read, {lacking} of codecs that this Python lacks");
    assert!(read >= 14, "{read}");
}

/// Elements 3, 10, 17 … in C order.
fn numbers(dtype: &str, shape: &[usize], order: Order) -> LazyArray {
    let (size, parsed) = (
        shape.iter().product::<usize>(),
        Dtype::parse(dtype).unwrap(),
    );
    let mut bytes = Vec::new();
    for i in 0..size as u64 {
        let n = 7 * i + 3;
        match dtype {
            "|b1" => bytes.push((n % 3 == 0) as u8),
            "|u1" => bytes.push(n as u8),
            "<u2" => bytes.extend((n as u16).to_le_bytes()),
            ">i4" => bytes.extend((n as i32).to_be_bytes()),
            "<i8" => bytes.extend(n.to_le_bytes()),
            "<f4" => bytes.extend((n as f32).to_le_bytes()),
            ">f8" => bytes.extend((n as f64).to_be_bytes()),
            "<c16" => {
                bytes.extend([(n as f64).to_le_bytes(), (-(n as f64)).to_le_bytes()].concat())
            }
            "<U4" => {
                let text = n.to_string();
                let mut codes: Vec<u8> = text
                    .chars()
                    .flat_map(|c| (c as u32).to_le_bytes())
                    .collect();
                codes.resize(16, 0);
                bytes.extend(codes);
            }
            other => panic!("{other}"),
        }
    }
    let array = Array::contiguous(parsed, shape, Order::C, bytes).unwrap();
    LazyArray::from(array.into_order(order).unwrap())
}

/// Makes the vectors anew. The table is written by hand: what they are to hold, NumPy says.
#[test]
#[ignore = "writes into corpus/npb"]
fn write_the_vectors() {
    let folder = root().join("corpus/npb");
    std::fs::create_dir_all(&folder).unwrap();
    let (c, f) = (Order::C, Order::F);
    let default = (Codec::Default, Filter::Default);
    #[allow(clippy::type_complexity, reason = "a table")]
    let files: [(&str, &str, &[usize], Order, (Codec, Filter), &[u64]); 16] = [
        (
            "raw-c",
            "<u2",
            &[5, 7],
            c,
            (Codec::None, Filter::None),
            &[2, 3],
        ),
        (
            "raw-f",
            "<u2",
            &[5, 7, 2],
            f,
            (Codec::None, Filter::None),
            &[2, 3, 1],
        ),
        ("scalar", ">f8", &[], c, default, &[]),
        ("empty", "<f4", &[0, 3], c, default, &[1, 3]),
        (
            "deflate",
            "|u1",
            &[300],
            c,
            (Codec::Deflate(6), Filter::None),
            &[128],
        ),
        (
            "deflate-shuffle",
            ">i4",
            &[20, 30],
            c,
            (Codec::Deflate(6), Filter::Shuffle),
            &[8, 30],
        ),
        (
            "deflate-shuffle-c16",
            "<c16",
            &[9, 11],
            f,
            (Codec::Deflate(1), Filter::Shuffle),
            &[4, 4],
        ),
        (
            "deflate-shuffle-text",
            "<U4",
            &[100],
            c,
            (Codec::Deflate(6), Filter::Shuffle),
            &[33],
        ),
        (
            "deflate-bitshuffle",
            "|b1",
            &[13, 17],
            c,
            (Codec::Deflate(6), Filter::Bitshuffle),
            &[13, 9],
        ),
        (
            "deflate-delta",
            "<i8",
            &[200],
            c,
            (Codec::Deflate(6), Filter::Delta),
            &[100],
        ),
        (
            "zstd-shuffle",
            "<u2",
            &[3, 40, 50],
            c,
            default,
            &[1, 32, 32],
        ),
        (
            "zstd-delta",
            ">i4",
            &[200],
            c,
            (Codec::Zstd(3), Filter::Delta),
            &[64],
        ),
        ("lz4", "|u1", &[1000], c, (Codec::Lz4, Filter::None), &[512]),
        (
            "lz4-shuffle",
            ">f8",
            &[30, 10],
            f,
            (Codec::Lz4, Filter::Shuffle),
            &[7, 10],
        ),
        (
            "pco-f4",
            "<f4",
            &[500],
            c,
            (Codec::Pco, Filter::None),
            &[256],
        ),
        (
            "pco-i8",
            "<i8",
            &[50, 10],
            f,
            (Codec::Pco, Filter::None),
            &[50, 4],
        ),
    ];
    for (name, dtype, shape, order, (codec, filter), tile) in files {
        let array = numbers(dtype, shape, order);
        let mut options = SaveOptions::default();
        options.packing = Packing { codec, filter };
        options.tile = Some(tile.to_vec());
        options.overwrite = true;
        let item = Item {
            name: "",
            array: &array,
        };
        save(folder.join(format!("{name}.npb")), &[item], &options, &()).unwrap();
    }
    let several = folder.join("several.npb");
    let (first, second) = (numbers("<u2", &[2, 3], c), numbers("<f4", &[4], c));
    let items = [
        Item {
            name: "first",
            array: &first,
        },
        Item {
            name: "zweites",
            array: &second,
        },
    ];
    let mut options = SaveOptions::default();
    options.overwrite = true;
    options.packing.codec = Codec::None;
    save(&several, &items, &options, &()).unwrap();
    append(
        &several,
        &[Item {
            name: "later",
            array: &first,
        }],
        &options,
        &(),
    )
    .unwrap();

    let mut options = CreateOptions::default();
    options.overwrite = true;
    options.packing.codec = Codec::Deflate(6);
    options.tile = Some(vec![4, 5]);
    for (name, order, shape) in [
        ("grown", c, [None, Some(6)]),
        ("grown-f", f, [Some(6), None]),
    ] {
        options.order = order;
        let path = folder.join(format!("{name}.npb"));
        let axis = if order == c { 0 } else { 1 };
        let rows = numbers("<u2", if order == c { &[11, 6] } else { &[6, 11] }, c)
            .load()
            .unwrap();
        let dtype = rows.dtype().clone();
        let mut file = NpbFile::create(&path, dtype, &shape, options.clone()).unwrap();
        for (start, stop) in [(0, 3), (3, 9), (9, 11)] {
            let text = if axis == 0 {
                format!("{start}:{stop}")
            } else {
                format!(":, {start}:{stop}")
            };
            let index: Indexing = text.parse().unwrap();
            file.append(&rows.index(&index).unwrap().view()).unwrap();
            file.flush().unwrap();
            if stop == 9 {
                file.finish().unwrap();
                file = NpbFile::open(&path, None, options.clone()).unwrap();
            }
        }
        file.finish().unwrap();
    }
    options.order = c;
    let path = folder.join("filled.npb");
    let part = numbers("<u2", &[3, 4], c).load().unwrap();
    let shape = [Some(10), Some(12)];
    let mut file = NpbFile::create(&path, part.dtype().clone(), &shape, options).unwrap();
    let region = "2:5, 3:7"
        .parse::<Indexing>()
        .unwrap()
        .resolve(&[10, 12])
        .unwrap();
    file.assign(&region, &part.view()).unwrap();
    file.finish().unwrap();
}
