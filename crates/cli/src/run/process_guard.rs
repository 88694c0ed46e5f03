//! The guard: a second process that ends the command's whole process group if the runner is killed (`kill -9`, out of
//! memory). Otherwise the command would work on while its session is recovered elsewhere, and both would do the same
//! work.

use std::io::{self, PipeWriter, Read, pipe};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::poll;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The first argument of a guard process.
const COMMAND: &str = "__guard";
/// The time between SIGTERM and SIGKILL.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// The time in which the group may end by itself.
const HEAD_START: Duration = Duration::from_millis(500);
/// The interval at which the guard checks the group, in milliseconds.
const LOOK: u8 = 100;

/// A running guard. Dropping it ends the guard without harm to the command.
pub(crate) struct Guard {
    process: Child,
    _alive: PipeWriter,
}

impl Guard {
    /// Starts a guard for a process group.
    ///
    /// # Errors
    /// Fails if no further process can be started.
    pub(crate) fn spawn_for(group: Pid) -> io::Result<Self> {
        let (watched, alive) = pipe()?;
        // Through /proc the guard runs this same program, even if its file was replaced.
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
        // Killed before the pipe closes: a closed pipe means to the guard that the runner was killed.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Runs the guard if this process was started as one, and returns its result.
pub(crate) fn run_if_guard() -> Option<io::Result<()>> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != COMMAND {
        return None;
    }
    let group = arguments.next()?.to_str()?.parse().ok()?;
    Some(watch(Pid::from_raw(group)))
}

/// Waits until the runner ends, then ends the group.
fn watch(group: Pid) -> io::Result<()> {
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    // On Linux the command already got SIGTERM from the kernel, and some programs treat a second one as a demand to
    // quit at once.
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
