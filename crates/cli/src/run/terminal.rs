//! The controlling terminal, as a shell handles it: its foreground belongs to the command while it runs, and comes back
//! to us when the command ends or stops.

use std::fs::File;
use std::io::IsTerminal;

use nix::sys::signal::Signal;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

use super::signals;

/// The terminal that this process is controlled from.
pub(crate) struct Terminal {
    tty: File,
    ours: Pid,
    modes: Option<Termios>,
    restores_ttou: bool,
}

/// In which modes the terminal comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modes {
    /// As the command left them: it may have changed them.
    Left,
    /// As they were before: the command had no time to clean up.
    Restored,
}

impl Terminal {
    /// The controlling terminal, if there is one. From now on this process may take its foreground from the
    /// background, which would stop it otherwise.
    pub(crate) fn controlling() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let restores_ttou = !signals::is_ignored(Signal::SIGTTOU);
        signals::ignore(Signal::SIGTTOU);
        let modes = tcgetattr(&tty).ok();
        Some(Self { tty, ours: getpgrp(), modes, restores_ttou })
    }

    /// Whether our process group is in the foreground.
    pub(crate) fn is_ours(&self) -> bool {
        tcgetpgrp(&self.tty) == Ok(self.ours)
    }

    /// Whether the command gets the foreground from the start. With its output in a pipe the next program of the
    /// pipeline, such as a pager, needs the terminal more; the command then gets it when it requests it.
    pub(crate) fn is_handed_at_start(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && self.is_ours()
    }

    /// A handle of the terminal for the command's first moments.
    pub(crate) fn handle(&self) -> std::io::Result<File> {
        self.tty.try_clone()
    }

    /// Whether the command must be given back the ordinary SIGTTOU.
    pub(crate) fn restores_ttou(&self) -> bool {
        self.restores_ttou
    }

    /// Puts a process group into the foreground, if it is ours to give.
    pub(crate) fn hand_to(&self, group: Pid) {
        if self.is_ours() {
            // It fails when the group has just ended, which the next wait tells.
            tcsetpgrp(&self.tty, group).ok();
        }
    }

    /// Takes the foreground back from a command that could not be started after all.
    pub(crate) fn recall(&self) {
        // A terminal that has just been hung up has no foreground to take.
        tcsetpgrp(&self.tty, self.ours).ok();
    }

    /// Takes the foreground back from a group. A shell that has taken it meanwhile keeps it.
    pub(crate) fn take_back(&self, group: Pid, modes: Modes) {
        if tcgetpgrp(&self.tty) != Ok(group) {
            return;
        }
        // A terminal that has just been hung up has no foreground to take.
        tcsetpgrp(&self.tty, self.ours).ok();
        if let (Modes::Restored, Some(before)) = (modes, &self.modes) {
            tcsetattr(&self.tty, SetArg::TCSADRAIN, before).ok();
        }
    }
}
