//! `tls://` at the command line: what `recv` says is what `send` needs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const NDFERRY: &str = env!("CARGO_BIN_EXE_ndferry");

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(NDFERRY);
    command.args(line.split_whitespace()).current_dir(folder);
    command.env_remove("NDFERRY_TOKEN");
    command
}

fn run(folder: &Path, line: &str) -> Output {
    command(folder, line).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A receiver, and the lines that it has said so far.
struct Receiver {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Receiver {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn url(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("listening on ").unwrap().to_owned()
    }

    /// What else it says, once it has ended well.
    fn end(mut self) -> String {
        let rest: Vec<String> = self.stderr.lines().map_while(Result::ok).collect();
        assert!(self.child.wait().unwrap().success(), "{rest:#?}");
        rest.join("\n")
    }
}

/// A folder with `a.npy` in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let array = ndferry::Array::from_elements(&[30, 40], &[9_i16; 1200]).unwrap();
    let array = ndferry::LazyArray::from(array);
    let item = ndferry::Item {
        name: "",
        array: &array,
    };
    let path = folder.path().join("a.npy");
    ndferry::save(path, &[item], &ndferry::SaveOptions::default(), &()).unwrap();
    folder
}

fn same(folder: &Path) {
    let diff = run(folder, "diff a.npy there.npy");
    assert_eq!(diff.status.code(), Some(0), "{diff:?}");
}

#[test]
fn the_address_that_recv_says_is_all_that_send_needs() {
    let folder = folder();
    let folder = folder.path();
    let mut receiver = Receiver::start(command(
        folder,
        "recv --listen tls://127.0.0.1:0 -o there.npy",
    ));
    let url = receiver.url();
    assert!(url.starts_with("tls://127.0.0.1:") && url.contains("#sha256="));
    // Whoever has another certificate, or none that can be trusted, is not spoken to.
    let (address, pin) = url.split_once('#').unwrap();
    for (url, says, hint) in [
        (
            format!("{address}#sha256={}", "0".repeat(64)),
            pin,
            "take the address that it says now",
        ),
        (address.to_owned(), pin, "#sha256="),
        (address.replace("tls", "tcp"), "speaks TLS", "tls://"),
    ] {
        let refused = run(folder, &format!("send a.npy {url}"));
        let text = said(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(text.contains(says) && text.contains("hint: "), "{text}");
        assert!(text.contains(hint), "{text}");
    }
    let sent = run(folder, &format!("send a.npy {url}"));
    assert!(sent.status.success(), "{sent:?}");
    receiver.end();
    same(folder);
}

#[test]
fn the_line_that_recv_says_runs_in_a_shell_as_it_is() {
    let folder = folder();
    let folder = folder.path();
    let mut receiver = Receiver::start(command(
        folder,
        "recv --listen tls://127.0.0.1:0 --new-token -o there.npy",
    ));
    receiver.url();
    let line = receiver.line();
    let line = line.strip_prefix("on the other side: ").unwrap();
    assert!(line.starts_with("NDFERRY_TOKEN="), "{line}");
    let line = line
        .replace(" ndferry ", &format!(" {NDFERRY} "))
        .replace("FILE", "a.npy");
    let sent = Command::new("sh")
        .args(["-c", &line])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(sent.status.success(), "{sent:?}");
    receiver.end();
    same(folder);
}

#[test]
fn a_certificate_of_ones_own_is_asked_for_host_and_authority() {
    let folder = folder();
    let folder = folder.path();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let mut receiver = Receiver::start(command(
        folder,
        "recv --listen tls://127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem -o there.npy",
    ));
    let url = receiver.url();
    let (address, _) = url.split_once('#').unwrap();
    let refused = run(folder, &format!("send a.npy {address} --tls-ca ca.pem"));
    assert!(said(&refused).contains("not for this host"), "{refused:?}");
    let named = address.replace("127.0.0.1", "localhost");
    let unknown = run(folder, &format!("send a.npy {named}"));
    assert!(said(&unknown).contains("no authority"), "{unknown:?}");
    let sent = run(folder, &format!("send a.npy {named} --tls-ca ca.pem"));
    assert!(sent.status.success(), "{sent:?}");
    receiver.end();
    same(folder);
}

#[test]
fn options_that_do_not_fit_are_told_before_anybody_waits() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("empty.pem"), "").unwrap();
    for (line, says) in [
        (
            "recv --listen tls://127.0.0.1:0 --tls-cert a.pem",
            "--tls-key",
        ),
        ("recv --tls-cert a.pem --tls-key a.pem", "tls://"),
        (
            "recv --listen tls://127.0.0.1:0 --tls-cert absent.pem --tls-key absent.pem",
            "absent.pem: ",
        ),
        (
            "recv --listen tls://127.0.0.1:0 --tls-cert empty.pem --tls-key empty.pem",
            "empty.pem: no certificate",
        ),
        ("send a.npy tcp://127.0.0.1:1 --tls-ca empty.pem", "tls://"),
        (
            "send a.npy tls://127.0.0.1:1 --tls-ca empty.pem",
            "empty.pem: no certificate",
        ),
        ("send a.npy tls://127.0.0.1:1#sha256=12", "64 hex digits"),
        ("recv --listen tls://0.0.0.0:0", "--new-token"),
    ] {
        let output = run(folder, line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(said(&output).contains(says), "{line}: {}", said(&output));
    }
}

#[test]
fn a_wrong_token_is_told_once_and_the_right_one_is_served() {
    for scheme in ["tcp", "tls"] {
        let folder = folder();
        let folder = folder.path();
        let mut receive = command(
            folder,
            &format!("recv --listen {scheme}://127.0.0.1:0 -o there.npy"),
        );
        receive.env("NDFERRY_TOKEN", "the right one");
        receive.env("NDFERRY_LOG", "warn");
        let mut receiver = Receiver::start(receive);
        let url = receiver.url();
        let send = |token: &str| {
            let mut send = command(folder, &format!("send a.npy {url}"));
            send.env("NDFERRY_TOKEN", token).output().unwrap()
        };
        let refused = send("another one");
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("token"), "{refused:?}");
        assert!(send("the right one").status.success());
        let log = receiver.end();
        assert_eq!(log.matches("refused").count(), 1, "{log}");
        assert!(
            !log.contains("right") && !log.contains("another one"),
            "{log}"
        );
        same(folder);
    }
}
