//! CPU time of moving 256 MiB in frames of 1 MiB between two threads over a socket, against plain copies through
//! buffers of 1 MiB: `cargo run --release -p ndferry-io --example loopback`.
#![allow(clippy::unwrap_used, reason = "a measurement")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use ndferry_io::{Framing, Link, LinkOptions, Listener, connect};

const FRAME: usize = 1 << 20;
const FRAMES: usize = 256;
const ROUNDS: usize = 9;

const FRAMING: Framing = Framing {
    head_nbytes: 48,
    frame_nbytes: |head| {
        Ok(u64::from_le_bytes(
            head[..8].try_into().map_err(|_| "head")?,
        ))
    },
};

/// CPU time of all threads, and time on the clock.
fn measure(run: impl FnOnce()) -> (Duration, Duration) {
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let (before, started) = (cpu(), Instant::now());
    run();
    (cpu() - before, started.elapsed())
}

fn plain(mut from: impl Write + Send + 'static, mut to: impl Read) {
    let sender = thread::spawn(move || {
        let block = vec![1; FRAME + 48];
        for _ in 0..FRAMES {
            from.write_all(&block).unwrap();
        }
    });
    let mut block = vec![0; FRAME + 48];
    for _ in 0..FRAMES {
        to.read_exact(&mut block).unwrap();
    }
    sender.join().unwrap();
}

fn frames(mut from: Link, mut to: Link) {
    let sender = thread::spawn(move || {
        let block = vec![1; FRAME];
        let mut head = [0; 48];
        head[..8].copy_from_slice(&(FRAME as u64 + 48).to_le_bytes());
        for _ in 0..FRAMES {
            assert!(!from.has_input().unwrap());
            from.send(&[&head, &block]).unwrap();
        }
        from.finish().unwrap();
    });
    let mut n = 0;
    while let Some(frame) = to.recv().unwrap() {
        assert_eq!(frame.len(), FRAME + 48);
        n += 1;
    }
    assert_eq!(n, FRAMES);
    sender.join().unwrap();
}

fn links(url: &str) -> (Link, Link) {
    let mut listener = Listener::bind(&url.parse().unwrap(), LinkOptions::new(FRAMING)).unwrap();
    let mut client = connect(listener.url(), &LinkOptions::new(FRAMING)).unwrap();
    let mut greeting = [0; 48];
    greeting[0] = 48;
    client.send(&[&greeting]).unwrap();
    let mut server = listener.accept(Duration::from_secs(1)).unwrap().unwrap();
    server.recv().unwrap();
    (client, server)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix://{}/s", folder.path().display());
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let to = listener.accept().unwrap().0;
        times[0].push(measure(|| plain(from, to)));
        let (from, to) = links("tcp://127.0.0.1:0");
        times[1].push(measure(|| frames(from, to)));
        let (from, to) = UnixStream::pair().unwrap();
        times[2].push(measure(|| plain(from, to)));
        let (from, to) = links(&unix);
        times[3].push(measure(|| frames(from, to)));
    }
    let median = |times: &mut Vec<(Duration, Duration)>| {
        times.sort();
        times[ROUNDS / 2]
    };
    let [plain_tcp, tcp, plain_unix, unix] = times.each_mut().map(median);
    for (name, times, plain) in [("tcp", tcp, plain_tcp), ("unix", unix, plain_unix)] {
        println!(
            "{name}: CPU {:.1} ms, plain {:.1} ms, ratio {:.3}; wall {:.1} ms, plain {:.1} ms",
            times.0.as_secs_f64() * 1e3,
            plain.0.as_secs_f64() * 1e3,
            times.0.as_secs_f64() / plain.0.as_secs_f64(),
            times.1.as_secs_f64() * 1e3,
            plain.1.as_secs_f64() * 1e3,
        );
    }
}
