//! `rekindle db export` and `import`: moves everything that a database holds to another one, of either kind, through a
//! file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rekindle_core::{RandomIds, SystemClock};
use rekindle_stores::{NotAFileStore, OpenStoreError, StoreUrl};
use rekindle_transfer::{Counts, Existing, Exported, Exporting, Imported, Stop, TransferError, verify};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::common::{json, size};
use super::progress::Bar;
use crate::error::CliError;
use crate::messages::say;
use crate::output;
use crate::target::Globals;

/// The time limit of one call. Reading a page of a large database on a slow disk takes long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
Of a database that servers write to it is no picture of one moment, and the summary says so.
Stop the servers first, or export a backup: rekindle db export FILE --store sqlite:BACKUP

It holds all metadata, and the hashes of API keys: keep it as you keep the database.")]
pub(super) struct ExportArgs {
    /// The file to write; while it is unfinished it is FILE.part
    file: PathBuf,
    /// Continue the interrupted export in FILE.part, if there is one
    #[arg(long)]
    resume: bool,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file is verified to its end before anything is written. The same command goes on with an
import that was interrupted, within 30 days; nothing is imported twice. Silence before the end of
the import does not count.")]
pub(super) struct ImportArgs {
    /// The file that `rekindle db export` wrote
    file: PathBuf,
}

/// The number of rows of each kind, as printed with `--json`.
#[derive(Serialize)]
struct Rows {
    sessions: u64,
    tasks: u64,
    machines: u64,
    keys: u64,
    events: u64,
}

impl From<Counts> for Rows {
    fn from(counts: Counts) -> Self {
        let Counts { events, sessions, tasks, machines, keys } = counts;
        Self { sessions, tasks, machines, keys, events }
    }
}

impl Rows {
    fn words(&self) -> String {
        let Self { sessions, tasks, machines, keys, events } = self;
        format!("{sessions} sessions, {tasks} tasks, {machines} machines, {keys} API keys, {events} events")
    }
}

#[derive(Serialize)]
struct ExportReport<'a> {
    store: String,
    file: &'a Path,
    bytes: u64,
    rows: Rows,
    resumed_rows: u64,
    changed_meanwhile: bool,
}

/// Exports the database to a file.
///
/// # Errors
/// Fails with the reason why the export was not finished.
pub(super) async fn export(globals: &Globals, store: &StoreUrl, args: ExportArgs) -> Result<(), CliError> {
    in_reach_of_others(store)?;
    let opened = store.open_read_only(PATIENCE).await.map_err(not_opened)?;
    let (bar, name) = (Bar::for_people(globals), store.to_string());
    let existing = if args.force { Existing::IsReplaced } else { Existing::Stays };
    let what = Exporting { store: &name, file: &args.file, existing, resume: args.resume };
    let exported = stoppable(async |stop| {
        let mut tell = |progress| bar.transferring(progress);
        rekindle_transfer::export(opened.as_ref(), what, (&SystemClock, &RandomIds), stop, &mut tell).await
    });
    let exported = exported.await;
    bar.clear();
    opened.close().await;
    let Exported { rows, bytes, resumed, changed_meanwhile } = exported?;
    let rows = Rows::from(rows);
    if changed_meanwhile {
        say(
            "the database changed while it was exported: the file is not of one moment; for one that is, stop its servers, \
             or export a backup",
        );
    }
    if globals.json {
        let file = args.file.as_path();
        return json(&ExportReport { store: name, file, bytes, rows, resumed_rows: resumed, changed_meanwhile });
    }
    let went_on = if resumed > 0 { format!("\n{resumed} rows of it were there already") } else { String::new() };
    let (rows, size) = (rows.words(), size(bytes));
    output::data(&format!("exported {name} to {} ({size})\n{rows}{went_on}", args.file.display()))
}

#[derive(Serialize)]
struct ImportReport<'a> {
    store: String,
    file: &'a Path,
    from: String,
    rows: Rows,
    resumed_rows: u64,
    left_out: Rows,
    stalled_sessions: Vec<String>,
    changed_meanwhile: bool,
}

/// Imports a file into the database.
///
/// # Errors
/// Fails with the reason why the import was not finished.
pub(super) async fn import(globals: &Globals, store: &StoreUrl, args: ImportArgs) -> Result<(), CliError> {
    in_reach_of_others(store)?;
    let bar = Bar::for_people(globals);
    let (shown, path) = (bar.clone(), args.file.clone());
    let verified = stoppable(async |stop| {
        let stop = stop.clone();
        let work = move || verify(&path, &stop, &mut |progress| shown.transferring(progress));
        tokio::task::spawn_blocking(work).await.map_err(|error| TransferError::Ended(error.to_string()))?
    });
    let verified = verified.await.inspect_err(|_| bar.clear())?;
    let (from, changed_meanwhile) = (verified.store().to_owned(), verified.changed_meanwhile());
    let stalled_sessions: Vec<_> = verified.stalled().map(|id| id.to_string()).collect();
    let opened = store.open_empty(PATIENCE).await.map_err(not_opened).inspect_err(|_| bar.clear())?;
    let imported = stoppable(async |stop| {
        let mut tell = |progress| bar.transferring(progress);
        rekindle_transfer::import(opened.as_ref(), verified, &SystemClock, stop, &mut tell).await
    });
    let imported = imported.await;
    bar.clear();
    opened.close().await;
    let Imported { rows, left_out, resumed } = imported?;
    let (rows, total_left_out, left_out) = (Rows::from(rows), left_out.total(), Rows::from(left_out));
    let (store, file) = (store.to_string(), args.file.as_path());
    if globals.json {
        let resumed_rows = resumed;
        return json(&ImportReport {
            store,
            file,
            from,
            rows,
            resumed_rows,
            left_out,
            stalled_sessions,
            changed_meanwhile,
        });
    }
    let mut words = format!("imported {} ({from}) into {store}\n{}", file.display(), rows.words());
    if resumed > 0 {
        words += &format!("\n{resumed} of these rows were there already");
    }
    if total_left_out > 0 {
        words += &format!("\nleft out, since their sessions are not in the file: {}", left_out.words());
    }
    if !stalled_sessions.is_empty() {
        let ids = stalled_sessions.join(", ");
        words += &format!("\nimported as stalled, since another session was active in their place: {ids}");
    }
    if changed_meanwhile {
        words += "\nthe database changed while it was exported: the file is not of one moment";
    }
    output::data(&words)
}

/// Rejects a database in memory: only its own server can reach it.
fn in_reach_of_others(store: &StoreUrl) -> Result<(), CliError> {
    match store.file() {
        Err(NotAFileStore::Memory) => {
            Err(CliError::Usage(format!("{store} is in memory, and ends with its server; name a database that stays")))
        }
        Ok(_) | Err(NotAFileStore::Mongo) => Ok(()),
    }
}

fn not_opened(error: OpenStoreError) -> CliError {
    match error {
        OpenStoreError::Configuration(why) => CliError::Configuration(why),
        OpenStoreError::Failed(why) => CliError::Unexpected(anyhow::anyhow!(why)),
    }
}

/// Runs the work, and stops it in good order at a signal.
async fn stoppable<T>(work: impl AsyncFnOnce(&Stop) -> Result<T, TransferError>) -> Result<T, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = Stop::default();
    let done = work(&stop);
    tokio::pin!(done);
    let done = tokio::select! {
        done = &mut done => done,
        _ = terminate.recv() => { stop.stop(); done.await }
        _ = interrupt.recv() => { stop.stop(); done.await }
    };
    done.map_err(|error| CliError::Unexpected(error.into()))
}
