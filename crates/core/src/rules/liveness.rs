//! When a session or machine is overdue. Only time in which a heartbeat could have arrived counts: after a gap (no
//! server ran, the store was out of reach, the host slept) silence counts from the end of the gap.

use std::time::Duration;

use crate::domain::session::{Session, SessionStatus};
use crate::store::DetectorState;
use crate::values::Timestamp;

/// A pass that is late by no more than this is not taken for a gap.
const TOLERATED_DELAY: Duration = Duration::from_secs(1);

/// Decides at one point in time which sessions and machines are overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessRule {
    threshold: Duration,
    counts_from: Timestamp,
    now: Timestamp,
    state: Option<DetectorState>,
}

impl LivenessRule {
    /// Returns the rule at `now`, from what the last detection pass stored.
    pub fn at(now: Timestamp, state: Option<DetectorState>, threshold: Duration) -> Self {
        let counts_from = match state {
            None => Timestamp::MIN,
            Some(state) if now > state.next_pass_due.plus(TOLERATED_DELAY.max(threshold / 4)) => now,
            // After the clock was set back, a grace period in the future must not suspend detection.
            Some(state) => state.grace_until.min(now),
        };
        Self { threshold, counts_from, now, state }
    }

    /// Returns the silence after which a session or machine is missed.
    pub fn threshold(&self) -> Duration {
        self.threshold
    }

    /// Returns the time before which the last heartbeat of an overdue session lies.
    pub fn cutoff(&self) -> Timestamp {
        let limit = self.now.minus(self.threshold);
        if self.counts_from < limit { limit } else { Timestamp::MIN }
    }

    /// Returns whether a session is active and past its deadline.
    pub fn is_overdue(&self, session: &Session) -> bool {
        session.status() == SessionStatus::Active && session.last_heartbeat < self.cutoff()
    }

    /// Returns the first moment at which a session with this last heartbeat is overdue.
    pub fn deadline(&self, last_heartbeat: Timestamp) -> Timestamp {
        last_heartbeat.max(self.counts_from).plus(self.threshold).plus(Duration::from_millis(1))
    }

    /// Returns the detector's state that this rule follows.
    pub fn state(&self) -> Option<DetectorState> {
        self.state
    }

    /// Returns what the detector stores at the end of a pass, with `earliest` the earliest heartbeat of those not
    /// overdue.
    ///
    /// The next pass is due when that one is overdue. A session whose first heartbeat comes after this pass is not
    /// overdue before a threshold has passed, so that no deadline is missed.
    pub fn next_state(&self, ended: Timestamp, earliest: Option<Timestamp>, interval: Duration) -> DetectorState {
        let ended = ended.max(self.now);
        let latest = ended.plus(interval.min(self.threshold));
        let next_pass_due = earliest.map_or(latest, |earliest| self.deadline(earliest).clamp(ended, latest));
        DetectorState { last_pass_at: self.now, next_pass_due, grace_until: self.counts_from }
    }
}
