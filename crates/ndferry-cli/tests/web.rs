//! Files on a real web server: what is read of them, and how much comes over the line. Its access log counts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use tempfile::TempDir;

/// The longest wait for anything that it does at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// The address of nothing.
const NOTHING: &str = "/nothing";

/// An nginx over a folder with files.
struct Web {
    folder: TempDir,
    nginx: Child,
    port: u16,
    _alone: MutexGuard<'static, ()>,
}

/// One at a time: the next one could be told the same free port.
static ALONE: Mutex<()> = Mutex::new(());

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
    }
}

impl Web {
    /// `None`, and a line among what was skipped, where there is no nginx.
    fn new(name: &str) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
        let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
            println!("skipped: {name}: no nginx here");
            if let Some(list) = std::env::var_os("NDFERRY_SKIPPED") {
                let mut list = fs::File::options().append(true).open(list).unwrap();
                writeln!(list, "rust: {name}: no nginx here").unwrap();
            }
            return None;
        };
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("www")).unwrap();
        // Below the ports that the system gives out: a call to one of those may be answered by itself.
        let first = 20_000 + (std::process::id() % 10_000) as u16;
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = (first..30_500).find(free).unwrap();
        let at = folder.path().display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let paths: String = paths
            .map(|what| format!("{what}_temp_path {at}/{what}; "))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\n\
             http {{\n\
             log_format counted '$uri $body_bytes_sent'; access_log {at}/access.log counted;\n\
             {paths}\n\
             server {{ listen 127.0.0.1:{port}; root {at}/www;\n\
             location /moved/ {{ rewrite ^/moved/(.*) /$1 redirect; }}\n\
             location /whole/ {{ alias {at}/www/; max_ranges 0; }}\n\
             }} }}\n"
        );
        fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let nginx = Command::new(program)
            .args(["-p".as_ref(), folder.path(), "-c".as_ref()])
            .arg(folder.path().join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let web = Self {
            folder,
            nginx,
            port,
            _alone: alone,
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "nginx is silent");
            thread::sleep(Duration::from_millis(20));
        }
        Some(web)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("www").join(name)
    }

    /// Asks for what is not there, and reads the answer.
    fn get_nothing(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("GET {NOTHING} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }

    /// Exit status, standard output, standard error, and the requests and their bytes.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String, usize, u64) {
        let log = self.folder.path().join("access.log");
        let before = fs::read_to_string(&log).unwrap().len();
        let url = format!("http://127.0.0.1:{}", self.port);
        let args = args.iter().map(|arg| arg.replace("URL", &url));
        let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
            .args(args)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        // The line about an answer is written after the answer, and for answers that were broken off a little later; at the
        // latest before that about another one. It does one thing at a time.
        thread::sleep(Duration::from_millis(50));
        self.get_nothing();
        let whole =
            |log: &str| log.ends_with('\n') && log.lines().last().unwrap().starts_with(NOTHING);
        let started = Instant::now();
        let lines = loop {
            let lines = fs::read_to_string(&log).unwrap()[before..].to_owned();
            if !lines.is_empty() && whole(&lines) {
                break lines;
            }
            assert!(started.elapsed() < PATIENCE, "{lines}");
            thread::sleep(Duration::from_millis(5));
        };
        let bytes = lines.lines().filter(|line| !line.starts_with(NOTHING));
        let bytes = bytes.map(|line| {
            let (_, nbytes) = line.split_once(' ').unwrap();
            nbytes.parse::<u64>().unwrap()
        });
        let bytes: Vec<u64> = bytes.collect();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
            bytes.len(),
            bytes.iter().sum(),
        )
    }
}

/// Numbers that hardly pack: 24 planes of 512 x 512, 12 MiB.
fn frames() -> LazyArray {
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..24 * 512 * 512 * 2)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let dtype = Dtype::parse("<u2").unwrap();
    let array = Array::contiguous(dtype, &[24, 512, 512], Order::C, bytes).unwrap();
    array.into()
}

fn write(web: &Web, name: &str, arrays: &[(&str, &LazyArray)], tile: Option<[u64; 3]>) {
    let mut options = SaveOptions::default();
    options.tile = tile.map(|tile| tile.to_vec());
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    save(web.file(name), &items, &options, &()).unwrap();
}

#[test]
fn only_the_tiles_that_are_needed_come_over_the_line() {
    let Some(web) = Web::new("web: tiles over HTTP") else {
        return;
    };
    let array = frames();
    write(&web, "x.npb", &[("", &array)], Some([1, 128, 128]));
    let local = web.file("x.npb").display().to_string();
    let tile = 128 * 128 * 2;
    // The head, the end with the index, and so many tiles.
    let opening = (16 << 10) + (64 << 10);
    for (slice, tiles, requests) in [
        ("7, 3, 5", 1, 3),
        ("7, :64, :64", 1, 3),
        ("7, 100:140, 100:140", 4, 4),
        ("7, 0:128, :", 4, 3),
        ("2:5", 48, 4),
        ("::8, 0, 0", 3, 5),
        ("20::-1, 511, 511", 21, 23),
    ] {
        let (status, shown, _, made, bytes) = web.run(&[
            "show",
            "--to",
            "raw",
            "URL/x.npb",
            "-s",
            slice,
            "-o",
            "remote.bin",
        ]);
        assert_eq!((status, &shown[..]), (Some(0), ""), "{slice}");
        let (status, ..) = web.run(&[
            "show",
            "--to",
            "raw",
            &local,
            "-s",
            slice,
            "-o",
            "local.bin",
        ]);
        assert_eq!(status, Some(0));
        let read = |name| fs::read(web.folder.path().join(name)).unwrap();
        assert!(read("remote.bin") == read("local.bin"), "{slice}");
        for name in ["remote.bin", "local.bin"] {
            fs::remove_file(web.folder.path().join(name)).unwrap();
        }
        println!("-s '{slice}': {made} requests, {bytes} bytes, {tiles} tiles of {tile}");
        assert!(made <= requests, "{slice}: {made} requests");
        // Heads of messages and what stands between two tiles of a run.
        let most = opening + tiles * (tile + 1024);
        assert!(bytes <= most, "{slice}: {bytes} bytes, {most} at most");
    }
    let (status, _, errors, requests, bytes) = web.run(&["check", "URL/x.npb"]);
    assert_eq!((status, &errors[..]), (Some(0), ""));
    println!("check: {requests} requests, {bytes} bytes");
    assert!(requests < 60, "{requests}");
}

#[test]
fn every_verb_reads_every_format_over_http() {
    let Some(web) = Web::new("web: every verb over HTTP") else {
        return;
    };
    let array = frames();
    let small: LazyArray = Array::from_elements(&[3], &[1.5, 2.5, 3.5]).unwrap().into();
    for name in ["x.npy", "x.npb", "x.pkl"] {
        write(&web, name, &[("", &array)], None);
    }
    write(&web, "two.npz", &[("w", &array), ("v", &small)], None);
    for name in ["x.npy", "x.npb", "x.pkl", "two.npz:w"] {
        let url = format!("URL/{name}");
        let (status, out, errors, _, bytes) = web.run(&["show", &url, "-s", "23, 511, 509:"]);
        let (_, expected, ..) = web.run(&["show", "URL/x.npy", "-s", "23, 511, 509:"]);
        assert_eq!(
            (status, &errors[..], out),
            (Some(0), "", expected),
            "{name}"
        );
        assert!(bytes < 3 << 20, "{name}: {bytes}");
        let (status, out, errors, requests, _) = web.run(&["diff", &url, "www/x.npy"]);
        assert_eq!((status, &out[..], &errors[..]), (Some(0), "", ""), "{name}");
        assert!(requests < 40, "{name}: {requests}");
    }
    let (_, out, ..) = web.run(&["show", "URL/two.npz:v"]);
    assert_eq!(out, "[1.5 2.5 3.5]\n");
    for verb in ["info", "check", "scan", "stats"] {
        let (status, out, errors, ..) = web.run(&[verb, "URL/x.pkl"]);
        assert_eq!((status, &errors[..]), (Some(0), ""), "{verb}");
        assert!(!out.is_empty(), "{verb}");
    }
    let (status, ..) = web.run(&["convert", "URL/moved/two.npz", "-o", "two.npb"]);
    assert_eq!(status, Some(0));
    let (status, ..) = web.run(&["diff", "two.npb:w", "URL/x.npy"]);
    assert_eq!(status, Some(0));
}

#[test]
fn what_cannot_be_read_is_told_without_what_is_secret() {
    let Some(web) = Web::new("web: errors over HTTP") else {
        return;
    };
    write(&web, "x.npy", &[("", &frames())], None);
    let there = format!("http://127.0.0.1:{}/", web.port);
    for (path, problem) in [
        (
            "missing.npy",
            "missing.npy: the server answers with status 404\n",
        ),
        (
            "whole/x.npy",
            "whole/x.npy: the server ignores ranges: it cannot be read in parts\n\
             hint: fetch it whole: `curl URL | ndferry info -`\n",
        ),
    ] {
        let secret = format!(
            "http://user:secret@127.0.0.1:{}/{path}?key=secret",
            web.port
        );
        for verb in ["info", "show", "check", "scan"] {
            let (status, out, errors, requests, bytes) = web.run(&[verb, &secret]);
            assert_eq!((status, &out[..]), (Some(2), ""), "{verb}: {errors}");
            let told = errors.replace("0 files, 1 not opened\n", "");
            assert_eq!(told, format!("error: {there}{problem}"), "{verb}");
            // The answer is broken off, not read to its end.
            // `show` looks twice: whether it is a pickle, and for the error.
            let most = 1 + usize::from(verb == "show");
            assert!(requests <= most && bytes < 8 << 20, "{requests} {bytes}");
        }
    }
    let (status, out, ..) = web.run(&["info", "--json", "URL/x.npy?key=secret"]);
    assert_eq!(status, Some(0));
    assert!(!out.contains("secret"), "{out}");
    let (status, _, errors, ..) = web.run(&["info", "http://user:secret@127.0.0.1:1/x.npy"]);
    assert_eq!(status, Some(2));
    assert!(
        errors.starts_with("error: http://127.0.0.1:1/x.npy: "),
        "{errors}"
    );
    assert!(!errors.contains("secret"), "{errors}");
}
