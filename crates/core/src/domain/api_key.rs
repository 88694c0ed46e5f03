//! API keys: who is let in, and what they may do. Of a key's secret only a hash is known here; the table of what each
//! role may ask for belongs to the adapter that has something to ask for.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use crate::values::string_enum::string_enum;
use crate::values::{KeyId, KeyName, ProjectId, Timestamp};

string_enum! {
    /// What a key may do. Each role may do all that the ones before it may.
    pub enum Role {
        /// Looks.
        Reader = "reader",
        /// Works: sessions, heartbeats, tasks, recoveries, its own machine.
        Worker = "worker",
        /// Looks after what others do: deletes, cleans up, declares silence, reads the audit trail.
        Operator = "operator",
        /// Hands out keys.
        Admin = "admin",
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

string_enum! {
    /// Whether a key is let in.
    pub enum KeyState {
        /// It is.
        Valid = "valid",
        /// Its time is over.
        Expired = "expired",
        /// Somebody took it away.
        Revoked = "revoked",
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
