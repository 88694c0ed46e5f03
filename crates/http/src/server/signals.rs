//! The signals that a server hears, and what they ask for.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeError;

/// The signals, from now on: none is lost.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
pub(super) enum ServerSignal {
    /// SIGHUP: to look again at what may have changed.
    ToReload,
    /// To end.
    ToEnd {
        /// Its name.
        signal: &'static str,
        /// The exit status that shells know it by.
        code: u8,
    },
}

impl Signals {
    pub(super) fn listen() -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(|error| ServeError::Failed(format!("cannot hear signals: {error}")));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> ServerSignal {
        tokio::select! {
            _ = self.terminate.recv() => ServerSignal::ToEnd { signal: "SIGTERM", code: 143 },
            _ = self.interrupt.recv() => ServerSignal::ToEnd { signal: "SIGINT", code: 130 },
            _ = self.hang_up.recv() => ServerSignal::ToReload,
        }
    }

    /// The next that asks for the end: its name, and the exit status that shells know it by.
    pub(super) async fn next_to_end(&mut self) -> (&'static str, u8) {
        loop {
            if let ServerSignal::ToEnd { signal, code } = self.next().await {
                return (signal, code);
            }
        }
    }
}
