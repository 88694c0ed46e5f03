//! The command line and a server with TLS whose certificate is signed by a private authority.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::fs;

use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use support::{Dev, Process, rekindle, text};
use tempfile::TempDir;

/// Creates `ca.pem`, and `server.pem` and `server.key` signed by it.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.path().join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(folder.path().join("server.pem"), server.pem()).unwrap();
    fs::write(folder.path().join("server.key"), key.serialize_pem()).unwrap();
    folder
}

#[test]
fn a_server_with_a_private_authority_is_reached_with_the_ca_option() {
    let files = certificates();
    let file = |name: &str| files.path().join(name).display().to_string();
    let dev = Dev::with(&[("TLS_CERT_FILE", &file("server.pem")), ("TLS_KEY_FILE", &file("server.key"))]);
    let url = dev.url();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");

    let left = dev.call(&["status"]).expect_code(4);
    assert!(left.err().contains("certificate") && left.err().contains("--ca"), "{}", left.err());
    dev.call(&["--ca", &file("ca.pem"), "status"]).expect_code(0);
    let with = |name: &str| Process::start(rekindle(dev.folder()).args(["status"]).env(name, file("ca.pem"))).wait();
    with("REKINDLE_CA_FILE").expect_code(0);
    with("SSL_CERT_FILE").expect_code(0);
    let left = dev.call(&["--ca", &file("server.key"), "status"]).expect_code(78);
    assert!(left.err().contains("holds no certificate") && left.err().contains("--ca"), "{}", left.err());
    let left = dev.call(&["--ca", &file("nothing"), "status"]).expect_code(78);
    assert!(left.err().contains("cannot be read"), "{}", left.err());

    // The same for commands without a key, such as the health check of a container.
    let left = dev.call(&["health"]).expect_code(4);
    assert!(left.err().contains("certificate") && left.err().contains("--ca"), "{}", left.err());
    dev.call(&["--ca", &file("ca.pem"), "health", "--ready"]).expect_code(0);
    dev.call(&["--ca", &file("nothing"), "health"]).expect_code(78);

    // Commands that `run` starts reach the server, too.
    let program = env!("CARGO_BIN_EXE_rekindle");
    let inside = format!("{program} --json session list > listed");
    dev.call(&["--ca", &file("ca.pem"), "run", "--project", "p", "--", "sh", "-c", &inside]).expect_code(0);
    let listed: serde_json::Value = serde_json::from_slice(&fs::read(dev.folder().join("listed")).unwrap()).unwrap();
    assert_eq!(text(&listed["sessions"][0], "status"), "active");
}

#[test]
fn a_second_signal_ends_the_server_with_the_code_of_the_signal() {
    let mut dev = Dev::with(&[("DRAIN_TIMEOUT_MS", "3600000")]);
    // A request that is never finished.
    let address = dev.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        dev.key()
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut go_on = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut go_on).unwrap();
    let process = dev.process.take().unwrap();
    process.signal(Signal::SIGTERM);
    support::pause(std::time::Duration::from_millis(500));
    process.signal(Signal::SIGTERM);
    process.wait().expect_code(143);
}
