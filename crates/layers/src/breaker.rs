//! The circuit breaker as a pure state machine: the caller passes the time. While it is closed it admits every call and
//! counts failures; enough failures open it, and it admits none; after a while it admits one call as a probe.
//!
//! Calls that began in another round (before it opened, before it closed again) are no evidence about this one. Calls
//! that overlapped are one piece of evidence: when a connection breaks, every call on it fails, and that is one
//! failure. Why: docs/decisions/0008.

use std::collections::VecDeque;
use std::time::Duration;

use rekindle_core::Timestamp;

use crate::outcome::Outcome;

/// The longest wait that a refused call is advised, while a probe is under way.
const VERDICT_SOON: Duration = Duration::from_secs(1);

/// The options of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// The number of failures that opens it; at least one.
    pub failures: u32,
    /// The age up to which a failure counts.
    pub within: Duration,
    /// A call that overlapped a failed call counts beside it only if it began this much later.
    pub burst_window: Duration,
    /// How long no call is admitted before a probe is.
    pub open_for: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures: 5,
            within: Duration::from_secs(60),
            burst_window: Duration::from_secs(2),
            open_for: Duration::from_secs(30),
        }
    }
}

/// What the result of a call says about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The store works.
    Healthy,
    /// The store failed.
    Failing,
    /// Nothing: the call did not reach the store, or its result was not awaited.
    Unknown,
}

impl From<Outcome> for Health {
    /// A rejection, and corrupt data, are answers of a working store. A full queue is no failure: if the store does not
    /// get through its queue, the calls that wait in it time out.
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok | Outcome::Stale | Outcome::Taken | Outcome::Fenced | Outcome::Corrupt => Self::Healthy,
            Outcome::Unavailable | Outcome::TimedOut | Outcome::Unknown => Self::Failing,
            Outcome::Overloaded | Outcome::CircuitOpen | Outcome::Abandoned => Self::Unknown,
        }
    }
}

/// The permission for one call, to be reported back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a pass that is never reported keeps the next call waiting"]
pub struct Permit {
    stamp: u64,
    admitted: Timestamp,
}

impl Permit {
    /// The permit that [`Breaker::admit`] returns while the circuit is closed and has this stamp.
    pub(crate) const fn of(stamp: u64, admitted: Timestamp) -> Self {
        Self { stamp, admitted }
    }
}

/// A failure that counts.
#[derive(Debug, Clone, Copy)]
struct Failure {
    /// When the call began.
    admitted: Timestamp,
    /// When it was reported.
    at: Timestamp,
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The circuit opened.
    Opened,
    /// The probe failed, and the circuit stays open.
    StaysOpen,
    /// The circuit closed; it was open since then.
    Closed {
        /// When it opened.
        opened_at: Timestamp,
    },
}

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Every call is admitted.
    Closed,
    /// No call is admitted.
    Open,
    /// A probe is under way.
    HalfOpen,
}

impl CircuitState {
    /// Returns the label of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A circuit breaker, for health and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// The state.
    pub state: CircuitState,
    /// The number of failures that count at present; none unless it is closed.
    pub failures: u32,
    /// When it opened.
    pub opened_at: Option<Timestamp>,
    /// When the next probe is admitted, or the present one is given up.
    pub next_probe_at: Option<Timestamp>,
}

/// The circuit breaker: see the documentation of this module.
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    /// Raised by each failure that counts, and by each change of state: a call whose permit has the present stamp began
    /// after all of them.
    stamp: u64,
    /// The stamp with which this round began.
    round: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Closed, with the failures that still count, oldest first; fewer than open it.
    Closed(VecDeque<Failure>),
    Open {
        opened_at: Timestamp,
        probe_at: Timestamp,
    },
    HalfOpen {
        opened_at: Timestamp,
        /// A probe without a report until then is given up.
        probe_at: Timestamp,
    },
}

impl Breaker {
    /// Returns a closed circuit breaker.
    pub fn new(options: BreakerOptions) -> Self {
        Self { options, stamp: 1, round: 1, state: State::Closed(VecDeque::new()) }
    }

    /// Returns a permit for one call.
    ///
    /// # Errors
    /// Fails with the advised wait while no call is admitted.
    pub fn admit(&mut self, now: Timestamp) -> Result<Permit, Duration> {
        let (opened_at, refused) = match self.state {
            State::Closed(_) => return Ok(Permit::of(self.stamp, now)),
            State::Open { opened_at, probe_at } => (opened_at, self.wait(now, probe_at)),
            State::HalfOpen { opened_at, probe_at } => {
                (opened_at, self.wait(now, probe_at).map(|left| left.min(VERDICT_SOON)))
            }
        };
        if let Some(left) = refused {
            return Err(left);
        }
        self.enter(State::HalfOpen { opened_at, probe_at: now.plus(self.options.open_for) });
        Ok(Permit::of(self.stamp, now))
    }

    /// Records the result of an admitted call.
    pub fn report(&mut self, pass: Permit, verdict: Health, now: Timestamp) -> Option<Transition> {
        if pass.stamp < self.round {
            return None;
        }
        let open_until = now.plus(self.options.open_for);
        match (&mut self.state, verdict) {
            (State::Closed(failures), Health::Failing) => {
                forget(failures, now, self.options.within);
                // The clock alone does not distinguish calls of the same millisecond.
                let is_news = |last: &Failure| {
                    pass.stamp == self.stamp || pass.admitted >= last.admitted.plus(self.options.burst_window)
                };
                if !failures.back().is_none_or(is_news) {
                    return None;
                }
                failures.push_back(Failure { admitted: pass.admitted, at: now });
                self.stamp += 1;
                let enough = failures.len() >= self.options.failures.max(1) as usize;
                enough.then(|| {
                    self.enter(State::Open { opened_at: now, probe_at: open_until });
                    Transition::Opened
                })
            }
            (&mut State::HalfOpen { opened_at, .. }, Health::Failing) => {
                self.enter(State::Open { opened_at, probe_at: open_until });
                Some(Transition::StaysOpen)
            }
            (&mut State::HalfOpen { opened_at, .. }, Health::Healthy) => {
                self.enter(State::Closed(VecDeque::new()));
                Some(Transition::Closed { opened_at })
            }
            (&mut State::HalfOpen { opened_at, .. }, Health::Unknown) => {
                // The next call is the probe.
                self.enter(State::Open { opened_at, probe_at: now });
                None
            }
            // No permit belongs to a round in which it is open.
            (State::Closed(_), Health::Healthy | Health::Unknown) | (State::Open { .. }, _) => None,
        }
    }

    /// Returns the stamp of the permits while it is closed, which is never zero; `None` otherwise.
    pub(crate) fn closed_stamp(&self) -> Option<u64> {
        matches!(self.state, State::Closed(_)).then_some(self.stamp)
    }

    /// Returns its state at this time.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let open = |state, opened_at, probe_at| Snapshot {
            state,
            failures: 0,
            opened_at: Some(opened_at),
            next_probe_at: Some(probe_at),
        };
        match &self.state {
            State::Closed(failures) => {
                let count = failures.iter().filter(|one| counts(one.at, now, self.options.within)).count();
                let failures = u32::try_from(count).unwrap_or(u32::MAX);
                Snapshot { state: CircuitState::Closed, failures, opened_at: None, next_probe_at: None }
            }
            &State::Open { opened_at, probe_at } => open(CircuitState::Open, opened_at, probe_at),
            &State::HalfOpen { opened_at, probe_at } => open(CircuitState::HalfOpen, opened_at, probe_at),
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.stamp += 1;
        self.round = self.stamp;
    }

    /// Returns the wait until the next probe; `None` when it is due. A wait longer than the whole span means that the
    /// clock was set back.
    fn wait(&self, now: Timestamp, probe_at: Timestamp) -> Option<Duration> {
        let left = probe_at.since(now);
        (!left.is_zero() && left <= self.options.open_for).then_some(left)
    }
}

/// Returns whether a failure still counts. One from the future is from before the clock was set back: its age is
/// unknown.
fn counts(at: Timestamp, now: Timestamp, within: Duration) -> bool {
    at <= now && now.since(at) < within
}

fn forget(failures: &mut VecDeque<Failure>, now: Timestamp, within: Duration) {
    failures.retain(|one| counts(one.at, now, within));
}

#[cfg(test)]
mod tests;
