//! API keys and their roles. Of a key's secret only a hash is known here. Which role a request needs is defined by the
//! adapter that offers it.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use crate::values::string_enum::string_enum;
use crate::values::{KeyId, KeyName, ProjectId, Timestamp};

string_enum! {
    /// The rights of an API key. Each role includes the rights of the roles before it.
    pub enum Role {
        /// Reads.
        Reader = "reader",
        /// Creates and changes sessions and tasks, registers machines, sends heartbeats and recovers sessions.
        Worker = "worker",
        /// Archives and deletes, changes machines, runs cleanup and detection, and reads the audit log.
        Operator = "operator",
        /// Manages API keys.
        Admin = "admin",
    }
}

/// The SHA-256 hash of a key's secret. The secret is random, so a slow password hash is not needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// Hides the hash, so that it cannot reach a log.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id of the key, which is not secret.
    pub id: KeyId,
    /// The name that an administrator gave it.
    pub name: KeyName,
    /// The hash of its secret.
    pub secret: SecretHash,
    /// Its rights.
    pub role: Role,
    /// The only project that it can see and change; `None` for all projects.
    pub project_id: Option<ProjectId>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time from which it is no longer accepted; `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
    /// The time of its revocation; `None` if it was not revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that replaces it since a rotation.
    pub replaced_by: Option<KeyId>,
}

string_enum! {
    /// Whether a key is accepted.
    pub enum KeyState {
        /// The key is accepted.
        Valid = "valid",
        /// The key has expired.
        Expired = "expired",
        /// The key was revoked.
        Revoked = "revoked",
    }
}

impl ApiKey {
    /// Returns the state of the key at this time. A revoked key is never reported as expired.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(end)) if end <= now => KeyState::Expired,
            (None, _) => KeyState::Valid,
        }
    }
}

/// The origin of a change, for the audit log. The periodic passes of the detector and of retention have no actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The API key of the request; `None` if it was not a known one.
    pub key: Option<KeyId>,
    /// The address of the client; `None` if it is not known.
    pub address: Option<IpAddr>,
    /// The id of the request, as in the log.
    pub request: Uuid,
}
