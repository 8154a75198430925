//! Ways of hiding from scanners what a pickle would run. None may be called clean, by `scan` or by `check`.
//!
//! Each is spelled opcode by opcode. Most run their command in CPython, some only in programs that read more than the
//! first pickle or the usual members; none is ever given to it here.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;

use ndferry::{CheckOptions, ScanOptions, check_bytes, scan_bytes};

/// The name of a trick, of its file, and its bytes.
type Trick = (&'static str, &'static str, Vec<u8>);

const SHELL: &[u8] = b"cos\nsystem\n(S'id'\ntR.";

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// `SHORT_BINUNICODE`.
fn text(text: &str) -> Vec<u8> {
    cat(&[&[0x8c, text.len() as u8], text.as_bytes()])
}

/// `SHORT_BINBYTES`.
fn short_bytes(bytes: &[u8]) -> Vec<u8> {
    cat(&[b"C", &[bytes.len() as u8], bytes])
}

/// Protocol 4, calling `module.name('id')`.
fn call4(module: &str, name: &str) -> Vec<u8> {
    let (module, name, arg) = (text(module), text(name), text("id"));
    cat(&[b"\x80\x04", &module, &name, b"\x93", &arg, b"\x85R."])
}

/// Protocol 0, calling `module.name('id')`.
fn call0(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n(S'id'\ntR.").into_bytes()
}

/// A ZIP of stored members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(members, 0, |bytes| bytes.to_vec())
}

fn zip_with(members: &[(&str, &[u8])], method: u16, pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let packed = pack(bytes);
        let mut common = cat(&[b"\x14\0\0\0", &method.to_le_bytes(), b"\0\0\x21\0"]);
        common.extend(crc.sum().to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        let at = out.len() as u32;
        out.extend(cat(&[b"PK\x03\x04", &common, name.as_bytes(), &packed]));
        let rest = cat(&[&[0; 10], &at.to_le_bytes(), name.as_bytes()]);
        directory.extend(cat(&[b"PK\x01\x02\x14\0", &common, &rest]));
    }
    let count = (members.len() as u16).to_le_bytes();
    let nbytes = (directory.len() as u32).to_le_bytes();
    let at = (out.len() as u32).to_le_bytes();
    let end = cat(&[b"PK\x05\x06\0\0\0\0", &count, &count, &nbytes, &at, b"\0\0"]);
    cat(&[&out, &directory, &end])
}

/// An NPY of one object, with this pickle behind its header.
fn npy(pickle: &[u8]) -> Vec<u8> {
    npy_of("|O", pickle)
}

fn npy_of(descr: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}");
    let head = format!("{head:<117}\n");
    cat(&[b"\x93NUMPY\x01\0\x76\0", head.as_bytes(), data])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// What joblib writes for an array of bytes (or of objects), and these bytes as its elements.
fn joblib(dtype: &str, count: usize, elements: &[u8]) -> Vec<u8> {
    let dtype = format!("cnumpy\ndtype\n(S'{dtype}'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb");
    let wrapper = format!(
        "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\u{1}(S'subclass'\ncnumpy\nndarray\nS'shape'\n(I{count}\nt\
         S'order'\nS'C'\nS'dtype'\n{dtype}S'allow_mmap'\nI01\ndb"
    );
    let wrapper: Vec<u8> = wrapper
        .bytes()
        .map(|byte| if byte == 1 { 0x81 } else { byte })
        .collect();
    cat(&[b"\x80\x02", &wrapper, elements, b"."])
}

/// What joblib's wrapper of five bytes is made by here, those bytes, which swallow what follows unless they are an array,
/// and a shell that only joblib comes to.
fn behind_joblib() -> Vec<Trick> {
    let dtype = "cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb";
    let state = |shape: &str| {
        format!(
            "(S'subclass'\ncnumpy\nndarray\nS'shape'\n{shape}S'order'\nS'C'\nS'dtype'\n{dtype}S'allow_mmap'\nI01\nd"
        )
    };
    let five = state("(I5\nt");
    let class = "cjoblib.numpy_pickle\nNumpyArrayWrapper\n";
    let args = format!("cnumpy\nndarray\n(I5\ntS'C'\n{dtype}I01\n");
    let of_tuple = |close: &str| {
        format!(
            "ccopy_reg\n_reconstructor\nc__builtin__\ntuple\n(({class}c__builtin__\nobject\nN{close}tRR{five}b"
        )
    };
    let scalar = format!("(cnumpy.core.multiarray\nscalar\n({dtype}S'\\x05'\ntRt");
    let forms = [
        ("a wrapper by NEWOBJ", format!("{class})\u{1}{five}b")),
        ("a wrapper by REDUCE", format!("{class})R{five}b")),
        ("by REDUCE with arguments", format!("{class}({args}tR}}b")),
        ("by OBJ", format!("({class}{args}o}}b")),
        (
            "by INST",
            format!("({args}ijoblib.numpy_pickle\nNumpyArrayWrapper\n}}b"),
        ),
        (
            "by copyreg",
            format!("ccopy_reg\n_reconstructor\n({class}c__builtin__\nobject\nNtR{five}b"),
        ),
        ("by copyreg with a tuple", of_tuple("t")),
        ("by copyreg with a list", of_tuple("l")),
        ("with slots", format!("{class})\u{1}(N{five}tb")),
        (
            "with a shape of NumPy's",
            format!("{class})\u{1}{}b", state(&scalar)),
        ),
        (
            "with a shape that is a list",
            format!("{class})\u{1}{}b", state("(I5\nl")),
        ),
        (
            "with two states",
            format!("{class})\u{1}{}b{five}b", state("(I0\nt")),
        ),
    ];
    let shell = cat(&[b"0", SHELL]);
    let elements = cat(&[b"B", &(shell.len() as u32).to_le_bytes()]);
    let mut out: Vec<Trick> = Vec::new();
    for (what, form) in forms {
        let form = form.bytes().map(|byte| if byte == 1 { 0x81 } else { byte });
        let form: Vec<u8> = form.collect();
        let file = cat(&[b"\x80\x03", &form, &elements, &shell, b"."]);
        out.push((what, "a.joblib", file));
    }
    let loader = cat(&[b"0", &call0("joblib", "load")]);
    out.push((
        "a loader as joblib's elements",
        "a.joblib",
        joblib("u1", loader.len(), &loader),
    ));
    let beside = "cjoblib.numpy_pickle\nNDArrayWrapper\n)\u{1}(S'filename'\nS'/tmp/a.npy'\ndb.";
    let beside = beside.bytes();
    let beside = beside.map(|byte| if byte == 1 { 0x81 } else { byte });
    let beside = [b"\x80\x02".to_vec(), beside.collect()].concat();
    out.push(("an array in another file", "a.joblib", beside));
    out
}

/// Names and what is done with them.
fn names() -> Vec<Trick> {
    let pkl = "a.pkl";
    let mut out: Vec<Trick> = vec![
        ("GLOBAL and REDUCE", pkl, SHELL.to_vec()),
        ("INST", pkl, b"(S'id'\nios\nsystem\n.".to_vec()),
        ("OBJ", pkl, b"(cos\nsystem\nS'id'\no.".to_vec()),
        (
            "NEWOBJ",
            pkl,
            b"\x80\x02csubprocess\nPopen\nS'id'\n\x85\x81.".to_vec(),
        ),
        (
            "NEWOBJ_EX",
            pkl,
            b"\x80\x04csubprocess\nPopen\nS'id'\n\x85}\x92.".to_vec(),
        ),
        ("STACK_GLOBAL", pkl, call4("posix", "system")),
        (
            "ends of lines as in DOS",
            pkl,
            b"cos\r\nsystem\r\n(S'id'\r\ntR.".to_vec(),
        ),
        (
            "names from the memo",
            pkl,
            cat(&[
                b"\x80\x04",
                &text("os"),
                b"\x94",
                &text("system"),
                b"\x9400h\x00h\x01\x93",
                &text("id"),
                b"\x85R.",
            ]),
        ),
        (
            "a memo with gaps",
            pkl,
            cat(&[
                b"\x80\x04",
                &text("os"),
                b"r\xff\xff\xff\xff0",
                &text("x"),
                b"q\x020",
                &text("system"),
                b"\x940j\xff\xff\xff\xffh\x03\x93",
                b"h\x02\x93.",
            ]),
        ),
        (
            "a memo that is written twice",
            pkl,
            cat(&[
                b"\x80\x04",
                &text("numpy"),
                b"q\x000",
                &text("os"),
                b"q\x00",
                &text("system"),
                b"\x93)R.",
            ]),
        ),
        (
            "names with escapes",
            pkl,
            b"V\\u006fs\nVsyste\\U0000006d\n\x93(S'id'\ntR.".to_vec(),
        ),
        (
            "names as literals",
            pkl,
            b"S'o\\x73'\nS's\\171stem'\n\x93(S'id'\ntR.".to_vec(),
        ),
        (
            "a module twice",
            pkl,
            cat(&[b"\x80\x04", &text("pty"), b"2\x93)R."]),
        ),
        (
            "a name that is computed",
            pkl,
            cat(&[
                b"\x80\x04cbuiltins\nstr\n",
                &short_bytes(b"os"),
                &text("ascii"),
                b"\x86R",
                &text("system"),
                b"\x93)R.",
            ]),
        ),
        (
            "a name as bytes",
            pkl,
            cat(&[
                b"\x80\x04",
                &short_bytes(b"os"),
                &short_bytes(b"system"),
                b"\x93)R.",
            ]),
        ),
        ("an extension code", pkl, b"\x80\x02\x82\x01)R.".to_vec()),
        (
            "a long extension code",
            pkl,
            b"\x80\x02\x84\xff\xff\xff\x7f)R.".to_vec(),
        ),
        ("a persistent id", pkl, b"Pos.system\n.".to_vec()),
        (
            "a persistent id from the stack",
            pkl,
            b"\x80\x02U\x02idQ.".to_vec(),
        ),
        (
            "a name of a hundred thousand letters",
            pkl,
            call0(&"o".repeat(100_000), "s"),
        ),
        ("Cyrillic letters", pkl, call4("num\u{440}y", "ndarray")),
        ("an empty module", pkl, call0("", "system")),
        (
            "getattr on an import",
            pkl,
            b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR(S'id'\ntR."
                .to_vec(),
        ),
        (
            "getattr on a class",
            pkl,
            b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'__subclasses__'\ntR)R.".to_vec(),
        ),
        (
            "a call of what was made",
            pkl,
            b"cbuiltins\nlist\n)R)R.".to_vec(),
        ),
        (
            "attributes of a class",
            pkl,
            b"cpathlib\nPurePath\n(N}S'__fspath__'\ncbuiltins\nlist\nstb.".to_vec(),
        ),
        (
            "items of a class",
            pkl,
            b"cbuiltins\nlist\nS'a'\nNs.".to_vec(),
        ),
        (
            "memmap opens a file",
            pkl,
            b"cnumpy\nmemmap\n(S'x'\nS'u1'\nS'w+'\ntR.".to_vec(),
        ),
        (
            "memmap by copyreg",
            pkl,
            b"ccopyreg\n_reconstructor\n(cnumpy\nmemmap\ncnumpy\nmemmap\nS'x'\ntR.".to_vec(),
        ),
        (
            "memmap as a factory",
            pkl,
            b"ccollections\ndefaultdict\n(cnumpy\nmemmap\ntR.".to_vec(),
        ),
        (
            "memmap from the memo",
            pkl,
            b"cnumpy\nmemmap\np0\n0g0\n(S'x'\ntR.".to_vec(),
        ),
        (
            "memmap in a tuple of a tuple",
            pkl,
            b"ccopyreg\n_reconstructor\nc__builtin__\ntuple\n((cnumpy\nmemmap\ncnumpy\nmemmap\nS'x'\nttRR."
                .to_vec(),
        ),
        (
            "memmap in a tuple of a list",
            pkl,
            b"ccopyreg\n_reconstructor\nc__builtin__\ntuple\n((cnumpy\nmemmap\ncnumpy\nmemmap\nS'x'\nltRR."
                .to_vec(),
        ),
        (
            "memmap as the key of a dict",
            pkl,
            b"ccollections\ndefaultdict\nc__builtin__\ntuple\n(}cnumpy\nmemmap\nNstRR.".to_vec(),
        ),
        (
            "a recarray of bytes as pointers",
            pkl,
            b"\x80\x03cnumpy\nrecarray\n((I1\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntRC\x08AAAAAAAAtR.".to_vec(),
        ),
    ];
    for (module, name) in [
        ("os", "system"),
        ("nt", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "execfile"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.f2py.crackfortran", "getlincoef"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.lib.npyio", "load"),
        ("numpy.lib._datasource", "open"),
        ("numpy.distutils.exec_command", "exec_command"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("joblib", "load"),
        ("pandas", "read_pickle"),
        ("functools", "partial"),
        ("itertools", "starmap"),
        ("builtins", "map"),
        ("_codecs", "decode"),
        ("copyreg", "add_extension"),
        ("collections", "_sys.modules"),
        ("numpy", "testing._private.utils.runstring"),
        ("numpy.core", "multiarray._reconstruct"),
        ("numpy.ma.core", "np.load"),
        ("pip._internal", "main"),
        ("logging.config", "dictConfig"),
    ] {
        out.push((module, pkl, call4(module, name)));
        out.push((name, pkl, call0(module, name)));
    }
    out
}

/// Places within pickles.
fn places() -> Vec<Trick> {
    let pkl = "a.pkl";
    let nested = cat(&[b"\x80\x03", &short_bytes(&call4("os", "system")), b"."]);
    let latin1: String = call4("os", "system")
        .iter()
        .map(|b| char::from(*b))
        .collect();
    let latin1 = cat(&[
        b"\x80\x02X",
        &(latin1.len() as u32).to_le_bytes(),
        latin1.as_bytes(),
        b".",
    ]);
    vec![
        ("behind POP", pkl, b"cos\nsystem\n(S'id'\ntR0N.".to_vec()),
        (
            "behind POP_MARK",
            pkl,
            b"N(cos\nsystem\n(S'id'\ntR1.".to_vec(),
        ),
        (
            "in a key",
            pkl,
            cat(&[b"}", &SHELL[..SHELL.len() - 1], b"Ns."]),
        ),
        (
            "in a list",
            pkl,
            cat(&[b"](", &SHELL[..SHELL.len() - 1], b"e."]),
        ),
        (
            "behind many values",
            pkl,
            cat(&[&b"N0".repeat(100_000), SHELL]),
        ),
        (
            "behind many marks",
            pkl,
            cat(&[&b"(".repeat(1000), &b"1".repeat(1000), SHELL]),
        ),
        (
            "behind a long line",
            pkl,
            cat(&[b"V", &b"x".repeat(200_000), b"\n0", SHELL]),
        ),
        (
            "behind long bytes",
            pkl,
            cat(&[b"\x80\x03B\0\0\x10\0", &vec![0; 1 << 20], b"0", SHELL]),
        ),
        ("after STOP", pkl, cat(&[b"N.", SHELL])),
        (
            "after many pickles",
            pkl,
            cat(&[&b"N.".repeat(1000), SHELL]),
        ),
        (
            "after STOP, with the memo of before",
            pkl,
            cat(&[
                b"\x80\x04",
                &text("os"),
                b"\x94",
                &text("system"),
                b"\x94\x86.",
                &text("numpy"),
                b"\x94",
                &text("ndarray"),
                b"\x940h\x00h\x01\x93.",
            ]),
        ),
        (
            "before a byte that is no opcode",
            pkl,
            cat(&[&SHELL[..SHELL.len() - 1], b"\xff."]),
        ),
        ("without STOP", pkl, SHELL[..SHELL.len() - 1].to_vec()),
        ("after an error", pkl, cat(&[b"\x80\x020", SHELL])),
        (
            "after a byte that is no opcode",
            pkl,
            cat(&[b"\x80\x02N\xff", SHELL]),
        ),
        (
            "in a frame that is too long",
            pkl,
            cat(&[b"\x80\x04\x95\xff\xff\0\0\0\0\0\0", SHELL]),
        ),
        (
            "in a frame that is too short",
            pkl,
            cat(&[b"\x80\x04\x95\x01\0\0\0\0\0\0\0", SHELL]),
        ),
        (
            "with values left over",
            pkl,
            cat(&[b"NN(", &SHELL[..SHELL.len() - 1], b"t."]),
        ),
        ("in bytes", pkl, nested.clone()),
        (
            "in bytes in bytes",
            pkl,
            cat(&[b"\x80\x03", &short_bytes(&nested), b"."]),
        ),
        ("in text", pkl, latin1),
        (
            "in a literal",
            pkl,
            b"S'cos\\nsystem\\n(S\\'id\\'\\ntR.'\n.".to_vec(),
        ),
        (
            "in a literal with another escape",
            pkl,
            b"S'cos\\012system\\012)R.'\n.".to_vec(),
        ),
        (
            "in a line of text",
            pkl,
            b"Vcos\\u000asystem\\u000a)R.\n.".to_vec(),
        ),
        (
            "in a bytearray",
            pkl,
            cat(&[b"\x80\x05\x96\x13\0\0\0\0\0\0\0", &SHELL[..19], b"."]),
        ),
        ("named as something else", "a.tif", SHELL.to_vec()),
        ("without a name", "-", SHELL.to_vec()),
        (
            "as a NetCDF file",
            "a.nc",
            cat(&[b"CDF\x01", &[0; 66], b"0", SHELL]),
        ),
        ("as text", "a.txt", cat(&[b"I1\n0F2\n0", SHELL])),
        ("compressed", pkl, gzip(SHELL)),
        ("compressed as zlib", pkl, zlib(SHELL)),
        ("compressed, as text", "a.gz", gzip(&call0("os", "system"))),
        (
            "compressed, behind another value",
            "a.pkl.gz",
            gzip(&cat(&[b"N0", SHELL])),
        ),
        (
            "compressed in two parts",
            "a.pkl.gz",
            cat(&[&gzip(b"N"), &gzip(&cat(&[b"0", SHELL]))]),
        ),
        ("compressed twice", "a.pkl.gz", gzip(&gzip(SHELL))),
        (
            "opcodes as joblib's elements",
            "a.joblib",
            joblib("u1", 22, &cat(&[b"0", SHELL])),
        ),
        (
            "objects in joblib's files",
            "a.joblib",
            joblib("O8", 1, SHELL),
        ),
    ]
}

/// Archives and arrays around pickles.
fn archives() -> Vec<Trick> {
    let (good, bad) = (npy(b"\x80\x02]Na."), npy(SHELL));
    let numbers = npy_of("<f8", &[0; 8]);
    let plain = zip(&[("x.npy", &bad)]);
    let torch = zip(&[("m/data.pkl", SHELL), ("m/version", b"3\n")]);
    let mut wrong_crc = plain.clone();
    wrong_crc[14] ^= 1;
    let at = plain.len() - 22 - 46 - 5;
    wrong_crc[at + 16] ^= 1;
    let mut encrypted = plain.clone();
    encrypted[6] |= 1;
    encrypted[at + 8] |= 1;
    let mut other_method = plain.clone();
    other_method[8] = 99;
    other_method[at + 10] = 99;
    vec![
        ("an NPY of objects", "a.npy", bad.clone()),
        ("an NPZ of objects", "a.npz", plain.clone()),
        (
            "an NPY behind another",
            "a.npy",
            cat(&[&good, &numbers, &bad]),
        ),
        (
            "a pickle behind an NPY",
            "a.npy",
            cat(&[&numbers, b"N0", SHELL]),
        ),
        ("an NPY that is compressed", "a.npy.gz", gzip(&bad)),
        ("an NPZ that is compressed", "a.npz.gz", gzip(&plain)),
        (
            "an archive with rubbish behind it",
            "a.npy",
            cat(&[&numbers, &plain, b"rubbish"]),
        ),
        (
            "deflated",
            "a.npz",
            zip_with(&[("x.npy", &bad)], 8, deflated),
        ),
        ("a member without .npy", "a.npz", zip(&[("x", &bad)])),
        (
            "a pickle in an NPZ",
            "a.npz",
            zip(&[("x.npy", &good), ("y.pkl", SHELL)]),
        ),
        (
            "a pickle named as text",
            "a.npz",
            zip(&[("readme.txt", SHELL)]),
        ),
        (
            "two members of one name",
            "a.npz",
            zip(&[("x.npy", &bad), ("x.npy", &good)]),
        ),
        (
            "the same the other way",
            "a.npz",
            zip(&[("x.npy", &good), ("x.npy", &bad)]),
        ),
        ("a torch file", "a.pt", torch.clone()),
        ("a torch file named as an image", "a.png", torch),
        (
            "behind other bytes",
            "a.npz",
            cat(&[b"#!/bin/sh\n", &plain]),
        ),
        ("behind a clean pickle", "a.pkl", cat(&[b"N.", &plain])),
        (
            "behind a clean array",
            "a.npy",
            cat(&[&npy(b"\x80\x02]Na."), &plain]),
        ),
        (
            "an archive in an archive",
            "a.zip",
            zip(&[("a.npz", &plain)]),
        ),
        ("a wrong checksum", "a.npz", wrong_crc),
        ("as if encrypted", "a.npz", encrypted),
        ("a method that nobody knows", "a.npz", other_method),
        ("without the directory", "a.npz", plain[..at].to_vec()),
        (
            "compressed in an archive",
            "a.npz",
            zip(&[("x.pkl.gz", &gzip(SHELL))]),
        ),
    ]
}

#[test]
fn no_trick_is_called_clean() {
    let tricks = [names(), places(), archives(), behind_joblib()].concat();
    let (mut dangerous, mut others) = (0, 0);
    for (what, file, bytes) in &tricks {
        let found = scan_bytes(file, bytes.clone().into(), &ScanOptions::default(), &()).unwrap();
        assert!(!found.is_good(), "{what}: {file} passes: {found:?}");
        match found.verdict() {
            "dangerous" => dangerous += 1,
            _ => others += 1,
        }
        let options = CheckOptions::default();
        let finding = check_bytes(file, bytes.clone().into(), &options, &()).unwrap();
        assert!(
            !finding.is_good(),
            "{what}: {file} passes check: {finding:?}"
        );
    }
    println!(
        "{} tricks: {dangerous} dangerous, {others} not clean, 0 clean",
        tricks.len()
    );
    assert!(tricks.len() >= 100);
}

#[test]
fn what_runs_a_shell_is_called_dangerous() {
    for (what, file, bytes) in [places(), archives()].concat() {
        let found = scan_bytes(file, bytes.into(), &ScanOptions::default(), &()).unwrap();
        assert_eq!(found.verdict(), "dangerous", "{what}: {found:?}");
    }
}
