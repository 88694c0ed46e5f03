//! The command as a process: in its own process group, killed when the runner ends, watched until it ends.

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
    /// It exited with this status.
    Exited(i32),
    /// It was ended by this signal.
    Signalled(Signal),
}

/// The state of a child at the last poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollResult {
    Runs,
    /// It was stopped by a signal, and can be continued.
    Stopped(Signal),
    /// It has ended.
    Over(ExitKind),
}

/// What the command gets as its stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stderr {
    /// A pipe or pseudo-terminal. The runner passes the output on and keeps its last part.
    Kept,
    /// The runner's own stderr. A shell needs it to find the terminal.
    Untouched,
}

/// A command that was started.
pub(crate) struct Child {
    group: Pid,
    terminal: Option<Terminal>,
    /// `None` if the command has the runner's stderr.
    tee: Option<Tee>,
    // Dropping it ends the guard process.
    _guard: Guard,
}

impl Child {
    /// Starts `command` with these variables added to its environment. Must be called on the main thread: on Linux the
    /// command is killed when the thread that started it ends.
    ///
    /// # Errors
    /// Fails if there is no such program, or if it may not be run.
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
        // The runner's copies of the command's ends must be closed: the output ends when the last copy is closed.
        drop(starting);
        let group = Pid::from_raw(id.cast_signed());
        let guard = Guard::spawn_for(group).inspect_err(|_| {
            // Without a guard the command must not be left running.
            killpg(group, Signal::SIGKILL).ok();
        })?;
        let tee = tee.map(|start| start()).transpose()?;
        Ok(Self { group, terminal, tee, _guard: guard })
    }

    /// Returns the current state of the child, without waiting.
    ///
    /// # Errors
    /// Fails if the child's exit status was already collected elsewhere.
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

    /// Sends a signal to the whole group. After a signal that ends it, a stopped group is continued so that it can act
    /// on it.
    pub(crate) fn signal(&self, signal: Signal) {
        // Fails if the group has just ended, which the next poll reports.
        killpg(self.group, signal).ok();
        if matches!(signal, Signal::SIGTERM | Signal::SIGHUP) {
            killpg(self.group, Signal::SIGCONT).ok();
        }
    }

    /// Passes on a change of the terminal's size.
    pub(crate) fn resized(&self) {
        if let Some(tee) = &self.tee {
            tee.resized();
        }
    }

    /// Handles a stopped command. If it only wanted the terminal, it gets it. Otherwise the runner stops with it, as
    /// the shell that started the runner expects, and both continue when the shell continues them.
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

    /// Takes the terminal back after the command ended.
    pub(crate) fn release(&self, ending: ExitKind) {
        if let Some(terminal) = &self.terminal {
            let modes = match ending {
                ExitKind::Exited(_) => Modes::Left,
                ExitKind::Signalled(_) => Modes::Restored,
            };
            terminal.take_back(self.group, modes);
        }
    }

    /// Passes on the rest of the output after the command ended.
    pub(crate) async fn drain(&mut self) {
        if let Some(tee) = &mut self.tee {
            tee.finish().await;
        }
    }

    /// Returns the last part of what the command wrote to stderr, if that was kept.
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

/// Has the calling process killed when its parent ends. Otherwise an orphan could work on while its session is
/// recovered elsewhere.
#[cfg(target_os = "linux")]
fn bind_to(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
    if nix::unistd::getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
}

/// Without this system call only the guard ends an orphan, a moment later.
#[cfg(not(target_os = "linux"))]
fn bind_to(_parent: Pid) -> io::Result<()> {
    Ok(())
}
