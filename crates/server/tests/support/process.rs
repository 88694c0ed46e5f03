//! A server as a process of its own, on SQLite in a folder of its own: its log, its signals, its end.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::KEY;

/// The time limit of each step, long enough for a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server process that listens.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// Host and port.
    pub address: String,
    /// The log as far as it was read.
    pub log: Vec<Value>,
    pub folder: TempDir,
}

/// Returns a command with these variables and the few that every server needs, and no others.
fn command(folder: &Path, more: &[(&str, &str)]) -> Command {
    let store = format!("sqlite:{}", folder.join("rekindle.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
    command.env_clear().env("STORE_URL", store).env("API_KEYS", KEY).env("PORT", "0");
    command.envs(more.iter().copied()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Starts a server that must refuse to start. Returns its status and its output.
pub(crate) async fn refusal(more: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = timeout(PATIENCE, command(folder.path(), more).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

impl Process {
    /// Starts a server, and waits until it listens.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more).await
    }

    /// Starts a server on the data of this folder.
    pub(crate) async fn start_in(folder: TempDir, more: &[(&str, &str)]) -> Self {
        let mut child = command(folder.path(), more).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut process = Self { child, lines, address: String::new(), log: Vec::new(), folder };
        let line = process.until(|line| line["context"]["address"].is_string()).await;
        process.address = line["context"]["address"].as_str().unwrap().to_owned();
        process
    }

    /// Reads the log up to the first line that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("the log ended: {:?}", self.log));
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            self.log.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    /// Sends a signal, such as `-TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let kill = format!("kill {name} {}", self.child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    }

    /// Waits until the process has ended, and reads the rest of its log.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        while let Ok(Some(line)) = self.lines.next_line().await {
            self.log.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        }
        status
    }

    /// Stops the server in good order and returns the folder with its data.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.signal("-TERM").await;
        assert_eq!(self.end().await.code(), Some(0), "{:?}", self.log);
        self.folder
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the number of open TCP sockets. Other descriptors that a runtime opens on first use are not counted.
    pub(crate) fn sockets(&self) -> usize {
        let process = format!("/proc/{}", self.child.id().unwrap());
        let tcp = std::fs::read_to_string(format!("{process}/net/tcp")).unwrap();
        let of_tcp: Vec<_> = tcp.lines().filter_map(|line| line.split_whitespace().nth(9)).collect();
        let open = std::fs::read_dir(format!("{process}/fd")).unwrap();
        let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        let inode = |target: &str| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
        let sockets = targets.filter_map(|target| inode(&target.to_string_lossy()));
        sockets.filter(|inode| of_tcp.contains(&inode.as_str())).count()
    }

    /// Waits until it has no more sockets open than this.
    pub(crate) async fn frees_all_but(&self, before: usize) {
        let freed = async {
            while self.sockets() > before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let freed = timeout(PATIENCE, freed).await;
        assert!(freed.is_ok(), "{} sockets are open, {before} were before", self.sockets());
    }

    /// Returns the log lines of a level.
    pub(crate) fn lines_of(&self, level: &str) -> Vec<&Value> {
        self.log.iter().filter(|line| line["level"] == level).collect()
    }
}
