//! The keys that are let in: those of the settings, which are administrators', and those that were handed out since. Of
//! the latter a copy is kept and refreshed every second, so that no request waits for the store to be let in, and keys
//! stay good while the store is away.

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

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The key's name. A key of the settings has one that is made from its hash.
    pub id: KeyId,
    /// What it may do.
    pub role: Role,
    /// The one project that there is for it; none: all.
    pub project: Option<ProjectId>,
}

type CachedKey = HashMap<SecretHash, ApiKey>;

/// See the top of the file.
#[derive(Debug)]
pub struct ApiKeyCache {
    configured: ApiKeys,
    /// None before the store was heard for the first time; with the turn of whoever asked for it.
    handed_out: RwLock<Option<(u64, Arc<CachedKey>)>>,
    turns: AtomicU64,
}

impl ApiKeyCache {
    /// With the keys of the settings only, so far.
    pub fn new(configured: ApiKeys) -> Self {
        Self { configured, handed_out: RwLock::new(None), turns: AtomicU64::new(0) }
    }

    /// Lets a request in; answers as whom.
    ///
    /// # Errors
    /// 401, with the reason as its message; 503 while nobody can say whether the key is good.
    pub fn admit(&self, headers: &HeaderMap, now: Timestamp) -> Result<Identity, ApiError> {
        let key = auth::presented(headers)?;
        let secret = hash(key);
        if self.configured.contain(key) {
            return Ok(Identity { id: configured_id(secret), role: Role::Admin, project: None });
        }
        let Some(handed_out) = self.snapshot() else {
            return Err(ApiError::keys_unknown());
        };
        match handed_out.get(&secret) {
            Some(found) if found.state(now) == KeyState::Valid => {
                Ok(Identity { id: found.id, role: found.role, project: found.project_id.clone() })
            }
            Some(_) | None => Err(auth::invalid()),
        }
    }

    /// Takes a fresh copy of the keys that were handed out. When the store does not answer, the old one stands.
    ///
    /// # Errors
    /// The store's.
    pub async fn refresh(&self, tracker: &Tracker) -> Result<(), Error> {
        let turn = self.turns.fetch_add(1, Ordering::SeqCst);
        let keys = tracker.api_keys().list().await?;
        let handed = keys.into_iter().map(|row| (row.value.secret, row.value)).collect();
        let mut standing = self.handed_out.write().unwrap_or_else(PoisonError::into_inner);
        // Who asked later has seen more, also if it was answered sooner.
        if standing.as_ref().is_none_or(|(theirs, _)| *theirs < turn) {
            *standing = Some((turn, Arc::new(handed)));
        }
        Ok(())
    }

    /// The name of the key that a request shows, let in or not, if it was ever handed out.
    pub fn known(&self, headers: &HeaderMap) -> Option<KeyId> {
        let key = auth::presented(headers).ok()?;
        self.snapshot()?.get(&hash(key)).map(|found| found.id)
    }

    fn snapshot(&self) -> Option<Arc<CachedKey>> {
        let standing = self.handed_out.read().unwrap_or_else(PoisonError::into_inner);
        standing.as_ref().map(|(_, handed)| Arc::clone(handed))
    }
}

/// What is stored of a key.
pub fn hash(key: Uuid) -> SecretHash {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    SecretHash(Sha256::digest(key.as_hyphenated().encode_lower(&mut text).as_bytes()).into())
}

/// The first half of the hash: says nothing of the key, and is the same in every process.
fn configured_id(SecretHash(hash): SecretHash) -> KeyId {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    KeyId(uuid::Builder::from_custom_bytes(half).into_uuid())
}

#[cfg(test)]
mod tests;
