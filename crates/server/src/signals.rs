//! The signals that a server handles.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals, from now on: none is lost.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// The effect of a signal.
pub(crate) enum ServerSignal {
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
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) -> ServerSignal {
        tokio::select! {
            _ = self.terminate.recv() => ServerSignal::ToEnd { signal: "SIGTERM", code: 143 },
            _ = self.interrupt.recv() => ServerSignal::ToEnd { signal: "SIGINT", code: 130 },
            _ = self.hang_up.recv() => ServerSignal::ToReload,
        }
    }

    /// Returns the next signal that ends the process: its name, and the exit status that shells give it.
    pub(crate) async fn next_to_end(&mut self) -> (&'static str, u8) {
        loop {
            if let ServerSignal::ToEnd { signal, code } = self.next().await {
                return (signal, code);
            }
        }
    }
}
