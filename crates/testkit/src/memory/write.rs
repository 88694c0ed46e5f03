//! Commits and beats on the maps.

use std::collections::BTreeMap;

use rekindle_core::store::{
    self, Changes, CommitError, Committed, EVENT_PURGE_BATCH, Expect, Put, SessionHeartbeat, StoredResponse,
    UniqueRule, Write,
};
use rekindle_core::{
    ApiKey, Machine, MachineId, MachineStatus, Session, SessionId, SessionStatus, Task, Timestamp, Version, Versioned,
};

use super::state::{Row, State};

/// What a put needs to know of an entity.
trait Entity: Clone {
    type Id: Ord + Clone;
    fn id(&self) -> Self::Id;
    fn heard(&mut self) -> Option<&mut Timestamp>;
}

impl Entity for Session {
    type Id = SessionId;
    fn id(&self) -> SessionId {
        self.id
    }
    fn heard(&mut self) -> Option<&mut Timestamp> {
        Some(&mut self.last_heartbeat)
    }
}

impl Entity for Task {
    type Id = rekindle_core::TaskId;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn heard(&mut self) -> Option<&mut Timestamp> {
        None
    }
}

impl Entity for Machine {
    type Id = MachineId;
    fn id(&self) -> MachineId {
        self.id.clone()
    }
    fn heard(&mut self) -> Option<&mut Timestamp> {
        Some(&mut self.last_heartbeat)
    }
}

impl Entity for ApiKey {
    type Id = rekindle_core::KeyId;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn heard(&mut self) -> Option<&mut Timestamp> {
        None
    }
}

impl State {
    pub(super) fn apply(&mut self, changes: Changes) -> Result<Committed, CommitError> {
        if changes.fence.is_some_and(|fence| !self.stands(fence)) {
            return Err(CommitError::Fenced);
        }
        if let Some(answer) = changes.stored_response {
            self.remember(answer)?;
        }
        let mut committed = Committed::default();
        for write in changes.writes {
            match write {
                Write::PutSession(put) => {
                    let id = put.value.id;
                    put_row(&mut self.sessions, &mut self.sequence, put)?;
                    self.check_rules(id)?;
                }
                Write::PutTask(put) => put_row(&mut self.tasks, &mut self.sequence, put)?,
                Write::PutMachine(put) => put_row(&mut self.machines, &mut self.sequence, put)?,
                Write::PutKey(put) => put_row(&mut self.keys, &mut self.sequence, put)?,
                Write::Restore(row) => match *row {
                    store::StoredEntity::Session(row) => {
                        let id = row.value.id;
                        restore(&mut self.sessions, &mut self.sequence, row)?;
                        self.check_rules(id)?;
                    }
                    store::StoredEntity::Task(row) => restore(&mut self.tasks, &mut self.sequence, row)?,
                    store::StoredEntity::Machine(row) => restore(&mut self.machines, &mut self.sequence, row)?,
                    store::StoredEntity::Key(row) => restore(&mut self.keys, &mut self.sequence, row)?,
                },
                Write::TouchSession(id, revision) => touch(&mut self.sessions, &id, revision)?,
                Write::TouchMachine(id, revision) => touch(&mut self.machines, &id, revision)?,
                Write::DeleteSession(id, version) => {
                    delete(&mut self.sessions, &id, version)?;
                    let before = self.tasks.len();
                    self.tasks.retain(|_, task| task.value.session_id != id);
                    committed.deleted_tasks += (before - self.tasks.len()) as u64;
                    self.events.retain(|(_, event)| event.deleted_with_session() != Some(id));
                }
                Write::DeleteTask(id, version) => delete(&mut self.tasks, &id, version)?,
                Write::DeleteMachine(id, version) => delete(&mut self.machines, &id, version)?,
            }
        }
        for event in changes.events {
            self.sequence += 1;
            self.events.push((self.sequence, event));
        }
        if let Some(before) = changes.purge_events_before {
            self.events.retain(|(_, event)| {
                let stays = event.deleted_with_session().is_some() || event.at >= before;
                let goes = !stays && committed.purged_events < EVENT_PURGE_BATCH;
                committed.purged_events += u64::from(goes);
                !goes
            });
        }
        if let Some(watch) = changes.detector_state {
            if self.watch != watch.seen {
                return Err(CommitError::Stale);
            }
            self.watch = Some(watch.value);
        }
        Ok(committed)
    }

    fn remember(&mut self, answer: StoredResponse) -> Result<(), CommitError> {
        if self.answers.get(&answer.key).is_some_and(|standing| standing.until > answer.at) {
            return Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey));
        }
        self.answers.insert(answer.key, answer);
        Ok(())
    }

    /// The unique rules, one after the other, as far as the session that was just put can break them.
    fn check_rules(&self, id: SessionId) -> Result<(), CommitError> {
        let put = &self.sessions[&id].value;
        let any_other = |conflicts: &dyn Fn(&Session) -> bool| {
            self.sessions.values().map(|row| &row.value).any(|other| other.id != id && conflicts(other))
        };
        let both = |other: &Session, status: fn(SessionStatus) -> bool| status(put.status()) && status(other.status());
        if any_other(&|other| {
            both(other, |status| status == SessionStatus::Active)
                && (&put.machine_id, &put.project_id) == (&other.machine_id, &other.project_id)
        }) {
            return Err(CommitError::UniqueViolation(UniqueRule::ActivePerProjectAndMachine));
        }
        if put.docker_slot.is_some()
            && any_other(&|other| {
                both(other, SessionStatus::is_live)
                    && (&put.machine_id, put.docker_slot) == (&other.machine_id, other.docker_slot)
            })
        {
            return Err(CommitError::UniqueViolation(UniqueRule::LivePerSlot));
        }
        let from = put.lineage.recovered_from;
        if from.is_some() && any_other(&|other| other.lineage.recovered_from == from) {
            return Err(CommitError::UniqueViolation(UniqueRule::Successor));
        }
        Ok(())
    }

    pub(super) fn beat(&mut self, beat: &SessionHeartbeat) -> Option<Versioned<Session>> {
        let row = self.sessions.get_mut(&beat.session)?;
        let allows = matches!(row.value.status(), SessionStatus::Active | SessionStatus::Paused);
        let shows = beat.current_task.is_none() || beat.current_task.as_ref() == row.value.current_task();
        if !(allows && shows) {
            return None;
        }
        row.value.last_heartbeat = row.value.last_heartbeat.max(beat.at);
        Some(row.versioned())
    }

    pub(super) fn beat_machine(&mut self, machine: &MachineId, at: Timestamp) -> Option<Versioned<Machine>> {
        let row = self.machines.get_mut(machine).filter(|row| row.value.status != MachineStatus::Offline)?;
        row.value.last_heartbeat = row.value.last_heartbeat.max(at);
        Some(row.versioned())
    }
}

fn put_row<T: Entity>(rows: &mut BTreeMap<T::Id, Row<T>>, sequence: &mut u64, put: Put<T>) -> Result<(), CommitError> {
    let Put { mut value, expect } = put;
    match (rows.get_mut(&value.id()), expect) {
        (None, Expect::Absent) => {
            *sequence += 1;
            rows.insert(value.id(), Row { value, version: Version::FIRST, sequence: *sequence });
            Ok(())
        }
        (Some(row), Expect::At(at) | Expect::NoHeartbeatSince { at, .. }) if row.version == at => {
            let heard = row.value.heard().copied();
            if let (Expect::NoHeartbeatSince { since, .. }, Some(heard)) = (expect, heard)
                && heard > since
            {
                return Err(CommitError::Stale);
            }
            if let (Some(new), Some(heard)) = (value.heard(), heard) {
                *new = heard.max(*new);
            }
            row.value = value;
            row.version = at.after_put();
            Ok(())
        }
        (None | Some(_), _) => Err(CommitError::Stale),
    }
}

fn restore<T: Entity>(
    rows: &mut BTreeMap<T::Id, Row<T>>,
    sequence: &mut u64,
    row: Versioned<T>,
) -> Result<(), CommitError> {
    let Versioned { value, version } = row;
    if rows.contains_key(&value.id()) {
        return Err(CommitError::Stale);
    }
    *sequence += 1;
    rows.insert(value.id(), Row { value, version, sequence: *sequence });
    Ok(())
}

fn touch<I: Ord, T>(rows: &mut BTreeMap<I, Row<T>>, id: &I, revision: u64) -> Result<(), CommitError> {
    let row = rows.get_mut(id).filter(|row| row.version.revision == revision).ok_or(CommitError::Stale)?;
    row.version.touches += 1;
    Ok(())
}

fn delete<I: Ord, T>(rows: &mut BTreeMap<I, Row<T>>, id: &I, version: Version) -> Result<(), CommitError> {
    match rows.get(id) {
        Some(row) if row.version == version => {
            rows.remove(id);
            Ok(())
        }
        None | Some(_) => Err(CommitError::Stale),
    }
}
