//! The command as a process: in its own process group, bound to this runner's life, watched until it ends.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, setpgid, tcsetpgrp};

use super::process_guard::Guard;
use super::signals;
use super::stderr_capture::{Ends, Tee};
use super::terminal::{Modes, Terminal};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitKind {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Signalled(Signal),
}

/// The state of a child when it was last checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollResult {
    /// It runs.
    Runs,
    /// It was stopped by a signal, and can go on.
    Stopped(Signal),
    /// It is over.
    Over(ExitKind),
}

/// What the command's stderr is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stderr {
    /// Passed on by us, which keeps its last part.
    Kept,
    /// Ours: a shell finds its terminal through its stderr.
    Untouched,
}

/// A command that was started.
pub(crate) struct Child {
    group: Pid,
    terminal: Option<Terminal>,
    /// None where the command has our stderr itself.
    tee: Option<Tee>,
    // Its drop dismisses the guard.
    _guard: Guard,
}

impl Child {
    /// Starts `command` with these variables added to its environment. Must be called on the main thread: on Linux
    /// the command is bound to the life of the thread that started it.
    ///
    /// # Errors
    /// The operating system's: there is no such program, or it may not be run.
    pub(crate) fn start(command: &[OsString], variables: &[(&str, String)], stderr: Stderr) -> io::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"));
        };
        let ends = match stderr {
            Stderr::Kept => Some(Ends::open()?),
            Stderr::Untouched => None,
        };
        let (stderr, tee) = match ends.map(Ends::split) {
            Some((theirs, tee)) => (theirs, Some(tee)),
            None => (Stdio::inherit(), None),
        };
        let terminal = Terminal::controlling();
        let foreground = match &terminal {
            Some(terminal) if terminal.is_handed_at_start() => Some(terminal.handle()?),
            Some(_) | None => None,
        };
        let handed = foreground.is_some();
        let restores_ttou = terminal.as_ref().is_some_and(Terminal::restores_ttou);
        let mut starting = Command::new(program);
        starting.args(arguments).envs(variables.iter().map(|(name, value)| (name, value))).stderr(stderr);
        prepare(&mut starting, foreground, restores_ttou);
        let started = starting.spawn().inspect_err(|_| {
            if let (Some(terminal), true) = (&terminal, handed) {
                terminal.recall();
            }
        });
        let id = started?.id();
        // Ours of the command's ends must go: the output is over when the last one closes.
        drop(starting);
        let group = Pid::from_raw(id.cast_signed());
        let guard = Guard::spawn_for(group).inspect_err(|_| {
            // Without a guard it would not be safe to leave it running.
            killpg(group, Signal::SIGKILL).ok();
        })?;
        let tee = tee.map(|start| start()).transpose()?;
        Ok(Self { group, terminal, tee, _guard: guard })
    }

    /// Returns the present state, without waiting.
    ///
    /// # Errors
    /// Fails with the error of the operating system, when other code has waited for the child.
    pub(crate) fn look(&self) -> io::Result<PollResult> {
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
        loop {
            return match waitpid(self.group, Some(flags)) {
                Ok(WaitStatus::Exited(_, status)) => Ok(PollResult::Over(ExitKind::Exited(status))),
                Ok(WaitStatus::Signaled(_, signal, _)) => Ok(PollResult::Over(ExitKind::Signalled(signal))),
                Ok(WaitStatus::Stopped(_, signal)) => Ok(PollResult::Stopped(signal)),
                Err(Errno::EINTR) => continue,
                Err(error) => Err(error.into()),
                Ok(_) => Ok(PollResult::Runs),
            };
        }
    }

    /// Sends a signal to the whole group. One that is to end it wakes it first if it was stopped.
    pub(crate) fn signal(&self, signal: Signal) {
        // It fails when the group has just ended, which the next look tells.
        killpg(self.group, signal).ok();
        if matches!(signal, Signal::SIGTERM | Signal::SIGHUP) {
            killpg(self.group, Signal::SIGCONT).ok();
        }
    }

    /// The terminal has another size.
    pub(crate) fn resized(&self) {
        if let Some(tee) = &self.tee {
            tee.resized();
        }
    }

    /// The command was stopped. If it only wanted the terminal, it gets it; otherwise we stop with it, as the shell that
    /// started us expects, and both go on together when the shell says so.
    pub(crate) fn stopped(&self, by: Signal) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        let wants_terminal = matches!(by, Signal::SIGTTIN | Signal::SIGTTOU);
        if !(wants_terminal && terminal.is_ours()) {
            terminal.take_back(self.group, Modes::Left);
            signals::stop_own_group();
        }
        terminal.hand_to(self.group);
        self.signal(Signal::SIGCONT);
    }

    /// After the end: takes the terminal back.
    pub(crate) fn release(&self, ending: ExitKind) {
        if let Some(terminal) = &self.terminal {
            let modes = match ending {
                ExitKind::Exited(_) => Modes::Left,
                ExitKind::Signalled(_) => Modes::Restored,
            };
            terminal.take_back(self.group, modes);
        }
    }

    /// After the end: passes on what is left of the output.
    pub(crate) async fn drain(&mut self) {
        if let Some(tee) = &mut self.tee {
            tee.finish().await;
        }
    }

    /// The last that the command wrote to stderr, where that was kept.
    pub(crate) fn last_words(&self) -> Vec<u8> {
        self.tee.as_ref().map(|tee| tee.tail.bytes()).unwrap_or_default()
    }
}

#[expect(unsafe_code, reason = "a process group, a foreground and a parent-death signal are set between fork and exec")]
fn prepare(starting: &mut Command, foreground: Option<File>, restores_ttou: bool) {
    let runner = getpid();
    // SAFETY: the closure makes system calls only, all of them async-signal-safe, and allocates nothing.
    unsafe {
        starting.pre_exec(move || {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            if let Some(tty) = &foreground {
                tcsetpgrp(tty, getpid())?;
            }
            if restores_ttou {
                signals::restore(Signal::SIGTTOU);
            }
            bind_to(runner)
        });
    }
}

/// Binds the calling process to its parent's life: an orphan that works on while its session is recovered elsewhere
/// would be a double run.
#[cfg(target_os = "linux")]
fn bind_to(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
}

/// Elsewhere the guard alone does it, a moment later.
#[cfg(not(target_os = "linux"))]
fn bind_to(_parent: Pid) -> io::Result<()> {
    Ok(())
}
