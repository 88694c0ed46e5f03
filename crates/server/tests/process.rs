//! The server as a process: how it refuses to start, what it logs, and how it stops.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a test's way to report")]

mod support;

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use support::KEY;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Returns a command with these variables and no others.
fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
    command.env_clear().envs(variables.iter().copied()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the program until it ends. Returns its status and its output.
async fn outcome(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = timeout(PATIENCE, program(variables).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A server process.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    address: String,
    log: Vec<Value>,
    _folder: TempDir,
}

impl Process {
    async fn start(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("rekindle.db").display());
        let mut variables = vec![("STORE_URL", store.as_str()), ("API_KEYS", KEY), ("PORT", "0")];
        variables.extend_from_slice(more);
        let mut child = program(&variables).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut process = Self { child, lines, address: String::new(), log: Vec::new(), _folder: folder };
        let line = process.until(|line| line["context"]["address"].is_string()).await;
        process.address = line["context"]["address"].as_str().unwrap().to_owned();
        assert_eq!(line["message"], format!("listening on http://{}", process.address));
        process
    }

    /// Reads the log up to the first line that fits.
    async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().expect("the log goes on");
            let line: Value = serde_json::from_str(&line).expect("a line of JSON");
            self.log.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    async fn signal(&self, name: &str) {
        let kill = format!("kill {name} {}", self.child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    }

    async fn end(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(PATIENCE).build().unwrap()
}

/// Test-1.2.d, Test-1.3.f: every fault at once, no valid setting, no secret.
#[tokio::test]
async fn invalid_settings_end_it_with_78() {
    let (code, said) = outcome(&[]).await;
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("ConfigurationError") && said.contains("STORE_URL") && said.contains("API_KEYS"), "{said}");
    let (code, said) = outcome(&[("STORE_URL", "sqlite::memory:"), ("API_KEYS", ""), ("PORT", "70000")]).await;
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("API_KEYS") && said.contains("PORT") && !said.contains("STORE_URL"), "{said}");
    let secret = "mongodb://admin:hunter2@db.example.org/";
    let both = [("STORE_URL", "sqlite::memory:"), ("MONGODB_URI", secret), ("API_KEYS", KEY)];
    let (code, said) = outcome(&both).await;
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("MONGODB_URI") && !said.contains("hunter2") && !said.contains(KEY), "{said}");
}

#[tokio::test]
async fn an_unusable_store_ends_it_with_78() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes, and no database, and they are longer than a header would be").unwrap();
    for path in [file.clone(), folder.path().to_path_buf(), folder.path().join("none/rekindle.db")] {
        let url = format!("sqlite:{}", path.display());
        let (code, said) = outcome(&[("STORE_URL", &url), ("API_KEYS", KEY), ("PORT", "0")]).await;
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains("STORE_URL") && said.contains(&folder.path().display().to_string()), "{said}");
    }
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("these are notes"));
}

#[tokio::test]
async fn a_port_in_use_is_no_configuration_error() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let (code, said) = outcome(&[("STORE_URL", "sqlite::memory:"), ("API_KEYS", KEY), ("PORT", &port)]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&port) && said.contains("in use"), "{said}");
}

#[tokio::test]
async fn it_stops_at_once_although_a_connection_is_kept_open() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start(&[("DRAIN_TIMEOUT_MS", "15000")]).await;
        let client = client();
        let reply = client.get(process.url("/health")).send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        reply.bytes().await.unwrap();
        // The client keeps its connection, and another connection never has a request.
        let idle = process.connect().await;
        let began = Instant::now();
        process.signal(signal).await;
        assert_eq!(process.end().await.code(), Some(0));
        println!("stopped {} ms after {signal}", began.elapsed().as_millis());
        assert!(began.elapsed() < Duration::from_secs(10), "it did not wait for those who ask nothing");
        drop(idle);
        while let Ok(Some(line)) = process.lines.next_line().await {
            process.log.push(serde_json::from_str(&line).unwrap());
        }
        assert!(process.log.iter().all(|line| line["level"] != "ERROR"), "{:?}", process.log);
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered() {
    let mut process = Process::start(&[]).await;
    let body = json!({ "project_id": "p", "machine_id": "m" }).to_string();
    let (first, second) = body.split_at(10);
    let mut stream = process.connect().await;
    let head = format!(
        "POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A later request on another connection was answered, so the server has received this one.
    client().get(process.url("/health")).send().await.unwrap().bytes().await.unwrap();
    process.signal("-TERM").await;
    process.until(|line| line["message"] == "Shutting down").await;
    let ready = client().get(process.url("/ready")).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE, "as long as it works it says so");
    stream.write_all(second.as_bytes()).await.unwrap();
    let mut reply = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_in_time() {
    let mut process = Process::start(&[("DRAIN_TIMEOUT_MS", "300")]).await;
    let mut stream = process.connect().await;
    let head = format!("POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 10\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.unwrap();
    client().get(process.url("/health")).send().await.unwrap().bytes().await.unwrap();
    process.signal("-TERM").await;
    assert_eq!(process.end().await.code(), Some(0));
}

#[tokio::test]
async fn readiness_says_that_it_is_draining() {
    let server = support::TestServer::start().await;
    server.tracker.detect().await.unwrap();
    let mut server = server;
    let running = server.take();
    running.state().admission.drain();
    let reply = server.get("/ready").await;
    reply.error(StatusCode::SERVICE_UNAVAILABLE, "draining");
    assert_eq!(reply.header("retry-after"), Some("1"));
    server.get("/health").await.expect(StatusCode::OK);
    running.stop().await;
    assert!(client().get(format!("{}/health", server.url)).send().await.is_err(), "nobody listens any more");
}

/// Test-1.3.e, Test-5.1.a, b, d: what the log has, and what it does not have.
#[tokio::test]
async fn the_log_has_sessions_and_refused_keys() {
    let settings = [("LOG_LEVEL", "debug"), ("STALL_THRESHOLD_MS", "400"), ("DETECT_INTERVAL_MS", "50")];
    let mut process = Process::start(&settings).await;
    let client = client();
    let address = process.address.clone();
    let url = |path: &str| format!("http://{address}{path}");
    let send = |path: &str, body: Value| client.post(url(path)).header("X-API-Key", KEY).json(&body).send();
    let metadata = json!({ "password": "hunter2" });
    let body = json!({ "project_id": "p", "machine_id": "m", "metadata": metadata });
    let reply = send("/api/sessions", body).await.unwrap();
    let id = reply.headers()["x-request-id"].to_str().unwrap().to_owned();
    let session = reply.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned();
    send(&format!("/api/sessions/{session}/heartbeat"), json!({})).await.unwrap();
    let wrong = client.get(process.url("/api/sessions")).header("X-API-Key", "abcdefgh-secret");
    assert_eq!(wrong.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let line = process.until(|line| line["message"] == "Session created").await;
    let context = &line["context"];
    assert_eq!(line["level"], "INFO");
    assert_eq!(context["request_id"], id);
    assert_eq!(context["session_id"], session);
    assert_eq!((&context["project_id"], &context["machine_id"]), (&json!("p"), &json!("m")));
    assert_eq!((&context["endpoint"], &context["method"]), (&json!("/api/sessions"), &json!("POST")));
    assert_eq!(context["status"], 201);
    assert!(context["duration_ms"].is_number());

    let line = process.until(|line| line["message"] == "Heartbeat received").await;
    assert_eq!((&line["level"], &line["context"]["session_id"]), (&json!("DEBUG"), &json!(session)));
    assert_eq!(line["context"]["endpoint"], "/api/sessions/{id}/heartbeat");

    let line = process.until(|line| line["level"] == "WARN" && line["context"]["ip"].is_string()).await;
    assert_eq!((&line["context"]["ip"], &line["context"]["api_key"]), (&json!("127.0.0.1"), &json!("abcd…")));
    assert_eq!(line["context"]["code"], "api_key_malformed");
    assert!(line["timestamp"].is_string());

    let line = process.until(|line| line["message"] == "Stalled session detected").await;
    assert_eq!((&line["level"], &line["context"]["session_id"]), (&json!("WARN"), &json!(session)));
    assert!(line["context"]["time_since_heartbeat_ms"].as_u64().unwrap() > 400);
    let line = process.until(|line| line["context"]["job_name"] == "detector" && line["level"] == "INFO").await;
    assert_eq!(line["context"]["sessions_affected"], 1);

    let recover = json!({ "new_machine_id": "n" });
    let reply = send(&format!("/api/sessions/{session}/recover"), recover).await.unwrap();
    let successor = reply.json::<Value>().await.unwrap()["session_id"].clone();
    let line = process.until(|line| line["message"] == "Recovery session created").await;
    assert_eq!(line["context"]["original_session_id"], session);
    assert_eq!(line["context"]["new_session_id"], successor);

    process.signal("-TERM").await;
    assert_eq!(process.end().await.code(), Some(0));
    let whole = serde_json::to_string(&process.log).unwrap();
    for secret in [KEY, "abcdefgh", "hunter2"] {
        assert!(!whole.contains(secret), "{secret}");
    }
}
