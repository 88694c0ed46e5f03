//! The rejections of requests by rules of the domain. Their texts are for the client: the reason, and what to do.

use crate::domain::machine::MachineStatus;
use crate::domain::session::transition::{SessionEvent, Step, step};
use crate::domain::session::{Session, SessionStatus};
use crate::values::{KeyId, MachineId, ProjectId, SessionId, Slot};

/// Why a request was rejected. Its text is for the client: the reason, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The entity does not exist.
    #[error("there is no {entity} {id}")]
    NotFound {
        /// `session`, `task`, `machine` or `key`.
        entity: &'static str,
        /// The id in the request.
        id: String,
    },
    /// A value is invalid, for a reason that only the stored state shows.
    #[error("{field} {why}")]
    Invalid {
        /// The field of the request.
        field: &'static str,
        /// The reason, as text that follows the field's name.
        why: String,
    },
    /// Another session is active for the same project on the same machine.
    #[error(
        "session {existing} is active for this project on this machine; end it, pause it or wait until it is stalled"
    )]
    SessionConflict {
        /// The session that causes the conflict.
        existing: SessionId,
    },
    /// Another live session holds the slot.
    #[error("slot {slot} of machine {machine} is held by session {existing}; end that session or choose another slot")]
    SlotConflict {
        /// The machine.
        machine: MachineId,
        /// The slot.
        slot: Slot,
        /// The session that causes the conflict.
        existing: SessionId,
    },
    /// A live session holds the slot, of a project that the API key cannot see.
    #[error("slot {slot} of machine {machine} is held by a session of another project; choose another slot")]
    SlotOccupied {
        /// The machine.
        machine: MachineId,
        /// The slot.
        slot: Slot,
    },
    /// The machine takes no sessions in its present status.
    #[error("machine {machine} is {status} and takes no sessions; choose another, or bring it back online")]
    MachineUnavailable {
        /// The machine.
        machine: MachineId,
        /// Its status, which is the reason.
        status: MachineStatus,
    },
    /// A machine with this id is already registered.
    #[error("machine {machine} is registered already; use PUT to replace it, or another machine_id")]
    MachineExists {
        /// The machine.
        machine: MachineId,
    },
    /// The machine cannot be deleted while it has live sessions.
    #[error("machine {machine} has {live} live session(s), among them {existing}; end them first")]
    MachineInUse {
        /// The machine.
        machine: MachineId,
        /// The number of its live sessions.
        live: usize,
        /// One of them.
        existing: SessionId,
    },
    /// The state machine does not allow this step.
    #[error("{entity} {id} is {from} and cannot {asked}: that is possible only from {only_from}")]
    InvalidTransition {
        /// `session` or `task`.
        entity: &'static str,
        /// Its id.
        id: String,
        /// Its present status.
        from: &'static str,
        /// The requested step, as text that follows "cannot".
        asked: &'static str,
        /// The statuses in which the step is possible.
        only_from: &'static str,
    },
    /// The session has ended.
    #[error("session {session} has ended ({status}){}", SuccessorDisplay(.successor))]
    SessionEnded {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
        /// The session that continues its work; `None` if it was not recovered.
        successor: Option<SessionId>,
    },
    /// The API key is bound to another project.
    #[error("this API key is for project {only} only; ask with a key of that other project, or with one for all")]
    OtherProject {
        /// The project that the key is bound to.
        only: ProjectId,
    },
    /// The key is not valid or was replaced, so it cannot be rotated.
    #[error("key {key} is {state}{} and cannot be rotated; create a new one", KeySuccessor(.successor))]
    KeyNotValid {
        /// The key.
        key: KeyId,
        /// Its state.
        state: &'static str,
        /// The key that replaces it, if any.
        successor: Option<KeyId>,
    },
    /// The entity is not at a revision that the request named.
    #[error("the revision is now {current}, not the one named; read it again and decide anew")]
    RevisionMismatch {
        /// The present revision.
        current: u64,
    },
    /// The request demanded that the entity exist, and it does not.
    #[error("nothing is stored there yet, so no revision matches")]
    NothingToMatch,
}

impl Session {
    /// Returns what `event` does to this session.
    ///
    /// # Errors
    /// [`Rejection::InvalidTransition`] or [`Rejection::SessionEnded`].
    pub fn step(&self, event: SessionEvent) -> Result<Step, Rejection> {
        match step(self.status(), event) {
            step @ (Step::To(_) | Step::Same) => Ok(step),
            Step::Ended => Err(self.ended_rejection()),
            Step::Illegal => Err(Rejection::InvalidTransition {
                entity: "session",
                id: self.id.to_string(),
                from: self.status().as_str(),
                asked: event.asks(),
                only_from: event.only_from(),
            }),
        }
    }

    /// Returns the rejection of a request that an ended session cannot carry out.
    pub fn ended_rejection(&self) -> Rejection {
        Rejection::SessionEnded { session: self.id, status: self.status(), successor: self.recovered_into() }
    }
}

struct KeySuccessor<'a>(&'a Option<KeyId>);

impl std::fmt::Display for KeySuccessor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_ref().map_or(Ok(()), |successor| write!(f, " (by key {successor})"))
    }
}

struct SuccessorDisplay<'a>(&'a Option<SessionId>);

impl std::fmt::Display for SuccessorDisplay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(successor) => write!(f, "; its work goes on in session {successor}"),
            None => Ok(()),
        }
    }
}
