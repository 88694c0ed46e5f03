//! The API keys that are let in: those of the settings, which are administrators', and those created at runtime. The
//! latter are a copy that is refreshed every second. So no request waits for the store, and keys remain valid while the
//! store is out of reach.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::header::HeaderMap;
use rekindle_core::domain::api_key::{KeyState, SecretHash};
use rekindle_core::{ApiKey, Error, KeyId, ProjectId, Role, Timestamp, Tracker};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth;
use crate::auth::ApiKeys;
use crate::error::ApiError;

/// The identity that an API key gives to its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The id of the key. For a key of the settings it is made from the hash.
    pub id: KeyId,
    /// The role of the key.
    pub role: Role,
    /// The one project that the key is bound to. None: all projects.
    pub project: Option<ProjectId>,
}

type KeysByHash = HashMap<SecretHash, ApiKey>;

/// The API keys that are let in, cached in memory.
#[derive(Debug)]
pub(crate) struct ApiKeyCache {
    configured: ApiKeys,
    /// The keys of the store and the number of the read that returned them. None before the first read.
    stored: RwLock<Option<(u64, Arc<KeysByHash>)>>,
    reads: AtomicU64,
}

impl ApiKeyCache {
    /// Returns a cache with the keys of the settings only.
    pub(crate) fn new(configured: ApiKeys) -> Self {
        Self { configured, stored: RwLock::new(None), reads: AtomicU64::new(0) }
    }

    /// Returns the identity of the request's key.
    ///
    /// # Errors
    /// Fails with 401 and the reason as the message, or with 503 while the keys of the store are not known.
    pub(crate) fn identify(&self, headers: &HeaderMap, now: Timestamp) -> Result<Identity, ApiError> {
        let key = auth::read_key(headers)?;
        let secret = hash(key);
        if self.configured.contains(key) {
            return Ok(Identity { id: configured_id(secret), role: Role::Admin, project: None });
        }
        let Some(stored) = self.snapshot() else {
            return Err(ApiError::keys_unknown());
        };
        match stored.get(&secret) {
            Some(found) if found.state(now) == KeyState::Valid => {
                Ok(Identity { id: found.id, role: found.role, project: found.project_id.clone() })
            }
            Some(_) | None => Err(auth::invalid_key()),
        }
    }

    /// Reads the keys of the store anew. If the store fails, the old copy remains.
    ///
    /// # Errors
    /// Fails with the error of the store.
    pub(crate) async fn refresh(&self, tracker: &Tracker) -> Result<(), Error> {
        let read = self.reads.fetch_add(1, Ordering::SeqCst);
        let keys = tracker.api_keys().list().await?;
        let keys = keys.into_iter().map(|row| (row.value.secret, row.value)).collect();
        let mut stored = self.stored.write().unwrap_or_else(PoisonError::into_inner);
        // A read that began later is newer, even if it ended earlier.
        if stored.as_ref().is_none_or(|(number, _)| *number < read) {
            *stored = Some((read, Arc::new(keys)));
        }
        Ok(())
    }

    /// Returns the id of the request's key if it was created at runtime, even if it is no longer valid.
    pub(crate) fn known_id(&self, headers: &HeaderMap) -> Option<KeyId> {
        let key = auth::read_key(headers).ok()?;
        self.snapshot()?.get(&hash(key)).map(|found| found.id)
    }

    fn snapshot(&self) -> Option<Arc<KeysByHash>> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        stored.as_ref().map(|(_, keys)| Arc::clone(keys))
    }
}

/// Returns the hash of a secret, as it is stored.
pub(crate) fn hash(key: Uuid) -> SecretHash {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    SecretHash(Sha256::digest(key.as_hyphenated().encode_lower(&mut text).as_bytes()).into())
}

/// Returns the first half of the hash: it reveals nothing of the key and is the same in every process.
fn configured_id(SecretHash(hash): SecretHash) -> KeyId {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    KeyId(uuid::Builder::from_custom_bytes(half).into_uuid())
}

#[cfg(test)]
mod tests;
