//! The questions that users and rules put to a store, and the shapes of its answers.

use std::fmt;
use std::str::FromStr;

use super::{Version, Versioned};
use crate::domain::event::{Event, EventKind};
use crate::domain::machine::MachineStatus;
use crate::domain::session::{Session, SessionStatus};
use crate::domain::task::TaskStatus;
use crate::values::{InvalidValue, KeyId, MachineId, ProjectId, SessionId, Slot, Timestamp};

/// Which sessions. An empty filter means all; several conditions must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// On this machine.
    pub machine_id: Option<MachineId>,
    /// In this status.
    pub status: Option<SessionStatus>,
    /// Archived ones only, or only those that are not.
    pub archived: Option<bool>,
    /// Of this chain of recoveries.
    pub lineage_id: Option<SessionId>,
}

/// Which tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Of this session.
    pub session_id: Option<SessionId>,
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// In this status.
    pub status: Option<TaskStatus>,
}

/// Which machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// In this status.
    pub status: Option<MachineStatus>,
}

/// Which part of a list: newest first by creation; among those made in the same millisecond the later commit first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at most.
    pub limit: u32,
    /// Where to begin.
    pub start: Start,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After skipping this many: the deeper, the slower.
    Offset(u64),
    /// After the entity that this names: as fast at any depth.
    After(Cursor),
}

/// A place in a list, between two entities. Shown as 48 hexadecimal digits that mean nothing to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the entity before the place was made.
    pub created_at: Timestamp,
    /// The store's own mark that orders entities made in the same millisecond.
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
        let fault = || InvalidValue::new("must be a next_cursor of an earlier answer");
        if text.len() != 48 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(fault());
        }
        let (time, mark) = text.split_at(16);
        let millis = u64::from_str_radix(time, 16).map_err(|_| fault())?.cast_signed();
        let mark = u128::from_str_radix(mark, 16).map_err(|_| fault())?;
        Ok(Self { created_at: Timestamp::from_millis(millis), mark })
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entities, newest first.
    pub items: Vec<Versioned<T>>,
    /// How many the filter matches in all. A store for which counting grows with what there is may answer a number above
    /// ten thousand that was true a little while ago.
    pub total: u64,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
}

/// A live session as its machine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub session_id: SessionId,
    /// Where it lives.
    pub machine_id: MachineId,
    /// The slot that it holds.
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
    /// All of them.
    pub fn total(&self) -> u64 {
        self.active + self.paused + self.stalled + self.completed + self.failed
    }

    /// The count of one status.
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

/// Silent sessions, and how many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub struct StalledSessions {
    /// Longest silent first.
    pub items: Vec<Versioned<Session>>,
    /// How many there are without a limit.
    pub total: u64,
}

/// An ended session that retention may delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The session.
    pub session_id: SessionId,
    /// Its project.
    pub project_id: ProjectId,
    /// When it ended.
    pub completed_at: Timestamp,
    /// Its version.
    pub version: Version,
}

/// How much retention would delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpiredCounts {
    /// Sessions.
    pub sessions: u64,
    /// Their tasks.
    pub tasks: u64,
}

/// An event's place in the order of all events: the store's to give, and only the store reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventPosition(pub Box<str>);

/// Which events of the audit trail. An empty filter means all; several conditions must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Done with this key.
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

/// An event as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// Its place.
    pub position: EventPosition,
    /// What happened.
    pub event: Event,
}
