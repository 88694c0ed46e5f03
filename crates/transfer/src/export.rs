//! Reads everything that a store holds into a file. Memory holds a few pages at most, and an interrupted export is
//! resumed where its file ends.
//!
//! A store in use changes meanwhile, and the pages show different moments. The order of the sections ensures that every
//! reference can be resolved, or that a dangling one is noticed. Events come first, so that no event reports the
//! deletion of something that is read later. Sessions come before tasks, so that a task that is read in progress never
//! belongs to a session that was read as ended. Tasks and events of sessions that are not in the file are left out when
//! it is imported. Leases, the detector state and stored responses belong to the old servers and are not exported.

use std::path::{Path, PathBuf};

use rekindle_atomic_file::Existing;
use rekindle_core::store::{
    Cursor, EventPosition, FindTyped, MachineFilter, Page, PageRequest, SessionFilter, Start, TaskFilter, queries,
};
use rekindle_core::{Clock, Ids, Store, StoreError};
use tokio::task::JoinHandle;

use crate::error::TransferError;
use crate::format::{BYTES, Counts, FORMAT, Header, ROWS, ReadCursor, Section};
use crate::partial_export::{ExportState, PartialExport};
use crate::progress::{Phase, Progress};
use crate::retry::retried;
use crate::rows::{Item, StoredEntity};
use crate::stop::Stop;

/// The number of rows that are read at once.
const PAGE: u32 = 500;

/// What to export, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Exporting<'a> {
    /// The name of the store, without any password.
    pub store: &'a str,
    /// The file to write.
    pub file: &'a Path,
    /// What to do if the file exists.
    pub existing: Existing,
    /// Whether to resume an unfinished export, if there is one.
    pub resume: bool,
}

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The number of rows in the file.
    pub rows: Counts,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The number of rows that were in the file before it was resumed.
    pub resumed: u64,
    /// Whether the store changed while it was read.
    pub changed_meanwhile: bool,
}

/// Exports a store.
///
/// # Errors
/// Fails with a [`TransferError`]. What was written stays beside the target, as `…part`, for an export that resumes.
pub async fn export(
    store: &dyn Store,
    what: Exporting<'_>,
    (clock, ids): (&dyn Clock, &dyn Ids),
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<Exported, TransferError> {
    // Fails before a file is created if the store cannot be read.
    retried(|| store.read(queries::counts())).await?;
    let opened = PartialExport::open(what.file, what.existing)?;
    let (opened, found) = apart(move || opened.found().map(|found| (opened, found))).await?;
    let part = match found {
        Some(_) if !what.resume => return Err(TransferError::Interrupted(opened.path().to_path_buf())),
        Some((state, _)) if state.header.store != what.store => {
            return Err(TransferError::OtherStore {
                part: opened.path().to_path_buf(),
                begun: state.header.store,
                now: what.store.to_owned(),
            });
        }
        Some(found) => apart(move || opened.resumed(found)).await?,
        None => {
            let header = Header {
                format: FORMAT,
                export: ids.new_id(),
                at: clock.now().millis(),
                made_by: env!("CARGO_PKG_VERSION").to_owned(),
                store: what.store.to_owned(),
                expected: expected(store).await?,
            };
            opened.begun(header)?
        }
    };
    let (state, path) = (part.state().clone(), part.path().to_path_buf());
    let resumed = state.rows.total();
    let mut export = Export { store, stop, tell, state, path, writing: None, idle: Some(part) };
    export.all().await?;
    let changed_meanwhile = export.changed().await?;
    let part = export.settled().await?;
    let (state, bytes) = apart(move || part.finish(changed_meanwhile)).await?;
    Ok(Exported { rows: state.rows, bytes, resumed, changed_meanwhile })
}

/// Returns approximate numbers of rows.
async fn expected(store: &dyn Store) -> Result<Counts, StoreError> {
    let one = PageRequest { limit: 1, start: Start::Offset(0) };
    let tasks = retried(async || store.read(queries::tasks(&TaskFilter::default(), one)).await).await?.total;
    let machines = retried(async || store.read(queries::machines(&MachineFilter::default(), one)).await).await?.total;
    let sessions = retried(|| store.read(queries::counts())).await?.total();
    let keys = retried(|| store.read(queries::keys())).await?.len() as u64;
    Ok(Counts { events: 0, sessions, tasks, machines, keys })
}

/// Runs the work on a thread that may block.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| TransferError::Ended(error.to_string()))?
}

/// An export that is running. One page is read while the previous one is compressed and written.
struct Export<'a> {
    store: &'a dyn Store,
    stop: &'a Stop,
    tell: &'a mut dyn FnMut(Progress),
    /// The state once the page that is being written is complete.
    state: ExportState,
    path: PathBuf,
    writing: Option<JoinHandle<Result<PartialExport, TransferError>>>,
    idle: Option<PartialExport>,
}

/// A page of any section.
struct Read {
    items: Vec<Item>,
    /// The number of rows in the section, if that is known.
    of: Option<u64>,
    /// The cursor of the next page; `None` at the end.
    next: Option<String>,
    /// Whether the section ends with this page. Rows that are added later are not exported.
    is_last: bool,
}

impl Export<'_> {
    /// Reads and writes the rest.
    async fn all(&mut self) -> Result<(), TransferError> {
        while let ReadCursor::In(section, after) = self.state.then.clone() {
            if self.stop.check().is_err() {
                self.settled().await?.sync()?;
                return Err(TransferError::Paused(self.path.clone()));
            }
            let Read { items, of, next, is_last } = self.read(section, after).await?;
            let then = next.map_or_else(|| ReadCursor::behind(section), |after| ReadCursor::In(section, Some(after)));
            self.state.continue_at(then.clone());
            if is_last {
                self.state.then = ReadCursor::behind(section);
            }
            *self.state.rows.of(section) += items.len() as u64;
            let done = *self.state.rows.of(section);
            (self.tell)(Progress { doing: Phase::Exporting(section), done, of: of.map(|of| of.max(done)) });
            if !items.is_empty() {
                self.write(section, items, then).await?;
            }
        }
        Ok(())
    }

    async fn read(&self, section: Section, after: Option<String>) -> Result<Read, TransferError> {
        let store = self.store;
        if section == Section::Keys {
            let keys = retried(|| store.read(queries::keys())).await?;
            let of = Some(keys.len() as u64);
            let items = keys.into_iter().map(|key| Item::Row(StoredEntity::Key(key))).collect();
            return Ok(Read { items, of, next: None, is_last: true });
        }
        if section == Section::Events {
            let after = after.map(|after| EventPosition(after.into_boxed_str()));
            let events = retried(|| store.events(after.as_ref(), PAGE)).await?;
            let last = events.last().map(|last| (last.event.at, last.position.0.to_string()));
            // In a store in use there is always another event, so the section ends at a short page: it reached the end
            // when it was read.
            let is_new = last.as_ref().is_none_or(|(at, _)| *at >= self.state.header.began_at());
            let is_last = events.len() < PAGE as usize && is_new;
            let next = last.map(|(_, position)| position);
            let items = events.into_iter().map(|recorded| Item::Event(recorded.event)).collect();
            return Ok(Read { items, of: None, next, is_last });
        }
        let start = match &after {
            None => Start::Offset(0),
            Some(text) => Start::After(text.parse::<Cursor>().map_err(|_| TransferError::NotOurs(self.path.clone()))?),
        };
        let page = PageRequest { limit: PAGE, start };
        Ok(match section {
            Section::Sessions => {
                let sessions =
                    retried(async || store.read(queries::sessions(&SessionFilter::default(), page)).await).await?;
                Read::of(sessions, StoredEntity::Session)
            }
            Section::Tasks => Read::of(
                retried(async || store.read(queries::tasks(&TaskFilter::default(), page)).await).await?,
                StoredEntity::Task,
            ),
            Section::Machines | Section::Events | Section::Keys => Read::of(
                retried(async || store.read(queries::machines(&MachineFilter::default(), page)).await).await?,
                StoredEntity::Machine,
            ),
        })
    }

    /// Starts to write a page, after the previous one is written.
    async fn write(&mut self, section: Section, items: Vec<Item>, then: ReadCursor) -> Result<(), TransferError> {
        let part = self.settled().await?;
        self.writing = Some(tokio::task::spawn_blocking(move || written(part, section, &items, &then)));
        Ok(())
    }

    /// Waits until the current page is written, and returns the file.
    async fn settled(&mut self) -> Result<PartialExport, TransferError> {
        let gone = |why: String| TransferError::io(&self.path, "cannot be written", &std::io::Error::other(why));
        if let Some(writing) = self.writing.take() {
            return writing.await.map_err(|error| gone(error.to_string()))?;
        }
        self.idle.take().ok_or_else(|| gone("writing it failed before".to_owned()))
    }

    /// Whether the store changed since the events were read. Each change has an event, except heartbeats.
    async fn changed(&self) -> Result<bool, TransferError> {
        let last = self.state.last_event.clone().map(|last| EventPosition(last.into_boxed_str()));
        Ok(!retried(|| self.store.events(last.as_ref(), 1)).await?.is_empty())
    }
}

impl Read {
    fn of<T>(page: Page<T>, row: impl Fn(rekindle_core::Versioned<T>) -> StoredEntity) -> Self {
        let Page { items, total, next } = page;
        let items = items.into_iter().map(|item| Item::Row(row(item))).collect();
        let next = next.map(|cursor| cursor.to_string());
        Self { items, of: Some(total), is_last: next.is_none(), next }
    }
}

/// Writes a page as one or several batches. The last one has the cursor of the next page.
fn written(
    mut part: PartialExport,
    section: Section,
    items: &[Item],
    then: &ReadCursor,
) -> Result<PartialExport, TransferError> {
    let (mut lines, mut rows) = (Vec::with_capacity(BYTES), 0);
    let mut left = items.len();
    for item in items {
        item.write(&mut lines).map_err(|error| TransferError::io(part.path(), "cannot be written", &error.into()))?;
        lines.push(b'\n');
        (rows, left) = (rows + 1, left - 1);
        if left == 0 || rows == ROWS || lines.len() >= BYTES {
            part.batch(section, rows as u64, &lines, (left == 0).then(|| then.clone()))?;
            (lines, rows) = (Vec::with_capacity(BYTES), 0);
        }
    }
    Ok(part)
}
