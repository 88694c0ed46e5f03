//! The input of the use cases: the valid values that an adapter parses its requests into.

use crate::domain::machine::MachineStatus;
use crate::domain::rejection::Rejection;
use crate::domain::task::transition::TaskTarget;
use crate::store::Version;
use crate::values::{
    ErrorMessage, FieldUpdate, Hostname, IssueId, MachineId, Metadata, MetadataPatch, ProjectId, SessionId, Slot,
    Slots, TaskLabel, TaskName,
};

/// The data of a session to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// The project whose tasks it works on.
    pub project_id: ProjectId,
    /// The machine that it runs on; it need not be registered.
    pub machine_id: MachineId,
    /// The slot that it takes on that machine, if any.
    pub docker_slot: Option<Slot>,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A requested status, with the data that it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionTarget {
    /// Active again; counts as a heartbeat.
    Active,
    /// Resting on purpose.
    Paused,
    /// Declared stalled.
    Stalled,
    /// Done.
    Completed,
    /// Failed, for this reason.
    Failed(ErrorMessage),
}

/// A partial update of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionPatch {
    /// The requested status; `None` leaves it as it is.
    pub status: Option<SessionTarget>,
    /// The change of its current task.
    pub current_task: FieldUpdate<TaskLabel>,
    /// A merge patch of the metadata, if any.
    pub metadata: Option<MetadataPatch>,
    /// The revisions at which the change may happen; `None` for any.
    pub if_match: Option<IfMatch>,
}

/// The data of a session's heartbeat.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeartbeatReport {
    /// The change of its current task.
    pub current_task: FieldUpdate<TaskLabel>,
    /// A merge patch of the metadata, if any.
    pub metadata: Option<MetadataPatch>,
}

/// Whether preparing a recovery frees the session's slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SlotRelease {
    /// The session keeps the slot.
    #[default]
    Hold,
    /// The slot becomes free.
    Release,
}

/// The data of a task to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// The session that will work on it.
    pub session_id: SessionId,
    /// The project of that session.
    pub project_id: ProjectId,
    /// The issue that it belongs to, if any.
    pub github_issue_id: Option<IssueId>,
    /// The description of the work.
    pub name: TaskName,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A partial update of a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskPatch {
    /// The requested status; `None` leaves it as it is.
    pub status: Option<TaskTarget>,
    /// A merge patch of the metadata, if any.
    pub metadata: Option<MetadataPatch>,
    /// The revisions at which the change may happen; `None` for any.
    pub if_match: Option<IfMatch>,
}

/// The data of a machine to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMachine {
    /// The host name of the machine.
    pub hostname: Hostname,
    /// The slots that it offers.
    pub docker_slots: Slots,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A partial update of a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachinePatch {
    /// The requested status; `None` leaves it as it is.
    pub status: Option<MachineStatus>,
    /// The new list of its slots; `None` leaves it as it is.
    pub docker_slots: Option<Slots>,
    /// A merge patch of the metadata, if any.
    pub metadata: Option<MetadataPatch>,
    /// The revisions at which the change may happen; `None` for any.
    pub if_match: Option<IfMatch>,
}

/// Whether a cleanup deletes, or only reports what it would delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CleanupMode {
    /// Deletes.
    #[default]
    Delete,
    /// Reports only.
    DryRun,
}

/// The condition of a request on the revision of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// The entity exists, at any revision.
    Any,
    /// The entity is at one of these revisions.
    Revisions(Vec<u64>),
}

impl IfMatch {
    /// Fails with [`Rejection::RevisionMismatch`] when a version does not meet the condition.
    pub(super) fn check(condition: Option<&Self>, version: Version) -> Result<(), Rejection> {
        match condition {
            Some(Self::Revisions(known)) if !known.contains(&version.revision) => {
                Err(Rejection::RevisionMismatch { current: version.revision })
            }
            None | Some(Self::Any | Self::Revisions(_)) => Ok(()),
        }
    }
}
