//! What scripts may rely on: exit codes, where text goes, what is written and what is not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// A folder with a few files, in which commands run.
struct Folder(TempDir);

/// `shape` counted up, as `dtype`.
fn counted(dtype: &str, shape: &[usize], order: Order) -> LazyArray {
    let dtype = Dtype::parse(dtype).unwrap();
    let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
    let bytes: Vec<u8> = (0..nbytes).map(|i| (i % 251) as u8).collect();
    Array::contiguous(dtype, shape, order, bytes)
        .unwrap()
        .into()
}

impl Folder {
    /// `a.npy` (3, 4), `b.npy` the same but for one element, `run.npz` with `frames` and `t`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let a = counted("<u2", &[3, 4], Order::C);
        let mut bytes = a.load().unwrap().bytes().to_vec();
        bytes[9] ^= 1;
        let b = Array::contiguous(Dtype::parse("<u2").unwrap(), &[3, 4], Order::C, bytes).unwrap();
        let (frames, t) = (
            counted("<f4", &[2, 5, 6], Order::C),
            counted(">f8", &[7], Order::C),
        );
        let files: [(&str, &[(&str, &LazyArray)]); 3] = [
            ("a.npy", &[("", &a)]),
            ("b.npy", &[("", &b.into())]),
            ("run.npz", &[("frames", &frames), ("t", &t)]),
        ];
        for (name, arrays) in files {
            let items: Vec<Item<'_>> = arrays
                .iter()
                .map(|(name, array)| Item { name, array })
                .collect();
            save(
                folder.path().join(name),
                &items,
                &SaveOptions::default(),
                &(),
            )
            .unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
        command
            .args(words(line))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Run {
        self.command(line).output().unwrap().into()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Words of a line, with single quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// How a command ended.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

#[test]
fn info_is_one_json_object_a_line() {
    let folder = Folder::new();
    let run = folder.run("info --json --sha256 a.npy run.npz").exits(0);
    let expected = concat!(
        r#"{"source":"a.npy","container":"npy","nbytes":152,"members":[{"path":"","dtype":"<u2","shape":[3,4],"order":"C","#,
        r#""nbytes":24,"sha256":"1d64add2a6388367c9bc2d1f1b384b069a6ef382cdaaa89771dd103e28613a25","offset":128}],"safety":"no-pickle"}"#,
    );
    let text = run.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], expected);
    let run: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(run["container"], "npz");
    let members = run["members"].as_array().unwrap();
    assert_eq!(members[0]["path"], "frames");
    assert_eq!(members[0]["shape"], serde_json::json!([2, 5, 6]));
    assert_eq!(members[1]["dtype"], ">f8");
}

#[test]
fn info_says_that_bytes_stand_behind_the_array() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(folder.path().join("a.npy")).unwrap();
    bytes.extend(b"rows of a killed append");
    std::fs::write(folder.path().join("long.npy"), bytes).unwrap();
    let text = folder.run("info long.npy").exits(0).text();
    assert!(text.contains("npy, 175 B, 23 B after the end"), "{text}");
    let json = folder.run("info --json long.npy").exits(0).text();
    assert!(json.contains(r#""trailing_nbytes":23"#), "{json}");
    let whole = folder.run("info a.npy").exits(0).text();
    assert!(!whole.contains("after the end"), "{whole}");
}

#[test]
fn a_file_alone_is_the_same_as_info() {
    let folder = Folder::new();
    assert_eq!(
        folder.run("a.npy").exits(0).text(),
        folder.run("info a.npy").exits(0).text()
    );
}

#[test]
fn errors_go_to_standard_error_and_exit_2() {
    let folder = Folder::new();
    fs::write(folder.path().join("photo.npy"), b"II*\0 this is a picture").unwrap();
    let run = folder.run("info photo.npy").exits(2);
    assert!(run.stdout.is_empty());
    assert_eq!(
        run.stderr.lines().next(),
        Some(
            "error: photo.npy: byte 0: not a file of arrays: it starts with 49 49 2a 00 20 74 68 69"
        )
    );
    assert!(
        run.stderr.contains("hint: that is a TIFF"),
        "{}",
        run.stderr
    );
    folder.run("info missing.npy").exits(2);
    folder.run("show run.npz:nothing --to raw").exits(2);
    folder.run("show a.npy -s 7 --to raw").exits(2);
    folder.run("frobnicate a.npy").exits(2);
    folder.run("convert a.npy -o x.xyz").exits(2);
    assert_eq!(folder.names(), ["a.npy", "b.npy", "photo.npy", "run.npz"]);
}

#[test]
fn one_bad_source_does_not_hide_the_others() {
    let folder = Folder::new();
    let run = folder.run("info --json missing.npy a.npy").exits(2);
    assert_eq!(run.text().lines().count(), 1);
    assert!(run.stderr.starts_with("error: missing.npy"));
}

#[test]
fn negative_answers_exit_1() {
    let folder = Folder::new();
    folder.run("diff a.npy a.npy").exits(0);
    let run = folder.run("diff a.npy b.npy --max 3").exits(1);
    assert!(
        run.text().contains("differ: 1 of 12 elements"),
        "{}",
        run.text()
    );
    assert!(run.text().contains("(1, 0)"), "{}", run.text());
    folder.run("diff a.npy run.npz:t").exits(1);
    folder.run("check a.npy run.npz").exits(0);
    let whole = fs::read(folder.path().join("a.npy")).unwrap();
    fs::write(folder.path().join("cut.npy"), &whole[..whole.len() - 1]).unwrap();
    fs::write(folder.path().join("long.npy"), [&whole[..], b"x"].concat()).unwrap();
    fs::write(folder.path().join("text.npy"), "no array").unwrap();
    for name in ["cut.npy", "long.npy", "text.npy"] {
        folder.run(&format!("check {name}")).exits(1);
    }
    folder.run("check missing.npy").exits(2);
    let lines = folder.run("check --json cut.npy a.npy").exits(1).text();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["good"], &lines[1]["good"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_cut_npb_file_is_told_and_repaired() {
    let folder = Folder::new();
    folder
        .run("convert run.npz:frames -o run.npb --tile 1,5,6 --codec none")
        .exits(0);
    folder.run("verify run.npb").exits(0);
    folder.run("verify a.npy").exits(2);
    folder.run("verify missing.npb").exits(2);
    fs::write(folder.path().join("text.npb"), "no array").unwrap();
    folder.run("verify text.npb").exits(1);
    let whole = fs::read(folder.path().join("run.npb")).unwrap();
    // Into the second of two tiles.
    fs::write(folder.path().join("cut.npb"), &whole[..560]).unwrap();
    folder.run("repair cut.npb -o run.npb").exits(2);
    let text = folder.run("repair cut.npb -o whole.npb").exits(0).text();
    assert!(text.contains("tile 1 [1:2, 0:5, 0:6]"), "{text}");
    assert!(
        text.ends_with("whole.npb: 1 tile, 1 lost; there may have been more arrays\n"),
        "{text}"
    );
    let text = folder.run("verify cut.npb").exits(1).text();
    assert!(text.contains("tile 1 [1:2, 0:5, 0:6]"), "{text}");
    folder.run("diff run.npz:frames whole.npb").exits(2);
    folder.run("show whole.npb -s 0").exits(0);
    folder.run("show whole.npb -s 1").exits(2);
    folder.run("repair cut.npb").exits(0);
    folder.run("show cut.npb -s 0").exits(0);
}

#[test]
fn an_output_that_exists_is_refused_without_force() {
    let folder = Folder::new();
    let before = fs::read(folder.path().join("b.npy")).unwrap();
    let run = folder.run("convert a.npy -o b.npy").exits(2);
    assert!(
        run.stderr.contains("hint: -f replaces it"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read(folder.path().join("b.npy")).unwrap(), before);
    folder.run("show a.npy --to npy -o b.npy").exits(2);
    folder.run("convert a.npy -o b.npy -f").exits(0);
    folder.run("diff a.npy b.npy").exits(0);
}

#[test]
fn every_format_comes_back() {
    let folder = Folder::new();
    for name in ["x.npy", "x.npz", "x.npb"] {
        folder
            .run(&format!("convert run.npz:frames -o {name}"))
            .exits(0);
        folder.run(&format!("diff run.npz:frames {name}")).exits(0);
    }
    folder.run("convert run.npz -o all.npb").exits(0);
    folder.run("diff run.npz all.npb").exits(0);
    folder.run("convert run.npz -o all.npy").exits(2);
}

#[test]
fn a_pickle_becomes_one_again_with_all_that_is_in_it() {
    let folder = Folder::new();
    folder.run("convert run.npz -o run.pkl").exits(0);
    // A dict with one key stays one, and a dot in it stays a dot.
    let a = counted("<u2", &[2], Order::C);
    let item = Item {
        name: "k.x",
        array: &a,
    };
    save(
        folder.path().join("one.pkl"),
        &[item],
        &SaveOptions::default(),
        &(),
    )
    .unwrap();
    for name in ["run.pkl", "one.pkl"] {
        folder
            .run(&format!("convert {name} -f -o again.pkl"))
            .exits(0);
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read(name), read("again.pkl"), "{name}");
    }
    fs::write(folder.path().join("more.pkl"), more_than_arrays(&folder)).unwrap();
    folder.run("convert more.pkl -o whole.pkl").exits(0);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    // The text after the array is there, with its number in the memo.
    assert!(read("whole.pkl").ends_with(b"\x8c\x01x\x94\x86\x94."));
    for protocol in 0..=5 {
        let to = format!("whole{protocol}.pkl");
        folder
            .run(&format!("convert more.pkl -o {to} --protocol {protocol}"))
            .exits(0);
        folder
            .run(&format!("convert {to} -o back.pkl -f --to pickle"))
            .exits(0);
        assert_eq!(read("back.pkl"), read("whole.pkl"), "{protocol}");
    }
    let refused = folder
        .run("convert more.pkl --dtype f4 -o lost.pkl")
        .exits(2);
    assert!(
        refused.stderr.contains("hint: write its arrays"),
        "{}",
        refused.stderr
    );
    assert!(!folder.path().join("lost.pkl").exists());
    folder.run("convert more.pkl -o arrays.npz").exits(0);
}

/// `[array, 'x']`, of protocol 4.
fn more_than_arrays(folder: &Folder) -> Vec<u8> {
    folder.run("convert a.npy -o a.pkl").exits(0);
    let array = fs::read(folder.path().join("a.pkl")).unwrap();
    let array = array.strip_suffix(b".").unwrap();
    [array, b"\x8c\x01x\x86."].concat()
}

#[test]
fn objects_are_neither_equal_nor_an_error() {
    let folder = Folder::new();
    // `numpy.array([None], dtype=object)`, twice the same.
    let pickle = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntbI00\n(NltbV.";
    let pickle = &[pickle.strip_suffix(b"V.").unwrap(), b"."].concat();
    fs::write(folder.path().join("o.pkl"), pickle).unwrap();
    let told = folder.run("diff o.pkl o.pkl").exits(1);
    assert_eq!(told.text(), "not compared: Python objects\n");
    folder.run("diff --meta o.pkl o.pkl").exits(0);
}

#[test]
fn slices_are_what_numpy_takes() {
    let folder = Folder::new();
    let run = folder.run("show a.npy -s '1:, ::-2' --to raw").exits(0);
    let whole: Vec<u8> = (0..24).collect();
    let element = |row: usize, column: usize| &whole[(row * 4 + column) * 2..][..2];
    let expected = [element(1, 3), element(1, 1), element(2, 3), element(2, 1)].concat();
    assert_eq!(run.stdout, expected);
}

#[test]
fn values_print_as_numpy_prints_them() {
    let folder = Folder::new();
    let text = folder.run("show a.npy").exits(0).text();
    assert_eq!(
        text,
        "[[ 256  770 1284 1798]\n [2312 2826 3340 3854]\n [4368 4882 5396 5910]]\n"
    );
    assert_eq!(
        folder
            .run("show a.npy -s '0, 1:3' --to csv")
            .exits(0)
            .text(),
        "770\r\n1284\r\n"
    );
    assert_eq!(
        folder
            .run("show a.npy -s ':, 0' --to jsonl")
            .exits(0)
            .text(),
        "256\n2312\n4368\n"
    );
    folder.run("show run.npz:frames --to csv").exits(2);
    folder.run("show run.npz").exits(2);
}

#[test]
fn standard_input_and_output_carry_data() {
    let folder = Folder::new();
    let pipe = |line: &str, input: &[u8]| -> Run {
        let mut command = folder.command(line);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().into()
    };
    let npy = fs::read(folder.path().join("a.npy")).unwrap();
    assert!(pipe("info", &npy).exits(0).text().contains("uint16"));
    let npb = pipe("convert - -o - --to npb", &npy).exits(0).stdout;
    assert_eq!(pipe("show - --to npy", &npb).exits(0).stdout, npy);
    pipe("convert - -o -", &npy).exits(2);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = Folder::new();
    let big = counted("|u1", &[8 << 20], Order::C);
    save(
        folder.path().join("big.npy"),
        &[Item {
            name: "",
            array: &big,
        }],
        &SaveOptions::default(),
        &(),
    )
    .unwrap();
    for line in ["show big.npy --to raw", "convert big.npy -o - --to npb"] {
        let mut child = folder
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 16]).unwrap();
        drop(stdout);
        let run = Run::from(child.wait_with_output().unwrap()).exits(0);
        assert_eq!(run.stderr, "");
    }
}

/// Starts a receiver; gives the URL that its first line names.
fn receiver(folder: &Folder, line: &str) -> (Child, String, BufReader<std::process::ChildStderr>) {
    let mut child = folder
        .command(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first
        .trim()
        .strip_prefix("listening on ")
        .unwrap_or_else(|| panic!("{first}"))
        .to_owned();
    (child, url, stderr)
}

#[test]
fn arrays_cross_and_both_sides_succeed() {
    let folder = Folder::new();
    let socket = format!("unix://{}", folder.path().join("socket").display());
    for listen in ["tcp://127.0.0.1:0", &socket] {
        let (mut child, url, _stderr) = receiver(
            &folder,
            &format!("recv -q --json --listen {listen} -o got.npb -f"),
        );
        folder.run(&format!("send run.npz {url}")).exits(0);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        folder.run("diff run.npz got.npb").exits(0);
        folder.run("check got.npb").exits(0);
    }
}

#[test]
fn only_who_knows_the_token_is_served() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("right"), "correct horse\n").unwrap();
    std::fs::write(folder.path().join("wrong"), "battery staple\n").unwrap();
    let line = "recv --listen tcp://127.0.0.1:0 --token-file right -o there.npb";
    let mut command = folder.command(line);
    command.env("NDFERRY_LOG", "warn").stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first.trim().trim_start_matches("listening on ").to_owned();
    let wrong = folder.run(&format!("send a.npy {url} --token-file wrong"));
    let wrong = wrong.exits(2);
    assert!(wrong.stderr.contains("the token is not the other side's"));
    assert!(wrong.stderr.contains("hint: both sides need the same one"));
    let none = folder.run(&format!("send a.npy {url}")).exits(2);
    assert!(none.stderr.contains("the other side asks for a token"));
    assert!(!folder.path().join("there.npb").exists());
    let mut right = folder.command(&format!("send a.npy {url}"));
    right.env("NDFERRY_TOKEN", "correct horse");
    Run::from(right.output().unwrap()).exits(0);
    assert!(child.wait().unwrap().success());
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    // Each of the two once, and no secret.
    assert_eq!(said.matches("refused").count(), 2, "{said}");
    assert!(!said.contains("correct horse"), "{said}");
    folder.run("diff a.npy there.npb").exits(0);
}

#[test]
fn a_receiver_makes_a_token_and_says_how_to_send() {
    let folder = Folder::new();
    let line = "recv --listen tcp://0.0.0.0:0 -o there.npb";
    let open = folder.run(line).exits(2);
    assert!(open.stderr.contains("it needs a token"), "{}", open.stderr);
    assert!(open.stderr.contains("--insecure"), "{}", open.stderr);
    let (mut child, url, mut stderr) = receiver(&folder, &format!("{line} --new-token"));
    let mut second = String::new();
    stderr.read_line(&mut second).unwrap();
    let port = url.rsplit_once(':').unwrap().1;
    let invited = second
        .strip_prefix("on the other side: NDFERRY_TOKEN=")
        .unwrap_or_else(|| panic!("{second}"));
    let (token, send) = invited.trim().split_once(' ').unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(send, format!("ndferry send FILE tcp://HOST:{port}"));
    let mut sender = folder.command(&format!("send a.npy tcp://127.0.0.1:{port}"));
    sender.env("NDFERRY_TOKEN", token);
    Run::from(sender.output().unwrap()).exits(0);
    assert!(child.wait().unwrap().success());
}

#[test]
fn several_senders_are_taken_one_after_the_other() {
    let folder = Folder::new();
    let line = "recv --count 3 -o there.npz";
    let (mut child, url, _stderr) = receiver(&folder, line);
    for _ in 0..3 {
        folder.run(&format!("send a.npy {url}")).exits(0);
    }
    assert!(child.wait().unwrap().success());
    for name in ["there.npz", "there-2.npz", "there-3.npz"] {
        folder.run(&format!("info {name}")).exits(0);
    }
    std::fs::remove_file(folder.path().join("there.npz")).unwrap();
    let there = folder.run(line).exits(2);
    assert!(there.stderr.contains("there-2.npz"), "{}", there.stderr);
}

#[test]
fn a_transfer_without_a_name_finds_one() {
    let folder = Folder::new();
    for name in ["received.npb", "received-2.npb"] {
        let (mut child, url, _stderr) = receiver(&folder, "recv");
        folder.run(&format!("send a.npy {url}")).exits(0);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        folder.run(&format!("diff a.npy {name}")).exits(0);
    }
}

#[test]
fn a_pipe_carries_a_transfer() {
    let folder = Folder::new();
    let sent = folder.run("send run.npz -").exits(0);
    let mut child = folder
        .command("recv --listen - -o got.npb")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&sent.stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    folder.run("diff run.npz got.npb").exits(0);
}

#[test]
fn a_sender_without_a_receiver_fails() {
    let folder = Folder::new();
    // The port is kept, so that nobody else listens there.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let run = folder.run(&format!("send a.npy tcp://{address}")).exits(2);
    assert!(
        run.stderr.starts_with(&format!("error: tcp://{address}")),
        "{}",
        run.stderr
    );
    folder.run("send a.npy gopher://x").exits(2);
}

#[test]
fn a_silent_peer_is_given_up() {
    let folder = Folder::new();
    // It accepts by its backlog and never says a word.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    folder
        .run(&format!("send a.npy tcp://{address} --timeout 0.5"))
        .exits(2);
}

#[test]
fn a_receiver_refuses_to_replace_a_file_before_anything_is_sent() {
    let folder = Folder::new();
    let run = folder.run("recv -o a.npy").exits(2);
    assert!(
        run.stderr.contains("a.npy: it exists already"),
        "{}",
        run.stderr
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_exits_130_and_leaves_nothing() {
    let folder = Folder::new();
    let (mut child, _url, _stderr) = receiver(&folder, "recv -o got.npb");
    hears_ctrl_c(&child);
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(folder.names(), ["a.npy", "b.npy", "run.npz"]);
}

/// Every line of `--help` under "Example" can be pasted.
#[test]
fn examples_in_the_help_work() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("downloads")).unwrap();
    fs::copy(
        folder.path().join("a.npy"),
        folder.path().join("downloads/x.npy"),
    )
    .unwrap();
    folder.run("convert run.npz:frames -o more.npy").exits(0);
    let mut seen = 0;
    for verb in ["info", "show", "convert", "diff", "check"] {
        let help = folder.run(&format!("{verb} --help")).exits(0).text();
        let examples = help
            .split("Example")
            .nth(1)
            .unwrap_or_else(|| panic!("{verb} has no example"))
            .lines()
            .skip(1);
        for example in examples.filter_map(|line| line.trim().strip_prefix("ndferry ")) {
            let example = example
                .replace("downloads/*.np[yzb]", "downloads/x.npy")
                .replace("b.npz:x", "run.npz:t");
            let run = folder.run(&example);
            assert!(matches!(run.code, Some(0 | 1)), "{example}: {run:?}");
            assert_eq!(run.code == Some(1), verb == "diff", "{example}: {run:?}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// Waits until the process has got so far that Ctrl-C does not just end it.
#[cfg(unix)]
fn hears_ctrl_c(child: &Child) {
    let started = std::time::Instant::now();
    let status = format!("/proc/{}/status", child.id());
    // The signals for which it has a handler, in hexadecimal.
    let caught = || -> Option<u64> {
        let status = fs::read_to_string(&status).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    while caught().is_none_or(|caught| caught & 2 == 0) {
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
        std::thread::sleep(std::time::Duration::from_millis(10));
        // Where there is no such file, a while will do.
        if !Path::new("/proc/self/status").exists() {
            return std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_what_waits_for_standard_input() {
    let folder = Folder::new();
    let mut command = folder.command("info -");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    hears_ctrl_c(&child);
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(stdin);
}

#[test]
fn arrays_that_a_cut_or_damaged_file_has_lost_are_not_forgotten() {
    let folder = Folder::new();
    folder
        .run("convert run.npz -o whole.npb --codec none --block 64")
        .exits(0);
    let whole = fs::read(folder.path().join("whole.npb")).unwrap();
    let path = folder.path().join("cut.npb");
    // In the first array, and just before its end, where nothing but the index is damaged.
    for nbytes in [whole.len() / 2, whole.len() - 40] {
        fs::write(&path, &whole[..nbytes]).unwrap();
        for line in [
            "info cut.npb",
            "convert cut.npb -o x.npz",
            "send cut.npb -",
            "stats cut.npb",
        ] {
            let run = folder.run(line).exits(2);
            assert!(
                run.stderr.contains("cut off or damaged"),
                "{line}: {}",
                run.stderr
            );
        }
        folder.run("diff run.npz cut.npb").exits(1);
        folder.run("check cut.npb").exits(1);
        folder.run("verify cut.npb").exits(1);
        folder
            .run("show cut.npb:frames -s '0, 0' --to raw")
            .exits(0);
        let text = folder
            .run("repair cut.npb -o repaired.npb -f")
            .exits(0)
            .text();
        assert!(text.contains("there may have been more arrays"), "{text}");
        folder.run("check repaired.npb").exits(0);
    }
    assert!(!folder.names().contains(&"x.npz".to_owned()));
}

#[test]
fn a_transfer_is_stored_in_any_format() {
    let folder = Folder::new();
    for name in ["got.npz", "got.pkl"] {
        let (mut child, url, _stderr) = receiver(&folder, &format!("recv -o {name}"));
        folder.run(&format!("send run.npz {url}")).exits(0);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        folder.run(&format!("diff run.npz {name}")).exits(0);
    }
}

#[test]
fn a_receiver_that_cannot_write_says_so_before_it_listens() {
    let folder = Folder::new();
    for output in ["a.npy", "run.npz", "x.xyz", "missing/x.npb"] {
        let run = folder.run(&format!("recv -o {output}")).exits(2);
        assert!(!run.stderr.contains("listening on"), "{}", run.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_sender_hears_that_standard_output_could_not_be_written() {
    let folder = Folder::new();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = folder.command("recv -o -");
    let mut child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first.trim().strip_prefix("listening on ").unwrap();
    let run = folder.run(&format!("send run.npz {url}")).exits(2);
    assert!(
        run.stderr.contains("the other side refused"),
        "{}",
        run.stderr
    );
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
