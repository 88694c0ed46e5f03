//! Writes a verified file into an empty store. Each batch is one commit with a stored response, so that it happens once
//! even if the import is interrupted and resumed. The file is read backwards where lists are newest first, so that rows
//! of the same millisecond are stored in the order in which they were recorded.

mod commit;
mod import_lease;

use std::fs::File;
use std::path::{Path, PathBuf};

use rekindle_core::domain::event::Event;
use rekindle_core::store::{Changes, Fence, FindTyped, queries};
use rekindle_core::{Clock, Store};
use serde::{Deserialize, Serialize};

use self::commit::commit_once;
use self::import_lease::{ActiveImport, PendingImport, stored_response};
use crate::conflict_check::Sets;
use crate::error::TransferError;
use crate::format::{Counts, Head, Section};
use crate::gzip_members::Members;
use crate::progress::{Phase, Progress};
use crate::retry::retried;
use crate::rows::{Item, StoredEntity};
use crate::stop::Stop;
use crate::verify::{BatchPosition, Verified, head, items};

/// The order of import: sessions before the rows that refer to them, and events last, so that events show an import
/// that is almost complete.
const ORDER: [Section; 5] = [Section::Machines, Section::Sessions, Section::Tasks, Section::Keys, Section::Events];

/// The result of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// The number of rows of the file that are now in the store.
    pub rows: Counts,
    /// The number of rows that were left out: tasks and events of sessions that are not in the file.
    pub left_out: Counts,
    /// The number of rows that an earlier run had imported.
    pub resumed: u64,
}

/// The result of a batch, which is its stored response.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct BatchResult {
    rows: u64,
    left_out: u64,
}

/// Imports a file.
///
/// # Errors
/// Fails with a [`TransferError`]. What was imported stays, and the same import continues with the rest.
pub async fn import(
    store: &dyn Store,
    verified: Verified,
    clock: &dyn Clock,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<Imported, TransferError> {
    retried(|| store.ping()).await?;
    let Verified { path, file, header, trailer, mut batches, sets } = verified;
    let mut taken = PendingImport { store, clock, export: header.export }.take().await?;
    // Batches are imported backwards within their section, since those are newest first. Only events are in order.
    batches.sort_by_key(|batch| {
        let place = ORDER.iter().position(|section| *section == batch.section);
        (place, if batch.section == Section::Events { batch.number } else { u64::MAX - batch.number })
    });
    let mut import = Import { store, clock, sets, expected: trailer.rows, done: Imported::default() };
    let outcome = import.all(&mut taken, (path, file), &batches, stop, tell).await;
    let outcome = match outcome {
        Ok(()) => taken.finish().await,
        Err(error) => Err(error),
    };
    taken.release().await;
    outcome.map(|()| import.done)
}

struct Import<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    sets: Sets,
    expected: Counts,
    done: Imported,
}

impl Import<'_> {
    async fn all(
        &mut self,
        taken: &mut ActiveImport<'_>,
        (path, file): (PathBuf, File),
        batches: &[BatchPosition],
        stop: &Stop,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<(), TransferError> {
        let already = self.already(taken, batches).await?;
        let left = batches.get(already..).unwrap_or_default();
        // The next batch is read while the previous one is committed.
        let mut reading = left.first().map(|first| Reading::begin(path.clone(), &file, *first));
        for (at, batch) in left.iter().enumerate() {
            stop.check()?;
            let Some(next) = reading.take() else { break };
            let items = next.done().await?;
            reading = left.get(at + 1).map(|batch| Reading::begin(path.clone(), &file, *batch));
            let fence = taken.fence().await?;
            let came = self.batch(taken, *batch, items, fence).await?;
            self.count(batch.section, came);
            self.tell(batch.section, tell);
        }
        Ok(())
    }

    /// Returns how many of the first batches an earlier run had imported.
    async fn already(&mut self, taken: &ActiveImport<'_>, batches: &[BatchPosition]) -> Result<usize, TransferError> {
        let store = self.store;
        for (at, batch) in batches.iter().enumerate() {
            let (key, now) = (taken.key(batch.number), self.clock.now());
            let Some(answer) = retried(|| store.read(queries::stored_response(&key, now))).await? else {
                return Ok(at);
            };
            let came: BatchResult = serde_json::from_slice(&answer.answer).unwrap_or_default();
            self.count(batch.section, came);
            self.done.resumed += came.rows;
        }
        Ok(batches.len())
    }

    fn count(&mut self, section: Section, came: BatchResult) {
        *self.done.rows.of(section) += came.rows;
        *self.done.left_out.of(section) += came.left_out;
    }

    fn tell(&mut self, section: Section, tell: &mut dyn FnMut(Progress)) {
        let done = *self.done.rows.of(section) + *self.done.left_out.of(section);
        tell(Progress { doing: Phase::Importing(section), done, of: Some(*self.expected.of(section)) });
    }

    /// Commits one batch, and repeats that until the outcome is known.
    async fn batch(
        &self,
        taken: &ActiveImport<'_>,
        batch: BatchPosition,
        items: Vec<Item>,
        fence: Fence,
    ) -> Result<BatchResult, TransferError> {
        let (mut changes, came) = self.changes(items);
        let text = serde_json::to_vec(&came).unwrap_or_default();
        changes.stored_response = Some(stored_response(taken.key(batch.number), text, self.clock.now()));
        changes.fence = Some(fence);
        let what = format!("{} of batch {}", batch.section.as_str(), batch.number);
        commit_once(self.store, changes, &what).await?;
        Ok(came)
    }

    fn changes(&self, items: Vec<Item>) -> (Changes, BatchResult) {
        let mut changes = Changes::default();
        let all = items.len() as u64;
        for item in items {
            match item {
                Item::Event(event) if self.belongs(&event) => changes.events.push(event),
                Item::Row(StoredEntity::Task(task)) if !self.sets.has(task.value.session_id) => {}
                Item::Event(_) => {}
                Item::Row(mut row) => {
                    if let StoredEntity::Session(session) = &mut row {
                        self.sets.settle(&mut session.value);
                    }
                    changes.writes.push(row.restore());
                }
            }
        }
        // The file has the newest row first; the store gets the oldest first.
        changes.writes.reverse();
        let rows = (changes.writes.len() + changes.events.len()) as u64;
        (changes, BatchResult { rows, left_out: all - rows })
    }

    /// Whether the event's session is in the file, or the event is not deleted with a session.
    fn belongs(&self, event: &Event) -> bool {
        event.deleted_with_session().is_none_or(|session| self.sets.has(session))
    }
}

/// A batch that is being read in the background.
struct Reading(tokio::task::JoinHandle<Result<Vec<Item>, TransferError>>);

impl Reading {
    fn begin(path: PathBuf, file: &File, batch: BatchPosition) -> Self {
        let file = file.try_clone();
        Self(tokio::task::spawn_blocking(move || {
            let file = file.map_err(|error| TransferError::io(&path, "cannot be read", &error))?;
            read(&path, file, batch)
        }))
    }

    async fn done(self) -> Result<Vec<Item>, TransferError> {
        self.0.await.map_err(|error| TransferError::Ended(error.to_string()))?
    }
}

/// Reads the rows of a batch. The batch was complete when the file was verified.
fn read(path: &Path, file: File, found: BatchPosition) -> Result<Vec<Item>, TransferError> {
    let changed = || TransferError::FileChanged(path.to_path_buf());
    let mut members = Members::from(file, found.start).map_err(|_| changed())?;
    let Ok(Some(member)) = members.next() else { return Err(changed()) };
    match head(path, &member.text).map_err(|_| changed())? {
        (Head::Batch(batch), rows) if (batch.number, batch.section) == (found.number, found.section) => {
            items(path, &batch, rows).map_err(|_| changed())
        }
        (Head::Batch(_) | Head::Header(_) | Head::Trailer(_), _) => Err(changed()),
    }
}
