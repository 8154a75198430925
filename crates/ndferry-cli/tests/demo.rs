//! The demo does what it says, over every transport.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Stdio};

#[test]
fn the_stack_arrives_whole_whatever_carries_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let listen = [
        "tcp://127.0.0.1:0".to_owned(),
        "tls://127.0.0.1:0".to_owned(),
        format!("unix://{}", path("unix")),
        "zmq+tcp://127.0.0.1:0".to_owned(),
        format!("zmq+ipc://{}", path("zmq")),
        #[cfg(target_os = "linux")]
        format!("shm://{}", path("shm")),
    ];
    for url in listen {
        let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
            .args(["demo", "--listen", &url])
            .env_remove("NDFERRY_TOKEN")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (said, told) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{url}: {told}");
        let scheme = url.split("://").next().unwrap();
        assert!(
            said.contains(&format!("listening on {scheme}://")),
            "{said}"
        );
        assert!(
            said.contains("equal: dtype, shape, order and 384,000 bytes"),
            "{said}"
        );
    }
}
