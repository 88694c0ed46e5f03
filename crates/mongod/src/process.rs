//! Starts a process that ends with this one, and ends processes that were started here.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, setsid};

use crate::pause::pause;

struct Job {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Starts a process that the system kills when this one ends, however it ends (on Linux; elsewhere only `Drop` does
/// it).
///
/// Linux sends that signal when the *thread* ends that started the child. So one thread starts them all, and lives as
/// long as the process does: the thread of a test, or of a runtime's pool, may end long before.
pub(crate) fn start_bound(mut command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = sync_channel::<Job>(1);
        let work = move || {
            for mut job in queue {
                // Fails only while the process is ending.
                let _ = job.reply.send(job.command.spawn());
            }
        };
        std::thread::Builder::new().name("mongod-keeper".to_owned()).spawn(work).is_ok().then_some(jobs)
    });
    let spawner = spawner.as_ref().context("cannot start a thread")?;
    end_with_parent(&mut command);
    let (reply, started) = sync_channel(1);
    spawner.send(Job { command, reply }).ok().context("the thread that starts processes has ended")?;
    Ok(started.recv().context("the thread that starts processes has ended")??)
}

/// Starts a process that survives this one, and a Ctrl-C in its terminal.
pub(crate) fn start_detached(mut command: Command) -> Result<Child> {
    // SAFETY: setsid is async-signal-safe and allocates nothing.
    #[expect(unsafe_code, reason = "a session of its own is begun between fork and exec")]
    unsafe {
        command.pre_exec(|| setsid().map(|_| ()).map_err(io::Error::from));
    }
    Ok(command.spawn()?)
}

#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    let parent = getpid();
    // SAFETY: the closure makes two async-signal-safe system calls and allocates nothing.
    #[expect(unsafe_code, reason = "a parent-death signal is set between fork and exec")]
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent may have died between the fork and that call.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}

pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill(Pid::from_raw(i32::try_from(pid)?), signal).with_context(|| format!("cannot send {signal} to process {pid}"))
}

/// Ends a detached `mongod` and waits until it has ended, if the process with this id still is the one with its data at
/// `dbpath`, since ids are used again. Returns whether it was running.
///
/// # Errors
/// Fails if it does not end within a minute.
pub fn ends(pid: u32, dbpath: &Path) -> Result<bool> {
    if !is_running(pid, dbpath) {
        return Ok(false);
    }
    signal(pid, Signal::SIGTERM)?;
    let since = Instant::now();
    while is_running(pid, dbpath) {
        if since.elapsed() > Duration::from_mins(1) {
            bail!("mongod, process {pid}, does not end; its log is {}", dbpath.join("mongod.log").display());
        }
        pause(Duration::from_millis(50));
    }
    Ok(true)
}

/// Whether the process with this id is the `mongod` with its data at `dbpath`.
pub fn is_running(pid: u32, dbpath: &Path) -> bool {
    let has_proc = Path::new("/proc/self/cmdline").exists();
    if has_proc { is_in_proc(pid, dbpath) } else { is_in_ps(pid, dbpath) }
}

/// Checks `/proc`. A zombie has no arguments, and does not count.
fn is_in_proc(pid: u32, dbpath: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = line.split(|byte| *byte == 0).skip_while(|argument| *argument != b"--dbpath");
    arguments.nth(1) == Some(dbpath.as_os_str().as_bytes())
}

/// Checks with `ps`, for systems without `/proc`.
fn is_in_ps(pid: u32, dbpath: &Path) -> bool {
    let Ok(output) = Command::new("ps").args(["-ww", "-o", "args=", "-p"]).arg(pid.to_string()).output() else {
        return false;
    };
    // `ps` does not separate the arguments; another one follows the path.
    String::from_utf8_lossy(&output.stdout).contains(&format!(" --dbpath {} ", dbpath.display()))
}

#[cfg(test)]
mod tests;
