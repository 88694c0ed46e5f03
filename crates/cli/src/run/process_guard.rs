//! The guard: a second process that outlives its runner by a moment, and ends the command's whole group when the runner
//! vanished without a word (`kill -9`, out of memory). A command that worked on while its session is recovered elsewhere
//! would be the double run that Rekindle exists to prevent.

use std::io::{self, PipeWriter, Read, pipe};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::poll;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The word by which this process knows that it is to be a guard.
const COMMAND: &str = "__guard";
/// How long a group has between SIGTERM and SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How long the group has to end by itself.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long to wait before looking again, in milliseconds.
const LOOK: u8 = 100;

/// A running guard. It is dismissed when this is dropped in the ordinary way.
pub(crate) struct Guard {
    process: Child,
    _alive: PipeWriter,
}

impl Guard {
    /// Sets a guard over a process group.
    ///
    /// # Errors
    /// The operating system's, when there can be no further process.
    pub(crate) fn spawn_for(group: Pid) -> io::Result<Self> {
        let (watched, alive) = pipe()?;
        // By way of /proc the guard is this very program, also after its file has been replaced.
        let program = if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        let process = Command::new(program)
            .arg0("rekindle-guard")
            .args([COMMAND, &group.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(watched)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { process, _alive: alive })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before the pipe closes, so that it never mistakes an orderly end for the other kind.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Does a guard's work, if this process was started as one; answers how that ended.
pub(crate) fn run_if_guard() -> Option<io::Result<()>> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != COMMAND {
        return None;
    }
    let group = arguments.next()?.to_str()?.parse().ok()?;
    Some(watch(Pid::from_raw(group)))
}

/// Waits for the runner's end, then sees the group off.
fn watch(group: Pid) -> io::Result<()> {
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    // On Linux the command itself has received the signal already, and some programs end at once on a second SIGTERM.
    if is_gone_within(group, HEAD_START)? {
        return Ok(());
    }
    killpg(group, Signal::SIGTERM).ok();
    if !is_gone_within(group, GRACE)? {
        killpg(group, Signal::SIGKILL).ok();
    }
    Ok(())
}

fn is_gone_within(group: Pid, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if killpg(group, None) == Err(Errno::ESRCH) {
            return Ok(true);
        }
        poll(&mut [], LOOK)?;
    }
    Ok(false)
}
