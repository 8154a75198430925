//! Pyro's `SSL`, both ways, with certificates of an authority made here.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndferry_array::Array;
use ndferry_io::{Error, Interrupt, TlsProblem};
use ndferry_pyro::{
    Answer, Daemon, DaemonOptions, ErrorKind, Proxy, ProxyOptions, Serializer, TlsIdentity, Url,
    Value,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::{Ends, Peer, Row, Running, Thing, peers, same, script, started};

/// Files of an authority, and of two that it has signed.
struct Secrets {
    folder: tempfile::TempDir,
}

impl Secrets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let secrets = Self { folder };
        std::fs::write(secrets.path("ca.pem"), authority.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let mut params = CertificateParams::new(hosts).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let signed = params.signed_by(&key, &authority).unwrap();
            std::fs::write(secrets.path(&format!("{name}.pem")), signed.pem()).unwrap();
            std::fs::write(secrets.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        secrets
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn identity(&self, name: &str) -> TlsIdentity {
        TlsIdentity {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }

    /// Pyro's configuration, in its environment.
    fn environment(&self, items: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = vec![("PYRO_SSL".to_owned(), "1".to_owned())];
        for (item, value) in items {
            let is_file = value.contains('.');
            let value = match is_file {
                true => self.path(value).display().to_string(),
                false => (*value).to_owned(),
            };
            all.push((format!("PYRO_SSL_{item}"), value));
        }
        all
    }
}

/// Pyro4 has it since 4.61.
fn has_tls(peer: &Peer) -> bool {
    !peer.is_jython && !peer.told().contains("Pyro4 4.3")
}

fn serializer(peer: &Peer) -> Serializer {
    match peer.name() {
        "pyro4" => Serializer::Pickle,
        _ => Serializer::Msgpack,
    }
}

#[test]
fn their_daemons_are_called_over_tls_by_those_who_believe_them() {
    let secrets = Secrets::new();
    for peer in peers().iter().filter(|peer| has_tls(peer)) {
        for is_mutual in [false, true] {
            let mut items = vec![("SERVERCERT", "server.pem"), ("SERVERKEY", "server.key")];
            if is_mutual {
                items.extend([("CACERTS", "ca.pem"), ("REQUIRECLIENTCERT", "1")]);
            }
            let mut command = Command::new(&peer.python);
            command.args([&script("daemon"), peer.name(), serializer(peer).name()]);
            command.envs(secrets.environment(&items));
            let (_running, uri): (Running, _) = started(command);
            let mut options = ProxyOptions::default();
            options.serializer = Some(serializer(peer));
            options.tls = true;
            options.exchange.tls.authorities = Some(secrets.path("ca.pem"));
            if is_mutual {
                // Whoever shows nothing is let go; in TLS 1.3 that is told after the hand-shake.
                let refused = Proxy::connect(&uri, &options).unwrap_err();
                assert!(matches!(refused.kind, ErrorKind::Io(_)), "{refused}");
                options.exchange.tls.identity = Some(secrets.identity("client"));
            }
            let mut thing = Proxy::connect(&uri, &options).unwrap();
            assert_eq!(thing.dialect(), peer.dialect);
            exchange(&mut thing);
            println!(
                "we call {} over TLS, client's certificate {is_mutual}",
                peer.told()
            );
            if is_mutual {
                continue;
            }
            // Others believe nobody but Mozilla's authorities, or somebody else.
            let wrongs: [fn(&mut ProxyOptions); 2] = [
                |options| options.exchange.tls.authorities = None,
                |options| options.exchange.tls.pin = Some("00".repeat(32).parse().unwrap()),
            ];
            for (number, wrong) in wrongs.iter().enumerate() {
                let mut options = options.clone();
                wrong(&mut options);
                let error = Proxy::connect(&uri, &options).unwrap_err();
                let is_told = matches!(
                    error.kind,
                    ErrorKind::Io(Error::Tls(
                        TlsProblem::Authority { .. } | TlsProblem::Pin { .. }
                    ))
                );
                assert!(is_told, "{number}: {error}");
            }
            // Nor do those who do not encrypt hang.
            options.tls = false;
            options.exchange.timeout = Duration::from_secs(2);
            let started = Instant::now();
            assert!(Proxy::connect(&uri, &options).is_err());
            assert!(started.elapsed() < Duration::from_secs(30));
        }
    }
}

fn exchange(thing: &mut Proxy) {
    let large: Vec<u16> = (0..1 << 20).map(|i| (i * 7) as u16).collect();
    let large = Array::from_elements(&[1 << 20], &large).unwrap();
    for _ in 0..3 {
        let back = thing.call("echo", vec![large.clone().into()]).unwrap();
        let back = back.to_array().unwrap().unwrap();
        assert!(same(&back.into(), &large.clone().into()));
        assert!(same(&thing.call("add", vec![1.into()]).unwrap(), &3.into()));
    }
    let Answer::Items(id) = thing.invoke("count", vec![3.into()], Vec::new()).unwrap() else {
        panic!("no iterator");
    };
    for i in 0..3 {
        assert!(same(&thing.next_item(&id).unwrap().unwrap(), &i.into()));
    }
    assert!(thing.next_item(&id).unwrap().is_none());
    thing.ping().unwrap();
}

/// Our daemon over TLS, while the work lasts; it may want certificates of its clients.
fn with_tls_daemon(
    secrets: &Secrets,
    is_mutual: bool,
    work: impl FnOnce(&ndferry_pyro::Uri, &Url),
) {
    let interrupt = Interrupt::new();
    let mut options = DaemonOptions::default();
    options.exchange.tls.client_authorities = is_mutual.then(|| secrets.path("ca.pem"));
    options.exchange.tls.identity = Some(secrets.identity("server"));
    options.exchange.interrupt = interrupt.clone();
    let mut daemon = Daemon::bind(&"tls://127.0.0.1:0".parse().unwrap(), options).unwrap();
    let uri = daemon.register("thing", Arc::new(Thing::default()));
    let url = daemon.url().clone();
    std::thread::scope(|scope| {
        let _ends = Ends(interrupt);
        scope.spawn(move || daemon.serve());
        work(&uri, &url);
    });
}

#[test]
fn their_clients_call_our_daemon_over_tls() {
    let secrets = Secrets::new();
    let peers = peers();
    let peers = peers.iter().filter(|peer| has_tls(peer));
    for (peer, is_mutual) in peers.flat_map(|peer| [(peer, false), (peer, true)]) {
        with_tls_daemon(&secrets, is_mutual, |uri, _| {
            // Python 2 knows certificates of names alone.
            let uri = uri.to_string().replace("127.0.0.1", "localhost");
            let call = |items: &[(&str, &str)]| -> Output {
                Command::new(&peer.python)
                    .args([&script("client"), peer.name(), serializer(peer).name()])
                    .arg(&uri)
                    .envs(secrets.environment(items))
                    .output()
                    .unwrap()
            };
            let mut items = vec![("CACERTS", "ca.pem")];
            if is_mutual {
                assert!(!call(&items).status.success(), "{}", peer.told());
                items.extend([("CLIENTCERT", "client.pem"), ("CLIENTKEY", "client.key")]);
            }
            let out = call(&items);
            let errors = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{}: {errors}", peer.told());
            let row = Row::parse(String::from_utf8_lossy(&out.stdout).trim());
            println!(
                "{} calls us over TLS, client's certificate {is_mutual}: {} checks",
                peer.told(),
                row.count()
            );
            // Who does not believe us does not talk to us.
            assert!(is_mutual || !call(&[]).status.success());
        });
    }
}

#[test]
fn our_clients_call_our_daemon_over_tls_by_its_pin() {
    let secrets = Secrets::new();
    with_tls_daemon(&secrets, false, |uri, url| {
        let Url::Tls { pin: Some(pin), .. } = url else {
            panic!("{url}");
        };
        for serializer in [Serializer::Pickle, Serializer::Serpent, Serializer::Msgpack] {
            let mut options = ProxyOptions::default();
            options.serializer = Some(serializer);
            options.tls = true;
            options.exchange.tls.pin = Some(*pin);
            let mut thing = Proxy::connect(uri, &options).unwrap();
            exchange(&mut thing);
            let nothing = thing.call("echo", vec![Value::None]).unwrap();
            assert!(matches!(nothing, Value::None));
        }
    });
}
