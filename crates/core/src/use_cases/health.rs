//! The health of sessions: counts by status, stalled and overdue sessions, and one session's health.

use std::time::Duration;

use super::error::Error;
use super::handles::Sessions;
use crate::domain::session::{Session, SessionStatus};
use crate::store::{FindTyped, SessionCounts, StalledSessions, Versioned, queries};
use crate::values::{SessionId, Timestamp};

/// The health of one session at one point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionHealth {
    /// The session.
    pub session: Versioned<Session>,
    /// Whether it is active and not past its deadline.
    pub is_healthy: bool,
    /// Whether it is stalled, or active and past its deadline.
    pub is_stalled: bool,
    /// The time since its last heartbeat.
    pub silent_for: Duration,
    /// The silence after which it is overdue.
    pub stall_threshold: Duration,
}

/// The stalled and overdue sessions at one point in time.
#[derive(Debug, Clone, PartialEq)]
pub struct StalledReport {
    /// The sessions, longest silent first.
    pub sessions: StalledSessions,
    /// The time of the report.
    pub now: Timestamp,
    /// The silence after which a session is overdue.
    pub stall_threshold: Duration,
}

impl Sessions<'_> {
    /// Returns the number of sessions in each status, and the time of the count.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn counts(&self) -> Result<(SessionCounts, Timestamp), Error> {
        Ok((self.0.store.read(queries::counts()).await?, self.0.clock.now()))
    }

    /// Returns the stalled sessions, and the active ones past their deadline that no detection pass has marked yet.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn stalled(&self, limit: u32) -> Result<StalledReport, Error> {
        let now = self.0.clock.now();
        let rule = self.0.liveness_rule(now).await?;
        let sessions = self.0.store.read(queries::stalled_sessions(rule.cutoff(), limit)).await?;
        Ok(StalledReport { sessions, now, stall_threshold: rule.threshold() })
    }

    /// Returns the health of one session.
    ///
    /// # Errors
    /// Fails with [`crate::Rejection::NotFound`].
    pub async fn health(&self, id: SessionId) -> Result<SessionHealth, Error> {
        let session = self.0.load_session(id).await?;
        let now = self.0.clock.now();
        let rule = self.0.liveness_rule(now).await?;
        let overdue = rule.is_overdue(&session.value);
        let status = session.value.status();
        Ok(SessionHealth {
            is_healthy: status == SessionStatus::Active && !overdue,
            is_stalled: status == SessionStatus::Stalled || overdue,
            silent_for: now.since(session.value.last_heartbeat),
            stall_threshold: rule.threshold(),
            session,
        })
    }
}
