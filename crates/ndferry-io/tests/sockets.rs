//! Frames over real sockets.

mod common;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use common::{BUSY, FRAMING, SECOND, frame, options, pair};
use ndferry_io::{Error, FrameSink, FrameSource, Interrupt, Listener, connect};
use socket2::{Domain, Socket, Type};

#[test]
fn frames_arrive_in_order_over_tcp_tls_and_unix() {
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix://{}/s", folder.path().display());
    let mut urls = vec!["tcp://127.0.0.1:0"];
    if cfg!(unix) {
        urls.push(&unix);
    }
    if cfg!(feature = "tls") {
        urls.push("tls://127.0.0.1:0");
    }
    for url in urls {
        let (mut client, mut server, listener) = pair(url);
        let sender = thread::spawn(move || {
            for i in 0..40u8 {
                let whole = frame(usize::from(i) * 100_000, i);
                client.send(&[&whole[..8], &whole[8..]]).unwrap();
            }
            client.finish().unwrap();
            client.recv().map(|answer| answer.map(<[u8]>::to_vec))
        });
        for i in 0..40u8 {
            assert_eq!(
                server.recv().unwrap().unwrap(),
                frame(usize::from(i) * 100_000, i)
            );
        }
        assert_eq!(server.recv().unwrap(), None);
        server.send(&[&frame(3, 9)]).unwrap();
        assert_eq!(sender.join().unwrap().unwrap(), Some(frame(3, 9)));
        drop(listener);
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "the socket's file is removed"
    );
}

#[test]
fn a_silent_peer_is_given_up_in_time() {
    let (_client, mut server, _listener) = pair("tcp://127.0.0.1:0");
    server.set_timeout(SECOND);
    let started = Instant::now();
    assert!(matches!(server.recv(), Err(Error::Silent(_))));
    assert!((SECOND..BUSY).contains(&started.elapsed()));
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_in_time() {
    let (mut client, _server, _listener) = pair("tcp://127.0.0.1:0");
    client.set_timeout(SECOND);
    let whole = frame(64 << 20, 1);
    assert!(matches!(client.send(&[&whole]), Err(Error::Silent(_))));
}

#[test]
fn an_interrupt_ends_waiting_soon() {
    let options = options();
    let raiser = options.interrupt.clone();
    let mut listener = Listener::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).unwrap();
    let timer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        raiser.raise();
    });
    let started = Instant::now();
    assert!(matches!(listener.accept(BUSY * 3), Err(Error::Interrupted)));
    assert!(started.elapsed() < BUSY);
    timer.join().unwrap();
}

#[test]
fn a_refusal_reaches_a_sender_in_full_flow() {
    let (mut client, mut server, _listener) = pair("tcp://127.0.0.1:0");
    let refuser = thread::spawn(move || {
        server.recv().unwrap();
        server.send(&[&frame(6, 7)]).unwrap();
        server.drain(BUSY, 1 << 30);
    });
    let whole = frame(1 << 20, 1);
    let mut sent = 0;
    while !client.has_input().unwrap() {
        client.send(&[&whole]).unwrap();
        sent += 1;
    }
    assert_eq!(client.recv().unwrap(), Some(&frame(6, 7)[..]));
    assert!(sent < 64, "{sent}");
    drop(client);
    refuser.join().unwrap();
}

#[test]
fn nobody_listening_is_an_error_at_once() {
    // The port is kept, so that nobody else listens there.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let url = format!("tcp://{address}").parse().unwrap();
    assert!(matches!(connect(&url, &options()), Err(Error::System(_))));
}

#[test]
fn pipes_carry_frames_one_way() {
    let mut file = tempfile::tempfile().unwrap();
    let mut sink = ndferry_io::frames_to(file.try_clone().unwrap(), Interrupt::new());
    sink.send(&[&frame(10, 1)]).unwrap();
    sink.finish().unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut source = ndferry_io::frames_from(&file, FRAMING, Interrupt::new());
    assert_eq!(source.recv().unwrap(), Some(&frame(10, 1)[..]));
    assert_eq!(source.recv().unwrap(), None);
}

#[cfg(unix)]
#[test]
fn only_unix_sockets_that_nobody_listens_at_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let url: ndferry_io::Url = format!("unix://{}", path.display()).parse().unwrap();
    // A listener that was killed leaves its file.
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(
        Listener::bind(&url, options()),
        Err(Error::System(_))
    ));
    drop(socket);
    assert!(path.exists());
    let listener = Listener::bind(&url, options()).unwrap();
    connect(&url, &options()).unwrap();
    assert!(matches!(
        Listener::bind(&url, options()),
        Err(Error::System(_))
    ));
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());
    // Other files stay.
    std::fs::write(&path, b"dear").unwrap();
    assert!(matches!(
        Listener::bind(&url, options()),
        Err(Error::System(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"dear");
}

#[test]
fn connecting_to_where_nobody_answers_ends_in_time_and_by_interrupt() {
    // A full queue answers nothing, neither yes nor no.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    full.bind(&any.into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(one) = std::net::TcpStream::connect_timeout(&address, SECOND / 2) {
        waiting.push(one);
    }
    let url = format!("tcp://{address}").parse().unwrap();
    let mut options = options();
    options.connect_timeout = SECOND / 2;
    let started = Instant::now();
    let error = connect(&url, &options).unwrap_err();
    assert!(
        matches!(&error, Error::ConnectTimeout(_))
            || matches!(&error, Error::System(error) if error.kind() == std::io::ErrorKind::TimedOut),
        "{error}"
    );
    assert!(started.elapsed() < BUSY);
    options.connect_timeout = 60 * SECOND;
    let interrupt = options.interrupt.clone();
    let timer = thread::spawn(move || {
        thread::sleep(SECOND / 5);
        interrupt.raise();
    });
    let started = Instant::now();
    assert!(matches!(connect(&url, &options), Err(Error::Interrupted)));
    assert!(started.elapsed() < BUSY);
    timer.join().unwrap();
}
