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
use crate::{pause, process};

/// The longest that a start may take, with the recovery of what a kill left, on a slow and loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often another port is tried.
const TRIES: u32 = 8;

/// What mongod exits with when it cannot listen, and says so.
const CANNOT_LISTEN: &str = "Address already in use";

/// Where a node is, for its proxy; zeros mean nowhere. Its process is known here from its first moment on.
#[derive(Debug, Default)]
pub(crate) struct NodeEndpoint {
    pub port: AtomicU16,
    pub pid: AtomicU32,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub port: u16,
    pub paused: bool,
    child: Option<Child>,
    folder: PathBuf,
    seat: Arc<NodeEndpoint>,
}

enum Outcome {
    Ready(Child),
    PortTaken,
}

impl Node {
    /// Starts one on a free port, with its data in a new folder.
    pub fn start(options: &Options, folder: PathBuf, seat: Arc<NodeEndpoint>) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for _ in 0..TRIES {
            let port = free_port()?;
            if let Outcome::Ready(child) = launch(options, &folder, port, &seat)? {
                return Ok(Self { port, paused: false, child: Some(child), folder, seat });
            }
        }
        bail!("each of {TRIES} ports that were free was taken a moment later");
    }

    /// Starts it again with its data, on its port.
    pub fn restart(&mut self, options: &Options) -> Result<()> {
        self.kill();
        let since = Instant::now();
        loop {
            if let Outcome::Ready(child) = launch(options, &self.folder, self.port, &self.seat)? {
                self.child = Some(child);
                return Ok(());
            }
            ensure!(since.elapsed() < PATIENCE, "port {} was taken by another program", self.port);
            pause(Duration::from_millis(200));
        }
    }

    /// The number of its process, while that lives.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it can answer, as far as we ourselves have seen to it.
    pub fn is_up(&self) -> bool {
        self.child.is_some() && !self.paused
    }

    /// SIGKILL, and the end is waited for. Does nothing to one that is dead.
    pub fn kill(&mut self) {
        self.paused = false;
        if let Some(mut child) = self.child.take() {
            // Both fail only for a process that has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM: it shuts down in order, which is waited for.
    pub fn shut_down(&mut self) -> Result<()> {
        ensure!(!self.paused, "a paused node cannot shut down");
        let Some(mut child) = self.child.take() else { return Ok(()) };
        process::signal(child.id(), Signal::SIGTERM)?;
        let since = Instant::now();
        while child.try_wait()?.is_none() {
            if since.elapsed() > PATIENCE {
                self.child = Some(child);
                bail!("it does not shut down within {PATIENCE:?}: {}", self.tail());
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }

    /// SIGSTOP, or SIGCONT.
    pub fn pause(&mut self, paused: bool) -> Result<()> {
        let pid = self.pid().context("it is not running")?;
        process::signal(pid, if paused { Signal::SIGSTOP } else { Signal::SIGCONT })?;
        self.paused = paused;
        Ok(())
    }

    /// Lets go of the process: it is not ended with this value.
    pub fn let_go(&mut self) {
        self.child = None;
    }

    /// The last that it wrote into its log.
    pub fn tail(&self) -> String {
        tail(&self.folder)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on. From below those that systems hand out to outgoing connections, which would come and
/// go between our look and mongod's.
fn free_port() -> Result<u16> {
    for _ in 0..1000 {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port among 1000 between 20000 and 32000");
}

fn launch(options: &Options, folder: &Path, port: u16, seat: &NodeEndpoint) -> Result<Outcome> {
    let (log, said) = (folder.join("mongod.log"), folder.join("mongod.out"));
    let before = fs::metadata(&log).map_or(0, |about| about.len());
    let command = command(options, folder, port, &log, &said)?;
    let started = if options.detached { process::start_detached(command) } else { process::start_bound(command) };
    let mut child = started.with_context(|| format!("cannot start {}", options.binary.display()))?;
    seat.port.store(port, Ordering::Relaxed);
    seat.pid.store(child.id(), Ordering::Relaxed);
    let outcome = wait(&mut child, folder, &log, before);
    if !matches!(outcome, Ok(true)) {
        // Both fail only for a process that has ended.
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(if outcome? { Outcome::Ready(child) } else { Outcome::PortTaken })
}

fn command(options: &Options, folder: &Path, port: u16, log: &Path, said: &Path) -> Result<Command> {
    let mut command = Command::new(&options.binary);
    command.args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port"]).arg(port.to_string());
    command.arg("--dbpath").arg(folder).arg("--logpath").arg(log).arg("--logappend");
    command.arg("--wiredTigerCacheSizeGB").arg(options.cache_gb.to_string());
    // Nobody reads these statistics here, and they are written every second.
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
    let said = File::create(said)?;
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    Ok(command)
}

/// The members' common secret is beside their folders; its value is of no matter on loopback.
fn key_file(folder: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.parent().context("a folder without a parent")?.join("key");
    if !path.exists() {
        fs::write(&path, "cmVraW5kbGUtdGVzdHM=\n")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(path)
}

/// Waits until it takes connections; `false` when another program has its port. That is read in its log: a connection
/// to the port would as well be answered by that other program.
fn wait(child: &mut Child, folder: &Path, log: &Path, before: u64) -> Result<bool> {
    let since = Instant::now();
    loop {
        let ended = child.try_wait()?;
        let fresh = read_from(log, before);
        if let Some(status) = ended {
            if fresh.contains(CANNOT_LISTEN) {
                return Ok(false);
            }
            bail!("mongod ended with {status}: {}", tail(folder));
        }
        if fresh.contains("\"Waiting for connections\"") {
            return Ok(true);
        }
        ensure!(since.elapsed() < PATIENCE, "mongod takes no connections after {PATIENCE:?}: {}", tail(folder));
        pause(Duration::from_millis(20));
    }
}

/// What is in a file from a position on; nothing, when it cannot be read.
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

/// The last words of a mongod: what it printed, which is how it refuses an argument, and its log.
fn tail(folder: &Path) -> String {
    let (said, log) = (read_from(&folder.join("mongod.out"), 0), read_from(&folder.join("mongod.log"), 0));
    format!("{}\n{}", last_lines(&said, 5), last_lines(&log, 10))
}

#[cfg(test)]
mod tests;
