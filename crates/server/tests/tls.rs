//! TLS: the real program with certificates that the test makes.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use reqwest::{Client, StatusCode, tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::KEY;
use support::process::{PATIENCE, Process, refusal};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate authority, and the files of the server that it signs for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root, folder: tempfile::tempdir().unwrap() }
    }

    /// Returns a certificate for this host and its key, in PEM.
    fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, (certificate, key): &(String, String)) {
        std::fs::write(self.file("server.pem"), certificate).unwrap();
        std::fs::write(self.file("server.key"), key).unwrap();
    }

    /// The settings with the paths of the files.
    fn settings(&self) -> [(String, String); 2] {
        let named = |name: &str, file: &str| (name.to_owned(), self.file(file).display().to_string());
        [named("TLS_CERT_FILE", "server.pem"), named("TLS_KEY_FILE", "server.key")]
    }

    async fn start(&self) -> Process {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Process::start(&settings).await
    }

    async fn refusal(&self) -> String {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (code, said) = refusal(&settings).await;
        assert_eq!(code, Some(78), "{said}");
        said
    }

    fn client(&self, version: tls::Version) -> Client {
        let root = reqwest::Certificate::from_der(&self.root).unwrap();
        let builder = Client::builder().timeout(PATIENCE).tls_certs_only([root]);
        builder.tls_version_min(version).tls_version_max(version).build().unwrap()
    }

    /// Connects and completes the handshake.
    async fn connect(&self, process: &Process) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, process.connect().await);
        timeout(PATIENCE, shaken).await.unwrap().unwrap()
    }
}

/// Sends a request on an open connection and reads the response.
async fn is_answered(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut said = vec![0; 4096];
    let length = timeout(PATIENCE, stream.read(&mut said)).await.unwrap().unwrap();
    assert!(said[..length].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&said[..length]));
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn requests_are_answered_over_both_versions_of_tls() {
    let authority = Authority::new();
    authority.write(&authority.sign(|_| {}));
    let process = authority.start().await;
    assert_eq!(process.log.last().unwrap()["message"], format!("listening on https://{}", process.address));
    for version in [tls::Version::TLS_1_2, tls::Version::TLS_1_3] {
        let url = format!("https://{}/api/sessions", process.address);
        let reply = authority.client(version).get(&url).header("X-API-Key", KEY).send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()["strict-transport-security"], "max-age=31536000");
    }
    process.stop().await;

    let plain = Process::start(&[]).await;
    let reply = Client::new().get(plain.url("/health")).send().await.unwrap();
    assert!(!reply.headers().contains_key("strict-transport-security"), "it would lock clients out");
    plain.stop().await;
}

#[tokio::test]
async fn a_hang_up_signal_reloads_the_certificate_and_a_bad_pair_changes_nothing() {
    let authority = Authority::new();
    authority.write(&authority.sign(|_| {}));
    let mut process = authority.start().await;
    let mut old = authority.connect(&process).await;
    is_answered(&mut old).await;

    let second = authority.sign(|_| {});
    authority.write(&second);
    process.signal("-HUP").await;
    process.until(|line| line["message"].as_str().unwrap().starts_with("TLS certificate read again")).await;
    let new = authority.connect(&process).await;
    assert_ne!(shown(&old), shown(&new));
    is_answered(&mut old).await;

    // The key of another certificate: the previous pair remains in use.
    authority.write(&(authority.sign(|_| {}).0, second.1));
    process.signal("-HUP").await;
    let line = process.until(|line| line["level"] == "ERROR").await;
    assert_eq!(line["context"]["setting"], "TLS_KEY_FILE");
    assert!(line["message"].as_str().unwrap().contains("the old one stays"), "{line}");
    let newest = authority.connect(&process).await;
    assert_eq!(shown(&new), shown(&newest));
    is_answered(&mut old).await;
    process.stop().await;
}

#[tokio::test]
async fn unusable_files_end_it_with_78_and_are_reported_with_the_reason() {
    let authority = Authority::new();
    let said = authority.refusal().await;
    assert!(said.contains("TLS_CERT_FILE") && said.contains("server.pem cannot be read"), "{said}");

    let pair = authority.sign(|_| {});
    let other = authority.sign(|_| {});
    let cases = [
        ((pair.1.clone(), pair.1.clone()), "TLS_CERT_FILE", "holds no certificate"),
        ((String::new(), pair.1.clone()), "TLS_CERT_FILE", "holds no certificate"),
        ((pair.0.clone(), pair.0.clone()), "TLS_KEY_FILE", "holds no private key"),
        ((pair.0.clone(), other.1), "TLS_KEY_FILE", "is not the key of the certificate"),
    ];
    for (files, setting, why) in cases {
        authority.write(&files);
        let said = authority.refusal().await;
        assert!(said.contains(setting) && said.contains(why), "{said}");
        assert!(!said.contains("BEGIN PRIVATE") || why.contains("holds no"), "{said}");
        let secret = pair.1.lines().nth(1).unwrap();
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_served_with_a_warning() {
    let authority = Authority::new();
    let expired = authority.sign(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    });
    authority.write(&expired);
    let process = authority.start().await;
    let warnings = process.lines_of("WARN");
    assert!(warnings.iter().any(|line| line["message"].as_str().unwrap().contains("expired")), "{warnings:?}");
    process.stop().await;

    authority.write(&authority.sign(|_| {}));
    let process = authority.start().await;
    assert!(process.lines_of("WARN").is_empty(), "{:?}", process.log);
    process.stop().await;
}

#[tokio::test]
async fn a_client_without_tls_is_disconnected_and_others_are_served() {
    let authority = Authority::new();
    authority.write(&authority.sign(|_| {}));
    let process = authority.start().await;
    let before = process.sockets();
    let mut silent = process.connect().await;
    let mut plain = process.connect().await;
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // An alert or nothing may be sent; the connection may also be reset.
    let _ = timeout(PATIENCE, plain.read_to_end(&mut said)).await.unwrap();
    assert!(!said.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&said));
    is_answered(&mut authority.connect(&process).await).await;
    // A client that sends nothing is disconnected, too.
    let _ = timeout(PATIENCE, silent.read_to_end(&mut said)).await.unwrap();
    process.frees_all_but(before).await;
    process.stop().await;
}
