//! Commits and heartbeats on the map.

use std::sync::Arc;

use rekindle_core::store::{
    AnyEntity, Changes, CommitError, Committed, DetectorState, DetectorStateUpdate, EVENT_PURGE_BATCH, Entity, Expect,
    Key, Put, RecordKey, SessionHeartbeat, StoreError, StoredResponse, UniqueRule, Value, Write,
};
use rekindle_core::{
    Machine, MachineId, MachineStatus, Session, SessionId, SessionStatus, Task, Timestamp, Version, Versioned,
};
use rekindle_records::{Condition, StoredValue};

use super::record::Fields;
use super::state::{Row, State};

impl State {
    pub(super) fn apply(&mut self, changes: Changes) -> Result<Committed, CommitError> {
        if changes.fence.is_some_and(|fence| !self.is_current(fence)) {
            return Err(CommitError::Fenced);
        }
        if let Some(response) = changes.stored_response {
            self.store_response(response)?;
        }
        let mut committed = Committed::default();
        for write in changes.writes {
            match write {
                Write::Put(put) => self.put(put)?,
                Write::Restore(Versioned { value, version }) => self.insert(&value, version)?,
                Write::Touch(key, revision) => {
                    let is_at = |row: &&mut Arc<Row>| row.version.revision == revision;
                    let row = self.records.get_mut(&key).filter(is_at).ok_or(CommitError::Stale)?;
                    Arc::make_mut(row).version.touches += 1;
                }
                Write::Delete(key, version) => {
                    if self.records.get(&key).is_none_or(|row| row.version != version) {
                        return Err(CommitError::Stale);
                    }
                    self.records.remove(&key);
                    if key.kind == Session::KIND {
                        committed.deleted_tasks += self.delete_parts_of_session(&key.key);
                    }
                }
            }
        }
        for event in changes.events {
            let position = self.next_sequence();
            self.events.push((position, event));
        }
        if let Some(before) = changes.purge_events_before {
            committed.purged_events = self.purge_events(before);
        }
        if let Some(update) = changes.detector_state {
            self.put_detector_state(update)?;
        }
        Ok(committed)
    }

    fn put(&mut self, Put { value, expect }: Put) -> Result<(), CommitError> {
        let (at, since) = match expect {
            Expect::Absent => return self.insert(&value, Version::FIRST),
            Expect::At(at) => (at, Timestamp::from_millis(i64::MAX)),
            Expect::NoHeartbeatSince { at, since } => (at, since),
        };
        let key = value.record_key();
        let record_type = self.record_type(key.kind)?;
        let mut fields = Fields::of(record_type, &value)?;
        let before = self.records.get(&key).filter(|row| row.version == at).ok_or(CommitError::Stale)?;
        if let Some(latest) = record_type.declaration().latest_field()
            && let Some(Value::Time(heard)) = before.fields.value(latest.name)
        {
            if heard > since {
                return Err(CommitError::Stale);
            }
            if fields.value(latest.name) < Some(Value::Time(heard)) {
                fields.set(latest.name, StoredValue::Time(heard));
            }
        }
        let row = Row { fields, version: at.after_put(), sequence: before.sequence };
        self.records.insert(key.clone(), Arc::new(row));
        self.check_unique(&key)
    }

    fn insert(&mut self, value: &AnyEntity, version: Version) -> Result<(), CommitError> {
        let key = value.record_key();
        if self.records.contains_key(&key) {
            return Err(CommitError::Stale);
        }
        let fields = Fields::of(self.record_type(key.kind)?, value)?;
        let sequence = self.next_sequence();
        self.records.insert(key.clone(), Arc::new(Row { fields, version, sequence }));
        self.check_unique(&key)
    }

    /// Checks the unique rules, one after the other, as far as this record can break them.
    fn check_unique(&self, key: &RecordKey) -> Result<(), CommitError> {
        let (Some(row), declaration) = (self.records.get(key), self.record_type(key.kind)?.declaration()) else {
            return Ok(());
        };
        for set in declaration.unique {
            let values =
                |row: &Row| set.fields.iter().map(|field| row.fields.value(field.name)).collect::<Option<Vec<_>>>();
            let is_in = |row: &Row| set.only.iter().all(|condition| holds(condition, row));
            let Some(own) = values(row).filter(|_| is_in(row)) else { continue };
            let mut others = self.records_of(key.kind).filter(|(other, _)| *other != key);
            if others.any(|(_, other)| is_in(other) && values(other).as_ref() == Some(&own)) {
                return Err(CommitError::UniqueViolation(set.rule));
            }
        }
        Ok(())
    }

    fn delete_parts_of_session(&mut self, session: &Key) -> u64 {
        let Key::Uuid(id) = *session else { return 0 };
        let before = self.records.len();
        self.records
            .retain(|key, row| key.kind != Task::KIND || row.fields.value("session_id") != Some(Value::Uuid(id)));
        self.events.retain(|(_, event)| event.deleted_with_session() != Some(SessionId(id)));
        (before - self.records.len()) as u64
    }

    fn purge_events(&mut self, before: Timestamp) -> u64 {
        let mut purged = 0;
        self.events.retain(|(_, event)| {
            let stays = event.deleted_with_session().is_some() || event.at >= before;
            let goes = !stays && purged < EVENT_PURGE_BATCH;
            purged += u64::from(goes);
            !goes
        });
        purged
    }

    fn put_detector_state(&mut self, update: DetectorStateUpdate) -> Result<(), CommitError> {
        let id = Entity::id(&update.value);
        if self.entity::<DetectorState>(id)?.map(|found| found.value) != update.seen {
            return Err(CommitError::Stale);
        }
        self.replace(update.value)
    }

    fn store_response(&mut self, response: StoredResponse) -> Result<(), CommitError> {
        let stored = self.entity::<StoredResponse>(response.key)?;
        if stored.is_some_and(|stored| stored.value.until > response.at) {
            return Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey));
        }
        self.replace(response)
    }

    /// Stores an entity whatever there was under its key.
    fn replace(&mut self, entity: impl Entity) -> Result<(), CommitError> {
        let entity = AnyEntity::new(entity);
        self.records.remove(&entity.record_key());
        self.insert(&entity, Version::FIRST)
    }

    pub(super) fn record_heartbeat(
        &mut self,
        beat: &SessionHeartbeat,
    ) -> Result<Option<Versioned<Session>>, StoreError> {
        let Some(session) = self.entity::<Session>(beat.session)?.map(|found| found.value) else { return Ok(None) };
        let accepts = matches!(session.status(), SessionStatus::Active | SessionStatus::Paused);
        let has_task = beat.current_task.is_none() || beat.current_task.as_ref() == session.current_task();
        if !(accepts && has_task) {
            return Ok(None);
        }
        self.move_heartbeat::<Session>(beat.session, session.last_heartbeat.max(beat.at))
    }

    pub(super) fn record_machine_heartbeat(
        &mut self,
        id: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        let found = self.entity::<Machine>(id.clone())?.map(|found| found.value);
        let Some(machine) = found.filter(|machine| machine.status != MachineStatus::Offline) else { return Ok(None) };
        self.move_heartbeat::<Machine>(id.clone(), machine.last_heartbeat.max(at))
    }

    fn move_heartbeat<T: Entity>(&mut self, id: T::Id, at: Timestamp) -> Result<Option<Versioned<T>>, StoreError>
    where
        T::Id: Clone,
    {
        if let Some(row) = self.records.get_mut(&RecordKey::of::<T>(id.clone())) {
            Arc::make_mut(row).fields.set("last_heartbeat", StoredValue::Time(at));
        }
        self.entity::<T>(id)
    }
}

/// Returns whether a record is among those that a declaration names.
fn holds(condition: &Condition, row: &Row) -> bool {
    let text = |field: &rekindle_records::Field| match row.fields.value(field.name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    match condition {
        Condition::Is(field, wanted) => text(field).as_deref() == Some(wanted),
        Condition::IsOneOf(field, wanted) => text(field).is_some_and(|text| wanted.contains(&text.as_ref())),
        Condition::Present(field) => row.fields.value(field.name).is_some(),
        Condition::Absent(field) => row.fields.value(field.name).is_none(),
        Condition::NotNegative(field) => row.fields.value(field.name) >= Some(Value::Integer(0)),
    }
}
