//! The three lists: the index for each filter, and how a page and its total are read.

use bson::{Bson, Document, RawDocument, doc};
use futures_util::future::{try_join, try_join_all};
use rekindle_core::store::{Cursor, MachineFilter, Page, PageRequest, SessionFilter, Start, StoreError, TaskFilter};
use rekindle_core::values::Timestamp;
use uuid::Uuid;

use crate::count_cache::CountCache;
use crate::database::Database;
use crate::documents::{Marked, date, mark_id};
use crate::error::ReadResult;
use crate::query::{CollectionName, Count, Query};
use crate::schema::indexes::name;

/// A list with its filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List {
    collection: CollectionName,
    filter: Document,
    hint: &'static str,
}

/// Returns the list of sessions. Of several conditions the most selective one chooses the index.
pub(crate) fn sessions(filter: &SessionFilter) -> List {
    let mut wanted = Document::new();
    let mut hint = name::BY_CREATION;
    if let Some(status) = filter.status {
        wanted.insert("status", status.as_str());
        hint = name::SESSIONS_BY_STATUS;
    }
    match filter.archived {
        None => {}
        Some(false) => {
            wanted.insert("archived_at", Bson::Null);
        }
        Some(true) => {
            wanted.insert("archived_at", doc! { "$exists": true });
            hint = name::ARCHIVED;
        }
    }
    if let Some(machine) = &filter.machine_id {
        wanted.insert("machine_id", machine.as_str());
        hint = name::BY_MACHINE;
    }
    if let Some(project) = &filter.project_id {
        wanted.insert("project_id", project.as_str());
        hint = name::BY_PROJECT;
    }
    if let Some(lineage) = filter.lineage_id {
        wanted.insert("lineage_id", lineage.to_string());
        hint = name::BY_LINEAGE;
    }
    List { collection: CollectionName::Sessions, filter: wanted, hint }
}

/// Returns the list of tasks.
pub(crate) fn tasks(filter: &TaskFilter) -> List {
    let mut wanted = Document::new();
    let mut hint = name::BY_CREATION;
    if let Some(status) = filter.status {
        wanted.insert("status", status.as_str());
        hint = name::TASKS_BY_STATUS;
    }
    if let Some(project) = &filter.project_id {
        wanted.insert("project_id", project.as_str());
        hint = name::BY_PROJECT;
    }
    if let Some(session) = filter.session_id {
        wanted.insert("session_id", session.to_string());
        hint = name::BY_SESSION;
    }
    List { collection: CollectionName::Tasks, filter: wanted, hint }
}

/// Returns the list of machines.
pub(crate) fn machines(filter: &MachineFilter) -> List {
    let (wanted, hint) = match filter.status {
        None => (Document::new(), name::BY_CREATION),
        Some(status) => (doc! { "status": status.as_str() }, name::MACHINES_BY_STATUS),
    };
    List { collection: CollectionName::Machines, filter: wanted, hint }
}

impl List {
    /// Returns the queries for a page, and for one more row, which shows whether there is a next page. Their results
    /// follow each other; the first rows are the page.
    pub(crate) fn page(&self, page: PageRequest) -> Vec<Query> {
        let part = |range: Document, skip: u64| {
            let mut filter = self.filter.clone();
            filter.extend(range);
            let query = Query::of(self.collection, filter, self.hint).sorted(doc! { "created_at": -1, "_id": -1 });
            Query { skip, ..query.limited(page.limit.saturating_add(1)) }
        };
        match page.start {
            Start::Offset(offset) => vec![part(Document::new(), offset.min(i64::MAX.unsigned_abs()))],
            Start::After(cursor) => after(cursor).into_iter().map(|range| part(range, 0)).collect(),
        }
    }

    /// Returns the count of all pages.
    pub(crate) fn total(&self) -> Count {
        Count { collection: self.collection, filter: self.filter.clone(), hint: self.hint }
    }

    /// Reads a page and the total. The list is ordered by `created_at`.
    pub(crate) async fn fetch<T>(
        self,
        database: &Database,
        counts: &CountCache,
        page: PageRequest,
        read: fn(&RawDocument) -> Result<Marked<T>, StoreError>,
        created_at: fn(&T) -> Timestamp,
    ) -> ReadResult<Page<T>> {
        // All at once: mostly no other row has the cursor's millisecond, and the second range holds the page.
        let parts = try_join_all(self.page(page).into_iter().map(|part| part.all(database, read)));
        let (parts, total) = try_join(parts, counts.total(self.total(), database)).await?;
        let mut rows: Vec<_> = parts.into_iter().flatten().collect();
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let cursor = |row: &Marked<T>| Cursor { created_at: created_at(&row.entity.value), mark: row.mark.as_u128() };
        let next = rows.last().filter(|_| more).map(cursor);
        Ok(Page { items: rows.into_iter().map(|row| row.entity).collect(), total, next })
    }
}

/// Returns the ranges of the index after a cursor, in their order. One query with `$or` would leave the server a
/// choice, and at times it scans the index from the beginning.
fn after(cursor: Cursor) -> Vec<Document> {
    let at = date(cursor.created_at);
    let mark = mark_id(Uuid::from_u128(cursor.mark));
    let is_foreign = matches!(mark, Bson::ObjectId(_));
    let mut ranges = vec![doc! { "created_at": at, "_id": { "$lt": mark } }];
    // A comparison matches only values of its own type, and in this order ObjectIds come before UUIDs.
    if is_foreign {
        ranges.push(doc! { "created_at": at, "_id": { "$type": "binData" } });
    }
    ranges.push(doc! { "created_at": { "$lt": at } });
    ranges
}
