//! The controlling terminal, handled as a shell does: the command is in the foreground while it runs, and the runner is
//! again when the command ends or stops.

use std::fs::File;
use std::io::IsTerminal;

use nix::sys::signal::Signal;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use super::signals;

/// The controlling terminal of this process.
pub(crate) struct Terminal {
    tty: File,
    ours: Pid,
    modes: Option<Termios>,
    restores_ttou: bool,
}

/// The terminal modes after the foreground was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modes {
    /// As the command left them: changing them may be its purpose.
    Left,
    /// As they were before: the command had no time to restore them.
    Restored,
}

impl Terminal {
    /// Returns the controlling terminal, if there is one. It makes this process ignore SIGTTOU, which would stop it
    /// when it takes the foreground from the background.
    pub(crate) fn controlling() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let restores_ttou = !signals::is_ignored(Signal::SIGTTOU);
        signals::ignore(Signal::SIGTTOU);
        let modes = tcgetattr(&tty).ok();
        Some(Self { tty, ours: getpgrp(), modes, restores_ttou })
    }

    /// Whether the runner's process group is in the foreground.
    pub(crate) fn is_ours(&self) -> bool {
        tcgetpgrp(&self.tty) == Ok(self.ours)
    }

    /// Whether the command gets the foreground at its start. If its output is a pipe, the next program of the pipeline,
    /// such as a pager, needs the terminal more; the command then gets it when it asks for it.
    pub(crate) fn is_handed_at_start(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && self.is_ours()
    }

    /// Returns a handle of the terminal for the child between fork and exec.
    pub(crate) fn handle(&self) -> std::io::Result<File> {
        self.tty.try_clone()
    }

    /// Whether the default action of SIGTTOU must be restored in the command.
    pub(crate) fn restores_ttou(&self) -> bool {
        self.restores_ttou
    }

    /// Puts a process group into the foreground, if the runner's group is there.
    pub(crate) fn hand_to(&self, group: Pid) {
        if self.is_ours() {
            // Fails if the group has just ended, which the next wait reports.
            tcsetpgrp(&self.tty, group).ok();
        }
    }

    /// Takes the foreground back from a command that could not be started.
    pub(crate) fn recall(&self) {
        // Fails if the terminal was just hung up; then it has no foreground.
        tcsetpgrp(&self.tty, self.ours).ok();
    }

    /// Takes the foreground back from a group. If a shell has taken it meanwhile, the shell keeps it.
    pub(crate) fn take_back(&self, group: Pid, modes: Modes) {
        if tcgetpgrp(&self.tty) != Ok(group) {
            return;
        }
        // Fails if the terminal was just hung up; then it has no foreground.
        tcsetpgrp(&self.tty, self.ours).ok();
        if let (Modes::Restored, Some(before)) = (modes, &self.modes) {
            tcsetattr(&self.tty, SetArg::TCSADRAIN, before).ok();
        }
    }
}
