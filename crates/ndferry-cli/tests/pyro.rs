//! `ndferry pyro`: arrays of a file are served, and called from another process.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(feature = "pyro")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use ndferry::{Array, Item, LazyArray, SaveOptions, save};

#[path = "pyro/tls.rs"]
mod tls;

fn ndferry(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
    // Nobody but this machine is bothered by a test.
    command.args(args).env("PYRO_BROADCAST_ADDRS", "127.0.0.1");
    command
}

fn done(args: &[&str]) -> Output {
    ndferry(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves a file; where its object is.
fn serve(path: &Path) -> (Running, String) {
    let mut child = ndferry(&["pyro", "serve", path.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    (Running(child), line.trim().to_owned())
}

/// 3 planes of 2 by 2.
fn stack() -> Vec<u8> {
    let mut head = b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 2, 2), }".to_vec();
    head.resize(117, b' ');
    head.push(b'\n');
    let mut npy = b"\x93NUMPY\x01\0v\0".to_vec();
    npy.extend(head);
    npy.extend((0..12u16).flat_map(u16::to_le_bytes));
    npy
}

#[test]
fn arrays_are_served_and_called() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    std::fs::write(&path, stack()).unwrap();
    let (_running, uri) = serve(&path);
    assert!(uri.starts_with("PYRO:stack@127.0.0.1:"), "{uri}");

    let listed = done(&["pyro", "list", &uri]);
    assert!(text(&listed.stdout).contains("plane()\n"), "{listed:?}");
    assert!(text(&listed.stdout).contains("shape\n"));

    let shape = done(&["pyro", "get", &uri, "shape"]);
    assert_eq!(text(&shape.stdout), "(3, 2, 2)\n");
    let plane = done(&["pyro", "call", &uri, "plane", "-1"]);
    assert_eq!(
        text(&plane.stdout),
        "array([[ 8,  9],\n       [10, 11]], dtype=uint16)\n"
    );

    // Pickles only Pyro4 has; the other serializers both.
    for serializer in ["pickle", "msgpack", "marshal", "serpent"] {
        let out = folder.path().join(format!("{serializer}.npy"));
        let to = out.to_str().unwrap();
        let stored = done(&[
            "pyro",
            "call",
            &uri,
            "array",
            "-o",
            to,
            "--serializer",
            serializer,
        ]);
        assert!(stored.status.success(), "{stored:?}");
        assert_eq!(std::fs::read(&out).unwrap(), stack());
        // Which is found before anything is called that is not there either.
        let again = done(&["pyro", "call", &uri, "nothing", "-o", to]);
        assert_eq!(again.status.code(), Some(2));
        assert!(text(&again.stderr).contains("exists already"), "{again:?}");
    }
    let piped = done(&["pyro", "call", &uri, "part", "...", "-o", "-"]);
    assert_eq!(piped.stdout, stack());

    let planes = folder.path().join("planes.npz");
    let stored = done(&[
        "pyro",
        "call",
        &uri,
        "planes",
        "-o",
        planes.to_str().unwrap(),
    ]);
    assert!(stored.status.success(), "{stored:?}");
    let shown = done(&["show", &format!("{}:2", planes.display()), "-s", "1, 1"]);
    assert_eq!(text(&shown.stdout).trim(), "11");
}

#[test]
fn what_goes_wrong_is_told_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    std::fs::write(&path, stack()).unwrap();
    let (_running, uri) = serve(&path);
    let other = uri.replace("stack", "other");
    let named = format!("error: {other}: ");
    for (args, expected) in [
        (&["pyro", "call", &uri, "plane", "7"][..], "IndexError"),
        (&["pyro", "call", &uri, "missing"], "AttributeError"),
        (&["pyro", "get", &uri, "secret"], "AttributeError"),
        (&["pyro", "call", &other, "array"], "unknown object"),
        (&["pyro", "call", &other, "array"], named.as_str()),
        (&["pyro", "call", "camera", "array"], "not an address"),
        (&["pyro", "list", &uri, "--serializer", "xml"], "xml"),
        (&["pyro", "get", &uri, "ndim", "-o", "x.npy"], "no array"),
    ] {
        let out = done(args);
        assert_eq!(out.status.code(), Some(2), "{args:?} {out:?}");
        assert!(text(&out.stderr).contains(expected), "{args:?} {out:?}");
    }
}

/// Waits for what is pushed; where to.
fn receive(args: &[&str]) -> (Running, String) {
    let mut child = ndferry(&["pyro", "receive"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    // Nobody reads the rest, which is little.
    std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
    (Running(child), line.trim().to_owned())
}

#[test]
fn arrays_that_are_pushed_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    std::fs::write(&path, stack()).unwrap();
    let stack_file = format!("@{}", path.display());
    let to = folder.path().join("frame.npy");
    let to = to.to_str().unwrap();
    let (mut running, uri) = receive(&["-o", to, "--count", "2", "--method", "put"]);
    assert!(uri.starts_with("PYRO:receiver@127.0.0.1:"), "{uri}");
    let listed = done(&["pyro", "list", &uri]);
    assert_eq!(text(&listed.stdout), "put()\n");
    let pushed = done(&["pyro", "call", &uri, "put", &stack_file, "1.5"]);
    assert!(pushed.status.success(), "{pushed:?}");
    assert_eq!(std::fs::read(to).unwrap(), stack());
    // No array: whoever pushed hears of it, and the next one may be better.
    let nothing = done(&["pyro", "call", &uri, "put", "1.5"]);
    assert_eq!(nothing.status.code(), Some(2));
    let told = text(&nothing.stderr);
    assert!(
        told.contains("ValueError: there is no array in (1.5)"),
        "{told}"
    );
    let other = done(&["pyro", "call", &uri, "receiveData", &stack_file]);
    assert!(text(&other.stderr).contains("AttributeError"), "{other:?}");
    // By name, in a serializer without arrays.
    let named = format!("data={stack_file}");
    let args = [
        "pyro",
        "call",
        &uri,
        "put",
        &named,
        "--serializer",
        "msgpack",
    ];
    let pushed = done(&args);
    assert!(pushed.status.success(), "{pushed:?}");
    assert!(running.0.wait().unwrap().success());
    assert_eq!(
        std::fs::read(folder.path().join("frame-2.npy")).unwrap(),
        stack()
    );
    let late = done(&["pyro", "call", &uri, "put", &stack_file]);
    assert_eq!(late.status.code(), Some(2));
}

#[test]
fn a_push_without_an_array_ends_a_wait_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("frame.npy");
    let (mut running, uri) = receive(&["-o", to.to_str().unwrap()]);
    let pushed = done(&["pyro", "call", &uri, "receiveData", "text"]);
    assert_eq!(pushed.status.code(), Some(2));
    assert_eq!(running.0.wait().unwrap().code(), Some(2));
    assert!(!to.exists());
}

#[test]
fn frames_are_asked_for_and_go_to_standard_output() {
    // Whoever tells an object where to push calls its methods; here one that has none of them.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    std::fs::write(&path, stack()).unwrap();
    let (_running, uri) = serve(&path);
    let out = done(&["pyro", "receive", "-o", "-", "--client-of", &uri]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("set_client"), "{out:?}");
    let (mut running, uri) = receive(&["-o", "-"]);
    let pushed = done(&[
        "pyro",
        "call",
        &uri,
        "receiveData",
        &format!("@{}", path.display()),
    ]);
    assert!(pushed.status.success(), "{pushed:?}");
    assert!(running.0.wait().unwrap().success());
    let mut piped = Vec::new();
    let mut from = running.0.stdout.take().unwrap();
    std::io::Read::read_to_end(&mut from, &mut piped).unwrap();
    assert_eq!(piped, stack());
}

/// Starts one that serves; the lines that it tells until one is as wanted.
fn started(args: &[&str], is_last: impl Fn(&str) -> bool) -> (Running, Vec<String>) {
    let mut child = ndferry(args).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = Vec::new();
    while let Some(Ok(line)) = told.next() {
        lines.push(line.trim().to_owned());
        if is_last(&line) {
            break;
        }
    }
    std::thread::spawn(move || told.for_each(drop));
    (Running(child), lines)
}

#[test]
fn folders_are_served_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    for name in ["a.npy", "a b.npy", "z.npy"] {
        std::fs::write(run.join(name), stack()).unwrap();
    }
    // Two arrays, in a file whose stem is taken.
    let array = LazyArray::from(Array::from_elements(&[3, 2, 2], &[6u16; 12]).unwrap());
    let items = ["a", "z"].map(|name| Item {
        name,
        array: &array,
    });
    save(run.join("a.npz"), &items, &SaveOptions::default(), &()).unwrap();
    std::fs::write(run.join("c.npy"), "not an array").unwrap();
    std::fs::write(run.join("notes.txt"), "not asked for").unwrap();
    let place = run.to_str().unwrap();
    let (_running, lines) = started(&["pyro", "serve", place], |line| line.contains(":z@"));
    let uri = |name: &str| {
        let start = format!("PYRO:{name}@");
        let found = lines.iter().find(|line| line.starts_with(&start));
        found.unwrap_or_else(|| panic!("{name}: {lines:?}")).clone()
    };
    assert!(lines[0].contains("c.npy"), "{lines:?}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("PYRO:"))
            .count(),
        5
    );
    for name in ["a", "a_b", "a.a", "a.z", "z"] {
        let plane = done(&["pyro", "call", &uri(name), "part", "1, 1, 0"]);
        assert_eq!(
            text(&plane.stdout).trim(),
            "array(6, dtype=uint16)",
            "{name}"
        );
    }
    // Each is read when it is asked for.
    std::fs::remove_file(run.join("z.npy")).unwrap();
    let gone = done(&["pyro", "call", &uri("z"), "array"]);
    assert!(text(&gone.stderr).contains("OSError"), "{gone:?}");
    let registered = uri("a").replace(":a@", ":Pyro.Daemon@");
    let names = done(&["pyro", "call", &registered, "registered"]);
    assert_eq!(
        text(&names.stdout),
        "['Pyro.Daemon', 'a', 'a.a', 'a.z', 'a_b', 'z']\n"
    );

    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = done(&[
        "pyro",
        "serve",
        folder.path().join("empty").to_str().unwrap(),
    ]);
    assert_eq!(empty.status.code(), Some(2));
}

#[test]
fn names_lead_to_objects() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    std::fs::write(&path, stack()).unwrap();
    let listen = ["pyro", "nameserver", "--listen", "tcp://127.0.0.1:0"];
    let (_names, lines) = started(&listen, |_| true);
    let own = lines[0].clone();
    let place = own.strip_prefix("PYRO:Pyro.NameServer@").unwrap();
    let listed = done(&["pyro", "list", place]);
    assert_eq!(text(&listed.stdout), format!("Pyro.NameServer  {own}\n"));
    let served = [
        "pyro",
        "serve",
        path.to_str().unwrap(),
        "--name",
        "lab.stack",
        "--register",
        place,
    ];
    let (_running, uris) = started(&served, |_| true);
    let listed = done(&["pyro", "list", place]);
    assert!(text(&listed.stdout).ends_with(&format!("lab.stack  {}\n", uris[0])));
    let name = format!("PYRONAME:lab.stack@{place}");
    let shape = done(&["pyro", "get", &name, "shape"]);
    assert_eq!(text(&shape.stdout), "(3, 2, 2)\n");
    let removed = done(&["pyro", "call", &own, "remove", "lab.stack"]);
    assert_eq!(text(&removed.stdout), "1\n");
    let unknown = done(&["pyro", "get", &name, "shape"]);
    assert!(
        text(&unknown.stderr).contains("NamingError: unknown name: lab.stack"),
        "{unknown:?}"
    );
    for (args, expected) in [
        (&["lookup"][..], "TypeError: name must be a str"),
        (&["list", "regex=lab.*"], "use a prefix"),
        (&["register", "x", "not an address"], "ValueError"),
        (
            &["remove", "a", "b", "c", "d"],
            "TypeError: remove() takes name, prefix, regex",
        ),
    ] {
        let out = ndferry(&["pyro", "call", &own])
            .args(args)
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(text(&out.stderr).contains(expected), "{args:?} {out:?}");
    }
}

/// 1 GiB of 512 planes, each of which begins with its number; the rest of the file is not even on the disk.
#[cfg(target_os = "linux")]
fn large_stack(path: &Path) {
    use std::os::unix::fs::FileExt;

    let text = "{'descr': '<u2', 'fortran_order': False, 'shape': (512, 1024, 1024), }";
    let mut start = b"\x93NUMPY\x01\0v\0".to_vec();
    start.extend(format!("{text:117}\n").into_bytes());
    let file = std::fs::File::create(path).unwrap();
    file.set_len(128 + (1 << 30)).unwrap();
    file.write_all_at(&start, 0).unwrap();
    for plane in 0..512u16 {
        let at = 128 + (u64::from(plane) << 21);
        file.write_all_at(&plane.to_le_bytes(), at).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stack_of_1_gib_is_served_in_the_memory_of_a_plane_and_a_little() {
    use ndferry_pyro::{Proxy, ProxyOptions, Serializer, Value};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.npy");
    large_stack(&path);
    let (running, uri) = serve(&path);
    let mut pulled = 0;
    for serializer in [Serializer::Pickle, Serializer::Msgpack, Serializer::Serpent] {
        let mut options = ProxyOptions::default();
        options.serializer = Some(serializer);
        let mut stack = Proxy::connect(&uri.parse().unwrap(), &options).unwrap();
        for number in (0..512).step_by(26) {
            let plane = stack.call("plane", vec![Value::Int(number)]).unwrap();
            let plane = plane.to_array().unwrap().unwrap();
            assert_eq!(plane.shape(), [1024, 1024]);
            assert_eq!(plane.bytes()[..3], [number as u8, (number >> 8) as u8, 0]);
            pulled += 1;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        println!(
            "{pulled} planes of 2 MiB, {serializer}: the daemon had {} MiB at most",
            peak >> 10
        );
        assert!(peak < 64 << 10, "{peak} KiB, {serializer}");
    }
}
