//! A file on web servers, good and bad.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndferry_io::{Error, HttpFile, HttpProblem, Interrupt, ReadAt};

const SECOND: Duration = Duration::from_secs(1);

/// What a busy machine may take for anything that takes no time by itself.
const BUSY: Duration = Duration::from_secs(20);

/// A request for `file[start..=last]`; `n` counts requests from 0.
struct Request {
    n: usize,
    start: usize,
    last: usize,
    headers: String,
}

/// Serves what `answer` says (status line, headers and body), one connection after another; `None` closes the
/// connection without an answer.
fn serve(answer: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.npb", listener.local_addr().unwrap());
    let (answer, n) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer, n) = (stream.unwrap(), answer.clone(), n.clone());
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut headers = String::new();
                    while !headers.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut headers).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let lower = headers.to_lowercase();
                    let range = lower.split_once("range: bytes=").unwrap().1;
                    let (start, rest) = range.split_once('-').unwrap();
                    let last = rest.split_once("\r\n").unwrap().0;
                    let request = Request {
                        n: n.fetch_add(1, Ordering::SeqCst),
                        start: start.parse().unwrap(),
                        last: last.parse().unwrap(),
                        headers,
                    };
                    let Some(bytes) = answer(&request) else {
                        return;
                    };
                    if stream.write_all(&bytes).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// What a good server answers.
fn part(file: &[u8], request: &Request, more_headers: &str) -> Vec<u8> {
    let mut head = String::new();
    if request.start >= file.len() {
        write!(head, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n", file.len()).unwrap();
        return head.into_bytes();
    }
    let last = request.last.min(file.len() - 1);
    write!(
        head,
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{last}/{}\r\nContent-Length: {}\r\n{more_headers}\r\n",
        request.start,
        file.len(),
        last + 1 - request.start
    )
    .unwrap();
    [head.as_bytes(), &file[request.start..=last]].concat()
}

fn file(nbytes: usize) -> Vec<u8> {
    (0..nbytes).map(|i| (i * 7 % 251) as u8).collect()
}

fn open(url: &str) -> Result<HttpFile, Error> {
    HttpFile::open(url, BUSY, Interrupt::new())
}

/// With one second of patience.
fn open_hastily(url: &str) -> Result<HttpFile, Error> {
    HttpFile::open(url, SECOND, Interrupt::new())
}

#[test]
fn any_part_reads_as_in_the_file_and_only_parts_are_fetched() {
    for nbytes in [0, 1, 100, 16 << 10, (16 << 10) + 1, 100_000, 20 << 20] {
        let data = file(nbytes);
        let served = data.clone();
        let url = serve(move |request| Some(part(&served, request, "ETag: \"1\"\r\n")));
        let http = open(&url).unwrap();
        assert_eq!(http.nbytes().unwrap(), nbytes as u64);
        for (start, len) in [
            (0, nbytes.min(10)),
            (nbytes / 2, nbytes.div_ceil(1000)),
            (nbytes.saturating_sub(64), nbytes.min(64)),
        ] {
            let mut buf = vec![0; len];
            http.read_exact_at(&mut buf, start as u64).unwrap();
            assert!(buf == data[start..start + len], "{nbytes} {start} {len}");
        }
        assert_eq!(http.read_at(&mut [0; 9], nbytes as u64).unwrap(), 0);
        assert_eq!(http.read_at(&mut [0; 9], u64::MAX).unwrap(), 0);
        if nbytes > 1 << 20 {
            let fetched = http.fetched_nbytes();
            assert_eq!(
                fetched,
                (16 << 10) + nbytes.div_ceil(1000) as u64 + (64 << 10)
            );
            assert_eq!(http.requests(), 3);
        }
        let mut all = vec![0; nbytes];
        http.read_exact_at(&mut all, 0).unwrap();
        assert!(all == data);
    }
}

#[test]
fn servers_that_give_something_else_are_refused() {
    let data = file(200_000);
    type Answer = fn(&[u8], &Request) -> Vec<u8>;
    type Expected = fn(&HttpProblem) -> bool;
    let cases: [(&str, Answer, Expected); 10] = [
        (
            "the whole file",
            |data, _| {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", data.len());
                [head.as_bytes(), data].concat()
            },
            |problem| matches!(problem, HttpProblem::NoRanges),
        ),
        (
            "nothing",
            |_, _| b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            |problem| matches!(problem, HttpProblem::Status(404)),
        ),
        (
            "another part",
            |data, request| {
                let start = request.start + 1;
                let headers = String::new();
                part(
                    data,
                    &Request {
                        start,
                        headers,
                        ..*request
                    },
                    "",
                )
            },
            |problem| matches!(problem, HttpProblem::OtherRange { start: 0, .. }),
        ),
        (
            "more than was asked for",
            |data, request| {
                let last = request.last + 1;
                let headers = String::new();
                part(
                    data,
                    &Request {
                        last,
                        headers,
                        ..*request
                    },
                    "",
                )
            },
            |problem| matches!(problem, HttpProblem::OtherRange { .. }),
        ),
        (
            "no Content-Range",
            |_, _| b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx".to_vec(),
            |problem| matches!(problem, HttpProblem::OtherRange { .. }),
        ),
        (
            "two lengths",
            |data, request| {
                let range = format!("Content-Range: bytes 0-{}/{}", request.last, data.len());
                let head =
                    format!("HTTP/1.1 206 Partial Content\r\n{range}\r\nContent-Length: 5\r\n\r\n");
                [head.as_bytes(), data].concat()
            },
            |problem| {
                matches!(
                    problem,
                    HttpProblem::Length {
                        said: 5,
                        part: 16384
                    }
                )
            },
        ),
        (
            "itself elsewhere, for ever",
            |_, _| b"HTTP/1.1 302 Found\r\nLocation: /a.npb\r\nContent-Length: 0\r\n\r\n".to_vec(),
            |problem| matches!(problem, HttpProblem::Failed(_)),
        ),
        (
            "somewhere else than the web",
            |_, _| {
                b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"
                    .to_vec()
            },
            |problem| matches!(problem, HttpProblem::Failed(_) | HttpProblem::Address),
        ),
        (
            "packed bytes",
            |data, request| part(data, request, "Content-Encoding: gzip\r\n"),
            |problem| matches!(problem, HttpProblem::Packed(packed) if packed == "gzip"),
        ),
        (
            "no HTTP at all",
            |_, _| b"\x93NUMPY, said the server, and went on\r\n\r\n".to_vec(),
            |problem| matches!(problem, HttpProblem::Failed(_)),
        ),
    ];
    for (name, answer, expected) in cases {
        let served = data.clone();
        let url = serve(move |request| Some(answer(&served, request)));
        let error = open(&url).unwrap_err();
        assert!(
            matches!(&error, Error::Http(problem) if expected(problem)),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let headers = [
        "ETag: \"#\"\r\n",
        "Last-Modified: Wed, 0# Jan 2025 00:00:00 GMT\r\n",
    ];
    for (headers, condition) in headers.into_iter().zip(["if-match", "if-unmodified-since"]) {
        let data = file(400_000);
        let url = serve(move |request| {
            let asked = request.headers.to_lowercase().contains(condition);
            assert_eq!(asked, request.n > 0);
            // Two versions; the server does not look at the condition.
            let version = (request.n / 2).to_string();
            Some(part(&data, request, &headers.replace('#', &version)))
        });
        let http = open(&url).unwrap();
        http.read_exact_at(&mut [0; 8], 100_000).unwrap();
        let error = http.read_exact_at(&mut [0; 8], 200_000).unwrap_err();
        assert!(error.to_string().contains("has changed"), "{error}");
    }
    let data = file(400_000);
    let url = serve(move |request| {
        // Another length, and nothing else to tell it by.
        Some(part(&data[..400_000 - request.n], request, ""))
    });
    let http = open(&url).unwrap();
    let error = http.read_exact_at(&mut [0; 8], 100_000).unwrap_err();
    assert!(error.to_string().contains("has changed"), "{error}");
}

#[test]
fn broken_connections_are_tried_again_and_cut_bodies_are_errors() {
    let data = file(400_000);
    let url = serve(move |request| (request.n % 2 == 1).then(|| part(&data, request, "")));
    let http = open(&url).unwrap();
    http.read_exact_at(&mut [0; 8], 100_000).unwrap();
    assert_eq!(http.requests(), 4);

    let data = file(400_000);
    let url = serve(move |request| {
        let mut answer = part(&data, request, "");
        if request.n > 0 {
            answer.truncate(answer.len() - 10);
        }
        Some(answer)
    });
    let http = HttpFile::open(&url, 3 * SECOND, Interrupt::new()).unwrap();
    let started = Instant::now();
    assert!(http.read_exact_at(&mut [0; 99], 100_000).is_err());
    assert!(started.elapsed() < BUSY);
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let url = serve(|_| {
        thread::sleep(10 * BUSY);
        None
    });
    let started = Instant::now();
    let error = open_hastily(&url).unwrap_err();
    assert!(
        matches!(error, Error::Http(HttpProblem::Failed(_))),
        "{error}"
    );
    assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
}

#[test]
fn a_server_that_drips_is_given_up_in_time() {
    for dripping in [
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-16383/400000\r\n\r\n",
        "",
    ] {
        let url = serve_slowly(dripping);
        let started = Instant::now();
        let error = open_hastily(&url).unwrap_err();
        let given_up = matches!(
            error,
            Error::Slow { .. } | Error::Http(HttpProblem::Failed(_))
        );
        assert!(given_up, "{error}");
        assert!(started.elapsed() < BUSY, "{:?}", started.elapsed());
    }
}

/// Sends this, and then a byte ten times a second, in headers or a body.
fn serve_slowly(at_once: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.npb", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut sent = stream.write_all(at_once.as_bytes());
            let mut bytes = b"HTTP/1.1 206 Partial Content\r\nX: "
                .iter()
                .chain(&[b'x'; 300]);
            while let (Ok(()), Some(byte)) = (sent, bytes.next()) {
                thread::sleep(SECOND / 10);
                sent = stream.write_all(&[*byte]);
            }
        }
    });
    url
}

#[test]
fn an_endless_answer_is_read_as_far_as_was_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.npb", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-16383/400000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut sent = 0;
        while stream.write_all(&[1; 4096]).is_ok() {
            sent += 4096;
            assert!(sent < 1 << 30, "somebody reads all of it");
        }
    });
    let http = open(&url).unwrap();
    let mut head = [0; 16 << 10];
    http.read_exact_at(&mut head, 0).unwrap();
    assert_eq!(head, [1; 16 << 10]);
    drop(http);
    server.join().unwrap();
}

#[test]
fn one_piece_after_another_takes_few_requests() {
    let data = file(20 << 20);
    let served = data.clone();
    let url = serve(move |request| Some(part(&served, request, "")));
    let http = open(&url).unwrap();
    let mut piece = vec![0; 1000];
    for (i, expected) in data.chunks(1000).enumerate() {
        let piece = &mut piece[..expected.len()];
        http.read_exact_at(piece, i as u64 * 1000).unwrap();
        assert!(piece == expected, "{i}");
    }
    assert!(http.requests() < 20, "{}", http.requests());
    assert!(
        http.fetched_nbytes() < 21 << 20,
        "{}",
        http.fetched_nbytes()
    );
}

#[test]
fn neighbours_that_were_told_of_come_together_to_all_threads() {
    let data = file(20 << 20);
    let served = data.clone();
    let url = serve(move |request| Some(part(&served, request, "")));
    let http = open(&url).unwrap();
    let parts: Vec<_> = (0..64_u64)
        .map(|i| (1 << 20) + i * 10_000..(1 << 20) + i * 10_000 + 9_000)
        .collect();
    http.expect(&parts);
    thread::scope(|scope| {
        let (http, data) = (&http, &data);
        for parts in parts.chunks(16) {
            scope.spawn(move || {
                for part in parts {
                    let mut buf = vec![0; 9_000];
                    http.read_exact_at(&mut buf, part.start).unwrap();
                    assert!(buf == data[part.start as usize..part.end as usize]);
                }
            });
        }
    });
    assert_eq!(http.requests(), 2);
    assert_eq!(http.fetched_nbytes(), (16 << 10) + 63 * 10_000 + 9_000);
    // What was told of and is read once more is no longer held.
    http.read_exact_at(&mut [0; 9_000], parts[20].start)
        .unwrap();
    assert_eq!(http.requests(), 3);
}

#[test]
fn passwords_go_to_the_server_and_nowhere_else() {
    let data = file(100);
    let url = serve(move |request| {
        let sent = "authorization: basic dxnlcjpzzwnyzxq=";
        assert!(request.headers.to_lowercase().contains(sent));
        Some(part(&data, request, ""))
    });
    let url = url.replace("http://", "http://user:secret@");
    let http = open(&url).unwrap();
    assert!(!format!("{http:?}").contains("secret"));
    let refused = "http://user:secret@127.0.0.1:1/a.npb";
    for url in [
        refused,
        "http://user:secret@/",
        "http://user:secret@a b/",
        "user:secret@host",
    ] {
        let error = open(url).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
    }
}
