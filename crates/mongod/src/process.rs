//! Starting a process that ends with us, and ending processes that are surely ours.

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

use crate::pause;

struct Job {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

/// Starts a process that the system kills when ours ends, however it ends (on Linux; elsewhere only a `Drop` does it).
///
/// Linux sends that signal when the *thread* ends that started the child. So one thread starts them all, and lives as long
/// as the process does: the thread of a test, or of a runtime's pool, may end long before.
pub(crate) fn start_bound(mut command: Command) -> Result<Child> {
    static KEEPER: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (jobs, to_do) = sync_channel::<Job>(1);
        let work = move || {
            for mut job in to_do {
                // Nobody waits for it any more only if the process is ending.
                let _ = job.answer.send(job.command.spawn());
            }
        };
        std::thread::Builder::new().name("mongod-keeper".to_owned()).spawn(work).is_ok().then_some(jobs)
    });
    let keeper = keeper.as_ref().context("cannot start a thread")?;
    bind(&mut command);
    let (answer, started) = sync_channel(1);
    keeper.send(Job { command, answer }).ok().context("the thread that starts processes has ended")?;
    Ok(started.recv().context("the thread that starts processes has ended")??)
}

/// Starts a process that neither our end nor a Ctrl-C in our terminal ends.
pub(crate) fn start_detached(mut command: Command) -> Result<Child> {
    // SAFETY: setsid is async-signal-safe and allocates nothing.
    #[expect(unsafe_code, reason = "a session of its own is begun between fork and exec")]
    unsafe {
        command.pre_exec(|| setsid().map(|_| ()).map_err(io::Error::from));
    }
    Ok(command.spawn()?)
}

#[cfg(target_os = "linux")]
fn bind(command: &mut Command) {
    let parent = getpid();
    // SAFETY: the closure makes two async-signal-safe system calls and allocates nothing.
    #[expect(unsafe_code, reason = "a parent-death signal is set between fork and exec")]
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // We may have died between the fork and that call.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn bind(_command: &mut Command) {}

pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill(Pid::from_raw(i32::try_from(pid)?), signal).with_context(|| format!("cannot send {signal} to process {pid}"))
}

/// Ends a detached `mongod` and waits for that, if the process with this number still is the one that keeps its data at
/// `dbpath`: numbers are used again. Says whether it was there.
///
/// # Errors
/// It does not end within a minute.
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

/// Whether the process with this number is the `mongod` that keeps its data at `dbpath`.
pub fn is_running(pid: u32, dbpath: &Path) -> bool {
    let has_proc = Path::new("/proc/self/cmdline").exists();
    if has_proc { is_in_proc(pid, dbpath) } else { is_in_ps(pid, dbpath) }
}

/// A zombie has no arguments, and so is nobody.
fn is_in_proc(pid: u32, dbpath: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = line.split(|byte| *byte == 0).skip_while(|argument| *argument != b"--dbpath");
    arguments.nth(1) == Some(dbpath.as_os_str().as_bytes())
}

/// For systems without `/proc`.
fn is_in_ps(pid: u32, dbpath: &Path) -> bool {
    let Ok(output) = Command::new("ps").args(["-ww", "-o", "args=", "-p"]).arg(pid.to_string()).output() else {
        return false;
    };
    // The arguments are not told apart; ours is followed by another.
    String::from_utf8_lossy(&output.stdout).contains(&format!(" --dbpath {} ", dbpath.display()))
}

#[cfg(test)]
mod tests;
