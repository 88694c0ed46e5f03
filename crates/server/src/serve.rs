//! Runs a server until a signal ends it; tells the service manager how it fares.

use std::net::SocketAddr;
use std::sync::Arc;

use rekindle_telemetry::traces;
use tracing::{info, warn};

use crate::error::ServeError;
use crate::running::RunningServer;
use crate::signals::{ServerSignal, Signals};
use crate::systemd::Notifier;

/// Starts a server and runs it until a signal ends it.
///
/// # Errors
/// See [`ServeError`].
pub(crate) async fn serve(
    starting: impl Future<Output = Result<RunningServer, ServeError>>,
    on_listening: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    let mut signals = Signals::listen().map_err(|error| ServeError::Failed(format!("cannot hear signals: {error}")))?;
    let mut running = starting.await?;
    if let Err(error) = on_listening(running.address) {
        running.stop().await;
        return Err(ServeError::Failed(error.to_string()));
    }
    let notifier = Notifier::of_process();
    notifier.ready(running.address);
    let state = Arc::clone(&running.state);
    let _feeding = notifier.keep_alive(running.address, move || state.admission.is_draining());
    let board = running.state.handles.jobs.clone();
    let signal = loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            why = board.failed_job() => {
                running.stop().await;
                return Err(ServeError::Failed(format!("{why}; the log says how")));
            }
            ended = &mut running.server => {
                let why = ended.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"));
                return Err(ServeError::Failed(format!("the server ended by itself: {why}")));
            }
        };
        match asked {
            ServerSignal::ToReload => {
                notifier.reloading();
                running.reload();
                notifier.ready(running.address);
            }
            ServerSignal::ToEnd { signal, .. } => break signal,
        }
    };
    info!(signal, "Shutting down");
    notifier.stopping();
    tokio::select! {
        () = running.stop_with_notice() => {}
        (signal, code) = signals.next_to_end() => {
            warn!(signal, "Shutting down at once: asked a second time");
            return Err(ServeError::Interrupted { signal, code });
        }
    }
    info!("Stopped");
    traces::flush().await;
    Ok(())
}
