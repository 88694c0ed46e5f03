//! The steps about API keys, on whose behalf things are done, answers that are kept, and the trail.

use std::sync::Arc;
use std::time::Duration;

use proptest::sample::Index;
use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::store::{AuditFilter, IdempotencyKey};
use rekindle_core::use_cases::{IdempotentRequest, NewKey, NewSession};
use rekindle_core::{Actor, KeyId, Role, Session, Tracker, Versioned};

use super::steps::{ModelState, said};
use crate::sample::{text, uuid};

/// How long an answer is kept: shorter than the clock goes at times.
const KEPT: Duration = Duration::from_secs(300);

impl ModelState {
    /// The use cases, every third time without an actor, otherwise with one of a few keys.
    pub(super) fn acting(&self) -> Tracker {
        if self.taken.is_multiple_of(3) {
            return self.tracker.clone();
        }
        let key = Some(KeyId(uuid(self.taken % 4)));
        let address = self.taken.is_multiple_of(2).then(|| [127, 0, 0, 1].into());
        self.tracker.with_actor(Actor { key, address, request: uuid(self.taken) })
    }

    /// Creates a session with one of a few idempotency keys.
    pub(super) async fn create_once(&mut self, tracker: &Tracker, new: NewSession, request: u8) -> String {
        let key = IdempotencyKey([request; 32]);
        let encode = |answer: &Versioned<Session>| Some(format!("{answer:?}").into_bytes().into());
        let request = Arc::new(IdempotentRequest::new(key, [request + 1; 32], KEPT, encode));
        let made = tracker.with_idempotency(Arc::clone(&request)).sessions().create(new).await;
        self.sessions.extend(made.iter().map(|row| row.value.id));
        said((made, request.is_stored(), tracker.stored_response(&key).await))
    }

    pub(super) async fn make_key(
        &mut self,
        tracker: &Tracker,
        role: u8,
        project: Option<u8>,
        seconds: Option<u8>,
    ) -> String {
        let new = NewKey {
            name: text("a key"),
            secret: SecretHash([role; 32]),
            role: Role::ALL[usize::from(role)],
            project_id: project.map(|n| text(&format!("p{n}"))),
            ttl: seconds.map(|n| Duration::from_secs(n.into())),
        };
        let made = tracker.api_keys().create(new).await;
        self.keys.extend(made.iter().map(|row| row.value.id));
        said(made)
    }

    pub(super) async fn rotate_key(&mut self, tracker: &Tracker, key: &Index, overlap: u8) -> String {
        let overlap = Duration::from_secs(overlap.into());
        let rotated = tracker.api_keys().rotate(self.key(key), SecretHash([9; 32]), None, overlap).await;
        self.keys.extend(rotated.iter().map(|rotated| rotated.new.value.id));
        said(rotated)
    }

    /// One of the keys that were made.
    pub(super) fn key(&self, index: &Index) -> KeyId {
        if self.keys.is_empty() { KeyId(uuid(u64::MAX)) } else { *index.get(&self.keys) }
    }

    /// The trail, part by part. Positions are the store's own and are not compared.
    pub(super) async fn trail(&self, filter: &AuditFilter, limit: u32) -> String {
        let mut words = String::new();
        let mut before = None;
        loop {
            let found = self.tracker.audit_log(filter, before.as_ref(), limit).await.unwrap();
            let Some(last) = found.last() else { return words };
            before = Some(last.position.clone());
            for recorded in &found {
                words += &format!("{:?}\n", recorded.event);
            }
        }
    }
}
