//! What users list: filters, pages and cursors, and the shapes of the other answers.

use std::fmt;
use std::str::FromStr;

use super::changes::{Version, Versioned};
use crate::domain::event::{Event, EventKind};
use crate::domain::machine::MachineStatus;
use crate::domain::session::{Session, SessionStatus};
use crate::domain::task::TaskStatus;
use crate::values::{InvalidValue, KeyId, MachineId, ProjectId, SessionId, Slot, Timestamp};

/// Selects sessions that meet all conditions that are set; an empty filter selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// On this machine.
    pub machine_id: Option<MachineId>,
    /// In this status.
    pub status: Option<SessionStatus>,
    /// Only archived sessions (`true`), or only others (`false`).
    pub archived: Option<bool>,
    /// In this chain of recoveries, named by its first session.
    pub lineage_id: Option<SessionId>,
}

/// Selects tasks that meet all conditions that are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this session.
    pub session_id: Option<SessionId>,
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// In this status.
    pub status: Option<TaskStatus>,
}

/// Selects machines that meet all conditions that are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// In this status.
    pub status: Option<MachineStatus>,
}

/// Selects a part of a list. Lists are ordered by creation, newest first; within a millisecond the later commit comes
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The most entities that the page may have.
    pub limit: u32,
    /// The place in the list at which the page begins.
    pub start: Start,
}

/// The place in a list at which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After this many entities; the cost grows with the number.
    Offset(u64),
    /// After the entity that the cursor names; the cost is the same on every page.
    After(Cursor),
}

/// A place in a list, after one entity. Displayed as 48 hexadecimal digits that have no meaning for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The creation time of the entity before the place.
    pub created_at: Timestamp,
    /// The store's own number, which orders entities created in the same millisecond.
    pub mark: u128,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:032x}", self.created_at.millis(), self.mark)
    }
}

impl FromStr for Cursor {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || InvalidValue::new("must be a next_cursor of an earlier answer");
        if text.len() != 48 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let (time, mark) = text.split_at(16);
        let millis = u64::from_str_radix(time, 16).map_err(|_| invalid())?.cast_signed();
        let mark = u128::from_str_radix(mark, 16).map_err(|_| invalid())?;
        Ok(Self { created_at: Timestamp::from_millis(millis), mark })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entities, newest first.
    pub items: Vec<Versioned<T>>,
    /// The number of all entities that match the filter. A number above ten thousand may be slightly outdated, since a
    /// store may cache it.
    pub total: u64,
    /// The place at which the next page begins; `None` on the last page.
    pub next: Option<Cursor>,
}

/// A live session and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub session_id: SessionId,
    /// The machine that it runs on.
    pub machine_id: MachineId,
    /// The slot that it holds, if any.
    pub docker_slot: Option<Slot>,
}

/// How many sessions there are in each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Active ones.
    pub active: u64,
    /// Paused ones.
    pub paused: u64,
    /// Stalled ones.
    pub stalled: u64,
    /// Completed ones.
    pub completed: u64,
    /// Failed ones.
    pub failed: u64,
}

impl SessionCounts {
    /// Returns the number of all sessions.
    pub fn total(&self) -> u64 {
        self.active + self.paused + self.stalled + self.completed + self.failed
    }

    /// Returns the count of one status, for reading or changing.
    pub fn of(&mut self, status: SessionStatus) -> &mut u64 {
        match status {
            SessionStatus::Active => &mut self.active,
            SessionStatus::Paused => &mut self.paused,
            SessionStatus::Stalled => &mut self.stalled,
            SessionStatus::Completed => &mut self.completed,
            SessionStatus::Failed => &mut self.failed,
        }
    }
}

/// Stalled and overdue sessions, limited, with the number of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct StalledSessions {
    /// The sessions, longest silent first.
    pub items: Vec<Versioned<Session>>,
    /// The number of all of them, without the limit.
    pub total: u64,
}

/// An ended session that retention may delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The session.
    pub session_id: SessionId,
    /// Its project.
    pub project_id: ProjectId,
    /// The time at which it ended.
    pub completed_at: Timestamp,
    /// The version of its row, which a deletion names.
    pub version: Version,
}

/// The extent of what retention would delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpiredCounts {
    /// The number of sessions.
    pub sessions: u64,
    /// The number of their tasks.
    pub tasks: u64,
}

/// The place of an event in the order of all events. Only the store that made it can interpret it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventPosition(pub Box<str>);

/// Selects events of the audit log that meet all conditions that are set; an empty filter selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Caused with this API key.
    pub key: Option<KeyId>,
    /// Of this session or one of its tasks.
    pub session: Option<SessionId>,
    /// Of this machine.
    pub machine: Option<MachineId>,
    /// Of this kind.
    pub kind: Option<EventKind>,
    /// At this time or later.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A stored event and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// The place of the event among all events.
    pub position: EventPosition,
    /// What happened.
    pub event: Event,
}
