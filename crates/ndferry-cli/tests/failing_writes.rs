//! Each call of the system that changes a file fails once. Needs `cc`, which makes the library that fails them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ndferry::{
    Array, CheckOptions, Dtype, Item, LazyArray, OpenOptions, Order, SaveOptions, Source, check,
    save,
};

/// Stands before the C library: the call of this number that writes to, cuts or syncs a regular file fails.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd) {
    static int count;
    struct stat is;
    const char *at = getenv("FAIL_AT"), *with = getenv("FAIL_WITH");
    if (!at || fstat(fd, &is) || !S_ISREG(is.st_mode)) return 0;
    if (__sync_add_and_fetch(&count, 1) != atoi(at)) return 0;
    errno = atoi(with);
    return 1;
}
#define WRAP(type, name, parameters, arguments) \
    type name parameters { \
        type (*real) parameters = (type (*) parameters) dlsym(RTLD_NEXT, #name); \
        return fails(fd) ? -1 : real arguments; \
    }
WRAP(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
"#;

const ENOSPC: &str = "28";
const EIO: &str = "5";

/// `None` where nothing compiles C.
fn shim(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
    fs::write(&source, SHIM).unwrap();
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    match cc {
        Ok(status) => {
            assert!(status.success());
            Some(library)
        }
        Err(_) => None,
    }
}

fn array(path: &Path, name: &str) {
    let bytes: Vec<u8> = (0..20_000u32).map(|i| ((i * i) >> 5) as u8).collect();
    let dtype = Dtype::parse("<u2").unwrap();
    let array = Array::contiguous(dtype, &[100, 100], Order::C, bytes);
    let array = LazyArray::from(array.unwrap());
    let item = Item {
        name,
        array: &array,
    };
    save(path, &[item], &SaveOptions::default(), &()).unwrap();
}

fn is_whole(path: &Path) -> bool {
    check(path, &CheckOptions::default(), &())
        .unwrap()
        .is_good()
}

/// How long the first axis is.
fn rows(path: &Path) -> usize {
    let source = Source::open(path, &OpenOptions::default()).unwrap();
    source.array(None).unwrap().shape()[0]
}

#[test]
fn a_write_that_fails_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let Some(shim) = shim(folder.path()) else {
        println!("skipped: there is no cc");
        return;
    };
    array(&at("a.npy"), "");
    array(&at("b.npz"), "b");
    let run = |words: &[&str], fail_at: u32, with: &str| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndferry"));
        command.current_dir(folder.path()).args(words);
        command.stdin(Stdio::null()).env("LD_PRELOAD", &shim);
        command.env("FAIL_AT", fail_at.to_string());
        command.env("FAIL_WITH", with).output().unwrap()
    };
    let pack = ["convert", "a.npy", "-o", "out.npb", "--tile", "50,50"];
    let append = ["convert", "b.npz", "--append", "out.npb", "--tile", "50,50"];
    let mut failed = 0;
    for with in [ENOSPC, EIO] {
        // A new file, then one in place of another: there or not, and never anything else.
        for old in [false, true] {
            let words = match old {
                false => pack.to_vec(),
                true => [&pack[..], &["-f"]].concat(),
            };
            for fail_at in 1.. {
                assert!(fail_at < 200, "it never succeeds");
                let _ = fs::remove_file(at("out.npb"));
                if old {
                    fs::write(at("out.npb"), b"old").unwrap();
                }
                let done = run(&words, fail_at, with);
                if done.status.success() {
                    assert!(fail_at > 8, "{fail_at}");
                    assert!(is_whole(&at("out.npb")));
                    break;
                }
                assert_eq!(done.status.code(), Some(2));
                assert_eq!(at("out.npb").exists(), old, "call {fail_at}");
                assert!(!old || fs::read(at("out.npb")).unwrap() == b"old");
                failed += 1;
            }
        }
        // More arrays: the old end.
        let before = fs::read(at("out.npb")).unwrap();
        for fail_at in 1.. {
            assert!(fail_at < 200, "it never succeeds");
            fs::write(at("out.npb"), &before).unwrap();
            let done = run(&append, fail_at, with);
            if done.status.success() {
                assert!(fail_at > 8, "{fail_at}");
                assert!(is_whole(&at("out.npb")));
                break;
            }
            assert_eq!(done.status.code(), Some(2));
            assert!(fs::read(at("out.npb")).unwrap() == before, "call {fail_at}");
            failed += 1;
        }
        fs::remove_file(at("out.npb")).unwrap();
        // More rows, and the repair of a file that lost its end: what was there stays, and can be repaired.
        let growing = ["convert", "a.npy", "-o", "run.npb", "--growing"];
        assert!(run(&growing, 0, with).status.success());
        let before = fs::read(at("run.npb")).unwrap();
        let more = ["convert", "a.npy", "--append", "run.npb"];
        for fail_at in 1.. {
            assert!(fail_at < 200, "it never succeeds");
            fs::write(at("run.npb"), &before).unwrap();
            let done = run(&more, fail_at, with);
            let repair = ["repair", "-f", "run.npb", "-o", "whole.npb"];
            assert!(run(&repair, 0, with).status.success(), "call {fail_at}");
            assert!(is_whole(&at("whole.npb")), "call {fail_at}");
            let rows = rows(&at("whole.npb"));
            if done.status.success() {
                assert!(fail_at > 4, "{fail_at}");
                assert_eq!(rows, 200);
                break;
            }
            assert_eq!(done.status.code(), Some(2));
            assert!(rows >= 100, "call {fail_at}: {rows} rows");
            failed += 1;
        }
        fs::write(at("run.npb"), &before[..before.len() - 70]).unwrap();
        for fail_at in 1.. {
            assert!(fail_at < 200, "it never succeeds");
            let done = run(&["repair", "run.npb", "-o", "again.npb"], fail_at, with);
            if done.status.success() {
                assert!(fail_at > 2 && is_whole(&at("again.npb")), "{fail_at}");
                break;
            }
            assert_eq!(done.status.code(), Some(2));
            assert!(!at("again.npb").exists(), "call {fail_at}");
            failed += 1;
        }
        for name in ["run.npb", "whole.npb", "again.npb"] {
            fs::remove_file(at(name)).unwrap();
        }
    }
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 4, "litter");
    println!(
        "{failed} calls failed, half of them with a full disk and half with an error of it; 0 files half written"
    );
}
