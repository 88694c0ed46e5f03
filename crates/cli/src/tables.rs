//! Formats sessions, tasks, machines and keys for people: as rows of a list, or one alone.

use rekindle_api::{
    ApiKey, ApiKeyList, AuditEvent, AuditTrail, Machine, MachineList, Object, Session, SessionList, Task, TaskList,
};

use crate::list::rest;
use crate::messages::visible;
use crate::output::{age, cell, drawn, optional, table};

/// Formats a list of sessions.
pub(crate) fn sessions(list: &SessionList) -> String {
    if list.items.is_empty() {
        return "no sessions\n".to_owned();
    }
    let mut drawing = table(&["SESSION", "PROJECT", "MACHINE", "SLOT", "STATUS", "LAST BEAT", "STARTED", "ATTEMPT"]);
    for session in &list.items {
        drawing.add_row([
            session.session_id.to_string(),
            cell(&session.project_id),
            cell(&session.machine_id),
            optional(session.docker_slot.map(|slot| slot.to_string()).as_deref()),
            session.status.to_string(),
            age(session.last_heartbeat),
            age(session.started_at),
            session.attempt.to_string(),
        ]);
    }
    drawn(&drawing) + &rest(list.items.len(), list.total, list.next_cursor.as_deref())
}

/// Formats a list of tasks.
pub(crate) fn tasks(list: &TaskList) -> String {
    if list.items.is_empty() {
        return "no tasks\n".to_owned();
    }
    task_rows(&list.items) + &rest(list.items.len(), list.total, list.next_cursor.as_deref())
}

/// Formats tasks without their total number.
pub(crate) fn task_rows(tasks: &[Task]) -> String {
    let mut drawing = table(&["TASK", "NAME", "STATUS", "SESSION", "CHANGED"]);
    for task in tasks {
        drawing.add_row([
            task.task_id.to_string(),
            cell(&task.task_name),
            task.status.to_string(),
            task.session_id.to_string(),
            age(task.updated_at),
        ]);
    }
    drawn(&drawing)
}

/// Formats a list of machines.
pub(crate) fn machines(list: &MachineList) -> String {
    if list.items.is_empty() {
        return "no machines\n".to_owned();
    }
    let mut drawing = table(&["MACHINE", "HOSTNAME", "STATUS", "SLOTS", "SESSIONS", "LAST BEAT"]);
    for machine in &list.items {
        drawing.add_row([
            cell(&machine.machine_id),
            cell(&machine.hostname),
            machine.status.to_string(),
            slots(&machine.docker_slots),
            machine.active_sessions.len().to_string(),
            age(machine.last_heartbeat),
        ]);
    }
    drawn(&drawing) + &rest(list.items.len(), list.total, list.next_cursor.as_deref())
}

/// Formats one session.
pub(crate) fn session(session: &Session) -> String {
    let mut facts = KeyValueTable::default();
    facts.add("session", &session.session_id);
    facts.add("project", &session.project_id);
    facts.add("machine", &session.machine_id);
    facts.maybe("slot", session.docker_slot);
    facts.add("status", &session.status);
    facts.add("last beat", &format!("{} ({})", age(session.last_heartbeat), session.last_heartbeat));
    facts.maybe("current task", session.current_task_id.as_ref());
    facts.add("started", &format!("{} ({})", age(session.started_at), session.started_at));
    facts.maybe("ended", session.completed_at.map(|at| format!("{} ({at})", age(at))));
    facts.add("attempt", &session.attempt);
    facts.maybe("recovered from", session.recovered_from);
    facts.maybe("recovered into", session.recovered_into);
    facts.metadata(&session.metadata);
    facts.add("revision", &session.revision);
    facts.0
}

/// Formats one task.
pub(crate) fn task(task: &Task) -> String {
    let mut facts = KeyValueTable::default();
    facts.add("task", &task.task_id);
    facts.add("name", &task.task_name);
    facts.add("status", &task.status);
    facts.add("session", &task.session_id);
    facts.add("project", &task.project_id);
    facts.maybe("issue", task.github_issue_id.as_ref());
    facts.maybe("started", task.started_at.map(|at| format!("{} ({at})", age(at))));
    facts.maybe("ended", task.completed_at.map(|at| format!("{} ({at})", age(at))));
    facts.maybe("error", task.error_message.as_ref());
    facts.maybe("copied from", task.copied_from);
    facts.metadata(&task.metadata);
    facts.add("revision", &task.revision);
    facts.0
}

/// Formats one machine.
pub(crate) fn machine(machine: &Machine) -> String {
    let mut facts = KeyValueTable::default();
    facts.add("machine", &machine.machine_id);
    facts.add("hostname", &machine.hostname);
    facts.add("status", &machine.status);
    facts.add("slots", &slots(&machine.docker_slots));
    for session in &machine.active_sessions {
        facts.add("session", &session);
    }
    facts.add("last beat", &format!("{} ({})", age(machine.last_heartbeat), machine.last_heartbeat));
    facts.metadata(&machine.metadata);
    facts.add("revision", &machine.revision);
    facts.0
}

/// Formats a list of API keys.
pub(crate) fn keys(list: &ApiKeyList) -> String {
    if list.keys.is_empty() {
        return "no keys were handed out\n".to_owned();
    }
    let mut drawing = table(&["KEY", "NAME", "ROLE", "PROJECT", "STATE", "MADE", "EXPIRES"]);
    for key in &list.keys {
        drawing.add_row([
            key.key_id.to_string(),
            cell(&key.name),
            key.role.to_string(),
            optional(key.project_id.as_deref()),
            key.state.clone(),
            age(key.created_at),
            optional(key.expires_at.map(|at| at.to_string()).as_deref()),
        ]);
    }
    drawn(&drawing)
}

/// Formats one key, without its secret.
pub(crate) fn key(key: &ApiKey) -> KeyValueTable {
    let mut facts = KeyValueTable::default();
    facts.add("key", &key.key_id);
    facts.add("name", &key.name);
    facts.add("role", &key.role);
    facts.maybe("project", key.project_id.as_ref());
    facts.add("state", &key.state);
    facts.maybe("expires", key.expires_at);
    facts.maybe("revoked", key.revoked_at);
    facts.maybe("replaced by", key.replaced_by);
    facts
}

/// Formats a page of the audit trail.
pub(crate) fn audit(trail: &AuditTrail) -> String {
    if trail.events.is_empty() {
        return "nothing happened\n".to_owned();
    }
    let mut drawing = table(&["WHEN", "WHAT", "TO", "BY KEY", "FROM", "DETAIL"]);
    for event in &trail.events {
        let detail: Vec<_> = event.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
        drawing.add_row([
            event.at.to_string(),
            cell(&event.kind),
            optional(subject(event).as_deref()),
            optional(event.key_id.map(|id| id.to_string()).as_deref()),
            optional(event.ip.as_deref()),
            cell(&detail.join(" ")),
        ]);
    }
    let more = trail.next_cursor.as_ref().map(|next| format!("\nmore: --cursor {next}\n"));
    drawn(&drawing) + &more.unwrap_or_default()
}

fn subject(event: &AuditEvent) -> Option<String> {
    let task = event.task_id.map(|id| format!("task {id}"));
    let session = || event.session_id.map(|id| format!("session {id}"));
    let machine = || event.machine_id.as_ref().map(|id| format!("machine {id}"));
    let key = || event.subject_key_id.map(|id| format!("key {id}"));
    task.or_else(session).or_else(machine).or_else(key)
}

fn slots(slots: &[u16]) -> String {
    match slots {
        [] => "-".to_owned(),
        slots => slots.iter().map(u16::to_string).collect::<Vec<_>>().join(","),
    }
}

/// Names and values, one pair a line. Further lines of a value are aligned below its first.
#[derive(Default)]
pub(crate) struct KeyValueTable(pub String);

impl KeyValueTable {
    /// Adds a pair.
    pub(crate) fn add(&mut self, name: &str, value: &(impl ToString + ?Sized)) {
        let value = visible(&value.to_string()).replace('\n', &format!("\n{:16}", ""));
        self.0.push_str(&format!("{name:<16}{value}\n"));
    }

    /// Adds a pair if there is a value.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, &value);
        }
    }

    /// Adds the metadata, one key a line.
    pub(crate) fn metadata(&mut self, metadata: &Object) {
        for (key, value) in metadata {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.add("metadata", &format!("{key}: {text}"));
        }
    }
}
