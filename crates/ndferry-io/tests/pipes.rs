//! Standard input and output of real processes.
//!
//! The test runs itself as a child: [`child`] does nothing unless it is told what to do.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::{BUSY, SECOND, frame, options};
use ndferry_io::{Error, Listener, Url, connect};

const ROLE: &str = "NDFERRY_TEST_ROLE";

#[test]
fn child() {
    let url: Url = "-".parse().unwrap();
    match std::env::var(ROLE).as_deref() {
        Ok("send") => {
            let mut link = connect(&url, &options()).unwrap();
            assert!(!link.answers());
            for i in 0..40 {
                link.send(&[&frame(usize::from(i) * 10_000, i)]).unwrap();
            }
            link.finish().unwrap();
        }
        Ok("recv") => {
            let mut listener = Listener::bind(&url, options()).unwrap();
            let mut link = listener.accept(BUSY).unwrap().unwrap();
            assert!(listener.accept(SECOND).unwrap().is_none());
            for i in 0..40 {
                let heard = link.recv().unwrap().unwrap();
                assert!(heard == frame(usize::from(i) * 10_000, i));
            }
            assert!(link.recv().unwrap().is_none());
            eprintln!("received all");
        }
        Ok("interrupted") => {
            let options = options();
            let interrupt = options.interrupt.clone();
            let mut link = Listener::bind(&url, options)
                .unwrap()
                .accept(BUSY)
                .unwrap()
                .unwrap();
            std::thread::spawn(move || {
                std::thread::sleep(SECOND / 5);
                interrupt.raise();
            });
            let started = Instant::now();
            assert!(matches!(link.recv(), Err(Error::Interrupted)));
            assert!(started.elapsed() < BUSY / 2);
            eprintln!("interrupted in time");
        }
        _ => {}
    }
}

fn run(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        // The harness prints on standard output, before and after the test.
        .args(["--exact", "child", "--nocapture", "--quiet"])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn frames_go_through_standard_output() {
    let output = run("send").output().unwrap();
    let expected: Vec<u8> = (0..40)
        .flat_map(|i| frame(usize::from(i) * 10_000, i))
        .collect();
    let at = output
        .stdout
        .windows(64)
        .position(|window| *window == expected[..64])
        .unwrap();
    assert!(output.stdout[at..].starts_with(&expected));
}

#[test]
fn frames_come_through_standard_input() {
    let mut child = run("recv").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for i in 0..40 {
        stdin.write_all(&frame(usize::from(i) * 10_000, i)).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("received all"));
}

#[test]
fn an_interrupt_ends_waiting_for_standard_input() {
    let mut child = run("interrupted").spawn().unwrap();
    let stdin = child.stdin.take();
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("interrupted in time"), "{text}");
    drop(stdin);
    child.wait().unwrap();
}
