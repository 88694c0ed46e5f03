//! Machines: register, read, change, record heartbeats, delete. The live sessions of a machine are derived from the
//! sessions.

use super::decide::Decision;
use super::engine::Engine;
use super::error::Error;
use super::handles::Machines;
use super::input::{IfMatch, MachinePatch, NewMachine};
use super::session_changes::merge_patch;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::machine::transition::{MachineEvent, step};
use crate::domain::machine::{Machine, MachineStatus};
use crate::domain::rejection::Rejection;
use crate::rules::next_update;
use crate::store::{
    Changes, FindTyped, LiveSession, MachineFilter, Page, PageRequest, StoreError, Version, Versioned, Write, queries,
};
use crate::values::{MachineId, SessionId, Slots, Timestamp};

/// A machine and its live sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineView {
    /// The machine.
    pub machine: Versioned<Machine>,
    /// The live sessions on it, oldest first.
    pub active_sessions: Vec<SessionId>,
}

/// The result of [`Machines::put`].
#[derive(Debug, Clone, PartialEq)]
pub enum Registered {
    /// The machine was not registered before.
    New(MachineView),
    /// It was registered before, and was replaced.
    Replaced(MachineView),
}

impl Machines<'_> {
    /// Registers a machine, which is online, under this id or a new one.
    ///
    /// # Errors
    /// Fails with [`Rejection::MachineExists`].
    pub async fn create(&self, id: Option<MachineId>, new: NewMachine) -> Result<MachineView, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        let machine = &new_machine(id.unwrap_or_else(|| MachineId::made(engine.ids.new_id())), new, now);
        engine
            .decide(move |attempt| async move {
                if let Some(row) = engine.store.read(queries::machine(&machine.id)).await? {
                    // A row that an earlier attempt has written has this creation time.
                    if attempt.outcome_may_be_ours
                        && row.version.revision == Version::FIRST.revision
                        && row.value.created_at == now
                    {
                        return engine.machine_view(row).await.map(Decision::Done);
                    }
                    return Err(Rejection::MachineExists { machine: machine.id.clone() }.into());
                }
                let (changes, registered) = registration(machine.clone(), now);
                Ok(Decision::commit(changes, engine.machine_view(registered).await?))
            })
            .await
    }

    /// Registers a machine, or replaces what is stored of it; counts as a heartbeat.
    ///
    /// # Errors
    /// Fails with [`Rejection::SlotConflict`] for a slot in use that would go, [`Rejection::RevisionMismatch`],
    /// [`Rejection::NothingToMatch`].
    pub async fn put(&self, id: MachineId, new: NewMachine, if_match: Option<&IfMatch>) -> Result<Registered, Error> {
        let (engine, id, new) = (self.0, &id, &new);
        let now = engine.clock.now();
        engine
            .decide(move |attempt| async move {
                let Some(row) = engine.store.read(queries::machine(id)).await? else {
                    if if_match.is_some() {
                        return Err(Rejection::NothingToMatch.into());
                    }
                    let (changes, registered) = registration(new_machine(id.clone(), new.clone(), now), now);
                    let view = engine.machine_view(registered).await?;
                    return Ok(Decision::commit(changes, Registered::New(view)));
                };
                if !attempt.outcome_may_be_ours {
                    IfMatch::check(if_match, row.version)?;
                }
                let mut next = row.value.clone();
                next.hostname = new.hostname.clone();
                next.docker_slots = new.docker_slots.clone();
                next.metadata = new.metadata.clone();
                next.status = step(row.value.status, MachineEvent::Heartbeat);
                if next != row.value {
                    IfMatch::check(if_match, row.version)?;
                }
                let decision = engine.change_machine(&row, next, SignOfLife::At(now), now).await?;
                Ok(decision.map(Registered::Replaced))
            })
            .await
    }

    /// Returns one machine.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`].
    pub async fn get(&self, id: &MachineId) -> Result<MachineView, Error> {
        let row = self.0.load_machine(id).await?;
        self.0.machine_view(row).await
    }

    /// Returns a page of machines, newest first, and the live sessions on them.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn list(
        &self,
        filter: &MachineFilter,
        page: PageRequest,
    ) -> Result<(Page<Machine>, Vec<LiveSession>), Error> {
        let page = self.0.store.read(queries::machines(filter, page)).await?;
        let ids: Vec<_> = page.items.iter().map(|row| row.value.id.clone()).collect();
        let live = self.0.live_sessions_on(&ids).await?;
        Ok((page, live))
    }

    /// Changes a machine. A patch that changes nothing leaves the revision as it is.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SlotConflict`] for a slot in
    /// use that would go, [`Rejection::Invalid`] for metadata that grew too large.
    pub async fn update(&self, id: &MachineId, patch: &MachinePatch) -> Result<MachineView, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |attempt| async move {
                let row = engine.load_machine(id).await?;
                if !attempt.outcome_may_be_ours {
                    IfMatch::check(patch.if_match.as_ref(), row.version)?;
                }
                let mut next = row.value.clone();
                let mut sign_of_life = SignOfLife::None;
                if let Some(status) = patch.status {
                    next.status = step(row.value.status, MachineEvent::asking_for(status));
                    // Counts as a heartbeat: otherwise the next pass would mark the machine as offline again.
                    if status == MachineStatus::Online {
                        sign_of_life = SignOfLife::At(now);
                    }
                }
                if let Some(slots) = &patch.docker_slots {
                    next.docker_slots = slots.clone();
                }
                if let Some(merge) = &patch.metadata {
                    next.metadata = merge_patch(&row.value.metadata, merge)?;
                }
                // After an unknown outcome only now: had it been written, nothing would be left to change.
                if next != row.value {
                    IfMatch::check(patch.if_match.as_ref(), row.version)?;
                }
                engine.change_machine(&row, next, sign_of_life, now).await
            })
            .await
    }

    /// Records a machine's heartbeat: an offline machine is online by it, one in maintenance stays there.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`].
    pub async fn record_heartbeat(&self, id: &MachineId) -> Result<MachineView, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |_| async move {
                if let Some(row) = engine.store.record_machine_heartbeat(id, now).await? {
                    return engine.machine_view(row).await.map(Decision::Done);
                }
                let row = engine.load_machine(id).await?;
                let mut next = row.value.clone();
                next.status = step(row.value.status, MachineEvent::Heartbeat);
                engine.change_machine(&row, next, SignOfLife::At(now), now).await
            })
            .await
    }

    /// Deletes a machine that has no live sessions.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::MachineInUse`].
    pub async fn delete(&self, id: &MachineId, if_match: Option<&IfMatch>) -> Result<(), Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |attempt| async move {
                let row = match engine.load_machine(id).await {
                    Err(Error::Rejected(Rejection::NotFound { .. })) if attempt.outcome_may_be_ours => {
                        return Ok(Decision::Done(()));
                    }
                    found => found?,
                };
                IfMatch::check(if_match, row.version)?;
                let live = engine.live_sessions_on(std::slice::from_ref(id)).await?;
                if let Some(first) = live.first() {
                    let existing = first.session_id;
                    return Err(Rejection::MachineInUse { machine: id.clone(), live: live.len(), existing }.into());
                }
                let mut changes = Changes::default();
                changes.writes.push(Write::delete::<Machine>(id.clone(), row.version));
                changes.events.push(Event::new(now, EventKind::MachineDeleted, Subject::Machine(id.clone())));
                Ok(Decision::commit(changes, ()))
            })
            .await
    }
}

impl Engine {
    async fn load_machine(&self, id: &MachineId) -> Result<Versioned<Machine>, Error> {
        let found = self.store.read(queries::machine(id)).await?;
        found.ok_or_else(|| Rejection::NotFound { entity: "machine", id: id.to_string() }.into())
    }

    async fn machine_view(&self, machine: Versioned<Machine>) -> Result<MachineView, Error> {
        let live = self.live_sessions_on(std::slice::from_ref(&machine.value.id)).await?;
        Ok(MachineView { machine, active_sessions: live.into_iter().map(|session| session.session_id).collect() })
    }

    /// Decides to store a changed machine; one of which nothing changes is refreshed in place, if it showed a sign of
    /// life.
    async fn change_machine(
        &self,
        row: &Versioned<Machine>,
        mut next: Machine,
        sign_of_life: SignOfLife,
        now: Timestamp,
    ) -> Result<Decision<MachineView>, Error> {
        if next == row.value {
            let unchanged = match sign_of_life {
                SignOfLife::None => Some(row.clone()),
                SignOfLife::At(at) => self.refresh_machine(row, at).await?,
            };
            return Ok(match unchanged {
                Some(row) => Decision::Done(self.machine_view(row).await?),
                None => Decision::Retry,
            });
        }
        self.ensure_slots_kept(&row.value, &next.docker_slots).await?;
        if let SignOfLife::At(at) = sign_of_life {
            next.last_heartbeat = next.last_heartbeat.max(at);
        }
        next.updated_at = next_update(row.value.updated_at, now);
        let mut changes = Changes::default();
        changes.update(next.clone(), row.version);
        changes.events.push(Event::new(now, event_kind(&row.value, &next), Subject::Machine(next.id.clone())));
        let next = Versioned { value: next, version: row.version.after_put() };
        Ok(Decision::commit(changes, self.machine_view(next).await?))
    }

    /// Moves `last_heartbeat` in place, unless another request changed the machine since it was read.
    async fn refresh_machine(
        &self,
        row: &Versioned<Machine>,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        let refreshed = self.store.record_machine_heartbeat(&row.value.id, at).await?;
        Ok(refreshed.filter(|now| now.version.revision == row.version.revision))
    }

    /// Fails with [`Rejection::SlotConflict`] when a slot that a live session holds would be taken away.
    async fn ensure_slots_kept(&self, machine: &Machine, slots: &Slots) -> Result<(), Error> {
        if machine.docker_slots == *slots {
            return Ok(());
        }
        for live in self.live_sessions_on(std::slice::from_ref(&machine.id)).await? {
            if let Some(slot) = live.docker_slot
                && machine.docker_slots.contains(slot)
                && !slots.contains(slot)
            {
                let conflict = Rejection::SlotConflict { machine: machine.id.clone(), slot, existing: live.session_id };
                return Err(conflict.into());
            }
        }
        Ok(())
    }
}

fn registration(machine: Machine, now: Timestamp) -> (Changes, Versioned<Machine>) {
    let mut changes = Changes::default();
    changes.insert(machine.clone());
    changes.events.push(Event::new(now, EventKind::MachineRegistered, Subject::Machine(machine.id.clone())));
    (changes, Versioned { value: machine, version: Version::FIRST })
}

/// Whether a change of a machine shows that it is alive.
#[derive(Clone, Copy)]
enum SignOfLife {
    None,
    At(Timestamp),
}

fn event_kind(before: &Machine, after: &Machine) -> EventKind {
    match after.status {
        same if same == before.status => EventKind::MachineUpdated,
        MachineStatus::Online => EventKind::MachineOnline,
        MachineStatus::Offline => EventKind::MachineOffline,
        MachineStatus::Maintenance => EventKind::MachineMaintenance,
    }
}

fn new_machine(id: MachineId, new: NewMachine, now: Timestamp) -> Machine {
    Machine {
        id,
        hostname: new.hostname,
        docker_slots: new.docker_slots,
        status: MachineStatus::Online,
        last_heartbeat: now,
        metadata: new.metadata,
        created_at: now,
        updated_at: now,
    }
}
