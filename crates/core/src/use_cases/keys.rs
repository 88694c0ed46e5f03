//! API keys: create, rotate, revoke. Whether a key is accepted is decided by [`crate::ApiKey::state`].

use std::time::Duration;

use super::decide::Decision;
use super::error::Error;
use super::handles::ApiKeys;
use crate::domain::api_key::{ApiKey, KeyState, Role, SecretHash};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::rejection::Rejection;
use crate::store::{Changes, FindTyped, Version, Versioned, queries};
use crate::values::{KeyId, KeyName, ProjectId, Timestamp};

/// The data of a key to be created. Its secret never reaches the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The name that an administrator gives it.
    pub name: KeyName,
    /// The hash of its secret.
    pub secret: SecretHash,
    /// Its rights.
    pub role: Role,
    /// The only project that it can see and change; `None` for all projects.
    pub project_id: Option<ProjectId>,
    /// The time until it expires; `None` if it does not expire.
    pub ttl: Option<Duration>,
}

/// A rotated key and the one that replaces it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotated {
    /// The new key.
    pub new: Versioned<ApiKey>,
    /// The old one, which is accepted a while longer.
    pub old: Versioned<ApiKey>,
}

impl ApiKeys<'_> {
    /// Returns every key that was ever created, the latest first.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn list(&self) -> Result<Vec<Versioned<ApiKey>>, Error> {
        Ok(self.0.store.read(queries::keys()).await?)
    }

    /// Creates a key.
    ///
    /// # Errors
    /// Fails with [`Rejection::Invalid`] for an administrator's key that is bound to one project.
    pub async fn create(&self, new: NewKey) -> Result<Versioned<ApiKey>, Error> {
        if new.project_id.is_some() && new.role == Role::Admin {
            let why = "cannot be bound to one project when it is an administrator's".to_owned();
            return Err(Rejection::Invalid { field: "project_id", why }.into());
        }
        let now = self.0.clock.now();
        let key = &Versioned { value: new_key(KeyId(self.0.ids.new_id()), new, now), version: Version::FIRST };
        self.0
            .decide(move |attempt| async move {
                if attempt.outcome_may_be_ours && self.find_key(key.value.id).await.is_ok() {
                    return Ok(Decision::Done(key.clone()));
                }
                let mut changes = Changes::default();
                changes.insert(key.value.clone());
                changes.events.push(event(now, EventKind::KeyCreated, &key.value));
                Ok(Decision::commit(changes, key.clone()))
            })
            .await
    }

    /// Replaces a key by a new one with the same name, role and project. The old key stays valid for `overlap`, or
    /// until its own expiry if that is sooner. The new key has the given lifetime, or else that of the old one.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], and with [`Rejection::KeyNotValid`] for a key that is not valid or was
    /// replaced.
    pub async fn rotate(
        &self,
        id: KeyId,
        secret: SecretHash,
        ttl: Option<Duration>,
        overlap: Duration,
    ) -> Result<Rotated, Error> {
        let now = self.0.clock.now();
        let new_id = KeyId(self.0.ids.new_id());
        self.0
            .decide(move |_| async move {
                let row = self.find_key(id).await?;
                let new = NewKey {
                    name: row.value.name.clone(),
                    secret,
                    role: row.value.role,
                    project_id: row.value.project_id.clone(),
                    // A key that expires must not be replaced by one that does not.
                    ttl: ttl.or_else(|| row.value.expires_at.map(|end| end.since(row.value.created_at))),
                };
                let new = Versioned { value: new_key(new_id, new, now), version: Version::FIRST };
                if row.value.replaced_by == Some(new_id) {
                    return Ok(Decision::Done(Rotated { new, old: row }));
                }
                ensure_rotatable(&row.value, now)?;
                let mut old = row.value.clone();
                let end = now.plus(overlap);
                old.expires_at = Some(old.expires_at.map_or(end, |own| own.min(end)));
                old.replaced_by = Some(new_id);
                let mut changes = Changes::default();
                changes.update(old.clone(), row.version);
                changes.insert(new.value.clone());
                let rotated = event(now, EventKind::KeyRotated, &old).with("replaced_by", new_id.to_string());
                changes.events.push(rotated);
                changes.events.push(event(now, EventKind::KeyCreated, &new.value));
                let old = Versioned { value: old, version: row.version.after_put() };
                Ok(Decision::commit(changes, Rotated { new, old }))
            })
            .await
    }

    /// Revokes a key; a repetition changes nothing.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`].
    pub async fn revoke(&self, id: KeyId) -> Result<Versioned<ApiKey>, Error> {
        let now = self.0.clock.now();
        self.0
            .decide(move |_| async move {
                let row = self.find_key(id).await?;
                if row.value.revoked_at.is_some() {
                    return Ok(Decision::Done(row));
                }
                let mut next = row.value.clone();
                next.revoked_at = Some(now);
                let mut changes = Changes::default();
                changes.update(next.clone(), row.version);
                changes.events.push(event(now, EventKind::KeyRevoked, &next));
                let next = Versioned { value: next, version: row.version.after_put() };
                Ok(Decision::commit(changes, next))
            })
            .await
    }

    /// Returns a key by its id. Keys are few, so it is searched among all.
    async fn find_key(&self, id: KeyId) -> Result<Versioned<ApiKey>, Error> {
        let found = self.0.store.read(queries::keys()).await?.into_iter().find(|row| row.value.id == id);
        found.ok_or_else(|| Rejection::NotFound { entity: "key", id: id.to_string() }.into())
    }
}

fn ensure_rotatable(key: &ApiKey, now: Timestamp) -> Result<(), Rejection> {
    let state = match (key.state(now), key.replaced_by) {
        (KeyState::Valid, None) => return Ok(()),
        (KeyState::Valid, Some(_)) => "replaced",
        (state, _) => state.as_str(),
    };
    Err(Rejection::KeyNotValid { key: key.id, state, successor: key.replaced_by })
}

fn new_key(id: KeyId, new: NewKey, now: Timestamp) -> ApiKey {
    ApiKey {
        id,
        name: new.name,
        secret: new.secret,
        role: new.role,
        project_id: new.project_id,
        created_at: now,
        expires_at: new.ttl.map(|ttl| now.plus(ttl)),
        revoked_at: None,
        replaced_by: None,
    }
}

fn event(now: Timestamp, kind: EventKind, key: &ApiKey) -> Event {
    Event::new(now, kind, Subject::Key(key.id)).with("name", key.name.as_str()).with("role", key.role.as_str())
}
