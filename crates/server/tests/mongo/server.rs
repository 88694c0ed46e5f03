//! The real server as a process on a MongoDB database, and a client that distinguishes an error response from a missing
//! one. Shared with the tests in `three_nodes`.

use std::fmt::Display;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// The time limit of each step, long enough for a slow and loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The API key that every server accepts.
pub(crate) const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

/// The number of lines of a server's log that are kept.
const KEPT: usize = 20_000;

/// Prints a note to the output of the tests, mostly a measured figure.
#[expect(clippy::print_stderr, reason = "figures are for the person who runs the tests")]
pub(crate) fn note(text: impl Display) {
    eprintln!("    {text}");
}

/// Polls until there is a value.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let since = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "never came true: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Returns a command with these variables and no others.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
    command.env_clear().envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    command
}

/// A server process. It is killed when this value is dropped.
pub(crate) struct Server {
    child: Child,
    pub api: Api,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// Starts a server on this database, and waits until it listens.
    pub(crate) async fn start(uri: &str, database: &str, more: &[(&str, &str)]) -> Self {
        let mut variables = vec![
            ("STORE_URL", uri),
            ("MONGODB_DATABASE", database),
            ("API_KEYS", KEY),
            ("PORT", "0"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
        ];
        variables.extend_from_slice(more);
        Self::with(&variables).await
    }

    /// Starts a server with these variables and no others, and waits until it listens.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let mut child = program(variables).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (listens, address) = oneshot::channel();
        let (mut listens, kept) = (Some(listens), Arc::clone(&log));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // The log must be read, or the server would block.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if let Some(address) = line["context"]["address"].as_str()
                    && let Some(listens) = listens.take()
                {
                    drop(listens.send(address.to_owned()));
                }
                let mut kept = kept.lock().unwrap();
                // Lines of single requests are dropped unless something went wrong.
                if kept.len() < KEPT && (line["level"] != "INFO" || line["context"]["endpoint"].is_null()) {
                    kept.push(line);
                }
            }
        });
        let address = timeout(PATIENCE, address).await.ok().and_then(Result::ok);
        let Some(address) = address else {
            drop((child.kill(), child.wait()));
            panic!("the server does not listen: {:?}", log.lock().unwrap());
        };
        Self { child, api: Api::new(&address), log }
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with `kill -9`, and waits until it has ended.
    pub(crate) fn kill(&mut self) {
        // Both fail only if the process has ended.
        drop((self.child.kill(), self.child.wait()));
    }

    /// Returns the kept lines of its log that fit.
    pub(crate) fn said(&self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.log.lock().unwrap().iter().filter(|line| fits(line)).cloned().collect()
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        until("the server is ready", || async {
            let answer = self.api.get("/ready").await?;
            (answer.status == StatusCode::OK).then_some(())
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    /// Host and port.
    pub address: String,
}

/// The response of a server.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Value,
    pub retry_after: Option<String>,
}

impl Answer {
    /// Returns the body, if the response has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl Api {
    fn new(address: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(PATIENCE).build().unwrap();
        Self { http, address: address.to_owned() }
    }

    /// Sends a request. Returns `None` if no response came.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request = self.http.request(method, format!("http://{}{path}", self.address)).header("X-API-Key", KEY);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let retry_after = answer.headers().get("retry-after").and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let bytes = answer.bytes().await.ok()?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Some(Answer { status, body, retry_after })
    }

    pub(crate) async fn get(&self, path: &str) -> Option<Answer> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.ask(Method::POST, path, Some(body)).await
    }
}
