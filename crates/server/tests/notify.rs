//! The server under a service manager with readiness notification (systemd's `Type=notify`), with the real program.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a test's way to report")]

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

async fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("the manager hears of it").unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn the_manager_is_notified_of_ready_watchdog_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let store = format!("sqlite:{}", folder.path().join("rekindle.db").display());
    let mut server = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
    server.env_clear().env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "900000");
    server.envs([("STORE_URL", store.as_str()), ("API_KEYS", KEY), ("PORT", "0")]);
    server.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut server = server.spawn().unwrap();

    let ready = heard(&manager).await;
    let address = ready.strip_prefix("READY=1\nSTATUS=Listening on ").expect("the first word says where it listens");
    let mut stream = TcpStream::connect(address).await.expect("who is told that it is ready can ask at once");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for _ in 0..3 {
        assert_eq!(heard(&manager).await, "WATCHDOG=1");
    }

    let kill = format!("kill -TERM {}", server.id().unwrap());
    assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    let stopping = async { while !heard(&manager).await.starts_with("STOPPING=1") {} };
    timeout(PATIENCE, stopping).await.unwrap();
    assert_eq!(timeout(PATIENCE, server.wait()).await.unwrap().unwrap().code(), Some(0));
}
