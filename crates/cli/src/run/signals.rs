//! The signals that a runner lives with: those that it passes on to its command, the end of a child, and a terminal
//! that changes its size.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What would end or stop the runner and is meant for the command.
const FORWARDED: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
];

/// What a signal means to the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A child ended or stopped.
    Child,
    /// The terminal has another size.
    Resized,
    /// This is for the command.
    Forward(Signal),
}

/// The signals that reach this process from now on.
pub(crate) struct Signals {
    streams: Vec<(Event, Stream)>,
}

impl Signals {
    /// Begins to handle signals. A signal that the parent process ignores (`nohup`, a shell's background job) stays
    /// ignored, here and in the command.
    ///
    /// # Errors
    /// Fails with the error of the operating system, when no handler can be set.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut streams =
            vec![(Event::Child, signal(SignalKind::child())?), (Event::Resized, signal(SignalKind::window_change())?)];
        for one in FORWARDED {
            if !is_ignored(one) {
                streams.push((Event::Forward(one), signal(SignalKind::from_raw(one as i32))?));
            }
        }
        Ok(Self { streams })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Event {
        poll_fn(|context| {
            for (event, stream) in &mut self.streams {
                if let Poll::Ready(Some(())) = stream.poll_recv(context) {
                    return Poll::Ready(*event);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Whether this signal is ignored in this process.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    let before = set(signal, &plain(SigHandler::SigIgn));
    if let Some(before) = &before {
        set(signal, before);
    }
    before.is_some_and(|before| matches!(before.handler(), SigHandler::SigIgn))
}

/// Ignores a signal in this process from now on.
pub(crate) fn ignore(signal: Signal) {
    set(signal, &plain(SigHandler::SigIgn));
}

/// Gives a signal its ordinary meaning back. Safe between fork and exec.
pub(crate) fn restore(signal: Signal) {
    set(signal, &plain(SigHandler::SigDfl));
}

/// Stops our whole process group, as Ctrl-Z does; returns when it goes on. Does nothing where no shell could ever wake
/// it again: the kernel spares an orphaned group.
pub(crate) fn stop_own_group() {
    let before = set(Signal::SIGTSTP, &plain(SigHandler::SigDfl));
    // There is always a group that we belong to.
    killpg(Pid::from_raw(0), Signal::SIGTSTP).ok();
    if let Some(before) = &before {
        set(Signal::SIGTSTP, before);
    }
}

fn plain(handler: SigHandler) -> SigAction {
    SigAction::new(handler, SaFlags::empty(), SigSet::empty())
}

#[expect(unsafe_code, reason = "a disposition can be neither read nor set otherwise")]
fn set(signal: Signal, action: &SigAction) -> Option<SigAction> {
    // SAFETY: only SIG_IGN, SIG_DFL and actions that stood there a moment before are set; none is code of ours.
    unsafe { sigaction(signal, action) }.ok()
}
