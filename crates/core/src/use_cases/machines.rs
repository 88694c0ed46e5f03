//! Machines: register, read, change, beat, delete. Which sessions live on a machine is always derived.

use super::error::Error;
use super::{CommitOutcome, IfMatch, MachinePatch, NewMachine, Reply, RetryBudget, Tracker, merge_patch};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::machine::transition::{MachineEvent, step};
use crate::domain::machine::{Machine, MachineStatus};
use crate::domain::rejection::Rejection;
use crate::rules::next_update;
use crate::store::{Changes, LiveSession, MachineFilter, Page, PageRequest, StoreError, Version, Versioned, Write};
use crate::values::{MachineId, SessionId, Slots, Timestamp};

/// A machine with the sessions that live on it.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineView {
    /// The machine.
    pub machine: Versioned<Machine>,
    /// The live sessions on it, oldest first.
    pub active_sessions: Vec<SessionId>,
}

/// What became of a registration that replaces.
#[derive(Debug, Clone, PartialEq)]
pub enum Registered {
    /// The machine is new.
    New(MachineView),
    /// It was known, and is now as given.
    Replaced(MachineView),
}

impl Tracker {
    /// Registers a machine, online from now on, under this id or a fresh one.
    ///
    /// # Errors
    /// [`Rejection::MachineExists`].
    pub async fn create_machine(&self, id: Option<MachineId>, new: NewMachine) -> Result<MachineView, Error> {
        let now = self.clock.now();
        let machine = new_machine(id.unwrap_or_else(|| MachineId::made(self.ids.new_id())), new, now);
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                if let Some(row) = self.store.machine(&machine.id).await? {
                    // Our own earlier attempt may have been written: it carries our stamp of time.
                    if attempts.outcome_may_be_ours()
                        && row.version.revision == Version::FIRST.revision
                        && row.value.created_at == now
                    {
                        return self.view(row).await;
                    }
                    return Err(Rejection::MachineExists { machine: machine.id }.into());
                }
                if let Some(row) = self.register(&mut attempts, machine.clone(), now).await? {
                    return self.view(row).await;
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    async fn register(
        &self,
        attempts: &mut RetryBudget,
        machine: Machine,
        now: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, Error> {
        let mut changes = Changes::default();
        changes.insert(machine.clone());
        changes.events.push(Event::new(now, EventKind::MachineRegistered, Subject::Machine(machine.id.clone())));
        let made = Versioned { value: machine, version: Version::FIRST };
        let view = self.view_to_store(&made).await?;
        match self.commit(attempts, changes, view.as_ref().map(Reply::Machine)).await? {
            CommitOutcome::Done(_) => Ok(Some(made)),
            CommitOutcome::Stale | CommitOutcome::Taken(_) => Ok(None),
        }
    }

    /// Registers a machine, or replaces what is known of it; counts as a heartbeat.
    ///
    /// # Errors
    /// [`Rejection::SlotConflict`] for a slot in use that would go, [`Rejection::RevisionMismatch`],
    /// [`Rejection::NothingToMatch`].
    pub async fn put_machine(
        &self,
        id: MachineId,
        new: NewMachine,
        if_match: Option<&IfMatch>,
    ) -> Result<Registered, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let Some(row) = self.store.machine(&id).await? else {
                    if if_match.is_some() {
                        return Err(Rejection::NothingToMatch.into());
                    }
                    match self.register(&mut attempts, new_machine(id.clone(), new.clone(), now), now).await? {
                        Some(row) => return Ok(Registered::New(self.view(row).await?)),
                        None => continue,
                    }
                };
                if !attempts.outcome_may_be_ours() {
                    IfMatch::check(if_match, row.version)?;
                }
                let mut next = row.value.clone();
                next.hostname = new.hostname.clone();
                next.docker_slots = new.docker_slots.clone();
                next.metadata = new.metadata.clone();
                next.status = step(row.value.status, MachineEvent::Beat);
                if next != row.value {
                    IfMatch::check(if_match, row.version)?;
                }
                if let Some(row) = self.change_machine(&mut attempts, &row, next, SignOfLife::At(now), now).await? {
                    return Ok(Registered::Replaced(self.view(row).await?));
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// One machine.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn machine(&self, id: &MachineId) -> Result<MachineView, Error> {
        let row = self.load_machine(id).await?;
        self.view(row).await
    }

    async fn load_machine(&self, id: &MachineId) -> Result<Versioned<Machine>, Error> {
        let found = self.store.machine(id).await?;
        found.ok_or_else(|| Rejection::NotFound { entity: "machine", id: id.to_string() }.into())
    }

    async fn view(&self, machine: Versioned<Machine>) -> Result<MachineView, Error> {
        let live = self.live_sessions_on(std::slice::from_ref(&machine.value.id)).await?;
        Ok(MachineView { machine, active_sessions: live.into_iter().map(|session| session.session_id).collect() })
    }

    /// The answer that a commit takes along, if one is asked for.
    async fn view_to_store(&self, machine: &Versioned<Machine>) -> Result<Option<MachineView>, Error> {
        match self.idempotent_request {
            Some(_) => self.view(machine.clone()).await.map(Some),
            None => Ok(None),
        }
    }

    /// A page of machines, newest first, each with its live sessions.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn machines(
        &self,
        filter: &MachineFilter,
        page: PageRequest,
    ) -> Result<(Page<Machine>, Vec<LiveSession>), Error> {
        let page = self.store.machines(filter, page).await?;
        let ids: Vec<_> = page.items.iter().map(|row| row.value.id.clone()).collect();
        let live = self.live_sessions_on(&ids).await?;
        Ok((page, live))
    }

    /// Changes a machine. A patch that changes nothing leaves the revision alone.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SlotConflict`] for a slot in use that would
    /// go, [`Rejection::Invalid`] for metadata that grew too large.
    pub async fn update_machine(&self, id: &MachineId, patch: &MachinePatch) -> Result<MachineView, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load_machine(id).await?;
                if !attempts.outcome_may_be_ours() {
                    IfMatch::check(patch.if_match.as_ref(), row.version)?;
                }
                let mut next = row.value.clone();
                let mut life = SignOfLife::None;
                if let Some(status) = patch.status {
                    next.status = step(row.value.status, MachineEvent::asking_for(status));
                    // Whoever declares a machine online has reason to: its silence begins anew.
                    if status == MachineStatus::Online {
                        life = SignOfLife::At(now);
                    }
                }
                if let Some(slots) = &patch.docker_slots {
                    next.docker_slots = slots.clone();
                }
                if let Some(merge) = &patch.metadata {
                    next.metadata = merge_patch(&row.value.metadata, merge)?;
                }
                // Under doubt only now: had our own earlier attempt been written, nothing would be left to change.
                if next != row.value {
                    IfMatch::check(patch.if_match.as_ref(), row.version)?;
                }
                if let Some(row) = self.change_machine(&mut attempts, &row, next, life, now).await? {
                    return self.view(row).await;
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Commits a changed machine; none: look again.
    async fn change_machine(
        &self,
        attempts: &mut RetryBudget,
        row: &Versioned<Machine>,
        mut next: Machine,
        life: SignOfLife,
        now: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, Error> {
        if next == row.value {
            return Ok(match life {
                SignOfLife::None => Some(row.clone()),
                SignOfLife::At(at) => self.beat_in_place(row, at).await?,
            });
        }
        self.ensure_slots_kept(&row.value, &next.docker_slots).await?;
        if let SignOfLife::At(at) = life {
            next.last_heartbeat = next.last_heartbeat.max(at);
        }
        next.updated_at = next_update(row.value.updated_at, now);
        let mut changes = Changes::default();
        changes.update(next.clone(), row.version);
        changes.events.push(Event::new(now, event_kind(&row.value, &next), Subject::Machine(next.id.clone())));
        let next = Versioned { value: next, version: row.version.after_put() };
        let view = self.view_to_store(&next).await?;
        Ok(match self.commit(attempts, changes, view.as_ref().map(Reply::Machine)).await? {
            CommitOutcome::Done(_) => Some(next),
            CommitOutcome::Stale | CommitOutcome::Taken(_) => None,
        })
    }

    async fn beat_in_place(
        &self,
        row: &Versioned<Machine>,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        let refreshed = self.store.record_machine_heartbeat(&row.value.id, at).await?;
        Ok(refreshed.filter(|now| now.version.revision == row.version.revision))
    }

    /// A slot that a live session holds cannot be taken away.
    async fn ensure_slots_kept(&self, machine: &Machine, slots: &Slots) -> Result<(), Error> {
        if machine.docker_slots == *slots {
            return Ok(());
        }
        for live in self.live_sessions_on(std::slice::from_ref(&machine.id)).await? {
            if let Some(slot) = live.docker_slot
                && machine.docker_slots.contains(slot)
                && !slots.contains(slot)
            {
                let refusal = Rejection::SlotConflict { machine: machine.id.clone(), slot, existing: live.session_id };
                return Err(refusal.into());
            }
        }
        Ok(())
    }

    /// Takes a machine's heartbeat: an offline machine is online by it, one in maintenance stays there.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn record_machine_heartbeat(&self, id: &MachineId) -> Result<MachineView, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                if let Some(row) = self.store.record_machine_heartbeat(id, now).await? {
                    return self.view(row).await;
                }
                let row = self.load_machine(id).await?;
                let mut next = row.value.clone();
                next.status = step(row.value.status, MachineEvent::Beat);
                if let Some(row) = self.change_machine(&mut attempts, &row, next, SignOfLife::At(now), now).await? {
                    return self.view(row).await;
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Forgets a machine that has no live sessions.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::MachineInUse`].
    pub async fn delete_machine(&self, id: &MachineId, if_match: Option<&IfMatch>) -> Result<(), Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = match self.load_machine(id).await {
                    Err(Error::Rejected(Rejection::NotFound { .. })) if attempts.outcome_may_be_ours() => return Ok(()),
                    found => found?,
                };
                IfMatch::check(if_match, row.version)?;
                let live = self.live_sessions_on(std::slice::from_ref(id)).await?;
                if let Some(first) = live.first() {
                    let existing = first.session_id;
                    return Err(Rejection::MachineInUse { machine: id.clone(), live: live.len(), existing }.into());
                }
                let mut changes = Changes::default();
                changes.writes.push(Write::DeleteMachine(id.clone(), row.version));
                changes.events.push(Event::new(now, EventKind::MachineDeleted, Subject::Machine(id.clone())));
                match self.commit(&mut attempts, changes, None).await? {
                    CommitOutcome::Done(_) => return Ok(()),
                    CommitOutcome::Stale | CommitOutcome::Taken(_) => {}
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }
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
