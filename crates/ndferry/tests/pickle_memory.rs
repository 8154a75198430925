//! Pickles that are nothing but objects cost memory in proportion to their length. A process of its own, in which
//! nothing else runs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use ndferry::{OpenOptions, Source};

/// Bytes of memory for a byte of a pickle, and what is there anyway.
const FACTOR: u64 = 32;
const SLACK: u64 = 16 << 20;

fn current() -> u64 {
    ndferry_io::current_memory().unwrap()
}

#[test]
fn what_is_all_objects_costs_at_most_32_times_its_length() {
    let nested = |level: &[u8], close: &[u8], n: usize| {
        [b"\x80\x04", &*level.repeat(n), &*close.repeat(n - 1), b"."].concat()
    };
    let marked = |item: &[u8], n: usize| [b"\x80\x02(", &*item.repeat(n), b"l."].concat();
    let mut pickles = vec![
        ("nested lists", nested(b"]", b"a", 1 << 20)),
        ("nested lists, remembered", nested(b"]\x94", b"a", 1 << 20)),
        (
            "nested calls",
            [b"\x80\x02N", &*b"2R".repeat(1 << 21), b"."].concat(),
        ),
        ("dicts", marked(b"}", 8 << 20)),
        ("lists of one", marked(b"]Na", 2 << 20)),
        ("empty strings", marked(b"U\x00", 4 << 20)),
        ("short text", marked(b"X\x02\x00\x00\x00\xc3\xa9", 1 << 20)),
        ("persistent ids", marked(b"P\n", 2 << 20)),
        (
            "large numbers",
            marked(b"\x8a\x09\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f", 1 << 20),
        ),
        (
            "lines of text",
            [b"(", &*b"V\n".repeat(4 << 20), b"l."].concat(),
        ),
    ];
    pickles.sort_by_key(|(_, pickle)| pickle.len());
    for (name, pickle) in pickles {
        let (before, nbytes) = (current(), pickle.len() as u64);
        let peak_before = ndferry::peak_memory().unwrap();
        let source = Source::from_bytes(name, Bytes::from(pickle), &OpenOptions::default());
        assert!(source.unwrap().members().is_empty());
        let peak = ndferry::peak_memory().unwrap();
        // The peak is that of the process: what stays below an earlier one cannot be told.
        let bound = (before + FACTOR * nbytes + SLACK).max(peak_before);
        println!("{name}: {nbytes} bytes, from {before} to {peak} at most");
        assert!(peak <= bound, "{name}: {peak} is more than {bound}");
    }
}
