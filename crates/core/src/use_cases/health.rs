//! How sessions fare: counts, who is silent, and one session's health.

use std::time::Duration;

use super::error::Error;
use super::handles::Sessions;
use crate::domain::session::{Session, SessionStatus};
use crate::store::{SessionCounts, StalledSessions, Versioned};
use crate::values::{SessionId, Timestamp};

/// One session's health at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionHealth {
    /// The session.
    pub session: Versioned<Session>,
    /// Whether it is active and in time.
    pub is_healthy: bool,
    /// Whether it is stalled, or active and past its deadline.
    pub is_stalled: bool,
    /// How long it has been silent.
    pub silent_for: Duration,
    /// The silence after which it is missed.
    pub stall_threshold: Duration,
}

/// The silent sessions at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StalledReport {
    /// Longest silent first.
    pub silent: StalledSessions,
    /// The moment.
    pub now: Timestamp,
    /// The silence after which a session is missed.
    pub stall_threshold: Duration,
}

impl Sessions<'_> {
    /// How many sessions there are in each status, and when that was so.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn counts(&self) -> Result<(SessionCounts, Timestamp), Error> {
        Ok((self.0.store.counts().await?, self.0.clock.now()))
    }

    /// The sessions that are stalled, and the active ones past their deadline that no pass has met yet.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn stalled(&self, limit: u32) -> Result<StalledReport, Error> {
        let now = self.0.clock.now();
        let silence = self.0.liveness_rule(now).await?;
        let silent = self.0.store.stalled_sessions(silence.cutoff(), limit).await?;
        Ok(StalledReport { silent, now, stall_threshold: silence.threshold() })
    }

    /// One session's health.
    ///
    /// # Errors
    /// [`crate::Rejection::NotFound`].
    pub async fn health(&self, id: SessionId) -> Result<SessionHealth, Error> {
        let session = self.0.load_session(id).await?;
        let now = self.0.clock.now();
        let silence = self.0.liveness_rule(now).await?;
        let overdue = silence.is_overdue(&session.value);
        let status = session.value.status();
        Ok(SessionHealth {
            is_healthy: status == SessionStatus::Active && !overdue,
            is_stalled: status == SessionStatus::Stalled || overdue,
            silent_for: now.since(session.value.last_heartbeat),
            stall_threshold: silence.threshold(),
            session,
        })
    }
}
