//! Encrypted connections: to whom they should be, or none.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{BUSY, SECOND, frame, listen, one_of_three, options, pair, port, turns_away};
use ndferry_io::{Error, LinkOptions, Listener, Pin, TlsIdentity, TlsProblem, Url, connect};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

const ANY: &str = "tls://127.0.0.1:0";

/// What connecting says.
fn problem(url: &Url, options: &LinkOptions) -> TlsProblem {
    match connect(url, options) {
        Err(Error::Tls(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

/// The same address with another pin, or none.
fn with_pin(url: &Url, other: Option<Pin>) -> Url {
    match url.clone() {
        Url::Tls { host, port, .. } => Url::Tls {
            host,
            port,
            pin: other,
        },
        other => panic!("{other}"),
    }
}

fn pin(url: &Url) -> Pin {
    match url {
        Url::Tls { pin: Some(pin), .. } => *pin,
        other => panic!("{other} has no pin"),
    }
}

/// Serves whoever comes while `then` runs; how many were let in is not told.
fn serving<T>(listener: &mut Listener, then: impl FnOnce() -> T + Send) -> T
where
    T: Send,
{
    thread::scope(|scope| {
        let then = scope.spawn(then);
        let mut links = Vec::new();
        while !then.is_finished() {
            links.extend(listener.accept(Duration::from_millis(20)).unwrap());
        }
        then.join().unwrap()
    })
}

#[test]
fn both_ends_know_what_tells_this_connection_from_others() {
    let (client, server, _listener) = pair(ANY);
    assert_eq!(client.binding(), server.binding());
    assert_ne!(client.binding(), [0; 32]);
    let (other, _server, _listener) = pair(ANY);
    assert_ne!(client.binding(), other.binding());
}

#[test]
fn another_certificate_than_the_pinned_one_is_refused() {
    let mut listener = listen(ANY);
    let url = listener.url().clone();
    let found = pin(&url);
    let pinned = Pin([7; 32]);
    let (other, none, two) = serving(&mut listener, || {
        let mut twice = options();
        twice.tls.pin = Some(pinned);
        (
            problem(&with_pin(&url, Some(pinned)), &options()),
            problem(&with_pin(&url, None), &options()),
            problem(&url, &twice),
        )
    });
    assert_eq!(other, TlsProblem::Pin { pinned, found });
    assert_eq!(none, TlsProblem::Authority { found });
    assert_eq!(two, TlsProblem::TwoPins);
    turns_away(&mut listener, 2);
    // The pin may come with the options as well.
    let mut by_options = options();
    by_options.tls.pin = Some(found);
    serving(&mut listener, || {
        connect(&with_pin(&url, None), &by_options).unwrap()
    });
    // Each listener has a certificate of its own.
    assert_ne!(pin(listen(ANY).url()), found);
}

/// An authority, and certificates that it has signed.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn signed(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsIdentity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let identity = TlsIdentity {
            certificate: self.folder.path().join("cert.pem"),
            key: self.folder.path().join("key.pem"),
        };
        fs::write(&identity.certificate, signed.pem()).unwrap();
        fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }
}

fn listen_as(identity: TlsIdentity) -> Listener {
    let mut options = options();
    options.tls.identity = Some(identity);
    Listener::bind(&ANY.parse().unwrap(), options).unwrap()
}

#[test]
fn a_certificate_that_an_authority_signed_is_for_its_host_and_its_time() {
    let authority = Authority::new();
    let mut options = options();
    options.tls.authorities = Some(authority.path());
    let answer = |identity| {
        let mut listener = listen_as(identity);
        let url = with_pin(listener.url(), None);
        serving(&mut listener, || connect(&url, &options).map(drop))
    };
    answer(authority.signed("127.0.0.1", |_| {})).unwrap();
    let refused = |identity| match answer(identity) {
        Err(Error::Tls(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let elsewhere = authority.signed("elsewhere.example", |_| {});
    assert_eq!(refused(elsewhere), TlsProblem::Host);
    let old = authority.signed("127.0.0.1", |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    assert_eq!(refused(old), TlsProblem::Expired);
    let early = authority.signed("127.0.0.1", |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    assert_eq!(refused(early), TlsProblem::NotYet);
    let other = Authority::new();
    let stranger = other.signed("127.0.0.1", |_| {});
    assert!(matches!(refused(stranger), TlsProblem::Authority { .. }));
}

#[test]
fn who_connects_has_to_show_a_certificate_where_one_is_wanted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut listening = options();
    listening.tls.client_authorities = Some(authority.path());
    let mut listener = Listener::bind(&ANY.parse().unwrap(), listening.clone()).unwrap();
    let url = listener.url().clone();
    let connecting = |identity: Option<TlsIdentity>| {
        let mut options = options();
        options.timeout = 9 * SECOND;
        options.tls.identity = identity;
        let mut link = connect(&url, &options)?;
        link.send(&[&frame(2, 0)])?;
        // In TLS 1.3 a client is done before the listener has looked at its certificate.
        link.recv().map(|frame| frame.is_some())
    };
    let old = authority.signed("client", |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    for wrong in [None, Some(other.signed("client", |_| {})), Some(old)] {
        let refused = serving(&mut listener, || connecting(wrong));
        assert!(!matches!(refused, Ok(true)), "{refused:?}");
    }
    // Whatever its name is.
    let signed = authority.signed("any.example", |_| {});
    let answered = thread::scope(|scope| {
        let client = scope.spawn(|| connecting(Some(signed)));
        let mut link = listener.accept(9 * SECOND).unwrap().unwrap();
        assert_eq!(link.recv().unwrap(), Some(&frame(2, 0)[..]));
        link.send(&[&frame(2, 0)]).unwrap();
        client.join().unwrap()
    });
    assert!(answered.unwrap());

    listening.tls.client_authorities = Some("absent.pem".into());
    let absent = Listener::bind(&ANY.parse().unwrap(), listening).unwrap_err();
    assert!(
        matches!(absent, Error::Tls(TlsProblem::Unreadable { .. })),
        "{absent}"
    );
}

#[test]
fn files_that_are_no_certificates_or_keys_are_named() {
    let authority = Authority::new();
    let good = authority.signed("127.0.0.1", |_| {});
    let folder = authority.folder.path();
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let refused = |certificate: &Path, key: &Path| {
        let mut options = options();
        options.tls.identity = Some(TlsIdentity {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        });
        match Listener::bind(&ANY.parse().unwrap(), options) {
            Err(Error::Tls(problem)) => problem,
            other => panic!("{other:?}"),
        }
    };
    let absent = folder.join("absent.pem");
    assert!(
        matches!(refused(&absent, &good.key), TlsProblem::Unreadable { path, .. } if path == absent)
    );
    let empty = write("empty.pem", "");
    assert_eq!(
        refused(&empty, &good.key),
        TlsProblem::NoCertificate(empty.clone())
    );
    assert_eq!(refused(&good.certificate, &empty), TlsProblem::NoKey(empty));
    assert_eq!(
        refused(&good.certificate, &good.certificate),
        TlsProblem::NoKey(good.certificate.clone())
    );
    let other = write("other.pem", &KeyPair::generate().unwrap().serialize_pem());
    assert!(
        matches!(refused(&good.certificate, &other), TlsProblem::BadKey { path, .. } if path == other)
    );
    let senseless = write(
        "senseless.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    assert!(matches!(
        refused(&senseless, &good.key),
        TlsProblem::BadCertificate { path, .. } if path == senseless
    ));
    let mut options = options();
    options.tls.authorities = Some(absent.clone());
    let url = "tls://127.0.0.1:1".parse().unwrap();
    assert!(matches!(
        problem(&url, &options),
        TlsProblem::Unreadable { path, .. } if path == absent
    ));
}

#[test]
fn plain_peers_and_encrypted_ones_are_told_of_each_other() {
    // A plain sender, where TLS is spoken.
    let mut listener = listen(ANY);
    let plain = format!("tcp://127.0.0.1:{}", port(&listener));
    let error = serving(&mut listener, || {
        let mut link = connect(&plain.parse().unwrap(), &options()).unwrap();
        link.send(&[&frame(64, 1)]).unwrap();
        link.recv()
            .map(|frame| frame.map(<[u8]>::to_vec))
            .unwrap_err()
    });
    assert!(matches!(error, Error::SpeaksTls), "{error}");
    // The reverse: frames that make no sense are not answered.
    let mut listener = listen("tcp://127.0.0.1:0");
    let url = format!("tls://127.0.0.1:{}", port(&listener))
        .parse()
        .unwrap();
    let problem_there = serving(&mut listener, || {
        let mut options = options();
        options.greeting_timeout = BUSY;
        match connect(&url, &options) {
            Err(Error::Tls(problem)) => problem,
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(problem_there, TlsProblem::HungUp);
    // A server that greets first, and one that says nothing.
    for (says, expected) in [(&b"SSH-2.0-OpenSSH_9.2\r\n"[..], true), (&[], false)] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("tls://{}", server.local_addr().unwrap());
        let speaker = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            stream.write_all(says).unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        });
        let mut options = options();
        options.greeting_timeout = if expected { BUSY } else { SECOND / 2 };
        let started = Instant::now();
        let error = connect(&url.parse().unwrap(), &options).unwrap_err();
        match expected {
            true => assert!(matches!(error, Error::Tls(TlsProblem::NotTls)), "{error}"),
            false => assert!(matches!(error, Error::Deadline(_)), "{error}"),
        }
        assert!(started.elapsed() < BUSY);
        speaker.join().unwrap();
    }
}

#[test]
fn an_interrupt_ends_a_hand_shake_that_nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://{}", silent.local_addr().unwrap());
    let options = options();
    let raiser = options.interrupt.clone();
    let timer = thread::spawn(move || {
        thread::sleep(SECOND / 5);
        raiser.raise();
    });
    let started = Instant::now();
    let error = connect(&url.parse().unwrap(), &options).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert!(started.elapsed() < BUSY / 2);
    timer.join().unwrap();
}

/// What a relay does to the bytes from the listener's side: gives how many of them to pass on, may change them.
type Tamper = Box<dyn FnMut(u64, &mut [u8]) -> usize + Send>;

/// Passes everything on to `to`, and back through `tamper`, which is told how many bytes have passed; ends when it passes
/// fewer than there are.
fn relay(to: u16, mut tamper: Tamper) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let (mut up, mut to_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let upward = thread::spawn(move || {
            let _ = std::io::copy(&mut up, &mut to_far);
            let _ = to_far.shutdown(Shutdown::Write);
        });
        let (mut buffer, mut passed) = ([0; 1024], 0);
        while let Ok(n @ 1..) = far.read(&mut buffer) {
            let pass = tamper(passed, &mut buffer[..n]);
            passed += n as u64;
            if near.write_all(&buffer[..pass]).is_err() || pass < n {
                let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
                break;
            }
        }
        let _ = near.shutdown(Shutdown::Write);
        upward.join().unwrap();
    });
    (here, thread)
}

/// Both ends of a connection through a relay; what the listening side sends can be tampered with.
fn relayed(tamper: Tamper) -> (ndferry_io::Link, ndferry_io::Link, thread::JoinHandle<()>) {
    let mut listener = listen(ANY);
    let (here, thread) = relay(port(&listener), tamper);
    let url = Url::Tls {
        host: "127.0.0.1".to_owned(),
        port: here,
        pin: Some(pin(listener.url())),
    };
    let (client, server) = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut client = connect(&url, &options()).unwrap();
            client.send(&[&frame(2, 0)]).unwrap();
            client
        });
        let mut server = listener.accept(BUSY).unwrap().unwrap();
        assert!(server.recv().unwrap().is_some());
        (client.join().unwrap(), server)
    });
    (client, server, thread)
}

#[test]
fn a_changed_byte_or_a_cut_is_an_error_and_never_a_frame() {
    // The hand-shake takes about 900 bytes.
    for (name, tamper) in [
        (
            "flipped",
            Box::new(|passed: u64, bytes: &mut [u8]| {
                if passed > 20_000 {
                    bytes[0] ^= 1;
                }
                bytes.len()
            }) as Tamper,
        ),
        (
            "cut",
            Box::new(|passed: u64, bytes: &mut [u8]| match passed > 20_000 {
                true => bytes.len() / 2,
                false => bytes.len(),
            }),
        ),
    ] {
        let (mut client, mut server, thread) = relayed(tamper);
        let sender = thread::spawn(move || {
            while server.send(&[&frame(1000, 1)]).is_ok() {}
            server
        });
        let error = loop {
            match client.recv() {
                Ok(Some(got)) => assert_eq!(got, frame(1000, 1), "{name}"),
                Ok(None) => panic!("{name}: a clean end"),
                Err(error) => break error,
            }
        };
        match name {
            "flipped" => assert!(matches!(error, Error::Tls(TlsProblem::Other(_))), "{error}"),
            _ => assert!(matches!(error, Error::Tls(TlsProblem::CutOff)), "{error}"),
        }
        drop(client);
        drop(sender.join().unwrap());
        thread.join().unwrap();
    }
}

#[test]
fn a_record_that_takes_longer_than_the_patience_is_progress_all_the_same() {
    one_of_three(|| {
        // Records of 16 KiB, of which the line carries 4 KiB a second; the patience is for three seconds without bytes.
        let (mut client, mut server, thread) = relayed(Box::new(|passed, bytes| {
            if passed > 2000 {
                thread::sleep(Duration::from_millis(bytes.len() as u64 / 4));
            }
            bytes.len()
        }));
        client.set_timeout(3 * SECOND);
        let sender = thread::spawn(move || {
            server.send(&[&frame(16_000, 5)]).unwrap();
            server.finish().unwrap();
            server.set_timeout(3 * BUSY);
            // Until the other side has gone.
            assert!(server.recv().unwrap().is_none());
        });
        let started = Instant::now();
        assert_eq!(client.recv().unwrap(), Some(&frame(16_000, 5)[..]));
        assert!(started.elapsed() > 3 * SECOND);
        assert!(client.recv().unwrap().is_none());
        client.finish().unwrap();
        sender.join().unwrap();
        drop(client);
        thread.join().unwrap();
    });
}

#[test]
fn a_peer_that_takes_nothing_or_says_nothing_is_given_up_in_time() {
    let (mut client, mut server, _listener) = pair(ANY);
    client.set_timeout(SECOND);
    server.set_timeout(SECOND);
    let started = Instant::now();
    assert!(matches!(server.recv(), Err(Error::Silent(_))));
    let error = client.send(&[&frame(64 << 20, 1)]).unwrap_err();
    assert!(matches!(error, Error::Silent(_)), "{error}");
    assert!(started.elapsed() < 2 * SECOND + BUSY);
}

#[test]
fn a_refusal_reaches_a_sender_in_full_flow() {
    let (mut client, mut server, _listener) = pair(ANY);
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

/// Whether a program is there; says so if not.
fn is_there(program: &str) -> bool {
    let is_there = Command::new(program)
        .arg("version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !is_there {
        println!("skipped: {program} is not installed");
    }
    is_there
}

#[test]
fn openssl_speaks_with_a_listener_and_sees_the_pinned_certificate() {
    if !is_there("openssl") {
        return;
    }
    let mut listener = listen(ANY);
    let address = format!("127.0.0.1:{}", port(&listener));
    let client = |version: &str| {
        Command::new("openssl")
            .args(["s_client", "-connect", &address, version, "-ign_eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut good = client("-tls1_3");
    good.stdin
        .as_mut()
        .unwrap()
        .write_all(&frame(9, 3))
        .unwrap();
    let mut link = listener.accept(BUSY).unwrap().unwrap();
    assert_eq!(link.recv().unwrap(), Some(&frame(9, 3)[..]));
    link.send(&[b"well met, stranger"]).unwrap();
    link.finish().unwrap();
    drop(link);
    let said = String::from_utf8_lossy(&good.wait_with_output().unwrap().stdout).into_owned();
    assert!(said.contains("well met, stranger"), "{said}");
    // Its own word for the certificate.
    let begin = said.find("-----BEGIN CERTIFICATE-----").unwrap();
    let end = said.find("-----END CERTIFICATE-----").unwrap() + 26;
    let mut fingerprint = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pem = &said.as_bytes()[begin..end];
    fingerprint.stdin.take().unwrap().write_all(pem).unwrap();
    let output = fingerprint.wait_with_output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let digits = line.trim().rsplit('=').next().unwrap();
    assert_eq!(digits.parse::<Pin>().unwrap(), pin(listener.url()));
    // Older versions are not spoken.
    let output = serving(&mut listener, || {
        client("-tls1_2").wait_with_output().unwrap()
    });
    assert!(!output.status.success());
    turns_away(&mut listener, 1);
}

#[test]
fn what_tls_says_for_itself_is_no_input() {
    if !is_there("openssl") {
        return;
    }
    // It sends two tickets after the hand-shake.
    let authority = Authority::new();
    let identity = authority.signed("127.0.0.1", |_| {});
    let start = || {
        let probe = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = probe.local_addr().unwrap();
        drop(probe);
        let server = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &address.to_string()])
            .arg("-cert")
            .arg(&identity.certificate)
            .arg("-key")
            .arg(&identity.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url: Url = format!("tls://{address}").parse().unwrap();
        (server, url)
    };
    let mut options = options();
    options.tls.authorities = Some(authority.path());
    let (mut server, mut url) = start();
    let started = Instant::now();
    let mut link = loop {
        match connect(&url, &options) {
            Ok(link) => break link,
            Err(error) if started.elapsed() > BUSY => panic!("{error}"),
            Err(_) => thread::sleep(SECOND / 20),
        }
        // Somebody else was given that port meanwhile.
        if server.try_wait().unwrap().is_some() {
            (server, url) = start();
        }
    };
    thread::sleep(SECOND / 5);
    assert!(!link.has_input().unwrap());
    server
        .stdin
        .as_mut()
        .unwrap()
        .write_all(&frame(4, 8))
        .unwrap();
    let started = Instant::now();
    while !link.has_input().unwrap() {
        assert!(started.elapsed() < BUSY);
        thread::sleep(SECOND / 100);
    }
    assert_eq!(link.recv().unwrap(), Some(&frame(4, 8)[..]));
    server.kill().unwrap();
    server.wait().unwrap();
}
