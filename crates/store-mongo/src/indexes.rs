//! Every index, in the order in which they are made: the server checks unique ones in this order, so that a session that
//! breaks several rules violates the id before the active session, that before the slot, and the successor last. Those
//! of records follow from their declarations; the log of events and the server's own deletions have some of their own.

use bson::{Bson, Document, doc};
use rekindle_core::store::{StoreError, UniqueRule};
use rekindle_records::{Condition, Declaration, DocumentIndex, DocumentOrder, Field};

use crate::documents::record::mark_name;

/// The server's own index of every collection.
pub(crate) const IDS: &str = "_id_";

/// The names of the indexes that statements written by hand use.
pub(crate) mod name {
    pub(crate) const SESSION: &str = "session_id_1";
    pub(crate) const MACHINE: &str = "machine_id_1";
    /// The tasks of a session by status.
    pub(crate) const SESSION_AND_STATUS: &str = "session_id_1_status_1";
    /// The events in their order.
    pub(crate) const EVENTS: &str = "position_1";
    /// The events of an actor's key, the latest first.
    pub(crate) const EVENTS_BY_KEY: &str = "by_key_1_position_-1";
    /// The events of a session and its tasks, the latest first.
    pub(crate) const EVENTS_OF_SESSION: &str = "session_id_1_position_-1";
    /// The events of a machine, the latest first.
    pub(crate) const EVENTS_OF_MACHINE: &str = "machine_id_1_position_-1";
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index {
    pub(crate) name: String,
    /// The fields, each with its direction.
    pub(crate) key: Document,
    pub(crate) unique: bool,
    /// The filter of a partial index.
    pub(crate) partial: Option<Document>,
    /// When the server deletes a document, in a TTL index.
    pub(crate) expires: Option<Expires>,
}

/// When the server deletes a document, by the date that its TTL index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expires {
    /// The retention span after that date.
    AfterRetention,
    /// At that date.
    AtTime,
}

impl Index {
    /// Returns an index; an empty name is replaced by one of the fields and their directions.
    fn of(name: &str, key: Document) -> Self {
        let made = || key.iter().map(|(field, way)| format!("{field}_{way}")).collect::<Vec<_>>().join("_");
        let name = if name.is_empty() { made() } else { name.to_owned() };
        Self { name, key, unique: false, partial: None, expires: None }
    }

    /// Returns the server's own index.
    pub(crate) fn of_ids() -> Self {
        Self::of(IDS, doc! { "_id": 1 })
    }

    /// Returns whether the index has this many fields, and thus no order beyond theirs.
    pub(crate) fn ends_with(&self, fields: usize) -> bool {
        self.key.len() == fields
    }

    fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    fn partial(self, filter: Document) -> Self {
        Self { partial: Some(filter), ..self }
    }

    fn expires(self, expires: Expires) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// Returns `expireAfterSeconds` of a TTL index.
    pub(crate) fn expires_after(&self, retention: i32) -> Option<i32> {
        self.expires.map(|expires| match expires {
            Expires::AfterRetention => retention,
            Expires::AtTime => 0,
        })
    }

    /// Returns the index as `createIndexes` takes it.
    pub(crate) fn specification(&self, retention: i32) -> Document {
        let mut specification = doc! { "name": &self.name, "key": self.key.clone() };
        if self.unique {
            specification.insert("unique", true);
        }
        if let Some(filter) = &self.partial {
            specification.insert("partialFilterExpression", filter.clone());
        }
        if let Some(seconds) = self.expires_after(retention) {
            specification.insert("expireAfterSeconds", seconds);
        }
        specification
    }
}

/// Returns the indexes of a kind of records, each with the declared names that it serves.
pub(crate) fn of_records(declaration: &'static Declaration) -> Vec<(Vec<&'static str>, Index)> {
    match declaration.document_indexes {
        Some(explicit) => explicit.iter().map(|index| (index.serves.to_vec(), declared(declaration, index))).collect(),
        None => derived(declaration),
    }
}

fn declared(declaration: &Declaration, declared: &DocumentIndex) -> Index {
    let mut key = fields(declared.fields);
    match declared.then {
        DocumentOrder::None => {}
        DocumentOrder::Recorded => drop(key.insert(mark_name(declaration), 1)),
        DocumentOrder::NewestFirst(created_at) => {
            key.extend(doc! { created_at.document_name: -1, mark_name(declaration): -1 });
        }
    }
    let mut index = Index::of(declared.name, key);
    index.unique = declared.unique;
    index.partial = partial(declared.only);
    index.expires = declared.expires.then_some(Expires::AfterRetention);
    index
}

/// Returns the indexes that follow from the key, the unique sets and the indexes of a declaration.
fn derived(declaration: &'static Declaration) -> Vec<(Vec<&'static str>, Index)> {
    let mut all = Vec::new();
    if let Some(key) = declaration.key.filter(|key| key.document_name != "_id") {
        all.push((vec![""], Index::of("", fields(&[key])).unique()));
    }
    for set in declaration.unique {
        let index = Index { partial: partial(set.only), ..Index::of(set.name, fields(set.fields)).unique() };
        all.push((vec![set.name], index));
    }
    for index in declaration.indexes {
        let mut key = fields(index.fields);
        if let Some(created_at) = index.by_creation {
            key.extend(doc! { created_at.document_name: -1, mark_name(declaration): -1 });
        }
        let name = if index.only.is_empty() { "" } else { index.name };
        all.push((vec![index.name], Index { partial: partial(index.only), ..Index::of(name, key) }));
    }
    all
}

fn fields(fields: &[&'static Field]) -> Document {
    fields.iter().map(|field| (field.document_name.to_owned(), Bson::Int32(1))).collect()
}

fn partial(only: &[Condition]) -> Option<Document> {
    let condition = |condition: &Condition| match condition {
        Condition::Is(field, value) => (field.document_name.to_owned(), Bson::from(*value)),
        Condition::IsOneOf(field, values) => (field.document_name.to_owned(), doc! { "$in": values.to_vec() }.into()),
        Condition::Present(field) => (field.document_name.to_owned(), exists().into()),
        // In a filter null also matches a missing field.
        Condition::Absent(field) => (field.document_name.to_owned(), Bson::Null),
        Condition::NotNegative(field) => (field.document_name.to_owned(), doc! { "$gte": 0 }.into()),
    };
    (!only.is_empty()).then(|| only.iter().map(condition).collect())
}

fn exists() -> Document {
    doc! { "$exists": true }
}

/// Returns the index that serves a declared index or unique set; an empty name means that of the key.
///
/// # Errors
/// Fails with [`StoreError::Corrupt`] when there is none.
pub(crate) fn index_that_serves(declaration: &'static Declaration, name: &str) -> Result<Index, StoreError> {
    if let Some((_, serving)) = of_records(declaration).into_iter().find(|(serves, _)| serves.contains(&name)) {
        return Ok(serving);
    }
    // The records of such a kind are few, or are found by their `_id`.
    match name.is_empty() || declaration.index(name).is_some() {
        true => Ok(Index::of_ids()),
        false => Err(StoreError::Corrupt(format!("{} have no index {name}", declaration.name))),
    }
}

/// Returns the rule that a unique index of a kind enforces; `None` for that of the key.
pub(crate) fn rule_of(declaration: &'static Declaration, name: &str) -> Option<UniqueRule> {
    let (serves, _) = of_records(declaration).into_iter().find(|(_, index)| index.name == name)?;
    serves.into_iter().find_map(|set| declaration.unique_set(set)).map(|set| set.rule)
}

/// Returns the indexes of a collection beyond those of its records.
pub(crate) fn others_of(collection: &str) -> Vec<Index> {
    match collection {
        // The tasks of an ended session carry its end.
        "tasks" => vec![Index::of("retention", doc! { "session_ended_at": 1 }).expires(Expires::AfterRetention)],
        // The server deletes stored responses when they expire.
        "answers" => vec![Index::of("until_1", doc! { "until": 1 }).expires(Expires::AtTime)],
        "events" => of_events(),
        _ => Vec::new(),
    }
}

/// Returns the indexes of events. Those of the audit log hold an event only once it has a position: the commit that
/// appends it does not pay for them.
fn of_events() -> Vec<Index> {
    let audit_log = |name, field: &str| {
        Index::of(name, doc! { field: 1, "position": -1 }).partial(doc! { field: exists(), "position": exists() })
    };
    vec![
        Index::of(name::EVENTS, doc! { "position": 1 }).unique().partial(doc! { "position": exists() }),
        Index::of("pending", doc! { "pending": 1, "_id": 1 }).partial(doc! { "pending": true }),
        Index::of("kept_with_1", doc! { "kept_with": 1 }).partial(doc! { "kept_with": exists() }),
        Index::of("loose", doc! { "at": 1 }).partial(doc! { "loose": true }),
        audit_log(name::EVENTS_BY_KEY, "by_key"),
        audit_log(name::EVENTS_OF_SESSION, "session_id"),
        audit_log(name::EVENTS_OF_MACHINE, "machine_id"),
    ]
}

#[cfg(test)]
mod tests;
