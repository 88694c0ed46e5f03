//! What the commands of `rekindle db` share: long work with a progress bar that a signal can stop, JSON, and sizes.

use std::path::Path;

use rekindle_stores::maintenance::{MaintenanceError, Progress, Stop};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Bar;
use crate::error::CliError;
use crate::output;
use crate::target::Globals;

/// Runs the work on a thread of its own, shows its progress, and stops it in good order at a signal.
pub(super) async fn with_progress<T: Send + 'static>(
    globals: &Globals,
    database: &Path,
    work: impl FnOnce(&Stop, &mut dyn FnMut(Progress)) -> Result<T, MaintenanceError> + Send + 'static,
) -> Result<T, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (bar, stop) = (Bar::for_people(globals), Stop::default());
    let (shown, stopped) = (bar.clone(), stop.clone());
    let mut task = tokio::task::spawn_blocking(move || work(&stopped, &mut |progress| shown.copying(progress)));
    let ended = tokio::select! {
        ended = &mut task => ended,
        _ = terminate.recv() => { stop.stop(); task.await }
        _ = interrupt.recv() => { stop.stop(); task.await }
    };
    bar.clear();
    ended.map_err(anyhow::Error::new)?.map_err(|error| {
        let refused = error.refuses(database);
        if refused { CliError::Configuration(error.to_string()) } else { CliError::Unexpected(error.into()) }
    })
}

pub(super) fn json(document: &impl Serialize) -> Result<(), CliError> {
    output::data(&serde_json::to_string(document).map_err(anyhow::Error::new)?)
}

/// Formats a number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
