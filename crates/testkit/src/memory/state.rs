//! What the store holds: records by their keys, events, and leases.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rekindle_core::domain::event::Event;
use rekindle_core::store::{LeaseName, RecordKey, StoreError};
use rekindle_core::{Version, Versioned};
use rekindle_records::{Extension, RecordType, TYPES};
use uuid::Uuid;

use super::record::Fields;

#[derive(Clone)]
pub(super) struct State {
    types: Vec<&'static dyn RecordType>,
    pub(super) records: BTreeMap<RecordKey, Arc<Row>>,
    pub(super) events: Vec<(u64, Event)>,
    pub(super) leases: BTreeMap<LeaseName, Lease>,
    /// Counts every record and event that was ever stored.
    pub(super) sequence: u64,
    pub(super) closed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) fields: Fields,
    pub(super) version: Version,
    pub(super) sequence: u64,
}

/// A lease, and its holder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    /// None once it was released.
    pub(super) holder: Option<Uuid>,
    pub(super) token: u64,
    pub(super) until: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self::with(Extension::NONE)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("records", &self.records).field("events", &self.events).finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn with(extension: Extension) -> Self {
        Self {
            types: TYPES.iter().chain(extension.types).copied().collect(),
            records: BTreeMap::new(),
            events: Vec::new(),
            leases: BTreeMap::new(),
            sequence: 0,
            closed: false,
        }
    }

    pub(super) fn ensure_open(&self) -> Result<(), StoreError> {
        match self.closed {
            true => Err(StoreError::Unavailable("the store is closed".to_owned())),
            false => Ok(()),
        }
    }

    /// Returns the type of the records of a kind.
    pub(super) fn record_type(&self, kind: &str) -> Result<&'static dyn RecordType, StoreError> {
        let missing = || StoreError::Corrupt(format!("this store has no records of the kind {kind}"));
        self.types.iter().copied().find(|found| found.declaration().name == kind).ok_or_else(missing)
    }

    /// Returns the records of a kind, by their keys.
    pub(super) fn records_of(&self, kind: &str) -> impl Iterator<Item = (&RecordKey, &Row)> {
        self.records.iter().filter(move |(key, _)| key.kind == kind).map(|(key, row)| (key, &**row))
    }

    /// Returns the entity under a key.
    pub(super) fn entity<T: rekindle_core::store::Entity>(
        &self,
        id: T::Id,
    ) -> Result<Option<Versioned<T>>, StoreError> {
        let Some(row) = self.records.get(&RecordKey::of::<T>(id)) else { return Ok(None) };
        let value = row.fields.decode(self.record_type(T::KIND)?)?.downcast()?;
        Ok(Some(Versioned { value, version: row.version }))
    }

    pub(super) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}
