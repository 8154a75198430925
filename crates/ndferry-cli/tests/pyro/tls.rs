//! The same over TLS: who is believed, who is let in, and name servers that are called otherwise than the objects themselves.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{Running, done, stack, started, text};

/// An authority in `NAME.pem`, which signs for `server` and `client`.
fn authority(folder: &Path, name: &str, signed: &[&str]) -> PathBuf {
    let named = |hosts: Vec<String>, name: &str| {
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut params = named(Vec::new(), name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    for name in signed {
        let key = KeyPair::generate().unwrap();
        let params = named(vec!["127.0.0.1".to_owned()], name);
        let certificate = params.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let path = folder.join(format!("{name}.pem"));
    std::fs::write(&path, authority.pem()).unwrap();
    path
}

/// A folder with an array and the files of two authorities.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        authority(folder.path(), "ca", &["server", "client"]);
        authority(folder.path(), "other", &["stranger"]);
        std::fs::write(folder.path().join("run.npy"), stack()).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// `--tls-cert` and `--tls-key`.
    fn certificate(&self, name: &str) -> [String; 4] {
        let (certificate, key) = (self.path(name) + ".pem", self.path(name) + ".key");
        ["--tls-cert".into(), certificate, "--tls-key".into(), key]
    }

    /// Serves the array with these options; what it says until its address has been told.
    fn serve(&self, options: &[String]) -> (Running, String) {
        let source = self.path("run.npy");
        let args = [&["pyro", "serve", &source][..], &of(options)].concat();
        let (running, lines) = started(&args, |line| line.starts_with("PYRO:"));
        let uri = lines.last().unwrap_or_else(|| panic!("{args:?}")).clone();
        assert!(uri.starts_with("PYRO:run@127.0.0.1:"), "{lines:?}");
        (running, uri)
    }
}

fn of(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// Whether the object is called, by who has these options.
fn is_called(uri: &str, options: &[String]) -> bool {
    let out = done(&[&["pyro", "get", uri, "shape"][..], &of(options)].concat());
    let errors = text(&out.stderr);
    match out.status.code() {
        Some(0) => assert_eq!(text(&out.stdout), "(3, 2, 2)\n", "{errors}"),
        Some(2) => assert!(errors.contains("error: "), "{errors}"),
        _ => panic!("{out:?}"),
    }
    out.status.success()
}

#[test]
fn arrays_are_served_and_called_over_tls() {
    let files = Files::new();
    let source = files.path("run.npy");
    let listen = ["pyro", "serve", &source, "--listen", "tls://127.0.0.1:0"];
    let (_running, lines) = started(&listen, |line| line.contains("--tls-pin"));
    let [uri, told] = &lines[..] else {
        panic!("{lines:?}");
    };
    let pin = told.split_once("--tls-pin ").unwrap().1;
    assert!(is_called(uri, &words(["--tls-pin", pin])));
    let plane = files.path("plane.npy");
    let call = ["pyro", "call", uri, "array", "-o", &plane, "--tls-pin", pin];
    let stored = done(&call);
    assert!(stored.status.success(), "{stored:?}");
    assert_eq!(std::fs::read(&plane).unwrap(), stack());

    // Who says nothing of TLS is an error there, whatever is noticed first.
    assert!(!is_called(uri, &words(["--timeout", "5"])));
    let wrong = format!("sha256={}", "0".repeat(64));
    for (options, expected) in [
        (&["--tls-pin", &wrong][..], "another certificate"),
        (&["--tls-ca", &files.path("ca.pem")], "no authority"),
        (
            &["--tls-cert", "a.pem", "--tls-key", "a.key"],
            "--tls-cert is for calls over TLS",
        ),
    ] {
        let failed = done(&[&["pyro", "get", uri, "shape"][..], options].concat());
        assert_eq!(failed.status.code(), Some(2), "{failed:?}");
        assert!(text(&failed.stderr).contains(expected), "{failed:?}");
    }
    let old = ["pyro", "get", "PYROLOC://127.0.0.1:9/x", "y"];
    let old = done(&[&old[..], &["--tls-pin", pin]].concat());
    assert!(text(&old.stderr).contains("Pyro 3 is not called over TLS"));
    for option in ["--tls-client-ca", "--tls-cert"] {
        let mut plain = vec!["pyro", "serve", &source, option, "a.pem"];
        if option == "--tls-cert" {
            plain.extend(["--tls-key", "a.key"]);
        }
        let plain = done(&plain);
        assert_eq!(plain.status.code(), Some(2), "{plain:?}");
        let told = format!("{option} is for listening at addresses that begin with tls://");
        assert!(text(&plain.stderr).contains(&told), "{plain:?}");
    }
}

#[test]
fn who_shows_no_certificate_of_the_authority_is_not_let_in() {
    let files = Files::new();
    let listen = words(["--listen", "tls://127.0.0.1:0", "--tls-client-ca"]);
    let (ca, server) = (files.path("ca.pem"), files.certificate("server"));
    let (_running, uri) = files.serve(&[&listen[..], std::slice::from_ref(&ca), &server].concat());
    let believes = words(["--tls-ca", &ca]);
    assert!(!is_called(&uri, &believes));
    let with = |name: &str| [&believes[..], &files.certificate(name)].concat();
    assert!(!is_called(&uri, &with("stranger")));
    assert!(is_called(&uri, &with("client")));

    // And one that has arrays pushed.
    let to = files.path("frame.npy");
    let options = [&listen[..], std::slice::from_ref(&ca), &server].concat();
    let receive = [&["pyro", "receive", "-o", &to][..], &of(&options)].concat();
    let (mut receiver, lines) = started(&receive, |line| line.starts_with("PYRO:"));
    let source = format!("@{}", files.path("run.npy"));
    let push = ["pyro", "call", &lines[0], "receiveData", &source];
    let refused = done(&[&push[..], &of(&believes)].concat());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let taken = done(&[&push[..], &of(&with("client"))].concat());
    assert!(taken.status.success(), "{taken:?}");
    assert!(receiver.0.wait().unwrap().success());
    assert_eq!(std::fs::read(&to).unwrap(), stack());
}

/// Starts a name server; where it is.
fn name_server(scheme: &str, options: &[String]) -> (Running, String) {
    let listen = format!("{scheme}://127.0.0.1:0");
    let args = [
        &["pyro", "nameserver", "--listen", &listen][..],
        &of(options),
    ]
    .concat();
    let (running, lines) = started(&args, |line| line.starts_with("PYRO:"));
    let place = lines.last().unwrap().split_once('@').unwrap().1.to_owned();
    (running, place)
}

/// What a name server knows, asked with these options.
fn names(place: &str, options: &[String]) -> String {
    let out = done(&[&["pyro", "list", place][..], &of(options)].concat());
    assert!(out.status.success(), "{out:?}");
    text(&out.stdout).to_owned()
}

#[test]
fn names_are_registered_where_the_server_encrypts_and_the_object_does_not_and_the_other_way() {
    let files = Files::new();
    let (ca, server) = (files.path("ca.pem"), files.certificate("server"));
    let believes = words(["--tls-ca", &ca]);
    let as_client = [&believes[..], &files.certificate("client")].concat();

    let options = [&words(["--tls-client-ca", &ca])[..], &server].concat();
    let (_names, place) = name_server("tls", &options);
    let register = words(["--register", &place]);
    // Nothing is served that could not be registered.
    for wrong in [
        &[][..],
        &words(["--timeout", "5"]),
        &believes,
        &words(["--tls-pin", &"0".repeat(64)]),
    ] {
        let source = files.path("run.npy");
        let refused = [&["pyro", "serve", &source][..], &of(&register), &of(wrong)].concat();
        let refused = done(&refused);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?} {refused:?}");
    }
    let (_plain, uri) = files.serve(&[&register[..], &as_client].concat());
    assert!(is_called(&uri, &[]));
    let known = names(&place, &as_client);
    assert!(known.ends_with(&format!("run  {uri}\n")), "{known}");

    let (_names, place) = name_server("tcp", &[]);
    let listen = words(["--listen", "tls://127.0.0.1:0", "--register", &place]);
    let (_encrypted, uri) = files.serve(&[&listen[..], &server].concat());
    assert!(is_called(&uri, &believes));
    let known = names(&place, &[]);
    assert!(known.ends_with(&format!("run  {uri}\n")), "{known}");
}

#[test]
fn a_key_signs_what_is_said_to_a_name_server_too() {
    let files = Files::new();
    for (name, key) in [("a.key", "secret"), ("b.key", "another")] {
        std::fs::write(files.path(name), key).unwrap();
    }
    let signed = |name: &str| words(["--key-file", &files.path(name)]);
    let (_names, place) = name_server("tcp", &signed("a.key"));
    let register = words(["--register", &place]);
    for wrong in [&[][..], &signed("b.key")] {
        let source = files.path("run.npy");
        let refused = [&["pyro", "serve", &source][..], &of(&register), &of(wrong)].concat();
        assert_eq!(done(&refused).status.code(), Some(2), "{wrong:?}");
    }
    let (_running, uri) = files.serve(&[&register[..], &signed("a.key")].concat());
    assert!(!is_called(&uri, &[]));
    let name = format!("PYRONAME:run@{place}");
    assert!(is_called(&name, &signed("a.key")));
}
