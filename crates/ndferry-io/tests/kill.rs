//! Processes that are killed while they write.
//!
//! The test runs itself as a child: [`child`] does nothing unless it is told where to write.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ndferry_io::AtomicFile;

const WHERE: &str = "NDFERRY_TEST_WRITE_AT";
const NBYTES: usize = 256 << 10;

/// Writes the same file again and again, each time full of another byte, and says when it begins and has ended.
#[test]
fn child() {
    let Some(path) = std::env::var_os(WHERE) else {
        return;
    };
    let mut out = std::io::stderr();
    for generation in 0_u8..=255 {
        let mut file = AtomicFile::create(&path, true).unwrap();
        writeln!(out, "begun {generation}").unwrap();
        for _ in 0..NBYTES / 4096 {
            file.write_all(&[generation; 4096]).unwrap();
        }
        file.commit().unwrap();
        writeln!(out, "done {generation}").unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut in_the_middle = 0;
    for round in 0..50 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(WHERE, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stderr.take().unwrap()).lines();
        // Half of the kills come right after a beginning, so before an end.
        for line in lines.by_ref().take(2 * (round % 10) + 1) {
            assert!(line.unwrap().contains(' '));
        }
        if round % 2 == 1 {
            std::thread::sleep(Duration::from_micros(37 * round as u64));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let heard: Vec<String> = lines.map_while(Result::ok).collect();
        in_the_middle += usize::from(heard.last().is_none_or(|last| last.starts_with("begun")));
        check_whole(&path);
    }
    let entries = std::fs::read_dir(&folder).unwrap();
    let litter = entries
        .filter(|entry| entry.as_ref().unwrap().path() != path)
        .count();
    println!(
        "50 kills, {in_the_middle} between the first and the last write, {litter} files left over"
    );
    assert!(in_the_middle >= 15, "{in_the_middle}");
    // Only a kill between link and rename can leave a name behind; one in the middle would, if files had names meanwhile.
    if cfg!(target_os = "linux") {
        assert!(litter <= 10, "{litter}");
    }
}

/// Absent, or of one generation.
fn check_whole(path: &Path) {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    };
    assert_eq!(bytes.len(), NBYTES);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
}
