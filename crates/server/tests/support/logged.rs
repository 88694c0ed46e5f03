//! The server as a process of its own, and its log as a stream that can be searched, as in a log service.

use std::fs;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::KEY;

/// The time limit of each step, long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a command with these variables and no others.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
    command.env_clear().envs(variables.iter().copied()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A server process on SQLite in a folder of its own.
pub(crate) struct Process {
    pub folder: TempDir,
    pub url: String,
    child: Child,
    client: Client,
    stderr: Arc<Mutex<String>>,
    log_file: Option<PathBuf>,
}

impl Process {
    /// Starts a server with these additional settings, and waits until it logs its address: on stderr, or in the file
    /// `LOG_FILE`.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        Self::at(tempfile::tempdir().unwrap(), more).await
    }

    /// Starts a server in this folder.
    pub(crate) async fn at(folder: TempDir, more: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = format!("sqlite:{}", folder.path().join("rekindle.db").display());
        let mut variables = vec![("STORE_URL", store.as_str()), ("API_KEYS", KEY), ("PORT", "0")];
        variables.extend_from_slice(more);
        let mut child = program(&variables).spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        tokio::spawn(collect(child.stderr.take().unwrap(), Arc::clone(&stderr)));
        let log_file = more.iter().find(|(name, _)| *name == "LOG_FILE").map(|(_, path)| PathBuf::from(path));
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let mut process = Self { folder, url: String::new(), child, client, stderr, log_file };
        let line = process.until("it listens", |line| line["context"]["url"].is_string()).await;
        process.url = line["context"]["url"].as_str().unwrap().to_owned();
        process
    }

    /// Returns what it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Returns its log so far, without an incomplete last line. Panics if a line is not JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = match &self.log_file {
            Some(file) => fs::read_to_string(file).unwrap_or_default(),
            None => self.stderr(),
        };
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        whole.lines().map(read).collect()
    }

    /// Waits for the first line of the log that fits.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                if let Some(line) = self.log().into_iter().find(&fits) {
                    return line;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let found = timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("never logged: {what}; the log is {}", self.stderr()))
    }

    /// Returns the lines in whose context this field has this value.
    pub(crate) fn lines_with(&self, field: &str, value: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["context"][field] == value).collect()
    }

    /// Returns a request without a key.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Returns a request with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("X-API-Key", KEY)
    }

    /// Sends a signal, such as `-TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let kill = format!("kill {name} {}", self.child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM").await;
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }
}

async fn collect(source: impl AsyncRead + Unpin, into: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut text = into.lock().unwrap();
        text.push_str(&line);
        text.push('\n');
    }
}
