//! When silence means that somebody is gone. Only time in which a heartbeat could have arrived counts: after a gap in
//! which nobody listened (the service was down, its store out of reach, the host asleep), everyone's silence begins
//! at the end of the gap.

use std::time::Duration;

use crate::domain::session::{Session, SessionStatus};
use crate::store::DetectorState;
use crate::values::Timestamp;

/// A pass that comes this much later than it meant to may have been late by chance.
const TOLERATED_DELAY: Duration = Duration::from_secs(1);

/// The measure by which silence is judged at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessRule {
    threshold: Duration,
    counts_from: Timestamp,
    now: Timestamp,
    watch: Option<DetectorState>,
}

impl LivenessRule {
    /// The measure at `now`, given what the detector noted last.
    pub fn at(now: Timestamp, watch: Option<DetectorState>, threshold: Duration) -> Self {
        let counts_from = match watch {
            None => Timestamp::MIN,
            Some(watch) if now > watch.next_pass_due.plus(TOLERATED_DELAY.max(threshold / 4)) => now,
            // A clock that was set back must not keep everyone from being judged.
            Some(watch) => watch.grace_until.min(now),
        };
        Self { threshold, counts_from, now, watch }
    }

    /// The silence after which somebody is missed.
    pub fn threshold(&self) -> Duration {
        self.threshold
    }

    /// Who was last heard before this is overdue.
    pub fn cutoff(&self) -> Timestamp {
        let limit = self.now.minus(self.threshold);
        if self.counts_from < limit { limit } else { Timestamp::MIN }
    }

    /// Whether an active session is past its deadline.
    pub fn is_overdue(&self, session: &Session) -> bool {
        session.status() == SessionStatus::Active && session.last_heartbeat < self.cutoff()
    }

    /// The first moment at which someone who was last heard then is overdue.
    pub fn deadline(&self, last_heard: Timestamp) -> Timestamp {
        last_heard.max(self.counts_from).plus(self.threshold).plus(Duration::from_millis(1))
    }

    /// The detector's note that this goes by.
    pub fn watch(&self) -> Option<DetectorState> {
        self.watch
    }

    /// What the detector notes at the end of a pass, with `earliest` the earliest heartbeat of those not overdue.
    ///
    /// The next pass is due when that one falls due. Whoever is heard for the first time after this pass cannot fall
    /// due before a threshold has gone by, so that no deadline is ever overslept.
    pub fn next_watch(&self, ended: Timestamp, earliest: Option<Timestamp>, interval: Duration) -> DetectorState {
        let ended = ended.max(self.now);
        let latest = ended.plus(interval.min(self.threshold));
        let due_by = earliest.map_or(latest, |heard| self.deadline(heard).clamp(ended, latest));
        DetectorState { last_pass_at: self.now, next_pass_due: due_by, grace_until: self.counts_from }
    }
}
