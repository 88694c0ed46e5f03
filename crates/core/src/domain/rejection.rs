//! Why the domain rejects a request: what stands in the way, and what to do, as text for the person who asked.

use crate::domain::machine::MachineStatus;
use crate::domain::session::transition::{SessionEvent, Step, step};
use crate::domain::session::{Session, SessionStatus};
use crate::values::{KeyId, MachineId, ProjectId, SessionId, Slot};

/// Why a use case did not happen. Its text is for the person who asked: what stands in the way, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such entity.
    #[error("there is no {entity} {id}")]
    NotFound {
        /// `session`, `task` or `machine`.
        entity: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// A value cannot stand, for a reason that only the stored state shows.
    #[error("{field} {why}")]
    Invalid {
        /// The field of the request.
        field: &'static str,
        /// Why, as words that go after the field's name.
        why: String,
    },
    /// Another session is active for the same project on the same machine.
    #[error(
        "session {existing} is active for this project on this machine; end it, pause it or wait until it is stalled"
    )]
    SessionConflict {
        /// The session in the way.
        existing: SessionId,
    },
    /// Another live session holds the slot.
    #[error("slot {slot} of machine {machine} is held by session {existing}; end that session or choose another slot")]
    SlotConflict {
        /// The machine.
        machine: MachineId,
        /// The slot.
        slot: Slot,
        /// The session in the way.
        existing: SessionId,
    },
    /// A live session of a project that whoever asks does not see holds the slot.
    #[error("slot {slot} of machine {machine} is held by a session of another project; choose another slot")]
    SlotOccupied {
        /// The machine.
        machine: MachineId,
        /// The slot.
        slot: Slot,
    },
    /// The machine takes no sessions now.
    #[error("machine {machine} is {status} and takes no sessions; choose another, or bring it back online")]
    MachineUnavailable {
        /// The machine.
        machine: MachineId,
        /// Why it takes none.
        status: MachineStatus,
    },
    /// A machine of that name is registered already.
    #[error("machine {machine} is registered already; use PUT to replace it, or another machine_id")]
    MachineExists {
        /// The machine.
        machine: MachineId,
    },
    /// The machine cannot go while sessions live on it.
    #[error("machine {machine} has {live} live session(s), among them {existing}; end them first")]
    MachineInUse {
        /// The machine.
        machine: MachineId,
        /// How many.
        live: usize,
        /// One of them.
        existing: SessionId,
    },
    /// The table of states says no.
    #[error("{entity} {id} is {from} and cannot {asked}: that is possible only from {only_from}")]
    InvalidTransition {
        /// `session` or `task`.
        entity: &'static str,
        /// Its id.
        id: String,
        /// Its status.
        from: &'static str,
        /// What was asked for, after "cannot".
        asked: &'static str,
        /// Where that would be possible.
        only_from: &'static str,
    },
    /// The session is over.
    #[error("session {session} has ended ({status}){}", SuccessorDisplay(.successor))]
    SessionEnded {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
        /// Where its work goes on.
        successor: Option<SessionId>,
    },
    /// The API key that asks is for one project only.
    #[error("this API key is for project {only} only; ask with a key of that other project, or with one for all")]
    OtherProject {
        /// The project that it is for.
        only: ProjectId,
    },
    /// A key that is not let in, or has a successor, gets no other one.
    #[error("key {key} is {state}{} and cannot be rotated; create a new one", KeySuccessor(.successor))]
    KeyNotValid {
        /// The key.
        key: KeyId,
        /// What it is.
        state: &'static str,
        /// The key in its place.
        successor: Option<KeyId>,
    },
    /// The entity is not at the revision that the caller named.
    #[error("the revision is now {current}, not the one named; read it again and decide anew")]
    RevisionMismatch {
        /// The revision that it has.
        current: u64,
    },
    /// The caller demanded that the entity exist in some revision, and it does not exist.
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
