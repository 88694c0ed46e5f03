//! API keys: who is let in, and what they may do. Of a key's secret only a hash is known here; the table of what each
//! role may ask for belongs to the adapter that has something to ask for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use uuid::Uuid;

use crate::values::{InvalidValue, KeyId, KeyName, ProjectId, Timestamp, one_of};

/// What a key may do. Each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Reader,
    /// Works: sessions, heartbeats, tasks, recoveries, its own machine.
    Worker,
    /// Looks after what others do: deletes, cleans up, declares silence, reads the audit trail.
    Operator,
    /// Hands out keys.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Worker, Self::Operator, Self::Admin];

    /// As it is written outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Worker => "worker",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        one_of(text, &Self::ALL, Self::as_str)
    }
}

/// The SHA-256 of a key's secret. The secret is random, so that nothing slower is needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// Shows nothing of it: a log has no use for it.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it, and is no secret.
    pub id: KeyId,
    /// What it is called.
    pub name: KeyName,
    /// Of its secret.
    pub secret: SecretHash,
    /// What it may do.
    pub role: Role,
    /// The one project that it may see and touch; none: all.
    pub project_id: Option<ProjectId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is let in no more.
    pub expires_at: Option<Timestamp>,
    /// When somebody took it away.
    pub revoked_at: Option<Timestamp>,
    /// The key that takes its place.
    pub replaced_by: Option<KeyId>,
}

/// Whether a key is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody took it away.
    Revoked,
}

impl KeyState {
    /// As it is written outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ApiKey {
    /// Whether it is let in at this time.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(end)) if end <= now => KeyState::Expired,
            (None, _) => KeyState::Valid,
        }
    }
}

/// On whose behalf something is done, for the audit trail. What nobody asked for (the detector, retention) has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The key that was shown; none, if it was not known.
    pub key: Option<KeyId>,
    /// Where from.
    pub address: Option<IpAddr>,
    /// The request's id, as it is in the log.
    pub request: Uuid,
}
