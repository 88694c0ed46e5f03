//! API keys: hand out, replace, take away. Who is let in is decided with [`crate::ApiKey::state`].

use std::time::Duration;

use super::decide::Decision;
use super::error::Error;
use super::handles::ApiKeys;
use crate::domain::api_key::{ApiKey, KeyState, Role, SecretHash};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::rejection::Rejection;
use crate::store::{Changes, Version, Versioned};
use crate::values::{KeyId, KeyName, ProjectId, Timestamp};

/// A key to be handed out. Whoever makes the secret is the only one who ever knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What it is called.
    pub name: KeyName,
    /// Of its secret.
    pub secret: SecretHash,
    /// What it may do.
    pub role: Role,
    /// The one project that it is for; none: all.
    pub project_id: Option<ProjectId>,
    /// For how long it is good; none: until it is taken away.
    pub lasts: Option<Duration>,
}

/// A key and the one that takes its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotated {
    /// The new key.
    pub new: Versioned<ApiKey>,
    /// The old one, which is let in a while longer.
    pub old: Versioned<ApiKey>,
}

impl ApiKeys<'_> {
    /// Returns every key that was ever created, the latest first.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn list(&self) -> Result<Vec<Versioned<ApiKey>>, Error> {
        Ok(self.0.store.keys().await?)
    }

    /// Hands out a key.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for one that is bound to a project and yet an administrator's.
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

    /// Hands out a key in another one's place: same name, role and project. The old one is let in for `overlap` longer, or
    /// until its own end if that comes sooner. The new one lasts as long as was asked for, or as the old one was to.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], and [`Rejection::KeyNotValid`] for one that is not let in, or has a successor.
    pub async fn rotate(
        &self,
        id: KeyId,
        secret: SecretHash,
        lasts: Option<Duration>,
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
                    // One that was to end does not become one that never does.
                    lasts: lasts.or_else(|| row.value.expires_at.map(|end| end.since(row.value.created_at))),
                };
                let new = Versioned { value: new_key(new_id, new, now), version: Version::FIRST };
                if row.value.replaced_by == Some(new_id) {
                    return Ok(Decision::Done(Rotated { new, old: row }));
                }
                may_change(&row.value, now)?;
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

    /// Takes a key away; again: unchanged.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
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

    /// They are few: one that is asked for by its id is looked up among all.
    async fn find_key(&self, id: KeyId) -> Result<Versioned<ApiKey>, Error> {
        let found = self.0.store.keys().await?.into_iter().find(|row| row.value.id == id);
        found.ok_or_else(|| Rejection::NotFound { entity: "key", id: id.to_string() }.into())
    }
}

fn may_change(key: &ApiKey, now: Timestamp) -> Result<(), Rejection> {
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
        expires_at: new.lasts.map(|lasts| now.plus(lasts)),
        revoked_at: None,
        replaced_by: None,
    }
}

fn event(now: Timestamp, kind: EventKind, key: &ApiKey) -> Event {
    Event::new(now, kind, Subject::Key(key.id)).with("name", key.name.as_str()).with("role", key.role.as_str())
}
