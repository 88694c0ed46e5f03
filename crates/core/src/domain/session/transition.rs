//! The state machine of a session: what each event does in each status. `docs/state-machines.md` is generated from it.

use super::{Ended, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus};
use crate::values::{ErrorMessage, SessionId, Timestamp};

/// The events of a session's state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// A heartbeat.
    Heartbeat,
    /// A request declares it active.
    Activate,
    /// A request pauses it.
    Pause,
    /// It missed its deadline, or a request declares it stalled.
    Stall,
    /// A request completes it.
    Complete,
    /// A request declares it failed.
    Fail,
    /// Its recovery is prepared.
    PrepareRecovery,
    /// It is recovered into a successor.
    Recover,
    /// It is archived, so that retention does not delete it.
    Archive,
}

impl SessionEvent {
    /// Every event, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Heartbeat,
        Self::Activate,
        Self::Pause,
        Self::Stall,
        Self::Complete,
        Self::Fail,
        Self::PrepareRecovery,
        Self::Recover,
        Self::Archive,
    ];

    /// Returns what the event would do, as text that follows "cannot" in a rejection.
    pub const fn asks(self) -> &'static str {
        match self {
            Self::Heartbeat => "send a heartbeat",
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
            Self::Heartbeat | Self::Complete | Self::Fail => "active, paused or stalled",
            Self::Activate => "paused or stalled",
            Self::Pause => "active",
            Self::Stall => "active or paused",
            Self::PrepareRecovery | Self::Recover => "failed or stalled",
            Self::Archive => "completed or failed",
        }
    }
}

/// The effect of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The session moves to another status.
    To(SessionStatus),
    /// The session stays in its status; the event can still change other data.
    Same,
    /// The event is not possible in this status.
    Illegal,
    /// The event is not possible because the session has ended.
    Ended,
}

/// Returns what `event` does to a session in `status`.
pub const fn step(status: SessionStatus, event: SessionEvent) -> Step {
    use SessionEvent::{Activate, Archive, Complete, Fail, Heartbeat, Pause, PrepareRecovery, Recover, Stall};
    use SessionStatus::{Active, Completed, Failed, Paused, Stalled};
    match (status, event) {
        (Active | Paused, Heartbeat)
        | (Active, Activate)
        | (Paused, Pause)
        | (Stalled, Stall)
        | (Completed, Complete)
        | (Failed, Fail)
        | (Stalled | Failed, PrepareRecovery)
        | (Completed | Failed, Archive) => Step::Same,
        (Stalled, Heartbeat | Activate) | (Paused, Activate) => Step::To(Active),
        (Active, Pause) => Step::To(Paused),
        (Active | Paused, Stall) => Step::To(Stalled),
        (Active | Paused | Stalled, Complete) | (Stalled | Failed, Recover) => Step::To(Completed),
        (Active | Paused | Stalled, Fail) => Step::To(Failed),
        (Completed | Failed, Heartbeat) => Step::Ended,
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

    /// Ends the session. The caller ends its tasks: see [`crate::rules::termination`].
    pub(crate) fn end(&mut self, at: Timestamp, outcome: Outcome) {
        self.phase = Phase::Ended(Ended { at, outcome, archived_at: None });
    }

    /// Ends it as recovered. A failed session keeps its end time, its error message and its archival.
    pub(crate) fn supersede(&mut self, at: Timestamp, into: SessionId) {
        let recovered =
            Recovered { into, at, prepared_at: self.prepared_at(), error_message: self.error_message().cloned() };
        let archived_at = self.archived_at();
        self.end(self.completed_at().unwrap_or(at), Outcome::Recovered(recovered));
        if let Phase::Ended(ended) = &mut self.phase {
            ended.archived_at = archived_at;
        }
    }

    /// Records when its recovery was first prepared; a repetition changes nothing.
    pub(crate) fn mark_prepared(&mut self, at: Timestamp) {
        match &mut self.phase {
            Phase::Live(Live { state: LiveState::Stalled { prepared_at }, .. })
            | Phase::Ended(Ended { outcome: Outcome::Failed { prepared_at, .. }, .. }) => {
                prepared_at.get_or_insert(at);
            }
            Phase::Live(_) | Phase::Ended(_) => {}
        }
    }

    /// Records when it was first archived; a repetition changes nothing.
    pub(crate) fn mark_archived(&mut self, at: Timestamp) {
        if let Phase::Ended(ended) = &mut self.phase {
            ended.archived_at.get_or_insert(at);
        }
    }
}

impl Outcome {
    /// Returns a failure whose recovery was not prepared.
    pub const fn failed(error_message: ErrorMessage) -> Self {
        Self::Failed { error_message, prepared_at: None }
    }
}
