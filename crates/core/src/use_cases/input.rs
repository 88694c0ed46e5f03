//! What the use cases are given, already valid: the shapes that an adapter parses its requests into.

use crate::domain::machine::MachineStatus;
use crate::domain::rejection::Rejection;
use crate::domain::task::transition::TaskTarget;
use crate::store::Version;
use crate::values::{
    ErrorMessage, FieldUpdate, Hostname, IssueId, MachineId, Metadata, MetadataPatch, ProjectId, SessionId, Slot,
    Slots, TaskLabel, TaskName,
};

/// A session to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// The project that it works through.
    pub project_id: ProjectId,
    /// Where it runs.
    pub machine_id: MachineId,
    /// The slot that it takes there.
    pub docker_slot: Option<Slot>,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A status that somebody asks for, with what it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionTarget {
    /// Working again; counts as a sign of life.
    Active,
    /// Resting on purpose.
    Paused,
    /// Declared silent.
    Stalled,
    /// Done.
    Completed,
    /// Failed, and why.
    Failed(ErrorMessage),
}

/// A partial update of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionPatch {
    /// The status asked for.
    pub status: Option<SessionTarget>,
    /// What it works on.
    pub current_task: FieldUpdate<TaskLabel>,
    /// A merge patch.
    pub metadata: Option<MetadataPatch>,
    /// The revision that the caller has seen.
    pub if_match: Option<IfMatch>,
}

/// What a session's heartbeat says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeartbeatReport {
    /// What it works on.
    pub current_task: FieldUpdate<TaskLabel>,
    /// A merge patch.
    pub metadata: Option<MetadataPatch>,
}

/// Whether preparing a recovery frees the session's slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SlotRelease {
    /// It goes on holding it.
    #[default]
    Hold,
    /// It is free for others.
    Release,
}

/// A task to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// The session that will work on it.
    pub session_id: SessionId,
    /// That session's project.
    pub project_id: ProjectId,
    /// The issue that it belongs to.
    pub github_issue_id: Option<IssueId>,
    /// What is to be done.
    pub name: TaskName,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A partial update of a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskPatch {
    /// The status asked for.
    pub status: Option<TaskTarget>,
    /// A merge patch.
    pub metadata: Option<MetadataPatch>,
    /// The revision that the caller has seen.
    pub if_match: Option<IfMatch>,
}

/// A machine to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMachine {
    /// Its host name.
    pub hostname: Hostname,
    /// The slots that it offers.
    pub docker_slots: Slots,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A partial update of a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MachinePatch {
    /// The status asked for.
    pub status: Option<MachineStatus>,
    /// The slots that it offers from now on.
    pub docker_slots: Option<Slots>,
    /// A merge patch.
    pub metadata: Option<MetadataPatch>,
    /// The revision that the caller has seen.
    pub if_match: Option<IfMatch>,
}

/// Whether a cleanup deletes, or only tells what it would delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CleanupMode {
    /// Delete.
    #[default]
    Delete,
    /// Tell.
    DryRun,
}

/// The revisions that a caller is ready to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Any, as long as there is one.
    Any,
    /// One of these.
    Revisions(Vec<u64>),
}

impl IfMatch {
    /// Whether the caller knows this version.
    ///
    /// # Errors
    /// [`Rejection::RevisionMismatch`].
    pub(super) fn check(condition: Option<&Self>, version: Version) -> Result<(), Rejection> {
        match condition {
            Some(Self::Revisions(known)) if !known.contains(&version.revision) => {
                Err(Rejection::RevisionMismatch { current: version.revision })
            }
            None | Some(Self::Any | Self::Revisions(_)) => Ok(()),
        }
    }
}
