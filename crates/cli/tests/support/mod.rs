//! What the tests of the binary share: a folder with a real server on a free port, commands with a time limit, and
//! polling. No wait is longer than [`LIMIT`].

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a failed expectation is the way to report")]
#![expect(dead_code, reason = "each test file is a program of its own and uses a part of this")]

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The time limit of each step, long enough for a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The result of a process that ended.
#[derive(Debug)]
pub(crate) struct Left {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Left {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code(), Some(0), "{}", self.err());
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.out()))
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "stdout: {}\nstderr: {}", self.out(), self.err());
        self
    }
}

/// A process that is killed at the end of the test.
pub(crate) struct Process {
    pub child: Child,
    out: Option<thread::JoinHandle<Vec<u8>>>,
    err: Option<thread::JoinHandle<Vec<u8>>>,
}

fn collect(source: Option<impl Read + Send + 'static>) -> Option<thread::JoinHandle<Vec<u8>>> {
    source.map(|mut source| {
        thread::spawn(move || {
            let mut all = Vec::new();
            source.read_to_end(&mut all).ok();
            all
        })
    })
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        Self { child, out, err }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until it ends.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Left {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "process {} did not end", self.child.id());
            pause(Duration::from_millis(10));
        };
        let all = |reader: Option<thread::JoinHandle<Vec<u8>>>| reader.map_or_else(Vec::new, |it| it.join().unwrap());
        Left { status, stdout: all(self.out.take()), stderr: all(self.err.take()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no runtime to hold up, and looks again until its deadline")]
pub(crate) fn pause(span: Duration) {
    thread::sleep(span);
}

/// Polls until there is a value.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never came true: {what}");
        pause(Duration::from_millis(20));
    }
}

/// Returns a command that runs `rekindle` in a folder, without the variables of the test's own environment.
pub(crate) fn rekindle(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in [
        "REKINDLE_URL",
        "REKINDLE_DATA",
        "REKINDLE_API_KEY",
        "REKINDLE_CA_FILE",
        "SSL_CERT_FILE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "REKINDLE_SESSION_ID",
        "REKINDLE_TASK_ID",
        "HOST",
        "PORT",
        "STORE_URL",
        "MONGODB_URI",
        "API_KEYS",
        "STALL_THRESHOLD_MS",
        "DETECT_INTERVAL_MS",
        "RATE_LIMIT_PER_MINUTE",
        "RATE_LIMIT_HEARTBEATS_PER_MINUTE",
        "MAX_IN_FLIGHT",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "ENVIRONMENT",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs `rekindle` with these arguments and waits until it ends.
#[track_caller]
pub(crate) fn call<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Left {
    Process::start(rekindle(folder).args(args)).wait()
}

/// Returns a port that is free at this moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder with a running `rekindle dev`.
pub(crate) struct Dev {
    pub dir: TempDir,
    pub process: Option<Process>,
    settings: Vec<(&'static str, String)>,
}

impl Dev {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with these settings.
    pub(crate) fn with(settings: &[(&'static str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut dev = Self { dir: tempfile::tempdir().unwrap(), process: None, settings };
        dev.start_again();
        dev
    }

    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join(".rekindle")
    }

    /// Starts the server, and waits until it listens.
    pub(crate) fn start_again(&mut self) {
        let note = self.data().join("server.json");
        fs::remove_file(&note).ok();
        let mut command = rekindle(self.folder());
        command.args(["dev", "--port", "0"]).envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start(&mut command);
        until("dev listens", || {
            if let Some(status) = process.child.try_wait().unwrap() {
                let said = process.err.take().unwrap().join().unwrap();
                panic!("dev ended with {status}: {}", String::from_utf8_lossy(&said));
            }
            note.exists().then_some(())
        });
        self.process = Some(process);
    }

    /// Kills the server with `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }

    /// Stops the server with SIGTERM and returns its result.
    pub(crate) fn stop(&mut self) -> Left {
        let process = self.process.take().unwrap();
        process.signal(Signal::SIGTERM);
        process.wait()
    }

    pub(crate) fn url(&self) -> String {
        let note: Value = serde_json::from_slice(&fs::read(self.data().join("server.json")).unwrap()).unwrap();
        note["url"].as_str().unwrap().to_owned()
    }

    pub(crate) fn key(&self) -> String {
        fs::read_to_string(self.data().join("api-key")).unwrap().trim().to_owned()
    }

    /// Runs `rekindle` in the folder.
    #[track_caller]
    pub(crate) fn call(&self, args: &[&str]) -> Left {
        call(self.folder(), args)
    }

    /// Runs `rekindle` in the folder and parses the JSON that it prints.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        call(self.folder(), [&["--json"], args].concat()).json()
    }

    /// Runs `rekindle` in the folder with these variables.
    #[track_caller]
    pub(crate) fn call_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Left {
        let mut command = rekindle(self.folder());
        command.envs(variables.iter().copied()).args(args);
        Process::start(&mut command).wait()
    }

    /// Starts `rekindle` in the folder.
    pub(crate) fn begin(&self, args: &[&str]) -> Process {
        Process::start(rekindle(self.folder()).args(args))
    }

    /// Waits until the only session of a project has this status, and returns it.
    #[track_caller]
    pub(crate) fn session(&self, project: &str, status: &str) -> Value {
        until(&format!("a session of {project} is {status}"), || {
            let listed = call(self.folder(), ["--json", "session", "list", "--project", project]);
            let list: Value = serde_json::from_slice(&listed.stdout).ok()?;
            let [session] = list["sessions"].as_array()?.as_slice() else { return None };
            (session["status"] == status).then(|| session.clone())
        })
    }

    /// Returns the tasks of a session, oldest first.
    #[track_caller]
    pub(crate) fn tasks(&self, session: &str) -> Vec<Value> {
        let list = self.json(&["task", "list", "--session", session]);
        let mut tasks = list["tasks"].as_array().unwrap().clone();
        tasks.reverse();
        tasks
    }
}

/// Returns a text field of a document.
#[track_caller]
pub(crate) fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_else(|| panic!("no text {field} in {of}")).to_owned()
}

/// Whether the process exists and is no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit(')').next().unwrap().trim_start().starts_with(['Z', 'X']),
        Err(_) => false,
    }
}
