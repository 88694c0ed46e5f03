//! One `mongod`: its process, its port, its folder.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;

use crate::fetch::last_lines;
use crate::options::{Options, SET};
use crate::pause::pause;
use crate::process;

/// The longest that a start may take, with the recovery after a kill, on a slow and loaded machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// The number of ports that are tried.
const ATTEMPTS: u32 = 8;

/// What mongod logs before it exits because its port is in use.
const CANNOT_LISTEN: &str = "Address already in use";

/// The port and process of a node, for its proxy; zero before it is started. The process is known here as soon as it
/// exists.
#[derive(Debug, Default)]
pub(crate) struct NodeEndpoint {
    pub(crate) port: AtomicU16,
    pub(crate) pid: AtomicU32,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) port: u16,
    pub(crate) paused: bool,
    child: Option<Child>,
    folder: PathBuf,
    endpoint: Arc<NodeEndpoint>,
}

enum Launch {
    Ready(Child),
    PortTaken,
}

impl Node {
    /// Starts a node on a free port, with its data in a new folder.
    pub(crate) fn start(options: &Options, folder: PathBuf, endpoint: Arc<NodeEndpoint>) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            if let Launch::Ready(child) = launch(options, &folder, port, &endpoint)? {
                return Ok(Self { port, paused: false, child: Some(child), folder, endpoint });
            }
        }
        bail!("each of {ATTEMPTS} ports that were free was taken a moment later");
    }

    /// Starts it again with its data, on its port.
    pub(crate) fn restart(&mut self, options: &Options) -> Result<()> {
        self.kill();
        let since = Instant::now();
        loop {
            if let Launch::Ready(child) = launch(options, &self.folder, self.port, &self.endpoint)? {
                self.child = Some(child);
                return Ok(());
            }
            ensure!(since.elapsed() < TIMEOUT, "port {} was taken by another program", self.port);
            pause(Duration::from_millis(200));
        }
    }

    /// Returns the id of its process, while that runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it can reply: it was not killed, shut down or paused.
    pub(crate) fn is_up(&self) -> bool {
        self.child.is_some() && !self.paused
    }

    /// Kills it (SIGKILL) and waits until it has ended. Does nothing if it has ended already.
    pub(crate) fn kill(&mut self) {
        self.paused = false;
        if let Some(mut child) = self.child.take() {
            // Both fail only for a process that has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Shuts it down in good order (SIGTERM) and waits until it has ended.
    pub(crate) fn shut_down(&mut self) -> Result<()> {
        ensure!(!self.paused, "a paused node cannot shut down");
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::signal(child.id(), Signal::SIGTERM)?;
        let since = Instant::now();
        while child.try_wait()?.is_none() {
            if since.elapsed() > TIMEOUT {
                self.child = Some(child);
                bail!("it does not shut down within {TIMEOUT:?}: {}", self.log_tail());
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Sends SIGSTOP or SIGCONT.
    pub(crate) fn pause(&mut self, paused: bool) -> Result<()> {
        let pid = self.pid().context("it is not running")?;
        process::signal(pid, if paused { Signal::SIGSTOP } else { Signal::SIGCONT })?;
        self.paused = paused;
        Ok(())
    }

    /// Releases the process: it does not end with this value.
    pub(crate) fn detach(&mut self) {
        self.child = None;
    }

    /// Returns the last lines of its output and log.
    pub(crate) fn log_tail(&self) -> String {
        log_tail(&self.folder)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a port on which no process listens, below the range for outgoing connections: a port in that range could be
/// taken before mongod listens.
fn free_port() -> Result<u16> {
    for _ in 0..1000 {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port among 1000 between 20000 and 32000");
}

fn launch(options: &Options, folder: &Path, port: u16, endpoint: &NodeEndpoint) -> Result<Launch> {
    let (log, output) = (folder.join("mongod.log"), folder.join("mongod.out"));
    let log_start = fs::metadata(&log).map_or(0, |about| about.len());
    let command = command(options, folder, port, &log, &output)?;
    let started = if options.detached { process::start_detached(command) } else { process::start_bound(command) };
    let mut child = started.with_context(|| format!("cannot start {}", options.binary.display()))?;
    endpoint.port.store(port, Ordering::Relaxed);
    endpoint.pid.store(child.id(), Ordering::Relaxed);
    let outcome = wait(&mut child, folder, &log, log_start);
    if !matches!(outcome, Ok(true)) {
        // Both fail only for a process that has ended.
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(if outcome? { Launch::Ready(child) } else { Launch::PortTaken })
}

fn command(options: &Options, folder: &Path, port: u16, log: &Path, output: &Path) -> Result<Command> {
    let mut command = Command::new(&options.binary);
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port"]).arg(port.to_string());
    command.arg("--dbpath").arg(folder).arg("--logpath").arg(log).arg("--logappend");
    command.arg("--wiredTigerCacheSizeGB").arg(options.cache_gb.to_string());
    // These statistics are written every second, and are not used here.
    command.args(["--setParameter", "diagnosticDataCollectionEnabled=false"]);
    if options.is_set() {
        command.args(["--replSet", SET]);
    }
    if options.user.is_some() {
        if options.is_set() {
            command.arg("--keyFile").arg(key_file(folder)?);
        } else {
            command.arg("--auth");
        }
    }
    if options.fast_ttl {
        command.args(["--setParameter", "ttlMonitorSleepSecs=1"]);
    }
    if options.failpoints {
        command.args(["--setParameter", "enableTestCommands=1"]);
    }
    command.args(&options.arguments);
    let output = File::create(output)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Ok(command)
}

/// Returns the key file of the members, which lies beside their folders; on loopback its value does not matter.
fn key_file(folder: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.parent().context("a folder without a parent")?.join("key");
    if !path.exists() {
        fs::write(&path, "cmVraW5kbGUtdGVzdHM=\n")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(path)
}

/// Waits until it accepts connections. Returns `false` if another program has its port, which the log shows: that
/// program would accept connections, too.
fn wait(child: &mut Child, folder: &Path, log: &Path, log_start: u64) -> Result<bool> {
    let since = Instant::now();
    loop {
        let ended = child.try_wait()?;
        let new_lines = read_from(log, log_start);
        if let Some(status) = ended {
            if new_lines.contains(CANNOT_LISTEN) {
                return Ok(false);
            }
            bail!("mongod ended with {status}: {}", log_tail(folder));
        }
        if new_lines.contains("\"Waiting for connections\"") {
            return Ok(true);
        }
        ensure!(since.elapsed() < TIMEOUT, "mongod takes no connections after {TIMEOUT:?}: {}", log_tail(folder));
        pause(Duration::from_millis(20));
    }
}

/// Returns what a file holds after a position; nothing if it cannot be read.
fn read_from(file: &Path, position: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(file)?;
        file.seek(SeekFrom::Start(position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Returns the last lines of the output of a mongod, which has rejected arguments, and of its log.
fn log_tail(folder: &Path) -> String {
    let (output, log) = (read_from(&folder.join("mongod.out"), 0), read_from(&folder.join("mongod.log"), 0));
    format!("{}\n{}", last_lines(&output, 5), last_lines(&log, 10))
}

#[cfg(test)]
mod tests;
