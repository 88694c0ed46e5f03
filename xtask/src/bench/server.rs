//! The measured processes: started, located by their output, watched, and ended.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The start of the baseline includes inserting a million rows.
const START: Duration = Duration::from_secs(120);
const END: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// The clock ticks of the kernel, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server; killed when dropped.
pub(super) struct Process {
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
    /// The process of its database, if that is another one.
    database: Option<u32>,
}

/// Processor time in seconds since the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    /// Of the process.
    pub own: f64,
    /// Of the process of its database.
    pub database: Option<f64>,
}

impl Process {
    /// Starts a server and waits until its output names its address. The output goes to the file `log`; `database` is the process
    /// of its database.
    pub(super) async fn start(mut command: Command, log: &Path, database: Option<u32>) -> Result<Self> {
        let out = File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut process = Self { address: nowhere, child, log: log.to_owned(), database };
        let deadline = Instant::now() + START;
        loop {
            if let Some(port) = port_in(&fs::read_to_string(log)?) {
                process.address.set_port(port);
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                bail!("{} ended with {status}: {}", command.get_program().display(), process.log_tail());
            }
            if Instant::now() > deadline {
                bail!("it did not say where it listens within {} s: {}", START.as_secs(), process.log_tail());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns its resident memory in bytes.
    pub(super) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .with_context(|| format!("the server is gone: {}", self.log_tail()))?;
        kibibytes(&status, "VmRSS:").map(|kib| kib * 1024).context("its memory cannot be read")
    }

    /// Returns the processor time of it and its database.
    pub(super) fn used(&self) -> Result<Used> {
        let of = |pid: u32| -> Result<f64> {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a measured process is gone")?;
            seconds_used(&stat).context("its processor time cannot be read")
        };
        Ok(Used { own: of(self.child.id())?, database: self.database.map(of).transpose()? })
    }

    /// Returns its peak resident memory in bytes.
    pub(super) fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        kibibytes(&status, "VmHWM:").map(|kib| kib * 1024).context("its memory cannot be read")
    }

    /// Ends it with SIGTERM. Fails if it ends with an error or not in time.
    pub(super) async fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the server ended with {status}: {}", self.log_tail());
                }
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("the server did not end within {} s of SIGTERM", END.as_secs())
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

/// Returns user and system time from a `/proc/PID/stat`, whose second field is a name in brackets with any characters.
fn seconds_used(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    // Fields 14 and 15; the first two were skipped.
    let mut times = rest.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// Returns the loopback port that a server says it listens on, once the number is complete. Other addresses, such as its
/// store's, may come before.
fn port_in(log: &str) -> Option<u16> {
    let (_, log) = log.split_once("listening on ")?;
    log.split("127.0.0.1:").skip(1).find_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        rest[..end].parse().ok().filter(|port| *port != 0)
    })
}

#[cfg(test)]
mod tests;
