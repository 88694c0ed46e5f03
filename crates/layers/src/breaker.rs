//! The circuit breaker as a pure state machine: the time is handed in. Closed, it lets all through and counts failures;
//! enough of them open it, and nothing gets through; after a while one call is let through to find out.
//!
//! Calls that began in another round (before it opened, before it closed again) say nothing about this one. And calls that
//! were under way together are one piece of evidence: when a connection breaks, all that travelled on it fail, and that is
//! one failure. Why: docs/decisions/0008.

use std::collections::VecDeque;
use std::time::Duration;

use rekindle_core::Timestamp;

use crate::outcome::Outcome;

/// While somebody is finding out, others are told to come back no later than this.
const VERDICT_SOON: Duration = Duration::from_secs(1);

/// The numbers of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// So many failures open it; at least one.
    pub failures: u32,
    /// Only failures that are younger than this count.
    pub within: Duration,
    /// A call that was under way when another one failed counts beside that one only if it began this much later.
    pub burst_window: Duration,
    /// For how long nothing gets through before one call is.
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

/// What a call says about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Healthy,
    /// It does not.
    Failing,
    /// Nothing: it was not asked, or nobody heard the answer.
    Unknown,
}

impl From<Outcome> for Health {
    /// An answer that is a no, or that makes no sense, is an answer. A full queue is not a sick store: if the store does
    /// not get through its queue, the calls that wait in it time out and say so.
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok | Outcome::Stale | Outcome::Taken | Outcome::Fenced | Outcome::Corrupt => Self::Healthy,
            Outcome::Unavailable | Outcome::TimedOut | Outcome::Unknown => Self::Failing,
            Outcome::Overloaded | Outcome::CircuitOpen | Outcome::Abandoned => Self::Unknown,
        }
    }
}

/// Leave to ask the store once; to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a pass that is never reported keeps the next call waiting"]
pub struct Permit {
    stamp: u64,
    admitted: Timestamp,
}

impl Permit {
    /// What [`Breaker::admit`] would answer while the circuit is closed and has this stamp.
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
    /// From now on nothing gets through.
    Opened,
    /// The one that was let through failed, too.
    StaysOpen,
    /// All get through again; it was open since then.
    Closed {
        /// When it opened.
        opened_at: Timestamp,
    },
}

/// Where a circuit breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// All get through.
    Closed,
    /// Nothing gets through.
    Open,
    /// One was let through, and its answer is awaited.
    HalfOpen,
}

impl CircuitState {
    /// As a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A circuit breaker as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it stands.
    pub state: CircuitState,
    /// How many failures count at present; when it is not closed, none.
    pub failures: u32,
    /// Since when nothing gets through.
    pub opened_at: Option<Timestamp>,
    /// When the next call will be let through, or the one under way is given up.
    pub next_probe_at: Option<Timestamp>,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    /// Raised by each failure that counts, and by each change of the state: a call whose pass bears the present one began
    /// after all of them.
    stamp: u64,
    /// The stamp with which this round began.
    round: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// With the failures that still count, oldest first; fewer than open it.
    Closed(VecDeque<Failure>),
    Open {
        opened_at: Timestamp,
        probe_at: Timestamp,
    },
    HalfOpen {
        opened_at: Timestamp,
        /// A probe that is not heard of until then is given up.
        probe_at: Timestamp,
    },
}

impl Breaker {
    /// A closed one.
    pub fn new(options: BreakerOptions) -> Self {
        Self { options, stamp: 1, round: 1, state: State::Closed(VecDeque::new()) }
    }

    /// Asks for leave to ask the store.
    ///
    /// # Errors
    /// How long it is worth waiting, when nothing gets through.
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

    /// Says what became of a call that was let through.
    pub fn report(&mut self, pass: Permit, verdict: Health, now: Timestamp) -> Option<Transition> {
        if pass.stamp < self.round {
            return None;
        }
        let open_until = now.plus(self.options.open_for);
        match (&mut self.state, verdict) {
            (State::Closed(failures), Health::Failing) => {
                forget(failures, now, self.options.within);
                // The clock alone could not tell calls of the same millisecond apart.
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
                // The next call finds out instead.
                self.enter(State::Open { opened_at, probe_at: now });
                None
            }
            // Nobody has a pass of a round in which it is open.
            (State::Closed(_), Health::Healthy | Health::Unknown) | (State::Open { .. }, _) => None,
        }
    }

    /// The stamp of the passes that are given while it is closed; none when it is not. Never zero.
    pub(crate) fn closed_stamp(&self) -> Option<u64> {
        matches!(self.state, State::Closed(_)).then_some(self.stamp)
    }

    /// As it stands now.
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

    /// How long to wait for the next probe; none when it is due. Whoever would have to wait longer than the whole span
    /// looks at a clock that was set back.
    fn wait(&self, now: Timestamp, probe_at: Timestamp) -> Option<Duration> {
        let left = probe_at.since(now);
        (!left.is_zero() && left <= self.options.open_for).then_some(left)
    }
}

/// Whether a failure still counts. One from the future is from before the clock was set back: nobody knows how old it is.
fn counts(at: Timestamp, now: Timestamp, within: Duration) -> bool {
    at <= now && now.since(at) < within
}

fn forget(failures: &mut VecDeque<Failure>, now: Timestamp, within: Duration) {
    failures.retain(|one| counts(one.at, now, within));
}

#[cfg(test)]
mod tests;
