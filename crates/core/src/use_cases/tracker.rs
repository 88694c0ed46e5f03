//! The entry point of the use cases: it is built over a store, limited for a request, and has one handle for each
//! entity.

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
/// Dropping one of its futures never leaves a command half done: a use case makes one commit, and a store completes
/// what it was given.
#[derive(Clone)]
pub struct Tracker {
    pub(super) engine: Engine,
}

impl Tracker {
    /// Returns the use cases over this store.
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

    /// Returns the use cases of sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.engine)
    }

    /// Returns the use cases of tasks.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks(&self.engine)
    }

    /// Returns the use cases of machines.
    pub fn machines(&self) -> Machines<'_> {
        Machines(&self.engine)
    }

    /// Returns the use cases of API keys.
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(&self.engine)
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.engine.store
    }

    /// Returns the limits that an operator configured.
    pub fn policy(&self) -> &Policy {
        &self.engine.policy
    }

    /// Returns the current time of the tracker's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }
}
