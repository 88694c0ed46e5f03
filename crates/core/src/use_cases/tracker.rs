//! The entrance to the use cases: what they work over, for whom, and the handles by entity.

use std::sync::Arc;

use super::engine::Engine;
use super::handles::{ApiKeys, Machines, Sessions, Tasks};
use super::idempotency::IdempotentRequest;
use super::observer::Observer;
use super::policy::Policy;
use crate::clock::{Clock, Ids};
use crate::domain::api_key::Actor;
use crate::store::{Fence, Store};
use crate::values::{ProjectId, Timestamp};

/// The use cases over a store. Cheap to clone.
///
/// Dropping one of its futures never leaves a command half done: a use case makes one commit, and a store completes what
/// it was given.
#[derive(Clone)]
pub struct Tracker {
    pub(super) engine: Engine,
}

impl Tracker {
    /// The use cases over this store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, policy: Policy) -> Self {
        let (fence, actor, scope, idempotent_request, observer) = (None, None, None, None, None);
        Self { engine: Engine { store, clock, ids, policy, fence, actor, scope, idempotent_request, observer } }
    }

    /// Returns the same tracker, which notifies this observer of what it does.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.engine.observer = Some(observer);
        self
    }

    /// Returns a tracker whose commits fail with [`super::error::Error::Fenced`] once this fence is no longer current.
    #[must_use]
    pub fn with_fence(&self, fence: Fence) -> Self {
        let mut tracker = self.clone();
        tracker.engine.fence = Some(fence);
        tracker
    }

    /// Returns a tracker that records in each event on whose behalf it was caused.
    #[must_use]
    pub fn with_actor(&self, actor: Actor) -> Self {
        let mut tracker = self.clone();
        tracker.engine.actor = Some(actor);
        tracker
    }

    /// Returns a tracker that is limited to the sessions and tasks of one project: others do not exist for it.
    #[must_use]
    pub fn with_scope(&self, project: ProjectId) -> Self {
        let mut tracker = self.clone();
        tracker.engine.scope = Some(project);
        tracker
    }

    /// Returns a tracker for one request, whose first commit with an answer stores the response.
    #[must_use]
    pub fn with_idempotency(&self, request: Arc<IdempotentRequest>) -> Self {
        let mut tracker = self.clone();
        tracker.engine.idempotent_request = Some(request);
        tracker
    }

    /// The use cases of sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.engine)
    }

    /// The use cases of tasks.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks(&self.engine)
    }

    /// The use cases of machines.
    pub fn machines(&self) -> Machines<'_> {
        Machines(&self.engine)
    }

    /// The use cases of API keys.
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(&self.engine)
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.engine.store
    }

    /// The numbers that an operator chose.
    pub fn policy(&self) -> &Policy {
        &self.engine.policy
    }

    /// The time, as the use cases see it.
    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }
}
