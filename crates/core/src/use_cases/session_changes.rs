//! The steps that several use cases of sessions share: placing one, refreshing its heartbeat, and merging what a
//! client sends into it.

use super::decide::Decision;
use super::engine::Engine;
use super::error::Error;
use crate::domain::machine::Machine;
use crate::domain::rejection::Rejection;
use crate::domain::session::{Phase, Session};
use crate::rules::next_update;
use crate::rules::placement::{Purpose, check_available};
use crate::store::{Changes, FindTyped, LiveSession, SessionHeartbeat, StoreError, Versioned, Write, queries};
use crate::values::{FieldUpdate, MachineId, Metadata, MetadataPatch, SessionId, Slot, TaskLabel, Timestamp};

impl Engine {
    /// Checks that a machine takes a session, and touches the machine, so that it cannot change unseen. A machine that
    /// is not registered takes any.
    pub(super) async fn check_placement(
        &self,
        changes: &mut Changes,
        machine: &MachineId,
        slot: Option<Slot>,
        purpose: Purpose,
    ) -> Result<(), Error> {
        if let Some(row) = self.store.read(queries::machine(machine)).await? {
            check_available(&row.value, slot, purpose)?;
            changes.writes.push(Write::touch::<Machine>(machine.clone(), row.version.revision));
        }
        Ok(())
    }

    /// Returns the live sessions on these machines.
    pub(super) async fn live_sessions_on(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError> {
        if machines.is_empty() { Ok(Vec::new()) } else { self.store.read(queries::live_sessions(machines)).await }
    }

    /// Moves `last_heartbeat` in place, if the session is in a state that allows it.
    pub(super) async fn refresh(
        &self,
        session: SessionId,
        current_task: Option<TaskLabel>,
        at: Timestamp,
    ) -> Result<Option<Versioned<Session>>, StoreError> {
        self.store.record_heartbeat(SessionHeartbeat { session, at, current_task }).await
    }

    /// Refreshes a session of which nothing else changes. Starts over when another request changed it since it was
    /// read: what it shows may not be what this request reported.
    pub(super) async fn refresh_unchanged(
        &self,
        row: &Versioned<Session>,
        at: Timestamp,
    ) -> Result<Decision<Versioned<Session>>, Error> {
        Ok(match self.refresh(row.value.id, None, at).await? {
            Some(refreshed) if refreshed.version.revision == row.version.revision => Decision::Done(refreshed),
            Some(_) | None => Decision::Retry,
        })
    }
}

/// Decides to store a changed session.
pub(super) fn update_session(
    row: &Versioned<Session>,
    mut next: Session,
    mut changes: Changes,
    now: Timestamp,
) -> Decision<Versioned<Session>> {
    next.updated_at = next_update(row.value.updated_at, now);
    changes.update(next.clone(), row.version);
    let answer = Versioned { value: next.clone(), version: row.version.after_put() };
    Decision::place(changes, answer, next)
}

/// Applies what a request says of the current task.
pub(super) fn set_current_task(session: &mut Session, change: &FieldUpdate<TaskLabel>) {
    if let Phase::Live(live) = &mut session.phase {
        match change {
            FieldUpdate::Keep => {}
            FieldUpdate::Clear => live.current_task = None,
            FieldUpdate::Set(label) => live.current_task = Some(label.clone()),
        }
    }
}

/// Merges a patch into a session's metadata.
pub(super) fn merge_metadata(session: &mut Session, patch: Option<&MetadataPatch>) -> Result<(), Rejection> {
    if let Some(patch) = patch {
        session.metadata = merge_patch(&session.metadata, patch)?;
    }
    Ok(())
}

/// Returns metadata with a patch applied.
pub(super) fn merge_patch(metadata: &Metadata, patch: &MetadataPatch) -> Result<Metadata, Rejection> {
    metadata.merged(patch).map_err(|invalid| Rejection::Invalid { field: "metadata", why: invalid.0 })
}
