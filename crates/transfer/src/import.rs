//! Writes a file that was verified into an empty store: each batch is one commit, with a remembered answer that makes it
//! happen once, whatever is interrupted and begun again. The file is read backwards where lists are newest first, so that
//! rows of the same millisecond come out in the order in which they were recorded.

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

/// Sessions before what refers to them, and events last: where they are, an import is almost done.
const ORDER: [Section; 5] = [Section::Machines, Section::Sessions, Section::Tasks, Section::Keys, Section::Events];

/// What was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many rows are in the store now that come from the file.
    pub rows: Counts,
    /// How many were left out: tasks and events of sessions that are not in the file.
    pub left_out: Counts,
    /// How many of the rows were there already, from before an interruption.
    pub resumed: u64,
}

/// What a batch came to; remembered with it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct BatchResult {
    rows: u64,
    left_out: u64,
}

/// Imports a file.
///
/// # Errors
/// See [`TransferError`]. What was done stays, and the same import goes on with it.
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
    // Behind each other in the file, and each newest first; events alone are in their order.
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
        // One batch is read while the one before is committed.
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

    /// How many of the first batches were imported before.
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

    /// Commits one batch; again, until its outcome is known.
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
        // Newest first in the file, oldest first into the store.
        changes.writes.reverse();
        let rows = (changes.writes.len() + changes.events.len()) as u64;
        (changes, BatchResult { rows, left_out: all - rows })
    }

    /// What is kept with a session goes where that goes.
    fn belongs(&self, event: &Event) -> bool {
        event.deleted_with_session().is_none_or(|session| self.sets.has(session))
    }
}

/// A batch that is being read.
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

/// The rows of a batch, which was whole when the file was verified.
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
