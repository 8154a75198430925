//! Small things that scripts and people trip over: closed and full outputs, options in vain, odd names.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use tempfile::TempDir;

fn array(dtype: &str, shape: &[usize], bytes: Vec<u8>) -> LazyArray {
    let dtype = Dtype::parse(dtype).unwrap();
    Array::contiguous(dtype, shape, Order::C, bytes)
        .unwrap()
        .into()
}

fn write(folder: &Path, name: impl AsRef<Path>, arrays: &[(&str, &LazyArray)]) {
    let items: Vec<Item<'_>> = arrays
        .iter()
        .map(|(name, array)| Item { name, array })
        .collect();
    save(folder.join(name), &items, &SaveOptions::default(), &()).unwrap();
}

/// `a.npy` of six bytes, and `two.npz` of it and of texts.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let bytes = array("|u1", &[2, 3], (1..7).collect());
    let texts = array("|S3", &[2], b"a\x1b[b\0\0".to_vec());
    write(folder.path(), "a.npy", &[("", &bytes)]);
    write(folder.path(), "two.npz", &[("n", &bytes), ("t", &texts)]);
    folder
}

/// Exit status, standard output and standard error of a line for the shell; `$N` is the command.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String, String) {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("N", env!("CARGO_BIN_EXE_ndferry"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[track_caller]
fn says(folder: &Path, line: &str, code: i32, what: &str) {
    let (status, stdout, stderr) = shell(folder, line);
    assert_eq!(status, Some(code), "{line}: {stdout}{stderr}");
    assert!(stderr.contains(what), "{line}: {stderr}");
}

#[test]
fn a_closed_standard_output_is_an_error() {
    let folder = folder();
    for line in [
        "$N show a.npy >&-",
        "$N show a.npy --to npy >&-",
        "$N convert a.npy -o - --to npy >&-",
        "$N send a.npy - >&-",
        "$N recv -o - >&-",
        "$N info a.npy >&-",
        "$N --help >&-",
    ] {
        says(
            folder.path(),
            line,
            2,
            "error: standard output: it is closed",
        );
    }
    // Nowhere is a place too, however it was opened, and nothing is written here.
    for line in [
        "$N show a.npy >/dev/null",
        "$N show a.npy 1<>/dev/null",
        "$N diff a.npy a.npy >&-",
    ] {
        says(folder.path(), line, 0, "");
    }
}

#[test]
fn a_full_standard_output_is_an_error_that_says_so() {
    let folder = folder();
    for line in [
        "$N show a.npy >/dev/full",
        "$N show a.npy --to raw >/dev/full",
        "$N convert a.npy -o - --to npz >/dev/full",
        "$N info a.npy >/dev/full",
        "$N stats a.npy >/dev/full",
        "$N --help >/dev/full",
        "$N help show >/dev/full",
        "$N --version >/dev/full",
        "$N completions bash >/dev/full",
        "$N man >/dev/full",
    ] {
        says(
            folder.path(),
            line,
            2,
            "error: standard output: No space left on device",
        );
    }
}

#[test]
fn a_full_standard_error_changes_no_exit_code() {
    let folder = folder();
    for (line, code) in [
        ("$N info nothing 2>/dev/full", 2),
        ("$N convert a.npy -o x.npz 2>/dev/full", 0),
        ("$N convert a.npy -o x.npz 2>/dev/full", 2),
        ("$N -vv info a.npy 2>/dev/full", 0),
        ("$N convert a.npy -o y.npz --progress always 2>/dev/full", 0),
        ("$N convert --nonsense 2>/dev/full", 2),
    ] {
        says(folder.path(), line, code, "");
    }
}

#[test]
fn options_in_vain_are_told() {
    let folder = folder();
    for (line, what) in [
        (
            "$N convert a.npy -o x.npy --codec zstd",
            "x.npy: codec does not apply to npy",
        ),
        (
            "$N convert a.npy -o x.pkl --codec lz4",
            "x.pkl: codec does not apply to pickle",
        ),
        (
            "$N convert a.npy -o x.npy --protocol 4",
            "x.npy: protocol does not apply to npy",
        ),
        (
            "$N convert a.npy -o x.npz --tile 1,1",
            "x.npz: tile does not apply to npz",
        ),
        (
            "$N convert a.npy -o x.npz --filter shuffle",
            "x.npz: filter does not apply to npz",
        ),
        (
            "$N convert a.npy -o x.npb --numpy 1",
            "x.npb: numpy does not apply to npb",
        ),
        (
            "$N convert a.npy -o x.png --order F",
            "x.png: order does not apply to png",
        ),
        ("$N recv -o - --json", "standard output cannot take both"),
    ] {
        says(folder.path(), line, 2, what);
    }
    let names = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 2);
}

#[test]
fn names_in_no_encoding_are_names() {
    let folder = folder();
    let odd = OsStr::from_bytes(b"\xe4\xff.npz");
    std::fs::copy(folder.path().join("two.npz"), folder.path().join(odd)).unwrap();
    let run = |args: &[&[u8]]| {
        Command::new(env!("CARGO_BIN_EXE_ndferry"))
            .args(args.iter().map(|arg| OsStr::from_bytes(arg)))
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let shown = run(&[b"show", b"\xe4\xff.npz:n", b"-s", b"1"]);
    assert_eq!(shown.stdout, b"[4 5 6]\n", "{shown:?}");
    for args in [
        &[&b"info"[..], b"\xe4\xff.npz"][..],
        &[b"stats", b"\xe4\xff.npz:n"],
        &[b"diff", b"\xe4\xff.npz", b"two.npz"],
        &[b"check", b"\xe4\xff.npz"],
        &[b"convert", b"\xe4\xff.npz:n", b"-o", b"\xfe.npy"],
        &[b"\xe4\xff.npz"],
    ] {
        let run = run(args);
        assert_eq!(run.status.code(), Some(0), "{run:?}");
    }
    assert!(folder.path().join(OsStr::from_bytes(b"\xfe.npy")).exists());
}

#[test]
fn an_array_of_standard_input_can_be_named() {
    let folder = folder();
    let (code, stdout, stderr) = shell(folder.path(), "$N show -:n -s '0, ::2' <two.npz");
    assert_eq!((code, &*stdout), (Some(0), "[1 3]\n"), "{stderr}");
    let (code, stdout, _) = shell(folder.path(), "$N -:n <two.npz");
    assert!(code == Some(0) && stdout.contains("uint8"), "{stdout}");
}

#[test]
fn statistics_leave_out_texts_that_nobody_asked_for() {
    let folder = folder();
    let (code, stdout, stderr) = shell(folder.path(), "$N stats two.npz");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("two.npz:n\nn 6  "), "{stdout}");
    assert!(stderr.contains("left out: two.npz:t: "), "{stderr}");
    says(folder.path(), "$N stats two.npz:t", 2, "error: two.npz:t: ");
}

#[test]
fn differences_are_listed_with_their_values() {
    let folder = folder();
    let nan = |last: f32| {
        let values = [1.0, f32::NAN, last];
        array(
            "<f4",
            &[3],
            values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        )
    };
    write(folder.path(), "x.npy", &[("", &nan(2.0))]);
    write(folder.path(), "y.npy", &[("", &nan(2.5))]);
    let (code, stdout, stderr) = shell(folder.path(), "$N diff x.npy y.npy --max 5");
    assert_eq!(code, Some(1));
    assert!(
        stdout.starts_with("differ: 2 of 3 elements, max |a-b| 5.0"),
        "{stdout}"
    );
    assert!(
        stdout.ends_with("  at (1,): nan and nan\n  at (2,): 2.0 and 2.5\n"),
        "{stdout}"
    );
    assert!(
        stderr.contains("hint: 1 of them are NaN or NaT in both; --equal-nan"),
        "{stderr}"
    );
    let (_, stdout, stderr) = shell(folder.path(), "$N diff x.npy y.npy --max 5 --equal-nan");
    assert!(stdout.ends_with("\n  at (2,): 2.0 and 2.5\n"), "{stdout}");
    assert_eq!(stderr, "");
    let (_, stdout, _) = shell(folder.path(), "$N diff x.npy y.npy --max 5 --json");
    let line: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(line["first"], serde_json::json!([[1], [2]]));
    assert_eq!(
        line["values"],
        serde_json::json!([["nan", "nan"], ["2.0", "2.5"]])
    );
    assert_eq!(line["nan"], 1);
}

#[test]
fn hints_name_what_there_is() {
    let folder = folder();
    says(folder.path(), "$N show two.npz", 2, "hint: there is n, t\n");
    says(
        folder.path(),
        "$N convert two.npz -o x.npy",
        2,
        "hint: name one of them after a colon: n, t\n",
    );
    says(
        folder.path(),
        "$N show a.npy:w",
        2,
        "hint: its only array has no name: leave out",
    );
    let small = array("|u1", &[1], vec![0]);
    let names: Vec<String> = (0..12).map(|i| format!("m{i}")).collect();
    let arrays: Vec<(&str, &LazyArray)> = names.iter().map(|name| (&**name, &small)).collect();
    write(folder.path(), "many.npz", &arrays);
    says(
        folder.path(),
        "$N show many.npz",
        2,
        "hint: there is m0, m1, m2, m3, m4, m5, m6, m7, …\n",
    );
}

#[test]
fn tiles_that_do_not_suit_an_array_name_it() {
    let folder = folder();
    let (_, _, stderr) = shell(folder.path(), "$N convert two.npz -o x.npb --tile 1,1");
    assert!(
        stderr.starts_with("error: two.npz:t: no tile grid: "),
        "{stderr}"
    );
}

#[test]
fn lost_tiles_in_a_row_are_one_line() {
    let folder = folder();
    let (code, _, stderr) = shell(
        folder.path(),
        "$N convert a.npy -o x.npb --tile 1,1 --codec none -q && head -c 300 x.npb >cut.npb",
    );
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stdout, _) = shell(folder.path(), "$N verify cut.npb");
    assert_eq!(code, Some(1), "{stdout}");
    let lost: Vec<&str> = stdout
        .lines()
        .filter(|line| line.contains(" tile"))
        .collect();
    let expected = "cut.npb: tiles 0 to 5 [0:1, 0:1] to [1:2, 2:3] are not in the file";
    assert_eq!(lost, [expected], "{stdout}");
}

#[test]
fn progress_is_told_in_lines_where_no_bar_can_move() {
    let folder = folder();
    let (code, _, stderr) = shell(
        folder.path(),
        "$N --progress always convert a.npy -qo x.npb",
    );
    assert_eq!(code, Some(0));
    assert!(stderr.contains("6 B/6 B"), "{stderr}");
    let (code, _, stderr) = shell(folder.path(), "$N convert a.npy -qo y.npb");
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[test]
fn what_happens_is_told_to_whom_asks() {
    let folder = folder();
    let line = "convert a.npy -qfo x.npb --tile 1,3";
    let (code, stdout, quiet) = shell(folder.path(), &format!("$N {line}"));
    assert_eq!((code, &*stdout, &*quiet), (Some(0), "", ""));
    let (code, stdout, told) = shell(folder.path(), &format!("NDFERRY_LOG=debug $N {line}"));
    assert_eq!((code, &*stdout), (Some(0), ""));
    for what in [
        "DEBUG ndferry::source: opened source=\"a.npy\" format=\"npy\" arrays=1 nbytes=134",
        "planned array=\"\" shape=[2, 3] tile=[1, 3] tiles=2 codec=",
        "threads=",
        "written path=\"x.npb\" format=\"npb\" arrays=1",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
    assert!(!told.contains("TRACE") && !told.contains('\x1b'), "{told}");
    let (_, _, told) = shell(folder.path(), "$N -v show x.npb");
    assert!(told.contains("opened source=\"x.npb\""), "{told}");
    let (_, _, told) = shell(
        folder.path(),
        "NDFERRY_LOG=ndferry::source=debug $N show x.npb",
    );
    assert_eq!(told.lines().count(), 1, "{told}");
    for wrong in ["loud", "ndferry=loud", "debug,"] {
        let line = format!("NDFERRY_LOG={wrong} $N show a.npy");
        says(folder.path(), &line, 2, "error: NDFERRY_LOG: \"");
    }
}

#[test]
fn a_transfer_tells_who_connects_and_how_it_ends() {
    let folder = folder();
    let line = "$N recv -qo got.npb 2>told & until grep -q '^listening on .' told; do sleep 0.02; done; \
        NDFERRY_LOG=debug $N send -q a.npy $(sed -n 's/^listening on //p' told) 2>sent; wait $!";
    let (code, _, stderr) = shell(folder.path(), &format!("export NDFERRY_LOG=debug; {line}"));
    assert_eq!(code, Some(0), "{stderr}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (told, sent) = (read("told"), read("sent"));
    assert!(told.contains("connected peer="), "{told}");
    assert!(
        told.contains("stored and verified arrays=1 blocks=1"),
        "{told}"
    );
    assert!(sent.contains("connecting url=\"tcp://127.0.0.1"), "{sent}");
    assert!(sent.contains("sent blocks=1 acknowledged=true"), "{sent}");
}
