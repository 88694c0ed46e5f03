//! Questions to the maps.

use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::store::{
    AuditFilter, Cursor, EventPosition, Expired, ExpiredCounts, LiveSession, MachineFilter, Page, PageRequest,
    RecordedEvent, SessionCounts, SessionFilter, StalledSessions, Start, TaskFilter,
};
use rekindle_core::{
    ApiKey, Machine, MachineId, MachineStatus, ProjectId, Session, SessionId, SessionStatus, Slot, Task, TaskStatus,
    Timestamp, Versioned,
};

use super::state::{Row, State};

impl State {
    pub(super) fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Vec<Versioned<Task>> {
        let mut rows: Vec<_> = self
            .tasks
            .values()
            .filter(|row| row.value.session_id == session && statuses.contains(&row.value.status()))
            .collect();
        rows.sort_by_key(|row| row.sequence);
        rows.into_iter().map(Row::versioned).collect()
    }

    pub(super) fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Option<SessionId> {
        let mut all = self.sessions.values().map(|row| &row.value);
        all.find(|session| {
            session.status() == SessionStatus::Active
                && session.project_id == *project
                && session.machine_id == *machine
        })
        .map(|session| session.id)
    }

    pub(super) fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Option<SessionId> {
        let mut all = self.sessions.values().map(|row| &row.value);
        all.find(|session| {
            session.status().is_live() && session.machine_id == *machine && session.docker_slot == Some(slot)
        })
        .map(|session| session.id)
    }

    pub(super) fn live_sessions(&self, machines: &[MachineId]) -> Vec<LiveSession> {
        let live = |row: &&Row<Session>| row.value.status().is_live() && machines.contains(&row.value.machine_id);
        let mut rows: Vec<_> = self.sessions.values().filter(live).collect();
        rows.sort_by_key(|row| (row.value.machine_id.clone(), row.value.created_at, row.sequence));
        let seen = |row: &Row<Session>| LiveSession {
            session_id: row.value.id,
            machine_id: row.value.machine_id.clone(),
            docker_slot: row.value.docker_slot,
        };
        rows.into_iter().map(seen).collect()
    }

    pub(super) fn list_sessions(&self, filter: &SessionFilter, page: PageRequest) -> Page<Session> {
        let matching = self.sessions.values().filter(|row| {
            let session = &row.value;
            filter.project_id.as_ref().is_none_or(|project| *project == session.project_id)
                && filter.machine_id.as_ref().is_none_or(|machine| *machine == session.machine_id)
                && filter.status.is_none_or(|status| status == session.status())
                && filter.archived.is_none_or(|archived| archived == session.archived_at().is_some())
                && filter.lineage_id.is_none_or(|lineage| lineage == session.lineage.id)
        });
        page_of(matching, |session| session.created_at, page)
    }

    pub(super) fn list_tasks(&self, filter: &TaskFilter, page: PageRequest) -> Page<Task> {
        let matching = self.tasks.values().filter(|row| {
            let task = &row.value;
            filter.session_id.is_none_or(|session| session == task.session_id)
                && filter.project_id.as_ref().is_none_or(|project| *project == task.project_id)
                && filter.status.is_none_or(|status| status == task.status())
        });
        page_of(matching, |task| task.created_at, page)
    }

    pub(super) fn list_machines(&self, filter: &MachineFilter, page: PageRequest) -> Page<Machine> {
        let matching =
            self.machines.values().filter(|row| filter.status.is_none_or(|status| status == row.value.status));
        page_of(matching, |machine| machine.created_at, page)
    }

    pub(super) fn counts(&self) -> SessionCounts {
        let mut counts = SessionCounts::default();
        for row in self.sessions.values() {
            *counts.of(row.value.status()) += 1;
        }
        counts
    }

    fn silent(&self, is_meant: impl Fn(&Session) -> bool) -> Vec<Versioned<Session>> {
        let mut rows: Vec<_> = self.sessions.values().filter(|row| is_meant(&row.value)).collect();
        rows.sort_by_key(|row| (row.value.last_heartbeat, row.sequence));
        rows.into_iter().map(Row::versioned).collect()
    }

    pub(super) fn silent_sessions(&self, heard_before: Timestamp, limit: u32) -> StalledSessions {
        let mut items = self.silent(|session| {
            let overdue = session.status() == SessionStatus::Active && session.last_heartbeat < heard_before;
            overdue || session.status() == SessionStatus::Stalled
        });
        let total = items.len() as u64;
        items.truncate(limit as usize);
        StalledSessions { items, total }
    }

    pub(super) fn overdue_sessions(&self, heard_before: Timestamp, limit: u32) -> Vec<Versioned<Session>> {
        let mut items =
            self.silent(|session| session.status() == SessionStatus::Active && session.last_heartbeat < heard_before);
        items.truncate(limit as usize);
        items
    }

    pub(super) fn overdue_machines(&self, heard_before: Timestamp, limit: u32) -> Vec<Versioned<Machine>> {
        let mut rows: Vec<_> = self
            .machines
            .values()
            .filter(|row| row.value.status == MachineStatus::Online && row.value.last_heartbeat < heard_before)
            .collect();
        rows.sort_by_key(|row| (row.value.last_heartbeat, row.sequence));
        rows.into_iter().take(limit as usize).map(Row::versioned).collect()
    }

    pub(super) fn earliest_heartbeat(&self) -> Option<Timestamp> {
        let sessions = self.sessions.values().map(|row| &row.value);
        let active = sessions.filter(|session| session.status() == SessionStatus::Active);
        let machines = self.machines.values().map(|row| &row.value);
        let online = machines.filter(|machine| machine.status == MachineStatus::Online);
        let heard = active.map(|session| session.last_heartbeat);
        heard.chain(online.map(|machine| machine.last_heartbeat)).min()
    }

    pub(super) fn expired(&self, ended_by: Timestamp) -> Vec<Expired> {
        let mut rows: Vec<_> = self
            .sessions
            .values()
            .filter_map(|row| Some((row.value.completed_at().filter(|at| *at <= ended_by)?, row)))
            .filter(|(_, row)| row.value.archived_at().is_none())
            .collect();
        rows.sort_by_key(|(completed_at, row)| (*completed_at, row.sequence));
        let expired = |(completed_at, row): (Timestamp, &Row<Session>)| Expired {
            session_id: row.value.id,
            project_id: row.value.project_id.clone(),
            completed_at,
            version: row.version,
        };
        rows.into_iter().map(expired).collect()
    }

    pub(super) fn expired_counts(&self, ended_by: Timestamp) -> ExpiredCounts {
        let expired = self.expired(ended_by);
        let tasks = self.tasks.values();
        let theirs = tasks.filter(|task| expired.iter().any(|session| session.session_id == task.value.session_id));
        ExpiredCounts { tasks: theirs.count() as u64, sessions: expired.len() as u64 }
    }

    pub(super) fn events_after(&self, after: u64, limit: u32) -> Vec<RecordedEvent> {
        let later = self.events.iter().filter(|(position, _)| *position > after);
        later.take(limit as usize).map(recorded).collect()
    }

    pub(super) fn trail(&self, filter: &AuditFilter, before: u64, limit: u32) -> Vec<RecordedEvent> {
        let earlier = self.events.iter().rev().filter(|(position, event)| *position < before && fits(filter, event));
        earlier.take(limit as usize).map(recorded).collect()
    }

    pub(super) fn keys(&self) -> Vec<Versioned<ApiKey>> {
        let mut rows: Vec<_> = self.keys.values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.value.created_at, row.sequence)));
        rows.into_iter().map(Row::versioned).collect()
    }
}

fn recorded((position, event): &(u64, Event)) -> RecordedEvent {
    RecordedEvent { position: EventPosition(position.to_string().into_boxed_str()), event: event.clone() }
}

fn fits(filter: &AuditFilter, event: &Event) -> bool {
    let (session, machine) = match &event.subject {
        Subject::Session(id) | Subject::Task(_, id) => (Some(*id), None),
        Subject::Machine(id) => (None, Some(id)),
        Subject::Key(_) | Subject::Service => (None, None),
    };
    let key = event.by.as_ref().and_then(|actor| actor.key);
    (filter.key.is_none() || filter.key == key)
        && (filter.session.is_none() || filter.session == session)
        && (filter.machine.is_none() || filter.machine.as_ref() == machine)
        && filter.kind.is_none_or(|kind| kind == event.kind)
        && filter.since.is_none_or(|since| since <= event.at)
        && filter.until.is_none_or(|until| event.at < until)
}

fn page_of<'a, T: Clone + 'a>(
    matching: impl Iterator<Item = &'a Row<T>>,
    created_at: impl Fn(&T) -> Timestamp,
    page: PageRequest,
) -> Page<T> {
    let mut rows: Vec<_> = matching.map(|row| ((created_at(&row.value), u128::from(row.sequence)), row)).collect();
    rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let total = rows.len() as u64;
    match page.start {
        Start::Offset(offset) => drop(rows.drain(..usize::try_from(offset).unwrap().min(rows.len()))),
        Start::After(cursor) => rows.retain(|(place, _)| *place < (cursor.created_at, cursor.mark)),
    }
    let more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let last = rows.last().map(|((created_at, mark), _)| Cursor { created_at: *created_at, mark: *mark });
    Page { items: rows.into_iter().map(|(_, row)| row.versioned()).collect(), total, next: last.filter(|_| more) }
}
