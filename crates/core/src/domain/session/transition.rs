//! The table of a session's states: what each event does in each status. `docs/state-machines.md` is made from it.

use super::{Ended, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus};
use crate::values::{ErrorMessage, SessionId, Timestamp};

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// A heartbeat.
    Beat,
    /// Somebody declares it active.
    Activate,
    /// Somebody pauses it.
    Pause,
    /// It fell silent, or somebody says so.
    Stall,
    /// It is done.
    Complete,
    /// It failed.
    Fail,
    /// Somebody begins to recover it.
    PrepareRecovery,
    /// Its work goes on in a successor.
    Recover,
    /// It is put beyond the reach of retention.
    Archive,
}

impl SessionEvent {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::Beat,
        Self::Activate,
        Self::Pause,
        Self::Stall,
        Self::Complete,
        Self::Fail,
        Self::PrepareRecovery,
        Self::Recover,
        Self::Archive,
    ];

    /// What the event asks for, as it is said in a refusal.
    pub const fn asks(self) -> &'static str {
        match self {
            Self::Beat => "send a heartbeat",
            Self::Activate => "become active",
            Self::Pause => "become paused",
            Self::Stall => "become stalled",
            Self::Complete => "become completed",
            Self::Fail => "become failed",
            Self::PrepareRecovery => "be prepared for recovery",
            Self::Recover => "be recovered",
            Self::Archive => "be archived",
        }
    }

    /// Returns the statuses in which the event is possible, as a rejection says it.
    pub(crate) const fn only_from(self) -> &'static str {
        match self {
            Self::Beat | Self::Complete | Self::Fail => "active, paused or stalled",
            Self::Activate => "paused or stalled",
            Self::Pause => "active",
            Self::Stall => "active or paused",
            Self::PrepareRecovery | Self::Recover => "failed or stalled",
            Self::Archive => "completed or failed",
        }
    }
}

/// What the table answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The session moves to another status.
    To(SessionStatus),
    /// The session stays in its status; the event may still mean something there.
    Same,
    /// Not in this status.
    Illegal,
    /// Too late: the session has ended.
    Ended,
}

/// What `event` does to a session in `status`.
pub const fn step(status: SessionStatus, event: SessionEvent) -> Step {
    use SessionEvent::{Activate, Archive, Beat, Complete, Fail, Pause, PrepareRecovery, Recover, Stall};
    use SessionStatus::{Active, Completed, Failed, Paused, Stalled};
    match (status, event) {
        (Active | Paused, Beat)
        | (Active, Activate)
        | (Paused, Pause)
        | (Stalled, Stall)
        | (Completed, Complete)
        | (Failed, Fail)
        | (Stalled | Failed, PrepareRecovery)
        | (Completed | Failed, Archive) => Step::Same,
        (Stalled, Beat | Activate) | (Paused, Activate) => Step::To(Active),
        (Active, Pause) => Step::To(Paused),
        (Active | Paused, Stall) => Step::To(Stalled),
        (Active | Paused | Stalled, Complete) | (Stalled | Failed, Recover) => Step::To(Completed),
        (Active | Paused | Stalled, Fail) => Step::To(Failed),
        (Completed | Failed, Beat) => Step::Ended,
        (Active | Paused, PrepareRecovery | Recover)
        | (Active | Paused | Stalled, Archive)
        | (Stalled, Pause)
        | (Completed, Activate | Pause | Stall | Fail | PrepareRecovery | Recover)
        | (Failed, Activate | Pause | Stall | Complete) => Step::Illegal,
    }
}

impl Session {
    /// Moves among the live states, keeping the current task. Does nothing to an ended session.
    pub(crate) fn set_live(&mut self, state: LiveState) {
        if let Phase::Live(live) = &mut self.phase {
            live.state = state;
        }
    }

    /// Ends the session. Its tasks are the caller's care: see [`crate::rules::ending`].
    pub(crate) fn end(&mut self, at: Timestamp, outcome: Outcome) {
        self.phase = Phase::Ended(Ended { at, outcome, archived_at: None });
    }

    /// Ends it as recovered; a session that had failed keeps the time at which it ended, why, and its archival.
    pub(crate) fn supersede(&mut self, at: Timestamp, into: SessionId) {
        let recovered =
            Recovered { into, at, prepared_at: self.prepared_at(), error_message: self.error_message().cloned() };
        let archived_at = self.archived_at();
        self.end(self.completed_at().unwrap_or(at), Outcome::Recovered(recovered));
        if let Phase::Ended(ended) = &mut self.phase {
            ended.archived_at = archived_at;
        }
    }

    /// Notes when its recovery was first prepared.
    pub(crate) fn mark_prepared(&mut self, at: Timestamp) {
        match &mut self.phase {
            Phase::Live(Live { state: LiveState::Stalled { prepared_at }, .. })
            | Phase::Ended(Ended { outcome: Outcome::Failed { prepared_at, .. }, .. }) => {
                prepared_at.get_or_insert(at);
            }
            Phase::Live(_) | Phase::Ended(_) => {}
        }
    }

    /// Notes when it was first archived.
    pub(crate) fn mark_archived(&mut self, at: Timestamp) {
        if let Phase::Ended(ended) = &mut self.phase {
            ended.archived_at.get_or_insert(at);
        }
    }
}

impl Outcome {
    /// A failure that nobody has begun to recover.
    pub const fn failed(error_message: ErrorMessage) -> Self {
        Self::Failed { error_message, prepared_at: None }
    }
}
