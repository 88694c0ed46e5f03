//! The three lists: which index finds what a filter wants, and how a page and its total are asked for.

use bson::{Bson, Document, RawDocument, doc};
use futures_util::future::{try_join, try_join_all};
use rekindle_core::store::{Cursor, MachineFilter, Page, PageRequest, SessionFilter, Start, StoreError, TaskFilter};
use rekindle_core::values::Timestamp;
use uuid::Uuid;

use super::ReadResult;
use crate::database::Database;
use crate::documents::{Marked, date, mark_id};
use crate::query::{CollectionName, Count, Query};
use crate::schema::indexes::name;

/// A list, filtered.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    within: CollectionName,
    filter: Document,
    hint: &'static str,
}

/// The sessions like this. Of several conditions the one that leaves the fewest chooses the index.
pub fn sessions(filter: &SessionFilter) -> List {
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
    List { within: CollectionName::Sessions, filter: wanted, hint }
}

/// The tasks like this.
pub fn tasks(filter: &TaskFilter) -> List {
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
    List { within: CollectionName::Tasks, filter: wanted, hint }
}

/// The machines like this.
pub fn machines(filter: &MachineFilter) -> List {
    let (wanted, hint) = match filter.status {
        None => (Document::new(), name::BY_CREATION),
        Some(status) => (doc! { "status": status.as_str() }, name::MACHINES_BY_STATUS),
    };
    List { within: CollectionName::Machines, filter: wanted, hint }
}

impl List {
    /// The documents of a page, and one more, which tells whether there is a next page: the answers of these questions,
    /// one after the other, as far as they are needed.
    pub fn page(&self, page: PageRequest) -> Vec<Query> {
        let part = |range: Document, skip: u64| {
            let mut filter = self.filter.clone();
            filter.extend(range);
            let query = Query::of(self.within, filter, self.hint).sorted(doc! { "created_at": -1, "_id": -1 });
            Query { skip, ..query.limited(page.limit.saturating_add(1)) }
        };
        match page.start {
            Start::Offset(offset) => vec![part(Document::new(), offset.min(i64::MAX.unsigned_abs()))],
            Start::After(cursor) => after(cursor).into_iter().map(|range| part(range, 0)).collect(),
        }
    }

    /// How many there are on all pages.
    pub fn total(&self) -> Count {
        Count { within: self.within, filter: self.filter.clone(), hint: self.hint }
    }

    /// Asks for a page and the total. `created_at` is what the list is ordered by.
    pub async fn ask<T>(
        self,
        collections: &Database,
        page: PageRequest,
        read: fn(&RawDocument) -> Result<Marked<T>, StoreError>,
        created_at: fn(&T) -> Timestamp,
    ) -> ReadResult<Page<T>> {
        // All at once: mostly nothing else was made in the cursor's millisecond, and the second range has the page.
        let parts = try_join_all(self.page(page).into_iter().map(|part| part.all(collections, read)));
        let (parts, total) = try_join(parts, collections.totals.of(self.total(), collections)).await?;
        let mut rows: Vec<_> = parts.into_iter().flatten().collect();
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let place = |row: &Marked<T>| Cursor { created_at: created_at(&row.entity.value), mark: row.mark.as_u128() };
        let next = rows.last().filter(|_| more).map(place);
        Ok(Page { items: rows.into_iter().map(|row| row.entity).collect(), total, next })
    }
}

/// What comes behind a cursor, as ranges of the index in their order. One question for all of them, with `$or`, would
/// leave the server a choice, and at times it walks there from the beginning.
fn after(cursor: Cursor) -> Vec<Document> {
    let at = date(cursor.created_at);
    let mark = mark_id(Uuid::from_u128(cursor.mark));
    let is_foreign = matches!(mark, Bson::ObjectId(_));
    let mut ranges = vec![doc! { "created_at": at, "_id": { "$lt": mark } }];
    // A comparison looks only at values of its own type, and in this order ObjectIds come before our marks.
    if is_foreign {
        ranges.push(doc! { "created_at": at, "_id": { "$type": "binData" } });
    }
    ranges.push(doc! { "created_at": { "$lt": at } });
    ranges
}
