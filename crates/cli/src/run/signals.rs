//! The signals that a runner handles: those that it forwards to its command, the end of a child, and a change of the
//! terminal's size.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Signals that would end or stop the runner and are meant for the command.
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
    /// The terminal's size changed.
    Resized,
    /// A signal to forward to the command.
    Forward(Signal),
}

/// Receives the signals of this process.
pub(crate) struct Signals {
    streams: Vec<(Event, Stream)>,
}

impl Signals {
    /// Starts to receive signals. A signal that was ignored when this process started (`nohup`, a shell's background
    /// job) stays ignored, here and in the command.
    ///
    /// # Errors
    /// Fails if a handler cannot be installed.
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

    /// Waits for the next event.
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

/// Restores the default action of a signal. Safe between fork and exec.
pub(crate) fn restore(signal: Signal) {
    set(signal, &plain(SigHandler::SigDfl));
}

/// Stops the runner's whole process group, as Ctrl-Z does; returns when it is continued. Does nothing where no shell
/// could continue it: the kernel does not stop an orphaned group.
pub(crate) fn stop_own_group() {
    let before = set(Signal::SIGTSTP, &plain(SigHandler::SigDfl));
    // Cannot fail: the calling process is always in a group.
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
    // SAFETY: only SIG_IGN, SIG_DFL and actions that were installed a moment before are set; none is a function of this
    // program.
    unsafe { sigaction(signal, action) }.ok()
}
